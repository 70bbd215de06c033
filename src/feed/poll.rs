//! A feed that is fetched: asked again and again, of all its mirrors at once.
//!
//! The first good answer is taken at once, and so is every later one: a mirror that is behind hides nothing that
//! another has, and what several have is settled by the first. A mirror is asked only for what has changed since its
//! last answer once all of that is settled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::domain::{Feed, FeedUrl, Timestamp, Vanished};
use crate::format::{self, FormatError, IndexEntry};
use crate::intake::{Bearer, MessageKey, Piece, Unread};

use super::cursor::{Cursor, Validators};
use super::fetch::{Body, FetchError, Fetched};
use super::take::{Came, Taker};
use super::{Inner, PollError, schedule};

/// How many linked files are fetched at a time.
const LINKS_AT_A_TIME: usize = 4;

/// The task of one feed.
pub(super) struct Poll {
    pub(super) inner: Arc<Inner>,
    pub(super) feed: Arc<Feed>,
    pub(super) taker: Taker,
    pub(super) cursor: Cursor,
}

/// What came of one round.
#[derive(Default)]
struct Round {
    good: bool,
    /// How long a mirror asked to be left alone.
    asked: Option<Duration>,
    /// What each mirror that gave something good has as its newest.
    newest: Vec<(usize, Option<Timestamp>)>,
}

