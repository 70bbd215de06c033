//! The sweep: from an admitted bulletin to notices handed to channels.
//!
//! [`FanOuts`] is the house's one handle: the desk [starts](FanOuts::start) a bulletin on it, doors tell it of
//! [arrivals](FanOuts::arrived), [opened links](FanOuts::link_opened) and [acknowledgements](FanOuts::acknowledged).
//! Planners (own threads) turn hits into slots in lanes; each lane sends what it takes. What is sent is decided by
//! [`crate::plan::plan`] alone; how often by [`crate::ledger::Reach`]'s claim.

mod acknowledge;
mod active;
mod arrival;
mod lane;
mod queue;
mod schedule;
mod sweep;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use dashmap::DashMap;
use parking_lot::{Condvar, Mutex};

use crate::channel::{Channel, Content};
use crate::decide::{Bulletin, Content as BulletinContent, TierIndex};
use crate::domain::{
    ChannelKind, Clock, DeliveryKey, DeviceSlot, Footprint, Language, LineageId, PlaceId, Priority, Slot, Timestamp, Token,
};
use crate::journal::{Entry, Journal};
use crate::ledger::Ledger;
use crate::link::Hub;
use crate::locate::{Index, Standing};
use crate::metrics::Metrics;
use crate::plan::{Facts, LanguageId, Policy, RouteId, Skipped};
use crate::registry::Registry;
use crate::tasks::Tasks;

pub use active::FanOut;
pub use schedule::Schedule;

use lane::Lane;
use queue::{Errand, LaneQueue};
use sweep::Planned;

/// What fan-outs work with; each is a handle.
#[derive(Clone)]
pub struct Surroundings {
    /// Places.
    pub index: Arc<Index>,
    /// Registrations and their rows of facts.
    pub registry: Registry,
    /// Who was told what, and counts.
    pub ledger: Ledger,
    /// Where what was sent is written.
    pub journal: Journal,
    /// Live links.
    pub hub: Hub,
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// Counts for operators.
    pub metrics: Arc<Metrics>,
}

/// Every fan-out of this server. A handle: cheap to clone.
#[derive(Clone)]
pub struct FanOuts(Arc<Inner>);

struct Inner {
    around: Surroundings,
    standing: Standing<LineageId>,
    newest: DashMap<LineageId, Arc<FanOut>, foldhash::fast::RandomState>,
    policy: ArcSwap<Policy>,
    lanes: [Option<Arc<LaneQueue>>; ChannelKind::ALL.len()],
    schedule: Mutex<Planning>,
    ready: Condvar,
    acknowledged: acknowledge::Inbox,
}

#[derive(Default)]
struct Planning {
    schedule: Schedule<Planned>,
    closed: bool,
}

/// A channel to be given a lane: what [`FanOuts::new`] takes a list of.
pub struct LaneSeed {
    kind: ChannelKind,
    start: Box<dyn FnOnce(FanOuts, Arc<LaneQueue>, &Tasks) + Send>,
}

impl LaneSeed {
    /// A lane for `channel`.
    pub fn new<C: Channel>(channel: C) -> Self {
        let start = Box::new(move |house: FanOuts, queue: Arc<LaneQueue>, tasks: &Tasks| {
            tasks.spawn("lane", Lane::new(house, queue, channel).run());
        });
        Self { kind: C::KIND, start }
    }
}

impl FanOuts {
    /// Starts the lanes, the planners (each on a thread of its own) and the task that records acknowledgements.
    pub fn new(around: Surroundings, policy: Policy, lanes: Vec<LaneSeed>, planners: usize, tasks: &Tasks) -> Self {
        let mut queues: [Option<Arc<LaneQueue>>; ChannelKind::ALL.len()] = std::array::from_fn(|_| None);
        for seed in &lanes {
            queues[seed.kind as usize] = Some(Arc::default());
        }
        let channels = lanes.iter().fold(0, |bits, seed| bits | seed.kind.bit());
        let (acknowledged, recorder) = acknowledge::inbox();
        let house = Self(Arc::new(Inner {
            around,
            standing: Standing::new(),
            newest: DashMap::default(),
            policy: ArcSwap::from_pointee(Policy { channels, ..policy }),
            lanes: queues,
            schedule: Mutex::default(),
            ready: Condvar::new(),
            acknowledged,
        }));
        for seed in lanes {
            let queue = house.0.lanes[seed.kind as usize].clone();
            if let Some(queue) = queue {
                (seed.start)(house.clone(), queue, tasks);
            }
        }
        for _ in 0..planners.max(1) {
            let planner = house.clone();
            tasks.thread("planner", move || planner.run_planner());
        }
        tasks.spawn("acknowledgements", recorder.run(house.clone()));
        house
    }

    /// A bulletin that is on disk sets out. It stands before its sweep begins, so that whoever arrives meanwhile is told.
    pub fn start(&self, bulletin: Bulletin) {
        let fan_out = self.stand(bulletin);
        let priority = fan_out.priority();
        let planned = Planned::new(self, fan_out);
        self.0.schedule.lock().schedule.put(priority, planned);
        self.0.ready.notify_one();
    }

    /// A bulletin whose sweep was over before the server stopped stands again: arrivals and returning links are told.
    pub fn resume_standing(&self, bulletin: Bulletin) {
        self.stand(bulletin);
    }

