//! Who did what, when, to whose data: a log that is only appended to, and whose every record is chained to the one
//! before (R-P8).
//!
//! [`Audit::open`] goes on where the last run ended and gives an [`Audit`], the handle that entries are appended by,
//! and a [`Writer`], which runs on a thread of its own. An entry is on disk when its [`Ticket`] says so: who changes a
//! consent is not answered before. [`verify`] checks a log, or a copy of one, without a server; [`Export`] reads one;
//! [`Audit::page`] looks into the one that is being written.
//!
//! # What is in it
//!
//! Every access to registrations, every change of a consent, every decision on an alert and every act of an operator.
//! An [`AuditEntry`] names people by random subjects. What a subject stands for is in the registration that it belongs
//! to and goes with it, so that a log names nobody who is deleted. Reports of places are counted, not listed
//! ([`PlaceCounts`]). Decisions on alerts are appended beside the alert journal and never waited for when the alert is
//! sent. What a crash takes of these, and of changes of registrations that nobody was told of yet, is written again
//! from the journal and the registry ([`Tail`]).
//!
//! # On disk
//!
//! A folder of [`segments`](crate::segments) `audit-<n>.hza`, `n` the number of its first record; records are
//! `hazardcast.storage.v1.AuditRecord`, each with its number and the SHA-256 of the bytes of the one before. A commit
//! that a crash cut off is removed at the next start, and the record [`Act::TailCut`] says where and what, before it is
//! gone. Nothing else is ever removed: whoever moves old segments elsewhere, after the three years that records are to
//! be kept at least, notes the position of the last record in them, and [`verify`] starts from there.
//!
//! # What the chain shows, and what it does not
//!
//! A record that was changed, removed, added, moved or repeated is found by all that have only the files. Who can write
//! the files could make a new chain from some record on; and could cut off the end. Against that, positions
//! ([`AuditPosition`]) are noted elsewhere: `hazardcast audit head` tells the newest, and the server logs it at its
//! start, at its end and once a day.

mod chain;
mod codec;
mod keeper;
mod open;
mod page;
mod places;
mod read;
mod verify;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::{Act, Actor, AppName, AuditEntry, AuditPosition, Clock, Consent, ConsentTerms};
use crate::metrics::Metrics;
use crate::segments::{Closing, Format};

use chain::Head;
use places::Places;

pub use crate::segments::{Damage, LogError, Ticket, Writer};
pub use keeper::keep;
pub use open::{Config, Tail, append_alone};
pub use page::{Page, Query};
pub use places::PlaceCounts;
pub use read::{Export, newest};
pub use verify::{Cut, Finding, Flaw, Report, is_being_written, verify};

/// The log's files.
static FORMAT: Format =
    Format { name: "audit", extension: "hza", magic: *b"\x97hzaud\n", letter: b'a', message_version: 1 };

/// A handle by which entries are appended. Cheap to clone. When the last one is dropped, the log says that the server
/// stopped, and the [`Writer`] writes what waits and ends.
#[derive(Clone)]
pub struct Audit(Arc<Shared>);

struct Shared {
    backend: Backend,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    places: Places,
}

enum Backend {
    Disk { queue: Closing, dir: PathBuf, head: Head },
    Memory(Mutex<Vec<AuditEntry>>),
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audit(head {})", self.head().sequence)
    }
}

impl Audit {
    /// A log in memory, for tests: every entry is taken as synced at once, and kept.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        let (backend, metrics) = (Backend::Memory(Mutex::default()), Arc::new(Metrics::new()));
        Self(Arc::new(Shared { backend, clock, metrics, places: Places::default() }))
    }

    /// What was appended to a log in memory; nothing for one on disk.
    pub fn entries(&self) -> Vec<AuditEntry> {
        match &self.0.backend {
            Backend::Disk { .. } => Vec::new(),
            Backend::Memory(entries) => entries.lock().clone(),
        }
    }

    /// Appends an entry, as of now; entries are on disk in the order in which they were appended. Returns at once:
    /// waiting is for [`Ticket::synced`]. An entry whose ticket is dropped is written all the same.
    ///
    /// If so much waits that the disk must have stopped, the log fails, for good.
    pub fn append(&self, entry: &AuditEntry) -> Ticket {
        self.0.append(entry)
    }

    /// Counts reports of places by one caller for one app. Written about once a minute.
    pub fn places_reported(&self, actor: &Actor, app: &AppName, counts: PlaceCounts) {
        self.0.places.add(actor, app, counts, self.0.clock.now());
    }

    /// Writes what places were reported since this was last done.
    pub fn write_places(&self) {
        self.0.write_places();
    }

    /// Whether entries can be written. Once they cannot, they cannot until a restart.
    pub fn healthy(&self) -> Result<(), LogError> {
        match &self.0.backend {
            Backend::Disk { queue, .. } => queue.0.healthy(),
            Backend::Memory(_) => Ok(()),
        }
    }

    /// Where the newest record on disk stands; number 0 if there is none.
    pub fn head(&self) -> AuditPosition {
        *self.head_teller().0.lock()
    }

    /// Tells the server's own log where the newest record stands, so that it is noted elsewhere too.
    pub fn tell_head(&self) {
        self.head_teller().tell();
    }

    /// What can do so when all handles are gone.
    pub fn head_teller(&self) -> HeadTeller {
        match &self.0.backend {
            Backend::Disk { head, .. } => HeadTeller(Arc::clone(head)),
            Backend::Memory(_) => HeadTeller(Head::default()),
        }
    }
}

/// Tells where the newest record stands, even of a log that is closed.
pub struct HeadTeller(Head);

impl HeadTeller {
    /// Tells the server's own log.
    pub fn tell(&self) {
        let head = *self.0.lock();
        tracing::info!(%head, "the newest record of the audit log");
    }
}

impl Shared {
    fn append(&self, entry: &AuditEntry) -> Ticket {
        self.metrics.audit_records(entry.act.name()).inc();
        match &self.backend {
            Backend::Disk { queue, .. } => queue.0.append(codec::encode(entry, self.clock.now())),
            Backend::Memory(entries) => {
                entries.lock().push(entry.clone());
                Ticket::settled(Ok(()))
            }
        }
    }

    fn write_places(&self) {
        for entry in self.places.take() {
            drop(self.append(&entry));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.write_places();
        drop(self.append(&AuditEntry::server(Act::ServerStopped)));
    }
}

/// What the log keeps of a consent.
pub fn terms(consent: &Consent) -> ConsentTerms {
    let digest = |text: &str| {
        let digest = chain::sha256(text.as_bytes());
        std::array::from_fn(|at| digest[at])
    };
    ConsentTerms {
        purpose: consent.purpose,
        policy: consent.policy,
        granted: consent.granted,
        expires: consent.expires,
        origin_digest: digest(&consent.origin.0),
        guardian_digest: consent.guardian.as_ref().map(|guardian| digest(&guardian.method)),
    }
}

#[cfg(test)]
mod tests;
