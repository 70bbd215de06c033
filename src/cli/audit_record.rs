//! A record of the audit log, for machines and for people.

use serde_json::{Map, Value, json};

use crate::domain::Purpose;
use crate::wire::convert::terms;
use crate::wire::v1;
use crate::wire::v1::audit_record as part;
use crate::wire::v1::audit_record::Details;

use super::output::{hex, instant};

/// Subjects that are named in a row; of the others only the number is told.
const SUBJECTS_NAMED: usize = 1;

/// All that is in a record, as one object.
pub(super) fn record_json(record: &v1::AuditRecord) -> Value {
    let position = record.position.clone().unwrap_or_default();
    let actor = record.actor.clone().unwrap_or_default();
    json!({
        "record": position.sequence,
        "hash": hex(&position.sha256),
        "previous": hex(&record.previous_sha256),
        "time": at(record.create_time),
        "actor": actor_json(&actor),
        "action": record.action,
        "subjects": record.subjects,
        "object": record.object,
        "details": record.details.as_ref().map_or_else(|| json!({}), details),
    })
}

/// A record in the cells of a table.
pub(super) fn row(record: &v1::AuditRecord) -> [String; 6] {
    let actor = record.actor.clone().unwrap_or_default();
    let details = record.details.as_ref().map_or(Value::Null, details);
    let mut about: Vec<String> = record.subjects.iter().take(SUBJECTS_NAMED).cloned().collect();
    if record.subjects.len() > SUBJECTS_NAMED {
        about.push(format!("and {} more", record.subjects.len() - SUBJECTS_NAMED));
    }
    about.extend(Some(record.object.clone()).filter(|object| !object.is_empty()));
    [
        record.position.as_ref().map(|position| position.sequence.to_string()).unwrap_or_default(),
        at(record.create_time).as_str().unwrap_or_default().to_owned(),
        [actor_kind(&actor), &actor.name, &actor.credential].map(str::trim).join(" ").trim_end().replace("  ", " "),
        record.action.clone(),
        about.join("\n"),
        words(&details),
    ]
}

fn actor_json(actor: &v1::AuditActor) -> Value {
    json!({ "kind": actor_kind(actor), "name": actor.name, "credential": actor.credential })
}

fn details(details: &Details) -> Value {
    match details {
        Details::LogBegun(begun) => json!({ "log": hex(&begun.log) }),
        Details::TailCut(cut) => json!({
            "segment": cut.segment, "offset": cut.offset, "bytes": cut.byte_count, "sha256": hex(&cut.sha256),
        }),
        Details::LogRead(read) => json!({ "records": read.record_count }),
        Details::ServerStarted(started) => {
            json!({ "version": started.version, "development": started.development })
        }
        Details::RegistrationCreated(created) => json!({
            "consents": created.consents.iter().map(consent).collect::<Vec<_>>(),
            "place": created.place, "again": created.again, "claim": created.claim, "vouched": created.vouched,
        }),
        Details::RegistrationRecovered(recovered) => {
            json!({ "consents": recovered.consents.iter().map(consent).collect::<Vec<_>>() })
        }
        Details::RegistrationUpdated(updated) => json!({
            "traits": updated.traits, "tokens": updated.tokens, "drills": updated.drills, "secret": updated.secret,
            "preferences": updated.preferences,
            "under_14": updated.under_14, "place_precision": updated.place_precision,
        }),
        Details::PlacesReported(reported) => json!({
            "reported": reported.report_count, "forgotten": reported.forget_count,
            "refused": reported.refuse_count, "since": at(reported.start_time),
        }),
        Details::ConsentGranted(terms) => consent(terms),
        Details::ConsentWithdrawn(withdrawn) => json!({ "purpose": purpose(withdrawn.purpose) }),
        Details::ConsentEnded(ended) => {
            json!({ "purposes": ended.purposes.iter().copied().map(purpose).collect::<Vec<_>>() })
        }
        Details::PolicyRetired(retired) => json!({ "version": retired.version }),
        Details::PlacesForgotten(forgotten) => json!({
            "stale": forgotten.stale_count, "without_consent": forgotten.without_consent_count,
        }),
        Details::AlertDecided(decided) => json!({
            "authority": decided.authority,
            "alert": decided.alert.as_ref().map(alert),
            "outcome": match decided.outcome() {
                part::Outcome::Unspecified => "unknown",
                part::Outcome::Admitted => "admitted",
                part::Outcome::Ignored => "ignored",
                part::Outcome::Refused => "refused",
            },
            "reason": decided.reason,
            "key": decided.key.map(|key| terms::key_from_wire(key).to_string()),
            "recovered": decided.recovered,
        }),
        Details::CredentialCreated(created) => json!({
            "holder": created.holder.as_ref().map(actor_json), "expires": at(created.expire_time),
        }),
        Details::AuthorityCreated(created) => json!({ "terms": created.terms }),
        Details::AuthorityUpdated(updated) => json!({ "changes": updated.changes }),
        Details::EventsRead(read) => json!({ "events": read.event_count }),
        Details::RegionsImported(imported) => json!({ "regions": imported.region_count }),
        Details::WebhookSet(set) => json!({ "secret": set.secret }),
        Details::CredentialRevoked(revoked) => json!({ "holder": revoked.holder.as_ref().map(actor_json) }),
        Details::AlertPreviewed(previewed) => json!({
            "alert": previewed.alert.as_ref().map(alert), "found": previewed.found_count,
        }),
    }
}

