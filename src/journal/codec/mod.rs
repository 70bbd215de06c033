//! Entries to the bytes of `hazardcast.storage.v1` and back. Only this translates between them and the domain.
//!
//! What comes back is what went in, but for the order of device lists. Bytes of the disk are read as hostile ones are:
//! what no server would have written is an [`InvalidEntry`].

pub(crate) mod area;
mod bulletin;
mod voice;

use bytes::{Buf, Bytes};
use prost::Message;

use crate::decide::{Bulletin, Noted, TierIndex};
use crate::domain::{
    AlertId, AlertRef, ChannelKind, DeliveryKey, Identifier, LineageId, NoticeKind, Priority, Revision, Sender,
    StateScope, Timestamp,
};
use crate::wire::storage_v1::JournalEntry;
use crate::wire::storage_v1::journal_entry as stored;

use super::InvalidEntry::{Impossible, Malformed, Missing};
use super::devices::{pack, unpack};
use super::{Admitted, Entry, InvalidEntry};

/// The entry's bytes, with their length in front.
pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let event = match entry {
        Entry::Admitted(admitted) => stored::Event::Admitted(stored::Admitted {
            bulletin: Some(bulletin::write(admitted.bulletin.parts())),
            raw: admitted.raw.clone(),
            media_type: admitted.media_type.clone(),
            received_time: Some(write_instant(admitted.received)),
            authority: admitted.authority.clone(),
        }),
        Entry::Noted(noted) => stored::Event::Noted(stored::Noted {
            id: Some(write_alert(&noted.id)),
            supersedes: write_references(&noted.supersedes),
            decide_time: Some(write_instant(noted.at)),
            mode: bulletin::write_mode(noted.mode).into(),
            withdraws: voice::write_events(&noted.withdraws),
            state_scope: noted.state.as_ref().map(|scope| scope.0.to_string()).unwrap_or_default(),
        }),
        Entry::Sent { key, tier, kind, priority, channel, devices } => stored::Event::Sent(stored::Sent {
            key: Some(write_key(*key)),
            tier: u32::from(tier.0),
            priority: *priority as u32,
            channel: channel.name().to_owned(),
            devices: pack(devices.clone()).into(),
            kind: write_kind(*kind).into(),
        }),
        Entry::Acknowledged { key, devices } => stored::Event::Acknowledged(stored::Acknowledged {
            key: Some(write_key(*key)),
            devices: pack(devices.clone()).into(),
        }),
        Entry::Finished { key } => stored::Event::Finished(stored::Finished { key: Some(write_key(*key)) }),
    };
    JournalEntry { event: Some(event) }.encode_length_delimited_to_vec()
}

/// Takes the next entry off the bytes; `None` when there are none left.
pub(super) fn decode_next(bytes: &mut Bytes) -> Result<Option<Entry>, InvalidEntry> {
    if !bytes.has_remaining() {
        return Ok(None);
    }
    let entry = JournalEntry::decode_length_delimited(bytes).map_err(|_| Malformed)?;
    read(entry.event.ok_or(Missing("event"))?).map(Some)
}

fn read(event: stored::Event) -> Result<Entry, InvalidEntry> {
    Ok(match event {
        stored::Event::Admitted(admitted) => Entry::Admitted(Admitted {
            bulletin: Bulletin::remake(bulletin::read(admitted.bulletin.ok_or(Missing("bulletin"))?)?),
            // A copy: the slice would keep the whole frame in memory.
            raw: Bytes::copy_from_slice(&admitted.raw),
            media_type: admitted.media_type,
            received: read_instant(admitted.received_time, "received_time")?,
            authority: admitted.authority,
        }),
        stored::Event::Noted(noted) => Entry::Noted(Noted {
            mode: bulletin::read_mode(noted.mode())?,
            id: read_alert(noted.id, "id")?,
            supersedes: read_references(noted.supersedes)?,
            withdraws: voice::read_events(noted.withdraws),
            state: Some(noted.state_scope).filter(|scope| !scope.is_empty()).map(|scope| StateScope(scope.into())),
            at: read_instant(noted.decide_time, "decide_time")?,
        }),
        stored::Event::Sent(sent) => Entry::Sent {
            key: read_key(sent.key)?,
            tier: TierIndex(u8::try_from(sent.tier).map_err(|_| Impossible("tier"))?),
            kind: read_kind(sent.kind())?,
            priority: read_priority(sent.priority)?,
            channel: read_channel(&sent.channel)?,
            devices: unpack(&sent.devices)?,
        },
        stored::Event::Acknowledged(acknowledged) => {
            Entry::Acknowledged { key: read_key(acknowledged.key)?, devices: unpack(&acknowledged.devices)? }
        }
        stored::Event::Finished(finished) => Entry::Finished { key: read_key(finished.key)? },
    })
}

