//! What partners are told of their registrations (R-B4, R-P6): nothing that holds is without its event, and nothing of
//! who is deleted is told.

use proptest::prelude::*;

use super::*;
use crate::domain::{EventCursor, EventKind, PartnerEvent};

use EventKind::{ConsentExpired, ConsentGranted, ConsentWithdrawn, Deleted, Gap, PlaceForgotten, Restarted, TokenGone};

const FIRST: PolicyVersion = PolicyVersion(3);

/// All that a partner is told, from `after` on, read in pages of some size.
fn told(house: &House, id: &str, after: Option<EventCursor>, most: usize) -> Vec<PartnerEvent> {
    let (mut events, mut after) = (Vec::new(), after);
    loop {
        let page = house.registry().events(&partner(id), after, most).expect("it can be read");
        assert!(page.events.len() <= most);
        events.extend(page.events);
        if !page.more {
            return events;
        }
        after = Some(page.cursor);
    }
}

fn kinds(house: &House, id: &str) -> Vec<EventKind> {
    told(house, id, None, 100).into_iter().map(|event| event.kind).collect()
}

fn policy(purpose: Purpose) -> Consent {
    consent(purpose, None)
}

#[test]
fn each_change_is_told_to_its_partner_alone_and_is_there_after_a_restart() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let other = house.register(full(ROUTES, "b2")).registration;
    house.registry().forget_token(held.slot, token(ChannelKind::Fcm, "fcm-1"));
    house.make(|registry| registry.grant(&held.name, policy(Purpose::CrossBorder))).expect("granted");
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("and once more");
    house.make(|registry| registry.withdraw(&other.name, Purpose::EmergencyPush)).expect("withdrawn");
    let expected = [
        TokenGone(ChannelKind::Fcm),
        ConsentGranted(Purpose::CrossBorder, FIRST),
        ConsentWithdrawn(Purpose::Location, FIRST),
        PlaceForgotten,
    ];
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        let events = told(&house, "news", None, 100);
        assert_eq!(events.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(), expected);
        assert!(events.iter().all(|event| event.registration.as_ref() == Some(&held.name) && event.time == NOON));
        assert_eq!(kinds(&house, "maps"), [ConsentWithdrawn(Purpose::EmergencyPush, FIRST)]);
        let behind = told(&house, "news", Some(events[1].cursor), 1);
        assert_eq!(behind, events[2..]);
        assert!(told(&house, "news", Some(events[3].cursor), 1).is_empty());
    }
}

#[test]
fn what_a_registration_brings_with_it_is_not_told_again_and_what_changes_nothing_neither() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.registry().forget_token(held.slot, token(ChannelKind::Fcm, "fcm-of-before"));
    house.make(|registry| registry.withdraw(&held.name, Purpose::CrossBorder)).expect("nothing was agreed to");
    house.make(|registry| registry.report_place(&held.name, None)).expect("its partner forgets it");
    house.look();
    assert_eq!(kinds(&house, "news"), []);
}

#[test]
fn a_consent_that_ends_by_itself_is_told_once() {
    let mut house = House::new();
    let ends = NOON + SignedDuration::from_hours(1);
    let consents = [Purpose::Location, Purpose::LinkMerging].map(|purpose| consent(purpose, Some(ends)));
    let new = NewRegistration { consents: consents.to_vec(), ..full(ALPHA, "a1") };
    let held = house.register(new).registration;
    let later = consent(Purpose::CrossBorder, Some(ends + SignedDuration::from_hours(1)));
    house.make(|registry| registry.grant(&held.name, later)).expect("granted");
    house.look();
    assert_eq!(kinds(&house, "news").len(), 1, "nothing has ended");
    house.clock.advance(Duration::from_hours(1));
    for _ in 0..2 {
        house.look();
        let told = kinds(&house, "news");
        assert_eq!(told.len(), 4, "{told:?}");
        for kind in
            [ConsentExpired(Purpose::Location, FIRST), ConsentExpired(Purpose::LinkMerging, FIRST), PlaceForgotten]
        {
            assert!(told.contains(&kind), "{told:?}");
        }
        house.reopen();
    }
    // What is given anew before the first end does not end with it.
    house.make(|registry| registry.grant(&held.name, consent(Purpose::CrossBorder, None))).expect("granted");
    house.clock.advance(Duration::from_hours(2));
    house.look();
    assert_eq!(kinds(&house, "news").len(), 5);
}

#[test]
fn nothing_is_told_of_who_is_deleted_but_that() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    let before = told(&house, "news", None, 100);
    house.make(|registry| registry.delete(&held.name)).expect("deleted");
    house.registry().note_event(held.slot, PlaceForgotten);
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        for after in [None, Some(before[0].cursor)] {
            let events = told(&house, "news", after, 1);
            assert_eq!(events.len(), 1, "{events:?}");
            assert_eq!((events[0].kind.clone(), &events[0].registration), (Deleted, &Some(held.name.clone())));
        }
    }
}

#[test]
fn nothing_is_told_of_who_had_the_phone_before() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    house.make(|registry| registry.withdraw(&held.name, Purpose::Location)).expect("withdrawn");
    assert_eq!(house.register(full(ALPHA, "a1")).registration.name, held.name);
    assert_eq!(kinds(&house, "news"), [Restarted]);
}

