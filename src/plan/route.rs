//! Which way a notice goes.

use crate::domain::{ChannelKind, Timestamp};

use super::{Facts, Policy, Situation, Skipped};

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
/// address for, that has a lane, and that is in the region or agreed to. If there is no way now, why.
#[inline]
pub(super) fn route(facts: &Facts, situation: Situation, policy: Policy, now: Timestamp) -> Result<RouteId, Skipped> {
    if situation.linked {
        return Ok(RouteId::first(ChannelKind::Link));
    }
    let withheld = withheld(facts, situation, policy, now);
    match open(facts, policy) & !withheld {
        0 if withheld == 0 => Err(Skipped::NoRoute),
        0 => Err(Skipped::NoCrossBorderConsent),
        ways => Ok(RouteId(ways.trailing_zeros() as u8)),
    }
}

/// The channels abroad that it could be reached by, if there is no consent to that which counts.
#[inline]
pub(super) fn withheld(facts: &Facts, situation: Situation, policy: Policy, now: Timestamp) -> u16 {
    let abroad = open(facts, policy) & policy.abroad;
    if abroad == 0 || situation.cross_border.counts(policy.oldest_valid, now) { 0 } else { abroad }
}

fn open(facts: &Facts, policy: Policy) -> u16 {
    facts.channels & policy.channels & !ChannelKind::Link.bit()
}
