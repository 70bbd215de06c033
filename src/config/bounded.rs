//! A whole number within bounds, checked where it is read.

use serde::de::{Deserialize, Deserializer, Error};

/// A whole number from `MIN` to `MAX`. Reading any other fails, and says the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// The number, or `None` out of bounds.
    pub fn new(number: u32) -> Option<Self> {
        (MIN..=MAX).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let within = u32::try_from(number).ok().and_then(Self::new);
        within.ok_or_else(|| D::Error::custom(format_args!("{number} is not from {MIN} to {MAX}")))
    }
}
