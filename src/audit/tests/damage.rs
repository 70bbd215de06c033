//! Files are changed, cut, removed, renamed: by a disk, or by one who does not know how they are made.

use proptest::prelude::*;

use super::*;

#[test]
fn any_flipped_byte_is_found_and_named() {
    let house = written();
    for file in house.files() {
        let bytes = fs::read(&file).expect("a segment");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&file, &changed).expect("written");
            match verify(house.dir(), &[], || false) {
                Ok(report) => {
                    let named = report.flaws.iter().any(|flaw| flaw.file == file);
                    assert!(named, "byte {at} of {}: {:?}", file.display(), report.flaws);
                    let within = report.flaws.iter().filter_map(|flaw| flaw.offset).any(|offset| offset <= at as u64);
                    assert!(within || at < crate::segments::SegmentHeader::LEN, "{:?}", report.flaws);
                }
                Err(LogError::UnknownVersion { file: named, .. }) => assert_eq!(named, file),
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        fs::write(&file, &bytes).expect("written");
    }
    assert!(house.verify(&[]).is_whole());
}

#[test]
fn any_segment_that_is_gone_is_named_and_the_last_by_what_was_noted() {
    let house = written();
    let head = house.records().pop().expect("records").position;
    let files = house.files();
    for (position, file) in files.iter().enumerate() {
        let copy = house.copy();
        fs::remove_file(copy.dir().join(file.file_name().expect("a name"))).expect("removed");
        let flaws = copy.verify(&[head]).flaws;
        let [flaw] = flaws.as_slice() else { panic!("{flaws:?}") };
        let is_last = position == files.len() - 1;
        assert_eq!(flaw.finding.name(), if is_last { "end_missing" } else { "missing" }, "{flaw}");
        let next = files.get(position + 1).unwrap_or_else(|| &files[position - 1]);
        assert_eq!(flaw.file.file_name(), next.file_name());
        let first = Export::open(file, Query::default()).expect("a segment").next().expect("one").expect("read");
        assert_eq!(flaw.record, first.position.sequence);
        assert_eq!(copy.verify(&[]).is_whole(), is_last, "without a noted position a removed end is not seen");
    }
}

#[test]
fn segments_that_changed_places_or_are_there_twice_are_named() {
    let house = written();
    let files = house.files();
    for one in 0..files.len() {
        for other in 0..files.len() {
            if one == other {
                continue;
            }
            let [one, other] = [&files[one], &files[other]].map(|file| file.file_name().expect("a name"));
            let copy = house.copy();
            fs::copy(house.dir().join(one), copy.dir().join(other)).expect("copied");
            let named = |report: &Report| {
                report.flaws.iter().any(|flaw| flaw.file.file_name() == Some(other) && flaw.offset.is_none())
            };
            assert!(named(&copy.verify(&[])), "a copy in another's place");
            fs::copy(house.dir().join(other), copy.dir().join(one)).expect("copied");
            assert!(named(&copy.verify(&[])), "changed places");
        }
    }
    let copy = house.copy();
    fs::copy(&files[0], copy.dir().join("audit-00000000000000000009.hza")).expect("copied");
    assert!(!copy.verify(&[]).is_whole(), "a copy under a name of its own");
}

#[test]
fn a_log_that_was_moved_in_part_starts_where_its_last_position_was_noted() {
    let house = written();
    let files = house.files();
    let moved: Vec<_> = Export::open(&files[0], Query::default()).expect("a segment").collect();
    let noted = moved.last().expect("records").as_ref().expect("read").position;
    fs::remove_file(&files[0]).expect("removed");
    assert!(!house.verify(&[]).is_whole());
    let report = house.verify(&[noted]);
    assert!(report.is_whole(), "{:?}", report.flaws);
    assert_eq!((report.first, report.unchecked), (Some(noted.sequence + 1), vec![]));
    let other = AuditPosition { hash: RecordHash([1; 32]), ..noted };
    let flaws = house.verify(&[other]).flaws;
    assert!(matches!(flaws.as_slice(), [flaw] if flaw.record == noted.sequence && flaw.finding == Finding::Changed));
}

#[test]
fn a_position_that_is_not_among_what_is_read_is_told_as_unchecked() {
    let house = written();
    let file = house.files().swap_remove(1);
    let position = AuditPosition { sequence: 1, hash: RecordHash([1; 32]) };
    let report = verify(&file, &[position], || false).expect("read");
    assert!(report.is_whole());
    assert_eq!(report.unchecked, [1]);
}

#[test]
fn a_file_under_another_name_is_read_by_its_header() {
    let house = written();
    let renamed = house.folder.path().join("evidence");
    fs::copy(&house.files()[1], &renamed).expect("copied");
    let report = verify(&renamed, &[], || false).expect("read");
    assert!(report.is_whole() && report.first > Some(1), "{:?}", report.flaws);
}

#[test]
fn a_segment_of_another_version_is_named_and_not_judged() {
    let house = written();
    let file = house.files().swap_remove(1);
    let mut bytes = fs::read(&file).expect("a segment");
    bytes[12] = 2;
    let checksum = crc32fast::hash(&bytes[..32]).to_le_bytes();
    bytes[32..36].copy_from_slice(&checksum);
    fs::write(&file, bytes).expect("written");
    let unread = verify(house.dir(), &[], || false);
    assert!(matches!(unread, Err(LogError::UnknownVersion { message: 2, file: named, .. }) if named == file));
}

#[test]
fn a_commit_that_is_being_written_is_waited_for() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1)]);
    open.commit(&[withdrawn(2)]);
    open.kill();
    let file = house.last_file();
    let bytes = fs::read(&file).expect("a segment");
    fs::write(&file, &bytes[..bytes.len() - 5]).expect("written");
    let mut waits = 0;
    let report = verify(house.dir(), &[], || {
        waits += 1;
        if waits == 3 {
            fs::write(&file, &bytes).expect("written");
        }
        true
    });
    let report = report.expect("read");
    assert!(report.is_whole() && report.records == 3 && waits == 3, "{report:?}");
}

#[test]
fn a_server_starts_on_a_damaged_log_and_goes_on_behind_the_damage() {
    let house = House::new();
    let mut open = house.open();
    for number in 1..5 {
        open.commit(&[withdrawn(number)]);
    }
    open.kill();
    let bytes = fs::read(house.last_file()).expect("a segment");
    for at in [3, 40, 60, 180, bytes.len() - 160] {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        let copy = house.copy();
        fs::write(copy.last_file(), changed).expect("written");
        let before = copy.verify(&[]);
        assert!(!before.is_whole());
        let mut open = copy.open();
        open.commit(&[withdrawn(100)]);
        let head = open.audit.head();
        open.kill();
        let after = copy.verify(&[]);
        assert_eq!(after.last, Some(head), "byte {at}");
        assert_eq!(after.flaws, before.flaws, "byte {at}: what was wrong stays to be seen, and nothing is added");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_in_place_of_a_segment_are_found(
        which in any::<prop::sample::Index>(), keep in 0_usize..900, tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let house = written();
        let head = house.records().pop().expect("records").position;
        let file = which.get(&house.files()).clone();
        let bytes = fs::read(&file).expect("a segment");
        let changed = [&bytes[..keep.min(bytes.len())], &tail].concat();
        fs::write(&file, &changed).expect("written");
        let report = verify(house.dir(), &[head], || false).expect("read");
        prop_assert_eq!(report.is_whole(), changed == bytes, "{:?}", report.flaws);
        let Open { audit, writer, .. } = house.open();
        drop((writer, audit));
    }
}
