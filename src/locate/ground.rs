//! The ground that each info of an alert speaks of.

use crate::domain::{Alert, Area, Geocode, Ground, Info};

use super::AffectedArea;

/// What was found of an alert's ground, info by info.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// One entry an info, in the alert's order.
    pub infos: Vec<ResolvedGround>,
}

/// What was found of one info's ground.
#[derive(Debug, Clone, Default)]
pub struct ResolvedGround {
    /// The ground, if there is any.
    pub area: Option<AffectedArea>,
    /// Codes that name ground that is not known here. An info with a usable polygon or circle ignores its codes.
    pub unresolved: Vec<Geocode>,
}

/// Resolves the ground of every info of `alert`. No ground is made up: codes that cannot be resolved come back as such.
pub fn resolve(alert: &Alert) -> Resolved {
    Resolved { infos: alert.body.infos().iter().map(resolve_info).collect() }
}

fn resolve_info(info: &Info) -> ResolvedGround {
    let areas: Vec<Area> = match &info.ground {
        Ground::Areas(areas) => areas.to_vec(),
        Ground::Bands(bands) => bands.iter().map(|band| band.area.clone()).collect(),
        Ground::Earthquake(_) | Ground::None => Vec::new(),
    };
    match AffectedArea::new(&areas) {
        Some(area) => ResolvedGround { area: Some(area), unresolved: Vec::new() },
        None => ResolvedGround { area: None, unresolved: areas.into_iter().flat_map(|area| area.geocodes).collect() },
    }
}
