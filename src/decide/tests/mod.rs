use super::*;
use crate::domain::{
    AlertId, AlertRef, Area, Certainty, Ground, Identifier, Info, InfoTexts, Language, LineageId, Polygon, Priority,
    Revision, Ring, Sender, Severity, Subject, Urgency,
};
use crate::locate::{Atlas, resolve};

mod answers;
mod ends;
mod events;
mod states;

const NOON: &str = "2026-11-24T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn id(name: &str, sent: &str) -> AlertId {
    AlertId {
        sender: Sender::new("w-nws.webmaster@noaa.gov").expect("a sender"),
        identifier: Identifier::new(name).expect("an identifier"),
        sent: at(sent),
    }
}

fn square(west: f64) -> Area {
    let ring = Ring::new([[west, 40.0], [west + 1.0, 40.0], [west + 1.0, 41.0], [west, 41.0]]).expect("a ring");
    Area { polygons: vec![Polygon { outer: ring, holes: vec![] }], ..Area::default() }
}

fn info(language: &str, west: f64, severity: Severity) -> Info {
    Info {
        language: Language::parse(language).expect("a tag"),
        categories: vec![],
        event: "Tornado Warning".to_owned(),
        response_types: vec![],
        urgency: Urgency::Immediate,
        severity,
        certainty: Certainty::Observed,
        event_codes: vec![],
        effective: None,
        onset: None,
        expires: Some(at("2026-11-24T13:00:00Z")),
        texts: InfoTexts::default(),
        parameters: vec![],
        ground: Ground::Areas(NonEmpty::of(square(west))),
    }
}

fn alert(name: &str, sent: &str, references: &[AlertId], body: Body) -> Alert {
    let references = references.iter().map(|id| AlertRef { id: id.clone() }).collect();
    Alert {
        id: id(name, sent),
        mode: Mode::Actual,
        subject: Subject { references, ..Subject::default() },
        scope: AlertScope::Public,
        codes: vec![],
        note: None,
        body,
    }
}

fn issue(infos: Vec<Info>) -> Body {
    Body::Issue(NonEmpty::new(infos).expect("infos"))
}

/// A desk of its own: decides, and remembers as the real one does.
#[derive(Default)]
struct Desk {
    lineages: Lineages,
    rules: Rules,
    now: Timestamp,
    /// Every lineage that there was.
    ids: std::collections::BTreeSet<LineageId>,
    /// What the journal would have.
    journal: Vec<Result<Bulletin, Noted>>,
}

impl Desk {
    fn new() -> Self {
        Self { now: at(NOON), ..Self::default() }
    }

    /// A desk that has read what this one wrote.
    fn replayed(&self) -> Self {
        let mut lineages = Lineages::new();
        for entry in &self.journal {
            match entry {
                Ok(bulletin) => lineages.admit(bulletin),
                Err(noted) => lineages.note(noted),
            }
        }
        let (rules, ids) = (self.rules.clone(), self.ids.clone());
        Self { lineages, rules, now: self.now, ids, journal: self.journal.clone() }
    }

    fn take(&mut self, bulletin: &Bulletin) {
        self.lineages.admit(bulletin);
        self.ids.insert(bulletin.key().lineage);
        self.journal.push(Ok(bulletin.clone()));
    }

    fn decide(&mut self, alert: Alert) -> Decision {
        let noted = Noted::of(&alert, self.now);
        let ground = resolve(&alert, &Atlas::default());
        let decision = decide(&self.lineages, &Authority::development(), &self.rules, alert, &ground, self.now);
        match &decision {
            Decision::Admit(bulletin) => self.take(bulletin),
            Decision::AdmitAll(bulletins) => bulletins.iter().for_each(|bulletin| self.take(bulletin)),
            Decision::Ignore(Ignored::NothingToCancel | Ignored::Superseded | Ignored::Expired) => {
                self.lineages.note(&noted);
                self.journal.push(Err(noted));
            }
            Decision::Ignore(_) | Decision::Hold(_) | Decision::Refuse(_) => {}
        }
        decision
    }

