//! One link, kept open.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::domain::{DeliveryKey, GoodbyeReason, LinkSecret, RegistrationName, Timestamp};
use crate::wire::convert::{terms, time};
use crate::wire::link_frame::{Frame, LinkFrame};
use crate::wire::v1;
use crate::wire::v1::link_service_client::LinkServiceClient;
use crate::wire::v1::open_link_request::Frame as Request;

use super::ServerClock;

/// How long the server has for its welcome.
const WELCOME_WITHIN: Duration = Duration::from_secs(30);

/// What a device needs to open its link.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its registration.
    pub registration: RegistrationName,
    /// The link secret.
    pub secret: LinkSecret,
}

/// What happens on a link.
#[derive(Debug)]
pub enum Event<'a> {
    /// It is about to be opened: the device is to say what it shows.
    Opening {
        /// The newest key of each alert that it shows ([`Seen::keys_shown`](super::Seen::keys_shown)).
        shown: &'a mut Vec<DeliveryKey>,
        /// The server's time now, as this device knows it; the earliest there is where it does not.
        server_time: Timestamp,
    },
    /// It is open.
    Opened,
    /// A notice came; its acknowledgement is sent when the handler returns.
    Notice {
        /// The notice.
        notice: Box<v1::Notice>,
        /// Its key.
        key: DeliveryKey,
        /// The server's time now, as this device knows it.
        server_time: Timestamp,
    },
    /// It is closed, and will be opened again after this wait.
    Closed {
        /// How long.
        wait: Duration,
    },
}

/// Waits between attempts: doubled with each that fails, up to two minutes, with a random share added so that a million
/// devices do not come back at once.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after a link that the server closed with `asked`, or that failed without a word. `chance` is from 0 to
    /// 1.
    pub fn next(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let base = match asked {
            Some(asked) => asked,
            None => Duration::from_millis(250 << self.failures.min(9)).min(Duration::from_mins(2)),
        };
        self.failures = self.failures.saturating_add(1);
        base + base.mul_f64(chance.clamp(0.0, 1.0) / 2.0)
    }

    /// A link has opened: the next wait is a short one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A device's link.
pub struct Link {
    channel: Channel,
    credentials: Credentials,
    backoff: Backoff,
    clock: ServerClock,
}

/// Why one stream ended.
enum Over {
    /// Come back, after this wait if the server said one.
    Again(Option<Duration>),
    /// Do not come back with these credentials.
    ForGood(GoodbyeReason),
}

