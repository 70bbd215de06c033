//! Whether two sources tell of one earthquake.
//!
//! Two reports are of one earthquake if origin times, epicentres and magnitudes are near each other. The window is that
//! of the ANSS catalogue: the USGS joins what networks report within 16 seconds and 100 km (Product Distribution Layer,
//! `gov.usgs.earthquake.indexer.DefaultAssociator`); SeisComP's `scevent` joins by the same two measures, in a wider
//! window (`eventAssociation.maximumTimeSpan`, `.maximumDistance`). Neither looks at magnitudes. Here they must be near
//! too, within a whole unit: first estimates of two networks differ by less, and a small earthquake that a large one
//! follows in the same place must not silence it.
//!
//! Only sources are joined of which the operator has said that they tell of the same events. One source never tells of
//! one earthquake by two names, so that a second name is a second earthquake, however near. If two lineages are near
//! enough, neither is joined: rather two alerts than none.

use std::sync::Arc;

use crate::domain::{Sender, SignedDuration, Source};
use crate::locate::distance_km;

/// Which sources tell of the same events, and how near two reports of one earthquake are.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    /// Senders that tell of the same events, in groups. A sender that is in none tells of its own alone.
    pub together: Arc<[Vec<Sender>]>,
    /// The most that origin times differ.
    pub within: SignedDuration,
    /// The most that epicentres lie apart, km.
    pub within_km: f64,
    /// The most that magnitudes differ.
    pub within_magnitude: f32,
}

impl Default for Fusion {
    fn default() -> Self {
        Self { together: Arc::new([]), within: SignedDuration::from_secs(16), within_km: 100.0, within_magnitude: 1.0 }
    }
}

impl Fusion {
    /// Whether the operator has said that both tell of the same events. Each sender does with itself.
    pub fn is_together(&self, one: &Sender, other: &Sender) -> bool {
        one == other || self.together.iter().any(|group| group.contains(one) && group.contains(other))
    }

    /// Whether both may be of one earthquake.
    pub fn is_near(&self, one: &Source, other: &Source) -> bool {
        one.origin.duration_since(other.origin).abs() <= self.within
            && (one.magnitude - other.magnitude).abs() <= self.within_magnitude
            && distance_km(one, other.epicentre) <= self.within_km
    }
}
