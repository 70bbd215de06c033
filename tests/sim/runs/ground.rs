//! Random ground, and places that meet its corners and edges.

use hazardcast::domain::{Area, Circle, Polygon, Position, Ring};
use rand::RngExt;
use rand::rngs::StdRng;

/// The part of the globe that a run takes place in: a grid of 16 by 16 cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    west: f64,
    south: f64,
}

const CELLS: i32 = 16;
/// Degrees; a power of two, so that corners are exact.
const CELL: f64 = 0.125;

impl Region {
    /// In the middle of nowhere, over the antimeridian, or where both meridian and equator cross.
    pub(super) fn any(rng: &mut StdRng) -> Self {
        let [west, south] = [[10.0, 45.0], [179.0, -18.0], [-1.0, -1.0]][rng.random_range(0..3)];
        Self { west, south }
    }

    /// A corner of a cell, or somewhere between.
    pub(super) fn place(self, rng: &mut StdRng) -> Position {
        let exact = rng.random_bool(0.6);
        let mut along = || {
            let corner = f64::from(rng.random_range(0..=2 * CELLS)) / 2.0;
            (if exact { corner } else { corner + rng.random_range(-0.5..0.5) }) * CELL
        };
        let (lon, lat) = (self.west + along(), self.south + along());
        let lon = if lon >= 180.0 { lon - 360.0 } else { lon };
        Position::from_degrees(lon, lat).expect("on the globe")
    }

    /// One or two polygons or circles.
    pub(super) fn area(self, rng: &mut StdRng) -> Area {
        let mut area = Area::default();
        for _ in 0..rng.random_range(1..=2) {
            match rng.random_range(0..4) {
                0 => area.circles.push(self.circle(rng)),
                1 => area.polygons.extend(self.ring(rng).map(|outer| Polygon { outer, holes: Vec::new() })),
                _ => area.polygons.push(self.block(rng)),
            }
        }
        area
    }

    fn circle(self, rng: &mut StdRng) -> Circle {
        let middle = self.place(rng);
        Circle::new(middle.lon(), middle.lat(), rng.random_range(5.0..80.0)).expect("a circle")
    }

    /// Some corners in any order: most such rings cross themselves.
    fn ring(self, rng: &mut StdRng) -> Option<Ring> {
        let corners = rng.random_range(3..7);
        let mut along = || f64::from(rng.random_range(0..=CELLS)) * CELL;
        let corners: Vec<[f64; 2]> = (0..corners).map(|_| [self.west + along(), self.south + along()]).collect();
        Ring::new(corners).ok()
    }

    /// Whole cells, with a hole sometimes.
    fn block(self, rng: &mut StdRng) -> Polygon {
        let mut span = || {
            let (a, b) = (rng.random_range(0..CELLS - 3), rng.random_range(3..=CELLS));
            (f64::from(a.min(b - 3)) * CELL, f64::from(b.max(a + 3)) * CELL)
        };
        let ((west, east), (south, north)) = (span(), span());
        let square = |by: f64| {
            let (west, east) = (self.west + west + by, self.west + east - by);
            let (south, north) = (self.south + south + by, self.south + north - by);
            Ring::new([[west, south], [east, south], [east, north], [west, north]]).expect("a ring")
        };
        let holes = if rng.random_bool(0.3) { vec![square(CELL)] } else { Vec::new() };
        Polygon { outer: square(0.0), holes }
    }
}
