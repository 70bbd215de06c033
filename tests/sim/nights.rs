//! What a person wants to be told of, and what becomes of what came in the night (R-S2).

use std::time::Duration;

use hazardcast::device::Shown;
use hazardcast::domain::{
    Category, Hazards, NewRegistration, NoticeKind, Preferences, Priority, QuietHours, Severity, SignedDuration, Slot,
};
use hazardcast::plan::Skipped;

use crate::house::House;
use crate::message::{Message, Says, Tier, block};
use crate::people::{device, point};
use crate::pieces::{Sent, Steps};

const HERE: [f64; 2] = [0.5, 0.5];

/// The tests' clock starts at 02:46:40 in Tokyo.
fn until_three() -> Preferences {
    Preferences { quiet_hours: QuietHours::new(22 * 60, 3 * 60), ..Preferences::default() }
}

fn at_least(severity: Severity) -> Preferences {
    Preferences { least_severity: Some(severity), ..Preferences::default() }
}

fn wanting(preferences: Preferences) -> NewRegistration {
    let mut new = NewRegistration { preferences, ..device(HERE, true) };
    new.traits.time_zone = "Asia/Tokyo".into();
    new
}

async fn open() -> House {
    House::open(Steps { planned: 10, sent: Sent::Four }).await
}

async fn register(house: &House, preferences: Preferences) -> Slot {
    house.register(vec![wanting(preferences)]).await[0].registration.slot
}

/// What is said of the ground around the place, for two hours unless otherwise said.
fn says(house: &House, priority: Priority) -> Vec<Tier> {
    let expires = house.clock_now() + SignedDuration::from_hours(2);
    vec![Tier { area: block([0.0, 0.0], [1.0, 1.0]), priority, hazard: Some(Category::Met), expires }]
}

fn warning(house: &House, name: &str, priority: Priority) -> Message {
    Message::warning(name, house.clock_now(), says(house, priority))
}

/// Everything runs its course; what the registration was told, in order.
async fn told(house: &mut House, slot: Slot) -> Vec<(NoticeKind, Priority)> {
    house.run_out().await;
    let told = house.log.take().into_iter().filter(|delivery| delivery.slot == slot);
    told.map(|delivery| (delivery.kind, delivery.priority)).collect()
}

const ALERT: NoticeKind = NoticeKind::Alert;

#[tokio::test]
async fn what_comes_in_quiet_hours_is_told_when_they_end_and_only_then() {
    let mut house = open().await;
    let slot = register(&house, until_three()).await;
    let message = warning(&house, "storm", Priority::Warning);
    house.submit(&message).await;
    assert_eq!(told(&mut house, slot).await, []);
    let counts = house.fan_outs.all()[0].progress.counts();
    assert_eq!((counts.found, counts.skipped), (1, vec![(Skipped::QuietHours, 1)]));
    house.clock.advance(Duration::from_secs(799));
    assert_eq!(told(&mut house, slot).await, []);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(told(&mut house, slot).await, [(ALERT, Priority::Warning)]);
    house.clock.advance(Duration::from_mins(30));
    assert_eq!(told(&mut house, slot).await, []);
}

#[tokio::test]
async fn what_comes_in_quiet_hours_is_told_though_the_server_ended_in_them_or_was_down_when_they_ended() {
    for registry in [false, true] {
        for (before, after) in [(0, 800), (400, 400), (800, 0)] {
            let mut house = open().await;
            let slot = register(&house, until_three()).await;
            let message = warning(&house, "storm", Priority::Warning);
            house.submit(&message).await;
            assert_eq!(told(&mut house, slot).await, []);
            // Whatever passes before the crash passes without anybody having looked.
            house.clock.advance(Duration::from_secs(before));
            house.crash(registry).await;
            if after > 0 {
                assert_eq!(told(&mut house, slot).await, []);
            }
            house.clock.advance(Duration::from_secs(after));
            assert_eq!(told(&mut house, slot).await, [(ALERT, Priority::Warning)], "{registry}, {before}");
        }
    }
}

#[tokio::test]
async fn an_immediate_threat_to_life_is_told_whatever_anybody_wants() {
    let mut house = open().await;
    let fires = Hazards::of([Category::Fire]);
    let slot = register(&house, Preferences { hazards: fires, ..until_three() }).await;
    let message = warning(&house, "wave", Priority::LifeThreat);
    house.submit(&message).await;
    assert_eq!(told(&mut house, slot).await, [(ALERT, Priority::LifeThreat)]);
}

#[tokio::test]
async fn what_is_over_or_cancelled_when_quiet_hours_end_is_not_told() {
    let mut house = open().await;
    let slot = register(&house, until_three()).await;
    let expires = house.clock_now() + SignedDuration::from_mins(10);
    let mut short = warning(&house, "short", Priority::Warning);
    if let Says::Warn(tiers) = &mut short.says {
        tiers[0].expires = expires;
    }
    let cancelled = warning(&house, "cancelled", Priority::Warning);
    house.submit(&short).await;
    house.submit(&cancelled).await;
    assert_eq!(told(&mut house, slot).await, []);
    let cancel = cancelled.followed_by("cancel", house.clock_now(), Says::Cancel);
    house.submit(&cancel).await;
    assert_eq!(told(&mut house, slot).await, [], "whoever was not told is not told that it is over");
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(told(&mut house, slot).await, []);
}

