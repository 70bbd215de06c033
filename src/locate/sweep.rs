//! A search for the places in some areas, batch by batch: [`Sweep`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;

use crate::domain::{Position, Slot};

use super::AffectedArea;
use super::circle::Eye;
use super::forest::{Forest, Scope};
use super::lattice::{Rect, Spot};
use super::tiles::{Columns, Content, Tile};

/// A batch ends with the tile that brings it to this many hits.
const BATCH: usize = 8_192;

/// A place in one of the areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hit {
    /// The registration whose place it is. One with several places may be hit several times.
    pub slot: Slot,
    /// Which of the sweep's areas: the first that the place touches.
    pub tier: u8,
}

/// In which order a sweep gives its hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they are found: the fastest.
    Any,
    /// By time left before what spreads from this point arrives: the nearest first, to the metre on a sphere.
    Nearest(Position),
}

/// A search that gives its hits in batches. It holds no lock between them: it can be put down, taken up by another thread,
/// or dropped. Each tile is read when its turn comes, so that a batch is as fresh as can be.
pub struct Sweep {
    forest: Arc<Forest>,
    /// Tiles to read.
    todo: Vec<Todo>,
    order: Pending,
}

#[derive(Debug, Default)]
struct Todo {
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
    /// `todo` is read in order from here; parts of split tiles come first.
    Any {
        next: usize,
        parts: Vec<Todo>,
    },
    Nearest(Box<Nearest>),
}

/// What waits, by metres from the origin: tiles by the least distance that a place in them can have, and hits of tiles that
/// were read.
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
        let todo: Vec<Todo> =
            found.into_iter().map(|(number, scope)| Todo { tile: TileRef::Number(number), scope }).collect();
        let order = match order {
            Order::Any => Pending::Any { next: 0, parts: Vec::new() },
            Order::Nearest(origin) => {
                let eye = Eye::new(Spot::of(origin));
                let tiles = todo.iter().enumerate();
                let tiles = tiles.map(|(at, todo)| Reverse((eye.to_rect_m(&todo.rect(&forest)), at))).collect();
                Pending::Nearest(Box::new(Nearest { eye, tiles, hits: BinaryHeap::new() }))
            }
        };
        Self { forest, todo, order }
    }

    /// Adds the next hits to `out`, some 8,000; false when there are no more after these.
    pub fn next_batch(&mut self, out: &mut Vec<Hit>) -> bool {
        let full = out.len() + BATCH;
        match &mut self.order {
            Pending::Any { next, parts } => {
                while out.len() < full {
                    let todo = match parts.pop() {
                        Some(part) => part,
                        None => match self.todo.get_mut(*next) {
                            Some(todo) => {
                                *next += 1;
                                std::mem::take(todo)
                            }
                            None => return false,
                        },
                    };
                    todo.read(&self.forest, parts, |columns, scope, rect| collect(columns, scope, rect, out));
                }
                *next < self.todo.len() || !parts.is_empty()
            }
            Pending::Nearest(nearest) => {
                while out.len() < full {
                    if !nearest.step(&mut self.todo, &self.forest, out) {
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
    fn step(&mut self, todo: &mut Vec<Todo>, forest: &Forest, out: &mut Vec<Hit>) -> bool {
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
                std::mem::take(&mut todo[at]).read(forest, &mut parts, |columns, mut scope, rect| {
                    scope.sharpen(&rect);
                    for row in 0..columns.slots.len() {
                        if let Some(tier) = scope.tier(columns, row) {
                            let hit = Hit { slot: Slot(columns.slots[row]), tier };
                            self.hits.push(Reverse((self.eye.to_rect_m(&columns.rect(row)), hit)));
                        }
                    }
                });
                for part in parts {
                    self.tiles.push(Reverse((self.eye.to_rect_m(&part.rect(forest)), todo.len())));
                    todo.push(part);
                }
            }
        }
        true
    }
}

impl Todo {
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
    fn read(self, forest: &Forest, parts: &mut Vec<Self>, places: impl FnOnce(&Columns, Scope, Rect)) {
        let tile = self.tile(forest);
        match &*tile.content() {
            Content::Live(columns) => {
                let rect = tile.cell.rect();
                places(columns, self.scope, rect);
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

    fn tier(&self, columns: &Columns, row: usize) -> Option<u8> {
        let first = if columns.are_boxes() {
            let rect = columns.rect(row);
            self.cuts.iter().find(|(_, cut)| cut.touches(&rect))
        } else {
            let spot = Spot { x: columns.x[row], y: columns.y[row] };
            self.cuts.iter().find(|(_, cut)| cut.contains(spot))
        };
        first.map(|(tier, _)| *tier).or(self.whole)
    }
}

fn collect(columns: &Columns, mut scope: Scope, rect: Rect, out: &mut Vec<Hit>) {
    match (scope.cuts.as_slice(), scope.whole) {
        ([], Some(tier)) => out.extend(columns.slots.iter().map(|&slot| Hit { slot: Slot(slot), tier })),
        ([], None) => {}
        _ => {
            scope.sharpen(&rect);
            out.extend(
                (0..columns.slots.len())
                    .filter_map(|row| Some(Hit { slot: Slot(columns.slots[row]), tier: scope.tier(columns, row)? })),
            );
        }
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("tiles", &self.todo.len()).finish_non_exhaustive()
    }
}
