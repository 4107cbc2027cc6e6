//! What a connection is doing, and how long it may: a pure state machine; the caller passes the time.
//!
//! hyper has one timer for heads and for idle connections. Here each has its own, because a scraper keeps
//! its connection open between two scrapes, and half a request must not keep one open for as long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a head may take: from its first byte, or from the start of the connection.
const HEAD: Duration = Duration::from_secs(5);

/// How long a client may take to receive its answer.
const WRITE: Duration = Duration::from_secs(10);

/// How long a connection may wait for its next request: longer than the usual intervals of scrapes.
const IDLE: Duration = Duration::from_secs(6 * 60);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Sending a head.
    Head,
    /// Waiting for its answer.
    Waiting,
    /// Receiving its answer.
    Taking,
    /// Nothing, between two requests.
    Idle,
    /// To be closed.
    Over,
}

#[derive(Debug)]
struct State {
    doing: Doing,
    since: Instant,
    /// Whether the client sent more before it had received its answer.
    has_more: bool,
    /// Whether the connection ends with its answer.
    ends: bool,
}

impl State {
    fn enter(&mut self, doing: Doing, now: Instant) {
        self.doing = doing;
        self.since = now;
    }
}

/// What a connection is doing; shared with the server, which closes connections to make room.
#[derive(Clone, Debug)]
pub struct Phases(Arc<Mutex<State>>);

impl Phases {
    /// A new connection.
    pub fn new(now: Instant) -> Phases {
        Phases(Arc::new(Mutex::new(State {
            doing: Doing::Head,
            since: now,
            has_more: false,
            ends: false,
        })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Nothing panics while it has the lock.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it is doing, and since when.
    pub fn now(&self) -> (Doing, Instant) {
        self.with(|state| (state.doing, state.since))
    }

    /// Lets it end with the answer that it is waiting for or receiving.
    pub fn end_with_answer(&self) {
        self.with(|state| state.ends = true);
    }

    /// Whether it ends with its answer.
    pub(super) fn ends(&self) -> bool {
        self.with(|state| state.ends)
    }

    /// Bytes were received.
    pub(super) fn received(&self, now: Instant) {
        self.with(|state| match state.doing {
            Doing::Idle => state.enter(Doing::Head, now),
            Doing::Waiting | Doing::Taking => state.has_more = true,
            Doing::Head | Doing::Over => {}
        });
    }

    /// A whole head was received. Returns whether it was sent before the answer to the one before was
    /// received.
    pub(super) fn requested(&self, now: Instant) -> bool {
        self.with(|state| {
            // Nothing was received since the answer.
            let came_with_another = matches!(state.doing, Doing::Taking | Doing::Idle);
            let is_early = state.has_more || came_with_another;
            state.has_more = false;
            state.enter(Doing::Waiting, now);
            is_early
        })
    }

    /// The answer is there.
    pub(super) fn answered(&self, now: Instant) {
        self.with(|state| state.enter(Doing::Taking, now));
    }

    /// Everything was written.
    pub(super) fn flushed(&self, now: Instant) {
        self.with(|state| match (state.doing, state.ends, state.has_more) {
            (Doing::Taking, true, _) => state.enter(Doing::Over, now),
            (Doing::Taking, false, true) => state.enter(Doing::Head, now),
            (Doing::Taking, false, false) => state.enter(Doing::Idle, now),
            (Doing::Head | Doing::Waiting | Doing::Idle | Doing::Over, ..) => {}
        });
    }

    /// Until when it may do this; `None` while it waits for its answer, which has a limit of its own.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (doing, since) = self.now();
        match doing {
            Doing::Head => Some(since + HEAD),
            Doing::Taking => Some(since + WRITE),
            Doing::Idle => Some(since + IDLE),
            Doing::Over => Some(since),
            Doing::Waiting => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_5_seconds_from_its_first_byte_and_idleness_6_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let phases = Phases::new(start);
        assert_eq!(phases.deadline(), Some(at(5)));
        phases.received(at(4));
        assert_eq!(
            phases.deadline(),
            Some(at(5)),
            "a byte now and then is no head"
        );
        phases.requested(at(4));
        assert_eq!(phases.deadline(), None);
        phases.flushed(at(5));
        assert_eq!(phases.now().0, Doing::Waiting);
        phases.answered(at(6));
        assert_eq!(phases.deadline(), Some(at(16)));
        phases.flushed(at(7));
        assert_eq!(phases.now(), (Doing::Idle, at(7)));
        assert_eq!(phases.deadline(), Some(at(7 + 360)));
        phases.received(at(100));
        assert_eq!(phases.deadline(), Some(at(105)));
    }

    #[test]
    fn half_a_head_that_came_before_the_answer_was_taken_is_no_idleness() {
        let start = Instant::now();
        let phases = Phases::new(start);
        phases.requested(start);
        phases.received(start);
        phases.answered(start);
        phases.flushed(start);
        assert_eq!(phases.now().0, Doing::Head);
    }

    #[test]
    fn a_request_is_early_that_was_sent_before_the_answer_to_the_one_before_was_received() {
        let start = Instant::now();
        // Both at once.
        let phases = Phases::new(start);
        assert!(!phases.requested(start));
        phases.answered(start);
        phases.flushed(start);
        assert!(phases.requested(start));
        // The second one while the first one waits.
        let phases = Phases::new(start);
        phases.requested(start);
        phases.received(start);
        phases.answered(start);
        phases.flushed(start);
        assert!(phases.requested(start));
        // One after the other.
        let phases = Phases::new(start);
        for _ in 0..3 {
            phases.received(start);
            assert!(!phases.requested(start));
            phases.answered(start);
            phases.flushed(start);
        }
    }

    #[test]
    fn a_connection_that_is_to_end_takes_its_answer_first() {
        let start = Instant::now();
        let phases = Phases::new(start);
        phases.requested(start);
        phases.end_with_answer();
        phases.answered(start);
        assert_eq!(phases.deadline(), Some(start + WRITE));
        phases.flushed(start);
        assert_eq!(
            (phases.now().0, phases.deadline()),
            (Doing::Over, Some(start))
        );
    }
}
