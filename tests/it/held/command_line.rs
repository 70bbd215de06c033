//! The same from a terminal: composed, looked at, let go, cancelled.

use std::path::Path;

use serde_json::Value;

use crate::support::server::{Server, hazardcast};

/// What a command says, line by line; what it says of what is wrong.
fn run(arguments: &[&str], server: &Server) -> Result<Vec<Value>, String> {
    let output = hazardcast(arguments).args(["--json", "--server", &server.url()]).output().expect("the binary starts");
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).expect("UTF-8"));
    }
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    Ok(lines.lines().map(|line| line.parse().expect("JSON")).collect())
}

fn shown(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn an_alert_is_composed_held_approved_corrected_and_cancelled_by_one_command_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(&folder.path().join("data"), &[]);
    server.start();
    let correction = shown(folder.path(), "correction.toml");
    let compose = [
        "alert",
        "compose",
        "flood",
        "--sender",
        "a@example.org",
        "--status",
        "actual",
        "--set",
        "place=Ulm",
        "--box",
        "9.9,48.3,10.1,48.5",
        "--correction",
        &correction,
        "--preview",
        "--submit",
    ];
    let said = run(&compose, &server).expect("sent");
    let [cap, preview, held] = said.as_slice() else { panic!("{said:?}") };
    assert!(cap["cap"].as_str().is_some_and(|cap| cap.contains("<headline>Hochwasser: Ulm</headline>")), "{cap}");
    assert_eq!((&preview["would_be_sent"], &preview["found"]), (&true.into(), &0.into()));
    assert_eq!((&held["outcome"], &held["reasons"][0]["reason"]), (&"held".into(), &"TYPED".into()));
    let name = held["name"].as_str().expect("a name");
    assert_eq!(run(&["alert", "list"], &server).expect("listed"), Vec::<Value>::new(), "nothing has been sent");

    let svg = shown(folder.path(), "area.svg");
    let looked = run(&["alert", "held", name, "--svg", &svg], &server).expect("shown");
    assert_eq!((&looked[0]["name"], &looked[0]["preview"]["found"]), (&held["name"], &0.into()));
    assert!(std::fs::read_to_string(&svg).expect("drawn").contains("<svg"));
    let map = hazardcast(&["alert", "held", name, "--map", "--server", &server.url()]).output().expect("it runs");
    let map = String::from_utf8(map.stdout).expect("UTF-8");
    assert!(map.contains("Ulm") && map.contains("TYPED") && map.contains("until"), "{map}");
    assert_eq!(run(&["alert", "approve", name], &server).expect("approved")[0]["outcome"], "admitted");
    let listed = run(&["alert", "list"], &server).expect("listed");
    let alert = listed[0]["name"].as_str().expect("a name");
    assert!(run(&["alert", "approve", name], &server).is_err_and(|said| said.contains("no alert waits")));

    // Its correction is typed too, and may be rejected.
    let update = run(&["alert", "compose", &correction, "--set", "place=Neu-Ulm", "--submit"], &server).expect("sent");
    assert!(update[0]["cap"].as_str().is_some_and(|cap| cap.contains("<references>a@example.org,")), "{update:?}");
    let name = update[1]["name"].as_str().expect("it is held");
    assert_eq!(run(&["alert", "reject", name], &server).expect("rejected")[0]["outcome"], "rejected");

    let cancelled = run(&["alert", "cancel", alert, "--text", "Mistake"], &server).expect("cancelled");
    assert_eq!(cancelled[0]["outcome"], "cancelled");
    let again = run(&["alert", "cancel", alert], &server).expect("it may be repeated");
    assert_eq!((&again[0]["outcome"], &again[0]["key"]), (&"over already".into(), &cancelled[0]["key"]));
    assert!(server.stop());
}
