//! One edge of a ring on the lattice, and on which side of it a point lies: exactly.

use std::cmp::Ordering;

use super::lattice::Rect;

/// An edge from its lower end (its western end, if it is level) up.
///
/// The fields hold whole numbers: a double holds each exactly, and processors multiply doubles side by side. |`x`| is
/// at most 7.2e9 (a ring is taken in the copies, a turn apart, that meet the globe), |`dx`| at most 1.8e9 unless the
/// edge is level, and 0 ≤ `dy` ≤ 1.8e9.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) dx: f64,
    pub(super) dy: f64,
}

/// The cross product of [`Edge::cross`] is off by less than this: its two products are below 2^64, so each is rounded
/// by at most 2^10, and their difference by at most 2^11.
pub(super) const NEAR: f64 = 4_096.0;

/// A box in the numbers that edges have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

impl Frame {
    pub(super) fn of(rect: &Rect) -> Self {
        let [west, south, east, north] = [rect.x0, rect.y0, rect.x1, rect.y1].map(f64::from);
        Self { west, south, east, north }
    }
}

impl Edge {
    pub(super) fn new(from: [i64; 2], to: [i64; 2]) -> Self {
        let (low, high) = if (from[1], from[0]) <= (to[1], to[0]) { (from, to) } else { (to, from) };
        let [dx, dy] = [high[0] - low[0], high[1] - low[1]];
        Self { x: low[0] as f64, y: low[1] as f64, dx: dx as f64, dy: dy as f64 }
    }

    pub(super) fn top(&self) -> f64 {
        self.y + self.dy
    }

    pub(super) fn west(&self) -> f64 {
        self.x + self.dx.min(0.0)
    }

    pub(super) fn east(&self) -> f64 {
        self.x + self.dx.max(0.0)
    }

    /// Positive where the point lies to the left of the edge looking up, negative to the right; off by less than
    /// [`NEAR`].
    #[inline]
    pub(super) fn cross(&self, x: f64, y: f64) -> f64 {
        self.dx * (y - self.y) - self.dy * (x - self.x)
    }

    /// The exact sign of [`Edge::cross`].
    pub(super) fn side(&self, x: f64, y: f64) -> Ordering {
        let rough = self.cross(x, y);
        if rough.abs() > NEAR {
            return rough.total_cmp(&0.0);
        }
        let product = |a: f64, b: f64| i128::from(a as i64) * i128::from(b as i64);
        product(self.dx, y - self.y).cmp(&product(self.dy, x - self.x))
    }

    /// Whether the point lies on the edge, ends included.
    pub(super) fn holds(&self, x: f64, y: f64) -> bool {
        let beside = self.y <= y && y <= self.top() && self.west() <= x && x <= self.east();
        beside && self.side(x, y).is_eq()
    }

    /// Whether any point of the edge lies in the box.
    #[inline]
    pub(super) fn meets(&self, frame: &Frame) -> bool {
        let beside_y = self.y <= frame.north && self.top() >= frame.south;
        let (one, other) = (self.x, self.x + self.dx);
        let beside_x = (one <= frame.east || other <= frame.east) && (one >= frame.west || other >= frame.west);
        beside_y & beside_x && self.comes_through(frame)
    }

    /// The same of a box that meets the edge's own. It comes through what they share unless the two corners of that
    /// beside it lie on one side.
    fn comes_through(&self, frame: &Frame) -> bool {
        let (x0, x1) = (self.west().max(frame.west), self.east().min(frame.east));
        let (y0, y1) = (self.y.max(frame.south), self.top().min(frame.north));
        let (left, right) = if self.dx >= 0.0 {
            (self.side(x0, y1), self.side(x1, y0))
        } else {
            (self.side(x0, y0), self.side(x1, y1))
        };
        left.is_ge() && right.is_le()
    }

    /// The first whole `y` from which on a westward ray that starts beside the edge, at longitude `x`, has the crossing
    /// behind it; `None` if the edge does not pass from one side of `x` to the other. A point at `x` counts as east.
    pub(super) fn passes(&self, x: f64) -> Option<f64> {
        let (starts_west, ends_west) = (self.x < x, self.x + self.dx < x);
        if starts_west == ends_west {
            return None;
        }
        // |dx| and the part of it before `x` are at most 3.6e9, dy at most 1.8e9: the product fits 64 bits.
        let (rise, run, part) = (self.dy as i64, self.dx.abs() as i64, (x - self.x).abs() as i64);
        let (whole, rest) = ((rise * part).div_euclid(run), (rise * part).rem_euclid(run));
        let up = if starts_west { i64::from(rest > 0) } else { 1 };
        Some(self.y + (whole + up) as f64)
    }
}
