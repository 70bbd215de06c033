//! What a change does to the store, and what it does to memory once it is durable.

use std::collections::HashSet;

use prost::Message;

use crate::domain::{
    AppName, AppSlot, ChannelKind, Cid, Consent, DeviceSlot, DeviceTraits, Footprint, LinkSecret, NewRegistration,
    PartnerName, PlaceId, Private, Purpose, Registration, RegistrationName, Slot, Timestamp, Token,
};
use crate::plan::{Facts, Grant};
use crate::wire::storage_v1::{
    AppRecord, IdentifierMember, IdentifierRecord, PartnerRecord, PlaceRecord, RegistrationRecord, RegistryState,
    TokenRecord,
};

use super::directory::Profile;
use super::identity::{DeviceId, IdentifierHash, secret_hash};
use super::keeper::is_valid;
use super::records::{self, number_key, slot_key, token_key};
use super::store::{Batch, Key, Space, damaged};
use super::{Registered, RegistryError, Shared, limits};

/// The layout of keyspaces and keys that this build writes.
pub(super) const LAYOUT: u32 = 1;

/// A change that was asked for.
pub(super) enum Change {
    Register(Box<NewRegistration>),
    Update(Slot, RegistrationChange),
    Delete(Slot),
    Place(Slot, Option<(Footprint, Timestamp)>),
    Grant(Slot, Consent),
    Withdraw(Slot, Purpose),
    ForgetToken(Slot, ChannelKind),
    AddPartner(PartnerName, Profile),
    AddApp(AppName, Profile),
}

/// New values for a registration; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct RegistrationChange {
    /// What the device is.
    pub traits: Option<DeviceTraits>,
    /// Vendor addresses: all of them.
    pub tokens: Option<Vec<Token>>,
    /// Whether the person takes part in exercises and tests.
    pub drills: Option<bool>,
}

/// What a change came to.
pub(super) enum Done {
    Registered(Box<Registered>),
    Changed,
}

/// What memory learns of a change: facts, places and names.
pub(super) enum Effect {
    Facts(Slot, Facts),
    Place(Slot, Option<Footprint>),
    Name(Cid, Slot),
    Unname(Cid),
    Partner(PartnerName, Profile),
    App(AppName, Profile),
}

/// Changes on their way to the disk together.
pub(super) struct Pending<'a> {
    shared: &'a Shared,
    batch: Batch,
    effects: Vec<Effect>,
    next_slot: u32,
    now: Timestamp,
    partners: usize,
    apps: usize,
}

impl<'a> Pending<'a> {
    pub(super) fn new(shared: &'a Shared, next_slot: u32) -> Self {
        let directory = shared.directory.read();
        let (partners, apps) = (directory.partner_count(), directory.app_count());
        drop(directory);
        let (batch, effects) = (Batch::new(), Vec::new());
        Self { shared, batch, effects, next_slot, now: shared.clock.now(), partners, apps }
    }

    /// The batch, what memory learns of it, and the slot that comes next.
    pub(super) fn finish(mut self) -> (Batch, Vec<Effect>, u32) {
        if !self.batch.is_empty() {
            let state = RegistryState { layout: LAYOUT, key_id: self.shared.keys.id(), next_slot: self.next_slot };
            self.put(Space::Meta, Key::new(&[b"state"]), &state);
        }
        (self.batch, self.effects, self.next_slot)
    }

    pub(super) fn apply(&mut self, change: Change) -> Result<Done, RegistryError> {
        match change {
            Change::Register(new) => return self.register(*new).map(|done| Done::Registered(Box::new(done))),
            Change::Update(slot, change) => self.update(slot, change)?,
            Change::Delete(slot) => self.delete(slot)?,
            Change::Place(slot, place) => self.place(slot, place)?,
            Change::Grant(slot, consent) => self.grant(slot, &consent)?,
            Change::Withdraw(slot, purpose) => self.withdraw(slot, purpose)?,
            Change::ForgetToken(slot, channel) => self.forget_token(slot, channel)?,
            Change::AddPartner(name, profile) => self.add_partner(name, profile)?,
            Change::AddApp(name, profile) => self.add_app(name, profile)?,
        }
        Ok(Done::Changed)
    }

