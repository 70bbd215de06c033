//! Files of regions, as others write them and as they are kept.

use std::fs;

use proptest::prelude::*;

use crate::domain::{Geocode, Polygon, Ring, Timestamp};
use crate::locate::{Gazetteer, Region, RegionPlace, RegionSet};

use super::{Import, ImportError, RegionError, RegionStore, answer, codec, load, read};

const NOW: Timestamp = Timestamp::constant(1_900_000_000, 0);

const UGC: &str = include_str!("../../tests/data/regions/ugc.geojson");
const SAME_TO_UGC: &str = include_str!("../../tests/data/regions/same_to_ugc.json");

fn import(set: &str) -> Import {
    let (code_property, name_property) = ("code".to_owned(), "name".to_owned());
    Import { scheme: None, code_property, name_property, set: set.to_owned(), valid_from: None, same_as: None }
}

fn ugc() -> RegionSet {
    named("ugc")
}

fn named(name: &str) -> RegionSet {
    read(UGC.as_bytes(), &import(name), NOW).expect("it can be imported").pop().expect("one scheme")
}

/// A collection of one feature.
fn feature(properties: &str, geometry: &str) -> String {
    format!(
        "{{\"type\":\"FeatureCollection\",\"features\":[{{\"type\":\"Feature\",\"properties\":{properties},\
         \"geometry\":{geometry}}}]}}"
    )
}

fn polygon(rings: &str) -> String {
    format!("{{\"type\":\"Polygon\",\"coordinates\":[{rings}]}}")
}

const SQUARE: &str = "[[0,0],[9,0],[9,9],[0,9],[0,0]]";

fn try_import(text: &str) -> Result<RegionSet, ImportError> {
    read(text.as_bytes(), &import("s"), NOW).map(|sets| sets.into_iter().next().expect("there is one"))
}

fn rings(set: &RegionSet) -> Vec<Vec<[f64; 2]>> {
    let polygons = set.regions().iter().filter_map(|region| match &region.place {
        RegionPlace::Polygons(polygons) => Some(polygons),
        RegionPlace::SameAs(_) => None,
    });
    let rings = polygons.flatten().flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes));
    rings.map(|ring| ring.points().to_vec()).collect()
}

#[test]
fn a_collection_whose_features_say_their_scheme_is_a_set_of_each() {
    let same = read(include_bytes!("../../tests/data/regions/same.geojson"), &import("same"), NOW).expect("imported");
    assert_eq!((same.len(), same[0].regions().len()), (1, 2));
    let set = ugc();
    assert_eq!((set.scheme().as_str(), set.regions().len(), set.name.as_str()), ("ugc", 11, "ugc"));
    let both = UGC.replacen("\"UGC\"", "\"OTHER\"", 3);
    let both = read(both.as_bytes(), &import("both"), NOW).expect("imported");
    let counts: Vec<_> = both.iter().map(|set| (set.scheme().as_str(), set.regions().len())).collect();
    assert_eq!(counts, [("other", 3), ("ugc", 8)]);
}

#[test]
fn holes_heights_numbers_as_codes_and_parts_of_one_code_are_read() {
    let hole = "[[2,2],[3,2],[3,3],[2,3],[2,2]]";
    let text = feature("{\"scheme\":\"S\",\"code\":17}", &polygon(&format!("{SQUARE},{hole}")));
    let set = try_import(&text.replace("[9,0]", "[9,0,120.5]")).expect("imported");
    assert_eq!((set.regions()[0].code.as_str(), rings(&set).len()), ("17", 2));
    let two = text.replacen(
        "\"features\":[",
        &format!(
            "\"features\":[{{\"properties\":{{\"scheme\":\"S\",\"code\":\"17\"}},\"geometry\":{}}},",
            polygon(SQUARE)
        ),
        1,
    );
    let set = try_import(&two).expect("imported");
    assert_eq!((set.regions().len(), rings(&set).len()), (1, 3), "two features of one code are one region");
    let flat = text.replace(hole, "[[2,2],[3,2],[2,2],[2,2]]");
    assert_eq!(rings(&try_import(&flat).expect("imported")).len(), 1, "a hole without ground is none");
}

#[test]
fn a_region_over_the_antimeridian_is_one_whether_it_is_cut_or_runs_on() {
    let gazetteer = Gazetteer::new([ugc().into()]);
    let found = answer::get(&gazetteer, Geocode { scheme: "UGC".into(), code: "PKZ784".into() }, NOW);
    let bounds = found.bounding_box.expect("there is ground");
    assert!(bounds.west > 170.0 && bounds.east < -170.0, "{bounds:?}");
}

