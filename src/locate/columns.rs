//! The places of one tile, one a row: [`Columns`].

use crate::domain::{PlaceId, Slot};

use super::Hit;
use super::cell::{Cell, key_of};
use super::lattice::Rect;

/// One place as it goes in and out of tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: u128,
    pub(super) place: PlaceId,
    pub(super) rect: Rect,
}

impl Entry {
    /// `boxed` tells a box from a point, even one of no size.
    pub(super) fn new(place: PlaceId, rect: Rect, boxed: bool) -> Self {
        Self { key: key_of(place, &rect, boxed), place, rect }
    }
}

/// Places, one a row: all of them points or all of them boxes.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// A point's, or a box's south-west corner.
    pub(super) x: Vec<u32>,
    pub(super) y: Vec<u32>,
    pub(super) slots: Vec<u32>,
    /// Width and height of boxes: one for all while they are the same, as coarse places often are; else one a row.
    /// Empty in a tile of points.
    sizes: Vec<[u32; 2]>,
    /// Of boxes, empty while all are 0. A point is known by its slot and where it is.
    ordinals: Vec<u8>,
}

impl Columns {
    pub(super) fn of(cell: &Cell, entries: &[Entry]) -> Self {
        let mut columns = Self::default();
        columns.reserve(entries.len());
        for entry in entries {
            columns.push(entry.place, &entry.rect, cell.is_of_boxes());
        }
        columns
    }

    pub(super) fn rect(&self, row: usize) -> Rect {
        let (x0, y0) = (self.x[row], self.y[row]);
        let [width, height] = match self.sizes.as_slice() {
            [] => [0, 0],
            [all] => *all,
            sizes => sizes[row],
        };
        Rect { x0, y0, x1: x0 + width, y1: y0 + height }
    }

    /// The box round some rows, at least one, of points.
    pub(super) fn bounds(&self, rows: &[u32]) -> Rect {
        let none = Rect { x0: u32::MAX, y0: u32::MAX, x1: 0, y1: 0 };
        rows.iter().map(|&row| (self.x[row as usize], self.y[row as usize])).fold(none, |rect, (x, y)| Rect {
            x0: rect.x0.min(x),
            y0: rect.y0.min(y),
            x1: rect.x1.max(x),
            y1: rect.y1.max(y),
        })
    }

    /// The hit of a row.
    pub(super) fn hit(&self, row: usize, tier: u8) -> Hit {
        Hit::new(Slot(self.slots[row]), tier).with_ordinal(self.ordinals.get(row).copied().unwrap_or_default())
    }

    /// Whether all places are where phones are, as far as is known.
    pub(super) fn are_live(&self) -> bool {
        self.ordinals.is_empty()
    }

    pub(super) fn are_boxes(&self) -> bool {
        !self.sizes.is_empty()
    }

