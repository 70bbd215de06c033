//! The house, built as the server builds it, and worked by hand.

use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hazardcast::audit::Audit;
use hazardcast::channel::{Channel, LinkChannel, NullChannel};
use hazardcast::decide::{Lineages, Rules};
use hazardcast::domain::{
    AppName, ChannelKind, Clock, Consent, ConsentOrigin, DeviceTraits, Footprint, Language, ManualClock,
    NewRegistration, PartnerName, PlaceId, PlacePrecision, Platform, PolicyVersion, Position, Private, Purpose,
    SavedPlace, SavedPlaceId, SignedDuration, Slot, Timestamp, Token,
};
use hazardcast::fan_out::{FanOuts, LaneSeed, Planner, Recorder, Recovered, Surroundings};
use hazardcast::intake::{Answer, Desk, DeskError};
use hazardcast::journal::{self, Entry, Journal, Writer};
use hazardcast::ledger::Ledger;
use hazardcast::link::Hub;
use hazardcast::locate::Index;
use hazardcast::metrics::Metrics;
use hazardcast::registry::{self, Registered, Registry};
use hazardcast::tasks::Tasks;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::lane::{Gate, Holds, LaneHand, Log, Tap};
use crate::message::Message;
use crate::phone::Phone;

/// When every clock starts.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

/// How much is done in one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// A planner's batch ends with the tile or list that brings it to so many devices.
    pub(crate) planned: usize,
    /// The most devices in a lane's batch.
    pub(crate) sent: Sent,
}

/// The most devices in a lane's batch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent {
    Four,
    FiveHundred,
}

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
    writer: Writer,
    stored: Stored,
}

/// The registry, and the places that it keeps in the index.
struct Stored {
    registry: Registry,
    index: Arc<Index>,
    tasks: Tasks,
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
        self.submit_and(message, true).await.expect("it is answered").expect("the journal can be written")
    }

    /// Submits a message that the desk decides on and appends; it is not on disk when this returns. Only what the
    /// desk does not remember is answered.
    pub(crate) async fn submit_unwritten(&mut self, message: &Message) -> Option<Answer> {
        self.submit_and(message, false).await.map(|answer| answer.expect("the journal can be written"))
    }

    async fn submit_and(&mut self, message: &Message, write: bool) -> Option<Result<Answer, DeskError>> {
        let Running { desk, writer, .. } = &mut **self;
        let mut submit = pin!(desk.submit(message.submission()));
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
            let mut any = self.plan() | self.record();
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
        let Running { fan_outs, hub, lanes, replayed, desk, desk_task, planner, recorder, writer, stored } = run;
        lanes.into_iter().for_each(LaneHand::kill);
        desk_task.abort();
        drop((fan_outs, hub, replayed, desk, planner, recorder, writer));
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

impl Stored {
    fn open(folder: &Path, clock: &Arc<ManualClock>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let index = Arc::new(Index::new());
        let mut config = registry::Config::new(folder.join("registry"));
        // Clocks jump by months, and nobody reports anew.
        config.place_lifetime = SignedDuration::from_hours(1_000_000);
        config.cache_bytes = 8 << 20;
        let (places, time) = (Arc::clone(&index), Arc::clone(clock) as Arc<dyn Clock>);
        let registry = Registry::open(&config, places, time, metrics, &tasks).expect("the registry opens");
        Self { registry, index, tasks }
    }

    async fn make_app(&self) {
        let app = app();
        self.registry.create_partner(app.partner.clone(), String::new()).await.expect("it is new");
        self.registry.create_app(app, String::new()).await.expect("it is new");
    }

    async fn reopen(self, folder: &Path, clock: &Arc<ManualClock>) -> Self {
        let Self { registry, index, tasks } = self;
        drop((registry, index));
        tasks.wait(Duration::from_mins(1)).await.expect("the registry's writer ends");
        Self::open(folder, clock)
    }
}

impl Running {
    fn open(folder: &Path, stored: Stored, clock: &Arc<ManualClock>, log: &Arc<Log>, steps: Steps) -> Self {
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let config = journal::Config {
            dir: folder.join("journal"),
            segment_bytes: 1 << 20,
            keep: SignedDuration::from_hours(24 * 30),
        };
        let (journal, replay, writer) = Journal::open(&config, clock.now(), &metrics).expect("the journal opens");
        let (mut lineages, ledger, mut recovered) = (Lineages::new(), Ledger::default(), Recovered::default());
        let replayed: Vec<Entry> = replay.map(|entry| entry.expect("it can be read")).collect();
        for entry in &replayed {
            ledger.replay(entry);
            recovered.replay(entry);
            match entry {
                Entry::Admitted(admitted) => lineages.admit(&admitted.bulletin),
                Entry::Noted(noted) => lineages.note(noted),
                Entry::Sent { .. } | Entry::Acknowledged { .. } | Entry::Finished { .. } => {}
            }
        }
        let hub = Hub::new();
        let time = Arc::clone(clock) as Arc<dyn Clock>;
        let around = Surroundings {
            index: Arc::clone(&stored.index),
            registry: stored.registry.clone(),
            ledger,
            journal: journal.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&time),
            metrics,
        };
        let gates = [Arc::new(Gate::default()), Arc::new(Gate::default())];
        let (links, null) = (LinkChannel::new(hub.clone()), NullChannel::new());
        let seeds = match steps.sent {
            Sent::Four => [seed::<_, 4>(links, &gates[0], log, &time), seed::<_, 4>(null, &gates[1], log, &time)],
            Sent::FiveHundred => {
                [seed::<_, 500>(links, &gates[0], log, &time), seed::<_, 500>(null, &gates[1], log, &time)]
            }
        };
        let (fan_outs, workers) = FanOuts::assemble(around, 0, seeds.into());
        fan_outs.recover(recovered);
        let (desk, desk_task) =
            Desk::new(lineages, Rules::default(), journal, Audit::memory(Arc::clone(&time)), fan_outs.clone(), time);
        let desk_task = tasks.spawn("desk", desk_task.run());
        let lanes = workers.lanes.into_iter().zip(gates).map(|(lane, gate)| LaneHand::new(lane, gate, &tasks));
        Self {
            fan_outs,
            hub,
            lanes: lanes.collect(),
            replayed,
            desk,
            desk_task,
            planner: workers.planner.with_batch(steps.planned),
            recorder: workers.recorder,
            writer,
            stored,
        }
    }
}

