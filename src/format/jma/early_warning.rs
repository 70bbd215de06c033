//! Early warnings of earthquakes: VXSE43 (警報), VXSE44 (予報) and VXSE45 (地震動予報).
//!
//! Urgency is `Immediate`: seconds remain, or none. Certainty is `Likely`: waves were seen, and what they will do
//! elsewhere is expected. Severity is by the intensity expected and by whether JMA warns ([`Class`]). An area is warned
//! by its own `Kind` (10, 11, 19), or because the headline's warning names it: that one stays when the forecast falls
//! for a while (`jma-eew/77_01_06_240613_VXSE45.xml`), since an area once warned is warned until 取消.

use std::collections::{BTreeSet, HashMap};

use compact_str::CompactString;

use crate::domain::{Category, Certainty, Geocode, Ground, Severity, Urgency};
use crate::format::error::excerpt;
use crate::format::local_time::instant;
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::xml::Element;
use crate::format::{FormatError, Refusal, Unusable};

use super::head::{Head, more_text};
use super::hypocentre::{self, Hypocentre};
use super::intensity::{Class, Shaken, told};
use super::scheme;
use super::{BASIS, SEISMOLOGY};

/// The scheme of the events of JMA's warnings, for those who relay them.
pub(in crate::format) const SCHEME_OF_WARNINGS: &str = "jma-eew/VXSE43";

/// What a warning is called.
const WARNING: &str = "緊急地震速報（警報）";

pub(super) fn read(root: &Element, head: Head) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(SEISMOLOGY);
    let body = basis.sole("Body")?;
    let hypocentre = hypocentre::read(&body)?;
    let mut texts = head.texts.clone();
    let mut parameters = hypocentre.as_ref().map(Hypocentre::parameters).unwrap_or_default();
    if let Some(advisory) = more_text(&body, "NextAdvisory")? {
        parameters.push(parameter("NextAdvisory", advisory.clone()));
        texts.description = Some(advisory);
    }
    if let Some(comments) = body.once("Comments")?
        && let Some(comment) = comments.once("WarningComment")?
    {
        texts.instruction = more_text(&comment, "Text")?;
    }
    let mut refusals = Vec::new();
    let mut earthquake = head.earthquake();
    let mut areas = Vec::new();
    let mut most = None;
    if let Some(hypocentre) = &hypocentre {
        hypocentre.write(&mut earthquake);
    }
    if let Some(intensity) = body.once("Intensity")?
        && let Some(forecast) = intensity.once("Forecast")?
    {
        let (class, text) = expected(&forecast)?;
        most = class;
        parameters.push(parameter("ForecastInt", text.clone()));
        earthquake.intensities.push(text);
        areas = forecast_areas(&forecast, &mut earthquake.intensities, &mut refusals)?;
    }
    add_warned(root, &mut areas)?;
    let grades = (Urgency::Immediate, Certainty::Likely);
    let source = hypocentre.as_ref().and_then(|found| found.source().ok());
    let mut told = told(areas, grades, &texts, &parameters, source.as_ref());
    let mut fault = None;
    if told.is_empty() {
        // No area expects 4 or more: the earthquake itself says where it will be felt.
        let severity = most.map_or(Severity::Unknown, |class| class.severity(false));
        match hypocentre.map(|found| found.source()) {
            Some(Ok(source)) => {
                let grades = (grades.0, severity, grades.1);
                let mut info = Told::new(Category::Geo, &head.title, grades, Ground::Earthquake(source));
                (info.info.texts, info.info.parameters) = (texts, parameters);
                told.push(info);
            }
            Some(Err(error)) => fault = Some(error),
            None => fault = Some(FormatError::Missing { field: body.path.field("Earthquake").to_string() }),
        }
    }
    let act = if head.is_first() { Act::Issue } else { Act::Update };
    Ok(Telegram { fault, refusals, ..head.telegram(act, told, Some(earthquake)) })
}

/// The least that is expected, and what is written: `5-` or `4–5-`.
fn expected(of: &Element) -> Result<(Option<Class>, String), FormatError> {
    let Some(range) = of.once("ForecastInt")? else { return Ok((None, String::new())) };
    let (from, to) = (range.text("From")?.unwrap_or_default(), range.text("To")?.unwrap_or_default());
    // What is over 7 is written as from 7 to over.
    let text = if from == to { excerpt(&from) } else { format!("{}–{}", excerpt(&from), excerpt(&to)) };
    Ok((Class::parse(&from), text))
}

