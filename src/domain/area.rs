//! Ground: positions, rings, polygons and circles on WGS 84.
//!
//! A [`Ring`] is defined by the even-odd rule, so that one which crosses itself still has an exact inside. Longitudes
//! of a ring are *unrolled*: each is at most 180° from the one before it, and so a ring over the antimeridian runs on
//! past ±180 (RFC 7946, 3.1.9, asks for a cut there; [`crate::locate`] makes it).

use compact_str::CompactString;

/// A point of WGS 84 in fixed point, 1e-7 degrees (1.1 cm).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    lon_e7: i32,
    lat_e7: i32,
}

impl Position {
    /// The point at `lon`, `lat` in degrees, rounded to 1e-7; longitude 180 becomes −180.
    pub fn from_degrees(lon: f64, lat: f64) -> Result<Self, InvalidGround> {
        if !lon.is_finite() || !lat.is_finite() {
            return Err(InvalidGround::NotFinite);
        }
        if !(-90.0..=90.0).contains(&lat) {
            return Err(InvalidGround::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(InvalidGround::Longitude(lon));
        }
        let lon_e7 = (lon * 1e7).round() as i32;
        let lon_e7 = if lon_e7 == 1_800_000_000 { -1_800_000_000 } else { lon_e7 };
        Ok(Self { lon_e7, lat_e7: (lat * 1e7).round() as i32 })
    }

    /// The point in fixed point, or `None` off the globe. Longitude is in [−180°, 180°).
    pub fn from_e7(lon_e7: i32, lat_e7: i32) -> Option<Self> {
        let on_globe =
            (-1_800_000_000..1_800_000_000).contains(&lon_e7) && (-900_000_000..=900_000_000).contains(&lat_e7);
        on_globe.then_some(Self { lon_e7, lat_e7 })
    }

    /// Longitude, 1e-7 degrees, in [−180°, 180°).
    pub const fn lon_e7(self) -> i32 {
        self.lon_e7
    }

    /// Latitude, 1e-7 degrees, in [−90°, 90°].
    pub const fn lat_e7(self) -> i32 {
        self.lat_e7
    }

    /// Longitude in degrees: the double nearest to the decimal.
    pub fn lon(self) -> f64 {
        f64::from(self.lon_e7) / 1e7
    }

    /// Latitude in degrees: the double nearest to the decimal.
    pub fn lat(self) -> f64 {
        f64::from(self.lat_e7) / 1e7
    }
}

/// Why ground cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidGround {
    /// NaN or infinite.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// Beyond ±90.
    #[error("latitude {0} is beyond 90 degrees")]
    Latitude(f64),
    /// Beyond ±180 for a point, ±360 for a ring that runs on past the antimeridian.
    #[error("longitude {0} is off the globe")]
    Longitude(f64),
    /// Fewer than three distinct points.
    #[error("a ring needs at least three different points, this one has {0}")]
    TooFewPoints(usize),
    /// A ring round the pole, or all round the globe: only a circle can say that.
    #[error("a ring must not go all round the globe or round a pole")]
    RoundTheGlobe,
    /// A radius of zero or less, or not a number.
    #[error("radius {0} km is no area")]
    NoRadius(f64),
    /// A radius of more than half the globe's circumference.
    #[error("radius {0} km is more than half the way round the globe")]
    RadiusTooLarge(f64),
}

/// A closed ring of at least three distinct points, longitudes unrolled; even-odd where it crosses itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Ring(Vec<[f64; 2]>);

impl Ring {
    /// A ring from `[lon, lat]` pairs in degrees. The last point need not repeat the first; repeated neighbours are
    /// dropped.
    pub fn new(points: impl IntoIterator<Item = [f64; 2]>) -> Result<Self, InvalidGround> {
        Self::within(360.0, points)
    }

    /// The ring that has these [`points`](Self::points): unrolled longitudes go further than a source may write them.
    pub fn from_unrolled(points: impl IntoIterator<Item = [f64; 2]>) -> Result<Self, InvalidGround> {
        Self::within(720.0, points)
    }

    fn within(farthest: f64, points: impl IntoIterator<Item = [f64; 2]>) -> Result<Self, InvalidGround> {
        let mut unrolled: Vec<[f64; 2]> = Vec::new();
        for [lon, lat] in points {
            if !lon.is_finite() || !lat.is_finite() {
                return Err(InvalidGround::NotFinite);
            }
            if !(-90.0..=90.0).contains(&lat) {
                return Err(InvalidGround::Latitude(lat));
            }
            if !(-farthest..=farthest).contains(&lon) {
                return Err(InvalidGround::Longitude(lon));
            }
            let lon = unrolled.last().map_or(lon, |before| unroll(before[0], lon));
            if unrolled.last() != Some(&[lon, lat]) {
                unrolled.push([lon, lat]);
            }
        }
        if let (Some(&first), Some(&last)) = (unrolled.first(), unrolled.last()) {
            let closing = unroll(last[0], first[0]);
            if closing != first[0] {
                return Err(InvalidGround::RoundTheGlobe);
            }
            if unrolled.len() > 1 && first == last {
                unrolled.pop();
            }
        }
        let distinct = up_to_three(&unrolled);
        if distinct < 3 {
            return Err(InvalidGround::TooFewPoints(distinct));
        }
        let (west, east) =
            unrolled.iter().fold((f64::MAX, f64::MIN), |(west, east), p| (west.min(p[0]), east.max(p[0])));
        if east - west >= 360.0 {
            return Err(InvalidGround::RoundTheGlobe);
        }
        Ok(Self(unrolled))
    }

