//! Tests of the real binary, as people use it: one file per story.

mod access;
mod api_errors;
mod audit;
mod claims;
mod durability;
mod files;
mod fuzz;
mod hostile;
mod japan;
mod kill;
mod links;
mod metrics;
mod operations;
mod operators;
mod partner_events;
mod permissions;
mod preferences;
mod privacy;
mod privacy_rules;
mod real_alerts;
mod registration;
mod services;
mod starting;
mod statistics;
mod support;
mod zones;
