//! Alerts in JSON. The manifest counts the features of GeoJSON alone; what else is in each file was counted for this
//! test by a script that shares no code with the readers.

use serde_json::Value;

use super::{Difference, Row};

/// The name of a file, its format, and over all its alerts: alerts, infos, areas, polygons, points of their outer
/// rings, geocodes, references.
type Counted = (&'static str, &'static str, [u64; 7]);

const COUNTED: [Counted; 9] = [
    ("alertswiss-POA-1216107687-4.json", "Alertswiss JSON", [1, 1, 1, 1, 438, 1, 0]),
    ("alertswiss-TEST-1163.json", "Alertswiss JSON", [1, 1, 0, 0, 0, 0, 0]),
    ("cma-guangling-gale-2022.cap.json", "CMA JSON", [1, 1, 1, 0, 0, 1, 0]),
    ("weathercn-alarm-zhaosu-lightning-yellow.jsonp", "weather.cn JSON", [1, 1, 1, 0, 0, 0, 0]),
    ("meteoalarm_de.json", "MeteoAlarm JSON", [4, 8, 10, 0, 0, 20, 1]),
    ("mow.DE-HE-KS-SE106-20250313-106-001.json", "NINA JSON", [1, 9, 9, 0, 0, 1, 1]),
    ("active-guam-bundle-246.geojson", "NWS GeoJSON", [246, 246, 246, 14, 101, 2_052, 169]),
    ("active-load-testing-8.geojson", "NWS GeoJSON", [8, 8, 8, 1, 121, 9, 0]),
    ("nws_alerts-api.json", "NWS GeoJSON", [2, 2, 2, 0, 0, 12, 1]),
];

/// Files that hold no alert: what is said of each.
const NONE: [(&str, &str); 2] = [
    ("meteoalarm_regions_de.json", "there is no alert in it"),
    ("mow.DE-HE-KS-SE106-20250313-106-001.geojson", "it is the ground of an alert, in 25 parts, without the alert"),
];

pub(super) fn compare(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    let mut differences = Vec::new();
    let mut same = |what, found: &str, expected: &str| {
        if found != expected {
            differences.push(Difference { what, how: format!("{found}, not {expected}") });
        }
    };
    if let Some((_, said)) = NONE.iter().find(|(name, _)| *name == row.name) {
        same("alerts", &reports.len().to_string(), "1");
        same("refusal", reports[0]["refusals"][0]["reason"].as_str().unwrap_or_default(), said);
        return Some(differences);
    }
    let (_, format, expected) = COUNTED.iter().find(|(name, ..)| *name == row.name)?;
    let list = |of: &Value, key: &str| of[key].as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
    let sum = |key: &str| reports.iter().filter_map(|report| report[key].as_u64()).sum::<u64>();
    let infos: Vec<Value> = reports.iter().flat_map(|report| list(report, "infos")).collect();
    let areas = infos.iter().map(|info| list(info, "areas").len()).sum::<usize>();
    let references = reports.iter().map(|report| list(report, "references").len()).sum::<usize>();
    for report in reports {
        same("parsed", &report["parsed"].to_string(), "true");
        same("format", report["format"].as_str().unwrap_or_default(), format);
    }
    let found = [
        reports.len() as u64,
        infos.len() as u64,
        areas as u64,
        sum("polygon_count"),
        sum("point_count"),
        sum("geocode_count"),
        references as u64,
    ];
    same("counts", &format!("{found:?}"), &format!("{expected:?}"));
    // "246 features {'None': 232, 'Polygon': 14}"
    if let Some((features, geometries)) = row.found.split_once(" features ") {
        let polygons = geometries.split_once("'Polygon': ").map_or("0", |(_, rest)| rest.trim_end_matches('}'));
        same("features", &reports.len().to_string(), features);
        same("feature polygons", &sum("polygon_count").to_string(), polygons);
    }
    Some(differences)
}
