//! The ground that an alert affects, compiled once.

use std::fmt;
use std::sync::Arc;

use crate::domain::{Area, Circle, Footprint, Polygon, Position};

use super::circle::{Disc, wrapped};
use super::cut::{Cut, Found};
use super::lattice::{Rect, Spot, TURN};
use super::shape::Shape;

/// The ground that a tier affects: the union over its areas of polygons and circles, less holes. Cheap to clone.
///
/// The edge belongs to the ground, that of a hole too. A ring that crosses itself is by the even-odd rule. Rings are
/// put on a lattice of 1e-7 degrees (1 cm), on which places lie already; from there on all answers about polygons are
/// exact. Those about circles are by geodesic distance on WGS 84.
#[derive(Clone)]
pub struct AffectedArea(Arc<Inner>);

struct Inner {
    areas: Vec<Area>,
    shapes: Vec<Shape>,
    discs: Vec<Disc>,
    bounding_box: [f64; 4],
}

/// An area of more polygons and circles than this is looked up by one box: to keep those of thousands of islands in
/// order costs more than to test an area in vain.
const MANY_PARTS: usize = 8;

impl AffectedArea {
    /// Unites the ground of `areas`; `None` if none of them has any.
    pub fn new(areas: &[Area]) -> Option<Self> {
        let areas: Vec<Area> = areas.iter().filter(|area| area.has_ground()).cloned().collect();
        if areas.is_empty() {
            return None;
        }
        let polygons = || areas.iter().flat_map(|area| &area.polygons);
        let shapes = polygons().map(Shape::new).chain(polygons().flat_map(Shape::poles)).collect();
        let discs: Vec<Disc> = areas.iter().flat_map(|area| &area.circles).map(|circle| Disc::new(*circle)).collect();
        let bounding_box = unite_boxes(polygons().map(extent).chain(discs.iter().map(Disc::extent)));
        Some(Self(Arc::new(Inner { areas, shapes, discs, bounding_box })))
    }

    /// The areas that it was made of, those with ground.
    pub fn areas(&self) -> &[Area] {
        &self.0.areas
    }

    /// Whether the other is the same ground: made of the same polygons and circles, whatever it is called.
    pub fn same_ground(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.polygons().eq(other.polygons()) && self.circles().eq(other.circles()))
    }

    /// West, south, east and north of the ground in degrees, over the points of its rings and its circles' extents.
    /// West is greater than east where it crosses the antimeridian.
    pub fn bounding_box(&self) -> [f64; 4] {
        self.0.bounding_box
    }

    /// Whether the place is inside or on the boundary.
    pub fn contains(&self, place: Position) -> bool {
        let spot = Spot::of(place);
        self.0.shapes.iter().any(|shape| shape.contains(spot)) || self.0.discs.iter().any(|disc| disc.contains(spot))
    }

    /// Whether any of what the place covers is inside or on the boundary.
    pub fn touches(&self, footprint: Footprint) -> bool {
        match footprint {
            Footprint::Point(at) => self.contains(*at.expose()),
            Footprint::Box { .. } => {
                let rect = Rect::of(footprint);
                match self.cut(&rect) {
                    Found::Out => false,
                    Found::In => true,
                    Found::Edge(cut) => cut.touches(&rect),
                }
            }
        }
    }

    /// The ground as it is within a box.
    pub(super) fn cut(&self, rect: &Rect) -> Found {
        Cut::unite(self.0.shapes.iter().map(|shape| shape.cut(rect)), self.0.discs.iter().cloned(), rect)
    }

    /// Boxes that together hold the ground: one or two for each part of it, or for all, if parts are many.
    pub(super) fn bounds(&self) -> Vec<Rect> {
        let Inner { shapes, discs, bounding_box, .. } = &*self.0;
        let of_shapes = shapes.iter().flat_map(|shape| shape.bounds().iter().copied());
        if shapes.len() + discs.len() <= MANY_PARTS {
            return of_shapes.chain(discs.iter().flat_map(|disc| rects_of(disc.extent()))).collect();
        }
        // A pole that a polygon reaches is of all longitudes, whatever the polygon is.
        of_shapes.filter(|rect| rect.y0 == rect.y1).chain(rects_of(*bounding_box)).collect()
    }

    fn polygons(&self) -> impl Iterator<Item = &Polygon> {
        self.0.areas.iter().flat_map(|area| &area.polygons)
    }

    fn circles(&self) -> impl Iterator<Item = &Circle> {
        self.0.areas.iter().flat_map(|area| &area.circles)
    }
}

