//! When the waves of an earthquake arrive: travel times by depth and distance.
//!
//! A countdown must not promise time that is not there: times are interpolated between those of a
//! [grid](super::travel_grid) so that they are rather early than late. Against `TauP` itself they are at most a quarter
//! of a second late, for earthquakes above 100 km within 1,000 km; between knots far apart they are up to a second
//! early. That the earth is no sphere makes a difference of half a percent at most, and is left out.

use geo::{Distance, Geodesic, Point};

use crate::domain::{Position, SignedDuration, Source, Timestamp};

use super::ground_motion::SHALLOW_KM;
use super::travel_grid::{DEPTHS, DISTANCES, Grid, P, S};

/// How long the first waves take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TravelTime {
    /// The P wave: felt weakly, but near a large earthquake.
    pub p: SignedDuration,
    /// The S wave: strong shaking begins with it, and is strongest after it.
    pub s: SignedDuration,
}

/// When the first waves arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The P wave.
    pub p: Timestamp,
    /// The S wave.
    pub s: Timestamp,
}

/// How long waves take from a depth to a place so far from the epicentre. A depth that is not known is taken to be 10
/// km, one below 700 km to be that; beyond 3,000 km no more is said than that they take at least as long as to there.
pub fn travel_time(depth_km: Option<f32>, distance_km: f64) -> TravelTime {
    let depth_km = depth(depth_km);
    let time = |grid: &Grid| SignedDuration::from_millis((seconds(grid, depth_km, distance_km) * 1000.0) as i64);
    TravelTime { p: time(&P), s: time(&S) }
}

/// When the waves of `source` arrive at `place`.
pub fn arrival(source: &Source, place: Position) -> Arrival {
    arrival_at_km(source, distance_km(source, place))
}

/// When the waves of `source` arrive so far from its epicentre.
pub fn arrival_at_km(source: &Source, distance_km: f64) -> Arrival {
    let TravelTime { p, s } = travel_time(source.depth_km, distance_km);
    let after = |time| source.origin.saturating_add(time).unwrap_or(source.origin);
    Arrival { p: after(p), s: after(s) }
}

/// How far from the epicentre the S wave of `source` is at an instant, km: nothing before it comes up, and at most
/// 3,000 km.
pub fn reached_km(source: &Source, at: Timestamp) -> f64 {
    let (depth_km, under_way) = (depth(source.depth_km), at.duration_since(source.origin).as_secs_f64());
    let (mut reached, mut beyond) = (0.0, f64::from(DISTANCES[DISTANCES.len() - 1]));
    if seconds(&S, depth_km, beyond) <= under_way {
        return beyond;
    }
    // A metre is found in so many halves of 3,000 km.
    for _ in 0..22 {
        let middle = f64::midpoint(reached, beyond);
        if seconds(&S, depth_km, middle) <= under_way { reached = middle } else { beyond = middle }
    }
    reached
}

/// From the epicentre to a place along the ellipsoid, km.
pub fn distance_km(source: &Source, place: Position) -> f64 {
    let point = |at: Position| Point::new(at.lon(), at.lat());
    Geodesic.distance(point(source.epicentre), point(place)) / 1000.0
}

fn depth(known: Option<f32>) -> f64 {
    known.map(f64::from).filter(|depth| depth.is_finite()).unwrap_or(SHALLOW_KM).max(0.0)
}

/// The time at a depth and distance, seconds. Near the source it is nearly a hyperbola, which is a line if all is
/// squared; farther away it is nearly a line itself. The earlier of the two is taken, over the distance and then over
/// the depth.
fn seconds(grid: &Grid, depth_km: f64, distance_km: f64) -> f64 {
    let (row, depth_km) = knots(&DEPTHS, depth_km);
    let (column, distance_km) = knots(&DISTANCES, distance_km);
    let at = |row: usize| {
        let [from, to] = [column, column + 1].map(|column| f64::from(grid[row][column]) / 10.0);
        between([column, column + 1].map(|column| f64::from(DISTANCES[column])), distance_km, [from, to])
    };
    between([row, row + 1].map(|row| f64::from(DEPTHS[row])), depth_km, [at(row), at(row + 1)])
}

/// The lesser value at `x` of the line between two ends, and of the one where all is squared.
fn between(ends: [f64; 2], x: f64, values: [f64; 2]) -> f64 {
    let line = |x: f64, ends: [f64; 2], values: [f64; 2]| {
        values[0] + (x - ends[0]) / (ends[1] - ends[0]) * (values[1] - values[0])
    };
    let square = |value: f64| value * value;
    let squared = line(square(x), ends.map(square), values.map(square)).max(0.0).sqrt();
    squared.min(line(x, ends, values))
}

