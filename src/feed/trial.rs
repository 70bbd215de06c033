//! A feed on trial: asked once, with nothing sent and nothing noted.

use std::sync::Arc;

use crate::decide::Decision;
use crate::domain::{AlertId, Feed, FeedKind, FeedName, FeedSettings, FeedUrl};
use crate::intake::{Bearer, DeskError, Piece};

use super::cursor::Validators;
use super::fetch::{Body, Fetched};
use super::live::Live;
use super::take::{Taker, bearer};
use super::{FeedError, Inner, PollError};

/// The most linked files that are fetched for a trial.
const MOST_LINKS: usize = 10;

/// The most messages that a trial tells of.
const MOST_FOUND: usize = 100;

/// What one mirror gives.
#[derive(Debug)]
pub struct Trial {
    /// Its address.
    pub url: FeedUrl,
    /// What is in it; or why nothing good came.
    pub found: Result<Found, PollError>,
}

/// What is in a feed now.
#[derive(Debug, Default)]
pub struct Found {
    /// How many bytes came.
    pub received: usize,
    /// What its server says that it is.
    pub media_type: String,
    /// How many messages are in it, and entries that lead to messages.
    pub entries: usize,
    /// What would become of messages: at most a hundred, of the most urgent entries.
    pub messages: Vec<Outcome>,
}

/// What would become of one message.
#[derive(Debug)]
pub struct Outcome {
    /// Where it stands, or leads to.
    pub place: String,
    /// Whose it is and what it is called, if it can be read.
    pub id: Option<AlertId>,
    /// In one word of the API: `ADMITTED`, or why not.
    pub outcome: &'static str,
    /// More of it, for people.
    pub message: String,
}

impl Inner {
    pub(super) async fn test(&self, settings: &FeedSettings) -> Result<Vec<Trial>, FeedError> {
        let authority = (self.authorities)(&settings.authority).ok_or(FeedError::UnknownAuthority)?;
        let bearer = bearer(authority);
        let name = FeedName::new("trial").expect("it is a name");
        let now = self.door.clock.now();
        let feed = Feed { name, settings: settings.clone(), paused: false, created: now };
        // What it would count is counted nowhere.
        let live = Live::new(&feed, crate::metrics::Metrics::new().feed("trial"), now);
        let taker = Taker { door: self.door.clone(), live };
        let mut trials = Vec::new();
        for url in &*settings.urls {
            let found = match settings.kind {
                FeedKind::Fetched => self.found(&feed, url, &taker, &bearer).await,
                FeedKind::TcpStream | FeedKind::WebSocket => {
                    let connected = self.fetcher.dialer.stream(url.web()).await;
                    connected.map(|_| Found::default()).map_err(|error| PollError::Fetch(error.into()))
                }
            };
            trials.push(Trial { url: url.clone(), found });
        }
        Ok(trials)
    }

    async fn found(&self, feed: &Feed, url: &FeedUrl, taker: &Taker, bearer: &Bearer) -> Result<Found, PollError> {
        let fetched = self.fetcher.fetch(url.web(), &Validators::default(), &feed.settings).await?;
        let Fetched::Body(Body { content, media_type, received, .. }) = fetched else {
            return Ok(Found::default());
        };
        let opened = self.opened(taker, content, media_type.clone(), bearer, Arc::default()).await;
        let (pieces, mut entries) = opened?;
        let count = pieces.len() + entries.len();
        let mut messages = Vec::new();
        self.judge(pieces, "", &mut messages).await;
        entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.rank));
        for (_, entry) in entries.into_iter().take(MOST_LINKS) {
            match self.linked(feed, taker, url, &entry.link, bearer).await {
                Ok(pieces) => self.judge(pieces, &entry.link, &mut messages).await,
                Err(error) => {
                    let message = error.to_string();
                    messages.push(Outcome { place: entry.link, id: None, outcome: "NOT_FETCHED", message });
                }
            }
        }
        Ok(Found { received, media_type, entries: count, messages })
    }

    /// What the desk would decide on each.
    async fn judge(&self, pieces: Vec<Piece>, link: &str, messages: &mut Vec<Outcome>) {
        for Piece { place, id, ready, .. } in pieces {
            if messages.len() >= MOST_FOUND {
                return;
            }
            let place = if link.is_empty() { place } else { link.to_owned() };
            let (outcome, message) = match ready {
                Some(Ok(ready)) => decided(self.door.preview(ready).await),
                Some(Err(error)) => (error.reason(), format!("{}: {error}", error.field())),
                None => continue,
            };
            messages.push(Outcome { place, id, outcome, message });
        }
    }
}

fn decided(decision: Result<Decision, DeskError>) -> (&'static str, String) {
    match decision {
        Ok(Decision::Admit(_) | Decision::AdmitAll(_)) => ("ADMITTED", String::new()),
        Ok(Decision::Hold(held)) => ("HELD", held.reasons.first().to_string()),
        Ok(Decision::Ignore(ignored)) => (ignored.reason(), String::new()),
        Ok(Decision::Refuse(refused)) => (refused.reason(), refused.to_string()),
        Err(error) => ("UNANSWERED", error.to_string()),
    }
}
