//! The doors of the API: one file per service. A door reads a request into domain terms, asks the house, and writes the
//! answer; it decides nothing. Before all doors stands one layer that finds out who calls, and lets through what the
//! table of `rules.rs` allows them.

mod access;
mod acts;
mod alert;
mod alert_stream;
mod audit;
mod auth;
mod authority;
mod bodies;
mod call;
mod cancel;
mod denial;
mod device;
mod fan_out;
mod feed;
mod held;
mod link;
mod names;
mod partner;
mod partner_event;
mod policy;
mod region;
mod rules;
mod saved;
mod statistics;
mod status;
mod zone;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::access::Access;
use crate::audit::Audit;
use crate::domain::{Caller, Clock, Discretion, Slot};
use crate::fan_out::{FanOut, FanOuts};
use crate::feed::Feeds;
use crate::format;
use crate::intake::{Desk, Door};
use crate::link::{Hub, Settings};
use crate::listen::Incoming;
use crate::locate::Atlas;
use crate::metrics::Metrics;
use crate::regions::{MOST_BYTES, RegionStore};
use crate::registry::Registry;
use crate::tasks::Tasks;
use crate::wire;
use crate::wire::convert::InvalidField;
use crate::wire::v1;

pub use bodies::{Bodies, Taken};
pub use status::Refusal;

/// The largest request, bytes: a batch of registrations, or an alert in fields.
const MAX_REQUEST: usize = (4 << 20) + 4_096;

/// What a request has beside the message of an authority that it carries, bytes at most.
const FRAME: usize = 4_096;

/// The largest frame from a device, bytes: 256 keys and some room.
const MAX_DEVICE_FRAME: usize = 16 << 10;

/// The most streams that one connection may have open at a time: links behind a proxy, above all.
const MAX_STREAMS: u32 = 1_024;

/// The largest request about a zone, bytes: each of its points is 16 bytes, and some room.
const MAX_ZONE: usize = 1 << 20;

/// The largest request about regions, bytes: a file of 64 MiB with its frame.
const MAX_REGIONS: usize = MOST_BYTES + 4_096;

/// How much may be on its way to the server over one connection, bytes. The transport (h2) cuts off a connection that
/// has more small frames waiting than half of this in units of 256 bytes: 8 for each stream. So all links of a
/// connection may acknowledge several alerts at the same moment.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The most metadata that a call may have, bytes: a token has 72.
const MAX_METADATA: u32 = 8 << 10;

/// How often a connection on which nothing goes is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// How long it has to answer.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);

/// How long a peer may say nothing: longer than one that is there can.
pub const SILENCE: Duration = Duration::from_secs(100);

/// How much of one stream may be on its way: a batch of places is some 90 KiB, and with less the line would stand still
/// in the middle of each.
const STREAM_WINDOW: u32 = 512 << 10;

/// What doors work with; each is a handle.
#[derive(Clone)]
pub struct Services {
    /// Where alerts go.
    pub desk: Desk,
    /// Where arrivals and acknowledgements go.
    pub fan_outs: FanOuts,
    /// Registrations.
    pub registry: Registry,
    /// Who did what.
    pub audit: Audit,
    /// Live links.
    pub hub: Hub,
    /// How much a message may be.
    pub reading: format::Bounds,
    /// What is known of the ground that alerts speak of.
    pub atlas: Arc<ArcSwap<Atlas>>,
    /// Where imported regions are.
    pub regions: Arc<RegionStore>,
    /// Alerts that the server gets for itself.
    pub feeds: Feeds,
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// The links' protocol.
    pub link: Settings,
    /// Who may call.
    pub access: Access,
    /// Whether anybody who shows nothing may do anything: a development server.
    pub development: bool,
    /// How closely counts are told to those who are not operators.
    pub discretion: Discretion,
    /// Whether events may be sent to addresses that are not public.
    pub private_webhooks: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where links' tasks run.
    pub tasks: Tasks,
}

impl Services {
    /// What all doors of alerts share.
    fn door(&self) -> Door {
        let Self { desk, atlas, audit, clock, tasks, fan_outs, registry, .. } = self;
        Door {
            desk: desk.clone(),
            reading: self.reading,
            atlas: Arc::clone(atlas),
            audit: audit.clone(),
            clock: Arc::clone(clock),
            tasks: tasks.clone(),
            fan_outs: fan_outs.clone(),
            registry: registry.clone(),
        }
    }

    /// Looks what stands where these registrations are: they have a new place, or a new consent. It is done though the
    /// caller goes away meanwhile.
    ///
    /// # Why
    ///
    /// A point is looked up within microseconds. But a place may be a box that is as wide as the globe, in a partner's
    /// zones of a million points: that takes milliseconds, and as much again for each of a thousand reports. So it is
    /// done behind all else, where no alert waits for the thread.
    async fn arrived(&self, slots: Vec<Slot>) {
        let fan_outs = self.fan_outs.clone();
        let look = async move {
            for slot in slots {
                fan_outs.arrived(slot);
                // So that one caller's are not before all of another's.
                tokio::task::yield_now().await;
            }
        };
        // If it fails, whoever counts tasks has told so.
        let _ = self.tasks.spawn_behind("arrivals", look).await;
    }
}

