//! The whole path into a channel that sends nothing: from an alert at the desk to the last device handed over.
//!
//! `cargo bench --bench fan_out` runs 10,000, 100,000 and 1,000,000 devices; `FAN_OUT_DEVICES` asks for one other
//! number. `cargo bench --bench fan_out -- --test` runs once with few. In the same run, with the same devices and as
//! good an alert, each stage does its part alone: the sweep of the index, the planner (the sweep, the plan, the claim,
//! the slots written into the lane), the lane (the last look, the channel, reach, the journal's entry), and the
//! journal. So that the whole can be told as a share of its slowest stage: 100 % would be stages that hide each other
//! fully.

#[path = "fan_out/town.rs"]
mod town;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hazardcast::audit::Audit;
use hazardcast::channel::NullChannel;
use hazardcast::decide::{Lineages, Rules};
use hazardcast::domain::{
    ChannelKind, Clock, DeliveryKey, DeviceSlot, Hazards, Mode, NoticeKind, PolicyVersion, Priority, Severity,
    SignedDuration,
};
use hazardcast::fan_out::{FanOuts, LaneSeed, Surroundings, Workers};
use hazardcast::intake::{Answer, Desk};
use hazardcast::journal::{Entry, Journal};
use hazardcast::ledger::{Counts, Ledger};
use hazardcast::lifecycle::SystemClock;
use hazardcast::link::Hub;
use hazardcast::locate::{Hit, Order};
use hazardcast::metrics::Metrics;
use hazardcast::plan::{Found, Grant, Place, Policy, Situation, TierFacts, Verdict, Wish, plan};
use hazardcast::tasks::Tasks;
use hazardcast::{audit, decide, journal};
use tempfile::TempDir;
use town::Town;

/// Rounds of each measurement; the best is told.
const ROUNDS: u32 = 5;

/// Devices in a batch of the null channel, and so in an entry of the journal.
const BATCH: usize = 1_024;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    #[expect(clippy::disallowed_methods, reason = "a benchmark is set up from outside")]
    let wanted = std::env::var("FAN_OUT_DEVICES").ok().and_then(|text| text.parse().ok());
    let sizes = match wanted {
        Some(devices) => vec![devices],
        None if smoke => vec![5_000],
        None => vec![10_000, 100_000, 1_000_000],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had");
    for devices in sizes {
        runtime.block_on(bench(devices, if smoke { 1 } else { ROUNDS }));
    }
}

