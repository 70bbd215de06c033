//! What a registration may hold; each refusal names the field.

use crate::domain::{Consent, DeviceTraits, NewRegistration, Token};

use super::RegistryError;

const MAX_IDENTIFIERS: usize = 16;

/// Checks what is to be registered.
pub(super) fn check_new(new: &NewRegistration) -> Result<(), RegistryError> {
    check_traits(&new.traits)?;
    check_tokens(&new.tokens)?;
    if new.identifiers.len() > MAX_IDENTIFIERS {
        return Err(RegistryError::invalid("identifiers", "more than 16"));
    }
    for (position, identifier) in new.identifiers.iter().enumerate() {
        length(&format!("identifiers[{position}].value"), identifier.value.expose(), 128)?;
    }
    for (position, consent) in new.consents.iter().enumerate() {
        check_consent(&format!("registration.consents[{position}]"), consent)?;
        if new.consents[..position].iter().any(|other| other.purpose == consent.purpose) {
            let field = format!("registration.consents[{position}].purpose");
            return Err(RegistryError::invalid(field, "is given twice"));
        }
    }
    Ok(())
}

/// Checks what a device is.
pub(super) fn check_traits(traits: &DeviceTraits) -> Result<(), RegistryError> {
    length("registration.traits.brand", &traits.brand, 64)?;
    length("registration.traits.model", &traits.model, 64)?;
    length("registration.traits.os_version", &traits.os_version, 32)?;
    length("registration.traits.app_version", &traits.app_version, 32)?;
    length("registration.traits.time_zone", &traits.time_zone, 64)?;
    if traits.languages.len() > 8 {
        return Err(RegistryError::invalid("registration.traits.languages", "more than 8"));
    }
    Ok(())
}

/// Checks vendor addresses.
pub(super) fn check_tokens(tokens: &[Token]) -> Result<(), RegistryError> {
    for (position, token) in tokens.iter().enumerate() {
        let field = |name: &str| format!("registration.tokens[{position}].{name}");
        if token.channel == crate::domain::ChannelKind::Link {
            return Err(RegistryError::invalid(field("channel"), "a link needs no token"));
        }
        if tokens[..position].iter().any(|other| other.channel == token.channel) {
            return Err(RegistryError::invalid(field("channel"), "is given twice"));
        }
        let value = token.value.expose();
        if value.is_empty() || value.len() > 4_096 {
            return Err(RegistryError::invalid(field("value"), "must be 1 to 4,096 bytes"));
        }
        if value.chars().any(char::is_control) {
            return Err(RegistryError::invalid(field("value"), "holds a control character"));
        }
    }
    Ok(())
}

/// Checks a grant.
pub(super) fn check_consent(field: &str, consent: &Consent) -> Result<(), RegistryError> {
    let origin = &consent.origin.0;
    if origin.is_empty() || origin.chars().count() > 200 {
        return Err(RegistryError::invalid(format!("{field}.origin"), "must be 1 to 200 characters"));
    }
    if consent.expires.is_some_and(|expires| expires <= consent.granted) {
        return Err(RegistryError::invalid(format!("{field}.expire_time"), "must be after grant_time"));
    }
    Ok(())
}

/// Checks what people call a partner or an app.
pub(super) fn check_display_name(field: &str, name: &str) -> Result<(), RegistryError> {
    length(field, name, 128)
}

fn length(field: &str, text: &str, most: usize) -> Result<(), RegistryError> {
    if text.chars().count() > most {
        return Err(RegistryError::invalid(field, "is too long"));
    }
    if text.chars().any(char::is_control) {
        return Err(RegistryError::invalid(field, "holds a control character"));
    }
    Ok(())
}
