//! What is in a feed no more because another message took its place: that one stands.

use std::time::Duration;

use hazardcast::wire::v1;
use jiff::SignedDuration;

use crate::feeds::{add, alerts, atom, feed, sample, status, until, whole};
use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::source::{Reply, Source};

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_was_updated_has_not_vanished_and_its_update_is_not_ended_in_its_stead() {
    let (house, source) = (House::open().await, Source::open().await);
    let first = Message { holds: SignedDuration::from_hours(6), ..Message::warning("first", NOON, [-92.6, 16.7]) };
    source.say("/feed", Reply::new("application/atom+xml", atom(&[whole(&first)])));
    let ended = v1::Feed { vanished: v1::feed::Vanished::Ended.into(), ..feed(&[source.at("/feed")]) };
    add(&house.channel, "met", ended).await;
    until("it is admitted", async || alerts(&house.channel).await.len() == 1).await;
    let update = first.followed_by("Update", "update", NOON);
    source.say("/feed", Reply::new("application/atom+xml", atom(&[whole(&update)])));
    until("the first is missing", async || status(&house.channel, "met").await.missing_count == 1).await;
    house.clock.advance(Duration::from_mins(11));
    let asked = source.asked("/feed").len();
    until("it is asked thrice more", async || source.asked("/feed").len() > asked + 2).await;
    let found = alerts(&house.channel).await;
    let [alert] = found.as_slice() else { panic!("{found:?}") };
    assert!(alert.in_force && !alert.cancelled, "{alert:?}");
    assert_eq!(sample(&house, "feed_vanished_total{feed=\"met\"}").await, 0.0);
    // When the update itself goes, the alert does.
    source.say("/feed", Reply::new("application/atom+xml", atom(&[])));
    until("both are missing", async || status(&house.channel, "met").await.missing_count == 2).await;
    house.clock.advance(Duration::from_mins(11));
    until("it is ended", async || alerts(&house.channel).await[0].cancelled).await;
    house.close().await;
}
