//! One channel account's lane: takes its next batch when it can, looks once more, sends, and journals what was sent.

use std::collections::HashMap;
use std::sync::Arc;

use crate::channel::{Channel, Content, Endpoint, Parcel};
use crate::domain::{ChannelKind, DeviceSlot, Milestone, NoticeKind, Outcome, Slot, Timestamp};
use crate::ledger::{Claim, count, settle};
use crate::plan::{Facts, LanguageId, Skipped, TierFacts, Verdict, plan};

use super::FanOuts;
use super::arrival::{Sent, may_take};
use super::queue::{Errand, LaneQueue};
use super::unsynced::Unsynced;

/// The lane of one channel.
pub(super) struct Lane<C> {
    house: FanOuts,
    queue: Arc<LaneQueue>,
    channel: C,
    unsynced: Unsynced,
    slots: Vec<Slot>,
    contents: ContentChoice,
}

/// Which content each combination of languages is told, for the errand at hand.
#[derive(Default)]
struct ContentChoice {
    errand: Option<Errand>,
    chosen: HashMap<[LanguageId; 3], Option<Arc<Content>>, foldhash::fast::RandomState>,
}

/// What is the same for all of a batch at its last look.
struct Look<'a> {
    errand: &'a Errand,
    tier: TierFacts,
    claim: Claim,
    now: Timestamp,
}

/// Endpoints that passed the last look, by what they are told.
type Groups = Vec<Parcel>;

impl<C: Channel> Lane<C> {
    pub(super) fn new(house: FanOuts, queue: Arc<LaneQueue>, channel: C) -> Self {
        let (unsynced, slots) = (Unsynced::default(), Vec::with_capacity(C::BATCH));
        Self { house, queue, channel, unsynced, slots, contents: ContentChoice::default() }
    }

