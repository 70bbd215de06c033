//! A search for the places in some areas, batch by batch: [`Sweep`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;

use crate::domain::{Position, Slot};

use super::AffectedArea;
use super::cell::Cell;
use super::circle::Eye;
use super::cut::Points;
use super::forest::{Forest, Scope};
use super::lattice::{Rect, Spot};
use super::tiles::{Columns, Content, Tile};

/// A batch ends with the tile that brings it to this many hits.
const BATCH: usize = 8_192;

/// So many tiles are fetched from memory together.
const AHEAD: usize = 16;

/// A place in one of the areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hit {
    /// The registration whose place it is. One with several places may be hit several times.
    pub slot: Slot,
    /// Which of the sweep's areas: the first that the place touches.
    pub tier: u8,
    /// Always zero: with it a hit is written in one piece, and so are several at once.
    rest: [u8; 3],
}

impl Hit {
    /// A place of `slot` that was found in the area at position `tier`.
    pub const fn new(slot: Slot, tier: u8) -> Self {
        Self { slot, tier, rest: [0; 3] }
    }
}

/// In which order a sweep gives its hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they are found: the fastest.
    Any,
    /// By time left before what spreads from this point arrives: the nearest first, to the metre on a sphere.
    Nearest(Position),
}

/// A search that gives its hits in batches. It holds no lock between them: it can be put down, taken up by another
/// thread, or dropped. Each tile is read when its turn comes, so that a batch is as fresh as can be.
pub struct Sweep {
    forest: Arc<Forest>,
    /// Tiles to read.
    due: Vec<Due>,
    order: Pending,
}

#[derive(Debug, Default)]
struct Due {
    tile: TileRef,
    scope: Scope,
}

#[derive(Debug)]
enum TileRef {
    /// A tile of the sweep's forest, by number.
    Number(u32),
    /// A part of a tile that was split.
    Part(Arc<Tile>),
}

impl Default for TileRef {
    fn default() -> Self {
        Self::Number(0)
    }
}

#[derive(Debug)]
enum Pending {
    /// `due` is read in order from here; parts of split tiles come first.
    Any {
        next: usize,
        parts: Vec<Due>,
    },
    Nearest(Box<Nearest>),
}

/// What waits, by metres from the origin: tiles by the least distance that a place in them can have, and hits of tiles
/// that were read.
#[derive(Debug)]
struct Nearest {
    eye: Eye,
    tiles: BinaryHeap<Reverse<(u32, usize)>>,
    hits: BinaryHeap<Reverse<(u32, Hit)>>,
}

impl Sweep {
    pub(super) fn new(forest: Arc<Forest>, areas: &[AffectedArea], order: Order) -> Self {
        let mut found = Vec::new();
        forest.search(areas, &mut found);
        let due: Vec<Due> =
            found.into_iter().map(|(number, scope)| Due { tile: TileRef::Number(number), scope }).collect();
        let order = match order {
            Order::Any => Pending::Any { next: 0, parts: Vec::new() },
            Order::Nearest(origin) => {
                let eye = Eye::new(Spot::of(origin));
                let tiles = due.iter().enumerate();
                let tiles = tiles.map(|(at, due)| Reverse((eye.to_rect_m(&due.rect(&forest)), at))).collect();
                Pending::Nearest(Box::new(Nearest { eye, tiles, hits: BinaryHeap::new() }))
            }
        };
        Self { forest, due, order }
    }

    /// Adds the next hits to `out`, some 8,000; false when there are no more after these.
    pub fn next_batch(&mut self, out: &mut Vec<Hit>) -> bool {
        self.next_hits(BATCH, out)
    }

    /// The same with batches that end with the tile that brings them to so many hits.
    pub fn next_hits(&mut self, enough: usize, out: &mut Vec<Hit>) -> bool {
        let full = out.len() + enough.max(1);
        match &mut self.order {
            Pending::Any { next, parts } => {
                let mut contents = Vec::with_capacity(AHEAD);
                while out.len() < full {
                    if let Some(part) = parts.pop() {
                        let content = part.tile(&self.forest).content();
                        part.read(&content, &self.forest, parts, |columns, scope, cell| {
                            collect(columns, scope, cell, out);
                        });
                        continue;
                    }
                    Tile::contents(
                        self.due[*next..].iter().take(AHEAD).map(|due| &**due.tile(&self.forest)),
                        &mut contents,
                    );
                    if contents.is_empty() {
                        return false;
                    }
                    for content in contents.drain(..) {
                        let due = std::mem::take(&mut self.due[*next]);
                        *next += 1;
                        due.read(&content, &self.forest, parts, |columns, scope, cell| {
                            collect(columns, scope, cell, out);
                        });
                        if out.len() >= full {
                            break;
                        }
                    }
                }
                *next < self.due.len() || !parts.is_empty()
            }
            Pending::Nearest(nearest) => {
                while out.len() < full {
                    if !nearest.step(&mut self.due, &self.forest, out) {
                        return false;
                    }
                }
                true
            }
        }
    }
}

