//! `PolicyService`.

use tonic::{Request, Response, Status};

use crate::domain::{Act, PartnerName, PrivacyPolicy};
use crate::wire::convert::{InvalidField, registration, time};
use crate::wire::v1;
use crate::wire::v1::policy_service_server::PolicyService;

use super::Services;
use super::acts::{self, actor};
use super::status::status;

#[derive(Clone)]
pub(super) struct PolicyDoor(pub(super) Services);

#[tonic::async_trait]
impl PolicyService for PolicyDoor {
    async fn retire_policy_version(
        &self,
        request: Request<v1::RetirePolicyVersionRequest>,
    ) -> Result<Response<v1::RetirePolicyVersionResponse>, Status> {
        let actor = actor(&request);
        let request = request.into_inner();
        let name = partner_name(&request.partner)?;
        let version = registration::retired_version(request.version, "version").map_err(status)?;
        let services = self.0.clone();
        let retire = async move {
            let policy = services.registry.retire_policy(name.clone(), version).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::PolicyRetired { version })]).await?;
            Ok(v1::RetirePolicyVersionResponse { policy: Some(to_wire(&name, policy)) })
        };
        self.0.to_the_end(retire).await.map(Response::new)
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        let name = partner_name(&request.into_inner().partner)?;
        let policy = self.0.registry.policy(&name).map_err(status)?;
        Ok(Response::new(v1::GetPolicyResponse { policy: Some(to_wire(&name, policy)) }))
    }
}

fn partner_name(name: &str) -> Result<PartnerName, Status> {
    name.parse().map_err(|error| status(InvalidField::new("partner", error)))
}

fn to_wire(partner: &PartnerName, policy: PrivacyPolicy) -> v1::Policy {
    v1::Policy {
        partner: partner.to_string(),
        oldest_valid_version: policy.oldest_valid.0.into(),
        retire_time: policy.retired.map(time::to_wire),
    }
}
