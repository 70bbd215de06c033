//! The task that watches which webhooks there are, and the one that each of them has.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

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
                () = stop.cancelled() => break,
            }
        }
    }
}

impl Inner {
    /// Stops the tasks of webhooks that are no more, or were set anew, and starts those of new ones.
    fn adjust(self: &Arc<Self>, running: &mut HashMap<PartnerName, Running>, stop: &CancellationToken) {
        let hooks = self.registry.hooks();
        running.retain(|partner, task| {
            let stays = hooks.iter().any(|hook| hook.partner == *partner && hook.generation == task.generation);
            if !stays {
                task.stop.cancel();
            }
            stays
        });
        for hook in hooks {
            if running.contains_key(&hook.partner) {
                continue;
            }
            let (inner, own) = (Arc::clone(self), stop.child_token());
            let task = Running { generation: hook.generation, stop: own.clone() };
            running.insert(hook.partner.clone(), task);
            // Whatever it waits for, it ends at once: what was on its way is sent again under the same id.
            let deliver = async move {
                tokio::select! {
                    ended = inner.deliver(hook) => ended,
                    () = own.cancelled() => Ok(()),
                }
            };
            self.tasks.spawn("webhook", async move {
                if let Err(error) = deliver.await {
                    tracing::error!(error = &error as &dyn Error, "a webhook's events cannot be read");
                }
            });
        }
    }

    /// Sends a partner's events as they come, until its webhook stops.
    async fn deliver(self: Arc<Self>, hook: Hook) -> Result<(), RegistryError> {
        let mut log = self.registry.watch_events(&hook.partner)?;
        let (url, allow_private) = (hook.webhook.url.clone(), self.settings.allow_private);
        let mut client = Client::new(url, allow_private, self.tls(), self.tasks.clone());
        let (mut delivered, mut failures) = (hook.webhook.delivered, hook.webhook.failures);
        'pages: loop {
            log.mark_unchanged();
            let page = self.page(&hook, delivered).await?;
            for event in &page.events {
                match self.attempt(&hook, &mut client, event).await {
                    Answer::Delivered => {
                        (delivered, failures) = (event.cursor, 0);
                        self.registry.webhook_delivered(&hook, delivered);
                    }
                    Answer::Gone => {
                        self.registry.webhook_failed(&hook, 410, WebhookState::Gone);
                        tracing::warn!(partner = %hook.partner, "a webhook's receiver is gone; nothing more is sent");
                        return Ok(());
                    }
                    Answer::Failed { status, asked } => {
                        failures += 1;
                        let chance = rand::random();
                        let Some(wait) = schedule::wait(failures, self.settings.first_retry, asked, chance) else {
                            self.registry.webhook_failed(&hook, status, WebhookState::Unreachable);
                            tracing::warn!(partner = %hook.partner, "a webhook is given up; nothing more is sent");
                            return Ok(());
                        };
                        self.registry.webhook_failed(&hook, status, WebhookState::Active);
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
                return Ok(());
            }
        }
    }

    async fn page(&self, hook: &Hook, after: EventCursor) -> Result<EventPage, RegistryError> {
        let (registry, partner) = (self.registry.clone(), hook.partner.clone());
        let read = self.tasks.spawn_blocking("webhook-page", move || registry.events(&partner, Some(after), PAGE));
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

    fn tls(&self) -> Arc<ClientConfig> {
        let config = self.tls.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if let Some(file) = &self.settings.roots {
                match CertificateDer::pem_file_iter(file) {
                    Ok(own) => drop(roots.add_parsable_certificates(own.filter_map(Result::ok))),
                    Err(error) => tracing::error!(%error, "the roots of webhooks' receivers cannot be read"),
                }
            }
            let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        });
        Arc::clone(config)
    }
}
