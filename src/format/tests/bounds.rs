//! What a message may be, and what it may cost to read: each bound holds, and is told by the field that breaks it.

use std::fmt::Write as _;

use super::*;

const HEAD: &str = "<identifier>a</identifier><sender>b@example.org</sender><sent>2024-11-02T12:00:00-06:00</sent>\
    <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>";

fn info(areas: &str) -> String {
    format!(
        "<info><category>Geo</category><event>Flood</event><urgency>Immediate</urgency><severity>Extreme</severity>\
         <certainty>Observed</certainty>{areas}</info>"
    )
}

fn alert(infos: &str) -> String {
    format!("<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>{HEAD}{infos}</alert>")
}

/// So many triangles in the south, and so many holes in the north, none of which lies in any of them.
fn with_holes(polygons: usize, holes: usize) -> String {
    let polygons = "<polygon>-1,0 -1,1 -2,1 -1,0</polygon>".repeat(polygons);
    let hole = "<geocode><valueName>EXCLUDE_POLYGON</valueName><value>1,0 1,1 2,1 1,0</value></geocode>";
    alert(&info(&format!("<area><areaDesc>x</areaDesc>{polygons}{}</area>", hole.repeat(holes))))
}

/// A grid of equal steps with a value for each column and row.
fn grid(columns: usize, rows: usize, filler: &str, value: impl Fn(usize, usize) -> f64) -> String {
    let mut data = String::new();
    for row in 0..rows {
        for column in 0..columns {
            let [lon, lat] = [column, row].map(|place| place as f64 / 100.0);
            let _ = writeln!(data, "{lon:.2} {lat:.2} {:.1}{filler}", value(column, row));
        }
    }
    let name = |index: usize, name: &str| format!("<grid_field index='{index}' name='{name}' units=''/>");
    let mut fields: String = ["LON", "LAT", "MMI"].iter().zip(1..).map(|(field, index)| name(index, field)).collect();
    fields.extend((4..4 + filler.split_whitespace().count()).map(|index| name(index, "PGA")));
    format!(
        "<shakemap_grid xmlns='http://earthquake.usgs.gov/eqcenter/shakemap' event_id='a' shakemap_version='1' \
         process_timestamp='2024-01-02T03:04:05Z' shakemap_event_type='ACTUAL'><event event_id='a' magnitude='7' \
         depth='9' lat='1' lon='1'/><grid_specification nlon='{columns}' nlat='{rows}'/>{fields}\
         <grid_data>\n{data}</grid_data></shakemap_grid>"
    )
}

fn hill(column: usize, row: usize) -> f64 {
    9.0 - (column as f64 - 150.0).hypot(row as f64 - 150.0) / 25.0
}

#[test]
fn holes_that_would_be_compared_with_too_many_polygons_are_refused_before_they_are() {
    let most = Bounds::default().work;
    let read = |bounds: Bounds, message: &str| bounds.read(message.as_bytes(), None).map(|read| read.refusals);
    let error = read(Bounds::default(), &with_holes(6_000, 6_000)).expect_err("36 million pairs");
    assert_eq!(error, FormatError::TooCostly { field: "info[0].area[0]".to_owned(), most });
    let bounds = Bounds { work: 50_000_000, ..Bounds::default() };
    assert_eq!(read(bounds, &with_holes(6_000, 6_000)), Ok(vec![]));
    assert_eq!(read(Bounds::default(), &with_holes(300, 300)), Ok(vec![]));
}

#[test]
fn what_a_feed_costs_is_counted_over_all_its_messages_and_those_before_are_read() {
    let ring = (0..1_000).map(|n| format!("{},{}.{n:03}", n % 2, n % 3)).collect::<Vec<_>>().join(" ");
    let area = format!("<area><areaDesc>x</areaDesc><polygon>{ring} 0,0.000</polygon></area>");
    // An area that 63 further infos share: some 20 kB that become 64,000 points.
    let alert = alert(&format!("{}{}", info(&area), info("").repeat(63)));
    let feed = format!("<alerts>{}</alerts>", alert.repeat(60));
    let found = messages(feed.as_bytes(), None).expect("a feed");
    let costly = |message: &Message| matches!(message.outline, Err(FormatError::TooCostly { .. }));
    let read = found.iter().filter(|message| message.outline.is_ok()).count();
    assert_eq!((found.len(), read), (60, 39));
    assert!(found[read..].iter().all(costly));
}

