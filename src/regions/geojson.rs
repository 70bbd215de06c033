//! Regions as others write them: `GeoJSON` (RFC 7946), or a list of codes that are the same as another scheme's.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::{Geocode, InvalidGround, Polygon, Ring, Timestamp};
use crate::locate::{Region, RegionPlace, RegionSet, Scheme};

use super::ImportError;

/// The largest file that is imported, bytes.
pub const MOST_BYTES: usize = 64 << 20;

/// The most regions of one file.
const MOST_REGIONS: usize = 200_000;

/// The most points of one file: about as many as there is room for in its bytes.
const MOST_POINTS: usize = 8_000_000;

/// The property that says of which scheme a feature's code is, if nobody says it of all.
const SCHEME: &str = "scheme";

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The scheme; `None`: that which each feature names in its property `scheme`.
    pub scheme: Option<String>,
    /// The property that is the code.
    pub code_property: String,
    /// The property that is what people call a region; one that is not there names nothing.
    pub name_property: String,
    /// The name of the set.
    pub set: String,
    /// When the borders and codes became valid; `None`: they always were.
    pub valid_from: Option<Timestamp>,
    /// The file is an object of texts, each a code and the code of this scheme that names the same region.
    pub same_as: Option<String>,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    features: Vec<Feature>,
    #[serde(default)]
    crs: Option<Value>,
}

#[derive(Deserialize)]
struct Feature {
    #[serde(default)]
    properties: Option<Map<String, Value>>,
    #[serde(default)]
    geometry: Option<Geometry>,
}

/// Ground: of lines and points the refusal says what was expected, and where.
#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Point>>),
    MultiPolygon(Vec<Vec<Vec<Point>>>),
}

/// Longitude and latitude; a height behind them is passed over.
struct Point([f64; 2]);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Point;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of longitude and latitude")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Point, A::Error> {
                let mut next = |at| list.next_element()?.ok_or_else(|| serde::de::Error::invalid_length(at, &self));
                let point = Point([next(0)?, next(1)?]);
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(point)
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

/// Reads a file: the sets in it, one for each scheme.
pub fn read(bytes: &[u8], import: &Import, now: Timestamp) -> Result<Vec<RegionSet>, ImportError> {
    if bytes.len() > MOST_BYTES {
        return Err(ImportError::TooLarge { most: MOST_BYTES });
    }
    check_name(&import.set)?;
    let mut schemes: BTreeMap<Scheme, (String, Vec<Region>)> = BTreeMap::new();
    let mut put = |scheme: &str, region: Region| -> Result<(), ImportError> {
        check_name(scheme)?;
        let (_, regions) = schemes.entry(Scheme::named(scheme)).or_insert_with(|| (scheme.to_owned(), Vec::new()));
        regions.push(region);
        Ok(())
    };
    match &import.same_as {
        Some(other) => read_same(bytes, import, other, &mut put)?,
        None => read_features(bytes, import, &mut put)?,
    }
    let of = |(scheme, regions): (String, Vec<Region>)| {
        RegionSet::new(&scheme, &import.set, import.valid_from, now, regions)
    };
    let sets: Vec<RegionSet> = schemes.into_values().map(of).collect();
    if sets.is_empty() { Err(ImportError::Empty) } else { Ok(sets) }
}

type Put<'a> = dyn FnMut(&str, Region) -> Result<(), ImportError> + 'a;

/// An object of texts: `{"006109": "CAC109"}`.
fn read_same(bytes: &[u8], import: &Import, other: &str, put: &mut Put<'_>) -> Result<(), ImportError> {
    check_name(other)?;
    let scheme = import.scheme.as_deref().ok_or(ImportError::NoScheme { feature: 0 })?;
    let codes: BTreeMap<String, String> = serde_json::from_slice(bytes)?;
    check_count("regions", codes.len(), MOST_REGIONS)?;
    for (feature, (code, same)) in codes.into_iter().enumerate() {
        if code.trim().is_empty() || same.trim().is_empty() {
            return Err(ImportError::NoCode { feature, property: code });
        }
        let same = Geocode { scheme: other.into(), code: same.into() };
        put(scheme, Region { code: code.into(), name: String::new(), place: RegionPlace::SameAs(same) })?;
    }
    Ok(())
}

