//! `hazardcast feed`: alerts that the server gets for itself.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::wire::v1;
use crate::wire::v1::feed_service_client::FeedServiceClient;
use crate::wire::v1::test_feed_request::Feed as Tested;

use super::connection::{Connection, Server};
use super::output::{instant, print_line, refused, table};
use super::plain;

/// What can be done with feeds.
#[derive(Debug, Clone, Subcommand)]
pub enum FeedCommand {
    /// Adds a feed, which begins at once
    Add(AddArgs),
    /// Lists all feeds, and how they are doing
    List(ListArgs),
    /// Shows a feed, and how each of its mirrors is doing
    Show(NameArgs),
    /// Asks a feed once and says what would become of what is in it; nothing is sent
    Test(TestArgs),
    /// Leaves a feed alone from now on
    Pause(PauseArgs),
    /// Gets a feed again, from where it was
    Resume(ResumeArgs),
    /// Forgets a feed; what came from it stands
    Remove(RemoveArgs),
}

/// How alerts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Asked for again and again over HTTP: Atom, RSS, EDXL, GeoJSON, JSON
    Fetched,
    /// XML documents back to back on a TCP stream, as Canada's NAAD sends them
    TcpStream,
    /// Messages of a WebSocket
    Websocket,
}

/// What a feed is told to be.
#[derive(Debug, Clone, Args)]
pub struct Told {
    /// Where it is got from; several are mirrors of one another
    #[arg(long = "url", value_name = "URL", required = true)]
    pub urls: Vec<String>,
    /// The authority that it speaks for
    #[arg(long, value_name = "ID")]
    pub authority: String,
    /// How alerts come
    #[arg(long, value_enum, default_value = "fetched")]
    pub kind: Kind,
    /// How often it is asked, seconds [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub interval: Option<u32>,
    /// A further host that linked files may be fetched from
    #[arg(long = "link-host", value_name = "HOST")]
    pub link_hosts: Vec<String>,
    /// The most bytes of one body [default: 4194304]
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<i32>,
    /// The most linked files that are fetched at a time of asking [default: 200]
    #[arg(long, value_name = "COUNT")]
    pub max_entries: Option<i32>,
    /// How long an answer may take, seconds [default: 20]
    #[arg(long, value_name = "SECONDS")]
    pub answer_timeout: Option<u32>,
    /// How long an alert has to be missing before it has vanished, seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub grace: Option<u32>,
    /// Cancel alerts that vanish: only for feeds that always hold all that is in force
    #[arg(long)]
    pub end_vanished: bool,
    /// How long it may say nothing before that is an alarm, seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub silence: Option<u32>,
    /// Where missed messages of a TCP stream are fetched
    #[arg(long, value_name = "URL")]
    pub archive: Option<String>,
}

/// What `feed add` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed add nws --authority nws --url https://api.weather.gov/alerts/active --token-file admin.token
  hazardcast feed add met --authority met --url https://a.example.org/cap.atom --url https://b.example.org/cap.atom \
--link-host files.example.org
  hazardcast feed add naad --kind tcp-stream --authority naad --url tcp://a.example.org:8080 \
