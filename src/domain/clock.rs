//! Time as an argument.

use std::sync::atomic::{AtomicI64, Ordering};

use super::Timestamp;

/// Tells the server's time. The house has one clock, given to whoever needs it; the core gets instants instead.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, by this server's clock.
    fn now(&self) -> Timestamp;
}

/// A clock that stands until it is set, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_microsecond()))
    }

    /// Sets the clock to `instant`, microseconds kept.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_microsecond(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}
