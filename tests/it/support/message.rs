//! CAP 1.2 messages of one made-up sender, on a clock that the test sets.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

/// The sender of every message made here.
pub(crate) const SENDER: &str = "test@example.org";

/// A message that speaks of a box around a place.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// CAP's `identifier`.
    pub(crate) identifier: String,
    /// CAP's `sent`.
    pub(crate) sent: Timestamp,
    /// CAP's `status`.
    pub(crate) status: &'static str,
    /// CAP's `msgType`.
    pub(crate) msg_type: &'static str,
    /// The messages that it refers to.
    pub(crate) references: Vec<(String, Timestamp)>,
    /// CAP's `severity`.
    pub(crate) severity: &'static str,
    /// CAP's `headline`, by language.
    pub(crate) headlines: Vec<(&'static str, String)>,
    /// From `sent` to `expires`.
    pub(crate) holds: SignedDuration,
    /// `[lon, lat]` of the middle, degrees.
    pub(crate) place: [f64; 2],
    /// From the middle to each side, degrees.
    pub(crate) reach: f64,
}

impl Message {
    /// A first, severe warning that holds for two hours.
    pub(crate) fn warning(identifier: &str, sent: Timestamp, place: [f64; 2]) -> Self {
        Self {
            identifier: identifier.to_owned(),
            sent,
            status: "Actual",
            msg_type: "Alert",
            references: Vec::new(),
            severity: "Severe",
            headlines: vec![("en", format!("Headline of {identifier}"))],
            holds: SignedDuration::from_hours(2),
            place,
            reach: 0.5,
        }
    }

    /// The same as a message that takes the place of this one.
    pub(crate) fn followed_by(&self, msg_type: &'static str, identifier: &str, sent: Timestamp) -> Self {
        Self {
            identifier: identifier.to_owned(),
            sent,
            msg_type,
            references: vec![(self.identifier.clone(), self.sent)],
            headlines: vec![("en", format!("Headline of {identifier}"))],
            ..self.clone()
        }
    }

    /// The bytes that its authority would send.
    pub(crate) fn cap(&self) -> String {
        let mut infos = String::new();
        for (language, headline) in &self.headlines {
            let _ = write!(
                infos,
                "<info><language>{language}</language><category>Met</category><event>Storm</event>\
                 <urgency>Immediate</urgency><severity>{}</severity><certainty>Observed</certainty>\
                 <expires>{}</expires><headline>{headline}</headline>\
                 <area><areaDesc>Around the place</areaDesc><polygon>{}</polygon></area></info>",
                self.severity,
                cap_time(self.sent + self.holds),
                self.ring(),
            );
        }
        let references: Vec<_> =
            self.references.iter().map(|(name, sent)| format!("{SENDER},{name},{}", cap_time(*sent))).collect();
        let references = match references.as_slice() {
            [] => String::new(),
            some => format!("<references>{}</references>", some.join(" ")),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\
             <identifier>{}</identifier><sender>{SENDER}</sender><sent>{}</sent><status>{}</status>\
             <msgType>{}</msgType><scope>Public</scope>{references}{infos}</alert>",
            self.identifier,
            cap_time(self.sent),
            self.status,
            self.msg_type,
        )
    }

    fn ring(&self) -> String {
        let [lon, lat] = self.place;
        let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let pair = |[east, north]: [f64; 2]| format!("{},{}", lat + north * self.reach, lon + east * self.reach);
        corners.map(pair).join(" ")
    }
}

/// CAP's `dateTime`: whole seconds and an offset, never `Z` (CAP 1.2, section 3.3.2).
pub(crate) fn cap_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string()
}
