//! Who was told what, by lineage.
//!
//! A [`Round`] is one bulletin's: who was found, who waits in a lane (claimed, in memory only), who was sent it, who
//! acknowledged it. What lasts over rounds is the [`Reach`]: what each device shows, as far as the server knows.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::{DeviceSlot, NoticeKind, Priority, Revision};

use super::SlotSet;
use super::level_map::LevelMap;

/// What devices have had in one lineage.
#[derive(Default)]
pub struct Reach {
    round: Mutex<Option<Arc<Round>>>,
    shown: LevelMap,
}

/// What a device shows of a lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// It was never told, or knows that it is over.
    Nothing,
    /// It was told that it is over, and has not acknowledged that.
    Over,
    /// What it was told last.
    Told(Priority),
}

impl Shown {
    fn to_level(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Over => 1,
            Self::Told(priority) => priority as u8 + 2,
        }
    }

    fn of_level(level: u8) -> Self {
        match level {
            0 => Self::Nothing,
            1 => Self::Over,
            told => Priority::from_repr(told - 2).map_or(Self::Nothing, Self::Told),
        }
    }

    fn after(kind: NoticeKind, priority: Priority) -> Self {
        match kind {
            NoticeKind::Alert | NoticeKind::Update => Self::Told(priority),
            NoticeKind::Release => Self::Over,
        }
    }
}

/// What a device is claimed for. Each is claimed for itself: what raises a device overtakes what waits for it, and a
/// release does not stand in the way of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// To be told at this priority.
    Tell(Priority),
    /// To be told that it is over.
    Release,
}

impl Claim {
    const COUNT: usize = Priority::ALL.len() + 1;

    /// The claim for a notice.
    pub fn of(kind: NoticeKind, priority: Priority) -> Self {
        match kind {
            NoticeKind::Alert | NoticeKind::Update => Self::Tell(priority),
            NoticeKind::Release => Self::Release,
        }
    }

    fn number(self) -> usize {
        match self {
            Self::Tell(priority) => priority as usize,
            Self::Release => Priority::ALL.len(),
        }
    }
}

/// What devices have had of one bulletin. Its claims are the bulletin's own, so that a sweep which was overtaken by the
/// next revision takes nothing from it.
#[derive(Debug)]
pub struct Round {
    revision: Revision,
    found: SlotSet,
    claimed: [SlotSet; Claim::COUNT],
    reopened: SlotSet,
    sent: SlotSet,
    again: SlotSet,
    acknowledged: SlotSet,
}

impl Round {
    fn new(revision: Revision) -> Self {
        Self {
            revision,
            found: SlotSet::default(),
            claimed: Default::default(),
            reopened: SlotSet::default(),
            sent: SlotSet::default(),
            again: SlotSet::default(),
            acknowledged: SlotSet::default(),
        }
    }

    /// A place of the device was found in the area; true for the first.
    pub fn find(&self, device: DeviceSlot) -> bool {
        self.found.insert(device)
    }

    /// Whether a place of the device was found in the area, by the sweep or on arrival.
    pub fn is_found(&self, device: DeviceSlot) -> bool {
        self.found.contains(device)
    }

    /// True for one of all who ask: whoever gets it puts the device into a lane, and nobody else does unless it is
    /// given back. One that was sent what it was claimed for has had it, and is not claimed for that again.
    pub fn claim(&self, device: DeviceSlot, claim: Claim) -> bool {
        self.claimed[claim.number()].insert(device)
    }

    /// Gives a claim back: the device has left the lane, and was not sent anything.
    pub fn release(&self, device: DeviceSlot, claim: Claim) {
        self.claimed[claim.number()].remove(device);
    }

    /// The device's link has opened while it was claimed: what its lane has just sent may have gone with the link
    /// before.
    pub fn reopened(&self, device: DeviceSlot) {
        self.reopened.insert(device);
    }

    /// Whether the device's link has opened while it was claimed; true once.
    pub fn take_reopened(&self, device: DeviceSlot) -> bool {
        self.reopened.remove(device)
    }

    /// Whether the device was sent this bulletin.
    pub fn is_sent(&self, device: DeviceSlot) -> bool {
        self.sent.contains(device)
    }

    /// Whether the device may have something of this bulletin: it was sent it, or is in a lane, which marks what it has
    /// sent before it gives the claim back.
    pub fn may_have(&self, device: DeviceSlot) -> bool {
        // In this order: a claim that has gone left its mark.
        self.claimed.iter().any(|claimed| claimed.contains(device)) || self.sent.contains(device)
    }

