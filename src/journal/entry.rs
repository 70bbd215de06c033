//! What the journal keeps.

use bytes::Bytes;

use crate::decide::{Bulletin, HeldId, Holding, Noted, Settlement, TierIndex};
use crate::domain::{Actor, ChannelKind, DeliveryKey, DeviceSlot, NoticeKind, Priority, Timestamp};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A bulletin was admitted.
    Admitted(Admitted),
    /// An alert was decided on and not sent.
    Noted(Noted),
    /// An alert waits for a person.
    Held(Held),
    /// An alert waits for a person no more.
    Settled(Settled),
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

/// An alert that waits for a person, and what it is made of.
#[derive(Debug, Clone)]
pub struct Held {
    /// What is known of it.
    pub holding: Holding,
    /// The message as it came in; it is read again after a restart.
    pub raw: Bytes,
    /// Its media type.
    pub media_type: String,
    /// When it came in.
    pub received: Timestamp,
}

/// How the wait of an alert ended. Of one that was sent the bulletin stands before this.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Which.
    pub id: HeldId,
    /// How.
    pub settlement: Settlement,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}
