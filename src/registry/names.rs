//! Which registration a CID names: a hash table of its own, so that ten million take little room and are found fast.
//!
//! # Why
//!
//! A CID is 128 bits that this server drew at random, so that its own bits are as good as any hash of them; nobody can
//! choose CIDs that collide. An entry is 20 bytes, and a table that is full grows by a quarter, not to twice its size.
//! Whoever looks up many at once takes the locks once: between them a processor waits for the memory of one entry at a
//! time, behind them for that of several.

use parking_lot::{RwLock, RwLockReadGuard};

use crate::domain::{Cid, Slot};

/// Tables, by the last bits of the CID: one that grows holds up a few thousand names and not all.
const SHARDS: usize = 64;

/// Names by CID. There is one writer, the registry's; any number of threads read.
pub(super) struct Names {
    shards: [RwLock<Shard>; SHARDS],
}

/// Open addressing with linear probing.
#[derive(Default)]
struct Shard {
    entries: Vec<Entry>,
    count: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    cid: [u8; 16],
    /// [`NOBODY`] in an entry that is free.
    slot: u32,
}

/// No slot: the registry's capacity is less.
const NOBODY: u32 = u32::MAX;

const FREE: Entry = Entry { cid: [0; 16], slot: NOBODY };

impl Default for Names {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl Names {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().count).sum()
    }

    /// The registration that a CID names.
    pub(super) fn get(&self, cid: Cid) -> Option<Slot> {
        self.shards[shard_of(cid)].read().get(cid)
    }

    /// The registrations that some CIDs name.
    pub(super) fn get_all(&self, cids: impl Iterator<Item = Cid>) -> Vec<Option<Slot>> {
        let shards: [RwLockReadGuard<'_, Shard>; SHARDS] = std::array::from_fn(|shard| self.shards[shard].read());
        cids.map(|cid| shards[shard_of(cid)].get(cid)).collect()
    }

    /// Names a registration, or another one than before.
    pub(super) fn insert(&self, cid: Cid, slot: Slot) {
        self.shards[shard_of(cid)].write().insert(cid, slot);
    }

    /// A CID that names nothing any more.
    pub(super) fn remove(&self, cid: Cid) {
        self.shards[shard_of(cid)].write().remove(cid);
    }

    /// Bytes on the heap, with what is in reserve.
    pub(super) fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().entries.capacity() * size_of::<Entry>()).sum()
    }
}

impl Shard {
    fn get(&self, cid: Cid) -> Option<Slot> {
        self.entries.get(self.find(cid)?).map(|entry| Slot(entry.slot))
    }

    /// Where the entry of a CID is.
    fn find(&self, cid: Cid) -> Option<usize> {
        let mut at = self.home(cid)?;
        loop {
            let entry = &self.entries[at];
            if entry.slot == NOBODY {
                return None;
            }
            if entry.cid == cid.0 {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    fn insert(&mut self, cid: Cid, slot: Slot) {
        if let Some(at) = self.find(cid) {
            self.entries[at].slot = slot.0;
            return;
        }
        // Four of five may be taken: some two entries are looked at in the mean, and always a free one ends a search.
        if (self.count + 1) * 5 > self.entries.len() * 4 {
            self.grow(self.entries.len() + self.entries.len() / 4 + 8);
        }
        self.put(Entry { cid: cid.0, slot: slot.0 });
        self.count += 1;
    }

    /// Puts an entry that is not there into the first free one from its home on.
    fn put(&mut self, entry: Entry) {
        let Some(mut at) = self.home(Cid(entry.cid)) else { return };
        while self.entries[at].slot != NOBODY {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    /// Frees an entry, and moves up those behind it that would not be found any more.
    fn remove(&mut self, cid: Cid) {
        let Some(mut free) = self.find(cid) else { return };
        self.entries[free] = FREE;
        self.count -= 1;
        let mut at = self.after(free);
        while self.entries[at].slot != NOBODY {
            let home = self.home(Cid(self.entries[at].cid)).unwrap_or(at);
            // How far each is from the entry's home, forwards and round the end.
            let distance = |to: usize| (to + self.entries.len() - home) % self.entries.len();
            if distance(free) < distance(at) {
                self.entries.swap(free, at);
                free = at;
            }
            at = self.after(at);
        }
    }

    fn grow(&mut self, len: usize) {
        let old = std::mem::replace(&mut self.entries, vec![FREE; len]);
        old.into_iter().filter(|entry| entry.slot != NOBODY).for_each(|entry| self.put(entry));
    }

    /// Where a CID's entry is if no other is there; `None` in a table without entries.
    fn home(&self, cid: Cid) -> Option<usize> {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth, ..] = cid.0;
        let bits = u64::from_be_bytes([first, second, third, fourth, fifth, sixth, seventh, eighth]);
        // The table's part that the bits are of all that they may be.
        let home = ((u128::from(bits) * self.entries.len() as u128) >> 64) as usize;
        (home < self.entries.len()).then_some(home)
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.entries.len() { 0 } else { at + 1 }
    }
}

fn shard_of(cid: Cid) -> usize {
    usize::from(cid.0[15]) % SHARDS
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// CIDs of which many have the same home or are at the end of the table.
    fn cid() -> impl Strategy<Value = Cid> {
        (prop::sample::select(vec![0_u8, 1, 127, 128, 254, 255]), 0_u8..6, 0_u8..2).prop_map(|(first, middle, last)| {
            let mut bytes = [0; 16];
            (bytes[0], bytes[9], bytes[15]) = (first, middle, last);
            Cid(bytes)
        })
    }

    proptest! {
        #[test]
        fn names_are_found_as_in_any_map(
            steps in prop::collection::vec((cid(), prop::option::of(0_u32..1_000)), 0..300),
        ) {
            let (names, mut model) = (Names::default(), HashMap::new());
            for (cid, slot) in steps {
                if let Some(slot) = slot.map(Slot) {
                    names.insert(cid, slot);
                    model.insert(cid, slot);
                } else {
                    names.remove(cid);
                    model.remove(&cid);
                }
                prop_assert_eq!(names.get(cid), model.get(&cid).copied());
            }
            prop_assert_eq!(names.len(), model.len());
            let known: Vec<Cid> = model.keys().copied().collect();
            prop_assert_eq!(names.get_all(known.into_iter()), model.values().copied().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hundred_thousand_take_at_most_32_bytes_each_and_strangers_are_not_found() {
        let names = Names::default();
        let cid = |n: u64| Cid((u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes());
        for n in 0..100_000 {
            names.insert(cid(n), Slot(n as u32));
        }
        assert!((0..100_000).all(|n| names.get(cid(n)) == Some(Slot(n as u32))));
        assert!((100_000..200_000).all(|n| names.get(cid(n)).is_none()));
        assert!(names.memory_bytes() <= 3_200_000, "{}", names.memory_bytes());
    }
}
