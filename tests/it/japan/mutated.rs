//! Telegrams and relayed messages, mutated: whatever becomes of them, each is an outline within the limits or an error
//! that names a field.
//!
//! Runs for as many seconds as `HAZARDCAST_FUZZ_SECONDS` says, with a seed of its own each round; one round alone is
//! repeated with `HAZARDCAST_FUZZ_SEED`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hazardcast::format::{self, FormatError};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fuzz;

use super::carried;

/// How long a run is where nothing is said, seconds.
const SECONDS: u64 = 2;

/// What is put in anywhere: what means something to these readers, and what breaks it.
const WORDS: [&str; 36] = [
    "\"code\": 551,",
    "\"code\": 552,",
    "\"code\": 556,",
    "\"type\": \"cwa_eew\",",
    "\"type\": \"jma_eqlist\",",
    "null",
    "true",
    "-200",
    "-1",
    "1e308",
    "99999999999999999999999999",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\u0000",
    "\"0001/01/01 00:00:00\"",
    "2024-02-30T25:00:00+99:99",
    "+91.0+181.0-1/",
    "++--/",
    "+33.2/",
    "NaN",
    "取消",
    "訓練",
    "不明",
    "over",
    "<Pref/>",
    "<Area><Code>622</Code></Area>",
    "<Kind><Code>31</Code></Kind>",
    "<Serial>4294967296</Serial>",
    "９９",
];

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = carried().iter().map(|file| std::fs::read(file).expect("it can be read")).collect();
    seeds.extend(MADE_UP.map(|message| message.as_bytes().to_vec()));
    seeds
}

/// Messages in Wolfx' form, made up: those of the collection are under no open licence.
const MADE_UP: [&str; 5] = [
    r#"{"type": "jma_eew", "Title": "緊急地震速報（警報）", "EventID": "20240101000000", "Serial": 2,
        "AnnouncedTime": "2024/01/01 00:00:09", "OriginTime": "2024/01/01 00:00:00", "Hypocenter": "日向灘",
        "Latitude": 31.8, "Longitude": 131.7, "Magunitude": 7.2, "Depth": 20, "MaxIntensity": "6強",
        "WarnArea": [{"Chiiki": "宮崎県南部平野部", "Shindo1": "6弱", "Shindo2": "5強", "Time": "000015", "Type": "警報"}],
        "isTraining": false, "isAssumption": false, "isFinal": false, "isCancel": false}"#,
    r#"{"EventID": "1", "ReportTime": "2026-01-01 00:00:20", "ReportNum": 1, "OriginTime": "2026-01-01 00:00:00",
        "HypoCenter": "a", "Latitude": 38.7, "Longitude": 75.0, "Magnitude": 4.8, "Depth": 5, "MaxIntensity": 6.2}"#,
    r#"{"EventID": "1_1", "ReportTime": "2026-01-01 00:00:20", "ReportNum": 2, "OriginTime": "2026-01-01 00:00:00",
        "HypoCenter": "a", "Latitude": 31.8, "Longitude": 104.3, "Magunitude": 3, "Depth": null, "MaxIntensity": 4}"#,
    r#"{"depth": 8, "epiIntensity": 0, "epicenter": "a", "eventId": 84, "latitude": 29.7, "longitude": 92.1,
        "magnitude": 3.7, "startAt": 1714000000000, "updateAt": 1714000005000, "updates": 4}"#,
    r#"{"No1": {"type": "reviewed", "EventID": "a", "time": "2026-01-01 00:00:00", "magnitude": "5.3", "depth": "140",
        "latitude": "37.70", "longitude": "72.55", "intensity": "5"}, "No2": {"Title": "震度速報"}, "md5": "0"}"#,
];

fn variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

#[test]
fn mutated_telegrams_never_break_the_reader() {
    let seeds = seeds();
    if let Some(seed) = variable("HAZARDCAST_FUZZ_SEED") {
        round(&seeds, seed);
        return;
    }
    let until = Instant::now() + Duration::from_secs(variable("HAZARDCAST_FUZZ_SECONDS").unwrap_or(SECONDS));
    let first = rand::random::<u32>();
    let (mut rounds, mut read) = (0_u64, 0_u64);
    while rounds == 0 || Instant::now() < until {
        let seed = u64::from(first) + rounds;
        let done = catch_unwind(AssertUnwindSafe(|| round(&seeds, seed)));
        read += done.unwrap_or_else(|_| panic!("HAZARDCAST_FUZZ_SEED={seed}"));
        rounds += 1;
    }
    let _ = writeln!(std::io::stderr(), "{rounds} mutated telegrams, {read} messages of them still read");
    assert!(read > 0, "some mutations are harmless");
}

/// Mutates a message and reads it; how many messages could be read.
fn round(seeds: &[Vec<u8>], seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut message = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        if random.random() && !message.is_empty() {
            let at = random.random_range(0..message.len());
            let word = WORDS[random.random_range(0..WORDS.len())].bytes();
            let over = at..(at + random.random_range(0..8)).min(message.len());
            drop(message.splice(over, word));
        } else {
            fuzz::mutate(&mut message, &seeds[random.random_range(0..seeds.len())], &mut random);
        }
    }
    let named = |error: &FormatError| {
        assert!(!error.field().is_empty() && error.to_string().len() < 1_000, "{error}");
    };
    let messages = format::messages(&message, None).inspect_err(named).unwrap_or_default();
    let mut read = 0;
    for message in messages {
        match message.outline {
            Ok(outline) => {
                fuzz::within_limits(&outline);
                outline.alert.as_ref().map_or_else(named, fuzz::points_are_bounded);
                read += 1;
            }
            Err(error) => named(&error),
        }
    }
    read
}