    fn register(&mut self, new: NewRegistration) -> Result<Registered, RegistryError> {
        limits::check_new(&new)?;
        // Looked at before anything is changed: a change is made whole or not at all.
        let location = new.consents.iter().find(|consent| consent.purpose == Purpose::Location);
        let grant = location.map_or_else(Grant::default, |consent| Grant::until(consent.policy, consent.expires));
        if new.place.is_some() && !is_valid(grant, self.now) {
            return Err(RegistryError::NoLocationConsent);
        }
        let app = self.shared.app_slot(&new.app)?;
        let hashes = self.hashes(&new);
        let known = self.known(app, &hashes)?;
        let secret = LinkSecret(Private::new(rand::random()));
        let (slot, cid, device, created) = match &known.own {
            // The same app on the same device (R-B1): its name comes back; consents, place, tokens and secret do not.
            Some((slot, record)) => {
                let (cid, created) = (cid_of(record, *slot)?, records::instant(record.created_us));
                self.remove_tokens(*slot, record);
                self.remove_identifiers(*slot, record)?;
                (*slot, cid, device_of(record, *slot)?, created)
            }
            None => (self.take_slot()?, Cid(rand::random()), known.device.unwrap_or_else(rand::random), self.now),
        };
        let mut record = RegistrationRecord {
            cid: cid.0.to_vec().into(),
            app: app.0.into(),
            device: device.to_vec().into(),
            traits: Some(records::write_traits(&new.traits)),
            consents: new.consents.iter().map(records::write_consent).collect(),
            drills: new.drills,
            channels: 0,
            secret_sha256: secret_hash(&secret).to_vec().into(),
            identifiers: hashes.iter().map(|hash| hash.to_vec().into()).collect(),
            created_us: created.as_microsecond(),
            updated_us: self.now.as_microsecond(),
        };
        self.put_tokens(slot, &mut record, &new.tokens);
        self.add_identifiers(slot, app, &hashes)?;
        self.batch.remove(Space::Places, slot_key(slot));
        self.put_registration(slot, &record);
        self.effects.push(Effect::Name(cid, slot));
        self.effects.push(Effect::Place(slot, None));
        if let Some((place, at)) = new.place {
            self.put_place(slot, &record, place, at)?;
        }
        let registration = self.shared.assemble(slot, &record, new.place, new.tokens)?;
        Ok(Registered { registration, link_secret: secret, created: known.own.is_none() })
    }

