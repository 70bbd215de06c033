//! Consents that end by themselves, told when they have.
//!
//! What needs a consent reads when it ends, so that it counts no moment longer; this is for those who are told of it. A
//! registration whose consents have an end has a row at the first of them; the keeper finds the rows whose time has
//! come, and the writer looks what has really ended, and puts a row for what ends next.

use crate::domain::{EventKind, PolicyVersion, Purpose, Slot, Timestamp};
use crate::wire::storage_v1::{ConsentRecord, EndingRecord, RegistrationRecord};

use super::change::{Change, Pending};
use super::effects::Forgotten;
use super::records::{purpose_of, slot_key};
use super::store::{Key, Space, damaged};
use super::{RegistryError, Shared};

/// The most rows that the keeper takes up in one look.
const LOOKED_AT: usize = 50_000;

/// The keeper looks at rows from so long before its last look on: the clock may have been set back a little.
const SLACK_US: i64 = 600_000_000;

/// Where the keeper looks for rows: what was removed before it is not walked over again.
#[derive(Debug, Default)]
pub(super) struct Search {
    from_us: i64,
}

impl Search {
    /// The rows whose time has come.
    pub(super) fn due(&mut self, shared: &Shared, now: Timestamp) -> Result<Vec<Change>, RegistryError> {
        let now_us = now.as_microsecond();
        let mut due = Vec::new();
        let from = ending_key(self.from_us.min(now_us), Slot(0));
        let to = ending_key(now_us.saturating_add(1), Slot(0));
        for item in shared.store.range(Space::Endings, from, Some(to)).take(LOOKED_AT) {
            let (key, _) = item?;
            let (at_us, slot) = read_key(&key).ok_or_else(|| damaged(Space::Endings, &key, "not an ending"))?;
            due.push(Change::End(at_us, slot));
        }
        self.from_us = match due.first() {
            // They are there until the writer has come to them.
            Some(Change::End(first_us, _)) => *first_us,
            _ => now_us.saturating_sub(SLACK_US).max(0),
        };
        Ok(due)
    }
}

impl Pending<'_> {
    /// Puts the row for what ends next of a registration's consents.
    pub(super) fn arm(&mut self, slot: Slot, record: &RegistrationRecord) {
        let ends = record.consents.iter().filter(|consent| !consent.end_told).filter_map(|consent| consent.expires_us);
        if let Some(next_us) = ends.min() {
            // What had ended before it was given is told at the next look too.
            let at_us = next_us.max(self.now.as_microsecond());
            self.put(Space::Endings, ending_key(at_us, slot), &EndingRecord {});
        }
    }

    /// A row's time has come: tells what has ended of the registration's consents, once.
    pub(super) fn end(&mut self, at_us: i64, slot: Slot) -> Result<(), RegistryError> {
        self.draft.batch.remove(Space::Endings, ending_key(at_us, slot));
        let Some(mut record) = self.read::<RegistrationRecord>(Space::Registrations, slot_key(slot))? else {
            return Ok(());
        };
        let now_us = self.now.as_microsecond();
        let has_ended =
            |consent: &ConsentRecord| !consent.end_told && consent.expires_us.is_some_and(|end_us| end_us <= now_us);
        let mut ended = Vec::new();
        for consent in record.consents.iter_mut().filter(|consent| has_ended(consent)) {
            consent.end_told = true;
            ended.push(consent.clone());
        }
        for consent in &ended {
            if let Some(purpose) = purpose_of(consent) {
                self.tell(slot, &record, &EventKind::ConsentExpired(purpose, PolicyVersion(consent.policy as u16)));
            }
        }
        let mut forgotten = Forgotten::default();
        if ended.iter().any(|consent| purpose_of(consent) == Some(Purpose::Location)) {
            forgotten.without_consent += u64::from(self.reported_us(slot).is_some());
            self.forget_place(slot, &mut record);
        }
        if ended.iter().any(|consent| purpose_of(consent) == Some(Purpose::SavedPlaces)) {
            forgotten.without_consent += record.saved_places.len() as u64;
            self.remove_saved_places(slot, &mut record);
        }
        self.draft.effects.forget(forgotten);
        if !ended.is_empty() {
            self.put_registration(slot, &record);
        }
        self.arm(slot, &record);
        Ok(())
    }
}

fn ending_key(at_us: i64, slot: Slot) -> Key {
    Key::new(&[&at_us.max(0).cast_unsigned().to_be_bytes(), &slot.0.to_be_bytes()])
}

fn read_key(key: &[u8]) -> Option<(i64, Slot)> {
    let (at_us, slot) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*at_us).cast_signed(), Slot(u32::from_be_bytes(slot.try_into().ok()?))))
}
