//! Whatever is done, in whatever order, together or one by one, and however often the store is opened again: the
//! registry is what a simple model of it is.

mod acts;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::preferences::{preferences, wish};
use super::*;
use crate::domain::{DeviceSlot, SavedPlace, SavedPlaceId};
use crate::plan::{Flags, Grant};

use acts::{APPS, Act, Asked, CHANNELS, PARTNERS, Step, steps};
use values::{
    LIFETIME, at, bare_name, consents, footprint, given, held_as, known_kinds, languages, saved_id, tokens, value,
};

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
    under_14: bool,
    precision: PlacePrecision,
    place: Option<(Footprint, Timestamp)>,
    saved: BTreeMap<SavedPlaceId, SavedPlace>,
    created: Timestamp,
    updated: Timestamp,
}

impl Held {
    fn may_be_placed(&self, policies: &Policies, now: Timestamp) -> bool {
        self.counts(Purpose::Location, policies, now)
    }

    fn counts(&self, purpose: Purpose, policies: &Policies, now: Timestamp) -> bool {
        self.consents.get(&purpose).is_some_and(|consent| {
            // Rows keep whole seconds.
            let lasts = consent.expires.is_none_or(|ends| ends.as_second() > now.as_second());
            lasts && consent.policy >= policies.oldest(self.app)
        })
    }

    /// What a row says of a purpose.
    fn grant(&self, purpose: Purpose) -> Grant {
        let held = self.consents.get(&purpose);
        held.map_or_else(Grant::default, |consent| Grant::until(consent.policy, consent.expires))
    }
}

/// How far each partner has retired its policy.
#[derive(Debug, Clone, Default)]
struct Policies(BTreeMap<PartnerName, u16>);

impl Policies {
    fn oldest(&self, of: usize) -> PolicyVersion {
        PolicyVersion(self.0.get(&app(APPS[of]).partner).map_or(1, |retired| retired + 1))
    }

    /// Whether these may be recorded; else why not.
    fn admit(&self, of: usize, under_14: bool, consents: &[Consent]) -> Result<(), Refused> {
        for consent in consents {
            if consent.policy < self.oldest(of) {
                return Err(Refused::Retired);
            }
            if under_14 && consent.guardian.is_none() {
                return Err(Refused::NoGuardian);
            }
        }
        Ok(())
    }
}

/// Why a consent is not recorded.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Retired,
    NoGuardian,
}

impl Refused {
    fn of(error: &RegistryError) -> Self {
        match error {
            RegistryError::PolicyRetired { .. } => Self::Retired,
            RegistryError::NoGuardian { .. } => Self::NoGuardian,
            other => panic!("{other}"),
        }
    }
}

