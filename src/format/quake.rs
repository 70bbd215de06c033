//! What messages about earthquakes have in common, whoever writes them: from what a network says of one event an alert
//! is made, in CAP's words.
//!
//! An earthquake message has no name of its own beyond the event's and its serial or time, so that its identifier is
//! made of these; the event's own name goes with it ([`EventKey`]), since it is by that that one message continues
//! another. Where it shakes is not for a reader to say: [`Ground::Earthquake`] is resolved by whoever knows the ground.

use crate::domain::{
    Alert, AlertId, AlertScope, Body, Category, Certainty, EventKey, Ground, Identifier, Info, InfoTexts, Language,
    Mode, NamedValue, NonEmpty, Sender, Severity, Subject, Timestamp, Urgency,
};

use super::text::bare;
use super::{FormatError, Outline, Refusal, Written, WrittenEarthquake, WrittenInfo};

/// What a network says of one event.
pub(super) struct Quake {
    /// The format with its version, as it is told to people.
    pub(super) format: &'static str,
    /// Who says it: the network's own name.
    pub(super) sender: &'static str,
    /// The event, by the network's own name of it.
    pub(super) event: EventKey,
    /// When it was said.
    pub(super) sent: Timestamp,
    pub(super) mode: Mode,
    pub(super) step: Step,
    pub(super) urgency: Urgency,
    pub(super) certainty: Certainty,
    /// The language of its texts.
    pub(super) language: Language,
    pub(super) texts: InfoTexts,
    /// What else it says, by its own names.
    pub(super) parameters: Vec<NamedValue>,
    /// Where it shakes, or where the earthquake was; or what is missing to know that.
    pub(super) ground: Result<Ground, FormatError>,
    /// What is written of the event.
    pub(super) written: WrittenEarthquake,
    pub(super) refusals: Vec<Refusal>,
}

/// What a message does to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first of its event.
    First,
    /// A later one, with all that is known by now.
    Later,
    /// There was no such earthquake.
    Withdrawn,
}

impl Quake {
    /// The message as it is read.
    pub(super) fn outline(self) -> Outline {
        let id = self.id();
        let written = self.written(id.as_ref().ok());
        let refusals = self.refusals.clone();
        let alert = id.and_then(|id| self.alert(id));
        Outline { written, alert, refusals }
    }

    fn id(&self) -> Result<AlertId, FormatError> {
        let invalid = |field: &str| {
            let field = field.to_owned();
            move |source| FormatError::Name { field, source }
        };
        let version = self.event.serial.map_or_else(
            || self.sent.as_millisecond().to_string(),
            |serial| format!("{serial}.{}", self.sent.as_millisecond()),
        );
        let identifier = Identifier::new(&format!("{}.{version}", self.event.key)).map_err(invalid("event"))?;
        let sender = Sender::new(self.sender).map_err(invalid("sender"))?;
        Ok(AlertId { sender, identifier, sent: self.sent })
    }

    fn alert(self, id: AlertId) -> Result<Alert, FormatError> {
        let subject = Subject { references: Vec::new(), event: Some(self.event) };
        let body = if self.step == Step::Withdrawn {
            Body::Cancel(Vec::new())
        } else {
            let info = Info {
                language: self.language,
                categories: vec![Category::Geo],
                event: "Earthquake".to_owned(),
                response_types: Vec::new(),
                urgency: self.urgency,
                // By how strongly it shakes, where that is known.
                severity: Severity::Unknown,
                certainty: self.certainty,
                event_codes: Vec::new(),
                effective: None,
                onset: None,
                expires: None,
                texts: bared(&self.texts),
                parameters: self.parameters,
                ground: self.ground?,
            };
            let infos = NonEmpty::of(info);
            if self.step == Step::First { Body::Issue(infos) } else { Body::Update(infos) }
        };
        let (codes, note) = (Vec::new(), None);
        Ok(Alert { id, mode: self.mode, subject, scope: AlertScope::Public, codes, note, body })
    }

    fn written(&self, id: Option<&AlertId>) -> Written {
        let infos = match self.step {
            Step::Withdrawn => Vec::new(),
            _ => vec![WrittenInfo {
                language: self.language.as_str().to_owned(),
                event: "Earthquake".to_owned(),
                urgency: self.urgency.as_str().to_owned(),
                severity: Severity::Unknown.as_str().to_owned(),
                certainty: self.certainty.as_str().to_owned(),
                ..WrittenInfo::default()
            }],
        };
        let msg_type = match self.step {
            Step::First => "Alert",
            Step::Later => "Update",
            Step::Withdrawn => "Cancel",
        };
        Written {
            format: self.format,
            identifier: id.map(|id| id.identifier.as_str().to_owned()).unwrap_or_default(),
            sender: self.sender.to_owned(),
            sent: self.sent.to_string(),
            msg_type: msg_type.to_owned(),
            status: format!("{:?}", self.mode),
            scope: "Public".to_owned(),
            infos,
            earthquake: Some(WrittenEarthquake {
                event: self.event.key.to_string(),
                serial: self.event.serial,
                ..self.written.clone()
            }),
            ..Written::default()
        }
    }
}

/// Whatever a reader made of its source's texts, nothing in them can turn or hide what a person reads.
fn bared(texts: &InfoTexts) -> InfoTexts {
    let bared = |text: &Option<String>| text.as_deref().map(bare);
    InfoTexts {
        sender_name: bared(&texts.sender_name),
        headline: bared(&texts.headline),
        description: bared(&texts.description),
        instruction: bared(&texts.instruction),
        web: bared(&texts.web),
        contact: bared(&texts.contact),
        audience: bared(&texts.audience),
    }
}
