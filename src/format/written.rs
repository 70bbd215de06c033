//! What a message says, as its source wrote it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::domain::Circle;

/// A message as its source wrote it, beside the [`Alert`](crate::domain::Alert) that was made of it. Everything is
/// counted, also what cannot be used. Serialised it is part of the report of `hazardcast alert check`; what is not
/// there is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Written {
    /// The format with its version: `CAP 1.2`.
    #[serde(serialize_with = "or_null")]
    pub format: &'static str,
    /// CAP's `identifier`.
    #[serde(serialize_with = "or_null")]
    pub identifier: String,
    /// CAP's `sender`.
    #[serde(serialize_with = "or_null")]
    pub sender: String,
    /// CAP's `sent`, offset and all.
    #[serde(serialize_with = "or_null")]
    pub sent: String,
    /// CAP's `msgType`.
    #[serde(serialize_with = "or_null")]
    pub msg_type: String,
    /// CAP's `status`.
    #[serde(serialize_with = "or_null")]
    pub status: String,
    /// CAP's `scope`.
    #[serde(serialize_with = "or_null")]
    pub scope: String,
    /// CAP's `references`, one by one.
    pub references: Vec<String>,
    /// CAP's `info`s.
    pub infos: Vec<WrittenInfo>,
    /// Of a message about an earthquake, what it says of that.
    pub earthquake: Option<WrittenEarthquake>,
    /// Polygons over every info and area.
    pub polygon_count: usize,
    /// Circles over every info and area.
    pub circle_count: usize,
    /// Geocodes over every info and area.
    pub geocode_count: usize,
    /// Points over every polygon, the closing ones too.
    pub point_count: usize,
    /// Points of the polygon that has most of them.
    pub longest_ring: usize,
    /// How many of the geocodes are of which scheme.
    pub geocode_schemes: BTreeMap<String, usize>,
    /// What its polygons and circles cover.
    #[serde(skip)]
    pub extents: Vec<Extent>,
    /// Whether its sender keeps it from the public, whatever its scope is.
    #[serde(skip)]
    pub withheld: bool,
}

impl Written {
    /// Adds up what the areas of every info consist of.
    pub(super) fn with_totals(mut self) -> Self {
        for area in self.infos.iter().flat_map(|info| &info.areas) {
            self.polygon_count += area.polygons;
            self.circle_count += area.circles;
            self.geocode_count += area.geocodes;
            self.point_count += area.points;
            self.longest_ring = self.longest_ring.max(area.longest_ring);
            for scheme in &area.schemes {
                *self.geocode_schemes.entry(scheme.clone()).or_default() += 1;
            }
        }
        self
    }
}

fn or_null<S: Serializer>(text: impl AsRef<str>, serializer: S) -> Result<S::Ok, S::Error> {
    Some(text.as_ref()).filter(|text| !text.is_empty()).serialize(serializer)
}

/// One `info`, as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WrittenInfo {
    /// CAP's `language`; `en-US` where absent.
    pub language: String,
    /// CAP's `event`.
    pub event: String,
    /// CAP's `urgency`.
    pub urgency: String,
    /// CAP's `severity`.
    pub severity: String,
    /// CAP's `certainty`.
    pub certainty: String,
    /// CAP's `expires`, offset and all.
    pub expires: Option<String>,
    /// CAP's `area`s.
    pub areas: Vec<WrittenArea>,
}

/// An earthquake, as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WrittenEarthquake {
    /// Its source's own name of the event.
    pub event: String,
    /// The message's number in the event, where the source counts.
    pub serial: Option<u32>,
    /// Magnitude, by the scale that the source uses.
    pub magnitude: Option<f64>,
    /// Latitude of the epicentre, degrees.
    pub latitude: Option<f64>,
    /// Longitude of the epicentre, degrees.
    pub longitude: Option<f64>,
    /// Depth, km below the surface, whatever the source counts in.
    pub depth_km: Option<f64>,
    /// Origin time.
    pub origin: Option<String>,
    /// What intensities the source tells areas or contours of, as written, in its order.
    pub intensities: Vec<String>,
}

/// One `area`, as written: its name, and how many there are of what it consists of.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WrittenArea {
    /// CAP's `areaDesc`.
    pub description: String,
    /// Polygons.
    pub polygons: usize,
    /// Circles.
    pub circles: usize,
    /// Geocodes.
    pub geocodes: usize,
    /// Points over its polygons, the closing ones too.
    #[serde(skip)]
    pub points: usize,
    /// Points of its polygon that has most of them.
    #[serde(skip)]
    pub longest_ring: usize,
    /// The scheme of each geocode that names one.
    #[serde(skip)]
    pub schemes: Vec<String>,
}

/// What a polygon or circle covers.
#[derive(Debug, Clone, PartialEq)]
pub enum Extent {
    /// West, south, east and north of a ring's points, longitudes unrolled from the first point on.
    Ring([f64; 4]),
    /// A circle.
    Circle(Circle),
    /// Longitude and latitude of a circle that has no size.
    Centre([f64; 2]),
}
