//! XML from outside: bounded, then parsed into a tree.
//!
//! [`Element`] is an element with its path, through which the formats read; [`parse`] gives the root's document. What
//! would need a document type is refused, comments and processing instructions are passed over, nothing is ever
//! included or fetched.

mod element;
mod guard;

use roxmltree::{Document, Error, ParsingOptions};

use super::error::excerpt;
use super::{FormatError, Limits};

pub(super) use element::Element;
pub(super) use guard::root_name;

/// Parses a text within limits. The tree borrows from it.
pub(super) fn parse<'x>(text: &'x str, limits: &Limits) -> Result<Document<'x>, FormatError> {
    if text.trim_ascii().is_empty() {
        return Err(FormatError::Empty);
    }
    // The parser keeps what it reads in proportion to the markup, and looks through attributes and namespaces once for
    // each: bounds on all of these must hold before it starts.
    guard::check(text, limits)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: u32::MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        Error::UnexpectedEndOfStream | Error::UnclosedRootNode => FormatError::Truncated { line: lines(text) },
        Error::DtdDetected => FormatError::DocumentType { line: 1 },
        other => {
            let at = other.pos();
            FormatError::NotWellFormed { wrong: excerpt(&other.to_string()), line: at.row, column: at.col }
        }
    })
}

/// How many lines a text has so far: the number of its last one.
fn lines(text: &str) -> usize {
    1 + text.bytes().filter(|&byte| byte == b'\n').count()
}
