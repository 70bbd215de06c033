//! Bytes to alerts: each of the formats that authorities write, read into one [`Alert`].
//!
//! [`read`] is the front door. It finds the format among those in a list, each a `Format` with a file or folder of
//! its own, and gives a [`Read`]: the alert, with the parts of it that could not be used ([`Refusal`]), or a
//! [`FormatError`] that names the field which is wrong. [`outline`] gives besides what was [`Written`], for those who
//! want to know how a message was understood.
//!
//! What comes in may be hostile: [`Limits`] bound what a message may cost before it is known to be one. Nothing here
//! asks who sent it, what time it is, or where a geocode lies, and no address in a message is ever followed.

mod cap;
mod check;
mod error;
mod limits;
mod path;
mod refusal;
mod text;
mod written;
mod xml;

pub use check::{Audience, Complaint, Report};
pub use error::{FormatError, TimeFault};
pub use limits::Limits;
pub use refusal::{Refusal, Unusable};
pub use written::{Extent, Written, WrittenArea, WrittenInfo};

use crate::domain::Alert;

/// A way to write alerts.
trait Format: Sync {
    /// Media types that say so, lower case, without parameters.
    fn media_types(&self) -> &'static [&'static str];
    /// Whether a message without a media type begins like one of these.
    fn begins(&self, bytes: &[u8]) -> bool;
    /// Reads a message; `charset` is what its media type says of the encoding.
    fn read(&self, bytes: &[u8], charset: Option<&str>, limits: &Limits) -> Result<Outline, FormatError>;
}

/// Every format, the likeliest first.
const FORMATS: [&dyn Format; 1] = [&cap::Cap];

/// An alert as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What can be used of it.
    pub alert: Alert,
    /// What cannot, and why.
    pub refusals: Vec<Refusal>,
}

/// A message whose fields could all be read, whether or not an alert comes of them.
#[derive(Debug, Clone)]
pub struct Outline {
    /// What its source wrote.
    pub written: Written,
    /// The alert, or the rule of the whole message that it breaks.
    pub alert: Result<Alert, FormatError>,
    /// What cannot be used, and why.
    pub refusals: Vec<Refusal>,
}

/// Reads a message of any format. `media_type` is what its carrier says it is, with or without parameters; `None` or
/// empty lets the content decide.
pub fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Read, FormatError> {
    let Outline { alert, refusals, .. } = outline(bytes, media_type)?;
    Ok(Read { alert: alert?, refusals })
}

/// Reads a message as [`read`] does, and tells what was written.
pub fn outline(bytes: &[u8], media_type: Option<&str>) -> Result<Outline, FormatError> {
    let limits = Limits::default();
    if bytes.len() > limits.bytes {
        return Err(FormatError::TooLarge { bytes: bytes.len(), most: limits.bytes });
    }
    let (format, charset) = match media_type.map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => named(given)?,
        None => (begun(bytes)?, None),
    };
    if bytes.is_empty() {
        return Err(FormatError::Empty);
    }
    format.read(bytes, charset, &limits)
}

/// The format that a media type names, and its `charset` if it has one.
fn named(media_type: &str) -> Result<(&'static dyn Format, Option<&str>), FormatError> {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let format = FORMATS.into_iter().find(|format| format.media_types().contains(&essence.as_str()));
    let format = format.ok_or_else(|| FormatError::media_type(media_type))?;
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    Ok((format, charset))
}

fn begun(bytes: &[u8]) -> Result<&'static dyn Format, FormatError> {
    if bytes.is_empty() {
        return Err(FormatError::Empty);
    }
    FORMATS.into_iter().find(|format| format.begins(bytes)).ok_or(FormatError::UnknownFormat)
}

#[cfg(test)]
mod tests;
