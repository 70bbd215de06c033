//! Japan's telegrams and their relays: what each real message that the project carries is read as.

mod collection;

use hazardcast::domain::{Alert, Body, Ground, Info};
use hazardcast::format::{self, FormatError, Message, Outline};

use crate::real_alerts::here;

fn read(file: &str) -> Vec<Message> {
    let bytes = std::fs::read(here().join("tests/data/japan").join(file)).expect("it is there");
    format::messages(&bytes, None).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn outline(file: &str) -> Outline {
    let mut messages = read(file);
    assert_eq!(messages.len(), 1, "{file}");
    messages.remove(0).outline.unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn alert(file: &str) -> Alert {
    outline(file).alert.unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a message says, in a line.
fn summary(outline: &Outline) -> String {
    let written = &outline.written;
    let mut first = format!("{} {}/{}", written.identifier, written.status, written.msg_type);
    if let Some(quake) = &written.earthquake {
        let number = |value: Option<f64>| value.map_or("?".to_owned(), |value| value.to_string());
        let [magnitude, lat, lon, depth] =
            [quake.magnitude, quake.latitude, quake.longitude, quake.depth_km].map(number);
        let most = quake.intensities.first().map_or(String::new(), |most| format!(", {most}"));
        first = format!("{first} M{magnitude} at {lat} {lon} {depth} km{most}");
    }
    let mut said = vec![first];
    said.extend(written.infos.iter().map(|info| {
        let (event, areas) = (&info.event, info.areas.len());
        format!("{event} {}/{}/{} {areas}", info.urgency, info.severity, info.certainty)
    }));
    said.extend(outline.alert.as_ref().err().map(|error| format!("{}: {error}", error.field())));
    said.join("; ")
}

#[test]
fn each_telegram_is_read_as_what_it_is() {
    for (file, expected) in TELEGRAMS {
        assert_eq!(summary(&outline(file)), expected, "{file}");
    }
}

const TELEGRAMS: [(&str, &str); 21] = [
    (
        "jma/77_01_01_240613_VXSE45.xml",
        "20240417231454.VXSE45.1 Actual/Alert M4.2 at 33.1 132.4 40 km, 3; \
         緊急地震速報（地震動予報） Immediate/Moderate/Likely 0",
    ),
    (
        "jma/77_01_05_240613_VXSE45.xml",
        "20240417231454.VXSE45.5 Actual/Update M5.9 at 33.2 132.4 40 km, 5-; \
         緊急地震速報（警報） Immediate/Severe/Likely 9; 緊急地震速報（予報） Immediate/Moderate/Likely 3",
    ),
    // The forecast falls to 4, and the warning stands.
    (
        "jma/77_01_06_240613_VXSE45.xml",
        "20240417231454.VXSE45.6 Actual/Update M5.7 at 33.2 132.4 40 km, 4; \
         緊急地震速報（警報） Immediate/Severe/Likely 9",
    ),
    (
        "jma/77_01_07_240613_VXSE45.xml",
        "20240417231454.VXSE45.7 Actual/Update M5.8 at 33.2 132.4 40 km, 5-; \
         緊急地震速報（警報） Immediate/Severe/Likely 9",
    ),
    (
        "jma/77_01_12_240613_VXSE45.xml",
        "20240417231454.VXSE45.12 Actual/Update M6.6 at 33.2 132.4 40 km, 6-; \
         緊急地震速報（警報） Immediate/Extreme/Likely 1; 緊急地震速報（警報） Immediate/Severe/Likely 8; \
         緊急地震速報（予報） Immediate/Moderate/Likely 32",
    ),
    (
        "jma/77_01_33_240613_VXSE45.xml",
        "20240417231454.VXSE45.32.withdrawal Actual/Cancel M? at ? ? ? km; \
         緊急地震速報（地震動予報） Past/Unknown/Unknown 0",
    ),
    (
        "jma/37_01_01_240613_VXSE43.xml",
        "20240417231454.VXSE43.1 Actual/Alert M5.8 at 33.2 132.4 30 km, 5-; \
         緊急地震速報（警報） Immediate/Severe/Likely 9",
    ),
    (
        "jma/36_01_01_240613_VXSE44.xml",
        "20240417231454.VXSE44.1 Actual/Alert M4.2 at 33.1 132.4 40 km, 3; \
         緊急地震速報（予報） Immediate/Moderate/Likely 0",
    ),
    // It tests the lines to those who pass telegrams on, and is for nobody.
    (
        "jma/54_01_01_100514_VXSE42.xml",
        "20090811050000.VXSE42.1 System/Alert M? at ? ? ? km; 緊急地震速報配信テスト Unknown/Unknown/Unknown 0",
    ),
    (
        "jma/32-35_08_02_100915_VXSE51.xml",
        "20100705065610.VXSE51.1278280620 Actual/Alert M? at ? ? ? km, 4; 震度速報 Past/Moderate/Observed 9",
    ),
    (
        "jma/32-35_03_02_240613_VXSE61.xml",
        "20090811050711.VXSE61.1249948500 Actual/Update M6.5 at 34.8 138.5 20 km; \
         顕著な地震の震源要素更新のお知らせ Past/Unknown/Observed 0",
    ),
    (
        "jma/32-39_05_12_100915_VXSE53.xml",
        "20100227153529.VXSE53.8.withdrawal Actual/Cancel M? at ? ? ? km; \
         震源・震度に関する情報 Past/Unknown/Unknown 0",
    ),
    (
        "jma/32-39_11_02_250206_VTSE41.xml",
        "20110311144640.VTSE41.1299822540 Actual/Alert M? at 38 142.9 10 km; \
         大津波警報：発表 Immediate/Extreme/Likely 3; 津波警報 Immediate/Severe/Likely 5; \
         津波注意報 Immediate/Moderate/Likely 15; 津波予報（若干の海面変動） Expected/Minor/Likely 20",
    ),
    (
        "jma/38-39_02_02_250206_VTSE51.xml",
        "20151114055157.VTSE51.1 Actual/Alert M7 at 30.9 128.7 10 km; \
         津波注意報 Immediate/Moderate/Likely 3; 津波予報（若干の海面変動） Expected/Minor/Likely 7",
    ),
    (
        "jma/38-39_03_01_210805_VTSE41.xml",
        "20210805103531.VTSE41.1628135760.withdrawal Actual/Cancel M? at ? ? ? km; \
         津波警報・注意報・予報a Past/Unknown/Unknown 0",
    ),
    (
        "jma/15_14_01_170216_VPWW53.xml",
        "130000.VPWW53.1485418800 Actual/State; 大雨特別警報 Immediate/Extreme/Likely 2; \
         大雨警報 Expected/Severe/Likely 2; 洪水警報 Expected/Severe/Likely 3",
    ),
    ("jma/16_02_01_220728_VXKOii.xml", "123456789012.VXKO.3 Actual/Update; 氾濫警戒情報 Expected/Severe/Likely 1"),
    (
        "jma/18_01_01_100806_VPOA50.xml",
        "JPOS201006021154_201006021154.VPOA50.1 Actual/Alert; 記録的短時間大雨情報 Immediate/Severe/Observed 1",
    ),
    (
        "p2pquake/20210217140807353-17230627.json",
        "551.ScalePrompt.1613570880000 Actual/Alert M? at ? ? ? km, 30; 地震情報 Past/Moderate/Observed 2",
    ),
    (
        "p2pquake/20210216071046493-16160714.json",
        "551.ScaleAndDestination.1613459400000 Actual/Alert M1.5 at 34.3 135.2 0 km, 10; \
         地震情報 Past/Unknown/Observed 0",
    ),
    (
        "p2pquake/20231009064018_06274659_VTSE41.json",
        "552.1696801217000 Actual/State; 津波注意報 Immediate/Moderate/Likely 2",
    ),
];

#[test]
fn each_message_of_a_list_of_the_relay_is_read_as_what_it_is() {
    let said = |file: &str| -> Vec<String> {
        let messages = read(file).into_iter();
        messages.map(|message| message.outline.map_or_else(|error| error.to_string(), |read| summary(&read))).collect()
    };
    let quakes = said("p2pquake/api-v2-code551.json");
    assert_eq!(quakes.len(), 7);
    let extreme = "570f976e843b7327f4000000 Actual/Alert M? at ? ? ? km, 70; 地震情報 Past/Extreme/Observed 1; \
                   地震情報 Past/Severe/Observed 1; 地震情報 Past/Moderate/Observed 1";
    assert_eq!(quakes[0], extreme);
    // Abroad: a depth of -1 is none.
    let abroad = "5f8e05f402add60b34694906 Actual/Alert M7.4 at 54.7 -159.6 ? km, -1; 地震情報 Past/Unknown/Observed 0";
    assert_eq!(quakes[5], abroad);
    // Nothing is known of it.
    assert!(quakes[6].ends_with("; [6].earthquake.hypocenter: is missing"), "{}", quakes[6]);
    let tsunami = said("p2pquake/api-v2-code552.json");
    let warned = "5d615d7cb94edb2ab8d60a0e Actual/State; 津波警報 Immediate/Severe/Likely 1; \
                  津波注意報 Immediate/Moderate/Likely 7";
    assert_eq!((tsunami.len(), &*tsunami[0], &*tsunami[1]), (4, warned, "5d090bbe02add629bb6fbd3a Actual/State"));
    let early = "20220811005302.556.1 Actual/Alert M5.5 at 44.9 142.1 10 km, 45; \
                 緊急地震速報（警報） Immediate/Severe/Likely 4";
    assert_eq!(said("p2pquake/api-v2-code556.json"), [early]);
    let detection = said("p2pquake/api-v2-code554.json");
    assert!(detection[0].starts_with("5fba381b02add611947aef21 System/Alert; [0].code: is 554"), "{detection:?}");
}

#[test]
fn what_users_report_is_refused() {
    let reported = br#"{"code": 561, "area": 250, "id": "a", "time": "2022/08/19 20:15:22.336"}"#;
    let message = format::messages(reported, None).expect("it is JSON").remove(0);
    let error = message.outline.expect_err("it is not official");
    assert!(matches!(&error, FormatError::NotForPublic { field, .. } if field == "code"), "{error}");
}

/// Bands as value and codes, in order.
fn bands(infos: &[Info]) -> Vec<(f32, Vec<String>)> {
    let mut found = Vec::new();
    for info in infos {
        if let Ground::Bands(bands) = &info.ground {
            let codes = |band: &hazardcast::domain::IntensityBand| -> Vec<String> {
                band.area.geocodes.iter().map(|code| format!("{} {}", code.scheme, code.code)).collect()
            };
            found.extend(bands.iter().map(|band| (band.intensity.value, codes(band))));
        }
    }
    found
}

#[test]
fn an_early_warning_tells_bands_of_codes_and_when_it_arrives() {
    let alert = alert("jma/77_01_12_240613_VXSE45.xml");
    let Body::Update(infos) = &alert.body else { panic!("{:?}", alert.body) };
    let found = bands(infos);
    let values: Vec<f32> = found.iter().map(|(value, _)| *value).collect();
    assert_eq!(values, [5.5, 4.5, 3.5, 3.5, 2.5]);
    assert_eq!(found[0].1, ["JMA-AreaForecastLocalE 622"]);
    let extreme = &infos[0];
    assert_eq!(extreme.onset.map(|onset| onset.to_string()).as_deref(), Some("2024-04-17T14:15:04Z"));
    let value = |name: &str| {
        let found = infos.iter().flat_map(|info| &info.parameters).find(|parameter| parameter.name == name);
        found.map(|parameter| parameter.value.as_str())
    };
    assert_eq!(value("ArrivalTime:622"), Some("2024-04-17T23:15:04+09:00"));
    assert_eq!(value("Condition:632"), Some("既に主要動到達と推測"));
    assert_eq!(
        (value("ForecastInt"), value("Magnitude"), value("Hypocenter")),
        (Some("6-"), Some("Ｍ６．６"), Some("豊後水道"))
    );
    assert_eq!(extreme.texts.headline.as_deref(), Some("豊後水道で地震 四国 九州 中国で強い揺れ"));
    assert_eq!(extreme.texts.instruction.as_deref(), Some("強い揺れに警戒してください。"));
    assert_eq!((extreme.language.as_str(), extreme.texts.sender_name.as_deref()), ("ja", Some("気象庁")));
}

#[test]
fn a_withdrawal_has_the_serial_before_it_and_another_name() {
    let alert = alert("jma/77_01_33_240613_VXSE45.xml");
    let event = alert.subject.event.as_ref().expect("an event");
    assert_eq!((&*event.scheme, &*event.key, event.serial), ("jma-eew/VXSE45", "20240417231454", Some(32)));
    let Body::Cancel(infos) = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!(infos[0].texts.description.as_deref(), Some("先ほどの、緊急地震速報（地震動予報）を取り消します。"));
    assert_eq!(alert.id.identifier.as_str(), "20240417231454.VXSE45.32.withdrawal");
}

#[test]
fn the_relay_and_the_telegram_it_was_made_of_tell_the_same_ground() {
    let (telegram, relay) =
        (alert("p2pquake/20210217140808_0_VXSE51_010000.xml"), alert("p2pquake/20210217140807353-17230627.json"));
    assert_eq!(bands(telegram.body.infos()), bands(relay.body.infos()));
    assert!(!bands(relay.body.infos()).is_empty());
    let codes = |alert: &Alert| -> Vec<String> {
        let Ground::Areas(areas) = &alert.body.infos()[0].ground else { panic!("areas") };
        areas.iter().flat_map(|area| &area.geocodes).map(|code| format!("{} {}", code.scheme, code.code)).collect()
    };
    let name = "p2pquake/20231009064018_06274659_VTSE41";
    let (telegram, relay) = (alert(&format!("{name}.xml")), alert(&format!("{name}.json")));
    assert_eq!(codes(&telegram), codes(&relay));
    assert_eq!(codes(&relay), ["JMA-AreaTsunami 320", "JMA-AreaTsunami 321"]);
}

#[test]
fn weather_is_the_state_of_its_prefecture_by_municipality() {
    let alert = alert("jma/15_14_01_170216_VPWW53.xml");
    let Body::State { scope, infos } = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!(&*scope.0, "JMA-AreaForecast:130000");
    let Ground::Areas(areas) = &infos[0].ground else { panic!("areas") };
    let found: Vec<String> =
        areas.iter().map(|area| format!("{} {}", area.description, area.geocodes[0].code)).collect();
    assert_eq!(found, ["新宿区 1310400", "奥多摩町 1330800"]);
    assert!(areas.iter().all(|area| area.geocodes[0].scheme == "JMA-AreaInformationCity"));
}
