//! The index against naive `rstar` and `geo`, on the same devices in the same run, one thread.
//!
//! `cargo bench --bench locate` takes some minutes and ends with a table of the best times; `LOCATE_DEVICES` sets
//! another number of devices than 2,000,000. `cargo bench --bench locate -- --test` runs each case once, on few
//! devices. The naive rival keeps points in an `rstar` tree, asks it for the area's box, and asks `geo` of each point
//! in that.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use geo::{Contains, Distance, Geodesic, Intersects, LineString, MultiPolygon, Point};
use hazardcast::domain::{Area, Circle, Footprint, PlaceId, Polygon, Position, Private, Ring, Slot};
use hazardcast::locate::{AffectedArea, Hit, Index, Order};
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};

const SEED: u64 = 20_260_101;
const DEVICES: usize = 2_000_000;
const SMOKE: usize = 20_000;
const MOVES: usize = 100_000;

type Naive = RTree<GeomWithData<[f64; 2], u32>>;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    #[expect(clippy::disallowed_methods, reason = "a benchmark is set up from outside")]
    let wanted = std::env::var("LOCATE_DEVICES").ok().and_then(|text| text.parse().ok());
    let devices = wanted.unwrap_or(if smoke { SMOKE } else { DEVICES });
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(if smoke { 10 } else { 1_500 }))
        .configure_from_args();
    let world = World::new(devices);
    let mut table = Vec::new();
    for case in cases(&world) {
        search(&mut criterion, &world, &case, &mut table);
    }
    copies(&mut criterion, &world, &mut table);
    let bytes = world.index.memory_bytes() as f64 / devices as f64;
    moves(&mut criterion, world, &mut table);
    criterion.final_summary();
    print(&table, devices, bytes);
}

/// Devices round cities, in both indexes.
struct World {
    places: Vec<Position>,
    cities: Vec<City>,
    index: Index,
    naive: Naive,
    japan: Area,
}

struct City {
    lon: f64,
    lat: f64,
    spread: f64,
}

impl World {
    /// 4,000 cities, the n-th with a share of people in proportion to 1/n, four in ten of them in Japan; a city's
    /// radius grows with the root of its people.
    fn new(devices: usize) -> Self {
        let japan = japan();
        let ground = geo_of(std::slice::from_ref(&japan));
        let mut random = Random(SEED);
        let cities: Vec<City> = (0..4_000)
            .map(|rank| {
                let (lon, lat) = loop {
                    let home = rank % 5 < 2;
                    let (lon, lat) = if home {
                        (random.between(127.0, 146.0), random.between(26.0, 45.6))
                    } else {
                        (random.between(-180.0, 180.0), random.between(-50.0, 65.0))
                    };
                    if !home || ground.contains(&Point::new(lon, lat)) {
                        break (lon, lat);
                    }
                };
                City { lon, lat, spread: 0.25 / f64::from(rank + 1).powf(0.35) }
            })
            .collect();
        let harmonic: f64 = (1..=cities.len()).map(|rank| 1.0 / rank as f64).sum();
        let mut places = Vec::with_capacity(devices);
        for (rank, city) in cities.iter().enumerate() {
            let people = (devices as f64 / harmonic / (rank + 1) as f64).round() as usize;
            places.extend((0..people).map(|_| random.near(city.lon, city.lat, city.spread)));
        }
        while places.len() < devices {
            places.push(random.near(cities[0].lon, cities[0].lat, cities[0].spread));
        }
        places.truncate(devices);
        let index = Index::new();
        index.load((0..).zip(&places).map(|(slot, place)| (PlaceId::live(Slot(slot)), at(*place))));
        let naive = RTree::bulk_load((0..).zip(&places).map(|(slot, place)| with_slot(*place, slot)).collect());
        Self { places, cities, index, naive, japan }
    }

    fn found(&self, area: &AffectedArea, hits: &mut Vec<Hit>) {
        hits.clear();
        let mut sweep = self.index.sweep(std::slice::from_ref(area), Order::Any);
        while sweep.next_batch(hits) {}
    }
}

