//! Each partner's log of what happened to its registrations.
//!
//! An event is written in the commit of the change that it tells, and seen when that is durable: nothing that holds is
//! without its event. A log is kept for some time and up to some number of events ([`EventLimits`]); a reader that
//! comes from before what is kept gets a gap, with how many it has missed.
//!
//! An event holds a registration's slot and no name. The name is looked up when the event is read: what is deleted, or
//! was another person's, leads from an event to nobody and is passed over (R-P6), and what is left of it goes with
//! the log.
//!
//! What is part of no commit ([`Registry::note_event`]) is written when the writer comes to it. If it cannot keep up,
//! so many are told as a gap.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::domain::{
    AppSlot, ChannelKind, Cid, EventCursor, EventKind, PartnerEvent, PartnerName, PolicyVersion, Purpose,
    RegistrationName, SignedDuration, Slot, Timestamp,
};
use crate::wire::storage_v1::{EventLogRecord, EventRecord, RegistrationRecord};

use super::change::{Change, Pending};
use super::records::{self, cid_of, decode, number_key};
use super::store::{Key, Space, damaged};
use super::writer::Job;
use super::{Registry, RegistryError, Shared};

/// The most events in one page.
pub const EVENT_PAGE: usize = 1_000;

/// The most events that are looked at for one page. Those of people who are deleted are passed over.
const LOOKED_AT: u64 = 2_000;

/// The most events that go from a log in one change: it weighs as much as so many changes.
pub(super) const PRUNED: u64 = 1_024;

/// The most events of one log that are looked at for their age in one look of the keeper.
const AGED: u64 = 100_000;

/// How long events are kept, and how many of one partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// How long.
    pub keep: SignedDuration,
    /// How many.
    pub most: u64,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self { keep: SignedDuration::from_hours(7 * 24), most: 1_000_000 }
    }
}

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnds {
    /// The number of the oldest event that is kept.
    pub(super) first: u64,
    /// The number that the next event gets.
    pub(super) next: u64,
}

/// Some events of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<PartnerEvent>,
    /// Behind them, and behind what was passed over.
    pub cursor: EventCursor,
    /// Whether others follow already.
    pub more: bool,
}

/// What is in memory of every log, by the partner's number.
#[derive(Debug, Default)]
pub(super) struct Logs(RwLock<Vec<Log>>);

#[derive(Debug)]
struct Log {
    ends: watch::Sender<LogEnds>,
    /// Events that could not be noted, and are yet to be told as a gap.
    missed: AtomicU64,
}

impl Logs {
    pub(super) fn ends(&self, partner: u16) -> LogEnds {
        self.of(partner, |log| *log.ends.borrow())
    }

    pub(super) fn learn(&self, partner: u16, ends: LogEnds) {
        self.of(partner, |log| log.ends.send_modify(|known| *known = ends));
    }

    fn missed(&self, partner: u16, count: u64) {
        self.of(partner, |log| log.missed.fetch_add(count, Ordering::Relaxed));
    }

    fn of<T>(&self, partner: u16, with: impl Fn(&Log) -> T) -> T {
        if let Some(log) = self.0.read().get(usize::from(partner)) {
            return with(log);
        }
        let mut logs = self.0.write();
        while logs.len() <= usize::from(partner) {
            let ends = watch::Sender::new(LogEnds { first: 1, next: 1 });
            logs.push(Log { ends, missed: AtomicU64::new(0) });
        }
        with(&logs[usize::from(partner)])
    }
}

impl Registry {
    /// A partner's events behind `after`, or from the oldest that is kept, up to `most`. Reads from disk: not for an
    /// I/O thread.
    pub fn events(
        &self,
        partner: &PartnerName,
        after: Option<EventCursor>,
        most: usize,
    ) -> Result<EventPage, RegistryError> {
        let shared = self.shared()?;
        let number = shared.partner_number(partner)?;
        let ends = shared.logs.ends(number);
        let after = match after {
            None => ends.first - 1,
            Some(cursor) if cursor.number < ends.next && cursor == shared.keys.event_cursor(number, cursor.number) => {
                cursor.number
            }
            Some(_) => return Err(RegistryError::EventCursor),
        };
        shared.event_page(number, ends, after, most)
    }

