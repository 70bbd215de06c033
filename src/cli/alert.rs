//! `hazardcast alert`: checks alerts without a server; previews, sends, lists and shows them with one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Server;

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// Reads alerts and says what is wrong with them; needs no server
    Check(CheckArgs),
    /// Says who would be reached, and changes nothing
    Preview(PreviewArgs),
    /// Sends an alert
    Send(SendArgs),
    /// Lists the alerts that the server has
    List(ListArgs),
    /// Shows one alert and its fan-out
    Show(ShowArgs),
}

/// What `alert check` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert check warning.xml
  hazardcast alert check tests/data/alerts/mexico.xml warning.xml --json

Exit status: 0 all are accepted, 1 some are refused, 2 a file could not be read.")]
pub struct CheckArgs {
    /// Files, each with one alert
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// What `alert preview` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert preview warning.xml
  hazardcast alert preview warning.xml --server http://127.0.0.1:7500")]
pub struct PreviewArgs {
    /// The alert, as its authority sent it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `alert send` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert send warning.xml
  hazardcast alert send warning.xml --watch")]
pub struct SendArgs {
    /// The alert, as its authority sent it; not a byte of it is changed
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Follow the fan-out until everyone is told
    #[arg(long)]
    pub watch: bool,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `alert list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert list
  hazardcast alert list --limit 1000 --json")]
pub struct ListArgs {
    /// How many at most, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `alert show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert show alerts/1
  hazardcast alert show alerts/1 --json")]
pub struct ShowArgs {
    /// The alert's name, as `alert send` and `alert list` tell it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}
