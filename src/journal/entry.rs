//! What the journal keeps.

use bytes::Bytes;

use crate::decide::{Bulletin, Noted, TierIndex};
use crate::domain::{ChannelKind, DeliveryKey, DeviceSlot, NoticeKind, Priority, Timestamp};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A bulletin was admitted.
    Admitted(Admitted),
    /// An alert was decided on and not sent.
    Noted(Noted),
    /// Devices were told.
    Sent {
        /// Of which bulletin.
        key: DeliveryKey,
        /// In which of its tiers.
        tier: TierIndex,
        /// What they were told.
        kind: NoticeKind,
        /// How pressing what they were told is.
        priority: Priority,
        /// By which channel.
        channel: ChannelKind,
        /// Which; the journal gives them back ascending and each once.
        devices: Vec<DeviceSlot>,
    },
    /// Devices have what they were told.
    Acknowledged {
        /// Of which bulletin.
        key: DeliveryKey,
        /// Which; the journal gives them back ascending and each once.
        devices: Vec<DeviceSlot>,
    },
    /// The sweep of a bulletin is complete: all who were to be told were handed to lanes.
    Finished {
        /// Of which bulletin.
        key: DeliveryKey,
    },
}

/// A bulletin that was admitted, and what it was made of.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The bulletin.
    pub bulletin: Bulletin,
    /// The message as it came in.
    pub raw: Bytes,
    /// Its media type.
    pub media_type: String,
    /// When it came in.
    pub received: Timestamp,
    /// The authority that it was admitted from, by its name in this server.
    pub authority: String,
}
