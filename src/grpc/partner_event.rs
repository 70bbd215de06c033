//! `PartnerEventService`.

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::domain::{Act, EventCursor, PartnerName};
use crate::registry::{EVENT_PAGE, EventPage, LogEnds, RegistryError};
use crate::webhook;
use crate::wire::convert::{InvalidField, event, fan_out, time};
use crate::wire::v1;
use crate::wire::v1::partner_event_service_server::PartnerEventService;

use super::acts::{self, actor};
use super::status::status;
use super::{Services, page_size};

/// How long a stream says nothing, at most.
const SILENCE: Duration = Duration::from_secs(15);

/// The most events in one message of a stream.
const STREAMED: usize = 100;

#[derive(Clone)]
pub(super) struct PartnerEventDoor(pub(super) Services);

type Events = Pin<Box<dyn Stream<Item = Result<v1::StreamPartnerEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl PartnerEventService for PartnerEventDoor {
    type StreamPartnerEventsStream = Events;

    async fn list_partner_events(
        &self,
        request: Request<v1::ListPartnerEventsRequest>,
    ) -> Result<Response<v1::ListPartnerEventsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let partner = parent(&request.parent)?;
        let size = page_size(request.page_size).map_err(status)?.min(EVENT_PAGE);
        let after = event::after(&request.after).map_err(status)?;
        let page = self.page(&partner, after, size).await?;
        let read = Act::EventsRead { events: page.events.len() as u32 };
        self.0.audit(&[acts::on(&actor, partner.to_string(), read)]).await?;
        let events = page.events.iter().map(event::to_wire).collect();
        let cursor = page.cursor.to_string();
        Ok(Response::new(v1::ListPartnerEventsResponse { events, cursor, more: page.more }))
    }

    async fn stream_partner_events(
        &self,
        request: Request<v1::StreamPartnerEventsRequest>,
    ) -> Result<Response<Self::StreamPartnerEventsStream>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let partner = parent(&request.parent)?;
        let after = event::after(&request.after).map_err(status)?;
        let log = self.0.registry.watch_events(&partner).map_err(status)?;
        // So that a cursor that cannot be used is refused before anything else.
        self.page(&partner, after, 1).await?;
        self.0.audit(&[acts::on(&actor, partner.to_string(), Act::EventsRead { events: 0 })]).await?;
        let follow = Follow { door: self.clone(), partner, log, after, more: true };
        let events = futures_util::stream::unfold(Some(follow), |follow| async move {
            let mut follow = follow?;
            Some(match follow.next().await {
                Ok(events) => (Ok(events), Some(follow)),
                Err(status) => (Err(status), None),
            })
        });
        Ok(Response::new(Box::pin(events)))
    }

    async fn list_receipts(
        &self,
        request: Request<v1::ListReceiptsRequest>,
    ) -> Result<Response<v1::ListReceiptsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let partner = parent(&request.parent)?;
        self.0.registry.partner(&partner).map_err(status)?;
        let lineage = fan_out::alert_from_name(&request.alert);
        let lineage = lineage.map_err(|error| status(InvalidField::new("alert", error.reason)))?;
        let size = page_size(request.page_size).map_err(status)?;
        let (fan_outs, registry, of) = (self.0.fan_outs.clone(), self.0.registry.clone(), partner.clone());
        let token = request.page_token;
        let read = move || {
            let Some(round) = fan_outs.newest_round(lineage) else { return Ok::<_, RegistryError>(None) };
            registry.of_partner(&of, round.sent().iter(), size, &token).map(|page| Some((page, round)))
        };
        let read = self.0.tasks.spawn_blocking_behind("receipts", read).await;
        let read = read.map_err(|_| Status::internal("the receipts could not be read"))?.map_err(status)?;
        // An alert that there is not is answered like one that told nobody of the partner's.
        let ((found, next), round) = read.map_or_else(Default::default, |(page, round)| (page, Some(round)));
        let act = Act::EventsRead { events: found.len() as u32 };
        self.0.audit(&[acts::on(&actor, partner.to_string(), act)]).await?;
        let receipts = found.into_iter().map(|(name, device)| v1::Receipt {
            registration: name.to_string(),
            acknowledged: round.as_ref().is_some_and(|round| round.acknowledged().contains(device)),
        });
        let (receipts, next_page_token) = (receipts.collect(), next.unwrap_or_default());
        Ok(Response::new(v1::ListReceiptsResponse { receipts, next_page_token }))
    }

    async fn set_webhook(
        &self,
        request: Request<v1::SetWebhookRequest>,
    ) -> Result<Response<v1::SetWebhookResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let partner = parent(&request.parent)?;
        let url = event::url(request.webhook, self.0.private_webhooks).map_err(status)?;
        let services = self.0.clone();
        let set = async move {
            let set = services.registry.set_webhook(&partner, url, request.rotate_secret).await;
            let (webhook, secret) = set.map_err(status)?;
            let act = Act::WebhookSet { secret: secret.is_some() };
            services.audit(&[acts::on(&actor, partner.to_string(), act)]).await?;
            let webhook = Some(event::webhook_to_wire(&partner, &webhook));
            let secret = secret.map(|secret| webhook::shown(&secret).into_inner()).unwrap_or_default();
            Ok(v1::SetWebhookResponse { webhook, secret })
        };
        self.0.to_the_end(set).await.map(Response::new)
    }

    async fn get_webhook(
        &self,
        request: Request<v1::GetWebhookRequest>,
    ) -> Result<Response<v1::GetWebhookResponse>, Status> {
        let partner = event::webhook_partner(&request.into_inner().name).map_err(status)?;
        let webhook = self.0.registry.webhook(&partner).map_err(status)?;
        Ok(Response::new(v1::GetWebhookResponse { webhook: Some(event::webhook_to_wire(&partner, &webhook)) }))
    }

    async fn delete_webhook(
        &self,
        request: Request<v1::DeleteWebhookRequest>,
    ) -> Result<Response<v1::DeleteWebhookResponse>, Status> {
        let actor = actor(&request);
        let partner = event::webhook_partner(&request.into_inner().name).map_err(status)?;
        let services = self.0.clone();
        let delete = async move {
            services.registry.delete_webhook(&partner).await.map_err(status)?;
            services.audit(&[acts::on(&actor, partner.to_string(), Act::WebhookDeleted)]).await?;
            Ok(v1::DeleteWebhookResponse {})
        };
        self.0.to_the_end(delete).await.map(Response::new)
    }
}