fn read_priority(number: u32) -> Result<Priority, InvalidEntry> {
    u8::try_from(number).ok().and_then(Priority::from_repr).ok_or(Impossible("priority"))
}

fn write_kind(kind: NoticeKind) -> stored::NoticeKind {
    match kind {
        NoticeKind::Alert => stored::NoticeKind::Alert,
        NoticeKind::Update => stored::NoticeKind::Update,
        NoticeKind::Release => stored::NoticeKind::Release,
    }
}

fn read_kind(kind: stored::NoticeKind) -> Result<NoticeKind, InvalidEntry> {
    match kind {
        stored::NoticeKind::Unspecified => Err(Missing("kind")),
        stored::NoticeKind::Alert => Ok(NoticeKind::Alert),
        stored::NoticeKind::Update => Ok(NoticeKind::Update),
        stored::NoticeKind::Release => Ok(NoticeKind::Release),
    }
}

fn read_channel(name: &str) -> Result<ChannelKind, InvalidEntry> {
    ChannelKind::ALL.into_iter().find(|channel| channel.name() == name).ok_or(Impossible("channel"))
}

fn write_key(key: DeliveryKey) -> stored::Key {
    stored::Key { lineage: key.lineage.0, revision: key.revision.0 }
}

fn read_key(key: Option<stored::Key>) -> Result<DeliveryKey, InvalidEntry> {
    let key = key.ok_or(Missing("key"))?;
    Ok(DeliveryKey { lineage: LineageId(key.lineage), revision: Revision(key.revision) })
}

fn write_instant(instant: Timestamp) -> stored::Instant {
    stored::Instant { seconds: instant.as_second(), nanos: instant.subsec_nanosecond() }
}

fn read_instant(instant: Option<stored::Instant>, field: &'static str) -> Result<Timestamp, InvalidEntry> {
    let instant = instant.ok_or(Missing(field))?;
    Timestamp::new(instant.seconds, instant.nanos).map_err(|_| Impossible(field))
}

fn read_optional_instant(
    instant: Option<stored::Instant>,
    field: &'static str,
) -> Result<Option<Timestamp>, InvalidEntry> {
    instant.map(|instant| read_instant(Some(instant), field)).transpose()
}

fn write_alert(id: &AlertId) -> stored::AlertId {
    stored::AlertId {
        sender: id.sender.as_str().to_owned(),
        identifier: id.identifier.as_str().to_owned(),
        sent_time: Some(write_instant(id.sent)),
    }
}

fn read_alert(id: Option<stored::AlertId>, field: &'static str) -> Result<AlertId, InvalidEntry> {
    let id = id.ok_or(Missing(field))?;
    Ok(AlertId {
        sender: Sender::new(&id.sender).map_err(|_| Impossible("sender"))?,
        identifier: Identifier::new(&id.identifier).map_err(|_| Impossible("identifier"))?,
        sent: read_instant(id.sent_time, "sent_time")?,
    })
}

fn write_references(references: &[AlertRef]) -> Vec<stored::AlertId> {
    references.iter().map(|reference| write_alert(&reference.id)).collect()
}

fn read_references(references: Vec<stored::AlertId>) -> Result<Vec<AlertRef>, InvalidEntry> {
    references.into_iter().map(|id| Ok(AlertRef { id: read_alert(Some(id), "supersedes")? })).collect()
}
