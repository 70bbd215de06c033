//! Codes to polygons.
//!
//! A [`Gazetteer`] holds [`RegionSet`]s, each imported at once, of one [`Scheme`] and valid from one date. A code that
//! several sets have is the region of the newest that was valid when the alert was sent; a code that only an older one
//! has (zones are renumbered, and issuers lag behind) is the region of that.
//!
//! **An area is never widened** (rule 6 of the house), and that is held against each rule of thumb that is in use
//! elsewhere:
//!
//! - SAME with a part of the county (`P` from 1 to 9) is not resolved to the county. Nor is a town of China to its
//!   district, or an unknown district to its city or province: all of these hold ground that was not named. Such a code
//!   is warned if it was itself imported, and else reported.
//! - What does not widen is done: the six digits of a Chinese code and the twelve with zeros behind are the same
//!   region. And a whole that is not known (a state in SAME, a city or province of China) is warned in those of its
//!   parts that are known, since each part is in it; it is reported all the same, for there may be others.
//! - `NMZ000` and `NMZALL` are by definition all zones of the state that there are, so that the zones known are it.
//! - SAME `000000`, the nation, has no parts in that sense: it would warn everybody, and is warned only if it was
//!   imported as a region.
//!
//! Codes come from strangers: what one alert may name is bounded, in codes and in points ([`Codes`]).

mod codes;
mod expand;
mod region;
mod scheme;
mod unresolved;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::domain::{Geocode, Timestamp};

pub(super) use codes::{Codes, Resolution};
pub use region::{Region, RegionPlace, RegionSet};
pub use scheme::Scheme;
pub use unresolved::{Unresolved, Why};

use expand::{Named, expand};
use scheme::Kind;

/// How many digits of a Chinese code name a province, a city, a county, a town and a village.
const CPEAS_LEVELS: [usize; 5] = [2, 4, 6, 9, 12];

/// All regions that are known. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Gazetteer {
    /// Those of each scheme, the newest first.
    schemes: Arc<BTreeMap<Scheme, Vec<Arc<RegionSet>>>>,
}

/// A region that a code names.
#[derive(Debug, Clone)]
pub struct Known {
    /// The set that it is of.
    pub set: Arc<RegionSet>,
    /// The region. Its place are polygons: that which another is said to be the same as.
    pub region: Arc<Region>,
}

/// What is known of the codes of a value.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Regions.
    pub known: Vec<Known>,
    /// Codes that name none, or of which only parts are known.
    pub unresolved: Vec<Unresolved>,
}

impl Gazetteer {
    /// The most codes that one value may list.
    pub const MOST_CODES: usize = 10_000;

    /// A gazetteer of these sets, in whatever order they come.
    pub fn new(sets: impl IntoIterator<Item = Arc<RegionSet>>) -> Self {
        let mut schemes: BTreeMap<Scheme, Vec<Arc<RegionSet>>> = BTreeMap::new();
        for set in sets {
            schemes.entry(set.scheme().clone()).or_default().push(set);
        }
        for sets in schemes.values_mut() {
            sets.sort_by(|one, other| other.valid_from.cmp(&one.valid_from).then_with(|| one.name.cmp(&other.name)));
        }
        Self { schemes: Arc::new(schemes) }
    }

    /// Every set, by scheme, the newest first.
    pub fn sets(&self) -> impl Iterator<Item = &Arc<RegionSet>> {
        self.schemes.values().flatten()
    }

    /// What the codes of a geocode named at an instant. At most `most` codes are looked up.
    pub fn find(&self, geocode: &Geocode, at: Timestamp, most: usize) -> Found {
        let mut found = Found::default();
        let scheme = Scheme::named(&geocode.scheme);
        let look = Look { gazetteer: self, scheme: &scheme, written: geocode, at };
        let folded = scheme.fold(&geocode.code);
        if folded.is_empty() {
            look.miss(&folded, Why::Malformed, &mut found);
        } else if let Ok(known) = look.region(&folded) {
            // Before it is taken apart: a code may have blanks in it.
            found.known.push(known);
        } else {
            match expand(scheme.kind(), &folded, most) {
                None => look.miss(&geocode.code, Why::TooMuch, &mut found),
                // A list of nothing, as `-`.
                Some(codes) if codes.is_empty() => look.miss(&folded, Why::Malformed, &mut found),
                Some(codes) => {
                    let mut once = HashSet::new();
                    let codes = codes.iter().filter(|named| once.insert(*named));
                    codes.for_each(|named| look.named(named, &mut found));
                }
            }
        }
        found
    }
}

/// A search for what was named in one scheme.
struct Look<'a> {
    gazetteer: &'a Gazetteer,
    scheme: &'a Scheme,
    written: &'a Geocode,
    at: Timestamp,
}

