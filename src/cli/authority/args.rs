//! What `authority` and its commands are told.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::cli::Server;

/// What can be done with authorities.
#[derive(Debug, Subcommand)]
pub enum AuthorityCommand {
    /// Admits an authority: for which senders it speaks, where, and within which limits
    Add(AddArgs),
    /// Lists authorities, those that are revoked included
    List(ListArgs),
    /// Shows one authority with all its limits
    Show(ShowArgs),
    /// Changes an authority's limits; they hold from its next alert on
    Update(UpdateArgs),
    /// Revokes authorities and their credentials for good
    Revoke(RevokeArgs),
}

/// By which the jurisdiction is said.
const GROUND: [&str; 3] = ["whole_world", "area", "region"];

/// What `authority add` is told.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("ground").required(true).args(GROUND).multiple(true)), after_help = "\
Examples:
  hazardcast authority add jma --sender jma@example.org --area japan-and-seas.geojson --category Geo --rate 60
  hazardcast authority add larimer --sender oem@larimer.example --region SAME=008069 --category Met --status Actual
  hazardcast authority add relay --sender a@example.org --sender b@example.org --whole-world --highest-severity severe
  hazardcast authority add wea --sender wea@example.org --area land.geojson --sign-root root.pem --sign-subject CN=WEA

All ground of an alert must be within the jurisdiction, that which an earthquake shakes too; nothing beyond it is cut
off. So draw it with the margin that you mean.")]
pub struct AddArgs {
    /// What it is called here
    #[arg(value_name = "ID")]
    pub id: String,
    /// Its limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Only say what would be made
    #[arg(long)]
    pub check: bool,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `authority update` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast authority update jma --rate 120 --burst 20
  hazardcast authority update larimer --sender oem@larimer.example --sender sheriff@larimer.example
  hazardcast authority update larimer --area larimer-2026.geojson --check
  hazardcast authority update relay --clear highest-severity --clear rate --etag 3

What is given takes the place of what there was, of lists too; the rest stays.")]
pub struct UpdateArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Its limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Take this limit away; may be given again
    #[arg(long, value_name = "LIMIT")]
    pub clear: Vec<Limit>,
    /// Only if it is still this version, as `authority show` tells it
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    pub check: bool,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// An authority's limits.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitArgs {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// A CAP sender that it speaks for; may be given again
    #[arg(long, value_name = "SENDER")]
    pub sender: Vec<String>,
    /// It may warn the whole world
    #[arg(long, conflicts_with_all = ["area", "region"])]
    pub whole_world: bool,
    /// It may warn the ground in this file, GeoJSON; may be given again
    #[arg(long, value_name = "FILE")]
    pub area: Vec<PathBuf>,
    /// It may warn the region that this code names, as SAME=008069; may be given again
    #[arg(long, value_name = "SCHEME=CODE")]
    pub region: Vec<String>,
    /// A kind of hazard that it may warn of, as CAP's category; may be given again
    #[arg(long, value_name = "CATEGORY")]
    pub category: Vec<String>,
    /// An event that it may warn of, as CAP's event or eventCode; may be given again
    #[arg(long, value_name = "EVENT")]
    pub event: Vec<String>,
    /// A format that it may write, as `alert check` calls it; may be given again
    #[arg(long, value_name = "FORMAT")]
    pub format: Vec<String>,
    /// A status that it may send; may be given again
    #[arg(long, value_name = "STATUS", ignore_case = true)]
    pub status: Vec<Status>,
    /// A scope that it may send, as CAP's; may be given again
    #[arg(long, value_name = "SCOPE")]
    pub scope: Vec<String>,
    /// The worst severity that it may claim
    #[arg(long, value_name = "SEVERITY", ignore_case = true)]
    pub highest_severity: Option<Worst>,
    /// How many alerts a minute it may send
    #[arg(long, value_name = "N")]
    pub rate: Option<i32>,
    /// How many may come at once [default: as many as in a minute]
    #[arg(long, value_name = "N", requires = "rate")]
    pub burst: Option<i32>,
    /// How many people an alert may reach before a second person has to approve it
    #[arg(long, value_name = "N")]
    pub reach_limit: Option<i64>,
    /// Its alerts are signed by this certificate, PEM; may be given again
    #[arg(long, value_name = "FILE")]
    pub sign_certificate: Vec<PathBuf>,
    /// Its alerts are signed by a certificate under this root, PEM; may be given again
    #[arg(long, value_name = "FILE")]
    pub sign_root: Vec<PathBuf>,
    /// A subject that the certificate under the root may have; may be given again
    #[arg(long, value_name = "SUBJECT", requires = "sign_root")]
    pub sign_subject: Vec<String>,
}

/// CAP's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// For real
    Actual,
    /// For those who take part in exercises
    Exercise,
    /// Between systems
    System,
    /// For those who take part in tests
    Test,
    /// Not actionable
    Draft,
}

/// CAP's `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Worst {
    /// Anything
    Extreme,
    /// Significant threat, at most
    Severe,
    /// Possible threat, at most
    Moderate,
    /// Minimal threat, at most
    Minor,
    /// Nothing that says how severe it is
    Unknown,
}

/// A limit that can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Limit {
    /// Kinds of hazards
    Categories,
    /// Events
    Events,
    /// Formats
    Formats,
    /// Statuses
    Modes,
    /// Scopes
    Scopes,
    /// The worst severity
    HighestSeverity,
    /// How often it may send
    Rate,
    /// The reach over which a second person approves
    ReachLimit,
    /// Signatures
    Signature,
}

/// What `authority list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast authority list
  hazardcast authority list --json")]
pub struct ListArgs {
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `authority show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast authority show jma
  hazardcast authority show authorities/jma --json")]
pub struct ShowArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `authority revoke` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast authority revoke jma
  hazardcast authority revoke larimer relay --json")]
pub struct RevokeArgs {
    /// Which
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}
