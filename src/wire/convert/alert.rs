//! Structured alerts, by the rules of a CAP message.

use crate::domain::{
    Alert, AlertId, AlertRef, AlertScope, Area, Body, Category, Ground, Identifier, Info, InfoTexts, Language,
    NonEmpty, Sender, Subject,
};
use crate::wire::v1;
use crate::wire::v1::structured_alert::MessageType;

use super::{InvalidField, geography, terms, time};

const MAX_INFOS: usize = 64;
const MAX_AREAS: usize = 1_024;
const MAX_REFERENCES: usize = 256;
const MAX_TEXT: usize = 32 << 10;

/// Reads a request's structured alert, and names the parts of it that cannot be used.
pub fn structured(alert: v1::StructuredAlert) -> Result<(Alert, Vec<InvalidField>), InvalidField> {
    let inside = |error: InvalidField| error.inside("structured");
    let (alert, problems) = read(alert).map_err(inside)?;
    Ok((alert, problems.into_iter().map(inside).collect()))
}

fn read(alert: v1::StructuredAlert) -> Result<(Alert, Vec<InvalidField>), InvalidField> {
    let mut problems = Vec::new();
    let references = references(alert.references)?;
    if alert.infos.len() > MAX_INFOS {
        return Err(InvalidField::new("infos", format!("more than {MAX_INFOS}")));
    }
    let points: usize = alert.infos.iter().flat_map(|info| &info.areas).map(points).sum();
    if points > geography::MAX_POINTS {
        return Err(InvalidField::new("infos", format!("more than {} points in all", geography::MAX_POINTS)));
    }
    let shapes: usize = alert.infos.iter().flat_map(|info| &info.areas).map(geography::shapes).sum();
    if shapes > geography::MAX_SHAPES {
        return Err(InvalidField::new("infos", format!("more than {} shapes in all", geography::MAX_SHAPES)));
    }
    let infos = alert.infos.into_iter().enumerate();
    let infos: Vec<Info> =
        infos.map(|(i, info)| self::info(info, &format!("infos[{i}]"), &mut problems)).collect::<Result<_, _>>()?;
    let body = body(alert.message_type, infos, &references)?;
    let id = AlertId {
        sender: Sender::new(&alert.sender).map_err(|error| InvalidField::new("sender", error))?,
        identifier: Identifier::new(&alert.identifier).map_err(|error| InvalidField::new("identifier", error))?,
        sent: time::required(alert.send_time, "send_time")?,
    };
    let mode = terms::mode::required(alert.mode, "mode")?;
    let subject = Subject { references, ..Subject::default() };
    let scope = AlertScope::Public;
    Ok((Alert { id, mode, subject, scope, codes: Vec::new(), note: None, body }, problems))
}

fn body(message_type: i32, infos: Vec<Info>, references: &[AlertRef]) -> Result<Body, InvalidField> {
    let unknown = || InvalidField::new("message_type", format!("{message_type} is not known"));
    let message_type = MessageType::try_from(message_type).map_err(|_| unknown())?;
    if references.is_empty() && matches!(message_type, MessageType::Update | MessageType::Cancel) {
        return Err(InvalidField::new("references", "an update or cancel names what it continues"));
    }
    let some = |infos| NonEmpty::new(infos).ok_or_else(|| InvalidField::required("infos"));
    match message_type {
        MessageType::Unspecified => Err(InvalidField::required("message_type")),
        MessageType::Alert => some(infos).map(Body::Issue),
        MessageType::Update => some(infos).map(Body::Update),
        MessageType::Cancel => Ok(Body::Cancel(infos)),
    }
}

fn points(area: &v1::Area) -> usize {
    let rings = area.polygons.iter().flat_map(|polygon| polygon.outer.iter().chain(&polygon.holes));
    rings.map(|ring| ring.coordinates.len() / 2).sum()
}

fn references(references: Vec<v1::AlertReference>) -> Result<Vec<AlertRef>, InvalidField> {
    if references.len() > MAX_REFERENCES {
        return Err(InvalidField::new("references", format!("more than {MAX_REFERENCES}")));
    }
    let read = |(i, reference): (usize, v1::AlertReference)| {
        let field = |name: &str| format!("references[{i}].{name}");
        let sender = Sender::new(&reference.sender).map_err(|error| InvalidField::new(field("sender"), error))?;
        let identifier = Identifier::new(&reference.identifier);
        let identifier = identifier.map_err(|error| InvalidField::new(field("identifier"), error))?;
        let sent = time::required(reference.send_time, &field("send_time"))?;
        Ok(AlertRef { id: AlertId { sender, identifier, sent } })
    };
    references.into_iter().enumerate().map(read).collect()
}

fn info(info: v1::AlertInfo, field: &str, problems: &mut Vec<InvalidField>) -> Result<Info, InvalidField> {
    let at = |name: &str| format!("{field}.{name}");
    let text = |value: String, name: &str| text(&value, &at(name));
    if info.areas.len() > MAX_AREAS {
        return Err(InvalidField::new(at("areas"), format!("more than {MAX_AREAS}")));
    }
    let category = |(i, tag): (usize, &String)| {
        Category::parse(tag).ok_or_else(|| InvalidField::new(at(&format!("categories[{i}]")), "is not CAP's"))
    };
    let categories = info.categories.iter().enumerate().map(category).collect::<Result<_, _>>()?;
    let tag = if info.language.is_empty() { "en-US" } else { &info.language };
    let areas = info.areas.into_iter().enumerate().map(|(i, mut area)| {
        let field = format!("{field}.areas[{i}]");
        area.description = self::text(&area.description, &format!("{field}.description"))?.unwrap_or_default();
        Ok(geography::area(area, &field, problems))
    });
    let areas: Vec<Area> = areas.collect::<Result<_, _>>()?;
    Ok(Info {
        language: Language::parse(tag).map_err(|error| InvalidField::new(at("language"), error))?,
        categories,
        event: text(info.event, "event")?.ok_or_else(|| InvalidField::required(at("event")))?,
        response_types: Vec::new(),
        urgency: terms::urgency::required(info.urgency, &at("urgency"))?,
        severity: terms::severity::required(info.severity, &at("severity"))?,
        certainty: terms::certainty::required(info.certainty, &at("certainty"))?,
        event_codes: Vec::new(),
        effective: None,
        onset: time::optional(info.onset_time, &at("onset_time"))?,
        expires: time::optional(info.expire_time, &at("expire_time"))?,
        texts: InfoTexts {
            sender_name: text(info.sender_name, "sender_name")?,
            headline: text(info.headline, "headline")?,
            description: text(info.description, "description")?,
            instruction: text(info.instruction, "instruction")?,
            web: text(info.web, "web")?,
            contact: text(info.contact, "contact")?,
            audience: None,
        },
        parameters: Vec::new(),
        ground: NonEmpty::new(areas).map_or(Ground::None, Ground::Areas),
    })
}

/// Text without control characters but line breaks; `None` if it is empty.
fn text(value: &str, field: &str) -> Result<Option<String>, InvalidField> {
    match value.len() {
        0 => Ok(None),
        1..=MAX_TEXT => Ok(Some(value.chars().filter(|&c| !c.is_control() || c == '\n').collect())),
        _ => Err(InvalidField::new(field, format!("is longer than {MAX_TEXT} bytes"))),
    }
}
