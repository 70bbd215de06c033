//! Earthquakes as sources of shaking.

use super::{Area, Position, Timestamp};

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
}
