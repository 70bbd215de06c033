//! A file's lines, each bounded, and the calls that are made of them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use crate::wire::v1;

use super::json::{Fault, read_request};
use super::secrets::{Told, hex};

/// The longest line.
const LINE: usize = 64 << 10;

/// The most registrations in one call.
const CALL: usize = 1_000;

/// The most bytes of lines in one call: what is made of them is shorter than the 4 MiB that a server takes.
const CALL_BYTES: usize = 3 << 20;

/// Lines that go into one call, and what else was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Number and request of each.
    pub(super) lines: Vec<(u64, v1::CreateRegistrationRequest)>,
    /// Lines that cannot be sent.
    pub(super) faults: Vec<(u64, Fault)>,
    /// How many lines were registered before.
    pub(super) passed: u64,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.lines.len() >= CALL || self.bytes >= CALL_BYTES || self.faults.len() + self.passed as usize >= 8 * CALL
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.faults.is_empty() && self.passed == 0
    }
}

/// Reads a file into calls.
pub(super) struct Batches<R> {
    reader: R,
    app: String,
    /// Whether nothing more is read after the first line that is refused.
    strict: bool,
    ended: bool,
    /// The line that is being read; `None` once it is too long.
    line: Option<Vec<u8>>,
    number: u64,
    bytes: u64,
    /// How often each content was there, by its hash.
    contents: HashMap<[u8; 16], u32, foldhash::fast::RandomState>,
    gathered: Batch,
}

impl<R: AsyncBufRead + Unpin> Batches<R> {
    pub(super) fn new(reader: R, app: &str, strict: bool) -> Self {
        Self {
            reader,
            app: app.to_owned(),
            strict,
            ended: false,
            line: Some(Vec::new()),
            number: 0,
            bytes: 0,
            contents: HashMap::default(),
            gathered: Batch::default(),
        }
    }

    /// Nothing more is read.
    pub(super) fn stop(&mut self) {
        self.ended = true;
    }

    /// How many bytes were read.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many lines were read.
    pub(super) const fn lines(&self) -> u64 {
        self.number
    }

    /// The next call's lines, without those that are `told` already; `None` at the end. May be dropped and called
    /// again: nothing that was read is lost.
    pub(super) async fn next(&mut self, told: &Told) -> Result<Option<Batch>> {
        while !self.ended && !self.gathered.is_full() {
            let read = self.reader.fill_buf().await.context("the file could not be read")?;
            let (taken, ends) = match read.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (read.len(), read.is_empty()),
            };
            let last = read.is_empty();
            let text = &read[..taken - usize::from(ends && !last)];
            self.line = self.line.take().filter(|line| line.len() + text.len() <= LINE).map(|mut line| {
                line.extend_from_slice(text);
                line
            });
            self.reader.consume(taken);
            self.bytes += taken as u64;
            self.ended |= last;
            if ends {
                let line = self.line.replace(Vec::new());
                if !last || line.as_ref().is_none_or(|line| !line.is_empty()) {
                    self.number += 1;
                    self.take(line.as_deref(), told);
                }
            }
        }
        let batch = std::mem::take(&mut self.gathered);
        Ok((!batch.is_empty()).then_some(batch))
    }

    fn take(&mut self, line: Option<&[u8]>, told: &Told) {
        let Some(line) = line else { return self.refuse(Fault::new("", format!("is longer than {LINE} bytes"))) };
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        match read_request(line) {
            Ok(mut request) => {
                if request.request_id.is_empty() {
                    request.request_id = self.id_of(line);
                }
                if told.contains(&request.request_id) {
                    self.gathered.passed += 1;
                } else {
                    self.gathered.bytes += line.len();
                    self.gathered.lines.push((self.number, request));
                }
            }
            Err(fault) => self.refuse(fault),
        }
    }

    fn refuse(&mut self, fault: Fault) {
        self.gathered.faults.push((self.number, fault));
        self.ended |= self.strict;
    }

    /// What names a line that names itself not: the same in the same file. Of equal lines each has its own, since they
    /// may be of phones of which nothing else is known.
    fn id_of(&mut self, line: &[u8]) -> String {
        let hash = short_hash(&[self.app.as_bytes(), &[0], line].concat());
        let before = self.contents.entry(hash).or_default();
        *before += 1;
        format!("line-{}-{before}", hex(&hash))
    }
}

