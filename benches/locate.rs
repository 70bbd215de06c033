//! The index against naive `rstar` and `geo`, on the same devices in the same run, one thread.
//!
//! `cargo bench --bench locate` takes some minutes and ends with a table of the best times; `LOCATE_DEVICES` sets
//! another number of devices than 2,000,000. `cargo bench --bench locate -- --test` runs each case once, on few
//! devices. The naive rival keeps points in an `rstar` tree, asks it for the area's box, and asks `geo` of each point
//! in that; what both find is compared. Memory is what the allocator counts, and at two million devices it must be in
//! its bounds; no time is asserted.

#[path = "locate/table.rs"]
mod table;
#[path = "locate/world.rs"]
mod world;

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use geo::{Distance, Geodesic, Haversine, Intersects, MultiPolygon, Point};
use hazardcast::domain::{PlaceId, Position, Slot};
use hazardcast::locate::{AffectedArea, Hit, Index, Order};
use peak_alloc::PeakAlloc;
use rstar::AABB;

use table::Table;
use world::{Case, DEVICES, Naive, Random, World, at, geo_of, jagged, star, sweep, with_slot};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SMOKE: usize = 20_000;
const MOVES: usize = 100_000;

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
    let mut table = Table::new(devices);
    let mut rivals = Rivals::load(World::new(devices), &mut table);
    let cases = rivals.world.cases(&rivals.index);
    for case in &cases {
        search(&mut criterion, &rivals, case, &mut table);
    }
    search_by_distance(&mut criterion, &rivals, &cases[2], &mut table);
    for case in &cases[4..] {
        copy(&mut criterion, &rivals.index, case, &mut table);
    }
    construct(&mut criterion, &mut table);
    moves(&mut criterion, &mut rivals, &mut table);
    rivals.weigh(&mut table);
    criterion.final_summary();
    table.print();
}

/// The index, the naive tree, and the devices that are in both.
struct Rivals {
    world: World,
    index: Index,
    naive: Naive,
}

impl Rivals {
    fn load(world: World, table: &mut Table) -> Self {
        let before = ALLOCATOR.current_usage();
        let start = Instant::now();
        let index = world.index();
        let ours = start.elapsed();
        table.weight("index, loaded", ALLOCATOR.current_usage() - before);
        table.weight("index, loaded, by its own account", index.memory_bytes());
        let before = ALLOCATOR.current_usage();
        let start = Instant::now();
        let naive = world.naive();
        table.time("bulk load, once", world.places.len(), Some(ours), Some(start.elapsed()));
        table.weight("rstar, loaded", ALLOCATOR.current_usage() - before);
        Self { world, index, naive }
    }

    /// What is given back when they go: all that they own.
    fn weigh(self, table: &mut Table) {
        let before = ALLOCATOR.current_usage();
        drop(self.index);
        table.weight("index, after the moves", before - ALLOCATOR.current_usage());
        let before = ALLOCATOR.current_usage();
        drop(self.naive);
        table.weight("rstar, after the moves", before - ALLOCATOR.current_usage());
    }
}

fn naive_search(naive: &Naive, area: &AffectedArea, ground: &MultiPolygon<f64>, mut found: impl FnMut(Point, u32)) {
    let [west, south, east, north] = area.bounding_box();
    let circle = area.areas().iter().flat_map(|area| &area.circles).next();
    for point in naive.locate_in_envelope(AABB::from_corners([west, south], [east, north])) {
        let place = Point::from(*point.geom());
        let inside = match circle {
            Some(circle) => Geodesic.distance(Point::new(circle.lon(), circle.lat()), place) <= circle.radius_m(),
            None => ground.intersects(&place),
        };
        if inside {
            found(place, point.data);
        }
    }
}

fn search(criterion: &mut Criterion, rivals: &Rivals, case: &Case, table: &mut Table) {
    let ground = geo_of(case.area.areas());
    let (mut hits, mut slots) =
        (Vec::with_capacity(rivals.world.places.len()), Vec::with_capacity(rivals.world.places.len()));
    let mut group = criterion.benchmark_group(case.name);
    let ours = best(&mut group, "index", || sweep(&rivals.index, &case.area, Order::Any, &mut hits));
    let theirs = best(&mut group, "rstar and geo", || {
        slots.clear();
        naive_search(&rivals.naive, &case.area, &ground, |_, slot| slots.push(slot));
    });
    group.finish();
    // A filter on the command line may have left one of them out.
    if ours.is_some() && theirs.is_some() {
        assert_same(case.name, &hits, slots);
    }
    table.time(case.name, hits.len(), ours, theirs);
}

fn assert_same(name: &str, hits: &[Hit], mut slots: Vec<u32>) {
    let mut found: Vec<u32> = hits.iter().map(|hit| hit.slot.0).collect();
    found.sort_unstable();
    slots.sort_unstable();
    assert!(found == slots, "{name}: {} found, the rival found {}", found.len(), slots.len());
}

