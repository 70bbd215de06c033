//! `hazardcast alert check`: reads files and tells what the reader of alerts makes of them.
//!
//! [`run`] is given the reader, whose reports are any values that serialise to the objects that `--json` prints, one a
//! line for each alert of a file. What is printed for people is made of the same, so that both always say the same.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::domain::Clock;
use crate::format::{Complaint, Report};
use crate::lifecycle::SystemClock;

use super::alert::CheckArgs;
use super::judge::Judge;
use super::{plain, say_error};

/// What is read of a file, bytes: more than any reader takes, so that it is the reader that refuses a larger one.
const READ_AT_MOST: u64 = 32 << 20;

/// Areas of an info that are named; of the others only the number is told.
const AREAS_NAMED: usize = 5;

/// How a check of several files ended; the worst of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Checked {
    /// All are accepted.
    Accepted = 0,
    /// Some are refused.
    Refused = 1,
    /// A file could not be read.
    Unreadable = 2,
}

/// Checks the files that are named by a server's own rules, as `args` say, and prints the answers.
pub(super) fn offline(args: &CheckArgs, json: bool) -> anyhow::Result<ExitCode> {
    let judge = match Judge::of(args.config.as_deref(), args.regions.as_deref(), SystemClock.now()) {
        Ok(judge) => judge,
        Err(error) => {
            say_error(&error, json);
            return Ok(ExitCode::from(Checked::Unreadable as u8));
        }
    };
    let read = |file: &str, bytes: &[u8]| judge.check(file, bytes);
    Ok(ExitCode::from(run(args, json, read, &mut io::stdout().lock())? as u8))
}

