//! Messages that name their event, and no other message.

use proptest::prelude::*;

use super::*;
use crate::domain::{EventKey, Position, Source};

const JMA: &str = "jma.go.jp";
const RELAY: &str = "api.p2pquake.net";

/// A message about an event: scheme and key, the number, minutes after noon, and what it says.
fn report(sender: &str, scheme: &str, serial: Option<u32>, minute: u32, body: Body) -> Alert {
    named(sender, &[(scheme, "event")], serial, minute, body)
}

fn named(sender: &str, names: &[(&str, &str)], serial: Option<u32>, minute: u32, body: Body) -> Alert {
    let sent = format!("2026-11-24T12:{minute:02}:00Z");
    let kind = if matches!(body, Body::Cancel(_)) { ".withdrawal" } else { "" };
    let number = serial.map_or_else(|| minute.to_string(), |serial| serial.to_string());
    let (scheme, key) = names[0];
    let mut alert = alert(&format!("{key}.{scheme}.{number}{kind}"), &sent, &[], body);
    alert.id.sender = Sender::new(sender).expect("a sender");
    let mut names = names.iter().map(|(scheme, key)| EventKey { scheme: (*scheme).into(), key: (*key).into(), serial });
    alert.subject.event = names.next();
    alert.subject.also = names.collect();
    alert
}

fn at_degree(west: f64) -> Body {
    issue(vec![info("en", west, Severity::Severe)])
}

fn cancel() -> Body {
    Body::Cancel(Vec::new())
}

/// A desk in an hour in which all of it has been sent.
fn desk() -> Desk {
    Desk { now: at("2026-11-24T12:59:00Z"), ..Desk::new() }
}

/// The least longitude of each tier of what is in force.
fn ground(desk: &Desk) -> Vec<i64> {
    let mut found: Vec<i64> = Vec::new();
    for id in &desk.ids {
        if let Some(lineage) = desk.lineages.get(*id).filter(|lineage| !lineage.ended) {
            found.extend(lineage.bulletin.tiers().iter().map(|tier| tier.area.bounding_box()[0].round() as i64));
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn a_later_report_of_an_event_goes_on_with_it_and_an_earlier_one_comes_too_late() {
    let mut desk = desk();
    let first = desk.admit(report(JMA, "jma-eew/VXSE45", Some(1), 1, at_degree(0.0)));
    let third = desk.admit(report(JMA, "jma-eew/VXSE45", Some(3), 3, at_degree(2.0)));
    assert_eq!((third.key().lineage, third.key().revision), (first.key().lineage, Revision(2)));
    let second = desk.decide(report(JMA, "jma-eew/VXSE45", Some(2), 2, at_degree(1.0)));
    assert!(matches!(second, Decision::Ignore(Ignored::Superseded)));
    assert_eq!(ground(&desk), [2]);
}

#[test]
fn a_cancel_that_repeats_the_number_before_it_is_taken_and_an_older_one_is_not() {
    let mut desk = desk();
    desk.admit(report(JMA, "jma-eew/VXSE45", Some(32), 5, at_degree(0.0)));
    let stale = desk.decide(report(JMA, "jma-eew/VXSE45", Some(31), 4, cancel()));
    assert!(matches!(stale, Decision::Ignore(Ignored::Superseded)));
    let over = desk.admit(report(JMA, "jma-eew/VXSE45", Some(32), 6, cancel()));
    assert!(matches!(over.parts().content, Content::Cancel(_)));
    assert!(ground(&desk).is_empty());
    let late = desk.decide(report(JMA, "jma-eew/VXSE45", Some(30), 3, at_degree(0.0)));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)));
    let again = desk.decide(report(JMA, "jma-eew/VXSE45", Some(32), 6, cancel()));
    assert!(matches!(again, Decision::Ignore(Ignored::Duplicate(Some(key))) if key == over.key()));
}

#[test]
fn a_cancel_of_an_event_that_comes_first_keeps_its_reports_from_being_told() {
    let mut desk = desk();
    let early = desk.decide(report(JMA, "jma-eew/VXSE45", Some(2), 2, cancel()));
    assert!(matches!(early, Decision::Ignore(Ignored::NothingToCancel)));
    for (series, serial, minute) in [("jma-eew/VXSE45", 1, 1), ("jma-eew/VXSE45", 2, 2), ("jma-eew/VXSE43", 1, 1)] {
        let late = desk.decide(report(JMA, series, Some(serial), minute, at_degree(0.0)));
        assert!(matches!(late, Decision::Ignore(Ignored::Superseded)), "{series} {serial}");
    }
    desk.admit(report(JMA, "jma-eew/VXSE45", Some(3), 3, at_degree(0.0)));
}

