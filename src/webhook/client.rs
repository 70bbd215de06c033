//! One receiver's connection: opened when it is needed, at a public address, and kept as long as it is good.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::dial::{DialError, Dialer};
use crate::domain::WebhookUrl;
use crate::tasks::Tasks;

/// How long a receiver has for its answer: Standard Webhooks recommends 15 to 30 seconds.
const ANSWER: Duration = Duration::from_secs(20);

/// The longest head of an answer, bytes.
const HEAD: usize = 16 << 10;

/// How much of an answer's body is read, so that the connection can be used again; nothing is done with it.
const BODY: usize = 16 << 10;

/// How long that may take.
const DRAIN: Duration = Duration::from_secs(2);

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken.
    Delivered,
    /// The receiver wants no more.
    Gone,
    /// It was not taken.
    Failed {
        /// The status; 0 if no answer came.
        status: u16,
        /// How long the receiver asked to be left alone.
        asked: Option<Duration>,
    },
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the connection was lost")]
    Http(#[source] hyper::Error),
    #[error("the answer did not come in time")]
    Late,
}

/// What is sent.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) payload: Bytes,
}

/// Sends to one receiver.
pub(super) struct Client {
    url: WebhookUrl,
    dialer: Dialer,
    tasks: Tasks,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(url: WebhookUrl, dialer: Dialer, tasks: Tasks) -> Self {
        Self { url, dialer, tasks, open: None }
    }

    /// Sends once.
    pub(super) async fn post(&mut self, message: &Message) -> Result<Answer, Unanswered> {
        let answered = tokio::time::timeout(ANSWER, self.exchange(message)).await;
        answered.unwrap_or(Err(Unanswered::Late))
    }

    async fn exchange(&mut self, message: &Message) -> Result<Answer, Unanswered> {
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
        {
            // One that was kept may be closed by the other side at any moment, and then says nothing of the receiver.
            if let Ok(response) = open.send_request(self.request(message)).await {
                return Ok(self.answered(open, response).await);
            }
        }
        let mut open = self.connect().await?;
        open.ready().await.map_err(Unanswered::Http)?;
        let response = open.send_request(self.request(message)).await.map_err(Unanswered::Http)?;
        Ok(self.answered(open, response).await)
    }

    fn request(&self, message: &Message) -> Request<Full<Bytes>> {
        let built = Request::post(self.url.path())
            .header(HOST, self.url.authority())
            .header(USER_AGENT, concat!("hazardcast/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", &message.signature)
            .body(Full::new(message.payload.clone()));
        built.expect("a path that was parsed, and headers of letters and digits")
    }

    /// What an answer says. Its connection is kept if the answer ends soon.
    async fn answered(&mut self, open: SendRequest<Full<Bytes>>, mut response: Response<Incoming>) -> Answer {
        let answer = read(response.status().as_u16(), response.headers());
        let drain = async {
            let mut read = 0;
            while let Some(frame) = response.frame().await {
                read += frame.as_ref().map_or(BODY + 1, |frame| frame.data_ref().map_or(0, Bytes::len));
                if read > BODY {
                    return false;
                }
            }
            true
        };
        if tokio::time::timeout(DRAIN, drain).await == Ok(true) {
            self.open = Some(open);
        }
        answer
    }

    /// A new connection. The address may have been taken when less was asked of one than is now.
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Unanswered> {
        self.handshake(self.dialer.web(&self.url).await?).await
    }

    async fn handshake<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>, Unanswered>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = http1::Builder::new();
        let (open, connection) =
            http.max_buf_size(HEAD).handshake(TokioIo::new(stream)).await.map_err(Unanswered::Http)?;
        // It ends when `open` is dropped, or the other side closes it.
        self.tasks.spawn("webhook-connection", async move { drop(connection.await) });
        Ok(open)
    }
}

/// What a status says: any but 2xx is a failure, a redirection too.
fn read(status: u16, headers: &HeaderMap) -> Answer {
    match status {
        200..=299 => Answer::Delivered,
        410 => Answer::Gone,
        _ => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
            Answer::Failed { status, asked: seconds.map(Duration::from_secs) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::ClientConfig;

    use super::*;

    /// What comes of sending to an address that was taken when plain text and private addresses were.
    async fn post(url: &str) -> Result<Answer, Unanswered> {
        let message = Message {
            id: "evt_1".to_owned(),
            timestamp: 7,
            signature: "v1,".to_owned(),
            payload: Bytes::from_static(b"{}"),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let tasks = Tasks::new(Arc::new(crate::metrics::Metrics::new()));
        let dialer = Dialer::new(false, Arc::new(tls));
        Client::new(url.parse().unwrap(), dialer, tasks).post(&message).await
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // The second is how some resolvers read a number: as an address.
        for host in ["localhost", "2130706433", "127.1"] {
            let refused = post(&format!("https://{host}:{port}/")).await;
            assert!(
                matches!(refused, Err(Unanswered::Dial(DialError::NotPublic | DialError::Lookup(_)))),
                "{host}: {refused:?}"
            );
        }
        let came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        assert!(came.is_err(), "nobody came");
    }

    #[tokio::test]
    async fn plain_text_that_was_allowed_once_is_not_sent_when_it_no_longer_is() {
        // Before it is looked at whether the address is public.
        let refused = post("http://127.0.0.1:9/hook").await;
        assert!(matches!(refused, Err(Unanswered::Dial(DialError::NotEncrypted))), "{refused:?}");
    }

    #[test]
    fn any_status_but_success_is_a_failure_and_gone_is_the_end() {
        let mut headers = HeaderMap::new();
        for status in [200, 201, 204, 299] {
            assert_eq!(read(status, &headers), Answer::Delivered);
        }
        assert_eq!(read(410, &headers), Answer::Gone);
        for status in [100, 301, 307, 400, 404, 429, 500, 502, 504] {
            assert_eq!(read(status, &headers), Answer::Failed { status, asked: None }, "{status}");
        }
        headers.insert(RETRY_AFTER, "120".parse().unwrap());
        assert_eq!(read(429, &headers), Answer::Failed { status: 429, asked: Some(Duration::from_mins(2)) });
        headers.insert(RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT".parse().unwrap());
        assert_eq!(read(503, &headers), Answer::Failed { status: 503, asked: None });
    }
}
