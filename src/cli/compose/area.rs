//! Where an alert is for, as it is typed.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use crate::wire::v1;

use super::template::Ground;
use crate::cli::authority::polygons;

/// Where.
#[derive(Debug, Clone, Args)]
pub struct AreaArgs {
    /// A box: the least longitude and latitude, then the greatest, degrees
    #[arg(long = "box", value_name = "W,S,E,N", allow_hyphen_values = true, value_parser = corners)]
    pub boxes: Vec<[f64; 4]>,
    /// A circle: longitude and latitude of its middle, degrees, and its radius, km
    #[arg(long = "circle", value_name = "LON,LAT,KM", allow_hyphen_values = true, value_parser = circle)]
    pub circles: Vec<[f64; 3]>,
    /// A file with polygons, GeoJSON
    #[arg(long, value_name = "FILE")]
    pub geojson: Vec<PathBuf>,
    /// A code that the server has ground for
    #[arg(long, value_name = "SCHEME=CODE", value_parser = super::pair)]
    pub geocode: Vec<(String, String)>,
    /// What the area is called [default: the template's place]
    #[arg(long, value_name = "TEXT")]
    pub area_name: Option<String>,
}

impl AreaArgs {
    /// The ground that was said; that of the template, if none was.
    pub(super) fn ground(&self, of_template: Option<&Ground>, place: Option<&str>) -> Result<Ground> {
        let called = self.area_name.as_deref().or(place).unwrap_or("The area that is warned").to_owned();
        let mut ground = Ground { description: called, ..Ground::default() };
        for [west, south, east, north] in &self.boxes {
            let corners = [[*west, *south], [*east, *south], [*east, *north], [*west, *north], [*west, *south]];
            ground.polygons.push(points(corners));
        }
        for file in &self.geojson {
            for v1::Polygon { outer, holes } in polygons(file)? {
                ensure!(holes.is_empty(), "{}: a polygon has a hole, which CAP cannot say", file.display());
                let coordinates = outer.map(|ring| ring.coordinates).unwrap_or_default();
                ground.polygons.push(points(coordinates.chunks_exact(2).map(|point| [point[0], point[1]])));
            }
        }
        ground.circles.extend(self.circles.iter().map(|[lon, lat, km]| format!("{lat},{lon} {km}")));
        ground.geocodes.extend(self.geocode.iter().map(|(scheme, code)| [scheme.clone(), code.clone()]));
        match of_template {
            Some(before) if ground.is_empty() => Ok(before.clone()),
            _ => Ok(ground),
        }
    }
}

/// CAP's polygon: latitude before longitude (section 3.2.4).
fn points(points: impl IntoIterator<Item = [f64; 2]>) -> String {
    let written: Vec<String> = points.into_iter().map(|[lon, lat]| format!("{lat},{lon}")).collect();
    written.join(" ")
}

fn numbers<const N: usize>(text: &str, what: &str) -> Result<[f64; N], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[f64; N]>::try_from(numbers).ok());
    let numbers = numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite()));
    numbers.ok_or_else(|| format!("is not {what}"))
}

fn is_on_the_globe(lon: f64, lat: f64) -> bool {
    (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)
}

fn corners(text: &str) -> Result<[f64; 4], String> {
    let corners @ [west, south, east, north] = numbers(text, "W,S,E,N")?;
    if !is_on_the_globe(west, south) || !is_on_the_globe(east, north) {
        return Err("is not on the globe".to_owned());
    }
    if south >= north || west >= east {
        return Err("the least longitude and latitude come first; two boxes go over the antimeridian".to_owned());
    }
    if east - west >= 180.0 {
        return Err("is half of the globe wide, or more: say two boxes".to_owned());
    }
    Ok(corners)
}

fn circle(text: &str) -> Result<[f64; 3], String> {
    let circle @ [lon, lat, km] = numbers(text, "LON,LAT,KM")?;
    if !is_on_the_globe(lon, lat) || km <= 0.0 {
        return Err("is not on the globe, or has no radius".to_owned());
    }
    Ok(circle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ground_that_is_none_is_refused_where_it_is_typed() {
        assert_eq!(corners("-1,-2,3,4"), Ok([-1.0, -2.0, 3.0, 4.0]));
        for bad in ["1,2,3", "3,2,1,4", "1,4,3,2", "a,b,c,d", "1,2,3,91", "170,0,-170,1", "-170,0,170,1", "nan,1,2,3"] {
            assert!(corners(bad).is_err(), "{bad}");
        }
        assert_eq!(circle("-77,-12,80"), Ok([-77.0, -12.0, 80.0]));
        for bad in ["1,2", "1,2,0", "1,91,3", "1,2,inf"] {
            assert!(circle(bad).is_err(), "{bad}");
        }
    }
}
