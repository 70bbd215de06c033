//! `hazardcast alert`: checks alerts without a server; previews, sends, lists and shows them with one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::domain::DeliveryKey;
use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::alert_service_client::AlertServiceClient;
use crate::wire::v1::fan_out_service_client::FanOutServiceClient;

pub use super::alert_map::MapArgs;
pub use super::cancel::CancelArgs;
pub use super::compose::ComposeArgs;
pub use super::held::{HeldArgs, SettleArgs};
pub use super::verify::VerifyArgs;

use super::answer::{answered, channel_name, priority_name, rounded, say_preview, skipped};
use super::connection::Connection;
use super::output::{Steps, instant, print_line, refused, table};
use super::{Server, cancel, compose, held, plain};

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// Reads alerts and says what is wrong with them; needs no server
    Check(CheckArgs),
    /// Draws the ground of a file's alerts, an earthquake's by expected intensity; needs no server
    Map(MapArgs),
    /// Says whether an alert is signed by somebody who is trusted; needs no server
    Verify(VerifyArgs),
    /// Says who would be reached, and changes nothing
    Preview(PreviewArgs),
    /// Sends an alert
    Send(SendArgs),
    /// Lists the alerts that the server has
    List(ListArgs),
    /// Shows one alert and its fan-out
    Show(ShowArgs),
    /// Lists the alerts that wait for a second person, or previews one
    Held(HeldArgs),
    /// Lets a held alert go; not for the person who sent it
    #[command(after_help = "Examples:\n  hazardcast alert approve heldAlerts/1764072000000000")]
    Approve(SettleArgs),
    /// Drops a held alert
    #[command(after_help = "Examples:\n  hazardcast alert reject heldAlerts/1764072000000000 --json")]
    Reject(SettleArgs),
    /// Ends an alert for those who were told
    Cancel(CancelArgs),
    /// Makes an alert of a template, and sends it to wait for a second person
    Compose(Box<ComposeArgs>),
}

/// What `alert check` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert check warning.xml
  hazardcast alert check tests/data/alerts/smn-mexico/cyclone.xml warning.xml --json
  hazardcast alert check warning.xml --regions /var/lib/hazardcast
  hazardcast alert check earthquake.xml --config site.toml

