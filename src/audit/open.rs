//! Taking up the log where the last run left it.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::{Act, AuditEntry, AuditPosition, AuditSubject, Clock, DeliveryKey, SignedDuration, Timestamp};
use crate::metrics::Metrics;
use crate::segments::segment::{self, open_for_append};
use crate::segments::{Closing, Counters, FrameHeader, Kind, LogError, OpenSegment, Queue, Segment, Unfinished};

use super::chain::{self, Chain};
use super::codec::Trace;
use super::places::Places;
use super::read::{Records, Stored};
use super::{Audit, Backend, FORMAT, Shared, Writer, codec};

/// Where the log is and how it is kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder; it is made if it is not there.
    pub dir: PathBuf,
    /// The size at which a segment is closed and the next begun, bytes.
    pub segment_bytes: u64,
}

/// How many bytes may wait for the disk.
const WAITING: usize = 64 << 20;

/// How far back [`Tail`] reaches at least: far more than what waits for the disk at any time, and little to read.
const BACK: SignedDuration = SignedDuration::from_mins(1);

/// How many segments are read for that at most, whatever the clock has done.
const BACK_AT_MOST: usize = 8;

/// What the end of the log has. The alert journal, the registry and the credentials are synced before it; what happened
/// to the server in the moment between must not leave what they have without a record: it is written again.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// From when on all that is in the log was seen; `None` if the log was empty.
    since: Option<Timestamp>,
    decided: HashSet<DeliveryKey>,
    /// When each person's registration was last said to be changed.
    changed: HashMap<AuditSubject, Timestamp>,
    /// When each partner, app and credential was last said to be made or revoked.
    administered: HashMap<String, Timestamp>,
}

impl Tail {
    /// Whether a decision of that instant is missing from the log.
    pub fn lacks(&self, key: DeliveryKey, decided: Timestamp) -> bool {
        self.since.is_some_and(|since| decided >= since) && !self.decided.contains(&key)
    }

    /// Whether a change of somebody's registration, of that instant, is missing from the log. Of several in the moment
    /// before a crash the last counts.
    pub fn lacks_change(&self, subject: AuditSubject, changed: Timestamp) -> bool {
        self.since.is_some_and(|since| changed >= since)
            && self.changed.get(&subject).is_none_or(|recorded| *recorded < changed)
    }

    /// Whether it is missing from the log that a partner, an app or a credential of that name was made, or revoked, at
    /// that instant.
    pub fn lacks_object(&self, name: &str, changed: Timestamp) -> bool {
        self.since.is_some_and(|since| changed >= since)
            && self.administered.get(name).is_none_or(|recorded| *recorded < changed)
    }

    fn see(&mut self, stored: &Stored) {
        let Some(time) = stored.time() else { return };
        self.since = Some(self.since.map_or(time, |since| since.min(time)));
        match stored.trace() {
            Trace::Admitted(key) => {
                self.decided.insert(key);
            }
            Trace::Changed(subjects) => {
                for subject in subjects.iter().filter_map(|subject| <[u8; 16]>::try_from(&**subject).ok()) {
                    let last = self.changed.entry(AuditSubject(subject)).or_insert(time);
                    *last = time.max(*last);
                }
            }
            Trace::Administered(name) => {
                let last = self.administered.entry(name.to_owned()).or_insert(time);
                *last = time.max(*last);
            }
            Trace::Neither => {}
        }
    }
}

