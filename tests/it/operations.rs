//! What an operator does: starts, looks, scrapes, stops; and what is refused before anything starts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::message::Message;
use crate::support::server::{PATIENCE, Server, hazardcast};

/// The present second: the binary's clock is the system's.
pub(crate) fn now() -> jiff::Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970");
    jiff::Timestamp::from_second(since.as_secs().cast_signed()).expect("in range")
}

/// What a command that fails says, and its exit code.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = hazardcast(arguments).output().expect("the binary starts");
    assert!(!output.status.success(), "{arguments:?} was not refused");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn a_server_says_that_it_is_ready_counts_and_stops_when_asked() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    for _ in 0..2 {
        server.start();
        let data = std::fs::metadata(folder.path().join("data")).expect("it is there");
        assert_eq!(data.permissions().mode() & 0o077, 0, "nobody else may look into it");
        assert_eq!(server.ask("/livez").0, "HTTP/1.1 200 OK");
        let (status, body) = server.ask("/readyz");
        let body: Value = body.parse().expect("JSON");
        assert_eq!((status.as_str(), &body["ready"]), ("HTTP/1.1 200 OK", &Value::Bool(true)));
        let (_, metrics) = server.ask("/metrics");
        assert!(metrics.contains("# HELP hazardcast_links_open") && metrics.ends_with("# EOF\n"), "{metrics}");
        assert!(server.stop(), "it ends well");
    }
}

#[test]
fn nothing_starts_that_would_let_strangers_in_or_that_nobody_meant() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data").display().to_string();
    assert!(refused(&["serve", "--data-dir", &data]).1.contains("--dev"));
    assert!(refused(&["serve", "--dev", "--data-dir", &data, "--listen", "0.0.0.0:0"]).1.contains("server.listen"));
    let config = folder.path().join("site.toml");
    std::fs::write(&config, "[server]\nlisten_on = \"127.0.0.1:0\"\n").expect("written");
    let (_, said) = refused(&["serve", "--dev", "--config", &config.display().to_string()]);
    assert!(said.contains("listen_on"), "{said}");
    assert!(!Path::new(&data).exists(), "nothing was made");
}

#[test]
fn a_port_or_a_data_folder_that_is_in_use_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let mut server = Server::new(&data, &[]);
    server.start();
    let (listen, data) = (server.address().to_string(), data.display().to_string());
    let other = folder.path().join("other").display().to_string();
    let any = ["--http-listen", "127.0.0.1:0"];
    let same_port = [&["serve", "--dev", "--data-dir", &other, "--listen", &listen][..], &any].concat();
    assert!(refused(&same_port).1.contains(&listen));
    let same_data = [&["serve", "--dev", "--data-dir", &data, "--listen", "127.0.0.1:0"][..], &any].concat();
    let (_, said) = refused(&same_data);
    assert!(said.contains("in use"), "{said}");
    assert!(server.stop());
}

#[test]
fn with_json_even_a_command_that_cannot_be_read_is_answered_with_an_object() {
    for arguments in [&["--json", "frobnicate"][..], &["alert", "list", "--limit", "0", "--json"], &["alert", "--json"]]
    {
        let output = hazardcast(arguments).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert!(answer["error"].as_str().is_some_and(|error| !error.is_empty()), "{answer}");
    }
    let output = hazardcast(&["--help", "--json"]).output().expect("the binary starts");
    assert!(output.status.success() && output.stdout.starts_with(b"Official"));
}

#[test]
fn what_is_wrong_is_told_once_and_nothing_else_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (_, said) = refused(&["serve", "--dev", "--config", "/nowhere"]);
    assert_eq!(said.matches("cannot read").count(), 1, "{said}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let any = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let (_, said) = refused(&[&["serve", "--dev", "--data-dir", &file.display().to_string()][..], &any].concat());
    assert!(said.starts_with("hazardcast: data directory ") && said.lines().count() == 1, "{said}");
    let (_, said) = refused(&["alert", "list", "--server", "ftp://127.0.0.1:1"]);
    assert!(said.contains("to be http:// or https://"), "{said}");
}

#[test]
fn a_text_from_elsewhere_cannot_command_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let message =
        Message { headlines: vec![("en", "Left\u{202e}right".to_owned())], ..Message::warning("a", now(), [0.0; 2]) };
    let file = folder.path().join("a.xml").display().to_string();
    std::fs::write(&file, message.cap()).expect("written");
    let said = |arguments: &[&str]| {
        let output = hazardcast(arguments).args(["--server", &server.url()]).output().expect("the binary starts");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
    };
    assert!(said(&["alert", "send", &file]).contains("admitted"));
    let list: Value = said(&["alert", "list", "--json"]).parse().expect("one object");
    let shown = said(&["alert", "show", list["name"].as_str().expect("a name")]);
    assert!(shown.contains("Leftright"), "{shown}");
    assert_eq!(said(&["alert", "show"]), shown, "it is the newest");
    let shown = said(&["alert", "send", "no\u{1b}[2J\u{202e}where.xml"]);
    assert!(shown.contains("no [2Jwhere.xml"), "{shown:?}");
    assert!(server.stop());
}

