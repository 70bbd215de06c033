//! Any entry, and that it comes back as it was.

use compact_str::CompactString;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::audit::codec;
use crate::domain::{
    ActorKind, AlertId, AlertOutcome, CredentialId, DeliveryKey, FeedAct, Identifier, LineageId, PolicyVersion,
    Revision, Sender,
};

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_000_i64).prop_map(|us| Timestamp::from_microsecond(us).expect("an instant"))
}

fn terms() -> impl Strategy<Value = ConsentTerms> {
    let times = (instant(), prop::option::of(instant()));
    (select(&Purpose::ALL), any::<u16>(), times, any::<[u8; 16]>(), any::<Option<[u8; 16]>>()).prop_map(
        |(purpose, policy, times, origin_digest, guardian_digest)| ConsentTerms {
            purpose,
            policy: PolicyVersion(policy),
            granted: times.0,
            expires: times.1,
            origin_digest,
            guardian_digest,
        },
    )
}

fn key() -> impl Strategy<Value = DeliveryKey> {
    (any::<u64>(), any::<u32>())
        .prop_map(|(lineage, revision)| DeliveryKey { lineage: LineageId(lineage), revision: Revision(revision) })
}

fn alert() -> impl Strategy<Value = AlertId> {
    ("[a-z]{1,20}", "[a-z0-9.]{1,30}", instant()).prop_map(|(sender, identifier, sent)| AlertId {
        sender: Sender::new(&sender).expect("a sender"),
        identifier: Identifier::new(&identifier).expect("an identifier"),
        sent,
    })
}

fn outcome() -> impl Strategy<Value = AlertOutcome> {
    let reason = || "[A-Z_]{1,20}".prop_map(Into::into);
    prop_oneof![
        key().prop_map(AlertOutcome::Admitted),
        (reason(), prop::option::of(key())).prop_map(|(reason, key)| AlertOutcome::Ignored { reason, key }),
        reason().prop_map(|reason| AlertOutcome::Refused { reason }),
        reason().prop_map(|reason| AlertOutcome::Held { reason }),
    ]
}

fn holder() -> impl Strategy<Value = Actor> {
    let actor = |(kind, name): (ActorKind, String)| Actor { kind, name: name.into(), credential: None };
    (select(&ActorKind::ALL), "[a-z0-9-]{0,20}").prop_map(actor)
}

fn texts() -> impl Strategy<Value = Vec<CompactString>> {
    prop::collection::vec("[a-z:> -]{0,30}".prop_map(Into::into), 0..4)
}

fn of_the_log() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(|log| Act::LogBegun { log }),
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(segment, offset, bytes, sha256)| Act::TailCut { segment, offset, bytes, sha256 }),
        any::<u32>().prop_map(|records| Act::LogRead { records }),
        any::<u32>().prop_map(|events| Act::EventsRead { events }),
        any::<u64>().prop_map(|regions| Act::RegionsImported { regions }),
        any::<bool>().prop_map(|secret| Act::WebhookSet { secret }),
        ("[0-9.]{5}", any::<bool>())
            .prop_map(|(version, development)| Act::ServerStarted { version: version.into(), development }),
        (holder(), instant()).prop_map(|(holder, expires)| Act::CredentialCreated { holder, expires }),
        holder().prop_map(|holder| Act::CredentialRevoked { holder }),
        texts().prop_map(|terms| Act::AuthorityCreated { terms }),
        texts().prop_map(|changes| Act::AuthorityUpdated { changes }),
        select(vec![
            Act::LogAnchored,
            Act::ServerStopped,
            Act::PartnerCreated,
            Act::AppCreated,
            Act::AuthorityRevoked,
            Act::BootstrapOffered,
            Act::ZoneCreated,
            Act::ZoneUpdated,
            Act::Feed(FeedAct::Created),
            Act::Feed(FeedAct::Deleted),
            Act::ZoneDeleted,
            Act::WebhookDeleted,
            Act::IdentityKeyRotated,
            Act::IdentityKeyErased
        ]),
    ]
}

