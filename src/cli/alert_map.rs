//! `hazardcast alert map`: draws the ground that a file's alerts would be told on, tier by tier.
//!
//! The tiers are those that the server would make of each message, whoever sends it and whenever; a draft, or what is
//! not for the public, is drawn as if it were. For an earthquake they are computed, and its epicentre is marked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::channel::told;
use crate::config::Config;
use crate::decide::{Authority, Bulletin, Decision, Held, Lineages, Rules, Tier, TierIndex, decide};
use crate::domain::{Alert, AlertScope, Area, Ground, Mode, NoticeKind, Position, SignedDuration, Source, Timestamp};
use crate::format;
use crate::locate::{Atlas, resolve};
use crate::wire::convert::terms;

use super::answer::priority_name;
use super::cities::cities;
use super::map::{MapScene, Tint};
use super::output::print_line;
use super::plain;

/// Columns that a map in the terminal has at most.
const COLUMNS: u16 = 100;

/// Cities that are named at most.
const CITIES: usize = 40;

/// What `alert map` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast alert map warning.xml
  hazardcast alert map earthquake.geojson --svg earthquake.svg
  hazardcast alert map earthquake.geojson --json
  hazardcast alert map earthquake.geojson --config site.toml

Exit status: 0 something was drawn, 1 no alert in the file has ground, 2 the file could not be read.")]
pub struct MapArgs {
    /// A file with one or more alerts
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also draw into this file
    #[arg(long, value_name = "OUT")]
    pub svg: Option<PathBuf>,
    /// A server's settings: how much a message may be, and how earthquakes shake [default: as shipped]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// One message of the file.
#[derive(Debug, Serialize)]
struct Drawn {
    file: String,
    place: String,
    identifier: String,
    event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    earthquake: Option<Earthquake>,
    tiers: Vec<DrawnTier>,
    /// Why it has no tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(skip)]
    bulletin: Option<Bulletin>,
}

#[derive(Debug, Serialize)]
struct Earthquake {
    longitude: f64,
    latitude: f64,
    depth_km: Option<f32>,
    magnitude: f32,
    origin: String,
    /// What the tiers were computed by.
    relation: &'static str,
}

#[derive(Debug, Serialize)]
struct DrawnTier {
    bbox: [f64; 4],
    intensity: Option<f32>,
    scale: Option<&'static str>,
    severity: &'static str,
    priority: &'static str,
    /// The circle round the epicentre, for an earthquake.
    #[serde(skip_serializing_if = "Option::is_none")]
    radius_km: Option<f64>,
    /// When the S wave comes to the nearest of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    arrival: Option<String>,
}

/// Does what was asked.
pub(super) fn run(args: &MapArgs, json: bool) -> Result<ExitCode> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()));
    let (bytes, config) = match bytes.and_then(|bytes| Ok((bytes, Config::load(args.config.as_deref())?))) {
        Ok(read) => read,
        Err(error) => {
            super::say_error(&error, json);
            return Ok(ExitCode::from(2));
        }
    };
    let drawn = read(&args.file, &bytes, &config);
    let pictured = Picture::of(&drawn);
    if let Some(out) = args.svg.as_ref().filter(|_| pictured.has_ground()) {
        std::fs::write(out, pictured.scene().svg()).with_context(|| format!("cannot write {}", out.display()))?;
    }
    if json {
        for each in &drawn {
            print_line(&serde_json::to_string(each)?);
        }
    } else {
        if pictured.has_ground() {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stdout());
            print_line(&pictured.scene().terminal(COLUMNS, colour));
        }
        drawn.iter().flat_map(lines).for_each(|line| print_line(&plain(&line)));
        if let Some(out) = args.svg.as_ref().filter(|_| pictured.has_ground()) {
            print_line(&format!("The map is in {}.", out.display()));
        }
    }
    Ok(if pictured.has_ground() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path, bytes: &[u8], config: &Config) -> Vec<Drawn> {
    let file = file.display().to_string();
    let nothing = |place: String, refused: String| Drawn {
        file: file.clone(),
        place,
        identifier: String::new(),
        event: String::new(),
        earthquake: None,
        tiers: Vec::new(),
        refused: Some(refused),
        bulletin: None,
    };
    let messages = match config.format.bounds().messages(bytes, None) {
        Ok(messages) if messages.is_empty() => return vec![nothing(String::new(), "holds no alert".to_owned())],
        Ok(messages) => messages,
        Err(error) => return vec![nothing(String::new(), format!("{}: {error}", error.field()))],
    };
    let atlas = Atlas { ground_motion: config.ground_motion.ground_motion(), ..Atlas::default() };
    let each = |message: format::Message| match message.outline.and_then(|outline| outline.alert) {
        Ok(alert) => Drawn { file: file.clone(), place: message.place, ..drawn(alert, &atlas) },
        Err(error) => nothing(message.place, format!("{}: {error}", error.field())),
    };
    messages.into_iter().map(each).collect()
}

