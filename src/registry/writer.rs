//! The one writer: takes what waits, makes it durable in one commit, then lets memory and callers know.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::change::{Change, Done, Pending};
use super::{RegistryError, Shared};

/// The most changes in one commit, but for the rest of the last job.
const COMMIT: usize = 8_192;

/// Changes that are asked for together.
pub(super) struct Job {
    pub(super) changes: Vec<Change>,
    /// Who waits for them; nobody does for what the house does by itself.
    pub(super) caller: Option<Caller>,
}

impl Job {
    /// What the house does by itself: nobody waits for it.
    pub(super) fn by_itself(changes: Vec<Change>) -> Self {
        Self { changes, caller: None }
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

/// Runs until every handle of the registry is dropped. When the store fails, that and every later change is refused.
pub(super) fn run(shared: &Arc<Shared>, mut jobs: mpsc::Receiver<Job>, mut next_slot: u32) {
    while let Some(first) = jobs.blocking_recv() {
        let mut size = first.changes.len();
        let mut taken = vec![first];
        while size < COMMIT
            && let Ok(job) = jobs.try_recv()
        {
            size += job.changes.len();
            taken.push(job);
        }
        if shared.failed.load(Ordering::Relaxed) {
            taken.into_iter().for_each(refuse);
            continue;
        }
        match commit(shared, taken, next_slot) {
            Ok(next) => next_slot = next,
            Err(error) => {
                let cause = error.source().map(tracing::field::display);
                tracing::error!(%error, cause, "the registry's store failed; it takes no more changes");
                shared.failed.store(true, Ordering::Release);
            }
        }
    }
}

fn commit(shared: &Shared, jobs: Vec<Job>, next_slot: u32) -> Result<u32, RegistryError> {
    let mut pending = Pending::new(shared, next_slot);
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let results: Results = job.changes.into_iter().map(|change| pending.apply(change)).collect();
        answers.push((job.caller, results));
    }
    let (batch, effects, next_slot) = pending.finish();
    if !batch.is_empty() {
        if let Err(error) = shared.store.commit(batch) {
            for (caller, results) in answers {
                answer(caller, results.iter().map(|_| Err(RegistryError::Stopped)).collect());
            }
            return Err(error);
        }
        shared.metrics.registry_commits.inc();
    }
    shared.learn(effects);
    shared.count();
    for (caller, results) in answers {
        answer(caller, results);
    }
    Ok(next_slot)
}

fn refuse(job: Job) {
    answer(job.caller, job.changes.iter().map(|_| Err(RegistryError::Stopped)).collect());
}

/// A caller that has gone away changes nothing: what is durable stays.
fn answer(caller: Option<Caller>, results: Results) {
    if let Some(Caller { reply, room }) = caller {
        drop(room);
        let _ = reply.send(results);
    }
}
