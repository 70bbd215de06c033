//! `hazardcast demo`: a real alert, from its bytes to the devices in its area, in one process.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Args, value_parser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::app::{App, Null, Options};
use crate::channel::NullRecord;
use crate::config::Config;
use crate::device::{Credentials, Fleet, FleetOptions};
use crate::domain::{Alert, Clock, Mode, Position, Timestamp};
use crate::format;
use crate::lifecycle::{OffsetClock, StopSignals, raise_open_files};
use crate::locate::{AffectedArea, Atlas, resolve};
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::wire::convert::{terms, time};
use crate::wire::v1;
use crate::wire::v1::submit_alert_response::Outcome;

use super::alert::{Telling, submit, watch};
use super::answer::ignore_name;
use super::cities::{City, cities, positions};
use super::map::MapScene;
use super::output::{Steps, print_line, table};
use super::population::{DEV_APP, Sketch, register};
use super::{Server, plain};

/// What `demo` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Devices: half in cities in the alert's area, a quarter in those around it, a quarter anywhere, by population
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    pub devices: u32,
    /// Devices that have a live link; no more than there are devices
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(0..=100_000))]
    pub links: u32,
    /// The alert that is sent, instead of the one that is built in
    #[arg(long, value_name = "FILE")]
    pub alert: Option<PathBuf>,
    /// Where the map is saved
    #[arg(long, value_name = "FILE", default_value = "demo.svg")]
    pub svg: PathBuf,
    /// Which of the many ways to spread the devices; the same number spreads them the same way
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  hazardcast demo
  hazardcast demo --devices 20000 --links 200
  hazardcast demo --alert warning.xml --svg warning.svg
  hazardcast demo --json";

/// A tropical cyclone warning of Mexico's weather service, as it was sent on 20 October 2018.
const BUILT_IN: &[u8] = include_bytes!("../../tests/data/alerts/smn-mexico/cyclone.xml");

/// How long the devices have to be told before the demo says who was missed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The share of people who agree to emergency push.
const CONSENTING: f64 = 0.9;

/// What the demo found.
#[derive(Debug, Default, serde::Serialize)]
struct Report {
    devices: u32,
    links: u32,
    in_area: u64,
    consenting: u64,
    told: u64,
    told_twice: u64,
    missed: u64,
    first_notice_ms: Option<f64>,
    last_notice_ms: Option<f64>,
    accepted_to_planned_ms: Option<f64>,
}

/// The alert that is sent, and its ground.
struct Sent {
    raw: v1::RawAlert,
    alert: Alert,
    ground: AffectedArea,
}

