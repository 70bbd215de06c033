//! What is forgiven, what is refused in part, and what is refused.

use super::*;
use crate::domain::{AlertScope, Area, Body, Certainty, Ground, InvalidGround, Language, Mode};

const HEAD: &str = "<identifier>a</identifier><sender>b@example.org</sender><sent>2024-11-02T12:00:00-06:00</sent>\
    <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>";
const GRADES: &str = "<urgency>Immediate</urgency><severity>Extreme</severity><certainty>Observed</certainty>";
const AREA: &str = "<area><areaDesc>Here</areaDesc><polygon>0,0 0,1 1,1 0,0</polygon></area>";

fn message(version: &str, content: &str) -> String {
    format!("<alert xmlns=\"urn:oasis:names:tc:emergency:cap:{version}\">{content}</alert>")
}

fn info(content: &str) -> String {
    format!("<info><category>Geo</category><event>Earthquake</event>{content}</info>")
}

fn whole() -> String {
    message("1.2", &format!("{HEAD}{}", info(&format!("{GRADES}{AREA}"))))
}

#[track_caller]
fn good(message: &str) -> Read {
    read(message.as_bytes(), None).unwrap_or_else(|error| panic!("{}: {error}: {message}", error.field()))
}

/// The only refusal of a message that is read.
#[track_caller]
fn one_refusal(message: &str) -> (String, Unusable) {
    let mut refusals = good(message).refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let Refusal { field, reason } = refusals.remove(0);
    (field, reason)
}

