//! Whole sweeps of any areas over any places, against the oracle.

use proptest::prelude::*;

use crate::domain::{Area, Circle, PlaceId, Polygon, Position, Slot};

use super::super::lattice::Spot;
use super::super::{Hit, Index, Order};
use super::places::all;
use super::{affected, area, at, circle, crossing_ring, grid, on_grid, oracle, rect, ring, spots};

type Grid = (i64, [i64; 2]);
/// A ring and a hole of it, on the grid.
type Rings = (Vec<[i64; 2]>, Vec<[i64; 2]>);

/// One tier: polygons with a hole each, of few edges or of so many that tiles are halved, and perhaps a circle.
fn tier() -> impl Strategy<Value = (Vec<Rings>, Option<Circle>)> {
    let outer = prop_oneof![crossing_ring(3..9), crossing_ring(40..90)];
    let circle = prop_oneof![3 => Just(None), 1 => circle().prop_map(Some)];
    (prop::collection::vec((outer, crossing_ring(3..6)), 1..3), circle)
}

fn areas_of(rings: &[Rings], circle: Option<Circle>, grid: Grid) -> Vec<Area> {
    let polygon = |(outer, hole): &Rings| {
        let holes = ring(&on_grid(hole, grid)).into_iter().collect();
        Some(Polygon { outer: ring(&on_grid(outer, grid))?, holes })
    };
    let mut areas: Vec<Area> = rings.iter().filter_map(polygon).map(|p| area(vec![p], Vec::new())).collect();
    areas.extend(circle.map(|circle| area(Vec::new(), vec![circle])));
    areas
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_sweep_finds_what_the_oracle_finds(
        tiers in prop::collection::vec(tier(), 1..4), grid in grid(), full in prop_oneof![Just(6_usize), Just(768)],
        crowd in 0..3_usize, from in (-180.0..180.0, -90.0..90.0), loaded: bool,
    ) {
        let tiers = tiers.iter().map(|(rings, circle)| areas_of(rings, *circle, grid));
        let tiers: Vec<Vec<Area>> = tiers.filter(|areas| !areas.is_empty()).collect();
        let areas: Vec<_> = tiers.iter().map(|areas| affected(areas)).collect();
        // Places on corners and edges and beside them, some many at one point, some boxes.
        let spots: Vec<Spot> = spots(grid).into_iter().step_by(5).collect();
        let crowded = spots.iter().step_by(89).flat_map(|spot| std::iter::repeat_n(*spot, crowd * 50));
        let points: Vec<Spot> = spots.iter().copied().chain(crowded).collect();
        let corners = spots.iter().step_by(31).zip(spots.iter().rev().step_by(37));
        let boxes: Vec<_> = corners.map(|(a, b)| rect(*a, *b)).collect();
        let places = points.iter().map(|spot| at(*spot)).chain(boxes.iter().map(|rect| rect.footprint()));
        let index = Index::with_tiles_of(full);
        let named = (0..).map(|slot| PlaceId::live(Slot(slot))).zip(places);
        if loaded {
            index.load(named);
        } else {
            named.for_each(|(place, at)| index.place(place, Some(at)));
        }

        let plain: Vec<_> = tiers.iter().map(|areas| oracle::Plain::new(areas)).collect();
        let of_points = points.iter().map(|spot| plain.iter().position(|plain| plain.holds(*spot)));
        // Of boxes, each by itself, other tests ask the oracle.
        let of_boxes = boxes.iter().map(|rect| areas.iter().position(|area| area.touches(rect.footprint())));
        let hit = |(slot, tier): (u32, Option<usize>)| Some(Hit::new(Slot(slot), tier? as u8));
        let expected: Vec<Hit> = (0..).zip(of_points.chain(of_boxes)).filter_map(hit).collect();
        let origin = Position::from_degrees(from.0, from.1).expect("on the globe");
        for order in [Order::Any, Order::Nearest(origin), Order::Ahead { origin, passed_m: 70_000 }] {
            prop_assert!(all(&index, &areas, order) == expected, "{order:?}");
        }
    }
}
