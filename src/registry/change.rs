//! What a change does to the store, and what it does to memory.
//!
//! A [`Pending`] gathers the changes of one commit. A change is made whole or not at all: what it writes, and what
//! memory is to learn of it, is a draft until it has succeeded. What it takes away is gone from memory right then; what
//! it gives is seen when the commit is durable.

use std::sync::Arc;

use foldhash::HashMap;
use prost::Message;

use crate::domain::{
    AppName, Consent, DeviceTraits, EventKind, NewRegistration, PartnerName, PlacePrecision, PolicyVersion,
    Preferences, Purpose, Registration, SavedPlace, SavedPlaceId, Slot, Timestamp, Token, Zone, ZoneChange, ZoneName,
};
use crate::plan::Facts;
use crate::wire::storage_v1::{EventRecord, RegistrationRecord, RegistryState, TokenRecord};

use super::directory::Profile;
use super::effects::{Effects, Loss, Placed};
use super::events::{LogEnds, PRUNED};
use super::grants::SideGrants;
use super::place_log::Frame;
use super::places::Reported;
use super::records::{self, decode, slot_key, token_key};
use super::rotation::KeyChange;
use super::store::{Batch, Key, Payload, Space};
use super::webhooks::WebhookChange;
use super::zones::Drawn;
use super::{Registered, RegistryError, Shared, Updated, wishes};

/// The layout of keyspaces and keys that this build writes.
pub(super) const LAYOUT: u32 = 2;

/// A change that was asked for.
#[derive(Debug)]
pub(super) enum Change {
    Register(Box<NewRegistration>),
    Update(Slot, Box<RegistrationChange>),
    Delete(Slot),
    Place(Slot, Option<Reported>),
    /// The places of a registration that may be too old, or whose consent to hold them may have ended.
    Expire(Slot),
    Grant(Slot, Consent),
    Withdraw(Slot, Purpose),
    SetSavedPlace(Slot, Box<SavedPlace>),
    DeleteSavedPlace(Slot, SavedPlaceId),
    ForgetToken(Slot, Token),
    /// The newest claim may hold the CID of this registration, if there is nobody any more.
    Settle(Slot),
    /// Identity keys, and what was hashed with them.
    Key(KeyChange),
    /// The link of this registration was open then.
    Seen(Slot, Timestamp),
    /// An event that is part of no other change.
    Note(Slot, EventKind),
    /// So many events of a partner's log could not be noted.
    Missed(u16, u64),
    /// A partner's events up to this number are kept no more.
    Prune(u16, u64),
    /// The time of this row has come, Unix microseconds: consents of the registration may have ended.
    End(i64, Slot),
    /// A partner's webhook.
    Webhook(u16, Box<WebhookChange>),
    AddPartner(PartnerName, Profile),
    AddApp(AppName, Profile),
    RetirePolicy(PartnerName, PolicyVersion),
    AddZone(ZoneName, Box<ZoneChange>),
    UpdateZone(ZoneName, Box<ZoneChange>),
    RemoveZone(ZoneName),
}

impl Change {
    /// As how many changes it counts where there is to be no more than so many at a time.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Prune(..) => PRUNED as usize,
            Self::Key(change) => change.weight(),
            _ => 1,
        }
    }
}

/// New values for a registration; `None` leaves what is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegistrationChange {
    /// What the device is.
    pub traits: Option<DeviceTraits>,
    /// Vendor addresses: all of them.
    pub tokens: Option<Vec<Token>>,
    /// Whether the person takes part in exercises and tests.
    pub drills: Option<bool>,
    /// What the person wants to be told of.
    pub preferences: Option<Preferences>,
    /// Whether the person is under 14; that they are ends all that no guardian agreed to (R-P4).
    pub under_14: Option<bool>,
    /// How precisely the phone's place is held; what is held finer is held coarser from then on.
    pub place_precision: Option<PlacePrecision>,
}

/// What a change came to.
#[derive(Debug)]
pub(super) enum Done {
    Registered(Box<Registered>),
    Updated(Box<Updated>),
    Zone(Arc<Zone>),
    WebhookSet {
        /// Whether the secret that came with it is the one from now on.
        secret_used: bool,
    },
    Changed,
}

/// Changes on their way to the disk together.
pub(super) struct Pending<'a> {
    pub(super) shared: &'a Shared,
    pub(super) now: Timestamp,
    /// What the changes so far have come to.
    pub(super) made: Draft,
    /// What the change at hand has come to so far.
    pub(super) draft: Draft,
    /// Where partners' logs end with the changes so far.
    pub(super) logs: HashMap<u16, LogEnds>,
    pub(super) commit: u64,
    next_slot: u32,
    pub(super) partners: usize,
    pub(super) apps: usize,
}

