//! What Japan's telegrams and their relays may say that the real messages at hand do not.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::{Alert, Body, Ground, Mode, Severity};
use crate::format::{FormatError, Limits, Outline, Unusable, messages, outline};

const BASIS: &str = "http://xml.kishou.go.jp/jmaxml1/informationBasis1/";

/// A telegram: its title and status, what follows the event in its head, and its body with the body's last name.
fn telegram(title: &str, status: &str, head: &str, body: (&str, &str)) -> String {
    let (namespace, body) = body;
    format!(
        "<Report xmlns='http://xml.kishou.go.jp/jmaxml1/'><Control><Title>{title}</Title><Status>{status}</Status>\
         <PublishingOffice>気象庁</PublishingOffice></Control>\
         <Head xmlns='{BASIS}'><Title>{title}</Title><ReportDateTime>2024-01-01T16:10:20+09:00</ReportDateTime>\
         <EventID>20240101161010</EventID>{head}</Head>\
         <Body xmlns='http://xml.kishou.go.jp/jmaxml1/body/{namespace}1/' \
         xmlns:e='http://xml.kishou.go.jp/jmaxml1/elementBasis1/'>{body}</Body></Report>"
    )
}

fn seismic(title: &str, body: &str) -> String {
    telegram(title, "通常", "<InfoType>発表</InfoType><Serial>1</Serial>", ("seismology", body))
}

fn weather(title: &str, head: &str, body: &str) -> String {
    let head = format!("<InfoType>発表</InfoType><Serial>1</Serial>{head}");
    telegram(title, "通常", &head, ("meteorology", body))
}

const FORECAST: &str = "緊急地震速報（地震動予報）";

fn earthquake(condition: &str, coordinate: &str, magnitude: &str) -> String {
    format!(
        "<Earthquake><ArrivalTime>2024-01-01T16:10:10+09:00</ArrivalTime>{condition}<Hypocenter><Area>\
         <Name>石川県能登地方</Name><e:Coordinate>{coordinate}</e:Coordinate></Area></Hypocenter>\
         <e:Magnitude type='Mj'>{magnitude}</e:Magnitude></Earthquake>"
    )
}

fn area(code: &str, kind: &str, from: &str, to: &str) -> String {
    format!(
        "<Pref><Name>石川</Name><Code>9170</Code><Area><Name>{code}</Name><Code>{code}</Code><Category><Kind>\
         <Name>k{kind}</Name><Code>{kind}</Code></Kind></Category>\
         <ForecastInt><From>{from}</From><To>{to}</To></ForecastInt></Area></Pref>"
    )
}

fn forecast(from: &str, areas: &str) -> String {
    let range = format!("<ForecastInt><From>{from}</From><To>{from}</To></ForecastInt>");
    format!("<Intensity><Forecast>{range}{areas}</Forecast></Intensity>")
}

fn read(message: &str) -> Outline {
    outline(message.as_bytes(), None).unwrap_or_else(|error| panic!("{}: {error}", error.field()))
}

fn alert(message: &str) -> Alert {
    read(message).alert.unwrap_or_else(|error| panic!("{}: {error}", error.field()))
}

fn refused(message: &str) -> (String, String) {
    let error = outline(message.as_bytes(), None).and_then(|outline| outline.alert).expect_err("refused");
    (error.field().to_owned(), error.to_string())
}

/// The least intensity, and the codes of each band.
fn bands(alert: &Alert) -> Vec<(f32, String)> {
    let mut found = Vec::new();
    for info in alert.body.infos() {
        let Ground::Bands(bands) = &info.ground else { panic!("{info:?}") };
        let codes =
            |codes: &[crate::domain::Geocode]| codes.iter().map(|code| code.code.to_string()).collect::<Vec<_>>();
        found.extend(bands.iter().map(|band| (band.intensity.value, codes(&band.area.geocodes).join(" "))));
    }
    found
}

#[test]
fn the_status_is_the_mode() {
    let body = earthquake("", "+37.5+137.2-10000/", "7.4") + &forecast("7", "");
    for (status, mode) in [("通常", Mode::Actual), ("訓練", Mode::Exercise), ("試験", Mode::Test)] {
        let message = seismic(FORECAST, &body).replace("通常", status);
        assert_eq!(alert(&message).mode, mode, "{status}");
    }
    let other = seismic(FORECAST, &body).replace("通常", "正常");
    assert_eq!(refused(&other).0, "Control.Status");
    assert_eq!(refused(&seismic("全国天気予報", &body)).0, "Control.Title");
    let delayed = seismic(FORECAST, &body).replace("発表", "遅延");
    assert!(matches!(alert(&delayed).body, Body::Issue(_)));
    let corrected = seismic(FORECAST, &body).replace("発表", "訂正");
    let (first, corrected) = (alert(&seismic(FORECAST, &body)), alert(&corrected));
    assert!(matches!(corrected.body, Body::Update(_)) && corrected.id != first.id);
}