    /// Where a partner's log ends, as it grows.
    pub fn watch_events(&self, partner: &PartnerName) -> Result<watch::Receiver<LogEnds>, RegistryError> {
        let shared = self.shared()?;
        let number = shared.partner_number(partner)?;
        Ok(shared.logs.of(number, |log| log.ends.subscribe()))
    }

    /// Puts an event into the log of the registration's partner that is part of no change of the registration. Nobody
    /// waits for it: if too much waits for the writer, it is told later as part of a gap.
    pub fn note_event(&self, slot: Slot, kind: EventKind) {
        let Ok(open) = self.opened() else { return };
        let job = Job::by_itself(vec![Change::Note(slot, kind)]);
        if open.jobs.try_send(job).is_err() {
            let shared = &open.shared;
            if let Some(partner) = shared.directory.read().partner_of(self.facts(slot).app()) {
                shared.logs.missed(partner, 1);
            }
        }
    }
}

impl Shared {
    pub(super) fn partner_number(&self, partner: &PartnerName) -> Result<u16, RegistryError> {
        self.directory.read().partner_number(partner).ok_or(RegistryError::UnknownPartner)
    }

    fn event_page(&self, partner: u16, ends: LogEnds, after: u64, most: usize) -> Result<EventPage, RegistryError> {
        let mut events = Vec::new();
        let mut last = after;
        if after + 1 < ends.first {
            last = ends.first - 1;
            events.push(PartnerEvent {
                cursor: self.keys.event_cursor(partner, last),
                time: self.now(),
                registration: None,
                kind: EventKind::Gap(last - after),
            });
        }
        let end = ends.next.min((last + 1).saturating_add(LOOKED_AT));
        for item in self.store.range(Space::Events, event_key(partner, last + 1), Some(event_key(partner, end))) {
            if events.len() >= most {
                break;
            }
            let (key, payload) = item?;
            let number = number_of(&key)?;
            // What was removed while this reads is a gap like any other.
            if number != last + 1 {
                break;
            }
            last = number;
            let record: EventRecord = decode(Space::Events, &key, &payload)?;
            let kind = read_kind(&record).ok_or_else(|| damaged(Space::Events, &key, "of no kind"))?;
            let registration = self.name_in(&record, &kind)?;
            if registration.is_some() || matches!(kind, EventKind::Gap(_)) {
                let (cursor, time) = (self.keys.event_cursor(partner, number), records::instant(record.time_us));
                events.push(PartnerEvent { cursor, time, registration, kind });
            }
        }
        Ok(EventPage { events, cursor: self.keys.event_cursor(partner, last), more: last + 1 < ends.next })
    }

    /// The name of the registration that an event is of, as long as it may be told.
    fn name_in(&self, event: &EventRecord, kind: &EventKind) -> Result<Option<RegistrationName>, RegistryError> {
        let app_name = |app: AppSlot| self.directory.read().app_name(app).cloned();
        match kind {
            EventKind::Gap(_) => Ok(None),
            EventKind::Deleted => {
                let cid = <[u8; 16]>::try_from(&*event.cid).ok().map(Cid);
                Ok(app_name(AppSlot(event.app as u16)).zip(cid).map(|(app, cid)| RegistrationName { app, cid }))
            }
            _ => {
                let slot = Slot(event.slot);
                let record = match self.record(slot) {
                    Ok(record) if record.subject == event.subject => record,
                    Ok(_) | Err(RegistryError::NotFound) => return Ok(None),
                    Err(error) => return Err(error),
                };
                if let EventKind::ZoneEntered(zone) = kind
                    && !self.zones.is_inside(slot, zone)
                {
                    return Ok(None);
                }
                let cid = cid_of(&record, slot)?;
                Ok(app_name(records::app_of(&record)).map(|app| RegistrationName { app, cid }))
            }
        }
    }

