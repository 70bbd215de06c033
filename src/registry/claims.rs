//! Registrations that claim the CID of another (R-B1).
//!
//! Whoever knows a phone's identifiers can register with them, so that alone takes nothing from the registration that
//! is there, the *holder*. The newcomer is a registration of its own beside it, a *claim*: it has the holder's CID, and
//! its name says which claim it is. Only a proof makes one take the holder's place (`register`), or the end of the
//! holder: its partner deletes it, or it is [silent](Pending::is_silent) for so long that nobody is there who could be
//! silenced. The newest claim then holds the CID, and goes on being found by its old name too.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use parking_lot::RwLock;

use crate::domain::{Act, AuditEntry, ChannelKind, Cid, Installation, SignedDuration, Slot, Timestamp};
use crate::wire::storage_v1::RegistrationRecord;

use super::change::{Change, Pending};
use super::records::{self, cid_of, holder_of, installation_of, slot_key, subject_of};
use super::store::{Space, damaged};
use super::{RegistryError, Shared};

/// The most claims to one CID. A newcomer after them gets a CID of its own: nobody can push out who came before.
pub(super) const CLAIMS: usize = 4;

/// How exactly it is kept when a link was last open.
const SEEN: SignedDuration = SignedDuration::from_hours(24);

/// Which registrations have a live link. It is asked whether anybody would be silenced.
pub trait Links: Debug + Send + Sync {
    /// Whether a registration has one.
    fn is_linked(&self, slot: Slot) -> bool;

    /// Ends the link of a registration that is no more, or has another secret now.
    fn dismiss(&self, slot: Slot);
}

/// Nobody has a link.
#[derive(Debug)]
pub(super) struct NoLinks;

impl Links for NoLinks {
    fn is_linked(&self, _: Slot) -> bool {
        false
    }

    fn dismiss(&self, _: Slot) {}
}

/// The rule by which a claim comes to hold its CID.
#[derive(Debug)]
pub(super) struct Settling {
    /// How long the holder is to be silent.
    pub(super) wait: Duration,
    pub(super) links: Arc<dyn Links>,
}

/// Claims in memory. They are few beside the registrations that there are.
#[derive(Default)]
pub(super) struct Claims(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    /// By its name whoever is or was a claim.
    names: HashMap<(Cid, Installation), Slot>,
    /// Whoever is a claim, and the holder.
    holders: HashMap<Slot, Slot>,
}

impl Claims {
    /// The registration that a CID and an installation name.
    pub(super) fn get(&self, cid: Cid, installation: Installation) -> Option<Slot> {
        self.0.read().names.get(&(cid, installation)).copied()
    }

    /// How many claims there are.
    pub(super) fn len(&self) -> usize {
        self.0.read().holders.len()
    }

    /// Names whoever is or was a claim, or nobody any more.
    pub(super) fn name(&self, name: (Cid, Installation), slot: Option<Slot>) {
        let names = &mut self.0.write().names;
        match slot {
            Some(slot) => names.insert(name, slot),
            None => names.remove(&name),
        };
    }

    /// A claim to the CID of `holder`, or none any more.
    pub(super) fn set(&self, claim: Slot, holder: Option<Slot>) {
        let holders = &mut self.0.write().holders;
        match holder {
            Some(holder) => holders.insert(claim, holder),
            None => holders.remove(&claim),
        };
    }

    /// Whoever holds a CID that is claimed.
    fn holders(&self) -> BTreeSet<Slot> {
        self.0.read().holders.values().copied().collect()
    }

    /// Whoever is a claim.
    pub(super) fn slots(&self) -> Vec<Slot> {
        self.0.read().holders.keys().copied().collect()
    }

    /// Bytes on the heap, about.
    pub(super) fn memory_bytes(&self) -> usize {
        let inner = self.0.read();
        inner.names.capacity() * (size_of::<((Cid, Installation), Slot)>() + 1)
            + inner.holders.capacity() * (size_of::<(Slot, Slot)>() + 1)
    }
}

