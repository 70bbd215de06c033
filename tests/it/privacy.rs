//! What names or locates a person is in no log, metric, refusal or file but the registry's store (R-B2, R-P6, R-P9).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hazardcast::wire::v1;
use hazardcast::wire::v1::device_identifier::Kind;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use serde_json::Value;
use tonic::Status;

use crate::support::alert::structured;
use crate::support::api::{ALPHA, Api, BETA, create, credentials, identifier, phone_at, place, token};
use crate::support::encodings::Needles;
use crate::support::phone::Phone;
use crate::support::server::Server;

/// The middle of the alert's area; people are round it.
const TOWN: [f64; 2] = [-92.6, 16.7];

/// A person, with everything that the server learns of them.
struct Person {
    created: v1::CreateRegistrationResponse,
    identifiers: Vec<v1::DeviceIdentifier>,
    address: String,
    place: [f64; 2],
}

impl Person {
    fn name(&self) -> &str {
        &self.created.registration.as_ref().expect("it is told").name
    }
}

/// What must not be found, and people whom it is of.
struct Town {
    api: Api,
    private: Needles,
    /// What not even the registry's store may hold.
    identifiers: Needles,
    /// What callers were told when they were refused.
    refusals: Vec<Status>,
}

fn random_hex() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A coordinate near `middle`, with all seven digits.
fn near(middle: f64) -> f64 {
    ((middle + rand::random_range(-0.3..0.3)) * 1e7).round() / 1e7
}

impl Town {
    async fn person(&mut self, app: &str, channel: v1::Channel) -> Person {
        let hex = random_hex();
        let identifiers = vec![
            identifier(Kind::AndroidId, &hex[..16]),
            identifier(Kind::Oaid, &format!("{}-{}-{}", &hex[..8], &hex[8..20], &hex[20..])),
            identifier(Kind::Imei, &format!("35{:013}", rand::random::<u64>() % 10_u64.pow(13))),
        ];
        let (address, place) = (random_hex(), TOWN.map(near));
        let registration = v1::Registration { tokens: vec![token(channel, &address)], ..phone_at(place) };
        let request = v1::CreateRegistrationRequest { identifiers: identifiers.clone(), ..create(app, registration) };
        let created = self.api.create(request).await;
        let person = Person { created, identifiers, address, place };
        self.hide(&person);
        person
    }

    fn hide(&mut self, person: &Person) {
        let registration = person.created.registration.as_ref().expect("it is told");
        let cid = credentials(&person.created).registration.cid;
        self.private.text("cid", &cid.to_string());
        self.private.bytes("cid", &cid.0);
        self.private.text("gid", &registration.gid);
        self.private.bytes("link secret", &person.created.link_secret);
        self.private.text("token", &person.address);
        for identifier in &person.identifiers {
            self.private.text("identifier", &identifier.value);
            self.identifiers.text("identifier", &identifier.value);
        }
        self.hide_place(person.place);
    }

    fn hide_place(&mut self, place: [f64; 2]) {
        for degrees in place {
            self.private.degrees("coordinate", degrees);
        }
    }

    /// Everything else that happens to a registration.
    async fn live(&mut self, person: &Person) {
        let mut devices = self.api.devices();
        let moved = TOWN.map(near);
        self.hide_place(moved);
        let report = v1::ReportPlaceRequest { name: person.name().to_owned(), place: Some(place(moved)) };
        devices.report_place(report.clone()).await.expect("it is taken");
        let batch = v1::ReportPlacesRequest { requests: vec![report] };
        let mut answers = devices.report_places(tokio_stream::once(batch)).await.expect("it is open").into_inner();
        while answers.message().await.expect("it is answered").is_some() {}
        let registration =
            v1::Registration { name: person.name().to_owned(), drills: true, ..v1::Registration::default() };
        let update = v1::UpdateRegistrationRequest { registration: Some(registration), update_mask: None };
        devices.update_registration(update).await.expect("it is updated");
        let list = v1::ListRegistrationsRequest { parent: ALPHA.to_owned(), ..v1::ListRegistrationsRequest::default() };
        devices.list_registrations(list).await.expect("it is listed");
    }

