//! Rings and polygons, cut into rows of edges, so that a point or a box meets the few edges beside it alone.
//!
//! A ring's inside is by the even-odd rule, its edges belong to it; a polygon is its outer ring less the insides of its
//! holes, whose edges belong to it. All is exact on the [lattice](super::lattice).

use crate::domain::{Polygon, Ring};

use super::cut::{CutPolygon, CutRing};
use super::edge::{Edge, Frame};
use super::lattice::{POLE, Rect, Spot, TURN};

/// A polygon, ready to be asked.
#[derive(Debug)]
pub(super) struct Shape {
    outer: RingShape,
    holes: Vec<RingShape>,
}

impl Shape {
    pub(super) fn new(polygon: &Polygon) -> Self {
        Self { outer: RingShape::new(&polygon.outer), holes: polygon.holes.iter().map(RingShape::new).collect() }
    }

    /// The pole that a polygon reaches, as a line: it is one point, whatever longitude a place there was given.
    pub(super) fn poles(polygon: &Polygon) -> impl Iterator<Item = Self> + '_ {
        [0, i64::from(POLE)]
            .into_iter()
            .filter(|&y| polygon.outer.points().iter().any(|point| lattice_y(*point) == y))
            .map(|y| {
                let edge = Edge::new([0, y], [i64::from(TURN), y]);
                let outer =
                    RingShape::of_edges(vec![edge, edge], vec![Rect { y0: y as u32, y1: y as u32, ..Rect::GLOBE }]);
                Self { outer, holes: Vec::new() }
            })
    }

    pub(super) fn contains(&self, spot: Spot) -> bool {
        self.outer.place(spot) != Place::Outside && self.holes.iter().all(|hole| hole.place(spot) != Place::Inside)
    }

    /// The polygon as it is within a box.
    pub(super) fn cut(&self, rect: &Rect) -> CutPolygon {
        CutPolygon { outer: self.outer.cut(rect), holes: self.holes.iter().map(|hole| hole.cut(rect)).collect() }
    }

    /// Boxes that together hold the polygon: one, or one on each side of the antimeridian.
    pub(super) fn bounds(&self) -> &[Rect] {
        &self.outer.bounds
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Edge,
    Outside,
}

/// A ring as its edges, sorted into rows of equal height.
#[derive(Debug)]
struct RingShape {
    bounds: Vec<Rect>,
    edges: Vec<Edge>,
    /// The southern end of the first row.
    south: f64,
    rows_per_unit: f64,
    /// Where in `by_row` each row starts, and the end of the last.
    starts: Vec<u32>,
    /// Edges by row, each in all the rows it passes.
    by_row: Vec<u32>,
}

impl RingShape {
    /// The ring in all copies, whole turns apart, that meet the globe.
    fn new(ring: &Ring) -> Self {
        let points: Vec<[i64; 2]> = ring.points().iter().map(|&point| [lattice_x(point), lattice_y(point)]).collect();
        let span = |axis: usize| {
            points.iter().fold((i64::MAX, i64::MIN), |(min, max), point| (min.min(point[axis]), max.max(point[axis])))
        };
        let ((west, east), (south, north)) = (span(0), span(1));
        let turn = i64::from(TURN);
        let (mut bounds, mut edges) = (Vec::new(), Vec::new());
        for copy in (-east).div_euclid(turn)..=(turn - west).div_euclid(turn) {
            let shift = copy * turn;
            if east + shift < 0 || west + shift > turn {
                continue;
            }
            let clip = |x: i64| (x + shift).clamp(0, turn) as u32;
            bounds.push(Rect { x0: clip(west), y0: south as u32, x1: clip(east), y1: north as u32 });
            let ends = points.iter().zip(points.iter().cycle().skip(1));
            edges.extend(ends.map(|(from, to)| Edge::new([from[0] + shift, from[1]], [to[0] + shift, to[1]])));
        }
        Self::of_edges(edges, bounds)
    }