/// Numbers that are given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// The slot of the next registration.
    pub(super) slot: u32,
    /// The number of the next commit.
    pub(super) commit: u64,
}

/// What is to be made durable, and what memory learns then.
pub(super) struct Made {
    pub(super) batch: Batch,
    pub(super) effects: Effects,
    /// The slot that comes next.
    pub(super) next_slot: u32,
}

/// What is written, and what memory learns of it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) batch: Batch,
    pub(super) effects: Effects,
    /// What is told of it, with the partner's number.
    pub(super) events: Vec<(u16, EventRecord)>,
    /// The store's state is written even if nothing else is.
    pub(super) writes_state: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(shared: &'a Shared, next: Next) -> Self {
        let directory = shared.directory.read();
        let (partners, apps) = (directory.partner_count(), directory.app_count());
        drop(directory);
        let (made, draft, logs) = (Draft::default(), Draft::default(), HashMap::default());
        let Next { slot: next_slot, commit } = next;
        Self { shared, now: shared.now(), made, draft, logs, commit, next_slot, partners, apps }
    }

    /// What the log of places is to be told, before [`Pending::finish`].
    pub(super) fn frame(&self) -> Option<Frame> {
        self.made.effects.frame(self.commit)
    }

    /// What the changes have come to. The log of places has so many frames.
    pub(super) fn finish(mut self, place_frames: u64) -> Made {
        self.close_logs();
        if !self.made.batch.is_empty() || self.made.writes_state {
            let state = RegistryState {
                layout: LAYOUT,
                key_id: self.shared.keys.id(),
                next_slot: self.next_slot,
                commit: self.commit,
                place_frames,
            };
            self.made.batch.put(Space::Meta, Key::new(&[b"state"]), &state.encode_to_vec());
        }
        Made { batch: self.made.batch, effects: self.made.effects, next_slot: self.next_slot }
    }

    pub(super) fn apply(&mut self, change: Change) -> Result<Done, RegistryError> {
        if let Change::Place(slot, Some(place)) = change {
            // By far the most: nothing is to be undone, and the store is not asked.
            return self.report(slot, place).map(|()| Done::Changed);
        }
        let next_slot = self.next_slot;
        let done = self.make(change);
        let mut draft = std::mem::take(&mut self.draft);
        if done.is_ok() {
            draft.effects.take_losses().into_iter().for_each(|loss| self.shared.lose(loss));
            self.made.batch.append(draft.batch);
            self.made.effects.append(draft.effects);
            self.made.writes_state |= draft.writes_state;
            self.log(draft.events);
        } else {
            self.next_slot = next_slot;
        }
        done
    }

    fn make(&mut self, change: Change) -> Result<Done, RegistryError> {
        match change {
            Change::Register(new) => return self.register(&new).map(|done| Done::Registered(Box::new(done))),
            Change::Update(slot, change) => {
                return self.update(slot, *change).map(|done| Done::Updated(Box::new(done)));
            }
            Change::Delete(slot) => self.delete(slot)?,
            Change::Place(slot, Some(place)) => self.report(slot, place)?,
            Change::Place(slot, None) => {
                let mut record = self.record(slot)?;
                self.remove_place(slot, &mut record);
                self.put_registration(slot, &record);
            }
            Change::Expire(slot) => self.expire(slot)?,
            Change::Grant(slot, consent) => self.grant(slot, &consent)?,
            Change::Withdraw(slot, purpose) => self.withdraw(slot, purpose)?,
            Change::SetSavedPlace(slot, place) => self.set_saved_place(slot, &place)?,
            Change::DeleteSavedPlace(slot, id) => self.delete_saved_place(slot, &id)?,
            Change::ForgetToken(slot, token) => self.forget_token(slot, &token)?,
            Change::Settle(slot) => self.settle(slot)?,
            Change::Key(change) => self.change_key(change)?,
            Change::Seen(slot, at) => self.seen(slot, at)?,
            Change::Note(slot, kind) => self.note(slot, &kind)?,
            Change::Missed(partner, count) => self.missed(partner, count),
            Change::Prune(partner, end) => self.prune(partner, end),
            Change::End(at_us, slot) => self.end(at_us, slot)?,
            Change::Webhook(partner, change) => return self.change_webhook(partner, *change),
            Change::AddPartner(name, profile) => self.add_partner(name, profile)?,
            Change::AddApp(name, profile) => self.add_app(name, profile)?,
            Change::RetirePolicy(partner, version) => self.retire_policy(partner, version)?,
            Change::AddZone(name, new) => return self.add_zone(&name, *new),
            Change::UpdateZone(name, change) => return self.update_zone(&name, *change),
            Change::RemoveZone(name) => self.remove_zone(&name)?,
        }
        Ok(Done::Changed)
    }

    fn update(&mut self, slot: Slot, change: RegistrationChange) -> Result<Updated, RegistryError> {
        let mut record = self.record(slot)?;
        if let Some(traits) = change.traits {
            record.traits = Some(records::write_traits(&traits));
        }
        if let Some(tokens) = change.tokens {
            self.remove_tokens(slot, &record);
            record.channels = 0;
            self.put_tokens(slot, &mut record, &tokens);
        }
        if let Some(drills) = change.drills {
            record.drills = drills;
        }
        let ended = match change.under_14 {
            Some(under_14) => self.set_under_14(slot, &mut record, under_14),
            None => Vec::new(),
        };
        if let Some(precision) = change.place_precision {
            self.set_precision(slot, &mut record, precision);
        }
        if let Some(preferences) = change.preferences {
            record.preferences = records::write_preferences(&preferences);
        }
        check_zone(&record)?;
        self.put_changed(slot, &mut record);
        Ok(Updated { registration: self.registration(slot, &record)?, ended })
    }

    pub(super) fn delete(&mut self, slot: Slot) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        self.remove_tokens(slot, &record);
        self.remove_identifiers(slot, &record)?;
        self.unname(slot, &record)?;
        self.vacate(slot, &mut record);
        self.tell(slot, &record, &EventKind::Deleted);
        Ok(())
    }

    /// Nobody is registered in this slot any more.
    pub(super) fn vacate(&mut self, slot: Slot, record: &mut RegistrationRecord) {
        self.remove_place(slot, record);
        // Those too that were saved by the same commit, of which memory has yet to learn.
        self.remove_saved_places(slot, record);
        self.draft.batch.remove(Space::Registrations, slot_key(slot));
        self.draft.effects.facts(slot, Facts::default(), SideGrants::default());
        self.draft.effects.lose(Loss::Registration(slot));
    }

    /// Where a phone is. Only the last place is held: an earlier report that comes late changes nothing (R-P5),
    /// and neither does one that is too old.
    fn report(&mut self, slot: Slot, (place, at): Reported) -> Result<(), RegistryError> {
        let facts = self.made.effects.facts_of(slot).unwrap_or_else(|| self.shared.facts.row(slot));
        if !facts.is_live() {
            return Err(RegistryError::NotFound);
        }
        self.may_be_held(facts.location, facts.app())?;
        let place = facts.flags.precision().coarsen(place)?;
        if self.shared.is_stale(at.as_microsecond(), self.now) {
            return Ok(());
        }
        let known = self.reported_us(slot);
        // A time still to come was given when the server's clock was set otherwise: it holds nothing up.
        let is_later = |known: i64| at.as_microsecond() < known && known <= self.now.as_microsecond();
        if !known.is_some_and(is_later) {
            self.made.effects.report(slot, (place, as_kept(at)));
        }
        Ok(())
    }

    /// Sets or removes a place together with the record, which is yet to be written.
    pub(super) fn put_place(&mut self, slot: Slot, record: &mut RegistrationRecord, place: Option<Reported>) {
        record.place_commit = self.commit;
        self.draft.effects.place(slot, place.map(|(place, at)| (place, as_kept(at))));
    }

    /// Since nothing allows any more to hold it.
    pub(super) fn forget_place(&mut self, slot: Slot, record: &mut RegistrationRecord) {
        if self.reported_us(slot).is_some() {
            self.tell(slot, record, &EventKind::PlaceForgotten);
        }
        self.remove_place(slot, record);
    }

    pub(super) fn remove_place(&mut self, slot: Slot, record: &mut RegistrationRecord) {
        self.put_place(slot, record, None);
        self.draft.effects.lose(Loss::Place(slot));
    }

    /// Unless its partner has given another address meanwhile.
    fn forget_token(&mut self, slot: Slot, token: &Token) -> Result<(), RegistryError> {
        let key = token_key(slot, token.channel);
        let known: Option<TokenRecord> = self.read(Space::Tokens, key)?;
        if known.is_none_or(|known| known.value != *token.value.expose()) {
            return Ok(());
        }
        let mut record = self.record(slot)?;
        let bit = u32::from(token.channel.bit());
        record.channels &= !bit;
        record.gone_channels |= bit;
        self.draft.batch.remove(Space::Tokens, key);
        self.draft.effects.lose(Loss::Channel(slot, token.channel));
        self.tell(slot, &record, &EventKind::TokenGone(token.channel));
        self.put_registration(slot, &record);
        Ok(())
    }
}

