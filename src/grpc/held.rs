//! The part of `AlertService` that is about alerts that wait for a person.

use tonic::{Request, Response, Status};

use crate::decide::{Decision, HeldId, HoldKind, HoldReason, Holding, Unanswered};
use crate::domain::{Actor, Caller};
use crate::intake::{Answer, HeldAlert};
use crate::wire::convert::{InvalidField, time};
use crate::wire::v1;
use crate::wire::v1::approve_alert_response::Outcome;
use crate::wire::v1::submit_alert_response;

use super::alert::{AlertDoor, admitted, message, not_sent, reason as ignore_reason};
use super::auth::caller;
use super::page_size;
use super::status::{Refusal, not_found, status};

impl AlertDoor {
    pub(super) fn list_held(
        &self,
        request: Request<v1::ListHeldAlertsRequest>,
    ) -> Result<Response<v1::ListHeldAlertsResponse>, Status> {
        let caller = caller(&request);
        let v1::ListHeldAlertsRequest { page_size: asked, page_token } = request.into_inner();
        let from = match page_token.as_str() {
            "" => None,
            name => Some(id(name).map_err(|error| status(InvalidField::new("page_token", error.reason)))?),
        };
        let size = page_size(asked).map_err(status)?;
        let mut found = self.0.desk.held().all();
        found.retain(|held| {
            let holding = &held.holding;
            caller.sees_alerts_of(&holding.alert.sender) && from.is_none_or(|from| holding.id >= from)
        });
        let next_page_token = found.get(size).map(|held| held.holding.id.to_string()).unwrap_or_default();
        let held_alerts = found.iter().take(size).map(|held| to_wire(&held.holding)).collect();
        Ok(Response::new(v1::ListHeldAlertsResponse { held_alerts, next_page_token }))
    }

    pub(super) async fn get_held(
        &self,
        request: Request<v1::GetHeldAlertRequest>,
    ) -> Result<Response<v1::GetHeldAlertResponse>, Status> {
        self.0.can_audit()?;
        let caller = caller(&request);
        let found = self.find_held(&request.into_inner().name, &caller)?;
        let preview = match self.0.desk.preview_held(&found).await.map_err(status)? {
            Decision::Admit(bulletin) => self.preview(bulletin, &caller).await?,
            Decision::AdmitAll(bulletins) => self.preview(bulletins.first().clone(), &caller).await?,
            Decision::Hold(held) => self.preview(held.bulletin, &caller).await?,
            Decision::Ignore(ignored) => {
                v1::PreviewAlertResponse { ignored: ignore_reason(ignored).into(), ..Default::default() }
            }
            Decision::Refuse(refused) => return Err(Refusal::from(refused).into()),
        };
        let raw =
            v1::RawAlert { content: found.submission.raw.clone(), media_type: found.submission.media_type.clone() };
        Ok(Response::new(v1::GetHeldAlertResponse {
            held_alert: Some(to_wire(&found.holding)),
            preview: Some(preview),
            raw: Some(raw),
        }))
    }

    pub(super) async fn approve(
        &self,
        request: Request<v1::ApproveAlertRequest>,
    ) -> Result<Response<v1::ApproveAlertResponse>, Status> {
        self.0.can_audit()?;
        let caller = caller(&request);
        let id = self.find_held(&request.into_inner().name, &caller)?.holding.id;
        let outcome = match self.0.desk.approve(id, Actor::from(&*caller)).await.map_err(status)? {
            Answer::Admitted(key) => Outcome::Admitted(admitted(key)),
            Answer::Ignored(ignored) => Outcome::Ignored(not_sent(ignored)),
            Answer::Refused(refused) => return Err(Refusal::from(refused).into()),
            Answer::Held(_) => return Err(Status::internal("an alert that was approved is held")),
        };
        Ok(Response::new(v1::ApproveAlertResponse { outcome: Some(outcome) }))
    }

    pub(super) async fn reject(
        &self,
        request: Request<v1::RejectAlertRequest>,
    ) -> Result<Response<v1::RejectAlertResponse>, Status> {
        self.0.can_audit()?;
        let caller = caller(&request);
        let id = self.find_held(&request.into_inner().name, &caller)?.holding.id;
        self.0.desk.reject(id, Actor::from(&*caller)).await.map_err(status)?;
        Ok(Response::new(v1::RejectAlertResponse {}))
    }

    fn find_held(&self, name: &str, caller: &Caller) -> Result<std::sync::Arc<HeldAlert>, Status> {
        let id = id(name).map_err(status)?;
        let found = self.0.desk.held().get(id).filter(|held| caller.sees_alerts_of(&held.holding.alert.sender));
        found.ok_or_else(|| not_found("HELD_ALERT_NOT_FOUND", "no alert waits under this name"))
    }
}

fn id(name: &str) -> Result<HeldId, InvalidField> {
    let number = name.strip_prefix("heldAlerts/").and_then(|number| number.parse().ok());
    number.map(HeldId).ok_or_else(|| InvalidField::new("name", "is not heldAlerts/{number}"))
}

/// The doubt of an alert that a person typed: it waits for a second one, whatever its authority may send alone.
pub(super) fn typed() -> HoldReason {
    HoldReason { kind: HoldKind::Typed, field: "typed".into(), found: "by a person".into() }
}

pub(super) fn submitted(holding: &Holding) -> submit_alert_response::Held {
    submit_alert_response::Held {
        name: holding.id.to_string(),
        reasons: holding.reasons.iter().map(reason).collect(),
        deadline_time: Some(time::to_wire(holding.deadline)),
        unanswered: unanswered(holding.unanswered).into(),
    }
}

fn to_wire(holding: &Holding) -> v1::HeldAlert {
    v1::HeldAlert {
        name: holding.id.to_string(),
        message: Some(message(&holding.alert)),
        authority: format!("authorities/{}", holding.authority),
        sender_credential: holding.sender.credential.map(|credential| credential.to_string()).unwrap_or_default(),
        reasons: holding.reasons.iter().map(reason).collect(),
        hold_time: Some(time::to_wire(holding.held)),
        deadline_time: Some(time::to_wire(holding.deadline)),
        unanswered: unanswered(holding.unanswered).into(),
    }
}

pub(super) fn reason(reason: &HoldReason) -> v1::HoldReason {
    v1::HoldReason {
        reason: reason.kind.name().to_owned(),
        field: reason.field.as_str().to_owned(),
        found: reason.found.as_str().to_owned(),
    }
}

fn unanswered(unanswered: Unanswered) -> v1::Unanswered {
    match unanswered {
        Unanswered::Send => v1::Unanswered::Send,
        Unanswered::Drop => v1::Unanswered::Drop,
    }
}
