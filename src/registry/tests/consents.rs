//! What a person agreed to, and that it ends when it ends (R-P1, R-P2).

use super::*;
use crate::domain::{Guardian, PrivacyPolicy};
use crate::plan::Grant;
use crate::registry::change::{Next, Pending};

/// Numbers that the registry has not come to.
const LATER: Next = Next { slot: 100, commit: 1_000 };

#[test]
fn what_is_taken_away_is_gone_before_that_is_durable() {
    let house = House::new();
    let [one, two, three, four] = ["a1", "b2", "c3", "d4"].map(|id| house.register(full(ALPHA, id)).registration);
    let shared = house.registry().shared().expect("loaded");
    let facts = |of: &Registration| house.registry().facts(of.slot);
    let mut pending = Pending::new(shared, LATER);
    let mut take = |change| pending.apply(change).expect("it is made");

    take(Change::Withdraw(one.slot, Purpose::EmergencyPush));
    assert_eq!(facts(&one).emergency, Grant::default());
    assert!(facts(&one).is_live() && house.place(one.slot).is_some(), "what was not withdrawn stays");
    take(Change::Withdraw(two.slot, Purpose::Location));
    assert_eq!((facts(&two).location, house.place(two.slot)), (Grant::default(), None));
    take(Change::Place(three.slot, None));
    assert_eq!(house.place(three.slot), None);
    take(Change::ForgetToken(three.slot, token(ChannelKind::Fcm, "fcm-1")));
    assert_eq!(facts(&three).channels, 0);
    take(Change::Delete(four.slot));
    assert!(!facts(&four).is_live() && house.place(four.slot).is_none());
    assert!(matches!(house.registry().get(&four.name), Err(RegistryError::NotFound)));

    for registration in [&one, &two, &three, &four] {
        assert!(house.place_is_on_disk(registration.slot), "and the disk does not know yet");
    }
}

#[test]
fn what_is_given_is_seen_when_it_is_durable() {
    let house = House::new();
    let bare = house.register(bare(ALPHA)).registration;
    let shared = house.registry().shared().expect("loaded");
    let mut pending = Pending::new(shared, LATER);
    for purpose in [Purpose::Location, Purpose::EmergencyPush] {
        pending.apply(Change::Grant(bare.slot, consent(purpose, None))).expect("granted");
    }
    pending.apply(Change::Place(bare.slot, Some((point(1.0, 2.0), NOON)))).expect("placed, since it was granted");
    // What is taken away meanwhile brings nothing else with it.
    pending.apply(Change::Withdraw(bare.slot, Purpose::CrossBorder)).expect("withdrawn");
    assert_eq!(house.registry().facts(bare.slot).emergency, Grant::default());
    assert_eq!(house.place(bare.slot), None);
    let made = pending.finish(0);
    shared.store.commit(made.batch).expect("well");
    shared.learn(made.effects);
    assert_ne!(house.registry().facts(bare.slot).emergency, Grant::default());
    assert_eq!(house.place(bare.slot), Some(point(1.0, 2.0)));
}

#[test]
fn a_change_that_is_refused_leaves_nothing_behind() {
    let house = House::new();
    let known = house.register(full(ALPHA, "a1b2c3")).registration;
    let mut pending = Pending::new(house.registry().shared().expect("loaded"), LATER);
    // The name would come back, and its consents, tokens and place go: but the place that is asked for may not be held.
    let refused = NewRegistration { consents: Vec::new(), ..full(ALPHA, "a1b2c3") };
    assert!(matches!(
        pending.apply(Change::Register(Box::new(refused.clone()))),
        Err(RegistryError::NoLocationConsent)
    ));
    let new = NewRegistration { identifiers: Vec::new(), ..refused };
    assert!(matches!(pending.apply(Change::Register(Box::new(new))), Err(RegistryError::NoLocationConsent)));
    assert!(pending.frame().is_none());
    let made = pending.finish(0);
    assert!(made.batch.is_empty() && made.next_slot == 100 && !made.effects.moves());
    assert_eq!(house.registry().get(&known.name).expect("held"), known);
}

