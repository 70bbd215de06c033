//! Standing areas of partners' own (R-S1).

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;

use super::id::resource_id;
use super::{AppName, Area, InvalidId, PartnerName, Timestamp};

/// `partners/{partner}/zones/{zone}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneName {
    /// The partner whose zone it is.
    pub partner: PartnerName,
    id: CompactString,
}

impl ZoneName {
    /// The name with this id.
    pub fn new(partner: PartnerName, id: &str) -> Result<Self, InvalidId> {
        Ok(Self { partner, id: resource_id(id)? })
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/zones/{}", self.partner, self.id)
    }
}

impl FromStr for ZoneName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (partner, zone) = text.split_once("/zones/").ok_or(InvalidId::Malformed)?;
        Self::new(partner.parse()?, zone)
    }
}

/// A standing area of a partner's: which of its registrations move into it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its name.
    pub name: ZoneName,
    /// What people call it, at most 128 characters.
    pub display_name: String,
    /// Its ground; it has some, and no codes.
    pub area: Area,
    /// The apps of its partner that it is for; none means all of them.
    pub apps: Vec<AppName>,
    /// When it is no longer in force; `None` means not before it is deleted.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// What a zone's partner says of it; `None` where nothing is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ZoneChange {
    /// What people call it.
    pub display_name: Option<String>,
    /// Its ground.
    pub area: Option<Area>,
    /// The apps that it is for.
    pub apps: Option<Vec<AppName>>,
    /// When it ends by itself; `Some(None)`: it does not.
    pub expires: Option<Option<Timestamp>>,
}

impl Zone {
    /// Whether it is in force at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl Area {
    /// How many points its rings have, and its circles: one each.
    pub fn points(&self) -> usize {
        let rings = self.polygons.iter().flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes));
        rings.map(|ring| ring.points().len()).sum::<usize>() + self.circles.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zones_name_reads_back_as_it_was_written() {
        let name: ZoneName = "partners/dev/zones/shelter-1".parse().expect("a name");
        assert_eq!(
            (name.partner.id(), name.id(), name.to_string()),
            ("dev", "shelter-1", "partners/dev/zones/shelter-1".to_owned())
        );
        for wrong in ["partners/dev/zones/", "partners/dev/apps/a", "partners/dev", "zones/a", "partners/dev/zones/a/b"]
        {
            assert!(wrong.parse::<ZoneName>().is_err(), "{wrong}");
        }
    }
}
