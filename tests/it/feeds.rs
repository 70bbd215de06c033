//! Feeds that are fetched, from real servers on loopback with the faults that real ones have: what is in them is told
//! once, by whom may, and nothing is lost over restarts and kills.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::authority_service_client::AuthorityServiceClient;
use hazardcast::wire::v1::feed_service_client::FeedServiceClient;
use hazardcast::wire::v1::test_feed_request::Feed as Tested;
use jiff::SignedDuration;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::house::{House, NOON};
use crate::support::message::{Message, SENDER};
use crate::support::phone::Phone;
use crate::support::server::{PATIENCE, Server, ask, hazardcast};
use crate::support::site::{Site, authority, with_token};
use crate::support::source::{Reply, Source};

const TOWN: [f64; 2] = [-92.6, 16.7];
const CAP: &str = "application/cap+xml";
const ATOM: &str = "application/atom+xml";

/// A feed of these entries.
pub(crate) fn atom(entries: &[String]) -> String {
    format!("<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>", entries.concat())
}

/// An entry that says where an alert is.
fn entry(id: &str, link: &str) -> String {
    format!("<entry><id>{id}</id><updated>2030-01-01T00:00:00Z</updated><link href='{link}' type='{CAP}'/></entry>")
}

/// An entry with its alert in it.
pub(crate) fn whole(message: &Message) -> String {
    let cap = message.cap();
    let alert = &cap[cap.find("<alert").expect("an alert")..];
    format!("<entry><id>{}</id><content type='text/xml'>{alert}</content></entry>", message.identifier)
}

const fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// A feed of the development server's authority that is asked each second.
pub(crate) fn feed(urls: &[String]) -> v1::Feed {
    v1::Feed {
        kind: v1::feed::Kind::Fetched.into(),
        urls: urls.to_vec(),
        authority: "authorities/dev".to_owned(),
        interval: Some(seconds(1)),
        answer_timeout: Some(seconds(2)),
        grace_period: Some(seconds(600)),
        ..v1::Feed::default()
    }
}

pub(crate) async fn add(channel: &Channel, id: &str, feed: v1::Feed) -> v1::Feed {
    let request = v1::CreateFeedRequest { feed_id: id.to_owned(), feed: Some(feed) };
    let answer = FeedServiceClient::new(channel.clone()).create_feed(request).await;
    answer.expect("it is added").into_inner().feed.expect("it is told")
}

pub(crate) async fn status(channel: &Channel, id: &str) -> v1::FeedStatus {
    let request = v1::GetFeedRequest { name: format!("feeds/{id}") };
    let answer = FeedServiceClient::new(channel.clone()).get_feed(request).await;
    answer.expect("it is there").into_inner().feed.expect("it is told").status.expect("it is told")
}

/// What would become of what is in a feed; or why nothing good comes.
async fn trial(channel: &Channel, feed: v1::Feed) -> v1::FeedTrial {
    let request = v1::TestFeedRequest { feed: Some(Tested::Settings(feed)) };
    let answer = FeedServiceClient::new(channel.clone()).test_feed(request).await;
    answer.expect("it is tried").into_inner().trials.remove(0)
}

pub(crate) async fn alerts(channel: &Channel) -> Vec<v1::Alert> {
    let request = v1::ListAlertsRequest { page_size: 1_000, ..v1::ListAlertsRequest::default() };
    let answer = AlertServiceClient::new(channel.clone()).list_alerts(request).await;
    answer.expect("they are listed").into_inner().alerts
}

/// The identifiers of all alerts that were admitted.
async fn identifiers(channel: &Channel) -> BTreeSet<String> {
    let found = alerts(channel).await;
    found.into_iter().map(|alert| alert.message.expect("it is told").identifier).collect()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn sample(house: &House, name: &'static str) -> f64 {
    let address = house.http_address();
    let (_, text) = tokio::task::spawn_blocking(move || ask(address, "/metrics")).await.expect("it is asked");
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("hazardcast_{name} ")));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

