//! What stands beside the events of a message in real time: origins, magnitudes and the signals that they were made of.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::domain::Timestamp;
use crate::format::quake::utc;
use crate::format::xml::Element;
use crate::format::{FormatError, Refusal, Unusable};

/// What stands beside the events. It is looked through once, however many events there are.
pub(super) struct Beside<'m, 'd> {
    /// Whether there is one event, which all of this is of.
    pub(super) of_one: bool,
    pub(super) origins: Parts<'m, 'd>,
    pub(super) magnitudes: Parts<'m, 'd>,
    /// When the message was made; or what it says of that, which is no time.
    pub(super) created: Result<Option<Timestamp>, Refusal>,
    /// When the newest of the signals was observed.
    pub(super) newest_pick: Option<Timestamp>,
}

/// Origins or magnitudes.
pub(super) struct Parts<'m, 'd> {
    pub(super) all: Vec<Element<'m, 'd>>,
    pub(super) by_id: HashMap<Cow<'d, str>, Element<'m, 'd>>,
}

impl<'m, 'd> Beside<'m, 'd> {
    pub(super) fn of(all: &'m Element<'_, 'd>) -> Result<Self, FormatError> {
        let mut newest_pick = None;
        for pick in all.all("pick") {
            newest_pick = newest_pick.max(time_of(&pick).ok().flatten());
        }
        Ok(Self {
            of_one: all.all("event").nth(1).is_none(),
            origins: Parts::of(all.all("origin").collect())?,
            magnitudes: Parts::of(all.all("magnitude").collect())?,
            created: creation(all)?,
            newest_pick,
        })
    }
}

impl<'m, 'd> Parts<'m, 'd> {
    fn of(all: Vec<Element<'m, 'd>>) -> Result<Self, FormatError> {
        let mut by_id = HashMap::new();
        for part in &all {
            if let Some(id) = part.attribute("publicID")? {
                by_id.entry(id).or_insert(*part);
            }
        }
        Ok(Self { all, by_id })
    }
}

/// The time of an origin or a pick.
pub(super) fn time_of(observed: &Element) -> Result<Option<Timestamp>, FormatError> {
    let Some(time) = observed.once("time")? else { return Ok(None) };
    let text = time.text("value")?;
    text.map(|text| utc(&text, || time.path.field("value").to_string())).transpose()
}

/// When something was made, if it says so; or what it says, if that is no time.
pub(super) fn creation(of: &Element) -> Result<Result<Option<Timestamp>, Refusal>, FormatError> {
    let Some(info) = of.once("creationInfo")? else { return Ok(Ok(None)) };
    let Some(text) = info.text("creationTime")? else { return Ok(Ok(None)) };
    match utc(&text, || info.path.field("creationTime").to_string()) {
        Ok(at) => Ok(Ok(Some(at))),
        Err(FormatError::Time { field, value, source }) => {
            Ok(Err(Refusal { field, reason: Unusable::Time { value, source } }))
        }
        Err(other) => Err(other),
    }
}