#[test]
fn what_is_not_known_of_a_hypocentre_is_not_made_up() {
    let ground = |condition, coordinate, magnitude| {
        let message = seismic(FORECAST, &(earthquake(condition, coordinate, magnitude) + &forecast("3", "")));
        read(&message).alert.map(|alert| alert.body.infos()[0].ground.clone()).map_err(|error| error.field().to_owned())
    };
    let source = |ground| match ground {
        Ok(Ground::Earthquake(source)) => source,
        other => panic!("{other:?}"),
    };
    let shallow = source(ground("", "+37.5+137.2+0/", "7.4"));
    assert_eq!((shallow.depth_km, shallow.magnitude), (Some(0.0), 7.4));
    assert_eq!(source(ground("", "+37.5+137.2/", "7.4")).depth_km, None);
    assert_eq!(source(ground("", "-37.5-137.2-700000/", "7.4")).epicentre.lat(), -37.5);
    assert_eq!(ground("", "+37.5+137.2-10000/", "NaN"), Err("Body.Earthquake[0].Magnitude".to_owned()));
    assert_eq!(ground("", "", "7.4"), Err("Body.Earthquake[0].Hypocenter".to_owned()));
    // Shaking was seen where no hypocentre was found.
    let assumed = "<Condition>仮定震源要素</Condition>";
    assert_eq!(ground(assumed, "+37.5+137.2-10000/", "1.0"), Err("Body.Earthquake[0].Hypocenter".to_owned()));
    assert_eq!(
        ground("", "+91.0+137.2-10000/", "7.4").expect_err("off the globe"),
        "Body.Earthquake[0].Hypocenter.Area.Coordinate"
    );
    for coordinate in ["37.5+137.2/", "+37.5+137.2", "+37.5/", "+1+2+3+4/", "+37.5+137.2-１/", "+1e1+2/"] {
        let message = seismic(FORECAST, &(earthquake("", coordinate, "7") + &forecast("3", "")));
        assert!(matches!(outline(message.as_bytes(), None), Err(FormatError::UnknownValue { .. })), "{coordinate}");
    }
}

#[test]
fn an_assumed_hypocentre_with_areas_warns_them() {
    let condition = "<Condition>仮定震源要素</Condition>";
    let areas = area("390", "19", "5+", "over") + &area("391", "09", "4", "4");
    let message = seismic(FORECAST, &(earthquake(condition, "+37.5+137.2-10000/", "1.0") + &forecast("5+", &areas)));
    let read = read(&message);
    assert_eq!(bands(read.alert.as_ref().expect("an alert")), [(5.0, "390".to_owned()), (3.5, "391".to_owned())]);
    assert_eq!(read.written.earthquake.expect("one").intensities, ["5+", "5+–over", "4"]);
}

#[test]
fn a_band_is_told_by_the_least_that_is_expected_and_a_warned_area_without_one_is_4() {
    let areas = area("390", "10", "4", "5-") + &area("391", "10", "不明", "不明") + &area("380", "00", "不明", "不明");
    let message = seismic(FORECAST, &(earthquake("", "+37.5+137.2-10000/", "7.4") + &forecast("5-", &areas)));
    let read = read(&message);
    assert_eq!(bands(read.alert.as_ref().expect("an alert")), [(3.5, "390 391".to_owned())]);
    let refusals: Vec<&str> = read.refusals.iter().map(|refusal| &*refusal.field).collect();
    assert_eq!(refusals, ["Body.Intensity.Forecast.Pref[2].Area[0].ForecastInt"]);
    let twice = area("390", "10", "4", "5-") + &area("390", "10", "6-", "6-");
    let message = seismic(FORECAST, &(earthquake("", "+37.5+137.2-10000/", "7.4") + &forecast("5-", &twice)));
    let refusals = super::super::outline(message.as_bytes(), None).expect("it is read").refusals;
    assert!(matches!(refusals[0].reason, Unusable::RepeatedArea(_)), "{refusals:?}");
    let unknown = area("390", "42", "4", "5-");
    let message = seismic(FORECAST, &forecast("5-", &unknown));
    assert!(refused(&message).0.ends_with("Kind.Code"));
}

