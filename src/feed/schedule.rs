//! When a feed is asked again.

use std::time::Duration;

/// The longest that a feed which fails is left alone, if it is asked more often when it does not: alerts wait.
const LONGEST: Duration = Duration::from_mins(5);

/// The longest that a source is believed which asks to be left alone.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// How much earlier or later than its time a feed is asked, so that not all servers ask at once.
const JITTER: f64 = 0.1;

/// How long until a feed is asked again that is asked every `interval`, after it failed so often in a row; `asked` is
/// how long it asked to be left alone. `chance` is from 0 to 1.
pub fn next(interval: Duration, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let most = LONGEST.max(interval);
    let wait = interval.saturating_mul(1 << failures.min(12)).min(most);
    let wait = wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance);
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// How long until a stream is opened again that ended so often before anything came: at once after the first time, then
/// later and later, up to a minute.
pub fn reconnect(failures: u32, chance: f64) -> Duration {
    let most = Duration::from_secs(1 << failures.min(6)).min(Duration::from_mins(1));
    most.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_nine_tenths_of_the_interval_or_longer_than_its_bounds(
            seconds in 1_u64..3_600, failures in any::<u32>(), asked in proptest::option::of(any::<u32>()),
            chance in 0.0..=1.0_f64,
        ) {
            let interval = Duration::from_secs(seconds);
            let asked = asked.map(|asked| Duration::from_secs(asked.into()));
            let wait = next(interval, failures, asked, chance);
            prop_assert!(wait >= interval.mul_f64(0.899));
            prop_assert!(wait >= asked.unwrap_or_default().min(LONGEST_ASKED));
            let most = LONGEST.max(interval).mul_f64(1.101).max(LONGEST_ASKED);
            prop_assert!(wait <= most, "{wait:?}");
            prop_assert!(reconnect(failures, chance) <= Duration::from_mins(1));
            prop_assert!(reconnect(failures, chance) >= Duration::from_millis(500));
        }

        #[test]
        fn more_failures_never_make_it_ask_sooner(
            seconds in 1_u64..3_600, failures in 0_u32..40, chance in 0.0..=1.0_f64,
        ) {
            let interval = Duration::from_secs(seconds);
            prop_assert!(next(interval, failures, None, chance) <= next(interval, failures + 1, None, chance));
        }
    }
}
