//! The only place that spawns, so that every task and thread is counted, named and awaited.
//!
//! [`Tasks`] is handed to whoever runs something. A task may be *essential*: the server is broken without it, and if it
//! ends before [`Tasks::close`] was called, [`Tasks::failed`] resolves and the process stops. Any other task may end
//! when it likes. A panic is a bug; of an essential task it ends the server, of another (a link's) it is logged and
//! counted, and the alerts of everybody else go on.
//!
//! Nothing here stops a task: it ends because its inbox closed, or because it watches the stop token that it was given.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::Metrics;

/// Spawns tasks and threads, and knows those that run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Arc<Metrics>,
    tracker: TaskTracker,
    running: Mutex<Vec<(&'static str, usize)>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    failed: watch::Sender<Option<Failed>>,
    /// Where [`Tasks::spawn_behind`] runs what it is given.
    behind: OnceLock<Option<Runtime>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.behind.take() {
            // Nothing runs there any more: what does holds a handle.
            runtime.shutdown_background();
        }
    }
}

/// An essential task that is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It panicked: a bug.
    #[error("task {0} panicked")]
    Panicked(&'static str),
    /// It returned though the server was not stopping.
    #[error("task {0} ended by itself")]
    Ended(&'static str),
}

/// Tasks that still ran when the time for them was up: name and how many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("still running: {}", .0.iter().map(|(name, count)| format!("{name} ({count})")).collect::<Vec<_>>().join(", "))]
pub struct Unfinished(pub Vec<(&'static str, usize)>);

impl Tasks {
    /// No tasks yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner {
            metrics,
            tracker: TaskTracker::new(),
            running: Mutex::default(),
            threads: Mutex::default(),
            failed: watch::Sender::new(None),
            behind: OnceLock::new(),
        }))
    }

    /// Runs `future` on the current runtime. It may end when it likes.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.run(name, Essential::No, future)
    }

    /// Runs `future` on the current runtime. It must not end before [`Tasks::close`].
    pub fn spawn_essential<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.run(name, Essential::Yes, future)
    }

    /// Runs `future`, which computes much, behind all else: on threads of its own, so that what answers within
    /// milliseconds finds its own threads free. It may end when it likes.
    ///
    /// # Why
    ///
    /// A partner that registers ten million devices keeps every processor busy for minutes. An alert that comes
    /// meanwhile passes some ten tasks and threads, and in front of each it would wait for a turn of that.
    pub fn spawn_behind<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let Some(runtime) = self.0.behind.get_or_init(runtime_behind) else { return self.spawn(name, future) };
        let running = self.running(name, Essential::No);
        let future = async move {
            let _running = running;
            future.await
        };
        self.0.tracker.spawn_on(future, runtime.handle())
    }

    fn run<F>(&self, name: &'static str, essential: Essential, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let running = self.running(name, essential);
        self.0.tracker.spawn(async move {
            let _running = running;
            future.await
        })
    }

    /// Runs work that blocks, behind all else.
    pub fn spawn_blocking_behind<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let Some(runtime) = self.0.behind.get_or_init(runtime_behind) else { return self.spawn_blocking(name, work) };
        let running = self.running(name, Essential::No);
        let work = move || {
            let _running = running;
            work()
        };
        self.0.tracker.spawn_blocking_on(work, runtime.handle())
    }

    /// Runs work that blocks, on the runtime's pool for it.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let running = self.running(name, Essential::No);
        self.0.tracker.spawn_blocking(move || {
            let _running = running;
            work()
        })
    }

    /// Runs `work` on a thread of its own: the journal's writer, the store's, a planner. It is essential, and joined
    /// by [`Tasks::wait`]. Fails if the system has no thread left.
    pub fn thread(&self, name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), std::io::Error> {
        self.start(name, Essential::Yes, work)
    }

    /// The same for work that alerts and calls go before: when there is more to do than there are processors, it gets a
    /// smaller share. What it starts is behind too.
    pub fn thread_behind(
        &self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), std::io::Error> {
        self.start(name, Essential::Yes, || {
            step_behind();
            work();
        })
    }

    /// Runs work that blocks for long, behind all else, on a thread of its own. It may end when it likes; what it
    /// returns is received, or nothing if it panics.
    pub fn errand<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, std::io::Error> {
        let (done, result) = oneshot::channel();
        self.start(name, Essential::No, || {
            step_behind();
            // Nobody waits for it any more: then nobody needs it.
            let _ = done.send(work());
        })?;
        Ok(result)
    }

    fn start(
        &self,
        name: &'static str,
        essential: Essential,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), std::io::Error> {
        let running = self.running(name, essential);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            work();
        })?;
        self.0.threads.lock().push(thread);
        Ok(())
    }

    /// Resolves when an essential task has panicked, or has ended before [`Tasks::close`]; never otherwise.
    pub async fn failed(&self) -> Failed {
        let mut failed = self.0.failed.subscribe();
        let failure = failed.wait_for(Option::is_some).await.map(|failure| *failure);
        match failure {
            Ok(Some(failure)) => failure,
            // The sender is in `self`, so that the channel is open as long as this is asked.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// From now on tasks may end: the server stops.
    pub fn close(&self) {
        self.0.tracker.close();
    }

    /// Closes, then waits until every task and thread has ended, at most for `deadline`.
    pub async fn wait(&self, deadline: Duration) -> Result<(), Unfinished> {
        self.close();
        if tokio::time::timeout(deadline, self.0.tracker.wait()).await.is_err() {
            return Err(Unfinished(self.running_now()));
        }
        let threads = std::mem::take(&mut *self.0.threads.lock());
        for thread in threads {
            // Its token is gone, so that it is past its work; a panic was told when it came.
            drop(thread.join());
        }
        Ok(())
    }

    /// How many tasks and threads run, by name.
    pub fn running_now(&self) -> Vec<(&'static str, usize)> {
        self.0.running.lock().iter().copied().filter(|(_, count)| *count > 0).collect()
    }

    fn running(&self, name: &'static str, essential: Essential) -> Running {
        let mut running = self.0.running.lock();
        match running.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => running.push((name, 1)),
        }
        drop(running);
        self.0.metrics.tasks_running(name).inc();
        Running { name, essential, _token: self.0.tracker.token(), tasks: self.clone() }
    }
}

