//! The alert journal: what was admitted and who was told, on disk before anybody acts on it (R-E8).
//!
//! [`Journal::open`] reads what the last run left and gives three parts: a [`Journal`], the handle that entries are
//! appended by; a [`Replay`], every [`Entry`] that is on disk, in order; and a [`Writer`], which runs on a thread of
//! its own and writes all that waits at once, with one sync. An appended entry is on disk when its [`Ticket`] says so,
//! not before.
//!
//! # On disk
//!
//! A folder, held by one server at a time, with segments `journal-<n>.hzj`, `n` the number of its first frame. A
//! segment is a header (magic, version of the framing, version of the message, `n`) and frames. A frame is what one
//! commit wrote: its length, two checksums and its entries (`hazardcast.storage.v1`). A commit is there whole or not
//! at all. Since no frame is written before the one in front of it is synced, a frame that cannot be read with none
//! behind it is a commit that was cut off, of which nobody was told: it is removed. Any other damage is an error that
//! names file and offset; the journal never skips it. `snapshot-<n>.hzj` takes the place of all frames before `n`; see
//! [`Config::keep`].
//!
//! It does not remember what was appended: whoever needs that keeps it, and has it back by the replay.

mod codec;
mod compact;
mod devices;
mod entry;
mod error;
mod frame;
mod frame_log;
mod open;
mod queue;
mod replay;
mod segment;
mod writer;

use std::sync::Arc;

use parking_lot::Mutex;

use queue::{Closing, Queue};

pub use entry::{Admitted, Entry};
pub use error::{Damage, InvalidEntry, JournalError};
pub(crate) use frame_log::{FrameLog, FrameSource, SnapshotDraft};
pub use open::Config;
pub use queue::Ticket;
pub use replay::Replay;
pub use writer::Writer;

/// The most bytes of one entry.
pub const MAX_ENTRY: usize = 32 << 20;

/// A handle by which entries are appended. Cheap to clone; when the last one is dropped, the [`Writer`] writes what
/// waits and ends.
#[derive(Debug, Clone)]
pub struct Journal(Backend);

#[derive(Debug, Clone)]
enum Backend {
    Disk(Arc<Closing>),
    Memory(Arc<Mutex<Vec<Entry>>>),
}

impl Journal {
    fn on_disk(queue: Arc<Queue>) -> Self {
        Self(Backend::Disk(Arc::new(Closing(queue))))
    }

    /// A journal in memory, for tests: every entry is taken as synced at once, and kept.
    pub fn memory() -> Self {
        Self(Backend::Memory(Arc::default()))
    }

    /// What was appended to a journal in memory; nothing for one on disk.
    pub fn entries(&self) -> Vec<Entry> {
        match &self.0 {
            Backend::Disk(_) => Vec::new(),
            Backend::Memory(entries) => entries.lock().clone(),
        }
    }

    /// Appends an entry; entries are on disk in the order in which they were appended. Returns at once: waiting is for
    /// [`Ticket::synced`], and whoever appends much bounds the tickets that it has not waited for.
    ///
    /// If so much waits that the disk must have stopped, the journal fails with [`JournalError::Stalled`], for good.
    pub fn append(&self, entry: Entry) -> Ticket {
        match &self.0 {
            Backend::Disk(queue) => queue.0.append(&entry),
            Backend::Memory(entries) => {
                entries.lock().push(entry);
                Ticket::settled(Ok(()))
            }
        }
    }

    /// Appends an entry that nobody waits for. It may be lost: in a crash, when the journal fails, and when the disk is
    /// so slow that too much waits. That is right for what is merely done again when it is not remembered.
    pub fn append_forget(&self, entry: Entry) {
        match &self.0 {
            Backend::Disk(queue) => queue.0.append_forget(&entry),
            Backend::Memory(entries) => entries.lock().push(entry),
        }
    }

    /// Whether entries can be written. Once they cannot, they cannot until a restart.
    pub fn healthy(&self) -> Result<(), JournalError> {
        match &self.0 {
            Backend::Disk(queue) => queue.0.healthy(),
            Backend::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
