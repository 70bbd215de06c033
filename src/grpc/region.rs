//! `RegionService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::{Act, Geocode};
use crate::locate::Atlas;
use crate::regions::{Import, answer, read};
use crate::wire::convert::{InvalidField, time};
use crate::wire::v1;
use crate::wire::v1::region_service_server::RegionService;

use super::acts::{self, actor};
use super::status::{not_found, status};
use super::{Services, page_size};

pub(super) struct RegionDoor(pub(super) Services);

/// The most bytes of a code that is asked about.
const MOST_CODE: usize = 4_096;

#[tonic::async_trait]
impl RegionService for RegionDoor {
    async fn list_regions(
        &self,
        request: Request<v1::ListRegionsRequest>,
    ) -> Result<Response<v1::ListRegionsResponse>, Status> {
        let v1::ListRegionsRequest { scheme, page_size: asked, page_token } = request.into_inner();
        let size = page_size(asked).map_err(status)?;
        let atlas = self.0.atlas.load_full();
        let list = move || answer::list(&atlas.gazetteer, &scheme, size, &page_token);
        let listed = self.0.tasks.spawn_blocking("regions", list).await;
        listed.map_err(|_| Status::internal("the regions could not be listed"))?.map(Response::new).map_err(status)
    }

    async fn get_region(
        &self,
        request: Request<v1::GetRegionRequest>,
    ) -> Result<Response<v1::GetRegionResponse>, Status> {
        let v1::GetRegionRequest { scheme, code, read_time } = request.into_inner();
        for (field, text) in [("scheme", &scheme), ("code", &code)] {
            if text.trim().is_empty() {
                return Err(status(InvalidField::required(field)));
            }
            if text.len() > MOST_CODE {
                return Err(status(InvalidField::new(field, format!("has more than {MOST_CODE} bytes"))));
            }
        }
        let at = time::optional(read_time, "read_time").map_err(status)?.unwrap_or_else(|| self.0.clock.now());
        let (atlas, geocode) = (self.0.atlas.load_full(), Geocode { scheme: scheme.into(), code: code.into() });
        let get = move || answer::get(&atlas.gazetteer, geocode, at);
        let found = self.0.tasks.spawn_blocking("regions", get).await;
        let found = found.map_err(|_| Status::internal("the region could not be found"))?;
        match found.problems.first().filter(|_| found.regions.is_empty()) {
            Some(problem) => Err(not_found("REGION_NOT_FOUND", &problem.message)),
            None => Ok(Response::new(found)),
        }
    }

    async fn import_regions(
        &self,
        request: Request<v1::ImportRegionsRequest>,
    ) -> Result<Response<v1::ImportRegionsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let (content, import) = import(request).map_err(status)?;
        let (services, now) = (self.0.clone(), self.0.clock.now());
        let work = async move {
            let tasks = services.tasks.clone();
            let (regions, atlas) = (Arc::clone(&services.regions), Arc::clone(&services.atlas));
            let put = move || {
                let sets = read(&content, &import, now)?;
                let told: Vec<_> = sets.iter().map(answer::set_to_wire).collect();
                if !validate_only {
                    regions.put(sets, |gazetteer| {
                        atlas.rcu(|before| Atlas::clone(before).with_gazetteer(gazetteer.clone()));
                    })?;
                }
                Ok(told)
            };
            // Behind all else: alerts go before.
            let done = tasks.spawn_blocking_behind("regions", put).await;
            let done: Result<_, crate::regions::RegionError> =
                done.map_err(|_| Status::internal("the regions could not be imported"))?;
            let region_sets = done.map_err(status)?;
            if !validate_only {
                let act = |set: &v1::RegionSet| {
                    let regions = u64::try_from(set.region_count).unwrap_or_default();
                    acts::on(&actor, set.name.as_str(), Act::RegionsImported { regions })
                };
                services.audit(&region_sets.iter().map(act).collect::<Vec<_>>()).await?;
            }
            Ok(v1::ImportRegionsResponse { region_sets })
        };
        self.0.to_the_end(work).await.map(Response::new)
    }
}

/// Reads how a file is to be imported.
fn import(request: v1::ImportRegionsRequest) -> Result<(bytes::Bytes, Import), InvalidField> {
    let or = |given: String, otherwise: &str| if given.is_empty() { otherwise.to_owned() } else { given };
    let some = |given: String| Some(given).filter(|given| !given.is_empty());
    if request.content.is_empty() {
        return Err(InvalidField::required("content"));
    }
    if request.display_name.is_empty() {
        return Err(InvalidField::required("display_name"));
    }
    let import = Import {
        scheme: some(request.scheme),
        code_property: or(request.code_property, "code"),
        name_property: or(request.name_property, "name"),
        set: request.display_name,
        valid_from: time::optional(request.valid_from_time, "valid_from_time")?,
        same_as: some(request.same_as_scheme),
    };
    Ok((request.content, import))
}
