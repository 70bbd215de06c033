//! Segments as files: their names, how they come to be, how they are read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::frame::{FrameHeader, InvalidHeader, Kind, SegmentHeader, find_frame};
use super::{Damage, JournalError};

/// A segment's place: what its file is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) file: PathBuf,
}

impl Segment {
    pub(super) fn new(dir: &Path, kind: Kind, number: u64) -> Self {
        let name = match kind {
            Kind::Journal => "journal",
            Kind::Snapshot => "snapshot",
        };
        Self { kind, number, file: dir.join(format!("{name}-{number:020}.hzj")) }
    }

    /// The segment that this file is by its name, if it is one.
    fn of(dir: &Path, name: &str) -> Option<Self> {
        let (kind, number) = match name.strip_suffix(".hzj")?.split_once('-')? {
            ("journal", number) => (Kind::Journal, number),
            ("snapshot", number) => (Kind::Snapshot, number),
            _ => return None,
        };
        let segment = Self::new(dir, kind, number.parse().ok()?);
        (segment.file == dir.join(name)).then_some(segment)
    }

    /// The file under which it is made, before it gets its name.
    fn unfinished(&self) -> PathBuf {
        self.file.with_extension("tmp")
    }
}

/// The segments in `dir`, oldest first; what a crash left unfinished is removed.
pub(super) fn list(dir: &Path) -> Result<Vec<Segment>, JournalError> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(JournalError::io("list", dir))? {
        let path = entry.map_err(JournalError::io("list", dir))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            segments.extend(Segment::of(dir, name));
        }
    }
    segments.sort_by_key(|segment| (segment.number, segment.kind == Kind::Journal));
    Ok(segments)
}

/// Makes what happened to names in `dir` last.
pub(super) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(JournalError::io("sync", dir))
}

/// A segment that is being made: it gets its name when it is whole and synced, so that one with a name is never half
/// made.
pub(super) struct Unfinished {
    segment: Segment,
    file: File,
    /// Where the next frame goes.
    pub(super) offset: u64,
    frames: u64,
}

impl Unfinished {
    pub(super) fn create(segment: Segment) -> Result<Self, JournalError> {
        let path = segment.unfinished();
        let mut file = File::create(&path).map_err(JournalError::io("create", &path))?;
        let header = SegmentHeader { kind: segment.kind, number: segment.number, frames: 0 };
        file.write_all(&header.write()).map_err(JournalError::io("write", &path))?;
        Ok(Self { segment, file, offset: SegmentHeader::LEN as u64, frames: 0 })
    }

    /// Adds a frame that has room for its header in front.
    pub(super) fn add(&mut self, frame: &mut [u8]) -> Result<(), JournalError> {
        FrameHeader::seal(frame, self.segment.number, self.offset);
        self.file.write_all(frame).map_err(JournalError::io("write", &self.segment.unfinished()))?;
        self.offset += frame.len() as u64;
        self.frames += 1;
        Ok(())
    }

    /// Makes last what is in it, before it gets its name.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::io("sync", &self.segment.unfinished()))
    }

    /// Syncs it and gives it its name.
    pub(super) fn finish(mut self, dir: &Path) -> Result<Segment, JournalError> {
        let path = self.segment.unfinished();
        if self.segment.kind == Kind::Snapshot {
            let header = SegmentHeader { kind: Kind::Snapshot, number: self.segment.number, frames: self.frames };
            let rewritten = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&header.write()));
            rewritten.map_err(JournalError::io("write", &path))?;
        }
        self.file.sync_all().map_err(JournalError::io("sync", &path))?;
        fs::rename(&path, &self.segment.file).map_err(JournalError::io("rename", &path))?;
        sync_dir(dir)?;
        Ok(self.segment)
    }

    /// Gives it up.
    pub(super) fn abandon(self) {
        // What is left is removed when the journal is next opened.
        let _ = fs::remove_file(self.segment.unfinished());
    }
}

/// Opens a journal's segment for appending.
pub(super) fn open_for_append(segment: &Segment) -> Result<File, JournalError> {
    OpenOptions::new().append(true).open(&segment.file).map_err(JournalError::io("open", &segment.file))
}

