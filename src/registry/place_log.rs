//! Where phones are, on disk: a log of its own, since places change a hundred times as often as all else.
//!
//! [`PlaceLog`] is the writer's: it appends what one commit has changed, synced. What memory holds is written to a
//! snapshot now and then, by another thread ([`Snapshot`]), and takes the place of what was logged before; so that a
//! place which was replaced or taken away is in no file an hour later (R-P5).
//!
//! # What counts
//!
//! A report is in the log alone. What changes a registration's place together with its record (registering, a
//! withdrawal) must hold whole or not at all, though record and place are in two files that no crash spares alike. So
//! such a change writes the number of its commit into the record: of that registration, only those entries count that
//! are of a later commit, or that say they belong to this very one. The log is synced first. If the record then was not
//! written, its entry belongs to a commit that there never was; and numbers are not given twice.
//!
//! # What lies on disk
//!
//! [`FrameLog`]'s segments in the folder `places`. A frame is a version byte, the number of a commit (for a snapshot,
//! of the last that is in it), and entries: a byte of flags, a slot, longitude and latitude in 1e-7 degrees, for a box
//! also those of its north-east corner, and when it was reported, in Unix microseconds. Numbers are little-endian.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::{Footprint, Position, Private, Slot, Timestamp};
use crate::segments::{Format, FrameLog, FrameSource, InvalidEntry, LogError, SnapshotDraft};

use super::places::{Places, Reported};

/// The log's files.
static FORMAT: Format =
    Format { name: "places", extension: "hzp", magic: *b"\x97hzplc\n", letter: b'p', message_version: 1 };

/// The version that this build writes, and so far the only one there is.
const VERSION: u8 = 1;

const BOX: u8 = 1;
/// The entry counts only if the record says that it is of the same commit.
const WITH_RECORD: u8 = 1 << 1;

/// How many places are in one frame of a snapshot.
const SNAPSHOT_FRAME: usize = 4_096;

/// When what was logged is replaced by what holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The log is at least this long, and longer than the snapshot before it.
    pub(super) bytes: u64,
    /// Or what it has replaced was replaced this long ago.
    pub(super) age: Duration,
}

impl Limits {
    /// What a server has.
    pub(super) const DEFAULT: Self = Self { bytes: 64 << 20, age: Duration::from_hours(1) };
}

/// What the log says of a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub(super) slot: Slot,
    pub(super) place: Reported,
    source: FrameSource,
    commit: u64,
    with_record: bool,
}

impl Entry {
    /// Whether it counts for a registration whose place was last changed with its record by `place_commit`.
    pub(super) fn counts(&self, place_commit: u64) -> bool {
        match self.source {
            // It was written when everything up to its commit had been made.
            FrameSource::Snapshot => self.commit >= place_commit,
            FrameSource::Log if self.with_record => self.commit == place_commit,
            FrameSource::Log => self.commit > place_commit,
        }
    }
}

/// Entries of one commit on their way to the log.
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn new(commit: u64) -> Self {
        let mut bytes = Vec::new();
        FrameLog::start_frame(&mut bytes);
        bytes.push(VERSION);
        bytes.extend_from_slice(&commit.to_le_bytes());
        Self(bytes)
    }

    pub(super) fn push(&mut self, slot: Slot, (place, at): Reported, with_record: bool) {
        let (first, second) = match place {
            Footprint::Point(at) => (at, None),
            Footprint::Box { south_west, north_east } => (south_west, Some(north_east)),
        };
        let flags = if second.is_some() { BOX } else { 0 } | if with_record { WITH_RECORD } else { 0 };
        let mut entry = [0; 29];
        entry[0] = flags;
        entry[1..5].copy_from_slice(&slot.0.to_le_bytes());
        let mut len = 5;
        for corner in std::iter::once(first).chain(second) {
            entry[len..len + 4].copy_from_slice(&corner.expose().lon_e7().to_le_bytes());
            entry[len + 4..len + 8].copy_from_slice(&corner.expose().lat_e7().to_le_bytes());
            len += 8;
        }
        entry[len..len + 8].copy_from_slice(&at.as_microsecond().to_le_bytes());
        self.0.extend_from_slice(&entry[..len + 8]);
    }
}

/// A snapshot that is being made: `stale_since` as it was when that was begun.
struct InHand {
    stale_since: Option<Instant>,
}

/// The log, open for appending.
pub(super) struct PlaceLog {
    log: FrameLog,
    limits: Limits,
    last_commit: u64,
    /// When the first place was replaced or taken away that is still on disk.
    stale_since: Option<Instant>,
    /// While a snapshot is being made: what it is to take off the disk.
    in_hand: Option<InHand>,
}

