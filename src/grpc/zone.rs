//! `ZoneService`.

use tonic::{Request, Response, Status};

use crate::domain::{Act, PartnerName, Zone, ZoneName};
use crate::registry::RegistryError;
use crate::wire::convert::{InvalidField, zone};
use crate::wire::v1;
use crate::wire::v1::zone_service_server::ZoneService;

use super::acts::{self, actor};
use super::statistics::count_to_wire;
use super::status::status;
use super::{Services, page_size};

/// The most points that the zones of one page have, but for a page of one zone.
const PAGE_POINTS: usize = 100_000;

pub(super) struct ZoneDoor(pub(super) Services);

#[tonic::async_trait]
impl ZoneService for ZoneDoor {
    async fn create_zone(
        &self,
        request: Request<v1::CreateZoneRequest>,
    ) -> Result<Response<v1::CreateZoneResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let parent = partner_name(&request.parent, "parent")?;
        let name = ZoneName::new(parent, &request.zone_id).map_err(|e| status(InvalidField::new("zone_id", e)))?;
        let new = request.zone.ok_or_else(|| status(InvalidField::required("zone")))?;
        let new = zone::change(new, &name.partner, &["*".to_owned()]).map_err(status)?;
        let services = self.0.clone();
        let create = async move {
            services.registry.create_zone(name.clone(), new).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::ZoneCreated)]).await?;
            services.count_zones().await?;
            Ok(v1::CreateZoneResponse { zone: Some(services.zone(&name)?) })
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn get_zone(&self, request: Request<v1::GetZoneRequest>) -> Result<Response<v1::GetZoneResponse>, Status> {
        let name = zone_name(&request.into_inner().name, "name")?;
        Ok(Response::new(v1::GetZoneResponse { zone: Some(self.0.zone(&name)?) }))
    }

    async fn update_zone(
        &self,
        request: Request<v1::UpdateZoneRequest>,
    ) -> Result<Response<v1::UpdateZoneResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let new = request.zone.ok_or_else(|| status(InvalidField::required("zone")))?;
        let name = zone_name(&new.name, "zone.name")?;
        let paths = request.update_mask.unwrap_or_default().paths;
        let change = zone::change(new, &name.partner, &paths).map_err(status)?;
        let services = self.0.clone();
        let update = async move {
            services.registry.update_zone(name.clone(), change).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::ZoneUpdated)]).await?;
            services.count_zones().await?;
            Ok(v1::UpdateZoneResponse { zone: Some(services.zone(&name)?) })
        };
        self.0.to_the_end(update).await.map(Response::new)
    }

    async fn delete_zone(
        &self,
        request: Request<v1::DeleteZoneRequest>,
    ) -> Result<Response<v1::DeleteZoneResponse>, Status> {
        let actor = actor(&request);
        let name = zone_name(&request.into_inner().name, "name")?;
        let services = self.0.clone();
        let delete = async move {
            services.registry.delete_zone(name.clone()).await.map_err(status)?;
            services.audit(&[acts::on(&actor, name.to_string(), Act::ZoneDeleted)]).await?;
            Ok(v1::DeleteZoneResponse {})
        };
        self.0.to_the_end(delete).await.map(Response::new)
    }

    async fn list_zones(
        &self,
        request: Request<v1::ListZonesRequest>,
    ) -> Result<Response<v1::ListZonesResponse>, Status> {
        let request = request.into_inner();
        let parent = partner_name(&request.parent, "parent")?;
        let size = page_size(request.page_size).map_err(status)?;
        let first = match request.page_token.as_str() {
            "" => None,
            token => Some(zone_name(token, "page_token")?),
        };
        if first.as_ref().is_some_and(|first| first.partner != parent) {
            return Err(status(RegistryError::PageToken));
        }
        let (found, next) = self.0.registry.zones(&parent, first.as_ref(), size, PAGE_POINTS).map_err(status)?;
        let zones = found.iter().map(|(zone, inside)| self.0.zone_to_wire(zone, *inside)).collect();
        let next_page_token = next.map(|next| next.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListZonesResponse { zones, next_page_token }))
    }
}

impl Services {
    /// A zone as its partner sees it.
    fn zone(&self, name: &ZoneName) -> Result<v1::Zone, Status> {
        let (zone, inside) = self.registry.zone(name).map_err(status)?;
        Ok(self.zone_to_wire(&zone, inside))
    }

    fn zone_to_wire(&self, zone: &Zone, inside: u64) -> v1::Zone {
        zone::to_wire(zone, count_to_wire(self.discretion.floored(inside)))
    }

    /// Finds who is inside a zone that was just drawn.
    async fn count_zones(&self) -> Result<(), Status> {
        let registry = self.registry.clone();
        let counted = self.tasks.spawn_blocking("zones", move || registry.count_zones()).await;
        counted.map_err(|_| Status::internal("the registrations inside could not be counted"))
    }
}

fn partner_name(name: &str, field: &str) -> Result<PartnerName, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}

fn zone_name(name: &str, field: &str) -> Result<ZoneName, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}
