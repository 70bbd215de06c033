//! Whether ground lies within other ground.
//!
//! Both are cut to smaller and smaller boxes, until one of them fills a box or has none of it, or few edges are left.
//! Those are gone through row by row. Places lie on rows of the [lattice](super::lattice), and between two heights at
//! which an edge ends, two edges cross, or one crosses a side of the box, the order of the edges is the same on every
//! row: so the first row above each of these heights speaks for those that follow, and on a row all is exact. Of a
//! circle the boxes go down to single places, if they must.

use std::cmp::Ordering;

use crate::domain::Position;

use super::AffectedArea;
use super::cut::{Cut, CutPolygon, CutRing, Found};
use super::edge::Edge;
use super::lattice::{Rect, Spot};

/// A box with so many edges, or fewer, is gone through row by row.
const FEW: usize = 10;

/// How much work is put into one question: boxes, and the edges in them. Ground of real outlines needs a thousandth.
const MOST_WORK: usize = 4_000_000;

/// How ground lies to other ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// All of it is within the other.
    Within,
    /// Not all of it is: at this place, or less than 2 cm from it, it is beyond the other.
    Beyond(Position),
    /// Its edges and the other's cross each other so often that nobody can say in reasonable time.
    TooIntricate,
}

impl AffectedArea {
    /// How this ground lies to `other`, edges of either included. Where this says that it is within, every place in it is
    /// in the other. It says that it is beyond even where what is beyond is so thin that no place is in it.
    pub fn lies(&self, other: &Self) -> Lies {
        if self.same_ground(other) {
            return Lies::Within;
        }
        let mut look = Look { work: MOST_WORK };
        for rect in self.bounds() {
            match look.at(&self.cut(&rect), &other.cut(&rect), &rect) {
                Ok(None) => {}
                Ok(Some(spot)) => return Lies::Beyond(spot.position()),
                Err(TooMuch) => return Lies::TooIntricate,
            }
        }
        Lies::Within
    }
}

/// More work than [`MOST_WORK`].
struct TooMuch;

struct Look {
    work: usize,
}