    /// The places; of a point the ordinal is not known any more.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.slots.len()).map(|row| {
            let ordinal = self.ordinals.get(row).copied().unwrap_or_default();
            Entry::new(PlaceId { slot: Slot(self.slots[row]), ordinal }, self.rect(row), self.are_boxes())
        })
    }

    /// Those of the places whose keys are in a cell that is not all of the tile's.
    pub(super) fn within(&self, cell: &Cell) -> Self {
        let entries: Vec<Entry> = self.entries().filter(|entry| cell.holds(entry.key)).collect();
        Self::of(cell, &entries)
    }

    /// The row of a place that is here.
    pub(super) fn find(&self, entry: &Entry) -> Option<usize> {
        if self.are_boxes() {
            return self.find_box(entry.place);
        }
        // Two places of one slot at one point are one as good as the other.
        let Entry { place, rect, .. } = entry;
        self.rows_of(place.slot).find(|&row| (self.x[row], self.y[row]) == (rect.x0, rect.y0))
    }

    /// The row of a box.
    pub(super) fn find_box(&self, place: PlaceId) -> Option<usize> {
        let ordinal = |row: usize| self.ordinals.get(row).copied().unwrap_or_default();
        self.rows_of(place.slot).find(|&row| ordinal(row) == place.ordinal)
    }

    /// The rows of a slot: one, unless its person follows places near each other.
    fn rows_of(&self, slot: Slot) -> impl Iterator<Item = usize> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let row = next + position(&self.slots[next..], slot.0)?;
            next = row + 1;
            Some(row)
        })
    }

    pub(super) fn push(&mut self, place: PlaceId, rect: &Rect, boxed: bool) {
        let rows = self.slots.len();
        // Columns grow by a sixteenth, not by half: places are many, and arrivals in one tile few.
        if rows == self.slots.capacity() {
            self.reserve(rows / 16 + 4);
        }
        self.x.push(rect.x0);
        self.y.push(rect.y0);
        self.slots.push(place.slot.0);
        if !boxed {
            return;
        }
        if self.sizes.first() != Some(&size(rect)) || self.sizes.len() > 1 {
            self.spread_sizes(rows);
            self.sizes.push(size(rect));
        }
        if place.ordinal != 0 || !self.ordinals.is_empty() {
            self.ordinals.reserve_exact(self.slots.capacity() - self.ordinals.len());
            self.ordinals.resize(rows, 0);
            self.ordinals.push(place.ordinal);
        }
    }

    pub(super) fn set(&mut self, row: usize, rect: &Rect) {
        self.x[row] = rect.x0;
        self.y[row] = rect.y0;
        if self.are_boxes() && size(&self.rect(row)) != size(rect) {
            self.spread_sizes(self.slots.len());
            self.sizes[row] = size(rect);
        }
    }

    pub(super) fn swap_remove(&mut self, row: usize) {
        if self.sizes.len() == self.slots.len() {
            self.sizes.swap_remove(row);
        }
        self.x.swap_remove(row);
        self.y.swap_remove(row);
        self.slots.swap_remove(row);
        if !self.ordinals.is_empty() {
            self.ordinals.swap_remove(row);
        }
        let len = self.slots.len();
        if self.slots.capacity() > len + len / 4 + 16 {
            self.x.shrink_to(len);
            self.y.shrink_to(len);
            self.slots.shrink_to(len);
            self.sizes.shrink_to(len);
            self.ordinals.shrink_to(len);
        }
    }

    /// Gives each of `rows` rows a size of its own.
    fn spread_sizes(&mut self, rows: usize) {
        if let [all] = self.sizes[..] {
            self.sizes.reserve_exact(self.slots.capacity() - 1);
            self.sizes.resize(rows, all);
        }
    }

    fn reserve(&mut self, more: usize) {
        self.x.reserve_exact(more);
        self.y.reserve_exact(more);
        self.slots.reserve_exact(more);
        if self.sizes.len() > 1 {
            self.sizes.reserve_exact(more);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        4 * (self.x.capacity() + self.y.capacity() + self.slots.capacity())
            + 8 * self.sizes.capacity()
            + self.ordinals.capacity()
    }
}

fn size(rect: &Rect) -> [u32; 2] {
    [rect.x1 - rect.x0, rect.y1 - rect.y0]
}

/// Where a value is.
///
/// # Why
///
/// Every move of a place looks for its row among hundreds. So many values are compared at a time that a processor does
/// it side by side.
fn position(values: &[u32], wanted: u32) -> Option<usize> {
    const TOGETHER: usize = 32;
    let (chunks, rest) = values.as_chunks::<TOGETHER>();
    let holds = |chunk: &[u32; TOGETHER]| chunk.iter().filter(|&&value| value == wanted).count() > 0;
    let (start, values) = match chunks.iter().position(holds) {
        Some(chunk) => (chunk * TOGETHER, &chunks[chunk][..]),
        None => (chunks.len() * TOGETHER, rest),
    };
    values.iter().position(|&value| value == wanted).map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_wherever_it_first_is() {
        let values: Vec<u32> = (0..100).map(|n| n % 70).collect();
        for end in 0..values.len() {
            for wanted in 0..75 {
                let expected = values[..end].iter().position(|&value| value == wanted);
                assert_eq!(position(&values[..end], wanted), expected);
            }
        }
    }
}
