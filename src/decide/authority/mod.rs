//! Who may warn whom (R-E1).
//!
//! An [`Authority`] is whoever sends, with the [`Limits`] that the operator has set it. What an alert does beyond them
//! is a [`Breach`]. Who says something and how they say it is never let pass: such a breach refuses the alert. What is
//! said and of which ground may be a true emergency all the same: such a breach is one that a person may let pass, and
//! until one has, the alert is not sent. Ground beyond the jurisdiction is not cut off: an area is neither widened nor
//! narrowed, whatever it comes of; that of an earthquake is what it shakes, not its epicentre.

mod breach;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::{
    AdmittedAuthority, Alert, AuthorityTerms, Body, Caller, Info, Jurisdiction, Principal, Sender, Severity,
};
use crate::format::signature::{Trust, Verified};
use crate::locate::{AffectedArea, Lies, Resolved};

use super::{Decision, Ignored, Refused, tiers};

pub use breach::Breach;

/// Who sends, and what they may.
#[derive(Debug, Clone, PartialEq)]
pub struct Authority {
    /// Its name in this server.
    pub name: String,
    /// The CAP senders that it speaks for; `None` means any.
    pub senders: Option<Vec<Sender>>,
    /// Its other limits; `None` means none.
    pub limits: Option<Arc<Limits>>,
}

/// The limits of an authority, ready to be asked.
#[derive(Debug, PartialEq)]
pub struct Limits {
    terms: AuthorityTerms,
    /// The ground that it may warn; `None`: all of it.
    ground: Option<AffectedArea>,
    /// By whom it signs; `None`: by nobody.
    trust: Option<Trust>,
}

/// How an alert came, apart from what it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner<'a> {
    /// The format that it was written in, by the name that `alert check` tells.
    pub format: &'a str,
    /// What came of looking for a signature by whom its authority signs by; `None`: none was looked for.
    pub verified: Option<&'a Verified>,
}

/// The format of alerts that come as the fields of this server's API.
pub const STRUCTURED: &str = "structured";

impl Limits {
    /// The limits that were set so. Ground that there is none of is none that may be warned.
    pub fn new(terms: AuthorityTerms) -> Self {
        let ground = match &terms.jurisdiction {
            Jurisdiction::World => None,
            Jurisdiction::Ground(area) => AffectedArea::new(std::slice::from_ref(area)),
        };
        // What is no rule trusts nobody. The door of authorities takes none such.
        let trust = terms.signature.as_ref().map(|rule| Trust::of(rule).unwrap_or_default());
        Self { terms, ground, trust }
    }

    /// As the operator set them.
    pub const fn terms(&self) -> &AuthorityTerms {
        &self.terms
    }
}

impl Authority {
    /// The authority of a development server: any sender, the whole world.
    pub fn development() -> Self {
        Self { name: "dev".to_owned(), senders: None, limits: None }
    }

    /// The authority that a caller is by its credential alone; `None` if it is none. It has no limits but its senders:
    /// so are those whose credential was made before authorities were admitted.
    pub fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Development => Some(Self::development()),
            Caller::Known { principal: Principal::Authority { name, senders }, .. } => {
                Some(Self { name: name.id().to_owned(), senders: Some(senders.to_vec()), limits: None })
            }
            Caller::Stranger | Caller::Known { .. } => None,
        }
    }

    /// The same within the limits of the record: it speaks for the senders that both name.
    #[must_use]
    pub fn within(self, admitted: &AdmittedAuthority, limits: Arc<Limits>) -> Self {
        let both = |sender: &&Sender| self.senders.as_ref().is_none_or(|own| own.contains(sender));
        let senders = admitted.terms.senders.iter().filter(both).cloned().collect();
        Self { senders: Some(senders), limits: Some(limits), ..self }
    }

    /// By whom it signs; `None`: by nobody, and no signature is looked for.
    pub fn trust(&self) -> Option<&Trust> {
        self.limits.as_ref()?.trust.as_ref()
    }

    /// The most devices that an alert of it reaches without a second person; `None`: any number.
    pub fn reach_limit(&self) -> Option<u64> {
        self.limits.as_ref()?.terms.reach_limit
    }

    /// Whether it speaks for the alert's sender.
    pub fn may_send(&self, alert: &Alert) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(&alert.id.sender))
    }

    /// All that an alert does beyond what the authority may, by field. A cancel says nothing of ground and hazards: it
    /// goes to those who were told.
    pub fn breaches(&self, alert: &Alert, ground: &Resolved, manner: Manner<'_>) -> Vec<Breach> {
        let mut found = Vec::new();
        if !self.may_send(alert) {
            found.push(Breach::Sender(alert.id.sender.as_str().to_owned()));
        }
        let Some(limits) = &self.limits else { return found };
        limits.of_manner(alert, manner, &mut found);
        if !matches!(alert.body, Body::Cancel(_) | Body::Ack | Body::Error) {
            for (position, info) in alert.body.infos().iter().enumerate() {
                limits.of_info(position, info, ground, &mut found);
            }
            limits.of_ground(alert.body.infos(), ground, &mut found);
        }
        found
    }
}