    /// The points as `[lon, lat]`, without the closing one; longitudes unrolled.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.0
    }
}

/// How many different points there are, if they are fewer than three; else three, which are soon found.
fn up_to_three(points: &[[f64; 2]]) -> usize {
    let mut found: [Option<[u64; 2]>; 3] = [None; 3];
    let mut count = 0;
    for point in points.iter().map(|[lon, lat]| [lon.to_bits(), lat.to_bits()]) {
        if !found.contains(&Some(point)) {
            found[count] = Some(point);
            count += 1;
            if count == found.len() {
                break;
            }
        }
    }
    count
}

/// `lon` moved by whole turns to the way that is at most 180° from `before`; unchanged where that already holds.
fn unroll(before: f64, lon: f64) -> f64 {
    let jump = lon - before;
    if jump > 180.0 {
        lon - 360.0 * ((jump - 180.0) / 360.0).ceil()
    } else if jump < -180.0 {
        lon + 360.0 * ((-jump - 180.0) / 360.0).ceil()
    } else {
        lon
    }
}

/// A ring with the holes taken out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// The outside.
    pub outer: Ring,
    /// What is taken away. The edge of a hole still belongs to the polygon.
    pub holes: Vec<Ring>,
}

/// All ground within a distance along the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Longitude and latitude of the centre, degrees.
    centre: [f64; 2],
    radius_m: f64,
}

impl Circle {
    /// A circle; radius in km, as CAP has it.
    pub fn new(lon: f64, lat: f64, radius_km: f64) -> Result<Self, InvalidGround> {
        if !lon.is_finite() || !lat.is_finite() {
            return Err(InvalidGround::NotFinite);
        }
        if !(-90.0..=90.0).contains(&lat) {
            return Err(InvalidGround::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(InvalidGround::Longitude(lon));
        }
        if radius_km.is_nan() || radius_km <= 0.0 {
            return Err(InvalidGround::NoRadius(radius_km));
        }
        if radius_km > 20_004.0 {
            return Err(InvalidGround::RadiusTooLarge(radius_km));
        }
        Ok(Self { centre: [lon, lat], radius_m: radius_km * 1000.0 })
    }

    /// Longitude of the centre, degrees.
    pub const fn lon(&self) -> f64 {
        self.centre[0]
    }

    /// Latitude of the centre, degrees.
    pub const fn lat(&self) -> f64 {
        self.centre[1]
    }

    /// Radius in metres along the ellipsoid.
    pub const fn radius_m(&self) -> f64 {
        self.radius_m
    }
}

/// A code that names ground in some scheme, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Geocode {
    /// The scheme's name: CAP's `valueName` (`SAME`, `UGC`, `EMMA_ID`).
    pub scheme: CompactString,
    /// The code: CAP's `value`.
    pub code: CompactString,
}

/// One area of an info, as its source describes it: polygons and circles are united.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Area {
    /// What people call it.
    pub description: String,
    /// Polygons that could be used.
    pub polygons: Vec<Polygon>,
    /// Circles that could be used.
    pub circles: Vec<Circle>,
    /// Codes, as written.
    pub geocodes: Vec<Geocode>,
    /// Feet above mean sea level, from and to, as written; never used to choose whom to tell.
    pub altitude_ft: Option<(f64, Option<f64>)>,
}

impl Area {
    /// Whether the area has ground of its own, apart from codes.
    pub fn has_ground(&self) -> bool {
        !self.polygons.is_empty() || !self.circles.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_over_the_antimeridian_is_unrolled() {
        let ring = Ring::new([[179.0, 0.0], [-179.0, 0.0], [-179.0, 1.0], [179.0, 1.0]]).expect("a ring");
        assert_eq!(ring.points()[1][0], 181.0);
    }

    #[test]
    fn a_ring_round_the_pole_is_refused() {
        let points = [[0.0, 80.0], [120.0, 80.0], [-120.0, 80.0], [0.0, 80.0]];
        assert_eq!(Ring::new(points), Err(InvalidGround::RoundTheGlobe));
    }

    #[test]
    fn a_latitude_of_91_and_nan_are_named() {
        assert_eq!(Ring::new([[0.0, 91.0]]), Err(InvalidGround::Latitude(91.0)));
        assert_eq!(Ring::new([[f64::NAN, 1.0]]), Err(InvalidGround::NotFinite));
        assert_eq!(Ring::new([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), Err(InvalidGround::TooFewPoints(2)));
    }
}
