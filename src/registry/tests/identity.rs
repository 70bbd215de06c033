//! The same app on the same device, two apps on one device, and what an identifier does not do (R-B1, R-B2).

use super::*;
use crate::domain::DeviceSlot;
use crate::plan::Grant;
use crate::registry::records::{decode, device_of, slot_key};
use crate::registry::store::Space;
use crate::wire::storage_v1::RegistrationRecord;

/// As it lies on disk.
fn record(house: &House, slot: Slot) -> RegistrationRecord {
    let key = slot_key(slot);
    let payload =
        house.registry().shared().expect("loaded").store.get(Space::Registrations, key).expect("well").expect("there");
    decode(Space::Registrations, key.as_bytes(), &payload).expect("well-formed")
}

#[test]
fn whoever_proves_to_be_the_same_device_gets_its_name_again_and_nothing_else() {
    let mut house = House::new();
    let first = house.register(full(ALPHA, "a1b2c3"));
    assert!(first.created && first.registration.place.is_some() && !first.registration.consents.is_empty());
    house.clock.advance(Duration::from_mins(5));
    let offered = vec![identifier(IdentifierKind::AndroidId, "a1b2c3")];
    let (earlier_secret, proven) = (Some(first.link_secret), bare(ALPHA));
    let again = house.register(NewRegistration { identifiers: offered, earlier_secret, ..proven });
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        let held = house.registry().get(&again.registration.name).expect("it is held");
        let expected = Registration {
            subject: again.registration.subject,
            slot: again.registration.slot,
            device: again.registration.device,
            tokens: Vec::new(),
            consents: Vec::new(),
            drills: false,
            place: None,
            place_time: None,
            updated: house.now(),
            ..first.registration.clone()
        };
        assert_eq!((held, again.created), (expected, false));
        assert_ne!(again.registration.subject, first.registration.subject, "it may be somebody else's phone now");
        assert_ne!(again.registration.device, first.registration.device, "nor is it known what that one was told");
        assert_eq!((again.ended, again.repeated), (Some(first.registration.subject), false));
        let secret = |secret| house.registry().authenticate(&first.registration.name, secret).expect("well");
        assert_eq!((secret(&first.link_secret), secret(&again.link_secret)), (None, Some(again.registration.slot)));
        let facts = house.registry().facts(again.registration.slot);
        assert!(facts.is_live() && facts.channels == 0 && facts.emergency == Grant::default());
        assert_eq!(house.place(again.registration.slot), None);
        assert_eq!(house.registry().token(again.registration.slot, ChannelKind::Fcm), None);
    }
}

#[test]
fn of_several_identifiers_the_best_kind_says_which_device_it_is() {
    let house = House::new();
    let by = |kind, value| NewRegistration { identifiers: vec![identifier(kind, value)], ..bare(ALPHA) };
    let cid = |registered: &Registered| registered.registration.name.cid;
    let by_imei = house.register(by(IdentifierKind::Imei, "490154203237518"));
    let by_oaid = house.register(by(IdentifierKind::Oaid, "5F-oaid"));
    let both = vec![identifier(IdentifierKind::Imei, "490154203237518"), identifier(IdentifierKind::Oaid, "5f-OAID ")];
    let again = house.register(NewRegistration { identifiers: both, ..bare(ALPHA) });
    assert_eq!(cid(&again), cid(&by_oaid));
    // Whoever offers an identifier takes it from nobody.
    let again = house.register(by(IdentifierKind::Imei, "490154203237518"));
    assert_eq!(cid(&again), cid(&by_imei));
    for known in [by_imei, by_oaid] {
        assert_eq!(house.registry().get(&known.registration.name).expect("held"), known.registration);
    }
}

#[test]
fn apps_that_offer_a_common_identifier_share_a_device_and_partners_cannot_compare_it() {
    let mut house = House::new();
    let [alpha, beta, routes] = [ALPHA, BETA, ROUTES].map(|app| house.register(full(app, "a1b2c3")).registration);
    let other = house.register(full(ALPHA, "d4e5f6")).registration;
    house.reopen();
    let device = |of: &Registration| device_of(&record(&house, of.slot), of.slot).expect("it has one");
    assert_eq!((device(&alpha), device(&alpha)), (device(&beta), device(&routes)));
    assert_ne!(device(&alpha), device(&other));
    assert_eq!(alpha.gid, beta.gid);
    assert_ne!(alpha.gid, routes.gid, "each partner has its own pseudonym");
    assert_ne!(alpha.gid, other.gid);
}

