//! Partners' zones: who enters one, and what is known of who is inside.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::{Area, Circle, EventKind, SavedPlace, SavedPlaceId, Zone, ZoneChange, ZoneName};
use crate::registry::change::{Next, Pending};

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

#[test]
fn a_zone_is_drawn_anew_only_when_that_changes_who_is_inside() {
    let house = House::new();
    let hour = |hours| Some(Some(NOON + SignedDuration::from_hours(hours)));
    let (inside, outside) = (house.register(located(ALPHA)).registration, house.register(located(ALPHA)).registration);
    house.report(&inside.name, Some(7.0));
    house.create_zone("a", ZoneChange { expires: hour(1), ..round(7.0) });
    let update = |change| house.make(|registry| registry.update_zone(zone("a"), change)).expect("it is changed");
    // As it is asked for with all of its fields, and one of them is another.
    update(ZoneChange { expires: hour(2), apps: Some(Vec::new()), ..round(7.0) });
    assert_eq!(house.inside("a"), 1, "nobody had to be counted");
    house.report(&outside.name, Some(7.0));
    assert_eq!((house.entered(inside.slot), house.entered(outside.slot)), (Vec::new(), vec!["a".to_owned()]));
    house.clock.advance(Duration::from_hours(2));
    house.registry().count_zones();
    update(ZoneChange { expires: hour(3), ..ZoneChange::default() });
    house.registry().count_zones();
    assert_eq!((house.inside("a"), house.entered(inside.slot)), (2, Vec::new()), "who was inside has not entered it");
}

#[test]
fn limits_hold_for_zones_that_are_made_and_deleted_in_one_commit() {
    let house = House::new();
    house.create_zone("a", round(7.0));
    let (mut shared, _) = {
        let mut house = house;
        house.close();
        house.load()
    };
    shared.most_zones = 2;
    let mut pending = Pending::new(&shared, Next { slot: 100, commit: 1_000 });
    let mut make = |change| pending.apply(change);
    let add = |id: &str| Change::AddZone(zone(id), Box::new(round(8.0)));
    assert!(make(add("b")).is_ok());
    assert!(matches!(make(add("c")), Err(RegistryError::Full(_))));
    assert!(matches!(make(add("b")), Err(RegistryError::AlreadyExists)));
    assert!(make(Change::UpdateZone(zone("b"), Box::new(round(9.0)))).is_ok());
    assert!(make(Change::RemoveZone(zone("a"))).is_ok());
    assert!(matches!(make(Change::RemoveZone(zone("a"))), Err(RegistryError::UnknownZone)));
    assert!(make(add("c")).is_ok());
    assert!(matches!(make(add("a")), Err(RegistryError::Full(_))));
}

#[test]
fn who_is_inside_zones_takes_no_more_room_than_there_is_and_what_would_is_refused() {
    let mut house = House::new();
    house.most_inside = 3;
    house.reopen();
    let held = [(); 4].map(|()| house.register(located(ALPHA)).registration);
    for registration in &held[..2] {
        house.report(&registration.name, Some(7.0));
    }
    let check = |house: &House, id: &str, change: &ZoneChange| house.registry().check_room(&zone(id), change);
    assert!(check(&house, "a", &round(7.0)).is_ok());
    house.create_zone("a", round(7.0));
    assert!(matches!(check(&house, "b", &round(7.0)), Err(RegistryError::CrowdedZone)), "one more would be too many");
    assert!(check(&house, "a", &round(7.01)).is_ok(), "it takes the room of the one before");
    let beta = ZoneChange { apps: Some(vec![app(BETA)]), ..round(7.0) };
    assert!(check(&house, "b", &beta).is_ok(), "nobody of that app is inside");
    assert!(check(&house, "c", &beta).is_ok() && check(&house, "c", &ZoneChange::default()).is_ok());

    // Whoever comes when there is no room is told twice rather than not at all.
    house.report(&held[2].name, Some(7.0));
    house.report(&held[3].name, Some(7.0));
    assert_eq!((house.entered(held[2].slot), house.entered(held[2].slot)), (vec!["a".to_owned()], Vec::new()));
    assert_eq!((house.entered(held[3].slot), house.entered(held[3].slot).len()), (vec!["a".to_owned()], 1));
    assert_eq!(house.inside("a"), 3);

    // A zone that was there before holds too many now: it is not counted before there is room for all of them.
    house.reopen();
    for _ in 0..2 {
        house.registry().count_zones();
        assert_eq!((house.inside("a"), house.entered(held[0].slot)), (0, Vec::new()));
    }
    house.most_inside = 4;
    house.reopen();
    house.create_zone("b", round(7.0));
    let (counted, other) = if house.inside("a") > 0 { ("a", "b") } else { ("b", "a") };
    assert_eq!((house.inside(counted), house.inside(other)), (4, 0));
    house.make(|registry| registry.delete_zone(zone(counted))).expect("it was there");
    house.registry().count_zones();
    assert_eq!(house.inside(other), 4);
}

#[test]
fn a_place_that_somebody_follows_is_inside_no_zone_and_takes_no_room_in_one() {
    let mut house = House::new();
    house.most_inside = 1;
    house.reopen();
    let consents = [Purpose::Location, Purpose::SavedPlaces].map(|purpose| consent(purpose, None));
    let follower = house.register(NewRegistration { consents: consents.into(), ..bare(ALPHA) }).registration;
    for id in ["home", "school"].map(|id| SavedPlaceId::new(id).expect("an id")) {
        let saved = SavedPlace { id, place: point(7.0, 0.0), precision: PlacePrecision::Exact };
        house.make(|registry| registry.set_saved_place(&follower.name, saved)).expect("agreed to");
    }
    house.report(&follower.name, Some(20.0));
    house.registry().check_room(&zone("a"), &round(7.0)).expect("nobody is inside");
    house.create_zone("a", round(7.0));
    assert_eq!((house.inside("a"), house.entered(follower.slot)), (0, Vec::new()));
    let visitor = house.register(located(ALPHA)).registration;
    house.report(&visitor.name, Some(7.0));
    assert_eq!((house.entered(visitor.slot), house.inside("a")), (vec!["a".to_owned()], 1));
}

#[test]
fn who_has_entered_is_told_right_after_a_restart_and_who_has_left_is_not() {
    let mut house = House::new();
    house.create_zone("a", ZoneChange { apps: Some(vec![app(ALPHA)]), ..round(7.0) });
    let held = [(); 4].map(|()| house.register(located(ALPHA)).registration);
    let [stays, leaves, withdraws, _] = &held;
    for registration in &held {
        house.report(&registration.name, Some(7.0));
        assert_eq!(house.entered(registration.slot), ["a"]);
        house.registry().note_event(registration.slot, EventKind::ZoneEntered(zone("a")));
    }
    house.report(&leaves.name, Some(8.0));
    house.make(|registry| registry.withdraw(&withdraws.name, Purpose::Location)).expect("it is withdrawn");
    house.close();
    // Nobody has been counted yet, as a reader finds it who comes first.
    let (shared, _) = house.load();
    let told = |shared: &Shared| -> Vec<_> {
        let page = shared.event_page(0, shared.logs.ends(0), 0, 100).expect("it can be read");
        let entered = page.events.into_iter().filter(|event| event.kind == EventKind::ZoneEntered(zone("a")));
        entered.filter_map(|event| event.registration).collect()
    };
    assert_eq!(told(&shared), [stays.name.clone(), held[3].name.clone()]);
    shared.zones.set(&zone("a"), None);
    assert_eq!(told(&shared), [], "nobody is in a zone that is deleted");
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
