//! The task that watches which webhooks there are, and the one that each of them has.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::dial::{self, Dialer};
use crate::domain::{Clock, EventCursor, PartnerEvent, PartnerName, WebhookState};
use crate::metrics::{Metrics, WebhookAttempt};
use crate::registry::{EventPage, Hook, Registry, RegistryError};
use crate::tasks::Tasks;

use super::client::{Answer, Client, Message};
use super::{Settings, payload, schedule, sign};

/// How many events are read at a time. Few, so that none is sent long after it was read: its registration may be
/// deleted meanwhile.
const PAGE: usize = 16;

/// The most requests that are on their way at a time, over all webhooks.
const ON_THEIR_WAY: usize = 64;

/// How often it is seen to that each webhook has its task, though nothing has changed.
const LOOK: Duration = Duration::from_mins(1);

/// Sends partners their events.
pub struct Webhooks(Arc<Inner>);

struct Inner {
    registry: Registry,
    clock: Arc<dyn Clock>,
    settings: Settings,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    room: Semaphore,
    /// Whose certificates are trusted: looked up when the first webhook is sent to.
    tls: OnceLock<Arc<ClientConfig>>,
}

/// A webhook's task.
struct Running {
    generation: u64,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Nothing is sent before [`Webhooks::run`].
    pub fn new(
        registry: Registry,
        clock: Arc<dyn Clock>,
        settings: Settings,
        metrics: Arc<Metrics>,
        tasks: Tasks,
    ) -> Self {
        let (room, tls) = (Semaphore::new(ON_THEIR_WAY), OnceLock::new());
        Self(Arc::new(Inner { registry, clock, settings, metrics, tasks, room, tls }))
    }

    /// Runs until `stop`. The registry is to be loaded.
    pub async fn run(self, stop: CancellationToken) {
        let Ok(mut changes) = self.0.registry.watch_webhooks() else { return };
        let mut running: HashMap<PartnerName, Running> = HashMap::new();
        loop {
            changes.mark_unchanged();
            self.0.adjust(&mut running, &stop);
            tokio::select! {
                told = changes.changed() => if told.is_err() { break },
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => break,
            }
        }
    }
}

impl Inner {
    /// Stops the tasks of webhooks that are no more, or were set anew, and starts those of new ones, and of those whose
    /// task has ended though events are to be sent.
    fn adjust(self: &Arc<Self>, running: &mut HashMap<PartnerName, Running>, stop: &CancellationToken) {
        let hooks = self.registry.hooks();
        running.retain(|partner, running| {
            let is_its = |hook: &Hook| hook.partner == *partner && hook.generation == running.generation;
            let stays = hooks.iter().any(is_its) && !running.task.is_finished();
            if !stays {
                running.stop.cancel();
            }
            stays
        });
        for hook in hooks {
            if running.contains_key(&hook.partner) {
                continue;
            }
            let (inner, own) = (Arc::clone(self), stop.child_token());
            let (partner, generation, stop) = (hook.partner.clone(), hook.generation, own.clone());
            // Whatever it waits for, it ends at once: what was on its way is sent again under the same id.
            let task = self.tasks.spawn("webhook", async move {
                tokio::select! {
                    () = inner.deliver(hook) => {}
                    () = own.cancelled() => {}
                }
            });
            running.insert(partner, Running { generation, stop, task });
        }
    }

