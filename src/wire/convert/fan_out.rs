//! Counts of fan-outs and names of alerts. What is counted is told by [`crate::ledger`]; this file knows only domain
//! terms.

use crate::domain::{ChannelKind, DeliveryKey, LineageId, Revision};
use crate::wire::v1;

use super::{InvalidField, terms};

/// `alerts/{lineage}`.
pub fn alert_name(lineage: LineageId) -> String {
    format!("alerts/{lineage}")
}

/// Reads `alerts/{lineage}`.
pub fn alert_from_name(name: &str) -> Result<LineageId, InvalidField> {
    let lineage = name.strip_prefix("alerts/").and_then(|lineage| lineage.parse().ok());
    lineage.ok_or_else(|| InvalidField::new("name", "must be alerts/{lineage}"))
}

/// `fanOuts/{lineage}.{revision}`.
pub fn fan_out_name(key: DeliveryKey) -> String {
    format!("fanOuts/{key}")
}

/// Reads `fanOuts/{lineage}.{revision}`.
pub fn key_from_name(name: &str) -> Result<DeliveryKey, InvalidField> {
    let read = || {
        let (lineage, revision) = name.strip_prefix("fanOuts/")?.split_once('.')?;
        Some(DeliveryKey { lineage: lineage.parse().ok()?, revision: Revision(revision.parse().ok()?) })
    };
    read().ok_or_else(|| InvalidField::new("name", "must be fanOuts/{lineage}.{revision}"))
}

/// A count by channel.
pub fn channel_count(channel: ChannelKind, count: u64) -> v1::ChannelCount {
    v1::ChannelCount { channel: terms::channel::to_wire(channel).into(), count: count.cast_signed() }
}

/// A count by reason.
pub fn skip_count(reason: &str, count: u64) -> v1::SkipCount {
    v1::SkipCount { reason: reason.to_owned(), count: count.cast_signed() }
}
