//! The early warnings of one earthquake, telegram by telegram, by the real binary: who is warned hears it once, again
//! only when it gets worse, and that it is over when it is taken back; nobody else hears anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hazardcast::domain::{Alert, Ground, Severity};
use hazardcast::format;
use hazardcast::wire::v1;
use hazardcast::wire::v1::notice::Kind;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::real_alerts::here;
use crate::support::api::{ALPHA, Api, create, credentials, phone_at};
use crate::support::phone::Phone;
use crate::support::server::{Server, hazardcast};

const SCHEME: &str = "JMA-AreaForecastLocalE";

/// A telegram, and what those are told who are warned from the fifth report on, who were forecast and are then warned,
/// who are near where it broke, and who are nowhere.
type Told = [Option<Kind>; 4];

const SERIES: [(&str, Told); 8] = [
    // No area expects 4: those are told whom it is computed to shake.
    ("77_01_01_240613_VXSE45", [None, None, Some(Kind::Alert), None]),
    ("77_01_05_240613_VXSE45", [Some(Kind::Alert), None, Some(Kind::Release), None]),
    // The complete telegram, which came before it, has all of it.
    ("37_01_01_240613_VXSE43", [None, None, None, None]),
    ("77_01_06_240613_VXSE45", [Some(Kind::Update), None, None, None]),
    ("77_01_07_240613_VXSE45", [Some(Kind::Update), None, None, None]),
    ("77_01_12_240613_VXSE45", [Some(Kind::Update), Some(Kind::Alert), None, None]),
    ("37_01_02_240613_VXSE43", [Some(Kind::Update), Some(Kind::Alert), None, None]),
    ("77_01_33_240613_VXSE45", [Some(Kind::Release), Some(Kind::Release), None, None]),
];

fn read(name: &str) -> String {
    let file = here().join("tests/data/japan/jma").join(format!("{name}.xml"));
    std::fs::read_to_string(file).expect("it can be read")
}

fn alert(text: &str) -> Alert {
    format::read(text.as_bytes(), None).expect("it can be read").alert
}

/// The telegram as if all were so much later.
fn later(text: &str, by: SignedDuration) -> String {
    let mut shifted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("2024-04-17T") {
        let (before, at) = rest.split_at(start);
        let length = if at.as_bytes()[19] == b'Z' { 20 } else { 25 };
        let instant: Timestamp = at[..length].parse().expect("an instant");
        shifted += before;
        shifted += &(instant + by + SignedDuration::from_hours(9)).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string();
        rest = &at[length..];
    }
    shifted + rest
}

/// How severe a telegram says it is in each region.
fn by_region(name: &str) -> BTreeMap<String, Severity> {
    let alert = alert(&read(name));
    let mut found = BTreeMap::new();
    for info in alert.body.infos() {
        if let Ground::Bands(bands) = &info.ground {
            let codes = bands.iter().flat_map(|band| &band.area.geocodes);
            found.extend(codes.map(|code| (code.code.to_string(), info.severity)));
        }
    }
    found
}

/// Where a region lies here: each is a block of its own, far from where the earthquake was.
fn block(regions: &[String], code: &str) -> [f64; 2] {
    let number = regions.iter().position(|known| known == code).expect("it is one of them");
    [(number % 10) as f64, (number / 10) as f64]
}

fn import(folder: &Path, data_dir: &Path, regions: &[String]) {
    let features = regions.iter().map(|code| {
        let [west, south] = block(regions, code);
        let (east, north) = (west + 0.5, south + 0.5);
        let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
        json!({
            "type": "Feature",
            "properties": { "scheme": SCHEME, "code": code, "name": code },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        })
    });
    let file = folder.join("regions.geojson");
    let collection = json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() });
    std::fs::write(&file, collection.to_string()).expect("written");
    let (file, data_dir) = (file.display().to_string(), data_dir.display().to_string());
    let mut command = hazardcast(&["region", "import", &file, "--data-dir", &data_dir]);
    let done = command.output().expect("the binary starts");
    assert!(done.status.success(), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_warning_sounds_once_again_when_it_is_raised_and_is_taken_back_from_those_who_were_told() {
    let (fifth, twelfth, second) = (by_region(SERIES[1].0), by_region(SERIES[5].0), by_region(SERIES[6].0));
    let is_warned = |of: &BTreeMap<String, Severity>, code: &String| {
        of.get(code).is_some_and(|severity| severity.is_at_least(Severity::Severe))
    };
    let warned = fifth.keys().find(|code| is_warned(&fifth, code)).expect("there is one");
    let raised = twelfth
        .keys()
        .find(|code| !fifth.contains_key(*code) && !is_warned(&twelfth, code) && is_warned(&second, code));
    let all: BTreeSet<String> = [&fifth, &twelfth, &second].into_iter().flat_map(|of| of.keys().cloned()).collect();
    let regions: Vec<String> = all.into_iter().collect();
    let inside = |code: &str| block(&regions, code).map(|corner| corner + 0.25);
    let places = [inside(warned), inside(raised.expect("there is one")), [132.4, 33.1], [-60.0, -40.0]];

    let folder = tempfile::tempdir().expect("a folder can be made");
    let data_dir = folder.path().join("data");
    import(folder.path(), &data_dir, &regions);
    let mut server = Server::new(&data_dir, &[]);
    server.start();
    let api = Api::connect(&server.url()).await;
    let mut phones = Vec::new();
    for place in places {
        let device = credentials(&api.create(create(ALPHA, phone_at(place))).await);
        phones.push(Phone::open(&api.channel, &device).await);
    }
    #[expect(clippy::disallowed_methods, reason = "the server's clock is the system's")]
    let by = Timestamp::now().duration_since(alert(&read(SERIES[7].0)).id.sent);
    let by = SignedDuration::from_secs(by.as_secs());
    for (name, told) in SERIES {
        let content = later(&read(name), by);
        let raw = v1::RawAlert { content: content.into(), media_type: "application/xml".to_owned() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        // A telegram is often received twice.
        for again in [false, true] {
            let answer = api.alerts().submit_alert(request.clone()).await.expect("it is answered").into_inner();
            match answer.outcome.expect("there is one") {
                Outcome::Admitted(admitted) if !again => _ = api.complete(&admitted.fan_out).await,
                Outcome::Ignored(_) if again || told == [None; 4] => {}
                other => panic!("{name}: {other:?}"),
            }
        }
        for (phone, kind) in phones.iter_mut().zip(told) {
            if let Some(kind) = kind {
                let notice = phone.notice().await;
                assert_eq!(notice.kind(), kind, "{name}");
                phone.acknowledge(&notice).await;
            }
            phone.has_nothing().await;
        }
    }
    assert!(server.stop());
}
