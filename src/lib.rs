//! Hazardcast: official alerts find the consenting devices in their area, and each is told once.
pub mod decide;
pub mod domain;
pub mod locate;
pub mod plan;
pub mod wire;