#[test]
fn without_consent_to_location_no_place_is_held() {
    let house = House::new();
    let without = house.make(|registry| {
        let consents = vec![consent(Purpose::EmergencyPush, None)];
        registry.register(NewRegistration { consents, ..full(ALPHA, "a1b2c3") })
    });
    assert!(matches!(without, Err(RegistryError::NoLocationConsent)));
    assert_eq!(house.registry().count(), 0, "it is refused as a whole");
    let bare = house.register(bare(ALPHA)).registration;
    let here = Some((point(1.0, 2.0), NOON));
    assert!(matches!(
        house.make(|registry| registry.report_place(&bare.name, here)),
        Err(RegistryError::NoLocationConsent)
    ));
    assert!(house.index().is_empty());
    house.make(|registry| registry.grant(&bare.name, consent(Purpose::Location, None))).expect("granted");
    house.make(|registry| registry.report_place(&bare.name, here)).expect("placed");
    assert_eq!(house.place(bare.slot), Some(point(1.0, 2.0)));
}

#[test]
fn a_withdrawal_takes_the_place_with_it_and_leaves_the_rest() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1b2c3")).registration;
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(house.place(held.slot), None);
        assert!(!house.place_is_on_disk(held.slot));
        let facts = house.registry().facts(held.slot);
        assert_eq!((facts.location, facts.is_live()), (Grant::default(), true));
        assert_ne!(facts.emergency, Grant::default());
        let now = house.registry().get(&held.name).expect("held");
        assert_eq!((now.place, now.place_time, now.consents.len()), (None, None, 1));
    }
    house.make(|registry| registry.grant(&held.name, consent(Purpose::Location, None))).expect("granted anew");
    assert_eq!(house.registry().get(&held.name).expect("held").place, None, "the place does not come back");
}

#[test]
fn a_consent_that_has_ended_counts_for_nothing() {
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_mins(10);
    let consents = vec![consent(Purpose::EmergencyPush, Some(ends)), consent(Purpose::Location, Some(ends))];
    let [one, two] = ["a1", "b2"]
        .map(|id| house.register(NewRegistration { consents: consents.clone(), ..full(ALPHA, id) }).registration);
    house.clock.set(ends - SignedDuration::from_secs(1));
    house.look();
    assert!(house.place(one.slot).is_some(), "it is not over yet");

    house.clock.set(ends);
    let late = house.make(|registry| registry.report_place(&one.name, Some((point(1.0, 2.0), ends))));
    assert!(matches!(late, Err(RegistryError::NoLocationConsent)));
    assert_eq!(house.registry().get(&one.name).expect("held").place, None, "not even before the keeper has looked");
    house.make(|registry| registry.grant(&two.name, consent(Purpose::Location, None))).expect("granted in time");
    house.look();
    assert_eq!(house.place(one.slot), None);
    assert!(house.place(two.slot).is_some());
    assert!(!house.place_is_on_disk(one.slot));

    house.make(|registry| registry.grant(&one.name, consent(Purpose::Location, None))).expect("granted");
    house.reopen();
    assert_eq!(house.registry().get(&one.name).expect("held").place, None, "what was forgotten does not come back");
}

#[test]
fn a_place_whose_consent_ended_while_nobody_looked_is_not_loaded_and_is_forgotten() {
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_mins(10);
    let consents = vec![consent(Purpose::Location, Some(ends))];
    let held = house.register(NewRegistration { consents, ..full(ALPHA, "a1") }).registration;
    house.close();
    house.clock.set(ends);
    house.reopen();
    assert_eq!(house.place(held.slot), None);
    house.look();
    assert!(!house.place_is_on_disk(held.slot));
}

#[test]
fn where_very_many_consents_have_ended_at_once_their_places_are_forgotten_in_parts() {
    const MANY: u32 = 20_000;
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_mins(10);
    let consents = vec![consent(Purpose::Location, Some(ends))];
    let new = NewRegistration { consents, identifiers: Vec::new(), ..full(ALPHA, "a1") };
    for _ in 0..MANY / BATCH as u32 {
        house.make(|registry| registry.batch_register(vec![new.clone(); BATCH])).expect("they are registered");
    }
    house.close();
    house.clock.set(ends);
    house.reopen();
    house.register(bare(ALPHA));
    let shared = house.registry().shared().expect("loaded");
    assert_eq!(shared.expired(ends).next(), None, "who came later waited for all of them");
    // One commit has no more changes than these, but for the rest of its last job.
    let least = u64::from(MANY) / (8_192 + BATCH as u64);
    assert!(shared.metrics.registry_commits.get() > least, "{}", shared.metrics.registry_commits.get());

    let row = house.registry().facts(Slot(0));
    for slot in (0..50_001).map(Slot) {
        shared.facts.set(slot, row);
        shared.places.set_time(slot, NOON);
    }
    assert_eq!(shared.expired(ends).count(), 50_000, "the rest is for another look");
}

