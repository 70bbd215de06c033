//! Who was told what, by lineage.
//!
//! A [`Round`] is one bulletin's: who entered a lane (claimed, in memory only), who was sent it, who acknowledged it.
//! What lasts over rounds is the [`Reach`]: for which priority a device was sounded, and whether it was told that it is
//! over.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::decide::TierIndex;
use crate::domain::{DeviceSlot, NoticeKind, Priority, Revision};

use super::SlotSet;

/// What devices have had in one lineage.
#[derive(Debug, Default)]
pub struct Reach {
    round: Mutex<Option<Arc<Round>>>,
    /// By priority: devices that were told at it and have not been told since that it is over.
    sounded: [SlotSet; Priority::ALL.len()],
    /// Devices that were told that it is over, and nothing since.
    released: SlotSet,
}

/// What devices have had of one bulletin. Its claims are the bulletin's own, so that a sweep which was overtaken by the
/// next revision takes nothing from it.
#[derive(Debug)]
pub struct Round {
    revision: Revision,
    claimed: Box<[SlotSet]>,
    sent: SlotSet,
    acknowledged: SlotSet,
}

impl Round {
    fn new(revision: Revision, tiers: usize) -> Self {
        let claimed = (0..tiers.max(1)).map(|_| SlotSet::default()).collect();
        Self { revision, claimed, sent: SlotSet::default(), acknowledged: SlotSet::default() }
    }

    /// True for one of all who ask: whoever gets it puts the device into a lane for this tier, and nobody else does.
    pub fn claim(&self, device: DeviceSlot, tier: TierIndex) -> bool {
        self.claimed.get(usize::from(tier.0)).is_some_and(|claimed| claimed.insert(device))
    }

    /// Gives a claim back: the device left the lane and was not sent anything.
    pub fn release(&self, device: DeviceSlot, tier: TierIndex) {
        if let Some(claimed) = self.claimed.get(usize::from(tier.0)) {
            claimed.remove(device);
        }
    }

    /// Whether the device was sent this bulletin.
    pub fn is_sent(&self, device: DeviceSlot) -> bool {
        self.sent.contains(device)
    }

    /// Whether the device has acknowledged this bulletin.
    pub fn is_acknowledged(&self, device: DeviceSlot) -> bool {
        self.acknowledged.contains(device)
    }

    /// Devices that were sent this bulletin.
    pub fn sent(&self) -> &SlotSet {
        &self.sent
    }

    /// Devices that have acknowledged this bulletin.
    pub fn acknowledged(&self) -> &SlotSet {
        &self.acknowledged
    }
}

impl Reach {
    /// The round of a bulletin with so many tiers; the same one when asked again. Rounds of earlier bulletins are let
    /// go by whoever still holds them.
    pub fn begin(&self, revision: Revision, tiers: usize) -> Arc<Round> {
        let mut round = self.round.lock();
        match &*round {
            Some(known) if known.revision == revision => Arc::clone(known),
            _ => Arc::clone(round.insert(Arc::new(Round::new(revision, tiers)))),
        }
    }

    /// The round of this revision, if it is the newest.
    pub fn round(&self, revision: Revision) -> Option<Arc<Round>> {
        self.round.lock().clone().filter(|round| round.revision == revision)
    }

    /// The devices were sent the notice of `revision`, of this kind and priority.
    pub(super) fn mark_sent(&self, revision: Revision, kind: NoticeKind, priority: Priority, devices: &[DeviceSlot]) {
        self.mark_told(kind, priority, devices);
        if let Some(round) = self.round(revision) {
            for &device in devices {
                round.sent.insert(device);
            }
        }
    }

    /// The devices were told something of this kind and priority, here or in a lineage that this one took over.
    pub(super) fn mark_told(&self, kind: NoticeKind, priority: Priority, devices: &[DeviceSlot]) {
        for &device in devices {
            if kind == NoticeKind::Release {
                self.released.insert(device);
                self.sounded.iter().for_each(|sounded| sounded.remove(device));
            } else {
                self.sounded[priority as usize].insert(device);
                self.released.remove(device);
            }
        }
    }

    /// The devices have acknowledged `revision`. Of earlier ones nothing is owed any more.
    pub fn mark_acknowledged(&self, revision: Revision, devices: &[DeviceSlot]) {
        if let Some(round) = self.round(revision) {
            for &device in devices {
                round.acknowledged.insert(device);
            }
        }
    }

    /// The highest priority that the device was told, since it was last told that it is over.
    pub fn sounded(&self, device: DeviceSlot) -> Option<Priority> {
        Priority::ALL.into_iter().rev().find(|&priority| self.sounded[priority as usize].contains(device))
    }

    /// Whether the device was told that it is over, and nothing since.
    pub fn is_released(&self, device: DeviceSlot) -> bool {
        self.released.contains(device)
    }

    /// Devices that were told, and not since that it is over.
    pub fn told(&self) -> SlotSet {
        let told = SlotSet::default();
        self.sounded.iter().for_each(|sounded| told.absorb(sounded));
        told
    }

    /// Takes over what another lineage's devices were told.
    pub(super) fn absorb(&self, other: &Self) {
        for (own, others) in self.sounded.iter().zip(&other.sounded) {
            own.absorb(others);
        }
        for device in other.released.iter() {
            if self.sounded(device).is_none() {
                self.released.insert(device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceSlot = DeviceSlot(7);

    #[test]
    fn a_device_is_claimed_once_a_tier_and_can_be_given_back() {
        let round = Reach::default().begin(Revision::FIRST, 2);
        assert!(round.claim(DEVICE, TierIndex(0)));
        assert!(!round.claim(DEVICE, TierIndex(0)));
        assert!(round.claim(DEVICE, TierIndex(1)));
        round.release(DEVICE, TierIndex(0));
        assert!(round.claim(DEVICE, TierIndex(0)));
        assert!(!round.claim(DEVICE, TierIndex(2)), "there is no such tier");
    }

    #[test]
    fn what_is_sent_of_an_old_revision_is_told_but_not_sent_of_the_new() {
        let reach = Reach::default();
        let first = reach.begin(Revision::FIRST, 1);
        let second = reach.begin(Revision(2), 1);
        reach.mark_sent(Revision::FIRST, NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        assert!(!second.is_sent(DEVICE) && !first.is_sent(DEVICE));
        assert_eq!(reach.sounded(DEVICE), Some(Priority::Warning));
        assert!(reach.told().contains(DEVICE));
    }

    #[test]
    fn one_that_was_released_is_told_no_more_and_sounds_anew() {
        let reach = Reach::default();
        let round = reach.begin(Revision::FIRST, 1);
        reach.mark_sent(Revision::FIRST, NoticeKind::Alert, Priority::LifeThreat, &[DEVICE]);
        assert!(round.is_sent(DEVICE));
        reach.begin(Revision(2), 1);
        reach.mark_sent(Revision(2), NoticeKind::Release, Priority::Information, &[DEVICE]);
        assert!(reach.is_released(DEVICE) && reach.told().is_empty());
        assert_eq!(reach.sounded(DEVICE), None);
        reach.mark_sent(Revision(3), NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        assert!(!reach.is_released(DEVICE));
    }

    #[test]
    fn a_lineage_that_takes_over_another_knows_its_devices() {
        let (old, new) = (Reach::default(), Reach::default());
        old.mark_sent(Revision::FIRST, NoticeKind::Alert, Priority::Advisory, &[DEVICE]);
        new.absorb(&old);
        assert_eq!(new.sounded(DEVICE), Some(Priority::Advisory));
    }
}
