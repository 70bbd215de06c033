//! The infos of an alert, sorted into tiers: one area with one priority, told in each language that the source has.

use std::cmp::Ordering;

use crate::domain::{AlertId, Geocode, Info, NonEmpty, Priority, Severity, Timestamp};
use crate::locate::{Part, Resolved};

use super::{Rules, Tier};

/// Why no tier came of the infos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoTier {
    /// Every info with ground is past its `expires`.
    Expired,
    /// No info has ground.
    NoGround,
    /// Only codes, none of them known.
    Unresolved(Vec<Geocode>),
}

/// Sorts infos into tiers, highest priority first. Each info gets an `expires`: its own, bounded by the rules.
pub(super) fn tiers(
    infos: &[Info],
    ground: &Resolved,
    rules: &Rules,
    id: &AlertId,
    now: Timestamp,
) -> Result<NonEmpty<Tier>, NoTier> {
    let mut tiers: Vec<Tier> = Vec::new();
    let mut any_expired = false;
    for (info, found) in infos.iter().zip(&ground.infos) {
        let expires = rules.expiry(info, id.sent);
        if expires <= now {
            any_expired |= !found.parts.is_empty();
            continue;
        }
        for part in &found.parts {
            let severity = severity(info, part);
            add(&mut tiers, part, Info { expires: Some(expires), severity, ..info.clone() });
        }
    }
    // A stable sort: among equals the source's order stands.
    tiers.sort_by(order);
    tiers.truncate(usize::from(u8::MAX));
    NonEmpty::new(tiers).ok_or_else(|| {
        let unresolved: Vec<Geocode> = {
            let codes = ground.infos.iter().flat_map(|found| &found.unresolved);
            codes.map(|code| code.geocode.clone()).collect()
        };
        match (any_expired, unresolved.is_empty()) {
            (true, _) => NoTier::Expired,
            (false, true) => NoTier::NoGround,
            (false, false) => NoTier::Unresolved(unresolved),
        }
    })
}

/// How severe an info is on a part of its ground: what it says itself; where it does not know, by how strongly the
/// ground shakes there ([`crate::domain::Intensity::severity`]), so that weak shaking is no emergency.
pub(super) fn severity(info: &Info, part: &Part) -> Severity {
    if info.severity == Severity::Unknown { part.severity } else { info.severity }
}

/// How pressing an alert is, as far as its ground was found: as its most pressing tier will be.
pub fn priority(infos: &[Info], ground: &Resolved) -> Priority {
    let parts =
        infos.iter().zip(&ground.infos).flat_map(|(info, found)| found.parts.iter().map(move |part| (info, part)));
    let of_part = |(info, part): (&Info, &Part)| Priority::of(info.urgency, severity(info, part), info.certainty);
    parts.map(of_part).max().unwrap_or(Priority::Information)
}

/// How tiers stand in a bulletin: the highest priority first; then, by each scale for itself, where the ground shakes
/// more.
pub(super) fn order(one: &Tier, other: &Tier) -> Ordering {
    let scale = |tier: &Tier| tier.intensity.map_or(0, |intensity| intensity.scale as u8 + 1);
    let value = |tier: &Tier| tier.intensity.map_or(0.0, |intensity| intensity.value);
    let stronger = || scale(one).cmp(&scale(other)).then_with(|| value(other).total_cmp(&value(one)));
    other.priority.cmp(&one.priority).then_with(stronger)
}

/// Adds an info to the tier of its ground and priority, or opens one.
fn add(tiers: &mut Vec<Tier>, Part { area, intensity, .. }: &Part, info: Info) {
    let priority = Priority::of(info.urgency, info.severity, info.certainty);
    let is_same =
        |tier: &&mut Tier| tier.priority == priority && tier.intensity == *intensity && tier.area.same_ground(area);
    let Some(tier) = tiers.iter_mut().find(is_same) else {
        tiers.push(Tier { area: area.clone(), priority, intensity: *intensity, infos: NonEmpty::of(info) });
        return;
    };
    let mut infos = tier.infos.to_vec();
    match infos.iter_mut().find(|known| known.language == info.language) {
        Some(known) => append(known, &info),
        None => infos.push(info),
    }
    tier.infos = NonEmpty::new(infos).expect("a tier's infos were not empty before one was added");
}

/// Two infos in one language for one ground (two steps in time, or two hazards): the second's text follows the first's.
/// Whoever wants to be told of either is told of both, and as of the worse.
fn append(first: &mut Info, second: &Info) {
    first.expires = first.expires.max(second.expires);
    first.severity = first.severity.min(second.severity);
    let more = second.categories.iter().filter(|category| !first.categories.contains(category));
    let more: Vec<_> = more.copied().collect();
    first.categories.extend(more);
    let parts = [&second.texts.headline, &second.texts.description, &second.texts.instruction];
    let text = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n");
    if text.is_empty() || first.texts.description.as_deref().is_some_and(|known| known.contains(&text)) {
        return;
    }
    let description = first.texts.description.get_or_insert_default();
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(&text);
}