struct Case {
    name: &'static str,
    area: AffectedArea,
}

/// The areas, each grown until it holds about as many of the devices as the case is to have.
fn cases(world: &World) -> Vec<Case> {
    let mut random = Random(SEED + 1);
    let city = |rank: usize| [world.cities[rank].lon, world.cities[rank].lat];
    // Jagged points hop by a seventh of the radius between neighbours; a coast has bays besides.
    let jagged = |random: &mut Random, points: usize, hop: f64, bays: f64| -> Vec<f64> {
        let phases: Vec<f64> = (0..6).map(|_| random.between(0.0, std::f64::consts::TAU)).collect();
        let bay =
            |turn: f64| (2..8).zip(&phases).map(|(wave, phase)| (turn * f64::from(wave) + phase).sin()).sum::<f64>();
        (0..points).map(|n| 1.0 + bays * bay(turn(n, points)) / 6.0 + random.between(-hop, hop)).collect()
    };
    let storm = jagged(&mut random, 12, 0.1, 0.0);
    let warning = jagged(&mut random, 300, 0.15, 0.0);
    let coast = jagged(&mut random, 2_000, 0.06, 0.6);
    let home = city(0);
    let world_areas: Vec<Area> = [[-180.0, 0.0], [0.0, 180.0]]
        .map(|[west, east]| polygon(vec![[west, -90.0], [east, -90.0], [east, 90.0], [west, 90.0]]))
        .to_vec();
    let circle = Circle::new(home[0], home[1], 300.0).expect("a circle");
    let compiled = |areas: &[Area]| AffectedArea::new(areas).expect("it has ground");
    vec![
        Case { name: "storm cell, 12 points", area: grown(world, city(20), &storm, 2_821) },
        Case { name: "warning, 300 jagged points", area: grown(world, city(1), &warning, 89_385) },
        Case { name: "coast, 2,000 jagged points", area: grown(world, home, &coast, 270_631) },
        Case { name: "circle, 300 km", area: compiled(&[Area { circles: vec![circle], ..Area::default() }]) },
        Case { name: "a country (Japan), 6,829 points", area: compiled(std::slice::from_ref(&world.japan)) },
        Case { name: "everything", area: compiled(&world_areas) },
    ]
}

fn turn(n: usize, points: usize) -> f64 {
    std::f64::consts::TAU * n as f64 / points as f64
}

fn polygon(points: Vec<[f64; 2]>) -> Area {
    Area { polygons: vec![Polygon { outer: Ring::new(points).expect("a ring"), holes: Vec::new() }], ..Area::default() }
}

fn grown(world: &World, centre: [f64; 2], radii: &[f64], of_two_million: usize) -> AffectedArea {
    let wanted = of_two_million * world.places.len() / DEVICES;
    let round = |value: f64| (value * 1e5).round() / 1e5;
    let star = |degrees: f64| {
        let point = |(n, radius): (usize, &f64)| {
            let (sin, cos) = turn(n, radii.len()).sin_cos();
            let east = degrees * radius * cos / centre[1].to_radians().cos();
            [round(centre[0] + east), round(centre[1] + degrees * radius * sin)]
        };
        AffectedArea::new(&[polygon(radii.iter().enumerate().map(point).collect())]).expect("it has ground")
    };
    let (mut low, mut high, mut hits) = (0.001, 25.0, Vec::new());
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        world.found(&star(middle), &mut hits);
        if hits.len() < wanted { low = middle } else { high = middle }
    }
    star(high)
}

/// The area for `geo`.
fn geo_of(areas: &[Area]) -> MultiPolygon<f64> {
    let line = |ring: &Ring| ring.points().iter().map(|[lon, lat]| (*lon, *lat)).collect::<LineString<f64>>();
    let polygons = areas.iter().flat_map(|area| &area.polygons);
    polygons.map(|p| geo::Polygon::new(line(&p.outer), p.holes.iter().map(line).collect())).collect()
}

