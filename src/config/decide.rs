//! The section of the desk's rules.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::decide::{Fusion, Rules};
use crate::domain::{Sender, SignedDuration};

use super::Bounded;

/// What a message does to those before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Decide {
    early_warning_minutes: Bounded<1, 120>,
    lasting_hours: Bounded<1, 168>,
    other_hours: Bounded<1, 168>,
    most_hours: Bounded<1, 720>,
    oldest_days: Bounded<1, 30>,
    together: Vec<Group>,
    same_earthquake_seconds: Bounded<0, 300>,
    same_earthquake_km: Bounded<0, 1_000>,
    same_earthquake_magnitude_tenths: Bounded<0, 100>,
}

/// Senders that tell of the same events.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group(Vec<Sender>);

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let senders = Vec::<String>::deserialize(deserializer)?;
        if senders.len() < 2 {
            return Err(D::Error::custom("two senders or more belong together"));
        }
        let read = |name: &String| Sender::new(name).map_err(|fault| D::Error::custom(format!("{name:?} {fault}")));
        senders.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Decide {
    /// The rules by which alerts are decided.
    pub fn rules(&self) -> Rules {
        let hours = |given: u32| SignedDuration::from_hours(i64::from(given));
        Rules {
            early_warning_expiry: SignedDuration::from_mins(i64::from(self.early_warning_minutes.get())),
            lasting_expiry: hours(self.lasting_hours.get()),
            default_expiry: hours(self.other_hours.get()),
            max_expiry: hours(self.most_hours.get()),
            oldest: SignedDuration::from_hours(24 * i64::from(self.oldest_days.get())),
            fusion: Fusion {
                together: self.together.iter().map(|group| group.0.clone()).collect(),
                within: SignedDuration::from_secs(i64::from(self.same_earthquake_seconds.get())),
                within_km: f64::from(self.same_earthquake_km.get()),
                within_magnitude: self.same_earthquake_magnitude_tenths.get() as f32 / 10.0,
            },
            ..Rules::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(together: &str) -> Result<Decide, toml::de::Error> {
        toml::from_str(&format!(
            "early_warning_minutes = 10\nlasting_hours = 24\nother_hours = 6\nmost_hours = 168\n\
             oldest_days = 7\ntogether = {together}\nsame_earthquake_seconds = 16\nsame_earthquake_km = 100\n\
             same_earthquake_magnitude_tenths = 10\n"
        ))
    }

    #[test]
    fn the_shipped_rules_are_the_default_and_groups_have_two_senders_that_are_names() {
        let shipped = super::super::Config::shipped().decide.rules();
        assert_eq!(shipped.fusion, Fusion::default());
        let rules = Rules::default();
        assert_eq!((shipped.oldest, shipped.max_expiry), (rules.oldest, rules.max_expiry));
        assert_eq!(
            (shipped.early_warning_expiry, shipped.lasting_expiry),
            (rules.early_warning_expiry, rules.lasting_expiry)
        );
        assert_eq!(shipped.default_expiry, rules.default_expiry);
        let [one, other] = ["jma.go.jp", "api.p2pquake.net"].map(|name| Sender::new(name).expect("a sender"));
        let rules = read(r#"[["jma.go.jp", "api.p2pquake.net"]]"#).expect("a group").rules();
        assert!(rules.fusion.is_together(&one, &other) && !shipped.fusion.is_together(&one, &other));
        for wrong in [r#"[["jma.go.jp"]]"#, r#"[["jma.go.jp", "a,b"]]"#, r#"["jma.go.jp"]"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
