//! Codes to ground: what is found, what is not, and that nothing is ever wider than what was named.

use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::{Area, Geocode, Polygon, Position, Ring, Timestamp};

use super::{Codes, Found, Gazetteer, Region, RegionPlace, RegionSet, Why};

const THEN: Timestamp = Timestamp::constant(1_000_000_000, 0);
const NOW: Timestamp = Timestamp::constant(2_000_000_000, 0);

/// A square of one degree on a row of a hundred.
fn square(number: usize) -> Polygon {
    let (west, south) = ((number % 100) as f64, (number / 100) as f64);
    let corners = [[west, south], [west + 1.0, south], [west + 1.0, south + 1.0], [west, south + 1.0]];
    Polygon { outer: Ring::new(corners).expect("a ring"), holes: Vec::new() }
}

fn middle(number: usize) -> Position {
    Position::from_degrees((number % 100) as f64 + 0.5, (number / 100) as f64 + 0.5).expect("on the globe")
}

fn region(code: &str, number: usize) -> Region {
    Region { code: code.into(), name: String::new(), place: RegionPlace::Polygons(vec![square(number)]) }
}

fn same(code: &str, scheme: &str, other: &str) -> Region {
    let place = RegionPlace::SameAs(Geocode { scheme: scheme.into(), code: other.into() });
    Region { code: code.into(), name: String::new(), place }
}

fn set(scheme: &str, name: &str, valid_from: Option<Timestamp>, regions: Vec<Region>) -> Arc<RegionSet> {
    Arc::new(RegionSet::new(scheme, name, valid_from, NOW, regions))
}

fn code(scheme: &str, code: &str) -> Geocode {
    Geocode { scheme: scheme.into(), code: code.into() }
}

/// The codes of the regions found, and what is said of those that are not.
fn told(gazetteer: &Gazetteer, scheme: &str, value: &str) -> (String, Vec<(String, Why)>) {
    let Found { known, unresolved } = gazetteer.find(&code(scheme, value), NOW, 100);
    let codes: Vec<_> = known.iter().map(|known| known.region.code.to_string()).collect();
    (codes.join(" "), unresolved.iter().map(|code| (code.geocode.code.to_string(), code.why)).collect())
}

fn america() -> Gazetteer {
    let zones = ["NMZ501", "NMZ502", "NMZ503", "NMC001", "NMC003", "TXC001"];
    let zones = zones.iter().enumerate().map(|(number, code)| region(code, number)).collect();
    let aliases = [("035001", "NMC001"), ("035003", "NMC003"), ("035005", "NMC005")];
    let mut aliases: Vec<Region> = aliases.iter().map(|(code, ugc)| same(code, "UGC", ugc)).collect();
    aliases.push(same("035007", "SAME", "035001"));
    let others = vec![region("048000", 10), region("135001", 11), region("073535", 12)];
    Gazetteer::new([set("UGC", "all", None, zones), set("SAME", "same", None, aliases), set("SAME", "x", None, others)])
}

#[test]
fn codes_of_the_weather_service_are_found_alone_in_lists_and_by_state() {
    let gazetteer = america();
    for (value, found) in [
        ("NMC001", "NMC001"),
        ("nmz501>503", "NMZ501 NMZ502 NMZ503"),
        ("NMZ501-503-NMC001-021236-", "NMZ501 NMZ503 NMC001"),
        ("NMZ000", "NMZ501 NMZ502 NMZ503"),
        ("NMCALL-TXC001", "NMC001 NMC003 TXC001"),
    ] {
        assert_eq!(told(&gazetteer, "ugc", value), (found.to_owned(), Vec::new()), "{value}");
    }
    let (found, missing) = told(&gazetteer, "UGC", "NMZ502>505");
    assert_eq!(found, "NMZ502 NMZ503");
    assert_eq!(missing, [("NMZ504".to_owned(), Why::Unknown), ("NMZ505".to_owned(), Why::Unknown)]);
    assert_eq!(told(&gazetteer, "UGC", "OHZALL").1, [("OHZALL".to_owned(), Why::Unknown)]);
    assert_eq!(told(&gazetteer, "UGC", "NMZ001>900").1, [("NMZ001>900".to_owned(), Why::TooMuch)]);
    assert_eq!(told(&gazetteer, "UGC", "New Mexico").1[0].1, Why::Malformed);
    assert_eq!(told(&gazetteer, "UGC", " ").1[0].1, Why::Malformed);
}

