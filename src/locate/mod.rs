//! Where: ground made exact, places found in it, areas found by a place.
//!
//! [`resolve`] finds the ground of an alert's infos, each an [`AffectedArea`]; a [`Gazetteer`] knows where codes lie.
//! [`Index`] knows where every place is; its [`Sweep`] finds the places in areas. [`Standing`] knows the areas in
//! force and finds those that a place is in. [`AffectedArea::lies`] says whether all of an area is in another. Of an
//! earthquake, [`GroundMotion`] says how strongly it shakes where, and [`arrival`] when. What is sent to whom is not
//! decided here.
//!
//! Behind the index: a `shard` knows where each place is, a `cell` of the globe has a tile (`tiles`) with its
//! places in `columns`, and a `directory` has all tiles. A sweep sees them as a `forest`, and goes through it by a
//! `walk` or `nearest` first. Behind an area: each `shape` and `circle` is `cut` to smaller and smaller boxes
//! on the way down, until few edges, or none, are left to test a place against; all on one `lattice`.

mod area;
mod cell;
mod circle;
mod columns;
mod cut;
mod directory;
mod edge;
mod eye;
mod forest;
mod gazetteer;
mod ground;
mod ground_motion;
mod index;
mod lattice;
mod nearest;
mod rows;
mod scope;
mod search;
mod shape;
mod shard;
mod standing;
mod sweep;
mod tiles;
mod travel_grid;
mod travel_time;
mod walk;
mod within;

pub use area::{AffectedArea, on_globe, unite_boxes};
pub use gazetteer::{Found, Gazetteer, Known, Region, RegionPlace, RegionSet, Scheme, Unresolved, Why};
pub use ground::{Atlas, Part, Resolved, ResolvedGround, resolve};
pub use ground_motion::{Axis, Band, ChinaRegion, GroundMotion, MotionRegion, Relation, SHALLOW_KM, mercalli};
pub use index::Index;
pub use standing::Standing;
pub use sweep::{Hit, Order, Sweep};
pub use travel_time::{Arrival, TravelTime, arrival, arrival_at_km, distance_km, reached_km, travel_time};
pub use within::Lies;

#[cfg(test)]
mod tests;
