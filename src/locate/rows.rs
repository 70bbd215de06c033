//! Two areas within a box that few edges come through, row by row: whether all of the one there is in the other.

use std::cmp::Ordering;

use super::cut::{Cut, CutPolygon, CutRing, Found};
use super::edge::Edge;
use super::lattice::{Rect, Spot};

/// Two areas of few edges within a box.
pub(super) struct Rows<'a> {
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
    pub(super) fn new(mine: &'a Found, others: &'a Found, rect: &Rect) -> Self {
        let side = |found: &'a Found| match found {
            Found::Out => Side::Whole(false),
            Found::In => Side::Whole(true),
            Found::Edge(cut) => Side::Cut(cut),
        };
        Self { mine: side(mine), others: side(others), rect: *rect }
    }

    /// A place, or one beside it, that is in the one and not in the other.
    pub(super) fn beyond(&self) -> Option<Spot> {
        let edges: Vec<&Edge> = self.mine.edges().chain(self.others.edges()).collect();
        self.rows(&edges).into_iter().find_map(|y| self.beyond_on(y))
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
    fn beyond_on(&self, y: u32) -> Option<Spot> {
        let (west, east) = (i64::from(self.rect.x0), i64::from(self.rect.x1));
        let (mine, others) = (Row::new(&self.mine, y, west), Row::new(&self.others, y, west));
        let mut stops = vec![Meets::at(west), Meets::at(east)];
        stops.extend(mine.ends().chain(others.ends()));
        stops.retain(|stop| stop.whole >= west && (stop.whole < east || (stop.whole == east && stop.rest == 0)));
        stops.sort_unstable_by(Meets::order);
        stops.dedup_by(|one, other| one.order(other).is_eq());
        let last = stops.len() - 1;
        stops.iter().enumerate().find_map(|(number, stop)| {
            let is_beyond = |just_east| mine.holds(stop, just_east) && !others.holds(stop, just_east);
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
}

/// An area on one row of the box.
enum Row {
    /// It has all or none of it.
    Whole(bool),
    /// Polygons, each an outside and holes.
    Cut(Vec<Vec<RingRow>>),
}

/// A ring on one row of the box.
struct RingRow {
    /// Whether its inside begins where the row does.
    odd: bool,
    /// Where edges are met, from and to, and whether the ring's inside changes there.
    met: Vec<([Meets; 2], bool)>,
}

impl Row {
    fn new(side: &Side<'_>, y: u32, west: i64) -> Self {
        let cut = match side {
            Side::Whole(all) => return Self::Whole(*all),
            Side::Cut(cut) => cut,
        };
        let start = Meets::at(west);
        let ring = |ring: &CutRing| RingRow {
            odd: ring.is_odd_at(west as f64, f64::from(y)),
            met: ring.edges().filter_map(|edge| RingRow::met(edge, y, &start)).collect(),
        };
        Self::Cut(cut.polygons().map(|polygon| polygon.rings().map(ring).collect()).collect())
    }

    fn ends(&self) -> impl Iterator<Item = Meets> {
        let polygons = match self {
            Self::Whole(_) => &[][..],
            Self::Cut(polygons) => polygons,
        };
        polygons.iter().flatten().flat_map(|ring| &ring.met).flat_map(|(ends, _)| *ends)
    }

    /// Whether the area has a point of the row, or what lies just east of it.
    fn holds(&self, stop: &Meets, just_east: bool) -> bool {
        let polygons = match self {
            Self::Whole(all) => return *all,
            Self::Cut(polygons) => polygons,
        };
        polygons.iter().any(|rings| {
            let (outer, holes) = rings.split_first().expect("a polygon has an outside");
            outer.place(stop, just_east) != Some(false)
                && holes.iter().all(|hole| hole.place(stop, just_east) != Some(true))
        })
    }
}

impl RingRow {
    /// Where an edge is met on a row that begins at `start`, and whether the ring's inside changes there.
    fn met(edge: &Edge, y: u32, start: &Meets) -> Option<([Meets; 2], bool)> {
        let row = i64::from(y);
        let [from, to] = edge.meets_row(row)?;
        // The corner's own count has the edges that a row meets west of it.
        let counts = edge.y as i64 <= row && row < edge.top() as i64 && from.order(start).is_ge();
        Some(([from, to], counts))
    }

    /// Whether the inside has changed at an edge before a point of the row, or before what lies just east of it; `None`
    /// if that is on the edge.
    fn passes(([from, to], counts): ([Meets; 2], bool), stop: &Meets, just_east: bool) -> Option<bool> {
        let (before, behind) = (from.order(stop), stop.order(&to));
        if before.is_le() && (if just_east { behind.is_lt() } else { behind.is_le() }) {
            return None;
        }
        Some(counts & (if just_east { before.is_le() } else { before.is_lt() }))
    }

    /// Whether a point of the row, or what lies just east of it, is inside the ring; `None` on its edge.
    fn place(&self, stop: &Meets, just_east: bool) -> Option<bool> {
        self.met.iter().try_fold(self.odd, |odd, met| Some(odd ^ Self::passes(*met, stop, just_east)?))
    }
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
