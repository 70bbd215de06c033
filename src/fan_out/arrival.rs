//! A sweep of one: a place that changed, a registration, a link that opened (R-E7, R-L6).
//!
//! Sweep and arrival may meet. The place is in the index before the arrival asks what stands there, and a bulletin stands
//! before its sweep begins; so one of the two finds the device, and if both do the claim decides.

use std::sync::Arc;

use crate::decide::{Content, TierIndex};
use crate::domain::{DeviceSlot, Footprint, NoticeKind, Slot, Timestamp};
use crate::plan::{Facts, Found, Situation, Verdict, plan};

use super::queue::Errand;
use super::{FanOut, FanOuts};

impl FanOuts {
    /// The place of `slot` is now `at`: what is in force there is told, if it was not.
    pub fn arrived(&self, slot: Slot, at: Footprint) {
        let now = self.now();
        for (lineage, tier) in self.standing().at(at) {
            if let Some(fan_out) = self.newest(lineage) {
                self.tell(&fan_out, TierIndex(tier), slot, now);
            }
        }
    }

    /// The link of `slot` has opened: what it was sent and did not acknowledge is sent again under the same key, and what is
    /// in force where it is, and was never sent, is told now. History is not: only the newest bulletin of each lineage.
    pub fn link_opened(&self, slot: Slot) {
        let facts = self.facts(slot);
        let now = self.now();
        let here = self.place(slot);
        for fan_out in self.in_force(now) {
            let device = facts.device();
            let revision = fan_out.bulletin.key().revision;
            if fan_out.reach.is_acknowledged(revision, device) {
                continue;
            }
            let tier = here.and_then(|at| tier_at(&fan_out, at));
            match (fan_out.reach.was_told(device), tier) {
                (true, Some(tier)) => self.owe(&fan_out, tier, NoticeKind::Update, slot, &facts, now),
                (true, None) => self.owe_release(&fan_out, slot, &facts, now),
                (false, Some(tier)) => self.tell(&fan_out, tier, slot, now),
                (false, None) => {}
            }
        }
    }

    /// Tells one device, if the plan says so and it has not been told.
    fn tell(&self, fan_out: &Arc<FanOut>, tier: TierIndex, slot: Slot, now: Timestamp) {
        let facts = self.facts(slot);
        let tier_facts = fan_out.tier_facts(tier, NoticeKind::Alert);
        if fan_out.is_told(facts.device(), tier_facts.priority) {
            return;
        }
        let situation = Situation { linked: self.is_linked(slot), found: Found::ByPlace };
        let Verdict::Tell { route, .. } = plan(&facts, tier_facts, situation, &self.policy(), now) else { return };
        let kind = match fan_out.reach.sounded(facts.device()) {
            Some(sounded) if sounded >= tier_facts.priority => NoticeKind::Update,
            _ => NoticeKind::Alert,
        };
        if fan_out.reach.claim(facts.device(), tier) {
            fan_out.progress.found(1);
            fan_out.progress.planned(1);
            self.hand_over(route, &Errand { fan_out: Arc::clone(fan_out), tier, kind }, &[slot]);
        }
    }

    /// Sends again, straight to the link, what was sent and not acknowledged. The device drops it if it had it after all; if
    /// it was never sent at this revision this is when its link is next open, and it counts as sent.
    fn owe(
        &self,
        fan_out: &Arc<FanOut>,
        tier: TierIndex,
        kind: NoticeKind,
        slot: Slot,
        facts: &Facts,
        now: Timestamp,
    ) {
        let tier_facts = fan_out.tier_facts(tier, kind);
        let found = if kind == NoticeKind::Release { Found::ByReach } else { Found::ByPlace };
        let situation = Situation { linked: true, found };
        let Verdict::Tell { .. } = plan(facts, tier_facts, situation, &self.policy(), now) else { return };
        let raised = fan_out.reach.sounded(facts.device()).is_none_or(|sounded| sounded < tier_facts.priority);
        let kind = if raised && kind == NoticeKind::Update { NoticeKind::Alert } else { kind };
        let languages: Vec<_> = facts.languages.iter().filter_map(|&id| self.language(id)).collect();
        let Some(info) = fan_out.best_info(tier, kind, languages.iter()) else { return };
        let Some(content) = fan_out.content(tier, info, kind, now) else { return };
        if self.send_to_link(slot, &content) {
            self.mark_sent_by_link(fan_out, tier, content.notice.priority, facts.device());
        }
    }

    /// Told before, and over now, or over for where it is. A device that was told nothing is released from nothing.
    fn owe_release(&self, fan_out: &Arc<FanOut>, slot: Slot, facts: &Facts, now: Timestamp) {
        let cancelled = matches!(fan_out.bulletin.parts().content, Content::Cancel(_));
        if cancelled || fan_out.before.is_some() {
            self.owe(fan_out, TierIndex(0), NoticeKind::Release, slot, facts, now);
        }
    }

    fn mark_sent_by_link(
        &self,
        fan_out: &FanOut,
        tier: TierIndex,
        priority: crate::domain::Priority,
        device: DeviceSlot,
    ) {
        let key = fan_out.bulletin.key();
        if fan_out.reach.is_sent(key.revision, device) {
            return;
        }
        fan_out.reach.mark_sent(key.revision, priority, &[device]);
        self.journal_sent(fan_out, tier, priority, device);
    }
}

/// The highest tier whose ground touches the place.
fn tier_at(fan_out: &FanOut, at: Footprint) -> Option<TierIndex> {
    let position = fan_out.bulletin.tiers().iter().position(|tier| tier.area.touches(at))?;
    Some(TierIndex(position as u8))
}
