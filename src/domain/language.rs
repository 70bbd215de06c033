//! BCP 47 language tags, as CAP and devices write them.

use std::fmt;

use compact_str::CompactString;

/// A BCP 47 language tag, lower-cased and with `_` read as `-` (issuers write `en_US`), at most 35 characters.
///
/// The tag as the source wrote it is kept by its info's texts; this form is for matching (RFC 4647, section 3.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(CompactString);

/// A language tag that is empty, too long, or holds other than letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a BCP 47 language tag")]
pub struct InvalidLanguage;

impl Language {
    /// Reads a tag. Case is folded and `_` becomes `-`.
    pub fn parse(tag: &str) -> Result<Self, InvalidLanguage> {
        let tag = tag.trim();
        if tag.is_empty() || tag.len() > 35 {
            return Err(InvalidLanguage);
        }
        let folded: CompactString = tag.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect();
        let well_formed = folded
            .split('-')
            .all(|part| !part.is_empty() && part.len() <= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        if well_formed { Ok(Self(folded)) } else { Err(InvalidLanguage) }
    }

    /// CAP's default where an info names no language (CAP 1.2, section 3.2.2).
    pub fn cap_default() -> Self {
        Self(CompactString::const_new("en-us"))
    }

    /// The folded tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its last subtag (and without a single letter left at the end), or `None` when one subtag
    /// is left: one step of RFC 4647's lookup.
    pub fn broader(&self) -> Option<Self> {
        let mut rest = &self.0[..self.0.rfind('-')?];
        if let Some(cut) = rest.rfind('-').filter(|cut| rest.len() - cut == 2) {
            rest = &rest[..cut];
        }
        Some(Self(CompactString::from(rest)))
    }
}

impl Language {
    /// Which of the languages `offered` is told to one who reads those `wanted`, the best first; `None` if nothing is
    /// offered. For each wanted one in turn:
    ///
    /// 1. RFC 4647's lookup, section 3.4: the tag, then the tag without its last subtag, and so on.
    /// 2. Beyond that RFC, whose lookup finds nothing narrower than what is asked for: any in the same first subtag,
    ///    for a person who reads `de` reads `de-AT`, and rather than their second language; of several the first in the
    ///    same script, for `zh-TW` is written as `zh-Hant` is.
    ///
    /// If none is found, English, as what most can read a little of; else the first that is offered, which is the
    /// source's own.
    pub fn best<'w, 'o>(
        wanted: impl Iterator<Item = &'w Self>,
        offered: &(impl Iterator<Item = &'o Self> + Clone),
    ) -> Option<usize> {
        for language in wanted {
            let mut range = Some(language.clone());
            while let Some(asked) = range {
                if let Some(found) = offered.clone().position(|known| *known == asked) {
                    return Some(found);
                }
                range = asked.broader();
            }
            if let Some(found) = language.nearest(offered) {
                return Some(found);
            }
        }
        let english = |known: &Self| known.primary() == "en";
        offered.clone().position(english).or_else(|| offered.clone().next().map(|_| 0))
    }

    /// The first of those with the same first subtag in the same script; else the first with that subtag.
    fn nearest<'l>(&self, offered: &(impl Iterator<Item = &'l Self> + Clone)) -> Option<usize> {
        let same = |known: &Self| known.primary() == self.primary();
        let script = self.script();
        offered
            .clone()
            .position(|known| same(known) && known.script() == script)
            .or_else(|| offered.clone().position(same))
    }

