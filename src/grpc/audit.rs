//! `AuditService`.

use tonic::{Request, Response, Status};

use crate::audit::Query;
use crate::domain::{Act, AuditEntry, AuditSubject, RegistrationName};
use crate::wire::convert::{InvalidField, audit, time};
use crate::wire::v1;
use crate::wire::v1::audit_service_server::AuditService;

use super::acts::{self, actor};
use super::status::status;
use super::{Services, page_size};

pub(super) struct AuditDoor(pub(super) Services);

#[tonic::async_trait]
impl AuditService for AuditDoor {
    async fn list_audit_records(
        &self,
        request: Request<v1::ListAuditRecordsRequest>,
    ) -> Result<Response<v1::ListAuditRecordsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let size = page_size(request.page_size).map_err(status)?;
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(token.parse::<u64>().map_err(|_| status(InvalidField::new("page_token", "is of none")))?),
        };
        let query = self.query(request)?;
        let (log, subjects) = (self.0.audit.clone(), query.subject.into_iter().collect());
        let page = self.0.tasks.spawn_blocking_behind("audit-page", move || log.page(&query, before, size)).await;
        let page = page.map_err(|_| Status::internal("the log could not be read"))?.map_err(status)?;
        let read = Act::LogRead { records: page.records.len() as u32 };
        self.0.audit(&[AuditEntry { subjects, ..acts::on(&actor, "", read) }]).await?;
        let records = page.records.iter().map(audit::to_wire).collect();
        let next_page_token = page.before.map(|before| before.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListAuditRecordsResponse { records, next_page_token }))
    }

    async fn get_audit_head(
        &self,
        _request: Request<v1::GetAuditHeadRequest>,
    ) -> Result<Response<v1::GetAuditHeadResponse>, Status> {
        let head = Some(audit::position_to_wire(self.0.audit.head()));
        Ok(Response::new(v1::GetAuditHeadResponse { head }))
    }
}

impl AuditDoor {
    fn query(&self, request: v1::ListAuditRecordsRequest) -> Result<Query, Status> {
        let subject = match (request.subject.as_str(), request.registration.as_str()) {
            ("", "") => None,
            (subject, "") => {
                Some(subject.parse::<AuditSubject>().map_err(|error| status(InvalidField::new("subject", error)))?)
            }
            ("", name) => {
                let name: RegistrationName =
                    name.parse().map_err(|error| status(InvalidField::new("registration", error)))?;
                Some(self.0.registry.subject(&name).map_err(status)?)
            }
            _ => return Err(status(InvalidField::new("registration", "is given beside `subject`"))),
        };
        let action = Some(request.action).filter(|action| !action.is_empty());
        let known =
            |asked: &String| Act::NAMES.iter().any(|name| name == asked || name.split('.').next() == Some(asked));
        if action.as_ref().is_some_and(|action| !known(action)) {
            return Err(status(InvalidField::new("action", "is none of this log's")));
        }
        let actor = request.actor.unwrap_or_default();
        let actor_kind = audit::kind_from_wire(actor.kind);
        if actor_kind.is_none() && actor.kind != 0 {
            return Err(status(InvalidField::new("actor.kind", "is not known")));
        }
        let credential = match actor.credential.as_str() {
            "" => None,
            name => Some(name.parse().map_err(|error| status(InvalidField::new("actor.credential", error)))?),
        };
        Ok(Query {
            subject,
            object: Some(request.object).filter(|object| !object.is_empty()),
            action,
            actor_kind,
            actor_name: Some(actor.name).filter(|name| !name.is_empty()),
            credential,
            since: time::optional(request.start_time, "start_time").map_err(status)?,
            until: time::optional(request.end_time, "end_time").map_err(status)?,
        })
    }
}
