//! Changes and searches at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use crate::domain::{PlaceId, Position, Slot};

use super::super::lattice::Spot;
use super::super::{AffectedArea, Hit, Index, Order};
use super::places::all;
use super::{at, block};

/// A place in the block of ground that these tests search.
fn inside(random: &mut u64) -> Spot {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    Spot { x: 1_900_000_000 + (*random % 20_000_000) as u32, y: 1_000_000_000 + (*random >> 40) as u32 }
}

/// Tells the others that a test is over, even if it failed.
struct Over<'t>(&'t AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sweeps `index` and checks that each of `resting` is found once.
fn finds_each_once(index: &Index, ground: &[AffectedArea], order: Order, resting: std::ops::Range<u32>) -> Vec<Hit> {
    let hits = all(index, ground, order);
    let rested = hits.iter().map(|hit| hit.slot.0).filter(|slot| resting.contains(slot));
    assert!(rested.eq(resting.clone()), "each that rests, once");
    hits
}

#[test]
fn a_place_that_rests_is_found_once_whatever_moves_around_it() {
    let (moving, resting) = (6_000, 6_000..9_000);
    let index = Index::with_tiles_of(24);
    let ground = [block(9.0, 9.0, 13.0, 13.0)];
    let mut random = 77;
    (0..resting.end).for_each(|slot| index.place(PlaceId::live(Slot(slot)), Some(at(inside(&mut random)))));
    let moves: Vec<AtomicU32> = (0..moving).map(|_| AtomicU32::new(0)).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        for mover in 0..3 {
            let (index, moves, over) = (&index, &moves, &over);
            scope.spawn(move || {
                let mut random = 1 + u64::from(mover);
                for turn in 0_u32.. {
                    // Everybody comes to one corner, then all leave for all over the block, and some for ground without
                    // tiles: so tiles are made, split, merged and forgotten under the sweeps.
                    let crowded = turn % 2 == 0;
                    for slot in (mover..moving).step_by(3) {
                        let Spot { x, y } = inside(&mut random);
                        let spot = if crowded {
                            Spot { x: 1_900_000_000 + x % 50_000, y: 1_000_000_000 + y % 50_000 }
                        } else {
                            Spot { x, y }
                        };
                        index.place(PlaceId::live(Slot(slot)), Some(at(spot)));
                        moves[slot as usize].fetch_add(1, Ordering::SeqCst);
                    }
                    if over.load(Ordering::SeqCst) && turn > 3 {
                        return;
                    }
                }
            });
        }
        let origin = Position::from_degrees(10.0, 10.0).expect("on the globe");
        let orders = [Order::Any, Order::Nearest(origin)];
        thread::scope(|sweeps| {
            for order in orders {
                let (index, ground, moves, resting) = (&index, &ground, &moves, resting.clone());
                sweeps.spawn(move || {
                    for _ in 0..60 {
                        let before: Vec<u32> = moves.iter().map(|count| count.load(Ordering::SeqCst)).collect();
                        let hits = finds_each_once(index, ground, order, resting.clone());
                        let found: HashSet<u32> = hits.iter().map(|hit| hit.slot.0).collect();
                        // One that was not found was on the move, and asks what stands where it came to.
                        let asks = |slot: u32| {
                            let has_moved = || moves[slot as usize].load(Ordering::SeqCst) > before[slot as usize];
                            (0..100_000_000).any(|_| has_moved())
                        };
                        assert!((0..moving).all(|slot| found.contains(&slot) || asks(slot)));
                    }
                });
            }
        });
    });
    for order in [Order::Any, Order::Nearest(Position::from_degrees(0.0, 0.0).expect("on the globe"))] {
        finds_each_once(&index, &ground, order, 0..resting.end);
    }
}

#[test]
fn a_sweep_that_pauses_while_all_is_turned_over_finds_each_that_rests_once() {
    let (moving, resting) = (20_000_u32, 20_000..30_000_u32);
    let index = Index::with_tiles_of(24);
    let ground = [block(9.0, 9.0, 13.0, 13.0)];
    let mut random = 13;
    index.load((0..resting.end).map(|slot| (PlaceId::live(Slot(slot)), at(inside(&mut random)))));
    let origin = Position::from_degrees(10.0, 10.0).expect("on the globe");
    for order in [Order::Any, Order::Nearest(origin)] {
        let (mut sweep, mut hits) = (index.sweep(&ground, order), Vec::new());
        let mut turn = 0;
        while sweep.next_batch(&mut hits) {
            // Between two batches most leave for far away, or come back, from two threads.
            thread::scope(|scope| {
                for half in 0..2 {
                    let index = &index;
                    scope.spawn(move || {
                        let mut random = 99 + u64::from(half) + 2 * turn;
                        for slot in (half..moving).step_by(2) {
                            let Spot { x, y } = inside(&mut random);
                            let far = Spot { x: x.wrapping_mul(2_654_435_761) % 3_600_000_000, y: y / 2 };
                            let spot = if turn % 2 == 0 { far } else { Spot { x, y } };
                            index.place(PlaceId::live(Slot(slot)), Some(at(spot)));
                        }
                    });
                }
            });
            turn += 1;
        }
        let mut found: Vec<u32> = hits.iter().map(|hit| hit.slot.0).filter(|slot| resting.contains(slot)).collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(resting.clone()), "each that rests, once");
    }
}

