//! What a device has had, and what it therefore shows. Pure.
//!
//! A server tells at least once: after a crash, or when an acknowledgement was lost, the same notice comes again under
//! the same key. The device makes it exactly once (R-E5).

use std::collections::HashMap;

use crate::domain::{DeliveryKey, LineageId, NoticeKind, Priority, Revision, Timestamp};
use crate::wire::convert::{frame, terms, time};
use crate::wire::v1;

/// What becomes of a notice on the device. Whatever it is, the notice is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The person is told, with sound.
    Sounded,
    /// The text is replaced, without sound: it is no more pressing than what is shown.
    Revised,
    /// What was shown is taken back: it is over.
    Released,
    /// Had before, under this key or a later revision; or over by the server's clock; or a release of what is not
    /// shown.
    Dropped,
}

/// How many alerts a device remembers. Beyond that the ones that ended first are forgotten.
const REMEMBERED: usize = 1_024;

/// What a device has had, by lineage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    lineages: HashMap<LineageId, Had>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Had {
    revision: Revision,
    /// The priority that is shown; `None` when it was taken back.
    shown: Option<Priority>,
    expires: Timestamp,
}

impl Had {
    /// The priority that is shown at `now`: what is over has gone by itself.
    fn shown_at(self, now: Timestamp) -> Option<Priority> {
        self.shown.filter(|_| self.expires > now)
    }
}

/// What of a notice decides about what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names it.
    pub key: DeliveryKey,
    /// Alerts that it takes over.
    pub replaces: Vec<LineageId>,
    /// Alert, update or release.
    pub kind: NoticeKind,
    /// How pressing.
    pub priority: Priority,
    /// When it ends.
    pub expires: Timestamp,
}

impl Delivery {
    /// What the notice says; `None` if it lacks what decides, or says what is not known.
    pub fn of(notice: &v1::Notice) -> Option<Self> {
        Some(Self {
            key: terms::key_from_wire(notice.key?),
            replaces: notice.replaces.iter().copied().map(LineageId).collect(),
            kind: terms::notice_kind::from_wire(notice.kind)?,
            priority: terms::priority::from_wire(notice.priority)?,
            expires: time::required(notice.expire_time, "expire_time").ok()?,
        })
    }
}

/// Later than any revision: an alert that another has taken over.
const TAKEN_OVER: Revision = Revision(u32::MAX);

impl Seen {
    /// Decides what becomes of a notice at `now` by the server's clock, and remembers it.
    pub fn take(&mut self, delivery: &Delivery, now: Timestamp) -> Shown {
        let &Delivery { key, kind, priority, expires, .. } = delivery;
        let had = self.lineages.get(&key.lineage).copied();
        if had.is_some_and(|had| had.revision > key.revision) {
            return Shown::Dropped;
        }
        let same = had.is_some_and(|had| had.revision == key.revision);
        let replaced = delivery.replaces.iter().filter_map(|lineage| self.take_over(*lineage, expires, now)).max();
        let before = had.and_then(|had| had.shown_at(now)).max(replaced);
        let raised = before.is_none_or(|shown| priority > shown);
        let (shown, outcome) = match kind {
            NoticeKind::Release if before.is_some() => (None, Shown::Released),
            NoticeKind::Release => (None, Shown::Dropped),
            _ if expires <= now => (before, Shown::Dropped),
            _ if raised => (Some(priority), Shown::Sounded),
            // The same revision again sounds only where it is more pressing: the device has moved into a worse area.
            _ if same => (before, Shown::Dropped),
            _ => (Some(priority), Shown::Revised),
        };
        // What is left as it is ends when it would have.
        let expires = had.filter(|_| outcome == Shown::Dropped).map_or(expires, |had| had.expires);
        self.lineages.insert(key.lineage, Had { revision: key.revision, shown, expires });
        self.forget_oldest();
        outcome
    }

    /// What is shown of an alert that another takes over; nothing of it is shown any more.
    fn take_over(&mut self, lineage: LineageId, expires: Timestamp, now: Timestamp) -> Option<Priority> {
        let had = self.lineages.insert(lineage, Had { revision: TAKEN_OVER, shown: None, expires });
        had.and_then(|had| had.shown_at(now))
    }

    /// The newest key of each alert of which something is shown at `now`, those that end last first: what a hello says.
    pub fn keys_shown(&self, now: Timestamp) -> Vec<DeliveryKey> {
        let shown = self.lineages.iter().filter(|(_, had)| had.shown_at(now).is_some());
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable_by_key(|(lineage, had)| std::cmp::Reverse((had.expires, **lineage)));
        let key = |(&lineage, had): (&LineageId, &Had)| DeliveryKey { lineage, revision: had.revision };
        shown.into_iter().map(key).take(frame::MAX_KEYS).collect()
    }

