//! Where every place is: [`Index`].

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::domain::{Footprint, PlaceId, Private};

use super::cell::{Cell, class_of, key_at};
use super::columns::Entry;
use super::directory::Directory;
use super::lattice::Rect;
use super::shard::{Packed, SHARDS, Shard};
use super::tiles::{Retired, Tile};
use super::{AffectedArea, Order, Sweep};

/// So many places are in a tile at most: enough that tiles are few, and few enough that the edge of an area comes
/// through a small part of them.
const FULL: usize = 768;

/// The places of all registrations, searched by area.
///
/// Places stay in their tiles (`tiles.rs`), a tree holds the tiles. [`Index::place`] and [`Index::sweep`] may be
/// called from any thread at any time:
///
/// - A place that was acknowledged ([`Index::place`] has returned) before a sweep begins is found by it, unless it is
///   moved or removed while the sweep runs.
/// - A place that moves is in the tile it comes to before it leaves the one it was in, so that a sweep that meets it on
///   the way may find it twice; and one that moves from ground not yet swept to ground swept already is not found at
///   all. Whoever moves a place asks [`Standing`](super::Standing) afterwards, as for every arrival, and tells each
///   device once.
/// - A removed place is not found by a sweep that begins after the removal has returned.
///
/// A change never waits for a search. It waits for another change of the same tile, or of a slot of the same shard, and
/// now and then, when enough ground has been settled, for the making of the next tree.
#[derive(Debug)]
pub struct Index {
    /// Locked before the directory.
    shards: Vec<Mutex<Shard>>,
    /// Bulk loading puts so many places in a tile, and leaves room for more.
    loaded: usize,
    directory: Directory,
    /// A bit for each class of boxes that ever occurred.
    classes: AtomicU64,
    places: AtomicUsize,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An index without places.
    pub fn new() -> Self {
        Self::with_tiles_of(FULL)
    }

    /// The same with tiles of at most `full` places.
    pub(super) fn with_tiles_of(full: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            loaded: full * 3 / 4,
            directory: Directory::new(full),
            classes: AtomicU64::new(0),
            places: AtomicUsize::new(0),
        }
    }

    /// Sets where a place is, or with `None` that it is nowhere. What it was before does not matter.
    pub fn place(&self, place: PlaceId, at: Option<Footprint>) {
        let mut shard = self.shard(place).lock();
        let before = shard.get(place).and_then(|packed| self.entry(place, packed));
        if let Some(at) = at {
            let (entry, packed) = self.admit(place, at);
            shard.set(place, Some(packed));
            self.put(&entry, before.as_ref());
        } else {
            shard.set(place, None);
            if let Some(before) = &before {
                self.take(before);
            }
        }
        self.places.fetch_add(usize::from(at.is_some()), Ordering::Relaxed);
        self.places.fetch_sub(usize::from(before.is_some()), Ordering::Relaxed);
        drop(shard);
        self.directory.tend();
    }

    /// Sets where many places are. Into an empty index this is much faster than one by one; nothing else changes
    /// meanwhile.
    pub fn load(&self, places: impl IntoIterator<Item = (PlaceId, Footprint)>) {
        let mut shards: Vec<_> = self.shards.iter().map(Mutex::lock).collect();
        if self.places.load(Ordering::Relaxed) > 0 {
            drop(shards);
            places.into_iter().for_each(|(place, at)| self.place(place, Some(at)));
            return;
        }
        let mut entries = Vec::new();
        let mut repeated = false;
        for (place, at) in places {
            let (entry, packed) = self.admit(place, at);
            let shard = &mut shards[Shard::of(place)];
            repeated |= shard.get(place).is_some();
            shard.set(place, Some(packed));
            entries.push(entry);
        }
        if repeated {
            entries.sort_by_key(|entry| entry.place);
            entries.dedup_by(|later, earlier| {
                let same = later.place == earlier.place;
                if same {
                    *earlier = *later;
                }
                same
            });
        }
        entries.sort_unstable_by_key(|entry| entry.key);
        let mut tiles = Vec::new();
        for class in entries.chunk_by(|a, b| Cell::of_class(a.key) == Cell::of_class(b.key)) {
            Tile::cut(Cell::of_class(class[0].key), class, self.loaded, &mut tiles);
        }
        self.directory.replace(&tiles);
        self.places.store(entries.len(), Ordering::Relaxed);
        for shard in &mut shards {
            shard.shrink();
        }
    }

    /// Where a place is.
    pub fn position(&self, place: PlaceId) -> Option<Footprint> {
        let shard = self.shard(place).lock();
        let packed = shard.get(place)?;
        if packed.is_box() {
            return self.entry(place, packed).map(|entry| entry.rect.footprint());
        }
        Some(Footprint::Point(Private::new(packed.centre().position())))
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins a search for the places that touch any of `areas`: of these the first that a place touches is its tier.
    /// Areas beyond the 256th are not looked at.
    pub fn sweep(&self, areas: &[AffectedArea], order: Order) -> Sweep {
        Sweep::new(self.directory.forest(), areas, order)
    }

    /// Bytes on the heap: columns, tiles, tree and the map from slots, with what they have in reserve.
    pub fn memory_bytes(&self) -> usize {
        let shards: usize = self.shards.iter().map(|shard| shard.lock().memory_bytes()).sum();
        shards + SHARDS * size_of::<Mutex<Shard>>() + self.directory.memory_bytes()
    }
}

