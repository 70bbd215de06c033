//! Where an earthquake was and how large, as JMA writes it.

use crate::domain::{NamedValue, Position, Source, Timestamp};
use crate::format::error::excerpt;
use crate::format::local_time::instant;
use crate::format::number::decimal;
use crate::format::telegram::parameter;
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, WrittenEarthquake};

use super::ELEMENTS;

/// What is said in place of a hypocentre where an early warning comes of the shaking itself (PLUM): its magnitude 1.0
/// and depth of 10 km mean nothing.
const ASSUMED: &str = "仮定震源要素";

/// An earthquake as a telegram tells it.
pub(super) struct Hypocentre {
    /// Where it stands in the telegram.
    place: String,
    /// What people call the place.
    pub(super) name: Option<String>,
    position: Option<Place>,
    magnitude: Option<f64>,
    /// The magnitude in words, also where it is no number: `Ｍ８を超える巨大地震`.
    magnitude_text: Option<String>,
    origin: Option<(String, Timestamp)>,
    /// When it was first detected.
    arrival: Option<Timestamp>,
    /// Whether it stands for shaking that was seen, and is no hypocentre.
    assumed: bool,
}

/// Degrees, and km below the surface where that is known.
#[derive(Clone, Copy)]
struct Place {
    latitude: f64,
    longitude: f64,
    depth_km: Option<f64>,
}

/// Reads the first earthquake of a body. A tsunami may be of several: the first is the newest.
pub(super) fn read(body: &Element) -> Result<Option<Hypocentre>, FormatError> {
    let Some(earthquake) = body.all("Earthquake").next() else { return Ok(None) };
    let time = |name| -> Result<Option<(String, Timestamp)>, FormatError> {
        let Some(text) = earthquake.text(name)? else { return Ok(None) };
        let at = instant(&earthquake.path.field(name), &text)?;
        Ok(Some((excerpt(&text), at)))
    };
    let (origin, arrival) = (time("OriginTime")?, time("ArrivalTime")?.map(|(_, at)| at));
    let assumed = earthquake.text("Condition")?.is_some_and(|condition| condition == ASSUMED);
    let (mut name, mut position) = (None, None);
    if let Some(hypocentre) = earthquake.once("Hypocenter")? {
        let area = hypocentre.sole("Area")?;
        name = area.text("Name")?.map(|name| line(&name));
        // The first is in degrees; a second one in minutes may follow (VXSE61).
        if let Some(coordinate) = area.with_namespace(ELEMENTS).all("Coordinate").next() {
            position = coordinates(&coordinate)?;
        }
    }
    let elements = earthquake.with_namespace(ELEMENTS);
    let (mut magnitude, mut magnitude_text) = (None, None);
    if let Some(found) = elements.all("Magnitude").next() {
        magnitude_text = found.attribute("description")?.map(|text| excerpt(&line(&text)));
        let text = found.own_text()?;
        if !matches!(&*text, "NaN" | "") {
            let fault = || FormatError::NotANumber { field: found.path.to_string(), value: excerpt(&text) };
            magnitude = Some(decimal(&text).ok_or_else(fault)?);
        }
    }
    let place = earthquake.path.to_string();
    Ok(Some(Hypocentre { place, name, position, magnitude, magnitude_text, origin, arrival, assumed }))
}

/// Reads `+33.2+132.4-30000/`: latitude, longitude, and metres above the sea, which are left out where the depth is
/// unknown. An empty one is not known at all.
fn coordinates(element: &Element) -> Result<Option<Place>, FormatError> {
    let text = element.own_text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let fault = || FormatError::UnknownValue { field: element.path.to_string(), value: excerpt(&text) };
    let inside = text.strip_suffix('/').ok_or_else(fault)?;
    let mut starts: Vec<usize> = inside.match_indices(['+', '-']).map(|(at, _)| at).take(4).collect();
    if starts.first() != Some(&0) {
        return Err(fault());
    }
    starts.push(inside.len());
    let numbers: Option<Vec<f64>> = starts.windows(2).map(|pair| decimal(&inside[pair[0]..pair[1]])).collect();
    match numbers.as_deref() {
        Some(&[latitude, longitude]) => Ok(Some(Place { latitude, longitude, depth_km: None })),
        // From zero, so that a height of zero is no depth of minus zero.
        Some(&[latitude, longitude, height]) => {
            Ok(Some(Place { latitude, longitude, depth_km: Some(0.0 - height / 1000.0) }))
        }
        _ => Err(fault()),
    }
}

impl Hypocentre {
    /// Adds what is written of it.
    pub(super) fn write(&self, written: &mut WrittenEarthquake) {
        written.magnitude = self.magnitude;
        written.latitude = self.position.map(|place| place.latitude);
        written.longitude = self.position.map(|place| place.longitude);
        written.depth_km = self.position.and_then(|place| place.depth_km);
        written.origin = self.origin.as_ref().map(|(text, _)| text.clone());
    }

    /// What a person may want to know of it.
    pub(super) fn parameters(&self) -> Vec<NamedValue> {
        let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| parameter(name, value.clone()));
        let origin = self.origin.as_ref().map(|(text, _)| parameter("OriginTime", text.clone()));
        let assumed = self.assumed.then(|| parameter("Condition", ASSUMED));
        let texts = [named("Hypocenter", &self.name), named("Magnitude", &self.magnitude_text)];
        texts.into_iter().flatten().chain(origin).chain(assumed).collect()
    }

    /// The source of shaking, if enough is known of it. Where the origin time is not told yet, it is when the
    /// earthquake was detected, which is seconds later.
    pub(super) fn source(&self) -> Result<Source, FormatError> {
        let missing = |name: &str| FormatError::Missing { field: format!("{}.{name}", self.place) };
        if self.assumed {
            return Err(missing("Hypocenter"));
        }
        let Place { latitude, longitude, depth_km } = self.position.ok_or_else(|| missing("Hypocenter"))?;
        let magnitude = self.magnitude.ok_or_else(|| missing("Magnitude"))? as f32;
        let origin = self.origin.as_ref().map(|(_, at)| *at).or(self.arrival);
        let origin = origin.ok_or_else(|| missing("OriginTime"))?;
        let epicentre = Position::from_degrees(longitude, latitude).map_err(|source| FormatError::Ground {
            field: format!("{}.Hypocenter.Area.Coordinate", self.place),
            source,
        })?;
        Ok(Source { epicentre, depth_km: depth_km.map(|depth| depth as f32), magnitude, origin })
    }
}
