//! QuakeML as networks write it, and what becomes of what is missing or taken back.

use crate::domain::{Alert, Body, Certainty, Ground, Source, Urgency};
use crate::format::{FormatError, Limits, Outline, Unusable, messages};

/// A message of these events.
fn catalogue(events: &str) -> String {
    format!(
        "<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml/1.2' xmlns='http://quakeml.org/xmlns/bed/1.2'>\
         <eventParameters publicID='smi:org.example/list'>{events}</eventParameters></q:quakeml>"
    )
}

fn in_real_time(content: &str) -> String {
    catalogue(content).replace("quakeml/1.2", "quakeml-rt/1.2").replace("bed/1.2", "bed-rt/1.2")
}

fn event(content: &str) -> String {
    format!("<event publicID='smi:org.example/e/1'>{content}</event>")
}

fn made(time: &str) -> String {
    format!("<creationInfo><creationTime>{time}</creationTime></creationInfo>")
}

fn origin(id: &str, lat: &str, more: &str) -> String {
    format!(
        "<origin publicID='{id}'><time><value>2024-01-02T03:04:05.5</value></time><latitude><value>{lat}</value>\
         </latitude><longitude><value>-70.25</value></longitude><depth><value>12345</value></depth>{more}</origin>"
    )
}

fn magnitude(id: &str, mag: &str, more: &str) -> String {
    format!("<magnitude publicID='{id}'><mag><value>{mag}</value></mag>{more}</magnitude>")
}

/// An event with nothing missing.
fn whole(more: &str) -> String {
    event(&format!("{more}{}{}", origin("o", "-33.5", ""), magnitude("m", "6.1", &made("2024-01-02T03:06:00Z"))))
}

#[track_caller]
fn outline(message: &str) -> Outline {
    let mut found = messages(message.as_bytes(), None).unwrap_or_else(|error| panic!("{error}: {message}"));
    assert_eq!(found.len(), 1, "{message}");
    found.remove(0).outline.unwrap_or_else(|error| panic!("{error}: {message}"))
}

#[track_caller]
fn alert(message: &str) -> Alert {
    outline(message).alert.unwrap_or_else(|error| panic!("{}: {error}: {message}", error.field()))
}

#[track_caller]
fn source(message: &str) -> Source {
    match &alert(message).body.infos()[0].ground {
        Ground::Earthquake(source) => source.clone(),
        other => panic!("{other:?}"),
    }
}

/// What is said of the only event, which is refused.
#[track_caller]
fn fault(content: &str) -> FormatError {
    outline(&catalogue(&event(content))).alert.expect_err(content)
}

#[test]
fn an_event_is_read_with_its_depth_in_metres_and_its_times_in_utc() {
    let alert = alert(&catalogue(&whole("<type>earthquake</type>")));
    let name = (alert.id.sender.as_str(), alert.id.identifier.as_str(), alert.id.sent.to_string());
    assert_eq!(name, ("org.example", "smi:org.example/e/1.1704164760000", "2024-01-02T03:06:00Z".to_owned()));
    let key = alert.subject.event.expect("it has a name");
    assert_eq!((&*key.scheme, &*key.key, key.serial), ("quakeml", "smi:org.example/e/1", None));
    let Body::Update(infos) = &alert.body else { panic!("{:?}", alert.body) };
    assert_eq!((infos[0].urgency, infos[0].certainty), (Urgency::Past, Certainty::Observed));
    let source = source(&catalogue(&whole("")));
    let place = (source.epicentre.lat(), source.epicentre.lon(), source.depth_km, source.magnitude);
    assert_eq!(place, (-33.5, -70.25, Some(12.345), 6.1));
    assert_eq!(source.origin.to_string(), "2024-01-02T03:04:05.5Z");
}

