//! Ground and places.

use crate::domain::{Area, Circle, Footprint, Geocode, Polygon, Position, Private, Ring, Source};
use crate::wire::v1;

use super::{InvalidField, time};

/// The most points that the areas of one alert may have.
pub const MAX_POINTS: usize = 200_000;

/// A point to the wire.
pub fn position_to_wire(position: Position) -> v1::Position {
    v1::Position { longitude: position.lon(), latitude: position.lat() }
}

/// Reads a point.
pub fn position(position: v1::Position, field: &str) -> Result<Position, InvalidField> {
    Position::from_degrees(position.longitude, position.latitude).map_err(|error| InvalidField::new(field, error))
}

/// A place to the wire.
pub fn footprint_to_wire(footprint: Footprint) -> v1::place::Footprint {
    match footprint {
        Footprint::Point(at) => v1::place::Footprint::Point(position_to_wire(*at.expose())),
        Footprint::Box { south_west, north_east } => v1::place::Footprint::Box(v1::PositionBox {
            south_west: Some(position_to_wire(*south_west.expose())),
            north_east: Some(position_to_wire(*north_east.expose())),
        }),
    }
}

/// Reads a place.
pub fn footprint(place: Option<v1::place::Footprint>, field: &str) -> Result<Footprint, InvalidField> {
    match place.ok_or_else(|| InvalidField::required(field))? {
        v1::place::Footprint::Point(at) => Ok(Footprint::Point(Private::new(position(at, &format!("{field}.point"))?))),
        v1::place::Footprint::Box(corners) => {
            let corner = |corner: Option<v1::Position>, name: &str| {
                let field = format!("{field}.box.{name}");
                position(corner.ok_or_else(|| InvalidField::required(&field))?, &field)
            };
            let south_west = corner(corners.south_west, "south_west")?;
            let north_east = corner(corners.north_east, "north_east")?;
            if south_west.lon_e7() > north_east.lon_e7() || south_west.lat_e7() > north_east.lat_e7() {
                let reason = "south_west must be south and west of north_east";
                return Err(InvalidField::new(format!("{field}.box"), reason));
            }
            Ok(Footprint::Box { south_west: Private::new(south_west), north_east: Private::new(north_east) })
        }
    }
}

/// An area to the wire.
pub fn area_to_wire(area: &Area) -> v1::Area {
    let ring = |ring: &Ring| v1::Ring { coordinates: ring.points().iter().flatten().copied().collect() };
    let polygon = |polygon: &Polygon| v1::Polygon {
        outer: Some(ring(&polygon.outer)),
        holes: polygon.holes.iter().map(ring).collect(),
    };
    let circle = |circle: &Circle| v1::Circle {
        center: Some(v1::Position { longitude: circle.lon(), latitude: circle.lat() }),
        radius_km: circle.radius_m() / 1000.0,
    };
    let geocode = |code: &Geocode| v1::Geocode { name: code.scheme.to_string(), value: code.code.to_string() };
    v1::Area {
        description: area.description.clone(),
        polygons: area.polygons.iter().map(polygon).collect(),
        circles: area.circles.iter().map(circle).collect(),
        geocodes: area.geocodes.iter().map(geocode).collect(),
        altitude_ft: area.altitude_ft.map(|(from, _)| from),
        ceiling_ft: area.altitude_ft.and_then(|(_, to)| to),
    }
}

/// Reads an area. Rings and circles that cannot be used are left out and named in `problems`; the rest stands.
pub fn area(area: v1::Area, field: &str, problems: &mut Vec<InvalidField>) -> Area {
    let mut read = Area { description: area.description, ..Area::default() };
    for (position, polygon) in area.polygons.into_iter().enumerate() {
        match polygon_from_wire(polygon, &format!("{field}.polygons[{position}]")) {
            Ok(polygon) => read.polygons.push(polygon),
            Err(problem) => problems.push(problem),
        }
    }
    for (position, circle) in area.circles.into_iter().enumerate() {
        let field = format!("{field}.circles[{position}]");
        let center = circle.center.unwrap_or_default();
        match Circle::new(center.longitude, center.latitude, circle.radius_km) {
            Ok(circle) => read.circles.push(circle),
            Err(error) => problems.push(InvalidField::new(field, error)),
        }
    }
    let geocode = |code: v1::Geocode| Geocode { scheme: code.name.into(), code: code.value.into() };
    read.geocodes = area.geocodes.into_iter().map(geocode).collect();
    read.altitude_ft = area.altitude_ft.map(|from| (from, area.ceiling_ft));
    read
}

fn polygon_from_wire(polygon: v1::Polygon, field: &str) -> Result<Polygon, InvalidField> {
    let read = |ring: v1::Ring, field: String| {
        if !ring.coordinates.len().is_multiple_of(2) {
            return Err(InvalidField::new(field, "has a longitude without a latitude"));
        }
        let points = ring.coordinates.chunks_exact(2).map(|point| [point[0], point[1]]);
        Ring::new(points).map_err(|error| InvalidField::new(field, error))
    };
    let outer = read(polygon.outer.unwrap_or_default(), format!("{field}.outer"))?;
    let holes = polygon.holes.into_iter().enumerate();
    let holes =
        holes.map(|(position, hole)| read(hole, format!("{field}.holes[{position}]"))).collect::<Result<_, _>>()?;
    Ok(Polygon { outer, holes })
}

/// A box to the wire.
pub fn bounding_box_to_wire([west, south, east, north]: [f64; 4]) -> v1::BoundingBox {
    v1::BoundingBox { west, south, east, north }
}

/// An earthquake to the wire.
pub fn earthquake_to_wire(source: &Source) -> v1::Earthquake {
    v1::Earthquake {
        epicenter: Some(position_to_wire(source.epicentre)),
        depth_km: source.depth_km,
        magnitude: source.magnitude,
        origin_time: Some(time::to_wire(source.origin)),
    }
}
