//! Each row of the table of [`crate::decide`].

use super::*;

fn severe() -> Body {
    issue(vec![info("en", 0.0, Severity::Severe)])
}

fn ignored(decision: &Decision) -> &'static str {
    match decision {
        Decision::Ignore(ignored) => ignored.reason(),
        Decision::Refuse(refused) => refused.reason(),
        Decision::Admit(_) | Decision::AdmitAll(_) => "ADMITTED",
    }
}

#[test]
fn a_duplicate_of_what_was_not_sent_is_a_duplicate_too() {
    let mut desk = Desk::new();
    let cancel = || alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    assert_eq!(ignored(&desk.decide(cancel())), "NOTHING_TO_CANCEL");
    assert!(matches!(desk.decide(cancel()), Decision::Ignore(Ignored::Duplicate(None))));
}

#[test]
fn an_update_that_comes_before_what_it_updates_is_shown_and_that_one_is_not_any_more() {
    let mut desk = Desk::new();
    let update = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], severe());
    assert_eq!(desk.admit(update).key().revision, Revision::FIRST);
    assert_eq!(ignored(&desk.decide(alert("a", NOON, &[], severe()))), "SUPERSEDED");
}

#[test]
fn an_update_that_is_older_than_what_stands_is_superseded() {
    let mut desk = Desk::new();
    desk.admit(alert("a", NOON, &[], severe()));
    desk.admit(alert("c", "2026-11-24T12:02:00Z", &[id("a", NOON)], severe()));
    let late = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], severe());
    assert_eq!(ignored(&desk.decide(late)), "SUPERSEDED");
}

#[test]
fn what_takes_effect_later_is_told_at_once_and_says_when() {
    let mut desk = Desk::new();
    let effective = Some(at("2026-11-24T12:30:00Z"));
    let later = Info { effective, ..info("en", 0.0, Severity::Severe) };
    let bulletin = desk.admit(alert("a", NOON, &[], issue(vec![later])));
    assert_eq!(bulletin.tiers()[0].infos.first().effective, effective);
}

#[test]
fn a_message_sent_longer_ago_than_is_remembered_is_refused_and_one_less_old_is_not() {
    let mut desk = Desk::new();
    let endless =
        || issue(vec![Info { expires: Some(at("2027-01-01T00:00:00Z")), ..info("en", 0.0, Severity::Severe) }]);
    assert_eq!(ignored(&desk.decide(alert("a", "2026-11-17T11:59:59Z", &[], endless()))), "SENT_TOO_LONG_AGO");
    assert_eq!(ignored(&desk.decide(alert("b", "2026-11-17T12:00:01Z", &[], endless()))), "ADMITTED");
    let cancel = alert("c", "2026-11-17T11:59:59Z", &[id("b", "2026-11-17T12:00:01Z")], Body::Cancel(vec![]));
    assert_eq!(ignored(&desk.decide(cancel)), "SENT_TOO_LONG_AGO");
    // What is known is answered as before, however old it has become.
    desk.now = at("2026-12-20T12:00:00Z");
    assert_eq!(ignored(&desk.decide(alert("b", "2026-11-17T12:00:01Z", &[], endless()))), "DUPLICATE");
    // And what is forgotten is refused.
    desk.lineages.forget_before(at("2026-12-20T00:00:00Z"));
    assert_eq!(ignored(&desk.decide(alert("b", "2026-11-17T12:00:01Z", &[], endless()))), "SENT_TOO_LONG_AGO");
}

#[test]
fn acknowledgements_and_errors_are_for_nobody_and_end_nothing() {
    let mut desk = Desk::new();
    let first = desk.admit(alert("a", NOON, &[], severe()));
    for (name, body) in [("b", Body::Ack), ("c", Body::Error)] {
        let answer = alert(name, "2026-11-24T12:01:00Z", &[id("a", NOON)], body);
        assert_eq!(ignored(&desk.decide(answer)), "NOT_FOR_PUBLIC");
    }
    assert!(desk.lineages.get(first.key().lineage).is_some_and(|lineage| !lineage.ended));
}

#[test]
fn a_second_cancel_finds_nothing() {
    let mut desk = Desk::new();
    desk.admit(alert("a", NOON, &[], severe()));
    desk.admit(alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![])));
    let second = alert("c", "2026-11-24T12:02:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    assert_eq!(ignored(&desk.decide(second)), "NOTHING_TO_CANCEL");
}
