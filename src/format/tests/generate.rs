//! Random alerts that CAP 1.2 can say.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::domain::{
    Alert, AlertId, AlertRef, AlertScope, Area, Body, Category, Certainty, Circle, Geocode, Ground, Identifier, Info,
    InfoTexts, Language, Mode, NamedValue, NonEmpty, Polygon, ResponseType, Ring, Sender, Severity, Subject, Timestamp,
    Urgency,
};
use crate::format::text::{line, plain};

fn one_line() -> impl Strategy<Value = String> {
    "[a-zéß水,;<>&\"'./]{1,8}( [a-zéß水,;<>&\"'./]{1,8}){0,3}".prop_filter("markup", |text| line(text) == *text)
}

fn text() -> impl Strategy<Value = String> {
    "[a-zÉя水 <>&\"'./\n\t]{1,40}".prop_filter("markup", |text| !text.is_empty() && plain(text) == *text)
}

/// Seconds, or fractions of them, of years that have four digits.
fn instant() -> impl Strategy<Value = Timestamp> {
    let nanosecond = select(vec![0, 0, 0, 250_000_000, 1]);
    (-2_000_000_000_i64..200_000_000_000, nanosecond)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).expect("within jiff's range"))
}

fn id() -> impl Strategy<Value = AlertId> {
    ("[a-z@.]{1,8}( [a-z@.]{1,8})?", "[a-zA-Z0-9:._+-]{1,12}( [a-z]{1,8})?", instant()).prop_map(
        |(sender, identifier, sent)| AlertId {
            sender: Sender::new(&sender).expect("a sender"),
            identifier: Identifier::new(&identifier).expect("an identifier"),
            sent,
        },
    )
}

