//! Cells: how the globe is divided into tiles.
//!
//! A place has a key: the class of its size, its centre's longitude and latitude with their bits interleaved, its slot.
//! A cell is all keys with one prefix, so that cells are nested or apart, and each can be halved: down to a single
//! point of the lattice, and there by slot, for many devices are put at one point by those who know only their city.
//!
//! Points are class 0. A box is in a class of boxes of up to twice its size, so that a cell's places never reach
//! farther beyond it than that, however they move.

use crate::domain::PlaceId;

use super::lattice::{POLE, Rect, Spot, TURN};

const SLOT_BITS: u32 = 32;
const GROUND_BITS: u32 = 64;
const CLASS_BITS: u32 = 8;
const KEY_BITS: u32 = CLASS_BITS + GROUND_BITS + SLOT_BITS;

/// The key of a place.
pub(super) fn key_of(place: PlaceId, rect: &Rect, boxed: bool) -> u128 {
    // Class 1 are boxes of no size, and from class to class the size doubles.
    let size = (rect.x1 - rect.x0).max(rect.y1 - rect.y0);
    key_at(if boxed { 1 + u32::BITS - size.leading_zeros() } else { 0 }, rect.centre(), place)
}

/// The key of a place of some class by its centre.
pub(super) fn key_at(class: u32, centre: Spot, place: PlaceId) -> u128 {
    let ground = (spread(centre.x) << 1) | spread(centre.y);
    u128::from(class) << (GROUND_BITS + SLOT_BITS) | u128::from(ground) << SLOT_BITS | u128::from(place.slot.0)
}

/// The class of the place with this key.
pub(super) fn class_of(key: u128) -> u32 {
    (key >> (GROUND_BITS + SLOT_BITS)) as u32
}

/// All keys with one prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    start: u128,
    bits: u32,
}

impl Cell {
    /// All places of the class of `key`.
    pub(super) fn of_class(key: u128) -> Self {
        Self::around(key, CLASS_BITS)
    }

    /// The largest cell that holds `key`, but none of the cells with these starts, which do not hold it.
    pub(super) fn between(key: u128, neighbours: impl Iterator<Item = u128>) -> Self {
        let shared = |start: u128| (start ^ key).leading_zeros() - (u128::BITS - KEY_BITS);
        Self::around(key, neighbours.map(|start| shared(start) + 1).fold(CLASS_BITS, u32::max))
    }

    fn around(key: u128, bits: u32) -> Self {
        let low = KEY_BITS - bits;
        Self { start: key >> low << low, bits }
    }

    /// The least of its keys.
    pub(super) fn start(&self) -> u128 {
        self.start
    }

    /// The greatest of its keys.
    pub(super) fn end(&self) -> u128 {
        self.start | ((1 << (KEY_BITS - self.bits)) - 1)
    }

    pub(super) fn holds(&self, key: u128) -> bool {
        (key ^ self.start) >> (KEY_BITS - self.bits) == 0
    }

    /// What it has in common with another cell: the smaller of the two, if it lies in the larger.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let (small, large) = if self.bits >= other.bits { (self, other) } else { (other, self) };
        large.holds(small.start).then_some(*small)
    }

    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let bits = self.bits + 1;
        (bits <= KEY_BITS).then(|| [Self { bits, ..*self }, Self { start: self.start | 1 << (KEY_BITS - bits), bits }])
    }

    pub(super) fn is_of_boxes(&self) -> bool {
        class_of(self.start) > 0
    }

    /// The box that holds all that its places cover.
    pub(super) fn rect(&self) -> Rect {
        let bits = (self.bits - CLASS_BITS).min(GROUND_BITS);
        let ground = (self.start >> SLOT_BITS) as u64;
        let (x0, y0) = (gather(ground >> 1), gather(ground));
        let end = |from: u32, free: u32, limit: u32| (u64::from(from) + (1 << free) - 1).min(u64::from(limit)) as u32;
        let (x1, y1) = (end(x0, 32 - bits.div_ceil(2), TURN), end(y0, 32 - bits / 2, POLE));
        let rect = Rect { x0: x0.min(TURN), y0: y0.min(POLE), x1, y1 };
        match class_of(self.start) {
            0 => rect,
            class => rect.widened(1 << (class - 1).min(31)),
        }
    }
}

/// The bits of `value` at even places.
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// The bits at even places.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}