#[test]
fn what_is_no_ground_or_has_no_code_is_named_and_nothing_is_imported() {
    let good = "{\"scheme\":\"S\",\"code\":\"1\"}";
    let system = |name: &str| {
        let crs = format!("{{\"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"{name}\"}}}},");
        feature(good, &polygon(SQUARE)).replacen('{', &crs, 1)
    };
    assert!(try_import(&system("urn:ogc:def:crs:OGC:1.3:CRS84")).is_ok());
    for (text, reason) in [
        ("[".to_owned(), "cannot be read: EOF while parsing a list at line 1 column 1"),
        ("{\"type\":\"FeatureCollection\"}".to_owned(), "has no region"),
        ("{\"type\":\"Feature\"}".to_owned(), "is a \"Feature\" and not a FeatureCollection"),
        (
            feature("{\"scheme\":\"S\"}", &polygon(SQUARE)),
            "feature 0 has no text or whole number in its property \"code\"",
        ),
        (
            feature("{\"scheme\":\"S\",\"code\":1.5}", &polygon(SQUARE)),
            "feature 0 has no text or whole number in its property \"code\"",
        ),
        (
            feature("{\"code\":\"1\"}", &polygon(SQUARE)),
            "feature 0 has no property \"scheme\", and no scheme was given",
        ),
        (feature("null", &polygon(SQUARE)), "feature 0 has no text or whole number in its property \"code\""),
        (feature(good, "null"), "feature 0 has no Polygon or MultiPolygon"),
        (
            feature(good, "{\"type\":\"Point\",\"coordinates\":[1,2]}"),
            "cannot be read: unknown variant `Point`, expected `Polygon` or `MultiPolygon` at line 1 column 123",
        ),
        (feature(good, &polygon("[[0,0],[1,1],[0,0],[0,0]]")), "feature 0 has no Polygon or MultiPolygon"),
        (
            feature(good, &polygon("[[0,0],[9,0],[9,9],[0,9]]")),
            "feature 0, ring 0: the last point is not the first (RFC 7946, section 3.1.6)",
        ),
        (feature(good, &polygon("[[0,0],[9,0],[9,91],[0,0]]")), "feature 0, ring 0: latitude 91 is beyond 90 degrees"),
        (feature(good, &polygon("[[0,0],[361,0],[9,9],[0,0]]")), "feature 0, ring 0: longitude 361 is off the globe"),
        (
            system("EPSG:3857"),
            "has coordinates of \"EPSG:3857\": only longitude and latitude of WGS 84 are taken (RFC 7946, section 4)",
        ),
    ] {
        let refused = try_import(&text).expect_err(&text);
        assert_eq!(refused.to_string(), reason, "{text}");
    }
    let control = Import { set: "a\nb".to_owned(), ..import("") };
    assert!(matches!(read(UGC.as_bytes(), &control, NOW), Err(ImportError::Name(_))));
}

#[test]
fn codes_that_are_the_same_as_others_are_found_by_way_of_them() {
    let aliases = Import { scheme: Some("SAME".to_owned()), same_as: Some("UGC".to_owned()), ..import("aliases") };
    let aliases = read(SAME_TO_UGC.as_bytes(), &aliases, NOW).expect("imported").pop().expect("one");
    let gazetteer = Gazetteer::new([ugc().into(), aliases.into()]);
    let found = answer::get(&gazetteer, Geocode { scheme: "FIPS6".into(), code: "006109".into() }, NOW);
    assert_eq!(found.regions[0].code, "CAC109");
    let listed = answer::list(&gazetteer, "same", 10, "").expect("listed");
    assert_eq!((listed.region_sets.len(), listed.regions.len()), (1, 6));
    assert_eq!(listed.regions[0].same_as.as_ref().map(|other| other.value.as_str()), Some("CAC097"));
    let aliases = Import { same_as: Some("UGC".to_owned()), ..import("aliases") };
    assert!(matches!(read(SAME_TO_UGC.as_bytes(), &aliases, NOW), Err(ImportError::NoScheme { .. })));
}

