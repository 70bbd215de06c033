//! The GeoJSON of the USGS earthquake feeds: a `FeatureCollection` of events, or one event in detail
//! (earthquake.usgs.gov, "GeoJSON Summary Format" and "GeoJSON Detail Format"). It comes minutes after the earthquake:
//! information, no early warning.

use crate::domain::{
    Certainty, EventKey, Ground, InfoTexts, Language, Mode, NamedValue, Position, Source, Timestamp, Urgency,
};

use super::content::Content;
use super::json::Field;
use super::quake::{Quake, Step, is_earthquake};
use super::text::line;
use super::{Format, FormatError, Limits, Message, Outline, WrittenEarthquake};

/// The feeds of the USGS.
pub(super) struct Usgs;

const FORMAT: &str = "USGS GeoJSON";
const SENDER: &str = "earthquake.usgs.gov";

/// The most names of one event that are used: there are fewer networks in the United States.
const MOST_IDS: usize = 64;

impl Format for Usgs {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Json(value) = content else { return false };
        let is_event = |feature: &serde_json::Value| {
            feature["properties"].get("mag").is_some() && feature["properties"].get("time").is_some()
        };
        match value["type"].as_str() {
            Some("Feature") => is_event(value),
            Some("FeatureCollection") => match value["features"].as_array().map(Vec::as_slice) {
                Some([first, ..]) => is_event(first),
                Some([]) => value["metadata"]["url"].as_str().is_some_and(|url| url.contains("earthquake.usgs.gov")),
                None => false,
            },
            _ => false,
        }
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let root = Field::root(value, limits);
        if root.text("type")?.as_deref() == Some("Feature") {
            return Ok(vec![Message::whole(event(&root))]);
        }
        let mut messages = Vec::new();
        for feature in root.items("features") {
            if messages.len() == limits.messages {
                let field = feature.path.to_string();
                return Err(FormatError::TooMany { field, what: "events", most: limits.messages });
            }
            messages.push(Message { place: feature.path.to_string(), outline: event(&feature) });
        }
        Ok(messages)
    }
}

fn event(feature: &Field) -> Result<Outline, FormatError> {
    let properties = feature.required("properties")?;
    let id = feature.required_text("id")?;
    let origin = instant(&properties, "time")?;
    let sent = instant(&properties, "updated")?.or(origin);
    let sent = sent.ok_or_else(|| FormatError::Missing { field: properties.path.field("time").to_string() })?;
    let [longitude, latitude, depth_km] = coordinates(feature)?;
    let written = WrittenEarthquake {
        magnitude: properties.number("mag")?,
        longitude,
        latitude,
        depth_km,
        origin: origin.map(|origin| origin.to_string()),
        ..WrittenEarthquake::default()
    };
    let status = properties.text("status")?;
    let is_gone = status.is_some_and(|status| status.eq_ignore_ascii_case("deleted")) || is_deleted(&properties)?;
    let texts = InfoTexts {
        headline: properties.text("title")?.map(|title| line(&title)),
        web: properties.text("url")?.map(|url| line(&url)),
        ..InfoTexts::default()
    };
    let quake = Quake {
        format: FORMAT,
        sender: SENDER,
        event: name(&id),
        also: ids(&properties, &id)?,
        sent,
        mode: Mode::Actual,
        step: if is_gone { Step::Withdrawn } else { Step::Later },
        urgency: Urgency::Past,
        certainty: Certainty::Observed,
        language: Language::cap_default(),
        texts,
        parameters: parameters(&properties)?,
        ground: ground(feature, &properties, &written, origin.unwrap_or(sent)),
        written,
        refusals: Vec::new(),
    };
    Ok(quake.outline())
}

fn name(id: &str) -> EventKey {
    EventKey { scheme: "usgs".into(), key: id.into(), serial: None }
}

/// The other names of the event, `,us1,ci2,`: which of them is preferred changes as networks add to it.
fn ids(properties: &Field, own: &str) -> Result<Vec<EventKey>, FormatError> {
    let Some(text) = properties.text("ids")? else { return Ok(Vec::new()) };
    let others = text.split(',').map(str::trim).filter(|id| !id.is_empty() && *id != own);
    Ok(others.take(MOST_IDS).map(name).collect())
}

/// Longitude, latitude and depth (km), each of which may be null; an event that was taken back may have no place.
fn coordinates(feature: &Field) -> Result<[Option<f64>; 3], FormatError> {
    let mut found = [None; 3];
    let Some(geometry) = feature.member("geometry") else { return Ok(found) };
    let Some(coordinates) = geometry.member("coordinates") else { return Ok(found) };
    for (place, number) in found.iter_mut().zip(coordinates.own_items("")) {
        if !number.is_null() {
            *place = number.own_number()?;
        }
    }
    Ok(found)
}

/// Whether every origin of an event in detail was taken back: a product's status is UPDATE or DELETE, and an event is
/// what its origins say.
fn is_deleted(properties: &Field) -> Result<bool, FormatError> {
    let Some(products) = properties.member("products") else { return Ok(false) };
    let mut any = false;
    for origin in products.items("origin") {
        any = true;
        if origin.text("status")?.is_none_or(|status| !status.eq_ignore_ascii_case("delete")) {
            return Ok(false);
        }
    }
    Ok(any)
}

