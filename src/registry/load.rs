//! From the store to memory, at start.

use crate::audit::{self, Audit, Tail};
use crate::domain::{Act, AppName, AuditEntry, Footprint, PartnerName, PlaceId, Slot};
use crate::wire::storage_v1::{AppRecord, PartnerRecord, RegistrationRecord, RegistryState};

use super::change::LAYOUT;
use super::directory::Profile;
use super::keeper::is_valid;
use super::records::{self, cid_of, decode, number_key, slot_of, subject_of};
use super::store::{Key, Space, Store, damaged};
use super::{RegistryError, Shared, events, webhooks};

/// What the store had besides what went into memory.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The slot that the next registration gets.
    pub(super) next_slot: u32,
    /// Those whose place was not put into the index, since their consent to hold it has ended.
    pub(super) expired: Vec<Slot>,
}

/// What every commit writes; `None` if nothing was ever written to the store.
pub(super) fn state(store: &Store) -> Result<Option<RegistryState>, RegistryError> {
    let key = Key::new(&[b"state"]);
    if let Some(payload) = store.get(Space::Meta, key)? {
        return decode(Space::Meta, key.as_bytes(), &payload).map(Some);
    }
    for space in Space::ALL {
        if store.scan(space).next().is_some() {
            return Err(damaged(Space::Meta, key.as_bytes(), "missing"));
        }
    }
    Ok(None)
}

/// Reads everything that memory holds.
pub(super) fn load(
    shared: &Shared,
    state: Option<RegistryState>,
    audit: Option<&(Audit, Tail)>,
) -> Result<Loaded, RegistryError> {
    let Some(state) = state else { return Ok(Loaded::default()) };
    if state.layout > LAYOUT {
        return Err(RegistryError::LaterLayout(state.layout));
    }
    if state.key_id != shared.keys.id() {
        return Err(RegistryError::OtherKey { store: state.key_id, file: shared.keys.id() });
    }
    load_directory(shared)?;
    events::load(shared)?;
    webhooks::load(shared)?;
    if let Some((audit, tail)) = audit {
        record_directory(shared, audit, tail);
    }
    for item in shared.store.scan(Space::Registrations) {
        let (key, payload) = item?;
        let bad = |reason| damaged(Space::Registrations, &key, reason);
        // A slot that is still to be given would be written over.
        let slot = slot_of(&key).filter(|slot| slot.0 < state.next_slot).ok_or_else(|| bad("not a slot"))?;
        if u64::from(slot.0) >= shared.facts.capacity() {
            return Err(RegistryError::Full("registrations"));
        }
        let record: RegistrationRecord = decode(Space::Registrations, &key, &payload)?;
        shared.facts.set(slot, records::facts(slot, &record, &shared.languages));
        shared.names.insert(cid_of(&record, slot)?, slot);
        if let Some((audit, tail)) = audit
            && tail.lacks_change(subject_of(&record, slot)?, records::instant(record.updated_us))
        {
            drop(audit.append(&recovered(shared, slot, &record)?));
        }
    }
    let expired = load_places(shared)?;
    shared.count();
    Ok(Loaded { next_slot: state.next_slot, expired })
}

/// The audit log's record of a change that a crash took from it.
fn recovered(shared: &Shared, slot: Slot, record: &RegistrationRecord) -> Result<AuditEntry, RegistryError> {
    let consents = records::read_consents(record).iter().map(audit::terms).collect();
    let object = shared.directory.read().app_name(records::app_of(record)).map(|app| app.to_string().into());
    Ok(AuditEntry {
        subjects: vec![subject_of(record, slot)?],
        object: object.unwrap_or_default(),
        ..AuditEntry::server(Act::RegistrationRecovered { consents })
    })
}

/// Writes what a crash took from the audit log of partners and apps that were made.
fn record_directory(shared: &Shared, audit: &Audit, tail: &Tail) {
    let directory = shared.directory.read();
    let record = |name: String, profile: &Profile, act: Act| {
        if tail.lacks_object(&name, profile.created) {
            drop(audit.append(&AuditEntry { object: name.into(), ..AuditEntry::server(act) }));
        }
    };
    for (partner, profile) in directory.partners(None) {
        record(partner.to_string(), profile, Act::PartnerCreated);
        for (app, profile) in directory.apps(partner, None) {
            record(app.to_string(), profile, Act::AppCreated);
        }
    }
}

fn load_directory(shared: &Shared) -> Result<(), RegistryError> {
    let mut directory = shared.directory.write();
    for item in shared.store.scan(Space::Partners) {
        let (key, payload) = item?;
        let record: PartnerRecord = decode(Space::Partners, &key, &payload)?;
        let name = PartnerName::new(&record.id).map_err(|_| damaged(Space::Partners, &key, "malformed name"))?;
        // A partner's number is its position; were one missing, all after it would be taken for others.
        if *number_key(directory.partner_count() as u16).as_bytes() != *key {
            return Err(damaged(Space::Partners, &key, "the partner before it is missing"));
        }
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        directory.add_partner(name, profile);
    }
    for item in shared.store.scan(Space::Apps) {
        let (key, payload) = item?;
        let bad = |reason| damaged(Space::Apps, &key, reason);
        let record: AppRecord = decode(Space::Apps, &key, &payload)?;
        let partner = PartnerName::new(&record.partner).map_err(|_| bad("malformed name"))?;
        let name = AppName::new(partner, &record.id).map_err(|_| bad("malformed name"))?;
        // An app's number is its position; were one missing, all after it would be taken for others.
        if *number_key(directory.app_count() as u16).as_bytes() != *key {
            return Err(bad("the app before it is missing"));
        }
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        directory.add_app(name, profile);
    }
    Ok(())
}

/// Puts places into the index, but for those without a consent that counts; these it returns.
fn load_places(shared: &Shared) -> Result<Vec<Slot>, RegistryError> {
    let now = shared.clock.now();
    let (mut expired, mut failed) = (Vec::new(), None);
    let places = shared.store.scan(Space::Places).map_while(|item| {
        let read = item.and_then(|(key, payload)| read_place(&key, &payload));
        read.map_err(|error| failed = Some(error)).ok()
    });
    let may_be_held = |(slot, place): (Slot, Footprint)| {
        if is_valid(shared.facts.row(slot).location, now) {
            return Some((PlaceId::live(slot), place));
        }
        expired.push(slot);
        None
    };
    shared.index.load(places.filter_map(may_be_held));
    failed.map_or(Ok(expired), Err)
}

fn read_place(key: &[u8], payload: &[u8]) -> Result<(Slot, Footprint), RegistryError> {
    let slot = slot_of(key).ok_or_else(|| damaged(Space::Places, key, "not a slot"))?;
    Ok((slot, records::place(key, payload)?.0))
}