#[test]
fn what_is_kept_no_more_is_told_as_a_gap() {
    let mut house = House::new();
    house.events = EventLimits { keep: SignedDuration::from_hours(24), most: 5 };
    house.reopen();
    let held = house.register(full(ALPHA, "a1")).registration;
    let grant = |house: &House| {
        house.make(|registry| registry.grant(&held.name, policy(Purpose::CrossBorder))).expect("granted");
    };
    (0..8).for_each(|_| grant(&house));
    let first = told(&house, "news", None, 1)[0].cursor;
    house.look();
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(kinds(&house, "news").len(), 5, "the oldest that is kept is the first");
        let events = told(&house, "news", Some(first), 3);
        assert_eq!((events.len(), events[0].kind.clone()), (6, Gap(2)));
        assert_eq!(told(&house, "news", Some(events[0].cursor), 3), events[1..], "a gap is told once");
    }
    house.clock.advance(Duration::from_hours(25));
    grant(&house);
    house.look();
    house.reopen();
    let events = told(&house, "news", Some(first), 3);
    assert_eq!(
        events.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(),
        [Gap(7), ConsentGranted(Purpose::CrossBorder, FIRST)]
    );
}

#[test]
fn a_cursor_of_another_log_or_of_what_is_not_there_is_refused() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let other = house.register(full(ROUTES, "b2")).registration;
    for name in [&held.name, &other.name] {
        house.make(|registry| registry.withdraw(name, Purpose::EmergencyPush)).expect("withdrawn");
    }
    let cursor = told(&house, "news", None, 1)[0].cursor;
    let read = |id: &str, after| house.registry().events(&partner(id), Some(after), 1);
    assert!(matches!(read("maps", cursor), Err(RegistryError::EventCursor)));
    assert!(matches!(read("news", EventCursor { number: 0, ..cursor }), Err(RegistryError::EventCursor)));
    let later = house.registry().shared().expect("loaded").keys.event_cursor(0, 2);
    assert!(matches!(read("news", later), Err(RegistryError::EventCursor)));
    assert!(matches!(house.registry().events(&partner("none"), None, 1), Err(RegistryError::UnknownPartner)));
}

#[test]
fn what_cannot_be_noted_is_told_as_a_gap() {
    let house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    // More than may wait: the writer takes some meanwhile, so how many are missed is not known before.
    let asked = 2 * (ROOM + OWN_JOBS);
    (0..asked).for_each(|_| house.registry().note_event(held.slot, PlaceForgotten));
    house.look();
    let counted: u64 = kinds(&house, "news")
        .iter()
        .map(|kind| match kind {
            Gap(count) => *count,
            _ => 1,
        })
        .sum();
    assert_eq!(counted, asked as u64);
}

/// What happens in a run.
#[derive(Debug, Clone, Copy)]
enum Step {
    Grant(usize),
    Withdraw(usize),
    Delete(usize),
    Look,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_usize).prop_map(Step::Grant),
        4 => (0..4_usize).prop_map(Step::Withdraw),
        1 => (0..4_usize).prop_map(Step::Delete),
        1 => Just(Step::Look),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever happens and however it is read, each partner gets what happened to its own who are there, in order.
    #[test]
    fn a_log_is_what_happened(steps in prop::collection::vec(step(), 1..24), page in 1..5_usize) {
        let mut house = House::new();
        let people = [(ALPHA, "a"), (BETA, "b"), (ROUTES, "c"), (ROUTES, "d")];
        let people = people.map(|(app, id)| house.register(full(app, id)).registration);
        let mut happened: Vec<(usize, EventKind)> = Vec::new();
        let (mut agreed, mut deleted) = ([false; 4], [false; 4]);
        for step in steps {
            match step {
                Step::Grant(of) if !deleted[of] => {
                    let done = house.make(|registry| registry.grant(&people[of].name, policy(Purpose::SavedPlaces)));
                    prop_assert!(done.is_ok());
                    agreed[of] = true;
                    happened.push((of, ConsentGranted(Purpose::SavedPlaces, FIRST)));
                }
                Step::Withdraw(of) if !deleted[of] => {
                    let done = house.make(|registry| registry.withdraw(&people[of].name, Purpose::SavedPlaces));
                    prop_assert!(done.is_ok());
                    if std::mem::take(&mut agreed[of]) {
                        happened.push((of, ConsentWithdrawn(Purpose::SavedPlaces, FIRST)));
                    }
                }
                Step::Delete(of) if !deleted[of] => {
                    prop_assert!(house.make(|registry| registry.delete(&people[of].name)).is_ok());
                    deleted[of] = true;
                    happened.retain(|(who, _)| *who != of);
                    happened.push((of, Deleted));
                }
                Step::Look => house.look(),
                Step::Reopen => house.reopen(),
                Step::Grant(_) | Step::Withdraw(_) | Step::Delete(_) => {}
            }
        }
        for (id, own) in [("news", 0..2), ("maps", 2..4)] {
            let events = told(&house, id, None, page);
            let expected = happened.iter().filter(|(of, _)| own.contains(of));
            let expected: Vec<_> = expected.map(|(of, kind)| (Some(people[*of].name.clone()), kind.clone())).collect();
            let told: Vec<_> = events.into_iter().map(|event| (event.registration, event.kind)).collect();
            prop_assert_eq!(told, expected);
        }
    }
}
