//! A withdrawal while a sweep runs: it holds for everything whose last look comes after it (R-P2).

use hazardcast::domain::{Consent, NewRegistration, PolicyVersion, Purpose, RegistrationName, Slot};

use super::world::{FAR, INSIDE, World};
use super::{Played, Story, at_every_moment};
use crate::people::{app, consent, device, home};

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Consent(Purpose),
    Registration,
    /// The version of the policy that all was agreed to under.
    Policy,
}

struct Withdrawal {
    takes: Takes,
    at: [f64; 2],
    who: Option<(RegistrationName, Slot)>,
    /// The version that is retired next.
    policy: u16,
}

impl Story for Withdrawal {
    const PARTS: usize = 1;

    async fn before(&mut self, world: &mut World) {
        if self.takes == Takes::Consent(Purpose::SavedPlaces) {
            // The phone is elsewhere, and that it may be held says nothing of the place that is followed.
            let who = match self.who.take() {
                Some(who) => who,
                None => world.register(device(FAR, true)).await,
            };
            let registry = world.house.registry();
            registry.grant(&who.0, consent(Purpose::SavedPlaces, None)).await.expect("it is granted");
            registry.set_saved_place(&who.0, home(self.at)).await.expect("it is taken");
            self.who = Some(who);
        } else if let (Some((name, _)), Takes::Consent(purpose)) = (&self.who, self.takes) {
            world.house.registry().grant(name, consent(purpose, None)).await.expect("it is granted");
            world.put(name, self.at).await;
        } else {
            let consents = [Purpose::EmergencyPush, Purpose::Location]
                .map(|purpose| Consent { policy: PolicyVersion(self.policy), ..consent(purpose, None) });
            let new = NewRegistration { consents: consents.into(), ..device(self.at, true) };
            self.who = Some(world.register(new).await);
        }
    }

    async fn part(&mut self, world: &mut World, _part: usize) {
        let (name, _) = self.who.as_ref().expect("it is registered");
        match self.takes {
            Takes::Consent(purpose) => world.house.registry().withdraw(name, purpose).await.expect("it is withdrawn"),
            Takes::Registration => {
                world.house.registry().delete(name).await.expect("it is deleted");
            }
            Takes::Policy => {
                let (partner, version) = (app().partner, PolicyVersion(self.policy));
                world.house.registry().retire_policy(partner, version).await.expect("it is retired");
                self.policy += 1;
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
    let consents = [Purpose::EmergencyPush, Purpose::Location, Purpose::SavedPlaces].map(Takes::Consent);
    let mut policy = 1;
    for takes in consents.into_iter().chain([Takes::Registration, Takes::Policy]) {
        for at in INSIDE {
            let mut story = Withdrawal { takes, at, who: None, policy };
            at_every_moment(&mut world, &mut story).await;
            policy = story.policy;
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
