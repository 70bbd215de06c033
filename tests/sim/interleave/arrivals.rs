//! An arrival while a sweep runs: whoever comes into the area is told once (R-E7).

use hazardcast::domain::{Priority, Purpose, RegistrationName, Slot};

use super::world::{AREA, FAR, INSIDE, World};
use super::{Played, Story, at_every_moment};
use crate::people::{consent, device};

/// How one comes to be in the area.
#[derive(Debug, Clone, Copy)]
enum Comes {
    /// From outside.
    In([f64; 2]),
    /// From one place in the area to another.
    Across([f64; 2], [f64; 2]),
    /// It is there, and is registered now.
    New([f64; 2]),
    /// It is there, and its person agrees now.
    Agreeing([f64; 2]),
}

struct Arrival {
    comes: Comes,
    who: Option<(RegistrationName, Slot)>,
}

impl Story for Arrival {
    const PARTS: usize = 2;

    async fn before(&mut self, world: &mut World) {
        match (self.comes, &self.who) {
            (Comes::In(_), Some((name, _))) => world.put(name, FAR).await,
            (Comes::In(_), None) => self.who = Some(world.register(device(FAR, true)).await),
            (Comes::Across(from, _), Some((name, _))) => world.put(name, from).await,
            (Comes::Across(from, _), None) => self.who = Some(world.register(device(from, true)).await),
            (Comes::New(_), _) => self.who = None,
            (Comes::Agreeing(at), None) => {
                let mut new = device(at, true);
                new.consents.retain(|consent| consent.purpose == Purpose::Location);
                self.who = Some(world.register(new).await);
            }
            (Comes::Agreeing(_), Some((name, _))) => {
                world.house.registry().withdraw(name, Purpose::EmergencyPush).await.expect("it is withdrawn");
            }
        }
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        if part == 1 {
            let (_, slot) = self.who.as_ref().expect("it is registered");
            return world.house.fan_outs.arrived(*slot);
        }
        match (self.comes, &self.who) {
            (Comes::In(at) | Comes::Across(_, at), Some((name, _))) => world.put(name, at).await,
            (Comes::Agreeing(_), Some((name, _))) => {
                let agreed = consent(Purpose::EmergencyPush, None);
                world.house.registry().grant(name, agreed).await.expect("it is granted");
            }
            (Comes::New(at), _) => self.who = Some(world.register(device(at, true)).await),
            (_, None) => panic!("it is registered"),
        }
    }

    fn check(&self, _: &World, played: &Played) {
        let (_, slot) = self.who.as_ref().expect("it is registered");
        assert_eq!(played.of(*slot).len(), 1, "{:?}, {}", self.comes, played.again());
    }
}

#[tokio::test]
async fn one_who_arrives_is_told_once() {
    let mut world = World::open().await;
    let [first, last, between] = INSIDE;
    let comings = [
        Comes::In(first),
        Comes::In(last),
        Comes::In(between),
        Comes::Across(first, last),
        Comes::Across(last, first),
        Comes::New(first),
        Comes::New(last),
        Comes::Agreeing(first),
        Comes::Agreeing(last),
    ];
    for comes in comings {
        at_every_moment(&mut world, &mut Arrival { comes, who: None }).await;
    }
}

/// A device goes from ground with one priority to ground with another.
struct Crossing {
    who: (RegistrationName, Slot),
    from: [f64; 2],
    to: [f64; 2],
    worse: bool,
}

impl Story for Crossing {
    const PARTS: usize = 2;

    async fn before(&mut self, world: &mut World) {
        world.put(&self.who.0, self.from).await;
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        match part {
            0 => world.put(&self.who.0, self.to).await,
            _ => world.house.fan_outs.arrived(self.who.1),
        }
    }

    fn check(&self, _: &World, played: &Played) {
        let told: Vec<Priority> = played.of(self.who.1).iter().map(|delivery| delivery.priority).collect();
        let once: &[&[Priority]] = if self.worse {
            &[&[Priority::LifeThreat], &[Priority::Advisory, Priority::LifeThreat]]
        } else {
            &[&[Priority::LifeThreat], &[Priority::Advisory]]
        };
        assert!(once.contains(&told.as_slice()), "told {told:?}, {}", played.again());
    }
}

#[tokio::test]
async fn one_who_comes_into_worse_ground_is_told_so_and_never_less_after_more() {
    let mut world = World::open().await;
    let [first, last, _] = INSIDE;
    let half = [[0.5, 0.5], [1.0, 1.0]];
    world.tiers = vec![(AREA, Priority::Advisory), (half, Priority::LifeThreat)];
    for (from, to, worse) in [(first, last, true), (last, first, false)] {
        let who = world.register(device(from, true)).await;
        at_every_moment(&mut world, &mut Crossing { who, from, to, worse }).await;
    }
}
