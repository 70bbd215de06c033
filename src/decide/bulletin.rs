//! The bulletin: proof that an alert was admitted.

use std::sync::Arc;

use compact_str::CompactString;

use crate::domain::{
    AlertId, AlertRef, DeliveryKey, EventKey, Hazards, Info, Intensity, LineageId, Mode, NonEmpty, Priority, Revision,
    Severity, StateScope, Timestamp,
};
use crate::locate::AffectedArea;

use super::Voice;

/// An admitted alert at one revision. Its fields are private, so that holding one proves that the rules passed: it is
/// made by [`super::decide`], or remade from what the journal kept of one.
#[derive(Debug, Clone)]
pub struct Bulletin(Arc<BulletinParts>);

/// What a bulletin consists of; what the journal writes and reads back.
#[derive(Debug, Clone)]
pub struct BulletinParts {
    /// The lineage that it belongs to.
    pub lineage: LineageId,
    /// Its number in the lineage.
    pub revision: Revision,
    /// The alert that it was made of.
    pub alert: AlertId,
    /// Whether it is for real.
    pub mode: Mode,
    /// What it does.
    pub content: Content,
    /// When it stops being sent.
    pub expires: Timestamp,
    /// When it was admitted, by the server's clock.
    pub admitted: Timestamp,
    /// Other lineages that it ends and whose reach it takes over: an update may refer to several.
    pub absorbs: Vec<LineageId>,
    /// The messages whose place it takes: one that comes late is not sent any more.
    pub supersedes: Vec<AlertRef>,
    /// What each source says in it; none in a cancel.
    pub voices: Vec<Voice>,
    /// The events that its sender has taken back, by its names of them, with the number of the message that did.
    pub withdraws: Vec<EventKey>,
    /// Of which whole state it is a part, if it is.
    pub state: Option<StatePart>,
}

/// One hazard of the whole state of a territory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePart {
    /// The territory.
    pub scope: StateScope,
    /// The hazard, as its source names it ([`Info::hazard`]).
    pub hazard: CompactString,
}

/// What a bulletin does.
#[derive(Debug, Clone)]
pub enum Content {
    /// Warns: tiers, highest priority first; the first that holds a place wins.
    Warn(NonEmpty<Tier>),
    /// Ends the lineage, with what its source said, if anything. It goes to those who were told.
    Cancel(Vec<Info>),
}

/// One area of a bulletin with one priority, told in one or more languages.
#[derive(Debug, Clone)]
pub struct Tier {
    /// Where.
    pub area: AffectedArea,
    /// How pressing.
    pub priority: Priority,
    /// The intensity expected, for an earthquake.
    pub intensity: Option<Intensity>,
    /// What is told; one info a language, the source's order kept.
    pub infos: NonEmpty<Info>,
}

/// A tier's position in its bulletin: 0 is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TierIndex(pub u8);

impl Bulletin {
    pub(super) fn admit(parts: BulletinParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Remakes the bulletin that was admitted before and written to the journal. Only [`crate::journal`] calls this.
    pub fn remake(parts: BulletinParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Lineage and revision.
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey { lineage: self.0.lineage, revision: self.0.revision }
    }

    /// What it consists of, to be read.
    pub fn parts(&self) -> &BulletinParts {
        &self.0
    }

    /// Tiers, highest first; none for a cancel.
    pub fn tiers(&self) -> &[Tier] {
        match &self.0.content {
            Content::Warn(tiers) => tiers,
            Content::Cancel(_) => &[],
        }
    }
}

impl Tier {
    /// How severe it is: the worst that any of its infos says. What one of them knows counts more than what another
    /// does not.
    pub fn severity(&self) -> Severity {
        self.infos.iter().map(|info| info.severity).min().unwrap_or(Severity::Unknown)
    }

    /// What it is of: all that any of its infos says.
    pub fn hazards(&self) -> Hazards {
        Hazards::of(self.infos.iter().flat_map(|info| info.categories.iter().copied()))
    }

    /// When the tier stops being sent: the latest `expires` of its infos, which admission has set on each.
    pub fn expires(&self) -> Timestamp {
        self.infos.iter().filter_map(|info| info.expires).max().unwrap_or(Timestamp::MIN)
    }
}
