//! The ground that the codes of one alert name.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{Area, Geocode, Timestamp};
use crate::locate::AffectedArea;

use super::{Gazetteer, RegionPlace, Unresolved, Why};

/// The most points that the regions of one alert may have: ten times the points that one may write itself, since some
/// sources draw regions finely.
const MOST_POINTS: usize = 2_000_000;

/// Resolves the areas of one alert's infos, and remembers them: an alert in eight languages says eight times the same.
pub(in crate::locate) struct Codes<'a> {
    gazetteer: &'a Gazetteer,
    at: Timestamp,
    lookups: usize,
    points: usize,
    resolved: Vec<(&'a [Area], Resolution)>,
}

/// What was found of some areas.
#[derive(Debug, Clone, Default)]
pub(in crate::locate) struct Resolution {
    pub(in crate::locate) area: Option<AffectedArea>,
    pub(in crate::locate) unresolved: Vec<Unresolved>,
}

impl<'a> Codes<'a> {
    /// For an alert that was sent at an instant.
    pub(in crate::locate) fn new(gazetteer: &'a Gazetteer, at: Timestamp) -> Self {
        Self { gazetteer, at, lookups: Gazetteer::MOST_CODES, points: MOST_POINTS, resolved: Vec::new() }
    }

    /// The ground of areas. If any has a polygon or circle, codes are passed over.
    pub(in crate::locate) fn resolve(&mut self, areas: &'a [Area]) -> Resolution {
        if let Some((_, known)) = self.resolved.iter().find(|(other, _)| are_same(areas, other)) {
            return known.clone();
        }
        let found = match AffectedArea::new(areas) {
            Some(area) => Resolution { area: Some(area), unresolved: Vec::new() },
            None => self.look_up(areas),
        };
        self.resolved.push((areas, found.clone()));
        found
    }

    fn look_up(&mut self, areas: &[Area]) -> Resolution {
        let mut unresolved = Vec::new();
        let mut told = HashSet::new();
        let mut seen = HashSet::new();
        let mut drawn = Vec::new();
        let mut asked: HashSet<&Geocode> = HashSet::new();
        for area in areas {
            let mut polygons = Vec::new();
            for geocode in area.geocodes.iter().filter(|geocode| asked.insert(geocode)) {
                let found = self.gazetteer.find(geocode, self.at, self.lookups);
                self.lookups = self.lookups.saturating_sub((found.known.len() + found.unresolved.len()).max(1));
                let mut is_too_much = false;
                for known in found.known {
                    // A region that two codes name (SAME and UGC of a county) is drawn once.
                    if !seen.insert(Arc::as_ptr(&known.region)) {
                        continue;
                    }
                    let (points, RegionPlace::Polygons(ground)) = (known.region.points(), &known.region.place) else {
                        continue;
                    };
                    match self.points.checked_sub(points) {
                        Some(left) => {
                            self.points = left;
                            polygons.extend(ground.iter().cloned());
                        }
                        None => is_too_much = true,
                    }
                }
                let too_much = is_too_much.then(|| Unresolved { geocode: geocode.clone(), why: Why::TooMuch });
                unresolved.extend(found.unresolved.into_iter().chain(too_much).filter(|it| told.insert(it.clone())));
            }
            drawn.push(Area { polygons, ..area.clone() });
        }
        Resolution { area: AffectedArea::new(&drawn), unresolved }
    }
}

/// Whether areas are the same, whatever they are called: names differ by language.
fn are_same(one: &[Area], other: &[Area]) -> bool {
    let same = |one: &Area, other: &Area| {
        one.polygons == other.polygons && one.circles == other.circles && one.geocodes == other.geocodes
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}
