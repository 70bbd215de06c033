//! Two people: what contradicts itself or reaches too far waits for a second person, and nobody is told until then.

mod cancelled;
mod collection;
mod killed;

use hazardcast::domain::SignedDuration;
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::approve_alert_response::Outcome as Approved;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::submit_alert_response::{Held, Outcome};
use tonic::Status;

use crate::access::register;
use crate::support::api::Refused;
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::phone::Phone;
use crate::support::site::{Caller, Site, authority, everywhere, operator, partner, with_token};

/// Where the phone is.
const TOWN: [f64; 2] = [-92.6, 16.7];

/// An authority, a person who may approve, and one phone.
struct Office {
    site: Site,
    sender: Caller,
    second: Caller,
    phone: Phone,
}

impl Office {
    /// Its authority reaches no device without a second person if `limit` is 0.
    async fn open(limit: Option<i64>) -> Self {
        let site = Site::open().await;
        let senders = vec![SENDER.to_owned()];
        site.admit_with("test", v1::Authority { senders, reach_limit: limit, ..everywhere() }).await;
        let (_, sender) = site.make(authority("test", SENDER)).await;
        let (_, second) = site.make(operator(v1::OperatorRole::Approve)).await;
        site.admit("acme").await;
        let (_, backend) = site.make(partner("acme")).await;
        let device = register(site.channel().await, &backend, "partners/acme/apps/main").await.expect("registered");
        let phone = Phone::open(&site.channel().await, &device).await;
        let sender = with_token(site.channel().await, &sender);
        let second = with_token(site.channel().await, &second);
        Self { site, sender, second, phone }
    }

    async fn submit(&self, message: &Message) -> Outcome {
        self.submit_as(message, false).await
    }

    async fn submit_as(&self, message: &Message, typed: bool) -> Outcome {
        let raw = v1::RawAlert { content: message.cap().into(), media_type: String::new() };
        let alert = Some(v1::submit_alert_request::Alert::Raw(raw));
        let request = v1::SubmitAlertRequest { alert, typed };
        let answer = AlertServiceClient::new(self.sender.clone()).submit_alert(request).await;
        answer.expect("it is answered").into_inner().outcome.expect("there is an outcome")
    }

    /// Submits what is to wait.
    async fn hold(&self, message: &Message) -> Held {
        match self.submit(message).await {
            Outcome::Held(held) => held,
            other => panic!("it is not held but {other:?}"),
        }
    }

    async fn listed(&self) -> Vec<v1::HeldAlert> {
        let request = v1::ListHeldAlertsRequest::default();
        let answer = AlertServiceClient::new(self.second.clone()).list_held_alerts(request).await;
        answer.expect("listed").into_inner().held_alerts
    }

    async fn approve(&self, by: &Caller, name: &str) -> Result<Approved, Status> {
        let request = v1::ApproveAlertRequest { name: name.to_owned() };
        let answer = AlertServiceClient::new(by.clone()).approve_alert(request).await?;
        Ok(answer.into_inner().outcome.expect("there is an outcome"))
    }

    async fn reject(&self, name: &str) -> Result<(), Status> {
        let request = v1::RejectAlertRequest { name: name.to_owned() };
        AlertServiceClient::new(self.second.clone()).reject_alert(request).await.map(drop)
    }

