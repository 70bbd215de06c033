//! What is wrong with a request is said: each fault by its own words, with the field that is wrong and a reason for
//! programs; and nothing of a request that is refused is done.

use std::collections::BTreeSet;

use hazardcast::wire::v1;
use prost_types::{FieldMask, Timestamp};
use tempfile::TempDir;
use tonic::{Response, Status};

use crate::support::alert::structured;
use crate::support::api::{ALPHA, Api, BETA, Refused, consent, create, identifier, phone, phone_at, place, token};
use crate::support::server::Server;

async fn open() -> (TempDir, Server, Api) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    (folder, server, api)
}

/// Refusals, each of which must be of the code, reason and field that are expected, and in words of its own.
#[derive(Default)]
struct Refusals(BTreeSet<Refused>);

impl Refusals {
    fn expect<T>(&mut self, code: &str, reason: &str, field: &str, answer: Result<Response<T>, Status>) {
        let Err(status) = answer else { panic!("{reason} {field:?}: not refused") };
        let refused = Refused::from(status);
        let found = (refused.code.as_str(), refused.reason.as_str(), refused.field.as_str());
        assert_eq!(found, (code, reason, field), "{refused:?}");
        assert!(refused.field.is_empty() || refused.message.contains(field), "{refused:?}");
        assert!(refused.message.len() > 8 && refused.message.len() < 200, "{refused:?}");
        assert!(self.0.insert(refused.clone()), "in the same words as another: {refused:?}");
    }

    fn invalid<T>(&mut self, field: &str, answer: Result<Response<T>, Status>) {
        self.expect("InvalidArgument", "INVALID_FIELD", field, answer);
    }
}

/// A registration with one thing changed.
fn with(change: impl FnOnce(&mut v1::Registration)) -> v1::Registration {
    let mut registration = phone_at([1.0, 2.0]);
    change(&mut registration);
    registration
}

fn with_traits(change: impl FnOnce(&mut v1::DeviceTraits)) -> v1::Registration {
    with(|registration| change(registration.traits.as_mut().expect("it has")))
}

fn with_consent(change: impl FnOnce(&mut v1::Consent)) -> v1::Registration {
    with(|registration| change(&mut registration.consents[1]))
}

fn with_tokens(tokens: Vec<v1::ChannelToken>) -> v1::Registration {
    with(|registration| registration.tokens = tokens)
}

fn with_box(south_west: Option<[f64; 2]>, north_east: Option<[f64; 2]>) -> v1::Registration {
    let corner = |at: Option<[f64; 2]>| at.map(|[longitude, latitude]| v1::Position { longitude, latitude });
    let corners = v1::PositionBox { south_west: corner(south_west), north_east: corner(north_east) };
    let footprint = Some(v1::place::Footprint::Box(corners));
    with(|registration| registration.place = Some(v1::Place { footprint, report_time: None }))
}

