//! Contours of a grid: the ground where it has at least a level, by marching squares (Lorensen and Cline 1987, in two
//! dimensions).
//!
//! Between two points of which one has the level and the other does not, the contour crosses where a straight line
//! between their values does, but never closer to either than a 64th of the way: so every point that has the level is
//! inside for certain, every other outside, and no two crossings fall together. Towards ground without a point it stays
//! as close to the last point as that. Where two opposite corners of a square have the level, they belong together if
//! the mean of the four does.

use crate::domain::{InvalidGround, Polygon, Ring};

use super::Grid;

/// How close to a point a contour may come, of the way to the next.
const CLOSEST: f64 = 1.0 / 64.0;

/// No crossing follows.
const NONE: u32 = u32::MAX;

/// Why there is no contour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// It has more points than it may.
    TooManyPoints,
    /// It goes round the globe.
    Ground(InvalidGround),
}

/// The contour of one level, as the crossings of the grid's edges, each with the one that follows it. The higher ground
/// lies to the left.
pub(super) struct Contour<'g> {
    grid: &'g Grid,
    level: f64,
    /// By edge: first those along rows, then those along columns.
    next: Vec<u32>,
    /// By point: another point of the same piece of ground, which is the piece's own if it is the point itself.
    piece: Vec<u32>,
}

/// An edge of the grid: from the point before (in its row or column) to the one at these places. There is one more
/// edge than points on each line, since contours are closed round the outermost points.
#[derive(Clone, Copy)]
enum Edge {
    Along { x: usize, y: usize },
    Across { x: usize, y: usize },
}

impl<'g> Contour<'g> {
    pub(super) fn new(grid: &'g Grid, level: f64) -> Self {
        let (width, height) = (grid.lons.len(), grid.lats.len());
        let edges = (width + 1) * height + width * (height + 1);
        let piece = (0..width * height).map(|index| index as u32).collect();
        let mut contour = Self { grid, level, next: vec![NONE; edges], piece };
        for y in 0..=height {
            for x in 0..=width {
                contour.square(x, y);
            }
        }
        contour
    }

    /// The value at a point whose places count from 1; there is nothing at 0 and beyond the last.
    fn value(&self, x: usize, y: usize) -> f64 {
        let inside = (1..=self.grid.lons.len()).contains(&x) && (1..=self.grid.lats.len()).contains(&y);
        if inside { self.grid.values[(y - 1) * self.grid.lons.len() + x - 1] } else { f64::NEG_INFINITY }
    }

    /// Joins the crossings of one square, whose upper right point is the one at `x` and `y` from 0.
    fn square(&mut self, x: usize, y: usize) {
        // Corners from the lower left, against the clock.
        let places = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
        let values = places.map(|(x, y)| self.value(x, y));
        let high = values.map(|value| value >= self.level);
        let count = high.iter().filter(|&&high| high).count();
        if count == 0 {
            return;
        }
        let is_saddle = count == 2 && high[0] == high[2];
        let joined = is_saddle && values.iter().sum::<f64>() / 4.0 >= self.level;
        for corner in 0..4 {
            let (before, after) = ((corner + 3) % 4, (corner + 1) % 4);
            if high[corner] && high[after] {
                self.join(places[corner], places[after]);
            }
            // Sides are named by the corner that they begin at.
            match (high[corner], high[before], high[after]) {
                // A high corner cut off from both its neighbours: the contour comes in by the side after it.
                (true, false, false) if !joined => self.link(x, y, corner, before),
                // A low corner between high ones: the contour comes in by the side before it.
                (false, true, true) if count == 3 || joined => self.link(x, y, before, corner),
                // The last of two or more high corners in a row: across the square, to where the first begins.
                (true, true, false) if count == 2 => self.link(x, y, corner, (corner + 2) % 4),
                _ => {}
            }
        }
        if joined {
            let corners: Vec<(usize, usize)> = (0..4).filter(|&c| high[c]).map(|corner| places[corner]).collect();
            self.join(corners[0], corners[1]);
        }
    }

    /// The contour goes through a square from one side to another.
    fn link(&mut self, x: usize, y: usize, from: usize, to: usize) {
        let side = |side: usize| match side {
            0 => Edge::Along { x, y: y.wrapping_sub(1) },
            1 => Edge::Across { x, y },
            2 => Edge::Along { x, y },
            _ => Edge::Across { x: x.wrapping_sub(1), y },
        };
        let (from, to) = (self.index(side(from)), self.index(side(to)));
        self.next[from] = to as u32;
    }

    fn index(&self, edge: Edge) -> usize {
        let (width, height) = (self.grid.lons.len(), self.grid.lats.len());
        match edge {
            Edge::Along { x, y } => y * (width + 1) + x,
            Edge::Across { x, y } => (width + 1) * height + y * width + x,
        }
    }

    fn edge(&self, index: usize) -> Edge {
        let (width, height) = (self.grid.lons.len(), self.grid.lats.len());
        let along = (width + 1) * height;
        match index.checked_sub(along) {
            None => Edge::Along { x: index % (width + 1), y: index / (width + 1) },
            Some(index) => Edge::Across { x: index % width, y: index / width },
        }
    }

