//! Real alerts, read by the real binary: each as its expected form beside it says.

use std::collections::BTreeMap;
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

/// What `alert check --json` says of files.
pub(crate) fn reports(files: &[PathBuf]) -> Vec<Value> {
    let output = hazardcast(&["alert", "check", "--json"]).args(files).output().expect("the binary starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    said.lines().map(|line| line.parse().expect("JSON")).collect()
}

/// A message of XML is `name.xml`, one of JSON `name.message.json`; its expected form is `name.json`.
fn expected(file: &Path) -> Option<PathBuf> {
    let name = file.to_str().expect("UTF-8");
    let stem = name.strip_suffix(".xml").or_else(|| name.strip_suffix(".message.json"))?;
    Some(PathBuf::from(format!("{stem}.json")))
}

/// Every message that the project carries.
pub(crate) fn messages() -> Vec<PathBuf> {
    let mut files = files_under(&here().join("tests/data/alerts"));
    files.retain(|file| expected(file).is_some());
    files
}

#[test]
fn each_real_alert_is_read_as_its_expected_form_says() {
    let files = messages();
    assert!(files.len() >= 15, "{files:?}");
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut report in reports(&files) {
        let Some(Value::String(file)) = report.as_object_mut().and_then(|report| report.remove("file")) else {
            panic!("{report}")
        };
        by_file.entry(file).or_default().push(report);
    }
    for file in files {
        let found = by_file.remove(&file.display().to_string()).unwrap_or_default();
        let expected = expected(&file).expect("a message");
        let text = std::fs::read_to_string(&expected).unwrap_or_else(|_| panic!("{} is there", expected.display()));
        // One object, or, where a file holds several alerts, a list of them.
        let expected = match text.parse().expect("JSON") {
            Value::Array(several) => several,
            one => vec![one],
        };
        assert_eq!(found, expected, "{}: {found:#?}", file.display());
    }
}
