//! Records to the bytes of `hazardcast.storage.v1` and back. Only this translates between them and the domain.
//!
//! An entry is written without its number and the hash before it, which are known only when its turn has come: the
//! chain puts both in front. A message in bytes is the bytes of its fields one after another, so that nothing is
//! written twice.

use bytes::Bytes;
use compact_str::CompactString;
use prost::Message;

use crate::domain::{
    Act, Actor, ActorKind, AlertId, AlertOutcome, AuditEntry, AuditPosition, AuditRecord, AuditSubject, ConsentTerms,
    CredentialId, DeliveryKey, FeedAct, Identifier, LineageId, PolicyVersion, Purpose, RecordHash, Revision, Sender,
    Timestamp,
};
use crate::segments::InvalidEntry::{self, Impossible, Malformed, Missing};
use crate::wire::storage_v1 as stored;
use crate::wire::storage_v1::audit_record as part;
use crate::wire::storage_v1::audit_record::Act as StoredAct;

/// The bytes of all but the number and the hash before it.
pub(super) fn encode(entry: &AuditEntry, time: Timestamp) -> Vec<u8> {
    let record = stored::AuditRecord {
        sequence: 0,
        previous_sha256: Bytes::new(),
        time_us: time.as_microsecond(),
        actor_kind: write_kind(entry.actor.kind).into(),
        actor_name: entry.actor.name.to_string(),
        subjects: entry.subjects.iter().map(|subject| Bytes::copy_from_slice(&subject.0)).collect(),
        object: entry.object.to_string(),
        actor_credential: entry.actor.credential.map(|id| Bytes::copy_from_slice(&id.0)).unwrap_or_default(),
        act: Some(write_act(&entry.act)),
    };
    record.encode_to_vec()
}

/// The number that a record's bytes hold, and the hash of the record before it.
pub(super) fn link(record: &stored::AuditRecord) -> Result<(u64, RecordHash), InvalidEntry> {
    let previous = <[u8; 32]>::try_from(&*record.previous_sha256).map_err(|_| Impossible("previous_sha256"))?;
    Ok((record.sequence, RecordHash(previous)))
}

/// What a record's bytes hold.
pub(super) fn parse(bytes: &[u8]) -> Result<stored::AuditRecord, InvalidEntry> {
    stored::AuditRecord::decode(bytes).map_err(|_| Malformed)
}

/// What a record says; `hash` is that of its bytes.
pub(super) fn read(record: stored::AuditRecord, hash: RecordHash) -> Result<AuditRecord, InvalidEntry> {
    let (sequence, previous) = link(&record)?;
    let kind = read_kind(record.actor_kind())?;
    let credential = match &*record.actor_credential {
        [] => None,
        id => Some(CredentialId(<[u8; 10]>::try_from(id).map_err(|_| Impossible("actor_credential"))?)),
    };
    let subject = |bytes: &Bytes| <[u8; 16]>::try_from(&**bytes).map(AuditSubject).map_err(|_| Impossible("subjects"));
    Ok(AuditRecord {
        position: AuditPosition { sequence, hash },
        previous,
        time: instant(record.time_us, "time_us")?,
        actor: Actor { kind, name: record.actor_name.into(), credential },
        act: record.act.map(read_act).transpose()?,
        subjects: record.subjects.iter().map(subject).collect::<Result<_, _>>()?,
        object: record.object.into(),
    })
}

fn write_kind(kind: ActorKind) -> part::ActorKind {
    match kind {
        ActorKind::Server => part::ActorKind::Server,
        ActorKind::Development => part::ActorKind::Development,
        ActorKind::Partner => part::ActorKind::Partner,
        ActorKind::Authority => part::ActorKind::Authority,
        ActorKind::Operator => part::ActorKind::Operator,
        ActorKind::Bootstrap => part::ActorKind::Bootstrap,
        ActorKind::Stranger => part::ActorKind::Stranger,
    }
}

