//! What came of each alert: [`Reach`], who was told what, by lineage; [`Progress`], counts by bulletin.
//!
//! Both live in memory and are remade from the journal's entries at start ([`Ledger::replay`]).

mod by_app;
mod leaves;
mod level_map;
mod progress;
mod reach;
mod slot_set;

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use dashmap::DashMap;

use crate::domain::{AppSlot, DeliveryKey, DeviceSlot, LineageId, NoticeKind, Priority};
use crate::journal::Entry;

pub use by_app::{AppCounts, ByApp, Tally, count};
pub use progress::{Counts, Progress};
pub use reach::{Claim, Reach, Round};
pub use slot_set::SlotSet;

/// Every lineage's reach and every bulletin's progress. A handle: cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reach: DashMap<LineageId, Arc<Reach>, foldhash::fast::RandomState>,
    progress: DashMap<DeliveryKey, Arc<Progress>, foldhash::fast::RandomState>,
    /// Lineages that another took over, with that other.
    absorbed: DashMap<LineageId, LineageId, foldhash::fast::RandomState>,
}

impl Ledger {
    /// The reach of a lineage; a new one starts empty.
    pub fn reach(&self, lineage: LineageId) -> Arc<Reach> {
        Arc::clone(&self.0.reach.entry(lineage).or_default())
    }

    /// The reach of a lineage that has one.
    pub fn find_reach(&self, lineage: LineageId) -> Option<Arc<Reach>> {
        self.0.reach.get(&lineage).map(|found| Arc::clone(&found))
    }

    /// The progress of a bulletin; a new one starts at zero.
    pub fn progress(&self, key: DeliveryKey) -> Arc<Progress> {
        Arc::clone(&self.0.progress.entry(key).or_default())
    }

    /// The progress of a bulletin that has one.
    pub fn find_progress(&self, key: DeliveryKey) -> Option<Arc<Progress>> {
        self.0.progress.get(&key).map(|found| Arc::clone(&found))
    }

    /// The devices were sent the notice `key`, of this kind and priority. Whoever takes over the lineage afterwards
    /// sees it; whoever did before is seen by a caller that looks now.
    pub fn mark_sent(&self, key: DeliveryKey, kind: NoticeKind, priority: Priority, devices: &[DeviceSlot]) {
        self.reach(key.lineage).mark_sent(key.revision, kind, priority, devices);
        settle();
        let mut lineage = key.lineage;
        while let Some(into) = self.0.absorbed.get(&lineage).map(|into| *into) {
            self.reach(into).mark_absorbed(kind, priority, devices);
            lineage = into;
        }
        settle();
    }

    /// `lineage` takes over `absorbed`: what its devices were told, and what lanes are sending them still.
    pub fn absorb(&self, lineage: LineageId, absorbed: LineageId) {
        if lineage != absorbed {
            self.0.absorbed.insert(absorbed, lineage);
            settle();
            if let Some(reach) = self.find_reach(absorbed) {
                self.reach(lineage).absorb(&reach);
            }
        }
    }

    /// Forgets a lineage: its reach, and the progress of its bulletins.
    pub fn forget(&self, lineage: LineageId) {
        self.0.reach.remove(&lineage);
        self.0.progress.retain(|key, _| key.lineage != lineage);
        self.0.absorbed.remove(&lineage);
    }

    /// Says of which app each device is that the journal told of, once that can be known.
    pub fn attribute(&self, app_of: impl Fn(DeviceSlot) -> Option<AppSlot>) {
        let all: Vec<_> = self.0.progress.iter().map(|entry| Arc::clone(entry.value())).collect();
        for progress in all {
            progress.by_app.attribute(&app_of);
        }
    }

    /// Takes up what the journal tells, entry by entry, in the order in which they were written.
    pub fn replay(&self, entry: &Entry) {
        match entry {
            Entry::Admitted(admitted) => {
                let parts = admitted.bulletin.parts();
                for absorbed in &parts.absorbs {
                    self.absorb(parts.lineage, *absorbed);
                }
                self.reach(parts.lineage).begin(parts.revision);
                self.progress(admitted.bulletin.key()).replay(parts.admitted);
            }
            Entry::Sent { key, kind, priority, channel, devices, .. } => {
                self.mark_sent(*key, *kind, *priority, devices);
                self.progress(*key).sent_before(*channel, devices);
            }
            Entry::Acknowledged { key, devices } => {
                self.reach(key.lineage).acknowledge(key.revision, devices.clone());
                self.progress(*key).acknowledged_before(devices);
            }
            Entry::Finished { key } => self.progress(*key).finish(),
            Entry::Noted(_) | Entry::Held(_) | Entry::Settled(_) => {}
        }
    }
}

/// Orders what was written before it ahead of what is read after it. One side marks a device and looks whether the
/// lineage was taken over, the other takes it over and looks who is marked; with this between the two steps on both
/// sides, at least one sees the other (the pattern "store buffering" of the C++ memory model's sequentially consistent
/// fences).
pub(crate) fn settle() {
    fence(Ordering::SeqCst);
}
