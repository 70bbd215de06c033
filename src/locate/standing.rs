//! Areas in force, searched by a place: [`Standing`].

use std::hash::Hash;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rstar::{AABB, RTree, RTreeObject};

use crate::domain::Footprint;

use super::AffectedArea;
use super::lattice::Rect;

/// Areas in force by what they belong to, each with its tiers, highest first.
///
/// Areas are few and change seldom, places ask often: a change makes the tree anew, and [`Standing::at`] takes no lock.
/// What was inserted before a question begins is found by it, and what was removed is not.
pub struct Standing<K> {
    tree: ArcSwap<RTree<Leaf<K>>>,
    entries: Mutex<Vec<(K, Arc<[AffectedArea]>)>>,
}

/// One of the boxes that hold an area.
#[derive(Debug, Clone)]
struct Leaf<K> {
    key: K,
    tier: u8,
    areas: Arc<[AffectedArea]>,
    rect: Rect,
}

impl<K> RTreeObject for Leaf<K> {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        envelope(&self.rect)
    }
}

impl<K: Copy + Eq + Hash> Standing<K> {
    /// Nothing in force.
    pub fn new() -> Self {
        Self { tree: ArcSwap::from_pointee(RTree::new()), entries: Mutex::default() }
    }

    /// Puts `areas` in force for `key`, in place of those that were. Areas beyond the 256th are not looked at.
    pub fn insert(&self, key: K, areas: Vec<AffectedArea>) {
        let mut entries = self.entries.lock();
        entries.retain(|(known, _)| *known != key);
        entries.push((key, areas.into()));
        self.plant(&entries);
    }

    /// Nothing of `key` is in force any more.
    pub fn remove(&self, key: K) {
        self.retain(|known| *known != key);
    }

    /// Nothing is in force any more but what belongs to a key that is to be kept.
    pub fn retain(&self, keep: impl Fn(&K) -> bool) {
        let mut entries = self.entries.lock();
        let before = entries.len();
        entries.retain(|(known, _)| keep(known));
        if entries.len() < before {
            self.plant(&entries);
        }
    }

    /// Whether nothing is in force anywhere.
    pub fn is_empty(&self) -> bool {
        self.tree.load().size() == 0
    }

    /// What is in force at a place: each key whose areas it touches, once, with the position of the first of them.
    pub fn at(&self, place: Footprint) -> Vec<(K, u8)> {
        let tree = self.tree.load();
        let mut leaves: Vec<&Leaf<K>> = tree.locate_in_envelope_intersecting(envelope(&Rect::of(place))).collect();
        leaves.sort_unstable_by_key(|leaf| leaf.tier);
        let mut found: Vec<(K, u8)> = Vec::new();
        for leaf in leaves {
            let known = found.iter().any(|(key, _)| *key == leaf.key);
            if !known && leaf.areas[usize::from(leaf.tier)].touches(place) {
                found.push((leaf.key, leaf.tier));
            }
        }
        found
    }

    fn plant(&self, entries: &[(K, Arc<[AffectedArea]>)]) {
        let leaves = entries.iter().flat_map(|(key, areas)| {
            (0..=u8::MAX).zip(areas.iter()).flat_map(move |(tier, area)| {
                area.bounds().into_iter().map(move |rect| Leaf { key: *key, tier, areas: Arc::clone(areas), rect })
            })
        });
        self.tree.store(Arc::new(RTree::bulk_load(leaves.collect())));
    }
}

impl<K: Copy + Eq + Hash> Default for Standing<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn envelope(rect: &Rect) -> AABB<[f64; 2]> {
    AABB::from_corners([f64::from(rect.x0), f64::from(rect.y0)], [f64::from(rect.x1), f64::from(rect.y1)])
}
