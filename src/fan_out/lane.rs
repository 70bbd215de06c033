//! One channel account's lane: takes its next batch when it can, looks once more, sends, and journals what was sent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::channel::{Channel, Endpoint, Parcel};
use crate::domain::{ChannelKind, DeviceSlot, Outcome, Slot, Timestamp};
use crate::journal::Ticket;
use crate::ledger::settle;
use crate::plan::{Found, LanguageId, Situation, Skipped, Verdict, plan};

use super::FanOuts;
use super::arrival::Sent;
use super::queue::{Errand, LaneQueue};

/// How many batches may be sent before the first of them is known to be on disk: after a crash at most these are sent
/// again, under the same keys.
const UNSYNCED: usize = 8;

/// The lane of one channel.
pub(super) struct Lane<C> {
    house: FanOuts,
    queue: Arc<LaneQueue>,
    channel: C,
    unsynced: VecDeque<Ticket>,
    languages: LanguageChoice,
}

/// Which info each combination of languages is told, for the errand at hand.
#[derive(Default)]
struct LanguageChoice {
    errand: Option<Errand>,
    chosen: HashMap<[LanguageId; 3], usize, foldhash::fast::RandomState>,
}

impl<C: Channel> Lane<C> {
    pub(super) fn new(house: FanOuts, queue: Arc<LaneQueue>, channel: C) -> Self {
        Self { house, queue, channel, unsynced: VecDeque::new(), languages: LanguageChoice::default() }
    }

