//! Every RPC as every kind of caller, across two partners: nobody reads, changes or infers what is not theirs (R-P9).
//!
//! What each may call is written here once more, apart from the server's own table. A call that is let in may still be
//! refused for what it says; one that is not must be answered alike whatever it is about, whether that is there or not.

use std::fmt::Debug;

use hazardcast::wire::v1;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use prost::Message;
use prost::bytes::Bytes;
use tonic::Code;

use crate::access::register;
use crate::support::api::consent;
use crate::support::house::NOON;
use crate::support::message::{Message as Alert, SENDER};
use crate::support::raw::{call, rpcs};
use crate::support::site::{Caller, Site, authority, operator, partner, with_token};

/// Some caller, and what kind.
struct Somebody {
    kind: Kind,
    caller: Caller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Shows nothing.
    Stranger,
    /// Shows what is, or is no more, a proof of nothing.
    Forger,
    Partner,
    Authority,
    View,
    Operate,
    Approve,
    Administer,
}

/// What a call is about.
#[derive(Debug, Clone)]
struct Subject {
    partner: String,
    app: String,
    registration: String,
    zone: String,
    alert: String,
    fan_out: String,
    credential: String,
}

/// Whether it is let in: by its path, and nothing else.
fn may(kind: Kind, path: &str) -> bool {
    use Kind::{Administer, Approve, Authority, Operate, Partner, View};
    let operators = [View, Operate, Approve, Administer];
    let (service, method) = path.trim_start_matches("/hazardcast.v1.").split_once('/').expect("a path");
    match (service, method) {
        ("LinkService", _) => true,
        ("AccessService", "WhoAmI") => !matches!(kind, Kind::Stranger | Kind::Forger),
        ("AuthorityService", "GetAuthority" | "ListAuthorities") => operators.contains(&kind),
        ("AccessService" | "AuthorityService", _)
        | ("PartnerService", "CreatePartner")
        | ("AuditService", "ListAuditRecords")
        | ("RegionService", "ImportRegions")
        | ("FeedService", "CreateFeed" | "DeleteFeed" | "TestFeed") => kind == Administer,
        ("DeviceService" | "PartnerEventService" | "ZoneService", _) => kind == Partner,
        ("PolicyService", "RetirePolicyVersion") => [Partner, Administer].contains(&kind),
        ("AlertService", "SubmitAlert" | "PreviewAlert" | "StreamAlerts") => kind == Authority,
        ("AlertService", "ApproveAlert" | "RejectAlert") => [Approve, Administer].contains(&kind),
        ("AlertService", "CancelAlert") => [Authority, Approve, Administer].contains(&kind),
        ("AlertService" | "FanOutService" | "RegionService", _) => kind == Authority || operators.contains(&kind),
        ("StatisticsService", _) => matches!(kind, Partner | Authority) || operators.contains(&kind),
        ("PartnerService", "CreateApp") | ("FeedService", "PauseFeed" | "ResumeFeed") => {
            [Operate, Approve, Administer].contains(&kind)
        }
        ("PartnerService", "ListPartners") | ("AuditService", "GetAuditHead") | ("FeedService", _) => {
            operators.contains(&kind)
        }
        ("PartnerService", _) | ("PolicyService", "GetPolicy") => kind == Partner || operators.contains(&kind),
        _ => panic!("{path}: say here who may call it"),
    }
}

/// A request of the RPC about a subject.
fn request(path: &str, about: &Subject) -> Bytes {
    let (service, method) = path.rsplit_once('/').expect("a path");
    Bytes::from(match service.rsplit('.').next().expect("a name") {
        "DeviceService" => of_devices(method, about.clone()),
        "PartnerEventService" => of_events(method, about.clone()),
        "ZoneService" => of_zones(method, about.clone()),
        "AuthorityService" => of_authorities(method),
        _ => of_others(method, about.clone()),
    })
}

