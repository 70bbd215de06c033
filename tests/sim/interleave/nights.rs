//! Quiet hours that begin or end while a sweep runs: whoever is not told for that is told when they end (R-S2).

use std::time::Duration;

use hazardcast::domain::{Clock, Preferences, Priority, QuietHours, RegistrationName, Slot, Timestamp};
use hazardcast::registry::RegistrationChange;

use super::world::{INSIDE, World};
use super::{Played, Story, at_every_moment};
use crate::house::House;
use crate::people::device;

/// Somebody's quiet hours, by the clocks of a place where days are of 24 hours.
struct Night {
    /// Whether they have begun before the alert comes.
    begun: bool,
    who: (RegistrationName, Slot),
    begins: Timestamp,
    ends: Timestamp,
}

/// Sets the clock forward to an instant.
fn advance(house: &House, to: Timestamp) {
    let left = to.duration_since(house.clock.now());
    house.clock.advance(Duration::try_from(left).unwrap_or_default());
}

impl Story for Night {
    const PARTS: usize = 3;

    async fn before(&mut self, world: &mut World) {
        let minute = world.house.clock.now().as_second() / 60;
        let (start, end) = if self.begun { (minute - 10, minute + 2) } else { (minute + 1, minute + 2) };
        let of_day = |minute: i64| minute.rem_euclid(24 * 60) as u16;
        let quiet_hours = QuietHours::new(of_day(start), of_day(end));
        let preferences = Some(Preferences { quiet_hours, ..Preferences::default() });
        let change = RegistrationChange { preferences, ..RegistrationChange::default() };
        world.house.registry().update(&self.who.0, change).await.expect("it is changed");
        // A month of 31 days goes by before the alert comes.
        let then = |minute: i64| Timestamp::from_second((minute + 31 * 24 * 60) * 60).expect("in range");
        (self.begins, self.ends) = (then(start), then(end));
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        match part {
            0 => advance(&world.house, self.begins),
            1 => advance(&world.house, self.ends),
            _ => _ = world.house.wake(),
        }
    }

    fn check(&self, _: &World, played: &Played) {
        assert_eq!(played.times(self.who.1), 1, "{}", played.again());
        // What a lane had looked at before they began may leave in their first moment.
        let in_the_day = played.of(self.who.1).iter().all(|delivery| delivery.at >= self.ends);
        assert!(in_the_day || !self.begun, "{}", played.again());
    }
}

#[tokio::test]
async fn one_who_is_not_woken_is_told_once_when_quiet_hours_end() {
    let mut world = World::open().await;
    world.tiers[0].1 = Priority::Warning;
    for (place, begun) in [(INSIDE[0], true), (INSIDE[1], true), (INSIDE[0], false), (INSIDE[2], false)] {
        let mut new = device(place, true);
        new.traits.time_zone = "Etc/UTC".into();
        let who = world.register(new).await;
        let never = Timestamp::UNIX_EPOCH;
        at_every_moment(&mut world, &mut Night { begun, who, begins: never, ends: never }).await;
    }
}
