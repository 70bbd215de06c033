//! Circles on the ellipsoid: all ground whose geodesic distance from the centre is at most the radius.
//!
//! The distance itself (C. F. F. Karney, Algorithms for geodesics, J. Geod. 87, 2013) takes a microsecond, so that it
//! is asked for only where cheaper bounds leave a doubt.

use std::f64::consts::PI;

use geo::{Bearing, Destination, Distance, Geodesic, Point};

use crate::domain::Circle;

use super::lattice::{POLE, Rect, Spot, TURN};

/// Radius of the sphere that distances are first estimated on, metres (the mean radius, IUGG).
pub(super) const SPHERE_M: f64 = 6_371_008.8;
/// WGS 84's largest radius of curvature, metres, at the poles in every direction: a²/b.
const LARGEST_M: f64 = 6_399_593.7;
/// What a distance on the ellipsoid is at least, as a share of that on the sphere between the same latitudes and
/// longitudes: the smallest radius of curvature (6,335,439 m, along the meridian at the equator) to the sphere's. It
/// holds of each short step, so of every path.
const LEAST: f64 = 0.9944;
/// What it is at most: the largest radius of curvature to the sphere's.
const MOST: f64 = 1.0045;
/// Allowed for rounding, metres: near the antipode the sine loses half its digits.
const SLACK_M: f64 = 1.0;

/// A circle, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Disc {
    circle: Circle,
    centre: [f64; 3],
    /// Squared chords on the unit sphere: a place nearer than the first is inside, one beyond the second outside.
    sure: [f64; 2],
    /// Near a part of the rim the distance is nearly linear.
    rim: Option<Rim>,
}

/// Where a box lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Wholly inside.
    In,
    /// Wholly outside.
    Out,
    /// Neither, for all that is known.
    Rim,
}

/// The distance from the circle's centre near one point, to first order.
#[derive(Debug, Clone, Copy)]
struct Rim {
    at: [f64; 2],
    /// By how much that point is beyond the radius.
    beyond_m: f64,
    /// Metres for each unit east and north.
    slope: [f64; 2],
    /// By how much the first order may be off within the box.
    error_m: f64,
}

impl Rim {
    /// By how much a point is beyond the radius, give or take the error, metres.
    #[inline]
    fn beyond(&self, x: f64, y: f64) -> f64 {
        self.beyond_m + (x - self.at[0]) * self.slope[0] + (y - self.at[1]) * self.slope[1]
    }
}

impl Disc {
    pub(super) fn new(circle: Circle) -> Self {
        let chord = |distance_m: f64| (2.0 * (distance_m / SPHERE_M / 2.0).sin()).powi(2);
        let inner = (circle.radius_m() - SLACK_M) / MOST;
        let outer = (circle.radius_m() + SLACK_M) / LEAST;
        let sure = [
            if inner > 0.0 { chord(inner) } else { -1.0 },
            // Beyond half the way round there is nothing.
            if outer < SPHERE_M * PI { chord(outer) } else { 5.0 },
        ];
        Self { centre: unit(circle.lon(), circle.lat()), circle, sure, rim: None }
    }

    /// Where a box lies.
    pub(super) fn classify(&self, rect: &Rect) -> Side {
        let [lon, lat] = middle(rect);
        let (radius, reach) = (self.circle.radius_m(), half_diagonal_m(rect) + SLACK_M);
        let decide = |nearest: f64, farthest: f64| {
            if farthest <= radius { Some(Side::In) } else { (nearest > radius).then_some(Side::Out) }
        };
        let rough = 2.0 * SPHERE_M * (chord_squared(self.centre, unit(lon, lat)).sqrt() / 2.0).min(1.0).asin();
        if let Some(found) = decide(rough * LEAST - reach, rough * MOST + reach) {
            return found;
        }
        if reach < rough * (MOST - LEAST) {
            let exact = self.distance_m(lon, lat);
            if let Some(found) = decide(exact - reach, exact + reach) {
                return found;
            }
        }
        Side::Rim
    }

