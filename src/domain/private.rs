//! What must not be logged cannot be logged (R-P9).

use std::fmt;

/// A place, token or device identifier. Its `Debug` prints `[redacted]`; it has no `Display`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value that names or locates a person.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each caller of this is a place where private data is used: keep them few.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        assert_eq!(format!("{:?}", Private::new("47.1,8.5")), "[redacted]");
    }
}
