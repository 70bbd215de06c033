//! `DeviceService`.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::audit::{self, PlaceCounts};
use crate::domain::{Act, Actor, AppName, Footprint, NewRegistration, RegistrationName, Timestamp};
use crate::registry::{BATCH, Registered, RegistrationChange, RegistryError, Updated};
use crate::wire::convert::{InvalidField, mask, registration, terms};
use crate::wire::v1;
use crate::wire::v1::batch_create_registrations_response::{Result as Answer, result::Result as Outcome};
use crate::wire::v1::device_service_server::DeviceService;
use crate::wire::v1::report_places_response::Refusal as RefusedReport;

use super::acts::{self, actor};
use super::status::{Refusal, status};
use super::{Services, page_size};

#[derive(Clone)]
pub(super) struct DeviceDoor(pub(super) Services);

type Reports = Pin<Box<dyn Stream<Item = Result<v1::ReportPlacesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl DeviceService for DeviceDoor {
    type ReportPlacesStream = Reports;

    async fn create_registration(
        &self,
        request: Request<v1::CreateRegistrationRequest>,
    ) -> Result<Response<v1::CreateRegistrationResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let new = self.new_registration(None, request.into_inner()).map_err(status)?;
        let door = self.clone();
        let create = async move {
            let registered = door.0.registry.register(new).await.map_err(status)?;
            // Before its record is waited for: what is in force where the device is does not wait.
            door.0.arrived(vec![registered.registration.slot]).await;
            let answer = answer_of(&registered);
            door.0.audit(&acts::registered(&actor, &registered)).await?;
            Ok(answer)
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn batch_create_registrations(
        &self,
        request: Request<v1::BatchCreateRegistrationsRequest>,
    ) -> Result<Response<v1::BatchCreateRegistrationsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        at_most_a_batch(request.requests.len())?;
        let door = self.clone();
        let create = self.0.tasks.spawn_behind("batch", async move { door.register_batch(&actor, request).await });
        create.await.map_err(|_| Status::internal("the batch failed"))?.map(Response::new)
    }

    async fn get_registration(
        &self,
        request: Request<v1::GetRegistrationRequest>,
    ) -> Result<Response<v1::GetRegistrationResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let name = name(&request.into_inner().name)?;
        let found = self.0.registry.get(&name).map_err(status)?;
        let read = acts::about(&actor, &name.app, vec![found.subject], Act::RegistrationRead);
        self.0.audit(&[read]).await?;
        Ok(Response::new(v1::GetRegistrationResponse { registration: Some(registration::to_wire(&found)) }))
    }

    async fn update_registration(
        &self,
        request: Request<v1::UpdateRegistrationRequest>,
    ) -> Result<Response<v1::UpdateRegistrationResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let new = request.registration.ok_or_else(|| status(InvalidField::required("registration")))?;
        let name: RegistrationName =
            new.name.parse().map_err(|error| status(InvalidField::new("registration.name", error)))?;
        let change = change(new, &request.update_mask.unwrap_or_default().paths).map_err(status)?;
        let act = Act::RegistrationUpdated {
            traits: change.traits.is_some(),
            tokens: change.tokens.is_some(),
            drills: change.drills.is_some(),
            secret: false,
            preferences: change.preferences.is_some(),
            under_14: change.under_14.is_some(),
            place_precision: change.place_precision.is_some(),
        };
        let services = self.0.clone();
        let update = async move {
            let Updated { registration, ended } = services.registry.update(&name, change).await.map_err(status)?;
            services.arrived(vec![registration.slot]).await;
            let about = |act| acts::about(&actor, &name.app, vec![registration.subject], act);
            let ended = (!ended.is_empty()).then(|| about(Act::ConsentEnded { purposes: ended }));
            services.audit(&[about(act)].into_iter().chain(ended).collect::<Vec<_>>()).await?;
            Ok(v1::UpdateRegistrationResponse { registration: Some(registration::to_wire(&registration)) })
        };
        self.0.to_the_end(update).await.map(Response::new)
    }

    async fn delete_registration(
        &self,
        request: Request<v1::DeleteRegistrationRequest>,
    ) -> Result<Response<v1::DeleteRegistrationResponse>, Status> {
        let actor = actor(&request);
        let name = name(&request.into_inner().name)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let services = self.0.clone();
        let delete = async move {
            let slot = services.registry.delete(&name).await.map_err(status)?;
            services.hub.dismiss(slot);
            services.audit(&[acts::about(&actor, &name.app, vec![subject], Act::RegistrationDeleted)]).await?;
            Ok(v1::DeleteRegistrationResponse {})
        };
        self.0.to_the_end(delete).await.map(Response::new)
    }

    async fn list_registrations(
        &self,
        request: Request<v1::ListRegistrationsRequest>,
    ) -> Result<Response<v1::ListRegistrationsResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let app: AppName = request.parent.parse().map_err(|error| status(InvalidField::new("parent", error)))?;
        let size = page_size(request.page_size).map_err(status)?;
        let (registry, listed) = (self.0.registry.clone(), app.clone());
        let list = move || registry.list(&listed, size, &request.page_token);
        let page = self.0.tasks.spawn_blocking_behind("list", list).await;
        let (found, next) = page.map_err(|_| Status::internal("the listing failed"))?.map_err(status)?;
        let subjects = found.iter().map(|registration| registration.subject).collect();
        self.0.audit(&[acts::about(&actor, &app, subjects, Act::RegistrationRead)]).await?;
        let registrations = found.iter().map(registration::to_wire).collect();
        let next_page_token = next.unwrap_or_default();
        Ok(Response::new(v1::ListRegistrationsResponse { registrations, next_page_token }))
    }

    async fn report_place(
        &self,
        request: Request<v1::ReportPlaceRequest>,
    ) -> Result<Response<v1::ReportPlaceResponse>, Status> {
        let actor = actor(&request);
        let (name, place) = report(&request.into_inner(), self.now()).map_err(status)?;
        let asked = PlaceCounts { reported: 1, forgotten: u64::from(place.is_none()), refused: 0 };
        self.0.audit.places_reported(&actor, &name.app, asked);
        let done = self.0.registry.report_place(&name, place).await;
        if done.is_err() {
            self.0.audit.places_reported(&actor, &name.app, PlaceCounts { refused: 1, ..PlaceCounts::default() });
        }
        self.0.arrived(vec![done.map_err(status)?]).await;
        Ok(Response::new(v1::ReportPlaceResponse {}))
    }

    async fn report_places(
        &self,
        request: Request<Streaming<v1::ReportPlacesRequest>>,
    ) -> Result<Response<Self::ReportPlacesStream>, Status> {
        let caller = (self.clone(), actor(&request));
        let answers = request.into_inner().then(move |batch| {
            let (door, actor) = caller.clone();
            async move { door.report_batch(batch?.requests, &actor).await }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn grant_consent(
        &self,
        request: Request<v1::GrantConsentRequest>,
    ) -> Result<Response<v1::GrantConsentResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let request = request.into_inner();
        let name = name(&request.name)?;
        let consent = request.consent.ok_or_else(|| status(InvalidField::required("consent")))?;
        let consent = registration::consent(&consent, "consent", self.now()).map_err(status)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let act = Act::ConsentGranted(audit::terms(&consent));
        let services = self.0.clone();
        let grant = async move {
            let granted = services.registry.grant(&name, consent).await;
            let slot = granted.map_err(|error| Status::from(Refusal::from(error).of_one_consent()))?;
            services.arrived(vec![slot]).await;
            services.audit(&[acts::about(&actor, &name.app, vec![subject], act)]).await?;
            Ok(v1::GrantConsentResponse {})
        };
        self.0.to_the_end(grant).await.map(Response::new)
    }

    async fn set_saved_place(
        &self,
        request: Request<v1::SetSavedPlaceRequest>,
    ) -> Result<Response<v1::SetSavedPlaceResponse>, Status> {
        self.set_saved(actor(&request), request.into_inner()).await.map(Response::new)
    }

    async fn delete_saved_place(
        &self,
        request: Request<v1::DeleteSavedPlaceRequest>,
    ) -> Result<Response<v1::DeleteSavedPlaceResponse>, Status> {
        self.delete_saved(actor(&request), request.into_inner()).await.map(Response::new)
    }

    async fn list_saved_places(
        &self,
        request: Request<v1::ListSavedPlacesRequest>,
    ) -> Result<Response<v1::ListSavedPlacesResponse>, Status> {
        self.list_saved(actor(&request), request.into_inner()).await.map(Response::new)
    }

    async fn withdraw_consent(
        &self,
        request: Request<v1::WithdrawConsentRequest>,
    ) -> Result<Response<v1::WithdrawConsentResponse>, Status> {
        let actor = actor(&request);
        let request = request.into_inner();
        let name = name(&request.name)?;
        let purpose = terms::purpose::required(request.purpose, "purpose").map_err(status)?;
        let subject = self.0.registry.subject(&name).map_err(status)?;
        let services = self.0.clone();
        let withdraw = async move {
            services.registry.withdraw(&name, purpose).await.map_err(status)?;
            let act = Act::ConsentWithdrawn { purpose };
            services.audit(&[acts::about(&actor, &name.app, vec![subject], act)]).await?;
            Ok(v1::WithdrawConsentResponse {})
        };
        self.0.to_the_end(withdraw).await.map(Response::new)
    }
}

impl DeviceDoor {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn new_registration(
        &self,
        batch: Option<&AppName>,
        request: v1::CreateRegistrationRequest,
    ) -> Result<NewRegistration, InvalidField> {
        let app = match batch {
            Some(app) if request.parent.is_empty() || request.parent == app.to_string() => app.clone(),
            Some(_) => return Err(InvalidField::new("parent", "is not the batch's")),
            None => request.parent.parse().map_err(|error| InvalidField::new("parent", error))?,
        };
        registration::new_registration(app, request, self.now())
    }

    async fn register_batch(
        &self,
        actor: &Actor,
        request: v1::BatchCreateRegistrationsRequest,
    ) -> Result<v1::BatchCreateRegistrationsResponse, Status> {
        let app: AppName = request.parent.parse().map_err(|error| status(InvalidField::new("parent", error)))?;
        let read = request.requests.into_iter().map(|new| self.new_registration(Some(&app), new)).collect();
        let (new, gates) = sort_out(read);
        let done = self.0.registry.batch_register(new).await.map_err(status)?;
        let good = done.iter().filter_map(|registered| registered.as_ref().ok());
        let (slots, entries): (Vec<_>, Vec<_>) =
            good.map(|registered| (registered.registration.slot, acts::registered(actor, registered))).unzip();
        self.0.arrived(slots).await;
        let entries: Vec<_> = entries.into_iter().flatten().collect();
        let answer = |registered: Result<Registered, Refusal>| {
            let result = match registered {
                Ok(registered) => Outcome::Registered(answer_of(&registered)),
                Err(refusal) => Outcome::Refused(refusal.into_problem()),
            };
            Answer { result: Some(result) }
        };
        let results = in_order(gates, done).map(answer).collect();
        self.0.audit(&entries).await?;
        Ok(v1::BatchCreateRegistrationsResponse { results })
    }

    async fn report_batch(
        &self,
        requests: Vec<v1::ReportPlaceRequest>,
        actor: &Actor,
    ) -> Result<v1::ReportPlacesResponse, Status> {
        at_most_a_batch(requests.len())?;
        let now = self.now();
        let (reports, gates) = sort_out(requests.iter().map(|request| report(request, now)).collect());
        let (apps, places) = by_app(&reports);
        for (app, counts) in &apps {
            self.0.audit.places_reported(actor, app, *counts);
        }
        let done = self.0.registry.report_places(reports).await.map_err(status)?;
        for (app, _) in places.iter().zip(&done).filter(|(_, done)| done.is_err()) {
            self.0.audit.places_reported(actor, &apps[*app].0, PlaceCounts { refused: 1, ..PlaceCounts::default() });
        }
        self.0.arrived(done.iter().filter_map(|done| done.as_ref().ok().copied()).collect()).await;
        let mut response = v1::ReportPlacesResponse::default();
        for (index, done) in in_order(gates, done).enumerate() {
            match done {
                Ok(_) => response.accepted_count += 1,
                Err(refusal) => {
                    let refused = RefusedReport { index: index as u32, problem: Some(refusal.into_problem()) };
                    response.refusals.push(refused);
                }
            }
        }
        Ok(response)
    }
}

/// What whoever is registered is told.
fn answer_of(registered: &Registered) -> v1::CreateRegistrationResponse {
    v1::CreateRegistrationResponse {
        registration: Some(registration::to_wire(&registered.registration)),
        link_secret: registered.link_secret.0.expose().to_vec().into(),
        created: registered.created,
    }
}

/// What was read well, and for each of all whether it was.
fn sort_out<T>(read: Vec<Result<T, InvalidField>>) -> (Vec<T>, Vec<Result<(), Refusal>>) {
    let mut good = Vec::with_capacity(read.len());
    let mut gate = |one: Result<T, InvalidField>| {
        good.push(one?);
        Ok(())
    };
    let gates = read.into_iter().map(&mut gate).collect();
    (good, gates)
}

/// What became of each of all, where `done` is what became of those that were read well.
fn in_order<T>(
    gates: Vec<Result<(), Refusal>>,
    done: Vec<Result<T, RegistryError>>,
) -> impl Iterator<Item = Result<T, Refusal>> {
    let mut done = done.into_iter();
    gates.into_iter().map(move |gate| {
        gate?;
        Ok(done.next().unwrap_or(Err(RegistryError::Stopped))?)
    })
}

fn at_most_a_batch(count: usize) -> Result<(), Status> {
    if count > BATCH { Err(status(InvalidField::new("requests", format!("are more than {BATCH}")))) } else { Ok(()) }
}

type Report = (RegistrationName, Option<(Footprint, Timestamp)>);

fn report(request: &v1::ReportPlaceRequest, now: Timestamp) -> Result<Report, InvalidField> {
    let name = request.name.parse().map_err(|error| InvalidField::new("name", error))?;
    let place = request.place.map(|place| registration::place(place, "place", now)).transpose()?;
    Ok((name, place))
}

/// How many reports there are of each app, and which app each is of. Most batches are of one.
fn by_app(reports: &[Report]) -> (Vec<(AppName, PlaceCounts)>, Vec<usize>) {
    let mut apps: Vec<(AppName, PlaceCounts)> = Vec::new();
    let mut of = |(name, place): &Report| {
        let app = apps.iter().position(|(app, _)| *app == name.app).unwrap_or_else(|| {
            apps.push((name.app.clone(), PlaceCounts::default()));
            apps.len() - 1
        });
        let counts = &mut apps[app].1;
        counts.reported += 1;
        counts.forgotten += u64::from(place.is_none());
        app
    };
    let places = reports.iter().map(&mut of).collect();
    (apps, places)
}

/// What is to be changed.
fn change(new: v1::Registration, paths: &[String]) -> Result<RegistrationChange, InvalidField> {
    let asked = mask(paths, &["traits", "tokens", "drills", "preferences", "under_14", "place_precision"])?;
    let (traits, tokens) = (asked("traits", new.traits.is_some()), asked("tokens", !new.tokens.is_empty()));
    let precision = asked("place_precision", new.place_precision != 0);
    let wanted = || registration::preferences(new.preferences.as_ref(), "registration.preferences");
    let preferences = asked("preferences", new.preferences.is_some()).then(wanted).transpose()?;
    Ok(RegistrationChange {
        traits: traits.then(|| registration::traits(new.traits, "registration.traits")).transpose()?,
        tokens: tokens.then(|| registration::tokens(new.tokens, "registration.tokens")).transpose()?,
        drills: asked("drills", new.drills).then_some(new.drills),
        preferences,
        under_14: asked("under_14", new.under_14).then_some(new.under_14),
        place_precision: precision
            .then(|| registration::place_precision(new.place_precision, "registration.place_precision"))
            .transpose()?,
    })
}

pub(super) fn name(name: &str) -> Result<RegistrationName, Status> {
    name.parse().map_err(|error| status(InvalidField::new("name", error)))
}
