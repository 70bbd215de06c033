//! Which relation holds where: [`MotionRegion`], and those that are shipped.

use std::fmt;

use crate::domain::{Area, InvalidGround, Polygon, Position, Ring};
use crate::locate::AffectedArea;

use super::relation::{Axis, ChinaRegion, Relation};

/// Where a relation holds: of earthquakes whose epicentre is inside.
#[derive(Clone)]
pub struct MotionRegion {
    ground: AffectedArea,
    relation: Relation,
}

impl MotionRegion {
    /// The region inside an outline of `[lon, lat]` in degrees.
    pub fn new(outline: impl IntoIterator<Item = [f64; 2]>, relation: Relation) -> Result<Self, InvalidGround> {
        let polygon = Polygon { outer: Ring::new(outline)?, holes: Vec::new() };
        let area = Area { polygons: vec![polygon], ..Area::default() };
        let ground = AffectedArea::new(&[area]).expect("an area with a polygon has ground");
        Ok(Self { ground, relation })
    }

    /// The relation, if the epicentre is inside.
    pub(super) fn relation_at(&self, epicentre: Position) -> Option<Relation> {
        self.ground.contains(epicentre).then_some(self.relation)
    }
}

impl PartialEq for MotionRegion {
    fn eq(&self, other: &Self) -> bool {
        self.relation == other.relation && self.ground.same_ground(&other.ground)
    }
}

impl fmt::Debug for MotionRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MotionRegion").field("relation", &self.relation).field("ground", &self.ground).finish()
    }
}

/// The regions that are shipped, the first that holds an epicentre wins. Their outlines are drawn by this project with
/// a broad pen, some 50 km, along the coasts, borders and mountains that the relations' papers name: an earthquake near
/// one may be told by the scale of its neighbour, never by two.
///
/// - Japan with its seas and islands: Si and Midorikawa, JMA.
/// - California with its sea to 200 km: Atkinson and Wald, MMI.
/// - North America east of the Rocky Mountains (105° W), south of 55° N: Atkinson and Wald, MMI.
/// - Xinjiang; Qinghai, Tibet and the ranges of Sichuan, Yunnan and Gansu, west of 105° E; Manchuria, and the
///   inland of the south, each of moderate earthquakes; the rest of mainland China: GB 18306-2015 along the fault,
///   CSIS.
const SHIPPED: [(Relation, &[[f64; 2]]); 8] = [
    (
        Relation::SiMidorikawa,
        &[
            [122.4, 23.5],
            [132.5, 23.5],
            [139.0, 23.0],
            [146.0, 23.0],
            [148.5, 42.5],
            [146.3, 44.5],
            [145.4, 44.3],
            [143.0, 45.9],
            [139.5, 45.8],
            [138.0, 42.0],
            [135.0, 38.5],
            [130.2, 35.2],
            [128.8, 34.3],
            [127.5, 32.0],
            [124.0, 26.5],
            [122.4, 25.2],
        ],
    ),
    (
        Relation::AtkinsonWaldCalifornia,
        &[[-126.5, 42.0], [-120.0, 42.0], [-120.0, 39.0], [-114.6, 35.0], [-114.4, 32.5], [-119.0, 31.8]],
    ),
    (
        Relation::AtkinsonWaldEastern,
        &[[-105.0, 29.0], [-97.0, 25.5], [-79.0, 24.0], [-50.0, 45.0], [-55.0, 55.0], [-105.0, 55.0]],
    ),
    (
        Relation::Gb18306(ChinaRegion::Xinjiang, Axis::Long),
        &[
            [73.5, 39.5],
            [76.0, 36.5],
            [80.0, 36.0],
            [90.0, 38.0],
            [96.5, 41.0],
            [96.4, 42.8],
            [91.0, 45.2],
            [87.8, 49.2],
            [85.5, 48.4],
            [82.3, 45.5],
            [80.2, 42.2],
        ],
    ),
    (
        Relation::Gb18306(ChinaRegion::QinghaiTibet, Axis::Long),
        &[
            [76.0, 36.5],
            [78.8, 34.0],
            [78.7, 31.3],
            [81.2, 30.1],
            [88.8, 27.3],
            [97.4, 28.2],
            [98.6, 25.8],
            [97.6, 24.4],
            [99.3, 22.1],
            [101.8, 21.2],
            [105.0, 23.2],
            [105.0, 37.5],
            [102.0, 39.0],
            [96.5, 41.0],
            [90.0, 38.0],
            [80.0, 36.0],
        ],
    ),
    (
        Relation::Gb18306(ChinaRegion::Moderate, Axis::Long),
        &[
            [119.8, 46.7],
            [117.5, 49.6],
            [121.5, 53.4],
            [131.0, 47.7],
            [135.0, 48.4],
            [130.8, 42.7],
            [126.0, 41.4],
            [121.5, 43.0],
        ],
    ),
    (
        Relation::Gb18306(ChinaRegion::Moderate, Axis::Long),
        &[[105.0, 23.2], [110.0, 24.0], [116.0, 25.5], [119.5, 28.5], [120.0, 31.0], [112.0, 33.0], [105.0, 31.0]],
    ),
    (
        Relation::Gb18306(ChinaRegion::East, Axis::Long),
        &[
            [105.0, 23.2],
            [107.8, 21.5],
            [108.6, 18.0],
            [111.5, 18.0],
            [117.0, 22.5],
            [119.6, 25.3],
            [123.0, 30.5],
            [123.5, 38.5],
            [124.4, 40.1],
            [126.0, 41.4],
            [121.5, 43.0],
            [119.8, 46.7],
            [112.0, 43.8],
            [105.0, 41.7],
            [96.4, 42.8],
            [96.5, 41.0],
            [102.0, 39.0],
            [105.0, 37.5],
        ],
    ),
];

/// The regions that are shipped.
pub(super) fn shipped() -> Vec<MotionRegion> {
    let region = |(relation, outline): &(Relation, &[[f64; 2]])| {
        MotionRegion::new(outline.iter().copied(), *relation).expect("the shipped outlines are tested")
    };
    SHIPPED.iter().map(region).collect()
}
