//! The disk is full, fails, or does not keep up.

use std::io;

use super::*;
use crate::segments::segment::{self, Storage};

/// A file on a disk with so much room left, whose syncs and cuts may fail.
struct Failing {
    file: fs::File,
    room: usize,
    syncs: bool,
    cuts: bool,
}

impl Storage for Failing {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = bytes.len().min(self.room);
        self.file.append(&bytes[..fits])?;
        self.room -= fits;
        if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.syncs { Storage::sync(&mut self.file) } else { Err(io::Error::other("the disk has gone")) }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        if self.cuts { Storage::cut(&mut self.file, len) } else { Err(io::Error::other("the disk has gone")) }
    }
}

impl Open {
    fn fail(&mut self, room: usize, syncs: bool, cuts: bool) {
        let file = segment::open_for_append(&self.writer.open.segment).expect("it opens");
        self.writer.open.storage = Box::new(Failing { file, room, syncs, cuts });
    }

    /// Appends and steps; every ticket must have failed, and every later one must.
    fn commit_in_vain(&mut self, entries: &[Entry]) {
        let tickets: Vec<Ticket> = entries.iter().map(|entry| self.journal.append(entry.clone())).collect();
        assert!(self.writer.step(&mut Vec::new()));
        for ticket in tickets {
            assert!(matches!(answer(ticket), Err(JournalError::Io { .. })));
        }
        assert!(matches!(self.journal.healthy(), Err(JournalError::Io { .. })));
        assert!(matches!(answer(self.journal.append(finished(key(1, 1)))), Err(JournalError::Io { .. })));
    }
}

#[test]
fn a_disk_that_fills_up_fails_the_commit_and_loses_nothing_that_was_synced() {
    let commits = life();
    for room in 0..100 {
        let house = House::new();
        let mut open = house.open();
        open.commit(&commits[0]);
        open.commit(&commits[1]);
        open.fail(room, true, true);
        open.commit_in_vain(&[sent(key(1, 1), slots(200..300)), finished(key(1, 1))]);
        let len = fs::metadata(house.last_file()).expect("a segment").len();
        assert_eq!(len, open.writer.open.offset, "what was written in part is cut off");
        drop(open);
        assert_eq!(house.replayed(), seen(&commits[..2].concat()));
    }
}

#[test]
fn what_cannot_be_cut_off_after_a_failed_write_is_cut_off_at_the_next_start() {
    let commits = life();
    for room in 0..100 {
        let house = House::new();
        let mut open = house.open();
        open.commit(&commits[0]);
        open.fail(room, true, false);
        open.commit_in_vain(&[sent(key(1, 1), slots(200..300))]);
        drop(open);
        assert_eq!(house.replayed(), seen(&commits[0]));
        house.write(&commits[1..]);
        assert_eq!(house.replayed(), seen(&commits.concat()));
    }
}

#[test]
fn a_failed_sync_fails_all_that_waits_and_all_that_comes() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&life()[0]);
    open.fail(usize::MAX, false, true);
    open.commit_in_vain(&life()[1]);
    drop(open);
    assert_eq!(house.replayed(), seen(&life()[0]));
}

#[test]
fn a_segment_that_cannot_be_begun_fails_the_commit() {
    let house = House::with_segments_of(1);
    let mut open = house.open();
    open.commit(&life()[0]);
    let elsewhere = house.folder.path().join("elsewhere");
    open.writer.dir = elsewhere;
    open.commit_in_vain(&life()[1]);
}

#[test]
fn a_writer_that_has_gone_answers_all_who_wait() {
    let Open { journal, writer, .. } = House::new().open();
    let waiting = journal.append(finished(key(1, 1)));
    drop(writer);
    assert!(matches!(answer(waiting), Err(JournalError::Closed)));
    assert!(matches!(answer(journal.append(finished(key(1, 1)))), Err(JournalError::Closed)));
}

#[test]
fn a_queue_that_is_full_fails_for_good_and_drops_first_what_nobody_waits_for() {
    let queue = Arc::new(Queue::new(1_000));
    let journal = Journal::on_disk(Arc::clone(&queue));
    for revision in 0..100 {
        journal.append_forget(finished(key(1, revision)));
    }
    let batch = queue.take().expect("entries wait");
    assert!(batch.dropped > 0 && batch.entries.len() < 20 && batch.dropped as usize + batch.entries.len() == 100);
    let tickets: Vec<Ticket> = (0..100).map(|revision| journal.append(finished(key(1, revision)))).collect();
    assert!(matches!(journal.healthy(), Err(JournalError::Stalled)));
    assert!(tickets.into_iter().all(|ticket| matches!(answer(ticket), Err(JournalError::Stalled))));
}

#[test]
fn an_entry_that_is_too_large_fails_alone() {
    let house = House::new();
    let mut open = house.open();
    let Entry::Admitted(small) = admitted(key(1, 1), hour(1), &[]) else { unreachable!() };
    let large = Entry::Admitted(Admitted { raw: vec![0; MAX_ENTRY].into(), ..small });
    assert!(matches!(answer(open.journal.append(large)), Err(JournalError::TooLarge(bytes)) if bytes > MAX_ENTRY));
    open.commit(&life()[0]);
}
