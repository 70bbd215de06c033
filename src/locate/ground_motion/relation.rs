//! Attenuation relations: how strongly the ground shakes, by magnitude and distance.
//!
//! Each relation has one scale, and says nothing of another: MMI 6, CSIS 6 and JMA 6 are three different things.
//! Magnitudes are taken as their source writes them, whatever their kind.

use crate::domain::IntensityScale;

/// Depth that is taken where a source knows none, km: most earthquakes that are felt are about as shallow, and one that
/// is deeper shakes less near its epicentre.
pub const SHALLOW_KM: f64 = 10.0;

/// Relations of the distance to the epicentre are of earthquakes no deeper than this, km (the bound of "shallow" at the
/// USGS and ISC). Of a deeper one the distance to the hypocentre stands in its place, so that it is not taken for one
/// just below the ground.
const SHALLOW_AT_MOST_KM: f64 = 70.0;

/// The magnitude above which the source is no point: a place near the far end of the fault is nearer to it than to the
/// epicentre (`formats.md`, section 7).
const POINT_AT_MOST: f64 = 7.0;

/// A published relation of magnitude and distance to expected intensity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// T. I. Allen, D. J. Wald and C. B. Worden, "Intensity attenuation for active crustal regions", J. Seismol. 16,
    /// 2012; by the distance to the rupture. MMI, σ = 0.72 + 0.23 / (1 + (R/44.7)²). Where the rupture is not known its
    /// nearest point is taken to be the hypocentre, nearer by half its length for large earthquakes.
    AllenRupture,
    /// The same, by the distance to the hypocentre. MMI, σ = 0.82 + 0.37 / (1 + (R/22.9)²).
    AllenHypocentral,
    /// G. M. Atkinson and D. J. Wald, "'Did You Feel It?' intensity data: a surprisingly good measure of earthquake
    /// ground motion", Seismol. Res. Lett. 78, 2007: California. MMI, σ = 0.4.
    AtkinsonWaldCalifornia,
    /// The same: central and eastern United States. MMI, σ = 0.4.
    AtkinsonWaldEastern,
    /// GB 18306-2015, the seismic zonation map of China (Xiao and Yu 2013), by surface-wave magnitude and distance to
    /// the epicentre. CSIS, σ by region 0.52 to 0.66.
    Gb18306(ChinaRegion, Axis),
    /// H. Si and S. Midorikawa, "New attenuation relationships for peak ground acceleration and velocity considering
    /// effects of fault type and site condition", J. Struct. Constr. Eng. 523, 1999, to the velocity on firm ground,
    /// and from there to the instrumental intensity of the Japan Meteorological Agency. JMA, σ = 0.4: 0.23 of the
    /// logarithm of the velocity, times 1.72.
    SiMidorikawa,
}

/// The regions of GB 18306-2015.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChinaRegion {
    /// Where earthquakes are strong in the east: North China and the south-eastern coast.
    East,
    /// Where they are moderate to strong: the rest of the east.
    Moderate,
    /// Xinjiang.
    Xinjiang,
    /// Qinghai and Tibet.
    QinghaiTibet,
}

/// Which way a place lies from the epicentre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Along the fault. Where it is not known how the fault runs this is the safe one.
    Long,
    /// Across it.
    Short,
}

/// Coefficients of Atkinson and Wald 2007, table 1.
struct AtkinsonWald {
    c: [f64; 7],
    h: f64,
    rt: f64,
}

const CALIFORNIA: AtkinsonWald =
    AtkinsonWald { c: [12.27, 2.270, 0.1304, -1.30, -0.000_707_0, 1.95, -0.577], h: 14.0, rt: 30.0 };
const EASTERN: AtkinsonWald =
    AtkinsonWald { c: [11.72, 2.36, 0.1155, -0.44, -0.002_044, 2.31, -0.479], h: 17.0, rt: 80.0 };

