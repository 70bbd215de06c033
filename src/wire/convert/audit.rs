//! Records of the audit log. They go out only: nobody writes one by the API.

use bytes::Bytes;
use compact_str::CompactString;

use crate::domain::{
    Act, Actor, ActorKind, AlertId, AlertOutcome, AuditPosition, AuditRecord, ConsentTerms, DeliveryKey, Purpose,
};
use crate::wire::v1;
use crate::wire::v1::audit_actor::Kind;
use crate::wire::v1::audit_record as part;
use crate::wire::v1::audit_record::Details;

use super::{terms, time};

/// A record.
pub fn to_wire(record: &AuditRecord) -> v1::AuditRecord {
    v1::AuditRecord {
        position: Some(position_to_wire(record.position)),
        previous_sha256: Bytes::copy_from_slice(&record.previous.0),
        create_time: Some(time::to_wire(record.time)),
        actor: Some(actor_to_wire(&record.actor)),
        action: record.act.as_ref().map_or("unknown", Act::name).to_owned(),
        subjects: record.subjects.iter().map(ToString::to_string).collect(),
        object: record.object.to_string(),
        details: record.act.as_ref().and_then(details),
    }
}

/// Where a record stands.
pub fn position_to_wire(position: AuditPosition) -> v1::AuditPosition {
    let AuditPosition { sequence, hash } = position;
    v1::AuditPosition { sequence: sequence.cast_signed(), sha256: Bytes::copy_from_slice(&hash.0) }
}

/// Who acted.
fn actor_to_wire(actor: &Actor) -> v1::AuditActor {
    let credential = actor.credential.map(|credential| credential.to_string()).unwrap_or_default();
    v1::AuditActor { kind: kind_to_wire(actor.kind).into(), name: actor.name.to_string(), credential }
}

/// A kind of actor.
pub fn kind_to_wire(kind: ActorKind) -> Kind {
    match kind {
        ActorKind::Server => Kind::Server,
        ActorKind::Development => Kind::Development,
        ActorKind::Partner => Kind::Partner,
        ActorKind::Authority => Kind::Authority,
        ActorKind::Operator => Kind::Operator,
        ActorKind::Bootstrap => Kind::Bootstrap,
        ActorKind::Stranger => Kind::Stranger,
    }
}

/// Reads a kind of actor; `None` for the unset value and for one that is not known.
pub fn kind_from_wire(kind: i32) -> Option<ActorKind> {
    let kind = Kind::try_from(kind).ok()?;
    ActorKind::ALL.into_iter().find(|&known| kind_to_wire(known) == kind)
}

fn details(act: &Act) -> Option<Details> {
    Some(match act {
        Act::LogBegun { log } => Details::LogBegun(part::LogBegun { log: Bytes::copy_from_slice(log) }),
        Act::TailCut { segment, offset, bytes, sha256 } => {
            let (segment, offset, byte_count) = (segment.cast_signed(), offset.cast_signed(), bytes.cast_signed());
            Details::TailCut(part::TailCut { segment, offset, byte_count, sha256: Bytes::copy_from_slice(sha256) })
        }
        Act::LogRead { records } => Details::LogRead(part::LogRead { record_count: records.cast_signed() }),
        Act::ServerStarted { version, development } => {
            Details::ServerStarted(part::ServerStarted { version: version.to_string(), development: *development })
        }
        Act::RegistrationCreated { .. } => Details::RegistrationCreated(created_to_wire(act)),
        Act::RegistrationRecovered { consents } => {
            Details::RegistrationRecovered(part::RegistrationRecovered { consents: all_terms(consents) })
        }
        Act::RegistrationUpdated { .. } => Details::RegistrationUpdated(updated_to_wire(act)),
        Act::PlacesReported { reported, forgotten, refused, since } => Details::PlacesReported(part::PlacesReported {
            report_count: reported.cast_signed(),
            forget_count: forgotten.cast_signed(),
            refuse_count: refused.cast_signed(),
            start_time: Some(time::to_wire(*since)),
        }),
        Act::ConsentGranted(terms) => Details::ConsentGranted(terms_to_wire(terms)),
        Act::ConsentWithdrawn { purpose } => {
            Details::ConsentWithdrawn(part::ConsentWithdrawn { purpose: purpose_to_wire(*purpose) })
        }
        Act::ConsentEnded { purposes } => Details::ConsentEnded(ended_to_wire(purposes)),
        Act::PolicyRetired { version } => Details::PolicyRetired(part::PolicyRetired { version: version.0.into() }),
        Act::PlacesForgotten { stale, without_consent } => {
            Details::PlacesForgotten(forgotten_to_wire(*stale, *without_consent))
        }
        Act::AlertDecided { authority, alert, outcome, recovered } => {
            Details::AlertDecided(decided_to_wire(authority, alert.as_ref(), outcome, *recovered))
        }
        Act::AlertPreviewed { alert, found } => Details::AlertPreviewed(previewed_to_wire(alert, *found)),
        Act::CredentialCreated { holder, expires } => Details::CredentialCreated(part::CredentialCreated {
            holder: Some(actor_to_wire(holder)),
            expire_time: Some(time::to_wire(*expires)),
        }),
        Act::CredentialRevoked { holder } => {
            Details::CredentialRevoked(part::CredentialRevoked { holder: Some(actor_to_wire(holder)) })
        }
        Act::AuthorityCreated { terms } => Details::AuthorityCreated(admitted_to_wire(terms)),
        Act::AuthorityUpdated { changes } => Details::AuthorityUpdated(limited_to_wire(changes)),
        Act::EventsRead { events } => Details::EventsRead(part::EventsRead { event_count: events.cast_signed() }),
        Act::RegionsImported { regions } => Details::RegionsImported(imported_to_wire(*regions)),
        &Act::WebhookSet { secret } => Details::WebhookSet(part::WebhookSet { secret }),
        Act::LogAnchored
        | Act::ServerStopped
        | Act::RegistrationEnded
        | Act::RegistrationRead
        | Act::RegistrationDeleted
        | Act::SavedPlaceSet
        | Act::SavedPlaceDeleted
        | Act::SavedPlacesRead
        | Act::PartnerCreated
        | Act::AppCreated
        | Act::AuthorityRevoked
        | Act::BootstrapOffered
        | Act::ZoneCreated
        | Act::ZoneUpdated
        | Act::Feed(_)
        | Act::ZoneDeleted
        | Act::WebhookDeleted
        | Act::IdentityKeyRotated
        | Act::IdentityKeyErased => return None,
    })
}

