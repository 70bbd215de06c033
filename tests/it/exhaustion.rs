//! What anybody asks for takes from nobody else what they need: not memory, and not the threads that alerts are read on.

use std::sync::mpsc;
use std::time::Duration;

use hazardcast::wire::v1;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::partner_event_service_client::PartnerEventServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::support::house::{APP, House};
use crate::support::server::PATIENCE;
use crate::support::site::Site;

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

/// Alerts are read on the runtime's threads for work that blocks: nobody's list may wait there, since an alert would wait
/// behind it.
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
