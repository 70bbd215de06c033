//! `hazardcast alert held`, `approve` and `reject`: the second person.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::alert_service_client::AlertServiceClient;
use crate::wire::v1::approve_alert_response::Outcome;

use super::answer::{hold_reason, ignore_name, unanswered_name};
use super::output::{instant, print_line, refused};
use super::{Server, plain};

/// What `alert held` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert held
  hazardcast alert held heldAlerts/1764072000000000
  hazardcast alert held --json")]
pub struct HeldArgs {
    /// One of them: its preview is shown [default: all are listed]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `alert approve` and `alert reject` are told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert approve heldAlerts/1764072000000000
  hazardcast alert reject heldAlerts/1764072000000000 --json")]
pub struct SettleArgs {
    /// The held alert, as `alert held` names it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

pub(super) async fn held(args: &HeldArgs, json: bool) -> Result<ExitCode> {
    let mut client = AlertServiceClient::new(args.server.connect().await?);
    if let Some(name) = &args.name {
        let request = v1::GetHeldAlertRequest { name: name.clone() };
        let answer = client.get_held_alert(request).await.map_err(refused)?.into_inner();
        let held = answer.held_alert.context("the server said nothing")?;
        let preview = answer.preview.unwrap_or_default();
        tell(&held, Some(&preview), json);
        return Ok(ExitCode::SUCCESS);
    }
    let mut page_token = String::new();
    loop {
        let request = v1::ListHeldAlertsRequest { page_size: 1_000, page_token };
        let page = client.list_held_alerts(request).await.map_err(refused)?.into_inner();
        for held in &page.held_alerts {
            tell(held, None, json);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn tell(held: &v1::HeldAlert, preview: Option<&v1::PreviewAlertResponse>, json: bool) {
    let message = held.message.clone().unwrap_or_default();
    let deadline = instant(held.deadline_time).map(|at| at.to_string()).unwrap_or_default();
    if json {
        let reasons: Vec<Value> = held.reasons.iter().map(hold_reason).collect();
        let line = json!({
            "name": held.name, "sender": message.sender, "identifier": message.identifier,
            "authority": held.authority, "reasons": reasons, "deadline": deadline,
            "unanswered": unanswered_name(held.unanswered()), "found": preview.map(|preview| preview.found_count),
        });
        print_line(&line.to_string());
        return;
    }
    print_line(&plain(&format!("{}  {}  {}", held.name, held.authority, message.identifier)));
    for reason in &held.reasons {
        print_line(&plain(&format!("  {}: {} ({})", reason.field, reason.found, reason.reason)));
    }
    print_line(&format!("  until {deadline}, then it is {}", unanswered_name(held.unanswered())));
    if let Some(preview) = preview {
        print_line(&format!("  {} devices are in the area", preview.found_count));
        for tier in &preview.tiers {
            print_line(&plain(&format!("    {}  {}", tier.event, tier.headline)));
        }
    }
}

pub(super) async fn approve(args: &SettleArgs, json: bool) -> Result<ExitCode> {
    let mut client = AlertServiceClient::new(args.server.connect().await?);
    let request = v1::ApproveAlertRequest { name: args.name.clone() };
    let answer = client.approve_alert(request).await.map_err(refused)?.into_inner();
    let (outcome, key, reason) = match answer.outcome.context("the server said nothing")? {
        Outcome::Admitted(admitted) => ("admitted", admitted.key, None),
        Outcome::Ignored(ignored) => ("ignored", ignored.key, Some(ignore_name(ignored.reason()))),
    };
    let key = key.map(|key| terms::key_from_wire(key).to_string());
    if json {
        print_line(&json!({ "outcome": outcome, "key": key, "reason": reason }).to_string());
    } else if let Some(reason) = reason {
        print_line(&format!("not sent: {reason}"));
    } else {
        print_line(&format!("admitted as {}: on disk and on its way", key.unwrap_or_default()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn reject(args: &SettleArgs, json: bool) -> Result<ExitCode> {
    let mut client = AlertServiceClient::new(args.server.connect().await?);
    client.reject_alert(v1::RejectAlertRequest { name: args.name.clone() }).await.map_err(refused)?;
    let line = if json { json!({ "outcome": "rejected" }).to_string() } else { "rejected: it is not sent".to_owned() };
    print_line(&line);
    Ok(ExitCode::SUCCESS)
}