fn read_kind(kind: part::ActorKind) -> Result<ActorKind, InvalidEntry> {
    ActorKind::ALL.into_iter().find(|&known| write_kind(known) == kind).ok_or(Missing("actor_kind"))
}

fn write_act(act: &Act) -> StoredAct {
    match act {
        Act::LogBegun { log } => StoredAct::LogBegun(part::LogBegun { log: Bytes::copy_from_slice(log) }),
        &Act::TailCut { segment, offset, bytes: length, ref sha256 } => {
            StoredAct::TailCut(part::TailCut { segment, offset, length, sha256: Bytes::copy_from_slice(sha256) })
        }
        Act::Feed(act) => StoredAct::FeedChanged(part::FeedChanged { act: *act as u32 }),
        Act::LogAnchored => StoredAct::LogAnchored(part::LogAnchored {}),
        Act::LogRead { records } => StoredAct::LogRead(part::LogRead { records: *records }),
        Act::ServerStarted { version, development } => {
            StoredAct::ServerStarted(part::ServerStarted { version: version.to_string(), development: *development })
        }
        Act::ServerStopped => StoredAct::ServerStopped(part::ServerStopped {}),
        Act::RegistrationCreated { .. } => StoredAct::RegistrationCreated(write_created(act)),
        Act::RegistrationEnded => StoredAct::RegistrationEnded(part::RegistrationEnded {}),
        Act::RegistrationRead => StoredAct::RegistrationRead(part::RegistrationRead {}),
        Act::RegistrationUpdated { .. } => StoredAct::RegistrationUpdated(write_updated(act)),
        Act::RegistrationRecovered { consents } => StoredAct::RegistrationRecovered(part::RegistrationRecovered {
            consents: consents.iter().map(write_terms).collect(),
        }),
        Act::RegistrationDeleted => StoredAct::RegistrationDeleted(part::RegistrationDeleted {}),
        &Act::PlacesReported { reported, forgotten, refused, since } => {
            let since_us = since.as_microsecond();
            StoredAct::PlacesReported(part::PlacesReported { reported, forgotten, refused, since_us })
        }
        Act::ConsentGranted(terms) => {
            StoredAct::ConsentGranted(part::ConsentGranted { terms: Some(write_terms(terms)) })
        }
        Act::ConsentWithdrawn { purpose } => {
            StoredAct::ConsentWithdrawn(part::ConsentWithdrawn { purpose: write_purpose(*purpose) })
        }
        Act::ConsentEnded { purposes } => StoredAct::ConsentEnded(write_ended(purposes)),
        Act::PolicyRetired { version } => StoredAct::PolicyRetired(part::PolicyRetired { version: version.0.into() }),
        &Act::RegionsImported { regions } => StoredAct::RegionsImported(part::RegionsImported { regions }),
        Act::SavedPlaceSet => StoredAct::SavedPlaceSet(part::SavedPlaceSet {}),
        Act::SavedPlaceDeleted => StoredAct::SavedPlaceDeleted(part::SavedPlaceDeleted {}),
        Act::SavedPlacesRead => StoredAct::SavedPlacesRead(part::SavedPlacesRead {}),
        &Act::PlacesForgotten { stale, without_consent } => {
            StoredAct::PlacesForgotten(part::PlacesForgotten { stale, without_consent })
        }
        Act::AlertDecided { authority, alert, outcome, recovered } => {
            StoredAct::AlertDecided(write_decided(authority, alert.as_ref(), outcome, *recovered))
        }
        Act::AlertPreviewed { alert, found } => StoredAct::AlertPreviewed(write_previewed(alert, *found)),
        Act::PartnerCreated => StoredAct::PartnerCreated(part::PartnerCreated {}),
        Act::AppCreated => StoredAct::AppCreated(part::AppCreated {}),
        Act::CredentialCreated { holder, expires } => StoredAct::CredentialCreated(part::CredentialCreated {
            holder: Some(write_holder(holder)),
            expires_us: expires.as_microsecond(),
        }),
        Act::CredentialRevoked { holder } => {
            StoredAct::CredentialRevoked(part::CredentialRevoked { holder: Some(write_holder(holder)) })
        }
        Act::AuthorityCreated { terms } => StoredAct::AuthorityCreated(write_admitted(terms)),
        Act::AuthorityUpdated { changes } => StoredAct::AuthorityUpdated(write_limited(changes)),
        Act::AuthorityRevoked => StoredAct::AuthorityRevoked(part::AuthorityRevoked {}),
        Act::BootstrapOffered => StoredAct::BootstrapOffered(part::BootstrapOffered {}),
        Act::ZoneCreated => StoredAct::ZoneCreated(part::ZoneCreated {}),
        Act::ZoneUpdated => StoredAct::ZoneUpdated(part::ZoneUpdated {}),
        Act::ZoneDeleted => StoredAct::ZoneDeleted(part::ZoneDeleted {}),
        &Act::EventsRead { events } => StoredAct::EventsRead(part::EventsRead { events }),
        &Act::WebhookSet { secret } => StoredAct::WebhookSet(part::WebhookSet { secret }),
        Act::WebhookDeleted => StoredAct::WebhookDeleted(part::WebhookDeleted {}),
        Act::IdentityKeyRotated => StoredAct::IdentityKeyRotated(part::IdentityKeyRotated {}),
        Act::IdentityKeyErased => StoredAct::IdentityKeyErased(part::IdentityKeyErased {}),
    }
}

