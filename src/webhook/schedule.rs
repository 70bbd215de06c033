//! When what failed is tried again: ever later, over about three days, and not at the same moment as others.

use std::time::Duration;

/// How long after each failure in a row, in units of the first: of 5 seconds they are the example of Standard Webhooks
/// ("Deliverability and reliability"), and come to 75 hours.
const STEPS: [u32; 9] = [1, 60, 360, 1_440, 3_600, 7_200, 10_080, 14_400, 17_280];

/// How much earlier or later, at most.
const JITTER: f64 = 0.2;

/// The longest that a receiver may ask to be left alone.
pub const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// How long to wait after so many failures in a row, the first being 1; `None`: no more. `chance` is between 0 and 1.
/// A receiver may have `asked` for longer.
pub fn wait(failures: u32, first: Duration, asked: Option<Duration>, chance: f64) -> Option<Duration> {
    let step = STEPS.get(failures.saturating_sub(1) as usize)?;
    let spread = 1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
    let wait = first.saturating_mul(*step).mul_f64(spread);
    Some(wait.max(asked.unwrap_or_default().min(LONGEST_ASKED)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Duration = Duration::from_secs(5);

    #[test]
    fn a_failure_is_tried_again_for_three_days_and_then_no_more() {
        let waits: Vec<Duration> = (1..).map_while(|failures| wait(failures, FIRST, None, 0.5)).collect();
        assert_eq!(waits[..3], [FIRST, Duration::from_mins(5), Duration::from_mins(30)]);
        assert_eq!(waits.iter().sum::<Duration>().as_secs() / 3_600, 75);
    }

    proptest! {
        #[test]
        fn each_wait_is_longer_than_the_one_before_and_as_long_as_was_asked(
            failures in 1_u32..9,
            one in 0.0..=1.0,
            other in 0.0..=1.0,
            asked in 0_u64..200_000,
        ) {
            let after = |failures, chance| wait(failures, FIRST, None, chance).expect("it is tried again");
            prop_assert!(after(failures, one) < after(failures + 1, one));
            let spread = after(failures, 0.5).mul_f64(2.0 * JITTER + 1e-9);
            prop_assert!(after(failures, one).abs_diff(after(failures, other)) <= spread);
            let asked = Duration::from_secs(asked);
            let waited = wait(failures, FIRST, Some(asked), one).expect("it is tried again");
            prop_assert!(waited >= asked.min(LONGEST_ASKED) && waited >= after(failures, one));
            prop_assert!(waited <= LONGEST_ASKED.mul_f64(1.0 + JITTER));
        }
    }
}
