use crate::domain::{Body, Certainty, Ground, Info, Mode, Severity, Source, Urgency};
use crate::format::{FormatError, Outline, messages, outline};

/// A report in the shape that China's and Taiwan's networks have in common.
fn report(members: &str) -> String {
    format!(
        r#"{{"EventID": "202601010000.0001", "ReportTime": "2026-01-01 08:00:20", "ReportNum": 1,
        "OriginTime": "2026-01-01 08:00:00", "HypoCenter": "四川", "Latitude": 31.8, "Longitude": 104.3, {members}}}"#
    )
}

const CENC: &str = r#""Magnitude": 6.1, "Depth": 5, "MaxIntensity": 8.2"#;
const SICHUAN: &str = r#""Magunitude": 6.1, "Depth": null, "MaxIntensity": 8"#;
const FUJIAN: &str = r#""Magunitude": 6.1, "isFinal": true"#;
const TAIWAN: &str = r#""Magunitude": 6.1, "Depth": 20, "MaxIntensity": "5弱""#;

fn read(message: &str) -> Outline {
    outline(message.as_bytes(), None).unwrap_or_else(|error| panic!("{}: {error}", error.field()))
}

fn info(outline: &Outline) -> Info {
    outline.alert.as_ref().unwrap_or_else(|error| panic!("{}: {error}", error.field())).body.infos()[0].clone()
}

fn source(info: &Info) -> Source {
    let Ground::Earthquake(source) = &info.ground else { panic!("{info:?}") };
    source.clone()
}

fn value(info: &Info, name: &str) -> Option<String> {
    info.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.value.clone())
}

