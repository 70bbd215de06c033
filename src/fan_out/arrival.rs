//! A sweep of one: a place that changed, a registration, a consent, a link that opened (R-E7, R-L6).
//!
//! Sweep and arrival may meet. The place is in the index before the arrival asks what stands there, and a bulletin
//! stands before its sweep begins; so one of the two finds the device, and if both do the claim decides.

use std::sync::Arc;

use crate::decide::TierIndex;
use crate::domain::{ChannelKind, DeviceSlot, Footprint, LineageId, NoticeKind, Priority, Slot, Timestamp};
use crate::journal::{Entry, Ticket};
use crate::ledger::settle;
use crate::plan::{Facts, Situation, Verdict, plan};

use super::queue::Errand;
use super::{FanOut, FanOuts};

impl FanOuts {
    /// The registration has a new place, or a new consent: what is in force where it is is told, if it was not.
    pub fn arrived(&self, slot: Slot) {
        let Some(at) = self.place(slot) else { return };
        let now = self.now();
        for (lineage, _) in self.standing().at(at) {
            if let Some(fan_out) = self.newest(lineage) {
                self.bring_up_to_date(&fan_out, slot, now);
            }
        }
    }

    /// The link of `slot` has opened: what it was sent and did not acknowledge is sent again under the same key, and
    /// what is in force where it is, and was never sent, is told now. History is not: only the newest bulletin of each
    /// lineage.
    pub fn link_opened(&self, slot: Slot) {
        // The link is open before claims are looked at: see `recheck`.
        settle();
        let facts = self.facts(slot);
        let now = self.now();
        for fan_out in self.in_force(now) {
            if !fan_out.round.is_sent(facts.device()) {
                self.bring_up_to_date(&fan_out, slot, now);
            } else if !fan_out.round.is_acknowledged(facts.device()) {
                self.repeat(&fan_out, slot, &facts, now);
            }
        }
    }

    /// A lane gave back its claim on a device which may since have become one to tell: its link opened or its person
    /// agreed just after the lane had looked, and whoever noticed found it claimed.
    pub(super) fn recheck(&self, lineage: LineageId, slot: Slot) {
        settle();
        if let Some(fan_out) = self.newest(lineage) {
            self.bring_up_to_date(&fan_out, slot, self.now());
        }
    }

    /// Puts one device into a lane, if it has not had the bulletin and the plan says to tell it.
    fn bring_up_to_date(&self, fan_out: &Arc<FanOut>, slot: Slot, now: Timestamp) {
        let facts = self.facts(slot);
        let Some((tier, kind)) = self.due(fan_out, slot, &facts) else { return };
        let tier_facts = fan_out.tier_facts(tier, kind);
        if fan_out.has_had(facts.device(), kind, tier_facts.priority) {
            return;
        }
        let situation = Situation { linked: self.is_linked(slot), found: kind.into() };
        let Verdict::Tell { route, .. } = plan(&facts, tier_facts, situation, self.policy(), now) else { return };
        // A text that only changed goes to others than links when their link is next open (R-E6).
        let waits = kind == NoticeKind::Update && route.channel() != ChannelKind::Link;
        if !waits && fan_out.round.claim(facts.device(), tier) {
            fan_out.progress.found(1);
            fan_out.progress.planned(1);
            self.hand_over(route, &Errand { fan_out: Arc::clone(fan_out), tier, kind }, &[slot]);
        }
    }

    /// What a device is to be told of a bulletin, by where it is and what it was told before.
    fn due(&self, fan_out: &FanOut, slot: Slot, facts: &Facts) -> Option<(TierIndex, NoticeKind)> {
        let device = facts.device();
        let sounded = fan_out.reach.sounded(device);
        if let Some(tier) = self.place(slot).and_then(|at| tier_at(fan_out, at)) {
            let priority = fan_out.tier_facts(tier, NoticeKind::Alert).priority;
            let heard = sounded.is_some_and(|sounded| sounded >= priority);
            return Some((tier, if heard { NoticeKind::Update } else { NoticeKind::Alert }));
        }
        let over = fan_out.is_cancel() || fan_out.before.is_some();
        let told = sounded.is_some() || fan_out.reach.is_released(device);
        (over && told).then_some((TierIndex(0), NoticeKind::Release))
    }

    /// Sends again, straight to the link, what was sent and not acknowledged. The device drops it if it had it after
    /// all.
    fn repeat(&self, fan_out: &Arc<FanOut>, slot: Slot, facts: &Facts, now: Timestamp) {
        let Some((tier, kind)) = self.due(fan_out, slot, facts) else { return };
        let tier_facts = fan_out.tier_facts(tier, kind);
        let situation = Situation { linked: true, found: kind.into() };
        let Verdict::Tell { .. } = plan(facts, tier_facts, situation, self.policy(), now) else { return };
        let languages: Vec<_> = facts.languages.iter().filter_map(|&id| self.language(id)).collect();
        let Some(info) = fan_out.best_info(tier, kind, languages.iter()) else { return };
        let Some(content) = fan_out.content(tier, info, kind, now) else { return };
        let priority = content.notice.priority;
        if self.send_to_link(slot, &content) && !fan_out.has_had(facts.device(), kind, priority) {
            // It was sent something else of this bulletin: it has moved into a tier that is higher, or out of all.
            let sent = Sent { tier, kind, priority, channel: ChannelKind::Link, devices: vec![facts.device()] };
            let _ = self.record_sent(fan_out, sent);
            if let Some(lineage) = fan_out.successor() {
                self.recheck(lineage, slot);
            }
        }
    }

    /// Marks, counts and journals what a channel has taken.
    pub(super) fn record_sent(&self, fan_out: &FanOut, sent: Sent) -> Ticket {
        let key = fan_out.bulletin.key();
        let Sent { tier, kind, priority, channel, devices } = sent;
        self.ledger().mark_sent(key, kind, priority, &devices);
        self.count_sent(fan_out, channel, devices.len());
        self.journal().append(Entry::Sent { key, tier, kind, priority, channel, devices })
    }
}

/// What a channel has taken of one bulletin.
pub(super) struct Sent {
    pub(super) tier: TierIndex,
    pub(super) kind: NoticeKind,
    pub(super) priority: Priority,
    pub(super) channel: ChannelKind,
    pub(super) devices: Vec<DeviceSlot>,
}

/// The highest tier whose ground touches the place.
fn tier_at(fan_out: &FanOut, at: Footprint) -> Option<TierIndex> {
    let position = fan_out.bulletin.tiers().iter().position(|tier| tier.area.touches(at))?;
    Some(TierIndex(position as u8))
}
