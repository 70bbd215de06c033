//! What doors write into the audit log (R-P8), and when.
//!
//! Whatever gives something (a registration, a consent, an answer with personal data) is refused while the log cannot
//! be written. What takes something away (a withdrawal, a deletion, a place that is forgotten) is done all the same;
//! the caller is told that it is not in the log. A place is taken too: alerts need it, and the log only counts reports.

use compact_str::CompactString;
use tonic::{Request, Status};

use crate::domain::{Act, Actor, AppName, AuditEntry, AuditSubject};
use crate::registry::Registered;

use super::Services;
use super::auth::caller;
use super::status::status;

/// Who makes a call, as the audit log has it.
pub(super) fn actor<T>(request: &Request<T>) -> Actor {
    Actor::from(&*caller(request))
}

impl Services {
    /// Refuses while the audit log cannot be written.
    pub(super) fn can_audit(&self) -> Result<(), Status> {
        self.audit.healthy().map_err(status)
    }

    /// Writes what was done; it is on disk when this returns.
    pub(super) async fn audit(&self, entries: &[AuditEntry]) -> Result<(), Status> {
        // All are appended before the first is waited for: they are there even if the caller goes away meanwhile.
        let tickets: Vec<_> = entries.iter().map(|entry| self.audit.append(entry)).collect();
        for ticket in tickets {
            ticket.synced().await.map_err(status)?;
        }
        Ok(())
    }

    /// Does a call's work to its end, though the caller may go away meanwhile: a change is never without its record.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<T, Status> {
        let done = self.tasks.spawn("call", work).await;
        done.unwrap_or_else(|_| Err(Status::internal("the call failed")))
    }
}

/// An act that was about people of one app.
pub(super) fn about(actor: &Actor, app: &AppName, subjects: Vec<AuditSubject>, act: Act) -> AuditEntry {
    AuditEntry { actor: actor.clone(), act, subjects, object: app.to_string().into() }
}

/// An act that was about a resource, or about none.
pub(super) fn on(actor: &Actor, object: impl Into<CompactString>, act: Act) -> AuditEntry {
    AuditEntry { actor: actor.clone(), act, subjects: Vec::new(), object: object.into() }
}

/// What a registration came to: that somebody is registered, and that whoever was before is not.
pub(super) fn registered(actor: &Actor, registered: &Registered) -> Vec<AuditEntry> {
    let now = &registered.registration;
    let app = &now.name.app;
    let ended = registered.ended.map(|ended| about(actor, app, vec![ended], Act::RegistrationEnded));
    let act = if registered.repeated {
        Act::RegistrationUpdated {
            traits: false,
            tokens: false,
            drills: false,
            secret: true,
            preferences: false,
            under_14: false,
            place_precision: false,
        }
    } else {
        Act::RegistrationCreated {
            consents: now.consents.iter().map(crate::audit::terms).collect(),
            place: now.place.is_some(),
            again: !registered.created,
            claim: registered.created && now.name.installation.is_some(),
            vouched: registered.vouched,
        }
    };
    ended.into_iter().chain([about(actor, app, vec![now.subject], act)]).collect()
}
