//! Where the places of some slots are: [`Shard`].

use crate::domain::PlaceId;

use super::lattice::{Rect, Spot};

/// Slots are dealt to this many shards; changes wait for each other only within one.
pub(super) const SHARDS: usize = 256;

/// Where the places of some slots are: which tile, follows from that.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// Live places by slot.
    live: Vec<Packed>,
    /// Places that are followed, in order: slot, 24 bits (the shard has the others), and ordinal.
    followed: Vec<u32>,
    followed_at: Vec<Packed>,
}

/// The centre of a place, and whether it is a box: longitude 32 bits, box 1 bit, latitude 31 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed(u64);

impl Packed {
    const NONE: Self = Self(u64::MAX);
    const BOX: u64 = 1 << 31;

    pub(super) fn new(rect: &Rect, boxed: bool) -> Self {
        let centre = rect.centre();
        Self(u64::from(centre.x) << 32 | if boxed { Self::BOX } else { 0 } | u64::from(centre.y))
    }

    pub(super) fn is_box(self) -> bool {
        self.0 & Self::BOX != 0
    }

    pub(super) fn centre(self) -> Spot {
        Spot { x: (self.0 >> 32) as u32, y: (self.0 & (Self::BOX - 1)) as u32 }
    }
}

impl Shard {
    /// The number of the shard that a place is in.
    pub(super) fn of(place: PlaceId) -> usize {
        place.slot.0 as usize % SHARDS
    }

    pub(super) fn get(&self, place: PlaceId) -> Option<Packed> {
        if place.ordinal != 0 {
            let at = self.followed.binary_search(&followed_key(place)).ok()?;
            return Some(self.followed_at[at]);
        }
        self.live.get(row(place)).copied().filter(|&packed| packed != Packed::NONE)
    }

    pub(super) fn set(&mut self, place: PlaceId, packed: Option<Packed>) {
        if place.ordinal != 0 {
            self.set_followed(followed_key(place), packed);
            return;
        }
        let row = row(place);
        if row >= self.live.len() {
            if packed.is_none() {
                return;
            }
            grow(&mut self.live, row + 1);
            self.live.resize(row + 1, Packed::NONE);
        }
        self.live[row] = packed.unwrap_or(Packed::NONE);
    }

    fn set_followed(&mut self, key: u32, packed: Option<Packed>) {
        match (self.followed.binary_search(&key), packed) {
            (Ok(at), Some(packed)) => self.followed_at[at] = packed,
            (Ok(at), None) => {
                self.followed.remove(at);
                self.followed_at.remove(at);
                let len = self.followed.len();
                if self.followed.capacity() > len + len / 4 + 16 {
                    self.followed.shrink_to(len);
                    self.followed_at.shrink_to(len);
                }
            }
            (Err(at), Some(packed)) => {
                let len = self.followed.len() + 1;
                grow(&mut self.followed, len);
                grow(&mut self.followed_at, len);
                self.followed.insert(at, key);
                self.followed_at.insert(at, packed);
            }
            (Err(_), None) => {}
        }
    }

    /// Gives back what is in reserve.
    pub(super) fn shrink(&mut self) {
        self.live.shrink_to_fit();
        self.followed.shrink_to_fit();
        self.followed_at.shrink_to_fit();
    }

    /// Bytes on the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        (self.live.capacity() + self.followed_at.capacity()) * size_of::<Packed>()
            + self.followed.capacity() * size_of::<u32>()
    }
}

fn row(place: PlaceId) -> usize {
    place.slot.0 as usize / SHARDS
}

fn followed_key(place: PlaceId) -> u32 {
    (row(place) as u32) << u8::BITS | u32::from(place.ordinal)
}

/// Makes room for `len` and a sixteenth: places are many, and arrivals few.
fn grow<T>(column: &mut Vec<T>, len: usize) {
    if len > column.capacity() {
        column.reserve_exact((len - column.len()).max(column.len() / 16));
    }
}
