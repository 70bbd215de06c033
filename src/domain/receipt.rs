//! What became of one send.

use std::time::Duration;

use compact_str::CompactString;

use super::Timestamp;

/// A way to reach a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKind {
    /// The device's own long-lived link.
    Link,
    /// Hands nothing to anybody and counts it: benches and tests.
    Null,
    /// Apple Push Notification service.
    Apns,
    /// Firebase Cloud Messaging.
    Fcm,
    /// Huawei Push Kit.
    Huawei,
    /// Honor Push.
    Honor,
    /// Xiaomi Push.
    Xiaomi,
    /// OPPO Push.
    Oppo,
    /// vivo Push.
    Vivo,
    /// Meizu Push.
    Meizu,
    /// Web Push (RFC 8030).
    WebPush,
}

impl ChannelKind {
    /// Every channel, in the order of their bits in a row of facts.
    pub const ALL: [Self; 11] = [
        Self::Link,
        Self::Null,
        Self::Apns,
        Self::Fcm,
        Self::Huawei,
        Self::Honor,
        Self::Xiaomi,
        Self::Oppo,
        Self::Vivo,
        Self::Meizu,
        Self::WebPush,
    ];

    /// The channel's bit in a row of facts.
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Lower-case name, as metrics and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Null => "null",
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::Huawei => "huawei",
            Self::Honor => "honor",
            Self::Xiaomi => "xiaomi",
            Self::Oppo => "oppo",
            Self::Vivo => "vivo",
            Self::Meizu => "meizu",
            Self::WebPush => "web_push",
        }
    }
}

/// A vendor's own name of an accepted message, for joining its receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorId(pub CompactString);

/// What a throttling answer speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This endpoint only.
    Endpoint,
    /// The account.
    Account,
    /// The whole lane.
    Lane,
}

/// Why a channel refused what we sent: ours to fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub CompactString);

/// What became of one endpoint of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The channel has taken it.
    Accepted {
        /// The vendor's name of the message, where it gives one.
        vendor_id: Option<VendorId>,
    },
    /// The endpoint is forgotten (R-B4), if this lane also had successes.
    Gone,
    /// Good, but blocked now: keep it, take the next leg.
    Asleep,
    /// Too fast: wait, then send again.
    Throttled {
        /// What has to wait.
        scope: Scope,
        /// How long, when the vendor says.
        after: Option<Duration>,
    },
    /// A quota is used up: take the next leg.
    Exhausted {
        /// When the quota is renewed.
        until: Timestamp,
    },
    /// A passing failure.
    Retry {
        /// How long to wait, when the vendor says.
        after: Option<Duration>,
    },
    /// Written, never answered: retry only with the same collapse id.
    Unknown,
    /// Ours to fix: the operator is told, the endpoint stays, the next leg is taken.
    Refused(Fault),
}

/// How far a device has come in one fan-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Milestone {
    /// Handed to a lane.
    Planned,
    /// Written to the device's link, or accepted by a vendor.
    Sent,
    /// Acknowledged by the device, or by the vendor's receipt.
    Acknowledged,
    /// The channel did not take it: the next leg is tried, or the device is told when its link opens.
    Failed,
}
