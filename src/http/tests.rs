//! Over real sockets, since that is what asks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::tasks::Tasks;

struct House {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "a test awaits its own task")]
async fn open() -> House {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (metrics, readiness, stop) = (Arc::new(Metrics::new()), Readiness::default(), CancellationToken::new());
    let incoming = door(listener, None).open(&Tasks::new(Arc::clone(&metrics)), &metrics);
    let serving =
        tokio::spawn(serve(incoming, Arc::clone(&metrics), readiness.clone(), AlertPosts::default(), stop.clone()));
    House { address, metrics, readiness, stop, serving }
}

/// Status, headers and body.
async fn get(door: &House, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(door.address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_are_as_rendered_and_of_their_media_type() {
    let door = open().await;
    door.metrics.links_open.set(2_000);
    let (status, head, body) = get(&door, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains(&format!("content-type: {CONTENT_TYPE}")), "{head}");
    assert!(body.contains("hazardcast_links_open 2000\n") && body.ends_with("# EOF\n"), "{body}");
    assert_eq!(get(&door, "/").await.0, 404);
}

#[tokio::test]
async fn readiness_names_its_parts_and_follows_journal_and_registry() {
    let door = open().await;
    assert_eq!(get(&door, "/livez").await.0, 200);
    let (status, head, body) = get(&door, "/readyz").await;
    let parts = json!({
        "journal_replayed": false,
        "registry_loaded": false,
        "doors_open": false,
        "journal_healthy": false,
        "registry_healthy": false,
    });
    assert_eq!((status, body.parse::<Value>().expect("JSON")), (503, json!({"ready": false, "parts": parts})));
    assert!(head.contains("content-type: application/json"), "{head}");

    let [healthy, registry] = [(); 2].map(|()| Arc::new(AtomicBool::new(true)));
    let probe = Arc::clone(&healthy);
    door.readiness.journal_replayed(move || probe.load(Ordering::SeqCst));
    door.readiness.doors_open();
    door.readiness.registry_loading(|| (3, 8));
    let (status, _, body) = get(&door, "/readyz").await;
    let body: Value = body.parse().expect("JSON");
    assert_eq!((status, &body["loading"]), (503, &json!({"done": 3, "of": 8})));
    let probe = Arc::clone(&registry);
    door.readiness.registry_loaded(move || probe.load(Ordering::SeqCst));
    assert_eq!(get(&door, "/readyz").await.0, 200);

    healthy.store(false, Ordering::SeqCst);
    let (status, _, body) = get(&door, "/readyz").await;
    let body: Value = body.parse().expect("JSON");
    assert_eq!(
        (status, &body["parts"]["journal_healthy"], &body["parts"]["doors_open"]),
        (503, &json!(false), &json!(true))
    );

    healthy.store(true, Ordering::SeqCst);
    registry.store(false, Ordering::SeqCst);
    let (status, _, body) = get(&door, "/readyz").await;
    let body: Value = body.parse().expect("JSON");
    assert_eq!((status, &body["parts"]["registry_healthy"]), (503, &json!(false)));

    registry.store(true, Ordering::SeqCst);
    door.readiness.doors_closed();
    assert_eq!(get(&door, "/readyz").await.0, 503);
    assert_eq!(get(&door, "/livez").await.0, 200);
}

#[tokio::test]
async fn a_stop_ends_it_though_a_caller_is_silent() {
    let door = open().await;
    let silent = TcpStream::connect(door.address).await.expect("it listens");
    assert_eq!(get(&door, "/livez").await.0, 200);
    door.stop.cancel();
    door.serving.await.expect("it ended");
    drop(silent);
    assert!(TcpStream::connect(door.address).await.is_err());
}