#[test]
fn simulated_devices_that_were_told_of_two_alerts_were_not_told_twice() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let url = server.url();
    for name in ["a", "b"] {
        let file = folder.path().join(name).display().to_string();
        std::fs::write(&file, Message::warning(name, now(), [0.0; 2]).cap()).expect("written");
        let sent = hazardcast(&["alert", "send", &file, "--server", &url]).output().expect("the binary starts");
        assert!(sent.status.success());
    }
    let simulate = ["device", "simulate", "--count", "5", "--place", "0,0", "--seconds", "3", "--json"];
    let output = hazardcast(&simulate).args(["--server", &url]).output().expect("the binary starts");
    let last = String::from_utf8(output.stdout).expect("UTF-8").lines().last().expect("it says").to_owned();
    let last: Value = last.parse().expect("one object");
    for (key, count) in [("received", 10), ("told", 5), ("told_twice", 0), ("dropped", 0)] {
        assert_eq!((key, &last[key]), (key, &Value::from(count)));
    }
    assert!(server.stop());
}

#[test]
fn a_client_without_a_server_is_told_so() {
    let (_, said) = refused(&["alert", "list", "--server", "http://127.0.0.1:1"]);
    assert!(said.contains("no server answers at http://127.0.0.1:1"), "{said}");
}

#[test]
fn the_demo_of_an_exercise_is_one_for_those_who_take_part() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let message = Message { status: "Exercise", ..Message::warning("a", now(), [-99.1, 19.4]) };
    let (file, svg) = (folder.path().join("a.xml"), folder.path().join("a.svg").display().to_string());
    std::fs::write(&file, message.cap()).expect("written");
    let file = file.display().to_string();
    let arguments = ["demo", "--devices", "200", "--links", "20", "--json", "--svg", &svg, "--alert", &file];
    let output = hazardcast(&arguments).output().expect("the binary starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert!(output.status.success() && report["told"].as_u64() > Some(20), "{report}");
    assert_eq!(report["told"], report["consenting"]);
}

#[test]
fn a_demo_that_cannot_be_one_says_why_at_once() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, svg) = (path("a.xml"), path("a.svg"));
    let demo = ["demo", "--devices", "10", "--links", "1", "--alert", &file, "--svg"];
    let warning = Message::warning("a", now(), [0.0; 2]);
    let draft = Message { status: "Draft", ..warning.clone() };
    for (content, svg, reason) in [
        (draft.cap(), &svg, "not for the public"),
        (warning.cap().replace("<scope>Public</scope>", ""), &svg, "scope: is missing"),
        (warning.cap(), &path("nowhere/a.svg"), "cannot write"),
    ] {
        std::fs::write(&file, content).expect("written");
        let (_, said) = refused(&[&demo[..], &[svg.as_str()]].concat());
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_demo_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let svg = folder.path().join("demo.svg").display().to_string();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).expect("made");
    let holds = || std::fs::read_dir(&temporary).expect("it is there").count();
    let mut command = hazardcast(&["demo", "--devices", "1000000", "--links", "10", "--json", "--svg", &svg]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut demo = command.env("TMPDIR", &temporary).spawn().expect("the binary starts");
    let started = Instant::now();
    while holds() == 0 {
        assert!(started.elapsed() < PATIENCE && demo.try_wait().expect("it is ours").is_none(), "it made no folder");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let id = rustix::process::Pid::from_child(&demo);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it is interrupted");
    assert_eq!(demo.wait().expect("it ends").code(), Some(1));
    assert_eq!(holds(), 0);
}

#[test]
fn the_demo_tells_each_of_those_to_be_told_once_and_draws_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let svg = folder.path().join("demo.svg").display().to_string();
    let output = hazardcast(&["demo", "--devices", "4000", "--links", "200", "--json", "--svg", &svg]).output();
    let output = output.expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    let keys: Vec<&str> = report.as_object().expect("an object").keys().map(String::as_str).collect();
    for key in ["devices", "links", "in_area", "consenting", "told", "told_twice", "missed"] {
        assert!(keys.contains(&key), "{key} is not in {keys:?}");
    }
    assert_eq!((&report["told_twice"], &report["missed"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(report["told"], report["consenting"]);
    assert!(report["told"].as_u64() > Some(50), "{report}");
    for key in ["first_notice_ms", "last_notice_ms", "accepted_to_planned_ms"] {
        assert!(report[key].as_f64() > Some(0.0), "{key}: {report}");
    }
    let drawn = std::fs::read_to_string(&svg).expect("it is drawn");
    assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"));
}
