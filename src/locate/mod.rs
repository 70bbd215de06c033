//! Where: ground made exact, places found in it, areas found by a place.

mod area;
pub use area::AffectedArea;
