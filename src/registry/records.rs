//! Between domain types and what is on disk (`hazardcast.storage.v1`).

use bytes::Bytes;
use prost::Message;

use crate::domain::{
    AppName, AppSlot, AuditSubject, ChannelKind, Cid, Consent, ConsentOrigin, DeviceTraits, Footprint, Guardian,
    Hazards, Installation, Language, PlacePrecision, Platform, PolicyVersion, Position, Preferences, Private, Purpose,
    QuietHours, RegistrationName, SavedPlace, SavedPlaceId, Severity, Slot, Timestamp,
};
use crate::plan::{Facts, Flags, Grant};
use crate::wire::storage_v1::{
    ConsentRecord, GuardianRecord, PreferencesRecord, QuietHoursRecord, RegistrationRecord, SavedPlaceRecord,
    TraitsRecord,
};

use super::RegistryError;
use super::grants::SideGrants;
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
        flags: flags(record),
        ..Facts::default()
    };
    let tags = record.traits.iter().flat_map(|traits| &traits.languages);
    let read = tags.filter_map(|tag| Language::parse(tag).ok());
    for (place, language) in row.languages.iter_mut().zip(read) {
        *place = languages.intern(&language, app_of(record));
    }
    if record.preferences.is_none() {
        return row;
    }
    let zone = record.traits.as_ref().map_or("", |traits| &traits.time_zone);
    row.with_preferences(wishes.intern(&read_preferences(record), zone, app_of(record), now))
}

fn flags(record: &RegistrationRecord) -> Flags {
    let flag = |flag: u16, is_set: bool| if is_set { flag } else { 0 };
    let cross_border = grant(record, Purpose::CrossBorder) != Grant::default();
    let follows = flag(Flags::FOLLOWS, !record.saved_places.is_empty());
    let border = flag(Flags::CROSS_BORDER, cross_border);
    Flags(Flags::LIVE | flag(Flags::DRILLS, record.drills) | border | follows | Flags::of_precision(precision(record)))
}

/// How precisely the phone's place is held. One that is not known is of a later version: it is taken for the coarsest
/// grid.
pub(super) fn precision(record: &RegistrationRecord) -> PlacePrecision {
    read_precision(record.place_precision)
}

fn read_precision(number: u32) -> PlacePrecision {
    u8::try_from(number).ok().and_then(PlacePrecision::from_repr).unwrap_or(PlacePrecision::About10Km)
}

pub(super) fn write_saved_place(ordinal: u8, saved: &SavedPlace) -> SavedPlaceRecord {
    let (first, second) = match &saved.place {
        Footprint::Point(at) => (at.expose(), None),
        Footprint::Box { south_west, north_east } => (south_west.expose(), Some(north_east.expose())),
    };
    SavedPlaceRecord {
        ordinal: ordinal.into(),
        id: saved.id.as_str().to_owned(),
        precision: saved.precision as u32,
        west_e7: first.lon_e7(),
        south_e7: first.lat_e7(),
        east_e7: second.map(|corner| corner.lon_e7()),
        north_e7: second.map(|corner| corner.lat_e7()),
    }
}

/// The places that a person follows, by ordinal.
pub(super) fn read_saved_places(
    record: &RegistrationRecord,
    slot: Slot,
) -> Result<Vec<(u8, SavedPlace)>, RegistryError> {
    let bad = || damaged(Space::Registrations, &slot.0.to_be_bytes(), "no saved place");
    let read = |saved: &SavedPlaceRecord| {
        let corner = |lon, lat| Position::from_e7(lon, lat).map(Private::new).ok_or_else(bad);
        let first = corner(saved.west_e7, saved.south_e7)?;
        let place = match saved.east_e7.zip(saved.north_e7) {
            Some((east, north)) => Footprint::Box { south_west: first, north_east: corner(east, north)? },
            None => Footprint::Point(first),
        };
        let ordinal = u8::try_from(saved.ordinal).ok().filter(|&ordinal| is_ordinal(ordinal)).ok_or_else(bad)?;
        let id = SavedPlaceId::new(&saved.id).ok_or_else(bad)?;
        Ok((ordinal, SavedPlace { id, place, precision: read_precision(saved.precision) }))
    };
    record.saved_places.iter().map(read).collect()
}

fn is_ordinal(ordinal: u8) -> bool {
    (1..=SavedPlace::MOST).contains(&usize::from(ordinal))
}

/// The grants that are not in the row.
pub(super) fn side_grants(record: &RegistrationRecord) -> SideGrants {
    let [cross_border, saved_places] = [Purpose::CrossBorder, Purpose::SavedPlaces].map(|of| grant(record, of));
    SideGrants { cross_border, saved_places }
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
        end_told: false,
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
