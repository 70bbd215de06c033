//! The collection of real messages that lies beside the project, read by the real binary, and compared file by file
//! with what its manifest says that a parser should find.
//!
//! A manifest's table is read into [`Row`]s. Each format has a comparison of its own, a file here and a line in
//! [`COMPARISONS`]; every row must be somebody's. Where the manifest was judged wrong, [`RULINGS`] says why.

mod cap;
mod earthquake;
mod feed;
mod json;
mod telegram;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::real_alerts::{here, reports};

/// A row of the manifest: one file.
struct Row {
    folder: String,
    name: String,
    path: PathBuf,
    /// "What a parser should find".
    found: String,
    /// What is special about it.
    special: String,
}

/// What does not agree: what it is, and how it differs.
struct Difference {
    what: &'static str,
    how: String,
}

/// Compares the reports of a file with its row; `None` if the row is none of this format's.
type Comparison = fn(&Row, &[Value]) -> Option<Vec<Difference>>;

/// By format; a row is its who takes it first.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("CAP", cap::compare),
    ("alerts in JSON", json::compare),
    ("earthquakes", earthquake::compare),
    ("telegrams and relays", telegram::compare),
    ("feeds", feed::compare),
];

/// Where the manifest was judged wrong, or counts something else: the file, what differs, and why ours is right.
const RULINGS: [(&str, &str, &str); 3] = [
    ("gdacs-cap_1023542.xml", "points", TORN),
    ("gdacs-cap_1023542.xml", "longest ring", TORN),
    ("preferred.xml", "magnitude", NOT_PREFERRED),
];

const NOT_PREFERRED: &str = "the manifest has the first magnitude, and the event prefers the second";

const TORN: &str = "the manifest leaves out points with brackets in them, and ours counts all that are written";

/// Reads every table of files: `| file | bytes | from | found | special |`, under a heading with the folder's name.
fn rows(folder: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.md")).expect("the manifest can be read");
    let (mut of, mut rows) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            heading.trim_end_matches(['`', '/']).clone_into(&mut of);
        } else if line.starts_with("## ") {
            of.clear();
        }
        // A name or a text may hold the sign that parts the cells; then it is written with a backslash.
        let line = line.replace("\\|", "\u{0}");
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        if let [_, file, _, _, found, special, ..] = cells.as_slice()
            && let Some(name) = file.strip_prefix('`').and_then(|file| file.strip_suffix('`'))
            && !of.is_empty()
        {
            let path = folder.join(&of).join(name);
            let (found, special) = (found.clone(), special.clone());
            rows.push(Row { folder: of.clone(), name: name.to_owned(), path, found, special });
        }
    }
    rows
}

#[test]
fn the_collection_beside_the_project_is_read_as_its_manifest_says() {
    let folder = here().join("../shared/data/alerts");
    if !folder.join("MANIFEST.md").exists() {
        let _ = std::io::stderr().write_all(b"left out: ../shared/data is not beside the project\n");
        return;
    }
    let rows: Vec<Row> = rows(&folder).into_iter().filter(|row| !is_certificate(row)).collect();
    assert!(rows.len() > 200, "the manifest is read: {}", rows.len());
    let files: Vec<PathBuf> = rows.iter().map(|row| row.path.clone()).collect();
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for report in reports(&files) {
        by_file.entry(report["file"].as_str().unwrap_or_default().to_owned()).or_default().push(report);
    }
    let (mut wrong, mut unused) = (String::new(), RULINGS.to_vec());
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        let reports = by_file.remove(&row.path.display().to_string()).unwrap_or_default();
        let taken = COMPARISONS.iter().find_map(|(format, compare)| Some((format, compare(row, &reports)?)));
        let Some((format, differences)) = taken else {
            let _ = writeln!(wrong, "{}/{}: compared by none", row.folder, row.name);
            continue;
        };
        *compared.entry(format).or_default() += 1;
        for Difference { what, how } in differences {
            let ruled = |ruling: &(&str, &str, &str)| ruling.0 == row.name && ruling.1 == what;
            if RULINGS.iter().any(ruled) {
                unused.retain(|ruling| !ruled(ruling));
            } else {
                let _ = writeln!(wrong, "{}/{}: {what}: {how}", row.folder, row.name);
            }
        }
    }
    let _ = writeln!(std::io::stderr(), "{compared:?} of {} files", rows.len());
    assert_eq!(wrong, "");
    assert_eq!(unused, [], "rulings that nothing needs");
}

/// Keys of signers lie beside some of the messages.
fn is_certificate(row: &Row) -> bool {
    row.path.extension().is_some_and(|extension| extension == "pem")
}
