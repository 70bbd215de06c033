//! CAP messages of a given length, the same on every machine but for the time they are sent.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use super::random::Random;

pub(super) const SEED: u64 = 20_261_125;

#[derive(Clone, Copy)]
pub(super) enum Urgency {
    LifeThreat,
    Information,
}

/// The `number`-th message of an authority, over a jagged ring of `points` points on land of its own.
pub(super) fn message(authority: usize, number: usize, points: usize, urgency: Urgency) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "an alert of today")]
    let sent = Timestamp::now();
    let expires = sent + SignedDuration::from_hours(1);
    let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string();
    let (urgency, severity, certainty) = match urgency {
        Urgency::LifeThreat => ("Immediate", "Extreme", "Observed"),
        Urgency::Information => ("Future", "Minor", "Possible"),
    };
    let mut random = Random(SEED ^ ((authority as u64) << 32 | number as u64));
    let (lat, lon) = (random.between(-60.0, 60.0), random.between(-170.0, 170.0));
    let mut ring = String::with_capacity(points * 18);
    let mut first = String::new();
    for point in 0..points - 1 {
        let turn = point as f64 / (points - 1) as f64 * std::f64::consts::TAU;
        let far = random.between(0.8, 1.0);
        let pair = format!("{:.5},{:.5} ", lat + far * turn.sin(), lon + far * turn.cos());
        if point == 0 {
            first.clone_from(&pair);
        }
        ring.push_str(&pair);
    }
    let _ = write!(ring, "{}", first.trim_end());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\
         <identifier>bench-{authority}-{number}</identifier><sender>authority-{authority}@bench.example</sender>\
         <sent>{}</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>\
         <info><language>en</language><category>Met</category><event>Storm</event><urgency>{urgency}</urgency>\
         <severity>{severity}</severity><certainty>{certainty}</certainty><expires>{}</expires>\
         <headline>A storm is coming</headline><description>Strong wind and heavy rain.</description>\
         <instruction>Stay indoors.</instruction>\
         <area><areaDesc>The bench's land</areaDesc><polygon>{ring}</polygon></area></info></alert>\n",
        time(sent),
        time(expires),
    )
    .into_bytes()
}
