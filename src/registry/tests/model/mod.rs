//! Whatever is done, in whatever order, together or one by one, and however often the store is opened again: the
//! registry is what a simple model of it is.

mod held;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::preferences::{preferences, wish};
use super::*;
use crate::domain::DeviceSlot;
use crate::plan::{Flags, Grant};

use held::{Held, Model};

const APPS: [&str; 3] = [ALPHA, BETA, ROUTES];
const CHANNELS: [ChannelKind; 3] = [ChannelKind::Null, ChannelKind::Fcm, ChannelKind::Apns];
/// How long the holder of a CID is to be silent.
const WAIT: Duration = Duration::from_mins(1);
/// How long what is under an old key is found.
const OVERLAP: Duration = Duration::from_mins(2);
const KINDS: [IdentifierKind; 3] = [IdentifierKind::Oaid, IdentifierKind::AndroidId, IdentifierKind::Imei];

/// One thing that is done to one registration; `of` picks which, from all there ever were.
#[derive(Debug, Clone)]
enum Act {
    Register(Asked),
    Update {
        of: Pick,
        languages: Option<bool>,
        tokens: Option<Vec<u8>>,
        drills: Option<bool>,
        preferences: Option<u8>,
    },
    Delete {
        of: Pick,
    },
    Place {
        of: Pick,
        place: Option<(u8, i64)>,
    },
    Grant {
        of: Pick,
        consent: (Purpose, Option<i64>),
    },
    Withdraw {
        of: Pick,
        purpose: Purpose,
    },
    /// The vendor says that this address is gone; it may be another now.
    Gone {
        of: Pick,
        channel: ChannelKind,
        address: u8,
    },
}

/// What is asked to be registered. Values are small numbers, so that they meet.
#[derive(Debug, Clone)]
struct Asked {
    app: usize,
    request: Option<u8>,
    identifiers: Vec<(IdentifierKind, u8)>,
    /// The link secret of which registration it brings.
    secret: Option<Pick>,
    vouched: bool,
    tokens: Vec<u8>,
    consents: Vec<(Purpose, Option<i64>)>,
    drills: bool,
    preferences: u8,
    place: Option<(u8, i64)>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Asked for before the first is answered: they share commits as it happens.
    Together(Vec<Act>),
    /// Time goes on, and the keeper looks.
    Wait(i64),
    /// A new identity key.
    Rotate,
    Reopen,
}

fn purpose() -> impl Strategy<Value = Purpose> {
    // Mostly the two that rows of facts hold.
    prop_oneof![
        4 => Just(Purpose::Location),
        3 => Just(Purpose::EmergencyPush),
        1 => prop::sample::select(&Purpose::ALL[..]),
    ]
}

/// A purpose, and seconds until the consent ends, if it does.
fn agreed() -> impl Strategy<Value = (Purpose, Option<i64>)> {
    (purpose(), prop::option::weighted(0.4, 1..100_i64))
}

/// A place, and how many seconds ago the phone was there.
fn somewhere() -> impl Strategy<Value = (u8, i64)> {
    (0..5_u8, 0..60_i64)
}

fn addresses() -> impl Strategy<Value = Vec<u8>> {
    // Often none: who has one is never taken for gone.
    prop_oneof![Just(vec![0; CHANNELS.len()]), prop::collection::vec(0..4_u8, CHANNELS.len())]
}

