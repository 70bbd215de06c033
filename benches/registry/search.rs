//! Searches of the index while the registry takes places, in this process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hazardcast::domain::{AppName, Area, Cid, Footprint, Polygon, Private, RegistrationName, Ring};
use hazardcast::lifecycle::SystemClock;
use hazardcast::locate::{AffectedArea, Index, Order};
use hazardcast::metrics::Metrics;
use hazardcast::registry::{BATCH, Config, Registry};
use hazardcast::tasks::Tasks;

use super::Report;
use super::load::{APP, Count};
use super::population::Population;

/// Places a second that arrive.
const PER_SECOND: u64 = 100_000;

/// Vertices of the area that is searched.
const VERTICES: usize = 300;

pub(crate) async fn run(
    data: &Path,
    population: &Population,
    names: &[Cid],
    smoke: bool,
    said: &mut Report,
) -> Result<()> {
    let metrics = Arc::new(Metrics::new());
    let tasks = Tasks::new(Arc::clone(&metrics));
    let index = Arc::new(Index::new());
    let config = Config::new(data.join("registry"));
    let registry = Registry::open(&config, Arc::clone(&index), Arc::new(SystemClock), metrics, &tasks)?;
    let area = star(population.city(1), 1.0);
    let time = Duration::from_millis(if smoke { 200 } else { 10_000 });
    for round in 0..if smoke { 1 } else { 3 } {
        let (still, moving) = (Count::default(), Count::default());
        let found = search(&index, &area, time, &still);
        let (stop, reported) = (AtomicBool::new(false), AtomicU64::new(0));
        let searching = {
            let (index, area) = (Arc::clone(&index), area.clone());
            move |times: &Count| search(&index, &area, time, times)
        };
        let rate = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let searcher = scope.spawn(|| {
                    searching(&moving);
                    stop.store(true, Ordering::Relaxed);
                });
                let started = Instant::now();
                let done = tokio::runtime::Handle::current().block_on(async {
                    let senders = (0..4).map(|_| update(&registry, population, names, &stop, &reported, started));
                    futures_util::future::try_join_all(senders).await.map(drop)
                });
                let rate = reported.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
                searcher.join().expect("no assertion failed");
                done.map(|()| rate)
            })
        })?;
        ensure!(found > 0, "the area is empty");
        let [still_us, moving_us] = [&still, &moving].map(|times| times.at(500).as_secs_f64() * 1e6);
        said.say(&format!("search_{round}_found"), found, "devices");
        said.say(&format!("search_{round}_places_per_second"), rate, "places/s");
        said.say(&format!("search_{round}_still_us"), still_us, "µs, median");
        said.say(&format!("search_{round}_moving_us"), moving_us, "µs, median");
        said.say(&format!("search_{round}_times_slower"), moving_us / still_us, "times");
        let [still_us, moving_us] = [&still, &moving].map(|times| times.at(990).as_secs_f64() * 1e6);
        said.say(&format!("search_{round}_times_slower_p99"), moving_us / still_us, "times");
    }
    drop(registry);
    tasks.wait(Duration::from_mins(1)).await?;
    Ok(())
}

/// Searches again and again; how many devices the first found.
fn search(index: &Index, area: &AffectedArea, time: Duration, times: &Count) -> usize {
    let (mut hits, mut first) = (Vec::new(), None);
    let started = Instant::now();
    while started.elapsed() < time {
        let began = Instant::now();
        hits.clear();
        let mut sweep = index.sweep(std::slice::from_ref(area), Order::Any);
        while sweep.next_batch(&mut hits) {}
        times.add(began.elapsed());
        first.get_or_insert(hits.len());
        // As alerts come: one after the other, not as fast as one processor can.
        std::thread::sleep(Duration::from_millis(5));
    }
    first.unwrap_or_default()
}

async fn update(
    registry: &Registry,
    population: &Population,
    names: &[Cid],
    stop: &AtomicBool,
    reported: &AtomicU64,
    started: Instant,
) -> Result<()> {
    let app: AppName = APP.parse()?;
    while !stop.load(Ordering::Relaxed) {
        let first = reported.fetch_add(BATCH as u64, Ordering::Relaxed);
        let reports = (first..first + BATCH as u64).map(|number| {
            let (device, at) = population.report(number, names.len() as u64);
            let name = RegistrationName { app: app.clone(), cid: names[device as usize], installation: None };
            #[expect(clippy::disallowed_methods, reason = "reports of now")]
            let now = jiff::Timestamp::now();
            (name, Some((Footprint::Point(Private::new(at)), now)))
        });
        for done in registry.report_places(reports.collect()).await? {
            done?;
        }
        let due = Duration::from_secs_f64((first + BATCH as u64) as f64 / PER_SECOND as f64);
        tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
    }
    Ok(())
}

/// A jagged ring round a point.
fn star([lon, lat]: [f64; 2], degrees: f64) -> AffectedArea {
    let points = (0..VERTICES).map(|n| {
        let (sin, cos) = (std::f64::consts::TAU * n as f64 / VERTICES as f64).sin_cos();
        let radius = degrees * (1.0 - 0.15 * (n % 3) as f64);
        let round = |value: f64| (value * 1e5).round() / 1e5;
        [round(lon + radius * cos / lat.to_radians().cos()), round(lat + radius * sin)]
    });
    let outer = Ring::new(points.collect::<Vec<_>>()).expect("a ring");
    AffectedArea::new(&[Area { polygons: vec![Polygon { outer, holes: Vec::new() }], ..Area::default() }])
        .expect("it has ground")
}