    fn update(&mut self, slot: Slot, change: RegistrationChange) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        if let Some(traits) = change.traits {
            limits::check_traits(&traits)?;
            record.traits = Some(records::write_traits(&traits));
        }
        if let Some(tokens) = change.tokens {
            limits::check_tokens(&tokens)?;
            self.remove_tokens(slot, &record);
            self.put_tokens(slot, &mut record, &tokens);
        }
        if let Some(drills) = change.drills {
            record.drills = drills;
        }
        self.put_registration(slot, &record);
        Ok(())
    }

    fn delete(&mut self, slot: Slot) -> Result<(), RegistryError> {
        let record = self.record(slot)?;
        self.remove_tokens(slot, &record);
        self.remove_identifiers(slot, &record)?;
        self.batch.remove(Space::Places, slot_key(slot));
        self.batch.remove(Space::Registrations, slot_key(slot));
        self.at_once(Effect::Facts(slot, Facts::default()));
        self.at_once(Effect::Place(slot, None));
        self.effects.push(Effect::Unname(cid_of(&record, slot)?));
        Ok(())
    }

    fn place(&mut self, slot: Slot, place: Option<(Footprint, Timestamp)>) -> Result<(), RegistryError> {
        let record = self.record(slot)?;
        if let Some((place, at)) = place {
            return self.put_place(slot, &record, place, at);
        }
        self.batch.remove(Space::Places, slot_key(slot));
        self.at_once(Effect::Place(slot, None));
        Ok(())
    }

    /// Only with consent is a place held, and only the last one: an earlier report that comes late changes nothing
    /// (R-P5).
    fn put_place(
        &mut self,
        slot: Slot,
        record: &RegistrationRecord,
        place: Footprint,
        at: Timestamp,
    ) -> Result<(), RegistryError> {
        if !is_valid(records::grant(record, Purpose::Location), self.now) {
            return Err(RegistryError::NoLocationConsent);
        }
        let key = slot_key(slot);
        if let Some(known) = self.read::<PlaceRecord>(Space::Places, key)?
            && known.reported_us > at.as_microsecond()
        {
            return Ok(());
        }
        self.put(Space::Places, key, &records::write_place(place, at));
        self.effects.push(Effect::Place(slot, Some(place)));
        Ok(())
    }

    fn grant(&mut self, slot: Slot, consent: &Consent) -> Result<(), RegistryError> {
        limits::check_consent("consent", consent)?;
        let mut record = self.record(slot)?;
        let purpose = records::purpose_number(consent.purpose);
        record.consents.retain(|known| known.purpose != purpose);
        record.consents.push(records::write_consent(consent));
        self.put_registration(slot, &record);
        Ok(())
    }

    /// Holds at once, before it is durable (R-P2); without consent to location the place goes with it.
    fn withdraw(&mut self, slot: Slot, purpose: Purpose) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        record.consents.retain(|known| known.purpose != records::purpose_number(purpose));
        self.put_registration(slot, &record);
        self.at_once(Effect::Facts(slot, records::facts(slot, &record, &self.shared.languages)));
        if purpose == Purpose::Location {
            self.batch.remove(Space::Places, slot_key(slot));
            self.at_once(Effect::Place(slot, None));
        }
        Ok(())
    }

    fn forget_token(&mut self, slot: Slot, channel: ChannelKind) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        record.channels &= !u32::from(channel.bit());
        self.batch.remove(Space::Tokens, token_key(slot, channel));
        self.put_registration(slot, &record);
        Ok(())
    }

    fn add_partner(&mut self, name: PartnerName, profile: Profile) -> Result<(), RegistryError> {
        let twice = self.effects.iter().any(|effect| matches!(effect, Effect::Partner(known, _) if *known == name));
        if twice || self.shared.directory.read().partner(&name).is_some() {
            return Err(RegistryError::AlreadyExists);
        }
        let number = u16::try_from(self.partners).map_err(|_| RegistryError::Full("partners"))?;
        self.partners += 1;
        let (id, display_name) = (name.id().to_owned(), profile.display_name.clone());
        let record = PartnerRecord { id, display_name, created_us: profile.created.as_microsecond() };
        self.put(Space::Partners, number_key(number), &record);
        self.effects.push(Effect::Partner(name, profile));
        Ok(())
    }

    fn add_app(&mut self, name: AppName, profile: Profile) -> Result<(), RegistryError> {
        let twice = self.effects.iter().any(|effect| matches!(effect, Effect::App(known, _) if *known == name));
        let directory = self.shared.directory.read();
        if directory.partner(&name.partner).is_none() {
            return Err(RegistryError::UnknownPartner);
        }
        if twice || directory.app(&name).is_some() {
            return Err(RegistryError::AlreadyExists);
        }
        drop(directory);
        let number = u16::try_from(self.apps).map_err(|_| RegistryError::Full("apps"))?;
        self.apps += 1;
        let record = AppRecord {
            partner: name.partner.id().to_owned(),
            id: name.id().to_owned(),
            display_name: profile.display_name.clone(),
            created_us: profile.created.as_microsecond(),
        };
        self.put(Space::Apps, number_key(number), &record);
        self.effects.push(Effect::App(name, profile));
        Ok(())
    }
}

/// Registrations that offered the same identifiers before.
struct Known {
    own: Option<(Slot, RegistrationRecord)>,
    device: Option<DeviceId>,
}

