//! Between generated types and [`crate::domain`]: the only code that knows both.

pub mod access;
pub mod alert;
pub mod audit;
pub mod event;
pub mod fan_out;
pub mod frame;
pub mod geography;
pub mod notice;
pub mod registration;
pub mod terms;
pub mod time;
pub mod zone;

use std::fmt::Display;

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
    pub fn new(field: impl Into<String>, reason: impl Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// The same, of a message that is itself in `field`.
    #[must_use]
    pub fn inside(self, field: &str) -> Self {
        Self { field: format!("{field}.{}", self.field), ..self }
    }

    /// A field that must be there.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, "is required")
    }
}
