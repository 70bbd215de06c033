//! Against plain answers: every place, every area, one by one.

mod areas;
mod mergers;
mod oracle;
mod places;
mod sweeps;
mod together;
mod within;

use proptest::prelude::*;

use crate::domain::{Area, Circle, Footprint, Polygon, Position, Private, Ring};

use super::AffectedArea;
use super::lattice::{Rect, Spot};

/// Degrees of a point on the lattice, as an alert would write it.
fn degrees(x: i64, y: i64) -> [f64; 2] {
    [(x - 1_800_000_000) as f64 / 1e7, (y - 900_000_000) as f64 / 1e7]
}

fn ring(points: &[[i64; 2]]) -> Option<Ring> {
    Ring::new(points.iter().map(|[x, y]| degrees(*x, *y))).ok()
}

fn area(polygons: Vec<Polygon>, circles: Vec<Circle>) -> Area {
    Area { polygons, circles, ..Area::default() }
}

fn affected(areas: &[Area]) -> AffectedArea {
    AffectedArea::new(areas).expect("there is ground")
}

/// The ground between two corners, degrees.
fn block(west: f64, south: f64, east: f64, north: f64) -> AffectedArea {
    let outer = Ring::new([[west, south], [east, south], [east, north], [west, north]]).expect("a ring");
    affected(&[area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())])
}

fn point(lon: f64, lat: f64) -> Footprint {
    Footprint::Point(Private::new(Position::from_degrees(lon, lat).expect("on the globe")))
}

fn at(spot: Spot) -> Footprint {
    Footprint::Point(Private::new(spot.position()))
}

/// A grid on which rings and places meet often: its step, and its origin somewhere on the globe or over its seam.
fn grid() -> impl Strategy<Value = (i64, [i64; 2])> {
    let step = prop_oneof![Just(1_i64), Just(7), Just(1_000), Just(1_234_567), Just(40_000_000)];
    let x = prop_oneof![Just(0_i64), Just(3_600_000_000), Just(1_800_000_000), 0..3_600_000_000_i64];
    let y = prop_oneof![Just(0_i64), Just(900_000_000), Just(1_800_000_000), 0..1_800_000_000_i64];
    (step, x, y).prop_map(|(step, x, y)| (step, [x - 6 * step, (y - 6 * step).clamp(0, 1_800_000_000 - 12 * step)]))
}

/// Any ring of the grid: most cross themselves.
fn crossing_ring(points: std::ops::Range<usize>) -> impl Strategy<Value = Vec<[i64; 2]>> {
    prop::collection::vec((0..=12_i64, 0..=12_i64).prop_map(|(x, y)| [x, y]), points)
}

/// A ring round the grid's middle that does not cross itself: its points are sorted by direction.
fn star(size: std::ops::Range<i64>) -> impl Strategy<Value = Vec<[i64; 2]>> {
    prop::collection::vec(size, 8).prop_map(|lengths| {
        let directions = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];
        directions.iter().zip(lengths).map(|([x, y], length)| [6 + x * length, 6 + y * length]).collect()
    })
}

/// Any circle: many near a pole or the antimeridian.
fn circle() -> impl Strategy<Value = Circle> {
    let lat = prop_oneof![-90.0..=90.0, 80.0..=90.0, -90.0..=-80.0, Just(90.0), Just(-90.0)];
    let lon = prop_oneof![-180.0..=180.0, 179.0..=180.0, -180.0..=-179.0];
    let radius = prop_oneof![0.01..5.0, 5.0..500.0, 500.0..20_000.0];
    (lon, lat, radius).prop_map(|(lon, lat, radius)| Circle::new(lon, lat, radius).expect("a circle"))
}

fn on_grid(points: &[[i64; 2]], (step, origin): (i64, [i64; 2])) -> Vec<[i64; 2]> {
    points.iter().map(|[x, y]| [origin[0] + x * step, origin[1] + y * step]).collect()
}

/// Places on the grid's corners, half way between them, and beside them.
fn spots(grid: (i64, [i64; 2])) -> Vec<Spot> {
    let (step, origin) = grid;
    let line = |origin: i64| (-2..=26_i64).flat_map(move |half| [-1, 0, 1].map(|by| origin + half * step / 2 + by));
    let spot = |x: i64, y: i64| Spot { x: x.rem_euclid(3_600_000_000) as u32, y: y as u32 };
    line(origin[1])
        .filter(|y| (0..=1_800_000_000).contains(y))
        .flat_map(|y| line(origin[0]).map(move |x| spot(x, y)))
        .collect()
}

fn rect(a: Spot, b: Spot) -> Rect {
    Rect { x0: a.x.min(b.x), y0: a.y.min(b.y), x1: a.x.max(b.x), y1: a.y.max(b.y) }
}
