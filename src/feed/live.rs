//! How a feed is doing: what its task notes, and what its operator is shown.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::decide::Ignored;
use crate::domain::{Feed, Timestamp};
use crate::intake::Answer;
use crate::metrics::FeedMetrics;

/// How often in a row a mirror has to be older than another before that is told.
const BEHIND: u32 = 3;

/// How a feed is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedState {
    /// When it was last asked, or a stream of it last opened.
    pub asked: Option<Timestamp>,
    /// When something good last came.
    pub good: Option<Timestamp>,
    /// How often in a row nothing good came.
    pub failures: u32,
    /// Why, the last time; empty if it did.
    pub error: String,
    /// Whether it has said nothing for longer than it should.
    pub silent: bool,
    /// Its mirrors, in their order.
    pub mirrors: Vec<MirrorState>,
    /// How many of its entries the desk has answered and are in it.
    pub present: usize,
    /// How many the desk has answered and are in it no more.
    pub missing: usize,
}

/// How a mirror is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorState {
    /// Why it gave nothing good when it was last asked; empty if it did.
    pub error: String,
    /// How often in a row it gave nothing good.
    pub failures: u32,
    /// How often in a row it was older than another.
    pub behind: u32,
}

impl MirrorState {
    /// Whether it has been older than another for a while.
    pub fn is_behind(&self) -> bool {
        self.behind >= BEHIND
    }
}

/// Where a feed's task notes how it is doing. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Live {
    feed: Arc<str>,
    pub(super) metrics: FeedMetrics,
    /// When its silence began to count: its start.
    since: Timestamp,
    state: Arc<Mutex<FeedState>>,
}

impl Live {
    pub(super) fn new(feed: &Feed, metrics: FeedMetrics, now: Timestamp) -> Self {
        let state = FeedState {
            asked: None,
            good: None,
            failures: 0,
            error: String::new(),
            silent: false,
            mirrors: vec![MirrorState::default(); feed.settings.urls.len()],
            present: 0,
            missing: 0,
        };
        Self { feed: feed.name.to_string().into(), metrics, since: now, state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn state(&self) -> FeedState {
        self.state.lock().clone()
    }

    /// Something good came from a mirror.
    pub(super) fn good(&self, mirror: usize, now: Timestamp) {
        let mut state = self.state.lock();
        (state.good, state.failures) = (Some(now), 0);
        state.error.clear();
        if let Some(known) = state.mirrors.get_mut(mirror) {
            if known.failures > 0 {
                tracing::info!(feed = &*self.feed, mirror, "a mirror of a feed answers again");
            }
            (known.failures, known.error) = (0, String::new());
        }
    }

    /// A mirror gave nothing that can be used.
    pub(super) fn bad(&self, mirror: usize, error: &str) {
        let mut state = self.state.lock();
        let Some(known) = state.mirrors.get_mut(mirror) else { return };
        if known.failures == 0 {
            tracing::warn!(feed = &*self.feed, mirror, error, "a mirror of a feed gives nothing good");
        }
        known.failures = known.failures.saturating_add(1);
        error.clone_into(&mut known.error);
        error.clone_into(&mut state.error);
    }

    /// A stream was opened.
    pub(super) fn connected(&self, now: Timestamp) {
        self.state.lock().asked = Some(now);
    }

    /// It was asked; whether something good came of it. How often in a row it did not.
    pub(super) fn asked(&self, is_good: bool, now: Timestamp) -> u32 {
        let mut state = self.state.lock();
        state.asked = Some(now);
        state.failures = if is_good { 0 } else { state.failures.saturating_add(1) };
        state.failures
    }

    /// Whether a mirror was older than another, of those that gave something good.
    pub(super) fn compared(&self, mirror: usize, is_behind: bool) {
        let mut state = self.state.lock();
        let Some(known) = state.mirrors.get_mut(mirror) else { return };
        known.behind = if is_behind { known.behind.saturating_add(1) } else { 0 };
        if known.behind == BEHIND {
            tracing::warn!(feed = &*self.feed, mirror, "a mirror of a feed is behind another");
        }
    }

    pub(super) fn counted(&self, (missing, present): (usize, usize)) {
        let mut state = self.state.lock();
        (state.missing, state.present) = (missing, present);
    }

    /// Counts what the desk answered.
    pub(super) fn answered(&self, answer: &Answer) {
        let name = match answer {
            Answer::Admitted(_) => "admitted",
            Answer::Ignored(Ignored::Duplicate(_)) => "duplicate",
            Answer::Ignored(_) => "ignored",
            Answer::Held(_) => "held",
            Answer::Refused(_) => "refused",
        };
        self.metrics.alerts(name).inc();
    }

    /// Looks whether it has said nothing for too long.
    pub(super) fn look(&self, feed: &Feed, now: Timestamp) {
        let mut state = self.state.lock();
        let since = state.good.unwrap_or(self.since);
        let age = now.duration_since(since);
        let silent = age > feed.settings.silence;
        if silent && !state.silent {
            let error = state.error.as_str();
            let seconds = age.as_secs();
            tracing::error!(feed = &*self.feed, seconds, error, "a feed is silent: alerts of it may be missed");
        } else if !silent && state.silent {
            tracing::info!(feed = &*self.feed, "a feed that was silent is heard again");
        }
        state.silent = silent;
        drop(state);
        self.metrics.age.set(age.as_secs());
        self.metrics.silent.set(silent.into());
    }
}

/// How often all feeds are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);
