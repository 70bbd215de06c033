//! How strongly the ground shakes, from what is known of an earthquake in its first seconds.
//!
//! A [`GroundMotion`] chooses a published [`Relation`] by where the epicentre is, and makes
//! [bands](GroundMotion::bands) of expected intensity of it: circles round the epicentre, the strongest first, all on
//! the relation's one scale. [`mercalli`] has the intensity of ground motion that was measured or computed by others.
//!
//! # On which side errors lie
//!
//! Relations differ by a degree, and their standard deviations are 0.4 to 0.9 degrees. The number that is *shown* is
//! rounded down: the whole degree that the expected intensity reaches. *Who* is told, and as how severe, is rounded up:
//! a place is taken for as severe as the expected intensity and a share of the standard deviation
//! ([`GroundMotion::sigma_share`]) come to, and radii are rounded up to whole kilometres. Above magnitude 7 the source
//! is no point, and radii are longer by half the length of the rupture ([`Relation::half_length_km`]).

pub mod mercalli;
mod regions;
mod relation;

use crate::domain::{Intensity, IntensityScale, Position, Severity, Source};

pub use regions::MotionRegion;
pub use relation::{Axis, ChinaRegion, Relation, SHALLOW_KM};

/// Nobody farther than this from the epicentre, km, is warned by a computed intensity, but by the half-length of a
/// large rupture: the data of no relation here reach farther (those of Allen et al. 300 km, of Atkinson and Wald 500
/// and 1,000 km).
const FARTHEST_KM: u16 = 1_000;

/// A larger magnitude is taken for this one: the largest ever measured is 9.5 (Chile 1960).
const LARGEST: f64 = 10.0;

/// Of a smaller earthquake nothing is computed: no relation has data of any, and Atkinson and Wald's turns round there.
const SMALLEST: f32 = 2.0;

/// The least value of each step of the JMA scale: 0 to 4, 5 lower and upper, 6 lower and upper, 7.
const JMA_STEPS: [f32; 9] = [0.5, 1.5, 2.5, 3.5, 4.5, 5.0, 5.5, 6.0, 6.5];

/// Which relation is taken where, and how much of what it says is told.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundMotion {
    /// The first that holds the epicentre decides.
    pub regions: Vec<MotionRegion>,
    /// Where none does.
    pub default: Relation,
    /// The share of the standard deviation that is added for who is told.
    pub sigma_share: f64,
    /// The least intensity that is told, MMI and CSIS.
    pub least_degree: u8,
    /// The least step of the JMA scale that is told, by its least value.
    pub least_jma: f32,
}

/// Ground that expects at least one intensity, as a circle round the epicentre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The least intensity expected inside, a whole degree or step: the number that is shown.
    pub intensity: Intensity,
    /// How severe it is taken to be: that of the intensity with a share of the standard deviation.
    pub severity: Severity,
    /// From the epicentre, whole km.
    pub radius_km: u16,
}

/// A bound between bands, and what it says of the ground inside it.
#[derive(Debug, Clone, Copy)]
struct Bound {
    /// Expected, with the share of the standard deviation if `with_margin`.
    value: f64,
    with_margin: bool,
}

impl Default for GroundMotion {
    /// As shipped: the outlines in `regions.rs`; elsewhere the relation for active crust by the distance to the
    /// hypocentre, which is the only one of them that is meant for the whole world.
    fn default() -> Self {
        Self {
            regions: regions::shipped(),
            default: Relation::AllenHypocentral,
            sigma_share: 0.5,
            least_degree: 2,
            least_jma: 0.5,
        }
    }
}

impl GroundMotion {
    /// The relation for earthquakes at this epicentre.
    pub fn relation_at(&self, epicentre: Position) -> Relation {
        self.regions.iter().find_map(|region| region.relation_at(epicentre)).unwrap_or(self.default)
    }

