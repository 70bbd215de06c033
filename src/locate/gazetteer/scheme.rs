//! Names of schemes, and the spelling of their codes.
//!
//! A scheme's name is free text in CAP (`valueName`), and each issuer spells it a little otherwise. Two names are of
//! one scheme if they are equal without case, blanks and versions: a part between colons that is a number
//! (`profile:CAP-CP:Location:0.3`), and a number behind the last underscore (`Taiwan_Geocode_112`). The edition that a
//! version stood for is found by the alert's time instead.

use compact_str::CompactString;

/// Names by which one scheme goes, as [`Scheme`] folds them, with the first as the one that stands for all.
///
/// `FIPS6` is `0` with the state's and the county's number, which is SAME of a whole county. `CPEAS Geographic Code` is
/// what CAP of China's national early-warning centre writes. The Japanese names are the `codeType` of JMA's telegrams.
const SYNONYMS: [(&str, &[&str]); 4] = [
    ("same", &["fips6"]),
    ("cpeas", &["cpeasgeographiccode"]),
    ("jma-areaforecastlocale", &["areaforecastlocale", "地震情報/細分区域", "細分区域"]),
    ("jma-eew-fuken", &["緊急地震速報/府県予報区"]),
];

/// A scheme of codes, by its folded name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scheme(CompactString);

/// A way of writing codes that is known to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// NOAA's Specific Area Message Encoding: six digits, part of the county, state, county.
    Same,
    /// The National Weather Service's Universal Geographic Code, which comes in packed lists.
    Ugc,
    /// China's codes: six digits of GB/T 2260, three of the town and three of the village (GB/T 10114).
    Cpeas,
    /// Any other: a code is a word, and means what was imported.
    Other,
}

impl Scheme {
    /// The scheme that is called so.
    pub fn named(name: &str) -> Self {
        let folded: String = name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
        let folded = folded.replace('／', "/");
        let parts: Vec<&str> = folded.split(':').filter(|part| !is_version(part)).collect();
        let folded = parts.join(":");
        let bare = match folded.rsplit_once('_') {
            Some((name, last)) if is_version(last) && !name.is_empty() => name,
            _ => &folded,
        };
        let known = SYNONYMS.iter().find(|(_, others)| others.contains(&bare)).map_or(bare, |(first, _)| first);
        Self(known.into())
    }

    /// The folded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn kind(&self) -> Kind {
        match self.as_str() {
            "same" => Kind::Same,
            "ugc" => Kind::Ugc,
            "cpeas" => Kind::Cpeas,
            _ => Kind::Other,
        }
    }

    /// A code as codes are compared: without case and with single blanks; one of China with all of its twelve digits.
    pub fn fold(&self, code: &str) -> CompactString {
        let mut folded = CompactString::default();
        for word in code.split_whitespace() {
            if !folded.is_empty() {
                folded.push(' ');
            }
            word.chars().flat_map(char::to_uppercase).for_each(|c| folded.push(c));
        }
        // A code of GB/T 2260 is a whole county, city or province; so is the longer one with zeros behind.
        if self.kind() == Kind::Cpeas && folded.len() == 6 && folded.bytes().all(|byte| byte.is_ascii_digit()) {
            folded.push_str("000000");
        }
        folded
    }
}

/// Digits and dots, digits first and last: `0.3`, `112`.
fn is_version(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_one_without_case_blanks_and_versions() {
        for (one, other) in [
            ("SAME", " same"),
            ("FIPS6", "SAME"),
            ("EMMA_ID", "emma_id"),
            ("profile:CAP-CP:Location:0.3", "profile:CAP-CP:Location:0.4"),
            ("layer:EC-MSC-SMC:1.0:CLC", "layer:EC-MSC-SMC:1.1:CLC"),
            ("Taiwan_Geocode_103", "Taiwan_Geocode_112"),
            ("ISO 3166-2", "ISO3166-2"),
            ("CPEAS Geographic Code", "cpeas"),
            ("地震情報／細分区域", "JMA-AreaForecastLocalE"),
            ("緊急地震速報／府県予報区", "JMA-EEW-fuken"),
        ] {
            assert_eq!(Scheme::named(one), Scheme::named(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_version_tells_schemes_apart() {
        for (one, other) in [("NUTS2", "NUTS3"), ("ISO 3166-1", "ISO 3166-2"), ("FIPS", "FIPS6"), ("_1", "_2")] {
            assert_ne!(Scheme::named(one), Scheme::named(other), "{one} {other}");
        }
    }

    #[test]
    fn a_code_of_china_is_the_same_with_six_digits_and_with_twelve() {
        let cpeas = Scheme::named("CPEAS");
        assert_eq!(cpeas.fold("140223"), cpeas.fold(" 140223000000 "));
        assert_eq!(Scheme::named("SAME").fold("140223"), "140223");
        assert_eq!(Scheme::named("UGC").fold(" dec001\n"), "DEC001");
    }
}
