//! Devices and the alert that reaches nine in ten of them. The same on every machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazardcast::decide::Authority;
use hazardcast::domain::{
    Actor, Alert, AlertId, AlertScope, AppName, Area, Body, Caller, Category, Certainty, ChannelKind, Clock, Consent,
    ConsentOrigin, DeviceTraits, Footprint, Ground, Identifier, Info, InfoTexts, Language, Mode, NewRegistration,
    NonEmpty, PartnerName, PlacePrecision, Platform, PolicyVersion, Polygon, Position, Preferences, Private, Purpose,
    Ring, Sender, Severity, Subject, Timestamp, Token, Urgency,
};
use hazardcast::intake::Submission;
use hazardcast::lifecycle::SystemClock;
use hazardcast::locate::{AffectedArea, Atlas, Index};
use hazardcast::metrics::Metrics;
use hazardcast::registry::{self, Registry};
use hazardcast::tasks::Tasks;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SEED: u64 = 20_261_125;

/// The middle, degrees, and how far from it devices live and the ground reaches.
const MIDDLE: [f64; 2] = [139.7, 35.7];
const LIVES_WITHIN: f64 = 2.0;
const CORNERS: u32 = 300;

/// A registry of devices who agree to everything and are reached by the null channel, and an area.
pub(super) struct Town {
    pub(super) registry: Registry,
    pub(super) index: Arc<Index>,
    pub(super) area: AffectedArea,
    places: Vec<Position>,
    ground: Area,
    tasks: Tasks,
}

impl Town {
    /// Registers them.
    pub(super) async fn new(folder: &Path, devices: usize) -> Self {
        let mut random = StdRng::seed_from_u64(SEED);
        let ground = ground(&mut random);
        let area = AffectedArea::new(std::slice::from_ref(&ground)).expect("it has ground");
        let places: Vec<Position> = (0..devices).map(|_| place(&mut random)).collect();
        let metrics = Arc::new(Metrics::new());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let index = Arc::new(Index::new());
        let config = registry::Config::new(folder.to_owned());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Registry::open(&config, Arc::clone(&index), clock, metrics, &tasks).expect("it opens");
        let app = AppName::new(PartnerName::new("dev").expect("a name"), "alpha").expect("a name");
        registry.create_partner(app.partner.clone(), String::new()).await.expect("it is new");
        registry.create_app(app.clone(), String::new()).await.expect("it is new");
        let now = SystemClock.now();
        for batch in places.chunks(registry::BATCH) {
            let batch = batch.iter().map(|at| registration(&app, *at, now)).collect();
            for answer in registry.batch_register(batch).await.expect("the registry is open") {
                answer.expect("it is in order");
            }
        }
        Self { registry, index, area, places, ground, tasks }
    }

    /// How many devices are in the area, place by place.
    pub(super) fn inside(&self) -> usize {
        self.places.iter().filter(|at| self.area.contains(**at)).count()
    }

    /// A warning of the area, as a door hands it to the desk.
    pub(super) fn submission(&self, identifier: &str) -> Submission {
        let now = SystemClock.now();
        let info = Info {
            language: Language::parse("en").expect("a tag"),
            categories: vec![Category::Met],
            event: "Storm".to_owned(),
            response_types: Vec::new(),
            urgency: Urgency::Immediate,
            severity: Severity::Severe,
            certainty: Certainty::Observed,
            event_codes: Vec::new(),
            effective: None,
            onset: None,
            expires: Some(now + Duration::from_hours(1)),
            texts: InfoTexts { headline: Some("A storm".to_owned()), ..InfoTexts::default() },
            parameters: Vec::new(),
            ground: Ground::Areas(NonEmpty::of(self.ground.clone())),
        };
        let alert = Alert {
            id: AlertId {
                sender: Sender::new("bench@example.org").expect("a sender"),
                identifier: Identifier::new(identifier).expect("an identifier"),
                sent: now,
            },
            mode: Mode::Actual,
            subject: Subject::default(),
            scope: AlertScope::Public,
            codes: Vec::new(),
            note: None,
            body: Body::Issue(NonEmpty::of(info)),
        };
        let raw = identifier.to_owned().into_bytes().into();
        let actor = Actor::from(&Caller::Development);
        Submission::new(alert, raw, "text/plain".to_owned(), Authority::development(), actor, now, &Atlas::default())
    }

    pub(super) async fn close(self) {
        let Self { registry, tasks, .. } = self;
        drop(registry);
        tasks.wait(Duration::from_mins(1)).await.expect("it ends");
    }
}

/// A jagged ring, so that there is an edge to test: it holds about nine in ten.
fn ground(random: &mut StdRng) -> Area {
    let corner = |number: u32| {
        let turn = f64::from(number) / f64::from(CORNERS) * std::f64::consts::TAU;
        let far = LIVES_WITHIN * random.random_range(1.0..1.2);
        [MIDDLE[0] + far * turn.cos(), MIDDLE[1] + far * turn.sin()]
    };
    let outer = Ring::new((0..CORNERS).map(corner)).expect("a ring");
    Area { polygons: vec![Polygon { outer, holes: Vec::new() }], ..Area::default() }
}

/// Half of them close to the middle, half anywhere in the box round it.
fn place(random: &mut StdRng) -> Position {
    let reach = if random.random_bool(0.5) { 0.2 } else { LIVES_WITHIN };
    let [lon, lat] = MIDDLE.map(|at| at + random.random_range(-reach..reach));
    Position::from_degrees(lon, lat).expect("on the globe")
}

fn registration(app: &AppName, at: Position, now: Timestamp) -> NewRegistration {
    let consent = |purpose| Consent {
        purpose,
        policy: PolicyVersion(1),
        granted: now,
        expires: None,
        origin: ConsentOrigin("bench".to_owned()),
        guardian: None,
    };
    NewRegistration {
        app: app.clone(),
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
        earlier_secret: None,
        vouched: false,
        tokens: vec![Token { channel: ChannelKind::Null, value: Private::new("null".to_owned()) }],
        consents: vec![consent(Purpose::EmergencyPush), consent(Purpose::Location)],
        drills: false,
        under_14: false,
        place_precision: PlacePrecision::Exact,
        preferences: Preferences::default(),
        place: Some((Footprint::Point(Private::new(at)), now)),
    }
}
