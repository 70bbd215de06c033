//! Registrations, consents and places. What is read here is within every limit that the API names.

use compact_str::CompactString;

use crate::domain::{
    AppName, ChannelKind, Consent, ConsentOrigin, DeviceIdentifier, DeviceTraits, Footprint, Guardian, Hazards,
    Language, LinkSecret, NewRegistration, PlacePrecision, Platform, PolicyVersion, Preferences, Private, QuietHours,
    Registration, SavedPlace, SavedPlaceId, Severity, SignedDuration, Timestamp, Token, UnfitPlace,
};
use crate::wire::v1;

use super::{InvalidField, geography, terms, time};

const MAX_IDENTIFIERS: usize = 16;
const MAX_IDENTIFIER_BYTES: usize = 128;
const MAX_LANGUAGES: usize = 8;
const MAX_TOKEN_BYTES: usize = 4_096;

/// How far the clock of a partner may be ahead when it says when a person agreed.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A registration to the wire. Tokens go without their values.
pub fn to_wire(registration: &Registration) -> v1::Registration {
    let token = |token: &Token| v1::ChannelToken {
        channel: terms::channel::to_wire(token.channel).into(),
        value: String::new(),
    };
    v1::Registration {
        name: registration.name.to_string(),
        gid: registration.gid.to_string(),
        traits: Some(traits_to_wire(&registration.traits)),
        tokens: registration.tokens.iter().map(token).collect(),
        consents: registration.consents.iter().map(consent_to_wire).collect(),
        drills: registration.drills,
        under_14: registration.under_14,
        place_precision: terms::place_precision::to_wire(registration.place_precision).into(),
        place: registration.place.map(|place| v1::Place {
            footprint: Some(geography::footprint_to_wire(place)),
            report_time: registration.place_time.map(time::to_wire),
        }),
        create_time: Some(time::to_wire(registration.created)),
        update_time: Some(time::to_wire(registration.updated)),
        preferences: (!registration.preferences.is_everything())
            .then(|| preferences_to_wire(&registration.preferences)),
        gone_channels: registration.gone.iter().map(|&channel| terms::channel::to_wire(channel).into()).collect(),
    }
}

/// Reads what is to be registered.
pub fn new_registration(
    app: AppName,
    request: v1::CreateRegistrationRequest,
    now: Timestamp,
) -> Result<NewRegistration, InvalidField> {
    let registration = request.registration.ok_or_else(|| InvalidField::required("registration"))?;
    let request_id = text(&request.request_id, "request_id", 64)?;
    let traits = traits(registration.traits, "registration.traits")?;
    let place_precision = place_precision(registration.place_precision, "registration.place_precision")?;
    let place = registration.place.map(|place| self::place(place, "registration.place", now)).transpose()?;
    let held = |(place, at)| Ok::<_, UnfitPlace>((place_precision.coarsen(place)?, at));
    let place = place.map(held).transpose().map_err(|error| InvalidField::new("registration.place", error))?;
    Ok(NewRegistration {
        app,
        request: (!request_id.is_empty()).then_some(request_id),
        identifiers: identifiers(request.identifiers, traits.platform, "identifiers")?,
        traits,
        earlier_secret: earlier_secret(&request.earlier_link_secret, "earlier_link_secret")?,
        vouched: request.device_verified,
        tokens: tokens(registration.tokens, "registration.tokens")?,
        consents: consents(registration.consents, "registration.consents", now)?,
        drills: registration.drills,
        under_14: registration.under_14,
        preferences: preferences(registration.preferences.as_ref(), "registration.preferences")?,
        place_precision,
        place,
    })
}

/// Reads a place and when it was reported. A phone's clock may be wrong: a time to come is taken as now, or it would
/// hold up what is reported until then.
pub fn place(place: v1::Place, field: &str, now: Timestamp) -> Result<(Footprint, Timestamp), InvalidField> {
    let at = match place.report_time {
        Some(at) => time::optional(Some(at), &format!("{field}.report_time"))?.unwrap_or(now),
        None => now,
    };
    Ok((geography::footprint(place.footprint, field)?, at.min(now)))
}

