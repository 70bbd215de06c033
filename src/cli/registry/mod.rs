//! `hazardcast registry`: files of registrations, for partners who arrive with millions of devices.
//!
//! A file is JSON Lines. What is imported has a `CreateRegistrationRequest` a line, what is exported a `Registration`,
//! both in proto3's JSON with the names of the `.proto` files (`json.rs`).

mod export;
mod import;
mod json;
mod lines;
mod secrets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::{Server, say_error};

/// What can be done with files of registrations.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Registers what is in a file, one registration a line
    Import(ImportArgs),
    /// Writes an app's registrations, one a line
    Export(ExportArgs),
}

/// What `registry import` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast registry import devices.jsonl --app partners/acme/apps/weather --secrets secrets.jsonl
  hazardcast registry import - --app partners/acme/apps/weather --secrets secrets.jsonl --rejects bad.jsonl
  hazardcast registry import devices.jsonl --app partners/acme/apps/weather --secrets secrets.jsonl --strict

Each line is a CreateRegistrationRequest in JSON, at most 64 KiB, with the fields of the .proto
files; {\"registration\": {\"traits\": {\"platform\": \"PLATFORM_ANDROID\"}}} is one. A line that is
refused is told with its number and its field, and holds up no other.

Link secrets are told once: they are written to --secrets, which you alone can read, and which is
of one app. If an import breaks off, run it again with the same file and the same --secrets: lines
that are in there are passed over, and a line that was registered and is not in there gets its
registration again, with a new secret. A line is known by its `request_id`; where it has none, by
its content and how often that was in the file before.

Exit status: 0 all are registered, 1 some were refused, 2 it broke off.")]
pub struct ImportArgs {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The app that they are registered with
    #[arg(long, value_name = "APP")]
    pub app: String,
    /// Where link secrets are written, a line each; one of an earlier run is gone on with
    #[arg(long, value_name = "FILE")]
    pub secrets: PathBuf,
    /// Where lines that were refused are told [default: standard error]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Stop at the first line that is refused
    #[arg(long)]
    pub strict: bool,
    /// How many calls of 1,000 are under way at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub in_flight: u8,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `registry export` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast registry export --app partners/acme/apps/weather --out devices.jsonl
  hazardcast registry export --app partners/acme/apps/weather --token-file acme.token

Each line is a Registration in JSON as the API answers it: addresses at vendors are without their
values, and link secrets are nowhere. If it breaks off it says by which --page-token it is gone on
with; --out is then appended to.")]
pub struct ExportArgs {
    /// Whose registrations
    #[arg(long, value_name = "APP")]
    pub app: String,
    /// Where they are written, a new file that you alone can read [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where to go on, as an export that broke off said
    #[arg(long, value_name = "TOKEN", default_value = "")]
    pub page_token: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Does what was asked.
pub async fn run(command: &RegistryCommand, json: bool) -> Result<ExitCode> {
    match command {
        RegistryCommand::Import(args) => Ok(import::run(args, json).await.unwrap_or_else(|error| {
            say_error(&error, json);
            ExitCode::from(2)
        })),
        RegistryCommand::Export(args) => export::run(args, json).await,
    }
}