    /// What is to be done with logs now: what is kept too long goes, what could not be noted is told.
    pub(super) fn look_at_logs(&self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        let partners = self.directory.read().partner_count() as u16;
        for partner in 0..partners {
            let ends = self.logs.ends(partner);
            let end = self.outlived(partner, ends, now).unwrap_or_else(|error| {
                tracing::error!(%error, "the age of events cannot be read");
                ends.first
            });
            let mut first = ends.first;
            while first < end {
                first = end.min(first + PRUNED);
                changes.push(Change::Prune(partner, first));
            }
            let missed = self.logs.of(partner, |log| log.missed.swap(0, Ordering::Relaxed));
            if missed > 0 {
                changes.push(Change::Missed(partner, missed));
            }
        }
        changes
    }

    /// The number of the first event that is to be kept.
    fn outlived(&self, partner: u16, ends: LogEnds, now: Timestamp) -> Result<u64, RegistryError> {
        let mut first = ends.first.max(ends.next.saturating_sub(self.event_limits.most));
        let Ok(oldest) = now.checked_sub(self.event_limits.keep) else { return Ok(first) };
        let end = ends.next.min(first.saturating_add(AGED));
        for item in self.store.range(Space::Events, event_key(partner, first), Some(event_key(partner, end))) {
            let (key, payload) = item?;
            let record: EventRecord = decode(Space::Events, &key, &payload)?;
            if records::instant(record.time_us) >= oldest {
                break;
            }
            first = number_of(&key)? + 1;
        }
        Ok(first)
    }
}

impl Pending<'_> {
    /// An event of the change at hand.
    pub(super) fn tell(&mut self, slot: Slot, record: &RegistrationRecord, kind: &EventKind) {
        let Some(partner) = self.shared.directory.read().partner_of(records::app_of(record)) else { return };
        self.shared.metrics.partner_events(kind.name()).inc();
        let mut event = write_kind(kind);
        event.time_us = self.now.as_microsecond();
        event.slot = slot.0;
        if *kind == EventKind::Deleted {
            (event.app, event.cid) = (record.app, record.cid.clone());
        } else {
            event.subject = record.subject.clone();
        }
        self.draft.events.push((partner, event));
    }

    /// One that is part of no other change. Of a registration that is deleted nothing is told.
    pub(super) fn note(&mut self, slot: Slot, kind: &EventKind) -> Result<(), RegistryError> {
        let record = self.record(slot)?;
        self.tell(slot, &record, kind);
        Ok(())
    }

    pub(super) fn missed(&mut self, partner: u16, count: u64) {
        let (gap, time_us) = (EventKind::Gap(count), self.now.as_microsecond());
        self.shared.metrics.partner_events(gap.name()).inc();
        self.draft.events.push((partner, EventRecord { time_us, ..write_kind(&gap) }));
    }

    /// Events up to this number are kept no more.
    pub(super) fn prune(&mut self, partner: u16, end: u64) {
        let ends = self.log_ends(partner);
        for number in ends.first..end.min(ends.next) {
            self.draft.batch.remove(Space::Events, event_key(partner, number));
        }
        self.logs.insert(partner, LogEnds { first: ends.first.max(end.min(ends.next)), ..ends });
    }

    /// Events of a change that was made get their numbers.
    pub(super) fn log(&mut self, events: Vec<(u16, EventRecord)>) {
        for (partner, event) in events {
            let ends = self.log_ends(partner);
            self.put_made(Space::Events, event_key(partner, ends.next), &event);
            self.logs.insert(partner, LogEnds { next: ends.next + 1, ..ends });
        }
    }

    /// Where a log ends with the changes so far.
    pub(super) fn log_ends(&self, partner: u16) -> LogEnds {
        self.logs.get(&partner).copied().unwrap_or_else(|| self.shared.logs.ends(partner))
    }

    /// Writes where logs end now, and has memory learn it.
    pub(super) fn close_logs(&mut self) {
        for (partner, ends) in std::mem::take(&mut self.logs) {
            let LogEnds { first, next } = ends;
            self.put_made(Space::EventLogs, number_key(partner), &EventLogRecord { first, next });
            self.learn_log(partner, ends);
        }
    }
}

