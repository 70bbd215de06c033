//! `/metrics` says what happened, no more and no less.

use std::collections::HashMap;

use hazardcast::wire::v1::submit_alert_response::Outcome;

use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::server::ask;

const TOWN: [f64; 2] = [-92.6, 16.7];
const FAR: [f64; 2] = [24.9, 60.2];

/// Every sample that is not 0, by its name and labels.
async fn samples(house: &House) -> HashMap<String, f64> {
    let address = house.http_address();
    let (_, text) = tokio::task::spawn_blocking(move || ask(address, "/metrics")).await.expect("it is asked");
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.strip_prefix("hazardcast_")?.to_owned(), value.parse::<f64>().ok()?))
    };
    text.lines().filter_map(sample).filter(|(_, value)| *value != 0.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_links_and_devices_are_counted_as_they_were() {
    let house = House::open().await;
    let (near, far) = (house.register(TOWN).await, house.register(FAR).await);
    let offline = house.register(TOWN).await;
    let mut phones = [Phone::open(&house.channel, &near).await, Phone::open(&house.channel, &far).await];
    let message = Message::warning("a", NOON, TOWN);
    let fan_out = house.send(&message).await;
    let notice = phones[0].notice().await;
    phones[0].acknowledge(&notice).await;
    house.acknowledged(&fan_out.name, 1).await;
    assert!(matches!(house.submit(&message).await, Outcome::Ignored(_)));
    house.report_place(&offline, FAR).await;
    // One that was never sent anything says that it has it.
    phones[1].acknowledge(&notice).await;
    phones[1].has_nothing().await;

    let samples = samples(&house).await;
    let of = |name: &str| samples.get(name).copied().unwrap_or(0.0);
    for (name, expected) in [
        ("alerts_decided_total{decision=\"admitted\"}", 1.0),
        ("alerts_decided_total{decision=\"ignored\"}", 1.0),
        ("accept_seconds_count", 1.0),
        ("plan_seconds_count", 1.0),
        ("first_notice_seconds_count", 1.0),
        ("devices_told_total", 1.0),
        ("devices_skipped_total{reason=\"no_route\"}", 1.0),
        ("fan_out_devices_total{channel=\"link\",milestone=\"planned\"}", 1.0),
        ("fan_out_devices_total{channel=\"link\",milestone=\"sent\"}", 1.0),
        ("fan_out_devices_total{channel=\"link\",milestone=\"acknowledged\"}", 1.0),
        ("fan_out_devices_total{channel=\"link\",milestone=\"failed\"}", 0.0),
        ("queue_depth{queue=\"link\"}", 0.0),
        ("links_open", 2.0),
        ("registrations", 3.0),
        ("places", 3.0),
    ] {
        assert_eq!((name, of(name)), (name, expected));
    }
    house.close().await;
}
