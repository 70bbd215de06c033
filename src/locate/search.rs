//! What a search has still to look at, and in which tiles it looks.

use std::sync::Arc;

use super::AffectedArea;
use super::cell::Cell;
use super::columns::Columns;
use super::forest::Forest;
use super::lattice::Rect;
use super::scope::Scope;
use super::tiles::{Content, Tile};

/// A question, and all tiles as they were when it was asked.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) areas: Vec<AffectedArea>,
    pub(super) forest: Arc<Forest>,
}

/// Ground that is still to be looked at.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) ground: Ground,
    /// What is to be tested in a box round it; if that is not known yet, all areas.
    above: Option<Arc<Scope>>,
}

#[derive(Debug)]
pub(super) enum Ground {
    /// A node of the tree, by number.
    Node(u32),
    /// What of a cell is in a tile that is not in the tree.
    Part(Arc<Tile>, Cell),
}

/// A tile whose turn it is.
#[derive(Debug)]
pub(super) struct Turn {
    tile: TileRef,
    scope: Scope,
}

#[derive(Debug)]
enum TileRef {
    /// A tile in the tree, by number.
    Planted(u32),
    Part(Arc<Tile>, Cell),
}

impl Search {
    /// The ground that a search begins with.
    pub(super) fn begin(&self) -> Vec<Due> {
        let nodes = self.forest.roots().map(Ground::Node);
        let fresh = self.forest.fresh().iter().map(|tile| Ground::Part(Arc::clone(tile), tile.cell));
        nodes.chain(fresh).map(|ground| Due { ground, above: None }).collect()
    }

    pub(super) fn rect(&self, due: &Due) -> Rect {
        match &due.ground {
            Ground::Node(number) => self.forest.node(*number).rect,
            Ground::Part(_, within) => within.rect(),
        }
    }

    /// What is to be tested there; `None` if no area comes there.
    pub(super) fn scope(&self, due: &Due) -> Option<Scope> {
        let rect = self.rect(due);
        match &due.above {
            Some(scope) => scope.narrow(&rect),
            None => Scope::of(&self.areas, &rect),
        }
    }
}

impl Due {
    pub(super) fn new(ground: Ground, above: &Arc<Scope>) -> Self {
        Self { ground, above: Some(Arc::clone(above)) }
    }
}

impl Turn {
    /// The turn of a tile in the tree.
    pub(super) fn planted(number: u32, scope: Scope) -> Self {
        Self { tile: TileRef::Planted(number), scope }
    }

    /// The turn of [`Ground::Part`].
    pub(super) fn part(tile: Arc<Tile>, within: Cell, scope: Scope) -> Self {
        Self { tile: TileRef::Part(tile, within), scope }
    }

    pub(super) fn tile<'t>(&'t self, forest: &'t Forest) -> &'t Tile {
        match &self.tile {
            TileRef::Planted(number) => forest.tile(*number),
            TileRef::Part(tile, _) => tile,
        }
    }

    /// See [`Scope::is_heavy`].
    pub(super) fn is_heavy(&self) -> bool {
        self.scope.is_heavy()
    }

    /// Reads the tile's places, or finds where they are now.
    pub(super) fn read(
        mut self,
        content: &Content,
        forest: &Forest,
        moved: &mut Vec<Due>,
        places: impl FnOnce(&Columns, &mut Scope, &Rect),
    ) {
        let cell = self.tile(forest).cell;
        let within = match &self.tile {
            TileRef::Planted(_) => cell,
            TileRef::Part(_, within) => *within,
        };
        match content {
            Content::Live(columns) if within == cell => places(columns, &mut self.scope, &cell.rect()),
            Content::Live(columns) => places(&columns.within(&within), &mut self.scope, &within.rect()),
            Content::Moved(tiles) => {
                let scope = Arc::new(self.scope);
                let part = |tile: &Arc<Tile>| Some(Ground::Part(Arc::clone(tile), tile.cell.meet(&within)?));
                moved.extend(tiles.iter().filter_map(part).map(|part| Due::new(part, &scope)));
            }
        }
    }
}
