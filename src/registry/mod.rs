//! Registrations, what their people agreed to, and where they are.
//!
//! [`Registry`] is the handle that doors and fan-outs have. What the hot path needs is in memory: a row of facts by
//! slot ([`FactsTable`]), languages by number, places in the [`Index`]. The rest is in a durable store of its own
//! files. One writer makes changes durable, many at a time; what gives something is visible when it is durable, what
//! takes something away at once.
//!
//! No place is in the index without its person's consent (R-P1). Whether an emergency may be told is read from the row
//! at the moment of planning.

mod change;
mod directory;
mod error;
mod facts;
mod identity;
mod keeper;
mod languages;
mod limits;
mod load;
mod records;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::RwLock;
use prost::Message;
use tokio::sync::{mpsc, oneshot};

use crate::domain::{
    AppName, AppSlot, ChannelKind, Cid, Clock, Consent, Footprint, Language, LinkSecret, NewRegistration, PartnerName,
    Private, Purpose, Registration, RegistrationName, Slot, Timestamp, Token,
};
use crate::locate::Index;
use crate::metrics::Metrics;
use crate::plan::{Facts, LanguageId};
use crate::tasks::Tasks;
use crate::wire::storage_v1::{PlaceRecord, RegistrationRecord, TokenRecord};

use change::{Change, Done};
use directory::Directory;
use identity::Keys;
use records::{app_of, slot_key, token_key};
use store::{Space, Store, damaged};
use writer::Job;

pub use change::RegistrationChange;
pub use directory::Profile;
pub use error::RegistryError;
pub use facts::FactsTable;
pub use languages::Languages;

/// How many jobs may wait for the writer; a door that finds it full waits.
const JOBS: usize = 1_024;

/// The most registrations or reports in one call.
pub const BATCH: usize = 1_000;

/// Where the registry is, and its size.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder; it is made if it is not there.
    pub dir: PathBuf,
    /// The most registrations.
    pub capacity: u32,
    /// Memory for blocks of the store, bytes.
    pub cache_bytes: u64,
}

impl Config {
    /// A registry in `dir` with room for 16 million registrations.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, capacity: 16 << 20, cache_bytes: 64 << 20 }
    }
}

/// A handle of the registry: cheap to clone. When the last is dropped the writer ends.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

/// What readers and the writer share.
struct Shared {
    store: Store,
    keys: Keys,
    facts: FactsTable,
    languages: Languages,
    names: DashMap<Cid, Slot, foldhash::fast::RandomState>,
    directory: RwLock<Directory>,
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
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
}

impl Registry {
    /// Opens the registry: reads it into memory, puts places into `index` and starts the writer.
    pub fn open(
        config: &Config,
        index: Arc<Index>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tasks: &Tasks,
    ) -> Result<Self, RegistryError> {
        std::fs::create_dir_all(&config.dir).map_err(RegistryError::Folder)?;
        let store = Store::open(&config.dir.join("store"), config.cache_bytes)?;
        let fresh = store.get(Space::Meta, store::Key::new(&[b"state"]))?.is_none();
        let shared = Arc::new(Shared {
            keys: Keys::open(&config.dir.join("identity.key"), fresh)?,
            store,
            facts: FactsTable::with_capacity(config.capacity),
            languages: Languages::default(),
            names: DashMap::default(),
            directory: RwLock::default(),
            index,
            clock,
            metrics,
        });
        let next_slot = load::load(&shared)?;
        let (jobs, waiting) = mpsc::channel(JOBS);
        let writers = Arc::clone(&shared);
        tasks.thread("registry", move || writer::run(&writers, waiting, next_slot)).map_err(RegistryError::Folder)?;
        Ok(Self { shared, jobs })
    }
}

/// What the hot path asks: no lock, no wait.
impl Registry {
    /// The row of a slot; the empty one where there is no registration.
    pub fn facts(&self, slot: Slot) -> Facts {
        self.shared.facts.row(slot)
    }

    /// The language with this number.
    pub fn language(&self, id: LanguageId) -> Option<Language> {
        self.shared.languages.language(id)
    }