/// The areas of the forecast. One whose intensity is not told (不明) is not used unless the headline warns it.
fn forecast_areas(
    forecast: &Element,
    intensities: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Shaken>, FormatError> {
    let mut areas = Vec::new();
    let mut seen = BTreeSet::new();
    // An area has a Pref of its own, so that the same Pref stands many times.
    for prefecture in forecast.all("Pref") {
        for area in prefecture.all("Area") {
            let code = area.required("Code")?;
            let (class, text) = expected(&area)?;
            intensities.push(text);
            let kind = match area.once("Category")? {
                Some(category) => category.once("Kind")?.map(|kind| kind_of(&kind)).transpose()?,
                None => None,
            };
            let (event, warned) = kind.unwrap_or_default();
            let least = class.or(warned.then_some(Class::FOUR));
            let Some(class) = least.filter(|_| seen.insert(code.clone().into_owned())) else {
                let reason = if least.is_none() { Unusable::Missing } else { Unusable::RepeatedArea(excerpt(&code)) };
                refusals.push(Refusal { field: area.path.field("ForecastInt").to_string(), reason });
                continue;
            };
            let mut shaken = Shaken {
                name: line(&area.text("Name")?.unwrap_or_default()),
                code: Some(Geocode { scheme: scheme::LOCAL.into(), code: line(&code).into() }),
                class,
                event,
                warned,
                arrival: None,
                parameters: Vec::new(),
            };
            if let Some(text) = area.text("ArrivalTime")? {
                shaken.arrival = Some(instant(&area.path.field("ArrivalTime"), &text)?);
                shaken.tell("ArrivalTime", excerpt(&text));
            }
            // 既に主要動到達と推測: it shakes there already.
            if let Some(condition) = area.text("Condition")? {
                shaken.tell("Condition", excerpt(&condition));
            }
            areas.push(shaken);
        }
    }
    Ok(areas)
}

/// What an area's kind is called, and whether it is a warning: 10, 11 and 19 are, 00, 01 and 09 are not.
fn kind_of(kind: &Element) -> Result<(String, bool), FormatError> {
    let code = kind.required("Code")?;
    let warned = match &*code {
        "10" | "11" | "19" => true,
        "00" | "01" | "09" => false,
        _ => {
            let field = kind.path.field("Code").to_string();
            return Err(FormatError::UnknownValue { field, value: excerpt(&code) });
        }
    };
    Ok((kind.text("Name")?.map(|name| excerpt(&line(&name))).unwrap_or_default(), warned))
}

/// Adds the areas of the headline's warning (細分区域, `Kind` 31). Of one that the forecast does not name the intensity
/// is the least for which JMA warns an area, 4.
fn add_warned(root: &Element, areas: &mut Vec<Shaken>) -> Result<(), FormatError> {
    let basis = root.with_namespace(BASIS);
    let head = basis.sole("Head")?;
    let Some(headline) = head.once("Headline")? else { return Ok(()) };
    let code = |area: &Shaken| area.code.as_ref().map(|code| code.code.clone());
    let mut known: HashMap<CompactString, usize> =
        areas.iter().enumerate().filter_map(|(index, area)| Some((code(area)?, index))).collect();
    let is_local = |information: &Element| information.has_attribute("type", "緊急地震速報（細分区域）");
    for information in headline.all("Information").filter(is_local) {
        for item in information.all("Item") {
            let kind = item.sole("Kind")?;
            let is_warning = kind.text("Code")?.is_some_and(|code| code == "31");
            let event = kind.text("Name")?.map_or(WARNING.to_owned(), |name| excerpt(&line(&name)));
            for named in item.all("Areas").filter(|_| is_warning) {
                for area in named.all("Area") {
                    let code = CompactString::from(line(&area.required("Code")?));
                    let index = *known.entry(code.clone()).or_insert(areas.len());
                    if index == areas.len() {
                        let name = line(&area.text("Name")?.unwrap_or_default());
                        areas.push(warned_area(&name, code));
                    }
                    (areas[index].warned, areas[index].event) = (true, event.clone());
                }
            }
        }
    }
    Ok(())
}

fn warned_area(name: &str, code: CompactString) -> Shaken {
    let code = Some(Geocode { scheme: scheme::LOCAL.into(), code });
    let (name, event, parameters) = (name.to_owned(), String::new(), Vec::new());
    Shaken { name, code, class: Class::FOUR, event, warned: true, arrival: None, parameters }
}

/// What is said of an area whose name is in no list.
pub(in crate::format) fn unlisted(field: String, name: &str) -> Refusal {
    Refusal { field, reason: Unusable::AreaName(excerpt(name)) }
}