/// The areas of a message's first info.
#[track_caller]
fn areas(message: &str) -> Vec<Area> {
    match &good(message).alert.body.infos()[0].ground {
        Ground::Areas(areas) => areas.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// A message with an area of this content.
fn with_area(content: &str) -> String {
    let area = format!("<area><areaDesc>Here</areaDesc>{content}</area>");
    message("1.2", &format!("{HEAD}{}", info(&format!("{GRADES}{area}"))))
}

#[test]
fn a_required_field_that_is_missing_empty_repeated_or_of_no_known_value_is_named() {
    assert_eq!(good(&whole()).refusals, []);
    for (field, path) in [
        ("identifier", "identifier"),
        ("sender", "sender"),
        ("sent", "sent"),
        ("status", "status"),
        ("msgType", "msgType"),
        ("scope", "scope"),
        ("event", "info[0].event"),
    ] {
        let whole = whole();
        let (start, end) = (format!("<{field}>"), format!("</{field}>"));
        let (before, rest) = whole.split_once(&start).expect("it is there");
        let (_, after) = rest.split_once(&end).expect("it is there");
        let error = |message: String| read(message.as_bytes(), None).expect_err(&message);
        let path = path.to_owned();
        let missing = FormatError::Missing { field: path.clone() };
        assert_eq!(error(format!("{before}{after}")), missing);
        assert_eq!(error(format!("{before}{start} \n{end}{after}")), missing);
        let twice = error(format!("{before}{start}Actual{end}{start}Actual{end}{after}"));
        assert_eq!(twice, FormatError::Repeated { field: path.clone() });
        let other = read(format!("{before}{start},&lt;{end}{after}").as_bytes(), None);
        match field {
            "event" => assert!(other.is_ok()),
            "identifier" | "sender" => assert!(matches!(other, Err(FormatError::Name { field, .. }) if field == path)),
            "sent" => assert!(matches!(other, Err(FormatError::Time { field, .. }) if field == path)),
            _ => assert_eq!(other, Err(FormatError::UnknownValue { field: path, value: ",<".to_owned() })),
        }
    }
}

#[test]
fn words_that_are_not_of_their_list_are_named() {
    for (field, path) in [
        ("category", "info[0].category[1]"),
        ("responseType", "info[0].responseType[0]"),
        ("urgency", "info[0].urgency"),
        ("severity", "info[0].severity"),
        ("certainty", "info[0].certainty"),
    ] {
        let grades = match GRADES.find(&format!("<{field}>")) {
            Some(_) => GRADES.replace(&format!("<{field}>"), &format!("<{field}>un")),
            None => format!("{GRADES}<{field}>unknown</{field}>"),
        };
        let message = message("1.2", &format!("{HEAD}{}", info(&grades)));
        match read(message.as_bytes(), None) {
            Err(FormatError::UnknownValue { field, .. }) => assert_eq!(field, path),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn a_grade_that_is_empty_or_missing_is_unknown_and_told() {
    for certainty in ["", "<certainty/>"] {
        let grades = GRADES.replace("<certainty>Observed</certainty>", certainty);
        let message = message("1.2", &format!("{HEAD}{}", info(&format!("{grades}{AREA}"))));
        assert_eq!(one_refusal(&message), ("info[0].certainty".to_owned(), Unusable::NoGrade));
        assert_eq!(good(&message).alert.body.infos()[0].certainty, Certainty::Unknown);
    }
}

#[test]
fn versions_differ_in_what_they_allow() {
    let old = whole().replace(":1.2\"", ":1.0\"").replace("Observed", "Very Likely");
    assert_eq!(good(&old).alert.body.infos()[0].certainty, Certainty::Likely);
    let newer = old.replace(":1.0\"", ":1.1\"");
    assert!(matches!(read(newer.as_bytes(), None), Err(FormatError::UnknownValue { .. })));
    let local = whole().replace(":1.2\"", ":1.1\"").replace("-06:00", "");
    assert_eq!(one_refusal(&local), ("sent".to_owned(), Unusable::TakenForUtc("2024-11-02T12:00:00".to_owned())));
    let local = read(whole().replace("-06:00", "").as_bytes(), None);
    assert!(matches!(local, Err(FormatError::Time { source: TimeFault::NoOffset, .. })));
    for namespace in ["urn:oasis:names:tc:emergency:alerts:1.2", "urn:oasis:names:tc:emergency:cap:1.3", ""] {
        let other = whole().replace("urn:oasis:names:tc:emergency:cap:1.2", namespace);
        let error = read(other.as_bytes(), None).expect_err(namespace);
        assert_eq!(error, FormatError::UnknownRoot { name: "alert".to_owned(), namespace: namespace.to_owned() });
    }
}

#[test]
fn a_ring_that_cannot_be_used_is_refused_and_the_others_stand() {
    let good_ring = "<polygon>0,0 0,1 1,1 0,0</polygon>";
    for bad in ["91,0 0,1 1,1 91,0", "0,0 0,NaN 1,1 0,0", "0,0 0;1 1,1 0,0", "0,0 0,9 9,9 9,0", "0,0 0,1 0,0"] {
        let message = with_area(&format!("{good_ring}<polygon>{bad}</polygon>{good_ring}<polygon/>"));
        assert_eq!(one_refusal(&message).0, "info[0].area[0].polygon[1]", "{bad}");
        assert_eq!(areas(&message)[0].polygons.len(), 2);
    }
    let nearly = with_area("<polygon>0,0 0,1 1,1 0.01,0</polygon>");
    assert_eq!(one_refusal(&nearly), ("info[0].area[0].polygon[0]".to_owned(), Unusable::Joined(0.01)));
    assert_eq!(areas(&nearly)[0].polygons.len(), 1);
    let message = with_area("<circle>1,2 0</circle><circle>1,2 3</circle><circle/>");
    let no_radius = Unusable::Ground(InvalidGround::NoRadius(0.0));
    assert_eq!(one_refusal(&message), ("info[0].area[0].circle[0]".to_owned(), no_radius));
}

#[test]
fn holes_are_taken_out_of_the_polygons_of_their_own_area() {
    let code = |ring| format!("<geocode><valueName>exclude_polygon</valueName><value>{ring}</value></geocode>");
    let hole = code("0.1,0.5 0.1,0.6 0.2,0.6 0.1,0.5");
    let message = with_area(&format!(
        "<polygon>0,0 0,1 1,1 0,0</polygon><polygon>50,0 50,1 51,1 50,0</polygon>{hole}{}",
        code(" ")
    ));
    let areas = areas(&message);
    let holes: Vec<usize> = areas[0].polygons.iter().map(|polygon| polygon.holes.len()).collect();
    assert_eq!((holes, areas[0].geocodes.len()), (vec![1, 0], 0));
}

#[test]
fn an_info_without_areas_has_those_of_the_others() {
    let other = AREA.replace("Here", "There");
    let infos = [AREA, "", AREA, other.as_str()].map(|areas| info(&format!("{GRADES}{areas}"))).concat();
    let read = good(&message("1.2", &format!("{HEAD}{infos}")));
    let Ground::Areas(areas) = &read.alert.body.infos()[1].ground else { panic!("areas") };
    assert_eq!(areas.iter().map(|area| area.description.as_str()).collect::<Vec<_>>(), ["Here", "There"]);
}

#[test]
fn what_a_message_does_follows_from_what_it_refers_to() {
    let info = info(&format!("{GRADES}{AREA}"));
    let typed = |word: &str, content: &str| message("1.2", &format!("{}{content}", HEAD.replace(">Alert<", word)));
    let refers = "<references>b@example.org,c,2024-11-02T11:00:00-06:00</references>";
    let body = |message: &str| good(message).alert.body;
    assert!(matches!(body(&typed(">Alert<", &info)), Body::Issue(_)));
    assert!(matches!(body(&typed(">Alert<", &format!("{refers}{info}"))), Body::Update(_)));
    assert!(matches!(body(&typed(">Update<", &format!("{refers}{info}"))), Body::Update(_)));
    assert!(matches!(body(&typed(">Cancel<", refers)), Body::Cancel(infos) if infos.is_empty()));
    assert!(matches!(body(&typed(">Ack<", refers)), Body::Ack));
    assert!(matches!(body(&typed(">Error<", "")), Body::Error));
    let alone = typed(">Update<", &info);
    assert_eq!(one_refusal(&alone), ("references".to_owned(), Unusable::UpdateOfNothing));
    assert!(matches!(body(&alone), Body::Issue(_)));
    let error = |message: &str| read(message.as_bytes(), None).expect_err(message);
    assert_eq!(error(&typed(">Cancel<", &info)), FormatError::NoReferences);
    assert_eq!(error(&typed(">Alert<", "")), FormatError::NoInfo);
    let unreadable = typed(">Cancel<", &format!("{}{info}", refers.replace("c,", "")));
    let outline = outline(unreadable.as_bytes(), None).expect("every field is read");
    assert_eq!(outline.alert, Err(FormatError::NoReferences));
    assert_eq!(outline.refusals[0].field, "references[0]");
}

#[test]
fn times_and_languages_that_cannot_be_read_are_as_if_absent() {
    let message = message("1.2", &format!("{HEAD}{}", info(&format!("{GRADES}<expires>okay</expires>{AREA}"))));
    let (field, reason) = one_refusal(&message);
    assert_eq!(field, "info[0].expires");
    assert_eq!(reason, Unusable::Time { value: "okay".to_owned(), source: TimeFault::NotATime });
    let message = message.replace("<expires>okay</expires>", "<language>plain German</language>");
    assert_eq!(one_refusal(&message).0, "info[0].language");
    assert_eq!(good(&message).alert.body.infos()[0].language, Language::cap_default());
}

#[test]
fn what_there_may_not_be_more_of_is_bounded() {
    let limits = Limits::default();
    let info = |content: &str| info(&format!("{GRADES}{content}"));
    let reference = "b,c,2024-11-02T11:00:00Z ";
    for (what, field, content) in [
        ("infos", "info[64]", info("").repeat(limits.infos + 1)),
        ("areas", "info[0].area[10000]", info(&"<area><areaDesc>x</areaDesc></area>".repeat(limits.areas + 1))),
        ("references", "references", format!("<references>{}</references>", reference.repeat(limits.references + 1))),
        ("points", "info[0].area[0].polygon[0]", {
            let ring = "1,1 ".repeat(1_000_000);
            info(&format!("<area><areaDesc>x</areaDesc><polygon>{ring}</polygon></area>"))
        }),
        ("points", "info[1]", {
            let points = (0..limits.points / 2).map(|n| format!("{}.{n},1", n % 2));
            let ring = points.collect::<Vec<_>>().join(" ");
            let area = format!("<area><areaDesc>x</areaDesc><polygon>{ring} 0.0,1</polygon></area>");
            format!("{}{}{}", info(&area), info(""), info(""))
        }),
    ] {
        match read(message("1.2", &format!("{HEAD}{content}")).as_bytes(), None) {
            Err(FormatError::TooMany { what: found, field: at, .. }) => assert_eq!((found, at.as_str()), (what, field)),
            other => panic!("{what}: {:?}", other.map(|read| read.refusals)),
        }
    }
    let long = info(&format!("<headline>{}</headline>", "x".repeat(limits.text + 1)));
    let error = read(message("1.2", &format!("{HEAD}{long}")).as_bytes(), None).expect_err("too long");
    assert!(matches!(error, FormatError::TooLong { field, .. } if field == "info[0].headline"));
    let many = with_area(&"<polygon>1</polygon>".repeat(limits.refusals + 5));
    assert_eq!(good(&many).refusals.last().expect("many").reason, Unusable::More(5));
}

#[test]
fn a_message_of_another_media_type_is_refused_by_it() {
    let whole = whole();
    for media_type in ["application/cap+xml", "text/xml; charset=utf-8", " Application/XML;charset=\"UTF-8\" ", ""] {
        assert!(read(whole.as_bytes(), Some(media_type)).is_ok(), "{media_type}");
    }
    assert_eq!(read(whole.as_bytes(), Some("application/json")), Err(FormatError::NotJson { line: 1, column: 1 }));
    for media_type in ["image/svg+xml", "text/html", "xml", ";"] {
        let error = read(whole.as_bytes(), Some(media_type)).expect_err(media_type);
        assert_eq!(error.field(), "media_type");
        assert_eq!(error, FormatError::MediaType(media_type.to_owned()));
    }
    assert_eq!(read(b"{}", None), Err(FormatError::UnknownFormat));
    for empty in [&b""[..], b" \n", b"\xEF\xBB\xBF"] {
        assert_eq!(read(empty, Some("text/xml")), Err(FormatError::Empty));
    }
    assert_eq!(read(b"", None), Err(FormatError::Empty));
}

#[test]
fn exercises_and_tests_stay_what_they_are() {
    for (word, mode) in [("Exercise", Mode::Exercise), ("Test", Mode::Test), ("System", Mode::System)] {
        assert_eq!(good(&whole().replace(">Actual<", &format!(">{word}<"))).alert.mode, mode);
    }
}

#[test]
fn an_alert_that_blocks_the_public_is_withheld_and_one_that_blocks_other_channels_is_not() {
    let blocking = |channel: &str| {
        let blocked = format!("<parameter><valueName>BLOCKCHANNEL</valueName><value>{channel}</value></parameter>");
        message("1.2", &format!("{HEAD}{}", info(&format!("{GRADES}{blocked}{AREA}"))))
    };
    let scope = |channel| outline(blocking(channel).as_bytes(), None).expect("read").alert.expect("in order").scope;
    assert_eq!(scope("PUBLIC"), AlertScope::Withheld);
    for other in ["CMAS", "EAS", "NWEM", "CAPEXCH"] {
        assert_eq!(scope(other), AlertScope::Public);
    }
}

#[test]
fn all_of_an_instruction_in_several_pieces_is_told() {
    let piece = |text| format!("<instruction>{text}</instruction>");
    let pieces = format!("</area>{}{}<area>", piece("Leave."), piece("Go uphill."));
    let message = with_area(&pieces);
    let refusals = read(message.as_bytes(), None).expect("it can be read");
    let told = refusals.alert.body.infos()[0].texts.instruction.as_deref();
    assert_eq!(told, Some("Leave.\nGo uphill."));
    assert!(refusals.refusals.iter().any(|refusal| refusal.reason == Unusable::SeveralTexts));
}