#[test]
fn a_list_is_told_page_by_page_each_region_once() {
    let gazetteer = Gazetteer::new([ugc().into()]);
    let (mut token, mut codes) = (String::new(), Vec::new());
    loop {
        let page = answer::list(&gazetteer, "UGC", 4, &token).expect("listed");
        codes.extend(page.regions.into_iter().map(|region| region.code));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert!(codes.len() == 11 && codes.is_sorted(), "{codes:?}");
    assert!(answer::list(&gazetteer, "UGC", 4, "regionSets/none/X").is_err());
    assert!(answer::list(&gazetteer, "", 4, "").expect("the sets").regions.is_empty());
}

/// Any set, its points on the lattice and its longitudes unrolled.
fn any_set() -> impl Strategy<Value = RegionSet> {
    let point = (-2_000_000_000_i64..2_000_000_000, -900_000_000_i64..900_000_000);
    let ring = prop::collection::vec(point, 3..9).prop_filter_map("a ring", |points| {
        Ring::new(points.into_iter().map(|(lon, lat)| [lon as f64 / 1e7, lat as f64 / 1e7])).ok()
    });
    // What is written is on the lattice, where unrolling may leave a longitude beside it.
    let ring = ring.prop_filter_map("a ring", |ring| {
        Ring::from_unrolled(ring.points().iter().map(|point| point.map(|degrees| (degrees * 1e7).round() / 1e7))).ok()
    });
    let polygon = prop::collection::vec(ring, 1..3).prop_map(|mut rings| {
        let outer = rings.remove(0);
        Polygon { outer, holes: rings }
    });
    let drawn = prop::collection::vec(polygon, 1..3).prop_map(RegionPlace::Polygons);
    let same = "[A-Z]{1,4}".prop_map(|code| RegionPlace::SameAs(Geocode { scheme: "UGC".into(), code: code.into() }));
    let region = ("[A-Z0-9]{1,5}", "\\PC{0,9}", prop_oneof![drawn, same]).prop_map(|(code, name, place)| Region {
        code: code.into(),
        name,
        place,
    });
    (prop::collection::vec(region, 0..6), "\\PC{1,9}", prop::option::of(0_i64..2_000_000_000)).prop_map(
        |(regions, name, from)| {
            let from = from.map(|second| Timestamp::new(second, 0).expect("an instant"));
            RegionSet::new("Some_Scheme:1.0", &name, from, NOW, regions)
        },
    )
}

proptest! {
    #[test]
    fn a_set_reads_back_as_it_was_written(set in any_set()) {
        let bytes = codec::write(&set).expect("it is small");
        prop_assert_eq!(codec::read(&bytes), Ok(set));
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_no_set(set in any_set(), at: prop::sample::Index, by in 1_u8..) {
        let mut bytes = codec::write(&set).expect("it is small");
        let at = at.index(bytes.len());
        prop_assert!(codec::read(&bytes[..at]).is_err());
        bytes[at] ^= by;
        prop_assert!(codec::read(&bytes).is_err());
    }

    #[test]
    fn no_file_is_too_hostile(text in "[\\[\\]{}\":,a-zA-Z0-9.eE+-]{0,200}", geometry in "[\\[\\],0-9.eE+-]{0,60}") {
        let _ = try_import(&text);
        let wrapped = feature("{\"scheme\":\"S\",\"code\":\"1\"}", &polygon(&geometry));
        let _ = try_import(&wrapped);
        let _ = codec::read(text.as_bytes());
    }
}

#[test]
fn what_was_put_is_there_again_and_takes_the_place_of_its_own_kind_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, damaged) = RegionStore::open(folder.path()).expect("opened");
    assert!(damaged.is_empty());
    let later = |set: RegionSet| RegionSet::new("UGC", &set.name, Some(NOW), NOW, [(*set.regions()[0]).clone()]);
    store.put(vec![ugc(), named("zones"), later(ugc())], |_| {}).expect("put");
    store.put(vec![ugc()], |_| {}).expect("put again");
    assert!(matches!(RegionStore::open(folder.path()), Err(RegionError::InUse(_))));
    let before: Vec<_> = store.gazetteer().sets().cloned().collect();
    drop(store);
    let again = load(folder.path()).expect("loaded");
    assert!(again.damaged.is_empty());
    assert_eq!(before.len(), 3);
    assert_eq!(Gazetteer::new(again.sets).sets().cloned().collect::<Vec<_>>(), before);
}

#[test]
fn a_file_that_is_damaged_is_named_and_the_others_are_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = RegionStore::open(folder.path()).expect("opened");
    store.put(vec![named("a"), named("b"), named("c"), named("d")], |_| {}).expect("put");
    drop(store);
    let path = |name: &str| folder.path().join("regions").join(super::id(&named(name))).with_extension("regions");
    let bytes = fs::read(path("a")).expect("there");
    fs::write(path("a"), &bytes[..bytes.len() / 2]).expect("cut off");
    fs::rename(path("b"), path("e")).expect("called otherwise");
    let mut later = fs::read(path("d")).expect("there");
    // It says so itself, checksum and all: one whose version alone was changed is damaged.
    later[8] = 2;
    let end = later.len() - 4;
    let sum = crc32fast::hash(&later[..end]);
    later[end..].copy_from_slice(&sum.to_le_bytes());
    fs::write(path("d"), later).expect("of a later version");
    fs::write(path("c").with_extension("new"), b"a draft that a crash left").expect("written");
    let loaded = load(folder.path()).expect("loaded");
    assert_eq!(loaded.sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["c"]);
    let told: Vec<String> = loaded.damaged.iter().map(ToString::to_string).collect();
    for (name, reason) in [("a", "length"), ("e", "name of another"), ("d", "later version, 2")] {
        let file = path(name).display().to_string();
        assert!(told.iter().any(|told| told.starts_with(&file) && told.contains(reason)), "{name}: {told:?}");
    }
    assert_eq!(told.len(), 3);
}
