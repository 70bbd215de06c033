//! Between domain types and what is on disk (`hazardcast.storage.v1`).

use prost::Message;

use crate::domain::{
    AppSlot, AuditSubject, ChannelKind, Cid, Consent, ConsentOrigin, DeviceTraits, Guardian, Language, Platform,
    PolicyVersion, Private, Purpose, Slot, Timestamp,
};
use crate::plan::{Facts, Flags, Grant};
use crate::wire::storage_v1::{ConsentRecord, GuardianRecord, RegistrationRecord, TraitsRecord};

use super::RegistryError;
use super::grants::SideGrants;
use super::identity::DeviceId;
use super::languages::Languages;
use super::store::{Key, Space, damaged};

pub(super) fn slot_key(slot: Slot) -> Key {
    Key::new(&[&slot.0.to_be_bytes()])
}

pub(super) fn token_key(slot: Slot, channel: ChannelKind) -> Key {
    Key::new(&[&slot.0.to_be_bytes(), &[channel as u8]])
}

pub(super) fn number_key(number: u16) -> Key {
    Key::new(&[&number.to_be_bytes()])
}

/// The slot that a key of four bytes names.
pub(super) fn slot_of(key: &[u8]) -> Option<Slot> {
    Some(Slot(u32::from_be_bytes(key.try_into().ok()?)))
}

pub(super) fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The row that planning reads.
pub(super) fn facts(slot: Slot, record: &RegistrationRecord, languages: &Languages) -> Facts {
    let mut row = Facts {
        device: slot.0,
        app: record.app as u16,
        channels: record.channels as u16,
        emergency: grant(record, Purpose::EmergencyPush),
        location: grant(record, Purpose::Location),
        flags: flags(record),
        ..Facts::default()
    };
    let tags = record.traits.iter().flat_map(|traits| &traits.languages);
    let read = tags.filter_map(|tag| Language::parse(tag).ok());
    for (place, language) in row.languages.iter_mut().zip(read) {
        *place = languages.intern(&language);
    }
    row
}

fn flags(record: &RegistrationRecord) -> Flags {
    let flag = |flag: u16, is_set: bool| if is_set { flag } else { 0 };
    let cross_border = grant(record, Purpose::CrossBorder) != Grant::default();
    Flags(Flags::LIVE | flag(Flags::DRILLS, record.drills) | flag(Flags::CROSS_BORDER, cross_border))
}

/// The grants that are not in the row.
pub(super) fn side_grants(record: &RegistrationRecord) -> SideGrants {
    SideGrants { cross_border: grant(record, Purpose::CrossBorder) }
}

/// The grant for a purpose; the empty one where there is none, or none that counts for a child.
pub(super) fn grant(record: &RegistrationRecord, purpose: Purpose) -> Grant {
    let is_given = |consent: &&ConsentRecord| !record.under_14 || consent.guardian.is_some();
    let found = record.consents.iter().find(|consent| consent.purpose == purpose_number(purpose)).filter(is_given);
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
        guardian: consent.guardian.as_ref().map(|guardian| GuardianRecord {
            reference: guardian.reference.expose().clone(),
            method: guardian.method.clone(),
        }),
    }
}

pub(super) fn purpose_of(consent: &ConsentRecord) -> Option<Purpose> {
    Purpose::ALL.into_iter().find(|&purpose| purpose_number(purpose) == consent.purpose)
}

pub(super) fn read_consents(record: &RegistrationRecord) -> Vec<Consent> {
    let guardian = |guardian: &GuardianRecord| Guardian {
        reference: Private::new(guardian.reference.clone()),
        method: guardian.method.clone(),
    };
    let read = |consent: &ConsentRecord| {
        Some(Consent {
            purpose: purpose_of(consent)?,
            policy: PolicyVersion(consent.policy as u16),
            granted: instant(consent.granted_us),
            expires: consent.expires_us.map(instant),
            origin: ConsentOrigin(consent.origin.clone()),
            guardian: consent.guardian.as_ref().map(guardian),
        })
    };
    record.consents.iter().filter_map(read).collect()
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

pub(super) fn device_of(record: &RegistrationRecord, slot: Slot) -> Result<DeviceId, RegistryError> {
    let bytes = <[u8; 16]>::try_from(&*record.device);
    bytes.map(DeviceId).map_err(|_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "no device"))
}

/// The message that a value is.
pub(super) fn decode<M: Message + Default>(space: Space, key: &[u8], payload: &[u8]) -> Result<M, RegistryError> {
    M::decode(payload).map_err(|_| damaged(space, key, "malformed"))
}
