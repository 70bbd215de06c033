//! Tiles: the places of one cell of the globe, in dense columns.
//!
//! A tile's places lie behind an [`Arc`] that a search takes along. A search holds the tile's lock only to clone it; a
//! change finds it shared only while a search reads, and then copies the columns. So a change never waits for a search,
//! and a search waits at most for one such copy. What replaces a tile is made beside it: the lock is held only to put
//! it in place, if nothing has changed meanwhile.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::PlaceId;

use super::cell::Cell;
use super::columns::{Columns, Entry};
use super::lattice::Rect;

/// The places of one cell.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) cell: Cell,
    content: Mutex<Arc<Content>>,
}

/// What a tile holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Places.
    Live(Columns),
    /// Nothing any more: the places of its cell are in these tiles, which may hold others too.
    Moved(Vec<Arc<Tile>>),
}

/// The tile was split, merged or forgotten before it could be changed.
#[derive(Debug)]
pub(super) struct Retired;

impl Tile {
    pub(super) fn new(cell: Cell, entries: &[Entry]) -> Arc<Self> {
        let columns = Columns::of(&cell, entries);
        Arc::new(Self { cell, content: Mutex::new(Arc::new(Content::Live(columns))) })
    }

    /// Cuts `entries`, sorted by key and all of `cell`, into tiles of at most `limit` places.
    pub(super) fn cut(cell: Cell, entries: &[Entry], limit: usize, out: &mut Vec<Arc<Self>>) {
        match (entries.is_empty(), cell.halves()) {
            (true, _) => {}
            (false, Some([low, high])) if entries.len() > limit => {
                let (lower, upper) = entries.split_at(entries.partition_point(|entry| low.holds(entry.key)));
                Self::cut(low, lower, limit, out);
                Self::cut(high, upper, limit, out);
            }
            _ => out.push(Self::new(cell, entries)),
        }
    }

    /// What the tile holds now; later changes do not touch what was taken.
    pub(super) fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content.lock())
    }

    /// What each of some tiles holds now.
    ///
    /// Tiles lie far apart in memory, and a processor waits for one thing at a time behind a lock, but not in front of
    /// it: a look at all the locks, and later at all the columns, fetches them side by side.
    pub(super) fn contents<'t>(tiles: impl Iterator<Item = &'t Self> + Clone, out: &mut Vec<Arc<Content>>) {
        black_box(tiles.clone().filter(|tile| tile.content.is_locked()).count());
        out.extend(tiles.map(Self::content));
        black_box(out.iter().fold(0, |mixed, content| match &**content {
            Content::Live(columns) => mixed ^ columns.slots.first().copied().unwrap_or_default(),
            Content::Moved(_) => mixed,
        }));
    }

    /// Adds a place that is not in the tile; gives back how many there are.
    pub(super) fn add(&self, place: PlaceId, rect: &Rect) -> Result<usize, Retired> {
        self.change(|columns| {
            columns.push(place, rect, self.cell.is_of_boxes());
            columns.slots.len()
        })
    }

    /// Moves a place that is in the tile.
    pub(super) fn shift(&self, entry: &Entry, rect: &Rect) -> Result<(), Retired> {
        self.change(|columns| {
            let row = columns.find(entry);
            debug_assert!(row.is_some(), "it is where its shard says");
            if let Some(row) = row {
                columns.set(row, rect);
            }
        })
    }

    /// Takes out a place that is in the tile; gives back how many are left.
    pub(super) fn remove(&self, entry: &Entry) -> Result<usize, Retired> {
        self.change(|columns| {
            let row = columns.find(entry);
            debug_assert!(row.is_some(), "it is where its shard says");
            if let Some(row) = row {
                columns.swap_remove(row);
            }
            columns.slots.len()
        })
    }

    /// The box that a place is, if it is in the tile.
    pub(super) fn find_box(&self, place: PlaceId) -> Result<Option<Rect>, Retired> {
        match &**self.content.lock() {
            Content::Live(columns) => Ok(columns.find_box(place).map(|row| columns.rect(row))),
            Content::Moved(_) => Err(Retired),
        }
    }

    /// Splits a tile of more than `full` places; gives back the new ones. Nobody who has not found the tile yet may
    /// find it meanwhile.
    pub(super) fn split(self: &Arc<Self>, full: usize) -> Option<Vec<Arc<Self>>> {
        loop {
            let known = self.content();
            let Content::Live(columns) = &*known else { return None };
            if columns.slots.len() <= full || self.cell.halves().is_none() {
                return None;
            }
            let mut entries: Vec<Entry> = columns.entries().collect();
            entries.sort_unstable_by_key(|entry| entry.key);
            let mut tiles = Vec::new();
            Self::cut(self.cell, &entries, full, &mut tiles);
            // Else somebody who had found it before has changed it, and there are few of them.
            if retire(&[Known { tile: self, content: known }], &tiles) {
                return Some(tiles);
            }
        }
    }

    /// Bytes on the heap, with its own two counts each for tile and content.
    pub(super) fn memory_bytes(&self) -> usize {
        let columns = match &**self.content.lock() {
            Content::Live(columns) => columns.memory_bytes(),
            Content::Moved(tiles) => tiles.capacity() * size_of::<Arc<Self>>(),
        };
        size_of::<Self>() + size_of::<Content>() + 4 * size_of::<usize>() + columns
    }

    fn change<T>(&self, change: impl FnOnce(&mut Columns) -> T) -> Result<T, Retired> {
        let mut content = self.content.lock();
        if matches!(**content, Content::Moved(_)) {
            return Err(Retired);
        }
        match Arc::make_mut(&mut content) {
            Content::Live(columns) => Ok(change(columns)),
            Content::Moved(_) => Err(Retired),
        }
    }
}

