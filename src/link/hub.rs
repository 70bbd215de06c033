//! Live links.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{mpsc, oneshot};

use crate::domain::{DeviceSlot, EncodedNotice, GoodbyeReason, Slot};
use crate::ledger::SlotSet;
use crate::registry::Links;

/// How many notices may wait for one link where nothing else is said: more than there are alerts in force in one place.
const WAITING: usize = 64;

/// Shards of the map of links, so that a sweep and thousands of devices coming back do not wait for each other.
const SHARDS: usize = 256;

/// Which links are live, and what each is to carry. A handle: cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many notices may wait for one link. A link that takes none of so many is closed; what it has not
    /// acknowledged is owed to the next.
    waiting: usize,
    links: DashMap<Slot, Live, foldhash::fast::RandomState>,
    /// The slots of `links`, to be asked a million times in a sweep. Changed under the lock of the slot's shard.
    linked: SlotSet,
    count: Gauge,
    generation: AtomicU64,
    /// How often a link was to end, whether there was one or not.
    dismissals: AtomicU64,
    draining: AtomicBool,
}

#[derive(Debug)]
struct Live {
    generation: u64,
    inbox: mpsc::Sender<EncodedNotice>,
    end: oneshot::Sender<Ending>,
}

/// How the server ends a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: GoodbyeReason,
    /// How long the device is to wait before it opens the next.
    pub reconnect_after: Duration,
}

/// Why a notice was not put into a link's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There is no link.
    #[error("no link is open")]
    Absent,
    /// The link took nothing for so long that it was closed.
    #[error("the link's queue was full; it is closed")]
    Full,
}

/// A link's end of the hub; the link is live until this is dropped or it is told to end.
#[derive(Debug)]
pub struct LiveLink {
    hub: Hub,
    slot: Slot,
    generation: u64,
    /// Notices to carry.
    pub inbox: mpsc::Receiver<EncodedNotice>,
    /// Told when the server ends the link.
    pub ending: oneshot::Receiver<Ending>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// No links yet.
    pub fn new() -> Self {
        Self::with_queue(WAITING, Gauge::default())
    }

    /// No links yet; so many notices may wait for each, and `count` tells operators how many links are live.
    pub fn with_queue(waiting: usize, count: Gauge) -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self(Arc::new(Inner {
            waiting,
            links: DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, SHARDS),
            linked: SlotSet::default(),
            count,
            generation: AtomicU64::new(0),
            dismissals: AtomicU64::new(0),
            draining: AtomicBool::new(false),
        }))
    }

    /// Whether a registration has a live link.
    pub fn is_linked(&self, slot: Slot) -> bool {
        self.0.linked.contains(DeviceSlot(slot.0))
    }

    /// How many links are live.
    pub fn len(&self) -> usize {
        usize::try_from(self.0.count.get()).unwrap_or(0)
    }

    /// Whether no link is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a link live; an older one of the same registration is told to end. `None` when the server stops.
    pub fn open(&self, slot: Slot) -> Option<LiveLink> {
        let (sender, inbox) = mpsc::channel(self.0.waiting);
        let (end, ending) = oneshot::channel();
        let generation = self.0.generation.fetch_add(1, Ordering::Relaxed);
        let live = Live { generation, inbox: sender, end };
        match self.0.links.entry(slot) {
            Entry::Occupied(mut known) => {
                let replaced = known.insert(live);
                let ending = Ending { reason: GoodbyeReason::Replaced, reconnect_after: Duration::ZERO };
                let _ = replaced.end.send(ending);
            }
            Entry::Vacant(free) => {
                self.0.linked.insert(DeviceSlot(slot.0));
                self.0.count.inc();
                drop(free.insert(live));
            }
        }
        // A drain that began meanwhile may have missed this link.
        let link = LiveLink { hub: self.clone(), slot, generation, inbox, ending };
        (!self.0.draining.load(Ordering::SeqCst)).then_some(link)
    }

    /// Puts a notice into the queue of a link: the same bytes for all.
    pub fn send(&self, slot: Slot, notice: &EncodedNotice) -> Result<(), NotSent> {
        let (sent, generation) = {
            let live = self.0.links.get(&slot).ok_or(NotSent::Absent)?;
            (live.inbox.try_send(notice.clone()), live.generation)
        };
        match sent {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                self.remove(slot, generation);
                Err(NotSent::Absent)
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                let ending = Ending { reason: GoodbyeReason::TimedOut, reconnect_after: Duration::from_secs(1) };
                self.end(slot, generation, ending);
                Err(NotSent::Full)
            }
        }
    }

    /// Sends every device away, to come back over a time of `over`, and lets no link open from now on.
    pub fn drain(&self, over: Duration) {
        self.0.draining.store(true, Ordering::SeqCst);
        let all: Vec<(Slot, u64)> = self.0.links.iter().map(|link| (*link.key(), link.generation)).collect();
        let count = all.len().max(1);
        for (position, (slot, generation)) in all.into_iter().enumerate() {
            let reconnect_after = over.mul_f64(position as f64 / count as f64);
            self.end(slot, generation, Ending { reason: GoodbyeReason::Draining, reconnect_after });
        }
    }

    /// Ends the link of a registration that is no more, or has another secret now.
    pub fn dismiss(&self, slot: Slot) {
        // Before the link is looked for: see `dismissals`.
        self.0.dismissals.fetch_add(1, Ordering::SeqCst);
        let generation = self.0.links.get(&slot).map(|live| live.generation);
        if let Some(generation) = generation {
            let ending = Ending { reason: GoodbyeReason::Unauthenticated, reconnect_after: Duration::ZERO };
            self.end(slot, generation, ending);
        }
    }

    /// How many links were to end. Whoever finds out whose link it is, and then opens it, looks before and after: if it
    /// is the same number, nobody has dismissed that link in between, when it was not there yet to be ended.
    pub fn dismissals(&self) -> u64 {
        self.0.dismissals.load(Ordering::SeqCst)
    }

    fn end(&self, slot: Slot, generation: u64, ending: Ending) {
        if let Some(live) = self.remove(slot, generation) {
            let _ = live.end.send(ending);
        }
    }

    fn remove(&self, slot: Slot, generation: u64) -> Option<Live> {
        let this_one = |live: &Live| live.generation == generation;
        let (_, live) = self.0.links.remove_if(&slot, |_, live| {
            if this_one(live) {
                self.0.linked.remove(DeviceSlot(slot.0));
                self.0.count.dec();
            }
            this_one(live)
        })?;
        Some(live)
    }
}

