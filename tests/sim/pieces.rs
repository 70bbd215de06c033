//! The pieces of the house, put together as the server does it, and nothing of them running yet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazardcast::audit::Audit;
use hazardcast::channel::{Channel, LinkChannel, NullChannel};
use hazardcast::decide::{Lineages, Rules};
use hazardcast::domain::{Clock, ManualClock, SignedDuration};
use hazardcast::fan_out::{FanOuts, LaneSeed, Recovered, Surroundings, Workers};
use hazardcast::intake::{Desk, DeskTask};
use hazardcast::journal::{self, Entry, Journal, Writer};
use hazardcast::ledger::Ledger;
use hazardcast::link::Hub;
use hazardcast::locate::Index;
use hazardcast::metrics::Metrics;
use hazardcast::registry::{self, Registry};
use hazardcast::tasks::Tasks;

use crate::lane::{Gate, Log, Tap};
use crate::people::app;

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
    ThreeHundred,
}

/// The registry, and the places that it keeps in the index.
pub(crate) struct Stored {
    pub(crate) registry: Registry,
    pub(crate) index: Arc<Index>,
    tasks: Tasks,
}

/// What ends with the process.
pub(crate) struct Pieces {
    pub(crate) fan_outs: FanOuts,
    pub(crate) hub: Hub,
    /// With lanes in the order: links, null.
    pub(crate) workers: Workers,
    /// One for each lane.
    pub(crate) gates: [Arc<Gate>; 2],
    /// What was on disk.
    pub(crate) replayed: Vec<Entry>,
    pub(crate) desk: Desk,
    pub(crate) desk_task: DeskTask,
    pub(crate) writer: Writer,
    pub(crate) stored: Stored,
    pub(crate) tasks: Tasks,
}

impl Stored {
    pub(crate) fn open(folder: &Path, clock: &Arc<ManualClock>) -> Self {
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

    pub(crate) async fn make_app(&self) {
        let app = app();
        self.registry.create_partner(app.partner.clone(), String::new()).await.expect("it is new");
        self.registry.create_app(app, String::new()).await.expect("it is new");
    }

    pub(crate) async fn reopen(self, folder: &Path, clock: &Arc<ManualClock>) -> Self {
        let Self { registry, index, tasks } = self;
        drop((registry, index));
        tasks.wait(Duration::from_mins(1)).await.expect("the registry's writer ends");
        Self::open(folder, clock)
    }
}

impl Pieces {
    pub(crate) fn new(folder: &Path, stored: Stored, clock: &Arc<ManualClock>, log: &Arc<Log>, steps: Steps) -> Self {
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
                Entry::Held(_)
                | Entry::Settled(_)
                | Entry::Sent { .. }
                | Entry::Acknowledged { .. }
                | Entry::Finished { .. } => {}
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
            Sent::ThreeHundred => {
                [seed::<_, 300>(links, &gates[0], log, &time), seed::<_, 300>(null, &gates[1], log, &time)]
            }
        };
        let (fan_outs, mut workers) = FanOuts::assemble(around, 0, seeds.into());
        workers.planner = workers.planner.with_batch(steps.planned);
        fan_outs.recover(recovered);
        let audit = Audit::memory(Arc::clone(&time));
        let (desk, desk_task) = Desk::new(lineages, Rules::default(), journal, audit, fan_outs.clone(), time);
        Self { fan_outs, hub, workers, gates, replayed, desk, desk_task, writer, stored, tasks }
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
