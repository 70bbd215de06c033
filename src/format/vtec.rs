//! VTEC, by which the National Weather Service names an event over all its messages (NWS Directive 10-1703, "Valid Time
//! Event Code"): `/O.NEW.KCLE.SC.Y.0002.190103T0200Z-190103T2100Z/` is class, action, office, phenomenon, significance,
//! number, begin and end.
//!
//! Office, phenomenon, significance, number and year are the event, and each message speaks of it in its own zones alone:
//! the other zones of the event have messages beside it. So a name is of one event in one zone. A message may be of
//! several events, and may end some of them (CAN, EXP, UPG) while others go on. A class other than O is a test, and
//! names nothing.

use std::collections::BTreeSet;

use compact_str::{CompactString, format_compact};

use crate::domain::{AlertRef, EventKey, Ground, Info, Subject, Timestamp};

/// The most events in zones that one message is taken for; one with more is known by its references alone.
const MOST: usize = 4_096;

/// Actions after which an event is no longer on in the zones of the message.
const ENDS: [&str; 3] = ["CAN", "EXP", "UPG"];

/// Actions that go on, or begin.
const GOES_ON: [&str; 7] = ["NEW", "CON", "EXT", "EXA", "EXB", "COR", "ROU"];

/// Schemes of zones' codes, the best first.
const ZONES: [&str; 3] = ["UGC", "SAME", "FIPS6"];

/// What a message is about: what it refers to, and the events that its VTEC names.
pub(super) fn subject(references: Vec<AlertRef>, infos: &[Info], sent: Timestamp) -> Subject {
    let (mut names, mut ends) = (BTreeSet::new(), BTreeSet::new());
    let codes = infos.iter().flat_map(|info| &info.parameters).filter(|named| named.name.eq_ignore_ascii_case("VTEC"));
    let codes: Vec<Code> = codes.flat_map(|named| read(&named.value, sent)).collect();
    let zones = if codes.is_empty() { Vec::new() } else { zones(infos) };
    if codes.len() * zones.len() <= MOST {
        for code in &codes {
            let of = |zone: &CompactString| EventKey {
                scheme: format_compact!("vtec/{zone}"),
                key: code.key.clone(),
                serial: None,
            };
            if code.ends { &mut ends } else { &mut names }.extend(zones.iter().map(of));
        }
    }
    let mut names = names.into_iter();
    let (event, also) = (names.next(), names.collect::<Vec<_>>());
    Subject { references, event, also, ends: ends.into_iter().collect() }
}

/// Whether everything that the message speaks of is over: it is a cancel, whatever it calls itself.
pub(super) fn is_end(subject: &Subject) -> bool {
    subject.event.is_none() && !subject.ends.is_empty()
}

/// An event, and what a message does to it.
struct Code {
    key: CompactString,
    ends: bool,
}

/// Every event that is for real in a parameter, which may hold several.
fn read(text: &str, sent: Timestamp) -> Vec<Code> {
    text.split('/').filter_map(|part| code(part.trim(), sent)).take(64).collect()
}

fn code(text: &str, sent: Timestamp) -> Option<Code> {
    let parts: Vec<&str> = text.split('.').collect();
    let ["O", action, office, phenomenon, significance, number, times] = parts.as_slice() else { return None };
    let upper = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let ends = ENDS.contains(action);
    let known = (ends || GOES_ON.contains(action))
        && office.len() == 4
        && office.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && upper(phenomenon, 2)
        && upper(significance, 1)
        && digits(number, 4);
    // What has begun already, or has no end yet, is written as zeros.
    let year = times.split('-').filter_map(|time| time.get(..2)).find(|year| digits(year, 2) && *year != "00");
    let year = year.map_or_else(|| sent.strftime("%y").to_string(), str::to_owned);
    known.then(|| Code { key: format_compact!("{office}.{phenomenon}.{significance}.{number}.{year}"), ends })
}