impl Links for Hub {
    fn is_linked(&self, slot: Slot) -> bool {
        Self::is_linked(self, slot)
    }

    fn dismiss(&self, slot: Slot) {
        Self::dismiss(self, slot);
    }
}

impl Drop for LiveLink {
    fn drop(&mut self) {
        self.hub.remove(self.slot, self.generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryKey, LineageId, Revision};

    const SLOT: Slot = Slot(9);

    fn notice() -> EncodedNotice {
        let key = DeliveryKey { lineage: LineageId(1), revision: Revision::FIRST };
        EncodedNotice { key, bytes: bytes::Bytes::from_static(b"the same bytes") }
    }

    #[test]
    fn a_notice_reaches_the_link_as_the_same_bytes() {
        let hub = Hub::new();
        assert_eq!(hub.send(SLOT, &notice()), Err(NotSent::Absent));
        let mut link = hub.open(SLOT).expect("not draining");
        assert!(hub.is_linked(SLOT));
        let notice = notice();
        hub.send(SLOT, &notice).expect("the link is open");
        let got = link.inbox.try_recv().expect("it was sent");
        assert_eq!(got.bytes.as_ptr(), notice.bytes.as_ptr());
        drop(link);
        assert!(!hub.is_linked(SLOT) && hub.is_empty());
    }

    #[test]
    fn the_newer_link_takes_over_and_the_older_leaves_without_harm() {
        let hub = Hub::new();
        let mut older = hub.open(SLOT).expect("not draining");
        let mut newer = hub.open(SLOT).expect("not draining");
        assert_eq!(older.ending.try_recv().expect("told to end").reason, GoodbyeReason::Replaced);
        drop(older);
        assert!(hub.is_linked(SLOT));
        hub.send(SLOT, &notice()).expect("the newer is open");
        assert!(newer.inbox.try_recv().is_ok());
        assert_eq!(hub.len(), 1);
    }

    #[test]
    fn a_link_that_takes_nothing_is_closed() {
        let hub = Hub::new();
        let mut link = hub.open(SLOT).expect("not draining");
        let sent = (0..=WAITING).map(|_| hub.send(SLOT, &notice())).collect::<Vec<_>>();
        assert_eq!(sent.last(), Some(&Err(NotSent::Full)));
        assert!(!hub.is_linked(SLOT), "at once: the next leg must not find it open");
        assert_eq!(link.ending.try_recv().expect("told to end").reason, GoodbyeReason::TimedOut);
    }

    #[test]
    fn a_link_that_is_dismissed_ends_for_good() {
        let hub = Hub::new();
        let mut link = hub.open(SLOT).expect("not draining");
        hub.dismiss(Slot(1));
        hub.dismiss(SLOT);
        assert!(!hub.is_linked(SLOT));
        assert_eq!(link.ending.try_recv().expect("told to end").reason, GoodbyeReason::Unauthenticated);
    }

    #[test]
    fn a_link_that_was_dismissed_just_before_it_opened_is_told_from_one_that_was_not() {
        let hub = Hub::new();
        let before = hub.dismissals();
        let link = hub.open(SLOT).expect("not draining");
        assert_eq!(hub.dismissals(), before, "nobody was dismissed meanwhile");
        drop(link);
        hub.dismiss(SLOT);
        let _link = hub.open(SLOT).expect("not draining");
        assert_ne!(hub.dismissals(), before, "though there was no link to end");
    }

    #[test]
    fn a_drain_sends_all_away_and_lets_none_in() {
        let hub = Hub::new();
        let mut links: Vec<_> = (0..10).map(|slot| hub.open(Slot(slot)).expect("not draining")).collect();
        hub.drain(Duration::from_secs(10));
        let waits: Vec<_> =
            links.iter_mut().map(|link| link.ending.try_recv().expect("told").reconnect_after).collect();
        assert!(waits.windows(2).all(|pair| pair[0] != pair[1]), "they come back one by one");
        assert!(hub.open(SLOT).is_none());
        assert!(hub.is_empty());
    }

    #[test]
    fn links_that_open_and_close_at_once_leave_no_trace() {
        let hub = Hub::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let link = hub.open(SLOT).expect("not draining");
                        let _ = hub.send(SLOT, &notice());
                        drop(link);
                    }
                });
            }
        });
        assert!(!hub.is_linked(SLOT) && hub.is_empty());
    }
}
