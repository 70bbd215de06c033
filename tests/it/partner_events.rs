//! Partners are told what happens to their registrations: over streams, page by page, and by webhooks, each its own.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hazardcast::wire::v1;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::partner_event::Kind;
use hazardcast::wire::v1::partner_event_service_client::PartnerEventServiceClient;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::Code;
use tonic::transport::Channel;

use crate::access::register;
use crate::support::api::{ALPHA, Api, Refused, consent, create, phone, phone_at, token};
use crate::support::authority::{Root, Signed};
use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::server::{PATIENCE, Server, hazardcast};
use crate::support::site::{Site, partner as principal, with_token};

const DEV: &str = "partners/dev";
const PLACE: [f64; 2] = [8.5, 47.3];

/// A request that came to a receiver.
#[derive(Debug, Clone)]
struct Delivery {
    id: String,
    timestamp: i64,
    signatures: Vec<String>,
    body: String,
}

impl Delivery {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// Whether one of its signatures is by this secret, as the specification says.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &base64(secret.strip_prefix("whsec_").expect("a secret")));
        let content = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        self.signatures.iter().any(|signature| {
            let tag = base64(signature.strip_prefix("v1,").expect("version 1"));
            hmac::verify(&key, content.as_bytes(), &tag).is_ok()
        })
    }
}

/// Reads base64 as RFC 4648 has it.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text.chars().map_while(|c| ALPHABET.find(c).map(|at| at as u32)).collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let word = chunk.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - chunk.len()));
        word.to_be_bytes()[1..chunk.len()].to_vec()
    });
    bytes.collect()
}