fn seed<C: Channel, const BATCH: usize>(
    channel: C,
    gate: &Arc<Gate>,
    log: &Arc<Log>,
    time: &Arc<dyn Clock>,
) -> LaneSeed {
    LaneSeed::new(Tap::<C, BATCH>::new(channel, gate, log, Arc::clone(time)))
}

/// The tests' one app.
pub(crate) fn app() -> AppName {
    AppName::new(PartnerName::new("dev").expect("a name"), "alpha").expect("a name")
}

/// A grant under a policy that no test retires; it holds until it is withdrawn, or until `expires`.
pub(crate) fn consent(purpose: Purpose, expires: Option<Timestamp>) -> Consent {
    let (policy, origin) = (PolicyVersion(60_000), ConsentOrigin("test".to_owned()));
    Consent { purpose, policy, granted: Timestamp::UNIX_EPOCH, expires, origin, guardian: None }
}

/// A place.
pub(crate) fn point([lon, lat]: [f64; 2]) -> Footprint {
    Footprint::Point(Private::new(Position::from_degrees(lon, lat).expect("on the globe")))
}

/// The one place that somebody follows.
pub(crate) fn home(at: [f64; 2]) -> SavedPlace {
    SavedPlace { id: home_id(), place: point(at), precision: PlacePrecision::Exact }
}

/// What its phone calls it.
pub(crate) fn home_id() -> SavedPlaceId {
    SavedPlaceId::new("home").expect("an id")
}

/// A token for the null channel.
pub(crate) fn null_token() -> Token {
    Token { channel: ChannelKind::Null, value: Private::new("null".to_owned()) }
}

/// A device at a place whose person has agreed to everything; by the null channel where `null`, else by links alone.
pub(crate) fn device(at: [f64; 2], null: bool) -> NewRegistration {
    NewRegistration {
        app: app(),
        request: None,
        traits: DeviceTraits {
            platform: Platform::Android,
            brand: "".into(),
            model: "".into(),
            os_version: "".into(),
            app_version: "".into(),
            languages: vec![Language::parse("en").expect("a tag")],
            time_zone: "".into(),
        },
        identifiers: Vec::new(),
        tokens: if null { vec![null_token()] } else { Vec::new() },
        consents: vec![consent(Purpose::EmergencyPush, None), consent(Purpose::Location, None)],
        drills: false,
        under_14: false,
        place_precision: PlacePrecision::Exact,
        place: Some((point(at), NOON)),
    }
}