#[test]
fn telegrams_that_count_apart_are_one_alert_and_the_complete_one_takes_the_place_of_the_others() {
    let mut desk = desk();
    let warning = desk.admit(report(JMA, "jma-eew/VXSE43", Some(1), 1, at_degree(0.0)));
    let forecast = desk.admit(report(JMA, "jma-eew/VXSE44", Some(7), 2, at_degree(1.0)));
    assert_eq!(forecast.key().lineage, warning.key().lineage);
    assert_eq!(ground(&desk), [0, 1], "what one says does not take away what the other does");
    desk.admit(report(JMA, "jma-eew/VXSE45", Some(8), 3, at_degree(2.0)));
    assert_eq!(ground(&desk), [2]);
    let contained = desk.decide(report(JMA, "jma-eew/VXSE44", Some(8), 3, at_degree(1.0)));
    assert!(matches!(contained, Decision::Ignore(Ignored::Superseded)));
    desk.admit(report(JMA, "jma-eew/VXSE43", Some(2), 4, at_degree(0.0)));
    assert_eq!(ground(&desk), [0, 2]);
    desk.admit(report(JMA, "jma-eew/VXSE44", Some(8), 5, cancel()));
    assert!(ground(&desk).is_empty(), "an earthquake is taken back, not a telegram");
}

#[test]
fn an_event_goes_on_by_any_of_its_names() {
    let mut desk = desk();
    let first = desk.admit(named("earthquake.usgs.gov", &[("usgs", "us1")], None, 1, at_degree(0.0)));
    let second = desk.admit(named("earthquake.usgs.gov", &[("usgs", "ci2"), ("usgs", "us1")], None, 2, at_degree(0.0)));
    let third = desk.admit(named("earthquake.usgs.gov", &[("usgs", "ci2")], None, 3, at_degree(0.0)));
    assert_eq!([second.key().lineage, third.key().lineage], [first.key().lineage; 2]);
    let by_the_first = desk.admit(named("earthquake.usgs.gov", &[("usgs", "us1")], None, 4, cancel()));
    assert_eq!(by_the_first.key().lineage, first.key().lineage);
    let other = desk.admit(named("earthquake.usgs.gov", &[("usgs", "us9")], None, 5, at_degree(0.0)));
    assert_ne!(other.key().lineage, first.key().lineage);
}

#[test]
fn two_events_that_turn_out_to_be_one_are_joined() {
    let mut desk = desk();
    let one = desk.admit(named("earthquake.usgs.gov", &[("usgs", "us1")], None, 1, at_degree(0.0)));
    let other = desk.admit(named("earthquake.usgs.gov", &[("usgs", "ci2")], None, 2, at_degree(0.0)));
    let both = desk.admit(named("earthquake.usgs.gov", &[("usgs", "us1"), ("usgs", "ci2")], None, 3, at_degree(0.0)));
    assert_eq!(
        (both.key().lineage, both.parts().absorbs.as_slice()),
        (one.key().lineage, [other.key().lineage].as_slice())
    );
}

#[test]
fn a_sender_joins_anothers_event_only_if_the_operator_says_so_and_ends_only_what_it_says() {
    let mut apart = desk();
    let first = apart.admit(report(JMA, "jma-eew/VXSE43", Some(1), 1, at_degree(0.0)));
    let second = apart.admit(report(RELAY, "jma-eew/VXSE43", Some(1), 1, at_degree(1.0)));
    assert_ne!(first.key().lineage, second.key().lineage);

    let mut joined = desk();
    joined.rules.fusion.together = [vec![sender(JMA), sender(RELAY)]].into();
    let first = joined.admit(report(JMA, "jma-eew/VXSE43", Some(1), 1, at_degree(0.0)));
    let second = joined.admit(report(RELAY, "jma-eew/VXSE43", Some(1), 1, at_degree(1.0)));
    assert_eq!(first.key().lineage, second.key().lineage);
    assert_eq!(ground(&joined), [0, 1]);
    let end = joined.admit(report(RELAY, "jma-eew/VXSE43", Some(2), 2, cancel()));
    assert!(matches!(end.parts().content, Content::Warn(_)), "the other says so still");
    assert_eq!(ground(&joined), [0]);
    let nothing = joined.decide(report(RELAY, "jma-eew/VXSE43", Some(3), 3, cancel()));
    assert!(matches!(nothing, Decision::Ignore(Ignored::NothingToCancel)));
    joined.admit(report(JMA, "jma-eew/VXSE43", Some(1), 4, cancel()));
    assert!(ground(&joined).is_empty());
}

fn sender(name: &str) -> Sender {
    Sender::new(name).expect("a sender")
}

