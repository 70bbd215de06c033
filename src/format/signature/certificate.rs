//! Certificates (RFC 5280), as far as a signature needs them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::domain::Timestamp;

/// The largest certificate that is read, bytes: a usual one has two thousand.
const LARGEST: usize = 16 << 10;

/// The fewest bits of an RSA key that counts (NIST SP 800-131A).
const RSA_BITS: usize = 2048;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// SHA-256 of a certificate: its name that nobody else can have. Shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A certificate. What it says is its issuer's word, and nothing here asks who that is.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    fingerprint: Fingerprint,
    subject: Arc<str>,
    from: Timestamp,
    until: Timestamp,
    key: Key,
    /// Whether its key may sign documents.
    signs: bool,
    /// Whether its key may sign certificates.
    issues: bool,
}

/// A public key, by what can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Rsa { bits: usize },
    P256,
    P384,
    Other,
}

impl Certificate {
    /// Reads a certificate in DER. `None` if it is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        if der.len() > LARGEST {
            return None;
        }
        let read = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
        let usage = read.get::<KeyUsage>().ok()?.map(|(_, usage)| usage);
        let basic = read.get::<BasicConstraints>().ok()?.map(|(_, basic)| basic);
        let instant = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).ok().and_then(|at| Timestamp::from_second(at).ok())
        };
        let usage_is = |is: fn(&KeyUsage) -> bool| usage.as_ref().is_none_or(is);
        Some(Self {
            der: der.into(),
            fingerprint: Fingerprint::of(der),
            subject: read.subject.to_string().into(),
            from: instant(read.validity.not_before)?,
            until: instant(read.validity.not_after)?,
            key: Key::of(&read.subject_public_key_info),
            // RFC 5280, section 4.2.1.3: without the extension a key may be used for anything.
            signs: usage_is(|usage| usage.digital_signature() || usage.non_repudiation()),
            issues: basic.is_some_and(|basic| basic.ca) && usage_is(KeyUsage::key_cert_sign),
        })
    }

    /// The certificate itself.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whom it names, as RFC 4514 writes names: `CN=IPAWSOPEN_200076,OU=Devices IPAWS,O=FEMA IPAWS,C=US`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its first and its last instant.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }

    /// Whether an instant is among those that it is valid at.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        // Its times are whole seconds, and the last one belongs to it (RFC 5280, section 4.1.2.5).
        self.from <= at && at.as_second() <= self.until.as_second()
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn signs(&self) -> bool {
        self.signs
    }

    pub(super) fn issues(&self) -> bool {
        self.issues
    }
}

/// Two certificates are one if they are the same bytes.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Certificate {}

impl Fingerprint {
    fn of(der: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self(sha256)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Key {
    fn of(spki: &SubjectPublicKeyInfoOwned) -> Self {
        let key = spki.subject_public_key.raw_bytes();
        match spki.algorithm.oid {
            RSA => modulus_bits(key).map_or(Self::Other, |bits| Self::Rsa { bits }),
            ELLIPTIC_CURVE => {
                let curve = spki.algorithm.parameters.as_ref();
                match curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok()) {
                    Some(P256) => Self::P256,
                    Some(P384) => Self::P384,
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    /// Whether signatures with it count.
    pub(super) fn is_strong(self) -> bool {
        match self {
            Self::Rsa { bits } => bits >= RSA_BITS,
            Self::P256 | Self::P384 => true,
            Self::Other => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA of {bits} bits"),
            Self::P256 => f.write_str("ECDSA on P-256"),
            Self::P384 => f.write_str("ECDSA on P-384"),
            Self::Other => f.write_str("a key of another kind"),
        }
    }
}

/// The bits of the modulus of an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?;
        UintRef::decode(inner)?;
        Ok(modulus)
    });
    let bytes = modulus.ok()?.as_bytes();
    let first = bytes.first()?;
    Some(bytes.len() * 8 - first.leading_zeros() as usize)
}
