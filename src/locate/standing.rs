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
    /// The leaves of each key. They are kept, since the box of a circle is not cheap.
    entries: Mutex<Vec<(K, Vec<Leaf<K>>)>>,
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
        let leaves = leaves(key, &areas.into());
        let mut entries = self.entries.lock();
        entries.retain(|(known, _)| *known != key);
        entries.push((key, leaves));
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
    /// Where there is nothing, nothing is allocated.
    pub fn at(&self, place: Footprint) -> Vec<(K, u8)> {
        let tree = self.tree.load();
        let mut found: Vec<(K, u8)> = Vec::new();
        for leaf in tree.locate_in_envelope_intersecting(envelope(&Rect::of(place))) {
            let known = found.iter_mut().find(|(key, _)| *key == leaf.key);
            // An area that is looked up by several boxes, or one behind another that was found, is not tested again.
            if known.as_ref().is_some_and(|(_, tier)| *tier <= leaf.tier) {
                continue;
            }
            if leaf.areas[usize::from(leaf.tier)].touches(place) {
                match known {
                    Some((_, tier)) => *tier = leaf.tier,
                    None => found.push((leaf.key, leaf.tier)),
                }
            }
        }
        found
    }

    fn plant(&self, entries: &[(K, Vec<Leaf<K>>)]) {
        let leaves = entries.iter().flat_map(|(_, leaves)| leaves).cloned().collect();
        self.tree.store(Arc::new(RTree::bulk_load(leaves)));
    }
}

/// The boxes of each area.
fn leaves<K: Copy>(key: K, areas: &Arc<[AffectedArea]>) -> Vec<Leaf<K>> {
    let tiers = (0..=u8::MAX).zip(areas.iter());
    let leaves = tiers.flat_map(|(tier, area)| {
        area.bounds().into_iter().map(move |rect| Leaf { key, tier, areas: Arc::clone(areas), rect })
    });
    leaves.collect()
}

impl<K: Copy + Eq + Hash> Default for Standing<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn envelope(rect: &Rect) -> AABB<[f64; 2]> {
    AABB::from_corners([f64::from(rect.x0), f64::from(rect.y0)], [f64::from(rect.x1), f64::from(rect.y1)])
}
