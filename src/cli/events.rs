//! `hazardcast events`, what happens to a partner's registrations; `hazardcast webhook`, where that is sent.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::domain::{ChannelKind, Purpose};
use crate::wire::convert::{terms, time};
use crate::wire::v1;
use crate::wire::v1::partner_event::Kind;
use crate::wire::v1::partner_event_service_client::PartnerEventServiceClient;

use super::connection::Connection;
use super::output::{print_line, refused};
use super::{Server, plain};

/// What `events` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast events --partner dev
  hazardcast events --partner acme --follow --token-file acme.token --json
  hazardcast events --partner acme --after 4e54ce2a853ecc454e54ce2a853ecc45")]
pub struct EventsArgs {
    /// Whose registrations
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Behind this cursor [default: from the oldest that is kept]
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Go on as they happen
    #[arg(long)]
    pub follow: bool,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What can be done with a partner's webhook.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Has events sent to a URL from now on, or to another; a new secret is shown once
    Set(SetArgs),
    /// Shows the webhook, and how it goes
    Show(ShowArgs),
    /// Has no more events sent
    Delete(DeleteArgs),
}

/// What `webhook set` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast webhook set https://acme.example/hazardcast --partner acme --token-file acme.token
  hazardcast webhook set https://acme.example/hazardcast --partner acme --rotate-secret --json")]
pub struct SetArgs {
    /// Where events are sent
    #[arg(value_name = "URL")]
    pub url: String,
    /// Replace the secret; for a day the old one signs too
    #[arg(long)]
    pub rotate_secret: bool,
    /// Whose webhook
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `webhook show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast webhook show --partner acme --token-file acme.token
  hazardcast webhook show --partner dev --json")]
pub struct ShowArgs {
    /// Whose webhook
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `webhook delete` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast webhook delete --partner acme --token-file acme.token")]
pub struct DeleteArgs {
    /// Whose webhook
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Shows a partner's events.
pub async fn run(args: &EventsArgs, json: bool) -> Result<ExitCode> {
    let mut client = client(&args.server).await?;
    let (parent, mut after) = (format!("partners/{}", args.partner), args.after.clone().unwrap_or_default());
    if args.follow {
        let request = v1::StreamPartnerEventsRequest { parent, after };
        let mut stream = client.stream_partner_events(request).await.map_err(refused)?.into_inner();
        while let Some(answer) = stream.message().await.map_err(refused)? {
            answer.events.iter().for_each(|event| say(event, json));
        }
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let request = v1::ListPartnerEventsRequest { parent: parent.clone(), after, page_size: 1_000 };
        let page = client.list_partner_events(request).await.map_err(refused)?.into_inner();
        page.events.iter().for_each(|event| say(event, json));
        if !page.more {
            return Ok(ExitCode::SUCCESS);
        }
        after = page.cursor;
    }
}

/// Does what was asked with a partner's webhook.
pub async fn run_webhook(command: &WebhookCommand, json: bool) -> Result<ExitCode> {
    match command {
        WebhookCommand::Set(args) => {
            let webhook = Some(v1::Webhook { url: args.url.clone(), ..v1::Webhook::default() });
            let parent = format!("partners/{}", args.partner);
            let request = v1::SetWebhookRequest { parent, webhook, rotate_secret: args.rotate_secret };
            let answer = client(&args.server).await?.set_webhook(request).await.map_err(refused)?.into_inner();
            let secret = Some(answer.secret).filter(|secret| !secret.is_empty());
            say_webhook(&answer.webhook.context("the server said nothing")?, secret, json);
        }
        WebhookCommand::Show(args) => {
            let request = v1::GetWebhookRequest { name: name(&args.partner) };
            let answer = client(&args.server).await?.get_webhook(request).await.map_err(refused)?.into_inner();
            say_webhook(&answer.webhook.context("the server said nothing")?, None, json);
        }
        WebhookCommand::Delete(args) => {
            let request = v1::DeleteWebhookRequest { name: name(&args.partner) };
            client(&args.server).await?.delete_webhook(request).await.map_err(refused)?;
            if json {
                print_line(&json!({ "deleted": name(&args.partner) }).to_string());
            } else {
                print_line(&format!("{} is deleted", name(&args.partner)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn client(server: &Server) -> Result<PartnerEventServiceClient<Connection>> {
    Ok(PartnerEventServiceClient::new(server.connect().await?))
}

fn name(partner: &str) -> String {
    format!("partners/{partner}/webhook")
}

fn say(event: &v1::PartnerEvent, json: bool) {
    let (kind, more) = event.kind.as_ref().map_or(("unknown", Value::Null), kind);
    let at = instant(event.event_time);
    if json {
        let line = json!({
            "cursor": event.cursor, "time": at, "registration": event.registration, "kind": kind, "details": more,
        });
        return print_line(&line.to_string());
    }
    let fields = more.as_object().into_iter().flatten();
    let details: Vec<String> = fields.map(|(key, value)| format!("{key} {value}").replace('"', "")).collect();
    print_line(&plain(&format!("{} {at:20} {kind:22} {} {}", event.cursor, event.registration, details.join(", "))));
}

fn kind(kind: &Kind) -> (&'static str, Value) {
    let consent = |change: &v1::partner_event::ConsentChange| {
        let purpose = terms::purpose::from_wire(change.purpose).map_or("unknown", Purpose::name);
        json!({ "purpose": purpose, "policy_version": change.policy_version })
    };
    match kind {
        Kind::TokenGone(gone) => {
            let channel = terms::channel::from_wire(gone.channel).map_or("unknown", ChannelKind::name);
            ("token.gone", json!({ "channel": channel }))
        }
        Kind::ConsentGranted(change) => ("consent.granted", consent(change)),
        Kind::ConsentWithdrawn(change) => ("consent.withdrawn", consent(change)),
        Kind::ConsentExpired(change) => ("consent.expired", consent(change)),
        Kind::PlaceForgotten(_) => ("place.forgotten", Value::Null),
        Kind::RegistrationRestarted(_) => ("registration.restarted", Value::Null),
        Kind::RegistrationDeleted(_) => ("registration.deleted", Value::Null),
        Kind::ZoneEntered(entered) => ("zone.entered", json!({ "zone": entered.zone })),
        Kind::Gap(gap) => ("events.gap", json!({ "events": gap.event_count })),
    }
}

fn say_webhook(webhook: &v1::Webhook, secret: Option<String>, json: bool) {
    let state = match webhook.state() {
        v1::webhook::State::Unspecified => "unknown",
        v1::webhook::State::Active => "active",
        v1::webhook::State::Gone => "gone",
        v1::webhook::State::Unreachable => "unreachable",
    };
    if json {
        let line = json!({
            "name": webhook.name, "url": webhook.url, "state": state, "cursor": webhook.cursor,
            "failures": webhook.failure_count, "failed": instant(webhook.failure_time),
            "failed_status": webhook.failure_status, "secret": secret,
        });
        return print_line(&line.to_string());
    }
    print_line(&plain(&format!("{} to {}: {state}", webhook.name, webhook.url)));
    if webhook.failure_count > 0 {
        let (count, status) = (webhook.failure_count, webhook.failure_status);
        print_line(&format!("  failed {count} times, last at {} with status {status}", instant(webhook.failure_time)));
    }
    if let Some(secret) = secret {
        print_line(&format!("  secret, shown only now:\n{}", plain(&secret)));
    }
}

fn instant(at: Option<prost_types::Timestamp>) -> String {
    let at = time::optional(at, "time").ok().flatten();
    at.map(|at| at.to_string()).unwrap_or_default()
}
