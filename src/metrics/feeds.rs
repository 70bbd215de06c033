//! What is counted of feeds, each by its name: the operator's word for it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Metric, registered};

type ByFeed = [(&'static str, String); 1];
type ByFeedAnd = [(&'static str, String); 2];

/// The families of what is counted.
#[derive(Debug)]
pub(super) struct Feeds {
    polls: Family<ByFeedAnd, Counter>,
    received: Family<ByFeed, Counter>,
    alerts: Family<ByFeedAnd, Counter>,
    vanished: Family<ByFeed, Counter>,
    age: Family<ByFeed, Gauge>,
    silent: Family<ByFeed, Gauge>,
}

/// What is counted of one feed.
#[derive(Debug, Clone)]
pub struct FeedMetrics {
    feed: String,
    polls: Family<ByFeedAnd, Counter>,
    alerts: Family<ByFeedAnd, Counter>,
    /// See [`Metric::FeedReceived`].
    pub received: Counter,
    /// See [`Metric::FeedVanished`].
    pub vanished: Counter,
    /// See [`Metric::FeedAge`].
    pub age: Gauge,
    /// See [`Metric::FeedSilent`].
    pub silent: Gauge,
}

impl Feeds {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            polls: registered(registry, Metric::FeedPolls, Family::default()),
            received: registered(registry, Metric::FeedReceived, Family::default()),
            alerts: registered(registry, Metric::FeedAlerts, Family::default()),
            vanished: registered(registry, Metric::FeedVanished, Family::default()),
            age: registered(registry, Metric::FeedAge, Family::default()),
            silent: registered(registry, Metric::FeedSilent, Family::default()),
        }
    }

    pub(super) fn of(&self, feed: &str) -> FeedMetrics {
        let label = [("feed", feed.to_owned())];
        FeedMetrics {
            feed: feed.to_owned(),
            polls: self.polls.clone(),
            alerts: self.alerts.clone(),
            received: self.received.get_or_create_owned(&label),
            vanished: self.vanished.get_or_create_owned(&label),
            age: self.age.get_or_create_owned(&label),
            silent: self.silent.get_or_create_owned(&label),
        }
    }

    /// A feed that is no more is not shown any more.
    pub(super) fn forget(&self, feed: &str) {
        let label = [("feed", feed.to_owned())];
        self.age.remove(&label);
        self.silent.remove(&label);
    }
}

impl FeedMetrics {
    /// The counter of times that it was asked, or its stream opened, and it went so.
    pub fn polls(&self, outcome: &'static str) -> Counter {
        self.polls.get_or_create_owned(&[("feed", self.feed.clone()), ("outcome", outcome.to_owned())])
    }

    /// The counter of its alerts that were answered so.
    pub fn alerts(&self, answer: &'static str) -> Counter {
        self.alerts.get_or_create_owned(&[("feed", self.feed.clone()), ("answer", answer.to_owned())])
    }
}
