//! Whether a place is in some ground, found out the plain way: every edge of every ring, with `geo`'s exact test of
//! orientation on the lattice of 1e-7 degrees.

use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo::{Coord, Distance, Geodesic, Intersects, Line, Point};
use hazardcast::domain::{Area, Polygon, Position, Ring};

/// All the way round, in units of 1e-7 degrees.
const TURN: f64 = 3_600_000_000.0;

/// Whether the place is in any of the areas, edges included.
pub(crate) fn holds(areas: &[Area], place: Position) -> bool {
    let at = Coord { x: f64::from(place.lon_e7()) + TURN / 2.0, y: f64::from(place.lat_e7()) + TURN / 4.0 };
    areas.iter().any(|area| {
        area.polygons.iter().any(|polygon| in_polygon(polygon, at))
            || area.circles.iter().any(|circle| {
                let (centre, place) = (Point::new(circle.lon(), circle.lat()), Point::new(place.lon(), place.lat()));
                Geodesic.distance(centre, place) <= circle.radius_m()
            })
    })
}

fn in_polygon(polygon: &Polygon, at: Coord<f64>) -> bool {
    in_ring(&polygon.outer, at) != Some(false) && polygon.holes.iter().all(|hole| in_ring(hole, at) != Some(true))
}

/// `Some(inside)` by the even-odd rule, or `None` on the edge. A ring may run on past the antimeridian: each edge is
/// looked at some turns further too.
fn in_ring(ring: &Ring, at: Coord<f64>) -> Option<bool> {
    let mut inside = false;
    for line in [-2.0, -1.0, 0.0, 1.0, 2.0].iter().flat_map(|turns| lines(ring, turns * TURN)) {
        if line.intersects(&at) {
            return None;
        }
        let (low, high) = if line.start.y <= line.end.y { (line.start, line.end) } else { (line.end, line.start) };
        let beside = low.y <= at.y && at.y < high.y;
        inside ^= beside && RobustKernel::orient2d(low, high, at) == Orientation::Clockwise;
    }
    Some(inside)
}

fn lines(ring: &Ring, east: f64) -> Vec<Line<f64>> {
    let corner =
        |[lon, lat]: &[f64; 2]| Coord { x: ((lon + 180.0) * 1e7).round() + east, y: ((lat + 90.0) * 1e7).round() };
    let corners: Vec<_> = ring.points().iter().chain(ring.points().first()).map(corner).collect();
    corners.windows(2).map(|ends| Line::new(ends[0], ends[1])).collect()
}
