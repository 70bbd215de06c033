//! Times as telegrams write them: with their offset, or local to a country that everybody knows.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::domain::Timestamp;

use super::error::excerpt;
use super::path::Path;
use super::{FormatError, TimeFault};

/// Japan's time, which has no summer time.
pub(super) const JAPAN: Offset = Offset::constant(9);
/// China's and Taiwan's time, which have no summer time.
pub(super) const CHINA: Offset = Offset::constant(8);

/// The most characters of a time: `2024-04-17T23:14:59.123456789+09:00`.
const LONGEST: usize = 35;

/// Reads `2024-04-17T23:14:59+09:00` or `2024-04-17T14:14:59Z`.
pub(super) fn instant(path: &Path, text: &str) -> Result<Timestamp, FormatError> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"-+:.TZ".contains(&byte);
    let read = if text.len() <= LONGEST && text.bytes().all(is_plain) { text.parse().ok() } else { None };
    read.ok_or_else(|| fault(path, text))
}

/// Reads `2024/04/17 23:14:59`, also with hyphens, without seconds, or with a fraction of them, as the time of a
/// country.
pub(super) fn local(path: &Path, text: &str, country: Offset) -> Result<Timestamp, FormatError> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"-/:. ".contains(&byte);
    let is_plain = text.len() <= LONGEST && text.contains(':') && text.bytes().all(is_plain);
    let civil = if is_plain { text.replace('/', "-").parse::<DateTime>().ok() } else { None };
    civil.and_then(|civil| country.to_timestamp(civil).ok()).ok_or_else(|| fault(path, text))
}

fn fault(path: &Path, text: &str) -> FormatError {
    FormatError::Time { field: path.to_string(), value: excerpt(text), source: TimeFault::NotATime }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_that_of_its_country() {
        let path = Path::ROOT;
        let read = |text: &str, country| local(&path, text, country).map(|at| at.to_string()).ok();
        let expected = Some("2024-04-17T14:14:59Z".to_owned());
        assert_eq!(read("2024/04/17 23:14:59", JAPAN), expected);
        assert_eq!(read("2024-04-17 22:14:59", CHINA), expected);
        assert_eq!(read("2024/04/17 23:14", JAPAN).as_deref(), Some("2024-04-17T14:14:00Z"));
        assert_eq!(read("2024/04/17 23:14:59.500", JAPAN).as_deref(), Some("2024-04-17T14:14:59.5Z"));
        for text in ["", "2024/04/17", "2024/13/17 00:00:00", "//////", "2024/04/17 23:14:59+09:00", "２０２４"] {
            assert_eq!(read(text, JAPAN), None, "{text}");
        }
    }

    #[test]
    fn an_instant_has_its_offset() {
        let path = Path::ROOT;
        let read = |text: &str| instant(&path, text).map(|at| at.to_string()).ok();
        assert_eq!(read("2024-04-17T23:14:59+09:00").as_deref(), Some("2024-04-17T14:14:59Z"));
        for text in ["2024-04-17T23:14:59", "2024-04-17", "23:14:59+09:00", "2024-04-17T23:14:59+09:00[Asia/Tokyo]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
