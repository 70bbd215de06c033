//! The way through all tiles that gives the nearest places first: [`Nearest`].

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::Hit;
use super::eye::Eye;
use super::scope::Desk;
use super::search::{Due, Ground, Search, Turn};

/// So many hits are found, at least, before it is asked how many of them can be given.
const ROUND: usize = 4_096;

/// Ground and hits by their distance from a point, as [`Eye`] ranks it.
///
/// The nearest ground is looked at first, so that hits nearer than all ground that is left can be given. They are put
/// in order many at a time: that is several times as fast as one by one.
#[derive(Debug)]
pub(super) struct Nearest {
    eye: Eye,
    due: BinaryHeap<Ranked>,
    /// Hits that ground may still be nearer than.
    waiting: Vec<(u64, Hit)>,
    /// Hits that can be given, the farthest first.
    ready: Vec<(u64, Hit)>,
    ranks: Vec<u64>,
}

/// Ground and the least rank that a place in it can have. The least is the greatest, for a heap.
#[derive(Debug)]
struct Ranked {
    rank: u64,
    due: Due,
}

impl Nearest {
    pub(super) fn new(eye: Eye, search: &Search) -> Self {
        let ranked = |due: Due| Ranked { rank: eye.least_rank(&search.rect(&due)), due };
        let due = search.begin().into_iter().map(ranked).collect();
        Self { eye, due, waiting: Vec::new(), ready: Vec::new(), ranks: Vec::new() }
    }

    /// Gives hits until `out` has `full`; false when there are no more.
    pub(super) fn next_batch(&mut self, search: &Search, desk: &mut Desk, out: &mut Vec<Hit>, full: usize) -> bool {
        while out.len() < full {
            if self.ready.is_empty() && !self.find(search, desk, full - out.len()) {
                return false;
            }
            let rest = self.ready.len().saturating_sub(full - out.len());
            out.extend(self.ready.drain(rest..).rev().map(|(_, hit)| hit));
        }
        !(self.ready.is_empty() && self.waiting.is_empty() && self.due.is_empty())
    }

    /// Makes so many hits ready, or all that are left; false if there are none.
    fn find(&mut self, search: &Search, desk: &mut Desk, wanted: usize) -> bool {
        loop {
            // To ask takes a look at all that wait.
            let enough = self.waiting.len() + ROUND.max(self.waiting.len() / 4);
            while self.waiting.len() < enough && self.step(search, desk) {}
            let nearest_due = self.due.peek().map_or(u64::MAX, |ranked| ranked.rank);
            let sure = self.waiting.iter().filter(|(rank, _)| *rank <= nearest_due).count();
            if sure >= wanted || self.due.is_empty() {
                self.ready.extend(self.waiting.extract_if(.., |(rank, _)| *rank <= nearest_due));
                self.ready.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
                return !self.ready.is_empty();
            }
        }
    }

    /// Looks at the nearest ground; false when none is left.
    fn step(&mut self, search: &Search, desk: &mut Desk) -> bool {
        let Some(Ranked { due, .. }) = self.due.pop() else { return false };
        let Some(scope) = search.scope(&due) else { return true };
        let mut below = Vec::new();
        let turn = match due.ground {
            Ground::Node(number) => {
                let node = search.forest.node(number);
                if node.is_leaf() {
                    Some(Turn::planted(node.tiles().start, scope))
                } else {
                    let scope = Arc::new(scope);
                    below.extend(node.children().map(|child| Due::new(Ground::Node(child), &scope)));
                    None
                }
            }
            Ground::Part(tile, within) => Some(Turn::part(tile, within, scope)),
        };
        if let Some(turn) = turn {
            let Self { eye, waiting, ranks, .. } = self;
            let content = turn.tile(&search.forest).content();
            turn.read(&content, &search.forest, &mut below, |columns, scope, rect| {
                scope.test(columns, rect, desk);
                eye.ranks(columns, rect, ranks);
                let rows = desk.tiers.iter().zip(ranks.iter()).enumerate();
                let hit = |(row, (&tier, &rank)): (usize, (&u64, &u64))| {
                    (tier != Desk::NONE).then(|| (rank, columns.hit(row, tier as u8)))
                };
                waiting.extend(rows.filter_map(hit));
            });
        }
        let Self { eye, due, .. } = self;
        due.extend(below.into_iter().map(|below| Ranked { rank: eye.least_rank(&search.rect(&below)), due: below }));
        true
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.cmp(&self.rank)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}
