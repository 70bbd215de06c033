//! Ground that an alert affects, made exact.
use crate::domain::{Area, Position};
use std::sync::Arc;

/// The ground that a tier affects: the union over its areas of polygons and circles, less holes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AffectedArea(Arc<Vec<Area>>);

impl AffectedArea {
    /// Unites the ground of `areas`; `None` if none of them has any.
    pub fn new(areas: &[Area]) -> Option<Self> {
        let _ = areas;
        None
    }
    /// Whether the other is the same ground.
    pub fn same_ground(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    /// The areas that it was made of, those with ground.
    pub fn areas(&self) -> &[Area] {
        &self.0
    }
    /// Whether the place is inside or on the boundary.
    pub fn contains(&self, place: Position) -> bool {
        let _ = place;
        false
    }
}