/// The zones of all infos, each once, by the best scheme that any of them has.
fn zones(infos: &[Info]) -> Vec<CompactString> {
    let areas = infos.iter().flat_map(|info| match &info.ground {
        Ground::Areas(areas) => areas.to_vec(),
        Ground::Earthquake(_) | Ground::Bands(_) | Ground::None => Vec::new(),
    });
    let codes: Vec<_> = areas.flat_map(|area| area.geocodes).collect();
    let of = |scheme: &str| -> BTreeSet<CompactString> {
        let found = codes.iter().filter(|code| code.scheme.eq_ignore_ascii_case(scheme));
        found.map(|code| code.code.clone()).collect()
    };
    let found = ZONES.into_iter().map(of).find(|zones| !zones.is_empty());
    found.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<(String, bool)> {
        let sent = "2019-01-02T12:00:00Z".parse().expect("an instant");
        read(text, sent).into_iter().map(|code| (code.key.to_string(), code.ends)).collect()
    }

    #[test]
    fn an_event_is_named_by_office_kind_number_and_year_whatever_happens_to_it() {
        let key = "KCLE.SC.Y.0002.19".to_owned();
        for (action, times, ends) in [
            ("NEW", "190103T0200Z-190103T2100Z", false),
            ("CON", "000000T0000Z-190103T2100Z", false),
            ("EXT", "000000T0000Z-000000T0000Z", false),
            ("CAN", "000000T0000Z-190103T2100Z", true),
            ("EXP", "000000T0000Z-190103T2100Z", true),
            ("UPG", "190103T0200Z-190103T2100Z", true),
        ] {
            assert_eq!(keys(&format!("/O.{action}.KCLE.SC.Y.0002.{times}/")), [(key.clone(), ends)], "{action}");
        }
    }

    #[test]
    fn several_events_may_stand_in_one_parameter_and_tests_are_none() {
        let text = "/O.UPG.KAKQ.WW.Y.0003.190113T0300Z-190113T1500Z/\n/O.NEW.KAKQ.WS.W.0001.190113T0300Z-190113T1500Z/ \
                    /T.NEW.KAKQ.WS.W.0009.190113T0300Z-190113T1500Z/ /X.CON.KAKQ.WS.W.0008.190113T0300Z-190113T1500Z/";
        assert_eq!(keys(text), [("KAKQ.WW.Y.0003.19".to_owned(), true), ("KAKQ.WS.W.0001.19".to_owned(), false)]);
        for wrong in
            ["", "/", "/O.NEW/", "/O.OLD.KAKQ.WS.W.0001.190113T0300Z-190113T1500Z/", "/O.NEW.KAKQ.WS.W.1.x/", "é"]
        {
            assert_eq!(keys(wrong), [], "{wrong}");
        }
    }

    fn message(vtec: &str) -> crate::domain::Alert {
        let text = format!(
            r#"{{"type": "Feature", "geometry": null, "properties": {{
                "id": "urn:a", "sender": "w-nws.webmaster@noaa.gov", "sent": "2019-01-02T12:00:00-05:00",
                "status": "Actual", "messageType": "Update", "scope": "Public", "event": "Small Craft Advisory",
                "urgency": "Expected", "severity": "Moderate", "certainty": "Likely", "areaDesc": "Lake Erie",
                "geocode": {{"SAME": ["039007"], "UGC": ["LEZ146", "LEZ145"]}}, "parameters": {{"VTEC": ["{vtec}"]}}}}}}"#
        );
        crate::format::read(text.as_bytes(), None).expect("it can be read").alert
    }

    #[test]
    fn an_update_whose_events_are_all_over_is_a_cancel_in_its_zones() {
        let over = message("/O.CAN.KCLE.SC.Y.0002.000000T0000Z-190103T2100Z/");
        assert!(matches!(over.body, crate::domain::Body::Cancel(_)));
        let ends: Vec<_> = over.subject.ends.iter().map(|key| format!("{} {}", key.scheme, key.key)).collect();
        assert_eq!(ends, ["vtec/LEZ145 KCLE.SC.Y.0002.19", "vtec/LEZ146 KCLE.SC.Y.0002.19"]);
        let goes_on = message("/O.CON.KCLE.SC.Y.0002.000000T0000Z-190103T2100Z/");
        assert!(!matches!(goes_on.body, crate::domain::Body::Cancel(_)));
        assert_eq!(goes_on.subject.names().count(), 2);
    }
}