fn read_act(act: StoredAct) -> Result<Act, InvalidEntry> {
    Ok(match act {
        StoredAct::LogBegun(begun) => Act::LogBegun { log: array(&begun.log, "log")? },
        StoredAct::TailCut(part::TailCut { segment, offset, length, sha256 }) => {
            Act::TailCut { segment, offset, bytes: length, sha256: array(&sha256, "sha256")? }
        }
        StoredAct::FeedChanged(changed) => read_feed(changed.act)?,
        StoredAct::LogAnchored(_) => Act::LogAnchored,
        StoredAct::LogRead(read) => Act::LogRead { records: read.records },
        StoredAct::ServerStarted(started) => {
            Act::ServerStarted { version: started.version.into(), development: started.development }
        }
        StoredAct::ServerStopped(_) => Act::ServerStopped,
        StoredAct::RegistrationCreated(created) => Act::RegistrationCreated {
            consents: created.consents.iter().map(read_terms).collect::<Result<_, _>>()?,
            place: created.place,
            again: created.again,
            claim: created.claim,
            vouched: created.vouched,
        },
        StoredAct::RegistrationEnded(_) => Act::RegistrationEnded,
        StoredAct::RegistrationRead(_) => Act::RegistrationRead,
        StoredAct::RegistrationUpdated(updated) => read_updated(updated),
        StoredAct::RegistrationRecovered(recovered) => Act::RegistrationRecovered {
            consents: recovered.consents.iter().map(read_terms).collect::<Result<_, _>>()?,
        },
        StoredAct::RegistrationDeleted(_) => Act::RegistrationDeleted,
        StoredAct::PlacesReported(part::PlacesReported { reported, forgotten, refused, since_us }) => {
            Act::PlacesReported { reported, forgotten, refused, since: instant(since_us, "since_us")? }
        }
        StoredAct::ConsentGranted(granted) => {
            Act::ConsentGranted(read_terms(granted.terms.as_ref().ok_or(Missing("terms"))?)?)
        }
        StoredAct::ConsentWithdrawn(withdrawn) => Act::ConsentWithdrawn { purpose: read_purpose(withdrawn.purpose)? },
        StoredAct::ConsentEnded(ended) => Act::ConsentEnded { purposes: read_ended(ended)? },
        StoredAct::PolicyRetired(retired) => Act::PolicyRetired { version: read_policy(retired.version)? },
        StoredAct::RegionsImported(imported) => Act::RegionsImported { regions: imported.regions },
        StoredAct::SavedPlaceSet(_) => Act::SavedPlaceSet,
        StoredAct::SavedPlaceDeleted(_) => Act::SavedPlaceDeleted,
        StoredAct::SavedPlacesRead(_) => Act::SavedPlacesRead,
        StoredAct::PlacesForgotten(part::PlacesForgotten { stale, without_consent }) => {
            Act::PlacesForgotten { stale, without_consent }
        }
        StoredAct::AlertDecided(decided) => read_decided(decided)?,
        StoredAct::AlertPreviewed(previewed) => read_previewed(&previewed)?,
        StoredAct::PartnerCreated(_) => Act::PartnerCreated,
        StoredAct::AppCreated(_) => Act::AppCreated,
        StoredAct::CredentialCreated(created) => Act::CredentialCreated {
            holder: read_holder(created.holder)?,
            expires: instant(created.expires_us, "expires_us")?,
        },
        StoredAct::CredentialRevoked(revoked) => Act::CredentialRevoked { holder: read_holder(revoked.holder)? },
        StoredAct::AuthorityCreated(created) => Act::AuthorityCreated { terms: read_texts(created.terms) },
        StoredAct::AuthorityUpdated(updated) => Act::AuthorityUpdated { changes: read_texts(updated.changes) },
        StoredAct::AuthorityRevoked(_) => Act::AuthorityRevoked,
        StoredAct::BootstrapOffered(_) => Act::BootstrapOffered,
        StoredAct::ZoneCreated(_) => Act::ZoneCreated,
        StoredAct::ZoneUpdated(_) => Act::ZoneUpdated,
        StoredAct::ZoneDeleted(_) => Act::ZoneDeleted,
        StoredAct::EventsRead(part::EventsRead { events }) => Act::EventsRead { events },
        StoredAct::WebhookSet(part::WebhookSet { secret }) => Act::WebhookSet { secret },
        StoredAct::WebhookDeleted(_) => Act::WebhookDeleted,
        StoredAct::IdentityKeyRotated(_) => Act::IdentityKeyRotated,
        StoredAct::IdentityKeyErased(_) => Act::IdentityKeyErased,
    })
}

