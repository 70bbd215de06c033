//! Where: ground made exact, places found in it, areas found by a place.
//!
//! [`resolve`] finds the ground of an alert's infos, each an [`AffectedArea`]. [`Index`] knows where every place is;
//! its [`Sweep`] finds the places in areas. [`Standing`] knows the areas in force and finds those that a place is in.
//! What is sent to whom is not decided here.

mod area;
mod cell;
mod circle;
mod cut;
mod directory;
mod edge;
mod eye;
mod forest;
mod ground;
mod index;
mod lattice;
mod nearest;
mod scope;
mod search;
mod shape;
mod standing;
mod sweep;
mod tiles;
mod walk;

pub use area::{AffectedArea, on_globe, unite_boxes};
pub use ground::{Resolved, ResolvedGround, resolve};
pub use index::Index;
pub use standing::Standing;
pub use sweep::{Hit, Order, Sweep};

#[cfg(test)]
mod tests;
