//! A sweep of one: a place that changed, a registration, a consent, a link that opened (R-E7, R-L6).
//!
//! Sweep and arrival may meet. The place is in the index before the arrival asks what stands there, and a bulletin
//! stands before its sweep begins; so one of the two finds the device, and if both do the claim decides. Whoever finds
//! it claimed goes away: the lane that has it looks once more, and if it then leaves the device untold it comes back
//! here, so that what changed meanwhile is seen by one of the two.

use std::sync::Arc;

use crate::decide::TierIndex;
use crate::domain::{
    ChannelKind, DeliveryKey, DeviceSlot, EncodedNotice, EventKind, LineageId, NoticeKind, Priority, Slot, Timestamp,
};
use crate::journal::{Entry, Ticket};
use crate::ledger::{AppCounts, Claim, settle};
use crate::plan::{Facts, Grant, Situation, Verdict, plan};

use super::queue::{By, Errand};
use super::{FanOut, FanOuts};

impl FanOuts {
    /// The registration has a new place, or a new consent: what is in force where it is is told, if it was not.
    pub fn arrived(&self, slot: Slot) {
        // The place is in the index before it is asked what stands there: see `stand`.
        settle();
        if !self.standing().is_empty() {
            let now = self.now();
            for lineage in self.lineages_at(slot, &self.facts(slot)) {
                if let Some(fan_out) = self.newest(lineage) {
                    self.bring_up_to_date(&fan_out, slot, now);
                }
            }
        }
        self.look_into_zones(slot);
    }

    /// Their partner is told who has come into a zone of its (R-S1). After alerts: these are more urgent.
    fn look_into_zones(&self, slot: Slot) {
        for zone in self.0.around.registry.enter_zones(slot) {
            self.metrics().zone_entries.inc();
            self.0.around.registry.note_event(slot, EventKind::ZoneEntered(zone.name.clone()));
        }
    }

    /// The link of `slot` has opened, and is in the hub: what is in force for it and was never sent is told now. What
    /// it was sent and has not acknowledged is given back, for whoever drives the link to send again under the same key
    /// before anything else; and so is the word that it is over for what it says it has `shown`, if that was followed
    /// by another. History is not told: only the newest bulletin of each lineage.
    #[must_use = "what is given back is owed to the device"]
    pub fn link_opened(&self, slot: Slot, shown: &[DeliveryKey]) -> Vec<EncodedNotice> {
        // The link is open before claims are looked at: see `recheck`.
        settle();
        let facts = self.facts(slot);
        if !facts.is_live() {
            return Vec::new();
        }
        let (device, now) = (facts.device(), self.now());
        let here = self.lineages_at(slot, &facts);
        let in_force = self.in_force();
        let is_concerned = |fan_out: &FanOut| {
            here.contains(&fan_out.lineage())
                || fan_out.reach.may_show(device)
                || shown.iter().any(|key| fan_out.follows(*key))
        };
        let concerned = in_force.iter().filter(|fan_out| is_concerned(fan_out.as_ref()));
        let owed = concerned.filter_map(|fan_out| self.catch_up(fan_out, slot, shown, now)).collect();
        self.look_into_zones(slot);
        owed
    }

    /// What is in force where the registration is, or a place that its person follows.
    pub(super) fn lineages_at(&self, slot: Slot, facts: &Facts) -> Vec<LineageId> {
        let mut found = Vec::new();
        for (_, at) in self.places(slot, facts) {
            for (lineage, _) in self.standing().at(at) {
                if !found.contains(&lineage) {
                    found.push(lineage);
                }
            }
        }
        found
    }

    /// A lane has left a device untold which may since have become one to tell (its link opened or its person agreed
    /// just after the lane had looked, and whoever noticed found it claimed); or a link has opened while the lane was
    /// sending; or what the lane has sent was no longer the newest.
    pub(super) fn recheck(&self, lineage: LineageId, slot: Slot) {
        settle();
        if let Some(fan_out) = self.newest(lineage) {
            self.bring_up_to_date(&fan_out, slot, self.now());
        }
    }

    /// A link has opened while a lane was sending to the device, or while its person was not to be woken: whatever was
    /// sent may have gone with the link before.
    pub(super) fn send_again(&self, fan_out: &Arc<FanOut>, slot: Slot) {
        if let Some(owed) = self.catch_up(fan_out, slot, &[], self.now()) {
            // A link that has closed again comes back for it.
            let _ = self.hub().send(slot, &owed);
        }
    }

    /// Tells the device what it is due and was not sent; gives back what it was sent and has not acknowledged.
    fn catch_up(
        &self,
        fan_out: &Arc<FanOut>,
        slot: Slot,
        shown: &[DeliveryKey],
        now: Timestamp,
    ) -> Option<EncodedNotice> {
        let due = match self.bring_up_to_date(fan_out, slot, now) {
            Met::Had(due) => due,
            Met::Claimed(due) => {
                // The lane may have sent it already, to the link before this one.
                fan_out.round.reopened(due.facts.device());
                settle();
                fan_out.has_had(due.facts.device(), due.claim).then_some(due)?
            }
            Met::NotDue => {
                let facts = self.facts(slot);
                let owed = facts.is_live() && fan_out.is_release_owed(facts.device(), shown);
                return owed.then(|| self.owed(fan_out, slot, &Due::release(facts), now)).flatten();
            }
            Met::Put | Met::Untold => return None,
        };
        let acknowledged = fan_out.round.is_acknowledged(due.facts.device());
        if acknowledged { None } else { self.owed(fan_out, slot, &due, now) }
    }

