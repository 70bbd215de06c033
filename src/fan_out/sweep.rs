//! From a bulletin to slots in lanes: the planner's loop.
//!
//! A sweep of a warning goes through the index first: those who were not told, or for whom it is worse now, enter lanes
//! as they are found. Then those who were told before and are still inside get the new text on their links, and those
//! told before who are outside now are released (R-E6). A cancel goes through those who were told alone.

use std::sync::Arc;

use crate::decide::{Content, TierIndex};
use crate::domain::{ChannelKind, DeviceSlot, NoticeKind, Slot, Timestamp};
use crate::ledger::SlotSet;
use crate::locate::{Hit, Order, Sweep};
use crate::plan::{Found, Policy, RouteId, Situation, Skipped, TierFacts, Verdict, plan};

use super::queue::Errand;
use super::{FanOut, FanOuts};

/// How many of a list are planned at a time, between looks at whether something more urgent waits.
const BATCH: usize = 4_096;

/// The sweep of one bulletin: can be put down after each batch and taken up again, by any planner.
#[derive(Debug)]
pub(super) struct Planned {
    fan_out: Arc<FanOut>,
    stage: Stage,
    /// Devices found in the area, so that each is counted once and nobody inside is released.
    inside: SlotSet,
    /// Told before, still inside, not worse: they get the new text when the untold have been told.
    revise: Vec<Hit>,
    hits: Vec<Hit>,
    ready: Vec<(Bucket, Vec<Slot>)>,
    skipped: [u64; Skipped::ALL.len()],
}

#[derive(Debug)]
enum Stage {
    Area(Sweep),
    Revise { next: usize },
    Release { told: Vec<DeviceSlot>, next: usize },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    route: RouteId,
    tier: TierIndex,
    kind: NoticeKind,
}

impl Planned {
    pub(super) fn new(house: &FanOuts, fan_out: Arc<FanOut>) -> Self {
        let stage = match &fan_out.bulletin.parts().content {
            Content::Warn(tiers) => {
                let areas: Vec<_> = tiers.iter().map(|tier| tier.area.clone()).collect();
                Stage::Area(house.index().sweep(&areas, Order::Any))
            }
            Content::Cancel(_) => Stage::Release { told: fan_out.reach.told().iter().collect(), next: 0 },
        };
        Self {
            fan_out,
            stage,
            inside: SlotSet::default(),
            revise: Vec::new(),
            hits: Vec::new(),
            ready: Vec::new(),
            skipped: Default::default(),
        }
    }