    fn admit(&mut self, alert: Alert) -> Bulletin {
        match self.decide(alert) {
            Decision::Admit(bulletin) => bulletin,
            other => panic!("not admitted: {other:?}"),
        }
    }
}

#[test]
fn languages_of_one_ground_share_a_tier_and_the_highest_tier_is_first() {
    let infos = vec![
        info("en-US", 0.0, Severity::Moderate),
        info("en-US", 5.0, Severity::Extreme),
        info("es-US", 5.0, Severity::Extreme),
    ];
    let bulletin = Desk::new().admit(alert("a", NOON, &[], issue(infos)));
    let tiers = bulletin.tiers();
    assert_eq!(tiers.iter().map(|tier| tier.infos.len()).collect::<Vec<_>>(), [2, 1]);
    assert!(tiers[0].priority > tiers[1].priority);
}

#[test]
fn a_duplicate_changes_nothing_and_gets_the_first_answer_again() {
    let mut desk = Desk::new();
    let first = desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    let again = desk.decide(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    assert!(matches!(again, Decision::Ignore(Ignored::Duplicate(Some(key))) if key == first.key()));
}

#[test]
fn an_update_continues_its_lineage_and_a_cancel_ends_it() {
    let mut desk = Desk::new();
    let first = desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    let update = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], issue(vec![info("en", 1.0, Severity::Severe)]));
    let second = desk.admit(update);
    assert_eq!(second.key().lineage, first.key().lineage);
    assert_eq!(second.key().revision, Revision(2));
    let cancel = alert("c", "2026-11-24T12:02:00Z", &[id("b", "2026-11-24T12:01:00Z")], Body::Cancel(vec![]));
    assert!(matches!(desk.admit(cancel).parts().content, Content::Cancel(_)));
    let late = alert("d", "2026-11-24T12:03:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    assert!(matches!(desk.decide(late), Decision::Ignore(Ignored::NothingToCancel)));
}

#[test]
fn an_update_of_two_lineages_takes_over_the_second() {
    let mut desk = Desk::new();
    desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    let other = desk.admit(alert("b", NOON, &[], issue(vec![info("en", 1.0, Severity::Severe)])));
    let both = [id("a", NOON), id("b", NOON)];
    let joined = desk.admit(alert("c", "2026-11-24T12:01:00Z", &both, issue(vec![info("en", 0.0, Severity::Severe)])));
    assert_eq!(joined.parts().absorbs, [other.key().lineage]);
    assert!(desk.lineages.get(other.key().lineage).is_some_and(|lineage| lineage.ended));
}

#[test]
fn an_alert_that_comes_after_its_cancel_is_not_sent() {
    let mut desk = Desk::new();
    let cancel = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    assert!(matches!(desk.decide(cancel), Decision::Ignore(Ignored::NothingToCancel)));
    let late = desk.decide(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)));
}

#[test]
fn only_its_sender_may_cancel_an_alert() {
    let mut desk = Desk::new();
    let first = desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    let mut forged = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    forged.id.sender = Sender::new("someone@example.org").expect("a sender");
    assert!(matches!(desk.decide(forged), Decision::Ignore(Ignored::NothingToCancel)));
    assert!(desk.lineages.get(first.key().lineage).is_some_and(|lineage| !lineage.ended));
}

#[test]
fn an_exercise_leaves_real_alerts_alone_and_they_leave_it() {
    let mut desk = Desk::new();
    let severe = || issue(vec![info("en", 0.0, Severity::Severe)]);
    let as_exercise = |alert: Alert| Alert { mode: Mode::Exercise, ..alert };
    let real = desk.admit(alert("a", NOON, &[], severe()));
    let cancel = as_exercise(alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![])));
    assert!(matches!(desk.decide(cancel), Decision::Ignore(Ignored::NothingToCancel)));
    assert!(desk.lineages.get(real.key().lineage).is_some_and(|lineage| !lineage.ended));
    let drill = desk.admit(as_exercise(alert("c", "2026-11-24T12:02:00Z", &[id("a", NOON)], severe())));
    assert_ne!(drill.key().lineage, real.key().lineage);
    let earnest = desk.admit(alert("d", "2026-11-24T12:03:00Z", &[id("c", "2026-11-24T12:02:00Z")], severe()));
    assert_ne!(earnest.key().lineage, drill.key().lineage, "those in the drill are told anew that it is real");
}

