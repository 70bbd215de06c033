//! Authorities to the bytes of `hazardcast.storage.v1` and back.

use std::num::NonZeroU32;

use prost::Message;

use crate::domain::{
    AdmittedAuthority, AlertRate, AlertScope, AuthorityName, AuthorityTerms, Category, Jurisdiction, Mode, NonEmpty,
    Sender, Severity, SignatureRule, Timestamp, TrustedCertificate,
};
use crate::journal::area;
use crate::wire::convert::certificate;
use crate::wire::storage_v1::{AdmittedAuthorityRecord, SignatureRuleRecord};

use crate::files::{Bad, seal, unseal};

const MAGIC: [u8; 8] = *b"\x97hzauth\n";

const SCOPES: [AlertScope; 4] = [AlertScope::Public, AlertScope::Restricted, AlertScope::Private, AlertScope::Withheld];

pub(super) fn write(authority: &AdmittedAuthority) -> Vec<u8> {
    let AdmittedAuthority { name, terms, created, updated, revoked, revision } = authority;
    let place = |found: Option<usize>| found.map_or(0, |at| at as u32 + 1);
    let record = AdmittedAuthorityRecord {
        id: name.id().to_owned(),
        display_name: terms.display_name.clone(),
        senders: terms.senders.iter().map(|sender| sender.as_str().to_owned()).collect(),
        whole_world: terms.jurisdiction == Jurisdiction::World,
        jurisdiction: match &terms.jurisdiction {
            Jurisdiction::World => None,
            Jurisdiction::Ground(ground) => Some(area::write(ground)),
        },
        categories: terms.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        events: terms.events.iter().map(ToString::to_string).collect(),
        formats: terms.formats.iter().map(ToString::to_string).collect(),
        modes: terms.modes.iter().map(|mode| place(Mode::ALL.iter().position(|known| known == mode))).collect(),
        scopes: terms.scopes.iter().map(|scope| place(SCOPES.iter().position(|known| known == scope))).collect(),
        highest_severity: terms.highest_severity.map(|severity| severity.as_str().to_owned()).unwrap_or_default(),
        rate_per_minute: terms.rate.map_or(0, |rate| rate.per_minute.get()),
        rate_burst: terms.rate.map_or(0, |rate| rate.burst.get()),
        reach_limit: terms.reach_limit,
        signature: terms.signature.as_ref().map(write_rule),
        created_us: created.as_microsecond(),
        updated_us: updated.as_microsecond(),
        revoked_us: revoked.map(Timestamp::as_microsecond),
        revision: *revision,
    };
    seal(MAGIC, &record.encode_to_vec()).expect("the most points take far less than 4 GiB")
}

pub(super) fn read(bytes: &[u8]) -> Result<AdmittedAuthority, Bad> {
    let message = unseal(MAGIC, bytes)?;
    let record = AdmittedAuthorityRecord::decode(message).map_err(|_| Bad::Damaged("it cannot be decoded"))?;
    from_record(record).ok_or(Bad::Damaged("a field of it is malformed"))
}

fn from_record(record: AdmittedAuthorityRecord) -> Option<AdmittedAuthority> {
    let at = |us: i64| Timestamp::from_microsecond(us).ok();
    let senders: Option<Vec<_>> = record.senders.iter().map(|sender| Sender::new(sender).ok()).collect();
    let jurisdiction = match (record.whole_world, record.jurisdiction) {
        (true, None) => Jurisdiction::World,
        (false, Some(ground)) => Jurisdiction::Ground(area::read(ground).ok()?),
        _ => return None,
    };
    let position = |number: &u32| usize::try_from(*number).ok()?.checked_sub(1);
    let rate = match (NonZeroU32::new(record.rate_per_minute), NonZeroU32::new(record.rate_burst)) {
        (Some(per_minute), Some(burst)) => Some(AlertRate { per_minute, burst }),
        (None, None) => None,
        _ => return None,
    };
    let highest_severity = match record.highest_severity.as_str() {
        "" => None,
        severity => Some(Severity::parse(severity)?),
    };
    let terms = AuthorityTerms {
        display_name: record.display_name,
        senders: NonEmpty::new(senders?)?,
        jurisdiction,
        categories: record.categories.iter().map(|text| Category::parse(text)).collect::<Option<_>>()?,
        events: record.events.into_iter().map(Into::into).collect(),
        formats: record.formats.into_iter().map(Into::into).collect(),
        modes: record.modes.iter().map(|mode| Mode::ALL.get(position(mode)?).copied()).collect::<Option<_>>()?,
        scopes: record.scopes.iter().map(|scope| SCOPES.get(position(scope)?).copied()).collect::<Option<_>>()?,
        highest_severity,
        rate,
        reach_limit: record.reach_limit,
        signature: match record.signature {
            Some(rule) => Some(read_rule(rule)?),
            None => None,
        },
    };
    Some(AdmittedAuthority {
        name: AuthorityName::new(&record.id).ok()?,
        terms,
        created: at(record.created_us)?,
        updated: at(record.updated_us)?,
        revoked: match record.revoked_us {
            Some(us) => Some(at(us)?),
            None => None,
        },
        revision: record.revision,
    })
}

fn write_rule(rule: &SignatureRule) -> SignatureRuleRecord {
    let ders = |certificates: &[TrustedCertificate]| {
        certificates.iter().map(|certificate| certificate.der.clone().into()).collect()
    };
    SignatureRuleRecord {
        certificates: ders(&rule.certificates),
        roots: ders(&rule.roots),
        subjects: rule.subjects.clone(),
    }
}

fn read_rule(rule: SignatureRuleRecord) -> Option<SignatureRule> {
    let all = |ders: Vec<bytes::Bytes>| {
        ders.into_iter().map(|der| certificate::of_der(der.into()).ok()).collect::<Option<Vec<_>>>()
    };
    Some(SignatureRule { certificates: all(rule.certificates)?, roots: all(rule.roots)?, subjects: rule.subjects })
}
