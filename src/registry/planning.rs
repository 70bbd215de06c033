//! What the hot path asks, planning above all: no lock, no wait.

use crate::domain::{AppSlot, ChannelKind, Language, PolicyVersion, Slot, Timestamp, Token};
use crate::plan::{Facts, Grant, LanguageId, PreferencesId, Wish};

use super::change::Change;
use super::wishes::Rested;
use super::writer::Job;
use super::{Registry, read};

impl Registry {
    /// The row of a slot; the empty one where there is no registration.
    pub fn facts(&self, slot: Slot) -> Facts {
        self.0.get().map_or_else(Facts::default, |open| open.shared.facts.row(slot))
    }

    /// The consent to sending out of the region; the empty one where there is none.
    pub fn cross_border(&self, slot: Slot) -> Grant {
        self.0.get().map_or_else(Grant::default, |open| open.shared.cross_border.get(slot))
    }

    /// The consent to holding and using the places that its person follows; the empty one where there is none.
    pub fn saved_places_grant(&self, slot: Slot) -> Grant {
        self.0.get().map_or_else(Grant::default, |open| open.shared.saved_places.get(slot))
    }

    /// The oldest version of the privacy policy of an app's partner under which consents count.
    pub fn oldest_valid_policy(&self, app: AppSlot) -> PolicyVersion {
        self.0.get().map_or(PolicyVersion(1), |open| open.shared.policies.oldest_valid(app))
    }

    /// Brings the rows of some slots near, some dozens at most: reading them one by one then waits for memory once.
    pub fn touch(&self, slots: impl Iterator<Item = Slot>) {
        if let Some(open) = self.0.get() {
            open.shared.facts.touch(slots);
        }
    }

    /// The language with this number.
    pub fn language(&self, id: LanguageId) -> Option<Language> {
        self.0.get()?.shared.languages.language(id)
    }

    /// What a person with these preferences wants to be told of at `now`.
    pub fn wish(&self, id: PreferencesId, now: Timestamp) -> Wish {
        self.0.get().map_or(Wish::EVERYTHING, |open| open.shared.wishes.wish(id, now))
    }

    /// Whose quiet hours have ended since after `since`, up to `now`: to be gone through at leisure, since all rows are
    /// looked at if there is anybody.
    pub fn rested(&self, since: Timestamp, now: Timestamp) -> impl Iterator<Item = Slot> {
        let shared = self.0.get().map(|open| &*open.shared);
        let rested = shared.map_or_else(Rested::default, |shared| shared.wishes.rested(since, now));
        let shared = shared.filter(|_| !rested.is_empty());
        let rows = shared.into_iter().flat_map(|shared| shared.facts.live(Slot(0)));
        rows.filter(move |(_, facts)| rested.contains(facts.preferences())).map(|(slot, _)| slot)
    }

    /// The address of a registration at a vendor, if there is one that can be read.
    pub fn token(&self, slot: Slot, channel: ChannelKind) -> Option<Token> {
        let store = &self.0.get()?.shared.store;
        read::token(slot, channel, |space, key| store.get(space, key)).unwrap_or_else(|error| {
            tracing::error!(%error, "an address cannot be read");
            None
        })
    }

    /// Removes an address that its vendor says is gone (R-B4), unless its partner has given another meanwhile. Nobody
    /// waits for it: if too much waits for the writer, the vendor will say so again.
    pub fn forget_token(&self, slot: Slot, token: Token) {
        if let Some(open) = self.0.get() {
            let _ = open.jobs.try_send(Job::Change(vec![Change::ForgetToken(slot, token)], None));
        }
    }
}
