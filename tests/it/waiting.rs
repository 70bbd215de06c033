//! Alerts that wait for a person, and what becomes of their wait meanwhile.

use std::time::Duration;

use hazardcast::domain::SignedDuration;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::authority_service_client::AuthorityServiceClient;
use hazardcast::wire::v1::submit_alert_response::{Held, Outcome};

use crate::access::register;
use crate::authorities::submit;
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::phone::Phone;
use crate::support::site::{Caller, Site, authority, everywhere, partner, with_token};

const TOWN: [f64; 2] = [-92.6, 16.7];

/// An authority that reaches nobody without a second person, and one phone.
async fn office() -> (Site, Caller, Phone) {
    let site = Site::open().await;
    let senders = vec![SENDER.to_owned()];
    site.admit_with("county", v1::Authority { senders, reach_limit: Some(0), ..everywhere() }).await;
    let (_, token) = site.make(authority("county", SENDER)).await;
    site.admit("acme").await;
    let (_, backend) = site.make(partner("acme")).await;
    let device = register(site.channel().await, &backend, "partners/acme/apps/main").await.expect("registered");
    let phone = Phone::open(&site.channel().await, &device).await;
    let caller = with_token(site.channel().await, &token);
    (site, caller, phone)
}

async fn hold(caller: &Caller, message: &Message) -> Held {
    let answer = submit(caller, message).await;
    let Ok(Some(Outcome::Held(held))) = answer else { panic!("it is not held: {answer:?}") };
    assert_eq!(held.unanswered(), v1::Unanswered::Send);
    held
}

async fn until_none_waits(site: &Site) {
    let mut client = AlertServiceClient::new(site.administrator().await);
    loop {
        let listed = client.list_held_alerts(v1::ListHeldAlertsRequest::default()).await.expect("listed");
        if listed.into_inner().held_alerts.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_its_authority_is_revoked_is_sent_by_nobody() {
    let (site, caller, mut phone) = office().await;
    hold(&caller, &Message::warning("a", NOON, TOWN)).await;
    let request = v1::RevokeAuthorityRequest { name: "authorities/county".to_owned(), etag: String::new() };
    AuthorityServiceClient::new(site.administrator().await).revoke_authority(request).await.expect("revoked");
    site.clock.advance(Duration::from_secs(301));
    until_none_waits(&site).await;
    phone.has_nothing().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_updated_again_and_again_while_it_waits_is_sent_when_the_first_would_have_been() {
    let (site, caller, mut phone) = office().await;
    let mut last = Message::warning("update-0", NOON, TOWN);
    let first = hold(&caller, &last).await;
    for number in 1..=3 {
        site.clock.advance(Duration::from_secs(99));
        let sent = NOON + SignedDuration::from_secs(99 * number);
        last = last.followed_by("Update", &format!("update-{number}"), sent);
        assert_eq!(hold(&caller, &last).await.deadline_time, first.deadline_time, "{number}");
    }
    site.clock.advance(Duration::from_secs(4));
    until_none_waits(&site).await;
    assert_eq!(phone.notice().await.headline, "Headline of update-3");
    phone.has_nothing().await;
    site.close().await;
}
