//! Work that may never end, with an end to the wait for it.
//!
//! The work has a thread of its own, and nobody joins it: a system call that never returns cannot
//! be interrupted, but it does not keep the answer from being written, nor the process from
//! exiting, unless the kernel holds it in a wait that not even SIGKILL ends.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::command::outcome::Failure;

/// What `work` came to.
///
/// # Errors
/// When it did not end in time.
pub(in crate::command) fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (done, wait) = sync_channel(1);
    thread::Builder::new()
        .name("check".to_owned())
        // Nobody waits any more where this fails.
        .spawn(move || drop(done.send(work())))
        .map_err(Failure::to("start a thread"))?;
    wait.recv_timeout(timeout).map_err(|error| {
        Failure::Unfinished(match error {
            RecvTimeoutError::Timeout => {
                format!("no answer within {} s (--timeout)", timeout.as_secs_f64())
            }
            RecvTimeoutError::Disconnected => "the check ended without an answer".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_never_ends_is_not_waited_for() {
        let forever = || loop {
            thread::park();
        };
        let outcome: Result<(), Failure> = within(Duration::from_millis(1), forever);
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "no answer within 0.001 s (--timeout)"
        );
    }

    #[test]
    fn work_that_ends_is_handed_on_as_soon_as_it_does() {
        assert_eq!(within(Duration::from_secs(86_400), || 7).unwrap(), 7);
    }
}
