//! Real messages of seismic networks: those that the project carries, as the table here says, and, where the collection
//! that they were chosen from lies beside the project, each of that as its manifest counted it.

use std::path::{Path, PathBuf};

use hazardcast::domain::{Body, Ground};
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

/// Files in which the manifest counted something else, and why that is no fault.
const JUDGED_OTHERWISE: [(&str, &str, &str); 1] = [
    // The manifest has the first magnitude, and the event prefers the second.
    ("preferred.xml", "M1", "M2"),
];

/// What must be refused whole, by the field that says so.
const REFUSED: [(&str, &str); 1] = [("system_status.xml", "root")];

const FOLDERS: [&str; 5] = ["quakeml", "quakeml-rt-series", "shakealert", "shakemap", "usgs-geojson"];

/// Folder, file and what should be found of each line of the manifest that is about a network's message.
fn manifest(text: &str) -> Vec<(String, String, String)> {
    let (mut folder, mut rows) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            heading.trim_end_matches(['`', '/']).clone_into(&mut folder);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, file, _, _, found, ..] = cells.as_slice()
            && file.starts_with('`')
            && FOLDERS.contains(&folder.as_str())
        {
            rows.push((folder.clone(), file.trim_matches('`').to_owned(), (*found).to_owned()));
        }
    }
    rows
}

#[test]
fn the_collection_beside_the_project_agrees_with_its_manifest_on_earthquakes() {
    let folder = here().join("../shared/data/alerts");
    let Ok(text) = std::fs::read_to_string(folder.join("MANIFEST.md")) else {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared/data is not beside the project\n");
        return;
    };
    let rows = manifest(&text);
    assert!(rows.len() >= 39, "the manifest is read: {}", rows.len());
    for (of, file, found) in rows {
        let read = read(&folder.join(of).join(&file));
        if let Some((_, field)) = REFUSED.iter().find(|(name, _)| *name == file) {
            assert_eq!(read.err().map(|error| error.field().to_owned()).as_deref(), Some(*field), "{file}");
            continue;
        }
        let messages = read.unwrap_or_else(|error| panic!("{file}: {}: {error}", error.field()));
        for part in found.split(" · ").filter(|part| !part.is_empty()) {
            let judged = JUDGED_OTHERWISE.iter().find(|(name, said, _)| *name == file && *said == part);
            let part = judged.map_or(part, |(_, _, instead)| instead);
            assert!(agrees(part, &messages), "{file} should have {part}: {messages:?}");
        }
    }
}

/// Whether what the manifest says in a few words of a file holds of its messages.
fn agrees(part: &str, messages: &[Message]) -> bool {
    if let Some(count) = part.strip_prefix("events ") {
        return count.parse() == Ok(messages.len());
    }
    if let Some((count, _)) = part.split_once(" features") {
        return count.parse() == Ok(messages.len());
    }
    let Some(Ok(outline)) = messages.first().map(|message| message.outline.as_ref()) else { return false };
    let Some(earthquake) = &outline.written.earthquake else { return false };
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(place) = part.strip_prefix("at ") {
        let place = place.split_once(',').map(|(lat, lon)| [number(lat), number(lon)]);
        return place == Some([earthquake.latitude, earthquake.longitude]);
    }
    if let Some(depth) = part.strip_prefix("depth ") {
        return number(depth.trim_end_matches(" m")) == earthquake.depth_km.map(|km| (km * 1e6).round() / 1e3);
    }
    if let Some(magnitude) = part.strip_prefix('M').filter(|magnitude| !magnitude.starts_with(' ')) {
        return number(magnitude) == earthquake.magnitude;
    }
    if let Some((count, range)) = part.split_once(" contours MMI ") {
        let all = &earthquake.intensities;
        let ends = all.first().zip(all.last()).map(|(first, last)| format!("{first}–{last}"));
        return count.parse() == Ok(all.len()) && ends.as_deref() == Some(range) && bands(outline) == all.len();
    }
    match part.split_once('=') {
        Some(("message_type", kind)) => {
            let types = [("new", "Alert"), ("update", "Update"), ("follow_up", "Update")];
            types.contains(&(kind, outline.written.msg_type.as_str()))
        }
        Some(("version", version)) => version.parse().ok() == earthquake.serial,
        Some(("category", category)) => {
            [("live", "Actual"), ("test", "Test")].contains(&(category, outline.written.status.as_str()))
        }
        // Whether the ground is told.
        Some(("orig_sys", system)) => (system == "dm") == (bands(outline) == 0),
        _ if part == "ground-motion grid" || part.starts_with("fields ") => bands(outline) > 0,
        _ if part.starts_with('`') => earthquake.event.starts_with(part.trim_matches('`')),
        _ => title(outline) == Some(part),
    }
}

fn bands(outline: &Outline) -> usize {
    let infos = outline.alert.as_ref().map(|alert| alert.body.infos()).unwrap_or_default();
    let of = |ground: &Ground| if let Ground::Bands(bands) = ground { bands.len() } else { 0 };
    infos.iter().map(|info| of(&info.ground)).sum()
}

fn title(outline: &Outline) -> Option<&str> {
    outline.alert.as_ref().ok()?.body.infos().first()?.texts.headline.as_deref()
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
