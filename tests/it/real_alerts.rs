//! Real alerts, read by the real binary: each as its expected form beside it says, and, where the collection that they
//! were chosen from lies beside the project, each of that as an independent script counted it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::server::hazardcast;

/// The project's folder.
pub(crate) fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder, sorted.
pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// What `alert check --json` says of each file, without the file's name.
fn check(files: &[PathBuf]) -> Vec<Value> {
    let output = hazardcast(&["alert", "check", "--json"]).args(files).output().expect("the binary starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let reports: Vec<Value> = said.lines().map(|line| line.parse().expect("JSON")).collect();
    assert_eq!(reports.len(), files.len());
    let without_name = |(mut report, file): (Value, &PathBuf)| {
        let name = report.as_object_mut().expect("an object").remove("file");
        assert_eq!(name, Some(Value::String(file.display().to_string())));
        report
    };
    reports.into_iter().zip(files).map(without_name).collect()
}

#[test]
fn each_real_alert_is_read_as_its_expected_form_says() {
    let mut files = files_under(&here().join("tests/data/alerts"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "xml"));
    assert!(files.len() >= 15, "{files:?}");
    for (file, report) in files.iter().zip(check(&files)) {
        let expected = file.with_extension("json");
        let text = std::fs::read_to_string(&expected).unwrap_or_else(|_| panic!("{} is there", expected.display()));
        let expected: Value = text.parse().expect("JSON");
        assert_eq!(report, expected, "{}: {report:#}", file.display());
    }
}

/// What the manifest says of one file.
#[derive(Debug, Default)]
struct Counted {
    format: String,
    identifier: String,
    /// Status, type and scope, between slashes.
    kind: String,
    languages: Vec<String>,
    counts: BTreeMap<String, u64>,
    /// South, west, north, east.
    bounds: Option<[f64; 4]>,
}

/// Reads "CAP 1.2 · `id` · Actual/Alert/Public · refs 1 · infos 2 (en fr) · areas 2 · polygons 2 (26 points) · ...".
fn counted(text: &str) -> Option<Counted> {
    let parts: Vec<&str> = text.split(" · ").map(str::trim).collect();
    let [format, identifier, kind, rest @ ..] = parts.as_slice() else { return None };
    if !format.starts_with("CAP 1") {
        return None;
    }
    let mut counted = Counted {
        format: (*format).to_owned(),
        identifier: identifier.trim_matches('`').to_owned(),
        kind: (*kind).to_owned(),
        ..Counted::default()
    };
    for part in rest {
        let mut words = part.split_whitespace();
        let (Some(name), Some(number)) = (words.next(), words.next()) else { continue };
        if name == "bbox" {
            let numbers: Vec<f64> = part.split_whitespace().skip(1).map(|n| n.parse().expect("a number")).collect();
            counted.bounds = Some(numbers.try_into().expect("four numbers"));
        } else if let Ok(number) = number.parse() {
            counted.counts.insert(name.to_owned(), number);
        }
        if name == "infos" {
            let between = part.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(tags, _)| tags);
            counted.languages = between.split_whitespace().map(str::to_owned).collect();
        }
    }
    Some(counted)
}

/// The files of the manifest that hold one CAP alert.
fn manifest(folder: &Path) -> Vec<(PathBuf, Counted)> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.md")).expect("the manifest can be read");
    let mut of = PathBuf::new();
    let mut files = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            of = folder.join(heading.trim_end_matches(['`', '/']));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, file, _, _, found, ..] = cells.as_slice()
            && let Some(counted) = counted(found)
        {
            files.push((of.join(file.trim_matches('`')), counted));
        }
    }
    files
}

/// Files of the collection that must be refused whole, by what is said of them.
const REFUSED: [(&str, &str); 3] =
    [("invalid.cap", "scope"), ("optional-properties-1.xml", "sent"), ("xee.cap", "content")];

/// How far a manifest's bound may be off, degrees: it has six digits.
fn rounding(bound: f64) -> f64 {
    if bound.abs() >= 100.0 { 5.1e-4 } else { 5.1e-5 }
}