impl Audit {
    /// Opens the log in a folder. Reads its last segment, not all of it: that is for [`verify`](super::verify). Removes
    /// a commit that was cut off, and says so in the log. Damage elsewhere in the last segment is logged, and left as
    /// it is: an alert does not wait until somebody has looked at it.
    ///
    /// The [`Writer`] is to be run on a thread of its own; before that, tickets wait.
    pub fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Tail, Writer), LogError> {
        let Config { dir, segment_bytes } = config;
        let lock = segment::hold(dir)?;
        segment::remove_unfinished(dir)?;
        let segments = segment::list(dir, &FORMAT)?;
        let found = Found::read(&segments)?;
        let now = clock.now();
        let (open, last) = match segments.as_slice() {
            [] => (OpenSegment::create(dir, &FORMAT, 1)?, AuditPosition::default()),
            [.., last] => found.take_up(dir, last, now)?,
        };
        let head = Arc::new(Mutex::new(last));
        let queue = Arc::new(Queue::new(WAITING));
        let writer = Writer {
            queue: Arc::clone(&queue),
            dir: dir.clone(),
            segment_bytes: *segment_bytes,
            open,
            seal: Box::new(Chain::new(Arc::clone(&head), metrics.audit_failed.clone())),
            counters: Counters { syncs: metrics.audit_syncs.clone(), bytes: metrics.audit_appended.clone() },
            _lock: lock,
        };
        let backend = Backend::Disk { queue: Closing(queue), dir: dir.clone(), head };
        let shared = Shared { backend, clock, metrics: Arc::clone(metrics), places: Places::default() };
        let audit = Self(Arc::new(shared));
        if last.sequence == 0 {
            drop(audit.append(&AuditEntry::server(Act::LogBegun { log: rand::random() })));
        }
        Ok((audit, found.tail, writer))
    }
}

/// Appends one entry to the log of a server that is not running. It is on disk when this returns.
pub fn append_alone(dir: PathBuf, clock: Arc<dyn Clock>, entry: &AuditEntry) -> Result<(), LogError> {
    let config = Config { dir, segment_bytes: u64::MAX };
    let (audit, _, mut writer) = Audit::open(&config, clock, &Arc::new(Metrics::new()))?;
    drop(audit.append(entry));
    while writer.write_waiting() {}
    // With the writer still there: without it nothing is healthy, and nothing more is written.
    let written = audit.healthy();
    drop(writer);
    written
}

/// What reading the last segment, and others before it where that was needed, has told.
#[derive(Debug, Default)]
struct Found {
    /// Where the last record stands that can be read.
    last: AuditPosition,
    tail: Tail,
    /// The last segment's header is no header.
    headless: bool,
    /// Where in the last segment a commit begins that was cut off.
    torn: Option<u64>,
    /// Where the last segment ends.
    end: u64,
}

impl Found {
    fn read(segments: &[Segment]) -> Result<Self, LogError> {
        let mut found = Self::default();
        let (mut last, mut newest) = (None, None);
        for (back, segment) in segments.iter().rev().take(BACK_AT_MOST).enumerate() {
            let seen = Seen::of(segment, &mut found.tail)?;
            if back == 0 {
                (found.headless, found.torn, found.end) = (seen.headless, seen.torn, seen.end);
                newest = seen.newest;
            }
            if let (Some((cut, offset, bytes)), Some(before)) = (seen.cut, segments.iter().rev().nth(back + 1))
                && before.number == cut
            {
                finish_cut(before, offset, bytes)?;
            }
            last = last.or(seen.last.map(|stored| stored.position()));
            let reached = |(newest, since): (Timestamp, Timestamp)| {
                newest.saturating_sub(BACK).is_ok_and(|instant| since < instant)
            };
            if last.is_some() && newest.zip(found.tail.since).is_some_and(reached) {
                break;
            }
        }
        found.last = last.unwrap_or_default();
        // The name of a segment says how many records were before it, though they can be read no more.
        let before = segments.last().map_or(0, |segment| segment.number.saturating_sub(1));
        found.last.sequence = found.last.sequence.max(before);
        Ok(found)
    }

    /// The segment that grows from now on, and where the last record stands.
    fn take_up(&self, dir: &Path, segment: &Segment, now: Timestamp) -> Result<(OpenSegment, AuditPosition), LogError> {
        let file = open_for_append(segment)?;
        // What was read may not be on disk yet, if only the server was killed.
        file.sync_all().map_err(LogError::io("sync", &segment.file))?;
        if let Some(offset) = self.torn {
            return self.cut(dir, segment, offset, now);
        }
        if self.headless {
            return Ok((OpenSegment::create(dir, &FORMAT, self.last.sequence + 1)?, self.last));
        }
        let (storage, segment, offset) = (Box::new(file), segment.clone(), self.end);
        Ok((OpenSegment { segment, storage, offset, next: self.last.sequence + 1 }, self.last))
    }

