//! Codes that name no ground here, and why.

use std::fmt;

use crate::domain::Geocode;

/// A code that is not, or not as a whole, warned by what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unresolved {
    /// The code. Of a value that lists several it is the one that is meant, as codes are compared.
    pub geocode: Geocode,
    /// Why.
    pub why: Why,
}

/// Why a code is not, or not as a whole, warned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// No set has it.
    #[error("is not known")]
    Unknown,
    /// Only sets that are valid later have it.
    #[error("is known only in sets that became valid after the alert was sent")]
    NotYetValid,
    /// It is no code of its scheme.
    #[error("is no code of this scheme")]
    Malformed,
    /// It is part of something that is known: to warn all of that would be to widen it.
    #[error("is part of a region, the whole of which is not warned instead")]
    Part,
    /// It is not known as a whole. Its parts that are known are warned; whether that is all of it nobody can tell.
    #[error("is not known as a whole; the {0} parts of it that are known are warned")]
    InParts(usize),
    /// It is the whole nation, which nobody is warned of by a code unless that was imported.
    #[error("is the whole nation, which is warned only if it was imported as a region")]
    Nation,
    /// It is said to be the same as a code that is not known.
    #[error("is said to be the same as a code that is not known")]
    SameAsUnknown,
    /// One alert may not name so much.
    #[error("is more than the codes of one alert may name")]
    TooMuch,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unresolved: {} {}", self.geocode.scheme, self.geocode.code)?;
        // That a code is not known is what the word says already.
        if self.why == Why::Unknown { Ok(()) } else { write!(f, " {}", self.why) }
    }
}
