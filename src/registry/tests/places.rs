//! Where phones are: the last place and no other (R-P5).

use super::*;

fn report(house: &House, name: &RegistrationName, lon: f64, at: Timestamp) {
    house.make(|registry| registry.report_place(name, Some((point(lon, 0.0), at)))).expect("taken");
}

#[test]
fn an_older_report_that_comes_late_changes_nothing() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.clock.advance(Duration::from_mins(10));
    let minute = |minutes| NOON + SignedDuration::from_mins(minutes);
    report(&house, &held.name, 2.0, minute(5));
    report(&house, &held.name, 1.0, minute(4));
    assert_eq!(house.place(held.slot), Some(point(2.0, 0.0)));
    house.reopen();
    let now = house.registry().get(&held.name).expect("held");
    assert_eq!((now.place, now.place_time), (Some(point(2.0, 0.0)), Some(minute(5))));
    report(&house, &held.name, 1.0, minute(4));
    assert_eq!(house.place(held.slot), Some(point(2.0, 0.0)), "after a restart too");
    report(&house, &held.name, 3.0, minute(5));
    assert_eq!(house.place(held.slot), Some(point(3.0, 0.0)), "of two of one instant the later word counts");
}

#[test]
fn a_time_to_come_holds_nothing_up() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.clock.advance(Duration::from_hours(48));
    report(&house, &held.name, 2.0, house.now());
    // The server's clock was wrong, and was set right.
    house.clock.set(NOON + SignedDuration::from_mins(1));
    report(&house, &held.name, 3.0, house.now());
    assert_eq!(house.place(held.slot), Some(point(3.0, 0.0)));
}

#[test]
fn a_place_is_forgotten_when_that_is_asked() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.make(|registry| registry.report_place(&held.name, None)).expect("forgotten");
    assert_eq!(house.place(held.slot), None);
    house.reopen();
    assert_eq!(house.registry().get(&held.name).expect("held").place, None);
}

#[test]
fn of_many_reports_each_has_its_own_answer() {
    let house = House::new();
    let [one, two] = ["a1", "b2"].map(|id| house.register(full(ALPHA, id)).registration);
    let bare = house.register(bare(BETA)).registration;
    let stranger = RegistrationName { cid: Cid([7; 16]), ..one.name.clone() };
    let here = Some((point(5.0, 5.0), NOON));
    let reports = vec![(stranger, here), (one.name.clone(), here), (bare.name, here), (two.name.clone(), None)];
    let answers = house.make(|registry| registry.report_places(reports)).expect("it is running");
    assert!(matches!(
        answers.as_slice(),
        [Err(RegistryError::NotFound), Ok(first), Err(RegistryError::NoLocationConsent), Ok(last)]
            if (*first, *last) == (one.slot, two.slot)
    ));
    assert_eq!((house.place(one.slot), house.place(two.slot)), (Some(point(5.0, 5.0)), None));
}

#[test]
fn a_coarse_place_is_held_as_the_box_it_stands_for() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
    let boxes = [
        Footprint::Box { south_west: corner(-0.5, -1.0), north_east: corner(0.5, 1.5) },
        // Its east edge is the antimeridian.
        Footprint::Box { south_west: corner(179.0, 10.0), north_east: corner(180.0, 11.0) },
    ];
    for place in boxes {
        house.make(|registry| registry.report_place(&held.name, Some((place, NOON)))).expect("taken");
        for reopened in [false, true] {
            if reopened {
                house.reopen();
            }
            assert_eq!(house.registry().get(&held.name).expect("held").place, Some(place));
            assert_eq!(house.place(held.slot), Some(place));
        }
    }
}
