//! `hazardcast policy`: how far a partner's privacy policy is retired.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::wire::convert::time;
use crate::wire::v1;
use crate::wire::v1::policy_service_client::PolicyServiceClient;

use super::connection::Connection;
use super::output::{print_line, refused};
use super::{Server, plain};

/// What can be done with privacy policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Ends every consent given under a version or one before it, at once and for good
    Retire(RetireArgs),
    /// Shows the oldest version under which consents count
    Show(ShowArgs),
}

/// What `policy retire` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast policy retire 3 --partner acme
  hazardcast policy retire 3 --partner acme --json")]
pub struct RetireArgs {
    /// The newest version that is retired
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..=65_534))]
    pub number: u16,
    /// The partner whose policy it is
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `policy show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast policy show --partner acme
  hazardcast policy show --partner acme --json")]
pub struct ShowArgs {
    /// The partner whose policy it is
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Does what was asked.
pub async fn run(command: &PolicyCommand, json: bool) -> Result<ExitCode> {
    let policy = match command {
        PolicyCommand::Retire(args) => {
            let (partner, version) = (name(&args.partner), args.number.into());
            let request = v1::RetirePolicyVersionRequest { partner, version };
            let answer = client(&args.server).await?.retire_policy_version(request).await;
            answer.map_err(refused)?.into_inner().policy
        }
        PolicyCommand::Show(args) => {
            let request = v1::GetPolicyRequest { partner: name(&args.partner) };
            client(&args.server).await?.get_policy(request).await.map_err(refused)?.into_inner().policy
        }
    };
    tell(&policy.context("the server said nothing")?, json);
    Ok(ExitCode::SUCCESS)
}

async fn client(server: &Server) -> Result<PolicyServiceClient<Connection>> {
    Ok(PolicyServiceClient::new(server.connect().await?))
}

fn name(partner: &str) -> String {
    if partner.starts_with("partners/") { partner.to_owned() } else { format!("partners/{partner}") }
}

fn tell(policy: &v1::Policy, json: bool) {
    let retired = time::optional(policy.retire_time, "").ok().flatten().map(|at| at.to_string());
    let (partner, oldest) = (&policy.partner, policy.oldest_valid_version);
    if json {
        let line = json!({ "partner": partner, "oldest_valid_version": oldest, "retired": retired });
        return print_line(&line.to_string());
    }
    match retired {
        Some(at) => print_line(&format!("{}: consents count from version {oldest} on, since {at}", plain(partner))),
        None => print_line(&format!("{}: no version was retired", plain(partner))),
    }
}
