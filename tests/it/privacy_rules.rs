//! Each rule of privacy that is built, by its own test, over a whole server: what a person did not agree to does not
//! happen, and nothing is held longer or more precisely than they chose (R-P1, R-P2, R-P4, R-P5, R-P7, R-S3).

use std::collections::BTreeMap;

use hazardcast::device::assess;
use hazardcast::domain::{Clock, Position};
use hazardcast::wire::v1;
use hazardcast::wire::v1::ConsentPurpose::{CrossBorder, EmergencyPush, Location, SavedPlaces};
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::policy_service_client::PolicyServiceClient;
use jiff::SignedDuration;
use tonic::Status;

use crate::support::api::{Api, Refused, consent, create, credentials, phone, phone_at, place, token};
use crate::support::house::{APP, House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::server::Server;

const TOWN: [f64; 2] = [8.5, 47.4];

impl House {
    /// Registers a device that the null channel reaches; its name.
    async fn device(&self, registration: v1::Registration) -> String {
        self.try_device(registration).await.expect("it is registered")
    }

    async fn try_device(&self, registration: v1::Registration) -> Result<String, Status> {
        let tokens = vec![token(v1::Channel::Null, "null")];
        let request = v1::CreateRegistrationRequest {
            parent: APP.to_owned(),
            registration: Some(v1::Registration { tokens, ..registration }),
            ..v1::CreateRegistrationRequest::default()
        };
        let answer = self.devices().create_registration(request).await?.into_inner();
        Ok(answer.registration.expect("it is told").name)
    }

    async fn withdraw(&self, name: &str, purpose: v1::ConsentPurpose) {
        let request = v1::WithdrawConsentRequest { name: name.to_owned(), purpose: purpose.into() };
        self.devices().withdraw_consent(request).await.expect("it is withdrawn");
    }

    async fn grant(&self, name: &str, consent: v1::Consent) -> Result<(), Refused> {
        let request = v1::GrantConsentRequest { name: name.to_owned(), consent: Some(consent) };
        Ok(self.devices().grant_consent(request).await.map(drop)?)
    }

    async fn set(&self, registration: v1::Registration, field: &str) -> v1::Registration {
        let update_mask = Some(prost_types::FieldMask { paths: vec![field.to_owned()] });
        let request = v1::UpdateRegistrationRequest { registration: Some(registration), update_mask };
        let answer = self.devices().update_registration(request).await.expect("it is updated");
        answer.into_inner().registration.expect("it is told")
    }

    async fn held(&self, name: &str) -> v1::Registration {
        let request = v1::GetRegistrationRequest { name: name.to_owned() };
        let answer = self.devices().get_registration(request).await.expect("it is there");
        answer.into_inner().registration.expect("it is told")
    }

    /// How many an alert for the town is sent to, and why not to others.
    async fn warn(&self, identifier: &str) -> (i64, BTreeMap<String, i64>) {
        let fan_out = self.send(&Message::warning(identifier, self.clock.now(), TOWN)).await;
        (fan_out.sent.iter().map(|sent| sent.count).sum(), reasons(&fan_out.skipped))
    }

    async fn save(&self, name: &str, id: &str, place: v1::Place) -> Result<v1::SavedPlace, Refused> {
        let footprint = place.footprint.map(|footprint| match footprint {
            v1::place::Footprint::Point(point) => v1::saved_place::Footprint::Point(point),
            v1::place::Footprint::Box(corners) => v1::saved_place::Footprint::Box(corners),
        });
        let saved_place = Some(v1::SavedPlace { id: id.to_owned(), footprint, precision: 0 });
        let request = v1::SetSavedPlaceRequest { name: name.to_owned(), saved_place };
        Ok(self.devices().set_saved_place(request).await?.into_inner().saved_place.expect("it is told"))
    }

    async fn followed(&self, name: &str) -> Vec<String> {
        let request = v1::ListSavedPlacesRequest { name: name.to_owned() };
        let answer = self.devices().list_saved_places(request).await.expect("it is answered").into_inner();
        answer.saved_places.into_iter().map(|saved| saved.id).collect()
    }

    async fn retire(&self, version: u32) -> v1::Policy {
        let request = v1::RetirePolicyVersionRequest { partner: "partners/dev".to_owned(), version };
        let answer = PolicyServiceClient::new(self.channel.clone()).retire_policy_version(request).await;
        answer.expect("it is retired").into_inner().policy.expect("it is told")
    }
}

fn reasons(skipped: &[v1::SkipCount]) -> BTreeMap<String, i64> {
    skipped.iter().map(|skip| (skip.reason.clone(), skip.count)).collect()
}

fn for_lack_of(reason: &str) -> (i64, BTreeMap<String, i64>) {
    (0, BTreeMap::from([(reason.to_owned(), 1)]))
}

fn told() -> (i64, BTreeMap<String, i64>) {
    (1, BTreeMap::new())
}

fn by_guardian(purpose: v1::ConsentPurpose) -> v1::Consent {
    let guardian = v1::Guardian { reference: "parent-7".to_owned(), method: "signed form".to_owned() };
    v1::Consent { guardian: Some(guardian), ..consent(purpose) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_consent_stops_the_next_alert() {
    let mut house = House::open().await;
    let name = house.device(phone_at(TOWN)).await;
    assert_eq!(house.warn("a").await, told());
    house.withdraw(&name, EmergencyPush).await;
    assert_eq!(house.warn("b").await, for_lack_of("no_consent"));
    house = house.restart().await;
    assert_eq!(house.warn("c").await, for_lack_of("no_consent"));
    house.grant(&name, consent(EmergencyPush)).await.expect("it is granted");
    assert_eq!(house.warn("d").await, told());
    house.withdraw(&name, Location).await;
    assert_eq!(house.held(&name).await.place, None);
    assert_eq!(house.warn("e").await, (0, BTreeMap::new()), "it is not even found");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_consent_stops_the_next_alert() {
    let house = House::open().await;
    let ends = NOON + SignedDuration::from_mins(10);
    let expire_time = Some(prost_types::Timestamp { seconds: ends.as_second(), nanos: 0 });
    let consents = vec![v1::Consent { expire_time, ..consent(EmergencyPush) }, consent(Location)];
    house.device(v1::Registration { consents, ..phone_at(TOWN) }).await;
    assert_eq!(house.warn("a").await, told());
    house.clock.set(ends);
    assert_eq!(house.warn("b").await, for_lack_of("consent_expired"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_policy_stops_the_next_alert() {
    let mut house = House::open().await;
    let name = house.device(phone_at(TOWN)).await;
    assert_eq!(house.warn("a").await, told());
    assert_eq!(house.retire(1).await.oldest_valid_version, 2);
    assert_eq!(house.warn("b").await, for_lack_of("policy_retired"));
    assert_eq!(house.held(&name).await.place, None, "the place is not shown, though it may still be there");
    let refused = house.grant(&name, consent(EmergencyPush)).await.expect_err("it is retired");
    assert_eq!((refused.reason.as_str(), refused.field.as_str()), ("POLICY_RETIRED", "consent.policy_version"));
    let refused = Refused::from(house.try_device(phone_at(TOWN)).await.expect_err("it is retired"));
    assert_eq!(refused.field, "registration.consents[0].policy_version");
    house = house.restart().await;
    assert_eq!(house.warn("c").await, (0, BTreeMap::new()), "its place was not loaded");
    let anew = |purpose| v1::Consent { policy_version: 2, ..consent(purpose) };
    for purpose in [EmergencyPush, Location] {
        house.grant(&name, anew(purpose)).await.expect("it is granted");
    }
    let request = v1::ReportPlaceRequest { name, place: Some(place(TOWN)) };
    house.devices().report_place(request).await.expect("it is taken");
    assert_eq!(house.warn("d").await, told());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_retired_is_retired_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let created = api.create(create(APP, phone_at(TOWN))).await;
    let name = created.registration.expect("it is told").name;
    let request = v1::RetirePolicyVersionRequest { partner: "partners/dev".to_owned(), version: 1 };
    PolicyServiceClient::new(api.channel).retire_policy_version(request).await.expect("it is retired");
    server.kill();
    server.start();
    let api = Api::connect(&server.url()).await;
    let request = v1::GetPolicyRequest { partner: "partners/dev".to_owned() };
    let policy = PolicyServiceClient::new(api.channel.clone()).get_policy(request).await.expect("it is told");
    assert_eq!(policy.into_inner().policy.map(|policy| policy.oldest_valid_version), Some(2));
    assert_eq!(api.get(&name).await.place, None);
    let request = v1::GrantConsentRequest { name, consent: Some(consent(EmergencyPush)) };
    let refused = Refused::from(api.devices().grant_consent(request).await.expect_err("it is retired"));
    assert_eq!(refused.reason, "POLICY_RETIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_without_a_guardian_gets_no_optional_processing() {
    let mut house = House::open().await;
    let child = |registration| v1::Registration { under_14: true, ..registration };
    let refused = Refused::from(house.try_device(child(phone_at(TOWN))).await.expect_err("no guardian agreed"));
    assert_eq!((refused.reason.as_str(), refused.field.as_str()), ("NO_GUARDIAN", "registration.consents[0].guardian"));
    let name = house.device(child(phone())).await;
    for purpose in (1..=6).map(|number| v1::ConsentPurpose::try_from(number).expect("a purpose")) {
        let refused = house.grant(&name, consent(purpose)).await.expect_err("no guardian agreed");
        assert_eq!((refused.reason.as_str(), refused.field.as_str()), ("NO_GUARDIAN", "consent.guardian"));
    }
    let report = v1::ReportPlaceRequest { name: name.clone(), place: Some(place(TOWN)) };
    let refused = Refused::from(house.devices().report_place(report.clone()).await.expect_err("it may not be held"));
    assert_eq!(refused.reason, "NO_LOCATION_CONSENT");
    assert_eq!(house.warn("a").await, (0, BTreeMap::new()));

    for purpose in [EmergencyPush, Location] {
        house.grant(&name, by_guardian(purpose)).await.expect("a guardian agreed");
    }
    house.devices().report_place(report).await.expect("it is taken");
    let held = house.held(&name).await;
    assert_eq!(held.consents[0].guardian, by_guardian(EmergencyPush).guardian, "it is recorded who agreed, and how");
    assert_eq!(house.warn("b").await, told());
    house = house.restart().await;
    assert_eq!(house.warn("c").await, told());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_turns_out_to_be_a_child_gets_nothing_more_at_once() {
    let house = House::open().await;
    let name = house.device(phone_at(TOWN)).await;
    assert_eq!(house.warn("a").await, told());
    let is_child = |under_14| v1::Registration { name: name.clone(), under_14, ..v1::Registration::default() };
    let held = house.set(is_child(true), "under_14").await;
    assert_eq!((held.consents, held.place, held.under_14), (Vec::new(), None, true));
    assert_eq!(house.warn("b").await, (0, BTreeMap::new()));
    let held = house.set(is_child(false), "under_14").await;
    assert_eq!((held.consents, held.under_14), (Vec::new(), false), "it brings nothing back");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_the_region_without_consent_to_that() {
    let mut house = House::with_the_null_channel_abroad().await;
    let name = house.device(phone_at(TOWN)).await;
    let raw = |identifier: &str| v1::RawAlert {
        content: Message::warning(identifier, NOON, TOWN).cap().into(),
        media_type: String::new(),
    };
    let request = v1::PreviewAlertRequest { alert: Some(v1::preview_alert_request::Alert::Raw(raw("p"))) };
    let preview = AlertServiceClient::new(house.channel.clone()).preview_alert(request.clone()).await;
    let preview = preview.expect("it is answered").into_inner();
    assert_eq!(reasons(&preview.skipped), for_lack_of("no_cross_border_consent").1);
    let withheld = v1::ChannelCount { channel: v1::Channel::Null.into(), count: 1 };
    assert_eq!((preview.told, preview.withheld), (Vec::new(), vec![withheld]));

    assert_eq!(house.warn("a").await, for_lack_of("no_cross_border_consent"));
    house.grant(&name, consent(CrossBorder)).await.expect("it is granted");
    assert_eq!(house.warn("b").await, told());
    house = house.restart().await;
    assert_eq!(house.warn("c").await, told());
    house.withdraw(&name, CrossBorder).await;
    assert_eq!(house.warn("d").await, for_lack_of("no_cross_border_consent"));
    house.grant(&name, v1::Consent { policy_version: 7, ..consent(CrossBorder) }).await.expect("it is granted");
    for purpose in [EmergencyPush, Location] {
        house.grant(&name, v1::Consent { policy_version: 8, ..consent(purpose) }).await.expect("it is granted");
    }
    assert_eq!(house.warn("e").await, told());
    house.retire(7).await;
    assert_eq!(house.warn("f").await, for_lack_of("no_cross_border_consent"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_place_is_forgotten() {
    let mut house = House::open().await;
    let name = house.device(phone_at(TOWN)).await;
    house.clock.advance(std::time::Duration::from_hours(30 * 24));
    assert_eq!(house.warn("a").await, told());
    house.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(house.held(&name).await.place, None, "not even before the server has forgotten it");
    house = house.restart().await;
    assert_eq!(house.warn("b").await, (0, BTreeMap::new()));
    assert_eq!(house.actions("places").await, ["places.reported", "places.forgotten"][1..]);
    let report = v1::ReportPlaceRequest { name, place: Some(place(TOWN)) };
    house.devices().report_place(report).await.expect("it is taken");
    assert_eq!(house.warn("c").await, told());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_held_as_coarsely_as_its_person_chose_and_nobody_in_the_area_is_missed() {
    let mut house = House::open().await;
    // The area ends half a degree from the town. This phone is beyond it, and its cell reaches into it.
    let beyond = [TOWN[0] + 0.501, TOWN[1]];
    let coarse = v1::Registration { place_precision: v1::PlacePrecision::About10Km.into(), ..phone_at(beyond) };
    let created = house.devices().create_registration(create(APP, coarse)).await.expect("registered").into_inner();
    let held = created.registration.clone().expect("it is told");
    let Some(v1::place::Footprint::Box(cell)) = held.place.and_then(|place| place.footprint) else {
        panic!("it is held exactly")
    };
    let [from, to] = [cell.south_west, cell.north_east].map(|corner| corner.expect("it is told"));
    assert!(from.longitude < TOWN[0] + 0.5 && beyond[0] < to.longitude && to.longitude - from.longitude < 0.16);
    house = house.restart().await;
    assert_eq!(house.held(&held.name).await.place, held.place);

    let mut phone = Phone::open(&house.channel, &credentials(&created)).await;
    let fan_out = house.send(&Message::warning("a", NOON, TOWN)).await;
    assert_eq!(fan_out.found_count, 1);
    let notice = phone.notice().await;
    let inside = |[lon, lat]: [f64; 2]| {
        let here = Position::from_degrees(lon, lat).expect("on the globe");
        assess(&notice, here, NOON).inside
    };
    assert_eq!((inside(beyond), inside(TOWN)), (Some(false), Some(true)), "the phone makes the last cut");
    drop(phone);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_somebody_follows_is_told_of_without_their_own() {
    let mut house = House::open().await;
    let consents = vec![consent(EmergencyPush)];
    let name = house.device(v1::Registration { consents, ..phone() }).await;
    let refused = house.save(&name, "home", place(TOWN)).await.expect_err("nobody agreed");
    assert_eq!(refused.reason, "NO_SAVED_PLACES_CONSENT");
    house.grant(&name, consent(SavedPlaces)).await.expect("it is granted");
    let places = [("home", TOWN), ("school", [TOWN[0] + 0.1, TOWN[1]]), ("parents", [TOWN[0] + 90.0, 0.0])];
    for (id, at) in places {
        house.save(&name, id, place(at)).await.expect("it is taken");
    }
    let refused = house.save(&name, "my home", place(TOWN)).await.expect_err("it is no id");
    assert_eq!(refused.field, "saved_place.id");
    assert_eq!(house.warn("a").await, told(), "once, and not for each place");
    house = house.restart().await;
    assert_eq!(house.followed(&name).await, ["home", "parents", "school"]);
    assert_eq!(house.warn("b").await, told());
    let request = v1::DeleteSavedPlaceRequest { name: name.clone(), saved_place_id: "home".to_owned() };
    house.devices().delete_saved_place(request).await.expect("it is deleted");
    assert_eq!(house.warn("c").await, told(), "the other is in the area too");
    house.withdraw(&name, SavedPlaces).await;
    assert_eq!(house.warn("d").await, (0, BTreeMap::new()));
    assert_eq!(house.followed(&name).await, [""; 0]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_place_is_told_of_when_it_is_set_and_under_its_consent_alone() {
    let house = House::open().await;
    let far = [TOWN[0] + 90.0, 0.0];
    let linked = v1::Registration {
        consents: vec![consent(EmergencyPush), consent(Location), consent(SavedPlaces)],
        ..phone_at(far)
    };
    let created = house.devices().create_registration(create(APP, linked)).await.expect("registered").into_inner();
    let name = created.registration.clone().expect("it is told").name;
    let mut phone = Phone::open(&house.channel, &credentials(&created)).await;
    assert_eq!(house.warn("a").await, (0, BTreeMap::new()));
    phone.has_nothing().await;
    house.save(&name, "home", place(TOWN)).await.expect("it is taken");
    let notice = phone.notice().await;
    phone.acknowledge(&notice).await;
    phone.has_nothing().await;
    // One whose phone's own place may be used is not told of a followed one that may not.
    let ends = NOON + SignedDuration::from_mins(10);
    let expire_time = Some(prost_types::Timestamp { seconds: ends.as_second(), nanos: 0 });
    house.grant(&name, v1::Consent { expire_time, ..consent(SavedPlaces) }).await.expect("it is granted");
    house.clock.set(ends);
    assert_eq!(house.warn("b").await, for_lack_of("consent_expired"));
    phone.has_nothing().await;
    drop(phone);
    house.close().await;
}

impl House {
    /// What the audit log has of a thing, the first first.
    async fn actions(&self, thing: &str) -> Vec<String> {
        let request =
            v1::ListAuditRecordsRequest { action: thing.to_owned(), ..v1::ListAuditRecordsRequest::default() };
        let answer = AuditServiceClient::new(self.channel.clone()).list_audit_records(request).await;
        let records = answer.expect("it is answered").into_inner().records;
        records.into_iter().rev().map(|record| record.action).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_what_somebody_agreed_to_is_in_the_audit_log() {
    use v1::audit_record::Details;
    let house = House::open().await;
    let name = house.device(phone()).await;
    house.grant(&name, by_guardian(Location)).await.expect("it is granted");
    house.grant(&name, consent(EmergencyPush)).await.expect("it is granted");
    house.grant(&name, consent(SavedPlaces)).await.expect("it is granted");
    house.save(&name, "home", place(TOWN)).await.expect("it is taken");
    house.withdraw(&name, SavedPlaces).await;
    house.set(v1::Registration { name, under_14: true, ..v1::Registration::default() }, "under_14").await;
    house.retire(3).await;
    let expected = ["granted", "granted", "granted", "withdrawn", "ended"].map(|act| format!("consent.{act}"));
    assert_eq!(house.actions("consent").await, expected);
    assert_eq!(house.actions("saved_place").await, ["saved_place.set"]);
    let request = v1::ListAuditRecordsRequest { page_size: 20, ..v1::ListAuditRecordsRequest::default() };
    let answer = AuditServiceClient::new(house.channel.clone()).list_audit_records(request).await;
    let details: Vec<_> =
        answer.expect("it is answered").into_inner().records.into_iter().filter_map(|record| record.details).collect();
    let says = |wanted: &dyn Fn(&Details) -> bool| details.iter().any(wanted);
    assert!(says(&|told| matches!(told, Details::PolicyRetired(retired) if retired.version == 3)));
    let ended = [i32::from(EmergencyPush)];
    assert!(says(&|told| matches!(told, Details::ConsentEnded(told) if told.purposes == ended)));
    assert!(says(&|told| matches!(told, Details::RegistrationUpdated(updated) if updated.under_14)));
    let guardians =
        |told: &&Details| matches!(told, Details::ConsentGranted(terms) if terms.guardian_digest.len() == 16);
    assert_eq!(
        details.iter().filter(guardians).count(),
        1,
        "it is told which one a guardian gave, and not who that is"
    );
    house.close().await;
}
