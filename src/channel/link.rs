//! The device's own live link.

use crate::domain::{ChannelKind, Outcome};
use crate::link::{Hub, NotSent};

use super::{Channel, Parcel};

/// Writes a notice's shared bytes to live links. Accepted means: in the link's queue. What a link does not acknowledge
/// is owed to it when it returns, so that nothing is lost with the queue.
#[derive(Debug)]
pub struct LinkChannel {
    hub: Hub,
}

impl LinkChannel {
    /// The links of `hub`.
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }
}

impl Channel for LinkChannel {
    const KIND: ChannelKind = ChannelKind::Link;
    const BATCH: usize = 256;
    const NEEDS_TOKEN: bool = false;

    async fn send(&self, parcel: &Parcel) -> Vec<Outcome> {
        let outcome = |sent: Result<(), NotSent>| match sent {
            Ok(()) => Outcome::Accepted { vendor_id: None },
            // The link is gone, or so slow that it is closed: the device is told when its link is next open.
            Err(NotSent::Absent | NotSent::Full) => Outcome::Asleep,
        };
        parcel.endpoints.iter().map(|to| outcome(self.hub.send(to.slot, &parcel.content.encoded))).collect()
    }
}
