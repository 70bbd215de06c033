//! Frames that another room keeps: by the rules of this room for damage.
//!
//! A [`FrameLog`] is read whole when it is opened, then appended to by one thread; each frame is on disk when
//! [`FrameLog::append`] returns. What it has grown to can be replaced: [`FrameLog::rotate`] gives a [`SnapshotDraft`],
//! which any thread fills with whatever makes the frames before it superfluous, and [`FrameLog::replace`] puts that in
//! their place. It knows nothing of what frames hold.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::frame::{Format, FrameHeader, Kind, SegmentHeader};
use super::segment::{self, Segment, SegmentReader, Unfinished, open_for_append};
use super::writer::OpenSegment;
use super::{Damage, InvalidEntry, LogError};

/// Where a frame was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameSource {
    /// In a snapshot.
    Snapshot,
    /// Behind it.
    Log,
}

/// A folder of frames, open for appending. The folder is held as long as this is.
pub(crate) struct FrameLog {
    dir: PathBuf,
    format: &'static Format,
    open: OpenSegment,
    /// Bytes in the segments before the one that is open, and behind the snapshot.
    closed_bytes: u64,
    snapshot_bytes: u64,
    _lock: File,
}

/// A snapshot that is being made. When it is dropped, it is as if it had never been begun.
pub(crate) struct SnapshotDraft(Option<Unfinished>);

impl FrameLog {
    /// Opens the log in a folder, or makes it. Every payload is given to `see`, in order: those of the snapshot, if
    /// there is one, then those behind it. A frame that was cut off at the very end is removed: nobody was told of it.
    /// Damage, or what `see` does not understand, is an error.
    pub(crate) fn open(
        dir: &Path,
        format: &'static Format,
        mut see: impl FnMut(FrameSource, &[u8]) -> Result<(), InvalidEntry>,
    ) -> Result<Self, LogError> {
        let lock = segment::hold(dir)?;
        segment::remove_unfinished(dir)?;
        let mut segments = segment::list(dir, format)?;
        let newest = segments.iter().rposition(|segment| segment.kind == Kind::Snapshot).unwrap_or(0);
        let replaced: Vec<Segment> = segments.drain(..newest).collect();
        let (mut next, mut closed_bytes, mut snapshot_bytes) = (1, 0, 0);
        let mut last = None;
        let count = segments.len();
        for (position, segment) in segments.into_iter().enumerate() {
            if segment.kind == Kind::Log && segment.number != next {
                return Err(LogError::Missing { file: segment.file, from: next, to: segment.number });
            }
            let (end, frames) = read(&segment, position + 1 == count, &mut see)?;
            match segment.kind {
                Kind::Snapshot => (next, snapshot_bytes) = (segment.number, end),
                Kind::Log => (next, closed_bytes) = (next + frames, closed_bytes + end),
            }
            last = Some((segment, end));
        }
        // Only now: had the snapshot been damaged, what it replaces would have been all there is.
        segment::remove(&replaced)?;
        let open = match last.filter(|(segment, _)| segment.kind == Kind::Log) {
            Some((segment, end)) => {
                closed_bytes -= end;
                OpenSegment { storage: Box::new(open_for_append(&segment)?), segment, offset: end, next }
            }
            None => OpenSegment::create(dir, format, next)?,
        };
        Ok(Self { dir: dir.to_owned(), format, open, closed_bytes, snapshot_bytes, _lock: lock })
    }

    /// How many frames were ever appended.
    pub(crate) fn frames(&self) -> u64 {
        self.open.next - 1
    }

    /// Bytes behind the snapshot.
    pub(crate) fn bytes(&self) -> u64 {
        self.closed_bytes + self.open.offset - SegmentHeader::LEN as u64
    }

