//! Lists of the newest earthquakes, `No1`, `No2` and so on: what JMA announced, and what CENC found. All values are
//! texts. It is information: urgency `Past`; certainty `Observed`, of what CENC has not yet reviewed `Likely`. One
//! intensity is told, of no area: severity is not known from it.

use crate::domain::{Category, Certainty, EventKey, InfoTexts, Language, Mode, Severity, Urgency};
use crate::format::error::excerpt;
use crate::format::json::Field;
use crate::format::local_time::{CHINA, JAPAN, local};
use crate::format::quake::{Quake, Step};
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::{FormatError, Message, Outline};

use super::{Keys, ground, written};

const KEYS: Keys = Keys { magnitude: "magnitude", latitude: "latitude", longitude: "longitude", depth: "depth" };

/// Each entry, in order, up to the first number that is not there.
pub(super) fn read(root: &Field, entry: impl Fn(&Field) -> Result<Outline, FormatError>) -> Vec<Message> {
    let numbered = (1..).map_while(|number| root.numbered("No", number));
    numbered.map(|found| Message { place: found.path.to_string(), outline: entry(&found) }).collect()
}

/// An earthquake as CENC found it.
pub(super) fn of_cenc(entry: &Field) -> Result<Outline, FormatError> {
    let time = |name| -> Result<_, FormatError> {
        let text = entry.required_text(name)?;
        Ok((excerpt(&text), local(&entry.path.field(name), &text, CHINA)?))
    };
    let (origin_text, origin) = time("time")?;
    let sent = if entry.text("ReportTime")?.is_some() { time("ReportTime")?.1 } else { origin };
    let mut found = written(entry, &KEYS)?;
    found.origin = Some(origin_text);
    let mut parameters = Vec::new();
    let kind = entry.required_text("type")?;
    let certainty = match &*kind {
        "reviewed" => Certainty::Observed,
        "automatic" => Certainty::Likely,
        _ => {
            let field = entry.path.field("type").to_string();
            return Err(FormatError::UnknownValue { field, value: excerpt(&kind) });
        }
    };
    parameters.push(parameter("type", &*kind));
    if let Some(intensity) = entry.text("intensity")? {
        found.intensities.push(excerpt(&intensity));
        parameters.push(parameter("MaxIntensity", excerpt(&intensity)));
        parameters.push(parameter("IntensityScale", "CSIS"));
    }
    let place = entry.text("location")?.or(entry.text("placeName")?);
    let quake = Quake {
        format: "Wolfx cenc_eqlist",
        sender: "cenc_eqlist.wolfx.jp",
        event: EventKey {
            scheme: "cenc-list".into(),
            key: line(&entry.required_text("EventID")?).into(),
            serial: None,
        },
        also: Vec::new(),
        sent,
        mode: Mode::Actual,
        step: Step::Later,
        urgency: Urgency::Past,
        certainty,
        language: Language::parse("zh-CN").unwrap_or_else(|_| Language::cap_default()),
        texts: InfoTexts { headline: place.map(|place| line(&place)), ..InfoTexts::default() },
        parameters,
        ground: ground(entry, &KEYS, &found, origin),
        written: found,
        refusals: Vec::new(),
    };
    Ok(quake.outline())
}

/// An earthquake as JMA announced it. An entry is named by its title too, since one of the intensities alone is
/// followed by one with the hypocentre.
pub(super) fn of_jma(entry: &Field) -> Result<Telegram, FormatError> {
    let name = if entry.text("time_full")?.is_some() { "time_full" } else { "time" };
    let text = entry.required_text(name)?;
    let sent = (excerpt(&text), local(&entry.path.field(name), &text, JAPAN)?);
    let event = excerpt(&line(&entry.required_text("EventID")?));
    let title = line(&entry.required_text("Title")?);
    let mut found = written(entry, &KEYS)?;
    (found.event, found.origin) = (event.clone(), Some(sent.0.clone()));
    let mut parameters = Vec::new();
    if let Some(intensity) = entry.text("shindo")? {
        found.intensities.push(excerpt(&intensity));
        parameters.push(parameter("MaxIntensity", excerpt(&intensity)));
        parameters.push(parameter("IntensityScale", "JMA"));
    }
    let (mut told, mut fault) = (Vec::new(), None);
    match ground(entry, &KEYS, &found, sent.1) {
        Ok(ground) => {
            let grades = (Urgency::Past, Severity::Unknown, Certainty::Observed);
            let mut info = Told::new(Category::Geo, &title, grades, ground);
            info.info.texts.headline = entry.text("location")?.map(|place| line(&place));
            info.info.texts.description = entry.text("info")?.map(|text| line(&text));
            info.info.parameters = parameters;
            told.push(info);
        }
        Err(error) => fault = Some(error),
    }
    Ok(Telegram {
        format: "Wolfx jma_eqlist",
        sender: "jma_eqlist.wolfx.jp",
        identifier: format!("{event}.{}", excerpt(&title)),
        sent,
        mode: Mode::Actual,
        event: Some(EventKey { scheme: "jma-quake/wolfx".into(), key: event.into(), serial: None }),
        act: Act::Update,
        told,
        earthquake: Some(found),
        fault,
        refusals: Vec::new(),
    })
}
