//! Reports of places, counted.
//!
//! Millions of phones report where they are many times a day. A record for each would drown what the log is for, and
//! would be a track of its own; and who reports is the partner whose registration it is. So the log has one record for
//! each caller and app that reported at all, about once a minute: how many reports there were, how many of them asked
//! for the place to be forgotten, and how many were refused. Whoever *reads* a place is in the log by themselves, each
//! time.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::{Act, Actor, AppName, AuditEntry, Timestamp};

/// What became of some reports of places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceCounts {
    /// How many reports there were.
    pub reported: u64,
    /// How many of them asked for the place to be forgotten.
    pub forgotten: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// What one caller has reported for one app.
#[derive(Debug)]
struct Row {
    actor: Actor,
    counts: PlaceCounts,
    since: Timestamp,
}

/// What was reported since records were last written.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<AppName, Vec<Row>>>);

impl Places {
    /// Adds to what a caller has reported.
    pub(super) fn add(&self, actor: &Actor, app: &AppName, counts: PlaceCounts, now: Timestamp) {
        let mut apps = self.0.lock();
        // Looked up first, so that a name is copied once a minute and not once a report.
        let rows = match apps.get_mut(app) {
            Some(rows) => rows,
            None => apps.entry(app.clone()).or_default(),
        };
        match rows.iter_mut().find(|row| row.actor == *actor) {
            Some(row) => {
                row.counts.reported += counts.reported;
                row.counts.forgotten += counts.forgotten;
                row.counts.refused += counts.refused;
            }
            None => rows.push(Row { actor: actor.clone(), counts, since: now }),
        }
    }

    /// What is to be written, in the order of apps; from here on counting begins anew.
    pub(super) fn take(&self) -> Vec<AuditEntry> {
        let mut apps: Vec<_> = std::mem::take(&mut *self.0.lock()).into_iter().collect();
        apps.sort_by(|(one, _), (other, _)| one.cmp(other));
        let rows = apps.into_iter().flat_map(|(app, rows)| rows.into_iter().map(move |row| (app.clone(), row)));
        let entry = |(app, Row { actor, counts, since }): (AppName, Row)| {
            let PlaceCounts { reported, forgotten, refused } = counts;
            let act = Act::PlacesReported { reported, forgotten, refused, since };
            AuditEntry { actor, act, subjects: Vec::new(), object: app.to_string().into() }
        };
        rows.map(entry).collect()
    }
}
