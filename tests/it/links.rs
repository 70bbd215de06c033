//! Links: what is owed comes when the link is open, once, and nothing else does (R-E5, R-E6, R-E7, R-E9, R-E10, R-L6).

use std::time::Duration;

use hazardcast::device::assess;
use hazardcast::domain::Position;
use hazardcast::wire::link_frame::Frame;
use hazardcast::wire::v1;
use hazardcast::wire::v1::notice::Kind;
use hazardcast::wire::v1::submit_alert_response::Outcome;

use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;

const TOWN: [f64; 2] = [-92.6, 16.7];
const FAR: [f64; 2] = [24.9, 60.2];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_under_the_same_key_and_then_no_more() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    let fan_out = house.send(&Message::warning("a", NOON, TOWN)).await;
    let first = phone.notice().await;
    assert_eq!(first.kind(), Kind::Alert);
    phone.has_nothing().await;
    drop(phone);

    let mut phone = Phone::open(&house.channel, &device).await;
    let again = phone.notice().await;
    assert_eq!((again.key, again.headline.as_str()), (first.key, "Headline of a"));
    phone.acknowledge(&again).await;
    house.acknowledged(&fan_out.name, 1).await;
    drop(phone);

    let mut phone = Phone::open(&house.channel, &device).await;
    phone.has_nothing().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_before_it_was_sent_is_sent_nevertheless_and_not_counted() {
    let house = House::open().await;
    let (near, far) = (house.register(TOWN).await, house.register(FAR).await);
    let mut phone = Phone::open(&house.channel, &near).await;
    let mut liar = Phone::open(&house.channel, &far).await;
    let fan_out = house.send(&Message::warning("a", NOON, TOWN)).await;
    let notice = phone.notice().await;
    liar.acknowledge(&notice).await;
    liar.has_nothing().await;
    phone.acknowledge(&notice).await;
    house.acknowledged(&fan_out.name, 1).await;
    // Acknowledgements are recorded in order: the other's came before this one.
    drop(liar);
    house.report_place(&far, TOWN).await;
    let mut phone = Phone::open(&house.channel, &far).await;
    let notice = phone.notice().await;
    drop(phone);
    let mut phone = Phone::open(&house.channel, &far).await;
    assert_eq!(phone.notice().await.key, notice.key, "it is owed until it is acknowledged");
    house.acknowledged(&fan_out.name, 1).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_device_is_told_when_its_link_opens_though_the_server_was_restarted_meanwhile() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let fan_out = house.send(&Message::warning("a", NOON, TOWN)).await;
    assert_eq!(fan_out.sent, []);
    let house = house.restart().await;
    let mut phone = Phone::open(&house.channel, &device).await;
    assert_eq!(phone.notice().await.headline, "Headline of a");
    phone.has_nothing().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_not_told_to_one_who_comes_back() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let message = Message::warning("a", NOON, TOWN);
    house.send(&message).await;
    house.clock.set(NOON + message.holds);
    let mut phone = Phone::open(&house.channel, &device).await;
    phone.has_nothing().await;
    let Outcome::Ignored(ignored) = house.submit(&Message::warning("b", NOON, TOWN)).await else { panic!("admitted") };
    assert_eq!(ignored.reason(), v1::IgnoreReason::Expired);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_the_area_while_it_is_in_force_is_told_then_and_once() {
    let house = House::open().await;
    let device = house.register(FAR).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    house.send(&Message::warning("a", NOON, TOWN)).await;
    phone.has_nothing().await;
    house.clock.advance(Duration::from_secs(1));
    house.report_place(&device, TOWN).await;
    let notice = phone.notice().await;
    assert_eq!(notice.kind(), Kind::Alert);
    phone.acknowledge(&notice).await;
    house.clock.advance(Duration::from_secs(1));
    house.report_place(&device, [TOWN[0] + 0.01, TOWN[1]]).await;
    phone.has_nothing().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_revises_a_rise_sounds_and_a_cancel_releases() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    let warning = Message { severity: "Moderate", ..Message::warning("a", NOON, TOWN) };
    let later = |seconds| NOON + Duration::from_secs(seconds);
    let update = warning.followed_by("Update", "b", later(1));
    let rise = Message { severity: "Extreme", ..update.followed_by("Update", "c", later(2)) };
    let cancel = rise.followed_by("Cancel", "d", later(3));
    let mut told = Vec::new();
    for message in [&warning, &update, &rise, &cancel] {
        house.clock.set(message.sent);
        house.send(message).await;
        let notice = phone.notice().await;
        phone.acknowledge(&notice).await;
        told.push((notice.kind(), notice.key.expect("it has one").revision));
    }
    phone.has_nothing().await;
    assert_eq!(told, [(Kind::Alert, 1), (Kind::Update, 2), (Kind::Alert, 3), (Kind::Release, 4)]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exercise_is_not_told_to_one_who_has_not_asked_for_it() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let willing = house.register(TOWN).await;
    let registration =
        v1::Registration { name: willing.registration.to_string(), drills: true, ..v1::Registration::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["drills".to_owned()] });
    let request = v1::UpdateRegistrationRequest { registration: Some(registration), update_mask };
    house.devices().update_registration(request).await.expect("it is updated");
    let mut phone = Phone::open(&house.channel, &device).await;
    let mut willing = Phone::open(&house.channel, &willing).await;
    house.send(&Message { status: "Exercise", ..Message::warning("a", NOON, TOWN) }).await;
    assert_eq!(willing.notice().await.mode(), v1::AlertMode::Exercise);
    phone.has_nothing().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_has_what_a_device_needs_to_see_what_it_means_where_it_is() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    let sent = NOON - Duration::from_secs(5);
    house.send(&Message::warning("a", sent, TOWN)).await;
    let notice = phone.notice().await;
    let server_time = notice.server_time.expect("the server's time goes along");
    assert_eq!(server_time.seconds, NOON.as_second());
    let here = Position::from_degrees(TOWN[0], TOWN[1]).expect("on the globe");
    assert_eq!(assess(&notice, here, NOON).inside, Some(true));
    let away = Position::from_degrees(FAR[0], FAR[1]).expect("on the globe");
    assert_eq!(assess(&notice, away, NOON).inside, Some(false));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_in_a_language_it_reads() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    let headlines = vec![("de", "Sturm".to_owned()), ("en-GB", "Storm".to_owned())];
    house.send(&Message { headlines, ..Message::warning("a", NOON, TOWN) }).await;
    let notice = phone.notice().await;
    assert_eq!((notice.language.as_str(), notice.headline.as_str()), ("en-gb", "Storm"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_opens_nothing_and_a_newer_link_ends_the_older() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut stranger = Phone::hello_with(&house.channel, &device, vec![7; 32]).await;
    let Some(Frame::Goodbye(goodbye)) = stranger.next().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), v1::server_goodbye::Reason::Unauthenticated);

    let mut older = Phone::open(&house.channel, &device).await;
    older.has_nothing().await;
    let mut newer = Phone::open(&house.channel, &device).await;
    let Some(Frame::Goodbye(goodbye)) = older.next().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), v1::server_goodbye::Reason::Replaced);
    house.send(&Message::warning("a", NOON, TOWN)).await;
    assert_eq!(newer.notice().await.headline, "Headline of a");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_sends_its_links_away_with_a_wait() {
    let house = House::open().await;
    let device = house.register(TOWN).await;
    let mut phone = Phone::open(&house.channel, &device).await;
    phone.has_nothing().await;
    house.close().await;
    let Some(Frame::Goodbye(goodbye)) = phone.next().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), v1::server_goodbye::Reason::Draining);
    assert!(goodbye.reconnect_delay.is_some());
}
