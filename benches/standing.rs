//! What is in force at a place, asked of 1,000 areas: `Standing` against `rstar` with `geo`, and against a plain scan.
//!
//! `cargo bench --bench standing` ends with a table of the best times; with `-- --test` each case is run once. The
//! areas are the same on every machine: 700 jagged polygons of 300 points and 300 circles, of 5 to 60 km, over 20 by 15
//! degrees. Both rivals know each area's box; of those whose box holds the place they ask `geo`, of a circle by the
//! geodesic. That all three find the same is asserted; no time is.

#![expect(clippy::print_stdout, reason = "the table is what the benchmark is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use geo::{Contains, Distance, Geodesic, LineString, Point};
use hazardcast::domain::{Area, Circle, Footprint, Polygon, Position, Private, Ring};
use hazardcast::locate::{AffectedArea, Standing};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

const SEED: u64 = 20_260_101;
const AREAS: u32 = 1_000;
const PLACES: usize = 200_000;
/// The best of so many rounds counts.
const ROUNDS: usize = 7;

type Boxes = RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>;

/// What `geo` is asked about.
enum Ground {
    Polygon(geo::Polygon<f64>),
    Circle(Point<f64>, f64),
}

/// An area for the rivals: its box, west, south, east and north, and its ground.
struct Rival {
    rect: [f64; 4],
    ground: Ground,
}

impl Rival {
    fn may_hold(&self, at: Point<f64>) -> bool {
        let [west, south, east, north] = self.rect;
        (west..=east).contains(&at.x()) && (south..=north).contains(&at.y())
    }

    fn holds(&self, at: Point<f64>) -> bool {
        match &self.ground {
            Ground::Polygon(polygon) => polygon.contains(&at),
            Ground::Circle(centre, radius_m) => Geodesic.distance(*centre, at) <= *radius_m,
        }
    }
}

/// Areas in force, for all three.
struct World {
    areas: Vec<AffectedArea>,
    standing: Standing<u32>,
    rivals: Vec<Rival>,
    boxes: Boxes,
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (places, rounds) = if smoke { (2_000, 1) } else { (PLACES, ROUNDS) };
    let world = World::new();
    let mut random = Random(SEED + 1);
    let mut cases = [("in no area", Vec::new()), ("in one", Vec::new()), ("in three and more", Vec::new())];
    while cases.iter().any(|(_, places)| places.is_empty())
        || cases.iter().map(|(_, p)| p.len()).sum::<usize>() < places
    {
        let at = Point::new(random.between(-0.5, 20.5), random.between(39.5, 55.5));
        let ours = world.ours(at);
        assert_eq!((&ours, &ours), (&world.by_tree(at), &world.by_scan(at)), "all three find the same");
        match ours.len() {
            0 => cases[0].1.push(at),
            1 => cases[1].1.push(at),
            2 => {}
            _ => cases[2].1.push(at),
        }
    }
    println!("\n{AREAS} areas, seed {SEED}, one thread, best of {rounds} rounds; ns for a question\n");
    println!("| a place | places | `Standing` | `rstar` + `geo` | scan + `geo` |");
    println!("| --- | --- | --- | --- | --- |");
    for (name, places) in &cases {
        let asked: Vec<Footprint> = places.iter().map(|at| footprint(*at)).collect();
        let ours = best(rounds, asked.len(), || asked.iter().map(|at| world.standing.at(*at).len()).sum());
        let tree = best(rounds, places.len(), || places.iter().map(|at| world.count_by_tree(*at)).sum());
        let scan = best(rounds, places.len(), || places.iter().map(|at| world.count_by_scan(*at)).sum());
        println!("| {name} | {} | {ours:.0} | {tree:.0} | {scan:.0} |", places.len());
    }
    let insert = (0..if smoke { 1 } else { 50 }).map(|_| world.insert_the_last()).min().expect("at least one");
    println!(
        "\nThe {AREAS}th area comes in, and all are looked up by a new tree: {:.3} ms",
        insert.as_secs_f64() * 1e3
    );
}

/// The best time of a question, ns.
fn best(rounds: usize, questions: usize, mut ask: impl FnMut() -> usize) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        black_box(ask());
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / questions as f64
}

