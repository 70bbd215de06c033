//! Whether a log is as it was written: every record there, once, in its place, unchanged.
//!
//! [`verify`] needs nothing but the files. It reads all of them, goes on behind what it finds wrong, and says where
//! that is. What the files alone cannot show (the end cut off; a chain made anew from some record on) is found by
//! positions that were noted elsewhere before.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::domain::{AuditPosition, RecordHash, Timestamp};
use crate::segments::{Damage, LogError, Segment, segment};

use super::read::{Records, Stored, segments_at};

/// The most flaws that are told one by one.
const TOLD: usize = 100;

/// What became of a log.
#[derive(Debug, Default)]
pub struct Report {
    /// How many files were read.
    pub segments: u64,
    /// How many records could be read.
    pub records: u64,
    /// The number of the first record that is in its place.
    pub first: Option<u64>,
    /// Where the last record stands that is in its place.
    pub last: Option<AuditPosition>,
    /// When that was written.
    pub last_time: Option<Timestamp>,
    /// Records whose act a newer server has written, and this one does not know; they are chained like all others.
    pub unknown: u64,
    /// Numbers that were noted and could not be checked, since their records are not among what was read.
    pub unchecked: Vec<u64>,
    /// Where the server says that it removed a commit that a crash had cut off.
    pub cuts: Vec<Cut>,
    /// What is wrong, in the order of the files; at most a hundred.
    pub flaws: Vec<Flaw>,
    /// How many more flaws there are.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.flaws.is_empty()
    }

    fn add(&mut self, flaw: Flaw) {
        if self.flaws.len() < TOLD {
            self.flaws.push(flaw);
        } else {
            self.more += 1;
        }
    }
}

/// Where a commit was removed that a crash had cut off: no flaw, but worth a look, since it is the one way by which a
/// server removes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The record that says so.
    pub record: u64,
    /// When that was.
    pub time: Option<Timestamp>,
    /// How many bytes were removed.
    pub bytes: u64,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The file.
    pub file: PathBuf,
    /// Where the frame begins that it is in, bytes; `None` where the whole file is meant.
    pub offset: Option<u64>,
    /// The number of the record that it is about; of one that should be there, if it cannot be read.
    pub record: u64,
    /// What is wrong.
    pub finding: Finding,
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Bytes cannot be read.
    Damaged(Damage),
    /// The end of the log cannot be read. If the server was killed while it wrote, its next start removes this.
    CutOff {
        /// How many bytes there are of it.
        bytes: u64,
    },
    /// The record's bytes are not those that the next record was chained to, or were noted.
    Changed,
    /// Records are missing, this one first.
    Missing {
        /// The last that is missing.
        to: u64,
    },
    /// A record with this number was there before.
    Repeated,
    /// The record stands behind others that come after it.
    Misplaced,
    /// The log ends before a position that was noted: records are missing at its end, this one first.
    EndMissing {
        /// The number that was noted.
        noted: u64,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        let record = self.record;
        match &self.finding {
            Finding::Damaged(damage) => write!(f, ": record {record}: {damage}"),
            Finding::CutOff { bytes } => {
                write!(f, ": record {record}: the last {bytes} bytes are no whole commit; was the server killed?")
            }
            Finding::Changed => write!(f, ": record {record} is not what was written"),
            Finding::Missing { to } if *to == record => write!(f, ": record {record} is missing in front of this"),
            Finding::Missing { to } => write!(f, ": records {record} to {to} are missing in front of this"),
            Finding::Repeated => write!(f, ": record {record} is there again"),
            Finding::Misplaced => write!(f, ": record {record} is not in its place"),
            Finding::EndMissing { noted } => {
                write!(f, ": records {record} to {noted} are missing at the end: {noted} was noted")
            }
        }
    }
}

impl Finding {
    /// In one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::CutOff { .. } => "cut_off",
            Self::Changed => "changed",
            Self::Missing { .. } => "missing",
            Self::Repeated => "repeated",
            Self::Misplaced => "misplaced",
            Self::EndMissing { .. } => "end_missing",
        }
    }
}

/// Reads the log in a folder, or one of its files, or a copy of either, and says what is wrong with it.
///
/// A folder's log begins with record 1, or right behind a position in `noted`; where a file's begins is not checked.
/// `wait` is asked when the last commit is not whole: true, to look at the file again, since a server may be writing.
pub fn verify(path: &Path, noted: &[AuditPosition], mut wait: impl FnMut() -> bool) -> Result<Report, LogError> {
    let segments = segments_at(path)?;
    let mut walk = Walk::new(noted, path.is_dir());
    let last = segments.len() - 1;
    for (position, segment) in segments.iter().enumerate() {
        walk.segment(segment, position == last, &mut wait)?;
    }
    Ok(walk.finish(&segments[last]))
}

