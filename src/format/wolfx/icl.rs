//! Early warnings of the Institute of Care-Life, Chengdu (成都高新减灾研究所): times in milliseconds since 1970, its own
//! names of all keys. Grades are those of the other early warnings.

use crate::domain::{Certainty, EventKey, InfoTexts, Language, Mode, Timestamp, Urgency};
use crate::format::error::excerpt;
use crate::format::json::Field;
use crate::format::quake::{Quake, Step};
use crate::format::telegram::parameter;
use crate::format::text::line;
use crate::format::{FormatError, Outline, TimeFault};

use super::{Keys, flag, ground, serial, written};

const KEYS: Keys = Keys { magnitude: "magnitude", latitude: "latitude", longitude: "longitude", depth: "depth" };

pub(super) fn read(root: &Field) -> Result<Outline, FormatError> {
    let origin = instant(root, "startAt")?;
    let sent = if root.member("updateAt").is_some() { instant(root, "updateAt")? } else { origin };
    let (event, serial) = (line(&root.required_text("eventId")?), serial(root, "updates")?);
    let mut found = written(root, &KEYS)?;
    found.origin = Some(origin.to_string());
    let mut parameters = Vec::new();
    // The intensity at the epicentre, on China's scale; 0 is none.
    if let Some(intensity) = root.text("epiIntensity")? {
        found.intensities.push(excerpt(&intensity));
        parameters.push(parameter("MaxIntensity", excerpt(&intensity)));
        parameters.push(parameter("IntensityScale", "CSIS"));
    }
    if let Some(source) = root.text("sourceType")? {
        parameters.push(parameter("sourceType", excerpt(&source)));
    }
    let step = match (flag(root, "isCancel")?, serial) {
        (true, _) => Step::Withdrawn,
        (false, 0 | 1) => Step::First,
        _ => Step::Later,
    };
    let quake = Quake {
        format: "Wolfx icl_eew",
        sender: "icl_eew.wolfx.jp",
        event: EventKey { scheme: "icl".into(), key: event.into(), serial: Some(serial) },
        also: Vec::new(),
        sent,
        mode: Mode::Actual,
        step,
        urgency: Urgency::Immediate,
        certainty: Certainty::Likely,
        language: Language::parse("zh-CN").unwrap_or_else(|_| Language::cap_default()),
        texts: InfoTexts { headline: root.text("epicenter")?.map(|place| line(&place)), ..InfoTexts::default() },
        parameters,
        ground: ground(root, &KEYS, &found, origin),
        written: found,
        refusals: Vec::new(),
    };
    Ok(quake.outline())
}

/// Milliseconds since 1970.
fn instant(of: &Field, name: &'static str) -> Result<Timestamp, FormatError> {
    let missing = || FormatError::Missing { field: of.path.field(name).to_string() };
    let number = of.number(name)?.ok_or_else(missing)?;
    let field = of.path.field(name).to_string();
    let fault = FormatError::Time { field, value: number.to_string(), source: TimeFault::NotATime };
    Timestamp::from_millisecond(number as i64).map_err(|_| fault)
}
