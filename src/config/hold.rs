//! The section of alerts that wait for a second person.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::decide::HoldRules;
use crate::domain::{Category, Hazards, SignedDuration};

use super::Bounded;

/// How long an alert waits for a second person, and what becomes of it when nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Hold {
    geo_life_threat_seconds: Bounded<10, 3_600>,
    life_threat_seconds: Bounded<10, 3_600>,
    other_minutes: Bounded<1, 1_440>,
    send_unanswered: Vec<Kind>,
}

/// A CAP category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind(Category);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = Category::parse(&name).map(Self);
        known.ok_or_else(|| D::Error::custom(format!("{name:?} is no category of CAP, such as \"Geo\"")))
    }
}

impl Hold {
    /// The rules by which alerts wait.
    pub fn rules(&self) -> HoldRules {
        let seconds = |given: u32| SignedDuration::from_secs(i64::from(given));
        HoldRules {
            geo_life_threat: seconds(self.geo_life_threat_seconds.get()),
            life_threat: seconds(self.life_threat_seconds.get()),
            other: SignedDuration::from_mins(i64::from(self.other_minutes.get())),
            send: Hazards::of(self.send_unanswered.iter().map(|kind| kind.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(send: &str) -> Result<Hold, toml::de::Error> {
        toml::from_str(&format!(
            "geo_life_threat_seconds = 30\nlife_threat_seconds = 60\nother_minutes = 2\nsend_unanswered = {send}\n"
        ))
    }

    #[test]
    fn the_shipped_rules_are_the_default_and_what_is_sent_unanswered_are_categories() {
        assert_eq!(super::super::Config::shipped().hold.rules(), HoldRules::default());
        let rules = read(r#"["Geo"]"#).expect("a category").rules();
        assert_eq!(rules.send, Hazards::of([Category::Geo]));
        assert_eq!(rules.other, SignedDuration::from_mins(2));
        assert_eq!(read("[]").expect("none").rules().send, Hazards::NONE);
        for wrong in [r#"["Earthquake"]"#, r#"["geo"]"#, r#""Geo""#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
