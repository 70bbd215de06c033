//! Registrations, what their people agreed to, and where they are.
//!
//! [`Registry`] is the handle that doors and fan-outs have. What the hot path needs is in memory: a row of facts by
//! slot, languages by number, places in the [`Index`]. The rest is in a durable store of its own files. One writer
//! makes changes durable, many at a time; what gives something is visible when that is durable, what takes something
//! away at once.
//!
//! No place is in the index without its person's consent (R-P1). Whether an emergency may be told is read from the row
//! at the moment of planning. Values that come here were checked at the door that read them.

mod change;
mod claims;
mod consents;
mod directory;
mod effects;
mod endings;
mod error;
mod events;
mod facts;
mod grants;
mod identity;
mod inside;
mod keeper;
mod key_file;
mod languages;
mod load;
mod names;
mod place_log;
mod places;
mod planning;
mod read;
mod receipts;
mod records;
mod register;
mod rotation;
mod saved;
mod sealing;
mod shares;
mod store;
mod webhooks;
mod wishes;
mod witness;
mod writer;
mod zone_change;
mod zones;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::audit::{Audit, Tail};
use crate::domain::{
    AppName, AppSlot, AuditSubject, Clock, Consent, Footprint, LinkSecret, NewRegistration, PartnerName, PlaceId,
    Purpose, Registration, RegistrationName, SignedDuration, Slot, Timestamp,
};
use crate::locate::Index;
use crate::metrics::Metrics;
use crate::plan::Facts;
use crate::tasks::Tasks;
use crate::wire::storage_v1::RegistrationRecord;

use change::{Change, Done};
use claims::{Claims, NoLinks, Settling};
use directory::Directory;
use events::Logs;
use facts::FactsTable;
use grants::{GrantTable, Policies};
use identity::Keys;
use languages::Languages;
use load::{Around, Loaded};
use names::Names;
use place_log::Limits;
use places::Places;
use store::Store;
use webhooks::Webhooks;
use wishes::Wishes;
use witness::Witness;
use writer::{Caller, Job, Results, Writer};
use zones::Zones;

pub use change::RegistrationChange;
pub use claims::Links;
pub use directory::Profile;
pub use error::RegistryError;
pub use events::{EVENT_PAGE, EventLimits, EventPage, LogEnds};
pub use load::Progress;
pub use receipts::OfPartner;
pub use webhooks::Hook;
pub use zone_change::ZonePage;

/// How many changes may wait for the writer. A call that finds no room waits.
const ROOM: usize = 16_384;

/// How many jobs of the house's own may wait besides. What finds no room is left out, and found again later.
const OWN_JOBS: usize = 16_384;

/// How long the holder of a CID is to be silent where nothing else is said.
const CLAIM_WAIT: Duration = Duration::from_hours(30 * 24);

/// How long an identity key that was retired is valid for look-up where nothing else is said.
const KEY_OVERLAP: Duration = Duration::from_hours(90 * 24);

/// The most registrations or reports in one call.
pub const BATCH: usize = 1_000;

/// Where the registry is, and its size.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder; it is made if it is not there.
    pub dir: PathBuf,
    /// The most registrations that there ever are: slots are not given again.
    pub capacity: u32,
    /// Memory for blocks of the store, bytes.
    pub cache_bytes: u64,
    /// The most zones of one partner.
    pub most_zones: usize,
    /// The most pairs of a registration and a zone that it is in, of one partner's zones: each takes memory.
    pub most_inside: u64,
    /// How long partners' events are kept, and how many.
    pub events: EventLimits,
    /// The audit log, and what it has of the last run. Changes that a crash took from it are written to it again.
    pub audit: Option<(Audit, Tail)>,
    /// How long the holder of a CID is to be silent before one that claims it holds it.
    pub claim_wait: Duration,
    /// How long an identity key that was retired is valid for look-up.
    pub key_overlap: Duration,
    /// Which registrations have a live link.
    pub links: Arc<dyn Links>,
    /// How old the report of a phone's place may be: older ones are forgotten (R-P5).
    pub place_lifetime: SignedDuration,
    /// When places that were replaced go from the disk.
    limits: Limits,
}

impl Config {
    /// A registry in `dir` with room for 268 million registrations; memory is taken as they come.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            capacity: 1 << 28,
            cache_bytes: 64 << 20,
            most_zones: 1_000,
            most_inside: 10_000_000,
            events: EventLimits::default(),
            audit: None,
            claim_wait: CLAIM_WAIT,
            key_overlap: KEY_OVERLAP,
            links: Arc::new(NoLinks),
            place_lifetime: SignedDuration::from_hours(30 * 24),
            limits: Limits::DEFAULT,
        }
    }
}

