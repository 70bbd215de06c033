//! What an authority may: limit by limit, and no ground beyond its jurisdiction whatever is drawn.

use std::num::NonZeroU32;

use geo::{Contains, Coord, Distance, Geodesic, LineString, Point};
use proptest::prelude::*;

use super::*;
use crate::decide::{Held, HoldKind, Lineages, Rules, Unanswered, decide_with};
use crate::domain::{
    AlertId, AlertRate, AlertScope, Area, AuthorityName, Category, Certainty, Circle, CredentialId, Ground, Identifier,
    InfoTexts, Language, Mode, NamedValue, NonEmpty, PartnerName, Polygon, Ring, Role, SignatureRule, Source, Subject,
    Timestamp, Urgency,
};
use crate::format::signature::{SignatureFault, Signed};
use crate::locate::{Atlas, resolve};

const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);
const CAP: Manner<'_> = Manner { format: "CAP 1.2", verified: None };

fn ring(points: &[[f64; 2]]) -> Ring {
    Ring::new(points.iter().copied()).expect("a ring")
}

fn drawn(points: &[[f64; 2]]) -> Area {
    Area { polygons: vec![Polygon { outer: ring(points), holes: vec![] }], ..Area::default() }
}

fn square(west: f64, south: f64, side: f64) -> Area {
    drawn(&[[west, south], [west + side, south], [west + side, south + side], [west, south + side]])
}

fn terms() -> AuthorityTerms {
    AuthorityTerms {
        display_name: "County".to_owned(),
        senders: NonEmpty::of(Sender::new("a@example.org").expect("a sender")),
        jurisdiction: Jurisdiction::Ground(square(0.0, 0.0, 10.0)),
        categories: vec![],
        events: vec![],
        formats: vec![],
        modes: vec![],
        scopes: vec![],
        highest_severity: None,
        rate: Some(AlertRate { per_minute: NonZeroU32::MIN, burst: NonZeroU32::MIN }),
        reach_limit: Some(1),
        signature: None,
    }
}

fn authority(terms: AuthorityTerms) -> Authority {
    let name = AuthorityName::new("county").expect("an id");
    let limits = Arc::new(Limits::new(terms.clone()));
    let admitted = AdmittedAuthority { name, terms, created: NOON, updated: NOON, revoked: None, revision: 1 };
    Authority { name: "county".to_owned(), senders: None, limits: None }.within(&admitted, limits)
}

fn info(ground: Ground) -> Info {
    Info {
        language: Language::parse("en").expect("a tag"),
        categories: vec![Category::Met],
        event: "Storm".to_owned(),
        response_types: vec![],
        urgency: Urgency::Immediate,
        severity: Severity::Severe,
        certainty: Certainty::Observed,
        event_codes: vec![NamedValue { name: "SAME".into(), value: "SVR".to_owned() }],
        effective: None,
        onset: None,
        expires: None,
        texts: InfoTexts::default(),
        parameters: vec![],
        ground,
    }
}

fn of_body(body: Body) -> Alert {
    let [sender, identifier] = ["a@example.org", "1"];
    Alert {
        id: AlertId {
            sender: Sender::new(sender).expect("a sender"),
            identifier: Identifier::new(identifier).expect("an identifier"),
            sent: NOON,
        },
        mode: Mode::Actual,
        subject: Subject::default(),
        scope: AlertScope::Public,
        codes: vec![],
        note: None,
        body,
    }
}

fn alert(areas: Vec<Area>) -> Alert {
    of_body(Body::Issue(NonEmpty::of(info(Ground::Areas(NonEmpty::new(areas).expect("areas"))))))
}

fn judged(authority: &Authority, alert: &Alert, manner: Manner<'_>) -> (Vec<Breach>, Decision) {
    let ground = resolve(alert, &Atlas::default());
    let breaches = authority.breaches(alert, &ground, manner);
    let (sent, rules) = ((authority, &*breaches, &[][..]), Rules::default());
    let decision = decide_with(&Lineages::new(), sent, &rules, alert.clone(), &ground, NOON);
    (breaches, decision)
}

/// Each breach's reason, its field and whether a person may let it pass.
fn told(terms: AuthorityTerms, alert: &Alert, manner: Manner<'_>) -> Vec<(&'static str, String, bool)> {
    let (breaches, decision) = judged(&authority(terms), alert, manner);
    assert_eq!(breaches.is_empty(), matches!(decision, Decision::Admit(_)), "{decision:?}");
    breaches.iter().map(|breach| (breach.reason(), breach.field(), breach.may_pass())).collect()
}