#[test]
fn an_exercise_does_not_take_the_place_of_a_real_alert_that_comes_late() {
    let mut desk = Desk::new();
    let cancel = alert("b", "2026-11-24T12:01:00Z", &[id("a", NOON)], Body::Cancel(vec![]));
    desk.decide(Alert { mode: Mode::Test, ..cancel });
    desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
}

#[test]
fn a_name_that_its_issuer_uses_again_for_each_update_goes_on() {
    let mut desk = Desk::new();
    let severe = || issue(vec![info("en", 0.0, Severity::Severe)]);
    let first = desk.admit(alert("a", NOON, &[], severe()));
    let mut before = id("a", NOON);
    for (minute, revision) in (1..5).zip(2..) {
        let sent = format!("2026-11-24T12:0{minute}:00Z");
        let next = desk.admit(alert("a", &sent, &[before], severe()));
        assert_eq!((next.key().lineage, next.key().revision), (first.key().lineage, Revision(revision)));
        before = id("a", &sent);
    }
    let stale = desk.decide(alert("a", "2026-11-24T12:02:30Z", &[], severe()));
    assert!(matches!(stale, Decision::Ignore(Ignored::Duplicate(_))));
}

#[test]
fn an_update_of_what_is_over_is_a_first_message() {
    let mut desk = Desk::new();
    let first = desk.admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    desk.now = at("2026-11-24T13:00:00Z");
    let mut late = info("en", 0.0, Severity::Severe);
    late.expires = Some(at("2026-11-24T14:00:00Z"));
    let second = desk.admit(alert("b", "2026-11-24T12:59:00Z", &[id("a", NOON)], issue(vec![late])));
    assert_ne!(second.key().lineage, first.key().lineage);
    assert_eq!(second.key().revision, Revision::FIRST);
}

#[test]
fn an_update_leaves_alone_what_has_been_followed_by_a_newer_message() {
    let mut desk = Desk::new();
    let severe = || issue(vec![info("en", 0.0, Severity::Severe)]);
    let a = desk.admit(alert("a", NOON, &[], severe()));
    let b = desk.admit(alert("b", NOON, &[], severe()));
    desk.admit(alert("b2", "2026-11-24T12:04:00Z", &[id("b", NOON)], severe()));
    let joined = desk.admit(alert("c", "2026-11-24T12:02:00Z", &[id("a", NOON), id("b", NOON)], severe()));
    assert_eq!((joined.key().lineage, joined.parts().absorbs.as_slice()), (a.key().lineage, [].as_slice()));
    assert!(desk.lineages.get(b.key().lineage).is_some_and(|lineage| !lineage.ended));
    let late = desk.decide(alert("d", "2026-11-24T12:03:00Z", &[id("b", NOON)], Body::Cancel(vec![])));
    assert!(matches!(late, Decision::Ignore(Ignored::Superseded)));
}

#[test]
fn two_infos_that_say_the_same_hold_until_the_later_end() {
    let mut later = info("en", 0.0, Severity::Severe);
    later.expires = Some(at("2026-11-24T15:00:00Z"));
    let bulletin = Desk::new().admit(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe), later])));
    assert_eq!(bulletin.tiers().iter().map(Tier::expires).collect::<Vec<_>>(), [at("2026-11-24T15:00:00Z")]);
}