/// What the server would make of it if it were for real and for all, and in time.
fn drawn(alert: Alert, atlas: &Atlas) -> Drawn {
    let alert = Alert { mode: Mode::Actual, scope: AlertScope::Public, ..alert };
    let infos = alert.body.infos();
    let event = infos.first().map(|info| info.event.clone()).unwrap_or_default();
    let source = infos.iter().find_map(|info| match &info.ground {
        Ground::Earthquake(source) => Some(source),
        Ground::Areas(_) | Ground::Bands(_) | Ground::None => None,
    });
    let earthquake = source.map(|source| Earthquake {
        longitude: source.epicentre.lon(),
        latitude: source.epicentre.lat(),
        depth_km: source.depth_km,
        magnitude: source.magnitude,
        origin: source.origin.to_string(),
        relation: atlas.ground_motion.relation_at(source.epicentre).name(),
    });
    let (identifier, ground) = (alert.id.identifier.as_str().to_owned(), resolve(&alert, atlas));
    let (future_tolerance, oldest) = (SignedDuration::MAX, SignedDuration::MAX);
    let rules = Rules { future_tolerance, oldest, ..Rules::default() };
    let decision =
        decide(&Lineages::default(), &Authority::development(), &rules, alert, &ground, Timestamp::UNIX_EPOCH);
    let (bulletin, refused) = match decision {
        Decision::Admit(bulletin) | Decision::Hold(Held { bulletin, .. }) => (Some(bulletin), None),
        Decision::AdmitAll(bulletins) => (Some(bulletins.first().clone()), None),
        Decision::Refuse(refused) => (None, Some(refused.to_string())),
        Decision::Ignore(_) => (None, Some("has no ground of its own".to_owned())),
    };
    let tiers = bulletin.iter().flat_map(|bulletin| {
        (0..=u8::MAX).zip(bulletin.tiers()).map(|(position, tier)| drawn_tier(bulletin, TierIndex(position), tier))
    });
    let tiers = tiers.collect();
    Drawn { file: String::new(), place: String::new(), identifier, event, earthquake, tiers, refused, bulletin }
}

fn drawn_tier(bulletin: &Bulletin, position: TierIndex, tier: &Tier) -> DrawnTier {
    let sent = bulletin.parts().alert.sent;
    let notice = told(bulletin, None, position, NoticeKind::Alert)
        .and_then(|told| told.notice(bulletin, 0, NoticeKind::Alert, sent));
    let arrival = notice.and_then(|notice| notice.place.arrival).map(|at| at.to_string());
    let radius_km = match (&tier.infos.first().ground, tier.area.areas()) {
        (Ground::Earthquake(_), [area]) => area.circles.first().map(|circle| circle.radius_m() / 1000.0),
        _ => None,
    };
    DrawnTier {
        bbox: tier.area.bounding_box(),
        intensity: tier.intensity.map(|intensity| intensity.value),
        scale: tier.intensity.map(|intensity| intensity.scale.name()),
        severity: tier.severity().as_str(),
        priority: priority_name(terms::priority::to_wire(tier.priority).into()),
        radius_km,
        arrival,
    }
}

