//! Events, and what sources say of them, to messages and back.

use crate::decide::{Content, TierIndex, Voice};
use crate::domain::{AlertId, EventKey};
use crate::wire::storage_v1::journal_entry as stored;

use super::super::InvalidEntry::{self, Impossible};
use super::bulletin::{read_source, write_source};
use super::{read_alert, write_alert};

pub(super) fn write_events(events: &[EventKey]) -> Vec<stored::EventName> {
    let write = |event: &EventKey| stored::EventName {
        scheme: event.scheme.to_string(),
        key: event.key.to_string(),
        serial: event.serial,
    };
    events.iter().map(write).collect()
}

pub(super) fn read_events(events: Vec<stored::EventName>) -> Vec<EventKey> {
    let read = |event: stored::EventName| EventKey {
        scheme: event.scheme.into(),
        key: event.key.into(),
        serial: event.serial,
    };
    events.into_iter().map(read).collect()
}

pub(super) fn write_voice(voice: &Voice) -> stored::Voice {
    stored::Voice {
        alert: Some(write_alert(&voice.alert)),
        series: voice.series.to_string(),
        serial: voice.serial,
        names: write_events(&voice.names),
        earthquake: voice.earthquake.as_ref().map(write_source),
        tiers: voice.tiers.iter().map(|tier| u32::from(tier.0)).collect(),
    }
}

/// The voices of a bulletin; of a warning that was written before there were any, the sender's own.
pub(super) fn read_voices(
    voices: Vec<stored::Voice>,
    alert: &AlertId,
    content: &Content,
) -> Result<Vec<Voice>, InvalidEntry> {
    match content {
        Content::Warn(tiers) if voices.is_empty() => Ok(vec![Voice::alone(alert.clone(), tiers.len())]),
        Content::Warn(tiers) => voices.into_iter().map(|voice| read_voice(voice, tiers.len())).collect(),
        Content::Cancel(_) if voices.is_empty() => Ok(Vec::new()),
        Content::Cancel(_) => Err(Impossible("voices")),
    }
}

fn read_voice(voice: stored::Voice, tiers: usize) -> Result<Voice, InvalidEntry> {
    let read_tier = |tier: u32| {
        let position = u8::try_from(tier).ok().filter(|position| usize::from(*position) < tiers);
        position.map(TierIndex).ok_or(Impossible("voices.tiers"))
    };
    Ok(Voice {
        alert: read_alert(voice.alert, "voices.alert")?,
        series: voice.series.into(),
        serial: voice.serial,
        names: read_events(voice.names),
        earthquake: voice.earthquake.map(read_source).transpose()?,
        tiers: voice.tiers.into_iter().map(read_tier).collect::<Result<_, _>>()?,
    })
}