fn naive_search(naive: &Naive, area: &AffectedArea, ground: &MultiPolygon<f64>, slots: &mut Vec<u32>) {
    slots.clear();
    let [west, south, east, north] = area.bounding_box();
    let circle = area.areas().iter().flat_map(|area| &area.circles).next();
    for point in naive.locate_in_envelope(AABB::from_corners([west, south], [east, north])) {
        let place = Point::from(*point.geom());
        let inside = match circle {
            Some(circle) => Geodesic.distance(Point::new(circle.lon(), circle.lat()), place) <= circle.radius_m(),
            None => ground.intersects(&place),
        };
        if inside {
            slots.push(point.data);
        }
    }
}

struct Row {
    name: String,
    count: usize,
    ours: Duration,
    rival: Duration,
}

fn search(criterion: &mut Criterion, world: &World, case: &Case, table: &mut Vec<Row>) {
    let ground = geo_of(case.area.areas());
    let (mut hits, mut slots) = (Vec::with_capacity(world.places.len()), Vec::with_capacity(world.places.len()));
    let mut group = criterion.benchmark_group(case.name);
    let ours = best(&mut group, "index", || world.found(&case.area, &mut hits));
    let rival = best(&mut group, "rstar and geo", || naive_search(&world.naive, &case.area, &ground, &mut slots));
    group.finish();
    let mut found: Vec<u32> = hits.iter().map(|hit| hit.slot.0).collect();
    found.sort_unstable();
    slots.sort_unstable();
    // A filter on the command line may have left one of them out.
    let both = ours < Duration::MAX && rival < Duration::MAX;
    assert!(!both || found == slots, "{}: {} found, the rival found {}", case.name, found.len(), slots.len());
    table.push(Row { name: case.name.to_owned(), count: found.len(), ours, rival });
}

/// A search against a plain copy of what it gives: into one vector, and batch by batch into a small one.
fn copies(criterion: &mut Criterion, world: &World, table: &mut Vec<Row>) {
    for case in cases(world).iter().skip(4) {
        let mut all = Vec::new();
        world.found(&case.area, &mut all);
        let mut out: Vec<Hit> = Vec::with_capacity(all.len());
        let mut group = criterion.benchmark_group(format!("{}, against a copy", case.name));
        let ours = best(&mut group, "search", || world.found(&case.area, &mut out));
        let rival = best(&mut group, "copy", || {
            out.clear();
            out.extend_from_slice(black_box(&all));
        });
        table.push(Row { name: format!("{}: search, copy", case.name), count: all.len(), ours, rival });
        let ours = best(&mut group, "search by batches", || {
            let mut sweep = world.index.sweep(std::slice::from_ref(&case.area), Order::Any);
            out.clear();
            while sweep.next_batch(&mut out) {
                black_box(&out);
                out.clear();
            }
        });
        let rival = best(&mut group, "copy by batches", || {
            for batch in all.chunks(8_192) {
                out.clear();
                out.extend_from_slice(batch);
                black_box(&out);
            }
        });
        group.finish();
        table.push(Row { name: format!("{}: search, copy by batches", case.name), count: all.len(), ours, rival });
    }
}

