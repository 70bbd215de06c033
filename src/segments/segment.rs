//! Segments as files: their names, how they come to be, how they are read.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::frame::{Format, FrameHeader, InvalidHeader, Kind, SegmentHeader, find_frame};
use super::{Damage, LogError};

/// How the name of a file ends that is not finished.
const UNFINISHED: &str = "tmp";

/// The file that the server of a folder holds locked.
const LOCK: &str = "lock";

/// A segment's place: what its file is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) format: &'static Format,
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) file: PathBuf,
}

impl Segment {
    pub(crate) fn new(dir: &Path, format: &'static Format, kind: Kind, number: u64) -> Self {
        let name = match kind {
            Kind::Log => format.name,
            Kind::Snapshot => "snapshot",
        };
        Self { format, kind, number, file: dir.join(format!("{name}-{number:020}.{}", format.extension)) }
    }

    /// The segment that this file is by its name, if it is one.
    pub(crate) fn of(file: &Path, format: &'static Format) -> Option<Self> {
        let name = file.file_name()?.to_str()?.strip_suffix(format.extension)?.strip_suffix('.')?;
        let (kind, number) = match name.split_once('-')? {
            (name, number) if name == format.name => (Kind::Log, number),
            ("snapshot", number) => (Kind::Snapshot, number),
            _ => return None,
        };
        let segment = Self::new(file.parent()?, format, kind, number.parse().ok()?);
        (segment.file == file).then_some(segment)
    }

    /// The file under which it is made, before it gets its name.
    fn unfinished(&self) -> PathBuf {
        self.file.with_extension(UNFINISHED)
    }
}

/// Whether a server holds the folder.
pub(crate) fn is_held(dir: &Path) -> bool {
    let lock = File::open(dir.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The segments in `dir`, oldest first. Changes nothing.
pub(crate) fn list(dir: &Path, format: &'static Format) -> Result<Vec<Segment>, LogError> {
    let files = files(dir)?;
    let mut segments: Vec<Segment> = files.iter().filter_map(|file| Segment::of(file, format)).collect();
    segments.sort_by_key(|segment| (segment.number, segment.kind == Kind::Log));
    Ok(segments)
}

/// Removes what a crash left unfinished.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<(), LogError> {
    let is_unfinished = |file: &PathBuf| file.extension().is_some_and(|extension| extension == UNFINISHED);
    files(dir)?
        .iter()
        .filter(|file| is_unfinished(file))
        .try_for_each(|file| fs::remove_file(file).map_err(LogError::io("remove", file)))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, LogError> {
    let entries = fs::read_dir(dir).map_err(LogError::io("list", dir))?;
    entries.map(|entry| Ok(entry.map_err(LogError::io("list", dir))?.path())).collect()
}

/// Makes the folder, so that it lasts, and holds it until the file that this gives is closed: by this process's end at
/// the latest.
pub(crate) fn hold(dir: &Path) -> Result<File, LogError> {
    fs::create_dir_all(dir).map_err(LogError::io("create", dir))?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_dir(parent)?;
    }
    let path = dir.join(LOCK);
    let file = File::create(&path).map_err(LogError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(LogError::io("lock", &path)(error)),
    }
}

/// Makes what happened to names in `dir` last.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(LogError::io("sync", dir))
}

/// A segment that is being made: it gets its name when it is whole and synced, so that one with a name is never half
/// made.
pub(crate) struct Unfinished {
    segment: Segment,
    file: File,
    /// Where the next frame goes.
    pub(crate) offset: u64,
    frames: u64,
}

impl Unfinished {
    pub(crate) fn create(segment: Segment) -> Result<Self, LogError> {
        let path = segment.unfinished();
        let mut file = File::create(&path).map_err(LogError::io("create", &path))?;
        let header = SegmentHeader { kind: segment.kind, number: segment.number, frames: 0 };
        file.write_all(&header.write(segment.format)).map_err(LogError::io("write", &path))?;
        Ok(Self { segment, file, offset: SegmentHeader::LEN as u64, frames: 0 })
    }

