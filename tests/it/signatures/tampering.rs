//! Ways to make a signed alert say something else, each refused for what it is.

use hazardcast::format::FormatError;
use hazardcast::format::signature::{SignatureFault, SignaturePolicy, verify};
use rcgen::KeyUsagePurpose;

use super::{ALERT, CAST, check, fault, pinned};
use crate::support::signer::{
    C14N, ECDSA_SHA256, ENVELOPED, EXCLUSIVE, Kind, Paper, Recipe, SHA1, Signer, XMLDSIG, base64, put_in, x509,
};

fn signed() -> String {
    Recipe::of(&CAST.rsa).sign(ALERT)
}

/// A text in which exactly one thing is another.
fn with(signed: &str, old: &str, new: &str) -> String {
    assert_eq!(signed.matches(old).count(), 1, "{old}");
    signed.replace(old, new)
}

/// What stands between two texts.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.split_once(start).expect("its start").1.split_once(end).expect("its end").0
}

#[test]
fn other_content_is_refused() {
    for (old, new) in [
        ("Severe", "Minor"),
        ("50.2,-5.0", "50.3,-5.0"),
        ("storm-1", "storm-2"),
        ("</language>", " </language>"),
        ("\n<area>", "<area>"),
        ("<info>", "<info><instruction>Go out</instruction>"),
        ("<info>", "<info a=\"b\">"),
        ("<scope>Public</scope>", ""),
    ] {
        let fault = fault(&with(&signed(), old, new));
        assert!(matches!(fault, SignatureFault::Digest { .. }), "{new}: {fault}");
        assert_eq!(fault.field(), "Signature[0].SignedInfo.Reference.DigestValue");
    }
}

#[test]
fn another_digest_is_refused() {
    let other = with(&signed(), "Severe", "Minor");
    let right = ALERT.replace("Severe", "Minor");
    let digest = between(&Recipe::of(&CAST.rsa).sign(&right), "<DigestValue>", "<").to_owned();
    let other = with(
        &other,
        &format!("<DigestValue>{}<", between(&signed(), "<DigestValue>", "<")),
        &format!("<DigestValue>{digest}<"),
    );
    let found = fault(&other);
    assert!(matches!(found, SignatureFault::Value { .. }), "{found}");
    assert_eq!(found.field(), "Signature[0].SignatureValue");
}

#[test]
fn another_signature_value_is_refused() {
    let value = between(&signed(), "<SignatureValue>", "<").to_owned();
    let other = between(&Recipe::of(&CAST.stranger).sign(ALERT), "<SignatureValue>", "<").to_owned();
    assert!(matches!(fault(&with(&signed(), &value, &other)), SignatureFault::Value { .. }));
    assert!(matches!(fault(&with(&signed(), &value, "AAAA")), SignatureFault::Value { .. }));
    for other in [value.trim_end_matches('='), &format!("{value}===="), &value.replace('=', "-"), ""] {
        let fault = fault(&with(&signed(), &value, other));
        assert!(matches!(fault, SignatureFault::Base64 { .. }), "{other}: {fault}");
    }
}

#[test]
fn no_signature_is_refused() {
    assert_eq!(fault(ALERT), SignatureFault::Unsigned);
    let elsewhere = signed().replace(XMLDSIG, "urn:not-a-signature");
    assert_eq!(fault(&elsewhere), SignatureFault::Unsigned);
    assert_eq!(fault("<alert/>"), SignatureFault::NotCap);
    assert_eq!(fault("{}"), SignatureFault::NotCap);
}

#[test]
fn a_signed_alert_wrapped_in_another_is_refused() {
    let own = signed();
    let evil = ALERT.replace("Severe", "Minor");
    let signature = Recipe::of(&CAST.rsa).signature(ALERT);
    assert_eq!(fault(&put_in(&evil, &own)), SignatureFault::SecondAlert);
    let in_object = signature.replace("</Signature>", &format!("<Object>{ALERT}</Object></Signature>"));
    assert_eq!(fault(&put_in(&evil, &in_object)), SignatureFault::SecondAlert);
    let of_no_namespace = ALERT.replace("urn:oasis:names:tc:emergency:cap:1.2", "");
    let in_object = signature.replace("</Signature>", &format!("<Object>{of_no_namespace}</Object></Signature>"));
    assert!(matches!(fault(&put_in(&evil, &in_object)), SignatureFault::Digest { .. }));
    let in_info = ALERT.replace("</info>", &format!("{signature}</info>"));
    assert_eq!(fault(&in_info), SignatureFault::Misplaced { parent: "info".to_owned() });
    let in_itself =
        put_in(ALERT, &signature.replace("</Signature>", &format!("<Object>{signature}</Object></Signature>")));
    assert_eq!(fault(&in_itself), SignatureFault::Misplaced { parent: "Object".to_owned() });
    let above = format!("<a>{own}</a>");
    assert!(check(&above, &pinned(&[&CAST.rsa])).is_ok(), "a list of one");
    let moved = format!("<a>{evil}{signature}</a>");
    assert_eq!(fault(&moved), SignatureFault::Unsigned);
}