/// A partner's own server. It answers as it was told to, and with 204 after that.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<Delivery>>>,
    script: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Receiver {
    async fn open(script: &[&'static str]) -> Self {
        Self::listen(script, None).await
    }

    /// One that speaks TLS with this certificate.
    async fn open_encrypted(certificate: &Signed) -> Self {
        let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).map(|der| der.expect("PEM"));
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("PEM");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.collect(), key);
        Self::listen(&[], Some(TlsAcceptor::from(Arc::new(config.expect("a pair"))))).await
    }

    async fn listen(script: &[&'static str], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let url = match tls {
            Some(_) => format!("https://localhost:{}/hook?key=1", address.port()),
            None => format!("http://{address}/hook?key=1"),
        };
        let receiver =
            Self { url, came: Arc::default(), script: Arc::new(Mutex::new(script.iter().copied().collect())) };
        let own = receiver.clone();
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, tls) = (own.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => own.serve(tls.accept(stream).await.ok()?).await,
                        None => own.serve(stream).await,
                    }
                });
            }
        });
        receiver
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut held = Vec::new();
        loop {
            let request = loop {
                if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
                    break String::from_utf8(held.drain(..end + 4).collect()).expect("text");
                }
                if stream.read_buf(&mut held).await.ok()? == 0 {
                    return None;
                }
            };
            assert!(request.starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{request}");
            let field = |name: &str| {
                let mut lines = request.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            let length: usize = field("content-length").expect("a length").parse().expect("a number");
            while held.len() < length {
                if stream.read_buf(&mut held).await.ok()? == 0 {
                    return None;
                }
            }
            let body = String::from_utf8(held.drain(..length).collect()).expect("text");
            let signatures = field("webhook-signature").expect("signed").split(' ').map(str::to_owned).collect();
            let timestamp = field("webhook-timestamp").expect("a time").parse().expect("a number");
            let id = field("webhook-id").expect("an id");
            self.came.lock().push(Delivery { id, timestamp, signatures, body });
            let answer = self.script.lock().pop_front().unwrap_or("204 No Content");
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    fn came(&self) -> Vec<Delivery> {
        self.came.lock().clone()
    }

    /// The first deliveries, once there are so many.
    async fn wait_for(&self, count: usize) -> Vec<Delivery> {
        let started = Instant::now();
        while self.came.lock().len() < count {
            assert!(started.elapsed() < PATIENCE, "waited too long: {:?}", self.came());
            tokio::task::yield_now().await;
        }
        self.came()
    }
}

/// A partner's calls.
#[derive(Clone)]
struct Partner {
    events: PartnerEventServiceClient<Channel>,
    api: Api,
}

impl Partner {
    fn of(channel: &Channel) -> Self {
        let events = PartnerEventServiceClient::new(channel.clone());
        Self { events, api: Api { channel: channel.clone() } }
    }

    async fn register(&self, registration: v1::Registration) -> String {
        self.api.create(create(ALPHA, registration)).await.registration.expect("it is told").name
    }

    async fn grant(&self, name: &str, purpose: v1::ConsentPurpose) {
        let request = v1::GrantConsentRequest { name: name.to_owned(), consent: Some(consent(purpose)) };
        self.api.devices().grant_consent(request).await.expect("granted");
    }

    async fn withdraw(&self, name: &str, purpose: v1::ConsentPurpose) {
        let request = v1::WithdrawConsentRequest { name: name.to_owned(), purpose: purpose.into() };
        self.api.devices().withdraw_consent(request).await.expect("withdrawn");
    }

    async fn delete(&self, name: &str) {
        let request = v1::DeleteRegistrationRequest { name: name.to_owned() };
        self.api.devices().delete_registration(request).await.expect("deleted");
    }

    async fn list(&self, after: &str) -> v1::ListPartnerEventsResponse {
        let request = v1::ListPartnerEventsRequest { parent: DEV.to_owned(), after: after.to_owned(), page_size: 0 };
        self.events.clone().list_partner_events(request).await.expect("listed").into_inner()
    }

    async fn set(&self, url: &str, rotate_secret: bool) -> v1::SetWebhookResponse {
        let webhook = Some(v1::Webhook { url: url.to_owned(), ..v1::Webhook::default() });
        let request = v1::SetWebhookRequest { parent: DEV.to_owned(), webhook, rotate_secret };
        self.events.clone().set_webhook(request).await.expect("it is set").into_inner()
    }

    async fn webhook(&self) -> v1::Webhook {
        let request = v1::GetWebhookRequest { name: format!("{DEV}/webhook") };
        self.events.clone().get_webhook(request).await.expect("there").into_inner().webhook.expect("told")
    }

    /// The webhook, once it is so.
    async fn webhook_when(&self, holds: impl Fn(&v1::Webhook) -> bool) -> v1::Webhook {
        let started = Instant::now();
        loop {
            let webhook = self.webhook().await;
            if holds(&webhook) {
                return webhook;
            }
            assert!(started.elapsed() < PATIENCE, "waited too long: {webhook:?}");
            tokio::task::yield_now().await;
        }
    }
}

fn kinds(events: &[v1::PartnerEvent]) -> Vec<&Kind> {
    events.iter().filter_map(|event| event.kind.as_ref()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_follows_what_happens_and_goes_on_behind_its_cursor() {
    let mut house = House::open().await;
    let partner = Partner::of(&house.channel);
    let name = partner.register(phone_at(PLACE)).await;
    let request = v1::StreamPartnerEventsRequest { parent: DEV.to_owned(), after: String::new() };
    let mut stream = partner.events.clone().stream_partner_events(request).await.expect("open").into_inner();
    let first = stream.message().await.expect("well").expect("it says at once how far it is");
    assert!(first.events.is_empty());
    partner.withdraw(&name, v1::ConsentPurpose::Location).await;
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(stream.message().await.expect("well").expect("it goes on").events);
    }
    assert!(matches!(kinds(&events)[..], [Kind::ConsentWithdrawn(_), Kind::PlaceForgotten(_)]), "{events:?}");
    assert!(events.iter().all(|event| event.registration == name));
    drop(stream);
    house = house.restart().await;
    let partner = Partner::of(&house.channel);
    assert_eq!(partner.list("").await.events, events);
    let behind = partner.list(&events[0].cursor).await;
    assert_eq!((behind.events.as_slice(), behind.more), (&events[1..], false));
    partner.delete(&name).await;
    let left = partner.list("").await.events;
    assert!(matches!(kinds(&left)[..], [Kind::RegistrationDeleted(_)]), "{left:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_each_event_in_order_signed_and_behind_what_was_before() {
    let house = House::open().await;
    let partner = Partner::of(&house.channel);
    let receiver = Receiver::open(&["500 Oops", "302 Found", "429 Slowly"]).await;
    let name = partner.register(phone()).await;
    partner.grant(&name, v1::ConsentPurpose::CrossBorder).await;
    let first = partner.set(&receiver.url, false).await.secret;
    partner.grant(&name, v1::ConsentPurpose::Location).await;
    partner.withdraw(&name, v1::ConsentPurpose::Location).await;
    let came = receiver.wait_for(5).await;
    let kinds: Vec<String> = came.iter().map(Delivery::kind).collect();
    let granted = "consent.granted";
    assert_eq!(kinds, [granted, granted, granted, granted, "consent.withdrawn"], "what fails is sent again");
    assert!(came[..4].iter().all(|delivery| delivery.id == came[0].id && delivery.body == came[0].body));
    assert_ne!(came[4].id, came[0].id);
    for delivery in &came {
        assert!(delivery.is_signed_with(&first) && delivery.signatures.len() == 1);
        assert_eq!(delivery.timestamp, NOON.as_second());
        assert_eq!(delivery.json()["data"]["registration"], name.as_str());
    }
    assert_eq!(came[4].json()["data"]["purpose"], "location");
    // While the secret is replaced, both sign.
    let set = partner.set(&receiver.url, true).await;
    let second = set.secret;
    assert!(second.starts_with("whsec_") && second != first);
    partner.grant(&name, v1::ConsentPurpose::LinkMerging).await;
    let last = receiver.wait_for(6).await.pop().expect("it came");
    assert!(last.is_signed_with(&first) && last.is_signed_with(&second) && last.signatures.len() == 2);
    assert_eq!(partner.set(&receiver.url, false).await.secret, "", "it is told once");
    let cursor = last.json()["data"]["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(last.id, format!("evt_{cursor}"));
    let webhook = partner.webhook_when(|webhook| webhook.cursor == cursor).await;
    assert_eq!((webhook.state(), webhook.failure_count), (v1::webhook::State::Active, 0));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_sent_nothing_more_until_it_is_set_again() {
    let mut house = House::open().await;
    let partner = Partner::of(&house.channel);
    let receiver = Receiver::open(&["410 Gone"]).await;
    partner.set(&receiver.url, false).await;
    let name = partner.register(phone()).await;
    partner.grant(&name, v1::ConsentPurpose::Location).await;
    let gone = partner.webhook_when(|webhook| webhook.state() == v1::webhook::State::Gone).await;
    assert_eq!((gone.failure_status, gone.failure_count), (410, 1));
    partner.grant(&name, v1::ConsentPurpose::LinkMerging).await;
    house = house.restart().await;
    let partner = Partner::of(&house.channel);
    assert_eq!((partner.webhook().await.state(), receiver.came().len()), (v1::webhook::State::Gone, 1));
    partner.set(&receiver.url, false).await;
    let came = receiver.wait_for(3).await;
    assert_eq!(came[0].id, came[1].id, "it goes on where it was");
    let request = v1::DeleteWebhookRequest { name: format!("{DEV}/webhook") };
    partner.events.clone().delete_webhook(request.clone()).await.expect("deleted");
    let again = partner.events.clone().delete_webhook(request).await.expect_err("it is gone");
    assert_eq!(Refused::from(again).reason, "WEBHOOK_NOT_FOUND");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_before_a_kill_is_delivered_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    // Somebody else's port for now: nothing answers there.
    let receiver = Receiver::open(&[]).await;
    let closed = format!("http://127.0.0.1:{}/hook?key=1", crate::support::server::free_port());
    let api = Api::connect(&server.url()).await;
    let partner = Partner::of(&api.channel);
    let secret = partner.set(&closed, false).await.secret;
    let name = partner.register(phone_at(PLACE)).await;
    partner.withdraw(&name, v1::ConsentPurpose::EmergencyPush).await;
    // It was answered, so it is on disk; the receiver has had nothing of it.
    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    let partner = Partner::of(&api.channel);
    let webhook = partner.webhook().await;
    assert_eq!(partner.list(&webhook.cursor).await.events.len(), 1);
    partner.set(&receiver.url, false).await;
    let came = receiver.wait_for(1).await;
    assert_eq!(came[0].kind(), "consent.withdrawn");
    assert!(came[0].is_signed_with(&secret), "the secret is still the one that was told");
    let cursor = came[0].json()["data"]["cursor"].as_str().expect("a cursor").to_owned();
    partner.webhook_when(|webhook| webhook.cursor == cursor).await;
    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    let partner = Partner::of(&api.channel);
    partner.withdraw(&name, v1::ConsentPurpose::Location).await;
    let came = receiver.wait_for(3).await;
    let kinds: Vec<String> = came.iter().map(Delivery::kind).collect();
    assert_eq!(kinds, ["consent.withdrawn", "consent.withdrawn", "place.forgotten"]);
    let ask = |words: &[&str]| {
        let mut command = hazardcast(words);
        command.args(["--partner", "dev", "--server", &server.url(), "--json"]);
        let output = command.output().expect("the binary starts");
        let lines = String::from_utf8(output.stdout).expect("text");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let shown: Vec<String> = ask(&["events"]).iter().map(|line| line["kind"].as_str().unwrap_or("").into()).collect();
    assert_eq!(shown, kinds);
    assert_eq!(ask(&["webhook", "show"])[0]["state"], "active");
    assert_eq!(ask(&["webhook", "delete"])[0]["deleted"], "partners/dev/webhook");
    assert!(server.stop(), "it ends as it should");
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_kill_comes_a_change_and_its_event_are_both_there_or_neither() {
    const PHONES: usize = 60;
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let partner = Partner::of(&Api::connect(&server.url()).await.channel);
    let names = futures_util::future::join_all((0..PHONES).map(|_| partner.register(phone()))).await;
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 1..=3 {
        let partner = Partner::of(&Api::connect(&server.url()).await.channel);
        let mut grants: FuturesUnordered<_> = names
            .iter()
            .filter(|name| !acknowledged.contains(name))
            .map(|name| {
                let consent = Some(consent(v1::ConsentPurpose::CrossBorder));
                let request = v1::GrantConsentRequest { name: name.clone(), consent };
                let mut devices = partner.api.devices();
                async move { devices.grant_consent(request).await.ok().map(|_| name.clone()) }
            })
            .collect();
        while acknowledged.len() < round * PHONES / 4
            && let Some(done) = grants.next().await
        {
            acknowledged.extend(done);
        }
        // The others are on their way.
        server.kill();
        acknowledged.extend(grants.filter_map(std::future::ready).collect::<Vec<_>>().await);
        server.start();
        let partner = Partner::of(&Api::connect(&server.url()).await.channel);
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut after = String::new();
        loop {
            let page = partner.list(&after).await;
            told.extend(page.events.into_iter().map(|event| event.registration));
            if !page.more {
                break;
            }
            after = page.cursor;
        }
        for name in &names {
            let is_granted = !partner.api.get(name).await.consents.is_empty();
            assert_eq!(told.contains(name), is_granted, "round {round}");
            assert!(is_granted || !acknowledged.contains(name), "an acknowledged grant is lost in round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_partners_are_sent_their_own_alone_and_only_by_whom_they_trust() {
    let site = Site::open().await;
    let channel = site.channel().await;
    let receivers = [
        ("acme", Receiver::open_encrypted(&site.root.server()).await),
        ("rival", Receiver::open_encrypted(&site.root.server()).await),
        ("lost", Receiver::open_encrypted(&Root::new("Somebody").server()).await),
    ];
    let mut names = Vec::new();
    for (id, receiver) in &receivers {
        site.admit(id).await;
        let (_, token) = site.make(principal(id)).await;
        let mut events = PartnerEventServiceClient::new(with_token(channel.clone(), &token));
        let webhook = Some(v1::Webhook { url: receiver.url.clone(), ..v1::Webhook::default() });
        let request = v1::SetWebhookRequest { parent: format!("partners/{id}"), webhook, rotate_secret: false };
        events.set_webhook(request).await.expect("it is set");
        let device = register(channel.clone(), &token, &format!("partners/{id}/apps/main")).await.expect("registered");
        let name = device.registration.to_string();
        let mut devices = DeviceServiceClient::new(with_token(channel.clone(), &token));
        let consent = Some(consent(v1::ConsentPurpose::CrossBorder));
        devices.grant_consent(v1::GrantConsentRequest { name: name.clone(), consent }).await.expect("granted");
        names.push(name);
    }
    for ((_, receiver), name) in receivers.iter().zip(&names).take(2) {
        let came = receiver.wait_for(1).await;
        assert!(came.iter().all(|delivery| delivery.json()["data"]["registration"] == name.as_str()), "{came:?}");
    }
    site.close().await;
    assert_eq!([0, 1, 2].map(|at: usize| receivers[at].1.came().len()), [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_and_cursors_that_cannot_be_used_are_refused_by_their_field() {
    let house = House::open().await;
    let partner = Partner::of(&house.channel);
    for url in ["", "example.org", "ftp://example.org/", "https://user@example.org/", "https://example.org/#a"] {
        let webhook = Some(v1::Webhook { url: url.to_owned(), ..v1::Webhook::default() });
        let request = v1::SetWebhookRequest { parent: DEV.to_owned(), webhook, rotate_secret: false };
        let refused = Refused::from(partner.events.clone().set_webhook(request).await.expect_err(url));
        assert_eq!((refused.code.as_str(), refused.field.as_str()), ("InvalidArgument", "webhook.url"), "{refused:?}");
    }
    for after in ["x", &"0".repeat(32)] {
        let request = v1::ListPartnerEventsRequest { parent: DEV.to_owned(), after: after.to_owned(), page_size: 0 };
        let refused = Refused::from(partner.events.clone().list_partner_events(request).await.expect_err(after));
        assert_eq!(refused.field, "after");
        let request = v1::StreamPartnerEventsRequest { parent: DEV.to_owned(), after: after.to_owned() };
        let refused = partner.events.clone().stream_partner_events(request).await.expect_err(after);
        assert_eq!(Refused::from(refused).field, "after");
    }
    let request = v1::GetWebhookRequest { name: format!("{DEV}/webhook") };
    let missing = partner.events.clone().get_webhook(request).await.expect_err("there is none");
    assert_eq!(missing.code(), Code::NotFound);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_receiver_delays_itself_alone() {
    let house = House::open().await;
    let partner = Partner::of(&house.channel);
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("bound"));
    partner.set(&url, false).await;
    let tokens = vec![token(v1::Channel::Null, "1")];
    let name = partner.register(v1::Registration { tokens, ..phone_at(PLACE) }).await;
    partner.grant(&name, v1::ConsentPurpose::CrossBorder).await;
    let (_held, _) = silent.accept().await.expect("it is called");
    let fan_out = house.send(&Message::warning("a", NOON, PLACE)).await;
    assert_eq!(fan_out.planned_count, 1, "alerts go on");
    assert_eq!(partner.list("").await.events.len(), 1, "and so does the log");
    // Whatever is on its way, the server ends in time.
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_say_which_registrations_were_told_of_an_alert() {
    let house = House::open().await;
    let partner = Partner::of(&house.channel);
    let null = |value: &str| v1::Registration { tokens: vec![token(v1::Channel::Null, value)], ..phone_at(PLACE) };
    let mut told = vec![partner.register(null("1")).await, partner.register(null("2")).await];
    partner.register(phone()).await;
    let fan_out = house.send(&Message::warning("a", NOON, PLACE)).await;
    let list = |page_size, page_token: String| {
        let request =
            v1::ListReceiptsRequest { parent: DEV.to_owned(), alert: fan_out.alert.clone(), page_size, page_token };
        let mut events = partner.events.clone();
        async move { events.list_receipts(request).await.map(tonic::Response::into_inner) }
    };
    let mut found = Vec::new();
    let mut page_token = String::new();
    for _ in 0..2 {
        let page = list(1, page_token).await.expect("listed");
        found.extend(page.receipts.into_iter().map(|receipt| receipt.registration));
        page_token = page.next_page_token;
    }
    assert_eq!(page_token, "");
    found.sort();
    told.sort();
    assert_eq!(found, told);
    partner.delete(&told[0]).await;
    let left = list(0, String::new()).await.expect("listed").receipts;
    assert_eq!(left.iter().map(|receipt| &receipt.registration).collect::<Vec<_>>(), [&told[1]]);
    let refused = Refused::from(list(0, "x".to_owned()).await.expect_err("no token"));
    assert_eq!(refused.field, "page_token");
    house.close().await;
}
