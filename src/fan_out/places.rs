//! Where a registration is: its phone, and the places that its person follows.
//!
//! A place that is followed stands for its registration as the phone's own does, under its own consent. Whoever has
//! several places in an area is told once, of the highest tier that any of them is in.

use crate::decide::{Bulletin, Tier, TierIndex};
use crate::domain::{Footprint, NoticeKind, PlaceId, SavedPlace, Slot, Timestamp};
use crate::plan::{Facts, Flags, Found, Place};

use super::FanOuts;
use super::queue::By;

impl FanOuts {
    /// Every place of a registration, the phone's first.
    pub(super) fn places(&self, slot: Slot, facts: &Facts) -> impl Iterator<Item = (By, Footprint)> {
        let last = if facts.flags.has(Flags::FOLLOWS) { SavedPlace::MOST as u8 } else { 0 };
        let place = move |ordinal| Some((By::ordinal(ordinal), self.index().position(PlaceId { slot, ordinal })?));
        (0..=last).filter_map(place)
    }

    /// The highest tier of a bulletin that holds and touches a place of the registration, and what place that is.
    /// Places that no consent allows to be used stand behind those that one does.
    pub(super) fn tier_of(
        &self,
        bulletin: &Bulletin,
        slot: Slot,
        facts: &Facts,
        now: Timestamp,
    ) -> Option<(TierIndex, By)> {
        let oldest = self.policy(facts).oldest_valid;
        let tier_at = |at: Footprint| {
            let holds = |tier: &Tier| tier.expires() > now && tier.area.touches(at);
            bulletin.tiers().iter().position(holds)
        };
        let found = self.places(slot, facts).filter_map(|(by, at)| Some((by, tier_at(at)?)));
        let may_be_used = |by: By| match by {
            By::Live => facts.location.counts(oldest, now),
            By::Saved => self.saved_places_grant(slot).counts(oldest, now),
        };
        let (by, tier) = found.min_by_key(|(by, tier)| (!may_be_used(*by), *tier))?;
        Some((TierIndex(tier as u8), by))
    }

    /// How a registration was found for a notice of this kind, with what its person has agreed to now.
    pub(super) fn found(&self, slot: Slot, kind: NoticeKind, by: By) -> Found {
        let place = || match by {
            By::Live => Place::Live,
            By::Saved => Place::Saved(self.saved_places_grant(slot)),
        };
        match kind {
            // Only those who were told before are told that it is over.
            NoticeKind::Release => Found::ByReach,
            NoticeKind::Alert => Found::ByPlace(place()),
            NoticeKind::Update => Found::Again(place()),
        }
    }
}
