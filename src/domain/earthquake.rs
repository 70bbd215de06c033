//! Earthquakes as sources of shaking.

use std::fmt;

use super::{Area, Position, Severity, Timestamp};

/// The scale that an intensity is told in. Scales are never mixed in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntensityScale {
    /// Modified Mercalli, 1 to 12.
    Mmi,
    /// The Chinese seismic intensity scale (GB/T 17742), 1 to 12.
    Csis,
    /// Japan Meteorological Agency, instrumental, 0 to 7.
    Jma,
}

/// A shaking intensity with its scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intensity {
    /// Value on the scale, in degrees of it.
    pub value: f32,
    /// The scale.
    pub scale: IntensityScale,
}

impl Intensity {
    /// How severe shaking of this intensity is, for ground of which its source does not say that itself.
    ///
    /// | | MMI and CSIS | JMA |
    /// | --- | --- | --- |
    /// | Extreme | 8 and more: buildings fall | 6 lower (5.5) and more |
    /// | Severe | 6 and more: all are frightened, things fall | 5 lower (4.5) and more, of which JMA warns |
    /// | Moderate | 4 and more: felt by most, dishes rattle | 3 (2.5) and more |
    /// | Minor | less | less |
    ///
    /// The words are those of the scales (Wood and Neumann 1931; GB/T 17742; JMA's explanation of its scale). A value
    /// between two steps counts as the lower one.
    pub fn severity(self) -> Severity {
        let [extreme, severe, moderate] = match self.scale {
            IntensityScale::Mmi | IntensityScale::Csis => [8.0, 6.0, 4.0],
            IntensityScale::Jma => [5.5, 4.5, 2.5],
        };
        match self.value {
            value if value.is_nan() => Severity::Unknown,
            value if value >= extreme => Severity::Extreme,
            value if value >= severe => Severity::Severe,
            value if value >= moderate => Severity::Moderate,
            _ => Severity::Minor,
        }
    }
}

impl IntensityScale {
    /// The scale's short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mmi => "MMI",
            Self::Csis => "CSIS",
            Self::Jma => "JMA",
        }
    }
}

impl fmt::Display for Intensity {
    /// The scale and the whole degree that is reached: `MMI 6`; of JMA the step: `JMA 5-`, `JMA 5+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = (self.scale.name(), self.value);
        if self.scale != IntensityScale::Jma {
            return write!(f, "{name} {}", value.floor());
        }
        let step = match value {
            value if value >= 6.5 => "7",
            value if value >= 6.0 => "6+",
            value if value >= 5.5 => "6-",
            value if value >= 5.0 => "5+",
            value if value >= 4.5 => "5-",
            value if value >= 3.5 => "4",
            value if value >= 2.5 => "3",
            value if value >= 1.5 => "2",
            value if value >= 0.5 => "1",
            _ => "0",
        };
        write!(f, "{name} {step}")
    }
}

/// A hypocentre with its size: what is known of an earthquake in its first seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Epicentre.
    pub epicentre: Position,
    /// Depth in km below the surface; `None` when unknown.
    pub depth_km: Option<f32>,
    /// Magnitude, by the scale the source uses.
    pub magnitude: f32,
    /// Origin time.
    pub origin: Timestamp,
}

/// Ground that expects at least one intensity.
#[derive(Debug, Clone, PartialEq)]
pub struct IntensityBand {
    /// The least intensity expected inside.
    pub intensity: Intensity,
    /// The ground.
    pub area: Area,
    /// When its issuer expects the strong shaking to begin there, the soonest that it says.
    pub arrival: Option<Timestamp>,
    /// The earthquake that shakes it, where its issuer tells of it.
    pub source: Option<Source>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_steps_of_each_scale() {
        let severity = |value, scale| Intensity { value, scale }.severity();
        for scale in [IntensityScale::Mmi, IntensityScale::Csis] {
            let found = [1.0, 3.9, 4.0, 5.9, 6.0, 7.9, 8.0, 12.0].map(|value| severity(value, scale));
            let (minor, moderate) = (Severity::Minor, Severity::Moderate);
            let (severe, extreme) = (Severity::Severe, Severity::Extreme);
            assert_eq!(found, [minor, minor, moderate, moderate, severe, severe, extreme, extreme]);
        }
        assert_eq!(severity(4.4, IntensityScale::Jma), Severity::Moderate);
        assert_eq!(severity(4.5, IntensityScale::Jma), Severity::Severe);
        assert_eq!(severity(5.5, IntensityScale::Jma), Severity::Extreme);
        assert_eq!(severity(f32::NAN, IntensityScale::Mmi), Severity::Unknown);
    }

    #[test]
    fn an_intensity_is_written_with_its_scale_and_rounded_down() {
        let written = |value, scale| Intensity { value, scale }.to_string();
        assert_eq!(written(6.9, IntensityScale::Mmi), "MMI 6");
        assert_eq!(written(7.0, IntensityScale::Csis), "CSIS 7");
        let steps = [0.4, 0.5, 3.4, 4.5, 5.2, 5.5, 6.4, 6.5].map(|value| written(value, IntensityScale::Jma));
        assert_eq!(steps, ["JMA 0", "JMA 1", "JMA 3", "JMA 5-", "JMA 5+", "JMA 6-", "JMA 6+", "JMA 7"]);
    }
}
