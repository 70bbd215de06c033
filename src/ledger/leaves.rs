//! Words by slot that many threads write at once.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use crate::domain::DeviceSlot;

/// Slots in a leaf.
pub(super) const LEAF: u32 = 1 << 16;
const FAN: usize = 256;

pub(super) type Leaf<const WORDS: usize> = [AtomicU64; WORDS];
type Branch<const WORDS: usize> = [OnceLock<Box<Leaf<WORDS>>>; FAN];
type Root<const WORDS: usize> = [OnceLock<Box<Branch<WORDS>>>; FAN];

/// Leaves of 65,536 slots in so many words, all zero; each is made when the first of its slots is written. Reading and
/// writing take no lock; where nothing was written it is 16 bytes.
pub(super) struct Leaves<const WORDS: usize> {
    root: OnceLock<Box<Root<WORDS>>>,
}

impl<const WORDS: usize> Default for Leaves<WORDS> {
    fn default() -> Self {
        Self { root: OnceLock::new() }
    }
}

impl<const WORDS: usize> Leaves<WORDS> {
    pub(super) fn leaf(&self, slot: DeviceSlot) -> Option<&Leaf<WORDS>> {
        let (branch, leaf) = path(slot);
        self.root.get()?[branch].get()?[leaf].get().map(|leaf| &**leaf)
    }

    pub(super) fn leaf_or_new(&self, slot: DeviceSlot) -> &Leaf<WORDS> {
        let (branch, leaf) = path(slot);
        let root = self.root.get_or_init(|| Box::new([const { OnceLock::new() }; FAN]));
        let branch = root[branch].get_or_init(|| Box::new([const { OnceLock::new() }; FAN]));
        branch[leaf].get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS]))
    }

    /// The leaves that there are, each with its first slot, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Leaf<WORDS>)> {
        let branches = self.root.get().into_iter().flat_map(|root| root.iter().enumerate());
        branches.flat_map(|(high, branch)| {
            let leaves = branch.get().into_iter().flat_map(|branch| branch.iter().enumerate());
            leaves.filter_map(move |(low, leaf)| leaf.get().map(|leaf| ((high * FAN + low) as u32 * LEAF, &**leaf)))
        })
    }
}

fn path(slot: DeviceSlot) -> (usize, usize) {
    let leaf = (slot.0 / LEAF) as usize;
    (leaf / FAN, leaf % FAN)
}