fn earlier_secret(secret: &[u8], field: &str) -> Result<Option<LinkSecret>, InvalidField> {
    if secret.is_empty() {
        return Ok(None);
    }
    let secret = <[u8; 32]>::try_from(secret).map_err(|_| InvalidField::new(field, "must be 32 bytes"))?;
    Ok(Some(LinkSecret(Private::new(secret))))
}

/// Reads how precisely a place is to be held.
pub fn place_precision(number: i32, field: &str) -> Result<PlacePrecision, InvalidField> {
    if number == 0 { Ok(PlacePrecision::Exact) } else { terms::place_precision::required(number, field) }
}

/// Reads a place that somebody follows, as it is to be held.
pub fn saved_place(saved: &v1::SavedPlace, field: &str) -> Result<SavedPlace, InvalidField> {
    let at = |name: &str| format!("{field}.{name}");
    let precision = place_precision(saved.precision, &at("precision"))?;
    let footprint = saved.footprint.map(|footprint| match footprint {
        v1::saved_place::Footprint::Point(point) => v1::place::Footprint::Point(point),
        v1::saved_place::Footprint::Box(corners) => v1::place::Footprint::Box(corners),
    });
    let place = geography::footprint(footprint, field)?;
    let place = precision.coarsen(place).map_err(|error| InvalidField::new(field, error))?;
    Ok(SavedPlace { id: saved_place_id(&saved.id, &at("id"))?, place, precision })
}

/// Reads what a phone calls a place.
pub fn saved_place_id(id: &str, field: &str) -> Result<SavedPlaceId, InvalidField> {
    let reason = "must be 1 to 32 of A-Z, a-z, 0-9, - and _";
    SavedPlaceId::new(id).ok_or_else(|| InvalidField::new(field, reason))
}

/// A place that somebody follows to the wire.
pub fn saved_place_to_wire(saved: &SavedPlace) -> v1::SavedPlace {
    let footprint = match geography::footprint_to_wire(saved.place) {
        v1::place::Footprint::Point(point) => v1::saved_place::Footprint::Point(point),
        v1::place::Footprint::Box(corners) => v1::saved_place::Footprint::Box(corners),
    };
    v1::SavedPlace {
        id: saved.id.as_str().to_owned(),
        footprint: Some(footprint),
        precision: terms::place_precision::to_wire(saved.precision).into(),
    }
}

fn identifiers(
    identifiers: Vec<v1::DeviceIdentifier>,
    platform: Platform,
    field: &str,
) -> Result<Vec<DeviceIdentifier>, InvalidField> {
    at_most(identifiers.len(), MAX_IDENTIFIERS, field)?;
    let read = |(i, identifier): (usize, v1::DeviceIdentifier)| {
        let kind = terms::identifier_kind::required(identifier.kind, &format!("{field}[{i}].kind"))?;
        if !kind.is_of(platform) {
            return Err(InvalidField::new(format!("{field}[{i}].kind"), "is not of this platform"));
        }
        if identifier.value.len() > MAX_IDENTIFIER_BYTES {
            let reason = format!("is longer than {MAX_IDENTIFIER_BYTES} bytes");
            return Err(InvalidField::new(format!("{field}[{i}].value"), reason));
        }
        Ok(DeviceIdentifier { kind, value: Private::new(identifier.value) })
    };
    identifiers.into_iter().enumerate().map(read).collect()
}

/// Reads tokens.
pub fn tokens(tokens: Vec<v1::ChannelToken>, field: &str) -> Result<Vec<Token>, InvalidField> {
    let mut read: Vec<Token> = Vec::with_capacity(tokens.len().min(ChannelKind::ALL.len()));
    for (i, token) in tokens.into_iter().enumerate() {
        let at = |name: &str| format!("{field}[{i}].{name}");
        let channel = terms::channel::required(token.channel, &at("channel"))?;
        if channel == ChannelKind::Link {
            return Err(InvalidField::new(at("channel"), "a link needs no token"));
        }
        if read.iter().any(|other| other.channel == channel) {
            return Err(InvalidField::new(at("channel"), "is given twice"));
        }
        if token.value.is_empty() {
            return Err(InvalidField::required(at("value")));
        }
        if token.value.len() > MAX_TOKEN_BYTES {
            return Err(InvalidField::new(at("value"), format!("is longer than {MAX_TOKEN_BYTES} bytes")));
        }
        no_control_characters(&token.value, &at("value"))?;
        read.push(Token { channel, value: Private::new(token.value) });
    }
    Ok(read)
}

