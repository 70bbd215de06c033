//! Partners' own standing areas (R-S1): who comes into one is noticed, if they agreed to that, and nobody else.

use std::time::Duration;

use hazardcast::wire::v1;
use hazardcast::wire::v1::partner_event_service_client::PartnerEventServiceClient;
use hazardcast::wire::v1::partner_service_client::PartnerServiceClient;
use hazardcast::wire::v1::zone_service_client::ZoneServiceClient;
use prost_types::FieldMask;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::api::{ALPHA, Api, BETA, Refused, create, phone_at};
use crate::support::house::{House, NOON};
use crate::support::phone::Phone;
use crate::support::server::{Server, ask};

const DEV: &str = "partners/dev";
const SHELTER: &str = "partners/dev/zones/shelter";

/// Inside the shelter's zone, and not.
const INSIDE: [f64; 2] = [7.44, 46.95];
const OUTSIDE: [f64; 2] = [8.54, 47.37];

fn zones(channel: &Channel) -> ZoneServiceClient<Channel> {
    ZoneServiceClient::new(channel.clone())
}

/// Ground of 10 km round a place.
fn round([longitude, latitude]: [f64; 2]) -> v1::Area {
    let center = Some(v1::Position { longitude, latitude });
    v1::Area { circles: vec![v1::Circle { center, radius_km: 10.0 }], ..v1::Area::default() }
}

fn drawn(place: [f64; 2]) -> v1::Zone {
    v1::Zone { area: Some(round(place)), ..v1::Zone::default() }
}

async fn make(channel: &Channel, parent: &str, id: &str, zone: v1::Zone) -> Result<v1::Zone, Status> {
    let request = v1::CreateZoneRequest { parent: parent.to_owned(), zone_id: id.to_owned(), zone: Some(zone) };
    Ok(zones(channel).create_zone(request).await?.into_inner().zone.expect("it is told"))
}

async fn change(channel: &Channel, zone: v1::Zone, paths: &[&str]) -> Result<v1::Zone, Status> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = v1::UpdateZoneRequest { zone: Some(zone), update_mask: Some(FieldMask { paths }) };
    Ok(zones(channel).update_zone(request).await?.into_inner().zone.expect("it is told"))
}

async fn get(channel: &Channel, name: &str) -> Result<v1::Zone, Status> {
    let answer = zones(channel).get_zone(v1::GetZoneRequest { name: name.to_owned() }).await?;
    Ok(answer.into_inner().zone.expect("it is told"))
}

async fn delete(channel: &Channel, name: &str) {
    zones(channel).delete_zone(v1::DeleteZoneRequest { name: name.to_owned() }).await.expect("it was there");
}

async fn inside(channel: &Channel, name: &str) -> (i64, i64) {
    let count = get(channel, name).await.expect("it is there").inside_count.expect("it is told");
    (count.at_least, count.fewer_than)
}

