//! What a change of what somebody agreed to does: it holds at once, and takes the place with it that it allowed.

use crate::domain::{AppSlot, Consent, EventKind, PartnerName, PolicyVersion, PrivacyPolicy, Purpose, Slot};
use crate::plan::Grant;
use crate::wire::storage_v1::{ConsentRecord, PartnerRecord, RegistrationRecord};

use super::change::{Change, Pending};
use super::effects::{Forgotten, Loss};
use super::records::{self, number_key, slot_key};
use super::store::{Space, damaged};
use super::{Registry, RegistryError};

impl Registry {
    /// Retires a partner's privacy policy up to a version: what was agreed to under it counts no more for everything
    /// planned after this returns.
    pub async fn retire_policy(
        &self,
        partner: PartnerName,
        version: PolicyVersion,
    ) -> Result<PrivacyPolicy, RegistryError> {
        self.change(Change::RetirePolicy(partner.clone(), version)).await?;
        self.policy(&partner)
    }
}

impl Pending<'_> {
    /// Only with consent is a place held (R-P1).
    pub(super) fn may_be_held(&self, location: Grant, app: AppSlot) -> Result<(), RegistryError> {
        if self.shared.counts(location, app, self.now) { Ok(()) } else { Err(RegistryError::NoLocationConsent) }
    }

    fn holds_place(&self, record: &RegistrationRecord) -> bool {
        let location = records::grant(record, Purpose::Location);
        self.shared.counts(location, records::app_of(record), self.now)
    }

    /// No consent is recorded under a version of the policy that is retired, and for a child none but a guardian's.
    pub(super) fn may_be_granted(
        &self,
        app: AppSlot,
        under_14: bool,
        consents: &[Consent],
    ) -> Result<(), RegistryError> {
        let oldest = self.shared.policies.oldest_valid(app);
        for (position, consent) in consents.iter().enumerate() {
            if consent.policy < oldest {
                return Err(RegistryError::PolicyRetired { consent: position, oldest: oldest.0 });
            }
            if under_14 && consent.guardian.is_none() {
                return Err(RegistryError::NoGuardian { consent: position });
            }
        }
        Ok(())
    }

    /// Unless its person has agreed anew, or the phone has reported anew, meanwhile.
    pub(super) fn expire(&mut self, slot: Slot) -> Result<(), RegistryError> {
        let record: Option<RegistrationRecord> = self.read(Space::Registrations, slot_key(slot))?;
        // One that is deleted has no place any more.
        let Some(mut record) = record else { return Ok(()) };
        let mut forgotten = Forgotten::default();
        match self.reported_us(slot) {
            Some(_) if !self.holds_place(&record) => forgotten.without_consent += 1,
            Some(us) if self.shared.is_stale(us, self.now) => forgotten.stale += 1,
            _ => {}
        }
        if forgotten != Forgotten::default() {
            self.forget_place(slot, &mut record);
        }
        if !record.saved_places.is_empty() && !self.holds_saved_places(&record) {
            forgotten.without_consent += record.saved_places.len() as u64;
            self.remove_saved_places(slot, &mut record);
        }
        if forgotten != Forgotten::default() {
            self.draft.effects.forget(forgotten);
            self.put_registration(slot, &record);
        }
        Ok(())
    }

    pub(super) fn grant(&mut self, slot: Slot, consent: &Consent) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        self.may_be_granted(records::app_of(&record), record.under_14, std::slice::from_ref(consent))?;
        // What was not loaded does not come back, since it was held under a consent that has ended. Of places that are
        // followed nobody can tell whether they were.
        let not_loaded = self.reported_us(slot).is_some() && self.place_of(slot).is_none();
        let held_saved = self.holds_saved_places(&record);
        let purpose = records::purpose_number(consent.purpose);
        record.consents.retain(|known| known.purpose != purpose);
        record.consents.push(records::write_consent(consent));
        self.tell(slot, &record, &EventKind::ConsentGranted(consent.purpose, consent.policy));
        self.arm(slot, &record);
        if not_loaded || !self.holds_place(&record) {
            self.forget_place(slot, &mut record);
        }
        if !held_saved || !self.holds_saved_places(&record) {
            self.remove_saved_places(slot, &mut record);
        }
        self.put_changed(slot, &mut record);
        Ok(())
    }

    /// Holds at once (R-P2); without consent to location the place goes with it.
    pub(super) fn withdraw(&mut self, slot: Slot, purpose: Purpose) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        let number = records::purpose_number(purpose);
        if let Some(ended) = record.consents.iter().find(|known| known.purpose == number) {
            let policy = PolicyVersion(ended.policy as u16);
            self.tell(slot, &record, &EventKind::ConsentWithdrawn(purpose, policy));
        }
        record.consents.retain(|known| known.purpose != number);
        match purpose {
            Purpose::Location => self.forget_place(slot, &mut record),
            Purpose::SavedPlaces => self.remove_saved_places(slot, &mut record),
            _ => {}
        }
        self.draft.effects.lose(Loss::Consent(slot, purpose));
        self.put_changed(slot, &mut record);
        Ok(())
    }

    /// That a person is under 14 ends what no guardian agreed to, at once and for good (R-P4). Returns for which
    /// purposes.
    pub(super) fn set_under_14(&mut self, slot: Slot, record: &mut RegistrationRecord, under_14: bool) -> Vec<Purpose> {
        record.under_14 = under_14;
        if !under_14 {
            return Vec::new();
        }
        let (kept, ended): (Vec<_>, Vec<ConsentRecord>) =
            std::mem::take(&mut record.consents).into_iter().partition(|known| known.guardian.is_some());
        record.consents = kept;
        let terms = |known: &ConsentRecord| Some((records::purpose_of(known)?, PolicyVersion(known.policy as u16)));
        let ended: Vec<_> = ended.iter().filter_map(terms).collect();
        for &(purpose, policy) in &ended {
            self.tell(slot, record, &EventKind::ConsentExpired(purpose, policy));
            self.draft.effects.lose(Loss::Consent(slot, purpose));
        }
        let ended: Vec<_> = ended.into_iter().map(|(purpose, _)| purpose).collect();
        if ended.contains(&Purpose::Location) {
            self.forget_place(slot, record);
        }
        if ended.contains(&Purpose::SavedPlaces) {
            self.remove_saved_places(slot, record);
        }
        ended
    }

    /// What was agreed to under these versions counts no more, though it stands in every record: the version that
    /// counts is looked up by app. Retiring what is retired already changes nothing.
    pub(super) fn retire_policy(&mut self, partner: PartnerName, version: PolicyVersion) -> Result<(), RegistryError> {
        let directory = self.shared.directory.read();
        let number = directory.partner_number(&partner).ok_or(RegistryError::UnknownPartner)?;
        let apps = directory.app_slots(&partner).collect();
        drop(directory);
        let key = number_key(number);
        let record: Option<PartnerRecord> = self.read(Space::Partners, key)?;
        let mut record = record.ok_or_else(|| damaged(Space::Partners, key.as_bytes(), "missing"))?;
        let oldest_valid = PolicyVersion(version.0.saturating_add(1));
        if record.oldest_policy >= u32::from(oldest_valid.0) {
            return Ok(());
        }
        record.oldest_policy = oldest_valid.0.into();
        record.policy_retired_us = self.now.as_microsecond();
        self.put(Space::Partners, key, &record);
        let policy = PrivacyPolicy { oldest_valid, retired: Some(self.now) };
        self.draft.effects.lose(Loss::Policies(apps, policy));
        self.draft.effects.policy(partner, policy);
        Ok(())
    }
}
