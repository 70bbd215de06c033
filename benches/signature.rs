//! What verifying a signed alert costs: 2 KB, 100 KB and 1 MB, by RSA and by ECDSA, against the floor that nobody can
//! be below, the SHA-256 of its bytes and one RSA verification.
//!
//! `cargo bench --bench signature` ends with a table of the best times; with `-- --test` each case is run once. That
//! all are accepted is asserted; no time is.

#![expect(clippy::print_stdout, reason = "the table is what the benchmark is for")]

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/it/support/signer.rs"]
mod signer;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use hazardcast::format;
use hazardcast::format::signature::{SignaturePolicy, Trust, verify};
use signer::{Kind, Paper, Recipe, Signer};

/// The best of so many rounds counts.
const ROUNDS: usize = 50;

/// An alert in canonical form of so many bytes or a few more: areas of polygons of 20 points.
fn alert(bytes: usize) -> String {
    let mut areas = String::new();
    while areas.len() + 600 < bytes {
        let number = areas.len();
        let point = |index: usize| {
            let (south, west) = (40_000 + index % 10 * 7, 5_000 + number % 1_000 + index / 10 * 9);
            format!("{}.{:03},{}.{:03} ", south / 1_000, south % 1_000, west / 1_000, west % 1_000)
        };
        let points: String = (0..20).map(point).collect();
        areas += "<area><areaDesc>District</areaDesc><polygon>";
        areas += &points;
        areas += &point(0);
        areas += "</polygon></area>";
    }
    format!(
        "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>a</identifier><sender>b</sender>\
         <sent>2030-11-02T12:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>\
         <info><category>Met</category><event>Storm</event><urgency>Immediate</urgency><severity>Severe</severity>\
         <certainty>Observed</certainty><expires>2030-11-02T18:00:00-00:00</expires>{areas}</info></alert>"
    )
}

/// The best time of some rounds.
fn best(rounds: usize, mut once: impl FnMut()) -> Duration {
    let timed = (0..rounds).map(|_| {
        let started = Instant::now();
        once();
        started.elapsed()
    });
    timed.min().unwrap_or_default()
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { ROUNDS };
    let signers = [("RSA-2048", Kind::Rsa), ("P-256", Kind::P256)];
    let signers = signers.map(|(name, kind)| (name, Signer::new(kind, &Paper::of("Warnings"))));
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"a", &mut signature).expect("it signs");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    println!("{:>10} {:>9} {:>12} {:>12} {:>12}", "bytes", "key", "verify", "read", "floor");
    for size in [2_000, 100_000, 1_000_000] {
        for (name, signer) in &signers {
            let signed = Recipe::of(signer).sign(&alert(size));
            let trust = Trust::new::<&str>(&signer.pem(), b"", &[]).expect("a certificate");
            let policy = SignaturePolicy::default();
            let verified = best(rounds, || {
                assert!(verify(black_box(signed.as_bytes()), None, &trust, &policy).is_ok());
            });
            let read = best(rounds, || assert!(format::read(black_box(signed.as_bytes()), None).is_ok()));
            let floor = best(rounds, || {
                black_box(digest::digest(&digest::SHA256, black_box(signed.as_bytes())));
                assert!(public.verify(b"a", &signature).is_ok());
            });
            println!("{:>10} {name:>9} {verified:>12.1?} {read:>12.1?} {floor:>12.1?}", signed.len());
        }
    }
}