impl PlaceLog {
    /// Opens the log in a folder, or makes it. What it has is given to `see` in order: of several entries that count,
    /// the last holds.
    pub(super) fn open(dir: &Path, limits: Limits, mut see: impl FnMut(Entry)) -> Result<Self, LogError> {
        let mut last_commit = 0;
        let log = FrameLog::open(dir, &FORMAT, |source, payload| {
            let (&version, rest) = payload.split_first().ok_or(InvalidEntry::Malformed)?;
            if version != VERSION {
                return Err(InvalidEntry::Impossible("version"));
            }
            let (commit, mut entries) = rest.split_first_chunk().ok_or(InvalidEntry::Malformed)?;
            let commit = u64::from_le_bytes(*commit);
            last_commit = last_commit.max(commit);
            while !entries.is_empty() {
                see(read(&mut entries, source, commit)?);
            }
            Ok(())
        })?;
        // What was replaced before the start is taken to be as old as that.
        let stale_since = (log.frames() > 0).then(Instant::now);
        Ok(Self { log, limits, last_commit, stale_since, in_hand: None })
    }

    /// The last commit that the log had anything of when it was opened.
    pub(super) fn last_commit(&self) -> u64 {
        self.last_commit
    }

    /// How many frames it ever had.
    pub(super) fn frames(&self) -> u64 {
        self.log.frames()
    }

    /// Appends what a commit has changed; it is on disk when this returns.
    pub(super) fn append(&mut self, mut frame: Frame) -> Result<(), LogError> {
        self.log.append(&mut frame.0)
    }

    /// Takes note that a place was set, replaced or taken away.
    pub(super) fn changed(&mut self) {
        self.stale_since.get_or_insert_with(Instant::now);
    }

    /// Begins a snapshot if one is due, between `commit`, which has been made, and the next.
    pub(super) fn begin_snapshot(&mut self, commit: u64) -> Result<Option<Snapshot>, LogError> {
        let long = self.log.bytes() > self.limits.bytes.max(self.log.snapshot_bytes());
        let old = self.stale_since.is_some_and(|since| since.elapsed() >= self.limits.age);
        if self.in_hand.is_some() || !(long || old) {
            return Ok(None);
        }
        let draft = self.log.rotate()?;
        self.in_hand = Some(InHand { stale_since: self.stale_since.take() });
        Ok(Some(Snapshot { draft, commit }))
    }

    /// Puts a snapshot in place of what was logged before it was begun; between two commits, so that all of what it
    /// left out is gone for good.
    pub(super) fn end_snapshot(&mut self, ended: Ended) -> Result<(), LogError> {
        let in_hand = self.in_hand.take();
        if let Ended::Written(snapshot) = ended {
            return self.log.replace(snapshot.draft);
        }
        self.stale_since = in_hand.and_then(|in_hand| in_hand.stale_since).or(self.stale_since);
        Ok(())
    }
}

/// What became of a snapshot.
pub(super) enum Ended {
    /// It is on disk.
    Written(Snapshot),
    /// It was given up: the log has all that was to be in it.
    GivenUp,
}

/// A snapshot to be written while places go on changing: what changes meanwhile is in the log behind it.
pub(super) struct Snapshot {
    draft: SnapshotDraft,
    commit: u64,
}

impl Snapshot {
    /// Writes what holds, and syncs it. Gives up when `goes_on` says so.
    pub(super) fn write(
        mut self,
        places: &Places,
        slots: impl Iterator<Item = Slot>,
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Ended, LogError> {
        let mut frame = Frame::new(self.commit);
        let mut count = 0;
        for slot in slots {
            let Some(place) = places.get(slot) else { continue };
            frame.push(slot, place, false);
            count += 1;
            if count == SNAPSHOT_FRAME {
                if !goes_on() {
                    return Ok(Ended::GivenUp);
                }
                self.draft.add(&mut std::mem::replace(&mut frame, Frame::new(self.commit)).0)?;
                count = 0;
            }
        }
        // Even an empty one tells which commit it is of.
        self.draft.add(&mut frame.0)?;
        self.draft.sync()?;
        Ok(Ended::Written(self))
    }
}

fn read(bytes: &mut &[u8], source: FrameSource, commit: u64) -> Result<Entry, InvalidEntry> {
    let [flags] = take(bytes)?;
    if flags & !(BOX | WITH_RECORD) != 0 {
        return Err(InvalidEntry::Impossible("flag"));
    }
    let slot = Slot(u32::from_le_bytes(take(bytes)?));
    let first = read_position(bytes)?;
    let place = if flags & BOX == 0 {
        Footprint::Point(first)
    } else {
        Footprint::Box { south_west: first, north_east: read_position(bytes)? }
    };
    let at = Timestamp::from_microsecond(i64::from_le_bytes(take(bytes)?));
    let at = at.map_err(|_| InvalidEntry::Impossible("time"))?;
    Ok(Entry { slot, place: (place, at), source, commit, with_record: flags & WITH_RECORD != 0 })
}

fn read_position(bytes: &mut &[u8]) -> Result<Private<Position>, InvalidEntry> {
    let (lon, lat) = (i32::from_le_bytes(take(bytes)?), i32::from_le_bytes(take(bytes)?));
    Position::from_e7(lon, lat).map(Private::new).ok_or(InvalidEntry::Impossible("place"))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], InvalidEntry> {
    let (first, rest) = bytes.split_first_chunk().ok_or(InvalidEntry::Malformed)?;
    *bytes = rest;
    Ok(*first)
}
