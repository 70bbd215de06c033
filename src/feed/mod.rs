//! The door that gets alerts for itself: from feeds that operators named, each speaking for an authority whose limits
//! hold.
//!
//! [`Feeds`] keeps them, and runs a task for each that is not paused. A feed that is fetched is asked again and again,
//! of all its mirrors at once; how far it is ([`cursor`]) is on disk, and an alert counts as seen only when the desk
//! has answered. So whatever happens in between, it is brought again, and the desk knows what it has: nothing is lost,
//! and nothing told twice.
//!
//! # What an absence means
//!
//! An alert that is in a feed no more is not cancelled by that: entries vanish when they expire, mirrors lag, and a
//! server that fails may serve an empty list. Only when no mirror that was read whole has had it for the grace period,
//! and it still warns, has it *vanished*: then the operator is told, and the alert stands until it expires; where the
//! operator says that the feed always holds all that is in force, it is cancelled.
//!
//! # What silence means
//!
//! A feed that has given nothing good for longer than its silence period is an alarm: in the log, in `feed_silent` and
//! in what is shown of it. "Not modified" is good, and so is a heartbeat.

mod codec;
pub mod cursor;
mod error;
mod fetch;
pub mod frame;
mod live;
mod poll;
pub mod schedule;
mod store;
mod stream;
mod take;
mod trial;
mod websocket;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::decide::Authority;
use crate::dial::{self, Dialer};
use crate::domain::{AuthorityName, Feed, FeedKind, FeedName, FeedSettings};
use crate::intake::{Bearer, Door};
use crate::metrics::Metrics;
use crate::tasks::Tasks;

pub use error::{FeedError, PollError};
pub use fetch::FetchError;
pub use live::{FeedState, MirrorState};
pub use store::StoreError;
pub use trial::{Found, Outcome, Trial};

use cursor::Cursor;
use fetch::Fetcher;
use live::Live;
use poll::Poll;
use store::Store;
use stream::Streams;
use take::Taker;

/// The most feeds of one server.
const MOST: usize = 256;

/// How feeds are got.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether plain text and addresses that are not public are connected to: for tests, and for closed networks.
    pub allow_private: bool,
    /// Roots that the certificates of feeds' servers may lead to besides the system's, PEM.
    pub roots: Option<PathBuf>,
}

/// What an authority of that name may send now; `None` if it is not admitted.
pub type Authorities = Arc<dyn Fn(&AuthorityName) -> Option<Authority> + Send + Sync>;

/// All feeds. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Feeds(Arc<Inner>);

/// What the tasks of feeds share.
struct Inner {
    store: Store,
    fetcher: Fetcher,
    door: Door,
    authorities: Authorities,
    running: Mutex<BTreeMap<FeedName, Running>>,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    stop: CancellationToken,
}

