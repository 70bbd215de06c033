//! What a partner was answered is on disk: the server may be killed at any instant, or its disk may fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use hazardcast::wire::v1;
use hazardcast::wire::v1::ConsentPurpose::{EmergencyPush, Location};
use prost_types::FieldMask;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::{Code, Status};

use crate::support::api::{ALPHA, Api, Refused, consent, create, phone, phone_at, place, token};
use crate::support::server::Server;

/// How often it is killed: `HAZARDCAST_KILLS` sets the full size.
fn kills() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    std::env::var("HAZARDCAST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(4)
}

const WRITERS: usize = 8;

/// What is told of a registration, without what the server gives by itself.
#[derive(Debug, Clone, PartialEq, Default)]
struct State {
    drills: bool,
    tokens: Vec<v1::Channel>,
    consents: BTreeSet<v1::ConsentPurpose>,
    /// Degrees of longitude.
    place: Option<f64>,
}

impl From<&v1::Registration> for State {
    fn from(registration: &v1::Registration) -> Self {
        let longitude = |place: &v1::Place| match place.footprint {
            Some(v1::place::Footprint::Point(point)) => point.longitude,
            _ => panic!("not a point"),
        };
        Self {
            drills: registration.drills,
            tokens: registration.tokens.iter().map(v1::ChannelToken::channel).collect(),
            consents: registration.consents.iter().map(v1::Consent::purpose).collect(),
            place: registration.place.as_ref().map(longitude),
        }
    }
}

/// A change that is asked for.
#[derive(Debug, Clone)]
enum Change {
    Place(f64),
    Tokens(Vec<v1::Channel>, bool),
    Grant(v1::ConsentPurpose),
    Withdraw(v1::ConsentPurpose),
    Delete,
}

impl Change {
    fn draw(chance: &mut StdRng) -> Self {
        let purpose = if chance.random() { Location } else { EmergencyPush };
        match chance.random_range(0..20) {
            0..8 => Self::Place(f64::from(chance.random_range(-180..180))),
            8..11 => Self::Tokens(vec![v1::Channel::Null, v1::Channel::Fcm], chance.random()),
            11 => Self::Tokens(Vec::new(), chance.random()),
            12..15 => Self::Withdraw(purpose),
            15..19 => Self::Grant(purpose),
            _ => Self::Delete,
        }
    }

    /// What becomes of a registration; `None` when there is none any more.
    fn made(&self, mut state: State) -> Option<State> {
        match self {
            Self::Place(longitude) if state.consents.contains(&Location) => state.place = Some(*longitude),
            Self::Place(_) => {}
            Self::Tokens(tokens, drills) => (state.tokens, state.drills) = (tokens.clone(), *drills),
            Self::Grant(purpose) => _ = state.consents.insert(*purpose),
            Self::Withdraw(purpose) => {
                state.consents.remove(purpose);
                state.place = state.place.filter(|_| *purpose != Location);
            }
            Self::Delete => return None,
        }
        Some(state)
    }

    async fn ask(&self, api: &Api, name: &str) -> Result<(), Status> {
        let (mut devices, name) = (api.devices(), name.to_owned());
        match self {
            Self::Place(longitude) => {
                let request = v1::ReportPlaceRequest { name, place: Some(place([*longitude, 1.0])) };
                devices.report_place(request).await.map(drop)
            }
            Self::Tokens(channels, drills) => {
                let tokens = channels.iter().map(|&channel| token(channel, "an address")).collect();
                let registration =
                    Some(v1::Registration { name, tokens, drills: *drills, ..v1::Registration::default() });
                let update_mask = Some(FieldMask { paths: vec!["tokens".to_owned(), "drills".to_owned()] });
                let request = v1::UpdateRegistrationRequest { registration, update_mask };
                devices.update_registration(request).await.map(drop)
            }
            Self::Grant(purpose) => {
                let request = v1::GrantConsentRequest { name, consent: Some(consent(*purpose)) };
                devices.grant_consent(request).await.map(drop)
            }
            Self::Withdraw(purpose) => {
                let request = v1::WithdrawConsentRequest { name, purpose: (*purpose).into() };
                devices.withdraw_consent(request).await.map(drop)
            }
            Self::Delete => devices.delete_registration(v1::DeleteRegistrationRequest { name }).await.map(drop),
        }
    }
}

