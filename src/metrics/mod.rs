//! Every metric that the server has, by name, unit and help, and the handles that count.
//!
//! [`Metric`] is the list; [`Metrics`] holds one typed handle for each. Handles are atomics, and labelled ones are
//! found by position or taken once by name before the work begins: on the hot path nothing is looked up and no lock is
//! taken. (A histogram takes a short lock: there is one observation a fan-out, not one a device.) No label is a
//! person's.

mod feeds;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::domain::{ChannelKind, Milestone};

pub use feeds::FeedMetrics;

/// A metric of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Alerts by what the desk decided.
    AlertsDecided,
    /// Time from an alert's last byte to its place on disk.
    Accept,
    /// Time from an alert's place on disk to the last device planned.
    Plan,
    /// Time from an alert's place on disk to the first notice sent.
    FirstNotice,
    /// Codes of submitted alerts that name no ground here.
    GeocodesUnresolved,
    /// Devices that came to a milestone, by channel.
    FanOutDevices,
    /// Devices that were told, over whatever channel.
    DevicesTold,
    /// Devices that were not told, by rule.
    DevicesSkipped,
    /// Links that are open.
    LinksOpen,
    /// Registrations that exist.
    Registrations,
    /// Places in the index.
    Places,
    /// Times that a registration entered a zone of its partner.
    ZoneEntries,
    /// Batches that the registry's store has committed.
    RegistryCommits,
    /// Syncs of the journal's file.
    JournalSyncs,
    /// Bytes that were appended to the journal.
    JournalAppended,
    /// Records of the audit log, by action.
    AuditRecords,
    /// Syncs of the audit log's file.
    AuditSyncs,
    /// Bytes that were appended to the audit log.
    AuditAppended,
    /// Whether the audit log has failed.
    AuditFailed,
    /// Messages that wait in a queue.
    QueueDepth,
    /// Tasks and threads that run, by name.
    TasksRunning,
    /// Tasks and threads that panicked or ended by themselves, by name.
    TasksFailed,
    /// Connections that are open, by listener.
    ConnectionsOpen,
    /// Connections that were not taken in, by why.
    ConnectionsRefused,
    /// Times that certificates were loaded again.
    CertificateReloads,
    /// Proofs of who calls that were wrong, by kind.
    AuthenticationsFailed,
    /// Calls that were refused before they reached the house, by why.
    CallsRefused,
    /// Events that were written to partners' logs, by kind.
    PartnerEvents,
    /// Times that an event was sent to a webhook, by what came of it.
    WebhookAttempts,
    /// Times that a mirror of a feed was asked, or its stream opened, by what came of it.
    FeedPolls,
    /// Bytes that came from a feed, as they came.
    FeedReceived,
    /// Alerts that came from a feed, by what they were answered.
    FeedAlerts,
    /// Alerts that were in a feed no more, though neither cancelled nor expired.
    FeedVanished,
    /// How long ago something good came from a feed.
    FeedAge,
    /// Whether that is longer ago than it should be.
    FeedSilent,
    /// What an admitted alert waited for until it was accepted, by stage.
    AcceptStage,
    /// Alerts that wait for a person.
    AlertsHeld,
    /// Times that an alert's wait for a person was an alarm.
    HeldAlarms,
    /// Alerts that wait for a person no more, by how that ended.
    HeldSettled,
}

