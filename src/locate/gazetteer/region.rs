//! Regions and the sets in which they were imported.

use std::sync::Arc;

use compact_str::CompactString;

use crate::domain::{Geocode, Polygon, Timestamp};

use super::Scheme;

/// The regions of one scheme that were imported at once, all valid from the same date.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionSet {
    /// The scheme as its importer called it.
    pub scheme_name: CompactString,
    /// The name of the set: a scheme may have several, of different regions (counties, zones).
    pub name: CompactString,
    /// When its borders and codes became valid; `None`: they always were.
    pub valid_from: Option<Timestamp>,
    /// When it was imported.
    pub imported: Timestamp,
    scheme: Scheme,
    /// By folded code; each once.
    regions: Vec<Arc<Region>>,
}

/// A region: what a code names.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// The code, folded ([`Scheme::fold`]).
    pub code: CompactString,
    /// What people call it; may be empty.
    pub name: String,
    /// Where it is.
    pub place: RegionPlace,
}

/// Where a region is.
#[derive(Debug, Clone, PartialEq)]
pub enum RegionPlace {
    /// The union of these; at least one.
    Polygons(Vec<Polygon>),
    /// It is the very region that another scheme's code names.
    SameAs(Geocode),
}

impl RegionSet {
    /// A set of regions. Regions with the same code are one: the union of all their polygons, with the first's name. Of
    /// those that are said to be the same as another, the first holds.
    pub fn new(
        scheme_name: &str,
        name: &str,
        valid_from: Option<Timestamp>,
        imported: Timestamp,
        regions: impl IntoIterator<Item = Region>,
    ) -> Self {
        let scheme = Scheme::named(scheme_name);
        let mut sorted: Vec<Region> = regions.into_iter().collect();
        for region in &mut sorted {
            region.code = scheme.fold(&region.code);
        }
        // A stable sort: the first of a code stays the first.
        sorted.sort_by(|one, other| one.code.cmp(&other.code));
        let mut regions: Vec<Region> = Vec::with_capacity(sorted.len());
        for region in sorted {
            match regions.last_mut().filter(|last| last.code == region.code) {
                None => regions.push(region),
                Some(Region { place: RegionPlace::Polygons(known), .. }) => {
                    if let RegionPlace::Polygons(more) = region.place {
                        known.extend(more);
                    }
                }
                Some(Region { place: RegionPlace::SameAs(_), .. }) => {}
            }
        }
        let regions = regions.into_iter().map(Arc::new).collect();
        Self { scheme_name: scheme_name.into(), name: name.into(), valid_from, imported, scheme, regions }
    }

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The regions, by code.
    pub fn regions(&self) -> &[Arc<Region>] {
        &self.regions
    }

    /// Points over all rings of all regions.
    pub fn points(&self) -> usize {
        self.regions.iter().map(|region| region.points()).sum()
    }

    /// The region of a folded code.
    pub fn get(&self, code: &str) -> Option<&Arc<Region>> {
        let at = self.regions.binary_search_by(|region| region.code.as_str().cmp(code)).ok()?;
        self.regions.get(at)
    }

    /// The regions whose folded codes begin so, by code.
    pub(super) fn beginning(&self, prefix: &str) -> impl Iterator<Item = &Arc<Region>> {
        let from = self.regions.partition_point(|region| region.code.as_str() < prefix);
        self.regions[from..].iter().take_while(move |region| region.code.starts_with(prefix))
    }

    pub(super) fn is_valid_at(&self, at: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= at)
    }
}

impl Region {
    /// Points over all rings.
    pub fn points(&self) -> usize {
        let RegionPlace::Polygons(polygons) = &self.place else { return 0 };
        let rings = polygons.iter().flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes));
        rings.map(|ring| ring.points().len()).sum()
    }
}
