//! Small numbers as what they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::acts::{Agreed, CHANNELS};
use crate::domain::{Guardian, SavedPlaceId};

pub(super) fn footprint(place: u8) -> Footprint {
    match place {
        0 => {
            let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
            Footprint::Box { south_west: corner(10.0, 50.0), north_east: corner(10.25, 50.5) }
        }
        _ => point(f64::from(place) * 30.0, 10.0),
    }
}

/// Address 0 is none.
pub(super) fn tokens(addresses: &[u8]) -> BTreeMap<ChannelKind, String> {
    let given = CHANNELS.into_iter().zip(addresses).filter(|(_, address)| **address > 0);
    given.map(|(channel, address)| (channel, value(*address))).collect()
}

pub(super) fn value(address: u8) -> String {
    format!("address-{address}")
}

/// The same as the registry takes them.
pub(super) fn given(tokens: &BTreeMap<ChannelKind, String>) -> Vec<Token> {
    tokens.iter().map(|(channel, value)| token(*channel, value)).collect()
}

pub(super) fn at((place, ago): (u8, i64), now: Timestamp) -> (Footprint, Timestamp) {
    (footprint(place), now - SignedDuration::from_secs(ago))
}

/// How old a report may be: what the registry has without being told otherwise.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A place as it is held, if it can be.
pub(super) fn held_as(
    (place, time): (Footprint, Timestamp),
    precision: PlacePrecision,
) -> Option<(Footprint, Timestamp)> {
    Some((precision.coarsen(place).ok()?, time))
}

pub(super) fn saved_id(id: u8) -> SavedPlaceId {
    SavedPlaceId::new(&format!("place-{id}")).expect("an id")
}

pub(super) fn languages(both: bool) -> &'static [&'static str] {
    if both { &["ja", "en-us"] } else { &["es"] }
}

pub(super) fn consents(agreed: &[Agreed], now: Timestamp) -> Vec<Consent> {
    let ends = |seconds| now + SignedDuration::from_secs(seconds);
    let read = |agreed: &Agreed| Consent {
        policy: PolicyVersion(agreed.policy),
        guardian: agreed.guardian.then(guardian),
        ..consent(agreed.purpose, agreed.seconds.map(ends))
    };
    agreed.iter().map(read).collect()
}

pub(super) fn guardian() -> Guardian {
    Guardian { reference: Private::new("parent-7".to_owned()), method: "signed form".to_owned() }
}

/// What stands for a name until there is one.
pub(super) fn bare_name() -> RegistrationName {
    RegistrationName { app: app(ALPHA), cid: Cid([0; 16]), installation: None }
}

/// Each once, best kind first.
pub(super) fn known_kinds(identifiers: &[(IdentifierKind, u8)]) -> Vec<(IdentifierKind, u8)> {
    let mut known = identifiers.to_vec();
    known.sort_by_key(|(kind, _)| *kind);
    let mut seen = BTreeSet::new();
    known.retain(|offered| seen.insert(*offered));
    known
}
