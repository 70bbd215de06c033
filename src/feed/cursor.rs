//! How far a feed is: what of it the desk has answered, what is in it no more, and what its mirrors said when they were
//! last asked.
//!
//! An entry is *settled* when the desk has answered, and never before: whatever happens in between it is brought again,
//! and the desk knows what it has. Nothing is settled that was not. An entry is *missing* when none of the mirrors has
//! it that were read whole, and has *vanished* when it was missing for the grace period, if it warns still.

use std::collections::{HashMap, HashSet};

use crate::domain::{AlertId, Mode, SignedDuration, Timestamp};
use crate::intake::MessageKey;

/// The most entries that are remembered. Those that are missing longest are forgotten first.
pub const MOST_ENTRIES: usize = 100_000;

/// How long a missing entry is remembered: as long as the desk remembers what it decided.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often an entry is fetched that cannot be read before it is left.
const TRIES: u8 = 3;

/// How far a feed is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Its mirrors, in their order.
    pub mirrors: Vec<Mirror>,
    entries: HashMap<MessageKey, Seen>,
    tries: HashMap<MessageKey, u8>,
    is_changed: bool,
}

/// What one mirror said when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirror {
    /// What tells whether it has changed since.
    pub validators: Validators,
    /// When the newest of its messages was sent.
    pub newest: Option<Timestamp>,
}

/// What a server gave to ask by whether something has changed (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// An entry that the desk has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub settled: Timestamp,
    /// Which mirrors have it, a bit each.
    pub present: u8,
    /// Since when none has it.
    pub missing: Option<Timestamp>,
    /// Whether it was told that it has vanished.
    pub told: bool,
    /// The alert, if it was admitted.
    pub alert: Option<Standing>,
}

/// An alert that was admitted from a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub id: AlertId,
    /// Whether it is an exercise.
    pub mode: Mode,
    /// When the last of it is over; `None` if it does not say.
    pub expires: Option<Timestamp>,
}

impl Cursor {
    /// Of a feed with so many mirrors, of which nothing is known yet.
    pub fn new(mirrors: usize) -> Self {
        Self { mirrors: vec![Mirror::default(); mirrors], ..Self::default() }
    }

    /// As it was kept.
    pub fn kept(mirrors: Vec<Mirror>, entries: HashMap<MessageKey, Seen>) -> Self {
        Self { mirrors, entries, ..Self::default() }
    }

    /// Every entry that is remembered.
    pub fn entries(&self) -> &HashMap<MessageKey, Seen> {
        &self.entries
    }

    /// The keys of what the desk has answered.
    pub fn settled(&self) -> HashSet<MessageKey> {
        self.entries.keys().copied().collect()
    }

    /// Whether the desk has answered it.
    pub fn is_settled(&self, key: &MessageKey) -> bool {
        self.entries.contains_key(key)
    }

    /// The desk has answered.
    pub fn settle(&mut self, key: MessageKey, alert: Option<Standing>, now: Timestamp) {
        self.tries.remove(&key);
        let seen = Seen { settled: now, present: 0, missing: None, told: false, alert };
        self.entries.insert(key, seen);
        self.is_changed = true;
    }

    /// What was fetched for it cannot be read. Whether it is left now: it is settled then.
    pub fn unreadable(&mut self, key: MessageKey, now: Timestamp) -> bool {
        let tries = self.tries.entry(key).or_default();
        *tries += 1;
        let is_left = *tries >= TRIES;
        if is_left {
            self.settle(key, None, now);
        }
        is_left
    }

    /// A mirror was read whole, and these are in it.
    pub fn observe(&mut self, mirror: usize, present: &HashSet<MessageKey>, now: Timestamp) {
        let bit = 1_u8.checked_shl(mirror as u32).unwrap_or_default();
        for (key, seen) in &mut self.entries {
            let before = (seen.present, seen.missing);
            seen.present = if present.contains(key) { seen.present | bit } else { seen.present & !bit };
            if seen.present != 0 {
                (seen.missing, seen.told) = (None, false);
            } else if seen.missing.is_none() {
                seen.missing = Some(now);
            }
            self.is_changed |= before != (seen.present, seen.missing);
        }
        // Tries of what is in no feed any more are of no use.
        self.tries.retain(|key, _| present.contains(key));
        self.forget(now);
    }

    /// All of a mirror's answer is settled: it may be asked whether it has changed since.
    pub fn accept(&mut self, mirror: usize, validators: Validators, newest: Option<Timestamp>) {
        if let Some(known) = self.mirrors.get_mut(mirror) {
            let new = Mirror { validators, newest: newest.or(known.newest) };
            self.is_changed |= *known != new;
            *known = new;
        }
    }

    /// Alerts that have been missing for `grace`, warn still, and were not told of yet.
    pub fn vanished(&self, grace: SignedDuration, now: Timestamp) -> Vec<(MessageKey, Standing)> {
        let is_over = |since: Timestamp| now.duration_since(since) >= grace;
        let vanished = |(key, seen): (&MessageKey, &Seen)| {
            let alert = seen.alert.as_ref().filter(|alert| alert.expires.is_none_or(|expires| expires > now))?;
            (seen.missing.is_some_and(is_over) && !seen.told).then(|| (*key, alert.clone()))
        };
        self.entries.iter().filter_map(vanished).collect()
    }

