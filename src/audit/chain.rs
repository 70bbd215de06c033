//! The chain: each record's number, and the hash of the one before it.

use std::sync::Arc;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use prost::encoding;

use crate::domain::{AuditPosition, RecordHash};
use crate::segments::{Seal, Waiting};

/// Where the newest record on disk stands.
pub(super) type Head = Arc<Mutex<AuditPosition>>;

/// Chains what is about to be written.
pub(super) struct Chain {
    /// Where the last record stands that was chained.
    last: AuditPosition,
    head: Head,
    failed: Gauge,
}

impl Chain {
    /// A chain that goes on behind what is on disk.
    pub(super) fn new(head: Head, failed: Gauge) -> Self {
        let last = *head.lock();
        Self { last, head, failed }
    }
}

impl Seal for Chain {
    fn seal(&mut self, entries: &[Waiting], frame: &mut Vec<u8>) -> u64 {
        for entry in entries {
            self.last = append(frame, self.last, &entry.bytes);
        }
        entries.len() as u64
    }

    fn synced(&mut self) {
        *self.head.lock() = self.last;
    }

    fn failed(&mut self) {
        self.failed.set(1);
    }
}

/// Puts a record behind what is in `frame`, with its length in front; gives where it stands.
pub(super) fn append(frame: &mut Vec<u8>, before: AuditPosition, entry: &[u8]) -> AuditPosition {
    let sequence = before.sequence + 1;
    let link = before.hash.0.to_vec();
    let length = encoding::uint64::encoded_len(1, &sequence) + encoding::bytes::encoded_len(2, &link) + entry.len();
    encoding::encode_varint(length as u64, frame);
    let start = frame.len();
    encoding::uint64::encode(1, &sequence, frame);
    encoding::bytes::encode(2, &link, frame);
    frame.extend_from_slice(entry);
    AuditPosition { sequence, hash: hash(&frame[start..]) }
}

/// The hash of a record's bytes.
pub(super) fn hash(record: &[u8]) -> RecordHash {
    RecordHash(sha256(record))
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
