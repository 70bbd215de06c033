//! Ground within ground, against plain answers.

use geo::{Coord, LineString, Relate};
use proptest::prelude::*;

use crate::domain::{Area, Circle, Polygon, Ring};

use super::super::lattice::Spot;
use super::super::{AffectedArea, Lies};
use super::{affected, area, block, circle, crossing_ring, grid, on_grid, oracle, ring, spots, star};

/// An outside and a hole, on the grid.
type Rings = (Vec<[i64; 2]>, Vec<[i64; 2]>);

/// What `geo` makes of the polygons as they are on the grid's own small numbers.
fn plain(points: &[[i64; 2]], hole: Option<&[[i64; 2]]>) -> geo::Polygon<f64> {
    let line = |points: &[[i64; 2]]| {
        LineString::new(points.iter().map(|[x, y]| Coord { x: *x as f64, y: *y as f64 }).collect())
    };
    geo::Polygon::new(line(points), hole.map(line).into_iter().collect())
}

fn polygon(points: &[[i64; 2]], hole: Option<&[[i64; 2]]>, grid: (i64, [i64; 2])) -> Option<Polygon> {
    let holes = match hole {
        Some(hole) => vec![ring(&on_grid(hole, grid))?],
        None => Vec::new(),
    };
    Some(Polygon { outer: ring(&on_grid(points, grid))?, holes })
}

/// That no place is in the one and not in the other, if that is what is said. What is too intricate is not said to be
/// within, and waits for a person like what is beyond.
fn agrees(mine: &[Area], others: &[Area], places: impl IntoIterator<Item = Spot>) -> Result<(), TestCaseError> {
    let (Some(one), Some(other)) = (AffectedArea::new(mine), AffectedArea::new(others)) else { return Ok(()) };
    let said = one.lies(&other);
    let (mine, others) = (oracle::Plain::new(mine), oracle::Plain::new(others));
    let beyond = places.into_iter().find(|spot| mine.holds(*spot) && !others.holds(*spot));
    if let Some(spot) = beyond {
        prop_assert!(said != Lies::Within, "{:?}, though {:?} is beyond", said, spot);
    }
    Ok(())
}

