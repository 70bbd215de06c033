//! What may happen, one thing at a time.

use std::time::Duration;

use hazardcast::domain::{Footprint, PolicyVersion, Private, Purpose};
use hazardcast::registry::{RegistrationChange, RegistryError};
use rand::RngExt;

use super::day::Day;
use crate::lane::Holds;
use crate::people::{app, home, home_id};

impl Day {
    pub(super) async fn event(&mut self) {
        match self.rng.random_range(0..1_000) {
            0..450 => self.work().await,
            450..600 => self.phone(),
            600..660 => self.report().await,
            660..680 => self.follow().await,
            680..740 => self.arrive(),
            740..780 => self.consent().await,
            780..785 => self.drills().await,
            785..790 => self.prefer().await,
            790..800 => self.delete().await,
            800..810 => self.register(1).await,
            810..890 => self.send_message().await,
            890..900 => self.send_into_the_crash().await,
            900..915 => self.crash().await,
            915..945 => self.house.clock.advance(Duration::from_mins(self.rng.random_range(1..15))),
            945..950 => self.retire().await,
            950..955 => self.house.fan_outs.tidy(),
            955..960 => _ = self.house.wake(),
            960..980 => {
                let holds = Holds { before: false, after: self.rng.random_bool(0.5) };
                self.house.hold(holds);
            }
            _ => _ = self.house.write(),
        }
    }

    /// One step of one worker.
    async fn work(&mut self) {
        match self.rng.random_range(0..8) {
            0..3 => _ = self.house.plan(),
            3..5 => _ = self.house.send(0).await,
            5..7 => _ = self.house.send(1).await,
            _ => _ = self.house.record(),
        }
    }

    /// A link opens, closes, or carries.
    fn phone(&mut self) {
        let linked: Vec<usize> = (0..self.people.len()).filter(|&number| self.people[number].links).collect();
        let number = linked[self.rng.random_range(0..linked.len())];
        let choice = self.rng.random_range(0..10);
        let Self { people, house, .. } = self;
        let person = &mut people[number];
        match choice {
            0 => person.phone.cut(),
            1..4 if !person.phone.is_open() => person.phone.open(house),
            1..5 => person.phone.opened(house),
            5..7 => _ = person.phone.carry(house),
            7..9 => _ = person.phone.receive(house),
            _ => _ = person.phone.acknowledge(house),
        }
    }

    /// Somebody is somewhere else, or nowhere.
    async fn report(&mut self) {
        let number = self.anyone();
        let place = self.rng.random_bool(0.9).then(|| self.region.place(&mut self.rng));
        let (turn, law) = (self.turn(), self.law());
        let person = &mut self.people[number];
        let report = place.map(|place| (Footprint::Point(Private::new(place)), law.now));
        let answer = self.house.registry().report_place(&person.phone.name, report).await;
        if place.is_some() && !person.may_report(law) {
            assert!(matches!(answer, Err(RegistryError::NoLocationConsent)));
            return;
        }
        answer.expect("it is taken");
        person.moved(turn, place);
        person.changed = turn;
        self.arriving.push(person.phone.slot);
    }

    /// Somebody follows another place, or none any more.
    async fn follow(&mut self) {
        let number = self.anyone();
        let place = self.rng.random_bool(0.8).then(|| self.region.place(&mut self.rng));
        let (turn, law) = (self.turn(), self.law());
        let person = &mut self.people[number];
        let (registry, name) = (self.house.registry(), &person.phone.name);
        let answer = match place {
            Some(place) => registry.set_saved_place(name, home([place.lon(), place.lat()])).await.map(drop),
            None => registry.delete_saved_place(name, home_id()).await,
        };
        match answer {
            Err(RegistryError::NoSavedPlacesConsent) => {
                return assert!(place.is_some() && !law.counts(person.saved_places.as_ref()));
            }
            Err(RegistryError::NoSuchSavedPlace) => return assert!(place.is_none() && person.home().is_none()),
            answer => answer.expect("it is taken"),
        }
        person.follows(turn, place);
        person.changed = turn;
        self.arriving.push(person.phone.slot);
    }

    /// The house is told that somebody has arrived.
    fn arrive(&mut self) {
        if !self.arriving.is_empty() {
            let slot = self.arriving.remove(0);
            self.house.fan_outs.arrived(slot);
        }
    }

    /// Somebody withdraws, or agrees.
    async fn consent(&mut self) {
        let number = self.anyone();
        let purpose = match self.rng.random_range(0..10) {
            0..5 => Purpose::EmergencyPush,
            5..8 => Purpose::Location,
            _ => Purpose::SavedPlaces,
        };
        let granted = self.rng.random_bool(0.5).then(|| self.any_consent(purpose, 1));
        let (turn, law) = (self.turn(), self.law());
        let person = &mut self.people[number];
        let name = person.phone.name.clone();
        match &granted {
            Some(granted) if granted.policy < law.oldest_valid => {
                let answer = self.house.registry().grant(&name, granted.clone()).await;
                assert!(matches!(answer, Err(RegistryError::PolicyRetired { .. })));
                return;
            }
            Some(granted) => {
                self.house.registry().grant(&name, granted.clone()).await.expect("it is granted");
                self.arriving.push(person.phone.slot);
            }
            None => self.house.registry().withdraw(&name, purpose).await.expect("it is withdrawn"),
        }
        match purpose {
            Purpose::EmergencyPush => person.emergency = granted,
            Purpose::SavedPlaces => {
                if granted.is_none() {
                    person.follows(turn, None);
                }
                person.saved_places = granted;
            }
            _ => {
                if granted.is_none() {
                    person.moved(turn, None);
                }
                person.location = granted;
            }
        }
        person.changed = turn;
    }

    async fn drills(&mut self) {
        let number = self.anyone();
        let (drills, turn) = (self.rng.random_bool(0.5), self.turn());
        let person = &mut self.people[number];
        let change = RegistrationChange { drills: Some(drills), ..RegistrationChange::default() };
        self.house.registry().update(&person.phone.name, change).await.expect("it is changed");
        (person.drills, person.changed) = (drills, turn);
        self.arriving.push(person.phone.slot);
    }

    /// Somebody wants to be told of something else.
    async fn prefer(&mut self) {
        let number = self.anyone();
        let (preferences, turn) = (self.any_preferences(), self.turn());
        let person = &mut self.people[number];
        let change = RegistrationChange { preferences: Some(preferences), ..RegistrationChange::default() };
        self.house.registry().update(&person.phone.name, change).await.expect("it is changed");
        (person.preferences, person.changed) = (preferences, turn);
        self.arriving.push(person.phone.slot);
    }

    async fn delete(&mut self) {
        let number = self.anyone();
        let turn = self.turn();
        let person = &mut self.people[number];
        self.house.registry().delete(&person.phone.name).await.expect("it is deleted");
        person.moved(turn, None);
        person.follows(turn, None);
        (person.alive, person.changed) = (false, turn);
    }

    /// Consents under an old policy count no more.
    async fn retire(&mut self) {
        let retired = PolicyVersion(self.oldest_valid.0.min(2));
        self.house.registry().retire_policy(app().partner, retired).await.expect("it is retired");
        self.oldest_valid = PolicyVersion(retired.0 + 1);
        let turn = self.turn();
        self.people.iter_mut().for_each(|person| person.changed = turn);
    }
}
