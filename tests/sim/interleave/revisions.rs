//! A revision while a sweep runs: it goes on where the sweep was, and nobody is missed (rule 11, R-E6).

use std::collections::HashMap;

use hazardcast::domain::{DeliveryKey, NoticeKind, Priority, RegistrationName, Slot};

use super::world::{AREA, Corners, FAR, INSIDE, SHIFTED, World, is_within};
use super::{Played, Story, at_every_moment};
use crate::lane::Delivery;
use crate::people::device;

/// What the next message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It says the same in other words.
    Text,
    /// It is worse than was said.
    Raise,
    /// It is not as bad.
    Lower,
    /// It is elsewhere.
    Shift,
    /// It is over.
    Cancel,
}

impl Next {
    const ALL: [Self; 5] = [Self::Text, Self::Raise, Self::Lower, Self::Shift, Self::Cancel];

    fn priority(self) -> Priority {
        match self {
            Self::Raise => Priority::LifeThreat,
            Self::Lower => Priority::Advisory,
            Self::Text | Self::Shift | Self::Cancel => Priority::Warning,
        }
    }

    fn ground(self) -> Option<Corners> {
        match self {
            Self::Text | Self::Raise | Self::Lower => Some(AREA),
            Self::Shift => Some(SHIFTED),
            Self::Cancel => None,
        }
    }

    async fn send(self, world: &mut World) -> DeliveryKey {
        match self.ground() {
            Some(ground) => world.update(&[(ground, self.priority())]).await,
            None => world.cancel().await,
        }
    }

    /// What one who is there all the time may have been told, if the second message is the last.
    fn check(self, at: [f64; 2], told: &[Delivery], again: &str) {
        let (alerts, releases): (Vec<&Delivery>, Vec<&Delivery>) =
            told.iter().partition(|delivery| delivery.kind != NoticeKind::Release);
        let now_inside = self.ground().is_some_and(|ground| is_within(at, ground));
        let right = if !now_inside {
            let first = alerts.iter().all(|alert| alert.key.revision.0 == 1);
            first && alerts.len() <= 1 && releases.len() == alerts.len()
        } else if self == Self::Raise {
            let raised = |alert: &Delivery| (alert.key.revision.0, alert.priority) == (2, Priority::LifeThreat);
            let first = alerts.iter().filter(|alert| alert.key.revision.0 == 1).count();
            releases.is_empty()
                && alerts.last().is_some_and(|last| raised(last))
                && alerts.len() == first + 1
                && first <= 1
        } else {
            alerts.len() == 1 && releases.is_empty()
        };
        assert!(right, "{self:?} at {at:?}: {told:?}, {again}");
    }
}

struct Revision(Next);

impl Story for Revision {
    const PARTS: usize = 1;

    async fn before(&mut self, _: &mut World) {}

    async fn part(&mut self, world: &mut World, _: usize) {
        self.0.send(world).await;
    }

    fn check(&self, world: &World, played: &Played) {
        for (slot, at) in &world.crowd {
            self.0.check(*at, played.of(*slot), &played.again());
        }
    }
}

#[tokio::test]
async fn a_revision_goes_on_where_the_sweep_was_and_nobody_is_missed() {
    let mut world = World::open().await;
    for next in Next::ALL {
        at_every_moment(&mut world, &mut Revision(next)).await;
    }
}

/// Two revisions, one after the other.
struct Two([Next; 2]);

impl Story for Two {
    const PARTS: usize = 2;

    async fn before(&mut self, _: &mut World) {}

    async fn part(&mut self, world: &mut World, part: usize) {
        self.0[part].send(world).await;
    }

    fn check(&self, world: &World, played: &Played) {
        let [_, last] = self.0;
        for (slot, at) in &world.crowd {
            let told = played.of(*slot);
            let says = || format!("{:?} at {at:?}: {told:?}, {}", self.0, played.again());
            let shown = told.last().filter(|delivery| delivery.kind != NoticeKind::Release);
            let inside = last.ground().is_some_and(|ground| is_within(*at, ground));
            assert_eq!(shown.is_some(), inside, "{}", says());
            let releases = played.releases(*slot);
            assert!(releases <= played.times(*slot), "told that it is over what was not told: {}", says());
            let keys: Vec<_> = told.iter().map(|delivery| (delivery.key, delivery.kind)).collect();
            assert!(keys.iter().all(|key| keys.iter().filter(|other| key == *other).count() == 1), "{}", says());
        }
    }
}

#[tokio::test]
async fn after_two_revisions_each_shows_what_the_last_one_says() {
    let mut world = World::open().await;
    for both in [[Next::Raise, Next::Cancel], [Next::Shift, Next::Raise], [Next::Shift, Next::Cancel]] {
        at_every_moment(&mut world, &mut Two(both)).await;
    }
}

