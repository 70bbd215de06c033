//! From the house's errors to gRPC statuses, with `google.rpc.ErrorInfo` and `google.rpc.BadRequest` as details
//! (AIP-193).

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use crate::audit::LogError;
use crate::decide::{Breach, Refused};
use crate::format::{FormatError, Unusable};
use crate::intake::{DeskError, Unread};
use crate::regions::RegionError;
use crate::registry::RegistryError;
use crate::wire::convert::{InvalidField, time};
use crate::wire::v1::Problem;

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "hazardcast";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`, without metadata.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`.
#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// Why a call, or one item of it, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    problem: Problem,
    /// When to come again, where that is known.
    retry_after: Option<Duration>,
    /// What else is wrong: the parts of an alert for want of which it is refused.
    also: Vec<Problem>,
}

/// The most further problems that a refusal tells.
const ALSO: usize = 16;

impl Refusal {
    pub(super) fn new(code: Code, reason: &str, field: &str, message: impl Display) -> Self {
        Self {
            code,
            problem: Problem { reason: reason.to_owned(), field: field.to_owned(), message: message.to_string() },
            also: Vec::new(),
            retry_after: None,
        }
    }

    /// Why, in one word of the API.
    pub(super) fn reason(&self) -> &str {
        &self.problem.reason
    }

    /// Why, for a metric.
    pub(super) fn code(&self) -> &'static str {
        match self.code {
            Code::Unauthenticated => "unauthenticated",
            Code::PermissionDenied => "not_allowed",
            Code::ResourceExhausted => "too_many",
            Code::Unimplemented => "no_such_method",
            _ => "other",
        }
    }

    /// The status of HTTP that says the same.
    pub fn http_status(&self) -> u16 {
        match self.code {
            Code::InvalidArgument if self.problem.reason == "TOO_LARGE" => 413,
            Code::InvalidArgument if self.problem.reason == "UNSUPPORTED_MEDIA_TYPE" => 415,
            Code::InvalidArgument => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::ResourceExhausted => 429,
            Code::Unavailable => 503,
            _ => 500,
        }
    }

    /// When to come again, where that is known.
    pub fn when(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same may be taken later.
    pub fn is_retriable(&self) -> bool {
        matches!(self.code, Code::ResourceExhausted | Code::Unavailable | Code::Internal)
    }

    /// All that is wrong; the first is the reason.
    pub fn into_problems(self) -> Vec<Problem> {
        [self.problem].into_iter().chain(self.also).collect()
    }

    /// The same of a request that has the consent itself, and not a registration with several.
    pub(super) fn of_one_consent(mut self) -> Self {
        if let Some(field) = self.problem.field.strip_prefix("registration.consents[0].") {
            self.problem.field = format!("consent.{field}");
        }
        self
    }

    /// The same with when to come again.
    pub(super) fn retry_after(self, after: Option<Duration>) -> Self {
        Self { retry_after: after, ..self }
    }

    /// The same with what else is wrong.
    pub(super) fn with(mut self, problems: Vec<Problem>) -> Self {
        self.also.extend(problems);
        self.also.truncate(ALSO);
        self
    }

    /// The same for one item of many.
    pub(super) fn into_problem(self) -> Problem {
        self.problem
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, problem, also, retry_after } = refusal;
        let any = |name: &str, value: Vec<u8>| prost_types::Any {
            type_url: format!("type.googleapis.com/google.rpc.{name}"),
            value,
        };
        let message = also.iter().fold(problem.message.clone(), |message, problem| {
            format!("{message}; {}: {}", problem.field, problem.message)
        });
        let info = ErrorInfo { reason: problem.reason.clone(), domain: DOMAIN.to_owned() };
        let mut details = vec![any("ErrorInfo", info.encode_to_vec())];
        let problems = [problem].into_iter().chain(also).filter(|problem| !problem.field.is_empty());
        let violation = |problem: Problem| FieldViolation { field: problem.field, description: problem.message };
        let field_violations: Vec<FieldViolation> = problems.map(violation).collect();
        if !field_violations.is_empty() {
            details.push(any("BadRequest", BadRequest { field_violations }.encode_to_vec()));
        }
        if let Some(after) = retry_after {
            let retry_delay = Some(time::duration_to_wire(after));
            details.push(any("RetryInfo", RetryInfo { retry_delay }.encode_to_vec()));
        }
        let status = RpcStatus { code: code.into(), message: message.clone(), details };
        Self::with_details(code, message, Bytes::from(status.encode_to_vec()))
    }
}

