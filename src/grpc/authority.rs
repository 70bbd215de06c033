//! `AuthorityService`.

use tonic::{Request, Response, Status};

use crate::access::AccessError;
use crate::domain::{Act, Actor, AdmittedAuthority, Area, AuditEntry, AuthorityName, AuthorityTerms, Timestamp};
use crate::format::signature::Trust;
use crate::intake::DeskError;
use crate::locate::{Gazetteer, RegionPlace};
use crate::wire::convert::{InvalidField, authority};
use crate::wire::v1;
use crate::wire::v1::authority_service_server::AuthorityService;

use super::acts::{self, actor};
use super::status::{Refusal, status};
use super::{Services, page_size};

/// The most points that the jurisdictions of one page have, but for a page of one authority.
const PAGE_POINTS: usize = 150_000;

#[derive(Clone)]
pub(super) struct AuthorityDoor(pub(super) Services);

#[tonic::async_trait]
impl AuthorityService for AuthorityDoor {
    async fn create_authority(
        &self,
        request: Request<v1::CreateAuthorityRequest>,
    ) -> Result<Response<v1::CreateAuthorityResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let v1::CreateAuthorityRequest { authority_id, authority: new, validate_only } = request.into_inner();
        let name = AuthorityName::new(&authority_id).map_err(|e| status(InvalidField::new("authority_id", e)))?;
        let new = new.ok_or_else(|| status(InvalidField::required("authority")))?;
        let door = self.clone();
        let create = async move {
            let admitted = door.change(move |door| {
                let terms = within_trust(authority::new_terms(new, &name, |area| door.resolve(area))?)?;
                Ok(door.0.access.create_authority(name, terms, validate_only)?)
            });
            let admitted = admitted.await?;
            if !validate_only {
                let act = Act::AuthorityCreated { terms: admitted.terms.described() };
                door.record("was admitted", &admitted, &actor, act, Vec::new()).await?;
            }
            Ok(v1::CreateAuthorityResponse { authority: Some(authority::to_wire(&admitted)) })
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn get_authority(
        &self,
        request: Request<v1::GetAuthorityRequest>,
    ) -> Result<Response<v1::GetAuthorityResponse>, Status> {
        let name = name(&request.into_inner().name, "name")?;
        let found = self.0.access.authority(&name).ok_or_else(|| status(AccessError::AuthorityNotFound))?;
        Ok(Response::new(v1::GetAuthorityResponse { authority: Some(authority::to_wire(&found)) }))
    }

    async fn list_authorities(
        &self,
        request: Request<v1::ListAuthoritiesRequest>,
    ) -> Result<Response<v1::ListAuthoritiesResponse>, Status> {
        let request = request.into_inner();
        let size = page_size(request.page_size).map_err(status)?;
        let first = match request.page_token.as_str() {
            "" => None,
            token => Some(name(token, "page_token")?),
        };
        let found = self.0.access.authorities(first.as_ref(), size + 1);
        let mut points = 0;
        let fits = |(position, admitted): &(usize, &AdmittedAuthority)| {
            points += admitted.terms.jurisdiction.points();
            *position < size && (*position == 0 || points <= PAGE_POINTS)
        };
        let page: Vec<_> = found.iter().enumerate().take_while(fits).map(|(_, it)| authority::to_wire(it)).collect();
        let next_page_token = found.get(page.len()).map(|next| next.name.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListAuthoritiesResponse { authorities: page, next_page_token }))
    }

