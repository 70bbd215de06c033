//! Files are changed by one who knows how they are made, and makes every checksum anew.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::segments::{FrameHeader, Kind, Segment, SegmentReader, Unfinished, segment};

/// A log taken apart: for each segment its number, and for each of its frames the records' bytes.
type Parts = Vec<(u64, Vec<Vec<Vec<u8>>>)>;

fn take_apart(house: &House) -> Parts {
    let segments = segment::list(house.dir(), &FORMAT).expect("segments");
    let parts = segments.into_iter().map(|segment| {
        let mut reader = SegmentReader::open(&segment).expect("a segment");
        let mut frames = Vec::new();
        while let Some((_, mut payload)) = reader.next_frame().expect("a frame") {
            let mut records = Vec::new();
            while !payload.is_empty() {
                let length = prost::decode_length_delimiter(&mut payload).expect("a length");
                records.push(payload.split_to(length).to_vec());
            }
            frames.push(records);
        }
        (segment.number, frames)
    });
    parts.collect()
}

/// Writes a log of these parts, every checksum of it right.
fn put_together(parts: &Parts) -> House {
    let house = House::new();
    fs::create_dir(house.dir()).expect("a folder");
    for (number, frames) in parts {
        let segment = Segment::new(house.dir(), &FORMAT, Kind::Log, *number);
        let mut file = Unfinished::create(segment).expect("a file");
        for records in frames.iter().filter(|records| !records.is_empty()) {
            let mut frame = vec![0; FrameHeader::LEN];
            for record in records {
                prost::encoding::encode_varint(record.len() as u64, &mut frame);
                frame.extend_from_slice(record);
            }
            file.add(&mut frame).expect("added");
        }
        file.finish(house.dir()).expect("finished");
    }
    house
}

/// Where each record is: segment, frame, place in the frame.
fn places(parts: &Parts) -> Vec<(usize, usize, usize)> {
    let mut places = Vec::new();
    for (segment, (_, frames)) in parts.iter().enumerate() {
        for (frame, records) in frames.iter().enumerate() {
            places.extend((0..records.len()).map(|record| (segment, frame, record)));
        }
    }
    places
}

fn at(parts: &mut Parts, (segment, frame, record): (usize, usize, usize)) -> &mut Vec<u8> {
    &mut parts[segment].1[frame][record]
}

/// Whether a flaw of this kind names the record and the file of that segment.
fn names(house: &House, report: &Report, finding: &str, record: usize, segment: u64) -> bool {
    let file = Segment::new(house.dir(), &FORMAT, Kind::Log, segment).file;
    let flaws = report.flaws.iter();
    let record = record as u64;
    let is_it = |flaw: &Flaw| flaw.finding.name() == finding && flaw.record == record && flaw.file == file;
    flaws.filter(|flaw| is_it(flaw)).count() == 1
}

#[test]
fn parts_that_are_put_together_again_are_the_log_that_they_were_of() {
    let house = written();
    let copy = put_together(&take_apart(&house));
    for (one, other) in house.files().iter().zip(copy.files()) {
        assert_eq!(fs::read(one).expect("a segment"), fs::read(other).expect("a segment"));
    }
}

#[test]
fn any_changed_record_is_named_and_the_last_by_what_was_noted() {
    let parts = take_apart(&written());
    let head = written_head(&parts);
    let places = places(&parts);
    for (position, &place) in places.iter().enumerate() {
        let mut changed = parts.clone();
        // The last byte is of the act: another purpose, another number, as valid as the one before.
        let record = at(&mut changed, place);
        let last = record.len() - 1;
        record[last] ^= 1;
        let house = put_together(&changed);
        let number = position + 1;
        let is_last = number == places.len();
        let report = house.verify(&[]);
        assert_eq!(report.is_whole(), is_last, "{:?}", report.flaws);
        let report = house.verify(&[head]);
        assert!(names(&house, &report, "changed", number, parts[place.0].0), "{number}: {:?}", report.flaws);
        assert_eq!(report.flaws.len(), 1);
    }
}