impl PartialEq for AffectedArea {
    fn eq(&self, other: &Self) -> bool {
        self.0.areas == other.0.areas
    }
}

impl fmt::Debug for AffectedArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AffectedArea").field(&self.0.areas).finish()
    }
}

/// The box of a polygon; its outside's longitudes are unrolled, so that the box may run past ±180.
fn extent(polygon: &Polygon) -> [f64; 4] {
    let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    let [west, south, east, north] =
        polygon.outer.points().iter().fold(start, |[west, south, east, north], [lon, lat]| {
            [west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)]
        });
    on_globe([west, south, east, north])
}

/// A box (west, south, east and north in degrees) whose longitudes run past ±180, with longitudes that do not: west is
/// greater than east where it crosses the antimeridian.
pub fn on_globe([west, south, east, north]: [f64; 4]) -> [f64; 4] {
    if west >= -180.0 && east <= 180.0 {
        [west, south, east, north]
    } else if east - west >= 360.0 {
        [-180.0, south, 180.0, north]
    } else {
        [wrapped(west), south, -wrapped(-east), north]
    }
}

/// The smallest box round all of them, of which there is at least one. Where they lie all round the globe it is from
/// −180 to 180.
pub fn unite_boxes(boxes: impl IntoIterator<Item = [f64; 4]>) -> [f64; 4] {
    let (mut south, mut north) = (f64::MAX, f64::MIN);
    let mut spans: Vec<[f64; 2]> = Vec::new();
    for [w, s, e, n] in boxes {
        (south, north) = (south.min(s), north.max(n));
        if w <= e { spans.push([w, e]) } else { spans.extend([[w, 180.0], [-180.0, e]]) }
    }
    spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut merged: Vec<[f64; 2]> = Vec::new();
    for [w, e] in spans {
        match merged.last_mut() {
            Some(last) if w <= last[1] => last[1] = last[1].max(e),
            _ => merged.push([w, e]),
        }
    }
    let (first, last) = (merged[0], merged[merged.len() - 1]);
    // The box is what the widest gap leaves; the gap over the antimeridian is the one to beat.
    let mut widest = (first[0] + 360.0 - last[1], [first[0], last[1]]);
    for pair in merged.windows(2) {
        let gap = pair[1][0] - pair[0][1];
        if gap > widest.0 {
            widest = (gap, [pair[1][0], pair[0][1]]);
        }
    }
    let (_, [west, east]) = widest;
    [west, south, east, north]
}

/// Boxes on the lattice that hold a box in degrees, on both sides of the antimeridian if it reaches it.
fn rects_of([west, south, east, north]: [f64; 4]) -> Vec<Rect> {
    let rect = |west: f64, east: f64| {
        let spot = |lon: f64, lat: f64| [(lon + 180.0) * 1e7, (lat + 90.0) * 1e7];
        let ([x0, y0], [x1, y1]) = (spot(west, south), spot(east, north));
        // A unit and more is allowed for rounding.
        Rect { x0: x0 as u32, y0: y0 as u32, x1: x1.ceil() as u32, y1: y1.ceil() as u32 }.widened(2)
    };
    let mut rects = if west <= east { vec![rect(west, east)] } else { vec![rect(west, 180.0), rect(-180.0, east)] };
    for x in [0, TURN] {
        if let Some(met) = rects.iter().find(|rect| rect.x0 == x || rect.x1 == x) {
            rects.push(Rect { x0: TURN - x, x1: TURN - x, ..*met });
        }
    }
    rects
}
