//! The index against a plain list of places.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::TestRng;

use crate::domain::{Circle, Footprint, PlaceId, Polygon, Position, Private, Slot};

use super::super::lattice::Spot;
use super::super::{AffectedArea, Hit, Index, Order};
use super::{affected, area, at, block, oracle, point, rect, ring};

/// Seeded, so that a failure can be repeated.
fn rng(seed: u8) -> TestRng {
    TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[seed; 32])
}

/// A place near one of a few towns of different sizes, or, seldom, anywhere.
fn somewhere(rng: &mut TestRng) -> Footprint {
    let spread = [0.0, 0.001, 0.05, 2.0, 90.0][rng.random_range(0..5)];
    let [lon, lat] = [[8.5, 47.4], [179.99, -17.0], [-122.4, 37.8], [0.0, 0.0]][rng.random_range(0..4)];
    let mut off = || (rng.random::<f64>() - 0.5) * spread;
    let (lon, lat) = ((lon + 2.0 * off() + 540.0) % 360.0 - 180.0, lat + off());
    let south_west = Position::from_degrees(lon, lat.clamp(-90.0, 90.0)).expect("on the globe");
    let coarse = rng.random_range(0..4) == 0;
    if !coarse {
        return Footprint::Point(Private::new(south_west));
    }
    let size = [0, 10_000, 90_000, 5_000_000][rng.random_range(0..4)];
    let north_east = Position::from_e7(
        south_west.lon_e7().saturating_add(size).min(1_799_999_999),
        (south_west.lat_e7() + size).min(900_000_000),
    )
    .expect("on the globe");
    Footprint::Box { south_west: Private::new(south_west), north_east: Private::new(north_east) }
}

fn some_place(rng: &mut TestRng) -> PlaceId {
    let ordinal = if rng.random_range(0..8) == 0 { rng.random_range(1..4) } else { 0 };
    PlaceId { slot: Slot(rng.random_range(0..6_000)), ordinal }
}

fn some_areas() -> Vec<Vec<AffectedArea>> {
    let star: Vec<[i64; 2]> = [[0, 9], [2, 2], [9, 0], [2, -2], [0, -9], [-2, -2], [-9, 0], [-2, 2]]
        .iter()
        .map(|[x, y]| [1_885_000_000 + x * 1_000_000, 1_374_000_000 + y * 1_000_000])
        .collect();
    let outer = ring(&star).expect("a ring");
    let star = affected(&[area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())]);
    let circle = |lon, lat, km| affected(&[area(Vec::new(), vec![Circle::new(lon, lat, km).expect("a circle")])]);
    let globe: Vec<_> = [block(-180.0, -90.0, 0.0, 90.0), block(0.0, -90.0, 180.0, 90.0)]
        .iter()
        .flat_map(|a| a.areas().to_vec())
        .collect();
    vec![
        vec![star.clone()],
        vec![circle(8.5, 47.4, 3.0), star, circle(8.6, 47.0, 120.0)],
        vec![circle(179.5, -17.2, 60.0), block(170.0, -40.0, 190.0, 10.0)],
        vec![block(8.4995, 47.3995, 8.5, 47.4005), block(-10.0, -10.0, 0.0, 0.0)],
        vec![affected(&globe)],
        vec![circle(8.5, 47.4, 20_000.0)],
    ]
}

/// Every hit of a sweep, sorted.
pub(super) fn all(index: &Index, areas: &[AffectedArea], order: Order) -> Vec<Hit> {
    let (mut sweep, mut hits) = (index.sweep(areas, order), Vec::new());
    while sweep.next_batch(&mut hits) {}
    hits.sort_unstable();
    hits
}

fn expected(model: &HashMap<PlaceId, Footprint>, areas: &[AffectedArea]) -> Vec<Hit> {
    let tier = |at: &Footprint| areas.iter().position(|area| area.touches(*at));
    // Of a point it is not known which it is.
    let ordinal = |place: &PlaceId, at: &Footprint| if matches!(at, Footprint::Box { .. }) { place.ordinal } else { 0 };
    let hit = |(place, at): (&PlaceId, &Footprint)| {
        Some(Hit::new(place.slot, tier(at)? as u8).with_ordinal(ordinal(place, at)))
    };
    let mut hits: Vec<Hit> = model.iter().filter_map(hit).collect();
    hits.sort_unstable();
    hits
}

