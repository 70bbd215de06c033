//! The audit log, as an auditor sees it: who did what is in it, nobody is named by it, and what was done to it shows
//! (R-P6, R-P8).

use std::fs;
use std::path::{Path, PathBuf};

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::audit_service_client::AuditServiceClient;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use serde_json::Value;
use tonic::transport::Channel;

use crate::support::alert::TestAlert;
use crate::support::api::{ALPHA, consent, create, identifier, phone_at, place, token};
use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::server::{Server, hazardcast};

const PLACE: [f64; 2] = [-92.612_345_6, 16.712_345_6];
const TOWN: [f64; 2] = [-92.6, 16.7];
const TOKEN: &str = "fcm-token-of-somebody";
const IDENTIFIER: &str = "oaid-of-somebody";
const ORIGIN: &str = "dialog shown to Ana";

/// What a command answers, one object a line, and its exit code.
fn ask(arguments: &[&str]) -> (i32, Vec<Value>) {
    let output = hazardcast(arguments).arg("--json").output().expect("the binary starts");
    let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let answers = lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    (output.status.code().expect("it ends"), answers)
}

/// Whether the log is whole, and what is wrong with it.
fn verify(folder: &Path, more: &[&str]) -> (i32, Value) {
    let folder = folder.display().to_string();
    let (code, mut answers) = ask(&[&["audit", "verify", &folder], more].concat());
    (code, answers.pop().expect("an answer"))
}

fn actions(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["action"].as_str().expect("an action")).collect()
}

/// A server, and what a partner's back end does at it.
struct Story {
    server: Server,
    folder: tempfile::TempDir,
    /// The message of an alert, the same bytes whenever it is sent.
    alert: String,
    /// Connections go on by themselves, so that they end when the server stops.
    runtime: tokio::runtime::Runtime,
}

impl Story {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut server = Server::new(&folder.path().join("data"), &[]);
        server.start();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let alert = TestAlert { identifier: "quake-1".to_owned(), place: PLACE, reach: 0.5 }.cap();
        Self { server, folder, alert, runtime: runtime.expect("a runtime") }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("data/audit")
    }

    fn devices(&self) -> DeviceServiceClient<Channel> {
        DeviceServiceClient::new(self.channel())
    }

    fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(self.server.url()).expect("a URL");
        self.runtime.block_on(endpoint.connect()).expect("the server listens")
    }

    /// Registers somebody with all that a log must not name.
    fn register(&self) -> String {
        self.register_by(IDENTIFIER, false)
    }

    /// Registers the same phone once more, for which its partner vouches.
    fn register_again(&self) -> String {
        self.register_by(IDENTIFIER, true)
    }

    /// Registers somebody else.
    fn register_other(&self) -> String {
        self.register_by("another-oaid", false)
    }

    fn register_by(&self, identified: &str, device_verified: bool) -> String {
        let mut registration = v1::Registration { tokens: vec![token(v1::Channel::Fcm, TOKEN)], ..phone_at(PLACE) };
        for consent in &mut registration.consents {
            (consent.policy_version, consent.origin) = (3, ORIGIN.to_owned());
        }
        let identifiers = vec![identifier(v1::device_identifier::Kind::Oaid, identified)];
        let request = v1::CreateRegistrationRequest { identifiers, device_verified, ..create(ALPHA, registration) };
        let answer = self.runtime.block_on(self.devices().create_registration(request)).expect("registered");
        answer.into_inner().registration.expect("it is told").name
    }

    fn grant(&self, name: &str) {
        let consent = v1::Consent {
            purpose: v1::ConsentPurpose::LinkMerging.into(),
            policy_version: 4,
            origin: ORIGIN.to_owned(),
            ..v1::Consent::default()
        };
        let request = v1::GrantConsentRequest { name: name.to_owned(), consent: Some(consent) };
        self.runtime.block_on(self.devices().grant_consent(request)).expect("granted");
    }

    fn withdraw(&self, name: &str) {
        let purpose = v1::ConsentPurpose::LinkMerging.into();
        let request = v1::WithdrawConsentRequest { name: name.to_owned(), purpose };
        self.runtime.block_on(self.devices().withdraw_consent(request)).expect("withdrawn");
    }

    fn look_up(&self, name: &str) {
        let request = v1::GetRegistrationRequest { name: name.to_owned() };
        self.runtime.block_on(self.devices().get_registration(request)).expect("found");
    }

    fn report(&self, name: &str, place: Option<v1::Place>) {
        let request = v1::ReportPlaceRequest { name: name.to_owned(), place };
        self.runtime.block_on(self.devices().report_place(request)).expect("taken");
    }

    fn delete(&self, name: &str) {
        let request = v1::DeleteRegistrationRequest { name: name.to_owned() };
        self.runtime.block_on(self.devices().delete_registration(request)).expect("deleted");
    }

    /// Sends the alert twice, and one that nobody can read.
    fn send_alerts(&self) {
        let mut client = AlertServiceClient::new(self.channel());
        for content in [&self.alert, &self.alert, "<alert>"] {
            let raw = v1::RawAlert { content: content.to_owned().into(), media_type: "application/cap+xml".to_owned() };
            let request =
                v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
            let _ = self.runtime.block_on(client.submit_alert(request));
        }
    }

    /// The log as a third party would have it.
    fn copy(&self) -> PathBuf {
        let copy = self.folder.path().join("copy");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir(&copy).expect("a folder");
        for file in files(&self.log()) {
            fs::copy(&file, copy.join(file.file_name().expect("a name"))).expect("copied");
        }
        copy
    }

    fn list(&self, more: &[&str]) -> Vec<Value> {
        let url = self.server.url();
        let (code, answers) = ask(&[&["audit", "list", "--server", &url], more].concat());
        assert_eq!(code, 0);
        answers
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "hza")).collect();
    files.sort();
    files
}