    fn stand(&self, bulletin: Bulletin) -> Arc<FanOut> {
        let parts = bulletin.parts();
        let lineage = parts.lineage;
        let reach = self.0.around.ledger.reach(lineage);
        for absorbed in &parts.absorbs {
            reach.absorb(&self.0.around.ledger.reach(*absorbed));
            self.0.standing.remove(*absorbed);
            if let Some((_, ended)) = self.0.newest.remove(absorbed) {
                ended.supersede();
            }
        }
        reach.begin(parts.revision);
        let progress = self.0.around.ledger.progress(bulletin.key());
        progress.start(parts.admitted);
        let before = self.newest(lineage).and_then(|before| match before.bulletin.parts().content {
            BulletinContent::Warn(_) => Some(before.bulletin.clone()),
            BulletinContent::Cancel(_) => before.before.clone(),
        });
        let fan_out = Arc::new(FanOut::new(bulletin, before, reach, progress));
        if let Some(superseded) = self.0.newest.insert(lineage, Arc::clone(&fan_out)) {
            superseded.supersede();
        }
        match &fan_out.bulletin.parts().content {
            BulletinContent::Warn(tiers) => {
                self.0.standing.insert(lineage, tiers.iter().map(|tier| tier.area.clone()).collect());
            }
            BulletinContent::Cancel(_) => self.0.standing.remove(lineage),
        }
        fan_out
    }

    /// Forgets a lineage that is over.
    pub fn forget(&self, lineage: LineageId) {
        self.0.standing.remove(lineage);
        if let Some((_, ended)) = self.0.newest.remove(&lineage) {
            ended.supersede();
        }
    }

    /// The device acknowledged these notices: they are not owed to its link any more.
    pub fn acknowledged(&self, slot: Slot, keys: Vec<DeliveryKey>) {
        self.0.acknowledged.put(self.facts(slot).device(), keys);
    }

    /// The newest bulletin of a lineage that is in force.
    pub fn newest(&self, lineage: LineageId) -> Option<Arc<FanOut>> {
        self.0.newest.get(&lineage).map(|found| Arc::clone(&found))
    }

    /// Every lineage's newest bulletin that has not expired.
    pub fn in_force(&self, now: Timestamp) -> Vec<Arc<FanOut>> {
        let holds = |fan_out: &FanOut| fan_out.bulletin.parts().expires > now;
        self.0.newest.iter().filter(|entry| holds(entry.value())).map(|entry| Arc::clone(entry.value())).collect()
    }

    /// How many slots wait in lanes.
    pub fn waiting(&self) -> usize {
        self.0.lanes.iter().flatten().map(|queue| queue.len()).sum()
    }

    /// No more bulletins come: planners end when all is swept, then lanes when all is sent.
    pub fn close(&self) {
        self.0.schedule.lock().closed = true;
        self.0.ready.notify_all();
        self.0.acknowledged.close();
    }

    fn run_planner(&self) {
        loop {
            let (priority, mut planned) = {
                let mut planning = self.0.schedule.lock();
                loop {
                    if let Some(taken) = planning.schedule.take() {
                        break taken;
                    }
                    if planning.closed {
                        self.0.lanes.iter().flatten().for_each(|queue| queue.close());
                        return;
                    }
                    self.0.ready.wait(&mut planning);
                }
            };
            if planned.step(self) {
                self.0.schedule.lock().schedule.put(priority, planned);
            }
        }
    }
}

/// What sweep, arrival and lanes ask of the house.
impl FanOuts {
    fn now(&self) -> Timestamp {
        self.0.around.clock.now()
    }

    fn index(&self) -> &Index {
        &self.0.around.index
    }

    fn standing(&self) -> &Standing<LineageId> {
        &self.0.standing
    }

    fn journal(&self) -> &Journal {
        &self.0.around.journal
    }

    /// The settings that plans depend on.
    pub fn policy(&self) -> Guard<Arc<Policy>> {
        self.0.policy.load()
    }

    fn facts(&self, slot: Slot) -> Facts {
        self.0.around.registry.facts(slot)
    }

    fn place(&self, slot: Slot) -> Option<Footprint> {
        self.0.around.index.position(PlaceId::live(slot))
    }

    fn language(&self, id: LanguageId) -> Option<Language> {
        self.0.around.registry.language(id)
    }

    fn token(&self, slot: Slot, channel: ChannelKind) -> Option<Token> {
        self.0.around.registry.token(slot, channel)
    }

    fn forget_token(&self, slot: Slot, channel: ChannelKind) {
        self.0.around.registry.forget_token(slot, channel);
    }

    fn is_linked(&self, slot: Slot) -> bool {
        self.0.around.hub.is_linked(slot)
    }

    fn send_to_link(&self, slot: Slot, content: &Content) -> bool {
        self.0.around.hub.send(slot, &content.encoded).is_ok()
    }

    fn hand_over(&self, route: RouteId, errand: &Errand, slots: &[Slot]) {
        if let Some(queue) = &self.0.lanes[route.channel() as usize] {
            queue.push(errand, slots);
        }
    }

    fn count_skipped(&self, fan_out: &FanOut, reason: Skipped, count: u64) {
        fan_out.progress.skipped(reason, count);
        self.0.around.metrics.skipped(reason.name(), count);
    }

    fn count_sent(&self, fan_out: &FanOut, channel: ChannelKind, count: usize) {
        fan_out.progress.sent(channel, count as u64, self.now());
        self.0.around.metrics.sent(channel, count as u64);
    }

    fn journal_sent(&self, fan_out: &FanOut, tier: TierIndex, priority: Priority, device: DeviceSlot) {
        let key = fan_out.bulletin.key();
        self.count_sent(fan_out, ChannelKind::Link, 1);
        self.journal().append_forget(Entry::Sent { key, tier, priority, channel: ChannelKind::Link, devices: vec![device] });
    }
}
