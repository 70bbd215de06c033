//! Messages of a WebSocket (RFC 6455): each is one message of alerts, however it was cut into frames.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::dial::Duplex;
use crate::domain::FeedUrl;

/// How often the other side is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// What came of one look at the stream.
pub(super) enum Came {
    /// A message.
    Message(Bytes),
    /// The other side is there.
    Life,
}

/// An open WebSocket.
pub(super) struct WebSocket {
    stream: tokio_tungstenite::WebSocketStream<Box<dyn Duplex>>,
    ping: tokio::time::Interval,
}

impl WebSocket {
    /// Opens one over a connection. A message longer than `most` ends it.
    pub(super) async fn open(stream: Box<dyn Duplex>, url: &FeedUrl, most: usize) -> Result<Self, String> {
        let config = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
        let opened = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(config)).await;
        let (stream, _) = opened.map_err(|error| format!("the WebSocket cannot be opened: {error}"))?;
        let mut ping = tokio::time::interval(PING);
        ping.reset();
        Ok(Self { stream, ping })
    }

    /// What comes next. The other side's pings are answered, and it is asked now and then whether it is there. May be
    /// dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Came, String> {
        loop {
            let came = tokio::select! {
                came = self.stream.next() => came,
                _ = self.ping.tick() => {
                    self.stream.send(Message::Ping(Bytes::new())).await.map_err(|error| error.to_string())?;
                    continue;
                }
            };
            match came {
                Some(Ok(Message::Text(text))) => return Ok(Came::Message(text.into())),
                Some(Ok(Message::Binary(bytes))) => return Ok(Came::Message(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(Came::Life),
                Some(Ok(Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err("the host ended the connection".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
            }
        }
    }
}
