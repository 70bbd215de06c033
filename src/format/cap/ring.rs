//! CAP's `polygon` and `circle`: latitude first, in decimal degrees of WGS 84.

use crate::domain::{Circle, InvalidGround, Ring};
use crate::format::Unusable;
use crate::format::error::excerpt;

/// The longest number that is read. A double needs 17 digits; a longer text is no number of an issuer's.
const LONGEST_NUMBER: usize = 24;

/// How far apart a ring's ends may be to be joined, as a part of its width or height, whichever is larger. A ring whose
/// last point was left out ends near its first; one that was cut off does not.
const JOINED: f64 = 0.05;

/// A ring as it is written.
#[derive(Debug, PartialEq)]
pub(in crate::format) struct WrittenRing {
    /// How many points there should be, whether or not they can be read.
    pub(in crate::format) points: usize,
    /// West, south, east and north of those points that can be read, longitudes unrolled; `None` if there are none.
    pub(in crate::format) extent: Option<[f64; 4]>,
    /// The ring, if it can be used.
    pub(in crate::format) ring: Result<Ring, Unusable>,
    /// How far apart its ends are, degrees; zero where it is closed.
    pub(in crate::format) open: f64,
}

/// Reads `lat,lon lat,lon ...`, `most` points and one more to show that there are too many. The first fault decides why
/// a ring cannot be used.
pub(in crate::format) fn ring(text: &str, most: usize) -> WrittenRing {
    let token = |(position, token)| match pair(token) {
        Some(point) => on_globe(point).map_err(|source| Unusable::Point { position, source }),
        None => Err(Unusable::NotAPair { position, token: excerpt(token) }),
    };
    of_points(text.split_whitespace().enumerate().take(most + 1).map(token))
}

