//! JMA's early warnings as they are relayed: warnings and forecasts in one series, which counts for itself. Areas have
//! names only; their codes are from JMA's list. Grades are those of the telegrams (`format/jma/early_warning.rs`).

use crate::domain::{Category, Certainty, EventKey, Ground, InfoTexts, Mode, Severity, Timestamp, Urgency};
use crate::format::error::excerpt;
use crate::format::jma::{Class, Shaken, local_code, told_by_intensity, unlisted};
use crate::format::json::Field;
use crate::format::local_time::{JAPAN, local};
use crate::format::telegram::{Act, Telegram, Told, parameter};
use crate::format::text::line;
use crate::format::{FormatError, Refusal, Unusable};

use super::{Keys, flag, ground, serial, written};

const KEYS: Keys = Keys { magnitude: "Magunitude", latitude: "Latitude", longitude: "Longitude", depth: "Depth" };

pub(super) fn read(root: &Field) -> Result<Telegram, FormatError> {
    let time = |name| -> Result<(String, Timestamp), FormatError> {
        let text = root.required_text(name)?;
        Ok((excerpt(&text), local(&root.path.field(name), &text, JAPAN)?))
    };
    let (sent, origin) = (time("AnnouncedTime")?, time("OriginTime")?);
    let (event, serial) = (excerpt(&line(&root.required_text("EventID")?)), serial(root, "Serial")?);
    let title = excerpt(&line(&root.required_text("Title")?));
    let (cancelled, last) = (flag(root, "isCancel")?, flag(root, "isFinal")?);
    let mut earthquake = written(root, &KEYS)?;
    (earthquake.event, earthquake.serial) = (event.clone(), Some(serial));
    earthquake.origin = Some(origin.0);
    let place = root.text("Hypocenter")?.map(|place| line(&place));
    let texts = InfoTexts { headline: place, ..InfoTexts::default() };
    let mut parameters = vec![parameter("isFinal", last.to_string())];
    let mut most = None;
    if let Some(intensity) = root.text("MaxIntensity")? {
        most = Class::parse(&intensity);
        parameters.push(parameter("MaxIntensity", excerpt(&intensity)));
        earthquake.intensities.push(excerpt(&intensity));
    }
    let mut refusals = Vec::new();
    let (mut told, mut fault) = (Vec::new(), None);
    if cancelled {
        told.push(Told::of_cancel(Category::Geo, &title, texts));
    } else {
        let areas = areas(root, &title, &mut earthquake.intensities, &mut refusals)?;
        // Where it was assumed (PLUM), what is told of a hypocentre means nothing.
        let assumed = flag(root, "isAssumption")?;
        let of = match ground(root, &KEYS, &earthquake, origin.1) {
            Ok(Ground::Earthquake(source)) if !assumed => Some(source),
            _ => None,
        };
        told = told_by_intensity(areas, (Urgency::Immediate, Certainty::Likely), &texts, &parameters, of.as_ref());
        if told.is_empty() && assumed {
            fault = Some(FormatError::Missing { field: root.path.field("WarnArea").to_string() });
        } else if told.is_empty() {
            match ground(root, &KEYS, &earthquake, origin.1) {
                Ok(ground) => told.push(of_ground(&title, ground, most, texts, parameters)),
                Err(error) => fault = Some(error),
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
        format: "Wolfx jma_eew",
        sender: "jma_eew.wolfx.jp",
        identifier: format!("{event}.{serial}{suffix}"),
        sent,
        mode: if flag(root, "isTraining")? { Mode::Exercise } else { Mode::Actual },
        event: Some(EventKey { scheme: "jma-eew/wolfx".into(), key: event.into(), serial: Some(serial) }),
        act,
        told,
        earthquake: Some(earthquake),
        fault,
        refusals,
    })
}

fn of_ground(
    title: &str,
    ground: Ground,
    most: Option<Class>,
    texts: InfoTexts,
    parameters: Vec<crate::domain::NamedValue>,
) -> Told {
    let severity = most.map_or(Severity::Unknown, |class| class.severity(false));
    let mut told = Told::new(Category::Geo, title, (Urgency::Immediate, severity, Certainty::Likely), ground);
    (told.info.texts, told.info.parameters) = (texts, parameters);
    told
}

/// The areas: `Shindo1` is the most that is expected, `Shindo2` the least.
fn areas(
    root: &Field,
    title: &str,
    intensities: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Shaken>, FormatError> {
    let mut areas = Vec::new();
    for area in root.items("WarnArea") {
        let (most, least) = (area.text("Shindo1")?.unwrap_or_default(), area.text("Shindo2")?.unwrap_or_default());
        let (from, to) = (excerpt(&least), excerpt(&most));
        intensities.push(if from == to { from } else { format!("{from}–{to}") });
        let name = line(&area.required_text("Chiiki")?);
        let warned = area.text("Type")?.is_some_and(|kind| kind == "警報");
        let classes = [Class::parse(&least), Class::parse(&most)];
        let Some(class) = classes.into_iter().flatten().min().or(warned.then_some(Class::FOUR)) else {
            refusals.push(Refusal { field: area.path.field("Shindo2").to_string(), reason: Unusable::Missing });
            continue;
        };
        let Some(code) = local_code(&name) else {
            refusals.push(unlisted(area.path.field("Chiiki").to_string(), &name));
            continue;
        };
        let (event, parameters) = (title.to_owned(), Vec::new());
        let mut shaken = Shaken { name, code: Some(code), class, event, warned, arrival: None, parameters };
        // A time of day alone, `164315`, or `//////`: which day is not told, so that it is kept as it is.
        for (key, known_as) in [("Time", "ArrivalTime"), ("Arrive", "Condition")] {
            if let Some(text) = area.text(key)?.filter(|text| !text.starts_with('/')) {
                shaken.tell(known_as, excerpt(&text));
            }
        }
        areas.push(shaken);
    }
    Ok(areas)
}
