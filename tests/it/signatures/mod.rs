//! Signed alerts: those that are right, and every way to make them wrong.

mod admitted;
mod command;
mod fuzz;
mod real;
mod tampering;
mod trust;

use std::sync::LazyLock;

use hazardcast::domain::Timestamp;
use hazardcast::format::signature::{SignatureFault, SignaturePolicy, Signed, Trust, TrustedBy, verify};
use proptest::prelude::*;

use crate::support::signer::{
    Authority, C14N, C14N_11, ECDSA_SHA384, ENVELOPED, EXCLUSIVE, Kind, Paper, RSA_SHA512, Recipe, SHA512, Signer,
    put_in, x509,
};

/// An alert in canonical form.
pub(crate) const ALERT: &str = "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>storm-1</identifier>\
    <sender>warnings@weather.example</sender><sent>2030-11-02T12:00:00-00:00</sent><status>Actual</status>\
    <msgType>Alert</msgType><scope>Public</scope>\n<info><language>en</language><category>Met</category>\
    <event>Storm &amp; hail</event><urgency>Immediate</urgency><severity>Severe</severity>\
    <certainty>Observed</certainty><expires>2030-11-02T18:00:00-00:00</expires>\
    <headline>Gusts &lt; 120 km/h, caf\u{e9} terraces closed \u{1f32a}</headline>\n<area><areaDesc>The coast</areaDesc>\
    <polygon>50.1,-5.1 50.1,-5.0 50.2,-5.0 50.1,-5.1</polygon></area></info></alert>";

/// Those who sign in these tests; keys take long to make.
pub(crate) struct Cast {
    pub(crate) rsa: Signer,
    pub(crate) p256: Signer,
    pub(crate) p384: Signer,
    /// Somebody who is trusted by nobody, and says that they are `rsa`.
    pub(crate) stranger: Signer,
    pub(crate) root: Authority,
    pub(crate) issuer: Authority,
    /// Certified by the issuer, which the root certifies.
    pub(crate) certified: Signer,
}

pub(crate) static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let root = Authority::root("A root");
    let issuer = root.issuer("An issuer");
    Cast {
        rsa: Signer::new(Kind::Rsa, &Paper::of("Warnings")),
        p256: Signer::new(Kind::P256, &Paper::of("Second office")),
        p384: Signer::new(Kind::P384, &Paper::of("Third office")),
        stranger: Signer::new(Kind::Rsa, &Paper::of("Warnings")),
        certified: Signer::by(&issuer, Kind::P256, &Paper::of("Certified")),
        root,
        issuer,
    }
});

/// Trusts certificates.
pub(crate) fn pinned(signers: &[&Signer]) -> Trust {
    let pem: Vec<u8> = signers.iter().flat_map(|signer| signer.pem()).collect();
    Trust::new::<&str>(&pem, b"", &[]).expect("they can be trusted")
}

pub(crate) fn check(message: &str, trust: &Trust) -> Result<Signed, SignatureFault> {
    verify(message.as_bytes(), None, trust, &SignaturePolicy::default())
}

