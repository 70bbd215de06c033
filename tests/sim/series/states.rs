//! Telegrams that are the whole state of a territory, one after another and out of order.

use std::collections::BTreeMap;

use hazardcast::domain::{
    Alert, AlertId, AlertScope, Body, Category, Certainty, Ground, Identifier, Info, InfoTexts, Language, Mode,
    NamedValue, NonEmpty, NoticeKind, Sender, Severity, SignedDuration, Slot, StateScope, Subject, Urgency,
};
use hazardcast::intake::Answer;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::plain::Report;
use crate::house::{House, NOON};
use crate::message::block;
use crate::people::device;
use crate::pieces::{Sent, Steps};

/// A hazard in a place, and how bad it is.
type On = (usize, usize, Severity);

const HAZARDS: [&str; 3] = ["rain", "wind", "waves"];
const PLACES: usize = 4;
const GRADES: [Severity; 3] = [Severity::Moderate, Severity::Severe, Severity::Extreme];

/// The state at a minute, as a telegram.
fn state(minute: usize, on: &[On]) -> Report {
    let info = |&(hazard, place, severity): &On| {
        let west = place as f64;
        Info {
            language: Language::parse("en").expect("a tag"),
            categories: vec![Category::Met],
            event: format!("{} {}", HAZARDS[hazard], severity.as_str()),
            response_types: Vec::new(),
            urgency: Urgency::Immediate,
            severity,
            certainty: Certainty::Observed,
            event_codes: vec![NamedValue { name: Info::HAZARD.into(), value: HAZARDS[hazard].to_owned() }],
            effective: None,
            onset: None,
            expires: None,
            texts: InfoTexts::default(),
            parameters: Vec::new(),
            ground: Ground::Areas(NonEmpty::of(block([west, 0.0], [west + 0.5, 0.5]))),
        }
    };
    let sent = NOON - SignedDuration::from_mins(60) + SignedDuration::from_mins(minute as i64);
    let sender = Sender::new("weather@example.org").expect("a sender");
    let identifier = Identifier::new(&format!("state-{minute:02}")).expect("an identifier");
    Report::of(Alert {
        id: AlertId { sender, identifier, sent },
        mode: Mode::Actual,
        subject: Subject::default(),
        scope: AlertScope::Public,
        codes: Vec::new(),
        note: None,
        body: Body::State { scope: StateScope("somewhere".into()), infos: on.iter().map(info).collect() },
    })
}

/// Any hazards, each with one grade in some places; sometimes nothing.
fn anything(rng: &mut StdRng) -> Vec<On> {
    let mut on = Vec::new();
    if rng.random_bool(0.8) {
        for hazard in 0..HAZARDS.len() {
            for place in 0..PLACES {
                if rng.random_bool(0.4) {
                    on.push((hazard, place, GRADES[rng.random_range(0..GRADES.len())]));
                }
            }
        }
    }
    on
}

/// The worst grade that each device shows of each hazard.
type Shown = BTreeMap<(usize, Slot), Severity>;

async fn play(house: &mut House, slots: &[Slot], states: &[(usize, Vec<On>)]) -> Shown {
    let (mut shown, mut newest): (Shown, Option<usize>) = (BTreeMap::new(), None);
    for (minute, on) in states {
        let answer = house.submit_as_read(state(*minute, on).submission()).await;
        house.run_out().await;
        let mut sounded = 0;
        let mut released = 0;
        let mut due = (0, 0);
        for delivery in house.log.take() {
            match delivery.kind {
                NoticeKind::Release => released += 1,
                _ => sounded += 1,
            }
        }
        if newest.is_none_or(|newest| newest < *minute) {
            newest = Some(*minute);
            for (hazard, (place, &slot)) in
                (0..HAZARDS.len()).flat_map(|h| slots.iter().enumerate().map(move |s| (h, s)))
            {
                // The worst comes first in this order.
                let of = |on: &&On| on.0 == hazard && on.1 == place;
                let now = on.iter().filter(of).map(|on| on.2).min();
                let before = shown.get(&(hazard, slot)).copied();
                match (before, now) {
                    // Extreme and Severe are both a threat to life here, and do not sound apart.
                    (before, Some(now)) if before.is_none_or(|before| rank(before) < rank(now)) => {
                        due.0 += 1;
                        shown.insert((hazard, slot), now);
                    }
                    (Some(_), None) => {
                        due.1 += 1;
                        shown.remove(&(hazard, slot));
                    }
                    _ => {}
                }
            }
        } else {
            assert!(!matches!(answer, Answer::Admitted(_)), "it is older than what stands");
        }
        assert_eq!((sounded, released), due, "{on:?} at {minute}");
    }
    shown
}

fn rank(severity: Severity) -> u8 {
    u8::from(severity.is_at_least(Severity::Severe))
}

#[tokio::test]
async fn of_whole_states_what_is_new_sounds_and_what_is_gone_is_released() {
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut states: Vec<(usize, Vec<On>)> = (0..12).map(|minute| (minute, anything(&mut rng))).collect();
        let mut ends = Vec::new();
        for round in 0..3 {
            let mut house = House::open(Steps { planned: 20, sent: Sent::Four }).await;
            let new = (0..PLACES).map(|place| device([place as f64 + 0.25, 0.25], true)).collect();
            let registered = house.register(new).await;
            let slots: Vec<Slot> = registered.into_iter().map(|registered| registered.registration.slot).collect();
            if round > 0 {
                states.shuffle(&mut rng);
            }
            // Each comes twice in the last round.
            let twice: Vec<_> = states.iter().flat_map(|state| [state.clone(), state.clone()]).collect();
            let shown = play(&mut house, &slots, if round == 2 { &twice } else { &states }).await;
            ends.push(shown.into_keys().collect::<Vec<_>>());
        }
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "{seed}: {ends:?}");
    }
}
