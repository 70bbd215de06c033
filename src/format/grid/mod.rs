//! A grid of shaking, as ShakeMap and ShakeAlert write one: `grid_field`s that say in which column what stands, and
//! `grid_data` with a line of numbers for each point. Made into bands of intensity.
//!
//! Where a point is, its own columns say: in what order the points stand makes no difference, and a grid need not be
//! full (ShakeAlert's is an ellipse). Nothing is told of ground beyond its outermost points.

mod contour;

use crate::domain::{Area, Ground, Intensity, IntensityBand, IntensityScale, NonEmpty, Source};

use super::error::excerpt;
use super::limits::POINT;
use super::number::double;
use super::path::Path;
use super::xml::Element;
use super::{FormatError, Limits};

use contour::Contour;

/// The least and the most of the bands: what is felt at all, and where the scale ends (Modified Mercalli has twelve
/// degrees; at II some feel it).
const DEGREES: std::ops::RangeInclusive<u8> = 2..=12;

/// How much longer the longest step of a grid may be than its shortest, since coordinates are rounded when written
/// (BMKG: steps of 0.024975 with four decimals). What differs more has a gap that nothing is known of.
const UNEVEN: f64 = 1.5;

/// The shortest step, degrees (1 m).
const SHORTEST: f64 = 1e-5;

/// Which columns of a grid are read, from 0, and how many there are.
struct Columns {
    lon: usize,
    lat: usize,
    mmi: usize,
    all: usize,
}

/// Intensities at points of equal steps.
pub(super) struct Grid {
    /// Longitudes, west to east, unrolled.
    lons: Vec<f64>,
    /// Latitudes, south to north.
    lats: Vec<f64>,
    /// Row by row from the south; minus infinity where there is no point.
    values: Vec<f64>,
    /// How many points there are.
    pub(super) points: usize,
}

impl Grid {
    /// Reads the grid that is a part of `of`.
    pub(super) fn read(of: &Element, limits: &Limits) -> Result<Self, FormatError> {
        let columns = columns(of)?;
        let data = of.sole("grid_data")?;
        let text = data.whole_text();
        let mut points: Vec<[f64; 3]> = Vec::new();
        for (index, row) in text.lines().filter(|row| !row.trim().is_empty()).enumerate() {
            if index == limits.nodes {
                return Err(too_many(&data.path, limits));
            }
            let [lon, lat, mmi] = point(row, &columns, &data.path.item("row", index))?;
            // A grid over the antimeridian is unrolled from its first point on.
            let first = points.first().map_or(lon, |first| first[0]);
            points.push([lon - 360.0 * ((lon - first) / 360.0).round(), lat, mmi]);
        }
        Self::of(&points, &data.path, limits)
    }

    /// The grid that has these points: longitude, latitude and value, which is NaN where there is none.
    fn of(points: &[[f64; 3]], path: &Path, limits: &Limits) -> Result<Self, FormatError> {
        let not_a_grid = || FormatError::NotAGrid { field: path.to_string() };
        let lons = axis(points.iter().map(|point| point[0])).ok_or_else(not_a_grid)?;
        let lats = axis(points.iter().map(|point| point[1])).ok_or_else(not_a_grid)?;
        if lons.len().saturating_mul(lats.len()) > limits.nodes {
            return Err(too_many(path, limits));
        }
        let mut seen = vec![false; lons.len() * lats.len()];
        let mut values = vec![f64::NEG_INFINITY; seen.len()];
        for [lon, lat, value] in points {
            let column = lons.binary_search_by(|known| known.total_cmp(lon));
            let row = lats.binary_search_by(|known| known.total_cmp(lat));
            let (Ok(column), Ok(row)) = (column, row) else { return Err(not_a_grid()) };
            let index = row * lons.len() + column;
            if std::mem::replace(&mut seen[index], true) {
                return Err(not_a_grid());
            }
            if !value.is_nan() {
                values[index] = *value;
            }
        }
        Ok(Self { lons, lats, values, points: points.len() })
    }

