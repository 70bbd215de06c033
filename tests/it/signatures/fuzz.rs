//! Signed messages, mutated: nothing makes the verifier panic, and what it accepts reads as what was signed.
//!
//! Runs for as many seconds as `HAZARDCAST_FUZZ_SECONDS` says, with a seed of its own each round; one round alone is
//! repeated with `HAZARDCAST_FUZZ_SEED`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hazardcast::format;
use hazardcast::format::signature::{SignaturePolicy, claims, verify};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ALERT, CAST, pinned};
use crate::fuzz::variable;
use crate::support::signer::{C14N, C14N_11, ENVELOPED, Recipe, put_in};

/// How long a run is where nothing is said, seconds.
const SECONDS: u64 = 2;

/// What means something to a parser or a canonicaliser; put in anywhere.
const WORDS: [&str; 30] = [
    "<",
    ">",
    "/>",
    "&",
    "&amp;",
    "&#13;",
    "&#x0;",
    "&#xD800;",
    "\"",
    "'",
    "\r",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "<!-- a -->",
    "<![CDATA[",
    "]]>",
    "<?a b?>",
    "<a/>",
    " xmlns=\"\"",
    " xmlns:a=\"b\"",
    " a:b=\"c\"",
    " xml:base=\"a\"",
    " Id=\"a\"",
    "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">",
    "<?xml version=\"1.1\"?>",
    "=",
];

fn mutate(random: &mut StdRng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] = random.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
            3 => {
                let end = (at + random.random_range(0..200)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let other = &others[random.random_range(0..others.len())];
                let from = random.random_range(0..other.len());
                let end = (from + random.random_range(0..400)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let end = (at + random.random_range(0..400)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

#[test]
fn whatever_is_done_to_a_signed_message_nothing_else_is_accepted() {
    let second = Recipe::of(&CAST.p256);
    let inclusive = Recipe { canonicalization: C14N, transforms: vec![ENVELOPED, C14N], ..Recipe::of(&CAST.p256) };
    let eleven = Recipe { canonicalization: C14N_11, transforms: vec![ENVELOPED, C14N_11], ..Recipe::of(&CAST.p256) };
    let texts = [
        second.sign(ALERT),
        inclusive.sign(ALERT),
        format!("<?xml version=\"1.0\"?>\n<!-- a -->{}", eleven.sign(ALERT)),
        put_in(
            &second.sign(ALERT),
            &Recipe { object: "<Object xmlns=\"\"/>", ..Recipe::of(&CAST.rsa) }.signature(ALERT),
        ),
        format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><content>{}</content></entry></feed>",
            second.sign(ALERT)
        ),
    ];
    let messages = texts.map(String::into_bytes);
    let trust = pinned(&[&CAST.p256]);
    let right = format::read(&messages[0], None).expect("it can be read").alert;
    let (seconds, only) = (variable("HAZARDCAST_FUZZ_SECONDS").unwrap_or(SECONDS), variable("HAZARDCAST_FUZZ_SEED"));
    let (end, mut rounds, mut accepted) = (Instant::now() + Duration::from_secs(seconds), 0, 0);
    while Instant::now() < end {
        let seed = only.unwrap_or_else(rand::random);
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = messages[random.random_range(0..messages.len())].clone();
        mutate(&mut random, &mut bytes, &messages);
        let found = catch_unwind(AssertUnwindSafe(|| {
            claims(&bytes, None);
            verify(&bytes, None, &trust, &SignaturePolicy::default())
        }));
        let text = String::from_utf8_lossy(&bytes);
        let found = found.unwrap_or_else(|_| panic!("HAZARDCAST_FUZZ_SEED={seed} panics: {text}"));
        match found {
            Ok(_) => {
                let read = format::read(&bytes, None).map(|read| read.alert);
                assert_eq!(read.as_ref(), Ok(&right), "HAZARDCAST_FUZZ_SEED={seed}: {text}");
                accepted += 1;
            }
            Err(fault) => assert!(!fault.field().is_empty() && !fault.to_string().is_empty(), "{seed}"),
        }
        rounds += 1;
        if only.is_some() {
            break;
        }
    }
    let told = format!("{rounds} signed messages, mutated: {accepted} are accepted and read as before");
    let _ = writeln!(std::io::stderr(), "{told}");
}
