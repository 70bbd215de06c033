//! The alerts of the United States' National Weather Service as GeoJSON (api.weather.gov, "alerts"): a
//! `FeatureCollection`, or one `Feature`, with CAP's words under names of its own.
//!
//! Most alerts have no geometry and name zones by their codes; some have the storm's polygon, which the codes' counties
//! go far beyond. `expires` is the end of the message; when the event itself ends stands in `ends` and is kept as the
//! parameter that CAP has for it (`eventEndingTime`).

use crate::domain::{
    Alert, AlertId, AlertRef, AlertScope, Area, Category, Certainty, Geocode, Ground, Identifier, Info, NamedValue,
    NonEmpty, ResponseType, Sender, Severity, Urgency,
};

use super::cap::{self, MessageType, Node, Reader, Version};
use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::text::{line, plain};
use super::written::Extent;
use super::{
    Format, FormatError, Limits, Message, Outline, Unusable, Written, WrittenArea, WrittenInfo, geojson, vtec,
};

/// The alerts of api.weather.gov.
pub(super) struct Nws;

const FORMAT: &str = "NWS GeoJSON";
const HOST: &str = "api.weather.gov";

/// The parameter for the event's end, which the service has in a member of its own too.
const ENDS: &str = "eventEndingTime";

impl Format for Nws {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Json(value) = content else { return false };
        let is_alert = |feature: &serde_json::Value| feature["properties"].get("messageType").is_some();
        match (value["type"].as_str(), value["features"].as_array().map(Vec::as_slice)) {
            (Some("Feature"), _) => is_alert(value),
            (Some("FeatureCollection"), Some([first, ..])) => is_alert(first),
            (Some("FeatureCollection"), Some([])) => value["@context"].to_string().contains(HOST),
            _ => false,
        }
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let root = Field::root(value, limits);
        if root.text("type")?.as_deref() == Some("Feature") {
            return Ok(vec![Message::whole(alert(&root, limits))]);
        }
        let each = |feature: Field| Message { place: feature.path.to_string(), outline: alert(&feature, limits) };
        Ok(root.items("features").map(each).collect())
    }
}

fn alert(feature: &Field, limits: &Limits) -> Result<Outline, FormatError> {
    let properties = feature.required("properties")?;
    let named = Node::from(properties);
    let mut reader = Reader::new(FORMAT, Version::V1_2, limits);
    let mut written = Written { format: FORMAT, ..Written::default() };
    let identifier = cap::name(&named, "id", &mut written.identifier, Identifier::new)?;
    let sender = cap::name(&named, "sender", &mut written.sender, Sender::new)?;
    let id = AlertId { sender, identifier, sent: cap::sent(&mut reader, &named, &mut written)? };
    let mode = cap::required(&named, "status", &mut written.status, cap::mode)?;
    let message_type = cap::required(&named, "messageType", &mut written.msg_type, cap::message_type)?;
    let scope = scope(&mut reader, &named, &mut written)?;
    let mut codes = Vec::new();
    for code in named.all("code") {
        codes.push(code.own_text()?.into());
    }
    let note = properties.text("note")?.map(|note| plain(&note)).filter(|note| !note.is_empty());
    let mut references = references(&mut reader, &properties, &mut written)?;
    let infos = vec![info(&mut reader, feature, &properties, &mut written)?];
    cap::expired(&reader, &properties.path, &infos, &mut references)?;
    let scope = cap::withheld(&mut reader, &properties.path, &infos, &mut written, scope);
    if message_type == MessageType::Update && references.is_empty() {
        reader.refuse(&properties.path.field("references"), Unusable::UpdateOfNothing);
    }
    let subject = vtec::subject(references, &infos, id.sent);
    let continues = subject.continues();
    let (message_type, infos) = cap::still_on(&mut reader, &properties.path, message_type, continues, infos)?;
    let body = cap::body(message_type, &subject, infos);
    let alert = body.map(|body| Alert { id, mode, subject, scope, codes, note, body });
    Ok(Outline { written: written.with_totals(), alert, refusals: reader.refusals() })
}

/// Older answers have no scope. The service has nothing but public alerts.
fn scope(reader: &mut Reader, properties: &Node, written: &mut Written) -> Result<AlertScope, FormatError> {
    if properties.text("scope")?.is_some() {
        return cap::required(properties, "scope", &mut written.scope, cap::scope);
    }
    reader.refuse(&properties.path.field("scope"), Unusable::TakenForPublic);
    "Public".clone_into(&mut written.scope);
    Ok(AlertScope::Public)
}

