//! The log of places: whole or not at all with the record, whatever a crash leaves; damage is named; what was replaced
//! goes from the disk.

use std::fs;
use std::path::PathBuf;

use super::encodings::Needles;
use super::*;
use crate::registry::change::Pending;

/// A log that is compacted as soon as anything is in it.
const AT_ONCE: Limits = Limits { bytes: 0, age: Duration::ZERO };

fn here(lon: f64, at: Timestamp) -> (Footprint, Timestamp) {
    (point(lon, 0.0), at)
}

/// Reports a place; the next report is later.
fn report(house: &House, held: &Registration, lon: f64) {
    house.clock.advance(Duration::from_secs(1));
    house.make(|registry| registry.report_place(&held.name, Some(here(lon, house.now())))).expect("taken");
}

/// What the writer does, with `stop` after the log is synced and before the store is: as a crash leaves it.
fn crash_between_log_and_store(house: &mut House, changes: Vec<Change>) {
    house.close();
    let (shared, loaded) = house.load();
    let mut places = loaded.places;
    let mut pending = Pending::new(&shared, loaded.next);
    for change in changes {
        pending.apply(change).expect("it is made");
    }
    places.append(pending.frame().expect("a place changes")).expect("the disk works");
}

/// The files of the log, oldest first.
fn files(house: &House) -> Vec<PathBuf> {
    let entries = fs::read_dir(house.folder.path().join("places")).expect("it is there");
    let paths = entries.map(|entry| entry.expect("listed").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "hzp")).collect();
    files.sort();
    files
}

/// Waits until the log has been compacted: the only file behind the snapshot is empty.
fn wait_for_snapshot(house: &House) {
    let frames = |file: &PathBuf| fs::metadata(file).map_or(0, |metadata| metadata.len()) > 36;
    for _ in 0..10_000 {
        if matches!(files(house).as_slice(), [log, snapshot] if !frames(log) && frames(snapshot)) {
            return;
        }
        house.look();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    panic!("the log was not compacted: {:?}", files(house));
}

#[test]
fn a_registration_that_was_not_finished_leaves_no_place_to_who_comes_next() {
    let mut house = House::new();
    crash_between_log_and_store(&mut house, vec![Change::Register(Box::new(full(ALPHA, "a1")))]);
    house.reopen();
    assert_eq!((house.registry().count(), house.index().len()), (0, 0));
    // It gets the slot that the other would have had.
    let next = house.register(NewRegistration { place: None, ..full(ALPHA, "b2") }).registration;
    assert_eq!(next.slot, Slot(0));
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(house.place(next.slot), None);
        assert_eq!(house.registry().get(&next.name).expect("held").place, None);
    }
}

#[test]
fn a_registration_anew_that_was_not_finished_leaves_the_place_as_it_was() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    for reported in [false, true] {
        if reported {
            report(&house, &held, 7.0);
        }
        let before = house.registry().get(&held.name).expect("held");
        let anew = NewRegistration { place: Some(here(50.0, house.now())), vouched: true, ..full(ALPHA, "a1") };
        crash_between_log_and_store(&mut house, vec![Change::Register(Box::new(anew))]);
        house.reopen();
        assert_eq!(house.registry().get(&held.name).expect("held"), before);
        assert_eq!(house.place(held.slot), before.place);
    }
    let again = NewRegistration { place: Some(here(60.0, house.now())), vouched: true, ..full(ALPHA, "a1") };
    let again = house.register(again).registration;
    report(&house, &again, 61.0);
    house.reopen();
    assert_eq!((house.place(held.slot), house.place(again.slot)), (None, Some(point(61.0, 0.0))));
}

#[test]
fn a_report_that_is_on_disk_counts_though_the_store_knows_nothing_of_it() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let later = NOON + SignedDuration::from_secs(1);
    house.clock.set(later);
    crash_between_log_and_store(&mut house, vec![Change::Place(held.slot, Some(here(7.0, later)))]);
    house.reopen();
    assert_eq!(house.registry().get(&held.name).expect("held").place_time, Some(later));
}

#[test]
fn reports_and_changes_of_one_commit_end_as_the_last_of_them_says() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let location = consent(Purpose::Location, None);
    let together = |registry: &Registry| {
        let (registry, name, location) = (registry.clone(), held.name.clone(), location.clone());
        async move {
            let first = registry.report_place(&name, Some(here(1.0, NOON)));
            let withdrawn = registry.withdraw(&name, Purpose::Location);
            let granted = registry.grant(&name, location);
            let last = registry.report_place(&name, Some(here(2.0, NOON)));
            tokio::join!(first, withdrawn, granted, last)
        }
    };
    let (first, withdrawn, granted, last) = house.make(together);
    assert!(first.is_ok() && withdrawn.is_ok() && granted.is_ok() && last.is_ok());
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(house.place(held.slot), Some(point(2.0, 0.0)));
    }
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    house.make(|registry| registry.grant(&held.name, location)).expect("granted anew");
    house.reopen();
    assert_eq!(house.place(held.slot), None, "it was withdrawn after it was reported");
}

