//! Geometries of GeoJSON (RFC 7946): longitude first, rings closed, the first of a polygon's the outer one.

use crate::domain::{InvalidGround, Polygon};

use super::cap::{Reader, of_points, on_globe, use_ring};
use super::error::excerpt;
use super::json::Field;
use super::written::Extent;
use super::{FormatError, Unusable, WrittenArea};

/// The polygons of a geometry. A ring or a hole that cannot be used is refused alone, and so is a geometry that has no
/// inside.
pub(super) fn polygons(
    reader: &mut Reader,
    geometry: &Field,
    written: &mut WrittenArea,
    extents: &mut Vec<Extent>,
) -> Result<Vec<Polygon>, FormatError> {
    let mut polygons = Vec::new();
    match geometry.required_text("type")?.as_ref() {
        "Polygon" => polygons.extend(polygon(reader, &geometry.required("coordinates")?, written, extents)?),
        "MultiPolygon" => {
            for each in geometry.required("coordinates")?.own_items("polygon") {
                polygons.extend(polygon(reader, &each, written, extents)?);
            }
        }
        "GeometryCollection" => {
            for each in geometry.items("geometries") {
                polygons.extend(self::polygons(reader, &each, written, extents)?);
            }
        }
        other => reader.refuse(&geometry.path.field("type"), Unusable::NotAnArea(excerpt(other))),
    }
    Ok(polygons)
}

fn polygon(
    reader: &mut Reader,
    rings: &Field,
    written: &mut WrittenArea,
    extents: &mut Vec<Extent>,
) -> Result<Option<Polygon>, FormatError> {
    written.polygons += 1;
    let (mut outer, mut holes) = (None, Vec::new());
    for (index, ring) in rings.own_items("ring").enumerate() {
        let seen = (index == 0).then_some((&mut *written, &mut *extents));
        let most = reader.limits().points + 1;
        let points = ring.own_items("point").take(most).enumerate().map(|(position, found)| point(position, &found));
        let read = use_ring(reader, &ring.path, of_points(points), seen)?;
        if index == 0 { outer = read } else { holes.extend(read) }
    }
    Ok(outer.map(|outer| Polygon { outer, holes }))
}

/// Longitude and latitude; a height after them says nothing of the ground.
fn point(position: usize, found: &Field) -> Result<[f64; 2], Unusable> {
    let mut numbers = found.own_items("number").map(|number| number.own_number().ok().flatten());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(lon), Some(lat)) => on_globe([lon, lat]).map_err(|source| Unusable::Point { position, source }),
        (Some(_), None) | (None, _) if found.own_items("number").count() >= 2 => {
            Err(Unusable::Point { position, source: InvalidGround::NotFinite })
        }
        _ => Err(Unusable::NotAPair { position, token: excerpt(&found.whole_text()) }),
    }
}