/// What is said of a message below the map.
fn lines(drawn: &Drawn) -> Vec<String> {
    let named = [drawn.place.as_str(), &drawn.event, &drawn.identifier];
    let named = named.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("  ");
    let named = if named.is_empty() { drawn.file.clone() } else { named };
    let mut lines = vec![match &drawn.refused {
        Some(refused) => format!("{named}: not drawn: {refused}"),
        None => named,
    }];
    if let Some(quake) = &drawn.earthquake {
        let depth = quake.depth_km.map_or_else(|| "depth not known".to_owned(), |depth| format!("{depth:.0} km deep"));
        lines.push(format!("  M {:.1}, {depth}, {}, by {}", quake.magnitude, quake.origin, quake.relation));
    }
    for (position, tier) in drawn.bulletin.iter().flat_map(Bulletin::tiers).enumerate() {
        let shown = &drawn.tiers[position];
        let intensity = tier.intensity.map(|intensity| format!("{intensity}, ")).unwrap_or_default();
        let radius = shown.radius_km.map(|radius| format!(", within {radius:.0} km")).unwrap_or_default();
        let arrival = shown.arrival.as_ref().map(|at| format!(", S wave from {at}")).unwrap_or_default();
        lines.push(format!("  {intensity}{}, told as {}{radius}{arrival}", shown.severity, shown.priority));
    }
    lines
}

/// What all messages of a file come to on one map.
struct Picture {
    areas: Vec<Area>,
    tints: Vec<Tint>,
    keys: Vec<(String, Tint)>,
    labels: Vec<(String, Position)>,
    title: String,
}

impl Picture {
    fn of(drawn: &[Drawn]) -> Self {
        let bulletins: Vec<&Bulletin> = drawn.iter().filter_map(|drawn| drawn.bulletin.as_ref()).collect();
        let mut tiers: Vec<(Tint, String, &Tier)> = Vec::new();
        for tier in bulletins.iter().flat_map(|bulletin| bulletin.tiers()) {
            let (tint, name) = match tier.intensity {
                Some(intensity) => (Tint::of_intensity(intensity), intensity.to_string()),
                None => (Tint::of_severity(tier.severity()), tier.severity().as_str().to_owned()),
            };
            tiers.push((tint, name, tier));
        }
        let mut keys: Vec<(String, Tint)> = tiers.iter().map(|(tint, name, _)| (name.clone(), *tint)).collect();
        keys.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| other.0.cmp(&one.0)));
        keys.dedup();
        // The weakest first, so that the stronger are drawn over them; among equals the larger first.
        tiers.reverse();
        tiers.sort_by_key(|(tint, _, _)| *tint);
        let drawn_areas = tiers.iter().flat_map(|(tint, _, tier)| tier.area.areas().iter().map(|area| (area, *tint)));
        let (areas, tints) = drawn_areas.map(|(area, tint)| (area.clone(), tint)).unzip();
        let epicentres = bulletins.iter().flat_map(|bulletin| bulletin.tiers()).filter_map(epicentre);
        let mut labels: Vec<(String, Position)> = Vec::new();
        for source in epicentres {
            let label = (format!("epicentre M {:.1}", source.magnitude), source.epicentre);
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        let inside = |at: Position| tiers.iter().any(|(_, _, tier)| tier.area.contains(at));
        let near = cities().iter().filter(|city| inside(city.at)).take(CITIES);
        labels.extend(near.map(|city| (city.name.to_owned(), city.at)));
        let mut events: Vec<&str> = drawn.iter().filter(|each| each.bulletin.is_some()).map(|d| &*d.event).collect();
        let alerts = events.len();
        events.dedup();
        let title = match events.as_slice() {
            [] => String::new(),
            [event] if alerts == 1 => (*event).to_owned(),
            [event, ..] => format!("{event} (the first of {alerts} alerts)"),
        };
        Self { areas, tints, keys, labels, title }
    }

    fn has_ground(&self) -> bool {
        !self.areas.is_empty()
    }

    fn scene(&self) -> MapScene<'_> {
        MapScene {
            areas: &self.areas,
            tints: &self.tints,
            keys: &self.keys,
            told: &[],
            untold: &[],
            labels: &self.labels,
            title: &self.title,
        }
    }
}