/// Checks each file with `read`, which gets its name and bytes, and writes the answers to `out`. Fails if they cannot
/// be written.
pub(super) fn run<R: Serialize>(
    args: &CheckArgs,
    json: bool,
    read: impl Fn(&str, &[u8]) -> Vec<R>,
    out: &mut impl Write,
) -> io::Result<Checked> {
    let mut worst = Checked::Accepted;
    for path in &args.files {
        let file = path.display().to_string();
        let reports = match bytes(path) {
            Ok(bytes) => read(&file, &bytes).iter().map(serde_json::to_value).collect::<Result<_, _>>()?,
            Err(error) => {
                worst = Checked::Unreadable;
                vec![serde_json::to_value(unreadable(&file, &error))?]
            }
        };
        for report in reports {
            if report["accepted"] != Value::Bool(true) {
                worst = worst.max(Checked::Refused);
            }
            if json {
                writeln!(out, "{report}")?;
            } else {
                out.write_all(block(&report).as_bytes())?;
            }
        }
    }
    Ok(worst)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(READ_AT_MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(file: &str, error: &io::Error) -> Report {
    let reason = format!("cannot be read: {error}");
    Report::unread(file, "", Complaint { field: "file".to_owned(), reason })
}

/// A report for people: a mark and the file's name, what it says, and what is wrong.
fn block(report: &Value) -> String {
    let mut text = String::new();
    let accepted = report["accepted"] == Value::Bool(true);
    let place = word(&report["place"]);
    let place = if place.is_empty() { place } else { format!(" {place}") };
    line(&mut text, &format!("{} {}{place}", if accepted { "✓" } else { "✗" }, word(&report["file"])));
    if report["parsed"] == Value::Bool(true) {
        let kind = words(report, &["format", "msg_type", "status", "scope"], " · ");
        let mode = word(&report["mode"]);
        line(&mut text, &format!("  {kind}, told as: {mode}"));
        line(&mut text, &format!("  {}", words(report, &["identifier", "sender", "sent"], "  ")));
        for reference in list(&report["references"]) {
            line(&mut text, &format!("  refers to {}", words(reference, &["sender", "identifier", "sent"], "  ")));
        }
        for each in list(&report["infos"]) {
            info(&mut text, each);
        }
        let counts = [("polygon_count", "polygons"), ("circle_count", "circles"), ("geocode_count", "geocodes")];
        let counts = counts.map(|(key, name)| format!("{} {name}", report[key].as_u64().unwrap_or(0)));
        let bounds: Vec<String> = list(&report["bbox"]).iter().map(word).collect();
        let bounds = if bounds.is_empty() { String::new() } else { format!(" within {}", bounds.join(", ")) };
        line(&mut text, &format!("  {}{bounds}", counts.join(", ")));
        for signature in list(&report["signatures"]) {
            let signer = word(&signature["signer"]);
            let by = if signer.is_empty() { "by nobody it names".to_owned() } else { format!("by {signer}") };
            let algorithms = words(signature, &["algorithm", "digest"], ", ");
            line(&mut text, &format!("  signed {by} ({algorithms}), unverified"));
        }
        if report["expired"] == Value::Bool(true) {
            line(&mut text, "  expired: it would not be sent now");
        }
    }
    for refusal in list(&report["refusals"]) {
        line(&mut text, &format!("  {}: {}", word(&refusal["field"]), word(&refusal["reason"])));
    }
    text
}

fn info(text: &mut String, info: &Value) {
    let keys = ["language", "event", "urgency", "severity", "certainty"];
    let expires = word(&info["expires"]);
    let expires = if expires.is_empty() { expires } else { format!(", expires {expires}") };
    line(text, &format!("  {}{expires}", words(info, &keys, " · ")));
    let areas = list(&info["areas"]);
    for area in areas.iter().take(AREAS_NAMED) {
        line(text, &format!("    {}", word(&area["description"])));
    }
    if areas.len() > AREAS_NAMED {
        line(text, &format!("    and {} more areas", areas.len() - AREAS_NAMED));
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", plain(line).trim_end()).expect("a string takes all that is written to it");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A value without quotes; nothing if it is not there.
fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values of those keys that are there. A value that is no object is told itself.
fn words(of: &Value, keys: &[&str], between: &str) -> String {
    if !of.is_object() {
        return word(of);
    }
    let words: Vec<String> = keys.iter().map(|key| word(&of[*key])).filter(|word| !word.is_empty()).collect();
    words.join(between)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    /// A reader that accepts what has `good` in it.
    fn read(file: &str, bytes: &[u8]) -> Vec<Value> {
        bytes.split(|&byte| byte == b'\n').enumerate().map(|(number, bytes)| read_one(file, number, bytes)).collect()
    }

    fn read_one(file: &str, number: usize, bytes: &[u8]) -> Value {
        let place = if number == 0 { String::new() } else { format!("alert[{number}]") };
        let accepted = bytes.windows(4).any(|window| window == b"good");
        let refusal = json!({"field": "info[0].area[0].polygon[1]", "reason": "latitude 91 is beyond 90 degrees"});
        let refusals = if accepted { vec![] } else { vec![refusal] };
        let areas: Vec<_> = (0..7).map(|n| json!({"description": format!("District {n}\u{1b}[2J")})).collect();
        let info = json!({"language": "es-MX", "event": "Ciclón", "urgency": "Future", "severity": "Extreme",
            "certainty": "Likely", "expires": "2024-11-03T00:00:00Z", "areas": areas});
        json!({"file": file, "place": place, "parsed": accepted, "format": "CAP 1.2",
            "identifier": "a-1", "sender": "smn@example.org", "sent": "2024-11-02T00:00:00Z",
            "msg_type": "Update", "status": "Actual", "scope": "Public", "mode": "public",
            "references": [], "infos": [info], "polygon_count": 2, "circle_count": 0, "geocode_count": 3,
            "bbox": [-98.1, 14.5, -90.4, 18.9], "expired": true, "accepted": accepted, "refusals": refusals})
    }

    fn check(contents: &[Option<&str>], json: bool) -> (Checked, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |(index, content): (usize, Option<&str>)| {
            let path = folder.path().join(format!("{index}.xml"));
            if let Some(content) = content {
                std::fs::write(&path, content).expect("written");
            }
            path
        };
        let files: Vec<PathBuf> = contents.iter().copied().enumerate().map(path).collect();
        let mut out = Vec::new();
        let ended =
            run(&CheckArgs { files, regions: None, config: None }, json, read, &mut out).expect("a list takes all");
        (ended, String::from_utf8(out).expect("UTF-8").replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn the_worst_file_decides_how_it_ends() {
        assert_eq!(check(&[Some("good")], true).0, Checked::Accepted);
        assert_eq!(check(&[Some("good"), Some("bad")], true).0, Checked::Refused);
        assert_eq!(check(&[None, Some("good"), Some("bad")], false).0, Checked::Unreadable);
    }

    #[test]
    fn json_is_one_object_a_line_for_each_file_even_one_that_cannot_be_read() {
        let (_, text) = check(&[Some("good"), None, Some("bad")], true);
        let reports: Vec<Value> = text.lines().map(|line| line.parse().expect("JSON")).collect();
        assert_eq!(reports.len(), 3);
        assert_eq!((&reports[0]["accepted"], &reports[0]["polygon_count"]), (&json!(true), &json!(2)));
        assert_eq!((&reports[1]["parsed"], &reports[1]["refusals"][0]["field"]), (&json!(false), &json!("file")));
    }

    #[test]
    fn people_get_a_block_that_cannot_command_their_terminal() {
        let (_, text) = check(&[Some("good")], false);
        let expected = "\
✓ /0.xml
  CAP 1.2 · Update · Actual · Public, told as: public
  a-1  smn@example.org  2024-11-02T00:00:00Z
  es-MX · Ciclón · Future · Extreme · Likely, expires 2024-11-03T00:00:00Z
    District 0 [2J
    District 1 [2J
    District 2 [2J
    District 3 [2J
    District 4 [2J
    and 2 more areas
  2 polygons, 0 circles, 3 geocodes within -98.1, 14.5, -90.4, 18.9
  expired: it would not be sent now
";
        assert_eq!(text, expected);
        let (_, text) = check(&[Some("bad")], false);
        assert_eq!(text, "✗ /0.xml\n  info[0].area[0].polygon[1]: latitude 91 is beyond 90 degrees\n");
    }

    #[test]
    fn each_alert_of_a_file_has_a_report_of_its_own() {
        let (ended, text) = check(&[Some("good\nbad")], true);
        let reports: Vec<Value> = text.lines().map(|line| line.parse().expect("JSON")).collect();
        assert_eq!((ended, reports.len()), (Checked::Refused, 2));
        assert_eq!((&reports[0]["place"], &reports[1]["place"]), (&json!(""), &json!("alert[1]")));
        let (_, text) = check(&[Some("good\nbad")], false);
        assert!(text.contains("\n✗ /0.xml alert[1]\n"));
    }
}