    /// Two points are of one piece of ground. Places count from 1.
    fn join(&mut self, one: (usize, usize), other: (usize, usize)) {
        let point = |(x, y): (usize, usize)| (y - 1) * self.grid.lons.len() + x - 1;
        let (one, other) = (self.root(point(one)), self.root(point(other)));
        self.piece[one.max(other)] = one.min(other) as u32;
    }

    /// The point that names a piece; the way there is halved for the next who asks.
    fn root(&mut self, mut point: usize) -> usize {
        while self.piece[point] as usize != point {
            self.piece[point] = self.piece[self.piece[point] as usize];
            point = self.piece[point] as usize;
        }
        point
    }

    /// Places of the two points of an edge, from 1.
    fn ends(edge: Edge) -> [(usize, usize); 2] {
        match edge {
            Edge::Along { x, y } => [(x, y + 1), (x + 1, y + 1)],
            Edge::Across { x, y } => [(x + 1, y), (x + 1, y + 1)],
        }
    }

    /// Where the contour crosses an edge.
    fn crossing(&self, edge: Edge) -> [f64; 2] {
        let [one, other] = Self::ends(edge);
        let [low, high] = [self.value(one.0, one.1), self.value(other.0, other.1)];
        let (inside, beyond, from, to) =
            if low >= self.level { (low, high, one, other) } else { (high, low, other, one) };
        let part = ((inside - self.level) / (inside - beyond)).clamp(CLOSEST, 1.0 - CLOSEST);
        let (lons, lats) = (&self.grid.lons, &self.grid.lats);
        let [lon, lat] = [at(lons, from.0), at(lats, from.1)];
        [lon + part * (at(lons, to.0) - lon), (lat + part * (at(lats, to.1) - lat)).clamp(-90.0, 90.0)]
    }

    /// The ground within the contour: each piece with its holes. `left` is how many points it may have; it becomes how
    /// many are left then.
    pub(super) fn polygons(mut self, left: &mut usize) -> Result<Vec<Polygon>, Fault> {
        self.settle();
        let mut outers: Vec<(u32, Ring)> = Vec::new();
        let mut holes: Vec<(u32, Ring)> = Vec::new();
        for start in 0..self.next.len() {
            if self.next[start] == NONE {
                continue;
            }
            let [one, other] = Self::ends(self.edge(start));
            let (x, y) = if self.value(one.0, one.1) >= self.level { one } else { other };
            let piece = self.piece[(y - 1) * self.grid.lons.len() + x - 1];
            let points = self.trace(start, left)?;
            let is_hole = turns_right(&points);
            let ring = Ring::new(points).map_err(Fault::Ground)?;
            if is_hole { holes.push((piece, ring)) } else { outers.push((piece, ring)) }
        }
        outers.sort_by_key(|(piece, _)| *piece);
        let mut polygons: Vec<Polygon> = Vec::new();
        let pieces: Vec<u32> = outers.iter().map(|(piece, _)| *piece).collect();
        polygons.extend(outers.into_iter().map(|(_, outer)| Polygon { outer, holes: Vec::new() }));
        for (piece, hole) in holes {
            // A piece has one contour round it, and the grid's edge is no hole of anything.
            let of = pieces.binary_search(&piece).expect("what a hole is in is a piece with a contour round it");
            polygons[of].holes.push(hole);
        }
        Ok(polygons)
    }

    /// Names each piece of ground by its first point, whichever of its points is asked.
    fn settle(&mut self) {
        for point in 0..self.piece.len() {
            // Those before it are settled, and a piece's name is its least.
            self.piece[point] = self.piece[self.piece[point] as usize];
        }
    }

    /// The points of the contour through an edge, once round; it is gone then.
    fn trace(&mut self, start: usize, left: &mut usize) -> Result<Vec<[f64; 2]>, Fault> {
        let mut points = Vec::new();
        let mut at = start;
        loop {
            *left = left.checked_sub(1).ok_or(Fault::TooManyPoints)?;
            points.push(self.crossing(self.edge(at)));
            at = std::mem::replace(&mut self.next[at], NONE) as usize;
            if at == start {
                return Ok(points);
            }
        }
    }
}

/// The coordinate of a place from 1; beyond the ends the steps go on.
fn at(axis: &[f64], place: usize) -> f64 {
    match place.checked_sub(1) {
        None => 2.0 * axis[0] - axis[1],
        Some(index) if index < axis.len() => axis[index],
        Some(_) => 2.0 * axis[axis.len() - 1] - axis[axis.len() - 2],
    }
}

/// Whether a ring is walked with the clock, by its signed area.
fn turns_right(points: &[[f64; 2]]) -> bool {
    let [x, y] = points[0];
    let pairs = points.windows(2).map(|pair| (pair[0][0] - x) * (pair[1][1] - y) - (pair[1][0] - x) * (pair[0][1] - y));
    pairs.sum::<f64>() < 0.0
}
