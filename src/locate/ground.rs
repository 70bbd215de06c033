//! The ground that each info of an alert speaks of.

use crate::domain::{Alert, Area, Circle, Geocode, Ground, Info, Intensity, Severity, Source};

use super::{AffectedArea, GroundMotion};

/// What is known of the world beside what an alert says: where codes lie, and how the ground shakes.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    /// How the ground shakes.
    pub ground_motion: GroundMotion,
}

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
    /// How severe it is taken to be there, by its intensity. Where that was computed it may be worse than the number
    /// says, which is rounded down. Unknown without an intensity.
    pub severity: Severity,
}

impl Part {
    /// Ground of one intensity, or of none that is known.
    pub fn new(area: AffectedArea, intensity: Option<Intensity>) -> Self {
        Self { area, intensity, severity: intensity.map_or(Severity::Unknown, Intensity::severity) }
    }
}

/// Resolves the ground of every info of `alert`. No ground is made up: codes that cannot be resolved come back as such.
pub fn resolve(alert: &Alert, atlas: &Atlas) -> Resolved {
    Resolved { infos: alert.body.infos().iter().map(|info| resolve_info(info, atlas)).collect() }
}

fn resolve_info(info: &Info, atlas: &Atlas) -> ResolvedGround {
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
        Ground::Earthquake(source) => shaken(source, &atlas.ground_motion),
        Ground::None => ResolvedGround::default(),
    }
}

fn resolve_areas(areas: &[Area], intensity: Option<Intensity>) -> ResolvedGround {
    if let Some(area) = AffectedArea::new(areas) {
        return ResolvedGround { parts: vec![Part::new(area, intensity)], unresolved: Vec::new() };
    }
    ResolvedGround { parts: Vec::new(), unresolved: areas.iter().flat_map(|area| area.geocodes.clone()).collect() }
}

/// The ground that an earthquake shakes: a circle for each band, which holds those of the stronger ones.
fn shaken(source: &Source, motion: &GroundMotion) -> ResolvedGround {
    let part = |band: &super::Band| {
        let (lon, lat) = (source.epicentre.lon(), source.epicentre.lat());
        let circle = Circle::new(lon, lat, band.radius_km.into()).ok()?;
        let area = Area { description: band.intensity.to_string(), circles: vec![circle], ..Area::default() };
        let (area, intensity) = (AffectedArea::new(&[area])?, Some(band.intensity));
        Some(Part { area, intensity, severity: band.severity })
    };
    ResolvedGround { parts: motion.bands(source).iter().filter_map(part).collect(), unresolved: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Position, Timestamp};

    #[test]
    fn an_earthquake_shakes_circles_round_its_epicentre_the_strongest_first() {
        let epicentre = Position::from_degrees(-118.537, 34.213).expect("on the globe");
        let source = Source { epicentre, depth_km: Some(18.2), magnitude: 6.7, origin: Timestamp::UNIX_EPOCH };
        let parts = shaken(&source, &GroundMotion::default()).parts;
        assert!(parts.len() > 5);
        assert_eq!(parts[0].area.areas()[0].description, parts[0].intensity.expect("computed").to_string());
        for pair in parts.windows(2) {
            let [inner, outer] = [&pair[0], &pair[1]].map(|part| part.area.areas()[0].circles[0].radius_m());
            assert!(inner < outer && pair[0].severity <= pair[1].severity);
        }
        assert!(parts.iter().all(|part| part.area.contains(epicentre)));
        let weak = Source { magnitude: 1.0, ..source };
        assert!(shaken(&weak, &GroundMotion::default()).parts.is_empty());
    }
}