fn of_devices(method: &str, Subject { app, registration, .. }: Subject) -> Vec<u8> {
    let consent = v1::Consent { policy_version: 2, ..consent(v1::ConsentPurpose::EmergencyPush) };
    let report = v1::ReportPlaceRequest { name: registration.clone(), place: None };
    let create = create(app.clone());
    match method {
        "CreateRegistration" => create.encode_to_vec(),
        "BatchCreateRegistrations" => {
            v1::BatchCreateRegistrationsRequest { parent: app, requests: vec![create] }.encode_to_vec()
        }
        "GetRegistration" => v1::GetRegistrationRequest { name: registration }.encode_to_vec(),
        "UpdateRegistration" => {
            let update_mask = Some(prost_types::FieldMask { paths: vec!["drills".to_owned()] });
            let registration = v1::Registration { name: registration, drills: true, ..v1::Registration::default() };
            v1::UpdateRegistrationRequest { registration: Some(registration), update_mask }.encode_to_vec()
        }
        "DeleteRegistration" => v1::DeleteRegistrationRequest { name: registration }.encode_to_vec(),
        "ListRegistrations" => {
            v1::ListRegistrationsRequest { parent: app, page_size: 0, page_token: String::new() }.encode_to_vec()
        }
        "ReportPlace" => report.encode_to_vec(),
        "ReportPlaces" => v1::ReportPlacesRequest { requests: vec![report] }.encode_to_vec(),
        "SetSavedPlace" => {
            let footprint = Some(v1::saved_place::Footprint::Point(v1::Position::default()));
            let saved_place = Some(v1::SavedPlace { id: "home".to_owned(), footprint, precision: 0 });
            v1::SetSavedPlaceRequest { name: registration, saved_place }.encode_to_vec()
        }
        "DeleteSavedPlace" => {
            v1::DeleteSavedPlaceRequest { name: registration, saved_place_id: "home".to_owned() }.encode_to_vec()
        }
        "ListSavedPlaces" => v1::ListSavedPlacesRequest { name: registration }.encode_to_vec(),
        "GrantConsent" => v1::GrantConsentRequest { name: registration, consent: Some(consent) }.encode_to_vec(),
        "WithdrawConsent" => {
            let purpose = v1::ConsentPurpose::Location.into();
            v1::WithdrawConsentRequest { name: registration, purpose }.encode_to_vec()
        }
        method => panic!("{method}: make a request of it here"),
    }
}

fn of_events(method: &str, Subject { partner, alert, .. }: Subject) -> Vec<u8> {
    match method {
        "ListPartnerEvents" => {
            v1::ListPartnerEventsRequest { parent: partner, ..v1::ListPartnerEventsRequest::default() }.encode_to_vec()
        }
        "StreamPartnerEvents" => {
            v1::StreamPartnerEventsRequest { parent: partner, after: String::new() }.encode_to_vec()
        }
        "ListReceipts" => {
            v1::ListReceiptsRequest { parent: partner, alert, ..v1::ListReceiptsRequest::default() }.encode_to_vec()
        }
        "SetWebhook" => {
            let webhook = Some(v1::Webhook { url: "https://127.0.0.1:1/".to_owned(), ..v1::Webhook::default() });
            v1::SetWebhookRequest { parent: partner, webhook, rotate_secret: false }.encode_to_vec()
        }
        "GetWebhook" => v1::GetWebhookRequest { name: format!("{partner}/webhook") }.encode_to_vec(),
        "DeleteWebhook" => v1::DeleteWebhookRequest { name: format!("{partner}/webhook") }.encode_to_vec(),
        method => panic!("{method}: make a request of it here"),
    }
}