/// A registration as its partner knows it: what was acknowledged, and what may or may not have been done.
#[derive(Debug)]
struct Known {
    name: String,
    certain: Option<State>,
    asked: Option<Change>,
}

/// A partner's worker: asks for one thing after another.
struct Writer {
    number: usize,
    chance: StdRng,
    known: Vec<Known>,
    /// How many registrations it has asked for; the last may not have been answered.
    requests: usize,
}

impl Writer {
    fn new(number: usize, seed: u64) -> Self {
        let chance = StdRng::seed_from_u64(seed + number as u64);
        Self { number, chance, known: Vec::new(), requests: 0 }
    }

    /// Goes on until the server is gone.
    async fn run(&mut self, api: &Api) {
        loop {
            let living = self.known.iter().filter(|known| known.certain.is_some()).count();
            if living < 3 || self.chance.random_bool(0.1) {
                if self.register(api).await.is_err() {
                    return;
                }
                continue;
            }
            let change = Change::draw(&mut self.chance);
            let nth = self.chance.random_range(0..living);
            let living = self.known.iter_mut().filter(|known| known.certain.is_some()).nth(nth);
            let known = living.expect("so many are there");
            known.asked = Some(change.clone());
            match change.ask(api, &known.name).await {
                Ok(()) => known.certain = known.certain.take().and_then(|state| change.made(state)),
                // Without consent a place is refused, and nothing is done.
                Err(status) if status.code() == Code::FailedPrecondition => {}
                Err(_) => return,
            }
            known.asked = None;
        }
    }

    /// Asks for the next registration.
    async fn register(&mut self, api: &Api) -> Result<(), Status> {
        self.requests += 1;
        let answer = api.devices().create_registration(self.request()).await?.into_inner();
        let registration = answer.registration.expect("it is told");
        let known = Known { certain: Some(State::from(&registration)), name: registration.name, asked: None };
        self.known.push(known);
        Ok(())
    }

    fn request(&self) -> v1::CreateRegistrationRequest {
        let request_id = format!("{}-{}", self.number, self.requests);
        v1::CreateRegistrationRequest { request_id, ..create(ALPHA, phone_at([1.0, 1.0])) }
    }

    /// After a restart: everything acknowledged is there, and what was asked for and not answered was done whole or not
    /// at all.
    async fn compare(&mut self, api: &Api) {
        for known in &mut self.known {
            let found = match api.try_get(&known.name).await {
                Ok(registration) => Some(State::from(&registration)),
                Err(status) if status.code() == Code::NotFound => None,
                Err(status) => panic!("{status}"),
            };
            let maybe = known.asked.take().map(|change| known.certain.clone().and_then(|state| change.made(state)));
            assert!(
                found == known.certain || Some(&found) == maybe.as_ref(),
                "{found:?} is not {known:?} or {maybe:?}"
            );
            known.certain = found;
        }
        // The last may not have been answered: it is asked for again, under the same name.
        let answer = api.create(self.request()).await;
        let registration = answer.registration.expect("it is told");
        if !self.known.iter().any(|known| known.name == registration.name) {
            let certain = Some(State::from(&registration));
            self.known.push(Known { name: registration.name, certain, asked: None });
        }
    }
}

/// A partner's worker that streams where its phones are.
struct Streamer {
    names: Vec<String>,
    /// The last round that was sent, and the last that was acknowledged.
    sent: u32,
    acknowledged: u32,
}

impl Streamer {
    async fn new(api: &Api) -> Self {
        let requests = vec![create("", phone_at([0.0, 1.0])); 100];
        let request = v1::BatchCreateRegistrationsRequest { parent: ALPHA.to_owned(), requests };
        let answer = api.devices().batch_create_registrations(request).await.expect("it is answered").into_inner();
        let names = answer.results.into_iter().map(|result| match result.result {
            Some(v1::batch_create_registrations_response::result::Result::Registered(done)) => {
                done.registration.expect("it is told").name
            }
            other => panic!("{other:?}"),
        });
        Self { names: names.collect(), sent: 0, acknowledged: 0 }
    }

    /// Where everybody is in a round.
    fn longitude(round: u32) -> f64 {
        f64::from(round) / 1_000.0
    }

