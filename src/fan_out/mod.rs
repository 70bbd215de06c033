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
mod preview;
mod queue;
mod recover;
mod schedule;
mod sweep;

use std::sync::Arc;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::{Condvar, Mutex, MutexGuard};
use prometheus_client::metrics::counter::Counter;

use crate::channel::{Channel, Content};
use crate::decide::{Bulletin, Content as BulletinContent};
use crate::domain::{
    ChannelKind, Clock, DeliveryKey, Footprint, Language, LineageId, Milestone, PlaceId, Slot, Timestamp, Token,
};
use crate::journal::{Entry, Journal};
use crate::ledger::{Counts, Ledger, settle};
use crate::link::Hub;
use crate::locate::{Index, Standing};
use crate::metrics::Metrics;
use crate::plan::{Facts, LanguageId, Policy, RouteId, Skipped};
use crate::registry::Registry;
use crate::tasks::Tasks;

pub use active::FanOut;
pub use preview::Preview;
pub use recover::Recovered;
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
    planning: Mutex<Planning>,
    ready: Condvar,
    acknowledged: acknowledge::Inbox,
    skipped: [Counter; Skipped::ALL.len()],
}

#[derive(Default)]
struct Planning {
    schedule: Schedule<Planned>,
    busy: usize,
    closed: bool,
}

/// A channel to be given a lane: what [`FanOuts::new`] takes a list of.
pub struct LaneSeed {
    kind: ChannelKind,
    start: Start,
}

type Start = Box<dyn FnOnce(FanOuts, Arc<LaneQueue>, &Tasks) + Send>;

impl LaneSeed {
    /// A lane for `channel`.
    pub fn new<C: Channel>(channel: C) -> Self {
        let start = Box::new(move |house: FanOuts, queue: Arc<LaneQueue>, tasks: &Tasks| {
            tasks.spawn_essential("lane", Lane::new(house, queue, channel).run());
        });
        Self { kind: C::KIND, start }
    }
}

impl FanOuts {
    /// Starts the lanes, the planners (each on a thread of its own) and the task that records acknowledgements.
    /// Fails if the system has no thread left.
    pub fn new(
        around: Surroundings,
        policy: Policy,
        lanes: Vec<LaneSeed>,
        planners: usize,
        tasks: &Tasks,
    ) -> std::io::Result<Self> {
        let kinds: Vec<_> = lanes.iter().map(|seed| seed.kind).collect();
        let (house, recorder) = Self::assemble(around, policy, &kinds);
        for seed in lanes {
            if let Some(queue) = house.0.lanes[seed.kind as usize].clone() {
                (seed.start)(house.clone(), queue, tasks);
            }
        }
        for _ in 0..planners.max(1) {
            let planner = house.clone();
            tasks.thread("planner", move || planner.run_planner())?;
        }
        tasks.spawn_essential("acknowledgements", recorder.run(house.clone()));
        Ok(house)
    }

    /// Everything but what runs.
    fn assemble(around: Surroundings, policy: Policy, kinds: &[ChannelKind]) -> (Self, acknowledge::Recorder) {
        let mut lanes: [Option<Arc<LaneQueue>>; ChannelKind::ALL.len()] = std::array::from_fn(|_| None);
        for &kind in kinds {
            lanes[kind as usize] = Some(Arc::default());
        }
        let channels = kinds.iter().fold(0, |bits, kind| bits | kind.bit());
        let (acknowledged, recorder) = acknowledge::inbox();
        let skipped = Skipped::ALL.map(|reason| around.metrics.devices_skipped(reason.name()));
        let house = Self(Arc::new(Inner {
            around,
            standing: Standing::new(),
            newest: DashMap::default(),
            policy: ArcSwap::from_pointee(Policy { channels, ..policy }),
            lanes,
            planning: Mutex::default(),
            ready: Condvar::new(),
            acknowledged,
            skipped,
        }));
        (house, recorder)
    }

    /// A bulletin that is on disk sets out. It stands before its sweep begins, so that whoever arrives meanwhile is
    /// told.
    pub fn start(&self, bulletin: Bulletin) {
        let before = self.newest(bulletin.key().lineage).and_then(|before| match before.bulletin.parts().content {
            BulletinContent::Warn(_) => Some(before.bulletin.clone()),
            BulletinContent::Cancel(_) => before.before.clone(),
        });
        let fan_out = self.stand(bulletin, before);
        self.sweep(fan_out);
    }

    fn sweep(&self, fan_out: Arc<FanOut>) {
        let priority = fan_out.priority();
        let planned = Planned::new(self, fan_out);
        self.0.planning.lock().schedule.put(priority, planned);
        self.0.ready.notify_one();
    }

