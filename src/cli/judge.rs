//! What the server would make of a message, whoever sends it and whenever: the judgement of `hazardcast alert check`.

use crate::decide::{Authority, Decision, Lineages, Refused, Rules, decide};
use crate::domain::{Alert, Area, SignedDuration, Timestamp};
use crate::format::{self, Complaint, Extent, Report};
use crate::locate::{AffectedArea, on_globe, resolve, unite_boxes};

/// Reads a message and judges it by the server's own rules, with an authority that may send everything and a clock at
/// which nothing has happened yet. `now` is only for telling whether it has expired.
pub(super) fn check(file: &str, bytes: &[u8], media_type: &str, now: Timestamp) -> Report {
    let outline = match format::outline(bytes, Some(media_type)) {
        Ok(outline) => outline,
        Err(error) => return Report::unread(file, &error),
    };
    let mut report = Report::read(file, &outline);
    if let Some(message) = &mut report.message {
        message.bbox = bounding_box(&outline.written.extents);
        message.expired = outline.alert.as_ref().is_ok_and(|alert| ends(alert) <= now);
    }
    if let Ok(alert) = outline.alert {
        let refusals = judge(alert);
        report.accepted = refusals.accepted;
        report.refusals.splice(0..0, refusals.complaints);
    }
    report
}

struct Judgement {
    accepted: bool,
    complaints: Vec<Complaint>,
}

fn judge(alert: Alert) -> Judgement {
    let ground = resolve(&alert);
    // Nothing is late at the beginning of time, and nothing is early if the future may be as far as it likes.
    let rules = Rules { future_tolerance: SignedDuration::MAX, ..Rules::default() };
    let unresolved: Vec<Complaint> = ground
        .infos
        .iter()
        .flat_map(|info| &info.unresolved)
        .map(|code| complaint("geocode", format!("unresolved: {} {}", code.scheme, code.code)))
        .collect();
    match decide(&Lineages::default(), &Authority::development(), &rules, alert, &ground, Timestamp::UNIX_EPOCH) {
        Decision::Refuse(refused) => Judgement { accepted: false, complaints: vec![refusal(&refused)] },
        Decision::Admit(_) => Judgement { accepted: true, complaints: unresolved },
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
    infos.map(|info| rules.expiry(info.expires, sent)).max().unwrap_or_else(|| rules.expiry(Some(Timestamp::MAX), sent))
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
