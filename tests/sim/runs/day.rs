//! One day: its people, its messages, and what of them is known to a plain list.

use std::collections::{HashMap, HashSet};

use hazardcast::decide::Bulletin;
use hazardcast::domain::{
    Category, Consent, DeliveryKey, Hazards, LineageId, NewRegistration, NoticeKind, PolicyVersion, Position,
    Preferences, Priority, Purpose, QuietHours, Severity, SignedDuration, Slot, Timestamp,
};
use hazardcast::journal::Entry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ground::Region;
use super::people::{Law, Person};
use crate::house::House;
use crate::lane::{Delivery, Holds};
use crate::message::Message;
use crate::people::{consent, device};
use crate::pieces::{Sent, Steps};

/// How many people there are in the morning.
const PEOPLE: usize = 40;

/// How many things happen.
const EVENTS: usize = 500;

pub(super) struct Day {
    pub(super) rng: StdRng,
    pub(super) house: House,
    pub(super) region: Region,
    pub(super) people: Vec<Person>,
    pub(super) oldest_valid: PolicyVersion,
    /// Places and consents that changed, of which the house has not been told that somebody arrived.
    pub(super) arriving: Vec<Slot>,
    pub(super) messages: Vec<Message>,
    /// Every message that was admitted, and the turn in which it was.
    pub(super) bulletins: HashMap<DeliveryKey, (Bulletin, u64)>,
    /// What the authority was answered, by the message's name.
    pub(super) answered: HashMap<String, DeliveryKey>,
    /// Who was ever told of which lineage.
    pub(super) told: HashSet<(Slot, LineageId)>,
    /// Lineages that others took over.
    pub(super) absorbed: HashSet<LineageId>,
    /// What lanes have handed over since the process started; and in all.
    pub(super) handed: HashSet<Handed>,
    pub(super) ever_handed: HashSet<Handed>,
    /// Of that, what was on disk when the process started.
    pub(super) on_disk: HashSet<Handed>,
    /// What a process handed over, and no later one knows of.
    pub(super) lost: HashSet<Handed>,
}

/// What a lane hands over once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Handed {
    pub(super) key: DeliveryKey,
    pub(super) slot: Slot,
    /// `None` for a release.
    pub(super) priority: Option<Priority>,
}

impl Handed {
    pub(super) fn of(delivery: &Delivery) -> Self {
        Self::new(delivery.key, delivery.slot, delivery.kind, delivery.priority)
    }

    fn new(key: DeliveryKey, slot: Slot, kind: NoticeKind, priority: Priority) -> Self {
        Self { key, slot, priority: (kind != NoticeKind::Release).then_some(priority) }
    }
}

impl Day {
    pub(super) async fn begin(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let region = Region::any(&mut rng);
        let house = House::open(Steps { planned: rng.random_range(1..20), sent: Sent::Four }).await;
        let mut day = Self {
            rng,
            house,
            region,
            people: Vec::new(),
            oldest_valid: PolicyVersion(1),
            arriving: Vec::new(),
            messages: Vec::new(),
            bulletins: HashMap::new(),
            answered: HashMap::new(),
            told: HashSet::new(),
            absorbed: HashSet::new(),
            handed: HashSet::new(),
            ever_handed: HashSet::new(),
            on_disk: HashSet::new(),
            lost: HashSet::new(),
        };
        day.register(PEOPLE).await;
        day.arriving.clear();
        day
    }

    pub(super) async fn live(mut self) {
        for _ in 0..EVENTS {
            self.event().await;
            self.look();
            self.house.log.next_turn();
        }
        self.evening().await;
        self.check_evening();
    }

    /// Nothing more happens but what is on its way; every phone that opens links has one.
    async fn evening(&mut self) {
        self.house.hold(Holds::default());
        for slot in std::mem::take(&mut self.arriving) {
            self.house.fan_outs.arrived(slot);
        }
        for _ in 0..200 {
            self.house.run_out().await;
            self.look();
            let Self { people, house, .. } = self;
            let mut any = false;
            for person in people.iter_mut().filter(|person| person.links && person.alive) {
                any |= person.phone.catch_up(house);
            }
            if !any {
                return;
            }
        }
        panic!("the day does not end");
    }

    pub(super) fn turn(&self) -> u64 {
        self.house.log.turn()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.house.clock_now()
    }

    pub(super) fn law(&self) -> Law {
        Law { oldest_valid: self.oldest_valid, now: self.now() }
    }

    /// One of the living.
    pub(super) fn anyone(&mut self) -> usize {
        let alive: Vec<usize> = (0..self.people.len()).filter(|&number| self.people[number].alive).collect();
        alive[self.rng.random_range(0..alive.len())]
    }

