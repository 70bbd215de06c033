//! Ground motion to MMI: C. B. Worden, M. C. Gerstenberger, D. A. Rhoades and D. J. Wald, "Probabilistic relationships
//! between ground-motion parameters and Modified Mercalli Intensity in California", Bull. Seismol. Soc. Am. 102, 2012.

/// The MMI of a peak ground acceleration in cm/s², 1 to 12.
pub fn of_acceleration(acceleration: f64) -> f64 {
    piecewise(acceleration.log10(), [(0.14, [1.71, 2.08]), (1.57, [1.78, 1.55]), (f64::MAX, [-1.60, 3.70])])
}

/// The MMI of a peak ground velocity in cm/s, 1 to 12.
pub fn of_velocity(velocity: f64) -> f64 {
    piecewise(velocity.log10(), [(-1.21, [4.62, 2.17]), (0.53, [3.78, 1.47]), (f64::MAX, [2.89, 3.16])])
}

/// A line for each piece of the logarithm, up to where the next begins. Where nothing moves nothing is felt.
fn piecewise(logarithm: f64, pieces: [(f64, [f64; 2]); 3]) -> f64 {
    let piece = pieces.iter().find(|(end, _)| logarithm <= *end);
    piece.map_or(1.0, |(_, [at_one, slope])| at_one + slope * logarithm).clamp(1.0, 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_more_is_stronger_and_pieces_meet() {
        for of in [of_acceleration, of_velocity] {
            let mut before = of(0.0);
            assert_eq!(before, 1.0);
            for step in 0..600 {
                let value = of(10.0_f64.powf(f64::from(step) / 100.0 - 2.5));
                // The pieces of the paper meet to within a twentieth of a degree.
                assert!(value >= before - 0.05 && value - before < 0.1, "{value} after {before}");
                before = value;
            }
            assert_eq!((of(f64::NAN), of(-1.0), of(1e9)), (1.0, 1.0, 12.0));
        }
    }

    #[test]
    fn known_points_are_those_of_the_paper() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.005, "{found}");
        near(of_acceleration(10.0), 3.33);
        near(of_acceleration(100.0), 5.80);
        near(of_acceleration(1.0), 1.71);
        near(of_velocity(1.0), 3.78);
        near(of_velocity(10.0), 6.05);
        near(of_velocity(0.01), 1.0);
    }
}
