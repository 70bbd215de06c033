//! What is told of a message to those who want to know how it was understood.

use serde::Serialize;

use super::signature::Claim;
use super::{FormatError, Outline, Refusal, Written};

/// The report of one message: the object that `hazardcast alert check --json` prints. It has the same keys for every
/// message, but for `signatures`. What depends on the server's rules and on the clock is added by whoever knows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file the message stands, as a path; empty if it is the whole.
    pub place: String,
    /// Whether every field could be read.
    pub parsed: bool,
    /// What it says, as its source wrote it; nothing where it could not be read.
    #[serde(flatten)]
    pub written: Written,
    /// West, south, east and north over the vertices of polygons and the extents of circles, as written; west is
    /// greater than east where they cross 180°.
    pub bbox: Option<[f64; 4]>,
    /// Whom it is for.
    pub mode: Audience,
    /// What its signatures say of themselves, unverified: `alert verify` verifies them. Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Claim>,
    /// Whether it is too late to send it.
    pub expired: bool,
    /// Whether the message is in order, by whomever and whenever it is sent.
    pub accepted: bool,
    /// What is not in order: of the message if it is not accepted, else of parts that are not used.
    pub refusals: Vec<Complaint>,
}

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody in its area.
    Public,
    /// Those who take part in exercises and tests.
    Drill,
    /// Nobody here: it is between systems, a draft, or for a closed circle.
    None,
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// Path of the field.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl Report {
    /// The report of a message that could not be read.
    pub fn unread(file: &str, place: &str, complaint: Complaint) -> Self {
        Self {
            file: file.to_owned(),
            place: place.to_owned(),
            parsed: false,
            written: Written::default(),
            bbox: None,
            mode: Audience::None,
            signatures: Vec::new(),
            expired: false,
            accepted: false,
            refusals: vec![complaint],
        }
    }

    /// The report of a file that may hold any number of messages, and holds none.
    pub fn empty(file: &str) -> Self {
        Self { parsed: true, ..Self::unread(file, "", Complaint::from(&FormatError::NoMessage)) }
    }

    /// The report of a message that could be read, before it is judged.
    pub fn read(file: &str, place: &str, outline: &Outline) -> Self {
        let fault = outline.alert.as_ref().err().map(Complaint::from);
        Self {
            file: file.to_owned(),
            place: place.to_owned(),
            parsed: true,
            written: outline.written.clone(),
            bbox: None,
            mode: Audience::of(&outline.written),
            signatures: Vec::new(),
            expired: false,
            accepted: fault.is_none(),
            refusals: fault.into_iter().chain(outline.refusals.iter().map(Complaint::from)).collect(),
        }
    }
}

impl Audience {
    /// Whom a message says that it is for.
    pub fn of(written: &Written) -> Self {
        match (written.status.as_str(), written.scope.as_str(), written.msg_type.as_str()) {
            (_, _, "Ack" | "Error") | ("System" | "Draft", _, _) => Self::None,
            (_, scope, _) if scope != "Public" || written.withheld => Self::None,
            ("Actual", _, _) => Self::Public,
            _ => Self::Drill,
        }
    }
}

impl From<&FormatError> for Complaint {
    fn from(error: &FormatError) -> Self {
        Self { field: error.field().to_owned(), reason: error.to_string() }
    }
}

impl From<&Refusal> for Complaint {
    fn from(refusal: &Refusal) -> Self {
        Self { field: refusal.field.clone(), reason: refusal.reason.to_string() }
    }
}
