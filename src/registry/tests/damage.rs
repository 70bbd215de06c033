//! What lies on disk is not what was written: it is found, named, and never taken for true.

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::*;
use crate::registry::identity::IdentifierHash;
use crate::registry::records::{slot_key, token_key};
use crate::registry::store::{Key, Space};
use crate::wire::storage_v1::RegistryState;

/// A commit that a store may end with.
const LATER: u64 = 1_000;

/// Changes the closed store behind the registry's back.
fn edit(house: &mut House, space: Space, change: impl FnOnce(&Keyspace)) {
    house.close();
    let database = Database::builder(house.folder.path().join("store")).open().expect("it opens");
    let keyspace = database.keyspace(space.name(), KeyspaceCreateOptions::default).expect("it opens");
    change(&keyspace);
    database.persist(PersistMode::SyncAll).expect("it is written");
}

fn value(keyspace: &Keyspace, key: Key) -> Vec<u8> {
    keyspace.get(key.as_bytes()).expect("well").expect("there").to_vec()
}

/// Flips a bit in the middle of a value.
fn flip(key: Key) -> impl FnOnce(&Keyspace) {
    move |keyspace| {
        let mut value = value(keyspace, key);
        let middle = value.len() / 2;
        value[middle] ^= 1;
        keyspace.insert(key.as_bytes(), value).expect("well");
    }
}

