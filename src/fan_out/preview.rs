//! Who would be told, without telling anybody.

use std::collections::BTreeMap;

use crate::decide::{Bulletin, Content, TierIndex};
use crate::domain::{ChannelKind, NoticeKind, Slot};
use crate::ledger::SlotSet;
use crate::locate::Order;
use crate::plan::{Flags, Found, Skipped, TierFacts, Verdict, plan, withheld};

use super::FanOuts;
use super::queue::By;

/// Who would be told now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Devices found in the area; for a cancel, those who were told.
    pub found: u64,
    /// Devices that would be told, by the channel that comes first.
    pub told: BTreeMap<ChannelKind, u64>,
    /// Devices that would not, by the reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// Devices for whom a channel outside the region is left out, since they have not agreed to it, by that channel.
    pub withheld: BTreeMap<ChannelKind, u64>,
}

impl FanOuts {
    /// What a sweep of `bulletin` would find now, by the same plan. Changes nothing. Takes as long as a sweep: not for
    /// an I/O thread.
    pub fn preview(&self, bulletin: &Bulletin) -> Preview {
        match &bulletin.parts().content {
            Content::Warn(_) => self.preview_warning(bulletin),
            Content::Cancel(_) => self.preview_cancel(bulletin),
        }
    }

    fn preview_warning(&self, bulletin: &Bulletin) -> Preview {
        let areas: Vec<_> = bulletin.tiers().iter().map(|tier| tier.area.clone()).collect();
        let tier_facts = |tier: TierIndex| {
            let tier = &bulletin.tiers()[usize::from(tier.0)];
            TierFacts { mode: bulletin.parts().mode, priority: tier.priority, expires: tier.expires() }
        };
        let mut preview = Preview::default();
        let mut sweep = self.index().sweep(&areas, Order::Any);
        let (seen, mut hits) = (SlotSet::default(), Vec::new());
        loop {
            hits.clear();
            let more = sweep.next_batch(&mut hits);
            for hit in &hits {
                let facts = self.facts(hit.slot);
                let of_hit = (TierIndex(hit.tier), By::ordinal(hit.ordinal));
                let best = if hit.ordinal != 0 || facts.flags.has(Flags::FOLLOWS) {
                    self.tier_of(bulletin, hit.slot, &facts, self.now())
                } else {
                    Some(of_hit)
                };
                let Some((tier, by)) = best else { continue };
                if !facts.is_live() || seen.insert(facts.device()) {
                    preview.count(self, hit.slot, tier_facts(tier), self.found(hit.slot, NoticeKind::Alert, by));
                }
            }
            if !more {
                return preview;
            }
        }
    }

    fn preview_cancel(&self, bulletin: &Bulletin) -> Preview {
        let parts = bulletin.parts();
        let priority = crate::domain::Priority::Information;
        let facts = TierFacts { mode: parts.mode, priority, expires: parts.expires };
        let mut preview = Preview::default();
        let told = SlotSet::default();
        for lineage in std::iter::once(&parts.lineage).chain(&parts.absorbs) {
            let Some(reach) = self.ledger().find_reach(*lineage) else { continue };
            for device in reach.told().filter(|device| told.insert(*device)) {
                preview.count(self, Slot(device.0), facts, Found::ByReach);
            }
        }
        preview
    }
}

impl Preview {
    fn count(&mut self, house: &FanOuts, slot: Slot, tier: TierFacts, found: Found) {
        self.found += 1;
        let (facts, now) = (house.facts(slot), house.now());
        let policy = house.policy(&facts);
        let situation = house.situation(slot, &facts, found, policy);
        let verdict = plan(&facts, tier, situation, policy, now);
        match verdict {
            Verdict::Tell { route, .. } => *self.told.entry(route.channel()).or_default() += 1,
            Verdict::Skip(reason) => *self.skipped.entry(reason).or_default() += 1,
        }
        if matches!(verdict, Verdict::Tell { .. } | Verdict::Skip(Skipped::NoCrossBorderConsent)) {
            let left_out = withheld(&facts, situation, policy, now);
            for channel in ChannelKind::ALL.into_iter().filter(|channel| left_out & channel.bit() != 0) {
                *self.withheld.entry(channel).or_default() += 1;
            }
        }
    }
}
