//! A signer of alerts that shares nothing with the verifier: certificates by `rcgen`, keys by `aws-lc-rs`, and
//! canonical forms by writing everything in canonical form to begin with.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RsaKeyPair,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, date_time_ymd,
};

pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const RSA_SHA512: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";
pub(crate) const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
pub(crate) const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
pub(crate) const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
pub(crate) const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
pub(crate) const C14N_11: &str = "http://www.w3.org/2006/12/xml-c14n11";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(crate) const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

/// What kind of key is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
}

/// Somebody with a key and a certificate.
pub(crate) struct Signer {
    key: Key,
    pub(crate) certificate: rcgen::Certificate,
}

/// Somebody who issues certificates.
pub(crate) struct Authority {
    pub(crate) certificate: rcgen::Certificate,
    params: CertificateParams,
    key: KeyPair,
}

/// What a certificate says.
#[derive(Clone)]
pub(crate) struct Paper {
    pub(crate) name: &'static str,
    /// First and last year.
    pub(crate) years: (i32, i32),
    pub(crate) usage: Vec<KeyUsagePurpose>,
}

impl Paper {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, years: (2020, 2040), usage: vec![KeyUsagePurpose::DigitalSignature] }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, DnValue::PrintableString("GB".try_into().expect("ASCII")));
        params.distinguished_name.push(DnType::OrganizationName, "Weather Office");
        params.distinguished_name.push(DnType::CommonName, self.name);
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        params.key_usages.clone_from(&self.usage);
        params
    }
}

impl Authority {
    /// A root.
    pub(crate) fn root(name: &'static str) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mut params = Paper { usage: vec![KeyUsagePurpose::KeyCertSign], ..Paper::of(name) }.params();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, params, key }
    }

    /// An issuer below it.
    pub(crate) fn issuer(&self, name: &'static str) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mut params = Paper { usage: vec![KeyUsagePurpose::KeyCertSign], ..Paper::of(name) }.params();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let above = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &above).expect("a certificate");
        Self { certificate, params, key }
    }
}

impl Signer {
    /// Somebody whose certificate is their own word.
    pub(crate) fn new(kind: Kind, paper: &Paper) -> Self {
        let pair = pair(kind);
        let certificate = paper.params().self_signed(&pair).expect("a certificate");
        Self { key: Key::of(kind, &pair), certificate }
    }

    /// Somebody whose certificate is an authority's word.
    pub(crate) fn by(authority: &Authority, kind: Kind, paper: &Paper) -> Self {
        let pair = pair(kind);
        let issuer = Issuer::from_params(&authority.params, &authority.key);
        let certificate = paper.params().signed_by(&pair, &issuer).expect("a certificate");
        Self { key: Key::of(kind, &pair), certificate }
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.certificate.pem().into_bytes()
    }

    fn sign(&self, method: &str, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(pair) => {
                let padding = if method == RSA_SHA512 { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, bytes, &mut signature).expect("it signs");
                signature
            }
            Key::P256(pair) | Key::P384(pair) => pair.sign(&random, bytes).expect("it signs").as_ref().to_vec(),
        }
    }

    fn method(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => RSA_SHA256,
            Key::P256(_) => ECDSA_SHA256,
            Key::P384(_) => ECDSA_SHA384,
        }
    }
}

fn pair(kind: Kind) -> KeyPair {
    match kind {
        Kind::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
        Kind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Kind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
    }
    .expect("a key")
}

impl Key {
    fn of(kind: Kind, pair: &KeyPair) -> Self {
        let pkcs8 = pair.serialize_der();
        let curve = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).expect("a key");
        match kind {
            Kind::Rsa => Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8).expect("a key"))),
            Kind::P256 => Self::P256(curve(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            Kind::P384 => Self::P384(curve(&ECDSA_P384_SHA384_FIXED_SIGNING)),
        }
    }
}