impl Nearest {
    /// Gives the nearest hit, or reads the nearest tile if one may hold a nearer; false when nothing is left.
    fn step(&mut self, due: &mut Vec<Due>, forest: &Forest, out: &mut Vec<Hit>) -> bool {
        let next_tile = self.tiles.peek().map(|Reverse((metres, _))| *metres);
        let next_hit = self.hits.peek().map(|Reverse((metres, _))| *metres);
        match (next_hit, next_tile) {
            (None, None) => return false,
            (Some(hit), tile) if tile.is_none_or(|tile| hit <= tile) => {
                out.extend(self.hits.pop().map(|Reverse((_, hit))| hit));
            }
            _ => {
                let Some(Reverse((_, at))) = self.tiles.pop() else { return false };
                let mut parts = Vec::new();
                let next = std::mem::take(&mut due[at]);
                let content = next.tile(forest).content();
                next.read(&content, forest, &mut parts, |columns, mut scope, cell| {
                    for (row, tier) in scope.tiers(columns, cell).into_iter().enumerate() {
                        if let Some(tier) = tier {
                            let hit = Hit::new(Slot(columns.slots[row]), tier);
                            self.hits.push(Reverse((self.eye.to_rect_m(&columns.rect(row)), hit)));
                        }
                    }
                });
                for part in parts {
                    self.tiles.push(Reverse((self.eye.to_rect_m(&part.rect(forest)), due.len())));
                    due.push(part);
                }
            }
        }
        true
    }
}

impl Due {
    fn tile<'t>(&'t self, forest: &'t Forest) -> &'t Arc<Tile> {
        match &self.tile {
            TileRef::Number(number) => forest.tile(*number),
            TileRef::Part(tile) => tile,
        }
    }

    fn rect(&self, forest: &Forest) -> Rect {
        self.tile(forest).cell.rect()
    }

    /// Reads the tile's places, or adds the parts that it was split into.
    fn read(
        self,
        content: &Content,
        forest: &Forest,
        parts: &mut Vec<Self>,
        places: impl FnOnce(&Columns, Scope, &Cell),
    ) {
        match content {
            Content::Live(columns) => {
                let cell = self.tile(forest).cell;
                places(columns, self.scope, &cell);
            }
            Content::Split(tiles) => parts.extend(tiles.iter().filter_map(|part| {
                let scope = self.scope.narrow(&part.cell.rect())?;
                Some(Self { tile: TileRef::Part(Arc::clone(part)), scope })
            })),
        }
    }
}

impl Scope {
    fn sharpen(&mut self, rect: &Rect) {
        self.cuts.iter_mut().for_each(|(_, cut)| cut.sharpen(rect));
    }

    /// The tier of each place of a tile.
    fn tiers(&mut self, columns: &Columns, cell: &Cell) -> Vec<Option<u8>> {
        if columns.are_boxes() {
            let first = |rect: Rect| self.cuts.iter().find(|(_, cut)| cut.touches(&rect)).map(|(tier, _)| *tier);
            return (0..columns.slots.len()).map(|row| first(columns.rect(row)).or(self.whole)).collect();
        }
        self.sharpen(&cell.rect());
        let column = |values: &[u32]| values.iter().map(|&value| f64::from(value)).collect();
        let points = Points { x: column(&columns.x), y: column(&columns.y) };
        let mut tiers = vec![self.whole; columns.slots.len()];
        // The first area wins, so it is the last to write.
        for (tier, cut) in self.cuts.iter().rev() {
            for (known, inside) in tiers.iter_mut().zip(cut.select(&points)) {
                *known = if inside { Some(*tier) } else { *known };
            }
        }
        tiers
    }
}

fn collect(columns: &Columns, mut scope: Scope, cell: &Cell, out: &mut Vec<Hit>) {
    match (scope.cuts.as_slice(), scope.whole) {
        ([], Some(tier)) => out.extend(columns.slots.iter().map(|&slot| Hit::new(Slot(slot), tier))),
        ([], None) => {}
        _ => {
            let tiers = scope.tiers(columns, cell);
            let hit = |(&slot, tier): (&u32, Option<u8>)| Some(Hit::new(Slot(slot), tier?));
            out.extend(columns.slots.iter().zip(tiers).filter_map(hit));
        }
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("tiles", &self.due.len()).finish_non_exhaustive()
    }
}
