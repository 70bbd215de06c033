//! What people want to be told of, as it is held.

use super::*;
use crate::domain::{Category, Hazards, QuietHours, Severity};
use crate::plan::Wish;

/// Preferences by number, for the model; 0 is everything. The quiet hours have begun when the tests' clock starts, and
/// end 80 seconds later.
pub(super) fn preferences(number: u8) -> Preferences {
    let everything = Preferences::default();
    match number {
        0 => everything,
        1 => Preferences { least_severity: Some(Severity::Severe), ..everything },
        2 => Preferences { hazards: Hazards::of([Category::Met, Category::Geo]), ..everything },
        _ => Preferences { quiet_hours: QuietHours::new(22 * 60, 2 * 60 + 48), ..everything },
    }
}

/// What they come to. Tokyo, where the tests' devices are, is nine hours ahead all year.
pub(super) fn wish(number: u8, now: Timestamp) -> Wish {
    let minute = (now.as_second() + 9 * 3_600).rem_euclid(86_400) / 60;
    let quiet = number == 3 && !(2 * 60 + 48..22 * 60).contains(&minute);
    Wish::of(&preferences(number), quiet)
}

fn nights() -> Preferences {
    Preferences { quiet_hours: QuietHours::new(22 * 60, 7 * 60), ..Preferences::default() }
}

fn in_zone(name: &str) -> DeviceTraits {
    DeviceTraits { time_zone: name.into(), ..traits(&["ja"]) }
}

#[test]
fn quiet_hours_need_the_clocks_of_some_place() {
    let house = House::new();
    let refused = |answer: Result<_, RegistryError>| matches!(answer, Err(RegistryError::UnknownTimeZone));
    for zone in ["", "Mars/Olympus", "Asia/Tokyo/"] {
        let new = NewRegistration { traits: in_zone(zone), preferences: nights(), ..bare(ALPHA) };
        assert!(refused(house.make(|registry| registry.register(new)).map(drop)), "{zone:?}");
    }
    assert_eq!(house.registry().count(), 0, "what is refused is refused whole");
    let name = house.register(NewRegistration { traits: in_zone(""), ..bare(ALPHA) }).registration.name;
    let update = |change: RegistrationChange| house.make(|registry| registry.update(&name, change)).map(drop);
    let quiet = RegistrationChange { preferences: Some(nights()), ..RegistrationChange::default() };
    let moved = |zone| RegistrationChange { traits: Some(in_zone(zone)), ..RegistrationChange::default() };
    assert!(refused(update(quiet.clone())));
    update(RegistrationChange { preferences: quiet.preferences, ..moved("europe/berlin") })
        .expect("the case is the same");
    assert!(refused(update(moved("Mars/Olympus"))), "the quiet hours would be lost");
    update(moved("Asia/Tokyo")).expect("it is known");
    assert_eq!(house.registry().get(&name).expect("it is held").preferences, nights());
}

#[test]
fn preferences_are_still_there_when_the_store_is_opened_again_and_do_not_come_back_with_a_name() {
    let mut house = House::new();
    let new = NewRegistration { preferences: nights(), ..full(ALPHA, "a1") };
    let held = house.register(new).registration;
    house.reopen();
    assert_eq!(house.registry().get(&held.name).expect("it is held").preferences, nights());
    let (facts, now) = (house.registry().facts(held.slot), house.now());
    assert!(house.registry().wish(facts.preferences(), now).quiet, "it is night in Tokyo");
    let again = house.register(NewRegistration { vouched: true, ..full(ALPHA, "a1") }).registration;
    assert_eq!((again.name, again.preferences), (held.name, Preferences::default()));
}

#[test]
fn whose_quiet_hours_have_ended_is_found_among_all() {
    let house = House::new();
    let tokyo = NewRegistration { preferences: nights(), ..bare(ALPHA) };
    let berlin = NewRegistration { traits: in_zone("Europe/Berlin"), ..tokyo.clone() };
    let slots: Vec<Slot> =
        [bare(ALPHA), tokyo.clone(), berlin, tokyo].map(|new| house.register(new).registration.slot).into();
    let rested = |hours: i64, until: i64| -> Vec<Slot> {
        let at = |hours| NOON + SignedDuration::from_hours(hours);
        house.registry().rested(at(hours), at(until)).collect()
    };
    assert_eq!(rested(0, 4), []);
    assert_eq!(rested(4, 5), [slots[1], slots[3]]);
    assert_eq!(rested(5, 12), []);
    assert_eq!(rested(5, 13), [slots[2]]);
}