#[test]
fn an_area_that_only_the_headline_warns_is_warned() {
    let headline = "<Headline><Text>t</Text><Information type='緊急地震速報（細分区域）'><Item><Kind><Name>警報</Name>\
        <Code>31</Code></Kind><Areas codeType='地震情報／細分区域'><Area><Name>加賀</Name><Code>391</Code></Area>\
        <Area><Name>能登</Name><Code>390</Code></Area></Areas></Item></Information></Headline>";
    let head = format!("<InfoType>発表</InfoType><Serial>2</Serial>{headline}");
    let body = earthquake("", "+37.5+137.2-10000/", "7.4") + &forecast("4", &area("390", "00", "4", "4"));
    let alert = alert(&telegram(FORECAST, "通常", &head, ("seismology", &body)));
    assert_eq!(bands(&alert), [(3.5, "390 391".to_owned())]);
    let info = &alert.body.infos()[0];
    assert_eq!((info.severity, info.event.as_str()), (Severity::Severe, "警報"));
}

fn coast(code: &str, kind: &str, last: &str) -> String {
    format!(
        "<Item><Area><Name>{code}</Name><Code>{code}</Code></Area><Category><Kind><Name>k{kind}</Name>\
         <Code>{kind}</Code></Kind><LastKind><Code>{last}</Code></LastKind></Category></Item>"
    )
}

fn tsunami(coasts: &str) -> String {
    let body = format!("<Tsunami><Forecast>{coasts}</Forecast></Tsunami>");
    seismic("津波警報・注意報・予報a", &body).replace("<Serial>1</Serial>", "<Serial/>")
}

#[test]
fn a_tsunami_telegram_is_first_then_later_and_ends_when_nothing_is_on() {
    assert!(matches!(alert(&tsunami(&coast("350", "51", "00"))).body, Body::Issue(_)));
    let later = alert(&tsunami(&(coast("350", "62", "51") + &coast("360", "60", "62"))));
    let Body::Update(infos) = &later.body else { panic!("{later:?}") };
    assert_eq!((infos.len(), infos[0].severity), (1, Severity::Moderate));
    let over = alert(&tsunami(&(coast("350", "50", "51") + &coast("360", "00", "62"))));
    assert!(matches!(&over.body, Body::Cancel(infos) if infos[0].ground == Ground::None));
    assert!(refused(&tsunami(&coast("350", "99", "00"))).0.contains("Kind.Code"));
}

#[test]
fn what_is_seen_offshore_is_told_to_the_coasts_that_it_lets_expect() {
    let body = "<Tsunami><Observation/><Estimation><Item><Area><Name>岩手県</Name><Code>210</Code></Area><FirstHeight>\
        <ArrivalTime>2024-01-01T16:20:00+09:00</ArrivalTime></FirstHeight></Item></Estimation></Tsunami>";
    let alert = alert(&seismic("沖合の津波観測に関する情報", body));
    let info = &alert.body.infos()[0];
    assert_eq!(info.onset.map(|onset| onset.to_string()).as_deref(), Some("2024-01-01T07:20:00Z"));
    assert_eq!((info.severity, info.event.as_str()), (Severity::Unknown, "沖合の津波観測に関する情報"));
}

fn city(code: &str, kinds: &str) -> String {
    format!("<Item>{kinds}<Area><Name>c{code}</Name><Code>{code}</Code></Area></Item>")
}

#[test]
fn weather_that_is_off_is_not_in_the_state() {
    let kind = |name: &str, code: &str, status: &str| {
        format!("<Kind><Name>{name}</Name><Code>{code}</Code><Status>{status}</Status></Kind>")
    };
    let cities = city("1310400", &(kind("大雨警報", "03", "特別警報から警報") + &kind("雷注意報", "14", "解除")))
        + &city("1330800", "<Kind><Status>発表警報・注意報はなし</Status></Kind>")
        + &city("1311800", &kind("解除", "00", "解除"));
    let prefecture = "<Warning type='気象警報・注意報（府県予報区等）'><Item><Kind/><Area><Code>130000</Code></Area></Item>\
        </Warning>";
    let cities = format!("<Warning type='気象警報・注意報（市町村等）'>{cities}</Warning>");
    let title = "気象警報・注意報（Ｈ２７）";
    let alert = alert(&weather(title, "", &format!("{prefecture}{cities}")));
    let Body::State { infos, .. } = &alert.body else { panic!("{alert:?}") };
    let said: Vec<(&str, Severity)> = infos.iter().map(|info| (info.event.as_str(), info.severity)).collect();
    assert_eq!(said, [("大雨警報", Severity::Severe)]);
    // Nothing is on: the state is empty, and that is said.
    let nothing = cities.replace("特別警報から警報", "解除");
    assert!(alert_of_state(&weather(title, "", &format!("{prefecture}{nothing}"))));
    assert_eq!(refused(&weather(title, "", &cities)).0, "Body.Warning.Item.Area");
    assert_eq!(refused(&weather(title, "", prefecture)).0, "Body.Warning");
}

