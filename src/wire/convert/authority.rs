//! Alert authorities and their limits.

use std::num::NonZeroU32;

use compact_str::CompactString;

use crate::domain::{
    AdmittedAuthority, AlertRate, AlertScope, Area, AuthorityName, AuthorityTerms, Category, Jurisdiction, Mode,
    NonEmpty, Sender, SignatureRule, TrustedCertificate,
};
use crate::wire::v1;

use super::{InvalidField, access, certificate, geography, mask, registration, terms, time};

/// The most events that an authority may be limited to.
const MOST_EVENTS: usize = 256;

/// The most formats that an authority may be limited to.
const MOST_FORMATS: usize = 32;

/// The longest name of an event or format, and of a certificate's subject, characters.
const LONGEST: usize = 256;

/// The most certificates of one kind, and subjects, that an authority may sign by.
const MOST_CERTIFICATES: usize = 16;

/// The most alerts a minute, and at once, that a rate may say.
const MOST_ALERTS: u32 = 60_000;

const FIELDS: [&str; 12] = [
    "display_name",
    "senders",
    "jurisdiction",
    "categories",
    "events",
    "formats",
    "modes",
    "scopes",
    "highest_severity",
    "rate",
    "reach_limit",
    "signature",
];

/// An authority to the wire.
pub fn to_wire(admitted: &AdmittedAuthority) -> v1::Authority {
    let AdmittedAuthority { name, terms: of, created, updated, revoked, revision } = admitted;
    v1::Authority {
        name: name.to_string(),
        display_name: of.display_name.clone(),
        senders: of.senders.iter().map(|sender| sender.as_str().to_owned()).collect(),
        jurisdiction: Some(v1::Jurisdiction { ground: Some(jurisdiction_to_wire(&of.jurisdiction)) }),
        categories: of.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        events: of.events.iter().map(ToString::to_string).collect(),
        formats: of.formats.iter().map(ToString::to_string).collect(),
        modes: of.modes.iter().map(|mode| terms::mode::to_wire(*mode).into()).collect(),
        scopes: of.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        highest_severity: of.highest_severity.map_or(0, |severity| terms::severity::to_wire(severity).into()),
        rate: of.rate.map(|rate| v1::AlertRate {
            per_minute: rate.per_minute.get().cast_signed(),
            burst: rate.burst.get().cast_signed(),
        }),
        reach_limit: of.reach_limit.map(u64::cast_signed),
        signature: of.signature.as_ref().map(signature_to_wire),
        create_time: Some(time::to_wire(*created)),
        update_time: Some(time::to_wire(*updated)),
        revoke_time: revoked.map(time::to_wire),
        etag: revision.to_string(),
    }
}

fn jurisdiction_to_wire(jurisdiction: &Jurisdiction) -> v1::jurisdiction::Ground {
    match jurisdiction {
        Jurisdiction::World => v1::jurisdiction::Ground::WholeWorld(true),
        Jurisdiction::Ground(area) => v1::jurisdiction::Ground::Area(geography::area_to_wire(area)),
    }
}

fn signature_to_wire(rule: &SignatureRule) -> v1::SignatureRule {
    let certificate = |certificate: &TrustedCertificate| v1::TrustedCertificate {
        pem: certificate.to_pem(),
        subject: certificate.subject.clone(),
        sha256: certificate.sha256.to_vec().into(),
        not_before_time: Some(time::to_wire(certificate.not_before)),
        not_after_time: Some(time::to_wire(certificate.not_after)),
    };
    v1::SignatureRule {
        certificates: rule.certificates.iter().map(certificate).collect(),
        roots: rule.roots.iter().map(certificate).collect(),
        subjects: rule.subjects.clone(),
    }
}

/// Reads the version that a change is of; `None`: of any.
pub fn revision(etag: &str, field: &str) -> Result<Option<u64>, InvalidField> {
    if etag.is_empty() {
        return Ok(None);
    }
    etag.parse().map(Some).map_err(|_| InvalidField::new(field, "is none that this server gave"))
}

/// Reads the terms of a new authority; `resolve` finds the ground of codes.
pub fn new_terms(
    authority: v1::Authority,
    name: &AuthorityName,
    resolve: impl Fn(Area) -> Result<Area, InvalidField>,
) -> Result<AuthorityTerms, InvalidField> {
    let first = AuthorityTerms {
        display_name: name.id().to_owned(),
        senders: senders(&authority.senders)?,
        jurisdiction: jurisdiction(authority.jurisdiction.clone(), &resolve)?,
        categories: Vec::new(),
        events: Vec::new(),
        formats: Vec::new(),
        modes: Vec::new(),
        scopes: Vec::new(),
        highest_severity: None,
        rate: None,
        reach_limit: None,
        signature: None,
    };
    change(v1::Authority { senders: Vec::new(), jurisdiction: None, ..authority }, &[], resolve)?(&first)
}