    /// Runs until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        while self.queue.wait().await {
            while self.step().await {
                // The link channel never waits: let the links' own tasks run between batches.
                tokio::task::yield_now().await;
            }
        }
        self.unsynced.all().await;
    }

    /// Sends one batch; false if none waits.
    pub(super) async fn step(&mut self) -> bool {
        let mut slots = std::mem::take(&mut self.slots);
        let errand = self.queue.take(C::BATCH, &mut slots);
        if let Some(errand) = &errand {
            let now = self.house.now();
            for parcel in self.last_look(errand, &slots, now) {
                let outcomes = self.channel.send(&parcel).await;
                self.settle(errand, &parcel, &outcomes).await;
            }
            errand.fan_out.progress.left(slots.len() as u64);
            self.house.note_finished(&errand.fan_out);
        }
        self.slots = slots;
        errand.is_some()
    }

    /// Just before bytes leave: is the bulletin still the newest and in force, has the device not had it, and does the
    /// plan on the registration's present row still say to tell it, this way? What passes is grouped by content.
    fn last_look(&mut self, errand: &Errand, slots: &[Slot], now: Timestamp) -> Groups {
        let mut groups = Groups::new();
        if errand.fan_out.successor().is_some() {
            return groups;
        }
        let tier = errand.fan_out.tier_facts(errand.tier, errand.kind);
        let claim = Claim::of(errand.kind, tier.priority);
        let look = Look { errand, tier, claim, now };
        for near in slots.chunks(FanOuts::NEAR) {
            self.house.touch(near.iter().copied());
            for &slot in near {
                self.look_at(&look, slot, &mut groups);
            }
        }
        self.add_tokens(&mut groups);
        groups
    }

    fn look_at(&mut self, look: &Look<'_>, slot: Slot, groups: &mut Groups) {
        let &Look { errand, tier, claim, now } = look;
        let (fan_out, round) = (&errand.fan_out, &errand.fan_out.round);
        let facts = self.house.facts(slot);
        if !facts.is_live() {
            return self.house.count_skipped(fan_out, None, Skipped::Deleted, 1);
        }
        let device = facts.device();
        // Whatever link opened until now is the one that is sent to.
        round.take_reopened(device);
        if fan_out.has_had(device, claim) {
            return round.release(device, claim);
        }
        let (policy, found) = (self.house.policy(&facts), self.house.found(slot, errand.kind, errand.by));
        let situation = self.house.situation(slot, &facts, found, policy, now);
        match plan(&facts, tier, situation, policy, now) {
            Verdict::Tell { route, .. } => {
                if !may_take(errand.kind, route.channel()) || self.has_changed(look, slot, &facts) {
                    self.give_up(errand, slot, device);
                } else if route.channel() != C::KIND {
                    self.house.hand_over(route, errand, &[slot]);
                } else if let Some(content) = self.contents.choose(&self.house, errand, facts.languages, now) {
                    add(groups, content, Endpoint { slot, device, token: None });
                } else {
                    // There is nothing to say.
                    round.release(device, claim);
                }
            }
            Verdict::Skip(reason) => {
                self.house.count_skipped(fan_out, Some(facts.app()), reason, 1);
                self.give_up(errand, slot, device);
            }
        }
    }

    /// Whether the device is due something else since it was planned: an older bulletin, which was on its way, has told
    /// it already, or it was released; or one to be released has come back into ground where it is not over.
    fn has_changed(&self, look: &Look<'_>, slot: Slot, facts: &Facts) -> bool {
        let fan_out = &look.errand.fan_out;
        let shown = fan_out.reach.shown(facts.device());
        match look.errand.kind {
            NoticeKind::Alert => shown.is_some_and(|shown| shown >= look.tier.priority),
            NoticeKind::Update => shown.is_none_or(|shown| shown < look.tier.priority),
            NoticeKind::Release if shown.is_none() => true,
            NoticeKind::Release if fan_out.is_cancel() => false,
            NoticeKind::Release => self.house.tier_of(&fan_out.bulletin, slot, facts, look.now).is_some(),
        }
    }

    fn add_tokens(&self, groups: &mut Groups) {
        if !C::NEEDS_TOKEN {
            return;
        }
        for endpoint in groups.iter_mut().flat_map(|parcel| &mut parcel.endpoints) {
            endpoint.token = self.house.token(endpoint.slot, C::KIND);
        }
    }

    /// Gives the claim back, since the device was not sent anything; and looks once more for what changed after the
    /// last look.
    fn give_up(&self, errand: &Errand, slot: Slot, device: DeviceSlot) {
        errand.fan_out.round.release(device, errand.claim());
        self.house.recheck(errand.fan_out.lineage(), slot);
    }

    /// Acts on each outcome: what was sent is marked and journalled, what was not takes the next leg.
    async fn settle(&mut self, errand: &Errand, parcel: &Parcel, outcomes: &[Outcome]) {
        let failed = outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Accepted { .. })).count();
        self.house.count_devices(C::KIND, Milestone::Failed, failed);
        let mut sent = Vec::with_capacity(parcel.endpoints.len());
        for (endpoint, outcome) in parcel.endpoints.iter().zip(outcomes) {
            match outcome {
                Outcome::Accepted { .. } => sent.push(endpoint),
                Outcome::Gone => {
                    if let Some(token) = &endpoint.token {
                        self.house.forget_token(endpoint.slot, token.clone());
                    }
                    self.next_leg(errand, endpoint);
                }
                Outcome::Asleep
                | Outcome::Throttled { .. }
                | Outcome::Exhausted { .. }
                | Outcome::Retry { .. }
                | Outcome::Unknown
                | Outcome::Refused(_) => self.next_leg(errand, endpoint),
            }
        }
        if !sent.is_empty() {
            self.record(errand, parcel, &sent).await;
        }
    }

    async fn record(&mut self, errand: &Errand, parcel: &Parcel, endpoints: &[&Endpoint]) {
        let fan_out = &errand.fan_out;
        let devices = endpoints.iter().map(|endpoint| endpoint.device).collect();
        let priority = parcel.content.notice.priority;
        let by_app = count(endpoints.iter().map(|endpoint| self.house.app_of(endpoint.slot)));
        let sent = Sent { tier: errand.tier, kind: errand.kind, priority, channel: C::KIND, devices, by_app };
        let ticket = self.house.record_sent(fan_out, sent);
        let overtaken = fan_out.successor();
        for Endpoint { slot, device, .. } in endpoints {
            if let Some(lineage) = overtaken {
                // The newer bulletin's sweep may have missed that this one was told.
                self.house.recheck(lineage, *slot);
            } else if fan_out.round.take_reopened(*device) {
                self.house.send_again(fan_out, *slot);
            }
        }
        self.unsynced.add(ticket).await;
    }

    /// This leg failed: another channel, or, where there is none, wait for the device's link (R-E7).
    fn next_leg(&self, errand: &Errand, endpoint: &Endpoint) {
        let &Endpoint { slot, device, .. } = endpoint;
        let facts = self.house.facts(slot);
        let mut policy = self.house.policy(&facts);
        policy.channels &= !C::KIND.bit();
        let tier = errand.fan_out.tier_facts(errand.tier, errand.kind);
        let now = self.house.now();
        let found = self.house.found(slot, errand.kind, errand.by);
        let mut situation = self.house.situation(slot, &facts, found, policy, now);
        situation.linked &= C::KIND != ChannelKind::Link;
        match plan(&facts, tier, situation, policy, now) {
            Verdict::Tell { route, .. } if may_take(errand.kind, route.channel()) => {
                return self.house.hand_over(route, errand, &[slot]);
            }
            Verdict::Tell { .. } => {}
            Verdict::Skip(reason) => {
                let app = facts.is_live().then(|| facts.app());
                self.house.count_skipped(&errand.fan_out, app, reason, 1);
            }
        }
        errand.fan_out.round.release(device, errand.claim());
        settle();
        // The same channel would fail again at once; a link that opened just now would not.
        if self.house.is_linked(slot) {
            self.house.recheck(errand.fan_out.lineage(), slot);
        }
    }
}

fn add(groups: &mut Groups, content: &Arc<Content>, endpoint: Endpoint) {
    match groups.iter_mut().find(|known| Arc::ptr_eq(&known.content, content)) {
        Some(parcel) => parcel.endpoints.push(endpoint),
        None => groups.push(Parcel { content: Arc::clone(content), endpoints: vec![endpoint] }),
    }
}

impl ContentChoice {
    fn choose(
        &mut self,
        house: &FanOuts,
        errand: &Errand,
        languages: [LanguageId; 3],
        now: Timestamp,
    ) -> Option<&Arc<Content>> {
        if !self.errand.as_ref().is_some_and(|known| known.is(errand)) {
            self.chosen.clear();
            self.errand = Some(errand.clone());
        }
        let choose = || {
            let read: Vec<_> = languages.iter().filter_map(|&id| house.language(id)).collect();
            let info = errand.fan_out.best_info(errand.tier, errand.kind, read.iter())?;
            errand.fan_out.content(errand.tier, info, errand.kind, now)
        };
        self.chosen.entry(languages).or_insert_with(choose).as_ref()
    }
}