/// What does not agree.
fn differences(report: &Value, counted: &Counted) -> String {
    let mut differ = String::new();
    let mut same = |what: &str, found: String, expected: String| {
        if found != expected {
            let _ = write!(differ, "{what} is {found}, not {expected}; ");
        }
    };
    let word = |key: &str| report[key].as_str().unwrap_or_default().to_owned();
    same("format", word("format"), counted.format.clone());
    same("identifier", word("identifier"), counted.identifier.clone());
    same("kind", [word("status"), word("msg_type"), word("scope")].join("/"), counted.kind.clone());
    let infos = report["infos"].as_array().map(Vec::as_slice).unwrap_or_default();
    let language = |tag: &String| if tag == "-" { "en-US".to_owned() } else { tag.clone() };
    let languages: Vec<&str> = infos.iter().filter_map(|info| info["language"].as_str()).collect();
    let expected = counted.languages.iter().map(language).collect::<Vec<_>>();
    same("languages", languages.join(" "), expected.join(" "));
    let areas: usize = infos.iter().filter_map(|info| info["areas"].as_array().map(Vec::len)).sum();
    let count = |key: &str| report[key].as_u64().unwrap_or(u64::MAX);
    let references = report["references"].as_array().map_or(0, Vec::len);
    for (name, found) in [
        ("refs", references as u64),
        ("infos", infos.len() as u64),
        ("areas", areas as u64),
        ("polygons", count("polygon_count")),
        ("circles", count("circle_count")),
        ("geocodes", count("geocode_count")),
    ] {
        same(name, found.to_string(), counted.counts.get(name).copied().unwrap_or(u64::MAX).to_string());
    }
    if !bounds_agree(report, counted) {
        same("bbox", report["bbox"].to_string(), format!("{:?}", counted.bounds));
    }
    differ
}

/// The manifest counts a circle as its centre, a point that cannot be read by the number in it, and a ring over the
/// antimeridian from −180 to 180.
fn bounds_agree(report: &Value, counted: &Counted) -> bool {
    let bounds: Option<Vec<f64>> = report["bbox"].as_array().map(|b| b.iter().filter_map(Value::as_f64).collect());
    let (Some(found), Some([south, west, north, east])) = (&bounds, counted.bounds) else {
        return bounds.is_none() && counted.bounds.is_none();
    };
    let expected = [west, south, east, north];
    let near = |index: usize| (found[index] - expected[index]).abs() <= rounding(expected[index]);
    let around = |index: usize| near(index) || (found[index] < expected[index]) == (index < 2);
    let inside = |index: usize| near(index) || (found[index] > expected[index]) == (index < 2);
    let bad_points = report["refusals"].to_string().contains("is no pair of latitude");
    if west == -180.0 && east == 180.0 {
        return near(1) && near(3) && found[0] > found[2];
    }
    match (bad_points, counted.counts.get("circles")) {
        (true, _) => (0..4).all(inside),
        (false, Some(1..)) => (0..4).all(around),
        _ => (0..4).all(near),
    }
}

#[test]
fn the_collection_beside_the_project_is_read_as_it_was_counted() {
    let folder = here().join("../shared/data/alerts");
    if !folder.join("MANIFEST.md").exists() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"not compared: no alerts lie beside the project\n");
        return;
    }
    let manifest = manifest(&folder);
    assert!(manifest.len() > 50, "the manifest is read: {}", manifest.len());
    let files: Vec<PathBuf> = manifest.iter().map(|(file, _)| file.clone()).collect();
    let mut wrong = String::new();
    let mut refused = Vec::new();
    for ((file, counted), report) in manifest.iter().zip(check(&files)) {
        let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        if report["parsed"] == Value::Bool(false) {
            refused.push((name.to_owned(), report["refusals"][0]["field"].as_str().unwrap_or_default().to_owned()));
            continue;
        }
        let differ = differences(&report, counted);
        if !differ.is_empty() {
            let _ = writeln!(wrong, "{name}: {differ}");
        }
    }
    assert_eq!(wrong, "");
    refused.sort();
    assert_eq!(refused, REFUSED.map(|(name, field)| (name.to_owned(), field.to_owned())));
}
