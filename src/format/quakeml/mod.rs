//! QuakeML 1.2, the Basic Event Description (quakeml.org, "QuakeML, Version 1.2", 2013), and its real-time form, in
//! which origins and magnitudes stand beside the event that they are of.
//!
//! What a network has published is information about the past; the real-time form is how early-warning systems speak
//! (PRESTo, SeisComP's), so that it warns. The sender is who names the event (the authority in its `publicID`), since
//! that stays the same whoever of the network adds to it.
//!
//! Depths are in metres and times in UTC, as the standard says. There are catalogues with kilometres in `depth`
//! (`iris_events.xml` of ObsPy); nothing in them tells, and they are read as they are written.

mod beside;

use compact_str::CompactString;

use crate::domain::{
    Certainty, EventKey, Ground, InfoTexts, Language, Mode, NamedValue, Position, Source, Timestamp, Urgency,
};

use super::content::Content;
use super::error::excerpt;
use super::quake::{Quake, Step, is_earthquake};
use super::text::line;
use super::xml::Element;
use super::{Format, FormatError, Limits, Message, Outline, Refusal, Unusable, WrittenEarthquake};

use beside::{Beside, Parts, creation, time_of};

/// QuakeML.
pub(super) struct QuakeMl;

/// One of its two forms.
#[derive(Clone, Copy)]
struct Form {
    name: &'static str,
    /// The namespace of the root, and that of all in it.
    namespaces: [&'static str; 2],
    urgency: Urgency,
    certainty: Certainty,
}

const FORMS: [Form; 2] = [
    Form {
        name: "QuakeML 1.2",
        namespaces: ["http://quakeml.org/xmlns/quakeml/1.2", "http://quakeml.org/xmlns/bed/1.2"],
        urgency: Urgency::Past,
        certainty: Certainty::Observed,
    },
    Form {
        name: "QuakeML 1.2 in real time",
        namespaces: ["http://quakeml.org/xmlns/quakeml-rt/1.2", "http://quakeml.org/xmlns/bed-rt/1.2"],
        urgency: Urgency::Immediate,
        certainty: Certainty::Likely,
    },
];

/// Fields that have a list of values, and that nothing depends on (BED 1.2, "Enumerations").
const ENUMERATIONS: [(&str, &[&str]); 4] = [
    ("evaluationMode", &["manual", "automatic"]),
    ("evaluationStatus", &["preliminary", "confirmed", "reviewed", "final", "rejected"]),
    ("typeCertainty", &["known", "suspected"]),
    (
        "depthType",
        &[
            "from location",
            "from moment tensor inversion",
            "from modeling of broad-band P waveforms",
            "constrained by depth phases",
            "constrained by direct phases",
            "constrained by depth and direct phases",
            "operator assigned",
            "other",
        ],
    ),
];

fn form(content: &Content) -> Option<Form> {
    let Content::Xml(root) = content else { return None };
    let tag = root.tag_name();
    let found = FORMS.into_iter().find(|form| tag.namespace() == Some(form.namespaces[0]));
    found.filter(|_| tag.name() == "quakeml")
}

impl Format for QuakeMl {
    fn is_of(&self, content: &Content) -> bool {
        form(content).is_some()
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let (Some(form), Content::Xml(root)) = (form(content), content) else { return Err(content.unknown()) };
        let [whole, root] = form.namespaces.map(|namespace| Element::root(*root, namespace, limits));
        let (all, fault) = match root.once("eventParameters")? {
            Some(all) => (all, None),
            None => (whole.sole("eventParameters")?, Some(Unusable::OtherNamespace)),
        };
        let refusals: Vec<_> =
            fault.into_iter().map(|reason| Refusal { field: all.path.to_string(), reason }).collect();
        let mut messages = Vec::new();
        let beside = Beside::of(&all)?;
        for event in all.all("event") {
            if messages.len() == limits.messages {
                let field = event.path.to_string();
                return Err(FormatError::TooMany { field, what: "events", most: limits.messages });
            }
            let reader = Reader { form, all: &all, beside: &beside, refusals: refusals.clone() };
            messages.push(Message { place: event.path.to_string(), outline: reader.read(&event) });
        }
        Ok(messages)
    }
}

struct Reader<'m, 'd> {
    form: Form,
    all: &'m Element<'m, 'd>,
    beside: &'m Beside<'m, 'd>,
    refusals: Vec<Refusal>,
}

/// An origin or magnitude that was chosen of those that are there.
type Chosen<'p, 'd> = Result<Option<Element<'p, 'd>>, FormatError>;

impl<'m, 'd> Reader<'m, 'd> {
    fn read(mut self, event: &Element<'_, 'd>) -> Result<Outline, FormatError> {
        let (all, beside) = (self.all, self.beside);
        let origin = self.choose(event, &beside.origins, "origin", "preferredOriginID");
        let magnitude = self.choose(event, &beside.magnitudes, "magnitude", "preferredMagnitudeID");
        let found = [origin.as_ref().ok(), magnitude.as_ref().ok()].map(|found| found.copied().flatten());
        let [known_origin, known_magnitude] = found;
        let written = written(known_origin.as_ref(), known_magnitude.as_ref())?;
        let kind = event.text("type")?;
        let step = match (kind.as_deref(), &origin) {
            (Some("not existing"), _) => Step::Withdrawn,
            (_, Ok(Some(origin))) if is_rejected(origin)? => Step::Withdrawn,
            _ => Step::Later,
        };
        for part in [Some(event), known_origin.as_ref(), known_magnitude.as_ref()].into_iter().flatten() {
            self.check_enumerations(part)?;
        }
        let created = self.created(&[Some(*event), known_origin, known_magnitude])?;
        let origin_time = known_origin.and_then(|origin| time_of(&origin).ok().flatten());
        // A message cannot be older than what it tells of.
        let observed = origin_time.map(|time| beside.newest_pick.map_or(time, |pick| pick.max(time)));
        let key = event.attribute("publicID")?;
        let ids = [key.clone(), all.attribute("publicID")?];
        let sender = ids.iter().flatten().find_map(|id| authority(id));
        let ground = is_earthquake(kind.as_deref(), || event.path.field("type").to_string())
            .and_then(|()| Ok((origin?, magnitude?)))
            .and_then(|(origin, magnitude)| ground(event, origin.as_ref(), magnitude.as_ref(), &written));
        let missing = |field: &'static str| FormatError::Missing { field: event.path.field(field).to_string() };
        if created.is_none() && observed.is_some() {
            self.refuse(event.path.field("creationInfo").to_string(), Unusable::SentByData);
        }
        let fault = match (&key, sender, created.or(observed), &ground) {
            (None, ..) => Some(missing("publicID")),
            (_, None, ..) => Some(nobodys(event, key.as_deref().unwrap_or_default())),
            (_, _, None, Err(fault)) => Some(fault.clone()),
            (_, _, None, Ok(_)) => Some(missing("creationInfo")),
            _ => None,
        };
        let key: CompactString = key.as_deref().unwrap_or_default().into();
        let quake = Quake {
            format: self.form.name,
            sender: sender.unwrap_or_default(),
            event: EventKey { scheme: "quakeml".into(), key, serial: None },
            also: Vec::new(),
            sent: created.or(observed).unwrap_or(Timestamp::UNIX_EPOCH),
            mode: Mode::Actual,
            step,
            urgency: self.form.urgency,
            certainty: self.form.certainty,
            language: Language::cap_default(),
            texts: texts(event)?,
            parameters: parameters(known_origin.as_ref(), known_magnitude.as_ref())?,
            ground,
            written,
            refusals: self.refusals,
        };
        Ok(match fault {
            Some(fault) => quake.nameless(fault),
            None if created.is_none() => quake.outline_by_content(),
            None => quake.outline(),
        })
    }

