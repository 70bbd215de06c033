//! What an operator does: starts, looks, scrapes, stops; and what is refused before anything starts.

use std::path::Path;

use serde_json::Value;

use crate::support::server::{Server, hazardcast};

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
fn a_client_without_a_server_is_told_so() {
    let (_, said) = refused(&["alert", "list", "--server", "http://127.0.0.1:1"]);
    assert!(said.contains("no server answers at http://127.0.0.1:1"), "{said}");
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