/// Tiles, found and made. The shard of the place is locked meanwhile.
impl Index {
    fn shard(&self, place: PlaceId) -> &Mutex<Shard> {
        &self.shards[Shard::of(place)]
    }

    fn admit(&self, place: PlaceId, at: Footprint) -> (Entry, Packed) {
        let (rect, boxed) = (Rect::of(at), matches!(at, Footprint::Box { .. }));
        let entry = Entry::new(place, rect, boxed);
        self.classes.fetch_or(1 << class_of(entry.key), Ordering::Relaxed);
        (entry, Packed::new(&rect, boxed))
    }

    /// A place as its tile holds it.
    fn entry(&self, place: PlaceId, packed: Packed) -> Option<Entry> {
        let centre = Rect::point(packed.centre());
        if !packed.is_box() {
            return Some(Entry::new(place, centre, false));
        }
        let classes = self.classes.load(Ordering::Relaxed);
        let known = (1..u64::BITS).filter(|class| classes & 1 << class != 0);
        known.map(|class| key_at(class, packed.centre(), place)).find_map(|key| {
            let rect = attempt(|| self.directory.tile_at(key).map_or(Ok(None), |tile| tile.find_box(place)))?;
            Some(Entry { key, place, rect })
        })
    }

    fn put(&self, entry: &Entry, before: Option<&Entry>) {
        let (tile, count) = attempt(|| {
            let tile = self.directory.tile_for(entry.key);
            if let Some(before) = before.filter(|before| tile.cell.holds(before.key)) {
                tile.shift(before, &entry.rect)?;
                return Ok((tile, 0));
            }
            let count = tile.add(entry.place, &entry.rect)?;
            Ok((tile, count))
        });
        // Only now that it is found in its new tile it leaves the old one.
        if let Some(before) = before.filter(|_| count > 0) {
            self.take(before);
        }
        self.directory.split(&tile, count);
    }

    fn take(&self, entry: &Entry) {
        let left = attempt(|| self.directory.tile_at(entry.key).map_or(Ok(1), |tile| tile.remove(entry)));
        if left == 0 {
            self.directory.emptied();
        }
    }
}

/// Tries until no other change has retired the tile in between.
fn attempt<T>(mut change: impl FnMut() -> Result<T, Retired>) -> T {
    loop {
        if let Ok(done) = change() {
            return done;
        }
    }
}
