//! One section for each module that has settings. What each key means, its unit and its default is told in
//! `default.toml`, and only there.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::access::{Allowance, Limits};
use crate::domain::{ChannelKind, SignedDuration};
use crate::feed;
use crate::grpc::SILENCE;
use crate::listen::{self, CertificateFiles};
use crate::registry::EventLimits;
use crate::webhook;

use super::Bounded;

/// Listeners, and the time for a stop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Server {
    /// Where the gRPC API listens.
    pub listen: SocketAddr,
    /// Where metrics and readiness answer.
    pub http_listen: SocketAddr,
    stop_seconds: Bounded<1, 3_600>,
    connections: Bounded<1, 10_000_000>,
    connections_of_one_network: Bounded<0, 10_000_000>,
    new_connections_of_one_network: Bounded<0, 1_000_000>,
    opening_seconds: Bounded<1, 300>,
}

impl Server {
    /// What connections to the API may cost. On a development server all come from one network, and are as many as they
    /// like.
    pub fn bounds(&self, dev: bool) -> listen::Bounds {
        let of_one_network = Some(self.connections_of_one_network.get()).filter(|&most| most > 0 && !dev);
        listen::Bounds {
            connections: self.connections.get() as usize,
            of_one_network,
            new_of_one_network: NonZeroU32::new(self.new_connections_of_one_network.get()).filter(|_| !dev),
            opening: Duration::from_secs(self.opening_seconds.get().into()),
            silence: SILENCE,
        }
    }

    /// How long a stop may take.
    pub fn stop_within(&self) -> Duration {
        Duration::from_secs(self.stop_seconds.get().into())
    }
}

/// Certificates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Tls {
    /// The server's certificate; empty: no TLS.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// The roots of callers' certificates; empty: they show none.
    pub client_roots: PathBuf,
    reload_seconds: Bounded<1, 86_400>,
    /// Whether metrics and readiness are served over TLS.
    pub http: Switch,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Tls {
    /// Where the certificates are, if there are any.
    pub fn files(&self) -> Option<CertificateFiles> {
        let set = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        let (certificate, private_key) = (set(&self.certificate)?, self.private_key.clone());
        Some(CertificateFiles { certificate, private_key, client_roots: set(&self.client_roots) })
    }

    /// How often it is looked whether they have changed.
    pub fn reload(&self) -> Duration {
        Duration::from_secs(self.reload_seconds.get().into())
    }
}

/// What callers may ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Access {
    partner_calls: Bounded<0, 1_000_000>,
    partner_open: Bounded<1, 100_000>,
    authority_calls: Bounded<0, 1_000_000>,
    authority_open: Bounded<1, 100_000>,
    operator_calls: Bounded<0, 1_000_000>,
    operator_open: Bounded<1, 100_000>,
    links_of_one_network: Bounded<0, 1_000_000>,
    failures_of_one_network: Bounded<1, 100_000>,
}

impl Access {
    /// What callers may ask; on a development server, where nobody is anybody, as much as they like.
    pub fn limits(&self, dev: bool) -> Limits {
        if dev {
            return Limits::default();
        }
        let allowance = |calls: Bounded<0, 1_000_000>, open: Bounded<1, 100_000>| Allowance {
            calls: NonZeroU32::new(calls.get()),
            open: open.get() as usize,
        };
        Limits {
            partner: Some(allowance(self.partner_calls, self.partner_open)),
            authority: Some(allowance(self.authority_calls, self.authority_open)),
            operator: Some(allowance(self.operator_calls, self.operator_open)),
            links_of_one_network: NonZeroU32::new(self.links_of_one_network.get()),
            failures_of_one_network: NonZeroU32::new(self.failures_of_one_network.get()),
        }
    }
}

/// The alert journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Journal {
    segment_mib: Bounded<1, 4_096>,
}

impl Journal {
    /// The size at which a segment is closed, bytes.
    pub fn segment_bytes(&self) -> u64 {
        u64::from(self.segment_mib.get()) << 20
    }
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Audit {
    segment_mib: Bounded<1, 1_024>,
}

impl Audit {
    /// The size at which a segment is closed, bytes.
    pub fn segment_bytes(&self) -> u64 {
        u64::from(self.segment_mib.get()) << 20
    }
}

/// The registry's store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Registry {
    /// The region that the data are in.
    pub region: Region,
    cache_mib: Bounded<16, 65_536>,
    claim_wait_days: Bounded<1, 3_650>,
    identity_key_overlap_days: Bounded<1, 3_650>,
    place_lifetime_days: Bounded<1, 3_650>,
    zones_of_one_partner: Bounded<0, 10_000>,
}

