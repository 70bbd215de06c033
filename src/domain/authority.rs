//! An alert authority as the operator admits it: for whom it speaks, and within which limits.

use std::fmt;
use std::num::NonZeroU32;

use compact_str::CompactString;

use super::{AlertScope, Area, AuthorityName, Category, Mode, NonEmpty, Ring, Sender, Severity, Timestamp};

/// An authority that the operator has admitted.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmittedAuthority {
    /// Its name in this server.
    pub name: AuthorityName,
    /// What it may do.
    pub terms: AuthorityTerms,
    /// When it was admitted.
    pub created: Timestamp,
    /// When its terms were last changed.
    pub updated: Timestamp,
    /// When it was revoked. It is never admitted again under that name.
    pub revoked: Option<Timestamp>,
    /// How often it was written, from 1: a change that says of which it is does not undo another's.
    pub revision: u64,
}

/// Within which limits an authority may warn. A list that is empty, and a limit that is not there, limits nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorityTerms {
    /// What people call it.
    pub display_name: String,
    /// The CAP senders that it speaks for.
    pub senders: NonEmpty<Sender>,
    /// The ground that it may warn.
    pub jurisdiction: Jurisdiction,
    /// The kinds of hazards that it may warn of: each category of an info is to be one of these.
    pub categories: Vec<Category>,
    /// The events that it may warn of, by CAP's `event` or a value of its `eventCode`.
    pub events: Vec<CompactString>,
    /// The formats that it may write, by the names that `alert check` tells.
    pub formats: Vec<CompactString>,
    /// CAP's `status`.
    pub modes: Vec<Mode>,
    /// CAP's `scope`.
    pub scopes: Vec<AlertScope>,
    /// The worst severity that it may claim.
    pub highest_severity: Option<Severity>,
    /// How often it may send.
    pub rate: Option<AlertRate>,
    /// How many people an alert of it may reach before a second person has to approve it.
    pub reach_limit: Option<u64>,
    /// By whom its alerts are to be signed; `None`: by nobody.
    pub signature: Option<SignatureRule>,
}

/// The ground that an authority may warn.
#[derive(Debug, Clone, PartialEq)]
pub enum Jurisdiction {
    /// All of it, as the operator said in so many words.
    World,
    /// These polygons.
    Ground(Area),
}

/// How often an authority may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRate {
    /// Alerts a minute, on average.
    pub per_minute: NonZeroU32,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

/// By whom an authority's alerts are to be signed: by one of `certificates` itself, or by one that leads to one of
/// `roots` and is of one of `subjects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRule {
    /// Certificates that sign.
    pub certificates: Vec<TrustedCertificate>,
    /// Certificates that such are signed by.
    pub roots: Vec<TrustedCertificate>,
    /// The subjects that a certificate under the roots may have, as [`TrustedCertificate::subject`] writes them.
    pub subjects: Vec<String>,
}

/// A certificate that the operator trusts.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Whose it is, as RFC 4514 writes names: `CN=Alerts,O=Agency,C=US`.
    pub subject: String,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

impl TrustedCertificate {
    /// As PEM (RFC 7468).
    pub fn to_pem(&self) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in self.der.chunks(48) {
            for three in line.chunks(3) {
                let bits =
                    three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
                for place in 0..4 {
                    let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
                    text.push(if place <= three.len() { char::from(digit) } else { '=' });
                }
            }
            text.push('\n');
        }
        text + "-----END CERTIFICATE-----\n"
    }
}

impl AuthorityTerms {
    /// What differs from `before`, each field with what it was and what it is.
    pub fn changes(&self, before: &Self) -> Vec<CompactString> {
        let (was, is) = (before.told(), self.told());
        let pairs = was.into_iter().zip(is).filter(|(was, is)| was.1 != is.1);
        pairs.map(|((field, was), (_, is))| CompactString::from(format!("{field}: {was} -> {is}"))).collect()
    }

    /// All of them, each with what it is.
    pub fn described(&self) -> Vec<CompactString> {
        self.told().into_iter().map(|(field, is)| CompactString::from(format!("{field}: {is}"))).collect()
    }

