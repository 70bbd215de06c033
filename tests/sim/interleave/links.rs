//! A link that opens or is lost while a sweep runs: what was told over it is shown once, and nothing is lost (R-E5,
//! R-L6).

use hazardcast::device::Shown;
use hazardcast::domain::Priority;

use super::world::{AREA, INSIDE, World};
use super::{Played, Story, at_every_moment};
use crate::people::device;

/// What else happens while the link is lost and opens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Raise,
    Cancel,
}

/// The only link of the world opens.
struct Opening;

impl Story for Opening {
    const PARTS: usize = 2;

    async fn before(&mut self, world: &mut World) {
        world.phones[0].cut();
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        let World { phones, house, .. } = world;
        if part == 0 { phones[0].open(house) } else { phones[0].opened(house) }
    }

    fn check(&self, world: &World, played: &Played) {
        let (shown, dropped) = shown(world, played);
        assert_eq!(shown, [Shown::Sounded], "{}", played.again());
        assert!(dropped <= 1, "{}", played.again());
    }
}

/// The link is lost, with what is on its way, and opens again.
struct Losing {
    meanwhile: Meanwhile,
    /// When that comes: before part 0, 1, 2 or 3 of the link's.
    then: usize,
}

impl Story for Losing {
    const PARTS: usize = 4;

    async fn before(&mut self, world: &mut World) {
        let World { phones, house, .. } = world;
        while phones[0].catch_up(house) {}
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        if part == self.then {
            return match self.meanwhile {
                Meanwhile::Nothing => {}
                Meanwhile::Raise => _ = world.update(&[(AREA, Priority::LifeThreat)]).await,
                Meanwhile::Cancel => _ = world.cancel().await,
            };
        }
        let World { phones, house, .. } = world;
        match part - usize::from(part > self.then) {
            0 => phones[0].cut(),
            1 => phones[0].open(house),
            _ => phones[0].opened(house),
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let (shown, _) = shown(world, played);
        let expected: &[&[Shown]] = match self.meanwhile {
            Meanwhile::Nothing => &[&[Shown::Sounded]],
            // Two escalations, or only the second.
            Meanwhile::Raise => &[&[Shown::Sounded], &[Shown::Sounded, Shown::Sounded]],
            Meanwhile::Cancel => &[&[], &[Shown::Sounded, Shown::Released]],
        };
        let says = format!("{:?} before {}: {shown:?}, {}", self.meanwhile, self.then, played.again());
        assert!(expected.contains(&shown.as_slice()), "{says}");
        if self.meanwhile == Meanwhile::Raise {
            let last = world.phones[0].received.iter().rfind(|received| received.shown != Shown::Dropped);
            assert_eq!(last.expect("it was told").delivery.priority, Priority::LifeThreat, "{says}");
        }
    }
}

/// What the phone showed of the story's alert, and how often it dropped a repeat.
fn shown(world: &World, played: &Played) -> (Vec<Shown>, usize) {
    let received = world.phones[0].received.iter();
    let (mut shown, mut dropped) = (Vec::new(), 0);
    for received in received.filter(|received| received.delivery.key.lineage == played.first.lineage) {
        if received.shown == Shown::Dropped { dropped += 1 } else { shown.push(received.shown) }
    }
    (shown, dropped)
}

#[tokio::test]
async fn a_link_that_opens_is_told_once() {
    let mut world = World::open().await;
    for at in INSIDE {
        world.phones = vec![world.house.phone(device(at, false)).await];
        at_every_moment(&mut world, &mut Opening).await;
    }
}

#[tokio::test]
async fn a_link_that_is_lost_loses_nothing_and_shows_nothing_twice() {
    let mut world = World::open().await;
    for at in [INSIDE[0], INSIDE[1]] {
        world.phones = vec![world.house.phone(device(at, false)).await];
        at_every_moment(&mut world, &mut Losing { meanwhile: Meanwhile::Nothing, then: 0 }).await;
        for meanwhile in [Meanwhile::Raise, Meanwhile::Cancel] {
            for then in 0..4 {
                at_every_moment(&mut world, &mut Losing { meanwhile, then }).await;
            }
        }
    }
}

/// A device that the null channel reaches too: over whichever way, its link shows it at most once.
struct TwoWays;

impl Story for TwoWays {
    const PARTS: usize = 3;

    async fn before(&mut self, world: &mut World) {
        let World { phones, house, .. } = world;
        while phones[0].catch_up(house) {}
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        let World { phones, house, .. } = world;
        match part {
            0 => phones[0].cut(),
            1 => phones[0].open(house),
            _ => phones[0].opened(house),
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let (shown, _) = shown(world, played);
        assert!(shown.len() <= 1, "{shown:?}, {}", played.again());
        assert!(played.times(world.phones[0].slot) >= 1, "{}", played.again());
    }
}

#[tokio::test]
async fn one_who_can_be_reached_two_ways_is_told() {
    let mut world = World::open().await;
    world.phones = vec![world.house.phone(device(INSIDE[1], true)).await];
    at_every_moment(&mut world, &mut TwoWays).await;
}

/// A device that has had the alert, or not yet, comes into worse ground, and its link is lost with the word of that.
struct Worse;

impl Story for Worse {
    const PARTS: usize = 1;

    async fn before(&mut self, world: &mut World) {
        world.put(&world.phones[0].name, INSIDE[0]).await;
        let World { phones, house, .. } = world;
        while phones[0].catch_up(house) {}
    }

    async fn part(&mut self, world: &mut World, _: usize) {
        world.put(&world.phones[0].name, INSIDE[1]).await;
        world.house.fan_outs.arrived(world.phones[0].slot);
        while world.house.send(0).await {}
        let World { phones, house, .. } = world;
        phones[0].cut();
        phones[0].open(house);
        phones[0].opened(house);
    }

    fn check(&self, world: &World, played: &Played) {
        let last = world.phones[0].received.iter().rfind(|received| received.shown == Shown::Sounded);
        let last = last.map(|received| received.delivery.priority);
        assert_eq!(last, Some(Priority::LifeThreat), "{}", played.again());
    }
}

#[tokio::test]
async fn what_rises_is_not_lost_with_a_link_though_what_went_before_was_acknowledged() {
    let mut world = World::open().await;
    world.tiers = vec![(AREA, Priority::Advisory), ([[0.5, 0.5], [1.0, 1.0]], Priority::LifeThreat)];
    world.phones = vec![world.house.phone(device(INSIDE[0], false)).await];
    at_every_moment(&mut world, &mut Worse).await;
}
