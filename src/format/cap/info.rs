//! CAP's `info`.

use crate::domain::{
    Area, Category, Ground, Info, InfoTexts, Language, NamedValue, NonEmpty, ResponseType, Severity, Timestamp, Urgency,
};
use crate::format::error::excerpt;
use crate::format::path::Path;
use crate::format::text::{line, plain};
use crate::format::written::Extent;
use crate::format::{FormatError, Unusable, WrittenInfo};

use super::area::area;
use super::node::Node;
use super::term::{self, word};
use super::{Reader, named_value};

/// What a tag that is absent stands for (CAP 1.2, section 3.2.2).
pub(in crate::format) const DEFAULT_LANGUAGE: &str = "en-US";

/// An info as read, as written, and what its areas cover.
pub(super) struct ReadInfo {
    pub(super) info: Info,
    pub(super) written: WrittenInfo,
    pub(super) extents: Vec<Extent>,
}

pub(super) fn info(reader: &mut Reader, element: &Node) -> Result<ReadInfo, FormatError> {
    let mut written = WrittenInfo { language: DEFAULT_LANGUAGE.to_owned(), ..WrittenInfo::default() };
    let version = reader.version;
    let language = language(reader, element, &mut written)?;
    let event = line(&element.required("event")?);
    let (urgency, written_urgency) = graded(reader, element, "urgency", Urgency::parse)?;
    let (severity, written_severity) = graded(reader, element, "severity", Severity::parse)?;
    let (certainty, written_certainty) = graded(reader, element, "certainty", term::certainty(version))?;
    let expires = element.text("expires")?;
    written.event.clone_from(&event);
    (written.urgency, written.severity, written.certainty) = (written_urgency, written_severity, written_certainty);
    written.expires = expires.map(|text| excerpt(&text));
    let (mut areas, mut extents) = (Vec::new(), Vec::new());
    for found in element.all("area") {
        let read = area(reader, &found)?;
        areas.push(read.area);
        written.areas.push(read.written);
        extents.extend(read.extents);
    }
    let info = Info {
        language,
        categories: words(element, "category", Category::parse)?,
        event,
        response_types: words(element, "responseType", ResponseType::parse)?,
        urgency,
        severity,
        certainty,
        event_codes: named_values(reader, element, "eventCode")?,
        effective: time(reader, element, "effective")?,
        onset: time(reader, element, "onset")?,
        expires: time(reader, element, "expires")?,
        texts: texts(reader, element)?,
        parameters: named_values(reader, element, "parameter")?,
        ground: NonEmpty::new(areas).map_or(Ground::None, Ground::Areas),
    };
    if info.categories.is_empty() {
        reader.refuse(&element.path.field("category"), Unusable::Missing);
    }
    Ok(ReadInfo { info, written, extents })
}

/// Gives each info without an area the areas of all others: a source that writes them once means them for every
/// language. They are counted as if they were written each time.
pub(super) fn share_areas(reader: &mut Reader, alert: &Path, infos: &mut [Info]) -> Result<(), FormatError> {
    if infos.iter().all(|info| info.ground != Ground::None) {
        return Ok(());
    }
    let mut grounds: Vec<&NonEmpty<Area>> = Vec::new();
    for info in infos.iter() {
        if let Ground::Areas(areas) = &info.ground
            && !grounds.contains(&areas)
        {
            grounds.push(areas);
        }
    }
    let Some(all) = NonEmpty::new(grounds.into_iter().flatten().cloned().collect()) else { return Ok(()) };
    let points = points(&all);
    for (index, info) in infos.iter_mut().enumerate().filter(|(_, info)| info.ground == Ground::None) {
        let path = alert.item("info", index);
        reader.count_areas(&path, all.len())?;
        reader.count_points(&path, points)?;
        info.ground = Ground::Areas(all.clone());
    }
    Ok(())
}

