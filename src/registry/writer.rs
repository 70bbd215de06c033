//! The one writer: takes what waits, makes it durable in one commit, then lets memory and callers know.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::change::{Change, Done, Pending};
use super::{RegistryError, Shared};

/// The most changes in one commit.
const COMMIT: usize = 8_192;

/// Changes that are asked for together, and who waits for them; nobody does for what is merely done again.
pub(super) struct Job {
    pub(super) changes: Vec<Change>,
    pub(super) reply: Option<oneshot::Sender<Results>>,
}

/// What each change of a job came to, in order.
pub(super) type Results = Vec<Result<Done, RegistryError>>;

/// Runs until every handle of the registry is dropped, or the store fails: then every change is refused.
pub(super) fn run(shared: &Arc<Shared>, mut jobs: mpsc::Receiver<Job>, mut next_slot: u32) {
    let mut stopped = false;
    while let Some(first) = jobs.blocking_recv() {
        let mut taken = vec![first];
        let mut size = taken[0].changes.len();
        while size < COMMIT
            && let Ok(job) = jobs.try_recv()
        {
            size += job.changes.len();
            taken.push(job);
        }
        if stopped {
            taken.into_iter().for_each(refuse);
            continue;
        }
        match commit(shared, taken, next_slot) {
            Ok(next) => next_slot = next,
            Err(error) => {
                tracing::error!(%error, "the registry's store failed; it takes no more changes");
                stopped = true;
            }
        }
    }
}

fn commit(shared: &Shared, jobs: Vec<Job>, next_slot: u32) -> Result<u32, RegistryError> {
    let mut pending = Pending::new(shared, next_slot);
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let results: Results = job.changes.into_iter().map(|change| pending.apply(change)).collect();
        answers.push((job.reply, results));
    }
    let (batch, effects, next_slot) = pending.finish();
    if !batch.is_empty() {
        if let Err(error) = shared.store.commit(batch) {
            for (reply, results) in answers {
                answer(reply, results.iter().map(|_| Err(RegistryError::Stopped)).collect());
            }
            return Err(error);
        }
        shared.metrics.registry_commits.inc();
    }
    effects.iter().for_each(|effect| shared.take_up(effect));
    shared.metrics.registrations.set(shared.names.len() as i64);
    shared.metrics.places.set(shared.index.len() as i64);
    for (reply, results) in answers {
        answer(reply, results);
    }
    Ok(next_slot)
}

fn refuse(job: Job) {
    answer(job.reply, job.changes.iter().map(|_| Err(RegistryError::Stopped)).collect());
}

/// A caller that has gone away changes nothing: what is durable stays.
fn answer(reply: Option<oneshot::Sender<Results>>, results: Results) {
    if let Some(reply) = reply {
        let _ = reply.send(results);
    }
}
