//! What doors read.

use crate::domain::{
    AppName, AppSlot, AuditSubject, ChannelKind, DeviceSlot, LinkSecret, PartnerName, PrivacyPolicy, Private, Purpose,
    Registration, RegistrationName, Slot, Token,
};
use crate::wire::storage_v1::{RegistrationRecord, TokenRecord};

use super::change::Change;
use super::claims::is_to_be_noted;
use super::identity::is_secret;
use super::places::Reported;
use super::records::{self, decode, gid_seed_of, slot_key, subject_of, token_key};
use super::store::{Key, Payload, Space, damaged};
use super::writer::Job;
use super::{Profile, Registry, RegistryError, Shared};

impl Registry {
    /// A registration.
    pub fn get(&self, name: &RegistrationName) -> Result<Registration, RegistryError> {
        self.shared()?.read(self.slot(name)?)
    }

    /// Who is registered under this name, for the audit log.
    pub fn subject(&self, name: &RegistrationName) -> Result<AuditSubject, RegistryError> {
        let slot = self.slot(name)?;
        subject_of(&self.shared()?.record(slot)?, slot)
    }

    /// Whose link this is, if the secret is right. A wrong name and a wrong secret are answered alike.
    pub fn authenticate(&self, name: &RegistrationName, secret: &LinkSecret) -> Result<Option<Slot>, RegistryError> {
        match self.slot(name).and_then(|slot| Ok((slot, self.shared()?.record(slot)?))) {
            Ok((slot, record)) if is_secret(secret, &record.secret_sha256) => {
                let open = self.opened()?;
                let now = open.shared.now();
                if is_to_be_noted(&record, now) {
                    // Nobody waits for it: the keeper will see the link.
                    let _ = open.jobs.try_send(Job::by_itself(vec![Change::Seen(slot, now)]));
                }
                Ok(Some(slot))
            }
            Ok(_) | Err(RegistryError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An app's registrations in the order in which they were made, up to `most`, and where to go on. Looks at the rows
    /// of all apps: not for an I/O thread.
    pub fn list(
        &self,
        app: &AppName,
        most: usize,
        page_token: &str,
    ) -> Result<(Vec<Registration>, Option<String>), RegistryError> {
        let shared = self.shared()?;
        let app = shared.app_slot(app)?;
        let first = match page_token {
            "" => Slot(0),
            token => shared.keys.page_slot(app, token).ok_or(RegistryError::PageToken)?,
        };
        let mut found = Vec::new();
        for (slot, _) in shared.facts.live(first).filter(|(_, facts)| facts.app() == app) {
            if found.len() == most {
                return Ok((found, Some(shared.keys.page_token(app, slot, rand::random()))));
            }
            match shared.read(slot) {
                Ok(registration) => found.push(registration),
                // Deleted just now.
                Err(RegistryError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((found, None))
    }

    /// A partner.
    pub fn partner(&self, name: &PartnerName) -> Result<Profile, RegistryError> {
        self.shared()?.directory.read().partner(name).cloned().ok_or(RegistryError::UnknownPartner)
    }

    /// Partners by name, from `first` on, up to `most`.
    pub fn partners(
        &self,
        first: Option<&PartnerName>,
        most: usize,
    ) -> Result<Vec<(PartnerName, Profile)>, RegistryError> {
        let directory = self.shared()?.directory.read();
        let partners = directory.partners(first).take(most);
        Ok(partners.map(|(name, profile)| (name.clone(), profile.clone())).collect())
    }

    /// How far a partner has retired its privacy policy.
    pub fn policy(&self, partner: &PartnerName) -> Result<PrivacyPolicy, RegistryError> {
        self.shared()?.directory.read().policy(partner).ok_or(RegistryError::UnknownPartner)
    }

    /// The app with this number.
    pub fn app_name(&self, slot: AppSlot) -> Option<AppName> {
        self.shared().ok()?.directory.read().app_name(slot).cloned()
    }

    /// An app.
    pub fn app(&self, name: &AppName) -> Result<Profile, RegistryError> {
        let directory = self.shared()?.directory.read();
        directory.app(name).map(|(_, profile)| profile.clone()).ok_or(RegistryError::UnknownApp)
    }

    /// A partner's apps by name, from `first` on, up to `most`.
    pub fn apps(
        &self,
        partner: &PartnerName,
        first: Option<&AppName>,
        most: usize,
    ) -> Result<Vec<(AppName, Profile)>, RegistryError> {
        self.partner(partner)?;
        let directory = self.shared()?.directory.read();
        let apps = directory.apps(partner, first).take(most);
        Ok(apps.map(|(name, profile)| (name.clone(), profile.clone())).collect())
    }

    /// The slot of a registration.
    pub fn slot(&self, name: &RegistrationName) -> Result<Slot, RegistryError> {
        let shared = self.shared()?;
        let app = shared.app_slot(&name.app).map_err(|_| RegistryError::NotFound)?;
        let slot = shared.find(name);
        slot.filter(|&slot| self.is_of(slot, app)).ok_or(RegistryError::NotFound)
    }

    /// The slots of many registrations.
    pub(super) fn slots<'n>(
        &self,
        names: impl Iterator<Item = &'n RegistrationName> + Clone,
    ) -> Result<Vec<Result<Slot, RegistryError>>, RegistryError> {
        let shared = self.shared()?;
        let mut slots = shared.names.get_all(names.clone().map(|name| name.cid));
        for (slot, name) in slots.iter_mut().zip(names.clone()).filter(|(_, name)| name.installation.is_some()) {
            *slot = shared.find(name);
        }
        // As good as always all are of one app.
        let mut last: Option<(&AppName, Option<AppSlot>)> = None;
        let mut app = |name: &'n AppName| match last {
            Some((known, app)) if known == name => app,
            _ => last.insert((name, shared.app_slot(name).ok())).1,
        };
        let apps = names.map(|name| app(&name.app));
        let own = |(slot, app): (Option<Slot>, Option<AppSlot>)| {
            slot.filter(|&slot| app.is_some_and(|app| self.is_of(slot, app))).ok_or(RegistryError::NotFound)
        };
        Ok(slots.into_iter().zip(apps).map(own).collect())
    }

    fn is_of(&self, slot: Slot, app: AppSlot) -> bool {
        let facts = self.facts(slot);
        facts.is_live() && facts.app() == app
    }
}

impl Shared {
    /// Whoever has this name, of whichever app.
    fn find(&self, name: &RegistrationName) -> Option<Slot> {
        match name.installation {
            Some(installation) => self.claims.get(name.cid, installation),
            None => self.names.get(name.cid),
        }
    }

    pub(super) fn record(&self, slot: Slot) -> Result<RegistrationRecord, RegistryError> {
        let key = slot_key(slot);
        let payload = self.store.get(Space::Registrations, key)?.ok_or(RegistryError::NotFound)?;
        decode(Space::Registrations, key.as_bytes(), &payload)
    }

    fn read(&self, slot: Slot) -> Result<Registration, RegistryError> {
        self.registration(slot, &self.record(slot)?, self.places.get(slot), |space, key| self.store.get(space, key))
    }

    /// A registration as the domain has it, with its addresses from where `values` finds them.
    pub(super) fn registration(
        &self,
        slot: Slot,
        record: &RegistrationRecord,
        place: Option<Reported>,
        values: impl Fn(Space, Key) -> Result<Option<Payload>, RegistryError>,
    ) -> Result<Registration, RegistryError> {
        let bad = |reason| damaged(Space::Registrations, &slot.0.to_be_bytes(), reason);
        let app = records::app_of(record);
        let name = self.directory.read().app_name(app).cloned().ok_or_else(|| bad("of an unknown app"))?;
        let tokens = records::channels(record.channels).map(|channel| {
            let missing = || damaged(Space::Tokens, token_key(slot, channel).as_bytes(), "missing");
            token(slot, channel, &values)?.ok_or_else(missing)
        });
        // One whose consent has ended a moment ago, or that has got too old, is not shown though it may still be there.
        let now = self.clock.now();
        let may_be_shown = |(_, at): &Reported| {
            let counts = self.counts(records::grant(record, Purpose::Location), app, now);
            counts && !self.is_stale(at.as_microsecond(), now)
        };
        let place = place.filter(may_be_shown);
        Ok(Registration {
            subject: subject_of(record, slot)?,
            gid: self.keys.pseudonym(&name.partner, gid_seed_of(record, slot)?),
            name: records::name_of(name, record, slot)?,
            slot,
            device: DeviceSlot(slot.0),
            app,
            traits: record.traits.as_ref().map(records::read_traits).ok_or_else(|| bad("no traits"))?,
            tokens: tokens.collect::<Result<_, _>>()?,
            gone: records::channels(record.gone_channels).collect(),
            consents: records::read_consents(record),
            under_14: record.under_14,
            drills: record.drills,
            preferences: records::read_preferences(record),
            place_precision: records::precision(record),
            place: place.map(|(place, _)| place),
            place_time: place.map(|(_, at)| at),
            created: records::instant(record.created_us),
            updated: records::instant(record.updated_us),
        })
    }
}

/// An address, from where `values` finds it.
pub(super) fn token(
    slot: Slot,
    channel: ChannelKind,
    values: impl Fn(Space, Key) -> Result<Option<Payload>, RegistryError>,
) -> Result<Option<Token>, RegistryError> {
    let key = token_key(slot, channel);
    let Some(payload) = values(Space::Tokens, key)? else { return Ok(None) };
    let record: TokenRecord = decode(Space::Tokens, key.as_bytes(), &payload)?;
    Ok(Some(Token { channel, value: Private::new(record.value) }))
}