#[test]
fn a_sweep_finds_each_place_once_in_its_first_area_after_any_changes() {
    for (seed, loaded, full) in [(1, 0, 768), (2, 4_000, 24), (3, 20_000, 768)] {
        let mut rng = rng(seed);
        let index = Index::with_tiles_of(full);
        let mut model = HashMap::new();
        let places: Vec<_> = (0..loaded).map(|_| (some_place(&mut rng), somewhere(&mut rng))).collect();
        model.extend(places.iter().copied());
        index.load(places);
        for round in 0..4 {
            for areas in some_areas() {
                let found = all(&index, &areas, Order::Any);
                assert!(found == expected(&model, &areas), "seed {seed}, round {round}, {areas:?}");
            }
            assert_eq!(index.len(), model.len());
            for _ in 0..6_000 {
                let place = some_place(&mut rng);
                let at = (rng.random_range(0..5) > 0).then(|| somewhere(&mut rng));
                index.place(place, at);
                match at {
                    Some(at) => drop(model.insert(place, at)),
                    None => drop(model.remove(&place)),
                }
                assert_eq!(index.position(place), at);
            }
        }
        assert!(model.iter().all(|(place, at)| index.position(*place) == Some(*at)));
    }
}

#[test]
fn places_of_one_slot_at_one_point_are_told_apart() {
    let index = Index::new();
    let place = |ordinal: u8| PlaceId { slot: Slot(4), ordinal };
    let (here, there) = (point(8.5, 47.4), point(8.6, 47.4));
    let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
    let wide = Footprint::Box { south_west: corner(8.5, 47.3), north_east: corner(8.51, 47.31) };
    let wider = Footprint::Box { south_west: corner(8.499, 47.299), north_east: corner(8.511, 47.311) };
    for (ordinal, at) in [here, here, here, wide, wide, wider].into_iter().enumerate() {
        index.place(place(ordinal as u8), Some(at));
    }
    index.place(place(1), Some(there));
    index.place(place(0), None);
    index.place(place(3), None);
    let expected = [None, Some(there), Some(here), None, Some(wide), Some(wider)];
    for (ordinal, at) in expected.into_iter().enumerate() {
        assert_eq!(index.position(place(ordinal as u8)), at);
    }
    assert_eq!(all(&index, &[block(8.5, 47.4, 8.5001, 47.5)], Order::Any), [Hit::new(Slot(4), 0)]);
    let hits = [0, 0, 4, 5].map(|ordinal| Hit::new(Slot(4), 0).with_ordinal(ordinal));
    for order in [Order::Any, Order::Nearest(Position::from_degrees(8.0, 47.0).expect("on the globe"))] {
        assert_eq!(all(&index, &[block(8.0, 47.0, 9.0, 47.5)], order), hits);
    }
}

#[test]
fn a_sweep_agrees_with_the_oracle_on_every_place() {
    let mut rng = rng(4);
    let index = Index::new();
    // Places on the points and edges of the first star too.
    let edges =
        (0..4_000).map(|n| Spot { x: 1_885_000_000 + (n % 19) * 500_000, y: 1_374_000_000 + (n / 19) * 50_000 });
    let spots: Vec<Spot> = (0..4_000)
        .filter_map(|_| match somewhere(&mut rng) {
            Footprint::Point(at) => Some(Spot::of(*at.expose())),
            Footprint::Box { .. } => None,
        })
        .chain(edges)
        .collect();
    let named = |(slot, spot): (u32, &Spot)| (PlaceId::live(Slot(slot)), at(*spot));
    index.load((0..).zip(&spots).map(named));
    for areas in some_areas() {
        let found = all(&index, &areas, Order::Any);
        let plain: Vec<_> = areas.iter().map(|area| oracle::Plain::new(area.areas())).collect();
        let tier = |spot: Spot| plain.iter().position(|area| area.holds(spot));
        let expected: Vec<Hit> =
            (0..).zip(&spots).filter_map(|(slot, spot)| Some(Hit::new(Slot(slot), tier(*spot)? as u8))).collect();
        assert!(found == expected, "{areas:?}");
    }
}

