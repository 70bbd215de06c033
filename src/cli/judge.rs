//! What the server would make of a message, whoever sends it and whenever: the judgement of `hazardcast alert check`.

use std::path::Path;

use anyhow::Result;

use crate::config::Config;
use crate::decide::{Authority, Decision, Lineages, Refused, Rules, decide};
use crate::domain::{Alert, Area, SignedDuration, Timestamp};
use crate::format::{Bounds, Complaint, Extent, Message, Report, signature};
use crate::locate::{AffectedArea, Atlas, on_globe, resolve, unite_boxes};

/// What messages are judged by.
pub(super) struct Judge {
    bounds: Bounds,
    atlas: Atlas,
    /// Only for telling whether a message has expired.
    now: Timestamp,
}

impl Judge {
    /// One that has the settings of a file, and the regions of a data folder.
    pub(super) fn of(config: Option<&Path>, regions: Option<&Path>, now: Timestamp) -> Result<Self> {
        let config = Config::load(config)?;
        let gazetteer = regions.map(super::region::gazetteer).transpose()?.unwrap_or_default();
        let atlas = Atlas { gazetteer, ground_motion: config.ground_motion.ground_motion() };
        Ok(Self { bounds: config.format.bounds(), atlas, now })
    }

    /// Reads every message of a file and judges each by itself, by the server's own rules, with an authority that may
    /// send everything and a clock at which nothing has happened yet.
    pub(super) fn check(&self, file: &str, bytes: &[u8]) -> Vec<Report> {
        let mut reports: Vec<Report> = match self.bounds.messages(bytes, None) {
            Ok(messages) if messages.is_empty() => vec![Report::empty(file)],
            Ok(messages) => messages.into_iter().map(|message| report(file, message, &self.atlas, self.now)).collect(),
            Err(error) => vec![Report::unread(file, "", Complaint::from(&error))],
        };
        // Both find the same alerts in the same order, where there are any that can be signed.
        for (report, (place, claims)) in reports.iter_mut().zip(signature::claims(bytes, None)) {
            if report.place == place {
                report.signatures = claims;
            }
        }
        reports
    }
}

fn report(file: &str, Message { place, outline }: Message, atlas: &Atlas, now: Timestamp) -> Report {
    let outline = match outline {
        Ok(outline) => outline,
        Err(error) => return Report::unread(file, &place, Complaint::from(&error)),
    };
    let mut report = Report::read(file, &place, &outline);
    report.bbox = bounding_box(&outline.written.extents);
    report.expired = outline.alert.as_ref().is_ok_and(|alert| ends(alert) <= now);
    if let Ok(alert) = outline.alert {
        let refusals = judge(alert, atlas);
        report.accepted = refusals.accepted;
        report.refusals.splice(0..0, refusals.complaints);
    }
    report
}

struct Judgement {
    accepted: bool,
    complaints: Vec<Complaint>,
}

fn judge(alert: Alert, atlas: &Atlas) -> Judgement {
    let ground = resolve(&alert, atlas);
    // Nothing is late at the beginning of time, and nothing is early if the future may be as far as it likes.
    let (future_tolerance, oldest) = (SignedDuration::MAX, SignedDuration::MAX);
    let rules = Rules { future_tolerance, oldest, ..Rules::default() };
    let unresolved: Vec<_> = ground.unresolved().iter().map(|code| complaint("geocode", code.to_string())).collect();
    match decide(&Lineages::default(), &Authority::development(), &rules, alert, &ground, Timestamp::UNIX_EPOCH) {
        Decision::Refuse(refused) => Judgement { accepted: false, complaints: vec![refusal(&refused)] },
        Decision::Admit(_) | Decision::AdmitAll(_) => Judgement { accepted: true, complaints: unresolved },
        Decision::Hold(held) => {
            let waits = held.reasons.iter().map(|reason| {
                let said = format!("{:?} has it wait for a person ({})", reason.found, reason.kind.name());
                complaint(&reason.field, said)
            });
            Judgement { accepted: true, complaints: waits.chain(unresolved).collect() }
        }
        // In order, and with nothing to be done about it: a cancel of what this empty house never sent, a draft.
        Decision::Ignore(_) => Judgement { accepted: true, complaints: Vec::new() },
    }
}

/// The refusal begins with its field, which stands beside it here.
fn refusal(refused: &Refused) -> Complaint {
    let (field, text) = (refused.field(), refused.to_string());
    let reason = text.strip_prefix(field).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&text);
    complaint(field, reason.to_owned())
}

fn complaint(field: &str, reason: String) -> Complaint {
    Complaint { field: field.to_owned(), reason }
}

/// When the last of a message's infos ends. A cancel without infos is good for as long as anything that it may end.
fn ends(alert: &Alert) -> Timestamp {
    let (rules, sent) = (Rules::default(), alert.id.sent);
    let infos = alert.body.infos().iter();
    let most = sent.saturating_add(rules.max_expiry).unwrap_or(Timestamp::MAX);
    infos.map(|info| rules.expiry(info, sent)).max().unwrap_or(most)
}