/// Of an earthquake so many seconds after noon, so many degrees north of a place.
fn earthquake(second: i64, north: f64, magnitude: f32) -> Body {
    let epicentre = Position::from_degrees(37.0, 37.0 + north).expect("on the globe");
    let origin = at(NOON) + SignedDuration::from_secs(second);
    let ground = Ground::Earthquake(Source { epicentre, depth_km: Some(10.0), magnitude, origin });
    issue(vec![Info { ground, ..info("en", 0.0, Severity::Unknown) }])
}

#[test]
fn two_sources_of_one_earthquake_are_one_alert_and_two_earthquakes_stay_two() {
    let near = |second, north, magnitude| {
        let mut desk = desk();
        desk.rules.fusion.together = [vec![sender("a.org"), sender("b.org"), sender("c.org")]].into();
        let one = desk.admit(named("a.org", &[("a", "1")], None, 1, earthquake(0, 0.0, 6.0)));
        let other = desk.admit(named("b.org", &[("b", "1")], None, 1, earthquake(second, north, magnitude)));
        (desk, one.key().lineage == other.key().lineage)
    };
    for (second, north, magnitude, same) in [
        (0, 0.0, 6.0, true),
        (16, 0.0, 6.0, true),
        (-16, 0.0, 6.0, true),
        (17, 0.0, 6.0, false),
        (40, 0.0, 6.0, false),
        (0, 0.89, 6.0, true),
        (0, 0.92, 6.0, false),
        (0, 0.0, 7.0, true),
        (0, 0.0, 7.2, false),
        (0, 0.0, 4.9, false),
    ] {
        assert_eq!(near(second, north, magnitude).1, same, "{second} s, {north}°, M{magnitude}");
    }
    // A source that has two names has two earthquakes.
    let (mut joined, _) = near(5, 0.1, 6.0);
    let second = joined.admit(named("b.org", &[("b", "2")], None, 2, earthquake(8, 0.1, 6.0)));
    // And one that is near both of them is joined to neither.
    let third = joined.admit(named("c.org", &[("c", "1")], None, 2, earthquake(8, 0.1, 6.0)));
    assert_eq!((second.key().revision, third.key().revision), (Revision::FIRST, Revision::FIRST));
    // Without the operator's word nothing is joined.
    let mut apart = desk();
    apart.admit(named("a.org", &[("a", "1")], None, 1, earthquake(0, 0.0, 6.0)));
    let other = apart.admit(named("b.org", &[("b", "1")], None, 1, earthquake(0, 0.0, 6.0)));
    assert_eq!(other.key().revision, Revision::FIRST);
}

#[test]
fn one_that_has_moved_far_from_where_it_was_joined_stays_with_its_event() {
    let mut desk = desk();
    desk.rules.fusion.together = [vec![sender("a.org"), sender("b.org")]].into();
    let one = desk.admit(named("a.org", &[("a", "1")], None, 1, earthquake(0, 0.0, 6.0)));
    desk.admit(named("b.org", &[("b", "1")], None, 1, earthquake(0, 0.0, 6.0)));
    let moved = desk.admit(named("b.org", &[("b", "1")], None, 2, earthquake(60, 3.0, 8.0)));
    assert_eq!(moved.key().lineage, one.key().lineage);
    desk.admit(named("b.org", &[("b", "1")], None, 3, cancel()));
    desk.admit(named("a.org", &[("a", "1")], None, 3, cancel()));
    assert!(desk.ids.iter().all(|id| desk.lineages.get(*id).is_some_and(|lineage| lineage.ended)));
}

/// A message of the NWS about one event in zones, of which it may end all.
fn in_zones(name: &str, minute: u32, zones: &[&str], ends: bool, refers: &[AlertId], west: f64) -> Alert {
    let sent = format!("2026-11-24T12:{minute:02}:00Z");
    let body = if ends { cancel() } else { at_degree(west) };
    let mut alert = alert(name, &sent, refers, body);
    let names = zones.iter().map(|zone| EventKey {
        scheme: format!("vtec/{zone}").into(),
        key: "KCLE.SC.Y.0002.26".into(),
        serial: None,
    });
    if ends {
        alert.subject.ends = names.collect();
    } else {
        let mut names = names;
        alert.subject.event = names.next();
        alert.subject.also = names.collect();
    }
    alert
}

