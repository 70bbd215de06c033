//! An identifier is a claim and no proof (R-B1): what somebody can do who knows all that a victim's phone offers, and
//! asks through the same partner and app, is nothing. And who comes to hold a CID that is claimed, and when.

use super::*;
use crate::plan::Flags;
use crate::registry::change::Pending;

/// All that a stranger knows.
fn offered() -> Vec<DeviceIdentifier> {
    vec![identifier(IdentifierKind::AndroidId, "a1b2c3")]
}

/// A victim with everything, and a stranger who knows what its phone offers.
struct Attack {
    house: House,
    victim: Registered,
    stranger: Registered,
}

impl Attack {
    fn new() -> Self {
        let house = House::new();
        let victim = house.register(full(ALPHA, "a1b2c3"));
        let stranger = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
        Self { house, victim, stranger }
    }

    /// The victim is as it was, now and when the server starts again.
    fn nothing_is_taken(mut self) {
        for reopened in [false, true] {
            if reopened {
                self.house.reopen();
            }
            let (registry, Registered { registration, link_secret, .. }) = (self.house.registry(), &self.victim);
            assert_eq!(registry.get(&registration.name).expect("held"), *registration);
            let link = registry.authenticate(&registration.name, link_secret).expect("well");
            assert_eq!(link, Some(registration.slot), "its link opens");
            let facts = registry.facts(registration.slot);
            assert!(facts.is_live() && facts.channels == ChannelKind::Fcm.bit() && facts.flags.has(Flags::DRILLS));
            assert!(facts.emergency.counts(PolicyVersion(0), self.house.now()), "it is told");
            assert_eq!(self.house.place(registration.slot), registration.place);
            assert!(registry.token(registration.slot, ChannelKind::Fcm).is_some());
        }
    }
}

#[test]
fn a_stranger_who_knows_the_identifiers_gets_the_cid_and_nothing_else() {
    let attack = Attack::new();
    let (victim, stranger) = (&attack.victim.registration, &attack.stranger.registration);
    assert_eq!((stranger.name.cid, stranger.gid), (victim.name.cid, victim.gid));
    assert!(stranger.name.installation.is_some() && attack.stranger.created && attack.stranger.ended.is_none());
    assert_ne!((stranger.slot, stranger.device), (victim.slot, victim.device), "no group");
    assert!(stranger.consents.is_empty() && stranger.tokens.is_empty() && stranger.place.is_none());
    assert_ne!(stranger.subject, victim.subject);
    assert_eq!(attack.house.registry().count(), 2);
    attack.nothing_is_taken();
}

#[test]
fn a_stranger_cannot_silence_whose_identifiers_it_knows() {
    let attack = Attack::new();
    let name = &attack.stranger.registration.name;
    for purpose in [Purpose::EmergencyPush, Purpose::Location] {
        attack.house.make(|registry| registry.withdraw(name, purpose)).expect("of its own there is none");
    }
    let change = RegistrationChange { tokens: Some(Vec::new()), drills: Some(false), ..Default::default() };
    attack.house.make(|registry| registry.update(name, change)).expect("its own");
    attack.house.registry().forget_token(attack.stranger.registration.slot, token(ChannelKind::Fcm, "fcm-1"));
    attack.house.look();
    attack.nothing_is_taken();
}

#[test]
fn a_stranger_cannot_end_the_registration_or_its_link() {
    let attack = Attack::new();
    let name = &attack.stranger.registration.name;
    attack.house.make(|registry| registry.delete(name)).expect("its own");
    assert!(matches!(attack.house.registry().get(name), Err(RegistryError::NotFound)));
    assert!(attack.house.links.0.lock().1.is_empty(), "no link was ended");
    attack.nothing_is_taken();
}

#[test]
fn a_stranger_cannot_move_the_place_or_learn_it() {
    let attack = Attack::new();
    let name = &attack.stranger.registration.name;
    let there = Some((point(10.0, 50.0), attack.house.now()));
    let moved = attack.house.make(|registry| registry.report_place(name, there));
    assert!(matches!(moved, Err(RegistryError::NoLocationConsent)), "the victim's consent is not the stranger's");
    let location = consent(Purpose::Location, None);
    attack.house.make(|registry| registry.grant(name, location)).expect("its own");
    attack.house.make(|registry| registry.report_place(name, there)).expect("its own");
    let shown = attack.house.registry().get(name).expect("held");
    assert_eq!((shown.place, shown.consents.len()), (Some(point(10.0, 50.0)), 1));
    attack.nothing_is_taken();
}

