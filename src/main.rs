//! The program `hazardcast`: its commands are in [`hazardcast::cli`].

fn main() {}
