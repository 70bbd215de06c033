//! Plain answers, with `geo` on the lattice: its coordinates are whole doubles, and its orientation test is exact.

use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo::{Coord, Distance, Geodesic, Intersects, Line, LineString, Point};

use crate::domain::{Area, Circle, Polygon, Ring};

use super::super::lattice::{Rect, Spot};

const TURN: f64 = 3_600_000_000.0;

fn coords(ring: &Ring, turns: f64) -> Vec<Coord<f64>> {
    let points = ring.points().iter().chain(ring.points().first());
    points
        .map(|[lon, lat]| Coord { x: ((lon + 180.0) * 1e7).round() + turns * TURN, y: ((lat + 90.0) * 1e7).round() })
        .collect()
}

fn lines(ring: &Ring, turns: f64) -> Vec<Line<f64>> {
    coords(ring, turns).windows(2).map(|ends| Line::new(ends[0], ends[1])).collect()
}

fn coord(spot: Spot) -> Coord<f64> {
    Coord { x: f64::from(spot.x), y: f64::from(spot.y) }
}

const TURNS: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];

/// The ring's edges, in all copies of the ring that meet the globe.
pub(super) fn all_lines(ring: &Ring) -> Vec<Line<f64>> {
    let copies = TURNS.iter().map(|turns| lines(ring, *turns));
    let meets = |copy: &Vec<Line<f64>>| {
        copy.iter().any(|line| line.start.x >= 0.0) && copy.iter().any(|line| line.start.x <= TURN)
    };
    copies.filter(meets).flatten().collect()
}

/// `Some(inside)`, or `None` on the edge: by counting crossings.
fn in_ring(ring: &[Line<f64>], at: Coord<f64>) -> Option<bool> {
    let mut inside = false;
    for line in ring {
        if line.intersects(&at) {
            return None;
        }
        let (low, high) = if line.start.y <= line.end.y { (line.start, line.end) } else { (line.end, line.start) };
        let beside = low.y <= at.y && at.y < high.y;
        inside ^= beside && RobustKernel::orient2d(low, high, at) == Orientation::Clockwise;
    }
    Some(inside)
}

/// A pole is one point: a polygon that comes to it has it, whatever longitude it is given.
fn at_its_pole(polygon: &Polygon, spot: Spot) -> bool {
    (spot.y == 0 || spot.y == 1_800_000_000)
        && coords(&polygon.outer, 0.0).iter().any(|point| point.y == f64::from(spot.y))
}

/// Areas, to be asked many times.
pub(super) struct Plain<'a> {
    polygons: Vec<PlainPolygon<'a>>,
    circles: Vec<Circle>,
}

struct PlainPolygon<'a> {
    polygon: &'a Polygon,
    outer: Vec<Line<f64>>,
    holes: Vec<Vec<Line<f64>>>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(areas: &'a [Area]) -> Self {
        let plain = |polygon: &'a Polygon| PlainPolygon {
            polygon,
            outer: all_lines(&polygon.outer),
            holes: polygon.holes.iter().map(all_lines).collect(),
        };
        let circles = areas.iter().flat_map(|area| &area.circles);
        Self {
            polygons: areas.iter().flat_map(|area| &area.polygons).map(plain).collect(),
            circles: circles.copied().collect(),
        }
    }

    /// Whether a place is in any of the areas.
    pub(super) fn holds(&self, spot: Spot) -> bool {
        let [lon, lat] = spot.degrees();
        let away = |circle: &Circle| Geodesic.distance(Point::new(circle.lon(), circle.lat()), Point::new(lon, lat));
        self.polygons.iter().any(|plain| plain.holds(spot))
            || self.circles.iter().any(|circle| away(circle) <= circle.radius_m())
    }
}

impl PlainPolygon<'_> {
    fn holds(&self, spot: Spot) -> bool {
        let in_outer = in_ring(&self.outer, coord(spot)) != Some(false);
        (in_outer && self.holes.iter().all(|hole| in_ring(hole, coord(spot)) != Some(true)))
            || at_its_pole(self.polygon, spot)
    }
}

/// Whether a place is in any of the areas.
pub(super) fn holds(areas: &[Area], spot: Spot) -> bool {
    Plain::new(areas).holds(spot)
}

/// The same for a polygon that `geo` takes for valid, by its own test.
pub(super) fn holds_by_geo(polygon: &Polygon, spot: Spot) -> bool {
    TURNS.iter().any(|turns| geo_polygon(polygon, *turns).intersects(&Point::from(coord(spot))))
        || at_its_pole(polygon, spot)
}

fn geo_polygon(polygon: &Polygon, turns: f64) -> geo::Polygon<f64> {
    let holes = polygon.holes.iter().map(|hole| LineString::new(coords(hole, turns))).collect();
    geo::Polygon::new(LineString::new(coords(&polygon.outer, turns)), holes)
}

/// Whether any of a box is in a polygon, by `geo`'s test for valid polygons.
pub(super) fn touches_by_geo(polygon: &Polygon, rect: &Rect) -> bool {
    let corners = [(rect.x0, rect.y0), (rect.x1, rect.y1)].map(|(x, y)| coord(Spot { x, y }));
    TURNS.iter().any(|turns| {
        let polygon = geo_polygon(polygon, *turns);
        if corners[0].x < corners[1].x && corners[0].y < corners[1].y {
            polygon.intersects(&geo::Rect::new(corners[0], corners[1]))
        } else {
            polygon.intersects(&Line::new(corners[0], corners[1]))
        }
    }) || [rect.y0, rect.y1].into_iter().any(|y| at_its_pole(polygon, Spot { x: rect.x0, y }))
}

/// The same for rings that may cross themselves: an edge comes through the box, or its corner is inside.
pub(super) fn touches_ring(ring: &[Line<f64>], rect: &Rect) -> bool {
    let [x0, y0, x1, y1] = [rect.x0, rect.y0, rect.x1, rect.y1].map(f64::from);
    let sides = [[x0, y0, x1, y0], [x1, y0, x1, y1], [x1, y1, x0, y1], [x0, y1, x0, y0]]
        .map(|[ax, ay, bx, by]| Line::new(Coord { x: ax, y: ay }, Coord { x: bx, y: by }));
    let within = |point: Coord<f64>| (x0..=x1).contains(&point.x) && (y0..=y1).contains(&point.y);
    in_ring(ring, Coord { x: x0, y: y0 }) != Some(false)
        || ring.iter().any(|line| within(line.start) || sides.iter().any(|side| side.intersects(line)))
}
