//! An area as it is within one box: the few edges that come through it, and what the rest of the area says of it.
//!
//! Within the box, how often a westward ray from a point crosses a ring is told by three things: whether a ray from the
//! box's south-west corner crosses it an odd number of times; at which heights the ring passes the box's west side; and
//! the edges inside. So a cut is exact, and can be cut again to a smaller box without the area itself.

use super::circle::{Disc, Side};
use super::columns::Columns;
use super::edge::{Edge, Frame, NEAR};
use super::lattice::{Rect, Spot};

/// What an area is within a box.
#[derive(Debug)]
pub(super) enum Found {
    /// None of the box is in the area.
    Out,
    /// All of the box is in the area.
    In,
    /// The area's edge comes through the box, or may.
    Edge(Cut),
}

/// An area within a box that its edge comes through.
#[derive(Debug, Default)]
pub(super) struct Cut {
    polygons: Vec<CutPolygon>,
    discs: Vec<Disc>,
}

impl Cut {
    /// Unites what polygons and circles are within `rect`.
    pub(super) fn unite(
        polygons: impl Iterator<Item = CutPolygon>,
        discs: impl Iterator<Item = Disc>,
        rect: &Rect,
    ) -> Found {
        let mut cut = Self::default();
        for polygon in polygons {
            match polygon.simplified() {
                None => {}
                Some(polygon) if polygon.is_whole() => return Found::In,
                Some(polygon) => cut.polygons.push(polygon),
            }
        }
        for disc in discs {
            match disc.classify(rect) {
                Side::Out => {}
                Side::In => return Found::In,
                Side::Rim => cut.discs.push(disc),
            }
        }
        if cut.polygons.is_empty() && cut.discs.is_empty() { Found::Out } else { Found::Edge(cut) }
    }

    /// What the area is within `rect`, which must lie in this cut's box.
    pub(super) fn narrow(&self, rect: &Rect) -> Found {
        Self::unite(self.polygons.iter().map(|polygon| polygon.narrow(rect)), self.discs.iter().cloned(), rect)
    }

    /// Makes the cut ready for many points of `rect`, its box.
    pub(super) fn sharpen(&mut self, rect: &Rect) {
        self.discs.iter_mut().for_each(|disc| disc.sharpen(rect));
    }

    /// How many edges come through the box.
    pub(super) fn edges(&self) -> usize {
        let rings = |polygon: &CutPolygon| {
            polygon.outer.edges.len() + polygon.holes.iter().map(|hole| hole.edges.len()).sum::<usize>()
        };
        self.polygons.iter().map(rings).sum()
    }

    /// The polygons that come through the box.
    pub(super) fn polygons(&self) -> impl Iterator<Item = &CutPolygon> {
        self.polygons.iter()
    }

    /// Whether the rim of a circle comes through the box.
    pub(super) fn is_round(&self) -> bool {
        !self.discs.is_empty()
    }

    /// Whether a point of the box is in the area.
    pub(super) fn holds(&self, spot: Spot) -> bool {
        let (x, y) = (f64::from(spot.x), f64::from(spot.y));
        self.polygons.iter().any(|polygon| polygon.holds(x, y)) || self.discs.iter().any(|disc| disc.contains(spot))
    }

    /// Finds out which of some points of the box are in the area.
    pub(super) fn select(&self, points: &Points, found: &mut Selection) {
        let Selection { inside, of_one, odd, near } = found;
        refill(inside, points.x.len(), 0);
        for polygon in &self.polygons {
            refill(near, points.x.len(), 0);
            polygon.outer.count(points, of_one, near);
            for hole in &polygon.holes {
                hole.count(points, odd, near);
                of_one.iter_mut().zip(odd.iter()).for_each(|(inside, in_hole)| *inside &= !in_hole);
            }
            let rows = inside.iter_mut().zip(of_one.iter().zip(near.iter()));
            let close = rows.fold(0, |close, (inside, (of_one, near))| {
                *inside |= of_one & !near;
                close | near
            });
            if close != 0 {
                for (row, _) in near.iter().enumerate().filter(|(_, near)| **near != 0) {
                    inside[row] |= u64::from(polygon.holds(points.x[row], points.y[row]));
                }
            }
        }
        for disc in &self.discs {
            disc.select(&points.x, &points.y, inside);
        }
    }

