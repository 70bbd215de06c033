//! What waits for a lane: slots, in the order in which the sweep wrote them.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

use crate::decide::TierIndex;
use crate::domain::{NoticeKind, Priority, Slot};
use crate::ledger::Claim;

use super::FanOut;

/// A run of slots with equal content is cut at this length, so that growing it copies little.
const SEGMENT: usize = 1 << 16;

/// What goes to whom: a fan-out's tier and kind of notice.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) fan_out: Arc<FanOut>,
    pub(super) tier: TierIndex,
    pub(super) kind: NoticeKind,
    pub(super) by: By,
}

/// By which kind of place devices were found. For a release it does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The phone is there.
    Live,
    /// Its person follows a place there.
    Saved,
}

impl By {
    /// The kind of the place with this ordinal.
    pub(super) fn ordinal(ordinal: u8) -> Self {
        if ordinal == 0 { Self::Live } else { Self::Saved }
    }
}

impl Errand {
    pub(super) fn is(&self, other: &Self) -> bool {
        let what = |errand: &Self| (errand.tier, errand.kind, errand.by);
        Arc::ptr_eq(&self.fan_out, &other.fan_out) && what(self) == what(other)
    }

    /// What its devices are claimed for.
    pub(super) fn claim(&self) -> Claim {
        Claim::of(self.kind, self.fan_out.tier_facts(self.tier, self.kind).priority)
    }

    /// Its priority among what waits: its tier's; a release has its fan-out's.
    fn priority(&self) -> Priority {
        match self.kind {
            NoticeKind::Alert | NoticeKind::Update => self.fan_out.tier_facts(self.tier, self.kind).priority,
            NoticeKind::Release => self.fan_out.priority(),
        }
    }
}

#[derive(Debug)]
struct Segment {
    errand: Errand,
    slots: Vec<Slot>,
    taken: usize,
}

/// The queue of one lane: 4 bytes a waiting device, most urgent priority first. Writers never wait; what is held is
/// bounded by the registrations that there are, since each enters once for each fan-out and claim.
#[derive(Debug, Default)]
pub(super) struct LaneQueue {
    waiting: Mutex<Waiting>,
    ready: Notify,
    depth: Gauge,
}

#[derive(Debug, Default)]
struct Waiting {
    by_priority: [VecDeque<Segment>; Priority::ALL.len()],
    slots: usize,
    closed: bool,
}

impl LaneQueue {
    /// An empty queue; `depth` tells operators how many slots wait.
    pub(super) fn new(depth: Gauge) -> Self {
        Self { depth, ..Self::default() }
    }

    /// Adds slots behind those of the same priority.
    pub(super) fn push(&self, errand: &Errand, slots: &[Slot]) {
        let mut waiting = self.waiting.lock();
        waiting.slots += slots.len();
        self.depth.set(waiting.slots as i64);
        let segments = &mut waiting.by_priority[errand.priority() as usize];
        match segments.back_mut() {
            Some(last) if last.errand.is(errand) && last.slots.len() < SEGMENT => last.slots.extend_from_slice(slots),
            _ => segments.push_back(Segment { errand: errand.clone(), slots: slots.to_vec(), taken: 0 }),
        }
        drop(waiting);
        self.ready.notify_one();
    }

    /// Takes up to `most` slots with equal content into `out`; `None` when nothing waits.
    pub(super) fn take(&self, most: usize, out: &mut Vec<Slot>) -> Option<Errand> {
        out.clear();
        let mut waiting = self.waiting.lock();
        let segments = waiting.by_priority.iter_mut().rev().find(|segments| !segments.is_empty())?;
        let front = segments.front_mut()?;
        let end = front.slots.len().min(front.taken + most);
        out.extend_from_slice(&front.slots[front.taken..end]);
        front.taken = end;
        let errand = front.errand.clone();
        if end == front.slots.len() {
            segments.pop_front();
        }
        waiting.slots -= out.len();
        self.depth.set(waiting.slots as i64);
        Some(errand)
    }

    /// How many slots wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().slots
    }

    /// No more comes: the lane ends when it has taken what waits.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.ready.notify_one();
    }

    /// Waits until something may have come; false when nothing will.
    pub(super) async fn wait(&self) -> bool {
        {
            let waiting = self.waiting.lock();
            if waiting.slots > 0 {
                return true;
            }
            if waiting.closed {
                return false;
            }
        }
        self.ready.notified().await;
        true
    }
}
