//! The server's settings: `default.toml`, which is embedded and the only place where a default is written, then the
//! file that `--config` names, then the command line.
//!
//! [`Config::load`] gives a [`Config`] whose values are within their bounds; each section is named for the module
//! that it is for. A key that nobody reads is an error, so that a misspelt one is not silently without effect. Nothing
//! here is read again after the start, and nothing comes from the environment.

mod bounded;
mod decide;
mod format;
mod ground_motion;
mod hold;
mod sections;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::domain::ChannelKind;

pub use bounded::Bounded;
pub use decide::Decide;
pub use format::FormatSettings;
pub use ground_motion::GroundMotionSettings;
pub use hold::Hold;
pub use sections::{
    Access, Audit, ChannelSettings, Channels, Events, FanOut, Feeds, Journal, Link, Log, LogFormat, LogLevel, Region,
    Registry, Server, Statistics, Switch, Tls, Webhooks,
};

/// All settings with their defaults and meanings, as shipped.
pub const DEFAULTS: &str = include_str!("default.toml");

/// The largest file that is read, bytes; a thousand times what all keys need.
const MAX_FILE: u64 = 1 << 20;

/// All settings of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder that holds everything durable.
    pub data_dir: PathBuf,
    /// Listeners, and the time for a stop.
    pub server: Server,
    /// Certificates.
    pub tls: Tls,
    /// What callers may ask.
    pub access: Access,
    /// The alert journal.
    pub journal: Journal,
    /// The audit log.
    pub audit: Audit,
    /// The registry's store.
    pub registry: Registry,
    /// Ways out but links.
    pub channel: Channels,
    /// Counts of people.
    pub statistics: Statistics,
    /// Partners' events.
    pub events: Events,
    /// Where partners have their events sent.
    pub webhooks: Webhooks,
    /// Alerts that the server gets for itself.
    pub feeds: Feeds,
    /// Devices' links.
    pub link: Link,
    /// Fan-outs.
    pub fan_out: FanOut,
    /// How much a message may be.
    pub format: FormatSettings,
    /// What a message does to those before it.
    pub decide: Decide,
    /// How long an alert waits for a second person.
    pub hold: Hold,
    /// How strongly earthquakes shake the ground.
    pub ground_motion: GroundMotionSettings,
    /// The log.
    pub log: Log,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no settings file: nothing of its size is.
    #[error("{} is longer than {MAX_FILE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// The file is not TOML.
    #[error("{} is not TOML: {source}", .file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A key is not known, or its value is of the wrong kind or out of bounds.
    #[error("{}: {reason}", .file.display())]
    Invalid {
        /// Which.
        file: PathBuf,
        /// Which key, and what is wrong with it.
        reason: String,
    },
}

impl Config {
    /// The settings as shipped.
    pub fn shipped() -> Self {
        read(defaults()).expect("the embedded defaults are tested")
    }

    /// Channels that lead out of the region that the registry is in.
    pub fn abroad(&self) -> Vec<ChannelKind> {
        let leads_out = |settings: &ChannelSettings| settings.region.is_outside(&self.registry.region);
        self.channel.all().into_iter().filter(|(_, settings)| leads_out(settings)).map(|(kind, _)| kind).collect()
    }

    /// The shipped settings with those of `file` over them.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self::shipped()) };
        let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
        if fs::metadata(file).map_err(unreadable)?.len() > MAX_FILE {
            return Err(ConfigError::TooLarge(file.to_owned()));
        }
        Self::over_shipped(file, &fs::read_to_string(file).map_err(unreadable)?)
    }

    /// The shipped settings with `text` over them; `file` is named in errors.
    fn over_shipped(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let over: Table = text
            .parse()
            .map_err(|source| ConfigError::Malformed { file: file.to_owned(), source: Box::new(source) })?;
        let mut all = defaults();
        lay_over(&mut all, over);
        read(all).map_err(|error| ConfigError::Invalid { file: file.to_owned(), reason: one_line(&error) })
    }
}

fn defaults() -> Table {
    DEFAULTS.parse().expect("the embedded defaults are tested")
}

