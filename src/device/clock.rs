//! The server's time on the device. Pure.

use std::time::Instant;

use crate::domain::{SignedDuration, Timestamp};

/// Tells the server's time from what the server said of it.
///
/// An answer that came within a round trip of `d` places the server's clock to within `d / 2`: taken is the answer's
/// time plus half of the round trip, of the answer with the shortest round trip so far (RFC 5905, section 8, for a
/// symmetric path; its clock filter in section 10 prefers the shortest delay).
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    best: Option<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    server_time: Timestamp,
    round_trip: SignedDuration,
}

/// A sample is believed for this long, since the device's own clock drifts against the server's.
const BELIEVED: SignedDuration = SignedDuration::from_hours(1);

impl ServerClock {
    /// The server said `server_time` in answer to what was sent at `asked`; the answer came at `answered`.
    pub fn hear(&mut self, asked: Instant, answered: Instant, server_time: Timestamp) {
        let round_trip = signed(answered.saturating_duration_since(asked));
        let keep = |best: Sample| {
            best.round_trip <= round_trip && signed(answered.saturating_duration_since(best.at)) < BELIEVED
        };
        if !self.best.is_some_and(keep) {
            let server_time = server_time.saturating_add(round_trip / 2).unwrap_or(server_time);
            self.best = Some(Sample { at: answered, server_time, round_trip });
        }
    }

    /// The server's time at `now`; `None` before the server has said any.
    pub fn at(&self, now: Instant) -> Option<Timestamp> {
        let best = self.best?;
        best.server_time.saturating_add(signed(now.saturating_duration_since(best.at))).ok()
    }
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_never_further_off_than_half_the_shortest_round_trip(
            trips in prop::collection::vec((0..2_000_u64, 0..2_000_u64, 1..60_000_u64), 1..20),
        ) {
            let start = Instant::now();
            let server = |at: Instant| {
                Timestamp::UNIX_EPOCH.saturating_add(signed(at.saturating_duration_since(start))).expect("in range")
            };
            let mut clock = ServerClock::default();
            let (mut now, mut shortest) = (start, u64::MAX);
            for (there, back, pause) in trips {
                now += Duration::from_millis(pause);
                let answered = now + Duration::from_millis(there + back);
                clock.hear(now, answered, server(now + Duration::from_millis(there)));
                shortest = shortest.min(there + back);
                now = answered;
            }
            let told = clock.at(now).expect("it was told");
            let off = told.duration_since(server(now)).abs();
            prop_assert!(off <= SignedDuration::from_millis(shortest as i64) / 2 + SignedDuration::from_micros(1));
        }
    }
}
