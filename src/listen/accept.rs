//! Taking connections in.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::Stream as Items;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Open, Stream};
use super::{Certificates, Network, Peer, Protocol, ShownCertificate};
use crate::metrics::Metrics;
use crate::tasks::Tasks;

/// Connections whose handshakes are done and that nobody has taken yet. A handshake that finds it full waits, within
/// its time.
const READY: usize = 256;

/// How long nothing is accepted after that failed: the system has no more files, or no memory.
const BREATH: Duration = Duration::from_millis(50);

/// How often networks at rest are forgotten.
const TIDY: Duration = Duration::from_secs(1);

/// What connections may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at a time; further ones are closed at once.
    pub connections: usize,
    /// Connections at a time from one network; `None`: as many as from all.
    pub of_one_network: Option<u32>,
    /// New connections a second from one network, on average over ten seconds; `None`: as many as come.
    pub new_of_one_network: Option<NonZeroU32>,
    /// How long a handshake may take, and then the first byte.
    pub opening: Duration,
    /// How long a peer may say nothing.
    pub silence: Duration,
}

/// A listener, and how its connections are taken in.
pub struct Door {
    /// What it is called in metrics.
    pub name: &'static str,
    /// Where it listens.
    pub listener: TcpListener,
    /// Its certificates; `None`: plain text.
    pub certificates: Option<Arc<Certificates>>,
    /// What is spoken.
    pub protocol: Protocol,
    /// What its connections may cost.
    pub bounds: Bounds,
    /// Ends every connection that is open when it is cancelled.
    pub cut: CancellationToken,
}

/// Connections, ready to be spoken on. When it is dropped nothing more is taken in, and the port is free.
pub struct Incoming(mpsc::Receiver<Connection>);

impl Door {
    /// Takes connections in from now on.
    pub fn open(self, tasks: &Tasks, metrics: &Arc<Metrics>) -> Incoming {
        let (ready, incoming) = mpsc::channel(READY);
        let accepting = Accepting {
            permits: Arc::new(Semaphore::new(self.bounds.connections.min(Semaphore::MAX_PERMITS))),
            networks: Networks::default(),
            rate: self.bounds.new_of_one_network.map(over_ten_seconds).map(RateLimiter::keyed),
            tasks: tasks.clone(),
            metrics: Arc::clone(metrics),
            ready,
            door: self,
        };
        tasks.spawn("accept", accepting.run());
        Incoming(incoming)
    }
}

/// So many a second; ten seconds' worth may come at once.
pub fn over_ten_seconds(a_second: NonZeroU32) -> Quota {
    const TEN: NonZeroU32 = NonZeroU32::new(10).expect("it is not zero");
    Quota::per_second(a_second).allow_burst(a_second.saturating_mul(TEN))
}

impl Incoming {
    /// The next connection.
    pub async fn next(&mut self) -> Option<Connection> {
        self.0.recv().await
    }
}

impl Items for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

struct Accepting {
    door: Door,
    permits: Arc<Semaphore>,
    networks: Networks,
    rate: Option<DefaultKeyedRateLimiter<Network>>,
    tasks: Tasks,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<Connection>,
}

impl Accepting {
    /// Until nobody waits for connections any more.
    async fn run(self) {
        let mut tidied = Instant::now();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.ready.closed() => return,
                accepted = self.door.listener.accept() => accepted,
            };
            if let Some(rate) = self.rate.as_ref().filter(|_| tidied.elapsed() > TIDY) {
                rate.retain_recent();
                tidied = Instant::now();
            }
            match accepted {
                Ok((stream, address)) => match self.admit(address) {
                    Ok(open) => self.shake(stream, address, open),
                    Err(reason) => drop(self.metrics.connections_refused(reason).inc()),
                },
                // The connection is gone already, which says nothing about the next.
                Err(error) if is_of_one(&error) => {}
                Err(error) => {
                    self.metrics.connections_refused("system").inc();
                    tracing::warn!(%error, listener = self.door.name, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// A share of what is bounded, or what there is too much of.
    fn admit(&self, address: SocketAddr) -> Result<Open, &'static str> {
        let network = Network::from(address.ip());
        if let Some(rate) = &self.rate {
            rate.check_key(&network).map_err(|_| "rate")?;
        }
        let share = self.networks.share(network, self.door.bounds.of_one_network).ok_or("network")?;
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| "full")?;
        let gauge = self.metrics.connections_open(self.door.name);
        gauge.inc();
        Ok(Open { gauge, _permit: permit, _share: share })
    }

    /// Shakes hands in a task of its own.
    fn shake(&self, stream: TcpStream, address: SocketAddr, open: Open) {
        let (ready, metrics, bounds) = (self.ready.clone(), Arc::clone(&self.metrics), self.door.bounds);
        let certificates = self.door.certificates.clone();
        let (protocol, cut) = (self.door.protocol, self.door.cut.child_token());
        // A notice is one small frame, and must not wait for the next.
        let prompt = stream.set_nodelay(true);
        let shaking = async move {
            prompt?;
            let Some(certificates) = certificates else {
                return Ok((Stream::Plain(stream), Peer::new(address, None, cut)));
            };
            let stream = TlsAcceptor::from(certificates.config(protocol)).accept(stream).await?;
            let chain = stream.get_ref().1.peer_certificates();
            let shown = chain.and_then(|chain| ShownCertificate::new(chain, certificates));
            Ok::<_, io::Error>((Stream::Tls(Box::new(stream)), Peer::new(address, shown, cut)))
        };
        self.tasks.spawn("handshake", async move {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(bounds.opening, shaking) => shaken,
                () = ready.closed() => return,
            };
            match shaken {
                Ok(Ok((stream, peer))) => {
                    let connection = Connection::new(stream, peer, bounds.opening, bounds.silence, open);
                    // Nobody waits any more: the server stops.
                    drop(ready.send(connection).await);
                }
                Ok(Err(error)) => {
                    metrics.connections_refused("handshake").inc();
                    tracing::debug!(%error, "a handshake failed");
                }
                Err(_) => drop(metrics.connections_refused("slow").inc()),
            }
        });
    }
}

fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// How many connections each network has open.
#[derive(Clone, Default)]
struct Networks(Arc<Mutex<HashMap<Network, u32>>>);

/// One connection's share of its network's.
pub(super) struct Share {
    networks: Networks,
    network: Network,
}

impl Networks {
    fn share(&self, network: Network, most: Option<u32>) -> Option<Share> {
        let mut open = self.0.lock();
        let count = open.entry(network).or_default();
        if most.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        Some(Share { networks: self.clone(), network })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.networks.0.lock();
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}
