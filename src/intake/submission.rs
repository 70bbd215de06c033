//! An alert on its way to the desk.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::decide::{Authority, Breach, HoldReason, Manner, priority};
use crate::domain::{Actor, Alert, Body, Mode, Priority, Timestamp};
use crate::locate::{Atlas, Resolved, Unresolved, resolve};

use super::Pace;

/// An alert that a door has read, with the bytes it came in.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The alert.
    pub alert: Alert,
    /// Its ground.
    pub ground: Resolved,
    /// The message as it came.
    pub raw: Bytes,
    /// Its media type.
    pub media_type: String,
    /// Who sent it.
    pub authority: Authority,
    /// Who called, as the audit log has it.
    pub actor: Actor,
    /// When the door had it.
    pub received: Timestamp,
    /// How long it took until here.
    pub pace: Pace,
    /// What it does beyond the limits of its authority.
    pub breaches: Vec<Breach>,
    /// Why its door would have a person look at it first; none, for a trusted automatic source.
    pub doubts: Vec<HoldReason>,
}

impl Submission {
    /// Resolves the ground and readies the alert for the desk.
    pub fn new(
        alert: Alert,
        raw: Bytes,
        media_type: String,
        authority: Authority,
        actor: Actor,
        received: Timestamp,
        atlas: &Atlas,
    ) -> Self {
        let began = Instant::now();
        let ground = resolve(&alert, atlas);
        let pace =
            Pace { read: Duration::ZERO, verify: Duration::ZERO, resolve: began.elapsed(), ready: Instant::now() };
        let (breaches, doubts) = (Vec::new(), Vec::new());
        Self { alert, ground, raw, media_type, authority, actor, received, pace, breaches, doubts }
    }

    /// The same, held against the limits of its authority. It may take a while: its ground may have any number of
    /// points, and a jurisdiction too.
    #[must_use]
    pub fn judged(mut self, manner: Manner<'_>) -> Self {
        let began = Instant::now();
        self.breaches = self.authority.breaches(&self.alert, &self.ground, manner);
        self.pace.resolve += began.elapsed();
        self.pace.ready = Instant::now();
        self
    }

    /// Whether it is of an immediate threat to life, for real, or ends an alert.
    pub fn is_urgent(&self) -> bool {
        self.alert.mode == Mode::Actual && self.priority() == Priority::LifeThreat
    }

    /// Codes that could not be resolved, over all infos, each once.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        self.ground.unresolved()
    }

    /// A cancel is as urgent as any; else the highest that any of its ground will have.
    pub(super) fn priority(&self) -> Priority {
        match self.alert.body {
            Body::Cancel(_) => Priority::LifeThreat,
            _ => priority(self.alert.body.infos(), &self.ground),
        }
    }
}