#[test]
fn what_is_missing_is_named() {
    let (origin, magnitude) = (origin("o", "1", ""), magnitude("m", "5", ""));
    for (content, field) in [
        (String::new(), "origin"),
        (origin.clone(), "magnitude"),
        (format!("{}{magnitude}", origin.replace("time>", "t>")), "origin[0].time"),
        (format!("{}{magnitude}", origin.replace("latitude>", "l>")), "origin[0].latitude"),
        (format!("{}{magnitude}", origin.replace("longitude>", "l>")), "origin[0].longitude"),
        (format!("{origin}{}", magnitude.replace("mag>", "m>")), "magnitude[0].mag"),
    ] {
        assert_eq!(fault(&content), FormatError::Missing { field: format!("eventParameters.event[0].{field}") });
    }
    let nameless = outline(&catalogue(&whole("").replace(" publicID='smi:org.example/e/1'", "")));
    assert_eq!(
        nameless.alert.map_err(|error| error.field().to_owned()),
        Err("eventParameters.event[0].publicID".into())
    );
    assert_eq!(nameless.written.earthquake.and_then(|written| written.magnitude), Some(6.1), "it is told all the same");
    assert!(messages(catalogue("").as_bytes(), None).expect("it can be read").is_empty());
    // Without a depth an earthquake can be computed.
    let shallow = catalogue(&whole("").replace("depth>", "d>"));
    assert_eq!(source(&shallow).depth_km, None);
}

#[test]
fn the_preferred_origin_and_magnitude_are_taken_else_the_newest_that_stand() {
    let made = |year: u32| made(&format!("{year}-01-01T00:00:00"));
    let origins = format!("{}{}", origin("a", "1", &made(2020)), origin("b", "2", &made(2021)));
    let magnitudes = format!("{}{}", magnitude("c", "5", &made(2021)), magnitude("d", "6", &made(2020)));
    let found = |more: &str| {
        let source = source(&catalogue(&event(&format!("{more}{origins}{magnitudes}"))));
        (source.epicentre.lat(), source.magnitude)
    };
    let prefer = "<preferredOriginID> a </preferredOriginID><preferredMagnitudeID>d</preferredMagnitudeID>";
    assert_eq!((found(prefer), found("")), ((1.0, 6.0), (2.0, 5.0)));
    let rejected = format!("<evaluationStatus>rejected</evaluationStatus>{}", made(2024));
    let content = format!("{origins}{}{magnitudes}", origin("e", "3", &rejected));
    assert_eq!(source(&catalogue(&event(&content))).epicentre.lat(), 2.0);
    let nowhere = FormatError::UnknownValue {
        field: "eventParameters.event[0].preferredOriginID".to_owned(),
        value: "z".to_owned(),
    };
    assert_eq!(fault(&format!("<preferredOriginID>z</preferredOriginID>{origins}{magnitudes}")), nowhere);
    let alike = format!("{}{}{magnitudes}", origin("a", "1", ""), origin("b", "2", ""));
    assert_eq!(fault(&alike), FormatError::Repeated { field: "eventParameters.event[0].origin".to_owned() });
}

#[test]
fn what_was_rejected_or_never_was_is_taken_back() {
    let rejected = "<evaluationStatus>rejected</evaluationStatus>";
    let no_origin = event(&format!("<type>not existing</type>{}", made("2024-01-02T03:10:00Z")));
    for message in [whole("<type>not existing</type>"), event(&origin("o", "1", rejected)), no_origin] {
        assert!(matches!(alert(&catalogue(&message)).body, Body::Cancel(_)), "{message}");
    }
}

#[test]
fn what_shook_the_ground_otherwise_is_nothing_to_warn_of() {
    let kind = |kind: &str| outline(&catalogue(&whole(&format!("<type>{kind}</type>")))).alert.map(|_| ());
    let field = || "eventParameters.event[0].type".to_owned();
    for good in ["earthquake", "not reported", "induced or triggered event", ""] {
        assert_eq!(kind(good), Ok(()), "{good}");
    }
    let blast = "quarry blast".to_owned();
    assert_eq!(kind("quarry blast"), Err(FormatError::NoWarning { field: field(), value: blast }));
    let unknown = "quarry_blast".to_owned();
    assert_eq!(kind("quarry_blast"), Err(FormatError::UnknownValue { field: field(), value: unknown }));
}

