//! Areas asked for one place, or cut down to it step by step.

use geo::{Destination, Geodesic, Point};
use proptest::prelude::*;

use crate::domain::{Area, Circle, Footprint, Polygon, Position, Private, Ring};

use super::super::cut::{Cut, Found, Points, Selection};
use super::super::lattice::{POLE, Rect, Spot, TURN};
use super::super::{AffectedArea, Standing};
use super::{affected, area, at, block, circle, crossing_ring, grid, on_grid, oracle, point, rect, ring, spots, star};

fn holds(cut: &Cut, spot: Spot) -> bool {
    let mut found = Selection::default();
    cut.select(&Points { x: vec![f64::from(spot.x)], y: vec![f64::from(spot.y)] }, &mut found);
    found.inside == [1]
}

/// Cuts the area to smaller and smaller boxes round the place, until one says yes or no.
fn by_cutting(area: &AffectedArea, spot: Spot, mut random: u64) -> bool {
    let mut rect = Rect::GLOBE;
    let mut found = area.cut(&rect);
    for _ in 0..12 {
        let cut = match found {
            Found::Out => return false,
            Found::In => return true,
            Found::Edge(cut) => cut,
        };
        let inside = holds(&cut, spot);
        let mut nearer = |from: u32, to: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = [0, 1, 64, 250][(random >> 62) as usize];
            from + ((u64::from(to - from) * share) >> 8) as u32
        };
        rect = Rect {
            x0: spot.x - nearer(0, spot.x - rect.x0),
            y0: spot.y - nearer(0, spot.y - rect.y0),
            x1: nearer(spot.x, rect.x1),
            y1: nearer(spot.y, rect.y1),
        };
        let mut sharp = cut;
        found = sharp.narrow(&rect);
        sharp.sharpen(&rect);
        assert_eq!(holds(&sharp, spot), inside, "sharpening to {rect:?} changes nothing at {spot:?}");
        if let Found::Edge(cut) = &found {
            assert_eq!(holds(cut, spot), inside, "{spot:?} within {rect:?}");
        }
    }
    match found {
        Found::Out => false,
        Found::In => true,
        Found::Edge(cut) => holds(&cut, spot),
    }
}

fn agrees(areas: &[Area], places: impl IntoIterator<Item = Spot>, random: u64) -> Result<(), TestCaseError> {
    let Some(area) = AffectedArea::new(areas) else { return Ok(()) };
    let plain = oracle::Plain::new(areas);
    for (number, spot) in (0_u64..).zip(places) {
        let expected = plain.holds(spot);
        prop_assert_eq!(area.contains(spot.position()), expected, "at {:?}", spot);
        prop_assert_eq!(by_cutting(&area, spot, random ^ number << 40), expected, "by cutting, at {:?}", spot);
    }
    Ok(())
}

