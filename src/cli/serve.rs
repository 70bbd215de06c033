//! `hazardcast serve`: which settings a server runs with, and whether it may.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Null, Options, Tls};
use crate::config::{Config, ConfigError, LogFormat, LogLevel, Switch};
use crate::decide::Rules;
use crate::domain::Timestamp;
use crate::lifecycle::{self, Ended, HangUps, OffsetClock, StopSignals, SystemClock, harden, raise_open_files};
use crate::registry::Progress;

use super::output::{Steps, print_line};

/// What `serve` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// A file with the settings that differ from the shipped ones
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder that holds everything durable
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the gRPC API listens
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where metrics and readiness answer
    #[arg(long, value_name = "ADDR")]
    pub http_listen: Option<SocketAddr>,
    /// Let anyone on this machine do anything: loopback addresses only
    #[arg(long)]
    pub dev: bool,
    /// The server's certificate with those that lead to a root, PEM
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub private_key: Option<PathBuf>,
    /// The roots of client certificates that callers may show, PEM
    #[arg(long, value_name = "FILE")]
    pub client_roots: Option<PathBuf>,
    /// Start the server's clock at this instant (RFC 3339), so that alerts of the past can be sent
    #[arg(long, value_name = "TIME", requires = "dev")]
    pub clock: Option<Timestamp>,
    /// Reach devices that have a token for the null channel by appending who is told to this file
    #[arg(long, value_name = "FILE", requires = "dev")]
    pub null_channel: Option<PathBuf>,
    /// The least severity that is logged
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<LogLevel>,
    /// What the log is made of
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

const EXAMPLES: &str = "\
Examples:
  hazardcast serve --dev
  hazardcast serve --certificate server.pem --private-key server.key --listen 0.0.0.0:7400
  hazardcast serve --config site.toml
  hazardcast serve --dev --config site.toml --data-dir /var/lib/hazardcast
  hazardcast serve --dev --listen 127.0.0.1:7500 --http-listen 127.0.0.1:7501
  hazardcast serve --dev --clock 2024-10-25T15:10:00Z --log debug --log-format json";

/// How often the progress bar moves.
const LOOK: Duration = Duration::from_millis(100);

/// Why a server is not started.
#[derive(Debug, thiserror::Error)]
pub enum ServeRefused {
    /// The settings cannot be used.
    #[error("settings")]
    Config(#[from] ConfigError),
    /// Tokens, places and alerts would go in plain text.
    #[error(
        "no certificate is configured, and plain text is for --dev on this machine alone: set tls.certificate and \
         tls.private_key, or give --certificate and --private-key"
    )]
    NoTls,
    /// A certificate is of no use without its key.
    #[error("tls.certificate is set and tls.private_key is not")]
    NoKey,
    /// What machines ask would go in plain text.
    #[error("server.http_listen = {0} is not a loopback address: set tls.http = \"on\", or keep it on this machine")]
    PlainHttp(SocketAddr),
    /// Anyone on the network could send alerts.
    #[error("--dev is for this machine only, and {key} = {address} is not a loopback address")]
    NotLoopback {
        /// Which setting.
        key: &'static str,
        /// What it is.
        address: SocketAddr,
    },
}

impl ServeArgs {
    /// The settings to run with: the shipped ones, the file's over them, these over both. Refuses what would let
    /// strangers in.
    pub fn settings(&self) -> Result<Config, ServeRefused> {
        let mut config = Config::load(self.config.as_deref())?;
        replace(&mut config.data_dir, self.data_dir.clone());
        replace(&mut config.server.listen, self.listen);
        replace(&mut config.server.http_listen, self.http_listen);
        replace(&mut config.log.level, self.log);
        replace(&mut config.log.format, self.log_format);
        replace(&mut config.tls.certificate, self.certificate.clone());
        replace(&mut config.tls.private_key, self.private_key.clone());
        replace(&mut config.tls.client_roots, self.client_roots.clone());
        let tls = config.tls.files();
        if tls.as_ref().is_some_and(|files| files.private_key.as_os_str().is_empty()) {
            return Err(ServeRefused::NoKey);
        }
        if !self.dev {
            let http = config.server.http_listen;
            if tls.is_none() {
                return Err(ServeRefused::NoTls);
            }
            if !http.ip().is_loopback() && config.tls.http == Switch::Off {
                return Err(ServeRefused::PlainHttp(http));
            }
            return Ok(config);
        }
        let listeners = [("server.listen", config.server.listen), ("server.http_listen", config.server.http_listen)];
        for (key, address) in listeners {
            if !address.ip().is_loopback() {
                return Err(ServeRefused::NotLoopback { key, address });
            }
        }
        Ok(config)
    }
}

