//! The JSON of NINA and `MoWaS` (Bundesamt für Bevölkerungsschutz und Katastrophenhilfe): an alert with CAP's names, or
//! a list of them. Its geometry lies in a file of its own, GeoJSON that says nothing else; the alert itself names the
//! administrative areas that it warns in a parameter, by their keys of twelve digits (Regionalschlüssel, ARS).

use crate::domain::{Alert, Area, Body, Geocode, Ground, Info, NonEmpty};

use super::content::Content;
use super::json::Field;
use super::path::Path;
use super::{Format, FormatError, Limits, Message, Outline, Refusal, Unusable, cap};

/// NINA's JSON.
pub(super) struct Nina;

const FORMAT: &str = "NINA JSON";
const WARNED: &str = "warnVerwaltungsbereiche";
const SCHEME: &str = "ARS";

impl Format for Nina {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Json(value) = content else { return false };
        let is_alert = |value: &serde_json::Value| {
            ["identifier", "sender", "msgType"].iter().all(|name| value[*name].is_string()) && value["info"].is_array()
        };
        is_alert(value) || value.as_array().and_then(|list| list.first()).is_some_and(is_alert) || is_ground(value)
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        if is_ground(value) {
            return Err(FormatError::GroundAlone { parts: value["features"].as_array().map_or(0, Vec::len) });
        }
        let root = Field::root(value, limits);
        if value.is_object() {
            return Ok(vec![Message::whole(alert(&root, limits))]);
        }
        let each = |field: Field| Message { place: field.path.to_string(), outline: alert(&field, limits) };
        Ok(root.own_items("alert").map(each).collect())
    }
}

/// Whether this is the geometry of an alert, without it.
fn is_ground(value: &serde_json::Value) -> bool {
    let first = value["features"].as_array().and_then(|features| features.first());
    first.is_some_and(|first| first["properties"]["warnId"].is_string())
}

fn alert(field: &Field, limits: &Limits) -> Result<Outline, FormatError> {
    let mut outline = cap::of_json(FORMAT, field, limits)?;
    if let Ok(alert) = &mut outline.alert {
        let refusals = &mut outline.refusals;
        let read = |(index, info): (usize, Info)| with_codes(info, &field.path.item("info", index), refusals, limits);
        let infos: Vec<Info> = alert.body.infos().iter().cloned().enumerate().map(read).collect();
        put(alert, infos);
    }
    Ok(outline)
}

fn put(alert: &mut Alert, infos: Vec<Info>) {
    match &mut alert.body {
        Body::Cancel(of) => *of = infos,
        Body::Issue(of) | Body::Update(of) => *of = NonEmpty::new(infos).unwrap_or_else(|| of.clone()),
        Body::State { .. } | Body::Ack | Body::Error => {}
    }
}

/// An info whose ground is what its parameter names. Whether a polygon here is latitude or longitude first is not
/// known from any message seen, so that none is used.
fn with_codes(mut info: Info, path: &Path, refusals: &mut Vec<Refusal>, limits: &Limits) -> Info {
    let mut areas = match info.ground {
        Ground::Areas(areas) => areas.into_vec(),
        _ => Vec::new(),
    };
    for (index, area) in areas.iter_mut().enumerate().filter(|(_, area)| area.has_ground()) {
        if refusals.len() < limits.refusals {
            refusals.push(Refusal { field: path.item("area", index).to_string(), reason: Unusable::OrderUnknown });
        }
        (area.polygons, area.circles) = (Vec::new(), Vec::new());
    }
    let warned = info.parameters.iter().filter(|parameter| parameter.name == WARNED);
    let codes = warned.flat_map(|parameter| parameter.value.split([',', ' ', '\n'])).filter(|code| !code.is_empty());
    let geocodes: Vec<Geocode> = codes.map(|code| Geocode { scheme: SCHEME.into(), code: code.into() }).collect();
    match areas.first_mut() {
        Some(first) => first.geocodes.extend(geocodes),
        None if geocodes.is_empty() => {}
        None => areas.push(Area { geocodes, ..Area::default() }),
    }
    info.ground = NonEmpty::new(areas).map_or(Ground::None, Ground::Areas);
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{messages, outline};

    const ALERT: &str = r#"{"identifier": "mow.1", "sender": "DE-HE", "sent": "2025-03-13T10:50:25+01:00",
        "status": "Actual", "msgType": "Alert", "scope": "Public", "code": ["DVN:5"], "info": [
        {"language": "DE-LS", "category": ["Fire"], "event": "Gefahrendurchsage", "urgency": "Immediate",
         "severity": "Extreme", "certainty": "Observed", "headline": "Probe<br/>alarm",
         "parameter": [{"valueName": "warnVerwaltungsbereiche", "value": "066340000000,066320000000"}],
         "area": [{"areaDesc": "Land Hessen", "polygon": ["8,50 9,50 9,51 8,50"],
                   "geocode": [{"valueName": "AreaId", "value": "0"}]}]}]}"#;

    #[test]
    fn the_ground_is_the_areas_that_are_named_by_their_keys() {
        let read = outline(ALERT.as_bytes(), None).expect("it can be read");
        let alert = read.alert.expect("it is in order");
        let info = &alert.body.infos()[0];
        let Ground::Areas(areas) = &info.ground else { panic!("{info:?}") };
        let codes: Vec<(&str, &str)> = areas[0].geocodes.iter().map(|g| (g.scheme.as_str(), g.code.as_str())).collect();
        assert_eq!(codes, [("AreaId", "0"), ("ARS", "066340000000"), ("ARS", "066320000000")]);
        assert!(areas[0].polygons.is_empty() && info.language.as_str() == "de-ls");
        let refused: Vec<(&str, &Unusable)> = read.refusals.iter().map(|r| (r.field.as_str(), &r.reason)).collect();
        assert_eq!(refused, [("info[0].area[0]", &Unusable::OrderUnknown)]);
    }

    #[test]
    fn a_list_gives_each_alert_its_place_and_geometry_alone_is_refused_as_such() {
        let found = messages(format!("[{ALERT}, {{}}]").as_bytes(), None).expect("it can be read");
        let places: Vec<&str> = found.iter().map(|message| message.place.as_str()).collect();
        assert_eq!(places, ["alert[0]", "alert[1]"]);
        let missing = FormatError::Missing { field: "alert[1].identifier".to_owned() };
        assert_eq!(found[1].outline.as_ref().expect_err("nothing in it"), &missing);
        let ground = r#"{"type": "FeatureCollection", "features": [{"properties": {"warnId": "mow.1"}}]}"#;
        assert_eq!(messages(ground.as_bytes(), None).expect_err("no alert"), FormatError::GroundAlone { parts: 1 });
    }
}