fn read_features(bytes: &[u8], import: &Import, put: &mut Put<'_>) -> Result<(), ImportError> {
    let collection: Collection = serde_json::from_slice(bytes)?;
    if collection.kind != "FeatureCollection" {
        return Err(ImportError::NotFeatures(collection.kind));
    }
    check_system(collection.crs.as_ref())?;
    check_count("regions", collection.features.len(), MOST_REGIONS)?;
    let mut points = 0;
    for (feature, Feature { properties, geometry }) in collection.features.into_iter().enumerate() {
        let properties = properties.unwrap_or_default();
        let word = |property: &str| properties.get(property).and_then(word);
        let code = word(&import.code_property)
            .ok_or_else(|| ImportError::NoCode { feature, property: import.code_property.clone() })?;
        let scheme = import.scheme.clone().or_else(|| word(SCHEME)).ok_or(ImportError::NoScheme { feature })?;
        let polygons = match geometry {
            Some(Geometry::Polygon(rings)) => vec![rings],
            Some(Geometry::MultiPolygon(polygons)) => polygons,
            None => return Err(ImportError::NoGround { feature }),
        };
        let polygons = ground(polygons, feature)?;
        let name = word(&import.name_property).unwrap_or_default();
        let region = Region { code: code.into(), name, place: RegionPlace::Polygons(polygons) };
        points += region.points();
        check_count("points", points, MOST_POINTS)?;
        put(&scheme, region)?;
    }
    Ok(())
}

/// A text that is not empty, or a whole number: codes of digits are often written as such.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// Polygons on the lattice of 1e-7 degrees. Their rings may be cut at the antimeridian (RFC 7946, section 3.1.9) or run
/// on past it, as some do. A ring that has come down to a line by simplification (fewer than three
/// different points) holds no ground and is passed over; there must be some in all.
fn ground(polygons: Vec<Vec<Vec<Point>>>, feature: usize) -> Result<Vec<Polygon>, ImportError> {
    let mut found = Vec::with_capacity(polygons.len());
    let mut number = 0;
    for rings in polygons {
        let mut read = Vec::with_capacity(rings.len());
        for points in rings {
            read.push(ring(&points, feature, number)?);
            number += 1;
        }
        let mut rings = read.into_iter();
        if let Some(Some(outer)) = rings.next() {
            found.push(Polygon { outer, holes: rings.flatten().collect() });
        }
    }
    if found.is_empty() { Err(ImportError::NoGround { feature }) } else { Ok(found) }
}

fn ring(points: &[Point], feature: usize, ring: usize) -> Result<Option<Ring>, ImportError> {
    let ends = [points.first(), points.last()].map(|end| end.map(|end| end.0));
    if ends[0] != ends[1] {
        return Err(ImportError::NotClosed { feature, ring });
    }
    let on_lattice = points.iter().map(|point| point.0.map(|degrees| (degrees * 1e7).round() / 1e7));
    match Ring::new(on_lattice) {
        Ok(ring) => Ok(Some(ring)),
        Err(InvalidGround::TooFewPoints(_)) => Ok(None),
        Err(fault) => Err(ImportError::Ring { feature, ring, fault }),
    }
}

/// `GeoJSON` of 2008 could name another system of coordinates; what it named for longitude and latitude is taken.
fn check_system(crs: Option<&Value>) -> Result<(), ImportError> {
    let Some(crs) = crs.filter(|crs| !crs.is_null()) else { return Ok(()) };
    let name = crs["properties"]["name"].as_str().unwrap_or_default();
    // By how the name ends: `urn:ogc:def:crs:OGC:1.3:CRS84`, `EPSG:4326`, `urn:ogc:def:crs:EPSG::4326`.
    let is_known = ["CRS84", ":4326"].iter().any(|end| name.to_ascii_uppercase().ends_with(end));
    if is_known { Ok(()) } else { Err(ImportError::OtherSystem(name.chars().take(64).collect())) }
}

fn check_count(what: &'static str, count: usize, most: usize) -> Result<(), ImportError> {
    if count > most { Err(ImportError::TooMany { what, most }) } else { Ok(()) }
}

fn check_name(name: &str) -> Result<(), ImportError> {
    let fits = !name.trim().is_empty() && name.chars().count() <= 64 && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(ImportError::Name(name.chars().take(64).collect())) }
}