/// `[{"identifier": ..., "sender": ..., "sent": ...}]`.
fn references(reader: &mut Reader, properties: &Field, written: &mut Written) -> Result<Vec<AlertRef>, FormatError> {
    let mut found = Vec::new();
    for (index, reference) in properties.items("references").enumerate() {
        if index == reader.limits().references {
            let (field, most) = (properties.path.field("references").to_string(), index);
            return Err(FormatError::TooMany { field, what: "references", most });
        }
        let part = |name| Ok::<_, FormatError>(reference.text(name)?.unwrap_or_default());
        let text = [part("sender")?, part("identifier")?, part("sent")?].join(",");
        match cap::references(&text).into_iter().next().and_then(|reference| reference.to) {
            Some(to) => found.push(to),
            None => reader.refuse(&reference.path, Unusable::NotAReference(excerpt(&text))),
        }
        written.references.push(text);
    }
    Ok(found)
}

fn info(reader: &mut Reader, feature: &Field, properties: &Field, written: &mut Written) -> Result<Info, FormatError> {
    let node = Node::from(*properties);
    let mut told = WrittenInfo { language: cap::DEFAULT_LANGUAGE.to_owned(), ..WrittenInfo::default() };
    let language = cap::language(reader, &node, &mut told)?;
    let event = line(&properties.required_text("event")?);
    told.event.clone_from(&event);
    let (urgency, severity, certainty);
    (urgency, told.urgency) = cap::graded(reader, &node, "urgency", Urgency::parse)?;
    (severity, told.severity) = cap::graded(reader, &node, "severity", Severity::parse)?;
    (certainty, told.certainty) = cap::graded(reader, &node, "certainty", Certainty::parse)?;
    told.expires = properties.text("expires")?.map(|text| excerpt(&text));
    let mut parameters = named_values(properties, "parameters")?;
    if let Some(ends) = properties.text("ends")?
        && !parameters.iter().any(|parameter| parameter.name == ENDS)
    {
        parameters.push(NamedValue { name: ENDS.into(), value: line(&ends) });
    }
    let area = area(reader, feature, properties, &mut told, &mut written.extents)?;
    written.infos.push(told);
    Ok(Info {
        language,
        categories: cap::words(&node, "category", Category::parse)?,
        event,
        response_types: cap::words(&node, "response", ResponseType::parse)?,
        urgency,
        severity,
        certainty,
        event_codes: named_values(properties, "eventCode")?,
        effective: cap::time(reader, &node, "effective")?,
        onset: cap::time(reader, &node, "onset")?,
        expires: cap::time(reader, &node, "expires")?,
        texts: cap::texts(reader, &node)?,
        parameters,
        ground: Ground::Areas(NonEmpty::of(area)),
    })
}

/// The one area of an alert: its zones, and the polygon if there is one.
fn area(
    reader: &mut Reader,
    feature: &Field,
    properties: &Field,
    told: &mut WrittenInfo,
    extents: &mut Vec<Extent>,
) -> Result<Area, FormatError> {
    let description = properties.text("areaDesc")?.map(|text| line(&text)).unwrap_or_default();
    if description.is_empty() {
        reader.refuse(&properties.path.field("areaDesc"), Unusable::Missing);
    }
    let mut written = WrittenArea { description: description.clone(), ..WrittenArea::default() };
    let polygons = match feature.member("geometry") {
        Some(geometry) => geojson::polygons(reader, &geometry, &mut written, extents)?,
        None => Vec::new(),
    };
    let codes = named_values(properties, "geocode")?;
    written.geocodes = codes.len();
    written.schemes = codes.iter().map(|code| code.name.to_string()).collect();
    told.areas.push(written);
    let geocodes = codes.into_iter().map(|code| Geocode { scheme: code.name, code: code.value.into() }).collect();
    Ok(Area { description, polygons, circles: Vec::new(), geocodes, altitude_ft: None })
}

