//! How much callers may ask.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::Principal;
use crate::listen::{Network, over_ten_seconds};

/// How much callers may ask, by kind; `None`: as much as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Each credential of a partner.
    pub partner: Option<Allowance>,
    /// Each credential of an authority.
    pub authority: Option<Allowance>,
    /// Each credential of an operator.
    pub operator: Option<Allowance>,
    /// Links opened a second from one network, whether or not their devices prove to be theirs, and other calls that
    /// need no credential.
    pub links_of_one_network: Option<NonZeroU32>,
    /// Wrong proofs a minute from one network, before each further one costs its peer the connection.
    pub failures_of_one_network: Option<NonZeroU32>,
}

/// How much one credential may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls a second, on average over ten seconds; a stream is one call. `None`: as many as it likes.
    pub calls: Option<NonZeroU32>,
    /// Calls and streams that are open at a time.
    pub open: usize,
}

impl Limits {
    /// What a credential that stands for `principal` may ask.
    pub(super) fn of(&self, principal: &Principal) -> Option<Allowance> {
        match principal {
            Principal::Partner(_) => self.partner,
            Principal::Authority { .. } => self.authority,
            Principal::Operator(_) | Principal::Bootstrap => self.operator,
        }
    }
}

impl Allowance {
    pub(super) fn quota(self) -> Option<Quota> {
        self.calls.map(over_ten_seconds)
    }
}

/// What has come from each network of late.
pub(super) struct Networks {
    links: Option<DefaultKeyedRateLimiter<Network>>,
    failures: Option<DefaultKeyedRateLimiter<Network>>,
}

impl Networks {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            links: limits.links_of_one_network.map(over_ten_seconds).map(RateLimiter::keyed),
            failures: limits.failures_of_one_network.map(Quota::per_minute).map(RateLimiter::keyed),
        }
    }

    pub(super) fn may_call_unknown(&self, network: Network) -> bool {
        may(self.links.as_ref(), network)
    }

    pub(super) fn may_fail(&self, network: Network) -> bool {
        may(self.failures.as_ref(), network)
    }

    /// Forgets networks that are at rest.
    pub(super) fn tidy(&self) {
        for limiter in [&self.links, &self.failures].into_iter().flatten() {
            limiter.retain_recent();
        }
    }
}

fn may(limiter: Option<&DefaultKeyedRateLimiter<Network>>, network: Network) -> bool {
    limiter.is_none_or(|limiter| limiter.check_key(&network).is_ok())
}
