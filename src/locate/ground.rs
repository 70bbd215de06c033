//! The ground that each info of an alert speaks of.

use std::collections::HashSet;

use crate::domain::{Alert, Area, Ground, Info, Intensity};

use super::gazetteer::{Codes, Resolution};
use super::{AffectedArea, Gazetteer, Unresolved};

/// What is known of the world beside what an alert says: where codes lie, and how the ground shakes.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    /// Where codes lie.
    pub gazetteer: Gazetteer,
}

impl Atlas {
    /// The same with these regions.
    #[must_use]
    pub fn with_gazetteer(mut self, gazetteer: Gazetteer) -> Self {
        self.gazetteer = gazetteer;
        self
    }
}

/// What was found of an alert's ground, info by info.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// One entry an info, in the alert's order.
    pub infos: Vec<ResolvedGround>,
}

impl Resolved {
    /// Codes that could not be resolved, over all infos, each once.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        let mut told = HashSet::new();
        self.infos.iter().flat_map(|info| &info.unresolved).filter(|code| told.insert(*code)).collect()
    }
}

/// What was found of one info's ground.
#[derive(Debug, Clone, Default)]
pub struct ResolvedGround {
    /// The ground, in parts: one unless it is told how strongly each shakes, the strongest first.
    pub parts: Vec<Part>,
    /// Codes that name ground that is not known here, each once. An info with a usable polygon or circle ignores its
    /// codes.
    pub unresolved: Vec<Unresolved>,
}

/// Ground of one info.
#[derive(Debug, Clone)]
pub struct Part {
    /// The ground.
    pub area: AffectedArea,
    /// The least intensity expected there, if it is told or was computed.
    pub intensity: Option<Intensity>,
}

/// Resolves the ground of every info of `alert`, codes as they were when it was sent. No ground is made up: codes that
/// cannot be resolved come back as such.
pub fn resolve(alert: &Alert, atlas: &Atlas) -> Resolved {
    let mut codes = Codes::new(&atlas.gazetteer, alert.id.sent);
    Resolved { infos: alert.body.infos().iter().map(|info| resolve_info(info, &mut codes)).collect() }
}

fn resolve_info<'a>(info: &'a Info, codes: &mut Codes<'a>) -> ResolvedGround {
    match &info.ground {
        Ground::Areas(areas) => resolve_areas(areas, None, codes),
        Ground::Bands(bands) => {
            let mut bands: Vec<_> = bands.iter().collect();
            bands.sort_by(|one, other| other.intensity.value.total_cmp(&one.intensity.value));
            let bands = bands
                .into_iter()
                .map(|band| resolve_areas(std::slice::from_ref(&band.area), Some(band.intensity), codes));
            bands.fold(ResolvedGround::default(), |mut all, band| {
                all.parts.extend(band.parts);
                all.unresolved.extend(band.unresolved);
                all
            })
        }
        Ground::Earthquake(_) | Ground::None => ResolvedGround::default(),
    }
}

fn resolve_areas<'a>(areas: &'a [Area], intensity: Option<Intensity>, codes: &mut Codes<'a>) -> ResolvedGround {
    let Resolution { area, unresolved } = codes.resolve(areas);
    ResolvedGround { parts: area.map(|area| Part { area, intensity }).into_iter().collect(), unresolved }
}
