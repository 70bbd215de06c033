//! Alerts that a person takes back.

use super::*;
use crate::domain::EventKey;

const JMA: &str = "jma.go.jp";
const RELAY: &str = "api.p2pquake.net";

fn sender(name: &str) -> Sender {
    Sender::new(name).expect("a sender")
}

fn report(from: &str, serial: u32, minute: u32) -> Alert {
    let body = issue(vec![info("en", f64::from(minute), Severity::Severe)]);
    let mut alert = alert(&format!("{serial}"), &format!("2026-11-24T12:{minute:02}:00Z"), &[], body);
    alert.id.sender = sender(from);
    alert.subject.event = Some(EventKey { scheme: "jma-eew/VXSE45".into(), key: "event".into(), serial: Some(serial) });
    alert
}

fn ending(lineage: LineageId, senders: Option<&[&str]>) -> Ending {
    let senders = senders.map(|senders| senders.iter().map(|name| sender(name)).collect());
    Ending { lineage, senders, headline: Some("Mistake".to_owned()), language: None }
}

/// A desk at half past noon that has heard of one event from two sources.
fn desk() -> (Desk, LineageId) {
    let mut desk = Desk { now: at("2026-11-24T12:30:00Z"), ..Desk::new() };
    desk.rules.fusion.together = [vec![sender(JMA), sender(RELAY)]].into();
    let first = desk.admit(report(JMA, 3, 1));
    let second = desk.admit(report(RELAY, 3, 2));
    assert_eq!(first.key().lineage, second.key().lineage);
    assert_eq!(second.tiers().len(), 2);
    (desk, first.key().lineage)
}

fn end(desk: &mut Desk, ending: &Ending) -> Decision {
    let decision = decide_end(&desk.lineages, ending, desk.now);
    if let Decision::Admit(bulletin) = &decision {
        desk.take(bulletin);
    }
    decision
}

#[test]
fn a_person_ends_what_every_source_says_and_none_of_them_ends_what_another_does() {
    let (mut desk, lineage) = desk();
    let own = end(&mut desk, &ending(lineage, Some(&[JMA])));
    assert!(matches!(own, Decision::Refuse(Refused::OthersSayItToo(other)) if other == RELAY));
    assert!(matches!(end(&mut desk, &ending(LineageId(1), None)), Decision::Ignore(Ignored::NothingToCancel)));
    let Decision::Admit(over) = end(&mut desk, &ending(lineage, None)) else { panic!("it is not ended") };
    assert_eq!((over.key().lineage, over.key().revision), (lineage, Revision(3)));
    let Content::Cancel(said) = &over.parts().content else { panic!("{over:?}") };
    assert_eq!(said[0].texts.headline.as_deref(), Some("Mistake"));
    for mut desk in [desk.replayed(), desk] {
        let again = end(&mut desk, &ending(lineage, None));
        assert!(matches!(again, Decision::Ignore(Ignored::Duplicate(Some(key))) if key == over.key()));
        assert!(matches!(desk.decide(report(JMA, 3, 1)), Decision::Ignore(Ignored::Duplicate(_))));
    }
}

#[test]
fn what_was_sent_before_it_does_not_come_back_and_what_is_said_later_is_new() {
    let (mut desk, lineage) = desk();
    assert!(matches!(end(&mut desk, &ending(lineage, Some(&[JMA, RELAY]))), Decision::Admit(_)));
    let mut replayed = desk.replayed();
    for desk in [&mut desk, &mut replayed] {
        assert!(
            matches!(desk.decide(report(RELAY, 4, 29)), Decision::Ignore(Ignored::Superseded)),
            "it was on its way"
        );
        desk.now = at("2026-11-24T12:40:00Z");
        assert_ne!(desk.admit(report(RELAY, 5, 31)).key().lineage, lineage);
    }
}

#[test]
fn an_alert_that_is_over_by_itself_is_not_ended_again() {
    let (mut desk, lineage) = desk();
    desk.now = at("2026-11-24T14:00:00Z");
    assert!(matches!(end(&mut desk, &ending(lineage, None)), Decision::Ignore(Ignored::Duplicate(Some(_)))));
}