    /// Goes on until the server is gone, with a few batches on their way at a time.
    async fn run(&mut self, api: &Api) {
        let (batches, waiting) = tokio::sync::mpsc::channel(4);
        let mut devices = api.devices();
        let Ok(answers) = devices.report_places(tokio_stream::wrappers::ReceiverStream::new(waiting)).await else {
            return;
        };
        let (names, sent, acknowledged) = (&self.names, &mut self.sent, &mut self.acknowledged);
        let mut answers = answers.into_inner();
        let mut round = *sent;
        let speak = async {
            loop {
                round += 1;
                let at = Some(place([Self::longitude(round), 1.0]));
                let report = |name: &String| v1::ReportPlaceRequest { name: name.clone(), place: at };
                let requests = names.iter().map(report).collect();
                *sent = round;
                if batches.send(v1::ReportPlacesRequest { requests }).await.is_err() {
                    return;
                }
            }
        };
        let hear = async {
            while let Ok(Some(answer)) = answers.message().await {
                assert_eq!((answer.accepted_count as usize, answer.refusals.len()), (names.len(), 0));
                *acknowledged += 1;
            }
        };
        // When the server is gone nothing is heard any more.
        tokio::select! {
            () = speak => {}
            () = hear => {}
        }
    }

    async fn compare(&mut self, api: &Api) {
        for name in &self.names {
            let longitude = State::from(&api.get(name).await).place.expect("it has a place");
            let range = Self::longitude(self.acknowledged)..=Self::longitude(self.sent);
            assert!(range.contains(&longitude), "{longitude} is not in {range:?}");
        }
        // A batch that was not answered may have been done or not: the next round counts from here.
        self.acknowledged = self.sent;
        let at = Some(place([Self::longitude(self.sent), 1.0]));
        let reports = self.names.iter().map(|name| v1::ReportPlaceRequest { name: name.clone(), place: at });
        let batch = v1::ReportPlacesRequest { requests: reports.collect() };
        let mut devices = api.devices();
        let mut answers = devices.report_places(tokio_stream::once(batch)).await.expect("it is open").into_inner();
        assert!(answers.message().await.expect("it is answered").is_some());
    }
}

/// How many registrations are listed.
async fn listed(api: &Api) -> BTreeSet<String> {
    let (mut names, mut page_token) = (BTreeSet::new(), String::new());
    loop {
        let request = v1::ListRegistrationsRequest { parent: ALPHA.to_owned(), page_size: 500, page_token };
        let mut devices = api.devices().max_decoding_message_size(16 << 20);
        let page = devices.list_registrations(request).await.expect("it is listed").into_inner();
        names.extend(page.registrations.into_iter().map(|registration| registration.name));
        if page.next_page_token.is_empty() {
            return names;
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_is_there_after_kills_at_any_instant() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let seed = 20_261_125;
    let mut chance = StdRng::seed_from_u64(seed);
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, seed)).collect();
    let mut api = Api::connect(&server.url()).await;
    let mut streamer = Streamer::new(&api).await;
    for _ in 0..kills() {
        let after = Duration::from_millis(chance.random_range(20..600));
        let kill = async {
            tokio::time::sleep(after).await;
            server.kill();
        };
        tokio::join!(join_all(writers.iter_mut().map(|writer| writer.run(&api))), streamer.run(&api), kill);
        // And once more while it reads what is there.
        server.start_and_kill(Duration::from_millis(chance.random_range(0..60)));
        server.start();
        api = Api::connect(&server.url()).await;
        for writer in &mut writers {
            writer.compare(&api).await;
        }
        streamer.compare(&api).await;
        let known = writers.iter().flat_map(|writer| &writer.known).filter(|known| known.certain.is_some());
        let known: BTreeSet<String> = known.map(|known| known.name.clone()).chain(streamer.names.clone()).collect();
        assert_eq!(listed(&api).await, known, "nobody is there twice, and nobody that nobody asked for");
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.known.len()).sum();
    assert!(acknowledged > WRITERS && streamer.acknowledged > 0, "something was done");
}