/// What is wrong with a message, for whoever trusts `rsa` and `p256`.
pub(crate) fn fault(message: &str) -> SignatureFault {
    check(message, &pinned(&[&CAST.rsa, &CAST.p256])).expect_err(message)
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

#[test]
fn every_algorithm_of_the_policy_verifies() {
    for signer in [&CAST.rsa, &CAST.p256, &CAST.p384] {
        for (canonicalization, transforms, name) in [
            (EXCLUSIVE, vec![ENVELOPED], "C14N 1.0"),
            (EXCLUSIVE, vec![ENVELOPED, EXCLUSIVE], "exclusive C14N 1.0"),
            (C14N, vec![ENVELOPED, C14N], "C14N 1.0"),
            (C14N_11, vec![ENVELOPED, C14N_11], "C14N 1.1"),
        ] {
            let signed = Recipe { canonicalization, transforms, ..Recipe::of(signer) }.sign(ALERT);
            let signed = check(&signed, &pinned(&[signer])).expect("it is right");
            assert_eq!((signed.seals.len(), signed.others, signed.seals[0].canonicalization), (1, 0, name));
            assert_eq!(signed.seals[0].trusted_by, TrustedBy::Certificate);
            assert_eq!(signed.at, instant("2030-11-02T12:00:00Z"));
        }
    }
    let signed = Recipe { method: RSA_SHA512, hash: SHA512, ..Recipe::of(&CAST.rsa) }.sign(ALERT);
    let seal = &check(&signed, &pinned(&[&CAST.rsa])).expect("it is right").seals[0];
    assert_eq!((seal.algorithm, seal.digest), ("RSA-SHA512", "SHA-512"));
    assert_eq!(seal.certificate.subject(), "CN=Warnings,O=Weather Office,C=GB");
    assert_eq!(seal.certificate.fingerprint().to_string().len(), 64);
    let seal = check(&Recipe::of(&CAST.p384).sign(ALERT), &pinned(&[&CAST.p384])).expect("it is right").seals.remove(0);
    assert_eq!(seal.algorithm, ECDSA_SHA384.rsplit('#').next().expect("a name").to_ascii_uppercase());
}

#[test]
fn a_signature_without_a_certificate_is_tried_with_the_pinned_ones() {
    let bare = "<KeyName>whoever</KeyName><KeyValue><RSAKeyValue></RSAKeyValue></KeyValue>".to_owned();
    let signed = |signer| Recipe { key_info: Some(bare.clone()), ..Recipe::of(signer) }.sign(ALERT);
    let trust = pinned(&[&CAST.p256, &CAST.rsa]);
    assert_eq!(check(&signed(&CAST.rsa), &trust).expect("its key is pinned").seals[0].algorithm, "RSA-SHA256");
    assert!(matches!(check(&signed(&CAST.stranger), &trust), Err(SignatureFault::Value { .. })));
}

#[test]
fn two_signers_sign_the_alert_without_signatures() {
    let both = put_in(&Recipe::of(&CAST.rsa).sign(ALERT), &{
        let naad = Recipe { object: "<Object xmlns=\"\"><a>b</a></Object>", ..Recipe::of(&CAST.p256) };
        naad.signature(ALERT)
    });
    let found = check(&both, &pinned(&[&CAST.rsa, &CAST.p256])).expect("both are right");
    assert_eq!((found.seals.len(), found.others), (2, 0));
    for signer in [&CAST.rsa, &CAST.p256] {
        let found = check(&both, &pinned(&[signer])).expect("one is right");
        assert_eq!((found.seals.len(), found.others), (1, 1));
    }
    assert!(matches!(check(&both, &pinned(&[&CAST.p384])), Err(SignatureFault::Unlisted { .. })));
}

#[test]
fn a_signature_of_others_is_not_asked_whether_it_is_right_and_one_of_a_trusted_signer_is() {
    let wrong = |signer| Recipe { instead: Some("another text"), ..Recipe::of(signer) }.signature(ALERT);
    let good = Recipe::of(&CAST.rsa).sign(ALERT);
    let beside_other = put_in(&good, &wrong(&CAST.stranger));
    assert_eq!(check(&beside_other, &pinned(&[&CAST.rsa])).expect("the first is right").others, 1);
    let beside_own = put_in(&good, &wrong(&CAST.p256));
    assert!(matches!(check(&beside_own, &pinned(&[&CAST.rsa, &CAST.p256])), Err(SignatureFault::Digest { .. })));
}

#[test]
fn a_certificate_that_leads_to_a_root_is_trusted_by_its_own_name() {
    let trust = |subject| Trust::new(b"", CAST.root.certificate.pem().as_bytes(), &[subject]).expect("a root");
    let chain = x509(&[&CAST.issuer.certificate, &CAST.certified.certificate]);
    let signed = Recipe { key_info: Some(chain), ..Recipe::of(&CAST.certified) }.sign(ALERT);
    let found = check(&signed, &trust("CN=Certified,O=Weather Office,C=GB")).expect("it leads to the root");
    assert_eq!(found.seals[0].trusted_by, TrustedBy::Root);
    // Another name of the same root, a text beside the certificate, a chain with a link missing, another's root.
    assert!(matches!(
        check(&signed, &trust("CN=Warnings,O=Weather Office,C=GB")),
        Err(SignatureFault::Unlisted { .. })
    ));
    let renamed = signed.replace("<X509Data>", "<X509Data><X509SubjectName>CN=Warnings</X509SubjectName>");
    assert!(matches!(check(&renamed, &trust("CN=Warnings")), Err(SignatureFault::Unlisted { .. })));
    let cut = Recipe::of(&CAST.certified).sign(ALERT);
    assert!(matches!(check(&cut, &trust("CN=Certified,O=Weather Office,C=GB")), Err(SignatureFault::Chain { .. })));
    let other = Authority::root("A root");
    let other = Trust::new(b"", other.certificate.pem().as_bytes(), &["CN=Certified,O=Weather Office,C=GB"]);
    assert!(matches!(check(&signed, &other.expect("a root")), Err(SignatureFault::Chain { .. })));
    // A certificate of that name by one's own word.
    let own_word = Recipe::of(&CAST.stranger).sign(ALERT);
    assert!(matches!(check(&own_word, &trust("CN=Warnings,O=Weather Office,C=GB")), Err(SignatureFault::Chain { .. })));
}

#[test]
fn what_canonical_form_passes_over_changes_nothing() {
    let signed = Recipe::of(&CAST.rsa).sign(ALERT);
    let trust = pinned(&[&CAST.rsa]);
    for (what, other) in [
        ("declaration", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n{signed}\n")),
        (
            "quotes and blanks in tags",
            signed.replace(
                "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">",
                "<alert\n xmlns = 'urn:oasis:names:tc:emergency:cap:1.2' >",
            ),
        ),
        ("section", signed.replace("Storm &amp; hail", "<![CDATA[Storm & hail]]>")),
        ("references", signed.replace("caf\u{e9}", "caf&#233;")),
        ("comments between elements", signed.replace("\n<area>", "\n<!-- here --><area>")),
        ("lines of a base64", signed.replace("<X509Certificate>", "<X509Certificate>\n ")),
        ("line ends", signed.replace('\n', "\r\n")),
    ] {
        assert!(check(&other, &trust).is_ok(), "{what}: {:?}", check(&other, &trust));
    }
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(signed.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(verify(&utf16, None, &trust, &SignaturePolicy::default()).is_ok());
}

#[test]
fn an_alert_in_an_envelope_is_verified_by_itself() {
    let signed = Recipe::of(&CAST.rsa).sign(ALERT);
    let trust = pinned(&[&CAST.rsa]);
    let feed = |alert: &str, more: &str| {
        format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"{more}><entry><content>{alert}</content></entry></feed>")
    };
    assert!(check(&feed(&signed, ""), &trust).is_ok());
    assert!(check(&feed(&signed, " xmlns:x=\"urn:x\" xml:lang=\"fr\""), &trust).is_ok());
    // What its envelope declares its signer did not sign.
    let prefixed = signed.replace("<severity>", "<severity x:a=\"b\">");
    let fault = check(&feed(&prefixed, " xmlns:x=\"urn:x\""), &trust).expect_err("not by itself");
    assert_eq!(fault, SignatureFault::NotByItself);
    let two = feed(&format!("{signed}{signed}"), "");
    assert!(matches!(check(&two, &trust), Err(SignatureFault::Unreadable(_))));
}

#[test]
fn an_alert_is_signed_at_its_time_and_not_long_ago() {
    let signed = Recipe::of(&CAST.rsa).sign(ALERT);
    let at = |now: &str| verify(signed.as_bytes(), None, &pinned(&[&CAST.rsa]), &SignaturePolicy::live(instant(now)));
    assert!(at("2030-11-02T12:00:00Z").is_ok());
    assert!(at("2030-11-02T11:50:00Z").is_ok());
    assert!(at("2030-11-05T12:00:00Z").is_ok());
    assert!(matches!(at("2030-11-05T12:00:01Z"), Err(SignatureFault::TooOld { most: 72, .. })));
    assert!(matches!(at("2030-11-02T11:49:59Z"), Err(SignatureFault::TooEarly { .. })));
    let policy = SignaturePolicy { at: Some(instant("2041-01-01T00:00:00Z")), ..SignaturePolicy::default() };
    let late = verify(signed.as_bytes(), None, &pinned(&[&CAST.rsa]), &policy);
    assert!(matches!(late, Err(SignatureFault::NotValid { .. })), "{late:?}");
}

#[test]
fn a_bit_that_is_flipped_anywhere_but_beside_the_signature_is_seen() {
    let signed = Recipe::of(&CAST.p256).sign(ALERT);
    let trust = pinned(&[&CAST.p256]);
    let beside = signed.find("<KeyInfo>").expect("it is there")..signed.find("</Signature>").expect("it is there");
    for at in (0..signed.len()).filter(|at| !beside.contains(at)) {
        let mut bytes = signed.clone().into_bytes();
        bytes[at] ^= 1 << (at % 8);
        let found = verify(&bytes, None, &trust, &SignaturePolicy::default());
        assert!(found.is_err(), "byte {at}: {}", String::from_utf8_lossy(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// `KeyInfo` is not signed: what can be made of it is that another key is tried, of those that are trusted.
    #[test]
    fn a_byte_that_is_another_is_seen_or_changes_nothing(at in 0_usize..4_000, other: u8) {
        let signed = Recipe::of(&CAST.p256).sign(ALERT);
        let alert = hazardcast::format::read(signed.as_bytes(), None).expect("it can be read").alert;
        let mut bytes = signed.into_bytes();
        let at = at % bytes.len();
        bytes[at] = other;
        if verify(&bytes, None, &pinned(&[&CAST.p256]), &SignaturePolicy::default()).is_ok() {
            let read = hazardcast::format::read(&bytes, None).expect("what is verified can be read").alert;
            prop_assert_eq!(read, alert, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
