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

/// Names the seed if its day does not end well.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "a day that fails says how it is lived again")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the day failed: HAZARDCAST_SIM_SEED={} repeats it", self.0);
        }
    }
}

fn live(seed: u64) {
    let _seed = Seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async { Day::begin(seed).await.live().await });
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
