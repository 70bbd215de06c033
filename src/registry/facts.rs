//! Rows of facts by slot, read without a lock.
//!
//! # Why
//!
//! Planning reads millions of rows a second while registrations change. A row is four atomic words under a sequence
//! lock in the spare half of its last word: odd while the writer is inside, raised by two with each change. A reader
//! that saw the sequence move reads again; it takes no lock and delays nobody.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::domain::Slot;
use crate::plan::Facts;

/// Rows in a chunk: 2 MiB, taken when the first of its slots is.
const CHUNK: usize = 1 << 16;
const SEQUENCE_SHIFT: u32 = 32;
const DATA: u64 = (1 << SEQUENCE_SHIFT) - 1;

/// Half a line of the processor's cache, so that reading one waits for memory once.
#[derive(Default)]
#[repr(align(32))]
struct Row([AtomicU64; 4]);

/// The facts of every registration.
///
/// There is one writer, the registry's; any number of threads read. A slot without a registration has an empty row,
/// which has no flag and tells [`crate::plan`] to skip it.
pub(super) struct FactsTable {
    chunks: Box<[OnceLock<Box<[Row]>>]>,
}

impl FactsTable {
    /// A table with room for `slots` rows, rounded up to a chunk; memory is taken as slots come into use.
    pub(super) fn with_capacity(slots: u32) -> Self {
        let chunks = (slots as usize).div_ceil(CHUNK);
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// How many slots there is room for.
    pub(super) fn capacity(&self) -> u64 {
        (self.chunks.len() * CHUNK) as u64
    }

    /// Bytes on the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        let taken = self.chunks.iter().filter(|chunk| chunk.get().is_some()).count();
        size_of_val(&*self.chunks) + taken * CHUNK * size_of::<Row>()
    }

    /// The row of `slot`, as it was at one instant.
    pub(super) fn row(&self, slot: Slot) -> Facts {
        let Some(Row(row)) = self.find(slot) else { return Facts::default() };
        let mut tries = 0_u32;
        loop {
            let last = row[3].load(Ordering::Acquire);
            if last >> SEQUENCE_SHIFT & 1 == 0 {
                let words = [0, 1, 2].map(|word| row[word].load(Ordering::Relaxed));
                fence(Ordering::Acquire);
                if row[3].load(Ordering::Relaxed) == last {
                    return Facts::from_words([words[0], words[1], words[2], last & DATA]);
                }
            }
            // The writer may have been put to sleep inside its few stores.
            tries += 1;
            if tries.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }

    /// Reads one word of each row, so that all of them are near when they are read in earnest. Rows lie anywhere, and
    /// one read after the other each waits for memory; these reads wait together.
    pub(super) fn touch(&self, slots: impl Iterator<Item = Slot>) {
        let word = |slot| self.find(slot).map_or(0, |Row(row)| row[3].load(Ordering::Relaxed));
        black_box(slots.map(word).fold(0, u64::wrapping_add));
    }

    fn find(&self, slot: Slot) -> Option<&Row> {
        let index = slot.0 as usize;
        Some(&self.chunks.get(index / CHUNK)?.get()?[index % CHUNK])
    }

    /// The registrations from `first` on, in the order of their slots.
    pub(super) fn live(&self, first: Slot) -> impl Iterator<Item = (Slot, Facts)> {
        let first = first.0 as usize;
        let taken = self.chunks.iter().enumerate().skip(first / CHUNK).filter(|(_, chunk)| chunk.get().is_some());
        let slots =
            taken.flat_map(|(chunk, _)| chunk * CHUNK..(chunk + 1) * CHUNK).skip_while(move |&slot| slot < first);
        let rows = slots.map(|slot| Slot(slot as u32)).map(|slot| (slot, self.row(slot)));
        rows.filter(|(_, row)| row.is_live())
    }

    /// Replaces the row of `slot`. Only the registry's writer calls this, from one thread. Slots beyond the capacity
    /// are not stored: the writer never gives them out.
    pub(super) fn set(&self, slot: Slot, facts: Facts) {
        let index = slot.0 as usize;
        let Some(chunk) = self.chunks.get(index / CHUNK) else { return };
        let Row(row) = &chunk.get_or_init(|| (0..CHUNK).map(|_| Row::default()).collect())[index % CHUNK];
        let words = facts.to_words();
        let last = row[3].load(Ordering::Relaxed);
        let sequence = (last >> SEQUENCE_SHIFT) as u32;
        let inside = u64::from(sequence.wrapping_add(1)) << SEQUENCE_SHIFT;
        row[3].store(inside | (last & DATA), Ordering::Relaxed);
        // What follows must not be seen before the odd sequence is.
        fence(Ordering::Release);
        for word in 0..3 {
            row[word].store(words[word], Ordering::Relaxed);
        }
        let done = u64::from(sequence.wrapping_add(2)) << SEQUENCE_SHIFT;
        row[3].store(done | (words[3] & DATA), Ordering::Release);
    }
}

impl std::fmt::Debug for FactsTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FactsTable").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Flags, Grant, LanguageId};

    /// A row all of whose parts say `n`.
    fn uniform(n: u16) -> Facts {
        let grant = Grant { until: u32::from(n), policy: n };
        Facts {
            device: u32::from(n),
            app: n,
            channels: n,
            emergency: grant,
            location: grant,
            languages: [LanguageId(n); 3],
            flags: Flags(n),
        }
    }

    #[test]
    fn a_row_reads_back_and_unused_slots_are_empty() {
        let table = FactsTable::with_capacity(100_000);
        table.set(Slot(70_000), uniform(7));
        assert_eq!(table.row(Slot(70_000)), uniform(7));
        assert_eq!(table.row(Slot(70_001)), Facts::default());
        assert_eq!(table.row(Slot(3)), Facts::default());
        assert_eq!(table.row(Slot(u32::MAX)), Facts::default());
    }

    #[test]
    fn registrations_are_listed_in_order_from_any_slot_on() {
        let table = FactsTable::with_capacity(4 * CHUNK as u32);
        let live = Facts { flags: Flags(Flags::LIVE), ..Facts::default() };
        let slots = [3, 5, CHUNK as u32 - 1, 2 * CHUNK as u32, 3 * CHUNK as u32 - 1].map(Slot);
        for slot in slots {
            table.set(slot, live);
        }
        table.set(Slot(4), Facts::default());
        for first in [0, 3, 4, 6, CHUNK as u32, 2 * CHUNK as u32 + 1, u32::MAX].map(Slot) {
            let found: Vec<Slot> = table.live(first).map(|(slot, _)| slot).collect();
            assert_eq!(found, slots.into_iter().filter(|&slot| slot >= first).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_reader_never_sees_half_a_row() {
        let table = FactsTable::with_capacity(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0;
                while last != 50_000 {
                    let row = table.row(Slot(0));
                    assert_eq!(row, uniform(row.app), "all parts are of one change");
                    assert!(row.app >= last, "changes are seen in order");
                    last = row.app;
                }
            });
            for n in 0..=50_000 {
                table.set(Slot(0), uniform(n));
            }
            reader.join().expect("no assertion failed");
        });
    }
}