/// Runs the demo.
pub async fn run(args: &DemoArgs, json: bool) -> Result<ExitCode> {
    let sent = read(args.alert.as_deref())?;
    // Before all the work, and not after it.
    let svg = File::options().create(true).append(true).open(&args.svg);
    drop(svg.with_context(|| format!("cannot write {}", args.svg.display()))?);
    let mut signals = StopSignals::catch().context("signals cannot be caught")?;
    let links = args.links.min(args.devices);
    let mut rng = StdRng::seed_from_u64(args.seed);
    let sketches = population(&sent, args.devices, links, &mut rng);
    // A limit that cannot be raised shows when links cannot be opened.
    let _ = raise_open_files();
    let folder = Folder::new(rng.random())?;
    let clock: Arc<dyn Clock> = Arc::new(OffsetClock::starting_at(sent.alert.id.sent));
    let mut app = App::open(options(&folder.0, Arc::clone(&clock))).await.context("the server could not be opened")?;
    app.loaded().await.context("the server could not be opened")?;
    let server = Server::at(format!("http://{}", app.grpc_address()));
    let fleet = FleetOptions { record: None, clock: Some(clock) };
    let told = tokio::select! {
        told = tell(&server, &sent, &sketches, fleet, json) => told,
        () = signals.next() => Err(Interrupted.into()),
    };
    let closed = app.close().await;
    let told = told?;
    closed?;
    let handed = handed(&folder.null())?;
    let report = judge(args.devices, links, &sent.ground, &sketches, &told, &handed)?;
    let told_at =
        |number: usize| told.shown.get(&number).copied().unwrap_or(0) > 0 || handed.contains_key(&(number as u32));
    draw(&sent, &sketches, told_at, &args.svg, json)?;
    say(&report, &sent, &args.svg, json);
    Ok(if report.missed == 0 && report.told_twice == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: Option<&Path>) -> Result<Sent> {
    let raw = match file {
        Some(file) => super::alert::raw(file)?,
        None => v1::RawAlert { content: BUILT_IN.into(), media_type: String::new() },
    };
    let alert = format::read(&raw.content, None);
    let alert = alert.map_err(|error| anyhow!("the alert cannot be read: {}: {error}", error.field()))?.alert;
    let parts = resolve(&alert, &Atlas::default()).infos.into_iter().flat_map(|info| info.parts);
    let areas: Vec<_> = parts.flat_map(|part| part.area.areas().to_vec()).collect();
    let ground = AffectedArea::new(&areas).context("the alert has no ground of its own")?;
    Ok(Sent { raw, alert, ground })
}

/// Half of the devices live in the area, a quarter around it, a quarter anywhere; every so many of them has a link, and
/// the others stand for those that a vendor's push service reaches.
fn population(sent: &Sent, devices: u32, links: u32, rng: &mut StdRng) -> Vec<Sketch> {
    let ground = &sent.ground;
    // An exercise is for those who take part, and here all do.
    let drills = matches!(sent.alert.mode, Mode::Exercise | Mode::Test);
    // Where there are no such cities, as far out at sea, those of the next wider ring stand in.
    let near = chosen(cities(), |city| is_near(ground, city.at));
    let inside = chosen(&near, |city| ground.contains(city.at));
    let seeds: [u64; 3] = rng.random();
    let mut within = positions(&inside, StdRng::seed_from_u64(seeds[0]));
    let mut around = positions(&near, StdRng::seed_from_u64(seeds[1]));
    let mut anywhere = positions(cities(), StdRng::seed_from_u64(seeds[2]));
    let mut draw = |number: u32| {
        let place = match rng.random_range(0..4) {
            0 | 1 => within.next(),
            2 => around.next(),
            _ => anywhere.next(),
        }?;
        // Bresenham's line: `links` of `devices`, evenly.
        let linked = u64::from(number + 1) * u64::from(links) / u64::from(devices)
            > u64::from(number) * u64::from(links) / u64::from(devices);
        Some(Sketch { place, consents: rng.random_bool(CONSENTING), drills, null: !linked })
    };
    (0..devices).filter_map(&mut draw).collect()
}

/// The cities that are so; all of them if none is.
fn chosen(from: &[City], is_so: impl Fn(&City) -> bool) -> Vec<City> {
    let chosen: Vec<City> = from.iter().filter(|city| is_so(city)).copied().collect();
    if chosen.is_empty() { from.to_vec() } else { chosen }
}

/// Whether a city is in the area's box, or around it by an eighth of the box's size and a quarter of a degree.
fn is_near(ground: &AffectedArea, at: Position) -> bool {
    let [west, south, east, north] = ground.bounding_box();
    let width = (east - west).rem_euclid(360.0);
    let from_west = (at.lon() - west).rem_euclid(360.0);
    let margin = width / 8.0 + 0.25;
    let across = from_west <= width + margin || from_west >= 360.0 - margin;
    let height = (north - south) / 8.0 + 0.25;
    across && (south - height..=north + height).contains(&at.lat())
}

fn options(folder: &Path, clock: Arc<dyn Clock>) -> Options {
    let config = Config::shipped();
    let loopback = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    Options {
        data_dir: folder.join("data"),
        listen: loopback,
        http_listen: loopback,
        clock,
        null: Some(Null::File(folder.join("null"))),
        ..super::serve::options(&config, true)
    }
}

/// What came of telling them.
struct Told {
    /// How many things each linked device was shown, by its number among all.
    shown: HashMap<usize, u32>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    fan_out: v1::FanOut,
}

async fn tell(server: &Server, sent: &Sent, sketches: &[Sketch], fleet: FleetOptions, json: bool) -> Result<Told> {
    let steps = Steps::new(json);
    let channel = server.connect().await?;
    let bar = steps.bar("registering", sketches.len() as u64);
    let devices = register(channel.clone(), DEV_APP, sketches, |done| bar.set_position(done)).await?;
    bar.finish();
    let linked: Vec<usize> = (0..sketches.len()).filter(|&number| !sketches[number].null).collect();
    let links = linked.len() as u64;
    let credentials: Vec<Credentials> = linked.iter().map(|&number| devices[number].clone()).collect();
    let tasks = Tasks::new(Arc::new(Metrics::new()));
    let channels = server.connect_many(credentials.len()).await?;
    let fleet = Fleet::start(&channels, credentials, fleet, &tasks);
    let bar = steps.bar("opening links", links);
    let started = Instant::now();
    while fleet.open() < links {
        ensure!(started.elapsed() < PATIENCE, "only {} of {links} links could be opened", fleet.open());
        bar.set_position(fleet.open());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bar.finish();

    let admitted = match submit(channel.clone(), sent.raw.clone(), false).await?.outcome {
        Some(Outcome::Admitted(admitted)) => admitted,
        Some(Outcome::Held(held)) => bail!("the alert waits for a person: {}", held.name),
        Some(Outcome::Ignored(ignored)) => bail!("the alert was not sent: {}", ignore_name(ignored.reason())),
        None => bail!("the server said nothing"),
    };
    let key = terms::key_from_wire(admitted.key.context("the answer has no key")?).to_string();
    let fan_out = watch(channel.clone(), &key, Telling { lines: false, bar: !json }).await?;
    let expected = linked.iter().filter(|&&number| is_to_be_told(sent, &sketches[number])).count() as u64;
    let started = Instant::now();
    while fleet.receipts().told < expected && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let receipts = fleet.receipts();
    let shown = linked.into_iter().zip(fleet.shown()).collect();
    fleet.stop();
    tasks.wait(Duration::from_secs(10)).await?;
    Ok(Told { shown, first: receipts.first, last: receipts.last, fan_out })
}

fn is_to_be_told(sent: &Sent, sketch: &Sketch) -> bool {
    sketch.consents && sent.ground.contains(sketch.place)
}

/// How often each device was handed to the null channel, by its number. In a new registry slots are given in the order
/// of registration.
fn handed(file: &Path) -> Result<HashMap<u32, u32>> {
    let text = std::fs::read_to_string(file).context("the null channel's file")?;
    let mut handed = HashMap::new();
    for line in text.lines() {
        let record = NullRecord::parse(line).context("the null channel's file has half a line")?;
        for slot in record.slots {
            *handed.entry(slot.0).or_default() += 1;
        }
    }
    Ok(handed)
}

/// Compares who was told with who should have been, place by place, without the index.
fn judge(
    devices: u32,
    links: u32,
    ground: &AffectedArea,
    sketches: &[Sketch],
    told: &Told,
    handed: &HashMap<u32, u32>,
) -> Result<Report> {
    let mut report = Report { devices, links, ..Report::default() };
    for (number, sketch) in sketches.iter().enumerate() {
        let inside = ground.contains(sketch.place);
        let on_link = told.shown.get(&number).copied().unwrap_or(0);
        let times = on_link + handed.get(&(number as u32)).copied().unwrap_or(0);
        report.in_area += u64::from(inside);
        report.consenting += u64::from(inside && sketch.consents);
        report.told += u64::from(times > 0);
        report.told_twice += u64::from(times > 1);
        report.missed += u64::from(inside && sketch.consents && times == 0);
        ensure!(times == 0 || inside, "a device outside the area was told");
        ensure!(times == 0 || sketch.consents, "a device without consent was told");
    }
    let at = |at: Option<prost_types::Timestamp>| time::optional(at, "").ok().flatten();
    let accepted = at(told.fan_out.accept_time);
    let since = |later: Option<Timestamp>| Some(later?.duration_since(accepted?).as_micros() as f64 / 1000.0);
    report.accepted_to_planned_ms = since(at(told.fan_out.plan_time));
    report.first_notice_ms = since(told.first.into_iter().chain(at(told.fan_out.first_send_time)).min());
    report.last_notice_ms = since(told.last.into_iter().chain(at(told.fan_out.last_send_time)).max());
    Ok(report)
}

/// Draws the area and who was told, in the terminal and into a file.
fn draw(sent: &Sent, sketches: &[Sketch], told: impl Fn(usize) -> bool, svg: &Path, json: bool) -> Result<()> {
    let near: Vec<usize> =
        (0..sketches.len()).filter(|&number| is_near(&sent.ground, sketches[number].place)).collect();
    let (yes, no): (Vec<usize>, Vec<usize>) = near.into_iter().partition(|&number| told(number));
    let places = |numbers: &[usize]| numbers.iter().map(|&number| sketches[number].place).collect::<Vec<_>>();
    // The largest first, and those that were warned before those that were not.
    let mut near_cities: Vec<_> = cities().iter().filter(|city| is_near(&sent.ground, city.at)).collect();
    near_cities.sort_by_key(|city| !sent.ground.contains(city.at));
    let labels: Vec<_> = near_cities.iter().take(40).map(|city| (city.name.to_owned(), city.at)).collect();
    let title = sent.alert.body.infos().first().map_or("", |info| info.event.as_str());
    let (told, untold) = (places(&yes), places(&no));
    let scene = MapScene {
        areas: sent.ground.areas(),
        tints: &[],
        keys: &[],
        told: &told,
        untold: &untold,
        labels: &labels,
        title,
    };
    std::fs::write(svg, scene.svg()).with_context(|| format!("cannot write {}", svg.display()))?;
    if !json {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
        print_line(&scene.terminal(100, terminal));
    }
    Ok(())
}

fn say(report: &Report, sent: &Sent, svg: &Path, json: bool) {
    if json {
        print_line(&json!(report).to_string());
        return;
    }
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"));
    let mut table = table();
    table.add_row(["alert".to_owned(), plain(sent.alert.id.identifier.as_str())]);
    let counts = [
        ("devices indexed", u64::from(report.devices)),
        ("live links", report.links.into()),
        ("in the area", report.in_area),
        ("consenting", report.consenting),
        ("told", report.told),
        ("told twice", report.told_twice),
        ("missed", report.missed),
    ];
    for (name, count) in counts {
        table.add_row([name.to_owned(), count.to_string()]);
    }
    table.add_row(["accepted to planned".to_owned(), ms(report.accepted_to_planned_ms)]);
    table.add_row(["accepted to first notice".to_owned(), ms(report.first_notice_ms)]);
    table.add_row(["accepted to last notice".to_owned(), ms(report.last_notice_ms)]);
    print_line(&table.to_string());
    print_line(&format!("The map is in {}.", svg.display()));
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

/// A folder of the demo's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(number: u64) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("hazardcast-demo-{}-{number:016x}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn null(&self) -> PathBuf {
        self.0.join("null")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
