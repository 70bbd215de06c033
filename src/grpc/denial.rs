//! Refusals of who calls, or how often. None says whether anything is there.

use std::time::Duration;

use tonic::{Code, Status};

use crate::access::{AccessError, Denied, Limited};
use crate::registry::RegistryError;

use super::rules::Missing;
use super::status::{Refusal, status};

impl Refusal {
    pub(super) fn no_such_call() -> Self {
        Self::new(Code::Unimplemented, "NO_SUCH_METHOD", "", "there is no such method")
    }

    pub(super) fn no_credential() -> Self {
        Self::new(Code::Unauthenticated, "NO_CREDENTIAL", "", "a token or a client certificate is needed")
    }

    pub(super) fn credential_over() -> Self {
        Self::new(Code::Unauthenticated, "CREDENTIAL_OVER", "", "the credential was revoked or has expired")
    }

    pub(super) fn not_allowed() -> Self {
        Self::new(Code::PermissionDenied, "NOT_ALLOWED", "", "the credential does not allow this")
    }

    pub(super) fn malformed() -> Self {
        Self::new(Code::InvalidArgument, "MALFORMED", "", "the request cannot be read")
    }

    /// An authority sends more often than it may, and this alert can wait.
    pub(super) fn too_many_alerts(after: Duration) -> Self {
        let message = "the authority sends more alerts than it may";
        Self::new(Code::ResourceExhausted, "RATE_EXCEEDED", "", message).retry_after(Some(after))
    }

    pub(super) fn too_many_unknown() -> Self {
        let message = "too many links and calls without a credential come from your network";
        Self::new(Code::ResourceExhausted, "TOO_MANY_UNKNOWN", "", message).retry_after(Some(Duration::from_secs(1)))
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let reason = match denied {
            Denied::Unknown => "CREDENTIAL_UNKNOWN",
            Denied::Expired => "CREDENTIAL_EXPIRED",
            Denied::Revoked => "CREDENTIAL_REVOKED",
        };
        Self::new(Code::Unauthenticated, reason, "", denied)
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        let (reason, message, retry_after) = match limited {
            Limited::Calls { after } => ("TOO_MANY_CALLS", "the credential makes too many calls", Some(after)),
            Limited::Open => ("TOO_MANY_OPEN", "the credential has too many calls open at a time", None),
        };
        Self::new(Code::ResourceExhausted, reason, "", message).retry_after(retry_after)
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        let (code, reason) = match &error {
            AccessError::Invalid(invalid) => {
                let field = format!("credential.{}", invalid.field());
                return Self::new(Code::InvalidArgument, "INVALID_FIELD", &field, &error);
            }
            AccessError::Denied(denied) => return (*denied).into(),
            AccessError::NotFound => (Code::NotFound, "CREDENTIAL_NOT_FOUND"),
            AccessError::Bound => (Code::AlreadyExists, "CERTIFICATE_BOUND"),
            AccessError::FirstIsAdministrator => (Code::PermissionDenied, "FIRST_IS_ADMINISTRATOR"),
            AccessError::LastAdministrator => (Code::FailedPrecondition, "LAST_ADMINISTRATOR"),
            AccessError::ForeignSender(_) => {
                let field = "credential.principal.authority.senders";
                return Self::new(Code::InvalidArgument, "SENDER_NOT_ADMITTED", field, format!("{field}: {error}"));
            }
            AccessError::NotAdmitted => {
                let field = "credential.principal.authority.authority";
                let message = format!("{field}: {error}: admit it first");
                return Self::new(Code::FailedPrecondition, "AUTHORITY_NOT_ADMITTED", field, message);
            }
            AccessError::SenderOfAnother(_) => {
                let field = "authority.senders";
                return Self::new(Code::FailedPrecondition, "SENDER_OF_ANOTHER", field, format!("{field}: {error}"));
            }
            AccessError::AuthorityNotFound => (Code::NotFound, "AUTHORITY_NOT_FOUND"),
            AccessError::AuthorityExists => (Code::AlreadyExists, "ALREADY_EXISTS"),
            AccessError::AuthorityRevoked => (Code::PermissionDenied, "AUTHORITY_REVOKED"),
            AccessError::AuthorityChanged => (Code::Aborted, "AUTHORITY_CHANGED"),
            AccessError::TooManyAuthorities => (Code::ResourceExhausted, "TOO_MANY_AUTHORITIES"),
            AccessError::Full => (Code::ResourceExhausted, "TOO_MANY_CREDENTIALS"),
            _ => {
                tracing::error!(%error, "credentials could not be written");
                return Self::new(Code::Unavailable, "ACCESS_FAILED", "", "credentials could not be written");
            }
        };
        Self::new(code, reason, "", &error)
    }
}

/// What an RPC is about is not there, or is not its caller's: the two are answered alike.
pub(super) fn not_there(missing: Missing) -> Status {
    status(match missing {
        Missing::Partner => RegistryError::UnknownPartner,
        Missing::App => RegistryError::UnknownApp,
        Missing::Registration => RegistryError::NotFound,
        Missing::Zone => RegistryError::UnknownZone,
    })
}
