//! What a snapshot keeps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::decide::HeldId;

/// What a server makes of a replay: bulletins and decisions in order, and sets of who was told.
#[derive(Debug, Default, PartialEq)]
struct Effect {
    decided: Vec<String>,
    told: BTreeMap<String, BTreeSet<DeviceSlot>>,
    finished: BTreeSet<DeliveryKey>,
    /// What waits for a person still.
    held: BTreeMap<HeldId, String>,
}

/// The effect of the entries that `keeps` holds for, without what was noted and is over.
fn effect<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    over_before: Timestamp,
    keeps: impl Fn(LineageId) -> bool,
) -> Effect {
    let mut effect = Effect::default();
    for entry in entries {
        match entry {
            Entry::Admitted(admitted) if keeps(admitted.bulletin.key().lineage) => effect.decided.push(see(entry)),
            Entry::Noted(noted) if noted.at >= over_before => effect.decided.push(see(entry)),
            Entry::Sent { key, tier, kind, priority, channel, devices } if keeps(key.lineage) => {
                effect
                    .told
                    .entry(format!("{key} {tier:?} {kind:?} {priority:?} {channel:?}"))
                    .or_default()
                    .extend(devices);
            }
            Entry::Acknowledged { key, devices } if keeps(key.lineage) => {
                effect.told.entry(key.to_string()).or_default().extend(devices);
            }
            Entry::Finished { key } if keeps(key.lineage) => {
                effect.finished.insert(*key);
            }
            Entry::Held(waiting) => {
                effect.held.insert(waiting.holding.id, see(entry));
            }
            Entry::Settled(settled) => {
                effect.held.remove(&settled.id);
            }
            _ => {}
        }
    }
    effect.told.retain(|_, devices| !devices.is_empty());
    effect
}

/// Opens with a snapshot written whatever the journal's size.
fn compacted(house: &House) -> Open {
    let always = House {
        folder: tempfile::tempdir().expect("a folder"),
        config: Config { segment_bytes: 1, ..house.config.clone() },
        now: house.now,
    };
    always.open()
}

fn has_snapshot(house: &House) -> bool {
    house.files().iter().any(|file| file.to_string_lossy().contains("snapshot"))
}

#[test]
fn a_snapshot_has_one_list_for_each_tier_right_behind_its_bulletin() {
    let house = House::new();
    house.write(&life());
    let open = compacted(&house);
    assert!(has_snapshot(&house));
    let expected = [
        admitted(key(1, 1), hour(1), &[]),
        sent(key(1, 1), slots((0..40).chain(50..60))),
        acknowledged(key(1, 1), slots(3..9)),
        finished(key(1, 1)),
        noted("expired", hour(0)),
        admitted(key(1, 2), hour(2), &[]),
        finished(key(1, 2)),
    ];
    assert_eq!(seen(&open.replayed), seen(&expected));
}

#[test]
fn a_journal_that_is_mostly_over_is_compacted_when_it_is_opened() {
    let mut house = House::new();
    house.write(&[
        vec![admitted(key(1, 1), hour(1), &[]), sent(key(1, 1), slots(0..5_000)), noted("old", hour(0))],
        vec![admitted(key(2, 1), hour(100), &[]), noted("new", hour(90))],
    ]);
    house.now = hour(25);
    assert_eq!(house.replayed().len(), 5, "kept for a day after it has expired");
    assert!(!has_snapshot(&house));
    house.now = hour(26);
    assert_eq!(house.replayed(), seen(&[admitted(key(2, 1), hour(100), &[]), noted("new", hour(90))]));
    assert!(has_snapshot(&house));
}

#[test]
fn the_newest_lineage_is_never_forgotten_so_that_no_number_comes_again() {
    let mut house = House::new();
    house.write(&[vec![admitted(key(8, 1), hour(1), &[])], vec![admitted(key(7, 1), hour(1), &[])]]);
    house.now = hour(1_000);
    assert_eq!(seen(&compacted(&house).replayed), seen(&[admitted(key(8, 1), hour(1), &[])]));
}

#[test]
fn a_lineage_whose_reach_another_has_taken_over_stays_with_it() {
    let mut house = House::new();
    let entries = vec![
        admitted(key(1, 1), hour(1), &[]),
        sent(key(1, 1), slots(0..9)),
        admitted(key(2, 1), hour(1), &[1]),
        admitted(key(3, 1), hour(1), &[]),
        admitted(key(4, 1), hour(99), &[2]),
    ];
    house.write(std::slice::from_ref(&entries));
    house.now = hour(50);
    let expected = [&entries[..3], &entries[4..]].concat();
    assert_eq!(seen(&compacted(&house).replayed), seen(&expected));
}

#[test]
fn a_crash_at_any_step_of_compaction_leaves_a_journal_that_reads() {
    let house = House::new();
    house.write(&life());
    let before = house.copy();
    let mut open = compacted(&house);
    open.commit(&[finished(key(1, 3))]);
    let after = seen(&open.replayed);
    drop(open);

    // The snapshot was not finished.
    let half = before.copy();
    fs::write(half.config.dir.join("snapshot-00000000000000000008.tmp"), b"half").expect("written");
    assert_eq!(half.replayed(), seen(&life().concat()));
    assert!(half.files().iter().all(|file| file.extension().is_some_and(|extension| extension == "hzj")));

    // It has its name; what it replaces is still there, and no segment after it.
    let named = house.copy();
    let old = before.last_file();
    fs::copy(&old, named.config.dir.join(old.file_name().expect("a name"))).expect("copied");
    let open_segment =
        named.files().into_iter().find(|file| file.to_string_lossy().contains("journal-00000000000000000008"));
    fs::remove_file(open_segment.expect("the segment after the snapshot")).expect("removed");
    assert_eq!(named.replayed(), after);
    named.write(&[vec![finished(key(1, 4))]]);
    assert_eq!(named.replayed().len(), after.len() + 1);

    // All is done, and entries have come since.
    assert_eq!(house.replayed().len(), after.len() + 1);
}

