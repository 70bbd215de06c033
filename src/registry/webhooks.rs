//! Where partners have their events sent, and how far that has come.
//!
//! A [`Hook`] is what whoever sends works with: it has the secrets, which lie on disk sealed with a key that is derived
//! from the identity key, so that a copy of the store alone signs nothing. What comes of sending is told with the
//! hook's generation: of a webhook that was set anew meanwhile it counts for nothing.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::domain::{
    EventCursor, PartnerName, Private, SignedDuration, Timestamp, Webhook, WebhookSecret, WebhookState, WebhookUrl,
};
use crate::wire::storage_v1::WebhookRecord;

use super::change::{Change, Done, Pending};
use super::records::{self, decode, number_key};
use super::store::{Space, damaged};
use super::writer::Job;
use super::{Registry, RegistryError, Shared};

/// For how long a secret that was replaced signs too.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// What is sent to whom.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Whose it is.
    pub partner: PartnerName,
    /// Where to, and how far it has come.
    pub webhook: Webhook,
    /// Which setting of the webhook this is.
    pub generation: u64,
    secret: WebhookSecret,
    previous: Option<WebhookSecret>,
}

impl Hook {
    /// What a message is signed with at `now`, the newest first.
    pub fn secrets(&self, now: Timestamp) -> Vec<WebhookSecret> {
        let previous =
            self.previous.clone().filter(|_| self.webhook.previous_secret_until.is_some_and(|end| now < end));
        std::iter::once(self.secret.clone()).chain(previous).collect()
    }
}

/// What is to be done with a webhook.
#[derive(Debug)]
pub(super) enum WebhookChange {
    /// Sets it. The secret is used if there is none, or it is asked for another.
    Set { url: WebhookUrl, secret: WebhookSecret, rotate: bool },
    /// Removes it.
    Delete,
    /// Events up to this number were delivered.
    Delivered { generation: u64, number: u64 },
    /// An attempt failed.
    Failed { generation: u64, status: u16, state: WebhookState },
}

