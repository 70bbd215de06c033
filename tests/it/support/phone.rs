//! One device's link, frame by frame: what [`hazardcast::device`] does by itself, a test does step by step.

use hazardcast::device::Credentials;
use hazardcast::wire::link_frame::{Frame, LinkFrame};
use hazardcast::wire::v1;
use hazardcast::wire::v1::link_service_client::LinkServiceClient;
use hazardcast::wire::v1::open_link_request::Frame as Request;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::server::PATIENCE;

/// An open stream.
pub(crate) struct Phone {
    outgoing: mpsc::Sender<v1::OpenLinkRequest>,
    incoming: Streaming<LinkFrame>,
}

impl Phone {
    /// Opens a link and says hello; what the server says first is not yet read.
    pub(crate) async fn hello(channel: &Channel, device: &Credentials) -> Self {
        Self::hello_with(channel, device, device.secret.0.expose().to_vec()).await
    }

    /// The same with another secret.
    pub(crate) async fn hello_with(channel: &Channel, device: &Credentials, secret: Vec<u8>) -> Self {
        let (outgoing, requests) = mpsc::channel(16);
        let hello = v1::DeviceHello {
            registration: device.registration.to_string(),
            link_secret: secret.into(),
            shown: Vec::new(),
        };
        outgoing.send(v1::OpenLinkRequest { frame: Some(Request::Hello(hello)) }).await.expect("there is room");
        let answer = LinkServiceClient::new(channel.clone()).open_link(ReceiverStream::new(requests)).await;
        Self { outgoing, incoming: answer.expect("it is opened").into_inner() }
    }

    /// Opens a link, which the server welcomes.
    pub(crate) async fn open(channel: &Channel, device: &Credentials) -> Self {
        let mut phone = Self::hello(channel, device).await;
        let first = phone.next().await;
        assert!(matches!(first, Some(Frame::Welcome(_))), "{first:?}");
        phone
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let message = tokio::time::timeout(PATIENCE, self.incoming.message()).await.expect("waited too long");
        message.ok().flatten()?.into_frame()
    }

    /// The next frame, which is a notice.
    pub(crate) async fn notice(&mut self) -> v1::Notice {
        match self.next().await {
            Some(Frame::Notice(notice)) => notice,
            other => panic!("no notice but {other:?}"),
        }
    }

    /// Asserts that nothing waits for the device: the answer to a heartbeat comes next. The server sends what waits
    /// before it reads on.
    pub(crate) async fn has_nothing(&mut self) {
        self.send(Request::Heartbeat(v1::DeviceHeartbeat {})).await;
        let next = self.next().await;
        assert!(matches!(next, Some(Frame::Heartbeat(_))), "{next:?}");
    }

    /// Acknowledges a notice.
    pub(crate) async fn acknowledge(&mut self, notice: &v1::Notice) {
        let keys = notice.key.into_iter().collect();
        self.send(Request::Acknowledge(v1::DeviceAcknowledge { keys, presented: true })).await;
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: Request) {
        self.outgoing.send(v1::OpenLinkRequest { frame: Some(frame) }).await.expect("the stream is open");
    }
}
