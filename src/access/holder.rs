//! Whoever holds a credential, while the server runs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::domain::{Caller, Credential, Proof, Timestamp};

use super::{Allowance, Denied, Limits};

/// A credential in use: what it has asked of late, what it has open, and whether it still holds.
pub struct Holder {
    /// As it was when it was loaded or made.
    pub(super) credential: Credential,
    caller: Arc<Caller>,
    revoked: OnceLock<Timestamp>,
    ended: CancellationToken,
    calls: Option<DefaultDirectRateLimiter>,
    open: Option<Arc<Semaphore>>,
    /// Unix seconds of the last use; none is the least there is.
    used: AtomicI64,
}

/// A holder asks too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Too many calls of late.
    Calls {
        /// When the next may come.
        after: Duration,
    },
    /// Too many calls and streams at a time.
    Open,
}

/// A call that a holder has open.
#[derive(Debug)]
pub struct Open {
    _permit: Option<OwnedSemaphorePermit>,
}

const NEVER: i64 = i64::MIN;

impl Holder {
    pub(super) fn new(credential: Credential, limits: &Limits) -> Self {
        let allowance = limits.of(&credential.principal);
        let revoked = OnceLock::new();
        let ended = CancellationToken::new();
        if let Some(at) = credential.revoked {
            revoked.get_or_init(|| at);
            ended.cancel();
        }
        Self {
            caller: Arc::new(Caller::Known { credential: credential.id, principal: credential.principal.clone() }),
            calls: allowance.and_then(Allowance::quota).map(RateLimiter::direct),
            open: allowance.map(|allowance| Arc::new(Semaphore::new(allowance.open))),
            used: AtomicI64::new(NEVER),
            credential,
            revoked,
            ended,
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Cancelled when the credential is over: whatever it has open ends then.
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Counts one more call, which is open until the answer is dropped.
    pub fn admit(&self) -> Result<Open, Limited> {
        if let Some(calls) = &self.calls
            && let Err(until) = calls.check()
        {
            return Err(Limited::Calls { after: until.wait_time_from(DefaultClock::default().now()) });
        }
        let permit = self.open.as_ref().map(|open| Arc::clone(open).try_acquire_owned()).transpose();
        permit.map(|permit| Open { _permit: permit }).map_err(|_| Limited::Open)
    }

    /// The credential as it is now.
    pub fn credential(&self) -> Credential {
        let used = Timestamp::from_second(self.used.load(Ordering::Relaxed)).ok();
        Credential { revoked: self.revoked.get().copied(), used, ..self.credential.clone() }
    }

    /// What was kept of its token, if that is its proof.
    pub(super) fn token_sha256(&self) -> Option<&[u8; 32]> {
        match &self.credential.proof {
            Proof::Token { sha256 } => Some(sha256),
            Proof::Certificate(_) | Proof::CertificateUri(_) => None,
        }
    }

    /// Why it does not hold any more, if so.
    pub(super) fn over(&self, now: Timestamp) -> Option<Denied> {
        if self.revoked.get().is_some() {
            Some(Denied::Revoked)
        } else if self.credential.expires <= now {
            Some(Denied::Expired)
        } else {
            None
        }
    }

    /// Whether it is to be kept: it holds, or has until not long ago.
    pub(super) fn is_shown(&self, now: Timestamp) -> bool {
        let over = self.revoked.get().copied().unwrap_or(self.credential.expires).min(self.credential.expires);
        now.duration_since(over) < super::SHOWN_AFTER
    }

    pub(super) fn seen(&self, now: Timestamp) {
        self.used.store(now.as_second(), Ordering::Relaxed);
    }

    pub(super) fn revoke(&self, now: Timestamp) {
        self.revoked.get_or_init(|| now);
        self.end();
    }

    pub(super) fn end(&self) {
        self.ended.cancel();
    }
}
