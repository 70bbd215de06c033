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

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
