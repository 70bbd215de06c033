//! Authorities over their whole life.

use std::num::NonZeroU32;

use compact_str::CompactString;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::access::Limits;
use crate::domain::{
    AlertScope, Area, Category, InvalidCredential, Jurisdiction, ManualClock, Mode, NewCredential, NewProof, NonEmpty,
    Polygon, Ring, Sender, Severity, SignatureRule,
};
use crate::metrics::Metrics;
use crate::wire::convert::certificate;

const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

fn name(id: &str) -> AuthorityName {
    AuthorityName::new(id).expect("an id")
}

fn sender(text: &str) -> Sender {
    Sender::new(text).expect("a sender")
}

fn terms() -> AuthorityTerms {
    AuthorityTerms {
        display_name: "Agency".to_owned(),
        senders: NonEmpty::of(sender("a@example.org")),
        jurisdiction: Jurisdiction::World,
        categories: vec![],
        events: vec![],
        formats: vec![],
        modes: vec![],
        scopes: vec![],
        highest_severity: None,
        rate: None,
        reach_limit: None,
        signature: None,
    }
}

fn open(folder: &Path) -> Result<Access, AccessError> {
    Access::open(folder, Limits::default(), Arc::new(ManualClock::at(NOON)), Arc::new(Metrics::new()))
}

fn credential(of: &str, senders: &[&str]) -> NewCredential {
    let senders = NonEmpty::new(senders.iter().map(|text| sender(text)).collect()).expect("senders");
    NewCredential {
        display_name: "Gateway".to_owned(),
        principal: Principal::Authority { name: name(of), senders },
        proof: NewProof::Token,
        expires: None,
    }
}

fn certificate_der() -> Vec<u8> {
    let params = rcgen::CertificateParams::new(vec![]).expect("no names");
    params.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("signed").der().to_vec()
}

