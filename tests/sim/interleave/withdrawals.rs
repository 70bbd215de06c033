//! A withdrawal while a sweep runs: it holds for everything whose last look comes after it (R-P2).

use hazardcast::domain::{Purpose, RegistrationName, Slot};

use super::world::{INSIDE, World};
use super::{Played, Story, at_every_moment};
use crate::people::{consent, device};

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Consent(Purpose),
    Registration,
}

struct Withdrawal {
    takes: Takes,
    at: [f64; 2],
    who: Option<(RegistrationName, Slot)>,
}

impl Story for Withdrawal {
    const PARTS: usize = 1;

    async fn before(&mut self, world: &mut World) {
        match (&self.who, self.takes) {
            (Some((name, _)), Takes::Consent(purpose)) => {
                world.house.registry().grant(name, consent(purpose, None)).await.expect("it is granted");
                world.put(name, self.at).await;
            }
            _ => self.who = Some(world.register(device(self.at, true)).await),
        }
    }

    async fn part(&mut self, world: &mut World, _part: usize) {
        let (name, _) = self.who.as_ref().expect("it is registered");
        match self.takes {
            Takes::Consent(purpose) => world.house.registry().withdraw(name, purpose).await.expect("it is withdrawn"),
            Takes::Registration => {
                world.house.registry().delete(name).await.expect("it is deleted");
            }
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let (_, slot) = self.who.as_ref().expect("it is registered");
        let told = played.of(*slot);
        assert!(told.len() <= 1, "{:?}: told twice, {}", self.takes, played.again());
        for delivery in told {
            let before = delivery.looked < played.turns[0];
            assert!(before, "{:?}: told after it was withdrawn, {}", self.takes, played.again());
        }
        for (other, at) in &world.crowd {
            let expected = usize::from(super::world::is_within(*at, super::world::AREA));
            assert_eq!(played.of(*other).len(), expected, "somebody at {at:?} was missed, {}", played.again());
        }
    }
}

#[tokio::test]
async fn one_who_withdraws_is_not_told_from_then_on_and_nobody_else_is_missed() {
    let mut world = World::open().await;
    let takes = [Takes::Consent(Purpose::EmergencyPush), Takes::Consent(Purpose::Location), Takes::Registration];
    for takes in takes {
        for at in INSIDE {
            at_every_moment(&mut world, &mut Withdrawal { takes, at, who: None }).await;
        }
    }
}

/// A person withdraws, thinks better of it, and agrees again.
struct Wavering {
    who: (RegistrationName, Slot),
}

impl Story for Wavering {
    const PARTS: usize = 3;

    async fn before(&mut self, _: &mut World) {}

    async fn part(&mut self, world: &mut World, part: usize) {
        let (name, slot) = &self.who;
        let purpose = Purpose::EmergencyPush;
        match part {
            0 => world.house.registry().withdraw(name, purpose).await.expect("it is withdrawn"),
            1 => _ = world.house.registry().grant(name, consent(purpose, None)).await.expect("it is granted"),
            _ => world.house.fan_outs.arrived(*slot),
        }
    }

    fn check(&self, _: &World, played: &Played) {
        let told = played.of(self.who.1);
        assert_eq!(told.len(), 1, "{}", played.again());
        let between = played.turns[0]..played.turns[1];
        assert!(!between.contains(&told[0].looked), "told while it was withdrawn, {}", played.again());
    }
}

#[tokio::test]
async fn one_who_withdraws_and_agrees_again_is_told_once() {
    let mut world = World::open().await;
    for at in INSIDE {
        let who = world.register(device(at, true)).await;
        at_every_moment(&mut world, &mut Wavering { who }).await;
    }
}
