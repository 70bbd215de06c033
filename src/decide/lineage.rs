//! What was decided before, and what a message continues.

use std::collections::HashMap;

use crate::domain::{Alert, AlertId, AlertRef, DeliveryKey, Identifier, LineageId, Revision, Sender, Timestamp};

use super::{Bulletin, Content};

/// One lineage as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Which.
    pub id: LineageId,
    /// The newest revision.
    pub revision: Revision,
    /// When the authority sent the newest revision.
    pub sent: Timestamp,
    /// When the newest revision ends.
    pub expires: Timestamp,
    /// Cancelled, or taken over by another lineage.
    pub ended: bool,
}

/// An alert that was decided but not sent: remembered, so that it is answered alike when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The alert.
    pub id: AlertId,
    /// What it refers to. A cancel of what has not come yet supersedes it when it comes.
    pub supersedes: Vec<AlertRef>,
    /// When it was decided.
    pub at: Timestamp,
}

/// What a sender and identifier became.
#[derive(Debug, Clone)]
pub(super) struct Known {
    sent: Timestamp,
    /// The bulletin, if it became one.
    pub(super) key: Option<DeliveryKey>,
    decided: Timestamp,
}

type Name = (Sender, Identifier);

/// Every alert decided, by sender and identifier, and every lineage. Owned by the desk; brought up to date by
/// [`Self::admit`] and [`Self::note`], live and when the journal is replayed.
#[derive(Debug, Default)]
pub struct Lineages {
    known: HashMap<Name, Known>,
    superseded: HashMap<Name, Timestamp>,
    by_id: HashMap<LineageId, Lineage>,
    newest: u64,
}

fn name(id: &AlertId) -> Name {
    (id.sender.clone(), id.identifier.clone())
}

impl Lineages {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lineage, if it is remembered.
    pub fn get(&self, id: LineageId) -> Option<&Lineage> {
        self.by_id.get(&id)
    }

    /// The number that a new lineage gets: the time in microseconds, or one more than any before. So a server that has
    /// lost its data gives out none that a device has seen.
    pub fn next(&self, now: Timestamp) -> LineageId {
        LineageId((self.newest + 1).max(now.as_microsecond().max(0).cast_unsigned()))
    }

    /// Whether this alert was decided before, and what became of it. The same name sent at another time is another
    /// message (some issuers use an identifier again); it is known only if it is not newer.
    pub(super) fn known(&self, id: &AlertId) -> Option<&Known> {
        self.known.get(&name(id)).filter(|known| known.sent >= id.sent)
    }

    /// Whether a message that came earlier has taken this one's place.
    pub(super) fn is_superseded(&self, id: &AlertId) -> bool {
        self.superseded.contains_key(&name(id))
    }

    /// The lineages in force that `alert` continues, in the order in which it names them, each once. Only the sender of
    /// an alert may update or cancel it.
    pub(super) fn continued_by(&self, alert: &Alert) -> Vec<&Lineage> {
        let own = self.known.get(&name(&alert.id)).and_then(|known| known.key);
        let referred = alert
            .subject
            .references
            .iter()
            .filter(|reference| reference.id.sender == alert.id.sender)
            .filter_map(|reference| self.known.get(&name(&reference.id))?.key);
        let mut found: Vec<&Lineage> = Vec::new();
        for key in own.into_iter().chain(referred) {
            let Some(lineage) = self.by_id.get(&key.lineage) else { continue };
            if !lineage.ended && !found.iter().any(|known| known.id == lineage.id) {
                found.push(lineage);
            }
        }
        found
    }

    /// Remembers an admitted bulletin.
    pub fn admit(&mut self, bulletin: &Bulletin) {
        let parts = bulletin.parts();
        self.newest = self.newest.max(parts.lineage.0);
        let known = Known { sent: parts.alert.sent, key: Some(bulletin.key()), decided: parts.admitted };
        self.known.insert(name(&parts.alert), known);
        let lineage = Lineage {
            id: parts.lineage,
            revision: parts.revision,
            sent: parts.alert.sent,
            expires: parts.expires,
            ended: matches!(parts.content, Content::Cancel(_)),
        };
        self.by_id.insert(parts.lineage, lineage);
        for absorbed in &parts.absorbs {
            if let Some(lineage) = self.by_id.get_mut(absorbed) {
                lineage.ended = true;
            }
        }
        self.supersede(&parts.alert, &parts.supersedes, parts.admitted);
    }

    /// Remembers an alert that was decided but not sent.
    pub fn note(&mut self, noted: &Noted) {
        let known = Known { sent: noted.id.sent, key: None, decided: noted.at };
        self.known.entry(name(&noted.id)).or_insert(known);
        self.supersede(&noted.id, &noted.supersedes, noted.at);
    }

    fn supersede(&mut self, id: &AlertId, references: &[AlertRef], at: Timestamp) {
        for reference in references.iter().filter(|reference| reference.id.sender == id.sender) {
            self.superseded.insert(name(&reference.id), at);
        }
    }

    /// Forgets what was decided before `instant` and is over by then; returns the lineages forgotten.
    pub fn forget_before(&mut self, instant: Timestamp) -> Vec<LineageId> {
        let over: Vec<LineageId> =
            self.by_id.values().filter(|lineage| lineage.expires < instant).map(|lineage| lineage.id).collect();
        for id in &over {
            self.by_id.remove(id);
        }
        let by_id = &self.by_id;
        self.known.retain(|_, known| {
            known.decided >= instant || known.key.is_some_and(|key| by_id.contains_key(&key.lineage))
        });
        self.superseded.retain(|_, at| *at >= instant);
        over
    }
}