impl Poll {
    /// Asks again and again, until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let round = self.round().await;
            self.compare(&round);
            self.inner.keep(&self.feed, &mut self.cursor).await;
            self.taker.live.counted(self.cursor.counts());
            let failures = self.taker.live.asked(round.good, self.taker.door.clock.now());
            let wait = schedule::next(self.feed.settings.interval, failures, round.asked, rand::random());
            tokio::time::sleep(wait).await;
        }
    }

    /// Asks every mirror once. Answers are taken while others are on their way.
    async fn round(&mut self) -> Round {
        let mut round = Round::default();
        let Some(bearer) = self.inner.bearer(&self.feed) else {
            self.taker.live.bad(0, "the authority that it speaks for is not admitted");
            return round;
        };
        let (sender, mut answers) = mpsc::channel(1);
        let urls = self.feed.settings.urls.iter().cloned().enumerate();
        let mirrors: FuturesUnordered<_> = urls
            .map(|(mirror, url)| {
                let validators = self.cursor.mirrors.get(mirror).map(|known| known.validators.clone());
                let validators = validators.unwrap_or_default();
                let (inner, feed) = (Arc::clone(&self.inner), Arc::clone(&self.feed));
                async move {
                    let fetched = inner.fetcher.fetch(url.web(), &validators, &feed.settings).await;
                    (mirror, url, fetched)
                }
            })
            .collect();
        let ask = async move {
            let mut mirrors = mirrors;
            while let Some(answer) = mirrors.next().await {
                if sender.send(answer).await.is_err() {
                    return;
                }
            }
        };
        let take = async {
            while let Some((mirror, url, fetched)) = answers.recv().await {
                self.answer(mirror, &url, fetched, &bearer, &mut round).await;
            }
        };
        tokio::join!(ask, take);
        if round.good {
            self.vanished(&bearer).await;
        }
        round
    }

    /// Takes what one mirror answered.
    async fn answer(
        &mut self,
        mirror: usize,
        url: &FeedUrl,
        fetched: Result<Fetched, FetchError>,
        bearer: &Bearer,
        round: &mut Round,
    ) {
        let live = self.taker.live.clone();
        let outcome = match fetched {
            Ok(Fetched::NotModified) => {
                round.newest.push((mirror, self.cursor.mirrors.get(mirror).and_then(|known| known.newest)));
                Ok("not_modified")
            }
            Ok(Fetched::Body(body)) => {
                live.metrics.received.inc_by(body.received as u64);
                self.body(mirror, url, body, bearer).await.map(|newest| {
                    round.newest.push((mirror, newest));
                    "read"
                })
            }
            Err(error) => {
                round.asked = round.asked.max(error.asked());
                Err(error.into())
            }
        };
        match outcome {
            Ok(name) => {
                live.metrics.polls(name).inc();
                live.good(mirror, self.taker.door.clock.now());
                round.good = true;
            }
            Err(error) => {
                live.metrics.polls(error.name()).inc();
                live.bad(mirror, &error.to_string());
            }
        }
    }

    /// Takes all that is in a body; gives when the newest of it was sent.
    async fn body(
        &mut self,
        mirror: usize,
        url: &FeedUrl,
        body: Body,
        bearer: &Bearer,
    ) -> Result<Option<Timestamp>, PollError> {
        let Body { content, media_type, validators, .. } = body;
        let settled = Arc::new(self.cursor.settled());
        let (pieces, entries) = self.inner.opened(&self.taker, content, media_type, bearer, settled).await?;
        let keys = pieces.iter().map(|piece| piece.key).chain(entries.iter().map(|(key, _)| *key));
        let present: HashSet<MessageKey> = keys.collect();
        let newest = newest(&pieces, &entries);
        let all_pieces = self.taker.take(pieces, bearer, &mut self.cursor).await;
        let all_entries = self.follow(entries, url, bearer).await;
        self.cursor.observe(mirror, &present, self.taker.door.clock.now());
        // What has not been answered is to be in the next answer again.
        let validators = if all_pieces && all_entries { validators } else { Validators::default() };
        self.cursor.accept(mirror, validators, newest);
        Ok(newest)
    }

    /// Fetches the files that entries lead to, the most urgent first. Whether every entry is settled now.
    async fn follow(&mut self, entries: Vec<(MessageKey, IndexEntry)>, url: &FeedUrl, bearer: &Bearer) -> bool {
        let mut wanted = entries;
        wanted.retain(|(key, _)| !self.cursor.is_settled(key));
        // The sort is stable: of equally urgent ones the feed's own order holds.
        wanted.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.rank));
        let most = self.feed.settings.most_entries;
        let mut all = wanted.len() <= most;
        let (inner, feed, taker) = (Arc::clone(&self.inner), Arc::clone(&self.feed), self.taker.clone());
        let follow = async |(key, entry): (MessageKey, IndexEntry)| {
            (key, inner.follow(&feed, &taker, url, &entry, bearer).await, entry)
        };
        let files = stream::iter(wanted.into_iter().take(most)).map(follow);
        let mut files = std::pin::pin!(files.buffer_unordered(LINKS_AT_A_TIME));
        while let Some((key, followed, entry)) = files.next().await {
            let now = taker.door.clock.now();
            match followed {
                Ok(Came::Settled(alert)) => self.cursor.settle(key, alert, now),
                Ok(Came::Unanswered) => all = false,
                Err(error) => {
                    tracing::warn!(feed = %feed.name, place = entry.place, %error, "a linked alert cannot be had");
                    taker.live.metrics.polls("link_failed").inc();
                    let is_left = match &error {
                        PollError::Format(error) => {
                            let is_left = self.cursor.unreadable(key, now);
                            if is_left {
                                taker.unreadable(error, bearer).await;
                            }
                            is_left
                        }
                        // It is not, and will hardly be, where it should be fetched from.
                        PollError::NotAllowed(_)
                        | PollError::Link(_)
                        | PollError::Fetch(FetchError::Status { status: 404 | 410, .. }) => {
                            self.cursor.unreadable(key, now)
                        }
                        _ => false,
                    };
                    all &= is_left;
                }
            }
        }
        all
    }

    /// Tells of alerts that are in no mirror any more, though neither cancelled nor expired, and ends them if that is
    /// what their operator wants.
    async fn vanished(&mut self, bearer: &Bearer) {
        let now = self.taker.door.clock.now();
        for (key, alert) in self.cursor.vanished(self.feed.settings.grace, now) {
            if !self.taker.is_last_word(&alert) {
                self.cursor.told(&key);
                continue;
            }
            let (sender, identifier) = (alert.id.sender.as_str(), alert.id.identifier.as_str());
            let ends = self.feed.settings.vanished == Vanished::Ended;
            tracing::warn!(feed = %self.feed.name, sender, identifier, ends, "an alert has vanished from a feed");
            if ends && !self.taker.end(&alert, bearer).await {
                continue;
            }
            self.taker.live.metrics.vanished.inc();
            self.cursor.told(&key);
        }
    }

    /// Notes which mirrors are older than others.
    fn compare(&self, round: &Round) {
        let newest = round.newest.iter().filter_map(|(_, newest)| *newest).max();
        for (mirror, own) in &round.newest {
            self.taker.live.compared(*mirror, *own < newest);
        }
    }
}

