//! What telegrams of several infos have in common, whoever writes them: what each info tells, and the alert that is
//! made of them.

use crate::domain::{
    Alert, AlertId, AlertScope, Area, Body, Category, Certainty, EventKey, Geocode, Ground, Identifier, Info,
    InfoTexts, Language, Mode, NamedValue, NonEmpty, Sender, Severity, StateScope, Subject, Timestamp, Urgency,
};

use super::limits::AREA;
use super::path::Path;
use super::{FormatError, Limits, Outline, Refusal, Unusable, Written, WrittenArea, WrittenEarthquake, WrittenInfo};

/// A telegram as it was understood.
pub(super) struct Telegram {
    /// The format with the kind of telegram, as it is told to people.
    pub(super) format: &'static str,
    pub(super) sender: &'static str,
    pub(super) identifier: String,
    /// When it was sent, as written and as an instant.
    pub(super) sent: (String, Timestamp),
    pub(super) mode: Mode,
    /// The event, by its source's own name of it.
    pub(super) event: Option<EventKey>,
    pub(super) act: Act,
    pub(super) told: Vec<Told>,
    pub(super) earthquake: Option<WrittenEarthquake>,
    /// Why no alert comes of what could be read.
    pub(super) fault: Option<FormatError>,
    pub(super) refusals: Vec<Refusal>,
}

/// What a telegram does to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The first of its event.
    Issue,
    /// A later one, with all that is known by now.
    Update,
    /// It ends those before it.
    Cancel,
    /// It is all that holds in a territory.
    State(StateScope),
}

/// One info, with its areas as they were written.
pub(super) struct Told {
    pub(super) info: Info,
    pub(super) areas: Vec<WrittenArea>,
}

/// Urgency, severity and certainty.
pub(super) type Grades = (Urgency, Severity, Certainty);

impl Told {
    /// An info without what telegrams do not have.
    pub(super) fn new(category: Category, event: &str, grades: Grades, ground: Ground) -> Self {
        let (urgency, severity, certainty) = grades;
        let info = Info {
            language: japanese(),
            categories: vec![category],
            event: event.to_owned(),
            response_types: Vec::new(),
            urgency,
            severity,
            certainty,
            event_codes: Vec::new(),
            effective: None,
            onset: None,
            expires: None,
            texts: InfoTexts::default(),
            parameters: Vec::new(),
            ground,
        };
        Self { info, areas: Vec::new() }
    }

    /// What is said to those who were told, when there is nothing any more. It has no ground of its own.
    pub(super) fn of_cancel(category: Category, event: &str, texts: InfoTexts) -> Self {
        let grades = (Urgency::Past, Severity::Unknown, Certainty::Unknown);
        let mut told = Self::new(category, event, grades, Ground::None);
        told.info.texts = texts;
        told
    }
}

/// The language of Japan's telegrams.
pub(super) fn japanese() -> Language {
    Language::parse("ja").expect("a language tag of two letters")
}

/// A name and a value.
pub(super) fn parameter(name: impl AsRef<str>, value: impl Into<String>) -> NamedValue {
    NamedValue { name: name.as_ref().into(), value: value.into() }
}

/// An area that has a name, and a code where there is one.
pub(super) fn named_area(name: &str, code: Option<Geocode>) -> Area {
    Area { description: name.to_owned(), geocodes: code.into_iter().collect(), ..Area::default() }
}

/// An area as it is written: a name and perhaps a code.
pub(super) fn written_area(area: &Area) -> WrittenArea {
    let (description, geocodes) = (area.description.clone(), area.geocodes.len());
    WrittenArea { description, geocodes, ..WrittenArea::default() }
}

/// Refuses more infos than there may be, before each is given the texts that all have in common.
pub(super) fn within_infos(count: usize, limits: &Limits) -> Result<(), FormatError> {
    within(count, limits.infos, "infos")
}

fn within(count: usize, most: usize, what: &'static str) -> Result<(), FormatError> {
    let field = "content".to_owned();
    if count > most { Err(FormatError::TooMany { field, what, most }) } else { Ok(()) }
}

impl Telegram {
    /// The telegram as it is read, if it keeps the limits.
    pub(super) fn outline(mut self, limits: &Limits) -> Result<Outline, FormatError> {
        self.keep(limits)?;
        let written = self.written();
        let refusals = std::mem::take(&mut self.refusals);
        Ok(Outline { written, alert: self.alert(), refusals })
    }

    fn keep(&mut self, limits: &Limits) -> Result<(), FormatError> {
        within_infos(self.told.len(), limits)?;
        let areas = self.told.iter().map(|told| told.areas.len()).sum();
        within(areas, limits.areas, "areas")?;
        limits.spend(&Path::ROOT.field("content"), AREA * areas as u64)?;
        for told in &self.told {
            let texts = &told.info.texts;
            for (name, text) in [
                ("headline", &texts.headline),
                ("description", &texts.description),
                ("instruction", &texts.instruction),
            ] {
                let bytes = text.as_ref().map_or(0, String::len);
                if bytes > limits.text {
                    return Err(FormatError::TooLong { field: name.to_owned(), bytes, most: limits.text });
                }
            }
        }
        if self.refusals.len() > limits.refusals {
            let more = Unusable::More(self.refusals.len() - limits.refusals);
            self.refusals.truncate(limits.refusals);
            self.refusals.push(Refusal { field: "content".to_owned(), reason: more });
        }
        Ok(())
    }

    fn written(&self) -> Written {
        let info = |told: &Told| WrittenInfo {
            language: told.info.language.as_str().to_owned(),
            event: told.info.event.clone(),
            urgency: told.info.urgency.as_str().to_owned(),
            severity: told.info.severity.as_str().to_owned(),
            certainty: told.info.certainty.as_str().to_owned(),
            expires: None,
            areas: told.areas.clone(),
        };
        let msg_type = match self.act {
            Act::Issue => "Alert",
            Act::Update => "Update",
            Act::Cancel => "Cancel",
            Act::State(_) => "State",
        };
        Written {
            format: self.format,
            identifier: self.identifier.clone(),
            sender: self.sender.to_owned(),
            sent: self.sent.0.clone(),
            msg_type: msg_type.to_owned(),
            status: format!("{:?}", self.mode),
            scope: "Public".to_owned(),
            infos: self.told.iter().map(info).collect(),
            earthquake: self.earthquake.clone(),
            geocode_count: self.told.iter().flat_map(|told| &told.areas).map(|area| area.geocodes).sum(),
            ..Written::default()
        }
    }

    fn alert(self) -> Result<Alert, FormatError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let invalid = |field: &str| {
            let field = field.to_owned();
            move |source| FormatError::Name { field, source }
        };
        let identifier = Identifier::new(&self.identifier).map_err(invalid("identifier"))?;
        let sender = Sender::new(self.sender).map_err(invalid("sender"))?;
        let infos: Vec<Info> = self.told.into_iter().map(|told| told.info).collect();
        let some = |infos| NonEmpty::new(infos).ok_or(FormatError::NoInfo);
        let body = match self.act {
            Act::Issue => Body::Issue(some(infos)?),
            Act::Update => Body::Update(some(infos)?),
            Act::Cancel if self.event.is_none() => return Err(FormatError::NoReferences),
            Act::Cancel => Body::Cancel(infos),
            Act::State(scope) => Body::State { scope, infos },
        };
        Ok(Alert {
            id: AlertId { sender, identifier, sent: self.sent.1 },
            mode: self.mode,
            subject: Subject { event: self.event, ..Subject::default() },
            scope: AlertScope::Public,
            codes: Vec::new(),
            note: None,
            body,
        })
    }
}