/// What opening the registry says.
fn refusal(house: &House) -> RegistryError {
    match house.try_open() {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn a_damaged_value_that_is_read_at_start_is_named_and_nothing_opens() {
    let spaces = [
        (Space::Meta, Key::new(&[b"state"])),
        (Space::Partners, Key::new(&[&[0, 1]])),
        (Space::Apps, Key::new(&[&[0, 2]])),
        (Space::Registrations, slot_key(Slot(1))),
    ];
    for (space, key) in spaces {
        let mut house = House::new();
        house.register(full(ALPHA, "a1"));
        house.register(full(BETA, "a1"));
        edit(&mut house, space, flip(key));
        let RegistryError::Damaged { keyspace, key: named, .. } = refusal(&house) else { panic!("not named") };
        assert_eq!(keyspace, space.name());
        let bytes: Vec<u8> =
            (0..named.len() / 2).filter_map(|at| u8::from_str_radix(&named[at * 2..at * 2 + 2], 16).ok()).collect();
        assert_eq!(bytes, key.as_bytes());
        edit(&mut house, space, flip(key));
        house.reopen();
    }
}

#[test]
fn a_damaged_value_that_is_read_when_needed_is_named_then() {
    let mut house = House::new();
    let done = house.register(full(ALPHA, "a1"));
    let whole = done.registration.clone();
    let key = token_key(whole.slot, ChannelKind::Fcm);
    edit(&mut house, Space::Tokens, flip(key));
    house.reopen();
    let damaged = |result: Result<Registration, RegistryError>| {
        matches!(result, Err(RegistryError::Damaged { keyspace: "tokens", .. }))
    };
    assert!(damaged(house.registry().get(&whole.name)));
    assert_eq!(house.registry().token(whole.slot, ChannelKind::Fcm), None, "nothing is sent to what may be another's");
    edit(&mut house, Space::Tokens, |keyspace| keyspace.remove(key.as_bytes()).expect("well"));
    house.reopen();
    assert!(damaged(house.registry().get(&whole.name)), "what is missing is told too");
}

#[test]
fn a_change_that_meets_damage_is_refused_whole() {
    let mut house = House::new();
    let done = house.register(full(ALPHA, "a1"));
    let before = done.registration.clone();
    let hashes =
        house.registry().shared().expect("loaded").keys.identifier(&identifier(IdentifierKind::AndroidId, "a1"));
    let IdentifierHash(hash) = hashes.expect("it says something");
    edit(&mut house, Space::Identifiers, flip(Key::new(&[&hash])));
    house.reopen();
    let again = house.make(|registry| registry.register(full(BETA, "a1")));
    assert!(matches!(again, Err(RegistryError::Damaged { keyspace: "identifiers", .. })));
    let deleted = house.make(|registry| registry.delete(&before.name));
    assert!(matches!(deleted, Err(RegistryError::Damaged { .. })));
    assert_eq!(house.registry().get(&before.name).expect("held"), before);
    assert!(house.registry().facts(before.slot).is_live() && house.place(before.slot).is_some());
    assert!(house.register(full(BETA, "b2")).created, "others are served");
}

#[test]
fn a_value_at_the_place_of_another_is_found() {
    let mut house = House::new();
    let [one, two] = ["a1", "b2"].map(|id| house.register(full(ALPHA, id)).registration.slot);
    edit(&mut house, Space::Registrations, |keyspace| {
        let other = value(keyspace, slot_key(two));
        keyspace.insert(slot_key(one).as_bytes(), other).expect("well");
    });
    assert!(matches!(refusal(&house), RegistryError::Damaged { keyspace: "registrations", .. }));
}

#[test]
fn a_store_that_has_lost_its_state_is_not_taken_for_a_new_one() {
    let mut house = House::new();
    house.register(full(ALPHA, "a1"));
    edit(&mut house, Space::Meta, |keyspace| keyspace.remove(b"state").expect("well"));
    let lost = refusal(&house);
    assert!(matches!(&lost, RegistryError::Damaged { keyspace: "meta", reason: "missing", .. }), "{lost}");
}

#[test]
fn an_app_that_is_missing_does_not_shift_the_others() {
    let mut house = House::new();
    house.register(full(BETA, "a1"));
    edit(&mut house, Space::Apps, |keyspace| keyspace.remove([0, 0]).expect("well"));
    assert!(matches!(refusal(&house), RegistryError::Damaged { keyspace: "apps", .. }));
}

#[test]
fn a_slot_beyond_the_next_is_damage() {
    let mut house = House::new();
    let slot = house.register(full(ALPHA, "a1")).registration.slot;
    house.register(full(ALPHA, "b2"));
    // The state of before the second registration.
    house.close();
    let older = House::new();
    older.register(full(ALPHA, "a1"));
    let key = older
        .registry()
        .shared()
        .expect("loaded")
        .store
        .get(Space::Meta, Key::new(&[b"state"]))
        .expect("well")
        .expect("there");
    let mut state: RegistryState = prost::Message::decode(&*key).expect("well-formed");
    state.commit = LATER;
    let own = std::fs::read_to_string(house.folder.path().join("identity.key")).expect("the key file");
    state.key_id = u32::from_str_radix(own.lines().nth(1).and_then(|line| line.split(' ').next()).expect("its id"), 16)
        .expect("a number");
    let mut batch = crate::registry::store::Batch::default();
    batch.put(Space::Meta, Key::new(&[b"state"]), &prost::Message::encode_to_vec(&state));
    let store = Store::open(&house.folder.path().join("store"), 1 << 20).expect("it opens");
    store.commit(batch).expect("well");
    drop(store);
    assert_eq!(state.next_slot, slot.0 + 1);
    assert!(matches!(refusal(&house), RegistryError::Damaged { keyspace: "registrations", .. }));
}

#[test]
fn without_its_key_or_of_a_later_layout_nothing_opens() {
    let mut house = House::new();
    house.register(full(ALPHA, "a1"));
    house.close();
    let key = house.folder.path().join("identity.key");
    let kept = house.folder.path().join("kept.key");
    std::fs::rename(&key, &kept).expect("moved");
    assert!(matches!(refusal(&house), RegistryError::KeyMissing(_)));
    let other = House::new();
    std::fs::copy(other.folder.path().join("identity.key"), &key).expect("copied");
    assert!(matches!(refusal(&house), RegistryError::OtherKey { .. }));
    std::fs::rename(&kept, &key).expect("moved back");
    let key_id = {
        house.reopen();
        house.registry().shared().expect("loaded").keys.id()
    };
    house.close();
    for layout in [change::LAYOUT - 1, change::LAYOUT + 1] {
        let state = RegistryState { layout, key_id, next_slot: 1, ..RegistryState::default() };
        let mut batch = crate::registry::store::Batch::default();
        batch.put(Space::Meta, Key::new(&[b"state"]), &prost::Message::encode_to_vec(&state));
        let store = Store::open(&house.folder.path().join("store"), 1 << 20).expect("it opens");
        store.commit(batch).expect("well");
        drop(store);
        match refusal(&house) {
            RegistryError::EarlierLayout(found) | RegistryError::LaterLayout(found) => assert_eq!(found, layout),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_store_that_has_lost_its_last_commits_is_not_taken_for_a_whole_one() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.close();
    let before = copied(&house);
    house.reopen();
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    house.close();
    let store = house.folder.path().join("store");
    std::fs::remove_dir_all(&store).expect("it is there");
    std::fs::rename(before, store).expect("an old copy");
    assert!(matches!(refusal(&house), RegistryError::StoreLost { found, expected } if found < expected));
}

/// A copy of the store, beside it.
fn copied(house: &House) -> std::path::PathBuf {
    fn copy(from: &std::path::Path, to: &std::path::Path) {
        std::fs::create_dir(to).expect("it can be made");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
            if path.is_dir() {
                copy(&path, &to.join(name));
            } else {
                std::fs::copy(&path, to.join(name)).expect("it can be copied");
            }
        }
    }
    let copied = house.folder.path().join("before");
    copy(&house.folder.path().join("store"), &copied);
    copied
}
