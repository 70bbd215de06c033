//! What a partner's back end does with its registrations: makes, reads, changes, lists and deletes them, reports
//! places, and records what people agreed to.

use hazardcast::wire::link_frame::Frame;
use hazardcast::wire::v1;
use hazardcast::wire::v1::batch_create_registrations_response::result::Result as Outcome;
use hazardcast::wire::v1::device_identifier::Kind;
use hazardcast::wire::v1::server_goodbye::Reason;
use prost_types::FieldMask;
use tempfile::TempDir;
use tonic::Code;

use crate::support::alert::structured;
use crate::support::api::{ALPHA, Api, BETA, consent, create, credentials, identifier, phone, phone_at, place, token};
use crate::support::phone::Phone;
use crate::support::server::Server;

/// A server of its own that has a null channel, and a connection to it.
async fn open() -> (TempDir, Server, Api) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let null = folder.path().join("null").display().to_string();
    let mut server = Server::new(&folder.path().join("data"), &["--null-channel", &null]);
    server.start();
    let api = Api::connect(&server.url()).await;
    (folder, server, api)
}

fn update(registration: v1::Registration, paths: &[&str]) -> v1::UpdateRegistrationRequest {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
    v1::UpdateRegistrationRequest { registration: Some(registration), update_mask }
}

