//! Where phones are, in memory: the place in the [`Index`], and beside it when it was reported.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::{Footprint, PlaceId, SavedPlace, Slot, Timestamp};
use crate::locate::Index;

use super::records::instant;

/// Times in a chunk: 512 KiB, taken when the first of its slots is.
const CHUNK: usize = 1 << 16;

/// No place.
const NEVER: i64 = i64::MIN;
/// The writer is about to change place and time.
const CHANGING: i64 = i64::MIN + 1;

/// A place, and when it was reported.
pub(super) type Reported = (Footprint, Timestamp);

/// Where phones are. There is one writer, the registry's; any number of threads read.
pub(super) struct Places {
    index: Arc<Index>,
    /// When, in Unix microseconds, by slot.
    times: Box<[OnceLock<Box<[AtomicI64]>>]>,
}

impl Places {
    /// Room for the places of `slots` registrations.
    pub(super) fn new(index: Arc<Index>, slots: u32) -> Self {
        let chunks = (slots as usize).div_ceil(CHUNK);
        Self { index, times: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes on the heap, with the index.
    pub(super) fn memory_bytes(&self) -> usize {
        let taken = self.times.iter().filter(|chunk| chunk.get().is_some()).count();
        size_of_val(&*self.times) + taken * CHUNK * size_of::<AtomicI64>() + self.index.memory_bytes()
    }

    /// Where they are found by area.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// A place and when it was reported, both of one instant.
    pub(super) fn get(&self, slot: Slot) -> Option<Reported> {
        let time = self.time(slot)?;
        loop {
            let before = time.load(Ordering::Acquire);
            if before == NEVER {
                return None;
            }
            if before != CHANGING {
                let place = self.index.position(PlaceId::live(slot));
                // The index has a lock of its own, so that what it said cannot be of later than this look.
                if time.load(Ordering::Acquire) == before {
                    return Some((place?, instant(before)));
                }
            }
            std::thread::yield_now();
        }
    }

    /// When the place was reported, Unix microseconds. For the writer.
    pub(super) fn reported_us(&self, slot: Slot) -> Option<i64> {
        self.time(slot).map(|time| time.load(Ordering::Relaxed)).filter(|&us| us != NEVER)
    }

    /// Sets where a phone is, or that it is nowhere. Only the registry's writer calls this, from one thread.
    pub(super) fn set(&self, slot: Slot, place: Option<Reported>) {
        let Some(chunk) = self.times.get(slot.0 as usize / CHUNK) else { return };
        if place.is_none() && chunk.get().is_none() {
            return;
        }
        let time = &chunk.get_or_init(never)[slot.0 as usize % CHUNK];
        time.store(CHANGING, Ordering::Release);
        self.index.place(PlaceId::live(slot), place.map(|(place, _)| place));
        time.store(place.map_or(NEVER, |(_, at)| at.as_microsecond()), Ordering::Release);
    }

    /// Sets all places that somebody follows, by ordinal.
    pub(super) fn set_saved(&self, slot: Slot, places: &[(u8, Footprint)]) {
        for ordinal in 1..=SavedPlace::MOST as u8 {
            let place = places.iter().find(|(known, _)| *known == ordinal);
            self.index.place(PlaceId { slot, ordinal }, place.map(|(_, place)| as_box(*place)));
        }
    }

    /// At start, before [`Places::load`]: when a place was reported that is on disk. One that is then not loaded is not
    /// seen, and stays known to the writer until it is forgotten.
    pub(super) fn set_time(&self, slot: Slot, at: Timestamp) {
        let Some(chunk) = self.times.get(slot.0 as usize / CHUNK) else { return };
        let time = &chunk.get_or_init(never)[slot.0 as usize % CHUNK];
        time.store(at.as_microsecond(), Ordering::Relaxed);
    }

    /// Sets where many phones are, and places that are followed, at start: nobody else sees them yet.
    pub(super) fn load(&self, places: impl Iterator<Item = (Slot, Footprint)>, saved: Vec<(PlaceId, Footprint)>) {
        let live = places.map(|(slot, place)| (PlaceId::live(slot), place));
        self.index.load(live.chain(saved.into_iter().map(|(place, at)| (place, as_box(at)))));
    }

    fn time(&self, slot: Slot) -> Option<&AtomicI64> {
        Some(&self.times.get(slot.0 as usize / CHUNK)?.get()?[slot.0 as usize % CHUNK])
    }
}

/// A followed place is a box in the index, if of no size, so that a hit tells which it is.
fn as_box(place: Footprint) -> Footprint {
    match place {
        Footprint::Point(at) => Footprint::Box { south_west: at, north_east: at },
        Footprint::Box { .. } => place,
    }
}

fn never() -> Box<[AtomicI64]> {
    (0..CHUNK).map(|_| AtomicI64::new(NEVER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Position, Private};

    fn at(n: i64) -> Reported {
        let place = Position::from_e7(n as i32, 0).expect("on the globe");
        (Footprint::Point(Private::new(place)), instant(n))
    }

    #[test]
    fn a_place_is_read_with_the_time_that_it_was_reported_at() {
        let places = Places::new(Arc::new(Index::new()), 1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0;
                while last != 20_000 {
                    if let Some((place, time)) = places.get(Slot(0)) {
                        assert_eq!((place, time), at(time.as_microsecond()), "both are of one report");
                        assert!(time.as_microsecond() >= last, "reports are seen in order");
                        last = time.as_microsecond();
                    }
                }
            });
            for n in 1..20_000 {
                places.set(Slot(0), Some(at(n)));
                if n % 100 == 0 {
                    places.set(Slot(0), None);
                }
            }
            places.set(Slot(0), Some(at(20_000)));
            reader.join().expect("no assertion failed");
        });
        assert_eq!(places.get(Slot(1)), None);
        assert_eq!(places.get(Slot(u32::MAX)), None);
    }
}