#[test]
fn same_is_found_by_way_of_the_county_that_it_is_and_never_wider() {
    let gazetteer = america();
    let one = |value: &str| {
        let (found, missing) = told(&gazetteer, "SAME", value);
        (found, missing.first().map(|(_, why)| *why))
    };
    assert_eq!(one("035001"), ("NMC001".to_owned(), None));
    assert_eq!(told(&gazetteer, "FIPS6", "035001 035003").0, "NMC001 NMC003");
    assert_eq!(one("048000"), ("048000".to_owned(), None));
    assert_eq!(one("073535"), ("073535".to_owned(), None));
    assert_eq!(one("135001"), ("135001".to_owned(), None), "a part that was imported");
    assert_eq!(one("235001"), (String::new(), Some(Why::Part)));
    assert_eq!(one("035000"), ("NMC001 NMC003".to_owned(), Some(Why::InParts(2))));
    assert_eq!(one("035005"), (String::new(), Some(Why::SameAsUnknown)));
    assert_eq!(one("035007"), (String::new(), Some(Why::SameAsUnknown)), "one step, and no more");
    assert_eq!(one("000000"), (String::new(), Some(Why::Nation)));
    assert_eq!(one("001001"), (String::new(), Some(Why::Unknown)));
    assert_eq!(one("35001"), (String::new(), Some(Why::Malformed)));
    let imported = Gazetteer::new([set("SAME", "nation", None, vec![region("000000", 0)])]);
    assert_eq!(told(&imported, "SAME", "000000"), ("000000".to_owned(), Vec::new()));
}

#[test]
fn a_town_of_china_is_not_its_county_and_an_unknown_city_is_warned_in_its_counties() {
    let regions = ["140212000000", "140213000000", "140223000000", "140223100000", "150000000000"];
    let regions = regions.iter().enumerate().map(|(number, code)| region(code, number)).collect();
    let gazetteer = Gazetteer::new([set("CPEAS", "all", None, regions)]);
    let one = |value: &str| {
        let (found, missing) = told(&gazetteer, "CPEAS Geographic Code", value);
        (found, missing.first().map(|(_, why)| *why))
    };
    assert_eq!(one("140223"), ("140223000000".to_owned(), None));
    assert_eq!(one("140223000000"), ("140223000000".to_owned(), None));
    assert_eq!(one("140223100000"), ("140223100000".to_owned(), None));
    assert_eq!(one("140223101000"), (String::new(), Some(Why::Part)));
    assert_eq!(one("150102000000"), (String::new(), Some(Why::Part)));
    // The town lies in the county, which is warned already.
    assert_eq!(one("140200"), ("140212000000 140213000000 140223000000".to_owned(), Some(Why::InParts(3))));
    assert_eq!(one("160000"), (String::new(), Some(Why::Unknown)));
    assert_eq!(one("14022"), (String::new(), Some(Why::Malformed)));
}

#[test]
fn of_several_editions_the_newest_counts_that_was_valid_when_the_alert_was_sent() {
    let old = set("EMMA_ID", "old", None, vec![region("AT001", 0), region("AT002", 1)]);
    let new = set("EMMA_ID", "new", Some(THEN), vec![region("AT001", 2), region("AT003", 3)]);
    let next = set("EMMA_ID", "next", Some(NOW), vec![region("AT001", 4), region("AT004", 5)]);
    let gazetteer = Gazetteer::new([old, next, new]);
    let at = |seconds: i64, value: &str| {
        let at = Timestamp::new(seconds, 0).expect("an instant");
        let Found { known, unresolved } = gazetteer.find(&code("EMMA_ID", value), at, 9);
        let known = known.first().map(|known| known.set.name.to_string()).unwrap_or_default();
        (known, unresolved.first().map(|code| code.why))
    };
    let (before, between, after) = (999_999_999, 1_999_999_999, 2_000_000_000);
    assert_eq!(at(before, "AT001"), ("old".to_owned(), None));
    assert_eq!(at(between, "AT001"), ("new".to_owned(), None));
    assert_eq!(at(after, "AT001"), ("next".to_owned(), None));
    assert_eq!(at(after, "AT002"), ("old".to_owned(), None), "a code that is no more is still what it was");
    assert_eq!(at(between, "AT004"), (String::new(), Some(Why::NotYetValid)));
}

