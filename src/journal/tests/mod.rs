//! The journal as its users see it: what comes back after stops, crashes and damage.

mod compaction;
mod damage;
mod failure;
mod generate;
mod round_trip;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;
use crate::decide::{Bulletin, BulletinParts, Content, Noted, TierIndex};
use crate::domain::{
    AlertId, ChannelKind, DeliveryKey, DeviceSlot, Identifier, LineageId, Mode, NoticeKind, Priority, Revision, Sender,
    SignedDuration, Timestamp,
};
use crate::metrics::Metrics;
use crate::segments::{FrameHeader, SegmentHeader, on_disk};

const SECOND: i64 = 1_700_000_000;

/// An instant some hours after the start of the tests' time.
fn hour(hours: i64) -> Timestamp {
    Timestamp::from_second(SECOND + hours * 3_600).expect("an instant")
}

/// A journal's folder, and a journal that is driven by hand: one [`Writer::step`] a commit.
struct House {
    folder: TempDir,
    config: Config,
    now: Timestamp,
}

struct Open {
    journal: Journal,
    replayed: Vec<Entry>,
    writer: Writer,
    metrics: Arc<Metrics>,
}

impl House {
    fn new() -> Self {
        Self::with_segments_of(1 << 20)
    }

    fn with_segments_of(segment_bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { dir: folder.path().join("journal"), segment_bytes, keep: SignedDuration::from_hours(24) };
        Self { folder, config, now: hour(0) }
    }

    fn try_open(&self) -> Result<Open, JournalError> {
        let metrics = Arc::new(Metrics::new());
        let (journal, replay, writer) = Journal::open(&self.config, self.now, &metrics)?;
        let replayed = replay.collect::<Result<_, _>>()?;
        Ok(Open { journal, replayed, writer, metrics })
    }

    fn open(&self) -> Open {
        self.try_open().expect("the journal opens")
    }

    /// Opens, commits, and closes as a stop does.
    fn write(&self, commits: &[Vec<Entry>]) {
        let mut open = self.open();
        for entries in commits {
            open.commit(entries);
        }
    }

    fn replayed(&self) -> Vec<String> {
        seen(&self.open().replayed)
    }

    /// The segments, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        on_disk::files(&self.config.dir)
    }

    fn last_file(&self) -> PathBuf {
        self.files().pop().expect("a segment")
    }

    /// A copy of the folder, to be damaged.
    fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().expect("a folder"), config: self.config.clone(), now: self.now };
        let dir = copy.folder.path().join("journal");
        on_disk::copy(&self.config.dir, &dir);
        Self { config: Config { dir, ..copy.config }, ..copy }
    }
}

impl Open {
    fn commit(&mut self, entries: &[Entry]) {
        let tickets: Vec<Ticket> = entries.iter().map(|entry| self.journal.append(entry.clone())).collect();
        assert!(self.writer.step(&mut Vec::new()));
        for ticket in tickets {
            answer(ticket).expect("on disk");
        }
    }
}

/// What the ticket says, which the writer's step has settled.
fn answer(ticket: Ticket) -> Result<(), JournalError> {
    ticket.synced().now_or_never().expect("the writer has answered")
}

/// All that is in an entry, as text: `Debug` writes every float so that it reads back exactly. The areas of tiers are
/// written out, whatever their own `Debug` shows.
fn see(entry: &Entry) -> String {
    let areas = match entry {
        Entry::Admitted(admitted) => {
            admitted.bulletin.tiers().iter().map(|tier| format!("{:?}", tier.area.areas())).collect()
        }
        _ => Vec::new(),
    };
    format!("{entry:?} {areas:?}")
}

fn seen(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(see).collect()
}

fn key(lineage: u64, revision: u32) -> DeliveryKey {
    DeliveryKey { lineage: LineageId(lineage), revision: Revision(revision) }
}

fn alert(name: &str) -> AlertId {
    AlertId {
        sender: Sender::new("w-nws.webmaster@noaa.gov").expect("a sender"),
        identifier: Identifier::new(name).expect("an identifier"),
        sent: hour(0),
    }
}

fn slots(slots: impl IntoIterator<Item = u32>) -> Vec<DeviceSlot> {
    slots.into_iter().map(DeviceSlot).collect()
}

fn admitted(key: DeliveryKey, expires: Timestamp, absorbs: &[u64]) -> Entry {
    let parts = BulletinParts {
        lineage: key.lineage,
        revision: key.revision,
        alert: alert(&key.to_string()),
        mode: Mode::Exercise,
        content: Content::Cancel(Vec::new()),
        expires,
        admitted: hour(0),
        absorbs: absorbs.iter().copied().map(LineageId).collect(),
        supersedes: Vec::new(),
        voices: Vec::new(),
        withdraws: Vec::new(),
        state: None,
    };
    Entry::Admitted(Admitted {
        bulletin: Bulletin::remake(parts),
        raw: Bytes::from_static(b"<alert/>"),
        media_type: "application/cap+xml".to_owned(),
        received: hour(0),
        authority: "dev".to_owned(),
    })
}