    /// Puts one device into a lane, if it has not had the bulletin and the plan says to tell it.
    fn bring_up_to_date(&self, fan_out: &Arc<FanOut>, slot: Slot, now: Timestamp) -> Met {
        let Some(due) = self.due(fan_out, slot, now) else { return Met::NotDue };
        let Due { facts, tier, kind, claim, by } = due;
        let device = facts.device();
        if kind != NoticeKind::Release && fan_out.round.find(device) {
            fan_out.progress.found(1);
        }
        if fan_out.has_had(device, claim) {
            return Met::Had(due);
        }
        let policy = self.policy(&facts);
        let situation = self.situation(slot, &facts, self.found(slot, kind, by), policy, now);
        match plan(&facts, fan_out.tier_facts(tier, kind), situation, policy, now) {
            Verdict::Tell { route, .. } if may_take(kind, route.channel()) => {
                if !fan_out.round.claim(device, claim) {
                    return Met::Claimed(due);
                }
                fan_out.progress.planned(1);
                self.hand_over(route, &Errand { fan_out: Arc::clone(fan_out), tier, kind, by }, &[slot]);
                Met::Put
            }
            Verdict::Tell { .. } | Verdict::Skip(_) => Met::Untold,
        }
    }

    /// What a device is due of a bulletin, by where it is and what it was told before.
    fn due(&self, fan_out: &FanOut, slot: Slot, now: Timestamp) -> Option<Due> {
        let facts = self.facts(slot);
        if !facts.is_live() {
            return None;
        }
        let device = facts.device();
        if let Some((tier, by)) = self.tier_of(&fan_out.bulletin, slot, &facts, now) {
            let priority = fan_out.tier_facts(tier, NoticeKind::Alert).priority;
            let kind = if fan_out.has_heard(device, tier) { NoticeKind::Update } else { NoticeKind::Alert };
            return Some(Due { facts, tier, kind, claim: Claim::Tell(priority), by });
        }
        fan_out.is_release_due(device).then(|| Due::release(facts))
    }

    /// What was sent and not acknowledged, to be sent again. The device drops it if it had it after all; if it had not,
    /// it sounds now, and so it is for the person to say whether it may.
    fn owed(&self, fan_out: &FanOut, slot: Slot, due: &Due, now: Timestamp) -> Option<EncodedNotice> {
        let Due { facts, tier, .. } = due;
        // One that was told by this bulletin alone, and may not have it, is not told of a change.
        let first = due.kind == NoticeKind::Update && fan_out.past.before.is_none();
        let kind = if first { NoticeKind::Alert } else { due.kind };
        let (found, wish) = (self.found(slot, kind, due.by), self.wish(facts, now));
        let situation = Situation { linked: true, found, wish, cross_border: Grant::default() };
        let verdict = plan(facts, fan_out.tier_facts(*tier, kind), situation, self.policy(facts), now);
        let Verdict::Tell { .. } = verdict else { return None };
        let languages: Vec<_> = facts.languages.iter().filter_map(|&id| self.language(id)).collect();
        let info = fan_out.best_info(*tier, kind, languages.iter())?;
        Some(fan_out.content(*tier, info, kind, now)?.encoded.clone())
    }

    /// Marks, counts and journals what a channel has taken.
    pub(super) fn record_sent(&self, fan_out: &FanOut, sent: Sent) -> Ticket {
        let key = fan_out.bulletin.key();
        let Sent { tier, kind, priority, channel, devices, by_app } = sent;
        let new = devices.iter().filter(|device| !fan_out.round.is_sent(**device)).count();
        self.ledger().mark_sent(key, kind, priority, &devices);
        self.count_sent(fan_out, channel, devices.len(), new);
        fan_out.progress.by_app.sent(channel, &by_app);
        self.journal().append(Entry::Sent { key, tier, kind, priority, channel, devices })
    }
}

/// A text that only changed goes over links alone: to others when their link is next open (R-E6).
pub(super) fn may_take(kind: NoticeKind, channel: ChannelKind) -> bool {
    kind != NoticeKind::Update || channel == ChannelKind::Link
}

/// How a device stands that is to be brought up to date.
enum Met {
    /// There is nothing to tell it.
    NotDue,
    /// It is not to be told, or not now.
    Untold,
    /// It was sent what it is due.
    Had(Due),
    /// Another has claimed it for that.
    Claimed(Due),
    /// It is in a lane.
    Put,
}

/// What a device is to be told of a bulletin.
struct Due {
    facts: Facts,
    tier: TierIndex,
    kind: NoticeKind,
    claim: Claim,
    by: By,
}

impl Due {
    fn release(facts: Facts) -> Self {
        Self { facts, tier: TierIndex(0), kind: NoticeKind::Release, claim: Claim::Release, by: By::Live }
    }
}

/// What a channel has taken of one bulletin.
pub(super) struct Sent {
    pub(super) tier: TierIndex,
    pub(super) kind: NoticeKind,
    pub(super) priority: Priority,
    pub(super) channel: ChannelKind,
    pub(super) devices: Vec<DeviceSlot>,
    /// How many of each app.
    pub(super) by_app: AppCounts,
}