impl Look<'_> {
    fn miss(&self, code: &str, why: Why, found: &mut Found) {
        let geocode = Geocode { scheme: self.written.scheme.clone(), code: code.into() };
        found.unresolved.push(Unresolved { geocode, why });
    }

    fn sets(&self) -> &[Arc<RegionSet>] {
        self.gazetteer.schemes.get(self.scheme).map_or(&[], Vec::as_slice)
    }

    fn named(&self, named: &Named, found: &mut Found) {
        match named {
            Named::Malformed(group) => self.miss(group, Why::Malformed, found),
            Named::AllOf(prefix) => {
                let imported = ["ALL", "000"].iter().find_map(|all| self.region(&format!("{prefix}{all}")).ok());
                let known = imported.map_or_else(|| self.parts(prefix), |whole| vec![whole]);
                if known.is_empty() {
                    self.miss(&format!("{prefix}ALL"), Why::Unknown, found);
                }
                found.known.extend(known);
            }
            Named::Code(code) => match self.region(code) {
                Ok(known) => found.known.push(known),
                Err(Why::Unknown) => self.unknown(code, found),
                Err(why) => self.miss(code, why, found),
            },
        }
    }

    /// The region of one folded code.
    fn region(&self, code: &str) -> Result<Known, Why> {
        let mut valid = self.sets().iter().filter(|set| set.is_valid_at(self.at));
        let Some((set, region)) = valid.find_map(|set| Some((set, set.get(code)?))) else {
            let is_later = self.sets().iter().any(|set| set.get(code).is_some());
            return Err(if is_later { Why::NotYetValid } else { Why::Unknown });
        };
        match &region.place {
            RegionPlace::Polygons(_) => Ok(Known { set: Arc::clone(set), region: Arc::clone(region) }),
            RegionPlace::SameAs(other) => {
                let scheme = Scheme::named(&other.scheme);
                let look = Look { scheme: &scheme, ..*self };
                // One step, so that none can go round in a circle.
                let direct = look.sets().iter().filter(|set| set.is_valid_at(self.at));
                let folded = scheme.fold(&other.code);
                let mut direct = direct.filter_map(|set| Some((set, set.get(&folded)?)));
                let drawn = direct.find(|(_, region)| matches!(region.place, RegionPlace::Polygons(_)));
                let (set, region) = drawn.ok_or(Why::SameAsUnknown)?;
                Ok(Known { set: Arc::clone(set), region: Arc::clone(region) })
            }
        }
    }

    /// What can be said of a code that no set has.
    fn unknown(&self, code: &str, found: &mut Found) {
        let digits = code.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, of) = match (self.scheme.kind(), code.len()) {
            (Kind::Same, 6) if digits => {
                if code == "000000" {
                    return self.miss(code, Why::Nation, found);
                }
                let is_part = !code.starts_with('0');
                let whole = (!is_part && code.ends_with("000")).then(|| code[..3].to_owned());
                (whole, if is_part { vec![format!("0{}", &code[1..])] } else { Vec::new() })
            }
            (Kind::Cpeas, 12) if digits => {
                let is_whole = |level: &usize| code[*level..].bytes().all(|byte| byte == b'0');
                let level = CPEAS_LEVELS.into_iter().find(is_whole).unwrap_or(12);
                let above = CPEAS_LEVELS.into_iter().filter(|above| *above < level);
                let above = above.map(|above| format!("{:0<12}", &code[..above])).collect();
                ((level < 12).then(|| code[..level].to_owned()), above)
            }
            (Kind::Same | Kind::Cpeas, _) => return self.miss(code, Why::Malformed, found),
            _ => return self.miss(code, Why::Unknown, found),
        };
        let parts = whole.map(|prefix| self.parts(&prefix)).unwrap_or_default();
        let is_part = || of.iter().any(|wider| self.region(wider).is_ok());
        let why = match parts.len() {
            0 if is_part() => Why::Part,
            0 => Why::Unknown,
            known => Why::InParts(known),
        };
        found.known.extend(parts);
        self.miss(code, why, found);
    }

    /// The regions whose codes begin so, by code, each as its newest valid set has it. One that lies in another of them
    /// is left out.
    fn parts(&self, prefix: &str) -> Vec<Known> {
        let valid = self.sets().iter().filter(|set| set.is_valid_at(self.at));
        let mut codes: Vec<&str> =
            valid.flat_map(|set| set.beginning(prefix)).map(|region| region.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        if self.scheme.kind() == Kind::Cpeas {
            let mut taken: Option<&str> = None;
            codes.retain(|code| {
                if taken.is_some_and(|wider| code.starts_with(wider)) {
                    return false;
                }
                let whole = |level: &usize| code.get(*level..).is_some_and(|rest| rest.bytes().all(|b| b == b'0'));
                taken = CPEAS_LEVELS.into_iter().find(whole).and_then(|level| code.get(..level));
                true
            });
        }
        codes.iter().filter_map(|code| self.region(code).ok()).collect()
    }
}

#[cfg(test)]
mod tests;
