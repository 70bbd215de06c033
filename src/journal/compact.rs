//! What of the journal is still needed, and writing just that.
//!
//! A lineage is over when its newest revision has expired and [`Config::keep`](super::Config::keep) has passed since.
//! It is forgotten then, but for two cases: the newest lineage of all, since new ones are numbered after it and
//! devices drop what they have seen under the same number; and one whose reach a lineage that is kept has taken over.
//! Of a lineage that is kept every admitted bulletin stays, so that its duplicates are known; what was sent under one
//! key becomes one list for each tier, priority and channel, right behind its bulletin.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::decide::{HeldId, TierIndex};
use crate::domain::{ChannelKind, DeliveryKey, DeviceSlot, LineageId, NoticeKind, Priority, Timestamp};
use crate::segments::{COMMIT, FrameHeader, Kind, Segment, Unfinished};

use super::devices::DeviceSet;
use super::{Entry, FORMAT, JournalError, Replay, codec};

/// The most devices in one entry of a snapshot: at five bytes each far below an entry's limit.
const DEVICES: usize = 1 << 20;

/// What the journal holds, by lineage.
#[derive(Debug, Default)]
pub(super) struct Survey {
    lineages: HashMap<LineageId, Standing>,
    noted: Vec<(Timestamp, u64)>,
    /// Held alerts that nobody has settled, and the bytes of each.
    held: HashMap<HeldId, u64>,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Standing {
    /// When the newest revision ends.
    expires: Option<Timestamp>,
    absorbs: Vec<LineageId>,
    bytes: u64,
}

impl Survey {
    /// Takes in an entry of so many bytes.
    pub(super) fn see(&mut self, entry: &Entry, bytes: u64) {
        self.bytes += bytes;
        let lineage = match entry {
            Entry::Noted(noted) => return self.noted.push((noted.at, bytes)),
            Entry::Held(held) => {
                self.held.insert(held.holding.id, bytes);
                return;
            }
            Entry::Settled(settled) => {
                self.held.remove(&settled.id);
                return;
            }
            Entry::Admitted(admitted) => admitted.bulletin.key().lineage,
            Entry::Sent { key, .. } | Entry::Acknowledged { key, .. } | Entry::Finished { key } => key.lineage,
        };
        let standing = self.lineages.entry(lineage).or_default();
        standing.bytes += bytes;
        if let Entry::Admitted(admitted) = entry {
            let parts = admitted.bulletin.parts();
            standing.expires = Some(parts.expires);
            standing.absorbs.extend(&parts.absorbs);
        }
    }

    /// The lineages that are kept.
    pub(super) fn kept(&self, over_before: Timestamp) -> HashSet<LineageId> {
        let newest = self.lineages.keys().max();
        let holds = |standing: &Standing| standing.expires.is_some_and(|expires| expires >= over_before);
        let in_force = self.lineages.iter().filter(|(_, standing)| holds(standing)).map(|(lineage, _)| lineage);
        let mut open: Vec<LineageId> = newest.into_iter().chain(in_force).copied().collect();
        let mut kept = HashSet::new();
        while let Some(lineage) = open.pop() {
            if kept.insert(lineage) {
                open.extend(self.lineages.get(&lineage).into_iter().flat_map(|standing| &standing.absorbs));
            }
        }
        kept
    }

