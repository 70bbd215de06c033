//! The Common Alerting Protocol: 1.2, and 1.1 and 1.0, which differ in little.
//!
//! Elements are found by namespace and name, in whatever order they stand: re-publishers mix it up. What real issuers
//! break and what is harmless is forgiven; each forgiveness says so where it is made. Whatever would have to be guessed
//! is refused: the whole message if it concerns who says what to whom, else that ring, circle, time or reference alone.
//!
//! Signatures are not looked at here but in `signature`, nor is what a `resource` holds or refers to.

mod area;
mod ending;
mod info;
mod message;
mod node;
mod reference;
mod ring;
mod term;
mod time;

use compact_str::CompactString;

use crate::domain::{NamedValue, Timestamp};

use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::limits::{AREA, POINT};
use super::path::Path;
use super::text::{line, plain};
use super::xml::Element;
use super::{Format, FormatError, Limits, Message, Outline, Refusal, TimeFault, Unusable};

use time::Instant;

// What formats use that say what CAP says by names of their own.
pub(super) use area::use_ring;
pub(super) use ending::still_on;
pub(super) use info::{DEFAULT_LANGUAGE, graded, language, texts, time, words};
pub(super) use message::{body, expired, name, required, sent, withheld};
pub(super) use node::Node;
pub(super) use reference::references;
pub(super) use ring::{of_points, on_globe, ring};
pub(super) use term::{MessageType, message_type, mode, scope};
pub(super) use time::{Instant as WrittenInstant, exact, instant};

/// CAP in its three versions.
pub(super) struct Cap;

impl Format for Cap {
    fn is_of(&self, content: &Content) -> bool {
        matches!(content, Content::Xml(root) if version(*root).is_some())
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Xml(root) = content else { return Err(content.unknown()) };
        Ok(vec![Message::whole(alert(*root, Path::ROOT, limits))])
    }
}

/// Reads one `alert`, wherever it stands.
pub(super) fn alert(element: roxmltree::Node, path: Path, limits: &Limits) -> Result<Outline, FormatError> {
    let version = version(element).ok_or_else(|| Content::Xml(element).unknown())?;
    let namespace = element.tag_name().namespace().unwrap_or_default();
    let reader = Reader::new(version.name(), version, limits);
    message::read(reader, &Element::at(path, element, namespace, limits).into())
}

/// Reads one alert of JSON that has CAP 1.2's names, in a format that is told by a name of its own.
pub(super) fn of_json(format: &'static str, alert: &Field, limits: &Limits) -> Result<Outline, FormatError> {
    message::read(Reader::new(format, Version::V1_2, limits), &(*alert).into())
}

/// The version of CAP that this is an `alert` of, if it is one.
pub(super) fn version(element: roxmltree::Node) -> Option<Version> {
    let tag = element.tag_name();
    tag.namespace().and_then(Version::of).filter(|_| tag.name() == "alert")
}

/// A version of CAP, by its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V1_0,
    V1_1,
    V1_2,
}

impl Version {
    fn of(namespace: &str) -> Option<Self> {
        match namespace {
            "urn:oasis:names:tc:emergency:cap:1.2" => Some(Self::V1_2),
            "urn:oasis:names:tc:emergency:cap:1.1" => Some(Self::V1_1),
            "urn:oasis:names:tc:emergency:cap:1.0" | "http://www.incident.com/cap/1.0" => Some(Self::V1_0),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "CAP 1.0",
            Self::V1_1 => "CAP 1.1",
            Self::V1_2 => "CAP 1.2",
        }
    }
}

/// What is kept while one message is read.
pub(super) struct Reader<'d> {
    /// The format as it is told to people.
    format: &'static str,
    version: Version,
    limits: &'d Limits,
    refusals: Vec<Refusal>,
    /// Refusals beyond those that are told one by one.
    untold: usize,
    /// Areas so far.
    areas: usize,
    /// Points so far.
    points: usize,
}

impl<'d> Reader<'d> {
    pub(super) fn new(format: &'static str, version: Version, limits: &'d Limits) -> Self {
        Self { format, version, limits, refusals: Vec::new(), untold: 0, areas: 0, points: 0 }
    }

    pub(super) fn refuse(&mut self, path: &Path, reason: impl Into<Unusable>) {
        if self.refusals.len() < self.limits.refusals {
            self.refusals.push(Refusal { field: path.to_string(), reason: reason.into() });
        } else {
            self.untold += 1;
        }
    }

    /// Every refusal; of many the last one tells how many more there are.
    pub(super) fn refusals(mut self) -> Vec<Refusal> {
        if self.untold > 0 {
            self.refusals.push(Refusal { field: "alert".to_owned(), reason: Unusable::More(self.untold) });
        }
        self.refusals
    }

    /// Reads a time. CAP before 1.2 lets its offset be left out: then it is taken for UTC, which is told.
    pub(super) fn instant(&mut self, path: &Path, text: &str) -> Result<Timestamp, TimeFault> {
        match time::instant(text)? {
            Instant::Exact(at) => Ok(at),
            Instant::Local(at) if self.version < Version::V1_2 => {
                self.refuse(path, Unusable::TakenForUtc(excerpt(text)));
                Ok(at)
            }
            Instant::Local(_) => Err(TimeFault::NoOffset),
        }
    }

    /// How much a message may be.
    pub(super) fn limits(&self) -> &'d Limits {
        self.limits
    }

    /// Counts points before they are kept.
    fn count_points(&mut self, path: &Path, points: usize) -> Result<(), FormatError> {
        self.points += points;
        within(self.points, self.limits.points, path, "points")?;
        self.limits.spend(path, POINT * points as u64)
    }

    /// Counts areas before they are kept.
    pub(super) fn count_areas(&mut self, path: &Path, areas: usize) -> Result<(), FormatError> {
        self.areas += areas;
        within(self.areas, self.limits.areas, path, "areas")?;
        self.limits.spend(path, AREA * areas as u64)
    }
}

fn within(count: usize, most: usize, path: &Path, what: &'static str) -> Result<(), FormatError> {
    if count > most { Err(FormatError::TooMany { field: path.to_string(), what, most }) } else { Ok(()) }
}

/// `valueName` and `value`, in whatever order; either may be empty, not both.
fn named_value(reader: &mut Reader, element: &Node) -> Result<Option<NamedValue>, FormatError> {
    let (name, value) = (element.text("valueName")?, element.text("value")?);
    if name.is_none() && value.is_none() {
        reader.refuse(&element.path, Unusable::Missing);
        return Ok(None);
    }
    let name = CompactString::from(line(&name.unwrap_or_default()));
    Ok(Some(NamedValue { name, value: plain(&value.unwrap_or_default()) }))
}