#[test]
fn only_an_authority_speaks_for_senders_and_only_for_its_own() {
    let own = Sender::new("a@example.org").expect("a sender");
    let known = |principal| Caller::Known { credential: CredentialId([0; 10]), principal };
    let name = AuthorityName::new("jma").expect("an id");
    let caller = known(Principal::Authority { name, senders: NonEmpty::of(own.clone()) });
    let expected = Authority { name: "jma".to_owned(), senders: Some(vec![own]), limits: None };
    assert_eq!(Authority::of(&caller), Some(expected));
    let partner = Principal::Partner(PartnerName::new("acme").expect("an id"));
    for principal in [partner, Principal::Operator(Role::Administer), Principal::Bootstrap] {
        assert_eq!(Authority::of(&known(principal)), None);
    }
    assert_eq!(Authority::of(&Caller::Stranger), None);
}

#[test]
fn a_credential_and_a_record_together_speak_for_what_both_name() {
    let senders = ["a@example.org", "b@example.org"].map(|name| Sender::new(name).expect("a sender"));
    let limits = Arc::new(Limits::new(terms()));
    let [a, b] = senders;
    let credential = Authority { senders: Some(vec![b, a.clone()]), ..Authority::development() };
    let admitted = AdmittedAuthority {
        name: AuthorityName::new("county").expect("an id"),
        terms: terms(),
        created: NOON,
        updated: NOON,
        revoked: None,
        revision: 1,
    };
    assert_eq!(credential.within(&admitted, limits).senders, Some(vec![a]));
}

#[test]
fn each_limit_has_its_answer_and_each_answer_its_field() {
    let inside = alert(vec![square(1.0, 1.0, 1.0)]);
    assert_eq!(told(terms(), &inside, CAP), []);
    let one = |reason, field: &str, may_pass| vec![(reason, field.to_owned(), may_pass)];
    let sender = NonEmpty::of(Sender::new("b@example.org").expect("a sender"));
    let rule = SignatureRule { certificates: vec![], roots: vec![], subjects: vec![] };
    let cases = [
        (AuthorityTerms { senders: sender, ..terms() }, one("SENDER_NOT_ADMITTED", "sender", false)),
        (AuthorityTerms { formats: vec!["QuakeML".into()], ..terms() }, one("FORMAT_NOT_ADMITTED", "format", false)),
        (AuthorityTerms { modes: vec![Mode::Test], ..terms() }, one("STATUS_NOT_ADMITTED", "status", false)),
        (AuthorityTerms { scopes: vec![AlertScope::Private], ..terms() }, one("SCOPE_NOT_ADMITTED", "scope", false)),
        (AuthorityTerms { signature: Some(rule.clone()), ..terms() }, one("SIGNATURE_REQUIRED", "Signature", false)),
        (
            AuthorityTerms { categories: vec![Category::Geo], ..terms() },
            one("CATEGORY_NOT_ADMITTED", "info[0].category", true),
        ),
        (AuthorityTerms { events: vec!["Flood".into()], ..terms() }, one("EVENT_NOT_ADMITTED", "info[0].event", true)),
        (
            AuthorityTerms { highest_severity: Some(Severity::Moderate), ..terms() },
            one("SEVERITY_TOO_HIGH", "info[0].severity", true),
        ),
        (
            AuthorityTerms { jurisdiction: Jurisdiction::Ground(square(1.0, 1.0, 0.5)), ..terms() },
            one("OUTSIDE_JURISDICTION", "info[0].area", true),
        ),
    ];
    for (terms, expected) in cases {
        assert_eq!(told(terms, &inside, CAP), expected);
    }
    for fine in [
        AuthorityTerms { formats: vec!["cap 1.2".into()], events: vec!["svr".into()], ..terms() },
        AuthorityTerms { modes: vec![Mode::Test, Mode::Actual], scopes: vec![AlertScope::Public], ..terms() },
        AuthorityTerms { categories: vec![Category::Met, Category::Geo], ..terms() },
        AuthorityTerms { highest_severity: Some(Severity::Severe), ..terms() },
        AuthorityTerms { jurisdiction: Jurisdiction::World, ..terms() },
    ] {
        assert_eq!(told(fine, &inside, CAP), []);
    }
    let right = Ok(Signed { seals: vec![], others: 0, at: NOON });
    let signed = Manner { verified: Some(&right), ..CAP };
    assert_eq!(told(AuthorityTerms { signature: Some(rule.clone()), ..terms() }, &inside, signed), []);
    let wrong = Err(SignatureFault::Unsigned);
    let unsigned = Manner { verified: Some(&wrong), ..CAP };
    let expected = one("SIGNATURE_REQUIRED", "Signature", false);
    assert_eq!(told(AuthorityTerms { signature: Some(rule), ..terms() }, &inside, unsigned), expected);
}