/// A tile as it was found.
struct Known<'t> {
    tile: &'t Arc<Tile>,
    content: Arc<Content>,
}

/// Tiles with few places or none, and the one that is to take their place.
pub(super) struct Merger<'t> {
    cell: Cell,
    old: Vec<Known<'t>>,
    new: Option<Arc<Tile>>,
}

impl<'t> Merger<'t> {
    /// Finds those of `tiles`, all live ones in order of their cells, that are to be merged, for they have up to
    /// `sparse` places together, or forgotten. What there will be then goes to `planned`.
    pub(super) fn find(tiles: &'t [Arc<Tile>], sparse: usize, planned: &mut Vec<Arc<Tile>>) -> Vec<Self> {
        let known = |tile: &'t Arc<Tile>| Known { tile, content: tile.content() };
        let known: Vec<Known<'t>> = tiles.iter().map(known).collect();
        let class = |known: &Known<'_>| Cell::of_class(known.tile.cell.start());
        let mut found = Vec::new();
        for known in known.chunk_by(|a, b| class(a) == class(b)) {
            Self::find_in(class(&known[0]), known, sparse, planned, &mut found);
        }
        found
    }

    /// The same of all tiles of one cell, as [`Tile::cut`] would have cut their places.
    fn find_in(cell: Cell, known: &[Known<'t>], sparse: usize, planned: &mut Vec<Arc<Tile>>, found: &mut Vec<Self>) {
        // There is no count of one that has been split since its tile was found.
        let count = known.iter().try_fold(0, |sum, known| Some(sum + known.columns()?.slots.len()));
        match (known, count) {
            ([], _) => {}
            ([one], None | Some(1..)) => planned.push(Arc::clone(one.tile)),
            (_, Some(count)) if count <= sparse => {
                let entries: Vec<Entry> = known.iter().filter_map(Known::columns).flat_map(Columns::entries).collect();
                let new = (count > 0).then(|| Tile::new(cell, &entries));
                planned.extend(new.clone());
                let old = known.iter().map(|known| Known { tile: known.tile, content: Arc::clone(&known.content) });
                found.push(Self { cell, old: old.collect(), new });
            }
            _ => {
                let [low, high] = cell.halves().expect("a cell that holds several cells can be halved");
                let (lower, upper) = known.split_at(known.partition_point(|known| low.holds(known.tile.cell.start())));
                Self::find_in(low, lower, sparse, planned, found);
                Self::find_in(high, upper, sparse, planned, found);
            }
        }
    }

    /// Puts the new tile in place of the old ones in the directory. If any of the ground has changed since it was made,
    /// it is the new one that is forgotten, and the old ones are given back.
    pub(super) fn apply(self, directory: &mut BTreeMap<u128, Arc<Tile>>) -> Vec<Arc<Tile>> {
        let here = directory.range(self.cell.start()..=self.cell.end()).count();
        if here == self.old.len() && retire(&self.old, self.new.as_slice()) {
            for known in &self.old {
                directory.remove(&known.tile.cell.start());
            }
            directory.extend(self.new.map(|tile| (tile.cell.start(), tile)));
            return Vec::new();
        }
        if let Some(new) = &self.new {
            *new.content.lock() = Arc::new(Content::Moved(Vec::new()));
        }
        self.old.iter().map(|known| Arc::clone(known.tile)).collect()
    }
}

impl Known<'_> {
    fn columns(&self) -> Option<&Columns> {
        match &*self.content {
            Content::Live(columns) => Some(columns),
            Content::Moved(_) => None,
        }
    }
}

/// Moves all places of some tiles, in order of their cells, to others, unless any has changed since it was found.
fn retire(known: &[Known<'_>], into: &[Arc<Tile>]) -> bool {
    let mut contents: Vec<_> = known.iter().map(|known| known.tile.content.lock()).collect();
    let unchanged = contents.iter().zip(known).all(|(content, known)| Arc::ptr_eq(content, &known.content));
    if unchanged {
        for content in &mut contents {
            **content = Arc::new(Content::Moved(into.to_vec()));
        }
    }
    unchanged
}
