//! Alerts by a stream and by a POST: each is answered as a call's would be, whatever becomes of the others.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::stream_alerts_request::Alert;
use hazardcast::wire::v1::stream_alerts_response::Outcome;
use hazardcast::wire::v1::submit_alert_response::Outcome as Taken;
use jiff::SignedDuration;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio_stream::wrappers::ReceiverStream;

use crate::support::house::{House, NOON};
use crate::support::message::{Message, SENDER};
use crate::support::site::{Site, authority, partner, with_token};

const TOWN: [f64; 2] = [-92.6, 16.7];

fn request(id: &str, content: String) -> v1::StreamAlertsRequest {
    let raw = v1::RawAlert { content: content.into(), media_type: String::new() };
    v1::StreamAlertsRequest { request_id: id.to_owned(), alert: Some(Alert::Raw(raw)) }
}

/// What became of each request, in a word.
fn word(outcome: Option<Outcome>) -> String {
    match outcome.expect("there is one") {
        Outcome::Answer(v1::SubmitAlertResponse { outcome: Some(Taken::Admitted(_)), .. }) => "ADMITTED".to_owned(),
        Outcome::Answer(_) => "IGNORED".to_owned(),
        Outcome::Refused(refused) => refused.problems[0].reason.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alert_of_a_stream_has_its_answer_and_none_ends_it() {
    let house = House::open().await;
    let good = Message::warning("a", NOON, TOWN);
    let late = Message { holds: SignedDuration::from_mins(-1), ..Message::warning("late", NOON, TOWN) };
    let (requests, stream) = tokio::sync::mpsc::channel(4);
    let answers = AlertServiceClient::new(house.channel.clone()).stream_alerts(ReceiverStream::new(stream)).await;
    let mut answers = answers.expect("it is open").into_inner();
    let send = async {
        let bad = [
            request("bad", "<alert/>".to_owned()),
            v1::StreamAlertsRequest { request_id: "none".to_owned(), alert: None },
            request(&"x".repeat(257), good.cap()),
        ];
        let rest = [request("a", good.cap()), request("late", late.cap()), request("again", good.cap())];
        for request in bad.into_iter().chain(rest) {
            requests.send(request).await.expect("it is read");
        }
        drop(requests);
    };
    let read = async {
        let mut told = BTreeMap::new();
        while let Some(answer) = answers.message().await.expect("it goes on") {
            told.insert(answer.request_id, word(answer.outcome));
        }
        told
    };
    let ((), told) = tokio::join!(send, read);
    let long = "x".repeat(256);
    let expected = [("bad", "UNKNOWN_ROOT"), ("none", "INVALID_FIELD"), (&long, "INVALID_FIELD"), ("late", "IGNORED")];
    for (id, word) in expected {
        assert_eq!(told[id], word, "{id}");
    }
    let mut same = [told["a"].as_str(), told["again"].as_str()];
    same.sort_unstable();
    assert_eq!(same, ["ADMITTED", "IGNORED"], "the same alert is admitted once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_is_read_no_further_and_loses_nothing() {
    const ALERTS: usize = 300;
    let house = House::open().await;
    let (requests, stream) = tokio::sync::mpsc::channel(1);
    let answers = AlertServiceClient::new(house.channel.clone()).stream_alerts(ReceiverStream::new(stream)).await;
    let mut answers = answers.expect("it is open").into_inner();
    let send = async {
        for number in 0..ALERTS {
            let id = format!("s{number}");
            requests.send(request(&id, Message::warning(&id, NOON, TOWN).cap())).await.expect("it is read");
        }
        drop(requests);
    };
    let read = async {
        let mut admitted = 0;
        while let Some(answer) = answers.message().await.expect("it goes on") {
            assert_eq!(word(answer.outcome), "ADMITTED", "{}", answer.request_id);
            admitted += 1;
        }
        admitted
    };
    let ((), admitted) = tokio::join!(send, read);
    assert_eq!(admitted, ALERTS);
    house.close().await;
}

/// Status, headers and JSON of a POST.
fn answer(text: &str) -> (u16, String, Value) {
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, head.to_ascii_lowercase(), body.parse().expect("JSON"))
}

fn head(fields: &str, length: usize) -> String {
    format!(
        "POST /v1/alerts HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n"
    )
}

fn post(address: SocketAddr, fields: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(head(fields, body.len()).as_bytes()).expect("sent");
    // It may answer, and close, before all has come.
    let _ = stream.write_all(body.as_bytes());
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    answer(&text)
}

pub(crate) fn post_encrypted(address: SocketAddr, root: &str, fields: &str, body: &str) -> (u16, String, Value) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).expect("PEM")).expect("a root");
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address).expect("it listens"));
    stream.write_all(head(fields, body.len()).as_bytes()).expect("sent");
    stream.write_all(body.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    answer(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_several_alerts_and_each_has_its_own_answer() {
    let house = House::open().await;
    let address = house.http_address();
    let cap = |id: &str| {
        let cap = Message::warning(id, NOON, TOWN).cap();
        cap[cap.find("<alert").expect("an alert")..].to_owned()
    };
    let broken = cap("broken").replace("<event>Storm</event>", "");
    let list = format!("<alerts>{}{broken}{}{}</alerts>", cap("a"), cap("b"), cap("a"));
    let (status, _, told) = tokio::task::block_in_place(|| post(address, "content-type: text/xml\r\n", &list));
    let words = |told: &Value| -> Vec<String> {
        let alerts = told["alerts"].as_array().expect("a list").iter();
        let word = |alert: &Value| Some(format!("{} {}", alert["place"].as_str()?, alert["outcome"].as_str()?));
        alerts.map(|alert| word(alert).expect("told")).collect()
    };
    let words = words(&told);
    assert_eq!(status, 200);
    assert_eq!(words[1..3], ["alert[1] REFUSED", "alert[2] ADMITTED"], "{told}");
    let mut same = [words[0].as_str(), words[3].as_str()];
    same.sort_unstable();
    assert!(["alert[0] ADMITTED", "alert[0] IGNORED"].contains(&same[0]), "{told}");
    assert_eq!(told["alerts"][1]["problems"][0]["field"], "alert[1].info[0].event");
    for (fields, body, status, reason) in [
        ("content-type: text/html\r\n", "<html/>".to_owned(), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("", "<html/>".to_owned(), 400, "UNKNOWN_ROOT"),
        ("", String::new(), 400, "EMPTY"),
        ("", " ".repeat((4 << 20) + 1), 413, "TOO_LARGE"),
    ] {
        let (found, _, told) = tokio::task::block_in_place(|| post(address, fields, &body));
        assert_eq!((found, &told["error"]["problems"][0]["reason"]), (status, &Value::from(reason)), "{told}");
    }
    let (status, _, told) = tokio::task::block_in_place(|| post(address, "", &broken));
    assert_eq!((status, &told["alerts"][0]["problems"][0]["reason"]), (400, &Value::from("MISSING_FIELD")), "{told}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_posted_over_tls_by_their_authority_alone() {
    let site = Site::open().await;
    let address = site.http_address();
    let (credential, token) = site.make(authority("met", SENDER)).await;
    let (_, stranger) = site.make(authority("other", "other@example.org")).await;
    site.admit("acme").await;
    let (_, acme) = site.make(partner("acme")).await;
    let (root, cap) = (site.root.pem(), Message::warning("a", NOON, TOWN).cap());
    let ask = |token: &str| {
        let fields = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        tokio::task::block_in_place(|| post_encrypted(address, &root, &fields, &cap))
    };
    let (status, _, told) = ask(&token);
    assert_eq!((status, &told["alerts"][0]["outcome"]), (200, &Value::from("ADMITTED")), "{told}");
    assert_eq!(told["alerts"][0]["message"]["identifier"], "a");
    assert_eq!(ask("").0, 401);
    assert_eq!(ask("hc_0000000000000000_0").0, 401);
    assert_eq!(ask(&acme).0, 403);
    let (status, _, told) = ask(&stranger);
    let reason = &told["alerts"][0]["problems"][0]["reason"];
    assert_eq!((status, reason), (403, &Value::from("SENDER_NOT_ADMITTED")), "{told}");
    site.revoke(&credential).await;
    assert_eq!(ask(&token).0, 401);
    let channel = with_token(site.channel().await, &site.administrator);
    let listed = AlertServiceClient::new(channel).list_alerts(v1::ListAlertsRequest::default()).await;
    assert_eq!(listed.expect("listed").into_inner().alerts.len(), 1);
    site.close().await;
}
