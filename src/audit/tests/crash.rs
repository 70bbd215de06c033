//! The server is killed, at any byte of what it writes.

use std::io::Write;

use super::*;
use crate::domain::{AlertOutcome, DeliveryKey, LineageId, Revision};
use crate::segments::segment::{self, Storage};

/// Cuts a log's last file off, and opens it, appends, and checks that all is there that was acknowledged, that the
/// log says what was cut, and that the next run finds nothing to mend.
fn cut_and_go_on(house: &House, len: u64, acknowledged: &[AuditRecord], is_torn: bool) {
    let copy = house.copy();
    let file = copy.last_file();
    fs::File::options().write(true).open(&file).and_then(|file| file.set_len(len)).expect("it is cut");
    let before = copy.verify(&[]);
    assert_eq!(before.is_whole(), !is_torn, "cut at {len}: {:?}", before.flaws);
    if is_torn {
        let [flaw] = before.flaws.as_slice() else { panic!("cut at {len}: {:?}", before.flaws) };
        assert!(flaw.file == file && flaw.finding.name() == "cut_off", "{flaw}");
        assert_eq!(flaw.record, acknowledged.len() as u64 + 1);
    }
    let mut open = copy.open();
    open.commit(&[withdrawn(200)]);
    open.kill();
    let records = copy.records();
    assert_eq!(records[..acknowledged.len()], *acknowledged, "cut at {len}");
    let cuts = records.iter().filter(|record| matches!(record.act, Some(Act::TailCut { .. }))).count();
    assert_eq!((records.len(), cuts), (acknowledged.len() + 1 + usize::from(is_torn), usize::from(is_torn)));
    let report = copy.verify(&[acknowledged.last().expect("records").position]);
    assert!(report.is_whole(), "cut at {len}: {:?}", report.flaws);
    assert_eq!(report.cuts.len(), cuts);
    copy.open().kill();
    assert_eq!(copy.records(), records, "cut at {len}: once is enough");
}

#[test]
fn a_crash_at_any_byte_of_the_last_write_loses_nothing_acknowledged_and_is_told() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1), withdrawn(2)]);
    let acknowledged = house.records();
    let whole = fs::metadata(house.last_file()).expect("a segment").len();
    open.commit(&[withdrawn(3), withdrawn(4), withdrawn(5)]);
    open.kill();
    let end = fs::metadata(house.last_file()).expect("a segment").len();
    for len in whole..end {
        cut_and_go_on(&house, len, &acknowledged, len != whole);
    }
    cut_and_go_on(&house, end, &house.records(), false);
}

#[test]
fn a_crash_at_any_byte_of_a_segments_first_write_is_no_other() {
    let house = House::with_segments_of(1);
    let mut open = house.open();
    open.commit(&[withdrawn(1)]);
    let acknowledged = house.records();
    open.commit(&[withdrawn(2), withdrawn(3)]);
    open.kill();
    let end = fs::metadata(house.last_file()).expect("a segment").len();
    let header = crate::segments::SegmentHeader::LEN as u64;
    for len in header..end {
        cut_and_go_on(&house, len, &acknowledged, len != header);
    }
}

#[test]
fn a_tail_of_zeros_or_of_anything_else_is_cut_off_and_told_with_its_hash() {
    for tail in [vec![0; 5_000], b"not a frame".to_vec(), b"\x97hzf\x10\0\0\0".to_vec()] {
        let house = House::new();
        let mut open = house.open();
        open.commit(&[withdrawn(1)]);
        open.kill();
        let offset = fs::metadata(house.last_file()).expect("a segment").len();
        let mut file = segment_file(&house.last_file());
        file.write_all(&tail).expect("written");
        house.open().kill();
        let cut = house.records().pop().and_then(|record| record.act);
        let bytes = tail.len() as u64;
        assert_eq!(cut, Some(Act::TailCut { segment: 1, offset, bytes, sha256: chain::sha256(&tail) }));
        assert!(house.verify(&[]).is_whole());
    }
}

fn segment_file(path: &Path) -> fs::File {
    fs::File::options().append(true).open(path).expect("it opens")
}

