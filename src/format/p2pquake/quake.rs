//! 551: information about an earthquake that has happened (VXSE51, 52 and 53). Grades are those of the telegrams
//! (`format/jma/observed.rs`): `Past` and `Observed`, and severity by intensity.
//!
//! A message does not tell its event: its `id` names the message alone, and the minute of the earthquake is no name,
//! for there may be two in it. So each stands by itself.

use crate::domain::{Category, Certainty, Ground, InfoTexts, Mode, Severity, Urgency};
use crate::format::error::excerpt;
use crate::format::jma::{Class, Shaken, local_code, told_by_intensity, unlisted};
use crate::format::json::Field;
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::{FormatError, Refusal, Unusable, WrittenEarthquake};

use super::{SENDER, hypocentre, source, time, time_if_any};

const EVENT: &str = "地震情報";

pub(super) fn read(field: &Field, mut refusals: Vec<Refusal>) -> Result<Telegram, FormatError> {
    let issue = field.required("issue")?;
    let sent = time(&issue, "time")?;
    let kind = issue.required_text("type")?;
    let earthquake = field.required("earthquake")?;
    let origin = time_if_any(&earthquake, "time")?;
    let mut written = WrittenEarthquake { origin: origin.as_ref().map(|(text, _)| text.clone()), ..Default::default() };
    let name = hypocentre(&earthquake, &mut written)?;
    let mut parameters = vec![parameter("type", excerpt(&kind))];
    for name in ["domesticTsunami", "foreignTsunami", "maxScale"] {
        if let Some(value) = earthquake.text(name)? {
            parameters.push(parameter(name, excerpt(&value)));
        }
    }
    if let Some(correct) = issue.text("correct")? {
        parameters.push(parameter("correct", excerpt(&correct)));
    }
    parameters.extend(name.as_ref().map(|name| parameter("hypocenter", name.clone())));
    written.intensities.extend(earthquake.text("maxScale")?.map(|scale| excerpt(&scale)));
    let comment = match field.member("comments") {
        Some(comments) => comments.text("freeFormComment")?.map(|text| line(&text)),
        None => None,
    };
    let headline = name.filter(|name| !name.is_empty());
    let office = issue.text("source")?.map(|office| line(&office));
    let texts = InfoTexts { sender_name: office, headline, description: comment, ..InfoTexts::default() };
    let areas = points(field, &mut written.intensities, &mut refusals)?;
    let mut told = told_by_intensity(areas, (Urgency::Past, Certainty::Observed), &texts, &parameters, None);
    let mut fault = None;
    if told.is_empty() {
        match source(&earthquake, &written, origin.map(|(_, at)| at)) {
            Ok(source) => {
                let grades = (Urgency::Past, Severity::Unknown, Certainty::Observed);
                let mut info = Told::new(Category::Geo, EVENT, grades, Ground::Earthquake(source));
                (info.info.texts, info.info.parameters) = (texts, parameters);
                told.push(info);
            }
            Err(error) => fault = Some(error),
        }
    }
    let id = field.text("id")?.map(|id| excerpt(&id));
    let unnamed = || format!("551.{}.{}", excerpt(&kind), sent.1.as_millisecond());
    Ok(Telegram {
        format: "P2PQuake 551",
        sender: SENDER,
        identifier: id.unwrap_or_else(unnamed),
        sent,
        mode: Mode::Actual,
        event: None,
        act: Act::Issue,
        told,
        earthquake: Some(written),
        fault,
        refusals,
    })
}

/// The areas with their intensities. Points that are stations have no code and name no area: they are counted.
fn points(
    field: &Field,
    intensities: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Shaken>, FormatError> {
    let (mut areas, mut stations) = (Vec::new(), 0);
    for point in field.items("points") {
        let scale = point.number("scale")?.unwrap_or(-1.0);
        intensities.push(scale.to_string());
        if point.text("isArea")?.as_deref() != Some("true") {
            stations += 1;
            continue;
        }
        let name = line(&point.required_text("addr")?);
        let Some(class) = Class::of_scale(scale) else {
            refusals.push(Refusal { field: point.path.field("scale").to_string(), reason: Unusable::Missing });
            continue;
        };
        let Some(code) = local_code(&name) else {
            refusals.push(unlisted(point.path.field("addr").to_string(), &name));
            continue;
        };
        areas.push(Shaken {
            name,
            code: Some(code),
            class,
            event: EVENT.to_owned(),
            warned: false,
            arrival: None,
            parameters: Vec::new(),
        });
    }
    if stations > 0 {
        refusals.push(Refusal { field: field.path.field("points").to_string(), reason: Unusable::Stations(stations) });
    }
    Ok(areas)
}
