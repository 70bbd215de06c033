//! Where codes lie: regions are imported, alerts that name them are warned there and nowhere else, and what is not
//! known is told.

use std::path::{Path, PathBuf};
use std::process::Output;

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::region_service_client::RegionServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::real_alerts::{files_under, here};
use crate::support::house::{House, NOON};
use crate::support::message::Message;
use crate::support::phone::Phone;
use crate::support::server::{Server, ask, hazardcast};

/// In Tuolumne County, California, SAME 006109, and in no county that is known.
const TUOLUMNE: [f64; 2] = [-120.0, 38.0];
const ELSEWHERE: [f64; 2] = [-115.0, 36.0];

fn data(name: &str) -> PathBuf {
    here().join("tests/data/regions").join(name)
}

fn request(file: &str, scheme: &str, same_as: &str) -> v1::ImportRegionsRequest {
    v1::ImportRegionsRequest {
        content: std::fs::read(data(file)).expect("it can be read").into(),
        scheme: scheme.to_owned(),
        display_name: file.to_owned(),
        same_as_scheme: same_as.to_owned(),
        ..v1::ImportRegionsRequest::default()
    }
}

fn regions(channel: &Channel) -> RegionServiceClient<Channel> {
    RegionServiceClient::new(channel.clone())
}

/// A warning whose ground is named by codes of SAME alone.
fn warning(identifier: &str, codes: &[&str]) -> String {
    let cap = Message::warning(identifier, NOON, TUOLUMNE).cap();
    let (head, rest) = cap.split_once("<polygon>").expect("it has one");
    let (_, tail) = rest.split_once("</polygon>").expect("it ends");
    let code = |code: &&str| format!("<geocode><valueName>SAME</valueName><value>{code}</value></geocode>");
    format!("{head}{}{tail}", codes.iter().map(code).collect::<String>())
}

async fn submit(house: &House, cap: String) -> Result<v1::SubmitAlertResponse, Status> {
    let raw = v1::RawAlert { content: cap.into(), media_type: String::new() };
    let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
    Ok(AlertServiceClient::new(house.channel.clone()).submit_alert(request).await?.into_inner())
}