/// Places on and beside a circle's rim.
fn beside_rim(circle: &Circle, bearing: f64, off_m: f64) -> Spot {
    let centre = Point::new(circle.lon(), circle.lat());
    let at = Geodesic.destination(centre, bearing, (circle.radius_m() + off_m).max(0.0));
    Spot::of(Position::from_degrees(at.x().clamp(-180.0, 180.0), at.y()).expect("on the globe"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_ring_that_crosses_itself_holds_what_the_even_odd_rule_says(
        points in crossing_ring(3..14), grid in grid(), random: u64,
    ) {
        let Some(outer) = ring(&on_grid(&points, grid)) else { return Ok(()) };
        let areas = [area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())];
        agrees(&areas, spots(grid).into_iter().step_by(4), random)?;
    }

    #[test]
    fn a_simple_polygon_with_a_hole_holds_what_geo_says(
        outer in star(3..7), hole in star(1..3), with_hole: bool, grid in grid(), random: u64,
    ) {
        let Some(outer) = ring(&on_grid(&outer, grid)) else { return Ok(()) };
        let holes = ring(&on_grid(&hole, grid)).filter(|_| with_hole).into_iter().collect();
        let polygon = Polygon { outer, holes };
        let places = spots(grid);
        for spot in places.iter().step_by(4) {
            prop_assert_eq!(oracle::holds(&[area(vec![polygon.clone()], Vec::new())], *spot),
                oracle::holds_by_geo(&polygon, *spot));
        }
        agrees(&[area(vec![polygon.clone()], Vec::new())], places.iter().copied().step_by(4), random)?;
        let affected = affected(&[area(vec![polygon.clone()], Vec::new())]);
        for pair in places.iter().step_by(53).flat_map(|a| places.iter().step_by(61).map(move |b| rect(*a, *b))) {
            prop_assert_eq!(affected.touches(pair.footprint()), oracle::touches_by_geo(&polygon, &pair), "{:?}", pair);
        }
    }

    #[test]
    fn polygons_holes_and_circles_of_several_areas_are_united(
        rings in prop::collection::vec((crossing_ring(3..8), crossing_ring(3..6)), 1..4),
        circle in circle(), grid in grid(), random: u64,
    ) {
        let polygon = |(outer, hole): &(Vec<_>, Vec<_>)| {
            let holes = ring(&on_grid(hole, grid)).into_iter().collect();
            Some(Polygon { outer: ring(&on_grid(outer, grid))?, holes })
        };
        let mut areas: Vec<Area> = rings.iter().filter_map(polygon).map(|p| area(vec![p], Vec::new())).collect();
        areas.push(area(Vec::new(), vec![circle]));
        agrees(&areas, spots(grid).into_iter().step_by(7), random)?;
    }

    #[test]
    fn a_box_touches_a_ring_that_crosses_itself_as_its_edges_do(points in crossing_ring(3..10), grid in grid()) {
        let Some(outer) = ring(&on_grid(&points, grid)) else { return Ok(()) };
        prop_assume!(grid.1[1] > 0 && grid.1[1] + 12 * grid.0 < i64::from(POLE));
        let lines = oracle::all_lines(&outer);
        let affected = affected(&[area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())]);
        let places = spots(grid);
        for pair in places.iter().step_by(41).flat_map(|a| places.iter().step_by(47).map(move |b| rect(*a, *b))) {
            prop_assert_eq!(affected.touches(pair.footprint()), oracle::touches_ring(&lines, &pair), "{:?}", pair);
        }
    }

    #[test]
    fn a_circle_holds_what_is_within_its_radius_on_the_ellipsoid(
        circle in circle(), around in prop::collection::vec((0.0..360.0, -3e4..3e4), 24), random: u64,
        anywhere in prop::collection::vec((0..TURN, 0..=POLE), 24),
    ) {
        let beside = |(bearing, off): &(f64, f64)| [0.0, off / 1e3, *off].map(|off| beside_rim(&circle, *bearing, off));
        let near = around.iter().flat_map(beside);
        let places = near.chain(anywhere.into_iter().map(|(x, y)| Spot { x, y }));
        agrees(&[area(Vec::new(), vec![circle])], places, random)?;
    }

    #[test]
    fn a_box_touches_a_circle_if_its_nearest_point_is_inside(
        circle in circle(), bearing in 0.0..360.0, off in -1e5..1e5, size in (0..20_000_000_u32, 0..20_000_000_u32),
    ) {
        let from = beside_rim(&circle, bearing, off);
        let to = Spot { x: (from.x + size.0).min(TURN - 1), y: (from.y + size.1).min(POLE) };
        let pair = rect(from, to);
        let areas = [area(Vec::new(), vec![circle])];
        let touches = affected(&areas).touches(pair.footprint());
        let steps = |from: u32, to: u32| (0..=24_u64).map(move |n| from + (u64::from(to - from) * n / 24) as u32);
        let column = |x| steps(pair.y0, pair.y1).any(|y| oracle::holds(&areas, Spot { x, y }));
        let sampled = steps(pair.x0, pair.x1).any(column);
        // Samples are a 24th of the box apart, and the circle's rim bends between them.
        let wider = area(Vec::new(), vec![Circle::new(circle.lon(), circle.lat(), circle.radius_m() / 1e3 + 8.0)
            .unwrap_or(circle)]);
        let nearly = steps(pair.x0, pair.x1)
            .any(|x| steps(pair.y0, pair.y1).any(|y| oracle::holds(std::slice::from_ref(&wider), Spot { x, y })));
        prop_assert!(touches || !sampled);
        prop_assert!(!touches || nearly);
    }

    #[test]
    fn what_stands_at_a_place_is_what_touches_it(
        rings in prop::collection::vec((0..6_u32, crossing_ring(3..7)), 1..16), circle in circle(), grid in grid(),
    ) {
        let standing = Standing::new();
        let mut model: Vec<(u32, Vec<AffectedArea>)> = vec![(9, vec![affected(&[area(Vec::new(), vec![circle])])])];
        for (key, points) in &rings {
            let Some(outer) = ring(&on_grid(points, grid)) else { continue };
            let next = affected(&[area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())]);
            match model.iter_mut().find(|(known, _)| known == key) {
                Some((_, areas)) => areas.push(next),
                None => model.push((*key, vec![next])),
            }
        }
        // And one of all the rings and the circle.
        let polygon = |points: &Vec<_>| Some(Polygon { outer: ring(&on_grid(points, grid))?, holes: Vec::new() });
        let all = rings.iter().filter_map(|(_, points)| polygon(points)).collect();
        model.push((8, vec![affected(&[area(all, vec![circle])])]));
        for (key, areas) in &model {
            standing.insert(*key, areas.clone());
        }
        standing.remove(3);
        model.retain(|(key, _)| *key != 3);
        let places = spots(grid);
        let pairs = places.iter().step_by(97).zip(places.iter().rev().step_by(89));
        let boxes = pairs.map(|(a, b)| rect(*a, *b).footprint());
        for place in places.iter().step_by(11).map(|spot| at(*spot)).chain(boxes) {
            let mut found = standing.at(place);
            found.sort_unstable();
            let first = |areas: &[AffectedArea]| areas.iter().position(|area| area.touches(place));
            let mut expected: Vec<(u32, u8)> =
                model.iter().filter_map(|(key, areas)| Some((*key, first(areas)? as u8))).collect();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_place_on_the_antimeridian_is_on_both_sides_of_it() {
    for area in [block(170.0, -5.0, 180.0, 5.0), block(-180.0, -5.0, -170.0, 5.0), block(175.0, -5.0, 185.0, 5.0)] {
        assert!(area.contains(Position::from_degrees(180.0, 0.0).expect("on the globe")));
        assert!(area.touches(point(-180.0, 5.0)));
        let standing = Standing::new();
        standing.insert(1, vec![area]);
        assert_eq!(standing.at(point(180.0, 0.0)), [(1, 0)]);
    }
}

#[test]
fn a_box_whose_east_edge_is_the_antimeridian_touches_what_lies_beyond_it() {
    let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
    let coarse = Footprint::Box { south_west: corner(179.9, 0.0), north_east: corner(180.0, 0.1) };
    assert!(block(-180.0, -1.0, -179.0, 1.0).touches(coarse));
    assert!(block(179.95, 0.05, 179.96, 0.06).touches(coarse));
    assert!(!block(-1.0, -1.0, 1.0, 1.0).touches(coarse));
}

#[test]
fn the_pole_is_in_a_polygon_that_reaches_it_whatever_its_longitude() {
    let cap = block(-90.0, 80.0, 90.0, 90.0);
    assert!(cap.touches(point(135.0, 90.0)));
    assert!(!cap.touches(point(135.0, 89.9)));
}

#[test]
fn a_bounding_box_is_west_to_east_across_the_antimeridian() {
    assert_eq!(block(10.0, -5.0, 20.5, 5.25).bounding_box(), [10.0, -5.0, 20.5, 5.25]);
    assert_eq!(block(175.0, -5.0, 190.0, 5.0).bounding_box(), [175.0, -5.0, -170.0, 5.0]);
    let both = [block(170.0, 0.0, 180.0, 1.0), block(-180.0, -2.0, -175.0, 0.0)];
    let both: Vec<Area> = both.iter().flat_map(|area| area.areas().to_vec()).collect();
    assert_eq!(affected(&both).bounding_box(), [170.0, -2.0, -175.0, 1.0]);
}

proptest! {
    #[test]
    fn the_box_of_a_circle_holds_its_rim_and_is_no_larger(circle in circle()) {
        let [west, south, east, north] = affected(&[area(Vec::new(), vec![circle])]).bounding_box();
        let across = (east - west).rem_euclid(360.0);
        let mut reached = [f64::MAX, f64::MIN];
        for bearing in 0..720 {
            let centre = Point::new(circle.lon(), circle.lat());
            let rim = Geodesic.destination(centre, f64::from(bearing) / 2.0, circle.radius_m());
            prop_assert!(south - 1e-9 <= rim.y() && rim.y() <= north + 1e-9);
            reached = [reached[0].min(rim.y()), reached[1].max(rim.y())];
            if west > -180.0 || east < 180.0 {
                let off = (rim.x() - west + 1e-7).rem_euclid(360.0);
                prop_assert!(off <= across + 2e-7, "{} is not in {west} to {east}", rim.x());
            }
        }
        prop_assert!(south == -90.0 || reached[0] - south < 1e-2);
        prop_assert!(north == 90.0 || north - reached[1] < 1e-2);
    }
}

#[test]
fn ground_is_the_same_whatever_it_is_called_or_in_which_language() {
    let ground = block(1.0, 2.0, 3.0, 4.0);
    let mut named = ground.areas().to_vec();
    named[0].description = "Kanton Zürich".to_owned();
    let named = affected(&named);
    assert!(ground.same_ground(&named) && ground != named);
    assert!(!ground.same_ground(&block(1.0, 2.0, 3.0, 5.0)));
    assert!(AffectedArea::new(&[Area::default()]).is_none());
}

#[test]
fn a_ring_of_many_high_edges_costs_no_more_memory_than_edges() {
    let zigzag = (0..20_000_i32).map(|n| [f64::from(n) / 1e3, if n % 2 == 0 { -60.0 } else { 60.0 }]);
    let outer = Ring::new(zigzag).expect("a ring");
    let area = affected(&[area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())]);
    assert!(area.contains(Position::from_degrees(0.001, 60.0).expect("on the globe")));
}