    /// The priority that is shown of an alert at `now`, if anything is.
    pub fn shown(&self, lineage: LineageId, now: Timestamp) -> Option<Priority> {
        self.lineages.get(&lineage).and_then(|had| had.shown_at(now))
    }

    /// How many alerts are remembered.
    pub fn len(&self) -> usize {
        self.lineages.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.lineages.is_empty()
    }

    /// The bytes to keep over a restart: a version, a count, 26 bytes for each alert, and a CRC-32 of it all.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend((self.lineages.len() as u32).to_be_bytes());
        let mut lineages: Vec<_> = self.lineages.iter().collect();
        lineages.sort_unstable_by_key(|(lineage, _)| **lineage);
        for (lineage, had) in lineages {
            bytes.extend(lineage.0.to_be_bytes());
            bytes.extend(had.revision.0.to_be_bytes());
            bytes.push(had.shown.map_or(0, |shown| shown as u8 + 1));
            bytes.extend(had.expires.as_microsecond().to_be_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    /// Reads back what [`Self::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(body).to_be_bytes() != *sum {
            return None;
        }
        let (&version, rest) = body.split_first()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let count = u32::from_be_bytes(*count) as usize;
        if version != VERSION || count > REMEMBERED || rest.len() != count * RECORD {
            return None;
        }
        let lineages = rest.chunks_exact(RECORD).map(read).collect::<Option<_>>()?;
        Some(Self { lineages })
    }

    fn forget_oldest(&mut self) {
        if self.lineages.len() > REMEMBERED
            && let Some(oldest) = self.lineages.iter().min_by_key(|(_, had)| had.expires).map(|(lineage, _)| *lineage)
        {
            self.lineages.remove(&oldest);
        }
    }
}

const VERSION: u8 = 1;
const RECORD: usize = 21;

