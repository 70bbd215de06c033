//! Changes and searches at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use crate::domain::{PlaceId, Slot};

use super::super::lattice::Spot;
use super::super::{Index, Order};
use super::places::all;
use super::{at, block};

const MOVING: u32 = 3_000;
const RESTING: u32 = 3_000;

/// A place in the block of ground that these tests search.
fn inside(random: &mut u64) -> Spot {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    Spot { x: 1_900_000_000 + (*random % 20_000_000) as u32, y: 1_000_000_000 + (*random >> 40) as u32 }
}

#[test]
fn no_place_is_lost_while_others_move_and_each_moving_one_is_found_or_arrives() {
    let index = Index::new();
    let ground = [block(9.0, 9.0, 13.0, 13.0)];
    let mut random = 77;
    for slot in 0..MOVING + RESTING {
        index.place(PlaceId::live(Slot(slot)), Some(at(inside(&mut random))));
    }
    let moves: Vec<AtomicU32> = (0..MOVING).map(|_| AtomicU32::new(0)).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for mover in 0..3 {
            let (index, moves, over) = (&index, &moves, &over);
            scope.spawn(move || {
                let mut random = 1 + u64::from(mover);
                for turn in 0.. {
                    for slot in (mover..MOVING).step_by(3) {
                        // Some leave for ground without tiles and come back, so that tiles are made, split and
                        // forgotten.
                        index.place(PlaceId::live(Slot(slot)), Some(at(inside(&mut random))));
                        moves[slot as usize].fetch_add(1, Ordering::SeqCst);
                    }
                    if over.load(Ordering::SeqCst) && turn > 3 {
                        return;
                    }
                }
            });
        }
        for _ in 0..60 {
            let before: Vec<u32> = moves.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            let found: HashSet<u32> = all(&index, &ground, Order::Any).iter().map(|hit| hit.slot.0).collect();
            assert!((MOVING..MOVING + RESTING).all(|slot| found.contains(&slot)));
            // One that was not found was on the move, and asks what stands where it came to.
            let asks = |slot: u32| {
                let has_moved = || moves[slot as usize].load(Ordering::SeqCst) > before[slot as usize];
                (0..1_000_000_000).any(|_| has_moved())
            };
            assert!((0..MOVING).all(|slot| found.contains(&slot) || asks(slot)));
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(all(&index, &ground, Order::Any).len(), (MOVING + RESTING) as usize);
}

#[test]
fn a_place_is_never_seen_where_it_never_was() {
    let index = Index::new();
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
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_was_removed_before_a_sweep_began_is_not_in_it() {
    let index = Index::new();
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
                    let found = |hits: &[super::super::Hit]| hits.iter().filter(|hit| hit.slot.0 % 2 == half).count();
                    assert_eq!(found(&all(index, ground, Order::Any)), 2_000);
                    mine().for_each(|slot| index.place(PlaceId::live(Slot(slot)), None));
                    assert_eq!(found(&all(index, ground, Order::Any)), 0);
                }
            });
        }
    });
    assert!(index.is_empty());
}
