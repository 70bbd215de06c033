//! Places that people follow (R-S3), how precisely places are held and how long (R-P5).

use super::*;
use crate::domain::{SavedPlace, SavedPlaceId, UnfitPlace};
use crate::plan::Flags;
use crate::registry::change::{Next, Pending};

fn saved(id: &str, lon: f64) -> SavedPlace {
    let id = SavedPlaceId::new(id).expect("an id");
    SavedPlace { id, place: point(lon, 10.0), precision: PlacePrecision::Exact }
}

/// One who follows places, and whose phone's own place nobody may hold.
fn follower(house: &House) -> Registration {
    let consents = vec![consent(Purpose::EmergencyPush, None), consent(Purpose::SavedPlaces, None)];
    house.register(NewRegistration { consents, ..bare(ALPHA) }).registration
}

fn save(house: &House, of: &Registration, place: SavedPlace) -> Result<(Slot, SavedPlace), RegistryError> {
    house.make(|registry| registry.set_saved_place(&of.name, place))
}

fn followed(house: &House, of: &Registration) -> Vec<SavedPlace> {
    house.registry().saved_places(&of.name).expect("it is held")
}

#[test]
fn eight_places_are_followed_and_no_more() {
    let mut house = House::new();
    let held = follower(&house);
    let places: Vec<_> = (0..8).map(|n| saved(&format!("place-{n}"), f64::from(n))).collect();
    for place in &places {
        save(&house, &held, place.clone()).expect("it is taken");
    }
    assert!(matches!(save(&house, &held, saved("ninth", 9.0)), Err(RegistryError::TooManySavedPlaces)));
    save(&house, &held, saved("place-3", 33.0)).expect("it takes the place of the one with its id");
    house.make(|registry| registry.delete_saved_place(&held.name, places[5].id.clone())).expect("it was there");
    let gone = house.make(|registry| registry.delete_saved_place(&held.name, places[5].id.clone()));
    assert!(matches!(gone, Err(RegistryError::NoSuchSavedPlace)));
    save(&house, &held, saved("ninth", 9.0)).expect("there is room again");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        let ids: Vec<_> = followed(&house, &held).iter().map(|place| place.id.as_str().to_owned()).collect();
        assert_eq!(ids, ["ninth", "place-0", "place-1", "place-2", "place-3", "place-4", "place-6", "place-7"]);
        assert_eq!(followed(&house, &held)[4].place, point(33.0, 10.0));
        assert_eq!(house.index().len(), 8);
        assert_eq!(house.place(held.slot), None);
        assert!(house.registry().facts(held.slot).flags.has(Flags::FOLLOWS));
    }
    house.make(|registry| registry.delete(&held.name)).expect("it is deleted");
    assert!(house.index().is_empty());
}

#[test]
fn a_place_that_is_saved_and_deleted_with_its_registration_in_one_commit_is_not_left_behind() {
    let house = House::new();
    let held = follower(&house);
    let changes = vec![Change::SetSavedPlace(held.slot, Box::new(saved("home", 1.0))), Change::Delete(held.slot)];
    let done = house.make(|registry| registry.submit(changes)).expect("it is running");
    assert!(done.iter().all(Result::is_ok));
    assert!(house.index().is_empty(), "nobody would ever look for it");
}

#[test]
fn places_are_followed_under_their_own_consent_and_no_other() {
    let mut house = House::new();
    let without = house.register(full(ALPHA, "a1")).registration;
    assert!(matches!(save(&house, &without, saved("home", 1.0)), Err(RegistryError::NoSavedPlacesConsent)));
    let held = follower(&house);
    save(&house, &held, saved("home", 1.0)).expect("it is taken");
    house.make(|registry| registry.withdraw(&held.name, Purpose::SavedPlaces)).expect("withdrawn");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(followed(&house, &held), []);
        assert_eq!(house.index().len(), 1, "the other's phone");
        assert!(!house.registry().facts(held.slot).flags.has(Flags::FOLLOWS));
    }
    house.make(|registry| registry.grant(&held.name, consent(Purpose::SavedPlaces, None))).expect("granted anew");
    assert_eq!(followed(&house, &held), [], "they do not come back");
}

#[test]
fn places_whose_consent_has_ended_are_forgotten_though_nobody_looks_and_when_the_keeper_does() {
    for opened_again in [false, true] {
        let mut house = House::new();
        let ends = NOON + SignedDuration::from_mins(10);
        let consents = vec![consent(Purpose::SavedPlaces, Some(ends))];
        let held = house.register(NewRegistration { consents, ..bare(ALPHA) }).registration;
        save(&house, &held, saved("home", 1.0)).expect("it is taken");
        house.clock.set(ends);
        assert_eq!(followed(&house, &held), [], "not even before the keeper has looked");
        if opened_again {
            house.reopen();
            assert!(house.index().is_empty());
        }
        house.look();
        assert!(house.index().is_empty());
        let record = house.registry().shared().expect("loaded").record(held.slot).expect("it is held");
        assert_eq!(record.saved_places, [], "nor on disk");
    }
}

