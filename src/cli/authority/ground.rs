//! Ground from a file: the polygons of any `GeoJSON` (RFC 7946).

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::wire::v1;

/// The largest file that is read, bytes: a server takes less in one request.
const MOST_BYTES: u64 = 16 << 20;

/// The polygons in a file.
pub(in crate::cli) fn polygons(file: &Path) -> Result<Vec<v1::Polygon>> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| shown.to_string())?.len();
    ensure!(size <= MOST_BYTES, "{shown}: has more than {MOST_BYTES} bytes");
    let bytes = std::fs::read(file).with_context(|| shown.to_string())?;
    let value: Value = serde_json::from_slice(&bytes).with_context(|| format!("{shown}: is not JSON"))?;
    let mut found = Vec::new();
    collect(&value, &mut found).with_context(|| shown.to_string())?;
    ensure!(!found.is_empty(), "{shown}: has no polygon");
    Ok(found)
}

fn collect(value: &Value, found: &mut Vec<v1::Polygon>) -> Result<()> {
    match value["type"].as_str() {
        Some("FeatureCollection") => {
            list(&value["features"], "features")?.iter().try_for_each(|feature| collect(feature, found))
        }
        Some("Feature") => collect(&value["geometry"], found),
        Some("MultiPolygon") => {
            let polygons = list(&value["coordinates"], "coordinates")?;
            polygons.iter().try_for_each(|rings| polygon(rings).map(|polygon| found.push(polygon)))
        }
        Some("Polygon") => {
            found.push(polygon(&value["coordinates"])?);
            Ok(())
        }
        Some(other) => bail!("{other} is no ground: Polygon and MultiPolygon are"),
        None => bail!("is not GeoJSON: no type"),
    }
}

fn polygon(rings: &Value) -> Result<v1::Polygon> {
    let rings = list(rings, "a polygon")?;
    let mut rings = rings.iter().map(ring);
    Ok(v1::Polygon { outer: rings.next().transpose()?, holes: rings.collect::<Result<_>>()? })
}

fn ring(points: &Value) -> Result<v1::Ring> {
    let points = list(points, "a ring")?;
    ensure!(points.len() > 3 && points.first() == points.last(), "a ring is not closed");
    let mut coordinates = Vec::with_capacity(points.len() * 2);
    for point in points {
        for axis in 0..2 {
            coordinates.push(point[axis].as_f64().context("a point is not longitude and latitude")?);
        }
    }
    Ok(v1::Ring { coordinates })
}

fn list<'v>(value: &'v Value, what: &str) -> Result<&'v Vec<Value>> {
    value.as_array().with_context(|| format!("{what}: is not a list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<v1::Polygon>> {
        let mut found = Vec::new();
        collect(&serde_json::from_str(text).expect("JSON"), &mut found)?;
        Ok(found)
    }

    #[test]
    fn polygons_are_found_however_deep_they_lie() {
        let ring = "[[0,0],[1,0],[0,1],[0,0]]";
        let polygon = format!(r#"{{"type":"Polygon","coordinates":[{ring},{ring}]}}"#);
        let multi = format!(r#"{{"type":"MultiPolygon","coordinates":[[{ring}],[{ring}]]}}"#);
        let feature = |geometry: &str| format!(r#"{{"type":"Feature","geometry":{geometry}}}"#);
        let all = format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, feature(&polygon), feature(&multi));
        let found = read(&all).expect("it can be read");
        assert_eq!(found.iter().map(|polygon| polygon.holes.len()).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(found[0].outer.as_ref().map(|ring| ring.coordinates.len()), Some(8));
    }

    #[test]
    fn whatever_is_no_ground_is_refused() {
        for bad in [
            r#"{"type":"Point","coordinates":[0,0]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,"a"],[0,1],[0,0]]]}"#,
            r#"{"type":"Polygon"}"#,
            "[]",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
