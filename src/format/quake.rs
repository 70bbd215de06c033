//! What messages about earthquakes have in common, whoever writes them: from what a network says of one event an alert
//! is made, in CAP's words.
//!
//! An earthquake message has no name of its own beyond the event's and its serial or time, so that its identifier is
//! made of these; the event's own name goes with it ([`EventKey`]), since it is by that that one message continues
//! another. Where it shakes is not for a reader to say: [`Ground::Earthquake`] is resolved by whoever knows the ground.
//!
//! How urgent and certain a message is follows from what its source is for. A network that warns while the waves are
//! still on their way is Immediate and Likely (CAP 1.2, section 3.2.2: "more than ~50 %"); one that tells of what has
//! been located and shaken, minutes later, is Past and Observed. Severity is Unknown: it is by how strongly it shakes
//! where somebody is, which nobody says of an event as a whole.
//!
//! No network says in what language its texts are. "Earthquake" is English, and CAP's default where no language is
//! named is en-US ([`Language::cap_default`]): so is theirs, with place names as they are written.

use std::borrow::Cow;

use crate::domain::{
    Alert, AlertId, AlertScope, Area, Body, Category, Certainty, EventKey, Ground, Identifier, Info, InfoTexts,
    Language, Mode, NamedValue, NonEmpty, Sender, Severity, Subject, Timestamp, Urgency,
};

use super::cap::{WrittenInstant, instant};
use super::error::excerpt;
use super::text::bare;
use super::{Extent, FormatError, Outline, Refusal, TimeFault, Written, WrittenArea, WrittenEarthquake, WrittenInfo};

/// What a seismic network may say that an event was (QuakeML 1.2, BED, `EventType`; the USGS has the same words).
const KINDS: [&str; 44] = [
    "not existing",
    "not reported",
    "earthquake",
    "anthropogenic event",
    "collapse",
    "cavity collapse",
    "mine collapse",
    "building collapse",
    "explosion",
    "accidental explosion",
    "chemical explosion",
    "controlled explosion",
    "experimental explosion",
    "industrial explosion",
    "mining explosion",
    "quarry blast",
    "road cut",
    "blasting levee",
    "nuclear explosion",
    "induced or triggered event",
    "rock burst",
    "reservoir loading",
    "fluid injection",
    "fluid extraction",
    "crash",
    "plane crash",
    "train crash",
    "boat crash",
    "other event",
    "atmospheric event",
    "sonic boom",
    "sonic blast",
    "acoustic noise",
    "thunder",
    "avalanche",
    "snow avalanche",
    "debris avalanche",
    "hydroacoustic event",
    "ice quake",
    "slide",
    "landslide",
    "rockslide",
    "meteorite",
    "volcanic eruption",
];

/// Those of them that shake the ground as an earthquake does: natural, or set off by people. "Not reported" is as if
/// nothing were said.
const SHAKING: [&str; 6] = [
    "earthquake",
    "not reported",
    "induced or triggered event",
    "reservoir loading",
    "fluid injection",
    "fluid extraction",
];

/// Refuses what a network says is no earthquake. Automatic locations say nothing yet of what it was, and nobody waits
/// for that.
pub(super) fn is_earthquake(kind: Option<&str>, field: impl FnOnce() -> String) -> Result<(), FormatError> {
    match kind {
        None => Ok(()),
        Some(kind) if SHAKING.contains(&kind) => Ok(()),
        Some(kind) if KINDS.contains(&kind) => Err(FormatError::NoWarning { field: field(), value: kind.to_owned() }),
        Some(other) => Err(FormatError::UnknownValue { field: field(), value: excerpt(other) }),
    }
}

/// An instant of a format whose times are in UTC, so that an offset may be left out.
pub(super) fn utc(text: &str, field: impl FnOnce() -> String) -> Result<Timestamp, FormatError> {
    match instant(text) {
        Ok(WrittenInstant::Exact(at) | WrittenInstant::Local(at)) => Ok(at),
        Err(source) => Err(not_a_time(text, source, field())),
    }
}

