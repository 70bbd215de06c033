//! The section of what earthquakes are told by.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::locate::{GroundMotion, MotionRegion, Relation};

use super::{Bounded, Switch};

/// How strongly earthquakes shake the ground.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct GroundMotionSettings {
    #[serde(deserialize_with = "relation")]
    default: Relation,
    shipped_regions: Switch,
    regions: Vec<RegionSettings>,
    sigma_percent: Bounded<0, 300>,
    least_degree: Bounded<2, 12>,
    least_jma: JmaStep,
}

/// A region with a relation of its own.
#[derive(Debug, Clone, PartialEq)]
struct RegionSettings(MotionRegion);

/// A step of the JMA scale.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
enum JmaStep {
    #[serde(rename = "1")]
    One,
    #[serde(rename = "2")]
    Two,
    #[serde(rename = "3")]
    Three,
    #[serde(rename = "4")]
    Four,
    #[serde(rename = "5-")]
    LowerFive,
    #[serde(rename = "5+")]
    UpperFive,
    #[serde(rename = "6-")]
    LowerSix,
    #[serde(rename = "6+")]
    UpperSix,
    #[serde(rename = "7")]
    Seven,
}

impl GroundMotionSettings {
    /// What alerts about earthquakes are told by.
    pub fn ground_motion(&self) -> GroundMotion {
        let own = self.regions.iter().map(|RegionSettings(region)| region.clone());
        let shipped = if self.shipped_regions == Switch::On { GroundMotion::default().regions } else { Vec::new() };
        GroundMotion {
            regions: own.chain(shipped).collect(),
            default: self.default,
            sigma_share: f64::from(self.sigma_percent.get()) / 100.0,
            least_degree: self.least_degree.get() as u8,
            least_jma: self.least_jma.value(),
        }
    }
}

impl JmaStep {
    /// The least instrumental intensity of the step.
    const fn value(self) -> f32 {
        match self {
            Self::One => 0.5,
            Self::Two => 1.5,
            Self::Three => 2.5,
            Self::Four => 3.5,
            Self::LowerFive => 4.5,
            Self::UpperFive => 5.0,
            Self::LowerSix => 5.5,
            Self::UpperSix => 6.0,
            Self::Seven => 6.5,
        }
    }
}

fn relation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Relation, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = || Relation::ALL.map(|(name, _)| name).join(", ");
    Relation::named(&name)
        .ok_or_else(|| D::Error::custom(format_args!("no relation is named {name:?}; those are {}", known())))
}

impl<'de> Deserialize<'de> for RegionSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(deserialize_with = "relation")]
            relation: Relation,
            outline: Vec<[f64; 2]>,
        }
        let Written { relation, outline } = Written::deserialize(deserializer)?;
        let region = MotionRegion::new(outline, relation);
        region.map(Self).map_err(|error| D::Error::custom(format_args!("outline: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Position;

    fn read(text: &str) -> Result<GroundMotion, String> {
        let shipped = "default = \"allen-2012-hypocentral\"\nshipped_regions = \"on\"\nregions = []\n\
            sigma_percent = 50\nleast_degree = 2\nleast_jma = \"1\"\n";
        let key = text.split(" =").next().unwrap_or_default();
        let kept = shipped.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        let read = toml::from_str::<GroundMotionSettings>(&format!("{kept}\n{text}"));
        read.map(|settings| settings.ground_motion()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_shipped_is_the_default() {
        assert_eq!(read("least_degree = 2"), Ok(GroundMotion::default()));
        assert_eq!(crate::config::Config::shipped().ground_motion.ground_motion(), GroundMotion::default());
    }

    #[test]
    fn own_regions_come_before_the_shipped_ones() {
        let square = "[[138.0, 34.0], [141.0, 34.0], [141.0, 37.0], [138.0, 37.0]]";
        let region = format!("regions = [{{ relation = \"allen-2012-rupture\", outline = {square} }}]");
        let tokyo = Position::from_degrees(139.7, 35.7).expect("on the globe");
        assert_eq!(read(&region).expect("fine").relation_at(tokyo), Relation::AllenRupture);
        let sapporo = Position::from_degrees(141.3, 43.0).expect("on the globe");
        assert_eq!(read(&region).expect("fine").relation_at(sapporo), Relation::SiMidorikawa);
        let none = read("shipped_regions = \"off\"").expect("fine");
        assert_eq!(none.relation_at(tokyo), Relation::AllenHypocentral);
        let stronger = read("least_jma = \"5-\"").expect("fine");
        assert_eq!((stronger.least_jma, stronger.least_degree), (4.5, 2));
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (text, why) in [
            ("default = \"richter\"", "no relation is named"),
            ("regions = [{ relation = \"si-midorikawa-1999\", outline = [[0.0, 0.0], [1.0, 1.0]] }]", "three"),
            ("regions = [{ relation = \"si-midorikawa-1999\", outline = [[0.0, 91.0]] }]", "latitude 91"),
            ("least_jma = \"5\"", "5-"),
            ("sigma_percent = 301", "0 to 300"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