    /// Sends a partner's events as they come, until its webhook stops. What cannot be read is read again later.
    async fn deliver(self: Arc<Self>, hook: Hook) {
        let Ok(mut log) = self.registry.watch_events(&hook.partner) else { return };
        let mut client = Client::new(hook.webhook.url.clone(), self.dialer(), self.tasks.clone());
        let (mut delivered, mut failures) = (hook.webhook.delivered, hook.webhook.failures);
        'pages: loop {
            log.mark_unchanged();
            let page = self.next(&hook, delivered).await;
            for event in &page.events {
                match self.attempt(&hook, &mut client, event).await {
                    Answer::Delivered => {
                        (delivered, failures) = (event.cursor, 0);
                        self.registry.webhook_delivered(&hook, delivered);
                    }
                    Answer::Gone => return self.stop(&hook, 410, WebhookState::Gone).await,
                    Answer::Failed { status, asked } => {
                        failures += 1;
                        let chance = rand::random();
                        let Some(wait) = schedule::wait(failures, self.settings.first_retry, asked, chance) else {
                            return self.stop(&hook, status, WebhookState::Unreachable).await;
                        };
                        self.registry.webhook_failed(&hook, status);
                        tokio::time::sleep(wait).await;
                        // It is read again: its registration may have been deleted meanwhile.
                        continue 'pages;
                    }
                }
            }
            if page.cursor.number > delivered.number {
                delivered = page.cursor;
                self.registry.webhook_delivered(&hook, delivered);
            }
            if !page.more && log.changed().await.is_err() {
                return;
            }
        }
    }

    /// Notes that nothing more is sent, and why, until it is noted: the partner is to see it.
    async fn stop(&self, hook: &Hook, status: u16, state: WebhookState) {
        tracing::warn!(partner = %hook.partner, status, ?state, "a webhook stops; nothing more is sent");
        while let Err(error) = self.registry.webhook_stopped(hook, status, state).await {
            let partner = &hook.partner;
            tracing::error!(%partner, error = &error as &dyn Error, "that a webhook has stopped cannot be noted");
            tokio::time::sleep(self.settings.first_retry).await;
        }
    }

    /// The events behind `after`. What cannot be read, or is not there though others follow, is looked for again later.
    async fn next(&self, hook: &Hook, after: EventCursor) -> EventPage {
        let mut is_told = false;
        loop {
            let error = match self.page(hook, after).await {
                Ok(page) if !page.more || page.cursor.number > after.number => return page,
                Ok(_) => None,
                Err(error) => Some(error),
            };
            if !is_told {
                let error = error.as_ref().map(|error| error as &dyn Error);
                tracing::error!(partner = %hook.partner, error, "a webhook's next event cannot be read yet");
            }
            is_told = true;
            tokio::time::sleep(self.settings.first_retry).await;
        }
    }

    async fn page(&self, hook: &Hook, after: EventCursor) -> Result<EventPage, RegistryError> {
        let (registry, partner) = (self.registry.clone(), hook.partner.clone());
        let read = move || registry.events(&partner, Some(after), PAGE);
        let read = self.tasks.spawn_blocking_behind("webhook-page", read);
        read.await.unwrap_or(Err(RegistryError::Stopped))
    }

    async fn attempt(&self, hook: &Hook, client: &mut Client, event: &PartnerEvent) -> Answer {
        let Ok(_room) = self.room.acquire().await else { return Answer::Failed { status: 0, asked: None } };
        let (id, payload, now) = (payload::id(event), payload::of(event), self.clock.now());
        let signature = sign::signature(&hook.secrets(now), &id, now.as_second(), &payload);
        let message = Message { id, timestamp: now.as_second(), signature, payload };
        let answer = client.post(&message).await.unwrap_or_else(|error| {
            let error: &dyn Error = &error;
            tracing::debug!(partner = %hook.partner, error, "a webhook's receiver did not answer");
            Answer::Failed { status: 0, asked: None }
        });
        self.metrics
            .webhook_attempts(match answer {
                Answer::Delivered => WebhookAttempt::Delivered,
                Answer::Gone => WebhookAttempt::Gone,
                Answer::Failed { .. } => WebhookAttempt::Failed,
            })
            .inc();
        answer
    }

    fn dialer(&self) -> Dialer {
        let roots = self.settings.roots.as_deref();
        let tls = self.tls.get_or_init(|| dial::trusting(roots, "webhooks' receivers"));
        Dialer::new(self.settings.allow_private, Arc::clone(tls))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tempfile::TempDir;

    use super::*;
    use crate::domain::{
        AppName, DeviceTraits, EventKind, ManualClock, NewRegistration, PlacePrecision, Platform, Preferences,
        Timestamp, WebhookUrl,
    };
    use crate::locate::Index;
    use crate::registry::Config;

    /// A partner with a webhook, in a folder of its own. Nothing is sent: the registration is told of later.
    struct House {
        inner: Arc<Inner>,
        tasks: Tasks,
        partner: PartnerName,
        folder: TempDir,
    }

    impl House {
        fn open(folder: TempDir) -> Self {
            let (metrics, clock) = (Arc::new(Metrics::new()), Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
            let tasks = Tasks::new(Arc::clone(&metrics));
            let config = Config::new(folder.path().to_owned());
            let index = Arc::new(Index::new());
            let registry = Registry::open(&config, index, Arc::clone(&clock) as _, Arc::clone(&metrics), &tasks);
            let first_retry = Duration::from_hours(1);
            let settings = Settings { allow_private: false, roots: None, first_retry };
            let webhooks = Webhooks::new(registry.expect("it opens"), clock, settings, metrics, tasks.clone());
            Self { inner: webhooks.0, tasks, partner: PartnerName::new("news").expect("a name"), folder }
        }

        async fn new() -> Self {
            let house = Self::open(tempfile::tempdir().expect("a folder"));
            let (registry, url) = (&house.inner.registry, WebhookUrl::read("https://example.org/", false));
            registry.create_partner(house.partner.clone(), String::new()).await.expect("new");
            registry.set_webhook(&house.partner, url.expect("a URL"), false).await.expect("set");
            house
        }

        /// Writes so many events.
        async fn tell(&self, events: usize) {
            let app: AppName = "partners/news/apps/alpha".parse().expect("a name");
            self.inner.registry.create_app(app.clone(), String::new()).await.expect("new");
            let traits = DeviceTraits {
                platform: Platform::Android,
                brand: "Acme".into(),
                model: "One".into(),
                os_version: "17".into(),
                app_version: "5.1".into(),
                languages: Vec::new(),
                time_zone: "Asia/Tokyo".into(),
            };
            let new = NewRegistration {
                app,
                request: None,
                traits,
                identifiers: Vec::new(),
                earlier_secret: None,
                vouched: false,
                tokens: Vec::new(),
                consents: Vec::new(),
                drills: false,
                preferences: Preferences::default(),
                under_14: false,
                place_precision: PlacePrecision::Exact,
                place: None,
            };
            let name = self.inner.registry.register(new).await.expect("registered").registration.name;
            let slot = self.inner.registry.slot(&name).expect("registered");
            let mut log = self.inner.registry.watch_events(&self.partner).expect("there");
            for _ in 0..events {
                self.inner.registry.note_event(slot, EventKind::Restarted);
                log.changed().await.expect("it is written");
            }
        }

        async fn close(self) -> TempDir {
            drop(self.inner);
            self.tasks.wait(Duration::from_mins(2)).await.expect("it closes in time");
            self.folder
        }

        fn hook(&self) -> Hook {
            self.inner.registry.hooks().pop().expect("there is one")
        }

        /// How often the task that delivers goes on within some time in which it does not end.
        async fn steps(&self, hook: Hook) -> usize {
            let mut steps = 0;
            let mut deliver = pin!(Arc::clone(&self.inner).deliver(hook));
            let counted = std::future::poll_fn(|context| {
                steps += 1;
                deliver.as_mut().poll(context)
            });
            let ended = tokio::time::timeout(Duration::from_millis(300), counted).await;
            assert!(ended.is_err(), "it goes on");
            steps
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_is_not_there_is_waited_for() {
        let house = House::new().await;
        let mut hook = house.hook();
        hook.webhook.delivered.number += 1_000;
        assert!(house.steps(hook).await < 10, "a cursor of no event");
        house.tell(3).await;
        let folder = house.close().await;
        let database = fjall::Database::builder(folder.path().join("store")).open().expect("it opens");
        let events = database.keyspace("events", fjall::KeyspaceCreateOptions::default).expect("it opens");
        let first = events.iter().next().expect("there is one").key().expect("well");
        events.remove(first).expect("removed");
        drop((events, database));
        let house = House::open(folder);
        assert!(house.steps(house.hook()).await < 10, "a hole in the log");
        house.close().await;
    }

    #[tokio::test]
    async fn a_task_that_has_ended_though_its_webhook_has_not_is_started_again() {
        let house = House::new().await;
        let (stop, mut running) = (CancellationToken::new(), HashMap::new());
        house.inner.adjust(&mut running, &stop);
        running[&house.partner].task.abort();
        while !running[&house.partner].task.is_finished() {
            tokio::task::yield_now().await;
        }
        house.inner.adjust(&mut running, &stop);
        assert!(!running[&house.partner].task.is_finished());
        stop.cancel();
        house.close().await;
    }
}
