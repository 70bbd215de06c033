//! The whole series of one earthquake, of the collection beside the project.

use std::collections::BTreeSet;
use std::io::Write as _;

use hazardcast::domain::{Alert, Ground, Severity};
use hazardcast::format;

use crate::real_alerts::{files_under, here};

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
    let folder = here().join("../shared/data/alerts/jma-eew");
    if !folder.exists() {
        let _ = std::io::stderr().write_all(b"left out: ../shared/data is not beside the project\n");
        return;
    }
    let mut before = BTreeSet::new();
    let mut reports = 0;
    let is_of_the_series = |name: &str| name.starts_with("77_01_") && name.contains("_240613_");
    for file in files_under(&folder) {
        if !file.file_name().and_then(|name| name.to_str()).is_some_and(is_of_the_series) {
            continue;
        }
        let bytes = std::fs::read(&file).expect("it is there");
        let alert = format::read(&bytes, None).expect("an alert").alert;
        if alert.body.infos().iter().all(|info| info.ground == Ground::None) {
            continue;
        }
        let now = warned(&alert);
        assert!(now.is_superset(&before), "{}: {:?}", file.display(), before.difference(&now));
        (before, reports) = (now, reports + 1);
    }
    assert_eq!((reports, before.len()), (32, 35));
}