/// A handle of the registry: cheap to clone. When the last is dropped the writer ends.
///
/// Until it is loaded ([`Registry::load`]) nobody is registered, and what can be refused is refused with
/// [`RegistryError::Loading`].
#[derive(Clone)]
pub struct Registry(Arc<OnceLock<Open>>);

/// A registry that is loaded.
struct Open {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

/// What readers and the writer share.
struct Shared {
    store: Store,
    keys: Keys,
    facts: FactsTable,
    /// Consents to sending out of the region.
    cross_border: GrantTable,
    /// Consents to holding and using the places that somebody follows.
    saved_places: GrantTable,
    policies: Policies,
    languages: Languages,
    wishes: Wishes,
    names: Names,
    claims: Claims,
    settling: Settling,
    key_overlap: Duration,
    directory: RwLock<Directory>,
    places: Places,
    /// How old the report of a phone's place may be.
    place_lifetime: SignedDuration,
    /// Where it is written what the server does by itself.
    audit: Option<Audit>,
    zones: Zones,
    most_zones: usize,
    logs: Logs,
    event_limits: EventLimits,
    webhooks: Webhooks,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// The store has failed: what is on disk is not known, and no more is written.
    failed: AtomicBool,
}

/// A registration that was made, or made again.
#[derive(Debug, Clone)]
pub struct Registered {
    /// As it is held now.
    pub registration: Registration,
    /// What opens its link; kept only as a hash.
    pub link_secret: LinkSecret,
    /// Whether its name is new.
    pub created: bool,
    /// Whether it took the place of another on its partner's word.
    pub vouched: bool,
    /// Who had been registered under this name until now: another person, as far as anybody can tell.
    pub ended: Option<AuditSubject>,
    /// Whether this was asked for before, so that nothing has changed but the secret.
    pub repeated: bool,
}

/// A registration that was changed.
#[derive(Debug, Clone)]
pub struct Updated {
    /// As it is held now.
    pub registration: Registration,
    /// What had been agreed to and counts no more, since the person is under 14 and no guardian has agreed.
    pub ended: Vec<Purpose>,
}

impl Registry {
    /// One that is yet to be loaded.
    pub fn unloaded() -> Self {
        Self(Arc::default())
    }

    /// Loads the registry: reads it into memory, puts places into `index`, and starts the threads of its writer and its
    /// keeper. Blocks for as long as that takes; `progress` tells how far it is, and can stop it.
    pub fn load(
        &self,
        config: &Config,
        index: Arc<Index>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tasks: &Tasks,
        progress: &Progress,
    ) -> Result<(), RegistryError> {
        let (shared, loaded) = Shared::open(config, index, clock, metrics, progress)?;
        let shared = Arc::new(shared);
        let (jobs, waiting) = mpsc::channel(ROOM + OWN_JOBS);
        let (snapshots, asked) = std::sync::mpsc::channel();
        let (keeper, weak) = (Arc::clone(&shared), jobs.downgrade());
        tasks.thread_behind("keeper", move || keeper::run(&keeper, &weak, &asked)).map_err(RegistryError::Thread)?;
        let Loaded { places, next, witness } = loaded;
        let writer = Writer { shared: Arc::clone(&shared), places, next, witness, stored: 0, snapshots };
        tasks.thread_behind("registry", move || writer.run(waiting)).map_err(RegistryError::Thread)?;
        // Before all else that is asked for; but not more of them than anybody would want to wait for.
        for job in keeper::in_jobs(shared.expired(shared.clock.now()).map(Change::Expire).collect()) {
            let _ = jobs.try_send(Job::by_itself(job));
        }
        let open = Open { shared, jobs, room: Arc::new(Semaphore::new(ROOM)) };
        self.0.set(open).map_err(|_| RegistryError::Stopped)
    }

    /// A registry that is loaded when this returns: [`Registry::load`] on a new one.
    pub fn open(
        config: &Config,
        index: Arc<Index>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tasks: &Tasks,
    ) -> Result<Self, RegistryError> {
        let registry = Self::unloaded();
        registry.load(config, index, clock, metrics, tasks, &Progress::default())?;
        Ok(registry)
    }

    /// Refuses as long as the registry is not loaded.
    pub fn loaded(&self) -> Result<(), RegistryError> {
        self.opened().map(drop)
    }

