//! Counts of one bulletin by milestone.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::domain::{ChannelKind, DeviceSlot, Timestamp};
use crate::plan::Skipped;

use super::ByApp;

/// How far one bulletin has come. Counted by batch, by many threads.
#[derive(Debug)]
pub struct Progress {
    accepted: AtomicI64,
    found: AtomicU64,
    planned: AtomicU64,
    in_lanes: AtomicU64,
    skipped: [AtomicU64; Skipped::ALL.len()],
    sent: [AtomicU64; ChannelKind::ALL.len()],
    acknowledged: AtomicU64,
    /// The same by app.
    pub by_app: ByApp,
    planned_at: AtomicI64,
    first_sent: AtomicI64,
    last_sent: AtomicI64,
    last_acknowledged: AtomicI64,
    swept: AtomicBool,
    /// Whether it was accepted before the server was started: nobody can say any more how long what took.
    replayed: AtomicBool,
}

/// How far a bulletin had come at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// When the bulletin was accepted.
    pub accepted: Option<Timestamp>,
    /// Devices found in the area, or in the reach for a cancel.
    pub found: u64,
    /// Devices put into lanes.
    pub planned: u64,
    /// Devices not told, by rule.
    pub skipped: Vec<(Skipped, u64)>,
    /// Devices sent to, by channel.
    pub sent: Vec<(ChannelKind, u64)>,
    /// Devices that have acknowledged.
    pub acknowledged: u64,
    /// When the whole area was planned.
    pub planned_at: Option<Timestamp>,
    /// When the first batch was sent; unknown for what was sent before a restart.
    pub first_sent: Option<Timestamp>,
    /// When the last batch so far was sent.
    pub last_sent: Option<Timestamp>,
    /// When the last acknowledgement so far came.
    pub last_acknowledged: Option<Timestamp>,
    /// Whether the sweep is over and no lane has any of it left.
    pub complete: bool,
}

impl Counts {
    /// Devices sent to over all channels.
    pub fn sent_total(&self) -> u64 {
        self.sent.iter().map(|(_, count)| count).sum()
    }
}

/// No instant yet.
const NEVER: i64 = i64::MIN;

impl Default for Progress {
    fn default() -> Self {
        Self {
            accepted: AtomicI64::new(NEVER),
            found: AtomicU64::new(0),
            planned: AtomicU64::new(0),
            in_lanes: AtomicU64::new(0),
            skipped: Default::default(),
            sent: Default::default(),
            acknowledged: AtomicU64::new(0),
            by_app: ByApp::default(),
            planned_at: AtomicI64::new(NEVER),
            first_sent: AtomicI64::new(NEVER),
            last_sent: AtomicI64::new(NEVER),
            last_acknowledged: AtomicI64::new(NEVER),
            swept: AtomicBool::new(false),
            replayed: AtomicBool::new(false),
        }
    }
}

impl Progress {
    /// The bulletin was accepted.
    pub fn start(&self, at: Timestamp) {
        self.accepted.store(at.as_microsecond(), Ordering::Relaxed);
    }

    /// The bulletin was accepted before the server was started.
    pub fn replay(&self, at: Timestamp) {
        self.start(at);
        self.replayed.store(true, Ordering::Relaxed);
    }

    /// Devices were found.
    pub fn found(&self, count: u64) {
        self.found.fetch_add(count, Ordering::Relaxed);
    }

    /// Devices are to be told.
    pub fn planned(&self, count: u64) {
        self.planned.fetch_add(count, Ordering::Relaxed);
    }

    /// Slots enter a lane.
    pub fn entered(&self, count: u64) {
        self.in_lanes.fetch_add(count, Ordering::AcqRel);
    }

    /// A lane is done with slots, one way or the other.
    pub fn left(&self, count: u64) {
        self.in_lanes.fetch_sub(count, Ordering::AcqRel);
    }

    /// Every device in the area has been planned; true for the first who says so, unless it was replayed.
    pub fn planned_all(&self, at: Timestamp) -> bool {
        set_once(&self.planned_at, at) && !self.replayed.load(Ordering::Relaxed)
    }

    /// The sweep is over.
    pub fn finish(&self) {
        self.swept.store(true, Ordering::Release);
    }

