//! The one writer: takes what waits, makes it durable in one commit, then lets memory and callers know.

use std::error::Error;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc as threads};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::domain::{Act, AuditEntry};

use super::change::{Change, Done, Next, Pending};
use super::effects::Forgotten;
use super::place_log::{Ended, PlaceLog, Snapshot};
use super::witness::Witness;
use super::{RegistryError, Shared};

/// The most reports of places in one commit, but for the rest of the last job. An alert's own commit waits for whatever
/// the disk has in hand: those of the registry are to be short.
const COMMIT: usize = 8_192;

/// As how many reports another change counts: a report is some dozens of bytes on disk, a registration a thousand.
const OTHER: usize = 8;

/// What the writer is asked for.
pub(super) enum Job {
    /// Changes that are asked for together, and who waits for them; nobody does for what the house does by itself.
    Change(Vec<Change>, Option<Caller>),
    /// To begin a snapshot of places, if one is due.
    Look,
    /// To put the snapshot of places that was begun in place of the log before it.
    Snapshot(Ended),
}

impl Job {
    /// What the house does by itself: nobody waits for it.
    pub(super) fn by_itself(changes: Vec<Change>) -> Self {
        Self::Change(changes, None)
    }
}

/// Who waits for a job's results.
pub(super) struct Caller {
    pub(super) reply: oneshot::Sender<Results>,
    /// The room that the job takes up among those that wait.
    pub(super) room: OwnedSemaphorePermit,
}

/// What each change of a job came to, in order.
pub(super) type Results = Vec<Result<Done, RegistryError>>;

/// Makes changes durable.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) places: PlaceLog,
    pub(super) next: Next,
    pub(super) witness: Witness,
    /// The last commit that the store was part of.
    pub(super) stored: u64,
    /// Snapshots to be written. When this is dropped, whoever writes them knows that the writer has ended.
    pub(super) snapshots: threads::Sender<Snapshot>,
}

impl Writer {
    /// Runs until every handle of the registry is dropped. When the store fails, that and every later change is
    /// refused.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut round = Round::default();
            round.take(first);
            while round.size < COMMIT
                && let Ok(job) = jobs.try_recv()
            {
                round.take(job);
            }
            if self.shared.failed.load(Ordering::Relaxed) {
                round.changes.into_iter().for_each(refuse);
            } else if let Err(error) = self.make(round) {
                let cause = error.source().map(tracing::field::display);
                tracing::error!(%error, cause, "the registry's store failed; it takes no more changes");
                self.shared.failed.store(true, Ordering::Release);
            } else {
                self.witness.note(self.stored, jobs.is_empty());
            }
        }
        self.witness.note(self.stored, true);
    }

    fn make(&mut self, round: Round) -> Result<(), RegistryError> {
        if let Some(ended) = round.snapshot {
            self.places.end_snapshot(ended)?;
        }
        self.commit(round.changes)?;
        if let Some(snapshot) = self.places.begin_snapshot(self.next.commit - 1)? {
            // Whoever writes it ends only when this thread has.
            let _ = self.snapshots.send(snapshot);
        }
        Ok(())
    }

    fn commit(&mut self, jobs: Vec<(Vec<Change>, Option<Caller>)>) -> Result<(), RegistryError> {
        let shared = Arc::clone(&self.shared);
        let mut pending = Pending::new(&shared, self.next);
        let mut answers = Vec::with_capacity(jobs.len());
        for (changes, caller) in jobs {
            let results: Results = changes.into_iter().map(|change| pending.apply(change)).collect();
            answers.push((caller, results));
        }
        if let Err(error) = self.write(pending) {
            for (caller, results) in answers {
                answer(caller, results.iter().map(|_| Err(RegistryError::Stopped)).collect());
            }
            return Err(error);
        }
        for (caller, results) in answers {
            answer(caller, results);
        }
        Ok(())
    }

    /// Makes changes durable, then visible.
    fn write(&mut self, pending: Pending<'_>) -> Result<(), RegistryError> {
        let frame = pending.frame();
        let logged = frame.is_some();
        if let Some(frame) = frame {
            // Before the store: see `place_log`.
            self.places.append(frame)?;
        }
        let made = pending.finish(self.places.frames());
        let stored = !made.batch.is_empty();
        if stored {
            self.shared.store.commit(made.batch)?;
            self.stored = self.next.commit;
        }
        if logged || stored {
            self.next = Next { slot: made.next_slot, commit: self.next.commit + 1 };
            self.shared.metrics.registry_commits.inc();
        }
        if made.effects.moves() {
            self.places.changed();
        }
        let Forgotten { stale, without_consent } = made.effects.forgotten();
        if let Some(audit) = self.shared.audit.as_ref().filter(|_| stale + without_consent > 0) {
            drop(audit.append(&AuditEntry::server(Act::PlacesForgotten { stale, without_consent })));
        }
        self.shared.learn(made.effects);
        self.shared.count();
        Ok(())
    }
}

/// What is done between two looks at what waits.
#[derive(Default)]
struct Round {
    changes: Vec<(Vec<Change>, Option<Caller>)>,
    size: usize,
    snapshot: Option<Ended>,
}

impl Round {
    fn take(&mut self, job: Job) {
        match job {
            Job::Change(changes, caller) => {
                self.size += changes.iter().map(size).sum::<usize>();
                self.changes.push((changes, caller));
            }
            Job::Look => {}
            Job::Snapshot(ended) => self.snapshot = Some(ended),
        }
    }
}

fn size(change: &Change) -> usize {
    if let Change::Place(..) = change { 1 } else { OTHER * change.weight() }
}

fn refuse((changes, caller): (Vec<Change>, Option<Caller>)) {
    answer(caller, changes.iter().map(|_| Err(RegistryError::Stopped)).collect());
}

/// A caller that has gone away changes nothing: what is durable stays.
fn answer(caller: Option<Caller>, results: Results) {
    if let Some(Caller { reply, room }) = caller {
        drop(room);
        let _ = reply.send(results);
    }
}
