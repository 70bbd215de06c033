//! The house, built as the server builds it, and worked by hand.

use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hazardcast::domain::{Clock, ManualClock, NewRegistration, PlaceId, Slot, Timestamp};
use hazardcast::fan_out::{FanOuts, Morning, Planner, Recorder};
use hazardcast::intake::{Answer, Desk, DeskError, Submission};
use hazardcast::journal::{Entry, Writer};
use hazardcast::link::Hub;
use hazardcast::registry::{self, Registered, Registry};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::lane::{Holds, LaneHand, Log};
use crate::message::Message;
use crate::phone::Phone;
use crate::pieces::{Pieces, Steps, Stored};

/// When every clock starts.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

/// The house. Its folder and its registry outlive a crash of what runs.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) log: Arc<Log>,
    /// Nothing runs only while a crash is on.
    run: Option<Running>,
    folder: TempDir,
    steps: Steps,
}

/// What ends with the process.
pub(crate) struct Running {
    pub(crate) fan_outs: FanOuts,
    pub(crate) hub: Hub,
    /// In the order: links, null.
    pub(crate) lanes: Vec<LaneHand>,
    /// What was on disk when this began.
    pub(crate) replayed: Vec<Entry>,
    desk: Desk,
    desk_task: JoinHandle<()>,
    planner: Planner,
    recorder: Recorder,
    morning: Morning,
    writer: Writer,
    stored: Stored,
}

