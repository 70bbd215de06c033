//! Webhooks as they are kept: how far they have come, and that their secrets are not there to be read.

use super::*;
use crate::domain::{WebhookSecret, WebhookState, WebhookUrl};

fn url(text: &str) -> WebhookUrl {
    WebhookUrl::read(text, false).expect("a URL")
}

fn set(house: &House, rotate: bool) -> Option<WebhookSecret> {
    let news = news();
    let done = house.make(|registry| registry.set_webhook(&news, url("https://example.org/hook"), rotate));
    done.expect("it is set").1
}

fn news() -> PartnerName {
    partner("news")
}

fn hook(house: &House) -> Hook {
    house.registry().hooks().pop().expect("there is one")
}

#[test]
fn a_secret_is_made_once_and_the_one_before_signs_for_a_day() {
    let mut house = House::new();
    let first = set(&house, false).expect("the first");
    assert_eq!(set(&house, false), None);
    assert_eq!(hook(&house).secrets(house.now()), std::slice::from_ref(&first));
    let second = set(&house, true).expect("another");
    for reopened in [false, true] {
        if reopened {
            house.reopen();
        }
        assert_eq!(hook(&house).secrets(house.now()), [second.clone(), first.clone()]);
        let later = house.now() + SignedDuration::from_hours(24);
        assert_eq!(hook(&house).secrets(later), std::slice::from_ref(&second));
    }
    let mut needles = encodings::Needles::default();
    for secret in [&first, &second] {
        needles.bytes("secret", secret.0.expose());
    }
    house.close();
    let database = fjall::Database::builder(house.folder.path().join("store")).open().expect("it opens");
    let keyspace = database.keyspace("webhooks", fjall::KeyspaceCreateOptions::default).expect("it opens");
    for item in keyspace.iter() {
        let (_, value) = item.into_inner().expect("well");
        assert!(needles.found_in(&value).is_empty());
    }
}

#[test]
fn it_begins_behind_what_happened_before_and_goes_on_where_it_was() {
    let mut house = House::new();
    let held = house.register(full(ALPHA, "a1")).registration;
    let withdraw = |house: &House, purpose| {
        house.make(|registry| registry.withdraw(&held.name, purpose)).expect("withdrawn");
    };
    withdraw(&house, Purpose::EmergencyPush);
    set(&house, false);
    withdraw(&house, Purpose::Location);
    let page = house.registry().events(&news(), Some(hook(&house).webhook.delivered), 10).expect("read");
    assert_eq!(page.events.len(), 2, "{:?}", page.events);
    house.registry().webhook_delivered(&hook(&house), page.events[0].cursor);
    house.look();
    house.reopen();
    set(&house, false);
    assert_eq!(hook(&house).webhook.delivered, page.events[0].cursor);
}

#[test]
fn what_comes_of_an_earlier_setting_counts_for_nothing() {
    let house = House::new();
    set(&house, false);
    let earlier = hook(&house);
    set(&house, false);
    house.registry().webhook_failed(&earlier, 410, WebhookState::Gone);
    house.look();
    assert_eq!(house.registry().webhook(&news()).expect("there").state, WebhookState::Active);
    house.registry().webhook_failed(&hook(&house), 500, WebhookState::Active);
    house.look();
    let failed = house.registry().webhook(&news()).expect("there");
    assert_eq!((failed.failures, failed.failed_status, failed.failed), (1, 500, Some(NOON)));
    house.registry().webhook_failed(&hook(&house), 410, WebhookState::Gone);
    house.look();
    assert!(house.registry().hooks().is_empty(), "it stops");
    set(&house, false);
    let again = house.registry().webhook(&news()).expect("there");
    assert_eq!((again.state, again.failures, again.failed), (WebhookState::Active, 0, None));
}

#[test]
fn one_that_is_deleted_is_gone_with_its_secrets() {
    let (mut house, name) = (House::new(), news());
    let first = set(&house, false);
    house.make(|registry| registry.delete_webhook(&name)).expect("deleted");
    house.reopen();
    assert!(house.registry().hooks().is_empty());
    assert!(matches!(house.registry().webhook(&news()), Err(RegistryError::UnknownWebhook)));
    let again = house.make(|registry| registry.delete_webhook(&name));
    assert!(matches!(again, Err(RegistryError::UnknownWebhook)));
    assert_ne!(set(&house, false), first);
    assert_eq!(hook(&house).secrets(house.now()).len(), 1);
}