    /// A rule kept devices from being told.
    pub fn skipped(&self, reason: Skipped, count: u64) {
        self.skipped[reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// A channel has taken a batch; true for the first, unless it was replayed.
    pub fn sent(&self, channel: ChannelKind, count: u64, at: Timestamp) -> bool {
        self.sent[channel as usize].fetch_add(count, Ordering::Relaxed);
        self.last_sent.fetch_max(at.as_microsecond(), Ordering::Relaxed);
        set_once(&self.first_sent, at) && !self.replayed.load(Ordering::Relaxed)
    }

    /// A channel had taken a batch before the server was started.
    pub fn sent_before(&self, channel: ChannelKind, devices: &[DeviceSlot]) {
        let count = devices.len() as u64;
        self.by_app.sent_before(channel, devices);
        self.sent[channel as usize].fetch_add(count, Ordering::Relaxed);
        self.planned.fetch_add(count, Ordering::Relaxed);
    }

    /// Devices have acknowledged.
    pub fn acknowledged(&self, count: u64, at: Timestamp) {
        self.acknowledged.fetch_add(count, Ordering::Relaxed);
        self.last_acknowledged.fetch_max(at.as_microsecond(), Ordering::Relaxed);
    }

    /// Devices had acknowledged before the server was started.
    pub fn acknowledged_before(&self, devices: &[DeviceSlot]) {
        self.acknowledged.fetch_add(devices.len() as u64, Ordering::Relaxed);
        self.by_app.acknowledged_before(devices);
    }

    /// Whether the sweep is over and no lane has any of it left.
    pub fn is_complete(&self) -> bool {
        self.swept.load(Ordering::Acquire) && self.in_lanes.load(Ordering::Acquire) == 0
    }

    /// The counts now. Each is exact; they are read one after the other.
    pub fn counts(&self) -> Counts {
        let complete = self.is_complete();
        let instant = |cell: &AtomicI64| Timestamp::from_microsecond(cell.load(Ordering::Relaxed)).ok();
        let count = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let skipped = Skipped::ALL.into_iter().map(|reason| (reason, count(&self.skipped[reason as usize])));
        let sent = ChannelKind::ALL.into_iter().map(|channel| (channel, count(&self.sent[channel as usize])));
        Counts {
            accepted: instant(&self.accepted),
            found: count(&self.found),
            planned: count(&self.planned),
            skipped: skipped.filter(|(_, count)| *count > 0).collect(),
            sent: sent.filter(|(_, count)| *count > 0).collect(),
            acknowledged: count(&self.acknowledged),
            planned_at: instant(&self.planned_at),
            first_sent: instant(&self.first_sent),
            last_sent: instant(&self.last_sent),
            last_acknowledged: instant(&self.last_acknowledged),
            complete,
        }
    }
}

/// True if nothing was set before.
fn set_once(cell: &AtomicI64, at: Timestamp) -> bool {
    cell.compare_exchange(NEVER, at.as_microsecond(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_is_complete_when_it_is_swept_and_the_lanes_are_empty() {
        let progress = Progress::default();
        progress.entered(3);
        progress.finish();
        assert!(!progress.counts().complete);
        progress.left(3);
        assert!(progress.counts().complete);
    }

    #[test]
    fn the_first_is_told_once_and_not_of_what_was_accepted_before_the_start() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let progress = Progress::default();
        progress.start(at(9));
        assert!(progress.planned_all(at(10)) && progress.sent(ChannelKind::Link, 2, at(10)));
        assert!(!progress.planned_all(at(11)) && !progress.sent(ChannelKind::Null, 2, at(11)));
        let replayed = Progress::default();
        replayed.replay(at(9));
        assert!(!replayed.planned_all(at(10)) && !replayed.sent(ChannelKind::Link, 2, at(10)));
    }

    #[test]
    fn the_first_and_the_last_batch_are_timed() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let progress = Progress::default();
        assert_eq!(progress.counts().first_sent, None);
        progress.sent(ChannelKind::Link, 2, at(10));
        progress.sent(ChannelKind::Null, 5, at(12));
        let counts = progress.counts();
        assert_eq!((counts.first_sent, counts.last_sent), (Some(at(10)), Some(at(12))));
        assert_eq!(counts.sent_total(), 7);
    }
}
