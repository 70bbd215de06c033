//! Registrations, consents and places.

use crate::domain::{
    AppName, Consent, ConsentOrigin, DeviceIdentifier, DeviceTraits, Footprint, Language, NewRegistration,
    PolicyVersion, Private, Registration, Timestamp, Token,
};
use crate::wire::v1;

use super::{InvalidField, geography, terms, time};

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
        place: registration.place.map(|place| v1::Place {
            footprint: Some(geography::footprint_to_wire(place)),
            report_time: registration.place_time.map(time::to_wire),
        }),
        create_time: Some(time::to_wire(registration.created)),
        update_time: Some(time::to_wire(registration.updated)),
    }
}

/// Reads what is to be registered; `field` is the path of the registration in the request.
pub fn new_registration(
    app: AppName,
    request: v1::CreateRegistrationRequest,
    now: Timestamp,
) -> Result<NewRegistration, InvalidField> {
    let registration = request.registration.ok_or_else(|| InvalidField::required("registration"))?;
    let consents = registration.consents.into_iter().enumerate();
    let consents = consents.map(|(i, consent)| self::consent(consent, &format!("registration.consents[{i}]"), now));
    let place = registration.place.map(|place| self::place(place, "registration.place", now)).transpose()?;
    let identifiers = request.identifiers.into_iter().enumerate().map(|(i, identifier)| {
        let kind = terms::identifier_kind::required(identifier.kind, &format!("identifiers[{i}].kind"))?;
        Ok(DeviceIdentifier { kind, value: Private::new(identifier.value) })
    });
    Ok(NewRegistration {
        app,
        traits: traits(registration.traits, "registration.traits")?,
        identifiers: identifiers.collect::<Result<_, _>>()?,
        tokens: tokens(registration.tokens, "registration.tokens")?,
        consents: consents.collect::<Result<_, _>>()?,
        drills: registration.drills,
        place,
    })
}

/// Reads a place and when it was reported.
pub fn place(place: v1::Place, field: &str, now: Timestamp) -> Result<(Footprint, Timestamp), InvalidField> {
    let at = time::optional(place.report_time, &format!("{field}.report_time"))?.unwrap_or(now);
    Ok((geography::footprint(place.footprint, field)?, at))
}

/// Reads tokens.
pub fn tokens(tokens: Vec<v1::ChannelToken>, field: &str) -> Result<Vec<Token>, InvalidField> {
    let read = |(i, token): (usize, v1::ChannelToken)| {
        let channel = terms::channel::required(token.channel, &format!("{field}[{i}].channel"))?;
        Ok(Token { channel, value: Private::new(token.value) })
    };
    tokens.into_iter().enumerate().map(read).collect()
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
    let language = |(i, tag): (usize, String)| {
        Language::parse(&tag).map_err(|error| InvalidField::new(format!("{field}.languages[{i}]"), error))
    };
    Ok(DeviceTraits {
        platform: terms::platform::required(traits.platform, &format!("{field}.platform"))?,
        brand: traits.brand.into(),
        model: traits.model.into(),
        os_version: traits.os_version.into(),
        app_version: traits.app_version.into(),
        languages: traits.languages.into_iter().enumerate().map(language).collect::<Result<_, _>>()?,
        time_zone: traits.time_zone.into(),
    })
}

fn consent_to_wire(consent: &Consent) -> v1::Consent {
    v1::Consent {
        purpose: terms::purpose::to_wire(consent.purpose).into(),
        policy_version: consent.policy.0.into(),
        grant_time: Some(time::to_wire(consent.granted)),
        expire_time: consent.expires.map(time::to_wire),
        origin: consent.origin.0.clone(),
    }
}

/// Reads a grant.
pub fn consent(consent: v1::Consent, field: &str, now: Timestamp) -> Result<Consent, InvalidField> {
    let policy = u16::try_from(consent.policy_version).ok().filter(|&version| version > 0);
    let policy = policy.ok_or_else(|| InvalidField::new(format!("{field}.policy_version"), "must be 1 to 65,535"))?;
    Ok(Consent {
        purpose: terms::purpose::required(consent.purpose, &format!("{field}.purpose"))?,
        policy: PolicyVersion(policy),
        granted: time::optional(consent.grant_time, &format!("{field}.grant_time"))?.unwrap_or(now),
        expires: time::optional(consent.expire_time, &format!("{field}.expire_time"))?,
        origin: ConsentOrigin(consent.origin),
    })
}
