//! How long alerts wait for their answer while a partner registers devices as fast as it can.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use prost::Message;

use super::load::{APP, Count, call};
use super::population::Population;
use super::server::Server;
use super::{Report, warning};

/// Alerts sent into a flood, and between two of them.
const ALERTS: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// Batches of a thousand registrations that are on their way at a time.
const IN_FLIGHT: usize = 8;

/// Batches that are made before the clock runs; when they are all used up, the flood is over.
const BATCHES: u64 = 800;

pub(crate) async fn run(
    data: &Path,
    population: &Population,
    devices: u64,
    smoke: bool,
    said: &mut Report,
) -> Result<()> {
    // Alerts of earlier runs would be in force still.
    if data.join("journal").exists() {
        std::fs::remove_dir_all(data.join("journal"))?;
    }
    let mut server = Server::start(data)?;
    server.ready().await?;
    let alerts = if smoke { 20 } else { ALERTS };
    let quiet = Count::default();
    submit_all(&server, "quiet", alerts, &quiet).await?;

    // Devices that nobody has registered, also when this is run again on the same data.
    let first = devices * 10 + u64::from(std::process::id()) * 10_000_000;
    let batches: Vec<Bytes> =
        (0..if smoke { 10 } else { BATCHES }).map(|n| batch(population, first + n * 1_000)).collect();
    let (next, made, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let partner = async || {
        let channel = server.connect().await?;
        while !over.load(Ordering::Relaxed) {
            let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed) as usize) else { break };
            let path = "/hazardcast.v1.DeviceService/BatchCreateRegistrations";
            let answer = call(channel.clone(), path, batch.clone()).await?;
            // Each of a thousand answers has a name and a secret: refusals would be shorter.
            ensure!(answer.len() > 150 * 1_000, "not all were registered");
            made.fetch_add(1_000, Ordering::Relaxed);
        }
        anyhow::Ok(())
    };
    let started = Instant::now();
    let flooded = Count::default();
    // An authority is somewhere else than the partner: what the partner's side does is not to hold it up.
    let authority = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let submitted = runtime.block_on(submit_all(&server, "flooded", alerts, &flooded));
        over.store(true, Ordering::Relaxed);
        submitted.map(|()| started.elapsed())
    };
    let took = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let authority = scope.spawn(authority);
            let partners = futures_util::future::try_join_all((0..IN_FLIGHT).map(|_| partner()));
            tokio::runtime::Handle::current().block_on(partners)?;
            authority.join().expect("it does not panic")
        })
    })?;
    ensure!(smoke || next.load(Ordering::Relaxed) < BATCHES, "the flood was over before the alerts were");
    said.say("flood_per_second", made.load(Ordering::Relaxed) as f64 / took.as_secs_f64(), "registrations/s");
    for (name, times) in [("quiet", &quiet), ("flooded", &flooded)] {
        for (of, per_mille) in [("p50", 500), ("p99", 990), ("most", 1_000)] {
            said.say(&format!("alert_{name}_{of}_ms"), times.at(per_mille).as_secs_f64() * 1e3, "ms");
        }
    }
    server.stop()
}

/// Submits alerts one after the other. The n-th warns a place where nobody is: what is measured is the way to accept
/// it.
async fn submit_all(server: &Server, name: &str, alerts: u32, times: &Count) -> Result<()> {
    let channel = server.connect().await?;
    for number in 0..alerts {
        let identifier = format!("{name}-{}-{number}", std::process::id());
        let request = warning(&identifier, [-30.0 + f64::from(number) * 0.01, 80.0], 0.001);
        let started = Instant::now();
        AlertServiceClient::new(channel.clone()).submit_alert(request).await?;
        times.add(started.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn batch(population: &Population, first: u64) -> Bytes {
    let requests = (first..first + 1_000).map(|number| population.registration(number)).collect();
    v1::BatchCreateRegistrationsRequest { parent: APP.to_owned(), requests }.encode_to_vec().into()
}