fn of_zones(method: &str, Subject { partner, zone, .. }: Subject) -> Vec<u8> {
    match method {
        "CreateZone" => {
            v1::CreateZoneRequest { parent: partner, zone_id: "made".to_owned(), zone: Some(drawn()) }.encode_to_vec()
        }
        "GetZone" => v1::GetZoneRequest { name: zone }.encode_to_vec(),
        "UpdateZone" => {
            let zone = Some(v1::Zone { name: zone, display_name: "Changed".to_owned(), ..v1::Zone::default() });
            v1::UpdateZoneRequest { zone, update_mask: None }.encode_to_vec()
        }
        "DeleteZone" => v1::DeleteZoneRequest { name: zone }.encode_to_vec(),
        "ListZones" => {
            v1::ListZonesRequest { parent: partner, page_size: 0, page_token: String::new() }.encode_to_vec()
        }
        method => panic!("{method}: make a request of it here"),
    }
}

/// Of one that is not there: what is done with those that are would end who calls.
fn of_authorities(method: &str) -> Vec<u8> {
    let name = "authorities/none".to_owned();
    match method {
        "CreateAuthority" => v1::CreateAuthorityRequest::default().encode_to_vec(),
        "GetAuthority" => v1::GetAuthorityRequest { name }.encode_to_vec(),
        "ListAuthorities" => v1::ListAuthoritiesRequest::default().encode_to_vec(),
        "UpdateAuthority" => {
            let authority = Some(v1::Authority { name, ..v1::Authority::default() });
            v1::UpdateAuthorityRequest { authority, ..v1::UpdateAuthorityRequest::default() }.encode_to_vec()
        }
        "RevokeAuthority" => v1::RevokeAuthorityRequest { name, etag: String::new() }.encode_to_vec(),
        method => panic!("{method}: make a request of it here"),
    }
}

fn of_others(method: &str, about: Subject) -> Vec<u8> {
    let Subject { partner, app, registration, alert, fan_out, credential, .. } = about;
    let (link_secret, shown) = (vec![0; 32].into(), Vec::new());
    let hello = v1::DeviceHello { registration, link_secret, shown };
    match method {
        "SubmitAlert" | "PreviewAlert" | "StreamAlerts" | "ListFeeds" | "TestFeed" | "CreateCredential"
        | "RotateIdentityKey" | "WhoAmI" | "GetAuditHead" => Vec::new(),
        "ListAuditRecords" => v1::ListAuditRecordsRequest::default().encode_to_vec(),
        "ListHeldAlerts" => v1::ListHeldAlertsRequest::default().encode_to_vec(),
        "GetHeldAlert" => v1::GetHeldAlertRequest { name: "heldAlerts/1".to_owned() }.encode_to_vec(),
        "ApproveAlert" => v1::ApproveAlertRequest { name: "heldAlerts/1".to_owned() }.encode_to_vec(),
        "RejectAlert" => v1::RejectAlertRequest { name: "heldAlerts/1".to_owned() }.encode_to_vec(),
        "CancelAlert" => v1::CancelAlertRequest { name: alert, ..v1::CancelAlertRequest::default() }.encode_to_vec(),
        "GetAlert" => v1::GetAlertRequest { name: alert }.encode_to_vec(),
        "ListAlerts" => v1::ListAlertsRequest::default().encode_to_vec(),
        "GetFanOut" => v1::GetFanOutRequest { name: fan_out }.encode_to_vec(),
        "WatchFanOut" => v1::WatchFanOutRequest { name: fan_out }.encode_to_vec(),
        "ListFanOuts" => v1::ListFanOutsRequest::default().encode_to_vec(),
        "OpenLink" => v1::OpenLinkRequest { frame: Some(v1::open_link_request::Frame::Hello(hello)) }.encode_to_vec(),
        "CreatePartner" => v1::CreatePartnerRequest { partner_id: "acme".to_owned(), partner: None }.encode_to_vec(),
        "GetPartner" => v1::GetPartnerRequest { name: partner }.encode_to_vec(),
        "ListPartners" => v1::ListPartnersRequest::default().encode_to_vec(),
        "CreateApp" => v1::CreateAppRequest { parent: partner, app_id: "main".to_owned(), app: None }.encode_to_vec(),
        "GetApp" => v1::GetAppRequest { name: app }.encode_to_vec(),
        "ListApps" => v1::ListAppsRequest { parent: partner, page_size: 0, page_token: String::new() }.encode_to_vec(),
        "RetirePolicyVersion" => v1::RetirePolicyVersionRequest { partner, version: 1 }.encode_to_vec(),
        "GetPolicy" => v1::GetPolicyRequest { partner }.encode_to_vec(),
        "GetCredential" => v1::GetCredentialRequest { name: credential }.encode_to_vec(),
        "ListCredentials" => v1::ListCredentialsRequest::default().encode_to_vec(),
        "RevokeCredential" => v1::RevokeCredentialRequest { name: credential }.encode_to_vec(),
        "ListRegions" => v1::ListRegionsRequest::default().encode_to_vec(),
        "GetRegion" => {
            let (scheme, code) = ("SAME".to_owned(), "006109".to_owned());
            v1::GetRegionRequest { scheme, code, read_time: None }.encode_to_vec()
        }
        "CreateFeed" => v1::CreateFeedRequest::default().encode_to_vec(),
        "GetFeed" | "PauseFeed" | "ResumeFeed" | "DeleteFeed" => {
            v1::GetFeedRequest { name: "feeds/none".to_owned() }.encode_to_vec()
        }
        "ImportRegions" => v1::ImportRegionsRequest::default().encode_to_vec(),
        "GetAlertStatistics" => v1::GetAlertStatisticsRequest { alert, parent: partner }.encode_to_vec(),
        method => panic!("{method}: make a request of it here"),
    }
}

