//! What waits for a second person: why, how long, and what becomes of it when nobody answers.
//!
//! Only what would be admitted is held: what is refused or changes nothing is answered as ever. While an alert is held,
//! nobody is told. It is decided anew at the moment at which it is released, so that one that has expired or been
//! superseded meanwhile is not sent.

use std::fmt;

use compact_str::CompactString;

use crate::domain::{Actor, Alert, AlertId, Category, Hazards, Mode, NonEmpty, Priority, SignedDuration, Timestamp};

use super::{Breach, Bulletin};

/// The number that a held alert is named by: `heldAlerts/{number}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeldId(pub u64);

impl fmt::Display for HeldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "heldAlerts/{}", self.0)
    }
}

/// What kind of doubt an alert is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HoldKind {
    /// It is for real by its status, and its text says that it is a test or an exercise.
    TestWord,
    /// It is for real by its status, and one of its codes is that of a test.
    TestCode,
    /// It reaches more devices than its authority may reach alone.
    OverReach,
    /// A person typed it.
    Typed,
    /// It goes beyond what its authority was admitted for.
    BeyondAuthority,
    /// Its authority sends more often than it may.
    OverRate,
}

impl HoldKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::TestWord, Self::TestCode, Self::OverReach, Self::Typed, Self::BeyondAuthority, Self::OverRate];

    /// The reason in one word of the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TestWord => "TEST_WORD",
            Self::TestCode => "TEST_CODE",
            Self::OverReach => "OVER_REACH",
            Self::Typed => "TYPED",
            Self::BeyondAuthority => "BEYOND_AUTHORITY",
            Self::OverRate => "OVER_RATE",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it says that the alert may not be meant at all, or is beyond what its authority was admitted for, rather
    /// than that two are to agree on it.
    pub const fn is_contradiction(self) -> bool {
        matches!(self, Self::TestWord | Self::TestCode | Self::BeyondAuthority | Self::OverRate)
    }
}

/// One reason to hold an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReason {
    /// What kind.
    pub kind: HoldKind,
    /// The field that it is about: `info[0].headline`.
    pub field: CompactString,
    /// What stands there.
    pub found: CompactString,
}

impl From<&Breach> for HoldReason {
    fn from(breach: &Breach) -> Self {
        let kind = if *breach == Breach::Rate { HoldKind::OverRate } else { HoldKind::BeyondAuthority };
        let (field, found) = (breach.field().into(), breach.to_string().into());
        Self { kind, field, found }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.field, self.found, self.kind.name())
    }
}

/// An alert that would be admitted and waits for a person.
#[derive(Debug, Clone)]
pub struct Held {
    /// Why; one or more.
    pub reasons: NonEmpty<HoldReason>,
    /// What it would become now.
    pub bulletin: Bulletin,
}

/// What becomes of a held alert that nobody has answered for when its deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// It is sent.
    Send,
    /// It is dropped.
    Drop,
}

/// How long held alerts wait, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRules {
    /// How long one waits that is a threat to life of a geophysical kind: an earthquake leaves no more.
    pub geo_life_threat: SignedDuration,
    /// How long any other threat to life waits.
    pub life_threat: SignedDuration,
    /// How long what is less pressing waits.
    pub other: SignedDuration,
    /// Of these categories a threat to life is sent when nobody answers. All else is dropped.
    ///
    /// # Why these
    ///
    /// Shaking, water, storm and fire are seen by instruments or by many, come fast, and a warning of them that is
    /// wrong costs less than one that is missing. Of what is typed about attacks, crime, health or infrastructure a
    /// wrong one does the harm itself: Hawaii was told of a missile by one person in 2018.
    pub send: Hazards,
}

impl Default for HoldRules {
    fn default() -> Self {
        Self {
            geo_life_threat: SignedDuration::from_secs(60),
            life_threat: SignedDuration::from_mins(5),
            other: SignedDuration::from_mins(30),
            send: Hazards::of([Category::Geo, Category::Met, Category::Fire]),
        }
    }
}

