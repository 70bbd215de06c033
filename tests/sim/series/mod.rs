//! Real series of messages about one event, replayed in order, shuffled, with gaps and twice. Whatever comes when, each
//! device hears each change that concerns it once, and the end is the same.
//!
//! What must come of it is worked out the plain way: of all that has arrived, what stands ([`plain::standing`]); and for
//! each device, from what it was told before and where it is.

mod plain;
mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hazardcast::decide::Ignored;
use hazardcast::domain::{Alert, LineageId, NoticeKind, Position, Priority, Slot, Timestamp};
use hazardcast::format;
use hazardcast::intake::Answer;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::house::House;
use crate::oracle;
use crate::people::device;
use crate::pieces::{Sent, Steps};
use plain::{Report, standing};

/// The earthquake of 17 April 2024 in the Bungo Channel, as JMA names it.
const BUNGO: &str = "20240417231454";

/// How many orders of each series are played, beside the right one.
const ORDERS: u64 = 3;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The messages of a folder whose names begin so and that are of this event, by when they were sent.
fn read(folder: &Path, prefixes: &[&str], event: &str) -> Vec<Report> {
    let files =
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it can be read").path());
    let is_of = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut files: Vec<PathBuf> = files.filter(is_of).collect();
    files.sort();
    let alert = |file: &PathBuf| {
        let bytes = std::fs::read(file).expect("it can be read");
        format::read(&bytes, None).unwrap_or_else(|error| panic!("{}: {error}", file.display())).alert
    };
    let mut alerts: Vec<Alert> = files.iter().map(alert).collect();
    alerts.retain(|alert| alert.subject.event.as_ref().is_some_and(|known| known.key == event));
    Report::all(alerts)
}

/// Places in all ground that any message speaks of, and outside of it.
fn places(reports: &[Report]) -> Vec<Position> {
    let mut places: BTreeSet<(i32, i32)> = BTreeSet::new();
    for place in
        reports.iter().flat_map(Report::places).chain([Position::from_degrees(-100.0, -40.0).expect("a place")])
    {
        places.insert((place.lon_e7(), place.lat_e7()));
    }
    places.into_iter().filter_map(|(lon, lat)| Position::from_e7(lon, lat)).collect()
}

/// Devices, and what each shows as far as the plain way knows.
struct Played {
    house: House,
    devices: BTreeMap<Slot, Position>,
    shown: BTreeMap<Slot, Priority>,
    arrived: Vec<Report>,
    lineage: Option<LineageId>,
}

impl Played {
    async fn begin(places: &[Position]) -> Self {
        let house = House::open(Steps { planned: 20, sent: Sent::Four }).await;
        let new = places.iter().map(|place| device([place.lon(), place.lat()], true)).collect();
        let slots = house.register(new).await.into_iter().map(|registered| registered.registration.slot);
        let devices = slots.zip(places.iter().copied()).collect();
        Self { house, devices, shown: BTreeMap::new(), arrived: Vec::new(), lineage: None }
    }

    /// One message comes, and everything that it sets off is done.
    async fn take(&mut self, report: &Report) -> Answer {
        let before = names(&standing(&self.arrived));
        self.arrived.push(report.clone());
        let answer = self.house.submit_as_read(report.submission()).await;
        self.house.run_out().await;
        let now = standing(&self.arrived);
        let changed = names(&now) != before;
        assert_eq!(changed, matches!(answer, Answer::Admitted(_)), "{:?}: {answer:?}", report.alert.id);
        if let Answer::Admitted(key) = answer {
            let known = *self.lineage.get_or_insert(key.lineage);
            assert_eq!(key.lineage, known, "one event is one lineage: {:?}", report.alert.id);
        }
        let heard = self.heard();
        for (&slot, &place) in &self.devices {
            let at = now.iter().flat_map(|report| &report.tiers).filter(|tier| oracle::holds(&tier.areas, place));
            let at = at.map(|tier| tier.priority).max();
            let shown = self.shown.get(&slot).copied();
            let due = match (shown, at) {
                (_, Some(at)) if shown < Some(at) => vec![(NoticeKind::Alert, at)],
                (Some(_), None) => vec![(NoticeKind::Release, Priority::Information)],
                _ => Vec::new(),
            };
            let told = heard.get(&slot).cloned().unwrap_or_default();
            assert_eq!(told, due, "{slot:?} at {place:?} after {:?}, which shows {shown:?}", report.alert.id);
            match due.first() {
                Some((NoticeKind::Alert, at)) => _ = self.shown.insert(slot, *at),
                Some(_) => _ = self.shown.remove(&slot),
                None => {}
            }
        }
        answer
    }

