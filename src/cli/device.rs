//! `hazardcast device`: plays devices against a running server, through the public API alone.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use crate::device::{Fleet, FleetOptions, Receipts};
use crate::domain::Position;
use crate::lifecycle::{StopSignals, raise_open_files};
use crate::metrics::Metrics;
use crate::tasks::Tasks;

use super::Server;
use super::cities::{cities, positions};
use super::output::{Steps, print_line};
use super::population::{DEV_APP, Sketch, register};

/// What can be done with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Registers devices, opens their links, and reports receipts and latencies
    Simulate(SimulateArgs),
}

/// What `device simulate` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast device simulate --count 1000 --cities
  hazardcast device simulate --count 10 --place -99.13,19.43 --json
  hazardcast device simulate --count 10 --app partners/acme/apps/main --server https://alerts.example.org:7400")]
pub struct SimulateArgs {
    /// Devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// Put all of them here: longitude and latitude, degrees
    #[arg(long, value_name = "LON,LAT", value_parser = place, allow_hyphen_values = true)]
    pub place: Option<Position>,
    /// Spread them over the cities of the world by population (what is done if no place is given)
    #[arg(long, conflicts_with = "place")]
    pub cities: bool,
    /// Devices that have a live link; the others have a token for the null channel [default: all]
    #[arg(long, value_name = "N")]
    pub links: Option<u32>,
    /// Append each notice that a device shows to this file: its delivery key and the device's number
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Stop after this many seconds [default: at Ctrl-C]
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Which of the many ways to spread them; the same number spreads them the same way
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The app that they are registered with
    #[arg(long, value_name = "NAME", default_value = DEV_APP)]
    pub app: String,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// How often the counts are told.
const TELL: Duration = Duration::from_secs(1);

/// Registers the devices, opens links, and tells what they receive until it is stopped.
pub async fn simulate(args: &SimulateArgs, json: bool) -> Result<ExitCode> {
    let links = args.links.unwrap_or(args.count).min(args.count);
    let places: Vec<Position> = match args.place {
        Some(place) => vec![place; args.count as usize],
        None => positions(cities(), StdRng::seed_from_u64(args.seed)).take(args.count as usize).collect(),
    };
    let sketch = |(number, place)| Sketch { place, consents: true, drills: false, null: number >= links as usize };
    let sketches: Vec<Sketch> = places.into_iter().enumerate().map(sketch).collect();
    // A limit that cannot be raised shows when links cannot be opened.
    let _ = raise_open_files();
    let mut signals = StopSignals::catch().context("signals cannot be caught")?;
    let record = args.record.as_ref().map(|path| {
        let file = File::options().create(true).append(true).open(path);
        file.with_context(|| format!("--record {}", path.display()))
    });
    let record = record.transpose()?;
    let tasks = Tasks::new(Arc::new(Metrics::new()));
    let steps = Steps::new(json);
    let bar = steps.bar("registering", args.count.into());
    let channel = args.server.connect().await?;
    let mut devices = register(channel, &args.app, &sketches, |done| bar.set_position(done)).await?;
    bar.finish();
    devices.truncate(links as usize);
    let channels = args.server.connect_many(links as usize).await?;
    let fleet = Fleet::start(&channels, devices, FleetOptions { record, clock: None }, &tasks);
    let bar = steps.bar("opening links", links.into());
    while fleet.open() < u64::from(links) {
        bar.set_position(fleet.open());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bar.finish();
    if json {
        print_line(&json!({ "registered": args.count, "linked": links }).to_string());
    }
    let stop = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = tell(&fleet, json) => {}
        () = stop => {}
        () = signals.next() => {}
    }
    say(&fleet.receipts(), json);
    fleet.stop();
    tasks.wait(Duration::from_secs(10)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn tell(fleet: &Fleet, json: bool) {
    let mut last = None;
    loop {
        tokio::time::sleep(TELL).await;
        let receipts = fleet.receipts();
        if last.as_ref() != Some(&receipts) {
            say(&receipts, json);
            last = Some(receipts);
        }
    }
}

fn say(receipts: &Receipts, json: bool) {
    let Receipts { open, received, dropped, told, told_twice, latency_ms: [median, p99, most], .. } = receipts;
    if json {
        let latency = json!({ "p50": median, "p99": p99, "max": most });
        let line = json!({ "open": open, "received": received, "dropped": dropped, "told": told,
            "told_twice": told_twice, "latency_ms": latency });
        print_line(&line.to_string());
    } else {
        print_line(&format!(
            "{open} links open, {received} notices received ({dropped} repeats dropped), {told} devices told; \
             latency {median:.1} ms median, {p99:.1} ms p99, {most:.1} ms at most"
        ));
    }
}

/// Why a place on the command line is none.
#[derive(Debug, thiserror::Error)]
enum InvalidPlace {
    #[error("a place is longitude and latitude in degrees, such as -99.13,19.43")]
    NotTwoNumbers,
    #[error(transparent)]
    OffTheGlobe(#[from] crate::domain::InvalidGround),
}

fn place(text: &str) -> Result<Position, InvalidPlace> {
    let (lon, lat) = text.split_once(',').ok_or(InvalidPlace::NotTwoNumbers)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| InvalidPlace::NotTwoNumbers);
    Ok(Position::from_degrees(number(lon)?, number(lat)?)?)
}
