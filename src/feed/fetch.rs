//! One answer of a web server: asked for with conditions, bounded in time, bytes and redirections.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::dial::{DialError, Dialer};
use crate::domain::{FeedSettings, InvalidUrl, WebhookUrl};
use crate::tasks::Tasks;

use super::cursor::Validators;

/// The longest head of an answer, bytes.
const HEAD: usize = 32 << 10;

/// How often one is sent on.
const REDIRECTIONS: usize = 3;

/// The longest validator that is kept, bytes.
const LONGEST: usize = 512;

/// Fetches from hosts that are not trusted. Cheap to clone.
#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) dialer: Dialer,
    pub(super) allow_private: bool,
    pub(super) tasks: Tasks,
}

/// What a server answered.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Nothing has changed since the validators that were sent.
    NotModified,
    /// This.
    Body(Body),
}

/// A whole body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) content: Bytes,
    /// As the server says; empty if it says nothing.
    pub(super) media_type: String,
    pub(super) validators: Validators,
    /// How many bytes came.
    pub(super) received: usize,
}

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host was not connected to.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection was lost, or what came is not HTTP; half a body, too.
    #[error("the answer is not whole, or not HTTP: {0}")]
    Http(#[source] hyper::Error),
    /// The answer took too long.
    #[error("the answer did not come within {} seconds", .0.as_secs())]
    Late(Duration),
    /// The server says that something is wrong.
    #[error("the answer has status {status}")]
    Status {
        /// Which.
        status: u16,
        /// How long it asks to be left alone.
        asked: Option<Duration>,
    },
    /// More bytes than are taken.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// A compression that was not asked for.
    #[error("the body is compressed by {0:?}, which was not asked for")]
    Encoding(String),
    /// What should be compressed is not.
    #[error("the body is not gzip, or not whole: {0}")]
    Gzip(#[source] std::io::Error),
    /// It is sent on to where nothing may be fetched from.
    #[error("it is sent on to {0:?}, which is not among the feed's hosts")]
    OffTheList(String),
    /// It is sent on to what is no address that can be fetched from.
    #[error("it is sent on to an address that cannot be used: {0}")]
    Address(#[source] InvalidUrl),
    /// It is sent on again and again.
    #[error("it is sent on more than {REDIRECTIONS} times")]
    Redirections,
}

impl FetchError {
    /// How long the server asked to be left alone.
    pub(super) fn asked(&self) -> Option<Duration> {
        match self {
            Self::Status { asked, .. } => *asked,
            _ => None,
        }
    }

    /// Why, in a word.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Dial(_) => "connect",
            Self::Http(_) => "broken",
            Self::Late(_) => "late",
            Self::Status { .. } => "status",
            Self::TooLarge(_) => "too_large",
            Self::Encoding(_) | Self::Gzip(_) => "compression",
            Self::OffTheList(_) | Self::Address(_) | Self::Redirections => "redirection",
        }
    }
}

impl Fetcher {
    /// Fetches. What takes too long is given up, wherever it is.
    pub(super) async fn fetch(
        &self,
        url: &WebhookUrl,
        validators: &Validators,
        settings: &FeedSettings,
    ) -> Result<Fetched, FetchError> {
        let within = settings.answer_within;
        let fetched = tokio::time::timeout(within, self.follow(url, validators, settings)).await;
        fetched.unwrap_or(Err(FetchError::Late(within)))
    }

    async fn follow(
        &self,
        url: &WebhookUrl,
        validators: &Validators,
        settings: &FeedSettings,
    ) -> Result<Fetched, FetchError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTIONS {
            let response = self.ask(&url, validators).await?;
            let status = response.status().as_u16();
            match status {
                200 => return body(response, settings.most_bytes).await.map(Fetched::Body),
                304 => return Ok(Fetched::NotModified),
                301 | 302 | 303 | 307 | 308 => {}
                _ => return Err(FetchError::Status { status, asked: asked(response.headers()) }),
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            url = self.resolve(&url, location.unwrap_or_default()).map_err(FetchError::Address)?;
            if !settings.may_fetch_from(url.host()) {
                return Err(FetchError::OffTheList(url.host().to_owned()));
            }
        }
        Err(FetchError::Redirections)
    }

