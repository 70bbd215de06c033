//! A set of device slots that many threads add to at once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::DeviceSlot;

use super::leaves::{LEAF, Leaves};

/// Words in a leaf, of 8 KiB.
const WORDS: usize = LEAF as usize / 64;

/// A set of slots, one bit each. Adding and asking take no lock.
#[derive(Default)]
pub struct SlotSet {
    leaves: Leaves<WORDS>,
}

impl SlotSet {
    /// Adds a slot; false if it was in already. Of several that add the same one, one gets true.
    pub fn insert(&self, slot: DeviceSlot) -> bool {
        let (word, bit) = position(slot);
        let word = &self.leaves.leaf_or_new(slot)[word];
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Takes a slot out; false if it was not in. Of several that take the same one, one gets true.
    pub fn remove(&self, slot: DeviceSlot) -> bool {
        let (word, bit) = position(slot);
        self.leaves.leaf(slot).is_some_and(|leaf| {
            leaf[word].load(Ordering::Relaxed) & bit != 0 && leaf[word].fetch_and(!bit, Ordering::AcqRel) & bit != 0
        })
    }

    /// Whether a slot is in.
    pub fn contains(&self, slot: DeviceSlot) -> bool {
        let (word, bit) = position(slot);
        self.leaves.leaf(slot).is_some_and(|leaf| leaf[word].load(Ordering::Acquire) & bit != 0)
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
        self.words().next().is_none()
    }

    /// Words with a bit set, each with the slot that its lowest bit stands for.
    fn words(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.leaves.iter().flat_map(|(first, leaf)| {
            let word =
                move |(index, word): (usize, &AtomicU64)| (first + index as u32 * 64, word.load(Ordering::Acquire));
            leaf.iter().enumerate().map(word).filter(|(_, word)| *word != 0)
        })
    }
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
        fn it_holds_what_a_set_holds(added in slots(), removed in slots()) {
            let set = SlotSet::default();
            let mut model = BTreeSet::new();
            for slot in added {
                prop_assert_eq!(set.insert(DeviceSlot(slot)), model.insert(slot));
            }
            for slot in removed {
                prop_assert_eq!(set.remove(DeviceSlot(slot)), model.remove(&slot));
                prop_assert!(!set.contains(DeviceSlot(slot)));
            }
            let slots: Vec<_> = set.iter().map(|slot| slot.0).collect();
            prop_assert_eq!(set.is_empty(), model.is_empty());
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
