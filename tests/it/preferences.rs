//! What people want to be told of, through the API: kept, changed, refused by its field, and held to (R-S2).

use std::time::{Duration, Instant};

use hazardcast::wire::v1;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use prost_types::FieldMask;

use crate::support::api::{ALPHA, Refused, create, phone_at, token};
use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::server::PATIENCE;

const HERE: [f64; 2] = [139.7, 35.6];

/// Reached by the null channel, in Tokyo, where it is 02:46:40 when the clock of every house starts.
fn in_tokyo(preferences: Option<v1::Preferences>) -> v1::Registration {
    let phone = phone_at(HERE);
    let traits = phone.traits.clone().map(|traits| v1::DeviceTraits { time_zone: "Asia/Tokyo".to_owned(), ..traits });
    v1::Registration { traits, tokens: vec![token(v1::Channel::Null, "null")], preferences, ..phone }
}

fn quiet_until_three() -> v1::Preferences {
    let quiet_hours = Some(v1::QuietHours { start_minute: 22 * 60, end_minute: 3 * 60 });
    v1::Preferences { quiet_hours, ..v1::Preferences::default() }
}

fn severe_storms() -> v1::Preferences {
    v1::Preferences {
        least_severity: v1::Severity::Severe.into(),
        hazards: vec![v1::Category::Met.into()],
        quiet_hours: None,
    }
}

async fn register(house: &House, registration: v1::Registration) -> v1::Registration {
    let answer = house.devices().create_registration(create(ALPHA, registration)).await.expect("it is registered");
    answer.into_inner().registration.expect("it is told")
}

fn skipped(fan_out: &v1::FanOut) -> Vec<(&str, i64)> {
    fan_out.skipped.iter().map(|skip| (skip.reason.as_str(), skip.count)).collect()
}

async fn sent(house: &House, name: &str) -> i64 {
    let mut client = FanOutServiceClient::new(house.channel.clone());
    let answer = client.get_fan_out(v1::GetFanOutRequest { name: name.to_owned() }).await.expect("it is known");
    answer.into_inner().fan_out.expect("it is told").sent.iter().map(|sent| sent.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_quiet_hours_is_told_when_they_end_though_the_server_was_started_anew() {
    let house = House::open().await;
    register(&house, in_tokyo(Some(quiet_until_three()))).await;
    register(&house, in_tokyo(Some(severe_storms()))).await;
    let fires = v1::Preferences { hazards: vec![v1::Category::Fire.into()], ..v1::Preferences::default() };
    register(&house, in_tokyo(Some(fires))).await;
    let storm = Message { severity: "Moderate", ..Message::warning("storm", NOON, HERE) };
    let fan_out = house.send(&storm).await;
    let expected = [("below_least_severity", 1), ("hazard_not_wanted", 1), ("quiet_hours", 1)];
    assert_eq!((fan_out.found_count, skipped(&fan_out)), (3, expected.to_vec()));
    assert_eq!(sent(&house, &fan_out.name).await, 0);

    let house = house.restart().await;
    house.clock.advance(Duration::from_secs(800));
    let started = Instant::now();
    while sent(&house, &fan_out.name).await == 0 {
        assert!(started.elapsed() < PATIENCE, "not told in the morning");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sent(&house, &fan_out.name).await, 1);

    let wave = Message { severity: "Extreme", ..storm.followed_by("Update", "wave", NOON + Duration::from_secs(800)) };
    let fan_out = house.send(&wave).await;
    assert_eq!(skipped(&fan_out), []);
    assert_eq!(sent(&house, &fan_out.name).await, 3, "an immediate threat to life is for everybody");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_kept_and_changed_as_a_whole_and_the_audit_log_says_so() {
    let house = House::open().await;
    let first = register(&house, in_tokyo(Some(severe_storms()))).await;
    assert_eq!(first.preferences, Some(severe_storms()));
    let all = v1::Preferences { hazards: (1..=12).collect(), ..v1::Preferences::default() };
    assert_eq!(register(&house, in_tokyo(Some(all))).await.preferences, None, "that is everything");
    let change = async |preferences: Option<v1::Preferences>, paths: &[&str]| {
        let registration =
            Some(v1::Registration { name: first.name.clone(), preferences, ..v1::Registration::default() });
        let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
        let request = v1::UpdateRegistrationRequest { registration, update_mask };
        let answer = house.devices().update_registration(request).await.expect("it is updated");
        answer.into_inner().registration.expect("it is told").preferences
    };
    assert_eq!(change(Some(quiet_until_three()), &["preferences"]).await, Some(quiet_until_three()));
    assert_eq!(change(None, &["drills"]).await, Some(quiet_until_three()), "what is not named is not touched");
    assert_eq!(change(None, &[]).await, Some(quiet_until_three()), "nor what is not set");
    assert_eq!(change(Some(severe_storms()), &[]).await, Some(severe_storms()));
    assert_eq!(change(None, &["preferences"]).await, None);
    let mut audit = AuditServiceClient::new(house.channel.clone());
    let listed = audit.list_audit_records(v1::ListAuditRecordsRequest::default()).await.expect("it is listed");
    let updates: Vec<bool> = listed.into_inner().records.into_iter().filter_map(|record| preferred(&record)).collect();
    assert_eq!(updates, [true, true, false, false, true], "newest first");
    house.close().await;
}

/// Whether an update was of preferences.
fn preferred(record: &v1::AuditRecord) -> Option<bool> {
    match &record.details {
        Some(v1::audit_record::Details::RegistrationUpdated(updated)) => Some(updated.preferences),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_that_cannot_be_held_to_are_refused_by_their_field() {
    let house = House::open().await;
    let hazards = |hazards: &[i32]| v1::Preferences { hazards: hazards.to_vec(), ..v1::Preferences::default() };
    let least = |least_severity| v1::Preferences { least_severity, ..v1::Preferences::default() };
    let quiet = |start_minute, end_minute| v1::Preferences {
        quiet_hours: Some(v1::QuietHours { start_minute, end_minute }),
        ..v1::Preferences::default()
    };
    let refused = async |registration| {
        let answer = house.devices().create_registration(create(ALPHA, registration)).await;
        let refused = Refused::from(answer.expect_err("it is refused"));
        assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("InvalidArgument", "INVALID_FIELD"));
        refused.field
    };
    for (field, preferences) in [
        ("least_severity", least(v1::Severity::Unknown.into())),
        ("least_severity", least(6)),
        ("least_severity", least(-1)),
        ("hazards[0]", hazards(&[0])),
        ("hazards[1]", hazards(&[1, 13])),
        ("hazards[2]", hazards(&[1, 2, 1])),
        ("quiet_hours.start_minute", quiet(-1, 5)),
        ("quiet_hours.start_minute", quiet(1_440, 5)),
        ("quiet_hours.end_minute", quiet(5, i32::MAX)),
        ("quiet_hours.end_minute", quiet(300, 300)),
    ] {
        let found = refused(in_tokyo(Some(preferences.clone()))).await;
        assert_eq!(found, format!("registration.preferences.{field}"), "{preferences:?}");
    }
    let nowhere = v1::Registration { preferences: Some(quiet_until_three()), ..phone_at(HERE) };
    assert_eq!(refused(nowhere).await, "registration.traits.time_zone");
    house.close().await;
}
