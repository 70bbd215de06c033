//! What fan-outs work with, and what sweep, arrival and lanes ask of it.

use std::sync::Arc;

use crate::domain::{AppSlot, ChannelKind, Clock, Language, LineageId, Milestone, Slot, Timestamp, Token};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::link::Hub;
use crate::locate::{Index, Standing};
use crate::metrics::Metrics;
use crate::plan::{Facts, Found, Grant, LanguageId, Policy, PreferencesId, Situation, Skipped, Wish};
use crate::registry::Registry;

use super::{FanOut, FanOuts};

/// What fan-outs work with; each is a handle.
#[derive(Clone)]
pub struct Surroundings {
    /// Places.
    pub index: Arc<Index>,
    /// Registrations and their rows of facts.
    pub registry: Registry,
    /// Who was told what, and counts.
    pub ledger: Ledger,
    /// Where what was sent is written.
    pub journal: Journal,
    /// Live links.
    pub hub: Hub,
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// Counts for operators.
    pub metrics: Arc<Metrics>,
}

impl FanOuts {
    pub(super) fn index(&self) -> &Index {
        &self.0.around.index
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.0.around.registry
    }

    pub(super) fn standing(&self) -> &Standing<LineageId> {
        &self.0.standing
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.around.journal
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.0.around.ledger
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.0.around.hub
    }

    /// Counts for operators.
    pub fn metrics(&self) -> &Metrics {
        &self.0.around.metrics
    }

    /// What the plan of a registration depends on besides itself.
    pub fn policy(&self, facts: &Facts) -> Policy {
        let oldest_valid = self.0.around.registry.oldest_valid_policy(facts.app());
        Policy { oldest_valid, channels: self.0.channels, abroad: self.0.abroad }
    }

    pub(super) fn facts(&self, slot: Slot) -> Facts {
        self.0.around.registry.facts(slot)
    }

    pub(super) fn saved_places_grant(&self, slot: Slot) -> Grant {
        self.0.around.registry.saved_places_grant(slot)
    }

    /// Facts of so many registrations are brought near at a time.
    pub(super) const NEAR: usize = 64;

    /// Brings the facts of at most [`Self::NEAR`] registrations near, before they are read.
    pub(super) fn touch(&self, slots: impl Iterator<Item = Slot>) {
        self.0.around.registry.touch(slots);
    }

    pub(super) fn language(&self, id: LanguageId) -> Option<Language> {
        self.0.around.registry.language(id)
    }

    pub(super) fn token(&self, slot: Slot, channel: ChannelKind) -> Option<Token> {
        self.0.around.registry.token(slot, channel)
    }

    pub(super) fn forget_token(&self, slot: Slot, token: Token) {
        self.0.around.registry.forget_token(slot, token);
    }

    /// Whether a registration can be told over its link: it has one, and links have a lane.
    pub(super) fn is_linked(&self, slot: Slot) -> bool {
        self.0.lanes[ChannelKind::Link as usize].is_some() && self.hub().is_linked(slot)
    }

    /// How a registration that was found so can be reached, and what its person wants to be told of.
    pub(super) fn situation(
        &self,
        slot: Slot,
        facts: &Facts,
        found: Found,
        policy: Policy,
        now: Timestamp,
    ) -> Situation {
        let linked = self.is_linked(slot);
        let needed = !linked && policy.may_need_cross_border(facts);
        let cross_border = if needed { self.0.around.registry.cross_border(slot) } else { Grant::default() };
        Situation { linked, found, wish: self.wish(facts, now), cross_border }
    }

    /// What the person of a registration wants to be told of at `now`.
    pub(super) fn wish(&self, facts: &Facts, now: Timestamp) -> Wish {
        match facts.preferences() {
            PreferencesId(0) => Wish::EVERYTHING,
            number => self.0.around.registry.wish(number, now),
        }
    }

    /// The app of a registration, if that is not deleted.
    pub(super) fn app_of(&self, slot: Slot) -> Option<AppSlot> {
        let facts = self.facts(slot);
        facts.is_live().then(|| facts.app())
    }

    pub(super) fn count_skipped(&self, fan_out: &FanOut, app: Option<AppSlot>, reason: Skipped, count: u64) {
        if count > 0 {
            fan_out.progress.skipped(reason, count);
            fan_out.progress.by_app.skipped(app, reason, count);
            self.0.skipped[reason as usize].inc_by(count);
        }
    }

    /// A channel has taken so many devices, of whom so many had not been sent this bulletin before.
    pub(super) fn count_sent(&self, fan_out: &FanOut, channel: ChannelKind, count: usize, new: usize) {
        let now = self.now();
        let first = fan_out.progress.sent(channel, count as u64, now);
        let metrics = &self.0.around.metrics;
        if first {
            metrics.first_notice.observe(fan_out.age(now));
        }
        metrics.devices_told.inc_by(new as u64);
        self.count_devices(channel, Milestone::Sent, count);
    }

    pub(super) fn count_devices(&self, channel: ChannelKind, milestone: Milestone, count: usize) {
        self.0.around.metrics.fan_out_devices(channel, milestone).inc_by(count as u64);
    }

    /// The whole area has been planned.
    pub(super) fn count_planned(&self, fan_out: &FanOut) {
        let now = self.now();
        if fan_out.progress.planned_all(now) {
            self.0.around.metrics.plan.observe(fan_out.age(now));
        }
    }
}