    /// The address of a registration at a vendor.
    pub fn token(&self, slot: Slot, channel: ChannelKind) -> Option<Token> {
        let payload = self.shared.store.get(Space::Tokens, token_key(slot, channel)).ok()??;
        let record = TokenRecord::decode(&*payload).ok()?;
        Some(Token { channel, value: Private::new(record.value) })
    }

    /// Removes an address that its vendor says is gone (R-B4). Nobody waits for it: if the writer is too busy, the
    /// vendor will say so again.
    pub fn forget_token(&self, slot: Slot, channel: ChannelKind) {
        let _ = self.jobs.try_send(Job { changes: vec![Change::ForgetToken(slot, channel)], reply: None });
    }

    /// How many registrations there are.
    pub fn count(&self) -> usize {
        self.shared.names.len()
    }
}

/// Changes: each is durable when its call returns.
impl Registry {
    /// Registers an app on a device (R-B1).
    pub async fn register(&self, new: NewRegistration) -> Result<Registered, RegistryError> {
        match self.change(Change::Register(Box::new(new))).await? {
            Done::Registered(registered) => Ok(*registered),
            Done::Changed => Err(RegistryError::Stopped),
        }
    }

    /// Registers up to [`BATCH`], in order; each has its own answer.
    pub async fn batch_register(
        &self,
        new: Vec<NewRegistration>,
    ) -> Result<Vec<Result<Registered, RegistryError>>, RegistryError> {
        let changes = new.into_iter().map(|new| Change::Register(Box::new(new))).collect();
        let read = |done| match done {
            Ok(Done::Registered(registered)) => Ok(*registered),
            Ok(Done::Changed) => Err(RegistryError::Stopped),
            Err(error) => Err(error),
        };
        Ok(self.submit(changes).await?.into_iter().map(read).collect())
    }

    /// Changes what a registration says of its device.
    pub async fn update(
        &self,
        name: &RegistrationName,
        change: RegistrationChange,
    ) -> Result<Registration, RegistryError> {
        let slot = self.slot(name)?;
        self.change(Change::Update(slot, change)).await?;
        self.get(name)
    }

    /// Deletes a registration. Nothing of it can be read from the answer on; its slot is not given again.
    pub async fn delete(&self, name: &RegistrationName) -> Result<(), RegistryError> {
        self.change(Change::Delete(self.slot(name)?)).await.map(drop)
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

    /// Sets where up to [`BATCH`] phones are; each has its own answer.
    pub async fn report_places(
        &self,
        reports: Vec<(RegistrationName, Option<(Footprint, Timestamp)>)>,
    ) -> Result<Vec<Result<Slot, RegistryError>>, RegistryError> {
        let slots: Vec<_> = reports.iter().map(|(name, _)| self.slot(name)).collect();
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
        limits::check_display_name("partner.display_name", &display_name)?;
        let profile = Profile { display_name, created: self.shared.clock.now() };
        self.change(Change::AddPartner(name, profile.clone())).await?;
        Ok(profile)
    }

    /// Adds an app to a partner.
    pub async fn create_app(&self, name: AppName, display_name: String) -> Result<Profile, RegistryError> {
        limits::check_display_name("app.display_name", &display_name)?;
        let profile = Profile { display_name, created: self.shared.clock.now() };
        self.change(Change::AddApp(name, profile.clone())).await?;
        Ok(profile)
    }

    async fn change(&self, change: Change) -> Result<Done, RegistryError> {
        self.submit(vec![change]).await?.pop().unwrap_or(Err(RegistryError::Stopped))
    }

    async fn submit(&self, changes: Vec<Change>) -> Result<writer::Results, RegistryError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        if changes.len() > BATCH {
            return Err(RegistryError::invalid("requests", "more than 1,000"));
        }
        let (reply, results) = oneshot::channel();
        let job = Job { changes, reply: Some(reply) };
        self.jobs.send(job).await.map_err(|_| RegistryError::Stopped)?;
        results.await.map_err(|_| RegistryError::Stopped)
    }
}

/// What doors read.
impl Registry {
    /// A registration.
    pub fn get(&self, name: &RegistrationName) -> Result<Registration, RegistryError> {
        let slot = self.slot(name)?;
        self.read(slot)
    }