fn read(all: Table) -> Result<Config, toml::de::Error> {
    Config::deserialize(Value::Table(all))
}

/// Puts each value of `over` in the place of the one below; tables are laid over each other key by key.
fn lay_over(below: &mut Table, over: Table) {
    for (key, value) in over {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(over)) => lay_over(below, over),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

/// The reason and the key's path, which stand on lines of their own.
fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn over(text: &str) -> Result<Config, String> {
        Config::over_shipped(Path::new("site.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_shipped_settings_can_be_used() {
        let config = Config::shipped();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:7400");
        assert_eq!(config.link.heartbeat(), Duration::from_mins(1));
        assert!(config.fan_out.planners(8) == 7 && config.fan_out.planners(1) == 1);
        assert_eq!(over(DEFAULTS), Ok(config));
    }

    #[test]
    fn every_shipped_key_has_a_comment() {
        let mut commented = false;
        for line in DEFAULTS.lines() {
            assert!(commented || !line.contains('=') || line.starts_with('#'), "no comment above: {line}");
            commented = line.starts_with('#');
        }
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let config = over("data_dir = \"/var/lib/hazardcast\"\n[link]\nqueue = 8\n").expect("fine");
        let shipped = Config::shipped();
        assert_eq!(config.data_dir, Path::new("/var/lib/hazardcast"));
        assert_eq!(config.link.queue(), 8);
        assert_eq!(config.link.heartbeat(), shipped.link.heartbeat());
        assert_eq!(config.server, shipped.server);
    }

    #[test]
    fn each_bad_setting_is_told_with_its_key_and_file() {
        let cases = [
            ("speed = 1", "speed"),
            ("[link]\nheartbeat = 5", "heartbeat"),
            ("[link]\nheartbeat_seconds = 4", "heartbeat_seconds"),
            ("[link]\nheartbeat_seconds = -1", "heartbeat_seconds"),
            ("[link]\nqueue = \"many\"", "link.queue"),
            ("[server]\nlisten = \"localhost\"", "server.listen"),
            ("[log]\nformat = \"xml\"", "log.format"),
            ("link = 5", "link"),
            ("[journal]\nsegment_mib = 5000", "from 1 to 4096"),
            ("data_dir = 1", "data_dir"),
            ("[channel.null]\nregion = \"the EU\"", "channel.null.region"),
            ("[channel.fax]\nregion = \"eu\"", "fax"),
        ];
        let mut different = BTreeSet::new();
        for (text, key) in cases {
            let error = over(text).expect_err(text);
            assert!(error.starts_with("site.toml: ") && error.contains(key), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
            assert!(different.insert(error.clone()), "{error}");
        }
        let error = over("[link\n").expect_err("malformed");
        assert!(error.starts_with("site.toml is not TOML: "), "{error}");
    }

    #[test]
    fn a_channel_of_another_region_leads_abroad() {
        let abroad = |text: &str| over(text).expect("fine").abroad();
        assert_eq!(abroad("[registry]\nregion = \"eu\""), []);
        assert_eq!(abroad("[registry]\nregion = \"eu\"\n[channel.null]\nregion = \"eu\""), []);
        assert_eq!(abroad("[registry]\nregion = \"eu\"\n[channel.null]\nregion = \"us\""), [ChannelKind::Null]);
        // Where the data are is not said, and where this leads is: it may be elsewhere.
        assert_eq!(abroad("[channel.null]\nregion = \"us\""), [ChannelKind::Null]);
    }

    #[test]
    fn a_file_that_is_not_there_or_far_too_long_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("site.toml");
        assert!(matches!(Config::load(Some(&path)), Err(ConfigError::Unreadable { .. })));
        fs::write(&path, "#".repeat(MAX_FILE as usize + 1)).expect("written");
        assert!(matches!(Config::load(Some(&path)), Err(ConfigError::TooLarge(_))));
        fs::write(&path, "[fan_out]\nplanners = 3").expect("written");
        assert_eq!(Config::load(Some(&path)).expect("fine").fan_out.planners(8), 3);
    }
}