/// Degrees to six decimals, which are written in few digits and read back exactly.
fn degrees(range: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = f64> {
    range.prop_map(|micro| f64::from(micro) / 1e6)
}

/// Corners round a centre anywhere; near the antimeridian they run on past it.
fn ring() -> impl Strategy<Value = Ring> {
    let corner = (degrees(-30_000_000..=30_000_000), degrees(-30_000_000..=30_000_000));
    (degrees(-180_000_000..=180_000_000), degrees(-60_000_000..=60_000_000), vec(corner, 3..9)).prop_filter_map(
        "no ring",
        |(lon, lat, corners)| {
            let micro = |degrees: f64| (degrees * 1e6).round() / 1e6;
            Ring::new(corners.into_iter().map(|(east, north)| [micro(lon + east), micro(lat + north)])).ok()
        },
    )
}

/// A ring with holes that lie at its own latitudes.
fn polygon_with_holes() -> impl Strategy<Value = Polygon> {
    (ring(), vec(select(vec![2.0, 4.0, 8.0]), 0..3)).prop_filter_map("no ring", |(outer, shrunk)| {
        let [lon, lat] = outer.points()[0];
        let micro = |degrees: f64| (degrees * 1e6).round() / 1e6;
        let towards = |by: f64| {
            let points = outer.points().iter().map(move |p| [lon + (p[0] - lon) / by, lat + (p[1] - lat) / by]);
            Ring::new(points.map(|[lon, lat]| [micro(lon), micro(lat)])).ok()
        };
        let holes = shrunk.into_iter().map(towards).collect::<Option<Vec<_>>>()?;
        Some(Polygon { outer, holes })
    })
}

fn polygons() -> impl Strategy<Value = Vec<Polygon>> {
    let plain = vec(ring().prop_map(|outer| Polygon { outer, holes: vec![] }), 0..3);
    prop_oneof![plain, polygon_with_holes().prop_map(|polygon| vec![polygon])]
}

fn circle() -> impl Strategy<Value = Circle> {
    (degrees(-180_000_000..=180_000_000), degrees(-90_000_000..=90_000_000), 1..20_004_000)
        .prop_map(|(lon, lat, metres)| Circle::new(lon, lat, f64::from(metres) / 1000.0).expect("a circle"))
}

fn named_value() -> impl Strategy<Value = NamedValue> {
    (one_line(), text()).prop_map(|(name, value)| NamedValue { name: name.into(), value })
}

fn area() -> impl Strategy<Value = Area> {
    let geocode = named_value().prop_map(|named| Geocode { scheme: named.name, code: named.value.into() });
    let feet = || (-1_000..100_000).prop_map(|feet| f64::from(feet) / 4.0);
    (one_line(), polygons(), vec(circle(), 0..3), vec(geocode, 0..3), of((feet(), of(feet())))).prop_map(
        |(description, polygons, circles, geocodes, altitude_ft)| Area {
            description,
            polygons,
            circles,
            geocodes,
            altitude_ft,
        },
    )
}

fn texts() -> impl Strategy<Value = InfoTexts> {
    let one = || of(one_line());
    (one(), one(), of(text()), of(text()), one(), one(), one()).prop_map(
        |(sender_name, headline, description, instruction, web, contact, audience)| InfoTexts {
            sender_name,
            headline,
            description,
            instruction,
            web,
            contact,
            audience,
        },
    )
}

fn info(ground: impl Strategy<Value = Ground>) -> impl Strategy<Value = Info> {
    let tags = vec!["en-us", "de", "zh-tw", "sr-latn", "es-419"];
    let language = select(tags).prop_map(|tag| Language::parse(tag).expect("a tag"));
    let lists = (
        subsequence(Category::ALL.to_vec(), 1..4),
        subsequence(ResponseType::ALL.to_vec(), 0..4),
        vec(named_value(), 0..3),
        vec(named_value(), 0..3),
    );
    let grades = (select(Urgency::ALL), select(Severity::ALL), select(Certainty::ALL));
    let times = (of(instant()), of(instant()), of(instant()));
    (language, one_line(), lists, grades, times, texts(), ground).prop_map(
        |(language, event, lists, (urgency, severity, certainty), (effective, onset, expires), texts, ground)| Info {
            language,
            categories: lists.0,
            event,
            // An AllClear of what is past ends the alert, which is told elsewhere.
            urgency: if lists.1.contains(&ResponseType::AllClear) { Urgency::Future } else { urgency },
            response_types: lists.1,
            severity,
            certainty,
            event_codes: lists.2,
            effective,
            onset,
            expires,
            texts,
            parameters: lists.3,
            ground,
        },
    )
}

/// Infos of which all have areas, or none.
fn infos() -> impl Strategy<Value = NonEmpty<Info>> {
    let areas = vec(area(), 1..4).prop_map(|areas| Ground::Areas(NonEmpty::new(areas).expect("at least one")));
    let infos = prop_oneof![vec(info(areas), 1..4), vec(info(Just(Ground::None)), 1..3)];
    infos.prop_map(|infos| NonEmpty::new(infos).expect("at least one"))
}

fn body() -> impl Strategy<Value = (Body, Vec<AlertRef>)> {
    let references = |least| vec(id().prop_map(|id| AlertRef { id }), least..4);
    prop_oneof![
        infos().prop_map(|infos| (Body::Issue(infos), Vec::new())),
        (infos(), references(1)).prop_map(|(infos, references)| (Body::Update(infos), references)),
        (infos(), references(1)).prop_map(|(infos, references)| (Body::Cancel(infos.into_vec()), references)),
        references(1).prop_map(|references| (Body::Cancel(Vec::new()), references)),
        (select(vec![Body::Ack, Body::Error]), references(0)),
    ]
}

/// Any alert.
pub(super) fn alert() -> impl Strategy<Value = Alert> {
    let mode = select(vec![Mode::Actual, Mode::Exercise, Mode::System, Mode::Test, Mode::Draft]);
    let scope = select(vec![AlertScope::Public, AlertScope::Restricted, AlertScope::Private]);
    (id(), mode, scope, vec(one_line(), 0..3), of(text()), body()).prop_map(
        |(id, mode, scope, codes, note, (body, references))| Alert {
            id,
            mode,
            subject: Subject { references, ..Subject::default() },
            scope,
            codes: codes.into_iter().map(Into::into).collect(),
            note,
            body,
        },
    )
}