#[test]
fn a_signature_doubled_is_refused() {
    let signature = Recipe::of(&CAST.rsa).signature(ALERT);
    let twice = put_in(&signed(), &signature);
    assert!(matches!(fault(&twice), SignatureFault::Form { .. }), "{}", fault(&twice));
    let five = put_in(ALERT, &signature.repeat(5));
    assert_eq!(fault(&five), SignatureFault::TooMany { found: 5, most: 4 });
    let reference = format!("<Reference{}</Reference>", between(&signature, "<Reference", "</Reference>"));
    let fault = fault(&put_in(ALERT, &with(&signature, &reference, &reference.repeat(2))));
    assert_eq!((fault.field(), matches!(fault, SignatureFault::Form { .. })), ("Signature[0].SignedInfo", true));
}

#[test]
fn an_identifier_that_stands_twice_is_refused() {
    let own = Recipe { attributes: " Id=\"a\"", ..Recipe::of(&CAST.rsa) }.sign(ALERT);
    assert!(check(&own, &pinned(&[&CAST.rsa])).is_ok());
    for id in ["Id", "ID", "id", "xml:id", "AssertionID"] {
        let twice = with(&own, "<info>", &format!("<info {id}=\"a\">"));
        assert_eq!(fault(&twice), SignatureFault::DuplicateId { id: "a".to_owned() }, "{id}");
    }
}

#[test]
fn weak_and_swapped_algorithms_are_refused() {
    let sha1 = Recipe { hash: SHA1, ..Recipe::of(&CAST.rsa) }.sign(ALERT);
    let found = fault(&sha1);
    assert!(matches!(found, SignatureFault::Weak { .. }), "{found}");
    assert_eq!(found.field(), "Signature[0].SignedInfo.Reference.DigestMethod");
    let old = SignaturePolicy { sha1: true, ..SignaturePolicy::default() };
    assert!(verify(sha1.as_bytes(), None, &pinned(&[&CAST.rsa]), &old).is_ok());
    let method = |name: &str| with(&signed(), "2001/04/xmldsig-more#rsa-sha256", name);
    assert!(matches!(fault(&method("2001/04/xmldsig-more#rsa-sha512")), SignatureFault::Value { .. }));
    assert!(matches!(fault(&method("2000/09/xmldsig#rsa-sha1")), SignatureFault::Weak { .. }));
    for hopeless in ["2000/09/xmldsig#dsa-sha1", "2000/09/xmldsig#hmac-sha1", "2001/04/xmldsig-more#rsa-md5"] {
        let found = fault(&method(hopeless));
        assert!(matches!(found, SignatureFault::Weak { .. }), "{found}");
        assert_eq!(found.field(), "Signature[0].SignedInfo.SignatureMethod");
    }
    // The public key is no secret: a code made with it proves nothing.
    let hmac = method("2001/04/xmldsig-more#hmac-sha256");
    assert!(matches!(fault(&hmac), SignatureFault::Algorithm { .. }));
    let ecdsa = Recipe { method: ECDSA_SHA256, ..Recipe::of(&CAST.rsa) }.sign(ALERT);
    assert!(matches!(fault(&ecdsa), SignatureFault::OtherKey { algorithm: "ECDSA-SHA256", .. }));
    let digest = with(&signed(), "2001/04/xmlenc#sha256", "2001/04/xmlenc#sha512");
    assert!(matches!(fault(&digest), SignatureFault::Digest { .. }));
    let length = signed().replace("></SignatureMethod>", "><HMACOutputLength>1</HMACOutputLength></SignatureMethod>");
    assert!(matches!(fault(&length), SignatureFault::Form { .. }));
}

