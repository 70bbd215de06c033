//! Between domain types and what is on disk (`hazardcast.storage.v1`).

use bytes::Bytes;
use prost::Message;

use crate::domain::{
    AppName, AppSlot, AuditSubject, ChannelKind, Cid, Consent, ConsentOrigin, DeviceTraits, Hazards, Installation,
    Language, Platform, PolicyVersion, Preferences, Purpose, QuietHours, RegistrationName, Severity, Slot, Timestamp,
};
use crate::plan::{Facts, Flags, Grant};
use crate::wire::storage_v1::{ConsentRecord, PreferencesRecord, QuietHoursRecord, RegistrationRecord, TraitsRecord};

use super::RegistryError;
use super::identity::{DeviceId, IdentifierHash};
use super::languages::Languages;
use super::store::{Key, Space, damaged};
use super::wishes::Wishes;

pub(super) fn slot_key(slot: Slot) -> Key {
    Key::new(&[&slot.0.to_be_bytes()])
}

pub(super) fn token_key(slot: Slot, channel: ChannelKind) -> Key {
    Key::new(&[&slot.0.to_be_bytes(), &[channel as u8]])
}

pub(super) fn number_key(number: u16) -> Key {
    Key::new(&[&number.to_be_bytes()])
}

pub(super) fn zone_key(key: u32) -> Key {
    Key::new(&[&key.to_be_bytes()])
}

/// The slot that a key of four bytes names.
pub(super) fn slot_of(key: &[u8]) -> Option<Slot> {
    Some(Slot(u32::from_be_bytes(key.try_into().ok()?)))
}

pub(super) fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The row that planning reads.
pub(super) fn facts(
    slot: Slot,
    record: &RegistrationRecord,
    languages: &Languages,
    wishes: &Wishes,
    now: Timestamp,
) -> Facts {
    let mut row = Facts {
        device: slot.0,
        app: record.app as u16,
        channels: record.channels as u16,
        emergency: grant(record, Purpose::EmergencyPush),
        location: grant(record, Purpose::Location),
        flags: Flags(Flags::LIVE | if record.drills { Flags::DRILLS } else { 0 }),
        ..Facts::default()
    };
    let tags = record.traits.iter().flat_map(|traits| &traits.languages);
    let read = tags.filter_map(|tag| Language::parse(tag).ok());
    for (place, language) in row.languages.iter_mut().zip(read) {
        *place = languages.intern(&language);
    }
    if record.preferences.is_none() {
        return row;
    }
    let zone = record.traits.as_ref().map_or("", |traits| &traits.time_zone);
    row.with_preferences(wishes.intern(&read_preferences(record), zone, now))
}

/// The grant for a purpose; the empty one where there is none.
pub(super) fn grant(record: &RegistrationRecord, purpose: Purpose) -> Grant {
    let found = record.consents.iter().find(|consent| consent.purpose == purpose_number(purpose));
    found.map_or_else(Grant::default, |consent| {
        Grant::until(PolicyVersion(consent.policy as u16), consent.expires_us.map(instant))
    })
}

pub(super) fn purpose_number(purpose: Purpose) -> u32 {
    purpose as u32 + 1
}

pub(super) fn write_consent(consent: &Consent) -> ConsentRecord {
    ConsentRecord {
        purpose: purpose_number(consent.purpose),
        policy: consent.policy.0.into(),
        granted_us: consent.granted.as_microsecond(),
        expires_us: consent.expires.map(Timestamp::as_microsecond),
        origin: consent.origin.0.clone(),
        end_told: false,
    }
}

pub(super) fn read_consents(record: &RegistrationRecord) -> Vec<Consent> {
    let read = |consent: &ConsentRecord| {
        Some(Consent {
            purpose: Purpose::ALL.into_iter().find(|&purpose| purpose_number(purpose) == consent.purpose)?,
            policy: PolicyVersion(consent.policy as u16),
            granted: instant(consent.granted_us),
            expires: consent.expires_us.map(instant),
            origin: ConsentOrigin(consent.origin.clone()),
        })
    };
    record.consents.iter().filter_map(read).collect()
}

/// `None` for somebody who wants everything.
pub(super) fn write_preferences(preferences: &Preferences) -> Option<PreferencesRecord> {
    let quiet =
        |hours: QuietHours| QuietHoursRecord { start_minute: hours.start().into(), end_minute: hours.end().into() };
    (!preferences.is_everything()).then(|| PreferencesRecord {
        least_severity: preferences.least_severity.map_or(0, |least| least as u32 + 1),
        hazards: if preferences.hazards == Hazards::ALL { 0 } else { preferences.hazards.bits().into() },
        quiet_hours: preferences.quiet_hours.map(quiet),
    })
}

