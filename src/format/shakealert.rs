//! ShakeAlert's event messages, of the early warning of the US West Coast and of Canada.
//!
//! A message that tells how strongly the ground is going to shake (`gm_info`) is made into bands: contours as they are
//! written, or, where there are none, those of the grid. One that tells the source alone (`orig_sys` "dm") is an
//! earthquake whose ground is to be computed. All are Immediate, and Likely if their own likelihood is above a half
//! (CAP 1.2, section 3.2.2), else Possible; a `follow_up`, which tells afterwards what it was, is Past and Observed.

use crate::domain::{
    Area, Certainty, EventKey, Ground, InfoTexts, Intensity, IntensityBand, IntensityScale, Language, Mode, NamedValue,
    NonEmpty, Polygon, Position, Source, Timestamp, Urgency,
};

use super::cap::ring;
use super::content::Content;
use super::error::excerpt;
use super::grid::Grid;
use super::number::double;
use super::quake::{Quake, Step, utc};
use super::text::{line, plain};
use super::xml::Element;
use super::{Format, FormatError, Limits, Message, Outline, Refusal, Unusable, WrittenEarthquake};

/// ShakeAlert.
pub(super) struct ShakeAlert;

const FORMAT: &str = "ShakeAlert event message";
/// A message names the machine that sent it, of which several send the same event: it is the system that warns.
const SENDER: &str = "shakealert";

impl Format for ShakeAlert {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Xml(root) = content else { return false };
        let tag = root.tag_name();
        tag.namespace().is_none() && matches!(tag.name(), "event_message" | "system_status")
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Xml(root) = content else { return Err(content.unknown()) };
        if root.tag_name().name() == "system_status" {
            // How the system's own parts are; it is about no event.
            let (field, value) = ("root".to_owned(), "system_status".to_owned());
            return Err(FormatError::NoWarning { field, value });
        }
        let reader = Reader { limits, refusals: Vec::new(), source: None };
        Ok(vec![Message::whole(reader.read(&Element::root(*root, "", limits)))])
    }
}

struct Reader<'d> {
    limits: &'d Limits,
    refusals: Vec<Refusal>,
    /// The earthquake, as far as it is told.
    source: Option<Source>,
}

