//! Alerts that wait for a person. The desk alone puts them in and takes them out; doors look.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use parking_lot::Mutex;

use crate::decide::{HeldId, Holding};
use crate::domain::{Alert, AlertRef, Body, Mode, Timestamp};

use super::Submission;

/// The most that may wait of one authority.
const MOST_OF_ONE: usize = 256;

/// The most bytes of messages that may wait, of all authorities.
const MOST_BYTES: usize = 256 << 20;

/// One that waits.
#[derive(Debug)]
pub struct HeldAlert {
    /// What is known of it.
    pub holding: Holding,
    /// What was sent.
    pub submission: Submission,
    /// How often it was an alarm that it waits.
    pub(super) alarms: AtomicU8,
}

impl HeldAlert {
    fn changes(&self, messages: &[AlertRef]) -> bool {
        let references = &self.submission.alert.subject.references;
        references.iter().any(|reference| messages.iter().any(|message| message.id == reference.id))
    }
}

/// All that wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HeldAlerts(Arc<Mutex<BTreeMap<HeldId, Arc<HeldAlert>>>>);

impl HeldAlerts {
    /// One of them.
    pub fn get(&self, id: HeldId) -> Option<Arc<HeldAlert>> {
        self.0.lock().get(&id).cloned()
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<HeldAlert>> {
        self.0.lock().values().cloned().collect()
    }

    /// Takes up what the journal had.
    pub fn recover(&self, held: HeldAlert) {
        self.0.lock().insert(held.holding.id, Arc::new(held));
    }

    /// Whether one more may wait of this authority: each is in memory with its bytes. One that waits already, and one
    /// that takes the place of such, need no room of their own.
    pub(super) fn has_room(&self, alert: &Alert, authority: &str) -> bool {
        if self.same(alert).is_some() || !self.changed_by(alert).is_empty() {
            return true;
        }
        let held = self.0.lock();
        let of_it = held.values().filter(|held| held.holding.authority == authority).count();
        let bytes: usize = held.values().map(|held| held.submission.raw.len()).sum();
        of_it < MOST_OF_ONE && bytes < MOST_BYTES
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// The number of the next: the time in microseconds, or one more than any that waits.
    pub(super) fn next(&self, now: Timestamp) -> HeldId {
        let newest = self.0.lock().keys().next_back().map_or(0, |id| id.0);
        HeldId((newest + 1).max(now.as_microsecond().max(0).cast_unsigned()))
    }

    pub(super) fn remove(&self, id: HeldId) -> Option<Arc<HeldAlert>> {
        self.0.lock().remove(&id)
    }

    /// The one that this very alert waits as, if it came before.
    pub(super) fn same(&self, alert: &Alert) -> Option<Arc<HeldAlert>> {
        let same = |held: &&Arc<HeldAlert>| held.holding.alert == alert.id && held.holding.mode == alert.mode;
        self.0.lock().values().find(same).cloned()
    }

    /// Those that the alert updates or cancels. A cancel of what one of them would change ends that one too: it would
    /// be sent as a new alert after the end of the one that it was of.
    pub(super) fn changed_by(&self, alert: &Alert) -> Vec<HeldId> {
        let (held, is_cancel) = (self.0.lock(), matches!(alert.body, Body::Cancel(_)));
        let changes = |held: &&Arc<HeldAlert>| {
            let Holding { alert: waits, mode, .. } = &held.holding;
            let own = *mode == alert.mode && waits.sender == alert.id.sender && waits.sent <= alert.id.sent;
            let ends = is_cancel && own && held.changes(&alert.subject.references);
            (held.holding.is_changed_by(alert) || ends) && *waits != alert.id
        };
        held.values().filter(changes).map(|held| held.holding.id).collect()
    }

    /// Those that would change one of these messages.
    pub(super) fn that_change(&self, messages: &[AlertRef], mode: Mode) -> Vec<HeldId> {
        let held = self.0.lock();
        let changes = held.values().filter(|held| held.holding.mode == mode && held.changes(messages));
        changes.map(|held| held.holding.id).collect()
    }

    /// Those whose deadline has passed.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<Arc<HeldAlert>> {
        self.0.lock().values().filter(|held| held.holding.deadline <= now).cloned().collect()
    }
}
