//! A credential: whom it stands for, how that is proven, and how long.

use std::fmt;

use super::{CredentialId, Principal, SignedDuration, Timestamp};

/// How long a credential holds if nothing is said.
const HOLDS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long a credential may hold: long enough for a change once a year.
const HOLDS_AT_MOST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The longest display name, characters.
const LONGEST_NAME: usize = 128;

/// The longest URI of a certificate, bytes.
const LONGEST_URI: usize = 512;

/// Whom a credential stands for, how its holder proves it, and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id, which proves nothing.
    pub id: CredentialId,
    /// What people call it.
    pub display_name: String,
    /// Whom it stands for.
    pub principal: Principal,
    /// How its holder proves it.
    pub proof: Proof,
    /// When it was made.
    pub created: Timestamp,
    /// The credential of whoever made it; `None`: the server itself, or a development server's anybody.
    pub created_by: Option<CredentialId>,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was last used, as far as this run of the server knows.
    pub used: Option<Timestamp>,
}

/// How a credential's holder proves it.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token, of which only this is kept.
    Token {
        /// SHA-256 of its id and secret.
        sha256: [u8; 32],
    },
    /// A client certificate: the SHA-256 of it.
    Certificate([u8; 32]),
    /// Any good client certificate that names this URI as its subject's.
    CertificateUri(String),
}

/// A credential to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// What people call it.
    pub display_name: String,
    /// Whom it stands for.
    pub principal: Principal,
    /// How its holder is to prove it.
    pub proof: NewProof,
    /// When it ends by itself; `None`: in 90 days.
    pub expires: Option<Timestamp>,
}

/// How a new credential's holder is to prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewProof {
    /// By a token that is drawn now.
    Token,
    /// By the client certificate with this SHA-256.
    Certificate([u8; 32]),
    /// By any good client certificate that names this URI.
    CertificateUri(String),
}

/// Why a credential cannot be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// Its name is no name.
    #[error("display_name: must be 1 to {LONGEST_NAME} characters, none of them a control character")]
    DisplayName,
    /// It would never have held.
    #[error("expire_time: has passed")]
    Expired,
    /// It would hold for too long.
    #[error("expire_time: is more than 400 days away")]
    TooLong,
    /// It is no URI that a certificate could name.
    #[error("certificate_uri: must be a URI of 3 to {LONGEST_URI} visible ASCII characters")]
    Uri,
}

impl InvalidCredential {
    /// The field of the request that is wrong.
    pub const fn field(self) -> &'static str {
        match self {
            Self::DisplayName => "display_name",
            Self::Expired | Self::TooLong => "expire_time",
            Self::Uri => "certificate_uri",
        }
    }
}

impl NewCredential {
    /// When it ends, if it can be made so now.
    pub fn check(&self, now: Timestamp) -> Result<Timestamp, InvalidCredential> {
        let name = &self.display_name;
        if !(1..=LONGEST_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(InvalidCredential::DisplayName);
        }
        if matches!(&self.proof, NewProof::CertificateUri(uri) if !is_uri(uri)) {
            return Err(InvalidCredential::Uri);
        }
        let expires = self.expires.unwrap_or_else(|| now.saturating_add(HOLDS).unwrap_or(Timestamp::MAX));
        if expires <= now {
            return Err(InvalidCredential::Expired);
        }
        if expires.duration_since(now) > HOLDS_AT_MOST {
            return Err(InvalidCredential::TooLong);
        }
        Ok(expires)
    }
}

/// A hash of a token is of no use to anybody, and still is not shown.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token { .. } => "Token",
            Self::Certificate(_) => "Certificate",
            Self::CertificateUri(_) => "CertificateUri",
        })
    }
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    (3..=LONGEST_URI).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && scheme.is_some_and(is_scheme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    const NOW: Timestamp = Timestamp::constant(1_900_000_000, 0);

    fn new() -> NewCredential {
        let principal = Principal::Operator(Role::View);
        NewCredential { display_name: "Night desk".to_owned(), principal, proof: NewProof::Token, expires: None }
    }

    #[test]
    fn a_credential_always_ends() {
        let after = |hours| NewCredential { expires: Some(NOW + SignedDuration::from_hours(hours)), ..new() };
        assert_eq!(new().check(NOW), Ok(NOW + SignedDuration::from_hours(90 * 24)));
        assert_eq!(after(1).check(NOW), Ok(NOW + SignedDuration::from_hours(1)));
        assert_eq!(after(0).check(NOW), Err(InvalidCredential::Expired));
        assert_eq!(after(401 * 24).check(NOW), Err(InvalidCredential::TooLong));
    }

    #[test]
    fn names_and_uris_are_what_people_can_read() {
        for bad in ["", "a\nb", &"a".repeat(129)] {
            let named = NewCredential { display_name: bad.to_owned(), ..new() };
            assert_eq!(named.check(NOW), Err(InvalidCredential::DisplayName), "{bad:?}");
        }
        let of = |uri: &str| NewCredential { proof: NewProof::CertificateUri(uri.to_owned()), ..new() }.check(NOW);
        for bad in ["", "nowhere", ":a", "1a:b", "a: b", "spiffe://é"] {
            assert_eq!(of(bad), Err(InvalidCredential::Uri), "{bad:?}");
        }
        for good in ["spiffe://example.org/backend", "urn:uuid:1"] {
            assert!(of(good).is_ok(), "{good}");
        }
    }
}