/// Reads a segment, frame by frame. Holds one frame in memory.
#[derive(Debug)]
pub(super) struct SegmentReader {
    segment: Segment,
    header: SegmentHeader,
    file: BufReader<File>,
    /// Where the next frame starts.
    pub(super) offset: u64,
    /// How far it is to be read.
    pub(super) end: u64,
    /// How many frames were read.
    pub(super) frames: u64,
}

impl SegmentReader {
    /// Opens a segment and reads its header. It is read to its present end.
    pub(super) fn open(segment: &Segment) -> Result<Self, JournalError> {
        let refused = |error| JournalError::io("read", &segment.file)(error);
        let file = File::open(&segment.file).map_err(refused)?;
        let end = file.metadata().map_err(refused)?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut bytes = [0; SegmentHeader::LEN];
        file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => JournalError::damaged(&segment.file, 0, Damage::SegmentHeader),
            _ => refused(error),
        })?;
        let header = match SegmentHeader::read(&bytes) {
            Ok(header) if (header.kind, header.number) == (segment.kind, segment.number) => header,
            Ok(_) | Err(InvalidHeader::Damaged) => {
                return Err(JournalError::damaged(&segment.file, 0, Damage::SegmentHeader));
            }
            Err(InvalidHeader::Version { framing, message }) => {
                return Err(JournalError::UnknownVersion { file: segment.file.clone(), framing, message });
            }
        };
        Ok(Self { segment: segment.clone(), header, file, offset: SegmentHeader::LEN as u64, end, frames: 0 })
    }

    /// The payload of the next frame and where the frame starts; `None` at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<(u64, Bytes)>, JournalError> {
        let start = self.offset;
        if start == self.end {
            let counted = self.header.kind == Kind::Journal || self.header.frames == self.frames;
            return if counted { Ok(None) } else { Err(self.damaged(Damage::FrameCount)) };
        }
        let mut header = [0; FrameHeader::LEN];
        self.fill(&mut header, self.end - start)?;
        let header =
            FrameHeader::read(&header, self.segment.number, start).ok_or_else(|| self.damaged(Damage::FrameHeader))?;
        let left = self.end - start - FrameHeader::LEN as u64;
        if left < header.len as u64 {
            return Err(self.damaged(Damage::CutOff));
        }
        let mut payload = vec![0; header.len];
        self.fill(&mut payload, left)?;
        header.verify(&payload).map_err(|reason| self.damaged(reason))?;
        self.offset += (FrameHeader::LEN + header.len) as u64;
        self.frames += 1;
        Ok(Some((start, payload.into())))
    }

    /// Where behind the frame that cannot be read there is another, if anywhere. One frame is written only when those
    /// before it are on disk: so if there is one, what cannot be read was damaged later.
    pub(super) fn frame_behind(&mut self) -> Result<Option<u64>, JournalError> {
        const CHUNK: u64 = 1 << 20;
        let mut bytes = Vec::new();
        let mut at = self.offset + 1;
        while at + FrameHeader::LEN as u64 <= self.end {
            bytes.clear();
            let read = self.file.seek(SeekFrom::Start(at));
            let read = read.and_then(|_| self.file.by_ref().take(CHUNK).read_to_end(&mut bytes));
            read.map_err(JournalError::io("read", &self.segment.file))?;
            if let Some(found) = find_frame(&bytes, self.segment.number, at) {
                return Ok(Some(found));
            }
            // The last bytes of this chunk may be the start of a header.
            at += CHUNK - FrameHeader::LEN as u64 + 1;
        }
        Ok(None)
    }

    fn fill(&mut self, bytes: &mut [u8], left: u64) -> Result<(), JournalError> {
        if left < bytes.len() as u64 {
            return Err(self.damaged(Damage::CutOff));
        }
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged(Damage::CutOff),
            _ => JournalError::io("read", &self.segment.file)(error),
        })
    }

    fn damaged(&self, reason: Damage) -> JournalError {
        JournalError::damaged(&self.segment.file, self.offset, reason)
    }
}

/// Removes segments; that they are gone need not last, since a newer snapshot takes their place either way.
pub(super) fn remove(segments: &[Segment]) -> Result<(), JournalError> {
    for segment in segments {
        fs::remove_file(&segment.file).map_err(JournalError::io("remove", &segment.file))?;
    }
    Ok(())
}

/// Where frames are appended: a file, or in tests one that fails.
pub(super) trait Storage: Send {
    /// Appends bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was appended last.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts off what is beyond `len` bytes.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Storage for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.sync_all()
    }
}
