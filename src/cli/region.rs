//! `hazardcast region`: imports the regions that codes name, shows and lists them; at a server, or in a data folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::domain::{Clock, Geocode, Timestamp};
use crate::lifecycle::SystemClock;
use crate::locate::Gazetteer;
use crate::regions::{self, Import, MOST_BYTES, RegionStore, answer};
use crate::wire::convert::{geography, time};
use crate::wire::v1;
use crate::wire::v1::region_service_client::RegionServiceClient;

use super::connection::Connection;
use super::map::MapScene;
use super::output::{instant, print_line, refused, table};
use super::{Server, plain};

/// How wide a region is drawn, in characters.
const DRAWN: u16 = 60;

/// What can be done with regions.
#[derive(Debug, Subcommand)]
pub enum RegionCommand {
    /// Imports regions from GeoJSON; a server takes them without a restart
    Import(ImportArgs),
    /// Says and draws what a code names
    Show(ShowArgs),
    /// Lists what was imported
    List(ListArgs),
}

/// Where regions are.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// A data folder that no server uses, instead of a server
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Which server is asked.
    #[command(flatten)]
    pub server: Server,
}

/// What `region import` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast region import communes.geojson --scheme AGS --code-property ags --name-property gen
  hazardcast region import zones-2026.geojson --scheme UGC --code-property code --valid-from 2026-03-18
  hazardcast region import same_to_ugc.json --scheme SAME --same-as UGC
  hazardcast region import emma_id.geojson --data-dir /var/lib/hazardcast

The file is a FeatureCollection (RFC 7946) with Polygons and MultiPolygons. Without --scheme each feature's property
`scheme` says of which scheme its code is. If a part of the file cannot be used, nothing of it is.")]
pub struct ImportArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The scheme of its codes, as alerts name it: SAME or UGC
    #[arg(long, value_name = "SCHEME")]
    pub scheme: Option<String>,
    /// The property that is the code
    #[arg(long, value_name = "PROPERTY", default_value = "code")]
    pub code_property: String,
    /// The property that is what people call a region
    #[arg(long, value_name = "PROPERTY", default_value = "name")]
    pub name_property: String,
    /// The day, in UTC, from which its borders and codes are valid [default: they always were]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub valid_from: Option<Timestamp>,
    /// What the set is called; it takes the place of one of equal scheme, name and date [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub set: Option<String>,
    /// The file is an object of texts, each a code and the code of this scheme that names the same region
    #[arg(long, value_name = "SCHEME", requires = "scheme")]
    pub same_as: Option<String>,
    /// Where the regions are.
    #[command(flatten)]
    pub place: Place,
}

/// What `region show` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast region show SAME 006109
  hazardcast region show UGC 'NMZ501>507-509' --data-dir /var/lib/hazardcast
  hazardcast region show EMMA_ID AT001 --at 2024-06-01 --json")]
pub struct ShowArgs {
    /// The scheme, as an alert names it
    #[arg(value_name = "SCHEME")]
    pub scheme: String,
    /// The code, or several as an alert writes them in one value
    #[arg(value_name = "CODE")]
    pub code: String,
    /// The day, in UTC, as of which it is looked up [default: now]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub at: Option<Timestamp>,
    /// Where the regions are.
    #[command(flatten)]
    pub place: Place,
}

/// What `region list` is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hazardcast region list
  hazardcast region list EMMA_ID --json
  hazardcast region list --data-dir /var/lib/hazardcast")]
pub struct ListArgs {
    /// List the regions of this scheme too
    #[arg(value_name = "SCHEME")]
    pub scheme: Option<String>,
    /// Where the regions are.
    #[command(flatten)]
    pub place: Place,
}

/// Does what was asked.
pub async fn run(command: &RegionCommand, json: bool) -> Result<ExitCode> {
    match command {
        RegionCommand::Import(args) => import(args, json).await,
        RegionCommand::Show(args) => show(args, json).await,
        RegionCommand::List(args) => list(args, json).await,
    }
}

