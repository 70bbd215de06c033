//! How precisely a place is held (R-P5): as precisely as its person chose, and coarser places as the cells of a grid.
//!
//! A cell's height is the same everywhere, and its width is at least that on the ground: towards the poles fewer cells
//! go round. Cells have no point in common and leave none out, so that a cell says no more of a place than any other
//! place in it would. None crosses the antimeridian.

use super::{Footprint, Position, Private};

/// How precisely a person wants a place to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum PlacePrecision {
    /// As it is reported.
    #[default]
    Exact = 0,
    /// A cell of 0.01 degrees, 1.1 km.
    About1Km = 1,
    /// A cell of 0.1 degrees, 11 km.
    About10Km = 2,
    /// The box round a district, which the partner knows: as it is reported, but never finer or larger than a district.
    District = 3,
}

/// Why a place cannot be held as the person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPlace {
    /// A point where a district was chosen.
    #[error("must be the box round a district, since that is what was chosen")]
    Point,
    /// A box that is too small or too large for a district.
    #[error("must be from 0.01 to 3 degrees of latitude high, and as wide, to be a district")]
    Size,
}

/// All the way round, and from pole to pole, in units of 1e-7 degrees.
const TURN: u64 = 3_600_000_000;
const POLE: u64 = 1_800_000_000;

/// The least and the greatest height of a district, in the same units.
const DISTRICT: std::ops::RangeInclusive<u64> = 100_000..=30_000_000;

/// At least so many cells go round, so that none begins where it ends.
const FEWEST: u64 = 4;

/// From south-west to north-east, in units from the globe's south-west corner, corners included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    x: [u64; 2],
    y: [u64; 2],
}

impl PlacePrecision {
    /// Every precision, finest first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::About1Km, Self::About10Km, Self::District];

