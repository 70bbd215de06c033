//! What `access` and its commands are told.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::cli::Server;

/// What can be done with credentials.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Makes a credential; its token is shown once
    Create(CreateArgs),
    /// Lists credentials, those that are over included
    List(ListArgs),
    /// Shows one credential
    Show(ShowArgs),
    /// Revokes credentials: their next call is refused, and their open streams end
    Revoke(RevokeArgs),
    /// Has what devices offer hashed with a new key; the one before is good for look-up for a while
    RotateIdentityKey(RotateArgs),
    /// Says whom the server takes you for
    Whoami(WhoamiArgs),
    /// Makes a token for the first operator, on the server's own machine while the server is stopped
    Bootstrap(BootstrapArgs),
}

/// What `access rotate-identity-key` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access rotate-identity-key
  hazardcast access rotate-identity-key --server https://alerts.example.org:7400 --token-file ada.token")]
pub struct RotateArgs {
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `access create` is told.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["partner", "authority", "operator"])), after_help = "\
Examples:
  hazardcast access create --operator administer --name Ada --token-file data/bootstrap.token
  hazardcast access create --partner acme --name Backend --days 365 --token-out acme.token
  hazardcast access create --authority jma --sender jma@example.org --name Gateway --certificate jma.pem
  hazardcast access create --partner acme --name Mesh --certificate-uri spiffe://acme.example/backend --json")]
pub struct CreateArgs {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub name: String,
    /// It stands for this partner: what is under its name, and nothing else
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// It stands for this authority, and may send alerts of its --sender
    #[arg(long, value_name = "ID", requires = "sender")]
    pub authority: Option<String>,
    /// A CAP sender that the authority speaks for; may be given again
    #[arg(long, value_name = "SENDER", requires = "authority")]
    pub sender: Vec<String>,
    /// It stands for an operator
    #[arg(long, value_name = "ROLE")]
    pub operator: Option<OperatorRole>,
    /// How many days it holds
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub days: u16,
    /// Prove it by this client certificate, PEM, and not by a token
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_uri")]
    pub certificate: Option<PathBuf>,
    /// Prove it by any client certificate that names this URI, and not by a token
    #[arg(long, value_name = "URI")]
    pub certificate_uri: Option<String>,
    /// Write the token to this new file, which you alone can read, and do not show it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "certificate_uri"])]
    pub token_out: Option<PathBuf>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What an operator may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OperatorRole {
    /// Look at alerts, fan-outs, partners and apps
    View,
    /// Run the service: add apps
    Operate,
    /// Decide on alerts that wait for approval
    Approve,
    /// Admit partners and authorities, and say who may do what
    Administer,
}

/// What `access list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access list
  hazardcast access list --json")]
pub struct ListArgs {
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `access show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access show credentials/0123456789abcdef
  hazardcast access show 0123456789abcdef --json")]
pub struct ShowArgs {
    /// The credential, as `access list` tells it; it stands in its token too
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `access revoke` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access revoke credentials/0123456789abcdef
  hazardcast access revoke 0123456789abcdef 123456789abcdefg --json")]
pub struct RevokeArgs {
    /// Credentials, as `access list` tells them
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `access whoami` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access whoami
  hazardcast access whoami --server https://alerts.example.org:7400 --token-file acme.token --json")]
pub struct WhoamiArgs {
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `access bootstrap` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast access bootstrap --data-dir /var/lib/hazardcast
  hazardcast access bootstrap --config site.toml

A new server makes such a token by itself. This is for when every operator's access is lost.")]
pub struct BootstrapArgs {
    /// The server's settings, which say where its data folder is
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}
