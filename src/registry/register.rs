//! Registering an app on a device (R-B1): a new name, the one it had, or a claim to that.

use std::collections::HashSet;

use bytes::Bytes;

use crate::domain::{
    AppSlot, DeviceIdentifier, EventKind, LinkSecret, NewRegistration, PartnerName, Private, Purpose, Slot,
};
use crate::plan::Grant;
use crate::wire::storage_v1::{IdentifierMember, IdentifierRecord, RegistrationRecord};

use super::change::{Pending, check_zone};
use super::identity::{IdentifierHash, is_secret, secret_hash};
use super::places::Reported;
use super::records::{self, subject_of};
use super::store::{Key, Space};
use super::{Registered, RegistryError};

/// Registrations that offered the same identifiers before.
#[derive(Default)]
struct Known {
    /// The app's own, by the best identifier first. None of them is a claim.
    own: Vec<(Slot, RegistrationRecord)>,
    /// One of the partner's, by which it knows the device.
    of_partner: Option<RegistrationRecord>,
    /// The first that offered the best identifier.
    first: Option<RegistrationRecord>,
}

/// What a registration is to one that is there.
enum Standing {
    /// It takes its place, by proof or on its partner's word.
    Again(Slot, RegistrationRecord, Proof),
    /// It claims its CID.
    Claim(Slot, RegistrationRecord),
    /// There is none.
    New,
}

/// Why it may.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Secret,
    Vouched,
}

