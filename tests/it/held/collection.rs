//! Which of the real messages that lie beside the project would wait for a person: those that say that they are tests,
//! and no other.

use std::collections::BTreeSet;
use std::io::Write as _;

use hazardcast::decide::contradictions;
use hazardcast::format::Bounds;

use crate::real_alerts::{files_under, here};

/// For real by their status, and tests by what they say of themselves: each was read and judged. Two say so of
/// themselves in so many words; the last was made for a test, and tells of an earthquake in a "test area".
const HELD: [&str; 3] =
    ["NWS-IDP-PROD-3296165-2882593.xml", "active-load-testing-8.geojson", "77_01_30_260101_VXSE45_FINAL.xml"];

#[test]
fn of_the_real_messages_beside_the_project_those_wait_that_say_they_are_tests_and_no_others() {
    let folder = here().join("../shared/data/alerts");
    if !folder.join("MANIFEST.md").exists() {
        let _ = std::io::stderr().write_all(b"left out: ../shared/data is not beside the project\n");
        return;
    }
    let (bounds, mut read) = (Bounds::default(), 0);
    let mut held = BTreeSet::new();
    for file in files_under(&folder) {
        let bytes = std::fs::read(&file).expect("it can be read");
        let Ok(messages) = bounds.messages(&bytes, None) else { continue };
        for alert in messages.into_iter().filter_map(|message| message.outline.ok()?.alert.ok()) {
            read += 1;
            let reasons: Vec<String> = contradictions(&alert).iter().map(ToString::to_string).collect();
            if !reasons.is_empty() {
                let _ = writeln!(std::io::stderr(), "{}: {reasons:?}", file.display());
                held.insert(file.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    let _ = writeln!(std::io::stderr(), "{read} messages were read");
    assert!(read > 200, "{read}");
    assert_eq!(held, HELD.map(str::to_owned).into());
}
