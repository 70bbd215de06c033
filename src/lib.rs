//! Hazardcast: official earthquake and weather alerts to the consenting devices in their area, each once, at once.

pub mod channel;
pub mod decide;
pub mod domain;
pub mod fan_out;
pub mod format;
pub mod grpc;
pub mod intake;
pub mod journal;
pub mod ledger;
pub mod link;
pub mod locate;
pub mod metrics;
pub mod plan;
pub mod registry;
pub mod tasks;
pub mod wire;