impl Reader<'_> {
    fn read(mut self, message: &Element) -> Result<Outline, FormatError> {
        let kind = message.required_attribute("message_type")?;
        let (step, is_follow_up) = match &*kind {
            "new" => (Step::First, false),
            "update" => (Step::Later, false),
            "follow_up" => (Step::Later, true),
            "delete" => (Step::Withdrawn, false),
            other => return Err(unknown(message, "message_type", other)),
        };
        let version = message.required_attribute("version")?;
        let serial = version.parse().map_err(|_| unknown(message, "version", &version))?;
        let core = message.sole("core_info")?;
        let key = core.required_attribute("id")?;
        let origin = core.text("orig_time")?;
        let origin = origin.map(|text| utc(&text, || core.path.field("orig_time").to_string())).transpose()?;
        let sent = self.sent(message, origin)?;
        let likelihood = core.number("likelihood")?;
        let mut written = WrittenEarthquake {
            magnitude: core.number("mag")?,
            latitude: core.number("lat")?,
            longitude: core.number("lon")?,
            depth_km: core.number("depth")?,
            origin: origin.map(|origin| origin.to_string()),
            ..WrittenEarthquake::default()
        };
        let (urgency, certainty) = match likelihood {
            _ if is_follow_up => (Urgency::Past, Certainty::Observed),
            Some(likelihood) if likelihood <= 0.5 => (Urgency::Immediate, Certainty::Possible),
            _ => (Urgency::Immediate, Certainty::Likely),
        };
        self.source = source(&core, &written, origin).ok();
        let bands = match step {
            Step::Withdrawn => None,
            Step::First | Step::Later => self.bands(message, &mut written.intensities)?,
        };
        // The source alone and the ground of it may come as two messages of one version, one a moment after the other.
        let of = match (&bands, written.intensities.is_empty()) {
            (None, _) => "",
            (Some(_), false) => ".contour",
            (Some(_), true) => ".map",
        };
        let ground = bands.unwrap_or_else(|| source(&core, &written, origin).map(Ground::Earthquake));
        let quake = Quake {
            format: FORMAT,
            sender: SENDER,
            event: EventKey { scheme: "shakealert".into(), key: (&*key).into(), serial: Some(serial) },
            also: Vec::new(),
            sent,
            mode: mode(message)?,
            step,
            urgency,
            certainty,
            language: Language::cap_default(),
            texts: texts(message)?,
            parameters: parameters(message, &core)?,
            ground,
            written,
            refusals: self.refusals,
        };
        Ok(quake.outline_as(of))
    }

    /// When the message was sent. One of a project's own test messages does not say.
    fn sent(&mut self, message: &Element, origin: Option<Timestamp>) -> Result<Timestamp, FormatError> {
        let field = || message.path.field("timestamp").to_string();
        if let Some(text) = message.attribute("timestamp")? {
            return utc(&text, field);
        }
        let origin = origin.ok_or_else(|| FormatError::Missing { field: field() })?;
        self.refuse(field(), Unusable::SentAtOrigin);
        Ok(origin)
    }

    /// How strongly the ground is going to shake, if it is told and can be used.
    fn bands(
        &mut self,
        message: &Element,
        written: &mut Vec<String>,
    ) -> Result<Option<Result<Ground, FormatError>>, FormatError> {
        let Some(info) = message.once("gm_info")? else { return Ok(None) };
        let mut bands = Vec::new();
        if let Some(contours) = info.once("gmcontour_pred")? {
            let (mut left, mut found) = (self.limits.points, 0);
            for contour in contours.all("contour") {
                if found == self.limits.areas {
                    let field = contour.path.to_string();
                    return Err(FormatError::TooMany { field, what: "contours", most: self.limits.areas });
                }
                found += 1;
                bands.extend(self.contour(&contour, &mut left, written)?);
            }
            self.counts(&contours, found)?;
        }
        if let Some(bands) = NonEmpty::new(bands) {
            return Ok(Some(Ok(Ground::Bands(bands))));
        }
        let Some(map) = info.once("gmmap_pred")? else { return Ok(None) };
        let grid = Grid::read(&map, self.limits);
        if let Ok(grid) = &grid {
            self.counts(&map, grid.points)?;
        }
        Ok(Some(grid.and_then(|grid| grid.bands(&map.path, self.source.as_ref(), self.limits))))
    }

    /// A band, unless its contour cannot be used.
    fn contour(
        &mut self,
        contour: &Element,
        left: &mut usize,
        written: &mut Vec<String>,
    ) -> Result<Option<IntensityBand>, FormatError> {
        let mmi = contour.path.field("MMI").to_string();
        let Some(degree) = contour.text("MMI")? else { return Ok(self.unused(mmi, Unusable::Missing)) };
        written.push(excerpt(&degree));
        let value = match double(&degree) {
            None => return Ok(self.unused(mmi, Unusable::NotANumber(excerpt(&degree)))),
            Some(value) if (1.0..=12.0).contains(&value) => value as f32,
            Some(_) => return Ok(self.unused(mmi, Unusable::UnknownValue(excerpt(&degree)))),
        };
        let Some(polygon) = contour.once("polygon")? else {
            return Ok(self.unused(contour.path.field("polygon").to_string(), Unusable::Missing));
        };
        let read = ring(&polygon.whole_text(), *left);
        let too_many =
            || FormatError::TooMany { field: polygon.path.to_string(), what: "points", most: self.limits.points };
        *left = left.checked_sub(read.points).ok_or_else(too_many)?;
        // The number is that of the points without the one that closes the ring.
        let is_complete = self.counts(&polygon, read.points.saturating_sub(1))?;
        match read.ring {
            Ok(outer) if is_complete => {
                if read.open > 0.0 {
                    self.refuse(polygon.path.to_string(), Unusable::Joined(read.open));
                }
                let polygons = vec![Polygon { outer, holes: Vec::new() }];
                let area = Area { description: format!("MMI {value}"), polygons, ..Area::default() };
                let intensity = Intensity { value, scale: IntensityScale::Mmi };
                Ok(Some(IntensityBand { intensity, area, arrival: None, source: self.source.clone() }))
            }
            Ok(_) => Ok(None),
            Err(fault) => Ok(self.unused(polygon.path.to_string(), fault)),
        }
    }

    /// A contour is left out, since something of it cannot be used.
    fn unused(&mut self, field: String, reason: Unusable) -> Option<IntensityBand> {
        self.refuse(field, reason);
        None
    }

    /// Whether there are as many parts as `number` says. What says no number is complete for all that is known.
    fn counts(&mut self, of: &Element, found: usize) -> Result<bool, FormatError> {
        let Some(said) = of.attribute("number")? else { return Ok(true) };
        if said.parse() == Ok(found) {
            return Ok(true);
        }
        self.refuse(of.path.field("number").to_string(), Unusable::Count { said: excerpt(&said), found });
        Ok(false)
    }

    /// Tells what is not used, as many times as the limits allow.
    fn refuse(&mut self, field: String, reason: Unusable) {
        if self.refusals.len() < self.limits.refusals {
            self.refusals.push(Refusal { field, reason });
        }
    }
}