fn points(areas: &[Area]) -> usize {
    let polygons = areas.iter().flat_map(|area| &area.polygons);
    polygons.flat_map(|polygon| polygon.holes.iter().chain([&polygon.outer])).map(|ring| ring.points().len()).sum()
}

pub(in crate::format) fn language(
    reader: &mut Reader,
    element: &Node,
    written: &mut WrittenInfo,
) -> Result<Language, FormatError> {
    let Some(tag) = element.text("language")? else { return Ok(Language::cap_default()) };
    written.language = excerpt(&tag);
    Ok(Language::parse(&tag).unwrap_or_else(|_| {
        reader.refuse(&element.path.field("language"), Unusable::Language(excerpt(&tag)));
        Language::cap_default()
    }))
}

/// A grade. Some issuers leave it empty, some leave it out: it is `Unknown` then, which warns of less and is told.
pub(in crate::format) fn graded<T>(
    reader: &mut Reader,
    element: &Node,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(T, String), FormatError> {
    let path = element.path.field(name);
    let text = element.text(name)?.unwrap_or_else(|| {
        reader.refuse(&path, Unusable::NoGrade);
        "Unknown".into()
    });
    Ok((word(&path, &text, parse)?, text.into_owned()))
}

/// Words of which there may be several; an empty one says nothing.
pub(in crate::format) fn words<T: PartialEq>(
    element: &Node,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, FormatError> {
    let mut words = Vec::new();
    for found in element.all(name) {
        let text = found.own_text()?;
        if !text.is_empty() {
            let value = word(&found.path, &text, &parse)?;
            if !words.contains(&value) {
                words.push(value);
            }
        }
    }
    Ok(words)
}

fn named_values(reader: &mut Reader, element: &Node, name: &'static str) -> Result<Vec<NamedValue>, FormatError> {
    let mut values = Vec::new();
    for found in element.all(name) {
        values.extend(named_value(reader, &found)?);
    }
    Ok(values)
}

/// A time that may be absent. One that cannot be read is taken as absent, and told: rather a warning with the
/// operator's expiry than none.
pub(in crate::format) fn time(
    reader: &mut Reader,
    element: &Node,
    name: &'static str,
) -> Result<Option<Timestamp>, FormatError> {
    let Some(text) = element.text(name)? else { return Ok(None) };
    let path = element.path.field(name);
    let read = reader.instant(&path, &text);
    Ok(read.map_err(|source| reader.refuse(&path, Unusable::Time { value: excerpt(&text), source })).ok())
}

pub(in crate::format) fn texts(reader: &mut Reader, element: &Node) -> Result<InfoTexts, FormatError> {
    let one = |name| Ok::<_, FormatError>(element.text(name)?.map(|text| line(&text)).filter(|text| !text.is_empty()));
    let more =
        |name| Ok::<_, FormatError>(element.text(name)?.map(|text| plain(&text)).filter(|text| !text.is_empty()));
    Ok(InfoTexts {
        sender_name: one("senderName")?,
        headline: one("headline")?,
        description: more("description")?,
        instruction: instruction(reader, element)?,
        web: one("web")?,
        contact: one("contact")?,
        audience: one("audience")?,
    })
}

/// What to do. It is the more urgent to tell all of it, if it is written in several pieces.
fn instruction(reader: &mut Reader, element: &Node) -> Result<Option<String>, FormatError> {
    let mut pieces = Vec::new();
    for piece in element.all("instruction") {
        pieces.push(plain(&piece.own_text()?));
    }
    pieces.retain(|piece| !piece.is_empty());
    if pieces.len() > 1 {
        reader.refuse(&element.path.field("instruction"), Unusable::SeveralTexts);
    }
    let text = pieces.join("\n");
    if text.len() > reader.limits.text {
        let (field, bytes) = (element.path.field("instruction").to_string(), text.len());
        return Err(FormatError::TooLong { field, bytes, most: reader.limits.text });
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
