//! Records as they lie on disk.

use std::collections::VecDeque;
use std::path::Path;

use bytes::{Buf, Bytes};

use crate::domain::{AuditPosition, AuditRecord, RecordHash, Timestamp};
use crate::segments::segment::{self, SegmentReader};
use crate::segments::{Damage, InvalidEntry, LogError, Segment, SegmentHeader};
use crate::wire::storage_v1 as stored;

use super::codec::Trace;
use super::{FORMAT, Query, chain, codec};

/// The records of one segment, in the order in which they lie there.
#[derive(Debug)]
pub(super) struct Records {
    segment: Segment,
    reader: SegmentReader,
    frame: (u64, Bytes),
    /// Whether the frame itself could be read, and only a record in it could not.
    in_frame: bool,
}

/// One record.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its number.
    pub(super) sequence: u64,
    /// The hash of the record before it, as it says.
    pub(super) previous: RecordHash,
    /// Where its frame begins.
    pub(super) offset: u64,
    bytes: Bytes,
    record: stored::AuditRecord,
}

impl Records {
    /// Opens a segment and checks its header.
    pub(super) fn open(segment: &Segment) -> Result<Self, LogError> {
        Ok(Self::new(segment, SegmentReader::open(segment)?))
    }

    /// Opens a segment at its first frame, whatever its header says.
    pub(super) fn open_without_header(segment: &Segment) -> Result<Self, LogError> {
        Ok(Self::new(segment, SegmentReader::open_at(segment, SegmentHeader::LEN as u64)?))
    }

    fn new(segment: &Segment, reader: SegmentReader) -> Self {
        Self { segment: segment.clone(), reader, frame: (0, Bytes::new()), in_frame: false }
    }

    /// The next record.
    pub(super) fn next_record(&mut self) -> Result<Option<Stored>, LogError> {
        while !self.frame.1.has_remaining() {
            self.in_frame = false;
            match self.reader.next_frame()? {
                Some(frame) => self.frame = frame,
                None => return Ok(None),
            }
        }
        let (offset, payload) = &mut self.frame;
        let offset = *offset;
        take(offset, payload).map(Some).map_err(|reason| {
            payload.clear();
            self.in_frame = true;
            LogError::damaged(&self.segment.file, offset, Damage::Entry(reason))
        })
    }

    /// After an error: goes on behind what cannot be read. False if there is nothing to be read behind it.
    pub(super) fn go_on(&mut self) -> Result<bool, LogError> {
        if self.in_frame {
            return Ok(true);
        }
        match self.reader.frame_behind()? {
            Some(offset) => self.reader.go_on_at(offset).map(|()| true),
            None => Ok(false),
        }
    }

    /// After an error that nothing can be read behind: looks at the file as it is now.
    pub(super) fn look_again(&mut self) -> Result<(), LogError> {
        self.reader = SegmentReader::open_at(&self.segment, self.reader.offset)?;
        Ok(())
    }

    /// Where the frame begins that comes next, or that cannot be read.
    pub(super) fn offset(&self) -> u64 {
        self.reader.offset
    }

    /// How long the file was when it was opened.
    pub(super) fn end(&self) -> u64 {
        self.reader.end
    }
}

/// Takes the next record off a frame's payload.
fn take(offset: u64, payload: &mut Bytes) -> Result<Stored, InvalidEntry> {
    let length = prost::decode_length_delimiter(&mut *payload).map_err(|_| InvalidEntry::Malformed)?;
    if length > payload.len() {
        return Err(InvalidEntry::Malformed);
    }
    let bytes = payload.split_to(length);
    let record = codec::parse(&bytes)?;
    let (sequence, previous) = codec::link(&record)?;
    Ok(Stored { sequence, previous, offset, bytes, record })
}

impl Stored {
    /// Its own hash, worked out anew each time.
    pub(super) fn hash(&self) -> RecordHash {
        chain::hash(&self.bytes)
    }

    /// Where it stands.
    pub(super) fn position(&self) -> AuditPosition {
        AuditPosition { sequence: self.sequence, hash: self.hash() }
    }

    /// What it says.
    pub(super) fn read(&self) -> Result<AuditRecord, InvalidEntry> {
        codec::read(self.record.clone(), self.hash())
    }

    /// What [`Tail`](super::Tail) is to know of it.
    pub(super) fn trace(&self) -> Trace<'_> {
        codec::trace(&self.record)
    }

    /// When it was written.
    pub(super) fn time(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.record.time_us).ok()
    }

    /// Whether what was done is known to this version.
    pub(super) fn is_known(&self) -> bool {
        self.record.act.is_some()
    }

    /// The segment, place and length that it says were cut off, if that is what it says.
    pub(super) fn tail_cut(&self) -> Option<(u64, u64, u64)> {
        codec::tail_cut(&self.record)
    }
}

/// The segments at a path: those of a folder, or the one that a file is.
pub(super) fn segments_at(path: &Path) -> Result<Vec<Segment>, LogError> {
    let found = std::fs::metadata(path).map_err(LogError::io("read", path))?;
    let segments = if found.is_dir() {
        segment::list(path, &FORMAT)?
    } else {
        // A copy may have another name; then its header alone says which segment it is.
        vec![Segment::of(path, &FORMAT).map_or_else(|| SegmentReader::identify(path, &FORMAT), Ok)?]
    };
    if segments.is_empty() {
        return Err(LogError::io("find an audit log in", path)(std::io::ErrorKind::NotFound.into()));
    }
    Ok(segments)
}

/// The newest record of a log, or of a copy of one, that can be read; `None` if there is none.
pub fn newest(path: &Path) -> Result<Option<AuditRecord>, LogError> {
    for segment in segments_at(path)?.iter().rev() {
        let mut records = Records::open(segment)?;
        let mut last = None;
        loop {
            match records.next_record() {
                Ok(Some(stored)) => last = Some(stored),
                Ok(None) => break,
                // Behind it there may be the commit that is being written.
                Err(LogError::Damaged { .. }) if !records.go_on()? => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(stored) = last {
            let damaged = |reason| LogError::damaged(&segment.file, stored.offset, Damage::Entry(reason));
            return stored.read().map(Some).map_err(damaged);
        }
    }
    Ok(None)
}

/// Every record at a path that is asked for, oldest first, without a server. After an error it ends; what is wrong
/// with the log is for [`verify`](super::verify) to tell.
#[derive(Debug)]
pub struct Export {
    segments: VecDeque<Segment>,
    current: Option<Records>,
    query: Query,
}

impl Export {
    /// Opens the log's folder, one of its files, or a copy of either.
    pub fn open(path: &Path, query: Query) -> Result<Self, LogError> {
        Ok(Self { segments: segments_at(path)?.into(), current: None, query })
    }

    fn read(&mut self) -> Result<Option<AuditRecord>, LogError> {
        loop {
            if let Some(records) = &mut self.current
                && let Some(stored) = records.next_record()?
            {
                let damaged = |reason| LogError::damaged(&records.segment.file, stored.offset, Damage::Entry(reason));
                let record = stored.read().map_err(damaged)?;
                if self.query.asks_for(&record) {
                    return Ok(Some(record));
                }
                continue;
            }
            let Some(segment) = self.segments.pop_front() else { return Ok(None) };
            self.current = Some(Records::open(&segment)?);
        }
    }
}

impl Iterator for Export {
    type Item = Result<AuditRecord, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.read().transpose();
        if !matches!(record, Some(Ok(_))) {
            self.segments.clear();
            self.current = None;
        }
        record
    }
}