/// The ring of points that are as they were read, longitude first.
pub(in crate::format) fn of_points(read: impl Iterator<Item = Result<[f64; 2], Unusable>>) -> WrittenRing {
    let mut points: Vec<[f64; 2]> = Vec::new();
    let mut fault = None;
    let mut count = 0;
    for read in read {
        count += 1;
        match read {
            Ok(point) => points.push(point),
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    let extent = extent(&points);
    let open = ends_apart(&points);
    let size = extent.map_or(0.0, |[west, south, east, north]| (east - west).max(north - south));
    let ring = match fault {
        Some(fault) => Err(fault),
        None if count < 4 => Err(Unusable::TooFewPoints(count)),
        None if open > JOINED * size => Err(Unusable::NotClosed(open)),
        None => Ring::new(points).map_err(Unusable::from),
    };
    WrittenRing { points: count, extent, ring, open }
}

/// How far apart the first and the last point are, degrees to four decimals, but never zero if they differ.
fn ends_apart(points: &[[f64; 2]]) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let across = (first[0] - last[0]).abs() % 360.0;
    let apart = across.min(360.0 - across).max((first[1] - last[1]).abs());
    (apart * 1e4).ceil() / 1e4
}

/// The box of points, longitudes unrolled from the first one on.
fn extent(points: &[[f64; 2]]) -> Option<[f64; 4]> {
    let &[mut before, _] = points.first()?;
    let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    Some(points.iter().fold(start, |[west, south, east, north], &[lon, lat]| {
        before = lon + 360.0 * ((before - lon) / 360.0).round();
        [west.min(before), south.min(lat), east.max(before), north.max(lat)]
    }))
}

/// A circle as it is written.
#[derive(Debug, PartialEq)]
pub(super) struct WrittenCircle {
    /// Longitude and latitude of the centre, if they can be read.
    pub(super) centre: Option<[f64; 2]>,
    /// The circle, if it can be used.
    pub(super) circle: Result<Circle, Unusable>,
}

/// Reads `lat,lon radius`, the radius in km.
pub(super) fn circle(text: &str) -> WrittenCircle {
    let mut parts = text.split_whitespace();
    let (centre, radius) = (parts.next().and_then(pair), parts.next().and_then(number));
    let (Some(centre), Some(radius), None) = (centre, radius, parts.next()) else {
        return WrittenCircle { centre: None, circle: Err(Unusable::NotACircle(excerpt(text.trim()))) };
    };
    let [lon, lat] = centre;
    let circle = Circle::new(lon, lat, radius).map_err(Unusable::from);
    WrittenCircle { centre: on_globe(centre).ok(), circle }
}

/// `lat,lon` as longitude and latitude.
fn pair(token: &str) -> Option<[f64; 2]> {
    let (lat, lon) = token.split_once(',')?;
    Some([number(lon)?, number(lat)?])
}

/// A number. Words for what is not finite are read too, so that they are refused as what they are.
pub(super) fn number(text: &str) -> Option<f64> {
    if text.len() > LONGEST_NUMBER {
        return None;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if ["nan", "inf", "infinity"].iter().any(|word| digits.eq_ignore_ascii_case(word)) {
        return Some(f64::NAN);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = whole.bytes().chain(fraction.bytes());
    let decimal = (whole.len() + fraction.len() > 0) && all.all(|byte| byte.is_ascii_digit());
    decimal.then(|| text.parse().ok())?
}

/// A point that may be one of a ring.
pub(in crate::format) fn on_globe(point: [f64; 2]) -> Result<[f64; 2], InvalidGround> {
    let [lon, lat] = point;
    if !lon.is_finite() || !lat.is_finite() {
        return Err(InvalidGround::NotFinite);
    }
    if !(-90.0..=90.0).contains(&lat) {
        return Err(InvalidGround::Latitude(lat));
    }
    // A ring over the antimeridian may run on past it.
    if !(-360.0..=360.0).contains(&lon) {
        return Err(InvalidGround::Longitude(lon));
    }
    Ok(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(text: &str) -> WrittenRing {
        super::ring(text, 1_000)
    }

    fn refused(text: &str) -> Unusable {
        ring(text).ring.expect_err(text)
    }

    #[test]
    fn a_ring_is_read_latitude_first() {
        let read = ring(" \n45.5,7.25  45.5,8 46,8\t46,7.25\n45.5,7.25 ");
        assert_eq!((read.points, read.extent), (5, Some([7.25, 45.5, 8.0, 46.0])));
        let ring = read.ring.expect("a ring");
        assert_eq!(ring.points(), [[7.25, 45.5], [8.0, 45.5], [8.0, 46.0], [7.25, 46.0]]);
    }

    #[test]
    fn a_ring_is_joined_if_its_ends_are_near() {
        let nearly = "0,0 0,10 10,10 10,0 0.4,0.1";
        assert!(ring(nearly).ring.is_ok());
        assert_eq!((ring(nearly).open, ring("0,0 0,10 10,10 0,0").open), (0.4, 0.0));
        assert_eq!(ring("0,180 0,170 10,170 0,-180").open, 0.0);
        assert_eq!(refused("0,0 0,10 10,10 10,0"), Unusable::NotClosed(10.0));
    }

    #[test]
    fn what_is_wrong_with_a_ring_is_named_with_its_place() {
        let ground = |position, source| Unusable::Point { position, source };
        assert_eq!(refused("0,0 91,0 1,1 0,0"), ground(1, InvalidGround::Latitude(91.0)));
        assert_eq!(refused("0,0 1,361 1,1 0,0"), ground(1, InvalidGround::Longitude(361.0)));
        for word in ["NaN", "inf", "-Infinity"] {
            assert_eq!(refused(&format!("0,0 0,1 1,{word} 0,0")), ground(2, InvalidGround::NotFinite));
        }
        for token in
            ["1", "1,", ",1", "1,2,3", "1;2", "1e2,1", "0x1,1", "１,1", "1,.", "1,--1", "1,1234567890123456789012345"]
        {
            let token = token.to_owned();
            assert_eq!(refused(&format!("0,0 {token} 0,1 1,1 0,0")), Unusable::NotAPair { position: 1, token });
        }
        assert_eq!(refused("0,0 0,1 0,0"), Unusable::TooFewPoints(3));
        assert_eq!(refused("0,0 0,1 0,0 0,0"), Unusable::Ground(InvalidGround::TooFewPoints(2)));
        assert_eq!(refused("80,0 80,120 80,240 80,0"), Unusable::Ground(InvalidGround::RoundTheGlobe));
    }

    #[test]
    fn the_extent_is_over_points_that_can_be_read_and_runs_past_the_antimeridian() {
        assert_eq!(ring("0,0 91,50 b 2,-3").extent, Some([-3.0, 0.0, 0.0, 2.0]));
        assert_eq!(ring("0,179 0,-179 1,-179 1,179 0,179").extent, Some([179.0, 0.0, 181.0, 1.0]));
        assert_eq!(ring("a b").extent, None);
    }

    #[test]
    fn a_circle_has_a_centre_and_a_size() {
        let read = circle(" 16.5,-95.25  25.5 ");
        assert_eq!(read.circle, Ok(Circle::new(-95.25, 16.5, 25.5).expect("a circle")));
        let zero = circle("-16.053,-173.274 0.0");
        assert_eq!(zero.centre, Some([-173.274, -16.053]));
        assert_eq!(zero.circle, Err(Unusable::Ground(InvalidGround::NoRadius(0.0))));
        for text in ["", "1,2", "1,2,3", "1,2 3 4", "1 2 3", "1,2 3km", "1,2 1e9"] {
            assert_eq!(circle(text).circle, Err(Unusable::NotACircle(text.to_owned())));
        }
        assert!(matches!(circle("91,2 3").circle, Err(Unusable::Ground(InvalidGround::Latitude(_)))));
        assert!(matches!(circle("1,2 1000000000").circle, Err(Unusable::Ground(InvalidGround::RadiusTooLarge(_)))));
        assert!(matches!(circle("1,2 NaN").circle, Err(Unusable::Ground(InvalidGround::NoRadius(_)))));
    }
}
