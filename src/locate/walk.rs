//! The fastest way through all tiles: [`Walk`].

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::domain::Slot;

use super::Hit;
use super::columns::Columns;
use super::scope::{Desk, Scope};
use super::search::{Due, Ground, Search, Turn};
use super::tiles::Tile;

/// So many tiles are fetched from memory together.
const AHEAD: usize = 16;

/// A walk down the tree and along its tiles. It knows what an area is in the boxes round where it stands, and in no
/// others: an area of many long edges costs no more memory than its edges, a few times.
#[derive(Debug)]
pub(super) struct Walk {
    /// Ground to look at, the last first.
    due: Vec<Due>,
    /// Tiles, by number, of ground that lies wholly in the area `tier`: a subtree needs no further look.
    whole: Range<u32>,
    tier: u8,
    /// Tiles whose turn it is.
    ready: VecDeque<Turn>,
}

impl Walk {
    pub(super) fn new(search: &Search) -> Self {
        Self { due: search.begin(), whole: 0..0, tier: 0, ready: VecDeque::with_capacity(AHEAD) }
    }

    /// Reads tiles until `out` has `full` hits; false when there are no more.
    pub(super) fn next_batch(&mut self, search: &Search, desk: &mut Desk, out: &mut Vec<Hit>, full: usize) -> bool {
        let mut contents = Vec::with_capacity(AHEAD);
        while out.len() < full {
            while self.ready.len() < AHEAD && !self.ready.back().is_some_and(Turn::is_heavy) && self.step(search) {}
            if self.ready.is_empty() {
                return false;
            }
            Tile::contents(self.ready.iter().map(|turn| turn.tile(&search.forest)), &mut contents);
            for content in contents.drain(..) {
                let Some(turn) = self.ready.pop_front() else { break };
                turn.read(&content, &search.forest, &mut self.due, |columns, scope, rect| {
                    if !columns.are_live() {
                        scope.test(columns, rect, desk);
                        let rows = desk.tiers.iter().enumerate().filter(|(_, tier)| **tier != Desk::NONE);
                        out.extend(rows.map(|(row, &tier)| columns.hit(row, tier as u8)));
                    } else if let Some(tier) = scope.settled() {
                        out.extend(columns.slots.iter().map(|&slot| Hit::new(Slot(slot), tier)));
                    } else {
                        scope.test(columns, rect, desk);
                        collect(columns, desk, out);
                    }
                });
                if out.len() >= full {
                    break;
                }
            }
        }
        !(self.ready.is_empty() && self.whole.is_empty() && self.due.is_empty())
    }

    /// Goes one step; false at the end.
    fn step(&mut self, search: &Search) -> bool {
        if let Some(number) = self.whole.next() {
            self.ready.push_back(Turn::planted(number, Scope::whole(self.tier)));
            return true;
        }
        let Some(due) = self.due.pop() else { return false };
        let Some(scope) = search.scope(&due) else { return true };
        match due.ground {
            Ground::Node(number) => {
                let node = search.forest.node(number);
                if let Some(tier) = scope.settled() {
                    (self.whole, self.tier) = (node.tiles(), tier);
                } else if node.is_leaf() {
                    self.ready.push_back(Turn::planted(node.tiles().start, scope));
                } else {
                    let scope = Arc::new(scope);
                    self.due.extend(node.children().map(|child| Due::new(Ground::Node(child), &scope)));
                }
            }
            Ground::Part(tile, within) => self.ready.push_back(Turn::part(tile, within, scope)),
        }
        true
    }
}

/// Adds the places that are in an area. Where an edge comes through, one place is in and the next is out, with no rule
/// that a processor could foresee: so each is written, and stays if it is in.
fn collect(columns: &Columns, desk: &Desk, out: &mut Vec<Hit>) {
    let mut end = out.len();
    out.resize(end + columns.slots.len(), Hit::new(Slot(0), 0));
    for (&slot, &tier) in columns.slots.iter().zip(&desk.tiers) {
        out[end] = Hit::new(Slot(slot), tier as u8);
        end += usize::from(tier != Desk::NONE);
    }
    out.truncate(end);
}