/// Threads for what computes much; none if the system has none left.
fn runtime_behind() -> Option<Runtime> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_name("behind").on_thread_start(step_behind).build();
    runtime.inspect_err(|error| tracing::warn!(%error, "there are no threads behind the others")).ok()
}

/// Lowers the calling thread's share of the processors: about a third of what others get, as long as they want it. A
/// system that does not let it has its reasons, and all works without.
fn step_behind() {
    const BEHIND: i32 = 5;
    let _ = rustix::process::nice(BEHIND);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Essential {
    Yes,
    No,
}

/// Lives as long as its task; says how it ended.
struct Running {
    name: &'static str,
    essential: Essential,
    _token: TaskTrackerToken,
    tasks: Tasks,
}

impl Drop for Running {
    fn drop(&mut self) {
        let stopping = self.tasks.0.tracker.is_closed();
        let failure = if thread::panicking() {
            Some(Failed::Panicked(self.name))
        } else if self.essential == Essential::Yes && !stopping {
            Some(Failed::Ended(self.name))
        } else {
            None
        };
        let metrics = &self.tasks.0.metrics;
        metrics.tasks_running(self.name).dec();
        if let Some((_, count)) = self.tasks.0.running.lock().iter_mut().find(|(known, _)| *known == self.name) {
            *count -= 1;
        }
        if let Some(failure) = failure {
            metrics.tasks_failed(self.name).inc();
            tracing::error!(task = self.name, %failure, "a task failed");
            if self.essential == Essential::Yes {
                self.tasks.0.failed.send_replace(Some(failure));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks() -> Tasks {
        Tasks::new(Arc::new(Metrics::new()))
    }

    #[tokio::test]
    async fn waiting_ends_when_every_task_and_thread_has() {
        let tasks = tasks();
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("link", async move { gate.await.is_ok() });
        tasks.thread("planner", || {}).expect("a thread can be had");
        tasks.close();
        go.send(()).expect("the task waits");
        assert_eq!(tasks.wait(Duration::from_mins(1)).await, Ok(()));
        assert!(tasks.running_now().iter().all(|(_, count)| *count == 0));
    }

    #[tokio::test]
    async fn an_essential_task_that_ends_is_told_and_another_is_not() {
        let tasks = tasks();
        drop(tasks.spawn("link", async {}).await);
        drop(tasks.spawn_essential("desk", async {}).await);
        assert_eq!(tasks.failed().await, Failed::Ended("desk"));
    }

    #[tokio::test]
    async fn what_runs_behind_runs_on_other_threads_and_is_waited_for() {
        let tasks = tasks();
        let own = thread::current().id();
        let (go, gate) = oneshot::channel::<()>();
        let behind = tasks.spawn_behind("batch", async move { (gate.await.is_ok(), thread::current().id()) });
        go.send(()).expect("it waits");
        let (came, there) = behind.await.expect("it does not panic");
        assert!(came && there != own);
        assert_eq!(tasks.wait(Duration::from_mins(1)).await, Ok(()));
    }

    /// The share that the calling thread has of the processors, as nice(1) counts.
    fn niceness() -> i32 {
        rustix::process::nice(0).expect("it can be asked")
    }

    #[tokio::test]
    async fn what_blocks_behind_gets_a_smaller_share_and_is_waited_for() {
        let tasks = tasks();
        let own = niceness();
        let behind = tasks.spawn_blocking_behind("zones", niceness).await.expect("it does not panic");
        assert!(behind > own || own == 19, "{behind} and {own}");
        assert_eq!(tasks.wait(Duration::from_mins(1)).await, Ok(()));
    }

    #[tokio::test]
    async fn an_errand_gives_back_what_it_returns_and_is_waited_for() {
        let tasks = tasks();
        assert_eq!(tasks.errand("load", || 7).expect("a thread can be had").await, Ok(7));
        let panics = tasks.errand("load", || panic!("a bug")).expect("a thread can be had");
        assert!(panics.await.is_err());
        assert_eq!(tasks.wait(Duration::from_mins(1)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_is_told_by_name() {
        let tasks = tasks();
        drop(tasks.spawn_essential("desk", async { panic!("a bug") }).await);
        assert_eq!(tasks.failed().await, Failed::Panicked("desk"));
    }
}