fn traits_to_wire(traits: &DeviceTraits) -> v1::DeviceTraits {
    v1::DeviceTraits {
        platform: terms::platform::to_wire(traits.platform).into(),
        brand: traits.brand.to_string(),
        model: traits.model.to_string(),
        os_version: traits.os_version.to_string(),
        app_version: traits.app_version.to_string(),
        languages: traits.languages.iter().map(|language| language.as_str().to_owned()).collect(),
        time_zone: traits.time_zone.to_string(),
    }
}

/// Reads what a device is.
pub fn traits(traits: Option<v1::DeviceTraits>, field: &str) -> Result<DeviceTraits, InvalidField> {
    let traits = traits.ok_or_else(|| InvalidField::required(field))?;
    let at = |name: &str| format!("{field}.{name}");
    at_most(traits.languages.len(), MAX_LANGUAGES, &at("languages"))?;
    let language = |(i, tag): (usize, &String)| {
        Language::parse(tag).map_err(|error| InvalidField::new(format!("{field}.languages[{i}]"), error))
    };
    Ok(DeviceTraits {
        platform: terms::platform::required(traits.platform, &at("platform"))?,
        brand: text(&traits.brand, &at("brand"), 64)?,
        model: text(&traits.model, &at("model"), 64)?,
        os_version: text(&traits.os_version, &at("os_version"), 32)?,
        app_version: text(&traits.app_version, &at("app_version"), 32)?,
        languages: traits.languages.iter().enumerate().map(language).collect::<Result<_, _>>()?,
        time_zone: text(&traits.time_zone, &at("time_zone"), 64)?,
    })
}

fn consent_to_wire(consent: &Consent) -> v1::Consent {
    v1::Consent {
        purpose: terms::purpose::to_wire(consent.purpose).into(),
        policy_version: consent.policy.0.into(),
        grant_time: Some(time::to_wire(consent.granted)),
        expire_time: consent.expires.map(time::to_wire),
        origin: consent.origin.0.clone(),
        guardian: consent.guardian.as_ref().map(|guardian| v1::Guardian {
            reference: guardian.reference.expose().clone(),
            method: guardian.method.clone(),
        }),
    }
}

fn consents(consents: Vec<v1::Consent>, field: &str, now: Timestamp) -> Result<Vec<Consent>, InvalidField> {
    let mut read: Vec<Consent> = Vec::new();
    for (i, consent) in consents.into_iter().enumerate() {
        let field = format!("{field}[{i}]");
        let consent = self::consent(&consent, &field, now)?;
        if read.iter().any(|other| other.purpose == consent.purpose) {
            return Err(InvalidField::new(format!("{field}.purpose"), "is given twice"));
        }
        read.push(consent);
    }
    Ok(read)
}

/// Reads a grant.
pub fn consent(consent: &v1::Consent, field: &str, now: Timestamp) -> Result<Consent, InvalidField> {
    let at = |name: &str| format!("{field}.{name}");
    let purpose = terms::purpose::required(consent.purpose, &at("purpose"))?;
    let policy = u16::try_from(consent.policy_version).ok().filter(|&version| version > 0);
    let policy = policy.ok_or_else(|| InvalidField::new(at("policy_version"), "must be 1 to 65,535"))?;
    let granted = time::optional(consent.grant_time, &at("grant_time"))?.unwrap_or(now);
    if granted.duration_since(now) > AHEAD {
        return Err(InvalidField::new(at("grant_time"), "is yet to come"));
    }
    let expires = time::optional(consent.expire_time, &at("expire_time"))?;
    if expires.is_some_and(|expires| expires <= granted) {
        return Err(InvalidField::new(at("expire_time"), "must be after grant_time"));
    }
    let origin = ConsentOrigin(required_text(&consent.origin, &at("origin"), 200)?);
    let guardian = consent.guardian.as_ref().map(|given| guardian(given, &at("guardian"))).transpose()?;
    Ok(Consent { purpose, policy: PolicyVersion(policy), granted, expires, origin, guardian })
}

fn guardian(guardian: &v1::Guardian, field: &str) -> Result<Guardian, InvalidField> {
    let reference = required_text(&guardian.reference, &format!("{field}.reference"), 64)?;
    let method = required_text(&guardian.method, &format!("{field}.method"), 200)?;
    Ok(Guardian { reference: Private::new(reference), method })
}