fn create(parent: String) -> v1::CreateRegistrationRequest {
    let traits = v1::DeviceTraits {
        platform: v1::Platform::Other.into(),
        languages: vec!["en".to_owned()],
        ..v1::DeviceTraits::default()
    };
    let registration = Some(v1::Registration { traits: Some(traits), ..v1::Registration::default() });
    v1::CreateRegistrationRequest { parent, registration, ..v1::CreateRegistrationRequest::default() }
}

/// A zone that can be made.
fn drawn() -> v1::Zone {
    let center = Some(v1::Position { longitude: 7.0, latitude: 46.0 });
    let area = v1::Area { circles: vec![v1::Circle { center, radius_km: 1.0 }], ..v1::Area::default() };
    v1::Zone { area: Some(area), ..v1::Zone::default() }
}

/// All that a caller learns from a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    code: Code,
    message: String,
    details: Bytes,
    told: Option<Bytes>,
}

async fn ask(caller: &Caller, path: &str, about: &Subject) -> Answer {
    match call(caller, path, request(path, about)).await {
        Ok(told) => Answer { code: Code::Ok, message: String::new(), details: Bytes::new(), told },
        Err(status) => Answer {
            code: status.code(),
            message: status.message().to_owned(),
            details: Bytes::copy_from_slice(status.details()),
            told: None,
        },
    }
}

impl Answer {
    fn is_let_in(&self) -> bool {
        !matches!(self.code, Code::Unauthenticated | Code::PermissionDenied)
    }