impl Look {
    /// A place of `mine` that is not in `others`, both as they are within the box.
    fn at(&mut self, mine: &Found, others: &Found, rect: &Rect) -> Result<Option<Spot>, TooMuch> {
        if matches!((mine, others), (Found::Out, _) | (_, Found::In)) {
            return Ok(None);
        }
        if matches!((mine, others), (Found::In, Found::Out)) {
            return Ok(Some(rect.centre()));
        }
        let edges = edges(mine) + edges(others);
        self.work = self.work.checked_sub(1 + edges).ok_or(TooMuch)?;
        if rect.x0 == rect.x1 && rect.y0 == rect.y1 {
            let spot = Spot { x: rect.x0, y: rect.y0 };
            return Ok((holds(mine, spot) && !holds(others, spot)).then_some(spot));
        }
        if !is_round(mine) && !is_round(others) {
            if edges <= FEW {
                return Ok(Rows::new(mine, others, rect).beyond());
            }
        } else if holds(mine, rect.centre()) && !holds(others, rect.centre()) {
            return Ok(Some(rect.centre()));
        }
        for part in halves(rect) {
            let found = self.at(&narrow(mine, &part), &narrow(others, &part), &part)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn edges(found: &Found) -> usize {
    if let Found::Edge(cut) = found { cut.edges() } else { 0 }
}

fn is_round(found: &Found) -> bool {
    matches!(found, Found::Edge(cut) if cut.is_round())
}

fn holds(found: &Found, spot: Spot) -> bool {
    match found {
        Found::Out => false,
        Found::In => true,
        Found::Edge(cut) => cut.holds(spot),
    }
}

fn narrow(found: &Found, rect: &Rect) -> Found {
    match found {
        Found::Out => Found::Out,
        Found::In => Found::In,
        Found::Edge(cut) => cut.narrow(rect),
    }
}

/// The box in two, each place of it in one of them: across its longer side on the ground, since towards the poles a box of
/// the lattice is narrower than it is high.
fn halves(rect: &Rect) -> [Rect; 2] {
    let [_, lat] = rect.centre().degrees();
    let (wide, high) = (f64::from(rect.x1 - rect.x0) * lat.to_radians().cos(), f64::from(rect.y1 - rect.y0));
    if rect.y0 == rect.y1 || (wide >= high && rect.x0 < rect.x1) {
        let middle = rect.x0 + (rect.x1 - rect.x0) / 2;
        [Rect { x1: middle, ..*rect }, Rect { x0: middle + 1, ..*rect }]
    } else {
        let middle = rect.y0 + (rect.y1 - rect.y0) / 2;
        [Rect { y1: middle, ..*rect }, Rect { y0: middle + 1, ..*rect }]
    }
}

/// Two areas of few edges within a box.
struct Rows<'a> {
    mine: Side<'a>,
    others: Side<'a>,
    rect: Rect,
}

/// One of them.
enum Side<'a> {
    /// It has all or none of the box.
    Whole(bool),
    Cut(&'a Cut),
}

/// Where an edge is met on a row: `whole + rest / of` units from the globe's west.
#[derive(Debug, Clone, Copy)]
struct Meets {
    whole: i64,
    rest: i64,
    of: i64,
}

impl<'a> Rows<'a> {
    fn new(mine: &'a Found, others: &'a Found, rect: &Rect) -> Self {
        let side = |found: &'a Found| match found {
            Found::Out => Side::Whole(false),
            Found::In => Side::Whole(true),
            Found::Edge(cut) => Side::Cut(cut),
        };
        Self { mine: side(mine), others: side(others), rect: *rect }
    }

    fn beyond(&self) -> Option<Spot> {
        let edges: Vec<&Edge> = self.mine.edges().chain(self.others.edges()).collect();
        self.rows(&edges).into_iter().find_map(|y| self.beyond_on(y, &edges))
    }

    /// The rows that speak for all: of each height at which the order of edges may change, the first above it, and its
    /// own if it is one.
    fn rows(&self, edges: &[&Edge]) -> Vec<u32> {
        let (south, north) = (i64::from(self.rect.y0), i64::from(self.rect.y1));
        let mut rows = vec![south, south + 1];
        let mut change = |y: i64| rows.extend([y, y + 1]);
        for (number, edge) in edges.iter().enumerate() {
            change(edge.y as i64);
            change(edge.top() as i64);
            for x in [self.rect.x0, self.rect.x1] {
                edge.height_at(i64::from(x)).into_iter().for_each(&mut change);
            }
            for other in &edges[number + 1..] {
                crossing(edge, other).into_iter().for_each(&mut change);
            }
        }
        rows.retain(|y| (south..=north).contains(y));
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().map(|y| y as u32).collect()
    }

    /// The first place on a row, or beside it, that is in the one and not in the other.
    fn beyond_on(&self, y: u32, edges: &[&Edge]) -> Option<Spot> {
        let (west, east) = (i64::from(self.rect.x0), i64::from(self.rect.x1));
        let mut stops = vec![Meets::at(west), Meets::at(east)];
        stops.extend(edges.iter().filter_map(|edge| edge.meets_row(i64::from(y))).flatten());
        stops.retain(|stop| stop.whole >= west && (stop.whole < east || (stop.whole == east && stop.rest == 0)));
        stops.sort_unstable_by(Meets::order);
        stops.dedup_by(|one, other| one.order(other).is_eq());
        let last = stops.len() - 1;
        stops.iter().enumerate().find_map(|(number, stop)| {
            let is_beyond =
                |just_east| self.mine.holds(stop, just_east, y, west) && !self.others.holds(stop, just_east, y, west);
            // East of the last stop is another box.
            (is_beyond(false) || (number < last && is_beyond(true))).then_some(Spot { x: stop.whole as u32, y })
        })
    }
}

impl Side<'_> {
    fn edges(&self) -> impl Iterator<Item = &Edge> {
        let cut = if let Self::Cut(cut) = self { Some(*cut) } else { None };
        cut.into_iter().flat_map(Cut::polygons).flat_map(CutPolygon::rings).flat_map(CutRing::edges)
    }

