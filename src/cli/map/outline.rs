//! Areas as rings that can be drawn.

use geo::{Destination, Distance, Geodesic, Point};

use crate::domain::{Area, Circle};

use super::Tint;

/// Points of a circle's rim.
const RIM: u32 = 180;

/// What turning a longitude may lose to rounding, degrees.
const SLACK: f64 = 1e-6;

/// `[lon, lat]` in degrees, longitudes unrolled.
pub(super) type Path = Vec<[f64; 2]>;

/// A polygon or circle: its ground is what an odd number of its rings go round.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// The first is the outermost.
    pub(super) rings: Vec<Path>,
    /// Its colour.
    pub(super) tint: Tint,
}

impl Shape {
    /// The westernmost and easternmost longitude, unrolled.
    pub(super) fn longitudes(&self) -> (f64, f64) {
        let first = self.rings.first().map_or(&[][..], Vec::as_slice);
        first.iter().fold((f64::MAX, f64::MIN), |(west, east), at| (west.min(at[0]), east.max(at[0])))
    }

    /// Moves all of it by whole turns, so that it begins in the turn that `west` begins.
    pub(super) fn turn_to(&mut self, west: f64) {
        let begins = self.longitudes().0;
        let outer_by = -((begins - west + SLACK) / 360.0).floor() * 360.0;
        for ring in &mut self.rings {
            // A hole may have been unrolled from elsewhere than its outer ring.
            let hole_begins = ring.iter().fold(f64::MAX, |least, at| least.min(at[0]));
            let by = outer_by + ((begins - hole_begins - SLACK) / 360.0).ceil() * 360.0;
            for at in ring {
                at[0] += by;
            }
        }
    }
}

/// The polygons and circles of areas, in the tints of these as far as there are any.
pub(super) fn shapes(areas: &[Area], tints: &[Tint]) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let tints = tints.iter().copied().chain(std::iter::repeat(Tint::default()));
    for (area, tint) in areas.iter().zip(tints) {
        for polygon in &area.polygons {
            let rings = std::iter::once(&polygon.outer).chain(&polygon.holes);
            shapes.push(Shape { rings: rings.map(|ring| ring.points().to_vec()).collect(), tint });
        }
        shapes.extend(area.circles.iter().map(|circle| Shape { rings: disc(circle), tint }));
    }
    shapes
}

/// A circle: points at its radius along the ellipsoid, in all directions. One that goes round a pole is closed along
/// the map's edge.
fn disc(circle: &Circle) -> Vec<Path> {
    let centre = Point::new(circle.lon(), circle.lat());
    let bearing = |index: u32| f64::from(index) * 360.0 / f64::from(RIM);
    let at = |index| Geodesic.destination(centre, bearing(index), circle.radius_m());
    let mut rim: Path = (0..RIM).map(|index| [at(index).x(), at(index).y()]).collect();
    let round = |pole: f64| Geodesic.distance(centre, Point::new(circle.lon(), pole)) <= circle.radius_m();
    let (north, south) = (round(90.0), round(-90.0));
    if !north && !south {
        unroll(&mut rim, circle.lon());
        return vec![rim];
    }
    let whole = vec![[-180.0, -90.0], [180.0, -90.0], [180.0, 90.0], [-180.0, 90.0]];
    if north && south {
        // All but a cap at the other end of the globe, which the rim goes round.
        unroll(&mut rim, circle.lon() + 180.0);
        return vec![whole, rim];
    }
    rim.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let (first, last) = (rim[0], rim[rim.len() - 1]);
    let pole = if north { 90.0 } else { -90.0 };
    let mut ring = vec![[-180.0, pole], [-180.0, last[1]]];
    ring.append(&mut rim);
    ring.extend([[180.0, first[1]], [180.0, pole]]);
    vec![ring]
}

/// Puts each longitude within half a turn of `middle`.
fn unroll(path: &mut Path, middle: f64) {
    for at in path {
        at[0] += ((middle - at[0]) / 360.0).round() * 360.0;
    }
}
