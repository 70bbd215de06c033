//! The JSON that the app of Alertswiss shows (Bundesamt für Bevölkerungsschutz, BABS). Its times are local and to the
//! minute; the instant at which it was sent stands in `reference`, the alert's own name in CAP's way. The text may be a
//! machine's translation, which its language tag says (`en-x-mtfrom-fr`).

use crate::domain::{
    Alert, AlertId, AlertScope, Area, Certainty, Geocode, Ground, Identifier, Info, InfoTexts, Language, Mode,
    NamedValue, NonEmpty, Polygon, ResponseType, Ring, Sender, Severity, Subject, Urgency,
};

use super::cap::{self, MessageType, Reader, Version, of_points, on_globe, use_ring};
use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::text::{line, plain};
use super::written::Extent;
use super::{Format, FormatError, Limits, Message, Outline, Unusable, Written, WrittenArea, WrittenInfo};

/// Alerts of Alertswiss.
pub(super) struct AlertSwiss;

const FORMAT: &str = "Alertswiss JSON";

/// The scheme of the cantons' letters, and of the whole country.
const CANTONS: &str = "Alertswiss region";
const COUNTRY: (&str, &str) = ("ISO 3166-1", "CH");

impl Format for AlertSwiss {
    fn is_of(&self, content: &Content) -> bool {
        let is_alert =
            |value: &serde_json::Value| value["technicalTestAlert"].is_boolean() && value["allClear"].is_boolean();
        let Content::Json(value) = content else { return false };
        is_alert(value) || value["alerts"].as_array().and_then(|list| list.first()).is_some_and(is_alert)
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let root = Field::root(value, limits);
        if root.member("technicalTestAlert").is_some() {
            return Ok(vec![Message::whole(alert(&root, limits))]);
        }
        let each = |field: Field| Message { place: field.path.to_string(), outline: alert(&field, limits) };
        Ok(root.items("alerts").map(each).collect())
    }
}

fn alert(root: &Field, limits: &Limits) -> Result<Outline, FormatError> {
    let mut reader = Reader::new(FORMAT, Version::V1_2, limits);
    let invalid = |name| {
        let field = root.path.field(name).to_string();
        move |source| FormatError::Name { field, source }
    };
    let (identifier, sender) = (root.required_text("identifier")?, root.required_text("sender")?);
    let own = root.required_text("reference")?;
    let time = own.rsplit(',').next().unwrap_or_default();
    let sent = cap::exact(time).map_err(|source| FormatError::Time {
        field: root.path.field("reference").to_string(),
        value: excerpt(time),
        source,
    })?;
    let id = AlertId {
        sender: Sender::new(&sender).map_err(invalid("sender"))?,
        identifier: Identifier::new(&identifier).map_err(invalid("identifier"))?,
        sent,
    };
    let test = is(root, "testAlert")? || is(root, "technicalTestAlert")?;
    let mode = if test { Mode::Test } else { Mode::Actual };
    let mut written = Written {
        format: FORMAT,
        identifier: identifier.to_string(),
        sender: sender.to_string(),
        sent: time.to_owned(),
        msg_type: "Alert".to_owned(),
        status: format!("{mode:?}"),
        scope: "Public".to_owned(),
        ..Written::default()
    };
    let info = info(&mut reader, root, &mut written)?;
    let body = cap::body(MessageType::Alert, &Subject::default(), vec![info]);
    let (subject, scope, codes, note) = (Subject::default(), AlertScope::Public, Vec::new(), None);
    let alert = body.map(|body| Alert { id, mode, subject, scope, codes, note, body });
    Ok(Outline { written: written.with_totals(), alert, refusals: reader.refusals() })
}

