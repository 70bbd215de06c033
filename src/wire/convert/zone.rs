//! Partners' zones.

use crate::domain::{AppName, Area, PartnerName, Zone, ZoneChange};
use crate::wire::v1;

use super::{InvalidField, geography, registration, time};

/// The most polygons and circles that a zone may have.
pub const MAX_SHAPES: usize = 1_000;

/// The most points that a zone may have.
pub const MAX_POINTS: usize = 10_000;

/// The most apps that a zone may be limited to.
pub const MAX_APPS: usize = 64;

/// A zone to the wire; `inside` is how many registrations are in it.
pub fn to_wire(zone: &Zone, inside: v1::Count) -> v1::Zone {
    v1::Zone {
        name: zone.name.to_string(),
        display_name: zone.display_name.clone(),
        area: Some(geography::area_to_wire(&zone.area)),
        apps: zone.apps.iter().map(AppName::to_string).collect(),
        expire_time: zone.expires.map(time::to_wire),
        create_time: Some(time::to_wire(zone.created)),
        update_time: Some(time::to_wire(zone.updated)),
        inside_count: Some(inside),
    }
}

/// Reads what `paths` name of a partner's zone, `*` for all; without paths, what is set (AIP-134).
pub fn change(zone: v1::Zone, partner: &PartnerName, paths: &[String]) -> Result<ZoneChange, InvalidField> {
    let all = ["display_name", "area", "apps", "expire_time"];
    if let Some(unknown) = paths.iter().find(|path| *path != "*" && !all.contains(&path.as_str())) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(InvalidField::new("update_mask", format!("{shown:?} cannot be changed by this call")));
    }
    let asked = |path: &str, is_set: bool| match paths {
        [] => is_set,
        _ => paths.iter().any(|asked| asked == path || asked == "*"),
    };
    let v1::Zone { display_name, area, apps, expire_time, .. } = zone;
    let named = asked("display_name", !display_name.is_empty());
    let (drawn, limited) = (asked("area", area.is_some()), asked("apps", !apps.is_empty()));
    let ends = asked("expire_time", expire_time.is_some());
    Ok(ZoneChange {
        display_name: named.then(|| registration::display_name(&display_name, "zone.display_name")).transpose()?,
        area: drawn.then(|| ground(area)).transpose()?,
        apps: limited.then(|| own_apps(&apps, partner)).transpose()?,
        expires: ends.then(|| time::optional(expire_time, "zone.expire_time")).transpose()?,
    })
}

/// Reads a zone's ground. It is exactly what is drawn: what cannot be used is refused.
fn ground(area: Option<v1::Area>) -> Result<Area, InvalidField> {
    let field = "zone.area";
    let area = area.ok_or_else(|| InvalidField::required(field))?;
    if !area.geocodes.is_empty() {
        return Err(InvalidField::new(format!("{field}.geocodes"), "must be empty: a zone is what is drawn"));
    }
    if area.altitude_ft.is_some() || area.ceiling_ft.is_some() {
        return Err(InvalidField::new(format!("{field}.altitude_ft"), "must be unset: a zone has no heights"));
    }
    if geography::shapes(&area) > MAX_SHAPES {
        return Err(InvalidField::new(field, format!("has more than {MAX_SHAPES} polygons and circles")));
    }
    if written_points(&area) > MAX_POINTS {
        return Err(InvalidField::new(field, format!("has more than {MAX_POINTS} points")));
    }
    registration::display_name(&area.description, "zone.area.description")?;
    let mut problems = Vec::new();
    let area = geography::area(area, field, &mut problems);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    if area.has_ground() { Ok(area) } else { Err(InvalidField::new(field, "has no polygon and no circle")) }
}

fn written_points(area: &v1::Area) -> usize {
    let ring = |ring: &v1::Ring| ring.coordinates.len() / 2;
    let polygon = |polygon: &v1::Polygon| {
        polygon.outer.as_ref().map_or(0, ring) + polygon.holes.iter().map(ring).sum::<usize>() + polygon.holes.len()
    };
    area.polygons.iter().map(polygon).sum::<usize>() + area.circles.len()
}