fn read(record: &[u8]) -> Option<(LineageId, Had)> {
    let (lineage, rest) = record.split_first_chunk::<8>()?;
    let (revision, rest) = rest.split_first_chunk::<4>()?;
    let (&shown, rest) = rest.split_first()?;
    let expires = i64::from_be_bytes(rest.try_into().ok()?);
    let shown = match shown {
        0 => None,
        number => Some(Priority::from_repr(number - 1)?),
    };
    let had = Had {
        revision: Revision(u32::from_be_bytes(*revision)),
        shown,
        expires: Timestamp::from_microsecond(expires).ok()?,
    };
    Some((LineageId(u64::from_be_bytes(*lineage)), had))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const LATER: Timestamp = Timestamp::constant(2_000_000_000, 0);
    const NOW: Timestamp = Timestamp::constant(1_900_000_000, 0);

    fn key(revision: u32) -> DeliveryKey {
        DeliveryKey { lineage: LineageId(5), revision: Revision(revision) }
    }

    fn delivery(revision: u32, kind: NoticeKind, priority: Priority) -> Delivery {
        Delivery { key: key(revision), replaces: Vec::new(), kind, priority, expires: LATER }
    }

    fn any_delivery() -> impl Strategy<Value = (u32, NoticeKind, Priority)> {
        let kinds = prop::sample::select(vec![NoticeKind::Alert, NoticeKind::Update, NoticeKind::Release]);
        (1..6_u32, kinds, prop::sample::select(&Priority::ALL[..]))
    }

    proptest! {
        #[test]
        fn however_often_and_in_whatever_order_no_key_is_shown_twice_alike(
            deliveries in prop::collection::vec(any_delivery(), 0..40),
        ) {
            let mut seen = Seen::default();
            let mut shown = HashSet::new();
            let mut newest = 0;
            for (revision, kind, priority) in deliveries {
                let outcome = seen.take(&delivery(revision, kind, priority), NOW);
                if outcome == Shown::Dropped {
                    continue;
                }
                prop_assert!(revision >= newest, "nothing older follows");
                newest = revision;
                if outcome == Shown::Revised {
                    prop_assert!(shown.insert(revision), "a text is revised once a revision");
                }
            }
        }

        #[test]
        fn a_repeat_is_dropped(deliveries in prop::collection::vec(any_delivery(), 1..20)) {
            let mut seen = Seen::default();
            for (revision, kind, priority) in deliveries {
                let delivery = delivery(revision, kind, priority);
                seen.take(&delivery, NOW);
                prop_assert_eq!(seen.take(&delivery, NOW), Shown::Dropped);
            }
        }

        #[test]
        fn it_is_kept_over_a_restart(
            deliveries in prop::collection::vec((any::<u64>(), any_delivery()), 0..30),
            cut in any::<u16>(),
        ) {
            let mut seen = Seen::default();
            for (lineage, (revision, kind, priority)) in deliveries {
                let key = DeliveryKey { lineage: LineageId(lineage), revision: Revision(revision) };
                seen.take(&Delivery { key, ..delivery(revision, kind, priority) }, NOW);
            }
            let bytes = seen.to_bytes();
            prop_assert_eq!(Seen::from_bytes(&bytes), Some(seen));
            let cut = usize::from(cut) % bytes.len();
            prop_assert_eq!(Seen::from_bytes(&bytes[..cut]), None);
        }
    }

    #[test]
    fn an_update_sounds_only_where_it_is_worse_and_an_alert_after_a_release_anew() {
        let mut seen = Seen::default();
        let mut take = |revision, kind, priority| seen.take(&delivery(revision, kind, priority), NOW);
        assert_eq!(take(1, NoticeKind::Alert, Priority::Warning), Shown::Sounded);
        assert_eq!(take(2, NoticeKind::Update, Priority::Warning), Shown::Revised);
        assert_eq!(take(3, NoticeKind::Alert, Priority::LifeThreat), Shown::Sounded);
        assert_eq!(take(4, NoticeKind::Release, Priority::Information), Shown::Released);
        assert_eq!(take(4, NoticeKind::Release, Priority::Information), Shown::Dropped);
        assert_eq!(take(5, NoticeKind::Alert, Priority::Advisory), Shown::Sounded);
    }

    #[test]
    fn what_is_over_or_was_never_shown_is_not_shown() {
        let mut seen = Seen::default();
        let over = Delivery { expires: NOW, ..delivery(1, NoticeKind::Alert, Priority::LifeThreat) };
        assert_eq!(seen.take(&over, NOW), Shown::Dropped);
        assert_eq!(seen.take(&delivery(2, NoticeKind::Release, Priority::Information), NOW), Shown::Dropped);
    }

    #[test]
    fn what_was_lowered_sounds_when_it_rises_again_and_so_does_what_had_gone_by_itself() {
        let mut seen = Seen::default();
        assert_eq!(seen.take(&delivery(1, NoticeKind::Alert, Priority::LifeThreat), NOW), Shown::Sounded);
        assert_eq!(seen.take(&delivery(2, NoticeKind::Update, Priority::Advisory), NOW), Shown::Revised);
        assert_eq!(seen.take(&delivery(3, NoticeKind::Alert, Priority::LifeThreat), NOW), Shown::Sounded);
        let longer = Delivery { expires: Timestamp::MAX, ..delivery(4, NoticeKind::Update, Priority::LifeThreat) };
        assert_eq!(seen.take(&longer, LATER), Shown::Sounded);
    }

    #[test]
    fn an_alert_that_takes_over_another_goes_on_with_what_is_shown_of_it() {
        let other = Delivery {
            key: DeliveryKey { lineage: LineageId(4), revision: Revision::FIRST },
            ..delivery(1, NoticeKind::Alert, Priority::Warning)
        };
        let joined = |kind, priority| Delivery { replaces: vec![LineageId(4)], ..delivery(2, kind, priority) };
        for (kind, priority, shown) in [
            (NoticeKind::Update, Priority::Warning, Shown::Revised),
            (NoticeKind::Alert, Priority::LifeThreat, Shown::Sounded),
            (NoticeKind::Release, Priority::Information, Shown::Released),
        ] {
            let mut seen = Seen::default();
            assert_eq!(seen.take(&other, NOW), Shown::Sounded);
            assert_eq!(seen.take(&joined(kind, priority), NOW), shown);
            assert_eq!(seen.take(&joined(kind, priority), NOW), Shown::Dropped);
            let late = Delivery { priority: Priority::LifeThreat, ..other.clone() };
            assert_eq!(seen.take(&late, NOW), Shown::Dropped, "it was taken over");
        }
    }

    #[test]
    fn a_device_remembers_a_bounded_number_of_alerts() {
        let mut seen = Seen::default();
        for lineage in 0..2_000 {
            let key = DeliveryKey { lineage: LineageId(lineage), revision: Revision::FIRST };
            seen.take(&Delivery { key, ..delivery(1, NoticeKind::Alert, Priority::Warning) }, NOW);
        }
        assert_eq!(seen.len(), REMEMBERED);
    }
}
