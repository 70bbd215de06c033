//! What anybody asks for takes from nobody else what they need: not memory, and not the threads that alerts are
//! accepted on.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hazardcast::wire::v1;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::partner_event_service_client::PartnerEventServiceClient;
use hazardcast::wire::v1::zone_service_client::ZoneServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::operations::now;
use crate::support::api::{Api, create, phone_at};
use crate::support::house::{APP, House};
use crate::support::message::Message;
use crate::support::raw::call;
use crate::support::server::{PATIENCE, Server};
use crate::support::site::{Site, with_token};

/// Longer than any name that is asked for.
const LONG: usize = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_have_the_server_hold_a_long_question_about_its_health() {
    let site = Site::open().await;
    let question = HealthCheckRequest { service: "a".repeat(LONG) };
    let refused = HealthClient::new(site.channel().await).check(question).await.expect_err("it is not read");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_question_about_what_calls_mean_is_not_held() {
    let house = House::open().await;
    let question = ServerReflectionRequest {
        message_request: Some(MessageRequest::FileContainingSymbol("a".repeat(LONG))),
        ..ServerReflectionRequest::default()
    };
    let mut client = ServerReflectionClient::new(house.channel.clone());
    let asked = client.server_reflection_info(tokio_stream::once(question)).await;
    let answered = asked.expect("anybody may ask on a development server").into_inner().message().await;
    assert!(answered.expect("the stream ends well").is_none(), "it is not read");
    house.close().await;
}

/// Alerts are read on the runtime's threads for work that blocks: nobody's list may wait there, since an alert would
/// wait behind it.
#[test]
fn what_is_listed_is_read_on_other_threads_than_alerts_are() {
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let house = House::open().await;
        let (let_go, held) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || held.recv());
        let lists = async {
            let parent = APP.to_owned();
            let all = v1::ListRegistrationsRequest { parent, ..v1::ListRegistrationsRequest::default() };
            house.devices().list_registrations(all).await.expect("registrations are listed");
            let mut events = PartnerEventServiceClient::new(house.channel.clone());
            let parent = "partners/dev".to_owned();
            let all = v1::ListPartnerEventsRequest { parent: parent.clone(), ..Default::default() };
            events.list_partner_events(all).await.expect("events are listed");
            let alert = "alerts/ffffffff".to_owned();
            let all = v1::ListReceiptsRequest { parent, alert, ..v1::ListReceiptsRequest::default() };
            events.list_receipts(all).await.expect("receipts are listed");
            let all = v1::ListAuditRecordsRequest::default();
            AuditServiceClient::new(house.channel.clone()).list_audit_records(all).await.expect("records are listed");
        };
        let listed = tokio::time::timeout(PATIENCE.min(Duration::from_secs(20)), lists).await;
        let_go.send(()).expect("it waits");
        busy.await.expect("it ends").expect("it was let go");
        listed.expect("no list waits for the thread that is busy");
        house.close().await;
    });
}

/// A circle of so many points as one zone may have.
fn large_zone(id: u32) -> v1::CreateZoneRequest {
    const POINTS: u32 = 9_990;
    let turn = |point: u32| f64::from(point) / f64::from(POINTS) * std::f64::consts::TAU;
    let at = |point: u32| [f64::from(id) + 5.0 * turn(point).cos(), 40.0 + 5.0 * turn(point).sin()];
    let outer = Some(v1::Ring { coordinates: (0..POINTS).flat_map(at).collect() });
    let area = v1::Area { polygons: vec![v1::Polygon { outer, holes: Vec::new() }], ..v1::Area::default() };
    let zone = Some(v1::Zone { area: Some(area), ..v1::Zone::default() });
    v1::CreateZoneRequest { parent: "partners/dev".to_owned(), zone_id: format!("z{id}"), zone }
}

/// Reports of a place that goes through all of them, and that takes long to be looked up.
fn reports_of_a_meridian(name: &str) -> v1::ReportPlacesRequest {
    let corner = |latitude| Some(v1::Position { longitude: 2.0, latitude });
    let line = v1::PositionBox { south_west: corner(-80.0), north_east: corner(80.0) };
    let place = v1::Place { footprint: Some(v1::place::Footprint::Box(line)), report_time: None };
    let report = v1::ReportPlaceRequest { name: name.to_owned(), place: Some(place) };
    v1::ReportPlacesRequest { requests: vec![report; 1_000] }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_accepted_while_places_are_looked_up_that_take_long() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let (partner, authority) = (Api::connect(&server.url()).await, Api::connect(&server.url()).await);
    for id in 0..5 {
        ZoneServiceClient::new(partner.channel.clone()).create_zone(large_zone(id)).await.expect("it is made");
    }
    let device = partner.create(create(APP, phone_at([100.0, 0.0]))).await;
    let batch = reports_of_a_meridian(&device.registration.expect("it is told").name);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let report = async || {
        let mut answers = partner.devices().report_places(tokio_stream::once(batch.clone())).await?.into_inner();
        answers.message().await
    };
    let mut flood: FuturesUnordered<_> = (0..2 * cores).map(|_| report()).collect();
    let alert = async {
        // Until all reports are durable, and their places are looked up.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let content = Message::warning("a", now(), [100.0, 0.0]).cap().into();
        let raw = v1::RawAlert { content, media_type: "application/cap+xml".to_owned() };
        let alert = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        authority.alerts().submit_alert(alert).await
    };
    tokio::select! {
        accepted = alert => drop(accepted.expect("it is answered")),
        reported = flood.next() => panic!("the alert waited for reports: {reported:?}"),
    }
    while let Some(reported) = flood.next().await {
        let answer = reported.expect("it is answered").expect("there is an answer");
        assert_eq!(answer.accepted_count, 1_000);
    }
    assert!(server.stop());
}

/// The most memory that a server of this test has had, KiB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_empty_parts_becomes_no_more_than_other_alerts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(folder.path(), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let before = peak(&server);
    for infos in [1 << 20, 6 << 20] {
        // Protocol Buffers: field 7 of the alert, of no bytes.
        let alert: Vec<u8> = [0x3a, 0x00].repeat(infos);
        let mut request = vec![0x12];
        prost::encoding::encode_varint(alert.len() as u64, &mut request);
        request.extend(alert);
        let caller = with_token(api.channel.clone(), "");
        let path = "/hazardcast.v1.AlertService/SubmitAlert";
        let refused = call(&caller, path, request.into()).await.expect_err("it is no alert");
        let grown = peak(&server) - before;
        assert!(grown < 96 << 10, "{grown} KiB for {infos} empty infos");
        assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    }
    assert!(server.stop());
}