impl Pending<'_> {
    pub(super) fn register(&mut self, new: &NewRegistration) -> Result<Registered, RegistryError> {
        let app = self.shared.app_slot(&new.app)?;
        let request = new.request.as_ref().map(|request| self.shared.keys.request(app, request));
        if let Some(done) = request.map(|request| self.registration_of(app, request)).transpose()?.flatten() {
            return self.repeat(done);
        }
        self.rekey(&new.identifiers)?;
        let (hashes, key) = (self.hashes(&new.identifiers), self.shared.keys.number());
        let known = self.known(app, &new.app.partner, &hashes)?;
        let mut vouched = false;
        let (slot, base, ended) = match self.standing(new, &known)? {
            Standing::Again(before, record, proof) => {
                vouched = proof == Proof::Vouched;
                let ended = subject_of(&record, before)?;
                let (slot, base) = self.again(before, record)?;
                (slot, base, Some(ended))
            }
            Standing::Claim(holder, record) => match self.claim(holder)? {
                Some(slot) => (slot, self.claim_to(holder, record), None),
                None => (self.take_slot()?, self.anew(app, known), None),
            },
            Standing::New => (self.take_slot()?, self.anew(app, known), None),
        };
        let secret = new_secret();
        self.may_be_granted(app, new.under_14, &new.consents)?;
        let mut record = RegistrationRecord {
            traits: Some(records::write_traits(&new.traits)),
            consents: new.consents.iter().map(records::write_consent).collect(),
            drills: new.drills,
            secret_sha256: secret_hash(&secret).to_vec().into(),
            updated_us: self.now.as_microsecond(),
            subject: random(),
            preferences: records::write_preferences(&new.preferences),
            under_14: new.under_14,
            place_precision: new.place_precision as u32,
            ..base
        };
        check_zone(&record)?;
        let place = self.first_place(new, records::grant(&record, Purpose::Location), app)?;
        self.put_place(slot, &mut record, place);
        self.put_tokens(slot, &mut record, &new.tokens);
        let identifiers = if record.holder.is_some() {
            // What the device of a claim offers goes on meaning the holder.
            self.add_identifiers(slot, app, request.as_slice(), key)?;
            record.identifier_key = key;
            hashes.into_iter().chain(request).collect()
        } else {
            let hashes: Vec<_> = hashes.into_iter().chain(request).collect();
            self.add_identifiers(slot, app, &hashes, key)?
        };
        record.identifiers = records::write_identifiers(&identifiers);
        self.put_registration(slot, &record);
        self.arm(slot, &record);
        if ended.is_some() {
            self.tell(slot, &record, &EventKind::Restarted);
        }
        self.name(slot, &record)?;
        let registration = self.registration(slot, &record)?;
        let created = ended.is_none();
        Ok(Registered { registration, link_secret: secret, created, vouched, ended, repeated: false })
    }

    /// The place that a registration comes with, as it is held. One that is too old is not.
    fn first_place(
        &self,
        new: &NewRegistration,
        location: Grant,
        app: AppSlot,
    ) -> Result<Option<Reported>, RegistryError> {
        let Some((place, at)) = new.place else { return Ok(None) };
        self.may_be_held(location, app)?;
        if self.shared.is_stale(at.as_microsecond(), self.now) {
            return Ok(None);
        }
        Ok(Some((new.place_precision.coarsen(place)?, at)))
    }

    fn standing(&self, new: &NewRegistration, known: &Known) -> Result<Standing, RegistryError> {
        if let Some(secret) = &new.earlier_secret {
            for (slot, record) in &known.own {
                if is_secret(secret, &record.secret_sha256) {
                    return Ok(Standing::Again(*slot, record.clone(), Proof::Secret));
                }
                for slot in record.claims.iter().copied().map(Slot) {
                    let claim = self.member(slot)?;
                    if is_secret(secret, &claim.secret_sha256) {
                        return Ok(Standing::Again(slot, claim, Proof::Secret));
                    }
                }
            }
        }
        Ok(match known.own.first() {
            Some((slot, record)) if new.vouched => Standing::Again(*slot, record.clone(), Proof::Vouched),
            Some((slot, record)) => Standing::Claim(*slot, record.clone()),
            None => Standing::New,
        })
    }

    /// What a claim has of the holder.
    fn claim_to(&self, holder: Slot, record: RegistrationRecord) -> RegistrationRecord {
        RegistrationRecord {
            cid: record.cid,
            app: record.app,
            device: record.device,
            gid_seed: record.gid_seed,
            created_us: self.now.as_microsecond(),
            installation: random(),
            holder: Some(holder.0),
            ..RegistrationRecord::default()
        }
    }

    /// A CID of its own. The device is the one that offered the same, whoever knew it first.
    ///
    /// # Why
    ///
    /// A GID says that two registrations offered the same. Were it derived from a device that another partner's app has
    /// made known, a partner could learn of two identifiers whether they are of one phone. So it is derived from that
    /// only where the partner has offered the same itself.
    fn anew(&self, app: AppSlot, known: Known) -> RegistrationRecord {
        let (device, gid_seed) = match (known.of_partner, known.first) {
            (Some(own), _) => (own.device, own.gid_seed),
            (None, Some(other)) => (other.device, random()),
            (None, None) => (random(), Bytes::new()),
        };
        let (cid, created_us) = (random(), self.now.as_microsecond());
        RegistrationRecord { cid, app: app.0.into(), device, gid_seed, created_us, ..RegistrationRecord::default() }
    }

    /// Asked for before: nothing changes but the secret, since nobody can be told the one that is known.
    fn repeat(&mut self, slot: Slot) -> Result<Registered, RegistryError> {
        let secret = new_secret();
        let mut record = self.record(slot)?;
        record.secret_sha256 = secret_hash(&secret).to_vec().into();
        self.draft.effects.lock_anew(slot);
        self.put_registration(slot, &record);
        let registration = self.registration(slot, &record)?;
        let (created, vouched) = (false, false);
        Ok(Registered { registration, link_secret: secret, created, vouched, ended: None, repeated: true })
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

    fn known(&self, app: AppSlot, partner: &PartnerName, hashes: &[IdentifierHash]) -> Result<Known, RegistryError> {
        let mut known = Known::default();
        for &hash in hashes {
            for member in self.members(hash)? {
                let (slot, of) = (Slot(member.slot), AppSlot(member.app as u16));
                let is_of_partner =
                    || self.shared.directory.read().app_name(of).is_some_and(|name| name.partner == *partner);
                let is_own = of == app && known.own.iter().all(|(other, _)| *other != slot);
                let is_partners = known.of_partner.is_none() && is_of_partner();
                if is_own || is_partners || known.first.is_none() {
                    let record = self.member(slot)?;
                    if is_own {
                        known.own.push((slot, record.clone()));
                    }
                    if is_partners {
                        known.of_partner = Some(record.clone());
                    }
                    known.first.get_or_insert(record);
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
        Ok(self.identifier(hash)?.unwrap_or_default().members)
    }

    /// From now on hashes that were made with this key mean this registration of the app, but for those that mean
    /// another one: whoever offers an identifier takes it from nobody. Returns those that mean it.
    pub(super) fn add_identifiers(
        &mut self,
        slot: Slot,
        app: AppSlot,
        hashes: &[IdentifierHash],
        key: u32,
    ) -> Result<Vec<IdentifierHash>, RegistryError> {
        let is_valid = self.shared.keys.is_valid(key, &self.shared.validity(self.now));
        let mut added = Vec::with_capacity(hashes.len());
        for &hash in hashes {
            let known = self.identifier(hash)?;
            let mut record = known.unwrap_or_else(|| IdentifierRecord { members: Vec::new(), key });
            match record.members.iter().find(|member| member.app == u32::from(app.0)) {
                Some(member) if member.slot != slot.0 => continue,
                Some(_) => {}
                None if !is_valid => continue,
                None => {
                    record.members.push(IdentifierMember { app: app.0.into(), slot: slot.0 });
                    self.put(Space::Identifiers, Key::new(&[&hash.0]), &record);
                }
            }
            added.push(hash);
        }
        Ok(added)
    }

    pub(super) fn remove_identifiers(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        for hash in records::identifiers(record, slot)? {
            let Some(mut record) = self.identifier(hash)? else { continue };
            let count = record.members.len();
            record.members.retain(|member| member.slot != slot.0);
            let key = Key::new(&[&hash.0]);
            if record.members.is_empty() {
                self.draft.batch.remove(Space::Identifiers, key);
            } else if record.members.len() < count {
                self.put(Space::Identifiers, key, &record);
            }
        }
        Ok(())
    }
}

fn new_secret() -> LinkSecret {
    LinkSecret(Private::new(rand::random()))
}

/// 16 random bytes.
fn random() -> Bytes {
    Bytes::copy_from_slice(&rand::random::<[u8; 16]>())
}
