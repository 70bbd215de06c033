//! What goes over a link, whatever wire carries it.

use std::time::Duration;

use bytes::Bytes;

use super::{DeliveryKey, Private, RegistrationName, Timestamp};

/// From the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFrame {
    /// First of all: who this is, and proof of it.
    Hello {
        /// The registration whose link this is.
        registration: RegistrationName,
        /// The link secret that registering gave.
        secret: LinkSecret,
        /// The newest key of each alert that the device shows.
        shown: Vec<DeliveryKey>,
    },
    /// The device is there. Answered with the server's time.
    Heartbeat,
    /// Notices that the device has; they are not sent again.
    Acknowledge {
        /// Their keys.
        keys: Vec<DeliveryKey>,
        /// Whether the person was shown them, or the device only holds them.
        presented: bool,
    },
    /// The device leaves on its own accord.
    Goodbye,
}

/// To the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The link is open.
    Welcome {
        /// The server's time, from which the device works out its clock's offset.
        server_time: Timestamp,
        /// How often the device is to send a heartbeat when nothing else goes.
        heartbeat: Duration,
    },
    /// Answer to a heartbeat.
    Heartbeat {
        /// The server's time.
        server_time: Timestamp,
    },
    /// A notice.
    Notice(EncodedNotice),
    /// The server ends the link.
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
        /// How long the device is to wait before it opens the next.
        reconnect_after: Duration,
    },
}

/// A notice in the bytes of the link's wire: encoded once, shared by all links that carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedNotice {
    /// What it is acknowledged by.
    pub key: DeliveryKey,
    /// A whole frame of the wire, without the transport's own framing.
    pub bytes: Bytes,
}

/// Why the server ends a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GoodbyeReason {
    /// The server stops: come back, to whichever server answers.
    Draining,
    /// A newer link of the same registration has taken over.
    Replaced,
    /// The registration or its secret is not known.
    Unauthenticated,
    /// The device broke the protocol.
    ProtocolError,
    /// Nothing was heard for too long, or what was sent was not taken.
    TimedOut,
}

/// What proves that a link belongs to a registration: 256 random bits, given when registering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSecret(pub Private<[u8; 32]>);
