//! Link secrets that were told, in a file that its owner alone can read; and by it, which lines are done.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::lines::short_hash;

/// One registration's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    /// What named the line.
    #[serde(borrow)]
    pub(super) request_id: Cow<'a, str>,
    /// The registration.
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// What opens its link, in hexadecimal.
    #[serde(borrow)]
    pub(super) link_secret: Cow<'a, str>,
}

/// Which lines are done, by what named them.
#[derive(Debug, Default)]
pub(super) struct Told(HashSet<[u8; 16], foldhash::fast::RandomState>);

impl Told {
    pub(super) fn contains(&self, request_id: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&short_hash(request_id.as_bytes()))
    }
}

/// The file. Nobody else imports with it at the same time.
#[derive(Debug)]
pub(super) struct Secrets(File);

impl Secrets {
    /// Opens the file, or makes it; and says what is in it already. What a break has left of its last line is cut off.
    pub(super) fn open(path: &Path) -> Result<(Self, Told)> {
        let at = || format!("--secrets {}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(path).with_context(at)?;
        if file.metadata().with_context(at)?.mode() & 0o077 != 0 {
            bail!("--secrets {}: others may read it; its mode must be 0600", path.display());
        }
        if file.try_lock().is_err() {
            bail!("--secrets {}: another import is writing it", path.display());
        }
        let mut told = Told::default();
        let (mut reader, mut line, mut whole) = (BufReader::new(&file), Vec::new(), 0);
        for number in 1_u64.. {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).with_context(at)?;
            if read == 0 || is_torn(&line) {
                break;
            }
            whole += read as u64;
            let Ok(secret) = serde_json::from_slice::<Line<'_>>(&line) else {
                bail!("--secrets {}: line {number} is none of an import", path.display());
            };
            told.0.insert(short_hash(secret.request_id.as_bytes()));
        }
        file.set_len(whole).with_context(at)?;
        file.seek(SeekFrom::End(0)).with_context(at)?;
        Ok((Self(file), told))
    }

    /// Writes what was told. What is written is there though this process may be killed.
    pub(super) fn add<'a>(&mut self, secrets: impl Iterator<Item = Line<'a>>) -> Result<()> {
        let mut lines = Vec::new();
        for secret in secrets {
            serde_json::to_writer(&mut lines, &secret)?;
            lines.push(b'\n');
        }
        self.0.write_all(&lines).context("the link secrets could not be written")
    }

    /// Makes sure that it is on disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.0.sync_all().context("the link secrets could not be written")
    }
}

/// Whether this is the beginning of a line, and no more of it. A last line of anything else is not taken for one.
fn is_torn(line: &[u8]) -> bool {
    let begins = line.iter().zip(BEGINNING).all(|(found, expected)| found == expected);
    begins && !line.ends_with(b"\n")
}

/// How each line begins.
const BEGINNING: &[u8] = b"{\"request_id\":";

/// As the file has it.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn secret(request_id: &str) -> Line<'_> {
        let name = "partners/a/apps/b/registrations/c";
        Line { request_id: request_id.into(), name: name.into(), link_secret: "00ff".into() }
    }

    #[test]
    fn what_was_told_is_known_again_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.jsonl");
        let (mut secrets, told) = Secrets::open(&path).expect("it is made");
        assert!(!told.contains("one"));
        secrets.add([secret("one"), secret("zwei \"größer\"")].into_iter()).expect("written");
        secrets.sync().expect("synced");
        assert_eq!(std::fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
        assert!(Secrets::open(&path).is_err(), "it is being written");
        drop(secrets);
        let whole = std::fs::read(&path).expect("it is there");
        for torn in 1..60 {
            let mut file = whole.clone();
            file.extend_from_slice(&whole[..torn]);
            std::fs::write(&path, file).expect("written");
            let (_, told) = Secrets::open(&path).expect("it is gone on with");
            assert!(told.contains("one") && !told.contains("three"));
            assert_eq!(std::fs::read(&path).expect("it is there"), whole);
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.jsonl");
        std::fs::write(&path, "").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        assert!(Secrets::open(&path).expect_err("refused").to_string().contains("0600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        for precious in ["precious\n", "precious", "{}", "{\"name\":\"x\"}\n", "{\"request_id\":\"x\"}\n"] {
            std::fs::write(&path, precious).expect("written");
            assert!(Secrets::open(&path).is_err(), "{precious}");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), precious);
        }
    }
}
