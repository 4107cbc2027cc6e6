//! Waits that end early: for input, for a wake-up from another thread or a signal handler, for
//! work that may never end.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::outcome::Failure;

/// Wakes a waiting thread from any other: by a byte in a socket that is polled with other input.
/// Wakes it also when it is dropped, so that the end of a thread is noticed.
#[derive(Clone, Debug)]
pub(super) struct Waker(Arc<UnixStream>);

/// The other end.
#[derive(Debug)]
pub(super) struct Wakeups(UnixStream);

/// A waker, and what it wakes.
pub(super) fn waker() -> io::Result<(Waker, Wakeups)> {
    let (waker, wakeups) = UnixStream::pair()?;
    waker.set_nonblocking(true)?;
    wakeups.set_nonblocking(true)?;
    Ok((Waker(Arc::new(waker)), Wakeups(wakeups)))
}

impl Waker {
    /// Only writes to a socket, which a signal handler may do.
    pub(super) fn wake(&self) {
        // A full socket contains enough wake-ups already.
        let _ = (&*self.0).write(&[0]);
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.wake();
    }
}

impl Wakeups {
    /// The socket, whose bytes are wake-ups, for another way to wait.
    pub(super) fn into_stream(self) -> UnixStream {
        self.0
    }

    /// Waits for a wake-up or a signal, no longer than `most`.
    ///
    /// # Errors
    /// Those of poll(2).
    pub(super) fn pause(&self, most: Duration) -> io::Result<()> {
        self.wait(&self.0, most).map(drop)
    }

    /// Waits for `input`, a wake-up or a signal, no longer than `most`. Returns the events
    /// of `input`; `None` if nothing happened in time.
    ///
    /// # Errors
    /// Those of poll(2).
    pub(super) fn wait(&self, input: impl AsFd, most: Duration) -> io::Result<Option<PollFlags>> {
        let mut ready = [
            PollFd::new(&input, PollFlags::IN),
            PollFd::new(&self.0, PollFlags::IN),
        ];
        let most = Timespec::try_from(most).map_err(io::Error::other)?;
        let ready = match poll(&mut ready, Some(&most)) {
            Err(Errno::INTR) => Some(PollFlags::empty()),
            Err(error) => return Err(error.into()),
            Ok(0) => None,
            Ok(_) => {
                let [input, _] = ready.map(|ready| ready.revents());
                Some(input)
            }
        };
        let mut bytes = [0; 64];
        while matches!((&self.0).read(&mut bytes), Ok(read) if read > 0) {}
        Ok(ready)
    }
}

/// The result of work that may never end.
///
/// The work has a thread of its own, which is not joined: a system call that never returns cannot
/// be interrupted, but it does not keep the answer from being written, nor the process from
/// exiting, unless the kernel holds it in a wait that not even SIGKILL ends.
///
/// # Errors
/// When it did not end in time; the message ends with `reason`, which says what set the limit.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    reason: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    within_more(limit, reason, |_| work(), drop)
}

/// The same, of work that calls its argument to get more time, with the reason, which `report` gets.
///
/// # Errors
/// When it did not end in time.
pub(super) fn within_more<T: Send + 'static>(
    limit: Duration,
    reason: &str,
    work: impl FnOnce(&dyn Fn(Duration, String)) -> T + Send + 'static,
    mut report: impl FnMut(String),
) -> Result<T, Failure> {
    enum News<T> {
        More(Duration, String),
        Done(T),
    }
    let (done, wait) = channel();
    thread::Builder::new()
        .name("answer".to_owned())
        .spawn(move || {
            // Sending fails when the wait is over.
            let more = |time, text| drop(done.send(News::More(time, text)));
            let found = work(&more);
            drop(done.send(News::Done(found)));
        })
        .map_err(Failure::to("start a thread"))?;
    let begin = Instant::now();
    let mut limit = limit;
    loop {
        match wait.recv_timeout(limit.saturating_sub(begin.elapsed())) {
            Ok(News::Done(found)) => return Ok(found),
            Ok(News::More(time, text)) => {
                limit += time;
                report(text);
            }
            Err(RecvTimeoutError::Timeout) => {
                let limit = limit.as_secs_f64();
                return Err(Failure::Unfinished(format!(
                    "no answer within {limit} s{reason}"
                )));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = "its thread ended without an answer";
                return Err(Failure::Unfinished(ended.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Status;

    #[test]
    fn work_that_never_ends_is_not_waited_for() {
        let forever = || loop {
            thread::park();
        };
        let outcome: Result<(), Failure> =
            within(Duration::from_millis(1), " (--timeout)", forever);
        let failure = outcome.unwrap_err();
        assert_eq!(failure.to_string(), "no answer within 0.001 s (--timeout)");
        assert_eq!(failure.status(), Status::Failed);
    }

    #[test]
    fn work_that_ends_is_handed_on_as_soon_as_it_does() {
        let limit = Duration::from_secs(86_400);
        assert_eq!(within(limit, "", || 7).unwrap(), 7);
    }

    #[test]
    fn work_gets_the_time_that_it_requests_and_its_reason_is_reported() {
        let mut reasons = Vec::new();
        let work = |more: &dyn Fn(Duration, String)| {
            more(Duration::from_secs(86_400), "for a reason".to_owned());
            thread::sleep(Duration::from_millis(600));
            7
        };
        let found = within_more(Duration::from_millis(500), "", work, |reason| {
            reasons.push(reason)
        });
        assert_eq!(
            (found.unwrap(), reasons),
            (7, vec!["for a reason".to_owned()])
        );
    }
}
