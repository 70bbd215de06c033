//! Builds the house in the order of the flow, and takes it down in the same order.
//!
//! Opening: who did what (audit) and who may do what (access), the journal (what was accepted), the desk, the doors.
//! The registry (whom it is for) is read behind them: with ten million devices that takes a while, and no alert waits
//! for it. Until it is there alerts are accepted and stand, and doors that need it tell their callers to come again;
//! then the fan-outs' workers begin, with all that was accepted before.
//!
//! Closing: doors, desk, sweeps, lanes, links, and last the journal; each ends because what feeds it has ended.

mod doors;
mod folder;
mod held;
mod loading;
mod untold;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, AccessError, Limits};
use crate::audit::{self, Audit, LogError, Tail};
use crate::channel::{LinkChannel, NullChannel};
use crate::decide::{HeldId, Lineages, Rules};
use crate::domain::{Act, Actor, ActorKind, AlertOutcome, AuditEntry, ChannelKind, Clock, Discretion, SignedDuration};
use crate::fan_out::{FanOuts, LaneSeed, Recovered, Surroundings};
use crate::feed;
use crate::format;
use crate::grpc::{Bodies, Health, Services};
use crate::http::Readiness;
use crate::intake::{Desk, REMEMBERED};
use crate::journal::{self, Admitted, Entry, Journal, JournalError};
use crate::ledger::Ledger;
use crate::link::{Hub, Settings};
use crate::listen::{Bounds, CertificateError, CertificateFiles, Certificates, Door, Protocol};
use crate::locate::{GroundMotion, Index};
use crate::metrics::Metrics;
use crate::regions::RegionError;
use crate::registry::{EventLimits, Progress, Registry, RegistryError};
use crate::tasks::{Failed, Tasks, Unfinished};
use crate::webhook;

use doors::{alert_door, open_feeds, serve_grpc, serve_http};
use folder::{make_data_dir, open_regions};
use loading::{Around, Awaited, Loading};
use untold::{untold, untold_authority};

/// How long closing may take before what still runs is named and left: less than `server.stop_seconds`, after which
/// the process ends without a word.
const CLOSING: Duration = Duration::from_secs(15);

/// What a server is built of.
#[derive(Clone)]
pub struct Options {
    /// Where everything durable is.
    pub data_dir: PathBuf,
    /// Where gRPC is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where metrics and readiness are served.
    pub http_listen: SocketAddr,
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// The null channel, if devices are to be reached by it.
    pub null: Option<Null>,
    /// Channels outside the region that the data are in: what goes by them needs its person's consent (R-P7).
    pub abroad: Vec<ChannelKind>,
    /// The size of the journal's segments, bytes.
    pub segment_bytes: u64,
    /// The size of the audit log's segments, bytes.
    pub audit_segment_bytes: u64,
    /// Memory for the registry's blocks, bytes.
    pub registry_cache_bytes: u64,
    /// How long the holder of a CID is to be silent before one that claims it holds it.
    pub claim_wait: Duration,
    /// How long an identity key that was retired is valid for look-up.
    pub key_overlap: Duration,
    /// How old the report of a phone's place may be.
    pub place_lifetime: SignedDuration,
    /// The most zones of one partner.
    pub zones_of_one_partner: usize,
    /// The least count of people that partners and authorities are told.
    pub least_count: u64,
    /// How long partners' events are kept, and how many.
    pub events: EventLimits,
    /// How they are sent to webhooks.
    pub webhooks: webhook::Settings,
    /// How feeds are got.
    pub feeds: feed::Settings,
    /// How much a message may be.
    pub reading: format::Bounds,
    /// How strongly earthquakes shake the ground.
    pub ground_motion: GroundMotion,
    /// What a message does to those before it.
    pub rules: Rules,
    /// How many threads plan.
    pub planners: usize,
    /// How often a device is to send a heartbeat.
    pub heartbeat: Duration,
    /// How many notices may wait for one link.
    pub link_queue: usize,
    /// Certificates; `None`: plain text.
    pub tls: Option<Tls>,
    /// What connections to the API may cost.
    pub bounds: Bounds,
    /// How much callers of the API may ask.
    pub limits: Limits,
    /// Whether anybody who shows no credential may do anything, and the partner `dev` and its two apps are made.
    pub dev: bool,
}

/// How listeners speak TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificates.
    pub files: CertificateFiles,
    /// How often it is looked whether they have changed.
    pub reload: Duration,
    /// Whether metrics and readiness are served over it too.
    pub http: bool,
}

