//! The registry as doors and fan-outs see it: what is held, what is found, what is gone, and what is still there after
//! it was opened again.

mod bytes;
mod claims;
mod consents;
mod damage;
#[path = "../../../tests/it/support/encodings.rs"]
mod encodings;
mod events;
mod identity;
mod model;
mod place_log;
mod places;
mod preferences;
mod rotation;
mod saved;
mod tokens;
mod uses;
mod webhooks;
mod zones;

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::endings::Search;
use super::place_log::{Entry, PlaceLog};
use super::records::slot_key;
use super::store::Space;
use super::*;
use crate::domain::{
    ChannelKind, Cid, ConsentOrigin, DeviceIdentifier, DeviceTraits, IdentifierKind, Language, ManualClock, PlaceId,
    PlacePrecision, Platform, PolicyVersion, Position, Preferences, Private, SignedDuration, Token,
};
use crate::wire::storage_v1::RegistrationRecord;

/// When the clock of every test starts.
const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

/// A registry in a folder of its own, on a clock that stands until a test sets it. Two partners: `news` with the apps
/// `alpha` and `beta`, `maps` with `routes`.
struct House {
    folder: TempDir,
    clock: Arc<ManualClock>,
    limits: Limits,
    claim_wait: Duration,
    key_overlap: Duration,
    links: Arc<Linked>,
    events: EventLimits,
    most_inside: u64,
    runtime: Runtime,
    open: Option<Open>,
}

/// Links as a test says that they are, and those that were ended.
#[derive(Debug, Default)]
struct Linked(Mutex<(BTreeSet<Slot>, Vec<Slot>)>);

impl Links for Linked {
    fn is_linked(&self, slot: Slot) -> bool {
        self.0.lock().0.contains(&slot)
    }

    fn dismiss(&self, slot: Slot) {
        let (links, dismissed) = &mut *self.0.lock();
        links.remove(&slot);
        dismissed.push(slot);
    }
}

struct Open {
    registry: Registry,
    index: Arc<Index>,
    tasks: Tasks,
}

impl House {
    fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    /// One whose log of places is compacted at other times.
    fn with(limits: Limits) -> Self {
        Self::with_waits(limits, CLAIM_WAIT, KEY_OVERLAP)
    }

    /// The same, where claims wait and keys stay for as long as is said.
    fn with_waits(limits: Limits, claim_wait: Duration, key_overlap: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (clock, events, links) = (Arc::new(ManualClock::at(NOON)), EventLimits::default(), Arc::default());
        let most_inside = Config::new(folder.path().to_owned()).most_inside;
        let mut house =
            Self { folder, clock, limits, claim_wait, key_overlap, links, events, most_inside, runtime, open: None };
        house.open = Some(house.try_open().expect("it opens"));
        for partner in ["news", "maps"].map(partner) {
            house.make(|registry| registry.create_partner(partner, String::new())).expect("it is new");
        }
        for name in [ALPHA, BETA, ROUTES].map(app) {
            house.make(|registry| registry.create_app(name, String::new())).expect("it is new");
        }
        house
    }

    fn try_open(&self) -> Result<Open, RegistryError> {
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let index = Arc::new(Index::new());
        let clock = Arc::clone(&self.clock);
        let config = Config {
            cache_bytes: 1 << 20,
            limits: self.limits,
            claim_wait: self.claim_wait,
            key_overlap: self.key_overlap,
            links: Arc::clone(&self.links) as _,
            events: self.events,
            most_inside: self.most_inside,
            ..Config::new(self.folder.path().to_owned())
        };
        let registry = Registry::open(&config, Arc::clone(&index), clock, metrics, &tasks)?;
        Ok(Open { registry, index, tasks })
    }

    /// What is on disk, read and not run.
    fn load(&self) -> (Shared, Loaded) {
        let metrics = Arc::new(Metrics::new());
        let config = Config { cache_bytes: 1 << 20, ..Config::new(self.folder.path().to_owned()) };
        Shared::open(&config, Arc::new(Index::new()), Arc::clone(&self.clock) as _, metrics, &Progress::default())
            .expect("it opens")
    }

    fn close(&mut self) {
        let Some(Open { registry, tasks, .. }) = self.open.take() else { return };
        drop(registry);
        self.runtime.block_on(tasks.wait(Duration::from_mins(2))).expect("it closes in time");
    }

    fn reopen(&mut self) {
        self.close();
        self.open = Some(self.try_open().expect("it opens"));
    }

    fn registry(&self) -> &Registry {
        &self.open.as_ref().expect("it is open").registry
    }

    fn index(&self) -> &Index {
        &self.open.as_ref().expect("it is open").index
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for a change.
    fn make<'a, F: Future + 'a>(&'a self, change: impl FnOnce(&'a Registry) -> F) -> F::Output {
        self.runtime.block_on(change(self.registry()))
    }