--url tcp://b.example.org:8080")]
pub struct AddArgs {
    /// What it is called
    #[arg(value_name = "ID")]
    pub id: String,
    /// What it is.
    #[command(flatten)]
    pub told: Told,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed list
  hazardcast feed list --json")]
pub struct ListArgs {
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed show nws
  hazardcast feed show nws --json")]
pub struct NameArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed pause` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed pause nws --token-file operator.token")]
pub struct PauseArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed resume` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed resume nws --token-file operator.token")]
pub struct ResumeArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed remove` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed remove nws --token-file admin.token")]
pub struct RemoveArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `feed test` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast feed test nws --token-file admin.token
  hazardcast feed test nws --json")]
pub struct TestArgs {
    /// Which
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// Does what was asked.
pub async fn run(command: &FeedCommand, json: bool) -> Result<ExitCode> {
    match command {
        FeedCommand::Add(args) => {
            let request = v1::CreateFeedRequest { feed_id: args.id.clone(), feed: Some(settings(&args.told)) };
            let answer = client(&args.server).await?.create_feed(request).await.map_err(refused)?;
            say(&answer.into_inner().feed.context(SILENT)?, json);
        }
        FeedCommand::List(args) => list(&args.server, json).await?,
        FeedCommand::Show(args) => {
            let request = v1::GetFeedRequest { name: name(&args.id) };
            let answer = client(&args.server).await?.get_feed(request).await.map_err(refused)?;
            say(&answer.into_inner().feed.context(SILENT)?, json);
        }
        FeedCommand::Test(args) => return test(args, json).await,
        FeedCommand::Pause(args) => {
            let request = v1::PauseFeedRequest { name: name(&args.id) };
            let answer = client(&args.server).await?.pause_feed(request).await.map_err(refused)?;
            say(&answer.into_inner().feed.context(SILENT)?, json);
        }
        FeedCommand::Resume(args) => {
            let request = v1::ResumeFeedRequest { name: name(&args.id) };
            let answer = client(&args.server).await?.resume_feed(request).await.map_err(refused)?;
            say(&answer.into_inner().feed.context(SILENT)?, json);
        }
        FeedCommand::Remove(args) => {
            let request = v1::DeleteFeedRequest { name: name(&args.id) };
            client(&args.server).await?.delete_feed(request).await.map_err(refused)?;
            let name = name(&args.id);
            print_line(&if json { json!({ "removed": name }).to_string() } else { format!("{name} is removed") });
        }
    }
    Ok(ExitCode::SUCCESS)
}

const SILENT: &str = "the server said nothing";

async fn client(server: &Server) -> Result<FeedServiceClient<Connection>> {
    Ok(FeedServiceClient::new(server.connect().await?))
}

fn name(id: &str) -> String {
    format!("feeds/{id}")
}

fn settings(told: &Told) -> v1::Feed {
    let seconds = |given: Option<u32>| given.map(|seconds| prost_types::Duration { seconds: seconds.into(), nanos: 0 });
    v1::Feed {
        kind: match told.kind {
            Kind::Fetched => v1::feed::Kind::Fetched,
            Kind::TcpStream => v1::feed::Kind::TcpStream,
            Kind::Websocket => v1::feed::Kind::WebSocket,
        }
        .into(),
        urls: told.urls.clone(),
        authority: format!("authorities/{}", told.authority),
        interval: seconds(told.interval),
        link_hosts: told.link_hosts.clone(),
        max_body_bytes: told.max_body_bytes.unwrap_or_default(),
        max_entries: told.max_entries.unwrap_or_default(),
        answer_timeout: seconds(told.answer_timeout),
        grace_period: seconds(told.grace),
        vanished: if told.end_vanished { v1::feed::Vanished::Ended } else { v1::feed::Vanished::Told }.into(),
        silence_period: seconds(told.silence),
        archive_url: told.archive.clone().unwrap_or_default(),
        ..v1::Feed::default()
    }
}

async fn list(server: &Server, json: bool) -> Result<()> {
    let answer = client(server).await?.list_feeds(v1::ListFeedsRequest {}).await.map_err(refused)?.into_inner();
    if json {
        answer.feeds.iter().for_each(|feed| say(feed, true));
        return Ok(());
    }
    let mut shown = table();
    shown.set_header(["Feed", "State", "Authority", "Last good", "Entries", "Addresses"]);
    for feed in &answer.feeds {
        let status = feed.status.clone().unwrap_or_default();
        let good = instant(status.good_time).map(|at| at.to_string()).unwrap_or_default();
        let present = status.present_count.to_string();
        let cells: [&str; 5] = [&feed.name, state(feed), &feed.authority, &good, &present];
        shown.add_row(cells.into_iter().map(plain).chain([plain(&feed.urls.join(" "))]));
    }
    print_line(&shown.to_string());
    Ok(())
}

/// How it is doing, in a word.
fn state(feed: &v1::Feed) -> &'static str {
    let status = feed.status.as_ref();
    match status {
        _ if feed.paused => "paused",
        Some(status) if status.silent => "silent",
        Some(status) if status.failure_count > 0 => "failing",
        Some(status) if status.good_time.is_some() => "good",
        _ => "begins",
    }
}

fn say(feed: &v1::Feed, json: bool) {
    let status = feed.status.clone().unwrap_or_default();
    let at = |at: Option<prost_types::Timestamp>| instant(at).map(|at| at.to_string());
    if json {
        let mirror = |(url, mirror): (&String, &v1::FeedMirror)| {
            let (error, failures, behind) = (&mirror.error, mirror.failure_count, mirror.behind);
            json!({ "url": url, "error": error, "failures": failures, "behind": behind })
        };
        let mirrors: Vec<Value> = feed.urls.iter().zip(&status.mirrors).map(mirror).collect();
        let line = json!({
            "name": feed.name, "state": state(feed), "authority": feed.authority, "kind": feed.kind().as_str_name(),
            "asked": at(status.ask_time), "good": at(status.good_time), "silent": status.silent,
            "failures": status.failure_count, "error": status.error, "present": status.present_count,
            "missing": status.missing_count, "mirrors": mirrors,
        });
        return print_line(&line.to_string());
    }
    print_line(&plain(&format!("{} for {}: {}", feed.name, feed.authority, state(feed))));
    if let Some(good) = at(status.good_time) {
        print_line(&format!("  last good {good}"));
    }
    print_line(&format!("  {} entries, {} more that are in it no more", status.present_count, status.missing_count));
    for (url, mirror) in feed.urls.iter().zip(&status.mirrors) {
        let how = match mirror {
            mirror if mirror.failure_count > 0 => format!("failed {} times: {}", mirror.failure_count, mirror.error),
            mirror if mirror.behind => "behind another".to_owned(),
            _ => "good".to_owned(),
        };
        print_line(&plain(&format!("  {url}: {how}")));
    }
}

async fn test(args: &TestArgs, json: bool) -> Result<ExitCode> {
    let request = v1::TestFeedRequest { feed: Some(Tested::Name(name(&args.id))) };
    let answer = client(&args.server).await?.test_feed(request).await.map_err(refused)?.into_inner();
    for trial in &answer.trials {
        if json {
            let message = |message: &v1::FeedTrialMessage| {
                let id = message.message.as_ref().map(|id| &id.identifier);
                json!({ "place": message.place, "identifier": id, "outcome": message.outcome,
                    "explanation": message.explanation })
            };
            let messages: Vec<Value> = trial.messages.iter().map(message).collect();
            let line = json!({ "url": trial.url, "error": trial.error, "bytes": trial.received_bytes,
                "media_type": trial.media_type, "entries": trial.entry_count, "messages": messages });
            print_line(&line.to_string());
            continue;
        }
        if !trial.error.is_empty() {
            print_line(&plain(&format!("{}: {}", trial.url, trial.error)));
            continue;
        }
        let (bytes, entries) = (trial.received_bytes, trial.entry_count);
        print_line(&plain(&format!("{}: {bytes} bytes of {}, {entries} entries", trial.url, trial.media_type)));
        for message in &trial.messages {
            let id = message.message.as_ref().map_or(message.place.as_str(), |id| id.identifier.as_str());
            print_line(&plain(&format!("  {id}: {} {}", message.outcome, message.explanation)));
        }
    }
    let good = answer.trials.iter().any(|trial| trial.error.is_empty());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
