//! Tests of the real binary, as people use it: one file per story.

mod audit;
mod kill;
mod links;
mod operations;
mod support;