impl Registry {
    /// Memory for blocks that were read from disk, bytes.
    pub fn cache_bytes(&self) -> u64 {
        u64::from(self.cache_mib.get()) << 20
    }

    /// How long an identity key that was retired is valid for look-up.
    pub fn key_overlap(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.identity_key_overlap_days.get()))
    }

    /// How long the holder of a CID is to be silent before one that claims it holds it.
    pub fn claim_wait(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.claim_wait_days.get()))
    }

    /// How old the report of a phone's place may be.
    pub fn place_lifetime(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.place_lifetime_days.get()) * 24)
    }

    /// The most zones that one partner may have.
    pub fn zones_of_one_partner(&self) -> usize {
        self.zones_of_one_partner.get() as usize
    }
}

/// Counts of people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Statistics {
    least_count: Bounded<2, 1_000>,
}

impl Statistics {
    /// The least count that partners and authorities are told.
    pub fn least_count(&self) -> u64 {
        self.least_count.get().into()
    }
}

/// Partners' events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Events {
    keep_days: Bounded<1, 400>,
    keep_count: Bounded<1_000, 100_000_000>,
}

impl Events {
    /// How long they are kept, and how many of one partner.
    pub fn limits(&self) -> EventLimits {
        let keep = SignedDuration::from_hours(i64::from(self.keep_days.get()) * 24);
        EventLimits { keep, most: self.keep_count.get().into() }
    }
}

/// Where partners have their events sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Webhooks {
    allow_private: Switch,
    roots: PathBuf,
    first_retry_seconds: Bounded<1, 3_600>,
}

impl Webhooks {
    /// How events are sent. A development server may send them to anywhere.
    pub fn settings(&self, dev: bool) -> webhook::Settings {
        webhook::Settings {
            allow_private: dev || self.allow_private == Switch::On,
            roots: Some(&self.roots).filter(|roots| !roots.as_os_str().is_empty()).cloned(),
            first_retry: Duration::from_secs(self.first_retry_seconds.get().into()),
        }
    }
}

/// How alerts are got from feeds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Feeds {
    allow_private: Switch,
    roots: PathBuf,
}

impl Feeds {
    /// How feeds are got. A development server may get them from anywhere.
    pub fn settings(&self, dev: bool) -> feed::Settings {
        feed::Settings {
            allow_private: dev || self.allow_private == Switch::On,
            roots: Some(&self.roots).filter(|roots| !roots.as_os_str().is_empty()).cloned(),
        }
    }
}

/// Where data are, or go to: at most 32 of `a-z`, `0-9` and `-`, as the operator calls it. Empty where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Whether what goes here leaves the region that the data are in. Where nothing is said it does not.
    pub fn is_outside(&self, data: &Self) -> bool {
        !self.0.is_empty() && self != data
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > 32 || !name.bytes().all(is_good) {
            return Err(D::Error::custom("a region is at most 32 of a-z, 0-9 and -"));
        }
        Ok(Self(name))
    }
}

/// Ways out but links, each with its settings. A link leads to the device itself, and out of no region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Channels {
    null: ChannelSettings,
}

impl Channels {
    /// The settings of each.
    pub fn all(&self) -> [(ChannelKind, &ChannelSettings); 1] {
        [(ChannelKind::Null, &self.null)]
    }
}

/// What is set of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ChannelSettings {
    /// The region that it leads to.
    pub region: Region,
}

/// Devices' links.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Link {
    heartbeat_seconds: Bounded<5, 3_600>,
    queue: Bounded<4, 4_096>,
}

impl Link {
    /// How often a device sends a heartbeat when nothing else goes.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds.get().into())
    }

    /// How many frames may wait for one device.
    pub fn queue(&self) -> usize {
        self.queue.get() as usize
    }
}

/// Fan-outs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct FanOut {
    planners: Bounded<0, 256>,
}

impl FanOut {
    /// How many threads plan on a machine of so many cores.
    pub fn planners(&self, cores: usize) -> usize {
        match self.planners.get() {
            0 => cores.saturating_sub(1).max(1),
            set => set as usize,
        }
    }
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Log {
    /// What it is made of.
    pub format: LogFormat,
    /// The least severity that is logged.
    pub level: LogLevel,
}

/// What the log is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One object a line, for machines.
    Json,
}

/// How severe something is that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something may be.
    Warn,
    /// What an operator wants to know of a day.
    Info,
    /// What one looks for when something is wrong.
    Debug,
    /// Everything.
    Trace,
}