fn asked() -> impl Strategy<Value = Asked> {
    let identifiers = prop::collection::vec((prop::sample::select(&KINDS[..]), 0..4_u8), 0..3);
    let request = prop::option::weighted(0.3, 0..6_u8);
    let consents = prop::collection::vec(agreed(), 0..4);
    let place = prop::option::of(somewhere());
    let proof = (prop::option::weighted(0.3, any::<Pick>()), prop::bool::weighted(0.1));
    let choices = (any::<bool>(), 0..4_u8);
    (0..APPS.len(), request, identifiers, proof, addresses(), consents, choices, place).prop_map(
        |(app, request, identifiers, (secret, vouched), tokens, mut consents, (drills, preferences), place)| {
            consents.sort_by_key(|(purpose, _)| *purpose);
            consents.dedup_by_key(|(purpose, _)| *purpose);
            Asked { app, request, identifiers, secret, vouched, tokens, consents, drills, preferences, place }
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let of = any::<Pick>;
    prop_oneof![
        4 => asked().prop_map(Act::Register),
        2 => update(),
        1 => of().prop_map(|of| Act::Delete { of }),
        4 => (of(), prop::option::weighted(0.9, somewhere())).prop_map(|(of, place)| Act::Place { of, place }),
        2 => (of(), agreed()).prop_map(|(of, consent)| Act::Grant { of, consent }),
        2 => (of(), purpose()).prop_map(|(of, purpose)| Act::Withdraw { of, purpose }),
        1 => (of(), prop::sample::select(&CHANNELS[..]), 1..4_u8)
            .prop_map(|(of, channel, address)| Act::Gone { of, channel, address }),
    ]
}

fn update() -> impl Strategy<Value = Act> {
    use prop::option::of as maybe;
    let both = (maybe(any::<bool>()), maybe(0..4_u8));
    (any::<Pick>(), maybe(any::<bool>()), maybe(addresses()), both).prop_map(
        |(of, languages, tokens, (drills, preferences))| Act::Update { of, languages, tokens, drills, preferences },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(act(), 1..6).prop_map(Step::Together),
        2 => (1..80_i64).prop_map(Step::Wait),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..24)
}

fn footprint(place: u8) -> Footprint {
    match place {
        0 => {
            let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
            Footprint::Box { south_west: corner(10.0, 50.0), north_east: corner(10.25, 50.5) }
        }
        _ => point(f64::from(place) * 30.0, 10.0),
    }
}

/// Address 0 is none.
fn tokens(addresses: &[u8]) -> BTreeMap<ChannelKind, String> {
    let given = CHANNELS.into_iter().zip(addresses).filter(|(_, address)| **address > 0);
    given.map(|(channel, address)| (channel, value(*address))).collect()
}

fn value(address: u8) -> String {
    format!("address-{address}")
}

/// The same as the registry takes them.
fn given(tokens: &BTreeMap<ChannelKind, String>) -> Vec<Token> {
    tokens.iter().map(|(channel, value)| token(*channel, value)).collect()
}

fn at((place, ago): (u8, i64), now: Timestamp) -> (Footprint, Timestamp) {
    (footprint(place), now - SignedDuration::from_secs(ago))
}

fn languages(both: bool) -> &'static [&'static str] {
    if both { &["ja", "en-us"] } else { &["es"] }
}

fn consents(agreed: &[(Purpose, Option<i64>)], now: Timestamp) -> Vec<Consent> {
    let ends = |seconds| now + SignedDuration::from_secs(seconds);
    agreed.iter().map(|&(purpose, seconds)| consent(purpose, seconds.map(ends))).collect()
}

/// What stands for a name until there is one.
fn bare_name() -> RegistrationName {
    RegistrationName { app: app(ALPHA), cid: Cid([0; 16]), installation: None }
}

/// Each once, best kind first.
fn known_kinds(identifiers: &[(IdentifierKind, u8)]) -> Vec<(IdentifierKind, u8)> {
    let mut known = identifiers.to_vec();
    known.sort_by_key(|(kind, _)| *kind);
    let mut seen = BTreeSet::new();
    known.retain(|offered| seen.insert(*offered));
    known
}

impl Asked {
    fn new_registration(&self, earlier_secret: Option<LinkSecret>, now: Timestamp) -> NewRegistration {
        NewRegistration {
            earlier_secret,
            vouched: self.vouched,
            request: self.request.map(|request| format!("request-{request}").into()),
            traits: traits(languages(true)),
            identifiers: self.identifiers.iter().map(|(kind, value)| identifier(*kind, &format!("{value}a"))).collect(),
            tokens: given(&tokens(&self.tokens)),
            consents: consents(&self.consents, now),
            drills: self.drills,
            preferences: preferences(self.preferences),
            place: self.place.map(|place| at(place, now)),
            ..bare(APPS[self.app])
        }
    }
}

type Answer = Result<Option<Registered>, RegistryError>;

impl Act {
    fn of(&self) -> Option<Pick> {
        match self {
            Self::Register(_) => None,
            Self::Update { of, .. }
            | Self::Delete { of }
            | Self::Place { of, .. }
            | Self::Grant { of, .. }
            | Self::Withdraw { of, .. }
            | Self::Gone { of, .. } => Some(*of),
        }
    }

    /// The registration whose secret it brings.
    fn brings(&self) -> Option<Pick> {
        if let Self::Register(asked) = self { asked.secret } else { None }
    }

    /// Asks the registry for it; `name` and `secret` are picked already.
    fn ask(
        self,
        registry: &Registry,
        name: RegistrationName,
        secret: Option<LinkSecret>,
        now: Timestamp,
    ) -> LocalBoxFuture<'_, Answer> {
        async move {
            match self {
                Self::Register(asked) => return registry.register(asked.new_registration(secret, now)).await.map(Some),
                Self::Update { languages: both, tokens: addresses, drills, preferences: wanted, .. } => {
                    let traits = both.map(|both| traits(languages(both)));
                    let tokens = addresses.map(|addresses| given(&tokens(&addresses)));
                    let preferences = wanted.map(preferences);
                    registry.update(&name, RegistrationChange { traits, tokens, drills, preferences }).await.map(drop)
                }
                Self::Delete { .. } => registry.delete(&name).await.map(drop),
                Self::Place { place, .. } => {
                    registry.report_place(&name, place.map(|place| at(place, now))).await.map(drop)
                }
                Self::Grant { consent, .. } => {
                    registry.grant(&name, consents(&[consent], now).remove(0)).await.map(drop)
                }
                Self::Withdraw { purpose, .. } => registry.withdraw(&name, purpose).await,
                Self::Gone { channel, address, .. } => {
                    registry.slot(&name).map(|slot| registry.forget_token(slot, token(channel, &value(address))))
                }
            }
            .map(|()| None)
        }
        .boxed_local()
    }
}

