//! How long an alert waits for "accepted", and where that time goes; alone, and in a storm.
//!
//! `cargo bench --bench intake [-- --json]`; with `-- --test` once, small and quick. The server is the real binary on
//! a real disk, asked over the API.
//!
//! - *Alone*: CAP messages of 300 points one after the other. The floor beside it is the disk: as many bytes
//!   appended to a file and synced, in the same run.
//! - *Storm*: ten authorities, each over a connection of its own, send a thousand alerts together, one in five of
//!   them urgent, while rings of 41,000 points are read and resolved. Nothing may be lost; how long the urgent
//!   waited is told beside the others.
//!
//! The stages are the server's own ([`hazardcast::metrics::Metric::AcceptStage`]): read (bytes to fields), verify
//! (signatures), resolve (places to ground), wait (for the desk), decide, sync (until it is on disk). What is left of
//! the latency is the API.

#[path = "intake/messages.rs"]
mod messages;
#[path = "shared/random.rs"]
mod random;
#[expect(dead_code, reason = "the registry's bench asks more of it")]
#[path = "shared/server.rs"]
mod server;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use serde_json::{Map, Value};
use tonic::transport::Channel;

use messages::{SEED, Urgency, message};
use server::Server;

const AUTHORITIES: usize = 10;
const STAGES: [&str; 6] = ["read", "verify", "resolve", "wait", "decide", "sync"];

/// Points of an ordinary alert's ring, and of the longest real one.
const POINTS: usize = 300;
const LONGEST: usize = 41_009;

struct Sizes {
    /// Alerts one after the other.
    alone: usize,
    /// Alerts of each authority in the storm.
    of_each: usize,
    /// Rings of [`LONGEST`] points among them.
    long: usize,
}

fn main() -> Result<()> {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let json = std::env::args().any(|argument| argument == "--json");
    let sizes =
        if smoke { Sizes { alone: 20, of_each: 10, long: 1 } } else { Sizes { alone: 1_000, of_each: 100, long: 10 } };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&sizes, json))
}

async fn run(sizes: &Sizes, json: bool) -> Result<()> {
    let scratch = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let mut server = Server::start(&scratch.path().join("data"))?;
    server.ready().await?;
    let mut said = Report { json, values: Map::new() };
    said.say("seed", SEED, "");
    alone(&server, scratch.path(), sizes, &mut said).await?;
    storm(&server, sizes, &mut said).await?;
    said.finish();
    server.stop()
}

async fn alone(server: &Server, folder: &Path, sizes: &Sizes, said: &mut Report) -> Result<()> {
    let mut client = AlertServiceClient::new(server.connect().await?);
    let before = Stages::read(server)?;
    let mut times = Vec::with_capacity(sizes.alone);
    let mut bytes = 0;
    for number in 0..sizes.alone {
        let raw = message(0, number, POINTS, Urgency::Information);
        bytes = raw.len();
        let began = Instant::now();
        admitted(&mut client, raw).await?;
        times.push(began.elapsed());
    }
    let stages = Stages::read(server)?.since(&before);
    ensure!(stages.count == sizes.alone as u64, "{} were counted, of {}", stages.count, sizes.alone);
    said.say("alone_bytes", bytes, "bytes");
    said.times("alone", &mut times);
    let whole = times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64;
    for (name, sum) in STAGES.iter().zip(stages.sums) {
        let mean = sum / stages.count as f64;
        said.say(&format!("alone_{name}_us"), rounded(mean * 1e6), "us");
        said.say(&format!("alone_{name}_percent"), rounded(mean / whole * 100.0), "%");
    }
    let mut floor = disk(folder, bytes, sizes.alone)?;
    said.times("disk", &mut floor);
    said.say("alone_to_disk", rounded(at(&times, 500).as_secs_f64() / at(&floor, 500).as_secs_f64()), "x");
    Ok(())
}

/// As many appends, each synced, with nothing else: what no server that keeps its word can be faster than.
fn disk(folder: &Path, bytes: usize, count: usize) -> Result<Vec<Duration>> {
    let mut file = File::create(folder.join("floor"))?;
    let entry = vec![0x5a_u8; bytes];
    let append = |_| {
        let began = Instant::now();
        file.write_all(&entry)?;
        file.sync_data()?;
        anyhow::Ok(began.elapsed())
    };
    (0..count).map(append).collect()
}

