//! `AlertService`.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use crate::decide::{Breach, Bulletin, Content, Decision, Ignored, Tier};
use crate::domain::{Act, Actor, AlertId, AppSlot, Body, Caller, DeliveryKey, LineageId};
use crate::fan_out::{FanOut, Preview};
use crate::format::{self, FormatError};
use crate::intake::{Answer, Bearer, Ready};
use crate::wire::convert::{self, InvalidField, fan_out, geography, terms, time};
use crate::wire::v1;
use crate::wire::v1::alert_service_server::AlertService;
use crate::wire::v1::submit_alert_response::{Admitted, Ignored as NotSent, Outcome};

use super::alert_stream::{Answers, answers};
use super::auth::caller;
use super::fan_out::FanOutDoor;
use super::status::{Refusal, not_found, status, unusable_reason};
use super::{Services, acts, held, is_seen_by, page_size};

#[derive(Clone)]
pub(super) struct AlertDoor(pub(super) Services);

/// A request's alert, in either of its forms.
pub(super) enum Form {
    Raw(v1::RawAlert),
    Structured(v1::StructuredAlert),
}

#[tonic::async_trait]
impl AlertService for AlertDoor {
    async fn submit_alert(
        &self,
        request: Request<v1::SubmitAlertRequest>,
    ) -> Result<Response<v1::SubmitAlertResponse>, Status> {
        let caller = caller(&request);
        let v1::SubmitAlertRequest { alert, typed } = request.into_inner();
        let form = match alert {
            Some(v1::submit_alert_request::Alert::Raw(raw)) => Form::Raw(raw),
            Some(v1::submit_alert_request::Alert::Structured(alert)) => Form::Structured(alert),
            None => return Err(status(InvalidField::required("alert"))),
        };
        Ok(Response::new(self.submit(form, typed, &caller).await?))
    }

    type StreamAlertsStream = Answers;

    async fn stream_alerts(
        &self,
        request: Request<Streaming<v1::StreamAlertsRequest>>,
    ) -> Result<Response<Self::StreamAlertsStream>, Status> {
        let caller = caller(&request);
        Ok(Response::new(answers(self.clone(), caller, request.into_inner())))
    }

    async fn preview_alert(
        &self,
        request: Request<v1::PreviewAlertRequest>,
    ) -> Result<Response<v1::PreviewAlertResponse>, Status> {
        self.0.can_audit()?;
        let caller = caller(&request);
        let form = match request.into_inner().alert {
            Some(v1::preview_alert_request::Alert::Raw(raw)) => Form::Raw(raw),
            Some(v1::preview_alert_request::Alert::Structured(alert)) => Form::Structured(alert),
            None => return Err(status(InvalidField::required("alert"))),
        };
        let (ready, problems) = self.read(form, &caller).await?;
        let response = match self.0.door().preview(ready).await.map_err(status)? {
            Decision::Admit(bulletin) => self.preview(bulletin, &caller).await?,
            // The most pressing of its hazards.
            Decision::AdmitAll(bulletins) => self.preview(bulletins.first().clone(), &caller).await?,
            Decision::Hold(held) => v1::PreviewAlertResponse {
                hold_reasons: held.reasons.iter().map(held::reason).collect(),
                ..self.preview(held.bulletin, &caller).await?
            },
            Decision::Ignore(ignored) => {
                v1::PreviewAlertResponse { ignored: reason(ignored).into(), ..Default::default() }
            }
            Decision::Refuse(refused) => return Err(Refusal::from(refused).with(problems).into()),
        };
        Ok(Response::new(v1::PreviewAlertResponse { problems, ..response }))
    }