/// What of it a later version wrote and this one does not know reduces nothing.
pub(super) fn read_preferences(record: &RegistrationRecord) -> Preferences {
    let Some(record) = &record.preferences else { return Preferences::default() };
    let hazards = Hazards::from_bits(record.hazards as u16);
    let position = (record.least_severity as usize).checked_sub(1);
    let minute = |minute: u32| u16::try_from(minute).ok();
    let quiet = |hours: QuietHoursRecord| QuietHours::new(minute(hours.start_minute)?, minute(hours.end_minute)?);
    Preferences {
        least_severity: position.and_then(|position| Severity::ALL.get(position)).copied(),
        hazards: if hazards == Hazards::NONE { Hazards::ALL } else { hazards },
        quiet_hours: record.quiet_hours.and_then(quiet),
    }
}

pub(super) fn write_traits(traits: &DeviceTraits) -> TraitsRecord {
    TraitsRecord {
        platform: traits.platform as u32,
        brand: traits.brand.to_string(),
        model: traits.model.to_string(),
        os_version: traits.os_version.to_string(),
        app_version: traits.app_version.to_string(),
        languages: traits.languages.iter().map(|language| language.as_str().to_owned()).collect(),
        time_zone: traits.time_zone.to_string(),
    }
}

pub(super) fn read_traits(record: &TraitsRecord) -> DeviceTraits {
    DeviceTraits {
        platform: match record.platform {
            1 => Platform::Android,
            2 => Platform::Ios,
            3 => Platform::Harmony,
            4 => Platform::Web,
            _ => Platform::Other,
        },
        brand: record.brand.as_str().into(),
        model: record.model.as_str().into(),
        os_version: record.os_version.as_str().into(),
        app_version: record.app_version.as_str().into(),
        languages: record.languages.iter().filter_map(|tag| Language::parse(tag).ok()).collect(),
        time_zone: record.time_zone.as_str().into(),
    }
}

/// The channels of a set of bits.
pub(super) fn channels(bits: u32) -> impl Iterator<Item = ChannelKind> {
    ChannelKind::ALL.into_iter().filter(move |channel| bits & u32::from(channel.bit()) != 0)
}

pub(super) fn app_of(record: &RegistrationRecord) -> AppSlot {
    AppSlot(record.app as u16)
}

pub(super) fn cid_of(record: &RegistrationRecord, slot: Slot) -> Result<Cid, RegistryError> {
    let bytes = <[u8; 16]>::try_from(&*record.cid);
    bytes.map(Cid).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no name"))
}

pub(super) fn subject_of(record: &RegistrationRecord, slot: Slot) -> Result<AuditSubject, RegistryError> {
    let bytes = <[u8; 16]>::try_from(&*record.subject);
    bytes.map(AuditSubject).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no subject"))
}

/// The name of a registration of this app.
pub(super) fn name_of(
    app: AppName,
    record: &RegistrationRecord,
    slot: Slot,
) -> Result<RegistrationName, RegistryError> {
    let installation = holder_of(record).map_or(Ok(None), |_| installation_of(record, slot))?;
    Ok(RegistrationName { app, cid: cid_of(record, slot)?, installation })
}

/// What tells a registration from others that claim its CID, if it is or was a claim.
pub(super) fn installation_of(record: &RegistrationRecord, slot: Slot) -> Result<Option<Installation>, RegistryError> {
    if record.installation.is_empty() {
        return Ok(None);
    }
    let bytes = <[u8; 16]>::try_from(&*record.installation);
    let bad = |_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "malformed installation");
    bytes.map(|bytes| Some(Installation(bytes))).map_err(bad)
}

/// The holder of the CID that a registration claims.
pub(super) fn holder_of(record: &RegistrationRecord) -> Option<Slot> {
    record.holder.map(Slot)
}

/// What the GIDs of a registration are derived from.
pub(super) fn gid_seed_of(record: &RegistrationRecord, slot: Slot) -> Result<DeviceId, RegistryError> {
    if record.gid_seed.is_empty() {
        return device_of(record, slot);
    }
    let bytes = <[u8; 16]>::try_from(&*record.gid_seed);
    bytes.map(DeviceId).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "malformed seed"))
}

/// The keyed hashes that a registration lists.
pub(super) fn identifiers(record: &RegistrationRecord, slot: Slot) -> Result<Vec<IdentifierHash>, RegistryError> {
    let read = |hash: &[u8]| <[u8; 16]>::try_from(hash).map(IdentifierHash);
    let hashes = record.identifiers.iter().map(|hash| read(hash)).collect::<Result<_, _>>();
    hashes.map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "malformed hash"))
}

pub(super) fn write_identifiers(hashes: &[IdentifierHash]) -> Vec<Bytes> {
    hashes.iter().map(|hash| Bytes::copy_from_slice(&hash.0)).collect()
}

pub(super) fn device_of(record: &RegistrationRecord, slot: Slot) -> Result<DeviceId, RegistryError> {
    let bytes = <[u8; 16]>::try_from(&*record.device);
    bytes.map(DeviceId).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no device"))
}

/// The message that a value is.
pub(super) fn decode<M: Message + Default>(space: Space, key: &[u8], payload: &[u8]) -> Result<M, RegistryError> {
    M::decode(payload).map_err(|_| damaged(space, key, "malformed"))
}
