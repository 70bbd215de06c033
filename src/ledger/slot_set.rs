//! A set of device slots that many threads add to at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::DeviceSlot;

const WORDS: usize = 1_024;
/// Slots in a leaf: 8 KiB.
const LEAF: u32 = WORDS as u32 * 64;
const FAN: usize = 256;

type Leaf = [AtomicU64; WORDS];
type Branch = [OnceLock<Box<Leaf>>; FAN];
type Root = [OnceLock<Box<Branch>>; FAN];

/// A set of slots, one bit each, in leaves of 65,536 that are made when the first of theirs comes in. Adding and asking
/// take no lock; a set that nothing was added to takes 16 bytes.
#[derive(Default)]
pub struct SlotSet {
    root: OnceLock<Box<Root>>,
}

impl SlotSet {
    /// Adds a slot; false if it was in already. Of several that add the same one, one gets true.
    pub fn insert(&self, slot: DeviceSlot) -> bool {
        let (word, bit) = position(slot);
        let word = &self.leaf_or_new(slot)[word];
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Adds a slot to a set that nobody else has: cheaper than [`Self::insert`].
    pub fn insert_mut(&mut self, slot: DeviceSlot) -> bool {
        self.leaf_or_new(slot);
        let (word, bit) = position(slot);
        let (branch, leaf) = path(slot);
        let leaf =
            self.root.get_mut().and_then(|root| root[branch].get_mut()).and_then(|branch| branch[leaf].get_mut());
        let word = leaf.expect("the leaf was just made")[word].get_mut();
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Takes a slot out.
    pub fn remove(&self, slot: DeviceSlot) {
        let (word, bit) = position(slot);
        if let Some(leaf) = self.leaf(slot)
            && leaf[word].load(Ordering::Relaxed) & bit != 0
        {
            leaf[word].fetch_and(!bit, Ordering::AcqRel);
        }
    }

    /// Whether a slot is in.
    pub fn contains(&self, slot: DeviceSlot) -> bool {
        let (word, bit) = position(slot);
        self.leaf(slot).is_some_and(|leaf| leaf[word].load(Ordering::Acquire) & bit != 0)
    }

    /// The slots that are in, ascending. One that comes in meanwhile may be left out.
    pub fn iter(&self) -> impl Iterator<Item = DeviceSlot> + '_ {
        self.words().flat_map(|(first, word)| {
            let mut bits = word;
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros())?;
                bits &= bits - 1;
                Some(DeviceSlot(first + bit))
            })
        })
    }

    /// How many are in.
    pub fn len(&self) -> u64 {
        self.words().map(|(_, word)| u64::from(word.count_ones())).sum()
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds all of another set.
    pub fn absorb(&self, other: &Self) {
        for (first, word) in other.words() {
            let slot = DeviceSlot(first);
            self.leaf_or_new(slot)[position(slot).0].fetch_or(word, Ordering::AcqRel);
        }
    }

    /// Words with a bit set, each with the slot that its lowest bit stands for.
    fn words(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let branches = self.root.get().into_iter().flat_map(|root| root.iter().enumerate());
        let leaves = branches.flat_map(|(high, branch)| {
            let leaves = branch.get().into_iter().flat_map(|branch| branch.iter().enumerate());
            leaves.filter_map(move |(low, leaf)| leaf.get().map(|leaf| ((high * FAN + low) as u32 * LEAF, leaf)))
        });
        leaves.flat_map(|(first, leaf)| {
            let word =
                move |(index, word): (usize, &AtomicU64)| (first + index as u32 * 64, word.load(Ordering::Acquire));
            leaf.iter().enumerate().map(word).filter(|(_, word)| *word != 0)
        })
    }

    fn leaf(&self, slot: DeviceSlot) -> Option<&Leaf> {
        let (branch, leaf) = path(slot);
        self.root.get()?[branch].get()?[leaf].get().map(|leaf| &**leaf)
    }

    fn leaf_or_new(&self, slot: DeviceSlot) -> &Leaf {
        let (branch, leaf) = path(slot);
        let root = self.root.get_or_init(|| Box::new([const { OnceLock::new() }; FAN]));
        let branch = root[branch].get_or_init(|| Box::new([const { OnceLock::new() }; FAN]));
        branch[leaf].get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS]))
    }
}

fn path(slot: DeviceSlot) -> (usize, usize) {
    let leaf = (slot.0 / LEAF) as usize;
    (leaf / FAN, leaf % FAN)
}

fn position(slot: DeviceSlot) -> (usize, u64) {
    ((slot.0 % LEAF / 64) as usize, 1 << (slot.0 % 64))
}

impl std::fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotSet").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slots() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![0..200_u32, 65_500..65_600_u32, any::<u32>()], 0..80)
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(added in slots(), more in slots(), removed in slots()) {
            let mut set = SlotSet::default();
            let mut model = BTreeSet::new();
            for slot in added {
                prop_assert_eq!(set.insert(DeviceSlot(slot)), model.insert(slot));
            }
            for slot in more {
                prop_assert_eq!(set.insert_mut(DeviceSlot(slot)), model.insert(slot));
            }
            for slot in removed {
                set.remove(DeviceSlot(slot));
                model.remove(&slot);
                prop_assert!(!set.contains(DeviceSlot(slot)));
            }
            let both = SlotSet::default();
            both.absorb(&set);
            let slots: Vec<_> = both.iter().map(|slot| slot.0).collect();
            prop_assert_eq!(slots, model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert!(model.iter().all(|&slot| set.contains(DeviceSlot(slot))));
        }
    }

    #[test]
    fn of_many_that_add_the_same_slot_one_is_first() {
        let set = SlotSet::default();
        let firsts: u32 = std::thread::scope(|scope| {
            let add = || (0..20_000).filter(|&slot| set.insert(DeviceSlot(slot))).count() as u32;
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(firsts, 20_000);
    }
}