fn any_terms() -> impl Strategy<Value = AuthorityTerms> {
    let words = || prop::collection::vec("[A-Za-z0-9 .]{1,12}".prop_map(CompactString::from), 0..3);
    let corner = (-170.0..170.0_f64, -80.0..80.0_f64);
    let jurisdiction = prop_oneof![
        Just(Jurisdiction::World),
        prop::collection::vec(corner, 1..4).prop_map(|corners| {
            let triangle = |(lon, lat): (f64, f64)| {
                let outer = Ring::new([[lon, lat], [lon + 1.0, lat], [lon, lat + 1.0]]).expect("a ring");
                Polygon { outer, holes: vec![] }
            };
            Jurisdiction::Ground(Area { polygons: corners.into_iter().map(triangle).collect(), ..Area::default() })
        }),
    ];
    let rate = prop::option::of((1..1_000_u32, 1..1_000_u32)).prop_map(|rate| {
        let count = |count| NonZeroU32::new(count).expect("it is not zero");
        rate.map(|(per_minute, burst)| AlertRate { per_minute: count(per_minute), burst: count(burst) })
    });
    let der = certificate_der();
    let signature = prop::option::of((any::<[bool; 2]>(), words())).prop_map(move |rule| {
        let trusted = || certificate::of_der(der.clone()).expect("a certificate");
        rule.map(|([pinned, root], subjects)| SignatureRule {
            certificates: pinned.then(trusted).into_iter().collect(),
            roots: root.then(trusted).into_iter().collect(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
        })
    });
    let scopes = vec![AlertScope::Public, AlertScope::Restricted, AlertScope::Private, AlertScope::Withheld];
    (
        (jurisdiction, subsequence(Category::ALL.to_vec(), 0..4), words(), words()),
        (subsequence(Mode::ALL.to_vec(), 0..4), subsequence(scopes, 0..3)),
        (prop::option::of(select(Severity::ALL.to_vec())), rate, any::<Option<u64>>(), signature),
    )
        .prop_map(|((jurisdiction, categories, events, formats), (modes, scopes), rest)| {
            let (highest_severity, rate, reach_limit, signature) = rest;
            AuthorityTerms {
                jurisdiction,
                categories,
                events,
                formats,
                modes,
                scopes,
                highest_severity,
                rate,
                reach_limit,
                signature,
                ..terms()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_authority_reads_back_and_a_flipped_bit_and_a_cut_do_not(
        terms in any_terms(), revoked: bool, revision: u64, at: prop::sample::Index, bit in 0..8,
    ) {
        let revoked = revoked.then_some(NOON);
        let written = AdmittedAuthority { name: name("a"), terms, created: NOON, updated: NOON, revoked, revision };
        let good = codec::write(&written);
        prop_assert_eq!(codec::read(&good), Ok(written));
        let mut flipped = good.clone();
        flipped[at.index(good.len())] ^= 1_u8 << bit;
        prop_assert!(codec::read(&flipped).is_err());
        prop_assert!(codec::read(&good[..at.index(good.len())]).is_err());
    }
}

#[test]
fn what_is_admitted_changed_and_revoked_is_so_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    access.create_authority(name("a"), terms(), false).expect("admitted");
    let of = |text: &str| AuthorityTerms { senders: NonEmpty::of(sender(text)), ..terms() };
    access.create_authority(name("b"), of("b@example.org"), false).expect("admitted");
    let again = access.create_authority(name("a"), terms(), false);
    assert!(matches!(again, Err(AccessError::AuthorityExists)));
    let shared = access.create_authority(name("c"), terms(), true);
    assert!(matches!(shared, Err(AccessError::SenderOfAnother(_))));
    let shared = access.update_authority(&name("b"), None, |_| Ok::<_, AccessError>(terms()), false);
    assert!(matches!(shared, Err(AccessError::SenderOfAnother(_))));
    access.create_authority(name("c"), of("c@example.org"), true).expect("it would be");
    let louder = |before: &AuthorityTerms| {
        Ok::<_, AccessError>(AuthorityTerms { highest_severity: Some(Severity::Minor), ..before.clone() })
    };
    let [before, after] = access.update_authority(&name("a"), Some(1), louder, false).expect("changed");
    assert_eq!((before.revision, after.revision), (1, 2));
    let late = access.update_authority(&name("a"), Some(1), louder, false);
    assert!(matches!(late, Err(AccessError::AuthorityChanged)));
    // What changes nothing is no new version.
    let [_, same] = access.update_authority(&name("a"), None, louder, false).expect("the same");
    assert_eq!(same.revision, 2);
    access.revoke_authority(&name("b"), None).expect("revoked");
    let expected = access.authorities(None, 10);
    drop(access);
    let access = open(folder.path()).expect("it opens");
    assert_eq!(access.authorities(None, 10), expected);
    assert_eq!(access.authorities(Some(&name("b")), 10).len(), 1);
    assert_eq!((expected.len(), expected[1].revoked), (2, Some(NOON)));
    let over = access.update_authority(&name("b"), None, louder, false);
    assert!(matches!(over, Err(AccessError::AuthorityRevoked)));
    assert!(matches!(access.create_authority(name("b"), terms(), false), Err(AccessError::AuthorityExists)));
}

#[test]
fn a_credential_is_made_for_an_admitted_authority_and_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    let make = |new| access.create(new, &Caller::Development);
    assert!(matches!(make(credential("a", &["a@example.org"])), Err(AccessError::NotAdmitted)));
    access.create_authority(name("a"), terms(), false).expect("admitted");
    let foreign = make(credential("a", &["a@example.org", "b@example.org"]));
    assert!(matches!(foreign, Err(AccessError::ForeignSender(sender)) if sender == "b@example.org"));
    let unnamed = NewCredential { display_name: String::new(), ..credential("a", &["a@example.org"]) };
    assert!(matches!(make(unnamed), Err(AccessError::Invalid(InvalidCredential::DisplayName))));
    let (first, token) = make(credential("a", &["a@example.org"])).expect("made");
    let token = token.expect("a token").reveal().into_inner();
    let holder = access.authenticate(Some(&token), None).expect("known").expect("shown");
    assert!(access.authority_of(holder.caller()).expect("admitted").is_some_and(|it| it.limits.is_some()));
    let (_, ended) = access.revoke_authority(&name("a"), None).expect("revoked");
    assert_eq!(ended.iter().map(|credential| credential.id).collect::<Vec<_>>(), [first.id]);
    assert!(holder.ended().is_cancelled());
    assert!(matches!(access.authority_of(holder.caller()), Err(AccessError::AuthorityRevoked)));
    assert!(access.authenticate(Some(&token), None).is_err());
    let (_, ended) = access.revoke_authority(&name("a"), None).expect("it is already");
    assert!(ended.is_empty());
    assert!(matches!(make(credential("a", &["a@example.org"])), Err(AccessError::AuthorityRevoked)));
    drop(access);
    let access = open(folder.path()).expect("it opens");
    assert!(access.authenticate(Some(&token), None).is_err());
}

#[test]
fn a_credential_of_an_authority_whose_revocation_was_half_written_does_not_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    access.create_authority(name("a"), terms(), false).expect("admitted");
    let (_, token) = access.create(credential("a", &["a@example.org"]), &Caller::Development).expect("made");
    let token = token.expect("a token").reveal().into_inner();
    let credentials = folder.path().join("access/credentials");
    let before = fs::read(&credentials).expect("there");
    access.revoke_authority(&name("a"), None).expect("revoked");
    drop(access);
    fs::write(&credentials, before).expect("written");
    let access = open(folder.path()).expect("it opens");
    assert!(access.authenticate(Some(&token), None).is_err());
}

#[test]
fn a_credential_of_a_time_without_records_speaks_for_its_senders_until_it_is_admitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    let principal = credential("old", &["a@example.org", "b@example.org"]).principal;
    let caller = Caller::Known { credential: crate::domain::CredentialId([1; 10]), principal };
    let old = access.authority_of(&caller).expect("it may").expect("an authority");
    assert_eq!((old.senders.map(|senders| senders.len()), old.limits), (Some(2), None));
    access.create_authority(name("old"), terms(), false).expect("admitted");
    let now = access.authority_of(&caller).expect("it may").expect("an authority");
    assert_eq!(now.senders, Some(vec![sender("a@example.org")]));
    assert!(now.limits.is_some());
}