/// One arrives while a revision races with a sweep: `order` says which part of the three comes when.
struct Both {
    next: Next,
    order: [usize; 3],
    who: (RegistrationName, Slot),
    to: [f64; 2],
}

impl Story for Both {
    const PARTS: usize = 3;

    async fn before(&mut self, world: &mut World) {
        world.put(&self.who.0, FAR).await;
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        match self.order[part] {
            0 => world.put(&self.who.0, self.to).await,
            1 => world.house.fan_outs.arrived(self.who.1),
            _ => _ = self.next.send(world).await,
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let again = format!("{:?}, {}", self.order, played.again());
        self.next.check(self.to, played.of(self.who.1), &again);
        for (slot, at) in &world.crowd {
            self.next.check(*at, played.of(*slot), &again);
        }
    }
}

#[tokio::test]
async fn one_who_arrives_while_a_revision_comes_is_told_by_one_of_the_two() {
    let mut world = World::open().await;
    for next in [Next::Text, Next::Raise, Next::Shift, Next::Cancel] {
        for order in [[2, 0, 1], [0, 2, 1], [0, 1, 2]] {
            for to in [INSIDE[1], [1.4, 0.02]] {
                if next != Next::Shift && !is_within(to, AREA) {
                    continue;
                }
                let who = world.register(device(FAR, true)).await;
                at_every_moment(&mut world, &mut Both { next, order, who, to }).await;
            }
        }
    }
}

/// One who is outside of the revised ground, and so to be released, comes into it.
struct Back {
    priority: Priority,
    who: (RegistrationName, Slot),
}

impl Story for Back {
    const PARTS: usize = 3;

    async fn before(&mut self, world: &mut World) {
        world.put(&self.who.0, INSIDE[0]).await;
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        match part {
            0 => _ = world.update(&[(SHIFTED, self.priority)]).await,
            1 => world.put(&self.who.0, [1.4, 0.02]).await,
            _ => world.house.fan_outs.arrived(self.who.1),
        }
    }

    fn check(&self, _: &World, played: &Played) {
        let told = played.of(self.who.1);
        let last = told.last().unwrap_or_else(|| panic!("missed, {}", played.again()));
        assert_ne!(last.kind, NoticeKind::Release, "{told:?}, {}", played.again());
        assert!(played.releases(self.who.1) < played.times(self.who.1), "{told:?}, {}", played.again());
    }
}

#[tokio::test]
async fn one_who_comes_back_shows_the_alert_in_the_end() {
    let mut world = World::open().await;
    for priority in [Priority::Information, Priority::Warning] {
        let who = world.register(device(INSIDE[0], true)).await;
        at_every_moment(&mut world, &mut Back { priority, who }).await;
    }
}

/// A second alert, and then a message that continues both.
struct Joined {
    over: bool,
    other: Option<DeliveryKey>,
}

impl Story for Joined {
    const PARTS: usize = 2;

    async fn before(&mut self, _: &mut World) {}

    async fn part(&mut self, world: &mut World, part: usize) {
        let whole = [[0.0, 0.0], [1.5, 1.0]];
        if part == 0 {
            let first = world.last.clone().expect("the alert");
            self.other = Some(world.submit(world.message(vec![(SHIFTED, Priority::Warning)])).await);
            let second = world.last.as_mut().expect("the other");
            second.references.push((first.identifier, first.sent));
        } else if self.over {
            world.join(None).await;
        } else {
            world.join(Some((whole, Priority::Warning))).await;
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let other = self.other.expect("it was sent");
        let mut by_slot: HashMap<Slot, Vec<&Delivery>> = HashMap::new();
        for delivery in &played.all {
            by_slot.entry(delivery.slot).or_default().push(delivery);
        }
        for (slot, at) in &world.crowd {
            let told = by_slot.remove(slot).unwrap_or_default();
            let of = |key: DeliveryKey| told.iter().filter(|delivery| delivery.key == key).count();
            let before = of(played.first) + of(other);
            let joined: Vec<_> = told.iter().filter(|told| ![played.first, other].contains(&told.key)).collect();
            let says = || format!("at {at:?}: {told:?}, {}", played.again());
            assert!(of(played.first) <= 1 && of(other) <= 1 && joined.len() <= 1, "{}", says());
            if self.over {
                assert_eq!(joined.len(), usize::from(before > 0), "{}", says());
            } else {
                assert!(before + joined.len() >= 1, "missed: {}", says());
                let known = |joined: &&Delivery| told.iter().any(|told| told.left < joined.looked);
                assert!(!joined.iter().any(|joined| known(joined)), "told again what was told: {}", says());
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_continues_two_alerts_goes_on_with_those_who_were_told_of_either() {
    let mut world = World::open().await;
    for over in [false, true] {
        at_every_moment(&mut world, &mut Joined { over, other: None }).await;
    }
}