impl World {
    fn new() -> Self {
        let mut random = Random(SEED);
        let areas: Vec<Area> = (0..AREAS).map(|number| random.area(number % 10 < 7)).collect();
        let rivals: Vec<Rival> = areas.iter().map(rival).collect();
        let leaf = |(number, rival): (u32, &Rival)| {
            let [west, south, east, north] = rival.rect;
            GeomWithData::new(Rectangle::from_corners([west, south], [east, north]), number)
        };
        let boxes = RTree::bulk_load((0..).zip(&rivals).map(leaf).collect());
        let areas: Vec<AffectedArea> =
            areas.iter().map(|area| AffectedArea::new(std::slice::from_ref(area)).expect("it has ground")).collect();
        let standing = Standing::new();
        for (number, area) in (0..).zip(&areas) {
            standing.insert(number, vec![area.clone()]);
        }
        Self { areas, standing, rivals, boxes }
    }

    fn insert_the_last(&self) -> Duration {
        let last = AREAS - 1;
        self.standing.remove(last);
        let area = self.areas[last as usize].clone();
        let start = Instant::now();
        self.standing.insert(last, vec![area]);
        start.elapsed()
    }

    fn ours(&self, at: Point<f64>) -> Vec<u32> {
        sorted(self.standing.at(footprint(at)).into_iter().map(|(number, _)| number))
    }

    fn by_tree(&self, at: Point<f64>) -> Vec<u32> {
        sorted(self.tree(at))
    }

    fn by_scan(&self, at: Point<f64>) -> Vec<u32> {
        sorted(self.scan(at))
    }

    fn count_by_tree(&self, at: Point<f64>) -> usize {
        self.tree(at).count()
    }

    fn count_by_scan(&self, at: Point<f64>) -> usize {
        self.scan(at).count()
    }

    fn tree(&self, at: Point<f64>) -> impl Iterator<Item = u32> {
        let found = self.boxes.locate_in_envelope_intersecting(AABB::from_point([at.x(), at.y()]));
        found.map(|found| found.data).filter(move |number| self.rivals[*number as usize].holds(at))
    }

    fn scan(&self, at: Point<f64>) -> impl Iterator<Item = u32> {
        let rivals = (0..).zip(&self.rivals);
        rivals.filter(move |(_, rival)| rival.may_hold(at) && rival.holds(at)).map(|(number, _)| number)
    }
}

fn sorted(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

fn footprint(at: Point<f64>) -> Footprint {
    Footprint::Point(Private::new(Position::from_degrees(at.x(), at.y()).expect("on the globe")))
}

fn rival(area: &Area) -> Rival {
    let compiled = AffectedArea::new(std::slice::from_ref(area)).expect("it has ground");
    let ground = match (&area.polygons[..], &area.circles[..]) {
        ([polygon], []) => {
            let line: LineString<f64> = polygon.outer.points().iter().map(|[lon, lat]| (*lon, *lat)).collect();
            Ground::Polygon(geo::Polygon::new(line, Vec::new()))
        }
        (_, circles) => Ground::Circle(Point::new(circles[0].lon(), circles[0].lat()), circles[0].radius_m()),
    };
    Rival { rect: compiled.bounding_box(), ground }
}

/// `SplitMix64`: the same numbers on every machine and with every version of every crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        let value = low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (value * 1e7).round() / 1e7
    }

    /// A polygon of 300 jagged points, or a circle.
    fn area(&mut self, is_polygon: bool) -> Area {
        let (lon, lat, km) = (self.between(0.0, 20.0), self.between(40.0, 55.0), self.between(5.0, 60.0));
        if !is_polygon {
            return Area { circles: vec![Circle::new(lon, lat, km).expect("a circle")], ..Area::default() };
        }
        let points: Vec<[f64; 2]> = (0..300)
            .map(|n| {
                let (sin, cos) = (std::f64::consts::TAU * f64::from(n) / 300.0).sin_cos();
                let degrees = km / 111.0 * self.between(0.8, 1.2);
                [lon + degrees * cos / lat.to_radians().cos(), lat + degrees * sin]
            })
            .collect();
        let points = points.into_iter().map(|point| point.map(|value| (value * 1e7).round() / 1e7));
        let outer = Ring::new(points).expect("a ring");
        Area { polygons: vec![Polygon { outer, holes: Vec::new() }], ..Area::default() }
    }
}