pub(super) fn not_a_time(text: &str, source: TimeFault, field: String) -> FormatError {
    FormatError::Time { field, value: excerpt(text), source }
}

/// What a network says of one event.
pub(super) struct Quake<'q> {
    /// The format with its version, as it is told to people.
    pub(super) format: &'static str,
    /// Who says it: the network's own name.
    pub(super) sender: &'q str,
    /// The event, by the network's own name of it.
    pub(super) event: EventKey,
    /// Its other names of it.
    pub(super) also: Vec<EventKey>,
    /// When it was said.
    pub(super) sent: Timestamp,
    pub(super) mode: Mode,
    pub(super) step: Step,
    pub(super) urgency: Urgency,
    pub(super) certainty: Certainty,
    /// The language of its texts.
    pub(super) language: Language,
    pub(super) texts: InfoTexts,
    /// What else it says, by its own names.
    pub(super) parameters: Vec<NamedValue>,
    /// Where it shakes, or where the earthquake was; or what is missing to know that.
    pub(super) ground: Result<Ground, FormatError>,
    /// What is written of the event.
    pub(super) written: WrittenEarthquake,
    pub(super) refusals: Vec<Refusal>,
}

/// What a message does to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first of its event.
    First,
    /// A later one, with all that is known by now.
    Later,
    /// There was no such earthquake.
    Withdrawn,
}

impl Quake<'_> {
    /// The message as it is read.
    pub(super) fn outline(self) -> Outline {
        self.outline_as("")
    }

    /// The message as it is read, of a source that sends several of one number: `suffix` tells them apart.
    pub(super) fn outline_as(self, suffix: &str) -> Outline {
        let id = self.id(suffix);
        let written = self.written(id.as_ref().ok());
        let refusals = self.refusals.clone();
        let alert = id.and_then(|id| self.alert(id));
        Outline { written, alert, refusals }
    }

    /// The message of a source that neither counts its messages nor says when it sent them: what they say tells them
    /// apart.
    pub(super) fn outline_by_content(self) -> Outline {
        let said = format!("{:?} {:?}", self.step, self.written);
        self.outline_as(&format!(".{:08x}", crc32fast::hash(said.as_bytes())))
    }

    /// A message that lacks what it would be named by.
    pub(super) fn nameless(self, fault: FormatError) -> Outline {
        let written = Written { sent: String::new(), ..self.written(None) };
        Outline { written, alert: Err(fault), refusals: self.refusals }
    }

    fn id(&self, suffix: &str) -> Result<AlertId, FormatError> {
        let invalid = |field: &str| {
            let field = field.to_owned();
            move |source| FormatError::Name { field, source }
        };
        let version = self.event.serial.map_or_else(
            || self.sent.as_millisecond().to_string(),
            |serial| format!("{serial}.{}", self.sent.as_millisecond()),
        );
        let name = format!("{}.{version}{suffix}", escaped(&self.event.key));
        let identifier = Identifier::new(&name).map_err(invalid("event"))?;
        let sender = Sender::new(self.sender).map_err(invalid("sender"))?;
        Ok(AlertId { sender, identifier, sent: self.sent })
    }

    fn alert(self, id: AlertId) -> Result<Alert, FormatError> {
        let subject = Subject { event: Some(self.event), also: self.also, ..Subject::default() };
        let body = if self.step == Step::Withdrawn {
            Body::Cancel(Vec::new())
        } else {
            let info = Info {
                language: self.language,
                categories: vec![Category::Geo],
                event: "Earthquake".to_owned(),
                response_types: Vec::new(),
                urgency: self.urgency,
                // By how strongly it shakes, where that is known.
                severity: Severity::Unknown,
                certainty: self.certainty,
                event_codes: Vec::new(),
                effective: None,
                onset: None,
                expires: None,
                texts: bared(&self.texts),
                parameters: self.parameters,
                ground: self.ground?,
            };
            let infos = NonEmpty::of(info);
            if self.step == Step::First { Body::Issue(infos) } else { Body::Update(infos) }
        };
        let (codes, note) = (Vec::new(), None);
        Ok(Alert { id, mode: self.mode, subject, scope: AlertScope::Public, codes, note, body })
    }

    fn written(&self, id: Option<&AlertId>) -> Written {
        let areas: Vec<(&Area, String)> = match (self.step, &self.ground) {
            (Step::First | Step::Later, Ok(Ground::Bands(bands))) => {
                bands.iter().map(|band| (&band.area, band.intensity.value.to_string())).collect()
            }
            (Step::First | Step::Later, Ok(Ground::Areas(areas))) => {
                areas.iter().map(|area| (area, String::new())).collect()
            }
            _ => Vec::new(),
        };
        let infos = match self.step {
            Step::Withdrawn => Vec::new(),
            _ => vec![WrittenInfo {
                language: self.language.as_str().to_owned(),
                event: "Earthquake".to_owned(),
                urgency: self.urgency.as_str().to_owned(),
                severity: Severity::Unknown.as_str().to_owned(),
                certainty: self.certainty.as_str().to_owned(),
                areas: areas.iter().map(|(area, _)| written_area(area)).collect(),
                ..WrittenInfo::default()
            }],
        };
        let msg_type = match self.step {
            Step::First => "Alert",
            Step::Later => "Update",
            Step::Withdrawn => "Cancel",
        };
        let mut earthquake =
            WrittenEarthquake { event: self.event.key.to_string(), serial: self.event.serial, ..self.written.clone() };
        if earthquake.intensities.is_empty() {
            earthquake.intensities = areas.iter().map(|(_, intensity)| intensity.clone()).collect();
            earthquake.intensities.retain(|intensity| !intensity.is_empty());
        }
        Written {
            format: self.format,
            identifier: id.map(|id| id.identifier.as_str().to_owned()).unwrap_or_default(),
            sender: self.sender.to_owned(),
            sent: self.sent.to_string(),
            msg_type: msg_type.to_owned(),
            status: format!("{:?}", self.mode),
            scope: "Public".to_owned(),
            infos,
            earthquake: Some(earthquake),
            extents: areas.iter().flat_map(|(area, _)| extents(area)).collect(),
            ..Written::default()
        }
        .with_totals()
    }
}

