//! A new identity key (R-B2): who is found under the old one, and for how long.

use super::*;
use crate::domain::DeviceIdentifier;

fn offered() -> Vec<DeviceIdentifier> {
    vec![identifier(IdentifierKind::AndroidId, "a1b2c3")]
}

fn key_file(house: &House) -> String {
    std::fs::read_to_string(house.folder.path().join("identity.key")).expect("the key file")
}

/// The secrets in the key file, the newest first, and the base key before them.
fn secrets(house: &House) -> Vec<String> {
    let words = |line: &str| line.split(' ').find(|word| word.len() == 64).expect("a key").to_owned();
    key_file(house).lines().map(words).collect()
}

fn rotate(house: &House) {
    house.make(Registry::rotate_key).expect("a new key");
}

fn hashes(house: &House) -> Vec<Vec<u8>> {
    let shared = house.registry().shared().expect("loaded");
    shared.store.scan(Space::Identifiers).map(|item| item.expect("well").0.to_vec()).collect()
}

#[test]
fn under_a_new_key_names_gids_links_and_pages_stay_and_the_device_is_found() {
    let mut house = House::new();
    let [alpha, beta] = [ALPHA, BETA].map(|app| house.register(full(app, "a1b2c3")));
    house.register(full(ALPHA, "d4e5f6"));
    let (_, token) = house.registry().list(&app(ALPHA), 1, "").expect("listed");
    let before = hashes(&house);
    rotate(&house);
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        let registry = house.registry();
        assert_eq!(registry.get(&alpha.registration.name).expect("held"), alpha.registration);
        assert!(registry.authenticate(&alpha.registration.name, &alpha.link_secret).expect("well").is_some());
        assert_eq!(registry.list(&app(ALPHA), 1, token.as_deref().expect("a page")).expect("listed").0.len(), 1);
    }
    let claim = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_eq!((claim.name.cid, claim.gid), (alpha.registration.name.cid, alpha.registration.gid));
    let after = hashes(&house);
    assert_eq!(after.len(), before.len());
    assert_eq!(after.iter().filter(|hash| !before.contains(hash)).count(), 1, "it is under the new key");
    house.clock.advance(KEY_OVERLAP);
    house.look();
    let other = NewRegistration { identifiers: offered(), ..bare(BETA) };
    assert_eq!(house.register(other).registration.name.cid, beta.registration.name.cid, "for all apps that it meant");
    let other = vec![identifier(IdentifierKind::AndroidId, "d4e5f6")];
    assert!(
        house.register(NewRegistration { identifiers: other, ..bare(ALPHA) }).registration.name.installation.is_none()
    );
}

#[test]
fn when_its_time_is_over_a_key_and_all_that_was_hashed_with_it_are_gone() {
    let mut house = House::new();
    let held = house.register(NewRegistration { request: Some("r".into()), ..full(ALPHA, "a1b2c3") });
    let claim = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    let first = secrets(&house);
    rotate(&house);
    let second = secrets(&house);
    assert_eq!((second.len(), &second[0], &second[2]), (3, &first[0], &first[1]), "the base stays");
    house.clock.advance(KEY_OVERLAP.saturating_sub(Duration::from_secs(1)));
    house.look();
    assert_eq!((secrets(&house), hashes(&house).len()), (second.clone(), 2));
    house.clock.advance(Duration::from_secs(1));
    let strange = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) });
    assert_ne!(
        strange.registration.name.cid, held.registration.name.cid,
        "it is over before the keeper has come to it"
    );
    house.make(|registry| registry.delete(&strange.registration.name)).expect("deleted");
    house.look();
    assert_eq!((secrets(&house), hashes(&house).len()), (second[..2].to_vec(), 0));
    assert!(!key_file(&house).contains(&first[1]));
    house.reopen();
    for registration in [&held.registration, &claim.registration] {
        // By then nobody knows where it is.
        let expected = Registration { place: None, place_time: None, ..registration.clone() };
        assert_eq!(house.registry().get(&registration.name).expect("held"), expected);
        let shared = house.registry().shared().expect("loaded");
        assert!(shared.record(registration.slot).expect("held").identifiers.is_empty());
    }
    let anew = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_ne!(anew.name.cid, held.registration.name.cid);
    house.make(|registry| registry.delete(&held.registration.name)).expect("deleted");
    let next = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_eq!(next.name.cid, anew.name.cid, "what the claim had offered is forgotten too");
}

#[test]
fn there_are_no_more_keys_than_can_be_looked_under() {
    let house = House::new();
    for _ in 0..3 {
        rotate(&house);
    }
    assert!(matches!(house.make(Registry::rotate_key), Err(RegistryError::TooManyKeys)));
    house.clock.advance(KEY_OVERLAP);
    house.look();
    assert_eq!(secrets(&house).len(), 2);
    rotate(&house);
}

#[test]
fn a_kill_while_a_key_is_made_or_erased_leaves_a_store_that_opens() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1b2c3")).registration;
    // The key file has the new key, the store does not know of it.
    house.close();
    let (shared, loaded) = house.load();
    shared.keys.rotate(house.now()).expect("a new key");
    drop((shared, loaded));
    house.reopen();
    let claim = house.register(NewRegistration { identifiers: offered(), ..bare(ALPHA) }).registration;
    assert_eq!(claim.name.cid, held.name.cid);
    let kept = key_file(&house);
    house.clock.advance(KEY_OVERLAP);
    house.look();
    assert_ne!(key_file(&house), kept);
    // The key was to be erased, and was not: it is asked for again.
    house.close();
    let write = |text: &str| std::fs::write(house.folder.path().join("identity.key"), text).expect("written");
    write(&kept);
    house.reopen();
    house.look();
    assert_eq!(secrets(&house).len(), 2);
    assert!(house.registry().get(&held.name).is_ok());
}

#[test]
fn a_store_does_not_open_without_the_newest_key_that_it_was_written_with() {
    let mut house = House::new();
    let before = key_file(&house);
    rotate(&house);
    house.close();
    std::fs::write(house.folder.path().join("identity.key"), before).expect("an old copy");
    assert!(matches!(house.try_open().err(), Some(RegistryError::OtherKey { .. })));
}