#[test]
fn in_real_time_origins_and_magnitudes_stand_beside_their_event() {
    let pick = "<pick><time><value>2024-01-02T03:04:09.25Z</value></time></pick>";
    let bare =
        |mag: &str| in_real_time(&format!("{}{}{}{pick}", event(""), origin("o", "1", ""), magnitude("m", mag, "")));
    let first = alert(&bare("5"));
    assert_eq!(first.id.sent.to_string(), "2024-01-02T03:04:09.25Z");
    assert_eq!(first.body.infos()[0].urgency, Urgency::Immediate);
    assert_eq!(first.body.infos()[0].certainty, Certainty::Likely);
    // Two messages of one instant are told apart by what they say, and one that comes twice is one.
    assert_ne!(first.id, alert(&bare("6")).id);
    assert_eq!(first.id, alert(&bare("5")).id);
    let refusals = outline(&bare("5")).refusals;
    assert_eq!(refusals[0].reason, Unusable::SentByData);
    let prefer = |origin: &str, magnitude: &str| {
        format!(
            "<preferredOriginID>{origin}</preferredOriginID><preferredMagnitudeID>{magnitude}</preferredMagnitudeID>"
        )
    };
    let two = [event(&prefer("b", "d")), event(&prefer("a", "c")), origin("a", "1", ""), origin("b", "2", "")].concat();
    let two = in_real_time(&format!("{two}{}{}", magnitude("c", "5", ""), magnitude("d", "6", "")));
    let found = messages(two.as_bytes(), None).expect("it can be read");
    let places: Vec<f64> = found
        .into_iter()
        .map(|message| {
            match &message.outline.expect("it can be read").alert.expect("in order").body.infos()[0].ground {
                Ground::Earthquake(source) => source.epicentre.lat(),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(places, [2.0, 1.0]);
    let unpreferred = in_real_time(&[event(""), event(""), origin("a", "1", ""), magnitude("c", "5", "")].concat());
    let found = messages(unpreferred.as_bytes(), None).expect("it can be read");
    assert!(found.iter().all(|message| message.outline.as_ref().is_ok_and(|outline| outline.alert.is_err())));
}

#[test]
fn a_value_of_no_list_is_told_and_nothing_hangs_on_it() {
    let message = catalogue(&whole("").replace("</depth>", "</depth><depthType>randomized</depthType>"));
    let Outline { alert, refusals, .. } = outline(&message);
    assert!(alert.is_ok());
    assert_eq!(refusals[0].field, "eventParameters.event[0].origin[0].depthType");
    assert_eq!(refusals[0].reason, Unusable::UnknownValue("randomized".to_owned()));
}

#[test]
fn a_name_that_no_identifier_may_hold_is_escaped() {
    let key = "quakeml:earthquake.usgs.gov/query?eventid=us1&amp;format=quakeml";
    let alert = alert(&catalogue(&whole("").replace("smi:org.example/e/1", key)));
    assert_eq!(alert.id.sender.as_str(), "earthquake.usgs.gov");
    let identifier = "quakeml:earthquake.usgs.gov/query?eventid=us1%26format=quakeml.1704164760000";
    assert_eq!(alert.id.identifier.as_str(), identifier);
    let nobodys = outline(&catalogue(&whole("").replace("smi:org.example/e/1", "1")).replace("smi:org.example", "x"));
    assert_eq!(
        nobodys.alert.map_err(|error| error.field().to_owned()),
        Err("eventParameters.event[0].publicID".into())
    );
}

#[test]
fn events_are_bounded_and_many_cost_no_more_than_each() {
    let most = Limits::default().messages;
    let many = catalogue(&"<event/>".repeat(most + 1));
    let error = messages(many.as_bytes(), None).expect_err("too many");
    assert!(matches!(error, FormatError::TooMany { what: "events", .. }));
    let beside = origin("o", "1", "").repeat(5_000);
    let events = event("<preferredOriginID>o</preferredOriginID>").repeat(10_000);
    let found = messages(in_real_time(&format!("{events}{beside}")).as_bytes(), None).expect("it can be read");
    assert_eq!(found.len(), 10_000);
}

#[test]
fn events_in_the_namespace_of_the_root_are_read_and_it_is_told() {
    let text = r#"<quakeml xmlns="http://quakeml.org/xmlns/quakeml/1.2"><eventParameters publicID="smi:ISC/bulletin">
        <event publicID="smi:ISC/evid=1"><creationInfo><creationTime>2020-03-11T11:45:58Z</creationTime></creationInfo>
        <origin publicID="o"><time><value>2004-12-26T00:58:53Z</value></time><latitude><value>3.3</value></latitude>
        <longitude><value>95.8</value></longitude><depth><value>30000</value></depth></origin>
        <magnitude publicID="m"><mag><value>9.0</value></mag></magnitude></event></eventParameters></quakeml>"#;
    let read = crate::format::read(text.as_bytes(), None).expect("it can be read");
    assert_eq!(read.refusals[0].field, "eventParameters");
    assert_eq!(read.refusals[0].reason, crate::format::Unusable::OtherNamespace);
}