    /// Sorts edges into rows. There are at most as many rows as edges, and so few that an edge is in four on average: a
    /// ring of many high edges costs time, not memory.
    fn of_edges(edges: Vec<Edge>, bounds: Vec<Rect>) -> Self {
        let south = edges.iter().fold(f64::MAX, |south, edge| south.min(edge.y));
        let height = edges.iter().fold(1.0_f64, |height, edge| height.max(edge.top() - south));
        let climb: f64 = edges.iter().map(|edge| edge.dy).sum();
        let count = edges.len() as f64;
        let rows = (3.0 * count * height / climb.max(1.0)).clamp(1.0, count).floor();
        let mut shape =
            Self { bounds, edges, south, rows_per_unit: rows / height, starts: Vec::new(), by_row: Vec::new() };
        let count = rows as usize;
        let passed = |edge: &Edge| shape.row(edge.y, count)..=shape.row(edge.top(), count);
        let mut starts = vec![0_u32; count + 1];
        for row in shape.edges.iter().flat_map(passed) {
            starts[row + 1] += 1;
        }
        for row in 0..count {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut by_row = vec![0; starts[count] as usize];
        for (number, edge) in (0_u32..).zip(&shape.edges) {
            for row in passed(edge) {
                by_row[next[row] as usize] = number;
                next[row] += 1;
            }
        }
        shape.by_row = by_row;
        shape.starts = starts;
        shape
    }

    fn row(&self, y: f64, rows: usize) -> usize {
        (((y - self.south) * self.rows_per_unit) as usize).min(rows - 1)
    }

    fn row_edges(&self, row: usize) -> impl Iterator<Item = &Edge> {
        let numbers = self.starts[row] as usize..self.starts[row + 1] as usize;
        self.by_row[numbers].iter().map(|&number| &self.edges[number as usize])
    }

    fn may_hold(&self, spot: Spot) -> bool {
        self.bounds.iter().any(|b| (b.x0..=b.x1).contains(&spot.x) && (b.y0..=b.y1).contains(&spot.y))
    }

    fn place(&self, spot: Spot) -> Place {
        if !self.may_hold(spot) {
            return Place::Outside;
        }
        let (x, y) = (f64::from(spot.x), f64::from(spot.y));
        if self.row_edges(self.row(y, self.starts.len() - 1)).any(|edge| edge.holds(x, y)) {
            return Place::Edge;
        }
        if self.crossings_are_odd(x, y) { Place::Inside } else { Place::Outside }
    }

    /// Whether a ray from the point to the west crosses the ring an odd number of times; edges at the point do not
    /// count.
    fn crossings_are_odd(&self, x: f64, y: f64) -> bool {
        let rows = self.starts.len() - 1;
        if y < self.south || (y - self.south) * self.rows_per_unit > rows as f64 {
            return false;
        }
        let crossed = |edge: &&Edge| edge.y <= y && y < edge.top() && edge.west() <= x && edge.side(x, y).is_lt();
        self.row_edges(self.row(y, rows)).filter(crossed).count() % 2 == 1
    }

    fn cut(&self, rect: &Rect) -> CutRing {
        let frame = Frame::of(rect);
        let odd = self.crossings_are_odd(frame.west, frame.south);
        let mut cut = CutRing::new(odd);
        if !self.bounds.iter().any(|b| b.x0 <= rect.x1 && rect.x0 <= b.x1 && b.y0 <= rect.y1 && rect.y0 <= b.y1) {
            return cut;
        }
        let rows = self.starts.len() - 1;
        let first = self.row(frame.south, rows);
        for row in first..=self.row(frame.north, rows) {
            // An edge that passes several rows is taken in the first of them.
            let new = |edge: &&Edge| row == first || self.row(edge.y, rows) == row;
            self.row_edges(row).filter(new).for_each(|edge| cut.take(edge, &frame));
        }
        cut
    }
}

fn lattice_x(point: [f64; 2]) -> i64 {
    (point[0] * 1e7).round() as i64 + i64::from(TURN) / 2
}

fn lattice_y(point: [f64; 2]) -> i64 {
    (point[1] * 1e7).round() as i64 + i64::from(POLE) / 2
}
