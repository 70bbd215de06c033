//! What was changed and is not in the audit log, since a crash came between: it is told when the server starts again.

use crate::audit::Tail;
use crate::domain::{Act, Actor, AdmittedAuthority, AuditEntry, Credential, Principal};

/// The audit log's records of a credential that was made or revoked, if a crash took them.
pub(super) fn untold(credential: &Credential, tail: &Tail) -> Vec<AuditEntry> {
    if credential.principal == Principal::Bootstrap {
        return Vec::new();
    }
    let (name, holder) = (credential.id.to_string(), Actor::from(&credential.principal));
    let revoked = credential.revoked.map(|at| (at, Act::CredentialRevoked { holder: holder.clone() }));
    let made = (credential.created, Act::CredentialCreated { holder, expires: credential.expires });
    let lacking = [Some(made), revoked].into_iter().flatten().filter(|(at, _)| tail.lacks_object(&name, *at));
    lacking.map(|(_, act)| AuditEntry { object: name.as_str().into(), ..AuditEntry::server(act) }).collect()
}

/// The audit log's records of an authority that was admitted, changed or revoked, if a crash took them. What it was
/// before a change is then known no more.
pub(super) fn untold_authority(admitted: &AdmittedAuthority, tail: &Tail) -> Vec<AuditEntry> {
    let (name, terms) = (admitted.name.to_string(), || admitted.terms.described());
    let made = (admitted.created, Act::AuthorityCreated { terms: terms() });
    let changed =
        (admitted.updated > admitted.created).then(|| (admitted.updated, Act::AuthorityUpdated { changes: terms() }));
    let revoked = admitted.revoked.map(|at| (at, Act::AuthorityRevoked));
    let lacking = [Some(made), changed, revoked].into_iter().flatten().filter(|(at, _)| tail.lacks_object(&name, *at));
    lacking.map(|(_, act)| AuditEntry { object: name.as_str().into(), ..AuditEntry::server(act) }).collect()
}
