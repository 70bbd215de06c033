//! From a bulletin to slots in lanes: the planner's loop.
//!
//! A sweep of a warning goes through the index first: those who were not told, or for whom it is worse now, enter lanes
//! as they are found. Then those who were told before and are still inside get the new text on their links, and those
//! told before who are outside now are released (R-E6). A cancel goes through those who were told alone.

use std::sync::Arc;

use foldhash::HashMap;

use crate::decide::{Content, Tier, TierIndex};
use crate::domain::{
    AppSlot, ChannelKind, DeviceSlot, Ground, Info, NoticeKind, Position, SignedDuration, Slot, Timestamp,
};
use crate::ledger::Claim;
use crate::locate::{Hit, Order, Sweep};
use crate::plan::{Flags, Found, RouteId, Skipped, TierFacts, Verdict, plan};

use super::queue::{By, Errand};
use super::{FanOut, FanOuts};

/// The sweep of one bulletin: can be put down after each batch and taken up again, by any planner.
#[derive(Debug)]
pub(super) struct Planned {
    fan_out: Arc<FanOut>,
    stage: Stage,
    /// Told before, still inside, not worse: they get the new text when the untold have been told.
    revise: Vec<Hit>,
    hits: Vec<Hit>,
    ready: Vec<(Bucket, Vec<Slot>)>,
    /// Since the last batch was handed over; no app where the registration is deleted.
    skipped: HashMap<(Option<AppSlot>, Skipped), u64>,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// The sweep goes through the tiers that hold, in these positions.
    Area {
        sweep: Box<Sweep>,
        tiers: Vec<TierIndex>,
    },
    Revise {
        next: usize,
    },
    Release {
        told: Vec<DeviceSlot>,
        next: usize,
    },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    route: RouteId,
    tier: TierIndex,
    kind: NoticeKind,
    by: By,
}

/// How long it takes at best from a sweep to a phone that sounds; whoever has less is too late to be told before.
const WAY_TO_PHONE: SignedDuration = SignedDuration::from_secs(1);

/// In which order the devices in `tiers` are told (R-E4). Of an earthquake by the time that is left before the shaking.
/// Bands of intensity may not say where it spreads from and when it broke; they lie round that point, so that those who
/// are nearest to the middle of the strongest come first then.
fn order(tiers: &[Tier], now: Timestamp) -> Order {
    let told = now.saturating_add(WAY_TO_PHONE).unwrap_or(now);
    let mut infos = tiers.iter().flat_map(|tier| tier.infos.iter().map(move |info| (tier, info)));
    let of_info = |(tier, info): (&Tier, &Info)| match &info.ground {
        Ground::Earthquake(source) => Some(Order::by_time_left(source, told)),
        Ground::Bands(bands) => match &bands.first().source {
            Some(source) => Some(Order::by_time_left(source, told)),
            None => middle(tier.area.bounding_box()).map(Order::Nearest),
        },
        Ground::Areas(_) | Ground::None => None,
    };
    infos.find_map(of_info).unwrap_or(Order::Any)
}

/// The middle of a box, over the antimeridian too.
fn middle([west, south, east, north]: [f64; 4]) -> Option<Position> {
    let width = (east - west).rem_euclid(360.0);
    let lon = (west + width / 2.0 + 180.0).rem_euclid(360.0) - 180.0;
    Position::from_degrees(lon, f64::midpoint(south, north)).ok()
}

impl Planned {
    pub(super) fn new(fan_out: Arc<FanOut>) -> Self {
        Self {
            fan_out,
            stage: Stage::Begin,
            revise: Vec::new(),
            hits: Vec::new(),
            ready: Vec::new(),
            skipped: HashMap::default(),
        }
    }

