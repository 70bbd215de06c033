//! `LinkService`: drives a [`Session`] over a gRPC stream.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::domain::{DeliveryKey, EncodedNotice, GoodbyeReason, LinkSecret, RegistrationName, Slot};
use crate::link::{Ending, Input, LiveLink, Moment, Output, Session};
use crate::listen::Peer;
use crate::registry::RegistryError;
use crate::wire::convert::frame;
use crate::wire::link_frame::LinkFrame;
use crate::wire::v1;
use crate::wire::v1::link_service_server::LinkService;

use super::Services;

/// Frames that the transport may hold for one link. Behind it waits the hub's queue.
const OUTGOING: usize = 4;

/// How long a device may take nothing before its link is given up.
const TAKES_WITHIN: Duration = Duration::from_secs(30);

/// How long a device is to wait before it comes back, where nothing else is known.
const COME_BACK: Duration = Duration::from_secs(1);

/// How long it is to wait where the server has just started.
const COME_BACK_TO_LOADED: Duration = Duration::from_secs(5);

/// How long it is to wait where the server is not well.
const COME_BACK_TO_BETTER: Duration = Duration::from_secs(30);

pub(super) struct LinkDoor(pub(super) Services);

#[tonic::async_trait]
impl LinkService for LinkDoor {
    type OpenLinkStream = ReceiverStream<Result<LinkFrame, Status>>;

    async fn open_link(
        &self,
        request: Request<Streaming<v1::OpenLinkRequest>>,
    ) -> Result<Response<Self::OpenLinkStream>, Status> {
        let (outgoing, frames) = mpsc::channel(OUTGOING);
        let peer = request.extensions().get::<Peer>().cloned();
        let link = Link {
            session: Session::new(self.0.link, Instant::now()),
            services: self.0.clone(),
            incoming: request.into_inner(),
            outgoing,
            proof: None,
            live: None,
            slot: None,
            peer,
        };
        self.0.tasks.spawn("link", link.run());
        Ok(Response::new(ReceiverStream::new(frames)))
    }
}

/// One link: the session, the stream, and its end of the hub.
struct Link {
    session: Session,
    services: Services,
    incoming: Streaming<v1::OpenLinkRequest>,
    outgoing: mpsc::Sender<Result<LinkFrame, Status>>,
    /// What the device has shown, until the link is open.
    proof: Option<Proof>,
    live: Option<LiveLink>,
    slot: Option<Slot>,
    peer: Option<Peer>,
}

/// What a device has shown.
struct Proof {
    registration: RegistrationName,
    secret: LinkSecret,
    /// How many links had been dismissed before it was looked at.
    dismissals: u64,
}

impl Link {
    async fn run(mut self) {
        while let Some(deadline) = self.session.deadline() {
            let Some(input) = self.next(deadline).await else { return };
            let now = self.moment();
            self.session.handle(now, input);
            while let Some(output) = self.session.poll() {
                if !self.act(output).await {
                    return;
                }
            }
        }
    }

    /// What happens next; `None` when the device is gone.
    async fn next(&mut self, deadline: Instant) -> Option<Input> {
        let live = self.live.as_mut();
        let (notice, ending) = match live {
            Some(LiveLink { inbox, ending, .. }) => (Some(inbox), Some(ending)),
            None => (None, None),
        };
        tokio::select! {
            biased;
            ending = wait_ending(ending) => Some(end(ending)),
            Some(notice) = wait_notice(notice) => Some(Input::Notice(notice)),
            message = self.incoming.message() => match message {
                Ok(Some(request)) => match frame::from_wire(request) {
                    Ok(Some(frame)) => Some(Input::Frame(frame)),
                    Ok(None) => Some(Input::Tick),
                    Err(_) => Some(Input::Garbage),
                },
                Ok(None) | Err(_) => None,
            },
            () = tokio::time::sleep_until(deadline.into()) => Some(Input::Tick),
            () = self.outgoing.closed() => None,
        }
    }

    /// Does what the session wants; false when the link is over.
    async fn act(&mut self, output: Output) -> bool {
        match output {
            Output::Authenticate { registration, secret } => {
                let dismissals = self.services.hub.dismissals();
                let input = match self.services.registry.authenticate(&registration, &secret) {
                    Ok(slot) => {
                        if slot.is_none() {
                            self.services.access.failed("link_secret", self.peer.as_ref());
                        }
                        Input::Authenticated(slot)
                    }
                    Err(RegistryError::Loading) => leave(COME_BACK_TO_LOADED),
                    Err(error) => {
                        // Not the device's fault: it is to come back with the same secret.
                        tracing::error!(%error, "a link could not be authenticated");
                        leave(COME_BACK_TO_BETTER)
                    }
                };
                self.proof = Some(Proof { registration, secret, dismissals });
                let now = self.moment();
                self.session.handle(now, input);
            }
            Output::Open { slot, shown } => self.open(slot, &shown),
            Output::Send(frame) => {
                let sent = self.outgoing.send_timeout(Ok(frame::to_wire(frame)), TAKES_WITHIN).await;
                return sent.is_ok();
            }
            Output::Acknowledged(keys) => {
                if let Some(slot) = self.slot {
                    self.services.fan_outs.acknowledged(slot, keys);
                }
            }
            Output::Close => return false,
        }
        true
    }

    /// In the hub first: what is told from here on comes to this link. What is owed goes before it, as fast as the
    /// device takes it.
    fn open(&mut self, slot: Slot, shown: &[DeliveryKey]) {
        let now = self.moment();
        let Some(live) = self.services.hub.open(slot) else {
            self.session.handle(now, leave(COME_BACK));
            return;
        };
        // From here on whoever gives the registration another secret finds this link; whoever did just before did not.
        if self.proof.take().is_none_or(|proof| !self.still_opens(slot, &proof)) {
            let (reason, reconnect_after) = (GoodbyeReason::Unauthenticated, Duration::ZERO);
            self.session.handle(now, Input::End { reason, reconnect_after });
            return;
        }
        self.live = Some(live);
        self.slot = Some(slot);
        for owed in self.services.fan_outs.link_opened(slot, shown) {
            self.session.handle(now, Input::Notice(owed));
        }
    }

    /// Whether what the device has shown is still a proof that the link is of `slot`.
    fn still_opens(&self, slot: Slot, proof: &Proof) -> bool {
        let Proof { registration, secret, dismissals } = proof;
        let again = || self.services.registry.authenticate(registration, secret);
        self.services.hub.dismissals() == *dismissals || again().is_ok_and(|found| found == Some(slot))
    }

    fn moment(&self) -> Moment {
        Moment { instant: Instant::now(), server_time: self.services.clock.now() }
    }
}

/// The server sends the device away for now, by no fault of the device.
fn leave(reconnect_after: Duration) -> Input {
    Input::End { reason: GoodbyeReason::Draining, reconnect_after }
}

/// The hub ends the link.
fn end(ending: Option<Ending>) -> Input {
    // The hub let go of the link without a word: it was closed from the other side.
    let ending = ending.unwrap_or(Ending { reason: GoodbyeReason::TimedOut, reconnect_after: COME_BACK });
    Input::End { reason: ending.reason, reconnect_after: ending.reconnect_after }
}

async fn wait_ending(ending: Option<&mut oneshot::Receiver<Ending>>) -> Option<Ending> {
    match ending {
        Some(ending) => ending.await.ok(),
        None => std::future::pending().await,
    }
}

async fn wait_notice(inbox: Option<&mut mpsc::Receiver<EncodedNotice>>) -> Option<EncodedNotice> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => std::future::pending().await,
    }
}
