//! The rule for what may be in the index of places.

use crate::domain::Timestamp;
use crate::plan::{EPOCH, Grant};

/// Whether a grant counts at `now` (R-P1: only an unexpired one does). A row keeps whole seconds, rounded down, so a
/// grant may end up to a second early and never late.
pub(super) fn is_valid(grant: Grant, now: Timestamp) -> bool {
    // Never granted is not "until the epoch": a server's clock may be set to before it, to send alerts of the past.
    grant.until == u32::MAX || (grant.until != 0 && now.as_second() - EPOCH < i64::from(grant.until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PolicyVersion;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_grant_counts_until_it_expires_and_none_never_does() {
        let grant = Grant::until(PolicyVersion(1), Some(at(EPOCH + 100)));
        assert!(is_valid(grant, at(EPOCH + 99)));
        assert!(!is_valid(grant, at(EPOCH + 100)));
        assert!(is_valid(Grant::until(PolicyVersion(1), None), at(EPOCH + i64::from(u32::MAX))));
        assert!(!is_valid(Grant::default(), at(EPOCH - 100)));
    }
}