    fn opened(&self) -> Result<&Open, RegistryError> {
        self.0.get().ok_or(RegistryError::Loading)
    }

    fn shared(&self) -> Result<&Shared, RegistryError> {
        self.opened().map(|open| &*open.shared)
    }
}

/// How it is.
impl Registry {
    /// Whether changes can be made: the registry is loaded, and its store has not failed.
    pub fn is_healthy(&self) -> bool {
        self.0.get().is_some_and(|open| !open.shared.failed.load(Ordering::Acquire))
    }

    /// How many registrations there are.
    pub fn count(&self) -> usize {
        self.0.get().map_or(0, |open| open.shared.len())
    }

    /// Bytes on the heap by part, with what is in reserve: all that grows with the registrations.
    pub fn memory_bytes(&self) -> Vec<(&'static str, usize)> {
        let Ok(Shared { facts, cross_border, saved_places, names, claims, places, .. }) = self.shared() else {
            return Vec::new();
        };
        let rows = facts.memory_bytes() + cross_border.memory_bytes() + saved_places.memory_bytes();
        let names = names.memory_bytes() + claims.memory_bytes();
        vec![("facts", rows), ("names", names), ("places", places.memory_bytes())]
    }
}

/// Changes: each is durable when its call returns.
impl Registry {
    /// Registers an app on a device (R-B1).
    pub async fn register(&self, new: NewRegistration) -> Result<Registered, RegistryError> {
        self.batch_register(vec![new]).await?.pop().unwrap_or(Err(RegistryError::Stopped))
    }

    /// Registers many, in order; each has its own answer.
    pub async fn batch_register(
        &self,
        new: Vec<NewRegistration>,
    ) -> Result<Vec<Result<Registered, RegistryError>>, RegistryError> {
        let changes = new.into_iter().map(|new| Change::Register(Box::new(new))).collect();
        let read = |done| match done? {
            Done::Registered(registered) => Ok(*registered),
            _ => Err(RegistryError::Stopped),
        };
        Ok(self.submit(changes).await?.into_iter().map(read).collect())
    }

    /// Changes what a registration says of its device.
    pub async fn update(&self, name: &RegistrationName, change: RegistrationChange) -> Result<Updated, RegistryError> {
        match self.change(Change::Update(self.slot(name)?, Box::new(change))).await? {
            Done::Updated(updated) => Ok(*updated),
            _ => Err(RegistryError::Stopped),
        }
    }

    /// Deletes a registration. Nothing of it can be read from the answer on; its slot is not given again.
    pub async fn delete(&self, name: &RegistrationName) -> Result<Slot, RegistryError> {
        let slot = self.slot(name)?;
        self.change(Change::Delete(slot)).await?;
        Ok(slot)
    }

    /// Sets where a phone is, as of `at`, or forgets it.
    pub async fn report_place(
        &self,
        name: &RegistrationName,
        place: Option<(Footprint, Timestamp)>,
    ) -> Result<Slot, RegistryError> {
        let slot = self.slot(name)?;
        self.change(Change::Place(slot, place)).await?;
        Ok(slot)
    }

    /// Sets where many phones are, in order; each has its own answer.
    pub async fn report_places(
        &self,
        reports: Vec<(RegistrationName, Option<(Footprint, Timestamp)>)>,
    ) -> Result<Vec<Result<Slot, RegistryError>>, RegistryError> {
        let slots = self.slots(reports.iter().map(|(name, _)| name))?;
        let known = slots.iter().zip(&reports).filter_map(|(slot, (_, place))| Some((*slot.as_ref().ok()?, *place)));
        let changes = known.map(|(slot, place)| Change::Place(slot, place)).collect();
        let mut done = self.submit(changes).await?.into_iter();
        let result = |slot: Result<Slot, RegistryError>| {
            let slot = slot?;
            done.next().unwrap_or(Err(RegistryError::Stopped))?;
            Ok(slot)
        };
        Ok(slots.into_iter().map(result).collect())
    }

    /// Records a grant; it takes the place of an earlier one for the same purpose.
    pub async fn grant(&self, name: &RegistrationName, consent: Consent) -> Result<Slot, RegistryError> {
        let slot = self.slot(name)?;
        self.change(Change::Grant(slot, consent)).await?;
        Ok(slot)
    }

