//! One section for each module that has settings. What each key means, its unit and its default is told in
//! `default.toml`, and only there.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

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
}

impl Server {
    /// How long a stop may take.
    pub fn stop_within(&self) -> Duration {
        Duration::from_secs(self.stop_seconds.get().into())
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
    cache_mib: Bounded<16, 65_536>,
}

impl Registry {
    /// Memory for blocks that were read from disk, bytes.
    pub fn cache_bytes(&self) -> u64 {
        u64::from(self.cache_mib.get()) << 20
    }
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
