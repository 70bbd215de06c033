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
        Rules {
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
            "oldest_days = 7\ntogether = {together}\nsame_earthquake_seconds = 16\nsame_earthquake_km = 100\n\
             same_earthquake_magnitude_tenths = 10\n"
        ))
    }

    #[test]
    fn the_shipped_rules_are_the_default_and_groups_have_two_senders_that_are_names() {
        let shipped = super::super::Config::shipped().decide.rules();
        assert_eq!(shipped.fusion, Fusion::default());
        assert_eq!(shipped.oldest, Rules::default().oldest);
        let [one, other] = ["jma.go.jp", "api.p2pquake.net"].map(|name| Sender::new(name).expect("a sender"));
        let rules = read(r#"[["jma.go.jp", "api.p2pquake.net"]]"#).expect("a group").rules();
        assert!(rules.fusion.is_together(&one, &other) && !shipped.fusion.is_together(&one, &other));
        for wrong in [r#"[["jma.go.jp"]]"#, r#"[["jma.go.jp", "a,b"]]"#, r#"["jma.go.jp"]"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
