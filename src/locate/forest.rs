//! The R-tree of tiles, as a search sees it: never changed, only replaced.
//!
//! `rstar` packs the tiles into nodes. The nodes are then laid out flat, so that a search may stand at any of them by
//! number, and the tiles in the order of their nodes, so that those of a whole subtree are one range.

use std::ops::Range;
use std::sync::Arc;

use rstar::{AABB, ParentNode, RStarInsertionStrategy, RTree, RTreeNode, RTreeObject, RTreeParams};

use super::lattice::Rect;
use super::tiles::Tile;

/// All tiles at one instant: those in the tree, and those that were made since it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Forest {
    tree: Arc<Tree>,
    /// Tiles of ground that had none when the tree was made. (Tiles that were split or merged since are found through
    /// those that were there.)
    fresh: Vec<Arc<Tile>>,
}

#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
    tiles: Vec<Arc<Tile>>,
}

/// A box of ground, and the tiles in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) rect: Rect,
    /// Its children stand together in [`Tree::nodes`]; the node of a single tile has none.
    first_child: u32,
    children: u32,
    first_tile: u32,
    tiles: u32,
}

/// A tile's box, and its number among those that are planted.
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

/// Nodes of up to 8: the fewer, the fewer edges of an area are looked at in vain on the way down.
#[derive(Debug)]
struct Narrow;

impl RTreeParams for Narrow {
    const MIN_SIZE: usize = 3;
    const MAX_SIZE: usize = 8;
    const REINSERTION_COUNT: usize = 2;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

impl Forest {
    /// A tree of `tiles`.
    pub(super) fn plant(tiles: &[Arc<Tile>]) -> Self {
        if tiles.is_empty() {
            return Self::default();
        }
        let leaf = |(number, tile): (u32, &Arc<Tile>)| Leaf { rect: tile.cell.rect(), number };
        let packed: RTree<Leaf, Narrow> = RTree::bulk_load_with_params((0..).zip(tiles).map(leaf).collect());
        let mut tree = Tree { nodes: vec![Node::new(Rect::GLOBE)], tiles: Vec::with_capacity(tiles.len()) };
        tree.lay_out(0, packed.root(), tiles);
        tree.nodes.shrink_to_fit();
        Self { tree: Arc::new(tree), fresh: Vec::new() }
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

    /// The numbers of the tree's uppermost nodes.
    pub(super) fn roots(&self) -> Range<u32> {
        self.tree.nodes.first().map_or(0..0, Node::children)
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.tree.nodes[number as usize]
    }

    pub(super) fn tile(&self, number: u32) -> &Arc<Tile> {
        &self.tree.tiles[number as usize]
    }

    /// Bytes on the heap, without the tiles themselves.
    pub(super) fn memory_bytes(&self) -> usize {
        self.tree.nodes.capacity() * size_of::<Node>()
            + (self.tree.tiles.capacity() + self.fresh.capacity()) * size_of::<Arc<Tile>>()
    }
}

impl Tree {
    /// Adds all that is below `node`, which has its place at `at` already.
    fn lay_out(&mut self, at: usize, node: &ParentNode<Leaf>, planted: &[Arc<Tile>]) {
        let (first_child, first_tile) = (self.nodes.len(), self.tiles.len());
        self.nodes.extend(node.children().iter().map(|child| Node::new(rect_of(&child.envelope()))));
        for (child, at) in node.children().iter().zip(first_child..) {
            match child {
                RTreeNode::Leaf(leaf) => {
                    self.nodes[at] = Node { first_tile: self.tiles.len() as u32, tiles: 1, ..self.nodes[at] };
                    self.tiles.push(Arc::clone(&planted[leaf.number as usize]));
                }
                RTreeNode::Parent(parent) => self.lay_out(at, parent, planted),
            }
        }
        self.nodes[at] = Node {
            rect: self.nodes[at].rect,
            first_child: first_child as u32,
            children: node.children().len() as u32,
            first_tile: first_tile as u32,
            tiles: (self.tiles.len() - first_tile) as u32,
        };
    }
}

impl Node {
    fn new(rect: Rect) -> Self {
        Self { rect, first_child: 0, children: 0, first_tile: 0, tiles: 0 }
    }

    /// The numbers of the nodes below; none if it is of a single tile.
    pub(super) fn children(&self) -> Range<u32> {
        self.first_child..self.first_child + self.children
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.children == 0
    }

    /// The numbers of the tiles in it.
    pub(super) fn tiles(&self) -> Range<u32> {
        self.first_tile..self.first_tile + self.tiles
    }
}

fn rect_of(envelope: &AABB<[f64; 2]>) -> Rect {
    let ([x0, y0], [x1, y1]) = (envelope.lower(), envelope.upper());
    Rect { x0: x0 as u32, y0: y0 as u32, x1: x1 as u32, y1: y1 as u32 }
}