    /// Makes the circle ready for many points of a box, and of no other.
    pub(super) fn sharpen(&mut self, rect: &Rect) {
        self.rim = self.rim_near(rect);
    }

    /// Across `s` metres the distance bends by at most s²/2 times its curvature: 1/distance across the line of sight,
    /// none along it; and the lattice itself bends by no more than tan(latitude)/radius in each of two ways. Twice that
    /// is allowed.
    fn rim_near(&self, rect: &Rect) -> Option<Rim> {
        let [lon, lat] = middle(rect);
        let reach = half_diagonal_m(rect);
        let distance_m = self.distance_m(lon, lat);
        if reach > 50_000.0 || reach * 8.0 > distance_m || distance_m > 9.0e6 || lat.abs() > 80.0 {
            return None;
        }
        let (from, to) = (Point::new(lon, lat), Point::new(self.circle.lon(), self.circle.lat()));
        let outward = (Geodesic.bearing(from, to) + 180.0).to_radians();
        let (sin, cos) = lat.to_radians().sin_cos();
        // Radii of curvature: a = 6,378,137 m, e² = 0.00669437999014.
        let w2 = 1.0 - 0.006_694_379_990_14 * sin * sin;
        let across = 6_378_137.0 / w2.sqrt();
        let along = across * (1.0 - 0.006_694_379_990_14) / w2;
        let unit = 1e-7_f64.to_radians();
        let slope = [across * cos * unit * outward.sin(), along * unit * outward.cos()];
        let error_m = reach * reach * (1.0 / distance_m + 2.0 * (sin / cos).abs() / SPHERE_M + 1e-8) + 1e-3;
        let at = [
            f64::midpoint(f64::from(rect.x0), f64::from(rect.x1)),
            f64::midpoint(f64::from(rect.y0), f64::from(rect.y1)),
        ];
        Some(Rim { at, beyond_m: distance_m - self.circle.radius_m(), slope, error_m })
    }

    /// Sets `inside` to 1 for those of some points that are inside.
    pub(super) fn select(&self, x: &[f64], y: &[f64], inside: &mut [u64]) {
        let rows = x.iter().zip(y).zip(inside);
        let exactly = |x: f64, y: f64| u64::from(self.contains(Spot { x: x as u32, y: y as u32 }));
        let Some(rim) = &self.rim else {
            rows.filter(|(_, inside)| **inside == 0).for_each(|((x, y), inside)| *inside = exactly(*x, *y));
            return;
        };
        for ((x, y), inside) in rows {
            let beyond = rim.beyond(*x, *y);
            *inside |= if beyond.abs() > rim.error_m { u64::from(beyond < 0.0) } else { exactly(*x, *y) };
        }
    }

    pub(super) fn contains(&self, spot: Spot) -> bool {
        let [lon, lat] = spot.degrees();
        let chord = chord_squared(self.centre, unit(lon, lat));
        chord <= self.sure[0] || (chord < self.sure[1] && self.distance_m(lon, lat) <= self.circle.radius_m())
    }

    /// Whether the nearest point of the box is inside.
    pub(super) fn touches(&self, rect: &Rect) -> bool {
        if let Some(rim) = &self.rim {
            let reach = half_diagonal_m(rect) + rim.error_m;
            let middle =
                [[rect.x0, rect.x1], [rect.y0, rect.y1]].map(|[from, to]| f64::midpoint(from.into(), to.into()));
            let beyond = rim.beyond(middle[0], middle[1]);
            if beyond.abs() > reach {
                return beyond < 0.0;
            }
        }
        match self.classify(rect) {
            Side::Out => false,
            Side::In => true,
            Side::Rim => self.nearest_is_inside(rect),
        }
    }

