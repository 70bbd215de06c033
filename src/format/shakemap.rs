//! ShakeMap's `grid.xml` (USGS, "ShakeMap Manual", "Grid of ground shaking"): how strongly the ground shook at each
//! point of a grid, made into contours. USGS, BMKG and others run the same program, each with a namespace of its own,
//! by which it is known who says so.
//!
//! A map comes minutes after the earthquake, and tells what was measured and computed of it: Past and Observed.

use crate::domain::{Certainty, EventKey, InfoTexts, Language, Mode, NamedValue, Position, Source, Timestamp, Urgency};

use super::cap::{WrittenInstant, instant};
use super::content::Content;
use super::error::excerpt;
use super::grid::Grid;
use super::quake::{Quake, Step, not_a_time};
use super::text::line;
use super::xml::Element;
use super::{Bounds, Format, FormatError, Limits, Message, Outline, Refusal, TimeFault, Unusable, WrittenEarthquake};

/// The name of the root, of whatever namespace.
pub(super) const ROOT: &str = "shakemap_grid";

/// Grids of shaking.
pub(super) struct ShakeMap;

impl Format for ShakeMap {
    fn is_of(&self, content: &Content) -> bool {
        matches!(content, Content::Xml(root) if root.tag_name().name() == ROOT)
    }

    fn most_bytes(&self, bounds: &Bounds) -> usize {
        bounds.grid_bytes
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Xml(root) = content else { return Err(content.unknown()) };
        let namespace = root.tag_name().namespace().unwrap_or_default();
        let map = Element::root(*root, namespace, limits);
        Ok(vec![Message::whole(read(&map, namespace, limits))])
    }
}

fn read(map: &Element, namespace: &str, limits: &Limits) -> Result<Outline, FormatError> {
    let mut refusals = Vec::new();
    let event = map.sole("event")?;
    let key = map.required_attribute("event_id")?;
    let version = map.required_attribute("shakemap_version")?;
    let serial = version.parse().map_err(|_| unknown(map, "shakemap_version", &version))?;
    let sent = map.required_attribute("process_timestamp")?;
    let sent = zoned(&sent, || map.path.field("process_timestamp").to_string(), &mut refusals)?;
    let origin = event.attribute("event_timestamp")?;
    let field = || event.path.field("event_timestamp").to_string();
    let origin = origin.map(|origin| zoned(&origin, field, &mut refusals)).transpose()?;
    let originator = map.attribute("shakemap_originator")?;
    let sender = host(namespace).or(originator.as_deref());
    let sender = sender.ok_or_else(|| FormatError::Missing { field: "shakemap_originator".to_owned() })?;
    let status = map.attribute("map_status")?;
    // The program's own `cancel` marks a map so.
    let is_cancelled = status
        .as_deref()
        .is_some_and(|status| ["CANCELLED", "CANCELED"].iter().any(|word| status.eq_ignore_ascii_case(word)));
    let step = match (is_cancelled, serial) {
        (true, _) => Step::Withdrawn,
        (false, 1) => Step::First,
        (false, _) => Step::Later,
    };
    let mut parameters = Vec::new();
    for name in ["map_status", "shakemap_originator", "code_version"] {
        if let Some(value) = map.attribute(name)? {
            parameters.push(NamedValue { name: name.into(), value: line(&value) });
        }
    }
    let written = WrittenEarthquake {
        magnitude: event.attribute_number("magnitude")?,
        latitude: event.attribute_number("lat")?,
        longitude: event.attribute_number("lon")?,
        depth_km: event.attribute_number("depth")?,
        origin: origin.map(|origin| origin.to_string()),
        ..WrittenEarthquake::default()
    };
    let source = source(&written, origin);
    let quake = Quake {
        format: "ShakeMap grid",
        sender,
        event: EventKey { scheme: "shakemap".into(), key: (&*key).into(), serial: Some(serial) },
        also: Vec::new(),
        sent,
        mode: mode(map)?,
        step,
        urgency: Urgency::Past,
        certainty: Certainty::Observed,
        language: Language::cap_default(),
        texts: InfoTexts {
            headline: event.attribute("event_description")?.map(|text| line(&text)),
            ..InfoTexts::default()
        },
        parameters,
        ground: grid(map, limits).and_then(|grid| grid.bands(&map.path, source.as_ref(), limits)),
        written,
        refusals,
    };
    Ok(quake.outline())
}

/// The earthquake, if enough is told of it.
fn source(written: &WrittenEarthquake, origin: Option<Timestamp>) -> Option<Source> {
    let epicentre = Position::from_degrees(written.longitude?, written.latitude?).ok()?;
    let depth_km = written.depth_km.map(|depth| depth as f32);
    Some(Source { epicentre, depth_km, magnitude: written.magnitude? as f32, origin: origin? })
}

/// The grid, which must have as many points as it says.
fn grid(map: &Element, limits: &Limits) -> Result<Grid, FormatError> {
    let grid = Grid::read(map, limits)?;
    let specification = map.sole("grid_specification")?;
    let [columns, rows] = grid.size();
    for (name, found) in [("nlon", columns), ("nlat", rows)] {
        let said = specification.required_attribute(name)?;
        if said.parse() != Ok(found) {
            return Err(unknown(&specification, name, &said));
        }
    }
    if grid.points == columns * rows {
        Ok(grid)
    } else {
        Err(FormatError::NotAGrid { field: map.path.field("grid_data").to_string() })
    }
}

fn mode(map: &Element) -> Result<Mode, FormatError> {
    let kind = map.required_attribute("shakemap_event_type")?;
    match kind.to_ascii_uppercase().as_str() {
        "ACTUAL" => Ok(Mode::Actual),
        // An earthquake that is made up, to exercise with.
        "SCENARIO" => Ok(Mode::Exercise),
        "TEST" => Ok(Mode::Test),
        _ => Err(unknown(map, "shakemap_event_type", &kind)),
    }
}

fn unknown(of: &Element, name: &'static str, value: &str) -> FormatError {
    FormatError::UnknownValue { field: of.path.field(name).to_string(), value: excerpt(value) }
}

/// The host of a namespace: `earthquake.usgs.gov`, `inatews.bmkg.go.id`.
fn host(namespace: &str) -> Option<&str> {
    let rest = namespace.strip_prefix("http://").or_else(|| namespace.strip_prefix("https://"))?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

/// Zones that are told by a name in place of an offset: those of Indonesia, and what stands for UTC.
const ZONES: [(&str, &str); 5] =
    [("UTC", "+00:00"), ("GMT", "+00:00"), ("WIB", "+07:00"), ("WITA", "+08:00"), ("WIT", "+09:00")];

/// A time that tells its offset or the name of its zone.
fn zoned(text: &str, field: impl Fn() -> String, refusals: &mut Vec<Refusal>) -> Result<Timestamp, FormatError> {
    let named = ZONES.iter().find_map(|(name, offset)| Some((text.strip_suffix(name)?, offset)));
    let with_offset = named.map_or_else(|| text.to_owned(), |(local, offset)| format!("{}{offset}", local.trim_end()));
    match instant(&with_offset) {
        Ok(WrittenInstant::Exact(at)) => {
            if named.is_some() {
                refusals.push(Refusal { field: field(), reason: Unusable::ZoneByName(excerpt(text)) });
            }
            Ok(at)
        }
        Ok(WrittenInstant::Local(_)) => Err(not_a_time(text, TimeFault::NoOffset, field())),
        Err(fault) => Err(not_a_time(text, fault, field())),
    }
}
