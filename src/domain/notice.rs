//! What a device is sent.

use super::{Area, Certainty, DeliveryKey, Intensity, Language, LineageId, Mode, Severity, Source, Timestamp, Urgency};

/// How pressing a tier is, from CAP's urgency, severity and certainty. The higher wins where tiers overlap; a device
/// that was told is sounded again only when its priority rises (R-E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Minor, or past.
    Information = 0,
    /// Moderate, or of unknown severity.
    Advisory = 1,
    /// Severe or extreme, but neither at hand nor likely.
    Warning = 2,
    /// An immediate threat to life: urgency Immediate or Expected, severity Extreme or Severe, certainty Observed or
    /// Likely (the classes that the United States' wireless alerts call "imminent threat", 47 CFR 10.400(b)).
    LifeThreat = 3,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; 4] = [Self::Information, Self::Advisory, Self::Warning, Self::LifeThreat];

    /// The priority of an info with these three.
    pub fn of(urgency: Urgency, severity: Severity, certainty: Certainty) -> Self {
        let grave = matches!(severity, Severity::Extreme | Severity::Severe);
        let at_hand = matches!(urgency, Urgency::Immediate | Urgency::Expected);
        let certain = matches!(certainty, Certainty::Observed | Certainty::Likely);
        if urgency == Urgency::Past || severity == Severity::Minor {
            Self::Information
        } else if grave && at_hand && certain {
            Self::LifeThreat
        } else if grave {
            Self::Warning
        } else {
            Self::Advisory
        }
    }

    /// The priority with this number, as stored.
    pub fn from_repr(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What a notice is in the life of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// The device is told: it is in the area of what is in force.
    Alert,
    /// The device was told before, and the text has changed.
    Update,
    /// The device was told before, and it is over: cancelled, or over for where the device is.
    Release,
}

/// One notice: the same for all devices with one language in one tier, and so encoded once.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Names it: a device drops what it has seen under the same key.
    pub key: DeliveryKey,
    /// Alerts that are told under this one's name from now on: what the device shows of them is replaced or taken back.
    pub replaces: Vec<LineageId>,
    /// Alert, update or release.
    pub kind: NoticeKind,
    /// Whether it is for real; an exercise or test says so (R-E9).
    pub mode: Mode,
    /// How pressing. A device sounds when this is higher than what it shows of this lineage and those that it replaces.
    pub priority: Priority,
    /// What the person reads.
    pub text: NoticeText,
    /// What the device needs to work out what it means where it is (R-E10).
    pub place: NoticePlace,
    /// When the authority sent it.
    pub sent: Timestamp,
    /// When the event is expected to begin.
    pub onset: Option<Timestamp>,
    /// When the message ends.
    pub expires: Timestamp,
    /// The server's time when the notice was encoded.
    pub server_time: Timestamp,
}

impl Notice {
    /// The most alerts that a notice says it replaces, the last ones: 2 KB on the wire.
    pub const MAX_REPLACES: usize = 256;
}

/// What the person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText {
    /// The language that the texts are in.
    pub language: Language,
    /// What happens.
    pub event: String,
    /// One line.
    pub headline: String,
    /// More of it.
    pub description: String,
    /// What to do.
    pub instruction: String,
    /// Who says so.
    pub sender_name: String,
    /// Severity, for the device's own design.
    pub severity: Severity,
    /// Urgency.
    pub urgency: Urgency,
    /// Certainty.
    pub certainty: Certainty,
}

/// Where, for the device to work with (R-E10).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoticePlace {
    /// The tier's ground, if it is short enough to send ([`Self::MAX_POINTS`]); else only its description.
    pub areas: Vec<Area>,
    /// `[west, south, east, north]` of the whole ground, degrees; west > east over the antimeridian.
    pub bounding_box: Option<[f64; 4]>,
    /// The earthquake, from which distance and arrival follow.
    pub earthquake: Option<Source>,
    /// The intensity expected in this tier.
    pub intensity: Option<Intensity>,
    /// When the S wave comes to the nearest of the tier's ground.
    pub arrival: Option<Timestamp>,
}

impl NoticePlace {
    /// The most points of ground that a notice carries: about 6.4 KB on the wire.
    pub const MAX_POINTS: usize = 400;
}