#[test]
fn what_is_expired_private_or_for_systems_goes_to_nobody() {
    let mut desk = Desk::new();
    desk.now = at("2026-11-24T13:00:00Z");
    let expired = desk.decide(alert("a", NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    assert!(matches!(expired, Decision::Ignore(Ignored::Expired)));
    desk.now = at(NOON);
    for (name, mode, scope) in [
        ("b", Mode::System, AlertScope::Public),
        ("c", Mode::Draft, AlertScope::Public),
        ("d", Mode::Actual, AlertScope::Private),
        ("e", Mode::Actual, AlertScope::Restricted),
        ("f", Mode::Actual, AlertScope::Withheld),
    ] {
        let mut quiet = alert(name, NOON, &[], issue(vec![info("en", 0.0, Severity::Severe)]));
        (quiet.mode, quiet.scope) = (mode, scope);
        assert!(matches!(desk.decide(quiet), Decision::Ignore(Ignored::NotForPublic)), "{name}");
    }
}

#[test]
fn codes_alone_are_refused_as_unresolved_and_never_widened() {
    let mut unlocated = info("en", 0.0, Severity::Severe);
    let only = Geocode { scheme: "SAME".into(), code: "006109".into() };
    unlocated.ground = Ground::Areas(NonEmpty::of(Area { geocodes: vec![only.clone()], ..Area::default() }));
    let refused = Desk::new().decide(alert("a", NOON, &[], issue(vec![unlocated])));
    assert!(matches!(refused, Decision::Refuse(Refused::Unresolved(codes)) if codes == [only]));
}

#[test]
fn an_alert_from_the_future_is_refused() {
    let refused =
        Desk::new().decide(alert("a", "2026-11-24T12:06:00Z", &[], issue(vec![info("en", 0.0, Severity::Severe)])));
    assert!(matches!(refused, Decision::Refuse(Refused::SentInFuture(_))));
}

fn shaken(magnitude: f32, severity: Severity) -> Vec<Info> {
    let epicentre = crate::domain::Position::from_degrees(37.0, 37.2).expect("on the globe");
    let source = crate::domain::Source { epicentre, depth_km: Some(10.0), magnitude, origin: at(NOON) };
    vec![Info { ground: Ground::Earthquake(source), ..info("en", 0.0, severity) }]
}

fn tiers_of(infos: Vec<Info>) -> Vec<Tier> {
    let mut desk = Desk::new();
    let Decision::Admit(bulletin) = desk.decide(alert("quake", NOON, &[], issue(infos))) else {
        panic!("not admitted")
    };
    bulletin.tiers().to_vec()
}

#[test]
fn weak_shaking_is_no_emergency_and_strong_shaking_is() {
    let tiers = tiers_of(shaken(7.0, Severity::Unknown));
    for tier in &tiers {
        let intensity = tier.intensity.expect("computed");
        // Who is told is rounded up: it may be worse than the number says, and never less.
        assert!(tier.severity().is_at_least(intensity.severity()), "{tier:?}");
        let grave = tier.severity().is_at_least(Severity::Severe);
        assert_eq!(tier.priority == Priority::LifeThreat, grave, "{intensity}");
        assert_eq!(tier.infos.first().severity, tier.severity());
    }
    let priorities: std::collections::BTreeSet<Priority> = tiers.iter().map(|tier| tier.priority).collect();
    assert_eq!(priorities.len(), 3, "from life threat to information: {priorities:?}");
    assert!(tiers.windows(2).all(|pair| pair[0].priority >= pair[1].priority));
}

#[test]
fn a_severity_that_is_given_stays_and_the_desk_knows_how_pressing_an_earthquake_is() {
    let tiers = tiers_of(shaken(6.0, Severity::Moderate));
    assert!(tiers.iter().all(|tier| tier.severity() == Severity::Moderate && tier.priority == Priority::Advisory));
    for (magnitude, priority) in
        [(3.0, Priority::Information), (7.0, Priority::LifeThreat), (1.0, Priority::Information)]
    {
        let alert = alert("quake", NOON, &[], issue(shaken(magnitude, Severity::Unknown)));
        let ground = resolve(&alert, &Atlas::default());
        assert_eq!(super::priority(alert.body.infos(), &ground), priority, "{magnitude}");
    }
}

#[test]
fn one_earthquake_in_two_languages_is_told_in_the_same_tiers() {
    let mut infos = shaken(6.5, Severity::Unknown);
    infos.push(Info { language: Language::parse("tr").expect("a tag"), ..infos[0].clone() });
    let tiers = tiers_of(infos);
    assert_eq!(tiers.len(), tiers_of(shaken(6.5, Severity::Unknown)).len());
    assert!(tiers.iter().all(|tier| tier.infos.len() == 2));
}

#[test]
fn what_says_no_end_holds_as_long_as_its_hazard_and_nothing_holds_longer_than_the_most() {
    let (rules, sent) = (Rules::default(), at(NOON));
    let of = |urgency, ground, categories| Info {
        urgency,
        ground,
        categories,
        expires: None,
        ..info("en", 0.0, Severity::Severe)
    };
    let epicentre = crate::domain::Position::from_degrees(140.0, 38.0).expect("on the globe");
    let source = crate::domain::Source { epicentre, depth_km: None, magnitude: 7.0, origin: sent };
    let shaking = || Ground::Earthquake(source.clone());
    let coast = || Ground::Areas(NonEmpty::of(square(0.0)));
    for (info, hours) in [
        (of(Urgency::Past, shaking(), vec![Category::Geo]), 6),
        (of(Urgency::Immediate, coast(), vec![Category::Geo]), 24),
        (of(Urgency::Future, coast(), vec![Category::Met]), 24),
        (of(Urgency::Immediate, coast(), vec![Category::Safety]), 6),
    ] {
        assert_eq!(rules.expiry(&info, sent), sent + SignedDuration::from_hours(hours));
    }
    let warning = of(Urgency::Immediate, shaking(), vec![Category::Geo]);
    assert_eq!(rules.expiry(&warning, sent), sent + SignedDuration::from_mins(10));
    let endless = Info { expires: Some(Timestamp::MAX), ..warning };
    assert_eq!(rules.expiry(&endless, sent), sent + rules.max_expiry);
}

fn entitled(name: &str, headline: &str) -> Alert {
    let mut told = info("en", 0.0, Severity::Severe);
    told.texts.headline = Some(headline.to_owned());
    alert(name, NOON, &[], issue(vec![told]))
}

#[test]
fn a_real_alert_that_says_it_is_a_test_is_held_with_the_field_named_and_an_approved_one_is_admitted() {
    let mut desk = Desk::new();
    let Decision::Hold(held) = desk.decide(entitled("a", "TEST - Tornado Warning")) else { panic!("not held") };
    let reason = held.reasons.first();
    assert_eq!(
        (reason.kind, reason.field.as_str(), reason.found.as_str()),
        (HoldKind::TestWord, "info[0].headline", "test")
    );
    assert_eq!(HoldRules::default().unanswered(&held), Unanswered::Drop, "a drill must not become real");
    let again = entitled("a", "TEST - Tornado Warning");
    let ground = resolve(&again, &Atlas::default());
    let (rules, now) = (Rules::default(), desk.now);
    let approved = decide_approved(&desk.lineages, (&Authority::development(), &[]), &rules, again, &ground, now);
    assert!(matches!(approved, Decision::Admit(_)));
}

#[test]
fn a_test_code_in_a_real_alert_holds_it() {
    let value = |name: &str, value: &str| crate::domain::NamedValue { name: name.into(), value: value.to_owned() };
    let (mut same, mut wea, mut vtec) = (entitled("a", ""), entitled("b", ""), entitled("c", ""));
    let change = |alert: &mut Alert, change: &dyn Fn(&mut Info)| {
        let mut infos = alert.body.infos().to_vec();
        change(&mut infos[0]);
        alert.body = issue(infos);
    };
    change(&mut same, &|info| info.event_codes = vec![value("SAME", "RWT")]);
    change(&mut wea, &|info| info.parameters = vec![value("WEAHandling", "WEA Test")]);
    change(&mut vtec, &|info| {
        info.parameters = vec![value("VTEC", "/T.NEW.KCLE.TO.W.0002.190103T0200Z-190103T2100Z/")];
    });
    for alert in [same, wea, vtec] {
        let Decision::Hold(held) = Desk::new().decide(alert) else { panic!("not held") };
        assert_eq!(held.reasons.first().kind, HoldKind::TestCode);
    }
}

#[test]
fn a_doubt_of_the_door_holds_what_would_be_admitted_and_nothing_else() {
    let doubt = [HoldReason { kind: HoldKind::OverReach, field: "area".into(), found: "2 of 1".into() }];
    let (lineages, rules, authority) = (Lineages::new(), Rules::default(), Authority::development());
    let decide = |alert: Alert| {
        let ground = resolve(&alert, &Atlas::default());
        decide_with(&lineages, (&authority, &[], &doubt), &rules, alert, &ground, at(NOON))
    };
    assert!(matches!(decide(entitled("a", "Tornado")), Decision::Hold(_)));
    let draft = Alert { mode: Mode::Draft, ..entitled("b", "Tornado") };
    assert!(matches!(decide(draft), Decision::Ignore(Ignored::NotForPublic)));
    let cancel = alert("c", NOON, &[id("a", NOON)], Body::Cancel(vec![]));
    assert!(matches!(decide(cancel), Decision::Ignore(Ignored::NothingToCancel)));
}

#[test]
fn a_held_alert_waits_no_longer_than_it_holds_itself() {
    let Decision::Hold(held) = Desk::new().decide(entitled("a", "Exercise")) else { panic!("not held") };
    let rules = HoldRules { life_threat: SignedDuration::from_hours(9), ..HoldRules::default() };
    assert_eq!(rules.deadline(&held.bulletin, at(NOON)), held.bulletin.parts().expires);
    let soon = HoldRules::default().deadline(&held.bulletin, at(NOON));
    assert_eq!(soon, at("2026-11-24T12:05:00Z"));
}

proptest::proptest! {
    #[test]
    fn no_message_with_a_status_that_is_not_actual_becomes_a_public_notice(
        mode in proptest::sample::select(vec![Mode::Exercise, Mode::System, Mode::Test, Mode::Draft]),
        headline in ".{0,40}", cancels in proptest::bool::ANY,
    ) {
        let mut message = Alert { mode, ..entitled("a", &headline) };
        if cancels {
            message.body = Body::Cancel(vec![]);
        }
        match Desk::new().decide(message) {
            Decision::Admit(bulletin) => {
                proptest::prop_assert_eq!(bulletin.parts().mode, mode);
                proptest::prop_assert!(matches!(mode, Mode::Exercise | Mode::Test));
            }
            Decision::AdmitAll(_) => proptest::prop_assert!(false, "it is no state"),
            Decision::Hold(_) => proptest::prop_assert!(false, "it is no contradiction that a test says so"),
            Decision::Ignore(_) | Decision::Refuse(_) => {}
        }
    }

    #[test]
    fn nobody_is_the_second_person_of_what_they_have_sent(one in 0..4_u8, other in 0..4_u8) {
        let actor = |number: u8| crate::domain::Actor {
            kind: crate::domain::ActorKind::Operator,
            name: "approve".into(),
            credential: Some(crate::domain::CredentialId([number; 10])),
        };
        let reason = HoldReason { kind: HoldKind::Typed, field: "typed".into(), found: String::new().into() };
        let holding = Holding {
            id: HeldId(1),
            alert: id("a", NOON),
            mode: Mode::Actual,
            reasons: NonEmpty::of(reason),
            authority: "jma".to_owned(),
            sender: actor(one),
            held: at(NOON),
            deadline: at(NOON),
            unanswered: Unanswered::Drop,
        };
        proptest::prop_assert_eq!(holding.is_second_person(&actor(other)), one != other);
    }
}