impl Metric {
    /// Name without the prefix `hazardcast_` and the unit's suffix; unit; help.
    pub const fn describe(self) -> (&'static str, Option<Unit>, &'static str) {
        match self {
            Self::AlertsDecided => ("alerts_decided", None, "Alerts by what the desk decided"),
            Self::Accept => ("accept", Some(Unit::Seconds), "From an alert's last byte to its place on disk"),
            Self::Plan => ("plan", Some(Unit::Seconds), "From an alert's place on disk to the last device planned"),
            Self::FirstNotice => {
                ("first_notice", Some(Unit::Seconds), "From an alert's place on disk to the first notice sent")
            }
            Self::GeocodesUnresolved => ("geocodes_unresolved", None, "Codes of alerts that name no ground here"),
            Self::FanOutDevices => ("fan_out_devices", None, "Devices that came to a milestone of a fan-out"),
            Self::DevicesTold => ("devices_told", None, "Devices that were told, over whatever channel"),
            Self::DevicesSkipped => ("devices_skipped", None, "Devices in an area that were not told, by rule"),
            Self::LinksOpen => ("links_open", None, "Links that are open"),
            Self::Registrations => ("registrations", None, "Registrations that exist"),
            Self::Places => ("places", None, "Places in the index"),
            Self::ZoneEntries => ("zone_entries", None, "Times that a registration entered a zone of its partner"),
            Self::RegistryCommits => ("registry_commits", None, "Batches that the registry's store has committed"),
            Self::JournalSyncs => ("journal_syncs", None, "Syncs of the journal's file"),
            Self::JournalAppended => ("journal_appended", Some(Unit::Bytes), "What was appended to the journal"),
            Self::AuditRecords => ("audit_records", None, "Records of the audit log, by action"),
            Self::AuditSyncs => ("audit_syncs", None, "Syncs of the audit log's file"),
            Self::AuditAppended => ("audit_appended", Some(Unit::Bytes), "What was appended to the audit log"),
            Self::AuditFailed => ("audit_failed", None, "1 if the audit log takes no more records, else 0"),
            Self::QueueDepth => ("queue_depth", None, "Messages that wait in a queue"),
            Self::TasksRunning => ("tasks_running", None, "Tasks and threads that run"),
            Self::TasksFailed => ("tasks_failed", None, "Tasks and threads that panicked or ended by themselves"),
            Self::ConnectionsOpen => ("connections_open", None, "Connections that are open"),
            Self::ConnectionsRefused => ("connections_refused", None, "Connections that were not taken in"),
            Self::CertificateReloads => ("certificate_reloads", None, "Times that certificates were loaded again"),
            Self::AuthenticationsFailed => ("authentications_failed", None, "Proofs of who calls that were wrong"),
            Self::CallsRefused => ("calls_refused", None, "Calls refused for who makes them, or how many"),
            Self::PartnerEvents => ("partner_events", None, "Events that were written to partners' logs"),
            Self::WebhookAttempts => ("webhook_attempts", None, "Times that an event was sent to a webhook"),
            Self::FeedPolls => ("feed_polls", None, "Times that a mirror of a feed was asked, or its stream opened"),
            Self::FeedReceived => ("feed_received", Some(Unit::Bytes), "What came from a feed, as it came"),
            Self::FeedAlerts => ("feed_alerts", None, "Alerts that came from a feed, by their answer"),
            Self::FeedVanished => ("feed_vanished", None, "Alerts in a feed no more, not cancelled and not expired"),
            Self::FeedAge => ("feed_age", Some(Unit::Seconds), "How long ago something good came from a feed"),
            Self::FeedSilent => ("feed_silent", None, "1 if a feed has said nothing for too long, else 0"),
            Self::AcceptStage => ("accept_stage", Some(Unit::Seconds), "Stages of an alert's way to its place on disk"),
            Self::AlertsHeld => ("alerts_held", None, "Alerts that wait for a person"),
            Self::HeldAlarms => ("held_alarms", None, "Times that the wait of an alert for a person was an alarm"),
            Self::HeldSettled => ("held_settled", None, "Alerts that wait for a person no more, by how that ended"),
        }
    }
}

/// What the desk decided on an alert, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertDecision {
    /// It became a bulletin.
    Admitted,
    /// It waits for approval.
    Held,
    /// It was known already, or is none for devices.
    Ignored,
    /// It broke a rule.
    Refused,
}

impl AlertDecision {
    const ALL: [Self; 4] = [Self::Admitted, Self::Held, Self::Ignored, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Held => "held",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}

/// How loading certificates again went, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateReload {
    /// New connections get the new ones.
    Done,
    /// They cannot be used, and the old stay.
    Failed,
}

/// What came of sending an event to a webhook, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookAttempt {
    /// It was taken.
    Delivered,
    /// It was not, and is sent again.
    Failed,
    /// The receiver wants no more.
    Gone,
}

