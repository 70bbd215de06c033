//! The registry at size: what a registration takes in memory and on disk, how fast a server with all of them is there,
//! how many places a second it takes durably, and what that does to searches and to alerts.
//!
//! `cargo bench --bench registry -- PART [--devices N] [--data DIR] [--json]`, where `PART` is
//! - `fill`: fills a server through its API and does no more; what follows does that too if `--data DIR` has nothing.
//! - `size`: fills a server through its API, restarts it, and measures it: `--devices 10000000` for the size that is
//!   promised. The data stay in `--data DIR` if it is given, and are used again.
//! - `places`: reports of places over `ReportPlaces`, 5,000 and 100 unanswered at a time.
//!   `benches/registry_rivals.py` runs it beside Redis and `PostGIS`.
//! - `search`: searches of an index that stands still, and while 100,000 places a second are made durable.
//! - `flood`: how long alerts wait for their answer while a partner registers devices as fast as it can.
//!
//! Without a part all of them are run; with `--test` all, small and quick. The server is the real binary, on a real
//! disk; nothing is measured in it but what the system says.

#[path = "registry/flood.rs"]
mod flood;
#[path = "registry/load.rs"]
mod load;
#[path = "registry/population.rs"]
mod population;
#[path = "registry/search.rs"]
mod search;
#[path = "shared/server.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hazardcast::domain::Cid;
use hazardcast::wire::convert::time;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use load::{Reports, Shape};
use population::{Population, SEED};
use server::{Server, disk_bytes};

/// The bench's own memory is not what is measured, but the machine is shared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Registrations, if no number is given.
const DEVICES: u64 = 1_000_000;
const SMOKE_DEVICES: u64 = 5_000;

/// Half the side of the box that alerts warn, degrees.
const REACH: f64 = 0.5;

/// What the command line says.
struct Options {
    part: Option<String>,
    devices: u64,
    data: Option<PathBuf>,
    updates: usize,
    rounds: u32,
    json: bool,
    smoke: bool,
}

fn main() -> Result<()> {
    let options = Options::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&options))
}

impl Options {
    fn read() -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let smoke = std::env::args().any(|argument| argument == "--test");
        let mut options = Self {
            part: None,
            devices: if smoke { SMOKE_DEVICES } else { DEVICES },
            data: None,
            updates: if smoke { 20_000 } else { 2_000_000 },
            rounds: if smoke { 1 } else { 3 },
            json: false,
            smoke,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--devices" => options.devices = value()?.parse()?,
                "--data" => options.data = Some(value()?.into()),
                "--updates" => options.updates = value()?.parse()?,
                "--rounds" => options.rounds = value()?.parse()?,
                "--json" => options.json = true,
                "--bench" | "--test" => {}
                "fill" | "size" | "places" | "search" | "flood" => options.part = Some(argument),
                other => bail!("{other}: neither a part nor an option"),
            }
        }
        Ok(options)
    }

    fn has(&self, part: &str) -> bool {
        self.part.as_deref().is_none_or(|asked| asked == part)
    }
}

async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let folder = options.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    let data = folder.join(format!("registry-{}", options.devices));
    let population = Population::new();
    let mut said = Report { json: options.json, values: Map::new() };
    said.say("devices", options.devices, "");
    said.say("seed", SEED, "");
    let names = filled(options, &data, &population, &mut said).await?;
    if options.part.as_deref() == Some("fill") {
        said.finish();
        return Ok(());
    }
    if options.has("size") {
        size(options, &data, &population, &mut said).await?;
    }
    if options.part.as_deref() != Some("size") {
        fs::write(data.with_extension("used"), "")?;
    }
    if options.has("places") {
        places(options, &data, &population, &names, &mut said).await?;
    }
    if options.has("flood") {
        flood::run(&data, &population, options.devices, options.smoke, &mut said).await?;
    }
    if options.has("search") {
        search::run(&data, &population, &names, options.smoke, &mut said).await?;
    }
    said.finish();
    Ok(())
}

