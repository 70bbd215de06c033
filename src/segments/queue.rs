//! What waits for the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{LogError, MAX_ENTRY};

/// The most bytes that are written by one commit, unless one entry alone is longer.
pub(crate) const COMMIT: usize = 4 << 20;

/// The queue between those who append and the [`Writer`](super::Writer).
#[derive(Debug)]
pub(crate) struct Queue {
    /// How many bytes may wait. Beyond it the log fails, so that nobody takes for remembered what never was; at a
    /// quarter of it, entries that nobody waits for are dropped.
    limit: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    dropped: u64,
    failed: Option<LogError>,
    closed: bool,
}

/// An entry on its way to the disk.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The entry, in the bytes of its log.
    pub(crate) bytes: Vec<u8>,
    done: Option<oneshot::Sender<Result<(), LogError>>>,
}

/// What the writer takes at once.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Waiting>,
    /// Entries that nobody waited for and that were dropped since the last batch.
    pub(crate) dropped: u64,
}

/// Closes the queue when it is dropped: the last handle has gone.
#[derive(Debug)]
pub(crate) struct Closing(pub(crate) Arc<Queue>);

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
    Now(Result<(), LogError>),
    Later(oneshot::Receiver<Result<(), LogError>>),
}

impl Ticket {
    pub(crate) fn settled(result: Result<(), LogError>) -> Self {
        Self(Settlement::Now(result))
    }

    /// Whether the entry was not taken: it will never be on disk.
    pub fn is_refused(&self) -> bool {
        matches!(self.0, Settlement::Now(Err(_)))
    }

    /// Waits until the entry is on disk, or cannot be.
    pub async fn synced(self) -> Result<(), LogError> {
        match self.0 {
            Settlement::Now(result) => result,
            Settlement::Later(answer) => answer.await.unwrap_or(Err(LogError::Closed)),
        }
    }
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), ready: Condvar::new() }
    }

    /// Appends an entry. If so much waits that the disk must have stopped, the log fails, for good.
    pub(crate) fn append(&self, bytes: Vec<u8>) -> Ticket {
        let (done, answer) = oneshot::channel();
        match self.put(bytes, Some(done)) {
            Ok(()) => Ticket(Settlement::Later(answer)),
            Err(error) => Ticket::settled(Err(error)),
        }
    }

    /// Appends an entry that nobody waits for, and that may be lost.
    pub(crate) fn append_forget(&self, bytes: Vec<u8>) {
        // Nobody waits for it, and a log that fails has said so to those who ask.
        let _ = self.put(bytes, None);
    }

    fn put(&self, bytes: Vec<u8>, done: Option<oneshot::Sender<Result<(), LogError>>>) -> Result<(), LogError> {
        if bytes.len() > MAX_ENTRY {
            return Err(LogError::TooLarge(bytes.len()));
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
            self.fail(LogError::Stalled);
            return Err(LogError::Stalled);
        }
        state.bytes += bytes.len();
        state.waiting.push_back(Waiting { bytes, done });
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Whether entries can be written.
    pub(crate) fn healthy(&self) -> Result<(), LogError> {
        self.state.lock().failed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Takes what waits, at most a commit's worth. Blocks while there is nothing; `None` when there will be nothing
    /// more.
    pub(crate) fn take(&self) -> Option<Batch> {
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
    pub(crate) fn fail(&self, error: LogError) {
        let mut state = self.state.lock();
        let error = state.failed.get_or_insert(error).clone();
        state.bytes = 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        settle(waiting, &Err(error));
    }
}

/// Answers all who wait. One who has gone away is none the worse.
pub(crate) fn settle(entries: impl IntoIterator<Item = Waiting>, result: &Result<(), LogError>) {
    for done in entries.into_iter().filter_map(|entry| entry.done) {
        let _ = done.send(result.clone());
    }
}