impl From<InvalidField> for Refusal {
    fn from(error: InvalidField) -> Self {
        Self::new(Code::InvalidArgument, "INVALID_FIELD", &error.field, &error)
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        let (code, reason) = match &error {
            RegistryError::PageToken => return InvalidField::new("page_token", error).into(),
            RegistryError::UnknownTimeZone => {
                return InvalidField::new("registration.traits.time_zone", error).into();
            }
            RegistryError::PolicyRetired { consent, .. } => {
                let field = format!("registration.consents[{consent}].policy_version");
                return Self::new(Code::FailedPrecondition, "POLICY_RETIRED", &field, &error);
            }
            RegistryError::NoGuardian { consent } => {
                let field = format!("registration.consents[{consent}].guardian");
                return Self::new(Code::FailedPrecondition, "NO_GUARDIAN", &field, &error);
            }
            RegistryError::EventCursor => return InvalidField::new("after", error).into(),
            RegistryError::UnknownWebhook => (Code::NotFound, "WEBHOOK_NOT_FOUND"),
            RegistryError::NotFound => (Code::NotFound, "REGISTRATION_NOT_FOUND"),
            RegistryError::UnknownPartner => (Code::NotFound, "PARTNER_NOT_FOUND"),
            RegistryError::UnknownApp => (Code::NotFound, "APP_NOT_FOUND"),
            RegistryError::UnknownZone => (Code::NotFound, "ZONE_NOT_FOUND"),
            RegistryError::NoGround => return InvalidField::new("zone.area", error).into(),
            RegistryError::CrowdedZone => {
                return Self::new(Code::ResourceExhausted, "REGISTRY_FULL", "zone.area", error);
            }
            RegistryError::AlreadyExists => (Code::AlreadyExists, "ALREADY_EXISTS"),
            RegistryError::UnfitPlace(error) => return InvalidField::new("place", error).into(),
            RegistryError::NoSavedPlacesConsent => (Code::FailedPrecondition, "NO_SAVED_PLACES_CONSENT"),
            RegistryError::TooManySavedPlaces => (Code::FailedPrecondition, "TOO_MANY_SAVED_PLACES"),
            RegistryError::NoSuchSavedPlace => (Code::NotFound, "SAVED_PLACE_NOT_FOUND"),
            RegistryError::NoLocationConsent => (Code::FailedPrecondition, "NO_LOCATION_CONSENT"),
            RegistryError::TooManyKeys => (Code::FailedPrecondition, "TOO_MANY_IDENTITY_KEYS"),
            RegistryError::Full(_) => (Code::ResourceExhausted, "REGISTRY_FULL"),
            RegistryError::Stopped => (Code::Unavailable, "REGISTRY_STOPPED"),
            RegistryError::Loading => (Code::Unavailable, "REGISTRY_LOADING"),
            _ => {
                let cause = error.source().map(tracing::field::display);
                tracing::error!(%error, cause, "the registry failed");
                return Self::new(Code::Internal, "REGISTRY_FAILED", "", "the registry failed");
            }
        };
        Self::new(code, reason, "", &error)
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        let (code, reason) = match &error {
            DeskError::Busy => (Code::ResourceExhausted, "DESK_BUSY"),
            DeskError::Closed => (Code::Unavailable, "STOPPING"),
            DeskError::NotHeld => (Code::NotFound, "HELD_ALERT_NOT_FOUND"),
            DeskError::NotASecondPerson => (Code::PermissionDenied, "NOT_A_SECOND_PERSON"),
            DeskError::Journal(cause) => {
                tracing::error!(%cause, "an alert could not be journalled");
                (Code::Unavailable, "JOURNAL_FAILED")
            }
        };
        Self::new(code, reason, "", &error)
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the audit log failed");
        match error {
            LogError::Damaged { .. } | LogError::Missing { .. } | LogError::UnknownVersion { .. } => {
                Self::new(Code::DataLoss, "AUDIT_DAMAGED", "", "the audit log is damaged: it is to be verified")
            }
            // What was asked for may have been done all the same, and may be asked for again.
            _ => Self::new(Code::Unavailable, "AUDIT_FAILED", "", "the audit log takes no records"),
        }
    }
}

impl From<RegionError> for Refusal {
    fn from(error: RegionError) -> Self {
        match &error {
            RegionError::Import(wrong) => InvalidField::new("content", wrong).into(),
            RegionError::TooManySets { .. } => Self::new(Code::ResourceExhausted, "TOO_MANY_REGION_SETS", "", &error),
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "regions could not be stored");
                Self::new(Code::Internal, "REGIONS_FAILED", "", "the regions could not be stored")
            }
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::Beyond(breaches) => return Self::beyond(breaches),
            Refused::TooManyHeld => Code::ResourceExhausted,
            Refused::NotAdmitted(_) | Refused::OthersSayItToo(_) => Code::PermissionDenied,
            _ => Code::InvalidArgument,
        };
        Self::new(code, refused.reason(), refused.field(), &refused)
    }
}

