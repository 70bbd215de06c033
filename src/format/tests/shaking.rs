//! ShakeAlert's messages and ShakeMap's grids: how strongly the ground shakes, as networks say it.

use super::*;
use crate::domain::{Body, Certainty, Ground, IntensityBand, IntensityScale, Mode, Urgency};

const CORE: &str = "<core_info id='ew1'><mag units='Mw'> 6.25 </mag><lat units='deg'>38</lat><lon>-122.5</lon>\
    <depth units='km'>8</depth><orig_time units='UTC'>2024-01-02T03:04:05.678Z</orig_time>\
    <likelihood>0.9</likelihood></core_info>";
const RING: &str = "39,-122.5 38,-121.5 37,-122.5 38,-123.5 39,-122.5";

fn event_message(attributes: &str, content: &str) -> String {
    format!(
        "<event_message orig_sys='eqinfo2gm' {attributes} timestamp='2024-01-02T03:04:09Z'>{content}</event_message>"
    )
}

/// A live message of a type.
fn live(kind: &str, content: &str) -> String {
    event_message(&format!("message_type='{kind}' version='3' category='live'"), content)
}

fn contour(mmi: &str, number: usize, ring: &str) -> String {
    format!("<contour><MMI units=''>{mmi}</MMI><PGA>1</PGA><polygon number='{number}'>{ring}</polygon></contour>")
}

fn contours(contours: &[String]) -> String {
    let (number, all) = (contours.len(), contours.concat());
    format!("{CORE}<gm_info><gmcontour_pred number='{number}'>{all}</gmcontour_pred></gm_info>")
}

#[track_caller]
fn read_one(message: &str) -> Read {
    read(message.as_bytes(), None).unwrap_or_else(|error| panic!("{}: {error}: {message}", error.field()))
}

