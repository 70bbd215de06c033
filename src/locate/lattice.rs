//! The lattice: places, boxes and rings in whole units of 1e-7 degrees, counted from the globe's south-west corner.
//!
//! Everything that decides whether a place is inside is decided on this lattice, with no rounding: a place lies on it
//! already ([`Position`] is fixed point), and the points of a ring are put on it once, when an area is made (by at most
//! 6 mm). Longitude −180 is 0 and 180 is [`TURN`], the same meridian; a place is always at the former.

use crate::domain::{Footprint, Position, Private};

/// All the way round, 360 degrees, in units.
pub(super) const TURN: u32 = 3_600_000_000;
/// From pole to pole, 180 degrees, in units.
pub(super) const POLE: u32 = 1_800_000_000;

const WEST_E7: i64 = -1_800_000_000;
const SOUTH_E7: i64 = -900_000_000;

/// A point of the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// Units east of longitude −180.
    pub(super) x: u32,
    /// Units north of the south pole.
    pub(super) y: u32,
}

impl Spot {
    pub(super) fn of(position: Position) -> Self {
        Self { x: (i64::from(position.lon_e7()) - WEST_E7) as u32, y: (i64::from(position.lat_e7()) - SOUTH_E7) as u32 }
    }

    /// Longitude and latitude in degrees: the doubles nearest to the decimals, as [`Position`] has them.
    pub(super) fn degrees(self) -> [f64; 2] {
        let lon_e7 = i64::from(self.x) + WEST_E7;
        let lat_e7 = i64::from(self.y) + SOUTH_E7;
        [lon_e7 as f64 / 1e7, lat_e7 as f64 / 1e7]
    }

    pub(super) fn position(self) -> Position {
        let x = self.x % TURN;
        let (lon_e7, lat_e7) = (i64::from(x) + WEST_E7, i64::from(self.y) + SOUTH_E7);
        Position::from_e7(lon_e7 as i32, lat_e7 as i32).expect("a spot is made of a position, or lies between two")
    }
}

/// A box of the lattice, edges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) x1: u32,
    pub(super) y1: u32,
}

impl Rect {
    /// The whole globe.
    pub(super) const GLOBE: Self = Self { x0: 0, y0: 0, x1: TURN, y1: POLE };

    pub(super) fn of(footprint: Footprint) -> Self {
        match footprint {
            Footprint::Point(at) => Self::point(Spot::of(*at.expose())),
            Footprint::Box { south_west, north_east } => {
                let (south_west, north_east) = (Spot::of(*south_west.expose()), Spot::of(*north_east.expose()));
                // A position's longitude 180 is written −180: a box whose east edge is there has its corners swapped.
                let x1 = if north_east.x < south_west.x { TURN } else { north_east.x };
                let (y0, y1) = (south_west.y.min(north_east.y), south_west.y.max(north_east.y));
                Self { x0: south_west.x, y0, x1, y1 }
            }
        }
    }

    pub(super) fn point(spot: Spot) -> Self {
        Self { x0: spot.x, y0: spot.y, x1: spot.x, y1: spot.y }
    }

    /// The box as the place of somebody.
    pub(super) fn footprint(self) -> Footprint {
        let corner = |x, y| Private::new(Spot { x, y }.position());
        Footprint::Box { south_west: corner(self.x0, self.y0), north_east: corner(self.x1, self.y1) }
    }

    pub(super) fn centre(self) -> Spot {
        Spot { x: self.x0 + (self.x1 - self.x0) / 2, y: self.y0 + (self.y1 - self.y0) / 2 }
    }

    /// The box with `margin` units more on each side, cut off at the edges of the globe.
    pub(super) fn widened(self, margin: u32) -> Self {
        Self {
            x0: self.x0.saturating_sub(margin),
            y0: self.y0.saturating_sub(margin),
            x1: self.x1.saturating_add(margin).min(TURN),
            y1: self.y1.saturating_add(margin).min(POLE),
        }
    }
}