const MILESTONES: [(Milestone, &str); 4] = [
    (Milestone::Planned, "planned"),
    (Milestone::Sent, "sent"),
    (Milestone::Acknowledged, "acknowledged"),
    (Milestone::Failed, "failed"),
];

/// One label, whose values are known when the server is built.
type Label = [(&'static str, &'static str); 1];

/// A handle for each metric, and the registry that they are rendered from.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    alerts_decided: [Counter; AlertDecision::ALL.len()],
    /// See [`Metric::Accept`].
    pub accept: Histogram,
    /// See [`Metric::Plan`].
    pub plan: Histogram,
    /// See [`Metric::FirstNotice`].
    pub first_notice: Histogram,
    fan_out_devices: [[Counter; MILESTONES.len()]; ChannelKind::ALL.len()],
    /// See [`Metric::DevicesTold`].
    pub devices_told: Counter,
    devices_skipped: Family<Label, Counter>,
    /// See [`Metric::LinksOpen`].
    pub links_open: Gauge,
    /// See [`Metric::Registrations`].
    pub registrations: Gauge,
    /// See [`Metric::Places`].
    pub places: Gauge,
    /// See [`Metric::GeocodesUnresolved`].
    pub geocodes_unresolved: Counter,
    /// See [`Metric::ZoneEntries`].
    pub zone_entries: Counter,
    /// See [`Metric::RegistryCommits`].
    pub registry_commits: Counter,
    /// See [`Metric::JournalSyncs`].
    pub journal_syncs: Counter,
    /// See [`Metric::JournalAppended`].
    pub journal_appended: Counter,
    /// See [`Metric::AlertsHeld`].
    pub alerts_held: Gauge,
    /// See [`Metric::HeldAlarms`].
    pub held_alarms: Counter,
    held_settled: Family<Label, Counter>,
    audit_records: Family<Label, Counter>,
    /// See [`Metric::AuditSyncs`].
    pub audit_syncs: Counter,
    /// See [`Metric::AuditAppended`].
    pub audit_appended: Counter,
    /// See [`Metric::AuditFailed`].
    pub audit_failed: Gauge,
    queue_depth: Family<Label, Gauge>,
    tasks_running: Family<Label, Gauge>,
    tasks_failed: Family<Label, Counter>,
    connections_open: Family<Label, Gauge>,
    connections_refused: Family<Label, Counter>,
    certificate_reloads: Family<Label, Counter>,
    authentications_failed: Family<Label, Counter>,
    calls_refused: Family<Label, Counter>,
    partner_events: Family<Label, Counter>,
    webhook_attempts: Family<Label, Counter>,
    feeds: feeds::Feeds,
    accept_stage: Family<Label, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("hazardcast");
        let by_decision = registered(&mut registry, Metric::AlertsDecided, Family::<Label, Counter>::default());
        let devices = Family::<[(&'static str, &'static str); 2], Counter>::default();
        let by_milestone = registered(&mut registry, Metric::FanOutDevices, devices);
        Self {
            alerts_decided: AlertDecision::ALL.map(|of| by_decision.get_or_create_owned(&[("decision", of.name())])),
            accept: registered(&mut registry, Metric::Accept, durations()),
            plan: registered(&mut registry, Metric::Plan, durations()),
            first_notice: registered(&mut registry, Metric::FirstNotice, durations()),
            fan_out_devices: ChannelKind::ALL.map(|channel| {
                MILESTONES.map(|(_, milestone)| {
                    by_milestone.get_or_create_owned(&[("channel", channel.name()), ("milestone", milestone)])
                })
            }),
            devices_told: registered(&mut registry, Metric::DevicesTold, Counter::default()),
            devices_skipped: registered(&mut registry, Metric::DevicesSkipped, Family::default()),
            geocodes_unresolved: registered(&mut registry, Metric::GeocodesUnresolved, Counter::default()),
            links_open: registered(&mut registry, Metric::LinksOpen, Gauge::default()),
            registrations: registered(&mut registry, Metric::Registrations, Gauge::default()),
            places: registered(&mut registry, Metric::Places, Gauge::default()),
            zone_entries: registered(&mut registry, Metric::ZoneEntries, Counter::default()),
            registry_commits: registered(&mut registry, Metric::RegistryCommits, Counter::default()),
            journal_syncs: registered(&mut registry, Metric::JournalSyncs, Counter::default()),
            journal_appended: registered(&mut registry, Metric::JournalAppended, Counter::default()),
            alerts_held: registered(&mut registry, Metric::AlertsHeld, Gauge::default()),
            held_alarms: registered(&mut registry, Metric::HeldAlarms, Counter::default()),
            held_settled: registered(&mut registry, Metric::HeldSettled, Family::default()),
            audit_records: registered(&mut registry, Metric::AuditRecords, Family::default()),
            audit_syncs: registered(&mut registry, Metric::AuditSyncs, Counter::default()),
            audit_appended: registered(&mut registry, Metric::AuditAppended, Counter::default()),
            audit_failed: registered(&mut registry, Metric::AuditFailed, Gauge::default()),
            queue_depth: registered(&mut registry, Metric::QueueDepth, Family::default()),
            tasks_running: registered(&mut registry, Metric::TasksRunning, Family::default()),
            tasks_failed: registered(&mut registry, Metric::TasksFailed, Family::default()),
            connections_open: registered(&mut registry, Metric::ConnectionsOpen, Family::default()),
            connections_refused: registered(&mut registry, Metric::ConnectionsRefused, Family::default()),
            certificate_reloads: registered(&mut registry, Metric::CertificateReloads, Family::default()),
            authentications_failed: registered(&mut registry, Metric::AuthenticationsFailed, Family::default()),
            calls_refused: registered(&mut registry, Metric::CallsRefused, Family::default()),
            partner_events: registered(&mut registry, Metric::PartnerEvents, Family::default()),
            webhook_attempts: registered(&mut registry, Metric::WebhookAttempts, Family::default()),
            feeds: feeds::Feeds::new(&mut registry),
            accept_stage: registered(
                &mut registry,
                Metric::AcceptStage,
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            registry,
        }
    }

    /// The counter of alerts that were decided so.
    pub const fn alerts_decided(&self, decision: AlertDecision) -> &Counter {
        &self.alerts_decided[decision as usize]
    }

    /// The times of one stage of an admitted alert's way to its place on disk. Take it once.
    pub fn accept_stage(&self, stage: &'static str) -> Histogram {
        self.accept_stage.get_or_create_owned(&[("stage", stage)])
    }

    /// The counter of devices that came to `milestone` over `channel`. Found by position.
    pub const fn fan_out_devices(&self, channel: ChannelKind, milestone: Milestone) -> &Counter {
        &self.fan_out_devices[channel as usize][milestone as usize]
    }

    /// The counter of devices that the rule `reason` kept from being told. Take it once, not per device.
    pub fn devices_skipped(&self, reason: &'static str) -> Counter {
        self.devices_skipped.get_or_create_owned(&[("reason", reason)])
    }

    /// The counter of alerts whose wait for a person ended so.
    pub fn held_settled(&self, settlement: &'static str) -> Counter {
        self.held_settled.get_or_create_owned(&[("settlement", settlement)])
    }

    /// The counter of the audit log's records of that action.
    pub fn audit_records(&self, action: &'static str) -> Counter {
        self.audit_records.get_or_create_owned(&[("action", action)])
    }

    /// The gauge of the queue `queue`. Take it once, when the queue is made.
    pub fn queue_depth(&self, queue: &'static str) -> Gauge {
        self.queue_depth.get_or_create_owned(&[("queue", queue)])
    }

    /// The gauge of tasks and threads of that name that run.
    pub fn tasks_running(&self, task: &'static str) -> Gauge {
        self.tasks_running.get_or_create_owned(&[("task", task)])
    }

    /// The counter of tasks and threads of that name that panicked or ended by themselves.
    pub fn tasks_failed(&self, task: &'static str) -> Counter {
        self.tasks_failed.get_or_create_owned(&[("task", task)])
    }

    /// The gauge of connections that the listener `listener` has open. Take it once.
    pub fn connections_open(&self, listener: &'static str) -> Gauge {
        self.connections_open.get_or_create_owned(&[("listener", listener)])
    }

    /// The counter of connections that were not taken in for `reason`.
    pub fn connections_refused(&self, reason: &'static str) -> Counter {
        self.connections_refused.get_or_create_owned(&[("reason", reason)])
    }

    /// The counter of times that certificates were loaded again and it went so.
    pub fn certificate_reloads(&self, outcome: CertificateReload) -> Counter {
        let name = match outcome {
            CertificateReload::Done => "done",
            CertificateReload::Failed => "failed",
        };
        self.certificate_reloads.get_or_create_owned(&[("outcome", name)])
    }

    /// The counter of wrong proofs of that kind.
    pub fn authentications_failed(&self, proof: &'static str) -> Counter {
        self.authentications_failed.get_or_create_owned(&[("proof", proof)])
    }

    /// The counter of calls that were refused for `reason`.
    pub fn calls_refused(&self, reason: &'static str) -> Counter {
        self.calls_refused.get_or_create_owned(&[("reason", reason)])
    }

    /// The counter of events of that kind in partners' logs.
    pub fn partner_events(&self, kind: &'static str) -> Counter {
        self.partner_events.get_or_create_owned(&[("kind", kind)])
    }

    /// The counter of times that an event was sent to a webhook and it went so.
    pub fn webhook_attempts(&self, outcome: WebhookAttempt) -> Counter {
        let name = match outcome {
            WebhookAttempt::Delivered => "delivered",
            WebhookAttempt::Failed => "failed",
            WebhookAttempt::Gone => "gone",
        };
        self.webhook_attempts.get_or_create_owned(&[("outcome", name)])
    }

    /// What is counted of the feed of that id. Take it once.
    pub fn feed(&self, id: &str) -> FeedMetrics {
        self.feeds.of(id)
    }

    /// The feed of that id is no more.
    pub fn forget_feed(&self, id: &str) {
        self.feeds.forget(id);
    }

    /// All metrics as `OpenMetrics` text, which Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all that is written to it");
        text
    }
}

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Buckets from 1 ms to 65 s, each twice the one before.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

