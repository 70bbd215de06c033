//! Real messages of every format, mutated: whatever becomes of them, the reader answers with alerts within its limits
//! or with an error that names a field, and what it gives can be resolved.
//!
//! One test a reader, which begins with the messages of its format that the project carries, with those in
//! `tests/data/seeds`, and with the collection beside the project where that is there. Each runs for as many seconds as
//! `HAZARDCAST_FUZZ_SECONDS` says, with a seed of its own each round; one round alone is repeated with
//! `HAZARDCAST_FUZZ_SEED`.

mod mutate;
mod seeds;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hazardcast::domain::{Alert, Ground, Info};
use hazardcast::format::{self, Bounds, FormatError, Message, Outline};
use hazardcast::locate::{Atlas, resolve};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use mutate::{change_value, mutate};

/// How long a run is where nothing is said, seconds.
const SECONDS: u64 = 1;

/// The least rounds of a run, however slow the machine is.
const FEWEST: u64 = 100;

pub(crate) fn variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

macro_rules! readers {
    ($($test:ident: $reader:literal,)+) => {
        /// Every reader that is fuzzed.
        const READERS: &[&str] = &[$($reader),+];

        $(#[test]
        fn $test() {
            fuzz($reader, &seeds::of($reader));
        })+
    };
}

readers! {
    mutated_cap_never_breaks_its_reader: "CAP",
    mutated_envelopes_never_break_their_reader: "envelope",
    mutated_telegrams_of_jma_never_break_their_reader: "JMA XML",
    mutated_geojson_of_usgs_never_breaks_its_reader: "USGS GeoJSON",
    mutated_geojson_of_nws_never_breaks_its_reader: "NWS GeoJSON",
    mutated_json_of_meteoalarm_never_breaks_its_reader: "MeteoAlarm JSON",
    mutated_json_of_nina_never_breaks_its_reader: "NINA JSON",
    mutated_json_of_cma_never_breaks_its_reader: "CMA JSON",
    mutated_json_of_weather_cn_never_breaks_its_reader: "weather.cn JSON",
    mutated_json_of_alertswiss_never_breaks_its_reader: "Alertswiss JSON",
    mutated_quakeml_never_breaks_its_reader: "QuakeML",
    mutated_shakealert_never_breaks_its_reader: "ShakeAlert",
    mutated_shakemap_never_breaks_its_reader: "ShakeMap",
    mutated_json_of_p2pquake_never_breaks_its_reader: "P2PQuake",
    mutated_json_of_wolfx_never_breaks_its_reader: "Wolfx",
}

#[test]
fn every_seed_is_somebodys_and_every_reader_has_one_that_is_carried() {
    for reader in READERS {
        assert!(!seeds::carried(reader).is_empty(), "{reader}");
    }
}

fn fuzz(reader: &str, seeds: &[Vec<u8>]) {
    if let Some(seed) = variable("HAZARDCAST_FUZZ_SEED") {
        round(seeds, seed);
        return;
    }
    let until = Instant::now() + Duration::from_secs(variable("HAZARDCAST_FUZZ_SECONDS").unwrap_or(SECONDS));
    let first = rand::random::<u32>();
    let (mut rounds, mut read, mut slowest) = (0_u64, 0_u64, (Duration::ZERO, 0));
    while rounds < FEWEST || Instant::now() < until {
        let seed = u64::from(first) + rounds;
        let started = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| round(seeds, seed)));
        slowest = slowest.max((started.elapsed(), seed));
        read += u64::from(done.unwrap_or_else(|_| panic!("{reader}: HAZARDCAST_FUZZ_SEED={seed}")));
        rounds += 1;
    }
    let (longest, seed) = slowest;
    let told =
        format!("{rounds} mutated messages, {read} of them still read; the longest took {longest:?}, seed {seed}");
    let _ = writeln!(std::io::stderr(), "{reader}: {told}");
    assert!(read > 0, "some mutations are harmless");
}

/// Mutates a message, reads it, and looks at what comes of it; whether there is an alert in it still.
fn round(seeds: &[Vec<u8>], seed: u64) -> bool {
    let mut random = StdRng::seed_from_u64(seed);
    let mut message = seeds[random.random_range(0..seeds.len())].clone();
    // Of half of them the syntax is left whole, so that what lies behind it is reached.
    let gently: bool = random.random();
    for _ in 0..random.random_range(1..6) {
        if gently {
            change_value(&mut message, &mut random);
        } else {
            mutate(&mut message, &seeds[random.random_range(0..seeds.len())], &mut random);
        }
    }
    let media_type =
        random.random::<bool>().then_some(if message.starts_with(b"<") { "text/xml" } else { "application/json" });
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

fn within_limits(outline: &Outline) {
    let limits = Bounds::default();
    assert!(outline.refusals.len() <= limits.refusals + 1);
    assert!(outline.written.infos.len() <= limits.infos);
    assert!(outline.written.references.len() <= limits.references);
    assert!(
        outline.refusals.iter().all(|refusal| !refusal.field.is_empty() && refusal.reason.to_string().len() < 1_000)
    );
}

fn points_are_bounded(alert: &Alert) {
    let limits = Bounds::default();
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
