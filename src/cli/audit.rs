//! `hazardcast audit`: verifies and exports the audit log's files, without a server; lists its records with one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::audit::{self, Export, Flaw, LogError, Query, Report};
use crate::domain::{Act, ActorKind, AuditPosition, AuditSubject, CredentialId, RecordHash, Timestamp};
use crate::wire::convert::{audit as convert, time};
use crate::wire::v1;
use crate::wire::v1::audit_service_client::AuditServiceClient;

use super::Server;
use super::audit_record::{record_json, row};
use super::connection::Connection;
use super::output::{print_line, refused, table};
use super::plain;

/// Where the log of a server with the shipped settings is.
const SHIPPED: &str = "data/audit";

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks that no record was changed, removed, added or moved; needs no server
    Verify(VerifyArgs),
    /// Says where the newest record stands, for others to note
    Head(HeadArgs),
    /// Lists records, newest first
    List(ListArgs),
    /// Writes records as JSON, one a line, oldest first; needs no server
    Export(ExportArgs),
}

/// What `audit verify` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast audit verify
  hazardcast audit verify copy/of/audit --json
  hazardcast audit verify --head 4021:9b2f5c01d7a8e3640f1c2b3a495867768594a3b2c1d0efeedccbbaa998877665

A folder's log begins with record 1, or right behind a position given by --head. The end of a log can be cut off
without a trace in it, and who can write its files can make all of it anew: both are found by positions that were noted
elsewhere.

Exit status: 0 it is as it was written, 1 it is not, 2 it could not be read.")]
pub struct VerifyArgs {
    /// The log's folder, one of its files, or a copy of either
    #[arg(value_name = "FILE|DIR", default_value = SHIPPED)]
    pub path: PathBuf,
    /// A position that was noted, as `audit head` tells it; may be given many times
    #[arg(long = "head", value_name = "N:HASH")]
    pub heads: Vec<AuditPosition>,
}

/// What `audit head` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast audit head
  hazardcast audit head data/audit --json")]
