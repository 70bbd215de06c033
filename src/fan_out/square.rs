//! A fixed grid of squares, for counts that must not be of less ground than that.

use crate::domain::{Area, Footprint, Polygon, Position, Private, Ring};

/// The side of a square, 1e-7 degrees: 0.05 degrees, 5.6 km from south to north. It goes into a quarter turn.
const SIDE: i64 = 500_000;

/// A square of the grid, by its number from the west and from the south.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Square {
    x: i64,
    y: i64,
}

impl Square {
    /// The square that a place is in; that of its south-west corner, for a coarse one.
    pub(super) fn of(place: Footprint) -> Self {
        let corner = match place {
            Footprint::Point(at) => at,
            Footprint::Box { south_west, .. } => south_west,
        };
        let at = corner.expose();
        Self { x: i64::from(at.lon_e7()).div_euclid(SIDE), y: i64::from(at.lat_e7()).div_euclid(SIDE) }
    }

    /// The ground of the square, edges included.
    pub(super) fn footprint(self) -> Footprint {
        let corner = |x: i64, y: i64| {
            // At the pole, and at the antimeridian, where longitude 180 is written -180.
            let lon = if x * SIDE >= 1_800_000_000 { -1_800_000_000 } else { x * SIDE };
            let position = Position::from_e7(lon as i32, (y * SIDE).min(900_000_000) as i32);
            Private::new(position.expect("a square of a place is on the globe"))
        };
        Footprint::Box { south_west: corner(self.x, self.y), north_east: corner(self.x + 1, self.y + 1) }
    }
}

/// Ground that holds all squares which touch any of the boxes (west, south, east and north in degrees; west is greater
/// than east over the antimeridian).
pub(super) fn squares_round(boxes: &[[f64; 4]]) -> Area {
    let side = SIDE as f64 / 1e7;
    let (down, up) =
        (|degrees: f64| (degrees / side).floor() * side - side, |degrees: f64| (degrees / side).ceil() * side + side);
    let mut polygons = Vec::new();
    for &[west, south, east, north] in boxes {
        let (south, north) = (down(south).max(-90.0), up(north).min(90.0));
        let spans = if west <= east { vec![[west, east]] } else { vec![[west, 180.0], [-180.0, east]] };
        for [west, east] in spans {
            // What is one square beyond the antimeridian is at the other end of the grid.
            for [west, east] in
                [[down(west), up(east)], [down(west) + 360.0, 180.0 + side], [-180.0 - side, up(east) - 360.0]]
            {
                polygons.extend(strips(west.max(-180.0), east.min(180.0)).filter_map(|[west, east]| {
                    let ring = Ring::new([[west, south], [east, south], [east, north], [west, north]]).ok()?;
                    Some(Polygon { outer: ring, holes: Vec::new() })
                }));
            }
        }
    }
    Area { polygons, ..Area::default() }
}

/// What is between two longitudes, in parts that a ring can go round.
fn strips(west: f64, east: f64) -> impl Iterator<Item = [f64; 2]> {
    let next = move |from: &f64| Some((from + 90.0).min(east)).filter(|to| to > from);
    let starts = std::iter::successors(Some(west), next);
    starts.map(move |from| [from, (from + 90.0).min(east)]).filter(|[from, to]| from < to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::locate::AffectedArea;

    proptest! {
        #[test]
        fn every_square_that_a_box_touches_is_in_the_ground_round_it_whole(
            west in -180.0..180.0, width in 0.0..359.0, south in -90.0..90.0, height in 0.0..30.0,
            [u, v] in [0.0..1.0, 0.0..1.0],
        ) {
            let (east, north) = (west + width, f64::min(south + height, 90.0));
            let wrapped = if east > 180.0 { east - 360.0 } else { east };
            let ground = AffectedArea::new(&[squares_round(&[[west, south, wrapped, north]])]).expect("it has ground");
            let lon = west + width * u;
            let lon = if lon > 180.0 { lon - 360.0 } else { lon };
            let place = Position::from_degrees(lon, south + (north - south) * v).expect("on the globe");
            let square = Square::of(Footprint::Point(Private::new(place)));
            let Footprint::Box { south_west, north_east } = square.footprint() else { panic!("not a box") };
            let [south_west, north_east] = [*south_west.expose(), *north_east.expose()];
            for (lon, lat) in [
                (south_west.lon_e7(), south_west.lat_e7()),
                (south_west.lon_e7(), north_east.lat_e7()),
                (north_east.lon_e7(), south_west.lat_e7()),
                (north_east.lon_e7(), north_east.lat_e7()),
            ] {
                prop_assert!(ground.contains(Position::from_e7(lon, lat).expect("on the globe")), "{lon} {lat}");
            }
        }
    }
}