/// The certificate was made in 2026: the alert says that it was sent in 2030.
#[test]
fn sha1_counts_only_where_old_files_are_verified() {
    let folder = crate::real_alerts::here().join("tests/data/signatures");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("it is there");
    let trust = super::Trust::new::<&str>(&read("rsa-sha1.pem"), b"", &[]).expect("its key is strong");
    let found = verify(&read("rsa-sha1.xml"), None, &trust, &SignaturePolicy::default()).expect_err("too weak");
    assert!(matches!(found, SignatureFault::Weak { .. }), "{found}");
    let old = SignaturePolicy { sha1: true, ..SignaturePolicy::default() };
    let seal = verify(&read("rsa-sha1.xml"), None, &trust, &old).expect("it is right").seals.remove(0);
    assert_eq!((seal.algorithm, seal.digest), ("RSA-SHA1", "SHA-1"));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let by_stranger = Recipe::of(&CAST.stranger).sign(ALERT);
    let found = fault(&by_stranger);
    assert!(
        matches!(&found, SignatureFault::Unlisted { subject, .. } if subject == "CN=Warnings,O=Weather Office,C=GB")
    );
    assert_eq!(found.field(), "Signature[0].KeyInfo");
    // Whose certificate is beside it says nothing of who made it.
    let certificate = Some(x509(&[&CAST.rsa.certificate]));
    let with_our_certificate = Recipe { key_info: certificate, ..Recipe::of(&CAST.stranger) }.sign(ALERT);
    assert!(matches!(fault(&with_our_certificate), SignatureFault::Value { .. }));
    let both = Some(x509(&[&CAST.stranger.certificate, &CAST.rsa.certificate]));
    let with_both = Recipe { key_info: both, ..Recipe::of(&CAST.stranger) }.sign(ALERT);
    assert!(matches!(fault(&with_both), SignatureFault::Value { .. }));
    let nothing = SignatureFault::Unlisted { field: "Signature[0].KeyInfo".to_owned(), subject: String::new() };
    let roots_only = super::Trust::new(b"", CAST.root.certificate.pem().as_bytes(), &["CN=Certified"]).expect("a root");
    let bare = Recipe { key_info: Some("<KeyName>Certified</KeyName>".to_owned()), ..Recipe::of(&CAST.certified) };
    assert_eq!(check(&bare.sign(ALERT), &roots_only), Err(nothing));
}

#[test]
fn a_certificate_that_had_expired_or_was_not_for_signing_is_refused() {
    let paper = |years, usage| Paper { years, usage, ..Paper::of("Warnings") };
    for years in [(2020, 2029), (2031, 2040)] {
        let signer = Signer::new(Kind::P256, &paper(years, vec![KeyUsagePurpose::DigitalSignature]));
        let found = check(&Recipe::of(&signer).sign(ALERT), &pinned(&[&signer])).expect_err("not valid then");
        assert!(matches!(found, SignatureFault::NotValid { .. }), "{found}");
        let by = Signer::by(&CAST.root, Kind::P256, &paper(years, vec![KeyUsagePurpose::DigitalSignature]));
        let name = ["CN=Warnings,O=Weather Office,C=GB"];
        let trust = super::Trust::new(b"", CAST.root.certificate.pem().as_bytes(), &name).expect("a root");
        let found = check(&Recipe::of(&by).sign(ALERT), &trust).expect_err("not valid then");
        assert!(matches!(found, SignatureFault::NotValid { .. }), "{found}");
    }
    let by = Signer::by(&CAST.root, Kind::P256, &paper((2020, 2040), vec![KeyUsagePurpose::KeyAgreement]));
    let name = ["CN=Warnings,O=Weather Office,C=GB"];
    let trust = super::Trust::new(b"", CAST.root.certificate.pem().as_bytes(), &name).expect("a root");
    assert!(matches!(check(&Recipe::of(&by).sign(ALERT), &trust), Err(SignatureFault::Usage { .. })));
    let by = Signer::by(&CAST.root, Kind::P256, &paper((2020, 2040), vec![KeyUsagePurpose::ContentCommitment]));
    assert!(check(&Recipe::of(&by).sign(ALERT), &trust).is_ok());
}

