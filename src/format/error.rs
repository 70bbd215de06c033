//! Why a message is no alert.

use crate::domain::{InvalidGround, InvalidName};

/// The most characters of a message that an error repeats.
const EXCERPT: usize = 64;

/// Why no alert could be read from a message. [`field`](Self::field) names what is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// What the carrier says it is, is not read here.
    #[error("media type {0:?} is not read here")]
    MediaType(String),
    /// Nothing there.
    #[error("the message is empty")]
    Empty,
    /// More bytes than [`Bounds::bytes`](super::Bounds::bytes).
    #[error("the message has {bytes} bytes, more than {most}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A list of messages with nothing in it.
    #[error("there is no alert in it")]
    NoMessage,
    /// More than one message where one is expected.
    #[error("there are {0} alerts in it: each is to be sent by itself")]
    SeveralMessages(usize),
    /// It begins like no format that is read here.
    #[error("the message is in no format that is read here")]
    UnknownFormat,
    /// An encoding that is not decoded here.
    #[error("encoding {0:?} is not decoded here")]
    UnknownEncoding(String),
    /// Bytes that the encoding does not have. They are not guessed at.
    #[error("byte {offset} and what follows it is not {encoding}")]
    InvalidEncoding {
        /// The encoding that the message claims.
        encoding: &'static str,
        /// Where it fails, bytes from the start.
        offset: usize,
    },
    /// The message and its carrier, or its first bytes, name different encodings.
    #[error("the message says that it is {declared:?}, but it comes as {found:?}")]
    EncodingConflict {
        /// What its XML declaration says.
        declared: String,
        /// What its first bytes or its carrier say.
        found: String,
    },
    /// A document type, which could define entities. None is needed, and none is read.
    #[error("a document type declaration (DOCTYPE) is not allowed, line {line}")]
    DocumentType {
        /// Where it is, lines from 1.
        line: usize,
    },
    /// Elements in one another, more than [`Bounds::depth`](super::Bounds::depth).
    #[error("elements lie more than {most} deep in one another, line {line}")]
    TooDeep {
        /// How deep they may.
        most: usize,
        /// Where it is, lines from 1.
        line: usize,
    },
    /// More of something than [`Bounds`](super::Bounds) allow.
    #[error("there are more than {most} {what}")]
    TooMany {
        /// Where there is one too many.
        field: String,
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// More work than [`Bounds::work`](super::Bounds::work) allow.
    #[error("to read it takes more than {most} steps of work")]
    TooCostly {
        /// What would be done next.
        field: String,
        /// How many steps there may be.
        most: u64,
    },
    /// A text longer than [`Bounds::text`](super::Bounds::text).
    #[error("the text has {bytes} bytes, more than {most}")]
    TooLong {
        /// Which.
        field: String,
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// It ends before it is complete.
    #[error("the message ends before it is complete, line {line}")]
    Truncated {
        /// Where what is not complete begins, lines from 1.
        line: usize,
    },
    /// Not well-formed XML. What is wrong is told with names from the message, which may be of any length.
    #[error("the message is not well-formed XML, line {line}, column {column}: {wrong}")]
    NotWellFormed {
        /// The beginning of what the parser says.
        wrong: String,
        /// Where, from 1.
        line: u32,
        /// Where in the line, from 1.
        column: u32,
    },
    /// Not JSON.
    #[error("the message is not JSON, line {line}, column {column}")]
    NotJson {
        /// Where it fails, lines from 1.
        line: usize,
        /// And columns from 1.
        column: usize,
    },
    /// XML of no format that is read here.
    #[error("the root is {name:?} of namespace {namespace:?}, which is in no format that is read here")]
    UnknownRoot {
        /// The root's name.
        name: String,
        /// The root's namespace.
        namespace: String,
    },
    /// What must be there is not, or is empty.
    #[error("is missing")]
    Missing {
        /// What.
        field: String,
    },
    /// What may stand once stands several times, and which is meant cannot be known.
    #[error("stands more than once")]
    Repeated {
        /// What.
        field: String,
    },
    /// No value of the standard's list.
    #[error("{value:?} is none of the values that it may have")]
    UnknownValue {
        /// Of which field.
        field: String,
        /// What is written.
        value: String,
    },
    /// Neither a number nor a text that is one.
    #[error("{value} is no number")]
    NotANumber {
        /// Which field.
        field: String,
        /// What is written.
        value: String,
    },
    /// A place that is on no globe, where an alert needs one.
    #[error("{source}")]
    Ground {
        /// Which.
        field: String,
        /// Why not.
        source: InvalidGround,
    },
    /// A sender or identifier that cannot name an alert.
    #[error("{source}")]
    Name {
        /// Which of them.
        field: String,
        /// Why not.
        source: InvalidName,
    },
    /// `sent` is no instant.
    #[error("{value:?} {source}")]
    Time {
        /// Which time.
        field: String,
        /// What is written.
        value: String,
        /// Why it is none.
        source: TimeFault,
    },
    /// An alert or update that says nothing: no `info`.
    #[error("is missing: there is nothing to tell")]
    NoInfo,
    /// A cancel that does not say of what.
    #[error("is missing: a cancel names what it ends")]
    NoReferences,
    /// A feed that only says where alerts can be fetched. No address is followed.
    #[error("it is an index of {entries} entries: the alerts that they name are not in it")]
    Index {
        /// How many it has.
        entries: usize,
    },
    /// Ground that belongs to an alert which is not there.
    #[error("it is the ground of an alert, in {parts} parts, without the alert")]
    GroundAlone {
        /// How many polygons or the like.
        parts: usize,
    },
    /// An envelope that says otherwise than the alert in it: that it is an exercise, is cancelled, or is secret.
    #[error("{envelope:?} contradicts {alert:?} of the alert in it")]
    Contradiction {
        /// Which field of the envelope.
        field: String,
        /// What the envelope says.
        envelope: String,
        /// What the alert says.
        alert: String,
    },
    /// It can be read, and is of a kind that nobody is to be warned of: the state of a system, a quarry blast.
    #[error("{value:?} is nothing to warn of")]
    NoWarning {
        /// The field that says so.
        field: String,
        /// What is written.
        value: String,
    },
    /// Points that should be a grid and are none: of equal steps, each point once, as many as it says.
    #[error("is no grid of equal steps with each point once")]
    NotAGrid {
        /// Where.
        field: String,
    },
    /// A message that warns nobody by what it is, in order though it be.
    #[error("{why}")]
    NotForPublic {
        /// What tells so.
        field: String,
        /// What it is instead.
        why: &'static str,
    },
}

/// Why a text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// Another form, or a day or hour that there is not.
    #[error("is no date and time as in 2024-11-02T12:00:00-06:00")]
    NotATime,
    /// A local time of nobody knows where.
    #[error("has no offset from UTC")]
    NoOffset,
}