/// Places in and beside the box of an area, and on its rings.
fn samples(areas: &[Area]) -> Vec<Spot> {
    let points = areas.iter().flat_map(|area| &area.polygons).flat_map(|polygon| polygon.outer.points());
    let spot = |lon: f64, lat: f64| {
        let x = ((lon + 180.0) * 1e7).round().rem_euclid(3.6e9);
        Spot { x: x as u32, y: ((lat.clamp(-90.0, 90.0) + 90.0) * 1e7).round() as u32 }
    };
    let mut found: Vec<Spot> = points.map(|[lon, lat]| spot(*lon, *lat)).collect();
    for circle in areas.iter().flat_map(|area| &area.circles) {
        let span = circle.radius_m() / 100_000.0;
        let steps = (-6..=6).map(|step| f64::from(step) / 5.0 * span).collect::<Vec<_>>();
        found.extend(
            steps
                .iter()
                .flat_map(|up| steps.iter().map(move |along| spot(circle.lon() + along * 2.0, circle.lat() + up))),
        );
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_polygon_is_within_another_where_geo_says_that_it_is_covered(
        mine in star(1..6), others in star(1..6), hole in star(1..3),
        hole_in_mine: bool, with_hole: bool, grid in grid(),
    ) {
        let (in_mine, in_others) = (with_hole && hole_in_mine, with_hole && !hole_in_mine);
        let [in_mine, in_others] = [in_mine, in_others].map(|with| with.then_some(&*hole));
        // A hole that is not wholly inside is none that `geo` takes.
        let is_valid = |points: &[[i64; 2]], hole: Option<&[[i64; 2]]>| {
            hole.is_none_or(|hole| plain(hole, None).relate(&plain(points, None)).is_within())
        };
        prop_assume!(is_valid(&mine, in_mine) && is_valid(&others, in_others));
        let Some(one) = polygon(&mine, in_mine, grid) else { return Ok(()) };
        let Some(other) = polygon(&others, in_others, grid) else { return Ok(()) };
        let (one, other) = (affected(&[area(vec![one], vec![])]), affected(&[area(vec![other], vec![])]));
        let expected = plain(&mine, in_mine).relate(&plain(&others, in_others)).is_coveredby();
        prop_assert_eq!(one.lies(&other) == Lies::Within, expected, "{:?}", one.lies(&other));
    }

    #[test]
    fn whatever_is_said_to_be_within_has_no_place_beyond(
        mine in prop::collection::vec((crossing_ring(3..8), crossing_ring(3..6)), 1..3),
        others in prop::collection::vec((crossing_ring(3..8), crossing_ring(3..6)), 1..4),
        whole: bool, grid in grid(),
    ) {
        let areas = |rings: &[Rings]| -> Vec<Area> {
            let polygons = rings.iter().filter_map(|(outer, hole)| {
                let holes = ring(&on_grid(hole, grid)).into_iter().collect();
                Some(Polygon { outer: ring(&on_grid(outer, grid))?, holes })
            });
            polygons.map(|polygon| area(vec![polygon], vec![])).collect()
        };
        let mut jurisdiction = areas(&others);
        if whole {
            // Half of the time most of it is within.
            let square: Vec<[i64; 2]> = vec![[0, 0], [12, 0], [12, 11], [0, 11]];
            jurisdiction.extend(areas(&[(square, vec![[1, 1], [2, 1], [1, 2]])]));
        }
        agrees(&areas(&mine), &jurisdiction, spots(grid).into_iter().step_by(3))?;
    }

    #[test]
    fn no_circle_that_is_said_to_be_within_has_a_place_beyond(
        round in circle(), points in star(1..7), scale in 1_u32..8, whole: bool,
    ) {
        let step = (round.radius_m() / 100_000.0 * f64::from(scale) / 4.0 * 1e7 / 6.0) as i64 + 1;
        let centre = [(round.lon() * 1e7) as i64 + 1_800_000_000, (round.lat() * 1e7) as i64 + 900_000_000];
        let origin = centre.map(|at| at - 6 * step);
        let points = if whole { vec![[0, 0], [12, 0], [12, 12], [0, 12]] } else { points };
        let Some(outer) = ring(&on_grid(&points, (step, origin))) else { return Ok(()) };
        let jurisdiction = [area(vec![Polygon { outer, holes: vec![] }], vec![])];
        let mine = [area(vec![], vec![round])];
        agrees(&mine, &jurisdiction, samples(&mine))?;
        agrees(&jurisdiction, &mine, samples(&jurisdiction))?;
    }
}

fn square(west: f64, south: f64, east: f64, north: f64) -> Area {
    let outer = Ring::new([[west, south], [east, south], [east, north], [west, north]]).expect("a ring");
    area(vec![Polygon { outer, holes: Vec::new() }], Vec::new())
}

#[test]
fn neighbours_that_share_a_border_hold_what_lies_across_it() {
    let counties = [square(0.0, 0.0, 1.0, 1.0), square(1.0, 0.0, 2.0, 1.0), square(0.5, 1.0, 2.0, 2.0)];
    let land = affected(&counties);
    assert_eq!(block(0.5, 0.25, 1.5, 0.75).lies(&land), Lies::Within);
    assert_eq!(block(0.5, 0.0, 2.0, 2.0).lies(&land), Lies::Within);
    assert_eq!(land.lies(&land.clone()), Lies::Within);
    assert_eq!(affected(&counties[..2]).lies(&land), Lies::Within);
    for beyond in [block(0.4, 0.0, 2.0, 2.0), block(0.5, 0.0, 2.000_000_1, 2.0), block(-1.0, -1.0, 3.0, 3.0)] {
        assert!(matches!(beyond.lies(&land), Lies::Beyond(_)));
    }
}

#[test]
fn one_centimetre_and_a_line_without_width_are_beyond_too() {
    let land = block(0.0, 0.0, 1.0, 1.0);
    assert!(matches!(block(0.5, 0.5, 1.000_000_1, 0.6).lies(&land), Lies::Beyond(_)));
    // A ring that goes out and comes back on the same line: whoever stands on it is in the area.
    let spike = Ring::new([[0.2, 0.2], [0.8, 0.2], [0.8, 0.5], [1.5, 0.5], [0.8, 0.5], [0.8, 0.8], [0.2, 0.8]]);
    let spike = affected(&[area(vec![Polygon { outer: spike.expect("a ring"), holes: vec![] }], vec![])]);
    assert!(matches!(spike.lies(&land), Lies::Beyond(_)));
}

#[test]
fn a_hole_of_the_jurisdiction_is_not_covered_but_its_edge_is() {
    let hole = Ring::new([[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]]).expect("a ring");
    let outer = square(0.0, 0.0, 1.0, 1.0).polygons[0].outer.clone();
    let land = affected(&[area(vec![Polygon { outer, holes: vec![hole] }], vec![])]);
    assert!(matches!(block(0.0, 0.0, 1.0, 1.0).lies(&land), Lies::Beyond(_)));
    assert!(matches!(block(0.45, 0.45, 0.55, 0.55).lies(&land), Lies::Beyond(_)));
    assert_eq!(block(0.6, 0.4, 0.9, 0.6).lies(&land), Lies::Within);
    assert_eq!(land.lies(&land.clone()), Lies::Within);
}

#[test]
fn the_antimeridian_and_the_poles_are_ground_like_any_other() {
    let fiji = block(176.0, -20.0, 182.0, -15.0);
    assert_eq!(block(179.0, -18.0, 181.0, -16.0).lies(&fiji), Lies::Within);
    assert_eq!(block(-180.0, -18.0, -179.0, -16.0).lies(&fiji), Lies::Within);
    assert!(matches!(block(-180.0, -18.0, -177.0, -16.0).lies(&fiji), Lies::Beyond(_)));
    let cut = affected(&[square(176.0, -20.0, 180.0, -15.0), square(-180.0, -20.0, -178.0, -15.0)]);
    assert_eq!(fiji.lies(&cut), Lies::Within);
    assert_eq!(cut.lies(&fiji), Lies::Within);
    let cap = |radius_km: f64| affected(&[area(vec![], vec![Circle::new(10.0, 90.0, radius_km).expect("a circle")])]);
    let halves = affected(&[square(-180.0, 80.0, 0.0, 90.0), square(0.0, 80.0, 180.0, 90.0)]);
    assert_eq!(cap(1_000.0).lies(&halves), Lies::Within);
    assert!(matches!(cap(1_200.0).lies(&halves), Lies::Beyond(_)));
    assert!(matches!(halves.lies(&cap(1_000.0)), Lies::Beyond(_)));
    assert_eq!(halves.lies(&cap(1_200.0)), Lies::Within);
}

#[test]
fn edges_that_cross_without_end_are_not_looked_through() {
    let comb = |turned: bool| {
        let points = (0..20_000_u32).map(|tooth| {
            let (along, up) = (f64::from(tooth) / 20_000.0, f64::from(tooth % 2));
            if turned { [up, along] } else { [along, up] }
        });
        let outer = Ring::new(points).expect("a ring");
        affected(&[area(vec![Polygon { outer, holes: vec![] }], vec![])])
    };
    assert_ne!(comb(false).lies(&comb(true)), Lies::Within);
}

#[test]
fn ground_without_width_along_the_edge_of_other_ground_holds_none_of_it() {
    let grid = (1_234_567, [-7_407_402, 0]);
    let drawn =
        |outer: &[[i64; 2]], hole: Option<&[[i64; 2]]>| area(polygon(outer, hole, grid).into_iter().collect(), vec![]);
    let mine = [drawn(&[[3, 0], [0, 0], [0, 2]], None)];
    let lines = [[[1, 0], [7, 0], [2, 0]], [[0, 2], [4, 0], [0, 2]], [[0, 0], [11, 0], [9, 0]]];
    let others = lines.map(|line| drawn(&line, None));
    agrees(&mine, &others, spots(grid)).expect("what is beyond is not said to be within");
}
