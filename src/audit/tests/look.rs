//! Looking into a log that is being written.

use proptest::prelude::*;

use super::*;
use crate::domain::ActorKind;

/// All pages of an answer, put together; each page has at most so many.
fn pages(audit: &Audit, query: &Query, most: usize) -> Vec<u64> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = audit.page(query, before, most).expect("it can be read");
        assert!(page.records.len() <= most);
        found.extend(page.records.iter().map(|record| record.position.sequence));
        before = page.before;
        if before.is_none() {
            return found;
        }
    }
}

fn subject(number: u8) -> Query {
    Query { subject: Some(AuditSubject([number; 16])), ..Query::default() }
}

#[test]
fn each_page_goes_on_where_the_one_before_ended_newest_first() {
    let house = written();
    let open = house.open();
    let all: Vec<u64> = (1..=19).rev().collect();
    for most in 1..=20 {
        assert_eq!(pages(&open.audit, &Query::default(), most), all, "{most}");
    }
}

#[test]
fn what_is_not_on_disk_yet_is_not_shown() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1)]);
    let waiting = open.audit.append(&withdrawn(2));
    assert_eq!(pages(&open.audit, &Query::default(), 10), [2, 1]);
    assert!(open.writer.step(&mut Vec::new()));
    answer(waiting).expect("on disk");
    assert_eq!(pages(&open.audit, &Query::default(), 10), [3, 2, 1]);
}

#[test]
fn a_query_asks_for_what_it_names_and_nothing_else() {
    let house = House::new();
    let mut open = house.open();
    open.commit(&[withdrawn(1), withdrawn(2)]);
    house.clock.advance(std::time::Duration::from_mins(1));
    open.commit(&[AuditEntry::server(Act::LogAnchored), withdrawn(2)]);
    let found = |query: &Query| pages(&open.audit, query, 2);
    assert_eq!(found(&subject(2)), [5, 3]);
    assert_eq!(found(&subject(9)), [0; 0]);
    let action = |action: &str| Query { action: Some(action.to_owned()), ..Query::default() };
    assert_eq!(found(&action("log")), [4, 1]);
    assert_eq!(found(&action("log.anchored")), [4]);
    assert_eq!(found(&action("lo")), [0; 0]);
    assert_eq!(found(&Query { actor_kind: Some(ActorKind::Server), ..Query::default() }), [4, 1]);
    assert_eq!(found(&Query { actor_name: Some("news".to_owned()), ..Query::default() }), [5, 3, 2]);
    let minute = NOON + std::time::Duration::from_mins(1);
    assert_eq!(found(&Query { since: Some(minute), ..Query::default() }), [5, 4]);
    assert_eq!(found(&Query { until: Some(minute), ..subject(2) }), [3]);
}

#[test]
fn damage_is_told_and_not_skipped() {
    let house = written();
    let file = house.files().swap_remove(1);
    let mut bytes = fs::read(&file).expect("a segment");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).expect("written");
    let open = house.open();
    let page = open.audit.page(&Query::default(), None, 100);
    assert!(matches!(page, Err(LogError::Damaged { file: named, .. }) if named == file));
    assert!(Export::open(house.dir(), Query::default()).expect("a log").any(|record| record.is_err()));
}

#[test]
fn the_newest_record_of_a_copy_is_told() {
    let house = written();
    let newest = newest(house.dir()).expect("it can be read").expect("a record");
    assert_eq!(newest.position.sequence, 19);
    assert_eq!(Some(newest), house.records().pop());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pages_have_what_an_export_has(number in 0_u8..30, most in 1_usize..6) {
        let house = written();
        let open = house.open();
        let mut expected: Vec<u64> = Export::open(house.dir(), subject(number))
            .expect("a log")
            .map(|record| record.expect("read").position.sequence)
            .collect();
        expected.reverse();
        prop_assert_eq!(pages(&open.audit, &subject(number), most), expected);
    }
}