fn write_created(act: &Act) -> part::RegistrationCreated {
    let &Act::RegistrationCreated { ref consents, place, again, claim, vouched } = act else {
        return part::RegistrationCreated::default();
    };
    let consents = consents.iter().map(write_terms).collect();
    part::RegistrationCreated { consents, place, again, claim, vouched }
}

fn write_updated(act: &Act) -> part::RegistrationUpdated {
    let &Act::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision } = act
    else {
        return part::RegistrationUpdated::default();
    };
    part::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision }
}

fn read_updated(updated: part::RegistrationUpdated) -> Act {
    let part::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision } = updated;
    Act::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision }
}

fn write_previewed(alert: &AlertId, found: u64) -> part::AlertPreviewed {
    part::AlertPreviewed { alert: Some(write_alert(alert)), found }
}

fn read_previewed(previewed: &part::AlertPreviewed) -> Result<Act, InvalidEntry> {
    let alert = read_alert(previewed.alert.as_ref().ok_or(Missing("alert"))?)?;
    Ok(Act::AlertPreviewed { alert, found: previewed.found })
}

fn write_admitted(terms: &[CompactString]) -> part::AuthorityCreated {
    part::AuthorityCreated { terms: write_texts(terms) }
}

fn write_limited(changes: &[CompactString]) -> part::AuthorityUpdated {
    part::AuthorityUpdated { changes: write_texts(changes) }
}

fn write_ended(purposes: &[Purpose]) -> part::ConsentEnded {
    part::ConsentEnded { purposes: purposes.iter().copied().map(write_purpose).collect() }
}

fn read_ended(ended: part::ConsentEnded) -> Result<Vec<Purpose>, InvalidEntry> {
    ended.purposes.into_iter().map(read_purpose).collect()
}