    /// Bytes of the snapshot; 0 if there is none.
    pub(crate) fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes
    }

    /// Starts a frame: the room that [`FrameLog::append`] needs in front of the payload.
    pub(crate) fn start_frame(frame: &mut Vec<u8>) {
        frame.clear();
        frame.resize(FrameHeader::LEN, 0);
    }

    /// Appends a frame that was started by [`FrameLog::start_frame`]; it is on disk when this returns. After an error
    /// nobody knows what the disk holds: nothing is to be appended any more.
    pub(crate) fn append(&mut self, frame: &mut [u8]) -> Result<(), LogError> {
        self.open.append(frame)?;
        self.open.next += 1;
        Ok(())
    }

    /// Begins a new segment, so that what was appended so far can be replaced, and the snapshot that is to do that.
    pub(crate) fn rotate(&mut self) -> Result<SnapshotDraft, LogError> {
        if self.open.next > self.open.segment.number {
            let open = OpenSegment::create(&self.dir, self.format, self.open.next)?;
            self.closed_bytes += std::mem::replace(&mut self.open, open).offset;
        }
        let segment = Segment::new(&self.dir, self.format, Kind::Snapshot, self.open.segment.number);
        Ok(SnapshotDraft(Some(Unfinished::create(segment)?)))
    }

    /// Puts a snapshot in place of everything that was appended before its [`FrameLog::rotate`].
    pub(crate) fn replace(&mut self, mut draft: SnapshotDraft) -> Result<(), LogError> {
        let Some(unfinished) = draft.0.take() else { return Ok(()) };
        let bytes = unfinished.offset;
        let snapshot = unfinished.finish(&self.dir)?;
        (self.snapshot_bytes, self.closed_bytes) = (bytes, 0);
        let mut replaced = segment::list(&self.dir, self.format)?;
        replaced.retain(|segment| segment.number < snapshot.number);
        segment::remove(&replaced)
    }
}

impl SnapshotDraft {
    /// Adds a frame that was started by [`FrameLog::start_frame`].
    pub(crate) fn add(&mut self, frame: &mut [u8]) -> Result<(), LogError> {
        self.0.as_mut().map_or(Ok(()), |unfinished| unfinished.add(frame))
    }

    /// Makes it last, so that [`FrameLog::replace`] takes no time.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        self.0.as_ref().map_or(Ok(()), Unfinished::sync)
    }
}

impl Drop for SnapshotDraft {
    fn drop(&mut self) {
        if let Some(unfinished) = self.0.take() {
            unfinished.abandon();
        }
    }
}