    /// Runs until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        let mut slots = Vec::with_capacity(C::BATCH);
        while self.queue.wait().await {
            while let Some(errand) = self.queue.take(C::BATCH, &mut slots) {
                self.send(&errand, &slots).await;
                // The link channel never waits: let the links' own tasks run between batches.
                tokio::task::yield_now().await;
            }
        }
        for ticket in self.unsynced {
            let _ = ticket.synced().await;
        }
    }

    async fn send(&mut self, errand: &Errand, slots: &[Slot]) {
        self.send_groups(errand, slots).await;
        errand.fan_out.progress.left(slots.len() as u64);
        self.house.note_finished(&errand.fan_out);
    }

    async fn send_groups(&mut self, errand: &Errand, slots: &[Slot]) {
        let now = self.house.now();
        let groups = self.last_look(errand, slots, now);
        for (info, endpoints) in groups {
            let Some(content) = errand.fan_out.content(errand.tier, info, errand.kind, now) else { continue };
            let parcel = Parcel { content, endpoints };
            let outcomes = self.channel.send(&parcel).await;
            self.settle(errand, &parcel, &outcomes).await;
        }
    }

    /// Just before bytes leave: is the bulletin still the newest and in force, has the device not had it, and does the
    /// plan on the registration's present row still say to tell it, this way? What passes is grouped by language.
    fn last_look(&mut self, errand: &Errand, slots: &[Slot], now: Timestamp) -> Vec<(usize, Vec<Endpoint>)> {
        let mut groups: Vec<(usize, Vec<Endpoint>)> = Vec::new();
        if errand.fan_out.successor().is_some() {
            return groups;
        }
        let policy = self.house.policy();
        let tier = errand.fan_out.tier_facts(errand.tier, errand.kind);
        let found = Found::from(errand.kind);
        for &slot in slots {
            let facts = self.house.facts(slot);
            if errand.fan_out.has_had(facts.device(), errand.kind, tier.priority) {
                continue;
            }
            let linked = self.house.is_linked(slot);
            match plan(&facts, tier, Situation { linked, found }, policy, now) {
                Verdict::Tell { route, .. } if route.channel() == C::KIND => {
                    let info = self.languages.choose(&self.house, errand, facts.languages);
                    let Some(info) = info else { continue };
                    let endpoint = Endpoint { slot, device: facts.device(), token: None };
                    match groups.iter_mut().find(|(known, _)| *known == info) {
                        Some((_, endpoints)) => endpoints.push(endpoint),
                        None => groups.push((info, vec![endpoint])),
                    }
                }
                Verdict::Tell { route, .. } => self.house.hand_over(route, errand, &[slot]),
                Verdict::Skip(reason) => {
                    self.skip(errand, slot, reason);
                    self.house.recheck(errand.fan_out.bulletin.key().lineage, slot);
                }
            }
        }
        self.add_tokens(&mut groups);
        groups
    }

    fn add_tokens(&self, groups: &mut [(usize, Vec<Endpoint>)]) {
        if !C::NEEDS_TOKEN {
            return;
        }
        for endpoint in groups.iter_mut().flat_map(|(_, endpoints)| endpoints) {
            endpoint.token = self.house.token(endpoint.slot, C::KIND);
        }
    }

    /// Gives the claim back: the device was not sent anything.
    fn skip(&self, errand: &Errand, slot: Slot, reason: Skipped) {
        let facts = self.house.facts(slot);
        if facts.is_live() {
            errand.fan_out.round.release(facts.device(), errand.tier);
        }
        self.house.count_skipped(&errand.fan_out, reason, 1);
        settle();
    }

    /// Acts on each outcome: what was sent is marked and journalled, what was not takes the next leg.
    async fn settle(&mut self, errand: &Errand, parcel: &Parcel, outcomes: &[Outcome]) {
        let mut sent = Vec::with_capacity(parcel.endpoints.len());
        for (endpoint, outcome) in parcel.endpoints.iter().zip(outcomes) {
            match outcome {
                Outcome::Accepted { .. } => sent.push(endpoint.device),
                Outcome::Gone => {
                    if let Some(token) = &endpoint.token {
                        self.house.forget_token(endpoint.slot, token.clone());
                    }
                    self.next_leg(errand, endpoint.slot);
                }
                Outcome::Asleep
                | Outcome::Throttled { .. }
                | Outcome::Exhausted { .. }
                | Outcome::Retry { .. }
                | Outcome::Unknown
                | Outcome::Refused(_) => self.next_leg(errand, endpoint.slot),
            }
        }
        if !sent.is_empty() {
            self.record(errand, parcel, sent).await;
        }
    }

    async fn record(&mut self, errand: &Errand, parcel: &Parcel, devices: Vec<DeviceSlot>) {
        let priority = parcel.content.notice.priority;
        let sent = Sent { tier: errand.tier, kind: errand.kind, priority, channel: C::KIND, devices };
        self.unsynced.push_back(self.house.record_sent(&errand.fan_out, sent));
        if let Some(lineage) = errand.fan_out.successor() {
            // Overtaken while it was sent: the newer bulletin's sweep may have missed that these were told.
            parcel.endpoints.iter().for_each(|endpoint| self.house.recheck(lineage, endpoint.slot));
        }
        if self.unsynced.len() > UNSYNCED
            && let Some(oldest) = self.unsynced.pop_front()
        {
            // A journal that cannot write has closed the alert door; what is on its way goes on, since it was accepted.
            let _ = oldest.synced().await;
        }
    }

    /// This leg failed: another channel, or, where there is none, wait for the device's link (R-E7).
    fn next_leg(&self, errand: &Errand, slot: Slot) {
        let facts = self.house.facts(slot);
        let mut policy = self.house.policy();
        policy.channels &= !C::KIND.bit();
        let tier = errand.fan_out.tier_facts(errand.tier, errand.kind);
        let linked = C::KIND != ChannelKind::Link && self.house.is_linked(slot);
        let found = Found::from(errand.kind);
        match plan(&facts, tier, Situation { linked, found }, policy, self.house.now()) {
            Verdict::Tell { route, .. } => self.house.hand_over(route, errand, &[slot]),
            Verdict::Skip(reason) => {
                self.skip(errand, slot, reason);
                // The same channel would fail again at once; a link that opened just now would not.
                if self.house.is_linked(slot) {
                    self.house.recheck(errand.fan_out.bulletin.key().lineage, slot);
                }
            }
        }
    }
}

impl LanguageChoice {
    fn choose(&mut self, house: &FanOuts, errand: &Errand, languages: [LanguageId; 3]) -> Option<usize> {
        let same = self.errand.as_ref().is_some_and(|known| {
            Arc::ptr_eq(&known.fan_out, &errand.fan_out) && known.tier == errand.tier && known.kind == errand.kind
        });
        if !same {
            self.chosen.clear();
            self.errand = Some(errand.clone());
        }
        if let Some(&info) = self.chosen.get(&languages) {
            return Some(info);
        }
        let read: Vec<_> = languages.iter().filter_map(|&id| house.language(id)).collect();
        let info = errand.fan_out.best_info(errand.tier, errand.kind, read.iter())?;
        self.chosen.insert(languages, info);
        Some(info)
    }
}