/// What else is said that somebody may choose by, by its own name. Of products in detail the first is preferred.
fn parameters(properties: &Field) -> Result<Vec<NamedValue>, FormatError> {
    let mut parameters = Vec::new();
    for name in ["magType", "status", "alert", "tsunami", "mmi", "net", "ids"] {
        if let Some(value) = properties.text(name)? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    let Some(products) = properties.member("products") else { return Ok(parameters) };
    let Some(shakemap) = products.items("shakemap").next() else { return Ok(parameters) };
    let Some(numbers) = shakemap.member("properties") else { return Ok(parameters) };
    for (name, of) in [("shakemap.maxmmi", "maxmmi"), ("shakemap.version", "version")] {
        if let Some(value) = numbers.text(of)? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    Ok(parameters)
}

fn ground(
    feature: &Field,
    properties: &Field,
    written: &WrittenEarthquake,
    origin: Timestamp,
) -> Result<Ground, FormatError> {
    is_earthquake(properties.text("type")?.as_deref(), || properties.path.field("type").to_string())?;
    let magnitude = written.magnitude.ok_or_else(|| missing(properties, "mag"))?;
    let (Some(lon), Some(lat)) = (written.longitude, written.latitude) else {
        return Err(missing(feature, "geometry"));
    };
    let epicentre = Position::from_degrees(lon, lat)
        .map_err(|source| FormatError::Ground { field: feature.path.field("geometry").to_string(), source })?;
    let (depth_km, magnitude) = (written.depth_km.map(|depth| depth as f32), magnitude as f32);
    Ok(Ground::Earthquake(Source { epicentre, depth_km, magnitude, origin }))
}

fn missing(of: &Field, name: &'static str) -> FormatError {
    FormatError::Missing { field: of.path.field(name).to_string() }
}

/// Milliseconds since 1970.
fn instant(of: &Field, name: &'static str) -> Result<Option<Timestamp>, FormatError> {
    let Some(number) = of.number(name)? else { return Ok(None) };
    let at = Timestamp::from_millisecond(number as i64).ok();
    let fault = || {
        let (field, value) = (of.path.field(name).to_string(), number.to_string());
        FormatError::Time { field, value, source: super::TimeFault::NotATime }
    };
    at.map(Some).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use crate::domain::{Body, Ground};
    use crate::format::{FormatError, messages};

    const SUMMARY: &str = r#"{"type": "FeatureCollection", "metadata": {"url": "https://earthquake.usgs.gov/"},
        "features": [
        {"type": "Feature", "id": "ci1", "geometry": {"type": "Point", "coordinates": [-118.537, 34.213, 18.202]},
         "properties": {"mag": 6.7, "place": "Reseda, CA", "time": 758809855390, "updated": 1597400716254,
                        "status": "reviewed", "type": "earthquake", "title": "M 6.7 - Reseda, CA", "alert": null}},
        {"type": "Feature", "id": "ci2", "geometry": {"type": "Point", "coordinates": [-118.5, 34.2, null]},
         "properties": {"mag": null, "time": 758809855390, "type": "earthquake"}},
        {"type": "Feature", "id": "ci3", "geometry": {"type": "Point", "coordinates": [-118.5, 34.2, 1]},
         "properties": {"mag": 2, "time": 758809855390, "type": "quarry blast"}},
        {"type": "Feature", "id": "ci1", "geometry": {"type": "Point", "coordinates": [-118.537, 34.213, 18.202]},
         "properties": {"mag": 6.7, "time": 758809855390, "status": "deleted", "type": "earthquake"}},
        {"type": "Feature", "id": "ci1", "geometry": null,
         "properties": {"mag": null, "time": 758809855390, "type": "earthquake",
                        "products": {"origin": [{"status": "DELETE"}, {"status": "DELETE"}]}}},
        {"type": "Feature", "id": "ci1", "geometry": null,
         "properties": {"mag": 6.7, "time": 758809855390, "type": "earthquake",
                        "products": {"origin": [{"status": "UPDATE"}, {"status": "DELETE"}]}}}]}"#;

    #[test]
    fn each_event_of_a_summary_is_an_alert_if_it_has_what_an_earthquake_needs() {
        let found = messages(SUMMARY.as_bytes(), Some("application/json")).expect("it can be read");
        let places = found.iter().enumerate().all(|(index, message)| message.place == format!("features[{index}]"));
        assert!(places && found.len() == 6, "{found:?}");
        let outlines: Vec<_> = found.into_iter().map(|message| message.outline.expect("it can be read")).collect();
        let alert = outlines[0].alert.as_ref().expect("an earthquake");
        assert_eq!(alert.id.identifier.as_str(), "ci1.1597400716254");
        let Ground::Earthquake(source) = &alert.body.infos()[0].ground else { panic!("{alert:?}") };
        assert_eq!(
            (source.magnitude, source.depth_km, source.origin.as_millisecond()),
            (6.7, Some(18.202), 758_809_855_390)
        );
        let field = |index: usize| outlines[index].alert.as_ref().map_err(FormatError::field).expect_err("refused");
        assert_eq!((field(1), field(2)), ("features[1].properties.mag", "features[2].properties.type"));
        for index in [3, 4] {
            assert!(matches!(outlines[index].alert.as_ref().expect("a withdrawal").body, Body::Cancel(_)));
        }
        assert_eq!(field(5), "features[5].geometry");
    }

    #[test]
    fn a_summary_may_be_empty() {
        let empty =
            br#"{"type": "FeatureCollection", "metadata": {"url": "https://earthquake.usgs.gov/"}, "features": []}"#;
        assert!(messages(empty, None).expect("it can be read").is_empty());
    }

    #[test]
    fn an_event_has_every_name_that_a_network_gave_it() {
        let named = SUMMARY.replacen("\"alert\": null", "\"ids\": \",us7,ci1, nn2,\"", 1);
        let found = messages(named.as_bytes(), None).expect("it can be read").remove(0);
        let alert = found.outline.expect("it can be read").alert.expect("in order");
        let keys: Vec<&str> = alert.subject.names().map(|key| &*key.key).collect();
        assert_eq!(keys, ["ci1", "us7", "nn2"]);
    }
}
