//! Alerts made for a test, in CAP 1.2.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use hazardcast::wire::v1;
use jiff::{SignedDuration, Timestamp};

/// An alert that warns a box around a place, from now on for two hours.
pub(crate) struct TestAlert {
    /// CAP's `identifier`.
    pub(crate) identifier: String,
    /// `[lon, lat]` of the middle, degrees.
    pub(crate) place: [f64; 2],
    /// From the middle to each side, degrees.
    pub(crate) reach: f64,
}

impl TestAlert {
    /// The message.
    pub(crate) fn cap(&self) -> String {
        #[expect(clippy::disallowed_methods, reason = "a test's alert is of today")]
        let sent = Timestamp::now();
        let expires = sent + SignedDuration::from_hours(2);
        let [lon, lat] = self.place;
        let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let ring = corners.iter().fold(String::new(), |mut ring, [east, north]| {
            let _ = write!(ring, "{},{} ", lat + north * self.reach, lon + east * self.reach);
            ring
        });
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier><sender>test@example.org</sender><sent>{sent}</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>en</language><category>Geo</category><event>Earthquake</event><urgency>Immediate</urgency>
    <severity>Extreme</severity><certainty>Observed</certainty><expires>{expires}</expires>
    <headline>Strong shaking expected</headline>
    <area><areaDesc>Around the place</areaDesc><polygon>{ring}</polygon></area></info>
</alert>
"#,
            identifier = self.identifier,
            sent = cap_time(sent),
            expires = cap_time(expires),
        )
    }

    /// Writes the message to a file.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.xml", self.identifier));
        std::fs::write(&path, self.cap()).expect("the folder can be written to");
        path
    }
}

/// A structured alert of today that warns a box of a degree around a place.
pub(crate) fn structured(identifier: &str, [lon, lat]: [f64; 2]) -> v1::StructuredAlert {
    #[expect(clippy::disallowed_methods, reason = "a test's alert is of today")]
    let sent = Timestamp::now();
    let corners = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]];
    let coordinates = corners.iter().flat_map(|[east, north]| [lon + east, lat + north]).collect();
    let area = v1::Area {
        description: "Around the place".to_owned(),
        polygons: vec![v1::Polygon { outer: Some(v1::Ring { coordinates }), holes: Vec::new() }],
        ..v1::Area::default()
    };
    let info = v1::AlertInfo {
        language: "en".to_owned(),
        categories: vec!["Geo".to_owned()],
        event: "Earthquake".to_owned(),
        urgency: v1::Urgency::Immediate.into(),
        severity: v1::Severity::Extreme.into(),
        certainty: v1::Certainty::Observed.into(),
        headline: "Strong shaking expected".to_owned(),
        areas: vec![area],
        ..v1::AlertInfo::default()
    };
    v1::StructuredAlert {
        identifier: identifier.to_owned(),
        sender: "test@example.org".to_owned(),
        send_time: Some(prost_types::Timestamp { seconds: sent.as_second(), nanos: 0 }),
        mode: v1::AlertMode::Actual.into(),
        message_type: v1::structured_alert::MessageType::Alert.into(),
        references: Vec::new(),
        infos: vec![info],
    }
}

/// CAP's `dateTime`: whole seconds and an offset, never `Z` (CAP 1.2, section 3.3.2).
fn cap_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string()
}
