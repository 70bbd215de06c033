//! `hazardcast alert held`, `approve` and `reject`: the second person.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::domain::{Area, Position, Severity};
use crate::locate::AffectedArea;
use crate::wire::convert::{geography, terms};
use crate::wire::v1;
use crate::wire::v1::alert_service_client::AlertServiceClient;
use crate::wire::v1::approve_alert_response::Outcome;

use super::answer::{hold_reason, ignore_name, preview_json, priority_name, say_preview, unanswered_name};
use super::cities::cities;
use super::map::{MapScene, Tint};
use super::output::{instant, print_line, refused};
use super::{Server, plain};

/// Columns that a map in the terminal has at most.
const COLUMNS: u16 = 100;

/// Cities that are named at most.
const CITIES: usize = 40;

/// The largest answer, bytes: a message and its ground, finely drawn.
const MOST_ANSWER: usize = 16 << 20;

/// What `alert held` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert held
  hazardcast alert held heldAlerts/1764072000000000
  hazardcast alert held heldAlerts/1764072000000000 --map --svg area.svg
  hazardcast alert held --json")]
pub struct HeldArgs {
    /// One of them: its preview is shown [default: all are listed]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Draw its area here
    #[arg(long, requires = "name")]
    pub map: bool,
    /// Draw its area into this file
    #[arg(long, value_name = "OUT", requires = "name")]
    pub svg: Option<PathBuf>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `alert approve` and `alert reject` are told.
#[derive(Debug, Clone, Args)]
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
        let mut client = client.max_decoding_message_size(MOST_ANSWER);
        let answer = client.get_held_alert(request).await.map_err(refused)?.into_inner();
        let held = answer.held_alert.context("the server said nothing")?;
        let preview = answer.preview.unwrap_or_default();
        tell(&held, Some(&preview), json);
        let drawn = Drawn::of(&preview.tiers);
        if (args.map || args.svg.is_some()) && drawn.areas.is_empty() {
            bail!("it has no area now that could be drawn");
        }
        if args.map && !json {
            print_line(&drawn.scene().terminal(COLUMNS, std::io::stdout().is_terminal()));
        }
        if let Some(out) = &args.svg {
            std::fs::write(out, drawn.scene().svg()).with_context(|| format!("cannot write {}", out.display()))?;
        }
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

/// Where it is for.
struct Drawn {
    areas: Vec<Area>,
    tints: Vec<Tint>,
    labels: Vec<(String, Position)>,
    title: String,
}

impl Drawn {
    /// The least pressing first, so that the others are drawn over it.
    fn of(tiers: &[v1::AlertTier]) -> Self {
        let (mut areas, mut tints) = (Vec::new(), Vec::new());
        for tier in tiers.iter().rev() {
            let severity = match tier.priority() {
                v1::Priority::LifeThreat => Severity::Extreme,
                v1::Priority::Warning => Severity::Severe,
                v1::Priority::Advisory => Severity::Moderate,
                v1::Priority::Information | v1::Priority::Unspecified => Severity::Minor,
            };
            for area in &tier.areas {
                // What the server tells of can be drawn; if not, the rest is.
                areas.push(geography::area(area.clone(), "area", &mut Vec::new()));
                tints.push(Tint::of_severity(severity));
            }
        }
        let ground = AffectedArea::new(&areas);
        let inside = |at: Position| ground.as_ref().is_some_and(|ground| ground.contains(at));
        let labels = cities().iter().filter(|city| inside(city.at)).take(CITIES);
        let labels = labels.map(|city| (city.name.to_owned(), city.at)).collect();
        let title = tiers.first().map(|tier| plain(&tier.event)).unwrap_or_default();
        Self { areas, tints, labels, title }
    }

    fn scene(&self) -> MapScene<'_> {
        let Self { areas, tints, labels, title } = self;
        MapScene { areas, tints, keys: &[], told: &[], untold: &[], labels, title }
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
            "unanswered": unanswered_name(held.unanswered()), "preview": preview.map(preview_json),
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
        for tier in &preview.tiers {
            print_line(&plain(&format!("  {}: {}  {}", priority_name(tier.priority), tier.event, tier.headline)));
        }
        say_preview(preview, false);
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
