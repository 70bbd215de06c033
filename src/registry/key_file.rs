//! The file that holds the identity keys.
//!
//! ```text
//! hazardcast-identity-key 2 <base key, 64 hex digits>
//! <key id, 8 hex digits> <number> <key, 64 hex digits> -
//! <key id, 8 hex digits> <number> <key, 64 hex digits> <when it was retired, Unix microseconds>
//! ```
//!
//! The newest key is the first. The base key stays for ever: what partners know (GIDs, tokens of pages) is made of it.
//! Version 1 was one line, `hazardcast-identity-key 1 <key id> <key>`, of a key that was both; it is read as that.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::domain::Private;
use crate::files;

use super::RegistryError;

/// The largest file that is read, bytes; far more than the most keys take.
const MAX_FILE: u64 = 4_096;

/// What the file holds.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub(super) base: Private<[u8; 32]>,
    /// The newest first. There is always one.
    pub(super) keys: Vec<FileKey>,
}

/// A key that identifiers are hashed with.
#[derive(Debug, Clone)]
pub(super) struct FileKey {
    /// Random: tells it from the keys of other stores.
    pub(super) id: u32,
    /// Which of this store's keys it is, from 0.
    pub(super) number: u32,
    pub(super) secret: Private<[u8; 32]>,
    /// When another took its place, Unix microseconds.
    pub(super) retired_us: Option<i64>,
}

impl FileKey {
    /// One that is drawn now.
    pub(super) fn draw(number: u32) -> Self {
        Self { id: rand::random(), number, secret: Private::new(rand::random()), retired_us: None }
    }
}

impl KeyFile {
    /// Reads the file. When there is none and `may_create`, draws keys and writes it.
    pub(super) fn open(path: &Path, may_create: bool) -> Result<Self, RegistryError> {
        let failed = |source| RegistryError::KeyFile { path: path.into(), source };
        match File::open(path) {
            Ok(file) => {
                if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
                    return Err(RegistryError::KeyExposed(path.into()));
                }
                let mut text = String::new();
                file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
                Self::parse(&text).ok_or_else(|| RegistryError::KeyMalformed(path.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
                let made = Self { base: Private::new(rand::random()), keys: vec![FileKey::draw(0)] };
                made.write(path).map_err(failed)?;
                Ok(made)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RegistryError::KeyMissing(path.into())),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes it, synced, readable by this account alone: beside and renamed, so that a crash leaves the one or the
    /// other whole.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = format!("hazardcast-identity-key 2 {}\n", hex(&self.base));
        for FileKey { id, number, secret, retired_us } in &self.keys {
            let retired = retired_us.map_or_else(|| "-".to_owned(), |us| us.to_string());
            let _ = writeln!(text, "{id:08x} {number} {} {retired}", hex(secret));
        }
        files::replace(path, text.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.trim_end().lines();
        let mut head = lines.next()?.split(' ');
        if head.next()? != "hazardcast-identity-key" {
            return None;
        }
        let (version, first) = (head.next()?, head.next()?);
        let file = if version == "1" {
            let secret = unhex(head.next()?)?;
            Self { base: secret, keys: vec![FileKey { id: id(first)?, number: 0, secret, retired_us: None }] }
        } else if version == "2" {
            let keys = lines.by_ref().map(read_key).collect::<Option<Vec<_>>>()?;
            Self { base: unhex(first)?, keys }
        } else {
            return None;
        };
        let in_order = file.keys.is_sorted_by(|newer, older| newer.number > older.number);
        let only_old_are_retired = file.keys.iter().enumerate().all(|(at, key)| (at > 0) == key.retired_us.is_some());
        let ended = head.next().is_none() && lines.next().is_none();
        (ended && in_order && only_old_are_retired && !file.keys.is_empty()).then_some(file)
    }
}

fn read_key(line: &str) -> Option<FileKey> {
    let mut words = line.split(' ');
    let (key_id, number, secret) = (id(words.next()?)?, words.next()?.parse().ok()?, unhex(words.next()?)?);
    let retired_us = match words.next()? {
        "-" => None,
        us => Some(us.parse().ok()?),
    };
    words.next().is_none().then_some(FileKey { id: key_id, number, secret, retired_us })
}

fn id(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

fn hex(secret: &Private<[u8; 32]>) -> String {
    secret.expose().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(hex: &str) -> Option<Private<[u8; 32]>> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(Private::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_several_keys_reads_back_and_the_first_form_is_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        let mut file = KeyFile::open(&path, true).unwrap();
        file.keys[0].retired_us = Some(1_900_000_000_000_000);
        file.keys.insert(0, FileKey::draw(1));
        file.write(&path).unwrap();
        let again = KeyFile::open(&path, false).unwrap();
        assert_eq!(again.base.expose(), file.base.expose());
        let told = |file: &KeyFile| -> Vec<_> {
            file.keys.iter().map(|key| (key.id, key.number, *key.secret.expose(), key.retired_us)).collect()
        };
        assert_eq!(told(&again), told(&file));
        assert!(format!("{file:?}").contains("redacted"));

        let old = format!("hazardcast-identity-key 1 0000beef {}\n", "a5".repeat(32));
        let old = KeyFile::parse(&old).unwrap();
        assert_eq!((old.base.expose(), told(&old)), (&[0xa5; 32], vec![(0xbeef, 0, [0xa5; 32], None)]));
    }

    #[test]
    fn what_is_cut_or_mixed_up_is_no_key_file() {
        let (key, other) = ("a5".repeat(32), "5a".repeat(32));
        let good = format!("hazardcast-identity-key 2 {key}\n0000000b 1 {other} -\n0000000a 0 {key} 77\n");
        assert!(KeyFile::parse(&good).is_some());
        for cut in 0..good.len() - 2 {
            // A file may end behind its first key: that is one with fewer keys.
            let whole = good[..cut].trim_end().ends_with(" -");
            assert_eq!(KeyFile::parse(&good[..cut]).is_some(), whole, "{cut}");
        }
        for (part, instead) in
            [(" 2 ", " 3 "), (" -", " 5"), (" 77", " -"), (" 0 ", " 1 "), ("a5a5", "+5a5"), ("\n", " ")]
        {
            assert!(KeyFile::parse(&good.replacen(part, instead, 1)).is_none(), "{part} {instead}");
        }
    }
}
