//! What is known of a series without the house.

use std::collections::HashMap;

use hazardcast::decide::{Authority, Decision, Lineages, Rules, decide};
use hazardcast::domain::{
    Actor, Alert, Area, Body, Caller, Ground, IntensityBand, NonEmpty, Position, Priority, SignedDuration, Timestamp,
};
use hazardcast::intake::Submission;
use hazardcast::locate::{Atlas, resolve};

use crate::house::NOON;
use crate::message::block;

/// A message, and the ground that it warns by itself.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) alert: Alert,
    pub(super) tiers: Vec<Warned>,
}

/// Ground of one priority.
#[derive(Debug, Clone)]
pub(super) struct Warned {
    pub(super) priority: Priority,
    pub(super) areas: Vec<Area>,
}

/// Telegrams that are contained in the complete one.
const CONTAINED: [&str; 2] = ["VXSE43", "VXSE44"];
const COMPLETE: &str = "VXSE45";

impl Report {
    /// Messages as if the last of them were sent at the beginning of the tests, in their order; each region that they
    /// name by a code is a block of its own.
    pub(super) fn all(mut alerts: Vec<Alert>) -> Vec<Self> {
        let last = alerts.iter().map(|alert| alert.id.sent).max().expect("there are some");
        let shift = NOON.duration_since(last);
        let mut blocks = HashMap::new();
        for alert in &mut alerts {
            *alert = shifted(alert, shift, &mut blocks);
        }
        let mut reports: Vec<Self> = alerts.into_iter().map(Self::of).collect();
        reports.sort_by_key(|report| {
            (report.alert.id.sent, report.serial(), report.is_cancel(), report.alert.id.identifier.clone())
        });
        reports
    }

    pub(super) fn of(alert: Alert) -> Self {
        let ground = resolve(&alert, &Atlas::default());
        let (lineages, rules) = (Lineages::new(), Rules::default());
        let bulletins = match decide(&lineages, &Authority::development(), &rules, alert.clone(), &ground, NOON) {
            Decision::Admit(bulletin) => vec![bulletin],
            Decision::AdmitAll(bulletins) => bulletins.to_vec(),
            _ => Vec::new(),
        };
        let tiers = bulletins.iter().flat_map(hazardcast::decide::Bulletin::tiers);
        let warned = tiers.map(|tier| Warned { priority: tier.priority, areas: tier.area.areas().to_vec() });
        Self { tiers: warned.collect(), alert }
    }

    pub(super) fn submission(&self) -> Submission {
        let actor = Actor::from(&Caller::Development);
        let (raw, media_type) = (Vec::new().into(), "text/plain".to_owned());
        let atlas = Atlas::default();
        Submission::new(self.alert.clone(), raw, media_type, Authority::development(), actor, NOON, &atlas)
    }

    pub(super) fn is_cancel(&self) -> bool {
        matches!(self.alert.body, Body::Cancel(_))
    }

    pub(super) fn series(&self) -> &str {
        self.alert.subject.event.as_ref().map_or("", |event| event.series())
    }

    fn serial(&self) -> Option<u32> {
        self.alert.subject.event.as_ref().and_then(|event| event.serial)
    }

    /// A place in each part of its ground, and some round where it broke.
    pub(super) fn places(&self) -> Vec<Position> {
        let at = |lon: f64, lat: f64| Position::from_degrees(lon, lat).ok();
        let mut places = Vec::new();
        for info in self.alert.body.infos() {
            let within = |area: &Area| -> Vec<Position> {
                let corners = area.polygons.iter().map(|polygon| polygon.outer.points()[0]);
                corners.filter_map(|[lon, lat]| at(lon + 0.25, lat + 0.25)).collect()
            };
            match &info.ground {
                Ground::Areas(areas) => places.extend(areas.iter().flat_map(within)),
                Ground::Bands(bands) => places.extend(bands.iter().flat_map(|band| within(&band.area))),
                Ground::Earthquake(source) => {
                    let (lon, lat) = (source.epicentre.lon(), source.epicentre.lat());
                    places.extend([0.05, 0.4, 0.9, 1.7, 3.0].into_iter().filter_map(|north| at(lon, lat + north)));
                }
                Ground::None => {}
            }
        }
        places
    }
}

/// Of all that has arrived, what stands: the newest of each series that was sent after the last cancel; and of what the
/// complete telegram contains only what is newer than that.
pub(super) fn standing(arrived: &[Report]) -> Vec<&Report> {
    let cancelled = arrived.iter().filter(|report| report.is_cancel()).max_by_key(|report| report.alert.id.sent);
    let mut newest: HashMap<&str, &Report> = HashMap::new();
    let order = |report: &Report| (report.serial(), report.alert.id.sent, report.alert.id.identifier.clone());
    for report in arrived.iter().filter(|report| !report.is_cancel()) {
        if cancelled.is_some_and(|cancel| cancel.alert.id.sent >= report.alert.id.sent) || report.tiers.is_empty() {
            continue;
        }
        let known = newest.entry(report.series()).or_insert(report);
        if order(report) > order(known) {
            *known = report;
        }
    }
    let complete = newest.get(COMPLETE).map(|report| report.alert.id.sent);
    let is_contained = |report: &Report| CONTAINED.contains(&report.series()) && Some(report.alert.id.sent) <= complete;
    newest.into_values().filter(|report| !is_contained(report)).collect()
}

fn shifted(alert: &Alert, by: SignedDuration, blocks: &mut HashMap<String, Area>) -> Alert {
    let later = |at: Timestamp| at + by;
    let mut alert = alert.clone();
    alert.id.sent = later(alert.id.sent);
    let mut infos = alert.body.infos().to_vec();
    for info in &mut infos {
        info.effective = info.effective.map(later);
        info.onset = info.onset.map(later);
        info.expires = info.expires.map(later);
        match &mut info.ground {
            Ground::Earthquake(source) => source.origin = later(source.origin),
            Ground::Areas(areas) => {
                let put = areas.iter().map(|area| placed(area, blocks)).collect();
                info.ground = Ground::Areas(NonEmpty::new(put).expect("as many as before"));
            }
            Ground::Bands(bands) => {
                let put = bands.iter().map(|band| IntensityBand { area: placed(&band.area, blocks), ..band.clone() });
                info.ground = Ground::Bands(NonEmpty::new(put.collect()).expect("as many as before"));
            }
            Ground::None => {}
        }
    }
    let some = || NonEmpty::new(infos.clone()).expect("as many as before");
    alert.body = match alert.body {
        Body::Issue(_) => Body::Issue(some()),
        Body::Update(_) => Body::Update(some()),
        Body::Cancel(_) => Body::Cancel(infos),
        Body::State { scope, .. } => Body::State { scope, infos },
        body @ (Body::Ack | Body::Error) => body,
    };
    alert
}

/// Regions that are named by their codes, each as a block of its own half a degree wide.
fn placed(area: &Area, blocks: &mut HashMap<String, Area>) -> Area {
    let mut put = Area { geocodes: Vec::new(), ..area.clone() };
    for code in &area.geocodes {
        let number = u32::try_from(blocks.len()).expect("a few regions");
        let (lon, lat) = (f64::from(number % 20), f64::from(number / 20));
        let known = blocks.entry(code.code.to_string());
        let block = known.or_insert_with(|| block([lon, lat], [lon + 0.5, lat + 0.5]));
        put.polygons.extend(block.polygons.iter().cloned());
    }
    put
}