    /// Whether any of `rect`, which must lie in this cut's box, is in the area. Exact where no hole of a polygon
    /// crosses another or the outside; there it may say yes of ground that holes take away together.
    pub(super) fn touches(&self, rect: &Rect) -> bool {
        self.polygons.iter().any(|polygon| polygon.touches(rect)) || self.discs.iter().any(|disc| disc.touches(rect))
    }
}

/// Points of the lattice, in columns.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
}

impl Points {
    /// The places of a tile of points.
    pub(super) fn fill(&mut self, columns: &Columns) {
        self.x.clear();
        self.x.extend(columns.x.iter().map(|&x| f64::from(x)));
        self.y.clear();
        self.y.extend(columns.y.iter().map(|&y| f64::from(y)));
    }

    /// Some of them.
    pub(super) fn fill_with(&mut self, columns: &Columns, rows: &[u32]) {
        self.x.clear();
        self.x.extend(rows.iter().map(|&row| f64::from(columns.x[row as usize])));
        self.y.clear();
        self.y.extend(rows.iter().map(|&row| f64::from(columns.y[row as usize])));
    }
}

/// Which of some points are in an area, and room to find that out; all of one length. A bit has a word of its own, as
/// wide as the numbers that it comes from, so that the processor takes several points at a time.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// 1 where a point is in the area, else 0.
    pub(super) inside: Vec<u64>,
    of_one: Vec<u64>,
    odd: Vec<u64>,
    near: Vec<u64>,
}

fn refill(column: &mut Vec<u64>, length: usize, value: u64) {
    column.clear();
    column.resize(length, value);
}

/// A polygon within a box.
#[derive(Debug, PartialEq)]
pub(super) struct CutPolygon {
    pub(super) outer: CutRing,
    pub(super) holes: Vec<CutRing>,
}

impl CutPolygon {
    /// The outside, then the holes.
    pub(super) fn rings(&self) -> impl Iterator<Item = &CutRing> {
        std::iter::once(&self.outer).chain(&self.holes)
    }

    fn narrow(&self, rect: &Rect) -> Self {
        Self { outer: self.outer.narrow(rect), holes: self.holes.iter().map(|hole| hole.narrow(rect)).collect() }
    }

    /// Less the holes that are elsewhere; `None` if nothing of the polygon is in the box.
    fn simplified(mut self) -> Option<Self> {
        if self.outer.is_elsewhere() || self.holes.iter().any(CutRing::is_all_round) {
            return None;
        }
        self.holes.retain(|hole| !hole.is_elsewhere());
        Some(self)
    }

    fn is_whole(&self) -> bool {
        self.outer.is_all_round() && self.holes.is_empty()
    }

    fn holds(&self, x: f64, y: f64) -> bool {
        self.outer.holds(x, y) != Some(false) && self.holes.iter().all(|hole| hole.holds(x, y) != Some(true))
    }

    /// As if it were narrowed to `rect` and simplified.
    fn touches(&self, rect: &Rect) -> bool {
        self.outer.covers(rect) != Some(false) && self.holes.iter().all(|hole| hole.covers(rect) != Some(true))
    }
}