fn written_head(parts: &Parts) -> AuditPosition {
    let (_, frames) = parts.last().expect("segments");
    let last = frames.last().and_then(|records| records.last()).expect("records");
    AuditPosition { sequence: places(parts).len() as u64, hash: chain::hash(last) }
}

#[test]
fn any_removed_record_is_named_and_the_last_by_what_was_noted() {
    let parts = take_apart(&written());
    let head = written_head(&parts);
    let places = places(&parts);
    for (position, &(segment, frame, record)) in places.iter().enumerate() {
        let mut changed = parts.clone();
        changed[segment].1[frame].remove(record);
        let house = put_together(&changed);
        let number = position + 1;
        let report = house.verify(&[head]);
        if number == places.len() {
            assert!(names(&house, &report, "end_missing", number, parts[segment].0), "{:?}", report.flaws);
            assert!(house.verify(&[]).is_whole());
        } else {
            let next = places[number].0;
            assert!(names(&house, &report, "missing", number, parts[next].0), "{number}: {:?}", report.flaws);
        }
        assert_eq!(report.flaws.len(), 1);
    }
}

#[test]
fn any_repeated_record_is_named_wherever_it_is_put() {
    let parts = take_apart(&written());
    let places = places(&parts);
    for (position, &(segment, frame, record)) in places.iter().enumerate() {
        for &(to_segment, to_frame, to_record) in &places[position..] {
            let mut changed = parts.clone();
            let copy = changed[segment].1[frame][record].clone();
            changed[to_segment].1[to_frame].insert(to_record + 1, copy);
            let house = put_together(&changed);
            let report = house.verify(&[]);
            let number = position + 1;
            assert!(names(&house, &report, "repeated", number, parts[to_segment].0), "{:?}", report.flaws);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_order_but_the_right_one_is_found(order in Just((0..19_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let parts = take_apart(&written());
        let places = places(&parts);
        let mut changed = parts.clone();
        for (&to, &from) in places.iter().zip(&order) {
            *at(&mut changed, to) = at(&mut parts.clone(), places[from]).clone();
        }
        let house = put_together(&changed);
        let report = house.verify(&[]);
        let is_right = order.iter().enumerate().all(|(to, from)| to == *from);
        prop_assert_eq!(report.is_whole(), is_right);
        // Every record that stands behind one with a higher number is named, and no other is.
        for (position, &from) in order.iter().enumerate() {
            let number = from as u64 + 1;
            let late = order[..position].iter().any(|&other| other > from);
            let named = report.flaws.iter().any(|flaw| flaw.finding == Finding::Misplaced && flaw.record == number);
            prop_assert_eq!(named, late, "record {}: {:?}", number, &report.flaws);
        }
    }

    #[test]
    fn a_chain_that_was_made_anew_is_found_by_any_position_noted_of_what_it_replaced(
        from in 1_usize..19, noted in 0_usize..19,
    ) {
        let parts = take_apart(&written());
        let places = places(&parts);
        let hashes: Vec<_> = places.iter().map(|&place| chain::hash(at(&mut parts.clone(), place))).collect();
        let mut changed = parts.clone();
        let mut before = hashes[from - 1];
        for (number, &place) in places.iter().enumerate().skip(from) {
            let record = at(&mut changed, place);
            *record = rechained(record, before, number == from);
            before = chain::hash(record);
        }
        let house = put_together(&changed);
        prop_assert!(house.verify(&[]).is_whole(), "whoever can write the files can do this");
        let position = AuditPosition { sequence: noted as u64 + 1, hash: hashes[noted] };
        let report = house.verify(&[position]);
        prop_assert_eq!(report.is_whole(), noted < from);
        if noted >= from {
            prop_assert!(names(&house, &report, "changed", noted + 1, parts[places[noted].0].0));
        }
    }
}

/// A record chained to another hash, and changed itself if that is asked.
fn rechained(record: &[u8], before: RecordHash, change: bool) -> Vec<u8> {
    let mut stored = crate::audit::codec::parse(record).expect("a record");
    stored.previous_sha256 = Bytes::copy_from_slice(&before.0);
    if change {
        stored.subjects.push(Bytes::copy_from_slice(&[250; 16]));
    }
    prost::Message::encode_to_vec(&stored)
}