fn registered<H>(registry: &mut Registry, metric: Metric, handle: H) -> H
where
    H: Clone + prometheus_client::registry::Metric,
{
    let (name, unit, help) = metric.describe();
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, handle.clone()),
        None => registry.register(name, help, handle.clone()),
    }
    handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_has_its_own_counter() {
        let metrics = Metrics::new();
        for decision in AlertDecision::ALL {
            metrics.alerts_decided(decision).inc_by(decision as u64 + 1);
        }
        for channel in ChannelKind::ALL {
            for (milestone, _) in MILESTONES {
                metrics.fan_out_devices(channel, milestone).inc_by(channel as u64 * 10 + milestone as u64);
            }
        }
        metrics.devices_skipped("no_consent").inc_by(7);
        let text = metrics.render();
        assert!(text.contains("hazardcast_alerts_decided_total{decision=\"refused\"} 4\n"), "{text}");
        assert!(text.contains("hazardcast_devices_skipped_total{reason=\"no_consent\"} 7\n"), "{text}");
        for channel in ChannelKind::ALL {
            for (milestone, name) in MILESTONES {
                let labels = format!("channel=\"{}\",milestone=\"{name}\"", channel.name());
                let count = channel as u64 * 10 + milestone as u64;
                assert!(text.contains(&format!("devices_total{{{labels}}} {count}\n")), "{labels} {count}");
            }
        }
    }

    #[test]
    fn units_are_part_of_the_name() {
        let metrics = Metrics::new();
        metrics.accept.observe(0.002);
        metrics.journal_appended.inc_by(9);
        let text = metrics.render();
        assert!(text.contains("# UNIT hazardcast_accept_seconds seconds"), "{text}");
        assert!(text.contains("hazardcast_accept_seconds_bucket{le=\"0.002\"} 1\n"), "{text}");
        assert!(text.contains("hazardcast_journal_appended_bytes_total 9\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