fn consent(terms: &part::ConsentTerms) -> Value {
    json!({
        "purpose": purpose(terms.purpose),
        "policy_version": terms.policy_version,
        "granted": at(terms.grant_time),
        "expires": at(terms.expire_time),
        "origin_digest": hex(&terms.origin_digest),
        "guardian_digest": hex(&terms.guardian_digest),
    })
}

fn alert(alert: &part::Alert) -> Value {
    json!({ "sender": alert.sender, "identifier": alert.identifier, "sent": at(alert.send_time) })
}

fn purpose(number: i32) -> &'static str {
    terms::purpose::from_wire(number).map_or("unknown", Purpose::name)
}

fn actor_kind(actor: &v1::AuditActor) -> &'static str {
    crate::wire::convert::audit::kind_from_wire(actor.kind).map_or("unknown", crate::domain::ActorKind::name)
}

fn at(at: Option<prost_types::Timestamp>) -> Value {
    instant(at).map_or(Value::Null, |at| at.to_string().into())
}

/// What is said, without what is not: `purpose location, policy_version 3`.
fn words(value: &Value) -> String {
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let item = |value: &Value| value.as_str().map_or_else(|| words(value), str::to_owned);
    let word = |(key, value): (&String, &Value)| match value {
        Value::Bool(true) => key.clone(),
        Value::String(text) => format!("{key} {text}"),
        Value::Object(_) => format!("{key} ({})", words(value)),
        Value::Array(items) => format!("{key} ({})", items.iter().map(item).collect::<Vec<_>>().join("; ")),
        other => format!("{key} {other}"),
    };
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty).iter();
    // Digests are for machines.
    let told = fields.filter(|(key, value)| {
        !says_nothing(value) && !["sha256", "origin_digest", "guardian_digest"].contains(&key.as_str())
    });
    told.map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Act, Actor, ActorKind, AuditPosition, AuditRecord, AuditSubject, ConsentTerms, PolicyVersion, RecordHash,
        Timestamp,
    };

    fn record(act: Option<Act>) -> v1::AuditRecord {
        crate::wire::convert::audit::to_wire(&AuditRecord {
            position: AuditPosition { sequence: 7, hash: RecordHash([0xab; 32]) },
            previous: RecordHash([0; 32]),
            time: Timestamp::constant(1_700_000_000, 0),
            actor: Actor { kind: ActorKind::Partner, name: "news".into(), credential: None },
            act,
            subjects: vec![AuditSubject([1; 16]), AuditSubject([2; 16])],
            object: "partners/news/apps/alpha".into(),
        })
    }

    #[test]
    fn a_consent_is_told_to_people_in_words_and_to_machines_whole() {
        let terms = ConsentTerms {
            purpose: Purpose::Location,
            policy: PolicyVersion(3),
            granted: Timestamp::constant(1_700_000_000, 0),
            expires: None,
            origin_digest: [0xcd; 16],
            guardian_digest: None,
        };
        let record = record(Some(Act::ConsentGranted(terms)));
        let row = row(&record);
        assert_eq!(&row[..4], ["7", "2023-11-14T22:13:20Z", "partner news", "consent.granted"]);
        assert!(row[4].contains("and 1 more\npartners/news/apps/alpha"), "{}", row[4]);
        assert_eq!(row[5], "granted 2023-11-14T22:13:20Z, policy_version 3, purpose location");
        let json = record_json(&record);
        assert_eq!((&json["record"], &json["hash"]), (&json!(7), &json!("ab".repeat(32))));
        assert_eq!(json["details"]["origin_digest"], json!("cd".repeat(16)));
        assert_eq!(json["subjects"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn an_act_that_is_not_known_is_told_as_such() {
        let record = record(None);
        assert_eq!((row(&record)[3].as_str(), record_json(&record)["action"].as_str()), ("unknown", Some("unknown")));
    }
}