/// Only what is live is for real.
fn mode(message: &Element) -> Result<Mode, FormatError> {
    let category = message.required_attribute("category")?;
    match &*category {
        "live" => Ok(Mode::Actual),
        "test" => Ok(Mode::Test),
        "scenario" => Ok(Mode::Exercise),
        other => Err(unknown(message, "category", other)),
    }
}

fn source(core: &Element, written: &WrittenEarthquake, origin: Option<Timestamp>) -> Result<Source, FormatError> {
    let missing = |name: &'static str| FormatError::Missing { field: core.path.field(name).to_string() };
    let magnitude = written.magnitude.ok_or_else(|| missing("mag"))? as f32;
    let lat = written.latitude.ok_or_else(|| missing("lat"))?;
    let lon = written.longitude.ok_or_else(|| missing("lon"))?;
    let origin = origin.ok_or_else(|| missing("orig_time"))?;
    let epicentre = Position::from_degrees(lon, lat)
        .map_err(|source| FormatError::Ground { field: core.path.to_string(), source })?;
    let depth_km = written.depth_km.map(|depth| depth as f32);
    Ok(Source { epicentre, depth_km, magnitude, origin })
}

/// What a follow-up tells people, in its own words: the short one for a headline.
fn texts(message: &Element) -> Result<InfoTexts, FormatError> {
    let Some(info) = message.once("follow_up_info")? else { return Ok(InfoTexts::default()) };
    let (mut headline, mut description) = (None, None);
    for text in info.all("message_text") {
        match text.attribute("type")?.as_deref() {
            Some("wea") => headline = Some(line(&text.own_text()?)),
            Some("short_review") => description = Some(plain(&text.own_text()?)),
            _ => {}
        }
    }
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(InfoTexts { headline: filled(headline), description: filled(description), ..InfoTexts::default() })
}

fn parameters(message: &Element, core: &Element) -> Result<Vec<NamedValue>, FormatError> {
    let mut parameters = Vec::new();
    for (name, value) in [
        ("orig_sys", message.attribute("orig_sys")?),
        ("instance", message.attribute("instance")?),
        ("likelihood", core.text("likelihood")?),
        ("num_stations", core.text("num_stations")?),
    ] {
        if let Some(value) = value {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    Ok(parameters)
}

fn unknown(of: &Element, name: &'static str, value: &str) -> FormatError {
    FormatError::UnknownValue { field: of.path.field(name).to_string(), value: excerpt(value) }
}