    /// Plans one batch; false when the sweep is over.
    pub(super) fn step(&mut self, house: &FanOuts) -> bool {
        if self.fan_out.successor().is_some() {
            return false;
        }
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Area(sweep) => self.step_area(house, sweep),
            Stage::Revise { next } => self.step_revise(house, next),
            Stage::Release { told, next } => self.step_release(house, told, next),
            Stage::Done => return false,
        }
        self.hand_over(house);
        if matches!(self.stage, Stage::Done) {
            self.finish(house);
            return false;
        }
        true
    }

    fn step_area(&mut self, house: &FanOuts, mut sweep: Sweep) {
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        let more = sweep.next_batch(&mut hits);
        let scene = Scene::new(house, &self.fan_out, Found::ByPlace);
        let mut found = 0;
        for hit in &hits {
            found += u64::from(self.plan_hit(house, &scene, *hit));
        }
        self.hits = hits;
        self.fan_out.progress.found(found);
        self.stage = if more {
            Stage::Area(sweep)
        } else {
            self.fan_out.progress.planned_all(house.now());
            Stage::Revise { next: 0 }
        };
    }

    /// Plans one hit; true when the device was not found before in this sweep.
    fn plan_hit(&mut self, house: &FanOuts, scene: &Scene, hit: Hit) -> bool {
        let facts = house.facts(hit.slot);
        if !facts.is_live() {
            self.skipped[Skipped::Deleted as usize] += 1;
            return true;
        }
        let device = facts.device();
        let first = self.inside.insert_mut(device);
        let tier = scene.tiers[usize::from(hit.tier)];
        let index = TierIndex(hit.tier);
        if self.fan_out.has_had(device, NoticeKind::Alert, tier.priority) {
            return first;
        }
        let situation = Situation { linked: house.is_linked(hit.slot), found: Found::ByPlace };
        match plan(&facts, tier, situation, scene.policy, scene.now) {
            Verdict::Tell { route, .. } => {
                let sounded = self.fan_out.reach.sounded(device);
                if sounded.is_some_and(|sounded| sounded >= tier.priority) {
                    if route.channel() == ChannelKind::Link {
                        self.revise.push(hit);
                    }
                } else if self.fan_out.round.claim(device, index) {
                    self.add(Bucket { route, tier: index, kind: NoticeKind::Alert }, hit.slot);
                }
            }
            Verdict::Skip(reason) => self.skipped[reason as usize] += u64::from(first),
        }
        first
    }

    fn step_revise(&mut self, house: &FanOuts, next: usize) {
        let end = self.revise.len().min(next + BATCH);
        let route = RouteId::first(ChannelKind::Link);
        for position in next..end {
            let Hit { slot, tier, .. } = self.revise[position];
            let tier = TierIndex(tier);
            if self.fan_out.round.claim(house.facts(slot).device(), tier) {
                self.add(Bucket { route, tier, kind: NoticeKind::Update }, slot);
            }
        }
        self.stage = if end < self.revise.len() {
            Stage::Revise { next: end }
        } else if self.fan_out.before.is_some() {
            let told = self.fan_out.reach.told();
            let outside = told.iter().filter(|device| !self.inside.contains(*device)).collect();
            Stage::Release { told: outside, next: 0 }
        } else {
            Stage::Done
        };
    }

    fn step_release(&mut self, house: &FanOuts, told: Vec<DeviceSlot>, next: usize) {
        let end = told.len().min(next + BATCH);
        let scene = Scene::new(house, &self.fan_out, Found::ByReach);
        let cancel = self.fan_out.is_cancel();
        for &device in &told[next..end] {
            // A group's first registration stands for it.
            let slot = Slot(device.0);
            let facts = house.facts(slot);
            if cancel {
                self.fan_out.progress.found(1);
            }
            let priority = scene.release.priority;
            if self.fan_out.has_had(device, NoticeKind::Release, priority) {
                continue;
            }
            let situation = Situation { linked: house.is_linked(slot), found: Found::ByReach };
            match plan(&facts, TierFacts { priority, ..scene.release }, situation, scene.policy, scene.now) {
                Verdict::Tell { route, .. } if self.fan_out.round.claim(device, TierIndex(0)) => {
                    self.add(Bucket { route, tier: TierIndex(0), kind: NoticeKind::Release }, slot);
                }
                Verdict::Tell { .. } => {}
                Verdict::Skip(reason) => self.skipped[reason as usize] += 1,
            }
        }
        self.stage = if end < told.len() { Stage::Release { told, next: end } } else { Stage::Done };
    }

    fn add(&mut self, bucket: Bucket, slot: Slot) {
        match self.ready.iter_mut().find(|(known, _)| *known == bucket) {
            Some((_, slots)) => slots.push(slot),
            None => self.ready.push((bucket, vec![slot])),
        }
    }

    fn hand_over(&mut self, house: &FanOuts) {
        for (bucket, slots) in self.ready.iter_mut().filter(|(_, slots)| !slots.is_empty()) {
            let errand = Errand { fan_out: Arc::clone(&self.fan_out), tier: bucket.tier, kind: bucket.kind };
            self.fan_out.progress.planned(slots.len() as u64);
            house.hand_over(bucket.route, &errand, slots);
            slots.clear();
        }
        for (reason, count) in Skipped::ALL.into_iter().zip(&mut self.skipped) {
            house.count_skipped(&self.fan_out, reason, std::mem::take(count));
        }
    }

    fn finish(&self, house: &FanOuts) {
        self.fan_out.progress.planned_all(house.now());
        self.fan_out.progress.finish();
        house.note_finished(&self.fan_out);
    }
}

/// What is the same for all of a batch.
struct Scene {
    tiers: Vec<TierFacts>,
    release: TierFacts,
    policy: Policy,
    now: Timestamp,
}

impl Scene {
    fn new(house: &FanOuts, fan_out: &FanOut, found: Found) -> Self {
        let kind = match found {
            Found::ByPlace => NoticeKind::Alert,
            Found::ByReach => NoticeKind::Release,
        };
        let tiers = (0..fan_out.bulletin.tiers().len()).map(|tier| fan_out.tier_facts(TierIndex(tier as u8), kind));
        Self {
            tiers: tiers.collect(),
            release: fan_out.tier_facts(TierIndex(0), NoticeKind::Release),
            policy: house.policy(),
            now: house.now(),
        }
    }
}
