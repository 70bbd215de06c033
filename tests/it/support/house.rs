//! A whole server in this process, on a clock that stands until the test sets it; and calls to it over real sockets.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hazardcast::access::Limits;
use hazardcast::app::{App, Null, Options};
use hazardcast::device::Credentials;
use hazardcast::domain::{ChannelKind, ManualClock, SignedDuration};
use hazardcast::registry::EventLimits;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use jiff::Timestamp;
use tempfile::TempDir;
use tonic::transport::Channel;

use super::api;
use super::message::Message;
use super::server::PATIENCE;
use super::site::{BOUNDS, CLAIM_WAIT, WEBHOOKS};

/// When the clock of every house starts.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

/// The app that devices are registered with.
pub(crate) const APP: &str = "partners/dev/apps/alpha";

/// What differs between houses.
#[derive(Debug, Clone, Copy)]
struct Setting {
    audit_segment_bytes: u64,
    /// Whether the null channel leads out of the region.
    null_abroad: bool,
}

/// What most have.
const USUAL: Setting = Setting { audit_segment_bytes: 1 << 20, null_abroad: false };

/// A running server.
pub(crate) struct House {
    app: App,
    /// Its time.
    pub(crate) clock: Arc<ManualClock>,
    setting: Setting,
    folder: TempDir,
    /// Calls to it.
    pub(crate) channel: Channel,
}

impl House {
    /// A server with a new data directory.
    pub(crate) async fn open() -> Self {
        Self::with(USUAL).await
    }

    /// The same, whose null channel leads out of the region.
    pub(crate) async fn with_the_null_channel_abroad() -> Self {
        Self::with(Setting { null_abroad: true, ..USUAL }).await
    }

    /// The same, whose audit log begins a new file with every commit.
    pub(crate) async fn with_an_audit_file_for_each_commit() -> Self {
        Self::with(Setting { audit_segment_bytes: 1, ..USUAL }).await
    }