/// What one number of devices gave; the best of several rounds.
struct Best {
    accepted: Duration,
    first: Duration,
    last: Duration,
    stages: [(&'static str, Duration); 5],
}

async fn bench(devices: usize, rounds: u32) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let town = Town::new(folder.path(), devices).await;
    let expected = town.inside();
    let mut best = Best {
        accepted: Duration::MAX,
        first: Duration::MAX,
        last: Duration::MAX,
        stages: ["sweep", "plan", "planner", "lane", "journal"].map(|name| (name, Duration::MAX)),
    };
    for round in 0..rounds {
        whole(&town, round, expected, &mut best).await;
        for ((_, best), took) in best.stages.iter_mut().zip(stages(&town, round, expected).await) {
            *best = took.min(*best);
        }
    }
    tell(devices, expected, &best);
    town.close().await;
}

/// One alert through a house that works by itself.
async fn whole(town: &Town, round: u32, expected: usize, best: &mut Best) {
    let house = House::open(town);
    house.workers.start(1, &house.tasks).expect("threads can be had");
    let began = Instant::now();
    let began_at = SystemClock.now();
    let answer = house.desk.submit(town.submission(&format!("whole-{round}"))).await.expect("it is answered");
    let accepted = began.elapsed();
    let Answer::Admitted(key) = answer else { panic!("it is not admitted: {answer:?}") };
    let counts = loop {
        let counts = house.fan_outs.counts(key).expect("it is known");
        if counts.complete {
            break counts;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(counts.sent_total(), expected as u64, "all in the area were handed over, and nobody else");
    let since = |at: Option<hazardcast::domain::Timestamp>| {
        let at = at.expect("something was sent").duration_since(began_at);
        Duration::try_from(at.max(SignedDuration::ZERO)).expect("it is not negative")
    };
    let Counts { first_sent, last_sent, .. } = counts;
    best.accepted = best.accepted.min(accepted);
    best.first = best.first.min(since(first_sent));
    best.last = best.last.min(since(last_sent));
    drop((house.desk, house.fan_outs, house.journal));
    house.tasks.wait(Duration::from_secs(30)).await.expect("it ends");
}

/// Each stage alone, in the order of [`Best::stages`].
async fn stages(town: &Town, round: u32, expected: usize) -> [Duration; 5] {
    let mut hits: Vec<Hit> = Vec::with_capacity(expected);
    let began = Instant::now();
    let mut sweep = town.index.sweep(std::slice::from_ref(&town.area), Order::Any);
    while sweep.next_batch(&mut hits) {}
    let swept = began.elapsed();
    assert_eq!(hits.len(), expected);

    let mut house = House::open(town);
    let now = SystemClock.now();
    let policy = Policy { oldest_valid: PolicyVersion(1), channels: ChannelKind::Null.bit(), abroad: 0 };
    let expires = now + SignedDuration::from_hours(1);
    let (priority, severity) = (Priority::Warning, Severity::Severe);
    let tier = TierFacts { mode: Mode::Actual, priority, severity, hazards: Hazards::ALL, expires };
    let began = Instant::now();
    let tells = |hit: &&Hit| {
        let (linked, cross_border) = (house.hub.is_linked(hit.slot), Grant::default());
        let situation = Situation { linked, found: Found::ByPlace(Place::Live), wish: Wish::EVERYTHING, cross_border };
        matches!(plan(&town.registry.facts(hit.slot), tier, situation, policy, now), Verdict::Tell { .. })
    };
    let told = black_box(hits.iter().filter(tells).count());
    let plan_took = began.elapsed();
    assert_eq!(told, expected);

    let Answer::Admitted(key) = house.desk.submit(town.submission(&format!("staged-{round}"))).await.expect("answered")
    else {
        panic!("it is not admitted")
    };
    let began = Instant::now();
    while house.workers.planner.step() {}
    let planner = began.elapsed();
    let began = Instant::now();
    while house.workers.lanes[0].step().await {}
    let lane = began.elapsed();
    assert_eq!(house.fan_outs.counts(key).expect("it is known").sent_total(), expected as u64);

    let journalled = journal_alone(&house.journal, key, expected).await;
    let House { desk, fan_outs, journal, workers, tasks, .. } = house;
    drop((desk, fan_outs, journal, workers));
    tasks.wait(Duration::from_secs(30)).await.expect("it ends");
    [swept, plan_took, planner, lane, journalled]
}

/// The entries that the lane writes, and their syncs.
async fn journal_alone(journal: &Journal, key: DeliveryKey, devices: usize) -> Duration {
    let slots: Vec<DeviceSlot> = (0..devices as u32).map(DeviceSlot).collect();
    let began = Instant::now();
    let mut last = None;
    for devices in slots.chunks(BATCH) {
        last = Some(journal.append(Entry::Sent {
            key,
            tier: decide::TierIndex(0),
            kind: NoticeKind::Alert,
            priority: Priority::Warning,
            channel: ChannelKind::Null,
            devices: devices.to_vec(),
        }));
    }
    last.expect("there are devices").synced().await.expect("it is written");
    began.elapsed()
}

/// The middle of a server, with a journal of its own.
struct House {
    desk: Desk,
    fan_outs: FanOuts,
    workers: Workers,
    journal: Journal,
    hub: Hub,
    tasks: Tasks,
    _folder: TempDir,
}

impl House {
    /// With one lane, to a channel that counts.
    fn open(town: &Town) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let config = journal::Config {
            dir: folder.path().to_owned(),
            segment_bytes: 64 << 20,
            keep: SignedDuration::from_hours(1),
        };
        let (journal, _, writer) = Journal::open(&config, clock.now(), &metrics).expect("it opens");
        tasks.thread("journal", move || writer.run()).expect("a thread can be had");
        let config = audit::Config { dir: folder.path().join("audit"), segment_bytes: 16 << 20 };
        let (audit, _, writer) = Audit::open(&config, Arc::clone(&clock), &metrics).expect("it opens");
        tasks.thread("audit", move || writer.run()).expect("a thread can be had");
        let hub = Hub::new();
        let around = Surroundings {
            index: Arc::clone(&town.index),
            registry: town.registry.clone(),
            ledger: Ledger::default(),
            journal: journal.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&clock),
            metrics,
        };
        let (fan_outs, workers) = FanOuts::assemble(around, 0, vec![LaneSeed::new(NullChannel::new())]);
        let (desk, task) =
            Desk::new(Lineages::new(), Rules::default(), journal.clone(), audit, fan_outs.clone(), clock);
        tasks.spawn("desk", task.run());
        Self { desk, fan_outs, workers, journal, hub, tasks, _folder: folder }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it found")]
fn tell(devices: usize, expected: usize, best: &Best) {
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let rate = |took: Duration| expected as f64 / took.as_secs_f64() / 1e6;
    let slowest = best.stages[2..].iter().map(|(_, took)| *took).max().expect("there are stages");
    println!("\nfan_out: {devices} devices, {expected} of them in the area and told, best of the rounds");
    println!("  accepted (on disk)   {:>9.2} ms", ms(best.accepted));
    println!("  first handed over    {:>9.2} ms", ms(best.first));
    println!("  last handed over     {:>9.2} ms  {:>7.2} M devices/s", ms(best.last), rate(best.last));
    for (name, took) in best.stages {
        println!("  {name:<8} alone       {:>9.2} ms  {:>7.2} M devices/s", ms(took), rate(took));
    }
    let share = slowest.as_secs_f64() / best.last.as_secs_f64() * 100.0;
    println!("  the whole runs at {share:.0} % of the speed of its slowest stage alone");
}