#[test]
fn places_that_were_not_loaded_are_forgotten_though_their_person_agrees_anew_before_that_is_done() {
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_mins(10);
    let consents = vec![consent(Purpose::SavedPlaces, Some(ends))];
    let held = house.register(NewRegistration { consents, place: None, ..full(ALPHA, "a1") }).registration;
    save(&house, &held, saved("home", 1.0)).expect("it is taken");
    house.close();
    house.clock.set(ends);
    let (shared, _) = house.load();
    let mut pending = Pending::new(&shared, Next { slot: 100, commit: 1_000 });
    pending.apply(Change::Grant(held.slot, consent(Purpose::SavedPlaces, None))).expect("granted");
    assert_eq!(pending.record(held.slot).expect("it is held").saved_places, []);
}

#[test]
fn an_app_that_is_registered_anew_follows_nothing() {
    let mut house = House::new();
    let consents = vec![consent(Purpose::SavedPlaces, None)];
    let one = NewRegistration { consents, place: None, vouched: true, ..full(ALPHA, "a1") };
    let held = house.register(one.clone()).registration;
    save(&house, &held, saved("home", 1.0)).expect("it is taken");
    assert_eq!(house.register(one).registration.name, held.name);
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!((followed(&house, &held), house.index().len()), (Vec::new(), 0));
    }
}

#[test]
fn a_finer_place_is_held_as_coarsely_as_its_person_chose() {
    let mut house = House::new();
    let about = PlacePrecision::About10Km;
    let coarse = |lon, lat| about.coarsen(point(lon, lat)).expect("it fits");
    let held = house.register(NewRegistration { place_precision: about, ..full(ALPHA, "a1") }).registration;
    assert_eq!(held.place, Some(coarse(139.7, 35.6)));
    house.make(|registry| registry.report_place(&held.name, Some((point(8.512, 47.372), NOON)))).expect("taken");
    let exact = house.register(full(ALPHA, "b2")).registration;
    let set = |house: &House, of: &Registration, precision| {
        let change = RegistrationChange { place_precision: Some(precision), ..RegistrationChange::default() };
        house.make(|registry| registry.update(&of.name, change)).expect("updated").registration.place
    };
    assert_eq!(set(&house, &exact, about), Some(coarse(139.7, 35.6)), "what is held gets coarser with it");
    assert_eq!(set(&house, &exact, PlacePrecision::Exact), Some(coarse(139.7, 35.6)), "and no finer again");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(house.place(held.slot), Some(coarse(8.512, 47.372)));
        assert_eq!(house.place(exact.slot), Some(coarse(139.7, 35.6)));
    }
    assert_eq!(set(&house, &held, PlacePrecision::District), Some(coarse(8.512, 47.372)), "a cell is no finer");
    let report = house.make(|registry| registry.report_place(&held.name, Some((point(8.5, 47.4), NOON))));
    assert!(matches!(report, Err(RegistryError::UnfitPlace(UnfitPlace::Point))));
    let finer = house.register(full(ALPHA, "c3")).registration;
    assert_eq!(set(&house, &finer, PlacePrecision::District), None, "a point is no district");
    assert!(!house.place_is_on_disk(finer.slot));
}

#[test]
fn a_place_that_is_too_old_is_forgotten() {
    for opened_again in [false, true] {
        let mut house = House::new();
        let [old, fresh] = ["a1", "b2"].map(|id| house.register(full(ALPHA, id)).registration);
        house.clock.advance(Duration::from_hours(30 * 24));
        house.look();
        assert!(house.place(old.slot).is_some(), "it is not too old yet");
        house.make(|registry| registry.report_place(&fresh.name, Some((point(1.0, 2.0), house.now())))).expect("taken");
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(house.registry().get(&old.name).expect("held").place, None, "not even before the keeper has looked");
        if opened_again {
            house.reopen();
            assert_eq!(house.place(old.slot), None);
        }
        house.look();
        assert_eq!(house.place(old.slot), None);
        assert!(!house.place_is_on_disk(old.slot));
        assert_eq!(house.place(fresh.slot), Some(point(1.0, 2.0)));
        let report = house.make(|registry| registry.report_place(&old.name, Some((point(1.0, 2.0), NOON))));
        report.expect("it is taken");
        assert_eq!(house.place(old.slot), None, "and one that is too old when it comes is not held");
        house.reopen();
        assert!(house.place(old.slot).is_none() && house.place(fresh.slot).is_some());
    }
}
