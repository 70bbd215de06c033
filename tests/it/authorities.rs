//! Authorities: admitted within limits, told all that goes beyond them, revoked (R-E1).

use std::fs;
use std::path::Path;

use hazardcast::wire::v1;
use hazardcast::wire::v1::access_service_client::AccessServiceClient;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::authority_service_client::AuthorityServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::jurisdiction::Ground;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use serde_json::Value;
use tonic::{Code, Status};

use crate::support::alert::TestAlert;
use crate::support::api::Refused;
use crate::support::authority::Root;
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::server::{Server, hazardcast};
use crate::support::site::{Caller, Site, authority, everywhere, with_token};

/// In the middle of the county.
const TOWN: [f64; 2] = [-105.0, 40.5];

/// A box of two degrees round the town.
fn county() -> v1::Authority {
    let [lon, lat] = TOWN;
    let coordinates = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    let coordinates = coordinates.iter().flat_map(|[east, north]| [lon + east, lat + north]).collect();
    let polygon = v1::Polygon { outer: Some(v1::Ring { coordinates }), holes: Vec::new() };
    let area = v1::Area { polygons: vec![polygon], ..v1::Area::default() };
    let jurisdiction = Some(v1::Jurisdiction { ground: Some(Ground::Area(area)) });
    v1::Authority { jurisdiction, senders: vec![SENDER.to_owned()], ..v1::Authority::default() }
}

pub(crate) async fn submit(caller: &Caller, message: &Message) -> Result<Option<Outcome>, Status> {
    let raw = v1::RawAlert { content: message.cap().into(), media_type: String::new() };
    let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
    Ok(AlertServiceClient::new(caller.clone()).submit_alert(request).await?.into_inner().outcome)
}

/// The reasons for which it waits for a person, each with its field.
async fn held(caller: &Caller, message: &Message) -> Vec<(String, String)> {
    let Ok(Some(Outcome::Held(held))) = submit(caller, message).await else { panic!("it is not held") };
    held.reasons.into_iter().map(|reason| (reason.field, reason.found)).collect()
}

async fn refused(caller: &Caller, message: &Message) -> Refused {
    Refused::from(submit(caller, message).await.expect_err("it is beyond"))
}

/// A county and its gateway's calls.
async fn office() -> (Site, Caller) {
    let site = Site::open().await;
    site.admit_with("county", county()).await;
    let (_, token) = site.make(authority("county", SENDER)).await;
    let caller = with_token(site.channel().await, &token);
    (site, caller)
}

