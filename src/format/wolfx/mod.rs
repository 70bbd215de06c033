//! The JSON in which Wolfx relays earthquakes, also as others do who copy its form: early warnings of JMA (`jma_eew`),
//! CENC, Sichuan, Fujian, Taiwan's CWA (`cenc_eew`, `sc_eew`, `fj_eew`, `cwa_eew`) and the ICL of Chengdu (`icl_eew`),
//! and lists of what JMA and CENC found (`jma_eqlist`, `cenc_eqlist`).
//!
//! A message sent over a web socket says by `type` what it is; one that was fetched does not and is known by its keys:
//! each source has its own key for the magnitude, its own zone and its own scale of intensity, which are never mixed.
//! These are unsigned relays of a third party: whether they may warn anyone is for the operator.

mod early_warning;
mod icl;
mod jma;
mod list;

use serde_json::Value;

use crate::domain::{Ground, Position, Source, Timestamp};

use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::{Format, FormatError, Limits, Message, WrittenEarthquake};

/// Wolfx' relay.
pub(super) struct Wolfx;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jma,
    Cenc,
    Sichuan,
    Fujian,
    Taiwan,
    Icl,
    JmaList,
    CencList,
}

impl Format for Wolfx {
    fn is_of(&self, content: &Content) -> bool {
        matches!(content, Content::Json(value) if kind_of(value).is_some())
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let kind = kind_of(value).ok_or_else(|| content.unknown())?;
        let root = Field::root(value, limits);
        match kind {
            Kind::Jma => Ok(vec![Message::whole(jma::read(&root).and_then(|telegram| telegram.outline(limits)))]),
            Kind::Icl => Ok(vec![Message::whole(icl::read(&root))]),
            Kind::JmaList => Ok(list::read(&root, |entry| list::of_jma(entry).and_then(|found| found.outline(limits)))),
            Kind::CencList => Ok(list::read(&root, list::of_cenc)),
            Kind::Cenc | Kind::Sichuan | Kind::Fujian | Kind::Taiwan => {
                Ok(vec![Message::whole(early_warning::read(&root, kind))])
            }
        }
    }
}

/// What a message is, by its `type` or by the keys that only it has.
fn kind_of(value: &Value) -> Option<Kind> {
    let has = |name: &str| value.get(name).is_some();
    match value.get("type").and_then(Value::as_str) {
        Some("jma_eew") => return Some(Kind::Jma),
        Some("cenc_eew") => return Some(Kind::Cenc),
        Some("sc_eew") => return Some(Kind::Sichuan),
        Some("fj_eew") => return Some(Kind::Fujian),
        Some("cwa_eew") => return Some(Kind::Taiwan),
        Some("icl_eew") => return Some(Kind::Icl),
        Some("jma_eqlist") => return Some(Kind::JmaList),
        Some("cenc_eqlist") => return Some(Kind::CencList),
        _ => {}
    }
    if let Some(first) = value.get("No1") {
        let is_jma = first.get("time_full").is_some() || first.get("shindo").is_some();
        return Some(if is_jma { Kind::JmaList } else { Kind::CencList });
    }
    let is_report = has("EventID") && has("ReportNum") && has("OriginTime");
    match () {
        () if has("AnnouncedTime") && has("Serial") && has("Magunitude") => Some(Kind::Jma),
        () if has("startAt") && has("updates") && has("epicenter") => Some(Kind::Icl),
        () if is_report && has("Magnitude") => Some(Kind::Cenc),
        // Fujian tells when it is the last, and no intensity; Taiwan's intensities are words, Sichuan's numbers.
        () if is_report && has("Magunitude") => match value.get("MaxIntensity") {
            None if has("isFinal") => Some(Kind::Fujian),
            Some(Value::String(_)) => Some(Kind::Taiwan),
            Some(Value::Number(_) | Value::Null) => Some(Kind::Sichuan),
            _ => None,
        },
        () => None,
    }
}

/// Where and how large an earthquake was, by its keys.
struct Keys {
    magnitude: &'static str,
    latitude: &'static str,
    longitude: &'static str,
    depth: &'static str,
}

/// What is written of an earthquake.
fn written(of: &Field, keys: &Keys) -> Result<WrittenEarthquake, FormatError> {
    Ok(WrittenEarthquake {
        magnitude: of.number(keys.magnitude)?,
        latitude: of.number(keys.latitude)?,
        longitude: of.number(keys.longitude)?,
        depth_km: depth(of, keys.depth)?,
        ..WrittenEarthquake::default()
    })
}

/// A depth in km: a number, or a text as `20km`.
fn depth(of: &Field, name: &'static str) -> Result<Option<f64>, FormatError> {
    let Some(text) = of.text(name)? else { return Ok(None) };
    let digits = text.strip_suffix("km").unwrap_or(&text);
    let is_number = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if is_number { digits.parse().ok() } else { None };
    let fault = || FormatError::NotANumber { field: of.path.field(name).to_string(), value: excerpt(&text) };
    number.map(Some).ok_or_else(fault)
}

/// The earthquake as a source of shaking, or what is missing to know it.
fn ground(of: &Field, keys: &Keys, written: &WrittenEarthquake, origin: Timestamp) -> Result<Ground, FormatError> {
    let path = |name: &'static str| of.path.field(name).to_string();
    let need = |name: &'static str, value: Option<f64>| value.ok_or_else(|| FormatError::Missing { field: path(name) });
    let (lat, lon) = (need(keys.latitude, written.latitude)?, need(keys.longitude, written.longitude)?);
    let magnitude = need(keys.magnitude, written.magnitude)? as f32;
    let epicentre = Position::from_degrees(lon, lat)
        .map_err(|source| FormatError::Ground { field: path(keys.latitude), source })?;
    let depth_km = written.depth_km.map(|depth| depth as f32);
    Ok(Ground::Earthquake(Source { epicentre, depth_km, magnitude, origin }))
}

/// A serial.
fn serial(of: &Field, name: &'static str) -> Result<u32, FormatError> {
    let text = of.required_text(name)?;
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    let field = of.path.field(name).to_string();
    number.ok_or_else(|| FormatError::NotANumber { field, value: excerpt(&text) })
}

/// A truth value that may be absent.
fn flag(of: &Field, name: &'static str) -> Result<bool, FormatError> {
    match of.text(name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(FormatError::UnknownValue { field: of.path.field(name).to_string(), value: excerpt(other) }),
    }
}

#[cfg(test)]
mod tests;
