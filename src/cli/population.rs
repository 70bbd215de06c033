//! Devices for a demo or a load test, and their registration through the public API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tonic::transport::{Channel, Endpoint};

use crate::device::Credentials;
use crate::domain::Position;
use crate::wire::v1;
use crate::wire::v1::device_service_client::DeviceServiceClient;

/// Registrations in one call.
const BATCH: usize = 1_000;

/// A device to be registered.
#[derive(Debug, Clone, Copy)]
pub struct Sketch {
    /// Where it is.
    pub place: Position,
    /// Whether its person agrees to emergency push.
    pub consents: bool,
    /// Whether it is to be reached by the null channel, standing in for a vendor's push service.
    pub null: bool,
}

/// Connects to a server.
pub async fn connect(server: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(server.to_owned()).with_context(|| format!("--server {server}: not a URL"))?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true);
    endpoint.connect().await.with_context(|| format!("no server answers at {server}"))
}

/// Registers devices with app `app`, in order; `done` hears how many are registered so far.
pub async fn register(
    channel: Channel,
    app: &str,
    sketches: &[Sketch],
    mut done: impl FnMut(u64),
) -> Result<Vec<Credentials>> {
    let mut client = DeviceServiceClient::new(channel);
    let mut credentials = Vec::with_capacity(sketches.len());
    for batch in sketches.chunks(BATCH) {
        let requests = batch.iter().map(|sketch| request(app, *sketch)).collect();
        let request = v1::BatchCreateRegistrationsRequest { parent: app.to_owned(), requests };
        let answers = client.batch_create_registrations(request).await.context("registering devices")?.into_inner();
        if answers.results.len() != batch.len() {
            bail!("the server answered {} of {} registrations", answers.results.len(), batch.len());
        }
        for answer in answers.results {
            credentials.push(read(answer)?);
        }
        done(credentials.len() as u64);
    }
    Ok(credentials)
}
