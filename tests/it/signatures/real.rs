//! Real signed alerts: each verifies or fails as the table of its collection says.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use hazardcast::format::signature::{SignatureFault, SignaturePolicy, Signed, Trust, verify};

use crate::real_alerts::here;

/// The certificates in a message as PEM: with them pinned it is asked whether a signature is right, not whose it is.
fn own_certificates(message: &str) -> Vec<u8> {
    let mut pem = String::new();
    for part in message.split("X509Certificate>").skip(1).step_by(2) {
        let text = part.split('<').next().expect("a text");
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(text.trim());
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    pem.into_bytes()
}

fn check(message: &str, pem: &[u8]) -> Result<Signed, SignatureFault> {
    check_at(message, pem, None)
}

/// Checks with certificates that must be valid at an instant, or else when the message was sent.
fn check_at(message: &str, pem: &[u8], at: Option<&str>) -> Result<Signed, SignatureFault> {
    let trust = Trust::new::<&str>(pem, b"", &[]).expect("certificates");
    let at = at.map(|at| at.parse().expect("an instant"));
    let policy = SignaturePolicy { sha1: true, at, ..SignaturePolicy::default() };
    verify(message.as_bytes(), None, &trust, &policy)
}

/// Checks a message as if its certificate had been valid when it was sent, which with some is not so: the sample of the
/// Seychelles was signed after it says that it was sent, and Canada's with certificates that had expired.
fn check_in_time(message: &str, pem: &[u8]) -> Result<Signed, SignatureFault> {
    match check(message, pem) {
        Err(SignatureFault::NotValid { from, .. }) => check_at(message, pem, Some(&from.to_string())),
        other => other,
    }
}

/// A message without the white space between its elements and what is around it, as it was before somebody made it
/// readable.
fn without_blanks(message: &str) -> String {
    let document = roxmltree::Document::parse(message).expect("XML");
    let blank = |node: &roxmltree::Node| node.is_text() && node.text().is_some_and(|text| text.trim().is_empty());
    let (mut rest, mut at) = (String::new(), document.root_element().range().start);
    for node in document.root_element().descendants().filter(blank) {
        rest.push_str(&message[at..node.range().start]);
        at = node.range().end;
    }
    rest + &message[at..document.root_element().range().end]
}

/// The collection beside the project; `None`, said aloud, where it is not there.
fn collection() -> Option<PathBuf> {
    let folder = here().join("../shared/data/alerts");
    if !folder.is_dir() {
        let _ = std::io::stderr().write_all(b"left out: ../shared/data is not beside the project\n");
        return None;
    }
    Some(folder)
}

#[test]
fn the_carried_alert_of_the_seychelles_is_right_as_it_was_before_it_was_made_readable() {
    let file = here().join("tests/data/alerts/met-seychelles/signed.xml");
    let message = fs::read_to_string(file).expect("it is there");
    let pem = own_certificates(&message);
    assert!(matches!(check_in_time(&message, &pem), Err(SignatureFault::Digest { .. })));
    let signed = check_in_time(&without_blanks(&message), &pem).expect("it is right");
    let seal = &signed.seals[0];
    let algorithms = (seal.algorithm, seal.digest, seal.canonicalization);
    assert_eq!(algorithms, ("ECDSA-SHA256", "SHA-256", "C14N 1.1"));
    assert!(matches!(
        check_in_time(&without_blanks(&message).replace("Alert<", "Update<"), &pem),
        Err(SignatureFault::Digest { .. })
    ));
}

#[test]
fn alerts_that_another_signer_made_are_right_and_wrong_when_they_are_changed() {
    let read = |name: &str| fs::read_to_string(here().join("tests/data/signatures").join(name)).expect("it is there");
    let pem = read("signxml.pem");
    for (name, canonicalization) in
        [("exclusive", "exclusive C14N 1.0"), ("inclusive", "C14N 1.0"), ("inclusive-11", "C14N 1.1")]
    {
        let message = read(&format!("signxml-{name}.xml"));
        let signed = check(&message, pem.as_bytes()).expect("it is right");
        assert_eq!(signed.seals[0].canonicalization, canonicalization);
        for (old, new) in [("Storm", "Calm"), ("x:a=\"1\"", "x:a=\"2\""), ("x:a=\"1\"", "a=\"1\"")] {
            let changed = check(&message.replace(old, new), pem.as_bytes());
            assert!(matches!(changed, Err(SignatureFault::Digest { .. })), "{new}: {changed:?}");
        }
    }
}

#[test]
fn each_signed_alert_of_the_collection_verifies_or_fails_as_its_table_says() {
    let Some(folder) = collection() else { return };
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_else(|_| panic!("{file} is there"));
    let of = |file: &str| check_in_time(&read(file), &own_certificates(&read(file)));
    let of_at = |file: &str, at| check_at(&read(file), &own_certificates(&read(file)), at);
    // Environment Canada's certificate had expired ten months before the alert was sent: right, and not accepted.
    let canada = "cap-naad/CanadaNaad.ec-signature-only.derived.xml";
    let late = of_at(canada, None);
    assert!(matches!(late, Err(SignatureFault::NotValid { .. })), "{late:?}");
    for (file, algorithm) in [
        ("cap-ipaws/carroll-county-lew-2019.xml", "RSA-SHA256"),
        (canada, "RSA-SHA256"),
        ("cap-wmo-signed/sc-valid.noblank.xml", "ECDSA-SHA256"),
    ] {
        let signed = of(file).unwrap_or_else(|fault| panic!("{file}: {}: {fault}", fault.field()));
        assert_eq!((signed.seals.len(), signed.seals[0].algorithm), (1, algorithm), "{file}");
    }
    let in_time = Some("2018-06-01T00:00:00Z");
    // Both of Canada's are right with all signatures taken out, which plain verifiers do not do.
    assert_eq!(of_at("cap-naad/CanadaNaad.xml", in_time).expect("both are right").seals.len(), 2);
    for file in [
        "Sample1_CAPCP_No_Attachment",
        "Sample2_CAPCP_with_Embedded_Large_Audio_File",
        "Sample6_CAPCP_with_free_drawn_polygon",
        "Sample7_CAPCP_with_free_drawn_circle",
        "Sample9_CAPCP_with_Minor_Update",
        "2016_03_01T07_54_04_04_00IC0B0D06C_882E_1195_7170_24D9BF99FAD9",
        "tgc-alert_1",
    ] {
        let fault = of(&format!("cap-naad/{file}.xml")).expect_err(file);
        assert!(matches!(fault, SignatureFault::Digest { .. }), "{file}: {fault}");
    }
    for file in ["sc-valid", "bf-valid"] {
        let fault = of(&format!("cap-wmo-signed/{file}.xml")).expect_err(file);
        assert!(matches!(fault, SignatureFault::Digest { .. }), "{file}: {fault}");
    }
    for file in ["sc-invalid_digest", "sc-invalid_digest.noblank"] {
        let fault = of(&format!("cap-wmo-signed/{file}.xml")).expect_err(file);
        let field = "Signature[0].SignedInfo.Reference.DigestValue".to_owned();
        assert_eq!(fault, SignatureFault::Base64 { field }, "the wrong digest is no strict base64 either");
    }
    let now = of_at("cap-naad/CanadaNaad.xml", None).expect("one counts");
    assert_eq!((now.seals.len(), now.others), (1, 1));
    assert!(now.seals[0].certificate.subject().starts_with("CN=dss1.pelmorex.com,"), "{now:?}");
    let unsigned = check(&read("cap-wmo-signed/sc-no_signature.xml"), &own_certificates(&read(canada)));
    assert_eq!(unsigned, Err(SignatureFault::Unsigned));
}

/// Both differ from the valid one in bits of base64 that say nothing: a lenient decoder takes them.
#[test]
fn base64_with_bits_that_say_nothing_is_refused() {
    let Some(folder) = collection() else { return };
    let read = |file: &str| fs::read_to_string(folder.join("cap-wmo-signed").join(file)).expect("it is there");
    let pem = own_certificates(&read("sc-valid.xml"));
    for (file, field) in [
        ("sc-invalid_signature.xml", "Signature[0].SignatureValue"),
        ("sc-invalid_certificate.xml", "Signature[0].KeyInfo.X509Certificate[0]"),
    ] {
        for message in [read(file), without_blanks(&read(file))] {
            let fault = check_in_time(&message, &pem).expect_err(file);
            assert_eq!(fault, SignatureFault::Base64 { field: field.to_owned() }, "{file}");
        }
    }
}

/// As a server would judge them: by the authority's own certificate, at the time when they were sent.
#[test]
fn the_alert_of_ipaws_is_right_by_the_pinned_certificate_and_by_no_other() {
    let Some(folder) = collection() else { return };
    let read = |file: &str| fs::read_to_string(folder.join(file)).expect("it is there");
    let message = read("cap-ipaws/carroll-county-lew-2019.xml");
    let signed = check(&message, read("cap-ipaws/carroll-county-lew-2019.signer.pem").as_bytes()).expect("it is right");
    assert!(signed.seals[0].certificate.subject().starts_with("CN=IPAWSOPEN_200076,"), "{signed:?}");
    assert_eq!(signed.at.to_string(), "2019-03-29T16:13:10Z");
    let other = check(&message, read("cap-naad/naads_x509_cert.pem").as_bytes());
    assert!(matches!(other, Err(SignatureFault::Unlisted { .. })), "{other:?}");
    let today = SignaturePolicy::live("2026-11-25T00:00:00Z".parse().expect("an instant"));
    let trust = Trust::new::<&str>(&own_certificates(&message), b"", &[]).expect("a certificate");
    assert!(matches!(verify(message.as_bytes(), None, &trust, &today), Err(SignatureFault::TooOld { .. })));
}
