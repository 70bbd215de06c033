//! Where the time of an alert goes until it is accepted: each stage of it, for the operator and the bench.

use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::Metrics;

/// How long the stages before the desk took for one alert.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From bytes to fields.
    pub read: Duration,
    /// From its bytes to who signed it.
    pub verify: Duration,
    /// From the places that it names to ground, and whether that is its authority's.
    pub resolve: Duration,
    /// When it was ready for the desk.
    pub ready: Instant,
}

/// The times of all stages, over all alerts that were admitted.
#[derive(Debug)]
pub(super) struct Stages {
    read: Histogram,
    verify: Histogram,
    resolve: Histogram,
    wait: Histogram,
    decide: Histogram,
    sync: Histogram,
}

/// What the desk itself took for one alert.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtTheDesk {
    /// When it took it from those that waited.
    pub(super) taken: Instant,
    /// When it was decided and appended.
    pub(super) decided: Instant,
}

impl Stages {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let [read, verify, resolve, wait, decide, sync] =
            ["read", "verify", "resolve", "wait", "decide", "sync"].map(|stage| metrics.accept_stage(stage));
        Self { read, verify, resolve, wait, decide, sync }
    }

    /// Counts an alert that is on disk by now.
    pub(super) fn observe(&self, before: Pace, desk: AtTheDesk) {
        self.read.observe(before.read.as_secs_f64());
        self.verify.observe(before.verify.as_secs_f64());
        self.resolve.observe(before.resolve.as_secs_f64());
        self.wait.observe(desk.taken.saturating_duration_since(before.ready).as_secs_f64());
        self.decide.observe(desk.decided.saturating_duration_since(desk.taken).as_secs_f64());
        self.sync.observe(desk.decided.elapsed().as_secs_f64());
    }
}
