//! The process ends at any moment: what was accepted goes on, and what is sent again is what was in flight, under the
//! same key (R-E8).

use std::collections::HashSet;

use hazardcast::device::Shown;
use hazardcast::domain::{DeliveryKey, DeviceSlot, RegistrationName, Slot};
use hazardcast::journal::Entry;

use super::world::{AREA, FAR, INSIDE, World, is_within};
use super::{Played, Story, at_every_moment};
use crate::people::device;

/// What happens before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Arrival,
    Cancel,
}

struct Crash {
    before: Before,
    /// Whether the disk has what was sent at once, or only when somebody waits for it.
    prompt: bool,
    registry: bool,
    who: (RegistrationName, Slot),
    /// What was on disk when the next process started.
    known: HashSet<(DeliveryKey, DeviceSlot)>,
}

impl Story for Crash {
    const PARTS: usize = 3;

    async fn before(&mut self, world: &mut World) {
        world.put(&self.who.0, FAR).await;
        world.prompt = self.prompt;
        let World { phones, house, .. } = world;
        while phones[0].catch_up(house) {}
    }

    async fn part(&mut self, world: &mut World, part: usize) {
        match (part, self.before) {
            (0, Before::Arrival) => world.put(&self.who.0, INSIDE[0]).await,
            (1, Before::Arrival) => world.house.fan_outs.arrived(self.who.1),
            (1, Before::Cancel) => _ = world.cancel().await,
            (0 | 1, _) => {}
            _ => {
                world.phones[0].cut();
                world.house.crash(self.registry).await;
                let sent = world.house.replayed.iter().filter_map(|entry| match entry {
                    Entry::Sent { devices, key, .. } => Some(devices.iter().map(move |device| (*key, *device))),
                    _ => None,
                });
                self.known = sent.flatten().collect();
            }
        }
    }

    fn check(&self, world: &World, played: &Played) {
        let says = format!("{:?}, prompt: {}, {}", self.before, self.prompt, played.again());
        let crowd = world.crowd.iter().filter(|(_, at)| is_within(*at, AREA)).map(|(slot, _)| *slot);
        let arrived = (self.before == Before::Arrival).then_some(self.who.1);
        let (mut repeats, mut unreleased) = (0, 0);
        for slot in crowd.chain(arrived) {
            let told = played.of(slot);
            let (alerts, releases) = (played.times(slot), played.releases(slot));
            assert!(self.before == Before::Cancel || alerts > 0, "{slot:?} was missed, {says}");
            assert!(releases == 0 || alerts > 0, "told that it is over what was not told: {told:?}, {says}");
            for (number, delivery) in told.iter().enumerate() {
                let again = told[..number].iter().any(|before| before.key == delivery.key);
                let known = self.known.contains(&(delivery.key, DeviceSlot(slot.0)));
                assert!(!(again && known), "told again though it was known that it was told: {told:?}, {says}");
                repeats += usize::from(again);
            }
            if self.before == Before::Cancel && alerts > 0 && releases == 0 {
                let known = self.known.contains(&(played.first, DeviceSlot(slot.0)));
                assert!(!known, "not told that it is over: {told:?}, {says}");
                unreleased += 1;
            }
        }
        assert!(repeats <= 9 * 300, "{repeats} repeats, {says}");
        // The one batch that was between its last look and its record when the cancel was accepted.
        assert!(unreleased <= 300, "{unreleased} were not told that it is over, {says}");
        self.check_link(world, played, &says);
    }
}

impl Crash {
    /// The device has kept what it had had, and shows nothing twice.
    fn check_link(&self, world: &World, played: &Played, says: &str) {
        let received = &world.phones[0].received;
        let own = received.iter().filter(|received| received.delivery.key.lineage == played.first.lineage);
        let shown: Vec<Shown> = own.map(|received| received.shown).filter(|shown| *shown != Shown::Dropped).collect();
        if self.before == Before::Cancel {
            assert!([&[][..], &[Shown::Sounded, Shown::Released]].contains(&shown.as_slice()), "{shown:?}, {says}");
        } else {
            assert_eq!(shown, [Shown::Sounded], "{says}");
        }
    }
}

async fn crashes(before: Before, registry: bool) {
    let mut world = World::open().await;
    world.phones = vec![world.house.phone(device(INSIDE[1], false)).await];
    for prompt in [false, true] {
        let who = world.register(device(FAR, true)).await;
        let known = HashSet::new();
        at_every_moment(&mut world, &mut Crash { before, prompt, registry, who, known }).await;
    }
}

#[tokio::test]
async fn a_sweep_goes_on_after_the_end_and_repeats_only_what_was_in_flight() {
    crashes(Before::Nothing, true).await;
}

#[tokio::test]
async fn one_who_arrived_just_before_the_end_is_told() {
    crashes(Before::Arrival, false).await;
}

#[tokio::test]
async fn a_cancel_goes_on_after_the_end_and_reaches_those_who_were_told() {
    crashes(Before::Cancel, false).await;
}
