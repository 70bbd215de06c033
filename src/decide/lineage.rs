//! What was decided before, and what a message continues.
//!
//! A message's mode belongs to its name: an exercise never answers for a real alert, continues it or takes its place,
//! nor the other way round (R-E9).

use std::collections::HashMap;

use crate::domain::{Alert, AlertId, AlertRef, DeliveryKey, Identifier, LineageId, Mode, Revision, Sender, Timestamp};

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
    /// Whether it was for real.
    pub mode: Mode,
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

/// What names a message; `sent` tells apart those whose issuer has used the name again.
type Name = (Mode, Sender, Identifier);

/// What has taken the place of a message.
#[derive(Debug, Clone, Copy)]
struct Superseded {
    /// When the authority sent what has taken its place.
    by_sent: Timestamp,
    decided: Timestamp,
}

/// Every alert decided, by sender and identifier, and every lineage. Owned by the desk; brought up to date by
/// [`Self::admit`] and [`Self::note`], live and when the journal is replayed.
#[derive(Debug, Default)]
pub struct Lineages {
    known: HashMap<Name, Known>,
    superseded: HashMap<Name, Superseded>,
    by_id: HashMap<LineageId, Lineage>,
    newest: u64,
}

fn name(mode: Mode, id: &AlertId) -> Name {
    (mode, id.sender.clone(), id.identifier.clone())
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
    pub(super) fn known(&self, mode: Mode, id: &AlertId) -> Option<&Known> {
        self.known.get(&name(mode, id)).filter(|known| known.sent >= id.sent)
    }

    /// Whether a message that came earlier has taken this one's place. A message under the same name that was sent
    /// after it is a new one: some issuers use a name again for each update.
    pub(super) fn is_superseded(&self, mode: Mode, id: &AlertId) -> bool {
        self.superseded.get(&name(mode, id)).is_some_and(|superseded| superseded.by_sent >= id.sent)
    }

    /// The lineages in force at `now` that `alert` continues, in the order in which it names them, each once. Only the
    /// sender of an alert may update or cancel it.
    pub(super) fn continued_by(&self, alert: &Alert, now: Timestamp) -> Vec<&Lineage> {
        let own = self.known.get(&name(alert.mode, &alert.id)).and_then(|known| known.key);
        let referred = alert
            .subject
            .references
            .iter()
            .filter(|reference| reference.id.sender == alert.id.sender)
            .filter_map(|reference| self.known.get(&name(alert.mode, &reference.id))?.key);
        let mut found: Vec<&Lineage> = Vec::new();
        for key in own.into_iter().chain(referred) {
            let Some(lineage) = self.by_id.get(&key.lineage) else { continue };
            let in_force = !lineage.ended && lineage.expires > now;
            if in_force && !found.iter().any(|known| known.id == lineage.id) {
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
        self.known.insert(name(parts.mode, &parts.alert), known);
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
        self.supersede(parts.mode, &parts.alert, &parts.supersedes, parts.admitted);
    }

    /// Remembers an alert that was decided but not sent.
    pub fn note(&mut self, noted: &Noted) {
        let known = Known { sent: noted.id.sent, key: None, decided: noted.at };
        self.known.entry(name(noted.mode, &noted.id)).or_insert(known);
        self.supersede(noted.mode, &noted.id, &noted.supersedes, noted.at);
    }

    fn supersede(&mut self, mode: Mode, id: &AlertId, references: &[AlertRef], decided: Timestamp) {
        for reference in references.iter().filter(|reference| reference.id.sender == id.sender) {
            let new = Superseded { by_sent: id.sent, decided };
            let known = self.superseded.entry(name(mode, &reference.id)).or_insert(new);
            known.by_sent = known.by_sent.max(id.sent);
            known.decided = known.decided.max(decided);
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
        self.superseded.retain(|_, superseded| superseded.decided >= instant);
        over
    }
}
