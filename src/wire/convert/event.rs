//! Partners' events and webhooks. They go out; of what comes in there is a URL and a cursor.

use crate::domain::{
    EventCursor, EventKind, PartnerEvent, PartnerName, PolicyVersion, Purpose, Webhook, WebhookState, WebhookUrl,
};
use crate::wire::v1;
use crate::wire::v1::partner_event as part;
use crate::wire::v1::partner_event::Kind;

use super::{InvalidField, terms, time};

/// What follows a partner's name in that of its webhook.
const WEBHOOK: &str = "/webhook";

/// An event.
pub fn to_wire(event: &PartnerEvent) -> v1::PartnerEvent {
    v1::PartnerEvent {
        cursor: event.cursor.to_string(),
        event_time: Some(time::to_wire(event.time)),
        registration: event.registration.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind: Some(kind_to_wire(&event.kind)),
    }
}

fn kind_to_wire(kind: &EventKind) -> Kind {
    let consent = |purpose: Purpose, policy: PolicyVersion| part::ConsentChange {
        purpose: terms::purpose::to_wire(purpose).into(),
        policy_version: policy.0.into(),
    };
    match *kind {
        EventKind::ZoneEntered(ref zone) => Kind::ZoneEntered(part::ZoneEntered { zone: zone.to_string() }),
        EventKind::TokenGone(channel) => {
            Kind::TokenGone(part::TokenGone { channel: terms::channel::to_wire(channel).into() })
        }
        EventKind::ConsentGranted(purpose, policy) => Kind::ConsentGranted(consent(purpose, policy)),
        EventKind::ConsentWithdrawn(purpose, policy) => Kind::ConsentWithdrawn(consent(purpose, policy)),
        EventKind::ConsentExpired(purpose, policy) => Kind::ConsentExpired(consent(purpose, policy)),
        EventKind::PlaceForgotten => Kind::PlaceForgotten(part::PlaceForgotten {}),
        EventKind::Restarted => Kind::RegistrationRestarted(part::RegistrationRestarted {}),
        EventKind::Deleted => Kind::RegistrationDeleted(part::RegistrationDeleted {}),
        EventKind::Gap(count) => Kind::Gap(part::Gap { event_count: count.cast_signed() }),
    }
}

/// Behind which event a reader goes on; `None` from the oldest.
pub fn after(cursor: &str) -> Result<Option<EventCursor>, InvalidField> {
    match cursor {
        "" => Ok(None),
        cursor => cursor.parse().map(Some).map_err(|error| InvalidField::new("after", error)),
    }
}

/// The URL of a webhook that is to be set.
pub fn url(webhook: Option<v1::Webhook>, allow_private: bool) -> Result<WebhookUrl, InvalidField> {
    let url = webhook.ok_or_else(|| InvalidField::required("webhook"))?.url;
    if url.is_empty() {
        return Err(InvalidField::required("webhook.url"));
    }
    WebhookUrl::read(&url, allow_private).map_err(|error| InvalidField::new("webhook.url", error))
}

/// The partner whose webhook is named.
pub fn webhook_partner(name: &str) -> Result<PartnerName, InvalidField> {
    let partner = name.strip_suffix(WEBHOOK).unwrap_or_default();
    partner.parse().map_err(|error| InvalidField::new("name", error))
}

/// A partner's webhook.
pub fn webhook_to_wire(partner: &PartnerName, webhook: &Webhook) -> v1::Webhook {
    v1::Webhook {
        name: format!("{partner}{WEBHOOK}"),
        url: webhook.url.to_string(),
        state: state_to_wire(webhook.state).into(),
        cursor: webhook.delivered.to_string(),
        failure_count: webhook.failures.cast_signed(),
        failure_time: webhook.failed.map(time::to_wire),
        failure_status: webhook.failed_status.into(),
        create_time: Some(time::to_wire(webhook.created)),
        previous_secret_expire_time: webhook.previous_secret_until.map(time::to_wire),
    }
}

fn state_to_wire(state: WebhookState) -> v1::webhook::State {
    match state {
        WebhookState::Active => v1::webhook::State::Active,
        WebhookState::Gone => v1::webhook::State::Gone,
        WebhookState::Unreachable => v1::webhook::State::Unreachable,
    }
}
