//! Which part of the globe is shown, and where a point of it is on the map.

use crate::cli::METRES_PER_DEGREE;
use crate::domain::Position;

use super::MapScene;
use super::outline::{Shape, shapes};

/// Room around the areas, as a share of their extent.
const MARGIN: f64 = 0.08;

/// One side of the map is at least this share of the other.
const NARROWEST: f64 = 0.25;

/// The least extent that is shown, degrees.
const LEAST: f64 = 0.05;

/// A part of the globe, laid flat. Distances on it are in degrees of latitude.
#[derive(Debug)]
pub(super) struct View {
    /// What is drawn, with longitudes from `west` on.
    pub(super) shapes: Vec<Shape>,
    west: f64,
    north: f64,
    /// Width of a degree of longitude, in degrees of latitude.
    squeeze: f64,
    /// Width and height.
    pub(super) size: [f64; 2],
}

impl View {
    pub(super) fn of(scene: &MapScene<'_>) -> Self {
        let mut shapes = shapes(scene.areas, scene.tints);
        let spans: Vec<(f64, f64)> = if shapes.is_empty() {
            scene.told.iter().map(|at| (at.lon(), at.lon())).collect()
        } else {
            shapes.iter().map(Shape::longitudes).collect()
        };
        let (west, east) = cut_open(&spans);
        for shape in &mut shapes {
            shape.turn_to(west);
        }
        let points = shapes.iter().flat_map(|shape| shape.rings.iter().flatten()).map(|at| at[1]);
        let places = scene.told.iter().map(|at| at.lat()).filter(|_| shapes.is_empty());
        let (south, north) = points.chain(places).fold((f64::MAX, f64::MIN), |(s, n), lat| (s.min(lat), n.max(lat)));
        let (south, north) = if south > north { (-90.0, 90.0) } else { (south, north) };

        let squeeze = f64::midpoint(south, north).to_radians().cos().max(0.1);
        let (width, height) = ((east - west) * squeeze, north - south);
        let (across, up) = (margin(width, height) / squeeze, margin(height, width));
        let (south, north) = ((south - up).max(-90.0), (north + up).min(90.0));
        let across = across.min((360.0 - (east - west)) / 2.0).max(0.0);
        let size = [(east - west + 2.0 * across) * squeeze, north - south];
        Self { shapes, west: west - across, north, squeeze, size }
    }

    /// A point of a shape on the map, from its upper left corner; it may lie beyond the edge.
    pub(super) fn point(&self, at: [f64; 2]) -> [f64; 2] {
        [(at[0] - self.west) * self.squeeze, self.north - at[1]]
    }

    /// A position on the map, or `None` if it is not on it.
    pub(super) fn place(&self, at: Position) -> Option<[f64; 2]> {
        let lon = self.west + (at.lon() - self.west).rem_euclid(360.0);
        let [x, y] = self.point([lon, at.lat()]);
        (x <= self.size[0] && (0.0..=self.size[1]).contains(&y)).then_some([x, y])
    }

    /// The rings of all shapes on the map; twice, where one goes over the edge of a map that is a whole turn wide.
    pub(super) fn rings(&self, shape: &Shape) -> Vec<Vec<[f64; 2]>> {
        let project = |by: f64| shape.rings.iter().map(move |ring| self.project(ring, by));
        let over = shape.rings.iter().flatten().any(|at| at[0] > self.west + 360.0);
        project(0.0).chain(over.then(|| project(-360.0)).into_iter().flatten()).collect()
    }

    fn project(&self, ring: &[[f64; 2]], by: f64) -> Vec<[f64; 2]> {
        ring.iter().map(|at| self.point([at[0] + by, at[1]])).collect()
    }

    /// A round length for a scale bar: kilometres, and how long that is on the map. At most a quarter of the width.
    pub(super) fn scale(&self) -> (f64, f64) {
        let most = self.size[0] / 4.0 * METRES_PER_DEGREE / 1_000.0;
        let power = 10.0_f64.powf(most.log10().floor());
        let km = [5.0, 2.0].into_iter().map(|times| times * power).find(|km| *km <= most).unwrap_or(power);
        (km, km * 1_000.0 / METRES_PER_DEGREE)
    }
}

/// The room on either side of an extent, so that the map is not far narrower there than it is the other way.
fn margin(extent: f64, other: f64) -> f64 {
    (extent * MARGIN).max((other * NARROWEST - extent) / 2.0).max((LEAST - extent) / 2.0).max(LEAST * MARGIN)
}

/// Where the globe is cut open to show all of `spans` in one piece: the westernmost and easternmost longitude shown,
/// either side of the widest gap. The whole turn from −180° if there is no gap.
fn cut_open(spans: &[(f64, f64)]) -> (f64, f64) {
    let within = |(west, east): &(f64, f64)| {
        let begin = (west + 180.0).rem_euclid(360.0) - 180.0;
        (begin, begin + east - west)
    };
    let mut spans: Vec<(f64, f64)> = spans.iter().map(within).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(&(first, _)) = spans.first() else { return (-180.0, 180.0) };
    let (mut reach, mut widest, mut begin, mut end) = (f64::MIN, 0.0, -180.0, 180.0);
    let next_turn = spans.iter().map(|(west, east)| (west + 360.0, east + 360.0));
    for (west, east) in spans.iter().copied().chain(next_turn) {
        if west - reach > widest && reach > f64::MIN {
            // What was shown ends before the gap, and what is shown next begins behind it, a turn earlier.
            (widest, begin, end) = (west - reach, west - 360.0, reach);
        }
        reach = reach.max(east);
        if west > first + 360.0 {
            break;
        }
    }
    if begin < -180.0 { (begin + 360.0, end + 360.0) } else { (begin, end) }
}

#[cfg(test)]
mod tests {
    use super::cut_open;

    #[test]
    fn the_globe_is_cut_open_in_the_widest_gap() {
        assert_eq!(cut_open(&[]), (-180.0, 180.0));
        assert_eq!(cut_open(&[(-100.0, -90.0)]), (-100.0, -90.0));
        assert_eq!(cut_open(&[(-100.0, -90.0), (-95.0, -80.0)]), (-100.0, -80.0));
        assert_eq!(cut_open(&[(170.0, 190.0)]), (170.0, 190.0));
        assert_eq!(cut_open(&[(170.0, 175.0), (-178.0, -170.0)]), (170.0, 190.0));
        assert_eq!(cut_open(&[(0.0, 1.0), (-178.0, -170.0), (170.0, 175.0)]), (0.0, 190.0));
        assert_eq!(cut_open(&[(-180.0, 180.0), (3.0, 4.0)]), (-180.0, 180.0));
    }
}
