//! The command line: what can be asked ([`Cli`]), and how it is answered to people and, with `--json`, to machines.
//!
//! Each command has a file that holds its arguments and what it does. [`map`] draws an area and who was told;
//! [`cities`] puts devices where people live; [`log`] sets up the log. Nothing else of the crate prints.

pub mod alert;
mod args;
pub mod check;
pub mod cities;
pub mod demo;
pub mod device;
pub mod log;
pub mod map;
pub mod serve;

pub use args::{Cli, Command, Server};

/// Metres of a degree of latitude on a sphere of 6,371 km: good enough for pictures and simulated devices.
const METRES_PER_DEGREE: f64 = 6_371_000.0 * std::f64::consts::PI / 180.0;

/// What may be shown of a text from elsewhere: no control characters, and none that turn the direction of what
/// follows (Unicode's bidirectional embeddings, overrides and isolates).
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
