//! Every entry that is on disk, in order.

use bytes::Bytes;

use crate::segments::{Segment, SegmentReader};

use super::{Damage, Entry, JournalError, codec};

/// Every entry that was on disk when the journal was opened, in the order in which they were appended. It reads as it
/// goes, and holds one commit in memory. After an error it ends.
#[derive(Debug)]
pub struct Replay {
    segments: std::vec::IntoIter<Extent>,
    current: Option<Entries>,
}

/// A segment and how much of it there is to read.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) segment: Segment,
    pub(super) end: u64,
}

impl Replay {
    pub(super) fn new(segments: Vec<Extent>) -> Self {
        Self { segments: segments.into_iter(), current: None }
    }

    fn read(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            if let Some(entries) = &mut self.current
                && let Some((entry, _)) = entries.next_entry()?
            {
                return Ok(Some(entry));
            }
            let Some(extent) = self.segments.next() else { return Ok(None) };
            let mut entries = Entries::open(&extent.segment)?;
            entries.reader.end = extent.end;
            self.current = Some(entries);
        }
    }
}

impl Iterator for Replay {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.read().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.segments = Vec::new().into_iter();
            self.current = None;
        }
        entry
    }
}

/// The entries of one segment.
#[derive(Debug)]
pub(super) struct Entries {
    segment: Segment,
    pub(super) reader: SegmentReader,
    frame: (u64, Bytes),
}

impl Entries {
    pub(super) fn open(segment: &Segment) -> Result<Self, JournalError> {
        Ok(Self { segment: segment.clone(), reader: SegmentReader::open(segment)?, frame: (0, Bytes::new()) })
    }

    /// The next entry, and how many bytes it takes.
    pub(super) fn next_entry(&mut self) -> Result<Option<(Entry, u64)>, JournalError> {
        loop {
            let (start, payload) = &mut self.frame;
            let before = payload.len();
            let entry = codec::decode_next(payload)
                .map_err(|reason| JournalError::damaged(&self.segment.file, *start, Damage::Entry(reason)))?;
            if let Some(entry) = entry {
                return Ok(Some((entry, (before - payload.len()) as u64)));
            }
            match self.reader.next_frame()? {
                Some(frame) => self.frame = frame,
                None => return Ok(None),
            }
        }
    }
}