    /// Calls and links that are refused, with what is private in them.
    async fn blunder(&mut self, person: &Person) {
        let mut devices = self.api.devices();
        let name = person.name().to_owned();
        // Longitude and latitude the wrong way round are still where somebody is.
        let [lon, lat] = person.place;
        let swapped = v1::ReportPlaceRequest { name: name.clone(), place: Some(place([lat, lon])) };
        self.refusals.push(devices.report_place(swapped).await.expect_err("it is off the globe"));
        let cut = v1::GetRegistrationRequest { name: name[..name.len() - 1].to_owned() };
        self.refusals.push(devices.get_registration(cut).await.expect_err("it is malformed"));
        let other = v1::DeleteRegistrationRequest { name: name.replace("/alpha/", "/beta/") };
        self.refusals.push(devices.delete_registration(other).await.expect_err("it is another's"));
        let long = format!("{}{}", person.address, "x".repeat(5_000));
        let long = v1::Registration { tokens: vec![token(v1::Channel::Fcm, &long)], ..phone_at(person.place) };
        self.refusals.push(devices.create_registration(create(ALPHA, long)).await.expect_err("it is too long"));
        let long = identifier(Kind::Imei, &person.identifiers[2].value.repeat(10));
        let long = v1::CreateRegistrationRequest { identifiers: vec![long], ..create(ALPHA, phone_at(person.place)) };
        self.refusals.push(devices.create_registration(long).await.expect_err("it is too long"));
        self.offer(person).await;
        let mut stranger = Phone::hello_with(&self.api.channel, &credentials(&person.created), vec![7; 32]).await;
        while stranger.next().await.is_some() {}
        let short = person.created.link_secret[..31].to_vec();
        let mut garbage = Phone::hello_with(&self.api.channel, &credentials(&person.created), short).await;
        while garbage.next().await.is_some() {}
    }

    /// Identifiers in all the ways in which they are refused, and in those in which they are known already.
    async fn offer(&mut self, person: &Person) {
        let mut devices = self.api.devices();
        let request = |identifiers| v1::CreateRegistrationRequest {
            identifiers,
            ..create(ALPHA, v1::Registration { place: None, ..phone_at(person.place) })
        };
        let value = &person.identifiers[0].value;
        let one = |kind| vec![identifier(kind, value)];
        let wrong = v1::DeviceIdentifier { kind: 99, value: value.clone() };
        let too_many = (0..17).map(|_| identifier(Kind::AndroidId, value)).collect();
        for refused in [one(Kind::Idfv), one(Kind::Unspecified), vec![wrong], too_many] {
            self.refusals.push(devices.create_registration(request(refused)).await.expect_err("it is refused"));
        }
        let short = person.created.link_secret.slice(..31);
        let short = v1::CreateRegistrationRequest { earlier_link_secret: short, ..request(one(Kind::AndroidId)) };
        self.refusals.push(devices.create_registration(short).await.expect_err("it is too short"));
        // A batch says in its answer what was refused of it.
        let requests = vec![request(one(Kind::Idfa)), request(Vec::new())];
        let batch = v1::BatchCreateRegistrationsRequest { parent: ALPHA.to_owned(), requests };
        let answer = devices.batch_create_registrations(batch).await.expect("it is answered").into_inner();
        nothing_in(&self.private, "a batch's answer", format!("{:?}", answer.results[0]).as_bytes());
        // A claim, one with a wrong secret, and one that its partner vouches for and that is withdrawn.
        let claim = self.api.create(request(one(Kind::AndroidId))).await;
        let wrong =
            v1::CreateRegistrationRequest { earlier_link_secret: vec![9; 32].into(), ..request(one(Kind::AndroidId)) };
        let other = self.api.create(wrong).await;
        for created in [claim, other] {
            let name = created.registration.as_ref().expect("it is told").name.clone();
            let (_, installation) = name.rsplit_once('@').expect("it is a claim");
            self.private.text("installation", installation);
            self.private.bytes("link secret", &created.link_secret);
            devices.delete_registration(v1::DeleteRegistrationRequest { name }).await.expect("it is deleted");
        }
    }