    /// Each field in words.
    fn told(&self) -> [(&'static str, String); 12] {
        let any = |list: Vec<String>| if list.is_empty() { "any".to_owned() } else { list.join(", ") };
        let or_none = |limit: Option<String>| limit.unwrap_or_else(|| "none".to_owned());
        [
            ("display_name", self.display_name.clone()),
            ("senders", any(self.senders.iter().map(|sender| sender.as_str().to_owned()).collect())),
            ("jurisdiction", self.jurisdiction.to_string()),
            ("categories", any(self.categories.iter().map(|category| category.as_str().to_owned()).collect())),
            ("events", any(self.events.iter().map(ToString::to_string).collect())),
            ("formats", any(self.formats.iter().map(ToString::to_string).collect())),
            ("modes", any(self.modes.iter().map(|mode| mode.name().to_owned()).collect())),
            ("scopes", any(self.scopes.iter().map(|scope| scope.name().to_owned()).collect())),
            ("highest_severity", or_none(self.highest_severity.map(|severity| severity.as_str().to_owned()))),
            ("rate", or_none(self.rate.map(|rate| rate.to_string()))),
            ("reach_limit", or_none(self.reach_limit.map(|limit| limit.to_string()))),
            ("signature", or_none(self.signature.as_ref().map(ToString::to_string))),
        ]
    }
}

impl Jurisdiction {
    /// The rings that it is drawn by.
    fn rings(&self) -> impl Iterator<Item = &Ring> {
        let polygons = match self {
            Self::World => &[][..],
            Self::Ground(area) => &area.polygons,
        };
        polygons.iter().flat_map(|polygon| std::iter::once(&polygon.outer).chain(&polygon.holes))
    }

    /// How many points it is drawn by.
    pub fn points(&self) -> usize {
        self.rings().map(|ring| ring.points().len()).sum()
    }
}

impl fmt::Display for Jurisdiction {
    /// Short, and different for different ground: a checksum of its points is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let area = match self {
            Self::World => return f.write_str("the whole world"),
            Self::Ground(area) => area,
        };
        let points: Vec<&[f64; 2]> = self.rings().flat_map(Ring::points).collect();
        let bytes: Vec<u8> = points.iter().flat_map(|point| point.map(f64::to_le_bytes).concat()).collect();
        let (polygons, count, sum) = (area.polygons.len(), points.len(), crc32fast::hash(&bytes));
        write!(f, "{polygons} polygons of {count} points, checksum {sum:08x}")
    }
}

impl fmt::Display for AlertRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a minute, {} at once", self.per_minute, self.burst)
    }
}

impl fmt::Display for SignatureRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("certificates", &self.certificates), ("roots", &self.roots)];
        for (what, certificates) in all.iter().filter(|(_, certificates)| !certificates.is_empty()) {
            write!(f, "{what}")?;
            for certificate in *certificates {
                f.write_str(" ")?;
                certificate.sha256.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
            f.write_str("; ")?;
        }
        let subjects = if self.subjects.is_empty() { "any".to_owned() } else { self.subjects.join(" or ") };
        write!(f, "subject {subjects}")
    }
}

impl fmt::Debug for TrustedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedCertificate").field("subject", &self.subject).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Polygon;

    fn terms(ring: [[f64; 2]; 3]) -> AuthorityTerms {
        let outer = Ring::new(ring).expect("a ring");
        let area = Area { polygons: vec![Polygon { outer, holes: vec![] }], ..Area::default() };
        AuthorityTerms {
            display_name: "Agency".to_owned(),
            senders: NonEmpty::of(Sender::new("a@example.org").expect("a sender")),
            jurisdiction: Jurisdiction::Ground(area),
            categories: vec![],
            events: vec![],
            formats: vec![],
            modes: vec![],
            scopes: vec![],
            highest_severity: None,
            rate: None,
            reach_limit: None,
            signature: None,
        }
    }

    #[test]
    fn a_change_is_told_with_what_was_and_what_is() {
        let before = terms([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(before.changes(&before), Vec::<CompactString>::new());
        let moved = terms([[0.0, 0.0], [1.0, 0.0], [0.0, 1.000_000_1]]);
        let after = AuthorityTerms {
            categories: vec![Category::Met, Category::Geo],
            highest_severity: Some(Severity::Severe),
            ..moved
        };
        let changes = after.changes(&before);
        assert_eq!(changes.len(), 3);
        assert!(changes[0].starts_with("jurisdiction: 1 polygons of 3 points, checksum "), "{}", changes[0]);
        assert_eq!(changes[1], "categories: any -> Met, Geo");
        assert_eq!(changes[2], "highest_severity: none -> Severe");
    }
}