Exit status: 0 all are accepted, 1 some are refused, 2 a file could not be read.")]
pub struct CheckArgs {
    /// Files, each with one alert
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// A data folder with the regions that codes name, as `region import` fills it [default: none is known]
    #[arg(long, value_name = "DIR")]
    pub regions: Option<PathBuf>,
    /// A server's settings: how much a message may be, and how earthquakes shake [default: as shipped]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
  hazardcast alert show
  hazardcast alert show alerts/6611759158242 --json")]
pub struct ShowArgs {
    /// The alert's name, as `alert send` and `alert list` tell it [default: the newest]
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Does what was asked.
pub async fn run(command: &AlertCommand, json: bool) -> Result<ExitCode> {
    match command {
        AlertCommand::Check(_) | AlertCommand::Map(_) | AlertCommand::Verify(_) => {
            bail!("checking, drawing and verifying need no server")
        }
        AlertCommand::Preview(args) => preview(args, json).await,
        AlertCommand::Send(args) => send(args, json).await,
        AlertCommand::List(args) => list(args, json).await,
        AlertCommand::Show(args) => show(args, json).await,
        AlertCommand::Held(args) => held::held(args, json).await,
        AlertCommand::Approve(args) => held::approve(args, json).await,
        AlertCommand::Reject(args) => held::reject(args, json).await,
        AlertCommand::Cancel(args) => cancel::run(args, json).await,
        AlertCommand::Compose(args) => compose::run(args, json).await,
    }
}

/// The alert in a file, as bytes.
pub(super) fn raw(file: &Path) -> Result<v1::RawAlert> {
    let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(v1::RawAlert { content: content.into(), media_type: String::new() })
}

/// Hands an alert to a server.
pub(super) async fn submit(channel: Connection, raw: v1::RawAlert, typed: bool) -> Result<v1::SubmitAlertResponse> {
    let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed };
    let answer = AlertServiceClient::new(channel).submit_alert(request).await;
    Ok(answer.map_err(refused)?.into_inner())
}

async fn preview(args: &PreviewArgs, json: bool) -> Result<ExitCode> {
    let request = v1::PreviewAlertRequest { alert: Some(v1::preview_alert_request::Alert::Raw(raw(&args.file)?)) };
    let mut client = AlertServiceClient::new(args.server.connect().await?);
    let answer = client.preview_alert(request).await;
    let answer = answer.map_err(refused)?.into_inner();
    say_preview(&answer, json);
    Ok(ExitCode::SUCCESS)
}

async fn send(args: &SendArgs, json: bool) -> Result<ExitCode> {
    let channel = args.server.connect().await?;
    let answer = submit(channel.clone(), raw(&args.file)?, false).await?;
    let key = answered(answer, json)?;
    if let (true, Some(key)) = (args.watch, key) {
        let last = watch(channel, &key, Telling { lines: json, bar: !json }).await?;
        if !json {
            print_line(&format!("{} devices sent to, {} have acknowledged", sent(&last), last.acknowledged_count));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How a fan-out that is followed is told.
pub(super) struct Telling {
    /// A line of JSON for each look.
    pub(super) lines: bool,
    /// A progress bar.
    pub(super) bar: bool,
}

/// Follows a fan-out until it is complete; returns its last counts.
pub(super) async fn watch(channel: Connection, key: &str, telling: Telling) -> Result<v1::FanOut> {
    let request = v1::WatchFanOutRequest { name: format!("fanOuts/{key}") };
    let mut looks = FanOutServiceClient::new(channel).watch_fan_out(request).await.map_err(refused)?.into_inner();
    let bar = Steps::new(!telling.bar).bar("telling", 0);
    let mut last = None;
    while let Some(look) = looks.message().await.map_err(refused)? {
        let Some(fan_out) = look.fan_out else { continue };
        bar.set_length(fan_out.planned_count.unsigned_abs());
        bar.set_position(sent(&fan_out).unsigned_abs());
        if telling.lines {
            print_line(&fan_out_json(&fan_out).to_string());
        }
        last = Some(fan_out);
    }
    bar.finish();
    last.context("the fan-out could not be followed")
}

fn sent(fan_out: &v1::FanOut) -> i64 {
    fan_out.sent.iter().map(|sent| sent.count).sum()
}

async fn list(args: &ListArgs, json: bool) -> Result<ExitCode> {
    let channel = args.server.connect().await?;
    let mut alerts = AlertServiceClient::new(channel.clone());
    let mut fan_outs = FanOutServiceClient::new(channel);
    let mut table = table();
    table.set_header(["alert", "event", "priority", "in force", "expires", "sent to", "acknowledged"]);
    let (mut left, mut page_token) = (args.limit as usize, String::new());
    loop {
        let request = v1::ListAlertsRequest { page_size: left.min(1_000) as i32, page_token, in_force: false };
        let page = alerts.list_alerts(request).await.map_err(refused)?.into_inner();
        for alert in page.alerts.iter().take(left) {
            let request = v1::GetFanOutRequest { name: alert.fan_out.clone() };
            let fan_out =
                fan_outs.get_fan_out(request).await.map_err(refused)?.into_inner().fan_out.unwrap_or_default();
            if json {
                print_line(&alert_json(alert, &fan_out).to_string());
            } else {
                table.add_row(row(alert, &fan_out));
            }
        }
        left = left.saturating_sub(page.alerts.len());
        page_token = page.next_page_token;
        if left == 0 || page_token.is_empty() {
            break;
        }
    }
    if !json {
        print_line(&table.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &ShowArgs, json: bool) -> Result<ExitCode> {
    let channel = args.server.connect().await?;
    let id = match &args.id {
        Some(id) => id.clone(),
        None => newest(channel.clone()).await?,
    };
    let lineage = id.strip_prefix("alerts/").unwrap_or(&id);
    // A delivery key names its alert too.
    let lineage = lineage.split('.').next().unwrap_or_default();
    let request = v1::GetAlertRequest { name: format!("alerts/{lineage}") };
    let answer = AlertServiceClient::new(channel.clone()).get_alert(request).await;
    let alert = match answer {
        Ok(answer) => answer.into_inner().alert.unwrap_or_default(),
        Err(status) => bail!("{id}: {}", status.message()),
    };
    let request = v1::GetFanOutRequest { name: alert.fan_out.clone() };
    let fan_out = FanOutServiceClient::new(channel).get_fan_out(request).await.map_err(refused)?.into_inner().fan_out;
    let fan_out = fan_out.unwrap_or_default();
    if json {
        print_line(&alert_json(&alert, &fan_out).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    print_line(&format!("{}  {}", alert.name, if alert.in_force { "in force" } else { "over" }));
    for tier in &alert.tiers {
        let languages = tier.languages.join(", ");
        let line = format!("  {}  {}  [{languages}]", priority_name(tier.priority), tier.event);
        print_line(&plain(&line));
        if !tier.headline.is_empty() {
            print_line(&plain(&format!("      {}", tier.headline)));
        }
    }
    let rounded = rounded(fan_out.rounded_to);
    print_line(&format!("  in the area {}, to be told {}{rounded}", fan_out.found_count, fan_out.planned_count));
    for sent in &fan_out.sent {
        print_line(&format!("    sent over {}: {}", channel_name(sent.channel), sent.count));
    }
    for skip in &fan_out.skipped {
        print_line(&format!("    not told, {}: {}", skip.reason.replace('_', " "), skip.count));
    }
    print_line(&format!("  acknowledged {}", fan_out.acknowledged_count));
    Ok(ExitCode::SUCCESS)
}

/// The name of the newest alert.
async fn newest(channel: Connection) -> Result<String> {
    let request = v1::ListAlertsRequest { page_size: 1, ..v1::ListAlertsRequest::default() };
    let page = AlertServiceClient::new(channel).list_alerts(request).await.map_err(refused)?.into_inner();
    Ok(page.alerts.into_iter().next().context("the server has no alerts")?.name)
}

fn row(alert: &v1::Alert, fan_out: &v1::FanOut) -> [String; 7] {
    let first = alert.tiers.first();
    [
        alert.name.clone(),
        first.map_or_else(|| "cancelled".to_owned(), |tier| plain(&tier.event)),
        first.map(|tier| priority_name(tier.priority).to_owned()).unwrap_or_default(),
        if alert.in_force { "yes" } else { "no" }.to_owned(),
        instant(alert.expire_time).map(|at| at.to_string()).unwrap_or_default(),
        sent(fan_out).to_string(),
        fan_out.acknowledged_count.to_string(),
    ]
}

fn alert_json(alert: &v1::Alert, fan_out: &v1::FanOut) -> Value {
    let tier = |tier: &v1::AlertTier| {
        json!({
            "priority": priority_name(tier.priority), "event": tier.event, "headline": tier.headline,
            "languages": tier.languages, "expires": instant(tier.expire_time).map(|at| at.to_string()),
        })
    };
    let message = alert.message.clone().unwrap_or_default();
    json!({
        "name": alert.name,
        "key": alert.key.map(|key| key_name(terms::key_from_wire(key))),
        "sender": message.sender,
        "identifier": message.identifier,
        "cancelled": alert.cancelled,
        "in_force": alert.in_force,
        "expires": instant(alert.expire_time).map(|at| at.to_string()),
        "tiers": alert.tiers.iter().map(tier).collect::<Vec<_>>(),
        "complete": fan_out.complete,
        "fan_out": fan_out_json(fan_out),
    })
}

fn fan_out_json(fan_out: &v1::FanOut) -> Value {
    let sent: serde_json::Map<String, Value> =
        fan_out.sent.iter().map(|sent| (channel_name(sent.channel).to_owned(), json!(sent.count))).collect();
    json!({
        "rounded_to": fan_out.rounded_to, "found": fan_out.found_count, "planned": fan_out.planned_count,
        "skipped": skipped(&fan_out.skipped),
        "sent": sent, "acknowledged": fan_out.acknowledged_count, "complete": fan_out.complete,
    })
}

fn key_name(key: DeliveryKey) -> String {
    key.to_string()
}
