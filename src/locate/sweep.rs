//! A search for the places in some areas, batch by batch: [`Sweep`].

use std::fmt;
use std::sync::Arc;

use crate::domain::{Position, Slot, Source, Timestamp};

use super::AffectedArea;
use super::eye::Eye;
use super::forest::Forest;
use super::lattice::Spot;
use super::nearest::Nearest;
use super::scope::Desk;
use super::search::Search;
use super::travel_time::reached_km;
use super::walk::Walk;

/// A batch ends with the tile that brings it to this many hits.
const BATCH: usize = 8_192;

/// Beyond this from its epicentre no earthquake is told of by computed intensity, km.
const PAST_KM: f64 = 2_500.0;

/// A place in one of the areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hit {
    /// The registration whose place it is. One with several places may be hit several times.
    pub slot: Slot,
    /// Which of the sweep's areas: the first that the place touches.
    pub tier: u8,
    /// Which of the registration's places it is: 0 is where its phone is. Of a point it is not known, and 0: a place
    /// that somebody follows is a box, if of no size.
    pub ordinal: u8,
    /// Always zero: with it a hit is written in one piece, and so are several at once.
    rest: [u8; 2],
}

impl Hit {
    /// A place of `slot` that was found in the area at position `tier`.
    pub const fn new(slot: Slot, tier: u8) -> Self {
        Self { slot, tier, ordinal: 0, rest: [0; 2] }
    }

    /// The same of a place with this ordinal.
    #[must_use]
    pub const fn with_ordinal(self, ordinal: u8) -> Self {
        Self { ordinal, ..self }
    }
}

/// In which order a sweep gives its hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they are found: the fastest.
    Any,
    /// By time left before what spreads from this point arrives: the nearest first, to the metre on a sphere.
    Nearest(Position),
    /// The same where what spreads has passed those nearest already: they come last.
    Ahead {
        /// From where it spreads.
        origin: Position,
        /// How far it has come, metres.
        passed_m: u32,
    },
}

impl Order {
    /// The order for the shaking of an earthquake at an instant: those have the least time to whom the S wave comes
    /// next; those whom it has reached come after all who can still be told before (R-E4). When it has gone round all
    /// that may be felt, there is no time left to go by.
    pub fn by_time_left(source: &Source, now: Timestamp) -> Self {
        let passed_km = reached_km(source, now);
        if passed_km >= PAST_KM {
            return Self::Any;
        }
        Self::Ahead { origin: source.epicentre, passed_m: (passed_km * 1000.0) as u32 }
    }
}

/// A search that gives its hits in batches. It holds no lock between them: it can be put down, taken up by another
/// thread, or dropped. Ground is looked at and tiles are read when their turn comes: a first batch is not kept waiting
/// for what the last one needs, and a batch is as fresh as can be.
pub struct Sweep {
    search: Search,
    way: Way,
    desk: Desk,
}

enum Way {
    Any(Walk),
    Nearest(Box<Nearest>),
}

impl Sweep {
    pub(super) fn new(forest: Arc<Forest>, areas: &[AffectedArea], order: Order) -> Self {
        let search = Search { areas: areas.to_vec(), forest };
        let nearest = |origin, passed_m: u32| {
            let eye = Eye::new(Spot::of(origin), passed_m.into());
            Way::Nearest(Box::new(Nearest::new(eye, &search)))
        };
        let way = match order {
            Order::Any => Way::Any(Walk::new(&search)),
            Order::Nearest(origin) => nearest(origin, 0),
            Order::Ahead { origin, passed_m } => nearest(origin, passed_m),
        };
        Self { search, way, desk: Desk::default() }
    }

    /// Adds the next hits to `out`, some 8,000; false when there are no more after these.
    pub fn next_batch(&mut self, out: &mut Vec<Hit>) -> bool {
        self.next_hits(BATCH, out)
    }

    /// The same with batches that end with the tile that brings them to so many hits.
    pub fn next_hits(&mut self, enough: usize, out: &mut Vec<Hit>) -> bool {
        let full = out.len() + enough.max(1);
        match &mut self.way {
            Way::Any(walk) => walk.next_batch(&self.search, &mut self.desk, out, full),
            Way::Nearest(nearest) => nearest.next_batch(&self.search, &mut self.desk, out, full),
        }
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("areas", &self.search.areas.len()).finish_non_exhaustive()
    }
}
