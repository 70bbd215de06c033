//! All tiles, by cell for changes and in a tree for searches: [`Directory`].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::cell::Cell;
use super::forest::Forest;
use super::tiles::{Merger, Tile};

/// All tiles. Their cells are apart, so that a place can be in one of them alone.
///
/// A tile can be found by searches as soon as it is here: it is in the forest itself, or in the place of one that is.
#[derive(Debug)]
pub(super) struct Directory {
    /// A tile with more places than this is split.
    full: usize,
    /// Every live tile by its cell's start. Locked before a tile.
    tiles: RwLock<BTreeMap<u128, Arc<Tile>>>,
    /// What searches see. Stored only under the write lock of `tiles`.
    forest: ArcSwap<Forest>,
    /// Held by whoever makes the next tree.
    planting: Mutex<()>,
    /// How many tiles were made or have become empty since the tree was.
    stale: AtomicUsize,
}

impl Directory {
    /// No tiles yet; none will have more than `full` places.
    pub(super) fn new(full: usize) -> Self {
        Self {
            full,
            tiles: RwLock::default(),
            forest: ArcSwap::default(),
            planting: Mutex::default(),
            stale: AtomicUsize::new(0),
        }
    }

    /// Puts `tiles` in place of the ones that are here, which must be empty.
    pub(super) fn replace(&self, tiles: &[Arc<Tile>]) {
        let _planting = self.planting.lock();
        let forest = Forest::plant(tiles);
        let mut directory = self.tiles.write();
        let empty: Vec<_> = directory.values().cloned().collect();
        for merger in Merger::find(&empty, 0, &mut Vec::new()) {
            merger.apply(&mut directory);
        }
        *directory = tiles.iter().map(|tile| (tile.cell.start(), Arc::clone(tile))).collect();
        self.forest.store(Arc::new(forest));
        self.stale.store(0, Ordering::Relaxed);
    }

    pub(super) fn forest(&self) -> Arc<Forest> {
        self.forest.load_full()
    }

    /// The tile whose cell holds `key`.
    pub(super) fn tile_at(&self, key: u128) -> Option<Arc<Tile>> {
        find(&self.tiles.read(), key).cloned()
    }

    /// The tile whose cell holds `key`; made if there is none.
    pub(super) fn tile_for(&self, key: u128) -> Arc<Tile> {
        if let Some(tile) = self.tile_at(key) {
            return tile;
        }
        let mut directory = self.tiles.write();
        if let Some(tile) = find(&directory, key) {
            return Arc::clone(tile);
        }
        let before = directory.range(..=key).next_back();
        let after = directory.range((Bound::Excluded(key), Bound::Unbounded)).next();
        let cell = Cell::between(key, before.into_iter().chain(after).map(|(&start, _)| start));
        let tile = Tile::new(cell, &[]);
        directory.insert(cell.start(), Arc::clone(&tile));
        self.forest.store(Arc::new(self.forest.load().with([Arc::clone(&tile)])));
        self.stale.fetch_add(1, Ordering::Relaxed);
        tile
    }

    /// Splits a tile that has come to hold so many places, if that is too many.
    pub(super) fn split(&self, tile: &Arc<Tile>, count: usize) {
        if count <= self.full {
            return;
        }
        let mut directory = self.tiles.write();
        if let Some(parts) = tile.split(self.full) {
            directory.remove(&tile.cell.start());
            self.stale.fetch_add(parts.len(), Ordering::Relaxed);
            directory.extend(parts.into_iter().map(|part| (part.cell.start(), part)));
        }
    }

    /// Takes note that a tile has become empty.
    pub(super) fn emptied(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the next tree when enough tiles have changed. First, tiles of few places are made one with their
    /// neighbours, and empty ones forgotten: so what tiles cost is bounded by what is in them, wherever it was before.
    pub(super) fn tend(&self) {
        if self.stale.load(Ordering::Relaxed) < self.full / 12 + self.forest.load().tree_size() / 8 {
            return;
        }
        let Some(_planting) = self.planting.try_lock() else { return };
        self.stale.store(0, Ordering::Relaxed);
        let (tiles, known): (Vec<_>, usize) = {
            let directory = self.tiles.read();
            (directory.values().cloned().collect(), self.forest.load().fresh().len())
        };
        let mut planned = Vec::with_capacity(tiles.len());
        let mergers = Merger::find(&tiles, self.full / 4, &mut planned);
        let tree = Forest::plant(&planned);
        // A merged tile may hold ground that had no tile: so nobody may put a place there before searches find it.
        let mut directory = self.tiles.write();
        let not_merged: Vec<_> = mergers.into_iter().flat_map(|merger| merger.apply(&mut directory)).collect();
        let since = self.forest.load_full();
        self.forest.store(Arc::new(tree.with(since.fresh()[known..].iter().cloned().chain(not_merged))));
    }

    /// Bytes on the heap, with what is in reserve.
    pub(super) fn memory_bytes(&self) -> usize {
        let directory = self.tiles.read();
        let tiles: usize = directory.values().map(|tile| tile.memory_bytes()).sum();
        // The nodes of a B-tree are half full or more.
        let entries = directory.len() * 2 * (size_of::<u128>() + size_of::<Arc<Tile>>());
        tiles + entries + self.forest.load().memory_bytes()
    }
}

fn find(directory: &BTreeMap<u128, Arc<Tile>>, key: u128) -> Option<&Arc<Tile>> {
    let (_, tile) = directory.range(..=key).next_back()?;
    tile.cell.holds(key).then_some(tile)
}