    /// Whose link this is, if the secret is right. A wrong name and a wrong secret are answered alike.
    pub fn authenticate(&self, name: &RegistrationName, secret: &LinkSecret) -> Option<Slot> {
        let slot = self.slot(name).ok()?;
        let record = self.record(slot).ok()?;
        identity::is_secret(secret, &record.secret_sha256).then_some(slot)
    }

    /// An app's registrations in the order in which they were made, up to `most`, and where to go on.
    pub fn list(
        &self,
        app: &AppName,
        most: usize,
        page_token: &str,
    ) -> Result<(Vec<Registration>, Option<String>), RegistryError> {
        let app = self.shared.app_slot(app)?;
        let first = match page_token {
            "" => Slot(0),
            token => {
                let slot = self.shared.keys.page_slot(app, token);
                slot.ok_or_else(|| RegistryError::invalid("page_token", "is not of this listing"))?
            }
        };
        let mut found = Vec::new();
        for item in self.shared.store.range(Space::Registrations, slot_key(first), slot_key(Slot(u32::MAX))) {
            let (key, payload) = item?;
            let bad = || damaged(Space::Registrations, &key, "malformed");
            let slot = records::slot_of(&key).ok_or_else(bad)?;
            let record = RegistrationRecord::decode(&*payload).map_err(|_| bad())?;
            if app_of(&record) != app {
                continue;
            }
            if found.len() == most {
                return Ok((found, Some(self.shared.keys.page_token(app, slot, rand::random()))));
            }
            found.push(self.read(slot)?);
        }
        Ok((found, None))
    }

    /// A partner.
    pub fn partner(&self, name: &PartnerName) -> Result<Profile, RegistryError> {
        self.shared.directory.read().partner(name).cloned().ok_or(RegistryError::UnknownPartner)
    }

    /// Partners by name, from `first` on, up to `most`.
    pub fn partners(&self, first: Option<&PartnerName>, most: usize) -> Vec<(PartnerName, Profile)> {
        let directory = self.shared.directory.read();
        directory.partners(first).take(most).map(|(name, profile)| (name.clone(), profile.clone())).collect()
    }

    /// An app.
    pub fn app(&self, name: &AppName) -> Result<Profile, RegistryError> {
        let directory = self.shared.directory.read();
        directory.app(name).map(|(_, profile)| profile.clone()).ok_or(RegistryError::UnknownApp)
    }

    /// A partner's apps by name, from `first` on, up to `most`.
    pub fn apps(
        &self,
        partner: &PartnerName,
        first: Option<&AppName>,
        most: usize,
    ) -> Result<Vec<(AppName, Profile)>, RegistryError> {
        self.partner(partner)?;
        let directory = self.shared.directory.read();
        let apps = directory.apps(partner, first).take(most);
        Ok(apps.map(|(name, profile)| (name.clone(), profile.clone())).collect())
    }

    /// The slot of a registration.
    pub fn slot(&self, name: &RegistrationName) -> Result<Slot, RegistryError> {
        let app = self.shared.app_slot(&name.app).map_err(|_| RegistryError::NotFound)?;
        let slot = self.shared.names.get(&name.cid).map(|slot| *slot).ok_or(RegistryError::NotFound)?;
        if self.facts(slot).app == app.0 { Ok(slot) } else { Err(RegistryError::NotFound) }
    }

    fn record(&self, slot: Slot) -> Result<RegistrationRecord, RegistryError> {
        let payload = self.shared.store.get(Space::Registrations, slot_key(slot))?.ok_or(RegistryError::NotFound)?;
        let bad = |_| damaged(Space::Registrations, &slot.0.to_be_bytes(), "malformed");
        RegistrationRecord::decode(&*payload).map_err(bad)
    }

    fn read(&self, slot: Slot) -> Result<Registration, RegistryError> {
        let record = self.record(slot)?;
        let place = match self.shared.store.get(Space::Places, slot_key(slot))? {
            None => None,
            Some(payload) => {
                let bad = |_| damaged(Space::Places, &slot.0.to_be_bytes(), "malformed");
                let record = PlaceRecord::decode(&*payload).map_err(bad)?;
                records::read_place(&record).map(|place| (place, records::instant(record.reported_us)))
            }
        };
        let tokens = records::channels(&record).filter_map(|channel| self.token(slot, channel)).collect();
        self.shared.assemble(slot, &record, place, tokens)
    }
}

impl Shared {
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
