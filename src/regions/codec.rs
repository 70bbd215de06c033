//! A set of regions to the bytes of a file, and back.
//!
//! The message is sealed as all small files are ([`crate::files`]).

use prost::Message;

use crate::domain::{Geocode, Polygon, Ring, Timestamp};
use crate::files::{self, Bad};
use crate::locate::{Region, RegionPlace, RegionSet};
use crate::wire::storage_v1::{RegionPolygonRecord, RegionRecord, RegionRingRecord, RegionSetState};

const MAGIC: [u8; 8] = *b"\x97hzregn\n";

/// The bytes of a file; `None` if they would be more than one can say the length of.
pub(super) fn write(set: &RegionSet) -> Option<Vec<u8>> {
    let message = RegionSetState {
        scheme: set.scheme_name.to_string(),
        name: set.name.to_string(),
        valid_from_us: set.valid_from.map(Timestamp::as_microsecond),
        imported_us: set.imported.as_microsecond(),
        regions: set.regions().iter().map(|region| to_record(region)).collect(),
    };
    files::seal(MAGIC, &message.encode_to_vec())
}

/// Reads the bytes of a file. All of it, or none.
pub(super) fn read(bytes: &[u8]) -> Result<RegionSet, Bad> {
    let message = files::unseal(MAGIC, bytes)?;
    let state = RegionSetState::decode(message).map_err(|_| Bad::Damaged("its message cannot be read"))?;
    let instant = |us| Timestamp::from_microsecond(us).map_err(|_| Bad::Damaged("a time is out of range"));
    let valid_from = state.valid_from_us.map(instant).transpose()?;
    let regions = state.regions.into_iter().map(region).collect::<Option<Vec<_>>>();
    let regions = regions.ok_or(Bad::Damaged("a region has no ground"))?;
    Ok(RegionSet::new(&state.scheme, &state.name, valid_from, instant(state.imported_us)?, regions))
}

fn to_record(region: &Region) -> RegionRecord {
    let (code, name) = (region.code.to_string(), region.name.clone());
    match &region.place {
        RegionPlace::Polygons(polygons) => {
            let polygon = |polygon: &Polygon| RegionPolygonRecord {
                rings: std::iter::once(&polygon.outer).chain(&polygon.holes).map(steps).collect(),
            };
            let polygons = polygons.iter().map(polygon).collect();
            RegionRecord { code, name, polygons, ..RegionRecord::default() }
        }
        RegionPlace::SameAs(Geocode { scheme, code: other }) => {
            let (same_as_scheme, same_as_code) = (scheme.to_string(), other.to_string());
            RegionRecord { code, name, same_as_scheme, same_as_code, polygons: Vec::new() }
        }
    }
}

fn region(record: RegionRecord) -> Option<Region> {
    let place = if record.same_as_code.is_empty() {
        let polygons = record.polygons.iter().map(polygon).collect::<Option<Vec<_>>>()?;
        RegionPlace::Polygons(Some(polygons).filter(|polygons| !polygons.is_empty())?)
    } else {
        RegionPlace::SameAs(Geocode { scheme: record.same_as_scheme.into(), code: record.same_as_code.into() })
    };
    Some(Region { code: record.code.into(), name: record.name, place })
}

fn polygon(record: &RegionPolygonRecord) -> Option<Polygon> {
    let (outer, holes) = record.rings.split_first()?;
    Some(Polygon { outer: ring(outer)?, holes: holes.iter().map(ring).collect::<Option<_>>()? })
}

/// A ring's points are on the lattice of 1e-7 degrees already, on which all is decided.
fn steps(ring: &Ring) -> RegionRingRecord {
    let mut before = [0, 0];
    let step = |point: &[f64; 2]| {
        let at = point.map(|degrees| (degrees * 1e7).round() as i64);
        let by = [at[0] - before[0], at[1] - before[1]];
        before = at;
        by
    };
    RegionRingRecord { steps_e7: ring.points().iter().flat_map(step).collect() }
}

fn ring(record: &RegionRingRecord) -> Option<Ring> {
    let (pairs, []) = record.steps_e7.as_chunks::<2>() else { return None };
    let mut at = [0_i64; 2];
    let mut points = Vec::with_capacity(pairs.len());
    for by in pairs {
        at = [at[0].checked_add(by[0])?, at[1].checked_add(by[1])?];
        points.push(at.map(|e7| e7 as f64 / 1e7));
    }
    Ring::from_unrolled(points).ok()
}