/// The nearest to the middle of the area first, all of them and the first batch alone. The rival has to find and sort
/// all for its first.
fn search_by_distance(criterion: &mut Criterion, rivals: &Rivals, case: &Case, table: &mut Table) {
    let [west, south, east, north] = case.area.bounding_box();
    let origin = Position::from_degrees(f64::midpoint(west, east), f64::midpoint(south, north)).expect("on the globe");
    let metres = |place: Point| Haversine.distance(Point::new(origin.lon(), origin.lat()), place);
    let ground = geo_of(case.area.areas());
    let (mut hits, mut sorted) =
        (Vec::with_capacity(rivals.world.places.len()), Vec::with_capacity(rivals.world.places.len()));
    let name = format!("{}, nearest first", case.name);
    let mut group = criterion.benchmark_group(&name);
    let first = best(&mut group, "index, first batch", || {
        hits.clear();
        rivals.index.sweep(std::slice::from_ref(&case.area), Order::Nearest(origin)).next_batch(&mut hits);
    });
    let batch = hits.len();
    let ours = best(&mut group, "index", || sweep(&rivals.index, &case.area, Order::Nearest(origin), &mut hits));
    let theirs = best(&mut group, "rstar, geo and sort", || {
        sorted.clear();
        naive_search(&rivals.naive, &case.area, &ground, |place, slot| sorted.push((metres(place), slot)));
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    });
    group.finish();
    if ours.is_some() && theirs.is_some() {
        // The two work out distances differently, so that those which are equal to the metre may change places.
        let place = |hit: &Hit| rivals.world.places[hit.slot.0 as usize];
        let away = |hit: &Hit| metres(Point::new(place(hit).lon(), place(hit).lat()));
        assert!(hits.iter().zip(&sorted).all(|(hit, (metres, _))| (away(hit) - metres).abs() < 1.0), "out of order");
        assert_same(&name, &hits, sorted.iter().map(|(_, slot)| *slot).collect());
    }
    table.time(&name, hits.len(), ours, theirs);
    table.time(&format!("{name}: first batch"), batch, first, theirs);
}

/// A search against a plain copy of what it gives: into one vector, and batch by batch into a small one.
fn copy(criterion: &mut Criterion, index: &Index, case: &Case, table: &mut Table) {
    let mut all = Vec::new();
    sweep(index, &case.area, Order::Any, &mut all);
    let mut out: Vec<Hit> = Vec::with_capacity(all.len());
    let mut group = criterion.benchmark_group(format!("{}, against a copy", case.name));
    let ours = best(&mut group, "search", || sweep(index, &case.area, Order::Any, &mut out));
    let theirs = best(&mut group, "copy", || {
        out.clear();
        out.extend_from_slice(black_box(&all));
    });
    table.copy(case.name, all.len(), ours, theirs);
    let ours = best(&mut group, "search by batches", || {
        let mut sweep = index.sweep(std::slice::from_ref(&case.area), Order::Any);
        let mut more = true;
        while more {
            out.clear();
            more = sweep.next_batch(&mut out);
            black_box(&out);
        }
    });
    let theirs = best(&mut group, "copy by batches", || {
        for batch in all.chunks(8_192) {
            out.clear();
            out.extend_from_slice(batch);
            black_box(&out);
        }
    });
    group.finish();
    table.copy(&format!("{}, by batches", case.name), all.len(), ours, theirs);
}

/// What it costs to make an area ready to be searched for; once for each alert.
fn construct(criterion: &mut Criterion, table: &mut Table) {
    let mut group = criterion.benchmark_group("an area made ready");
    for points in [2_000, 41_000] {
        let coast = star([139.7, 35.6], &jagged(&mut Random::new(2), points, 0.06, 0.6), 4.0);
        let ours = best(&mut group, &format!("{points} points"), || {
            black_box(AffectedArea::new(std::slice::from_ref(&coast)));
        });
        table.time(&format!("an area of {points} points made ready"), points, ours, None);
    }
    group.finish();
}

/// Moves there and back again, so that every run finds the same.
fn moves(criterion: &mut Criterion, rivals: &mut Rivals, table: &mut Table) {
    let mut random = Random::new(3);
    let Rivals { world, index, naive } = rivals;
    let count = MOVES.min(world.places.len() / 2);
    for (name, far) in [("moves of some 500 m", false), ("moves to another city", true)] {
        let moves: Vec<(u32, Position, Position)> = (0..count)
            .map(|slot| {
                let from = world.places[slot];
                let to = if far { world.anywhere(&mut random) } else { random.near(from.lon(), from.lat(), 0.005) };
                (slot as u32, from, to)
            })
            .collect();
        let mut group = criterion.benchmark_group(name);
        let back = Cell::new(false);
        let way = |from: Position, to: Position| if back.get() { (to, from) } else { (from, to) };
        let ours = best(&mut group, "index", || {
            for &(slot, from, to) in &moves {
                index.place(PlaceId::live(Slot(slot)), Some(at(way(from, to).1)));
            }
            back.set(!back.get());
        });
        if back.replace(false) {
            for (slot, from, _) in &moves {
                index.place(PlaceId::live(Slot(*slot)), Some(at(*from)));
            }
        }
        let theirs = best(&mut group, "rstar", || {
            for &(slot, from, to) in &moves {
                let (from, to) = way(from, to);
                naive.remove(&with_slot(from, slot)).expect("it was put there");
                naive.insert(with_slot(to, slot));
            }
            back.set(!back.get());
        });
        if back.get() {
            for &(slot, from, to) in &moves {
                naive.remove(&with_slot(to, slot)).expect("it was put there");
                naive.insert(with_slot(from, slot));
            }
        }
        group.finish();
        table.time(name, count, ours, theirs);
    }
}

/// Benches `run` and gives back its best time; `None` if a filter left it out.
fn best(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut()) -> Option<Duration> {
    let mut best = None;
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| {
                    let start = Instant::now();
                    run();
                    let took = start.elapsed();
                    best = Some(best.unwrap_or(took).min(took));
                    took
                })
                .sum()
        });
    });
    best
}