    /// The precision with this number, as stored.
    pub fn from_repr(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What is held of a place that is reported: all of it, and no more than was chosen.
    pub fn coarsen(self, place: Footprint) -> Result<Footprint, UnfitPlace> {
        match (self, place) {
            (Self::Exact, _) => Ok(place),
            (Self::About1Km, _) => Ok(cells(place, 100_000)),
            (Self::About10Km, _) => Ok(cells(place, 1_000_000)),
            (Self::District, Footprint::Point(_)) => Err(UnfitPlace::Point),
            (Self::District, Footprint::Box { .. }) => {
                let Cell { x, y } = corners(place);
                let turns = round_the_globe(y[0].abs_diff(POLE / 2).min(y[1].abs_diff(POLE / 2)), 1);
                // As wide on the ground as it would be high.
                let width = (x[1] - x[0]) as f64 * turns as f64 / TURN as f64;
                let fits = DISTRICT.contains(&(y[1] - y[0])) && DISTRICT.contains(&(width.round() as u64));
                if fits { Ok(place) } else { Err(UnfitPlace::Size) }
            }
        }
    }
}

/// The box round the cells that a place's corners are in.
fn cells(place: Footprint, height: u64) -> Footprint {
    let Cell { x, y } = corners(place);
    let at = |side: usize, end: usize| cell(x[side].min(TURN - 1), y[end], height);
    let [south_west, north_west, south_east, north_east] = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
    let west = south_west.x[0].min(north_west.x[0]);
    // A box that ended at the antimeridian still does; one all round would end where it begins.
    let east = match south_east.x[1].max(north_east.x[1]) {
        last if last == TURN - 1 && x[1] == TURN && west > 0 => TURN,
        last => last,
    };
    let corner = |x: u64, y: u64| Private::new(position(x, y));
    Footprint::Box { south_west: corner(west, south_west.y[0]), north_east: corner(east, north_east.y[1]) }
}

fn corners(place: Footprint) -> Cell {
    let units = |at: &Private<Position>| {
        let at = at.expose();
        [i64::from(at.lon_e7()) + 1_800_000_000, i64::from(at.lat_e7()) + 900_000_000].map(i64::cast_unsigned)
    };
    let (first, second) = match &place {
        Footprint::Point(at) => (units(at), units(at)),
        Footprint::Box { south_west, north_east } => (units(south_west), units(north_east)),
    };
    // A position's longitude 180 is written -180.
    let east = if second[0] < first[0] { TURN } else { second[0] };
    Cell { x: [first[0], east], y: [first[1].min(second[1]), first[1].max(second[1])] }
}

/// The cell of this height that a point is in.
fn cell(x: u64, y: u64, height: u64) -> Cell {
    let bands = POLE / height;
    let band = (y / height).min(bands - 1);
    let (south, north) = (band * height, (band + 1) * height);
    // The edge that is nearer to the equator is the longer one.
    let latitude = south.abs_diff(POLE / 2).min(north.abs_diff(POLE / 2));
    let count = round_the_globe(latitude, height);
    let number = x * count / TURN;
    let start = |number: u64| (number * TURN).div_ceil(count);
    // The pole belongs to the last band.
    let last = if band == bands - 1 { POLE } else { north - 1 };
    Cell { x: [start(number), start(number + 1) - 1], y: [south, last] }
}

/// How many steps of a width go round the globe at a distance from the equator.
fn round_the_globe(from_equator: u64, width: u64) -> u64 {
    let radians = (from_equator as f64 * 1e-7).to_radians();
    (((TURN / width) as f64 * radians.cos()) as u64).max(FEWEST)
}

fn position(x: u64, y: u64) -> Position {
    let x = x % TURN;
    let (lon_e7, lat_e7) = (x.cast_signed() - 1_800_000_000, y.cast_signed() - 900_000_000);
    Position::from_e7(lon_e7 as i32, lat_e7 as i32).expect("a cell is on the globe")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRIDS: [(PlacePrecision, u64); 2] =
        [(PlacePrecision::About1Km, 100_000), (PlacePrecision::About10Km, 1_000_000)];

    fn unit(range: u64) -> impl Strategy<Value = u64> {
        // The edges of the globe and of cells as often as what lies between.
        prop_oneof![
            2 => 0..=range,
            1 => (0..=range / 100_000).prop_map(|n| n * 100_000),
            1 => (0..=range / 100_000).prop_map(|n| (n * 100_000).saturating_sub(1)),
            1 => Just(range),
        ]
    }

    fn spot() -> impl Strategy<Value = [u64; 2]> {
        (unit(TURN - 1), unit(POLE)).prop_map(|(x, y)| [x, y])
    }

    fn point([x, y]: [u64; 2]) -> Footprint {
        Footprint::Point(Private::new(position(x, y)))
    }

    proptest! {
        #[test]
        fn a_cell_holds_its_point_and_is_the_same_for_all_in_it(at in spot(), across in 0.0..=1.0, along in 0.0..=1.0) {
            for (precision, _) in GRIDS {
                let found = precision.coarsen(point(at)).expect("any point fits");
                let Cell { x, y } = corners(found);
                prop_assert!((x[0]..=x[1]).contains(&at[0]) && (y[0]..=y[1]).contains(&at[1]), "{x:?} {y:?}");
                let between = |ends: [u64; 2], part: f64| ends[0] + ((ends[1] - ends[0]) as f64 * part) as u64;
                let other = [between(x, across), between(y, along)];
                for other in [other, [x[0], y[0]], [x[1], y[1]]] {
                    prop_assert_eq!(precision.coarsen(point(other)).expect("it fits"), found);
                }
            }
        }

        #[test]
        fn a_cell_is_about_as_wide_as_it_is_high(at in spot()) {
            for (_, height) in GRIDS {
                let Cell { x, y } = cell(at[0], at[1], height);
                prop_assert!(y[1] - y[0] + 1 >= height && y[1] - y[0] <= height, "{y:?}");
                let latitude = y[0].abs_diff(POLE / 2).min((y[1] + 1).min(POLE).abs_diff(POLE / 2));
                let width = (x[1] - x[0] + 1) as f64 * (latitude as f64 * 1e-7).to_radians().cos();
                prop_assert!(width > height as f64 - 2.0, "{width}");
                prop_assert!(width < height as f64 * 1.6, "{width} at {latitude}");
            }
        }

        #[test]
        fn a_box_is_held_by_the_cells_of_its_corners(from in spot(), to in spot()) {
            let [[x0, x1], [y0, y1]] = [0, 1].map(|axis| [from[axis].min(to[axis]), from[axis].max(to[axis])]);
            prop_assume!(x1 - x0 < 3_590_000_000);
            let corner = |x, y| Private::new(position(x, y));
            let place = Footprint::Box { south_west: corner(x0, y0), north_east: corner(x1, y1) };
            for (precision, _) in GRIDS {
                let Cell { x, y } = corners(precision.coarsen(place).expect("any box fits"));
                prop_assert!(x[0] <= x0 && x1 <= x[1] && y[0] <= y0 && y1 <= y[1], "{x:?} {y:?}");
            }
        }

        #[test]
        fn the_antimeridian_is_the_edge_of_a_cell(y in unit(POLE)) {
            for (_, height) in GRIDS {
                prop_assert_eq!(cell(0, y, height).x[0], 0);
                prop_assert_eq!(cell(TURN - 1, y, height).x[1], TURN - 1);
            }
        }
    }

    #[test]
    fn a_precision_reads_back_by_its_number() {
        assert_eq!(PlacePrecision::ALL.map(|precision| precision as u8), [0, 1, 2, 3]);
        assert_eq!(
            PlacePrecision::ALL.map(|known| PlacePrecision::from_repr(known as u8)),
            PlacePrecision::ALL.map(Some)
        );
    }

    #[test]
    fn a_box_that_ends_at_the_antimeridian_still_does() {
        let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
        let place = Footprint::Box { south_west: corner(179.9, -17.0), north_east: corner(180.0, -16.9) };
        let held = PlacePrecision::About10Km.coarsen(place).expect("it fits");
        assert_eq!(corners(held).x[1], TURN);
    }

    #[test]
    fn a_district_is_a_box_of_its_size() {
        let district = |south_west: [f64; 2], size: [f64; 2]| {
            let corner = |lon, lat| Private::new(Position::from_degrees(lon, lat).expect("on the globe"));
            let [lon, lat] = south_west;
            let place =
                Footprint::Box { south_west: corner(lon, lat), north_east: corner(lon + size[0], lat + size[1]) };
            PlacePrecision::District.coarsen(place).map(|held| held == place)
        };
        assert_eq!(district([8.0, 47.0], [0.2, 0.1]), Ok(true));
        assert_eq!(district([20.0, 70.0], [7.0, 2.5]), Ok(true), "far north degrees are short");
        assert_eq!(district([20.0, 0.0], [7.0, 2.5]), Err(UnfitPlace::Size));
        assert_eq!(district([8.0, 47.0], [0.2, 0.001]), Err(UnfitPlace::Size));
        assert_eq!(district([8.0, 47.0], [0.001, 0.2]), Err(UnfitPlace::Size));
        assert_eq!(district([8.0, 47.0], [0.0, 0.0]), Err(UnfitPlace::Size));
        assert_eq!(PlacePrecision::District.coarsen(point([5, 5])), Err(UnfitPlace::Point));
        assert_eq!(PlacePrecision::Exact.coarsen(point([5, 5])), Ok(point([5, 5])));
    }
}