fn epicentre(tier: &Tier) -> Option<&Source> {
    tier.infos.iter().find_map(|info| match &info.ground {
        Ground::Earthquake(source) => Some(source),
        Ground::Areas(_) | Ground::Bands(_) | Ground::None => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NORTHRIDGE: &str = r#"{"type": "Feature", "id": "ci3144585", "geometry": {"type": "Point",
        "coordinates": [-118.537, 34.213, 18.202]}, "properties": {"mag": 6.7, "time": 758809855390,
        "updated": 1597400716254, "status": "reviewed", "type": "earthquake", "title": "M 6.7 - Reseda, CA"}}"#;

    fn shipped(file: &str, bytes: &[u8]) -> Vec<Drawn> {
        read(Path::new(file), bytes, &Config::shipped())
    }

    fn json(text: &str) -> Vec<Value> {
        let drawn = shipped("a", text.as_bytes());
        drawn.iter().map(|each| serde_json::to_value(each).expect("an object")).collect()
    }

    #[test]
    fn an_earthquake_is_drawn_in_bands_round_its_epicentre() {
        let drawn = shipped("quake.geojson", NORTHRIDGE.as_bytes());
        let picture = Picture::of(&drawn);
        assert_eq!(picture.labels[0].0, "epicentre M 6.7");
        assert!(picture.labels.iter().any(|(name, _)| name == "Los Angeles"), "{:?}", picture.labels);
        let radii: Vec<f64> = picture.areas.iter().map(|area| area.circles[0].radius_m()).collect();
        assert!(radii.is_sorted_by(|one, other| one >= other), "the stronger are drawn over the weaker: {radii:?}");
        let svg = picture.scene().svg();
        assert!(svg.contains("MMI 7") && svg.contains("epicentre M 6.7") && !svg.contains("told 0"), "{svg}");
        roxmltree::Document::parse(&svg).expect("well-formed");
        let said = drawn.iter().flat_map(lines).collect::<Vec<_>>().join("\n");
        assert!(
            said.contains("M 6.7, 18 km deep, 1994-01-17T12:30:55.39Z, by atkinson-wald-2007-california"),
            "{said}"
        );
        assert!(said.contains("told as information, within"), "{said}");
    }

    #[test]
    fn as_json_each_tier_has_its_box_intensity_and_scale() {
        let [drawn] = json(NORTHRIDGE).try_into().expect("one alert");
        assert_eq!(drawn["earthquake"]["relation"], "atkinson-wald-2007-california");
        let tiers = drawn["tiers"].as_array().expect("tiers");
        assert!(
            tiers.iter().all(|tier| tier["scale"] == "MMI" && tier["bbox"].as_array().is_some_and(|b| b.len() == 4))
        );
        assert!(tiers.iter().all(|tier| tier["priority"] == "information"), "it comes after the fact");
        let severities: Vec<&str> = tiers.iter().filter_map(|tier| tier["severity"].as_str()).collect();
        assert_eq!((severities[0], severities[severities.len() - 1]), ("Extreme", "Minor"));
        let arrivals: Vec<&str> = tiers.iter().filter_map(|tier| tier["arrival"].as_str()).collect();
        // From 18 km deep the S wave is up after 5.3 s.
        assert!(arrivals[0].starts_with("1994-01-17T12:31:00"), "{arrivals:?}");
        assert!(arrivals.is_sorted() && arrivals.len() == tiers.len());
    }

    #[test]
    fn what_has_no_ground_is_told_with_its_reason() {
        let [drawn] = json("{\"type\": 1}").try_into().expect("one answer");
        assert!(drawn["refused"].is_string() && drawn["tiers"].as_array().is_some_and(Vec::is_empty));
        let small = NORTHRIDGE.replace("\"mag\": 6.7", "\"mag\": 1.2");
        let [drawn] = json(&small).try_into().expect("one answer");
        assert_eq!(drawn["refused"], "earthquake: it is too weak or too deep to be felt anywhere");
        assert!(!Picture::of(&shipped("a", small.as_bytes())).has_ground());
    }

    #[test]
    fn a_warning_s_polygons_are_drawn_by_their_severity() {
        let bytes = include_bytes!("../../tests/data/alerts/smn-mexico/cyclone.xml");
        let picture = Picture::of(&shipped("cyclone.xml", bytes));
        assert!(picture.has_ground() && picture.keys.len() == 1, "{:?}", picture.keys);
        assert_eq!(
            picture.keys[0].1,
            Tint::of_severity(crate::domain::Severity::parse(&picture.keys[0].0).expect("one"))
        );
        assert!(picture.scene().terminal(80, false).contains("⠒⠒ "));
    }
}