async fn update(site: &Site, limits: v1::Authority) -> v1::Authority {
    let authority = Some(v1::Authority { name: "authorities/county".to_owned(), ..limits });
    let request = v1::UpdateAuthorityRequest { authority, ..v1::UpdateAuthorityRequest::default() };
    let answer = AuthorityServiceClient::new(site.administrator().await).update_authority(request).await;
    answer.expect("changed").into_inner().authority.expect("it is told")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_inside_is_sent_and_one_beyond_any_limit_is_not_and_the_call_says_why() {
    let (site, caller) = office().await;
    let inside = Message::warning("inside", NOON, TOWN);
    assert!(matches!(submit(&caller, &inside).await, Ok(Some(Outcome::Admitted(_)))));
    let across = Message { reach: 1.1, ..Message::warning("across", NOON, TOWN) };
    let told = held(&caller, &across).await;
    assert_eq!(told[0].0, "info[0].area");
    assert!(told.len() == 1 && told[0].1.contains("is outside the jurisdiction"), "{told:?}");
    let swapped = Message::warning("swapped", NOON, [TOWN[1], -TOWN[1]]);
    assert_eq!(held(&caller, &swapped).await[0].0, "info[0].area");

    let limits = v1::Authority {
        categories: vec!["Geo".to_owned()],
        events: vec!["Earthquake".to_owned()],
        formats: vec!["QuakeML 1.2".to_owned()],
        modes: vec![v1::AlertMode::Test.into()],
        highest_severity: v1::Severity::Minor.into(),
        ..v1::Authority::default()
    };
    update(&site, limits).await;
    let told = refused(&caller, &Message { identifier: "all".to_owned(), ..across }).await;
    for field in ["format", "status", "category", "event", "severity", "area"] {
        assert!(told.message.contains(&format!("{field}: ")), "{field} in {}", told.message);
    }
    assert_eq!((told.reason.as_str(), told.field.as_str()), ("FORMAT_NOT_ADMITTED", "format"));

    // What becomes of its own alert is as before: a duplicate gets the first answer, and a cancel reaches those told.
    assert!(matches!(submit(&caller, &inside).await, Ok(Some(Outcome::Ignored(_)))));
    let root = Root::new("Signers").pem();
    let certificate = v1::TrustedCertificate { pem: root, ..v1::TrustedCertificate::default() };
    let (roots, subjects) = (vec![certificate], vec!["CN=Signers".to_owned()]);
    let signature = Some(v1::SignatureRule { roots, subjects, ..v1::SignatureRule::default() });
    let shown = update(&site, v1::Authority { signature, ..v1::Authority::default() }).await;
    let root = &shown.signature.expect("it is shown").roots[0];
    assert!(root.subject.contains("CN=Signers") && root.sha256.len() == 32 && root.not_after_time.is_some());
    let told = refused(&caller, &Message::warning("unsigned", NOON, TOWN)).await;
    assert!(told.message.contains("Signature: "), "{}", told.message);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_sends_too_often_is_told_when_to_come_again_and_no_urgent_alert_is_lost_unseen() {
    let (site, caller) = office().await;
    let rate = Some(v1::AlertRate { per_minute: 1, burst: 1 });
    update(&site, v1::Authority { rate, ..v1::Authority::default() }).await;
    let first = Message { severity: "Minor", ..Message::warning("first", NOON, TOWN) };
    assert!(matches!(submit(&caller, &first).await, Ok(Some(Outcome::Admitted(_)))));
    let minor = Message { identifier: "minor".to_owned(), ..first.clone() };
    let told = refused(&caller, &minor).await;
    assert_eq!((told.code.as_str(), told.reason.as_str()), ("ResourceExhausted", "RATE_EXCEEDED"));
    let urgent = Message { severity: "Extreme", ..Message::warning("urgent", NOON, TOWN) };
    let told = held(&caller, &urgent).await;
    assert!(told.len() == 1 && told[0].0 == "sent", "{told:?}");
    let cancel = first.followed_by("Cancel", "cancel", NOON);
    assert!(matches!(submit(&caller, &cancel).await, Ok(Some(Outcome::Admitted(_)))));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_authorities_have_one_sender_unless_the_first_is_revoked() {
    let (site, _) = office().await;
    let mut client = AuthorityServiceClient::new(site.administrator().await);
    let request = |id: &str| v1::CreateAuthorityRequest {
        authority_id: id.to_owned(),
        authority: Some(county()),
        validate_only: false,
    };
    let told = Refused::from(client.create_authority(request("second")).await.expect_err("it is the county's"));
    assert_eq!((told.reason.as_str(), told.field.as_str()), ("SENDER_OF_ANOTHER", "authority.senders"));
    let revoke = v1::RevokeAuthorityRequest { name: "authorities/county".to_owned(), etag: String::new() };
    client.revoke_authority(revoke).await.expect("revoked");
    assert!(client.create_authority(request("second")).await.is_ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_wait_for_a_person_and_more_are_to_come_again() {
    let (site, caller) = office().await;
    let beyond = |number: usize| Message { reach: 1.1, ..Message::warning(&format!("wide-{number}"), NOON, TOWN) };
    for number in 0..256 {
        assert_eq!(held(&caller, &beyond(number)).await.len(), 1);
    }
    let told = refused(&caller, &beyond(256)).await;
    assert_eq!((told.code.as_str(), told.reason.as_str()), ("ResourceExhausted", "TOO_MANY_HELD"));
    // One that waits already, and one that takes its place, need no room.
    assert_eq!(held(&caller, &beyond(0)).await.len(), 1);
    let update = beyond(1).followed_by("Update", "wider", NOON);
    assert_eq!(held(&caller, &update).await.len(), 1);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_revoked_while_it_is_connected_is_out_at_once_and_after_a_restart() {
    let (site, caller) = office().await;
    let Ok(Some(Outcome::Admitted(admitted))) = submit(&caller, &Message::warning("a", NOON, TOWN)).await else {
        panic!("it is not admitted")
    };
    let (_, token) = site.make(authority("county", SENDER)).await;
    let request = v1::RevokeAuthorityRequest { name: "authorities/county".to_owned(), etag: String::new() };
    let mut client = AuthorityServiceClient::new(site.administrator().await);
    let revoked = client.revoke_authority(request.clone()).await.expect("revoked").into_inner().authority;
    assert!(revoked.is_some_and(|authority| authority.revoke_time.is_some()));
    assert!(client.revoke_authority(request).await.is_ok());
    let watch = v1::WatchFanOutRequest { name: admitted.fan_out.clone() };
    let watched = FanOutServiceClient::new(caller.clone()).watch_fan_out(watch).await;
    assert_eq!(watched.map(drop).map_err(|status| status.code()), Err(Code::Unauthenticated));
    let told = refused(&caller, &Message::warning("b", NOON, TOWN)).await;
    assert_eq!((told.code.as_str(), told.reason.as_str()), ("Unauthenticated", "CREDENTIAL_REVOKED"));

    // What it had warned of goes on, and each change is on record with what it was.
    let get = v1::GetAlertRequest { name: admitted.name };
    let alert = AlertServiceClient::new(site.administrator().await).get_alert(get).await.expect("it is there");
    assert!(alert.into_inner().alert.is_some_and(|alert| alert.in_force));
    let mut audit = AuditServiceClient::new(site.administrator().await);
    let records = audit.list_audit_records(v1::ListAuditRecordsRequest::default()).await.expect("listed").into_inner();
    let actions: Vec<_> = records.records.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "credential.revoked").count(), 2, "{actions:?}");
    for action in ["authority.created", "authority.revoked"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    let site = site.restart().await;
    for token in [token.as_str(), "hc_nothing"] {
        let caller = with_token(site.channel().await, token);
        assert_eq!(refused(&caller, &Message::warning("c", NOON, TOWN)).await.code, "Unauthenticated");
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_sees_how_far_its_own_alert_came_and_nothing_of_anothers() {
    let (site, caller) = office().await;
    let (_, other) = site.make(authority("other", "other@example.org")).await;
    let other = with_token(site.channel().await, &other);
    let Ok(Some(Outcome::Admitted(admitted))) = submit(&caller, &Message::warning("a", NOON, TOWN)).await else {
        panic!("it is not admitted")
    };
    let watch = v1::WatchFanOutRequest { name: admitted.fan_out.clone() };
    let mut looks = FanOutServiceClient::new(caller.clone()).watch_fan_out(watch).await.expect("watched").into_inner();
    let mut last = None;
    while let Some(look) = looks.message().await.expect("it is told") {
        last = look.fan_out;
    }
    let get = v1::GetAlertRequest { name: admitted.name.clone() };
    let alert = AlertServiceClient::new(caller).get_alert(get.clone()).await.expect("its own").into_inner().alert;
    let reach = alert.and_then(|alert| alert.reach).expect("its reach is told");
    assert_eq!(Some(&reach), last.as_ref());
    assert!(reach.complete && reach.accept_time.is_some() && reach.plan_time.is_some() && reach.rounded_to > 0);
    let foreign = AlertServiceClient::new(other).get_alert(get).await.expect_err("another's");
    assert_eq!(foreign.code(), Code::NotFound);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_authority_is_told_by_field_and_a_look_changes_nothing() {
    let site = Site::open().await;
    let client = AuthorityServiceClient::new(site.administrator().await);
    let create = |authority: v1::Authority, validate_only: bool| {
        let mut client = client.clone();
        let authority_id = "county".to_owned();
        let request = v1::CreateAuthorityRequest { authority_id, authority: Some(authority), validate_only };
        async move { client.create_authority(request).await.map_err(Refused::from) }
    };
    let of = |area: v1::Area| {
        let jurisdiction = Some(v1::Jurisdiction { ground: Some(Ground::Area(area)) });
        v1::Authority { jurisdiction, ..county() }
    };
    let center = Some(v1::Position { longitude: 1.0, latitude: 1.0 });
    let circle = v1::Area { circles: vec![v1::Circle { center, radius_km: 1.0 }], ..v1::Area::default() };
    let (name, value) = ("SAME".to_owned(), "008069".to_owned());
    let unknown = v1::Area { geocodes: vec![v1::Geocode { name, value }], ..v1::Area::default() };
    let pem = v1::TrustedCertificate { pem: "none".to_owned(), ..v1::TrustedCertificate::default() };
    let signed = |certificates| Some(v1::SignatureRule { certificates, ..v1::SignatureRule::default() });
    let cases = [
        (v1::Authority { jurisdiction: None, ..county() }, "authority.jurisdiction"),
        (v1::Authority { senders: vec![], ..county() }, "authority.senders"),
        (of(circle), "authority.jurisdiction.area.circles"),
        (of(unknown), "authority.jurisdiction.area.geocodes[0]"),
        (of(v1::Area::default()), "authority.jurisdiction.area"),
        (v1::Authority { categories: vec!["Weather".to_owned()], ..county() }, "authority.categories[0]"),
        (v1::Authority { modes: vec![9], ..county() }, "authority.modes[0]"),
        (v1::Authority { scopes: vec!["public".to_owned()], ..county() }, "authority.scopes[0]"),
        (v1::Authority { formats: vec![String::new()], ..county() }, "authority.formats[0]"),
        (v1::Authority { reach_limit: Some(-1), ..county() }, "authority.reach_limit"),
        (
            v1::Authority { rate: Some(v1::AlertRate { per_minute: 0, burst: 1 }), ..county() },
            "authority.rate.per_minute",
        ),
        (v1::Authority { signature: signed(vec![]), ..county() }, "authority.signature"),
        (v1::Authority { signature: signed(vec![pem]), ..county() }, "authority.signature.certificates[0].pem"),
    ];
    for (bad, field) in cases {
        assert_eq!(create(bad, false).await.expect_err(field).field, field);
    }
    create(county(), true).await.expect("it could be");
    let get = v1::GetAuthorityRequest { name: "authorities/county".to_owned() };
    assert_eq!(client.clone().get_authority(get).await.expect_err("not there").code(), Code::NotFound);
    create(county(), false).await.expect("admitted");
    assert_eq!(create(county(), false).await.expect_err("it is there").reason, "ALREADY_EXISTS");
    let mut client = client.clone();
    let changed = v1::Authority { name: "authorities/county".to_owned(), etag: "7".to_owned(), ..everywhere() };
    let update = v1::UpdateAuthorityRequest { authority: Some(changed), ..v1::UpdateAuthorityRequest::default() };
    let late = Refused::from(client.update_authority(update).await.expect_err("another version"));
    assert_eq!((late.code.as_str(), late.reason.as_str()), ("Aborted", "AUTHORITY_CHANGED"));
    let foreign = crate::support::site::credential(
        authority("county", "stranger@example.org"),
        v1::proof::Kind::Token(v1::TokenProof {}),
    );
    let request = v1::CreateCredentialRequest { credential: Some(foreign) };
    let foreign = AccessServiceClient::new(site.administrator().await).create_credential(request).await;
    assert_eq!(Refused::from(foreign.expect_err("not its sender")).field, "credential.principal.authority.senders");
    site.close().await;
}

fn run(server: &Server, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let output = hazardcast(arguments).args(["--json", "--server", &server.url()]).output().expect("the binary starts");
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).expect("UTF-8"));
    }
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    Ok(lines.lines().map(|line| line.parse().expect("JSON")).collect())
}

fn write(path: &Path, text: &str) -> String {
    fs::write(path, text).expect("written");
    path.display().to_string()
}

#[test]
fn an_operator_adds_shows_changes_and_revokes_authorities_and_a_kill_loses_none_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let ring = "[[-106,39],[-104,39],[-104,41],[-106,41],[-106,39]]";
    let area =
        format!(r#"{{"type":"Feature","properties":{{}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}"#);
    let area = write(&folder.path().join("county.geojson"), &area);
    let root = write(&folder.path().join("root.pem"), &Root::new("Signers").pem());
    let add = ["authority", "add", "county", "--sender", SENDER, "--area", &area, "--status", "actual", "--rate", "30"];
    assert!(run(&server, &[&add[..], &["--check"]].concat()).is_ok());
    assert!(run(&server, &["authority", "show", "county"]).is_err_and(|said| said.contains("no such authority")));
    let added = run(&server, &add).expect("added");
    assert_eq!((&added[0]["points"], &added[0]["rate_burst"], &added[0]["etag"]), (&4.into(), &30.into(), &"1".into()));
    assert_eq!(added[0]["statuses"], serde_json::json!(["Actual"]));
    run(&server, &["authority", "add", "relay", "--sender", "a@example.org", "--whole-world"]).expect("added");
    server.kill();
    server.start();
    let sign = ["--sign-root", &root, "--sign-subject", "CN=Alerts", "--clear", "rate", "--etag", "1"];
    let changed = run(&server, &[&["authority", "update", "county"][..], &sign].concat()).expect("changed");
    assert_eq!((&changed[0]["rate_per_minute"], &changed[0]["etag"]), (&Value::Null, &"2".into()));
    let shown = changed[0]["signature"]["roots"][0]["subject"].as_str().expect("a subject");
    assert!(shown.contains("CN=Signers"), "{shown}");
    assert!(run(&server, &["authority", "update", "county", "--etag", "1", "--rate", "1"]).is_err());
    assert!(run(&server, &["authority", "update", "county"]).is_err_and(|said| said.contains("what is to be changed")));
    assert_eq!(run(&server, &["authority", "revoke", "relay"]).expect("revoked")[0]["state"], "revoked");
    server.kill();
    server.start();
    let listed = run(&server, &["authority", "list"]).expect("listed");
    let states: Vec<_> = listed.iter().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!((states, &listed[0]), (vec!["admitted", "revoked"], &changed[0]));
    // Whoever shows nothing to a development server is no authority, and limited by none.
    let alert = TestAlert { identifier: "far".to_owned(), place: [8.5, 47.4], reach: 0.1 };
    let alert = alert.write(folder.path()).display().to_string();
    assert!(run(&server, &["alert", "send", &alert]).is_ok());
    assert!(server.stop());
    let log = folder.path().join("data/audit").display().to_string();
    let export = hazardcast(&["audit", "export", &log, "--json"]).output().expect("it runs");
    let records = String::from_utf8(export.stdout).expect("text");
    assert!(records.contains("rate: 30 a minute, 30 at once -> none"), "{records}");
    for action in ["authority.created", "authority.updated", "authority.revoked"] {
        assert!(records.contains(action), "{action}");
    }
}