/// Reads where every log ends.
pub(super) fn load(shared: &Shared) -> Result<(), RegistryError> {
    for item in shared.store.scan(Space::EventLogs) {
        let (key, payload) = item?;
        let partner = <[u8; 2]>::try_from(&*key).map(u16::from_be_bytes);
        let partner = partner.map_err(|_| damaged(Space::EventLogs, &key, "not a partner"))?;
        let EventLogRecord { first, next } = decode(Space::EventLogs, &key, &payload)?;
        if first == 0 || next < first {
            return Err(damaged(Space::EventLogs, &key, "ends before it begins"));
        }
        shared.logs.learn(partner, LogEnds { first, next });
    }
    Ok(())
}

fn event_key(partner: u16, number: u64) -> Key {
    Key::new(&[&partner.to_be_bytes(), &number.to_be_bytes()])
}

fn number_of(key: &[u8]) -> Result<u64, RegistryError> {
    let number = key.get(2..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
    number.ok_or_else(|| damaged(Space::Events, key, "not an event"))
}

fn write_kind(kind: &EventKind) -> EventRecord {
    let of = |kind| EventRecord { kind, ..EventRecord::default() };
    let consent = |number, purpose, policy: PolicyVersion| EventRecord {
        purpose: records::purpose_number(purpose),
        policy: policy.0.into(),
        ..of(number)
    };
    match *kind {
        EventKind::ZoneEntered(ref zone) => EventRecord { zone: zone.to_string(), ..of(9) },
        EventKind::TokenGone(channel) => EventRecord { channel: channel as u32, ..of(1) },
        EventKind::ConsentGranted(purpose, policy) => consent(2, purpose, policy),
        EventKind::ConsentWithdrawn(purpose, policy) => consent(3, purpose, policy),
        EventKind::ConsentExpired(purpose, policy) => consent(4, purpose, policy),
        EventKind::PlaceForgotten => of(5),
        EventKind::Restarted => of(6),
        EventKind::Deleted => of(7),
        EventKind::Gap(missing) => EventRecord { missing, ..of(8) },
    }
}

fn read_kind(record: &EventRecord) -> Option<EventKind> {
    let purpose = || Purpose::ALL.into_iter().find(|&purpose| records::purpose_number(purpose) == record.purpose);
    let policy = PolicyVersion(record.policy as u16);
    Some(match record.kind {
        1 => EventKind::TokenGone(ChannelKind::ALL.into_iter().find(|&channel| channel as u32 == record.channel)?),
        2 => EventKind::ConsentGranted(purpose()?, policy),
        3 => EventKind::ConsentWithdrawn(purpose()?, policy),
        4 => EventKind::ConsentExpired(purpose()?, policy),
        5 => EventKind::PlaceForgotten,
        6 => EventKind::Restarted,
        7 => EventKind::Deleted,
        8 => EventKind::Gap(record.missing),
        9 => EventKind::ZoneEntered(record.zone.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_event_reads_back_from_what_is_written() {
        let mut kinds = vec![EventKind::PlaceForgotten, EventKind::Restarted, EventKind::Deleted, EventKind::Gap(7)];
        kinds.extend(ChannelKind::ALL.map(EventKind::TokenGone));
        kinds.push(EventKind::ZoneEntered("partners/acme/zones/shelter".parse().expect("a name")));
        for purpose in Purpose::ALL {
            let policy = PolicyVersion(9);
            kinds.push(EventKind::ConsentGranted(purpose, policy));
            kinds.push(EventKind::ConsentWithdrawn(purpose, policy));
            kinds.push(EventKind::ConsentExpired(purpose, policy));
        }
        for kind in kinds {
            assert_eq!(read_kind(&write_kind(&kind)), Some(kind));
        }
        assert_eq!(read_kind(&EventRecord::default()), None);
    }
}