    /// Plans one batch of so many devices; false when the sweep is over.
    pub(super) fn step(&mut self, house: &FanOuts, batch: usize) -> bool {
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        if self.fan_out.successor().is_none() && !self.fan_out.is_expired(house.now()) {
            self.stage = match stage {
                Stage::Begin => self.begin(house, batch),
                Stage::Area { sweep, tiers } => self.step_area(house, sweep, tiers, batch),
                Stage::Revise { next } => self.step_revise(house, next, batch),
                Stage::Release { told, next } => self.step_release(house, told, next, batch),
                Stage::Done => Stage::Done,
            };
            self.hand_over(house);
        }
        let over = matches!(self.stage, Stage::Done);
        if over {
            house.count_planned(&self.fan_out);
            self.fan_out.progress.finish();
            house.note_finished(&self.fan_out);
        }
        !over
    }

    fn begin(&mut self, house: &FanOuts, batch: usize) -> Stage {
        match &self.fan_out.bulletin.parts().content {
            Content::Warn(tiers) => {
                let now = house.now();
                let order = order(tiers, now);
                let (tiers, areas) = (0..=u8::MAX)
                    .zip(tiers.iter())
                    .filter(|(_, tier)| tier.expires() > now)
                    .map(|(position, tier)| (TierIndex(position), tier.area.clone()))
                    .unzip::<_, _, Vec<_>, Vec<_>>();
                let sweep = Box::new(house.index().sweep(&areas, order));
                self.step_area(house, sweep, tiers, batch)
            }
            Content::Cancel(_) => {
                let told: Vec<_> = self.fan_out.reach.told().collect();
                self.fan_out.progress.found(told.len() as u64);
                self.step_release(house, told, 0, batch)
            }
        }
    }

    fn step_area(&mut self, house: &FanOuts, mut sweep: Box<Sweep>, tiers: Vec<TierIndex>, batch: usize) -> Stage {
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        let more = sweep.next_hits(batch, &mut hits);
        let now = house.now();
        let facts: Vec<_> = tiers.iter().map(|&tier| self.fan_out.tier_facts(tier, NoticeKind::Alert)).collect();
        let mut found = 0;
        for near in hits.chunks(FanOuts::NEAR) {
            house.touch(near.iter().map(|hit| hit.slot));
            for hit in near {
                let position = usize::from(hit.tier);
                found += u64::from(self.plan_hit(house, now, *hit, (tiers[position], facts[position])));
            }
        }
        self.hits = hits;
        self.fan_out.progress.found(found);
        if more {
            return Stage::Area { sweep, tiers };
        }
        house.count_planned(&self.fan_out);
        Stage::Revise { next: 0 }
    }

    /// Plans one hit; true when its device was not found before.
    fn plan_hit(&mut self, house: &FanOuts, now: Timestamp, hit: Hit, tier: (TierIndex, TierFacts)) -> bool {
        let Hit { slot, ordinal, .. } = hit;
        let facts = house.facts(slot);
        if !facts.is_live() {
            self.skip(None, Skipped::Deleted, 1);
            return false;
        }
        let (device, (mut tier, mut tier_facts), mut by) = (facts.device(), tier, By::ordinal(ordinal));
        if ordinal != 0 || facts.flags.has(Flags::FOLLOWS) {
            // Whichever of its places was found, it is told once, of the highest tier that any of them is in.
            let Some(highest) = house.tier_of(&self.fan_out.bulletin, slot, &facts, now) else { return false };
            (tier, by) = highest;
            tier_facts = self.fan_out.tier_facts(tier, NoticeKind::Alert);
        }
        let claim = Claim::Tell(tier_facts.priority);
        let first = self.fan_out.round.find(device);
        if self.fan_out.has_had(device, claim) {
            return first;
        }
        let heard = self.fan_out.reach.shown(device).is_some_and(|shown| shown >= tier_facts.priority);
        let kind = if heard { NoticeKind::Update } else { NoticeKind::Alert };
        let policy = house.policy(&facts);
        let situation = house.situation(slot, &facts, house.found(slot, kind, by), policy, now);
        match plan(&facts, tier_facts, situation, policy, now) {
            Verdict::Tell { route, .. } => {
                if heard {
                    if route.channel() == ChannelKind::Link {
                        self.revise.push(Hit::new(slot, tier.0).with_ordinal(u8::from(by == By::Saved)));
                    }
                } else if self.fan_out.round.claim(device, claim) {
                    self.add(Bucket { route, tier, kind: NoticeKind::Alert, by }, slot);
                }
            }
            // The tier has come to its end while it was swept: a lower one may hold there.
            Verdict::Skip(Skipped::AlertExpired) => house.recheck(self.fan_out.lineage(), slot),
            Verdict::Skip(reason) => self.skip(Some(facts.app()), reason, u64::from(first)),
        }
        first
    }

