//! Somebody registers who knows what another's phone offers, and proves nothing (R-B1).

use hazardcast::domain::Clock;
use hazardcast::wire::link_frame::Frame;
use hazardcast::wire::v1;
use hazardcast::wire::v1::device_identifier::Kind;
use hazardcast::wire::v1::server_goodbye::Reason;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use tonic::Code;

use crate::support::alert::structured;
use crate::support::api::{ALPHA, Api, create, credentials, identifier, phone_at};
use crate::support::house::{APP, House};
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::server::Server;

const TOWN: [f64; 2] = [-92.6, 16.7];

fn claim() -> v1::CreateRegistrationRequest {
    let identifiers = vec![identifier(Kind::AndroidId, "9774d56d682e549d")];
    v1::CreateRegistrationRequest { identifiers, ..create(ALPHA, phone_at(TOWN)) }
}

fn name(created: &v1::CreateRegistrationResponse) -> &str {
    &created.registration.as_ref().expect("it is told").name
}

#[tokio::test(flavor = "multi_thread")]
async fn holder_and_claim_are_both_told_and_each_keeps_its_own_link() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let holder = api.create(claim()).await;
    let mut link = Phone::open(&api.channel, &credentials(&holder)).await;
    let newcomer = api.create(claim()).await;
    let (plain, installation) = name(&newcomer).split_once('@').expect("it is a claim");
    assert_eq!((plain, installation.len(), newcomer.created), (name(&holder), 26, true));
    let mut other = Phone::open(&api.channel, &credentials(&newcomer)).await;
    let gid = |created: &v1::CreateRegistrationResponse| created.registration.as_ref().expect("told").gid.clone();
    assert_eq!(gid(&newcomer), gid(&holder));

    let alert = Some(v1::submit_alert_request::Alert::Structured(structured("claimed", TOWN)));
    let answer =
        api.alerts().submit_alert(v1::SubmitAlertRequest { alert, typed: false }).await.expect("it is answered");
    assert!(matches!(answer.into_inner().outcome, Some(Outcome::Admitted(_))));
    for link in [&mut link, &mut other] {
        let notice = link.notice().await;
        link.acknowledge(&notice).await;
        link.has_nothing().await;
    }
    let crossed = v1::CreateRegistrationResponse { link_secret: holder.link_secret.clone(), ..newcomer.clone() };
    let mut refused = Phone::hello(&api.channel, &credentials(&crossed)).await;
    assert!(
        matches!(refused.next().await, Some(Frame::Goodbye(goodbye)) if goodbye.reason() == Reason::Unauthenticated)
    );

    // What is said of the claim, by its whole name, is said of it alone; and it is listed.
    let withdraw = v1::WithdrawConsentRequest { name: name(&newcomer).to_owned(), purpose: 2 };
    api.devices().withdraw_consent(withdraw).await.expect("it is withdrawn");
    assert_eq!(api.get(name(&newcomer)).await.consents.len(), 1);
    assert_eq!(api.get(name(&holder)).await.consents.len(), 2);
    let list = v1::ListRegistrationsRequest { parent: ALPHA.to_owned(), ..v1::ListRegistrationsRequest::default() };
    let listed = api.devices().list_registrations(list).await.expect("it is listed").into_inner().registrations;
    let names: Vec<_> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [name(&holder), name(&newcomer)]);

    // When the holder is deleted the claim holds the CID, goes on, and is found by either name after a kill too.
    let delete = v1::DeleteRegistrationRequest { name: name(&holder).to_owned() };
    api.devices().delete_registration(delete).await.expect("it is deleted");
    assert!(matches!(link.next().await, Some(Frame::Goodbye(goodbye)) if goodbye.reason() == Reason::Unauthenticated));
    other.has_nothing().await;
    drop(other);
    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    for by in [name(&holder), name(&newcomer)] {
        assert_eq!(api.get(by).await.name, name(&holder));
    }
    Phone::open(&api.channel, &credentials(&newcomer)).await.has_nothing().await;
    assert!(server.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_offers_or_brings_is_read_at_the_door() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let refused = async |request: v1::CreateRegistrationRequest| {
        let refused = api.devices().create_registration(request).await.expect_err("it is refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
        refused.message().to_owned()
    };
    let short = v1::CreateRegistrationRequest { earlier_link_secret: vec![7; 31].into(), ..claim() };
    assert!(refused(short).await.contains("earlier_link_secret"));
    let foreign = v1::CreateRegistrationRequest { identifiers: vec![identifier(Kind::Idfv, "x")], ..claim() };
    assert!(refused(foreign).await.contains("identifiers[0].kind"));
    let cut = v1::GetRegistrationRequest { name: format!("{ALPHA}/registrations/{}@", "0".repeat(26)) };
    let refusal = api.devices().get_registration(cut).await.expect_err("it is malformed");
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert!(server.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_phone_now_learns_nothing_of_what_the_one_before_was_told_and_is_warned_of_what_holds() {
    let house = House::open().await;
    let again = |place| v1::CreateRegistrationRequest {
        identifiers: vec![identifier(Kind::AndroidId, "9774d56d682e549d")],
        device_verified: true,
        ..create(APP, phone_at(place))
    };
    let register = async |place| {
        let created = house.devices().create_registration(again(place)).await.expect("it is registered").into_inner();
        (created.created, credentials(&created))
    };
    let (_, first) = register(TOWN).await;
    let mut link = Phone::open(&house.channel, &first).await;
    let warning = Message::warning("in-force", house.clock.now(), TOWN);
    house.send(&warning).await;
    let notice = link.notice().await;
    link.acknowledge(&notice).await;
    link.has_nothing().await;
    drop(link);

    let (created, next) = register(TOWN).await;
    assert_eq!((created, &next.registration), (false, &first.registration), "it is the same phone");
    let mut link = Phone::open(&house.channel, &next).await;
    assert_eq!(link.notice().await.kind(), notice.kind(), "nobody has told the one who has it now");
    link.has_nothing().await;
    drop(link);

    let (_, last) = register([TOWN[0] + 40.0, TOWN[1]]).await;
    let mut link = Phone::open(&house.channel, &last).await;
    house.send(&warning.followed_by("Cancel", "over", house.clock.now())).await;
    link.has_nothing().await;
}
