//! `PartnerService`.

use tonic::{Request, Response, Status};

use crate::domain::{Act, AppName, PartnerName};
use crate::registry::{Profile, RegistryError};
use crate::wire::convert::{InvalidField, registration, time};
use crate::wire::v1;
use crate::wire::v1::partner_service_server::PartnerService;

use super::acts::{self, actor};
use super::status::status;
use super::{Services, page_size};

pub(super) struct PartnerDoor(pub(super) Services);

#[tonic::async_trait]
impl PartnerService for PartnerDoor {
    async fn create_partner(
        &self,
        request: Request<v1::CreatePartnerRequest>,
    ) -> Result<Response<v1::CreatePartnerResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let name = PartnerName::new(&request.partner_id).map_err(|e| status(InvalidField::new("partner_id", e)))?;
        let display_name = request.partner.unwrap_or_default().display_name;
        let display_name = registration::display_name(&display_name, "partner.display_name").map_err(status)?;
        let services = self.0.clone();
        let create = async move {
            let profile = services.registry.create_partner(name.clone(), display_name).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::PartnerCreated)]).await?;
            Ok(v1::CreatePartnerResponse { partner: Some(partner(&name, profile)) })
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn get_partner(
        &self,
        request: Request<v1::GetPartnerRequest>,
    ) -> Result<Response<v1::GetPartnerResponse>, Status> {
        let name = partner_name(&request.into_inner().name, "name")?;
        let profile = self.0.registry.partner(&name).map_err(status)?;
        Ok(Response::new(v1::GetPartnerResponse { partner: Some(partner(&name, profile)) }))
    }

    async fn list_partners(
        &self,
        request: Request<v1::ListPartnersRequest>,
    ) -> Result<Response<v1::ListPartnersResponse>, Status> {
        let request = request.into_inner();
        let size = page_size(request.page_size).map_err(status)?;
        let first = match request.page_token.as_str() {
            "" => None,
            token => Some(partner_name(token, "page_token")?),
        };
        let mut found = self.0.registry.partners(first.as_ref(), size + 1).map_err(status)?;
        let next_page_token = found.split_off(size.min(found.len())).first().map(|(name, _)| name.to_string());
        let partners = found.into_iter().map(|(name, profile)| partner(&name, profile)).collect();
        let next_page_token = next_page_token.unwrap_or_default();
        Ok(Response::new(v1::ListPartnersResponse { partners, next_page_token }))
    }

    async fn create_app(
        &self,
        request: Request<v1::CreateAppRequest>,
    ) -> Result<Response<v1::CreateAppResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let parent = partner_name(&request.parent, "parent")?;
        let name = AppName::new(parent, &request.app_id).map_err(|e| status(InvalidField::new("app_id", e)))?;
        let display_name = request.app.unwrap_or_default().display_name;
        let display_name = registration::display_name(&display_name, "app.display_name").map_err(status)?;
        let services = self.0.clone();
        let create = async move {
            let profile = services.registry.create_app(name.clone(), display_name).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::AppCreated)]).await?;
            Ok(v1::CreateAppResponse { app: Some(app(&name, profile)) })
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn get_app(&self, request: Request<v1::GetAppRequest>) -> Result<Response<v1::GetAppResponse>, Status> {
        let name = app_name(&request.into_inner().name, "name")?;
        let profile = self.0.registry.app(&name).map_err(status)?;
        Ok(Response::new(v1::GetAppResponse { app: Some(app(&name, profile)) }))
    }

    async fn list_apps(&self, request: Request<v1::ListAppsRequest>) -> Result<Response<v1::ListAppsResponse>, Status> {
        let request = request.into_inner();
        let parent = partner_name(&request.parent, "parent")?;
        let size = page_size(request.page_size).map_err(status)?;
        let first = match request.page_token.as_str() {
            "" => None,
            token => Some(app_name(token, "page_token")?),
        };
        if first.as_ref().is_some_and(|first| first.partner != parent) {
            return Err(status(RegistryError::PageToken));
        }
        let mut found = self.0.registry.apps(&parent, first.as_ref(), size + 1).map_err(status)?;
        let next_page_token = found.split_off(size.min(found.len())).first().map(|(name, _)| name.to_string());
        let apps = found.into_iter().map(|(name, profile)| app(&name, profile)).collect();
        Ok(Response::new(v1::ListAppsResponse { apps, next_page_token: next_page_token.unwrap_or_default() }))
    }
}

fn partner_name(name: &str, field: &str) -> Result<PartnerName, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}

fn app_name(name: &str, field: &str) -> Result<AppName, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}

fn partner(name: &PartnerName, profile: Profile) -> v1::Partner {
    let create_time = Some(time::to_wire(profile.created));
    v1::Partner { name: name.to_string(), display_name: profile.display_name, create_time }
}

fn app(name: &AppName, profile: Profile) -> v1::App {
    let create_time = Some(time::to_wire(profile.created));
    v1::App { name: name.to_string(), display_name: profile.display_name, create_time }
}