#[test]
fn who_did_what_is_in_the_log_and_what_was_done_to_the_log_shows() {
    let mut story = Story::begin();
    let name = story.register();
    story.grant(&name);
    story.withdraw(&name);
    story.look_up(&name);
    story.send_alerts();

    let about = story.list(&["--registration", &name]);
    let expected = ["registration.read", "consent.withdrawn", "consent.granted", "registration.created"];
    assert_eq!(actions(&about), expected);
    let subject = about[0]["subjects"][0].as_str().expect("a subject").to_owned();
    assert!(about.iter().all(|record| record["subjects"] == serde_json::json!([subject])));
    assert_eq!(
        (&about[2]["details"]["policy_version"], &about[0]["actor"]["kind"]),
        (&4.into(), &"development".into())
    );
    let decisions = story.list(&["--action", "alert.decided"]);
    let outcomes: Vec<_> = decisions.iter().map(|record| record["details"]["outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("refused"), Some("ignored"), Some("admitted")]);
    assert_eq!(decisions[1]["details"]["reason"], "DUPLICATE");
    assert_eq!(decisions[2]["details"]["alert"]["identifier"], "quake-1");
    let reads = story.list(&["--action", "log", "--limit", "2"]);
    assert_eq!(actions(&reads), ["log.read", "log.read"], "who reads the log is in it");
    assert_eq!(story.list(&["--limit", "3"]).len(), 3);

    let (code, whole) = verify(&story.log(), &[]);
    assert_eq!((code, &whole["whole"], &whole["flaws"]), (0, &true.into(), &serde_json::json!([])), "while it runs");
    let url = story.server.url();
    let (_, heads) = ask(&["audit", "head", "--server", &url]);
    let head = heads[0]["head"].as_str().expect("a head").to_owned();

    story.delete(&name);
    assert_eq!(story.list(&["--subject", &subject])[0]["action"], "registration.deleted");
    let (code, _) = ask(&["audit", "list", "--server", &url, "--registration", &name]);
    assert_ne!(code, 0, "whom the subject stood for is nowhere any more");
    assert!(story.server.stop());
    assert_eq!(verify(&story.log(), &["--head", &head]).0, 0);
    tamper(&story, &head);
}

/// What is done to copies of the log, and what is said of them.
fn tamper(story: &Story, head: &str) {
    let bytes = fs::read(&files(&story.log())[0]).expect("a segment");
    let copy = story.copy();
    let file = files(&copy).remove(0);

    let mut edited = bytes.clone();
    let at = edited.windows(7).position(|window| window == b"quake-1").expect("the alert is in it");
    edited[at..at + 7].copy_from_slice(b"quake-2");
    fs::write(&file, edited).expect("written");
    let (code, said) = verify(&copy, &[]);
    assert_eq!((code, &said["whole"], &said["flaws"][0]["what"]), (1, &false.into(), &"damaged".into()));
    assert_eq!(said["flaws"][0]["file"], file.display().to_string());
    assert!(said["flaws"][0]["record"].as_u64() > Some(1));
    let offset = said["flaws"][0]["offset"].as_u64().expect("an offset") as usize;
    assert!(offset < at && at - offset < 4_096, "it says where");
    let (code, _) = ask(&["audit", "export", &copy.display().to_string()]);
    assert_eq!(code, 2, "what is damaged is not exported as if nothing were missing");

    // Cut off at the end of a commit, so that nothing of it shows in the log itself.
    let ends = commits(&bytes);
    fs::write(&file, &bytes[..ends[ends.len() / 2]]).expect("written");
    assert_eq!(verify(&copy, &[]).0, 0);
    let (code, said) = verify(&copy, &["--head", head]);
    assert_eq!((code, &said["flaws"][0]["what"]), (1, &"end_missing".into()));

    fs::remove_file(&file).expect("removed");
    assert_eq!(hazardcast(&["audit", "verify"]).arg(&copy).status().expect("it runs").code(), Some(2));
}

/// Where each commit of a file ends, its header first.
fn commits(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![36];
    while let Some(&end) = ends.last().filter(|&&end| end < bytes.len()) {
        let length = u32::from_le_bytes(bytes[end + 4..end + 8].try_into().expect("four bytes"));
        ends.push(end + 16 + length as usize);
    }
    ends
}

#[test]
fn nothing_in_the_log_names_a_person() {
    let mut story = Story::begin();
    let name = story.register();
    story.grant(&name);
    story.look_up(&name);
    story.report(&name, Some(place(PLACE)));
    story.report(&name, None);
    assert_eq!(story.register_again(), name, "the same phone, registered anew");
    story.withdraw(&name);
    story.delete(&name);
    assert!(story.server.stop());

    let (code, records) = ask(&["audit", "export", &story.log().display().to_string()]);
    assert_eq!(code, 0);
    let subjects: Vec<_> = records.iter().filter_map(|record| record["subjects"][0].as_str()).collect();
    assert_ne!(subjects.first(), subjects.last(), "it may be somebody else's phone now");
    let places = records.iter().find(|record| record["action"] == "places.reported").expect("they are counted");
    let counts = [&places["details"]["reported"], &places["details"]["forgotten"], &places["details"]["refused"]];
    assert_eq!(counts, [2, 1, 0]);
    assert_eq!(records.last().map(|record| &record["action"]), Some(&"server.stopped".into()));

    let cid = name.rsplit('/').next().expect("a CID");
    let key: hazardcast::domain::Cid = cid.parse().expect("a CID");
    let fixed = |degrees: f64| ((degrees * 1e7).round() as i32).to_le_bytes();
    let private: [(&str, &[u8]); 9] = [
        ("CID", cid.as_bytes()),
        ("CID's bytes", &key.0),
        ("token", TOKEN.as_bytes()),
        ("identifier", IDENTIFIER.as_bytes()),
        ("origin", ORIGIN.as_bytes()),
        ("longitude", &PLACE[0].to_le_bytes()),
        ("latitude", &PLACE[1].to_le_bytes()),
        ("longitude, fixed", &fixed(PLACE[0])),
        ("latitude, fixed", &fixed(PLACE[1])),
    ];
    for file in files(&story.log()) {
        let bytes = fs::read(&file).expect("a segment");
        for (what, value) in private {
            assert!(!bytes.windows(value.len()).any(|window| window == value), "a {what} is in the log");
        }
    }
}

#[test]
fn after_a_kill_what_was_answered_is_in_the_log_and_the_log_is_whole() {
    let mut story = Story::begin();
    let mut granted = 0;
    for round in 0..4 {
        let name = story.register();
        for _ in 0..=round {
            story.grant(&name);
            granted += 1;
        }
        story.send_alerts();
        story.server.kill();
        story.server.start();
        let (code, said) = verify(&story.log(), &[]);
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(story.list(&["--action", "consent.granted"]).len(), granted);
    let decided = story.list(&["--action", "alert.decided", "--limit", "1000"]);
    let admitted = decided.iter().filter(|record| record["details"]["outcome"] == "admitted");
    assert_eq!(admitted.count(), 1, "each admitted alert once, whether or not the kill came first");
    assert_eq!(story.list(&["--action", "server.started"]).len(), 5);
    assert_eq!(story.list(&["--action", "server.stopped"]).len(), 0);
    assert!(story.server.stop());
}

#[test]
fn a_decision_that_a_crash_took_from_the_log_is_written_again_from_the_journal() {
    let mut story = Story::begin();
    story.send_alerts();
    story.server.kill();
    let file = files(&story.log()).remove(0);
    let bytes = fs::read(&file).expect("a segment");
    let decision = bytes.windows(7).position(|window| window == b"quake-1").expect("it is there");
    let before = commits(&bytes).into_iter().rev().find(|&end| end < decision).expect("the commit has a start");
    fs::write(&file, &bytes[..before]).expect("written");
    story.server.start();
    let decisions = story.list(&["--action", "alert.decided"]);
    let [decided] = decisions.as_slice() else { panic!("{decisions:?}") };
    let told = &decided["details"];
    assert_eq!((&told["outcome"], &told["recovered"]), (&"admitted".into(), &true.into()));
    assert_eq!((&told["authority"], &told["alert"]["identifier"]), (&"dev".into(), &"quake-1".into()));
    story.server.kill();
    story.server.start();
    assert_eq!(story.list(&["--action", "alert.decided"]), decisions, "once is enough");
    assert_eq!(verify(&story.log(), &[]).0, 0);
    assert!(story.server.stop());
}

#[test]
fn a_consent_whose_record_a_crash_took_is_written_again_from_the_registry() {
    let mut story = Story::begin();
    let name = story.register();
    let other = story.register_other();
    story.grant(&other);
    story.server.kill();
    let file = files(&story.log()).remove(0);
    let bytes = fs::read(&file).expect("a segment");
    let ends = commits(&bytes);
    fs::write(&file, &bytes[..ends[ends.len() - 2]]).expect("written");
    story.server.start();
    let recovered = story.list(&["--action", "registration.recovered"]);
    let [recovered] = recovered.as_slice() else { panic!("{recovered:?}") };
    let purposes: Vec<_> = recovered["details"]["consents"].as_array().into_iter().flatten().collect();
    assert!(purposes.iter().any(|consent| consent["purpose"] == "link_merging"), "{recovered}");
    let subject = |name: &str| story.list(&["--registration", name])[0]["subjects"][0].clone();
    assert_eq!((&recovered["subjects"][0], subject(&other) == subject(&name)), (&subject(&other), false));
    story.server.kill();
    story.server.start();
    assert_eq!(story.list(&["--action", "registration.recovered"]).len(), 1, "once is enough");
    assert!(story.server.stop());
}

#[test]
fn who_may_call_and_who_read_the_log_is_in_it_with_the_credential_that_was_shown() {
    let mut story = Story::begin();
    let url = story.server.url();
    let make = |role: &str| {
        let (code, made) = ask(&["access", "create", "--operator", role, "--name", "Ada", "--server", &url]);
        assert_eq!(code, 0);
        ["name", "token"].map(|key| made[0][key].as_str().expect("it is told").to_owned())
    };
    let ([ada, token], [viewer, view]) = (make("administer"), make("view"));
    assert_ne!(ask(&["audit", "list", "--server", &url, "--token", &view]).0, 0, "a role that may not see people");
    assert_eq!(ask(&["audit", "head", "--server", &url, "--token", &view]).0, 0);
    assert_eq!(ask(&["audit", "list", "--server", &url, "--token", &token]).0, 0);
    assert_eq!(ask(&["access", "revoke", &viewer, "--server", &url, "--token", &token]).0, 0);

    let by_ada = story.list(&["--credential", &ada]);
    assert_eq!(actions(&by_ada), ["credential.revoked", "log.read"]);
    let actor = serde_json::json!({ "kind": "operator", "name": "administer", "credential": ada });
    assert!(by_ada.iter().all(|record| record["actor"] == actor), "{by_ada:?}");
    assert_eq!(
        (&by_ada[0]["object"], &by_ada[0]["details"]["holder"]["name"]),
        (&viewer.as_str().into(), &"view".into())
    );
    assert_eq!(story.list(&["--action", "credential.created", "--object", &ada]).len(), 1);
    assert!(story.server.stop());
    let secret = token.rsplit('_').next().expect("a secret");
    for file in files(&story.log()) {
        let bytes = fs::read(&file).expect("a segment");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a token is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_cannot_be_written_alerts_go_out_withdrawals_hold_and_nothing_new_is_given() {
    let house = House::with_an_audit_file_for_each_commit().await;
    let device = house.register(TOWN).await;
    let leaving = house.register(TOWN).await;
    let name = device.registration.to_string();
    let mut phone = Phone::open(&house.channel, &device).await;
    let mut leaver = Phone::open(&house.channel, &leaving).await;
    fs::remove_dir_all(house.audit_log()).expect("removed");

    let mut devices = house.devices();
    let consent = consent(v1::ConsentPurpose::LinkMerging);
    for _ in 0..2 {
        let grant = v1::GrantConsentRequest { name: name.clone(), consent: Some(consent.clone()) };
        let refused = devices.grant_consent(grant).await.expect_err("it cannot be recorded");
        assert_eq!(refused.code(), tonic::Code::Unavailable);
    }
    let get = v1::GetRegistrationRequest { name: name.clone() };
    assert_eq!(devices.get_registration(get).await.expect_err("unrecorded").code(), tonic::Code::Unavailable);
    let purpose = v1::ConsentPurpose::EmergencyPush.into();
    let withdraw = v1::WithdrawConsentRequest { name: leaving.registration.to_string(), purpose };
    assert_eq!(devices.withdraw_consent(withdraw).await.expect_err("unrecorded").code(), tonic::Code::Unavailable);

    house.send(&Message::warning("a", NOON, TOWN)).await;
    assert_eq!(phone.notice().await.headline, "Headline of a");
    leaver.has_nothing().await;
    drop((phone, leaver));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_broken_off_leaves_no_change_without_its_record() {
    let house = House::open().await;
    let mut granted = Vec::new();
    for number in 0..100 {
        let name = house.register(TOWN).await.registration.to_string();
        let consent = consent(v1::ConsentPurpose::LinkMerging);
        let request = v1::GrantConsentRequest { name: name.clone(), consent: Some(consent) };
        let mut devices = house.devices();
        let call = devices.grant_consent(request);
        // A timer's steps are too long for this.
        let patience = async {
            for _ in 0..number * 20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = call => {}
            () = patience => {}
        }
        granted.push(name);
    }
    let house = house.restart().await;
    let (mut changed, mut recorded) = (0, 0);
    for name in granted {
        let get = v1::GetRegistrationRequest { name: name.clone() };
        let found = house.devices().get_registration(get).await.expect("it is there").into_inner();
        let has = found.registration.expect("told").consents.len() == 3;
        let request = v1::ListAuditRecordsRequest {
            registration: name,
            action: "consent.granted".to_owned(),
            ..v1::ListAuditRecordsRequest::default()
        };
        let mut log = AuditServiceClient::new(house.channel.clone());
        let records = log.list_audit_records(request).await.expect("listed").into_inner().records;
        assert_eq!(records.len(), usize::from(has));
        changed += usize::from(has);
        recorded += records.len();
    }
    assert_eq!(changed, recorded);
    house.close().await;
}