#[test]
fn a_grid_may_be_larger_than_any_other_message() {
    let filler = " 1.2345 2.3456 3.4567 4.5678 5.6789 6.7890 7.8901 0.5000";
    let large = grid(300, 300, filler, hill);
    let bounds = Bounds::default();
    assert!(large.len() > bounds.bytes && large.len() < bounds.grid_bytes);
    let read = read(large.as_bytes(), None).expect("a grid");
    assert_eq!(read.alert.body.infos().len(), 1);
    let too_large = |text: &str, most: usize| {
        let error = FormatError::TooLarge { bytes: text.len(), most };
        assert_eq!(messages(text.as_bytes(), None).expect_err("too large"), error);
    };
    let blanks = |count: usize| " ".repeat(count);
    too_large(&format!("{}{}", alert(&info("")), blanks(bounds.bytes)), bounds.bytes);
    too_large(&format!("[]{}", blanks(bounds.bytes)), bounds.bytes);
    too_large(&format!("{large}{}", blanks(bounds.grid_bytes)), bounds.grid_bytes);
    // Whatever only looks like one is none.
    let hidden = format!("<!-- <shakemap_grid> -->{}{}", alert(&info("")), blanks(bounds.bytes));
    too_large(&hidden, bounds.bytes);
    too_large(&format!("<alert><shakemap_grid/>{}</alert>", blanks(bounds.bytes)), bounds.bytes);
}

#[test]
fn a_grid_whose_contours_go_round_every_point_is_refused() {
    let chequered = grid(300, 300, "", |column, row| if (column + row) % 2 == 0 { 12.0 } else { 1.0 });
    let refused = |bounds: Bounds| bounds.read(chequered.as_bytes(), None).map(|_| ()).expect_err("refused");
    let error = refused(Bounds::default());
    let most = Bounds::default().points;
    assert_eq!(error, FormatError::TooMany { field: "grid_data".to_owned(), what: "points", most });
    let bounds = Bounds { points: 10_000_000, work: 10_000_000, ..Bounds::default() };
    let error = refused(bounds);
    assert!(matches!(error, FormatError::TooCostly { .. }), "{error}");
    let bounds = Bounds { nodes: 300 * 300 - 1, ..Bounds::default() };
    let error = refused(bounds);
    assert!(matches!(error, FormatError::TooMany { what: "points of a grid", .. }), "{error}");
}

#[test]
fn a_bound_that_is_set_lower_refuses_what_the_shipped_one_takes() {
    let area = "<area><areaDesc>x</areaDesc><polygon>0,0 0,1 1,1 0,0</polygon></area>";
    let two = alert(&format!("{}{}", info(&area.repeat(2)), info(area)));
    assert!(read(two.as_bytes(), None).is_ok());
    let most = Bounds::default();
    let refused = |bounds: Bounds| bounds.read(two.as_bytes(), None).map(|_| ()).expect_err("refused").to_string();
    for (bounds, says) in [
        (Bounds { bytes: 100, ..most }, "more than 100"),
        (Bounds { depth: 3, ..most }, "more than 3 deep"),
        (Bounds { elements: 20, ..most }, "more than 40 signs of markup"),
        (Bounds { all_attributes: 0, ..most }, "more than 0"),
        (Bounds { infos: 1, ..most }, "more than 1 infos"),
        (Bounds { areas: 2, ..most }, "more than 2 areas"),
        (Bounds { points: 11, ..most }, "more than 11 points"),
        (Bounds { text: 9, ..most }, "more than 9"),
        (Bounds { messages: 0, ..most }, "more than 0 messages"),
        (Bounds { work: 100, ..most }, "more than 100 steps of work"),
    ] {
        let error = refused(bounds);
        assert!(error.contains(says), "{says}: {error}");
    }
}
