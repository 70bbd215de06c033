//! The ground that each info of an alert speaks of.

use std::collections::HashSet;

use crate::domain::{Alert, Area, Circle, Ground, Info, Intensity, Severity, Source};

use super::gazetteer::{Codes, Resolution};
use super::{AffectedArea, Gazetteer, GroundMotion, Unresolved};

/// What is known of the world beside what an alert says: where codes lie, and how the ground shakes.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    /// Where codes lie.
    pub gazetteer: Gazetteer,
    /// How the ground shakes.
    pub ground_motion: GroundMotion,
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

/// Resolves the ground of every info of `alert`, codes as they were when it was sent. No ground is made up: codes that
/// cannot be resolved come back as such.
pub fn resolve(alert: &Alert, atlas: &Atlas) -> Resolved {
    let mut codes = Codes::new(&atlas.gazetteer, alert.id.sent);
    let infos = alert.body.infos().iter();
    Resolved { infos: infos.map(|info| resolve_info(info, &mut codes, &atlas.ground_motion)).collect() }
}

fn resolve_info<'a>(info: &'a Info, codes: &mut Codes<'a>, motion: &GroundMotion) -> ResolvedGround {
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
        Ground::Earthquake(source) => shaken(source, motion),
        Ground::None => ResolvedGround::default(),
    }
}

fn resolve_areas<'a>(areas: &'a [Area], intensity: Option<Intensity>, codes: &mut Codes<'a>) -> ResolvedGround {
    let Resolution { area, unresolved } = codes.resolve(areas);
    ResolvedGround { parts: area.map(|area| Part::new(area, intensity)).into_iter().collect(), unresolved }
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
