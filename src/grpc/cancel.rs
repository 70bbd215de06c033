//! The part of `AlertService` that ends alerts.

use bytes::Bytes;
use prost::Message;
use tonic::{Request, Response, Status};

use crate::decide::{Authority, Ending};
use crate::domain::{Actor, Alert, AlertScope, Body, Language, Subject};
use crate::intake::{Answer, Submission};
use crate::wire::convert::{InvalidField, fan_out};
use crate::wire::v1;
use crate::wire::v1::IgnoreReason;
use crate::wire::v1::cancel_alert_response::Outcome;
use crate::wire::v1::submit_alert_response::Ignored as NotSent;

use super::alert::{AlertDoor, admitted, not_sent};
use super::auth::caller;
use super::is_seen_by;
use super::status::{Refusal, not_found, status};

/// What the journal keeps of a cancel is the request.
const MEDIA_TYPE: &str = "application/x-protobuf; messageType=hazardcast.v1.CancelAlertRequest";

/// The longest headline, bytes: what a notice carries.
const HEADLINE: usize = 1_024;

impl AlertDoor {
    pub(super) async fn cancel(
        &self,
        request: Request<v1::CancelAlertRequest>,
    ) -> Result<Response<v1::CancelAlertResponse>, Status> {
        let (received, caller) = (self.0.clock.now(), caller(&request));
        let request = request.into_inner();
        let raw = Bytes::from(request.encode_to_vec());
        let lineage = fan_out::alert_from_name(&request.name).map_err(status)?;
        let found = self.0.fan_outs.newest(lineage).filter(|found| is_seen_by(&caller, found));
        let found = found.ok_or_else(|| not_found("ALERT_NOT_FOUND", "no such alert"))?;
        let authority = self.0.access.authority_of(&caller).map_err(status)?;
        let (headline, language) = said(&request).map_err(status)?;
        let senders = authority.as_ref().and_then(|authority| authority.senders.clone());
        let ending = Ending { lineage: found.bulletin.key().lineage, senders, headline, language };
        // An operator speaks for no authority, and may end what any says.
        let authority = authority.unwrap_or(Authority { name: String::new(), senders: None, limits: None });
        let parts = found.bulletin.parts();
        let alert = Alert {
            id: parts.alert.clone(),
            mode: parts.mode,
            subject: Subject::default(),
            scope: AlertScope::Public,
            codes: Vec::new(),
            note: None,
            body: Body::Cancel(Vec::new()),
        };
        let (actor, atlas) = (Actor::from(&*caller), self.0.atlas.load());
        let submission = Submission::new(alert, raw, MEDIA_TYPE.to_owned(), authority, actor, received, &atlas);
        let outcome = match self.0.desk.end(submission, ending).await.map_err(status)? {
            Answer::Admitted(key) => Outcome::Admitted(admitted(key)),
            Answer::Ignored(ignored) => {
                Outcome::Ignored(NotSent { reason: IgnoreReason::NothingToCancel.into(), ..not_sent(ignored) })
            }
            Answer::Refused(refused) => return Err(Refusal::from(refused).into()),
            Answer::Held(_) => return Err(Status::internal("a cancel is held")),
        };
        Ok(Response::new(v1::CancelAlertResponse { outcome: Some(outcome) }))
    }
}

/// What those who were told are told, and in which language.
fn said(request: &v1::CancelAlertRequest) -> Result<(Option<String>, Option<Language>), InvalidField> {
    let v1::CancelAlertRequest { headline, language, .. } = request;
    if headline.len() > HEADLINE {
        return Err(InvalidField::new("headline", format!("is longer than {HEADLINE} bytes")));
    }
    if headline.chars().any(char::is_control) {
        return Err(InvalidField::new("headline", "has control characters or more than one line"));
    }
    let headline = Some(headline.trim()).filter(|headline| !headline.is_empty()).map(str::to_owned);
    let language = match (language.as_str(), &headline) {
        ("", _) => None,
        (_, None) => return Err(InvalidField::new("language", "is of no headline")),
        (tag, Some(_)) => Some(Language::parse(tag).map_err(|error| InvalidField::new("language", error))?),
    };
    Ok((headline, language))
}
