//! Messages that are broken or meant to break the house: each is refused with an error of its own that names the field,
//! and the house goes on.

use std::collections::BTreeSet;
use std::process::Command;

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use prost::Message as _;
use serde_json::Value;
use tonic::Status;

use crate::support::grid::grid;
use crate::support::house::{House, NOON};
use crate::support::message::Message;

/// A bad message, and how it is refused.
struct Case {
    name: &'static str,
    content: Vec<u8>,
    media_type: &'static str,
    /// The field that is named, and what is said of it.
    field: &'static str,
    says: &'static str,
    /// The reason that a program gets over gRPC.
    reason: &'static str,
}

const CAP: &str = "application/cap+xml";

fn good() -> String {
    Message::warning("good", NOON, [11.0, 48.0]).cap()
}

/// The good message with one thing in it replaced.
fn instead(of: &str, by: &str) -> Vec<u8> {
    let good = good();
    assert!(good.contains(of), "{of:?} is not in the message");
    good.replace(of, by).into_bytes()
}

/// The good message with another ring.
fn with_ring(ring: &str) -> Vec<u8> {
    let good = good();
    let (before, rest) = good.split_once("<polygon>").expect("it has a polygon");
    let (_, after) = rest.split_once("</polygon>").expect("it ends");
    format!("{before}<polygon>{ring}</polygon>{after}").into_bytes()
}

/// Entities that define each other ten times over, nine deep.
fn laughs() -> Vec<u8> {
    let entity = |n: usize| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10));
    let entities: String = (1..10).map(entity).collect();
    let declared = format!("<!DOCTYPE alert [<!ENTITY l0 \"ha\">{entities}]><alert");
    let message = good().replacen("<alert", &declared, 1);
    message.replacen("<headline>", "<headline>&l9;", 1).into_bytes()
}

fn cases() -> Vec<Case> {
    [of_bytes(), of_markup(), of_fields(), of_ground(), of_cost()].into_iter().flatten().collect()
}

fn case(name: &'static str, content: impl Into<Vec<u8>>, field: &'static str, says: &'static str) -> Case {
    Case { name, content: content.into(), media_type: CAP, field, says, reason: "" }
}

fn of_bytes() -> Vec<Case> {
    let reason = |reason, case| Case { reason, ..case };
    let of = |media_type, case| Case { media_type, ..case };
    let mut truncated = good().into_bytes();
    truncated.truncate(truncated.len() / 2);
    let large = format!("{}{}", good(), " ".repeat(4 << 20));
    let mut latin = good().into_bytes();
    let headline = good().find("Headline").expect("it has one");
    latin[headline] = 0xE9;
    vec![
        reason("UNSUPPORTED_MEDIA_TYPE", of("image/png", case("media type", good(), "media_type", "image/png"))),
        reason("UNKNOWN_FORMAT", of("", case("no alert", b"\x89PNG", "content", "no format"))),
        reason("EMPTY", case("empty", "", "content", "empty")),
        reason("TRUNCATED", case("truncated", truncated, "content", "ends before it is complete")),
        reason("TOO_LARGE", case("oversized", large, "content", "more than 4194304")),
        reason("INVALID_ENCODING", case("wrong encoding", latin, "content", "is not UTF-8")),
        reason("UNSUPPORTED_ENCODING", case("no encoding", instead("UTF-8", "UTF-7"), "content", "UTF-7")),
        reason("ENCODING_CONFLICT", case("two encodings", instead("UTF-8", "UTF-16"), "content", "single bytes")),
    ]
}

fn of_markup() -> Vec<Case> {
    let reason = |reason, case| Case { reason, ..case };
    let external = instead("<alert", "<!DOCTYPE alert [<!ENTITY e SYSTEM \"file:///etc/hostname\">]><alert");
    let deep = format!("<note>{}{}</note><scope>", "<a>".repeat(1_000), "</a>".repeat(1_000));
    vec![
        reason("DOCUMENT_TYPE", case("billion laughs", laughs(), "content", "DOCTYPE")),
        reason("DOCUMENT_TYPE", case("external entity", external, "content", "DOCTYPE")),
        reason("NOT_WELL_FORMED", case("not XML", instead("</info>", "</inf>"), "content", "not well-formed")),
        reason("TOO_DEEP", case("deep", instead("<scope>", &deep), "content", "deep")),
        reason("UNKNOWN_ROOT", case("another namespace", instead("cap:1.2", "cap:9"), "root", "in no format")),
    ]
}