/// A feed, and its task if it is not paused.
struct Running {
    feed: Feed,
    live: Live,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Feeds {
    /// Opens the feeds of a data folder, and begins to get them; what is damaged is left out, loudly. They run until
    /// `stop`.
    pub fn open(
        data_dir: &Path,
        settings: Settings,
        door: Door,
        authorities: Authorities,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let (store, feeds, damaged) = Store::open(data_dir)?;
        for error in &damaged {
            tracing::error!(%error, "a feed is not known, and no alert of it will come");
        }
        let Settings { allow_private, roots } = settings;
        let tasks = door.tasks.clone();
        let dialer = Dialer::new(allow_private, dial::trusting(roots.as_deref(), "feeds"));
        let fetcher = Fetcher { dialer, allow_private, tasks: tasks.clone() };
        let running = Mutex::default();
        let inner = Arc::new(Inner { store, fetcher, door, authorities, running, metrics, tasks, stop });
        for feed in feeds {
            inner.begin(feed, None);
        }
        let watched = Arc::clone(&inner);
        inner.tasks.spawn_essential("feeds", async move { watched.watch().await });
        Ok(Self(inner))
    }

    /// Whether addresses may be of plain text, or not public.
    pub fn allows_private(&self) -> bool {
        self.0.fetcher.allow_private
    }

    /// Adds a feed, which begins at once. It is on disk when this returns. Blocks.
    pub fn add(&self, name: FeedName, settings: FeedSettings) -> Result<Feed, FeedError> {
        self.0.check(&settings)?;
        {
            let running = self.0.running.lock();
            if running.contains_key(&name) {
                return Err(FeedError::AlreadyExists);
            }
            if running.len() >= MOST {
                return Err(FeedError::TooMany(MOST));
            }
        }
        let feed = Feed { name, settings, paused: false, created: self.0.door.clock.now() };
        // How far another feed of that name was says nothing of this one.
        self.0.store.remove(&feed.name)?;
        self.0.store.put(&feed)?;
        self.0.begin(feed.clone(), None);
        Ok(feed)
    }

    /// A feed, and how it is doing.
    pub fn get(&self, name: &FeedName) -> Option<(Feed, FeedState)> {
        let running = self.0.running.lock();
        running.get(name).map(|running| (running.feed.clone(), running.live.state()))
    }

    /// All feeds by name, and how they are doing.
    pub fn list(&self) -> Vec<(Feed, FeedState)> {
        let running = self.0.running.lock();
        running.values().map(|running| (running.feed.clone(), running.live.state())).collect()
    }

    /// Leaves a feed alone from now on, or gets it again. It is on disk when this returns. Blocks.
    pub fn pause(&self, name: &FeedName, paused: bool) -> Result<Feed, FeedError> {
        let mut running = self.0.running.lock();
        let known = running.get_mut(name).ok_or(FeedError::NotFound)?;
        if known.feed.paused == paused {
            return Ok(known.feed.clone());
        }
        let feed = Feed { paused, ..known.feed.clone() };
        self.0.store.put(&feed)?;
        known.stop.cancel();
        let before = known.task.take();
        drop(running);
        self.0.begin(feed.clone(), before);
        Ok(feed)
    }

    /// Forgets a feed. What came from it stands. Blocks.
    pub fn remove(&self, name: &FeedName) -> Result<(), FeedError> {
        let mut running = self.0.running.lock();
        let known = running.get(name).ok_or(FeedError::NotFound)?;
        known.stop.cancel();
        self.0.store.remove(name)?;
        running.remove(name);
        self.0.metrics.forget_feed(name.id());
        Ok(())
    }

    /// Asks a feed once and says what would become of it. Nothing is sent, and nothing is noted.
    pub async fn test(&self, settings: &FeedSettings) -> Result<Vec<Trial>, FeedError> {
        self.0.check(settings)?;
        self.0.test(settings).await
    }
}

impl Inner {
    fn check(&self, settings: &FeedSettings) -> Result<(), FeedError> {
        settings.check()?;
        (self.authorities)(&settings.authority).map(drop).ok_or(FeedError::UnknownAuthority)
    }

    /// For whom a feed speaks now; `None` if its authority is not admitted any more.
    fn bearer(&self, feed: &Feed) -> Option<Bearer> {
        (self.authorities)(&feed.settings.authority).map(take::bearer)
    }

    /// Runs a feed, if it is not paused, when the task that it had before has ended.
    fn begin(self: &Arc<Self>, feed: Feed, before: Option<JoinHandle<()>>) {
        let stop = self.stop.child_token();
        let live = Live::new(&feed, self.metrics.feed(feed.name.id()), self.door.clock.now());
        let task = (!feed.paused).then(|| {
            let (inner, feed, live, stop) = (Arc::clone(self), Arc::new(feed.clone()), live.clone(), stop.clone());
            self.tasks.spawn("feed", async move {
                if let Some(before) = before {
                    // However it ended, it has.
                    let _ = before.await;
                }
                // What was under way when it is dropped was not settled, and comes again.
                tokio::select! {
                    () = inner.run(feed, live) => {}
                    () = stop.cancelled() => {}
                }
            })
        });
        let running = Running { feed, live, stop, task };
        self.running.lock().insert(running.feed.name.clone(), running);
    }

    async fn run(self: Arc<Self>, feed: Arc<Feed>, live: Live) {
        let mirrors = feed.settings.urls.len();
        let (store, name) = (self.store.clone(), feed.name.clone());
        let kept = self.tasks.spawn_blocking("feed-cursor", move || store.cursor(&name)).await;
        let cursor = match kept {
            Ok(Ok(kept)) => kept.filter(|cursor| cursor.mirrors.len() == mirrors),
            Ok(Err(error)) => {
                tracing::error!(feed = %feed.name, %error, "how far a feed is is not known: it is read anew");
                None
            }
            Err(_) => None,
        };
        let cursor = cursor.unwrap_or_else(|| Cursor::new(mirrors));
        let taker = Taker { door: self.door.clone(), live };
        match feed.settings.kind {
            FeedKind::Fetched => Poll { inner: self, feed, taker, cursor }.run().await,
            FeedKind::TcpStream | FeedKind::WebSocket => Streams { inner: self, feed, taker, cursor }.run().await,
        }
    }

    /// Looks at every feed, whether it is silent, until the server stops.
    async fn watch(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(live::LOOK) => {}
                () = self.stop.cancelled() => return,
            }
            let now = self.door.clock.now();
            for running in self.running.lock().values().filter(|running| !running.feed.paused) {
                running.live.look(&running.feed, now);
            }
        }
    }
}