impl Relation {
    /// Every relation, with the name that settings give it.
    pub const ALL: [(&'static str, Self); 13] = [
        ("allen-2012-rupture", Self::AllenRupture),
        ("allen-2012-hypocentral", Self::AllenHypocentral),
        ("atkinson-wald-2007-california", Self::AtkinsonWaldCalifornia),
        ("atkinson-wald-2007-eastern", Self::AtkinsonWaldEastern),
        ("gb18306-2015-east", Self::Gb18306(ChinaRegion::East, Axis::Long)),
        ("gb18306-2015-east-short", Self::Gb18306(ChinaRegion::East, Axis::Short)),
        ("gb18306-2015-moderate", Self::Gb18306(ChinaRegion::Moderate, Axis::Long)),
        ("gb18306-2015-moderate-short", Self::Gb18306(ChinaRegion::Moderate, Axis::Short)),
        ("gb18306-2015-xinjiang", Self::Gb18306(ChinaRegion::Xinjiang, Axis::Long)),
        ("gb18306-2015-xinjiang-short", Self::Gb18306(ChinaRegion::Xinjiang, Axis::Short)),
        ("gb18306-2015-qinghai-tibet", Self::Gb18306(ChinaRegion::QinghaiTibet, Axis::Long)),
        ("gb18306-2015-qinghai-tibet-short", Self::Gb18306(ChinaRegion::QinghaiTibet, Axis::Short)),
        ("si-midorikawa-1999", Self::SiMidorikawa),
    ];

    /// The relation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, relation)| *relation)
    }

    /// The name that settings give it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// The scale that it is in.
    pub const fn scale(self) -> IntensityScale {
        match self {
            Self::AllenRupture | Self::AllenHypocentral | Self::AtkinsonWaldCalifornia | Self::AtkinsonWaldEastern => {
                IntensityScale::Mmi
            }
            Self::Gb18306(..) => IntensityScale::Csis,
            Self::SiMidorikawa => IntensityScale::Jma,
        }
    }

    /// The intensity expected `epicentral_km` from the epicentre: 1 to 12 of MMI and CSIS, 0 to 7 of JMA.
    pub fn expected(self, magnitude: f64, depth_km: f64, epicentral_km: f64) -> f64 {
        let depth_km = depth_km.max(0.0);
        let hypocentral_km = epicentral_km.hypot(depth_km);
        let shallow_km = if depth_km > SHALLOW_AT_MOST_KM { hypocentral_km } else { epicentral_km };
        match self {
            Self::AllenRupture => allen_rupture(magnitude, hypocentral_km).clamp(1.0, 12.0),
            Self::AllenHypocentral => allen_hypocentral(magnitude, hypocentral_km).clamp(1.0, 12.0),
            Self::AtkinsonWaldCalifornia => CALIFORNIA.expected(magnitude, shallow_km).clamp(1.0, 12.0),
            Self::AtkinsonWaldEastern => EASTERN.expected(magnitude, shallow_km).clamp(1.0, 12.0),
            Self::Gb18306(region, axis) => gb18306(region, axis, magnitude, shallow_km).clamp(1.0, 12.0),
            Self::SiMidorikawa => si_midorikawa(magnitude, depth_km, hypocentral_km).clamp(0.0, 7.0),
        }
    }

    /// The standard deviation there.
    pub fn sigma(self, depth_km: f64, epicentral_km: f64) -> f64 {
        let hypocentral_km = epicentral_km.hypot(depth_km.max(0.0));
        match self {
            Self::AllenRupture => 0.72 + 0.23 / (1.0 + (hypocentral_km / 44.7).powi(2)),
            Self::AllenHypocentral => 0.82 + 0.37 / (1.0 + (hypocentral_km / 22.9).powi(2)),
            Self::AtkinsonWaldCalifornia | Self::AtkinsonWaldEastern | Self::SiMidorikawa => 0.4,
            Self::Gb18306(ChinaRegion::East, _) => 0.5826,
            Self::Gb18306(ChinaRegion::Moderate, _) => 0.5200,
            Self::Gb18306(ChinaRegion::Xinjiang, _) => 0.5924,
            Self::Gb18306(ChinaRegion::QinghaiTibet, _) => 0.6636,
        }
    }

