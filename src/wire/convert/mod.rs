//! Between generated types and [`crate::domain`]: the only code that knows both.

pub mod access;
pub mod alert;
pub mod audit;
pub mod authority;
pub mod certificate;
pub mod event;
pub mod fan_out;
pub mod feed;
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

/// Reads an update mask: whether a field is to be changed, by its path and whether it is set. What the mask names is,
/// `*` for all; without a mask, what is set (AIP-134). It may name these fields.
pub fn mask(paths: &[String], fields: &[&str]) -> Result<impl Fn(&str, bool) -> bool, InvalidField> {
    if let Some(unknown) = paths.iter().find(|path| *path != "*" && !fields.contains(&path.as_str())) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(InvalidField::new("update_mask", format!("{shown:?} cannot be changed by this call")));
    }
    Ok(|field: &str, is_set| match paths {
        [] => is_set,
        _ => paths.iter().any(|path| path == field || path == "*"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mask_names_is_changed_and_without_one_what_is_set() {
        let asked = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            let is_asked = mask(&paths, &["area", "apps"])?;
            Ok(["area", "apps"].map(|field| [true, false].map(|is_set| is_asked(field, is_set))))
        };
        assert_eq!(asked(&[]), Ok([[true, false]; 2]));
        assert_eq!(asked(&["area"]), Ok([[true, true], [false, false]]));
        assert_eq!(asked(&["apps", "*"]), Ok([[true, true]; 2]));
        let unknown: InvalidField = asked(&["area", &"x".repeat(65)]).expect_err("no such field");
        let shown = "x".repeat(64);
        assert_eq!(unknown.to_string(), format!("update_mask: {shown:?} cannot be changed by this call"));
    }
}
