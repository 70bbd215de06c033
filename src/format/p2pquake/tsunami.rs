//! 552: tsunami warnings (VTSE41). Each is the state of all of Japan's coasts and names no event: what is no longer in
//! it is off, and a cancelled one has nothing in it.
//!
//! Grades are those of the telegrams (`format/jma/tsunami.rs`): `MajorWarning` is 大津波警報, `Warning` 津波警報, `Watch`
//! 津波注意報.

use crate::domain::{
    Category, Certainty, Geocode, Ground, Info, InfoTexts, Mode, NonEmpty, Severity, StateScope, Urgency,
};
use crate::format::error::excerpt;
use crate::format::jma::{TSUNAMI, tsunami_code, unlisted};
use crate::format::json::Field;
use crate::format::telegram::{Act, Telegram, Told, named_area, parameter, written_area};
use crate::format::text::line;
use crate::format::{FormatError, Refusal};

use super::{SENDER, flag, time, time_if_any};

/// A grade, what JMA calls it, and how bad it is.
const GRADES: [(&str, &str, Severity); 4] = [
    ("MajorWarning", "大津波警報", Severity::Extreme),
    ("Warning", "津波警報", Severity::Severe),
    ("Watch", "津波注意報", Severity::Moderate),
    ("Unknown", "津波予報", Severity::Unknown),
];

pub(super) fn read(field: &Field, mut refusals: Vec<Refusal>) -> Result<Telegram, FormatError> {
    let issue = field.required("issue")?;
    let sent = time(&issue, "time")?;
    let texts = InfoTexts { sender_name: issue.text("source")?.map(|office| line(&office)), ..InfoTexts::default() };
    let mut by_grade: [Vec<(Field, Geocode)>; GRADES.len()] = Default::default();
    if !flag(field, "cancelled")? {
        for area in field.items("areas") {
            let (name, grade) = (area.required_text("name")?, area.required_text("grade")?);
            let Some(index) = GRADES.iter().position(|(known, ..)| *known == grade) else {
                let field = area.path.field("grade").to_string();
                return Err(FormatError::UnknownValue { field, value: excerpt(&grade) });
            };
            match tsunami_code(&name) {
                Some(code) => by_grade[index].push((area, code)),
                None => refusals.push(unlisted(area.path.field("name").to_string(), &name)),
            }
        }
    }
    let mut told = Vec::new();
    for ((_, event, severity), areas) in GRADES.iter().zip(by_grade) {
        told.extend(info(event, *severity, &areas, &texts)?);
    }
    let id = field.text("id")?.map(|id| excerpt(&id));
    Ok(Telegram {
        format: "P2PQuake 552",
        sender: SENDER,
        identifier: id.unwrap_or_else(|| format!("552.{}", sent.1.as_millisecond())),
        sent,
        mode: Mode::Actual,
        event: None,
        act: Act::State(StateScope(TSUNAMI.into())),
        told,
        earthquake: None,
        fault: None,
        refusals,
    })
}

fn info(
    event: &str,
    severity: Severity,
    areas: &[(Field, Geocode)],
    texts: &InfoTexts,
) -> Result<Option<Told>, FormatError> {
    let (mut grounds, mut parameters, mut onset) = (Vec::new(), Vec::new(), None);
    for (area, code) in areas {
        let mut tell = |name: &str, value: &str| {
            parameters.push(parameter(format!("{name}:{}", code.code), excerpt(&line(value))));
        };
        if let Some(first) = area.member("firstHeight") {
            if let Some((text, at)) = time_if_any(&first, "arrivalTime")? {
                tell("ArrivalTime", &text);
                onset = Some(onset.map_or(at, |earlier: crate::domain::Timestamp| earlier.min(at)));
            }
            if let Some(text) = first.text("condition")? {
                tell("Condition", &text);
            }
        }
        if let Some(height) = area.member("maxHeight")
            && let Some(text) = height.text("description")?
        {
            tell("TsunamiHeight", &text);
        }
        grounds.push(named_area(&line(&area.required_text("name")?), Some(code.clone())));
    }
    let written = grounds.iter().map(written_area).collect();
    let Some(grounds) = NonEmpty::new(grounds) else { return Ok(None) };
    let grades = (Urgency::Immediate, severity, Certainty::Likely);
    let mut told = Told::new(Category::Geo, event, grades, Ground::Areas(grounds));
    (told.info.texts, told.info.parameters, told.info.onset) = (texts.clone(), parameters, onset);
    // Whatever its grade, it is one hazard: what gets worse is a revision.
    told.info.event_codes = vec![parameter(Info::HAZARD, "津波")];
    told.areas = written;
    Ok(Some(told))
}
