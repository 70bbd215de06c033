//! Whose signatures count.

use std::str::FromStr;
use std::time::Duration;

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};
use x509_cert::name::Name;

use super::certificate::{Certificate, Key};
use crate::domain::{SignatureRule, Timestamp, TrustedCertificate};

/// Certificates of one kind that are kept at most.
const MOST: usize = 16;

/// Whose signatures count for an authority: certificates that are pinned, or names whose certificates lead to roots.
///
/// A name is compared with the one in the certificate that made the signature, whole and as RFC 4514 writes it. What a
/// message says beside its certificate (`X509SubjectName`, `KeyName`, a bare `KeyValue`) counts for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    pinned: Vec<Certificate>,
    roots: Vec<Certificate>,
    subjects: Vec<String>,
}

/// Why something cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// Nothing is given that could be trusted.
    #[error("certificates: neither a certificate nor a root with a subject is given")]
    Nothing,
    /// A text that is no PEM.
    #[error("{field}: is not PEM")]
    NotPem {
        /// Which.
        field: &'static str,
    },
    /// A PEM without a certificate.
    #[error("{field}: has no certificate")]
    Empty {
        /// Which.
        field: &'static str,
    },
    /// Secrets do not belong here.
    #[error("{field}: has a private key in it: give certificates alone")]
    PrivateKey {
        /// Which.
        field: &'static str,
    },
    /// A certificate that cannot be read.
    #[error("{field}: certificate {number} cannot be read")]
    Unreadable {
        /// Which PEM.
        field: &'static str,
        /// Which of its certificates, from 1.
        number: usize,
    },
    /// More certificates or names than are kept.
    #[error("{field}: there are more than {most}")]
    TooMany {
        /// Of what.
        field: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// A key with which no signature counts.
    #[error("{field}: the key of {subject:?} ({key}) is too weak or of a kind that does not count here")]
    WeakKey {
        /// Which PEM.
        field: &'static str,
        /// Whose.
        subject: String,
        /// Its key.
        key: String,
    },
    /// A certificate that is not for signing.
    #[error("certificates: that of {subject:?} is not for signing (key usage)")]
    NotForSigning {
        /// Whose.
        subject: String,
    },
    /// A root that may issue nothing.
    #[error("roots: {subject:?} may issue no certificates (basic constraints, key usage)")]
    NoRoot {
        /// Whose certificate.
        subject: String,
    },
    /// Roots alone would trust everybody who has a certificate of them.
    #[error("subject: is missing: roots need the name of the signer, as CN=Warnings,O=Weather Office,C=GB")]
    NoSubject,
    /// Names alone are anybody's.
    #[error("roots: are missing: a subject needs the roots that its certificate leads to")]
    NoRoots,
    /// No name.
    #[error("subject: {subject:?} is no name as CN=Warnings,O=Weather Office,C=GB (RFC 4514)")]
    Subject {
        /// What is given.
        subject: String,
    },
}

/// What a certificate is trusted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedBy {
    /// It is pinned itself.
    Certificate,
    /// It has a name that is trusted, by a root that is.
    Root,
}

