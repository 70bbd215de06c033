//! Tsunami warnings, advisories and forecasts: VTSE41, and the information that follows them, VTSE51 (when it arrives
//! and how high) and VTSE52 (what was observed offshore).
//!
//! Severity is by `Kind`: 52 and 53 大津波警報 (over 3 m: all is destroyed) `Extreme`; 51 津波警報 (over 1 m: people are
//! swept away) `Severe`; 62 津波注意報 (over 0.2 m: dangerous in the water and at it) `Moderate`; 71, 72 and 73 津波予報
//! (the sea moves a little, no damage) `Minor`. Urgency is `Immediate` but for the last, which is `Expected`: who is at
//! the coast leaves at once, whenever it arrives. Certainty is `Likely`. What has `Kind` 00, 50 or 60 is off or was
//! never on: a telegram in which nothing is on ends all before it.

use crate::domain::{
    Category, Certainty, Geocode, Ground, InfoTexts, NamedValue, NonEmpty, Severity, Timestamp, Urgency,
};
use crate::format::FormatError;
use crate::format::error::excerpt;
use crate::format::local_time::instant;
use crate::format::path::Path;
use crate::format::telegram::{Act, Telegram, Told, named_area, parameter, written_area};
use crate::format::text::line;
use crate::format::xml::Element;

use super::head::{Head, InfoType, more_text};
use super::hypocentre::{self, Hypocentre};
use super::{ELEMENTS, SEISMOLOGY, scheme};

/// A stretch of coast and what is told of it.
struct Coast {
    name: String,
    code: String,
    kind: String,
    kind_name: String,
    /// Urgency and severity of what is on there, if anything is.
    on: Option<(Urgency, Severity)>,
    /// Whether nothing was on there before.
    is_new: bool,
    arrival: Option<Timestamp>,
    parameters: Vec<NamedValue>,
}

pub(super) fn read(root: &Element, head: Head) -> Result<Telegram, FormatError> {
    let basis = root.with_namespace(SEISMOLOGY);
    let body = basis.sole("Body")?;
    let mut earthquake = head.earthquake();
    let hypocentre = hypocentre::read(&body)?;
    if let Some(hypocentre) = &hypocentre {
        hypocentre.write(&mut earthquake);
    }
    let parameters = hypocentre.as_ref().map(Hypocentre::parameters).unwrap_or_default();
    let mut texts = head.texts.clone();
    if let Some(comments) = body.once("Comments")? {
        if let Some(comment) = comments.once("WarningComment")? {
            texts.instruction = more_text(&comment, "Text")?;
        }
        texts.description = more_text(&comments, "FreeFormComment")?;
    }
    let tsunami = body.sole("Tsunami")?;
    let (part, is_forecast) = match tsunami.once("Forecast")? {
        Some(forecast) => (forecast, true),
        // Offshore observations come with what they let expect at the coast, without a kind.
        None => (tsunami.sole("Estimation")?, false),
    };
    let coasts = part.all("Item").map(|item| coast(&item, is_forecast)).collect::<Result<Vec<_>, _>>()?;
    let all_new = coasts.iter().all(|coast| coast.is_new);
    let mut told = told(coasts, &head.title, &texts, &parameters);
    let is_issue = head.info_type == InfoType::Issue;
    let act = match head.serial {
        _ if told.is_empty() => Act::Cancel,
        Some(serial) if is_issue && serial <= 1 => Act::Issue,
        None if is_issue && all_new => Act::Issue,
        _ => Act::Update,
    };
    if act == Act::Cancel {
        told.push(Told::of_cancel(Category::Geo, &head.title, texts));
    }
    Ok(head.telegram(act, told, Some(earthquake)))
}