#[test]
fn a_place_that_was_not_loaded_is_forgotten_though_its_person_agrees_anew_before_that_is_done() {
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_mins(10);
    let consents = vec![consent(Purpose::Location, Some(ends))];
    let held = house.register(NewRegistration { consents, ..full(ALPHA, "a1") }).registration;
    house.close();
    house.clock.set(ends);
    let (shared, _) = house.load();
    let mut pending = Pending::new(&shared, LATER);
    pending.apply(Change::Grant(held.slot, consent(Purpose::Location, None))).expect("granted");
    let placed = pending.finish(0).effects.placed(held.slot).expect("it is as it was on disk");
    assert_eq!(placed.place, None);
}

#[test]
fn a_grant_that_is_over_already_takes_the_place_too() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let over = consent(Purpose::Location, Some(NOON - SignedDuration::from_mins(1)));
    house.make(|registry| registry.grant(&held.name, over)).expect("granted");
    assert_eq!(house.place(held.slot), None);
    assert!(!house.place_is_on_disk(held.slot));
}

#[test]
fn a_second_grant_takes_the_place_of_the_first() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.clock.advance(Duration::from_mins(1));
    let newer = Consent { policy: PolicyVersion(4), ..consent(Purpose::EmergencyPush, None) };
    house.make(|registry| registry.grant(&held.name, newer.clone())).expect("granted");
    house.reopen();
    let now = house.registry().get(&held.name).expect("held");
    assert_eq!(now.consents, [held.consents[1].clone(), newer]);
    assert_eq!((now.updated, now.created), (house.now(), NOON));
    assert_eq!(house.registry().facts(held.slot).emergency.policy, 4);
}

fn retire(house: &House, id: &str, version: u16) -> PrivacyPolicy {
    house.make(|registry| registry.retire_policy(partner(id), PolicyVersion(version))).expect("it is retired")
}

#[test]
fn a_retired_version_ends_its_consents_in_every_app_of_its_partner_and_in_no_other() {
    let mut house = House::new();
    let newer = |purpose| Consent { policy: PolicyVersion(4), ..consent(purpose, None) };
    let [alpha, beta, routes] = [ALPHA, BETA, ROUTES].map(|app| house.register(full(app, "a1")).registration);
    let consents = vec![newer(Purpose::EmergencyPush), newer(Purpose::Location)];
    let asked_anew = house.register(NewRegistration { consents, ..full(ALPHA, "b2") }).registration;
    let counts = |house: &House, of: &Registration| {
        let facts = house.registry().facts(of.slot);
        let oldest = house.registry().oldest_valid_policy(facts.app());
        [facts.emergency, facts.location].map(|grant| grant.counts(oldest, house.now()))
    };

    let policy = retire(&house, "news", 3);
    assert_eq!(policy, PrivacyPolicy { oldest_valid: PolicyVersion(4), retired: Some(house.now()) });
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(retire(&house, "news", 2), policy, "an older one is retired already");
    assert!(matches!(
        house.make(|registry| registry.retire_policy(partner("none"), PolicyVersion(1))),
        Err(RegistryError::UnknownPartner)
    ));
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!([&alpha, &beta].map(|of| counts(&house, of)), [[false; 2]; 2]);
        assert_eq!([&routes, &asked_anew].map(|of| counts(&house, of)), [[true; 2]; 2]);
        assert_eq!(house.registry().policy(&partner("news")).expect("it is known"), policy);
        assert_eq!(house.registry().get(&alpha.name).expect("held").place, None);
        let report = house.make(|registry| registry.report_place(&beta.name, Some((point(1.0, 2.0), NOON))));
        assert!(matches!(report, Err(RegistryError::NoLocationConsent)));
        house.look();
        assert_eq!(
            [&alpha, &beta, &routes, &asked_anew].map(|of| house.place(of.slot).is_some()),
            [false, false, true, true]
        );
        assert!(!house.place_is_on_disk(alpha.slot));
    }
    let late = house.make(|registry| registry.grant(&alpha.name, consent(Purpose::Location, None)));
    assert!(matches!(late, Err(RegistryError::PolicyRetired { consent: 0, oldest: 4 })));
    let consents = vec![newer(Purpose::Location), consent(Purpose::EmergencyPush, None)];
    let late = house.make(|registry| registry.register(NewRegistration { consents, ..bare(ALPHA) }));
    assert!(matches!(late, Err(RegistryError::PolicyRetired { consent: 1, oldest: 4 })));
    house.make(|registry| registry.grant(&alpha.name, newer(Purpose::EmergencyPush))).expect("granted");
    assert_eq!(counts(&house, &alpha), [true, false]);
    // An app that comes later has its partner's policy from the start.
    let gamma = "partners/news/apps/gamma";
    house.make(|registry| registry.create_app(app(gamma), String::new())).expect("it is new");
    let late = house.make(|registry| registry.register(full(gamma, "c3")));
    assert!(matches!(late, Err(RegistryError::PolicyRetired { consent: 0, .. })));
}

