//! Words of the standard's lists.

use crate::domain::{AlertScope, Certainty, Mode};
use crate::format::FormatError;
use crate::format::error::excerpt;
use crate::format::path::Path;

use super::Version;

/// CAP's `msgType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum MessageType {
    Alert,
    Update,
    Cancel,
    Ack,
    Error,
}

/// Reads a word with `parse`; one that is not of the list is an error.
pub(in crate::format) fn word<T>(path: &Path, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, FormatError> {
    parse(text).ok_or_else(|| FormatError::UnknownValue { field: path.to_string(), value: excerpt(text) })
}

pub(in crate::format) fn mode(text: &str) -> Option<Mode> {
    Some(match text {
        "Actual" => Mode::Actual,
        "Exercise" => Mode::Exercise,
        "System" => Mode::System,
        "Test" => Mode::Test,
        "Draft" => Mode::Draft,
        _ => return None,
    })
}

pub(in crate::format) fn scope(text: &str) -> Option<AlertScope> {
    Some(match text {
        "Public" => AlertScope::Public,
        "Restricted" => AlertScope::Restricted,
        "Private" => AlertScope::Private,
        _ => return None,
    })
}

pub(in crate::format) fn message_type(text: &str) -> Option<MessageType> {
    Some(match text {
        "Alert" => MessageType::Alert,
        "Update" => MessageType::Update,
        "Cancel" => MessageType::Cancel,
        "Ack" => MessageType::Ack,
        "Error" => MessageType::Error,
        _ => return None,
    })
}

/// CAP 1.0 has one more certainty: `Very Likely`, more than 85 %.
pub(super) fn certainty(version: Version) -> impl Fn(&str) -> Option<Certainty> {
    move |text| match text {
        "Very Likely" if version == Version::V1_0 => Some(Certainty::Likely),
        _ => Certainty::parse(text),
    }
}