#[test]
fn a_crash_between_the_word_and_the_cut_is_made_up_for_and_is_no_flaw_meanwhile() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1)]);
    open.kill();
    let first = house.last_file();
    let whole = fs::read(&first).expect("a segment");
    segment_file(&first).write_all(&[9; 40]).expect("written");
    let torn = fs::read(&first).expect("a segment");
    house.open().kill();
    assert_eq!(fs::read(&first).expect("a segment"), whole);

    fs::write(&first, &torn).expect("written");
    let report = house.verify(&[]);
    assert!(report.is_whole(), "{:?}", report.flaws);
    house.open().kill();
    assert_eq!(fs::read(&first).expect("a segment"), whole);

    fs::write(&first, [&torn[..], &[1]].concat()).expect("written");
    assert_eq!(house.verify(&[]).flaws.len(), 1, "what the log does not speak of is a flaw");
    house.open().kill();
    assert_eq!(house.verify(&[]).flaws.len(), 1, "and stays where it is");
}

/// A file whose writes stop after so many bytes, and that cannot be cut.
struct Failing(fs::File, usize);

impl Storage for Failing {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.append(&bytes[..bytes.len().min(self.1)])?;
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _len: u64) -> std::io::Result<()> {
        Err(std::io::Error::other("the disk has gone"))
    }
}

#[test]
fn a_full_disk_acknowledges_nothing_and_the_next_start_goes_on() {
    for room in [0, 1, 20, 60] {
        let house = House::new();
        let mut open = house.open();
        open.commit(&[withdrawn(1)]);
        let acknowledged = house.records();
        let file = segment::open_for_append(&open.writer.open.segment).expect("it opens");
        open.writer.open.storage = Box::new(Failing(file, room));
        let ticket = open.audit.append(&withdrawn(2));
        assert!(open.writer.step(&mut Vec::new()));
        assert!(answer(ticket).is_err());
        open.kill();
        let mut open = house.open();
        open.commit(&[withdrawn(3)]);
        open.kill();
        assert_eq!(house.records()[..2], acknowledged);
        assert!(house.verify(&[]).is_whole());
    }
}

fn decided(lineage: u64) -> (DeliveryKey, AuditEntry) {
    let key = DeliveryKey { lineage: LineageId(lineage), revision: Revision(1) };
    let outcome = AlertOutcome::Admitted(key);
    let act = Act::AlertDecided { authority: "dev".into(), alert: None, outcome, recovered: false };
    (key, AuditEntry::server(act))
}

#[test]
fn the_tail_tells_which_changes_the_log_lacks() {
    let house = House::new();
    let mut open = house.open();
    let seconds = |seconds: u64| NOON + std::time::Duration::from_secs(seconds);
    house.clock.set(seconds(5));
    let on = |name: &str, act: Act| AuditEntry { object: name.into(), ..AuditEntry::server(act) };
    open.commit(&[withdrawn(1), on("partners/news", Act::PartnerCreated)]);
    open.kill();
    let tail = house.open().tail;
    let person = AuditSubject([1; 16]);
    let lacks = |instant| [tail.lacks_change(person, instant), tail.lacks_object("partners/news", instant)];
    assert_eq!([lacks(seconds(4)), lacks(seconds(5)), lacks(seconds(6))], [[false; 2], [false; 2], [true; 2]]);
    assert!(tail.lacks_change(AuditSubject([2; 16]), seconds(3)) && tail.lacks_object("partners/maps", seconds(3)));
    let before = NOON - std::time::Duration::from_secs(1);
    assert!(!tail.lacks_change(AuditSubject([2; 16]), before), "what was before the log is not of it");
}

#[test]
fn the_tail_tells_which_decisions_the_log_lacks() {
    let house = House::with_segments_of(300);
    assert!(!house.open().tail.lacks(decided(1).0, NOON), "a log that is new lacks nothing of what was before it");
    let mut open = house.open();
    let minutes = |minutes: u64| std::time::Duration::from_secs(60 * minutes);
    for lineage in 1..=9 {
        open.commit(&[decided(lineage).1, withdrawn(1)]);
        house.clock.advance(minutes(1));
    }
    let lost = open.audit.append(&decided(10).1);
    open.kill();
    assert!(answer(lost).is_err());
    let tail = house.open().tail;
    for lineage in 1..=9 {
        assert!(!tail.lacks(decided(lineage).0, NOON + minutes(lineage - 1)), "{lineage}");
    }
    assert!(tail.lacks(decided(10).0, NOON + minutes(9)));
}