#[test]
fn a_stranger_cannot_open_the_victims_link_nor_the_victim_the_strangers() {
    let attack = Attack::new();
    let registry = attack.house.registry();
    let opens = |name: &RegistrationName, secret: &LinkSecret| registry.authenticate(name, secret).expect("well");
    let (victim, stranger) = (&attack.victim, &attack.stranger);
    assert_eq!(opens(&victim.registration.name, &stranger.link_secret), None);
    assert_eq!(opens(&stranger.registration.name, &victim.link_secret), None);
    assert_eq!(opens(&stranger.registration.name, &stranger.link_secret), Some(stranger.registration.slot));
    attack.nothing_is_taken();
}

#[test]
fn a_guessed_secret_and_a_secret_of_another_phone_prove_nothing() {
    let attack = Attack::new();
    let other = attack.house.register(full(ALPHA, "d4e5f6"));
    for secret in [LinkSecret(Private::new([7; 32])), other.link_secret] {
        let new = NewRegistration { identifiers: offered(), earlier_secret: Some(secret), ..bare(ALPHA) };
        let again = attack.house.register(new);
        assert!(again.registration.name.installation.is_some() && again.ended.is_none());
    }
    attack.nothing_is_taken();
}

#[test]
fn a_stranger_cannot_take_an_identifier_from_whom_it_means() {
    let attack = Attack::new();
    // It has a phone of its own, and proves that.
    let own = identifier(IdentifierKind::Oaid, "stranger");
    let first = attack.house.register(NewRegistration { identifiers: vec![own.clone()], ..bare(ALPHA) });
    let both = [vec![own], offered()].concat();
    let (identifiers, earlier_secret) = (both, Some(first.link_secret));
    let again = attack.house.register(NewRegistration { identifiers, earlier_secret, ..bare(ALPHA) });
    assert_eq!(again.registration.name, first.registration.name);
    let reinstalled = attack.house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    assert_eq!(reinstalled.registration.name.cid, attack.victim.registration.name.cid);
    attack.nothing_is_taken();
}

#[test]
fn however_many_claims_a_stranger_makes_nobody_is_pushed_out() {
    let attack = Attack::new();
    let claim = || attack.house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    let claims: Vec<_> = (0..10).map(|_| claim()).collect();
    let (few, others) = claims.split_at(3);
    assert!(few.iter().all(|claim| claim.name.cid == attack.victim.registration.name.cid));
    for other in others {
        assert!(other.name.cid != attack.victim.registration.name.cid && other.name.installation.is_none());
    }
    for known in claims.iter().chain([&attack.stranger.registration]) {
        assert_eq!(attack.house.registry().get(&known.name).expect("it is held"), *known);
    }
    // The victim's app comes back with what proves it.
    let mut held = full(ALPHA, "a1b2c3");
    held.earlier_secret = Some(attack.victim.link_secret);
    let again = attack.house.register(held);
    assert_eq!(again.registration.name, attack.victim.registration.name);
}

#[test]
fn two_partners_cannot_learn_from_each_other_that_two_identifiers_are_of_one_phone() {
    let house = House::new();
    let [one, two] =
        [(IdentifierKind::Oaid, "x"), (IdentifierKind::Imei, "y")].map(|(kind, value)| identifier(kind, value));
    house.register(NewRegistration { identifiers: vec![one.clone(), two.clone()], ..bare(ALPHA) });
    let gid = |offered: &[DeviceIdentifier]| {
        house.register(NewRegistration { identifiers: offered.to_vec(), ..bare(ROUTES) }).registration.gid
    };
    let (by_one, by_two) = (gid(std::slice::from_ref(&one)), gid(std::slice::from_ref(&two)));
    assert_ne!(by_one, by_two);
    assert_eq!(gid(&[one]), by_one, "what it has offered itself it may compare");
    assert_eq!(gid(&[two]), by_two);
}