    fn register(&self, new: NewRegistration) -> Registered {
        self.make(|registry| registry.register(new)).expect("it is registered")
    }

    /// What the keeper does each minute.
    fn look(&self) {
        let changes = self.registry().shared().expect("loaded").look(&mut Search::default());
        self.submit(changes);
        self.submit(self.registry().shared().expect("loaded").look_at_claims());
        // First all that is left of a key, then the key.
        for _ in 0..2 {
            let look = |change| self.submit(vec![Change::Key(change)]);
            self.registry().shared().expect("loaded").look_at_keys(look).expect("the store is well");
        }
    }

    fn submit(&self, mut changes: Vec<Change>) {
        // Whatever was asked for before is made when this is.
        changes.push(Change::Expire(Slot(0)));
        let done = self.make(|registry| registry.submit(changes)).expect("it is running");
        assert!(done.iter().all(Result::is_ok));
    }

    /// Whether the disk has a place of the registration that would be taken up at the next start.
    fn place_is_on_disk(&self, slot: Slot) -> bool {
        let shared = self.registry().shared().expect("loaded");
        let record = shared.store.get(Space::Registrations, slot_key(slot)).expect("well");
        let Some(record) = record else { return false };
        let record: RegistrationRecord = prost::Message::decode(&*record).expect("well-formed");
        let copy = copied(&self.folder.path().join("places"));
        let mut found = false;
        let see = |entry: Entry| found |= entry.slot == slot && entry.counts(record.place_commit);
        drop(PlaceLog::open(copy.path(), Limits::DEFAULT, see).expect("it is whole"));
        found
    }

    /// Where the index has the phone.
    fn place(&self, slot: Slot) -> Option<Footprint> {
        self.index().position(PlaceId::live(slot))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.close();
    }
}

/// A copy of a folder without folders in it.
fn copied(folder: &std::path::Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(folder).expect("it is there") {
        let file = file.expect("it can be listed");
        // One that is being made may have got its name meanwhile.
        let _ = std::fs::copy(file.path(), copy.path().join(file.file_name()));
    }
    copy
}

const ALPHA: &str = "partners/news/apps/alpha";
const BETA: &str = "partners/news/apps/beta";
const ROUTES: &str = "partners/maps/apps/routes";

fn app(name: &str) -> AppName {
    name.parse().expect("well-formed")
}

fn partner(id: &str) -> PartnerName {
    PartnerName::new(id).expect("well-formed")
}

fn traits(languages: &[&str]) -> DeviceTraits {
    DeviceTraits {
        platform: Platform::Android,
        brand: "Acme".into(),
        model: "One".into(),
        os_version: "17".into(),
        app_version: "5.1".into(),
        languages: languages.iter().map(|tag| Language::parse(tag).expect("a tag")).collect(),
        time_zone: "Asia/Tokyo".into(),
    }
}

/// A registration without anything that it may be without.
fn bare(name: &str) -> NewRegistration {
    NewRegistration {
        app: app(name),
        request: None,
        traits: traits(&["ja"]),
        identifiers: Vec::new(),
        earlier_secret: None,
        vouched: false,
        tokens: Vec::new(),
        consents: Vec::new(),
        drills: false,
        preferences: Preferences::default(),
        under_14: false,
        place_precision: PlacePrecision::Exact,
        place: None,
    }
}

/// A registration with consents, an address and a place, of a device that offers `android_id`.
fn full(name: &str, android_id: &str) -> NewRegistration {
    NewRegistration {
        identifiers: vec![identifier(IdentifierKind::AndroidId, android_id)],
        tokens: vec![token(ChannelKind::Fcm, "fcm-1")],
        consents: vec![consent(Purpose::EmergencyPush, None), consent(Purpose::Location, None)],
        drills: true,
        place: Some((point(139.7, 35.6), NOON)),
        ..bare(name)
    }
}

fn identifier(kind: IdentifierKind, value: &str) -> DeviceIdentifier {
    DeviceIdentifier { kind, value: Private::new(value.to_owned()) }
}

fn token(channel: ChannelKind, value: &str) -> Token {
    Token { channel, value: Private::new(value.to_owned()) }
}

fn consent(purpose: Purpose, expires: Option<Timestamp>) -> Consent {
    let origin = ConsentOrigin("first-run dialog".to_owned());
    Consent {
        purpose,
        policy: PolicyVersion(3),
        granted: NOON - SignedDuration::from_hours(1),
        expires,
        origin,
        guardian: None,
    }
}

fn point(lon: f64, lat: f64) -> Footprint {
    Footprint::Point(Private::new(Position::from_degrees(lon, lat).expect("on the globe")))
}
