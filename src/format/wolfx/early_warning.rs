//! Early warnings of CENC, Sichuan, Fujian and Taiwan: one shape, with differences in the keys.
//!
//! Urgency is `Immediate` and certainty `Likely`: seconds remain, and what is expected follows from waves that were
//! seen. Severity is not told: the one intensity is that of the epicentre, which says nothing of other places. It is
//! kept as it is written, with its scale: China's (GB/T 17742) as a number, Taiwan's (中央氣象署) in words.

use crate::domain::{Certainty, EventKey, InfoTexts, Language, Mode, Urgency};
use crate::format::error::excerpt;
use crate::format::json::Field;
use crate::format::local_time::{CHINA, local};
use crate::format::quake::{Quake, Step};
use crate::format::telegram::parameter;
use crate::format::text::line;
use crate::format::{FormatError, Outline};

use super::{Keys, Kind, flag, ground, serial, written};

/// A source: its format, its name as a sender, the scheme of its events, its key of the magnitude, its language and its
/// scale of intensity.
type Network = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

fn network(kind: Kind) -> Network {
    match kind {
        Kind::Cenc => ("Wolfx cenc_eew", "cenc_eew.wolfx.jp", "cenc", "Magnitude", "zh-CN", "CSIS"),
        Kind::Fujian => ("Wolfx fj_eew", "fj_eew.wolfx.jp", "fj", "Magunitude", "zh-CN", "CSIS"),
        Kind::Taiwan => ("Wolfx cwa_eew", "cwa_eew.wolfx.jp", "cwa", "Magunitude", "zh-TW", "CWA"),
        _ => ("Wolfx sc_eew", "sc_eew.wolfx.jp", "sc", "Magunitude", "zh-CN", "CSIS"),
    }
}

pub(super) fn read(root: &Field, kind: Kind) -> Result<Outline, FormatError> {
    let (format, sender, scheme, magnitude, language, scale) = network(kind);
    let time = |name| -> Result<_, FormatError> {
        let text = root.required_text(name)?;
        Ok((excerpt(&text), local(&root.path.field(name), &text, CHINA)?))
    };
    let (origin_text, origin) = time("OriginTime")?;
    // Fujian and others may leave out when they report; it was not before the earthquake.
    let sent = if root.text("ReportTime")?.is_some() { time("ReportTime")?.1 } else { origin };
    let (event, serial) = (line(&root.required_text("EventID")?), serial(root, "ReportNum")?);
    let keys = Keys { magnitude, latitude: "Latitude", longitude: "Longitude", depth: "Depth" };
    let mut found = written(root, &keys)?;
    found.origin = Some(origin_text);
    let (cancelled, last) = (flag(root, "isCancel")?, flag(root, "isFinal")?);
    let mut parameters = vec![parameter("isFinal", last.to_string())];
    if let Some(intensity) = root.text("MaxIntensity")? {
        found.intensities.push(excerpt(&intensity));
        parameters.push(parameter("MaxIntensity", excerpt(&intensity)));
        parameters.push(parameter("IntensityScale", scale));
    }
    let step = match (cancelled, serial) {
        (true, _) => Step::Withdrawn,
        (false, 0 | 1) => Step::First,
        _ => Step::Later,
    };
    let place = root.text("HypoCenter")?.map(|place| line(&place));
    let quake = Quake {
        format,
        sender,
        event: EventKey { scheme: scheme.into(), key: event.into(), serial: Some(serial) },
        also: Vec::new(),
        sent,
        mode: Mode::Actual,
        step,
        urgency: Urgency::Immediate,
        certainty: Certainty::Likely,
        language: Language::parse(language).unwrap_or_else(|_| Language::cap_default()),
        texts: InfoTexts { headline: place, ..InfoTexts::default() },
        parameters,
        ground: ground(root, &keys, &found, origin),
        written: found,
        refusals: Vec::new(),
    };
    Ok(quake.outline())
}