#[test]
fn all_that_is_beyond_is_told_and_not_the_first_alone() {
    let terms = AuthorityTerms {
        categories: vec![Category::Geo],
        formats: vec!["QuakeML".into()],
        highest_severity: Some(Severity::Minor),
        ..terms()
    };
    let (_, decision) = judged(&authority(terms), &alert(vec![square(9.5, 1.0, 1.0)]), CAP);
    let Decision::Refuse(Refused::Beyond(breaches)) = decision else { panic!("{decision:?}") };
    let reasons: Vec<_> = breaches.iter().map(Breach::reason).collect();
    let expected = ["FORMAT_NOT_ADMITTED", "CATEGORY_NOT_ADMITTED", "SEVERITY_TOO_HIGH", "OUTSIDE_JURISDICTION"];
    assert_eq!(reasons, expected);
    assert!(breaches.iter().all(|breach| breach.to_string().starts_with(&breach.field())));
}

#[test]
fn what_a_person_may_let_pass_waits_for_one_and_each_breach_is_a_reason() {
    let terms = AuthorityTerms { highest_severity: Some(Severity::Minor), ..terms() };
    let (_, decision) = judged(&authority(terms), &alert(vec![square(9.5, 1.0, 1.0)]), CAP);
    let Decision::Hold(Held { reasons, .. }) = decision else { panic!("{decision:?}") };
    let fields: Vec<_> = reasons.iter().map(|reason| (reason.kind, &*reason.field)).collect();
    let kind = HoldKind::BeyondAuthority;
    assert_eq!(fields, [(kind, "info[0].severity"), (kind, "info[0].area")]);
}

#[test]
fn what_comes_too_soon_after_others_is_sent_by_a_person_or_not_at_all() {
    let (authority, alert) = (authority(terms()), alert(vec![square(1.0, 1.0, 1.0)]));
    let (ground, rules) = (resolve(&alert, &Atlas::default()), Rules::default());
    let lineages = Lineages::new();
    let decision = decide_with(&lineages, (&authority, &[Breach::Rate], &[]), &rules, alert, &ground, NOON);
    let Decision::Hold(held) = decision else { panic!("{decision:?}") };
    assert_eq!(held.reasons.first().kind, HoldKind::OverRate);
    assert_eq!(rules.hold.unanswered(&held), Unanswered::Drop);
}

#[test]
fn a_cancel_says_nothing_of_ground_and_an_ack_of_a_wrong_sender_is_refused() {
    let far = Ground::Areas(NonEmpty::of(square(50.0, 50.0, 1.0)));
    let cancel = of_body(Body::Cancel(vec![info(far)]));
    let ground = resolve(&cancel, &Atlas::default());
    assert_eq!(authority(terms()).breaches(&cancel, &ground, CAP), []);
    let ack = of_body(Body::Ack);
    let (_, decision) = judged(&authority(AuthorityTerms { modes: vec![Mode::Test], ..terms() }), &ack, CAP);
    assert!(matches!(decision, Decision::Refuse(Refused::Beyond(_))), "{decision:?}");
    let (_, decision) = judged(&authority(terms()), &ack, CAP);
    assert!(matches!(decision, Decision::Ignore(Ignored::NotForPublic)), "{decision:?}");
}

#[test]
fn ground_that_is_said_in_many_languages_is_beyond_once() {
    let areas = || Ground::Areas(NonEmpty::of(square(9.5, 1.0, 1.0)));
    let infos = vec![info(areas()), Info { language: Language::parse("de").expect("a tag"), ..info(areas()) }];
    let alert = of_body(Body::Issue(NonEmpty::new(infos).expect("infos")));
    assert_eq!(told(terms(), &alert, CAP), [("OUTSIDE_JURISDICTION", "info[0].area".to_owned(), true)]);
}