    /// Whether all that the device was sent of this bulletin is known to be there. If it was sent more than one thing
    /// it never is: an acknowledgement names the bulletin, and may be of the first of them.
    pub fn is_acknowledged(&self, device: DeviceSlot) -> bool {
        self.acknowledged.contains(device) && !self.again.contains(device)
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
    /// The round of a bulletin; the same one when asked again. Rounds of earlier bulletins are let go by whoever still
    /// holds them.
    pub fn begin(&self, revision: Revision) -> Arc<Round> {
        let mut round = self.round.lock();
        match &*round {
            Some(known) if known.revision == revision => Arc::clone(known),
            _ => Arc::clone(round.insert(Arc::new(Round::new(revision)))),
        }
    }

    /// The round of the newest bulletin.
    pub fn newest(&self) -> Option<Arc<Round>> {
        self.round.lock().clone()
    }

    /// The round of this revision, if it is the newest.
    pub fn round(&self, revision: Revision) -> Option<Arc<Round>> {
        self.round.lock().clone().filter(|round| round.revision == revision)
    }

    /// The devices were sent the notice of `revision`, of this kind and priority. Of one bulletin a device shows the
    /// highest that it was sent. One that was sent a newer bulletin already drops this one.
    pub(super) fn mark_sent(&self, revision: Revision, kind: NoticeKind, priority: Priority, devices: &[DeviceSlot]) {
        let round = self.round.lock().clone();
        let (own, newer) = match &round {
            Some(round) if round.revision == revision => (Some(round), None),
            Some(round) if round.revision > revision => (None, Some(round)),
            _ => (None, None),
        };
        let new = Shown::after(kind, priority);
        for &device in devices {
            if newer.is_some_and(|newer| newer.is_sent(device)) {
                continue;
            }
            let again = own.is_some_and(|own| own.is_sent(device));
            if again && let Some(own) = own {
                own.again.insert(device);
            }
            self.shown.update(device, |old| match Shown::of_level(old) {
                Shown::Told(old) if again && kind != NoticeKind::Release => Shown::Told(old.max(priority)).to_level(),
                _ => new.to_level(),
            });
            if let Some(own) = own {
                own.sent.insert(device);
            }
        }
    }

    /// The devices were told something in a lineage that this one took over. One that was sent this one's newest
    /// bulletin drops it.
    pub(super) fn mark_absorbed(&self, kind: NoticeKind, priority: Priority, devices: &[DeviceSlot]) {
        let round = self.round.lock().clone();
        let newer = |device: &&DeviceSlot| round.as_ref().is_some_and(|round| round.is_sent(**device));
        devices.iter().filter(|device| !newer(device)).for_each(|&device| {
            self.merge(device, Shown::after(kind, priority));
        });
    }

    /// The devices have acknowledged `revision`; gives those that had not before. Of earlier revisions nothing is owed
    /// any more.
    pub fn acknowledge(&self, revision: Revision, mut devices: Vec<DeviceSlot>) -> Vec<DeviceSlot> {
        let Some(round) = self.round(revision) else { return Vec::new() };
        devices.retain(|&device| round.acknowledged.insert(device));
        for &device in devices.iter().filter(|device| round.is_acknowledged(**device)) {
            self.shown.update(device, |old| match Shown::of_level(old) {
                Shown::Over => Shown::Nothing.to_level(),
                Shown::Nothing | Shown::Told(_) => old,
            });
        }
        devices
    }

    fn merge(&self, device: DeviceSlot, other: Shown) {
        self.shown.update(device, |own| Shown::of_level(own).max(other).to_level());
    }

    /// The priority of what the device shows; `None` where it shows nothing, or was told that it is over.
    pub fn shown(&self, device: DeviceSlot) -> Option<Priority> {
        match Shown::of_level(self.shown.get(device)) {
            Shown::Told(priority) => Some(priority),
            Shown::Nothing | Shown::Over => None,
        }
    }

    /// Whether the device was told that it is over, and neither has acknowledged it nor was told anything since.
    pub fn is_over(&self, device: DeviceSlot) -> bool {
        Shown::of_level(self.shown.get(device)) == Shown::Over
    }

    /// Whether the device shows something, or may do so since it has not acknowledged that it is over.
    pub fn may_show(&self, device: DeviceSlot) -> bool {
        Shown::of_level(self.shown.get(device)) != Shown::Nothing
    }

    /// Devices that were told, and not since that it is over; ascending.
    pub fn told(&self) -> impl Iterator<Item = DeviceSlot> + '_ {
        let told = |level| matches!(Shown::of_level(level), Shown::Told(_));
        self.shown.iter().filter(move |(_, level)| told(*level)).map(|(device, _)| device)
    }

