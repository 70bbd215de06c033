//! Keeps the index of places to what may be in it, no place without its person's consent (R-P1) and none that is too
//! old (R-P5), writes the snapshots that take replaced places off the disk, and counts who is inside zones.
//!
//! It also finds what ends by itself and is to be told, what partners' logs keep too long, and whose CID is claimed who
//! has been silent for long.
//!
//! A withdrawal takes the place away with it. A consent that ends by itself is found by the keeper, within a minute, or
//! in one of the next where very many end at once; until then planning passes it over, since it reads the row.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender, WeakSender};

use crate::domain::{AppSlot, Slot, Timestamp};
use crate::plan::{Facts, Flags, Grant};

use super::Shared;
use super::change::Change;
use super::endings::Search;
use super::place_log::{Ended, Snapshot};
use super::records::instant;
use super::writer::Job;

/// How often the keeper looks.
const LOOK: Duration = Duration::from_mins(1);

/// The most places that are taken up in one look; others are found by the next.
const EXPIRED: usize = 50_000;

/// How often it looks after those whose CID is claimed, and after old identity keys: that is read from the disk.
const CLAIMS: Duration = Duration::from_hours(1);

/// The most changes in one job, so that whoever else wants something does not wait for all of them.
const BATCH: usize = 1_000;

/// Looks once a minute, and writes what `snapshots` asks for, until the writer has ended and dropped its end of that.
pub(super) fn run(shared: &Shared, jobs: &WeakSender<Job>, snapshots: &Receiver<Snapshot>) {
    shared.count_zones();
    let (mut looked, mut claims, mut endings) = (Instant::now(), Instant::now(), Search::default());
    loop {
        match snapshots.recv_timeout(LOOK.saturating_sub(looked.elapsed())) {
            Ok(snapshot) => write(shared, jobs, snapshot),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                looked = Instant::now();
                let Some(jobs) = jobs.upgrade() else { return };
                let mut changes = shared.look(&mut endings);
                if claims.elapsed() >= CLAIMS {
                    claims = Instant::now();
                    changes.extend(shared.look_at_claims());
                    look_at_keys(shared, &jobs);
                }
                for job in in_jobs(changes) {
                    // Waiting would be no use to anybody: what was not asked for now is found again in a minute.
                    let _ = jobs.try_send(Job::by_itself(job));
                }
                let _ = jobs.try_send(Job::Look);
                shared.count_zones();
            }
        }
    }
}

/// Has removed what identity keys left whose time is over. It is much once in a long while: the writer is waited for.
fn look_at_keys(shared: &Shared, jobs: &Sender<Job>) {
    let looked = shared.look_at_keys(|change| {
        let _ = jobs.blocking_send(Job::by_itself(vec![Change::Key(change)]));
    });
    if let Err(error) = looked {
        tracing::error!(%error, "what old identity keys left cannot be read");
    }
}

/// Changes in jobs that weigh no more than one may.
pub(super) fn in_jobs(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut jobs: Vec<Vec<Change>> = Vec::new();
    let mut weight = BATCH;
    for change in changes {
        weight += change.weight();
        if weight > BATCH {
            jobs.push(Vec::new());
            weight = change.weight();
        }
        jobs.last_mut().expect("the first one is begun at once").push(change);
    }
    jobs
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

    /// What is to be done by the time that it is now.
    pub(super) fn look(&self, endings: &mut Search) -> Vec<Change> {
        let now = self.clock.now();
        let mut changes = endings.due(self, now).unwrap_or_else(|error| {
            tracing::error!(%error, "when consents end cannot be read");
            Vec::new()
        });
        changes.extend(self.expired(now).map(Change::Expire));
        changes.extend(self.look_at_logs(now));
        changes
    }

    /// Those with a place that is too old, or that no consent allows to hold any more, up to [`EXPIRED`] of them.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = Slot> {
        let ended = move |(slot, facts): &(Slot, Facts)| {
            let reported = self.places.reported_us(*slot);
            let live =
                reported.is_some_and(|us| self.is_stale(us, now) || !self.counts(facts.location, facts.app(), now));
            let follows = facts.flags.has(Flags::FOLLOWS);
            live || (follows && !self.counts(self.saved_places.get(*slot), facts.app(), now))
        };
        self.facts.live(Slot(0)).filter(ended).map(|(slot, _)| slot).take(EXPIRED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_weighs_much_is_a_job_of_its_own() {
        let changes = (0..2_500).map(|slot| Change::Expire(Slot(slot))).chain([1, 2].map(|end| Change::Prune(0, end)));
        let jobs: Vec<usize> = in_jobs(changes.collect()).iter().map(Vec::len).collect();
        assert_eq!(jobs, [1_000, 1_000, 500, 1, 1]);
        assert!(in_jobs(Vec::new()).is_empty());
    }
}
