//! The first operator, and those that follow: with the real binary, as they type it (R-P9).

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::authority::Root;
use crate::support::server::{PATIENCE, hazardcast, until_ready};

/// A server with TLS, and what its operator has at hand.
struct Office {
    folder: TempDir,
    root: Root,
    /// Where it listens since it was last started.
    port: u16,
    server: Option<Child>,
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = Root::new("Test");
        fs::write(folder.path().join("root.pem"), root.pem()).expect("written");
        root.server().write(&folder.path().join("server.pem"), &folder.path().join("server.key"));
        let mut office = Self { folder, root, port: 0, server: None };
        office.start();
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn start(&mut self) {
        let (data, certificate) = (self.text("data"), self.text("server.pem"));
        let (key, roots) = (self.text("server.key"), self.text("root.pem"));
        let mut command = hazardcast(&["serve", "--json", "--data-dir", &data, "--listen", "127.0.0.1:0"]);
        command.args(["--http-listen", "127.0.0.1:0", "--certificate", &certificate, "--private-key", &key]);
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a file");
        command.args(["--client-roots", &roots, "--log", "debug"]).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("piped");
        self.server = Some(child);
        self.port = until_ready(stdout).0.port();
    }

    fn signal(&self, signal: Signal) {
        let child = self.server.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("sent");
    }

    fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.server.take().expect("it runs").wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    /// What a command of `access` gives, asked with this token file.
    fn run(&self, token_file: &Path, arguments: &[&str]) -> Output {
        let server = format!("https://localhost:{}", self.port);
        let (root, token_file) = (self.text("root.pem"), token_file.display().to_string());
        let mut command = hazardcast(&["access"]);
        command.args(arguments).args(["--json", "--server", &server, "--ca", &root, "--token-file", &token_file]);
        command.output().expect("the binary starts")
    }