fn alert_of_state(message: &str) -> bool {
    matches!(alert(message).body, Body::State { infos, .. } if infos.is_empty())
}

#[test]
fn an_announcement_that_is_over_ends_those_before() {
    let headline = |name: &str, list: &str| {
        format!(
            "<Headline><Information><Item><Kind><Name>{name}</Name></Kind><Areas codeType='{list}'>\
             <Area><Name>a</Name><Code>1310400</Code></Area></Areas></Item></Information></Headline>"
        )
    };
    let city = "気象・地震・火山情報／市町村等";
    let landslide = |name| alert(&weather("土砂災害警戒情報", &headline(name, city), ""));
    let info = landslide("警戒").body.infos()[0].clone();
    assert_eq!((info.severity, &*info.event), (Severity::Severe, "警戒"));
    assert!(matches!(landslide("解除").body, Body::Cancel(_)));
    let other = weather("土砂災害警戒情報", &headline("警戒", "市区町村"), "");
    assert!(refused(&other).0.ends_with("Areas[0].codeType"));
}

#[test]
fn more_infos_or_areas_than_the_limits_are_refused() {
    let limits = Limits::default();
    let prefecture =
        "<Warning type='気象警報・注意報（府県予報区等）'><Item><Area><Code>13</Code></Area></Item></Warning>";
    let body = |items: String| {
        let cities = format!("{prefecture}<Warning type='気象警報・注意報（市町村等）'>{items}</Warning>");
        refused(&weather("気象警報・注意報（Ｈ２７）", "", &cities)).1
    };
    let kinds: Vec<String> = (0..=limits.infos).map(|n| format!("<Kind><Name>k{n}</Name></Kind>")).collect();
    assert!(body(city("1", &kinds.concat())).contains("infos"));
    let cities: Vec<String> = (0..=limits.areas).map(|n| city(&n.to_string(), "<Kind><Name>k</Name></Kind>")).collect();
    assert!(body(cities.concat()).contains("areas"));
}

#[test]
fn a_relayed_warning_that_is_cancelled_needs_no_earthquake() {
    let message = r#"{"code": 556, "id": "a", "time": "2022/08/19 20:15:22.336", "cancelled": true, "test": true,
        "issue": {"eventId": "20220811005302", "serial": "2", "time": "2022/08/11 00:53:44"}}"#;
    let alert = alert(message);
    let event = alert.subject.event.expect("an event");
    assert!(matches!(alert.body, Body::Cancel(_)));
    assert_eq!((&*event.scheme, event.serial, alert.mode), ("jma-eew/VXSE43", Some(2), Mode::Test));
    let named = message.replace("\"cancelled\": true", "\"cancelled\": \"yes\"");
    assert_eq!(refused(&named).0, "cancelled");
}

#[test]
fn a_relayed_name_that_is_in_no_list_has_no_ground_and_is_told() {
    let message = r#"{"code": 552, "id": "a", "cancelled": false, "issue": {"time": "2023/10/05 11:06:33"},
        "areas": [{"grade": "Watch", "name": "伊豆諸島"}, {"grade": "Warning", "name": "瀬戸内"}]}"#;
    let read = read(message);
    let infos = read.alert.expect("an alert").body.infos().len();
    assert_eq!((infos, &*read.refusals[0].field), (1, "areas[1].name"));
    assert_eq!(refused(&message.replace("Watch", "Forecast")).0, "areas[0].grade");
}

