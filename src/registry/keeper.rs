//! Keeps the index of places to what may be in it: no place without its person's consent (R-P1).
//!
//! A withdrawal takes the place away with it. A consent that ends by itself is found by the keeper, within a minute;
//! until then planning passes it over, since it reads the row.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::mpsc::WeakSender;

use crate::domain::{PlaceId, Slot, Timestamp};
use crate::plan::{EPOCH, Grant};

use super::Shared;
use super::change::Change;
use super::endings::Search;
use super::writer::Job;

/// How often the keeper looks.
const LOOK: Duration = Duration::from_mins(1);

/// The most places in one job, so that whoever else wants something does not wait for all of them.
const BATCH: usize = 1_000;

/// Looks once a minute, until the writer has ended and dropped its end of `writer`.
pub(super) fn run(shared: &Shared, jobs: &WeakSender<Job>, writer: &Receiver<()>) {
    let mut endings = Search::default();
    while writer.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let now = shared.clock.now();
        let mut changes: Vec<Change> = shared.expired(now).into_iter().map(Change::Expire).collect();
        changes.extend(endings.due(shared, now).unwrap_or_else(|error| {
            tracing::error!(%error, "when consents end cannot be read");
            Vec::new()
        }));
        changes.extend(shared.look_at_logs(now));
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let Some(jobs) = jobs.upgrade() else { return };
            // Waiting would be no use to anybody: what was not asked for now is found again in a minute.
            let _ = jobs.try_send(Job::by_itself(changes.by_ref().take(BATCH).collect()));
        }
    }
}

impl Shared {
    /// Those whose place is in the index though their consent to hold it has ended.
    pub(super) fn expired(&self, now: Timestamp) -> Vec<Slot> {
        let ended = |slot: &Slot| {
            let grant = self.facts.row(*slot).location;
            !is_valid(grant, now) && self.index.position(PlaceId::live(*slot)).is_some()
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
