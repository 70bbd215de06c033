//! A new identity key, and how hashes that were made with an old one come under it.
//!
//! A hash cannot be turned into that of another key without the identifier, which is not kept. So an old key stays
//! valid for look-up for a while: when a device offers its identifiers meanwhile, what was kept under the old key is
//! moved under the newest, for all apps that it means. What is left when that time is over means nobody any more; the
//! keeper removes it, and then the key.
//!
//! Hashes of requests stay for as long as the key that was the newest when they came, so that they go too.

use crate::domain::{Act, AuditEntry, DeviceIdentifier, Slot, Timestamp};
use crate::wire::storage_v1::{IdentifierRecord, RegistrationRecord};

use super::change::{Change, Pending};
use super::identity::{IdentifierHash, Validity};
use super::records::{self, decode, slot_key};
use super::store::{Key, Space, damaged};
use super::{Registry, RegistryError, Shared};

/// The most hashes in one change.
const HASHES: usize = 500;

/// A change of identity keys, or of what was hashed with them.
#[derive(Debug)]
pub(super) enum KeyChange {
    /// A new one.
    Rotate,
    /// Hashes that were made with the key of this number, whose time is over.
    Drop(u32, Vec<IdentifierHash>),
    /// The same of what a claim's device offered.
    DropClaimed(u32, Slot),
    /// The key of this number is needed no more.
    Erase(u32),
}

impl KeyChange {
    /// As how many changes it counts.
    pub(super) fn weight(&self) -> usize {
        if let Self::Drop(_, hashes) = self { hashes.len() } else { 1 }
    }
}

impl Registry {
    /// Draws a new identity key. Those before are valid for look-up until their time is over.
    pub async fn rotate_key(&self) -> Result<(), RegistryError> {
        self.change(Change::Key(KeyChange::Rotate)).await.map(drop)
    }
}

impl Pending<'_> {
    pub(super) fn change_key(&mut self, change: KeyChange) -> Result<(), RegistryError> {
        match change {
            KeyChange::Rotate => self.rotate_key(),
            KeyChange::Drop(number, hashes) => self.drop_hashes(number, &hashes),
            KeyChange::DropClaimed(number, slot) => self.drop_claimed(number, slot),
            KeyChange::Erase(number) => {
                self.erase_key(number);
                Ok(())
            }
        }
    }

    fn rotate_key(&mut self) -> Result<(), RegistryError> {
        self.shared.keys.rotate(self.now)?;
        // From now on the store needs the new key: it says so before anything is hashed with it.
        self.draft.writes_state = true;
        Ok(())
    }

    /// What is kept of identifiers under earlier keys is kept under the newest from now on.
    pub(super) fn rekey(&mut self, identifiers: &[DeviceIdentifier]) -> Result<(), RegistryError> {
        let validity = self.shared.validity(self.now);
        for identifier in identifiers {
            let Some(newest) = self.shared.keys.identifier(identifier) else { continue };
            for earlier in self.shared.keys.earlier(identifier, &validity) {
                self.move_hash(earlier, newest)?;
            }
        }
        Ok(())
    }

    fn move_hash(&mut self, earlier: IdentifierHash, newest: IdentifierHash) -> Result<(), RegistryError> {
        let Some(old) = self.identifier(earlier)? else { return Ok(()) };
        let mut record = self.identifier(newest)?.unwrap_or_default();
        record.key = self.shared.keys.number();
        for member in old.members {
            let slot = Slot(member.slot);
            let is_free = record.members.iter().all(|known| known.app != member.app);
            let mut registration = self.member(slot)?;
            let mut hashes = records::identifiers(&registration, slot)?;
            hashes.retain(|hash| *hash != earlier && *hash != newest);
            if is_free {
                hashes.push(newest);
                record.members.push(member);
            }
            registration.identifiers = records::write_identifiers(&hashes);
            self.put_registration(slot, &registration);
        }
        self.draft.batch.remove(Space::Identifiers, hash_key(earlier));
        self.put(Space::Identifiers, hash_key(newest), &record);
        Ok(())
    }

    pub(super) fn identifier(&self, hash: IdentifierHash) -> Result<Option<IdentifierRecord>, RegistryError> {
        self.read(Space::Identifiers, hash_key(hash))
    }

    /// Removes hashes that were made with a key whose time is over.
    fn drop_hashes(&mut self, number: u32, hashes: &[IdentifierHash]) -> Result<(), RegistryError> {
        for &hash in hashes {
            let Some(record) = self.identifier(hash)?.filter(|record| record.key == number) else { continue };
            for slot in record.members.iter().map(|member| Slot(member.slot)) {
                let mut registration = self.member(slot)?;
                let mut hashes = records::identifiers(&registration, slot)?;
                hashes.retain(|known| *known != hash);
                registration.identifiers = records::write_identifiers(&hashes);
                self.put_registration(slot, &registration);
            }
            self.draft.batch.remove(Space::Identifiers, hash_key(hash));
        }
        Ok(())
    }

    /// A claim forgets what its device offered, if that was hashed with a key whose time is over.
    fn drop_claimed(&mut self, number: u32, slot: Slot) -> Result<(), RegistryError> {
        let record: Option<RegistrationRecord> = self.read(Space::Registrations, slot_key(slot))?;
        let Some(mut record) = record.filter(|record| record.identifier_key == number) else { return Ok(()) };
        let mut kept = Vec::new();
        for hash in records::identifiers(&record, slot)? {
            let members = self.identifier(hash)?.unwrap_or_default().members;
            if members.iter().any(|member| member.slot == slot.0) {
                kept.push(hash);
            }
        }
        record.identifiers = records::write_identifiers(&kept);
        self.put_registration(slot, &record);
        Ok(())
    }

    /// Erases a key whose time is over, when this is durable: the store may still have needed it until then.
    fn erase_key(&mut self, number: u32) {
        self.draft.writes_state = true;
        self.draft.effects.erase_key(number);
    }
}

