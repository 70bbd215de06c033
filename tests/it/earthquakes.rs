//! Real messages of seismic networks that the project carries, as the table here says. Those of the collection beside
//! the project are compared with its manifest by the real binary (`manifest/`).

use std::path::{Path, PathBuf};

use hazardcast::domain::Body;
use hazardcast::format::{self, FormatError, Message, Outline, WrittenEarthquake};

use crate::real_alerts::{files_under, here};

/// What a file should give: the first message's magnitude, latitude, longitude and depth; how many messages; and what
/// each is refused for, by its field (nothing where it is in order).
struct Expected {
    file: &'static str,
    place: [Option<f64>; 4],
    messages: usize,
    fault: &'static str,
}

const CARRIED: [Expected; 8] = [
    Expected {
        file: "ingv/campotosto-m2.6.quakeml.xml",
        place: [Some(2.6), Some(42.5218), Some(13.3833), Some(14.5)],
        messages: 1,
        fault: "",
    },
    Expected {
        file: "made-up/no-ids.quakeml.xml",
        place: [None, Some(42.5218), Some(13.3833), None],
        messages: 3,
        fault: "publicID",
    },
    Expected {
        file: "made-up/no-times.quakeml.xml",
        place: [Some(2.6), Some(42.5218), Some(13.3833), None],
        messages: 3,
        fault: "origin[0].time",
    },
    Expected {
        file: "made-up/three-features.geojson",
        place: [Some(3.0), Some(-32.2345), Some(149.1234), Some(0.1)],
        messages: 3,
        fault: "properties.type",
    },
    Expected {
        file: "usgs/bolivia-m8.2.detail.geojson",
        place: [Some(8.2), Some(-13.841), Some(-67.553), Some(631.3)],
        messages: 1,
        fault: "",
    },
    Expected {
        file: "usgs/bolivia-m8.2.quakeml.xml",
        place: [Some(8.2), Some(-13.841), Some(-67.553), Some(631.3)],
        messages: 1,
        fault: "",
    },
    Expected { file: "usgs/no-events.geojson", place: [None; 4], messages: 0, fault: "" },
    Expected {
        file: "usgs/northern-california-m5.07.quakeml.xml",
        place: [Some(5.07), Some(40.763_668_1), Some(-125.191_833_5), Some(4.54)],
        messages: 1,
        fault: "",
    },
];

fn read(file: &Path) -> Result<Vec<Message>, FormatError> {
    format::messages(&std::fs::read(file).expect("it can be read"), None)
}

#[test]
fn each_message_of_a_network_is_read_as_expected() {
    let folder = here().join("tests/data/earthquakes");
    let mut files = files_under(&folder);
    files.retain(|file| file.extension().is_none_or(|extension| extension != "md"));
    let named: Vec<PathBuf> = CARRIED.iter().map(|expected| folder.join(expected.file)).collect();
    assert_eq!(files, named);
    for Expected { file, place, messages, fault } in CARRIED {
        let found = read(&folder.join(file)).expect(file);
        assert_eq!(found.len(), messages, "{file}");
        for (index, message) in found.into_iter().enumerate() {
            let Outline { written, alert, .. } = message.outline.expect(file);
            let earthquake = written.earthquake.expect("it is about one");
            if index == 0 {
                assert_eq!(place_of(&earthquake), place, "{file}");
            }
            let refused = alert.as_ref().err().map(FormatError::field).unwrap_or_default();
            assert!(refused.ends_with(fault) && refused.is_empty() == fault.is_empty(), "{file}: {refused}");
            assert!(alert.is_err() || matches!(alert, Ok(alert) if matches!(alert.body, Body::Update(_))), "{file}");
        }
    }
}

fn place_of(earthquake: &WrittenEarthquake) -> [Option<f64>; 4] {
    [earthquake.magnitude, earthquake.latitude, earthquake.longitude, earthquake.depth_km]
}

#[test]
fn updates_of_one_event_in_real_time_are_told_apart_and_in_order() {
    let folder = here().join("../shared/data/alerts/quakeml-rt-series");
    if !folder.exists() {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared/data is not beside the project\n");
        return;
    }
    let alerts: Vec<_> = files_under(&folder)
        .iter()
        .map(|file| {
            read(file).expect("it can be read").remove(0).outline.expect("it can be read").alert.expect("in order")
        })
        .collect();
    let keys: Vec<_> = alerts.iter().filter_map(|alert| alert.subject.event.as_ref()).collect();
    assert!(keys.len() == alerts.len() && keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    assert!(alerts.windows(2).all(|pair| pair[0].id.sent <= pair[1].id.sent));
    let mut names: Vec<_> = alerts.iter().map(|alert| &alert.id).collect();
    names.dedup();
    // Twelve messages, of which the last six say two things.
    assert_eq!((alerts.len(), names.len()), (12, 8));
}
