//! Why a message cannot be read, in one word of the API.

use super::FormatError;

impl FormatError {
    /// The reason in one word of the API.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MediaType(_) => "UNSUPPORTED_MEDIA_TYPE",
            Self::Empty => "EMPTY",
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::UnknownFormat => "UNKNOWN_FORMAT",
            Self::UnknownRoot { .. } => "UNKNOWN_ROOT",
            Self::NoMessage => "NO_ALERT",
            Self::SeveralMessages(_) => "SEVERAL_ALERTS",
            Self::UnknownEncoding(_) => "UNSUPPORTED_ENCODING",
            Self::InvalidEncoding { .. } => "INVALID_ENCODING",
            Self::EncodingConflict { .. } => "ENCODING_CONFLICT",
            Self::DocumentType { .. } => "DOCUMENT_TYPE",
            Self::TooDeep { .. } => "TOO_DEEP",
            Self::TooMany { .. } => "TOO_MANY",
            Self::TooCostly { .. } => "TOO_COSTLY",
            Self::TooLong { .. } => "TOO_LONG",
            Self::Truncated { .. } => "TRUNCATED",
            Self::NotWellFormed { .. } => "NOT_WELL_FORMED",
            Self::NotJson { .. } => "NOT_JSON",
            Self::Missing { .. } => "MISSING_FIELD",
            Self::Repeated { .. } => "REPEATED_FIELD",
            Self::UnknownValue { .. } => "UNKNOWN_VALUE",
            Self::NotANumber { .. } => "NOT_A_NUMBER",
            Self::Ground { .. } => "INVALID_GROUND",
            Self::Name { .. } => "INVALID_NAME",
            Self::Time { .. } => "INVALID_TIME",
            Self::NoInfo => "NO_INFO",
            Self::NoReferences => "NO_REFERENCES",
            Self::Index { .. } => "INDEX_ONLY",
            Self::GroundAlone { .. } => "GROUND_ALONE",
            Self::Contradiction { .. } => "CONTRADICTION",
            Self::NoWarning { .. } => "NO_WARNING",
            Self::NotAGrid { .. } => "NOT_A_GRID",
            Self::NotForPublic { .. } => "NOT_FOR_PUBLIC",
        }
    }
}