    /// An alert that is told over links and the null channel; devices acknowledge.
    async fn warn(&self, identifier: &str, links: &mut [Phone]) {
        let alert = Some(v1::submit_alert_request::Alert::Structured(structured(identifier, TOWN)));
        let answer = self
            .api
            .alerts()
            .submit_alert(v1::SubmitAlertRequest { alert, typed: false })
            .await
            .expect("it is answered");
        let Some(Outcome::Admitted(admitted)) = answer.into_inner().outcome else { panic!("not admitted") };
        for link in links {
            let notice = link.notice().await;
            link.acknowledge(&notice).await;
            link.has_nothing().await;
        }
        let fan_out = self.api.complete(&admitted.fan_out).await;
        assert!(fan_out.sent.len() == 2, "over both channels: {fan_out:?}");
    }
}

fn nothing_in(private: &Needles, what: &str, bytes: &[u8]) {
    assert_eq!(private.found_in(bytes), BTreeSet::new(), "in {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_is_in_no_log_metric_refusal_or_other_file() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    let (data, log, null) = (at("data"), at("log"), at("null"));
    let extra = ["--log", "trace", "--log-format", "json", "--null-channel", &null.display().to_string()];
    let mut server = Server::new(&data, &extra).logging_to(&log);
    server.start();
    let api = Api::connect(&server.url()).await;
    let mut town = Town { api, private: Needles::default(), identifiers: Needles::default(), refusals: Vec::new() };

    let (mut people, mut links) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        people.push(town.person(ALPHA, v1::Channel::Null).await);
        let linked = town.person(BETA, v1::Channel::Fcm).await;
        links.push(Phone::open(&town.api.channel, &credentials(&linked.created)).await);
        people.push(linked);
    }
    for person in &people {
        town.live(person).await;
    }
    town.blunder(&people[0]).await;
    let alert = random_hex();
    town.warn(&alert, &mut links).await;
    let (_, metrics) = server.ask("/metrics");
    nothing_in(&town.private, "metrics", metrics.as_bytes());

    // What it says when it comes back after a kill, and of people who leave.
    drop(links);
    server.kill();
    server.start();
    town.api = Api::connect(&server.url()).await;
    let mut devices = town.api.devices();
    let withdraw = v1::WithdrawConsentRequest { name: people[1].name().to_owned(), purpose: 1 };
    devices.withdraw_consent(withdraw).await.expect("it is withdrawn");
    let delete = v1::DeleteRegistrationRequest { name: people[2].name().to_owned() };
    devices.delete_registration(delete).await.expect("it is deleted");
    drop(devices);
    assert!(server.stop(), "it ends well");

    let logged = fs::read(&log).expect("it can be read");
    let entries: Vec<Value> = logged
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    assert!(entries.iter().any(|entry| entry["message"] == "stopped"), "the log is there");
    nothing_in(&town.private, "the log", &logged);
    nothing_in(&town.private, "refusals", format!("{:?}", town.refusals).as_bytes());
    for refusal in &town.refusals {
        nothing_in(&town.private, "a refusal's details", refusal.details());
    }
    nothing_in(&town.private, "the null channel's file", &fs::read(&null).expect("it can be read"));
    let mut control = Needles::default();
    control.text("alert", &alert);
    let journal = data.join("journal");
    assert_eq!(control.found_below(&journal).len(), 1, "what is in the journal is found");
    assert_eq!(town.private.found_below(&journal), BTreeSet::new(), "in the journal");
    let audit = data.join("audit");
    assert_eq!(control.found_below(&audit).len(), 1, "what is in the audit log is found");
    assert_eq!(town.private.found_below(&audit), BTreeSet::new(), "in the audit log");
    assert_eq!(town.private.found_below(&data.join("access")), BTreeSet::new(), "with the credentials");
    assert_eq!(town.identifiers.found_below(&data), BTreeSet::new(), "identifiers are nowhere");
    only_the_registry_s_store_is_left(&data);
}

/// Every file was looked at but those of the registry: its store, where phones are, and its key.
fn only_the_registry_s_store_is_left(data: &Path) {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let expected = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(names(data), expected(&["access", "audit", "feeds", "journal", "regions", "registry"]));
    assert_eq!(names(&data.join("registry")), expected(&["commits", "identity.key", "places", "store"]));
}