/// A data directory with all devices, made if it is not there; and their names.
async fn filled(options: &Options, data: &Path, population: &Population, said: &mut Report) -> Result<Vec<Cid>> {
    let file = data.with_extension("names");
    if let Ok(known) = fs::read(&file) {
        let names: Vec<Cid> = known.as_chunks::<16>().0.iter().copied().map(Cid).collect();
        ensure!(names.len() as u64 == options.devices, "{} is of another size", file.display());
        return Ok(names);
    }
    let mut server = Server::start(data)?;
    server.ready().await?;
    let started = Instant::now();
    let names = load::fill(&server, population, options.devices).await?;
    said.say("fill_per_second", options.devices as f64 / started.elapsed().as_secs_f64(), "registrations/s");
    said.say("fill_processor_us_each", server.processor()?.as_secs_f64() * 1e6 / options.devices as f64, "µs");
    said.say("fill_peak_bytes_each", server.memory()?.peak as f64 / options.devices as f64, "bytes");
    server.stop()?;
    fs::write(&file, names.iter().flat_map(|cid| cid.0).collect::<Vec<_>>())?;
    Ok(names)
}

/// Memory, disk, and the time until the server is there again.
async fn size(options: &Options, data: &Path, population: &Population, said: &mut Report) -> Result<()> {
    let each = |bytes: u64| bytes as f64 / options.devices as f64;
    let mut server = Server::start(data)?;
    let door = server.alert_door().await?;
    said.say("alert_door_ms", door.as_secs_f64() * 1e3, "ms from the start of the process");
    let [lon, lat] = population.city(20);
    let fan_out = submit(&server, warning(&format!("at-start-{}", std::process::id()), [lon, lat], REACH)).await?;
    let ready = server.ready().await?;
    said.say("ready_ms", ready.as_secs_f64() * 1e3, "ms from the start of the process");
    said.say("start_processor_s", server.processor()?.as_secs_f64(), "s of processor time");
    let found = complete(&server, &fan_out).await?;
    let inside = (0..options.devices).filter(|&number| {
        let home = population.home(number);
        (home.lon() - lon).abs() <= REACH && (home.lat() - lat).abs() <= REACH
    });
    let inside = inside.count() as i64;
    said.say("found_by_the_alert", found, "devices");
    // Homes were rounded to a place's precision on their way, and the ring to five digits. In data that were used
    // before, devices have moved and others have come.
    let used = data.with_extension("used").exists();
    ensure!(used || (found - inside).abs() <= 1 + inside / 1_000, "{inside} are in the area");
    if !options.smoke {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let memory = server.memory()?;
    said.say("resident_bytes_each", each(memory.resident), "bytes");
    said.say("peak_bytes_each", each(memory.peak), "bytes");
    let registry = data.join("registry");
    said.say("disk_bytes_each", each(disk_bytes(&registry)?), "bytes");
    server.stop()?;
    said.say("disk_bytes_each_after_a_stop", each(disk_bytes(&registry)?), "bytes");
    Ok(())
}

/// Durable reports of places.
async fn places(
    options: &Options,
    data: &Path,
    population: &Population,
    names: &[Cid],
    said: &mut Report,
) -> Result<()> {
    let mut server = Server::start(data)?;
    server.ready().await?;
    for (outstanding, shapes) in [(5_000, [(5, 1_000, 1), (5, 500, 2)]), (100, [(1, 100, 1), (2, 50, 1)])] {
        let mut best: f64 = 0.0;
        for (streams, each, ahead) in shapes {
            // With few outstanding each round trip counts, and so does each flush: fewer will do.
            let count = if outstanding == 100 { options.updates / 4 } else { options.updates };
            for round in 0..options.rounds {
                let first = u64::from(round) * count as u64;
                let reports = Arc::new(Reports::new(population, names, first, count, each));
                let before = server.processor()?;
                let shape = Shape { streams, ahead, per_second: 0 };
                let (accepted, took) = load::send(&server, &reports, shape).await?;
                ensure!(accepted == reports.len() as u64, "{accepted} of {} were taken", reports.len());
                let rate = accepted as f64 / took.as_secs_f64();
                let used = server.processor()?.saturating_sub(before).as_secs_f64() * 1e6 / accepted as f64;
                let name = format!("places_{outstanding}_by_{streams}x{each}x{ahead}");
                said.say(&format!("{name}_round_{round}"), rate, &format!("places/s, {used:.2} µs of processor each"));
                best = best.max(rate);
            }
        }
        said.say(&format!("places_{outstanding}_best"), best, "places/s");
    }
    server.stop()
}

/// Submits an alert; its fan-out's name.
async fn submit(server: &Server, request: v1::SubmitAlertRequest) -> Result<String> {
    let mut client = AlertServiceClient::new(server.connect().await?);
    match client.submit_alert(request).await?.into_inner().outcome {
        Some(Outcome::Admitted(admitted)) => Ok(admitted.fan_out),
        other => bail!("the alert was not admitted: {other:?}"),
    }
}

/// How many devices a fan-out found, when it is complete.
async fn complete(server: &Server, name: &str) -> Result<i64> {
    let mut client = FanOutServiceClient::new(server.connect().await?);
    let mut looks = client.watch_fan_out(v1::WatchFanOutRequest { name: name.to_owned() }).await?.into_inner();
    let mut found = 0;
    while let Some(look) = looks.message().await? {
        found = look.fan_out.map_or(found, |fan_out| fan_out.found_count);
    }
    Ok(found)
}

/// A warning of a box, from now on for an hour.
pub(crate) fn warning(identifier: &str, [lon, lat]: [f64; 2], reach: f64) -> v1::SubmitAlertRequest {
    #[expect(clippy::disallowed_methods, reason = "an alert of today")]
    let sent = Timestamp::now();
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    let round = |value: f64| (value * 1e5).round() / 1e5;
    let coordinates =
        corners.iter().flat_map(|[east, north]| [round(lon + east * reach), round(lat + north * reach)]).collect();
    let polygon = v1::Polygon { outer: Some(v1::Ring { coordinates }), holes: Vec::new() };
    let info = v1::AlertInfo {
        language: "en".to_owned(),
        categories: vec!["Geo".to_owned()],
        event: "Earthquake".to_owned(),
        urgency: v1::Urgency::Immediate.into(),
        severity: v1::Severity::Extreme.into(),
        certainty: v1::Certainty::Observed.into(),
        expire_time: Some(time::to_wire(sent + SignedDuration::from_hours(1))),
        headline: "Strong shaking expected".to_owned(),
        areas: vec![v1::Area { polygons: vec![polygon], ..v1::Area::default() }],
        ..v1::AlertInfo::default()
    };
    let alert = v1::StructuredAlert {
        identifier: identifier.to_owned(),
        sender: "bench@example.org".to_owned(),
        send_time: Some(time::to_wire(sent)),
        mode: v1::AlertMode::Actual.into(),
        message_type: v1::structured_alert::MessageType::Alert.into(),
        infos: vec![info],
        ..v1::StructuredAlert::default()
    };
    v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Structured(alert)), typed: false }
}

/// What was measured: said at once, and at the end as one object for machines.
pub(crate) struct Report {
    json: bool,
    values: Map<String, Value>,
}

impl Report {
    #[expect(clippy::print_stdout, reason = "the figures are what the bench is for")]
    pub(crate) fn say(&mut self, name: &str, value: impl Into<Value>, unit: &str) {
        let value = value.into();
        if !self.json {
            let shown =
                value.as_f64().filter(|_| value.is_f64()).map_or_else(|| value.to_string(), |v| format!("{v:.1}"));
            println!("{name:<32} {shown:>14} {unit}");
        }
        self.values.insert(name.to_owned(), value);
    }

    #[expect(clippy::print_stdout, reason = "the figures are what the bench is for")]
    fn finish(self) {
        if self.json {
            println!("{}", json!(self.values));
        }
    }
}