/// Whatever a reader made of its source's texts, nothing in them can turn or hide what a person reads.
fn bared(texts: &InfoTexts) -> InfoTexts {
    let bared = |text: &Option<String>| text.as_deref().map(bare);
    InfoTexts {
        sender_name: bared(&texts.sender_name),
        headline: bared(&texts.headline),
        description: bared(&texts.description),
        instruction: bared(&texts.instruction),
        web: bared(&texts.web),
        contact: bared(&texts.contact),
        audience: bared(&texts.audience),
    }
}

/// A key as an identifier may hold it: what CAP does not allow in one is escaped as in a URI (RFC 3986, 2.1). Every
/// event of the USGS in QuakeML has an `&` in its key.
fn escaped(key: &str) -> Cow<'_, str> {
    if !key.contains([',', '<', '&']) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.replace(',', "%2C").replace('<', "%3C").replace('&', "%26"))
}

fn written_area(area: &Area) -> WrittenArea {
    // A ring is written with its first point at the end again.
    let rings = area.polygons.iter().map(|polygon| polygon.outer.points().len() + 1);
    WrittenArea {
        description: area.description.clone(),
        polygons: area.polygons.len(),
        circles: area.circles.len(),
        geocodes: area.geocodes.len(),
        points: rings.clone().sum(),
        longest_ring: rings.max().unwrap_or(0),
        schemes: area.geocodes.iter().map(|code| code.scheme.to_string()).collect(),
    }
}

fn extents(area: &Area) -> impl Iterator<Item = Extent> {
    let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    let wider = |[west, south, east, north]: [f64; 4], &[lon, lat]: &[f64; 2]| {
        [west.min(lon), south.min(lat), east.max(lon), north.max(lat)]
    };
    let rings = area.polygons.iter().map(|polygon| polygon.outer.points());
    let rings = rings.map(move |points| Extent::Ring(points.iter().fold(start, wider)));
    rings.chain(area.circles.iter().map(|circle| Extent::Circle(*circle)))
}