/// Reads what is to be changed of an authority's terms.
pub fn change(
    new: v1::Authority,
    paths: &[String],
    resolve: impl Fn(Area) -> Result<Area, InvalidField>,
) -> Result<impl FnOnce(&AuthorityTerms) -> Result<AuthorityTerms, InvalidField>, InvalidField> {
    let asked = mask(paths, &FIELDS)?;
    let v1::Authority { name, display_name, senders: speaks, categories: kinds, events, formats, .. } = new;
    let named = asked("display_name", !display_name.is_empty());
    let id = name.rsplit('/').next().unwrap_or_default();
    let display_name = named.then(|| display(&display_name, id)).transpose()?;
    let speaks = asked("senders", !speaks.is_empty()).then(|| senders(&speaks)).transpose()?;
    let drawn = asked("jurisdiction", new.jurisdiction.is_some());
    let drawn = drawn.then(|| jurisdiction(new.jurisdiction, &resolve)).transpose()?;
    let kinds = asked("categories", !kinds.is_empty()).then(|| categories(&kinds)).transpose()?;
    let events = asked("events", !events.is_empty()).then(|| words(&events, "events", MOST_EVENTS)).transpose()?;
    let formats =
        asked("formats", !formats.is_empty()).then(|| words(&formats, "formats", MOST_FORMATS)).transpose()?;
    let modes = asked("modes", !new.modes.is_empty()).then(|| modes(&new.modes)).transpose()?;
    let scopes = asked("scopes", !new.scopes.is_empty()).then(|| scopes(&new.scopes)).transpose()?;
    let severity = asked("highest_severity", new.highest_severity != 0);
    let severity = severity.then(|| optional_severity(new.highest_severity)).transpose()?;
    let rate = asked("rate", new.rate.is_some()).then(|| new.rate.map(rate).transpose()).transpose()?;
    let reach = asked("reach_limit", new.reach_limit.is_some());
    let reach = reach.then(|| new.reach_limit.map(reach_limit).transpose()).transpose()?;
    let signed = asked("signature", new.signature.is_some());
    let signed = signed.then(|| new.signature.map(signature).transpose()).transpose()?;
    Ok(move |before: &AuthorityTerms| {
        let before = before.clone();
        Ok(AuthorityTerms {
            display_name: display_name.unwrap_or(before.display_name),
            senders: speaks.unwrap_or(before.senders),
            jurisdiction: drawn.unwrap_or(before.jurisdiction),
            categories: kinds.unwrap_or(before.categories),
            events: events.unwrap_or(before.events),
            formats: formats.unwrap_or(before.formats),
            modes: modes.unwrap_or(before.modes),
            scopes: scopes.unwrap_or(before.scopes),
            highest_severity: severity.unwrap_or(before.highest_severity),
            rate: rate.unwrap_or(before.rate),
            reach_limit: reach.unwrap_or(before.reach_limit),
            signature: signed.unwrap_or(before.signature),
        })
    })
}

fn display(name: &str, id: &str) -> Result<String, InvalidField> {
    if name.is_empty() { Ok(id.to_owned()) } else { registration::display_name(name, "authority.display_name") }
}

fn senders(senders: &[String]) -> Result<NonEmpty<Sender>, InvalidField> {
    access::senders(senders, "authority.senders")
}

fn jurisdiction(
    ground: Option<v1::Jurisdiction>,
    resolve: &impl Fn(Area) -> Result<Area, InvalidField>,
) -> Result<Jurisdiction, InvalidField> {
    let field = "authority.jurisdiction";
    match ground.and_then(|ground| ground.ground) {
        None => Err(InvalidField::required(field)),
        Some(v1::jurisdiction::Ground::WholeWorld(true)) => Ok(Jurisdiction::World),
        Some(v1::jurisdiction::Ground::WholeWorld(false)) => {
            Err(InvalidField::new(format!("{field}.whole_world"), "must be true"))
        }
        Some(v1::jurisdiction::Ground::Area(area)) => {
            let field = format!("{field}.area");
            if !area.circles.is_empty() {
                return Err(InvalidField::new(format!("{field}.circles"), "must be empty: draw polygons"));
            }
            if area.altitude_ft.is_some() || area.ceiling_ft.is_some() {
                return Err(InvalidField::new(format!("{field}.altitude_ft"), "must be unset"));
            }
            if geography::shapes(&area) > geography::MAX_SHAPES {
                let reason = format!("has more than {} polygons and codes", geography::MAX_SHAPES);
                return Err(InvalidField::new(field, reason));
            }
            let mut problems = Vec::new();
            let area = geography::area(area, &field, &mut problems);
            if let Some(problem) = problems.into_iter().next() {
                return Err(problem);
            }
            let area = resolve(area)?;
            if points(&area) > geography::MAX_POINTS {
                return Err(InvalidField::new(field, format!("has more than {} points", geography::MAX_POINTS)));
            }
            if area.has_ground() {
                Ok(Jurisdiction::Ground(area))
            } else {
                Err(InvalidField::new(field, "has no polygon, and no code of one"))
            }
        }
    }
}

