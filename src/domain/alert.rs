//! The canonical alert: what every format is read into, in CAP 1.2's words.

use compact_str::CompactString;

use super::{Area, IntensityBand, Language, NonEmpty, Source, Timestamp};

/// An alert as its source sent it: who says what of which event. Whether it is admitted is for [`crate::decide`].
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Who sent it, under which name, when.
    pub id: AlertId,
    /// CAP's `status`.
    pub mode: Mode,
    /// What it is about: the messages and the event it continues.
    pub subject: Subject,
    /// CAP's `scope`; only what is public is ever delivered.
    pub scope: AlertScope,
    /// CAP's `code`, as written.
    pub codes: Vec<CompactString>,
    /// CAP's `note`.
    pub note: Option<String>,
    /// What it says.
    pub body: Body,
}

/// CAP's `scope`, and what a profile makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertScope {
    /// For anyone.
    Public,
    /// For those in `restriction`.
    Restricted,
    /// For those in `addresses`.
    Private,
    /// Public by its `scope`, but its sender keeps it from the public by another word of its profile.
    Withheld,
}

/// What names an alert (CAP 1.2, section 3.2.1): sender and identifier; `sent` completes a reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlertId {
    /// CAP's `sender`.
    pub sender: Sender,
    /// CAP's `identifier`.
    pub identifier: Identifier,
    /// CAP's `sent`.
    pub sent: Timestamp,
}

/// CAP's `sender`, without surrounding blanks, 1 to 256 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sender(CompactString);

/// CAP's `identifier`, without surrounding blanks, 1 to 256 characters without comma, `<`, `&` or control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(CompactString);

/// A sender or identifier that cannot name an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// More than 256 characters.
    #[error("is longer than 256 characters")]
    TooLong,
    /// A character that CAP 1.2, section 3.2.1, does not allow.
    #[error("holds {0:?}, which CAP does not allow in it")]
    Character(char),
}

fn name(text: &str, forbidden: &[char]) -> Result<CompactString, InvalidName> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(InvalidName::Empty);
    }
    if trimmed.chars().count() > 256 {
        return Err(InvalidName::TooLong);
    }
    match trimmed.chars().find(|&c| c.is_control() || forbidden.contains(&c)) {
        Some(bad) => Err(InvalidName::Character(bad)),
        None => Ok(trimmed.into()),
    }
}

impl Sender {
    /// Reads a sender. Some issuers put blanks inside it: they are kept.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        name(text, &[',', '<', '&']).map(Self)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Identifier {
    /// Reads an identifier. A comma in it is refused: it could not be referred to.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        name(text, &[',', '<', '&']).map(Self)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// CAP's `status`, which stays with the alert through bulletin, plan and notice (R-E9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// For real.
    Actual,
    /// For named participants of an exercise.
    Exercise,
    /// Between systems; told to nobody.
    System,
    /// A technical test, for those who opted in.
    Test,
    /// Not actionable; told to nobody.
    Draft,
}

impl Mode {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Actual, Self::Exercise, Self::System, Self::Test, Self::Draft];

    /// As CAP spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actual => "Actual",
            Self::Exercise => "Exercise",
            Self::System => "System",
            Self::Test => "Test",
            Self::Draft => "Draft",
        }
    }
}

impl AlertScope {
    /// As CAP spells it; what is withheld is public by its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public | Self::Withheld => "Public",
            Self::Restricted => "Restricted",
            Self::Private => "Private",
        }
    }
}

/// What an alert continues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// CAP's `references`.
    pub references: Vec<AlertRef>,
    /// The source's own name of the event, with its serial.
    pub event: Option<EventKey>,
    /// Other names that the source has for it; and, of VTEC, the other zones and events of the message.
    pub also: Vec<EventKey>,
    /// Of VTEC: events that end in these zones, while a message of others may go on.
    pub ends: Vec<EventKey>,
}

impl Subject {
    /// Every name of the event that goes on with this message.
    pub fn names(&self) -> impl Iterator<Item = &EventKey> {
        self.event.iter().chain(&self.also)
    }

    /// Whether it names anything that it could continue or end.
    pub fn continues(&self) -> bool {
        !self.references.is_empty() || self.event.is_some() || !self.ends.is_empty()
    }
}

/// One of CAP's `references`: `sender,identifier,sent`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AlertRef {
    /// The alert referred to.
    pub id: AlertId,
}

/// A source's own name of an event: VTEC, JMA `EventID`, QuakeML `publicID`, USGS id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    /// Who names it, and by which scheme: a family of names, and after a slash what of it counts its messages apart
    /// (`jma-eew/VXSE45`) or, of VTEC, the zone (`vtec/OHZ012`).
    pub scheme: CompactString,
    /// The name.
    pub key: CompactString,
    /// The message's number in the event, where the source counts.
    pub serial: Option<u32>,
}

impl EventKey {
    /// The family of names, in which a name is of one event whoever uses it.
    pub fn family(&self) -> &str {
        self.scheme.split_once('/').map_or(&*self.scheme, |(family, _)| family)
    }

    /// What of the family counts its messages apart, or the zone; empty where nothing does.
    pub fn series(&self) -> &str {
        self.scheme.split_once('/').map_or("", |(_, series)| series)
    }
}