#[derive(Debug, Default)]
struct Model {
    policies: Policies,
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
            return self.new_secret(name, done.link_secret);
        }
        let given_consents = consents(&asked.consents, now);
        if let Err(refused) = self.policies.admit(asked.app, asked.under_14, &given_consents) {
            return assert_eq!(Refused::of(&done.expect_err("it is refused")), refused);
        }
        let mut held = Held {
            app: asked.app,
            slot: Slot(0),
            device: bare_name(),
            identifiers: known_kinds(&asked.identifiers),
            secret: LinkSecret(Private::new([0; 32])),
            languages: true,
            tokens: tokens(&asked.tokens),
            gone: BTreeSet::new(),
            consents: given_consents.into_iter().map(|consent| (consent.purpose, consent)).collect(),
            drills: asked.drills,
            preferences: asked.preferences,
            under_14: asked.under_14,
            precision: asked.precision,
            place: asked.place.map(|place| at(place, now)),
            saved: BTreeMap::new(),
            created: now,
            updated: now,
        };
        if held.place.is_some() && !held.may_be_placed(&self.policies, now) {
            return assert!(matches!(done, Err(RegistryError::NoLocationConsent)));
        }
        if let Some(place) = held.place {
            held.place = held_as(place, held.precision);
            if held.place.is_none() {
                return assert!(matches!(done, Err(RegistryError::UnfitPlace(_))));
            }
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

    /// It was asked for before: nothing changes but the secret.
    fn new_secret(&mut self, name: RegistrationName, secret: LinkSecret) {
        let held = self.get(&name).expect("a request is forgotten with its registration");
        let old = std::mem::replace(&mut held.secret, secret);
        self.old_secrets.push((name, old));
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
            Act::Update { languages, tokens: addresses, drills, under_14, precision, preferences, .. } => {
                if let Some(precision) = *precision {
                    let coarser = precision > held.precision;
                    held.precision = precision;
                    held.place =
                        held.place.and_then(|place| if coarser { held_as(place, precision) } else { Some(place) });
                }
                held.under_14 = under_14.unwrap_or(held.under_14);
                if *under_14 == Some(true) {
                    held.consents.retain(|_, consent| consent.guardian.is_some());
                }
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
                let place = place.and_then(|place| held_as(place, held.precision));
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
            Act::Save { id, place, precision, .. } => {
                let place = precision.coarsen(footprint(*place)).expect("it was taken");
                let saved = SavedPlace { id: saved_id(*id), place, precision: *precision };
                held.saved.insert(saved_id(*id), saved);
                held.updated = now;
            }
            Act::Unsave { id, .. } => {
                held.saved.remove(&saved_id(*id)).expect("it was there");
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

    /// No place without a consent that counts, and none that is too old.
    fn expire(&mut self, now: Timestamp) {
        let Self { held, policies, .. } = self;
        held.values_mut().filter(|held| !held.may_be_placed(policies, now)).for_each(|held| held.place = None);
        for held in held.values_mut() {
            held.place = held.place.filter(|(_, at)| now.duration_since(*at) <= LIFETIME);
            if !held.counts(Purpose::SavedPlaces, policies, now) {
                held.saved.clear();
            }
        }
    }
}

fn partner_of(held: &Held) -> PartnerName {
    app(APPS[held.app]).partner
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
            under_14: self.under_14,
            place_precision: self.precision,
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
            | Self::Save { of, .. }
            | Self::Unsave { of, .. }
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
                Self::Update {
                    languages: both,
                    tokens: addresses,
                    drills,
                    under_14,
                    precision,
                    preferences: wanted,
                    ..
                } => {
                    let traits = both.map(|both| traits(languages(both)));
                    let tokens = addresses.map(|addresses| given(&tokens(&addresses)));
                    let preferences = wanted.map(preferences);
                    registry
                        .update(
                            &name,
                            RegistrationChange {
                                traits,
                                tokens,
                                drills,
                                preferences,
                                under_14,
                                place_precision: precision,
                            },
                        )
                        .await
                        .map(drop)
                }
                Self::Delete { .. } => registry.delete(&name).await.map(drop),
                Self::Place { place, .. } => {
                    registry.report_place(&name, place.map(|place| at(place, now))).await.map(drop)
                }
                Self::Save { id, place, precision, .. } => {
                    let saved = SavedPlace { id: saved_id(id), place: footprint(place), precision };
                    registry.set_saved_place(&name, saved).await.map(drop)
                }
                Self::Unsave { id, .. } => registry.delete_saved_place(&name, saved_id(id)).await,
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
            Step::Retire(of, version) => {
                let partner = partner(PARTNERS[of]);
                let policy =
                    self.house.make(|registry| registry.retire_policy(partner.clone(), PolicyVersion(version)));
                let retired = self.model.policies.0.entry(partner).or_default();
                *retired = version.max(*retired);
                assert_eq!(policy.expect("it is retired").oldest_valid.0, *retired + 1);
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
        let policies = self.model.policies.clone();
        let held = self.model.get(name);
        if let (Act::Grant { consent, .. }, Some(held)) = (act, &held) {
            let admitted = policies.admit(held.app, held.under_14, &consents(&[*consent], now));
            if admitted.is_err() {
                return assert_eq!(answer.as_ref().map(drop).map_err(Refused::of), admitted);
            }
        }
        let fits = |place: u8, precision: PlacePrecision| precision.coarsen(footprint(place)).is_ok();
        match (act, answer) {
            (Act::Place { place: Some((place, _)), .. }, Err(RegistryError::UnfitPlace(_))) => {
                return assert!(held.is_some_and(|held| !fits(*place, held.precision)));
            }
            (Act::Save { place, precision, .. }, Err(RegistryError::UnfitPlace(_))) => {
                return assert!(!fits(*place, *precision));
            }
            (Act::Save { .. }, Err(RegistryError::NoSavedPlacesConsent)) => {
                return assert!(held.is_some_and(|held| !held.counts(Purpose::SavedPlaces, &policies, now)));
            }
            (Act::Unsave { id, .. }, Err(RegistryError::NoSuchSavedPlace)) => {
                return assert!(held.is_some_and(|held| !held.saved.contains_key(&saved_id(*id))));
            }
            // Nobody waits for these.
            (Act::Gone { .. }, _) => {}
            (_, Err(RegistryError::NotFound)) => assert!(held.is_none()),
            (Act::Place { place: Some(_), .. }, Err(RegistryError::NoLocationConsent)) => {
                assert!(held.is_some_and(|held| !held.may_be_placed(&policies, now)));
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
        let places: usize =
            self.model.held.values().map(|held| usize::from(held.place.is_some()) + held.saved.len()).sum();
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
            under_14: held.under_14,
            place_precision: held.precision,
            place: held.place.map(|(place, _)| place),
            place_time: held.place.map(|(_, at)| at),
            created: held.created,
            updated: held.updated,
        };
        assert_eq!(found, expected);
        assert_eq!(registry.authenticate(name, &held.secret).expect("the store is well"), Some(held.slot));
        assert_eq!(self.house.place(held.slot), expected.place);
        assert!(registry.saved_places(name).expect("it is held").iter().eq(held.saved.values()));

        let facts = registry.facts(held.slot);
        let flag = |flag: u16, is_set: bool| if is_set { flag } else { 0 };
        let cross_border = held.grant(Purpose::CrossBorder);
        assert_eq!(registry.cross_border(held.slot), cross_border);
        assert_eq!(registry.saved_places_grant(held.slot), held.grant(Purpose::SavedPlaces));
        let follows = flag(Flags::FOLLOWS, !held.saved.is_empty()) | Flags::of_precision(held.precision);
        let abroad = flag(Flags::CROSS_BORDER, cross_border != Grant::default());
        let expected = Facts {
            device: held.slot.0,
            app: held.app as u16,
            channels: held.tokens.keys().fold(0, |bits, channel| bits | channel.bit()),
            emergency: held.grant(Purpose::EmergencyPush),
            location: held.grant(Purpose::Location),
            languages: facts.languages,
            flags: Flags(Flags::LIVE | flag(Flags::DRILLS, held.drills) | abroad | follows),
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
