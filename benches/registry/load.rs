//! What clients do: fill a registry, report places, each over gRPC.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Buf, BufMut, Bytes};
use futures_util::{StreamExt, TryStreamExt, stream};
use hazardcast::domain::{Cid, RegistrationName};
use hazardcast::wire::v1;
use hazardcast::wire::v1::batch_create_registrations_response::result::Result as Outcome;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use indicatif::ProgressBar;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::population::{Population, report};
use super::server::Server;

/// The app of a development server that devices are registered with.
pub(crate) const APP: &str = "partners/dev/apps/alpha";

const BATCH: u64 = 1_000;

/// Batches of registrations that are on their way at a time.
const IN_FLIGHT: usize = 6;

/// Registers `devices`; their names, in order.
pub(crate) async fn fill(server: &Server, population: &Population, devices: u64) -> Result<Vec<Cid>> {
    let bar = ProgressBar::new(devices);
    let channels = futures_util::future::try_join_all((0..2).map(|_| server.connect())).await?;
    let batches = stream::iter((0..devices).step_by(BATCH as usize)).map(|first| {
        let channel = channels[(first / BATCH % 2) as usize].clone();
        let numbers = first..devices.min(first + BATCH);
        let bar = &bar;
        async move {
            let names = register(channel, population, numbers).await?;
            bar.inc(names.len() as u64);
            anyhow::Ok(names)
        }
    });
    let names = batches.buffered(IN_FLIGHT).try_concat().await?;
    bar.finish_and_clear();
    Ok(names)
}

/// Registers one batch.
pub(crate) async fn register(
    channel: Channel,
    population: &Population,
    numbers: std::ops::Range<u64>,
) -> Result<Vec<Cid>> {
    let requests: Vec<_> = numbers.map(|number| population.registration(number)).collect();
    let request = v1::BatchCreateRegistrationsRequest { parent: APP.to_owned(), requests };
    let mut client = DeviceServiceClient::new(channel).max_decoding_message_size(16 << 20);
    let answers = client.batch_create_registrations(request).await?.into_inner();
    let name = |answer: v1::batch_create_registrations_response::Result| match answer.result {
        Some(Outcome::Registered(registered)) => {
            let name: RegistrationName = registered.registration.context("no registration")?.name.parse()?;
            Ok(name.cid)
        }
        other => anyhow::bail!("a registration was not made: {other:?}"),
    };
    answers.results.into_iter().map(name).collect()
}

/// Reports of places, made before the clock runs: what is measured is the server, not the making of them.
pub(crate) struct Reports {
    batches: Vec<Bytes>,
    each: usize,
}

impl Reports {
    /// `count` reports in batches of `each`.
    pub(crate) fn new(population: &Population, names: &[Cid], first: u64, count: usize, each: usize) -> Self {
        let numbers: Vec<u64> = (first..first + count as u64).collect();
        let batch = |numbers: &[u64]| {
            let requests = numbers.iter().map(|&number| {
                let (device, at) = population.report(number, names.len() as u64);
                report(APP, names[device as usize], at)
            });
            v1::ReportPlacesRequest { requests: requests.collect() }.encode_to_vec().into()
        };
        Self { batches: numbers.chunks(each).map(batch).collect(), each }
    }

    pub(crate) fn len(&self) -> usize {
        self.batches.len() * self.each
    }
}

/// Sends reports over `streams` streams, each on a connection of its own with `ahead` batches that are not answered
/// yet, until all are answered or `stop` says so. With `per_second` no faster than that. Gives back how many were
/// answered as taken, and the time.
pub(crate) async fn send(server: &Server, reports: &Arc<Reports>, shape: Shape) -> Result<(u64, Duration)> {
    let next = Arc::new(AtomicU64::new(0));
    let mut channels = Vec::new();
    for _ in 0..shape.streams {
        channels.push(server.connect().await?);
    }
    let started = Instant::now();
    let senders = channels.into_iter().map(|channel| {
        let (reports, next) = (Arc::clone(reports), Arc::clone(&next));
        // A bench has no house to count its tasks.
        let sending = async move { send_stream(channel, &reports, &next, shape, started).await };
        #[expect(clippy::disallowed_methods, reason = "a bench is no server: its tasks are awaited right here")]
        tokio::spawn(sending)
    });
    let mut accepted = 0;
    for sender in senders.collect::<Vec<_>>() {
        accepted += sender.await??;
    }
    Ok((accepted, started.elapsed()))
}

/// How reports are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) streams: usize,
    /// Batches of a stream that may be unanswered.
    pub(crate) ahead: usize,
    /// Reports a second, over all streams; 0: as many as can be.
    pub(crate) per_second: u64,
}

async fn send_stream(
    channel: Channel,
    reports: &Reports,
    next: &AtomicU64,
    shape: Shape,
    started: Instant,
) -> Result<u64> {
    let (batches, queue) = mpsc::channel(shape.ahead);
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = "/hazardcast.v1.DeviceService/ReportPlaces".parse()?;
    let take = || reports.batches.get(next.fetch_add(1, Ordering::Relaxed) as usize).cloned();
    for _ in 0..shape.ahead {
        if let Some(batch) = take() {
            batches.send(batch).await?;
        }
    }
    let mut answers = client.streaming(Request::new(ReceiverStream::new(queue)), path, Encoded).await?.into_inner();
    let mut batches = Some(batches);
    let mut accepted = 0;
    while let Some(answer) = answers.message().await? {
        let answer = v1::ReportPlacesResponse::decode(answer)?;
        ensure!(answer.refusals.is_empty(), "a report was refused: {:?}", answer.refusals[0]);
        accepted += u64::from(answer.accepted_count);
        if shape.per_second > 0 {
            let sent = next.load(Ordering::Relaxed) * reports.each as u64;
            let due = Duration::from_secs_f64(sent as f64 / shape.per_second as f64);
            tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
        }
        match (take(), &batches) {
            (Some(batch), Some(sender)) => sender.send(batch).await?,
            _ => batches = None,
        }
    }
    Ok(accepted)
}

/// Calls with a request that is bytes already; the answer as bytes.
pub(crate) async fn call(channel: Channel, path: &'static str, request: Bytes) -> Result<Bytes> {
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(16 << 20);
    client.ready().await?;
    Ok(client.unary(Request::new(request), path.parse()?, Encoded).await?.into_inner())
}

/// Messages that stay bytes: what a client makes of them is not measured.
#[derive(Debug, Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub(crate) struct Count(Mutex<Vec<Duration>>);

impl Count {
    pub(crate) fn add(&self, took: Duration) {
        self.0.lock().expect("no holder panics").push(took);
    }

    /// The time below which so many of a thousand were.
    pub(crate) fn at(&self, per_mille: usize) -> Duration {
        let mut all = self.0.lock().expect("no holder panics");
        all.sort_unstable();
        all.get((all.len() * per_mille / 1_000).min(all.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}