/// Whether a server is writing the log in a folder, or the one that a file is of.
pub fn is_being_written(path: &Path) -> bool {
    let dir = if path.is_dir() { Some(path) } else { path.parent() };
    dir.is_some_and(segment::is_held)
}

/// Where a record was, for what is told of it later.
#[derive(Debug, Clone)]
struct Seen {
    sequence: u64,
    hash: RecordHash,
    file: PathBuf,
    offset: u64,
}

/// The state between one record and the next.
struct Walk<'a> {
    noted: BTreeMap<u64, &'a RecordHash>,
    /// The number that comes next.
    expected: u64,
    /// The last record in its place.
    last: Option<Seen>,
    /// The start of what is read is the start of the log.
    from_start: bool,
    /// Numbers that are missing so far, by the first of them: the last, and the flaw's place among the flaws.
    gaps: BTreeMap<u64, (u64, Flaw)>,
    /// Flaws with their order: that of what they were found at.
    flaws: Vec<(u64, Flaw)>,
    /// An end that cannot be read, until it is known whether the server has cut it off since.
    torn: Option<(Segment, Flaw)>,
    order: u64,
    report: Report,
}

impl<'a> Walk<'a> {
    fn new(noted: &'a [AuditPosition], from_start: bool) -> Self {
        Self {
            noted: noted.iter().map(|position| (position.sequence, &position.hash)).collect(),
            expected: 1,
            last: None,
            from_start,
            gaps: BTreeMap::new(),
            flaws: Vec::new(),
            torn: None,
            order: 0,
            report: Report::default(),
        }
    }

    fn flaw(&mut self, flaw: Flaw) {
        self.order += 1;
        self.flaws.push((self.order, flaw));
    }