    /// It was told that this has vanished.
    pub fn told(&mut self, key: &MessageKey) {
        if let Some(seen) = self.entries.get_mut(key) {
            seen.told = true;
            self.is_changed = true;
        }
    }

    /// How many entries are missing, and how many are not.
    pub fn counts(&self) -> (usize, usize) {
        let missing = self.entries.values().filter(|seen| seen.missing.is_some()).count();
        (missing, self.entries.len() - missing)
    }

    /// Whether anything has changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// Forgets what was settled longer ago: of a feed that never shows all that is in it.
    pub fn forget_settled_before(&mut self, span: SignedDuration, now: Timestamp) {
        let before = self.entries.len();
        self.entries.retain(|_, seen| now.duration_since(seen.settled) < span);
        self.is_changed |= before != self.entries.len();
    }

    fn forget(&mut self, now: Timestamp) {
        let before = self.entries.len();
        self.entries.retain(|_, seen| seen.missing.is_none_or(|since| now.duration_since(since) < REMEMBERED));
        if self.entries.len() > MOST_ENTRIES {
            let mut missing: Vec<_> =
                self.entries.iter().filter_map(|(key, seen)| seen.missing.map(|since| (since, *key))).collect();
            missing.sort_unstable();
            for (_, key) in missing.into_iter().take(self.entries.len() - MOST_ENTRIES) {
                self.entries.remove(&key);
            }
        }
        self.is_changed |= before != self.entries.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Identifier, Sender};

    const START: Timestamp = Timestamp::constant(1_900_000_000, 0);
    const GRACE: SignedDuration = SignedDuration::from_mins(10);

    fn key(number: u8) -> MessageKey {
        MessageKey([number; 16])
    }

    fn keys(numbers: &[u8]) -> HashSet<MessageKey> {
        numbers.iter().map(|number| key(*number)).collect()
    }

    fn standing(expires: Option<Timestamp>) -> Standing {
        let (sender, identifier) = (Sender::new("a").expect("a name"), Identifier::new("b").expect("a name"));
        Standing { id: AlertId { sender, identifier, sent: START }, mode: Mode::Actual, expires }
    }

    fn at(minutes: i64) -> Timestamp {
        START + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn what_is_missing_for_a_while_has_vanished_once_and_what_came_back_has_not() {
        let mut cursor = Cursor::new(1);
        cursor.settle(key(1), Some(standing(Some(at(60)))), START);
        cursor.observe(0, &keys(&[1]), START);
        cursor.observe(0, &keys(&[]), at(1));
        assert_eq!(cursor.vanished(GRACE, at(10)), []);
        cursor.observe(0, &keys(&[1]), at(10));
        cursor.observe(0, &keys(&[]), at(11));
        assert_eq!(cursor.vanished(GRACE, at(20)), []);
        assert_eq!(cursor.vanished(GRACE, at(21)).len(), 1);
        cursor.told(&key(1));
        assert_eq!(cursor.vanished(GRACE, at(22)), []);
    }

    #[test]
    fn what_is_over_or_was_never_admitted_does_not_vanish() {
        let mut cursor = Cursor::new(1);
        cursor.settle(key(1), Some(standing(Some(at(5)))), START);
        cursor.settle(key(2), None, START);
        cursor.observe(0, &keys(&[]), at(1));
        assert_eq!(cursor.vanished(GRACE, at(30)), []);
    }

    #[test]
    fn what_any_mirror_has_is_not_missing() {
        let mut cursor = Cursor::new(2);
        cursor.settle(key(1), Some(standing(None)), START);
        cursor.observe(0, &keys(&[1]), START);
        cursor.observe(1, &keys(&[1]), START);
        cursor.observe(0, &keys(&[]), at(1));
        assert_eq!(cursor.vanished(GRACE, at(60)), []);
        cursor.observe(1, &keys(&[]), at(2));
        assert_eq!(cursor.vanished(GRACE, at(60)).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_fetched_three_times() {
        let mut cursor = Cursor::new(1);
        assert!(!cursor.unreadable(key(1), START) && !cursor.unreadable(key(1), START));
        assert!(!cursor.is_settled(&key(1)));
        assert!(cursor.unreadable(key(1), START) && cursor.is_settled(&key(1)));
    }

    proptest! {
        /// Whatever mirrors show and in whatever order, what is settled stays so while any of them has it, and nothing
        /// is settled by being seen.
        #[test]
        fn only_an_answer_settles_and_only_absence_unsettles(
            steps in prop::collection::vec((0_usize..3, prop::collection::hash_set(0_u8..6, 0..6), 0_u8..6), 0..40),
        ) {
            let mut cursor = Cursor::new(3);
            let mut answered = HashSet::new();
            for (minute, (mirror, shown, settled)) in steps.into_iter().enumerate() {
                let now = at(minute as i64);
                cursor.settle(key(settled), Some(standing(None)), now);
                answered.insert(key(settled));
                let shown: HashSet<_> = shown.into_iter().map(key).collect();
                cursor.observe(mirror, &shown, now);
                prop_assert_eq!(cursor.settled(), answered.clone());
                for (vanished, _) in cursor.vanished(SignedDuration::ZERO, now) {
                    prop_assert!(!shown.contains(&vanished));
                }
            }
        }
    }
}