/// The gazetteer of a data folder, which is read and not changed. A file of it that is damaged is an error.
pub(super) fn gazetteer(data_dir: &Path) -> Result<Gazetteer> {
    ensure!(data_dir.is_dir(), "{} is no folder", data_dir.display());
    let loaded = regions::load(data_dir)?;
    match loaded.damaged.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(Gazetteer::new(loaded.sets)),
    }
}

async fn import(args: &ImportArgs, json: bool) -> Result<ExitCode> {
    let file = args.file.display();
    let mut content = Vec::new();
    let open = std::fs::File::open(&args.file).with_context(|| file.to_string())?;
    open.take(MOST_BYTES as u64 + 1).read_to_end(&mut content).with_context(|| file.to_string())?;
    let stem = || args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let set = args.set.clone().unwrap_or_else(stem);
    let imported = if let Some(data_dir) = &args.place.data_dir {
        let import = Import {
            scheme: args.scheme.clone(),
            code_property: args.code_property.clone(),
            name_property: args.name_property.clone(),
            set,
            valid_from: args.valid_from,
            same_as: args.same_as.clone(),
        };
        let sets = regions::read(&content, &import, SystemClock.now()).with_context(|| file.to_string())?;
        let told = sets.iter().map(answer::set_to_wire).collect();
        RegionStore::open(data_dir)?.0.put(sets, |_| {})?;
        told
    } else {
        let request = v1::ImportRegionsRequest {
            content: content.into(),
            scheme: args.scheme.clone().unwrap_or_default(),
            display_name: set,
            code_property: args.code_property.clone(),
            name_property: args.name_property.clone(),
            valid_from_time: args.valid_from.map(time::to_wire),
            same_as_scheme: args.same_as.clone().unwrap_or_default(),
            validate_only: false,
        };
        let answer = client(&args.place.server).await?.import_regions(request).await;
        answer.map_err(refused)?.into_inner().region_sets
    };
    tell_sets(&imported, json);
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &ShowArgs, json: bool) -> Result<ExitCode> {
    let found = if let Some(data_dir) = &args.place.data_dir {
        let code = Geocode { scheme: args.scheme.as_str().into(), code: args.code.as_str().into() };
        answer::get(&gazetteer(data_dir)?, code, args.at.unwrap_or_else(|| SystemClock.now()))
    } else {
        let read_time = args.at.map(time::to_wire);
        let request = v1::GetRegionRequest { scheme: args.scheme.clone(), code: args.code.clone(), read_time };
        let answer = client(&args.place.server).await?.get_region(request).await;
        answer.map_err(refused)?.into_inner()
    };
    if let Some(problem) = found.problems.first().filter(|_| found.regions.is_empty()) {
        bail!("{}", plain(&problem.message));
    }
    if json {
        print_line(&found_json(&found).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for region in &found.regions {
        print_line(&plain(&region_line(region)));
    }
    for problem in &found.problems {
        print_line(&plain(&problem.message));
    }
    let area = geography::area(found.area.unwrap_or_default(), "area", &mut Vec::new());
    let title = format!("{} {}", args.scheme, args.code);
    let scene = MapScene {
        areas: std::slice::from_ref(&area),
        told: &[],
        untold: &[],
        labels: &[],
        title: &title,
        keys: &[],
        tints: &[],
    };
    let colour = std::io::IsTerminal::is_terminal(&std::io::stdout());
    print_line(scene.terminal(DRAWN, colour).trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &ListArgs, json: bool) -> Result<ExitCode> {
    let scheme = args.scheme.clone().unwrap_or_default();
    let mut pages = match &args.place.data_dir {
        Some(data_dir) => Pages::Folder(gazetteer(data_dir)?),
        None => Pages::Server(client(&args.place.server).await?),
    };
    let mut first = true;
    let mut page_token = String::new();
    loop {
        let page = pages.next(&scheme, std::mem::take(&mut page_token)).await?;
        if first {
            tell_sets(&page.region_sets, json);
        }
        for region in &page.regions {
            let line = if json { region_json(region).to_string() } else { plain(&region_line(region)) };
            print_line(&line);
        }
        first = false;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Where pages of regions come from.
enum Pages {
    Folder(Gazetteer),
    Server(RegionServiceClient<Connection>),
}

impl Pages {
    async fn next(&mut self, scheme: &str, page_token: String) -> Result<v1::ListRegionsResponse> {
        match self {
            Self::Folder(gazetteer) => Ok(answer::list(gazetteer, scheme, usize::MAX, &page_token)?),
            Self::Server(client) => {
                let request = v1::ListRegionsRequest { scheme: scheme.to_owned(), page_size: 1_000, page_token };
                Ok(client.list_regions(request).await.map_err(refused)?.into_inner())
            }
        }
    }
}

async fn client(server: &Server) -> Result<RegionServiceClient<Connection>> {
    // The ground of many codes, finely drawn, is more than an answer usually is.
    Ok(RegionServiceClient::new(server.connect().await?).max_decoding_message_size(MOST_BYTES))
}

fn date(text: &str) -> Result<Timestamp, String> {
    regions::begin_of(text).ok_or_else(|| "not a date as in 2026-03-18".to_owned())
}

fn tell_sets(sets: &[v1::RegionSet], json: bool) {
    let day = |at| instant(at).map(|at| at.strftime("%Y-%m-%d").to_string());
    if json {
        for set in sets {
            let (valid_from, imported) = (day(set.valid_from_time), instant(set.import_time).map(|at| at.to_string()));
            let line = json!({
                "set": set.name, "scheme": set.scheme, "name": set.display_name, "valid_from": valid_from,
                "imported": imported, "regions": set.region_count, "points": set.point_count,
            });
            print_line(&line.to_string());
        }
        return;
    }
    let mut table = table();
    table.set_header(["scheme", "set", "valid from", "regions", "points", "imported"]);
    for set in sets {
        table.add_row([
            plain(&set.scheme),
            plain(&set.display_name),
            day(set.valid_from_time).unwrap_or_else(|| "always".to_owned()),
            set.region_count.to_string(),
            set.point_count.to_string(),
            day(set.import_time).unwrap_or_default(),
        ]);
    }
    print_line(&table.to_string());
}

fn region_line(region: &v1::Region) -> String {
    let v1::Region { region_set, scheme, code, display_name, bounding_box, same_as } = region;
    let name = if display_name.is_empty() { String::new() } else { format!("  {display_name}") };
    let place = match (bounding_box, same_as) {
        (Some(at), _) => bounds(at),
        (None, Some(other)) => format!("the same as {} {}", other.name, other.value),
        (None, None) => String::new(),
    };
    format!("{scheme} {code}{name}  {place}  ({region_set})")
}

fn bounds(at: &v1::BoundingBox) -> String {
    format!("{}, {} to {}, {}", at.west, at.south, at.east, at.north)
}

fn region_json(region: &v1::Region) -> Value {
    let same_as = region.same_as.as_ref().map(|other| json!({ "scheme": other.name, "code": other.value }));
    json!({
        "scheme": region.scheme, "code": region.code, "name": region.display_name, "set": region.region_set,
        "bbox": region.bounding_box.as_ref().map(box_json), "same_as": same_as,
    })
}

fn found_json(found: &v1::GetRegionResponse) -> Value {
    let rings = |area: &v1::Area| -> Value {
        let pairs = |ring: &v1::Ring| -> Vec<Vec<f64>> { ring.coordinates.chunks(2).map(<[f64]>::to_vec).collect() };
        let closed = |ring: &v1::Ring| -> Vec<Vec<f64>> {
            let open = pairs(ring);
            open.iter().chain(open.first()).cloned().collect()
        };
        let polygon =
            |polygon: &v1::Polygon| -> Vec<_> { polygon.outer.iter().chain(&polygon.holes).map(closed).collect() };
        json!({ "type": "MultiPolygon", "coordinates": area.polygons.iter().map(polygon).collect::<Vec<_>>() })
    };
    json!({
        "regions": found.regions.iter().map(region_json).collect::<Vec<_>>(),
        "bbox": found.bounding_box.as_ref().map(box_json),
        "unresolved": found.problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
        "geometry": found.area.as_ref().map(rings),
    })
}

fn box_json(at: &v1::BoundingBox) -> Value {
    json!([at.west, at.south, at.east, at.north])
}