fn created_to_wire(act: &Act) -> part::RegistrationCreated {
    let &Act::RegistrationCreated { ref consents, place, again, claim, vouched } = act else {
        return part::RegistrationCreated::default();
    };
    part::RegistrationCreated { consents: all_terms(consents), place, again, claim, vouched }
}

fn updated_to_wire(act: &Act) -> part::RegistrationUpdated {
    let &Act::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision } = act
    else {
        return part::RegistrationUpdated::default();
    };
    part::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision }
}

fn decided_to_wire(
    authority: &str,
    alert: Option<&AlertId>,
    outcome: &AlertOutcome,
    recovered: bool,
) -> part::AlertDecided {
    let (kind, reason, key): (_, _, Option<DeliveryKey>) = match outcome {
        AlertOutcome::Admitted(key) => (part::Outcome::Admitted, "", Some(*key)),
        AlertOutcome::Ignored { reason, key } => (part::Outcome::Ignored, reason.as_str(), *key),
        AlertOutcome::Refused { reason } => (part::Outcome::Refused, reason.as_str(), None),
        AlertOutcome::Held { reason } => (part::Outcome::Held, reason.as_str(), None),
    };
    part::AlertDecided {
        authority: authority.to_owned(),
        alert: alert.map(alert_to_wire),
        outcome: kind.into(),
        reason: reason.to_owned(),
        key: key.map(terms::key_to_wire),
        recovered,
    }
}

fn previewed_to_wire(alert: &AlertId, found: u64) -> part::AlertPreviewed {
    part::AlertPreviewed { alert: Some(alert_to_wire(alert)), found_count: found.cast_signed() }
}

fn admitted_to_wire(terms: &[CompactString]) -> part::AuthorityCreated {
    part::AuthorityCreated { terms: texts_to_wire(terms) }
}

fn limited_to_wire(changes: &[CompactString]) -> part::AuthorityUpdated {
    part::AuthorityUpdated { changes: texts_to_wire(changes) }
}

fn forgotten_to_wire(stale: u64, without_consent: u64) -> part::PlacesForgotten {
    part::PlacesForgotten { stale_count: stale.cast_signed(), without_consent_count: without_consent.cast_signed() }
}

fn texts_to_wire(texts: &[CompactString]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn all_terms(consents: &[ConsentTerms]) -> Vec<part::ConsentTerms> {
    consents.iter().map(terms_to_wire).collect()
}

fn imported_to_wire(regions: u64) -> part::RegionsImported {
    part::RegionsImported { region_count: regions.cast_signed() }
}

fn ended_to_wire(purposes: &[Purpose]) -> part::ConsentEnded {
    part::ConsentEnded { purposes: purposes.iter().copied().map(purpose_to_wire).collect() }
}

fn terms_to_wire(terms: &ConsentTerms) -> part::ConsentTerms {
    part::ConsentTerms {
        purpose: purpose_to_wire(terms.purpose),
        policy_version: terms.policy.0.into(),
        grant_time: Some(time::to_wire(terms.granted)),
        expire_time: terms.expires.map(time::to_wire),
        origin_digest: Bytes::copy_from_slice(&terms.origin_digest),
        guardian_digest: terms.guardian_digest.map(|digest| Bytes::copy_from_slice(&digest)).unwrap_or_default(),
    }
}

fn purpose_to_wire(purpose: Purpose) -> i32 {
    terms::purpose::to_wire(purpose).into()
}

fn alert_to_wire(alert: &AlertId) -> part::Alert {
    part::Alert {
        sender: alert.sender.as_str().to_owned(),
        identifier: alert.identifier.as_str().to_owned(),
        send_time: Some(time::to_wire(alert.sent)),
    }
}
