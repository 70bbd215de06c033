//! The log as its users see it: what is on disk after stops, crashes and damage, and what `verify` finds.

mod crash;
mod damage;
mod forged;
mod generate;
mod look;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;
use crate::domain::{AuditRecord, AuditSubject, ManualClock, Purpose, RecordHash, Timestamp};
use crate::segments::on_disk;

/// When the tests' time starts.
const NOON: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// A log's folder, and a log that is driven by hand: one [`Writer::step`] a commit.
struct House {
    folder: TempDir,
    config: Config,
    clock: Arc<ManualClock>,
}

struct Open {
    audit: Audit,
    tail: Tail,
    writer: Writer,
    metrics: Arc<Metrics>,
}

impl House {
    fn new() -> Self {
        Self::with_segments_of(1 << 20)
    }

    fn with_segments_of(segment_bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { dir: folder.path().join("audit"), segment_bytes };
        Self { folder, config, clock: Arc::new(ManualClock::at(NOON)) }
    }

    fn try_open(&self) -> Result<Open, LogError> {
        let metrics = Arc::new(Metrics::new());
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let (audit, tail, mut writer) = Audit::open(&self.config, clock, &metrics)?;
        if audit.head().sequence == 0 {
            assert!(writer.step(&mut Vec::new()), "a log begins with a record that says so");
        }
        Ok(Open { audit, tail, writer, metrics })
    }

    fn open(&self) -> Open {
        self.try_open().expect("the log opens")
    }

    fn files(&self) -> Vec<PathBuf> {
        on_disk::files(&self.config.dir)
    }

    fn last_file(&self) -> PathBuf {
        self.files().pop().expect("a segment")
    }

    /// A copy of the folder, to be damaged.
    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("audit");
        on_disk::copy(&self.config.dir, &dir);
        let config = Config { dir, ..self.config.clone() };
        Self { folder, config, clock: Arc::clone(&self.clock) }
    }

    fn dir(&self) -> &Path {
        &self.config.dir
    }

    fn verify(&self, noted: &[AuditPosition]) -> Report {
        verify(self.dir(), noted, || false).expect("it can be read")
    }

    fn records(&self) -> Vec<AuditRecord> {
        Export::open(self.dir(), Query::default()).expect("a log").map(|record| record.expect("a record")).collect()
    }
}

impl Open {
    /// Appends and writes, as one commit.
    fn commit(&mut self, entries: &[AuditEntry]) {
        let tickets: Vec<Ticket> = entries.iter().map(|entry| self.audit.append(entry)).collect();
        assert!(self.writer.step(&mut Vec::new()));
        for ticket in tickets {
            answer(ticket).expect("on disk");
        }
    }

    /// Ends without a word, as a kill does: what waits is lost.
    fn kill(self) {
        drop(self.writer);
    }

    /// Ends as a server does that is asked to stop.
    fn stop(self) {
        drop(self.audit);
        self.writer.run();
    }
}

/// What the ticket says, which the writer's step has settled.
fn answer(ticket: Ticket) -> Result<(), LogError> {
    ticket.synced().now_or_never().expect("the writer has answered")
}

/// Something that is told apart from others by its number.
fn withdrawn(number: u8) -> AuditEntry {
    AuditEntry {
        actor: Actor { kind: crate::domain::ActorKind::Partner, name: "news".into(), credential: None },
        act: Act::ConsentWithdrawn { purpose: Purpose::ALL[usize::from(number) % Purpose::ALL.len()] },
        subjects: vec![AuditSubject([number; 16])],
        object: "".into(),
    }
}

/// A log of several segments, each of several commits, of one to three records; it ended without a word.
fn written() -> House {
    let house = House::with_segments_of(700);
    let mut open = house.open();
    for commit in 0..9_u8 {
        let entries: Vec<_> = (0..=commit % 3).map(|at| withdrawn(commit * 3 + at)).collect();
        open.commit(&entries);
    }
    open.kill();
    assert!(house.files().len() >= 3, "several segments");
    house
}