#[test]
fn an_event_of_many_messages_in_thousands_of_zones_each_is_found_zone_by_zone() {
    let mut desk = desk();
    let zones =
        |message: usize| -> Vec<String> { (0..2_000).map(|zone| format!("OHZ{message:03}{zone:04}")).collect() };
    let of = |name: &str, minute, message| {
        let zones = zones(message);
        in_zones(name, minute, &zones.iter().map(String::as_str).collect::<Vec<_>>(), false, &[], 0.0)
    };
    let first: Vec<_> = (0..20).map(|message| desk.admit(of(&format!("a{message}"), 1, message)).key()).collect();
    for (message, first) in first.iter().enumerate() {
        assert_eq!(desk.admit(of(&format!("b{message}"), 2, message)).key().lineage, first.lineage);
    }
    assert_eq!(desk.ids.len(), first.len());
}

#[test]
fn segments_of_one_event_take_over_zone_by_zone_whatever_comes_first() {
    let first = || in_zones("first", 1, &["OHZ001", "OHZ002", "OHZ003"], false, &[], 0.0);
    let refers = [first().id];
    let segments = [
        in_zones("one", 2, &["OHZ001"], false, &refers, 1.0),
        in_zones("two", 2, &["OHZ002"], false, &refers, 2.0),
        in_zones("three", 2, &["OHZ003"], true, &refers, 3.0),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut desk = desk();
        let lineage = desk.admit(first()).key().lineage;
        for (position, number) in order.into_iter().enumerate() {
            let bulletin = desk.admit(segments[number].clone());
            assert_eq!(bulletin.key().lineage, lineage);
            assert_eq!(ground(&desk).contains(&0), position < 2, "who is in the zones that are left is not released");
        }
        assert_eq!(ground(&desk), [1, 2]);
        for (zone, minute) in [("OHZ001", 3), ("OHZ002", 4)] {
            desk.admit(in_zones(zone, minute, &[zone], true, &[], 0.0));
        }
        assert!(ground(&desk).is_empty());
    }
}

#[test]
fn messages_of_one_event_in_other_zones_are_alerts_beside_each_other() {
    let mut desk = desk();
    let one = desk.admit(in_zones("one", 1, &["OHZ001"], false, &[], 1.0));
    let two = desk.admit(in_zones("two", 1, &["OHZ002"], false, &[], 2.0));
    assert_ne!(one.key().lineage, two.key().lineage);
    let next = desk.admit(in_zones("next", 2, &["OHZ001"], false, &[], 1.0));
    assert_eq!(next.key().lineage, one.key().lineage);
}

#[test]
fn what_is_replayed_from_the_journal_decides_as_before() {
    let mut desk = desk();
    desk.decide(report(JMA, "jma-eew/VXSE45", Some(9), 9, cancel()));
    desk.admit(named("earthquake.usgs.gov", &[("usgs", "us1")], None, 1, at_degree(0.0)));
    let mut again = desk.replayed();
    let late = again.decide(report(JMA, "jma-eew/VXSE45", Some(8), 8, at_degree(0.0)));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)));
    let goes_on = again.admit(named("earthquake.usgs.gov", &[("usgs", "us1")], None, 2, at_degree(0.0)));
    assert_eq!(goes_on.key().revision, Revision(2));
}

/// A message of any of the types; later ones have higher numbers.
fn any_report() -> impl Strategy<Value = (usize, u32, bool, f64)> {
    (0..4_usize, 1..20_u32, prop::bool::weighted(0.1), (0..5_u32).prop_map(f64::from))
}

proptest! {
    #[test]
    fn whatever_the_order_the_end_is_the_same_and_the_journal_gives_it_back(
        reports in prop::collection::vec(any_report(), 1..12),
        order in any::<prop::sample::Index>(), split in any::<bool>(),
    ) {
        let [warning, forecast, complete] = ["jma-eew/VXSE43", "jma-eew/VXSE44", "jma-eew/VXSE45"];
        let series = [(JMA, warning), (JMA, forecast), (JMA, complete), (RELAY, warning)];
        let mut seen = std::collections::HashSet::new();
        let mut alerts: Vec<Alert> = Vec::new();
        for (of, minute, is_cancel, west) in reports {
            let (sender, scheme) = series[of];
            let body = if is_cancel { cancel() } else { at_degree(west) };
            // Each type counts with the minutes; one message a minute and type.
            if seen.insert((of, minute)) {
                alerts.push(report(sender, scheme, Some(minute), minute, body));
            }
        }
        let play = |alerts: &[Alert]| {
            let mut desk = desk();
            desk.rules.fusion.together = [vec![sender(JMA), sender(RELAY)]].into();
            for alert in alerts {
                desk.decide(alert.clone());
            }
            desk
        };
        let turned = order.index(alerts.len());
        let mut other = alerts.clone();
        other.rotate_left(turned);
        if split {
            other.reverse();
        }
        let desk = play(&alerts);
        prop_assert_eq!(ground(&desk), ground(&play(&other)));
        let replayed = desk.replayed();
        prop_assert_eq!(ground(&desk), ground(&replayed));
    }
}