impl PartnerEventDoor {
    /// Some events; the disk is not waited for here.
    async fn page(&self, partner: &PartnerName, after: Option<EventCursor>, most: usize) -> Result<EventPage, Status> {
        let (registry, partner) = (self.0.registry.clone(), partner.clone());
        let events = move || registry.events(&partner, after, most);
        let read = self.0.tasks.spawn_blocking_behind("events-page", events).await;
        read.unwrap_or(Err(RegistryError::Stopped)).map_err(status)
    }
}

/// A stream of a partner's events.
struct Follow {
    door: PartnerEventDoor,
    partner: PartnerName,
    log: watch::Receiver<LogEnds>,
    after: Option<EventCursor>,
    /// Whether others are there already, as far as is known.
    more: bool,
}

impl Follow {
    /// What there is, once something is there or it is time to say that nothing is.
    async fn next(&mut self) -> Result<v1::StreamPartnerEventsResponse, Status> {
        if !self.more {
            // If there is no log any more, the server ends; the page says so.
            let _ = tokio::time::timeout(SILENCE, self.log.changed()).await;
        }
        self.log.mark_unchanged();
        let page = self.door.page(&self.partner, self.after, STREAMED).await?;
        (self.after, self.more) = (Some(page.cursor), page.more);
        Ok(v1::StreamPartnerEventsResponse {
            events: page.events.iter().map(event::to_wire).collect(),
            cursor: page.cursor.to_string(),
            server_time: Some(time::to_wire(self.door.0.clock.now())),
        })
    }
}

fn parent(name: &str) -> Result<PartnerName, Status> {
    name.parse().map_err(|error| status(InvalidField::new("parent", error)))
}
