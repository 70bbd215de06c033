//! An alert that a person takes back: it is over, whoever said it.

use crate::domain::{AlertId, AlertRef, EventKey, Identifier, Info, InfoTexts, Language, LineageId, Sender, Timestamp};

use super::voice::Voice;
use super::{Bulletin, BulletinParts, Content, Decision, Ignored, Lineages, Refused};

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The alert.
    pub lineage: LineageId,
    /// Whose alerts whoever asks may end; `None`: anybody's.
    pub senders: Option<Vec<Sender>>,
    /// What those who were told are told now, and in which language, if that is said; otherwise they are told in the
    /// words of the alert that it is over.
    pub headline: Option<String>,
    /// The language of that; the alert's first, if it is not said.
    pub language: Option<Language>,
}

/// Ends the whole of an alert, all that every source says in it, for those who were told and for nobody else.
///
/// What was sent before this does not come back by its name, nor by that of its event if it is of the source that spoke
/// last. What sources send after this is new: a person has judged what was said until now, and nothing that is said
/// later.
pub fn decide_end(lineages: &Lineages, ending: &Ending, now: Timestamp) -> Decision {
    let Some(lineage) = lineages.get(ending.lineage) else {
        return Decision::Ignore(Ignored::NothingToCancel);
    };
    let before = lineage.bulletin.parts();
    if !lineage.is_in_force(now) {
        return Decision::Ignore(Ignored::Duplicate(Some(lineage.bulletin.key())));
    }
    let is_foreign = |sender: &&Sender| ending.senders.as_ref().is_some_and(|own| !own.contains(sender));
    let voices = lineage.voices();
    let speaks = voices.iter().map(|voice| &voice.alert.sender).chain([&before.alert.sender]);
    if let Some(other) = speaks.into_iter().find(is_foreign) {
        return Decision::Refuse(Refused::OthersSayItToo(other.as_str().to_owned()));
    }
    let revision = lineage.revision.next();
    let sender = before.alert.sender.clone();
    let identifier = Identifier::new(&format!("hazardcast-cancel-{}-{}", ending.lineage.0, revision.0));
    let identifier = identifier.expect("letters, digits and hyphens");
    let own = voices.iter().filter(|voice| voice.alert.sender == sender);
    let withdraws: Vec<EventKey> = own.flat_map(|voice: &Voice| voice.names.iter().cloned()).collect();
    Decision::Admit(Bulletin::admit(BulletinParts {
        lineage: ending.lineage,
        revision,
        alert: AlertId { sender, identifier, sent: now },
        mode: before.mode,
        content: Content::Cancel(said(ending, lineage.bulletin.tiers().first().map(|tier| &tier.infos[..]))),
        expires: lineage.expires,
        admitted: now,
        absorbs: Vec::new(),
        supersedes: voices.iter().map(|voice| AlertRef { id: voice.alert.clone() }).collect(),
        voices: Vec::new(),
        withdraws,
        state: None,
    }))
}

/// The alert's own info in the words of whoever ends it.
fn said(ending: &Ending, infos: Option<&[Info]>) -> Vec<Info> {
    let (Some(headline), Some(first)) = (&ending.headline, infos.and_then(<[Info]>::first)) else {
        return Vec::new();
    };
    let texts = InfoTexts {
        sender_name: first.texts.sender_name.clone(),
        headline: Some(headline.clone()),
        ..InfoTexts::default()
    };
    let language = ending.language.clone().unwrap_or_else(|| first.language.clone());
    vec![Info { language, texts, parameters: Vec::new(), event_codes: Vec::new(), ..first.clone() }]
}
