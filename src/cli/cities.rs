//! Where people live: cities by population, and positions drawn from them.
//!
//! A city is drawn with a chance in proportion to its population, and then a position around it: both axes are normally
//! distributed, with a deviation of half the city's radius, cut at two radii. The radius is 10 m times the square root
//! of the population: 10 km for a million people, 50 km for Shanghai. (3,183 people per km², about what large cities
//! have.)

use std::f64::consts::TAU;
use std::sync::LazyLock;

use rand::{Rng, RngExt};

use crate::domain::Position;

use super::METRES_PER_DEGREE;

/// From `GeoNames`, CC BY 4.0; see the README beside it. Largest first.
const TABLE: &str = include_str!("../../tests/data/cities/cities.tsv");

/// A city's radius is this times the square root of its population.
const RADIUS_M: f64 = 10.0;

/// A city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct City {
    /// Its name, in Latin letters.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// Its middle.
    pub at: Position,
    /// People.
    pub population: u32,
}

static CITIES: LazyLock<Vec<City>> =
    LazyLock::new(|| TABLE.lines().skip(1).map(|row| city(row).expect("each row is tested")).collect());

fn city(row: &'static str) -> Option<City> {
    let mut cells = row.split('\t');
    let (name, country) = (cells.next()?, cells.next()?);
    let (lon, lat) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    let population = cells.next()?.parse().ok()?;
    Some(City { name, country, at: Position::from_degrees(lon, lat).ok()?, population })
}

/// All cities, largest first.
pub fn cities() -> &'static [City] {
    &CITIES
}

/// Positions where the people of `cities` live, without end; none if there are no cities. The same `rng` gives the same
/// ones.
pub fn positions<R: Rng>(cities: &[City], mut rng: R) -> impl Iterator<Item = Position> {
    // How many people live in a city and in those before it.
    let sums = cities.iter().scan(0, |sum, city| {
        *sum += u64::from(city.population);
        Some(*sum)
    });
    let sums: Vec<u64> = sums.collect();
    std::iter::from_fn(move || {
        let person = rng.random_range(0..*sums.last()?);
        Some(around(&cities[sums.partition_point(|sum| *sum <= person)], &mut rng))
    })
}

/// A position around a city.
fn around(city: &City, rng: &mut impl Rng) -> Position {
    let radius = radius_m(city);
    // The distance from the middle of two normal axes is Rayleigh-distributed; its inverse takes a uniform number. One
    // that is cut at two radii, four deviations, is drawn from the numbers that give no more.
    let uniform: f64 = rng.random_range((-8.0_f64).exp()..1.0);
    let distance = radius / 2.0 * (-2.0 * uniform.ln()).sqrt();
    let (east, north) = rng.random_range(0.0..TAU).sin_cos();
    let lat = city.at.lat() + distance * north / METRES_PER_DEGREE;
    let lon = city.at.lon() + distance * east / (METRES_PER_DEGREE * city.at.lat().to_radians().cos());
    let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
    Position::from_degrees(lon, lat).unwrap_or(city.at)
}

fn radius_m(city: &City) -> f64 {
    RADIUS_M * f64::from(city.population).sqrt()
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Haversine, Point};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn distance_m(a: Position, b: Position) -> f64 {
        Haversine.distance(Point::new(a.lon(), a.lat()), Point::new(b.lon(), b.lat()))
    }

    #[test]
    fn every_row_is_a_city_and_the_largest_come_first() {
        assert_eq!(cities().len(), TABLE.lines().count() - 1);
        assert!(cities().is_sorted_by_key(|city| std::cmp::Reverse(city.population)));
        assert!(cities().iter().all(|city| !city.name.is_empty() && city.country.len() == 2 && city.population > 0));
    }

    #[test]
    fn the_same_seed_draws_the_same_positions_and_another_others() {
        let draw = |seed| positions(cities(), StdRng::seed_from_u64(seed)).take(100).collect::<Vec<_>>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(positions(&[], StdRng::seed_from_u64(1)).next(), None);
    }

    #[test]
    fn a_position_is_within_two_radii_and_half_of_them_within_six_tenths() {
        // The median of the distance is 1.177 deviations.
        let mut rng = StdRng::seed_from_u64(3);
        for city in [cities()[0], cities()[1_000], *cities().last().expect("one")] {
            let far = |share: f64| move |at: &Position| distance_m(city.at, *at) > share * radius_m(&city);
            let drawn: Vec<_> = (0..10_000).map(|_| around(&city, &mut rng)).collect();
            assert_eq!(drawn.iter().filter(|at| far(2.02)(at)).count(), 0, "{}", city.name);
            let beyond = drawn.iter().filter(|at| far(0.5887)(at)).count();
            assert!((4_700..5_300).contains(&beyond), "{}: {beyond}", city.name);
        }
    }

    #[test]
    fn cities_are_drawn_by_population() {
        let all: u64 = cities().iter().map(|city| u64::from(city.population)).sum();
        let mexican: u64 =
            cities().iter().filter(|city| city.country == "MX").map(|city| u64::from(city.population)).sum();
        let box_of_mexico = |at: &Position| (-117.2..-86.7).contains(&at.lon()) && (14.5..32.8).contains(&at.lat());
        let in_the_box: u64 = cities().iter().filter(|c| box_of_mexico(&c.at)).map(|c| u64::from(c.population)).sum();
        assert!(in_the_box > mexican / 2);
        let drawn = positions(cities(), StdRng::seed_from_u64(4)).take(100_000).filter(box_of_mexico).count() as f64;
        let expected = 100_000.0 * in_the_box as f64 / all as f64;
        assert!((drawn - expected).abs() < 0.1 * expected, "{drawn} for {expected}");
    }
}
