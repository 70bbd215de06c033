//! How much a message may be, and how much work the reading of one may take.

use std::cell::Cell;
use std::ops::Deref;

use super::FormatError;
use super::path::Path;

/// How much the messages of one file or body may be: what an operator sets. Each default lies well above the largest
/// real alert that was found (1.7 MB, 93,040 points in 212 polygons, 1,352 areas, 9 infos, an inline sound of 160 kB;
/// a grid of shaking of 15 MB), and is checked while reading, not after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes in all, of any format but grids of shaking.
    pub bytes: usize,
    /// Bytes in all of a grid of shaking.
    pub grid_bytes: usize,
    /// How deep elements may lie in one another. CAP needs 5, a signature in it 7, an envelope round it a few more.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Values of JSON in all, objects and lists too.
    pub values: usize,
    /// Attributes of one element, namespaces included. CAP has none of its own.
    pub attributes: usize,
    /// Attributes in all.
    pub all_attributes: usize,
    /// `info`s.
    pub infos: usize,
    /// `area`s over every info.
    pub areas: usize,
    /// Points over every polygon, those of a hole once for each polygon that it is taken out of.
    pub points: usize,
    /// References to other messages.
    pub references: usize,
    /// Bytes of one text, in UTF-8.
    pub text: usize,
    /// Refusals that are told one by one; of more only the number is told.
    pub refusals: usize,
    /// Messages of one file.
    pub messages: usize,
    /// Points of a grid of shaking, those between that are not written too.
    pub nodes: usize,
    /// Work over all messages of one file, in steps of some nanoseconds: two rings that are compared by their
    /// latitudes, or a point of a grid that a contour is looked for at, are one; a point of a ring or an area that is
    /// kept is eight.
    pub work: u64,
}

impl Bounds {
    /// The most bytes of any format.
    pub fn most_bytes(&self) -> usize {
        self.bytes.max(self.grid_bytes)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            grid_bytes: 24 << 20,
            depth: 16,
            elements: 200_000,
            values: 600_000,
            attributes: 16,
            all_attributes: 20_000,
            infos: 64,
            areas: 10_000,
            points: 200_000,
            references: 256,
            text: 64 << 10,
            refusals: 1_000,
            messages: 20_000,
            nodes: 500_000,
            work: 20_000_000,
        }
    }
}

/// What a point of a ring costs that is kept: it is read, unrolled, compared with the others of its ring, and cut into
/// rows when the ground is resolved.
pub(super) const POINT: u64 = 8;

/// What an area costs that is kept.
pub(super) const AREA: u64 = 8;

/// The bounds of one file while it is read, and what its reading has cost so far.
///
/// # Time
///
/// How long a reading may take is bounded without a clock, so that what is refused is the same on each machine and each
/// day. What a message costs beyond its bytes, elements and values, which have bounds of their own, is what is
/// multiplied: a hole that may lie in each of many polygons, areas that many infos share, a grid that is walked once
/// for each contour. This is counted in steps before it is done.
#[derive(Debug, Default)]
pub(super) struct Limits {
    bounds: Bounds,
    spent: Cell<u64>,
}

impl Limits {
    /// For a file of which nothing has been read.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, spent: Cell::new(0) }
    }

    /// Takes the steps that the field at `path` is about to cost, or tells that they would be too many.
    pub(super) fn spend(&self, path: &Path, steps: u64) -> Result<(), FormatError> {
        let spent = self.spent.get().saturating_add(steps);
        self.spent.set(spent);
        let most = self.bounds.work;
        if spent > most { Err(FormatError::TooCostly { field: path.to_string(), most }) } else { Ok(()) }
    }
}

impl Deref for Limits {
    type Target = Bounds;

    fn deref(&self) -> &Bounds {
        &self.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_over_all_that_is_read_and_never_given_back() {
        let limits = Limits::new(Bounds { work: 10, ..Bounds::default() });
        let path = Path::ROOT.field("info");
        assert_eq!(limits.spend(&path, 6), Ok(()));
        assert_eq!(limits.spend(&path, 4), Ok(()));
        let refused = Err(FormatError::TooCostly { field: "info".to_owned(), most: 10 });
        assert_eq!(limits.spend(&path, 1), refused);
        assert_eq!(limits.spend(&path, u64::MAX), refused);
        assert_eq!(limits.spend(&path, 0), refused);
    }
}