#[tokio::test]
async fn one_who_moved_away_in_the_night_is_not_told_of_where_they_were() {
    let mut house = open().await;
    let registered = house.register(vec![wanting(until_three())]).await.remove(0);
    let message = warning(&house, "storm", Priority::Warning);
    house.submit(&message).await;
    let far = Some((point([9.0, 9.0]), house.clock_now()));
    house.registry().report_place(&registered.registration.name, far).await.expect("it is taken");
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(told(&mut house, registered.registration.slot).await, []);
}

#[tokio::test]
async fn an_alert_of_less_or_of_another_kind_than_is_wanted_is_not_told_until_it_gets_worse() {
    let mut house = open().await;
    let severe = register(&house, at_least(Severity::Severe)).await;
    let fires =
        register(&house, Preferences { hazards: Hazards::of([Category::Fire]), ..Preferences::default() }).await;
    let first = warning(&house, "rain", Priority::Advisory);
    house.submit(&first).await;
    assert_eq!(told(&mut house, severe).await, []);
    let counts = house.fan_outs.all()[0].progress.counts();
    assert_eq!(counts.skipped, [(Skipped::BelowLeastSeverity, 1), (Skipped::HazardNotWanted, 1)]);
    let raised = first.followed_by("storm", house.clock_now(), Says::Warn(says(&house, Priority::Warning)));
    house.submit(&raised).await;
    house.run_out().await;
    let delivered: Vec<_> = house.log.take().into_iter().map(|delivery| (delivery.slot, delivery.kind)).collect();
    assert_eq!(delivered, [(severe, ALERT)]);
    let worst = raised.followed_by("wave", house.clock_now(), Says::Warn(says(&house, Priority::LifeThreat)));
    house.submit(&worst).await;
    assert_eq!(told(&mut house, fires).await, [(ALERT, Priority::LifeThreat)]);
}

#[tokio::test]
async fn one_who_was_told_is_told_of_what_follows_without_sound_whatever_they_want() {
    let mut house = open().await;
    let new = NewRegistration { tokens: Vec::new(), ..wanting(at_least(Severity::Severe)) };
    let mut phone = house.phone(new).await;
    phone.catch_up(&house);
    let first = warning(&house, "storm", Priority::Warning);
    house.submit(&first).await;
    house.run_out().await;
    while phone.catch_up(&house) {}
    let lower = first.followed_by("rain", house.clock_now(), Says::Warn(says(&house, Priority::Advisory)));
    house.submit(&lower).await;
    house.run_out().await;
    while phone.catch_up(&house) {}
    house.submit(&lower.followed_by("cancel", house.clock_now(), Says::Cancel)).await;
    house.run_out().await;
    while phone.catch_up(&house) {}
    let shown: Vec<Shown> = phone.received.iter().map(|received| received.shown).collect();
    assert_eq!(shown, [Shown::Sounded, Shown::Revised, Shown::Released]);
}

#[tokio::test]
async fn what_was_lost_with_a_link_before_quiet_hours_comes_when_they_end() {
    let mut house = open().await;
    let from_ten_to_three = Preferences { quiet_hours: QuietHours::new(170, 180), ..Preferences::default() };
    let new = NewRegistration { tokens: Vec::new(), ..wanting(from_ten_to_three) };
    let mut phone = house.phone(new).await;
    phone.catch_up(&house);
    let message = warning(&house, "storm", Priority::Warning);
    house.submit(&message).await;
    house.run_out().await;
    phone.cut();
    house.clock.advance(Duration::from_mins(5));
    while phone.catch_up(&house) {}
    assert!(phone.received.is_empty(), "it is quiet");
    house.clock.advance(Duration::from_mins(10));
    house.run_out().await;
    while phone.catch_up(&house) {}
    let shown: Vec<Shown> = phone.received.iter().map(|received| received.shown).collect();
    assert_eq!(shown, [Shown::Sounded]);
}

#[tokio::test]
async fn a_preview_says_whom_preferences_would_leave_out() {
    let mut house = open().await;
    register(&house, Preferences::default()).await;
    register(&house, until_three()).await;
    register(&house, at_least(Severity::Extreme)).await;
    let message = warning(&house, "storm", Priority::Warning);
    house.submit(&message).await;
    let bulletin = house.fan_outs.all()[0].bulletin.clone();
    let preview = house.fan_outs.preview(&bulletin);
    assert_eq!((preview.found, preview.told.values().sum::<u64>()), (3, 1));
    let skipped: Vec<_> = preview.skipped.into_iter().collect();
    assert_eq!(skipped, [(Skipped::BelowLeastSeverity, 1), (Skipped::QuietHours, 1)]);
}
