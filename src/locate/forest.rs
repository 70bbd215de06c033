//! The R-tree of tiles, as a search sees it: never changed, only replaced.

use std::sync::Arc;

use rstar::{AABB, ParentNode, RStarInsertionStrategy, RTree, RTreeNode, RTreeObject, RTreeParams};

use super::AffectedArea;
use super::cut::{Cut, Found};
use super::lattice::Rect;
use super::tiles::Tile;

/// All tiles at one instant: those in the tree, and those that were made since it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Forest {
    tree: Arc<Tree>,
    /// Tiles of ground that had none when the tree was made. (Tiles that were split since are found through those in
    /// it.)
    fresh: Vec<Arc<Tile>>,
}

#[derive(Debug, Default)]
struct Tree {
    nodes: RTree<Leaf, Wide>,
    tiles: Vec<Arc<Tile>>,
}

/// A tile's box, and its number in [`Tree::tiles`].
#[derive(Debug, Clone, Copy)]
struct Leaf {
    rect: Rect,
    number: u32,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let Rect { x0, y0, x1, y1 } = self.rect;
        AABB::from_corners([f64::from(x0), f64::from(y0)], [f64::from(x1), f64::from(y1)])
    }
}

/// Nodes of up to 16: a node's cut of an area serves more children.
#[derive(Debug)]
struct Wide;

impl RTreeParams for Wide {
    const MIN_SIZE: usize = 6;
    const MAX_SIZE: usize = 16;
    const REINSERTION_COUNT: usize = 4;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

impl Forest {
    /// A tree of `tiles`.
    pub(super) fn plant(tiles: Vec<Arc<Tile>>) -> Self {
        let leaf = |(number, tile): (usize, &Arc<Tile>)| Leaf { rect: tile.cell.rect(), number: number as u32 };
        let nodes = RTree::bulk_load_with_params(tiles.iter().enumerate().map(leaf).collect());
        Self { tree: Arc::new(Tree { nodes, tiles }), fresh: Vec::new() }
    }

    /// The same with more tiles.
    pub(super) fn with(&self, tiles: impl IntoIterator<Item = Arc<Tile>>) -> Self {
        let fresh = self.fresh.iter().cloned().chain(tiles).collect();
        Self { tree: Arc::clone(&self.tree), fresh }
    }

    /// The tiles that are not in the tree.
    pub(super) fn fresh(&self) -> &[Arc<Tile>] {
        &self.fresh
    }

    /// How many tiles are in the tree.
    pub(super) fn tree_size(&self) -> usize {
        self.tree.tiles.len()
    }

    /// The tile with a number that [`Forest::search`] gave.
    pub(super) fn tile(&self, number: u32) -> &Arc<Tile> {
        let number = number as usize;
        self.tree.tiles.get(number).unwrap_or_else(|| &self.fresh[number - self.tree.tiles.len()])
    }

    /// The tiles that may hold places of `areas`, with what is to be tested there. Whole subtrees that lie inside are
    /// taken without a further look, those outside left out.
    pub(super) fn search(&self, areas: &[AffectedArea], found: &mut Vec<(u32, Scope)>) {
        if let Some(scope) = Scope::of(areas, &Rect::GLOBE) {
            walk(self.tree.nodes.root(), &scope, found);
        }
        for (number, tile) in (self.tree.tiles.len()..).zip(&self.fresh) {
            if let Some(scope) = Scope::of(areas, &tile.cell.rect()) {
                found.push((number as u32, scope));
            }
        }
    }

    /// Bytes on the heap, without the tiles themselves.
    pub(super) fn memory_bytes(&self) -> usize {
        // A node's children are one allocation; inner nodes are about one for each ten leaves.
        let nodes = self.tree.tiles.len() * (size_of::<RTreeNode<Leaf>>() + size_of::<ParentNode<Leaf>>() / 8);
        nodes + (self.tree.tiles.capacity() + self.fresh.capacity()) * size_of::<Arc<Tile>>()
    }
}

fn walk(node: &ParentNode<Leaf>, scope: &Scope, found: &mut Vec<(u32, Scope)>) {
    for child in node.children() {
        match child {
            RTreeNode::Leaf(leaf) => {
                if let Some(scope) = scope.narrow(&leaf.rect) {
                    found.push((leaf.number, scope));
                }
            }
            RTreeNode::Parent(parent) => {
                if let Some(scope) = scope.narrow(&rect_of(parent)) {
                    walk(parent, &scope, found);
                }
            }
        }
    }
}

fn rect_of(node: &ParentNode<Leaf>) -> Rect {
    let envelope = node.envelope();
    let ([x0, y0], [x1, y1]) = (envelope.lower(), envelope.upper());
    Rect { x0: x0 as u32, y0: y0 as u32, x1: x1 as u32, y1: y1 as u32 }
}

/// What is to be tested within a box: the areas whose edge comes through it, and the first area that holds all of it.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// By tier, each before `whole`.
    pub(super) cuts: Vec<(u8, Cut)>,
    pub(super) whole: Option<u8>,
}

impl Scope {
    fn of(areas: &[AffectedArea], rect: &Rect) -> Option<Self> {
        Self::default().with((0..=u8::MAX).zip(areas.iter().map(|area| area.cut(rect))))
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
}