#[test]
fn what_was_appended_is_there_in_order_and_chained_and_the_next_run_goes_on() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1), withdrawn(2)]);
    house.clock.advance(std::time::Duration::from_secs(5));
    open.commit(&[withdrawn(3)]);
    let head = open.audit.head();
    open.stop();
    let open = house.open();
    assert_eq!(open.audit.head().sequence, head.sequence + 1, "it says that it stopped");
    open.stop();

    let records = house.records();
    let names: Vec<_> = records.iter().map(|record| record.act.as_ref().map(Act::name)).collect();
    let (withdrawn, stopped) = (Some("consent.withdrawn"), Some("server.stopped"));
    assert_eq!(names, [Some("log.begun"), withdrawn, withdrawn, withdrawn, stopped, stopped]);
    assert_eq!(records[2].subjects, [AuditSubject([2; 16])]);
    assert_eq!((records[2].time, records[3].time), (NOON, NOON + std::time::Duration::from_secs(5)));
    assert_eq!(records[3].position, head);
    assert_eq!(records[0].previous, RecordHash::default());
    for pair in records.windows(2) {
        assert_eq!(pair[1].previous, pair[0].position.hash);
        assert_eq!(pair[1].position.sequence, pair[0].position.sequence + 1);
    }
    let report = house.verify(&[head]);
    assert!(report.is_whole(), "{:?}", report.flaws);
    assert_eq!((report.records, report.first, report.last), (6, Some(1), Some(records[5].position)));
}

#[test]
fn a_full_segment_is_closed_and_named_for_the_record_that_the_next_begins_with() {
    let house = written();
    let starts: Vec<u64> = house
        .files()
        .iter()
        .map(|file| {
            let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
            name.strip_prefix("audit-").and_then(|number| number.parse().ok()).expect("a number")
        })
        .collect();
    let report = house.verify(&[]);
    assert!(report.is_whole(), "{:?}", report.flaws);
    assert_eq!((report.segments, report.records), (starts.len() as u64, 19));
    for (start, file) in starts.iter().zip(house.files()) {
        let first = Export::open(&file, Query::default()).expect("a segment").next();
        assert_eq!(first.expect("a record").expect("read").position.sequence, *start);
        assert!(verify(&file, &[], || false).expect("read").is_whole(), "each file is whole by itself");
    }
}

#[test]
fn entries_of_many_threads_are_one_chain_and_the_last_word_is_that_it_stopped() {
    let house = House::with_segments_of(20_000);
    let Open { audit, writer, metrics, .. } = house.open();
    let writing = std::thread::spawn(move || writer.run());
    let doors: Vec<_> = (0..4_u8)
        .map(|door| {
            let audit = audit.clone();
            std::thread::spawn(move || (0..100).map(|_| audit.append(&withdrawn(door))).collect::<Vec<Ticket>>())
        })
        .collect();
    let partner = Actor { kind: crate::domain::ActorKind::Partner, name: "news".into(), credential: None };
    let app = "partners/news/apps/alpha".parse().expect("a name");
    audit.places_reported(&partner, &app, PlaceCounts { reported: 3, forgotten: 0, refused: 1 });
    audit.places_reported(&partner, &app, PlaceCounts { reported: 2, forgotten: 1, refused: 0 });
    let tickets: Vec<Ticket> = doors.into_iter().flat_map(|door| door.join().expect("a door")).collect();
    drop(audit);
    writing.join().expect("the writer ends");
    assert!(tickets.into_iter().all(|ticket| answer(ticket).is_ok()));
    let records = house.records();
    assert_eq!(records.len(), 403);
    assert!(house.verify(&[]).is_whole());
    let counts = Act::PlacesReported { reported: 5, forgotten: 1, refused: 1, since: NOON };
    assert_eq!((&records[401].act, records[401].object.as_str()), (&Some(counts), "partners/news/apps/alpha"));
    assert_eq!(records[402].act, Some(Act::ServerStopped));
    assert!(metrics.audit_syncs.get() < 403, "many at a time");
    assert_eq!(metrics.audit_records("consent.withdrawn").get(), 400);
}

#[test]
fn two_servers_cannot_share_a_log_and_a_folder_without_one_is_told() {
    let house = House::new();
    let first = house.open();
    assert!(matches!(house.try_open(), Err(LogError::Locked(_))));
    first.stop();
    let empty = tempfile::tempdir().expect("a folder");
    for path in [empty.path().to_owned(), empty.path().join("nowhere")] {
        assert!(verify(&path, &[], || false).is_err(), "{}", path.display());
    }
}

#[test]
fn a_disk_that_fails_fails_all_that_waits_and_all_that_comes() {
    let house = House::with_segments_of(1);
    let mut open = house.open();
    open.commit(&[withdrawn(1)]);
    let head = open.audit.head();
    open.writer.dir = house.folder.path().join("elsewhere");
    let ticket = open.audit.append(&withdrawn(2));
    assert!(open.writer.step(&mut Vec::new()));
    assert!(answer(ticket).is_err() && open.audit.healthy().is_err());
    assert!(answer(open.audit.append(&withdrawn(3))).is_err());
    assert_eq!((open.audit.head(), open.metrics.audit_failed.get()), (head, 1));
}
