//! What is told of regions, as the API has it: by a server's door, and without a server by the command line.

use crate::domain::{Area, Geocode, Timestamp};
use crate::locate::{AffectedArea, Found, Gazetteer, Region, RegionPlace, RegionSet, Scheme, Unresolved};
use crate::wire::convert::{InvalidField, geography, time};
use crate::wire::v1;

use super::id;

/// The resource name of a set.
pub fn set_name(set: &RegionSet) -> String {
    format!("regionSets/{}", id(set))
}

/// A set to the wire.
pub fn set_to_wire(set: &RegionSet) -> v1::RegionSet {
    v1::RegionSet {
        name: set_name(set),
        scheme: set.scheme_name.to_string(),
        display_name: set.name.to_string(),
        valid_from_time: set.valid_from.map(time::to_wire),
        import_time: Some(time::to_wire(set.imported)),
        region_count: i32::try_from(set.regions().len()).unwrap_or(i32::MAX),
        point_count: set.points() as i64,
    }
}

/// The sets of a scheme, or all, and a page of the scheme's regions, from `page_token` on.
pub fn list(
    gazetteer: &Gazetteer,
    scheme: &str,
    size: usize,
    page_token: &str,
) -> Result<v1::ListRegionsResponse, InvalidField> {
    let wanted = (!scheme.is_empty()).then(|| Scheme::named(scheme));
    let sets: Vec<_> = gazetteer.sets().filter(|set| wanted.as_ref().is_none_or(|it| it == set.scheme())).collect();
    let mut answer = v1::ListRegionsResponse {
        region_sets: sets.iter().map(|set| set_to_wire(set)).collect(),
        ..v1::ListRegionsResponse::default()
    };
    if wanted.is_none() {
        return Ok(answer);
    }
    let token = |set: &RegionSet, region: &Region| format!("{}/{}", set_name(set), region.code);
    let mut all = sets.iter().flat_map(|set| set.regions().iter().map(move |region| (*set, region))).peekable();
    if !page_token.is_empty() {
        // It names the first of its page.
        while all.next_if(|(set, region)| token(set, region) != page_token).is_some() {}
        if all.peek().is_none() {
            return Err(InvalidField::new("page_token", "is of no region that there is"));
        }
    }
    answer.regions = all.by_ref().take(size).map(|(set, region)| region_to_wire(set, region)).collect();
    answer.next_page_token = all.next().map(|(set, region)| token(set, region)).unwrap_or_default();
    Ok(answer)
}

/// What a code names, as an alert's would be resolved that was sent at an instant.
pub fn get(gazetteer: &Gazetteer, geocode: Geocode, at: Timestamp) -> v1::GetRegionResponse {
    let Found { known, unresolved } = gazetteer.find(&geocode, at, Gazetteer::MOST_CODES);
    let problem = |code: &Unresolved| v1::Problem {
        reason: "UNRESOLVED_GEOCODE".to_owned(),
        field: "code".to_owned(),
        message: code.to_string(),
    };
    let polygons = known.iter().filter_map(|known| match &known.region.place {
        RegionPlace::Polygons(polygons) => Some(polygons),
        RegionPlace::SameAs(_) => None,
    });
    let names: Vec<&str> =
        known.iter().map(|known| known.region.name.as_str()).filter(|name| !name.is_empty()).collect();
    let area = Area {
        description: names.join(", "),
        polygons: polygons.flatten().cloned().collect(),
        geocodes: vec![geocode],
        ..Area::default()
    };
    let bounds = AffectedArea::new(std::slice::from_ref(&area)).map(|ground| ground.bounding_box());
    v1::GetRegionResponse {
        regions: known.iter().map(|known| region_to_wire(&known.set, &known.region)).collect(),
        area: Some(geography::area_to_wire(&area)),
        bounding_box: bounds.map(geography::bounding_box_to_wire),
        problems: unresolved.iter().map(problem).collect(),
    }
}

fn region_to_wire(set: &RegionSet, region: &Region) -> v1::Region {
    let (bounds, same_as) = match &region.place {
        RegionPlace::Polygons(polygons) => {
            let area = Area { polygons: polygons.clone(), ..Area::default() };
            (AffectedArea::new(&[area]).map(|ground| ground.bounding_box()), None)
        }
        RegionPlace::SameAs(Geocode { scheme, code }) => {
            (None, Some(v1::Geocode { name: scheme.to_string(), value: code.to_string() }))
        }
    };
    v1::Region {
        region_set: set_name(set),
        scheme: set.scheme_name.to_string(),
        code: region.code.to_string(),
        display_name: region.name.clone(),
        bounding_box: bounds.map(geography::bounding_box_to_wire),
        same_as,
    }
}