/// `{"SAME": ["006025"], "UGC": ["CAZ567"]}`, one for each value.
fn named_values(properties: &Field, name: &'static str) -> Result<Vec<NamedValue>, FormatError> {
    let mut values = Vec::new();
    for (name, field) in properties.member(name).iter().flat_map(Field::members) {
        for value in field.own_each("value") {
            let text = value.own_text()?.ok_or_else(|| value.unknown())?;
            values.push(NamedValue { name: line(name).into(), value: plain(&text) });
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{Body, Mode};
    use crate::format::messages;

    fn feature() -> Value {
        json!({"type": "Feature", "id": "https://api.weather.gov/alerts/urn:oid:2.49.0.1.840.0.a.001.1",
            "geometry": {"type": "Polygon", "coordinates": [
                [[-110.0, 32.0], [-109.0, 32.0], [-109.0, 33.0], [-110.0, 32.0]],
                [[-109.4, 32.2], [-109.2, 32.2], [-109.2, 32.4], [-109.4, 32.2]]]},
            "properties": {"id": "urn:oid:2.49.0.1.840.0.a.001.1", "areaDesc": "Imperial Valley",
                "geocode": {"SAME": ["006025"], "UGC": ["CAZ567", "CAZ568"]}, "sender": "w-nws.webmaster@noaa.gov",
                "references": [{"@id": "x", "identifier": "urn:oid:2.49.0.1.840.0.b.001.1",
                                "sender": "w-nws.webmaster@noaa.gov", "sent": "2024-07-18T01:14:00-07:00"}],
                "sent": "2024-07-18T12:47:00-07:00", "onset": "2024-07-19T10:00:00-07:00",
                "expires": "2024-07-19T03:00:00-07:00", "ends": "2024-07-20T20:00:00-07:00", "status": "Actual",
                "messageType": "Update", "category": "Met", "severity": "Severe", "certainty": "Likely",
                "urgency": "Expected", "event": "Flash Flood Warning", "response": "Avoid", "scope": "Public",
                "code": "IPAWSv1.0", "language": "en-US", "eventCode": {"SAME": ["FFW"]},
                "parameters": {"BLOCKCHANNEL": ["EAS", "NWEM"], "expiredReferences":
                    ["w-nws.webmaster@noaa.gov,urn:oid:2.49.0.1.840.0.c.001.1,2024-07-17T12:00:00-07:00"]}}})
    }

    fn outline(feature: &Value) -> Outline {
        let mut found = messages(feature.to_string().as_bytes(), Some("application/geo+json")).expect("it can be read");
        found.pop().expect("one").outline.expect("it can be read")
    }

    #[test]
    fn an_alert_is_read_with_its_polygon_its_zones_and_its_times() {
        let outline = outline(&feature());
        assert_eq!(outline.refusals, []);
        let alert = outline.alert.expect("it is in order");
        let Body::Update(infos) = &alert.body else { panic!("{alert:?}") };
        let info = infos.first();
        assert_eq!(info.expires.expect("an end").to_string(), "2024-07-19T10:00:00Z");
        let Ground::Areas(areas) = &info.ground else { panic!("{info:?}") };
        let area = areas.first();
        assert_eq!((area.polygons[0].outer.points()[0], area.polygons[0].holes.len()), ([-110.0, 32.0], 1));
        let codes: Vec<(&str, &str)> = area.geocodes.iter().map(|g| (g.scheme.as_str(), g.code.as_str())).collect();
        assert_eq!(codes, [("SAME", "006025"), ("UGC", "CAZ567"), ("UGC", "CAZ568")]);
        let ends = info.parameters.iter().find(|parameter| parameter.name == ENDS).expect("it is kept");
        assert_eq!((ends.value.as_str(), info.parameters.len()), ("2024-07-20T20:00:00-07:00", 4));
        let named: Vec<&str> = alert.subject.references.iter().map(|r| r.id.identifier.as_str()).collect();
        assert_eq!(named, ["urn:oid:2.49.0.1.840.0.b.001.1", "urn:oid:2.49.0.1.840.0.c.001.1"]);
        assert_eq!((outline.written.point_count, outline.written.references.len(), alert.mode), (4, 1, Mode::Actual));
    }

    #[test]
    fn what_is_wrong_is_named_by_the_service_s_own_names() {
        let mut wrong = feature();
        wrong["properties"]["messageType"] = json!("Statement");
        let feed = json!({"type": "FeatureCollection", "features": [feature(), wrong]});
        let found = messages(feed.to_string().as_bytes(), None).expect("it can be read");
        let error = found[1].outline.as_ref().expect_err("no such type");
        assert_eq!((found[1].place.as_str(), error.field()), ("features[1]", "features[1].properties.messageType"));
        let mut bent = feature();
        bent["geometry"] = json!({"type": "MultiPolygon", "coordinates": [[[[0, 0], [0, 91], [1, "x"], [0, 0]]]]});
        let outline = outline(&bent);
        assert_eq!(outline.refusals[0].field, "geometry.coordinates.polygon[0].ring[0]");
        bent["geometry"] = json!({"type": "Point", "coordinates": [0, 0]});
        assert_eq!(super::tests::outline(&bent).refusals[0].reason, Unusable::NotAnArea("Point".to_owned()));
    }

    #[test]
    fn an_older_answer_without_scope_is_public_and_one_that_blocks_the_public_is_not() {
        let mut older = feature();
        older["properties"].as_object_mut().expect("an object").remove("scope");
        let read = outline(&older);
        assert_eq!(read.refusals[0].reason, Unusable::TakenForPublic);
        assert_eq!(read.alert.expect("it is in order").scope, AlertScope::Public);
        older["properties"]["parameters"]["BLOCKCHANNEL"] = json!(["EAS", "PUBLIC"]);
        let read = outline(&older);
        assert_eq!(read.refusals[1].reason, Unusable::Withheld);
        assert_eq!(read.alert.expect("it is in order").scope, AlertScope::Withheld);
    }

    #[test]
    fn a_feed_may_be_empty() {
        let empty =
            json!({"@context": ["https://api.weather.gov/ontology#"], "type": "FeatureCollection", "features": []});
        assert!(messages(empty.to_string().as_bytes(), None).expect("it can be read").is_empty());
    }
}
