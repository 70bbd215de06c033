//! Random days in the life of the house: whatever its people, its authorities, its links and its disk do, what must
//! always hold holds.
//!
//! `HAZARDCAST_SIM_RUNS` says how many days; a day that fails names its seed, and `HAZARDCAST_SIM_SEED` repeats it.

mod checks;
mod day;
mod events;
mod ground;
mod messages;
mod people;

use std::sync::atomic::{AtomicU64, Ordering};

use day::Day;

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

fn live(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let day = || runtime.block_on(async { Day::begin(seed).await.live().await });
    if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(day)) {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        panic!("HAZARDCAST_SIM_SEED={seed} repeats the day that failed: {reason}");
    }
}

#[test]
fn whatever_happens_each_is_told_what_concerns_it_and_nothing_else() {
    if let Some(seed) = number("HAZARDCAST_SIM_SEED") {
        return live(seed);
    }
    let (next, days) = (AtomicU64::new(0), number("HAZARDCAST_SIM_RUNS").unwrap_or(40));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < days
                {
                    live(seed);
                }
            });
        }
    });
}
