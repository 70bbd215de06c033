//! Headers of segments and frames: what they hold, and how damage to them is known. All numbers are little-endian.

use super::{Damage, MAX_ENTRY};

/// The version of what this file writes. A successor reads version 1 by this file and writes its own to new segments.
pub(crate) const FRAMING_VERSION: u32 = 1;

/// What tells one log's files from another's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// What the log is called; its segments' names begin with it.
    pub(crate) name: &'static str,
    /// How its files' names end.
    pub(crate) extension: &'static str,
    /// Each file begins with it.
    pub(crate) magic: [u8; 7],
    /// What follows the magic in a segment of frames as they were committed.
    pub(crate) letter: u8,
    /// The version of the message that each entry is.
    pub(crate) message_version: u32,
}

/// What a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Frames as they were committed.
    Log,
    /// What is left of all frames before a number.
    Snapshot,
}

/// The start of a segment: magic 7, kind 1, framing version 4, message version 4, number 8, frames 8, checksum 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// What it is.
    pub(crate) kind: Kind,
    /// The number that its first frame begins with, or the first after a snapshot.
    pub(crate) number: u64,
    /// How many frames a snapshot has; 0 for a log, which grows.
    pub(crate) frames: u64,
}

/// What a header that is no header of this version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidHeader {
    Damaged,
    Version { framing: u32, message: u32 },
}

/// What follows the magic in a snapshot.
const SNAPSHOT: u8 = b's';
const FRAME_MAGIC: [u8; 4] = *b"\x97hzf";

impl SegmentHeader {
    pub(crate) const LEN: usize = 36;

    pub(crate) fn write(&self, format: &Format) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..7].copy_from_slice(&format.magic);
        bytes[7] = match self.kind {
            Kind::Log => format.letter,
            Kind::Snapshot => SNAPSHOT,
        };
        bytes[8..12].copy_from_slice(&FRAMING_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&format.message_version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.frames.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn read(bytes: &[u8; Self::LEN], format: &Format) -> Result<Self, InvalidHeader> {
        if bytes[..7] != format.magic || crc32fast::hash(&bytes[..32]) != u32_at(bytes, 32) {
            return Err(InvalidHeader::Damaged);
        }
        let (framing, message) = (u32_at(bytes, 8), u32_at(bytes, 12));
        if (framing, message) != (FRAMING_VERSION, format.message_version) {
            return Err(InvalidHeader::Version { framing, message });
        }
        let kind = match bytes[7] {
            SNAPSHOT => Kind::Snapshot,
            letter if letter == format.letter => Kind::Log,
            _ => return Err(InvalidHeader::Damaged),
        };
        Ok(Self { kind, number: u64_at(bytes, 16), frames: u64_at(bytes, 24) })
    }
}

/// The start of a frame: magic 4, length of the payload 4, checksum of the payload 4, checksum of the header 4.
///
/// The header's checksum also covers the segment's number and the frame's offset, so that a frame's copy in another
/// place (a recycled block of the disk, a message that somebody crafted to look like a frame) is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) len: usize,
    checksum: u32,
}

impl FrameHeader {
    pub(crate) const LEN: usize = 16;

    /// Fills in the header at the start of `frame`, whose payload is in its place behind it.
    pub(crate) fn seal(frame: &mut [u8], number: u64, offset: u64) {
        let (header, payload) = frame.split_at_mut(Self::LEN);
        header[..4].copy_from_slice(&FRAME_MAGIC);
        header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[8..12].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        let checksum = header_checksum(&header[..12], number, offset);
        header[12..].copy_from_slice(&checksum.to_le_bytes());
    }

    pub(crate) fn read(bytes: &[u8; Self::LEN], number: u64, offset: u64) -> Option<Self> {
        if bytes[..4] != FRAME_MAGIC || header_checksum(&bytes[..12], number, offset) != u32_at(bytes, 12) {
            return None;
        }
        let len = u32_at(bytes, 4) as usize;
        (1..=MAX_ENTRY).contains(&len).then_some(Self { len, checksum: u32_at(bytes, 8) })
    }

    pub(crate) fn verify(self, payload: &[u8]) -> Result<(), Damage> {
        if crc32fast::hash(payload) == self.checksum { Ok(()) } else { Err(Damage::Checksum) }
    }
}

/// Where in `bytes`, which start at `offset` of a segment, the first frame's header is.
pub(crate) fn find_frame(bytes: &[u8], number: u64, offset: u64) -> Option<u64> {
    bytes
        .array_windows()
        .zip(offset..)
        .find(|(window, at)| window[..4] == FRAME_MAGIC && FrameHeader::read(window, number, *at).is_some())
        .map(|(_, at)| at)
}

fn header_checksum(start: &[u8], number: u64, offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(start);
    hasher.update(&number.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
