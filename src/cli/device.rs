//! `hazardcast device`: plays devices against a running server, through the public API alone.

use clap::{Args, Subcommand};

use crate::domain::Position;

use super::Server;

/// What can be done with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Registers devices, opens their links, and reports receipts and latencies
    Simulate(SimulateArgs),
}

/// What `device simulate` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast device simulate --count 1000 --cities
  hazardcast device simulate --count 10 --place -99.13,19.43 --json")]
pub struct SimulateArgs {
    /// Devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Put all of them here: longitude and latitude, degrees
    #[arg(long, value_name = "LON,LAT", value_parser = place, allow_hyphen_values = true)]
    pub place: Option<Position>,
    /// Spread them over the cities of the world by population (what is done if no place is given)
    #[arg(long, conflicts_with = "place")]
    pub cities: bool,
    /// Which of the many ways to spread them; the same number spreads them the same way
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Why a place on the command line is none.
#[derive(Debug, thiserror::Error)]
enum InvalidPlace {
    #[error("a place is longitude and latitude in degrees, such as -99.13,19.43")]
    NotTwoNumbers,
    #[error(transparent)]
    OffTheGlobe(#[from] crate::domain::InvalidGround),
}

fn place(text: &str) -> Result<Position, InvalidPlace> {
    let (lon, lat) = text.split_once(',').ok_or(InvalidPlace::NotTwoNumbers)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| InvalidPlace::NotTwoNumbers);
    Ok(Position::from_degrees(number(lon)?, number(lat)?)?)
}