fn info(reader: &mut Reader, root: &Field, written: &mut Written) -> Result<Info, FormatError> {
    let event = line(&root.required_text("event")?);
    let graded = root.required_text("severity")?;
    let severity = Severity::ALL.iter().copied().find(|severity| severity.as_str().eq_ignore_ascii_case(&graded));
    let severity = severity.ok_or_else(|| FormatError::UnknownValue {
        field: root.path.field("severity").to_string(),
        value: excerpt(&graded),
    })?;
    let tag = root.text("gtransOrigin")?.unwrap_or_else(|| cap::DEFAULT_LANGUAGE.into());
    let language = Language::parse(&tag).unwrap_or_else(|_| {
        reader.refuse(&root.path.field("gtransOrigin"), Unusable::Language(excerpt(&tag)));
        Language::cap_default()
    });
    let mut told = WrittenInfo {
        language: excerpt(&tag),
        event: event.clone(),
        urgency: Urgency::Unknown.as_str().to_owned(),
        severity: graded.to_string(),
        certainty: Certainty::Unknown.as_str().to_owned(),
        ..WrittenInfo::default()
    };
    let mut areas = Vec::new();
    for area in root.items("areas") {
        areas.push(read_area(reader, &area, &mut told, &mut written.extents)?);
    }
    let mut parameters = Vec::new();
    for name in ["nationWide", "allClear", "publishDate"] {
        if let Some(value) = root.text(name)? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    if is(root, "nationWide")? {
        let geocodes = vec![Geocode { scheme: COUNTRY.0.into(), code: COUNTRY.1.into() }];
        areas.push(Area { geocodes, ..Area::default() });
    }
    written.infos.push(told);
    Ok(Info {
        language,
        categories: Vec::new(),
        event,
        response_types: if is(root, "allClear")? { vec![ResponseType::AllClear] } else { Vec::new() },
        urgency: Urgency::Unknown,
        severity,
        certainty: Certainty::Unknown,
        event_codes: Vec::new(),
        effective: None,
        onset: None,
        expires: None,
        texts: texts(root)?,
        parameters,
        ground: NonEmpty::new(areas).map_or(Ground::None, Ground::Areas),
    })
}

/// Whether a member is `true`.
fn is(root: &Field, name: &'static str) -> Result<bool, FormatError> {
    Ok(root.text(name)?.as_deref() == Some("true"))
}

/// A text that stands in an object under the object's own name.
fn inner(root: &Field, name: &'static str) -> Result<Option<String>, FormatError> {
    let Some(object) = root.member(name) else { return Ok(None) };
    Ok(object.text(name)?.map(|text| plain(&text)).filter(|text| !text.is_empty()))
}

fn texts(root: &Field) -> Result<InfoTexts, FormatError> {
    let mut instructions = Vec::new();
    for instruction in root.items("instructions") {
        instructions.extend(instruction.text("text")?.map(|text| plain(&text)));
    }
    let one = |name| Ok::<_, FormatError>(root.text(name)?.map(|text| line(&text)));
    Ok(InfoTexts {
        sender_name: one("publisherName")?,
        headline: inner(root, "title")?.map(|title| line(&title)),
        description: inner(root, "description")?,
        instruction: Some(instructions.join("\n")).filter(|text| !text.is_empty()),
        web: one("link")?,
        contact: inner(root, "contact")?.map(|contact| line(&contact)),
        audience: None,
    })
}

fn read_area(
    reader: &mut Reader,
    field: &Field,
    told: &mut WrittenInfo,
    extents: &mut Vec<Extent>,
) -> Result<Area, FormatError> {
    reader.count_areas(&field.path, 1)?;
    let description = inner(field, "description")?.map(|text| line(&text)).unwrap_or_default();
    let mut written = WrittenArea { description: description.clone(), ..WrittenArea::default() };
    let (mut polygons, mut geocodes) = (Vec::new(), Vec::new());
    for polygon in field.items("polygons") {
        written.polygons += 1;
        let outer = polygon.required("coordinates")?;
        let outer = ring(reader, &outer, Some((&mut written, extents)))?;
        let mut holes = Vec::new();
        for hole in polygon.items("excludes") {
            // A hole is a list of points, or has one like the polygon itself.
            let points = hole.member("coordinates");
            holes.extend(ring(reader, points.as_ref().unwrap_or(&hole), None)?);
        }
        polygons.extend(outer.map(|outer| Polygon { outer, holes }));
    }
    // No message with a circle has been seen: what its numbers mean would be a guess.
    for circle in field.items("circles") {
        written.circles += 1;
        reader.refuse(&circle.path, Unusable::NotACircle(excerpt(&circle.whole_text())));
    }
    for region in field.items("regions") {
        written.geocodes += 1;
        written.schemes.push(CANTONS.to_owned());
        geocodes.push(Geocode { scheme: CANTONS.into(), code: region.required_text("region")?.into() });
    }
    told.areas.push(written);
    Ok(Area { description, polygons, circles: Vec::new(), geocodes, altitude_ft: None })
}

/// `[["46.37671", "6.80381"], ...]`, latitude first.
fn ring(
    reader: &mut Reader,
    field: &Field,
    seen: Option<(&mut WrittenArea, &mut Vec<Extent>)>,
) -> Result<Option<Ring>, FormatError> {
    let point = |(position, found): (usize, Field)| {
        let numbers: Vec<f64> =
            found.own_items("number").filter_map(|number| number.own_number().ok().flatten()).take(3).collect();
        match numbers[..] {
            [lat, lon] => on_globe([lon, lat]).map_err(|source| Unusable::Point { position, source }),
            _ => Err(Unusable::NotAPair { position, token: excerpt(&found.whole_text()) }),
        }
    };
    let most = reader.limits().points + 1;
    let read = of_points(field.own_items("point").take(most).enumerate().map(point));
    use_ring(reader, &field.path, read, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::outline;

    const ALERT: &str = r#"{"identifier": "POA-1-4", "gtransOrigin": "en-x-mtfrom-fr", "sent": "Fri, 20.06.2025, 10:01",
        "title": {"title": "All-Clear - Danger", "titleGtransOrigin": "Fin"},
        "description": {"description": "Passable.<br/>However"}, "nationWide": false,
        "instructions": [{"text": "Stay"}, {"text": "Listen"}],
        "sender": "info@alertswiss.ch",
        "publisherName": "Canton Valais", "link": "https://www.alert.swiss",
        "contact": {"contact": "<a href=\"x\">118</a>"},
        "event": "Other incident", "allClear": true, "severity": "minor",
        "testAlert": false, "technicalTestAlert": false,
        "areas": [{"description": {"description": "All of Valais"}, "polygons": [{"coordinates":
            [["46.3", "6.8"], ["46.3", "6.9"], ["46.4", "6.9"], ["46.3", "6.8"]], "excludes": []}],
            "circles": [{"a": 1}], "regions": [{"region": "VS"}]}],
        "reference": "info@alertswiss.ch,POA-1-4,2025-06-20T10:01:29+02:00"}"#;

    #[test]
    fn an_alert_is_sent_when_its_own_name_says() {
        let outline = outline(ALERT.as_bytes(), None).expect("it can be read");
        let fields: Vec<&str> = outline.refusals.iter().map(|refusal| refusal.field.as_str()).collect();
        assert_eq!(fields, ["areas[0].circles[0]"]);
        let alert = outline.alert.expect("it is in order");
        assert_eq!((alert.id.sent.to_string().as_str(), alert.mode), ("2025-06-20T08:01:29Z", Mode::Actual));
        let info = &alert.body.infos()[0];
        assert_eq!((info.language.as_str(), info.severity), ("en-x-mtfrom-fr", Severity::Minor));
        assert_eq!(info.response_types, [ResponseType::AllClear]);
        assert_eq!(info.texts.instruction.as_deref(), Some("Stay\nListen"));
        assert_eq!(info.texts.contact.as_deref(), Some("118"));
        let Ground::Areas(areas) = &info.ground else { panic!("{info:?}") };
        assert_eq!((areas[0].polygons[0].outer.points()[1], areas[0].geocodes[0].code.as_str()), ([6.9, 46.3], "VS"));
    }

    #[test]
    fn a_test_is_a_test_and_a_severity_is_one_of_the_list() {
        let test = ALERT.replace("\"technicalTestAlert\": false", "\"technicalTestAlert\": true");
        assert_eq!(outline(test.as_bytes(), None).expect("it can be read").alert.expect("in order").mode, Mode::Test);
        let severe = ALERT.replace("\"minor\"", "\"grave\"");
        assert_eq!(outline(severe.as_bytes(), None).expect_err("no such word").field(), "severity");
        let nameless = ALERT.replace("T10:01:29+02:00", "");
        assert_eq!(outline(nameless.as_bytes(), None).expect_err("no instant").field(), "reference");
    }
}