impl Inner {
    /// Keeps how far a feed is, if that has changed.
    pub(super) async fn keep(&self, feed: &Feed, cursor: &mut Cursor) {
        if !cursor.take_changed() {
            return;
        }
        let (store, name, cursor) = (self.store.clone(), feed.name.clone(), cursor.clone());
        let keep = move || store.put_cursor(&name, &cursor);
        if let Ok(Err(error)) = self.tasks.spawn_blocking("feed-cursor", keep).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(feed = %feed.name, error, "how far a feed is cannot be kept");
        }
    }

    /// What is in a body: messages, and entries that say where messages are.
    pub(super) async fn opened(
        &self,
        taker: &Taker,
        content: bytes::Bytes,
        media_type: String,
        bearer: &Bearer,
        settled: Arc<HashSet<MessageKey>>,
    ) -> Result<(Vec<Piece>, Vec<(MessageKey, IndexEntry)>), PollError> {
        let (indexed, named) = (content.clone(), media_type.clone());
        let index = move || format::index(&indexed, Some(&named));
        let index = self.tasks.spawn_blocking("feed-index", index).await.map_err(|_| PollError::Failed)?;
        let entries: Vec<_> = index?.into_iter().map(|entry| (entry_key(&entry), entry)).collect();
        let pieces = match taker.read(content, media_type, bearer.clone(), settled).await {
            Ok(pieces) => pieces,
            Err(Unread::Format(FormatError::Index { .. })) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        Ok((pieces, entries))
    }

    /// Fetches what an entry leads to and brings it to the desk.
    async fn follow(
        &self,
        feed: &Feed,
        taker: &Taker,
        url: &FeedUrl,
        entry: &IndexEntry,
        bearer: &Bearer,
    ) -> Result<Came, PollError> {
        let pieces = self.linked(feed, taker, url, &entry.link, bearer).await?;
        let (mut standing, mut found) = (None, false);
        for ready in pieces.into_iter().filter_map(|piece| piece.ready) {
            found = true;
            match taker.one(Ok(ready?), bearer).await {
                Came::Settled(alert) => standing = standing.or(alert),
                Came::Unanswered => return Ok(Came::Unanswered),
            }
        }
        if found { Ok(Came::Settled(standing)) } else { Err(PollError::Format(FormatError::NoMessage)) }
    }

    /// Fetches and reads what a link of a feed leads to.
    pub(super) async fn linked(
        &self,
        feed: &Feed,
        taker: &Taker,
        url: &FeedUrl,
        link: &str,
        bearer: &Bearer,
    ) -> Result<Vec<Piece>, PollError> {
        let address = self.fetcher.resolve(url.web(), link).map_err(PollError::Link)?;
        if !feed.settings.may_fetch_from(address.host()) {
            return Err(PollError::NotAllowed(address.host().to_owned()));
        }
        match self.fetcher.fetch(&address, &Validators::default(), &feed.settings).await? {
            Fetched::NotModified => Err(FetchError::Status { status: 304, asked: None }.into()),
            Fetched::Body(body) => {
                taker.live.metrics.received.inc_by(body.received as u64);
                Ok(taker.read(body.content, body.media_type, bearer.clone(), Arc::default()).await?)
            }
        }
    }
}

/// What tells an entry from others: its id and when it was changed, or where it leads.
fn entry_key(entry: &IndexEntry) -> MessageKey {
    let name = entry.id.as_deref().unwrap_or(&entry.link);
    MessageKey::hashed(&[b"entry", name.as_bytes(), entry.updated.as_bytes()])
}

/// When the newest of a body was sent or changed.
fn newest(pieces: &[Piece], entries: &[(MessageKey, IndexEntry)]) -> Option<Timestamp> {
    let sent = pieces.iter().filter_map(|piece| piece.id.as_ref().map(|id| id.sent));
    let changed = entries.iter().filter_map(|(_, entry)| entry.updated.parse().ok());
    sent.chain(changed).max()
}