#[test]
fn each_network_is_known_by_its_keys_or_by_its_name() {
    for (members, name, language, depth, intensity) in [
        (CENC, "cenc_eew", "zh-cn", Some(5.0), Some(("8.2", "CSIS"))),
        (SICHUAN, "sc_eew", "zh-cn", None, Some(("8", "CSIS"))),
        (FUJIAN, "fj_eew", "zh-cn", None, None),
        (TAIWAN, "cwa_eew", "zh-tw", Some(20.0), Some(("5弱", "CWA"))),
    ] {
        let outline = read(&report(members));
        let info = info(&outline);
        let source = source(&info);
        assert_eq!(outline.written.format, format!("Wolfx {name}"));
        assert_eq!(outline.written.sender, format!("{name}.wolfx.jp"));
        assert_eq!((info.language.as_str(), source.depth_km, source.magnitude), (language, depth, 6.1));
        // UTC+8.
        assert_eq!(source.origin.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(outline.written.sent, "2026-01-01T00:00:20Z");
        let told = value(&info, "MaxIntensity").zip(value(&info, "IntensityScale"));
        assert_eq!(told, intensity.map(|(value, scale)| (value.to_owned(), scale.to_owned())));
        assert_eq!((info.urgency, info.certainty), (Urgency::Immediate, Certainty::Likely));
    }
    let named = report(&format!(r#""type": "fj_eew", {SICHUAN}"#));
    assert_eq!(read(&named).written.format, "Wolfx fj_eew");
    // Neither an intensity nor a word of being the last: whose it is cannot be known.
    let nobodys = report(r#""Magunitude": 6.1"#);
    assert_eq!(outline(nobodys.as_bytes(), None).expect_err("unknown"), FormatError::UnknownFormat);
}

#[test]
fn the_first_report_is_followed_and_may_be_cancelled() {
    assert!(matches!(read(&report(CENC)).alert.expect("an alert").body, Body::Issue(_)));
    let later = report(CENC).replace("\"ReportNum\": 1", "\"ReportNum\": 3");
    assert!(matches!(read(&later).alert.expect("an alert").body, Body::Update(_)));
    let cancelled = read(&report(&format!(r#"{TAIWAN}, "isCancel": true"#))).alert.expect("an alert");
    assert!(matches!(cancelled.body, Body::Cancel(_)));
    let event = cancelled.subject.event.expect("an event");
    assert_eq!((&*event.scheme, &*event.key, event.serial), ("cwa", "202601010000.0001", Some(1)));
    assert_eq!(value(&info(&read(&report(FUJIAN))), "isFinal").as_deref(), Some("true"));
}

#[test]
fn what_is_wrong_is_named() {
    let field = |message: String| {
        let read = outline(message.as_bytes(), None).and_then(|outline| outline.alert);
        read.expect_err("refused").field().to_owned()
    };
    assert_eq!(field(report(CENC).replace("2026-01-01 08:00:00", "2026-01-01T08:00:00Z")), "OriginTime");
    assert_eq!(field(report(CENC).replace("\"ReportNum\": 1", "\"ReportNum\": 1.5")), "ReportNum");
    assert_eq!(field(report(CENC).replace("6.1", "\"大\"")), "Magnitude");
    assert_eq!(field(report(CENC).replace("31.8", "131.8")), "Latitude");
    assert_eq!(field(report(CENC).replace("31.8", "null")), "Latitude");
    assert_eq!(field(report(&format!(r#"{CENC}, "isCancel": 1"#))), "isCancel");
}

#[test]
fn the_institute_of_chengdu_counts_milliseconds() {
    let message = r#"{"depth": 8, "epiIntensity": 5.5, "epicenter": "西藏墨竹工卡", "eventId": 84, "latitude": 29.7,
        "longitude": 92.1, "magnitude": 4.7, "startAt": 1714000000000, "updateAt": 1714000005000, "updates": 4}"#;
    let outline = read(message);
    let source = source(&info(&outline));
    assert_eq!((source.origin.as_second(), source.depth_km), (1_714_000_000, Some(8.0)));
    assert_eq!((outline.written.identifier.as_str(), outline.written.format), ("84.4.1714000005000", "Wolfx icl_eew"));
    let late = message.replace("1714000000000", "1e30");
    assert_eq!(super::super::outline(late.as_bytes(), None).expect_err("no time").field(), "startAt");
}

const JMA: &str = r#"{"Title": "緊急地震速報（警報）", "EventID": "20240101000000", "Serial": 2,
    "AnnouncedTime": "2024/01/01 00:00:09", "OriginTime": "2024/01/01 00:00:00", "Hypocenter": "日向灘",
    "Latitude": 31.8, "Longitude": 131.7, "Magunitude": 7.2, "Depth": 20, "MaxIntensity": "6強",
    "WarnArea": [{"Chiiki": "宮崎県南部平野部", "Shindo1": "6弱", "Shindo2": "5強", "Time": "000015", "Type": "警報"},
                 {"Chiiki": "どこか", "Shindo1": "4", "Shindo2": "4", "Time": "//////", "Type": "予報"}],
    "isTraining": false, "isAssumption": false, "isFinal": false, "isCancel": false}"#;

#[test]
fn a_relayed_warning_of_japan_has_the_codes_of_its_areas() {
    let outline = read(JMA);
    let info = info(&outline);
    let Ground::Bands(bands) = &info.ground else { panic!("{info:?}") };
    let band = &bands[0];
    assert_eq!((bands.len(), band.intensity.value, &*band.area.geocodes[0].code), (1, 5.0, "762"));
    assert_eq!((info.severity, value(&info, "ArrivalTime:762").as_deref()), (Severity::Severe, Some("000015")));
    assert_eq!(outline.refusals[0].field, "WarnArea[1].Chiiki");
    assert_eq!(outline.alert.expect("an alert").id.sent.to_string(), "2023-12-31T15:00:09Z");
    let training = read(&JMA.replace("\"isTraining\": false", "\"isTraining\": true"));
    assert_eq!(training.alert.expect("an alert").mode, Mode::Exercise);
    let cancelled = read(&JMA.replace("\"isCancel\": false", "\"isCancel\": true")).alert.expect("an alert");
    assert!(matches!(cancelled.body, Body::Cancel(_)));
    assert_eq!(cancelled.id.identifier.as_str(), "20240101000000.2.withdrawal");
    // Where no areas are told, the hypocentre is the ground, unless it is only assumed.
    let bare = JMA.replace("\"WarnArea\"", "\"Areas\"");
    assert_eq!(source(&self::info(&read(&bare))).magnitude, 7.2);
    let assumed = bare.replace("\"isAssumption\": false", "\"isAssumption\": true");
    assert_eq!(read(&assumed).alert.expect_err("no ground").field(), "WarnArea");
}

#[test]
fn lists_give_each_entry_up_to_the_first_that_is_not_there() {
    let entry = |kind: &str| {
        format!(
            r#"{{"type": "{kind}", "EventID": "CC.1", "time": "2026-01-01 08:00:00", "location": "a",
            "magnitude": "5.3", "depth": "140", "latitude": "37.70", "longitude": "72.55", "intensity": "5"}}"#
        )
    };
    let list = format!(
        r#"{{"No1": {}, "No2": {}, "No3": {{}}, "No5": {{}}, "md5": "0"}}"#,
        entry("reviewed"),
        entry("automatic")
    );
    let found = messages(list.as_bytes(), None).expect("a list");
    let places: Vec<&str> = found.iter().map(|message| &*message.place).collect();
    assert_eq!(places, ["No[1]", "No[2]", "No[3]"]);
    let certainty = |index: usize| info(found[index].outline.as_ref().expect("an entry")).certainty;
    assert_eq!((certainty(0), certainty(1)), (Certainty::Observed, Certainty::Likely));
    assert_eq!(found[2].outline.as_ref().expect_err("empty").field(), "No[3].time");

    let list = r#"{"No1": {"Title": "震源・震度情報", "EventID": "20260101080000", "time": "2026/01/01 08:00",
        "time_full": "2026/01/01 08:00:30", "location": "奄美大島近海", "magnitude": "3.4", "shindo": "5弱",
        "depth": "20km", "latitude": "28.5", "longitude": "129.7", "info": "心配はありません。"}}"#;
    let outline = read(list);
    let info = info(&outline);
    let source = source(&info);
    assert_eq!((source.depth_km, source.origin.to_string().as_str()), (Some(20.0), "2025-12-31T23:00:30Z"));
    assert_eq!((info.language.as_str(), info.texts.description.as_deref()), ("ja", Some("心配はありません。")));
    assert_eq!(outline.written.earthquake.expect("one").intensities, ["5弱"]);
    let deep = list.replace("20km", "深い");
    assert_eq!(super::super::outline(deep.as_bytes(), None).expect_err("no depth").field(), "No[1].depth");
}
