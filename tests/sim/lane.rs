//! Channels that tell what they were handed, and can be held before and after they hand it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hazardcast::channel::{Channel, Parcel};
use hazardcast::domain::{
    ChannelKind, Clock, DeliveryKey, LineageId, Mode, NoticeKind, Outcome, Priority, Slot, Timestamp,
};
use hazardcast::fan_out::LaneWorker;
use hazardcast::tasks::Tasks;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// One notice that a channel has taken for one registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) channel: ChannelKind,
    pub(crate) slot: Slot,
    pub(crate) key: DeliveryKey,
    pub(crate) kind: NoticeKind,
    pub(crate) mode: Mode,
    pub(crate) priority: Priority,
    pub(crate) expires: Timestamp,
    pub(crate) replaces: Vec<LineageId>,
    /// The turn in which the lane took its last look.
    pub(crate) looked: u64,
    /// The turn in which it left.
    pub(crate) left: u64,
    /// The server's time when it left.
    pub(crate) at: Timestamp,
}

/// What every channel was handed, in order; and which turn it is.
#[derive(Default)]
pub(crate) struct Log {
    turn: AtomicU64,
    deliveries: Mutex<Vec<Delivery>>,
}

impl Log {
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    pub(crate) fn next_turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// What came since this was last asked.
    pub(crate) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries.lock())
    }
}

/// Where a lane is within its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between two steps.
    Between,
    /// On its way, or waiting for the disk.
    Within,
    /// Held after the last look, before anything has left.
    BeforeSending,
    /// Held when all has left and nothing is recorded.
    AfterSending,
}

/// Which places a lane is held at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Holds {
    pub(crate) before: bool,
    pub(crate) after: bool,
}

/// Holds a lane.
pub(crate) struct Gate {
    holds: Mutex<Holds>,
    place: Mutex<Place>,
    /// Whether the last step found something to send.
    sent: Mutex<bool>,
    open: Notify,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            holds: Mutex::default(),
            place: Mutex::new(Place::Between),
            sent: Mutex::new(false),
            open: Notify::new(),
        }
    }
}

impl Gate {
    async fn pass(&self, place: Place) {
        let holds = *self.holds.lock();
        if (place == Place::BeforeSending && holds.before) || (place == Place::AfterSending && holds.after) {
            *self.place.lock() = place;
            self.open.notified().await;
            *self.place.lock() = Place::Within;
        }
    }
}

/// A channel whose deliveries are logged.
pub(crate) struct Tap<C, const BATCH: usize> {
    inner: C,
    gate: Arc<Gate>,
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
}

impl<C, const BATCH: usize> Tap<C, BATCH> {
    pub(crate) fn new(inner: C, gate: &Arc<Gate>, log: &Arc<Log>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, gate: Arc::clone(gate), log: Arc::clone(log), clock }
    }
}

impl<C: Channel, const BATCH: usize> Channel for Tap<C, BATCH> {
    const KIND: ChannelKind = C::KIND;
    const BATCH: usize = BATCH;
    const NEEDS_TOKEN: bool = C::NEEDS_TOKEN;

    async fn send(&self, parcel: &Parcel) -> Vec<Outcome> {
        let looked = self.log.turn();
        self.gate.pass(Place::BeforeSending).await;
        let outcomes = self.inner.send(parcel).await;
        let notice = &parcel.content.notice;
        let accepted = parcel.endpoints.iter().zip(&outcomes).filter(|(_, outcome)| is_accepted(outcome));
        let delivery = |slot| Delivery {
            channel: C::KIND,
            slot,
            key: notice.key,
            kind: notice.kind,
            mode: notice.mode,
            priority: notice.priority,
            expires: notice.expires,
            replaces: notice.replaces.clone(),
            looked,
            left: self.log.turn(),
            at: self.clock.now(),
        };
        self.log.deliveries.lock().extend(accepted.map(|(endpoint, _)| delivery(endpoint.slot)));
        self.gate.pass(Place::AfterSending).await;
        outcomes
    }
}

fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

/// A lane that takes its steps when it is told to.
pub(crate) struct LaneHand {
    gate: Arc<Gate>,
    permits: mpsc::UnboundedSender<()>,
    task: JoinHandle<()>,
}

impl LaneHand {
    pub(crate) fn new(mut lane: Box<dyn LaneWorker>, gate: Arc<Gate>, tasks: &Tasks) -> Self {
        let (permits, mut permitted) = mpsc::unbounded_channel();
        let within = Arc::clone(&gate);
        let task = tasks.spawn("lane", async move {
            while permitted.recv().await.is_some() {
                let sent = lane.step().await;
                *within.sent.lock() = sent;
                *within.place.lock() = Place::Between;
            }
        });
        Self { gate, permits, task }
    }

    pub(crate) fn hold(&self, holds: Holds) {
        *self.gate.holds.lock() = holds;
    }

    pub(crate) fn place(&self) -> Place {
        *self.gate.place.lock()
    }

    /// Lets the lane go on, from wherever it is, to the next place where it is held or between two steps. `write` is
    /// called when it waits for the disk. False if it found nothing to do.
    pub(crate) async fn go_on(&self, mut write: impl FnMut()) -> bool {
        let was = self.place();
        match was {
            Place::Between => {
                *self.gate.place.lock() = Place::Within;
                self.permits.send(()).expect("the lane's task runs");
            }
            Place::BeforeSending | Place::AfterSending => {
                *self.gate.place.lock() = Place::Within;
                self.gate.open.notify_one();
            }
            Place::Within => {}
        }
        let mut yields = 0;
        while self.place() == Place::Within {
            tokio::task::yield_now().await;
            yields += 1;
            if yields % 16 == 0 {
                write();
            }
            assert!(yields < 100_000, "a lane hangs");
        }
        was != Place::Between || self.place() != Place::Between || *self.gate.sent.lock()
    }

    /// Ends it wherever it is.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}
