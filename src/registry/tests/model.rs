//! Whatever is done, in whatever order, together or one by one, and however often the store is opened again: the
//! registry is what a simple model of it is.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::preferences::{preferences, wish};
use super::*;
use crate::domain::DeviceSlot;
use crate::plan::{Flags, Grant};

const APPS: [&str; 3] = [ALPHA, BETA, ROUTES];
const CHANNELS: [ChannelKind; 3] = [ChannelKind::Null, ChannelKind::Fcm, ChannelKind::Apns];
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
    prop::collection::vec(0..4_u8, CHANNELS.len())
}

fn asked() -> impl Strategy<Value = Asked> {
    let identifiers = prop::collection::vec((prop::sample::select(&KINDS[..]), 0..4_u8), 0..3);
    let request = prop::option::weighted(0.3, 0..6_u8);
    let consents = prop::collection::vec(agreed(), 0..4);
    let place = prop::option::of(somewhere());
    (0..APPS.len(), request, identifiers, addresses(), consents, (any::<bool>(), 0..4_u8), place).prop_map(
        |(app, request, identifiers, tokens, mut consents, (drills, preferences), place)| {
            consents.sort_by_key(|(purpose, _)| *purpose);
            consents.dedup_by_key(|(purpose, _)| *purpose);
            Asked { app, request, identifiers, tokens, consents, drills, preferences, place }
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

/// A registration as the model has it.
#[derive(Debug, Clone)]
struct Held {
    app: usize,
    slot: Slot,
    /// Which registration was the first of its device.
    device: RegistrationName,
    identifiers: Vec<(IdentifierKind, u8)>,
    secret: LinkSecret,
    languages: bool,
    tokens: BTreeMap<ChannelKind, String>,
    gone: BTreeSet<ChannelKind>,
    consents: BTreeMap<Purpose, Consent>,
    drills: bool,
    preferences: u8,
    place: Option<(Footprint, Timestamp)>,
    created: Timestamp,
    updated: Timestamp,
}

impl Held {
    fn may_be_placed(&self, now: Timestamp) -> bool {
        let location = self.consents.get(&Purpose::Location);
        // Rows keep whole seconds.
        location.is_some_and(|consent| consent.expires.is_none_or(|ends| ends.as_second() > now.as_second()))
    }
}

#[derive(Debug, Default)]
struct Model {
    held: BTreeMap<String, Held>,
    /// Every name there ever was, in order of their making.
    names: Vec<RegistrationName>,
    /// Who offered what, the first first.
    offered: BTreeMap<(IdentifierKind, u8), Vec<RegistrationName>>,
    requests: BTreeMap<(usize, u8), RegistrationName>,
    old_secrets: Vec<(RegistrationName, LinkSecret)>,
}

impl Model {
    fn pick(&self, of: Pick) -> Option<RegistrationName> {
        (!self.names.is_empty()).then(|| of.get(&self.names).clone())
    }

    fn get(&mut self, name: &RegistrationName) -> Option<&mut Held> {
        self.held.get_mut(&name.to_string())
    }

    /// What was asked for was answered so: is that right, and what is held from now on?
    fn register(&mut self, asked: &Asked, done: Result<Registered, RegistryError>, now: Timestamp) {
        let repeated = asked.request.and_then(|request| self.requests.get(&(asked.app, request)).cloned());
        if let Some(name) = repeated {
            let done = done.expect("it was done before");
            assert_eq!((&done.registration.name, done.created), (&name, false));
            let held = self.get(&name).expect("a request is forgotten with its registration");
            let old = std::mem::replace(&mut held.secret, done.link_secret);
            return self.old_secrets.push((name, old));
        }
        let consents = consents(&asked.consents, now);
        let mut held = Held {
            app: asked.app,
            slot: Slot(0),
            device: bare_name(),
            identifiers: known_kinds(&asked.identifiers),
            secret: LinkSecret(Private::new([0; 32])),
            languages: true,
            tokens: tokens(&asked.tokens),
            gone: BTreeSet::new(),
            consents: consents.into_iter().map(|consent| (consent.purpose, consent)).collect(),
            drills: asked.drills,
            preferences: asked.preferences,
            place: asked.place.map(|place| at(place, now)),
            created: now,
            updated: now,
        };
        if held.place.is_some() && !held.may_be_placed(now) {
            return assert!(matches!(done, Err(RegistryError::NoLocationConsent)));
        }
        let done = done.expect("nothing speaks against it");
        let offered: Vec<_> =
            held.identifiers.iter().filter_map(|offered| self.offered.get(offered)).flatten().collect();
        let own = offered.iter().find(|name| name.app == app(APPS[asked.app])).copied().cloned();
        let first = offered.first().copied().cloned();
        assert_eq!(done.created, own.is_none());
        let name = done.registration.name.clone();
        held.slot = done.registration.slot;
        held.secret = done.link_secret;
        if let Some(own) = own {
            assert_eq!(name, own, "the same app on the same device has the same name");
            let before = self.held[&own.to_string()].clone();
            held.device = before.device;
            held.created = before.created;
            assert_eq!(held.slot, before.slot);
            self.old_secrets.push((own.clone(), before.secret));
            self.forget(&own);
        } else {
            assert!(!self.names.contains(&name) && held.slot.0 as usize >= self.names.len(), "names and slots are new");
            held.device = first.map_or_else(|| name.clone(), |first| self.held[&first.to_string()].device.clone());
            self.names.push(name.clone());
        }
        for &offered in &held.identifiers {
            let members = self.offered.entry(offered).or_default();
            members.retain(|member| member.app != name.app);
            members.push(name.clone());
        }
        if let Some(request) = asked.request {
            self.requests.insert((asked.app, request), name.clone());
        }
        self.held.insert(name.to_string(), held);
    }

    /// Nothing that was offered means this registration any more.
    fn forget(&mut self, name: &RegistrationName) {
        self.offered.values_mut().for_each(|members| members.retain(|member| member != name));
        self.requests.retain(|_, member| member != name);
    }

    /// What an act does that was done, to a registration that is there.
    fn change(&mut self, act: &Act, name: &RegistrationName, now: Timestamp) {
        let Some(held) = self.get(name) else { return };
        match act {
            Act::Register(_) => {}
            Act::Update { languages, tokens: addresses, drills, preferences, .. } => {
                held.languages = languages.unwrap_or(held.languages);
                held.drills = drills.unwrap_or(held.drills);
                held.preferences = preferences.unwrap_or(held.preferences);
                if let Some(addresses) = addresses {
                    held.tokens = tokens(addresses);
                    held.gone.retain(|channel| !held.tokens.contains_key(channel));
                }
                held.updated = now;
            }
            Act::Delete { .. } => {
                self.held.remove(&name.to_string());
                self.forget(name);
            }
            Act::Place { place, .. } => {
                let place = place.map(|place| at(place, now));
                match (place, held.place) {
                    (Some((_, reported)), Some((_, known))) if reported < known => {}
                    _ => held.place = place,
                }
            }
            Act::Grant { consent, .. } => {
                let consent = consents(&[*consent], now).remove(0);
                held.consents.insert(consent.purpose, consent);
                held.updated = now;
            }
            Act::Withdraw { purpose, .. } => {
                held.consents.remove(purpose);
                held.updated = now;
            }
            Act::Gone { channel, address, .. } => {
                if held.tokens.get(channel) == Some(&value(*address)) {
                    held.tokens.remove(channel);
                    held.gone.insert(*channel);
                }
            }
        }
        self.expire(now);
    }

    /// No place without a consent that counts.
    fn expire(&mut self, now: Timestamp) {
        self.held.values_mut().filter(|held| !held.may_be_placed(now)).for_each(|held| held.place = None);
    }
}

fn partner_of(held: &Held) -> PartnerName {
    app(APPS[held.app]).partner
}

/// What stands for a name until there is one.
fn bare_name() -> RegistrationName {
    RegistrationName { app: app(ALPHA), cid: Cid([0; 16]) }
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
    fn new_registration(&self, now: Timestamp) -> NewRegistration {
        NewRegistration {
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

    /// Asks the registry for it; `name` is picked already.
    fn ask(self, registry: &Registry, name: RegistrationName, now: Timestamp) -> LocalBoxFuture<'_, Answer> {
        async move {
            match self {
                Self::Register(asked) => return registry.register(asked.new_registration(now)).await.map(Some),
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
            Step::Reopen => self.house.reopen(),
        }
        self.house.look();
        self.compare();
    }

    fn act(&mut self, acts: Vec<Act>) {
        let now = self.house.now();
        let names: Vec<_> = acts.iter().map(|act| act.of().map(|of| self.model.pick(of))).collect();
        // Nobody is there yet who could be picked.
        let (acts, names): (Vec<Act>, Vec<RegistrationName>) = acts
            .into_iter()
            .zip(names)
            .filter_map(|(act, name)| Some((act, name.unwrap_or_else(|| Some(bare_name()))?)))
            .unzip();
        let registry = self.house.registry();
        let asked = acts.iter().zip(&names).map(|(act, name)| act.clone().ask(registry, name.clone(), now));
        let answers = self.house.runtime.block_on(join_all(asked));
        for ((act, name), answer) in acts.iter().zip(&names).zip(answers) {
            match act {
                Act::Register(asked) => {
                    let done = answer.map(|done| done.expect("a registration is the answer"));
                    self.model.register(asked, done, now);
                }
                act => self.change(act, name, &answer, now),
            }
        }
    }

    fn change(&mut self, act: &Act, name: &RegistrationName, answer: &Answer, now: Timestamp) {
        let held = self.model.get(name);
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
        self.model.change(act, name, now);
    }

    fn compare(&self) {
        let registry = self.house.registry();
        assert_eq!(registry.count(), self.model.held.len());
        for name in &self.model.names {
            match self.model.held.get(&name.to_string()) {
                Some(held) => self.compare_one(name, held),
                None => assert!(matches!(registry.get(name), Err(RegistryError::NotFound))),
            }
        }
        self.compare_devices();
        for (name, secret) in &self.model.old_secrets {
            assert_eq!(registry.authenticate(name, secret).expect("the store is well"), None);
        }
        let places = self.model.held.values().filter(|held| held.place.is_some()).count();
        assert_eq!(self.house.index().len(), places, "nobody else has a place");
        for name in APPS {
            let expected = self.model.names.iter().filter(|one| one.app == app(name));
            let expected: Vec<_> = expected.filter(|one| self.model.held.contains_key(&one.to_string())).collect();
            assert_eq!(self.list(name).iter().collect::<Vec<_>>(), expected);
        }
    }

    fn compare_one(&self, name: &RegistrationName, held: &Held) {
        let registry = self.house.registry();
        let mut found = registry.get(name).expect("it is held");
        found.consents.sort_by_key(|consent| consent.purpose);
        let expected = Registration {
            name: name.clone(),
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
        let held: Vec<_> = self.model.held.iter().map(|(name, held)| (gid(name), held)).collect();
        for (gid, one) in &held {
            for (other_gid, other) in &held {
                let same = one.device == other.device && partner_of(one) == partner_of(other);
                assert_eq!(gid == other_gid, same);
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
        let mut both = Both { house: House::with(limits), model: Model::default() };
        for step in steps {
            both.take(step);
        }
        both.take(Step::Reopen);
    }
}