impl Trust {
    /// Trusts the certificates of one PEM (`certificates`; empty: none), and `subjects` whose certificates lead to the
    /// roots of another (`roots`).
    pub fn new<S: AsRef<str>>(certificates: &[u8], roots: &[u8], subjects: &[S]) -> Result<Self, TrustFault> {
        let pinned = if certificates.is_empty() { Vec::new() } else { read("certificates", certificates)? };
        let roots = if roots.is_empty() { Vec::new() } else { read("roots", roots)? };
        if pinned.is_empty() && roots.is_empty() && subjects.is_empty() {
            return Err(TrustFault::Nothing);
        }
        if let Some(other) = pinned.iter().find(|pinned| !pinned.signs()) {
            return Err(TrustFault::NotForSigning { subject: other.subject().to_owned() });
        }
        if let Some(other) = roots.iter().find(|root| !root.issues()) {
            return Err(TrustFault::NoRoot { subject: other.subject().to_owned() });
        }
        match (roots.is_empty(), subjects.is_empty()) {
            (false, true) => return Err(TrustFault::NoSubject),
            (true, false) => return Err(TrustFault::NoRoots),
            _ => {}
        }
        if subjects.len() > MOST {
            return Err(TrustFault::TooMany { field: "subject", most: MOST });
        }
        let subjects = subjects.iter().map(|subject| name(subject.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { pinned, roots, subjects })
    }

    /// Trusts whom an authority's rule names.
    pub fn of(rule: &SignatureRule) -> Result<Self, TrustFault> {
        let pem = |certificates: &[TrustedCertificate]| -> Vec<u8> {
            certificates.iter().map(TrustedCertificate::to_pem).collect::<String>().into_bytes()
        };
        Self::new(&pem(&rule.certificates), &pem(&rule.roots), &rule.subjects)
    }

    /// The certificates that are pinned.
    pub fn certificates(&self) -> &[Certificate] {
        &self.pinned
    }

    /// The roots.
    pub fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    /// The names that are trusted if their certificates lead to one of the roots, as RFC 4514 writes them.
    pub fn subjects(&self) -> &[String] {
        &self.subjects
    }

    /// Whether a certificate is pinned.
    pub(super) fn pins(&self, certificate: &Certificate) -> bool {
        self.pinned.contains(certificate)
    }

    /// Whether a name is one of those that are trusted, if its certificate is issued by a root.
    pub(super) fn names(&self, certificate: &Certificate) -> bool {
        self.subjects.iter().any(|subject| subject == certificate.subject())
    }

    /// Whether a certificate leads to a root at an instant, over others that came with it (RFC 5280, section 6).
    pub(super) fn leads_to_root(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        at: Timestamp,
    ) -> Result<(), webpki::Error> {
        let der = |certificate: &Certificate| CertificateDer::from(certificate.der().to_vec());
        let (own, roots) = (der(certificate), self.roots.iter().map(der).collect::<Vec<_>>());
        let anchors = roots.iter().map(webpki::anchor_from_trusted_cert).collect::<Result<Vec<TrustAnchor>, _>>()?;
        let others: Vec<_> = others.iter().filter(|other| *other != certificate).map(der).collect();
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let end = EndEntityCert::try_from(&own)?;
        end.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &others, at, AnyPurpose, None, None).map(drop)
    }
}

/// What a certificate may be used for beside signing (extended key usage) does not matter: issuers of alerts have those
/// of servers, of mail and of code.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The certificates of a PEM, each once.
fn read(field: &'static str, pem: &[u8]) -> Result<Vec<Certificate>, TrustFault> {
    let mut certificates = Vec::new();
    for (index, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
        let (kind, der) = section.map_err(|_| TrustFault::NotPem { field })?;
        match kind {
            SectionKind::Certificate => {}
            SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey => {
                return Err(TrustFault::PrivateKey { field });
            }
            _ => continue,
        }
        let certificate = Certificate::read(&der).ok_or(TrustFault::Unreadable { field, number: index + 1 })?;
        if !certificate.key().is_strong() && (field == "certificates" || certificate.key() != Key::Other) {
            let subject = certificate.subject().to_owned();
            return Err(TrustFault::WeakKey { field, subject, key: certificate.key().to_string() });
        }
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
        if certificates.len() > MOST {
            return Err(TrustFault::TooMany { field, most: MOST });
        }
    }
    if certificates.is_empty() { Err(TrustFault::Empty { field }) } else { Ok(certificates) }
}

/// A name as it is compared, in the one way to write it.
fn name(subject: &str) -> Result<String, TrustFault> {
    let fault = || TrustFault::Subject { subject: subject.to_owned() };
    let name = Name::from_str(subject.trim()).map_err(|_| fault())?;
    if name.is_empty() { Err(fault()) } else { Ok(name.to_string()) }
}
