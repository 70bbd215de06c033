//! Telegrams that are the whole state of a territory.

use super::*;
use crate::domain::{NamedValue, StateScope};

/// A state so many minutes after noon: hazards, each with where it is and how bad.
fn state(name: &str, minute: u32, on: &[(&str, f64, Severity)]) -> Alert {
    let info = |&(hazard, west, severity): &(&str, f64, Severity)| Info {
        event: format!("{hazard} {severity:?}"),
        event_codes: vec![NamedValue { name: Info::HAZARD.into(), value: hazard.to_owned() }],
        ..info("en", west, severity)
    };
    let body = Body::State { scope: StateScope("130000".into()), infos: on.iter().map(info).collect() };
    alert(name, &format!("2026-11-24T12:{minute:02}:00Z"), &[], body)
}

fn all(decision: &Decision) -> Vec<Bulletin> {
    match decision {
        Decision::AdmitAll(bulletins) => bulletins.to_vec(),
        other => panic!("not admitted: {other:?}"),
    }
}

fn hazard(bulletin: &Bulletin) -> &str {
    bulletin.parts().state.as_ref().map_or("", |part| &part.hazard)
}

fn desk() -> Desk {
    Desk { now: at("2026-11-24T12:30:00Z"), ..Desk::new() }
}

#[test]
fn each_hazard_is_an_alert_of_its_own_and_one_that_is_gone_is_over() {
    let mut desk = desk();
    let first = all(&desk.decide(state("a", 1, &[("rain", 0.0, Severity::Moderate), ("wind", 0.0, Severity::Severe)])));
    assert_eq!(first.iter().map(hazard).collect::<Vec<_>>(), ["wind", "rain"], "the most pressing first");
    assert_ne!(first[0].key().lineage, first[1].key().lineage);
    let second = all(&desk.decide(state("b", 2, &[("rain", 0.0, Severity::Extreme), ("waves", 0.0, Severity::Minor)])));
    assert_eq!(second.iter().map(hazard).collect::<Vec<_>>(), ["rain", "waves", "wind"]);
    assert_eq!(second[0].key().lineage, first[1].key().lineage, "rain goes on");
    assert_eq!(second[2].key().lineage, first[0].key().lineage);
    assert!(matches!(second[2].parts().content, Content::Cancel(_)));
}

#[test]
fn an_empty_state_ends_all_and_then_changes_nothing() {
    let mut desk = desk();
    desk.decide(state("a", 1, &[("rain", 0.0, Severity::Moderate), ("wind", 0.0, Severity::Severe)]));
    assert_eq!(all(&desk.decide(state("b", 2, &[]))).len(), 2);
    assert!(matches!(desk.decide(state("c", 3, &[])), Decision::Ignore(Ignored::NothingToCancel)));
    let late = desk.decide(state("d", 2, &[("rain", 0.0, Severity::Moderate)]));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)), "the state that changed nothing is remembered");
    let mut replayed = desk.replayed();
    let late = replayed.decide(state("d", 2, &[("rain", 0.0, Severity::Moderate)]));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)));
}

#[test]
fn a_state_that_comes_again_changes_nothing_and_one_that_was_not_all_on_disk_is_taken_up() {
    let on = [("rain", 0.0, Severity::Moderate), ("wind", 0.0, Severity::Severe)];
    let mut desk = desk();
    let first = all(&desk.decide(state("a", 1, &on)));
    let again = desk.decide(state("a", 1, &on));
    assert!(matches!(again, Decision::Ignore(Ignored::Duplicate(Some(key))) if key == first[0].key()));
    desk.journal.truncate(1);
    let mut half = desk.replayed();
    let rest = all(&half.decide(state("a", 1, &on)));
    assert_eq!(rest.iter().map(hazard).collect::<Vec<_>>(), ["rain"]);
}

#[test]
fn what_cannot_be_found_on_the_map_is_not_taken_for_what_is_over() {
    let mut desk = desk();
    desk.decide(state("a", 1, &[("rain", 0.0, Severity::Moderate)]));
    let mut unknown = state("b", 2, &[("rain", 0.0, Severity::Severe)]);
    let Body::State { infos, .. } = &mut unknown.body else { panic!("a state") };
    let code = Geocode { scheme: "JMA-AreaInformationCity".into(), code: "1310100".into() };
    infos[0].ground = Ground::Areas(NonEmpty::of(Area { geocodes: vec![code], ..Area::default() }));
    assert!(matches!(desk.decide(unknown), Decision::Refuse(Refused::Unresolved(_))));
    assert!(desk.ids.iter().all(|id| desk.lineages.get(*id).is_some_and(|lineage| !lineage.ended)));
}
