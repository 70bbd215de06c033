//! What is to be tested within a box of ground: [`Scope`].

use super::AffectedArea;
use super::columns::Columns;
use super::cut::{Cut, Found, Points, Selection};
use super::lattice::Rect;

/// Through a box of more edges than this, and with more places, it is cheaper to halve the places, and to cut the area
/// to the box of each half, than to test each place against each edge.
const MANY_EDGES: usize = 24;
const FEW_PLACES: usize = 32;

/// What is to be tested within a box: the areas whose edge comes through it, and the first area that holds all of it.
#[derive(Debug)]
pub(super) struct Scope {
    /// By tier, each before `whole`.
    cuts: Vec<(u8, Cut)>,
    whole: Option<u8>,
}

impl Scope {
    /// A box that lies wholly in the area `tier` and in none before.
    pub(super) fn whole(tier: u8) -> Self {
        Self { cuts: Vec::new(), whole: Some(tier) }
    }

    /// What is to be tested within `rect`; `None` if no area comes there.
    pub(super) fn of(areas: &[AffectedArea], rect: &Rect) -> Option<Self> {
        Self { cuts: Vec::new(), whole: None }.with((0..=u8::MAX).zip(areas.iter().map(|area| area.cut(rect))))
    }

    /// What is to be tested within a smaller box; `None` if no area comes there.
    pub(super) fn narrow(&self, rect: &Rect) -> Option<Self> {
        let scope = Self { cuts: Vec::new(), whole: self.whole };
        scope.with(self.cuts.iter().map(|(tier, cut)| (*tier, cut.narrow(rect))))
    }

    fn with(mut self, found: impl Iterator<Item = (u8, Found)>) -> Option<Self> {
        for (tier, found) in found {
            match found {
                Found::Out => {}
                Found::Edge(cut) => self.cuts.push((tier, cut)),
                Found::In => {
                    self.whole = Some(tier);
                    break;
                }
            }
        }
        (self.whole.is_some() || !self.cuts.is_empty()).then_some(self)
    }

    /// The tier of all that is in the box, if nothing is left to be tested.
    pub(super) fn settled(&self) -> Option<u8> {
        self.whole.filter(|_| self.cuts.is_empty())
    }

    /// Whether so many edges come through the box that it is not worth while to have several such boxes at hand.
    pub(super) fn is_heavy(&self) -> bool {
        self.cuts.iter().map(|(_, cut)| cut.edges()).sum::<usize>() > 1_000
    }

    /// Finds the tier of each place of `columns`, which lie in `rect`, the scope's box.
    pub(super) fn test(&mut self, columns: &Columns, rect: &Rect, desk: &mut Desk) {
        desk.tiers.clear();
        if columns.are_boxes() {
            self.cuts.iter_mut().for_each(|(_, cut)| cut.sharpen(rect));
            let first = |rect: Rect| self.cuts.iter().find(|(_, cut)| cut.touches(&rect)).map(|(tier, _)| *tier);
            desk.tiers.extend((0..columns.slots.len()).map(|row| word(first(columns.rect(row)).or(self.whole))));
            return;
        }
        desk.tiers.resize(columns.slots.len(), word(self.whole));
        // The first area wins, so it is the last to write.
        for (tier, cut) in self.cuts.iter_mut().rev() {
            if cut.edges() > MANY_EDGES {
                let mut rows: Vec<u32> = (0..columns.slots.len() as u32).collect();
                desk.test_by_halves(cut, u64::from(*tier), columns, &mut rows);
            } else {
                desk.points.fill(columns);
                cut.sharpen(rect);
                cut.select(&desk.points, &mut desk.selection);
                for (known, inside) in desk.tiers.iter_mut().zip(&desk.selection.inside) {
                    *known = if *inside == 0 { *known } else { u64::from(*tier) };
                }
            }
        }
    }
}

fn word(tier: Option<u8>) -> u64 {
    tier.map_or(Desk::NONE, u64::from)
}

/// Where the places of one tile are tested; it is kept from tile to tile.
#[derive(Debug, Default)]
pub(super) struct Desk {
    points: Points,
    selection: Selection,
    /// The tier of each place, or [`Desk::NONE`].
    pub(super) tiers: Vec<u64>,
}

impl Desk {
    /// The place is in no area.
    pub(super) const NONE: u64 = u64::MAX;

    /// Sets the tier of some rows of `columns`, which lie in the cut's box, where they are inside.
    fn test_by_halves(&mut self, cut: &Cut, tier: u64, columns: &Columns, rows: &mut [u32]) {
        let rect = columns.bounds(rows);
        match cut.narrow(&rect) {
            Found::Out => {}
            Found::In => rows.iter().for_each(|&row| self.tiers[row as usize] = tier),
            Found::Edge(cut) if cut.edges() > MANY_EDGES && rows.len() > FEW_PLACES => {
                let across = rect.x1 - rect.x0 >= rect.y1 - rect.y0;
                let column = if across { &columns.x } else { &columns.y };
                let half = rows.len() / 2;
                rows.select_nth_unstable_by_key(half, |&row| column[row as usize]);
                let (low, high) = rows.split_at_mut(half);
                self.test_by_halves(&cut, tier, columns, low);
                self.test_by_halves(&cut, tier, columns, high);
            }
            Found::Edge(mut cut) => {
                self.points.fill_with(columns, rows);
                cut.sharpen(&rect);
                cut.select(&self.points, &mut self.selection);
                for (&row, _) in rows.iter().zip(&self.selection.inside).filter(|(_, inside)| **inside != 0) {
                    self.tiers[row as usize] = tier;
                }
            }
        }
    }
}
