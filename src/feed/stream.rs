//! A feed that pushes, over TCP or a WebSocket: of all its hosts at once, each connected to again and again. What comes
//! from whichever first is taken; that it comes from the others too is known.
//!
//! Canada's NAAD sends XML documents back to back, and about once a minute a heartbeat: a message of status `System`
//! that refers to the latest alerts. A heartbeat is life and no alert; what it refers to and never came is fetched from
//! the archive, if there is one.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::domain::{Feed, FeedKind, FeedUrl, SignedDuration};
use crate::format::{self, FormatError};
use crate::intake::{Bearer, MessageKey};

use super::cursor::{Cursor, Validators};
use super::fetch::{FetchError, Fetched};
use super::frame::Splitter;
use super::take::Taker;
use super::websocket::{self, WebSocket};
use super::{Inner, PollError, schedule};

/// How many documents wait to be taken; hosts are not read further meanwhile.
const WAITING: usize = 16;

/// How long what came is known, so that it is not brought again when another host has it too. What comes after that the
/// desk knows.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);

/// How much is read at a time, bytes.
const CHUNK: usize = 16 << 10;

/// The task of one feed.
pub(super) struct Streams {
    pub(super) inner: Arc<Inner>,
    pub(super) feed: Arc<Feed>,
    pub(super) taker: Taker,
    pub(super) cursor: Cursor,
}

/// A message, and from which host it came.
type Came = (usize, Bytes);

impl Streams {
    /// Takes what comes, until it is dropped.
    pub(super) async fn run(mut self) {
        let (sender, mut came) = mpsc::channel(WAITING);
        let hosts = self.feed.settings.urls.iter().enumerate();
        let listen = join_all(hosts.map(|(host, url)| {
            let (inner, feed, taker) = (Arc::clone(&self.inner), Arc::clone(&self.feed), self.taker.clone());
            listen(inner, feed, taker, host, url.clone(), sender.clone())
        }));
        let take = async {
            let mut unkept = 0;
            while let Some((host, content)) = came.recv().await {
                self.take(host, content).await;
                unkept += 1;
                if came.is_empty() || unkept >= WAITING {
                    self.cursor.forget_settled_before(REMEMBERED, self.taker.door.clock.now());
                    self.inner.keep(&self.feed, &mut self.cursor).await;
                    unkept = 0;
                }
            }
        };
        tokio::join!(listen, take);
    }

    async fn take(&mut self, host: usize, content: Bytes) {
        let live = self.taker.live.clone();
        let Some(bearer) = self.inner.bearer(&self.feed) else {
            return live.bad(host, "the authority that it speaks for is not admitted");
        };
        if let Some(references) = heartbeat(&content) {
            live.metrics.polls("heartbeat").inc();
            live.good(host, self.taker.door.clock.now());
            return self.missed(&references, &bearer).await;
        }
        match self.bring(content, &bearer).await {
            // A WebSocket has messages of all kinds: what is no alert is a sign of life.
            Err(PollError::Format(FormatError::UnknownFormat | FormatError::NoMessage))
                if self.feed.settings.kind == FeedKind::WebSocket =>
            {
                live.metrics.polls("other").inc();
                live.good(host, self.taker.door.clock.now());
            }
            Ok(()) => live.good(host, self.taker.door.clock.now()),
            Err(error) => {
                live.metrics.polls(error.name()).inc();
                live.bad(host, &error.to_string());
                if let PollError::Format(error) = &error {
                    self.taker.unreadable(error, &bearer).await;
                }
            }
        }
        live.counted(self.cursor.counts());
    }

    /// Brings what came to the desk. What the desk does not answer is brought again: a stream does not send it twice.
    async fn bring(&mut self, content: Bytes, bearer: &Bearer) -> Result<(), PollError> {
        let mut failures = 0;
        loop {
            let settled = Arc::new(self.cursor.settled());
            let pieces = self.taker.read(content.clone(), String::new(), bearer.clone(), settled).await?;
            if self.taker.take(pieces, bearer, &mut self.cursor).await {
                return Ok(());
            }
            tokio::time::sleep(schedule::reconnect(failures, rand::random())).await;
            failures = (failures + 1).min(3);
        }
    }

    /// Fetches what a heartbeat refers to and never came.
    async fn missed(&mut self, references: &[Reference], bearer: &Bearer) {
        let Some(archive) = self.feed.settings.archive.clone() else { return };
        for reference in references {
            if self.cursor.is_settled(&reference.key) {
                continue;
            }
            match self.fetch(&archive, reference).await {
                Ok(content) => {
                    let message = reference.path.as_str();
                    tracing::warn!(feed = %self.feed.name, message, "an alert never came, and was fetched");
                    self.taker.live.metrics.polls("missed").inc();
                    if let Err(error) = self.bring(content, bearer).await {
                        tracing::warn!(feed = %self.feed.name, %error, "an archived alert cannot be read");
                    }
                }
                Err(error) => {
                    self.taker.live.metrics.polls("link_failed").inc();
                    tracing::warn!(feed = %self.feed.name, %error, "an alert that never came cannot be fetched");
                }
            }
            if !self.cursor.is_settled(&reference.key) {
                // What cannot be had is not asked for with each heartbeat for ever.
                self.cursor.unreadable(reference.key, self.taker.door.clock.now());
            }
        }
    }