fn set(identifiers: &[&str]) -> BTreeSet<String> {
    identifiers.iter().map(|identifier| (*identifier).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_links_to_is_told_once_and_what_has_not_changed_is_not_read_again() {
    let (house, source) = (House::open().await, Source::open().await);
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    source.say("/a.xml", Reply::new(CAP, Message::warning("a", NOON, TOWN).cap()));
    source.say("/feed", Reply::new(ATOM, atom(&[entry("1", "/a.xml")])).tagged("one"));
    add(&house.channel, "met", feed(&[source.at("/feed")])).await;
    phone.notice().await;
    until("it is asked whether it has changed", async || {
        source.asked("/feed").iter().any(|head| head.contains("if-none-match: \"one\""))
    })
    .await;
    source.say("/b.xml", Reply::new(CAP, Message::warning("b", NOON, TOWN).cap()));
    source
        .say("/feed", Reply::packed(ATOM, atom(&[entry("2", &source.at("/b.xml")), entry("1", "/a.xml")]).as_bytes()));
    phone.notice().await;
    let polls = source.asked("/feed").len();
    until("it is asked twice more", async || source.asked("/feed").len() > polls + 1).await;
    phone.has_nothing().await;
    assert_eq!(source.asked("/a.xml").len(), 1);
    assert_eq!(identifiers(&house.channel).await, set(&["a", "b"]));
    let status = status(&house.channel, "met").await;
    assert_eq!((status.present_count, status.missing_count, status.failure_count), (2, 0, 0));
    assert_eq!(sample(&house, "feed_alerts_total{feed=\"met\",answer=\"admitted\"}").await, 2.0);
    assert!(sample(&house, "feed_polls_total{feed=\"met\",outcome=\"not_modified\"}").await >= 1.0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_server_is_told_for_what_it_is() {
    let (house, source) = (House::open().await, Source::open().await);
    let body = Message::warning("a", NOON, TOWN).cap();
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: {CAP}\r\n{rest}\r\n");
    let bomb = vec![b' '; 64 << 20];
    let off = "https://elsewhere.example.org/feed";
    let cases = [
        ("half", Reply::raw(&head("content-length: 9999"), body.clone()), "not whole"),
        ("chunk", Reply::raw(&head("transfer-encoding: chunked"), format!("ffff\r\n{body}")), "not whole"),
        ("slow", Reply::new(CAP, body.clone()).slowly(), "did not come within 2 seconds"),
        ("silent", Reply::new(CAP, body.clone()).after(Duration::from_secs(9)), "did not come within 2 seconds"),
        ("page", Reply::new("text/html", "<html>busy</html>"), "text/html"),
        ("bomb", Reply::packed(CAP, &bomb), "more than 4194304 bytes"),
        ("large", Reply::new(CAP, vec![b' '; 5 << 20]), "more than 4194304 bytes"),
        (
            "plain",
            Reply::raw(&head(&format!("content-encoding: gzip\r\ncontent-length: {}", body.len())), body.clone()),
            "not gzip",
        ),
        ("brotli", Reply::raw(&head("content-encoding: br\r\ncontent-length: 1"), "x"), "not asked for"),
        ("off", Reply::sent_on(off), "not among the feed's hosts"),
        ("round", Reply::sent_on("/round"), "more than 3 times"),
        ("user", Reply::sent_on("https://a@example.org/"), "cannot be used"),
        ("busy", Reply::raw("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n", ""), "status 503"),
        ("gone", Reply::raw("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n", ""), "status 404"),
        ("noise", Reply::raw("SSH-2.0-OpenSSH\r\n", ""), "not HTTP"),
        ("cut", Reply::new(CAP, body[..body.len() / 2].to_owned()), "ends before it is complete"),
    ];
    for (path, reply, expected) in cases {
        source.say(&format!("/{path}"), reply);
        let found = trial(&house.channel, feed(&[source.at(&format!("/{path}"))])).await;
        assert!(found.error.contains(expected), "{path}: {:?}", found.error);
        assert!(found.messages.is_empty(), "{path}");
    }
    let nobody = trial(&house.channel, feed(&["http://127.0.0.1:1/".to_owned()])).await;
    assert!(nobody.error.contains("cannot be connected to"), "{:?}", nobody.error);
    source.say("/good", Reply::new(CAP, body));
    source.say("/on", Reply::sent_on("/good"));
    let found = trial(&house.channel, feed(&[source.at("/on")])).await;
    let outcomes: Vec<_> = found.messages.iter().map(|message| message.outcome.as_str()).collect();
    assert_eq!((found.error.as_str(), outcomes.as_slice()), ("", &["ADMITTED"][..]));
    assert_eq!(identifiers(&house.channel).await, set(&[]), "a trial sends nothing");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_feed_goes_on_from_where_it_was() {
    let (house, source) = (House::open().await, Source::open().await);
    let messages = ["a", "b"].map(|identifier| whole(&Message::warning(identifier, NOON, TOWN)));
    source.say("/feed", Reply::new(ATOM, atom(&messages)).tagged("one"));
    add(&house.channel, "met", feed(&[source.at("/feed")])).await;
    until("they are admitted", async || identifiers(&house.channel).await.len() == 2).await;
    until("that is kept", async || source.asked("/feed").len() > 1).await;
    let house = house.restart().await;
    let before = source.asked("/feed").len();
    until("it is asked again", async || source.asked("/feed").len() > before).await;
    assert!(source.asked("/feed")[before].contains("if-none-match: \"one\""), "it knows what it had");
    // What was there is not brought to the desk again, though the server forgets what it told.
    let more = [messages.as_slice(), &[whole(&Message::warning("c", NOON, TOWN))]].concat();
    source.say("/feed", Reply::new(ATOM, atom(&more)));
    until("what is new is admitted", async || identifiers(&house.channel).await.len() == 3).await;
    assert_eq!(sample(&house, "feed_alerts_total{feed=\"met\",answer=\"admitted\"}").await, 1.0);
    assert_eq!(sample(&house, "feed_alerts_total{feed=\"met\",answer=\"duplicate\"}").await, 0.0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanishes_is_told_after_a_while_and_ended_only_where_its_operator_says_so() {
    let (house, source) = (House::open().await, Source::open().await);
    let long =
        |identifier: &str| Message { holds: SignedDuration::from_hours(6), ..Message::warning(identifier, NOON, TOWN) };
    source.say("/told", Reply::new(ATOM, atom(&[whole(&long("a")), whole(&long("b"))])));
    source.say("/ended", Reply::new(ATOM, atom(&[whole(&long("c")), whole(&long("d"))])));
    add(&house.channel, "told", feed(&[source.at("/told")])).await;
    let ended = v1::Feed { vanished: v1::feed::Vanished::Ended.into(), ..feed(&[source.at("/ended")]) };
    add(&house.channel, "ended", ended).await;
    until("they are admitted", async || identifiers(&house.channel).await.len() == 4).await;
    source.say("/told", Reply::new(ATOM, atom(&[whole(&long("b"))])));
    source.say("/ended", Reply::new(ATOM, atom(&[whole(&long("d"))])));
    for id in ["told", "ended"] {
        until("it is missing", async || status(&house.channel, id).await.missing_count == 1).await;
    }
    assert_eq!(sample(&house, "feed_vanished_total{feed=\"told\"}").await, 0.0, "it may come back");
    house.clock.advance(Duration::from_mins(11));
    for name in ["feed_vanished_total{feed=\"told\"}", "feed_vanished_total{feed=\"ended\"}"] {
        until("it has vanished", async || sample(&house, name).await == 1.0).await;
    }
    let cancelled = async || {
        let found = alerts(&house.channel).await.into_iter().filter(|alert| alert.cancelled);
        found.map(|alert| alert.message.expect("it is told").identifier).collect::<BTreeSet<_>>()
    };
    assert_eq!(cancelled().await, set(&["c.vanished"]));
    // A server that fails and serves nothing is not one that has ended everything.
    source.say("/ended", Reply::raw("HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n", ""));
    house.clock.advance(Duration::from_mins(11));
    until("it fails", async || status(&house.channel, "ended").await.failure_count > 0).await;
    until("that is an alarm", async || status(&house.channel, "ended").await.silent).await;
    assert_eq!(cancelled().await, set(&["c.vanished"]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_mirrors_the_good_ones_count_and_the_others_are_told() {
    let house = House::open().await;
    let [broken, old, new] = [Source::open().await, Source::open().await, Source::open().await];
    let (first, second) = (Message::warning("a", NOON, TOWN), NOON + SignedDuration::from_mins(1));
    house.clock.advance(Duration::from_mins(2));
    broken.say("/feed", Reply::new("text/html", "<html/>"));
    old.say("/feed", Reply::new(ATOM, atom(&[whole(&first)])));
    let newer = Message::warning("b", second, TOWN);
    new.say("/feed", Reply::new(ATOM, atom(&[whole(&first), whole(&newer)])).after(Duration::from_millis(200)));
    let urls = [&broken, &old, &new].map(|source| source.at("/feed"));
    add(&house.channel, "met", feed(&urls)).await;
    until("both are admitted", async || identifiers(&house.channel).await == set(&["a", "b"])).await;
    until("one is known to be behind", async || status(&house.channel, "met").await.mirrors[1].behind).await;
    let found = status(&house.channel, "met").await;
    let told: Vec<_> = found.mirrors.iter().map(|mirror| (mirror.failure_count > 0, mirror.behind)).collect();
    assert_eq!(told, [(true, false), (false, true), (false, false)]);
    assert_eq!((found.failure_count, found.silent), (0, false));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_urgent_of_an_index_are_fetched_first_and_links_off_the_list_never() {
    let (house, source) = (House::open().await, Source::open().await);
    let ranked = |id: &str, severity: &str| {
        source.say(&format!("/{id}"), Reply::new(CAP, Message::warning(id, NOON, TOWN).cap()));
        let entry = entry(id, &format!("/{id}"));
        entry.replace(
            "</entry>",
            &format!("<severity xmlns='urn:oasis:names:tc:emergency:cap:1.2'>{severity}</severity></entry>"),
        )
    };
    let foreign = entry("foreign", "http://localhost:1/x");
    let entries = [ranked("minor", "Minor"), ranked("extreme", "Extreme"), foreign, ranked("severe", "Severe")];
    source.say("/feed", Reply::new(ATOM, atom(&entries)).tagged("one"));
    add(&house.channel, "met", v1::Feed { max_entries: 1, ..feed(&[source.at("/feed")]) }).await;
    until("all that may be are fetched", async || identifiers(&house.channel).await.len() == 3).await;
    let order: Vec<_> = ["/extreme", "/severe", "/minor"].map(|path| source.asked(path).len()).into();
    assert_eq!(order, [1, 1, 1]);
    let mut found = alerts(&house.channel).await;
    found.reverse();
    let order: Vec<_> = found.into_iter().map(|alert| alert.message.expect("it is told").identifier).collect();
    assert_eq!(order, ["extreme", "severe", "minor"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_may_send_what_its_authority_may_for_as_long_as_that_is_admitted() {
    let site = Site::open().await;
    let channel = site.channel().await;
    let source = Source::open_encrypted(&site.root.server()).await;
    let own = Message::warning("own", NOON, TOWN);
    source.say("/feed", Reply::new(ATOM, atom(&[whole(&own)])));
    site.make(authority("met", SENDER)).await;
    site.make(authority("other", "other@example.org")).await;
    let caller = with_token(channel.clone(), &site.administrator);
    let mut feeds = FeedServiceClient::new(caller.clone());
    let of =
        |authority: &str| v1::Feed { authority: format!("authorities/{authority}"), ..feed(&[source.at("/feed")]) };
    let create =
        |id: &str, authority: &str| v1::CreateFeedRequest { feed_id: id.to_owned(), feed: Some(of(authority)) };
    let unknown = feeds.create_feed(create("none", "none")).await.expect_err("it is not admitted");
    assert_eq!(unknown.code(), Code::FailedPrecondition);
    feeds.create_feed(create("other", "other")).await.expect("added");
    let get = async |id: &str| {
        let request = v1::GetFeedRequest { name: format!("feeds/{id}") };
        let answer = FeedServiceClient::new(caller.clone()).get_feed(request).await.expect("there");
        answer.into_inner().feed.expect("told").status.expect("told")
    };
    let listed = async || {
        let answer = AlertServiceClient::new(caller.clone()).list_alerts(v1::ListAlertsRequest::default()).await;
        answer.expect("listed").into_inner().alerts.len()
    };
    until("it is answered", async || get("other").await.present_count == 1).await;
    assert_eq!(listed().await, 0, "it speaks for another sender");
    feeds.create_feed(create("met", "met")).await.expect("added");
    until("it is admitted", async || listed().await == 1).await;
    let revoke = v1::RevokeAuthorityRequest { name: "authorities/met".to_owned(), etag: String::new() };
    AuthorityServiceClient::new(caller.clone()).revoke_authority(revoke).await.expect("revoked");
    until("it may no more", async || get("met").await.error.contains("not admitted")).await;
    let paused = feeds.pause_feed(v1::PauseFeedRequest { name: "feeds/met".to_owned() }).await.expect("paused");
    assert!(paused.into_inner().feed.expect("told").paused);
    feeds.delete_feed(v1::DeleteFeedRequest { name: "feeds/met".to_owned() }).await.expect("deleted");
    let gone = feeds.get_feed(v1::GetFeedRequest { name: "feeds/met".to_owned() }).await.expect_err("gone");
    assert_eq!(gone.code(), Code::NotFound);
    drop((feeds, caller, channel));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_poll_nothing_is_lost_and_nothing_admitted_twice() {
    const ALERTS: usize = 40;
    let source = Source::open().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(folder.path(), &["--clock", "2030-03-17T17:46:40Z"]);
    tokio::task::block_in_place(|| server.start());
    let ids: Vec<String> = (0..ALERTS).map(|number| format!("k{number}")).collect();
    for id in &ids {
        let reply = Reply::new(CAP, Message::warning(id, NOON, TOWN).cap()).after(Duration::from_millis(40));
        source.say(&format!("/{id}"), reply);
    }
    let entries: Vec<String> = ids.iter().map(|id| entry(id, &format!("/{id}"))).collect();
    source.say("/feed", Reply::new(ATOM, atom(&entries)).tagged("one"));
    let connect = async |url: String| Channel::from_shared(url).expect("a URL").connect().await.expect("it listens");
    add(&connect(server.url()).await, "met", feed(&[source.at("/feed")])).await;
    for kill in 1..=4 {
        let asked = || ids.iter().map(|id| source.asked(&format!("/{id}")).len()).sum::<usize>();
        let before = asked();
        until("some are fetched", async || asked() >= before + 3 * kill).await;
        tokio::task::block_in_place(|| {
            server.kill();
            server.start();
        });
    }
    let channel = connect(server.url()).await;
    until("all are admitted", async || alerts(&channel).await.len() >= ALERTS).await;
    until("all are settled", async || status(&channel, "met").await.present_count == ALERTS as i32).await;
    assert_eq!(identifiers(&channel).await, ids.into_iter().collect());
    assert_eq!(alerts(&channel).await.len(), ALERTS, "each is one alert");
    drop(channel);
    assert!(tokio::task::block_in_place(|| server.stop()));
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_added_shown_tried_and_removed_on_the_command_line() {
    let source = Source::open().await;
    source.say("/feed", Reply::new(ATOM, atom(&[whole(&Message::warning("a", NOON, TOWN))])));
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(folder.path(), &["--clock", "2030-03-17T17:46:40Z"]);
    tokio::task::block_in_place(|| server.start());
    let url = source.at("/feed");
    let run = |arguments: &[&str]| {
        let url = server.url();
        let arguments = [&["feed"], arguments, &["--server", &url, "--json"]].concat();
        let done = tokio::task::block_in_place(|| hazardcast(&arguments).output().expect("it runs"));
        let text = String::from_utf8(done.stdout).expect("text");
        (done.status.success(), text.lines().next().map(|line| line.parse::<serde_json::Value>().expect("JSON")))
    };
    let (done, _) = run(&["add", "met", "--authority", "dev", "--url", &url, "--interval", "1"]);
    assert!(done);
    let (done, tried) = run(&["test", "met"]);
    let tried = tried.expect("it is told");
    assert!(done && tried["messages"][0]["identifier"] == "a", "{tried}");
    assert_eq!(run(&["pause", "met"]).1.expect("told")["state"], "paused");
    assert_ne!(run(&["resume", "met"]).1.expect("told")["state"], "paused");
    assert_eq!(run(&["list"]).1.expect("told")["name"], "feeds/met");
    assert_eq!(run(&["show", "met"]).1.expect("told")["authority"], "authorities/dev");
    assert!(run(&["remove", "met"]).0);
    let (done, refused) = run(&["show", "met"]);
    assert!(!done && refused.expect("told")["error"].as_str().expect("text").contains("no such feed"));
    assert!(tokio::task::block_in_place(|| server.stop()));
}