impl Limits {
    fn of_manner(&self, alert: &Alert, manner: Manner<'_>, found: &mut Vec<Breach>) {
        let AuthorityTerms { formats, modes, scopes, signature, .. } = &self.terms;
        if !formats.is_empty() && !formats.iter().any(|format| format.eq_ignore_ascii_case(manner.format)) {
            found.push(Breach::Format(manner.format.to_owned()));
        }
        if !modes.is_empty() && !modes.contains(&alert.mode) {
            found.push(Breach::Status(alert.mode));
        }
        if !scopes.is_empty() && !scopes.contains(&alert.scope) {
            found.push(Breach::Scope(alert.scope));
        }
        match manner.verified {
            _ if signature.is_none() => {}
            Some(Ok(_)) => {}
            Some(Err(fault)) => found.push(Breach::Signature(Some(fault.clone()))),
            None => found.push(Breach::Signature(None)),
        }
    }

    fn of_info(&self, position: usize, info: &Info, ground: &Resolved, found: &mut Vec<Breach>) {
        let AuthorityTerms { categories, events, highest_severity, .. } = &self.terms;
        let foreign = info.categories.iter().find(|category| !categories.contains(category));
        match (categories.is_empty(), foreign) {
            (false, Some(category)) => found.push(Breach::Category { info: position, category: Some(*category) }),
            (false, None) if info.categories.is_empty() => {
                found.push(Breach::Category { info: position, category: None });
            }
            _ => {}
        }
        let is_event = |event: &str| {
            event.eq_ignore_ascii_case(info.event.trim())
                || info.event_codes.iter().any(|code| event.eq_ignore_ascii_case(code.value.trim()))
        };
        if !events.is_empty() && !events.iter().any(|event| is_event(event)) {
            found.push(Breach::Event { info: position, event: info.event.clone() });
        }
        if let Some(highest) = *highest_severity {
            let parts = ground.infos.get(position).map_or(&[][..], |found| &found.parts);
            let worst = parts.iter().map(|part| tiers::severity(info, part)).fold(info.severity, Severity::min);
            // The standard counts down from the worst.
            if worst < highest {
                found.push(Breach::Severity { info: position, severity: worst, highest });
            }
        }
    }

    /// The same ground is told once, though an alert says it in many languages.
    fn of_ground(&self, infos: &[Info], ground: &Resolved, found: &mut Vec<Breach>) {
        let Some(jurisdiction) = &self.ground else { return };
        let mut known: Vec<&AffectedArea> = Vec::new();
        for (position, resolved) in ground.infos.iter().take(infos.len()).enumerate() {
            for part in &resolved.parts {
                if known.iter().any(|other| other.same_ground(&part.area)) {
                    continue;
                }
                known.push(&part.area);
                match part.area.lies(jurisdiction) {
                    Lies::Within => {}
                    Lies::Beyond(at) => found.push(Breach::Ground { info: position, at }),
                    Lies::TooIntricate => found.push(Breach::Intricate { info: position }),
                }
            }
        }
    }
}

/// A decision on an alert that does these things beyond its authority's limits: what nobody may let pass refuses it,
/// and then all of them are told. What breaks other rules too, or changes nothing, is as it was decided.
pub(super) fn barred(decision: Decision, breaches: &[Breach]) -> Decision {
    let barred = breaches.iter().any(|breach| !breach.may_pass());
    match decision {
        Decision::Ignore(ignored) if ignored != Ignored::NotForPublic => Decision::Ignore(ignored),
        Decision::Refuse(refused) if !matches!(refused, Refused::NotAdmitted(_)) => Decision::Refuse(refused),
        _ if barred => Decision::Refuse(Refused::Beyond(breaches.to_vec())),
        decision => decision,
    }
}