#[track_caller]
fn bands(message: &str) -> Vec<IntensityBand> {
    match &read_one(message).alert.body.infos()[0].ground {
        Ground::Bands(bands) => bands.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(message: &str) -> FormatError {
    read(message.as_bytes(), None).expect_err(message)
}

#[test]
fn a_message_of_the_source_alone_is_an_earthquake() {
    let Read { alert, refusals } = read_one(&live("new", CORE));
    assert_eq!((alert.id.sender.as_str(), alert.id.identifier.as_str()), ("shakealert", "ew1.3.1704164649000"));
    assert_eq!((alert.mode, refusals), (Mode::Actual, vec![]));
    let Body::Issue(infos) = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!((infos[0].urgency, infos[0].certainty), (Urgency::Immediate, Certainty::Likely));
    let Ground::Earthquake(source) = &infos[0].ground else { panic!("{:?}", infos[0].ground) };
    let place = (source.epicentre.lat(), source.epicentre.lon(), source.depth_km, source.magnitude);
    assert_eq!(place, (38.0, -122.5, Some(8.0), 6.25));
    assert_eq!(source.origin.to_string(), "2024-01-02T03:04:05.678Z");
    let doubtful = read_one(&live("new", &CORE.replace("0.9", "0.5")));
    assert_eq!(doubtful.alert.body.infos()[0].certainty, Certainty::Possible);
}

#[test]
fn contours_are_bands_latitude_first_and_counted_without_the_point_that_closes_them() {
    let message = live("update", &contours(&[contour("2.0000", 4, RING), contour("4.5", 4, RING)]));
    let found = bands(&message);
    let intensities: Vec<f32> = found.iter().map(|band| band.intensity.value).collect();
    assert_eq!(intensities, [2.0, 4.5]);
    assert!(found.iter().all(|band| band.intensity.scale == IntensityScale::Mmi));
    let ring = found[0].area.polygons[0].outer.points();
    assert_eq!(ring, [[-122.5, 39.0], [-121.5, 38.0], [-122.5, 37.0], [-123.5, 38.0]]);
    let outline = outline(message.as_bytes(), None).expect("it can be read");
    let written = outline.written.earthquake.expect("an earthquake");
    assert_eq!((written.serial, written.intensities), (Some(3), vec!["2.0000".to_owned(), "4.5".to_owned()]));
    assert_eq!((outline.written.polygon_count, outline.written.extents.len()), (2, 2));
    assert_eq!(outline.written.identifier, "ew1.3.1704164649000.contour");
}

#[test]
fn a_contour_that_cannot_be_used_is_left_out_and_told() {
    let good = contour("2", 4, RING);
    let at = |field: &str| format!("gm_info.gmcontour_pred.contour[1].{field}");
    let count = |said: &str, found| Unusable::Count { said: said.to_owned(), found };
    for (bad, field, reason) in [
        (contour("3", 5, RING), at("polygon.number"), count("5", 4)),
        (contour("0.5", 4, RING), at("MMI"), Unusable::UnknownValue("0.5".to_owned())),
        (contour("strong", 4, RING), at("MMI"), Unusable::NotANumber("strong".to_owned())),
        (contour("", 4, RING), at("MMI"), Unusable::Missing),
        ("<contour><MMI>3</MMI></contour>".to_owned(), at("polygon"), Unusable::Missing),
        (contour("3", 2, "39,-122 38,-121 39,-122"), at("polygon"), Unusable::TooFewPoints(3)),
    ] {
        let message = live("new", &contours(&[good.clone(), bad]));
        assert_eq!(bands(&message).len(), 1);
        assert_eq!(read_one(&message).refusals, [Refusal { field, reason }]);
    }
    // With none of them left, the source is what is known.
    let none = read_one(&live("new", &contours(&[contour("", 4, RING)])));
    assert!(matches!(none.alert.body.infos()[0].ground, Ground::Earthquake(_)));
    let fewer = live("new", &contours(&[good]).replace("pred number='1'", "pred number='2'"));
    let field = "gm_info.gmcontour_pred.number".to_owned();
    assert_eq!(read_one(&fewer).refusals, [Refusal { field, reason: count("2", 1) }]);
}

#[test]
fn only_what_is_live_is_for_real_and_a_deletion_needs_no_ground() {
    for (category, mode) in [("live", Mode::Actual), ("test", Mode::Test), ("scenario", Mode::Exercise)] {
        let attributes = format!("message_type='delete' version='4' category='{category}'");
        let alert = read_one(&event_message(&attributes, "<core_info id='ew1'/>")).alert;
        assert_eq!((alert.mode, &alert.body), (mode, &Body::Cancel(vec![])));
    }
    for (good, bad, field) in [
        ("live", "replay", "category"),
        ("new", "alert", "message_type"),
        ("'3'", "'three'", "version"),
        ("'3'", "'-1'", "version"),
    ] {
        assert_eq!(refused(&live("new", CORE).replace(good, bad)).field(), field);
    }
    for field in ["id", "mag", "lat", "lon", "orig_time"] {
        let without =
            CORE.replace(&format!("<{field}"), "<x").replace(&format!("</{field}"), "</x").replace("id=", "x=");
        let without = if field == "id" { without } else { without.replace("x='ew1'", "id='ew1'") };
        assert_eq!(refused(&live("new", &without)), FormatError::Missing { field: format!("core_info.{field}") });
    }
}

#[test]
fn a_follow_up_tells_afterwards_in_its_own_words() {
    let texts = "<follow_up_info><message_text type='short_review'>It was M 6.2.</message_text>\
        <message_text type='wea'>Shaking has\n ended.</message_text></follow_up_info>";
    let alert = read_one(&live("follow_up", &format!("{CORE}{texts}"))).alert;
    let Body::Update(infos) = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!((infos[0].urgency, infos[0].certainty), (Urgency::Past, Certainty::Observed));
    let texts = (infos[0].texts.headline.as_deref(), infos[0].texts.description.as_deref());
    assert_eq!(texts, (Some("Shaking has ended."), Some("It was M 6.2.")));
}

#[test]
fn a_message_without_a_time_is_as_old_as_its_earthquake_and_says_so() {
    let message = live("new", CORE).replace(" timestamp='2024-01-02T03:04:09Z'", "");
    let Read { alert, refusals } = read_one(&message);
    assert_eq!(alert.id.sent.to_string(), "2024-01-02T03:04:05.678Z");
    assert_eq!(refusals, [Refusal { field: "timestamp".to_owned(), reason: Unusable::SentAtOrigin }]);
}

#[test]
fn the_state_of_the_system_is_nothing_to_warn_of() {
    let error = refused("<system_status alg_name='ha' status='WARNING'><component name='sa'/></system_status>");
    let (field, value) = ("root".to_owned(), "system_status".to_owned());
    assert_eq!(error, FormatError::NoWarning { field, value });
}

const FIELDS: &str = "<grid_field index='1' name='LON' units='dd'/><grid_field index='2' name='LAT' units='dd'/>\
    <grid_field index='4' name='PGA' units='pctg'/><grid_field index='3' name='MMI' units='intensity'/>";
const ROWS: &str = "10.0 51.0 1 9\n10.5 51.0 2 9\n11.0 51.0 1 9\n10.0 50.5 3.5 9 \n10.5 50.5 5 9\n\n11.0 50.5 nan 9\n\
    10.0 50.0 1 9\n10.5 50.0 1 9\n11.0 50.0 1 9\n";

fn shakemap(rows: &str) -> String {
    format!(
        "<shakemap_grid xmlns='http://maps.example.org/shakemap' event_id='e1' shakemap_version='2' \
         process_timestamp='2024-01-02T04:00:00Z' map_status='RELEASED' shakemap_event_type='ACTUAL'>\
         <event magnitude='5.5' depth='7.5' lat='50.5' lon='10.5' event_timestamp='2024-01-02T10:04:05WIB' \
         event_description='Somewhere'/><grid_specification nlon='3' nlat='3'/>{FIELDS}\
         <grid_data>\n{rows}</grid_data></shakemap_grid>"
    )
}

#[test]
fn a_shakemap_is_bands_of_each_whole_degree_by_the_columns_that_its_fields_name() {
    let message = shakemap(ROWS);
    let Read { alert, refusals } = read_one(&message);
    assert_eq!((alert.id.sender.as_str(), alert.id.identifier.as_str()), ("maps.example.org", "e1.2.1704168000000"));
    let Body::Update(infos) = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!((infos[0].urgency, infos[0].certainty), (Urgency::Past, Certainty::Observed));
    assert_eq!(infos[0].texts.headline.as_deref(), Some("Somewhere"));
    let found = bands(&message);
    assert_eq!(found.iter().map(|band| band.intensity.value).collect::<Vec<_>>(), [2.0, 3.0, 4.0, 5.0]);
    let zone = Unusable::ZoneByName("2024-01-02T10:04:05WIB".to_owned());
    assert_eq!(refusals, [Refusal { field: "event.event_timestamp".to_owned(), reason: zone }]);
    let written = outline(message.as_bytes(), None).expect("it can be read").written.earthquake.expect("an earthquake");
    let earthquake = (written.magnitude, written.depth_km, written.serial, written.origin.as_deref());
    assert_eq!(earthquake, (Some(5.5), Some(7.5), Some(2), Some("2024-01-02T03:04:05Z")));
    // Nothing depends on the order of the points.
    let mut rows: Vec<&str> = ROWS.lines().collect();
    rows.reverse();
    assert_eq!(bands(&shakemap(&rows.join("\n"))), found);
}

#[test]
fn a_scenario_is_an_exercise_and_a_cancelled_map_is_taken_back() {
    let map = shakemap(ROWS);
    assert_eq!(read_one(&map.replace("ACTUAL", "SCENARIO")).alert.mode, Mode::Exercise);
    assert!(matches!(read_one(&map.replace("RELEASED", "CANCELLED")).alert.body, Body::Cancel(_)));
    assert_eq!(refused(&map.replace("ACTUAL", "DREAM")).field(), "shakemap_event_type");
    let unzoned = refused(&map.replace("04:05WIB", "04:05"));
    assert!(matches!(unzoned, FormatError::Time { source: TimeFault::NoOffset, .. }));
}

#[test]
fn a_grid_that_is_not_what_it_says_is_refused_by_its_line() {
    let map = shakemap(ROWS);
    for (good, bad, field) in [
        ("nlon='3'", "nlon='4'", "grid_specification.nlon"),
        ("nlat='3'", "", "grid_specification.nlat"),
        ("10.5 51.0 2 9", "10.5 51.0 2", "grid_data.row[1]"),
        ("10.5 51.0 2 9", "10.5 51.0 2 9 9", "grid_data.row[1]"),
        ("10.5 51.0 2 9", "10.5 51.0 2,5 9", "grid_data.row[1]"),
        ("10.5 51.0 2 9", "10.5 91.0 2 9", "grid_data.row[1]"),
        ("10.5 51.0 2 9\n", "", "grid_data"),
        ("10.5 51.0 2 9", "10.0 51.0 2 9", "grid_data"),
        ("name='MMI'", "name='PGV'", "grid_field"),
        ("index='3'", "index='5'", "grid_field"),
        ("index='3'", "index='0'", "grid_field[3].index"),
        ("name='PGA'", "name='MMI'", "grid_field[3]"),
    ] {
        assert_eq!(refused(&map.replace(good, bad)).field(), field, "{bad}");
    }
    let quiet = refused(&shakemap(&ROWS.replace(" 5 9", " 1 9").replace("3.5", "1").replace(" 2 9", " 1.9 9")));
    let value = "MMI 1.9 at most".to_owned();
    assert_eq!(quiet, FormatError::NoWarning { field: "grid_data".to_owned(), value });
}

#[test]
fn a_grid_may_lie_across_the_antimeridian() {
    let east = ROWS.replace("10.0 ", "179.5 ").replace("10.5 5", "-180.0 5").replace("11.0 ", "-179.5 ");
    let found = bands(&shakemap(&east));
    let ring = found[0].area.polygons[0].outer.points();
    assert!(ring.iter().all(|point| (179.0..181.0).contains(&point[0])), "{ring:?}");
}

#[test]
fn a_map_of_ground_motion_is_bands_too() {
    let rows = ROWS.replace("10.0 51.0 1 9\n", "");
    let map =
        format!("{CORE}<gm_info><gmmap_pred number='8'>{FIELDS}<grid_data>{rows}</grid_data></gmmap_pred></gm_info>");
    let found = bands(&live("new", &map));
    assert_eq!(found.iter().map(|band| band.intensity.value).collect::<Vec<_>>(), [2.0, 3.0, 4.0, 5.0]);
    let outline = outline(live("new", &map).as_bytes(), None).expect("it can be read");
    assert_eq!(outline.written.identifier, "ew1.3.1704164649000.map");
}