    /// Whether the area has a point of a row, or what lies just east of it.
    fn holds(&self, stop: &Meets, just_east: bool, y: u32, west: i64) -> bool {
        let cut = match self {
            Self::Whole(all) => return *all,
            Self::Cut(cut) => cut,
        };
        let place = |ring: &CutRing| place(ring, stop, just_east, y, west);
        cut.polygons().any(|polygon| {
            place(&polygon.outer) != Some(false) && polygon.holes.iter().all(|hole| place(hole) != Some(true))
        })
    }
}

/// Whether a point of a row, or what lies just east of it, is inside a ring; `None` on its edge.
fn place(ring: &CutRing, stop: &Meets, just_east: bool, y: u32, west: i64) -> Option<bool> {
    let row = i64::from(y);
    let mut odd = ring.is_odd_at(west as f64, f64::from(y));
    for edge in ring.edges() {
        let Some([from, to]) = edge.meets_row(row) else { continue };
        let (before, behind) = (from.order(stop), stop.order(&to));
        let on_edge = if just_east { before.is_le() && behind.is_lt() } else { before.is_le() && behind.is_le() };
        if on_edge {
            return None;
        }
        // The corner's own count has the edges that a row meets west of it.
        let counts = edge.y as i64 <= row && row < edge.top() as i64;
        let passed = if just_east { before.is_le() } else { before.is_lt() };
        odd ^= counts && passed && from.order(&Meets::at(west)).is_ge();
    }
    Some(odd)
}

impl Meets {
    const fn at(x: i64) -> Self {
        Self { whole: x, rest: 0, of: 1 }
    }

    fn order(&self, other: &Self) -> Ordering {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        self.whole.cmp(&other.whole).then_with(|| product(self.rest, other.of).cmp(&product(other.rest, self.of)))
    }
}

impl Edge {
    /// From where to where the edge is met on a row: one point, unless it is level.
    fn meets_row(&self, y: i64) -> Option<[Meets; 2]> {
        let (x, south, dx, dy) = self.whole();
        if y < south || y > south + dy {
            return None;
        }
        if dy == 0 {
            return Some([Meets::at(x), Meets::at(x + dx)]);
        }
        // |dx| ≤ 1.8e9 and y − south ≤ 1.8e9: the product fits 64 bits.
        let run = dx * (y - south);
        let at = Meets { whole: x + run.div_euclid(dy), rest: run.rem_euclid(dy), of: dy };
        Some([at; 2])
    }

    /// The row at which the edge passes a longitude, or the one below that; both ends of one that runs along it are
    /// known already.
    fn height_at(&self, x: i64) -> Option<i64> {
        let (from, south, dx, dy) = self.whole();
        let way = x - from;
        if dx == 0 || dy == 0 || way.signum() * dx.signum() < 0 || way.abs() > dx.abs() {
            return None;
        }
        Some(south + (dy * way.abs()).div_euclid(dx.abs()))
    }

    fn whole(&self) -> (i64, i64, i64, i64) {
        (self.x as i64, self.y as i64, self.dx as i64, self.dy as i64)
    }
}

/// The row at which two edges cross, or the one below that. Where one lies along the other only ends matter.
fn crossing(one: &Edge, other: &Edge) -> Option<i64> {
    if one.y > other.top() || other.y > one.top() || one.west() > other.east() || other.west() > one.east() {
        return None;
    }
    let ((ax, ay, adx, ady), (bx, by, bdx, bdy)) = (one.whole(), other.whole());
    let cross = |ux: i64, uy: i64, vx: i64, vy: i64| i128::from(ux) * i128::from(vy) - i128::from(uy) * i128::from(vx);
    let across = cross(adx, ady, bdx, bdy);
    if across == 0 {
        return None;
    }
    // The share of the first edge, and of the other, before they meet; both must be between 0 and 1.
    let along_one = cross(bx - ax, by - ay, bdx, bdy) * across.signum();
    let along_other = cross(bx - ax, by - ay, adx, ady) * across.signum();
    let on_edge = |share: i128| (0..=across.abs()).contains(&share);
    if !on_edge(along_one) || !on_edge(along_other) {
        return None;
    }
    // Its products stay below 2^98.
    let up = (i128::from(ady) * along_one).div_euclid(across.abs());
    Some(ay + up as i64)
}