/// The first half of the SHA-256.
pub(super) fn short_hash(bytes: &[u8]) -> [u8; 16] {
    let digest = digest(&SHA256, bytes);
    let half = digest.as_ref().first_chunk().copied();
    half.expect("it is 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All of a file, read in pieces of so many bytes.
    fn read(file: &[u8], pieces: usize, strict: bool, told: &Told) -> (Vec<Batch>, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let reader = tokio::io::BufReader::with_capacity(pieces.max(1), file);
            let mut batches = Batches::new(reader, "partners/a/apps/b", strict);
            let mut all = Vec::new();
            while let Some(batch) = batches.next(told).await.expect("it can be read") {
                all.push(batch);
            }
            (all, batches.bytes())
        })
    }

    fn numbers(batches: &[Batch]) -> (Vec<u64>, Vec<u64>) {
        let lines = batches.iter().flat_map(|batch| batch.lines.iter().map(|(number, _)| *number));
        let faults = batches.iter().flat_map(|batch| batch.faults.iter().map(|(number, _)| *number));
        (lines.collect(), faults.collect())
    }

    fn ids(batches: &[Batch]) -> Vec<String> {
        batches.iter().flat_map(|batch| batch.lines.iter().map(|(_, request)| request.request_id.clone())).collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_does_and_blank_ones_are_nothing() {
        let file = b"{}\r\n\n  \n{\"request_id\":\"own\"}\nnonsense\n{}";
        for pieces in 1..=file.len() {
            let (batches, bytes) = read(file, pieces, false, &Told::default());
            assert_eq!(numbers(&batches), (vec![1, 4, 6], vec![5]));
            assert_eq!(bytes, file.len() as u64);
            let ids = ids(&batches);
            assert_eq!(ids[1], "own");
            assert!(ids[0].ends_with("-1") && ids[2].ends_with("-2") && ids[0][..37] == ids[2][..37], "{ids:?}");
            assert!(ids.iter().all(|id| id.len() <= 64));
        }
        let (strict, _) = read(file, 7, true, &Told::default());
        assert_eq!(numbers(&strict), (vec![1, 4], vec![5]));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let long = format!("{{}}\n{}\n{{}}\n", " ".repeat(LINE + 1));
        for pieces in [1, 1_000, LINE, 1 << 20] {
            assert_eq!(numbers(&read(long.as_bytes(), pieces, false, &Told::default()).0), (vec![1, 3], vec![2]));
        }
        let longest = format!("{{}}{}", " ".repeat(LINE - 2));
        assert_eq!(numbers(&read(longest.as_bytes(), 512, false, &Told::default()).0), (vec![1], vec![]));
    }

    #[test]
    fn calls_are_of_a_thousand_lines_and_of_what_a_server_takes() {
        let (batches, _) = read("{}\n".repeat(2_500).as_bytes(), 8_192, false, &Told::default());
        assert_eq!(batches.iter().map(|batch| batch.lines.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        let wide = format!("{{\"registration\":{{\"gid\":\"{}\"}}}}\n", "g".repeat(60_000)).repeat(100);
        let (batches, _) = read(wide.as_bytes(), 8_192, false, &Told::default());
        let size = |batch: &Batch| {
            use prost::Message;
            batch.lines.iter().map(|(_, request)| request.encoded_len() + 8).sum::<usize>()
        };
        assert!(batches.iter().all(|batch| size(batch) < 4 << 20) && batches.len() == 2);
    }

    proptest! {
        #[test]
        fn however_a_file_is_cut_into_pieces_its_lines_are_the_same(
            lines in prop::collection::vec(prop::sample::select(vec!["{}", "", "x", "{\"request_id\":\"r\"}"]), 0..40),
            pieces in 1..64_usize,
            ends in any::<bool>(),
        ) {
            let mut file = lines.join("\n");
            if ends {
                file.push('\n');
            }
            let (whole, _) = read(file.as_bytes(), 1 << 16, false, &Told::default());
            let (cut, _) = read(file.as_bytes(), pieces, false, &Told::default());
            prop_assert_eq!(numbers(&whole), numbers(&cut));
            prop_assert_eq!(ids(&whole), ids(&cut));
            let expected = lines.iter().filter(|line| line.starts_with('{')).count();
            prop_assert_eq!(ids(&whole).len(), expected);
        }
    }
}
