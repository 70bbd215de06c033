//! CAP's `area`.

use compact_str::CompactString;

use crate::domain::{Area, Circle, Geocode, InvalidGround, Polygon, Ring};
use crate::format::error::excerpt;
use crate::format::path::Path;
use crate::format::text::line;
use crate::format::written::Extent;
use crate::format::{FormatError, Unusable, WrittenArea};

use super::node::Node;
use super::ring::{self, WrittenRing, number};
use super::{Reader, named_value};

/// The scheme under which the German weather service writes holes: each code is a ring, to be taken out of the
/// polygons of its own area.
const HOLES: &str = "EXCLUDE_POLYGON";

/// An area as read, as written, and what it covers.
pub(super) struct ReadArea {
    pub(super) area: Area,
    pub(super) written: WrittenArea,
    pub(super) extents: Vec<Extent>,
}

pub(super) fn area(reader: &mut Reader, element: &Node) -> Result<ReadArea, FormatError> {
    reader.count_areas(&element.path, 1)?;
    let description = line(&element.text("areaDesc")?.unwrap_or_default());
    if description.is_empty() {
        reader.refuse(&element.path.field("areaDesc"), Unusable::Missing);
    }
    let mut written = WrittenArea { description: description.clone(), ..WrittenArea::default() };
    let mut extents = Vec::new();
    let mut rings = Vec::new();
    for polygon in element.all("polygon") {
        written.polygons += 1;
        let seen = (&mut written, &mut extents);
        rings.extend(read_ring(reader, &polygon.path, &polygon.whole_text(), Some(seen))?);
    }
    let mut circles = Vec::new();
    for circle in element.all("circle") {
        written.circles += 1;
        circles.extend(read_circle(reader, &circle.path, &circle.whole_text(), &mut extents));
    }
    let mut geocodes = Vec::new();
    let mut holes = Vec::new();
    let mut is_hole_lost = false;
    for code in element.all("geocode") {
        written.geocodes += 1;
        let scheme = code.text("valueName")?;
        written.schemes.extend(scheme.as_deref().map(excerpt));
        if scheme.is_some_and(|name| name.eq_ignore_ascii_case(HOLES)) {
            for hole in code.all("value") {
                let text = hole.whole_text();
                let ring = read_ring(reader, &code.path, &text, None)?;
                is_hole_lost |= ring.is_none() && !text.trim().is_empty();
                holes.extend(ring);
            }
        } else if let Some(named) = named_value(reader, &code)? {
            geocodes.push(Geocode { scheme: named.name, code: CompactString::from(named.value) });
        }
    }
    if is_hole_lost && !rings.is_empty() {
        reader.refuse(&element.path.field("polygon"), Unusable::HoleLost);
        rings.clear();
    }
    let polygons = polygons(reader, &element.path, rings, &holes)?;
    let altitude_ft = altitude(reader, element)?;
    Ok(ReadArea { area: Area { description, polygons, circles, geocodes, altitude_ft }, written, extents })
}

/// Reads a ring, and refuses it alone if it cannot be used. An empty one is passed over: some issuers write it where
/// they have codes only.
fn read_ring(
    reader: &mut Reader,
    path: &Path,
    text: &str,
    seen: Option<(&mut WrittenArea, &mut Vec<Extent>)>,
) -> Result<Option<Ring>, FormatError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    use_ring(reader, path, ring::ring(text, reader.limits.points), seen)
}

/// Counts a ring, and gives it if it can be used.
pub(in crate::format) fn use_ring(
    reader: &mut Reader,
    path: &Path,
    read: WrittenRing,
    seen: Option<(&mut WrittenArea, &mut Vec<Extent>)>,
) -> Result<Option<Ring>, FormatError> {
    reader.count_points(path, read.points)?;
    if let Some((written, extents)) = seen {
        written.points += read.points;
        written.longest_ring = written.longest_ring.max(read.points);
        extents.extend(read.extent.map(Extent::Ring));
    }
    match read.ring {
        Ok(ring) => {
            if read.open > 0.0 {
                reader.refuse(path, Unusable::Joined(read.open));
            }
            Ok(Some(ring))
        }
        Err(fault) => {
            reader.refuse(path, fault);
            Ok(None)
        }
    }
}

