//! From the store to memory, at start.

use prost::Message;

use crate::domain::{AppName, Cid, PartnerName, PlaceId};
use crate::wire::storage_v1::{AppRecord, PartnerRecord, PlaceRecord, RegistrationRecord, RegistryState};

use super::change::LAYOUT;
use super::directory::Profile;
use super::keeper::is_valid;
use super::records::{self, slot_of};
use super::store::{Key, Space, damaged};
use super::{RegistryError, Shared};

/// Reads everything that memory holds; returns the slot that the next registration gets.
pub(super) fn load(shared: &Shared) -> Result<u32, RegistryError> {
    let Some(state) = state(shared)? else { return Ok(0) };
    if state.layout > LAYOUT {
        return Err(RegistryError::LaterLayout(state.layout));
    }
    if state.key_id != shared.keys.id() {
        return Err(RegistryError::OtherKey { store: state.key_id, file: shared.keys.id() });
    }
    load_directory(shared)?;
    for item in shared.store.scan(Space::Registrations) {
        let (key, payload) = item?;
        let bad = |reason| damaged(Space::Registrations, &key, reason);
        let slot = slot_of(&key).ok_or_else(|| bad("not a slot"))?;
        let record = RegistrationRecord::decode(&*payload).map_err(|_| bad("malformed"))?;
        let cid = <[u8; 16]>::try_from(&*record.cid).map_err(|_| bad("no name"))?;
        shared.facts.set(slot, records::facts(slot, &record, &shared.languages));
        shared.names.insert(Cid(cid), slot);
    }
    load_places(shared)?;
    shared.metrics.registrations.set(shared.names.len() as i64);
    shared.metrics.places.set(shared.index.len() as i64);
    Ok(state.next_slot)
}

/// What every commit writes; `None` for a new store.
pub(super) fn state(shared: &Shared) -> Result<Option<RegistryState>, RegistryError> {
    let key = Key::new(&[b"state"]);
    let Some(payload) = shared.store.get(Space::Meta, key)? else { return Ok(None) };
    RegistryState::decode(&*payload).map(Some).map_err(|_| damaged(Space::Meta, b"state", "malformed"))
}

fn load_directory(shared: &Shared) -> Result<(), RegistryError> {
    let mut directory = shared.directory.write();
    for item in shared.store.scan(Space::Partners) {
        let (key, payload) = item?;
        let bad = || damaged(Space::Partners, &key, "malformed");
        let record = PartnerRecord::decode(&*payload).map_err(|_| bad())?;
        let name = PartnerName::new(&record.id).map_err(|_| bad())?;
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        directory.add_partner(name, profile);
    }
    for item in shared.store.scan(Space::Apps) {
        let (key, payload) = item?;
        let bad = || damaged(Space::Apps, &key, "malformed");
        let record = AppRecord::decode(&*payload).map_err(|_| bad())?;
        let partner = PartnerName::new(&record.partner).map_err(|_| bad())?;
        let name = AppName::new(partner, &record.id).map_err(|_| bad())?;
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        directory.add_app(name, profile);
    }
    Ok(())
}

/// Places without a consent that counts are not put into the index.
fn load_places(shared: &Shared) -> Result<(), RegistryError> {
    let now = shared.clock.now();
    let mut failed = None;
    let places = shared.store.scan(Space::Places).map_while(|item| {
        let read = item.and_then(|(key, payload)| {
            let bad = |reason| damaged(Space::Places, &key, reason);
            let slot = slot_of(&key).ok_or_else(|| bad("not a slot"))?;
            let record = PlaceRecord::decode(&*payload).map_err(|_| bad("malformed"))?;
            Ok((PlaceId::live(slot), records::read_place(&record).ok_or_else(|| bad("off the globe"))?))
        });
        read.map_err(|error| failed = Some(error)).ok()
    });
    let may_be_held = |place: &PlaceId| is_valid(shared.facts.row(place.slot).location, now);
    shared.index.load(places.filter(|(place, _)| may_be_held(place)));
    failed.map_or(Ok(()), Err)
}
