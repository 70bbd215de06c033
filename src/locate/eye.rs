//! How far places are from a point, good enough to put them in order: [`Eye`].

use super::circle::{SPHERE_M, chord_squared, half_diagonal_m, middle, unit};
use super::columns::Columns;
use super::lattice::{Rect, Spot, TURN};

/// The angle of one unit of the lattice, radians.
const UNIT: f64 = std::f64::consts::PI / 1_800_000_000.0;

/// Up to this angle, 127 km, the series below leave out less than a double does.
const SMALL: f64 = 0.02;

/// Allowed for rounding, metres: a rank is found from differences of numbers near one.
const SLACK_M: f64 = 1.0;

/// A point from which places are seen on a sphere. A place's rank is the square of the straight line to it, on a sphere
/// of radius one, as the bits of a double: these are in the same order as distances, and need no trigonometry.
#[derive(Debug)]
pub(super) struct Eye {
    at: Spot,
    unit: [f64; 3],
    /// What ranks lower than this is past: it comes after all that does not.
    first: u64,
}

/// Put on the rank of what is past: no rank by itself has this bit, for the square of a line in a sphere of radius one
/// is at most four.
const PAST: u64 = 1 << 63;

impl Eye {
    /// Sees all places from here, those nearer than `passed_m` after all others.
    pub(super) fn new(at: Spot, passed_m: f64) -> Self {
        let [lon, lat] = at.degrees();
        Self { at, unit: unit(lon, lat), first: rank_of(passed_m) }
    }

    /// No place in the box has a lower rank.
    pub(super) fn least_rank(&self, rect: &Rect) -> u64 {
        let [lon, lat] = middle(rect);
        let distance_m = 2.0 * SPHERE_M * (chord_squared(self.unit, unit(lon, lat)).sqrt() / 2.0).min(1.0).asin();
        let reach = half_diagonal_m(rect) + SLACK_M;
        let nearest = rank_of(distance_m - reach);
        // A box of which a part may not be past has its rank by that part.
        if rank_of(distance_m + reach) < self.first { nearest | PAST } else { nearest.max(self.first) }
    }

    /// The rank by the square of a straight line.
    fn rank_by(&self, chord_squared: f64) -> u64 {
        let rank = chord_squared.max(0.0).to_bits();
        if rank < self.first { rank | PAST } else { rank }
    }

    /// The rank of each place of `columns`, which lie in `rect`. A box is ranked by its point that is nearest on a flat
    /// map.
    pub(super) fn ranks(&self, columns: &Columns, rect: &Rect, out: &mut Vec<u64>) {
        out.clear();
        let half = u64::from((rect.x1 - rect.x0).max(rect.y1 - rect.y0)) as f64 * UNIT / 2.0;
        if columns.are_boxes() || half > SMALL {
            let spots = (0..columns.slots.len()).map(|row| self.nearest(&columns.rect(row)));
            out.extend(spots.map(|spot| self.rank(spot)));
            return;
        }
        let [lon, lat] = middle(rect);
        let x = f64::midpoint(f64::from(rect.x0), f64::from(rect.x1));
        let y = f64::midpoint(f64::from(rect.y0), f64::from(rect.y1));
        let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
        let [to_zero, to_east, to_pole] = self.unit;
        let (along, across) = (to_zero * cos_lon + to_east * sin_lon, to_east * cos_lon - to_zero * sin_lon);
        let rank = |(&x1, &y1): (&u32, &u32)| {
            let (sin_x, cos_x) = small_sin_cos((f64::from(x1) - x) * UNIT);
            let (sin_y, cos_y) = small_sin_cos((f64::from(y1) - y) * UNIT);
            let equatorial = (cos_lat * cos_y - sin_lat * sin_y) * (along * cos_x + across * sin_x);
            let dot = equatorial + to_pole * (sin_lat * cos_y + cos_lat * sin_y);
            self.rank_by(2.0 - 2.0 * dot)
        };
        out.extend(columns.x.iter().zip(&columns.y).map(rank));
    }

    fn rank(&self, spot: Spot) -> u64 {
        let [lon, lat] = spot.degrees();
        self.rank_by(chord_squared(self.unit, unit(lon, lat)))
    }

    fn nearest(&self, rect: &Rect) -> Spot {
        let away = |x: u32| {
            let turned = self.at.x.abs_diff(x);
            turned.min(TURN - turned)
        };
        let x = if (rect.x0..=rect.x1).contains(&self.at.x) {
            self.at.x
        } else if away(rect.x0) <= away(rect.x1) {
            rect.x0
        } else {
            rect.x1
        };
        Spot { x, y: self.at.y.clamp(rect.y0, rect.y1) }
    }
}

/// The rank of what is so far away on the sphere; nothing is farther than half the way round.
fn rank_of(distance_m: f64) -> u64 {
    let angle = (distance_m.max(0.0) / SPHERE_M).min(std::f64::consts::PI);
    (2.0 * (angle / 2.0).sin()).powi(2).to_bits()
}

/// Sine and cosine of an angle of up to [`SMALL`], by the first terms of their series.
#[inline]
fn small_sin_cos(angle: f64) -> (f64, f64) {
    let square = angle * angle;
    let sin = angle * (1.0 + square * (-1.0 / 6.0 + square / 120.0));
    let cos = 1.0 + square * (-0.5 + square * (1.0 / 24.0 - square / 720.0));
    (sin, cos)
}
