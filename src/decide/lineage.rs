//! What was decided before, and what a message continues.
//!
//! A message's mode belongs to its name: an exercise never answers for a real alert, continues it or takes its place,
//! nor the other way round (R-E9).

use std::collections::HashMap;

use compact_str::CompactString;

use crate::domain::{
    Alert, AlertId, AlertRef, Body, DeliveryKey, EventKey, Identifier, LineageId, Mode, Revision, Sender, StateScope,
    Timestamp,
};

use super::voice::{continues, earthquake, is_zoned, serial, series};
use super::{Bulletin, Content, Rules, Voice};

/// One lineage as it stands.
#[derive(Debug, Clone)]
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
    /// The newest revision.
    pub(super) bulletin: Bulletin,
}

impl Lineage {
    /// What each source says in it.
    pub fn voices(&self) -> &[Voice] {
        &self.bulletin.parts().voices
    }

    /// Whether it holds at `now`.
    pub(super) fn is_in_force(&self, now: Timestamp) -> bool {
        !self.ended && self.expires > now
    }
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
    /// The events that it takes back, though nothing of them had come.
    pub withdraws: Vec<EventKey>,
    /// The territory whose whole state it is.
    pub state: Option<StateScope>,
    /// When it was decided.
    pub at: Timestamp,
}

impl Noted {
    /// What is remembered of an alert that is not sent.
    pub fn of(alert: &Alert, at: Timestamp) -> Self {
        let is_cancel = matches!(alert.body, Body::Cancel(_));
        let state = match &alert.body {
            Body::State { scope, .. } => Some(scope.clone()),
            _ => None,
        };
        Self {
            id: alert.id.clone(),
            mode: alert.mode,
            supersedes: alert.subject.references.clone(),
            withdraws: if is_cancel { continues(alert).cloned().collect() } else { Vec::new() },
            state,
            at,
        }
    }
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

/// An event as its sender names it; of VTEC in one zone.
type Event = (Mode, Sender, CompactString, CompactString);

fn event(mode: Mode, sender: &Sender, key: &EventKey) -> Event {
    let family = if is_zoned(key) { &key.scheme } else { key.family() };
    (mode, sender.clone(), family.into(), key.key.clone())
}

/// An event that its sender has taken back.
#[derive(Debug, Clone)]
struct Withdrawn {
    sent: Timestamp,
    series: CompactString,
    serial: Option<u32>,
    decided: Timestamp,
}

impl Withdrawn {
    /// Whether what was sent of the event was before that.
    fn covers(&self, alert: &Alert) -> bool {
        let counted = self.serial.zip(serial(alert)).filter(|_| self.series == series(alert));
        self.sent >= alert.id.sent || counted.is_some_and(|(last, other)| last >= other)
    }
}

/// The whole state of a territory, as it was told last.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) sent: Timestamp,
    pub(super) identifier: Identifier,
    decided: Timestamp,
    /// The lineage of each hazard that was ever on.
    pub(super) hazards: HashMap<CompactString, LineageId>,
}

/// Every alert decided, by sender and identifier, and every lineage. Owned by the desk; brought up to date by
/// [`Self::admit`] and [`Self::note`], live and when the journal is replayed.
#[derive(Debug, Default)]
pub struct Lineages {
    known: HashMap<Name, Known>,
    superseded: HashMap<Name, Superseded>,
    withdrawn: HashMap<Event, Withdrawn>,
    states: HashMap<(Mode, Sender, StateScope), State>,
    by_id: HashMap<LineageId, Lineage>,
    /// Lineages by the family and key of their events' names, whoever uses them.
    by_event: HashMap<(Mode, CompactString, CompactString), Vec<LineageId>>,
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
    /// Where a source counts its messages, the number is in the name, and the same name is the same message.
    pub(super) fn known(&self, alert: &Alert) -> Option<&Known> {
        let counted = serial(alert).is_some();
        self.known.get(&name(alert.mode, &alert.id)).filter(|known| counted || known.sent >= alert.id.sent)
    }

