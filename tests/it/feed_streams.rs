//! Feeds that push, from real servers on loopback: documents back to back on TCP, and a WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::feed_service_client::FeedServiceClient;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::support::house::{House, NOON};
use crate::support::message::{Message, SENDER, cap_time};
use crate::support::server::PATIENCE;
use crate::support::source::{Reply, Source};

const TOWN: [f64; 2] = [-92.6, 16.7];

/// What a host does to all that are connected to it.
#[derive(Debug, Clone)]
enum Act {
    /// It says this.
    Say(String),
    /// It ends their connections.
    End,
}

/// A host that pushes.
#[derive(Clone)]
struct Host {
    address: SocketAddr,
    acts: broadcast::Sender<Act>,
    /// How often it was connected to.
    connections: Arc<Mutex<usize>>,
}

impl Host {
    /// One that sends bytes on TCP, a few at a time.
    async fn tcp() -> Self {
        Self::open(async |mut stream: TcpStream, mut acts: broadcast::Receiver<Act>| {
            while let Ok(Act::Say(text)) = acts.recv().await {
                for piece in text.as_bytes().chunks(300) {
                    if stream.write_all(piece).await.and(stream.flush().await).is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        })
        .await
    }

    /// One that speaks WebSocket.
    async fn websocket() -> Self {
        Self::open(async |stream: TcpStream, mut acts: broadcast::Receiver<Act>| {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            loop {
                tokio::select! {
                    act = acts.recv() => match act {
                        Ok(Act::Say(text)) => if socket.send(Frame::text(text)).await.is_err() { return },
                        _ => return drop(socket.close(None).await),
                    },
                    // Pings are answered as they are read.
                    came = socket.next() => if came.is_none() { return },
                }
            }
        })
        .await
    }

    async fn open<F>(serve: impl Fn(TcpStream, broadcast::Receiver<Act>) -> F + Send + Sync + Clone + 'static) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (acts, connections) = (broadcast::channel(64).0, Arc::<Mutex<usize>>::default());
        let host = Self { address, acts, connections };
        let own = host.clone();
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acts, serve) = (own.acts.subscribe(), serve.clone());
                *own.connections.lock() += 1;
                tokio::spawn(async move { serve(stream, acts).await });
            }
        });
        host
    }

    fn say(&self, text: impl Into<String>) {
        self.acts.send(Act::Say(text.into())).expect("it is connected to");
    }

    /// Waits until it has been connected to so often.
    async fn connected(&self, times: usize) {
        until("it is connected to", async || *self.connections.lock() >= times).await;
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn add(house: &House, feed: v1::Feed) {
    let feed = v1::Feed { authority: "authorities/dev".to_owned(), ..feed };
    let request = v1::CreateFeedRequest { feed_id: "push".to_owned(), feed: Some(feed) };
    FeedServiceClient::new(house.channel.clone()).create_feed(request).await.expect("it is added");
}

async fn status(house: &House) -> v1::FeedStatus {
    let request = v1::GetFeedRequest { name: "feeds/push".to_owned() };
    let answer = FeedServiceClient::new(house.channel.clone()).get_feed(request).await.expect("it is there");
    answer.into_inner().feed.expect("it is told").status.expect("it is told")
}

/// The identifiers of all alerts that were admitted, sorted.
async fn identifiers(house: &House) -> Vec<String> {
    let answer = AlertServiceClient::new(house.channel.clone()).list_alerts(v1::ListAlertsRequest::default()).await;
    let alerts = answer.expect("they are listed").into_inner().alerts.into_iter();
    let mut found: Vec<_> = alerts.map(|alert| alert.message.expect("it is told").identifier).collect();
    found.sort();
    found
}

fn cap(identifier: &str) -> String {
    Message::warning(identifier, NOON, TOWN).cap()
}

/// NAAD's sign of life, which refers to these.
fn heartbeat(identifiers: &[&str]) -> String {
    let sent = cap_time(NOON);
    let references: Vec<_> = identifiers.iter().map(|identifier| format!("{SENDER},{identifier},{sent}")).collect();
    format!(
        "<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'><identifier>beat</identifier>\
         <sender>NAADS-Heartbeat</sender><sent>{sent}</sent><status>System</status><msgType>Alert</msgType>\
         <scope>Public</scope><references>{}</references></alert>",
        references.join(" ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_two_hosts_are_told_once_and_what_a_heartbeat_names_is_fetched() {
    let (house, archive) = (House::open().await, Source::open().await);
    let [one, other] = [Host::tcp().await, Host::tcp().await];
    let sent = cap_time(NOON).replace(['-', ':'], "_").replace('+', "p");
    archive.say(&format!("/2030-03-17/{sent}imissed.xml").to_lowercase(), Reply::new("text/xml", cap("missed")));
    let urls = [&one, &other].map(|host| format!("tcp://{}", host.address)).to_vec();
    let kind = v1::feed::Kind::TcpStream.into();
    add(&house, v1::Feed { kind, urls, archive_url: archive.url.clone(), ..v1::Feed::default() }).await;
    one.connected(1).await;
    other.connected(1).await;
    one.say(format!("{}\n{}", cap("a"), cap("b")));
    other.say(format!("{}{}{}", cap("a"), heartbeat(&["a"]), cap("b")));
    until("they are admitted", async || identifiers(&house).await == ["a", "b"]).await;
    one.say(heartbeat(&["a", "missed", "nowhere"]));
    until("what was missed is fetched", async || identifiers(&house).await == ["a", "b", "missed"]).await;
    // A host that ends its connection, or sends what is no document, is connected to again.
    one.acts.send(Act::End).expect("it is connected to");
    one.connected(2).await;
    one.say(format!("<alert>{}", "x".repeat(5 << 20)));
    one.connected(3).await;
    one.say(format!("<alert>broken</alert>{}", cap("c")));
    until("what comes after is admitted", async || identifiers(&house).await == ["a", "b", "c", "missed"]).await;
    let found = status(&house).await;
    assert!(found.good_time.is_some() && !found.silent, "{found:?}");
    // What is known is known after a restart.
    let house = house.restart().await;
    one.connected(4).await;
    one.say(format!("{}{}", cap("a"), cap("d")));
    until("what is new is admitted", async || identifiers(&house).await == ["a", "b", "c", "d", "missed"]).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_websocket_are_alerts_or_signs_of_life() {
    let (house, host) = (House::open().await, Host::websocket().await);
    let urls = vec![format!("ws://{}/v2/ws", host.address)];
    let kind = v1::feed::Kind::WebSocket.into();
    add(&house, v1::Feed { kind, urls, max_body_bytes: 64 << 10, ..v1::Feed::default() }).await;
    host.connected(1).await;
    until("it is open", async || {
        let _ = host.acts.send(Act::Say("{\"type\":\"heartbeat\"}".to_owned()));
        status(&house).await.good_time.is_some()
    })
    .await;
    host.say(cap("a"));
    until("it is admitted", async || identifiers(&house).await == ["a"]).await;
    host.acts.send(Act::End).expect("it is connected to");
    host.connected(2).await;
    until("it is admitted after all", async || {
        let _ = host.acts.send(Act::Say(cap("b")));
        identifiers(&house).await == ["a", "b"]
    })
    .await;
    until("what is too long ends the connection", async || {
        let _ = host.acts.send(Act::Say(format!("{{\"a\":\"{}\"}}", "x".repeat(100 << 10))));
        status(&house).await.mirrors[0].error.contains("too long")
    })
    .await;
    house.close().await;
}