    /// Whether at least half of the journal is about what is over.
    pub(super) fn is_mostly_over(&self, over_before: Timestamp) -> bool {
        let kept = self.kept(over_before);
        let lineages = self.lineages.iter().filter(|(lineage, _)| kept.contains(lineage));
        let noted = self.noted.iter().filter(|(at, _)| *at >= over_before);
        let needed =
            lineages.map(|(_, standing)| standing.bytes).sum::<u64>() + noted.map(|(_, bytes)| bytes).sum::<u64>();
        self.bytes > 2 * (needed + self.held.values().sum::<u64>())
    }
}

/// Who was told of one bulletin.
#[derive(Debug, Default)]
struct Told {
    /// Releases come first: a device that was told both in one revision counts as told.
    sent: BTreeMap<(Reverse<NoticeKind>, TierIndex, Priority, ChannelKind), DeviceSet>,
    acknowledged: DeviceSet,
    finished: bool,
}

/// Writes a snapshot that takes the place of all frames before `number`, which `read` gives, each time anew.
pub(super) fn snapshot(
    dir: &Path,
    number: u64,
    kept: &HashSet<LineageId>,
    over_before: Timestamp,
    read: impl Fn() -> Replay,
) -> Result<Segment, JournalError> {
    let (mut told, held) = (gather(kept, read())?, held(read())?);
    let mut snapshot = Snapshot::create(Segment::new(dir, &FORMAT, Kind::Snapshot, number))?;
    let written = read().try_for_each(|entry| match entry? {
        Entry::Noted(noted) if noted.at >= over_before => snapshot.add(&Entry::Noted(noted)),
        Entry::Held(waiting) if held.contains(&waiting.holding.id) => snapshot.add(&Entry::Held(waiting)),
        Entry::Admitted(admitted) if kept.contains(&admitted.bulletin.key().lineage) => {
            let key = admitted.bulletin.key();
            snapshot.add(&Entry::Admitted(admitted))?;
            told.remove(&key).map_or(Ok(()), |told| snapshot.add_told(key, told))
        }
        _ => Ok(()),
    });
    match written.and_then(|()| snapshot.flush()) {
        Ok(()) => snapshot.file.finish(dir),
        Err(error) => {
            snapshot.file.abandon();
            Err(error)
        }
    }
}

/// The alerts that still wait for a person.
fn held(entries: Replay) -> Result<HashSet<HeldId>, JournalError> {
    let mut held = HashSet::new();
    for entry in entries {
        match entry? {
            Entry::Held(waiting) => {
                held.insert(waiting.holding.id);
            }
            Entry::Settled(settled) => {
                held.remove(&settled.id);
            }
            _ => {}
        }
    }
    Ok(held)
}

fn gather(kept: &HashSet<LineageId>, entries: Replay) -> Result<HashMap<DeliveryKey, Told>, JournalError> {
    let mut told: HashMap<DeliveryKey, Told> = HashMap::new();
    for entry in entries {
        match entry? {
            Entry::Sent { key, tier, kind, priority, channel, devices } if kept.contains(&key.lineage) => {
                told.entry(key)
                    .or_default()
                    .sent
                    .entry((Reverse(kind), tier, priority, channel))
                    .or_default()
                    .add(devices);
            }
            Entry::Acknowledged { key, devices } if kept.contains(&key.lineage) => {
                told.entry(key).or_default().acknowledged.add(devices);
            }
            Entry::Finished { key } if kept.contains(&key.lineage) => told.entry(key).or_default().finished = true,
            _ => {}
        }
    }
    Ok(told)
}

/// A snapshot that is being written, a commit's worth at a time.
struct Snapshot {
    file: Unfinished,
    frame: Vec<u8>,
}

impl Snapshot {
    fn create(segment: Segment) -> Result<Self, JournalError> {
        Ok(Self { file: Unfinished::create(segment)?, frame: vec![0; FrameHeader::LEN] })
    }

    fn add_told(&mut self, key: DeliveryKey, told: Told) -> Result<(), JournalError> {
        for ((Reverse(kind), tier, priority, channel), devices) in told.sent {
            self.add_lists(devices, |devices| Entry::Sent { key, tier, kind, priority, channel, devices })?;
        }
        self.add_lists(told.acknowledged, |devices| Entry::Acknowledged { key, devices })?;
        if told.finished { self.add(&Entry::Finished { key }) } else { Ok(()) }
    }

    fn add_lists(&mut self, set: DeviceSet, entry: impl Fn(Vec<DeviceSlot>) -> Entry) -> Result<(), JournalError> {
        set.into_devices().chunks(DEVICES).try_for_each(|devices| self.add(&entry(devices.to_vec())))
    }

    fn add(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let bytes = codec::encode(entry);
        if self.frame.len() + bytes.len() > COMMIT {
            self.flush()?;
        }
        self.frame.extend(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        if self.frame.len() > FrameHeader::LEN {
            self.file.add(&mut self.frame)?;
            self.frame.truncate(FrameHeader::LEN);
        }
        Ok(())
    }
}
