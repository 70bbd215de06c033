//! Keeps the index of places to what may be in it, no place without its person's consent (R-P1) and none that is too
//! old (R-P5), and writes the snapshots that take replaced places off the disk.
//!
//! A withdrawal takes the place away with it. A consent that ends by itself is found by the keeper, within a minute;
//! until then planning passes it over, since it reads the row.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::WeakSender;

use crate::domain::{AppSlot, Slot, Timestamp};
use crate::plan::{Facts, Flags, Grant};

use super::Shared;
use super::change::Change;
use super::place_log::{Ended, Snapshot};
use super::records::instant;
use super::writer::Job;

/// How often the keeper looks.
const LOOK: Duration = Duration::from_mins(1);

/// The most places in one job, so that whoever else wants something does not wait for all of them.
const BATCH: usize = 1_000;

/// Looks once a minute, and writes what `snapshots` asks for, until the writer has ended and dropped its end of that.
pub(super) fn run(shared: &Shared, jobs: &WeakSender<Job>, snapshots: &Receiver<Snapshot>) {
    let mut looked = Instant::now();
    loop {
        match snapshots.recv_timeout(LOOK.saturating_sub(looked.elapsed())) {
            Ok(snapshot) => write(shared, jobs, snapshot),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                looked = Instant::now();
                let Some(jobs) = jobs.upgrade() else { return };
                for slots in shared.expired(shared.clock.now()).chunks(BATCH) {
                    let changes = slots.iter().map(|&slot| Change::Expire(slot)).collect();
                    // Waiting would be no use to anybody: what was not asked for now is found again in a minute.
                    let _ = jobs.try_send(Job::Change(changes, None));
                }
                let _ = jobs.try_send(Job::Look);
            }
        }
    }
}

/// Writes a snapshot and hands it to the writer. One that cannot be written is given up: the log holds all that it was
/// to hold.
fn write(shared: &Shared, jobs: &WeakSender<Job>, snapshot: Snapshot) {
    let slots = shared.facts.live(Slot(0)).map(|(slot, _)| slot);
    // When the last handle of the registry is gone there is nobody who could end it.
    let goes_on = || jobs.upgrade().is_some();
    let written = snapshot.write(&shared.places, slots, goes_on).unwrap_or_else(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "the log of places could not be compacted");
        Ended::GivenUp
    });
    if let Some(jobs) = jobs.upgrade() {
        let _ = jobs.blocking_send(Job::Snapshot(written));
    }
}

impl Shared {
    /// Whether a grant in an app counts at `now`.
    pub(super) fn counts(&self, grant: Grant, app: AppSlot, now: Timestamp) -> bool {
        grant.counts(self.policies.oldest_valid(app), now)
    }

    /// Whether a place that was reported then is too old to be held.
    pub(super) fn is_stale(&self, reported_us: i64, now: Timestamp) -> bool {
        now.duration_since(instant(reported_us)) > self.place_lifetime
    }

    /// Those with a place in the index that is too old, or that no consent allows to hold any more.
    pub(super) fn expired(&self, now: Timestamp) -> Vec<Slot> {
        let ended = |(slot, facts): &(Slot, Facts)| {
            let reported = self.places.reported_us(*slot);
            let live =
                reported.is_some_and(|us| self.is_stale(us, now) || !self.counts(facts.location, facts.app(), now));
            let follows = facts.flags.has(Flags::FOLLOWS);
            live || (follows && !self.counts(self.saved_places.get(*slot), facts.app(), now))
        };
        self.facts.live(Slot(0)).filter(ended).map(|(slot, _)| slot).collect()
    }
}