/// Registrations of which one field cannot be used.
fn bad_registrations() -> Vec<(&'static str, v1::Registration)> {
    use v1::Channel::{Fcm, Link};
    let far = Some(Timestamp { seconds: 4_000_000_000, nanos: 0 });
    let at = |lon_lat| with(|registration| registration.place = Some(place(lon_lat)));
    vec![
        ("registration.traits", with(|registration| registration.traits = None)),
        ("registration.traits.platform", with_traits(|traits| traits.platform = 0)),
        ("registration.traits.platform", with_traits(|traits| traits.platform = 99)),
        ("registration.traits.brand", with_traits(|traits| traits.brand = "b".repeat(65))),
        ("registration.traits.brand", with_traits(|traits| traits.brand = "a\nb".into())),
        ("registration.traits.model", with_traits(|traits| traits.model = "m".repeat(65))),
        ("registration.traits.os_version", with_traits(|traits| traits.os_version = "9".repeat(33))),
        ("registration.traits.app_version", with_traits(|traits| traits.app_version = "9".repeat(33))),
        ("registration.traits.time_zone", with_traits(|traits| traits.time_zone = "Z".repeat(65))),
        ("registration.traits.languages", with_traits(|traits| traits.languages = vec!["en".to_owned(); 9])),
        ("registration.traits.languages[1]", with_traits(|traits| traits.languages.push("not a tag".to_owned()))),
        ("registration.tokens[0].channel", with_tokens(vec![token(v1::Channel::Unspecified, "a")])),
        ("registration.tokens[0].channel", with_tokens(vec![v1::ChannelToken { channel: 77, value: "a".to_owned() }])),
        ("registration.tokens[0].channel", with_tokens(vec![token(Link, "a")])),
        ("registration.tokens[1].channel", with_tokens(vec![token(Fcm, "a"), token(Fcm, "b")])),
        ("registration.tokens[0].value", with_tokens(vec![token(Fcm, "")])),
        ("registration.tokens[0].value", with_tokens(vec![token(Fcm, &"a".repeat(4_097))])),
        ("registration.tokens[0].value", with_tokens(vec![token(Fcm, "a\0b")])),
        ("registration.consents[1].purpose", with_consent(|consent| consent.purpose = 0)),
        ("registration.consents[1].purpose", with_consent(|consent| consent.purpose = -3)),
        ("registration.consents[1].purpose", with_consent(|consent| consent.purpose = 1)),
        ("registration.consents[1].policy_version", with_consent(|consent| consent.policy_version = 65_536)),
        ("registration.consents[1].grant_time", with_consent(|consent| consent.grant_time = far)),
        (
            "registration.consents[1].expire_time",
            with_consent(|consent| consent.expire_time = Some(Timestamp::default())),
        ),
        (
            "registration.consents[1].expire_time",
            with_consent(|consent| consent.expire_time = Some(Timestamp { seconds: 0, nanos: -1 })),
        ),
        (
            "registration.consents[1].expire_time",
            with_consent(|consent| consent.expire_time = Some(Timestamp { seconds: i64::MAX, nanos: 0 })),
        ),
        ("registration.consents[1].origin", with_consent(|consent| consent.origin = String::new())),
        ("registration.consents[1].origin", with_consent(|consent| consent.origin = "o".repeat(201))),
        ("registration.place", with(|registration| registration.place = Some(v1::Place::default()))),
        ("registration.place.point", at([1.0, 91.0])),
        ("registration.place.point", at([-180.5, 1.0])),
        ("registration.place.point", at([f64::NAN, 1.0])),
        ("registration.place.box.south_west", with_box(None, Some([1.0, 1.0]))),
        ("registration.place.box.north_east", with_box(Some([1.0, 1.0]), Some([2.0, f64::INFINITY]))),
        ("registration.place.box", with_box(Some([2.0, 1.0]), Some([1.0, 2.0]))),
        ("registration.place.box", with_box(Some([-180.0, 1.0]), Some([180.0, 2.0]))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_registration_is_named() {
    let (_folder, _server, api) = open().await;
    let mut refusals = Refusals::default();
    let mut devices = api.devices();
    for (field, registration) in bad_registrations() {
        refusals.invalid(field, devices.create_registration(create(ALPHA, registration)).await);
    }
    let mut offers = async |field: &str, identifiers: Vec<v1::DeviceIdentifier>| {
        let request = v1::CreateRegistrationRequest { identifiers, ..create(ALPHA, phone()) };
        refusals.invalid(field, devices.create_registration(request).await);
    };
    let offer = |kind: i32, value: &str| v1::DeviceIdentifier { kind, value: value.to_owned() };
    offers("identifiers", vec![offer(1, "a"); 17]).await;
    offers("identifiers[0].kind", vec![offer(0, "a")]).await;
    offers("identifiers[1].kind", vec![offer(1, "a"), offer(55, "a")]).await;
    offers("identifiers[0].value", vec![identifier(v1::device_identifier::Kind::Imei, &"1".repeat(129))]).await;
    let request = v1::CreateRegistrationRequest { request_id: "r".repeat(65), ..create(ALPHA, phone()) };
    refusals.invalid("request_id", devices.create_registration(request).await);
    let request = v1::CreateRegistrationRequest { registration: None, ..create(ALPHA, phone()) };
    refusals.invalid("registration", devices.create_registration(request).await);
    let consents = vec![consent(v1::ConsentPurpose::EmergencyPush)];
    let registration = v1::Registration { consents, ..phone_at([1.0, 2.0]) };
    let answer = devices.create_registration(create(ALPHA, registration)).await;
    refusals.expect("FailedPrecondition", "NO_LOCATION_CONSENT", "", answer);

    let list = v1::ListRegistrationsRequest { parent: ALPHA.to_owned(), ..v1::ListRegistrationsRequest::default() };
    let listed = devices.list_registrations(list).await.expect("it is listed").into_inner();
    assert!(listed.registrations.is_empty(), "nothing of what was refused is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_malformed_unknown_or_another_s_are_told_apart() {
    let (_folder, _server, api) = open().await;
    let mut refusals = Refusals::default();
    let mut devices = api.devices();
    let other = v1::CreatePartnerRequest { partner_id: "acme".to_owned(), partner: None };
    api.partners().create_partner(other).await.expect("it is made");
    let name = api.create(create(ALPHA, phone())).await.registration.expect("it is told").name;
    let cid = name.rsplit('/').next().expect("it has a last part");

    for parent in ["", "partners/dev", "partners/Dev/apps/alpha", "partners/dev/apps/", "partners/dev/apps/alpha/x"] {
        let answer = devices.create_registration(create(parent, phone())).await;
        let refused = Refused::from(answer.expect_err("it is malformed"));
        assert_eq!((refused.reason.as_str(), refused.field.as_str()), ("INVALID_FIELD", "parent"), "{parent}");
    }
    let answer = devices.create_registration(create("partners/nobody/apps/alpha", phone())).await;
    refusals.expect("NotFound", "PARTNER_NOT_FOUND", "", answer);
    let answer = devices.create_registration(create("partners/acme/apps/alpha", phone())).await;
    refusals.expect("NotFound", "APP_NOT_FOUND", "", answer);

    // Another partner's or app's name with the same last part gives nothing, and says nothing of whose it is.
    let mut answers = BTreeSet::new();
    let strangers = [
        format!("{BETA}/registrations/{cid}"),
        format!("partners/acme/apps/alpha/registrations/{cid}"),
        format!("{ALPHA}/registrations/{}", "0".repeat(26)),
    ];
    for name in strangers {
        let get = api.try_get(&name).await.map(|_| ());
        let report = v1::ReportPlaceRequest { name: name.clone(), place: Some(place([1.0, 2.0])) };
        let report = devices.report_place(report).await.map(|_| ());
        let withdraw = v1::WithdrawConsentRequest { name: name.clone(), purpose: 1 };
        let withdraw = devices.withdraw_consent(withdraw).await.map(|_| ());
        let grant = Some(consent(v1::ConsentPurpose::Location));
        let grant =
            devices.grant_consent(v1::GrantConsentRequest { name: name.clone(), consent: grant }).await.map(|_| ());
        let registration = Some(v1::Registration { name: name.clone(), ..phone() });
        let update = v1::UpdateRegistrationRequest { registration, update_mask: None };
        let update = devices.update_registration(update).await.map(|_| ());
        let delete = devices.delete_registration(v1::DeleteRegistrationRequest { name }).await.map(|_| ());
        let all = [get, report, withdraw, grant, update, delete];
        answers.extend(all.map(|answer| Refused::from(answer.expect_err("it is not theirs"))));
    }
    let [only] = answers.iter().collect::<Vec<_>>()[..] else { panic!("told apart: {answers:?}") };
    assert_eq!((only.code.as_str(), only.reason.as_str()), ("NotFound", "REGISTRATION_NOT_FOUND"));
    for name in
        ["", "registrations/x", ALPHA, &format!("{ALPHA}/registrations/{}", "z".repeat(26)), &name[..name.len() - 1]]
    {
        let refused = Refused::from(api.try_get(name).await.expect_err("it is malformed"));
        assert_eq!((refused.code.as_str(), refused.field.as_str()), ("InvalidArgument", "name"), "{name}");
        assert!(!refused.message.contains(cid), "a name is not repeated");
    }
    assert!(api.try_get(&name).await.is_ok(), "it is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_listed_or_reported_is_named() {
    let (_folder, _server, api) = open().await;
    let mut refusals = Refusals::default();
    let mut devices = api.devices();
    let name = api.create(create(ALPHA, phone())).await.registration.expect("it is told").name;
    let update = |registration: v1::Registration, paths: &[&str]| v1::UpdateRegistrationRequest {
        registration: Some(v1::Registration { name: name.clone(), ..registration }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
    };
    for path in ["consents", "name", "traits.brand", ""] {
        refusals.invalid("update_mask", devices.update_registration(update(phone(), &["drills", path])).await);
    }
    let bare = v1::Registration::default();
    refusals.invalid("registration.traits", devices.update_registration(update(bare, &["traits"])).await);
    let bad = with_tokens(vec![token(v1::Channel::Link, "a")]);
    refusals.invalid("registration.tokens[0].channel", devices.update_registration(update(bad, &[])).await);
    let without = v1::UpdateRegistrationRequest::default();
    refusals.invalid("registration", devices.update_registration(without).await);
    let unnamed = v1::UpdateRegistrationRequest { registration: Some(phone()), update_mask: None };
    refusals.invalid("registration.name", devices.update_registration(unnamed).await);

    let list = |page_size, page_token: &str| v1::ListRegistrationsRequest {
        parent: ALPHA.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    refusals.invalid("page_size", devices.list_registrations(list(-1, "")).await);
    refusals.invalid("page_token", devices.list_registrations(list(1, &"0".repeat(32))).await);
    let partners = v1::ListPartnersRequest { page_size: 1, page_token: "x".to_owned() };
    refusals.invalid("page_token", api.partners().list_partners(partners).await);

    let report = |place| v1::ReportPlaceRequest { name: name.clone(), place: Some(place) };
    let south = v1::Place { report_time: Some(Timestamp { seconds: 0, nanos: 1_000_000_000 }), ..place([1.0, 1.0]) };
    refusals.invalid("place.report_time", devices.report_place(report(south)).await);
    refusals.invalid("place.point", devices.report_place(report(place([1.0, -90.001]))).await);
    refusals.expect(
        "FailedPrecondition",
        "NO_LOCATION_CONSENT",
        "",
        devices.report_place(report(place([1.0, 1.0]))).await,
    );
    let grant = v1::GrantConsentRequest { name: name.clone(), consent: None };
    refusals.invalid("consent", devices.grant_consent(grant).await);
    let withdraw = |purpose| v1::WithdrawConsentRequest { name: name.clone(), purpose };
    refusals.invalid("purpose", devices.withdraw_consent(withdraw(0)).await);
    refusals.invalid("purpose", devices.withdraw_consent(withdraw(40)).await);

    let many =
        v1::BatchCreateRegistrationsRequest { parent: ALPHA.to_owned(), requests: vec![create("", phone()); 1_001] };
    refusals.invalid("requests", devices.batch_create_registrations(many).await);
    let many = v1::ReportPlacesRequest { requests: vec![v1::ReportPlaceRequest::default(); 1_001] };
    let mut answers = devices.report_places(tokio_stream::once(many)).await.expect("it is open").into_inner();
    let refused = Refused::from(answers.message().await.expect_err("it is too large"));
    assert_eq!((refused.reason.as_str(), refused.field.as_str()), ("INVALID_FIELD", "requests"));
    let huge = with_traits(|traits| traits.brand = "b".repeat(5 << 20));
    let answer = devices.create_registration(create(ALPHA, huge)).await;
    assert_eq!(answer.expect_err("it is too large").code(), tonic::Code::OutOfRange);
    assert_eq!(api.get(&name).await.traits, phone().traits, "nothing of it was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_partner_or_an_app_is_named() {
    let (_folder, _server, api) = open().await;
    let mut refusals = Refusals::default();
    let mut partners = api.partners();
    let partner = |id: &str, display_name: String| v1::CreatePartnerRequest {
        partner_id: id.to_owned(),
        partner: Some(v1::Partner { display_name, ..v1::Partner::default() }),
    };
    let app =
        |parent: &str, id: &str| v1::CreateAppRequest { parent: parent.to_owned(), app_id: id.to_owned(), app: None };
    refusals.invalid("partner_id", partners.create_partner(partner("Acme", String::new())).await);
    refusals.invalid("partner.display_name", partners.create_partner(partner("acme", "n".repeat(129))).await);
    refusals.expect(
        "AlreadyExists",
        "ALREADY_EXISTS",
        "",
        partners.create_partner(partner("dev", String::new())).await,
    );
    refusals.invalid("parent", partners.create_app(app("dev", "news")).await);
    refusals.invalid("app_id", partners.create_app(app("partners/dev", &"a".repeat(64))).await);
    let app_name = Some(v1::App { display_name: "\u{7}".to_owned(), ..v1::App::default() });
    let request = v1::CreateAppRequest { app: app_name, ..app("partners/dev", "news") };
    refusals.invalid("app.display_name", partners.create_app(request).await);
    refusals.expect("NotFound", "PARTNER_NOT_FOUND", "", partners.create_app(app("partners/nobody", "news")).await);
    let get = v1::GetAppRequest { name: "partners/dev/apps/news".to_owned() };
    refusals.expect("NotFound", "APP_NOT_FOUND", "", partners.get_app(get).await);
    let other = v1::ListAppsRequest {
        parent: "partners/dev".to_owned(),
        page_token: "partners/acme/apps/alpha".to_owned(),
        page_size: 0,
    };
    refusals.invalid("page_token", partners.list_apps(other).await);
}

/// A structured alert with one thing changed.
fn alert_with(change: impl FnOnce(&mut v1::StructuredAlert)) -> v1::StructuredAlert {
    let mut alert = structured("a", [1.0, 2.0]);
    change(&mut alert);
    alert
}

fn alert_with_area(change: impl FnOnce(&mut v1::Area)) -> v1::StructuredAlert {
    alert_with(|alert| change(&mut alert.infos[0].areas[0]))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_structured_alert_is_named() {
    let (_folder, _server, api) = open().await;
    let mut refusals = Refusals::default();
    let mut alerts = api.alerts();
    let update = v1::structured_alert::MessageType::Update;
    let bad = [
        ("structured.identifier", alert_with(|alert| alert.identifier.clear())),
        ("structured.sender", alert_with(|alert| alert.sender = "a,b".into())),
        ("structured.send_time", alert_with(|alert| alert.send_time = None)),
        ("structured.mode", alert_with(|alert| alert.mode = 0)),
        ("structured.mode", alert_with(|alert| alert.mode = 9)),
        ("structured.message_type", alert_with(|alert| alert.message_type = 0)),
        ("structured.message_type", alert_with(|alert| alert.message_type = 9)),
        ("structured.references", alert_with(|alert| alert.message_type = update.into())),
        ("structured.infos", alert_with(|alert| alert.infos.clear())),
        ("structured.infos", alert_with(|alert| alert.infos = vec![alert.infos[0].clone(); 65])),
        ("structured.infos[0].event", alert_with(|alert| alert.infos[0].event.clear())),
        ("structured.infos[0].urgency", alert_with(|alert| alert.infos[0].urgency = 0)),
        ("structured.infos[0].severity", alert_with(|alert| alert.infos[0].severity = 6)),
        ("structured.infos[0].certainty", alert_with(|alert| alert.infos[0].certainty = -1)),
        ("structured.infos[0].language", alert_with(|alert| alert.infos[0].language = "!".into())),
        ("structured.infos[0].categories[0]", alert_with(|alert| alert.infos[0].categories[0] = "geo".into())),
        ("structured.infos[0].headline", alert_with(|alert| alert.infos[0].headline = "h".repeat(40_000))),
        ("structured.infos[0].areas[0].description", alert_with_area(|area| area.description = "d".repeat(40_000))),
        ("structured.infos", alert_with_area(|area| area.polygons = vec![v1::Polygon::default(); 20_000])),
        (
            "structured.infos",
            alert_with_area(|area| {
                area.polygons[0].outer = Some(v1::Ring { coordinates: vec![0.5; 400_002] });
            }),
        ),
    ];
    for (field, alert) in bad {
        let alert = Some(v1::submit_alert_request::Alert::Structured(alert));
        refusals.invalid(field, alerts.submit_alert(v1::SubmitAlertRequest { alert, typed: false }).await);
    }
    refusals.invalid("alert", alerts.submit_alert(v1::SubmitAlertRequest { alert: None, typed: false }).await);
    let get = v1::GetAlertRequest { name: "alerts/ffff".to_owned() };
    refusals.expect("NotFound", "ALERT_NOT_FOUND", "", alerts.get_alert(get).await);
    let listed = alerts.list_alerts(v1::ListAlertsRequest::default()).await.expect("it is listed").into_inner();
    assert!(listed.alerts.is_empty(), "none was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn ground_that_cannot_be_used_is_named_and_the_rest_of_an_alert_stands() {
    let (_folder, _server, api) = open().await;
    let ring = |coordinates: &[f64]| Some(v1::Ring { coordinates: coordinates.to_vec() });
    let good = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let alert = alert_with_area(|area| {
        let polygon = |outer| v1::Polygon { outer, holes: Vec::new() };
        area.polygons.push(polygon(ring(&[0.0, 0.0, 1.0, 91.0, 1.0, 1.0])));
        area.polygons.push(polygon(ring(&[0.0, 0.0, f64::NAN, 0.0, 1.0, 1.0])));
        area.polygons.push(polygon(ring(&good[..5])));
        area.polygons.push(polygon(None));
        area.polygons.push(v1::Polygon { outer: ring(&good), holes: vec![v1::Ring::default()] });
        area.circles.push(v1::Circle { center: None, radius_km: 1.0 });
        area.circles.push(v1::Circle { center: Some(v1::Position { longitude: 0.0, latitude: 0.0 }), radius_km: 0.0 });
    });
    let alert = Some(v1::submit_alert_request::Alert::Structured(alert));
    let answer = api
        .alerts()
        .submit_alert(v1::SubmitAlertRequest { alert, typed: false })
        .await
        .expect("it is taken")
        .into_inner();
    let Some(v1::submit_alert_response::Outcome::Admitted(admitted)) = answer.outcome else { panic!("not admitted") };
    let named: Vec<_> = answer.problems.iter().map(|problem| problem.field.as_str()).collect();
    let area = "structured.infos[0].areas[0]";
    let expected = [
        "polygons[1].outer",
        "polygons[2].outer",
        "polygons[3].outer",
        "polygons[4].outer",
        "polygons[5].holes[0]",
        "circles[0].center",
        "circles[1]",
    ];
    assert_eq!(named, expected.map(|shape| format!("{area}.{shape}")));
    let got =
        api.alerts().get_alert(v1::GetAlertRequest { name: admitted.name }).await.expect("it is known").into_inner();
    let tiers = got.alert.expect("it is told").tiers;
    assert_eq!(
        tiers.iter().flat_map(|tier| &tier.areas).flat_map(|area| &area.polygons).count(),
        1,
        "nothing is widened"
    );
}