impl HoldRules {
    /// When the wait for a person ends: never after the alert itself has ended.
    pub fn deadline(&self, bulletin: &Bulletin, now: Timestamp) -> Timestamp {
        let wait = match (is_life_threat(bulletin), hazards(bulletin).meets(Hazards::of([Category::Geo]))) {
            (true, true) => self.geo_life_threat,
            (true, false) => self.life_threat,
            (false, _) => self.other,
        };
        now.saturating_add(wait).unwrap_or(Timestamp::MAX).min(bulletin.parts().expires)
    }

    /// What becomes of it when nobody answers. What contradicts itself is dropped, whatever it is of: a drill that was
    /// sent as real must not become real because nobody was at the desk.
    pub fn unanswered(&self, held: &Held) -> Unanswered {
        let contradiction = held.reasons.iter().any(|reason| reason.kind.is_contradiction());
        let kinds = hazards(&held.bulletin);
        let sent = is_life_threat(&held.bulletin) && kinds != Hazards::NONE && all_of(kinds, self.send);
        if sent && !contradiction { Unanswered::Send } else { Unanswered::Drop }
    }
}

fn is_life_threat(bulletin: &Bulletin) -> bool {
    bulletin.tiers().iter().any(|tier| tier.priority == Priority::LifeThreat)
}

fn hazards(bulletin: &Bulletin) -> Hazards {
    bulletin.tiers().iter().fold(Hazards::NONE, |all, tier| all.or(tier.hazards()))
}

fn all_of(some: Hazards, all: Hazards) -> bool {
    some.bits() & !all.bits() == 0
}

/// A held alert as it is kept: what the journal has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its number.
    pub id: HeldId,
    /// The alert.
    pub alert: AlertId,
    /// Its status.
    pub mode: Mode,
    /// Why it is held.
    pub reasons: NonEmpty<HoldReason>,
    /// The authority that it is from, by its name in this server.
    pub authority: String,
    /// Who sent it: the one person who may not approve it.
    pub sender: Actor,
    /// Since when.
    pub held: Timestamp,
    /// Until when a person may answer.
    pub deadline: Timestamp,
    /// What becomes of it then.
    pub unanswered: Unanswered,
}

impl Holding {
    /// Whether this caller is another person than the one who sent it. A development server knows no persons apart.
    pub fn is_second_person(&self, actor: &Actor) -> bool {
        match (&actor.credential, &self.sender.credential) {
            (Some(one), Some(other)) => one != other,
            (None, None) => actor.kind == crate::domain::ActorKind::Development && actor.kind == self.sender.kind,
            (Some(_), None) => true,
            (None, Some(_)) => false,
        }
    }

    /// Whether an alert is of the same sender and mode, and names this one as that which it changes: by a reference, or
    /// by coming under the same name again.
    pub fn is_changed_by(&self, alert: &Alert) -> bool {
        let references = &alert.subject.references;
        let names = references.iter().map(|reference| &reference.id).chain([&alert.id]);
        let own = alert.mode == self.mode && alert.id.sender == self.alert.sender && alert.id.sent >= self.alert.sent;
        own && names.into_iter().any(|id| id.sender == self.alert.sender && id.identifier == self.alert.identifier)
    }
}

/// How the wait of a held alert ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// A second person approved it.
    Approved,
    /// A second person rejected it.
    Rejected,
    /// Its deadline passed, and it was sent.
    SentUnanswered,
    /// Its deadline passed, and it was dropped.
    DroppedUnanswered,
    /// Its sender updated or cancelled it.
    Withdrawn,
}

impl Settlement {
    /// Every way.
    pub const ALL: [Self; 5] =
        [Self::Approved, Self::Rejected, Self::SentUnanswered, Self::DroppedUnanswered, Self::Withdrawn];

    /// Its name in one word of the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::SentUnanswered => "SENT_UNANSWERED",
            Self::DroppedUnanswered => "DROPPED_UNANSWERED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}