    /// Whether its sender has taken back the event before this could be told of it.
    pub(super) fn is_withdrawn(&self, alert: &Alert) -> bool {
        let covers = |key: &EventKey| {
            let found = self.withdrawn.get(&event(alert.mode, &alert.id.sender, key));
            found.is_some_and(|withdrawn| withdrawn.covers(alert))
        };
        let mut names = alert.subject.names().peekable();
        if names.peek().is_some_and(|key| is_zoned(key)) { names.all(covers) } else { names.any(covers) }
    }

    /// The whole state of a territory, if any was told.
    pub(super) fn state(&self, alert: &Alert, scope: &StateScope) -> Option<&State> {
        self.states.get(&(alert.mode, alert.id.sender.clone(), scope.clone()))
    }

    /// Whether a message that came earlier has taken this one's place. A message under the same name that was sent
    /// after it is a new one: some issuers use a name again for each update.
    pub(super) fn is_superseded(&self, mode: Mode, id: &AlertId) -> bool {
        self.superseded.get(&name(mode, id)).is_some_and(|superseded| superseded.by_sent >= id.sent)
    }

    /// The lineages in force at `now` that `alert` continues: those of the messages that it names, in that order; those
    /// of its event; and where there are none, the one that is of the same earthquake. Only the sender of an alert may
    /// update or cancel it by its name; of an event also others may tell that the operator has said belong together.
    pub(super) fn continued_by(&self, alert: &Alert, rules: &Rules, now: Timestamp) -> Vec<&Lineage> {
        let own = self.known.get(&name(alert.mode, &alert.id)).and_then(|known| known.key);
        let referred = alert
            .subject
            .references
            .iter()
            .filter(|reference| reference.id.sender == alert.id.sender)
            .filter_map(|reference| self.known.get(&name(alert.mode, &reference.id))?.key);
        let by_name = own.into_iter().chain(referred).filter_map(|key| self.by_id.get(&key.lineage));
        let by_event = continues(alert).flat_map(|key| self.of_event(alert, key, rules));
        let mut found: Vec<&Lineage> = Vec::new();
        for lineage in by_name.chain(by_event) {
            if lineage.is_in_force(now) && !found.iter().any(|known| known.id == lineage.id) {
                found.push(lineage);
            }
        }
        if found.is_empty() {
            found.extend(self.of_same_earthquake(alert, rules, now));
        }
        found
    }

    /// The lineages in which somebody speaks of this event whom the alert may join.
    fn of_event(&self, alert: &Alert, key: &EventKey, rules: &Rules) -> impl Iterator<Item = &Lineage> {
        let ids = self.by_event.get(&(alert.mode, key.family().into(), key.key.clone())).into_iter().flatten();
        let joins = |voice: &Voice| {
            let (one, other) = (&voice.alert.sender, &alert.id.sender);
            voice.is_named(key) && if is_zoned(key) { one == other } else { rules.fusion.is_together(one, other) }
        };
        ids.filter_map(|id| self.by_id.get(id)).filter(move |lineage| lineage.voices().iter().any(joins))
    }

    /// The one lineage that is of the same earthquake, by others than its sender. If there are two, none.
    fn of_same_earthquake(&self, alert: &Alert, rules: &Rules, now: Timestamp) -> Option<&Lineage> {
        let source = earthquake(alert)?;
        if rules.fusion.together.is_empty() {
            return None;
        }
        let is_of_it = |voice: &Voice| {
            rules.fusion.is_together(&voice.alert.sender, &alert.id.sender)
                && voice.earthquake.as_ref().is_some_and(|known| rules.fusion.is_near(known, source))
        };
        let mut near = self.by_id.values().filter(|lineage| {
            let speaks = |voice: &Voice| voice.alert.sender == alert.id.sender;
            let (mode, voices) = (lineage.bulletin.parts().mode, lineage.voices());
            mode == alert.mode && lineage.is_in_force(now) && !voices.iter().any(speaks) && voices.iter().any(is_of_it)
        });
        near.next().filter(|_| near.next().is_none())
    }

