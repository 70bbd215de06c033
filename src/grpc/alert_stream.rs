//! `StreamAlerts`: alerts of an authority for as long as it likes, each with its answer.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use tonic::{Status, Streaming};

use crate::domain::Caller;
use crate::wire::convert::InvalidField;
use crate::wire::v1;
use crate::wire::v1::stream_alerts_request::Alert;
use crate::wire::v1::stream_alerts_response::{Outcome, Refused};

use super::alert::{AlertDoor, Form};
use super::status::Refusal;

/// How many alerts of one stream wait for their answers at a time. The next is not read before, so that a caller who
/// sends faster than the desk decides, or does not read its answers, waits and fills nothing here.
const UNANSWERED: usize = 32;

/// The longest id of a request, bytes.
const LONGEST_ID: usize = 256;

/// The answers to a stream's alerts.
pub(super) type Answers = Pin<Box<dyn Stream<Item = Result<v1::StreamAlertsResponse, Status>> + Send>>;

/// Answers each alert, in the order in which they are decided.
pub(super) fn answers(door: AlertDoor, caller: Arc<Caller>, requests: Streaming<v1::StreamAlertsRequest>) -> Answers {
    let answer = move |request: Result<v1::StreamAlertsRequest, Status>| {
        let (door, caller) = (door.clone(), Arc::clone(&caller));
        async move { Ok(door.one(request?, &caller).await) }
    };
    Box::pin(requests.map(answer).buffer_unordered(UNANSWERED))
}

impl AlertDoor {
    async fn one(&self, request: v1::StreamAlertsRequest, caller: &Caller) -> v1::StreamAlertsResponse {
        let v1::StreamAlertsRequest { mut request_id, alert } = request;
        let form = match alert {
            _ if request_id.len() > LONGEST_ID => {
                request_id.truncate(request_id.floor_char_boundary(LONGEST_ID));
                Err(InvalidField::new("request_id", format!("has more than {LONGEST_ID} bytes")))
            }
            Some(Alert::Raw(raw)) => Ok(Form::Raw(raw)),
            Some(Alert::Structured(alert)) => Ok(Form::Structured(alert)),
            None => Err(InvalidField::required("alert")),
        };
        let answer = match form {
            Ok(form) => self.submit(form, false, caller).await,
            Err(error) => Err(Refusal::from(error)),
        };
        let outcome = match answer {
            Ok(answer) => Outcome::Answer(answer),
            Err(refusal) => {
                let retriable = refusal.is_retriable();
                Outcome::Refused(Refused { problems: refusal.into_problems(), retriable })
            }
        };
        v1::StreamAlertsResponse { request_id, outcome: Some(outcome) }
    }
}