#[test]
fn a_sweep_that_was_put_down_and_taken_up_elsewhere_gives_what_one_go_gives() {
    let mut rng = rng(5);
    let index = Index::new();
    index.load((0..60_000).map(|slot| (PlaceId::live(Slot(slot)), somewhere(&mut rng))));
    for areas in some_areas() {
        for order in [Order::Any, Order::Nearest(Position::from_degrees(8.5, 47.4).expect("on the globe"))] {
            let mut sweep = index.sweep(&areas, order);
            let mut hits = Vec::new();
            loop {
                let (carried, batch, more) = std::thread::spawn(move || {
                    let mut batch = Vec::new();
                    let more = sweep.next_batch(&mut batch);
                    (sweep, batch, more)
                })
                .join()
                .expect("the thread ends well");
                sweep = carried;
                assert!(batch.len() < 10_000, "a batch has a bound");
                hits.extend(batch);
                if !more {
                    break;
                }
            }
            hits.sort_unstable();
            assert!(hits == all(&index, &areas, Order::Any));
        }
    }
}

/// Metres on a sphere, by the law of haversines.
fn metres(from: Position, to: Position) -> f64 {
    let [from_lat, to_lat, apart] = [from.lat(), to.lat(), to.lon() - from.lon()].map(f64::to_radians);
    let up = ((to_lat - from_lat) / 2.0).sin().powi(2);
    let across = from_lat.cos() * to_lat.cos() * (apart / 2.0).sin().powi(2);
    2.0 * 6_371_008.8 * (up + across).sqrt().min(1.0).asin()
}

#[test]
fn the_nearest_come_first() {
    let mut rng = rng(6);
    let index = Index::new();
    let places: Vec<Footprint> = (0..30_000).map(|_| somewhere(&mut rng)).collect();
    index.load((0..).zip(&places).map(|(slot, at)| (PlaceId::live(Slot(slot)), *at)));
    // Some have moved, and their tiles are not in the tree.
    let places: Vec<Footprint> =
        places.iter().map(|at| if rng.random_range(0..9) == 0 { somewhere(&mut rng) } else { *at }).collect();
    (0..).zip(&places).for_each(|(slot, at)| index.place(PlaceId::live(Slot(slot)), Some(*at)));
    for (lon, lat) in [(8.0, 47.0), (8.5, 47.4), (-179.9, -17.0), (0.0, 90.0), (-171.5, -47.4)] {
        let origin = Position::from_degrees(lon, lat).expect("on the globe");
        let mut sweep = index.sweep(&some_areas()[4], Order::Nearest(origin));
        let (mut hits, mut farthest) = (Vec::new(), 0.0_f64);
        while sweep.next_batch(&mut hits) {}
        assert_eq!(hits.len(), 30_000);
        for hit in hits {
            // A point of a box is no farther from the box's corner than the opposite corner is.
            let [least, most] = match places[hit.slot.0 as usize] {
                Footprint::Point(at) => [metres(origin, *at.expose()); 2],
                Footprint::Box { south_west, north_east } => {
                    let (corner, opposite) = (*south_west.expose(), *north_east.expose());
                    [-1.0, 1.0].map(|by| metres(origin, corner) + by * metres(corner, opposite))
                }
            };
            assert!(most >= farthest - 1.0, "{hit:?} comes too late");
            farthest = farthest.max(least);
        }
    }
}