    async fn fetch(&self, archive: &FeedUrl, reference: &Reference) -> Result<Bytes, PollError> {
        let url = self.inner.fetcher.resolve(archive.web(), &reference.path).map_err(PollError::Link)?;
        match self.inner.fetcher.fetch(&url, &Validators::default(), &self.feed.settings).await? {
            Fetched::NotModified => Err(FetchError::Status { status: 304, asked: None }.into()),
            Fetched::Body(body) => {
                self.taker.live.metrics.received.inc_by(body.received as u64);
                Ok(body.content)
            }
        }
    }
}

/// Connects to one host again and again, and hands on each document that comes.
async fn listen(
    inner: Arc<Inner>,
    feed: Arc<Feed>,
    taker: Taker,
    host: usize,
    url: FeedUrl,
    sender: mpsc::Sender<Came>,
) {
    let mut failures = 0;
    loop {
        let mut came = 0;
        let outcome = read(&inner, &feed, &taker, host, &url, &sender, &mut came).await;
        let Err(error) = outcome else { return };
        taker.live.metrics.polls("disconnected").inc();
        taker.live.bad(host, &error);
        failures = if came > 0 { 0 } else { failures + 1 };
        tokio::time::sleep(schedule::reconnect(failures, rand::random())).await;
    }
}

/// Reads one connection to its end; why it has ended. `Ok` when nobody takes what comes any more.
async fn read(
    inner: &Inner,
    feed: &Feed,
    taker: &Taker,
    host: usize,
    url: &FeedUrl,
    sender: &mpsc::Sender<Came>,
    came: &mut usize,
) -> Result<(), String> {
    let within = feed.settings.answer_within;
    let connected = tokio::time::timeout(within, inner.fetcher.dialer.stream(url.web())).await;
    let mut stream = connected.map_err(|_| "the host did not answer in time")?.map_err(|error| error.to_string())?;
    let silence = feed.settings.silence.unsigned_abs();
    let late = "nothing came for too long";
    if feed.settings.kind == FeedKind::WebSocket {
        let opened = tokio::time::timeout(within, WebSocket::open(stream, url, feed.settings.most_bytes)).await;
        let mut socket = opened.map_err(|_| "the host did not answer in time")??;
        taker.live.connected(taker.door.clock.now());
        loop {
            match tokio::time::timeout(silence, socket.next()).await.map_err(|_| late)?? {
                websocket::Came::Life => taker.live.good(host, taker.door.clock.now()),
                websocket::Came::Message(content) => {
                    taker.live.metrics.received.inc_by(content.len() as u64);
                    *came += 1;
                    if sender.send((host, content)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
    taker.live.connected(taker.door.clock.now());
    let mut splitter = Splitter::new(feed.settings.most_bytes);
    let mut chunk = vec![0; CHUNK];
    loop {
        // A connection on which nothing comes, no heartbeat either, may be dead without a word.
        let read = tokio::time::timeout(silence, stream.read(&mut chunk)).await;
        let read = read.map_err(|_| late)?.map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("the host ended the connection".to_owned());
        }
        taker.live.metrics.received.inc_by(read as u64);
        splitter.push(&chunk[..read]);
        while let Some(document) = splitter.cut().map_err(|error| error.to_string())? {
            *came += 1;
            if sender.send((host, document.into())).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// What a heartbeat refers to.
struct Reference {
    key: MessageKey,
    /// Where NAAD's archive has it.
    path: String,
}

/// What a heartbeat refers to; `None` of any other message.
fn heartbeat(content: &[u8]) -> Option<Vec<Reference>> {
    let outline = format::outline(content, None).ok()?;
    let is_heartbeat = outline.written.status == "System";
    is_heartbeat.then(|| outline.written.references.iter().filter_map(|written| reference(written)).collect())
}

/// NAAD's archive has a message under the day of its `sent`, in a file named for its `sent` and its identifier, in
/// which `-` and `:` are written as `_` and `+` as `p`.
fn reference(written: &str) -> Option<Reference> {
    let (sender, rest) = written.split_once(',')?;
    let (identifier, sent) = rest.rsplit_once(',')?;
    let (day, _) = sent.split_once('T')?;
    let at = sent.parse().ok()?;
    let key = MessageKey::of_alert(sender.trim(), identifier.trim(), at);
    let file = |text: &str| text.trim().replace(['-', ':'], "_").replace('+', "p");
    let path = format!("/{day}/{}I{}.xml", file(sent), file(identifier));
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte)).then_some(Reference { key, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_its_file_in_the_archive() {
        let path = |written: &str| reference(written).map(|reference| reference.path);
        let real = "cap-pac@canada.ca,urn:oid:2.49.0.1.124.3162025448.2014,2014-06-05T14:04:00-00:00";
        let expected = "/2014-06-05/2014_06_05T14_04_00_00_00Iurn_oid_2.49.0.1.124.3162025448.2014.xml";
        assert_eq!(path(real).as_deref(), Some(expected));
        for bad in ["", "a,b", "a,b,c", "a,../../x?,2014-06-05T14:04:00-00:00", "a,b,2014-06-05"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