impl House {
    /// A house with no devices.
    pub(crate) async fn open(steps: Steps) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let clock = Arc::new(ManualClock::at(NOON));
        let log = Arc::new(Log::default());
        let stored = Stored::open(folder.path(), &clock);
        stored.make_app().await;
        let run = Some(Running::open(folder.path(), stored, &clock, &log, steps));
        Self { clock, log, run, folder, steps }
    }

    /// The server's time.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the index has a place of this registration.
    pub(crate) fn has_place(&self, slot: Slot) -> bool {
        self.stored.index.position(PlaceId::live(slot)).is_some()
    }

    /// Whether the index has the place that somebody follows.
    pub(crate) fn has_saved_place(&self, slot: Slot) -> bool {
        self.stored.index.position(PlaceId { slot, ordinal: 1 }).is_some()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.stored.registry
    }

    /// Registers devices.
    pub(crate) async fn register(&self, new: Vec<NewRegistration>) -> Vec<Registered> {
        let mut registered = Vec::with_capacity(new.len());
        for batch in new.chunks(registry::BATCH) {
            let answers = self.registry().batch_register(batch.to_vec()).await.expect("the registry is open");
            registered.extend(answers.into_iter().map(|answer| answer.expect("it is in order")));
        }
        registered
    }

    /// Registers a device that will open links.
    pub(crate) async fn phone(&self, new: NewRegistration) -> Phone {
        Phone::of(self.register(vec![new]).await.pop().expect("one was registered"))
    }

    /// Submits a message; nothing is written but what its answer waits for.
    pub(crate) async fn submit(&mut self, message: &Message) -> Answer {
        self.submit_as_read(message.submission()).await
    }

    /// Submits what a door has read.
    pub(crate) async fn submit_as_read(&mut self, submission: Submission) -> Answer {
        self.submit_and(submission, true).await.expect("it is answered").expect("the journal can be written")
    }

    /// Submits a message that the desk decides on and appends; it is not on disk when this returns. Only what the
    /// desk does not remember is answered.
    pub(crate) async fn submit_unwritten(&mut self, message: &Message) -> Option<Answer> {
        self.submit_and(message.submission(), false).await.map(|answer| answer.expect("the journal can be written"))
    }

    async fn submit_and(&mut self, submission: Submission, write: bool) -> Option<Result<Answer, DeskError>> {
        let Running { desk, writer, .. } = &mut **self;
        let mut submit = pin!(desk.submit(submission));
        for _ in 0..200 {
            if let Poll::Ready(answer) = poll_fn(|context| Poll::Ready(submit.as_mut().poll(context))).await {
                return Some(answer);
            }
            tokio::task::yield_now().await;
            if write {
                writer.write_waiting();
            }
        }
        None
    }

    /// Its desk.
    pub(crate) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// What the desk answers; what its answer waits for is written.
    pub(crate) async fn ask<T>(&mut self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        loop {
            if let Poll::Ready(answer) = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context))).await {
                return answer;
            }
            tokio::task::yield_now().await;
            self.writer.write_waiting();
        }
    }

    /// Plans one batch; false if no sweep waits.
    pub(crate) fn plan(&mut self) -> bool {
        self.planner.step()
    }

    /// Lets a lane go on to the next place where it is held, or through one batch; false if it found nothing to do.
    pub(crate) async fn send(&mut self, lane: usize) -> bool {
        let Running { lanes, writer, .. } = &mut **self;
        lanes[lane].go_on(|| _ = writer.write_waiting()).await
    }

    /// Records what devices have acknowledged.
    pub(crate) fn record(&mut self) -> bool {
        self.recorder.step()
    }

    /// Tells those whose quiet hours have ended.
    pub(crate) fn wake(&mut self) -> bool {
        self.morning.step()
    }

    /// Writes what waits for the disk.
    pub(crate) fn write(&mut self) -> bool {
        self.writer.write_waiting()
    }

    /// Holds every lane at these places.
    pub(crate) fn hold(&self, holds: Holds) {
        self.lanes.iter().for_each(|lane| lane.hold(holds));
    }

    /// Goes on until no step finds anything to do.
    pub(crate) async fn run_out(&mut self) {
        self.hold(Holds::default());
        loop {
            let mut any = self.plan() | self.record() | self.wake();
            for lane in 0..self.lanes.len() {
                any |= self.send(lane).await;
            }
            if !any {
                break;
            }
            self.log.next_turn();
        }
        self.write();
    }

    /// The process ends at this instant, with all that is not on disk; the next one starts on what is. With
    /// `registry`, the registry is read from disk too.
    pub(crate) async fn crash(&mut self, registry: bool) {
        let Some(run) = self.run.take() else { return };
        let Running { fan_outs, hub, lanes, replayed, desk, desk_task, planner, recorder, morning, writer, stored } =
            run;
        lanes.into_iter().for_each(LaneHand::kill);
        desk_task.abort();
        drop((fan_outs, hub, replayed, desk, planner, recorder, morning, writer));
        // What was ended is gone when it has had its turn.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let folder = self.folder.path();
        let stored = if registry { stored.reopen(folder, &self.clock).await } else { stored };
        self.run = Some(Running::open(folder, stored, &self.clock, &self.log, self.steps));
    }
}

impl Deref for House {
    type Target = Running;

    fn deref(&self) -> &Running {
        self.run.as_ref().expect("it runs")
    }
}

impl DerefMut for House {
    fn deref_mut(&mut self) -> &mut Running {
        self.run.as_mut().expect("it runs")
    }
}

impl Running {
    fn open(folder: &Path, stored: Stored, clock: &Arc<ManualClock>, log: &Arc<Log>, steps: Steps) -> Self {
        let Pieces { fan_outs, hub, workers, gates, replayed, desk, desk_task, writer, stored, tasks } =
            Pieces::new(folder, stored, clock, log, steps);
        let lanes = workers.lanes.into_iter().zip(gates).map(|(lane, gate)| LaneHand::new(lane, gate, &tasks));
        Self {
            fan_outs,
            hub,
            lanes: lanes.collect(),
            replayed,
            desk,
            desk_task: tasks.spawn("desk", desk_task.run()),
            planner: workers.planner,
            recorder: workers.recorder,
            morning: workers.morning,
            writer,
            stored,
        }
    }
}
