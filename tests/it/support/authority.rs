//! A certificate authority of a test's own.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A root, and what it signs.
pub(crate) struct Root {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

/// A certificate and its key, as PEM.
pub(crate) struct Signed {
    /// The certificate.
    pub(crate) certificate: String,
    /// Its private key.
    pub(crate) key: String,
    /// SHA-256 of the certificate.
    pub(crate) sha256: Vec<u8>,
}

impl Root {
    /// A new root of that name.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// As PEM.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for a server on this machine.
    pub(crate) fn server(&self) -> Signed {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// A certificate for a client, which names this URI.
    pub(crate) fn client(&self, uri: &str) -> Signed {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der()).as_ref().to_vec();
        Signed { certificate: certificate.pem(), key: key.serialize_pem(), sha256 }
    }
}

impl Signed {
    /// Writes the certificate and its key, each in the place of what is there.
    pub(crate) fn write(&self, certificate: &Path, key: &Path) {
        fs::write(certificate, &self.certificate).expect("written");
        fs::write(key, &self.key).expect("written");
    }
}
