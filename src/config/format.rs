//! The section of how much a message may be.

use serde::Deserialize;

use crate::format::Bounds;

use super::Bounded;

/// How much a message may be, and how much work its reading may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct FormatSettings {
    message_kib: Bounded<16, 24_576>,
    grid_mib: Bounded<1, 24>,
    depth: Bounded<8, 64>,
    elements: Bounded<1_000, 2_000_000>,
    values: Bounded<1_000, 10_000_000>,
    attributes: Bounded<8, 64>,
    all_attributes: Bounded<1_000, 200_000>,
    infos: Bounded<1, 1_000>,
    areas: Bounded<1, 100_000>,
    points: Bounded<4, 1_000_000>,
    references: Bounded<1, 10_000>,
    text_kib: Bounded<1, 1_024>,
    refusals: Bounded<1, 100_000>,
    messages: Bounded<1, 100_000>,
    grid_points: Bounded<4, 4_000_000>,
    work_millions: Bounded<1, 10_000>,
}

impl FormatSettings {
    /// What messages are read within.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            bytes: (self.message_kib.get() as usize) << 10,
            grid_bytes: (self.grid_mib.get() as usize) << 20,
            depth: self.depth.get() as usize,
            elements: self.elements.get() as usize,
            values: self.values.get() as usize,
            attributes: self.attributes.get() as usize,
            all_attributes: self.all_attributes.get() as usize,
            infos: self.infos.get() as usize,
            areas: self.areas.get() as usize,
            points: self.points.get() as usize,
            references: self.references.get() as usize,
            text: (self.text_kib.get() as usize) << 10,
            refusals: self.refusals.get() as usize,
            messages: self.messages.get() as usize,
            nodes: self.grid_points.get() as usize,
            work: u64::from(self.work_millions.get()) * 1_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::config::{Config, DEFAULTS};

    fn shipped() -> Table {
        let all: Table = DEFAULTS.parse().expect("TOML");
        all["format"].as_table().expect("a table").clone()
    }

    fn with(key: &str, value: i64) -> Result<Bounds, String> {
        let mut section = shipped();
        section.insert(key.to_owned(), value.into());
        section.try_into::<FormatSettings>().map(|settings| settings.bounds()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_shipped_is_the_default() {
        assert_eq!(Config::shipped().format.bounds(), Bounds::default());
    }

    #[test]
    fn each_key_changes_one_bound_and_is_refused_out_of_its_range() {
        for key in shipped().keys() {
            let mut different = 0;
            for value in [9, 17, 1_001] {
                let Ok(bounds) = with(key, value) else { continue };
                different += 1;
                assert_ne!(bounds, Bounds::default(), "{key}");
            }
            assert!(different > 0, "{key}");
            for value in [-1, 0, 1 << 40] {
                let error = with(key, value).expect_err(key);
                assert!(error.contains(&format!("{value} is not from")), "{key}: {error}");
            }
        }
        assert!(with("speed", 1).expect_err("there is none").contains("speed"));
        assert_eq!(with("message_kib", 1_024).map(|bounds| bounds.bytes), Ok(1 << 20));
        assert_eq!(with("grid_mib", 2).map(|bounds| bounds.grid_bytes), Ok(2 << 20));
        assert_eq!(with("work_millions", 3).map(|bounds| bounds.work), Ok(3_000_000));
    }

    #[test]
    fn every_range_is_told_beside_its_key() {
        // One key a line below its comment, which tells the bounds that reading it tells.
        let section = DEFAULTS.split("[format]").nth(1).expect("a section").split("\n[").next().expect("its end");
        let mut comment = String::new();
        for line in section.lines() {
            if let Some(text) = line.strip_prefix("# ") {
                comment.extend([text, " "]);
            } else if let Some((key, _)) = line.split_once(" = ") {
                let error = with(key, -1).expect_err(key);
                let range = error.split("is not from ").nth(1).and_then(|rest| rest.lines().next()).expect("a range");
                assert!(comment.contains(range), "{key}: {range:?} is not in {comment:?}");
                comment.clear();
            }
        }
    }
}
