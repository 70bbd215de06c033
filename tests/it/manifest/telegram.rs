//! JMA's telegrams, and what relays make of them and of other networks' messages.

use serde_json::Value;

use super::{Difference, Row};

/// What stands in the files that the manifest names and does not count: event and serial, magnitude, place and depth in
/// km, and the first intensity as written. Counted by reading them.
const RELAYED: [(&str, &str); 12] = [
    ("20210216071046493-16160714.json", "- - M1.5 at 34.3 135.2 0.0 km, 10"),
    ("20210216071046495-16160714.json", "- - M1.5 at 34.3 135.2 0.0 km, 10"),
    ("20210217140807353-17230627.json", "- - M- at - - - km, 30"),
    ("20210217140958393-17230627.json", "- - M4.5 at 37.6 141.6 50.0 km, 30"),
    ("20210217140958395-17230627.json", "- - M4.5 at 37.6 141.6 50.0 km, 30"),
    ("api-v2-code556.json", "20220811005302 1 M5.5 at 44.9 142.1 10.0 km, 45"),
    ("cenc_eew-2026-07-18-akto.json", "202607181347.0001 1 M4.8 at 38.747 75.088 5.0 km, 6.2"),
    ("cenc_eqlist-one-entry.json", "CC.20260718185522.2 - M5.3 at 37.7 72.55 140.0 km, 5"),
    ("icl_eew-06.json", "84928653 4 M3.700001 at 29.730461 92.168785 8.0 km, 0"),
    ("jma_eew-02.json", "20240808164303 4 M7.2 at 31.8 131.7 20.0 km, 6強"),
    ("jma_eqlist-one-entry.json", "20260718094827 - M3.4 at 28.5 129.7 20.0 km, 1"),
    ("sc_eew-18.json", "20241022232024.0001_1 1 M3.0 at 31.832 104.353 - km, 4"),
];

/// Tsunami of the relay: how many areas each message of a file has.
const TSUNAMI: [(&str, &[usize]); 2] =
    [("20231009064018_06274659_VTSE41.json", &[2]), ("api-v2-code552.json", &[8, 0, 1, 3])];

pub(super) fn compare(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    let is_telegram = ["通常/", "訓練/", "試験/"].iter().any(|status| row.found.contains(status));
    if is_telegram { Some(telegram(row, reports)) } else { relayed(row, reports) }
}

fn differ(what: &'static str, found: Option<&str>, expected: &str) -> Option<Difference> {
    (found != Some(expected)).then(|| Difference { what, how: format!("{found:?}, not {expected}") })
}

/// "緊急地震速報（予報） · 通常/発表 · event 1 serial 1 · 2024-04-17T23:14:57+09:00 · M4.2 at +33.1+132.4-40000/ · forecast
/// max 3–3, 0 areas kinds 00".
fn telegram(row: &Row, reports: &[Value]) -> Vec<Difference> {
    let [report] = reports else {
        return vec![Difference { what: "alerts", how: format!("{}, not 1", reports.len()) }];
    };
    let mut parts = row.found.split(" · ").map(str::trim).skip(1);
    let mut differences: Vec<Difference> =
        parts.next().and_then(|expected| differ("kind", Some(&kind(report)), expected)).into_iter().collect();
    for part in parts {
        // Which kinds there are, and whether it is the last, is not told of in a report.
        let part = part.split_once(" kinds ").map_or(part, |(part, _)| part);
        if part != "headline" && part != "最終報" {
            differences.extend(differ("telegram", found(report, part).as_deref(), part));
        }
    }
    differences
}

/// `通常/発表` as mode and act.
fn kind(report: &Value) -> String {
    let status = match report["status"].as_str() {
        Some("Actual") => "通常",
        Some("Exercise") => "訓練",
        _ => "試験",
    };
    let act = if report["msg_type"] == "Cancel" { "取消" } else { "発表" };
    format!("{status}/{act}")
}

/// What the reader found, in the manifest's words.
fn found(report: &Value, expected: &str) -> Option<String> {
    let quake = &report["earthquake"];
    let intensities = || quake["intensities"].as_array();
    match expected.split_whitespace().next()? {
        "event" => {
            // "20240417231454.VXSE45.4"; where there is no earthquake the event stands in the identifier alone.
            let (event, rest) = report["identifier"].as_str()?.split_once(".V")?;
            let serial = quake["serial"].as_u64().map(|serial| serial.to_string());
            let in_name = rest.split('.').nth(1).filter(|serial| serial.len() < 5);
            Some(format!("event {event} serial {}", serial.as_deref().or(in_name).unwrap_or("-")))
        }
        "forecast" => {
            let max = intensities()?.first()?.as_str()?;
            let max = if max.contains('–') { max.to_owned() } else { format!("{max}–{max}") };
            Some(format!("forecast max {max}, {} areas", intensities()?.len() - 1))
        }
        "observed" => Some(format!("observed max {}", intensities()?.first()?.as_str()?)),
        time if time.starts_with("20") => Some(report["sent"].as_str()?.to_owned()),
        magnitude if magnitude.starts_with('M') => {
            let magnitude = quake["magnitude"].as_f64().map_or("NaN".to_owned(), |found| format!("{found:.1}"));
            let depth = quake["depth_km"].as_f64().map_or(String::new(), |depth| {
                let metres = depth * -1000.0;
                if metres == 0.0 { "+0".to_owned() } else { format!("{metres:+}") }
            });
            let (lat, lon) = (quake["latitude"].as_f64()?, quake["longitude"].as_f64()?);
            Some(format!("M{magnitude} at {lat:+.1}{lon:+.1}{depth}/"))
        }
        _ => None,
    }
}

fn relayed(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    if !["p2pquake", "wolfx"].contains(&row.folder.as_str()) {
        return None;
    }
    let mut differences = Vec::new();
    // "array of 7"
    let count = row.found.strip_prefix("array of ").unwrap_or("1");
    differences.extend(differ("alerts", Some(&reports.len().to_string()), count));
    differences.extend(reports.iter().filter_map(|report| {
        let known = report["format"].as_str().is_some_and(|format| ["P2PQ", "Wolf"].contains(&&format[..4]));
        (!known).then(|| Difference { what: "format", how: report.to_string() })
    }));
    if let Some((_, expected)) = RELAYED.iter().find(|(name, _)| *name == row.name) {
        differences.extend(differ("earthquake", Some(&summary(&reports[0])), expected));
    }
    if let Some((_, expected)) = TSUNAMI.iter().find(|(name, _)| *name == row.name) {
        let areas: Vec<u64> = reports.iter().filter_map(|report| report["geocode_count"].as_u64()).collect();
        differences.extend(differ("areas", Some(&format!("{areas:?}")), &format!("{expected:?}")));
    }
    Some(differences)
}

fn summary(report: &Value) -> String {
    let quake = &report["earthquake"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let number = |key: &str| quake[key].as_f64().map_or("-".to_owned(), |number| format!("{number:?}"));
    let serial = quake["serial"].as_u64().map_or("-".to_owned(), |serial| serial.to_string());
    let [magnitude, lat, lon, depth] = ["magnitude", "latitude", "longitude", "depth_km"].map(number);
    let (event, most) = (text(&quake["event"]), text(&quake["intensities"][0]));
    format!("{event} {serial} M{magnitude} at {lat} {lon} {depth} km, {most}")
}
