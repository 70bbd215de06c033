//! The one who writes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use super::LogError;
use super::frame::{Format, FrameHeader, Kind, SegmentHeader};
use super::queue::{Batch, Queue, Waiting, settle};
use super::segment::{Segment, Storage, Unfinished, open_for_append};

/// What a log does with entries when their turn has come.
pub(crate) trait Seal: Send {
    /// Puts the entries of one commit behind what is in `frame`. Gives how far numbers go on with it: by one, if frames
    /// are what is numbered, or by each entry.
    fn seal(&mut self, entries: &[Waiting], frame: &mut Vec<u8>) -> u64;

    /// What was sealed last is on disk.
    fn synced(&mut self) {}

    /// Nothing will be written any more.
    fn failed(&mut self) {}
}

/// What is counted of a log.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    pub(crate) syncs: Counter,
    pub(crate) bytes: Counter,
}

/// Writes what is appended: all that waits at once, with one sync. Runs on a thread of its own.
pub struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) dir: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) open: OpenSegment,
    pub(crate) seal: Box<dyn Seal>,
    pub(crate) counters: Counters,
    /// Held as long as anything may be written.
    pub(crate) _lock: File,
}

/// The segment that grows.
pub(crate) struct OpenSegment {
    pub(crate) segment: Segment,
    pub(crate) storage: Box<dyn Storage>,
    /// Where the next frame goes.
    pub(crate) offset: u64,
    /// The number that the next frame begins with.
    pub(crate) next: u64,
}

impl Writer {
    /// Writes until every handle of the log has been dropped and what they appended is on disk. Blocks.
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
    pub(crate) fn step(&mut self, frame: &mut Vec<u8>) -> bool {
        let Some(batch) = self.queue.take() else { return false };
        let result = self.queue.healthy().and_then(|()| self.commit(&batch, frame));
        if let Err(error) = &result {
            let log = self.open.segment.format.name;
            tracing::error!(log, error = error as &dyn std::error::Error, "a log failed: it takes no more entries");
            self.queue.fail(error.clone());
            self.seal.failed();
        }
        if batch.dropped > 0 {
            let log = self.open.segment.format.name;
            tracing::warn!(
                log,
                entries = batch.dropped,
                "the disk is slow: entries that nobody waits for were dropped"
            );
        }
        settle(batch.entries, &result);
        true
    }

    fn commit(&mut self, batch: &Batch, frame: &mut Vec<u8>) -> Result<(), LogError> {
        if self.open.offset >= self.segment_bytes {
            self.open = OpenSegment::create(&self.dir, self.open.segment.format, self.open.next)?;
        }
        frame.clear();
        frame.resize(FrameHeader::LEN, 0);
        let numbers = self.seal.seal(&batch.entries, frame);
        self.open.append(frame)?;
        self.open.next += numbers;
        self.seal.synced();
        self.counters.syncs.inc();
        self.counters.bytes.inc_by(frame.len() as u64);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.fail(LogError::Closed);
    }
}

impl OpenSegment {
    /// A new segment, whose first frame will begin with the number `next`.
    pub(crate) fn create(dir: &Path, format: &'static Format, next: u64) -> Result<Self, LogError> {
        let segment = Unfinished::create(Segment::new(dir, format, Kind::Log, next))?.finish(dir)?;
        let storage = Box::new(open_for_append(&segment)?);
        Ok(Self { segment, storage, offset: SegmentHeader::LEN as u64, next })
    }

    /// Appends a frame that has room for its header in front, and syncs it.
    pub(super) fn append(&mut self, frame: &mut [u8]) -> Result<(), LogError> {
        FrameHeader::seal(frame, self.segment.number, self.offset);
        let written = self.storage.append(frame).map_err(LogError::io("write", &self.segment.file));
        let synced = written.and_then(|()| self.storage.sync().map_err(LogError::io("sync", &self.segment.file)));
        if synced.is_err() {
            // Nobody is told that this frame is there. If it cannot be cut off, the next start finds it torn or whole.
            let _ = self.storage.cut(self.offset);
            return synced;
        }
        self.offset += frame.len() as u64;
        Ok(())
    }
}
