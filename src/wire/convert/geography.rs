//! Ground and places.

use crate::domain::{Area, Circle, Footprint, Geocode, InvalidGround, Polygon, Position, Private, Ring, Source};
use crate::wire::v1;

use super::{InvalidField, time};

/// The most points that the areas of one alert may have.
pub const MAX_POINTS: usize = 200_000;

/// The most polygons, circles and codes that the areas of one alert may have in all.
pub const MAX_SHAPES: usize = 16_384;

/// The widest box that a person's place may be, degrees of longitude. One all round the globe would begin and end at
/// the same meridian, as one without width does.
const WIDEST_BOX: f64 = 359.0;

/// A point to the wire.
pub fn position_to_wire(position: Position) -> v1::Position {
    v1::Position { longitude: position.lon(), latitude: position.lat() }
}

/// A place to the wire.
pub fn footprint_to_wire(footprint: Footprint) -> v1::place::Footprint {
    match footprint {
        Footprint::Point(at) => v1::place::Footprint::Point(position_to_wire(*at.expose())),
        Footprint::Box { south_west, north_east } => {
            let (south_west, north_east) = (*south_west.expose(), *north_east.expose());
            let mut east = position_to_wire(north_east);
            // A position's longitude 180 is written -180.
            if north_east.lon_e7() < south_west.lon_e7() {
                east.longitude = 180.0;
            }
            v1::place::Footprint::Box(v1::PositionBox {
                south_west: Some(position_to_wire(south_west)),
                north_east: Some(east),
            })
        }
    }
}

/// Reads a place.
pub fn footprint(place: Option<v1::place::Footprint>, field: &str) -> Result<Footprint, InvalidField> {
    match place.ok_or_else(|| InvalidField::required(field))? {
        v1::place::Footprint::Point(at) => {
            Ok(Footprint::Point(Private::new(somebodys_position(at, || format!("{field}.point"))?)))
        }
        v1::place::Footprint::Box(corners) => footprint_of_box(&corners, &format!("{field}.box")),
    }
}

fn footprint_of_box(corners: &v1::PositionBox, field: &str) -> Result<Footprint, InvalidField> {
    let corner = |corner: Option<v1::Position>, name: &str| {
        let field = format!("{field}.{name}");
        let degrees = corner.ok_or_else(|| InvalidField::required(&field))?;
        Ok((degrees, Private::new(somebodys_position(degrees, || field)?)))
    };
    let (from, south_west) = corner(corners.south_west, "south_west")?;
    let (to, north_east) = corner(corners.north_east, "north_east")?;
    if from.longitude > to.longitude || from.latitude > to.latitude {
        return Err(InvalidField::new(field, "south_west must be south and west of north_east"));
    }
    if to.longitude - from.longitude > WIDEST_BOX {
        return Err(InvalidField::new(field, format!("is wider than {WIDEST_BOX} degrees")));
    }
    Ok(Footprint::Box { south_west, north_east })
}

/// Reads where somebody is. What is wrong with it is told without the numbers: with its coordinates swapped it would
/// still be where somebody is.
fn somebodys_position(position: v1::Position, field: impl FnOnce() -> String) -> Result<Position, InvalidField> {
    Position::from_degrees(position.longitude, position.latitude).map_err(|error| {
        let reason = match error {
            InvalidGround::Latitude(_) => "latitude is beyond 90 degrees",
            InvalidGround::Longitude(_) => "longitude is beyond 180 degrees",
            _ => "a coordinate is not a finite number",
        };
        InvalidField::new(field(), reason)
    })
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

/// How many polygons, circles and codes an area has.
pub fn shapes(area: &v1::Area) -> usize {
    area.polygons.len() + area.circles.len() + area.geocodes.len()
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
        match circle_from_wire(circle, &format!("{field}.circles[{position}]")) {
            Ok(circle) => read.circles.push(circle),
            Err(problem) => problems.push(problem),
        }
    }
    let geocode = |code: v1::Geocode| Geocode { scheme: code.name.into(), code: code.value.into() };
    read.geocodes = area.geocodes.into_iter().map(geocode).collect();
    read.altitude_ft = area.altitude_ft.map(|from| (from, area.ceiling_ft));
    read
}

fn circle_from_wire(circle: v1::Circle, field: &str) -> Result<Circle, InvalidField> {
    let center = circle.center.ok_or_else(|| InvalidField::required(format!("{field}.center")))?;
    let circle = Circle::new(center.longitude, center.latitude, circle.radius_km);
    circle.map_err(|error| InvalidField::new(field, error))
}

fn polygon_from_wire(polygon: v1::Polygon, field: &str) -> Result<Polygon, InvalidField> {
    let read = |ring: v1::Ring, field: String| {
        if !ring.coordinates.len().is_multiple_of(2) {
            return Err(InvalidField::new(field, "has a longitude without a latitude"));
        }
        let points = ring.coordinates.chunks_exact(2).map(|point| [point[0], point[1]]);
        Ring::new(points).map_err(|error| InvalidField::new(field, error))
    };
    let field = |ring: &str| format!("{field}.{ring}");
    let outer = polygon.outer.ok_or_else(|| InvalidField::required(field("outer")))?;
    let outer = read(outer, field("outer"))?;
    let holes = polygon.holes.into_iter().enumerate();
    let holes = holes.map(|(position, hole)| read(hole, field(&format!("holes[{position}]"))));
    Ok(Polygon { outer, holes: holes.collect::<Result<_, _>>()? })
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