    /// Adds a frame that has room for its header in front.
    pub(crate) fn add(&mut self, frame: &mut [u8]) -> Result<(), LogError> {
        FrameHeader::seal(frame, self.segment.number, self.offset);
        self.file.write_all(frame).map_err(LogError::io("write", &self.segment.unfinished()))?;
        self.offset += frame.len() as u64;
        self.frames += 1;
        Ok(())
    }

    /// Makes last what is in it, before it gets its name.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(LogError::io("sync", &self.segment.unfinished()))
    }

    /// Syncs it and gives it its name.
    pub(crate) fn finish(mut self, dir: &Path) -> Result<Segment, LogError> {
        let path = self.segment.unfinished();
        if self.segment.kind == Kind::Snapshot {
            let header = SegmentHeader { kind: Kind::Snapshot, number: self.segment.number, frames: self.frames };
            let rewritten = self
                .file
                .seek(SeekFrom::Start(0))
                .and_then(|_| self.file.write_all(&header.write(self.segment.format)));
            rewritten.map_err(LogError::io("write", &path))?;
        }
        self.file.sync_all().map_err(LogError::io("sync", &path))?;
        fs::rename(&path, &self.segment.file).map_err(LogError::io("rename", &path))?;
        sync_dir(dir)?;
        Ok(self.segment)
    }

    /// Gives it up.
    pub(crate) fn abandon(self) {
        // What is left is removed when the log is next opened.
        let _ = fs::remove_file(self.segment.unfinished());
    }
}

/// Opens a segment for appending.
pub(crate) fn open_for_append(segment: &Segment) -> Result<File, LogError> {
    OpenOptions::new().append(true).open(&segment.file).map_err(LogError::io("open", &segment.file))
}

/// Reads a segment, frame by frame. Holds one frame in memory.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    segment: Segment,
    header: SegmentHeader,
    file: BufReader<File>,
    /// Where the next frame starts.
    pub(crate) offset: u64,
    /// How far it is to be read.
    pub(crate) end: u64,
    /// How many frames were read.
    pub(crate) frames: u64,
}

impl SegmentReader {
    /// Opens a segment and reads its header. It is read to its present end.
    pub(crate) fn open(segment: &Segment) -> Result<Self, LogError> {
        let mut reader = Self::open_at(segment, 0)?;
        reader.header = reader.read_header()?;
        if (reader.header.kind, reader.header.number) != (segment.kind, segment.number) {
            return Err(LogError::damaged(&segment.file, 0, Damage::SegmentHeader));
        }
        reader.offset = SegmentHeader::LEN as u64;
        Ok(reader)
    }

    /// The segment that a file of whatever name is by its header.
    pub(crate) fn identify(file: &Path, format: &'static Format) -> Result<Segment, LogError> {
        let unnamed = Segment { format, kind: Kind::Log, number: 0, file: file.to_owned() };
        let header = Self::open_at(&unnamed, 0)?.read_header()?;
        Ok(Segment { kind: header.kind, number: header.number, ..unnamed })
    }

    /// Opens a segment at a frame, without a look at its header.
    pub(crate) fn open_at(segment: &Segment, offset: u64) -> Result<Self, LogError> {
        let refused = |error| LogError::io("read", &segment.file)(error);
        let file = File::open(&segment.file).map_err(refused)?;
        let end = file.metadata().map_err(refused)?.len().max(offset);
        let mut file = BufReader::with_capacity(1 << 16, file);
        file.seek(SeekFrom::Start(offset)).map_err(refused)?;
        let header = SegmentHeader { kind: segment.kind, number: segment.number, frames: 0 };
        Ok(Self { segment: segment.clone(), header, file, offset, end, frames: 0 })
    }

