//! What holds of the contours of every grid.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::contour::Contour;
use super::*;
use crate::domain::{Polygon, Ring};

fn grid_of(points: &[[f64; 3]]) -> Result<Grid, FormatError> {
    Grid::of(points, &Path::ROOT.field("grid_data"), &Limits::default())
}

fn contours(grid: &Grid, level: f64) -> Vec<Polygon> {
    let mut left = Limits::default().points;
    Contour::new(grid, level).polygons(&mut left).expect("a small grid has contours")
}

/// A grid of up to 9 by 9 points, some of them without a value, with values on and around whole degrees.
fn points() -> impl Strategy<Value = Vec<[f64; 3]>> {
    let value = prop_oneof![
        select(vec![f64::NAN, 1.0, 2.0, 2.999_999_999, 3.0, 3.000_000_001, 4.0, 5.0, 12.0]),
        (1.0..6.0).prop_map(|value: f64| (value * 100.0).round() / 100.0),
    ];
    let place = (-180.0..170.0, -80.0..70.0, select(vec![0.0167, 0.2, 1.0]));
    (2_usize..10, 2_usize..10, place, vec(value, 81)).prop_map(|(width, height, (lon, lat, step), values)| {
        let at = |x: usize, y: usize| [lon + x as f64 * step, lat + y as f64 * step, values[y * 9 + x]];
        (0..height).flat_map(|y| (0..width).map(move |x| at(x, y))).collect()
    })
}

fn is_in_ring(ring: &Ring, [x, y]: [f64; 2]) -> bool {
    let points = ring.points();
    let mut inside = false;
    for (index, a) in points.iter().enumerate() {
        let b = points[(index + 1) % points.len()];
        if (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            inside = !inside;
        }
    }
    inside
}

/// In how many of the polygons a point lies.
fn covered(polygons: &[Polygon], point: [f64; 2]) -> usize {
    let holds = |polygon: &&Polygon| {
        is_in_ring(&polygon.outer, point) && !polygon.holes.iter().any(|hole| is_in_ring(hole, point))
    };
    polygons.iter().filter(holds).count()
}

proptest! {
    #[test]
    fn every_point_that_has_the_level_is_inside_once_and_no_other_is(points in points(), level in 2_u8..6) {
        let grid = grid_of(&points).expect("a grid");
        let level = f64::from(level);
        let polygons = contours(&grid, level);
        for &[lon, lat, value] in &points {
            let expected = usize::from(value >= level);
            prop_assert_eq!(covered(&polygons, [lon, lat]), expected, "{} {} {}", lon, lat, value);
        }
    }

    #[test]
    fn higher_ground_lies_in_lower_ground_and_none_is_far_from_a_point_that_has_the_level(
        points in points(),
        samples in vec((-0.1..1.1, -0.1..1.1), 60),
    ) {
        let grid = grid_of(&points).expect("a grid");
        let bands: Vec<_> = (2..6).map(|level| (f64::from(level), contours(&grid, f64::from(level)))).collect();
        let size = |axis: &[f64]| (axis[0], axis[axis.len() - 1] - axis[0], axis[1] - axis[0]);
        let (west, width, step) = size(&grid.lons);
        let (south, height, _) = size(&grid.lats);
        for (x, y) in samples {
            let sample = [west + x * width, south + y * height];
            let mut within = true;
            for (level, polygons) in &bands {
                let count = covered(polygons, sample);
                prop_assert!(count <= usize::from(within), "{:?} is in {} pieces of {}", sample, count, level);
                within = count == 1;
                let near = |point: &&[f64; 3]| {
                    let near = |one: f64, other: f64| (one - other).abs() < step * 1.001;
                    point[2] >= *level && near(point[0], sample[0]) && near(point[1], sample[1])
                };
                prop_assert!(!within || points.iter().any(|point| near(&point)), "{:?} is far from {}", sample, level);
            }
        }
    }

    #[test]
    fn the_order_of_the_points_makes_no_difference(points in points().prop_shuffle()) {
        let mut sorted = points.clone();
        sorted.sort_by(|one, other| one[1].total_cmp(&other[1]).then(one[0].total_cmp(&other[0])));
        let [shuffled, sorted] = [points, sorted].map(|points| contours(&grid_of(&points).expect("a grid"), 3.0));
        prop_assert_eq!(shuffled, sorted);
    }
}