/// Every webhook, by the partner's number.
pub(super) struct Webhooks {
    all: RwLock<BTreeMap<u16, WebhookRecord>>,
    /// Goes up when a webhook is set, removed, or stops.
    changes: watch::Sender<u64>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { all: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

impl Webhooks {
    pub(super) fn learn(&self, partner: u16, record: Option<WebhookRecord>) {
        let which = |record: &WebhookRecord| (record.generation, record.state);
        let now = record.as_ref().map(which);
        let before = match record {
            Some(record) => self.all.write().insert(partner, record),
            None => self.all.write().remove(&partner),
        };
        if before.as_ref().map(which) != now {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }
}

impl Registry {
    /// Has a partner's events sent to `url`, from now on; or changes the URL, and goes on behind what was delivered.
    /// The secret, if it is new.
    pub async fn set_webhook(
        &self,
        partner: &PartnerName,
        url: WebhookUrl,
        rotate: bool,
    ) -> Result<(Webhook, Option<WebhookSecret>), RegistryError> {
        let number = self.shared()?.partner_number(partner)?;
        let secret = WebhookSecret(Private::new(rand::random()));
        let set = WebhookChange::Set { url, secret: secret.clone(), rotate };
        match self.change(Change::Webhook(number, Box::new(set))).await? {
            Done::WebhookSet { secret_used } => Ok((self.webhook(partner)?, secret_used.then_some(secret))),
            _ => Err(RegistryError::Stopped),
        }
    }

    /// A partner's webhook.
    pub fn webhook(&self, partner: &PartnerName) -> Result<Webhook, RegistryError> {
        let shared = self.shared()?;
        let number = shared.partner_number(partner)?;
        let record = shared.webhooks.all.read().get(&number).cloned().ok_or(RegistryError::UnknownWebhook)?;
        shared.webhook(number, &record)
    }

    /// Has no more events sent to a partner.
    pub async fn delete_webhook(&self, partner: &PartnerName) -> Result<(), RegistryError> {
        let number = self.shared()?.partner_number(partner)?;
        self.change(Change::Webhook(number, Box::new(WebhookChange::Delete))).await.map(drop)
    }

    /// Every webhook that events are sent to.
    pub fn hooks(&self) -> Vec<Hook> {
        let Ok(shared) = self.shared() else { return Vec::new() };
        let all = shared.webhooks.all.read().clone();
        let active = all.iter().filter(|(_, record)| record.state == WebhookState::Active as u32);
        let read = |(&number, record): (&u16, &WebhookRecord)| {
            let read = shared.hook(number, record);
            read.inspect_err(|error| tracing::error!(%error, "a webhook cannot be read")).ok()
        };
        active.filter_map(read).collect()
    }

    /// Goes up when a webhook is set, removed, or stops.
    pub fn watch_webhooks(&self) -> Result<watch::Receiver<u64>, RegistryError> {
        Ok(self.shared()?.webhooks.changes.subscribe())
    }

    /// Events up to the cursor were delivered. Nobody waits for it: what is not noted is delivered again after a crash.
    pub fn webhook_delivered(&self, hook: &Hook, cursor: EventCursor) {
        let delivered = WebhookChange::Delivered { generation: hook.generation, number: cursor.number };
        self.note_webhook(hook, delivered);
    }

    /// An attempt failed, and this is what the webhook's state is then.
    pub fn webhook_failed(&self, hook: &Hook, status: u16, state: WebhookState) {
        self.note_webhook(hook, WebhookChange::Failed { generation: hook.generation, status, state });
    }

    fn note_webhook(&self, hook: &Hook, change: WebhookChange) {
        let Ok(open) = self.opened() else { return };
        if let Ok(number) = open.shared.partner_number(&hook.partner) {
            let _ = open.jobs.try_send(Job::by_itself(vec![Change::Webhook(number, Box::new(change))]));
        }
    }
}

impl Shared {
    fn webhook(&self, partner: u16, record: &WebhookRecord) -> Result<Webhook, RegistryError> {
        let bad = |reason| damaged(Space::Webhooks, &partner.to_be_bytes(), reason);
        let states = [WebhookState::Active, WebhookState::Gone, WebhookState::Unreachable];
        let state = states.into_iter().find(|state| *state as u32 == record.state);
        let rotated = !record.previous_secret.is_empty();
        Ok(Webhook {
            url: record.url.parse().map_err(|_| bad("malformed URL"))?,
            state: state.ok_or_else(|| bad("of no state"))?,
            delivered: self.keys.event_cursor(partner, record.delivered),
            failures: record.failures,
            failed: (record.failures > 0).then(|| records::instant(record.failed_us)),
            failed_status: record.failed_status as u16,
            created: records::instant(record.created_us),
            previous_secret_until: rotated.then(|| records::instant(record.previous_until_us)),
        })
    }

    fn hook(&self, partner: u16, record: &WebhookRecord) -> Result<Hook, RegistryError> {
        let bad = |reason| damaged(Space::Webhooks, &partner.to_be_bytes(), reason);
        let open = |sealed: &[u8]| self.keys.unseal(partner, sealed).ok_or_else(|| bad("the secret cannot be opened"));
        let previous = Some(&*record.previous_secret).filter(|sealed| !sealed.is_empty());
        Ok(Hook {
            partner: self.directory.read().partner_at(partner).cloned().ok_or_else(|| bad("of no partner"))?,
            webhook: self.webhook(partner, record)?,
            generation: record.generation,
            secret: open(&record.secret)?,
            previous: previous.map(open).transpose()?,
        })
    }
}

impl Pending<'_> {
    pub(super) fn change_webhook(&mut self, partner: u16, change: WebhookChange) -> Result<Done, RegistryError> {
        let known: Option<WebhookRecord> = self.read(Space::Webhooks, number_key(partner))?;
        match (change, known) {
            (WebhookChange::Set { url, secret, rotate }, known) => {
                let secret_used = rotate || known.is_none();
                let record = self.set_webhook(partner, &url, &secret, known, secret_used);
                self.put_webhook(partner, record);
                return Ok(Done::WebhookSet { secret_used });
            }
            (WebhookChange::Delete, None) => return Err(RegistryError::UnknownWebhook),
            (WebhookChange::Delete, Some(_)) => {
                self.draft.batch.remove(Space::Webhooks, number_key(partner));
                self.draft.effects.webhook(partner, None);
            }
            (WebhookChange::Delivered { generation, number }, Some(record)) if record.generation == generation => {
                let delivered = number.max(record.delivered);
                self.put_webhook(partner, WebhookRecord { delivered, failures: 0, ..record });
            }
            (WebhookChange::Failed { generation, status, state }, Some(record)) if record.generation == generation => {
                let (failures, failed_us) = (record.failures.saturating_add(1), self.now.as_microsecond());
                let (state, failed_status) = (state as u32, status.into());
                self.put_webhook(partner, WebhookRecord { state, failures, failed_us, failed_status, ..record });
            }
            // It was set anew, or removed.
            (WebhookChange::Delivered { .. } | WebhookChange::Failed { .. }, _) => {}
        }
        Ok(Done::Changed)
    }

    fn set_webhook(
        &self,
        partner: u16,
        url: &WebhookUrl,
        secret: &WebhookSecret,
        known: Option<WebhookRecord>,
        secret_used: bool,
    ) -> WebhookRecord {
        let known = known.unwrap_or_else(|| WebhookRecord {
            delivered: self.log_ends(partner).next - 1,
            created_us: self.now.as_microsecond(),
            ..WebhookRecord::default()
        });
        let (mut previous_secret, mut previous_until_us) = (known.previous_secret.clone(), known.previous_until_us);
        let mut sealed = known.secret.clone();
        if secret_used {
            let until = self.now.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX);
            previous_until_us = if sealed.is_empty() { 0 } else { until.as_microsecond() };
            previous_secret = std::mem::replace(&mut sealed, self.shared.keys.seal(partner, secret).into());
        }
        WebhookRecord {
            url: url.to_string(),
            // Never one that was given before, though the webhook may have been removed meanwhile.
            generation: (known.generation + 1).max(self.now.as_microsecond().cast_unsigned()),
            secret: sealed,
            previous_secret,
            previous_until_us,
            state: WebhookState::Active as u32,
            failures: 0,
            failed_us: 0,
            failed_status: 0,
            ..known
        }
    }

    fn put_webhook(&mut self, partner: u16, record: WebhookRecord) {
        self.put(Space::Webhooks, number_key(partner), &record);
        self.draft.effects.webhook(partner, Some(record));
    }
}

/// Reads every webhook.
pub(super) fn load(shared: &Shared) -> Result<(), RegistryError> {
    for item in shared.store.scan(Space::Webhooks) {
        let (key, payload) = item?;
        let partner = <[u8; 2]>::try_from(&*key).map(u16::from_be_bytes);
        let partner = partner.map_err(|_| damaged(Space::Webhooks, &key, "not a partner"))?;
        let record = decode(Space::Webhooks, &key, &payload)?;
        // One that cannot be opened is told now, not when it is to be sent to.
        shared.hook(partner, &record)?;
        shared.webhooks.learn(partner, Some(record));
    }
    Ok(())
}