    /// Begins a segment with the record that says what is cut off, and then cuts it off: the other way round, a crash
    /// in between would leave a cut that nothing tells of.
    fn cut(
        &self,
        dir: &Path,
        torn: &Segment,
        offset: u64,
        now: Timestamp,
    ) -> Result<(OpenSegment, AuditPosition), LogError> {
        let lost = read_from(&torn.file, offset)?;
        let act = Act::TailCut { segment: torn.number, offset, bytes: lost.len() as u64, sha256: chain::sha256(&lost) };
        tracing::warn!(
            file = %torn.file.display(), offset, bytes = lost.len(), after = self.last.sequence,
            "a commit of the audit log that was cut off is removed"
        );
        let mut frame = vec![0; FrameHeader::LEN];
        let position = chain::append(&mut frame, self.last, &codec::encode(&AuditEntry::server(act), now));
        let segment = Segment::new(dir, &FORMAT, Kind::Log, self.last.sequence + 1);
        let mut unfinished = Unfinished::create(segment)?;
        unfinished.add(&mut frame)?;
        let offset_behind = unfinished.offset;
        // If nothing in the torn segment could be read, this one has its number and takes its place.
        let segment = unfinished.finish(dir)?;
        if segment != *torn {
            finish_cut(torn, offset, lost.len() as u64)?;
        }
        let storage = Box::new(open_for_append(&segment)?);
        let next = position.sequence + 1;
        Ok((OpenSegment { segment, storage, offset: offset_behind, next }, position))
    }
}

/// Cuts off what the log says was cut off, if it is there still: a crash came between the two.
fn finish_cut(segment: &Segment, offset: u64, bytes: u64) -> Result<(), LogError> {
    let file = open_for_append(segment)?;
    let len = file.metadata().map_err(LogError::io("read", &segment.file))?.len();
    if len == offset + bytes {
        let cut = file.set_len(offset).and_then(|()| file.sync_all());
        cut.map_err(LogError::io("cut", &segment.file))?;
    }
    Ok(())
}

fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>, LogError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)
    });
    read.map(|_| bytes).map_err(LogError::io("read", path))
}

/// One segment, as far as it can be read.
#[derive(Default)]
struct Seen {
    headless: bool,
    torn: Option<u64>,
    end: u64,
    /// What its first record says was cut off.
    cut: Option<(u64, u64, u64)>,
    /// The record with the highest number.
    last: Option<Stored>,
    newest: Option<Timestamp>,
}

impl Seen {
    /// Reads a segment; `tail` learns of it.
    fn of(segment: &Segment, tail: &mut Tail) -> Result<Self, LogError> {
        let mut seen = Self::default();
        let mut records = match Records::open(segment) {
            Ok(records) => records,
            Err(LogError::Damaged { .. }) => {
                seen.headless = true;
                say_damaged(segment, 0);
                Records::open_without_header(segment)?
            }
            Err(error) => return Err(error),
        };
        loop {
            match records.next_record() {
                Ok(Some(stored)) => {
                    tail.see(&stored);
                    seen.newest = seen.newest.max(stored.time());
                    if seen.last.is_none() {
                        seen.cut = stored.tail_cut();
                    }
                    if seen.last.as_ref().is_none_or(|last| last.sequence < stored.sequence) {
                        seen.last = Some(stored);
                    }
                }
                Ok(None) => break,
                Err(LogError::Damaged { offset, .. }) => {
                    if !records.go_on()? {
                        seen.torn = Some(offset);
                        break;
                    }
                    say_damaged(segment, offset);
                }
                Err(error) => return Err(error),
            }
        }
        seen.end = records.offset();
        Ok(seen)
    }
}

fn say_damaged(segment: &Segment, offset: u64) {
    tracing::error!(
        file = %segment.file.display(), offset,
        "the audit log is damaged; `hazardcast audit verify` tells what is wrong"
    );
}
