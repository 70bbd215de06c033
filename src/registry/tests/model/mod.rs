//! Whatever is done, in whatever order, together or one by one, and however often the store is opened again: the
//! registry is what a simple model of it is.

mod acts;
mod held;
mod policies;
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
use held::{Held, Model};
use policies::{Policies, Refused};
use values::{
    LIFETIME, at, bare_name, consents, footprint, given, held_as, known_kinds, languages, saved_id, tokens, value,
};

/// How long the holder of a CID is to be silent.
const WAIT: Duration = Duration::from_mins(1);
/// How long what is under an old key is found.
const OVERLAP: Duration = Duration::from_mins(2);

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
            Step::Rotate => {
                let done = self.house.make(Registry::rotate_key);
                assert_eq!(done.is_ok(), self.model.rotate(self.house.now()));
            }
            Step::Retire(of, version) => {
                let partner = partner(PARTNERS[of]);
                let policy =
                    self.house.make(|registry| registry.retire_policy(partner.clone(), PolicyVersion(version)));
                let oldest = self.model.policies.retire(partner, version);
                assert_eq!(policy.expect("it is retired").oldest_valid, oldest);
                self.model.expire(self.house.now());
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
        // A name means whom it meant when it was asked: whoever is there now, or comes to be by what was asked before.
        let slots: Vec<_> =
            picked.iter().map(|(_, name, _)| self.model.find(name).map(|(_, held)| held.slot)).collect();
        let registry = self.house.registry();
        let asked = picked.iter().map(|(act, name, secret)| act.clone().ask(registry, name.clone(), *secret, now));
        let answers = self.house.runtime.block_on(join_all(asked));
        for (((act, name, secret), slot), answer) in picked.iter().zip(slots).zip(answers) {
            match act {
                Act::Register(asked) => {
                    let done = answer.map(|done| done.expect("a registration is the answer"));
                    self.model.register(asked, *secret, done, now);
                }
                act => {
                    let before = slot.and_then(|slot| self.model.by_slot(slot));
                    let later = || self.model.find(name).map(|(shown, _)| shown.clone());
                    let is_there = !matches!(answer, Err(RegistryError::NotFound));
                    let meant = before.or_else(|| if is_there { later() } else { None });
                    self.change(act, meant, &answer, now);
                }
            }
        }
    }

    fn change(&mut self, act: &Act, name: Option<RegistrationName>, answer: &Answer, now: Timestamp) {
        let policies = self.model.policies.clone();
        let held = name.as_ref().and_then(|name| self.model.get(name));
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
        let held = self.model.held.values().map(|(_, held)| held);
        let places: usize = held.map(|held| usize::from(held.place.is_some()) + held.saved.len()).sum();
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