/// Quiet hours are of some place's clocks. Whoever asks for what cannot be is told so, and not left to be woken.
pub(super) fn check_zone(record: &RegistrationRecord) -> Result<(), RegistryError> {
    let quiet = record.preferences.as_ref().is_some_and(|preferences| preferences.quiet_hours.is_some());
    let zone = || record.traits.as_ref().and_then(|traits| wishes::zone(&traits.time_zone));
    if quiet && zone().is_none() { Err(RegistryError::UnknownTimeZone) } else { Ok(()) }
}

/// As exactly as it is kept.
fn as_kept(at: Timestamp) -> Timestamp {
    records::instant(at.as_microsecond())
}

/// Pieces that several changes share.
impl Pending<'_> {
    pub(super) fn take_slot(&mut self) -> Result<Slot, RegistryError> {
        if u64::from(self.next_slot) >= self.shared.facts.capacity() {
            return Err(RegistryError::Full("registrations"));
        }
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        Ok(slot)
    }

    pub(super) fn put_tokens(&mut self, slot: Slot, record: &mut RegistrationRecord, tokens: &[Token]) {
        for token in tokens {
            let bit = u32::from(token.channel.bit());
            record.channels |= bit;
            record.gone_channels &= !bit;
            let value = TokenRecord { value: token.value.expose().clone() };
            self.put(Space::Tokens, token_key(slot, token.channel), &value);
        }
    }

    pub(super) fn remove_tokens(&mut self, slot: Slot, record: &RegistrationRecord) {
        for channel in records::channels(record.channels) {
            self.draft.batch.remove(Space::Tokens, token_key(slot, channel));
        }
    }

    /// Its partner has changed it.
    pub(super) fn put_changed(&mut self, slot: Slot, record: &mut RegistrationRecord) {
        record.updated_us = self.now.as_microsecond();
        self.put_registration(slot, record);
    }

    pub(super) fn put_registration(&mut self, slot: Slot, record: &RegistrationRecord) {
        self.put(Space::Registrations, slot_key(slot), record);
        self.draft.effects.facts(slot, self.shared.row_of(slot, record), records::side_grants(record));
    }

    /// What becomes of zones by the changes so far.
    pub(super) fn made_zones(&self) -> &[(ZoneName, Option<Arc<Drawn>>)] {
        self.made.effects.zones()
    }

    /// A registration with the changes so far.
    pub(super) fn registration(&self, slot: Slot, record: &RegistrationRecord) -> Result<Registration, RegistryError> {
        self.shared.registration(slot, record, self.place_of(slot), |space, key| self.get(space, key))
    }

    /// Where a phone is with the changes so far.
    pub(super) fn place_of(&self, slot: Slot) -> Option<Reported> {
        self.placed(slot).map_or_else(|| self.shared.places.get(slot), |placed| placed.place)
    }

    /// When the place that is held was reported, with the changes so far. It may be only on disk: nothing allowed any
    /// more to hold it when it was to be loaded.
    pub(super) fn reported_us(&self, slot: Slot) -> Option<i64> {
        match self.placed(slot) {
            Some(placed) => placed.place.map(|(_, at)| at.as_microsecond()),
            None => self.shared.places.reported_us(slot),
        }
    }

    fn placed(&self, slot: Slot) -> Option<Placed> {
        self.draft.effects.placed(slot).or_else(|| self.made.effects.placed(slot))
    }

    pub(super) fn record(&self, slot: Slot) -> Result<RegistrationRecord, RegistryError> {
        self.read(Space::Registrations, slot_key(slot))?.ok_or(RegistryError::NotFound)
    }

    pub(super) fn read<M: Message + Default>(&self, space: Space, key: Key) -> Result<Option<M>, RegistryError> {
        self.get(space, key)?.map(|payload| decode(space, key.as_bytes(), &payload)).transpose()
    }

    /// A value with the changes so far.
    pub(super) fn get(&self, space: Space, key: Key) -> Result<Option<Payload>, RegistryError> {
        let made = || self.made.batch.get_or(space, key, || self.shared.store.get(space, key));
        self.draft.batch.get_or(space, key, made)
    }

    /// What is written whatever becomes of the change at hand.
    pub(super) fn put_made(&mut self, space: Space, key: Key, value: &impl Message) {
        self.made.batch.put(space, key, &value.encode_to_vec());
    }

    /// Memory learns where a partner's log ends.
    pub(super) fn learn_log(&mut self, partner: u16, ends: LogEnds) {
        self.made.effects.log(partner, ends);
    }

    pub(super) fn put(&mut self, space: Space, key: Key, value: &impl Message) {
        self.draft.batch.put(space, key, &value.encode_to_vec());
    }
}