#[test]
fn those_whom_a_wave_has_passed_come_last() {
    let mut rng = rng(7);
    let index = Index::new();
    let places: Vec<Footprint> = (0..20_000).map(|_| somewhere(&mut rng)).collect();
    index.load((0..).zip(&places).map(|(slot, at)| (PlaceId::live(Slot(slot)), *at)));
    let origin = Position::from_degrees(8.5, 47.4).expect("on the globe");
    for passed_m in [0, 40_000, 900_000, 20_100_000] {
        let order = Order::Ahead { origin, passed_m };
        let mut sweep = index.sweep(&some_areas()[4], order);
        let (mut hits, mut before) = (Vec::new(), (false, 0.0_f64));
        while sweep.next_batch(&mut hits) {}
        assert_eq!(hits.len(), 20_000);
        for hit in hits {
            let Footprint::Point(at) = places[hit.slot.0 as usize] else { continue };
            let away = metres(origin, *at.expose());
            // Distances in the order are those of a sphere, and these are within half a percent of them.
            let rim = f64::from(passed_m);
            let is_on_rim = (away - rim).abs() < 0.01 * rim + 2.0;
            let passed = away < rim;
            assert!(is_on_rim || passed >= before.0, "{away} of {passed_m} comes too late");
            if !is_on_rim {
                let slack = 0.01 * away + 2.0;
                assert!(passed != before.0 || away >= before.1 - slack, "{away} after {}", before.1);
                before = (passed, away);
            }
        }
    }
}

#[test]
fn a_sweep_that_began_before_tiles_were_split_finds_their_places() {
    let index = Index::new();
    let spot = |n: u32| at(Spot { x: 1_885_000_000 + n * 7_919 % 100_003, y: 1_374_000_000 + n });
    index.load((0..300).map(|n| (PlaceId::live(Slot(n)), spot(n))));
    let areas = [block(8.4, 47.3, 8.6, 47.5)];
    let origin = Position::from_degrees(0.0, 0.0).expect("on the globe");
    let mut sweeps = [Order::Any, Order::Nearest(origin)].map(|order| index.sweep(&areas, order));
    for n in 300..9_000 {
        index.place(PlaceId::live(Slot(n)), Some(spot(n)));
    }
    for sweep in &mut sweeps {
        let mut hits = Vec::new();
        while sweep.next_batch(&mut hits) {}
        let mut slots: Vec<u32> = hits.iter().map(|hit| hit.slot.0).collect();
        slots.sort_unstable();
        assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "each once");
        assert!(slots.iter().take(300).eq((0..300).collect::<Vec<u32>>().iter()), "none of the first is lost");
    }
}

#[test]
fn a_sweep_that_began_before_tiles_were_merged_or_forgotten_finds_those_that_stayed() {
    let index = Index::new();
    let town =
        |n: u32| at(Spot { x: 1_885_000_000 + n * 7_919 % 1_000_003, y: 1_374_000_000 + n * 104_729 % 1_000_003 });
    let elsewhere = |n: u32| at(Spot { x: n * 350_003, y: 1_000_000_000 + n * 7_919 % 100_000_007 });
    index.load((0..20_000).map(|n| (PlaceId::live(Slot(n)), town(n))));
    let before = index.memory_bytes();
    let areas = [block(8.4, 47.3, 8.7, 47.6)];
    let origin = Position::from_degrees(8.5, 47.4).expect("on the globe");
    let mut sweeps = [Order::Any, Order::Nearest(origin)].map(|order| index.sweep(&areas, order));
    let mut hits = [Vec::new(), Vec::new()];
    // One has read some tiles, the other none.
    sweeps[0].next_batch(&mut hits[0]);
    let stays = |n: &u32| n.is_multiple_of(500);
    for n in (0..20_000).filter(|n| !stays(n)) {
        index.place(PlaceId::live(Slot(n)), Some(elsewhere(n % 8_000)));
    }
    for (sweep, hits) in sweeps.iter_mut().zip(&mut hits) {
        while sweep.next_batch(hits) {}
        let mut found: Vec<u32> = hits.iter().map(|hit| hit.slot.0).filter(stays).collect();
        found.sort_unstable();
        assert!(found.into_iter().eq((0..20_000).filter(stays)), "each that stayed, once");
    }
    // And those who come back are found by the next.
    (0..20_000).for_each(|n| index.place(PlaceId::live(Slot(n)), Some(town(n))));
    assert_eq!(all(&index, &areas, Order::Any).len(), 20_000);
    assert!(index.memory_bytes() < before * 11 / 10, "{} bytes, and {before} before", index.memory_bytes());
}

