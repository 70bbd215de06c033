//! Real alerts of every format, mutated: whatever becomes of them, the reader answers with alerts within its limits or
//! with an error that names a field, and what it gives can be resolved and written.
//!
//! Runs for as many seconds as `HAZARDCAST_FUZZ_SECONDS` says, with a seed of its own each round; one round alone is
//! repeated with `HAZARDCAST_FUZZ_SEED`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hazardcast::domain::{Alert, Ground, Info};
use hazardcast::format::{self, FormatError, Limits, Message, Outline};
use hazardcast::locate::{Atlas, resolve};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::real_alerts::{files_under, here, messages};

/// How long a run is where nothing is said, seconds.
const SECONDS: u64 = 2;

/// Bytes that mean something to a reader of XML or JSON; put in anywhere.
const WORDS: [&str; 52] = [
    "<",
    ">",
    "/>",
    "</",
    "&",
    "&amp;",
    "&lt;br/&gt;",
    "&#0;",
    "&#x10FFFF;",
    "&x;",
    "\"",
    "'",
    "=",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml encoding='UTF-16'?>",
    "<!DOCTYPE a [<!ENTITY b '&b;'>]>",
    "xmlns=\"\"",
    "xmlns:cap=\"a\"",
    "<area>",
    "</area>",
    "<info>",
    "</info>",
    "<polygon>",
    "</polygon>",
    "<circle>0,0 20003</circle>",
    ",",
    " ",
    "-",
    "91",
    "180",
    "1e400",
    "NaN",
    "99999999999999999999999",
    "\u{0}",
    "\u{202E}水",
    "{",
    "}",
    "[",
    "]",
    "\":",
    "null",
    "true",
    "[[",
    "]]",
    "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[0,1],[1,1],[0,0]]]]},",
    "\\ud800",
    "-0.0e-9",
    "var a=",
    ";",
];

pub(crate) fn variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

#[test]
fn mutated_real_alerts_never_break_the_reader() {
    fuzz(&messages().into_iter().map(|file| std::fs::read(file).expect("it can be read")).collect::<Vec<_>>());
}

#[test]
fn mutated_messages_of_seismic_networks_never_break_the_reader() {
    let beside =
        ["quakeml", "quakeml-rt-series", "shakealert", "shakemap"].map(|of| format!("../shared/data/alerts/{of}"));
    let folders: Vec<&str> = ["tests/data/earthquakes"].into_iter().chain(beside.iter().map(String::as_str)).collect();
    fuzz(&seeds(&folders, &["xml", "geojson"]));
}

/// The messages under those of the folders that are there.
fn seeds(folders: &[&str], extensions: &[&str]) -> Vec<Vec<u8>> {
    let folders = folders.iter().map(|folder| here().join(folder)).filter(|folder| folder.exists());
    let mut files: Vec<_> = folders.flat_map(|folder| files_under(&folder)).collect();
    files.retain(|file| file.extension().is_some_and(|found| extensions.iter().any(|known| found == *known)));
    files.iter().map(|file| std::fs::read(file).expect("it can be read")).collect()
}

fn fuzz(seeds: &[Vec<u8>]) {
    if let Some(seed) = variable("HAZARDCAST_FUZZ_SEED") {
        round(seeds, seed);
        return;
    }
    let until = Instant::now() + Duration::from_secs(variable("HAZARDCAST_FUZZ_SECONDS").unwrap_or(SECONDS));
    let first = rand::random::<u32>();
    let (mut rounds, mut read, mut slowest) = (0_u64, 0_u64, (Duration::ZERO, 0));
    while rounds == 0 || Instant::now() < until {
        let seed = u64::from(first) + rounds;
        let started = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| round(seeds, seed)));
        slowest = slowest.max((started.elapsed(), seed));
        read += u64::from(done.unwrap_or_else(|_| panic!("HAZARDCAST_FUZZ_SEED={seed}")));
        rounds += 1;
    }
    let (longest, seed) = slowest;
    let told = format!("{rounds} mutated alerts, {read} of them still read; the longest took {longest:?}, seed {seed}");
    let _ = writeln!(std::io::stderr(), "{told}");
    assert!(read > 0, "some mutations are harmless");
}

