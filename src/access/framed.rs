//! A message in a file of its own: whole, of a known version, or refused.
//!
//! Magic number 8, version 4, length of the message 4, the message, CRC-32 of all that; numbers are little-endian.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::AccessError;

/// The version of all files here.
const VERSION: u32 = 1;
const HEADER: usize = 16;

/// The largest file that is read, bytes: far more than the most credentials take, or the most points.
const MAX_FILE: u64 = 64 << 20;

/// Why bytes are no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Damaged(&'static str),
    LaterVersion(u32),
}

impl Bad {
    pub(super) fn of(self, path: &Path) -> AccessError {
        let path = path.to_owned();
        match self {
            Self::Damaged(reason) => AccessError::Damaged { path, reason },
            Self::LaterVersion(version) => AccessError::LaterVersion { path, version },
        }
    }
}

/// The bytes of a file; `None` if there is none.
pub(super) fn load(path: &Path) -> Result<Option<Vec<u8>>, AccessError> {
    match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(MAX_FILE).read_to_end(&mut bytes).map_err(AccessError::file("read", path))?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AccessError::file("read", path)(error)),
    }
}

pub(super) fn seal(magic: [u8; 8], message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + message.len() + 4);
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    bytes.extend_from_slice(message);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The message in a file.
pub(super) fn unseal(magic: [u8; 8], bytes: &[u8]) -> Result<&[u8], Bad> {
    let number = |at: usize| bytes.get(at..at + 4).and_then(|part| part.try_into().ok()).map(u32::from_le_bytes);
    let (Some(begin), Some(version), Some(length)) = (bytes.get(..8), number(8), number(12)) else {
        return Err(Bad::Damaged("it is cut off"));
    };
    if begin != magic {
        return Err(Bad::Damaged("it is another kind of file"));
    }
    let end = HEADER + length as usize;
    if bytes.len() != end + 4 {
        return Err(Bad::Damaged("its length is not what it says"));
    }
    // Before the version is believed: a damaged one would name a version that there is not.
    if number(end) != Some(crc32fast::hash(&bytes[..end])) {
        return Err(Bad::Damaged("its checksum does not fit"));
    }
    if version != VERSION {
        return Err(Bad::LaterVersion(version));
    }
    Ok(&bytes[HEADER..end])
}
