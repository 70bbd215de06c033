//! Partners and their apps: few, and all in memory.

use std::collections::BTreeMap;

use crate::domain::{AppName, AppSlot, PartnerName, PolicyVersion, PrivacyPolicy, Timestamp};
use crate::wire::storage_v1::{AppRecord, PartnerRecord};

use super::RegistryError;
use super::change::Pending;
use super::records::number_key;
use super::store::Space;

/// A partner or an app, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What people call it, at most 128 characters.
    pub display_name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// Every partner and app.
#[derive(Debug, Default)]
pub(super) struct Directory {
    partners: BTreeMap<PartnerName, Partner>,
    apps: BTreeMap<AppName, (AppSlot, Profile)>,
    by_slot: Vec<AppName>,
    /// A partner's number is its position.
    numbered: Vec<PartnerName>,
    numbers: BTreeMap<PartnerName, u16>,
}

/// A partner, and its privacy policy.
#[derive(Debug)]
struct Partner {
    profile: Profile,
    policy: PrivacyPolicy,
}

/// The policy of a partner that has retired none of it.
pub(super) const NOTHING_RETIRED: PrivacyPolicy = PrivacyPolicy { oldest_valid: PolicyVersion(1), retired: None };

impl Directory {
    pub(super) fn partner(&self, name: &PartnerName) -> Option<&Profile> {
        self.partners.get(name).map(|partner| &partner.profile)
    }

    /// A partner's privacy policy.
    pub(super) fn policy(&self, name: &PartnerName) -> Option<PrivacyPolicy> {
        self.partners.get(name).map(|partner| partner.policy)
    }

    pub(super) fn set_policy(&mut self, name: &PartnerName, policy: PrivacyPolicy) {
        if let Some(partner) = self.partners.get_mut(name) {
            partner.policy = policy;
        }
    }

    /// The numbers of a partner's apps.
    pub(super) fn app_slots(&self, partner: &PartnerName) -> impl Iterator<Item = AppSlot> {
        self.apps.iter().filter(move |(name, _)| name.partner == *partner).map(|(_, (slot, _))| *slot)
    }

    /// Partners from `first` on, by name.
    pub(super) fn partners(&self, first: Option<&PartnerName>) -> impl Iterator<Item = (&PartnerName, &Profile)> {
        let partners = self.partners.iter().filter(move |(name, _)| first.is_none_or(|first| *name >= first));
        partners.map(|(name, partner)| (name, &partner.profile))
    }

    pub(super) fn app(&self, name: &AppName) -> Option<&(AppSlot, Profile)> {
        self.apps.get(name)
    }

    /// A partner's apps from `first` on, by name.
    pub(super) fn apps(
        &self,
        partner: &PartnerName,
        first: Option<&AppName>,
    ) -> impl Iterator<Item = (&AppName, &Profile)> {
        let own = self.apps.iter().filter(move |(name, _)| name.partner == *partner);
        own.filter(move |(name, _)| first.is_none_or(|first| *name >= first))
            .map(|(name, (_, profile))| (name, profile))
    }

    pub(super) fn app_name(&self, slot: AppSlot) -> Option<&AppName> {
        self.by_slot.get(usize::from(slot.0))
    }

    /// The number of a partner.
    pub(super) fn partner_number(&self, name: &PartnerName) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// The number of the partner whose app it is.
    pub(super) fn partner_of(&self, app: AppSlot) -> Option<u16> {
        self.partner_number(&self.app_name(app)?.partner)
    }

    /// Names of a partner's apps, at the positions of their numbers.
    pub(super) fn apps_of(&self, partner: u16) -> Vec<Option<AppName>> {
        let partner = self.partner_at(partner);
        self.by_slot.iter().map(|app| Some(app).filter(|app| Some(&app.partner) == partner).cloned()).collect()
    }

    /// The partner of a number.
    pub(super) fn partner_at(&self, number: u16) -> Option<&PartnerName> {
        self.numbered.get(usize::from(number))
    }

    pub(super) fn partner_count(&self) -> usize {
        self.partners.len()
    }

    pub(super) fn app_count(&self) -> usize {
        self.by_slot.len()
    }

    /// Adds a partner under the next number.
    pub(super) fn add_partner(&mut self, name: PartnerName, profile: Profile) {
        self.numbers.insert(name.clone(), self.numbered.len() as u16);
        self.numbered.push(name.clone());
        self.partners.insert(name, Partner { profile, policy: NOTHING_RETIRED });
    }

    /// Adds an app under the next number, which it returns.
    pub(super) fn add_app(&mut self, name: AppName, profile: Profile) -> AppSlot {
        let slot = AppSlot(self.by_slot.len() as u16);
        self.by_slot.push(name.clone());
        self.apps.insert(name, (slot, profile));
        slot
    }
}

impl Pending<'_> {
    pub(super) fn add_partner(&mut self, name: PartnerName, profile: Profile) -> Result<(), RegistryError> {
        if self.made.effects.adds_partner(&name) || self.shared.directory.read().partner(&name).is_some() {
            return Err(RegistryError::AlreadyExists);
        }
        let number = u16::try_from(self.partners).map_err(|_| RegistryError::Full("partners"))?;
        self.partners += 1;
        let (id, display_name) = (name.id().to_owned(), profile.display_name.clone());
        let created_us = profile.created.as_microsecond();
        let record = PartnerRecord { id, display_name, created_us, ..PartnerRecord::default() };
        self.put(Space::Partners, number_key(number), &record);
        self.draft.effects.partner(name, profile);
        Ok(())
    }

    pub(super) fn add_app(&mut self, name: AppName, profile: Profile) -> Result<(), RegistryError> {
        let directory = self.shared.directory.read();
        if directory.partner(&name.partner).is_none() {
            return Err(RegistryError::UnknownPartner);
        }
        if self.made.effects.adds_app(&name) || directory.app(&name).is_some() {
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
        self.draft.effects.app(name, profile);
        Ok(())
    }
}
