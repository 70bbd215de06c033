//! Time and the process's end: the clocks that ask the system, and the stop in two steps.
//!
//! [`run`] drives the server until it is done. The first signal asks it to stop; a second one, or the end of the time
//! given for that, cuts it off. [`SystemClock`] and [`OffsetClock`] are the only readers of the system's time: all else
//! is given a [`Clock`] or an instant.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::domain::{Clock, SignedDuration, Timestamp};

/// The system's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that was set to an instant when it was made, and runs on from there at the pace of real time. It never goes
/// back, whatever happens to the system's time.
#[derive(Debug, Clone, Copy)]
pub struct OffsetClock {
    start: Timestamp,
    made: Instant,
}

impl OffsetClock {
    /// A clock that begins at `start`, now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, made: Instant::now() }
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.made.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

/// SIGINT and SIGTERM, which ask the process to stop.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// From now on the signals are caught. Needs a runtime with I/O.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// SIGHUP, which asks for what changes outside the process to be read again: its certificates.
#[derive(Debug)]
pub struct HangUps(Signal);

impl HangUps {
    /// From now on the signal is caught. Needs a runtime with I/O.
    pub fn catch() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// How [`run`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// The server ended, by itself or since it was asked to.
    Finished(T),
    /// It was asked to stop, and asked again before it had.
    CutBySignal,
    /// It was asked to stop, and had not when the time for it was up.
    CutByDeadline,
}

/// Runs `server`, which is to end soon after the token that it is given is cancelled.
///
/// `next_signal` waits for a signal ([`StopSignals::next`]); it is called again after each, and may be dropped while it
/// waits. The token is cancelled at the first; `server` is dropped at the second, or `stop_within` after the first.
/// What it spawned is not touched: after a cut the process is to exit.
pub async fn run<F: Future>(
    server: impl FnOnce(CancellationToken) -> F,
    mut next_signal: impl AsyncFnMut(),
    stop_within: Duration,
) -> Ended<F::Output> {
    let stop = CancellationToken::new();
    let mut server = std::pin::pin!(server(stop.clone()));
    tokio::select! {
        biased;
        output = &mut server => return Ended::Finished(output),
        () = next_signal() => {}
    }
    tracing::info!(within_seconds = stop_within.as_secs(), "stopping; a second signal stops at once");
    stop.cancel();
    // The server first: if it has ended, it was not cut off.
    tokio::select! {
        biased;
        output = &mut server => Ended::Finished(output),
        () = next_signal() => Ended::CutBySignal,
        () = tokio::time::sleep(stop_within) => Ended::CutByDeadline,
    }
}

/// Lets the process have as many open files, links included, as the system allows it at most. Gives that number, or
/// `None` if there is no bound.
pub fn raise_open_files() -> std::io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(limit.maximum)
}

/// Keeps what the process knows inside it: a crash leaves no core, and no other process of the same account can read
/// its memory.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use rustix::process::{getpid, kill_process};

    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    /// Signals that have come already, so many of them.
    fn signals(mut left: u32) -> impl AsyncFnMut() {
        async move || {
            if left == 0 {
                pending::<()>().await;
            }
            left -= 1;
        }
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_is_finished() {
        assert_eq!(run(|_| ready(7), signals(0), NEVER).await, Ended::Finished(7));
    }

    #[tokio::test]
    async fn the_first_signal_asks_and_the_server_ends_in_its_own_time() {
        let server = async |stop: CancellationToken| {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            "drained"
        };
        assert_eq!(run(server, signals(1), NEVER).await, Ended::Finished("drained"));
    }

    #[tokio::test]
    async fn a_second_signal_or_the_deadline_cuts_off() {
        assert_eq!(run(|_| pending::<()>(), signals(2), NEVER).await, Ended::CutBySignal);
        assert_eq!(run(|_| pending::<()>(), signals(1), Duration::ZERO).await, Ended::CutByDeadline);
    }

    #[tokio::test]
    async fn sigterm_and_sigint_are_caught() {
        let mut signals = StopSignals::catch().expect("signals can be caught");
        for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
            kill_process(getpid(), signal).expect("sent");
            signals.next().await;
        }
    }

    #[test]
    fn an_offset_clock_begins_at_its_start_and_never_goes_back() {
        let start: Timestamp = "2024-10-25T15:10:00Z".parse().expect("an instant");
        let clock = OffsetClock::starting_at(start);
        let first = clock.now();
        assert!(first >= start && clock.now() >= first);
        assert_eq!(OffsetClock::starting_at(Timestamp::MAX).now(), Timestamp::MAX);
    }

    /// The test's own process is what is hardened: of no harm to the other tests.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_hardened_process_leaves_no_core_and_cannot_be_looked_into() {
        harden().expect("hardened");
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        let dumpable = rustix::process::dumpable_behavior().expect("asked");
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
    }

    #[test]
    fn the_bound_of_open_files_is_raised_to_what_the_system_allows() {
        let allowed = raise_open_files().expect("raised");
        assert_eq!(getrlimit(Resource::Nofile).current, allowed);
    }
}