    fn step_revise(&mut self, house: &FanOuts, next: usize, batch: usize) -> Stage {
        let end = self.revise.len().min(next + batch);
        let route = RouteId::first(ChannelKind::Link);
        for position in next..end {
            let Hit { slot, tier, ordinal, .. } = self.revise[position];
            let facts = house.facts(slot);
            let (device, tier) = (facts.device(), TierIndex(tier));
            let claim = Claim::Tell(self.fan_out.tier_facts(tier, NoticeKind::Update).priority);
            if facts.is_live() && !self.fan_out.has_had(device, claim) && self.fan_out.round.claim(device, claim) {
                self.add(Bucket { route, tier, kind: NoticeKind::Update, by: By::ordinal(ordinal) }, slot);
            }
        }
        if end < self.revise.len() {
            return Stage::Revise { next: end };
        }
        if self.fan_out.past.before.is_none() {
            return Stage::Done;
        }
        let round = &self.fan_out.round;
        let outside = self.fan_out.reach.told().filter(|device| !round.is_found(*device)).collect();
        Stage::Release { told: outside, next: 0 }
    }

    fn step_release(&mut self, house: &FanOuts, told: Vec<DeviceSlot>, next: usize, batch: usize) -> Stage {
        let end = told.len().min(next + batch);
        let now = house.now();
        let tier = TierIndex(0);
        let tier_facts = self.fan_out.tier_facts(tier, NoticeKind::Release);
        for &device in &told[next..end] {
            // A group's first registration stands for it.
            let slot = Slot(device.0);
            if self.fan_out.has_had(device, Claim::Release) {
                continue;
            }
            let row = house.facts(slot);
            let policy = house.policy(&row);
            let situation = house.situation(slot, &row, Found::ByReach, policy, now);
            match plan(&row, tier_facts, situation, policy, now) {
                Verdict::Tell { route, .. } if self.fan_out.round.claim(device, Claim::Release) => {
                    self.add(Bucket { route, tier, kind: NoticeKind::Release, by: By::Live }, slot);
                }
                Verdict::Tell { .. } => {}
                Verdict::Skip(reason) => self.skip(row.is_live().then(|| row.app()), reason, 1),
            }
        }
        if end < told.len() { Stage::Release { told, next: end } } else { Stage::Done }
    }

    fn skip(&mut self, app: Option<AppSlot>, reason: Skipped, count: u64) {
        *self.skipped.entry((app, reason)).or_default() += count;
    }

    fn add(&mut self, bucket: Bucket, slot: Slot) {
        match self.ready.iter_mut().find(|(known, _)| *known == bucket) {
            Some((_, slots)) => slots.push(slot),
            None => self.ready.push((bucket, vec![slot])),
        }
    }

    fn hand_over(&mut self, house: &FanOuts) {
        for (bucket, slots) in self.ready.iter_mut().filter(|(_, slots)| !slots.is_empty()) {
            let Bucket { tier, kind, by, .. } = *bucket;
            let errand = Errand { fan_out: Arc::clone(&self.fan_out), tier, kind, by };
            self.fan_out.progress.planned(slots.len() as u64);
            house.hand_over(bucket.route, &errand, slots);
            slots.clear();
        }
        for ((app, reason), count) in self.skipped.drain() {
            house.count_skipped(&self.fan_out, app, reason, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_box_may_lie_over_the_antimeridian() {
        let found = |of| middle(of).map(|at| (at.lon(), at.lat()));
        assert_eq!(found([10.0, -2.0, 20.0, 4.0]), Some((15.0, 1.0)));
        assert_eq!(found([170.0, 0.0, -178.0, 0.0]), Some((176.0, 0.0)));
        assert_eq!(found([178.0, 0.0, -170.0, 10.0]), Some((-176.0, 5.0)));
    }
}
