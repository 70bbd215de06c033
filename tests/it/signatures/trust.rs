//! What can be trusted, and what cannot.

use hazardcast::format::signature::{Trust, TrustFault};
use rcgen::KeyUsagePurpose;

use super::CAST;
use crate::support::signer::{Kind, Paper, Signer};

const NAME: &str = "CN=Certified,O=Weather Office,C=GB";

fn trust(certificates: &[u8], roots: &[u8], subjects: &[&str]) -> Result<Trust, TrustFault> {
    Trust::new(certificates, roots, subjects)
}

#[test]
fn certificates_and_roots_with_names_are_trusted() {
    let pem = [CAST.rsa.pem(), b"text between\n".to_vec(), CAST.rsa.pem(), CAST.p256.pem()].concat();
    let pinned = trust(&pem, b"", &[]).expect("certificates");
    assert_eq!((pinned.certificates().len(), pinned.roots().len()), (2, 0));
    let root = CAST.root.certificate.pem();
    let both = trust(&pem, root.as_bytes(), &[NAME, "CN=A\\, B+OU=C,C=GB"]).expect("roots");
    assert_eq!((both.roots().len(), both.subjects()[0].as_str()), (1, NAME));
}

#[test]
fn each_thing_that_cannot_be_trusted_is_named() {
    let root = CAST.root.certificate.pem();
    let (root, own) = (root.as_bytes(), CAST.rsa.pem());
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let agreement = Signer::new(Kind::P256, &Paper { usage: vec![KeyUsagePurpose::KeyAgreement], ..Paper::of("A") });
    let garbled = String::from_utf8(own.clone()).expect("PEM").replacen("MII", "AAA", 1);
    let many: Vec<u8> = (0..17).flat_map(|_| Signer::new(Kind::P256, &Paper::of("A")).pem()).collect();
    for (found, text) in [
        (trust(b"", b"", &[]), "certificates: neither a certificate nor a root with a subject is given"),
        (trust(b"a", b"", &[]), "certificates: has no certificate"),
        (trust(b"", b"a", &[NAME]), "roots: has no certificate"),
        (trust(b"-----BEGIN CERTIFICATE-----\n!", b"", &[]), "certificates: is not PEM"),
        (
            trust(&[own.clone(), key.into_bytes()].concat(), b"", &[]),
            "certificates: has a private key in it: give certificates alone",
        ),
        (trust(garbled.as_bytes(), b"", &[]), "certificates: certificate 1 cannot be read"),
        (trust(&many, b"", &[]), "certificates: there are more than 16"),
        (
            trust(&agreement.pem(), b"", &[]),
            "certificates: that of \"CN=A,O=Weather Office,C=GB\" is not for signing (key usage)",
        ),
        (
            trust(b"", &own, &[NAME]),
            "roots: \"CN=Warnings,O=Weather Office,C=GB\" may issue no certificates (basic constraints, key usage)",
        ),
        (
            trust(b"", root, &[]),
            "subject: is missing: roots need the name of the signer, as CN=Warnings,O=Weather Office,C=GB",
        ),
        (trust(&own, b"", &[NAME]), "roots: are missing: a subject needs the roots that its certificate leads to"),
        (
            trust(b"", root, &["weather"]),
            "subject: \"weather\" is no name as CN=Warnings,O=Weather Office,C=GB (RFC 4514)",
        ),
        (trust(b"", root, &[""]), "subject: \"\" is no name as CN=Warnings,O=Weather Office,C=GB (RFC 4514)"),
    ] {
        assert_eq!(found.expect_err(text).to_string(), text);
    }
    let weak = std::fs::read(crate::real_alerts::here().join("tests/data/signatures/rsa-1024.pem"));
    let weak = trust(&weak.expect("it is there"), b"", &[]).expect_err("1024 bits are too few");
    assert!(
        weak.to_string().starts_with("certificates: the key of \"CN=Old,O=Weather Office,C=GB\" (RSA of 1024 bits)")
    );
}
