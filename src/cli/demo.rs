//! `hazardcast demo`: a real alert, from its bytes to the devices in its area, in one process.

use std::path::PathBuf;

use clap::{Args, value_parser};

/// What `demo` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Devices, spread over the cities of the world by population
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    pub devices: u32,
    /// Devices that have a live link; no more than there are devices
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(0..=100_000))]
    pub links: u32,
    /// The alert that is sent, instead of the one that is built in
    #[arg(long, value_name = "FILE")]
    pub alert: Option<PathBuf>,
    /// Where the map is saved
    #[arg(long, value_name = "FILE", default_value = "demo.svg")]
    pub svg: PathBuf,
    /// Which of the many ways to spread the devices; the same number spreads them the same way
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  hazardcast demo
  hazardcast demo --devices 20000 --links 200
  hazardcast demo --alert warning.xml --svg warning.svg
  hazardcast demo --json";
