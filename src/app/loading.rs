//! The registry, read behind the open doors; and what begins when it is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::{Audit, Tail};
use crate::domain::{Act, AppName, AuditEntry, PartnerName};
use crate::fan_out::Workers;
use crate::grpc::Health;
use crate::http::Readiness;
use crate::link::Hub;
use crate::locate::Index;
use crate::metrics::Metrics;
use crate::registry::{self, Profile, Progress, Registry, RegistryError};
use crate::tasks::{Failed, Tasks};
use crate::webhook::Webhooks;

use super::{AppError, Options};

/// What the registry is loaded of, and what begins when it is there.
pub(super) struct Loading {
    pub(super) options: Options,
    pub(super) index: Arc<Index>,
    pub(super) registry: Registry,
    pub(super) hub: Hub,
    /// The audit log, and what it has of the last run.
    pub(super) audit: (Audit, Tail),
    pub(super) workers: Workers,
    pub(super) around: Around,
}

/// What it runs on, and what is told how far it is.
pub(super) struct Around {
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
    /// When the server stops.
    pub(super) stop: CancellationToken,
    pub(super) readiness: Readiness,
    pub(super) health: Health,
}

/// The registry on its way.
pub(super) struct Awaited {
    /// Cancelled when it is there.
    pub(super) ready: CancellationToken,
    pub(super) progress: Arc<Progress>,
    /// `None` when it has been awaited.
    loading: Option<JoinHandle<Result<(), AppError>>>,
}

impl Awaited {
    /// Returns when the registry is there, or why it cannot be. May be dropped and called again.
    pub(super) async fn loaded(&mut self) -> Result<(), AppError> {
        let Some(loading) = &mut self.loading else { return Ok(()) };
        let loaded = loading.await.unwrap_or(Err(AppError::Failed(Failed::Panicked("load"))));
        self.loading = None;
        loaded
    }
}

impl Loading {
    /// Begins, on a thread of its own, behind all else.
    pub(super) fn begin(self) -> Awaited {
        let (ready, progress) = (CancellationToken::new(), Arc::new(Progress::default()));
        let gauge = Arc::clone(&progress);
        self.around.readiness.registry_loading(move || gauge.now());
        let tasks = self.around.tasks.clone();
        let loading = tasks.spawn("load", self.run(Arc::clone(&progress), ready.clone()));
        Awaited { ready, progress, loading: Some(loading) }
    }

    async fn run(self, progress: Arc<Progress>, ready: CancellationToken) -> Result<(), AppError> {
        let Self { options, index, registry, hub, audit, workers, around } = self;
        let Around { metrics, tasks, stop, readiness, health } = around;
        let mut config = registry::Config::new(options.data_dir.join("registry"));
        config.cache_bytes = options.registry_cache_bytes;
        config.place_lifetime = options.place_lifetime;
        config.most_zones = options.zones_of_one_partner;
        config.events = options.events;
        config.claim_wait = options.claim_wait;
        config.key_overlap = options.key_overlap;
        config.links = Arc::new(hub);
        let log = audit.0.clone();
        config.audit = Some(audit);
        let counted = Arc::clone(&metrics);
        let (unloaded, clock, threads) = (registry.clone(), Arc::clone(&options.clock), tasks.clone());
        let load = move || unloaded.load(&config, index, clock, metrics, &threads, &progress);
        let done = tasks.errand("registry load", load).map_err(AppError::Thread)?;
        done.await.unwrap_or(Err(RegistryError::Stopped))?;
        tasks.spawn("give back", give_back(stop.clone()));
        if options.dev {
            make_dev_partner(&registry, &log).await?;
        }
        let webhooks = Webhooks::new(registry.clone(), options.clock, options.webhooks, counted, tasks.clone());
        tasks.spawn_essential("webhooks", webhooks.run(stop));
        workers.start(options.planners, &tasks).map_err(AppError::Thread)?;
        health.everything().await;
        let watched = registry.clone();
        readiness.registry_loaded(move || watched.is_healthy());
        ready.cancel();
        tracing::info!(registrations = registry.count(), "the registry was read");
        Ok(())
    }
}

/// How much is asked for, and at once given back, by [`give_back`].
const PROBE: usize = 32 << 20;

/// Lets the allocator give back to the system what loading needed and nobody needs now: it does that a tenth of a
/// second after memory was freed, but only when memory is next freed. The memory asked for here is never touched.
async fn give_back(stop: CancellationToken) {
    for _ in 0..8 {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            () = stop.cancelled() => return,
        }
        drop(std::hint::black_box(Vec::<u8>::with_capacity(PROBE)));
    }
}

/// The partner `dev` with the apps `alpha` and `beta`, if they are not there.
async fn make_dev_partner(registry: &Registry, audit: &Audit) -> Result<(), AppError> {
    let partner = PartnerName::new("dev").expect("it is well-formed");
    let apps = ["alpha", "beta"].map(|id| AppName::new(partner.clone(), id).expect("it is well-formed"));
    let there = |made: Result<Profile, RegistryError>, object: String, act: Act| match made {
        Ok(_) => {
            drop(audit.append(&AuditEntry { object: object.into(), ..AuditEntry::server(act) }));
            Ok(())
        }
        Err(RegistryError::AlreadyExists) => Ok(()),
        Err(error) => Err(error),
    };
    let made = registry.create_partner(partner.clone(), "Development".to_owned()).await;
    there(made, partner.to_string(), Act::PartnerCreated)?;
    for app in apps {
        there(registry.create_app(app.clone(), String::new()).await, app.to_string(), Act::AppCreated)?;
    }
    Ok(())
}
