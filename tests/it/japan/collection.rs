//! The collection beside the project, against what its manifest says that a parser should find.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use hazardcast::domain::{Alert, Ground, Severity};
use hazardcast::format::{self, Outline};

use crate::real_alerts::here;

/// A row: "緊急地震速報（予報） · 通常/発表 · event 1 serial 1 · 2024-04-17T23:14:57+09:00 · M4.2 at +33.1+132.4-40000/ ·
/// forecast max 3–3, 0 areas kinds 00".
struct Row {
    file: String,
    parts: Vec<String>,
}

fn rows() -> Option<Vec<Row>> {
    let folder = here().join("../shared/data/alerts");
    let Ok(text) = std::fs::read_to_string(folder.join("MANIFEST.md")) else {
        let _ = std::io::stderr().write_all(b"left out: ../shared/data is not beside the project\n");
        return None;
    };
    let (mut of, mut rows) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            heading.trim_end_matches('`').clone_into(&mut of);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, name, _, _, found, ..] = cells.as_slice()
            && (found.contains("通常/") || found.contains("訓練/") || found.contains("試験/"))
        {
            let file = format!("../shared/data/alerts/{of}{}", name.trim_matches('`'));
            rows.push(Row { file, parts: found.split(" · ").map(|part| part.trim().to_owned()).collect() });
        }
    }
    Some(rows)
}

fn read(file: &str) -> Outline {
    let bytes = std::fs::read(here().join(file)).expect("it is there");
    format::outline(&bytes, None).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the reader found, in the manifest's words.
fn found(outline: &Outline, expected: &str) -> Option<String> {
    let written = &outline.written;
    let quake = written.earthquake.as_ref();
    let mut words = expected.split_whitespace();
    let first = words.next()?;
    match first {
        "event" => {
            let event = outline.alert.as_ref().ok()?.subject.event.as_ref()?;
            let serial = event.serial.map_or("-".to_owned(), |serial| serial.to_string());
            Some(format!("event {} serial {serial}", event.key))
        }
        "forecast" => {
            let intensities = &quake?.intensities;
            let max = intensities.first()?;
            let max = if max.contains('–') { max.clone() } else { format!("{max}–{max}") };
            Some(format!("forecast max {max}, {} areas", intensities.len() - 1))
        }
        "observed" => Some(format!("observed max {}", quake?.intensities.first()?)),
        time if time.starts_with("20") => Some(written.sent.clone()),
        magnitude if magnitude.starts_with('M') => {
            let quake = quake?;
            let magnitude = quake.magnitude.map_or("NaN".to_owned(), |found| format!("{found:.1}"));
            let depth = quake.depth_km.map_or(String::new(), |depth| {
                let metres = depth * -1000.0;
                if metres == 0.0 { "+0".to_owned() } else { format!("{metres:+}") }
            });
            Some(format!("M{magnitude} at {:+.1}{:+.1}{depth}/", quake.latitude?, quake.longitude?))
        }
        _ => None,
    }
}

/// `通常/発表` as mode and act.
fn kind(outline: &Outline) -> String {
    let status = match outline.written.status.as_str() {
        "Actual" => "通常",
        "Exercise" => "訓練",
        _ => "試験",
    };
    let act = if outline.written.msg_type == "Cancel" { "取消" } else { "発表" };
    format!("{status}/{act}")
}

#[test]
fn every_telegram_of_the_collection_is_read_as_its_manifest_says() {
    let Some(rows) = rows() else { return };
    assert!(rows.len() >= 57, "the manifest is read: {}", rows.len());
    let (mut wrong, mut compared) = (String::new(), 0);
    for row in &rows {
        let outline = read(&row.file);
        let mut differ = |expected: &str, found: Option<String>| {
            compared += 1;
            if found.as_deref() != Some(expected) {
                let _ = writeln!(wrong, "{}: {found:?}, not {expected}", row.file);
            }
        };
        differ(&row.parts[1], Some(kind(&outline)));
        for part in &row.parts[2..] {
            // Which kinds there are, and whether it is the last, is not told of in a report.
            let part = part.split_once(" kinds ").map_or(part.as_str(), |(part, _)| part);
            if part != "headline" && part != "最終報" {
                differ(part, found(&outline, part));
            }
        }
    }
    assert_eq!(wrong, "", "{compared} compared");
    let _ = writeln!(std::io::stderr(), "{} telegrams, {compared} statements", rows.len());
}

/// The codes of the areas that are warned.
fn warned(alert: &Alert) -> BTreeSet<String> {
    let infos = alert.body.infos().iter().filter(|info| info.severity <= Severity::Severe);
    let mut codes = BTreeSet::new();
    for info in infos {
        if let Ground::Bands(bands) = &info.ground {
            codes.extend(bands.iter().flat_map(|band| &band.area.geocodes).map(|code| code.code.to_string()));
        }
    }
    codes
}

#[test]
fn an_area_once_warned_stays_warned_to_the_end_of_the_series() {
    let Some(rows) = rows() else { return };
    let mut before = BTreeSet::new();
    let mut reports = 0;
    for row in rows.iter().filter(|row| row.file.contains("/77_01_") && row.file.contains("_240613_")) {
        let alert = read(&row.file).alert.expect("an alert");
        if alert.body.infos().iter().all(|info| info.ground == Ground::None) {
            continue;
        }
        let now = warned(&alert);
        assert!(now.is_superset(&before), "{}: {:?}", row.file, before.difference(&now));
        (before, reports) = (now, reports + 1);
    }
    assert_eq!((reports, before.len()), (32, 35));
}

/// The relays of Wolfx, which the manifest names and does not count: what stands in each file.
const WOLFX: [(&str, &str); 6] = [
    ("cenc_eew-2026-07-18-akto.json", "202607181347.0001 Some(1) M4.8 at 38.747 75.088 Some(5.0) km, 6.2"),
    ("cenc_eqlist-one-entry.json", "CC.20260718185522.2 None M5.3 at 37.7 72.55 Some(140.0) km, 5"),
    ("icl_eew-06.json", "84928653 Some(4) M3.700001 at 29.730461 92.168785 Some(8.0) km, 0"),
    ("jma_eew-02.json", "20240808164303 Some(4) M7.2 at 31.8 131.7 Some(20.0) km, 6強"),
    ("jma_eqlist-one-entry.json", "20260718094827 None M3.4 at 28.5 129.7 Some(20.0) km, 1"),
    ("sc_eew-18.json", "20241022232024.0001_1 Some(1) M3 at 31.832 104.353 None km, 4"),
];

#[test]
fn every_relayed_earthquake_of_the_collection_is_read_as_it_is_written() {
    if rows().is_none() {
        return;
    }
    for (file, expected) in WOLFX {
        let outline = read(&format!("../shared/data/alerts/wolfx/{file}"));
        let quake = outline.written.earthquake.expect("an earthquake");
        let [magnitude, lat, lon] =
            [quake.magnitude, quake.latitude, quake.longitude].map(|number| number.expect("it is written"));
        let (event, serial, depth, most) = (&quake.event, quake.serial, quake.depth_km, &quake.intensities[0]);
        let found = format!("{event} {serial:?} M{magnitude} at {lat} {lon} {depth:?} km, {most}");
        assert_eq!(found, expected, "{file}");
        // All 29 areas of the one warning are in JMA's list.
        assert_eq!((outline.alert.is_ok(), outline.refusals.len()), (true, 0), "{file}");
    }
}
