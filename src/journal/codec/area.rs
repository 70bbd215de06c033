//! Areas to messages and back, to the last bit of every coordinate. Partners' zones in the registry are written so too.

use crate::domain::{Area, Circle, Geocode, Polygon, Ring};
use crate::wire::storage_v1::journal_entry as stored;

use super::super::InvalidEntry::{self, Impossible, Missing};

pub(crate) fn write(area: &Area) -> stored::Area {
    stored::Area {
        description: area.description.clone(),
        polygons: area.polygons.iter().map(write_polygon).collect(),
        circles: area.circles.iter().map(write_circle).collect(),
        geocodes: area.geocodes.iter().map(write_geocode).collect(),
        altitude_ft: area.altitude_ft.map(|(from, _)| from),
        ceiling_ft: area.altitude_ft.and_then(|(_, to)| to),
    }
}

pub(crate) fn read(area: stored::Area) -> Result<Area, InvalidEntry> {
    let ceiling_ft = area.ceiling_ft;
    Ok(Area {
        description: area.description,
        polygons: area.polygons.into_iter().map(read_polygon).collect::<Result<_, _>>()?,
        circles: area.circles.into_iter().map(read_circle).collect::<Result<_, _>>()?,
        geocodes: area.geocodes.into_iter().map(read_geocode).collect(),
        altitude_ft: area.altitude_ft.map(|from| (from, ceiling_ft)),
    })
}

fn write_polygon(polygon: &Polygon) -> stored::Polygon {
    stored::Polygon { outer: Some(write_ring(&polygon.outer)), holes: polygon.holes.iter().map(write_ring).collect() }
}

fn read_polygon(polygon: stored::Polygon) -> Result<Polygon, InvalidEntry> {
    Ok(Polygon {
        outer: read_ring(&polygon.outer.ok_or(Missing("outer"))?)?,
        holes: polygon.holes.iter().map(read_ring).collect::<Result<_, _>>()?,
    })
}

fn write_ring(ring: &Ring) -> stored::Ring {
    stored::Ring { coordinates: ring.points().as_flattened().to_vec() }
}

fn read_ring(ring: &stored::Ring) -> Result<Ring, InvalidEntry> {
    let (points, []) = ring.coordinates.as_chunks::<2>() else { return Err(Impossible("ring")) };
    Ring::from_unrolled(points.iter().copied()).map_err(|_| Impossible("ring"))
}

fn write_circle(circle: &Circle) -> stored::Circle {
    stored::Circle { lon: circle.lon(), lat: circle.lat(), radius_m: circle.radius_m() }
}

fn read_circle(circle: stored::Circle) -> Result<Circle, InvalidEntry> {
    // The metres came of km times 1,000; dividing gives them back exactly.
    Circle::new(circle.lon, circle.lat, circle.radius_m / 1_000.0).map_err(|_| Impossible("circle"))
}

fn write_geocode(geocode: &Geocode) -> stored::NamedValue {
    stored::NamedValue { name: geocode.scheme.to_string(), value: geocode.code.to_string() }
}

fn read_geocode(geocode: stored::NamedValue) -> Geocode {
    Geocode { scheme: geocode.name.into(), code: geocode.value.into() }
}
