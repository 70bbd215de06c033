//! What can go wrong with credentials.

use std::io;
use std::path::PathBuf;

use crate::domain::InvalidCredential;
use crate::files::Bad;

/// Why a proof is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is none, or of no credential. Which of the two is not told.
    #[error("the credential is not known")]
    Unknown,
    /// It was good until its credential expired.
    #[error("the credential has expired")]
    Expired,
    /// It was good until its credential was revoked.
    #[error("the credential was revoked")]
    Revoked,
}

/// Why credentials could not be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// What is to be made cannot be so.
    #[error(transparent)]
    Invalid(#[from] InvalidCredential),
    /// There is no such credential.
    #[error("no such credential")]
    NotFound,
    /// The certificate or URI is another's already.
    #[error("the certificate is bound to a credential that is in use")]
    Bound,
    /// A bootstrap makes the first operator and nothing else.
    #[error("a bootstrap token makes an operator that administers, and nothing else")]
    FirstIsAdministrator,
    /// Whoever makes the change may no longer.
    #[error(transparent)]
    Denied(Denied),
    /// Nobody could make credentials any more.
    #[error("it is the last that may administer: make another first")]
    LastAdministrator,
    /// There are too many.
    #[error("no room for more credentials")]
    Full,
    /// There is no such authority.
    #[error("no such authority")]
    AuthorityNotFound,
    /// There is one of that name, or was.
    #[error("there is an authority of that name, or was")]
    AuthorityExists,
    /// What one sends under that name, another could cancel.
    #[error("{0:?} is admitted for another authority already")]
    SenderOfAnother(String),
    /// It was revoked.
    #[error("the authority was revoked")]
    AuthorityRevoked,
    /// It is another version than the caller says.
    #[error("the authority has changed since")]
    AuthorityChanged,
    /// There are too many.
    #[error("no room for more authorities")]
    TooManyAuthorities,
    /// A credential is for an authority that is not admitted.
    #[error("the authority is not admitted")]
    NotAdmitted,
    /// A credential is for a sender that its authority does not speak for.
    #[error("{0} is not a sender of the authority")]
    ForeignSender(String),
    /// Another server uses them.
    #[error("{} is in use by another server", .0.display())]
    Locked(PathBuf),
    /// The file is not what was written.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// The file was written by a later version.
    #[error("{} is of a later version, {version}", .path.display())]
    LaterVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl AccessError {
    /// For a file that is not what was written.
    pub(super) fn bad(path: &std::path::Path) -> impl FnOnce(Bad) -> Self {
        let path = path.to_owned();
        move |bad| match bad {
            Bad::Damaged(reason) => Self::Damaged { path, reason },
            Bad::LaterVersion(version) => Self::LaterVersion { path, version },
        }
    }

    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
