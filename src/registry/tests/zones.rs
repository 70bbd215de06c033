//! Partners' zones: who enters one, and what is known of who is inside.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::{Area, Circle, Zone, ZoneChange, ZoneName};

fn zone(id: &str) -> ZoneName {
    ZoneName::new(partner("news"), id).expect("an id")
}

/// Ground of 10 km round `[lon, 0]`.
fn round(lon: f64) -> ZoneChange {
    let area = Area { circles: vec![Circle::new(lon, 0.0, 10.0).expect("a circle")], ..Area::default() };
    ZoneChange { area: Some(area), ..ZoneChange::default() }
}

fn located(name: &str) -> NewRegistration {
    NewRegistration { consents: vec![consent(Purpose::Location, None)], ..bare(name) }
}

impl House {
    fn create_zone(&self, id: &str, new: ZoneChange) {
        self.make(|registry| registry.create_zone(zone(id), new)).expect("it is made");
        self.registry().count_zones();
    }

    fn report(&self, name: &RegistrationName, place: Option<f64>) {
        let place = place.map(|lon| (point(lon, 0.0), self.now()));
        self.make(|registry| registry.report_place(name, place)).expect("it is taken");
    }

    fn entered(&self, slot: Slot) -> Vec<String> {
        let zones = self.registry().enter_zones(slot);
        zones.iter().map(|zone| zone.name.id().to_owned()).collect()
    }

    fn inside(&self, id: &str) -> u64 {
        self.registry().zone(&zone(id)).expect("it is there").1
    }
}

#[test]
fn a_zone_reads_back_after_it_was_opened_again_and_no_key_is_given_twice() {
    let mut house = House::new();
    let full = ZoneChange {
        display_name: Some("Shelter".to_owned()),
        apps: Some(vec![app(ALPHA)]),
        expires: Some(Some(NOON + SignedDuration::from_hours(1))),
        ..round(7.0)
    };
    house.create_zone("a", full);
    house.create_zone("b", round(8.0));
    let held = |house: &House| -> Vec<Arc<Zone>> {
        let (zones, _) = house.registry().zones(&partner("news"), None, 10, 1_000).expect("listed");
        zones.into_iter().map(|(zone, _)| zone).collect()
    };
    let before = held(&house);
    house.reopen();
    assert_eq!(held(&house), before);
    house.create_zone("c", round(9.0));
    house.reopen();
    assert_eq!(held(&house).len(), 3, "none was written over");
}

#[test]
fn a_place_that_is_forgotten_leaves_its_zones_and_who_is_deleted_does_too() {
    let house = House::new();
    house.create_zone("a", round(7.0));
    let (one, two) = (house.register(located(ALPHA)).registration, house.register(located(BETA)).registration);
    for registration in [&one, &two] {
        house.report(&registration.name, Some(7.0));
        assert_eq!(house.entered(registration.slot), ["a"]);
    }
    assert_eq!(house.inside("a"), 2);
    house.report(&one.name, None);
    assert_eq!(house.inside("a"), 1);
    house.make(|registry| registry.delete(&two.name)).expect("it was there");
    assert_eq!(house.inside("a"), 0);
}

#[test]
fn a_consent_that_has_ended_or_whose_policy_is_retired_enters_nothing() {
    let house = House::new();
    house.create_zone("a", round(7.0));
    let ends = Some(NOON + SignedDuration::from_secs(60));
    let short = NewRegistration { consents: vec![consent(Purpose::Location, ends)], ..bare(ALPHA) };
    let (short, long) = (house.register(short).registration, house.register(located(ALPHA)).registration);
    house.report(&short.name, Some(7.0));
    house.report(&long.name, Some(7.0));
    house.clock.advance(Duration::from_mins(1));
    // Its place is in the index until the keeper looks.
    assert!(house.place(short.slot).is_some() && house.entered(short.slot).is_empty());
    assert_eq!((house.inside("a"), house.entered(long.slot)), (0, vec!["a".to_owned()]));
    house.make(|registry| registry.retire_policy(partner("news"), PolicyVersion(3))).expect("it is retired");
    assert!(house.place(long.slot).is_some() && house.entered(long.slot).is_empty());
    assert_eq!(house.inside("a"), 0, "it is not taken to be inside any more");
}

#[derive(Debug, Clone)]
enum Step {
    Report { device: usize, lon: Option<u8> },
    Look(usize),
    Create { zone: usize, lon: u8 },
    Delete(usize),
    Count,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, prop::option::of(0..4_u8)).prop_map(|(device, lon)| Step::Report { device, lon }),
        4 => (0..3_usize).prop_map(Step::Look),
        2 => (0..3_usize, 0..4_u8).prop_map(|(zone, lon)| Step::Create { zone, lon }),
        1 => (0..3_usize).prop_map(Step::Delete),
        1 => Just(Step::Count),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Of three devices the last is another partner's; a zone is as wide as one place.
    #[test]
    fn who_enters_was_outside_when_last_looked_at_and_is_of_the_zones_partner(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let house = House::new();
        let devices = [ALPHA, BETA, ROUTES].map(|app| house.register(located(app)).registration);
        let ids = ["a", "b", "c"];
        let mut places: [Option<u8>; 3] = [None; 3];
        let mut zones: BTreeMap<usize, u8> = BTreeMap::new();
        let mut inside: BTreeSet<(usize, usize)> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Report { device, lon } => {
                    house.report(&devices[device].name, lon.map(f64::from));
                    places[device] = lon;
                    if lon.is_none() {
                        inside.retain(|(known, _)| *known != device);
                    }
                }
                Step::Look(device) => {
                    let here = |zone: &usize| device < 2 && places[device] == Some(zones[zone]);
                    let here: BTreeSet<usize> = zones.keys().copied().filter(here).collect();
                    let new = here.iter().filter(|zone| !inside.contains(&(device, **zone)));
                    let expected: BTreeSet<String> = new.map(|zone| ids[*zone].to_owned()).collect();
                    prop_assert_eq!(house.entered(devices[device].slot).into_iter().collect::<BTreeSet<_>>(), expected);
                    inside.retain(|(known, _)| *known != device);
                    inside.extend(here.into_iter().map(|zone| (device, zone)));
                }
                Step::Create { zone: at, lon } => {
                    let made = house.make(|registry| registry.create_zone(zone(ids[at]), round(f64::from(lon))));
                    if zones.contains_key(&at) {
                        prop_assert!(matches!(made, Err(RegistryError::AlreadyExists)));
                        continue;
                    }
                    prop_assert!(made.is_ok());
                    house.registry().count_zones();
                    zones.insert(at, lon);
                    inside.extend((0..2).filter(|device| places[*device] == Some(lon)).map(|device| (device, at)));
                }
                Step::Delete(at) => {
                    let done = house.make(|registry| registry.delete_zone(zone(ids[at])));
                    prop_assert_eq!(done.is_ok(), zones.remove(&at).is_some());
                    inside.retain(|(_, known)| *known != at);
                }
                Step::Count => house.registry().count_zones(),
            }
            for &at in zones.keys() {
                let expected = inside.iter().filter(|(_, known)| *known == at).count() as u64;
                prop_assert_eq!(house.inside(ids[at]), expected);
            }
        }
    }
}