    /// By how much farther than from the epicentre it may shake as much, km: half the length of the rupture below the
    /// ground, 10^(−2.44 + 0.59 M) km for all kinds of slip (D. L. Wells and K. J. Coppersmith, "New empirical
    /// relationships ...", Bull. Seismol. Soc. Am. 84, 1994, table 2A), above magnitude 7. Which way it broke is not
    /// known, so that all ways are taken. Si and Midorikawa have a half-length of their own in the relation.
    pub fn half_length_km(self, magnitude: f64) -> f64 {
        if magnitude <= POINT_AT_MOST || self == Self::SiMidorikawa {
            return 0.0;
        }
        10.0_f64.powf(0.59f64.mul_add(magnitude, -2.44)) / 2.0
    }
}

fn allen_rupture(magnitude: f64, distance_km: f64) -> f64 {
    let near = 1.0 + 0.813 * (magnitude - 5.0).exp();
    3.950 + 0.913 * magnitude - 1.107 * distance_km.hypot(near).ln()
}

fn allen_hypocentral(magnitude: f64, distance_km: f64) -> f64 {
    let near = -0.209 + 2.042 * (magnitude - 5.0).exp();
    let far = if distance_km > 50.0 { 0.078 * (distance_km / 50.0).ln() } else { 0.0 };
    2.085 + 1.428 * magnitude - 1.402 * distance_km.hypot(near).ln() + far
}

impl AtkinsonWald {
    fn expected(&self, magnitude: f64, distance_km: f64) -> f64 {
        let [c1, c2, c3, c4, c5, c6, c7] = self.c;
        let r = distance_km.hypot(self.h);
        let beyond = if r > self.rt { (r / self.rt).log10() } else { 0.0 };
        let above = magnitude - 6.0;
        c1 + c2 * above + c3 * above * above + c4 * r.log10() + c5 * r + c6 * beyond + c7 * magnitude * r.log10()
    }
}

/// `I = A + B·M + C·lg(R + R0)`. The short axes' R0 of 7 and 9 come from a second place than the rest (`formats.md`,
/// section 7).
fn gb18306(region: ChinaRegion, axis: Axis, magnitude: f64, epicentral_km: f64) -> f64 {
    let [a, b, c, r0] = match (region, axis) {
        (ChinaRegion::East, Axis::Long) => [5.7123, 1.3626, -4.2903, 25.0],
        (ChinaRegion::East, Axis::Short) => [3.6588, 1.3626, -3.5406, 13.0],
        (ChinaRegion::Moderate, Axis::Long) => [5.8410, 1.0710, -3.6570, 15.0],
        (ChinaRegion::Moderate, Axis::Short) => [3.9440, 1.0710, -2.8450, 7.0],
        (ChinaRegion::Xinjiang, Axis::Long) => [5.6018, 1.4347, -4.4899, 25.0],
        (ChinaRegion::Xinjiang, Axis::Short) => [3.6113, 1.4347, -3.8477, 13.0],
        (ChinaRegion::QinghaiTibet, Axis::Long) => [6.4580, 1.2746, -4.4709, 25.0],
        (ChinaRegion::QinghaiTibet, Axis::Short) => [3.3682, 1.2746, -3.3119, 9.0],
    };
    a + b * magnitude + c * (epicentral_km + r0).log10()
}

/// The velocity on ground of 600 m/s, brought to firm soil by 1.31, and no farther: what the soil of a place adds is
/// not known here (`formats.md`, section 7, with a site amplification of 1).
fn si_midorikawa(magnitude: f64, depth_km: f64, hypocentral_km: f64) -> f64 {
    let moment = magnitude - 0.171;
    let half_length = 10.0_f64.powf(0.5 * moment - 1.85) / 2.0;
    let x = (hypocentral_km - half_length).max(3.0);
    let saturated = x + 0.0028 * 10.0_f64.powf(0.5 * moment);
    let velocity = 0.58 * moment + 0.0038 * depth_km - 1.29 - saturated.log10() - 0.002 * x;
    2.68 + 1.72 * (velocity + 1.31_f64.log10())
}
