//! Notices to the wire. A device reads them as they are on the wire.

use crate::domain::Notice;
use crate::wire::v1;

use super::{geography, terms, time};

/// A notice to the wire.
pub fn to_wire(notice: &Notice) -> v1::Notice {
    let Notice { text, place, .. } = notice;
    v1::Notice {
        key: Some(terms::key_to_wire(notice.key)),
        kind: terms::notice_kind::to_wire(notice.kind).into(),
        mode: terms::mode::to_wire(notice.mode).into(),
        priority: terms::priority::to_wire(notice.priority).into(),
        language: text.language.as_str().to_owned(),
        event: text.event.clone(),
        headline: text.headline.clone(),
        description: text.description.clone(),
        instruction: text.instruction.clone(),
        sender_name: text.sender_name.clone(),
        severity: terms::severity::to_wire(text.severity).into(),
        urgency: terms::urgency::to_wire(text.urgency).into(),
        certainty: terms::certainty::to_wire(text.certainty).into(),
        areas: place.areas.iter().map(geography::area_to_wire).collect(),
        bounding_box: place.bounding_box.map(geography::bounding_box_to_wire),
        earthquake: place.earthquake.as_ref().map(geography::earthquake_to_wire),
        intensity: place.intensity.map(terms::intensity_to_wire),
        arrival_time: place.arrival.map(time::to_wire),
        send_time: Some(time::to_wire(notice.sent)),
        onset_time: notice.onset.map(time::to_wire),
        expire_time: Some(time::to_wire(notice.expires)),
        server_time: Some(time::to_wire(notice.server_time)),
        replaces: notice.replaces.iter().map(|lineage| lineage.0).collect(),
    }
}