fn bounding_box(extents: &[Extent]) -> Option<[f64; 4]> {
    let circle = |circle| AffectedArea::new(&[Area { circles: vec![circle], ..Area::default() }]);
    let boxes: Vec<[f64; 4]> = extents
        .iter()
        .filter_map(|extent| match extent {
            Extent::Ring(unrolled) => Some(on_globe(*unrolled)),
            Extent::Circle(found) => circle(*found).map(|area| area.bounding_box()),
            Extent::Centre([lon, lat]) => Some(on_globe([*lon, *lat, *lon, *lat])),
        })
        .collect();
    (!boxes.is_empty()).then(|| unite_boxes(boxes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{self, Audience};

    const AREA: &str = "<area><areaDesc>Here</areaDesc><polygon>0,179 0,-179 1,-179 0,179</polygon></area>";

    fn message(status: &str, scope: &str, kind: &str, area: &str) -> String {
        format!(
            "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>a</identifier><sender>b</sender>\
             <sent>2024-11-02T12:00:00-00:00</sent><status>{status}</status><msgType>{kind}</msgType>\
             <scope>{scope}</scope><references>b,c,2024-11-02T11:00:00-00:00</references>\
             <info><category>Geo</category><event>Earthquake</event><urgency>Past</urgency><severity>Minor</severity>\
             <certainty>Likely</certainty><expires>2024-11-02T13:00:00-00:00</expires>{area}</info></alert>"
        )
    }

    fn report(message: &str, now: &str) -> Report {
        let judge = Judge::of(None, None, now.parse().expect("an instant")).expect("what is shipped is in order");
        judge.check("a.xml", message.as_bytes()).pop().expect("one message")
    }

    #[test]
    fn a_message_is_judged_neither_by_the_clock_nor_by_its_sender() {
        let message = message("Actual", "Public", "Alert", AREA);
        for (now, expired) in [
            ("2020-01-01T00:00:00Z", false),
            ("2024-11-02T12:59:59Z", false),
            ("2024-11-02T13:00:00Z", true),
            ("2030-01-01T00:00:00Z", true),
        ] {
            let report = report(&message, now);
            assert_eq!((report.accepted, report.expired, report.mode), (true, expired, Audience::Public), "{now}");
        }
        let ended_before_it_was_sent = message.replace("13:00:00", "11:30:00");
        assert!(report(&ended_before_it_was_sent, "2024-11-02T12:00:00Z").accepted);
    }

    #[test]
    fn what_is_valid_and_meant_for_nobody_is_accepted_and_told_to_none() {
        for (status, scope, kind, mode) in [
            ("Exercise", "Public", "Alert", Audience::Drill),
            ("Test", "Public", "Update", Audience::Drill),
            ("Actual", "Public", "Cancel", Audience::Public),
            ("System", "Public", "Alert", Audience::None),
            ("Draft", "Public", "Alert", Audience::None),
            ("Actual", "Restricted", "Alert", Audience::None),
            ("Actual", "Private", "Alert", Audience::None),
            ("Actual", "Public", "Ack", Audience::None),
            ("Actual", "Public", "Error", Audience::None),
        ] {
            // Only what would be told needs an area.
            let area = if mode == Audience::None || kind == "Cancel" { "" } else { AREA };
            let report = report(&message(status, scope, kind, area), "2024-11-02T12:00:00Z");
            assert_eq!((report.accepted, report.mode), (true, mode), "{status} {scope} {kind}: {:?}", report.refusals);
        }
    }

    #[test]
    fn ground_that_is_not_known_is_refused_and_the_first_complaint_is_why() {
        let code = "<geocode><valueName>SAME</valueName><value>006109</value></geocode>";
        let area = format!("<area><areaDesc>Here</areaDesc><circle>1,2 0</circle>{code}</area>");
        let report = report(&message("Actual", "Public", "Alert", &area), "2024-11-02T12:00:00Z");
        assert!(report.parsed && !report.accepted);
        let complaints: Vec<String> = report.refusals.iter().map(|c| format!("{}: {}", c.field, c.reason)).collect();
        let why = ["geocode: unresolved: SAME 006109", "info[0].area[0].circle[0]: radius 0 km is no area"];
        assert_eq!(complaints, why);
        assert_eq!(report.bbox, Some([2.0, 1.0, 2.0, 1.0]));
    }

    #[test]
    fn bounds_are_those_of_vertices_and_circles_over_the_antimeridian_too() {
        let bounds = |area: &str| report(&message("Actual", "Public", "Alert", area), "2024-11-02T12:00:00Z").bbox;
        assert_eq!(bounds(AREA), Some([179.0, 0.0, -179.0, 1.0]));
        assert_eq!(bounds(""), None);
        let circle = "<area><areaDesc>Here</areaDesc><circle>0,180 111.1949</circle></area>";
        let [west, south, east, north] = bounds(circle).expect("a circle has bounds");
        // A degree of longitude on the equator is 111.3195 km on WGS 84, one of latitude 110.5743 km.
        assert!((west - 179.001).abs() < 1e-3 && (east + 179.001).abs() < 1e-3, "{west} {east}");
        assert!((north - 1.0056).abs() < 1e-3 && (south + 1.0056).abs() < 1e-3, "{south} {north}");
    }

    #[test]
    fn whom_a_message_is_for_is_what_the_desk_would_say() {
        use crate::decide::Ignored;
        for status in ["Actual", "Exercise", "System", "Test", "Draft"] {
            for scope in ["Public", "Restricted", "Private"] {
                for kind in ["Alert", "Update", "Cancel", "Ack", "Error"] {
                    let message = message(status, scope, kind, AREA);
                    let outline = format::outline(message.as_bytes(), None).expect("it can be read");
                    let (alert, rules) = (outline.alert.expect("it is in order"), Rules::default());
                    let (ground, sent) = (resolve(&alert, &Atlas::default()), alert.id.sent);
                    let decision =
                        decide(&Lineages::default(), &Authority::development(), &rules, alert, &ground, sent);
                    let nobody = matches!(decision, Decision::Ignore(Ignored::NotForPublic));
                    let audience = Audience::of(&outline.written);
                    assert_eq!(audience == Audience::None, nobody, "{status} {scope} {kind}");
                    assert!(nobody || (audience == Audience::Public) == (status == "Actual"), "{status}");
                }
            }
        }
    }
}
