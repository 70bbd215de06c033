//! Which way a notice goes.

use crate::domain::ChannelKind;

use super::{Facts, Policy, Situation};

/// A way to a registration, as the hot path carries it: one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(u8);

impl RouteId {
    /// The route whose first leg is `channel`.
    pub const fn first(channel: ChannelKind) -> Self {
        Self(channel as u8)
    }

    /// The channel of the first leg.
    pub fn channel(self) -> ChannelKind {
        ChannelKind::ALL[usize::from(self.0)]
    }
}

/// The live link first; else the first channel, in the order of [`ChannelKind::ALL`], that the registration has an
/// address for and that has a lane. `None` where there is no way now.
pub(super) fn route(facts: &Facts, situation: Situation, policy: Policy) -> Option<RouteId> {
    if situation.linked {
        return Some(RouteId::first(ChannelKind::Link));
    }
    let open = facts.channels & policy.channels & !ChannelKind::Link.bit();
    (open != 0).then(|| RouteId(open.trailing_zeros() as u8))
}