    fn read_header(&mut self) -> Result<SegmentHeader, LogError> {
        let file = &self.segment.file;
        let mut bytes = [0; SegmentHeader::LEN];
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => LogError::damaged(file, 0, Damage::SegmentHeader),
            _ => LogError::io("read", file)(error),
        })?;
        SegmentHeader::read(&bytes, self.segment.format).map_err(|error| match error {
            InvalidHeader::Damaged => LogError::damaged(file, 0, Damage::SegmentHeader),
            InvalidHeader::Version { framing, message } => {
                LogError::UnknownVersion { file: file.clone(), framing, message }
            }
        })
    }

    /// Goes on at another frame.
    pub(crate) fn go_on_at(&mut self, offset: u64) -> Result<(), LogError> {
        self.file.seek(SeekFrom::Start(offset)).map_err(LogError::io("read", &self.segment.file))?;
        self.offset = offset;
        Ok(())
    }

    /// The payload of the next frame and where the frame starts; `None` at the end.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(u64, Bytes)>, LogError> {
        let start = self.offset;
        if start == self.end {
            let counted = self.header.kind == Kind::Log || self.header.frames == self.frames;
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
    pub(crate) fn frame_behind(&mut self) -> Result<Option<u64>, LogError> {
        const CHUNK: u64 = 1 << 20;
        let mut bytes = Vec::new();
        let mut at = self.offset + 1;
        while at + FrameHeader::LEN as u64 <= self.end {
            bytes.clear();
            let read = self.file.seek(SeekFrom::Start(at));
            let read = read.and_then(|_| self.file.by_ref().take(CHUNK).read_to_end(&mut bytes));
            read.map_err(LogError::io("read", &self.segment.file))?;
            if let Some(found) = find_frame(&bytes, self.segment.number, at) {
                return Ok(Some(found));
            }
            // The last bytes of this chunk may be the start of a header.
            at += CHUNK - FrameHeader::LEN as u64 + 1;
        }
        Ok(None)
    }

    fn fill(&mut self, bytes: &mut [u8], left: u64) -> Result<(), LogError> {
        if left < bytes.len() as u64 {
            return Err(self.damaged(Damage::CutOff));
        }
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged(Damage::CutOff),
            _ => LogError::io("read", &self.segment.file)(error),
        })
    }

    fn damaged(&self, reason: Damage) -> LogError {
        LogError::damaged(&self.segment.file, self.offset, reason)
    }
}

/// Cuts off the last commit if it was cut short; returns where the segment ends now. Gives `error` back if what cannot
/// be read is anything else.
pub(crate) fn cut(segment: &Segment, reader: &mut SegmentReader, error: LogError) -> Result<u64, LogError> {
    let LogError::Damaged { offset, reason, .. } = &error else { return Err(error) };
    let torn = matches!(reason, Damage::FrameHeader | Damage::CutOff | Damage::Checksum);
    if !torn || reader.frame_behind()?.is_some() {
        return Err(error);
    }
    let removed = reader.end - offset;
    tracing::warn!(file = %segment.file.display(), offset, bytes = removed, "a commit that was cut off is removed");
    let cut = open_for_append(segment)?.set_len(*offset);
    cut.map_err(LogError::io("cut", &segment.file))?;
    Ok(*offset)
}

/// What was read may not be on disk yet, if only the server was killed: nobody is to act on it before it is.
pub(crate) fn sync(segment: &Segment) -> Result<(), LogError> {
    open_for_append(segment)?.sync_all().map_err(LogError::io("sync", &segment.file))
}

/// Removes segments; that they are gone need not last, since a newer snapshot takes their place either way.
pub(crate) fn remove(segments: &[Segment]) -> Result<(), LogError> {
    for segment in segments {
        fs::remove_file(&segment.file).map_err(LogError::io("remove", &segment.file))?;
    }
    Ok(())
}

/// Where frames are appended: a file, or in tests one that fails.
pub(crate) trait Storage: Send {
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