fn write_texts(texts: &[CompactString]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn read_texts(texts: Vec<String>) -> Vec<CompactString> {
    texts.into_iter().map(Into::into).collect()
}

fn write_holder(holder: &Actor) -> part::Holder {
    part::Holder { kind: write_kind(holder.kind).into(), name: holder.name.to_string() }
}

fn read_holder(holder: Option<part::Holder>) -> Result<Actor, InvalidEntry> {
    let holder = holder.ok_or(Missing("holder"))?;
    Ok(Actor { kind: read_kind(holder.kind())?, name: holder.name.into(), credential: None })
}

fn write_decided(
    authority: &str,
    alert: Option<&AlertId>,
    outcome: &AlertOutcome,
    recovered: bool,
) -> part::AlertDecided {
    let (kind, reason, key) = match outcome {
        AlertOutcome::Admitted(key) => (part::Outcome::Admitted, "", Some(key)),
        AlertOutcome::Ignored { reason, key } => (part::Outcome::Ignored, reason.as_str(), key.as_ref()),
        AlertOutcome::Refused { reason } => (part::Outcome::Refused, reason.as_str(), None),
        AlertOutcome::Held { reason } => (part::Outcome::Held, reason.as_str(), None),
    };
    part::AlertDecided {
        authority: authority.to_owned(),
        alert: alert.map(write_alert),
        outcome: kind.into(),
        reason: reason.to_owned(),
        key: key.map(|key| part::Key { lineage: key.lineage.0, revision: key.revision.0 }),
        recovered,
    }
}

fn read_decided(decided: part::AlertDecided) -> Result<Act, InvalidEntry> {
    let kind = decided.outcome();
    let reason = decided.reason.into();
    let key = decided.key.map(|key| DeliveryKey { lineage: LineageId(key.lineage), revision: Revision(key.revision) });
    let outcome = match kind {
        part::Outcome::Unspecified => return Err(Missing("outcome")),
        part::Outcome::Admitted => AlertOutcome::Admitted(key.ok_or(Missing("key"))?),
        part::Outcome::Ignored => AlertOutcome::Ignored { reason, key },
        part::Outcome::Refused => AlertOutcome::Refused { reason },
        part::Outcome::Held => AlertOutcome::Held { reason },
    };
    Ok(Act::AlertDecided {
        authority: decided.authority.into(),
        alert: decided.alert.as_ref().map(read_alert).transpose()?,
        outcome,
        recovered: decided.recovered,
    })
}

fn write_terms(terms: &ConsentTerms) -> part::ConsentTerms {
    part::ConsentTerms {
        purpose: write_purpose(terms.purpose),
        policy: terms.policy.0.into(),
        granted_us: terms.granted.as_microsecond(),
        expires_us: terms.expires.map(Timestamp::as_microsecond),
        origin_digest: Bytes::copy_from_slice(&terms.origin_digest),
        guardian_digest: terms.guardian_digest.map(|digest| Bytes::copy_from_slice(&digest)).unwrap_or_default(),
    }
}

fn read_terms(terms: &part::ConsentTerms) -> Result<ConsentTerms, InvalidEntry> {
    Ok(ConsentTerms {
        purpose: read_purpose(terms.purpose)?,
        policy: read_policy(terms.policy)?,
        granted: instant(terms.granted_us, "granted_us")?,
        expires: terms.expires_us.map(|expires| instant(expires, "expires_us")).transpose()?,
        origin_digest: array(&terms.origin_digest, "origin_digest")?,
        guardian_digest: match &*terms.guardian_digest {
            [] => None,
            _ => Some(array(&terms.guardian_digest, "guardian_digest")?),
        },
    })
}

fn read_policy(version: u32) -> Result<PolicyVersion, InvalidEntry> {
    u16::try_from(version).map(PolicyVersion).map_err(|_| Impossible("policy"))
}

fn write_purpose(purpose: Purpose) -> u32 {
    purpose as u32 + 1
}

fn read_purpose(number: u32) -> Result<Purpose, InvalidEntry> {
    Purpose::ALL.into_iter().find(|&known| write_purpose(known) == number).ok_or(Impossible("purpose"))
}

fn write_alert(alert: &AlertId) -> part::Alert {
    part::Alert {
        sender: alert.sender.as_str().to_owned(),
        identifier: alert.identifier.as_str().to_owned(),
        sent_us: alert.sent.as_microsecond(),
    }
}

fn read_alert(alert: &part::Alert) -> Result<AlertId, InvalidEntry> {
    Ok(AlertId {
        sender: Sender::new(&alert.sender).map_err(|_| Impossible("sender"))?,
        identifier: Identifier::new(&alert.identifier).map_err(|_| Impossible("identifier"))?,
        sent: instant(alert.sent_us, "sent_us")?,
    })
}

/// What a record says of what other stores hold.
pub(super) enum Trace<'a> {
    /// An alert became this.
    Admitted(DeliveryKey),
    /// The registrations of these were changed.
    Changed(&'a [Bytes]),
    /// This partner, app or credential was made or revoked.
    Administered(&'a str),
    /// Nothing.
    Neither,
}

/// What a record says of what other stores hold, without reading all of it.
pub(super) fn trace(record: &stored::AuditRecord) -> Trace<'_> {
    match &record.act {
        Some(StoredAct::AlertDecided(decided)) if decided.outcome() == part::Outcome::Admitted => {
            let key = decided.key.map(|key| (LineageId(key.lineage), Revision(key.revision)));
            key.map_or(Trace::Neither, |(lineage, revision)| Trace::Admitted(DeliveryKey { lineage, revision }))
        }
        Some(
            StoredAct::RegistrationCreated(_)
            | StoredAct::RegistrationUpdated(_)
            | StoredAct::RegistrationRecovered(_)
            | StoredAct::ConsentGranted(_)
            | StoredAct::ConsentWithdrawn(_)
            | StoredAct::ConsentEnded(_)
            | StoredAct::SavedPlaceSet(_)
            | StoredAct::SavedPlaceDeleted(_),
        ) => Trace::Changed(&record.subjects),
        Some(
            StoredAct::PartnerCreated(_)
            | StoredAct::AppCreated(_)
            | StoredAct::PolicyRetired(_)
            | StoredAct::ZoneCreated(_)
            | StoredAct::ZoneUpdated(_)
            | StoredAct::ZoneDeleted(_)
            | StoredAct::FeedChanged(_)
            | StoredAct::RegionsImported(_)
            | StoredAct::CredentialCreated(_)
            | StoredAct::CredentialRevoked(_)
            | StoredAct::AuthorityCreated(_)
            | StoredAct::AuthorityUpdated(_)
            | StoredAct::AuthorityRevoked(_),
        ) => Trace::Administered(&record.object),
        _ => Trace::Neither,
    }
}

/// The segment, place and length that a record says were cut off, if that is what it says.
pub(super) fn tail_cut(record: &stored::AuditRecord) -> Option<(u64, u64, u64)> {
    match &record.act {
        Some(StoredAct::TailCut(cut)) => Some((cut.segment, cut.offset, cut.length)),
        _ => None,
    }
}

fn read_feed(number: u32) -> Result<Act, InvalidEntry> {
    let act = FeedAct::ALL.into_iter().find(|act| *act as u32 == number);
    act.map(Act::Feed).ok_or(Impossible("act"))
}

fn instant(us: i64, field: &'static str) -> Result<Timestamp, InvalidEntry> {
    Timestamp::from_microsecond(us).map_err(|_| Impossible(field))
}

fn array<const LEN: usize>(bytes: &Bytes, field: &'static str) -> Result<[u8; LEN], InvalidEntry> {
    <[u8; LEN]>::try_from(&**bytes).map_err(|_| Impossible(field))
}