    fn heard(&self) -> BTreeMap<Slot, Vec<(NoticeKind, Priority)>> {
        let mut heard: BTreeMap<Slot, Vec<(NoticeKind, Priority)>> = BTreeMap::new();
        for delivery in self.house.log.take() {
            heard.entry(delivery.slot).or_default().push((delivery.kind, delivery.priority));
        }
        heard
    }

    /// Who shows the alert in the end.
    fn end(&self) -> (BTreeSet<(Timestamp, String)>, Vec<Slot>) {
        (names(&standing(&self.arrived)), self.shown.keys().copied().collect())
    }
}

fn names(reports: &[&Report]) -> BTreeSet<(Timestamp, String)> {
    let name = |report: &&Report| (report.alert.id.sent, report.alert.id.identifier.as_str().to_owned());
    reports.iter().map(name).collect()
}

/// Plays a series in its own order, and in others: whatever the order, the end is the same.
async fn replay(reports: &[Report]) {
    let places = places(reports);
    let mut in_order = Played::begin(&places).await;
    for report in reports {
        in_order.take(report).await;
    }
    let end = in_order.end();
    for seed in 0..ORDERS {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut shuffled = reports.to_vec();
        shuffled.shuffle(&mut rng);
        let mut played = Played::begin(&places).await;
        for report in &shuffled {
            played.take(report).await;
        }
        assert_eq!(played.end(), end, "shuffled with {seed}");

        let last = standing(reports);
        let needed = names(&last);
        let kept = |report: &&Report| {
            let is_cancel = report.is_cancel();
            is_cancel || !needed.is_disjoint(&names(&[report])) || rng.random_bool(0.5)
        };
        let gaps: Vec<&Report> = reports.iter().filter(kept).collect();
        let mut played = Played::begin(&places).await;
        for report in gaps {
            played.take(report).await;
        }
        assert_eq!(played.end(), end, "with the gaps of {seed}");
    }
    let mut played = Played::begin(&places).await;
    for _ in 0..2 {
        for report in reports {
            let first = played.take(report).await;
            let again = played.take(report).await;
            let key = match first {
                Answer::Admitted(key) => Some(key),
                Answer::Ignored(Ignored::Duplicate(key)) => key,
                // Contained in the complete telegram; or the second type in which the event is taken back.
                Answer::Ignored(Ignored::Superseded | Ignored::NothingToCancel) => None,
                other => panic!("{:?}: {other:?}", report.alert.id),
            };
            assert_eq!(again, Answer::Ignored(Ignored::Duplicate(key)), "{:?}", report.alert.id);
        }
    }
    assert_eq!(played.end(), end, "twice");
}

/// Plays a series as it is, and as if it had not been taken back.
async fn replay_with_and_without_cancel(reports: &[Report]) {
    replay(reports).await;
    let standing: Vec<Report> = reports.iter().filter(|report| !report.is_cancel()).cloned().collect();
    if standing.len() < reports.len() {
        replay(&standing).await;
    }
}

#[tokio::test]
async fn the_early_warnings_of_one_earthquake_are_one_alert_however_they_come() {
    let folder = here().join("tests/data/japan/jma");
    let reports = read(&folder, &["77_01_", "36_01_", "37_01_"], BUNGO);
    assert_eq!(reports.len(), 9);
    replay_with_and_without_cancel(&reports).await;
}

#[tokio::test]
async fn whole_series_are_one_alert_each_however_they_come() {
    let data = here().join("../shared/data/alerts");
    if !data.is_dir() {
        let told = b"left out: ../shared/data is not beside the project\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), told);
        return;
    }
    let jma = read(&data.join("jma-eew"), &["77_01_", "36_01_", "37_01_"], BUNGO);
    assert_eq!(jma.len(), 38);
    replay_with_and_without_cancel(&jma).await;
    // One type alone, as most are subscribed to.
    let complete: Vec<Report> = jma.iter().filter(|report| report.series() == "VXSE45").cloned().collect();
    replay_with_and_without_cancel(&complete).await;
    let presto = read(&data.join("quakeml-rt-series"), &["presto-"], "smi:org.presto/ev/Irpinia_1980_M6.9_0");
    assert_eq!(presto.len(), 12);
    replay(&presto).await;
}