#[test]
fn an_authority_that_sends_too_often_is_told_when_to_come_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    let [one, two] = [1, 2].map(|count| NonZeroU32::new(count).expect("it is not zero"));
    let rate = Some(AlertRate { per_minute: one, burst: two });
    access.create_authority(name("a"), AuthorityTerms { rate, ..terms() }, false).expect("admitted");
    let principal = credential("a", &["a@example.org"]).principal;
    let caller = Caller::Known { credential: crate::domain::CredentialId([1; 10]), principal };
    assert_eq!([access.count_alert(&caller), access.count_alert(&caller)], [Ok(()), Ok(())]);
    assert!(access.count_alert(&caller).is_err_and(|after| after <= Duration::from_mins(1)));
    // Another change does not begin to count anew; another rate does.
    let renamed = |before: &AuthorityTerms| {
        Ok::<_, AccessError>(AuthorityTerms { display_name: "Other".to_owned(), ..before.clone() })
    };
    access.update_authority(&name("a"), None, renamed, false).expect("changed");
    assert!(access.count_alert(&caller).is_err());
    let free = |before: &AuthorityTerms| Ok::<_, AccessError>(AuthorityTerms { rate: None, ..before.clone() });
    access.update_authority(&name("a"), None, free, false).expect("changed");
    assert_eq!(access.count_alert(&caller), Ok(()));
}

#[test]
fn a_damaged_file_is_named_and_its_authority_is_not_let_loose() {
    let folder = tempfile::tempdir().expect("a folder");
    let access = open(folder.path()).expect("it opens");
    access.create_authority(name("a"), terms(), false).expect("admitted");
    drop(access);
    let path = folder.path().join("access/authorities/a");
    let bytes = fs::read(&path).expect("there");
    fs::write(folder.path().join("access/authorities/b"), &bytes).expect("written");
    assert!(open(folder.path()).is_err_and(|error| error.to_string().contains("another authority")));
    fs::remove_file(folder.path().join("access/authorities/b")).expect("removed");
    fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
    assert!(open(folder.path()).is_err_and(|error| error.to_string().contains("authorities/a is damaged")));
    // A change that a crash cut off is as if it had not been.
    fs::write(&path, &bytes).expect("written");
    fs::write(path.with_extension("new"), "half").expect("written");
    assert_eq!(open(folder.path()).expect("it opens").authorities(None, 10).len(), 1);
}
