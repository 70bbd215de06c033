//! A server that has just started: alerts do not wait for the registry, and reach everybody when it is there.

use std::io::{Read, Write};
use std::net::TcpStream;

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::partner_service_client::PartnerServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use serde_json::{Value, json};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;

const TOWN: [f64; 2] = [-92.6, 16.7];

/// The status and body of `/readyz`.
fn readiness(house: &House) -> (String, Value) {
    let mut stream = TcpStream::connect(house.http_address()).expect("it listens");
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.parse().expect("JSON"))
}

async fn health(house: &House, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(house.channel.clone()).check(request).await.expect("it is known").into_inner().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_comes_before_the_registry_is_accepted_and_sent_when_that_is_there() {
    let house = House::open().await;
    let devices = [house.register(TOWN).await, house.register(TOWN).await];
    let (mut house, held_up) = house.restart_held_up().await;

    let Outcome::Admitted(admitted) = house.submit(&Message::warning("a", NOON, TOWN)).await else {
        panic!("it is not admitted")
    };
    let look = |house: &House| {
        let mut client = FanOutServiceClient::new(house.channel.clone());
        let request = v1::GetFanOutRequest { name: admitted.fan_out.clone() };
        async move { client.get_fan_out(request).await.expect("it is known").into_inner().fan_out.expect("it is told") }
    };
    let waits = look(&house).await;
    assert!(!waits.complete && waits.found_count == 0);

    house.let_load(held_up).await;
    let mut phones = Vec::new();
    for device in &devices {
        phones.push(Phone::open(&house.channel, device).await);
    }
    for phone in &mut phones {
        assert_eq!(phone.notice().await.headline, "Headline of a");
        phone.has_nothing().await;
    }
    drop(phones);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_the_registry_says_so_until_it_is_there() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let (mut house, held_up) = house.restart_held_up().await;

    let (status, body) = readiness(&house);
    assert_eq!((status.as_str(), &body["ready"]), ("503", &json!(false)));
    assert_eq!(body["parts"]["doors_open"], json!(true));
    assert_eq!((&body["parts"]["registry_loaded"], &body["loading"]["done"]), (&json!(false), &json!(0)));
    for (service, serves) in [("hazardcast.v1.AlertService", true), ("hazardcast.v1.DeviceService", false), ("", false)]
    {
        assert_eq!(health(&house, service).await == ServingStatus::Serving, serves, "{service}");
    }
    let name = device.registration.to_string();
    let asked = house.devices().get_registration(v1::GetRegistrationRequest { name: name.clone() }).await;
    let unavailable = asked.expect_err("it is not loaded");
    assert_eq!((unavailable.code(), unavailable.message()), (Code::Unavailable, "the registry is being loaded"));
    let partners = PartnerServiceClient::new(house.channel.clone());
    let listed = partners.clone().list_partners(v1::ListPartnersRequest::default()).await;
    assert_eq!(listed.expect_err("it is not loaded").code(), Code::Unavailable);
    let raw = v1::RawAlert { content: Message::warning("a", NOON, TOWN).cap().into(), ..v1::RawAlert::default() };
    let preview = v1::PreviewAlertRequest { alert: Some(v1::preview_alert_request::Alert::Raw(raw)) };
    let previewed = AlertServiceClient::new(house.channel.clone()).preview_alert(preview).await;
    assert_eq!(previewed.expect_err("nobody is known who would be told").code(), Code::Unavailable);

    house.let_load(held_up).await;
    let (status, body) = readiness(&house);
    assert_eq!((status.as_str(), &body["ready"], body.get("loading")), ("200", &json!(true), None));
    assert_eq!(health(&house, "").await, ServingStatus::Serving);
    assert!(house.devices().get_registration(v1::GetRegistrationRequest { name }).await.is_ok());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_was_accepted_by_a_server_that_never_had_its_registry_is_sent_by_the_next() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let (house, held_up) = house.restart_held_up().await;
    let Outcome::Admitted(_) = house.submit(&Message::warning("a", NOON, TOWN)).await else {
        panic!("it is not admitted")
    };
    let house = house.restart_unloaded(held_up).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    assert_eq!(phone.notice().await.headline, "Headline of a");
    phone.has_nothing().await;
    drop(phone);
    house.close().await;
}
