//! What an X.509 certificate says of itself (RFC 5280, section 4.1): whose it is, and when it is valid. Whether
//! anything is signed by it is not asked here.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::domain::{Timestamp, TrustedCertificate};

/// The longest certificate, bytes of PEM.
pub const MOST_PEM: usize = 16 << 10;

/// Why bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACertificate {
    /// Longer than any.
    #[error("has more than {MOST_PEM} bytes")]
    TooLong,
    /// No PEM with one certificate.
    #[error("is not one certificate as PEM")]
    NotPem,
    /// Its DER is not as RFC 5280 has it.
    #[error("is not a certificate that can be read")]
    Malformed,
}

/// The tags of DER that stand in what is read (X.690, section 8).
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// Attributes of a name that have a short one of their own (RFC 4514, section 3), by the DER of their number.
const ATTRIBUTES: [(&[u8], &str); 8] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 97], "organizationIdentifier"),
];

/// Reads the one certificate of a text.
pub fn of_pem(pem: &str) -> Result<TrustedCertificate, NotACertificate> {
    if pem.len() > MOST_PEM {
        return Err(NotACertificate::TooLong);
    }
    let mut found = CertificateDer::pem_slice_iter(pem.as_bytes());
    match (found.next(), found.next()) {
        (Some(Ok(one)), None) => of_der(one.as_ref().to_vec()),
        _ => Err(NotACertificate::NotPem),
    }
}

/// Reads a certificate.
pub fn of_der(der: Vec<u8>) -> Result<TrustedCertificate, NotACertificate> {
    let (subject, [not_before, not_after]) = told(&der).ok_or(NotACertificate::Malformed)?;
    let sha256 = digest(&SHA256, &der).as_ref().try_into().expect("SHA-256 has 32 bytes");
    Ok(TrustedCertificate { der, sha256, subject, not_before, not_after })
}

/// The subject and the validity.
fn told(der: &[u8]) -> Option<(String, [Timestamp; 2])> {
    let (certificate, []) = of(SEQUENCE, der)? else { return None };
    let (mut rest, _) = of(SEQUENCE, certificate)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = of(VERSION, rest)?;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        (_, _, rest) = next(rest)?;
    }
    let (validity, rest) = of(SEQUENCE, rest)?;
    let (subject, _) = of(SEQUENCE, rest)?;
    let (from, after) = instant(validity)?;
    let (until, _) = instant(after)?;
    Some((name(subject)?, [from, until]))
}

/// The first value, its tag, and what follows it.
fn next(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

fn of(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, value, rest) = next(der)?;
    (found == tag).then_some((value, rest))
}

/// `YYMMDDHHMMSSZ`, of 1950 to 2049, or `YYYYMMDDHHMMSSZ` (RFC 5280, section 4.1.2.5).
fn instant(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, value, rest) = next(der)?;
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.len()) {
        (UTC_TIME, 12) if text < "5" => format!("20{text}"),
        (UTC_TIME, 12) => format!("19{text}"),
        (GENERALIZED_TIME, 14) => text.to_owned(),
        _ => return None,
    };
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let [year, month, day, hour, minute, second] =
        [0..4, 4..6, 6..8, 8..10, 10..12, 12..14].map(|digits| &text[digits]);
    let at = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()?;
    Some((at, rest))
}

/// A name, its most particular part first, as people write it.
fn name(mut parts: &[u8]) -> Option<String> {
    let mut written = Vec::new();
    while !parts.is_empty() {
        let (mut set, rest) = of(SET, parts)?;
        while !set.is_empty() {
            let (attribute, others) = of(SEQUENCE, set)?;
            let (object, value) = of(OBJECT, attribute)?;
            let (_, value, _) = next(value)?;
            let known = ATTRIBUTES.iter().find(|(number, _)| *number == object);
            let mut key = known.map(|(_, key)| (*key).to_owned()).unwrap_or_default();
            if known.is_none() {
                for byte in object {
                    write!(key, "{byte:02x}").expect("a string takes all that is written to it");
                }
            }
            written.push(format!("{key}={}", escaped(&String::from_utf8_lossy(value))));
            set = others;
        }
        parts = rest;
    }
    written.reverse();
    Some(written.join(","))
}

/// A value that cannot be taken for two (RFC 4514, section 2.4), nor for anything but a line.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            ',' | '+' | '=' | '"' | '\\' | '<' | '>' | ';' => text.extend(['\\', c]),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate() -> rcgen::Certificate {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "JP");
        params.distinguished_name.push(DnType::OrganizationName, "Agency, Inc.");
        params.distinguished_name.push(DnType::CommonName, "Alerts 気象");
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2061, 1, 2);
        params.self_signed(&KeyPair::generate().expect("a key")).expect("signed")
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_how_long() {
        let certificate = certificate();
        let read = of_pem(&certificate.pem()).expect("it can be read");
        assert_eq!(read.subject, "CN=Alerts 気象,O=Agency\\, Inc.,C=JP");
        assert_eq!(read.not_before.to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(read.not_after.to_string(), "2061-01-02T00:00:00Z");
        assert_eq!(of_pem(&read.to_pem()), Ok(read.clone()));
        assert_eq!(of_der(read.der.clone()), Ok(read));
    }

    #[test]
    fn two_certificates_and_none_are_not_one() {
        let pem = certificate().pem();
        assert_eq!(of_pem(&pem.repeat(2)), Err(NotACertificate::NotPem));
        assert_eq!(of_pem("a key"), Err(NotACertificate::NotPem));
        assert_eq!(of_pem(&"a".repeat(MOST_PEM + 1)), Err(NotACertificate::TooLong));
        let key = KeyPair::generate().expect("a key").serialize_pem();
        assert_eq!(of_pem(&key), Err(NotACertificate::NotPem));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), cut: prop::sample::Index) {
            let good = certificate().der().to_vec();
            drop(of_der(good[..cut.index(good.len())].to_vec()));
            let mut bad = good.clone();
            let at = cut.index(good.len());
            bad.splice(at..at, bytes.iter().copied());
            drop(of_der(bad));
            drop(of_der(bytes));
        }
    }
}