    /// The address that a link leads to from another: a whole one, or a path of the same host.
    pub(super) fn resolve(&self, from: &WebhookUrl, link: &str) -> Result<WebhookUrl, InvalidUrl> {
        // A fragment is for whoever reads, and not sent.
        let link = link.split('#').next().unwrap_or_default();
        if link.starts_with('/') && !link.starts_with("//") {
            let scheme = if from.is_encrypted() { "https" } else { "http" };
            return WebhookUrl::read(&format!("{scheme}://{}{link}", from.authority()), self.allow_private);
        }
        WebhookUrl::read(link, self.allow_private)
    }

    async fn ask(&self, url: &WebhookUrl, validators: &Validators) -> Result<Response<Incoming>, FetchError> {
        let stream = self.dialer.web(url).await?;
        let mut http = http1::Builder::new();
        let handshake = http.max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
        let (mut open, connection) = handshake.map_err(FetchError::Http)?;
        // It ends when the answer has been read, or is dropped.
        self.tasks.spawn("feed-connection", async move { drop(connection.await) });
        let mut request = Request::get(url.path())
            .header(HOST, url.authority())
            .header(USER_AGENT, concat!("hazardcast/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(etag) = &validators.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &validators.last_modified {
            request = request.header(IF_MODIFIED_SINCE, last_modified);
        }
        let request = request.body(Empty::<Bytes>::new());
        let request = request.expect("a path that was parsed, and headers that were headers");
        open.send_request(request).await.map_err(FetchError::Http)
    }
}

/// Reads a body whole. HTTP says when it ends; one that ends before is an error.
async fn body(response: Response<Incoming>, most: usize) -> Result<Body, FetchError> {
    let headers = response.headers();
    let text = |value: Option<&http::HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let short = |value: Option<String>| value.filter(|value| value.len() <= LONGEST);
    let media_type = text(headers.get(CONTENT_TYPE)).unwrap_or_default();
    let validators =
        Validators { etag: short(text(headers.get(ETAG))), last_modified: short(text(headers.get(LAST_MODIFIED))) };
    let encoding = text(headers.get(CONTENT_ENCODING)).unwrap_or_default().trim().to_ascii_lowercase();
    let is_gzip = match encoding.as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        _ => return Err(FetchError::Encoding(encoding.chars().take(64).collect())),
    };
    let mut frames = response.into_body();
    let mut content = BytesMut::new();
    while let Some(frame) = frames.frame().await {
        if let Ok(data) = frame.map_err(FetchError::Http)?.into_data() {
            if content.len() + data.len() > most {
                return Err(FetchError::TooLarge(most));
            }
            content.extend_from_slice(&data);
        }
    }
    let received = content.len();
    let content = if is_gzip { gunzip(&content, most)?.into() } else { content.freeze() };
    Ok(Body { content, media_type, validators, received })
}

/// Unpacks no more than `most` bytes, whatever is packed in it.
fn gunzip(packed: &[u8], most: usize) -> Result<Vec<u8>, FetchError> {
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(packed).take(most as u64 + 1).read_to_end(&mut content);
    read.map_err(FetchError::Gzip)?;
    if content.len() > most { Err(FetchError::TooLarge(most)) } else { Ok(content) }
}

/// How long a server asks to be left alone, in seconds (RFC 9110, section 10.2.3). A date is not read: clocks differ.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("a list takes it");
        encoder.finish().expect("a list takes it")
    }

    #[test]
    fn a_bomb_is_unpacked_no_further_than_its_bound() {
        let bomb = packed(&vec![0; 16 << 20]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(gunzip(&bomb, 1 << 20), Err(FetchError::TooLarge(_))));
        assert_eq!(gunzip(&packed(b"alert"), 5).expect("it fits"), b"alert");
        assert!(matches!(gunzip(&packed(b"alert"), 4), Err(FetchError::TooLarge(4))));
    }

    proptest! {
        #[test]
        fn half_of_what_is_packed_is_never_taken_for_all(
            content in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200,
        ) {
            let whole = packed(&content);
            prop_assert_eq!(gunzip(&whole, 1_000).expect("whole"), content);
            let cut = cut % whole.len();
            if cut > 0 {
                prop_assert!(gunzip(&whole[..cut], 1_000).is_err());
            }
        }
    }
}
