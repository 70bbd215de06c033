//! Bytes to alerts: each of the formats that authorities write, read into one [`Alert`].
//!
//! [`Bounds::messages`] is the front door. A file or body is XML or JSON (`content.rs`), parsed once within those
//! bounds; the format is found by its root among those in a list, each a `Format` with a file or folder of its own; it
//! gives one [`Message`] for each alert in it: an [`Outline`], or a [`FormatError`] that names the field that is wrong.
//! [`Bounds::read`] is for whoever expects exactly one. Parts of an alert that could not be used come with it
//! ([`Refusal`]).
//!
//! [`signature`] says who signed a message, where its authority must.
//!
//! What comes in may be hostile: bounds, which an operator sets, say what a message may cost before it is known to be
//! one, in bytes, in memory and in time; time is counted in steps of work, so that no clock is needed here. Nothing
//! here asks who sent it, what time it is, or where a geocode lies, and no address in a message is ever followed.

mod alertswiss;
mod cap;
mod check;
mod cma;
mod content;
mod decode;
mod envelope;
mod error;
mod geojson;
mod grid;
mod index;
mod jma;
mod json;
mod limits;
mod local_time;
mod meteoalarm;
mod nina;
mod number;
mod nws;
mod p2pquake;
mod part;
mod path;
mod quake;
mod quakeml;
mod reason;
mod refusal;
mod shakealert;
mod shakemap;
pub mod signature;
mod telegram;
mod text;
mod usgs;
mod vtec;
mod weather_cn;
mod wolfx;
mod written;
mod xml;

pub use check::{Audience, Complaint, Report};
pub use error::{FormatError, TimeFault};
pub use index::{IndexEntry, index};
pub use limits::Bounds;
pub use part::parts;
pub use refusal::{Refusal, Unusable};
pub use written::{Extent, Written, WrittenArea, WrittenEarthquake, WrittenInfo};

use crate::domain::Alert;

use content::{Content, Syntax};
use decode::decode;
use limits::Limits;

/// A way to write alerts.
trait Format: Sync {
    /// Whether this is how the content is written, by its root.
    fn is_of(&self, content: &Content) -> bool;
    /// The most bytes that a file of it may have.
    fn most_bytes(&self, bounds: &Bounds) -> usize {
        bounds.bytes
    }
    /// Reads every alert in it, in order.
    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError>;
}

/// Every format, the likeliest first.
const FORMATS: [&dyn Format; 15] = [
    &cap::Cap,
    &jma::Jma,
    &usgs::Usgs,
    &envelope::Envelope,
    &nws::Nws,
    &meteoalarm::MeteoAlarm,
    &nina::Nina,
    &cma::Cma,
    &weather_cn::WeatherCn,
    &alertswiss::AlertSwiss,
    &quakeml::QuakeMl,
    &shakealert::ShakeAlert,
    &shakemap::ShakeMap,
    &p2pquake::P2pQuake,
    &wolfx::Wolfx,
];

/// An alert as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What can be used of it.
    pub alert: Alert,
    /// What cannot, and why.
    pub refusals: Vec<Refusal>,
}

/// One of the messages of a file or body.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it stands, as a path from the root: `entry[3].content`; empty if it is the whole.
    pub place: String,
    /// What it says.
    pub outline: Result<Outline, FormatError>,
}

/// A message whose fields could all be read, whether or not an alert comes of them.
#[derive(Debug, Clone)]
pub struct Outline {
    /// What its source wrote.
    pub written: Written,
    /// The alert, or the rule of the whole message that it breaks.
    pub alert: Result<Alert, FormatError>,
    /// What cannot be used, and why.
    pub refusals: Vec<Refusal>,
}

impl Bounds {
    /// Reads the one message of a file or body, of any format. `media_type` is what its carrier says it is, with or
    /// without parameters; `None` or empty lets the content decide.
    pub fn read(&self, bytes: &[u8], media_type: Option<&str>) -> Result<Read, FormatError> {
        let Outline { alert, refusals, .. } = self.outline(bytes, media_type)?;
        Ok(Read { alert: alert?, refusals })
    }

    /// Reads the one message as [`read`](Self::read) does, and tells what was written.
    pub fn outline(&self, bytes: &[u8], media_type: Option<&str>) -> Result<Outline, FormatError> {
        let mut found = self.messages(bytes, media_type)?;
        match (found.pop(), found.len()) {
            (Some(message), 0) => message.outline,
            (None, _) => Err(FormatError::NoMessage),
            (Some(_), others) => Err(FormatError::SeveralMessages(others + 1)),
        }
    }

    /// Reads every message of a file or body, in order, as [`read`](Self::read) does with one. There may be none in
    /// what holds any number of them.
    pub fn messages(&self, bytes: &[u8], media_type: Option<&str>) -> Result<Vec<Message>, FormatError> {
        let size = bytes.len();
        within(size, self.most_bytes())?;
        let (syntax, charset) = Syntax::of(bytes, media_type)?;
        if bytes.is_empty() {
            return Err(FormatError::Empty);
        }
        let limits = Limits::new(*self);
        match syntax {
            Syntax::Xml => {
                let text = decode(bytes, charset)?;
                // Before anything is built of what only claims to be a grid: what its root is, is looked at again then.
                let is_grid = size > self.bytes && xml::root_name(&text) == Some(shakemap::ROOT);
                within(size, if is_grid { self.grid_bytes } else { self.bytes })?;
                let document = xml::parse(&text, &limits)?;
                found(&Content::Xml(document.root_element()), size, &limits)
            }
            Syntax::Json => {
                within(size, self.bytes)?;
                let text = decode(bytes, charset)?;
                found(&Content::Json(&json::parse(&text, &limits)?), size, &limits)
            }
        }
    }
}

/// Reads as [`Bounds::read`] does, within the bounds as shipped: for what has no settings. A door reads within those
/// that are configured.
pub fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Read, FormatError> {
    Bounds::default().read(bytes, media_type)
}

/// Reads as [`Bounds::outline`] does, within the bounds as shipped.
pub fn outline(bytes: &[u8], media_type: Option<&str>) -> Result<Outline, FormatError> {
    Bounds::default().outline(bytes, media_type)
}

/// Reads as [`Bounds::messages`] does, within the bounds as shipped.
pub fn messages(bytes: &[u8], media_type: Option<&str>) -> Result<Vec<Message>, FormatError> {
    Bounds::default().messages(bytes, media_type)
}

fn within(bytes: usize, most: usize) -> Result<(), FormatError> {
    if bytes > most { Err(FormatError::TooLarge { bytes, most }) } else { Ok(()) }
}

fn found(content: &Content, bytes: usize, limits: &Limits) -> Result<Vec<Message>, FormatError> {
    let format = FORMATS.into_iter().find(|format| format.is_of(content));
    let format = format.ok_or_else(|| content.unknown())?;
    within(bytes, format.most_bytes(limits))?;
    let messages = format.read(content, limits)?;
    if messages.len() > limits.messages {
        return Err(FormatError::TooMany { field: "content".to_owned(), what: "messages", most: limits.messages });
    }
    Ok(messages)
}

impl Message {
    /// The message that is all there is.
    fn whole(outline: Result<Outline, FormatError>) -> Self {
        Self { place: String::new(), outline }
    }
}

#[cfg(test)]
mod tests;
