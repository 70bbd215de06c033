//! Tests of the real binary, as people use it: one file per story.

mod fuzz;
mod hostile;
mod access;
mod kill;
mod links;
mod operations;
mod real_alerts;
mod support;