/// A ring within a box.
#[derive(Debug, PartialEq)]
pub(super) struct CutRing {
    /// Whether a westward ray from the box's south-west corner crosses the ring an odd number of times.
    odd: bool,
    /// Heights from which on the ring has passed the west side once more.
    flips: Vec<f64>,
    edges: Vec<CutEdge>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct CutEdge {
    edge: Edge,
    /// A ray at `from <= y < to` can cross the edge inside the box; at others it meets it west of the box, or not at
    /// all.
    from: f64,
    to: f64,
}

impl CutRing {
    /// A ring of which no edge is known yet.
    pub(super) fn new(odd: bool) -> Self {
        Self { odd, flips: Vec::new(), edges: Vec::new() }
    }

    /// Takes in an edge if it comes through the cut's own box.
    #[inline]
    pub(super) fn take(&mut self, edge: &Edge, frame: &Frame) {
        if !edge.meets(frame) {
            return;
        }
        let (mut from, mut to) = (edge.y, edge.top());
        if let Some(flip) = edge.passes(frame.west) {
            if frame.south < flip && flip <= frame.north {
                self.flips.push(flip);
            }
            if edge.dx > 0.0 {
                from = from.max(flip);
            } else {
                to = to.min(flip);
            }
        }
        self.edges.push(CutEdge { edge: *edge, from, to });
    }

    fn narrow(&self, rect: &Rect) -> Self {
        let frame = Frame::of(rect);
        let mut cut = Self::new(self.crossings_are_odd(frame.west, frame.south));
        self.edges.iter().for_each(|known| cut.take(&known.edge, &frame));
        cut
    }

    /// The edges that come through the box.
    pub(super) fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter().map(|known| &known.edge)
    }

    /// Whether a westward ray from a point of the lattice in the box crosses the ring an odd number of times.
    pub(super) fn is_odd_at(&self, x: f64, y: f64) -> bool {
        self.crossings_are_odd(x, y)
    }

    fn is_elsewhere(&self) -> bool {
        self.edges.is_empty() && !self.odd
    }

    fn is_all_round(&self) -> bool {
        self.edges.is_empty() && self.odd
    }

    /// Whether a point of the box is inside the ring; `None` on its edge.
    fn holds(&self, x: f64, y: f64) -> Option<bool> {
        if self.edges.iter().any(|known| known.edge.holds(x, y)) { None } else { Some(self.crossings_are_odd(x, y)) }
    }

    /// Whether all of `rect` is inside the ring, or none of it; `None` if an edge comes through it.
    fn covers(&self, rect: &Rect) -> Option<bool> {
        let frame = Frame::of(rect);
        let through = self.edges.iter().any(|known| known.edge.meets(&frame));
        (!through).then(|| self.crossings_are_odd(frame.west, frame.south))
    }

    /// How often rays from some points cross the ring: 1 where `odd`; and 1 where a point is so `near` an edge that the
    /// exact test has to decide. Edges are gone through outside and points inside, without branches.
    fn count(&self, points: &Points, odd: &mut Vec<u64>, near: &mut [u64]) {
        refill(odd, points.x.len(), u64::from(self.odd));
        for &flip in &self.flips {
            odd.iter_mut().zip(&points.y).for_each(|(odd, &y)| *odd ^= u64::from(y >= flip));
        }
        for CutEdge { edge, from, to } in &self.edges {
            let top = edge.top();
            let points = points.x.iter().zip(&points.y);
            for ((&x, &y), (odd, near)) in points.zip(odd.iter_mut().zip(near.iter_mut())) {
                let cross = edge.cross(x, y);
                *odd ^= u64::from(cross < 0.0) & u64::from(*from <= y) & u64::from(y < *to);
                *near |= u64::from(cross.abs() <= NEAR) & u64::from(edge.y <= y) & u64::from(y <= top);
            }
        }
    }

    fn crossings_are_odd(&self, x: f64, y: f64) -> bool {
        let flips = self.flips.iter().filter(|&&flip| y >= flip).count();
        let crossed = |known: &&CutEdge| known.from <= y && y < known.to && known.edge.side(x, y).is_lt();
        (usize::from(self.odd) + flips + self.edges.iter().filter(crossed).count()) % 2 == 1
    }
}
