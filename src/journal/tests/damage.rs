//! What is on disk is cut short or changed.

use proptest::prelude::*;

use super::*;

/// A journal of two segments, four commits in the first and two in the last.
fn two_segments() -> (House, Vec<Vec<Entry>>) {
    let house = House::with_segments_of(100_000);
    let commits = life();
    house.write(&commits[..4]);
    let mut open = house.open();
    open.writer.segment_bytes = 1;
    open.commit(&commits[4]);
    open.writer.segment_bytes = 100_000;
    open.commit(&commits[5]);
    drop(open);
    assert_eq!(house.files().len(), 2);
    (house, commits)
}

#[test]
fn a_last_segment_cut_anywhere_gives_exactly_the_commits_that_are_whole() {
    let house = House::new();
    let commits = life();
    house.write(&commits);
    let file = house.last_file();
    let ends = boundaries(&file);
    assert_eq!(ends.len(), commits.len() + 1);
    for len in 0..=*ends.last().expect("frames") {
        let copy = house.copy();
        fs::File::options().write(true).open(copy.last_file()).and_then(|file| file.set_len(len)).expect("it is cut");
        if len < ends[0] {
            // A segment gets its name when its header is synced: no crash leaves this.
            assert!(matches!(
                copy.try_open(),
                Err(JournalError::Damaged { offset: 0, reason: Damage::SegmentHeader, .. })
            ));
            continue;
        }
        let whole = ends.iter().filter(|&&end| end <= len).count() - 1;
        let expected = [commits[..whole].concat(), vec![finished(key(9, 9))]].concat();
        let mut open = copy.open();
        assert_eq!(seen(&open.replayed), seen(&expected[..expected.len() - 1]), "cut at {len}");
        open.commit(&expected[expected.len() - 1..]);
        drop(open);
        assert_eq!(copy.replayed(), seen(&expected), "what is appended after a cut at {len} is read");
    }
}

#[test]
fn a_changed_bit_is_named_or_takes_the_last_commit_alone() {
    let (house, commits) = two_segments();
    let all = seen(&commits.concat());
    let without_last = seen(&commits[..5].concat());
    for (position, file) in house.files().into_iter().enumerate() {
        let bytes = fs::read(&file).expect("a segment");
        let last_frame = boundaries(&file).into_iter().rev().nth(1).expect("frames") as usize;
        for at in 0..bytes.len() {
            let bit = 1 << (at % 8);
            let copy = house.copy();
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            fs::write(copy.config.dir.join(file.file_name().expect("a name")), changed).expect("written");
            match copy.try_open() {
                Ok(open) => {
                    assert!(position == 1 && at >= last_frame, "byte {at} of segment {position} went unnoticed");
                    assert_eq!(seen(&open.replayed), without_last);
                }
                Err(JournalError::Damaged { .. } | JournalError::UnknownVersion { .. }) => {
                    assert!(position == 0 || at < last_frame, "byte {at} of the last commit");
                }
                Err(other) => panic!("byte {at} of segment {position}: {other}"),
            }
        }
    }
    assert_eq!(house.replayed(), all);
}

#[test]
fn damage_in_front_of_a_whole_commit_is_named_with_file_and_offset() {
    let house = House::new();
    house.write(&life());
    let file = house.last_file();
    let third = boundaries(&file)[2];
    let mut bytes = fs::read(&file).expect("a segment");
    bytes[third as usize..third as usize + 6].fill(0);
    fs::write(&file, bytes).expect("written");
    match house.try_open().map(|open| open.replayed.len()) {
        Err(error @ JournalError::Damaged { offset, reason: Damage::FrameHeader, .. }) => {
            assert_eq!(offset, third);
            assert!(error.to_string().contains("journal-00000000000000000001.hzj is damaged at byte"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tail_of_zeros_is_cut_off() {
    let house = House::new();
    house.write(&life());
    let file = house.last_file();
    let mut bytes = fs::read(&file).expect("a segment");
    bytes.extend([0; 5_000]);
    fs::write(&file, bytes).expect("written");
    assert_eq!(house.replayed(), seen(&life().concat()));
}

#[test]
fn a_closed_segment_that_is_cut_at_a_commit_or_gone_is_named() {
    let (house, _) = two_segments();
    let cut = house.copy();
    let third = boundaries(&cut.files()[0])[3];
    fs::File::options().write(true).open(&cut.files()[0]).and_then(|file| file.set_len(third)).expect("it is cut");
    assert!(matches!(cut.try_open(), Err(JournalError::Missing { from: 4, to: 5, .. })));
    fs::remove_file(&house.files()[0]).expect("removed");
    assert!(matches!(house.try_open(), Err(JournalError::Missing { from: 1, to: 5, .. })));
}

#[test]
fn a_segment_of_another_version_is_named() {
    let house = House::new();
    house.write(&life());
    let file = house.last_file();
    let mut bytes = fs::read(&file).expect("a segment");
    bytes[12] = 2;
    let checksum = crc32fast::hash(&bytes[..32]).to_le_bytes();
    bytes[32..36].copy_from_slice(&checksum);
    fs::write(&file, bytes).expect("written");
    assert!(matches!(house.try_open(), Err(JournalError::UnknownVersion { framing: 1, message: 2, .. })));
}

#[test]
fn a_frame_inside_a_message_is_not_taken_for_one() {
    let house = House::new();
    house.write(&life());
    let frames = fs::read(house.last_file()).expect("a segment")[SegmentHeader::LEN..].to_vec();
    let Entry::Admitted(first) = admitted(key(7, 1), hour(1), &[]) else { unreachable!() };
    let house = House::new();
    let commits = vec![life()[0].clone(), vec![Entry::Admitted(Admitted { raw: frames.into(), ..first })]];
    house.write(&commits);
    let file = house.last_file();
    let len = boundaries(&file)[2];
    fs::File::options().write(true).open(&file).and_then(|file| file.set_len(len - 1)).expect("it is cut");
    assert_eq!(house.replayed(), seen(&commits[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_in_place_of_a_segment_are_refused_or_cut(
        keep in 0_usize..400, tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let house = House::new();
        let commits = life();
        house.write(&commits);
        let file = house.last_file();
        let mut bytes = fs::read(&file).expect("a segment");
        bytes.truncate(keep);
        bytes.extend(tail);
        fs::write(&file, bytes).expect("written");
        if let Ok(open) = house.try_open() {
            let all = seen(&commits.concat());
            prop_assert!(all.starts_with(&seen(&open.replayed)));
        }
    }
}