/// What a message does.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A first message.
    Issue(NonEmpty<Info>),
    /// Supersedes the messages that [`Subject`] names; there is at least one reference or an event.
    Update(NonEmpty<Info>),
    /// Ends the messages that [`Subject`] names. Needs no area.
    Cancel(Vec<Info>),
    /// The whole state of a territory: what is no longer in it is off. Infos of one hazard belong together
    /// ([`Info::hazard`]): each hazard is an alert of its own, so that one which is new sounds beside the others.
    State {
        /// Whose state it is.
        scope: StateScope,
        /// What is on.
        infos: Vec<Info>,
    },
    /// CAP's `Ack`: between systems, never to the public.
    Ack,
    /// CAP's `Error`: between systems, never to the public.
    Error,
}

impl Body {
    /// The infos, however many there are.
    pub fn infos(&self) -> &[Info] {
        match self {
            Self::Issue(infos) | Self::Update(infos) => infos,
            Self::Cancel(infos) | Self::State { infos, .. } => infos,
            Self::Ack | Self::Error => &[],
        }
    }
}

/// The territory of a whole-state message, as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateScope(pub CompactString);

/// One `info`: what is told in one language of one ground.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// CAP's `language`; `en-US` where absent.
    pub language: Language,
    /// CAP's `category`.
    pub categories: Vec<Category>,
    /// CAP's `event`.
    pub event: String,
    /// CAP's `responseType`.
    pub response_types: Vec<ResponseType>,
    /// CAP's `urgency`.
    pub urgency: Urgency,
    /// CAP's `severity`.
    pub severity: Severity,
    /// CAP's `certainty`.
    pub certainty: Certainty,
    /// CAP's `eventCode`.
    pub event_codes: Vec<NamedValue>,
    /// When the message takes effect; `sent` where absent.
    pub effective: Option<Timestamp>,
    /// When the event itself is expected to begin.
    pub onset: Option<Timestamp>,
    /// When the message ends (not the event).
    pub expires: Option<Timestamp>,
    /// What a person reads.
    pub texts: InfoTexts,
    /// CAP's `parameter`.
    pub parameters: Vec<NamedValue>,
    /// Where.
    pub ground: Ground,
}

impl Info {
    /// The name of the event code by which a source of whole states tells hazards apart.
    pub const HAZARD: &str = "hazard";

    /// Which hazard it is of, whatever its grade: the code of that name, or else the event.
    pub fn hazard(&self) -> &str {
        let code = self.event_codes.iter().find(|code| code.name == Self::HAZARD);
        code.map_or(&self.event, |code| &code.value)
    }
}

/// What a person reads, as written but without markup and control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InfoTexts {
    /// CAP's `senderName`.
    pub sender_name: Option<String>,
    /// CAP's `headline`.
    pub headline: Option<String>,
    /// CAP's `description`.
    pub description: Option<String>,
    /// CAP's `instruction`.
    pub instruction: Option<String>,
    /// CAP's `web`; never fetched by the server.
    pub web: Option<String>,
    /// CAP's `contact`.
    pub contact: Option<String>,
    /// CAP's `audience`.
    pub audience: Option<String>,
}

/// CAP's `valueName` and `value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedValue {
    /// `valueName`.
    pub name: CompactString,
    /// `value`.
    pub value: String,
}

/// Where an info applies.
#[derive(Debug, Clone, PartialEq)]
pub enum Ground {
    /// Described areas.
    Areas(NonEmpty<Area>),
    /// An earthquake, whose affected ground is to be computed.
    Earthquake(Source),
    /// Bands of expected intensity.
    Bands(NonEmpty<IntensityBand>),
    /// Not said.
    None,
}

macro_rules! cap_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the standard's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value as the standard spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// Reads the standard's spelling, case included.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

cap_enum! {
    /// CAP's `category`.
    Category {
        /// Geophysical.
        Geo,
        /// Meteorological.
        Met,
        /// General emergency and public safety.
        Safety,
        /// Law enforcement, military, homeland and local security.
        Security,
        /// Rescue and recovery.
        Rescue,
        /// Fire suppression and rescue.
        Fire,
        /// Medical and public health.
        Health,
        /// Pollution and other environmental.
        Env,
        /// Public and private transportation.
        Transport,
        /// Utility, telecommunication, other non-transport infrastructure.
        Infra,
        /// Chemical, biological, radiological, nuclear or high-yield explosive.
        CBRNE,
        /// Other.
        Other,
    }
}

cap_enum! {
    /// CAP's `responseType`.
    ResponseType {
        /// Take shelter in place.
        Shelter,
        /// Relocate.
        Evacuate,
        /// Make preparations.
        Prepare,
        /// Execute a pre-planned activity.
        Execute,
        /// Avoid the subject event.
        Avoid,
        /// Attend to information sources.
        Monitor,
        /// Evaluate the information (not for public warning).
        Assess,
        /// The subject event no longer poses a threat.
        AllClear,
        /// No action recommended.
        None,
    }
}

cap_enum! {
    /// CAP's `urgency`, most urgent first.
    Urgency {
        /// Act now.
        Immediate,
        /// Act within the next hour.
        Expected,
        /// Act in the near future.
        Future,
        /// No longer required.
        Past,
        /// Not known.
        Unknown,
    }
}

cap_enum! {
    /// CAP's `severity`, worst first.
    Severity {
        /// Extraordinary threat to life or property.
        Extreme,
        /// Significant threat.
        Severe,
        /// Possible threat.
        Moderate,
        /// Minimal to no known threat.
        Minor,
        /// Not known.
        Unknown,
    }
}

cap_enum! {
    /// CAP's `certainty`, most certain first.
    Certainty {
        /// Has occurred or is going on.
        Observed,
        /// More than about 50 %.
        Likely,
        /// Possible but not likely.
        Possible,
        /// Not expected to occur.
        Unlikely,
        /// Not known.
        Unknown,
    }
}