fn of_fields() -> Vec<Case> {
    let reason = |reason, case| Case { reason, ..case };
    let twice = instead("<scope>", "<status>Test</status><scope>");
    let long = instead("<headline>", &format!("<headline>{}", "x".repeat(70_000)));
    vec![
        reason("MISSING_FIELD", case("no sender", instead("sender>", "other>"), "sender", "missing")),
        reason("REPEATED_FIELD", case("two statuses", twice, "status", "more than once")),
        reason("UNKNOWN_VALUE", case("a word", instead("Immediate", "Soon"), "info[0].urgency", "\"Soon\"")),
        reason("INVALID_TIME", case("no time", instead("<sent>", "<sent>about "), "sent", "no date and time")),
        reason("INVALID_NAME", case("a comma", instead("<identifier>", "<identifier>a,"), "identifier", "','")),
        reason("TOO_LONG", case("a long text", long, "info[0].headline", "more than 65536")),
    ]
}

fn of_ground() -> Vec<Case> {
    let reason = |reason, case| Case { reason, ..case };
    let ring = |name, ring: &str, says| case(name, with_ring(ring), "info[0].area[0].polygon[0]", says);
    vec![
        reason("TOO_MANY", ring("a million points", &"1,1 ".repeat(1_000_000), "more than 200000 points")),
        reason("NO_GROUND", ring("latitude 91", "0,0 91,0 1,1 0,0", "latitude 91")),
        reason("NO_GROUND", ring("not a number", "0,0 0,NaN 1,1 0,0", "not a finite number")),
        reason("NO_GROUND", ring("not closed", "0,0 0,9 9,9 9,0", "not closed")),
    ]
}

/// Messages that would take long, were they not refused for it.
fn of_cost() -> Vec<Case> {
    let reason = |reason, case| Case { reason, ..case };
    let attributes = instead("<scope>", &format!("<note {}/><scope>", "a=\"\" ".repeat(500_000)));
    // Triangles in the south and holes in the north, each of which would be compared with each.
    let triangles = "</polygon><polygon>-1,0 -1,1 -2,1 -1,0".repeat(10_000);
    let hole = "<geocode><valueName>EXCLUDE_POLYGON</valueName><value>1,0 1,1 2,1 1,0</value></geocode>";
    let triangles = format!("0,0 0,1 1,1 0,0{triangles}</polygon>{}<polygon>", hole.repeat(10_000));
    let chequered = grid([700, 700], 0, |column, row| if (column + row) % 2 == 0 { 12.0 } else { 1.0 });
    vec![
        reason("TOO_MANY", case("a million attributes", attributes, "content", "equals signs")),
        reason(
            "TOO_COSTLY",
            case("holes times polygons", with_ring(&triangles), "info[0].area[0]", "20000000 steps of work"),
        ),
        // Larger than any other message may be, so that it is read as what it is.
        reason("TOO_MANY", case("contours round every point", chequered, "grid_data", "more than 200000 points")),
    ]
}

/// The most memory that a check of any message may take, KiB.
const MEMORY: u32 = 256 << 10;

/// What `alert check --json` says of each message, and its exit code; all in one process with little memory.
fn check(messages: &[&[u8]]) -> (Vec<Value>, Option<i32>) {
    check_by(None, messages)
}

/// The same by the settings of a file.
fn check_by(settings: Option<&str>, messages: &[&[u8]]) -> (Vec<Value>, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let paths = messages.iter().enumerate().map(|(number, message)| {
        let path = folder.path().join(format!("{number:02}.xml"));
        std::fs::write(&path, message).expect("the folder can be written to");
        path
    });
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {MEMORY}; exec \"$0\" alert check --json \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_hazardcast")).args(paths.collect::<Vec<_>>());
    if let Some(settings) = settings {
        let path = folder.path().join("site.toml");
        std::fs::write(&path, settings).expect("the folder can be written to");
        command.arg("--config").arg(path);
    }
    let output = command.output().expect("the binary starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    (said.lines().map(|line| line.parse().expect("JSON")).collect(), output.status.code())
}

#[test]
fn each_bad_message_is_told_apart_by_the_command_line_in_little_memory() {
    let mut cases = cases();
    // A file has no media type but what it begins with.
    cases.retain(|case| case.reason != "UNSUPPORTED_MEDIA_TYPE");
    let json = Case { content: b"{}".to_vec(), says: "in no format", field: "content", ..cases.remove(0) };
    cases.push(json);
    let messages: Vec<&[u8]> = cases.iter().map(|case| case.content.as_slice()).collect();
    let (reports, code) = check(&messages);
    assert_eq!((reports.len(), code), (cases.len(), Some(1)));
    for (case, report) in cases.iter().zip(&reports) {
        let name = case.name;
        assert_eq!(report["accepted"], Value::Bool(false), "{name}");
        // Every field can be read, and what is wrong is the ground that comes of them.
        let parsed = case.reason == "NO_GROUND" || case.field == "grid_data";
        assert_eq!(report["parsed"], Value::Bool(parsed), "{name}");
        let refusals = report["refusals"].as_array().expect("a list");
        let told = refusals.iter().find(|refusal| refusal["field"] == case.field);
        let reason = told.unwrap_or_else(|| panic!("{name}: {report}"))["reason"].as_str().expect("a text");
        assert!(reason.contains(case.says), "{name}: {reason}");
    }
    let (reports, code) = check(&[good().as_bytes()]);
    assert_eq!((&reports[0]["accepted"], code), (&Value::Bool(true), Some(0)));
}

