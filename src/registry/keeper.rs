//! Keeps the index of places to what may be in it, no place without its person's consent (R-P1), and writes the
//! snapshots that take replaced places off the disk. When the holder of a CID has been silent for long it lets the
//! newest claim hold it.
//!
//! A withdrawal takes the place away with it. A consent that ends by itself is found by the keeper, within a minute;
//! until then planning passes it over, since it reads the row.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender, WeakSender};

use crate::domain::{Slot, Timestamp};
use crate::plan::{EPOCH, Grant};

use super::Shared;
use super::change::Change;
use super::place_log::{Ended, Snapshot};
use super::writer::Job;

/// How often the keeper looks.
const LOOK: Duration = Duration::from_mins(1);

/// How often it looks after those whose CID is claimed: their records are read from the disk.
const CLAIMS: Duration = Duration::from_hours(1);

/// The most places in one job, so that whoever else wants something does not wait for all of them.
const BATCH: usize = 1_000;

/// Looks once a minute, and writes what `snapshots` asks for, until the writer has ended and dropped its end of that.
pub(super) fn run(shared: &Shared, jobs: &WeakSender<Job>, snapshots: &Receiver<Snapshot>) {
    let (mut looked, mut claims) = (Instant::now(), Instant::now());
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
                if claims.elapsed() >= CLAIMS {
                    claims = Instant::now();
                    look_after_claims(shared, &jobs);
                }
            }
        }
    }
}

/// Looks whose CID is to be held by one that claims it.
fn look_after_claims(shared: &Shared, jobs: &Sender<Job>) {
    match shared.claimed(shared.clock.now()) {
        Ok(found) => {
            let settled =
                found.silent.chunks(BATCH).map(|slots| slots.iter().map(|&slot| Change::Settle(slot)).collect());
            let noted = found.linked.chunks(BATCH).map(|slots| slots.iter().map(|&slot| Change::Seen(slot)).collect());
            settled.chain(noted).for_each(|changes| {
                let _ = jobs.try_send(Job::Change(changes, None));
            });
        }
        Err(error) => tracing::error!(%error, "claims cannot be looked after"),
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
    /// Those whose place is in the index though their consent to hold it has ended.
    pub(super) fn expired(&self, now: Timestamp) -> Vec<Slot> {
        let ended = |slot: &Slot| {
            let grant = self.facts.row(*slot).location;
            !is_valid(grant, now) && self.places.reported_us(*slot).is_some()
        };
        self.facts.live(Slot(0)).map(|(slot, _)| slot).filter(ended).collect()
    }
}

/// Whether a grant counts at `now` (R-P1: only an unexpired one does). A row keeps whole seconds, rounded down, so a
/// grant may end up to a second early and never late.
pub(super) fn is_valid(grant: Grant, now: Timestamp) -> bool {
    // Never granted is not "until the epoch": a server's clock may be set to before it, to send alerts of the past.
    grant.until == u32::MAX || (grant.until != 0 && now.as_second() - EPOCH < i64::from(grant.until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PolicyVersion;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_grant_counts_until_it_expires_and_none_never_does() {
        let grant = Grant::until(PolicyVersion(1), Some(at(EPOCH + 100)));
        assert!(is_valid(grant, at(EPOCH + 99)));
        assert!(!is_valid(grant, at(EPOCH + 100)));
        assert!(is_valid(Grant::until(PolicyVersion(1), None), at(EPOCH + i64::from(u32::MAX))));
        assert!(!is_valid(Grant::default(), at(EPOCH - 100)));
    }
}