#[test]
fn what_infos_have_in_common_is_resolved_once_whatever_it_is_called() {
    let gazetteer = america();
    let area = |description: &str| Area {
        description: description.to_owned(),
        geocodes: vec![code("UGC", "NMC001"), code("SAME", "035001"), code("SAME", "999999")],
        ..Area::default()
    };
    let (one, other) = ([area("Here"), area("There")], [area("Hier"), area("Dort")]);
    let mut codes = Codes::new(&gazetteer, NOW);
    let (first, second) = (codes.resolve(&one), codes.resolve(&other));
    let ground = first.area.expect("there is ground");
    let polygons: usize = ground.areas().iter().map(|area| area.polygons.len()).sum();
    assert_eq!(polygons, 1, "a county that is named twice is drawn once");
    assert!(std::ptr::eq(ground.areas(), second.area.expect("the same").areas()));
    assert_eq!(first.unresolved.len(), 1);
    assert_eq!(first.unresolved, second.unresolved);
    let drawn = [Area { polygons: vec![square(50)], ..area("Drawn") }, area("Not")];
    let drawn = codes.resolve(&drawn);
    assert!(drawn.unresolved.is_empty() && !drawn.area.expect("it is drawn").contains(middle(3)));
}

/// Any code of a small world, or none.
fn any_code() -> impl Strategy<Value = Geocode> {
    let same = "[0-2]0[1-2]00[0-3]|000000|\\PC{0,9}";
    let ugc = "[AB][LK][CZ]00[0-5]|ALZALL|(ALZ00[0-3]>00[2-5]-00[1-9]-){1,3}|[A-Z0-9>\\- ]{0,20}";
    let cpeas = "1[1-2]0[0-2]0[0-2]|1[1-2]0[0-2]0[0-2](000|001|002)(000|001)";
    prop_oneof![
        same.prop_map(|value: String| code("SAME", &value)),
        ugc.prop_map(|value: String| code("ugc", &value)),
        cpeas.prop_map(|value: String| code("CPEAS Geographic Code", &value)),
        "\\PC{0,12}".prop_map(|scheme: String| code(&scheme, "1")),
    ]
}

/// Some of the regions of a small world, each a square of its own, in two editions.
fn any_gazetteer() -> impl Strategy<Value = (Gazetteer, Vec<(&'static str, String)>)> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    for part in 0..3 {
        all.extend((0..4).map(|county| ("SAME", format!("{part}0100{county}"))));
    }
    all.push(("SAME", "000000".to_owned()));
    all.extend(["ALC", "ALZ", "BKZ"].iter().flat_map(|state| (0..6).map(move |n| ("UGC", format!("{state}{n:03}")))));
    for county in ["110000", "110100", "110101", "110102", "110200", "120101"] {
        all.extend(["000000", "001000", "001001"].iter().map(|rest| ("CPEAS", format!("{county}{rest}"))));
    }
    let count = all.len();
    prop::collection::vec(0..4_u8, count).prop_map(move |kept| {
        let mut sets = Vec::new();
        for (edition, valid_from) in [(1, None), (2, Some(THEN))] {
            for scheme in ["SAME", "UGC", "CPEAS"] {
                let regions =
                    all.iter().enumerate().filter(|(number, (of, _))| *of == scheme && kept[*number] & edition != 0);
                let regions = regions.map(|(number, (_, code))| region(code, number)).collect();
                sets.push(set(scheme, &edition.to_string(), valid_from, regions));
            }
        }
        (Gazetteer::new(sets), all.clone())
    })
}

