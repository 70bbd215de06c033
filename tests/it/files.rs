//! Partners who arrive with files: what is imported is there once, whatever breaks off in between, and is exported the
//! same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use hazardcast::device::Credentials;
use hazardcast::domain::{LinkSecret, Private};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::api::{ALPHA, Api, BETA};
use crate::support::phone::Phone;
use crate::support::server::{PATIENCE, Server, hazardcast};
use crate::support::site::{Site, partner};

/// A server, and files for it.
struct Desk {
    folder: TempDir,
    server: Server,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut server = Server::new(&folder.path().join("data"), &[]);
        server.start();
        Self { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `registry` with these words.
    fn registry(&self, arguments: &[&str]) -> Output {
        let url = self.server.url();
        let mut command = hazardcast(&["registry"]);
        command.args(arguments).args(["--server", &url, "--json"]).output().expect("the binary starts")
    }

    /// Imports a file: exit code and what it says.
    fn import(&self, file: &str, app: &str, more: &[&str]) -> (i32, Value) {
        let (file, secrets) = (self.text(file), self.text("secrets"));
        let words = [&["import", &file, "--app", app, "--secrets", &secrets], more].concat();
        let output = self.registry(&words);
        let said = lines(&output.stdout).next().unwrap_or_default();
        (output.status.code().expect("it ends by itself"), said)
    }

    fn export(&self, app: &str) -> Vec<Value> {
        let output = self.registry(&["export", "--app", app]);
        assert!(output.status.success(), "{output:?}");
        lines(&output.stdout).collect()
    }

    /// What was told, by name.
    fn secrets(&self) -> BTreeMap<String, String> {
        let text = |line: &Value, key: &str| line[key].as_str().expect("it is there").to_owned();
        let file = fs::read(self.path("secrets")).expect("it is there");
        lines(&file).map(|line| (text(&line, "name"), text(&line, "link_secret"))).collect()
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = Value> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
}

/// A request without an id of its own.
fn request(number: usize) -> Value {
    json!({ "registration": {
        "traits": { "platform": "PLATFORM_ANDROID", "model": format!("Model {number}"), "time_zone": "Asia/Tokyo" },
        "tokens": [{ "channel": "CHANNEL_FCM", "value": format!("token-{number}") }],
        "consents": [
            { "purpose": "CONSENT_PURPOSE_EMERGENCY_PUSH", "policy_version": 2, "origin": "first run" },
            { "purpose": "CONSENT_PURPOSE_LOCATION", "policy_version": 2, "origin": "first run" },
        ],
        "drills": number.is_multiple_of(2),
        "place_precision": "PLACE_PRECISION_EXACT",
        "place": { "point": { "longitude": 139.5, "latitude": 35.25 } },
        "preferences": {
            "least_severity": "SEVERITY_MODERATE",
            "quiet_hours": { "start_minute": 1320, "end_minute": 420 },
        },
    } })
}

fn file(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |mut file, number| {
        let _ = writeln!(file, "{}", request(number));
        file
    })
}

/// An exported registration as it was asked for: without what the server gives.
fn as_asked(mut exported: Value) -> Value {
    let object = exported.as_object_mut().expect("an object");
    for given in ["name", "gid", "create_time", "update_time"] {
        assert!(object.remove(given).is_some(), "{given} is told");
    }
    let inner = |object: &mut Value, key: &str| object.as_object_mut().expect("an object").remove(key);
    assert!(inner(&mut exported["place"], "report_time").is_some());
    for consent in exported["consents"].as_array_mut().expect("an array") {
        assert!(inner(consent, "grant_time").is_some());
    }
    exported
}

/// What was asked for, with tokens as they are answered, and nothing said that is not so.
fn expected(number: usize) -> Value {
    let mut expected = request(number)["registration"].clone();
    expected["tokens"] = json!([{ "channel": "CHANNEL_FCM" }]);
    if expected["drills"] == false {
        expected.as_object_mut().expect("an object").remove("drills");
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_file_is_registered_and_what_cannot_be_is_told_by_line_and_field() {
    let desk = Desk::open();
    let bad = json!({ "registration": { "traits": { "platform": "PLATFORM_ANDROID", "brand": "b".repeat(65) } } });
    let mut text = file(0..1_200);
    let unplaced = json!({ "registration": { "traits": { "platform": 1 }, "place": { "point": {} } } });
    let other = json!({ "parent": BETA, "registration": { "traits": { "platform": 1 } } });
    let _ = write!(text, "{bad}\nnonsense\n\n{{\"registration\":{{\"colour\":1}}}}\n{unplaced}\n{other}\n");
    text.push_str(&file(1_200..1_210));
    fs::write(desk.path("file"), text).expect("written");
    let rejects = desk.text("rejects");
    let (code, said) = desk.import("file", ALPHA, &["--rejects", &rejects]);
    assert_eq!(code, 1);
    assert_eq!(said, json!({ "lines": 1_216, "created": 1_210, "known": 0, "passed_over": 0, "refused": 5 }));
    let rejects = fs::read(desk.path("rejects")).expect("it is there");
    let told: BTreeSet<(u64, String)> = lines(&rejects)
        .map(|line| (line["line"].as_u64().expect("a number"), line["field"].as_str().expect("text").to_owned()))
        .collect();
    let bad_fields = [
        (1_201, "registration.traits.brand"),
        (1_202, ""),
        (1_204, "registration.colour"),
        (1_205, ""),
        (1_206, "parent"),
    ];
    assert_eq!(told, bad_fields.map(|(line, field)| (line, field.to_owned())).into());

    let exported = desk.export(ALPHA);
    let names: BTreeSet<String> =
        exported.iter().map(|one| one["name"].as_str().expect("it is told").to_owned()).collect();
    let mut found: Vec<Value> = exported.into_iter().map(as_asked).collect();
    found.sort_by_key(ToString::to_string);
    let mut all: Vec<Value> = (0..1_210).map(expected).collect();
    all.sort_by_key(ToString::to_string);
    assert!(found == all, "what is exported is what was imported");
    assert_eq!(desk.export(BETA).len(), 0);

    let mode = fs::metadata(desk.path("secrets")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "link secrets are for whoever imports");
    let secrets = desk.secrets();
    assert!(secrets.keys().cloned().eq(names), "each has been told its secret");
    let (name, secret) = secrets.last_key_value().expect("there are some");
    let api = Api::connect(&desk.server.url()).await;
    Phone::open(&api.channel, &credentials(name, secret)).await;
}

fn credentials(name: &str, secret: &str) -> Credentials {
    let byte = |i: usize| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).expect("hexadecimal");
    Credentials {
        registration: name.parse().expect("a name"),
        secret: LinkSecret(Private::new(std::array::from_fn(byte))),
    }
}

#[test]
fn an_import_that_is_killed_is_gone_on_with_and_nobody_is_registered_twice() {
    let desk = Desk::open();
    fs::write(desk.path("file"), file(0..4_000)).expect("written");
    let (url, secrets) = (desk.server.url(), desk.text("secrets"));
    let mut child = hazardcast(&["registry", "import", "-", "--app", ALPHA, "--secrets", &secrets, "--server", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // More lines than a call has, and no end.
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(file(0..2_500).as_bytes()).expect("it reads");
    let started = Instant::now();
    while fs::read(desk.path("secrets")).unwrap_or_default().is_empty() {
        assert!(started.elapsed() < PATIENCE, "nothing is imported");
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    drop(input);
    // As if it had been killed in the middle of a line.
    let told = fs::read(&secrets).expect("it is there");
    fs::write(&secrets, &told[..told.len() - 7]).expect("written");

    let (code, said) = desk.import("file", ALPHA, &[]);
    assert_eq!(code, 0, "{said}");
    let count = |key: &str| said[key].as_u64().expect("a number");
    assert_eq!((count("lines"), count("created") + count("known") + count("passed_over")), (4_000, 4_000));
    assert!(count("passed_over") >= 1 && count("known") >= 1 && count("created") >= 1_500, "{said}");
    assert_eq!((desk.export(ALPHA).len(), desk.secrets().len()), (4_000, 4_000));

    let (code, said) = desk.import("file", ALPHA, &[]);
    let all_passed = json!({ "lines": 4_000, "created": 0, "known": 0, "passed_over": 4_000, "refused": 0 });
    assert_eq!((code, said), (0, all_passed));
    // Whoever has lost the secrets gets new ones, and nobody else.
    fs::remove_file(&secrets).expect("removed");
    let (_, said) = desk.import("file", ALPHA, &[]);
    assert_eq!((said["created"].as_u64(), said["known"].as_u64()), (Some(0), Some(4_000)));
    assert_eq!((desk.export(ALPHA).len(), desk.secrets().len()), (4_000, 4_000));
}

#[test]
fn a_server_that_is_started_anew_in_the_middle_is_waited_for_and_one_that_stays_away_breaks_it_off() {
    let mut desk = Desk::open();
    fs::write(desk.path("file"), file(0..3_000)).expect("written");
    let (url, secrets, path) = (desk.server.url(), desk.text("secrets"), desk.text("file"));
    let child = hazardcast(&["registry", "import", &path, "--app", ALPHA, "--secrets", &secrets, "--server", &url])
        .args(["--in-flight", "1", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let started = Instant::now();
    while fs::read(&secrets).unwrap_or_default().is_empty() {
        assert!(started.elapsed() < PATIENCE, "nothing is imported");
        std::thread::yield_now();
    }
    desk.server.kill();
    desk.server.start();
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!((desk.export(ALPHA).len(), desk.secrets().len()), (3_000, 3_000));

    desk.server.kill();
    let (code, said) = desk.import("file", ALPHA, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said["error"].as_str().is_some_and(|error| error.contains("no server answers")), "{said}");
}

#[test]
fn a_strict_import_stops_at_what_is_refused() {
    let desk = Desk::open();
    fs::write(desk.path("file"), format!("{}nonsense\n{}", file(0..10), file(10..5_000))).expect("written");
    let (code, said) = desk.import("file", ALPHA, &["--strict"]);
    assert_eq!(code, 1);
    assert_eq!(said, json!({ "lines": 11, "created": 10, "known": 0, "passed_over": 0, "refused": 1 }));
    assert_eq!(desk.export(ALPHA).len(), 10);
}

#[test]
fn an_export_that_finds_no_room_leaves_whole_pages_and_is_gone_on_with() {
    let desk = Desk::open();
    fs::write(desk.path("file"), file(0..2_500)).expect("written");
    assert_eq!(desk.import("file", ALPHA, &[]).0, 0);
    let (url, out) = (desk.server.url(), desk.text("out"));
    // Of files that are longer than so many bytes no more is written than that; nor does standard output take any.
    let export = |bytes: usize, more: &[&str]| {
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\" > /dev/full", bytes / 512);
        let command = hazardcast(&["registry", "export", "--app", ALPHA, "--server", &url]);
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args()).args(more);
        let output = shell.env("NO_COLOR", "1").output().expect("a shell starts");
        (output.status.success(), String::from_utf8(output.stderr).expect("text"))
    };
    let all = desk.export(ALPHA);
    let length = all.iter().map(|line| line.to_string().len() + 1).sum::<usize>();

    let (done, said) = export(length / 4, &["--out", &out]);
    assert!(!done && said.contains("the same again begins anew: "), "{said}");
    assert!(!desk.path("out").exists(), "nothing is in the way of the same again");
    let (done, said) = export(length * 3 / 5, &["--out", &out]);
    assert!(!done, "{said}");
    assert_eq!(lines(&fs::read(&out).expect("it is there")).collect::<Vec<_>>(), all[..1_000]);
    let token = said.split("--page-token ").nth(1).and_then(|rest| rest.split(' ').next()).expect("it is told");
    for (bytes, whole) in [(length * 3 / 5, 1_000), (length * 2, 2_500)] {
        let (done, said) = export(bytes, &["--out", &out, "--page-token", token]);
        assert_eq!(done, whole == 2_500, "{said}");
        assert_eq!(lines(&fs::read(&out).expect("it is there")).collect::<Vec<_>>(), all[..whole]);
    }

    let (done, said) = export(length * 2, &["--page-token", token]);
    assert!(!done && said.contains(&format!("--page-token {token} goes on with it, behind the 0 lines")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_imports_to_another_partners_app_or_exports_it() {
    let site = Site::open().await;
    site.admit("news").await;
    site.admit("maps").await;
    let (_, news) = site.make(partner("news")).await;
    fs::write(site.path("news.token"), news).expect("written");
    fs::write(site.path("file"), file(0..10)).expect("written");
    let run = |words: &[&str]| {
        let url = format!("https://localhost:{}", site.address().port());
        let mut command = hazardcast(&["registry"]);
        command.args(words).args(["--server", &url, "--json"]);
        command.arg("--ca").arg(site.path("roots.pem")).arg("--token-file").arg(site.path("news.token"));
        command
    };
    let import = |app: &str, secrets: &Path| {
        let (file, secrets) = (site.path("file").display().to_string(), secrets.display().to_string());
        let mut command = run(&["import", &file, "--app", app, "--secrets", &secrets]);
        tokio::task::block_in_place(|| command.output().expect("the binary starts"))
    };
    let export =
        |app: &str| tokio::task::block_in_place(|| run(&["export", "--app", app]).output()).expect("it starts");
    let own = import("partners/news/apps/main", &site.path("own"));
    assert!(own.status.success(), "{own:?}");
    assert_eq!(lines(&export("partners/news/apps/main").stdout).count(), 10);
    for app in ["partners/maps/apps/main", "partners/nobody/apps/main"] {
        let refused = import(app, &site.path("other"));
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert_eq!(fs::read(site.path("other")).expect("it is there"), b"");
        let refused = export(app);
        assert!(!refused.status.success() && lines(&refused.stdout).all(|line| line["error"].is_string()));
    }
    site.close().await;
}
