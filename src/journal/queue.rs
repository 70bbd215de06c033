//! What waits for the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Entry, JournalError, MAX_ENTRY, codec};

/// The most bytes that are written by one commit, unless one entry alone is longer.
pub(super) const COMMIT: usize = 4 << 20;

/// The queue between [`Journal`](super::Journal) and [`Writer`](super::Writer).
#[derive(Debug)]
pub(super) struct Queue {
    /// How many bytes may wait. Beyond it the journal fails, so that nobody takes an alert for remembered that never
    /// was; at a quarter of it, entries that nobody waits for are dropped.
    limit: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    dropped: u64,
    failed: Option<JournalError>,
    closed: bool,
}

/// An entry on its way to the disk.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The entry, with its length in front.
    pub(super) bytes: Vec<u8>,
    done: Option<oneshot::Sender<Result<(), JournalError>>>,
}

/// What the writer takes at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Waiting>,
    /// Entries that nobody waited for and that were dropped since the last batch.
    pub(super) dropped: u64,
}

/// Closes the queue when it is dropped: the last handle has gone.
#[derive(Debug)]
pub(super) struct Closing(pub(super) Arc<Queue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.ready.notify_one();
    }
}

/// An entry's place in the queue.
#[derive(Debug)]
#[must_use = "an entry is not on disk before its ticket says so"]
pub struct Ticket(Settlement);

#[derive(Debug)]
enum Settlement {
    Now(Result<(), JournalError>),
    Later(oneshot::Receiver<Result<(), JournalError>>),
}

impl Ticket {
    pub(super) fn settled(result: Result<(), JournalError>) -> Self {
        Self(Settlement::Now(result))
    }

    /// Whether the entry was not taken: it will never be on disk.
    pub fn is_refused(&self) -> bool {
        matches!(self.0, Settlement::Now(Err(_)))
    }

    /// Waits until the entry is on disk, or cannot be.
    pub async fn synced(self) -> Result<(), JournalError> {
        match self.0 {
            Settlement::Now(result) => result,
            Settlement::Later(answer) => answer.await.unwrap_or(Err(JournalError::Closed)),
        }
    }
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), ready: Condvar::new() }
    }

    pub(super) fn append(&self, entry: &Entry) -> Ticket {
        let (done, answer) = oneshot::channel();
        match self.put(entry, Some(done)) {
            Ok(()) => Ticket(Settlement::Later(answer)),
            Err(error) => Ticket::settled(Err(error)),
        }
    }

    pub(super) fn append_forget(&self, entry: &Entry) {
        // Nobody waits for it, and a journal that fails has said so to those who ask.
        let _ = self.put(entry, None);
    }

    fn put(&self, entry: &Entry, done: Option<oneshot::Sender<Result<(), JournalError>>>) -> Result<(), JournalError> {
        let bytes = codec::encode(entry);
        if bytes.len() > MAX_ENTRY {
            return Err(JournalError::TooLarge(bytes.len()));
        }
        let mut state = self.state.lock();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        if done.is_none() && state.bytes + bytes.len() > self.limit / 4 {
            state.dropped += 1;
            return Ok(());
        }
        if state.bytes + bytes.len() > self.limit {
            drop(state);
            self.fail(JournalError::Stalled);
            return Err(JournalError::Stalled);
        }
        state.bytes += bytes.len();
        state.waiting.push_back(Waiting { bytes, done });
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    pub(super) fn healthy(&self) -> Result<(), JournalError> {
        self.state.lock().failed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Takes what waits, at most a commit's worth. Blocks while there is nothing; `None` when there will be nothing
    /// more.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            self.ready.wait(&mut state);
        }
        let mut batch = Batch { entries: Vec::new(), dropped: std::mem::take(&mut state.dropped) };
        let mut bytes = 0;
        while let Some(next) = state.waiting.front() {
            if bytes > 0 && bytes + next.bytes.len() > COMMIT {
                break;
            }
            bytes += next.bytes.len();
            batch.entries.extend(state.waiting.pop_front());
        }
        state.bytes -= bytes;
        Some(batch)
    }

    /// From now on nothing is written: fails all that waits and all that comes. The first error stays.
    pub(super) fn fail(&self, error: JournalError) {
        let mut state = self.state.lock();
        let error = state.failed.get_or_insert(error).clone();
        state.bytes = 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        settle(waiting, &Err(error));
    }
}

/// Answers all who wait. One who has gone away is none the worse.
pub(super) fn settle(entries: impl IntoIterator<Item = Waiting>, result: &Result<(), JournalError>) {
    for done in entries.into_iter().filter_map(|entry| entry.done) {
        let _ = done.send(result.clone());
    }
}
