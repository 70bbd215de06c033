//! CAP's `alert`.

use compact_str::CompactString;

use crate::domain::{
    Alert, AlertId, AlertRef, AlertScope, Body, Identifier, Info, InvalidName, NamedValue, NonEmpty, Sender, Subject,
    Timestamp,
};
use crate::format::error::excerpt;
use crate::format::path::Path;
use crate::format::text::plain;
use crate::format::{FormatError, Outline, Unusable, Written, vtec};

use super::ending::still_on;
use super::info::{info, share_areas};
use super::node::Node;
use super::reference::references;
use super::term::{self, MessageType, word};
use super::{Reader, within};

pub(super) fn read(mut reader: Reader, alert: &Node) -> Result<Outline, FormatError> {
    let mut written = Written { format: reader.format, ..Written::default() };
    let id = id(&mut reader, alert, &mut written)?;
    let mode = required(alert, "status", &mut written.status, term::mode)?;
    let message_type = required(alert, "msgType", &mut written.msg_type, term::message_type)?;
    let scope = required(alert, "scope", &mut written.scope, term::scope)?;
    let mut codes = Vec::new();
    for code in alert.all("code") {
        codes.push(CompactString::from(code.own_text()?));
    }
    let note = alert.text("note")?.map(|text| plain(&text)).filter(|text| !text.is_empty());
    let references = referred(&mut reader, alert, &mut written)?;
    let mut infos = Vec::new();
    for found in alert.all("info") {
        within(infos.len() + 1, reader.limits.infos, &found.path, "infos")?;
        let read = info(&mut reader, &found)?;
        infos.push(read.info);
        written.infos.push(read.written);
        written.extents.extend(read.extents);
    }
    if message_type == MessageType::Update && references.is_empty() {
        reader.refuse(&alert.path.field("references"), Unusable::UpdateOfNothing);
    }
    let mut references = references;
    expired(&reader, &alert.path, &infos, &mut references)?;
    let scope = withheld(&mut reader, &alert.path, &infos, &mut written, scope);
    let subject = vtec::subject(references, &infos, id.sent);
    let (message_type, mut infos) = match still_on(&mut reader, &alert.path, message_type, subject.continues(), infos) {
        Ok(on) => on,
        Err(fault) => {
            return Ok(Outline { written: written.with_totals(), alert: Err(fault), refusals: reader.refusals() });
        }
    };
    share_areas(&mut reader, &alert.path, &mut infos)?;
    let body = body(message_type, &subject, infos);
    let alert = body.map(|body| Alert { id, mode, subject, scope, codes, note, body });
    Ok(Outline { written: written.with_totals(), alert, refusals: reader.refusals() })
}

/// Adds the references that the NWS puts into a parameter, since what they name has expired: they count too.
pub(in crate::format) fn expired(
    reader: &Reader,
    alert: &Path,
    infos: &[Info],
    to: &mut Vec<AlertRef>,
) -> Result<(), FormatError> {
    for named in infos.iter().flat_map(|info| &info.parameters).filter(|named| named.name == "expiredReferences") {
        for found in references(&named.value).into_iter().filter_map(|reference| reference.to) {
            if !to.contains(&found) {
                to.push(found);
                within(to.len(), reader.limits.references, &alert.field("references"), "references")?;
            }
        }
    }
    Ok(())
}

/// The parameter in which senders through IPAWS name the channels that they do not want, and the channel that is the
/// public (formats.md, 3.1). If one info has it, the alert has: all infos are of one event.
const BLOCKED: (&str, &str) = ("BLOCKCHANNEL", "PUBLIC");