/// What the null channel does with what it is handed.
#[derive(Debug, Clone)]
pub enum Null {
    /// Counts it.
    Count,
    /// Appends it to a file.
    File(PathBuf),
}

/// Why a server could not be opened or did not close well.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The data directory cannot be made.
    #[error("data directory {path}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The null channel's file cannot be opened.
    #[error("null channel's file")]
    NullFile(#[source] std::io::Error),
    /// The journal.
    #[error("the alert journal")]
    Journal(#[from] JournalError),
    /// The audit log.
    #[error("the audit log")]
    Audit(#[source] LogError),
    /// The certificates.
    #[error("TLS")]
    Certificates(#[from] CertificateError),
    /// The credentials.
    #[error("credentials")]
    Access(#[from] AccessError),
    /// The registry.
    #[error("the registry")]
    Registry(#[from] RegistryError),
    /// The regions that codes name.
    #[error("the regions")]
    Regions(#[from] RegionError),
    /// The feeds.
    #[error("the feeds")]
    Feeds(#[from] feed::StoreError),
    /// No thread could be had.
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
    /// Part of the server failed while it ran.
    #[error("the server failed")]
    Failed(#[from] Failed),
    /// Something did not end in time.
    #[error("did not end in time")]
    Unfinished(#[from] Unfinished),
}

/// A running server.
pub struct App {
    grpc: SocketAddr,
    http: SocketAddr,
    hub: Hub,
    desk: Desk,
    tasks: Tasks,
    reload: Arc<Notify>,
    doors: CancellationToken,
    http_stop: CancellationToken,
    readiness: Readiness,
    registry: Awaited,
}

/// What the journal had.
#[derive(Default)]
struct Replayed {
    lineages: Lineages,
    ledger: Ledger,
    recovered: Recovered,
    held: BTreeMap<HeldId, journal::Held>,
}

impl App {
    /// Opens a server: when this returns, alerts can come, and what had been accepted before stands again. Devices can
    /// come, and alerts are sent, when [`App::loaded`] has returned.
    pub async fn open(options: Options) -> Result<Self, AppError> {
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let opened = Self::open_with(options, metrics, tasks.clone()).await;
        if opened.is_err() {
            // What runs already may end: that is not what is wrong.
            tasks.close();
        }
        opened
    }

    async fn open_with(options: Options, metrics: Arc<Metrics>, tasks: Tasks) -> Result<Self, AppError> {
        let readiness = Readiness::default();
        let (doors, http_stop) = (CancellationToken::new(), CancellationToken::new());
        let certificates = options.tls.clone().map(|tls| Certificates::load(tls.files)).transpose()?.map(Arc::new);
        let (http, posts) =
            serve_http(&options, certificates.as_ref(), &readiness, &http_stop, (&tasks, &metrics)).await?;
        let grpc_listener = listen(options.listen).await?;
        let grpc = address(&grpc_listener, options.listen)?;

        make_data_dir(&options.data_dir)
            .map_err(|source| AppError::DataDir { path: options.data_dir.clone(), source })?;
        let (audit, tail) = open_audit(&options, &metrics, &tasks, doors.clone())?;
        let access = open_access(&options, (&audit, &tail), &metrics)?;
        let (journal, replayed) = open_journal(&options, &metrics, &tasks, (&audit, &tail))?;
        let watched = journal.clone();
        readiness.journal_replayed(move || watched.healthy().is_ok());
        let (index, registry) = (Arc::new(Index::new()), Registry::unloaded());
        let hub = Hub::with_queue(options.link_queue, metrics.links_open.clone());
        let around = Surroundings {
            index: Arc::clone(&index),
            registry: registry.clone(),
            ledger: replayed.ledger,
            journal: journal.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&options.clock),
            metrics: Arc::clone(&metrics),
        };
        let abroad = options.abroad.iter().fold(0, |bits, channel| bits | channel.bit());
        let (fan_outs, workers) = FanOuts::assemble(around, abroad, lanes(&options, &hub)?);
        fan_outs.recover(replayed.recovered);
        let (rules, clock) = (options.rules.clone(), Arc::clone(&options.clock));
        let (desk, desk_task) = Desk::new(replayed.lineages, rules, journal, audit.clone(), fan_outs.clone(), clock);
        let (regions, atlas) = open_regions(&options.data_dir, options.ground_motion.clone())?;
        held::recover(replayed.held.into_values(), desk.held(), &options.reading, &atlas.load(), &access);
        tasks.spawn_essential("desk", desk_task.run());

        let (health, cut) = (Health::default(), CancellationToken::new());
        let door = alert_door(&options, &desk, &atlas, &audit, &tasks, (&fan_outs, &registry));
        let feeds = open_feeds(&options, door, access.clone(), &metrics, &doors)?;
        let services = Services {
            desk: desk.clone(),
            fan_outs,
            feeds,
            registry: registry.clone(),
            audit: audit.clone(),
            hub: hub.clone(),
            reading: options.reading,
            atlas,
            regions,
            clock: Arc::clone(&options.clock),
            link: Settings { heartbeat: options.heartbeat, ..Settings::default() },
            access: access.clone(),
            development: options.dev,
            discretion: Discretion::new(options.least_count, RandomState::new()),
            private_webhooks: options.webhooks.allow_private,
            metrics: Arc::clone(&metrics),
            tasks: tasks.clone(),
        };
        tasks.spawn_essential("access", access.watch_expiry(doors.clone()));
        let reload = keep_fresh(certificates.as_ref(), &options, &tasks, &metrics, &doors);
        let (protocol, bounds, cut_off) = (Protocol::Http2, options.bounds, cut.clone());
        let door = Door { name: "grpc", listener: grpc_listener, certificates, protocol, bounds, cut: cut_off };
        let incoming = door.open(&tasks, &metrics);
        posts.open(Bodies::new(services.clone()));
        tasks.spawn_essential("grpc", serve_grpc(incoming, services, health.clone(), doors.clone(), cut));
        readiness.doors_open();

        let around =
            Around { tasks: tasks.clone(), stop: doors.clone(), readiness: readiness.clone(), metrics, health };
        let registry =
            Loading { options, index, registry, hub: hub.clone(), audit: (audit, tail), workers, around }.begin();
        Ok(Self { grpc, http, hub, desk, tasks, reload, doors, http_stop, readiness, registry })
    }

    /// Returns when the registry is there, and everything accepted so far is being sent; or why that cannot be. May be
    /// dropped and called again.
    pub async fn loaded(&mut self) -> Result<(), AppError> {
        self.registry.loaded().await
    }

    /// How far the registry is that is being loaded.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.registry.progress)
    }

    /// Cancelled when the registry is there.
    pub fn ready(&self) -> CancellationToken {
        self.registry.ready.clone()
    }

    /// Asks, each time that it is notified, for certificates to be loaded again now.
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.reload)
    }

    /// Where gRPC is served.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc
    }

    /// Where metrics and readiness are served.
    pub fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Runs until `stop` resolves or a part fails, then closes.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let tasks = self.tasks.clone();
        let failed = tokio::select! {
            () = stop => None,
            failed = tasks.failed() => Some(failed.into()),
            Err(error) = self.loaded() => Some(error),
        };
        let closed = self.close().await;
        failed.map_or(closed, Err)
    }

    /// Closes: links are sent away, doors shut, what is on its way is sent, what was sent is written.
    pub async fn close(self) -> Result<(), AppError> {
        self.readiness.doors_closed();
        self.registry.progress.stop();
        self.tasks.close();
        self.hub.drain(RECONNECT_OVER);
        self.doors.cancel();
        drop(self.desk);
        // It asks journal and registry whether they are healthy, and these close when their last handle is gone.
        drop(self.readiness);
        self.http_stop.cancel();
        self.tasks.wait(CLOSING).await?;
        Ok(())
    }
}

/// Over how long devices that are sent away come back.
const RECONNECT_OVER: Duration = Duration::from_secs(5);

async fn listen(address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })
}

fn address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, AppError> {
    listener.local_addr().map_err(|source| AppError::Listen { address: asked, source })
}

/// The credentials; a new server that is nobody's yet makes its bootstrap token.
fn open_access(options: &Options, (audit, tail): (&Audit, &Tail), metrics: &Arc<Metrics>) -> Result<Access, AppError> {
    let clock = Arc::clone(&options.clock);
    let access = Access::open(&options.data_dir, options.limits, clock, Arc::clone(metrics))?;
    for entry in access.list(None, usize::MAX).iter().flat_map(|credential| untold(credential, tail)) {
        drop(audit.append(&entry));
    }
    for entry in access.authorities(None, usize::MAX).iter().flat_map(|admitted| untold_authority(admitted, tail)) {
        drop(audit.append(&entry));
    }
    if !options.dev
        && let Some(file) = access.bootstrap_if_new()?
    {
        drop(audit.append(&AuditEntry::server(Act::BootstrapOffered)));
        tracing::warn!(file = %file.display(), "there is no operator yet: the file has the token that makes the first");
    }
    Ok(access)
}

fn open_audit(
    options: &Options,
    metrics: &Arc<Metrics>,
    tasks: &Tasks,
    stop: CancellationToken,
) -> Result<(Audit, Tail), AppError> {
    let config = audit::Config { dir: options.data_dir.join("audit"), segment_bytes: options.audit_segment_bytes };
    let opened = Audit::open(&config, Arc::clone(&options.clock), metrics);
    let (audit, tail, writer) = opened.map_err(AppError::Audit)?;
    audit.tell_head();
    let (version, development) = (env!("CARGO_PKG_VERSION").into(), options.dev);
    drop(audit.append(&AuditEntry::server(Act::ServerStarted { version, development })));
    let head = audit.head_teller();
    let write = move || {
        writer.run();
        head.tell();
    };
    tasks.thread("audit", write).map_err(AppError::Thread)?;
    tasks.spawn_essential("audit-keeper", audit::keep(audit.clone(), stop));
    Ok((audit, tail))
}

fn open_journal(
    options: &Options,
    metrics: &Arc<Metrics>,
    tasks: &Tasks,
    (audit, tail): (&Audit, &Tail),
) -> Result<(Journal, Replayed), AppError> {
    let config = journal::Config {
        dir: options.data_dir.join("journal"),
        segment_bytes: options.segment_bytes,
        keep: REMEMBERED,
    };
    let (journal, replay, writer) = Journal::open(&config, options.clock.now(), metrics)?;
    let mut replayed = Replayed::default();
    for entry in replay {
        let entry = entry?;
        replayed.ledger.replay(&entry);
        replayed.recovered.replay(&entry);
        match &entry {
            Entry::Admitted(admitted) => {
                replayed.lineages.admit(&admitted.bulletin);
                let alert = &admitted.bulletin.parts().alert;
                // The server may have ended between letting it go and saying that it waits no more.
                replayed.held.retain(|_, held| held.holding.alert != *alert);
                if let Some(entry) = unrecorded(admitted, tail) {
                    drop(audit.append(&entry));
                }
            }
            Entry::Noted(noted) => replayed.lineages.note(noted),
            Entry::Held(held) => {
                replayed.held.insert(held.holding.id, held.clone());
            }
            Entry::Settled(settled) => {
                replayed.held.remove(&settled.id);
            }
            Entry::Sent { .. } | Entry::Acknowledged { .. } | Entry::Finished { .. } => {}
        }
    }
    tracing::info!(unfinished = replayed.recovered.unfinished(), "the journal was read");
    tasks.thread("journal", move || writer.run()).map_err(AppError::Thread)?;
    Ok((journal, replayed))
}

/// The audit log's record of an admitted alert, if a crash took it: the journal had it first.
fn unrecorded(admitted: &Admitted, tail: &Tail) -> Option<AuditEntry> {
    let (key, parts) = (admitted.bulletin.key(), admitted.bulletin.parts());
    let authority = admitted.authority.as_str();
    let act = || Act::AlertDecided {
        authority: authority.into(),
        alert: Some(parts.alert.clone()),
        outcome: AlertOutcome::Admitted(key),
        recovered: true,
    };
    tail.lacks(key, parts.admitted).then(|| AuditEntry {
        actor: Actor { kind: ActorKind::Authority, name: authority.into(), credential: None },
        act: act(),
        subjects: Vec::new(),
        object: format!("alerts/{}", key.lineage).into(),
    })
}

/// Loads certificates again when they change, or when what this gives is notified.
fn keep_fresh(
    certificates: Option<&Arc<Certificates>>,
    options: &Options,
    tasks: &Tasks,
    metrics: &Arc<Metrics>,
    doors: &CancellationToken,
) -> Arc<Notify> {
    let reload = Arc::new(Notify::new());
    if let (Some(certificates), Some(tls)) = (certificates, &options.tls) {
        let (asked, counted) = (Arc::clone(&reload), Arc::clone(metrics));
        let fresh = Arc::clone(certificates).keep_fresh(tls.reload, asked, tasks.clone(), counted, doors.clone());
        tasks.spawn_essential("certificates", fresh);
    }
    reload
}

fn lanes(options: &Options, hub: &Hub) -> Result<Vec<LaneSeed>, AppError> {
    let mut lanes = vec![LaneSeed::new(LinkChannel::new(hub.clone()))];
    match &options.null {
        Some(Null::Count) => lanes.push(LaneSeed::new(NullChannel::new())),
        Some(Null::File(path)) => {
            lanes.push(LaneSeed::new(NullChannel::with_file(path).map_err(AppError::NullFile)?));
        }
        None => {}
    }
    Ok(lanes)
}