    async fn get_alert(&self, request: Request<v1::GetAlertRequest>) -> Result<Response<v1::GetAlertResponse>, Status> {
        let caller = caller(&request);
        let lineage = fan_out::alert_from_name(&request.into_inner().name).map_err(status)?;
        let found = self.0.fan_outs.newest(lineage).filter(|found| is_seen_by(&caller, found));
        let found = found.ok_or_else(|| not_found("ALERT_NOT_FOUND", "no such alert"))?;
        let reach = FanOutDoor(self.0.clone()).find(&caller, found.bulletin.key()).ok();
        Ok(Response::new(v1::GetAlertResponse { alert: Some(v1::Alert { reach, ..self.alert(&found, true) }) }))
    }

    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        let caller = caller(&request);
        let request = request.into_inner();
        let from: Option<LineageId> = match request.page_token.as_str() {
            "" => None,
            name => {
                Some(fan_out::alert_from_name(name).map_err(|e| status(InvalidField::new("page_token", e.reason)))?)
            }
        };
        let mut found = self.0.fan_outs.all();
        found.sort_unstable_by_key(|fan_out| std::cmp::Reverse(fan_out.bulletin.key().lineage));
        found.retain(|fan_out| {
            let listed = is_seen_by(&caller, fan_out) && (!request.in_force || self.is_in_force(fan_out));
            listed && from.is_none_or(|from| fan_out.bulletin.key().lineage <= from)
        });
        let size = page_size(request.page_size).map_err(status)?;
        let next = found.get(size).map(|fan_out| fan_out::alert_name(fan_out.bulletin.key().lineage));
        let alerts = found.iter().take(size).map(|fan_out| self.alert(fan_out, false)).collect();
        Ok(Response::new(v1::ListAlertsResponse { alerts, next_page_token: next.unwrap_or_default() }))
    }

    async fn list_held_alerts(
        &self,
        request: Request<v1::ListHeldAlertsRequest>,
    ) -> Result<Response<v1::ListHeldAlertsResponse>, Status> {
        self.list_held(request)
    }

    async fn get_held_alert(
        &self,
        request: Request<v1::GetHeldAlertRequest>,
    ) -> Result<Response<v1::GetHeldAlertResponse>, Status> {
        self.get_held(request).await
    }

    async fn approve_alert(
        &self,
        request: Request<v1::ApproveAlertRequest>,
    ) -> Result<Response<v1::ApproveAlertResponse>, Status> {
        self.approve(request).await
    }

    async fn reject_alert(
        &self,
        request: Request<v1::RejectAlertRequest>,
    ) -> Result<Response<v1::RejectAlertResponse>, Status> {
        self.reject(request).await
    }

    async fn cancel_alert(
        &self,
        request: Request<v1::CancelAlertRequest>,
    ) -> Result<Response<v1::CancelAlertResponse>, Status> {
        self.cancel(request).await
    }
}

impl AlertDoor {
    /// Who calls, as doors have it; only authorities bring alerts.
    pub(super) fn bearer(&self, caller: &Caller) -> Result<Bearer, Refusal> {
        let authority = self.0.access.authority_of(caller).map_err(Refusal::from)?;
        Ok(Bearer { authority: authority.ok_or_else(Refusal::not_allowed)?, actor: Actor::from(caller) })
    }

    /// Takes one alert; its answer.
    pub(super) async fn submit(
        &self,
        form: Form,
        typed: bool,
        caller: &Caller,
    ) -> Result<v1::SubmitAlertResponse, Refusal> {
        match self.read(form, caller).await {
            Ok((mut ready, problems)) => {
                ready.submission.doubts.extend(typed.then(held::typed));
                self.decided(ready, problems, caller).await
            }
            Err(refusal) => {
                self.refused_at_the_door(caller, &refusal).await;
                Err(refusal)
            }
        }
    }

    /// What the desk decides on what was read.
    pub(super) async fn decided(
        &self,
        ready: Ready,
        problems: Vec<v1::Problem>,
        caller: &Caller,
    ) -> Result<v1::SubmitAlertResponse, Refusal> {
        let ready = match self.in_its_turn(ready, caller) {
            Ok(ready) => ready,
            Err(refusal) => {
                self.refused_at_the_door(caller, &refusal).await;
                return Err(refusal);
            }
        };
        let outcome = match self.0.door().submit(ready).await? {
            Answer::Admitted(key) => Outcome::Admitted(admitted(key)),
            Answer::Ignored(ignored) => Outcome::Ignored(not_sent(ignored)),
            Answer::Held(holding) => Outcome::Held(held::submitted(&holding)),
            Answer::Refused(refused) => return Err(Refusal::from(refused).with(problems)),
        };
        Ok(v1::SubmitAlertResponse { outcome: Some(outcome), problems })
    }