    /// The bands round the epicentre, the strongest first: each lies in the next. None where nothing is expected that
    /// is to be told, where the magnitude is below 2, and where it is no number.
    pub fn bands(&self, source: &Source) -> Vec<Band> {
        let relation = self.relation_at(source.epicentre);
        if !source.magnitude.is_finite() || source.magnitude < SMALLEST {
            return Vec::new();
        }
        let magnitude = f64::from(source.magnitude).min(LARGEST);
        let scale = relation.scale();
        let depth_km = source.depth_km.map(f64::from).filter(|depth| depth.is_finite()).unwrap_or(SHALLOW_KM);
        let expected = |km: u16| relation.expected(magnitude, depth_km, km.into());
        let margin = |km: u16| self.sigma_share * relation.sigma(depth_km, km.into());
        let longer = relation.half_length_km(magnitude);
        let mut bands: Vec<Band> = Vec::new();
        let bounds = self.bounds(scale);
        let mut radii = vec![None; bounds.len()];
        // From outside in, so that each bound is where its intensity is first reached; some relations rise again by a
        // hair behind the near field.
        for km in (0..=FARTHEST_KM).rev() {
            let (bare, margin) = (expected(km), margin(km));
            for (bound, radius) in bounds.iter().zip(&mut radii).filter(|(_, radius)| radius.is_none()) {
                if bare + if bound.with_margin { margin } else { 0.0 } >= bound.value {
                    *radius = Some((f64::from(km) + 1.0 + longer).ceil() as u16);
                }
            }
        }
        let mut reached: Vec<(u16, Bound)> = bounds.into_iter().zip(radii).filter_map(|(b, r)| Some((r?, b))).collect();
        reached.sort_by_key(|(radius_km, _)| *radius_km);
        for (position, (radius_km, _)) in reached.iter().enumerate() {
            // All bounds that lie here or farther out hold inside.
            let from_here = || reached[position..].iter().map(|(_, bound)| bound);
            let shown = from_here().filter(|bound| !bound.with_margin).map(|bound| bound.value as f32);
            let told = from_here().map(|bound| bound.value as f32).reduce(f32::max);
            let (shown, Some(told)) = (shown.reduce(f32::max), told) else { continue };
            let shown = shown.unwrap_or_else(|| below(scale, told));
            let severity = Intensity { value: told, scale }.severity();
            let band = Band { intensity: Intensity { value: shown, scale }, severity, radius_km: *radius_km };
            if bands.last().is_some_and(|last| last.radius_km == band.radius_km) {
                continue;
            }
            // Where nothing but the radius changes, one circle says both.
            match bands.last_mut() {
                Some(last) if last.intensity == band.intensity && last.severity == band.severity => *last = band,
                _ => bands.push(band),
            }
        }
        bands
    }

    /// Every degree from the least is a bound of what is shown; the least, and each at which the severity changes, is
    /// one of who is told. Where nothing is expected to be felt nobody is told.
    fn bounds(&self, scale: IntensityScale) -> Vec<Bound> {
        let values: Vec<f32> = match scale {
            IntensityScale::Mmi | IntensityScale::Csis => (self.least_degree.max(2)..=12).map(f32::from).collect(),
            IntensityScale::Jma => JMA_STEPS.into_iter().filter(|step| *step >= self.least_jma).collect(),
        };
        let severity = |value: f32| Intensity { value, scale }.severity();
        let mut bounds = Vec::new();
        for (position, &value) in values.iter().enumerate() {
            let changes = position == 0 || severity(values[position - 1]) != severity(value);
            let is_felt_below = value > felt(scale);
            bounds.push(Bound { value: value.into(), with_margin: false });
            if changes && is_felt_below && self.sigma_share > 0.0 {
                bounds.push(Bound { value: value.into(), with_margin: true });
            }
        }
        bounds
    }
}

/// From where on shaking is felt (`formats.md`, section 7).
const fn felt(scale: IntensityScale) -> f32 {
    match scale {
        IntensityScale::Mmi | IntensityScale::Csis => 2.0,
        IntensityScale::Jma => JMA_STEPS[0],
    }
}

/// The degree or step below one: what is shown where only the margin reaches that.
fn below(scale: IntensityScale, value: f32) -> f32 {
    match scale {
        IntensityScale::Mmi | IntensityScale::Csis => (value - 1.0).max(1.0),
        IntensityScale::Jma => JMA_STEPS.into_iter().rev().find(|step| *step < value).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests;
