//! The number of the store's last commit, noted beside the store.
//!
//! # Why
//!
//! The store takes a damaged end of its own log for a write that was cut off, and drops it. Of what a crash has cut off
//! nothing was acknowledged; but where a disk has lost or changed what was on it, all that came after is gone as well,
//! and nobody would be told. So the number of the last commit is noted in a file of its own, a moment after it: a store
//! that ends before that has lost something.
//!
//! # Form
//!
//! Two places of [`PLACE`] bytes, written in turn, so that a note which is cut off leaves the one before: the number,
//! big-endian, and its CRC-32. A file of nothing but zeros is a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::RegistryError;
use super::store::{Space, damaged};

/// A disk writes this much or nothing of it.
const PLACE: usize = 512;

/// How long a note may be put off while there is more to do.
const PUT_OFF: Duration = Duration::from_millis(100);

/// The file, and what is noted in it.
pub(super) struct Witness {
    file: File,
    noted: u64,
    at: Instant,
    failed: bool,
}

impl Witness {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, RegistryError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(RegistryError::Folder)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(RegistryError::Folder)?;
        let found = bytes.chunks(PLACE).filter_map(read).max();
        if found.is_none() && bytes.iter().any(|&byte| byte != 0) {
            return Err(damaged(Space::Meta, b"commits", "the note of the last commit cannot be read"));
        }
        if bytes.len() < 2 * PLACE {
            file.write_all_at(&[0; 2 * PLACE], 0).map_err(RegistryError::Folder)?;
            file.sync_all().map_err(RegistryError::Folder)?;
        }
        Ok(Self { file, noted: found.unwrap_or(0), at: Instant::now(), failed: false })
    }

    /// The last commit that is noted.
    pub(super) fn noted(&self) -> u64 {
        self.noted
    }

    /// Notes the last commit, soon: at once if there is nothing else to do.
    pub(super) fn note(&mut self, commit: u64, is_idle: bool) {
        if commit <= self.noted || (!is_idle && self.at.elapsed() < PUT_OFF) {
            return;
        }
        let written = self.write(commit);
        self.at = Instant::now();
        match written {
            Ok(()) => (self.noted, self.failed) = (commit, false),
            // The changes are durable all the same; it is tried again with the next.
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::warn!(%error, "the number of the registry's last commit cannot be noted");
                }
            }
        }
    }

    fn write(&self, commit: u64) -> io::Result<()> {
        let number = commit.to_be_bytes();
        let mut place = [0; PLACE];
        place[..8].copy_from_slice(&number);
        place[8..12].copy_from_slice(&crc32fast::hash(&number).to_be_bytes());
        let offset = if commit.is_multiple_of(2) { 0 } else { PLACE };
        self.file.write_all_at(&place, offset as u64)?;
        self.file.sync_data()
    }
}

/// The number in a place; `None` if there is none, or not as it was written.
fn read(place: &[u8]) -> Option<u64> {
    let (number, rest) = place.split_first_chunk::<8>()?;
    let sum = rest.first_chunk::<4>()?;
    let is_whole = crc32fast::hash(number).to_be_bytes() == *sum;
    Some(u64::from_be_bytes(*number)).filter(|&number| is_whole && number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_that_is_whole_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("commits");
        let mut witness = Witness::open(&path).expect("it is made");
        assert_eq!(witness.noted(), 0);
        for commit in [1, 2, 5] {
            witness.note(commit, true);
        }
        witness.note(6, false);
        assert_eq!(Witness::open(&path).expect("it opens").noted(), 5, "put off for a moment");
        let mut bytes = std::fs::read(&path).expect("it is there");
        bytes[PLACE + 3] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(Witness::open(&path).expect("it opens").noted(), 2, "the one before it");
        bytes[9] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(Witness::open(&path), Err(RegistryError::Damaged { .. })));
    }
}
