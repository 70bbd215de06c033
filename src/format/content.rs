//! A message before it is known of which format it is: XML or JSON, parsed.

use roxmltree::Node;
use serde_json::Value;

use super::error::excerpt;
use super::{FormatError, decode, json};

/// How a message is written, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Xml,
    Json,
}

/// A parsed message, at its root.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'d> {
    Xml(Node<'d, 'd>),
    Json(&'d Value),
}

impl Syntax {
    /// The syntax that a media type names, and its `charset` if it has one (RFC 7303 and RFC 6839 for the suffixes).
    pub(super) fn named(media_type: &str) -> Result<(Self, Option<&str>), FormatError> {
        let mut parts = media_type.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let named = match essence.rsplit(['/', '+']).next() {
            Some("xml" | "common-alerting-protocol") => Self::Xml,
            Some("json" | "geojson" | "javascript") => Self::Json,
            _ => return Err(FormatError::media_type(media_type)),
        };
        if !essence.starts_with("application/") && !essence.starts_with("text/") {
            return Err(FormatError::media_type(media_type));
        }
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        Ok((named, charset))
    }

    /// The syntax of bytes, and its `charset`: what their carrier says, or else what they begin with.
    pub(super) fn of<'m>(bytes: &[u8], media_type: Option<&'m str>) -> Result<(Self, Option<&'m str>), FormatError> {
        match media_type.map(str::trim).filter(|given| !given.is_empty()) {
            Some(given) => Self::named(given),
            None => Ok((Self::begun(bytes)?, None)),
        }
    }

    /// The syntax that bytes begin with.
    pub(super) fn begun(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.is_empty() {
            return Err(FormatError::Empty);
        }
        match bytes {
            _ if decode::looks_like_xml(bytes) => Ok(Self::Xml),
            _ if json::looks_like_json(bytes) => Ok(Self::Json),
            _ => Err(FormatError::UnknownFormat),
        }
    }
}

impl Content<'_> {
    /// What is said of content that is in no format.
    pub(super) fn unknown(&self) -> FormatError {
        match self {
            Self::Xml(root) => {
                let tag = root.tag_name();
                let (name, namespace) = (excerpt(tag.name()), excerpt(tag.namespace().unwrap_or_default()));
                FormatError::UnknownRoot { name, namespace }
            }
            Self::Json(_) => FormatError::UnknownFormat,
        }
    }
}