    /// The origin or magnitude that the event prefers; without a preference the newest that is not rejected (or is, if
    /// all are). Which of several is meant that do not say when they were made cannot be known.
    fn choose<'p>(
        &mut self,
        event: &'p Element<'_, 'd>,
        beside: &'p Parts<'m, 'd>,
        name: &'static str,
        preference: &'static str,
    ) -> Chosen<'p, 'd> {
        let mut candidates: Vec<Element<'p, 'd>> = event.all(name).collect();
        let preferred = event.text(preference)?;
        if let Some(preferred) = preferred.filter(|_| !candidates.is_empty() || !beside.all.is_empty()) {
            for candidate in candidates {
                if candidate.attribute("publicID")?.is_some_and(|id| id == preferred) {
                    return Ok(Some(candidate));
                }
            }
            let (field, value) = (event.path.field(preference).to_string(), excerpt(&preferred));
            let found = beside.by_id.get(&preferred).copied();
            return found.map(Some).ok_or(FormatError::UnknownValue { field, value });
        }
        if self.beside.of_one {
            candidates.extend(beside.all.iter().copied());
        }
        let mut by_age = Vec::new();
        for candidate in candidates {
            by_age.push((!is_rejected(&candidate)?, self.creation(&candidate)?, candidate));
        }
        by_age.sort_by_key(|&(stands, created, _)| std::cmp::Reverse((stands, created)));
        match by_age.as_slice() {
            [one, other, ..] if (one.0, one.1) == (other.0, other.1) => {
                Err(FormatError::Repeated { field: event.path.field(name).to_string() })
            }
            [(_, _, newest), ..] => Ok(Some(*newest)),
            [] => Ok(None),
        }
    }

    /// When the newest of these was made, or when the message was.
    fn created(&mut self, parts: &[Option<Element>; 3]) -> Result<Option<Timestamp>, FormatError> {
        let mut newest = None;
        for part in parts.iter().flatten() {
            newest = newest.max(self.creation(part)?);
        }
        match newest {
            Some(newest) => Ok(Some(newest)),
            None => Ok(self.known(self.beside.created.clone())),
        }
    }

    /// When something was made, if it says so; what is no time is told and as if it were not there.
    fn creation(&mut self, of: &Element) -> Result<Option<Timestamp>, FormatError> {
        Ok(self.known(creation(of)?))
    }

