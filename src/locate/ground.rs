//! The ground that each info of an alert speaks of.

use crate::domain::{Alert, Area, Geocode, Ground, Info, Intensity};

use super::AffectedArea;

/// What is known of the world beside what an alert says: where codes lie, and how the ground shakes.
#[derive(Debug, Clone, Default)]
pub struct Atlas {}

/// What was found of an alert's ground, info by info.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// One entry an info, in the alert's order.
    pub infos: Vec<ResolvedGround>,
}

/// What was found of one info's ground.
#[derive(Debug, Clone, Default)]
pub struct ResolvedGround {
    /// The ground, in parts: one unless it is told how strongly each shakes, the strongest first.
    pub parts: Vec<Part>,
    /// Codes that name ground that is not known here. An info with a usable polygon or circle ignores its codes.
    pub unresolved: Vec<Geocode>,
}

/// Ground of one info.
#[derive(Debug, Clone)]
pub struct Part {
    /// The ground.
    pub area: AffectedArea,
    /// The least intensity expected there, if it is told or was computed.
    pub intensity: Option<Intensity>,
}

/// Resolves the ground of every info of `alert`. No ground is made up: codes that cannot be resolved come back as such.
pub fn resolve(alert: &Alert, _atlas: &Atlas) -> Resolved {
    Resolved { infos: alert.body.infos().iter().map(resolve_info).collect() }
}

fn resolve_info(info: &Info) -> ResolvedGround {
    match &info.ground {
        Ground::Areas(areas) => resolve_areas(areas, None),
        Ground::Bands(bands) => {
            let mut bands = bands.to_vec();
            bands.sort_by(|one, other| other.intensity.value.total_cmp(&one.intensity.value));
            let bands = bands.iter().map(|band| resolve_areas(std::slice::from_ref(&band.area), Some(band.intensity)));
            bands.fold(ResolvedGround::default(), |mut all, band| {
                all.parts.extend(band.parts);
                all.unresolved.extend(band.unresolved);
                all
            })
        }
        Ground::Earthquake(_) | Ground::None => ResolvedGround::default(),
    }
}

fn resolve_areas(areas: &[Area], intensity: Option<Intensity>) -> ResolvedGround {
    if let Some(area) = AffectedArea::new(areas) {
        return ResolvedGround { parts: vec![Part { area, intensity }], unresolved: Vec::new() };
    }
    ResolvedGround { parts: Vec::new(), unresolved: areas.iter().flat_map(|area| area.geocodes.clone()).collect() }
}