fn own_apps(apps: &[String], partner: &PartnerName) -> Result<Vec<AppName>, InvalidField> {
    if apps.len() > MAX_APPS {
        return Err(InvalidField::new("zone.apps", format!("are more than {MAX_APPS}")));
    }
    let mut read: Vec<AppName> = Vec::with_capacity(apps.len());
    for (position, app) in apps.iter().enumerate() {
        let field = format!("zone.apps[{position}]");
        let app: AppName = app.parse().map_err(|error| InvalidField::new(&field, error))?;
        if app.partner != *partner {
            return Err(InvalidField::new(field, "is not an app of the zone's partner"));
        }
        if !read.contains(&app) {
            read.push(app);
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle() -> v1::Area {
        let center = Some(v1::Position { longitude: 7.0, latitude: 46.0 });
        v1::Area { circles: vec![v1::Circle { center, radius_km: 1.0 }], ..v1::Area::default() }
    }

    fn read(zone: v1::Zone) -> Result<ZoneChange, InvalidField> {
        change(zone, &PartnerName::new("dev").expect("an id"), &["*".to_owned()])
    }

    fn refused(area: v1::Area) -> String {
        read(v1::Zone { area: Some(area), ..v1::Zone::default() }).expect_err("it cannot be used").field
    }

    #[test]
    fn a_zone_is_what_is_drawn_and_anything_else_is_refused_by_its_field() {
        assert_eq!(read(v1::Zone::default()).expect_err("no area").field, "zone.area");
        assert_eq!(refused(v1::Area::default()), "zone.area");
        let code = v1::Geocode { name: "SAME".to_owned(), value: "1".to_owned() };
        assert_eq!(refused(v1::Area { geocodes: vec![code], ..circle() }), "zone.area.geocodes");
        assert_eq!(refused(v1::Area { altitude_ft: Some(1.0), ..circle() }), "zone.area.altitude_ft");
        let ring = |coordinates| Some(v1::Ring { coordinates });
        let bad = v1::Polygon { outer: ring(vec![0.0, 0.0, 1.0]), holes: Vec::new() };
        assert_eq!(refused(v1::Area { polygons: vec![bad], ..circle() }), "zone.area.polygons[0].outer");
        let many = v1::Polygon { outer: ring(vec![0.5; 2 * MAX_POINTS]), holes: Vec::new() };
        assert_eq!(refused(v1::Area { polygons: vec![many], ..circle() }), "zone.area");
        let circles = vec![circle().circles[0]; MAX_SHAPES + 1];
        assert_eq!(refused(v1::Area { circles, ..v1::Area::default() }), "zone.area");
    }

    #[test]
    fn a_zone_is_for_apps_of_its_own_partner() {
        let zone = |apps: &[&str]| v1::Zone {
            area: Some(circle()),
            apps: apps.iter().map(|app| (*app).to_owned()).collect(),
            ..v1::Zone::default()
        };
        let apps = read(zone(&["partners/dev/apps/a", "partners/dev/apps/a"])).expect("a zone").apps;
        assert_eq!(apps.map(|apps| apps.len()), Some(1));
        assert_eq!(read(zone(&["partners/x/apps/a"])).expect_err("foreign").field, "zone.apps[0]");
        assert_eq!(read(zone(&["partners/dev"])).expect_err("no app").field, "zone.apps[0]");
    }

    #[test]
    fn without_a_mask_only_what_is_set_is_changed() {
        let partner = PartnerName::new("dev").expect("an id");
        let zone = v1::Zone { display_name: "Shelter".to_owned(), ..v1::Zone::default() };
        let expected = ZoneChange { display_name: Some("Shelter".to_owned()), ..ZoneChange::default() };
        assert_eq!(change(zone.clone(), &partner, &[]), Ok(expected));
        let cleared = change(zone.clone(), &partner, &["expire_time".to_owned()]);
        assert_eq!(cleared, Ok(ZoneChange { expires: Some(None), ..ZoneChange::default() }));
        assert_eq!(change(zone, &partner, &["name".to_owned()]).expect_err("no").field, "update_mask");
    }
}