fn coast(item: &Element, is_forecast: bool) -> Result<Coast, FormatError> {
    let area = item.sole("Area")?;
    let code = line(&area.required("Code")?);
    let (mut kind, mut kind_name, mut is_new) = (String::new(), String::new(), false);
    // What was seen offshore is on its way, and how bad it is at the coast is not told.
    let mut on = Some((Urgency::Immediate, Severity::Unknown));
    if is_forecast {
        let category = item.sole("Category")?;
        let found = category.sole("Kind")?;
        kind = line(&found.required("Code")?);
        on = grades(&found.path.field("Code"), &kind)?;
        kind_name = line(&found.text("Name")?.unwrap_or_default());
        let last = category.once("LastKind")?;
        let last = last.map(|last| last.text("Code")).transpose()?.flatten();
        is_new = last.is_none_or(|code| code == "00");
    }
    let mut parameters = Vec::new();
    let mut tell = |name: &str, text: &str| parameters.push(parameter(format!("{name}:{code}"), excerpt(&line(text))));
    let mut arrival = None;
    if let Some(first) = item.once("FirstHeight")? {
        if let Some(text) = first.text("ArrivalTime")? {
            arrival = Some(instant(&first.path.field("ArrivalTime"), &text)?);
            tell("ArrivalTime", &text);
        }
        // 津波到達中と推測, 第１波の到達を確認, ただちに津波来襲と予測.
        if let Some(text) = first.text("Condition")? {
            tell("Condition", &text);
        }
    }
    if let Some(height) = item.once("MaxHeight")? {
        // In words, since a number is left out where it is 巨大 or 高い.
        let height = height.with_namespace(ELEMENTS);
        let found = height.all("TsunamiHeight").next();
        let text = found.map(|found| found.attribute("description")).transpose()?.flatten();
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            tell("TsunamiHeight", &text);
        }
    }
    let name = line(&area.text("Name")?.unwrap_or_default());
    Ok(Coast { name, code, kind, kind_name, on, is_new, arrival, parameters })
}

/// Urgency and severity of a kind; `None` if it says that nothing is on.
fn grades(path: &Path, kind: &str) -> Result<Option<(Urgency, Severity)>, FormatError> {
    match kind {
        "52" | "53" => Ok(Some((Urgency::Immediate, Severity::Extreme))),
        "51" => Ok(Some((Urgency::Immediate, Severity::Severe))),
        "62" => Ok(Some((Urgency::Immediate, Severity::Moderate))),
        "71" | "72" | "73" => Ok(Some((Urgency::Expected, Severity::Minor))),
        "00" | "50" | "60" => Ok(None),
        _ => Err(FormatError::UnknownValue { field: path.to_string(), value: excerpt(kind) }),
    }
}

/// One info for each kind that is on, the worst first.
fn told(mut coasts: Vec<Coast>, title: &str, texts: &InfoTexts, parameters: &[NamedValue]) -> Vec<Told> {
    coasts.retain(|coast| coast.on.is_some());
    let order = |coast: &Coast| coast.on.map(|(_, severity)| severity);
    coasts.sort_by(|one, other| (order(one), &one.kind).cmp(&(order(other), &other.kind)));
    let info = |coasts: &[Coast]| {
        let (urgency, severity) = coasts[0].on?;
        let code = |coast: &Coast| Geocode { scheme: scheme::TSUNAMI.into(), code: (&*coast.code).into() };
        let areas: Vec<_> = coasts.iter().map(|coast| named_area(&coast.name, Some(code(coast)))).collect();
        let written = areas.iter().map(written_area).collect();
        let event = Some(&*coasts[0].kind_name).filter(|name| !name.is_empty()).unwrap_or(title);
        let ground = Ground::Areas(NonEmpty::new(areas)?);
        let mut told = Told::new(Category::Geo, event, (urgency, severity, Certainty::Likely), ground);
        told.info.onset = coasts.iter().filter_map(|coast| coast.arrival).min();
        told.info.texts = texts.clone();
        told.info.parameters = parameters.to_vec();
        told.info.parameters.extend(coasts.iter().flat_map(|coast| coast.parameters.clone()));
        told.areas = written;
        Some(told)
    };
    coasts.chunk_by(|one, other| one.kind == other.kind).filter_map(info).collect()
}