#[test]
fn a_retirement_holds_before_it_is_durable() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let mut pending = Pending::new(house.registry().shared().expect("loaded"), LATER);
    pending.apply(Change::RetirePolicy(partner("news"), PolicyVersion(3))).expect("it is retired");
    let registry = house.registry();
    assert_eq!(registry.oldest_valid_policy(registry.facts(held.slot).app()), PolicyVersion(4));
    assert_eq!(registry.policy(&partner("news")).expect("known").retired, None, "and the disk does not know yet");
}

fn by_guardian(purpose: Purpose) -> Consent {
    let guardian = Guardian { reference: Private::new("parent-7".to_owned()), method: "signed form".to_owned() };
    Consent { guardian: Some(guardian), ..consent(purpose, None) }
}

#[test]
fn for_a_child_only_a_guardian_agrees() {
    let mut house = House::new();
    let child = NewRegistration { under_14: true, ..full(ALPHA, "a1") };
    let refused = house.make(|registry| registry.register(child.clone()));
    assert!(matches!(refused, Err(RegistryError::NoGuardian { consent: 0 })));
    let consents = vec![by_guardian(Purpose::Location)];
    let held = house.register(NewRegistration { consents, ..child }).registration;
    let refused = house.make(|registry| registry.grant(&held.name, consent(Purpose::EmergencyPush, None)));
    assert!(matches!(refused, Err(RegistryError::NoGuardian { consent: 0 })));
    house.make(|registry| registry.grant(&held.name, by_guardian(Purpose::EmergencyPush))).expect("granted");
    house.reopen();
    let now = house.registry().get(&held.name).expect("held");
    assert_eq!(now.consents, [Purpose::Location, Purpose::EmergencyPush].map(by_guardian));
    assert!(now.under_14 && now.place.is_some());
    assert_ne!(house.registry().facts(held.slot).emergency, Grant::default());
}

#[test]
fn one_who_turns_out_to_be_a_child_loses_at_once_what_no_guardian_agreed_to() {
    let mut house = House::new();
    let consents = vec![
        consent(Purpose::EmergencyPush, None),
        consent(Purpose::Location, None),
        consent(Purpose::CrossBorder, None),
        by_guardian(Purpose::LinkMerging),
    ];
    let held = house.register(NewRegistration { consents, ..full(ALPHA, "a1") }).registration;
    let set = |house: &House, under_14| {
        let change = RegistrationChange { under_14: Some(under_14), ..RegistrationChange::default() };
        house.make(|registry| registry.update(&held.name, change)).expect("updated")
    };
    let updated = set(&house, true);
    assert_eq!(updated.ended, [Purpose::EmergencyPush, Purpose::Location, Purpose::CrossBorder]);
    assert!(!house.place_is_on_disk(held.slot));
    for under_14 in [true, false] {
        house.reopen();
        let now = house.registry().get(&held.name).expect("held");
        assert_eq!((now.consents, now.place), (vec![by_guardian(Purpose::LinkMerging)], None));
        let facts = house.registry().facts(held.slot);
        assert_eq!((facts.emergency, facts.location), (Grant::default(), Grant::default()));
        assert_eq!(house.registry().cross_border(held.slot), Grant::default());
        assert_eq!((house.place(held.slot), now.under_14), (None, under_14));
        assert_eq!(set(&house, false).ended, [], "it brings nothing back");
    }
}
