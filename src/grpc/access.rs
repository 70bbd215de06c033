//! `AccessService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::{Access, AccessError, Token};
use crate::domain::{Act, Actor, Caller, Credential, CredentialId, Principal};
use crate::wire::convert::{InvalidField, access};
use crate::wire::v1;
use crate::wire::v1::access_service_server::AccessService;

use super::acts::{self, actor};
use super::auth::caller;
use super::status::{Refusal, status};
use super::{Services, page_size};

#[derive(Clone)]
pub(super) struct AccessDoor(pub(super) Services);

#[tonic::async_trait]
impl AccessService for AccessDoor {
    async fn create_credential(
        &self,
        request: Request<v1::CreateCredentialRequest>,
    ) -> Result<Response<v1::CreateCredentialResponse>, Status> {
        self.0.can_audit()?;
        let (actor, caller) = (actor(&request), caller(&request));
        let credential = request.into_inner().credential.ok_or_else(|| status(InvalidField::required("credential")))?;
        let new = access::new_credential(credential).map_err(status)?;
        if let Principal::Partner(partner) = &new.principal {
            self.0.registry.partner(partner).map_err(status)?;
        }
        let door = self.clone();
        let create = async move {
            let (made, token): (Credential, Option<Token>) =
                door.change(move |access| access.create(new, &caller)).await?;
            tell("was made", &made);
            let act = Act::CredentialCreated { holder: Actor::from(&made.principal), expires: made.expires };
            door.0.audit(&[acts::on(&actor, made.id.to_string(), act)]).await?;
            Ok((made, token))
        };
        let (made, token) = self.0.to_the_end(create).await?;
        let token = token.map(|token| token.reveal().into_inner()).unwrap_or_default();
        Ok(Response::new(v1::CreateCredentialResponse { credential: Some(access::credential_to_wire(made)), token }))
    }

    async fn get_credential(
        &self,
        request: Request<v1::GetCredentialRequest>,
    ) -> Result<Response<v1::GetCredentialResponse>, Status> {
        let id = id(&request.into_inner().name, "name")?;
        let found = self.0.access.get(id).ok_or_else(|| status(AccessError::NotFound))?;
        Ok(Response::new(v1::GetCredentialResponse { credential: Some(access::credential_to_wire(found)) }))
    }

    async fn list_credentials(
        &self,
        request: Request<v1::ListCredentialsRequest>,
    ) -> Result<Response<v1::ListCredentialsResponse>, Status> {
        let request = request.into_inner();
        let size = page_size(request.page_size).map_err(status)?;
        let first = match request.page_token.as_str() {
            "" => None,
            token => Some(id(token, "page_token")?),
        };
        let mut found = self.0.access.list(first, size + 1);
        let next_page_token = found.split_off(size.min(found.len())).first().map(|next| next.id.to_string());
        let credentials = found.into_iter().map(access::credential_to_wire).collect();
        let next_page_token = next_page_token.unwrap_or_default();
        Ok(Response::new(v1::ListCredentialsResponse { credentials, next_page_token }))
    }

    async fn revoke_credential(
        &self,
        request: Request<v1::RevokeCredentialRequest>,
    ) -> Result<Response<v1::RevokeCredentialResponse>, Status> {
        let actor = actor(&request);
        let id = id(&request.into_inner().name, "name")?;
        let door = self.clone();
        let revoke = async move {
            let revoked = door.change(move |access| access.revoke(id)).await?;
            tell("was revoked", &revoked);
            let act = Act::CredentialRevoked { holder: Actor::from(&revoked.principal) };
            door.0.audit(&[acts::on(&actor, id.to_string(), act)]).await?;
            Ok(revoked)
        };
        let revoked = self.0.to_the_end(revoke).await?;
        Ok(Response::new(v1::RevokeCredentialResponse { credential: Some(access::credential_to_wire(revoked)) }))
    }

    async fn rotate_identity_key(
        &self,
        request: Request<v1::RotateIdentityKeyRequest>,
    ) -> Result<Response<v1::RotateIdentityKeyResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let services = self.0.clone();
        let rotate = async move {
            services.registry.rotate_key().await.map_err(status)?;
            tracing::info!("identifiers are hashed with a new key");
            services.audit(&[acts::on(&actor, "", Act::IdentityKeyRotated)]).await?;
            Ok(v1::RotateIdentityKeyResponse {})
        };
        self.0.to_the_end(rotate).await.map(Response::new)
    }

    async fn who_am_i(&self, request: Request<v1::WhoAmIRequest>) -> Result<Response<v1::WhoAmIResponse>, Status> {
        let caller: Arc<Caller> = caller(&request);
        let credential = caller.credential().and_then(|id| self.0.access.get(id)).map(access::credential_to_wire);
        Ok(Response::new(v1::WhoAmIResponse { credential }))
    }
}

impl AccessDoor {
    /// Makes a change where blocking is allowed: it is on disk when this returns. A caller that leaves does not undo
    /// it.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, Status> {
        let access = self.0.access.clone();
        let changed = self.0.tasks.spawn_blocking("access", move || change(&access)).await;
        let changed = changed.map_err(|_| Status::internal("the change failed"))?;
        changed.map_err(|error| Refusal::from(error).into())
    }
}

fn id(name: &str, field: &str) -> Result<CredentialId, Status> {
    name.parse().map_err(|error| status(InvalidField::new(field, error)))
}

/// An id proves nothing, and an operator looks for it.
fn tell(what: &str, credential: &Credential) {
    let (id, principal) = (credential.id, credential.principal.kind());
    tracing::info!(credential = %id, principal, "a credential {what}");
}