    async fn with(setting: Setting) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self::open_in(folder, Arc::new(ManualClock::at(NOON)), setting).await
    }

    async fn open_in(folder: TempDir, clock: Arc<ManualClock>, setting: Setting) -> Self {
        let mut house = Self::start_in(folder, clock, setting).await;
        house.app.loaded().await.expect("the registry is loaded");
        house
    }

    /// A server whose registry is yet to be loaded.
    async fn start_in(folder: TempDir, clock: Arc<ManualClock>, setting: Setting) -> Self {
        let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let server_clock = Arc::clone(&clock);
        let app = App::open(Options {
            data_dir: folder.path().to_owned(),
            listen: loopback,
            http_listen: loopback,
            clock: server_clock,
            null: Some(Null::Count),
            abroad: if setting.null_abroad { vec![ChannelKind::Null] } else { Vec::new() },
            segment_bytes: 1 << 20,
            audit_segment_bytes: setting.audit_segment_bytes,
            registry_cache_bytes: 8 << 20,
            claim_wait: CLAIM_WAIT,
            key_overlap: CLAIM_WAIT,
            place_lifetime: SignedDuration::from_hours(30 * 24),
            zones_of_one_partner: 3,
            least_count: 10,
            events: EventLimits::default(),
            webhooks: WEBHOOKS,
            feeds: hazardcast::feed::Settings { allow_private: true, roots: None },
            reading: hazardcast::format::Bounds::default(),
            ground_motion: hazardcast::locate::GroundMotion::default(),
            rules: hazardcast::decide::Rules::default(),
            planners: 2,
            heartbeat: Duration::from_mins(1),
            link_queue: 64,
            tls: None,
            bounds: BOUNDS,
            limits: Limits::default(),
            dev: true,
        });
        let app = app.await.expect("the server opens");
        let url = format!("http://{}", app.grpc_address());
        let channel = Channel::from_shared(url).expect("a URL").connect().await.expect("it listens");
        Self { app, clock, setting, folder, channel }
    }

    /// Closes it and opens it again on the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { app, clock, setting, folder, channel } = self;
        drop(channel);
        app.close().await.expect("it closes in time");
        Self::open_in(folder, clock, setting).await
    }

    /// Closes it, and opens it with the identity key in a pipe that has nothing in it yet: the registry is not loaded
    /// before [`House::let_load`].
    pub(crate) async fn restart_held_up(self) -> (Self, HeldUp) {
        let Self { app, clock, setting, folder, channel } = self;
        drop(channel);
        app.close().await.expect("it closes in time");
        let path = folder.path().join("registry/identity.key");
        let key = std::fs::read(&path).expect("there is one");
        std::fs::remove_file(&path).expect("removed");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe can be made");
        (Self::start_in(folder, clock, setting).await, HeldUp { path, key })
    }

    /// Closes it before its registry is loaded, and opens it again on the same data.
    pub(crate) async fn restart_unloaded(self, held_up: HeldUp) -> Self {
        let Self { app, clock, setting, folder, channel } = self;
        drop(channel);
        let (closed, ()) = tokio::join!(app.close(), async { held_up.let_go() });
        closed.expect("it closes in time");
        Self::open_in(folder, clock, setting).await
    }

    /// The registry is loaded when this returns.
    pub(crate) async fn let_load(&mut self, held_up: HeldUp) {
        held_up.let_go();
        self.app.loaded().await.expect("the registry is loaded");
    }

    /// Closes it; panics unless everything ends in time.
    pub(crate) async fn close(self) {
        drop(self.channel);
        self.app.close().await.expect("it closes in time");
    }

    /// The folder of its audit log.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    /// Submits the message; its answer.
    pub(crate) async fn submit(&self, message: &Message) -> Outcome {
        let raw = v1::RawAlert { content: message.cap().into(), media_type: "application/cap+xml".to_owned() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        let answer = AlertServiceClient::new(self.channel.clone()).submit_alert(request).await;
        answer.expect("it is answered").into_inner().outcome.expect("there is an outcome")
    }

    /// Sends the message and waits until its fan-out is complete.
    pub(crate) async fn send(&self, message: &Message) -> v1::FanOut {
        let Outcome::Admitted(admitted) = self.submit(message).await else {
            panic!("{} is not admitted", message.identifier)
        };
        let request = v1::WatchFanOutRequest { name: admitted.fan_out };
        let answer = FanOutServiceClient::new(self.channel.clone()).watch_fan_out(request).await;
        let mut looks = answer.expect("it can be watched").into_inner();
        let mut last = None;
        while let Some(look) = looks.message().await.expect("it is told") {
            last = look.fan_out;
        }
        last.expect("there is a last look")
    }

    /// Where metrics and readiness are served.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.app.http_address()
    }

    /// Waits until so many devices have acknowledged the fan-out.
    pub(crate) async fn acknowledged(&self, fan_out: &str, count: i64) {
        let started = Instant::now();
        let mut client = FanOutServiceClient::new(self.channel.clone());
        loop {
            let request = v1::GetFanOutRequest { name: fan_out.to_owned() };
            let found = client.get_fan_out(request).await.expect("it is known").into_inner().fan_out;
            if found.expect("it is told").acknowledged_count >= count {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "waited too long for {count} acknowledgements");
            tokio::task::yield_now().await;
        }
    }

    /// Registers a device at `[lon, lat]` that consents to everything it needs.
    pub(crate) async fn register(&self, place: [f64; 2]) -> Credentials {
        let request = api::create(APP, api::phone_at(place));
        let answer = self.devices().create_registration(request).await.expect("it is registered").into_inner();
        api::credentials(&answer)
    }

    /// Reports that the device is at `[lon, lat]` now.
    pub(crate) async fn report_place(&self, device: &Credentials, place: [f64; 2]) {
        let request = v1::ReportPlaceRequest { name: device.registration.to_string(), place: Some(api::place(place)) };
        self.devices().report_place(request).await.expect("it is taken");
    }

    /// Calls of partners for their devices.
    pub(crate) fn devices(&self) -> DeviceServiceClient<Channel> {
        DeviceServiceClient::new(self.channel.clone())
    }
}

/// What holds a registry up.
pub(crate) struct HeldUp {
    path: PathBuf,
    key: Vec<u8>,
}

impl HeldUp {
    /// Puts the key into the pipe, and back into a file.
    pub(crate) fn let_go(self) {
        std::fs::write(&self.path, &self.key).expect("it is read");
        std::fs::remove_file(&self.path).expect("removed");
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&self.path).expect("made");
        file.write_all(&self.key).expect("written");
    }
}
