//! A template: an alert with fields to be filled in, as TOML that an operator keeps.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The longest that a filled text may be, bytes.
const MOST_TEXT: usize = 16 << 10;

/// The templates that come with the program.
pub(super) const SHIPPED: [(&str, &str); 3] = [
    ("earthquake", include_str!("earthquake.toml")),
    ("flood", include_str!("flood.toml")),
    ("general", include_str!("general.toml")),
];

/// An alert with fields.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) categories: Vec<String>,
    pub(super) urgency: String,
    pub(super) severity: String,
    pub(super) certainty: String,
    /// How long it holds.
    pub(super) minutes: u32,
    /// CAP's `sender`, in a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    /// CAP's `status`, in a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    /// CAP's `references`, in a correction: what it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) references: Option<String>,
    /// What the fields are if nobody says.
    #[serde(default)]
    pub(super) defaults: BTreeMap<String, String>,
    /// Its ground, in a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) area: Option<Ground>,
    pub(super) info: Vec<Texts>,
}

/// What it says in one language.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    pub(super) language: String,
    pub(super) event: String,
    pub(super) headline: String,
    pub(super) description: String,
    pub(super) instruction: String,
    /// The headline of a correction.
    pub(super) update: String,
    /// The headline of a cancel.
    pub(super) cancel: String,
}

/// Ground as CAP writes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ground {
    pub(super) description: String,
    /// `lat,lon lat,lon ...`
    #[serde(default)]
    pub(super) polygons: Vec<String>,
    /// `lat,lon km`
    #[serde(default)]
    pub(super) circles: Vec<String>,
    /// Name and value.
    #[serde(default)]
    pub(super) geocodes: Vec<[String; 2]>,
}

impl Ground {
    pub(super) fn is_empty(&self) -> bool {
        self.polygons.is_empty() && self.circles.is_empty() && self.geocodes.is_empty()
    }
}

impl Template {
    /// Reads a template.
    pub(super) fn read(text: &str) -> Result<Self> {
        let template: Self = toml::from_str(text)?;
        ensure!(!template.info.is_empty(), "info: there is none");
        Ok(template)
    }

    /// The same with every field filled in. What is set goes before defaults, every field must have a value, and what
    /// is set must be a field: a misspelt one would leave the other as it was.
    pub(super) fn filled(&self, set: &BTreeMap<String, String>) -> Result<Self> {
        let (mut used, mut missing) = (Vec::new(), Vec::new());
        let mut fill = |text: &str| -> Result<String> {
            let mut filled = String::new();
            let mut rest = text;
            while let Some((before, after)) = rest.split_once('{') {
                let Some((name, after)) = after.split_once('}') else { bail!("{text:?} has a {{ and no }}") };
                filled += before;
                match set.get(name).or_else(|| self.defaults.get(name)) {
                    Some(value) => filled += value,
                    None => missing.push(name.to_owned()),
                }
                used.push(name.to_owned());
                rest = after;
            }
            filled += rest;
            ensure!(filled.len() <= MOST_TEXT, "a text has more than {MOST_TEXT} bytes");
            Ok(filled)
        };
        let mut filled = self.clone();
        for text in
            filled.categories.iter_mut().chain([&mut filled.urgency, &mut filled.severity, &mut filled.certainty])
        {
            *text = fill(text)?;
        }
        for Texts { language, event, headline, description, instruction, update, cancel } in &mut filled.info {
            for text in [language, event, headline, description, instruction, update, cancel] {
                *text = fill(text)?;
            }
        }
        missing.sort_unstable();
        missing.dedup();
        ensure!(missing.is_empty(), "these fields are to be set, by --set NAME=VALUE: {}", missing.join(", "));
        let known = |name: &&String| used.contains(name) || self.defaults.contains_key(*name);
        if let Some(unknown) = set.keys().find(|name| !known(name)) {
            bail!("the template has no field {unknown:?}");
        }
        filled.defaults.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(filled)
    }

    /// A template for what corrects the alert: this one as it was filled, which takes the place of what it was made
    /// for.
    pub(super) fn correction(&self, set: &BTreeMap<String, String>, of: Sent, area: Ground) -> Self {
        let mut correction = self.clone();
        correction.defaults.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self {
            sender: Some(of.sender),
            status: Some(of.status),
            references: Some(of.reference),
            area: Some(area),
            ..correction
        }
    }
}

/// What a correction corrects.
pub(super) struct Sent {
    pub(super) sender: String,
    pub(super) status: String,
    pub(super) reference: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_shipped_template_can_be_filled_and_comes_back_from_its_correction() {
        for (name, text) in SHIPPED {
            let template = Template::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let fields = if name == "general" {
                set(&[("event", "Fire"), ("headline", "Fire")])
            } else {
                set(&[("place", "Lima")])
            };
            let filled = template.filled(&fields).expect("filled");
            assert!(
                !format!("{:?}", filled.info).contains('{') || filled.info[0].headline.contains("Lima"),
                "{filled:?}"
            );
            let of = Sent { sender: "a@b".to_owned(), status: "Test".to_owned(), reference: "a@b,1,t".to_owned() };
            let correction = template.correction(&fields, of, Ground::default());
            let text = toml::to_string(&correction).expect("TOML");
            assert_eq!(Template::read(&text).expect("it can be read"), correction);
            assert_eq!(correction.filled(&BTreeMap::new()).expect("nothing is missing").info, filled.info);
        }
    }

    #[test]
    fn a_field_that_is_missing_or_misspelt_is_named() {
        let template = Template::read(SHIPPED[0].1).expect("a template");
        let missing = template.filled(&BTreeMap::new()).expect_err("no place").to_string();
        assert!(missing.ends_with(": place"), "{missing}");
        let misspelt =
            template.filled(&set(&[("place", "Lima"), ("plaice", "Lima")])).expect_err("no such").to_string();
        assert!(misspelt.contains("plaice"), "{misspelt}");
        assert!(Template::read("categories = []").is_err());
    }
}