    /// Takes over what another lineage's devices show.
    pub(super) fn absorb(&self, other: &Self) {
        other.shown.iter().for_each(|(device, level)| self.merge(device, Shown::of_level(level)));
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("told", &self.told().count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceSlot = DeviceSlot(7);
    const FIRST: Revision = Revision::FIRST;
    const SECOND: Revision = Revision(2);

    #[test]
    fn a_device_is_claimed_once_for_each_priority_and_can_be_given_back() {
        let round = Reach::default().begin(FIRST);
        let claim = Claim::Tell(Priority::Warning);
        assert!(round.claim(DEVICE, claim));
        assert!(!round.claim(DEVICE, claim));
        assert!(round.claim(DEVICE, Claim::Tell(Priority::LifeThreat)));
        assert!(round.claim(DEVICE, Claim::Release));
        round.release(DEVICE, claim);
        assert!(round.claim(DEVICE, claim));
    }

    #[test]
    fn what_is_sent_of_an_old_revision_is_told_but_not_sent_of_the_new() {
        let reach = Reach::default();
        let first = reach.begin(FIRST);
        let second = reach.begin(SECOND);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        assert!(!second.is_sent(DEVICE) && !first.is_sent(DEVICE));
        assert_eq!(reach.shown(DEVICE), Some(Priority::Warning));
        assert!(reach.told().eq([DEVICE]));
    }

    #[test]
    fn what_comes_late_of_an_old_revision_does_not_undo_the_new() {
        let reach = Reach::default();
        reach.begin(FIRST);
        reach.begin(SECOND);
        reach.mark_sent(SECOND, NoticeKind::Alert, Priority::Advisory, &[DEVICE]);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::LifeThreat, &[DEVICE]);
        assert_eq!(reach.shown(DEVICE), Some(Priority::Advisory), "the device drops the older one");
    }

    #[test]
    fn a_device_shows_the_highest_of_one_revision_and_the_last_of_several() {
        let reach = Reach::default();
        reach.begin(FIRST);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::LifeThreat, &[DEVICE]);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::Advisory, &[DEVICE]);
        assert_eq!(reach.shown(DEVICE), Some(Priority::LifeThreat));
        reach.begin(SECOND);
        reach.mark_sent(SECOND, NoticeKind::Update, Priority::Advisory, &[DEVICE]);
        assert_eq!(reach.shown(DEVICE), Some(Priority::Advisory), "so that it sounds when it rises again");
    }

    #[test]
    fn one_that_was_released_is_told_no_more_and_sounds_anew() {
        let reach = Reach::default();
        let round = reach.begin(FIRST);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::LifeThreat, &[DEVICE]);
        assert!(round.is_sent(DEVICE));
        reach.begin(SECOND);
        reach.mark_sent(SECOND, NoticeKind::Release, Priority::Information, &[DEVICE]);
        assert!(reach.is_over(DEVICE) && reach.told().next().is_none());
        assert_eq!(reach.shown(DEVICE), None);
        reach.mark_sent(SECOND, NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        assert!(!reach.is_over(DEVICE));
        assert_eq!(reach.shown(DEVICE), Some(Priority::Warning));
    }

    #[test]
    fn an_acknowledgement_of_two_notices_under_one_key_is_not_trusted() {
        let reach = Reach::default();
        let round = reach.begin(FIRST);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        assert_eq!(reach.acknowledge(FIRST, vec![DEVICE]), [DEVICE]);
        assert!(round.is_acknowledged(DEVICE));
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::LifeThreat, &[DEVICE]);
        assert_eq!(reach.acknowledge(FIRST, vec![DEVICE]), []);
        assert!(!round.is_acknowledged(DEVICE));
    }

    #[test]
    fn a_release_is_owed_over_revisions_until_it_is_acknowledged() {
        let reach = Reach::default();
        reach.begin(FIRST);
        reach.mark_sent(FIRST, NoticeKind::Alert, Priority::Warning, &[DEVICE]);
        reach.begin(SECOND);
        reach.mark_sent(SECOND, NoticeKind::Release, Priority::Information, &[DEVICE]);
        reach.begin(Revision(3));
        assert_eq!(reach.acknowledge(SECOND, vec![DEVICE]), []);
        assert!(reach.may_show(DEVICE));
        reach.mark_sent(Revision(3), NoticeKind::Release, Priority::Information, &[DEVICE]);
        reach.acknowledge(Revision(3), vec![DEVICE]);
        assert!(!reach.may_show(DEVICE));
    }

    #[test]
    fn a_lineage_that_takes_over_another_knows_its_devices() {
        let (old, new) = (Reach::default(), Reach::default());
        let other = DeviceSlot(8);
        old.mark_sent(FIRST, NoticeKind::Alert, Priority::Advisory, &[DEVICE, other]);
        old.mark_sent(FIRST, NoticeKind::Release, Priority::Information, &[other]);
        new.mark_sent(FIRST, NoticeKind::Alert, Priority::Warning, &[other]);
        new.absorb(&old);
        assert_eq!(new.shown(DEVICE), Some(Priority::Advisory));
        assert_eq!(new.shown(other), Some(Priority::Warning));
    }
}