#[test]
fn a_grid_as_large_as_real_ones_is_read_in_little_memory_and_as_far_as_is_configured() {
    // 15 MB, as ShakeMap makes them of the greatest earthquakes: contours round two middles.
    let from = |middle: f64, column: usize, row: usize| (column as f64 - middle).hypot(row as f64 - 220.0);
    let degree = |column: usize, row: usize| 9.4 - from(150.0, column, row).min(from(330.0, column, row)) / 30.0;
    let large = grid([480, 440], 7, degree);
    assert!((14_000_000..16_000_000).contains(&large.len()), "{}", large.len());
    let (reports, code) = check(&[large.as_bytes(), good().as_bytes()]);
    assert_eq!((&reports[0]["accepted"], code), (&Value::Bool(true), Some(0)), "{}", reports[0]);
    assert_eq!(reports[0]["format"], "ShakeMap grid");
    for (settings, says) in [
        ("[format]\ngrid_mib = 8", "more than 8388608"),
        ("[format]\ngrid_points = 200000", "more than 200000 points of a grid"),
        ("[format]\nwork_millions = 1", "more than 1000000 steps of work"),
    ] {
        let (reports, code) = check_by(Some(settings), &[large.as_bytes(), good().as_bytes()]);
        let said = reports[0]["refusals"][0]["reason"].as_str().expect("a text");
        assert!(said.contains(says), "{settings}: {said}");
        assert_eq!((&reports[1]["accepted"], code), (&Value::Bool(true), Some(1)));
    }
    let (reports, code) = check_by(Some("[format]\ndepth = 100"), &[good().as_bytes()]);
    assert_eq!((code, reports.len()), (Some(2), 1));
    assert!(reports[0]["error"].as_str().is_some_and(|said| said.contains("100 is not from 8 to 64")), "{reports:?}");
}

#[test]
fn an_earthquake_is_checked_by_the_configured_ground_motion() {
    let quake = br#"{"type": "Feature", "id": "ci1", "geometry": {"type": "Point", "coordinates": [-118.5, 34.2, 18]},
        "properties": {"mag": 4.0, "time": 758809855390, "updated": 1597400716254, "status": "reviewed",
        "type": "earthquake", "title": "M 4.0"}}"#;
    assert_eq!(check(&[quake]).1, Some(0));
    let (reports, code) = check_by(Some("[ground_motion]\nleast_degree = 12"), &[quake]);
    let said = reports[0]["refusals"][0]["reason"].as_str().expect("a text");
    assert!(code == Some(1) && said.contains("too weak"), "{said}");
}

/// Reason, fields with what is said of them, and the message of a refusal over gRPC.
fn details(status: &Status) -> (String, Vec<[String; 2]>) {
    let rpc = RpcStatus::decode(status.details()).expect("google.rpc.Status");
    let mut reason = String::new();
    let mut fields = Vec::new();
    for any in rpc.details {
        match any.type_url.rsplit_once('.').expect("a full name").1 {
            "ErrorInfo" => reason = ErrorInfo::decode(&*any.value).expect("ErrorInfo").reason,
            "BadRequest" => {
                let violations = BadRequest::decode(&*any.value).expect("BadRequest").field_violations;
                fields.extend(violations.into_iter().map(|violation| [violation.field, violation.description]));
            }
            other => panic!("{other} among the details"),
        }
    }
    (reason, fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_message_is_told_apart_over_grpc_and_the_next_good_one_is_admitted() {
    let house = House::open().await;
    let mut client = AlertServiceClient::new(house.channel.clone());
    let mut reasons = BTreeSet::new();
    for case in cases() {
        let raw = v1::RawAlert { content: case.content.into(), media_type: case.media_type.to_owned() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        let status = client.submit_alert(request).await.expect_err(case.name);
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{}: {status}", case.name);
        let (reason, fields) = details(&status);
        assert_eq!(reason, case.reason, "{}: {status}", case.name);
        let named = fields.iter().find(|[field, _]| field == case.field);
        let [_, said] = named.unwrap_or_else(|| panic!("{}: {fields:?}", case.name));
        assert!(said.contains(case.says) && status.message().contains(case.says), "{}: {said}", case.name);
        reasons.insert(reason);
    }
    assert_eq!(
        reasons.len(),
        cases().len() - 5,
        "documents with a DOCTYPE, lost rings and what is too many have reasons in common"
    );
    let good = Message::warning("good", NOON, [11.0, 48.0]);
    assert!(matches!(house.submit(&good).await, Outcome::Admitted(_)));
    house.close().await;
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`.
#[derive(Clone, PartialEq, prost::Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}
