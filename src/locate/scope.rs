//! What is to be tested within a box of ground: [`Scope`].

use super::AffectedArea;
use super::cut::{Cut, Found, Points, Selection};
use super::lattice::Rect;
use super::tiles::Columns;

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

    /// Finds the tier of each place of `columns`, which lie in `rect`, the scope's box.
    pub(super) fn test(&mut self, columns: &Columns, rect: &Rect, desk: &mut Desk) {
        let Desk { points, selection, tiers } = desk;
        tiers.clear();
        if columns.are_boxes() {
            let first = |rect: Rect| self.cuts.iter().find(|(_, cut)| cut.touches(&rect)).map(|(tier, _)| *tier);
            tiers.extend((0..columns.slots.len()).map(|row| word(first(columns.rect(row)).or(self.whole))));
            return;
        }
        tiers.resize(columns.slots.len(), word(self.whole));
        points.x.clear();
        points.x.extend(columns.x.iter().map(|&x| f64::from(x)));
        points.y.clear();
        points.y.extend(columns.y.iter().map(|&y| f64::from(y)));
        // The first area wins, so it is the last to write.
        for (tier, cut) in self.cuts.iter_mut().rev() {
            cut.sharpen(rect);
            cut.select(points, selection);
            for (known, inside) in tiers.iter_mut().zip(&selection.inside) {
                *known = if *inside == 0 { *known } else { u64::from(*tier) };
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
}
