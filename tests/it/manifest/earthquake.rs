//! What seismic networks send: QuakeML, USGS's GeoJSON, ShakeAlert and ShakeMap.

use serde_json::Value;

use super::{Difference, Row};

const FOLDERS: [&str; 5] = ["quakeml", "quakeml-rt-series", "shakealert", "shakemap", "usgs-geojson"];

/// What must be refused whole, by the field that says so.
const REFUSED: [(&str, &str); 1] = [("system_status.xml", "root")];

pub(super) fn compare(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    if !FOLDERS.contains(&row.folder.as_str()) {
        return None;
    }
    let mut differences = Vec::new();
    if let Some((_, field)) = REFUSED.iter().find(|(name, _)| *name == row.name) {
        if reports.len() != 1 || reports[0]["parsed"] != false || reports[0]["refusals"][0]["field"] != *field {
            differences.push(Difference { what: "refusal", how: format!("{reports:?}") });
        }
        return Some(differences);
    }
    for part in row.found.split(" · ").filter(|part| !part.is_empty()) {
        let Some(what) = agrees(part, reports) else { continue };
        differences.push(Difference { what, how: format!("{part} should be in {reports:?}") });
    }
    Some(differences)
}

/// What of the manifest's words does not hold of a file's reports; `None` where they agree.
fn agrees(part: &str, reports: &[Value]) -> Option<&'static str> {
    let unless = |holds: bool, what| (!holds).then_some(what);
    // A file without events has one report, which says so.
    let events = reports.iter().filter(|report| !report["earthquake"].is_null()).count();
    if let Some(count) = part.strip_prefix("events ").or_else(|| part.split_once(" features").map(|(count, _)| count)) {
        return unless(count.parse() == Ok(events), "events");
    }
    let Some(first) = reports.first() else { return Some("reports") };
    let (earthquake, polygons) = (&first["earthquake"], first["polygon_count"].as_u64());
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some((lat, lon)) = part.strip_prefix("at ").and_then(|place| place.split_once(',')) {
        let found = [&earthquake["latitude"], &earthquake["longitude"]].map(Value::as_f64);
        return unless([number(lat), number(lon)] == found, "epicentre");
    }
    if let Some(depth) = part.strip_prefix("depth ") {
        let metres = earthquake["depth_km"].as_f64().map(|km| (km * 1e6).round() / 1e3);
        return unless(number(depth.trim_end_matches(" m")) == metres, "depth");
    }
    // "M5.7", and "M 8.2 - 55 km NNW of Reyes, Bolivia".
    if let Some(magnitude) = part.strip_prefix('M') {
        let magnitude = magnitude.trim_start().split(' ').next().and_then(number);
        return unless(magnitude == earthquake["magnitude"].as_f64(), "magnitude");
    }
    if let Some((count, range)) = part.split_once(" contours MMI ") {
        let all: Vec<&str> = earthquake["intensities"].as_array()?.iter().filter_map(Value::as_str).collect();
        let ends = all.first().zip(all.last()).map(|(first, last)| format!("{first}–{last}"));
        let told = count.parse() == Ok(all.len()) && polygons == Some(all.len() as u64);
        return unless(told && ends.as_deref() == Some(range), "contours");
    }
    match part.split_once('=') {
        Some(("message_type", kind)) => {
            let types = [("new", "Alert"), ("update", "Update"), ("follow_up", "Update")];
            unless(types.contains(&(kind, first["msg_type"].as_str()?)), "message type")
        }
        Some(("version", version)) => unless(version.parse().ok() == earthquake["serial"].as_u64(), "version"),
        Some(("category", category)) => {
            unless([("live", "Actual"), ("test", "Test")].contains(&(category, first["status"].as_str()?)), "category")
        }
        // The source alone has no ground in its message.
        Some(("orig_sys", system)) => unless((system == "dm") == (polygons == Some(0)), "ground"),
        _ if part == "ground-motion grid" || part.starts_with("fields ") => unless(polygons > Some(0), "ground"),
        _ if part.starts_with('`') => {
            unless(earthquake["event"].as_str()?.starts_with(part.trim_matches('`')), "publicID")
        }
        _ => Some("words that the comparison does not know"),
    }
}
