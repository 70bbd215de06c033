//! Each use asks for exactly what the table of [`Use`] says, whoever agreed to what.

use super::*;
use crate::domain::{Hazards, Mode, Priority, SavedPlace, SavedPlaceId, Severity, Use};
use crate::plan::{Found, Grant, Place, Policy, Situation, TierFacts, Verdict, Wish, plan, withheld};

/// Whether the house does it for a registration; `None` for what is not built yet.
fn is_done(house: &House, held: &Registration, used: Use) -> Option<bool> {
    let registry = house.registry();
    let (facts, now) = (registry.facts(held.slot), house.now());
    let null = ChannelKind::Null.bit();
    let policy = Policy { oldest_valid: registry.oldest_valid_policy(facts.app()), channels: null, abroad: null };
    let cross_border = registry.cross_border(held.slot);
    let is_told = |found| {
        let expires = now + SignedDuration::from_hours(1);
        let (priority, severity) = (Priority::Warning, Severity::Severe);
        let tier = TierFacts { mode: Mode::Actual, priority, severity, hazards: Hazards::NONE, expires };
        let situation = Situation { linked: true, found, wish: Wish::EVERYTHING, cross_border: Grant::default() };
        matches!(plan(&facts, tier, situation, policy, now), Verdict::Tell { .. })
    };
    match used {
        Use::HoldPlace => {
            let here = Some((point(1.0, 2.0), now));
            Some(house.make(|registry| registry.report_place(&held.name, here)).is_ok())
        }
        Use::TellHere => Some(is_told(Found::ByPlace(Place::Live))),
        Use::TellOver => Some(is_told(Found::ByReach)),
        Use::SendAbroad => {
            let situation = Situation { linked: false, found: Found::ByReach, wish: Wish::EVERYTHING, cross_border };
            Some(withheld(&facts, situation, policy, now) == 0)
        }
        Use::HoldSavedPlaces => {
            let id = SavedPlaceId::new("home").expect("an id");
            let saved = SavedPlace { id, place: point(1.0, 2.0), precision: PlacePrecision::Exact };
            Some(house.make(|registry| registry.set_saved_place(&held.name, saved)).is_ok())
        }
        Use::TellThere => Some(is_told(Found::ByPlace(Place::Saved(registry.saved_places_grant(held.slot))))),
        Use::MergeLinks | Use::StartApp => None,
    }
}

#[test]
fn each_use_needs_exactly_the_purposes_that_the_table_says() {
    let house = House::new();
    for agreed in 0..1_u32 << Purpose::ALL.len() {
        let has = |purpose: &Purpose| agreed & 1 << *purpose as u32 != 0;
        let consents = Purpose::ALL.into_iter().filter(has).map(|purpose| consent(purpose, None)).collect();
        let tokens = vec![token(ChannelKind::Null, "null")];
        let held = house.register(NewRegistration { tokens, consents, ..bare(ALPHA) }).registration;
        for used in Use::ALL {
            let expected = used.needs().iter().all(has);
            let done = is_done(&house, &held, used);
            assert!(done.is_none_or(|done| done == expected), "{used:?} of one who agreed to {agreed:b}: {done:?}");
        }
    }
}