/// Runs a server until it is asked to stop.
pub async fn run(args: &ServeArgs, config: Config, json: bool) -> anyhow::Result<ExitCode> {
    let options = Options {
        null: args.null_channel.clone().map(Null::File),
        clock: match args.clock {
            Some(start) => Arc::new(OffsetClock::starting_at(start)),
            None => Arc::new(SystemClock),
        },
        ..options(&config, args.dev)
    };
    if let Err(error) = harden() {
        tracing::warn!(%error, "a crash of the process may leave what it knows in a file");
    }
    if let Err(error) = raise_open_files() {
        tracing::warn!(%error, "the limit of open files stays as it is: there may be fewer links than devices");
    }
    let mut signals = StopSignals::catch().context("signals cannot be caught")?;
    let mut hang_ups = HangUps::catch().context("signals cannot be caught")?;
    let server = async |stop: CancellationToken| {
        let app = App::open(options).await?;
        say_listening(&app, json);
        let (reload, progress, ready) = (app.reload(), app.progress(), app.ready());
        let mut serving = std::pin::pin!(app.run(stop.cancelled_owned()));
        let mut shown = std::pin::pin!(show_loading(&progress, &ready, json));
        let mut loading = true;
        loop {
            tokio::select! {
                ended = &mut serving => return ended,
                () = &mut shown, if loading => loading = false,
                () = hang_ups.next() => reload.notify_one(),
            }
        }
    };
    match lifecycle::run(server, async || signals.next().await, config.server.stop_within()).await {
        Ended::Finished(result) => {
            result?;
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        Ended::CutBySignal | Ended::CutByDeadline => anyhow::bail!("cut off before everything had ended"),
    }
}

/// A server as configured, on the system's clock.
pub(super) fn options(config: &Config, dev: bool) -> Options {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Options {
        data_dir: config.data_dir.clone(),
        listen: config.server.listen,
        http_listen: config.server.http_listen,
        clock: Arc::new(SystemClock),
        null: None,
        abroad: config.abroad(),
        segment_bytes: config.journal.segment_bytes(),
        audit_segment_bytes: config.audit.segment_bytes(),
        registry_cache_bytes: config.registry.cache_bytes(),
        claim_wait: config.registry.claim_wait(),
        key_overlap: config.registry.key_overlap(),
        place_lifetime: config.registry.place_lifetime(),
        least_count: config.statistics.least_count(),
        zones_of_one_partner: config.registry.zones_of_one_partner(),
        events: config.events.limits(),
        webhooks: config.webhooks.settings(dev),
        feeds: config.feeds.settings(dev),
        reading: config.format.bounds(),
        ground_motion: config.ground_motion.ground_motion(),
        rules: Rules { hold: config.hold.rules(), ..config.decide.rules() },
        planners: config.fan_out.planners(cores),
        heartbeat: config.link.heartbeat(),
        link_queue: config.link.queue(),
        tls: config.tls.files().map(|files| Tls {
            files,
            reload: config.tls.reload(),
            http: config.tls.http == Switch::On,
        }),
        bounds: config.server.bounds(dev),
        limits: config.access.limits(dev),
        dev,
    }
}

/// Shows how far the registry is until it is there, and says so then.
async fn show_loading(progress: &Progress, ready: &CancellationToken, json: bool) {
    let bar = Steps::new(json).bar("registry", 0);
    let look = async {
        loop {
            let (done, of) = progress.now();
            bar.set_length(of);
            bar.set_position(done.min(of));
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = ready.cancelled() => {}
        () = look => {}
    }
    bar.finish_and_clear();
    print_line(&if json { serde_json::json!({ "ready": true }).to_string() } else { "Ready".to_owned() });
}

fn say_listening(app: &App, json: bool) {
    let (grpc, http) = (app.grpc_address(), app.http_address());
    if json {
        print_line(&serde_json::json!({ "listening": grpc.to_string(), "http": http.to_string() }).to_string());
    } else {
        print_line(&format!("gRPC on {grpc}, metrics and readiness on http://{http}; Ctrl-C stops"));
    }
}

fn replace<T>(setting: &mut T, with: Option<T>) {
    if let Some(with) = with {
        *setting = with;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

    use super::*;

    fn settings(line: &str) -> Result<Config, ServeRefused> {
        match Cli::try_parse_from(line.split_whitespace()).expect("parsed").command {
            Command::Serve(args) => args.settings(),
            _ => panic!("not serve"),
        }
    }

    #[test]
    fn without_dev_it_starts_with_tls_alone() {
        assert!(matches!(settings("hazardcast serve"), Err(ServeRefused::NoTls)));
        let tls = "hazardcast serve --certificate a.pem --private-key a.key --listen 0.0.0.0:1";
        let files = settings(tls).expect("fine").tls.files().expect("set");
        assert_eq!((files.certificate, files.client_roots), (PathBuf::from("a.pem"), None));
        let http = format!("{tls} --http-listen 0.0.0.0:2");
        assert!(matches!(settings(&http), Err(ServeRefused::PlainHttp(_))));
    }

    #[test]
    fn a_certificate_without_its_key_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("site.toml");
        std::fs::write(&file, "[tls]\ncertificate = \"a.pem\"\n").expect("written");
        let line = format!("hazardcast serve --config {}", file.display());
        assert!(matches!(settings(&line), Err(ServeRefused::NoKey)));
        std::fs::write(&file, "[tls]\ncertificate = \"a.pem\"\nprivate_key = \"a.key\"\nhttp = \"on\"\n")
            .expect("written");
        assert!(settings(&format!("{line} --http-listen 0.0.0.0:2")).is_ok());
    }

    #[test]
    fn dev_listens_on_loopback_only() {
        for flag in ["--listen", "--http-listen"] {
            for address in ["0.0.0.0:7400", "192.168.1.2:7400", "[::]:7400"] {
                let error = settings(&format!("hazardcast serve --dev {flag} {address}")).expect_err(address);
                assert!(error.to_string().contains(address), "{error}");
            }
            assert!(settings(&format!("hazardcast serve --dev {flag} [::1]:7400")).is_ok());
        }
    }

    #[test]
    fn flags_go_over_the_file_and_the_file_over_what_is_shipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("site.toml");
        let text = "data_dir = \"here\"\n[server]\nlisten = \"127.0.0.1:1\"\nhttp_listen = \"127.0.0.1:2\"\n";
        std::fs::write(&file, text).expect("written");
        let line = format!("hazardcast serve --dev --config {} --listen 127.0.0.1:3 --log warn", file.display());
        let config = settings(&line).expect("fine");
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!(config.server.http_listen.port(), 2);
        assert_eq!((config.data_dir, config.log.level), (PathBuf::from("here"), LogLevel::Warn));
        assert_eq!(config.link, Config::shipped().link);
    }
}
