//! Who would be told, without telling anybody.
//!
//! An authority chooses the ground, and could ask about one house, or about two pieces of ground that differ by one. So
//! it is told of whole squares of a fixed grid, and of each only what [`Discretion`] lets it know: whatever ground it
//! asks about, the answer is made of the same numbers, one for each square. The difference of two answers is at most
//! what is told of the squares by which they differ, each of which has many people or says nothing. How much a square's
//! counts are shifted is drawn once, not each time or each hour: the average of many answers would tell them exactly.
//!
//! What this does not hide: that the count of a square with many people in it passes an edge, when somebody comes or
//! goes; where that edge is is not known. And the fan-outs of two real warnings whose areas differ by one house are
//! shifted apart, so that their difference says little, but many such pairs would say more: each of them sounds phones,
//! or with a revision that only changes texts takes a link's turn, and is in the audit log. Whom a drill passes over it
//! is not told at all.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::decide::{Bulletin, Content, TierIndex};
use crate::domain::{AppSlot, AuthorityName, ChannelKind, DeviceSlot, Discretion, NoticeKind, Slot};
use crate::ledger::SlotSet;
use crate::locate::{AffectedArea, Order};
use crate::plan::{Flags, Found, Skipped, TierFacts, Verdict, plan, withheld};

use super::FanOuts;
use super::queue::By;
use super::square::{Square, squares_round};

/// One count of a preview.
#[derive(Hash)]
enum Cell {
    Told(ChannelKind),
    Skipped(Skipped),
    Withheld(ChannelKind),
}

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
    /// Devices that would be told, by app; `None` for one whose registration was deleted. An authority is told of no
    /// app.
    pub apps: BTreeMap<Option<AppSlot>, u64>,
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

    /// What an authority is told of a preview.
    pub fn coarse_preview(&self, bulletin: &Bulletin, authority: &AuthorityName, discretion: &Discretion) -> Preview {
        let parts = bulletin.parts();
        let mut preview = Preview::default();
        if let Content::Cancel(_) = &parts.content {
            let tell = |cell, count| discretion.shifted(&(authority, parts.lineage, cell), count).at_least;
            preview.tell(&self.preview_cancel(bulletin), tell);
            return preview;
        }
        for (square, counted) in self.preview_squares(bulletin) {
            let tell = |cell, count| discretion.shifted(&(authority, square, cell), count).at_least;
            preview.tell(&counted, tell);
        }
        preview
    }

    /// Who would be told in each square that a warning touches, in all of it, by the highest tier that touches it.
    fn preview_squares(&self, bulletin: &Bulletin) -> HashMap<Square, Preview> {
        let tiers = bulletin.tiers();
        let boxes: Vec<_> = tiers.iter().map(|tier| tier.area.bounding_box()).collect();
        let ground = AffectedArea::new(&[squares_round(&boxes)]).into_iter().collect::<Vec<_>>();
        let mut tier_of: HashMap<Square, Option<TierFacts>> = HashMap::default();
        let mut squares: HashMap<Square, Preview> = HashMap::default();
        let (mut sweep, seen, mut hits) = (self.index().sweep(&ground, Order::Any), SlotSet::default(), Vec::new());
        let touching = |square: &Square| {
            let tier = tiers.iter().find(|tier| tier.area.touches(square.footprint()))?;
            Some(TierFacts::of(bulletin.parts().mode, tier))
        };
        loop {
            hits.clear();
            let more = sweep.next_batch(&mut hits);
            for hit in &hits {
                let facts = self.facts(hit.slot);
                // A device counts once, where the first place of its first registration is, whatever the sweep comes to
                // first.
                let Some((by, at)) = self.places(hit.slot, &facts).next() else { continue };
                let square = Square::of(at);
                if facts.device() != DeviceSlot(hit.slot.0) || !seen.insert(facts.device()) {
                    continue;
                }
                if let Some(tier) = *tier_of.entry(square).or_insert_with(|| touching(&square)) {
                    let found = self.found(hit.slot, NoticeKind::Alert, by);
                    squares.entry(square).or_default().count(self, hit.slot, tier, found);
                }
            }
            if !more {
                return squares;
            }
        }
    }

    fn preview_warning(&self, bulletin: &Bulletin) -> Preview {
        let areas: Vec<_> = bulletin.tiers().iter().map(|tier| tier.area.clone()).collect();
        let tiers: Vec<_> = bulletin.tiers().iter().map(|tier| TierFacts::of(bulletin.parts().mode, tier)).collect();
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
                    preview.count(
                        self,
                        hit.slot,
                        tiers[usize::from(tier.0)],
                        self.found(hit.slot, NoticeKind::Alert, by),
                    );
                }
            }
            if !more {
                return preview;
            }
        }
    }

    fn preview_cancel(&self, bulletin: &Bulletin) -> Preview {
        let parts = bulletin.parts();
        let facts = TierFacts::release(parts.mode, parts.expires);
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
    fn tell(&mut self, told: &Self, tell: impl Fn(Cell, u64) -> u64) {
        for (channel, count) in &told.told {
            let count = tell(Cell::Told(*channel), *count);
            *self.told.entry(*channel).or_default() += count;
            self.found += count;
        }
        for (reason, count) in &told.skipped {
            let count = tell(Cell::Skipped(*reason), *count);
            *self.skipped.entry(*reason).or_default() += count;
            self.found += count;
        }
        for (channel, count) in &told.withheld {
            *self.withheld.entry(*channel).or_default() += tell(Cell::Withheld(*channel), *count);
        }
        self.withheld.retain(|_, count| *count > 0);
        self.told.retain(|_, count| *count > 0);
        self.skipped.retain(|_, count| *count > 0);
    }

    fn count(&mut self, house: &FanOuts, slot: Slot, tier: TierFacts, found: Found) {
        self.found += 1;
        let (facts, now) = (house.facts(slot), house.now());
        let policy = house.policy(&facts);
        let situation = house.situation(slot, &facts, found, policy, now);
        let verdict = plan(&facts, tier, situation, policy, now);
        match verdict {
            Verdict::Tell { route, .. } => {
                *self.told.entry(route.channel()).or_default() += 1;
                *self.apps.entry(house.app_of(slot)).or_default() += 1;
            }
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
