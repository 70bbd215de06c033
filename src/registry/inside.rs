//! Which registrations are inside which of their partner's zones now: [`Inside`].
//!
//! It is what tells a registration that enters a zone from one that is in it. It is in memory alone, holds nothing of
//! the past, and holds somebody only while their place is in the index: whoever takes a place out of the index says so
//! here afterwards, and whoever adds somebody reads the place while it holds their [`Shard`]. So one of the two sees
//! the other, and nobody stays behind whose place is gone (R-P5).

use std::collections::BTreeSet;

use foldhash::HashMap;
use parking_lot::{Mutex, MutexGuard};

use crate::domain::Slot;

/// Names a zone as it was drawn: one that is drawn anew gets another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ZoneNumber(pub(super) u32);

/// Shards, so that two reports of places seldom meet.
const SHARDS: usize = 64;

/// Who is inside.
#[derive(Debug)]
pub(super) struct Inside(Box<[Mutex<Shard>]>);

/// Some registrations, and the zones that they are in.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pairs: BTreeSet<(Slot, ZoneNumber)>,
    /// How many of the pairs are of each zone.
    counts: HashMap<ZoneNumber, u32>,
}

impl Default for Inside {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Inside {
    /// The shard that a registration is in.
    pub(super) fn shard(&self, slot: Slot) -> MutexGuard<'_, Shard> {
        self.0[slot.0 as usize % SHARDS].lock()
    }

    /// The registration has no place any more.
    pub(super) fn forget(&self, slot: Slot) {
        self.shard(slot).stay_in(slot, &[]);
    }

    /// How many are inside a zone.
    pub(super) fn count(&self, zone: ZoneNumber) -> u64 {
        self.0.iter().map(|shard| u64::from(shard.lock().counts.get(&zone).copied().unwrap_or(0))).sum()
    }

    /// Nobody is inside a zone any more but those that are to be kept.
    pub(super) fn retain(&self, keep: impl Fn(ZoneNumber) -> bool) {
        for shard in &self.0 {
            let mut shard = shard.lock();
            if shard.counts.keys().any(|&zone| !keep(zone)) {
                shard.pairs.retain(|(_, zone)| keep(*zone));
                shard.counts.retain(|zone, _| keep(*zone));
            }
        }
    }
}

impl Shard {
    /// The registration is in no zones but these.
    pub(super) fn stay_in(&mut self, slot: Slot, here: &[ZoneNumber]) {
        let range = (slot, ZoneNumber(0))..=(slot, ZoneNumber(u32::MAX));
        let left: Vec<ZoneNumber> =
            self.pairs.range(range).map(|(_, zone)| *zone).filter(|zone| !here.contains(zone)).collect();
        for zone in left {
            self.pairs.remove(&(slot, zone));
            if let Some(count) = self.counts.get_mut(&zone) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&zone);
                }
            }
        }
    }

    /// Whether the registration is in a zone.
    pub(super) fn is_in(&self, slot: Slot, zone: ZoneNumber) -> bool {
        self.pairs.contains(&(slot, zone))
    }

    /// The registration is in a zone; whether it was not before.
    pub(super) fn enter(&mut self, slot: Slot, zone: ZoneNumber) -> bool {
        let new = self.pairs.insert((slot, zone));
        if new {
            *self.counts.entry(zone).or_default() += 1;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Look { slot: u32, zones: Vec<u32> },
        Forget(u32),
        Retain(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let slot = || prop_oneof![0..4_u32, 64..66_u32];
        prop_oneof![
            (slot(), prop::collection::vec(0..5_u32, 0..4)).prop_map(|(slot, zones)| Step::Look { slot, zones }),
            slot().prop_map(Step::Forget),
            (0..5_u32).prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn who_is_inside_is_who_was_last_seen_there(steps in prop::collection::vec(step(), 0..40)) {
            let (inside, mut model) = (Inside::default(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Look { slot, zones } => {
                        let here: Vec<_> = zones.iter().copied().map(ZoneNumber).collect();
                        let mut shard = inside.shard(Slot(slot));
                        shard.stay_in(Slot(slot), &here);
                        model.retain(|(known, zone)| *known != slot || zones.contains(zone));
                        for &zone in &zones {
                            prop_assert_eq!(shard.enter(Slot(slot), ZoneNumber(zone)), model.insert((slot, zone)));
                        }
                    }
                    Step::Forget(slot) => {
                        inside.forget(Slot(slot));
                        model.retain(|(known, _)| *known != slot);
                    }
                    Step::Retain(gone) => {
                        inside.retain(|zone| zone != ZoneNumber(gone));
                        model.retain(|(_, zone)| *zone != gone);
                    }
                }
                for zone in 0..5 {
                    let expected = model.iter().filter(|(_, known)| *known == zone).count() as u64;
                    prop_assert_eq!(inside.count(ZoneNumber(zone)), expected);
                }
            }
        }
    }
}