/// Whether a code names all of a region, by the rules of their schemes and apart from how they are looked up.
fn names(geocode: &Geocode, scheme: &str, region: &str) -> bool {
    let value = geocode.code.to_uppercase();
    match scheme {
        "SAME" => {
            let in_state = |word: &str| word != "000000" && word.starts_with('0') && word.ends_with("000");
            geocode.scheme == "SAME"
                && value.split_whitespace().any(|word| {
                    word == region || in_state(word) && region.starts_with('0') && region.get(..3) == word.get(..3)
                })
        }
        "CPEAS" => {
            let trimmed = |code: &str| {
                let padded = format!("{code:0<12}");
                let level = [2, 4, 6, 9, 12].into_iter().find(|level| padded[*level..].bytes().all(|b| b == b'0'));
                padded[..level.expect("twelve digits have no more")].to_owned()
            };
            geocode.scheme == "CPEAS Geographic Code" && region.starts_with(&trimmed(&value))
        }
        _ => geocode.scheme == "ugc" && in_list(&value, region),
    }
}

/// Whether a packed list names a zone: read from the left, a character at a time.
fn in_list(value: &str, region: &str) -> bool {
    let groups: Vec<&str> = value.split(['-', ' ']).filter(|group| !group.is_empty()).collect();
    let mut state = String::new();
    groups.iter().any(|group| {
        let letters = group.len() >= 6 && group.as_bytes()[..3].iter().all(u8::is_ascii_uppercase);
        if letters {
            state = group[..3].to_owned();
        }
        let rest = if letters { &group[3..] } else { group };
        let (Some(of), Some(number)) = (region.get(..3), region.get(3..)) else { return false };
        let (from, to) = rest.split_once('>').unwrap_or((rest, rest));
        let to = to.strip_prefix(state.as_str()).unwrap_or(to);
        of == state
            && (rest == "ALL" || rest == "000" || (from <= number && number <= to && from.len() == 3 && to.len() == 3))
    })
}

proptest! {
    /// Rule 6 of the house: an area is never widened.
    #[test]
    fn no_place_is_warned_that_lies_in_no_named_region(
        (gazetteer, all) in any_gazetteer(),
        geocodes in prop::collection::vec(any_code(), 1..5),
    ) {
        let areas = [Area { geocodes: geocodes.clone(), ..Area::default() }];
        let resolve = |gazetteer: &Gazetteer| {
            let found = Codes::new(gazetteer, NOW).resolve(&areas);
            (found.area, found.unresolved)
        };
        let (area, unresolved) = resolve(&gazetteer);
        for (number, (scheme, region)) in all.iter().enumerate() {
            let is_warned = area.as_ref().is_some_and(|area| area.contains(middle(number)));
            let is_named = geocodes.iter().any(|geocode| names(geocode, scheme, region));
            prop_assert!(!is_warned || is_named, "{scheme} {region} by {geocodes:?}");
        }
        prop_assert!(area.is_some() || !unresolved.is_empty(), "what is not warned is told");
        prop_assert_eq!(resolve(&gazetteer), (area, unresolved));
    }

    #[test]
    fn no_code_is_too_hostile(scheme in "SAME|UGC|CPEAS|\\PC{0,40}", value in "\\PC{0,200}|[0-9A-Z>\\- ]{0,300}") {
        let found = america().find(&code(&scheme, &value), NOW, 50);
        prop_assert!(found.known.len() <= 50 * 6);
        prop_assert!(!found.known.is_empty() || !found.unresolved.is_empty());
    }
}

#[test]
fn a_list_of_nothing_is_told() {
    for value in ["-", "--", " - "] {
        let found = america().find(&code("UGC", value), NOW, 50);
        assert_eq!((found.known.len(), found.unresolved.len()), (0, 1), "{value:?}");
    }
}
