//! Hazardcast: official earthquake and weather alerts to the consenting devices in their area, each once, at once.

pub mod cli;
pub mod config;
pub mod decide;
pub mod domain;
pub mod http;
pub mod lifecycle;
pub mod locate;
pub mod metrics;
pub mod plan;
pub mod tasks;
pub mod wire;