#[test]
fn a_compacted_log_holds_what_is_held_and_nothing_else() {
    let mut house = House::with(AT_ONCE);
    let [one, two, three] = ["a1", "b2", "c3"].map(|id| house.register(full(ALPHA, id)).registration);
    let mut replaced = Needles::default();
    // Longitudes that no other number has.
    for (held, lon) in [(&one, 12.345_678_9), (&one, 23.456_789_1), (&two, 34.567_891_2), (&three, 45.678_912_3)] {
        replaced.bytes("longitude", &((lon * 1e7_f64).round() as i32).to_le_bytes());
        report(&house, held, lon);
    }
    report(&house, &one, 1.5);
    house.make(|registry| registry.withdraw(&two.name, Purpose::Location)).expect("withdrawn");
    house.make(|registry| registry.delete(&three.name)).expect("deleted");
    wait_for_snapshot(&house);
    assert!(replaced.found_below(&house.folder.path().join("places")).is_empty(), "it is in no file any more");
    let before = house.registry().get(&one.name).expect("held");
    for _ in 0..2 {
        house.reopen();
        assert_eq!(house.registry().get(&one.name).expect("held"), before);
        assert_eq!((house.place(one.slot), house.place(two.slot)), (Some(point(1.5, 0.0)), None));
        assert_eq!(house.index().len(), 1);
    }
    // Late reports are known to be late from a snapshot too.
    let late = here(9.0, house.now() - SignedDuration::from_secs(1));
    house.clock.advance(Duration::from_secs(5));
    house.make(|registry| registry.report_place(&one.name, Some(late))).expect("taken");
    assert_eq!(house.place(one.slot), Some(point(1.5, 0.0)));
}

#[test]
fn a_place_that_got_too_old_is_in_no_file_any_more() {
    let house = House::with(AT_ONCE);
    let held = house.register(full(ALPHA, "a1")).registration;
    let mut forgotten = Needles::default();
    forgotten.bytes("longitude", &123_456_789_i32.to_le_bytes());
    report(&house, &held, 12.345_678_9);
    house.clock.advance(Duration::from_hours(31 * 24));
    house.look();
    wait_for_snapshot(&house);
    assert!(forgotten.found_below(&house.folder.path().join("places")).is_empty());
}

#[test]
fn what_changes_while_the_log_is_compacted_is_kept() {
    let mut house = House::with(AT_ONCE);
    let held: Vec<_> = (0..50).map(|n| house.register(full(ALPHA, &format!("a{n}"))).registration).collect();
    for round in 1..20 {
        for (n, held) in held.iter().enumerate() {
            report(&house, held, f64::from(round) + n as f64 / 100.0);
        }
    }
    house.make(|registry| registry.delete(&held[7].name)).expect("deleted");
    house.reopen();
    for (n, held) in held.iter().enumerate() {
        let expected = (n != 7).then(|| point(19.0 + n as f64 / 100.0, 0.0));
        assert_eq!(house.place(held.slot), expected);
    }
}

#[test]
fn damage_to_the_log_is_named_and_nothing_opens() {
    let mut house = House::with(Limits { bytes: u64::MAX, age: Duration::MAX });
    let held = house.register(full(ALPHA, "a1")).registration;
    report(&house, &held, 1.0);
    report(&house, &held, 2.0);
    house.close();
    let file = files(&house).remove(0);
    let whole = fs::read(&file).expect("it is there");
    for at in [0, 40, 60] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, damaged).expect("written");
        let Err(error) = house.try_open() else { panic!("byte {at}: it was opened") };
        let RegistryError::PlaceLog(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("places-"), "{error}");
    }
    // The last frame was cut off: a report that nobody was told is taken.
    fs::write(&file, &whole[..whole.len() - 1]).expect("written");
    house.reopen();
    assert_eq!(house.place(held.slot), Some(point(1.0, 0.0)));
    house.close();
    // What the store had been told of has gone.
    fs::remove_file(&file).expect("removed");
    assert!(matches!(house.try_open(), Err(RegistryError::PlacesLost { found: 0, expected: 1 })));
}