#[test]
fn a_place_that_has_settled_is_found_by_the_next_sweep_while_trees_are_made() {
    let index = Index::with_tiles_of(24);
    let settled = AtomicU32::new(0);
    let (all_settled, per_town) = (12_000, 40);
    let home = |slot: u32| {
        // A town is a new tile of its own, and towns are many: the tree is made again and again.
        let town = slot / per_town;
        Spot { x: town % 20 * 100_000_007 + slot % per_town, y: 20_000_003 * (1 + town / 20) + slot % per_town }
    };
    let whole = [block(-180.0, -90.0, 0.0, 90.0), block(0.0, -90.0, 180.0, 90.0)];
    thread::scope(|scope| {
        scope.spawn(|| {
            for slot in 0..all_settled {
                index.place(PlaceId::live(Slot(slot)), Some(at(home(slot))));
                settled.store(slot + 1, Ordering::SeqCst);
            }
        });
        scope.spawn(|| {
            // Somebody else comes and goes, so that tiles are forgotten too.
            let mut random = 3;
            while settled.load(Ordering::SeqCst) < all_settled {
                let guest = PlaceId::live(Slot(all_settled + inside(&mut random).x % 1_000));
                let x = inside(&mut random).x.wrapping_mul(2_654_435_761) % 3_600_000_000;
                index.place(guest, Some(at(Spot { x, y: guest.slot.0 })));
                index.place(guest, None);
            }
        });
        while settled.load(Ordering::SeqCst) < all_settled {
            let known = settled.load(Ordering::SeqCst);
            let hits = all(&index, &whole, Order::Any);
            let found = hits.iter().map(|hit| hit.slot.0).take(known as usize);
            assert!(found.eq(0..known), "each that had settled, once");
        }
    });
}

#[test]
fn a_place_is_never_seen_where_it_never_was() {
    let index = Index::with_tiles_of(24);
    let corner = |far: bool| if far { (1_905_000_000, 1_005_000_000) } else { (1_900_000_000, 1_000_000_000) };
    let place = |slot: u32, far: bool| {
        let (x, y) = corner(far);
        index.place(PlaceId::live(Slot(slot)), Some(at(Spot { x: x + slot, y: y + slot })));
    };
    (0..400).for_each(|slot| place(slot, false));
    // Neither end of the way is in these: only one's longitude with the other's latitude is.
    let torn = [block(10.0, 10.4, 10.1, 10.6), block(10.4, 10.0, 10.6, 10.1)];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| {
            for turn in 0_u32.. {
                (0..400).for_each(|slot| place(slot, (turn + slot) % 2 == 0));
                if over.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        for _ in 0..2_000 {
            assert!(all(&index, &torn, Order::Any).is_empty());
        }
    });
}

#[test]
fn what_was_removed_before_a_sweep_began_is_not_in_it() {
    let index = Index::with_tiles_of(24);
    let ground = [block(9.0, 9.0, 13.0, 13.0)];
    let mut random = 5;
    let spots: Vec<Spot> = (0..4_000).map(|_| inside(&mut random)).collect();
    thread::scope(|scope| {
        for half in 0..2_u32 {
            let (index, ground, spots) = (&index, &ground, &spots);
            scope.spawn(move || {
                for _ in 0..10 {
                    let mine = || (half..4_000).step_by(2);
                    mine().for_each(|slot| index.place(PlaceId::live(Slot(slot)), Some(at(spots[slot as usize]))));
                    let found = |hits: &[Hit]| hits.iter().filter(|hit| hit.slot.0 % 2 == half).count();
                    assert_eq!(found(&all(index, ground, Order::Any)), 2_000);
                    mine().for_each(|slot| index.place(PlaceId::live(Slot(slot)), None));
                    assert_eq!(found(&all(index, ground, Order::Any)), 0);
                }
            });
        }
    });
    assert!(index.is_empty());
}
