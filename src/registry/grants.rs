//! Grants that the row of facts has no room for, by slot; and how far each app's partner has retired its policy.
//!
//! A row says whether there is such a grant, so that these are looked at only where they matter, and only those who
//! agreed cost memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use crate::domain::{AppSlot, PolicyVersion, Slot};
use crate::plan::Grant;

/// Grants in a chunk: 64 KiB, taken when the first of its slots has one.
const CHUNK: usize = 1 << 13;

/// What a registration's person agreed to besides what is in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SideGrants {
    /// To sending out of the region.
    pub(super) cross_border: Grant,
    /// To holding and using the places that they follow.
    pub(super) saved_places: Grant,
}

/// One purpose's grants. There is one writer, the registry's; any number of threads read, without a lock.
pub(super) struct GrantTable {
    chunks: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl GrantTable {
    /// Room for the grants of `slots` registrations.
    pub(super) fn with_capacity(slots: u32) -> Self {
        let chunks = (slots as usize).div_ceil(CHUNK);
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// The grant of a slot; the empty one if there is none.
    pub(super) fn get(&self, slot: Slot) -> Grant {
        let index = slot.0 as usize;
        let Some(chunk) = self.chunks.get(index / CHUNK).and_then(OnceLock::get) else {
            return Grant::default();
        };
        let word = chunk[index % CHUNK].load(Ordering::Acquire);
        Grant { until: word as u32, policy: (word >> u32::BITS) as u16 }
    }

    /// Sets the grant of a slot.
    pub(super) fn set(&self, slot: Slot, grant: Grant) {
        let index = slot.0 as usize;
        let Some(chunk) = self.chunks.get(index / CHUNK) else { return };
        if grant == Grant::default() && chunk.get().is_none() {
            return;
        }
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        let word = u64::from(grant.until) | u64::from(grant.policy) << u32::BITS;
        chunk[index % CHUNK].store(word, Ordering::Release);
    }

    /// Bytes on the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        let taken = self.chunks.iter().filter(|chunk| chunk.get().is_some()).count();
        size_of_val(&*self.chunks) + taken * CHUNK * size_of::<AtomicU64>()
    }
}

/// The oldest version of the privacy policy under which consents count, by app. All apps of a partner have the same:
/// retiring a version is one store for each of them, however many registrations they have.
pub(super) struct Policies {
    oldest_valid: Box<[AtomicU16]>,
}

impl Policies {
    /// Every version counts.
    pub(super) fn new() -> Self {
        Self { oldest_valid: (0..=u16::MAX).map(|_| AtomicU16::new(0)).collect() }
    }

    /// The oldest version under which a consent to this app counts.
    pub(super) fn oldest_valid(&self, app: AppSlot) -> PolicyVersion {
        PolicyVersion(self.oldest_valid[usize::from(app.0)].load(Ordering::Acquire))
    }

    /// Consents to this app under older versions count no more.
    pub(super) fn set(&self, app: AppSlot, oldest_valid: PolicyVersion) {
        self.oldest_valid[usize::from(app.0)].store(oldest_valid.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_reads_back_and_takes_memory_only_where_there_is_one() {
        let table = GrantTable::with_capacity(3 * CHUNK as u32);
        let nothing = table.memory_bytes();
        let grant = Grant { until: u32::MAX, policy: 7 };
        table.set(Slot(5), Grant::default());
        assert_eq!(table.memory_bytes(), nothing);
        table.set(Slot(CHUNK as u32 + 1), grant);
        assert_eq!(table.get(Slot(CHUNK as u32 + 1)), grant);
        for other in [0, CHUNK as u32, CHUNK as u32 + 2, u32::MAX].map(Slot) {
            assert_eq!(table.get(other), Grant::default());
        }
        assert_eq!(table.memory_bytes(), nothing + CHUNK * 8);
    }
}