fn bulletin(lineage: u64, revision: u32) -> Entry {
    admitted(key(lineage, revision), hour(1), &[])
}

fn noted(name: &str, at: Timestamp) -> Entry {
    let (supersedes, withdraws) = (Vec::new(), Vec::new());
    Entry::Noted(Noted { id: alert(name), mode: Mode::Actual, supersedes, withdraws, state: None, at })
}

fn sent(key: DeliveryKey, devices: Vec<DeviceSlot>) -> Entry {
    Entry::Sent {
        key,
        tier: TierIndex(0),
        kind: NoticeKind::Alert,
        priority: Priority::Warning,
        channel: ChannelKind::Link,
        devices,
    }
}

fn acknowledged(key: DeliveryKey, devices: Vec<DeviceSlot>) -> Entry {
    Entry::Acknowledged { key, devices }
}

fn finished(key: DeliveryKey) -> Entry {
    Entry::Finished { key }
}

/// The life of one alert, in six commits.
fn life() -> Vec<Vec<Entry>> {
    vec![
        vec![admitted(key(1, 1), hour(1), &[])],
        vec![sent(key(1, 1), slots(0..40)), sent(key(1, 1), slots(50..60))],
        vec![noted("expired", hour(0))],
        vec![acknowledged(key(1, 1), slots(3..9))],
        vec![admitted(key(1, 2), hour(2), &[]), finished(key(1, 1))],
        vec![finished(key(1, 2))],
    ]
}

#[test]
fn what_was_synced_comes_back_in_order_and_the_next_run_goes_on() {
    let house = House::new();
    let commits = life();
    house.write(&commits[..4]);
    assert_eq!(house.replayed(), seen(&commits[..4].concat()));
    house.write(&commits[4..]);
    assert_eq!(house.replayed(), seen(&commits.concat()));
}

#[test]
fn a_full_segment_is_closed_and_the_next_goes_on() {
    let house = House::with_segments_of(100);
    let commits = life();
    let mut open = house.open();
    for entries in &commits {
        open.commit(entries);
    }
    drop(open);
    assert!(house.files().len() > 2);
    let unlimited = House { config: Config { segment_bytes: 1 << 20, ..house.config.clone() }, ..house };
    assert_eq!(unlimited.replayed(), seen(&commits.concat()));
}

#[test]
fn one_sync_answers_all_that_wait() {
    let house = House::new();
    let mut open = house.open();
    let tickets: Vec<Ticket> = (1..=100).map(|lineage| open.journal.append(bulletin(lineage, 1))).collect();
    open.journal.append_forget(bulletin(101, 1));
    let mut early = Box::pin(open.journal.append(bulletin(102, 1)).synced());
    assert!(early.as_mut().now_or_never().is_none(), "nothing is synced before the writer has written");
    assert!(open.writer.step(&mut Vec::new()));
    assert!(tickets.into_iter().all(|ticket| answer(ticket).is_ok()));
    assert!(matches!(early.now_or_never(), Some(Ok(()))));
    assert_eq!(open.metrics.journal_syncs.get(), 1);
    drop(open);
    assert_eq!(house.replayed().len(), 102);
}

#[test]
fn the_writer_ends_when_the_last_handle_has_gone_and_all_is_on_disk() {
    let house = House::new();
    let Open { journal, writer, .. } = house.open();
    let writing = std::thread::spawn(move || writer.run());
    let lanes: Vec<_> = (1..=4_u64)
        .map(|lane| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                (1..=50).map(|revision| journal.append(bulletin(lane, revision))).collect::<Vec<Ticket>>()
            })
        })
        .collect();
    journal.append_forget(bulletin(5, 1));
    drop(journal);
    let tickets: Vec<Ticket> = lanes.into_iter().flat_map(|lane| lane.join().expect("a lane")).collect();
    writing.join().expect("the writer ends");
    assert!(tickets.into_iter().all(|ticket| answer(ticket).is_ok()));
    assert_eq!(house.replayed().len(), 201);
}

#[test]
fn two_servers_cannot_share_a_folder() {
    let house = House::new();
    let first = house.open();
    assert!(matches!(house.try_open(), Err(JournalError::Locked(_))));
    drop(first);
    house.open();
}

#[test]
fn a_journal_in_memory_keeps_what_was_appended() {
    let journal = Journal::memory();
    let ticket = journal.clone().append(finished(key(1, 1)));
    journal.append_forget(finished(key(1, 2)));
    assert!(answer(ticket).is_ok() && journal.healthy().is_ok());
    assert_eq!(seen(&journal.entries()), seen(&[finished(key(1, 1)), finished(key(1, 2))]));
}

/// Where each frame of a segment ends, the header first.
fn boundaries(file: &Path) -> Vec<u64> {
    let bytes = fs::read(file).expect("a segment");
    let mut ends = vec![SegmentHeader::LEN];
    while let Some(&end) = ends.last().filter(|&&end| end < bytes.len()) {
        let len = u32::from_le_bytes(bytes[end + 4..end + 8].try_into().expect("four bytes"));
        ends.push(end + FrameHeader::LEN + len as usize);
    }
    ends.into_iter().map(|end| end as u64).collect()
}
