//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a log cannot be read or written. It is cloned to everyone who waits.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Another server holds the folder.
    #[error("{} is in use by another server", .0.display())]
    Locked(PathBuf),
    /// The system refused.
    #[error("could not {action} {}", .file.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Written by a server that this one is too old, or too new, to read.
    #[error("{} has versions {framing} and {message}, which this server cannot read", .file.display())]
    UnknownVersion {
        /// The file.
        file: PathBuf,
        /// Its version of the framing.
        framing: u32,
        /// Its version of the message.
        message: u32,
    },
    /// What was once synced cannot be read any more.
    #[error("{} is damaged at byte {offset}: {reason}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// In which way.
        reason: Damage,
    },
    /// A segment has gone, or has lost frames at its end.
    #[error("frames {from} to {} are missing before {}", .to - 1, .file.display())]
    Missing {
        /// The segment before which they are missing.
        file: PathBuf,
        /// The first frame that is missing.
        from: u64,
        /// The first frame that is there.
        to: u64,
    },
    /// The entry is longer than [`MAX_ENTRY`](super::MAX_ENTRY). The log is as healthy as before.
    #[error("an entry of {0} bytes is too large for the log")]
    TooLarge(usize),
    /// The disk has not kept up, and the queue in front of it is full.
    #[error("the disk does not keep up, the log's queue is full")]
    Stalled,
    /// The writer has ended.
    #[error("the log is closed")]
    Closed,
}

/// In which way a segment is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The segment's header is not one, or not that of the file's name.
    #[error("not a segment's header")]
    SegmentHeader,
    /// No frame's header where there should be one.
    #[error("not a frame's header")]
    FrameHeader,
    /// The file ends within a frame.
    #[error("the file ends within a frame")]
    CutOff,
    /// The frame's checksum is another.
    #[error("wrong checksum")]
    Checksum,
    /// More or fewer frames than the header says.
    #[error("wrong number of frames")]
    FrameCount,
    /// The frame is as it was written, but an entry in it is none.
    #[error("{0}")]
    Entry(InvalidEntry),
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    /// Not a message of `hazardcast.storage.v1`.
    #[error("not an entry of this log")]
    Malformed,
    /// Something that every entry has is missing, or was written by a newer server.
    #[error("entry without {0}")]
    Missing(&'static str),
    /// A value that this server would not have written.
    #[error("entry with an impossible {0}")]
    Impossible(&'static str),
}

impl LogError {
    /// For `map_err`: the system refused `action` on `file`.
    pub(crate) fn io(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io { action, file, source: Arc::new(source) }
    }

    pub(crate) fn damaged(file: &Path, offset: u64, reason: Damage) -> Self {
        Self::Damaged { file: file.to_owned(), offset, reason }
    }
}
