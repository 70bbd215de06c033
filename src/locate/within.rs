//! Whether ground lies within other ground.
//!
//! Both are cut to smaller and smaller boxes, until one of them fills a box or has none of it, or few edges are left.
//! Those are gone through row by row. Places lie on rows of the [lattice](super::lattice), and between two heights at
//! which an edge ends, two edges cross, or one crosses a side of the box, the order of the edges is the same on every
//! row: so the first row above each of these heights speaks for those that follow, and on a row all is exact. Of a
//! circle the boxes go down to single places, if they must.

use crate::domain::Position;

use super::AffectedArea;
use super::cut::Found;
use super::lattice::{Rect, Spot};
use super::rows::Rows;

/// A box with so many edges, or fewer, is gone through row by row.
const FEW: usize = 10;

/// What it costs to go through a box row by row.
const ROWS_WORK: usize = 400;

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
    /// How this ground lies to `other`, edges of either included. Where this says that it is within, every place in it
    /// is in the other. It says that it is beyond even where what is beyond is so thin that no place is in it.
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
                self.work = self.work.checked_sub(ROWS_WORK).ok_or(TooMuch)?;
                return Ok(Rows::new(mine, others, rect).beyond());
            } else if is_among(mine, others) {
                return Ok(None);
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

/// Whether each polygon of the one is one of the others too, edge for edge: ground is often drawn by the same hand.
fn is_among(mine: &Found, others: &Found) -> bool {
    let (Found::Edge(mine), Found::Edge(others)) = (mine, others) else { return false };
    mine.polygons().all(|polygon| others.polygons().any(|other| other == polygon))
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

/// The box in two, each place of it in one of them: across its longer side on the ground, since towards the poles a box
/// of the lattice is narrower than it is high.
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
