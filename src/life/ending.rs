//! One connection while it lives: what is remembered of it, and what its end comes to.

use std::time::Duration;

use super::verdict::{has_only_data, of_first_closer, of_second_closer};
use crate::model::trace::{
    Acknowledged, Close, Connection, Counters, Event, FirstClose, Opened, Reset, ResetReason,
    Shape, Side, Task,
};
use crate::model::{InetEnds, State};

/// errno(3): the peer did not answer in time.
const ETIMEDOUT: u32 = 110;

/// What is known of a connection.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The state it is in, as the kernel says.
    pub(super) state: State,
    /// Since when; `None` where that was not seen.
    pub(super) since_ns: Option<u64>,
    pub(super) opened: Opened,
    opened_by: Option<Task>,
    opened_ns: Option<u64>,
    states: Vec<(State, Option<Duration>)>,
    first: FirstClose,
    verdict: Option<(Shape, Acknowledged)>,
    /// As the present state of the close was entered.
    then: Counters,
    /// Whether the segment that acknowledged this end's FIN had data.
    acknowledged_by_data: bool,
    /// Segments sent again since this end's FIN.
    retransmits: u32,
    fin_sent: bool,
    reset: Option<Reset>,
    closed_by: Option<Task>,
    steps: Vec<(u64, State)>,
    inode: u64,
    /// A digest of its place, if that is known.
    pub(super) place: Option<u64>,
}

impl Life {
    /// A connection in `state`, of which no more is known.
    pub(super) fn before(state: State) -> Life {
        Life {
            state,
            since_ns: None,
            opened: Opened::Before,
            opened_by: None,
            opened_ns: None,
            states: Vec::new(),
            first: FirstClose::Nobody,
            verdict: None,
            then: Counters::default(),
            acknowledged_by_data: false,
            retransmits: 0,
            fin_sent: false,
            reset: None,
            closed_by: None,
            steps: Vec::new(),
            inode: 0,
            place: None,
        }
    }

    /// A connection that `side` opens now.
    pub(super) fn opened(side: Side, by: Option<Task>, event: &Event) -> Life {
        Life {
            opened: Opened::By(side),
            opened_by: by,
            opened_ns: Some(event.time_ns),
            ..Life::before(State::Close)
        }
    }

    /// Whether it is one: listeners, and sockets that are nothing else, are not.
    pub(super) fn is_connection(&self) -> bool {
        self.state != State::Listen
    }

    /// Whether no reset explains its end.
    pub(super) fn is_unexplained(&self) -> bool {
        self.reset.is_none()
    }

    /// Takes a change of state that is none to the end; returns how long the state before lasted.
    pub(super) fn enter(&mut self, to: State, by: Option<Task>, event: &Event) -> Option<Duration> {
        let after = self.lasted(event);
        if event.inode != 0 {
            self.inode = event.inode;
        }
        match (self.state, to) {
            (_, State::FinWait1) => {
                self.fin_sent = true;
                self.first = FirstClose::By(Side::Local);
                self.closed_by = by;
            }
            (_, State::CloseWait) => self.first = FirstClose::By(Side::Remote),
            (_, State::FinWait2) => {
                self.acknowledged_by_data = has_only_data(&self.then, &event.counters);
            }
            (_, State::Closing) => {
                self.first = FirstClose::Both;
                self.verdict = Some((Shape::Crossed, Acknowledged::Alone));
            }
            (_, State::LastAck) => {
                self.fin_sent = true;
                self.closed_by = by;
                self.verdict = Some(of_second_closer(&self.then, &event.counters));
            }
            _ => {}
        }
        if self.first != FirstClose::Nobody {
            self.steps.push((event.time_ns, to));
            self.then = event.counters;
        }
        self.state = to;
        self.since_ns = Some(event.time_ns);
        after
    }

    /// How long the present state has lasted, which is remembered.
    fn lasted(&mut self, event: &Event) -> Option<Duration> {
        let lasted = self
            .since_ns
            .and_then(|since| event.time_ns.checked_sub(since))
            .map(Duration::from_nanos);
        // A new socket's CLOSE is no state of the connection.
        if self.state != State::Close {
            self.states.push((self.state, lasted));
        }
        lasted
    }

    /// A reset was sent, by the call of a process where its reason is such a call.
    pub(super) fn reset_sent(&mut self, reason: Option<ResetReason>, task: Task) {
        let by = Side::Local;
        if self.reset.is_none() && reason.is_some_and(ResetReason::is_a_call) {
            self.closed_by = self.closed_by.or(Some(task));
        }
        self.reset = self.reset.or(Some(Reset { by, reason }));
    }

    pub(super) fn reset_received(&mut self) {
        let (by, reason) = (Side::Remote, None);
        self.reset = self.reset.or(Some(Reset { by, reason }));
    }

    pub(super) fn retransmitted(&mut self) {
        self.retransmits += u32::from(self.fin_sent);
    }

    /// What the kernel was to keep when it let go of a socket in the present state: a minisocket in
    /// TIME_WAIT where the peer's FIN has come, in FIN_WAIT2 where it is awaited, or nothing.
    pub(super) fn parked(&self, event: &Event, error: u32) -> Option<State> {
        if self.reset.is_some() || error != 0 {
            return None;
        }
        match (self.state, event.fin_received) {
            (State::FinWait2, true) | (State::Closing, _) => Some(State::TimeWait),
            (State::FinWait2, false) => Some(State::FinWait2),
            _ => None,
        }
    }

    /// Takes the end of the socket; returns how long the last state lasted.
    pub(super) fn end(&mut self, error: u32, event: &Event) -> (Option<Duration>, Option<State>) {
        let parked = self.parked(event, error);
        let after = self.lasted(event);
        if self.state == State::FinWait2 && error == 0 && self.reset.is_none() {
            let mut verdict = of_first_closer(&self.then, &event.counters, event.fin_received);
            if self.acknowledged_by_data && verdict.1 == Acknowledged::Alone {
                verdict.1 = Acknowledged::WithData;
            }
            self.verdict = Some(verdict);
        }
        if self.first != FirstClose::Nobody {
            let state = parked.unwrap_or(State::Close);
            self.steps.push((event.time_ns, state));
        }
        (after, parked)
    }

    /// The whole connection, after its end.
    pub(super) fn into_connection(
        self,
        ends: InetEnds,
        event: &Event,
        error: u32,
        parked: Option<State>,
    ) -> Connection {
        let verdict = self.verdict;
        let shape = match verdict {
            _ if self.reset.is_some() => Shape::Reset,
            _ if error == ETIMEDOUT => Shape::Timeout,
            Some((shape, _)) => shape,
            None => Shape::Unknown,
        };
        let mut counters = event.counters;
        counters.bytes_received = counters
            .bytes_received
            .saturating_sub(event.fin_received.into());
        Connection {
            cookie: event.cookie,
            netns: event.netns,
            ends,
            opened: self.opened,
            opened_by: self.opened_by,
            opened_ns: self.opened_ns,
            ended_ns: event.time_ns,
            states: self.states,
            closed_by: self.closed_by,
            close: Some(Close {
                shape,
                first: self.first,
                acknowledged: verdict
                    .filter(|(shape, _)| *shape != Shape::Crossed)
                    .map(|(_, how)| how),
                parked,
                retransmits: self.retransmits,
                reset: self.reset,
                steps: self.steps,
            }),
            error: Some(error).filter(|error| *error != 0),
            inode: self.inode,
            uid: event.uid,
            counters,
        }
    }
}