    fn nearest_is_inside(&self, rect: &Rect) -> bool {
        let [x, y] = [self.circle.lon() * 1e7 + f64::from(TURN) / 2.0, self.circle.lat() * 1e7 + f64::from(POLE) / 2.0];
        let (west, east) = (f64::from(rect.x0), f64::from(rect.x1));
        let away = |side: f64| {
            let turned = (side - x).rem_euclid(f64::from(TURN));
            turned.min(f64::from(TURN) - turned)
        };
        let across = [x, x - f64::from(TURN), x + f64::from(TURN)].into_iter().any(|x| (west..=east).contains(&x));
        // On one parallel the nearest point is that of the nearest longitude.
        let (nearest_x, apart) = match (across, away(west) <= away(east)) {
            (true, _) => (x, 0.0),
            (false, true) => (west, away(west)),
            (false, false) => (east, away(east)),
        };
        let distance = |y: f64| self.distance_m(degrees(nearest_x, TURN), degrees(y, POLE));
        let (mut south, mut north) = (f64::from(rect.y0), f64::from(rect.y1));
        let radius = self.circle.radius_m();
        if distance(south) <= radius || distance(north) <= radius || (apart == 0.0 && (south..=north).contains(&y)) {
            return true;
        }
        if apart > f64::from(TURN) / 4.0 * 1.01 {
            return false;
        }
        // Along a meridian on the near side the distance falls, then rises: the least is found by thirds.
        while north - south > 0.5 {
            let third = (north - south) / 3.0;
            let (low, high) = (distance(south + third), distance(north - third));
            if low.min(high) <= radius {
                return true;
            }
            if low < high { north -= third } else { south += third }
        }
        false
    }

    /// West, south, east and north of all that is inside, degrees; west is greater than east across the antimeridian.
    pub(super) fn extent(&self) -> [f64; 4] {
        let (lon, radius) = (self.circle.lon(), self.circle.radius_m());
        let centre = Point::new(lon, self.circle.lat());
        let (to_north, to_south) = (self.distance_m(lon, 90.0), self.distance_m(lon, -90.0));
        let north = if to_north <= radius { 90.0 } else { Geodesic.destination(centre, 0.0, radius).y() };
        let south = if to_south <= radius { -90.0 } else { Geodesic.destination(centre, 180.0, radius).y() };
        if to_north <= radius || to_south <= radius {
            return [-180.0, south, 180.0, north];
        }
        let east_by = |bearing: f64| (Geodesic.destination(centre, bearing, radius).x() - lon).rem_euclid(360.0);
        // How far east the rim is rises with the bearing, then falls: the most is found by thirds.
        let (mut low, mut high) = (0.0, 180.0);
        while high - low > 1e-6 {
            let third = (high - low) / 3.0;
            if east_by(low + third) < east_by(high - third) { low += third } else { high -= third }
        }
        let half = east_by(f64::midpoint(low, high));
        [wrapped(lon - half), south, -wrapped(-(lon + half)), north]
    }

    fn distance_m(&self, lon: f64, lat: f64) -> f64 {
        Geodesic.distance(Point::new(self.circle.lon(), self.circle.lat()), Point::new(lon, lat))
    }
}

/// Longitude in [−180, 180).
pub(super) fn wrapped(lon: f64) -> f64 {
    (lon + 180.0).rem_euclid(360.0) - 180.0
}

fn degrees(units: f64, range: u32) -> f64 {
    (units - f64::from(range) / 2.0) / 1e7
}

pub(super) fn middle(rect: &Rect) -> [f64; 2] {
    let mid = |from: u32, to: u32| f64::midpoint(f64::from(from), f64::from(to));
    [degrees(mid(rect.x0, rect.x1), TURN), degrees(mid(rect.y0, rect.y1), POLE)]
}

/// No point of the box is farther than this from its middle, metres: the length of the straight line between them on a
/// flat map, with the largest scales that occur in the box.
pub(super) fn half_diagonal_m(rect: &Rect) -> f64 {
    let [south, north] = [degrees(f64::from(rect.y0), POLE), degrees(f64::from(rect.y1), POLE)];
    let least = if south <= 0.0 && north >= 0.0 { 0.0 } else { south.abs().min(north.abs()) };
    let east = (f64::from(rect.x1 - rect.x0) / 2e7).to_radians() * least.to_radians().cos();
    let up = ((north - south) / 2.0).to_radians();
    LARGEST_M * east.hypot(up)
}

pub(super) fn unit(lon: f64, lat: f64) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

pub(super) fn chord_squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)
}