    /// Records a withdrawal. It holds for everything planned after this returns (R-P2).
    pub async fn withdraw(&self, name: &RegistrationName, purpose: Purpose) -> Result<(), RegistryError> {
        self.change(Change::Withdraw(self.slot(name)?, purpose)).await.map(drop)
    }

    /// Admits a partner.
    pub async fn create_partner(&self, name: PartnerName, display_name: String) -> Result<Profile, RegistryError> {
        let profile = Profile { display_name, created: self.shared()?.now() };
        self.change(Change::AddPartner(name, profile.clone())).await?;
        Ok(profile)
    }

    /// Adds an app to a partner.
    pub async fn create_app(&self, name: AppName, display_name: String) -> Result<Profile, RegistryError> {
        let profile = Profile { display_name, created: self.shared()?.now() };
        self.change(Change::AddApp(name, profile.clone())).await?;
        Ok(profile)
    }

    async fn change(&self, change: Change) -> Result<Done, RegistryError> {
        self.submit(vec![change]).await?.pop().unwrap_or(Err(RegistryError::Stopped))
    }

    async fn submit(&self, changes: Vec<Change>) -> Result<Results, RegistryError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let Open { jobs, room, .. } = self.opened()?;
        let size = changes.len().min(ROOM) as u32;
        let room = Arc::clone(room).acquire_many_owned(size).await.map_err(|_| RegistryError::Stopped)?;
        let (reply, results) = oneshot::channel();
        let job = Job::Change(changes, Some(Caller { reply, room }));
        jobs.send(job).await.map_err(|_| RegistryError::Stopped)?;
        results.await.map_err(|_| RegistryError::Stopped)
    }
}

impl Shared {
    fn open(
        config: &Config,
        index: Arc<Index>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        progress: &Progress,
    ) -> Result<(Self, Loaded), RegistryError> {
        std::fs::create_dir_all(&config.dir).map_err(RegistryError::Folder)?;
        let store = Store::open(&config.dir.join("store"), config.cache_bytes)?;
        let state = load::state(&store)?;
        let shared = Self {
            keys: Keys::open(&config.dir.join("identity.key"), state.is_none())?,
            store,
            facts: FactsTable::with_capacity(config.capacity),
            cross_border: GrantTable::with_capacity(config.capacity),
            saved_places: GrantTable::with_capacity(config.capacity),
            policies: Policies::new(),
            place_lifetime: config.place_lifetime,
            languages: Languages::default(),
            wishes: Wishes::default(),
            names: Names::default(),
            claims: Claims::default(),
            settling: Settling { wait: config.claim_wait, links: Arc::clone(&config.links) },
            key_overlap: config.key_overlap,
            audit: config.audit.as_ref().map(|(audit, _)| audit.clone()),
            directory: RwLock::default(),
            places: Places::new(index, config.capacity),
            zones: Zones::new(config.most_inside),
            most_zones: config.most_zones,
            logs: Logs::default(),
            event_limits: config.events,
            webhooks: Webhooks::default(),
            clock,
            metrics,
            failed: AtomicBool::new(false),
        };
        let around = Around {
            places: &config.dir.join("places"),
            witness: Witness::open(&config.dir.join("commits"))?,
            limits: config.limits,
            audit: config.audit.as_ref(),
            progress,
        };
        let loaded = load::load(&shared, state, around)?;
        Ok((shared, loaded))
    }

    /// The server's time, as exactly as it is kept.
    fn now(&self) -> Timestamp {
        records::instant(self.clock.now().as_microsecond())
    }

    /// How many registrations there are.
    fn len(&self) -> usize {
        self.names.len() + self.claims.len()
    }

    /// The row that planning reads.
    fn row_of(&self, slot: Slot, record: &RegistrationRecord) -> Facts {
        records::facts(slot, record, &self.languages, &self.wishes, self.clock.now())
    }

    /// Where a phone is.
    fn position(&self, slot: Slot) -> Option<Footprint> {
        self.places.index().position(PlaceId::live(slot))
    }

    /// Counts for operators.
    fn count(&self) {
        self.metrics.registrations.set(self.len() as i64);
        self.metrics.places.set(self.places.len() as i64);
    }

    fn app_slot(&self, name: &AppName) -> Result<AppSlot, RegistryError> {
        let directory = self.directory.read();
        if directory.partner(&name.partner).is_none() {
            return Err(RegistryError::UnknownPartner);
        }
        directory.app(name).map(|(slot, _)| *slot).ok_or(RegistryError::UnknownApp)
    }
}

#[cfg(test)]
mod tests;
