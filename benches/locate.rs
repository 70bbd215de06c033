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
