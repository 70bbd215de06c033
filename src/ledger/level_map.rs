//! A small number for each device, which many threads set at once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::DeviceSlot;

use super::leaves::{LEAF, Leaves};

/// Slots in a word.
const IN_WORD: u32 = u64::BITS / BITS;
const BITS: u32 = 4;
/// Words in a leaf, of 32 KiB.
const WORDS: usize = (LEAF / IN_WORD) as usize;

/// A number from 0 to 15 for each slot, 0 where none was set. Setting and asking take no lock.
#[derive(Default)]
pub(super) struct LevelMap {
    leaves: Leaves<WORDS>,
}

impl LevelMap {
    pub(super) const MAX: u8 = (1 << BITS) - 1;

    pub(super) fn get(&self, slot: DeviceSlot) -> u8 {
        let (word, shift) = position(slot);
        self.leaves.leaf(slot).map_or(0, |leaf| level(leaf[word].load(Ordering::Acquire), shift))
    }

    /// Sets the number of a slot to what `next` makes of it. `next` may be asked several times.
    pub(super) fn update(&self, slot: DeviceSlot, next: impl Fn(u8) -> u8) {
        let (word, shift) = position(slot);
        let word = &self.leaves.leaf_or_new(slot)[word];
        let set = |known: u64| {
            let (old, new) = (level(known, shift), next(level(known, shift)).min(Self::MAX));
            (new != old).then_some(known & !(u64::from(Self::MAX) << shift) | u64::from(new) << shift)
        };
        // One that is not to be changed is left as it is.
        let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, set);
    }

    /// The slots with a number above 0, ascending. One that is set meanwhile may be left out.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DeviceSlot, u8)> + '_ {
        let words = self.leaves.iter().flat_map(|(first, leaf)| {
            let word = move |(index, word): (usize, &AtomicU64)| {
                (first + index as u32 * IN_WORD, word.load(Ordering::Acquire))
            };
            leaf.iter().enumerate().map(word).filter(|(_, word)| *word != 0)
        });
        words.flat_map(|(first, word)| {
            let levels = (0..IN_WORD).map(move |row| (DeviceSlot(first + row), level(word, row * BITS)));
            levels.filter(|(_, level)| *level != 0)
        })
    }
}

fn position(slot: DeviceSlot) -> (usize, u32) {
    ((slot.0 % LEAF / IN_WORD) as usize, slot.0 % IN_WORD * BITS)
}

fn level(word: u64, shift: u32) -> u8 {
    (word >> shift) as u8 & LevelMap::MAX
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn slot() -> impl Strategy<Value = u32> {
        prop_oneof![0..40_u32, 65_520..65_560_u32, any::<u32>()]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(changes in prop::collection::vec((slot(), 0..=LevelMap::MAX), 0..100)) {
            let map = LevelMap::default();
            let mut model = BTreeMap::new();
            for (slot, level) in changes {
                prop_assert_eq!(map.get(DeviceSlot(slot)), model.get(&slot).copied().unwrap_or(0));
                map.update(DeviceSlot(slot), |_| level);
                model.insert(slot, level);
            }
            model.retain(|_, level| *level != 0);
            let held: BTreeMap<u32, u8> = map.iter().map(|(slot, level)| (slot.0, level)).collect();
            prop_assert_eq!(held, model);
        }
    }

    #[test]
    fn neighbours_that_are_set_at_once_do_not_disturb_each_other() {
        let map = LevelMap::default();
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                let map = &map;
                scope.spawn(move || {
                    for round in 0..1_000_u32 {
                        for slot in (thread..64).step_by(4) {
                            map.update(DeviceSlot(slot), |_| (round % 15) as u8 + 1);
                            assert_eq!(map.get(DeviceSlot(slot)), (round % 15) as u8 + 1);
                        }
                    }
                });
            }
        });
    }
}