#[test]
fn comments_hide_nothing() {
    for (old, new) in [
        ("warnings@weather.example", "warnings@weather.example<!---->.evil.example"),
        ("Severe", "<!-- a -->Severe"),
        ("Severe", "Sev<!-- a -->ere"),
    ] {
        let fault = fault(&with(&signed(), old, new));
        assert!(matches!(fault, SignatureFault::CommentInText { .. }), "{new}: {fault}");
    }
    for (old, new) in [
        ("<DigestValue>", "<DigestValue><!-- a -->"),
        ("</SignatureValue>", "<!-- a --></SignatureValue>"),
        ("<KeyInfo>", "<!-- a --><KeyInfo>"),
        ("<Transforms>", "<?a b?><Transforms>"),
    ] {
        let fault = fault(&with(&signed(), old, new));
        let refused = matches!(fault, SignatureFault::Form { .. } | SignatureFault::CommentInText { .. });
        assert!(refused, "{new}: {fault}");
    }
    let hidden = with(&signed(), "<scope>Public</scope>", "<!--<scope>Public</scope>-->");
    assert!(matches!(fault(&hidden), SignatureFault::Digest { .. }));
    let kept = Recipe {
        transforms: vec![ENVELOPED, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"],
        ..Recipe::of(&CAST.rsa)
    };
    assert!(matches!(fault(&kept.sign(ALERT)), SignatureFault::Algorithm { .. }));
}

#[test]
fn a_reference_to_anything_else_is_refused() {
    for uri in [
        "http://weather.example/alert.xml",
        "alert.xml",
        "Cargo.toml",
        "file:///etc/passwd",
        "cid:a",
        "#a",
        "#xpointer(/)",
    ] {
        let fault = fault(&Recipe { uri, ..Recipe::of(&CAST.rsa) }.sign(ALERT));
        assert!(matches!(&fault, SignatureFault::OtherThanTheMessage { uri: found, .. } if found == uri), "{fault}");
        assert_eq!(fault.field(), "Signature[0].SignedInfo.Reference");
    }
    assert!(matches!(fault(&with(&signed(), " URI=\"\"", "")), SignatureFault::Form { .. }));
}

#[test]
fn other_transforms_are_refused() {
    for transforms in [
        vec![],
        vec![EXCLUSIVE],
        vec![EXCLUSIVE, ENVELOPED],
        vec![ENVELOPED, EXCLUSIVE, C14N],
        vec![ENVELOPED, ENVELOPED],
        vec!["http://www.w3.org/TR/1999/REC-xpath-19991116", EXCLUSIVE],
        vec![ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116"],
        vec![ENVELOPED, "http://www.w3.org/2002/06/xmldsig-filter2"],
        vec![ENVELOPED, "http://www.w3.org/2000/09/xmldsig#base64"],
    ] {
        let found = fault(&Recipe { transforms: transforms.clone(), ..Recipe::of(&CAST.rsa) }.sign(ALERT));
        let refused = matches!(found, SignatureFault::Algorithm { .. } | SignatureFault::Form { .. });
        assert!(refused && found.field().starts_with("Signature[0].SignedInfo.Reference.Transforms"), "{found}");
    }
}

#[test]
fn entities_and_instructions_are_refused() {
    let entity = format!("<!DOCTYPE alert [<!ENTITY a \"b\">]>{}", signed());
    assert!(matches!(fault(&entity), SignatureFault::Unreadable(FormatError::DocumentType { .. })));
    let instruction = format!("<?xml-stylesheet href=\"a\"?>{}", signed());
    assert!(matches!(fault(&instruction), SignatureFault::Digest { .. }), "instructions are signed too");
}

#[test]
fn what_is_beside_the_signature_cannot_break_it() {
    for key_info in [
        "<RetrievalMethod URI=\"file:///etc/passwd\"></RetrievalMethod>",
        "<KeyInfoReference xmlns=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#a\"></KeyInfoReference>",
        "<EncryptedKey xmlns=\"http://www.w3.org/2001/04/xmlenc#\"></EncryptedKey>",
    ] {
        let signed = Recipe { key_info: Some(key_info.to_owned()), ..Recipe::of(&CAST.rsa) }.sign(ALERT);
        assert!(check(&signed, &pinned(&[&CAST.rsa])).is_ok(), "{key_info}");
    }
    let nine = x509(&[&CAST.rsa.certificate; 9]);
    let signed = |key_info| Recipe { key_info: Some(key_info), ..Recipe::of(&CAST.rsa) }.sign(ALERT);
    assert!(matches!(fault(&signed(nine)), SignatureFault::Form { .. }));
    let no_certificate = format!("<X509Data><X509Certificate>{}</X509Certificate></X509Data>", base64(b"none"));
    let found = fault(&signed(no_certificate));
    assert_eq!(found, SignatureFault::Certificate { field: "Signature[0].KeyInfo.X509Certificate[0]".to_owned() });
}