/// The knot before `value`, which is kept between the first and the last.
fn knots(knots: &[u16], value: f64) -> (usize, f64) {
    let value = value.clamp(f64::from(knots[0]), f64::from(knots[knots.len() - 1]));
    let after = knots.iter().position(|knot| f64::from(*knot) > value).unwrap_or(knots.len() - 1);
    (after - 1, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(depth_km: f32, distance_km: f64) -> [f64; 2] {
        let TravelTime { p, s } = travel_time(Some(depth_km), distance_km);
        [p, s].map(|time| time.as_secs_f64())
    }

    #[test]
    fn times_are_those_of_the_published_table() {
        // formats.md, section 7, rounded to a tenth there and down here.
        const DISTANCES: [f64; 14] = [0., 10., 20., 30., 50., 75., 100., 150., 200., 300., 400., 600., 800., 1000.];
        const P: [f64; 14] = [1.7, 2.4, 3.9, 5.4, 8.8, 13.0, 17.3, 24.9, 31.1, 43.4, 55.8, 80.5, 105.2, 129.9];
        const S: [f64; 14] = [3.0, 4.2, 6.7, 9.4, 15.2, 22.5, 29.9, 43.7, 54.8, 77.0, 99.3, 143.7, 188.1, 232.4];
        const AT_40: [(f64, [f64; 2]); 5] = [
            (50., [10.1, 17.5]),
            (100., [16.2, 28.4]),
            (200., [28.5, 50.6]),
            (400., [53.2, 95.1]),
            (1000., [127.3, 228.0]),
        ];
        let at_10 = DISTANCES.iter().zip(P.iter().zip(&S)).map(|(km, (p, s))| (10.0, *km, [*p, *s]));
        for (depth, km, expected) in at_10.chain(AT_40.map(|(km, expected)| (40.0, km, expected))) {
            for (found, expected) in times(depth, km).into_iter().zip(expected) {
                assert!((expected - 0.1001..=expected).contains(&found), "{depth} {km}: {found} of {expected}");
            }
        }
    }

    #[test]
    fn near_the_epicentre_the_way_is_straight() {
        for depth in [0_u8, 3, 10, 14, 20] {
            for km in [0_u8, 4, 15, 27, 40] {
                let way = f64::from(depth).hypot(f64::from(km));
                for (found, speed) in times(depth.into(), km.into()).into_iter().zip([5.80, 3.36]) {
                    let straight = way / speed;
                    assert!(
                        (straight - 0.25..=straight + 0.01).contains(&found),
                        "{depth} {km}: {found} of {straight}"
                    );
                }
            }
        }
    }

    #[test]
    fn waves_arrive_after_the_origin_and_a_depth_that_is_not_known_is_shallow() {
        let origin = Timestamp::constant(1_900_000_000, 0);
        let at = |lon: f64| Position::from_degrees(lon, 0.0).expect("on the globe");
        let source = Source { epicentre: at(0.0), depth_km: None, magnitude: 7.0, origin };
        let found = arrival(&source, at(100.0 / 111.319_49));
        assert_eq!(found, arrival(&Source { depth_km: Some(10.0), ..source.clone() }, at(100.0 / 111.319_49)));
        assert!((found.s.duration_since(origin).as_secs_f64() - 29.8).abs() < 0.01);
        assert!((found.p.duration_since(origin).as_secs_f64() - 17.3).abs() < 0.01);
        assert!((reached_km(&source, found.s) - 100.0).abs() < 0.01);
        assert_eq!(reached_km(&source, origin), 0.0);
        assert_eq!(reached_km(&source, Timestamp::MAX), 3_000.0);
        let strange = travel_time(Some(f32::NAN), f64::from(u32::MAX));
        assert!(strange.p < strange.s && times(-5.0, 50.0) == times(0.0, 50.0));
    }

    proptest! {
        #[test]
        fn times_rise_with_distance_and_are_never_later_than_a_line_between_knots(
            depth in 0.0..700.0_f32,
            column in 0..DISTANCES.len() - 1,
            shares in (0.0..1.0_f64, 0.0..1.0_f64),
        ) {
            let [from, to] = [column, column + 1].map(|column| f64::from(DISTANCES[column]));
            let (near, far) = (shares.0.min(shares.1), shares.0.max(shares.1));
            let at = |share: f64| times(depth, from + share * (to - from));
            let (ends, near_times, far_times) = ([at(0.0), at(1.0)], at(near), at(far));
            for wave in 0..2 {
                prop_assert!(near_times[wave] <= far_times[wave]);
                let line = ends[0][wave] + far * (ends[1][wave] - ends[0][wave]);
                prop_assert!(far_times[wave] <= line + 0.02, "{} is later than {line}", far_times[wave]);
            }
            prop_assert!(near_times[0] <= near_times[1], "S before P");
        }

        #[test]
        fn what_is_reached_is_what_the_wave_has_passed(depth in 0.0..300.0_f32, km in 1.0..2_900.0_f64) {
            let source = Source {
                epicentre: Position::from_degrees(0.0, 0.0).expect("on the globe"),
                depth_km: Some(depth),
                magnitude: 6.0,
                origin: Timestamp::UNIX_EPOCH,
            };
            let at = arrival_at_km(&source, km).s;
            // Right above a deep source the wave passes many kilometres in a millisecond.
            let reached = arrival_at_km(&source, reached_km(&source, at)).s;
            prop_assert!(at.duration_since(reached).as_secs_f64().abs() < 0.01);
        }
    }
}
