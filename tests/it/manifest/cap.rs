//! CAP, by itself and in envelopes: "CAP 1.2 · `id` · Actual/Alert/Public · refs 1 · infos 2 (en fr) · areas 2 · ...".

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Difference, Row};

/// What the manifest says of one alert.
#[derive(Debug, Default)]
struct Counted {
    format: String,
    identifier: String,
    /// Status, type and scope, between slashes.
    kind: String,
    languages: Vec<String>,
    counts: BTreeMap<String, u64>,
    schemes: BTreeMap<String, u64>,
    /// South, west, north, east.
    bounds: Option<[f64; 4]>,
}

/// Files that must be refused whole: what is said of them is that field's fault.
const REFUSED: [(&str, &str); 5] = [
    ("invalid.cap", "scope"),
    ("invalid_xmlns.cap", "root"),
    ("optional-properties-1.xml", "sent"),
    // An index's summary put into an alert element: without scope and info.
    ("oregon_nws.atom", "entry[0].scope"),
    ("xee.cap", "content"),
];

/// Compares the first alert of a file, and how many there are.
pub(super) fn compare(row: &Row, reports: &[Value]) -> Option<Vec<Difference>> {
    let found = row.found.strip_prefix("in `feed`: ").unwrap_or(&row.found);
    let (alerts, found) = match found.split_once(" alerts; the first: ") {
        Some((number, first)) => (number.parse().expect("a number"), first),
        None => (1, found),
    };
    let counted = counted(found)?;
    let mut differ = Differ::default();
    differ.same("alerts", &reports.len(), &alerts);
    let Some(report) = reports.first() else { return Some(differ.0) };
    let refused = REFUSED.iter().find(|(file, _)| *file == row.name);
    match (refused, &report["parsed"]) {
        (Some((_, field)), parsed) => {
            differ.same("parsed", parsed, &Value::Bool(false));
            differ.same("refusal", &report["refusals"][0]["field"].as_str(), &Some(*field));
        }
        (None, Value::Bool(true)) => counted.compare(report, &mut differ),
        _ => differ.same("parsed", report["refusals"].to_string().as_str(), "true"),
    }
    Some(differ.0)
}

#[derive(Default)]
struct Differ(Vec<Difference>);

impl Differ {
    fn same<T: PartialEq + std::fmt::Debug + ?Sized>(&mut self, what: &'static str, found: &T, expected: &T) {
        if found != expected {
            self.0.push(Difference { what, how: format!("{found:?}, not {expected:?}") });
        }
    }
}

fn counted(text: &str) -> Option<Counted> {
    let parts: Vec<&str> = text.split(" · ").map(str::trim).collect();
    let [format, identifier, kind, rest @ ..] = parts.as_slice() else { return None };
    if !format.starts_with("CAP ") {
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
        let between = |open, close| part.split_once(open).and_then(|(_, rest)| rest.rsplit_once(close));
        match (name, between('(', ')'), between('{', '}')) {
            ("infos", Some((tags, _)), _) => counted.languages = tags.split_whitespace().map(str::to_owned).collect(),
            ("polygons", Some((points, _)), _) => counted.points(points),
            ("geocodes", _, Some((schemes, _))) => counted.schemes = schemes.split(", ").filter_map(scheme).collect(),
            _ => {}
        }
    }
    Some(counted)
}

/// `EMMA_ID 6`.
fn scheme(text: &str) -> Option<(String, u64)> {
    let (name, number) = text.rsplit_once(' ')?;
    Some((name.to_owned(), number.parse().ok()?))
}

impl Counted {
    /// `26 points, longest ring 13`.
    fn points(&mut self, text: &str) {
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [points, longest] = numbers[..] else { panic!("{text}") };
        self.counts.extend([("points".to_owned(), points), ("longest ring".to_owned(), longest)]);
    }

    fn compare(&self, report: &Value, differ: &mut Differ) {
        let word = |key: &str| report[key].as_str().unwrap_or_default().to_owned();
        differ.same("format", &word("format"), &self.format);
        differ.same("identifier", &word("identifier"), &self.identifier);
        differ.same("kind", &[word("status"), word("msg_type"), word("scope")].join("/"), &self.kind);
        let infos = report["infos"].as_array().map(Vec::as_slice).unwrap_or_default();
        let language = |tag: &String| if tag == "-" { "en-US".to_owned() } else { tag.clone() };
        let languages: Vec<&str> = infos.iter().filter_map(|info| info["language"].as_str()).collect();
        let expected = self.languages.iter().map(language).collect::<Vec<_>>();
        differ.same("languages", &languages.join(" "), &expected.join(" "));
        let areas: usize = infos.iter().filter_map(|info| info["areas"].as_array().map(Vec::len)).sum();
        let count = |key: &str| report[key].as_u64().unwrap_or(u64::MAX);
        let references = report["references"].as_array().map_or(0, Vec::len);
        for (name, found) in [
            ("refs", references as u64),
            ("infos", infos.len() as u64),
            ("areas", areas as u64),
            ("polygons", count("polygon_count")),
            ("points", count("point_count")),
            ("longest ring", count("longest_ring")),
            ("circles", count("circle_count")),
            ("geocodes", count("geocode_count")),
        ] {
            differ.same(name, &found, &self.counts.get(name).copied().unwrap_or(0));
        }
        let schemes = report["geocode_schemes"].as_object().into_iter().flatten();
        let schemes = schemes.map(|(name, number)| (name.clone(), number.as_u64().unwrap_or(u64::MAX))).collect();
        differ.same("schemes", &schemes, &self.schemes);
        if !self.bounds_agree(report) {
            differ.same("bbox", &report["bbox"].to_string(), &format!("{:?}", self.bounds));
        }
    }

    /// The manifest counts a circle as its centre, a point that cannot be read by the number in it, and a ring over the
    /// antimeridian from −180 to 180.
    fn bounds_agree(&self, report: &Value) -> bool {
        let bounds: Option<Vec<f64>> = report["bbox"].as_array().map(|b| b.iter().filter_map(Value::as_f64).collect());
        let (Some(found), Some([south, west, north, east])) = (&bounds, self.bounds) else {
            return bounds.is_none() && self.bounds.is_none();
        };
        let expected = [west, south, east, north];
        let near = |index: usize| (found[index] - expected[index]).abs() <= rounding(expected[index]);
        let around = |index: usize| near(index) || (found[index] < expected[index]) == (index < 2);
        let inside = |index: usize| near(index) || (found[index] > expected[index]) == (index < 2);
        let bad_points = report["refusals"].to_string().contains("is no pair of latitude");
        if west == -180.0 && east == 180.0 {
            return near(1) && near(3) && found[0] > found[2];
        }
        match (bad_points, self.counts.get("circles")) {
            (true, _) => (0..4).all(inside),
            (false, Some(1..)) => (0..4).all(around),
            _ => (0..4).all(near),
        }
    }
}

/// How far a manifest's bound may be off, degrees: it has six digits.
fn rounding(bound: f64) -> f64 {
    if bound.abs() >= 100.0 { 5.1e-4 } else { 5.1e-5 }
}
