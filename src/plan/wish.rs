//! What a person wants to be told of (R-S2).

use crate::domain::{Hazards, Preferences, Priority, Severity};

use super::{Skipped, TierFacts};

/// What a person wants to be told of, at the instant of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Nothing of less than this; `None`: none is too little.
    pub least_severity: Option<Severity>,
    /// Nothing that is of none of these.
    pub hazards: Hazards,
    /// Nothing now: it is quiet.
    pub quiet: bool,
}

impl Wish {
    /// Everything, at all times.
    pub const EVERYTHING: Self = Self { least_severity: None, hazards: Hazards::ALL, quiet: false };

    /// What preferences come to while it is quiet or not.
    pub fn of(preferences: &Preferences, quiet: bool) -> Self {
        let &Preferences { least_severity, hazards, .. } = preferences;
        Self { least_severity, hazards, quiet }
    }

    /// Why the person does not want to be told of this now, if they do not. Last comes what may yet change.
    pub(super) fn reason_to_skip(self, tier: TierFacts) -> Option<Skipped> {
        if tier.priority == Priority::LifeThreat {
            None
        } else if self.least_severity.is_some_and(|least| !tier.severity.is_at_least(least)) {
            Some(Skipped::BelowLeastSeverity)
        } else if tier.hazards != Hazards::NONE && !tier.hazards.meets(self.hazards) {
            Some(Skipped::HazardNotWanted)
        } else {
            self.quiet.then_some(Skipped::QuietHours)
        }
    }
}

impl Default for Wish {
    fn default() -> Self {
        Self::EVERYTHING
    }
}
