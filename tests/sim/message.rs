//! Alerts made for a test.

use hazardcast::decide::Authority;
use hazardcast::domain::{
    Actor, Alert, AlertId, AlertRef, AlertScope, Area, Body, Caller, Category, Certainty, EventKey, Ground, Identifier,
    Info, InfoTexts, Language, Mode, NamedValue, NonEmpty, Polygon, Priority, Ring, Sender, Severity, StateScope,
    Subject, Timestamp, Urgency,
};
use hazardcast::intake::Submission;
use hazardcast::locate::Atlas;

/// One info: an area with a priority.
#[derive(Debug, Clone)]
pub(crate) struct Tier {
    pub(crate) area: Area,
    pub(crate) priority: Priority,
    /// What it is of; not said: anything.
    pub(crate) hazard: Option<Category>,
    pub(crate) expires: Timestamp,
}

/// A message of the tests' one sender.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) identifier: String,
    pub(crate) sent: Timestamp,
    pub(crate) mode: Mode,
    pub(crate) references: Vec<(String, Timestamp)>,
    /// The event that it is of, and its number in it.
    pub(crate) event: Option<(String, u32)>,
    pub(crate) says: Says,
}

/// What a message does.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Warn(Vec<Tier>),
    Cancel,
    /// All that is on in a territory, each of a hazard.
    State(String, Vec<(&'static str, Tier)>),
}

impl Message {
    /// A first warning.
    pub(crate) fn warning(identifier: &str, sent: Timestamp, tiers: Vec<Tier>) -> Self {
        let says = Says::Warn(tiers);
        let (identifier, references) = (identifier.to_owned(), Vec::new());
        Self { identifier, sent, mode: Mode::Actual, references, event: None, says }
    }

    /// What takes the place of this message, or of several.
    pub(crate) fn followed_by(&self, identifier: &str, sent: Timestamp, says: Says) -> Self {
        let references = vec![(self.identifier.clone(), self.sent)];
        Self { identifier: identifier.to_owned(), sent, mode: self.mode, references, event: None, says }
    }

    pub(crate) fn submission(&self) -> Submission {
        let references = self.references.iter().map(|(name, sent)| AlertRef { id: id(name, *sent) });
        let of_hazard = |(hazard, tier): &(&str, Tier)| {
            let code = NamedValue { name: Info::HAZARD.into(), value: (*hazard).to_owned() };
            Info { event_codes: vec![code], ..info(tier) }
        };
        let infos = match &self.says {
            Says::Warn(tiers) => tiers.iter().map(info).collect(),
            Says::Cancel => Vec::new(),
            Says::State(_, on) => on.iter().map(of_hazard).collect(),
        };
        let body = match (&self.says, NonEmpty::new(infos)) {
            (Says::State(scope, _), infos) => {
                let infos = infos.map(|infos| infos.to_vec()).unwrap_or_default();
                Body::State { scope: StateScope(scope.as_str().into()), infos }
            }
            (Says::Warn(_), Some(infos)) if self.references.is_empty() => Body::Issue(infos),
            (Says::Warn(_), Some(infos)) => Body::Update(infos),
            _ => Body::Cancel(Vec::new()),
        };
        let event = self.event.as_ref().map(|(name, serial)| EventKey {
            scheme: "test/one".into(),
            key: name.as_str().into(),
            serial: Some(*serial),
        });
        let alert = Alert {
            id: id(&self.identifier, self.sent),
            mode: self.mode,
            subject: Subject { references: references.collect(), event, ..Subject::default() },
            scope: AlertScope::Public,
            codes: Vec::new(),
            note: None,
            body,
        };
        let raw = self.identifier.clone().into_bytes().into();
        let actor = Actor::from(&Caller::Development);
        Submission::new(
            alert,
            raw,
            "text/plain".to_owned(),
            Authority::development(),
            actor,
            self.sent,
            &Atlas::default(),
        )
    }
}

fn id(name: &str, sent: Timestamp) -> AlertId {
    let sender = Sender::new("test@example.org").expect("a sender");
    AlertId { sender, identifier: Identifier::new(name).expect("an identifier"), sent }
}

fn info(tier: &Tier) -> Info {
    let (urgency, severity, certainty) = match tier.priority {
        Priority::LifeThreat => (Urgency::Immediate, Severity::Extreme, Certainty::Observed),
        Priority::Warning => (Urgency::Future, Severity::Severe, Certainty::Likely),
        Priority::Advisory => (Urgency::Future, Severity::Moderate, Certainty::Likely),
        Priority::Information => (Urgency::Future, Severity::Minor, Certainty::Likely),
    };
    assert_eq!(Priority::of(urgency, severity, certainty), tier.priority);
    Info {
        language: Language::parse("en").expect("a tag"),
        categories: tier.hazard.into_iter().collect(),
        event: "Storm".to_owned(),
        response_types: Vec::new(),
        urgency,
        severity,
        certainty,
        event_codes: Vec::new(),
        effective: None,
        onset: None,
        expires: Some(tier.expires),
        texts: InfoTexts::default(),
        parameters: Vec::new(),
        ground: Ground::Areas(NonEmpty::of(tier.area.clone())),
    }
}

/// The ground within a ring of `[lon, lat]` points.
pub(crate) fn ring(points: &[[f64; 2]]) -> Area {
    let outer = Ring::new(points.iter().copied()).expect("a ring");
    Area { polygons: vec![Polygon { outer, holes: Vec::new() }], ..Area::default() }
}

/// The ground between two corners.
pub(crate) fn block([west, south]: [f64; 2], [east, north]: [f64; 2]) -> Area {
    ring(&[[west, south], [east, south], [east, north], [west, north]])
}
