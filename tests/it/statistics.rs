//! What became of alerts, in numbers, to each who may know, and with no way back to a person (R-S4).

use std::collections::{BTreeMap, BTreeSet};

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::alert_statistic::Outcome;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::statistics_service_client::StatisticsServiceClient;
use hazardcast::wire::v1::submit_alert_response::{Admitted, Outcome as Submitted};
use tonic::{Code, Status};

use crate::support::api::{create, phone_at, token};
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::site::{Caller, Site, authority, operator, partner, with_token};

const TOWN: [f64; 2] = [-92.6, 16.7];

/// A site with two partners, and those who ask.
struct World {
    site: Site,
    acme: String,
    rival: String,
    gateway: String,
}

impl World {
    async fn new() -> Self {
        let site = Site::open().await;
        site.admit("acme").await;
        site.admit("rival").await;
        let (_, acme) = site.make(partner("acme")).await;
        let (_, rival) = site.make(partner("rival")).await;
        let (_, gateway) = site.make(authority("test", SENDER)).await;
        Self { site, acme, rival, gateway }
    }

    async fn restart(self) -> Self {
        Self { site: self.site.restart().await, ..self }
    }

    async fn caller(&self, token: &str) -> Caller {
        with_token(self.site.channel().await, token)
    }

    /// Registers devices at a place; those that are not to be told have given no consent to emergency push.
    async fn register(&self, token_of: &str, app: &str, place: [f64; 2], told: usize, untold: usize) -> Vec<String> {
        let mut client = DeviceServiceClient::new(self.caller(token_of).await);
        let mut names = Vec::new();
        for number in 0..told + untold {
            let tokens = vec![token(v1::Channel::Null, &format!("null-{number}"))];
            let mut registration = v1::Registration { tokens, ..phone_at(place) };
            if number >= told {
                registration.consents.retain(|consent| consent.purpose() == v1::ConsentPurpose::Location);
            }
            let made = client.create_registration(create(app, registration)).await.expect("registered").into_inner();
            names.push(made.registration.expect("it is told").name);
        }
        names
    }