impl Pending<'_> {
    /// The slot of one more that claims the CID of `holder`; `None` if there is no room. A claim that is as silent as a
    /// holder must be to end makes way.
    pub(super) fn claim(&mut self, holder: Slot) -> Result<Option<Slot>, RegistryError> {
        let record = self.member(holder)?;
        if record.claims.len() >= CLAIMS {
            let mut silent = None;
            for slot in record.claims.iter().copied().map(Slot) {
                let claim = self.member(slot)?;
                if silent.is_none() && self.is_silent(slot, &claim, claim.created_us) {
                    silent = Some((slot, claim));
                }
            }
            let Some((slot, record)) = silent else { return Ok(None) };
            self.end_silent(slot, &record)?;
        }
        let slot = self.take_slot()?;
        let mut record = self.member(holder)?;
        record.claims.push(slot.0);
        self.put_registration(holder, &record);
        Ok(Some(slot))
    }

    /// Registers an app again on a device: its names and whoever claims its CID stay with it, nothing else.
    ///
    /// # Why
    ///
    /// It has another slot. The phone may have been sold: what was told in the slot before was told to somebody else,
    /// so that a cancel of it is nothing to the one who has the phone now, and a warning that is in force is. Whoever
    /// has only installed the app again is warned again of what is in force.
    pub(super) fn again(
        &mut self,
        before: Slot,
        mut record: RegistrationRecord,
    ) -> Result<(Slot, RegistrationRecord), RegistryError> {
        let slot = self.take_slot()?;
        self.remove_tokens(before, &record);
        self.remove_identifiers(before, &record)?;
        if let Some(holder) = holder_of(&record) {
            let mut known = self.member(holder)?;
            known.claims.iter_mut().filter(|claim| **claim == before.0).for_each(|claim| *claim = slot.0);
            self.put_registration(holder, &known);
            self.draft.effects.holder(before, None);
        }
        for claim in record.claims.iter().copied().map(Slot) {
            let mut known = self.member(claim)?;
            known.holder = Some(slot.0);
            self.put_registration(claim, &known);
            self.draft.effects.holder(claim, Some(slot));
        }
        self.vacate(before, &mut record);
        self.draft.effects.lock_anew(before);
        Ok((slot, what_comes_back(record)))
    }

    /// Gives every name of a registration to it.
    pub(super) fn name(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        let (cid, holder) = (cid_of(record, slot)?, holder_of(record));
        if holder.is_none() {
            self.draft.effects.name(cid, Some(slot));
        }
        if let Some(installation) = installation_of(record, slot)? {
            self.draft.effects.claim((cid, installation), Some(slot));
            self.draft.effects.holder(slot, holder);
        }
        Ok(())
    }

    /// Takes its names from a registration that ends. The newest of its claims holds the CID then; if it is a claim,
    /// the holder has one less.
    pub(super) fn unname(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        let cid = cid_of(record, slot)?;
        if let Some(installation) = installation_of(record, slot)? {
            self.draft.effects.claim((cid, installation), None);
            self.draft.effects.holder(slot, None);
        }
        if let Some(holder) = holder_of(record) {
            let mut known = self.member(holder)?;
            known.claims.retain(|claim| *claim != slot.0);
            self.put_registration(holder, &known);
            return Ok(());
        }
        self.draft.effects.name(cid, None);
        let mut claims = record.claims.clone();
        let Some(heir) = claims.pop().map(Slot) else { return Ok(()) };
        for claim in claims.iter().copied().map(Slot) {
            let mut known = self.member(claim)?;
            known.holder = Some(heir.0);
            self.put_registration(claim, &known);
            self.draft.effects.holder(claim, Some(heir));
        }
        let mut known = self.member(heir)?;
        (known.holder, known.claims) = (None, claims);
        // What its device offered means it from now on, as far as it meant the one that ends or nobody.
        let hashes = records::identifiers(&known, heir)?;
        let hashes = self.add_identifiers(heir, records::app_of(&known), &hashes, known.identifier_key)?;
        known.identifiers = records::write_identifiers(&hashes);
        known.identifier_key = 0;
        self.name(heir, &known)?;
        self.put_registration(heir, &known);
        Ok(())
    }

    /// A registration that another one names.
    pub(super) fn member(&self, slot: Slot) -> Result<RegistrationRecord, RegistryError> {
        let record = self.read(Space::Registrations, slot_key(slot))?;
        record.ok_or_else(|| damaged(Space::Registrations, &slot.0.to_be_bytes(), "missing, though it is named"))
    }

    /// The holder's place goes to the newest claim, if nobody is there who would be silenced.
    pub(super) fn settle(&mut self, slot: Slot) -> Result<(), RegistryError> {
        let record: Option<RegistrationRecord> = self.read(Space::Registrations, slot_key(slot))?;
        let Some(record) = record.filter(|record| !record.claims.is_empty()) else { return Ok(()) };
        let oldest = self.member(Slot(record.claims[0]))?;
        if self.is_silent(slot, &record, oldest.created_us) {
            self.end_silent(slot, &record)?;
        }
        Ok(())
    }

    /// The link of a registration was open then.
    pub(super) fn seen(&mut self, slot: Slot, at: Timestamp) -> Result<(), RegistryError> {
        let record: Option<RegistrationRecord> = self.read(Space::Registrations, slot_key(slot))?;
        if let Some(mut record) = record {
            record.seen_us = record.seen_us.max(at.as_microsecond());
            self.put_registration(slot, &record);
        }
        Ok(())
    }

    /// Whether nobody would be silenced if a registration ended: it has no vendor address left, no link, and has shown
    /// no sign of life for as long as is to be waited, and not since `since_us`.
    ///
    /// # Why
    ///
    /// An address that its vendor has not called gone is as good as a phone that is there: many are told by it alone
    /// and are not heard of for months. That an address is gone is not enough either: vendors change addresses, and
    /// until the phone's app has told the new one it may be its link that tells it. Whoever knows its identifiers could
    /// wait for that moment.
    fn is_silent(&self, slot: Slot, record: &RegistrationRecord, since_us: i64) -> bool {
        let Settling { wait, links } = &self.shared.settling;
        let placed = self.place_of(slot).map_or(i64::MIN, |(_, at)| at.as_microsecond());
        let last = since_us.max(record.updated_us).max(record.seen_us).max(placed);
        let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        record.channels == 0 && self.now.as_microsecond().saturating_sub(last) >= wait && !links.is_linked(slot)
    }

    /// Ends a registration that nobody has deleted.
    fn end_silent(&mut self, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        let object = self.shared.directory.read().app_name(records::app_of(record)).map(|app| app.to_string().into());
        let (subjects, object) = (vec![subject_of(record, slot)?], object.unwrap_or_default());
        self.delete(slot)?;
        let entry = AuditEntry { subjects, object, ..AuditEntry::server(Act::RegistrationEnded) };
        self.draft.effects.end(slot, entry);
        Ok(())
    }
}

