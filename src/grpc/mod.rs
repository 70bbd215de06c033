//! The doors of the API: one file per service. A door reads a request into domain terms, asks the house, and writes the
//! answer; it decides nothing.

mod acts;
mod alert;
mod audit;
mod connection;
mod device;
mod fan_out;
mod link;
mod partner;
mod status;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::audit::Audit;
use crate::decide::Authority;
use crate::domain::Clock;
use crate::fan_out::FanOuts;
use crate::intake::Desk;
use crate::link::{Hub, Settings};
use crate::registry::Registry;
use crate::tasks::Tasks;
use crate::wire;
use crate::wire::convert::InvalidField;
use crate::wire::v1;

use connection::Connection;

/// The largest request, bytes: an alert of 4 MiB with its frame.
const MAX_REQUEST: usize = (4 << 20) + 4_096;

/// The largest frame from a device, bytes: 256 keys and some room.
const MAX_DEVICE_FRAME: usize = 16 << 10;

/// The most streams that one connection may have open at a time: links behind a proxy, above all.
const MAX_STREAMS: u32 = 1_024;

/// How much may be on its way to the server over one connection, bytes. The transport (h2) cuts off a connection that
/// has more small frames waiting than half of this in units of 256 bytes: 8 for each stream. So all links of a
/// connection may acknowledge several alerts at the same moment.
const CONNECTION_WINDOW: u32 = 4 << 20;

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
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// The links' protocol.
    pub link: Settings,
    /// Who calls, until access control is built: the authority of a development server.
    pub authority: Authority,
    /// Where links' tasks run.
    pub tasks: Tasks,
}

/// Serves every service on `listener` until `stop`. Streams that are open then may end by themselves, until `cut`: what
/// is still open is ended then, so that nobody who watches keeps the server from stopping.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    stop: CancellationToken,
    cut: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    set_health(&health, ServingStatus::Serving).await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors were compiled with the program");
    let alert = v1::alert_service_server::AlertServiceServer::new(alert::AlertDoor(services.clone()));
    let device = v1::device_service_server::DeviceServiceServer::new(device::DeviceDoor(services.clone()));
    let link = v1::link_service_server::LinkServiceServer::new(link::LinkDoor(services.clone()));
    let fan_out = v1::fan_out_service_server::FanOutServiceServer::new(fan_out::FanOutDoor(services.clone()));
    let audit = v1::audit_service_server::AuditServiceServer::new(audit::AuditDoor(services.clone()));
    let partner = v1::partner_service_server::PartnerServiceServer::new(partner::PartnerDoor(services));
    let connection = move |taken: std::io::Result<TcpStream>| {
        let stream = taken?;
        // Frames are small and each is to go at once.
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(Connection::new(stream, &cut))
    };
    Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(Duration::from_mins(1)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(alert.max_decoding_message_size(MAX_REQUEST))
        .add_service(device.max_decoding_message_size(MAX_REQUEST))
        .add_service(link.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(fan_out.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(audit.max_decoding_message_size(MAX_DEVICE_FRAME))
        .add_service(partner.max_decoding_message_size(MAX_DEVICE_FRAME))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener).map(connection), async move {
            stop.cancelled().await;
            set_health(&health, ServingStatus::NotServing).await;
        })
        .await
}

/// Of the server as a whole, and of each service: clients ask for either.
async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in [
        "",
        v1::alert_service_server::SERVICE_NAME,
        v1::audit_service_server::SERVICE_NAME,
        v1::device_service_server::SERVICE_NAME,
        v1::fan_out_service_server::SERVICE_NAME,
        v1::link_service_server::SERVICE_NAME,
        v1::partner_service_server::SERVICE_NAME,
    ] {
        health.set_service_status(service, status).await;
    }
}

/// A page of at most 1,000; 100 where nothing is said (AIP-158).
fn page_size(asked: i32) -> Result<usize, InvalidField> {
    match usize::try_from(asked) {
        Ok(0) => Ok(100),
        Ok(size) => Ok(size.min(1_000)),
        Err(_) => Err(InvalidField::new("page_size", "is negative")),
    }
}