impl Shared {
    pub(super) fn validity(&self, now: Timestamp) -> Validity {
        Validity { now, overlap: self.key_overlap }
    }

    /// Looks for what was hashed with keys whose time is over, and has it removed; when nothing is left, the key.
    pub(super) fn look_at_keys(&self, mut ask: impl FnMut(KeyChange)) -> Result<(), RegistryError> {
        for number in self.keys.over(&self.validity(self.clock.now())) {
            let mut left = false;
            let mut hashes = Vec::new();
            for item in self.store.scan(Space::Identifiers) {
                let (key, payload) = item?;
                let record: IdentifierRecord = decode(Space::Identifiers, &key, &payload)?;
                if record.key == number {
                    left = true;
                    let hash = <[u8; 16]>::try_from(&*key).map_err(|_| damaged(Space::Identifiers, &key, "no hash"))?;
                    hashes.push(IdentifierHash(hash));
                }
                if hashes.len() == HASHES {
                    ask(KeyChange::Drop(number, std::mem::take(&mut hashes)));
                }
            }
            if !hashes.is_empty() {
                ask(KeyChange::Drop(number, hashes));
            }
            for slot in self.claims.slots() {
                if self.lists_hashes_of(number, slot)? {
                    left = true;
                    ask(KeyChange::DropClaimed(number, slot));
                }
            }
            if !left {
                ask(KeyChange::Erase(number));
            }
        }
        Ok(())
    }

    /// Whether a claim lists what its device offered, hashed with this key.
    fn lists_hashes_of(&self, number: u32, claim: Slot) -> Result<bool, RegistryError> {
        let record = match self.record(claim) {
            Err(RegistryError::NotFound) => return Ok(false),
            record => record?,
        };
        if record.holder.is_none() || record.identifier_key != number {
            return Ok(false);
        }
        for hash in records::identifiers(&record, claim)? {
            let key = hash_key(hash);
            let known = self.store.get(Space::Identifiers, key)?;
            let known = known.map(|payload| decode::<IdentifierRecord>(Space::Identifiers, key.as_bytes(), &payload));
            let members = known.transpose()?.unwrap_or_default().members;
            if members.iter().all(|member| member.slot != claim.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Erases a key that nothing needs any more. If that fails it is asked for again.
    pub(super) fn erase_key(&self, number: u32) {
        match self.keys.erase(number) {
            Ok(()) => self.record_end(&AuditEntry::server(Act::IdentityKeyErased)),
            Err(error) => tracing::error!(%error, "an identity key could not be erased"),
        }
    }
}

fn hash_key(hash: IdentifierHash) -> Key {
    Key::new(&[&hash.0])
}
