//! Sends partners their events, signed as Standard Webhooks says (1.0.0).
//!
//! [`Webhooks::run`] is one task that watches which webhooks there are, and runs one more for each: it reads its
//! partner's log behind what was delivered, and sends one event at a time, in order. What is not taken is tried again
//! ([`schedule`]) with the same `webhook-id`, and what was taken is noted in the registry's store: a crash repeats an
//! event and loses none. A receiver that is slow or dead delays itself alone.
//!
//! A URL is a caller's: it is connected to only at addresses that are public, no redirection is followed, and no more
//! of an answer is read than its head and a little body. Nothing leaves the server as long as no webhook is set.

mod client;
mod deliver;
mod payload;
pub mod schedule;
mod sign;

use std::path::PathBuf;
use std::time::Duration;

pub use deliver::Webhooks;
pub use sign::{shown, signature};

/// How events are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether plain text and addresses that are not public are sent to: for tests, and for networks without others.
    pub allow_private: bool,
    /// Roots that receivers' certificates may lead to besides the system's, PEM.
    pub roots: Option<PathBuf>,
    /// After how long a first failure is tried again.
    pub first_retry: Duration,
}
