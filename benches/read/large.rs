//! The largest alerts, read and with their ground resolved: what an authority waits for before the desk has it.

#[path = "../shared/random.rs"]
mod random;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use hazardcast::format;
use hazardcast::locate::{Atlas, resolve};

use super::corpus::{Corpus, File};
use super::stopwatch::{Stopwatch, best, millis};

use random::Random;

const SEED: u64 = 20_261_125;
/// What the largest real alert that is known of has.
const POLYGONS: usize = 212;
const POINTS: usize = 93_040;
/// What reading and resolving one may take.
const MOST: Duration = Duration::from_millis(100);
/// A point is written in so many bytes: the alert of that many points has 1.68 MB.
const WRITTEN: usize = "45.12345,12.12345 ".len();

pub(super) fn print(corpus: &Corpus, watch: &Stopwatch) {
    let largest = corpus.largest();
    let name = |file: &File| file.path.file_name().expect("a file").to_string_lossy().into_owned();
    let mut cases = vec![(format!("the largest file, {}", name(largest)), largest.bytes.clone())];
    let all = corpus.formats.iter().flat_map(|(_, files)| files);
    let longest = all.max_by_key(|file| longest_ring(&file.bytes)).expect("there are files");
    cases.push((format!("the longest ring, {}", name(longest)), longest.bytes.clone()));
    cases.push((format!("made from seed {SEED}"), made().into_bytes()));

    println!("largest alerts, at most {} ms to read and resolve:", MOST.as_millis());
    println!("| {:<44} |      KB |  points | read, ms | read and resolved, ms | within |", "");
    println!("| {:-<44} | ------: | ------: | -------: | --------------------: | -----: |", "");
    let atlas = Atlas::default();
    let mut times = vec![[Duration::MAX; 2]; cases.len()];
    for _ in 0..watch.rounds {
        for (time, (_, bytes)) in times.iter_mut().zip(&cases) {
            best(&mut time[0], watch.time(|| drop(black_box(format::messages(bytes, None)))));
            best(&mut time[1], watch.time(|| read_and_resolve(bytes, &atlas)));
        }
    }
    for ([read, resolved], (name, bytes)) in times.iter().zip(&cases) {
        let (size, points) = (bytes.len() as f64 / 1e3, points(bytes));
        let within = if *resolved < MOST { "yes" } else { "NO" };
        let [read, resolved] = [millis(*read), millis(*resolved)];
        println!("| {name:<44} | {size:>7.0} | {points:>7} | {read:>8.2} | {resolved:>21.2} | {within:>6} |");
    }
}

fn read_and_resolve(bytes: &[u8], atlas: &Atlas) {
    let messages = format::messages(bytes, None).expect("it was read before");
    for alert in messages.into_iter().filter_map(|message| message.outline.ok()?.alert.ok()) {
        black_box(resolve(&alert, atlas));
    }
}

fn longest_ring(bytes: &[u8]) -> usize {
    let messages = format::messages(bytes, None).unwrap_or_default();
    messages.iter().filter_map(|m| m.outline.as_ref().ok()).map(|read| read.written.longest_ring).max().unwrap_or(0)
}

fn points(bytes: &[u8]) -> usize {
    let messages = format::messages(bytes, None).expect("it was read before");
    messages.iter().filter_map(|m| m.outline.as_ref().ok()).map(|read| read.written.point_count).sum()
}

/// An alert of 212 jagged polygons side by side, with 93,040 points in all.
fn made() -> String {
    let mut random = Random(SEED);
    let mut areas = String::with_capacity(POINTS * WRITTEN + POLYGONS * 64);
    for number in 0..POLYGONS {
        let [column, row] = [number % 20, number / 20].map(|place| place as f64);
        let (lon, lat) = (20.0 + 2.0 * column, 30.0 + 2.0 * row);
        let count = POINTS / POLYGONS + usize::from(number < POINTS % POLYGONS);
        let _ = write!(areas, "<area><areaDesc>District {number}</areaDesc><polygon>");
        let mut first = String::new();
        for corner in 0..count - 1 {
            let (angle, reach) =
                (std::f64::consts::TAU * corner as f64 / (count - 1) as f64, random.between(0.6, 0.95));
            let point = format!("{:.5},{:.5}", lat + reach * angle.sin(), lon + reach * angle.cos());
            let _ = write!(areas, "{point} ");
            if first.is_empty() {
                first = point;
            }
        }
        let _ = write!(areas, "{first}</polygon></area>");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\
         <identifier>made</identifier><sender>bench@example.org</sender><sent>2026-11-25T12:00:00-00:00</sent>\
         <status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>en</language>\
         <category>Met</category><event>Storm</event><urgency>Immediate</urgency><severity>Severe</severity>\
         <certainty>Observed</certainty><expires>2026-11-25T18:00:00-00:00</expires><headline>Made</headline>{areas}\
         </info></alert>"
    )
}