    /// Bytes or fields to what the desk takes, off the I/O threads: a hostile message may take a while.
    async fn read(&self, form: Form, caller: &Caller) -> Result<(Ready, Vec<v1::Problem>), Refusal> {
        let bearer = self.bearer(caller)?;
        let door = self.0.door();
        let (read, structured) = match form {
            Form::Raw(v1::RawAlert { content, media_type }) => {
                (door.read_one(content, media_type, bearer).await, Vec::new())
            }
            Form::Structured(alert) => {
                let (bytes, most) = (prost::Message::encoded_len(&alert), self.0.reading.bytes);
                if bytes > most {
                    return Err(FormatError::TooLarge { bytes, most }.into());
                }
                let raw = prost::Message::encode_to_vec(&alert).into();
                let (alert, problems) = convert::alert::structured(alert)?;
                let problems = problems.iter().map(|bad| problem(&bad.field, &bad.reason)).collect();
                (door.ready_of(alert, raw, "application/x-protobuf".to_owned(), bearer).await, problems)
            }
        };
        let ready = read?;
        let problems = structured.into_iter().chain(problems(&ready)).collect();
        Ok((ready, problems))
    }

    /// An alert that comes sooner after others than its authority may send. One that can wait is sent away until then;
    /// one that is urgent goes to the desk, which does not send it without a person. What ends an alert is never too
    /// soon.
    fn in_its_turn(&self, mut ready: Ready, caller: &Caller) -> Result<Ready, Refusal> {
        if let Err(after) = self.0.access.count_alert(caller) {
            let submission = &mut ready.submission;
            if !submission.is_urgent() {
                return Err(Refusal::too_many_alerts(after));
            }
            if !matches!(submission.alert.body, Body::Cancel(_)) {
                submission.breaches.push(Breach::Rate);
            }
        }
        Ok(ready)
    }

    /// What became of a message that never comes to the desk is in the audit log all the same.
    pub(super) async fn refused_at_the_door(&self, caller: &Caller, refusal: &Refusal) {
        let Ok(bearer) = self.bearer(caller) else { return };
        // Its sender is told why it was refused, whether or not that could be recorded: the log says itself if not.
        let _ = self.0.door().refused(&bearer, refusal.reason()).await;
    }

    /// Who would be told. It says something of where people are, so that it is in the audit log too.
    pub(super) async fn preview(
        &self,
        bulletin: Bulletin,
        caller: &Caller,
    ) -> Result<v1::PreviewAlertResponse, Status> {
        self.0.registry.loaded().map_err(status)?;
        let alert = bulletin.parts().alert.clone();
        let tiers = bulletin.tiers().iter().map(|found| tier(found, true)).collect();
        let fan_outs = self.0.fan_outs.clone();
        let (authority, discretion) = (caller.authority().cloned(), self.0.discretion.clone());
        let rounded_to = if authority.is_some() { discretion.least().cast_signed() } else { 0 };
        let preview = move || match authority {
            Some(authority) => fan_outs.coarse_preview(&bulletin, &authority, &discretion),
            None => fan_outs.preview(&bulletin),
        };
        let done = self.0.tasks.spawn_blocking_behind("preview", preview).await;
        let Preview { found, told, skipped, withheld, apps } =
            done.map_err(|_| Status::internal("the preview failed"))?;
        self.0.audit(&[acts::on(&Actor::from(caller), "", Act::AlertPreviewed { alert, found })]).await?;
        Ok(v1::PreviewAlertResponse {
            found_count: found.cast_signed(),
            told: told.into_iter().map(|(channel, count)| fan_out::channel_count(channel, count)).collect(),
            skipped: skipped.into_iter().map(|(reason, count)| fan_out::skip_count(reason.name(), count)).collect(),
            withheld: withheld.into_iter().map(|(channel, count)| fan_out::channel_count(channel, count)).collect(),
            app_counts: apps.into_iter().map(|(app, count)| self.app_count(app, count)).collect(),
            tiers,
            rounded_to,
            ..Default::default()
        })
    }