    fn segment(&mut self, segment: &Segment, is_last: bool, wait: &mut impl FnMut() -> bool) -> Result<(), LogError> {
        self.report.segments += 1;
        let mut records = match Records::open(segment) {
            Ok(records) => records,
            Err(LogError::Damaged { file, reason, .. }) => {
                let finding = Finding::Damaged(reason);
                self.flaw(Flaw { file, offset: None, record: segment.number, finding });
                Records::open_without_header(segment)?
            }
            Err(error) => return Err(error),
        };
        self.begin(segment);
        let mut is_first = true;
        loop {
            match records.next_record() {
                Ok(Some(stored)) => {
                    self.settle_torn(is_first.then_some(&stored));
                    self.see(&segment.file, &stored);
                    is_first = false;
                }
                Ok(None) => break,
                Err(LogError::Damaged { file, offset, reason }) => {
                    if records.go_on()? {
                        let (offset, record) = (Some(offset), self.expected);
                        self.flaw(Flaw { file, offset, record, finding: Finding::Damaged(reason) });
                    } else if is_last && wait() {
                        records.look_again()?;
                    } else {
                        self.settle_torn(None);
                        let finding = Finding::CutOff { bytes: records.end() - records.offset() };
                        let flaw = Flaw { file, offset: Some(offset), record: self.expected, finding };
                        self.torn = Some((segment.clone(), flaw));
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A segment's name says what its first record is: whatever is missing before that is missing in front of it.
    fn begin(&mut self, segment: &Segment) {
        if self.report.segments == 1 {
            let noted = segment.number.checked_sub(1).is_some_and(|before| self.noted.contains_key(&before));
            if !self.from_start || noted {
                self.expected = segment.number;
            }
        }
        self.miss(segment.number, &segment.file, None);
    }

    /// Numbers from the expected one to that before `next` are missing.
    fn miss(&mut self, next: u64, file: &Path, offset: Option<u64>) {
        if next > self.expected {
            self.order += 1;
            let (record, to) = (self.expected, next - 1);
            let flaw = Flaw { file: file.to_owned(), offset, record, finding: Finding::Missing { to } };
            self.gaps.insert(record, (self.order, flaw));
            self.expected = next;
        }
    }

    /// An end that could not be read is no flaw if the segment behind it begins with a record that says that it is to
    /// be cut off: the server ended between the two.
    fn settle_torn(&mut self, first: Option<&Stored>) {
        let Some((segment, flaw)) = self.torn.take() else { return };
        let is_said = matches!((first.and_then(Stored::tail_cut), &flaw.finding),
            (Some((number, offset, bytes)), Finding::CutOff { bytes: found })
                if number == segment.number && Some(offset) == flaw.offset && bytes == *found);
        if !is_said {
            self.flaw(flaw);
        }
    }

    fn see(&mut self, file: &Path, stored: &Stored) {
        self.report.records += 1;
        self.report.unknown += u64::from(!stored.is_known());
        if stored.sequence < self.expected {
            return self.see_late(file, stored);
        }
        self.miss(stored.sequence, file, Some(stored.offset));
        self.check_link(file, stored);
        let hash = stored.hash();
        let seen = Seen { sequence: stored.sequence, hash, file: file.to_owned(), offset: stored.offset };
        if self.noted.remove(&stored.sequence).is_some_and(|noted| *noted != hash) {
            self.changed(seen.clone());
        }
        self.expected += 1;
        self.report.first.get_or_insert(stored.sequence);
        self.report.last = Some(AuditPosition { sequence: stored.sequence, hash });
        self.last = Some(seen);
        self.note(stored);
    }

    /// The record before must have the hash that this one was chained to.
    fn check_link(&mut self, file: &Path, stored: &Stored) {
        let before = stored.sequence.saturating_sub(1);
        if before == 0 {
            if stored.previous != RecordHash::default() {
                let offset = Some(stored.offset);
                let (file, record) = (file.to_owned(), stored.sequence);
                self.flaw(Flaw { file, offset, record, finding: Finding::Changed });
            }
        } else if let Some(last) = self.last.clone().filter(|last| last.sequence == before) {
            if last.hash != stored.previous {
                self.changed(last);
            }
        } else if self.noted.remove(&before).is_some_and(|noted| *noted != stored.previous) {
            let offset = Some(stored.offset);
            self.flaw(Flaw { file: file.to_owned(), offset, record: before, finding: Finding::Changed });
        }
    }

    fn changed(&mut self, seen: Seen) {
        let flaw =
            Flaw { file: seen.file, offset: Some(seen.offset), record: seen.sequence, finding: Finding::Changed };
        if !self.flaws.iter().any(|(_, known)| *known == flaw) {
            self.flaw(flaw);
        }
    }

    /// A record whose number was passed already.
    fn see_late(&mut self, file: &Path, stored: &Stored) {
        let number = stored.sequence;
        let gap = self.gaps.range(..=number).next_back().map(|(from, (order, flaw))| (*from, *order, flaw.clone()));
        let finding = match gap {
            Some((from, order, flaw)) if matches!(flaw.finding, Finding::Missing { to } if number <= to) => {
                let Finding::Missing { to } = flaw.finding else { return };
                self.gaps.remove(&from);
                for (from, to) in [(from, number - 1), (number + 1, to)] {
                    if from <= to {
                        let part = Flaw { record: from, finding: Finding::Missing { to }, ..flaw.clone() };
                        self.gaps.insert(from, (order, part));
                    }
                }
                Finding::Misplaced
            }
            _ => Finding::Repeated,
        };
        self.flaw(Flaw { file: file.to_owned(), offset: Some(stored.offset), record: number, finding });
    }

    fn note(&mut self, stored: &Stored) {
        self.report.last_time = stored.time();
        if let Some((_, _, bytes)) = stored.tail_cut() {
            self.report.cuts.push(Cut { record: stored.sequence, time: stored.time(), bytes });
        }
    }

    fn finish(mut self, last: &Segment) -> Report {
        self.settle_torn(None);
        let beyond = self.noted.range(self.expected..).next_back().map(|(noted, _)| *noted);
        if let Some(noted) = beyond.filter(|_| self.from_start) {
            let finding = Finding::EndMissing { noted };
            self.flaw(Flaw { file: last.file.clone(), offset: None, record: self.expected, finding });
        }
        self.report.unchecked = self.noted.keys().copied().collect();
        let gaps = std::mem::take(&mut self.gaps).into_values();
        let mut flaws: Vec<_> = std::mem::take(&mut self.flaws).into_iter().chain(gaps).collect();
        flaws.sort_by_key(|(order, flaw)| (*order, flaw.record));
        for (_, flaw) in flaws {
            self.report.add(flaw);
        }
        self.report
    }
}
