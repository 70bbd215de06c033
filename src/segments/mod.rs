//! Files that only grow: what a log is made of that must not lose what it was given.
//!
//! A log is a folder, held by one server at a time, with segments. Its users put entries into a queue; a [`Writer`], on
//! a thread of its own, writes all that waits at once as one *frame*, with one sync, and then settles their
//! [`Ticket`]s. What is in an entry, and how frames are numbered, is its log's own: a `Format` tells one log's files
//! from another's, and a `Seal` makes the bytes. [`crate::journal`] and [`crate::audit`] are logs.
//! A `FrameLog` is the same without queue and thread, for a room that has a writer of its own.
//!
//! # On disk
//!
//! A segment is a header (magic, version of the framing, version of the message, number of what comes first) and
//! frames. A frame is what one commit wrote: its length, two checksums and its entries. A commit is there whole or not
//! at all. Since no frame is written before the one in front of it is synced, a frame that cannot be read with none
//! behind it is a commit that was cut off, of which nobody was told. Any other damage is an error that names file and
//! offset. A segment gets its name when it is whole and synced, so that one with a name is never half made.
//!
//! Nothing here knows what an entry says, and nothing is removed but by its log.

mod error;
pub(crate) mod frame;
mod frame_log;
mod queue;
pub(crate) mod segment;
mod writer;

pub(crate) use frame::{Format, FrameHeader, Kind, SegmentHeader};
pub(crate) use frame_log::{FrameLog, FrameSource, SnapshotDraft};
pub(crate) use queue::{COMMIT, Closing, Queue, Waiting};
pub(crate) use segment::{Segment, SegmentReader, Unfinished};
pub(crate) use writer::{Counters, OpenSegment, Seal};

pub use error::{Damage, InvalidEntry, LogError};
pub use queue::Ticket;
pub use writer::Writer;

/// The most bytes of one entry.
pub const MAX_ENTRY: usize = 32 << 20;
