//! Registering an app on a device (R-B1): a new name, or the one it had.

use std::collections::HashSet;

use crate::domain::{AppSlot, Cid, DeviceIdentifier, EventKind, LinkSecret, NewRegistration, Private, Purpose, Slot};
use crate::wire::storage_v1::{IdentifierMember, IdentifierRecord, RegistrationRecord};

use super::change::{Pending, check_zone};
use super::identity::{DeviceId, IdentifierHash, secret_hash};
use super::records::{self, cid_of, device_of, slot_key, subject_of};
use super::store::{Key, Space, damaged};
use super::{Registered, RegistryError};

/// Registrations that offered the same identifiers before.
struct Known {
    /// The app's own.
    own: Option<(Slot, RegistrationRecord)>,
    /// The device of the first that offered the best of them.
    device: Option<DeviceId>,
}

impl Pending<'_> {
    pub(super) fn register(&mut self, new: &NewRegistration) -> Result<Registered, RegistryError> {
        let app = self.shared.app_slot(&new.app)?;
        let request = new.request.as_ref().map(|request| self.shared.keys.request(app, request));
        if let Some(done) = request.map(|request| self.registration_of(app, request)).transpose()?.flatten() {
            return self.repeat(done);
        }
        let mut hashes = self.hashes(&new.identifiers);
        let known = self.known(app, &hashes)?;
        hashes.extend(request);
        let created = known.own.is_none();
        let mut ended = None;
        let (slot, cid, device, created_us) = if let Some((slot, record)) = known.own {
            // The same app on the same device: its name comes back; consents, place, tokens and secret do not.
            ended = Some(subject_of(&record, slot)?);
            self.remove_tokens(slot, &record);
            if !record.saved_places.is_empty() {
                self.draft.effects.saved(slot, Vec::new());
            }
            self.remove_identifiers(slot, &record)?;
            (slot, cid_of(&record, slot)?, device_of(&record, slot)?, record.created_us)
        } else {
            let device = known.device.unwrap_or_else(|| DeviceId(rand::random()));
            (self.take_slot()?, Cid(rand::random()), device, self.now.as_microsecond())
        };
        let secret = new_secret();
        self.may_be_granted(app, new.under_14, &new.consents)?;
        let mut record = RegistrationRecord {
            cid: cid.0.to_vec().into(),
            app: app.0.into(),
            device: device.0.to_vec().into(),
            traits: Some(records::write_traits(&new.traits)),
            consents: new.consents.iter().map(records::write_consent).collect(),
            drills: new.drills,
            channels: 0,
            gone_channels: 0,
            secret_sha256: secret_hash(&secret).to_vec().into(),
            identifiers: hashes.iter().map(|hash| hash.0.to_vec().into()).collect(),
            created_us,
            updated_us: self.now.as_microsecond(),
            subject: rand::random::<[u8; 16]>().to_vec().into(),
            place_commit: 0,
            preferences: records::write_preferences(&new.preferences),
            under_14: new.under_14,
            place_precision: new.place_precision as u32,
            saved_places: Vec::new(),
        };
        check_zone(&record)?;
        if new.place.is_some() {
            self.may_be_held(records::grant(&record, Purpose::Location), app)?;
        }
        let place = match new.place {
            Some((_, at)) if self.shared.is_stale(at.as_microsecond(), self.now) => None,
            Some((place, at)) => Some((new.place_precision.coarsen(place)?, at)),
            None => None,
        };
        self.put_place(slot, &mut record, place);
        self.put_tokens(slot, &mut record, &new.tokens);
        self.add_identifiers(slot, app, &hashes)?;
        self.put_registration(slot, &record);
        self.arm(slot, &record);
        if !created {
            self.tell(slot, &record, &EventKind::Restarted);
        }
        self.draft.effects.name(cid, Some(slot));
        let registration = self.registration(slot, &record)?;
        Ok(Registered { registration, link_secret: secret, created, ended, repeated: false })
    }

    /// Asked for before: nothing changes but the secret, since nobody can be told the one that is known.
    fn repeat(&mut self, slot: Slot) -> Result<Registered, RegistryError> {
        let secret = new_secret();
        let mut record = self.record(slot)?;
        record.secret_sha256 = secret_hash(&secret).to_vec().into();
        self.put_registration(slot, &record);
        let registration = self.registration(slot, &record)?;
        Ok(Registered { registration, link_secret: secret, created: false, ended: None, repeated: true })
    }

    /// The hashes of what the device offers, best kind first.
    fn hashes(&self, identifiers: &[DeviceIdentifier]) -> Vec<IdentifierHash> {
        let mut offered: Vec<_> = identifiers.iter().collect();
        offered.sort_by_key(|identifier| identifier.kind);
        let mut hashes: Vec<_> =
            offered.into_iter().filter_map(|offered| self.shared.keys.identifier(offered)).collect();
        let mut seen = HashSet::new();
        hashes.retain(|hash| seen.insert(*hash));
        hashes
    }

    fn known(&self, app: AppSlot, hashes: &[IdentifierHash]) -> Result<Known, RegistryError> {
        let mut known = Known { own: None, device: None };
        for &hash in hashes {
            for member in self.members(hash)? {
                let is_own = known.own.is_none() && member.app == u32::from(app.0);
                if is_own || known.device.is_none() {
                    let slot = Slot(member.slot);
                    let record = self.read(Space::Registrations, slot_key(slot))?;
                    let record = record.ok_or_else(|| damaged(Space::Identifiers, &hash.0, "names no registration"))?;
                    known.device = known.device.or(Some(device_of(&record, slot)?));
                    known.own = known.own.or(is_own.then_some((slot, record)));
                }
            }
        }
        Ok(known)
    }

    /// The registration of an app that a hash names.
    fn registration_of(&self, app: AppSlot, hash: IdentifierHash) -> Result<Option<Slot>, RegistryError> {
        let own = self.members(hash)?.into_iter().find(|member| member.app == u32::from(app.0));
        Ok(own.map(|member| Slot(member.slot)))
    }

    fn members(&self, hash: IdentifierHash) -> Result<Vec<IdentifierMember>, RegistryError> {
        let record: Option<IdentifierRecord> = self.read(Space::Identifiers, Key::new(&[&hash.0]))?;
        Ok(record.unwrap_or_default().members)
    }

    fn add_identifiers(&mut self, slot: Slot, app: AppSlot, hashes: &[IdentifierHash]) -> Result<(), RegistryError> {
        for &hash in hashes {
            let mut members = self.members(hash)?;
            // Another registration of this app with the same identifier: from now on this one is meant by it.
            members.retain(|member| member.app != u32::from(app.0));
            members.push(IdentifierMember { app: app.0.into(), slot: slot.0 });
            self.put(Space::Identifiers, Key::new(&[&hash.0]), &IdentifierRecord { members });
        }
        Ok(())
    }

    pub(super) fn remove_identifiers(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        for hash in &record.identifiers {
            let malformed = |_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "malformed hash");
            let hash = IdentifierHash(<[u8; 16]>::try_from(&**hash).map_err(malformed)?);
            let mut members = self.members(hash)?;
            members.retain(|member| member.slot != slot.0);
            let key = Key::new(&[&hash.0]);
            if members.is_empty() {
                self.draft.batch.remove(Space::Identifiers, key);
            } else {
                self.put(Space::Identifiers, key, &IdentifierRecord { members });
            }
        }
        Ok(())
    }
}

fn new_secret() -> LinkSecret {
    LinkSecret(Private::new(rand::random()))
}