/// Reads a segment; where it ends, and how many frames it has.
fn read(
    segment: &Segment,
    is_last: bool,
    see: &mut impl FnMut(FrameSource, &[u8]) -> Result<(), InvalidEntry>,
) -> Result<(u64, u64), LogError> {
    let source = match segment.kind {
        Kind::Snapshot => FrameSource::Snapshot,
        Kind::Log => FrameSource::Log,
    };
    let mut reader = SegmentReader::open(segment)?;
    let end = loop {
        match reader.next_frame() {
            Ok(Some((start, payload))) => see(source, &payload)
                .map_err(|reason| LogError::damaged(&segment.file, start, Damage::Entry(reason)))?,
            Ok(None) => break reader.end,
            Err(error) if is_last && segment.kind == Kind::Log => break segment::cut(segment, &mut reader, error)?,
            Err(error) => return Err(error),
        }
    };
    if is_last {
        segment::sync(segment)?;
    }
    Ok((end, reader.frames))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    static FORMAT: Format =
        Format { name: "frames", extension: "test", magic: *b"\x97hztst\n", letter: b'f', message_version: 1 };

    /// A payload, and whether a snapshot has it.
    type Seen = (bool, Vec<u8>);

    fn open(dir: &Path) -> Result<(FrameLog, Vec<Seen>), LogError> {
        let mut seen = Vec::new();
        let log = FrameLog::open(dir, &FORMAT, |source, payload| {
            seen.push((source == FrameSource::Snapshot, payload.to_vec()));
            Ok(())
        })?;
        Ok((log, seen))
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        FrameLog::start_frame(&mut frame);
        frame.extend_from_slice(payload);
        frame
    }

    fn append(log: &mut FrameLog, payload: &[u8]) {
        log.append(&mut frame(payload)).expect("the disk works");
    }

    #[test]
    fn what_was_appended_is_read_in_order_and_goes_on() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut log, seen) = open(dir.path()).expect("it opens");
        assert!(seen.is_empty() && log.frames() == 0 && log.bytes() == 0);
        append(&mut log, b"one");
        drop(log);
        let (mut log, _) = open(dir.path()).expect("it opens");
        append(&mut log, b"two");
        drop(log);
        let (log, seen) = open(dir.path()).expect("it opens");
        assert_eq!(seen, [(false, b"one".to_vec()), (false, b"two".to_vec())]);
        assert_eq!(log.frames(), 2);
    }

    #[test]
    fn a_snapshot_takes_the_place_of_what_was_before_it_and_of_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut log, _) = open(dir.path()).expect("it opens");
        append(&mut log, b"one");
        append(&mut log, b"two");
        let mut draft = log.rotate().expect("it can be begun");
        append(&mut log, b"three");
        draft.add(&mut frame(b"one and two")).expect("the disk works");
        draft.sync().expect("the disk works");
        log.replace(draft).expect("the disk works");
        append(&mut log, b"four");
        drop(log);
        let (mut log, seen) = open(dir.path()).expect("it opens");
        let expected = [(true, b"one and two".to_vec()), (false, b"three".to_vec()), (false, b"four".to_vec())];
        assert_eq!(seen, expected);
        assert!(log.frames() == 4 && log.snapshot_bytes() > 0);
        // Another, though nothing has come since: it takes the place of the first.
        for text in [&b"all"[..], b"all of it"] {
            let mut draft = log.rotate().expect("it can be begun");
            draft.add(&mut frame(text)).expect("the disk works");
            log.replace(draft).expect("the disk works");
        }
        drop(log);
        let (log, seen) = open(dir.path()).expect("it opens");
        assert_eq!(seen, [(true, b"all of it".to_vec())]);
        assert!(log.frames() == 4 && log.bytes() == 0);
    }

    #[test]
    fn a_snapshot_that_was_not_finished_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut log, _) = open(dir.path()).expect("it opens");
        append(&mut log, b"one");
        let mut draft = log.rotate().expect("it can be begun");
        draft.add(&mut frame(b"half")).expect("the disk works");
        append(&mut log, b"two");
        drop((draft, log));
        let (_, seen) = open(dir.path()).expect("it opens");
        assert_eq!(seen, [(false, b"one".to_vec()), (false, b"two".to_vec())]);
    }

    #[test]
    fn a_frame_that_was_cut_off_is_removed_and_any_other_damage_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut log, _) = open(dir.path()).expect("it opens");
        append(&mut log, b"one");
        append(&mut log, b"two");
        let file = log.open.segment.file.clone();
        drop(log);
        let whole = fs::read(&file).expect("it is there");
        fs::write(&file, &whole[..whole.len() - 1]).expect("written");
        assert_eq!(open(dir.path()).expect("it opens").1, [(false, b"one".to_vec())]);
        for byte in 0..whole.len() - FrameHeader::LEN - 3 {
            let mut damaged = whole.clone();
            damaged[byte] ^= 1;
            fs::write(&file, &damaged).expect("written");
            let error = open(dir.path()).err().expect("it does not open");
            assert!(error.to_string().contains("frames-00000000000000000001.test"), "byte {byte}: {error}");
        }
    }

    #[test]
    fn a_segment_that_is_missing_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut log, _) = open(dir.path()).expect("it opens");
        append(&mut log, b"one");
        let first = log.open.segment.file.clone();
        drop(log.rotate().expect("it can be begun"));
        append(&mut log, b"two");
        drop(log);
        fs::remove_file(first).expect("removed");
        let error = open(dir.path()).err();
        assert!(matches!(error, Some(LogError::Missing { from: 1, to: 2, .. })), "{error:?}");
    }
}