#[test]
fn ground_that_was_full_once_costs_what_is_left_there() {
    let index = Index::new();
    let (places, towns) = (20_000_u32, 60_u32);
    let spot = |town: u32, n: u32| Spot {
        x: 60_000_000 * town + n * 7_919 % 1_000_003,
        y: 900_000_000 + town * 1_000_003 + n * 104_729 % 1_000_003,
    };
    // All go from town to town, and in each some stay for good.
    for town in 0..towns {
        for n in (0..places).filter(|n| n % 200 >= town) {
            index.place(PlaceId::live(Slot(n)), Some(at(spot(town, n))));
        }
    }
    assert_eq!(index.len(), places as usize);
    let bytes = index.memory_bytes();
    assert!(bytes <= 24 * places as usize, "{} bytes a place", bytes as f64 / f64::from(places));
    let everywhere = block(-180.0, -90.0, 0.0, 90.0);
    let others = block(0.0, -90.0, 180.0, 90.0);
    let hits = all(&index, &[everywhere.clone(), others.clone()], Order::Any);
    assert!(hits.windows(2).all(|pair| pair[0].slot < pair[1].slot) && hits.len() == places as usize);
    (0..places).for_each(|n| index.place(PlaceId::live(Slot(n)), None));
    let (bytes, map) = (index.memory_bytes(), 8 * places as usize);
    assert!(bytes < map + 60_000, "{bytes} bytes, of which the map from slots has {map}");
}

#[test]
fn many_places_at_one_point_are_split_by_slot() {
    let index = Index::new();
    for slot in 0..5_000 {
        index.place(PlaceId::live(Slot(slot)), Some(point(0.0, 0.0)));
    }
    assert_eq!(all(&index, &[block(0.0, 0.0, 1.0, 1.0)], Order::Any).len(), 5_000);
    for slot in 0..5_000 {
        index.place(PlaceId::live(Slot(slot)), None);
    }
    assert!(all(&index, &[block(0.0, 0.0, 1.0, 1.0)], Order::Any).is_empty() && index.is_empty());
}

#[test]
fn a_place_costs_at_most_24_bytes_however_it_came() {
    // Points of phones; phones and two places each that are followed; boxes of one grid.
    let named = [
        |n: u32| PlaceId::live(Slot(n)),
        |n: u32| PlaceId { slot: Slot(n / 3), ordinal: (n % 3) as u8 },
        |n: u32| PlaceId::live(Slot(n)),
    ];
    for (kind, named) in named.into_iter().enumerate() {
        let mut rng = rng(7);
        let mut place = |n: u32| {
            let spot = Spot {
                x: 1_885_000_000 + rng.random_range(0..40_000_000),
                y: 1_374_000_000 + rng.random_range(0..9_000_000),
            };
            let boxed = rect(spot, Spot { x: spot.x + 100_000, y: spot.y + 100_000 });
            (named(n), if kind == 2 { boxed.footprint() } else { at(spot) })
        };
        let (loaded, grown) = (Index::new(), Index::new());
        loaded.load((0..200_000).map(&mut place));
        assert!(loaded.memory_bytes() <= 24 * loaded.len(), "{kind}: {} bytes", loaded.memory_bytes());
        for (place, at) in (0..200_000).map(&mut place) {
            grown.place(place, Some(at));
            loaded.place(place, Some(at));
        }
        // One by one leaves some room for more, and shards are small here: two million followed ones take 24 too.
        let most = if kind == 1 { 25 } else { 24 };
        assert!(grown.memory_bytes() <= most * grown.len(), "{kind}: {} bytes", grown.memory_bytes());
        assert!(loaded.memory_bytes() <= most * loaded.len(), "{kind}: {} bytes", loaded.memory_bytes());
    }
}