#[test]
fn a_phone_that_was_reset_gets_its_cid_back_without_consents_place_tokens_or_secret() {
    let house = House::new();
    let first = house.register(full(ALPHA, "a1b2c3"));
    let resold = house.register(NewRegistration { identifiers: offered(), vouched: true, ..bare(ALPHA) });
    assert_eq!(resold.registration.name, first.registration.name, "its partner has made sure");
    assert!(resold.vouched && !resold.created && resold.ended == Some(first.registration.subject));
    let held = &resold.registration;
    assert!(held.consents.is_empty() && held.tokens.is_empty() && held.place.is_none() && !held.drills);
    assert_eq!(house.registry().authenticate(&held.name, &first.link_secret).expect("well"), None);
    let reset = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_eq!(reset.name.cid, first.registration.name.cid, "without that it has the CID all the same");
    assert!(reset.consents.is_empty() && reset.tokens.is_empty() && reset.place.is_none());
}

#[test]
fn a_claim_that_is_installed_again_takes_its_own_place_with_its_own_secret() {
    let mut attack = Attack::new();
    let (identifiers, earlier_secret) = (offered(), Some(attack.stranger.link_secret));
    let again = attack.house.register(NewRegistration { identifiers, earlier_secret, ..bare(ALPHA) });
    assert_eq!(again.registration.name, attack.stranger.registration.name);
    assert_ne!(again.registration.slot, attack.stranger.registration.slot);
    attack.house.reopen();
    assert_eq!(attack.house.registry().count(), 2);
    attack.nothing_is_taken();
}

/// The stranger's registration holds the CID, and is found by both names; nobody else is.
fn is_settled(house: &mut House, victim: &Registered, newest: &Registered, count: usize) {
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        let registry = house.registry();
        let plain = &victim.registration.name;
        let expected = Registration { name: plain.clone(), ..newest.registration.clone() };
        for name in [plain, &newest.registration.name] {
            assert_eq!(registry.get(name).expect("it is found"), expected);
            let opens = registry.authenticate(name, &newest.link_secret).expect("well");
            assert_eq!(opens, Some(newest.registration.slot));
            assert_eq!(registry.authenticate(name, &victim.link_secret).expect("well"), None);
        }
        assert_eq!((registry.count(), house.place(victim.registration.slot)), (count, None));
        assert!(!registry.facts(victim.registration.slot).is_live());
        assert_eq!(registry.token(victim.registration.slot, ChannelKind::Fcm), None);
    }
    let next = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_eq!(next.name.cid, victim.registration.name.cid, "what the device offers means the newest now");
    assert!(next.name.installation.is_some());
}

#[test]
fn the_newest_claim_holds_the_cid_when_the_holder_is_deleted() {
    let Attack { mut house, victim, stranger } = Attack::new();
    let newest = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    house.make(|registry| registry.delete(&victim.registration.name)).expect("its partner deletes it");
    is_settled(&mut house, &victim, &newest, 2);
    let name = &stranger.registration.name;
    assert_eq!(house.registry().get(name).expect("the other claim is as it was"), stranger.registration);
    house.make(|registry| registry.delete(&newest.registration.name)).expect("by its old name");
    let names = [&newest.registration.name, name].map(|name| house.registry().get(name).map(|held| held.name));
    assert!(matches!(names[0], Err(RegistryError::NotFound)));
    assert!(matches!(&names[1], Ok(name) if name.installation.is_some()), "a later one is the newest");
}

/// All that shows that somebody is there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Address,
    OpenLink,
    Link,
    Change,
    Place,
    None,
}