impl FormatError {
    /// The field that is wrong: a path as `info[0].event`; `content` where it is the message as a whole, `media_type`
    /// where it is what its carrier says of it.
    pub fn field(&self) -> &str {
        match self {
            Self::MediaType(_) => "media_type",
            Self::UnknownRoot { .. } => "root",
            Self::TooMany { field, .. }
            | Self::TooCostly { field, .. }
            | Self::TooLong { field, .. }
            | Self::Missing { field }
            | Self::Repeated { field }
            | Self::UnknownValue { field, .. }
            | Self::NotANumber { field, .. }
            | Self::Ground { field, .. }
            | Self::Name { field, .. }
            | Self::Time { field, .. }
            | Self::Contradiction { field, .. }
            | Self::NoWarning { field, .. }
            | Self::NotForPublic { field, .. }
            | Self::NotAGrid { field } => field,
            Self::NoInfo => "info",
            Self::NoReferences => "references",
            Self::Empty
            | Self::Index { .. }
            | Self::GroundAlone { .. }
            | Self::TooLarge { .. }
            | Self::UnknownFormat
            | Self::NoMessage
            | Self::SeveralMessages(_)
            | Self::NotJson { .. }
            | Self::UnknownEncoding(_)
            | Self::InvalidEncoding { .. }
            | Self::EncodingConflict { .. }
            | Self::DocumentType { .. }
            | Self::TooDeep { .. }
            | Self::Truncated { .. }
            | Self::NotWellFormed { .. } => "content",
        }
    }

    pub(super) fn media_type(given: &str) -> Self {
        Self::MediaType(excerpt(given))
    }
}

/// The beginning of a text from outside: errors are shown and logged, and it may be megabytes.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
