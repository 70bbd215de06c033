//! Identities: one type for each.
//!
//! [`Slot`] and [`DeviceSlot`] are the dense numbers of the hot path; they never leave the server. [`Cid`] and [`Gid`]
//! are what partners see. Names follow AIP-122: `partners/{partner}/apps/{app}/registrations/{cid}`.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;

/// A registration's dense, durable number. Never reused while a lineage names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// The number of a device: the slot of its group's first registration, and a registration's own slot until a group is
/// proven (R-L7). Never derived from a GID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceSlot(pub u32);

/// The dense number of an app of a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppSlot(pub u16);

/// One place of one registration: ordinal 0 is where its phone is, 1 and up are places that its user follows (R-S3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId {
    /// The registration that the place belongs to.
    pub slot: Slot,
    /// Which of its places.
    pub ordinal: u8,
}

impl PlaceId {
    /// Where the phone of `slot` is.
    pub const fn live(slot: Slot) -> Self {
        Self { slot, ordinal: 0 }
    }
}

/// An alert and all that update or cancel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineageId(pub u64);

/// The number of a bulletin in its lineage, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u32);

impl Revision {
    /// The first bulletin of a lineage.
    pub const FIRST: Self = Self(1);

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Names one notice of one bulletin to one device: devices drop what they have seen under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The lineage.
    pub lineage: LineageId,
    /// The revision.
    pub revision: Revision,
}

impl fmt::Display for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for LineageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidId::Malformed)
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.lineage, self.revision.0)
    }
}

/// A name or id that does not have its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not of the form that this kind of id has.
    #[error("malformed")]
    Malformed,
    /// A resource id is 1 to 63 of `a-z`, `0-9` and `-`, and starts with a letter (AIP-122).
    #[error("must be 1 to 63 characters of a-z, 0-9 and -, starting with a letter")]
    ResourceId,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 128 bits in Crockford's base 32, 26 characters, lower case.
fn write_base32(bytes: [u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = u128::from_be_bytes(bytes);
    for digit in (0..26).rev() {
        let index = (value >> (digit * 5)) & 31;
        write!(f, "{}", char::from(ALPHABET[index as usize]))?;
    }
    Ok(())
}

fn read_base32(text: &str) -> Result<[u8; 16], InvalidId> {
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return Err(InvalidId::Malformed);
    }
    let mut value = 0_u128;
    for byte in text.bytes() {
        let digit = DIGITS[usize::from(byte)];
        if digit == NO_DIGIT {
            return Err(InvalidId::Malformed);
        }
        value = value << 5 | u128::from(digit);
    }
    Ok(value.to_be_bytes())
}

const NO_DIGIT: u8 = u8::MAX;

/// What each byte stands for in base 32.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_base32(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                read_base32(text).map(Self)
            }
        }
    };
}

public_id! {
    /// A client id: names a registration. 128 random bits; 26 characters of Crockford's base 32. `Debug` does not show
    /// it.
    Cid
}
public_id! {
    /// Tells a registration that claims another's CID from it: 128 random bits. `Debug` does not show it.
    Installation
}
public_id! {
    /// A device id as one partner sees it: a pseudonym that two partners cannot compare. `Debug` does not show it.
    Gid
}
public_id! {
    /// Names a person in the audit log: 128 random bits that belong to one registration and say nothing by themselves.
    /// What they stand for is in the registration, and goes with it (R-P6).
    AuditSubject
}

pub(super) fn resource_id(text: &str) -> Result<CompactString, InvalidId> {
    let well_formed = (1..=63).contains(&text.len())
        && text.as_bytes()[0].is_ascii_lowercase()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if well_formed { Ok(text.into()) } else { Err(InvalidId::ResourceId) }
}

/// `partners/{partner}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartnerName(CompactString);

