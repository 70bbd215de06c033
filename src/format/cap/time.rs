//! CAP's times.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::domain::Timestamp;
use crate::format::TimeFault;

/// An instant as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Instant {
    /// With its offset from UTC.
    Exact(Timestamp),
    /// Without one; this is the instant if UTC is meant.
    Local(Timestamp),
}

/// Reads `2024-11-02T12:00:00-06:00`. CAP 1.2 has no fractions and no `Z` (section 3.3.2); real issuers write both, and
/// nothing else is meant by them. An instant after the last that there is becomes that one: some write the year 9999
/// for "until further notice".
pub(in crate::format) fn instant(text: &str) -> Result<Instant, TimeFault> {
    let (local, offset) = split(text.as_bytes()).ok_or(TimeFault::NotATime)?;
    let timestamp = |offset: Offset| match offset.to_timestamp(local) {
        Ok(timestamp) => Timestamp::from_nanosecond(timestamp.as_nanosecond()).unwrap_or(Timestamp::MAX),
        Err(_) if local.year() > 0 => Timestamp::MAX,
        Err(_) => Timestamp::MIN,
    };
    Ok(offset.map_or_else(|| Instant::Local(timestamp(Offset::UTC)), |offset| Instant::Exact(timestamp(offset))))
}

/// Reads an instant that has its offset.
pub(in crate::format) fn exact(text: &str) -> Result<Timestamp, TimeFault> {
    match instant(text)? {
        Instant::Exact(at) => Ok(at),
        Instant::Local(_) => Err(TimeFault::NoOffset),
    }
}

/// The local time and the offset of `yyyy-mm-ddThh:mm:ss[.fraction][Z|±hh:mm]`.
fn split(text: &[u8]) -> Option<(DateTime, Option<Offset>)> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, sign)| date_time[at] != sign) {
        return None;
    }
    let two = |at: usize| number(&date_time[at..at + 2]);
    let year = i16::try_from(number(&date_time[..4])?).ok()?;
    let (rest, nanosecond) = fraction(rest)?;
    let part = |at: usize| two(at).and_then(|value| i8::try_from(value).ok());
    let local = DateTime::new(year, part(5)?, part(8)?, part(11)?, part(14)?, part(17)?, nanosecond).ok()?;
    let offset = match rest {
        [] => None,
        b"Z" => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if minutes > 59 || hours * 60 + minutes > 14 * 60 {
                return None;
            }
            let seconds = (hours * 60 + minutes) * 60;
            Some(Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok()?)
        }
        _ => return None,
    };
    Some((local, offset))
}

/// A fraction of a second as nanoseconds, and what follows it.
fn fraction(text: &[u8]) -> Option<(&[u8], i32)> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((text, 0)) };
    let length = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let padded = digits[..length].iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some((&digits[length..], padded.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))))
}

/// The number of up to four digits.
fn number(digits: &[u8]) -> Option<i32> {
    let all = digits.iter().all(u8::is_ascii_digit);
    all.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> String {
        match instant(text) {
            Ok(Instant::Exact(at)) => at.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_instant_is_read_in_each_way_that_issuers_write_it() {
        for text in [
            "2024-11-02T12:00:00-06:00",
            "2024-11-02T18:00:00-00:00",
            "2024-11-02T18:00:00+00:00",
            "2024-11-02T18:00:00Z",
            "2024-11-02T18:00:00.000Z",
            "2024-11-03T08:00:00+14:00",
        ] {
            assert_eq!(exact(text), "2024-11-02T18:00:00Z", "{text}");
        }
        assert_eq!(exact("2010-08-31T00:09:25.4961234567Z"), "2010-08-31T00:09:25.496123456Z");
        assert_eq!(exact("9999-12-31T23:59:59Z"), Timestamp::MAX.to_string());
    }

    #[test]
    fn a_time_without_offset_is_told_apart() {
        let utc = "2016-03-10T22:12:03.77Z".parse().expect("an instant");
        assert_eq!(instant("2016-03-10T22:12:03.770"), Ok(Instant::Local(utc)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "okay",
            "2024-11-02",
            "2024-11-02 12:00:00-06:00",
            "2024-11-02T12:00-06:00",
            "2024-13-02T12:00:00-06:00",
            "2023-02-29T12:00:00-06:00",
            "2024-11-02T24:00:00-06:00",
            "2024-11-02T12:00:60-06:00",
            "2024-11-02T12:00:00,06:00",
            "2024-11-02T12:00:00-0600",
            "2024-11-02T12:00:00-14:01",
            "2024-11-02T12:00:00-06:60",
            "2024-11-02T12:00:00.-06:00",
            "2024-11-02T12:00:00-06:00[America/Mexico_City]",
            "-024-11-02T12:00:00-06:00",
            "２０２４-11-02T12:00:00-06:00",
            "Mon, 24 Feb 2025 23:00:00 GMT",
        ] {
            assert_eq!(instant(text), Err(TimeFault::NotATime), "{text}");
        }
    }
}