fn of_people() -> impl Strategy<Value = Act> {
    prop_oneof![
        (prop::collection::vec(terms(), 0..4), any::<[bool; 4]>()).prop_map(
            |(consents, [place, again, claim, vouched])| Act::RegistrationCreated {
                consents,
                place,
                again,
                claim,
                vouched
            }
        ),
        prop::collection::vec(terms(), 0..4).prop_map(|consents| Act::RegistrationRecovered { consents }),
        any::<[bool; 7]>().prop_map(|[traits, tokens, drills, secret, preferences, under_14, place_precision]| {
            Act::RegistrationUpdated { traits, tokens, drills, secret, preferences, under_14, place_precision }
        }),
        prop::collection::vec(select(&Purpose::ALL), 0..4).prop_map(|purposes| Act::ConsentEnded { purposes }),
        any::<u16>().prop_map(|version| Act::PolicyRetired { version: PolicyVersion(version) }),
        any::<[u64; 2]>().prop_map(|[stale, without_consent]| Act::PlacesForgotten { stale, without_consent }),
        (any::<[u64; 3]>(), instant()).prop_map(|([reported, forgotten, refused], since)| Act::PlacesReported {
            reported,
            forgotten,
            refused,
            since
        }),
        terms().prop_map(Act::ConsentGranted),
        select(&Purpose::ALL).prop_map(|purpose| Act::ConsentWithdrawn { purpose }),
        select(vec![
            Act::RegistrationEnded,
            Act::RegistrationRead,
            Act::RegistrationDeleted,
            Act::SavedPlaceSet,
            Act::SavedPlaceDeleted,
            Act::SavedPlacesRead
        ]),
    ]
}

fn of_alerts() -> impl Strategy<Value = Act> {
    prop_oneof![
        ("[a-z]{0,9}", prop::option::of(alert()), outcome(), any::<bool>()).prop_map(
            |(authority, alert, outcome, recovered)| Act::AlertDecided {
                authority: authority.into(),
                alert,
                outcome,
                recovered
            }
        ),
        (alert(), any::<u64>()).prop_map(|(alert, found)| Act::AlertPreviewed { alert, found }),
    ]
}

fn entry() -> impl Strategy<Value = AuditEntry> {
    let act = prop_oneof![of_the_log(), of_people(), of_alerts()];
    let credential = prop::option::of(any::<[u8; 10]>().prop_map(CredentialId));
    let actor = (holder(), credential).prop_map(|(actor, credential)| Actor { credential, ..actor });
    let subjects = prop::collection::vec(any::<[u8; 16]>().prop_map(AuditSubject), 0..4);
    (actor, act, subjects, "[a-z/]{0,30}").prop_map(|(actor, act, subjects, object)| AuditEntry {
        actor,
        act,
        subjects,
        object: object.into(),
    })
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in entry(), time in instant()) {
        let mut frame = Vec::new();
        let before = AuditPosition { sequence: 41, hash: RecordHash([7; 32]) };
        let position = chain::append(&mut frame, before, &codec::encode(&entry, time));
        let bytes = &frame[frame.len() - prost::decode_length_delimiter(&*frame).expect("a length")..];
        let record = codec::read(codec::parse(bytes).expect("a record"), position.hash).expect("it reads back");
        prop_assert_eq!(record.position.sequence, 42);
        prop_assert_eq!((record.previous, record.position.hash), (before.hash, chain::hash(bytes)));
        let AuditRecord { time: read_time, actor, act, subjects, object, .. } = record;
        prop_assert_eq!((AuditEntry { actor, act: act.expect("known"), subjects, object }, read_time), (entry, time));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(record) = codec::parse(&bytes) {
            let _ = codec::read(record, RecordHash::default());
        }
    }
}
