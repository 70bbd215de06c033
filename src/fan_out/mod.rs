//! The sweep: from an admitted bulletin to notices handed to channels.
//!
//! [`FanOuts`] is the house's one handle: the desk [starts](FanOuts::start) a bulletin on it, doors tell it of
//! [arrivals](FanOuts::arrived), [opened links](FanOuts::link_opened) and [acknowledgements](FanOuts::acknowledged).
//! [`Workers`] do the work, step by step: planners (own threads) turn hits into slots in lanes; each lane sends what it
//! takes. What is sent is decided by [`crate::plan::plan`] alone; how often by [`crate::ledger::Round`]'s claims.

mod acknowledge;
mod active;
mod arrival;
mod lane;
mod morning;
mod places;
mod preview;
mod queue;
mod recover;
mod schedule;
mod square;
mod statistics;
mod surroundings;
mod sweep;
mod unsynced;
mod workers;

use std::sync::Arc;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

use crate::decide::{Bulletin, Content};
use crate::domain::{ChannelKind, DeliveryKey, LineageId, Milestone, Priority, Slot, Timestamp};
use crate::journal::Entry;
use crate::ledger::{Counts, Round, settle};
use crate::locate::Standing;
use crate::plan::{RouteId, Skipped};
use crate::tasks::Tasks;

pub use acknowledge::Recorder;
pub use active::{FanOut, Past};
pub use morning::Morning;
pub use preview::Preview;
pub use recover::Recovered;
pub use schedule::Schedule;
pub use surroundings::Surroundings;
pub use workers::{LaneSeed, LaneWorker, Planner, Workers};

use queue::{Errand, LaneQueue};
use sweep::Planned;

/// Every fan-out of this server. A handle: cheap to clone.
#[derive(Clone)]
pub struct FanOuts(Arc<Inner>);

struct Inner {
    around: Surroundings,
    standing: Standing<LineageId>,
    /// The newest bulletin of each lineage; of one that was taken over, that of the lineage that did.
    newest: DashMap<LineageId, Arc<FanOut>, foldhash::fast::RandomState>,
    /// The newest bulletins that hold.
    in_force: ArcSwap<Vec<Arc<FanOut>>>,
    /// Channels that have a lane: bits of `ChannelKind`.
    channels: u16,
    /// Those outside the region.
    abroad: u16,
    lanes: [Option<Arc<LaneQueue>>; ChannelKind::ALL.len()],
    planning: Mutex<Planning>,
    ready: Condvar,
    acknowledged: acknowledge::Inbox,
    morning: morning::Bell,
    skipped: [Counter; Skipped::ALL.len()],
}

#[derive(Default)]
struct Planning {
    schedule: Schedule<Planned>,
    busy: usize,
    closed: bool,
}

impl FanOuts {
    /// Starts the lanes, the planners (each on a thread of its own), the task that records acknowledgements and the
    /// thread that looks for the end of quiet hours.
    /// Fails if the system has no thread left.
    pub fn new(
        around: Surroundings,
        abroad: u16,
        lanes: Vec<LaneSeed>,
        planners: usize,
        tasks: &Tasks,
    ) -> std::io::Result<Self> {
        let (house, workers) = Self::assemble(around, abroad, lanes);
        workers.start(planners, tasks)?;
        Ok(house)
    }

    /// Everything, and what works for it: nothing is sent before that runs. Channels of the bits `abroad` are outside
    /// the region that the data are in.
    pub fn assemble(around: Surroundings, abroad: u16, seeds: Vec<LaneSeed>) -> (Self, Workers) {
        let mut lanes: [Option<Arc<LaneQueue>>; ChannelKind::ALL.len()] = std::array::from_fn(|_| None);
        for seed in &seeds {
            let depth = around.metrics.queue_depth(seed.kind().name());
            lanes[seed.kind() as usize] = Some(Arc::new(LaneQueue::new(depth)));
        }
        let channels = seeds.iter().fold(0, |bits, seed| bits | seed.kind().bit());
        let (acknowledged, inbox) = acknowledge::inbox();
        let (morning, bell) = morning::bell();
        let skipped = Skipped::ALL.map(|reason| around.metrics.devices_skipped(reason.name()));
        let house = Self(Arc::new(Inner {
            around,
            standing: Standing::new(),
            newest: DashMap::default(),
            in_force: ArcSwap::default(),
            channels,
            abroad,
            lanes,
            planning: Mutex::default(),
            ready: Condvar::new(),
            acknowledged,
            morning,
            skipped,
        }));
        let (recorder, morning) = (Recorder::new(house.clone(), inbox), Morning::new(house.clone(), bell));
        let workers = Workers::new(&house, seeds, recorder, morning);
        (house, workers)
    }

    /// A bulletin that is on disk sets out. It stands before its sweep begins, so that whoever arrives meanwhile is
    /// told.
    pub fn start(&self, bulletin: Bulletin) {
        let own = |lineage: LineageId| self.0.newest.get(&lineage).filter(|known| known.lineage() == lineage);
        let mut past = own(bulletin.key().lineage).map(|known| known.as_past()).unwrap_or_default();
        let absorbs = bulletin.parts().absorbs.clone();
        for &absorbed in &absorbs {
            past.absorb(absorbed, own(absorbed).map(|known| known.past.clone()));
        }
        let fan_out = self.stand(bulletin, past, &absorbs);
        let priority = fan_out.priority();
        self.sweep(fan_out, priority);
    }

    /// A bulletin's sweep begins, when its turn comes at this priority.
    fn sweep(&self, fan_out: Arc<FanOut>, priority: Priority) {
        self.0.planning.lock().schedule.put(priority, Planned::new(fan_out));
        self.0.ready.notify_one();
    }