/// Mutates a message, reads it, and looks at what comes of it; whether there is an alert in it still.
fn round(seeds: &[Vec<u8>], seed: u64) -> bool {
    let mut random = StdRng::seed_from_u64(seed);
    let mut message = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        mutate(&mut message, &seeds[random.random_range(0..seeds.len())], &mut random);
    }
    let media_type =
        random.random::<bool>().then_some(if message.starts_with(b"<") { "text/xml" } else { "text/json" });
    match format::messages(&message, media_type) {
        Ok(messages) => messages.into_iter().filter(is_alert).count() > 0,
        Err(error) => told(&error),
    }
}

/// Looks at one message; whether it is an alert.
fn is_alert(message: &Message) -> bool {
    match &message.outline {
        Ok(outline) => {
            within_limits(outline);
            outline.alert.as_ref().is_ok_and(|alert| {
                points_are_bounded(alert);
                resolve(alert, &Atlas::default());
                true
            })
        }
        Err(error) => told(error),
    }
}

/// Whether an error is one that can be told; it is no alert.
fn told(error: &FormatError) -> bool {
    assert!(!error.field().is_empty() && error.to_string().len() < 1_000, "{error}");
    false
}

pub(crate) fn mutate(message: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    if message.is_empty() {
        message.push(b'<');
    }
    let at = random.random_range(0..message.len());
    let most = 1_usize << random.random_range(0..16);
    let far = at + random.random_range(0..=(message.len() - at).min(most));
    match random.random_range(0..9) {
        0 => message[at] ^= 1 << random.random_range(0..8),
        1 => message[at] = random.random(),
        2 => drop(message.drain(at..far)),
        3 => message.truncate(at),
        4 => insert(message, at, WORDS[random.random_range(0..WORDS.len())].as_bytes()),
        5 => {
            let copied = message[at..far].to_vec();
            let to = random.random_range(0..message.len());
            insert(message, to, &copied);
        }
        6 => repeat_element(message, at, random),
        7 => {
            let deep = random.random_range(1..40);
            insert(message, far, "</a>".repeat(deep).as_bytes());
            insert(message, at, "<a>".repeat(deep).as_bytes());
        }
        _ => {
            let from = random.random_range(0..other.len());
            insert(message, at, &other[from..other.len().min(from + random.random_range(0..4_096))]);
        }
    }
}

/// Repeats an element that begins after `at`, once or many times.
fn repeat_element(message: &mut Vec<u8>, at: usize, random: &mut StdRng) {
    let find = |from: usize, what: &[u8]| message[from..].windows(what.len()).position(|w| w == what).map(|i| from + i);
    let Some(start) = find(at, b"<") else { return };
    let name_end = message[start..].iter().position(|byte| b" >/\n".contains(byte)).map_or(start, |end| start + end);
    let close = [b"</", &message[start + 1..name_end.max(start + 1)], b">"].concat();
    let Some(end) = find(start, &close).map(|found| found + close.len()) else { return };
    let times = [1, 2, 10, 1_000][random.random_range(0..4)].min(1 + (1 << 20) / (end - start));
    let repeated = message[start..end].repeat(times);
    insert(message, end, &repeated);
}

fn insert(message: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    drop(message.splice(at.min(message.len())..at.min(message.len()), bytes.iter().copied()));
}

pub(crate) fn within_limits(outline: &Outline) {
    let limits = Limits::default();
    assert!(outline.refusals.len() <= limits.refusals + 1);
    assert!(outline.written.infos.len() <= limits.infos);
    assert!(outline.written.references.len() <= limits.references);
    assert!(
        outline.refusals.iter().all(|refusal| !refusal.field.is_empty() && refusal.reason.to_string().len() < 1_000)
    );
}

pub(crate) fn points_are_bounded(alert: &Alert) {
    let limits = Limits::default();
    let areas = |info: &Info| match &info.ground {
        Ground::Areas(areas) => areas.to_vec(),
        Ground::Bands(bands) => bands.iter().map(|band| band.area.clone()).collect(),
        _ => Vec::new(),
    };
    let areas: Vec<_> = alert.body.infos().iter().flat_map(areas).collect();
    let polygons = areas.iter().flat_map(|area| &area.polygons);
    let rings = polygons.flat_map(|polygon| polygon.holes.iter().chain([&polygon.outer]));
    assert!(areas.len() <= limits.areas);
    assert!(rings.map(|ring| ring.points().len()).sum::<usize>() <= limits.points);
    for info in alert.body.infos() {
        let texts = [&info.texts.headline, &info.texts.description, &info.texts.instruction];
        assert!(texts.into_iter().flatten().all(|text| text.len() <= limits.text));
    }
}