    /// Admits an authority that may warn the whole world.
    fn admit(&self, token_file: &Path, id: &str, sender: &str) {
        let server = format!("https://localhost:{}", self.port);
        let (root, token_file) = (self.text("root.pem"), token_file.display().to_string());
        let mut command = hazardcast(&["authority", "add", id, "--sender", sender, "--whole-world"]);
        let output = command.args(["--server", &server, "--ca", &root, "--token-file", &token_file]).output();
        let output = output.expect("the binary starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The same, which is done: its lines.
    fn done(&self, token_file: &Path, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(token_file, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        lines.lines().map(|line| line.parse().expect("JSON")).collect()
    }

    /// The same, which is refused: what is said.
    fn refused(&self, token_file: &Path, arguments: &[&str]) -> String {
        let output = self.run(token_file, arguments);
        assert!(!output.status.success(), "{arguments:?} was not refused");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// An office with its first operator, whose token is in a file.
    fn with_operator() -> (Self, PathBuf) {
        let office = Self::open();
        let ada = office.text("ada.token");
        let first = ["create", "--operator", "administer", "--name", "Ada", "--token-out", &ada];
        office.done(&office.path("data/bootstrap.token"), &first);
        let ada = office.path("ada.token");
        (office, ada)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(mut child) = self.server.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("there").permissions()) & 0o777
}

#[test]
fn an_operator_makes_lists_shows_and_revokes_credentials() {
    let (office, ada) = Office::with_operator();
    assert_eq!(mode(&ada), 0o600);
    assert!(!office.path("data/bootstrap.token").exists());
    let jma = ["create", "--authority", "jma", "--sender", "jma@example.org", "--name", "Gateway"];
    assert!(office.refused(&ada, &jma).contains("admit it first"));
    office.admit(&ada, "jma", "jma@example.org");
    let made = office.done(&ada, &jma);
    let (name, token) = (made[0]["name"].as_str().expect("a name"), made[0]["token"].as_str().expect("a token"));
    assert_eq!(made[0]["stands_for"], "authorities/jma for jma@example.org");
    fs::write(office.path("jma.token"), token).expect("written");
    let jma = office.path("jma.token");
    assert_eq!(office.done(&jma, &["whoami"])[0]["name"], name);
    assert!(office.refused(&jma, &["list"]).contains("does not allow"));

    let listed = office.done(&ada, &["list"]);
    let kinds: Vec<&str> = listed.iter().filter_map(|line| line["stands_for"].as_str()).collect();
    assert_eq!(kinds, ["bootstrap", "operator: administer", "authorities/jma for jma@example.org"]);
    assert_eq!(listed[0]["state"], "revoked");
    assert!(listed[2]["used"].is_string());
    assert_eq!(office.done(&ada, &["revoke", name])[0]["state"], "revoked");
    assert!(office.refused(&jma, &["whoami"]).contains("was revoked"));
    let shown = office.done(&ada, &["show", name.trim_start_matches("credentials/")]);
    assert!(shown[0]["revoked"].is_string() && shown[0]["token"].is_null());

    let own = office.done(&ada, &["whoami"])[0]["name"].as_str().expect("a name").to_owned();
    assert!(office.refused(&ada, &["revoke", &own]).contains("make another first"));
    assert!(office.refused(&ada, &["create", "--partner", "nobody", "--name", "A"]).contains("no such partner"));
    let log = fs::read_to_string(office.path("log")).expect("there");
    assert!(log.contains(name) && !log.contains("hc_") && !log.contains(&token[20..]), "{log}");
}

#[test]
fn an_operator_has_identifiers_hashed_with_a_new_key_and_that_is_on_record() {
    let (office, ada) = Office::with_operator();
    let keys = || fs::read_to_string(office.path("data/registry/identity.key")).expect("there");
    let before = keys();
    assert_eq!(office.done(&ada, &["rotate-identity-key"])[0]["rotated"], true);
    let after = keys();
    assert_eq!((mode(&office.path("data/registry/identity.key")), after.lines().count()), (0o600, 3));
    assert!(!before.contains(after.lines().nth(1).expect("the newest")));
    for _ in 0..2 {
        office.done(&ada, &["rotate-identity-key"]);
    }
    assert!(office.refused(&ada, &["rotate-identity-key"]).contains("still valid"));
    let log = office.text("data/audit");
    let export = hazardcast(&["audit", "export", &log, "--json"]).output().expect("it runs");
    let records = String::from_utf8(export.stdout).expect("text");
    assert_eq!(records.matches("\"identity_key.rotated\"").count(), 3);
    let secrets = keys();
    for secret in secrets.split_whitespace().filter(|word| word.len() == 64) {
        assert!(!records.contains(secret) && !fs::read_to_string(office.path("log")).expect("there").contains(secret));
    }
}

#[test]
fn a_token_is_never_in_an_error_or_in_help() {
    let (office, ada) = Office::with_operator();
    let token = fs::read_to_string(&ada).expect("there").trim().to_owned();
    let server = format!("https://localhost:{}", office.port);
    let secret = token.rsplit('_').next().expect("a secret");
    let cases = [
        &["access", "list", "--token", &token][..],
        &["access", "list", "--token", &token, "--no-such-flag"],
        &["access", "whoami", "--token", &token, "--server", &server],
        &["access", "whoami", "--token", &token, "--server", "http://example.org:1"],
        &["access", "whoami", "--token", &token[1..], "--server", &server],
    ];
    for arguments in cases {
        let output = hazardcast(arguments).output().expect("the binary starts");
        assert!(!output.status.success(), "{arguments:?}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&said).contains(secret), "{arguments:?}");
    }
    let help = hazardcast(&["access", "list", "--help"]).env("HAZARDCAST_TOKEN", &token).output().expect("help");
    assert!(!String::from_utf8_lossy(&help.stdout).contains(secret));
    let root = office.text("root.pem");
    let mut asked = hazardcast(&["access", "whoami", "--server", &server, "--ca", &root, "--json"]);
    let asked = asked.env("HAZARDCAST_TOKEN", &token).output().expect("the binary starts");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
}

#[test]
fn an_operator_shows_a_certificate_instead_of_a_token() {
    let (office, ada) = Office::with_operator();
    let client = office.root.client("urn:eve");
    client.write(&office.path("eve.pem"), &office.path("eve.key"));
    let certificate = office.text("eve.pem");
    let made = office.done(&ada, &["create", "--operator", "view", "--name", "Eve", "--certificate", &certificate]);
    assert!(made[0]["token"].is_null());
    let (server, root, key) =
        (format!("https://localhost:{}", office.port), office.text("root.pem"), office.text("eve.key"));
    let shown = ["--server", &server, "--ca", &root, "--client-cert", &certificate, "--client-key", &key];
    let output = hazardcast(&["access", "whoami", "--json"]).args(shown).output().expect("the binary starts");
    let line: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(line["name"], made[0]["name"]);
    let output = hazardcast(&["alert", "list", "--json"]).args(shown).output().expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn when_every_access_is_lost_whoever_has_the_machine_makes_a_new_first_operator() {
    let (mut office, ada) = Office::with_operator();
    let data = office.text("data");
    let bootstrap = || hazardcast(&["access", "bootstrap", "--data-dir", &data]).output().expect("the binary starts");
    let refused = bootstrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in use by another server"));
    fs::remove_file(&ada).expect("lost");
    office.stop();
    assert!(bootstrap().status.success());
    let file = office.path("data/bootstrap.token");
    assert_eq!(mode(&file), 0o600);
    office.start();
    let eve = office.text("eve.token");
    office.done(&file, &["create", "--operator", "administer", "--name", "Eve", "--token-out", &eve]);
    assert!(!file.exists());
    assert_eq!(office.done(&office.path("eve.token"), &["list"]).len(), 4);
}

#[test]
fn a_hang_up_signal_loads_new_certificates() {
    let (office, ada) = Office::with_operator();
    let next = Root::new("Next");
    fs::write(office.path("root.pem"), next.pem()).expect("written");
    next.server().write(&office.path("server.pem"), &office.path("server.key"));
    office.signal(Signal::HUP);
    let started = Instant::now();
    while !office.run(&ada, &["whoami"]).status.success() {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not shown");
        office.signal(Signal::HUP);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_leaves_no_core() {
    let office = Office::open();
    let id = office.server.as_ref().expect("it runs").id();
    let mut limits = String::new();
    fs::File::open(format!("/proc/{id}/limits")).expect("there").read_to_string(&mut limits).expect("read");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}

/// What a process that is not dumpable has in `/proc` is the superuser's, so that nobody of its own account can look in
/// there. A superuser's own process shows nothing of that, so the server is started as another account here.
#[cfg(target_os = "linux")]
#[test]
fn nobody_of_the_same_account_can_look_into_a_server() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const ACCOUNT: u32 = 65_534;

    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = folder.path().join("hazardcast");
    let built = env!("CARGO_BIN_EXE_hazardcast");
    if fs::hard_link(built, &program).is_err() {
        fs::copy(built, &program).expect("copied");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let is_superuser = rustix::process::getuid().is_root();
    let start = |mut command: Command| {
        if is_superuser {
            chown(&data, Some(ACCOUNT), Some(ACCOUNT)).expect("given");
            command.uid(ACCOUNT).gid(ACCOUNT);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    let owner = |child: &Child| fs::metadata(format!("/proc/{}/environ", child.id())).expect("it runs").uid();

    let mut sleep = Command::new("sleep");
    sleep.arg("60");
    let mut other = start(sleep);
    let until = Instant::now() + PATIENCE;
    // Until it is itself, it is a copy of this process.
    while owner(&other) == 0 && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_ne!(owner(&other), 0, "another program can be looked into");
    other.kill().expect("it runs");
    other.wait().expect("it ends");

    let mut serve = Command::new(&program);
    serve.args(["serve", "--dev", "--json", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--data-dir"]);
    serve.arg(&data);
    let mut server = start(serve);
    until_ready(server.stdout.take().expect("piped"));
    assert_eq!(owner(&server), 0);
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}
