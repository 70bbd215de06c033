//! How long something takes.

use std::time::{Duration, Instant};

/// What is measured how often.
pub(super) struct Stopwatch {
    /// Rounds, of which the best counts.
    pub(super) rounds: usize,
    /// What is shorter than this is repeated until it is not, so that the clock's own steps do not show.
    pub(super) shortest: Duration,
}

impl Stopwatch {
    pub(super) fn new(smoke: bool) -> Self {
        let rounds = if smoke { 1 } else { 25 };
        Self { rounds, shortest: if smoke { Duration::ZERO } else { Duration::from_millis(5) } }
    }

    /// What one run takes, on average of as many as are needed.
    pub(super) fn time(&self, mut run: impl FnMut()) -> Duration {
        let start = Instant::now();
        let mut runs = 0;
        loop {
            run();
            runs += 1;
            let took = start.elapsed();
            if took >= self.shortest {
                return took / runs;
            }
        }
    }
}

pub(super) fn best(of: &mut Duration, time: Duration) {
    *of = time.min(*of);
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
