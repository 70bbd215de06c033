//! `POST /v1/alerts`: a body of alerts as their source wrote it, with the authority's token; each alert is answered as
//! `SubmitAlert` answers it, in JSON.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::grpc::{Bodies, Refusal, Taken};
use crate::wire::v1;
use crate::wire::v1::submit_alert_response::Outcome;

/// The largest body, bytes: what the readers take.
const MOST: usize = 4 << 20;

/// How long a body may take to come.
const WITHIN: Duration = Duration::from_secs(30);

/// How long a caller is to wait where nothing else is known, seconds.
const LATER: u64 = 1;

/// The door of alerts, which opens when the desk is there.
#[derive(Clone, Default)]
pub struct AlertPosts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    bodies: OnceLock<Bodies>,
    encrypted: bool,
}

impl AlertPosts {
    /// A closed one, on a listener that speaks TLS or not.
    pub fn new(encrypted: bool) -> Self {
        Self(Arc::new(Inner { bodies: OnceLock::new(), encrypted }))
    }

    /// Alerts can come from now on.
    pub fn open(&self, bodies: Bodies) {
        // It is opened once.
        let _ = self.0.bodies.set(bodies);
    }
}

pub(super) fn router(posts: AlertPosts) -> Router {
    Router::new().route("/v1/alerts", post(take)).with_state(posts)
}

async fn take(State(posts): State<AlertPosts>, headers: HeaderMap, body: Body) -> Response {
    let Some(bodies) = posts.0.bodies.get() else {
        return wrong(StatusCode::SERVICE_UNAVAILABLE, "STARTING", "the server starts", Some(LATER));
    };
    // A token that came in plain text is everybody's; who sends one is told, and that it is to be replaced.
    if !posts.0.encrypted && !bodies.is_development() {
        let message = "alerts are taken over TLS alone: a token that was sent here is to be replaced";
        return wrong(StatusCode::FORBIDDEN, "NOT_ENCRYPTED", message, None);
    }
    // Who it is is looked at before anything of the body is read.
    let (caller, _open) = match bodies.admit(token(&headers)) {
        Ok(admitted) => admitted,
        Err(refusal) => return refused(refusal),
    };
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let content = match tokio::time::timeout(WITHIN, to_bytes(body, MOST)).await {
        Ok(Ok(content)) => content,
        Ok(Err(_)) => {
            let message = format!("the body is not whole, or has more than {MOST} bytes");
            return wrong(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", &message, None);
        }
        Err(_) => return wrong(StatusCode::REQUEST_TIMEOUT, "LATE", "the body did not come in time", None),
    };
    match bodies.take(&caller, content, media_type).await {
        Ok(taken) => answered(taken),
        Err(refusal) => refused(refusal),
    }
}

/// The bearer token of a request; an empty one, which is nobody's, if there are two or it is of another kind.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let text = all.next()?.to_str().unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(if all.next().is_some() { "" } else { token.map_or("", |(_, token)| token) })
}

/// One alert that is refused is a request that is; of several each has its answer.
fn answered(taken: Vec<Taken>) -> Response {
    let alone = taken.len() == 1;
    let (mut status, mut later) = (StatusCode::OK, None);
    let alerts: Vec<Value> = taken
        .into_iter()
        .map(|Taken { place, id, answer }| {
            let id = id.map(|id| {
                let (sender, identifier) = (id.sender.as_str(), id.identifier.as_str());
                json!({ "sender": sender, "identifier": identifier, "sent": id.sent.to_string() })
            });
            if let (true, Err(refusal)) = (alone, &answer) {
                status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                later = refusal.is_retriable().then_some(LATER);
            }
            let mut told = outcome(answer);
            (told["place"], told["message"]) = (json!(place), json!(id));
            told
        })
        .collect();
    with_retry((status, Json(json!({ "alerts": alerts }))).into_response(), later)
}

fn outcome(answer: Result<v1::SubmitAlertResponse, Refusal>) -> Value {
    let problems = |problems: &[v1::Problem]| -> Vec<Value> {
        let problem = |it: &v1::Problem| json!({ "reason": it.reason, "field": it.field, "message": it.message });
        problems.iter().map(problem).collect()
    };
    match answer {
        Ok(v1::SubmitAlertResponse { outcome: Some(Outcome::Admitted(admitted)), problems: unusable }) => json!({
            "outcome": "ADMITTED", "name": admitted.name, "fan_out": admitted.fan_out, "problems": problems(&unusable),
        }),
        Ok(v1::SubmitAlertResponse { outcome: Some(Outcome::Held(held)), problems: unusable }) => {
            let reasons: Vec<Value> = held.reasons.iter().map(reason).collect();
            json!({ "outcome": "HELD", "name": held.name, "reasons": reasons, "problems": problems(&unusable) })
        }
        Ok(v1::SubmitAlertResponse { outcome: ignored, problems: unusable }) => {
            let reason = match ignored {
                Some(Outcome::Ignored(ignored)) => ignored.reason().as_str_name(),
                _ => "IGNORE_REASON_UNSPECIFIED",
            };
            let reason = reason.strip_prefix("IGNORE_REASON_").unwrap_or(reason);
            json!({ "outcome": "IGNORED", "reason": reason, "problems": problems(&unusable) })
        }
        Err(refusal) => {
            let retriable = refusal.is_retriable();
            json!({ "outcome": "REFUSED", "retriable": retriable, "problems": problems(&refusal.into_problems()) })
        }
    }
}

fn reason(of: &v1::HoldReason) -> Value {
    json!({ "reason": of.reason, "field": of.field, "found": of.found })
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let later = refusal.when().map(|after| after.as_secs().max(LATER));
    let later = later.or_else(|| refusal.is_retriable().then_some(LATER));
    with_retry((status, Json(json!({ "error": outcome(Err(refusal)) }))).into_response(), later)
}

fn wrong(status: StatusCode, reason: &str, message: &str, later: Option<u64>) -> Response {
    let problem = json!({ "reason": reason, "field": "", "message": message });
    let told = json!({ "outcome": "REFUSED", "retriable": later.is_some(), "problems": [problem] });
    with_retry((status, Json(json!({ "error": told }))).into_response(), later)
}

fn with_retry(mut response: Response, later: Option<u64>) -> Response {
    if let Some(seconds) = later {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
