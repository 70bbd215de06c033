//! The one who writes.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::metrics::Metrics;

use super::JournalError;
use super::frame::{FrameHeader, Kind, SegmentHeader};
use super::queue::{Batch, Queue, settle};
use super::segment::{Segment, Storage, Unfinished, open_for_append};

/// Writes what is appended: all that waits at once, with one sync. Runs on a thread of its own.
pub struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) open: OpenSegment,
    pub(super) metrics: Arc<Metrics>,
    /// Held as long as anything may be written.
    pub(super) _lock: File,
}

/// The segment that grows.
pub(super) struct OpenSegment {
    pub(super) segment: Segment,
    pub(super) storage: Box<dyn Storage>,
    /// Where the next frame goes.
    pub(super) offset: u64,
    /// The next frame's number.
    pub(super) next: u64,
}

impl Writer {
    /// Writes until every [`Journal`](super::Journal) has been dropped and what they appended is on disk. Blocks.
    ///
    /// When a write or sync fails, every entry that waits and every later one fails with that error: after a failed
    /// sync nobody knows what the disk holds, and only reading it anew tells.
    pub fn run(mut self) {
        let mut frame = Vec::new();
        while self.step(&mut frame) {}
    }

    /// Writes what waits, as [`Self::run`] does, and returns; false if nothing waits. For whoever takes steps by hand.
    pub fn write_waiting(&mut self) -> bool {
        !self.queue.is_empty() && self.step(&mut Vec::new())
    }

    /// Writes what waits; blocks while nothing does. False when there will be nothing more. `frame` is room to write
    /// in.
    pub(super) fn step(&mut self, frame: &mut Vec<u8>) -> bool {
        let Some(batch) = self.queue.take() else { return false };
        let result = self.queue.healthy().and_then(|()| self.commit(&batch, frame));
        if let Err(error) = &result {
            tracing::error!(error = error as &dyn std::error::Error, "the alert journal failed");
            self.queue.fail(error.clone());
        }
        if batch.dropped > 0 {
            tracing::warn!(entries = batch.dropped, "the disk is slow: entries that nobody waits for were dropped");
        }
        settle(batch.entries, &result);
        true
    }

    fn commit(&mut self, batch: &Batch, frame: &mut Vec<u8>) -> Result<(), JournalError> {
        if self.open.offset >= self.segment_bytes {
            self.open = OpenSegment::create(&self.dir, self.open.next)?;
        }
        frame.clear();
        frame.resize(FrameHeader::LEN, 0);
        for entry in &batch.entries {
            frame.extend_from_slice(&entry.bytes);
        }
        self.open.append(frame)?;
        self.metrics.journal_syncs.inc();
        self.metrics.journal_appended.inc_by(frame.len() as u64);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.fail(JournalError::Closed);
    }
}

impl OpenSegment {
    /// A new segment, whose first frame will have the number `next`.
    pub(super) fn create(dir: &std::path::Path, next: u64) -> Result<Self, JournalError> {
        let segment = Unfinished::create(Segment::new(dir, Kind::Journal, next))?.finish(dir)?;
        let storage = Box::new(open_for_append(&segment)?);
        Ok(Self { segment, storage, offset: SegmentHeader::LEN as u64, next })
    }

    /// Appends a frame that has room for its header in front, and syncs it.
    pub(super) fn append(&mut self, frame: &mut [u8]) -> Result<(), JournalError> {
        FrameHeader::seal(frame, self.segment.number, self.offset);
        let written = self.storage.append(frame).map_err(JournalError::io("write", &self.segment.file));
        let synced = written.and_then(|()| self.storage.sync().map_err(JournalError::io("sync", &self.segment.file)));
        if synced.is_err() {
            // Nobody is told that this frame is there. If it cannot be cut off, the next start finds it torn or whole.
            let _ = self.storage.cut(self.offset);
            return synced;
        }
        self.offset += frame.len() as u64;
        self.next += 1;
        Ok(())
    }
}
