//! What one registration is sent.

mod facts;
pub use facts::{EPOCH, Facts, Flags, Grant, LanguageId};
