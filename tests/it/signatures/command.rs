//! `alert verify` and what `alert check` says of signatures.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{ALERT, CAST};
use crate::support::server::hazardcast;
use crate::support::signer::Recipe;

/// Runs the command in a folder; its exit code and what it printed.
fn run(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = hazardcast(args).current_dir(folder).output().expect("the binary starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code().expect("it ends"), said)
}

#[test]
fn a_file_is_verified_and_told_of_in_words_and_in_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    let signed = Recipe::of(&CAST.p256).sign(ALERT);
    write("good.xml", signed.as_bytes());
    write("changed.xml", signed.replace("Severe", "Minor").as_bytes());
    write("pinned.pem", &CAST.p256.pem());
    write("root.pem", CAST.root.certificate.pem().as_bytes());
    let json = |args: &[&str]| {
        let (code, said) = run(folder.path(), args);
        (code, said.parse::<Value>().expect("one object"))
    };
    let (code, said) = json(&["alert", "verify", "good.xml", "--certificates", "pinned.pem", "--json"]);
    assert_eq!((code, &said["verified"], &said["at"]), (0, &json!(true), &json!("2030-11-02T12:00:00Z")));
    let seal = &said["signatures"][0];
    assert_eq!((&seal["algorithm"], &seal["trusted_by"]), (&json!("ECDSA-SHA256"), &json!("certificate")));
    assert_eq!(seal["signer"], "CN=Second office,O=Weather Office,C=GB");
    let (code, said) = json(&["alert", "verify", "changed.xml", "--certificates", "pinned.pem", "--json"]);
    assert_eq!((code, &said["verified"]), (1, &json!(false)));
    assert_eq!(said["field"], "Signature[0].SignedInfo.Reference.DigestValue");
    let rooted = ["alert", "verify", "good.xml", "--roots", "root.pem", "--subject", "CN=A,C=GB"];
    let (code, said) = run(folder.path(), &rooted);
    let nobody = "the signer \"CN=Second office,O=Weather Office,C=GB\" is not among those that are trusted";
    assert_eq!((code, said), (1, format!("✗ good.xml\n  Signature[0].KeyInfo: {nobody}\n")));
    let (code, said) = run(folder.path(), &["alert", "verify", "good.xml", "--certificates", "pinned.pem"]);
    assert!(code == 0 && said.contains("\n  signed by CN=Second office,O=Weather Office,C=GB\n"), "{said}");
    assert_eq!(run(folder.path(), &["alert", "verify", "good.xml", "--certificates", "good.xml"]).0, 2);
    assert_eq!(run(folder.path(), &["alert", "verify", "none.xml", "--certificates", "pinned.pem"]).0, 2);
    let late = ["alert", "verify", "good.xml", "--certificates", "pinned.pem", "--at", "2041-01-01T00:00:00Z"];
    assert_eq!(run(folder.path(), &late).0, 1);
}

#[test]
fn a_check_tells_who_the_certificate_says_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("good.xml"), Recipe::of(&CAST.rsa).sign(ALERT)).expect("written");
    let (code, said) = run(folder.path(), &["alert", "check", "good.xml"]);
    let line = "  signed by CN=Warnings,O=Weather Office,C=GB (rsa-sha256, sha256), unverified\n";
    assert!(code == 0 && said.contains(line), "{said}");
    let (_, said) = run(folder.path(), &["alert", "check", "good.xml", "--json"]);
    let said: Value = said.parse().expect("one object");
    let claim = &said["signatures"][0];
    assert_eq!(
        (&claim["algorithm"], &claim["signer"]),
        (&json!("rsa-sha256"), &json!("CN=Warnings,O=Weather Office,C=GB"))
    );
}