    /// Waits until nothing is held any more.
    async fn until_none_waits(&self) {
        while !self.listed().await.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// For real by its status, and a test by its headline.
fn contradicting(identifier: &str) -> Message {
    let headlines = vec![("en", format!("TEST - Headline of {identifier}"))];
    Message { headlines, ..Message::warning(identifier, NOON, TOWN) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_contradicts_itself_tells_nobody_until_a_second_person_lets_it_go_and_then_once() {
    let mut office = Office::open(None).await;
    let message = contradicting("a");
    let held = office.hold(&message).await;
    let reasons: Vec<_> = held.reasons.iter().map(|it| (it.reason.as_str(), it.field.as_str())).collect();
    assert_eq!(reasons, [("TEST_WORD", "info[0].headline")]);
    assert_eq!(held.unanswered(), v1::Unanswered::Drop);
    // It comes again and gets the same answer, and it is one.
    assert_eq!(office.hold(&message).await, held);
    let listed = office.listed().await;
    assert_eq!(listed.iter().map(|held| held.name.as_str()).collect::<Vec<_>>(), [held.name.as_str()]);
    assert_eq!(listed[0].authority, "authorities/test");
    office.phone.has_nothing().await;

    // Whoever sent it may look and no more; so may an operator who does not approve.
    let own = office.approve(&office.sender, &held.name).await.expect_err("the sender");
    assert_eq!(Refused::from(own).code, "PermissionDenied");
    let (_, operate) = office.site.make(operator(v1::OperatorRole::Operate)).await;
    let operate = with_token(office.site.channel().await, &operate);
    let other = office.approve(&operate, &held.name).await.expect_err("no approver");
    assert_eq!(Refused::from(other).code, "PermissionDenied");
    office.phone.has_nothing().await;

    let get = v1::GetHeldAlertRequest { name: held.name.clone() };
    let shown = AlertServiceClient::new(office.second.clone()).get_held_alert(get).await.expect("shown").into_inner();
    let preview = shown.preview.expect("a preview");
    assert_eq!((preview.found_count, preview.tiers.len()), (1, 1));
    assert_eq!(preview.app_counts, [v1::AppCount { app: "partners/acme/apps/main".to_owned(), count: 1 }]);
    assert_eq!(shown.raw.expect("its bytes").content, message.cap().into_bytes());
    office.phone.has_nothing().await;

    assert!(matches!(office.approve(&office.second, &held.name).await, Ok(Approved::Admitted(_))));
    assert_eq!(office.phone.notice().await.headline, "TEST - Headline of a");
    office.phone.has_nothing().await;
    let late = Refused::from(office.approve(&office.second, &held.name).await.expect_err("it waits no more"));
    assert_eq!((late.code.as_str(), late.reason.as_str()), ("NotFound", "HELD_ALERT_NOT_FOUND"));
    assert!(matches!(office.submit(&message).await, Outcome::Ignored(_)), "a duplicate of what was sent");
    office.phone.has_nothing().await;

    // On record: that it waited, and who let it go.
    let mut audit = AuditServiceClient::new(office.site.administrator().await);
    let records = audit.list_audit_records(v1::ListAuditRecordsRequest::default()).await.expect("listed").into_inner();
    let decided = records.records.iter().filter(|record| record.action == "alert.decided");
    let actors: Vec<_> = decided.map(|record| record.actor.as_ref().map(v1::AuditActor::kind)).collect();
    let (sender, approver) = (Some(v1::audit_actor::Kind::Authority), Some(v1::audit_actor::Kind::Operator));
    assert_eq!(actors, [sender, approver, sender, sender], "the newest first");
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_typed_waits_for_another_whatever_its_authority_may_send_alone() {
    let mut office = Office::open(None).await;
    let message = Message::warning("typed", NOON, TOWN);
    let Outcome::Held(held) = office.submit_as(&message, true).await else { panic!("it is not held") };
    assert_eq!(held.reasons.iter().map(|reason| reason.reason.as_str()).collect::<Vec<_>>(), ["TYPED"]);
    assert!(office.approve(&office.sender, &held.name).await.is_err());
    office.phone.has_nothing().await;
    assert!(matches!(office.approve(&office.second, &held.name).await, Ok(Approved::Admitted(_))));
    assert_eq!(office.phone.notice().await.headline, "Headline of typed");
    // Its cancel is typed too, and waits for nobody.
    let cancel = message.followed_by("Cancel", "cancel", NOON);
    assert!(matches!(office.submit_as(&cancel, true).await, Outcome::Admitted(_)));
    assert_eq!(office.phone.notice().await.kind(), v1::notice::Kind::Release);
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_rejected_is_never_sent_and_its_sender_is_told_so_when_it_comes_again() {
    let mut office = Office::open(None).await;
    let message = contradicting("a");
    let held = office.hold(&message).await;
    office.reject(&held.name).await.expect("rejected");
    assert!(matches!(office.submit(&message).await, Outcome::Ignored(_)));
    assert_eq!(office.listed().await, []);
    let again = Refused::from(office.reject(&held.name).await.expect_err("it waits no more"));
    assert_eq!(again.reason, "HELD_ALERT_NOT_FOUND");
    office.phone.has_nothing().await;
    // The same said better, under another name, goes out.
    let better = Message::warning("b", NOON, TOWN);
    assert!(matches!(office.submit(&better).await, Outcome::Admitted(_)));
    assert_eq!(office.phone.notice().await.headline, "Headline of b");
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_over_the_reach_limit_is_sent_when_nobody_answers_and_one_that_contradicts_itself_is_dropped() {
    let mut office = Office::open(Some(0)).await;
    let (far, near) = (Message::warning("far", NOON, [10.0, 50.0]), Message::warning("near", NOON, TOWN));
    // Nobody is there, so that it goes out by itself.
    assert!(matches!(office.submit(&far).await, Outcome::Admitted(_)));
    let held = office.hold(&near).await;
    assert_eq!(held.reasons.iter().map(|reason| reason.reason.as_str()).collect::<Vec<_>>(), ["OVER_REACH"]);
    assert_eq!(held.unanswered(), v1::Unanswered::Send);
    let dropped = office.hold(&contradicting("dropped")).await;
    assert_eq!(dropped.unanswered(), v1::Unanswered::Drop);
    assert_eq!(dropped.deadline_time, held.deadline_time);
    office.phone.has_nothing().await;
    office.site.clock.advance(std::time::Duration::from_secs(301));
    office.until_none_waits().await;
    assert_eq!(office.phone.notice().await.headline, "Headline of near");
    office.phone.has_nothing().await;
    assert!(matches!(office.submit(&contradicting("dropped")).await, Outcome::Ignored(_)));
    office.phone.has_nothing().await;
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_updates_or_cancels_while_it_waits_is_never_sent() {
    let mut office = Office::open(None).await;
    let later = NOON + SignedDuration::from_secs(1);
    office.site.clock.set(later);
    let (first, second) = (contradicting("first"), contradicting("second"));
    let (one, other) = (office.hold(&first).await, office.hold(&second).await);
    assert_ne!(one.name, other.name);
    // A cancel of what nobody was told tells nobody.
    let cancel = first.followed_by("Cancel", "cancel", later);
    assert!(matches!(office.submit(&cancel).await, Outcome::Ignored(_)));
    let gone = Refused::from(office.approve(&office.second, &one.name).await.expect_err("withdrawn"));
    assert_eq!(gone.reason, "HELD_ALERT_NOT_FOUND");
    office.phone.has_nothing().await;
    // An update takes its place, and waits for nobody if it is in order itself.
    let update = second.followed_by("Update", "update", later);
    assert!(matches!(office.submit(&update).await, Outcome::Admitted(_)));
    assert_eq!(office.phone.notice().await.headline, "Headline of update");
    assert_eq!(office.listed().await, []);
    // The first ones come late, and change nothing.
    for late in [&first, &second] {
        assert!(matches!(office.submit(late).await, Outcome::Ignored(_)), "{}", late.identifier);
    }
    office.phone.has_nothing().await;
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_decided_anew_when_it_is_approved_and_an_orderly_stop_loses_none_of_it() {
    let office = Office::open(None).await;
    let held = office.hold(&contradicting("kept")).await;
    let Office { site, second, .. } = office;
    drop(second);
    let site = site.restart().await;
    let (_, second) = site.make(operator(v1::OperatorRole::Approve)).await;
    let mut client = AlertServiceClient::new(with_token(site.channel().await, &second));
    let listed = client.list_held_alerts(v1::ListHeldAlertsRequest::default()).await.expect("listed").into_inner();
    let [kept] = listed.held_alerts.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&kept.name, &kept.reasons), (&held.name, &held.reasons));
    assert_eq!((kept.deadline_time, kept.unanswered()), (held.deadline_time, held.unanswered()));
    let request = v1::ApproveAlertRequest { name: held.name };
    let outcome = client.approve_alert(request).await.expect("answered").into_inner().outcome;
    assert!(matches!(outcome, Some(Approved::Admitted(_))), "{outcome:?}");
    site.close().await;
}