/// How often somebody entered a zone.
async fn entries(house: &House) -> u64 {
    let address = house.http_address();
    let (_, text) = tokio::task::spawn_blocking(move || ask(address, "/metrics")).await.expect("it is asked");
    let count = text.lines().find_map(|line| line.strip_prefix("hazardcast_zone_entries_total "));
    count.expect("it is counted").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_into_a_zone_of_their_partner_is_noticed_once() {
    let house = House::open().await;
    let (device, resident) = (house.register(OUTSIDE).await, house.register(INSIDE).await);
    make(&house.channel, DEV, "shelter", drawn(INSIDE)).await.expect("it is made");
    assert_eq!(entries(&house).await, 0, "who was there has not moved in");
    house.report_place(&resident, INSIDE).await;
    assert_eq!(entries(&house).await, 0);
    house.report_place(&device, INSIDE).await;
    assert_eq!(entries(&house).await, 1);
    house.report_place(&device, INSIDE).await;
    drop(Phone::open(&house.channel, &device).await);
    assert_eq!(entries(&house).await, 1, "it was inside");
    house.report_place(&device, OUTSIDE).await;
    house.report_place(&device, INSIDE).await;
    assert_eq!(entries(&house).await, 2);
    house.register(INSIDE).await;
    assert_eq!(entries(&house).await, 3, "a registration comes in with its place");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_of_another_partner_or_for_another_app_notices_nobody() {
    let house = House::open().await;
    let device = house.register(OUTSIDE).await;
    let partner = v1::CreatePartnerRequest { partner_id: "rival".to_owned(), partner: None };
    PartnerServiceClient::new(house.channel.clone()).create_partner(partner).await.expect("admitted");
    make(&house.channel, "partners/rival", "shelter", drawn(INSIDE)).await.expect("it is made");
    let beta = v1::Zone { apps: vec![BETA.to_owned()], ..drawn(INSIDE) };
    make(&house.channel, DEV, "beta", beta).await.expect("it is made");
    house.report_place(&device, INSIDE).await;
    assert_eq!(entries(&house).await, 0);
    house.devices().create_registration(create(BETA, phone_at(INSIDE))).await.expect("it is registered");
    assert_eq!(entries(&house).await, 1, "that is an app that the zone is for");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_to_location_nobody_is_noticed_or_counted_in_a_zone() {
    let house = House::open().await;
    make(&house.channel, DEV, "shelter", drawn(INSIDE)).await.expect("it is made");
    let mut devices = Vec::new();
    for _ in 0..10 {
        devices.push(house.register(INSIDE).await);
    }
    assert_eq!((entries(&house).await, inside(&house.channel, SHELTER).await), (10, (10, 20)));
    let name = devices[0].registration.to_string();
    let purpose = v1::ConsentPurpose::Location.into();
    let withdrawal = v1::WithdrawConsentRequest { name: name.clone(), purpose };
    house.devices().withdraw_consent(withdrawal).await.expect("it is withdrawn");
    assert_eq!(inside(&house.channel, SHELTER).await, (0, 10), "fewer than ten is all that is told");
    let place = phone_at(INSIDE).place;
    let report = v1::ReportPlaceRequest { name, place };
    house.devices().report_place(report).await.expect_err("it may not be held");
    assert_eq!((entries(&house).await, inside(&house.channel, SHELTER).await), (10, (0, 10)));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_has_expired_or_was_deleted_notices_nobody() {
    let house = House::open().await;
    let device = house.register(OUTSIDE).await;
    let expire_time = Some(prost_types::Timestamp { seconds: NOON.as_second() + 60, nanos: 0 });
    make(&house.channel, DEV, "shelter", v1::Zone { expire_time, ..drawn(INSIDE) }).await.expect("it is made");
    house.clock.advance(Duration::from_mins(1));
    house.report_place(&device, INSIDE).await;
    assert_eq!(entries(&house).await, 0, "it has expired");
    assert!(get(&house.channel, SHELTER).await.is_ok(), "it stays until it is deleted");

    house.report_place(&device, OUTSIDE).await;
    let zone = v1::Zone { name: SHELTER.to_owned(), ..v1::Zone::default() };
    change(&house.channel, zone, &["expire_time"]).await.expect("it is in force again");
    delete(&house.channel, SHELTER).await;
    house.report_place(&device, INSIDE).await;
    assert_eq!(entries(&house).await, 0, "it is gone");
    assert_eq!(get(&house.channel, SHELTER).await.expect_err("it is gone").code(), Code::NotFound);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_drawn_anew_notices_those_who_come_in_after_that() {
    let house = House::open().await;
    let device = house.register(OUTSIDE).await;
    make(&house.channel, DEV, "shelter", drawn(INSIDE)).await.expect("it is made");
    let moved = v1::Zone { name: SHELTER.to_owned(), display_name: "Moved".to_owned(), ..drawn(OUTSIDE) };
    let changed = change(&house.channel, moved, &["*"]).await.expect("it is changed");
    assert_eq!((changed.display_name.as_str(), &changed.area), ("Moved", &Some(round(OUTSIDE))));
    house.report_place(&device, OUTSIDE).await;
    assert_eq!(entries(&house).await, 0, "the zone has come to the device");
    house.report_place(&device, INSIDE).await;
    house.report_place(&device, OUTSIDE).await;
    assert_eq!(entries(&house).await, 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_zones_and_notices_nobody_who_was_inside() {
    let house = House::open().await;
    let made = make(&house.channel, DEV, "shelter", drawn(INSIDE)).await.expect("it is made");
    let mut devices = Vec::new();
    for _ in 0..12 {
        devices.push(house.register(INSIDE).await);
    }
    let house = house.restart().await;
    let found = get(&house.channel, SHELTER).await.expect("it is there");
    assert_eq!(v1::Zone { inside_count: None, ..found }, v1::Zone { inside_count: None, ..made });
    house.report_place(&devices[0], INSIDE).await;
    assert_eq!(entries(&house).await, 0, "it was inside");
    // Who was inside is counted behind the open doors; until that is done nobody is told to have come in.
    while entries(&house).await == 0 {
        house.report_place(&devices[0], OUTSIDE).await;
        house.report_place(&devices[0], INSIDE).await;
    }
    assert_eq!((entries(&house).await, inside(&house.channel, SHELTER).await), (1, (10, 20)));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_zone_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(folder.path(), &[]);
    server.start();
    let channel = Api::connect(&server.url()).await.channel;
    for id in ["shelter", "gone"] {
        make(&channel, DEV, id, drawn(INSIDE)).await.expect("it is made");
    }
    delete(&channel, "partners/dev/zones/gone").await;
    server.kill();
    server.start();
    let channel = Api::connect(&server.url()).await.channel;
    assert!(get(&channel, SHELTER).await.is_ok());
    assert_eq!(get(&channel, "partners/dev/zones/gone").await.expect_err("it was deleted").code(), Code::NotFound);
    assert!(server.stop(), "it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_are_listed_by_name_and_have_limits_that_are_named() {
    let house = House::open().await;
    let channel = &house.channel;
    for id in ["c", "a", "b"] {
        make(channel, DEV, id, drawn(INSIDE)).await.expect("it is made");
    }
    let list = |page_size, page_token: &str| {
        let request = v1::ListZonesRequest { parent: DEV.to_owned(), page_size, page_token: page_token.to_owned() };
        let mut client = zones(channel);
        async move { client.list_zones(request).await.map(tonic::Response::into_inner) }
    };
    let page = list(2, "").await.expect("listed");
    let rest = list(2, &page.next_page_token).await.expect("listed");
    let names: Vec<&str> = page.zones.iter().chain(&rest.zones).map(|zone| zone.name.as_str()).collect();
    assert_eq!(names, ["partners/dev/zones/a", "partners/dev/zones/b", "partners/dev/zones/c"]);
    assert_eq!((page.zones.len(), rest.next_page_token.as_str()), (2, ""));

    let refused = |status: Status| {
        let Refused { reason, field, .. } = Refused::from(status);
        (reason, field)
    };
    let of = |reason: &str, field: &str| (reason.to_owned(), field.to_owned());
    let full = make(channel, DEV, "d", drawn(INSIDE)).await.expect_err("three is the limit");
    assert_eq!(refused(full), of("REGISTRY_FULL", ""));
    let twice = make(channel, DEV, "a", drawn(INSIDE)).await.expect_err("it is there");
    assert_eq!(refused(twice), of("ALREADY_EXISTS", ""));
    delete(channel, "partners/dev/zones/c").await;
    let wrong = [
        (DEV, "C", drawn(INSIDE), of("INVALID_FIELD", "zone_id")),
        (ALPHA, "c", drawn(INSIDE), of("INVALID_FIELD", "parent")),
        ("partners/nobody", "c", drawn(INSIDE), of("PARTNER_NOT_FOUND", "")),
        (DEV, "c", v1::Zone::default(), of("INVALID_FIELD", "zone.area")),
        (
            DEV,
            "c",
            v1::Zone { display_name: "x".repeat(129), ..drawn(INSIDE) },
            of("INVALID_FIELD", "zone.display_name"),
        ),
        (
            DEV,
            "c",
            v1::Zone { apps: vec!["partners/dev/apps/no".to_owned()], ..drawn(INSIDE) },
            of("APP_NOT_FOUND", ""),
        ),
    ];
    for (parent, id, zone, expected) in wrong {
        assert_eq!(refused(make(channel, parent, id, zone).await.expect_err("it is refused")), expected);
    }
    house.close().await;
}

/// The events of the development partner that are told now.
async fn told(channel: &Channel) -> Vec<v1::PartnerEvent> {
    let request = v1::ListPartnerEventsRequest { parent: DEV.to_owned(), ..v1::ListPartnerEventsRequest::default() };
    let answer = PartnerEventServiceClient::new(channel.clone()).list_partner_events(request).await;
    answer.expect("they are listed").into_inner().events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_told_who_is_in_its_zone_and_not_who_was() {
    let house = House::open().await;
    let device = house.register(OUTSIDE).await;
    make(&house.channel, DEV, "shelter", drawn(INSIDE)).await.expect("it is made");
    house.report_place(&device, INSIDE).await;
    // Nobody waits for an event: what comes after it is made after it.
    house.report_place(&device, INSIDE).await;
    let events = told(&house.channel).await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.registration, device.registration.to_string());
    let entered = v1::partner_event::ZoneEntered { zone: SHELTER.to_owned() };
    assert_eq!(event.kind, Some(v1::partner_event::Kind::ZoneEntered(entered)));
    house.report_place(&device, OUTSIDE).await;
    assert!(told(&house.channel).await.is_empty(), "where it was before is nobody's to know (R-P5)");
    house.close().await;
}
