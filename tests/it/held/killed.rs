//! A server that is killed while an alert waits: it waits on, and is told once when it is let go.

use hazardcast::wire::v1;
use hazardcast::wire::v1::approve_alert_response::Outcome as Approved;
use hazardcast::wire::v1::submit_alert_response::Outcome;

use crate::support::alert::structured;
use crate::support::api::{ALPHA, Api, create, credentials, phone_at};
use crate::support::phone::Phone;
use crate::support::server::Server;

const TOWN: [f64; 2] = [-92.6, 16.7];

#[tokio::test(flavor = "multi_thread")]
async fn a_held_alert_outlives_a_kill_and_is_told_once_when_it_is_approved() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(folder.path(), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let device = credentials(&api.create(create(ALPHA, phone_at(TOWN))).await);
    let mut message = structured("kept", TOWN);
    message.infos[0].headline = "EXERCISE: strong shaking".to_owned();
    let alert = Some(v1::submit_alert_request::Alert::Structured(message));
    let request = v1::SubmitAlertRequest { alert, typed: false };
    let answer = api.alerts().submit_alert(request.clone()).await.expect("answered").into_inner();
    let Some(Outcome::Held(held)) = answer.outcome else { panic!("{answer:?}") };
    // Shaking leaves a minute, and what contradicts itself is dropped then: it is approved well before.
    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    let again = api.alerts().submit_alert(request).await.expect("answered").into_inner();
    assert_eq!(again.outcome, Some(Outcome::Held(held.clone())), "the same answer after a restart");
    let mut phone = Phone::open(&api.channel, &device).await;
    phone.has_nothing().await;
    let approve = v1::ApproveAlertRequest { name: held.name };
    let approved = api.alerts().approve_alert(approve.clone()).await.expect("answered").into_inner().outcome;
    let Some(Approved::Admitted(admitted)) = approved else { panic!("{approved:?}") };
    let notice = phone.notice().await;
    phone.acknowledge(&notice).await;
    phone.has_nothing().await;
    api.complete(&admitted.fan_out).await;

    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    assert!(api.alerts().approve_alert(approve).await.is_err(), "it waits no more");
    api.complete(&admitted.fan_out).await;
    let mut phone = Phone::open(&api.channel, &device).await;
    // What the server owes comes first: it may be this one again if the acknowledgement was not on disk, under its key.
    let mut keys = Vec::new();
    phone.send(v1::open_link_request::Frame::Heartbeat(v1::DeviceHeartbeat {})).await;
    while let Some(hazardcast::wire::link_frame::Frame::Notice(notice)) = phone.next().await {
        keys.push(notice.key);
    }
    assert!(keys.iter().all(|key| *key == admitted.key) && keys.len() <= 1, "{keys:?}");
    assert!(server.stop());
}