    /// A grant under a policy that is retired no further than to `oldest`.
    pub(super) fn any_consent(&mut self, purpose: Purpose, oldest: u16) -> Consent {
        let expires = self.rng.random_bool(0.3).then(|| {
            let minutes = self.rng.random_range(1..240);
            self.now() + SignedDuration::from_mins(minutes)
        });
        Consent { policy: PolicyVersion(self.rng.random_range(oldest..=3)), ..consent(purpose, expires) }
    }

    /// Mostly everything. The day begins at a quarter to three in the night: quiet hours begin and end soon.
    pub(super) fn any_preferences(&mut self) -> Preferences {
        let rng = &mut self.rng;
        let least = rng.random_bool(0.2).then(|| Severity::ALL[rng.random_range(0..4)]);
        let wanted = [Category::Met, Category::Geo][rng.random_range(0..2)];
        let hazards = if rng.random_bool(0.15) { Hazards::of([wanted]) } else { Hazards::ALL };
        let quiet = rng.random_bool(0.3).then(|| {
            let (start, long) = (rng.random_range(1_380..1_740), rng.random_range(10..90));
            QuietHours::new(start % QuietHours::DAY, (start + long) % QuietHours::DAY)
        });
        Preferences { least_severity: least, hazards, quiet_hours: quiet.flatten() }
    }

    /// So many people come, each with consents, places and ways of its own.
    pub(super) async fn register(&mut self, count: usize) {
        let new: Vec<(NewRegistration, Option<Position>)> = (0..count).map(|_| self.newcomer()).collect();
        let registered = self.house.register(new.iter().map(|(new, _)| new.clone()).collect()).await;
        let turn = self.turn();
        for (registered, (new, place)) in registered.into_iter().zip(new) {
            let granted = |purpose| new.consents.iter().find(|consent| consent.purpose == purpose).cloned();
            let slot = registered.registration.slot;
            self.arriving.push(slot);
            self.people.push(Person {
                phone: crate::phone::Phone::of(registered),
                links: new.tokens.is_empty() || self.rng.random_bool(0.5),
                alive: true,
                emergency: granted(Purpose::EmergencyPush),
                location: granted(Purpose::Location),
                saved_places: granted(Purpose::SavedPlaces),
                drills: new.drills,
                preferences: new.preferences,
                path: vec![(turn, place)],
                followed: Vec::new(),
                changed: turn,
            });
        }
    }

    fn newcomer(&mut self) -> (NewRegistration, Option<Position>) {
        let place = self.region.place(&mut self.rng);
        let mut new = device([place.lon(), place.lat()], self.rng.random_bool(0.6));
        new.consents.clear();
        for (purpose, chance) in [(Purpose::EmergencyPush, 0.85), (Purpose::Location, 0.9), (Purpose::SavedPlaces, 0.5)]
        {
            if self.rng.random_bool(chance) {
                let consent = self.any_consent(purpose, self.oldest_valid.0);
                new.consents.push(consent);
            }
        }
        new.drills = self.rng.random_bool(0.4);
        new.traits.time_zone = "Asia/Tokyo".into();
        new.preferences = self.any_preferences();
        let located = new.consents.iter().any(|consent| consent.purpose == Purpose::Location);
        if !located || self.rng.random_bool(0.1) {
            new.place = None;
        }
        (new.clone(), new.place.map(|_| place))
    }

    /// Places whose consent has ended are not read from disk.
    fn miss_places(&mut self) {
        let (turn, law) = (self.turn(), self.law());
        for person in self.people.iter_mut().filter(|person| person.alive && person.place().is_some()) {
            if !self.house.has_place(person.phone.slot) {
                assert!(!person.may_report(law), "a place was lost");
                person.moved(turn, None);
            }
        }
        for person in self.people.iter_mut().filter(|person| person.alive && person.home().is_some()) {
            if !self.house.has_saved_place(person.phone.slot) {
                assert!(!law.counts(person.saved_places.as_ref()), "a followed place was lost");
                person.follows(turn, None);
            }
        }
    }

    /// The process ends; the next one starts on what is on disk.
    pub(super) async fn crash(&mut self) {
        for person in &mut self.people {
            person.phone.cut();
        }
        let registry = self.rng.random_bool(0.5);
        self.house.crash(registry).await;
        self.look();
        self.miss_places();
        self.arriving.clear();
        for entry in &self.house.replayed {
            if let Entry::Sent { key, kind, priority, devices, .. } = entry {
                self.on_disk.extend(devices.iter().map(|device| Handed::new(*key, Slot(device.0), *kind, *priority)));
            }
        }
        self.lost = self.ever_handed.difference(&self.on_disk).copied().collect();
        self.handed.clear();
    }
}