/// How a signature is written.
#[derive(Clone)]
pub(crate) struct Recipe<'r> {
    pub(crate) signer: &'r Signer,
    pub(crate) canonicalization: &'r str,
    /// Empty: of the signer's key.
    pub(crate) method: &'r str,
    pub(crate) transforms: Vec<&'r str>,
    pub(crate) uri: &'r str,
    pub(crate) hash: &'r str,
    /// What is in `KeyInfo`; `None`: the signer's certificate.
    pub(crate) key_info: Option<String>,
    /// Attributes of the signature.
    pub(crate) attributes: &'r str,
    /// What follows `KeyInfo`.
    pub(crate) object: &'r str,
    /// Another text that is signed in place of the alert.
    pub(crate) instead: Option<&'r str>,
}

impl<'r> Recipe<'r> {
    pub(crate) fn of(signer: &'r Signer) -> Self {
        Self {
            signer,
            canonicalization: EXCLUSIVE,
            method: "",
            transforms: vec![ENVELOPED, EXCLUSIVE],
            uri: "",
            hash: SHA256,
            key_info: None,
            attributes: "",
            object: "",
            instead: None,
        }
    }

    /// A signature of an alert that is written in canonical form and has no signature.
    pub(crate) fn signature(&self, alert: &str) -> String {
        let signed = self.instead.unwrap_or(alert).as_bytes();
        let digest = match self.hash {
            SHA1 => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed),
            SHA512 => digest::digest(&digest::SHA512, signed),
            _ => digest::digest(&digest::SHA256, signed),
        };
        let transform = |uri: &&str| format!("<Transform Algorithm=\"{uri}\"></Transform>");
        let transforms: String = self.transforms.iter().map(transform).collect();
        let method = if self.method.is_empty() { self.signer.method() } else { self.method };
        let info = format!(
            "<CanonicalizationMethod Algorithm=\"{}\"></CanonicalizationMethod>\
             <SignatureMethod Algorithm=\"{method}\"></SignatureMethod><Reference URI=\"{}\">\
             <Transforms>{transforms}</Transforms><DigestMethod Algorithm=\"{}\"></DigestMethod>\
             <DigestValue>{}</DigestValue></Reference></SignedInfo>",
            self.canonicalization,
            self.uri,
            self.hash,
            base64(digest.as_ref()),
        );
        // Its canonical form: the namespace that it takes from the signature is written on it.
        let value = self.signer.sign(method, format!("<SignedInfo xmlns=\"{XMLDSIG}\">{info}").as_bytes());
        let key_info = self.key_info.clone().unwrap_or_else(|| x509(&[&self.signer.certificate]));
        format!(
            "<Signature xmlns=\"{XMLDSIG}\"{}><SignedInfo>{info}<SignatureValue>{}</SignatureValue>\
             <KeyInfo>{key_info}</KeyInfo>{}</Signature>",
            self.attributes,
            base64(&value),
            self.object,
        )
    }

    /// The alert with its signature.
    pub(crate) fn sign(&self, alert: &str) -> String {
        put_in(alert, &self.signature(alert))
    }
}

/// What `KeyInfo` has of certificates.
pub(crate) fn x509(certificates: &[&rcgen::Certificate]) -> String {
    let written =
        |certificate: &&rcgen::Certificate| format!("<X509Certificate>{}</X509Certificate>", base64(certificate.der()));
    format!("<X509Data>{}</X509Data>", certificates.iter().map(written).collect::<String>())
}

/// An alert with something more at its end.
pub(crate) fn put_in(alert: &str, more: &str) -> String {
    let inside = alert.strip_suffix("</alert>").expect("it is an alert");
    format!("{inside}{more}</alert>")
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let held = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for index in 0..4 {
            let sign = char::from(SIGNS[(held >> (18 - 6 * index)) as usize & 63]);
            text.push(if index <= chunk.len() { sign } else { '=' });
        }
    }
    text
}