/// Serves every service on the connections that come in until `stop`. Streams that are open then may end by themselves,
/// until the connections are cut. Doors that need the registry tell their callers to come again until it is there, and
/// so does `health`, until whoever loads the registry has told it.
pub async fn serve(
    incoming: Incoming,
    services: Services,
    health: Health,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    health.only_alerts().await;
    let health_service = HealthServer::new(HealthService::from_health_reporter(health.0.clone()));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors were compiled with the program");
    let auth = auth::Auth::new(services.access.clone(), Arc::clone(&services.metrics), services.development);
    let access = v1::access_service_server::AccessServiceServer::new(access::AccessDoor(services.clone()));
    let most_of_alert = MAX_REQUEST.max(services.reading.most_bytes() + FRAME);
    let alert = v1::alert_service_server::AlertServiceServer::new(alert::AlertDoor(services.clone()));
    let device = v1::device_service_server::DeviceServiceServer::new(device::DeviceDoor(services.clone()));
    let link = v1::link_service_server::LinkServiceServer::new(link::LinkDoor(services.clone()));
    let fan_out = v1::fan_out_service_server::FanOutServiceServer::new(fan_out::FanOutDoor(services.clone()));
    let audit = v1::audit_service_server::AuditServiceServer::new(audit::AuditDoor(services.clone()));
    let statistics =
        v1::statistics_service_server::StatisticsServiceServer::new(statistics::StatisticsDoor(services.clone()));
    let zone = v1::zone_service_server::ZoneServiceServer::new(zone::ZoneDoor(services.clone()));
    let partner = v1::partner_service_server::PartnerServiceServer::new(partner::PartnerDoor(services.clone()));
    let events = partner_event::PartnerEventDoor(services.clone());
    let events = v1::partner_event_service_server::PartnerEventServiceServer::new(events);
    let feed = v1::feed_service_server::FeedServiceServer::new(feed::FeedDoor(services.clone()));
    let region = v1::region_service_server::RegionServiceServer::new(region::RegionDoor(services.clone()));
    let authority =
        v1::authority_service_server::AuthorityServiceServer::new(authority::AuthorityDoor(services.clone()));
    let policy = v1::policy_service_server::PolicyServiceServer::new(policy::PolicyDoor(services));
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .http2_max_header_list_size(MAX_METADATA)
        .layer(auth)
        .add_service(health_service.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(reflection.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(alert.max_decoding_message_size(most_of_alert))
        .add_service(device.max_decoding_message_size(MAX_REQUEST))
        .add_service(link.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(fan_out.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(feed.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(audit.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(events.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(partner.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(policy.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(statistics.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(zone.max_decoding_message_size(MAX_ZONE))
        .add_service(region.max_decoding_message_size(MAX_REGIONS))
        .add_service(access.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(authority.max_decoding_message_size(MAX_REQUEST))
        .serve_with_incoming_shutdown(incoming, async move {
            stop.cancelled().await;
            health.nothing().await;
        })
        .await
}

/// What each service says when it is asked for its health.
#[derive(Debug, Clone, Default)]
pub struct Health(HealthReporter);

/// What alerts need, credentials of those who send them included: open from the first moment.
const ALERT_SERVICES: [&str; 8] = [
    v1::access_service_server::SERVICE_NAME,
    v1::alert_service_server::SERVICE_NAME,
    v1::audit_service_server::SERVICE_NAME,
    v1::authority_service_server::SERVICE_NAME,
    v1::fan_out_service_server::SERVICE_NAME,
    v1::feed_service_server::SERVICE_NAME,
    v1::region_service_server::SERVICE_NAME,
    v1::statistics_service_server::SERVICE_NAME,
];

/// What needs the registry; and the server as a whole, which has no name. Clients ask for either.
const OTHER_SERVICES: [&str; 7] = [
    "",
    v1::device_service_server::SERVICE_NAME,
    v1::link_service_server::SERVICE_NAME,
    v1::partner_event_service_server::SERVICE_NAME,
    v1::partner_service_server::SERVICE_NAME,
    v1::policy_service_server::SERVICE_NAME,
    v1::zone_service_server::SERVICE_NAME,
];

impl Health {
    /// Every service works.
    pub async fn everything(&self) {
        self.set(&ALERT_SERVICES, ServingStatus::Serving).await;
        self.set(&OTHER_SERVICES, ServingStatus::Serving).await;
    }

    async fn only_alerts(&self) {
        self.set(&ALERT_SERVICES, ServingStatus::Serving).await;
        self.set(&OTHER_SERVICES, ServingStatus::NotServing).await;
    }

    async fn nothing(&self) {
        self.set(&ALERT_SERVICES, ServingStatus::NotServing).await;
        self.set(&OTHER_SERVICES, ServingStatus::NotServing).await;
    }

    async fn set(&self, services: &[&str], status: ServingStatus) {
        for service in services {
            self.0.set_service_status(service, status).await;
        }
    }
}

/// Whether what became of this alert may be told to the caller.
fn is_seen_by(caller: &Caller, fan_out: &FanOut) -> bool {
    let parts = fan_out.bulletin.parts();
    // Of an alert that several sources tell of, each sees what became of it.
    let mut speakers = parts.voices.iter().map(|voice| &voice.alert.sender);
    caller.sees_alerts_of(&parts.alert.sender) || speakers.any(|sender| caller.sees_alerts_of(sender))
}

/// A page of at most 1,000; 100 where nothing is said (AIP-158).
fn page_size(asked: i32) -> Result<usize, InvalidField> {
    match usize::try_from(asked) {
        Ok(0) => Ok(100),
        Ok(size) => Ok(size.min(1_000)),
        Err(_) => Err(InvalidField::new("page_size", "is negative")),
    }
}
