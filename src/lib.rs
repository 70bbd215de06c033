//! Hazardcast: official alerts find the consenting devices in their area, and each is told once.
pub mod domain;
pub mod wire;
pub mod locate;
pub mod decide;
pub mod plan;