pub struct HeadArgs {
    /// The log's folder, one of its files, or a copy of either; without it the server is asked
    #[arg(value_name = "FILE|DIR")]
    pub path: Option<PathBuf>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Which records are asked for.
#[derive(Debug, Clone, Args)]
pub struct Asked {
    /// About this person, by the random subject in records
    #[arg(long, value_name = "SUBJECT", value_parser = subject)]
    pub subject: Option<AuditSubject>,
    /// About this resource: `alerts/1`, `partners/news`
    #[arg(long, value_name = "NAME")]
    pub object: Option<String>,
    /// Of this action, as `consent.granted`, or of all on one thing, as `consent`
    #[arg(long, value_name = "ACTION", value_parser = action)]
    pub action: Option<String>,
    /// By this kind of actor: server, partner, authority, operator, bootstrap, development
    #[arg(long, value_name = "KIND", value_parser = actor_kind)]
    pub actor_kind: Option<ActorKind>,
    /// By actors of this name
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// By whoever showed this credential
    #[arg(long, value_name = "CREDENTIAL", value_parser = credential)]
    pub credential: Option<CredentialId>,
    /// From this instant on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Before this instant (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
}

/// What `audit list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast audit list
  hazardcast audit list --action consent --since 2026-11-25T00:00:00Z
  hazardcast audit list --registration partners/dev/apps/alpha/registrations/0000000000000000000000000a --json")]
pub struct ListArgs {
    /// How many at most, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
    /// About this person, by the registration, as long as that is there
    #[arg(long, value_name = "NAME", conflicts_with = "subject")]
    pub registration: Option<String>,
    /// Which records.
    #[command(flatten)]
    pub asked: Asked,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `audit export` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast audit export
  hazardcast audit export copy/of/audit --action alert.decided
  hazardcast audit export --since 2026-01-01T00:00:00Z --until 2027-01-01T00:00:00Z

Exit status: 0 all were written, 2 the log could not be read to its end.")]
pub struct ExportArgs {
    /// The log's folder, one of its files, or a copy of either
    #[arg(value_name = "FILE|DIR", default_value = SHIPPED)]
    pub path: PathBuf,
    /// Which records.
    #[command(flatten)]
    pub asked: Asked,
}

fn subject(text: &str) -> Result<AuditSubject, String> {
    text.parse().map_err(|error| format!("{error}: a subject has 26 characters"))
}

fn credential(text: &str) -> Result<CredentialId, String> {
    let id = text.strip_prefix("credentials/").unwrap_or(text);
    CredentialId::from_id(id).map_err(|error| error.to_string())
}

fn actor_kind(text: &str) -> Result<ActorKind, String> {
    let kind = ActorKind::ALL.into_iter().find(|kind| kind.name() == text);
    kind.ok_or_else(|| format!("one of {}", ActorKind::ALL.map(ActorKind::name).join(", ")))
}

fn action(text: &str) -> Result<String, String> {
    let known = Act::NAMES.iter().any(|name| *name == text || name.split('.').next() == Some(text));
    if known { Ok(text.to_owned()) } else { Err(format!("one of {}", Act::NAMES.join(", "))) }
}

/// Does what was asked without a server; `None` if a server is needed.
pub(super) fn run_offline(command: &AuditCommand, json: bool) -> Result<Option<ExitCode>> {
    Ok(Some(match command {
        AuditCommand::Verify(args) => verify(args, json),
        AuditCommand::Export(args) => export(args)?,
        AuditCommand::Head(HeadArgs { path: Some(path), .. }) => {
            let newest = audit::newest(path)?.with_context(|| format!("{}: no record", path.display()))?;
            say_head(newest.position, Some(newest.time), json);
            ExitCode::SUCCESS
        }
        AuditCommand::Head(_) | AuditCommand::List(_) => return Ok(None),
    }))
}

/// Does what was asked of a server.
pub(super) async fn run(command: &AuditCommand, json: bool) -> Result<ExitCode> {
    match command {
        AuditCommand::List(args) => list(args, json).await,
        AuditCommand::Head(args) => head(&args.server, json).await,
        AuditCommand::Verify(_) | AuditCommand::Export(_) => {
            Ok(run_offline(command, json)?.unwrap_or(ExitCode::SUCCESS))
        }
    }
}

fn verify(args: &VerifyArgs, json: bool) -> ExitCode {
    let mut looks = 0;
    // A server that is writing may be in the middle of a commit: a moment later it is not.
    let wait = || {
        looks += 1;
        let again = looks <= 40 && audit::is_being_written(&args.path);
        if again {
            std::thread::sleep(Duration::from_millis(50));
        }
        again
    };
    match audit::verify(&args.path, &args.heads, wait) {
        Ok(report) => {
            say_report(&report, json);
            ExitCode::from(u8::from(!report.is_whole()))
        }
        Err(error) => {
            say_unread(&error, json);
            ExitCode::from(2)
        }
    }
}

fn say_unread(error: &LogError, json: bool) {
    super::say_error(&anyhow::Error::new(error.clone()), json);
}

fn say_report(report: &Report, json: bool) {
    if json {
        print_line(&report_json(report).to_string());
        return;
    }
    for flaw in &report.flaws {
        print_line(&format!("✗ {}", plain(&flaw.to_string())));
    }
    if report.more > 0 {
        print_line(&format!("✗ and {} more", report.more));
    }
    for cut in &report.cuts {
        let (record, bytes) = (cut.record, cut.bytes);
        let time = cut.time.map(|time| time.to_string()).unwrap_or_default();
        print_line(&format!("  record {record}, {time}: the server removed {bytes} bytes that a crash had cut off"));
    }
    for number in &report.unchecked {
        print_line(&format!("  record {number} was noted, and is not among what was read: it was not checked"));
    }
    if report.unknown > 0 {
        print_line(&format!("  {} records are of acts that only a newer version knows", report.unknown));
    }
    let files = if report.segments == 1 { "file" } else { "files" };
    let read = format!("{} records in {} {files}", report.records, report.segments);
    match report.last {
        Some(last) if report.is_whole() => {
            let first = report.first.unwrap_or(last.sequence);
            print_line(&format!("✓ {read}: records {first} to {} are as they were written", last.sequence));
            print_line(&format!("  {last}"));
        }
        Some(_) | None => print_line(&format!("  {read} could be read")),
    }
}

fn report_json(report: &Report) -> Value {
    let flaw = |flaw: &Flaw| {
        json!({
            "file": flaw.file.display().to_string(), "offset": flaw.offset, "record": flaw.record,
            "what": flaw.finding.name(), "message": flaw.to_string(),
        })
    };
    let cuts = report
        .cuts
        .iter()
        .map(|cut| json!({ "record": cut.record, "time": cut.time.map(|time| time.to_string()), "bytes": cut.bytes }));
    json!({
        "whole": report.is_whole(),
        "segments": report.segments,
        "records": report.records,
        "first": report.first,
        "last": report.last.map(|last| last.sequence),
        "head": report.last.map(|last| last.to_string()),
        "time": report.last_time.map(|time| time.to_string()),
        "flaws": report.flaws.iter().map(flaw).collect::<Vec<_>>(),
        "more_flaws": report.more,
        "cuts": cuts.collect::<Vec<_>>(),
        "unchecked": report.unchecked,
        "unknown_acts": report.unknown,
    })
}

fn export(args: &ExportArgs) -> Result<ExitCode> {
    let asked = args.asked.clone();
    let query = Query {
        subject: asked.subject,
        object: asked.object,
        action: asked.action,
        actor_kind: asked.actor_kind,
        actor_name: asked.actor,
        credential: asked.credential,
        since: asked.since,
        until: asked.until,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = write_records(&args.path, query, &mut out);
    std::io::Write::flush(&mut out)?;
    match written {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            drop(out);
            super::say_error(&error.context("`hazardcast audit verify` says more"), false);
            Ok(ExitCode::from(2))
        }
    }
}

fn write_records(path: &Path, query: Query, out: &mut impl std::io::Write) -> Result<()> {
    for record in Export::open(path, query)? {
        writeln!(out, "{}", record_json(&convert::to_wire(&record?)))?;
    }
    Ok(())
}

async fn list(args: &ListArgs, json: bool) -> Result<ExitCode> {
    let mut client: AuditServiceClient<Connection> =
        AuditServiceClient::new(args.server.connect().await?).max_decoding_message_size(64 << 20);
    let asked = args.asked.clone();
    let kind = asked.actor_kind.map(convert::kind_to_wire).unwrap_or_default();
    let mut request = v1::ListAuditRecordsRequest {
        subject: asked.subject.map(|subject| subject.to_string()).unwrap_or_default(),
        registration: args.registration.clone().unwrap_or_default(),
        object: asked.object.unwrap_or_default(),
        action: asked.action.unwrap_or_default(),
        actor: Some(v1::AuditActor {
            kind: kind.into(),
            name: asked.actor.unwrap_or_default(),
            credential: asked.credential.map(|credential| credential.to_string()).unwrap_or_default(),
        }),
        start_time: asked.since.map(time::to_wire),
        end_time: asked.until.map(time::to_wire),
        page_size: 0,
        page_token: String::new(),
    };
    let mut table = table();
    table.set_header(["record", "time", "who", "what", "about", "details"]);
    let mut left = args.limit as usize;
    loop {
        request.page_size = left.min(1_000) as i32;
        let page = client.list_audit_records(request.clone()).await.map_err(refused)?.into_inner();
        for record in page.records.iter().take(left) {
            if json {
                print_line(&record_json(record).to_string());
            } else {
                table.add_row(row(record).map(|cell| plain(&cell)));
            }
        }
        left = left.saturating_sub(page.records.len());
        request.page_token = page.next_page_token;
        if left == 0 || request.page_token.is_empty() {
            break;
        }
    }
    if !json {
        print_line(&table.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

async fn head(server: &Server, json: bool) -> Result<ExitCode> {
    let mut client = AuditServiceClient::new(server.connect().await?);
    let answer = client.get_audit_head(v1::GetAuditHeadRequest {}).await.map_err(refused)?.into_inner();
    let head = answer.head.unwrap_or_default();
    let hash = <[u8; 32]>::try_from(&*head.sha256).context("the server tells no hash")?;
    say_head(AuditPosition { sequence: head.sequence.cast_unsigned(), hash: RecordHash(hash) }, None, json);
    Ok(ExitCode::SUCCESS)
}

fn say_head(head: AuditPosition, time: Option<Timestamp>, json: bool) {
    if json {
        let time = time.map(|time| time.to_string());
        print_line(&json!({ "head": head.to_string(), "record": head.sequence, "time": time }).to_string());
    } else {
        print_line(&head.to_string());
    }
}
