//! Taking up the journal where the last run left it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::{SignedDuration, Timestamp};
use crate::metrics::Metrics;
use crate::segments::segment::{self, open_for_append};
use crate::segments::{Counters, Kind, OpenSegment, Queue, Segment};

use super::compact::{Survey, snapshot};
use super::replay::{Entries, Extent};
use super::{AsTheyAre, FORMAT, Journal, JournalError, Replay, Writer};

/// Where the journal is and how it is kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder; it is made if it is not there.
    pub dir: PathBuf,
    /// The size at which a segment is closed and the next begun, bytes.
    pub segment_bytes: u64,
    /// How long a lineage stays after it has expired, and an alert that was not sent after it was decided on; at least
    /// the longest that an alert may hold ([`Rules::max_expiry`](crate::decide::Rules::max_expiry)), and the same as
    /// what [`Lineages::forget_before`](crate::decide::Lineages::forget_before) is given.
    ///
    /// # Why
    ///
    /// A duplicate of a forgotten alert is decided anew, and must not be sent anew. If the alert was sent, its
    /// duplicate has expired by then. If it was not, since a message that came earlier cancels it, it has expired at
    /// the latest when the longest validity has passed since that message.
    pub keep: SignedDuration,
}

/// How many bytes may wait for the disk: far more than one that works lets pile up, since lanes wait for their tickets.
const WAITING: usize = 256 << 20;

/// What reading every segment once has told.
struct Found {
    extents: Vec<Extent>,
    /// The number of the next frame.
    next: u64,
    survey: Survey,
    /// Bytes of the snapshot, if there is one, and of all behind it.
    snapshot_bytes: u64,
    journal_bytes: u64,
}

impl Journal {
    /// Opens the journal in a folder. Reads all of it once, so that damage is known before anything is done; removes a
    /// commit that was cut off; and if at least half of it is over, or more has come since the last snapshot than both
    /// that and a segment hold, writes what is still needed to a new snapshot.
    ///
    /// The [`Writer`] is to be run on a thread of its own; before that, tickets wait.
    pub fn open(config: &Config, now: Timestamp, metrics: &Metrics) -> Result<(Self, Replay, Writer), JournalError> {
        let Config { dir, segment_bytes, keep } = config;
        let lock = segment::hold(dir)?;
        let mut found = survey(dir)?;
        let over_before = now.saturating_sub(*keep).unwrap_or(Timestamp::MIN);
        compact(dir, *segment_bytes, over_before, &mut found);
        let open = match found.extents.last() {
            Some(Extent { segment, end }) if segment.kind == Kind::Log => OpenSegment {
                storage: Box::new(open_for_append(segment)?),
                segment: segment.clone(),
                offset: *end,
                next: found.next,
            },
            _ => OpenSegment::create(dir, &FORMAT, found.next)?,
        };
        let queue = Arc::new(Queue::new(WAITING));
        let writer = Writer {
            queue: Arc::clone(&queue),
            dir: dir.clone(),
            segment_bytes: *segment_bytes,
            open,
            seal: Box::new(AsTheyAre),
            counters: Counters { syncs: metrics.journal_syncs.clone(), bytes: metrics.journal_appended.clone() },
            _lock: lock,
        };
        Ok((Self::on_disk(queue), Replay::new(found.extents), writer))
    }
}

/// Reads the newest snapshot and every segment after it, and checks that no frame is missing.
fn survey(dir: &Path) -> Result<Found, JournalError> {
    segment::remove_unfinished(dir)?;
    let mut segments = segment::list(dir, &FORMAT)?;
    let newest = segments.iter().rposition(|segment| segment.kind == Kind::Snapshot).unwrap_or(0);
    let replaced: Vec<Segment> = segments.drain(..newest).collect();
    let mut found =
        Found { extents: Vec::new(), next: 1, survey: Survey::default(), snapshot_bytes: 0, journal_bytes: 0 };
    let last = segments.len().saturating_sub(1);
    for (position, segment) in segments.into_iter().enumerate() {
        found.add(segment, position == last)?;
    }
    // Only now: had the snapshot been damaged, what it replaces would have been all there is.
    segment::remove(&replaced)?;
    Ok(found)
}

impl Found {
    fn add(&mut self, segment: Segment, is_last: bool) -> Result<(), JournalError> {
        if segment.kind == Kind::Log && segment.number != self.next {
            return Err(JournalError::Missing { file: segment.file, from: self.next, to: segment.number });
        }
        let mut entries = Entries::open(&segment)?;
        let end = loop {
            match entries.next_entry() {
                Ok(Some((entry, bytes))) => self.survey.see(&entry, bytes),
                Ok(None) => break entries.reader.end,
                Err(error) if is_last && segment.kind == Kind::Log => {
                    break segment::cut(&segment, &mut entries.reader, error)?;
                }
                Err(error) => return Err(error),
            }
        };
        match segment.kind {
            Kind::Snapshot => (self.next, self.snapshot_bytes) = (segment.number, end),
            Kind::Log => {
                self.next += entries.reader.frames;
                self.journal_bytes += end;
            }
        }
        if is_last {
            segment::sync(&segment)?;
        }
        self.extents.push(Extent { segment, end });
        Ok(())
    }
}

/// Writes a snapshot if one is due. A disk too full for it is no reason not to start.
fn compact(dir: &Path, segment_bytes: u64, over_before: Timestamp, found: &mut Found) {
    let grown = found.journal_bytes > segment_bytes.max(found.snapshot_bytes);
    if !grown && !found.survey.is_mostly_over(over_before) {
        return;
    }
    // A number that no segment has: the journal before it may be empty, and start at the number that its snapshot has
    // too.
    let number = found.next + 1;
    let kept = found.survey.kept(over_before);
    let read = || Replay::new(found.extents.clone());
    let written = snapshot(dir, number, &kept, over_before, read).and_then(|segment| {
        let end = fs::metadata(&segment.file).map_err(JournalError::io("read", &segment.file))?.len();
        Ok(Extent { segment, end })
    });
    match written {
        Ok(extent) => {
            found.next = number;
            let replaced = std::mem::replace(&mut found.extents, vec![extent]);
            let replaced: Vec<Segment> = replaced.into_iter().map(|extent| extent.segment).collect();
            if let Err(error) = segment::remove(&replaced) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "replaced segments are left for the next start"
                );
            }
        }
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the journal could not be compacted"),
    }
}
