//! A message in a file of its own: whole, of a known version, or refused.
//!
//! Magic number 8, version 4, length of the message 4, the message, CRC-32 of all that; numbers are little-endian.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The version of all such files.
const VERSION: u32 = 1;
const HEADER: usize = 16;

/// Why bytes are no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// They are not what was written: what does not fit.
    Damaged(&'static str),
    /// They were written by a later version, this one.
    LaterVersion(u32),
}

/// The bytes of a file, at most so many; `None` if there is none.
pub fn load(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes of a file with a message; `None` if it is longer than can be said.
pub fn seal(magic: [u8; 8], message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEADER + message.len() + 4);
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(message);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    Some(bytes)
}

/// The message in a file.
pub fn unseal(magic: [u8; 8], bytes: &[u8]) -> Result<&[u8], Bad> {
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
