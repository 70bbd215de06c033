//! What anybody asks for takes from nobody else what they need: not memory, and not the threads that alerts are read on.

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::support::house::House;
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