    /// Remembers an admitted bulletin.
    pub fn admit(&mut self, bulletin: &Bulletin) {
        let parts = bulletin.parts();
        self.newest = self.newest.max(parts.lineage.0);
        let known = Known { sent: parts.alert.sent, key: Some(bulletin.key()), decided: parts.admitted };
        let name = name(parts.mode, &parts.alert);
        // Of the bulletins that one message became, the first answers for it.
        if self.known.get(&name).is_none_or(|before| before.key.is_none() || before.sent != known.sent) {
            self.known.insert(name, known);
        }
        let lineage = Lineage {
            id: parts.lineage,
            revision: parts.revision,
            sent: parts.alert.sent,
            expires: parts.expires,
            ended: matches!(parts.content, Content::Cancel(_)),
            bulletin: bulletin.clone(),
        };
        self.by_id.insert(parts.lineage, lineage);
        for absorbed in &parts.absorbs {
            if let Some(lineage) = self.by_id.get_mut(absorbed) {
                lineage.ended = true;
            }
        }
        for key in parts.voices.iter().flat_map(|voice| &voice.names) {
            let ids = self.by_event.entry((parts.mode, key.family().into(), key.key.clone())).or_default();
            if !ids.contains(&parts.lineage) {
                ids.push(parts.lineage);
            }
        }
        self.withdraw(parts.mode, &parts.alert, &parts.withdraws, parts.admitted);
        self.supersede(parts.mode, &parts.alert, &parts.supersedes, parts.admitted);
        if let Some(part) = &parts.state {
            let state = self.told_state(parts.mode, &parts.alert, &part.scope, parts.admitted);
            state.hazards.insert(part.hazard.clone(), parts.lineage);
        }
    }

    /// A state was told: the newest is remembered.
    fn told_state(&mut self, mode: Mode, id: &AlertId, scope: &StateScope, decided: Timestamp) -> &mut State {
        let new = || State { sent: id.sent, identifier: id.identifier.clone(), decided, hazards: HashMap::new() };
        let state = self.states.entry((mode, id.sender.clone(), scope.clone())).or_insert_with(new);
        if (id.sent, &id.identifier) >= (state.sent, &state.identifier) {
            (state.sent, state.identifier, state.decided) = (id.sent, id.identifier.clone(), decided);
        }
        state
    }

    fn withdraw(&mut self, mode: Mode, id: &AlertId, events: &[EventKey], decided: Timestamp) {
        for key in events {
            let series = if is_zoned(key) { "" } else { key.series() }.into();
            let new = Withdrawn { sent: id.sent, series, serial: key.serial, decided };
            let known = self.withdrawn.entry(event(mode, &id.sender, key)).or_insert_with(|| new.clone());
            if known.sent <= new.sent {
                *known = new;
            }
        }
    }

    /// Remembers an alert that was decided but not sent.
    pub fn note(&mut self, noted: &Noted) {
        let known = Known { sent: noted.id.sent, key: None, decided: noted.at };
        self.known.entry(name(noted.mode, &noted.id)).or_insert(known);
        self.supersede(noted.mode, &noted.id, &noted.supersedes, noted.at);
        self.withdraw(noted.mode, &noted.id, &noted.withdraws, noted.at);
        if let Some(scope) = &noted.state {
            self.told_state(noted.mode, &noted.id, scope, noted.at);
        }
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
        self.withdrawn.retain(|_, withdrawn| withdrawn.decided >= instant);
        self.by_event.retain(|_, lineages| {
            lineages.retain(|lineage| by_id.contains_key(lineage));
            !lineages.is_empty()
        });
        self.states.retain(|_, state| {
            state.hazards.retain(|_, lineage| by_id.contains_key(lineage));
            state.decided >= instant || !state.hazards.is_empty()
        });
        over
    }
}