/// Moves there and back again, so that every run finds the same.
fn moves(criterion: &mut Criterion, mut world: World, table: &mut Vec<Row>) {
    let mut random = Random(SEED + 2);
    let count = MOVES.min(world.places.len() / 2);
    for (name, far) in [("moves of some 500 m", false), ("moves to another city", true)] {
        let moves: Vec<(u32, Position, Position)> = (0..count)
            .map(|n| {
                // Each device once: any order will do, if it is not that of the cities.
                let slot = (n * 7_919 + 13) % world.places.len();
                let from = world.places[slot];
                let city = &world.cities[random.below(world.cities.len())];
                let to = if far {
                    random.near(city.lon, city.lat, city.spread)
                } else {
                    random.near(from.lon(), from.lat(), 0.005)
                };
                (slot as u32, from, to)
            })
            .collect();
        let mut group = criterion.benchmark_group(name);
        let back = Cell::new(false);
        let way = |from: Position, to: Position| if back.get() { (to, from) } else { (from, to) };
        let ours = best(&mut group, "index", || {
            for &(slot, from, to) in &moves {
                world.index.place(PlaceId::live(Slot(slot)), Some(at(way(from, to).1)));
            }
            back.set(!back.get());
        });
        if back.replace(false) {
            for (slot, from, _) in &moves {
                world.index.place(PlaceId::live(Slot(*slot)), Some(at(*from)));
            }
        }
        let rival = best(&mut group, "rstar", || {
            for &(slot, from, to) in &moves {
                let (from, to) = way(from, to);
                world.naive.remove(&with_slot(from, slot)).expect("it was put there");
                world.naive.insert(with_slot(to, slot));
            }
            back.set(!back.get());
        });
        if back.get() {
            for &(slot, from, to) in &moves {
                world.naive.remove(&with_slot(to, slot)).expect("it was put there");
                world.naive.insert(with_slot(from, slot));
            }
        }
        group.finish();
        table.push(Row { name: name.to_owned(), count, ours, rival });
    }
}

/// Benches `run` and gives back its best time.
fn best(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| {
                    let start = Instant::now();
                    run();
                    let took = start.elapsed();
                    best = best.min(took);
                    took
                })
                .sum()
        });
    });
    best
}

#[expect(clippy::print_stdout, reason = "the table is what the benchmark is for")]
fn print(table: &[Row], devices: usize, bytes: f64) {
    println!("\n{devices} devices, seed {SEED}, one thread, best of several runs; {bytes:.1} bytes of index a place\n");
    println!("| {:<50} | {:>9} | {:>10} | {:>10} | {:>7} |", "case", "places", "index, ms", "rival, ms", "times");
    println!("| {:-<50} | {:->9} | {:->10} | {:->10} | {:->7} |", "", "", "", "", "");
    for Row { name, count, ours, rival } in table.iter().filter(|row| row.ours.max(row.rival) < Duration::MAX) {
        let [ours, rival] = [ours, rival].map(|time| time.as_secs_f64() * 1e3);
        println!("| {name:<50} | {count:>9} | {ours:>10.3} | {rival:>10.3} | {:>7.2} |", rival / ours);
    }
}

fn at(place: Position) -> Footprint {
    Footprint::Point(Private::new(place))
}

fn with_slot(place: Position, slot: u32) -> GeomWithData<[f64; 2], u32> {
    GeomWithData::new([place.lon(), place.lat()], slot)
}

fn japan() -> Area {
    let text = include_str!("../tests/data/regions/japan.geojson");
    let json: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
    let polygons: Vec<Vec<Vec<[f64; 2]>>> =
        serde_json::from_value(json["features"][0]["geometry"]["coordinates"].clone()).expect("it is a multipolygon");
    let ring = |points: &Vec<[f64; 2]>| Ring::new(points.iter().copied()).expect("a ring");
    let polygon =
        |rings: &Vec<Vec<[f64; 2]>>| Polygon { outer: ring(&rings[0]), holes: rings[1..].iter().map(ring).collect() };
    Area { polygons: polygons.iter().map(polygon).collect(), ..Area::default() }
}

/// `SplitMix64`: the same devices on every machine and with every version of every crate.
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
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A place round a point, normally distributed (Box and Muller).
    fn near(&mut self, lon: f64, lat: f64, spread: f64) -> Position {
        let (length, turn) =
            ((-2.0 * self.between(1e-12, 1.0).ln()).sqrt() * spread, self.between(0.0, std::f64::consts::TAU));
        let lat = (lat + length * turn.sin()).clamp(-90.0, 90.0);
        let lon = (lon + length * turn.cos() / lat.to_radians().cos() + 540.0) % 360.0 - 180.0;
        Position::from_degrees(lon, lat).expect("on the globe")
    }
}