fn points(area: &Area) -> usize {
    let rings = area.polygons.iter().flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes));
    rings.map(|ring| ring.points().len()).sum()
}

fn categories(categories: &[String]) -> Result<Vec<Category>, InvalidField> {
    read(categories, "categories", |text| Category::parse(text).ok_or("is no category of CAP"))
}

fn modes(modes: &[i32]) -> Result<Vec<Mode>, InvalidField> {
    let mode = |(position, mode): (usize, &i32)| terms::mode::required(*mode, &format!("authority.modes[{position}]"));
    modes.iter().enumerate().map(mode).collect()
}

fn scopes(scopes: &[String]) -> Result<Vec<AlertScope>, InvalidField> {
    let all = [AlertScope::Public, AlertScope::Restricted, AlertScope::Private];
    read(scopes, "scopes", |text| all.into_iter().find(|scope| scope.name() == text).ok_or("is no scope of CAP"))
}

/// Reads words, each once.
fn read<T: PartialEq>(
    texts: &[String],
    field: &str,
    word: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, InvalidField> {
    let mut found = Vec::new();
    for (position, text) in texts.iter().enumerate() {
        let word = word(text).map_err(|error| InvalidField::new(format!("authority.{field}[{position}]"), error))?;
        if !found.contains(&word) {
            found.push(word);
        }
    }
    Ok(found)
}

fn words(texts: &[String], field: &str, most: usize) -> Result<Vec<CompactString>, InvalidField> {
    if texts.len() > most {
        return Err(InvalidField::new(format!("authority.{field}"), format!("are more than {most}")));
    }
    read(texts, field, |text| {
        let fits = (1..=LONGEST).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(text.trim().into()) } else { Err("must be 1 to 256 characters, none of them a control character") }
    })
}

fn optional_severity(severity: i32) -> Result<Option<crate::domain::Severity>, InvalidField> {
    match severity {
        0 => Ok(None),
        severity => terms::severity::required(severity, "authority.highest_severity").map(Some),
    }
}

fn rate(v1::AlertRate { per_minute, burst }: v1::AlertRate) -> Result<AlertRate, InvalidField> {
    let count = |value: i32, field: &str| {
        let count = u32::try_from(value).ok().filter(|count| *count <= MOST_ALERTS).and_then(NonZeroU32::new);
        count.ok_or_else(|| InvalidField::new(format!("authority.rate.{field}"), "must be 1 to 60,000"))
    };
    let per_minute = count(per_minute, "per_minute")?;
    Ok(AlertRate { per_minute, burst: if burst == 0 { per_minute } else { count(burst, "burst")? } })
}

fn reach_limit(limit: i64) -> Result<u64, InvalidField> {
    u64::try_from(limit).map_err(|_| InvalidField::new("authority.reach_limit", "is negative"))
}

fn signature(rule: v1::SignatureRule) -> Result<SignatureRule, InvalidField> {
    let field = "authority.signature";
    let all = |certificates: Vec<v1::TrustedCertificate>, of: &str| {
        if certificates.len() > MOST_CERTIFICATES {
            return Err(InvalidField::new(format!("{field}.{of}"), format!("are more than {MOST_CERTIFICATES}")));
        }
        let read = |(position, certificate): (usize, v1::TrustedCertificate)| {
            let read = certificate::of_pem(&certificate.pem);
            read.map_err(|error| InvalidField::new(format!("{field}.{of}[{position}].pem"), error))
        };
        certificates.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()
    };
    let (certificates, roots) = (all(rule.certificates, "certificates")?, all(rule.roots, "roots")?);
    if certificates.is_empty() && roots.is_empty() {
        return Err(InvalidField::new(field, "has no certificate and no root"));
    }
    let subjects = words(&rule.subjects, "signature.subjects", MOST_CERTIFICATES)?;
    if roots.is_empty() && !subjects.is_empty() {
        return Err(InvalidField::new(
            format!("{field}.subjects"),
            "are of certificates under roots, and there is none",
        ));
    }
    if !roots.is_empty() && subjects.is_empty() {
        return Err(InvalidField::required(format!("{field}.subjects")));
    }
    Ok(SignatureRule { certificates, roots, subjects: subjects.iter().map(ToString::to_string).collect() })
}
