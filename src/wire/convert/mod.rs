//! Between generated types and [`crate::domain`]: the only code that knows both.

pub mod access;
pub mod alert;
pub mod fan_out;
pub mod frame;
pub mod geography;
pub mod notice;
pub mod registration;
pub mod terms;
pub mod time;

/// A field of a request that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidField {
    /// Its path in the request.
    pub field: String,
    /// What is wrong with it; never a private value.
    pub reason: String,
}

impl InvalidField {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, reason: impl ToString) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// A field that must be there.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, "is required")
    }
}