impl PartnerName {
    /// The name with this id.
    pub fn new(id: &str) -> Result<Self, InvalidId> {
        resource_id(id).map(Self)
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// `partners/{partner}/apps/{app}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName {
    /// The partner whose app it is.
    pub partner: PartnerName,
    id: CompactString,
}

impl AppName {
    /// The name with this id.
    pub fn new(partner: PartnerName, id: &str) -> Result<Self, InvalidId> {
        Ok(Self { partner, id: resource_id(id)? })
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// `partners/{partner}/apps/{app}/registrations/{cid}`, or with `@{installation}` behind it for one that claims the
/// CID. `Debug` shows neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistrationName {
    /// The app.
    pub app: AppName,
    /// The client id.
    pub cid: Cid,
    /// Which of those that claim the CID; `None` is the one that holds it.
    pub installation: Option<Installation>,
}

impl fmt::Display for PartnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partners/{}", self.0)
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/apps/{}", self.partner, self.id)
    }
}

impl fmt::Display for RegistrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/registrations/{}", self.app, self.cid)?;
        self.installation.map_or(Ok(()), |installation| write!(f, "@{installation}"))
    }
}

impl FromStr for PartnerName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.strip_prefix("partners/").ok_or(InvalidId::Malformed)?)
    }
}

impl FromStr for AppName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // No id holds a slash.
        let (partner, app) = text.rsplit_once('/').ok_or(InvalidId::Malformed)?;
        let partner = partner.strip_suffix("/apps").ok_or(InvalidId::Malformed)?;
        Self::new(partner.parse()?, app)
    }
}

impl FromStr for RegistrationName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // No id holds a slash, so that the last one is the one before the CID.
        let (app, cid) = text.rsplit_once('/').ok_or(InvalidId::Malformed)?;
        let app = app.strip_suffix("/registrations").ok_or(InvalidId::Malformed)?;
        let (cid, installation) = match cid.split_once('@') {
            Some((cid, installation)) => (cid, Some(installation.parse()?)),
            None => (cid, None),
        };
        Ok(Self { app: app.parse()?, cid: cid.parse()?, installation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cid_reads_back_as_it_was_written() {
        let cid = Cid([0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xfe]);
        assert_eq!(cid.to_string().parse(), Ok(cid));
        assert!("z0000000000000000000000000".parse::<Cid>().is_err(), "more than 128 bits");
    }

    #[test]
    fn what_is_no_cid_is_refused() {
        let good = Cid([0x5a; 16]).to_string();
        for at in 0..good.len() {
            for wrong in ["i", "l", "o", "u", "-", "A", " ", "\u{e9}"] {
                let mut text = good.clone();
                text.replace_range(at..=at, wrong);
                assert!(text.parse::<Cid>().is_err(), "{text}");
            }
        }
        for text in [&good[1..], "", "0", &format!("{good}0")] {
            assert!(text.parse::<Cid>().is_err(), "{text}");
        }
        for wrong in [
            "partners/a/apps/b/x",
            "partners/a/registrations",
            "a/apps/b/registrations",
            "partners/a/apps//registrations",
        ] {
            assert!(format!("{wrong}/{good}").parse::<RegistrationName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_registration_name_reads_back_and_its_debug_hides_the_cid() {
        let name: RegistrationName =
            format!("partners/dev/apps/news/registrations/{}", Cid([7; 16])).parse().expect("well-formed");
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        assert!(!format!("{name:?}").contains(&name.cid.to_string()));
    }

    #[test]
    fn the_name_of_a_claim_says_which_it_is_and_reads_back() {
        let plain = format!("partners/dev/apps/news/registrations/{}", Cid([7; 16]));
        let installation = Installation([9; 16]);
        let name: RegistrationName = format!("{plain}@{installation}").parse().expect("well-formed");
        assert_eq!((name.cid, name.installation), (Cid([7; 16]), Some(installation)));
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        assert!(!format!("{name:?}").contains(&installation.to_string()));
        for wrong in ["@", "@0", &format!("@{installation}@"), &format!("@{installation}@{installation}"), "@latest"] {
            assert!(format!("{plain}{wrong}").parse::<RegistrationName>().is_err(), "{wrong}");
        }
    }
}