async fn storm(server: &Server, sizes: &Sizes, said: &mut Report) -> Result<()> {
    let mut channels = Vec::new();
    for _ in 0..AUTHORITIES {
        channels.push(server.connect().await?);
    }
    let before = Stages::read(server)?;
    let began = Instant::now();
    let mut sent = FuturesUnordered::new();
    // The long ones first, so that all others come while they are read.
    for number in 0..sizes.long {
        let raw = message(0, 1_000_000 + number, LONGEST, Urgency::Information);
        sent.push(timed(channels[number % AUTHORITIES].clone(), raw, Kind::Long));
    }
    for number in 0..sizes.of_each {
        for (authority, channel) in channels.iter().enumerate() {
            let urgent = number % 5 == 0;
            let urgency = if urgent { Urgency::LifeThreat } else { Urgency::Information };
            let raw = message(authority + 1, number, POINTS, urgency);
            sent.push(timed(channel.clone(), raw, if urgent { Kind::Urgent } else { Kind::Ordinary }));
        }
    }
    let mut times: [Vec<Duration>; 3] = Default::default();
    while let Some(done) = sent.next().await {
        let (kind, took) = done?;
        times[kind as usize].push(took);
    }
    let whole = began.elapsed();
    let alerts: usize = times.iter().map(Vec::len).sum();
    let stages = Stages::read(server)?.since(&before);
    ensure!(stages.count == alerts as u64, "{} were counted, of {alerts}", stages.count);
    said.say("storm_alerts", alerts, "");
    said.say("storm_per_second", rounded(alerts as f64 / whole.as_secs_f64()), "alerts/s");
    for (name, times) in ["urgent", "ordinary", "long"].into_iter().zip(&mut times) {
        said.times(&format!("storm_{name}"), times);
    }
    let all: f64 = stages.sums.iter().sum();
    for (name, sum) in STAGES.iter().zip(stages.sums) {
        said.say(&format!("storm_{name}_percent"), rounded(sum / all * 100.0), "%");
    }
    listed(server, alerts + sizes.alone).await
}

#[derive(Clone, Copy)]
enum Kind {
    Urgent,
    Ordinary,
    Long,
}

async fn timed(channel: Channel, raw: Vec<u8>, kind: Kind) -> Result<(Kind, Duration)> {
    let began = Instant::now();
    admitted(&mut AlertServiceClient::new(channel), raw).await?;
    Ok((kind, began.elapsed()))
}

/// Sends an alert, again where the server asks for that, until it is admitted.
async fn admitted(client: &mut AlertServiceClient<Channel>, raw: Vec<u8>) -> Result<()> {
    let content = bytes::Bytes::from(raw);
    loop {
        let raw = v1::RawAlert { content: content.clone(), media_type: "application/cap+xml".to_owned() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        match client.submit_alert(request).await {
            Ok(answer) => {
                let outcome = answer.into_inner().outcome;
                ensure!(matches!(outcome, Some(Outcome::Admitted(_))), "it is not admitted: {outcome:?}");
                return Ok(());
            }
            Err(status) if matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(status) => return Err(status).context("an alert is refused"),
        }
    }
}

/// Every alert that was accepted is there.
async fn listed(server: &Server, expected: usize) -> Result<()> {
    let mut client = AlertServiceClient::new(server.connect().await?);
    let (mut found, mut page_token) = (0, String::new());
    loop {
        let request = v1::ListAlertsRequest { page_size: 1_000, page_token, ..v1::ListAlertsRequest::default() };
        let answer = client.list_alerts(request).await?.into_inner();
        found += answer.alerts.len();
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    ensure!(found == expected, "{found} alerts are listed, of {expected}");
    Ok(())
}

/// The server's own times of the stages: how many alerts, and seconds over all of them.
struct Stages {
    count: u64,
    sums: [f64; STAGES.len()],
}

impl Stages {
    fn read(server: &Server) -> Result<Self> {
        let page = server.get("/metrics")?;
        let value = |of: &str, stage: &str| {
            let name = format!("hazardcast_accept_stage_seconds_{of}{{stage=\"{stage}\"}} ");
            page.lines().find_map(|line| line.strip_prefix(&name)).and_then(|text| text.parse::<f64>().ok())
        };
        let sums = STAGES.map(|stage| value("sum", stage).unwrap_or_default());
        Ok(Self { count: value("count", STAGES[0]).unwrap_or_default() as u64, sums })
    }

    fn since(self, before: &Self) -> Self {
        let mut sums = self.sums;
        sums.iter_mut().zip(before.sums).for_each(|(sum, before)| *sum -= before);
        Self { count: self.count - before.count, sums }
    }
}

/// The time below which so many of a thousand were; `times` is sorted.
fn at(times: &[Duration], per_mille: usize) -> Duration {
    times.get((times.len() * per_mille / 1_000).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What was measured: said at once, or at the end as one object for machines.
struct Report {
    json: bool,
    values: Map<String, Value>,
}

impl Report {
    fn times(&mut self, name: &str, times: &mut [Duration]) {
        times.sort_unstable();
        for (of, per_mille) in [("p50", 500), ("p99", 990), ("most", 1_000)] {
            self.say(&format!("{name}_{of}_ms"), rounded(at(times, per_mille).as_secs_f64() * 1e3), "ms");
        }
    }

    #[expect(clippy::print_stdout, reason = "the figures are what the bench is for")]
    fn say(&mut self, name: &str, value: impl Into<Value>, unit: &str) {
        let value = value.into();
        if !self.json {
            println!("{name:>24} {value} {unit}");
        }
        self.values.insert(name.to_owned(), value);
    }

    #[expect(clippy::print_stdout, reason = "the figures are what the bench is for")]
    fn finish(self) {
        if self.json {
            println!("{}", Value::Object(self.values));
        }
    }
}