    fn known(&mut self, created: Result<Option<Timestamp>, Refusal>) -> Option<Timestamp> {
        created.unwrap_or_else(|Refusal { field, reason }| {
            self.refuse(field, reason);
            None
        })
    }

    fn check_enumerations(&mut self, part: &Element) -> Result<(), FormatError> {
        for (name, values) in ENUMERATIONS {
            let unknown = part.text(name)?.filter(|value| !values.contains(&&**value));
            if let Some(value) = unknown {
                self.refuse(part.path.field(name).to_string(), Unusable::UnknownValue(excerpt(&value)));
            }
        }
        Ok(())
    }

    /// Tells something once, however often it is come across.
    fn refuse(&mut self, field: String, reason: Unusable) {
        let refusal = Refusal { field, reason };
        if self.refusals.len() < 8 && !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }
}

fn is_rejected(part: &Element) -> Result<bool, FormatError> {
    Ok(part.text("evaluationStatus")?.as_deref() == Some("rejected"))
}

/// The number of a quantity, which lies one deeper.
fn quantity(of: &Element, name: &'static str) -> Result<Option<f64>, FormatError> {
    of.once(name)?.map_or(Ok(None), |quantity| quantity.number("value"))
}

fn written(origin: Option<&Element>, magnitude: Option<&Element>) -> Result<WrittenEarthquake, FormatError> {
    let of = |part: Option<&Element>, name| part.map_or(Ok(None), |part| quantity(part, name));
    let time = origin.map_or(Ok(None), |origin| origin.once("time"))?;
    let time = time.map_or(Ok(None), |time| time.text("value"))?;
    Ok(WrittenEarthquake {
        magnitude: of(magnitude, "mag")?,
        latitude: of(origin, "latitude")?,
        longitude: of(origin, "longitude")?,
        // To the millimetre, so that it is told as it was written.
        depth_km: of(origin, "depth")?.map(|metres| (metres * 1_000.0).round() / 1e6),
        origin: time.map(|time| excerpt(&time)),
        ..WrittenEarthquake::default()
    })
}

fn ground(
    event: &Element,
    origin: Option<&Element>,
    magnitude: Option<&Element>,
    written: &WrittenEarthquake,
) -> Result<Ground, FormatError> {
    let missing = |of: &Element, name| FormatError::Missing { field: of.path.field(name).to_string() };
    let origin = origin.ok_or_else(|| missing(event, "origin"))?;
    let at = time_of(origin)?.ok_or_else(|| missing(origin, "time"))?;
    let lat = written.latitude.ok_or_else(|| missing(origin, "latitude"))?;
    let lon = written.longitude.ok_or_else(|| missing(origin, "longitude"))?;
    let magnitude = magnitude.ok_or_else(|| missing(event, "magnitude"))?;
    let size = written.magnitude.ok_or_else(|| missing(magnitude, "mag"))?;
    let epicentre = Position::from_degrees(lon, lat)
        .map_err(|source| FormatError::Ground { field: origin.path.to_string(), source })?;
    let depth_km = written.depth_km.map(|depth| depth as f32);
    Ok(Ground::Earthquake(Source { epicentre, depth_km, magnitude: size as f32, origin: at }))
}

/// Who names things so: the authority of `smi:authority/path` (QuakeML 1.2, "Resource identifiers").
fn authority(id: &str) -> Option<&str> {
    let path = id.strip_prefix("smi:").or_else(|| id.strip_prefix("quakeml:"))?;
    path.split_once('/').map(|(authority, _)| authority).filter(|authority| !authority.is_empty())
}

/// An event that nobody names, alone or by the list that it is in.
fn nobodys(event: &Element, key: &str) -> FormatError {
    FormatError::UnknownValue { field: event.path.field("publicID").to_string(), value: excerpt(key) }
}

/// The source's own words for where it was, the broadest first: "region name" is what a person would say.
fn texts(event: &Element) -> Result<InfoTexts, FormatError> {
    let rank = |kind: Option<&str>| match kind {
        Some("region name") => 0,
        Some("Flinn-Engdahl region") => 1,
        Some("earthquake name") => 2,
        _ => 3,
    };
    let mut best: Option<(usize, String)> = None;
    for description in event.all("description") {
        let rank = rank(description.text("type")?.as_deref());
        if let Some(text) = description.text("text")?
            && best.as_ref().is_none_or(|(known, _)| rank < *known)
        {
            best = Some((rank, line(&text)));
        }
    }
    let agency = event.once("creationInfo")?.map_or(Ok(None), |info| info.text("agencyID"))?;
    Ok(InfoTexts {
        headline: best.map(|(_, text)| text),
        sender_name: agency.map(|agency| line(&agency)),
        ..InfoTexts::default()
    })
}

fn parameters(origin: Option<&Element>, magnitude: Option<&Element>) -> Result<Vec<NamedValue>, FormatError> {
    let mut parameters = Vec::new();
    for (part, of, name) in [
        (magnitude, "type", "magnitudeType"),
        (origin, "evaluationMode", "evaluationMode"),
        (origin, "evaluationStatus", "evaluationStatus"),
    ] {
        if let Some(value) = part.map_or(Ok(None), |part| part.text(of))? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests;