/// Reads which version of a policy is to be retired. One behind it must be left for new consents.
pub fn retired_version(version: u32, field: &str) -> Result<PolicyVersion, InvalidField> {
    let read = u16::try_from(version).ok().filter(|&version| (1..u16::MAX).contains(&version));
    read.map(PolicyVersion).ok_or_else(|| InvalidField::new(field, "must be 1 to 65,534"))
}

/// Reads what a person wants to be told of; everything where it is not said.
pub fn preferences(preferences: Option<&v1::Preferences>, field: &str) -> Result<Preferences, InvalidField> {
    let Some(preferences) = preferences else { return Ok(Preferences::default()) };
    let at = |name: &str| format!("{field}.{name}");
    let least = match preferences.least_severity {
        0 => None,
        least => Some(terms::severity::required(least, &at("least_severity"))?),
    };
    if least == Some(Severity::Unknown) {
        return Err(InvalidField::new(at("least_severity"), "is no degree of severity"));
    }
    let mut hazards = Hazards::NONE;
    for (i, &kind) in preferences.hazards.iter().enumerate() {
        let field = format!("{field}.hazards[{i}]");
        let kind = Hazards::of([terms::category::required(kind, &field)?]);
        if hazards.meets(kind) {
            return Err(InvalidField::new(field, "is given twice"));
        }
        hazards = hazards.or(kind);
    }
    let hazards = if hazards == Hazards::NONE { Hazards::ALL } else { hazards };
    let quiet = preferences.quiet_hours.map(|hours| quiet_hours(hours, &at("quiet_hours"))).transpose()?;
    Ok(Preferences { least_severity: least, hazards, quiet_hours: quiet })
}

fn quiet_hours(hours: v1::QuietHours, field: &str) -> Result<QuietHours, InvalidField> {
    let minute = |minute: i32, name: &str| {
        let minute = u16::try_from(minute).ok().filter(|&minute| minute < QuietHours::DAY);
        minute.ok_or_else(|| InvalidField::new(format!("{field}.{name}"), "must be 0 to 1,439"))
    };
    let (start, end) = (minute(hours.start_minute, "start_minute")?, minute(hours.end_minute, "end_minute")?);
    let differ = || InvalidField::new(format!("{field}.end_minute"), "must be another than start_minute");
    QuietHours::new(start, end).ok_or_else(differ)
}

fn preferences_to_wire(preferences: &Preferences) -> v1::Preferences {
    let &Preferences { least_severity, hazards, quiet_hours } = preferences;
    let some = (hazards != Hazards::ALL).then(|| hazards.categories()).into_iter().flatten();
    v1::Preferences {
        least_severity: least_severity.map_or(0, |least| terms::severity::to_wire(least).into()),
        hazards: some.map(|category| terms::category::to_wire(category).into()).collect(),
        quiet_hours: quiet_hours
            .map(|hours| v1::QuietHours { start_minute: hours.start().into(), end_minute: hours.end().into() }),
    }
}

/// Reads what people call a partner or an app.
pub fn display_name(name: &str, field: &str) -> Result<String, InvalidField> {
    text(name, field, 128).map(String::from)
}

fn required_text(value: &str, field: &str, most: usize) -> Result<String, InvalidField> {
    match text(value, field, most)? {
        empty if empty.is_empty() => Err(InvalidField::required(field)),
        text => Ok(text.into()),
    }
}

/// Text of at most so many characters.
fn text(value: &str, field: &str, most: usize) -> Result<CompactString, InvalidField> {
    if value.chars().count() > most {
        return Err(InvalidField::new(field, format!("is longer than {most} characters")));
    }
    no_control_characters(value, field)?;
    Ok(value.into())
}

fn no_control_characters(value: &str, field: &str) -> Result<(), InvalidField> {
    if value.chars().any(char::is_control) {
        return Err(InvalidField::new(field, "holds a control character"));
    }
    Ok(())
}

fn at_most(count: usize, most: usize, field: &str) -> Result<(), InvalidField> {
    if count > most {
        return Err(InvalidField::new(field, format!("are more than {most}")));
    }
    Ok(())
}
