//! The alert journal: what was admitted and who was told, on disk before anybody acts on it (R-E8).
//!
//! [`Journal::open`] reads what the last run left and gives three parts: a [`Journal`], the handle that entries are
//! appended by; a [`Replay`], every [`Entry`] that is on disk, in order; and a [`Writer`], which runs on a thread of
//! its own and writes all that waits at once, with one sync. An appended entry is on disk when its [`Ticket`] says so,
//! not before.
//!
//! # On disk
//!
//! A folder of [`segments`](crate::segments) `journal-<n>.hzj`, `n` the number of its first frame; entries are of
//! `hazardcast.storage.v1`. A commit that was cut off, of which nobody was told, is removed. Any other damage is an
//! error that names file and offset; the journal never skips it. `snapshot-<n>.hzj` takes the place of all frames
//! before `n`; see [`Config::keep`].
//!
//! It does not remember what was appended: whoever needs that keeps it, and has it back by the replay.

mod codec;
mod compact;
mod devices;
mod entry;
mod open;
mod replay;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::segments::{Closing, Format, Queue, Seal, Waiting};

pub(crate) use codec::area;

pub use crate::segments::{Damage, InvalidEntry, LogError as JournalError, MAX_ENTRY, Ticket, Writer};
pub use entry::{Admitted, Entry, Held, Settled};
pub use open::Config;
pub use replay::Replay;

/// The journal's files.
static FORMAT: Format =
    Format { name: "journal", extension: "hzj", magic: *b"\x97hzjrn\n", letter: b'j', message_version: 1 };

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
            Backend::Disk(queue) => queue.0.append(codec::encode(&entry)),
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
            Backend::Disk(queue) => queue.0.append_forget(codec::encode(&entry)),
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

/// Entries are written as they are; frames are numbered.
struct AsTheyAre;

impl Seal for AsTheyAre {
    fn seal(&mut self, entries: &[Waiting], frame: &mut Vec<u8>) -> u64 {
        for entry in entries {
            frame.extend_from_slice(&entry.bytes);
        }
        1
    }
}

#[cfg(test)]
mod tests;
