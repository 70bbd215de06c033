//! The forms in which a value could be found where it must not be.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest;

/// Needles shorter than this would be found by chance.
const SHORTEST: usize = 6;

/// Values that must not be found, each by the name that a failure tells.
#[derive(Debug, Default)]
pub(crate) struct Needles {
    by_start: HashMap<[u8; 4], Vec<(String, Vec<u8>)>>,
}

impl Needles {
    /// A text in all its forms: in either case, without separators, as the number or the bytes that it writes; each of
    /// these in hexadecimal, base64 and UTF-16, backwards, and hashed without a key.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut forms: BTreeSet<Vec<u8>> = BTreeSet::new();
        for written in [text, &bare] {
            for cased in [written.to_owned(), written.to_ascii_lowercase(), written.to_ascii_uppercase()] {
                forms.insert(cased.encode_utf16().flat_map(u16::to_le_bytes).collect());
                for algorithm in [&digest::SHA256, &digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA512] {
                    let hash = digest::digest(algorithm, cased.as_bytes());
                    forms.insert(hash.as_ref()[..16].to_vec());
                }
                forms.insert(cased.into_bytes());
            }
        }
        let digits: Option<Vec<u8>> =
            (0..bare.len() / 2).map(|at| u8::from_str_radix(&bare[at * 2..at * 2 + 2], 16).ok()).collect();
        forms.extend(digits);
        forms.extend(bare.parse::<u64>().ok().map(|number| number.to_be_bytes()[1..].to_vec()));
        for form in forms {
            self.bytes(name, &form);
        }
    }

    /// Bytes as they are and backwards, in hexadecimal, in base64, and as Rust's `Debug` writes them.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let backwards: Vec<u8> = bytes.iter().rev().copied().collect();
        for bytes in [bytes, &backwards] {
            let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            self.needle(name, bytes.to_vec());
            self.needle(name, hex.to_ascii_uppercase().into_bytes());
            self.needle(name, hex.into_bytes());
            let debug = format!("{bytes:?}");
            self.needle(name, debug.trim_matches(['[', ']']).as_bytes().to_vec());
            for skip in 0..3.min(bytes.len()) {
                // What stands before a value in what is encoded shifts it; the ends mix with what stands beside.
                let encoded = base64(&bytes[skip..]);
                self.needle(name, encoded.replace('+', "-").replace('/', "_").into_bytes());
                self.needle(name, encoded.into_bytes());
            }
        }
    }

    /// A coordinate as people and programs write it.
    pub(crate) fn degrees(&mut self, name: &str, degrees: f64) {
        let e7 = (degrees * 1e7).round() as i32;
        for text in [format!("{degrees:?}"), format!("{degrees:.7}"), format!("{e7}")] {
            self.needle(name, text.into_bytes());
        }
        for bytes in [degrees.to_le_bytes(), degrees.to_be_bytes()] {
            self.needle(name, bytes.to_vec());
        }
    }

    fn needle(&mut self, name: &str, bytes: Vec<u8>) {
        if bytes.len() >= SHORTEST {
            let start = [bytes[0], bytes[1], bytes[2], bytes[3]];
            self.by_start.entry(start).or_default().push((name.to_owned(), bytes));
        }
    }

    /// Names of what is found in `hay`.
    pub(crate) fn found_in(&self, hay: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, start) in hay.windows(4).enumerate() {
            let Some(needles) = self.by_start.get(start) else { continue };
            let here = needles.iter().filter(|(_, needle)| hay[at..].starts_with(needle));
            found.extend(here.map(|(name, _)| name.clone()));
        }
        found
    }

    /// Names of what is found in any file below `folder`, in its content or its path.
    pub(crate) fn found_below(&self, folder: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            found.extend(self.found_in(path.as_os_str().as_encoded_bytes()));
            if path.is_dir() {
                found.extend(self.found_below(&path));
            } else {
                let content = fs::read(&path).expect("it can be read");
                // Files are taken in advance, and their rest is zeros.
                let end = content.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                found.extend(self.found_in(&content[..end]));
            }
        }
        found
    }
}

/// Base64 of all whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    text
}