    /// Puts a bulletin in the place of the one `before` it.
    fn stand(&self, bulletin: Bulletin, before: Option<Bulletin>) -> Arc<FanOut> {
        let parts = bulletin.parts();
        let lineage = parts.lineage;
        let reach = self.0.around.ledger.reach(lineage);
        let progress = self.0.around.ledger.progress(bulletin.key());
        progress.start(parts.admitted);
        let fan_out = Arc::new(FanOut::new(bulletin, before, reach, progress));
        // From here on what a lane has just sent of an older bulletin is seen by this one's sweep, or the lane sees its
        // successor.
        if let Some(superseded) = self.0.newest.insert(lineage, Arc::clone(&fan_out)) {
            superseded.supersede(lineage);
        }
        for &absorbed in &fan_out.bulletin.parts().absorbs {
            self.0.standing.remove(absorbed);
            if let Some(ended) = self.0.newest.insert(absorbed, Arc::clone(&fan_out)) {
                ended.supersede(lineage);
            }
            self.0.around.ledger.absorb(lineage, absorbed);
        }
        settle();
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
            ended.supersede(lineage);
        }
        self.0.around.ledger.forget(lineage);
    }

    /// The device acknowledged these notices: they are not owed to its link any more.
    pub fn acknowledged(&self, slot: Slot, keys: Vec<DeliveryKey>) {
        self.0.acknowledged.put(self.facts(slot).device(), keys);
    }

    /// The newest bulletin of a lineage, or of the lineage that took it over.
    pub fn newest(&self, lineage: LineageId) -> Option<Arc<FanOut>> {
        let mut found = self.0.newest.get(&lineage).map(|found| Arc::clone(&found))?;
        let mut asked = lineage;
        while found.bulletin.key().lineage != asked {
            asked = found.bulletin.key().lineage;
            found = self.0.newest.get(&asked).map(|found| Arc::clone(&found))?;
        }
        Some(found)
    }

    /// Every lineage's newest bulletin that has not expired.
    pub fn in_force(&self, now: Timestamp) -> Vec<Arc<FanOut>> {
        self.all().into_iter().filter(|fan_out| fan_out.bulletin.parts().expires > now).collect()
    }

    /// Every lineage's newest bulletin that is still known.
    pub fn all(&self) -> Vec<Arc<FanOut>> {
        let own = |lineage: &LineageId, fan_out: &FanOut| fan_out.bulletin.key().lineage == *lineage;
        let entries = self.0.newest.iter().filter(|entry| own(entry.key(), entry.value()));
        entries.map(|entry| Arc::clone(entry.value())).collect()
    }

    /// The counts of a bulletin that is still known.
    pub fn counts(&self, key: DeliveryKey) -> Option<Counts> {
        self.0.around.ledger.find_progress(key).map(|progress| progress.counts())
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
    }

    /// A planner's thread: takes the sweep whose turn it is, plans one batch, and puts it back.
    fn run_planner(&self) {
        let mut planning = self.0.planning.lock();
        loop {
            if let Some((priority, mut planned)) = planning.schedule.take() {
                planning.busy += 1;
                let more = MutexGuard::unlocked(&mut planning, || planned.step(self));
                planning.busy -= 1;
                if more {
                    planning.schedule.put(priority, planned);
                }
            } else if planning.closed && planning.busy == 0 {
                self.0.lanes.iter().flatten().for_each(|queue| queue.close());
                self.0.ready.notify_all();
                return;
            } else {
                self.0.ready.wait(&mut planning);
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
    pub fn policy(&self) -> Policy {
        **self.0.policy.load()
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

    fn forget_token(&self, slot: Slot, token: Token) {
        self.0.around.registry.forget_token(slot, token);
    }

    fn is_linked(&self, slot: Slot) -> bool {
        self.0.around.hub.is_linked(slot)
    }

    fn send_to_link(&self, slot: Slot, content: &Content) -> bool {
        self.0.around.hub.send(slot, &content.encoded).is_ok()
    }

    fn ledger(&self) -> &Ledger {
        &self.0.around.ledger
    }

    fn hand_over(&self, route: RouteId, errand: &Errand, slots: &[Slot]) {
        if let Some(queue) = &self.0.lanes[route.channel() as usize] {
            errand.fan_out.progress.entered(slots.len() as u64);
            queue.push(errand, slots);
        }
    }

    fn count_skipped(&self, fan_out: &FanOut, reason: Skipped, count: u64) {
        if count > 0 {
            fan_out.progress.skipped(reason, count);
            self.0.skipped[reason as usize].inc_by(count);
        }
    }

    /// Journals that a bulletin needs no sweep any more, once its sweep is over and the lanes are through with it.
    fn note_finished(&self, fan_out: &FanOut) {
        if fan_out.finishes() {
            self.journal().append_forget(Entry::Finished { key: fan_out.bulletin.key() });
        }
    }

    fn count_sent(&self, fan_out: &FanOut, channel: ChannelKind, count: usize) {
        fan_out.progress.sent(channel, count as u64, self.now());
        self.0.around.metrics.fan_out_devices(channel, Milestone::Sent).inc_by(count as u64);
    }
}
