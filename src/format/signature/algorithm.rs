//! The algorithms of XML Signature that count here, by their names in XML (W3C XML Signature 1.1, section 6; RFC 6931).

use aws_lc_rs::digest;
use bergshamra_c14n::C14nMode;

/// The namespace of XML Signature.
pub(super) const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The transform that takes a signature out of what it signs.
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// The namespace of what exclusive canonicalisation may be told.
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// A hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// RSA with PKCS #1 v1.5 padding.
    Rsa(Hash),
    /// ECDSA on the curve of its key.
    Ecdsa(Hash),
}

impl Hash {
    /// The hash of a digest method.
    pub(super) fn named(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2000/09/xmldsig#sha1" => Some(Self::Sha1),
            "http://www.w3.org/2001/04/xmlenc#sha256" => Some(Self::Sha256),
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(Self::Sha384),
            "http://www.w3.org/2001/04/xmlenc#sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// As it is told to people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The hash of bytes.
    pub(super) fn of(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

impl Method {
    /// The method of a name.
    pub(super) fn named(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Some(Self::Rsa(Hash::Sha1)),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::Rsa(Hash::Sha256)),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Self::Rsa(Hash::Sha384)),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Self::Rsa(Hash::Sha512)),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Some(Self::Ecdsa(Hash::Sha256)),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Some(Self::Ecdsa(Hash::Sha384)),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => Some(Self::Ecdsa(Hash::Sha512)),
            _ => None,
        }
    }

    /// Whether a name is that of a method which nobody should trust, and which is not even tried here.
    pub(super) fn is_hopeless(uri: &str) -> bool {
        const HOPELESS: [&str; 5] = [
            "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
            "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        ];
        HOPELESS.contains(&uri)
    }

    /// Whether it is broken or nearly so.
    pub(super) fn is_weak(self) -> bool {
        matches!(self, Self::Rsa(Hash::Sha1) | Self::Ecdsa(Hash::Sha1))
    }

    /// As it is told to people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rsa(Hash::Sha1) => "RSA-SHA1",
            Self::Rsa(Hash::Sha256) => "RSA-SHA256",
            Self::Rsa(Hash::Sha384) => "RSA-SHA384",
            Self::Rsa(Hash::Sha512) => "RSA-SHA512",
            Self::Ecdsa(Hash::Sha1) => "ECDSA-SHA1",
            Self::Ecdsa(Hash::Sha256) => "ECDSA-SHA256",
            Self::Ecdsa(Hash::Sha384) => "ECDSA-SHA384",
            Self::Ecdsa(Hash::Sha512) => "ECDSA-SHA512",
        }
    }
}

/// The canonicalisation of a name, of those that leave comments out; what keeps them is not accepted.
pub(super) fn canonicalization(uri: &str) -> Option<C14nMode> {
    C14nMode::from_uri(uri).filter(|mode| !mode.with_comments())
}

/// A canonicalisation as it is told to people.
pub(super) fn canonicalization_name(mode: C14nMode) -> &'static str {
    match mode {
        C14nMode::Exclusive | C14nMode::ExclusiveWithComments => "exclusive C14N 1.0",
        C14nMode::Inclusive | C14nMode::InclusiveWithComments => "C14N 1.0",
        C14nMode::Inclusive11 | C14nMode::Inclusive11WithComments => "C14N 1.1",
    }
}