    /// How many columns and rows it has.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.lons.len(), self.lats.len()]
    }

    /// The ground of each whole degree of Modified Mercalli, from II to the highest that there is.
    pub(super) fn bands(&self, of: &Path, source: Option<&Source>, limits: &Limits) -> Result<Ground, FormatError> {
        let field = || of.field("grid_data").to_string();
        let most = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut left = limits.points;
        let mut bands = Vec::new();
        for degree in DEGREES.take_while(|&degree| f64::from(degree) <= most) {
            // Contours are walked with all their points, of which those that become rings are counted one by one.
            limits.spend(of, self.values.len() as u64)?;
            let contour = Contour::new(self, f64::from(degree));
            let before = left;
            let polygons = contour.polygons(&mut left).map_err(|fault| match fault {
                contour::Fault::TooManyPoints => {
                    FormatError::TooMany { field: field(), what: "points", most: limits.points }
                }
                contour::Fault::Ground(source) => FormatError::Ground { field: field(), source },
            })?;
            limits.spend(of, POINT * (before - left) as u64)?;
            let intensity = Intensity { value: f32::from(degree), scale: IntensityScale::Mmi };
            let description = format!("MMI {degree}");
            let area = Area { description, polygons, ..Area::default() };
            bands.push(IntensityBand { intensity, area, arrival: None, source: source.cloned() });
        }
        let value = format!("MMI {most} at most");
        NonEmpty::new(bands).map(Ground::Bands).ok_or_else(|| FormatError::NoWarning { field: field(), value })
    }
}

fn too_many(path: &Path, limits: &Limits) -> FormatError {
    FormatError::TooMany { field: path.to_string(), what: "points of a grid", most: limits.nodes }
}

/// The coordinates that points have, each once, ascending; `None` if there are fewer than two or their steps differ.
fn axis(coordinates: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let mut all: Vec<f64> = coordinates.collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    let steps = || all.windows(2).map(|pair| pair[1] - pair[0]);
    let (least, most) = (steps().fold(f64::MAX, f64::min), steps().fold(0.0, f64::max));
    (all.len() >= 2 && least >= SHORTEST && most <= UNEVEN * least).then_some(all)
}

fn columns(of: &Element) -> Result<Columns, FormatError> {
    let (mut found, mut all) = ([None; 3], 0);
    for field in of.all("grid_field") {
        all += 1;
        let name = field.required_attribute("name")?;
        let Some(which) = ["LON", "LAT", "MMI"].iter().position(|known| *known == name) else { continue };
        let written = field.required_attribute("index")?;
        let index = written.parse::<usize>().ok().filter(|&index| index > 0);
        let unknown =
            || FormatError::UnknownValue { field: field.path.field("index").to_string(), value: excerpt(&written) };
        if found[which].replace(index.ok_or_else(unknown)? - 1).is_some() {
            return Err(FormatError::Repeated { field: field.path.to_string() });
        }
    }
    match found {
        [Some(lon), Some(lat), Some(mmi)] if [lon, lat, mmi].iter().all(|&index| index < all) => {
            Ok(Columns { lon, lat, mmi, all })
        }
        _ => Err(FormatError::Missing { field: of.path.field("grid_field").to_string() }),
    }
}

/// Longitude, latitude and intensity of one line, each in the column that its name stands at.
fn point(row: &str, columns: &Columns, path: &Path) -> Result<[f64; 3], FormatError> {
    let mut point = [None; 3];
    let mut count = 0;
    for (index, token) in row.split_whitespace().enumerate() {
        count += 1;
        let Some(which) = [columns.lon, columns.lat, columns.mmi].iter().position(|&column| column == index) else {
            continue;
        };
        // What is masked out has no value.
        let is_masked = which == 2 && token.eq_ignore_ascii_case("nan");
        point[which] = if is_masked { Some(f64::NAN) } else { double(token) };
        if point[which].is_none() {
            return Err(FormatError::NotANumber { field: path.to_string(), value: excerpt(token) });
        }
    }
    match point {
        [Some(lon), Some(lat), Some(mmi)] if count == columns.all => {
            crate::domain::Position::from_degrees(lon - 360.0 * (lon / 360.0).round(), lat)
                .map_err(|source| FormatError::Ground { field: path.to_string(), source })?;
            Ok([lon, lat, mmi])
        }
        _ => Err(FormatError::NotAGrid { field: path.to_string() }),
    }
}

#[cfg(test)]
mod tests;
