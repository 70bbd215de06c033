//! What can go wrong in the registry.

use std::io;
use std::path::PathBuf;

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A value that the caller gave breaks a limit or a rule.
    #[error("{field}: {reason}")]
    Invalid {
        /// Path of the value in the request, as the API spells it.
        field: String,
        /// What is wrong with it; never the value itself.
        reason: &'static str,
    },
    /// There is no such registration (any more).
    #[error("no such registration")]
    NotFound,
    /// There is no such partner.
    #[error("no such partner")]
    UnknownPartner,
    /// There is no such app.
    #[error("no such app")]
    UnknownApp,
    /// A partner or app of this name exists.
    #[error("the name is taken")]
    AlreadyExists,
    /// A place was offered without a valid consent to hold it (R-P2).
    #[error("the registration has no valid consent for location")]
    NoLocationConsent,
    /// No number is left for another one.
    #[error("no room for more {0}")]
    Full(&'static str),
    /// The store takes no more writes: it failed, or the server stops.
    #[error("the registry takes no writes")]
    Stopped,
    /// A value on disk is not what was written.
    #[error("damaged value in keyspace {keyspace} at key {key}: {reason}")]
    Damaged {
        /// Which keyspace.
        keyspace: &'static str,
        /// Its key in hexadecimal: a slot or a keyed hash.
        key: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// The data directory was written by a later version.
    #[error("the store's layout {0} is of a later version")]
    LaterLayout(u32),
    /// The store's hashes were made with another key than the one in the data directory.
    #[error("the store was written with identity key {store:08x}, the key file holds {file:08x}")]
    OtherKey {
        /// Key id that the store names.
        store: u32,
        /// Key id of the file.
        file: u32,
    },
    /// There is a store but no key that its hashes were made with.
    #[error("the identity key {0} is missing")]
    KeyMissing(PathBuf),
    /// Others than the server's account may read the key.
    #[error("the identity key {0} is readable by others; its mode must be 0600")]
    KeyExposed(PathBuf),
    /// The key file does not have its form.
    #[error("the identity key {0} is malformed")]
    KeyMalformed(PathBuf),
    /// The key file could not be read or made.
    #[error("the identity key {path}")]
    KeyFile {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The registry's folder could not be made, or no thread could be had for its writer.
    #[error("the registry's folder or thread")]
    Folder(#[source] io::Error),
    /// The store itself failed.
    #[error("the store failed")]
    Storage(#[source] Box<fjall::Error>),
}

impl RegistryError {
    pub(super) fn invalid(field: impl Into<String>, reason: &'static str) -> Self {
        Self::Invalid { field: field.into(), reason }
    }
}

impl From<fjall::Error> for RegistryError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage(Box::new(error))
    }
}