/// Channels that there are addresses for.
fn channels(registration: &v1::Registration) -> Vec<v1::Channel> {
    registration.tokens.iter().map(v1::ChannelToken::channel).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_made_read_changed_and_deleted() {
    let (_folder, mut server, api) = open().await;
    let asked = v1::Registration { tokens: vec![token(v1::Channel::Fcm, "fcm-1")], ..phone_at([139.7, 35.6]) };
    let created = api.create(create(ALPHA, asked.clone())).await;
    let first = created.registration.clone().expect("it is told");
    assert!(created.created && created.link_secret.len() == 32);
    assert!(first.name.starts_with(ALPHA) && !first.gid.is_empty());
    assert_eq!((first.traits.as_ref(), first.tokens[0].value.as_str()), (asked.traits.as_ref(), ""));
    assert_eq!(first.create_time, first.update_time);
    assert_eq!(api.get(&first.name).await, first);

    let traits = v1::DeviceTraits { app_version: "6.0".to_owned(), ..asked.traits.clone().expect("it has") };
    let tokens = vec![token(v1::Channel::Apns, "apns-1"), token(v1::Channel::Null, "null")];
    let new = v1::Registration { name: first.name.clone(), traits: Some(traits.clone()), tokens, ..asked };
    let mut devices = api.devices();
    let mut change = async |registration: &v1::Registration, paths: &[&str]| {
        let answer = devices.update_registration(update(registration.clone(), paths)).await;
        answer.expect("it is updated").into_inner().registration.expect("it is told")
    };
    let updated = change(&new, &["traits"]).await;
    assert_eq!((updated.traits.as_ref(), channels(&updated)), (Some(&traits), vec![v1::Channel::Fcm]));
    assert!(updated.update_time != first.update_time && updated.create_time == first.create_time);
    assert_eq!((updated.place, &updated.consents), (first.place, &first.consents), "they have calls of their own");
    let updated = change(&v1::Registration { drills: true, ..new.clone() }, &["drills", "tokens"]).await;
    assert_eq!((updated.drills, channels(&updated)), (true, vec![v1::Channel::Null, v1::Channel::Apns]));
    let set_only = v1::Registration { name: first.name.clone(), traits: Some(traits), ..v1::Registration::default() };
    let updated = change(&set_only, &[]).await;
    assert!(updated.drills && updated.tokens.len() == 2, "what is not set is not touched");
    let updated = change(&set_only, &["*"]).await;
    assert!(!updated.drills && updated.tokens.is_empty(), "everything is");
    assert_eq!(api.get(&first.name).await, updated);

    let delete = || v1::DeleteRegistrationRequest { name: first.name.clone() };
    api.devices().delete_registration(delete()).await.expect("it is deleted");
    for restarted in [false, true] {
        if restarted {
            assert!(server.stop(), "it ends well");
            server.start();
        }
        let api = Api::connect(&server.url()).await;
        assert_eq!(api.try_get(&first.name).await.expect_err("it is gone").code(), Code::NotFound);
        let again = api.devices().delete_registration(delete()).await;
        assert_eq!(again.expect_err("it is gone").code(), Code::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_goes_page_by_page_through_one_app() {
    let (_folder, _server, api) = open().await;
    let mut names = Vec::new();
    for number in 0..5 {
        names.push(api.create(create(ALPHA, phone())).await.registration.expect("it is told").name);
        if number % 2 == 0 {
            api.create(create(BETA, phone())).await;
        }
    }
    let list = async |page_token: &str| {
        let request =
            v1::ListRegistrationsRequest { parent: ALPHA.to_owned(), page_size: 2, page_token: page_token.to_owned() };
        api.devices().list_registrations(request).await.expect("it is listed").into_inner()
    };
    let first = list("").await;
    // One that was listed and one that is next are deleted meanwhile.
    for deleted in [&names[1], &names[2]] {
        let request = v1::DeleteRegistrationRequest { name: deleted.clone() };
        api.devices().delete_registration(request).await.expect("it is deleted");
    }
    let second = list(&first.next_page_token).await;
    assert!(second.next_page_token.is_empty(), "that was all");
    let listed: Vec<_> = [first, second].into_iter().flat_map(|page| page.registrations).map(|one| one.name).collect();
    let expected = [&names[..2], &names[3..]].concat();
    assert_eq!(listed, expected);
    let whole = v1::ListRegistrationsRequest { parent: BETA.to_owned(), page_size: 5_000, page_token: String::new() };
    let whole = api.devices().list_registrations(whole).await.expect("it is listed").into_inner();
    assert_eq!((whole.registrations.len(), whole.next_page_token.as_str()), (3, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_each_is_answered_by_itself_and_in_order() {
    let (_folder, _server, api) = open().await;
    let no_consent = v1::Registration { place: Some(place([1.0, 2.0])), ..phone() };
    let no_traits = v1::Registration { traits: None, ..phone() };
    let requests = vec![
        create("", phone_at([1.0, 2.0])),
        create(ALPHA, no_consent),
        create(BETA, phone()),
        create("", no_traits),
        create(ALPHA, phone()),
    ];
    let request = v1::BatchCreateRegistrationsRequest { parent: ALPHA.to_owned(), requests };
    let answer = api.devices().batch_create_registrations(request).await.expect("it is answered").into_inner();
    let told: Vec<_> = answer
        .results
        .into_iter()
        .map(|result| match result.result.expect("it is told") {
            Outcome::Registered(registered) => registered.registration.map(|one| (one.place.is_some(), String::new())),
            Outcome::Refused(problem) => Some((false, format!("{} {}", problem.reason, problem.field))),
        })
        .map(|told| told.expect("it is told"))
        .collect();
    let expected = [
        (true, ""),
        (false, "NO_LOCATION_CONSENT "),
        (false, "INVALID_FIELD parent"),
        (false, "INVALID_FIELD registration.traits"),
        (false, ""),
    ];
    assert_eq!(told, expected.map(|(placed, problem)| (placed, problem.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_makes_no_second_registration() {
    let (_folder, _server, api) = open().await;
    let request = || v1::CreateRegistrationRequest { request_id: "6f1c0d2e".to_owned(), ..create(ALPHA, phone()) };
    let (first, again) = (api.create(request()).await, api.create(request()).await);
    assert_eq!(first.registration, again.registration);
    assert!(first.created && !again.created && first.link_secret != again.link_secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_come_one_by_one_and_as_a_stream_of_batches() {
    let (_folder, mut server, api) = open().await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(api.create(create(ALPHA, phone_at([0.0, 0.0]))).await.registration.expect("it is told").name);
    }
    let stranger = api.create(create(ALPHA, phone())).await.registration.expect("it is told").name;
    let report = |name: &str, at: v1::Place| v1::ReportPlaceRequest { name: name.to_owned(), place: Some(at) };
    let mut devices = api.devices();
    devices.report_place(report(&names[0], place([10.0, 10.0]))).await.expect("it is taken");

    let older = v1::Place {
        report_time: Some(prost_types::Timestamp { seconds: 1_000_000_000, nanos: 0 }),
        ..place([99.0, 9.0])
    };
    let box_of = |south_west: [f64; 2], north_east: [f64; 2]| {
        let corner = |[longitude, latitude]: [f64; 2]| Some(v1::Position { longitude, latitude });
        let corners = v1::PositionBox { south_west: corner(south_west), north_east: corner(north_east) };
        v1::Place { footprint: Some(v1::place::Footprint::Box(corners)), report_time: None }
    };
    let coarse = box_of([179.5, -17.0], [180.0, -16.5]);
    let batches = vec![
        vec![report(&names[1], coarse), report(&stranger, place([1.0, 1.0])), report(&names[2], place([-180.0, 90.0]))],
        vec![
            report(&names[0], older),
            report(&names[2], place([1.0, 91.0])),
            report("partners/dev", place([1.0, 1.0])),
        ],
        Vec::new(),
    ];
    let batches = batches.into_iter().map(|requests| v1::ReportPlacesRequest { requests });
    let mut answers = devices.report_places(tokio_stream::iter(batches)).await.expect("it is open").into_inner();
    let mut told = Vec::new();
    while let Some(answer) = answers.message().await.expect("it is answered") {
        let problems = answer.refusals.into_iter().map(|refusal| {
            let problem = refusal.problem.expect("it is told");
            (refusal.index, problem.reason, problem.field)
        });
        told.push((answer.accepted_count, problems.collect::<Vec<_>>()));
    }
    let problem = |index, reason: &str, field: &str| (index, reason.to_owned(), field.to_owned());
    let expected = [
        (2, vec![problem(1, "NO_LOCATION_CONSENT", "")]),
        (1, vec![problem(1, "INVALID_FIELD", "place.point"), problem(2, "INVALID_FIELD", "name")]),
        (0, Vec::new()),
    ];
    assert_eq!(told, expected);
    let forget = v1::ReportPlaceRequest { name: names[2].clone(), place: None };
    devices.report_place(forget).await.expect("it is forgotten");
    assert!(server.stop(), "it ends well");
    server.start();
    let api = Api::connect(&server.url()).await;
    let footprint = async |name: &str| api.get(name).await.place.and_then(|place| place.footprint);
    assert_eq!(footprint(&names[0]).await, place([10.0, 10.0]).footprint, "an older report changes nothing");
    assert_eq!(footprint(&names[1]).await, coarse.footprint);
    assert_eq!(footprint(&names[2]).await, None);
}

/// How many would be told of an alert about a box around a place, and why the others would not.
async fn told_around(api: &Api, place: [f64; 2]) -> (i64, i64, Vec<String>) {
    let alert = Some(v1::preview_alert_request::Alert::Structured(structured("a", place)));
    let answer = api.alerts().preview_alert(v1::PreviewAlertRequest { alert }).await;
    let answer = answer.expect("it can be previewed").into_inner();
    let reasons = answer.skipped.iter().map(|skipped| format!("{} {}", skipped.count, skipped.reason)).collect();
    (answer.found_count, answer.told.iter().map(|told| told.count).sum(), reasons)
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_granted_and_withdrawn_and_hold_at_once() {
    let (_folder, _server, api) = open().await;
    let here = [24.9, 60.2];
    let asked = v1::Registration { tokens: vec![token(v1::Channel::Null, "null")], ..phone() };
    let name = api.create(create(ALPHA, asked)).await.registration.expect("it is told").name;
    let mut devices = api.devices();
    let report = || v1::ReportPlaceRequest { name: name.clone(), place: Some(place(here)) };
    let refused = devices.report_place(report()).await.expect_err("nobody agreed to that");
    assert_eq!(refused.code(), Code::FailedPrecondition);

    let grant = |purpose| v1::GrantConsentRequest { name: name.clone(), consent: Some(consent(purpose)) };
    let withdraw =
        |purpose: v1::ConsentPurpose| v1::WithdrawConsentRequest { name: name.clone(), purpose: purpose.into() };
    devices.grant_consent(grant(v1::ConsentPurpose::Location)).await.expect("it is granted");
    devices.report_place(report()).await.expect("it is taken");
    assert_eq!(told_around(&api, here).await, (1, 0, vec!["1 no_consent".to_owned()]));
    devices.grant_consent(grant(v1::ConsentPurpose::EmergencyPush)).await.expect("it is granted");
    assert_eq!(told_around(&api, here).await, (1, 1, Vec::new()));
    let held = api.get(&name).await;
    assert_eq!(held.consents.len(), 2);
    assert!(held.consents.iter().all(|consent| consent.grant_time.is_some() && consent.origin == "test"));

    devices.withdraw_consent(withdraw(v1::ConsentPurpose::EmergencyPush)).await.expect("it is withdrawn");
    assert_eq!(told_around(&api, here).await, (1, 0, vec!["1 no_consent".to_owned()]));
    devices.withdraw_consent(withdraw(v1::ConsentPurpose::Location)).await.expect("it is withdrawn");
    assert_eq!(told_around(&api, here).await, (0, 0, Vec::new()), "no place without consent");
    let held = api.get(&name).await;
    assert!(held.consents.is_empty() && held.place.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_proves_to_be_the_same_device_gets_its_name_again_and_the_old_link_ends() {
    let (_folder, _server, api) = open().await;
    let asked = |parent, registration| v1::CreateRegistrationRequest {
        identifiers: vec![identifier(Kind::AndroidId, "9774d56d682e549d")],
        ..create(parent, registration)
    };
    let first = api.create(asked(ALPHA, phone_at([1.0, 2.0]))).await;
    let beta = api.create(asked(BETA, phone())).await.registration.expect("it is told");
    let mut link = Phone::open(&api.channel, &credentials(&first)).await;
    let earlier_link_secret = first.link_secret.clone();
    let again = api.create(v1::CreateRegistrationRequest { earlier_link_secret, ..asked(ALPHA, phone()) }).await;
    let (before, now) =
        (first.registration.as_ref().expect("it is told"), again.registration.clone().expect("it is told"));
    assert_eq!((&now.name, &now.gid, again.created), (&before.name, &before.gid, false));
    assert!(now.consents.is_empty() && now.place.is_none());
    assert_eq!(beta.gid, now.gid, "two apps of one partner share it");
    assert_ne!(beta.name, now.name);

    let Some(Frame::Goodbye(goodbye)) = link.next().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), Reason::Unauthenticated);
    let mut old = Phone::hello(&api.channel, &credentials(&first)).await;
    assert!(matches!(old.next().await, Some(Frame::Goodbye(goodbye)) if goodbye.reason() == Reason::Unauthenticated));
    let mut link = Phone::open(&api.channel, &credentials(&again)).await;
    link.has_nothing().await;
    let delete = v1::DeleteRegistrationRequest { name: now.name };
    api.devices().delete_registration(delete).await.expect("it is deleted");
    assert!(matches!(link.next().await, Some(Frame::Goodbye(goodbye)) if goodbye.reason() == Reason::Unauthenticated));
}

#[tokio::test(flavor = "multi_thread")]
async fn partners_and_their_apps_are_made_and_listed() {
    let (_folder, mut server, api) = open().await;
    let partner = |id: &str, name: &str| v1::CreatePartnerRequest {
        partner_id: id.to_owned(),
        partner: Some(v1::Partner { display_name: name.to_owned(), ..v1::Partner::default() }),
    };
    let app =
        |parent: &str, id: &str| v1::CreateAppRequest { parent: parent.to_owned(), app_id: id.to_owned(), app: None };
    let mut partners = api.partners();
    let made = partners.create_partner(partner("acme", "Acme News")).await.expect("it is made").into_inner();
    let made = made.partner.expect("it is told");
    assert_eq!((made.name.as_str(), made.display_name.as_str()), ("partners/acme", "Acme News"));
    for id in ["storm", "quake", "flood"] {
        partners.create_app(app("partners/acme", id)).await.expect("it is made");
    }
    let twice = partners.create_partner(partner("acme", "")).await.expect_err("it is there");
    assert_eq!(twice.code(), Code::AlreadyExists);
    let unknown = partners.create_app(app("partners/nobody", "a")).await.expect_err("there is none");
    assert_eq!(unknown.code(), Code::NotFound);
    // The second app of this id is the first of that name: names are of one partner.
    partners.create_app(app("partners/dev", "storm")).await.expect("it is made");

    assert!(server.stop(), "it ends well");
    server.start();
    let mut partners = Api::connect(&server.url()).await.partners();
    let got = partners.get_partner(v1::GetPartnerRequest { name: "partners/acme".to_owned() }).await;
    assert_eq!(got.expect("it is there").into_inner().partner, Some(made));
    let list = |page_size, page_token: &str| v1::ListAppsRequest {
        parent: "partners/acme".to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let first = partners.list_apps(list(2, "")).await.expect("listed").into_inner();
    let second = partners.list_apps(list(2, &first.next_page_token)).await.expect("listed").into_inner();
    let names: Vec<_> = first.apps.iter().chain(&second.apps).map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["flood", "quake", "storm"].map(|id| format!("partners/acme/apps/{id}")));
    assert!(second.next_page_token.is_empty());
    let all = v1::ListPartnersRequest { page_size: 1, page_token: String::new() };
    let all = partners.list_partners(all).await.expect("listed").into_inner();
    assert_eq!((all.partners.len(), all.next_page_token.as_str()), (1, "partners/dev"));
    let acme = v1::GetAppRequest { name: "partners/acme/apps/storm".to_owned() };
    assert!(partners.get_app(acme).await.expect("it is there").into_inner().app.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_small_batches_on_their_way_do_not_cost_the_connection() {
    const BATCHES: usize = 4_000;
    let (_folder, mut server, api) = open().await;
    let registration = api.create(create(ALPHA, phone_at([139.7, 35.6]))).await.registration.expect("it is told");
    let report = v1::ReportPlaceRequest { name: registration.name, place: Some(place([139.8, 35.6])) };
    let batches = vec![v1::ReportPlacesRequest { requests: vec![report] }; BATCHES];
    let answers = api.devices().report_places(tokio_stream::iter(batches)).await;
    let mut answers = answers.expect("the stream opens").into_inner();
    let mut accepted = 0;
    while let Some(answer) = answers.message().await.expect("the connection lasts") {
        accepted += answer.accepted_count as usize;
    }
    assert_eq!(accepted, BATCHES);
    assert!(server.stop());
}
