//! Tiles that are made one, and what may come between.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{PlaceId, Slot};

use super::super::cell::Cell;
use super::super::columns::Entry;
use super::super::lattice::{Rect, Spot};
use super::super::tiles::{Content, Merger, Tile};

fn entry(slot: u32, x: u32, y: u32) -> Entry {
    Entry::new(PlaceId::live(Slot(slot)), Rect::point(Spot { x, y }), false)
}

/// Three tiles of one place each, far apart, with much ground between them that has none.
fn scattered() -> Vec<Arc<Tile>> {
    let mut entries = [entry(0, 10, 10), entry(1, 1_000_000, 10), entry(2, 3_000_000_000, 1_700_000_000)];
    entries.sort_unstable_by_key(|entry| entry.key);
    let mut tiles = Vec::new();
    Tile::cut(Cell::of_class(entries[0].key), &entries, 1, &mut tiles);
    tiles
}

fn directory(tiles: &[Arc<Tile>]) -> BTreeMap<u128, Arc<Tile>> {
    tiles.iter().map(|tile| (tile.cell.start(), Arc::clone(tile))).collect()
}

fn slots(tile: &Tile) -> Option<Vec<u32>> {
    match &*tile.content() {
        Content::Live(columns) => Some(columns.slots.clone()),
        Content::Moved(_) => None,
    }
}

#[test]
fn tiles_of_few_places_become_one() {
    let tiles = scattered();
    let (mut known, mut planned) = (directory(&tiles), Vec::new());
    let mergers = Merger::find(&tiles, 3, &mut planned);
    let back: Vec<_> = mergers.into_iter().flat_map(|merger| merger.apply(&mut known)).collect();
    assert!(back.is_empty() && known.len() == 1 && planned.len() == 1);
    assert_eq!(slots(&planned[0]).map(|slots| slots.len()), Some(3));
    for tile in &tiles {
        assert!(matches!(&*tile.content(), Content::Moved(to) if Arc::ptr_eq(&to[0], &planned[0])));
        assert!(planned[0].cell.meet(&tile.cell) == Some(tile.cell));
    }
}

#[test]
fn a_merger_gives_way_to_a_place_that_came_meanwhile() {
    let tiles = scattered();
    let (mut known, mut planned) = (directory(&tiles), Vec::new());
    let mergers = Merger::find(&tiles, 3, &mut planned);
    let late = entry(7, 11, 11);
    let tile = tiles.iter().find(|tile| tile.cell.holds(late.key)).expect("it is beside one that has a tile");
    tile.add(late.place, &late.rect).expect("the tile is live");
    let back: Vec<_> = mergers.into_iter().flat_map(|merger| merger.apply(&mut known)).collect();
    assert_eq!(back.len(), 3);
    assert!(known.len() == 3 && tiles.iter().all(|tile| slots(tile).is_some()));
    assert!(planned[0].add(late.place, &late.rect).is_err(), "what was planned is forgotten");
}

#[test]
fn a_merger_gives_way_to_a_tile_that_came_between() {
    let tiles = scattered();
    let (mut known, mut planned) = (directory(&tiles), Vec::new());
    let mergers = Merger::find(&tiles, 3, &mut planned);
    let late = entry(7, 2_000_000_000, 20);
    let cell = Cell::between(late.key, known.keys().copied());
    known.insert(cell.start(), Tile::new(cell, &[late]));
    let back: Vec<_> = mergers.into_iter().flat_map(|merger| merger.apply(&mut known)).collect();
    assert!(back.len() == 3 && known.len() == 4);
}

#[test]
fn empty_tiles_are_forgotten_and_full_ones_stay() {
    let tiles = scattered();
    let empty = entry(2, 3_000_000_000, 1_700_000_000);
    let of_it = tiles.iter().find(|tile| tile.cell.holds(empty.key)).expect("it has a tile");
    assert_eq!(of_it.remove(&empty).ok(), Some(0));
    let (mut known, mut planned) = (directory(&tiles), Vec::new());
    let mergers = Merger::find(&tiles, 0, &mut planned);
    let back: Vec<_> = mergers.into_iter().flat_map(|merger| merger.apply(&mut known)).collect();
    assert!(back.is_empty() && known.len() == 2 && planned.len() == 2);
    assert!(of_it.add(empty.place, &empty.rect).is_err());
}