impl Link {
    /// A link over `channel`, which many links may share.
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { channel, credentials, backoff: Backoff::default(), clock: ServerClock::default() }
    }

    /// Keeps the link open and hands each event to `handle`, until the server says not to come back. To stop it, drop
    /// the future.
    pub async fn run(mut self, mut handle: impl FnMut(Event<'_>) + Send) -> GoodbyeReason {
        loop {
            let asked = match self.once(&mut handle).await {
                Ok(Over::ForGood(reason)) => return reason,
                Ok(Over::Again(asked)) => asked,
                Err(_) => None,
            };
            let wait = self.backoff.next(asked, rand::random());
            handle(Event::Closed { wait });
            tokio::time::sleep(wait).await;
        }
    }

    /// One stream, from hello to its end.
    async fn once(&mut self, handle: &mut (impl FnMut(Event<'_>) + Send)) -> Result<Over, tonic::Status> {
        let (outgoing, requests) = mpsc::channel(16);
        let mut shown = Vec::new();
        let server_time = self.clock.at(Instant::now()).unwrap_or(Timestamp::MIN);
        handle(Event::Opening { shown: &mut shown, server_time });
        let hello = Request::Hello(v1::DeviceHello {
            registration: self.credentials.registration.to_string(),
            link_secret: self.credentials.secret.0.expose().to_vec().into(),
            shown: shown.into_iter().map(terms::key_to_wire).collect(),
        });
        let asked = Instant::now();
        send(&outgoing, hello).await?;
        let mut client = LinkServiceClient::new(self.channel.clone());
        let opened = tokio::time::timeout(WELCOME_WITHIN, client.open_link(ReceiverStream::new(requests))).await;
        let mut incoming = opened.map_err(|_| tonic::Status::deadline_exceeded("no answer"))??.into_inner();
        let first = tokio::time::timeout(WELCOME_WITHIN, next(&mut incoming)).await;
        let heartbeat = match first.map_err(|_| tonic::Status::deadline_exceeded("no welcome"))?? {
            Some(Frame::Welcome(welcome)) => {
                self.hear(asked, welcome.server_time);
                time::duration_from_wire(welcome.heartbeat_interval.unwrap_or_default()).max(Duration::from_secs(1))
            }
            Some(Frame::Goodbye(goodbye)) => return Ok(over(&goodbye)),
            _ => return Err(tonic::Status::internal("no welcome")),
        };
        self.backoff.reset();
        handle(Event::Opened);
        self.carry(&mut incoming, &outgoing, heartbeat, handle).await
    }

    async fn carry(
        &mut self,
        incoming: &mut Streaming<LinkFrame>,
        outgoing: &mpsc::Sender<v1::OpenLinkRequest>,
        heartbeat: Duration,
        handle: &mut (impl FnMut(Event<'_>) + Send),
    ) -> Result<Over, tonic::Status> {
        let mut spoke = Instant::now();
        // When a heartbeat was sent that is not answered yet.
        let mut asked: Option<Instant> = None;
        loop {
            let deadline = asked.unwrap_or(spoke) + heartbeat;
            let frame = tokio::select! {
                frame = next(incoming) => frame?,
                () = tokio::time::sleep_until(deadline.into()) => {
                    if asked.is_some() {
                        return Err(tonic::Status::deadline_exceeded("no answer to a heartbeat"));
                    }
                    spoke = Instant::now();
                    asked = Some(spoke);
                    send(outgoing, Request::Heartbeat(v1::DeviceHeartbeat {})).await?;
                    continue;
                }
            };
            match frame {
                Some(Frame::Notice(notice)) => {
                    let Some(wire_key) = notice.key else { continue };
                    let key = terms::key_from_wire(wire_key);
                    let server_time = self.clock.at(Instant::now()).unwrap_or(Timestamp::UNIX_EPOCH);
                    handle(Event::Notice { notice: Box::new(notice), key, server_time });
                    spoke = Instant::now();
                    let acknowledge = v1::DeviceAcknowledge { keys: vec![wire_key], presented: true };
                    send(outgoing, Request::Acknowledge(acknowledge)).await?;
                }
                Some(Frame::Heartbeat(answer)) => {
                    if let Some(asked) = asked.take() {
                        self.hear(asked, answer.server_time);
                    }
                }
                Some(Frame::Goodbye(goodbye)) => return Ok(over(&goodbye)),
                Some(Frame::Welcome(_)) | None => {}
            }
        }
    }

    fn hear(&mut self, asked: Instant, server_time: Option<prost_types::Timestamp>) {
        if let Ok(Some(server_time)) = time::optional(server_time, "server_time") {
            self.clock.hear(asked, Instant::now(), server_time);
        }
    }
}

async fn send(outgoing: &mpsc::Sender<v1::OpenLinkRequest>, frame: Request) -> Result<(), tonic::Status> {
    let request = v1::OpenLinkRequest { frame: Some(frame) };
    outgoing.send(request).await.map_err(|_| tonic::Status::unavailable("the stream has ended"))
}

/// The next frame; `None` for one of a kind that is not known.
async fn next(incoming: &mut Streaming<LinkFrame>) -> Result<Option<Frame>, tonic::Status> {
    match incoming.message().await? {
        Some(frame) => Ok(frame.into_frame()),
        None => Err(tonic::Status::unavailable("the stream has ended")),
    }
}

fn over(goodbye: &v1::ServerGoodbye) -> Over {
    let reason = terms::goodbye_reason::from_wire(goodbye.reason);
    match reason {
        Some(reason @ (GoodbyeReason::Replaced | GoodbyeReason::Unauthenticated)) => Over::ForGood(reason),
        _ => Over::Again(goodbye.reconnect_delay.map(time::duration_from_wire)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_two_minutes_and_start_anew_when_the_link_was_open() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.next(None, 0.0)).collect();
        assert!(waits.windows(2).all(|pair| pair[1] >= pair[0]));
        assert_eq!(waits[11], Duration::from_mins(2));
        backoff.reset();
        assert_eq!(backoff.next(None, 0.0), waits[0]);
        assert_eq!(backoff.next(Some(Duration::from_secs(10)), 1.0), Duration::from_secs(15));
    }
}
