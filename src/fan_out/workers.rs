//! What works for fan-outs, step by step.
//!
//! A server gives each worker a thread or a task of its own ([`Workers::start`]). A test takes the steps one by one, in
//! whatever order it likes, and puts what may happen at any time between any two of them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::MutexGuard;

use crate::channel::Channel;
use crate::domain::{ChannelKind, Slot};
use crate::tasks::Tasks;

use super::lane::Lane;
use super::queue::LaneQueue;
use super::{FanOuts, Morning, Recorder};

/// What works for fan-outs.
pub struct Workers {
    /// Plans sweeps.
    pub planner: Planner,
    /// One for each channel that has a lane.
    pub lanes: Vec<Box<dyn LaneWorker>>,
    /// Records acknowledgements.
    pub recorder: Recorder,
    /// Tells those whose quiet hours have ended.
    pub morning: Morning,
}

/// Sends what waits in one lane.
pub trait LaneWorker: Send {
    /// The lane's channel.
    fn kind(&self) -> ChannelKind;

    /// Sends one batch; false if none waits. Between the last look at the batch and the record of what was sent of it
    /// there is only what the channel awaits.
    fn step(&mut self) -> BoxFuture<'_, bool>;

    /// Sends until no more comes.
    fn run(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A channel to be given a lane: what [`FanOuts::new`] takes a list of.
pub struct LaneSeed {
    kind: ChannelKind,
    build: Build,
}

type Build = Box<dyn FnOnce(FanOuts, Arc<LaneQueue>) -> Box<dyn LaneWorker> + Send>;

/// How many devices are planned at a time, between looks at whether something more urgent waits.
const BATCH: usize = 8_192;

/// Takes the sweep whose turn it is, plans one batch, and puts it back. Several may run at once.
#[derive(Clone)]
pub struct Planner {
    house: FanOuts,
    batch: usize,
}

impl LaneSeed {
    /// A lane for `channel`.
    pub fn new<C: Channel>(channel: C) -> Self {
        Self { kind: C::KIND, build: Box::new(|house, queue| Box::new(Lane::new(house, queue, channel))) }
    }

    pub(super) fn kind(&self) -> ChannelKind {
        self.kind
    }
}

impl Workers {
    pub(super) fn new(house: &FanOuts, seeds: Vec<LaneSeed>, recorder: Recorder, morning: Morning) -> Self {
        let build = |seed: LaneSeed| Some((seed.build)(house.clone(), house.0.lanes[seed.kind as usize].clone()?));
        let planner = Planner { house: house.clone(), batch: BATCH };
        Self { planner, lanes: seeds.into_iter().filter_map(build).collect(), recorder, morning }
    }

    /// Counts by app what was sent before the start, now that the registry knows who is of which. Then gives each lane
    /// and the recorder a task, and each of so many planners and the morning a thread. Fails if the system has no
    /// thread left.
    pub fn start(self, planners: usize, tasks: &Tasks) -> std::io::Result<()> {
        let house = &self.planner.house;
        house.ledger().attribute(|device| house.app_of(Slot(device.0)));
        for lane in self.lanes {
            tasks.spawn_essential("lane", lane.run());
        }
        for _ in 0..planners.max(1) {
            let planner = self.planner.clone();
            tasks.thread("planner", move || planner.run())?;
        }
        tasks.spawn_essential("acknowledgements", self.recorder.run());
        tasks.thread("morning", move || self.morning.run())?;
        Ok(())
    }
}

impl<C: Channel> LaneWorker for Lane<C> {
    fn kind(&self) -> ChannelKind {
        C::KIND
    }

    fn step(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(Self::step(self))
    }

    fn run(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(Self::run(*self))
    }
}

impl Planner {
    /// The same with batches of about so many devices.
    #[must_use]
    pub fn with_batch(self, batch: usize) -> Self {
        Self { batch: batch.max(1), ..self }
    }

    /// Plans one batch; false if no sweep waits.
    pub fn step(&self) -> bool {
        self.step_locked(&mut self.house.0.planning.lock())
    }

    /// Plans until no more bulletins come and all are swept; then the lanes are closed.
    fn run(self) {
        let house = &self.house;
        let mut planning = house.0.planning.lock();
        loop {
            if self.step_locked(&mut planning) {
                continue;
            }
            if planning.closed && planning.busy == 0 {
                house.0.lanes.iter().flatten().for_each(|queue| queue.close());
                house.0.ready.notify_all();
                return;
            }
            house.0.ready.wait(&mut planning);
        }
    }

    /// The lock is let go while the batch is planned.
    fn step_locked(&self, planning: &mut MutexGuard<'_, super::Planning>) -> bool {
        let Some((priority, mut planned)) = planning.schedule.take() else { return false };
        planning.busy += 1;
        let more = MutexGuard::unlocked(planning, || planned.step(&self.house, self.batch));
        planning.busy -= 1;
        if more {
            planning.schedule.put(priority, planned);
        }
        true
    }
}