#[test]
fn a_holder_that_shows_any_sign_of_life_is_not_replaced() {
    for sign in [Sign::Address, Sign::OpenLink, Sign::Link, Sign::Change, Sign::Place, Sign::None] {
        let Attack { mut house, victim, stranger } = Attack::new();
        let held = &victim.registration;
        if sign != Sign::Address {
            house.registry().forget_token(held.slot, token(ChannelKind::Fcm, "fcm-1"));
        }
        house.look();
        house.clock.advance(CLAIM_WAIT.saturating_sub(Duration::from_hours(1)));
        match sign {
            Sign::Address | Sign::None => {}
            Sign::OpenLink => drop(house.links.0.lock().0.insert(held.slot)),
            Sign::Link => {
                assert!(house.registry().authenticate(&held.name, &victim.link_secret).expect("well").is_some());
            }
            Sign::Change => {
                let change = RegistrationChange { drills: Some(true), ..RegistrationChange::default() };
                house.make(|registry| registry.update(&held.name, change)).expect("held");
            }
            Sign::Place => {
                let place = Some((point(1.0, 2.0), house.now()));
                house.make(|registry| registry.report_place(&held.name, place)).expect("held");
            }
        }
        house.look();
        house.clock.advance(Duration::from_hours(2));
        // What was seen is on disk.
        house.links.0.lock().0.clear();
        house.reopen();
        house.look();
        if sign == Sign::None {
            assert_eq!(house.links.0.lock().1, [held.slot]);
            is_settled(&mut house, &victim, &stranger, 1);
        } else {
            assert_eq!(house.registry().get(&held.name).expect("held").slot, held.slot, "{sign:?}");
            assert_eq!(house.registry().count(), 2, "{sign:?}");
        }
    }
}

#[test]
fn an_address_that_is_gone_is_not_enough_while_the_holder_may_be_told_otherwise() {
    let Attack { mut house, victim, stranger } = Attack::new();
    house.registry().forget_token(victim.registration.slot, token(ChannelKind::Fcm, "fcm-1"));
    house.look();
    house.clock.advance(Duration::from_hours(24));
    house.look();
    assert_eq!(house.registry().get(&victim.registration.name).expect("held").slot, victim.registration.slot);
    house.clock.advance(CLAIM_WAIT);
    house.look();
    is_settled(&mut house, &victim, &stranger, 1);
}

#[test]
fn without_a_claim_silence_ends_nobody() {
    let house = House::new();
    let held = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    house.clock.advance(CLAIM_WAIT * 10);
    house.look();
    assert_eq!(house.registry().get(&held.name).expect("held"), held);
}

#[test]
fn a_claim_as_silent_as_a_holder_makes_way_and_no_other() {
    let house = House::new();
    let told = NewRegistration { tokens: vec![token(ChannelKind::Fcm, "f")], identifiers: offered(), ..bare(ALPHA) };
    let claim = |new: &NewRegistration| house.register(new.clone()).registration;
    let silent = NewRegistration { tokens: Vec::new(), ..told.clone() };
    let all: Vec<_> = [&told, &told, &silent, &told, &told].map(claim).into_iter().collect();
    assert!(claim(&told).name.installation.is_none(), "there is no room");
    house.clock.advance(CLAIM_WAIT);
    let next = claim(&told);
    assert!(next.name.cid == all[0].name.cid && next.name.installation.is_some());
    for (index, known) in all.iter().enumerate() {
        assert_eq!(house.registry().get(&known.name).is_ok(), index != 2);
    }
    assert!(claim(&told).name.installation.is_none());
}

#[test]
fn a_kill_while_a_claim_settles_leaves_one_or_the_other_whole() {
    let Attack { mut house, victim, .. } = Attack::new();
    let newest = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    house.registry().forget_token(victim.registration.slot, token(ChannelKind::Fcm, "fcm-1"));
    house.look();
    house.clock.advance(CLAIM_WAIT);
    for committed in [false, true] {
        house.close();
        let (shared, loaded) = house.load();
        let mut pending = Pending::new(&shared, loaded.next);
        pending.apply(Change::Settle(victim.registration.slot)).expect("it is made");
        let made = pending.finish(loaded.places.frames());
        if committed {
            // The process ends before memory has learned of it.
            shared.store.commit(made.batch).expect("the disk works");
        }
        drop((shared, loaded.places));
        house.reopen();
        let holder = house.registry().get(&victim.registration.name).expect("somebody holds it");
        let newer = house.registry().get(&newest.registration.name).expect("it is found");
        assert_eq!(newer.slot, newest.registration.slot);
        let expected = if committed { &newest } else { &victim };
        assert_eq!(holder.slot, expected.registration.slot);
        assert_eq!(house.registry().count(), if committed { 2 } else { 3 });
    }
    is_settled(&mut house, &victim, &newest, 2);
}