/// The registry beside its model.
struct Both {
    house: House,
    model: Model,
}

impl Both {
    fn take(&mut self, step: Step) {
        match step {
            Step::Together(acts) => self.act(acts),
            Step::Wait(seconds) => {
                self.house.clock.advance(Duration::from_secs(seconds as u64));
                self.model.expire(self.house.now());
            }
            Step::Rotate => {
                let done = self.house.make(Registry::rotate_key);
                assert_eq!(done.is_ok(), self.model.rotate(self.house.now()));
            }
            Step::Reopen => self.house.reopen(),
        }
        self.house.look();
        self.model.settle(self.house.now());
        self.model.drop_hashes(self.house.now());
        self.compare();
        self.model.see(self.house.now());
    }

    fn act(&mut self, acts: Vec<Act>) {
        let now = self.house.now();
        let names: Vec<_> = acts.iter().map(|act| act.of().map(|of| self.model.pick(of))).collect();
        let secrets: Vec<_> = acts.iter().map(|act| act.brings().and_then(|of| self.model.secret(of))).collect();
        // Nobody is there yet who could be picked.
        let picked: Vec<(Act, RegistrationName, Option<LinkSecret>)> = acts
            .into_iter()
            .zip(names)
            .zip(secrets)
            .filter_map(|((act, name), secret)| Some((act, name.unwrap_or_else(|| Some(bare_name()))?, secret)))
            .collect();
        // A name means whom it meant when it was asked.
        let slots: Vec<_> =
            picked.iter().map(|(_, name, _)| self.model.find(name).map(|(_, held)| held.slot)).collect();
        let registry = self.house.registry();
        let asked = picked.iter().map(|(act, name, secret)| act.clone().ask(registry, name.clone(), *secret, now));
        let answers = self.house.runtime.block_on(join_all(asked));
        for (((act, _, secret), slot), answer) in picked.iter().zip(slots).zip(answers) {
            match act {
                Act::Register(asked) => {
                    let done = answer.map(|done| done.expect("a registration is the answer"));
                    self.model.register(asked, *secret, done, now);
                }
                act => self.change(act, slot, &answer, now),
            }
        }
    }

    fn change(&mut self, act: &Act, slot: Option<Slot>, answer: &Answer, now: Timestamp) {
        let name = slot.and_then(|slot| self.model.by_slot(slot));
        let held = name.as_ref().and_then(|name| self.model.get(name));
        match (act, answer) {
            // Nobody waits for these.
            (Act::Gone { .. }, _) => {}
            (_, Err(RegistryError::NotFound)) => assert!(held.is_none()),
            (Act::Place { place: Some(_), .. }, Err(RegistryError::NoLocationConsent)) => {
                assert!(held.is_some_and(|held| !held.may_be_placed(now)));
            }
            (_, Ok(_)) => assert!(held.is_some()),
            (_, Err(error)) => panic!("{error}"),
        }
        if let Some(name) = name {
            self.model.change(act, &name, now);
        }
    }