    /// Sends a message, and waits for its fan-out as the operator sees it.
    async fn send(&self, message: &Message) -> Admitted {
        let raw = v1::RawAlert { content: message.cap().into(), media_type: String::new() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        let answer = AlertServiceClient::new(self.caller(&self.gateway).await).submit_alert(request).await;
        let Some(Submitted::Admitted(admitted)) = answer.expect("taken").into_inner().outcome else {
            panic!("not admitted")
        };
        self.fan_out(&self.site.administrator, &admitted.fan_out).await;
        admitted
    }

    /// The last look at a fan-out.
    async fn fan_out(&self, token: &str, name: &str) -> v1::FanOut {
        let request = v1::WatchFanOutRequest { name: name.to_owned() };
        let answer = FanOutServiceClient::new(self.caller(token).await).watch_fan_out(request).await;
        let mut looks = answer.expect("it is seen").into_inner();
        let mut last = None;
        while let Some(look) = looks.message().await.expect("it is told") {
            last = look.fan_out;
        }
        last.expect("there is a last look")
    }

    async fn preview(&self, message: &Message) -> v1::PreviewAlertResponse {
        let raw = v1::RawAlert { content: message.cap().into(), media_type: String::new() };
        let request = v1::PreviewAlertRequest { alert: Some(v1::preview_alert_request::Alert::Raw(raw)) };
        let answer = AlertServiceClient::new(self.caller(&self.gateway).await).preview_alert(request).await;
        answer.expect("it is told").into_inner()
    }

    async fn try_statistics(&self, token: &str, alert: &str, parent: &str) -> Result<Vec<v1::AlertStatistic>, Status> {
        let request = v1::GetAlertStatisticsRequest { alert: alert.to_owned(), parent: parent.to_owned() };
        let answer = StatisticsServiceClient::new(self.caller(token).await).get_alert_statistics(request).await?;
        Ok(answer.into_inner().statistics)
    }

    /// Counts by app and outcome, at least and fewer than.
    async fn statistics(&self, token: &str, alert: &str, parent: &str) -> BTreeMap<(String, String), (i64, i64)> {
        let statistics = self.try_statistics(token, alert, parent).await.expect("it is told");
        let cell = |statistic: v1::AlertStatistic| {
            let outcome = match statistic.outcome.expect("there is one") {
                Outcome::Told(channel) => format!("told over {channel}"),
                Outcome::Skipped(reason) => reason,
                Outcome::Acknowledged(_) => "acknowledged".to_owned(),
            };
            let count = statistic.count.expect("it is told");
            ((statistic.app, outcome), (count.at_least, count.fewer_than))
        };
        statistics.into_iter().map(cell).collect()
    }
}

fn told_over_null() -> String {
    format!("told over {}", v1::Channel::Null as i32)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_of_what_is_theirs_and_few_are_told_as_few() {
    let world = World::new().await;
    let (main, foreign) = ("partners/acme/apps/main", "partners/rival/apps/main");
    world.register(&world.acme, main, TOWN, 23, 4).await;
    world.register(&world.rival, foreign, TOWN, 6, 11).await;
    let admitted = world.send(&Message::warning("a", NOON, TOWN)).await;
    let alert = admitted.name;
    let cell = |app: &str, outcome: &str, count: (i64, i64)| ((app.to_owned(), outcome.to_owned()), count);
    let none = "no_consent";
    let own = world.statistics(&world.acme, &alert, "partners/acme").await;
    assert_eq!(own, BTreeMap::from([cell(main, &told_over_null(), (20, 30))]), "four were skipped: too few to be told");
    let own = world.statistics(&world.rival, &alert, "partners/rival").await;
    assert_eq!(own, BTreeMap::from([cell(foreign, none, (10, 20))]));

    let exact = world.statistics(&world.site.administrator, &alert, "").await;
    let expected = [
        cell(main, &told_over_null(), (23, 24)),
        cell(main, none, (4, 5)),
        cell(foreign, &told_over_null(), (6, 7)),
        cell(foreign, none, (11, 12)),
    ];
    let of_apps: i64 = exact.values().map(|(at_least, _)| at_least).sum();
    assert_eq!(exact, BTreeMap::from(expected), "an operator is told all, by app");
    let fan_out = world.fan_out(&world.site.administrator, &admitted.fan_out).await;
    let sent: i64 = fan_out.sent.iter().map(|sent| sent.count).sum();
    let skipped: i64 = fan_out.skipped.iter().map(|skip| skip.count).sum();
    assert_eq!((sent, skipped, of_apps), (29, 15, 44), "apps add up to the totals");
    let of_all = world.statistics(&world.gateway, &alert, "").await;
    assert!(of_all.keys().all(|(app, _)| app.is_empty()), "{of_all:?}");
    let (at_least, fewer_than) = of_all[&(String::new(), told_over_null())];
    assert!(at_least % 10 == 0 && (at_least..fewer_than).contains(&29), "{of_all:?}");
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_is_not_theirs() {
    let world = World::new().await;
    let alert = world.send(&Message::warning("a", NOON, TOWN)).await.name;
    let (_, other) = world.site.make(authority("other", "other@example.org")).await;
    let refused = |answer: Result<Vec<v1::AlertStatistic>, Status>| answer.expect_err("it is refused").code();
    assert_eq!(refused(world.try_statistics(&world.acme, &alert, "partners/rival").await), Code::NotFound);
    assert_eq!(refused(world.try_statistics(&world.acme, &alert, "").await), Code::InvalidArgument);
    assert_eq!(refused(world.try_statistics(&other, &alert, "").await), Code::NotFound);
    assert_eq!(refused(world.try_statistics(&world.gateway, &alert, "partners/acme").await), Code::InvalidArgument);
    assert_eq!(refused(world.try_statistics(&world.acme, "alerts/ffff", "partners/acme").await), Code::NotFound);
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_a_restart_is_counted_by_app_after_it() {
    let world = World::new().await;
    world.register(&world.acme, "partners/acme/apps/main", TOWN, 5, 0).await;
    let gone = world.register(&world.rival, "partners/rival/apps/main", TOWN, 3, 0).await;
    let alert = world.send(&Message::warning("a", NOON, TOWN)).await.name;
    let request = v1::DeleteRegistrationRequest { name: gone[0].clone() };
    let mut devices = DeviceServiceClient::new(world.caller(&world.rival).await);
    devices.delete_registration(request).await.expect("deleted");
    drop(devices);
    let world = world.restart().await;
    let told = |app: &str, count: i64| ((app.to_owned(), told_over_null()), (count, count + 1));
    let mut found = world.statistics(&world.site.administrator, &alert, "").await;
    while found.is_empty() {
        // The registry is loaded behind the open doors.
        tokio::task::yield_now().await;
        found = world.statistics(&world.site.administrator, &alert, "").await;
    }
    let expected = [told("", 1), told("partners/acme/apps/main", 5), told("partners/rival/apps/main", 2)];
    assert_eq!(found, BTreeMap::from(expected));
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_previews_or_warns_one_house_learns_nothing_of_it() {
    let world = World::new().await;
    let house = [TOWN[0] + 0.01, TOWN[1]];
    let narrow = Message { reach: 0.000_1, ..Message::warning("a", NOON, house) };
    let empty = world.preview(&narrow).await;
    world.register(&world.acme, "partners/acme/apps/main", house, 1, 0).await;
    let with_somebody = world.preview(&narrow).await;
    assert_eq!(with_somebody, empty, "whether somebody lives there");
    assert_eq!((empty.found_count, empty.rounded_to), (0, 10));

    // Many live in the square; the house is a part of it, whatever ground is drawn in the square.
    world.register(&world.acme, "partners/acme/apps/main", TOWN, 40, 0).await;
    let drawn = [
        narrow.clone(),
        Message { reach: 0.005, ..narrow.clone() },
        Message { reach: 0.000_1, ..Message::warning("b", NOON, TOWN) },
    ];
    let mut answers = Vec::new();
    for message in &drawn {
        let v1::PreviewAlertResponse { found_count, told, skipped, .. } = world.preview(message).await;
        answers.push((found_count, told, skipped));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert!((20..=41).contains(&answers[0].0), "{answers:?}");

    let admitted = world.send(&narrow).await;
    let seen = world.fan_out(&world.gateway, &admitted.fan_out).await;
    assert_eq!((seen.found_count, seen.planned_count, seen.acknowledged_count), (0, 0, 0));
    assert!(seen.sent.is_empty() && seen.skipped.is_empty() && seen.first_send_time.is_none());
    let exact = world.fan_out(&world.site.administrator, &admitted.fan_out).await;
    assert_eq!((exact.found_count, exact.rounded_to), (1, 0), "an operator is told");
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_authority_is_told_of_a_fan_out_is_made_of_rounded_counts_alone() {
    let world = World::new().await;
    world.register(&world.acme, "partners/acme/apps/main", TOWN, 33, 25).await;
    let admitted = world.send(&Message::warning("a", NOON, TOWN)).await;
    let seen = world.fan_out(&world.gateway, &admitted.fan_out).await;
    let counts: Vec<i64> =
        seen.sent.iter().map(|sent| sent.count).chain(seen.skipped.iter().map(|skip| skip.count)).collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| count % 10 == 0 && *count > 0), "{seen:?}");
    let sent: i64 = seen.sent.iter().map(|sent| sent.count).sum();
    assert_eq!((seen.planned_count, seen.found_count), (sent, counts.iter().sum()), "no total is a count of its own");
    let (_, view) = world.site.make(operator(v1::OperatorRole::View)).await;
    let exact = world.fan_out(&view, &admitted.fan_out).await;
    let reasons: BTreeSet<(String, i64)> = exact.skipped.into_iter().map(|skip| (skip.reason, skip.count)).collect();
    assert_eq!((exact.found_count, reasons), (58, BTreeSet::from([("no_consent".to_owned(), 25)])));
    world.site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_not_told_whom_a_drill_passes_over() {
    let world = World::new().await;
    let main = "partners/acme/apps/main";
    world.register(&world.acme, main, TOWN, 45, 0).await;
    let drill = Message { status: "Test", ..Message::warning("drill", NOON, TOWN) };
    let admitted = world.send(&drill).await;
    let exact = world.fan_out(&world.site.administrator, &admitted.fan_out).await;
    assert_eq!((exact.found_count, exact.planned_count), (45, 0), "nobody takes part");
    let told = world.fan_out(&world.gateway, &admitted.fan_out).await;
    assert_eq!((told.found_count, told.skipped), (0, Vec::new()));
    assert!(world.statistics(&world.gateway, &admitted.name, "").await.is_empty());
    let own = world.statistics(&world.acme, &admitted.name, "partners/acme").await;
    assert_eq!(own, BTreeMap::from([((main.to_owned(), "not_in_drills".to_owned()), (40, 50))]));
}