proptest! {
    #[test]
    fn coordinates_read_back_as_they_are_written(
        lat in -900_i32..=900,
        lon in -1_799_i32..=1_799,
        metres in 0_u32..900_000,
    ) {
        let [lat, lon] = [lat, lon].map(|tenths| f64::from(tenths) / 10.0);
        let coordinate = format!("{lat:+.1}{lon:+.1}-{metres}/");
        let message = seismic(FORECAST, &(earthquake("", &coordinate, "5.0") + &forecast("3", "")));
        let written = read(&message).written.earthquake.expect("one");
        prop_assert_eq!((written.latitude, written.longitude), (Some(lat), Some(lon)));
        prop_assert_eq!(written.depth_km, Some(f64::from(metres) / 1000.0));
    }

    #[test]
    fn no_pieces_of_telegrams_make_the_reader_fail_otherwise_than_by_an_error(
        pieces in vec(select(&PIECES[..]), 0..40),
        title in select(&TITLES[..]),
        weather in any::<bool>(),
    ) {
        let body = if weather { "meteorology" } else { "seismology" };
        let message = telegram(title, "通常", "<InfoType>発表</InfoType>", (body, &pieces.concat()));
        for message in messages(message.as_bytes(), None).unwrap_or_default() {
            if let Ok(outline) = message.outline {
                prop_assert!(outline.written.infos.len() <= Limits::default().infos);
            }
        }
    }

    #[test]
    fn no_json_of_a_relay_makes_the_reader_fail_otherwise_than_by_an_error(
        members in hash_map(select(&NAMES[..]), select(&VALUES[..]), 0..16),
    ) {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        let message = format!("{{{}}}", members.join(", "));
        for message in messages(message.as_bytes(), None).unwrap_or_default() {
            if let Err(error) = message.outline.and_then(|outline| outline.alert) {
                prop_assert!(!error.field().is_empty());
            }
        }
    }
}

const TITLES: [&str; 8] = [
    FORECAST,
    "緊急地震速報（警報）",
    "震度速報",
    "震源・震度に関する情報",
    "津波警報・注意報・予報a",
    "沖合の津波観測に関する情報",
    "気象警報・注意報（Ｈ２７）",
    "指定河川洪水予報",
];

const PIECES: [&str; 26] = [
    "<Earthquake>",
    "</Earthquake>",
    "<Hypocenter><Area><e:Coordinate>+1.0+2.0-3000/</e:Coordinate></Area></Hypocenter>",
    "<e:Magnitude>5.0</e:Magnitude>",
    "<OriginTime>2024-01-01T00:00:00+09:00</OriginTime>",
    "<Intensity><Forecast>",
    "</Forecast></Intensity>",
    "<Intensity><Observation>",
    "</Observation></Intensity>",
    "<Pref><Area><Code>622</Code><MaxInt>5-</MaxInt>",
    "<ForecastInt><From>4</From><To>over</To></ForecastInt>",
    "</Area></Pref>",
    "<Category><Kind><Code>10</Code></Kind></Category>",
    "<Tsunami><Forecast>",
    "</Forecast></Tsunami>",
    "<Tsunami><Estimation>",
    "</Estimation></Tsunami>",
    "<Item><Area><Code>210</Code></Area>",
    "<Category><Kind><Code>62</Code></Kind><LastKind><Code>00</Code></LastKind></Category>",
    "</Item>",
    "<Warning type='気象警報・注意報（府県予報区等）'>",
    "<Warning type='気象警報・注意報（市町村等）'>",
    "</Warning>",
    "<Kind><Name>大雨警報</Name><Code>03</Code></Kind>",
    "<Comments/>",
    "<Text/>",
];

const NAMES: [&str; 26] = [
    "code",
    "type",
    "issue",
    "earthquake",
    "points",
    "areas",
    "cancelled",
    "EventID",
    "ReportNum",
    "Serial",
    "Title",
    "OriginTime",
    "ReportTime",
    "AnnouncedTime",
    "Magunitude",
    "Magnitude",
    "Latitude",
    "Longitude",
    "Depth",
    "MaxIntensity",
    "WarnArea",
    "isCancel",
    "startAt",
    "updates",
    "epicenter",
    "No1",
];

const VALUES: [&str; 22] = [
    "551",
    "552",
    "556",
    "561",
    "null",
    "true",
    "-200",
    "5.5",
    "1e300",
    "\"sc_eew\"",
    "\"cenc_eqlist\"",
    "\"2024/01/01 00:00:00\"",
    "\"2024-01-01 00:00:00\"",
    "\"1\"",
    "\"5弱\"",
    "[]",
    "{}",
    "[{\"Chiiki\": \"宮崎県南部平野部\", \"Shindo2\": \"4\"}]",
    "[{\"addr\": \"熊本県熊本\", \"isArea\": true, \"scale\": 70}]",
    "{\"time\": \"2024/01/01 00:00:00\", \"type\": \"a\", \"eventId\": 1, \"serial\": \"1\"}",
    "{\"time\": \"2024/01/01 00:00:00\", \"hypocenter\": {\"latitude\": 1, \"longitude\": 2, \"magnitude\": 3}}",
    "{\"type\": \"reviewed\", \"EventID\": \"a\", \"time\": \"2024-01-01 00:00:00\"}",
];
