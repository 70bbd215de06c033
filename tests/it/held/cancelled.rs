//! A cancel by one command: those who were told hear that it is over, and nobody else hears anything.

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::cancel_alert_response::Outcome as Cancelled;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::notice::Kind;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use tonic::{Code, Status};

use super::{Office, TOWN};
use crate::support::api::{create, credentials, phone_at};
use crate::support::house::NOON;
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::site::{Caller, authority, operator, partner, with_token};

async fn cancel(by: &Caller, name: &str, headline: &str) -> Result<Cancelled, Status> {
    let (name, headline) = (name.to_owned(), headline.to_owned());
    let request = v1::CancelAlertRequest { name, headline, ..v1::CancelAlertRequest::default() };
    let answer = AlertServiceClient::new(by.clone()).cancel_alert(request).await?;
    Ok(answer.into_inner().outcome.expect("there is an outcome"))
}

/// Another phone.
async fn phone(office: &Office, backend: &str, place: [f64; 2]) -> Phone {
    let mut client = DeviceServiceClient::new(with_token(office.site.channel().await, backend));
    let request = create("partners/acme/apps/main", phone_at(place));
    let made = client.create_registration(request).await.expect("registered").into_inner();
    Phone::open(&office.site.channel().await, &credentials(&made)).await
}

async fn admitted(office: &Office, message: &Message) -> String {
    match office.submit(message).await {
        Outcome::Admitted(admitted) => admitted.name,
        other => panic!("it is not admitted but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_were_told_hear_that_it_is_over_and_nobody_else_hears_anything() {
    let mut office = Office::open(None).await;
    let (_, backend) = office.site.make(partner("acme")).await;
    let mut far = phone(&office, &backend, [10.0, 50.0]).await;
    let (first, other) = (Message::warning("first", NOON, TOWN), Message::warning("other", NOON, TOWN));
    let name = admitted(&office, &first).await;
    assert_eq!(office.phone.notice().await.headline, "Headline of first");
    admitted(&office, &other).await;
    assert_eq!(office.phone.notice().await.headline, "Headline of other");

    // Not by those who only look, nor by another authority, to whom it is as if it were not there.
    let (_, operate) = office.site.make(operator(v1::OperatorRole::Operate)).await;
    let (_, stranger) = office.site.make(authority("other", "other@example.org")).await;
    for (token, code) in [(operate, Code::PermissionDenied), (stranger, Code::NotFound)] {
        let caller = with_token(office.site.channel().await, &token);
        assert_eq!(cancel(&caller, &name, "").await.map_err(|status| status.code()).expect_err("not theirs"), code);
    }
    assert_eq!(cancel(&office.second, "alerts/1", "").await.expect_err("none").code(), Code::NotFound);
    assert_eq!(cancel(&office.second, &name, "a\nb").await.expect_err("two lines").code(), Code::InvalidArgument);
    office.phone.has_nothing().await;

    let Ok(Cancelled::Admitted(over)) = cancel(&office.second, &name, "It was a mistake").await else {
        panic!("it is not cancelled")
    };
    assert_eq!(over.name, name);
    let notice = office.phone.notice().await;
    assert_eq!((notice.kind(), notice.headline.as_str()), (Kind::Release, "It was a mistake"));
    office.phone.has_nothing().await;
    far.has_nothing().await;
    // Who comes into the area now is told of the alert that is in force, and not of the one that is over.
    let mut late = phone(&office, &backend, TOWN).await;
    assert_eq!(late.notice().await.headline, "Headline of other");
    late.has_nothing().await;

    // Again: it is over, and nobody hears it twice; so it is for the authority too, and after a restart.
    for caller in [&office.second, &office.sender] {
        let Ok(Cancelled::Ignored(again)) = cancel(caller, &name, "Again").await else { panic!("it is not over") };
        assert_eq!((again.reason(), again.key), (v1::IgnoreReason::NothingToCancel, over.key));
    }
    assert!(matches!(office.submit(&first).await, Outcome::Ignored(_)), "it does not come back by itself");
    office.phone.has_nothing().await;
    // What its sender says after that is new.
    let update = first.followed_by("Update", "update", NOON);
    assert_ne!(admitted(&office, &update).await, name);
    assert_eq!(office.phone.notice().await.headline, "Headline of update");
    office.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_authority_cancels_it_and_a_restart_does_not_bring_it_back() {
    let mut office = Office::open(None).await;
    let name = admitted(&office, &Message::warning("own", NOON, TOWN)).await;
    let told = office.phone.notice().await;
    assert!(matches!(cancel(&office.sender, &name, "").await, Ok(Cancelled::Admitted(_))));
    let notice = office.phone.notice().await;
    assert_eq!((notice.kind(), notice.headline), (Kind::Release, told.headline));
    let Office { site, sender, second, .. } = office;
    drop((sender, second));
    let site = site.restart().await;
    let (_, viewer) = site.make(operator(v1::OperatorRole::Approve)).await;
    let viewer = with_token(site.channel().await, &viewer);
    let get = v1::GetAlertRequest { name: name.clone() };
    let alert = AlertServiceClient::new(viewer.clone()).get_alert(get).await.expect("kept").into_inner().alert;
    assert!(alert.is_some_and(|alert| alert.cancelled && !alert.in_force));
    assert!(matches!(cancel(&viewer, &name, "").await, Ok(Cancelled::Ignored(_))));
    site.close().await;
}
