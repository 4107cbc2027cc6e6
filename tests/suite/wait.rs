//! Waiting for a condition or a thread, always with a deadline, and work repeated in a thread.
//!
//! Must not know what is waited for; children are waited for in `child`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than anything takes, even on a busy machine; reached only on failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The time between two evaluations of a condition.
const PAUSE: Duration = Duration::from_millis(1);

/// Evaluates `condition` until it returns a value; `None` after [`DEADLINE`].
pub(crate) fn poll<T>(condition: impl FnMut() -> Option<T>) -> Option<T> {
    poll_within(DEADLINE, condition)
}

/// The same with another deadline.
pub(crate) fn poll_within<T>(
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = condition();
        if found.is_some() || start.elapsed() >= limit {
            return found;
        }
        thread::sleep(PAUSE);
    }
}

/// Waits until `condition` returns a value.
///
/// # Panics
/// After [`DEADLINE`]; `what` says in the message what did not happen.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    poll(condition).unwrap_or_else(|| panic!("waited {DEADLINE:?} in vain for {what}"))
}

/// The result of a thread, whose panic is passed on.
///
/// # Panics
/// Where the thread has not ended after [`DEADLINE`].
#[track_caller]
pub(crate) fn join<T>(what: &str, thread: JoinHandle<T>) -> T {
    wait_for(what, || thread.is_finished().then_some(()));
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Work that a thread repeats until the drop.
#[derive(Debug)]
pub(crate) struct Repeated {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Repeated {
    pub(crate) fn start(mut work: impl FnMut() + Send + 'static) -> Repeated {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let repeat = move || {
            let mut rounds = 0;
            while !stopped.load(Ordering::Relaxed) {
                work();
                rounds += 1;
            }
            rounds
        };
        Repeated {
            stop,
            thread: Some(thread::spawn(repeat)),
        }
    }

    /// Ends it; the number of rounds.
    #[track_caller]
    pub(crate) fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it runs until here");
        join("the end of repeated work", thread)
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            join("the end of repeated work", thread);
        }
    }
}