    fn compare(&self) {
        let registry = self.house.registry();
        assert_eq!(registry.count(), self.model.held.len());
        for name in &self.model.names {
            match self.model.find(name) {
                Some((shown, held)) => self.compare_one(name, shown, held),
                None => assert!(matches!(registry.get(name), Err(RegistryError::NotFound))),
            }
        }
        self.compare_devices();
        for (name, secret) in &self.model.old_secrets {
            assert_eq!(registry.authenticate(name, secret).expect("the store is well"), None);
        }
        let places = self.model.held.values().filter(|(_, held)| held.place.is_some()).count();
        assert_eq!(self.house.index().len(), places, "nobody else has a place");
        for name in APPS {
            assert_eq!(self.list(name), self.model.listed(&app(name)));
        }
    }

    /// A registration that is found by `name` and shown as `shown`.
    fn compare_one(&self, name: &RegistrationName, shown: &RegistrationName, held: &Held) {
        let registry = self.house.registry();
        let mut found = registry.get(name).expect("it is held");
        found.consents.sort_by_key(|consent| consent.purpose);
        let expected = Registration {
            name: shown.clone(),
            subject: found.subject,
            gid: found.gid,
            slot: held.slot,
            device: DeviceSlot(held.slot.0),
            app: AppSlot(held.app as u16),
            traits: traits(languages(held.languages)),
            tokens: given(&held.tokens),
            gone: held.gone.iter().copied().collect(),
            consents: held.consents.values().cloned().collect(),
            drills: held.drills,
            preferences: preferences(held.preferences),
            place: held.place.map(|(place, _)| place),
            place_time: held.place.map(|(_, at)| at),
            created: held.created,
            updated: held.updated,
        };
        assert_eq!(found, expected);
        assert_eq!(registry.authenticate(name, &held.secret).expect("the store is well"), Some(held.slot));
        assert_eq!(self.house.place(held.slot), expected.place);

        let facts = registry.facts(held.slot);
        let grant = |purpose| {
            held.consents
                .get(&purpose)
                .map_or_else(Grant::default, |consent| Grant::until(consent.policy, consent.expires))
        };
        let expected = Facts {
            device: held.slot.0,
            app: held.app as u16,
            channels: held.tokens.keys().fold(0, |bits, channel| bits | channel.bit()),
            emergency: grant(Purpose::EmergencyPush),
            location: grant(Purpose::Location),
            languages: facts.languages,
            flags: Flags(Flags::LIVE | if held.drills { Flags::DRILLS } else { 0 }),
        };
        assert_eq!(facts, expected.with_preferences(facts.preferences()));
        let now = self.house.now();
        assert_eq!(registry.wish(facts.preferences(), now), wish(held.preferences, now));
        let read = facts.languages.iter().filter_map(|&id| registry.language(id));
        assert!(read.eq(traits(languages(held.languages)).languages));
        for channel in CHANNELS {
            let address = registry.token(held.slot, channel).map(|token| token.value.expose().clone());
            assert_eq!(address.as_ref(), held.tokens.get(&channel));
        }
    }

    /// A partner's apps share the GID of one device, and nobody else does.
    fn compare_devices(&self) {
        let gid = |name: &str| self.house.registry().get(&name.parse().expect("a name")).expect("it is held").gid;
        let held: Vec<_> = self.model.held.iter().map(|(name, (_, held))| (gid(name), held)).collect();
        for (gid, one) in &held {
            for (other_gid, other) in &held {
                assert_eq!(gid == other_gid, one.device == other.device);
            }
        }
    }

    /// The whole listing, by pages of two.
    fn list(&self, name: &str) -> Vec<RegistrationName> {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let (page, next) = self.house.registry().list(&app(name), 2, &token).expect("it can be listed");
            assert!(next.is_none() || page.len() == 2);
            names.extend(page.into_iter().map(|registration| registration.name));
            match next {
                Some(next) => token = next,
                None => return names,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 12))]
    #[test]
    fn whatever_is_done_the_registry_is_what_its_model_is(steps in steps(), compacts in any::<bool>()) {
        let limits = if compacts { Limits { bytes: 0, age: Duration::MAX } } else { Limits::DEFAULT };
        let mut both = Both { house: House::with_waits(limits, WAIT, OVERLAP), model: Model::default() };
        for step in steps {
            both.take(step);
        }
        both.take(Step::Reopen);
    }
}