    async fn update_authority(
        &self,
        request: Request<v1::UpdateAuthorityRequest>,
    ) -> Result<Response<v1::UpdateAuthorityResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let v1::UpdateAuthorityRequest { authority: new, update_mask, validate_only } = request.into_inner();
        let new = new.ok_or_else(|| status(InvalidField::required("authority")))?;
        let name = name(&new.name, "authority.name")?;
        let revision = authority::revision(&new.etag, "authority.etag").map_err(status)?;
        let paths = update_mask.unwrap_or_default().paths;
        let door = self.clone();
        let update = async move {
            let update = door.change(move |door| {
                let change = authority::change(new, &paths, |area| door.resolve(area))?;
                let change = |before: &_| within_trust(change(before)?);
                door.0.access.update_authority(&name, revision, change, validate_only)
            });
            let [before, after] = update.await?;
            let changes = after.terms.changes(&before.terms);
            if !validate_only && !changes.is_empty() {
                door.record("was changed", &after, &actor, Act::AuthorityUpdated { changes }, Vec::new()).await?;
            }
            Ok(v1::UpdateAuthorityResponse { authority: Some(authority::to_wire(&after)) })
        };
        self.0.to_the_end(update).await.map(Response::new)
    }

    async fn revoke_authority(
        &self,
        request: Request<v1::RevokeAuthorityRequest>,
    ) -> Result<Response<v1::RevokeAuthorityResponse>, Status> {
        let actor = actor(&request);
        let v1::RevokeAuthorityRequest { name: of, etag } = request.into_inner();
        let name = name(&of, "name")?;
        let revision = authority::revision(&etag, "etag").map_err(status)?;
        let door = self.clone();
        let revoke = async move {
            let revoked = door.change(move |door| Ok(door.0.access.revoke_authority(&name, revision)?));
            let (revoked, ended) = revoked.await?;
            let over = ended.iter().map(|credential| {
                let act = Act::CredentialRevoked { holder: Actor::from(&credential.principal) };
                acts::on(&actor, credential.id.to_string(), act)
            });
            let over = over.collect();
            let dropped = door.drop_held(&revoked, &actor).await;
            door.record("was revoked", &revoked, &actor, Act::AuthorityRevoked, over).await?;
            dropped?;
            Ok(v1::RevokeAuthorityResponse { authority: Some(authority::to_wire(&revoked)) })
        };
        self.0.to_the_end(revoke).await.map(Response::new)
    }
}

impl AuthorityDoor {
    /// Makes a change where blocking is allowed: it is on disk when this returns.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Status> {
        let door = self.clone();
        let changed = self.0.tasks.spawn_blocking("authority", move || change(&door)).await;
        let changed = changed.map_err(|_| Status::internal("the change failed"))?;
        changed.map_err(Status::from)
    }

    /// What of a revoked authority waits for a person is not sent any more, whoever approves it or nobody.
    async fn drop_held(&self, revoked: &AdmittedAuthority, actor: &Actor) -> Result<(), Status> {
        for held in self.0.desk.held().all() {
            if held.holding.authority != revoked.name.id() {
                continue;
            }
            match self.0.desk.reject(held.holding.id, actor.clone()).await {
                // Its time was over meanwhile.
                Ok(_) | Err(DeskError::NotHeld) => {}
                Err(error) => return Err(status(error)),
            }
        }
        Ok(())
    }

    /// Tells the operator, and the audit log.
    async fn record(
        &self,
        what: &str,
        admitted: &AdmittedAuthority,
        actor: &Actor,
        act: Act,
        more: Vec<AuditEntry>,
    ) -> Result<(), Status> {
        tracing::info!(authority = %admitted.name, "an authority {what}");
        let entries = [vec![acts::on(actor, admitted.name.to_string(), act)], more].concat();
        self.0.audit(&entries).await
    }

    /// The polygons of codes, as they are now, in their place. A code that is not known is refused: the ground would be
    /// less than the operator thinks.
    fn resolve(&self, area: Area) -> Result<Area, InvalidField> {
        let (atlas, now) = (self.0.atlas.load(), self.0.clock.now());
        with_regions(area, &atlas.gazetteer, now)
    }
}

fn with_regions(mut area: Area, gazetteer: &Gazetteer, now: Timestamp) -> Result<Area, InvalidField> {
    let mut left = Gazetteer::MOST_CODES;
    for (position, code) in std::mem::take(&mut area.geocodes).iter().enumerate() {
        let field = || format!("authority.jurisdiction.area.geocodes[{position}]");
        let found = gazetteer.find(code, now, left);
        if let Some(unknown) = found.unresolved.first() {
            return Err(InvalidField::new(field(), unknown));
        }
        left = left.saturating_sub(found.known.len());
        for known in found.known {
            if let RegionPlace::Polygons(polygons) = &known.region.place {
                area.polygons.extend(polygons.iter().cloned());
            }
        }
    }
    Ok(area)
}

fn name(name: &str, field: &str) -> Result<AuthorityName, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}

/// Terms whose rule of signatures can be used: its certificates are for signing, strong enough, and can be read.
fn within_trust(terms: AuthorityTerms) -> Result<AuthorityTerms, Refusal> {
    match terms.signature.as_ref().map(Trust::of) {
        Some(Err(fault)) => Err(InvalidField::new("authority.signature", fault.to_string()).into()),
        Some(Ok(_)) | None => Ok(terms),
    }
}