    fn app_count(&self, app: Option<AppSlot>, count: u64) -> v1::AppCount {
        let app = app.and_then(|app| self.0.registry.app_name(app)).map(|app| app.to_string()).unwrap_or_default();
        v1::AppCount { app, count: count.cast_signed() }
    }

    fn is_in_force(&self, fan_out: &FanOut) -> bool {
        !fan_out.is_cancel() && fan_out.bulletin.parts().expires > self.0.clock.now()
    }

    fn alert(&self, found: &Arc<FanOut>, whole: bool) -> v1::Alert {
        let parts = found.bulletin.parts();
        let tiers: &[Tier] = match &parts.content {
            Content::Warn(tiers) => tiers,
            Content::Cancel(_) => &[],
        };
        v1::Alert {
            name: fan_out::alert_name(parts.lineage),
            key: Some(terms::key_to_wire(found.bulletin.key())),
            fan_out: fan_out::fan_out_name(found.bulletin.key()),
            message: Some(message(&parts.alert)),
            mode: terms::mode::to_wire(parts.mode).into(),
            cancelled: found.is_cancel(),
            in_force: self.is_in_force(found),
            admit_time: Some(time::to_wire(parts.admitted)),
            expire_time: Some(time::to_wire(parts.expires)),
            tiers: tiers.iter().map(|found| tier(found, whole)).collect(),
            reach: None,
        }
    }
}

pub(super) fn admitted(key: DeliveryKey) -> Admitted {
    Admitted {
        key: Some(terms::key_to_wire(key)),
        name: fan_out::alert_name(key.lineage),
        fan_out: fan_out::fan_out_name(key),
    }
}

pub(super) fn not_sent(ignored: Ignored) -> NotSent {
    let key = match ignored {
        Ignored::Duplicate(key) => key.map(terms::key_to_wire),
        _ => None,
    };
    NotSent { reason: reason(ignored).into(), key }
}

/// What of an alert cannot be used.
pub(super) fn problems(ready: &Ready) -> impl Iterator<Item = v1::Problem> {
    let unresolved = ready.submission.unresolved();
    let unresolved = unresolved.into_iter().map(|code| problem("geocode", &code.to_string()));
    ready.unusable.iter().map(unused).chain(unresolved)
}

fn problem(field: &str, message: &str) -> v1::Problem {
    v1::Problem { reason: "UNUSABLE".to_owned(), field: field.to_owned(), message: message.to_owned() }
}

fn unused(refusal: &format::Refusal) -> v1::Problem {
    v1::Problem {
        reason: unusable_reason(&refusal.reason).to_owned(),
        field: refusal.field.clone(),
        message: refusal.reason.to_string(),
    }
}

pub(super) fn message(id: &AlertId) -> v1::AlertReference {
    v1::AlertReference {
        sender: id.sender.as_str().to_owned(),
        identifier: id.identifier.as_str().to_owned(),
        send_time: Some(time::to_wire(id.sent)),
    }
}

fn tier(tier: &Tier, whole: bool) -> v1::AlertTier {
    let first = tier.infos.first();
    v1::AlertTier {
        priority: terms::priority::to_wire(tier.priority).into(),
        event: first.event.clone(),
        headline: first.texts.headline.clone().unwrap_or_default(),
        languages: tier.infos.iter().map(|info| info.language.as_str().to_owned()).collect(),
        expire_time: Some(time::to_wire(tier.expires())),
        areas: if whole { tier.area.areas().iter().map(geography::area_to_wire).collect() } else { Vec::new() },
        bounding_box: Some(geography::bounding_box_to_wire(tier.area.bounding_box())),
    }
}

pub(super) fn reason(ignored: Ignored) -> v1::IgnoreReason {
    match ignored {
        Ignored::Duplicate(_) => v1::IgnoreReason::Duplicate,
        Ignored::Expired => v1::IgnoreReason::Expired,
        Ignored::Superseded => v1::IgnoreReason::Superseded,
        Ignored::NothingToCancel => v1::IgnoreReason::NothingToCancel,
        Ignored::NotForPublic => v1::IgnoreReason::NotForPublic,
        Ignored::Rejected => v1::IgnoreReason::Rejected,
    }
}
