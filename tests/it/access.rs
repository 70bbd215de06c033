//! Access over real TLS: certificates, tokens, their ends, and the first operator (R-P9).

use std::fs;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use hazardcast::access::{Allowance, Limits};
use hazardcast::device::Credentials;
use hazardcast::domain::SignedDuration;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::proof::Kind as Proof;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::support::api::{consent, create, credentials, phone_at};
use crate::support::authority::Root;
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::phone::Phone;
use crate::support::server::PATIENCE;
use crate::support::site::{Site, authority, make, operator, partner, who_am_i, with_token};

const TOWN: [f64; 2] = [-92.6, 16.7];

/// What an error says, without the connection's own words.
fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

async fn submit(channel: Channel, token: &str, message: &Message) -> Result<v1::SubmitAlertResponse, Status> {
    let raw = v1::RawAlert { content: message.cap().into(), media_type: String::new() };
    let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
    Ok(AlertServiceClient::new(with_token(channel, token)).submit_alert(request).await?.into_inner())
}

/// Registers a device that consents to everything it needs.
pub(crate) async fn register(channel: Channel, token: &str, app: &str) -> Result<Credentials, Status> {
    let mut registration = phone_at(TOWN);
    registration.consents.push(consent(v1::ConsentPurpose::SavedPlaces));
    registration.consents.iter_mut().for_each(|consent| consent.policy_version = 2);
    let request = create(app, registration);
    let answer = DeviceServiceClient::new(with_token(channel, token)).create_registration(request).await?.into_inner();
    Ok(credentials(&answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_goes_from_its_authority_to_a_partners_device_over_tls_alone() {
    let site = Site::open().await;
    site.admit("acme").await;
    let (_, backend) = site.make(partner("acme")).await;
    let (_, gateway) = site.make(authority("test", SENDER)).await;
    let channel = site.channel().await;
    let device = register(channel.clone(), &backend, "partners/acme/apps/main").await.expect("registered");
    let mut phone = Phone::open(&site.channel().await, &device).await;
    let answer = submit(channel.clone(), &gateway, &Message::warning("a", NOON, TOWN)).await.expect("taken");
    assert!(matches!(answer.outcome, Some(Outcome::Admitted(_))));
    assert_eq!(phone.notice().await.headline, "Headline of a");
    // The drain reaches links over TLS as any others.
    site.close().await;
    while phone.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_sends_for_its_own_senders_and_sees_its_own_alerts() {
    let site = Site::open().await;
    let (_, own) = site.make(authority("test", SENDER)).await;
    let (_, other) = site.make(authority("other", "other@example.org")).await;
    let channel = site.channel().await;
    let message = Message::warning("a", NOON, TOWN);
    assert_eq!(code(submit(channel.clone(), &other, &message).await), Code::PermissionDenied);
    let Some(Outcome::Admitted(admitted)) = submit(channel.clone(), &own, &message).await.expect("taken").outcome
    else {
        panic!("it is not admitted")
    };
    let of = |token: &str| AlertServiceClient::new(with_token(channel.clone(), token));
    let get = |name: &str| v1::GetAlertRequest { name: name.to_owned() };
    assert!(of(&own).get_alert(get(&admitted.name)).await.is_ok());
    let foreign = of(&other).get_alert(get(&admitted.name)).await.expect_err("another's");
    let missing = of(&other).get_alert(get("alerts/ffffffff")).await.expect_err("nobody's");
    assert_eq!((foreign.code(), foreign.message()), (missing.code(), missing.message()));
    assert_eq!(foreign.details(), missing.details());
    let listed = of(&other).list_alerts(v1::ListAlertsRequest::default()).await.expect("listed").into_inner();
    assert_eq!(listed.alerts, []);
    let fan_outs = |token: &str| FanOutServiceClient::new(with_token(channel.clone(), token));
    let watch = v1::WatchFanOutRequest { name: admitted.fan_out.clone() };
    assert_eq!(code(fan_outs(&other).watch_fan_out(watch.clone()).await), Code::NotFound);
    assert!(fan_outs(&own).watch_fan_out(watch).await.is_ok());
    let listed = fan_outs(&other).list_fan_outs(v1::ListFanOutsRequest::default()).await.expect("listed").into_inner();
    assert_eq!(listed.fan_outs, []);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_whose_credential_binds_it() {
    let site = Site::open().await;
    site.admit("acme").await;
    let (by_hash, by_uri) = (site.root.client("urn:hash"), site.root.client("spiffe://acme.example/backend"));
    let hash = site.bind(partner("acme"), Proof::CertificateSha256(by_hash.sha256.clone().into())).await;
    let hash = hash.expect("bound").name;
    let uri = "spiffe://acme.example/backend".to_owned();
    let uri = site.bind(operator(v1::OperatorRole::View), Proof::CertificateUri(uri)).await.expect("bound").name;
    let channel = site.channel_with(&by_hash).await;
    assert_eq!(who_am_i(with_token(channel.clone(), "")).await.expect("known"), hash);
    // A token that is shown goes before the certificate, good or bad.
    let (name, token) = site.make(operator(v1::OperatorRole::View)).await;
    assert_eq!(who_am_i(with_token(channel.clone(), &token)).await.expect("known"), name);
    assert_eq!(code(who_am_i(with_token(channel.clone(), "hc_no")).await), Code::Unauthenticated);
    // A new certificate of the same URI is the same caller; one of another URI is nobody.
    for certificate in [by_uri, site.root.client("spiffe://acme.example/backend")] {
        let channel = site.channel_with(&certificate).await;
        assert_eq!(who_am_i(with_token(channel, "")).await.expect("known"), uri);
    }
    let unbound = site.channel_with(&site.root.client("spiffe://acme.example/other")).await;
    assert_eq!(code(who_am_i(with_token(unbound, "")).await), Code::Unauthenticated);
    // On a connection that is open already, the revocation holds for the next call.
    site.revoke(&hash).await;
    assert_eq!(code(who_am_i(with_token(channel, "")).await), Code::Unauthenticated);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_other_roots_are_taken_from_neither_side() {
    let site = Site::open().await;
    let stranger = Root::new("Stranger");
    let uri = "urn:a".to_owned();
    site.bind(operator(v1::OperatorRole::View), Proof::CertificateUri(uri)).await.expect("bound");
    let forged = stranger.client("urn:a");
    let channel = site.endpoint(Some(&forged)).connect_lazy();
    assert_ne!(code(who_am_i(with_token(channel, "")).await), Code::Ok);
    let good = site.channel_with(&site.root.client("urn:a")).await;
    assert!(who_am_i(with_token(good, "")).await.is_ok());
    // A client that trusts another root does not talk to this server, and plain text is not spoken.
    let other = Site::open().await;
    let url = format!("https://localhost:{}", site.address().port());
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(other.root.pem()));
    let endpoint = Endpoint::from_shared(url).expect("a URL").tls_config(tls).expect("certificates");
    assert!(endpoint.connect().await.is_err());
    let plain = Endpoint::from_shared(format!("http://{}", site.address())).expect("a URL").connect_lazy();
    assert_ne!(code(who_am_i(with_token(plain, &site.administrator)).await), Code::Ok);
    other.close().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_get_new_certificates_and_open_ones_go_on() {
    let mut site = Site::open().await;
    let before = site.channel().await;
    let old_client = site.channel_with(&site.root.client("urn:a")).await;
    site.bind(operator(v1::OperatorRole::View), Proof::CertificateUri("urn:a".to_owned())).await.expect("bound");
    assert!(who_am_i(with_token(old_client.clone(), "")).await.is_ok());
    let old_root = std::mem::replace(&mut site.root, Root::new("Next"));
    let administrator = site.administrator.clone();
    // Half of a change: it is not taken, and the old certificate stays.
    fs::write(site.path("server.pem"), "half").expect("written");
    site.reload();
    assert_eq!(site.endpoint(None).connect().await.err().map(|_| ()), Some(()));
    fs::write(site.path("roots.pem"), site.root.pem()).expect("written");
    site.root.server().write(&site.path("server.pem"), &site.path("server.key"));
    site.reload();
    let started = Instant::now();
    let after = loop {
        match site.endpoint(None).connect().await {
            Ok(channel) => break channel,
            Err(_) => assert!(started.elapsed() < PATIENCE, "the new certificate is not shown"),
        }
        site.reload();
    };
    assert!(who_am_i(with_token(after, &administrator)).await.is_ok());
    assert!(who_am_i(with_token(before, &administrator)).await.is_ok());
    // The root of this client's certificate is gone: a connection does not outlive it.
    assert_eq!(code(who_am_i(with_token(old_client, "")).await), Code::Unauthenticated);
    drop(old_root);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_ends_open_streams_and_an_expiry_does_too() {
    let site = Site::open().await;
    let (view, watcher) = site.make(operator(v1::OperatorRole::View)).await;
    let (_, expiring) = site.make(operator(v1::OperatorRole::View)).await;
    let channel = site.channel().await;
    let mut streams = Vec::new();
    for token in [&watcher, &expiring] {
        let client = tonic_health::pb::health_client::HealthClient::new(with_token(channel.clone(), token));
        let request = tonic_health::pb::HealthCheckRequest::default();
        let mut stream = { client }.watch(request).await.expect("watched").into_inner();
        assert!(stream.message().await.expect("told").is_some());
        streams.push(stream);
    }
    site.revoke(&view).await;
    assert_eq!(code(streams[0].message().await), Code::Unauthenticated);
    assert_eq!(code(who_am_i(with_token(channel.clone(), &watcher)).await), Code::Unauthenticated);
    site.clock.set(NOON + SignedDuration::from_hours(91 * 24));
    assert_eq!(code(streams[1].message().await), Code::Unauthenticated);
    let error = who_am_i(with_token(channel, &expiring)).await.expect_err("it has expired");
    assert_eq!((error.code(), error.message()), (Code::Unauthenticated, "the credential has expired"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_partner_sends_no_more_through_a_stream_that_is_open() {
    let site = Site::open().await;
    site.admit("acme").await;
    let (name, token) = site.make(partner("acme")).await;
    let channel = site.channel().await;
    let device = register(channel.clone(), &token, "partners/acme/apps/main").await.expect("registered");
    let (batches, requests) = mpsc::channel(1);
    let report = v1::ReportPlaceRequest { name: device.registration.to_string(), place: None };
    let batch = v1::ReportPlacesRequest { requests: vec![report] };
    let mut client = DeviceServiceClient::new(with_token(channel, &token));
    batches.send(batch.clone()).await.expect("sent");
    let mut answers = client.report_places(ReceiverStream::new(requests)).await.expect("opened").into_inner();
    assert_eq!(answers.message().await.expect("answered").expect("told").accepted_count, 1);
    site.revoke(&name).await;
    // Whether or not this one still finds the stream open, it is not answered.
    drop(batches.send(batch).await);
    assert_eq!(code(answers.message().await), Code::Unauthenticated);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bootstrap_token_makes_one_operator_and_credentials_outlive_a_restart() {
    let site = Site::open().await;
    assert!(!site.path("data/bootstrap.token").exists());
    let (_, view) = site.make(operator(v1::OperatorRole::View)).await;
    let (revoked, gone) = site.make(operator(v1::OperatorRole::View)).await;
    site.revoke(&revoked).await;
    let site = site.restart().await;
    assert!(!site.path("data/bootstrap.token").exists(), "it is nobody's no more");
    let channel = site.channel().await;
    assert!(who_am_i(with_token(channel.clone(), &view)).await.is_ok());
    assert_eq!(code(who_am_i(with_token(channel.clone(), &gone)).await), Code::Unauthenticated);
    // Nobody but one who administers makes credentials, and the last of those stays.
    let refused = make(with_token(channel, &view), operator(v1::OperatorRole::Administer)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_is_told_when_to_come_again_and_others_are_not_held_up() {
    let allowance = Allowance { calls: NonZeroU32::new(1), open: 4 };
    let site = Site::open_with(Limits { partner: Some(allowance), ..Limits::default() }).await;
    site.admit("acme").await;
    site.admit("rival").await;
    let (_, busy) = site.make(partner("acme")).await;
    let (_, calm) = site.make(partner("rival")).await;
    let channel = site.channel().await;
    let mut refused = None;
    for _ in 0..1_000 {
        if let Err(status) = who_am_i(with_token(channel.clone(), &busy)).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("there is a bound");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let details = String::from_utf8_lossy(refused.details()).into_owned();
    assert!(details.contains("google.rpc.RetryInfo"), "{details}");
    assert!(who_am_i(with_token(channel, &calm)).await.is_ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_without_end_is_refused() {
    let site = Site::open().await;
    let mut request = tonic::Request::new(v1::WhoAmIRequest {});
    request.metadata_mut().insert("x-long", "a".repeat(64 << 10).parse().expect("ASCII"));
    let mut client = v1::access_service_client::AccessServiceClient::new(site.administrator().await);
    assert_ne!(code(client.who_am_i(request).await), Code::Ok);
    assert!(who_am_i(site.administrator().await).await.is_ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_opens_no_more_links_than_its_network_may() {
    let limits = Limits { links_of_one_network: NonZeroU32::new(1), ..Limits::default() };
    let site = Site::open_with(limits).await;
    let channel = site.channel().await;
    let mut refused = None;
    for _ in 0..1_000 {
        let requests = tokio_stream::empty::<v1::OpenLinkRequest>();
        let mut client = v1::link_service_client::LinkServiceClient::new(channel.clone());
        if let Err(status) = client.open_link(requests).await {
            refused = Some(status);
            break;
        }
    }
    assert_eq!(refused.expect("there is a bound").code(), Code::ResourceExhausted);
    assert!(who_am_i(site.administrator().await).await.is_ok(), "who is known is not held up");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_and_link_secrets_are_counted_and_cost_the_connection() {
    let limits = Limits { failures_of_one_network: NonZeroU32::new(5), ..Limits::default() };
    let site = Site::open_with(limits).await;
    site.admit("acme").await;
    let (_, token) = site.make(partner("acme")).await;
    let device = register(site.channel().await, &token, "partners/acme/apps/main").await.expect("registered");
    let attacker = site.channel().await;
    let mut phone = Phone::hello_with(&attacker, &device, vec![0; 32]).await;
    while phone.next().await.is_some() {}
    // It may come back over new connections; each is let go when it fails once more.
    let mut lost = false;
    for _ in 0..200 {
        let error = who_am_i(with_token(attacker.clone(), "hc_wrong")).await.expect_err("wrong");
        lost |= error.code() != Code::Unauthenticated;
    }
    assert!(lost, "no connection was let go");
    assert!(who_am_i(with_token(site.channel().await, &token)).await.is_ok(), "a good token is never kept out");
    let metrics = get(&site, "/metrics").await;
    assert!(metrics.contains("hazardcast_authentications_failed_total{proof=\"token\"}"), "{metrics}");
    assert!(metrics.contains("hazardcast_authentications_failed_total{proof=\"link_secret\"} 1"), "{metrics}");
    assert!(!metrics.contains("hc_"), "{metrics}");
    site.close().await;
}

/// An answer of the HTTP listener, over TLS.
async fn get(site: &Site, path: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    let pem = site.root.pem();
    let root =
        <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem.as_bytes());
    roots.add(root.expect("PEM")).expect("a root");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(site.http_address()).await.expect("it listens");
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let mut stream =
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await.expect("TLS");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer).await);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_does_not_shake_hands_keeps_nobody_out() {
    let site = Site::open().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(site.address()).await.expect("it listens"));
    }
    let answered = tokio::time::timeout(Duration::from_mins(1), async { who_am_i(site.administrator().await).await });
    assert!(answered.await.expect("in time").is_ok());
    site.close().await;
}
