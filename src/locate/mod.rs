//! Where: ground made exact, places found in it, areas found by a place.

mod area;
mod ground;

pub use area::AffectedArea;
pub use ground::{Resolved, ResolvedGround, resolve};
