//! What can go wrong in the registry.

use std::io;
use std::path::PathBuf;

use crate::domain::UnfitPlace;
use crate::segments::LogError;

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A page token was not given by the same listing.
    #[error("is not of this listing")]
    PageToken,
    /// A cursor is of another log, or of an event that there is not.
    #[error("is no cursor of this log")]
    EventCursor,
    /// The partner has no webhook.
    #[error("no such webhook")]
    UnknownWebhook,
    /// There is no such registration (any more).
    #[error("no such registration")]
    NotFound,
    /// There is no such partner.
    #[error("no such partner")]
    UnknownPartner,
    /// There is no such app.
    #[error("no such app")]
    UnknownApp,
    /// There is no such zone (any more).
    #[error("no such zone")]
    UnknownZone,
    /// A zone has neither a polygon nor a circle.
    #[error("the zone has no ground")]
    NoGround,
    /// So many registrations are inside a zone that its partner has no room for them.
    #[error("holds more registrations than there is room for in the zones of the partner")]
    CrowdedZone,
    /// A partner, app or zone of this name exists.
    #[error("the name is taken")]
    AlreadyExists,
    /// A place was offered without a valid consent to hold it (R-P1).
    #[error("the registration has no valid consent for location")]
    NoLocationConsent,
    /// A place to follow was offered without a valid consent to hold it (R-S3).
    #[error("the registration has no valid consent for saved places")]
    NoSavedPlacesConsent,
    /// The registration follows as many places as it may.
    #[error("the registration follows 8 places already")]
    TooManySavedPlaces,
    /// The registration follows no place of that id.
    #[error("no such saved place")]
    NoSuchSavedPlace,
    /// A place cannot be held as its person chose.
    #[error(transparent)]
    UnfitPlace(#[from] UnfitPlace),
    /// A consent was given under a version of the policy that its partner has retired.
    #[error("is retired: the oldest version that counts is {oldest}")]
    PolicyRetired {
        /// Which of several consents, from 0.
        consent: usize,
        /// The oldest version under which a consent counts.
        oldest: u16,
    },
    /// A consent for a person under 14 was given by nobody else (R-P4).
    #[error("is required for a person under 14")]
    NoGuardian {
        /// Which of several consents, from 0.
        consent: usize,
    },
    /// There are quiet hours, and the time zone is none that is known (R-S2).
    #[error("quiet hours need a time zone that is known")]
    UnknownTimeZone,
    /// The server has just started, and is still reading what it holds.
    #[error("the registry is being loaded")]
    Loading,
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
    /// The data directory was written by a build from before the first release.
    #[error("the store's layout {0} was never released and cannot be read")]
    EarlierLayout(u32),
    /// The data directory was written by a later version.
    #[error("the store's layout {0} is of a later version")]
    LaterLayout(u32),
    /// The store's hashes were made with another key than the one in the data directory.
    #[error("the store was written with identity key {store:08x}; the newest of the key file is {file:08x}")]
    OtherKey {
        /// Key id that the store names.
        store: u32,
        /// Id of the file's newest key.
        file: u32,
    },
    /// Earlier keys are still valid; another would be one more to look under.
    #[error("three earlier identity keys are still valid")]
    TooManyKeys,
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
    /// The registry's folder could not be made.
    #[error("the registry's folder")]
    Folder(#[source] io::Error),
    /// No thread could be had.
    #[error("no thread could be started")]
    Thread(#[source] io::Error),
    /// The store itself failed.
    #[error("the store failed")]
    Storage(#[source] Box<fjall::Error>),
    /// The log of places failed, or is not what was written.
    #[error("the log of places")]
    PlaceLog(#[source] Box<LogError>),
    /// The store has lost what it once had.
    #[error("the store ends with commit {found}, but commit {expected} was written to it")]
    StoreLost {
        /// The last that it has.
        found: u64,
        /// The last that is noted beside it.
        expected: u64,
    },
    /// The log of places has lost what it once had.
    #[error("the log of places has {found} frames of at least {expected}")]
    PlacesLost {
        /// How many it has.
        found: u64,
        /// How many it had when the store was last written to.
        expected: u64,
    },
}

impl From<LogError> for RegistryError {
    fn from(error: LogError) -> Self {
        Self::PlaceLog(Box::new(error))
    }
}

impl From<fjall::Error> for RegistryError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage(Box::new(error))
    }
}