impl From<Unread> for Refusal {
    fn from(error: Unread) -> Self {
        match error {
            Unread::Format(error) => error.into(),
            Unread::Failed => Self::new(Code::Internal, "READER_FAILED", "", "the reader failed"),
        }
    }
}

impl Refusal {
    /// All that an alert does beyond its authority's limits, each with its field.
    fn beyond(breaches: &[Breach]) -> Self {
        let mut all = breaches.iter().map(|breach| Problem {
            reason: breach.reason().to_owned(),
            field: breach.field(),
            message: breach.to_string(),
        });
        match all.next() {
            Some(problem) => {
                let also = all.take(ALSO).collect();
                Self { code: Code::PermissionDenied, problem, retry_after: None, also }
            }
            None => Self::not_allowed(),
        }
    }
}

impl From<FormatError> for Refusal {
    fn from(error: FormatError) -> Self {
        let reason = error.reason();
        let message = format!("{}: {error}", error.field());
        Self::new(Code::InvalidArgument, reason, error.field(), &message)
    }
}

/// The reason of a [`Problem`] with a part of an alert that stands.
pub(super) fn unusable_reason(unusable: &Unusable) -> &'static str {
    match unusable {
        Unusable::NotAPair { .. } => "NOT_A_PAIR",
        Unusable::Point { .. } => "INVALID_POINT",
        Unusable::TooFewPoints(_) => "TOO_FEW_POINTS",
        Unusable::NotClosed(_) => "RING_NOT_CLOSED",
        Unusable::Joined(_) => "RING_JOINED",
        Unusable::Ground(_) => "INVALID_GROUND",
        Unusable::NotACircle(_) => "NOT_A_CIRCLE",
        Unusable::NotANumber(_) => "NOT_A_NUMBER",
        Unusable::Time { .. } => "INVALID_TIME",
        Unusable::TakenForUtc(_) => "TAKEN_FOR_UTC",
        Unusable::Language(_) => "INVALID_LANGUAGE",
        Unusable::NotAReference(_) => "NOT_A_REFERENCE",
        Unusable::UpdateOfNothing => "UPDATE_OF_NOTHING",
        Unusable::Missing | Unusable::NoGrade | Unusable::TakenForCode(_) => "MISSING_FIELD",
        Unusable::OrderUnknown => "UNKNOWN_ORDER",
        Unusable::Withheld => "WITHHELD",
        Unusable::Over(_) => "OVER",
        Unusable::HoleLost => "HOLE_LOST",
        Unusable::OtherNamespace => "OTHER_NAMESPACE",
        Unusable::TakenForPublic => "TAKEN_FOR_PUBLIC",
        Unusable::NotAnArea(_) => "NOT_AN_AREA",
        Unusable::More(_) => "MORE",
        Unusable::UnknownValue(_) => "UNKNOWN_VALUE",
        Unusable::Count { .. } => "COUNT",
        Unusable::SentAtOrigin => "SENT_AT_ORIGIN",
        Unusable::SentByData => "SENT_BY_DATA",
        Unusable::ZoneByName(_) => "ZONE_BY_NAME",
        Unusable::AreaName(_) => "UNKNOWN_AREA",
        Unusable::Stations(_) => "STATIONS",
        Unusable::RepeatedArea(_) | Unusable::SeveralTexts => "REPEATED_FIELD",
    }
}

/// What is asked for is not there.
pub(super) fn not_found(reason: &str, message: &str) -> Status {
    Refusal::new(Code::NotFound, reason, "", message).into()
}

/// Any of the house's errors as a status.
pub(super) fn status(error: impl Into<Refusal>) -> Status {
    error.into().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_there_is_no_room_for_is_refused_for_its_area() {
        let refusal = Refusal::from(RegistryError::CrowdedZone);
        assert_eq!((refusal.code, refusal.reason()), (Code::ResourceExhausted, "REGISTRY_FULL"));
        assert_eq!(refusal.into_problem().field, "zone.area");
    }

    #[test]
    fn a_wrong_field_is_named_in_the_details() {
        let status = status(InvalidField::new("place.point", "latitude 91 is beyond 90 degrees"));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = RpcStatus::decode(status.details()).expect("google.rpc.Status");
        let bad = BadRequest::decode(&*details.details[1].value).expect("google.rpc.BadRequest");
        assert_eq!(bad.field_violations[0].field, "place.point");
        assert!(status.message().contains("latitude 91"));
    }
}
