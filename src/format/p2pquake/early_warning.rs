//! 556: an early warning, relayed from VXSE43. Its event and serial are JMA's, so that the relay and the telegram are
//! of one event. Grades are those of the telegrams (`format/jma/early_warning.rs`).

use crate::domain::{Category, Certainty, EventKey, Ground, InfoTexts, Mode, Severity, Urgency};
use crate::format::error::excerpt;
use crate::format::jma::{Class, SCHEME_OF_WARNINGS, Shaken, local_code, told_by_intensity, unlisted};
use crate::format::json::Field;
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::{FormatError, Refusal, WrittenEarthquake};

use super::{SENDER, flag, hypocentre, source, time, time_if_any};

const WARNING: &str = "緊急地震速報（警報）";

/// Shaking was seen where no hypocentre was found (PLUM): what is told of one means nothing.
const ASSUMED: &str = "仮定震源要素";

pub(super) fn read(field: &Field, mut refusals: Vec<Refusal>) -> Result<Telegram, FormatError> {
    let issue = field.required("issue")?;
    let sent = time(&issue, "time")?;
    let event_id = line(&issue.required_text("eventId")?);
    let serial = serial(&issue)?;
    let cancelled = flag(field, "cancelled")?;
    let mut written = WrittenEarthquake { event: excerpt(&event_id), serial: Some(serial), ..Default::default() };
    let mut told = Vec::new();
    let mut fault = None;
    if cancelled {
        told.push(Told::of_cancel(Category::Geo, WARNING, InfoTexts::default()));
    } else {
        let earthquake = field.required("earthquake")?;
        let origin = time_if_any(&earthquake, "originTime")?;
        written.origin = origin.as_ref().map(|(text, _)| text.clone());
        let name = hypocentre(&earthquake, &mut written)?;
        let assumed = earthquake.text("condition")?.is_some_and(|condition| condition == ASSUMED);
        let mut parameters = Vec::new();
        parameters.extend(name.as_ref().map(|name| parameter("Hypocenter", name.clone())));
        parameters.extend(assumed.then(|| parameter("Condition", ASSUMED)));
        let texts = InfoTexts { headline: name, ..InfoTexts::default() };
        let areas = areas(field, &mut written.intensities, &mut refusals)?;
        let grades = (Urgency::Immediate, Certainty::Likely);
        let detected = time_if_any(&earthquake, "arrivalTime")?;
        let origin = origin.or(detected).map(|(_, at)| at);
        let known = if assumed { None } else { Some(source(&earthquake, &written, origin)) };
        let of = known.as_ref().and_then(|known| known.as_ref().ok()).cloned();
        told = told_by_intensity(areas, grades, &texts, &parameters, of.as_ref());
        if told.is_empty() {
            match known {
                Some(Ok(source)) => {
                    let grades = (grades.0, Severity::Unknown, grades.1);
                    let mut info = Told::new(Category::Geo, WARNING, grades, Ground::Earthquake(source));
                    (info.info.texts, info.info.parameters) = (texts, parameters);
                    told.push(info);
                }
                Some(Err(error)) => fault = Some(error),
                None => fault = Some(FormatError::Missing { field: field.path.field("areas").to_string() }),
            }
        }
    }
    let act = match (cancelled, serial) {
        (true, _) => Act::Cancel,
        (false, 0 | 1) => Act::Issue,
        _ => Act::Update,
    };
    let suffix = if cancelled { ".withdrawal" } else { "" };
    Ok(Telegram {
        format: "P2PQuake 556",
        sender: SENDER,
        identifier: format!("{}.556.{serial}{suffix}", excerpt(&event_id)),
        sent,
        mode: if flag(field, "test")? { Mode::Test } else { Mode::Actual },
        event: Some(EventKey {
            scheme: SCHEME_OF_WARNINGS.into(),
            key: excerpt(&event_id).into(),
            serial: Some(serial),
        }),
        act,
        told,
        earthquake: Some(written),
        fault,
        refusals,
    })
}

/// `serial` is a text.
fn serial(issue: &Field) -> Result<u32, FormatError> {
    let text = issue.required_text("serial")?;
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    let field = issue.path.field("serial").to_string();
    number.ok_or_else(|| FormatError::NotANumber { field, value: excerpt(&text) })
}

fn areas(
    field: &Field,
    intensities: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Shaken>, FormatError> {
    let mut areas = Vec::new();
    for area in field.items("areas") {
        let (from, to) = (area.number("scaleFrom")?.unwrap_or(-1.0), area.number("scaleTo")?.unwrap_or(-1.0));
        // 99 is "or more".
        intensities.push(if (from - to).abs() < 1e-9 { from.to_string() } else { format!("{from}–{to}") });
        let name = line(&area.required_text("name")?);
        let kind = area.text("kindCode")?.unwrap_or_default();
        let warned = match &*kind {
            // Whatever it is called, this message is a warning.
            "10" | "11" | "19" | "" => true,
            "00" | "01" | "09" => false,
            _ => {
                let field = area.path.field("kindCode").to_string();
                return Err(FormatError::UnknownValue { field, value: excerpt(&kind) });
            }
        };
        let Some(code) = local_code(&name) else {
            refusals.push(unlisted(area.path.field("name").to_string(), &name));
            continue;
        };
        // An area is not named in a warning for less than 4.
        let class = Class::of_scale(from).unwrap_or(Class::FOUR);
        let arrival = time_if_any(&area, "arrivalTime")?;
        let mut shaken = Shaken {
            name,
            code: Some(code),
            class,
            event: WARNING.to_owned(),
            warned,
            arrival: arrival.as_ref().map(|(_, at)| *at),
            parameters: Vec::new(),
        };
        if let Some((text, _)) = arrival {
            shaken.tell("ArrivalTime", text);
        }
        areas.push(shaken);
    }
    Ok(areas)
}
