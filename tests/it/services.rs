//! What a stranger finds out by asking: which services there are, whether they serve, and what each call and field
//! means.

use std::collections::BTreeSet;

use hazardcast::wire::v1;
use prost::Message;
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::api::Api;
use crate::support::house::House;
use crate::support::server::Server;

const SERVICES: [&str; 14] = [
    "hazardcast.v1.AccessService",
    "hazardcast.v1.AlertService",
    "hazardcast.v1.DeviceService",
    "hazardcast.v1.FanOutService",
    "hazardcast.v1.FeedService",
    "hazardcast.v1.LinkService",
    "hazardcast.v1.AuditService",
    "hazardcast.v1.AuthorityService",
    "hazardcast.v1.PartnerEventService",
    "hazardcast.v1.PartnerService",
    "hazardcast.v1.PolicyService",
    "hazardcast.v1.RegionService",
    "hazardcast.v1.StatisticsService",
    "hazardcast.v1.ZoneService",
];

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_for_the_server_and_for_each_service() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let mut client = HealthClient::new(Api::connect(&server.url()).await.channel);
    for service in [&[""], &SERVICES[..]].concat() {
        let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await;
        let status = answer.unwrap_or_else(|error| panic!("{service}: {error}")).into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "hazardcast.v1.Nothing".to_owned() }).await;
    assert_eq!(unknown.expect_err("there is none").code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_the_health_hears_that_the_server_stops() {
    let house = House::open().await;
    let request = HealthCheckRequest { service: SERVICES[0].to_owned() };
    let mut watched = HealthClient::new(house.channel.clone()).watch(request).await.expect("it is open").into_inner();
    let first = watched.message().await.expect("it is told").expect("there is one");
    assert_eq!(first.status(), ServingStatus::Serving);
    let (next, ()) = tokio::join!(watched.message(), house.close());
    let next = next.expect("it is told").expect("there is one");
    assert_eq!(next.status(), ServingStatus::NotServing);
}

async fn ask(channel: &Channel, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let answers =
        ServerReflectionClient::new(channel.clone()).server_reflection_info(tokio_stream::once(request)).await;
    let answer = answers.expect("it is open").into_inner().message().await.expect("it is answered");
    answer.expect("there is one").message_response.expect("it says something")
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_every_service_and_says_what_every_call_and_field_means() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let channel = Api::connect(&server.url()).await.channel;
    let MessageResponse::ListServicesResponse(listed) =
        ask(&channel, MessageRequest::ListServices(String::new())).await
    else {
        panic!("not a list")
    };
    let listed: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
    let around = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"];
    let expected = SERVICES.iter().chain(&around).map(|&name| name.to_owned()).collect();
    assert_eq!(listed, expected);

    let mut files = BTreeSet::new();
    let mut waiting: Vec<MessageRequest> =
        SERVICES.iter().map(|&name| MessageRequest::FileContainingSymbol(name.to_owned())).collect();
    while let Some(question) = waiting.pop() {
        let MessageResponse::FileDescriptorResponse(found) = ask(&channel, question.clone()).await else {
            panic!("{question:?}: no file")
        };
        for file in found.file_descriptor_proto {
            let file = FileDescriptorProto::decode(&*file).expect("a file");
            let ours = file.dependency.iter().filter(|name| name.starts_with("hazardcast/"));
            waiting.extend(ours.cloned().map(MessageRequest::FileByFilename));
            if files.insert(file.name().to_owned()) {
                assert_eq!(uncommented(&file), [""; 0], "{}", file.name());
            }
        }
        waiting.retain(|question| !matches!(question, MessageRequest::FileByFilename(name) if files.contains(name)));
    }
    assert!(files.len() > SERVICES.len() && files.iter().all(|name| name.starts_with("hazardcast/v1/")), "{files:?}");
}

/// Calls, messages, fields, enums and values that nothing is said of. Numbers in paths are those of `descriptor.proto`.
fn uncommented(file: &FileDescriptorProto) -> Vec<String> {
    let mut seeker =
        Seeker { locations: &file.source_code_info.as_ref().expect("sources").location, silent: Vec::new() };
    for (index, message) in file.message_type.iter().enumerate() {
        seeker.message(&[4, index as i32], message);
    }
    for (index, one) in file.enum_type.iter().enumerate() {
        seeker.enumeration(&[5, index as i32], one);
    }
    for (index, service) in file.service.iter().enumerate() {
        let path = [6, index as i32];
        seeker.look(&path, service.name());
        for (index, method) in service.method.iter().enumerate() {
            seeker.look(&[&path[..], &[2, index as i32]].concat(), method.name());
        }
    }
    seeker.silent
}

struct Seeker<'a> {
    locations: &'a [Location],
    silent: Vec<String>,
}

impl Seeker<'_> {
    fn look(&mut self, path: &[i32], name: &str) {
        let location = self.locations.iter().find(|location| location.path == path);
        let comment = location.map_or("", |location| location.leading_comments()).trim();
        if !comment.ends_with(['.', ':']) || comment.len() < 4 {
            self.silent.push(name.to_owned());
        }
    }

    fn message(&mut self, path: &[i32], message: &DescriptorProto) {
        self.look(path, message.name());
        for (index, field) in message.field.iter().enumerate() {
            self.look(&[path, &[2, index as i32]].concat(), &format!("{}.{}", message.name(), field.name()));
        }
        for (index, nested) in message.nested_type.iter().enumerate() {
            self.message(&[path, &[3, index as i32]].concat(), nested);
        }
        for (index, one) in message.enum_type.iter().enumerate() {
            self.enumeration(&[path, &[4, index as i32]].concat(), one);
        }
    }

    fn enumeration(&mut self, path: &[i32], one: &EnumDescriptorProto) {
        self.look(path, one.name());
        for (index, value) in one.value.iter().enumerate() {
            self.look(&[path, &[2, index as i32]].concat(), value.name());
        }
        let zero = one.value.first().expect("it has values");
        assert!(zero.number() == 0 && zero.name().ends_with("_UNSPECIFIED"), "{}", zero.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_knows_is_unimplemented() {
    let house = House::open().await;
    let mut client = tonic::client::Grpc::new(house.channel.clone());
    client.ready().await.expect("it is open");
    let codec = tonic_prost::ProstCodec::<v1::GetPartnerRequest, v1::GetPartnerResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/hazardcast.v1.PartnerService/EndTheWorld");
    let answer = client.unary(tonic::Request::new(v1::GetPartnerRequest::default()), path, codec).await;
    assert_eq!(answer.expect_err("there is none").code(), Code::Unimplemented);
    house.close().await;
}