/// The scope that a message has when its sender may have blocked the public.
pub(in crate::format) fn withheld(
    reader: &mut Reader,
    alert: &Path,
    infos: &[Info],
    written: &mut Written,
    scope: AlertScope,
) -> AlertScope {
    let blocks = |named: &NamedValue| {
        named.name.eq_ignore_ascii_case(BLOCKED.0) && named.value.trim().eq_ignore_ascii_case(BLOCKED.1)
    };
    for (index, info) in infos.iter().enumerate() {
        if let Some(at) = info.parameters.iter().position(blocks) {
            let path = alert.item("info", index);
            reader.refuse(&path.item("parameter", at), Unusable::Withheld);
            written.withheld = true;
        }
    }
    if written.withheld && scope == AlertScope::Public { AlertScope::Withheld } else { scope }
}

/// What a message does. One that names earlier messages updates them, also if it calls itself a first one; an update
/// that names none is a first message: rather one warning too many than one too few. The NWS writes as an update what
/// ends an event: its VTEC says so.
pub(in crate::format) fn body(
    message_type: MessageType,
    subject: &Subject,
    infos: Vec<Info>,
) -> Result<Body, FormatError> {
    let references = &subject.references;
    match message_type {
        MessageType::Alert | MessageType::Update if vtec::is_end(subject) => Ok(Body::Cancel(infos)),
        MessageType::Alert | MessageType::Update => {
            let infos = NonEmpty::new(infos).ok_or(FormatError::NoInfo)?;
            Ok(if references.is_empty() { Body::Issue(infos) } else { Body::Update(infos) })
        }
        MessageType::Cancel if !subject.continues() => Err(FormatError::NoReferences),
        MessageType::Cancel => Ok(Body::Cancel(infos)),
        MessageType::Ack => Ok(Body::Ack),
        MessageType::Error => Ok(Body::Error),
    }
}

fn id(reader: &mut Reader, alert: &Node, written: &mut Written) -> Result<AlertId, FormatError> {
    let identifier = name(alert, "identifier", &mut written.identifier, Identifier::new)?;
    let sender = name(alert, "sender", &mut written.sender, Sender::new)?;
    Ok(AlertId { sender, identifier, sent: sent(reader, alert, written)? })
}

pub(in crate::format) fn name<T>(
    alert: &Node,
    field: &'static str,
    written: &mut String,
    parse: impl Fn(&str) -> Result<T, InvalidName>,
) -> Result<T, FormatError> {
    let text = alert.required(field)?;
    let name =
        parse(&text).map_err(|source| FormatError::Name { field: alert.path.field(field).to_string(), source })?;
    *written = text.into_owned();
    Ok(name)
}

pub(in crate::format) fn sent(
    reader: &mut Reader,
    alert: &Node,
    written: &mut Written,
) -> Result<Timestamp, FormatError> {
    let text = alert.required("sent")?;
    let path = alert.path.field("sent");
    let no_time = |source| FormatError::Time { field: path.to_string(), value: excerpt(&text), source };
    let sent = reader.instant(&path, &text).map_err(no_time)?;
    written.sent = text.into_owned();
    Ok(sent)
}

/// A word of a list that must be there.
pub(in crate::format) fn required<T>(
    alert: &Node,
    name: &'static str,
    written: &mut String,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, FormatError> {
    let text = alert.required(name)?;
    let value = word(&alert.path.field(name), &text, parse)?;
    *written = text.into_owned();
    Ok(value)
}

fn referred(reader: &mut Reader, alert: &Node, written: &mut Written) -> Result<Vec<AlertRef>, FormatError> {
    let Some(text) = alert.text("references")? else { return Ok(Vec::new()) };
    let found = references(&text);
    let path = alert.path.field("references");
    within(found.len(), reader.limits.references, &path, "references")?;
    let mut referred = Vec::new();
    for (index, reference) in found.into_iter().enumerate() {
        if let Some(to) = reference.to {
            referred.push(to);
        } else {
            let path = alert.path.item("references", index);
            reader.refuse(&path, Unusable::NotAReference(excerpt(&reference.written)));
        }
        written.references.push(reference.written);
    }
    Ok(referred)
}
