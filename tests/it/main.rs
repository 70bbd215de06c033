//! Tests of the real binary, as people use it: one file per story.

mod api_errors;
mod durability;
mod kill;
mod links;
mod operations;
mod privacy;
mod registration;
mod services;
mod support;