/// A grid of whole coordinates, by its rows from the south.
fn rows(rows: &[&[f64]]) -> Vec<[f64; 3]> {
    let row = |(y, row): (usize, &&[f64])| {
        let at = |(x, value): (usize, &f64)| [x as f64, y as f64, *value];
        row.iter().enumerate().map(at).collect::<Vec<_>>()
    };
    rows.iter().enumerate().flat_map(row).collect()
}

#[test]
fn a_contour_lies_where_a_line_between_values_reaches_the_level() {
    let grid = grid_of(&rows(&[&[2.0, 2.0, 2.0], &[2.0, 6.0, 2.0], &[2.0, 2.0, 2.0]])).expect("a grid");
    let polygons = contours(&grid, 3.0);
    let mut points = polygons[0].outer.points().to_vec();
    points.sort_by(|one, other| one[0].total_cmp(&other[0]).then(one[1].total_cmp(&other[1])));
    assert_eq!(points, [[0.25, 1.0], [1.0, 0.25], [1.0, 1.75], [1.75, 1.0]]);
    assert_eq!((polygons.len(), polygons[0].holes.len()), (1, 0));
}

#[test]
fn low_ground_in_high_ground_is_a_hole_and_high_ground_in_it_a_piece() {
    let low: [f64; 5] = [5.0, 1.0, 1.0, 1.0, 5.0];
    let high = [5.0; 5];
    let grid = grid_of(&rows(&[&high, &low, &[5.0, 1.0, 5.0, 1.0, 5.0], &low, &high])).expect("a grid");
    let polygons = contours(&grid, 4.0);
    assert_eq!(polygons.iter().map(|polygon| polygon.holes.len()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn what_is_no_grid_is_refused() {
    let not_a_grid = Err(FormatError::NotAGrid { field: "grid_data".to_owned() });
    let refused = |points: &[[f64; 3]]| assert_eq!(grid_of(points).map(|grid| grid.points), not_a_grid, "{points:?}");
    refused(&[]);
    refused(&[[0.0, 0.0, 5.0]]);
    refused(&[[0.0, 0.0, 5.0], [1.0, 0.0, 5.0]]);
    refused(&[[0.0, 0.0, 5.0], [0.0, 1.0, 5.0], [1.0, 0.0, 5.0], [1.0, 0.0, 5.0]]);
    // A row of the middle is not there: nothing is known of it.
    refused(&[[0.0, 0.0, 5.0], [1.0, 1.0, 5.0], [2.0, 3.0, 5.0]]);
    let scattered: Vec<[f64; 3]> = (0..1_000).map(|n| [f64::from(n) * 0.1, f64::from(n) * 0.05, 5.0]).collect();
    assert!(matches!(grid_of(&scattered), Err(FormatError::TooMany { .. })));
}

#[test]
fn a_grid_of_pieces_without_end_is_bounded() {
    let side = 700;
    let value = |x: u32, y: u32| if (x + y).is_multiple_of(2) { 12.0 } else { 0.0 };
    let at = |x: u32, y: u32| [f64::from(x) * 0.01, f64::from(y) * 0.01, value(x, y)];
    let points: Vec<[f64; 3]> = (0..side).flat_map(|y| (0..side).map(move |x| at(x, y))).collect();
    let grid = grid_of(&points).expect("a grid");
    let bands = grid.bands(&Path::ROOT, None, &Limits::default());
    assert!(matches!(bands, Err(FormatError::TooMany { what: "points", .. })), "{bands:?}");
}