/// Pieces that several changes share.
impl Pending<'_> {
    /// What takes something away holds before it is durable, and again in its turn among the others.
    fn at_once(&mut self, effect: Effect) {
        self.shared.take_up(&effect);
        self.effects.push(effect);
    }

    fn take_slot(&mut self) -> Result<Slot, RegistryError> {
        if u64::from(self.next_slot) >= self.shared.facts.capacity() {
            return Err(RegistryError::Full("registrations"));
        }
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        Ok(slot)
    }

    /// The hashes of what the device offers, best kind first.
    fn hashes(&self, new: &NewRegistration) -> Vec<IdentifierHash> {
        let mut offered: Vec<_> = new.identifiers.iter().collect();
        offered.sort_by_key(|identifier| identifier.kind);
        let mut hashes: Vec<_> = offered.iter().filter_map(|offered| self.shared.keys.identifier(offered)).collect();
        let mut seen = HashSet::new();
        hashes.retain(|hash| seen.insert(*hash));
        hashes
    }

    fn known(&self, app: AppSlot, hashes: &[IdentifierHash]) -> Result<Known, RegistryError> {
        let mut known = Known { own: None, device: None };
        for hash in hashes {
            let Some(members) = self.read::<IdentifierRecord>(Space::Identifiers, Key::new(&[hash]))? else { continue };
            for member in members.members {
                let slot = Slot(member.slot);
                let record = self.record(slot)?;
                known.device = known.device.or(Some(device_of(&record, slot)?));
                if known.own.is_none() && member.app == u32::from(app.0) {
                    known.own = Some((slot, record));
                }
            }
        }
        Ok(known)
    }

    fn add_identifiers(&mut self, slot: Slot, app: AppSlot, hashes: &[IdentifierHash]) -> Result<(), RegistryError> {
        for hash in hashes {
            let key = Key::new(&[hash]);
            let mut record: IdentifierRecord = self.read(Space::Identifiers, key)?.unwrap_or_default();
            // Another registration of this app with the same identifier: the newest is meant by it.
            record.members.retain(|member| member.app != u32::from(app.0));
            record.members.push(IdentifierMember { app: app.0.into(), slot: slot.0 });
            self.put(Space::Identifiers, key, &record);
        }
        Ok(())
    }

    fn remove_identifiers(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        for hash in &record.identifiers {
            let key = Key::new(&[hash]);
            let Some(mut members) = self.read::<IdentifierRecord>(Space::Identifiers, key)? else { continue };
            members.members.retain(|member| member.slot != slot.0);
            if members.members.is_empty() {
                self.batch.remove(Space::Identifiers, key);
            } else {
                self.put(Space::Identifiers, key, &members);
            }
        }
        Ok(())
    }

    fn put_tokens(&mut self, slot: Slot, record: &mut RegistrationRecord, tokens: &[Token]) {
        for token in tokens {
            record.channels |= u32::from(token.channel.bit());
            let value = TokenRecord { value: token.value.expose().clone() };
            self.put(Space::Tokens, token_key(slot, token.channel), &value);
        }
    }

    fn remove_tokens(&mut self, slot: Slot, record: &RegistrationRecord) {
        for channel in records::channels(record) {
            self.batch.remove(Space::Tokens, token_key(slot, channel));
        }
    }

    fn put_registration(&mut self, slot: Slot, record: &RegistrationRecord) {
        self.put(Space::Registrations, slot_key(slot), record);
        self.effects.push(Effect::Facts(slot, records::facts(slot, record, &self.shared.languages)));
    }

    fn record(&self, slot: Slot) -> Result<RegistrationRecord, RegistryError> {
        self.read(Space::Registrations, slot_key(slot))?.ok_or(RegistryError::NotFound)
    }

    fn read<M: Message + Default>(&self, space: Space, key: Key) -> Result<Option<M>, RegistryError> {
        let payload = self.batch.get(&self.shared.store, space, key)?;
        payload.map(|payload| M::decode(&*payload).map_err(|_| damaged(space, key.as_bytes(), "malformed"))).transpose()
    }

    fn put(&mut self, space: Space, key: Key, value: &impl Message) {
        self.batch.put(space, key, &value.encode_to_vec());
    }
}

fn cid_of(record: &RegistrationRecord, slot: Slot) -> Result<Cid, RegistryError> {
    let bytes = <[u8; 16]>::try_from(&*record.cid);
    bytes.map(Cid).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no name"))
}

fn device_of(record: &RegistrationRecord, slot: Slot) -> Result<DeviceId, RegistryError> {
    let bytes = DeviceId::try_from(&*record.device);
    bytes.map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no device"))
}

impl Shared {
    /// What is durable becomes visible.
    pub(super) fn take_up(&self, effect: &Effect) {
        match effect {
            Effect::Facts(slot, facts) => self.facts.set(*slot, *facts),
            Effect::Place(slot, place) => self.index.place(PlaceId::live(*slot), *place),
            Effect::Name(cid, slot) => drop(self.names.insert(*cid, *slot)),
            Effect::Unname(cid) => drop(self.names.remove(cid)),
            Effect::Partner(name, profile) => self.directory.write().add_partner(name.clone(), profile.clone()),
            Effect::App(name, profile) => self.directory.write().add_app(name.clone(), profile.clone()),
        }
    }

    /// A registration as the domain has it.
    pub(super) fn assemble(
        &self,
        slot: Slot,
        record: &RegistrationRecord,
        place: Option<(Footprint, Timestamp)>,
        tokens: Vec<Token>,
    ) -> Result<Registration, RegistryError> {
        let app = records::app_of(record);
        let directory = self.directory.read();
        let unknown = || damaged(Space::Registrations, &slot.0.to_be_bytes(), "of an unknown app");
        let name = directory.app_name(app).ok_or_else(unknown)?.clone();
        let gid = self.keys.pseudonym(&name.partner, device_of(record, slot)?);
        Ok(Registration {
            name: RegistrationName { app: name, cid: cid_of(record, slot)? },
            gid,
            slot,
            device: DeviceSlot(slot.0),
            app,
            traits: record.traits.as_ref().map(records::read_traits).ok_or_else(unknown)?,
            tokens,
            consents: records::read_consents(record),
            drills: record.drills,
            place: place.map(|(place, _)| place),
            place_time: place.map(|(_, at)| at),
            created: records::instant(record.created_us),
            updated: records::instant(record.updated_us),
        })
    }
}