    /// Puts a bulletin in the place of what it follows, and of the lineages that it takes over.
    fn stand(&self, bulletin: Bulletin, past: Past, absorbs: &[LineageId]) -> Arc<FanOut> {
        let ledger = &self.0.around.ledger;
        let (lineage, progress) = (bulletin.key().lineage, ledger.progress(bulletin.key()));
        let fan_out = Arc::new(FanOut::new(bulletin, past, ledger.reach(lineage), progress));
        // From here on what a lane has just sent of an older bulletin is seen by this one's sweep, or the lane sees its
        // successor.
        let replaced = &fan_out.past.replaces;
        for known in std::iter::once(&lineage).chain(replaced) {
            if let Some(ended) = self.0.newest.insert(*known, Arc::clone(&fan_out)) {
                ended.supersede(lineage);
            }
        }
        for &absorbed in absorbs {
            ledger.absorb(lineage, absorbed);
        }
        let holds = !fan_out.is_expired(self.now());
        self.0.in_force.rcu(|known| {
            let others =
                known.iter().filter(|known| known.lineage() != lineage && !replaced.contains(&known.lineage()));
            others.chain(holds.then_some(&fan_out)).cloned().collect::<Vec<_>>()
        });
        settle();
        self.0.standing.retain(|known| !replaced.contains(known));
        match &fan_out.bulletin.parts().content {
            Content::Warn(tiers) if holds => {
                self.0.standing.insert(lineage, tiers.iter().map(|tier| tier.area.clone()).collect());
            }
            Content::Warn(_) | Content::Cancel(_) => self.0.standing.remove(lineage),
        }
        // It stands before the sweep looks at the first place: whoever puts a place after that sees that it stands.
        settle();
        fan_out
    }

    /// Lets go of what holds no more: nobody who arrives is told of it.
    pub fn tidy(&self) {
        let now = self.now();
        let over: Vec<LineageId> =
            self.in_force().iter().filter(|known| known.is_expired(now)).map(|known| known.lineage()).collect();
        if !over.is_empty() {
            self.0.standing.retain(|lineage| !over.contains(lineage));
            self.0
                .in_force
                .rcu(|known| known.iter().filter(|known| !known.is_expired(now)).cloned().collect::<Vec<_>>());
        }
    }

    /// Forgets a lineage that has long been over.
    pub fn forget(&self, lineage: LineageId) {
        self.0.standing.remove(lineage);
        self.0
            .in_force
            .rcu(|known| known.iter().filter(|known| known.lineage() != lineage).cloned().collect::<Vec<_>>());
        if let Some((_, ended)) = self.0.newest.remove(&lineage)
            && ended.lineage() == lineage
        {
            ended.supersede(lineage);
        }
        self.0.around.ledger.forget(lineage);
    }

    /// The device acknowledged these notices: they are not owed to its link any more.
    pub fn acknowledged(&self, slot: Slot, keys: Vec<DeliveryKey>) {
        let facts = self.facts(slot);
        if facts.is_live() {
            self.0.acknowledged.put(facts.device(), keys);
        }
    }

    /// The newest bulletin of a lineage, or of the lineage that took it over.
    pub fn newest(&self, lineage: LineageId) -> Option<Arc<FanOut>> {
        let mut asked = lineage;
        loop {
            let found = self.0.newest.get(&asked).map(|found| Arc::clone(&found))?;
            if found.lineage() == asked {
                return Some(found);
            }
            asked = found.lineage();
        }
    }

    /// Every lineage's newest bulletin that has not expired.
    fn in_force(&self) -> arc_swap::Guard<Arc<Vec<Arc<FanOut>>>> {
        self.0.in_force.load()
    }

    /// Every lineage's newest bulletin that is still known.
    pub fn all(&self) -> Vec<Arc<FanOut>> {
        let entries = self.0.newest.iter().filter(|entry| entry.value().lineage() == *entry.key());
        entries.map(|entry| Arc::clone(entry.value())).collect()
    }

    /// The counts of a bulletin that is still known.
    pub fn counts(&self, key: DeliveryKey) -> Option<Counts> {
        self.0.around.ledger.find_progress(key).map(|progress| progress.counts())
    }

    /// What devices have had of the newest bulletin of a lineage, as long as it is known.
    pub fn newest_round(&self, lineage: LineageId) -> Option<Arc<Round>> {
        self.ledger().find_reach(lineage)?.newest()
    }

    /// How many slots wait in lanes.
    pub fn waiting(&self) -> usize {
        self.0.lanes.iter().flatten().map(|queue| queue.len()).sum()
    }

    /// No more bulletins come: planners end when all is swept, then lanes when all is sent.
    pub fn close(&self) {
        self.0.planning.lock().closed = true;
        self.0.ready.notify_all();
        self.0.acknowledged.close();
        self.0.morning.close();
    }

    fn hand_over(&self, route: RouteId, errand: &Errand, slots: &[Slot]) {
        if let Some(queue) = &self.0.lanes[route.channel() as usize] {
            errand.fan_out.progress.entered(slots.len() as u64);
            self.count_devices(route.channel(), Milestone::Planned, slots.len());
            queue.push(errand, slots);
        }
    }

    /// Journals that a bulletin needs no sweep any more, once its sweep is over and the lanes are through with it.
    fn note_finished(&self, fan_out: &FanOut) {
        if fan_out.finishes() {
            self.journal().append_forget(Entry::Finished { key: fan_out.bulletin.key() });
        }
    }

    /// The server's time.
    fn now(&self) -> Timestamp {
        self.0.around.clock.now()
    }
}
