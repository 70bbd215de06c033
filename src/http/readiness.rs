//! How far the server is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde::Serialize;

/// Asks a part whether it is well; answers at once.
type Probe = Box<dyn Fn() -> bool + Send + Sync>;

/// Tells how far something is, and of how much.
type Gauge = Box<dyn Fn() -> (u64, u64) + Send + Sync>;

/// Knows which parts of the server are ready, in the order in which they come up. Cheap to clone; all clones are one.
///
/// A part that was ready once stays so, but for the journal and the registry: they are asked each time whether they can
/// still be written, since a disk can fail on any day.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    journal_replayed: AtomicBool,
    registry_loaded: AtomicBool,
    doors_open: AtomicBool,
    journal: RwLock<Option<Probe>>,
    loading: RwLock<Option<Gauge>>,
    registry: RwLock<Option<Probe>>,
}

/// The body of `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether alerts and devices can come: every part is ready.
    pub ready: bool,
    /// Each part.
    pub parts: Parts,
    /// How far the registry is, while it is being loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loading: Option<Loading>,
}

/// How far the registry is that is being loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Loading {
    /// How much is done.
    pub done: u64,
    /// Of how much; 0 as long as that is not known.
    pub of: u64,
}

/// Which parts are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "it is the form of a JSON object: one key a part")]
pub struct Parts {
    /// What was accepted before the start is known again.
    pub journal_replayed: bool,
    /// Whom it is for is known again.
    pub registry_loaded: bool,
    /// The API listens.
    pub doors_open: bool,
    /// What is accepted now can be written.
    pub journal_healthy: bool,
    /// What is registered now can be.
    pub registry_healthy: bool,
}

impl Readiness {
    /// The journal was read to its end. From now on `healthy` is asked whether it can still be written.
    pub fn journal_replayed(&self, healthy: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.journal.write() = Some(Box::new(healthy));
        self.0.journal_replayed.store(true, Ordering::Release);
    }

    /// The registry is being read; `gauge` tells how far it is. Alerts are taken, and sent when it is there.
    pub fn registry_loading(&self, gauge: impl Fn() -> (u64, u64) + Send + Sync + 'static) {
        *self.0.loading.write() = Some(Box::new(gauge));
    }

    /// The registry was read, and every place is in the index. From now on `healthy` is asked whether it can still be
    /// written.
    pub fn registry_loaded(&self, healthy: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.loading.write() = None;
        *self.0.registry.write() = Some(Box::new(healthy));
        self.0.registry_loaded.store(true, Ordering::Release);
    }

    /// The API listens.
    pub fn doors_open(&self) {
        self.0.doors_open.store(true, Ordering::Release);
    }

    /// The doors close: the server is ready no more.
    pub fn doors_closed(&self) {
        self.0.doors_open.store(false, Ordering::Release);
    }

    /// How far the server is now.
    pub fn status(&self) -> Status {
        let parts = Parts {
            journal_replayed: self.0.journal_replayed.load(Ordering::Acquire),
            registry_loaded: self.0.registry_loaded.load(Ordering::Acquire),
            doors_open: self.0.doors_open.load(Ordering::Acquire),
            journal_healthy: is_healthy(&self.0.journal),
            registry_healthy: is_healthy(&self.0.registry),
        };
        let open = parts.journal_replayed && parts.registry_loaded && parts.doors_open;
        let loading = self.0.loading.read().as_ref().map(|gauge| gauge()).map(|(done, of)| Loading { done, of });
        Status { ready: open && parts.journal_healthy && parts.registry_healthy, parts, loading }
    }
}

fn is_healthy(probe: &RwLock<Option<Probe>>) -> bool {
    probe.read().as_ref().is_some_and(|healthy| healthy())
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.status()).finish()
    }
}
