//! Every byte of the registry's folder: identifiers are nowhere in any form, a link secret only as its hash (R-B2,
//! R-P9).

use std::path::Path;

use fjall::{Database, KeyspaceCreateOptions};

use super::encodings::Needles;
use super::*;
use crate::registry::identity::secret_hash;
use crate::registry::store::Space;

/// One of each kind, as phones write them, that no two runs share.
fn identifiers() -> Vec<(IdentifierKind, String)> {
    let hex = |digits: usize| format!("{:032x}", rand::random::<u128>() | 1)[..digits].to_owned();
    let decimal = |first: &str, digits: usize| {
        format!("{first}{:018}", rand::random::<u64>() % 10_u64.pow(18))[..digits].to_owned()
    };
    let uuid = || format!("{}-{}-{}-{}-{}", hex(8), hex(4), hex(4), hex(4), hex(12));
    vec![
        (IdentifierKind::Oaid, uuid()),
        (IdentifierKind::AndroidId, hex(16)),
        (IdentifierKind::Idfv, uuid().to_ascii_uppercase()),
        (IdentifierKind::Gaid, uuid()),
        (IdentifierKind::Idfa, uuid().to_ascii_uppercase()),
        (IdentifierKind::Imei, decimal("35", 15)),
        (IdentifierKind::Mac, [(); 6].map(|()| hex(2)).join(":")),
        (IdentifierKind::Serial, format!("R58N{}", hex(7).to_ascii_uppercase())),
        (IdentifierKind::Imsi, decimal("440", 15)),
        (IdentifierKind::Iccid, decimal("8981", 19)),
    ]
}

/// Puts everything from the store's log into its tables too.
fn flush(folder: &Path) {
    let database = Database::builder(folder.join("store")).open().expect("it opens");
    for space in Space::ALL {
        let keyspace = database.keyspace(space.name(), KeyspaceCreateOptions::default).expect("it opens");
        keyspace.rotate_memtable_and_wait().expect("it is written");
    }
}

#[test]
fn no_identifier_and_no_secret_is_in_any_file() {
    let mut house = House::new();
    let (mut forbidden, mut control) = (Needles::default(), Needles::default());
    let offered = identifiers();
    for (kind, value) in &offered {
        forbidden.text(&format!("{kind:?}"), value);
    }
    let [brand, request] = [(); 2].map(|()| format!("{:032x}", rand::random::<u128>()));
    control.text("brand", &brand);
    forbidden.text("request", &request);

    let asked = |app, kept: usize| NewRegistration {
        identifiers: offered[..kept].iter().map(|(kind, value)| identifier(*kind, value)).collect(),
        request: Some(request.as_str().into()),
        traits: DeviceTraits { brand: brand.as_str().into(), ..traits(&["ja"]) },
        ..full(app, "a1b2c3")
    };
    let mut registered: Vec<_> =
        [ALPHA, BETA, ROUTES].iter().map(|app| house.register(asked(app, offered.len()))).collect();
    registered.push(house.register(NewRegistration { request: None, ..asked(ALPHA, 3) }));
    house.make(|registry| registry.delete(&registered[2].registration.name)).expect("deleted");
    for (number, done) in registered.iter().enumerate() {
        forbidden.bytes(&format!("link secret {number}"), done.link_secret.0.expose());
    }
    control.bytes("hash of the secret", &secret_hash(&registered[3].link_secret));
    house.close();

    let folder = house.folder.path();
    for flushed in [false, true] {
        if flushed {
            flush(folder);
        }
        assert_eq!(control.found_below(folder).len(), 2, "what is there is found");
        assert_eq!(forbidden.found_below(folder).into_iter().collect::<Vec<_>>(), [""; 0]);
    }
}

#[test]
fn keys_on_disk_are_slots_or_keyed_hashes() {
    let mut house = House::new();
    let address = format!("{:032x}", rand::random::<u128>());
    let tokens = vec![token(ChannelKind::Fcm, &address)];
    let done = house.register(NewRegistration { tokens, ..full(ALPHA, "a1b2c3") }).registration;
    let mut needles = Needles::default();
    needles.bytes("cid", &done.name.cid.0);
    needles.text("cid", &done.name.cid.to_string());
    needles.bytes("gid", &done.gid.0);
    needles.text("token", &address);
    house.close();
    let database = Database::builder(house.folder.path().join("store")).open().expect("it opens");
    for space in Space::ALL {
        let keyspace = database.keyspace(space.name(), KeyspaceCreateOptions::default).expect("it opens");
        for item in keyspace.iter() {
            let (key, _) = item.into_inner().expect("well");
            let length = match space {
                Space::Meta | Space::Tokens => 5,
                Space::Registrations | Space::Zones => 4,
                Space::Partners | Space::Apps | Space::EventLogs | Space::Webhooks => 2,
                Space::Events => 10,
                Space::Endings => 12,
                Space::Identifiers => 16,
            };
            assert_eq!(key.len(), length, "{}", space.name());
            assert!(needles.found_in(&key).is_empty(), "{}", space.name());
        }
    }
}

#[test]
fn what_is_private_is_in_no_debug_form() {
    let house = House::new();
    let asked = full(ALPHA, "a1b2c3d4e5f60718");
    let done = house.register(asked.clone());
    let mut needles = Needles::default();
    needles.text("identifier", "a1b2c3d4e5f60718");
    needles.text("cid", &done.registration.name.cid.to_string());
    needles.text("gid", &done.registration.gid.to_string());
    needles.bytes("cid", &done.registration.name.cid.0);
    needles.bytes("secret", done.link_secret.0.expose());
    needles.degrees("longitude", 139.7);
    let change = Change::Place(done.registration.slot, asked.place);
    let shown = format!("{asked:?} {done:?} {change:?}");
    assert!(
        needles.found_in(shown.as_bytes()).is_empty() && !shown.contains("fcm-1") && !shown.contains("139"),
        "{shown}"
    );
}
