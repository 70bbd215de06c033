//! Hazardcast: official earthquake and weather alerts to the consenting devices in their area, each once, at once.

pub mod domain;
pub mod metrics;
pub mod tasks;
pub mod wire;
pub mod locate;
pub mod decide;
pub mod plan;
pub mod journal;
pub mod registry;
pub mod ledger;
pub mod link;
pub mod channel;
pub mod fan_out;
pub mod intake;