#[test]
fn a_server_that_is_killed_while_it_starts_for_the_first_time_starts_again() {
    let mut chance = StdRng::seed_from_u64(1);
    for _ in 0..kills() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut server = Server::new(&folder.path().join("data"), &[]);
        for _ in 0..3 {
            server.start_and_kill(Duration::from_millis(chance.random_range(0..80)));
        }
        server.start();
        assert!(server.stop(), "it ends well");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_refuses_all_changes_from_then_on_and_loses_none_before() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let held = api.create(create(ALPHA, phone_at([1.0, 1.0]))).await.registration.expect("it is told");
    let state = State::from(&held);
    for may_write in [false, true] {
        // What failed once stays failed: what is on disk is not known any more.
        server.let_write(may_write);
        let new = api.devices().create_registration(create(ALPHA, phone())).await.map(drop);
        let mut refused = vec![Refused::from(new.expect_err("it is not on disk"))];
        let changes = [
            Change::Place(2.0),
            Change::Tokens(Vec::new(), true),
            Change::Grant(EmergencyPush),
            Change::Withdraw(Location),
            Change::Delete,
        ];
        for change in changes {
            refused.push(change.ask(&api, &held.name).await.expect_err("it is not on disk").into());
        }
        // The audit log cannot be written either; what cannot be recorded is not told.
        refused.push(api.try_get(&held.name).await.expect_err("unrecorded").into());
        let reasons = ["REGISTRY_STOPPED", "AUDIT_FAILED"];
        let told = |refused: &Refused| refused.code == "Unavailable" && reasons.contains(&refused.reason.as_str());
        assert!(refused.iter().all(told), "{refused:?}");
    }
    let (status, body) = server.ask("/readyz");
    assert!(status.contains("503") && body.contains("\"registry_healthy\":false"), "{body}");
    server.stop();
    server.start();
    let api = Api::connect(&server.url()).await;
    assert_eq!(State::from(&api.get(&held.name).await), state);
    api.create(create(ALPHA, phone())).await;
}

/// Every file in a folder, and in those inside.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// What a disk that fails does to a file: one bit is another, or the end is not there. Of files with room in reserve,
/// which is zeros, only what was written counts.
fn damage(file: &Path, chance: &mut StdRng) -> String {
    let mut bytes = fs::read(file).expect("it is there");
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if end == 0 {
        return "nothing".to_owned();
    }
    let at = chance.random_range(0..end);
    let what = if chance.random_bool(0.75) {
        bytes[at] ^= 1 << chance.random_range(0..8);
        "a bit flipped"
    } else {
        bytes.truncate(at);
        "cut off"
    };
    fs::write(file, bytes).expect("written");
    format!("{what} at {at} of {end}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_has_changed_or_lost_is_named_and_never_served_as_if_it_were_all() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut server = Server::new(&data, &[]).logging_to(&log);
    server.start();
    let api = Api::connect(&server.url()).await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, 7)).collect();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
    };
    tokio::join!(join_all(writers.iter_mut().map(|writer| writer.run(&api))), kill);
    server.start();
    let api = Api::connect(&server.url()).await;
    let mut expected = Vec::new();
    for name in listed(&api).await {
        expected.push((name.clone(), State::from(&api.try_get(&name).await.expect("it is listed"))));
    }
    assert!(expected.len() > WRITERS, "something was done");
    // What was acknowledged is noted within a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.kill();
    let kept = tempfile::tempdir().expect("a folder can be made");
    copy(&data, &kept.path().join("data"));
    let mut chance = StdRng::seed_from_u64(20_261_125);
    for _ in 0..4 * kills() {
        fs::remove_dir_all(&data).expect("it is there");
        copy(&kept.path().join("data"), &data);
        let files = files(&data.join("registry"));
        let file = &files[chance.random_range(0..files.len())];
        let what = format!("{} {}", damage(file, &mut chance), file.display());
        if !server.try_start() {
            let said = fs::read_to_string(&log).expect("it is there");
            assert!(said.to_lowercase().contains("error") || said.contains("panicked"), "{what}: nothing is said");
            continue;
        }
        let api = Api::connect(&server.url()).await;
        for (name, state) in &expected {
            match api.try_get(name).await {
                Ok(found) => assert_eq!(State::from(&found), *state, "{what}"),
                Err(error) => assert_ne!(error.code(), Code::NotFound, "{what}"),
            }
        }
        server.kill();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("it can be made");
    for entry in fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("it can be copied");
        }
    }
}