    /// Whether it tells any of these texts.
    fn tells(&self, texts: &[&str]) -> bool {
        let told = [self.message.as_bytes(), &self.details, self.told.as_deref().unwrap_or_default()].concat();
        texts.iter().any(|text| told.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

/// Two partners with a device each, an alert of one authority, and callers of every kind.
struct World {
    site: Site,
    everybody: Vec<Somebody>,
    acme: Caller,
    rival: Caller,
    /// What is acme's, and the alert.
    own: Subject,
    /// What is its rival's.
    foreign: Subject,
    /// What would be acme's, if it were there.
    missing: Subject,
    /// What would be its rival's.
    foreign_missing: Subject,
}

impl World {
    async fn new() -> Self {
        let site = Site::open().await;
        let channel = site.channel().await;
        let mut tokens = Vec::new();
        for id in ["acme", "rival"] {
            site.admit(id).await;
            let (_, token) = site.make(partner(id)).await;
            let app = format!("partners/{id}/apps/main");
            let device = register(channel.clone(), &token, &app).await.expect("registered").registration.to_string();
            let parent = format!("partners/{id}");
            let zone = v1::CreateZoneRequest { parent, zone_id: "home".to_owned(), zone: Some(drawn()) };
            let caller = with_token(channel.clone(), &token);
            let zone = call(&caller, "/hazardcast.v1.ZoneService/CreateZone", zone.encode_to_vec().into()).await;
            zone.expect("it is made");
            tokens.push((token, device));
        }
        let [(acme_token, acme_device), (rival_token, rival_device)] = tokens.try_into().expect("two");
        let (_, gateway) = site.make(authority("test", SENDER)).await;
        let (_, other) = site.make(authority("other", "other@example.org")).await;
        let raw =
            v1::RawAlert { content: Alert::warning("a", NOON, [0.0, 0.0]).cap().into(), media_type: String::new() };
        let submit = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        let authority = with_token(channel.clone(), &gateway);
        let answer = call(&authority, "/hazardcast.v1.AlertService/SubmitAlert", submit.encode_to_vec().into()).await;
        let answer = v1::SubmitAlertResponse::decode(answer.expect("taken").expect("told")).expect("an answer");
        let Some(v1::submit_alert_response::Outcome::Admitted(admitted)) = answer.outcome else {
            panic!("not admitted")
        };
        let (spare, _) = site.make(operator(v1::OperatorRole::View)).await;
        let subject = |partner: &str, registration: &str| Subject {
            partner: partner.to_owned(),
            app: format!("{partner}/apps/main"),
            registration: registration.to_owned(),
            zone: format!("{partner}/zones/home"),
            alert: admitted.name.clone(),
            fan_out: admitted.fan_out.clone(),
            credential: spare.clone(),
        };
        let nobody = "0".repeat(26);
        let missing = |partner: &str| Subject {
            app: format!("{partner}/apps/none"),
            zone: format!("{partner}/zones/none"),
            alert: "alerts/ffffffff".to_owned(),
            fan_out: "fanOuts/ffffffff.1".to_owned(),
            credential: format!("credentials/{}", "0".repeat(16)),
            ..subject(partner, &format!("{partner}/apps/main/registrations/{nobody}"))
        };
        let (own, foreign) = (subject("partners/acme", &acme_device), subject("partners/rival", &rival_device));
        let (missing, foreign_missing) = (missing("partners/acme"), missing("partners/nobody"));
        let [acme, rival] = [&acme_token, &rival_token].map(|token| with_token(channel.clone(), token));
        let mut everybody = vec![(Kind::Stranger, String::new()), (Kind::Forger, "hc_forged".to_owned())];
        let (revoked, gone) = site.make(operator(v1::OperatorRole::Administer)).await;
        site.revoke(&revoked).await;
        everybody.push((Kind::Forger, gone));
        everybody.push((Kind::Partner, acme_token));
        everybody.extend([(Kind::Authority, gateway), (Kind::Authority, other)]);
        let roles = [
            (Kind::View, v1::OperatorRole::View),
            (Kind::Operate, v1::OperatorRole::Operate),
            (Kind::Approve, v1::OperatorRole::Approve),
            (Kind::Administer, v1::OperatorRole::Administer),
        ];
        for (kind, role) in roles {
            everybody.push((kind, site.make(operator(role)).await.1));
        }
        let somebody = |(kind, token): (Kind, String)| Somebody { kind, caller: with_token(channel.clone(), &token) };
        let everybody = everybody.into_iter().map(somebody).collect();
        Self { site, everybody, acme, rival, own, foreign, missing, foreign_missing }
    }

    /// All that the rival can see of what is its own.
    async fn rivals_own(&self) -> Vec<Answer> {
        let mut seen = Vec::new();
        for method in [
            "DeviceService/GetRegistration",
            "DeviceService/ListRegistrations",
            "PartnerService/ListApps",
            "ZoneService/ListZones",
        ] {
            seen.push(ask(&self.rival, &format!("/hazardcast.v1.{method}"), &self.foreign).await);
        }
        assert!(seen.iter().all(|answer| answer.code == Code::Ok), "{seen:?}");
        seen
    }

    /// What names something of the rival's, and the acme caller did not say itself.
    fn secrets(&self) -> [&str; 1] {
        [self.foreign.registration.rsplit('/').next().expect("a CID")]
    }
}

fn same<T: PartialEq + Debug>(answers: &[T], what: &str) {
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{what}: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_lets_in_exactly_who_may_call_it_and_tells_the_others_nothing() {
    let world = World::new().await;
    let before = world.rivals_own().await;
    for path in rpcs() {
        for Somebody { kind, caller } in &world.everybody {
            let mut answers = Vec::new();
            for about in [&world.foreign, &world.foreign_missing, &world.missing] {
                let answer = ask(caller, &path, about).await;
                assert_eq!(answer.is_let_in(), may(*kind, &path), "{path} as {kind:?}: {answer:?}");
                assert!(!answer.tells(&world.secrets()), "{path} as {kind:?}: {answer:?}");
                answers.push(answer);
            }
            if !may(*kind, &path) || *kind == Kind::Partner || path.contains("OpenLink") {
                // A batch with one name of another's is refused whole; what is missing of one's own is told for each.
                // And a partner itself is never missing.
                let own_differs = [
                    "BatchCreateRegistrations",
                    "ReportPlaces",
                    "GetPartner",
                    "ListApps",
                    "RetirePolicyVersion",
                    "GetPolicy",
                    "GetAlertStatistics",
                    "CreateZone",
                    "ListZones",
                    "Events",
                    "Receipts",
                    "Webhook",
                ];
                let differs = *kind == Kind::Partner && own_differs.iter().any(|method| path.ends_with(method));
                same(&answers[..if differs { 2 } else { 3 }], &format!("{path} as {kind:?}"));
            }
        }
    }
    assert_eq!(world.rivals_own().await, before);
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_does_with_its_own_what_it_may() {
    let world = World::new().await;
    let own = world.own.registration.rsplit('/').next().expect("a CID").to_owned();
    for path in rpcs().iter().filter(|path| may(Kind::Partner, path) && !path.contains("Delete")) {
        let answer = ask(&world.acme, path, &world.own).await;
        assert_eq!(answer.code, Code::Ok, "{path}: {answer:?}");
    }
    let listed = ask(&world.acme, "/hazardcast.v1.DeviceService/ListRegistrations", &world.own).await;
    assert!(listed.tells(&[&own]) && !listed.tells(&world.secrets()), "{listed:?}");
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_makes_the_first_operator_and_calls_nothing_else() {
    let site = Site::new().await;
    let token = std::fs::read_to_string(site.path("data/bootstrap.token")).expect("it was made");
    let caller = with_token(site.channel().await, token.trim());
    let (partner, nothing) = ("partners/acme".to_owned(), String::new());
    let about = Subject {
        app: format!("{partner}/apps/main"),
        registration: format!("{partner}/apps/main/registrations/{}", "0".repeat(26)),
        zone: format!("{partner}/zones/home"),
        alert: nothing.clone(),
        fan_out: nothing.clone(),
        credential: nothing,
        partner,
    };
    for path in rpcs() {
        let answer = ask(&caller, &path, &about).await;
        let may = ["CreateCredential", "WhoAmI", "OpenLink"].iter().any(|method| path.ends_with(method));
        assert_eq!(answer.is_let_in(), may, "{path}: {answer:?}");
    }
    site.close().await;
}

/// Where a part of a request comes from.
#[derive(Debug, Clone, Copy)]
enum From {
    Own,
    Foreign,
    Missing,
    Malformed,
    Empty,
}

/// A call of one partner, each name of it from somewhere else.
#[derive(Debug, Clone)]
struct Attempt {
    path: prop::sample::Index,
    /// For each device that a batch names, or the one of a call.
    names: Vec<From>,
    parent: From,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let from = || {
        prop_oneof![Just(From::Own), Just(From::Foreign), Just(From::Missing), Just(From::Malformed), Just(From::Empty)]
    };
    (any::<prop::sample::Index>(), prop::collection::vec(from(), 1..4), from())
        .prop_map(|(path, names, parent)| Attempt { path, names, parent })
}

impl Attempt {
    /// The request; whatever is the rival's is taken from `foreign`.
    fn request(&self, path: &str, world: &World, foreign: &Subject) -> Bytes {
        let pick = |from: From, of: fn(&Subject) -> &String| match from {
            From::Own => of(&world.own).clone(),
            From::Foreign => of(foreign).clone(),
            From::Missing => of(&world.missing).clone(),
            From::Malformed => format!("{}//", of(foreign)),
            From::Empty => String::new(),
        };
        let names: Vec<String> = self.names.iter().map(|&from| pick(from, |subject| &subject.registration)).collect();
        let (partner, app) = (pick(self.parent, |subject| &subject.partner), pick(self.parent, |subject| &subject.app));
        let zone = pick(self.parent, |subject| &subject.zone);
        let about = Subject { partner, zone, app: app.clone(), registration: names[0].clone(), ..world.own.clone() };
        let parents = self.names.iter().map(|&from| pick(from, |subject| &subject.app));
        match path.rsplit('/').next().expect("a method") {
            "ReportPlaces" => {
                let requests = names.into_iter().map(|name| v1::ReportPlaceRequest { name, place: None }).collect();
                v1::ReportPlacesRequest { requests }.encode_to_vec().into()
            }
            "BatchCreateRegistrations" => {
                let requests = parents.map(create).collect();
                v1::BatchCreateRegistrationsRequest { parent: app, requests }.encode_to_vec().into()
            }
            _ => request(path, &about),
        }
    }

    fn is_foreign(&self, path: &str) -> bool {
        let foreign = |from: &From| matches!(from, From::Foreign | From::Malformed);
        let of_names = path.contains("ReportPlaces") || path.contains("BatchCreate");
        let by_parent =
            !path.contains("DeviceService") || path.contains("Create") || path.contains("ListRegistrations");
        let named = if of_names { self.names.iter().any(foreign) } else { !by_parent && foreign(&self.names[0]) };
        named || by_parent && foreign(&self.parent)
    }
}

#[test]
fn whatever_a_partner_names_it_learns_and_changes_nothing_of_another() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::new());
    let paths: Vec<String> = rpcs()
        .into_iter()
        // The rest is acme's own to destroy, or not a partner's.
        .filter(|path| may(Kind::Partner, path) && !path.contains("OpenLink") && !path.contains("WhoAmI"))
        .collect();
    let before = runtime.block_on(world.rivals_own());
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    let strategy = prop::collection::vec(attempt(), 1..4);
    let tried = TestRunner::new(config).run(&strategy, |attempts| {
        runtime.block_on(async {
            for attempt in &attempts {
                let path = attempt.path.get(&paths);
                if path.contains("Delete") && matches!(attempt.names[0], From::Own) {
                    continue;
                }
                let mut answers = Vec::new();
                for foreign in [&world.foreign, &world.foreign_missing] {
                    let answer = call(&world.acme, path, attempt.request(path, &world, foreign)).await;
                    answers.push(answer.map_err(|status| (status.code(), status.message().to_owned())));
                }
                if attempt.is_foreign(path) {
                    prop_assert!(matches!(&answers[0], Err((Code::NotFound, _))), "{path}: {answers:?}");
                    prop_assert_eq!(&answers[0], &answers[1], "{}", path);
                }
                prop_assert_eq!(&world.rivals_own().await, &before, "{}", path);
            }
            Ok(())
        })
    });
    tried.expect("it holds");
    runtime.block_on(world.site.close());
}