fn read_circle(reader: &mut Reader, path: &Path, text: &str, extents: &mut Vec<Extent>) -> Option<Circle> {
    if text.trim().is_empty() {
        return None;
    }
    let read = ring::circle(text);
    match read.circle {
        Ok(circle) => {
            extents.push(Extent::Circle(circle));
            Some(circle)
        }
        Err(fault) => {
            extents.extend(read.centre.map(Extent::Centre));
            reader.refuse(path, fault);
            None
        }
    }
}

/// Takes the holes out of the rings that they may lie in. Each is compared with each, which hostile messages make many.
fn polygons(reader: &mut Reader, path: &Path, rings: Vec<Ring>, holes: &[Ring]) -> Result<Vec<Polygon>, FormatError> {
    reader.limits.spend(path, rings.len() as u64 * holes.len() as u64)?;
    let holes: Vec<(Latitudes, &Ring)> = holes.iter().map(|hole| (Latitudes::of(hole), hole)).collect();
    let mut polygons = Vec::with_capacity(rings.len());
    for outer in rings {
        let (span, mut inside) = (Latitudes::of(&outer), Vec::new());
        for (_, hole) in holes.iter().filter(|(of_hole, _)| of_hole.overlap(span)) {
            reader.count_points(path, hole.points().len())?;
            inside.push(Ring::clone(hole));
        }
        polygons.push(Polygon { outer, holes: inside });
    }
    Ok(polygons)
}

/// The least and the greatest latitude of a ring. Longitudes tell nothing: those of two rings may be whole turns apart.
#[derive(Clone, Copy)]
struct Latitudes(f64, f64);

impl Latitudes {
    fn of(ring: &Ring) -> Self {
        let points = ring.points().iter();
        points
            .fold(Self(f64::MAX, f64::MIN), |Self(south, north), point| Self(south.min(point[1]), north.max(point[1])))
    }

    fn overlap(self, other: Self) -> bool {
        self.0 <= other.1 && other.0 <= self.1
    }
}

fn altitude(reader: &mut Reader, element: &Node) -> Result<Option<(f64, Option<f64>)>, FormatError> {
    let mut feet = |name| -> Result<Option<f64>, FormatError> {
        let Some(text) = element.text(name)? else { return Ok(None) };
        let path = element.path.field(name);
        match number(&text) {
            Some(value) if value.is_finite() => return Ok(Some(value)),
            Some(_) => reader.refuse(&path, InvalidGround::NotFinite),
            None => reader.refuse(&path, Unusable::NotANumber(excerpt(&text))),
        }
        Ok(None)
    };
    let (from, to) = (feet("altitude")?, feet("ceiling")?);
    Ok(from.map(|from| (from, to)))
}

#[cfg(test)]
mod tests {
    use crate::domain::{Body, Ground};
    use crate::format::{Unusable, read};

    #[test]
    fn polygons_whose_hole_cannot_be_used_are_not_used_and_the_rest_of_the_alert_stands() {
        let area = |hole: &str| {
            format!(
                "<area><areaDesc>a</areaDesc><polygon>0,0 0,9 9,9 9,0 0,0</polygon><geocode>
                 <valueName>EXCLUDE_POLYGON</valueName><value>{hole}</value></geocode></area>"
            )
        };
        let text = format!(
            r#"<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>i</identifier><sender>s</sender>
            <sent>2026-01-01T00:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
            <info><category>Met</category><event>e</event><urgency>Future</urgency><severity>Minor</severity>
            <certainty>Likely</certainty>{}{}{}</info></alert>"#,
            area("1,1 1,2 2,2 1,1"),
            area("1,1 1,2 x 2,2 1,1"),
            area(" "),
        );
        let found = read(text.as_bytes(), None).expect("it can be read");
        let Body::Issue(infos) = &found.alert.body else { panic!("{found:?}") };
        let Ground::Areas(areas) = &infos[0].ground else { panic!("{found:?}") };
        let holes = |index: usize| areas[index].polygons.iter().map(|polygon| polygon.holes.len()).collect::<Vec<_>>();
        assert_eq!([holes(0), holes(1), holes(2)], [vec![1], vec![], vec![0]]);
        let lost = found.refusals.last().expect("a refusal");
        assert_eq!((lost.field.as_str(), &lost.reason), ("info[0].area[1].polygon", &Unusable::HoleLost));
    }
}