#[test]
fn a_shared_identifier_makes_no_group_and_gives_nothing() {
    let house = House::new();
    let alpha = house.register(full(ALPHA, "a1b2c3"));
    let beta = house.register(NewRegistration { consents: Vec::new(), place: None, ..full(BETA, "a1b2c3") });
    assert_eq!(beta.registration.device, DeviceSlot(beta.registration.slot.0));
    assert_eq!(house.registry().facts(beta.registration.slot).device().0, beta.registration.slot.0);
    assert!(beta.registration.consents.is_empty() && beta.registration.place.is_none());
    let other_secret = house.registry().authenticate(&alpha.registration.name, &beta.link_secret).expect("well");
    assert_eq!(other_secret, None);
    assert_eq!(house.registry().get(&alpha.registration.name).expect("held"), alpha.registration, "nothing is taken");
}

#[test]
fn a_name_is_of_its_own_app_only() {
    let house = House::new();
    let alpha = house.register(full(ALPHA, "a1b2c3"));
    for other in [BETA, ROUTES] {
        let name = RegistrationName { app: app(other), ..alpha.registration.name.clone() };
        assert!(matches!(house.registry().get(&name), Err(RegistryError::NotFound)));
        assert_eq!(house.registry().authenticate(&name, &alpha.link_secret).expect("well"), None);
    }
}

#[test]
fn once_deleted_its_identifiers_mean_nothing_and_its_slot_is_not_given_again() {
    let mut house = House::new();
    let first = house.register(full(ALPHA, "a1b2c3")).registration;
    house.make(|registry| registry.delete(&first.name)).expect("it is deleted");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert!(matches!(house.registry().get(&first.name), Err(RegistryError::NotFound)));
        assert!(!house.registry().facts(first.slot).is_live());
        assert_eq!((house.place(first.slot), house.registry().count()), (None, 0));
        assert_eq!(house.registry().token(first.slot, ChannelKind::Fcm), None);
    }
    let again = house.register(full(ALPHA, "a1b2c3"));
    assert!(again.created);
    assert_ne!((again.registration.name.cid, again.registration.slot), (first.name.cid, first.slot));
    assert_ne!(again.registration.gid, first.gid);
    assert!(matches!(house.make(|registry| registry.delete(&first.name)), Err(RegistryError::NotFound)));
}

#[test]
fn without_an_identifier_that_says_anything_every_registration_is_new() {
    let house = House::new();
    let offered = || vec![identifier(IdentifierKind::Idfa, "00000000-0000-0000-0000-000000000000")];
    let one = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    let two = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    assert!(one.created && two.created);
    assert_ne!(one.registration.gid, two.registration.gid);
}

#[test]
fn a_request_that_is_repeated_makes_no_second_registration_and_undoes_nothing() {
    let mut house = House::new();
    let request = |app| NewRegistration {
        request: Some("6f1c".into()),
        consents: vec![consent(Purpose::EmergencyPush, None)],
        ..bare(app)
    };
    let first = house.register(request(ALPHA));
    house.make(|registry| registry.withdraw(&first.registration.name, Purpose::EmergencyPush)).expect("withdrawn");
    house.reopen();
    let again = house.register(request(ALPHA));
    assert!(again.repeated && again.ended.is_none() && again.registration.subject == first.registration.subject);
    assert_eq!((again.registration.slot, again.created), (first.registration.slot, false));
    assert!(again.registration.consents.is_empty(), "what was withdrawn since stays so");
    let secret = |secret| house.registry().authenticate(&first.registration.name, secret).expect("well");
    assert_eq!((secret(&first.link_secret), secret(&again.link_secret)), (None, Some(first.registration.slot)));
    assert!(house.register(request(BETA)).created, "another app's request is another");
    house.make(|registry| registry.delete(&first.registration.name)).expect("deleted");
    assert!(house.register(request(ALPHA)).created, "a deleted registration is not given back");
}

#[test]
fn a_link_that_an_earlier_secret_opened_is_ended_by_the_change_that_draws_another() {
    let house = House::new();
    let request = || NewRegistration { request: Some("6f1c".into()), ..full(ALPHA, "a1b2c3") };
    let first = house.register(request());
    let slot = first.registration.slot;
    let dismissed = || std::mem::take(&mut house.links.0.lock().1);
    assert_eq!(dismissed(), [], "there was none before");
    assert!(house.register(request()).repeated);
    assert_eq!(dismissed(), [slot]);
    let again = house.register(NewRegistration { vouched: true, ..full(ALPHA, "a1b2c3") });
    assert_eq!(dismissed(), [slot]);
    let claim = house.register(full(ALPHA, "a1b2c3"));
    assert_ne!(claim.registration.slot, again.registration.slot);
    assert_eq!(dismissed(), [], "who is beside it ends nothing");
}
