//! How strict verifying is.

use super::form::Form;
use super::{Hash, SignatureFault};
use crate::domain::{SignedDuration, Timestamp};

/// How strict verifying is. The default is for a live server once [`live`](Self::live) is set; without it messages of
/// any age are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// When certificates must be valid; `None`: when the alert says that it was sent.
    pub at: Option<Timestamp>,
    /// What time it is, and how far from it an alert may have been sent. `None`: it does not matter.
    pub live: Option<Live>,
    /// Whether SHA-1 counts: for old files, never for alerts that are sent on.
    pub sha1: bool,
}

/// The present, and how far from it an alert may have been sent.
///
/// Certificates are judged at `sent`, which the signer writes: whoever has the key of one that has expired could write
/// a day on which it was valid. So that they cannot, an alert may be only so old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// What time it is.
    pub now: Timestamp,
    /// How long ago an alert may have been sent: a signed one that is fetched late is taken for so long after its
    /// certificate has expired.
    pub oldest: SignedDuration,
    /// How far in the future it may have been sent, since clocks differ.
    pub earliest: SignedDuration,
}

impl Live {
    /// At an instant: three days back, since warnings are in force for so long and feeds are read late, and ten minutes
    /// ahead.
    pub fn at(now: Timestamp) -> Self {
        Self { now, oldest: SignedDuration::from_hours(72), earliest: SignedDuration::from_mins(10) }
    }
}

impl SignaturePolicy {
    /// For alerts that are sent on.
    pub fn live(now: Timestamp) -> Self {
        Self { live: Some(Live::at(now)), ..Self::default() }
    }

    /// Whether an alert was sent near enough to now.
    pub(super) fn is_timely(&self, sent: Timestamp) -> Result<(), SignatureFault> {
        let Some(live) = self.live else { return Ok(()) };
        let age = live.now.duration_since(sent);
        if age > live.oldest {
            return Err(SignatureFault::TooOld { sent, most: live.oldest.as_hours() });
        }
        if -age > live.earliest { Err(SignatureFault::TooEarly { sent }) } else { Ok(()) }
    }

    /// Whether a signature's algorithms are strong enough.
    pub(super) fn accepts(&self, form: &Form) -> Result<(), SignatureFault> {
        if self.sha1 {
            return Ok(());
        }
        let weak = |part: &str, value: &str| {
            Err(SignatureFault::Weak { field: format!("{}.SignedInfo.{part}", form.field), value: value.to_owned() })
        };
        if form.method.is_weak() {
            return weak("SignatureMethod", form.method.name());
        }
        if form.hash == Hash::Sha1 { weak("Reference.DigestMethod", form.hash.name()) } else { Ok(()) }
    }
}