impl Shared {
    /// What is to be done with those who hold a CID that is claimed: they may be silent, or their link is open, though
    /// that was not noted for a while.
    pub(super) fn look_at_claims(&self) -> Vec<Change> {
        self.claimed(self.clock.now()).unwrap_or_else(|error| {
            tracing::error!(%error, "claims cannot be looked after");
            Vec::new()
        })
    }

    fn claimed(&self, now: Timestamp) -> Result<Vec<Change>, RegistryError> {
        let mut changes = Vec::new();
        for slot in self.claims.holders() {
            if self.settling.links.is_linked(slot) {
                let record = match self.record(slot) {
                    Err(RegistryError::NotFound) => continue,
                    record => record?,
                };
                if is_long_ago(&record, now) {
                    changes.push(Change::Seen(slot, now));
                }
            } else if !ChannelKind::ALL.iter().any(|channel| self.facts.row(slot).channels & channel.bit() != 0) {
                changes.push(Change::Settle(slot));
            }
        }
        Ok(changes)
    }

    /// Appends what the house did by itself to the audit log.
    pub(super) fn record_end(&self, entry: &AuditEntry) {
        if let Some(audit) = &self.audit {
            drop(audit.append(entry));
        }
    }
}

/// Whether an open link of a registration is to be noted.
pub(super) fn is_to_be_noted(record: &RegistrationRecord, now: Timestamp) -> bool {
    (record.holder.is_some() || !record.claims.is_empty()) && is_long_ago(record, now)
}

fn is_long_ago(record: &RegistrationRecord, now: Timestamp) -> bool {
    now.duration_since(records::instant(record.seen_us)) >= SEEN
}

/// The same app on the same device: its names come back, and who claims the CID; consents, places, tokens and secret do
/// not.
fn what_comes_back(record: RegistrationRecord) -> RegistrationRecord {
    RegistrationRecord {
        cid: record.cid,
        app: record.app,
        device: record.device,
        gid_seed: record.gid_seed,
        created_us: record.created_us,
        installation: record.installation,
        holder: record.holder,
        claims: record.claims,
        ..RegistrationRecord::default()
    }
}
