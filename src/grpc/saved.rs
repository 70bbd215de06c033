//! `DeviceService`: the places that people follow.

use tonic::Status;

use crate::domain::{Act, Actor};
use crate::wire::convert::{InvalidField, registration};
use crate::wire::v1;

use super::acts;
use super::device::{DeviceDoor, name};
use super::status::status;

impl DeviceDoor {
    pub(super) async fn set_saved(
        &self,
        actor: Actor,
        request: v1::SetSavedPlaceRequest,
    ) -> Result<v1::SetSavedPlaceResponse, Status> {
        self.0.can_audit()?;
        let name = name(&request.name)?;
        let saved = request.saved_place.ok_or_else(|| status(InvalidField::required("saved_place")))?;
        let saved = registration::saved_place(&saved, "saved_place").map_err(status)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let services = self.0.clone();
        let set = async move {
            let (slot, held) = services.registry.set_saved_place(&name, saved).await.map_err(status)?;
            services.arrived(vec![slot]).await;
            services.audit(&[acts::about(&actor, &name.app, vec![subject], Act::SavedPlaceSet)]).await?;
            Ok(v1::SetSavedPlaceResponse { saved_place: Some(registration::saved_place_to_wire(&held)) })
        };
        self.0.to_the_end(set).await
    }

    pub(super) async fn delete_saved(
        &self,
        actor: Actor,
        request: v1::DeleteSavedPlaceRequest,
    ) -> Result<v1::DeleteSavedPlaceResponse, Status> {
        let name = name(&request.name)?;
        let id = registration::saved_place_id(&request.saved_place_id, "saved_place_id").map_err(status)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let services = self.0.clone();
        let delete = async move {
            services.registry.delete_saved_place(&name, id).await.map_err(status)?;
            services.audit(&[acts::about(&actor, &name.app, vec![subject], Act::SavedPlaceDeleted)]).await?;
            Ok(v1::DeleteSavedPlaceResponse {})
        };
        self.0.to_the_end(delete).await
    }

    pub(super) async fn list_saved(
        &self,
        actor: Actor,
        request: v1::ListSavedPlacesRequest,
    ) -> Result<v1::ListSavedPlacesResponse, Status> {
        self.0.can_audit()?;
        let name = name(&request.name)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let found = self.0.registry.saved_places(&name).map_err(status)?;
        self.0.audit(&[acts::about(&actor, &name.app, vec![subject], Act::SavedPlacesRead)]).await?;
        let saved_places = found.iter().map(registration::saved_place_to_wire).collect();
        Ok(v1::ListSavedPlacesResponse { saved_places })
    }
}
