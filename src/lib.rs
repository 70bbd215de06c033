//! Hazardcast: official earthquake and weather alerts to the consenting devices in their area, each once, at once.
//!
//! # The map
//!
//! An alert goes through these rooms from left to right. A room uses only those that stand before it in the list that
//! `tests/tidy.rs` has.
//!
//! **What all speak of.** [`domain`] has the nouns: alerts, areas, registrations, consents, notices. [`metrics`] counts
//! them, [`tasks`] runs what runs, and [`wire`] has the API's generated types.
//!
//! **An alert comes in.** [`locate`] finds the places in its area; [`decide`] says whether it is admitted, and what it
//! does to those before it.
//!
//! **It goes out.** [`plan`] says what one registration is sent.
//!
//! **Around it.** [`http`] has metrics and readiness. [`config`] reads the settings, [`lifecycle`] has the clocks and
//! the stop in two steps, and [`cli`] is the command line.

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