#[test]
fn a_damaged_snapshot_is_named_and_what_it_replaces_is_left_alone() {
    let house = House::new();
    house.write(&life());
    let before = house.copy();
    drop(compacted(&house));
    let old = before.last_file();
    fs::copy(&old, house.config.dir.join(old.file_name().expect("a name"))).expect("copied");
    let snapshot = house.files().into_iter().find(|file| file.to_string_lossy().contains("snapshot"));
    let snapshot = snapshot.expect("a snapshot");
    let bytes = fs::read(&snapshot).expect("a segment");
    fs::write(&snapshot, &bytes[..bytes.len() - 1]).expect("written");
    assert!(matches!(house.try_open(), Err(JournalError::Damaged { reason: Damage::CutOff, .. })));
    let shorter = boundaries(&snapshot);
    fs::write(&snapshot, &bytes[..shorter[0] as usize]).expect("written");
    assert!(matches!(house.try_open(), Err(JournalError::Damaged { reason: Damage::FrameCount, .. })));
    assert_eq!(house.files().len(), 3);
}

#[test]
fn a_snapshot_of_a_snapshot_is_the_same_and_nothing_is_lost() {
    let house = House::new();
    house.write(&life());
    let first = seen(&compacted(&house).replayed);
    for _ in 0..3 {
        assert_eq!(seen(&compacted(&house).replayed), first);
    }
    assert_eq!(house.replayed(), first);
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let any_key = || (1..6_u64, 1..3_u32).prop_map(|(lineage, revision)| key(lineage, revision));
    let devices = || prop::collection::vec(0..60_u32, 0..20).prop_map(slots);
    prop_oneof![
        (any_key(), 0..100_i64, prop::option::of(1..6_u64)).prop_map(|(key, expires, absorbs)| admitted(
            key,
            hour(expires),
            absorbs.as_slice()
        )),
        (any_key(), 0..2_u8, devices()).prop_map(|(key, tier, devices)| Entry::Sent {
            key,
            tier: TierIndex(tier),
            kind: NoticeKind::Alert,
            priority: Priority::Advisory,
            channel: ChannelKind::Fcm,
            devices
        }),
        (any_key(), devices()).prop_map(|(key, devices)| acknowledged(key, devices)),
        any_key().prop_map(finished),
        Just(noted("n", hour(100))),
        generate::held(1..6_u64),
        generate::settled(1..6_u64),
    ]
}

/// As the house writes: a bulletin's entries come after it, and it is admitted once; so it is with held alerts.
fn in_order(entries: Vec<Entry>) -> Vec<Entry> {
    let (mut known, mut waited) = (BTreeSet::new(), BTreeSet::new());
    let in_order = entries.into_iter().filter(|entry| match entry {
        Entry::Admitted(admitted) => known.insert(admitted.bulletin.key()),
        // A number is given once.
        Entry::Held(waiting) => waited.insert(waiting.holding.id),
        Entry::Noted(_) | Entry::Settled(_) => true,
        Entry::Sent { key, .. } | Entry::Acknowledged { key, .. } | Entry::Finished { key } => known.contains(key),
    });
    in_order.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_snapshot_has_the_effect_of_all_it_replaces(
        entries in prop::collection::vec(any_entry(), 1..60).prop_map(in_order), now in 0..140_i64,
    ) {
        let mut house = House::new();
        let commits: Vec<Vec<Entry>> = entries.chunks(7).map(<[Entry]>::to_vec).collect();
        house.write(&commits);
        house.now = hour(now);
        let open = compacted(&house);
        let kept: BTreeSet<LineageId> = open.replayed.iter().filter_map(|entry| match entry {
            Entry::Admitted(admitted) => Some(admitted.bulletin.key().lineage),
            _ => None,
        }).collect();
        let keeps = |lineage| kept.contains(&lineage);
        let over_before = hour(now - 24);
        let noted = |entry: &&Entry| matches!(entry, Entry::Noted(noted) if noted.at < over_before);
        prop_assert_eq!(open.replayed.iter().filter(noted).count(), 0);
        prop_assert_eq!(effect(&open.replayed, over_before, keeps), effect(&entries, over_before, keeps));
        let revisions = |lineage| entries.iter().rev().filter_map(move |entry| match entry {
            Entry::Admitted(admitted) => Some(admitted.bulletin.parts()).filter(|parts| parts.lineage == lineage),
            _ => None,
        });
        let newest_expires = |lineage| revisions(lineage).next().map(|parts| parts.expires);
        for lineage in (1..6).map(LineageId).filter(|lineage| !keeps(*lineage)) {
            let over = newest_expires(lineage).is_none_or(|expires| expires < over_before);
            prop_assert!(over, "{lineage} is in force and was forgotten");
        }
    }
}
