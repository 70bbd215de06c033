//! The JSON in which P2PQuake relays JMA's telegrams (P2P地震情報 JSON API v2): one message or a list of them.
//!
//! `code` says what a message is: 551 information about an earthquake, 552 tsunami warnings, 556 an early warning (the
//! warnings alone, VXSE43). 554 says only that an early warning was heard of, before it could be read: it warns nobody.
//! 561 and the like are what its users report, nothing official: refused. Times are Japan's, without a zone; what is
//! not known is -1, a position -200. Areas have names only, which are JMA's; their codes are from JMA's list. It is a
//! relay without a signature: whether it may warn anyone is for the operator.

mod early_warning;
mod quake;
mod tsunami;

use serde_json::Value;

use crate::domain::{Position, Source, Timestamp};

use super::content::Content;
use super::error::excerpt;
use super::json::Field;
use super::local_time::{JAPAN, local};
use super::path::Path;
use super::{Format, FormatError, Limits, Message, Outline, Refusal, Unusable, Written, WrittenEarthquake};

/// P2PQuake's relay.
pub(super) struct P2pQuake;

const SENDER: &str = "api.p2pquake.net";

/// The codes that there are: 551 to 556 but 555 are relayed from JMA; 555, 561 and 9611 tell of the relay's own peers.
const CODES: [u16; 7] = [551, 552, 554, 555, 556, 561, 9611];

impl Format for P2pQuake {
    fn is_of(&self, content: &Content) -> bool {
        match content {
            Content::Json(Value::Array(list)) => list.first().is_some_and(|first| code_of(first).is_some()),
            Content::Json(value) => code_of(value).is_some(),
            Content::Xml(_) => false,
        }
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Json(value) = content else { return Err(content.unknown()) };
        let root = Field::root(value, limits);
        if value.is_array() {
            let each = |item: Field| Message { place: item.path.to_string(), outline: message(&item, limits) };
            return Ok(root.own_items("").map(each).collect());
        }
        Ok(vec![Message::whole(message(&root, limits))])
    }
}

/// What a message is by its `code`, or, where that is left out as by P2PQuake's own converter, by what it has.
fn code_of(value: &Value) -> Option<u16> {
    if let Some(code) = value.get("code") {
        return code.as_u64().and_then(|code| CODES.into_iter().find(|known| u64::from(*known) == code));
    }
    let has = |name: &str| value.get(name).is_some();
    match () {
        () if !has("issue") => None,
        () if has("earthquake") && has("points") => Some(551),
        () if has("areas") && has("cancelled") && !has("earthquake") => Some(552),
        () => None,
    }
}

fn message(field: &Field, limits: &Limits) -> Result<Outline, FormatError> {
    let code = field.number("code")?;
    let found = code_of(field.value());
    let place = field.path.field("code");
    let mut refusals = Vec::new();
    if let (None, Some(found)) = (code, found) {
        refusals.push(Refusal { field: place.to_string(), reason: Unusable::TakenForCode(found) });
    }
    match found {
        Some(551) => quake::read(field, refusals)?.outline(limits),
        Some(552) => tsunami::read(field, refusals)?.outline(limits),
        Some(554) => detection(field, &place),
        Some(556) => early_warning::read(field, refusals)?.outline(limits),
        Some(_) => Err(unofficial(&place)),
        None => Err(FormatError::Missing { field: place.to_string() }),
    }
}

fn unofficial(code: &Path) -> FormatError {
    let why = "is neither 551, 552, 554 nor 556: what users report, or peers of the relay, is no official message";
    FormatError::NotForPublic { field: code.to_string(), why }
}

/// 554: an early warning was heard of, and nothing of it is known yet.
fn detection(field: &Field, code: &Path) -> Result<Outline, FormatError> {
    let (written_time, at) = time(field, "time")?;
    let why = "is 554: an early warning was heard of, and not yet where or how strong: no alert for the public";
    let written = Written {
        format: "P2PQuake 554",
        identifier: field.text("id")?.map_or_else(|| format!("554.{}", at.as_millisecond()), |id| excerpt(&id)),
        sender: SENDER.to_owned(),
        sent: written_time,
        msg_type: "Alert".to_owned(),
        status: "System".to_owned(),
        scope: "Public".to_owned(),
        ..Written::default()
    };
    let alert = Err(FormatError::NotForPublic { field: code.to_string(), why });
    Ok(Outline { written, alert, refusals: Vec::new() })
}

/// A time in Japan, as written and as an instant.
fn time(of: &Field, name: &'static str) -> Result<(String, Timestamp), FormatError> {
    let text = of.required_text(name)?;
    Ok((excerpt(&text), local(&of.path.field(name), &text, JAPAN)?))
}

/// A time that may be absent. The year 1 stands for none (`p2pquake/api-v2-code551.json`, `Other`).
fn time_if_any(of: &Field, name: &'static str) -> Result<Option<(String, Timestamp)>, FormatError> {
    if of.text(name)?.is_none_or(|text| text.starts_with("0001/")) {
        return Ok(None);
    }
    time(of, name).map(Some)
}

/// A text that must be `true` or `false`; absent is `false`.
fn flag(of: &Field, name: &'static str) -> Result<bool, FormatError> {
    match of.text(name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(FormatError::UnknownValue { field: of.path.field(name).to_string(), value: excerpt(other) }),
    }
}

/// Reads `hypocenter` into what is written, without what stands for nothing; gives the place's name.
fn hypocentre(earthquake: &Field, written: &mut WrittenEarthquake) -> Result<Option<String>, FormatError> {
    let Some(found) = earthquake.member("hypocenter") else { return Ok(None) };
    // A magnitude of -1 is none, and so is a depth; smaller ones are not relayed.
    let known = |name| Ok::<_, FormatError>(found.number(name)?.filter(|number| *number > -1.0));
    let on_globe = |name| Ok::<_, FormatError>(found.number(name)?.filter(|number| *number > -200.0));
    (written.magnitude, written.depth_km) = (known("magnitude")?, known("depth")?);
    (written.latitude, written.longitude) = (on_globe("latitude")?, on_globe("longitude")?);
    Ok(found.text("name")?.map(|name| super::text::line(&name)))
}

/// The source of shaking, if enough is known of it.
fn source(earthquake: &Field, written: &WrittenEarthquake, origin: Option<Timestamp>) -> Result<Source, FormatError> {
    let hypocentre = earthquake.path.field("hypocenter");
    let missing = |path: Path| FormatError::Missing { field: path.to_string() };
    let (Some(lon), Some(lat)) = (written.longitude, written.latitude) else { return Err(missing(hypocentre)) };
    let magnitude = written.magnitude.ok_or_else(|| missing(hypocentre.field("magnitude")))? as f32;
    let origin = origin.ok_or_else(|| missing(earthquake.path.field("time")))?;
    let epicentre = Position::from_degrees(lon, lat)
        .map_err(|source| FormatError::Ground { field: hypocentre.to_string(), source })?;
    Ok(Source { epicentre, depth_km: written.depth_km.map(|depth| depth as f32), magnitude, origin })
}