    /// The first subtag: the language itself.
    fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The script that the tag names (four letters, RFC 5646, section 2.2.3); for Chinese that of the region if it
    /// names none: traditional in Taiwan, Hong Kong and Macao, simplified elsewhere (Unicode CLDR, likely subtags).
    fn script(&self) -> Option<&str> {
        let mut subtags = self.0.split('-').skip(1).take_while(|subtag| subtag.len() > 1);
        let is_script = |subtag: &&str| subtag.len() == 4 && subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
        let named = subtags.clone().find(is_script);
        let of_region = || {
            let traditional = subtags.any(|subtag| matches!(subtag, "tw" | "hk" | "mo"));
            (self.primary() == "zh").then_some(if traditional { "hant" } else { "hans" })
        };
        named.or_else(of_region)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(tags: &[&str]) -> Vec<Language> {
        tags.iter().map(|tag| Language::parse(tag).expect("a tag")).collect()
    }

    /// What one who reads `wanted` is told of `offered`.
    fn told<'o>(wanted: &[&str], offered: &[&'o str]) -> Option<&'o str> {
        Language::best(tags(wanted).iter(), &tags(offered).iter()).map(|found| offered[found])
    }

    #[test]
    fn the_lookup_is_that_of_rfc_4647() {
        // Section 3.4: "zh-Hant-CN-x-private1-private2" falls back to zh-Hant-CN, zh-Hant, zh.
        let wanted = ["zh-Hant-CN-x-private1-private2"];
        assert_eq!(told(&wanted, &["en", "zh", "zh-Hant", "zh-Hant-CN-x-private1"]), Some("zh-Hant-CN-x-private1"));
        assert_eq!(told(&wanted, &["en", "zh", "zh-Hant"]), Some("zh-Hant"));
        assert_eq!(told(&wanted, &["en", "zh"]), Some("zh"));
        assert_eq!(told(&["fr-CA"], &["en-CA", "fr-CA", "fr"]), Some("fr-CA"));
        assert_eq!(told(&["EN_gb"], &["de", "en-GB"]), Some("en-GB"));
    }

    #[test]
    fn a_narrower_tag_of_the_first_language_goes_before_the_second_language() {
        assert_eq!(told(&["de", "fr"], &["fr", "de-AT"]), Some("de-AT"));
        assert_eq!(told(&["it", "fr"], &["de-CH", "fr-CH"]), Some("fr-CH"));
        assert_eq!(told(&["es-MX"], &["en-US", "es-US"]), Some("es-US"));
    }

    #[test]
    fn chinese_is_told_in_the_script_of_the_region() {
        let offered = ["zh-CN", "zh-Hant", "en"];
        assert_eq!(told(&["zh-TW"], &offered), Some("zh-Hant"));
        assert_eq!(told(&["zh-HK"], &offered), Some("zh-Hant"));
        assert_eq!(told(&["zh-SG"], &offered), Some("zh-CN"));
        assert_eq!(told(&["zh-Hant"], &["zh-CN", "zh-TW"]), Some("zh-TW"));
        assert_eq!(told(&["zh-TW"], &["en", "zh-CN"]), Some("zh-CN"));
    }

    #[test]
    fn one_whose_language_is_not_there_is_told_in_english_or_as_the_source_says_it() {
        assert_eq!(told(&["sw"], &["pt-BR", "en-US"]), Some("en-US"));
        assert_eq!(told(&["sw"], &["pt-BR", "es"]), Some("pt-BR"));
        assert_eq!(told(&[], &["pt-BR", "en"]), Some("en"));
        assert_eq!(told(&["en"], &[]), None);
    }

    proptest! {
        #[test]
        fn whoever_reads_what_is_offered_is_told_in_a_language_of_theirs(
            wanted in prop::collection::vec("[a-c]{2}(-[A-B]{2})?", 1..4),
            offered in prop::collection::vec("[a-c]{2}(-[A-B]{2})?", 1..6),
        ) {
            let (wanted, offered): (Vec<_>, Vec<_>) = (
                wanted.iter().map(|tag| Language::parse(tag).expect("a tag")).collect(),
                offered.iter().map(|tag| Language::parse(tag).expect("a tag")).collect(),
            );
            let found = Language::best(wanted.iter(), &offered.iter()).expect("something is offered");
            let first = wanted.iter().find(|wanted| offered.iter().any(|known| known.primary() == wanted.primary()));
            if let Some(first) = first {
                prop_assert_eq!(offered[found].primary(), first.primary());
                if offered.contains(first) {
                    prop_assert_eq!(&offered[found], first);
                }
            }
        }
    }
}