/// How many codes were named and not known.
async fn unresolved(house: &House) -> u64 {
    let address = house.http_address();
    let (_, text) = tokio::task::spawn_blocking(move || ask(address, "/metrics")).await.expect("it is asked");
    let count = text.lines().find_map(|line| line.strip_prefix("hazardcast_geocodes_unresolved_total "));
    count.expect("it is counted").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_regions_and_warns_in_them_from_then_on() {
    let house = House::open().await;
    let (near, far) = (house.register(TUOLUMNE).await, house.register(ELSEWHERE).await);
    let refused = submit(&house, warning("a", &["006109"])).await.expect_err("it is not known where that is");
    assert!(refused.message().contains("unresolved: SAME 006109"), "{refused:?}");
    assert_eq!(unresolved(&house).await, 1);

    let mut client = regions(&house.channel);
    let validate_only = v1::ImportRegionsRequest { validate_only: true, ..request("ugc.geojson", "", "") };
    client.import_regions(validate_only).await.expect("it could be imported");
    let listed = client.list_regions(v1::ListRegionsRequest::default()).await.expect("listed").into_inner();
    assert!(listed.region_sets.is_empty(), "nothing was asked to be imported");
    for request in [request("ugc.geojson", "", ""), request("same_to_ugc.json", "SAME", "UGC")] {
        let imported = client.import_regions(request).await.expect("imported").into_inner();
        assert_eq!(imported.region_sets.len(), 1);
    }

    let mut phones = [Phone::open(&house.channel, &near).await, Phone::open(&house.channel, &far).await];
    let answer = submit(&house, warning("b", &["006109", "106109", "000000"])).await.expect("it is taken");
    assert!(matches!(answer.outcome, Some(Outcome::Admitted(_))), "{answer:?}");
    let problems: Vec<_> = answer.problems.iter().map(|problem| problem.message.as_str()).collect();
    let expected = [
        "unresolved: SAME 106109 is part of a region, the whole of which is not warned instead",
        "unresolved: SAME 000000 is the whole nation, which is warned only if it was imported as a region",
    ];
    assert_eq!(problems, expected);
    let notice = phones[0].notice().await;
    phones[0].acknowledge(&notice).await;
    assert_eq!(unresolved(&house).await, 3);

    // What is drawn after it is told to both: the far one was told of nothing before.
    house.submit(&Message::warning("c", NOON, ELSEWHERE)).await;
    assert!(phones[1].notice().await.headline.contains('c'));

    let house = house.restart().await;
    let answer = submit(&house, warning("d", &["006109"])).await.expect("it is taken");
    assert!(matches!(answer.outcome, Some(Outcome::Admitted(_))) && answer.problems.is_empty(), "{answer:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_changes_nothing_and_is_told() {
    let house = House::open().await;
    let mut client = regions(&house.channel);
    client.import_regions(request("ugc.geojson", "", "")).await.expect("imported");
    let mut broken = request("ugc.geojson", "", "");
    broken.content = String::from_utf8_lossy(&broken.content).replace("\"DEZ004\"", "null").into_bytes().into();
    let refused = client.import_regions(broken).await.expect_err("one feature has no code");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("feature 9 has no text or whole number"), "{refused:?}");
    let unnamed = v1::ImportRegionsRequest { display_name: String::new(), ..request("ugc.geojson", "", "") };
    assert_eq!(client.import_regions(unnamed).await.expect_err("unnamed").code(), Code::InvalidArgument);
    let get = |code: &str| v1::GetRegionRequest { scheme: "ugc".to_owned(), code: code.to_owned(), read_time: None };
    let found = client.get_region(get("DEZALL")).await.expect("found").into_inner();
    assert_eq!((found.regions.len(), found.problems.len()), (4, 0));
    assert_eq!(client.get_region(get("OHZ001")).await.expect_err("none").code(), Code::NotFound);
    assert_eq!(client.get_region(get(" ")).await.expect_err("none").code(), Code::InvalidArgument);
    house.close().await;
}

/// Runs the binary; what it says on standard output, if it ends so.
fn run(arguments: &[&str], code: i32) -> String {
    let Output { status, stdout, stderr } = hazardcast(arguments).output().expect("the binary starts");
    let told = String::from_utf8(stdout).expect("UTF-8");
    assert_eq!(status.code(), Some(code), "{arguments:?}: {told} {}", String::from_utf8_lossy(&stderr));
    told
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_data_folder_is_filled_without_a_server_and_alerts_are_checked_by_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let place = ["--data-dir", text(folder.path())];
    for file in ["ugc.geojson", "same.geojson", "emma_id.geojson", "cpeas.geojson"] {
        run(&[&["region", "import", text(&data(file))], &place[..]].concat(), 0);
    }
    let aliases = data("same_to_ugc.json");
    run(&[&["region", "import", text(&aliases), "--scheme", "SAME", "--same-as", "UGC"], &place[..]].concat(), 0);
    let shown = run(&[&["region", "show", "FIPS6", "032013", "--json"], &place[..]].concat(), 0);
    let shown: Value = shown.parse().expect("JSON");
    assert_eq!((&shown["regions"][0]["code"], &shown["unresolved"]), (&"NVC013".into(), &Value::Array(Vec::new())));
    let drawn = run(&[&["region", "show", "UGC", "DEZALL"], &place[..]].concat(), 0);
    assert!(drawn.contains("DEZ004") && drawn.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{drawn}");
    run(&[&["region", "show", "UGC", "OHZ001"], &place[..]].concat(), 1);
    let listed = run(&[&["region", "list", "emma_id", "--json"], &place[..]].concat(), 0);
    assert_eq!(listed.lines().count(), 1 + 3, "{listed}");

    // Its polygons are empty, and its codes are those of three regions that are known.
    let alert = here().join("tests/data/alerts/ims-israel/empty-polygons.xml");
    let alone: Value = run(&["alert", "check", "--json", text(&alert)], 1).parse().expect("JSON");
    assert!(alone["refusals"].to_string().contains("EMMA_ID IL042"), "{alone}");
    let known = run(&["alert", "check", "--json", text(&alert), "--regions", text(folder.path())], 0);
    let known: Value = known.parse().expect("JSON");
    assert!(!known["refusals"].to_string().contains("unresolved"), "{known}");
}

#[test]
fn regions_that_are_damaged_are_named_and_keep_no_server_from_starting() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data_dir = folder.path().join("data");
    run(&["region", "import", text(&data("ugc.geojson")), "--data-dir", text(&data_dir)], 0);
    let mut files = files_under(&data_dir.join("regions"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "regions"));
    let bytes = std::fs::read(&files[0]).expect("it can be read");
    std::fs::write(&files[0], &bytes[..bytes.len() - 9]).expect("torn");
    let log = folder.path().join("log");
    let mut server = Server::new(&data_dir, &[]).logging_to(&log);
    server.start();
    let said = std::fs::read_to_string(&log).expect("it says something");
    assert!(said.contains(text(&files[0])) && said.contains("is damaged"), "{said}");
    // The folder is the server's: what is put into it beside would not be known to it.
    run(&["region", "import", text(&data("ugc.geojson")), "--data-dir", text(&data_dir)], 1);
    run(&["region", "import", text(&data("ugc.geojson")), "--server", &server.url()], 0);
    assert!(server.stop());
    run(&["region", "show", "UGC", "CAC109", "--data-dir", text(&data_dir)], 0);
    std::fs::write(&files[0], &bytes[..16]).expect("torn");
    run(&["region", "show", "UGC", "CAC109", "--data-dir", text(&data_dir)], 1);
    let alert = here().join("tests/data/alerts/ims-israel/empty-polygons.xml");
    run(&["alert", "check", text(&alert), "--regions", text(&data_dir)], 2);
}

#[test]
fn the_regions_beside_the_project_are_imported_and_each_code_is_found() {
    let shared = here().join("../shared/data");
    if !shared.join("regions").exists() {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared/data is not beside the project\n");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut expected = 0;
    for file in files_under(&shared.join("regions")) {
        if file.extension().is_some_and(|extension| extension == "geojson") {
            run(&["region", "import", text(&file), "--data-dir", text(folder.path())], 0);
            let features: Value = std::fs::read_to_string(&file).expect("read").parse().expect("JSON");
            expected += features["features"].as_array().map_or(0, Vec::len);
        }
    }
    let aliases = shared.join("regions/same_to_ugc.json");
    let arguments = ["region", "import", text(&aliases), "--scheme", "SAME", "--same-as", "UGC"];
    run(&[&arguments[..], &["--data-dir", text(folder.path())]].concat(), 0);
    let listed = run(&["region", "list", "--json", "--data-dir", text(folder.path())], 0);
    let sets: Vec<Value> = listed.lines().map(|line| line.parse().expect("JSON")).collect();
    let count = |set: &Value| set["regions"].as_u64().unwrap_or_default() as usize;
    let drawn: usize = sets.iter().filter(|set| set["points"] != 0).map(count).sum();
    assert_eq!((sets.len(), drawn), (8, expected));
    let same = run(&["region", "list", "SAME", "--json", "--data-dir", text(folder.path())], 0);
    assert_eq!(same.lines().count(), 2 + 127 + 3_965);
}
