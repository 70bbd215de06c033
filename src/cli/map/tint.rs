//! How ground is coloured by how bad it is there: [`Tint`].

use crate::domain::{Intensity, IntensityScale, Severity};

/// A colour for ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tint {
    /// Ground that is warned, and no more is known.
    #[default]
    Warned,
    /// A step from 0 (weak) to 7 (worst), from blue over green and yellow to dark red, as maps of shaking have it.
    Step(u8),
}

/// Fills of the steps, as SVG has them.
const FILLS: [&str; 8] = ["#bfccff", "#80ffff", "#7ae57e", "#ffe833", "#ffb300", "#ff7300", "#e30000", "#8b0000"];

/// Colours of the steps in a terminal that has 256 of them.
const INKS: [&str; 8] = [
    "\x1b[0;38;5;111m",
    "\x1b[0;38;5;80m",
    "\x1b[0;38;5;77m",
    "\x1b[0;38;5;220m",
    "\x1b[0;38;5;214m",
    "\x1b[0;38;5;208m",
    "\x1b[0;38;5;196m",
    "\x1b[0;38;5;124m",
];

impl Tint {
    /// The tint of an intensity: MMI and CSIS from 3 or less to 10 or more, JMA by its steps from 1 to 7.
    pub fn of_intensity(intensity: Intensity) -> Self {
        let step = match intensity.scale {
            IntensityScale::Mmi | IntensityScale::Csis => intensity.value.floor() - 3.0,
            IntensityScale::Jma => {
                let steps = [1.5, 2.5, 3.5, 4.5, 5.0, 5.5, 6.0];
                steps.iter().filter(|step| intensity.value >= **step).count() as f32
            }
        };
        Self::Step(step.clamp(0.0, 7.0) as u8)
    }

    /// The tint of a severity.
    pub const fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Extreme => Self::Step(6),
            Severity::Severe => Self::Step(5),
            Severity::Moderate => Self::Step(3),
            Severity::Minor => Self::Step(1),
            Severity::Unknown => Self::Warned,
        }
    }

    /// How an SVG has it.
    pub(super) fn fill(self) -> &'static str {
        match self {
            Self::Warned => "#f6c344",
            Self::Step(step) => FILLS[usize::from(step).min(FILLS.len() - 1)],
        }
    }

    /// How a terminal has it.
    pub(super) fn ink(self) -> &'static str {
        match self {
            Self::Warned => "\x1b[0;33m",
            Self::Step(step) => INKS[usize::from(step).min(INKS.len() - 1)],
        }
    }
}