#[test]
fn an_earthquake_is_within_if_all_that_it_shakes_is() {
    let quake = |lon: f64, magnitude: f32| {
        let epicentre = crate::domain::Position::from_degrees(lon, 5.0).expect("on the globe");
        let source = Source { epicentre, depth_km: Some(10.0), magnitude, origin: NOON };
        of_body(Body::Issue(NonEmpty::of(info(Ground::Earthquake(source)))))
    };
    let told = |alert: &Alert| judged(&authority(terms()), alert, CAP).0;
    assert_eq!(told(&quake(5.0, 4.5)), []);
    // The epicentre is within, and not all that it shakes.
    assert!(matches!(*told(&quake(9.9, 4.5)), [Breach::Ground { .. }, ..]));
    assert!(matches!(*told(&quake(5.0, 8.5)), [Breach::Ground { .. }, ..]));
}

#[test]
fn a_county_does_not_warn_the_world() {
    let world = drawn(&[[-179.9, -90.0], [0.0, -90.0], [179.9, -90.0], [179.9, 90.0], [0.0, 90.0], [-179.9, 90.0]]);
    let round = Area { circles: vec![Circle::new(5.0, 5.0, 20_000.0).expect("a circle")], ..Area::default() };
    for area in [world, round] {
        assert_eq!(told(terms(), &alert(vec![area]), CAP), [("OUTSIDE_JURISDICTION", "info[0].area".to_owned(), true)]);
    }
}

/// A ring round a place that does not cross itself.
fn star(lengths: &[f64], at: [f64; 2]) -> Vec<[f64; 2]> {
    let step = std::f64::consts::TAU / lengths.len() as f64;
    let point = |(number, length): (usize, &f64)| {
        let (sin, cos) = (step * number as f64).sin_cos();
        // As they come to be on the lattice.
        [at[0] + length * cos, at[1] + length * sin].map(|degrees| (degrees * 1e7).round() / 1e7)
    };
    lengths.iter().enumerate().map(point).collect()
}

fn plain(points: &[[f64; 2]]) -> geo::Polygon<f64> {
    geo::Polygon::new(LineString::new(points.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect()), vec![])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// `geo`, and not this server's own ground, says where a place is.
    #[test]
    fn no_alert_that_is_sent_covers_a_place_outside_its_authoritys_jurisdiction(
        land in prop::collection::vec(3.0..9.0, 5..24),
        area in prop::collection::vec(0.2..6.0, 3..16),
        at in [-6.0..6.0, -6.0..6.0],
        circle in prop::option::of(([-5.0..5.0, -5.0..5.0], 10.0..400.0)),
        origin in prop::sample::select(vec![[0.0, 0.0], [179.0, 40.0], [-178.0, -60.0]]),
        sampled in prop::collection::vec([-12.0..12.0, -12.0..12.0], 200),
    ) {
        let [lon, lat] = origin;
        let (land, drawing) = (star(&land, origin), star(&area, [lon + at[0], lat + at[1]]));
        let mut areas = vec![drawn(&drawing)];
        let round = circle.map(|([x, y], radius): ([f64; 2], f64)| {
            let lon = (lon + x + 180.0).rem_euclid(360.0) - 180.0;
            (Point::new(lon, lat + y), radius, Circle::new(lon, lat + y, radius).expect("a circle"))
        });
        areas.extend(round.map(|(_, _, circle)| Area { circles: vec![circle], ..Area::default() }));
        let authority = authority(AuthorityTerms { jurisdiction: Jurisdiction::Ground(drawn(&land)), ..terms() });
        let (breaches, decision) = judged(&authority, &alert(areas), CAP);
        prop_assert_eq!(matches!(decision, Decision::Admit(_)), breaches.is_empty());
        let (land, drawing) = (plain(&land), plain(&drawing));
        let is_beyond = |place: Point| {
            let near = |(centre, radius, _): (Point, f64, Circle)| Geodesic.distance(centre, place) < radius * 1_000.0;
            (drawing.contains(&place) || round.is_some_and(near)) && !land.contains(&place)
        };
        let places = sampled.iter().map(|[x, y]| Point::new(lon + x, lat + y));
        if let Some(place) = places.into_iter().find(|place| is_beyond(*place)) {
            // Only a person may let it pass.
            prop_assert!(matches!(decision, Decision::Hold(_)), "{:?} is beyond", place);
        }
        // What is within by construction is sent.
        let small: Vec<f64> = area.iter().map(|length| length / 6.0 * 0.9).collect();
        let (_, decision) = judged(&authority, &alert(vec![drawn(&star(&small, origin))]), CAP);
        prop_assert!(matches!(decision, Decision::Admit(_)), "{:?}", decision);
    }
}
