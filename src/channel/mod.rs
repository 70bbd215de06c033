//! Ways out. A lane ([`crate::fan_out`]) is one [`Channel`] with one account; it hands the channel [`Parcel`]s of equal
//! content and gets an [`Outcome`] for each endpoint, in order.
//!
//! A channel knows nothing of alerts in force, consent or reach: that was settled by the lane's last look.

mod drill;
mod fit;
mod link;
mod null;
mod render;

use std::future::Future;
use std::sync::Arc;

use crate::domain::{ChannelKind, DeviceSlot, EncodedNotice, Notice, Outcome, Slot, Token};

pub use fit::{TextLimits, fit};
pub use link::LinkChannel;
pub use null::{NullChannel, NullRecord};
pub use render::{Told, told};

/// One address to send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose it is.
    pub slot: Slot,
    /// The device that the registration is on: who counts as told.
    pub device: DeviceSlot,
    /// Its address at the vendor; a link needs none.
    pub token: Option<Token>,
}

/// What is the same for all who get it: made once for each language, tier and kind, and shared.
#[derive(Debug)]
pub struct Content {
    /// The notice, for channels that make their own form of it.
    pub notice: Notice,
    /// The notice as a link carries it.
    pub encoded: EncodedNotice,
}

/// Endpoints of one channel that get equal content: 1 to [`Channel::BATCH`].
#[derive(Debug)]
pub struct Parcel {
    /// What is sent.
    pub content: Arc<Content>,
    /// To whom.
    pub endpoints: Vec<Endpoint>,
}

/// A way out.
pub trait Channel: Send + Sync + 'static {
    /// Which.
    const KIND: ChannelKind;
    /// The most endpoints in a parcel.
    const BATCH: usize;
    /// Whether endpoints need a token.
    const NEEDS_TOKEN: bool;

    /// Sends the parcel; one outcome for each endpoint, in order.
    fn send(&self, parcel: &Parcel) -> impl Future<Output = Vec<Outcome>> + Send;
}
